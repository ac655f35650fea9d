//! Drawings that come in the page's address, and own work that is kept aside for them.

use super::super::link::Ask;
use super::*;

use crate::scenario::{codec, library};

impl App {
    pub(super) fn linked(&mut self, ask: Ask) {
        match ask {
            Ask::Read => self.read_link(),
            Ask::WasRead(read) => self.open_link(*read),
            Ask::OpenAside(number) => self.open_aside(number),
            Ask::ForgetAside(number) => browser::forget_aside(number),
        }
    }

    /// Begins to read the address.
    fn read_link(&mut self) {
        let send = self.send.clone();
        wasm_bindgen_futures::spawn_local(async move {
            if let Some(read) = super::super::link::document_of_address().await {
                send.emit(Msg::Link(Ask::WasRead(Box::new(read))));
            }
        });
    }

    /// Opens what was read. The work that is kept from the last visit is put aside before, because this takes its place.
    #[inline(never)]
    fn open_link(&mut self, read: Result<Document, String>) {
        let document = match read {
            Ok(document) => document,
            Err(reason) => return self.say(format!("{reason} What was open is still open."), true),
        };
        browser::forget_link();
        if document.same_drawing(self.session.document()) {
            return;
        }
        let own = browser::kept_document().filter(|text| self.keeps && !is_ready(text));
        let put_by = own.as_deref().map(browser::keep_aside);
        if put_by == Some(false) {
            self.keeps = false;
            let text = "There is no room to keep your own work aside, so it stays kept, and changes to this drawing are not. Save it as a file.";
            self.say(text.to_string(), true);
        }
        self.open(document);
        match put_by {
            Some(true) => self.say("Opened from a link. Your own work is kept aside: see Open.".into(), false),
            _ => self.say("Opened from a link.".into(), false),
        }
    }

    #[inline(never)]
    fn open_aside(&mut self, number: usize) {
        match browser::kept_aside().get(number).map(|text| codec::decode(text)) {
            Some(Ok(document)) => {
                self.open(document);
                self.say("Opened. Undo brings back what was open.".into(), false);
            }
            Some(Err(error)) => self.say(format!("It can't be opened: {error}. What was open is still open."), true),
            None => self.say("It is not kept any more.".into(), true),
        }
    }
}

/// Whether a text is a ready scenario as it came: nobody's work.
fn is_ready(text: &str) -> bool {
    let ready = library::ALL.iter().filter_map(|ready| library::document(ready.id));
    codec::decode(text).is_ok_and(|own| ready.into_iter().any(|document| document.same_drawing(&own)))
}
