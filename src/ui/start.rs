//! What a page opens with: its address, what was kept from the last visit, or the first living scenario.

use crate::scenario::codec;
use crate::scenario::document::Document;
use crate::scenario::library;
use crate::session::Mode;

use super::browser;

/// The scenario of a first visit.
pub const FIRST: &str = "work-queue";

/// What the page opens with.
pub struct Start {
    /// The document.
    pub document: Document,
    /// What may be done with it.
    pub mode: Mode,
    /// The bare figure for another page.
    pub embed: bool,
    /// Whether work is kept in the browser.
    pub keeps: bool,
    /// Nothing was kept: a greeting is due.
    pub first_visit: bool,
    /// What went wrong on the way, in sentences.
    pub complaints: Vec<String>,
}

/// Reads the address and the storage.
pub fn start() -> Start {
    let embed = browser::address_parameter("embed").is_some_and(|value| value == "1");
    let mut complaints = Vec::new();
    let mode = match browser::address_parameter("mode").as_deref() {
        Some("view") => Mode::View,
        Some("play") => Mode::Play,
        Some("edit") => Mode::Edit,
        None if embed => Mode::Play,
        None => Mode::Edit,
        Some(other) => {
            complaints.push(format!("The address says mode={other}; it must be view, play or edit."));
            if embed {
                Mode::Play
            } else {
                Mode::Edit
            }
        }
    };
    if let Some(id) = browser::address_parameter("scenario") {
        let document = named(&id, &mut complaints);
        return Start { document, mode, embed, keeps: !embed && mode == Mode::Edit, first_visit: false, complaints };
    }
    if embed {
        return Start { document: first(), mode, embed, keeps: false, first_visit: false, complaints };
    }
    let (document, first_visit) = match browser::kept_document() {
        None => (first(), true),
        Some(text) => match codec::decode(&text) {
            Ok(document) => (document, false),
            Err(error) => {
                browser::put_aside(&text);
                complaints.push(format!("The work of your last visit can't be read ({error}). It is kept aside."));
                (first(), false)
            }
        },
    };
    Start { document, mode, embed, keeps: true, first_visit, complaints }
}

fn first() -> Document {
    library::document(FIRST).unwrap_or_default()
}

fn named(id: &str, complaints: &mut Vec<String>) -> Document {
    library::document(id).unwrap_or_else(|| {
        let known: Vec<&str> = library::ALL.iter().map(|ready| ready.id).collect();
        complaints.push(format!("There is no scenario called {id}. There are: {}.", known.join(", ")));
        first()
    })
}
