//! The canonical text of a document: one line for each field of the document, node, wire and planned fault, so that a
//! comparison of two versions reads as a list of what changed.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

use super::document::Document;

/// The text, with a line break at its end.
pub(super) fn write(document: &Document) -> String {
    let mut bytes = Vec::with_capacity(4096);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Lines::default());
    // Writing into memory does not fail, and a document has no keys but texts.
    let written = document.serialize(&mut serializer);
    debug_assert!(written.is_ok(), "{written:?}");
    bytes.push(b'\n');
    String::from_utf8(bytes).unwrap_or_default()
}

/// Breaks lines between the fields of the outermost object and between the items of their lists; not further inside.
#[derive(Default)]
struct Lines {
    depth: usize,
    has_items: bool,
}

/// Lines are broken inside this many brackets.
const DEPTH_MAX: usize = 2;

impl Lines {
    fn open<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.has_items = false;
        writer.write_all(bracket)
    }

    fn close<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.has_items && self.depth < DEPTH_MAX {
            self.break_line(writer)?;
        }
        self.has_items = true;
        writer.write_all(bracket)
    }

    fn item<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if self.depth <= DEPTH_MAX {
            self.break_line(writer)
        } else if first {
            Ok(())
        } else {
            writer.write_all(b" ")
        }
    }

    fn break_line<W: ?Sized + io::Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.item(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.has_items = true;
        Ok(())
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
