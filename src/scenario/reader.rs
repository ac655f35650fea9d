//! From JSON to a document: every field by hand, so that a mistake has its place. Reading with derived code does the same
//! in twenty times as much of it; the tests hold the two against each other.

use serde_json::{Map, Value as Json};

use crate::vocabulary::json::to_text;
use crate::vocabulary::Duration;

use super::document::{Document, FaultKind, Node, PlannedFault, Wire};
use super::problem::nearest;

/// A field that is wrong.
pub(super) struct WrongField {
    /// Its place: `nodes[3].kind`; empty for the whole document.
    pub(super) place: String,
    /// What is wrong with it.
    pub(super) message: String,
}

type Read<T> = Result<T, WrongField>;

/// Reads a document.
pub(super) fn document(json: Json) -> Read<Document> {
    const NAMES: &[&str] =
        &["patchbay", "title", "about", "watch", "seed", "until", "nodes", "wires", "faults", "next_id"];
    let mut fields = Fields::new(json, String::new(), NAMES)?;
    let default = Document::default();
    Ok(Document {
        patchbay: fields.whole("patchbay", u32::MAX.into())?.map_or_else(|| fields.missing("patchbay"), Ok)? as u32,
        title: fields.text("title")?.unwrap_or_default(),
        about: fields.text("about")?.unwrap_or_default(),
        watch: fields.text("watch")?.unwrap_or_default(),
        seed: fields.whole("seed", u64::MAX)?.unwrap_or(default.seed),
        until: fields.span("until")?.unwrap_or(default.until),
        nodes: fields.list("nodes")?.into_iter().map(node).collect::<Read<_>>()?,
        wires: fields.list("wires")?.into_iter().map(wire).collect::<Read<_>>()?,
        faults: fields.list("faults")?.into_iter().map(fault).collect::<Read<_>>()?,
        next_id: fields.whole("next_id", u32::MAX.into())?.unwrap_or(0) as u32,
    })
}

fn node((place, json): (String, Json)) -> Read<Node> {
    let mut fields = Fields::new(json, place, &["id", "kind", "name", "in", "at", "params"])?;
    Ok(Node {
        id: fields.required("id")?,
        kind: fields.required("kind")?,
        name: fields.text("name")?.unwrap_or_default(),
        host: fields.optional("in", Fields::text)?,
        at: fields.point("at")?,
        params: fields.params("params")?,
    })
}

fn wire((place, json): (String, Json)) -> Read<Wire> {
    let mut fields = Fields::new(json, place, &["id", "from", "to", "params"])?;
    Ok(Wire {
        id: fields.text("id")?.unwrap_or_default(),
        from: fields.required("from")?,
        to: fields.required("to")?,
        params: fields.params("params")?,
    })
}

fn fault((place, json): (String, Json)) -> Read<PlannedFault> {
    let mut fields = Fields::new(json, place, &["at", "do", "to", "for", "percent", "command"])?;
    Ok(PlannedFault {
        at: fields.span("at")?.map_or_else(|| fields.missing("at"), Ok)?,
        what: {
            let word = fields.required("do")?;
            FaultKind::ALL.into_iter().find(|kind| kind.name() == word).map_or_else(
                || Err(wrong(&fields.place_of("do"), unknown("variant", &word, &FaultKind::ALL.map(FaultKind::name)))),
                Ok,
            )?
        },
        to: fields.required("to")?,
        lasting: fields.optional("for", Fields::span)?,
        percent: fields
            .optional("percent", |fields, name| fields.whole(name, u32::MAX.into()))?
            .map(|whole| whole as u32),
        command: fields.optional("command", Fields::text)?,
    })
}

fn wrong(place: &str, message: impl Into<String>) -> WrongField {
    WrongField { place: place.to_string(), message: message.into() }
}

/// A value that is something else than it must be.
fn wrong_type(place: &str, json: &Json, expected: &str) -> WrongField {
    let text = to_text(json);
    let found = match json {
        Json::Null => "null".to_string(),
        Json::Bool(_) => format!("boolean `{text}`"),
        Json::Number(number) if number.is_f64() => format!("floating point `{text}`"),
        Json::Number(_) => format!("integer `{text}`"),
        Json::String(_) => format!("string {text}"),
        Json::Array(_) => "sequence".to_string(),
        Json::Object(_) => "map".to_string(),
    };
    wrong(place, format!("invalid type: {found}, expected {expected}"))
}

