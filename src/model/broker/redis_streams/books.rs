//! How changes are written down: as facts with the levels after them, and as records for a crash.
//!
//! A copy is counted at each place that has one. A stream has one of every entry, and each group one of every entry
//! that it has not finished with: *ready* if its position is still before it, *unacked* if it is pending behind its
//! position. Streams and groups that are drawn have a node of their own; all others, made at a console, share the
//! broker's.

use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Fact, MessageId, NodeId};

use super::persistence::{Log, Undo};

/// Copies at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Not handed out, or to be handed out again.
    pub ready: u32,
    /// In a consumer's hands.
    pub unacked: u32,
}

impl Levels {
    fn shift(&mut self, ready: i32, unacked: i32) {
        self.ready = self.ready.saturating_add_signed(ready);
        self.unacked = self.unacked.saturating_add_signed(unacked);
    }
}

/// What is counted for the whole server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Books {
    /// Copies at streams and groups that are not drawn.
    pub loose: Levels,
    /// Entries and pending entries: what takes memory.
    pub held: usize,
}

/// A place of copies: its node if it is drawn, and its levels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shelfmark {
    /// The node, if it is drawn.
    pub node: Option<NodeId>,
    /// Its copies.
    pub levels: Levels,
}

/// What a change is written down with.
pub struct Pen<'a, 'b> {
    /// The counts.
    pub books: &'a mut Books,
    /// The records for a crash.
    pub log: &'a mut Log,
    /// Facts go there.
    pub call: &'a mut Call<'b>,
}

impl Pen<'_, '_> {
    /// The time in whole milliseconds, as Redis counts it.
    #[inline]
    pub fn now_ms(&self) -> u64 {
        self.call.now.0 / 1_000_000
    }

    /// Writes down how to undo a change.
    #[inline]
    pub fn note(&mut self, undo: Undo) {
        self.log.note(undo);
    }

    /// Says a fact about a copy, after which there are so many more.
    #[inline]
    pub fn copy(
        &mut self,
        mark: &mut Shelfmark,
        message: MessageId,
        change: (i32, i32),
        fact: impl FnOnce(u32, u32) -> Fact,
    ) {
        mark.levels.shift(change.0, change.1);
        let (node, levels) = match mark.node {
            Some(node) => (node, mark.levels),
            None => {
                self.books.loose.shift(change.0, change.1);
                (self.call.broker, self.books.loose)
            }
        };
        self.call.fact(node, message, fact(levels.ready, levels.unacked));
    }

    /// Gives a copy up: `change` says which level it leaves.
    pub fn give_up(&mut self, mark: &mut Shelfmark, message: MessageId, change: (i32, i32), reason: DropReason) {
        self.copy(mark, message, change, |ready, unacked| Fact::Discarded { ready, unacked });
        self.call.dropped(mark.node.unwrap_or(self.call.broker), message, reason);
    }
}
