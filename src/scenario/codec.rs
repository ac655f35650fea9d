//! Documents as JSON text. Reading names the line or the place of a mistake; writing is stable.
//!
//! Reading is strict about form and lenient about sense. Refused is what is no document: text that is not JSON, wrong
//! types, unknown fields, ids that are ill-formed or there twice, too many parts, a newer format. A queue without a
//! consumer or a parameter out of range is read, and [`validate`](super::validate) names it, because a half-built
//! drawing can be saved. What was left out is filled in: ids of wires, the broker around exchanges and queues.

use std::fmt;

use serde_json::Value as Json;

use crate::vocabulary::json::{self, Flaw};

use super::complete::complete;
use super::document::{Document, FORMAT};
use super::identity;
use super::limits::TEXT_BYTES_MAX;
use super::migrate::migrate;
use super::validate::counts;
use super::{reader, writer};

/// What kind of mistake a text has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// More bytes than are read.
    TooLarge,
    /// Not UTF-8.
    NotText,
    /// Not JSON.
    NotJson,
    /// JSON that stops in the middle.
    EndsEarly,
    /// More nested brackets than are read.
    TooDeep,
    /// JSON, but no Patchbay document.
    NotADocument,
    /// Made by a newer Patchbay.
    Newer,
    /// A field of the wrong type, missing, or unknown.
    WrongField,
    /// An id that is ill-formed or there twice.
    WrongId,
    /// More parts than a document can have.
    TooMany,
}

/// Why a text is not a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What kind of mistake it is.
    pub kind: DecodeErrorKind,
    /// Line and column, from 1, if the mistake is in the text.
    pub position: Option<(usize, usize)>,
    /// The place in the document, such as `nodes[3].kind`; may be empty.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

impl DecodeError {
    fn new(kind: DecodeErrorKind, message: impl Into<String>) -> DecodeError {
        DecodeError { kind, position: None, place: String::new(), message: message.into() }
    }

    fn at(mut self, place: impl Into<String>) -> DecodeError {
        self.place = place.into();
        self
    }
}

impl fmt::Display for DecodeError {
    /// `line 12, column 3: nodes[0].kind: must be a text`, without what is not known.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(formatter, "line {line}, column {column}: ")?;
        }
        if !self.place.is_empty() {
            write!(formatter, "{}: ", self.place)?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

/// Reads a document from the bytes of a file.
pub fn decode_bytes(bytes: &[u8]) -> Result<Document, DecodeError> {
    check_size(bytes.len())?;
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("is not UTF-8 text: byte {} can't be read", error.valid_up_to() + 1);
        DecodeError::new(DecodeErrorKind::NotText, message)
    })?;
    decode(text)
}

/// Reads a document from JSON text of this or an older format, and fills in what was left out.
pub fn decode(text: &str) -> Result<Document, DecodeError> {
    check_size(text.len())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json = json::read(text).map_err(|error| json_error(text, error))?;
    let format = format_of(&json)?;
    let json = migrate(json, format).map_err(|message| DecodeError::new(DecodeErrorKind::WrongField, message))?;
    let mut document = reader::document(json).map_err(|wrong| {
        // What was migrated is not what the text says.
        let found = (format == FORMAT).then(|| json::find(text, &wrong.place)).flatten();
        let position = found.map(|at| json::line_and_column(text, at));
        DecodeError { kind: DecodeErrorKind::WrongField, position, place: wrong.place, message: wrong.message }
    })?;
    complete(&mut document);
    check_identity(&document)?;
    document.next_id = document.next_id.max(identity::counter_of(&document));
    Ok(document)
}

/// Writes a document as JSON text: always the same text for the same document, one line for each node and wire.
pub fn encode(document: &Document) -> String {
    writer::write(document)
}

fn check_size(bytes: usize) -> Result<(), DecodeError> {
    if bytes <= TEXT_BYTES_MAX {
        return Ok(());
    }
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    let message = format!("is {:.1} MB long; at most {:.0} MB are read", megabytes(bytes), megabytes(TEXT_BYTES_MAX));
    Err(DecodeError::new(DecodeErrorKind::TooLarge, message))
}

/// The format number that the document gives itself.
fn format_of(json: &Json) -> Result<u32, DecodeError> {
    let not_a_document = |message: String| Err(DecodeError::new(DecodeErrorKind::NotADocument, message));
    let Some(fields) = json.as_object() else {
        return not_a_document(format!("is no Patchbay document: it must be an object in {{ }}, is {}", kind_of(json)));
    };
    let (place, format) = match (fields.get("patchbay"), fields.get("version")) {
        (Some(format), _) => ("patchbay", format),
        (None, Some(format)) if fields.contains_key("nodes") => ("version", format),
        _ => return not_a_document(format!("is no Patchbay document: the field \"patchbay\": {FORMAT} is missing")),
    };
    match format.as_u64() {
        Some(format) if format <= u64::from(FORMAT) => Ok(format as u32),
        Some(format) => {
            let message = format!("was made by a newer Patchbay (format {format}); this one reads up to {FORMAT}");
            Err(DecodeError::new(DecodeErrorKind::Newer, message))
        }
        None => {
            let message =
                format!("must be a format number, such as {FORMAT}, is {}", crate::model::kind::brief(format));
            Err(DecodeError::new(DecodeErrorKind::WrongField, message).at(place))
        }
    }
}

fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// Puts a mistake in the text into plain words.
#[inline(never)]
fn json_error(text: &str, error: json::JsonError) -> DecodeError {
    let (kind, message) = match error.flaw {
        Flaw::EndsEarly => (DecodeErrorKind::EndsEarly, "ends too early; a part of the text is missing".to_string()),
        Flaw::TooDeep => {
            let message = format!("has more than {} brackets inside each other; a document needs 5", json::DEPTH_MAX);
            (DecodeErrorKind::TooDeep, message)
        }
        Flaw::Twice(name) => (DecodeErrorKind::WrongField, format!("duplicate field `{name}`")),
        Flaw::Wrong(words) => (DecodeErrorKind::NotJson, format!("is not JSON: {words}")),
    };
    let position = Some(json::line_and_column(text, error.at));
    DecodeError { kind, position, place: String::new(), message }
}

/// Edits and runs address parts by id and count on bounds, so a document without them is not let in.
fn check_identity(document: &Document) -> Result<(), DecodeError> {
    if let Some((what, max, count)) = counts(document).into_iter().find(|(_, max, count)| count > max) {
        let message = format!("must be at most {max}, are {count}");
        return Err(DecodeError::new(DecodeErrorKind::TooMany, message).at(what));
    }
    match identity::first_flaw(document) {
        Some((place, flaw)) => Err(DecodeError::new(DecodeErrorKind::WrongId, flaw).at(place)),
        None => Ok(()),
    }
}
