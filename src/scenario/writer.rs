//! The canonical text of a document: one line for each field of the document, node, wire and planned fault, so that a
//! comparison of two versions reads as a list of what changed.

use std::collections::BTreeMap;

use serde_json::{Number, Value as Json};

use crate::vocabulary::json;

use super::document::{exact, Document, Node, PlannedFault, Wire};

/// The text, with a line break at its end.
pub(super) fn write(document: &Document) -> String {
    let mut whole = Object::new("\n  ");
    whole.field("patchbay", document.patchbay);
    whole.field("title", &*document.title);
    whole.text_unless_empty("about", &document.about);
    whole.text_unless_empty("watch", &document.watch);
    whole.field("seed", document.seed);
    whole.field("until", document.until.to_string());
    whole.list("nodes", document.nodes.iter().map(node).collect());
    whole.list("wires", document.wires.iter().map(wire).collect());
    if !document.faults.is_empty() {
        whole.list("faults", document.faults.iter().map(fault).collect());
    }
    if document.next_id > 0 {
        whole.field("next_id", document.next_id);
    }
    format!("{}\n}}\n", whole.text)
}

fn node(node: &Node) -> Object {
    let mut object = Object::new(" ");
    object.field("id", &*node.id);
    object.field("kind", &*node.kind);
    object.text_unless_empty("name", &node.name);
    if let Some(host) = &node.host {
        object.field("in", &**host);
    }
    // Whole numbers as a person writes them: `[120, 250]`, not `[120.0, 250.0]`.
    let at = if exact(node.at.0) && exact(node.at.1) {
        [node.at.0 as i64, node.at.1 as i64].map(Json::from)
    } else {
        [node.at.0, node.at.1].map(|number| Number::from_f64(number).map_or(Json::Null, Json::Number))
    };
    object.field("at", at.to_vec());
    object.params(&node.params);
    object
}

fn wire(wire: &Wire) -> Object {
    let mut object = Object::new(" ");
    object.text_unless_empty("id", &wire.id);
    object.field("from", &*wire.from);
    object.field("to", &*wire.to);
    object.params(&wire.params);
    object
}

fn fault(fault: &PlannedFault) -> Object {
    let mut object = Object::new(" ");
    object.field("at", fault.at.to_string());
    object.field("do", fault.what.name());
    object.field("to", &*fault.to);
    if let Some(lasting) = fault.lasting {
        object.field("for", lasting.to_string());
    }
    if let Some(percent) = fault.percent {
        object.field("percent", percent);
    }
    if let Some(command) = &fault.command {
        object.field("command", &**command);
    }
    object
}

/// The text of an object that is not closed yet.
struct Object {
    text: String,
    /// What stands between fields; in front of the first, too, if it breaks the line.
    gap: &'static str,
}

impl Object {
    fn new(gap: &'static str) -> Object {
        Object { text: "{".to_string(), gap }
    }

    /// Begins a field.
    fn name(&mut self, name: &str) {
        let is_first = self.text.len() == 1;
        if !is_first {
            self.text.push(',');
        }
        if !is_first || self.gap != " " {
            self.text.push_str(self.gap);
        }
        json::quote(name, &mut self.text);
        self.text.push_str(": ");
    }

    fn field(&mut self, name: &str, value: impl Into<Json>) {
        self.name(name);
        json::write(&value.into(), " ", &mut self.text);
    }

    fn text_unless_empty(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.field(name, text);
        }
    }

    fn params(&mut self, params: &BTreeMap<String, Json>) {
        if !params.is_empty() {
            self.name("params");
            json::write_object(&mut params.iter(), " ", &mut self.text);
        }
    }

    /// Objects, one in a line.
    fn list(&mut self, name: &str, items: Vec<Object>) {
        self.name(name);
        self.text.push('[');
        for (index, item) in items.iter().enumerate() {
            self.text.push_str(if index == 0 { "\n    " } else { ",\n    " });
            self.text.push_str(&item.text);
            self.text.push('}');
        }
        self.text.push_str(if items.is_empty() { "]" } else { "\n  ]" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::{Node, Wire};

    #[test]
    fn a_document_is_written_one_part_per_line() {
        let node = Node { id: "a".into(), kind: "producer".into(), at: (120.0, 80.5), ..Node::default() };
        let mut other = Node { id: "b".into(), kind: "queue".into(), at: (3.0, 4.0), ..Node::default() };
        other.params.insert("durable".into(), true.into());
        let wire = Wire { id: "w".into(), from: "a".into(), to: "b".into(), ..Wire::default() };
        let document =
            Document { title: "T".into(), nodes: vec![node, other], wires: vec![wire], ..Document::default() };
        let expected = r#"{
  "patchbay": 1,
  "title": "T",
  "seed": 1,
  "until": "1m",
  "nodes": [
    {"id": "a", "kind": "producer", "at": [120.0, 80.5]},
    {"id": "b", "kind": "queue", "at": [3, 4], "params": {"durable": true}}
  ],
  "wires": [
    {"id": "w", "from": "a", "to": "b"}
  ]
}
"#;
        assert_eq!(write(&document), expected);
    }

    #[test]
    fn an_empty_document_has_empty_lists() {
        assert!(write(&Document::default()).ends_with("  \"nodes\": [],\n  \"wires\": []\n}\n"));
    }
}
