//! What the dialogs about broker products ask for.

use super::super::switch::Ask;
use super::*;

use crate::vocabulary::MessageId;

impl App {
    pub(super) fn switching(&mut self, ask: Ask) {
        match ask {
            Ask::Open(document) => self.open(*document),
            Ask::Switch(document, host) => {
                self.gesture.cancel();
                self.dock.followed = None;
                // One step of undo, and a new run.
                self.act(Action::Open(document));
                self.act(Action::Select(vec![host]));
                self.moved = false;
                self.fit();
                self.look(true);
            }
            Ask::Follow(message) => {
                self.close_dialog();
                match self.session.run().node(&message.producer) {
                    Some(origin) => {
                        self.dock.followed = Some(MessageId { origin, number: message.number });
                        self.inspector_open = true;
                        self.look(true);
                        self.say(format!("Following {message}. Let it run to see its way."), false);
                    }
                    None => self.say(format!("{} is not in the drawing any more.", message.producer), true),
                }
            }
        }
    }
}