/// The sentence about a name that is none of those there are; with the one that was probably meant.
fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let names: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
    let mut message = format!("unknown {what} `{name}`, expected one of {}", names.join(", "));
    if let Some(meant) = nearest(name, known.iter().copied()) {
        message += &format!(". Did you mean `{meant}`?");
    }
    message
}

/// The fields of an object that are still to be read.
struct Fields {
    fields: Map<String, Json>,
    place: String,
}

impl Fields {
    /// An object with no fields but these.
    fn new(json: Json, place: String, names: &[&str]) -> Read<Fields> {
        let Json::Object(fields) = json else { return Err(wrong_type(&place, &json, "an object")) };
        let fields = Fields { fields, place };
        match fields.fields.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(wrong(&fields.place_of(name), unknown("field", name, names))),
            None => Ok(fields),
        }
    }

    fn place_of(&self, name: &str) -> String {
        let dot = if self.place.is_empty() { "" } else { "." };
        format!("{}{dot}{name}", self.place)
    }

    fn missing<T>(&self, name: &str) -> Read<T> {
        Err(wrong(&self.place, format!("missing field `{name}`")))
    }

    fn text(&mut self, name: &str) -> Read<Option<String>> {
        match self.fields.remove(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(&self.place_of(name), &other, "a string")),
        }
    }

    fn required(&mut self, name: &str) -> Read<String> {
        match self.text(name)? {
            Some(text) => Ok(text),
            None => self.missing(name),
        }
    }

    /// A field that may also be `null`.
    fn optional<T>(&mut self, name: &str, read: impl Fn(&mut Fields, &str) -> Read<Option<T>>) -> Read<Option<T>> {
        if self.fields.get(name).is_some_and(Json::is_null) {
            self.fields.remove(name);
        }
        read(self, name)
    }

    fn whole(&mut self, name: &str, max: u64) -> Read<Option<u64>> {
        let Some(json) = self.fields.remove(name) else { return Ok(None) };
        match json.as_u64().filter(|whole| *whole <= max) {
            Some(whole) => Ok(Some(whole)),
            None => Err(wrong_type(&self.place_of(name), &json, &format!("a whole number, 0 to {max}"))),
        }
    }

    fn span(&mut self, name: &str) -> Read<Option<Duration>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.parse::<Duration>() {
            Ok(span) => Ok(Some(span)),
            Err(error) => Err(wrong(&self.place_of(name), error.to_string())),
        }
    }

    /// A pair of numbers; nothing means the origin.
    fn point(&mut self, name: &str) -> Read<(f64, f64)> {
        let Some(json) = self.fields.remove(name) else { return Ok((0.0, 0.0)) };
        let place = self.place_of(name);
        let Some([x, y]) = json.as_array().map(Vec::as_slice) else {
            return Err(wrong_type(&place, &json, "a list of two numbers"));
        };
        let number = |index: usize, json: &Json| {
            json.as_f64().ok_or_else(|| wrong_type(&format!("{place}[{index}]"), json, "a number"))
        };
        Ok((number(0, x)?, number(1, y)?))
    }

    fn params(&mut self, name: &str) -> Read<std::collections::BTreeMap<String, Json>> {
        let mut params = std::collections::BTreeMap::new();
        match self.fields.remove(name) {
            None => {}
            Some(Json::Object(fields)) => fields.into_iter().for_each(|(name, value)| {
                params.insert(name, value);
            }),
            Some(other) => return Err(wrong_type(&self.place_of(name), &other, "an object")),
        }
        Ok(params)
    }

    /// The items of a list, each with its place.
    fn list(&mut self, name: &str) -> Read<Vec<(String, Json)>> {
        let place = self.place_of(name);
        match self.fields.remove(name) {
            None => Ok(Vec::new()),
            Some(Json::Array(items)) => {
                let placed = items.into_iter().enumerate();
                Ok(placed.map(|(index, item)| (format!("{place}[{index}]"), item)).collect())
            }
            Some(other) => Err(wrong_type(&place, &other, "a list")),
        }
    }
}
