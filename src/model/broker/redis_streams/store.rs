//! The keys of the server, and what they hold.
//!
//! Reproduces: one Redis 7.0 database. A key is a stream or a plain text; the first write makes it. A name keeps its
//! slot for ever, so that everything else can speak of numbers. Leaves out: all other types, expiry, and more than one
//! database.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::model::broker::broker::HELD_MAX;
use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Fact, FlatMap, NodeId};

use super::books::{Books, Pen};
use super::node::NodeLimits;
use super::persistence::{Log, Mode, Snapshot, Undo};
use super::stream::Stream;

/// What a key holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A stream.
    Stream(Box<Stream>),
    /// A text.
    Text(Rc<str>),
}

/// A name, and what belongs to it whether the key is there or not.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The key's name.
    pub name: Rc<str>,
    /// The stream in the drawing that has this name.
    pub node: Option<NodeId>,
    /// The groups in the drawing that read it, by name.
    pub drawn: FlatMap<Rc<str>, NodeId>,
    /// What the key holds; nothing if there is no such key.
    pub value: Option<Value>,
    /// Who is blocked on it, first come first: indexes of blocked clients.
    pub waiters: VecDeque<u32>,
    is_ready: bool,
}

/// All keys.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// By number.
    pub slots: Vec<Slot>,
    names: FlatMap<Rc<str>, u32>,
    /// What is counted.
    pub books: Books,
    /// What is not safe yet.
    pub log: Log,
    /// How large a node may be.
    pub limits: NodeLimits,
    /// The keys with news for those who are blocked.
    ready: Vec<u32>,
}

impl Store {
    /// Time has come to this call's: what was due to be safe is safe. Once at the beginning of each call.
    #[inline]
    pub fn begin(&mut self, call: &Call) {
        let slots = &self.slots;
        self.log.advance(call.now, call.slow_percent, || snapshot_of(slots));
    }

    /// Changes how keys survive a crash.
    pub fn set_mode(&mut self, mode: Mode) {
        let slots = &self.slots;
        self.log.set_mode(mode, || snapshot_of(slots));
    }

    /// True if there is room for one more.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.books.held + self.slots.len() < HELD_MAX
    }

    /// The slot of this name, if it was ever used.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The slot of this name.
    pub fn slot_for(&mut self, name: &str) -> u32 {
        if let Some(slot) = self.find(name) {
            return slot;
        }
        let (slot, name) = (self.slots.len() as u32, Rc::<str>::from(name));
        self.names.insert(name.clone(), slot);
        self.slots.push(Slot {
            name,
            node: None,
            drawn: FlatMap::new(),
            value: None,
            waiters: VecDeque::new(),
            is_ready: false,
        });
        slot
    }

    /// Gives a slot another name, unless that one is taken.
    pub fn rename(&mut self, slot: u32, name: Rc<str>) {
        if self.names.contains_key(&name) {
            return;
        }
        self.names.remove(&self.slots[slot as usize].name);
        self.slots[slot as usize].name = name.clone();
        self.names.insert(name, slot);
    }

    /// The names of all keys.
    pub fn keys(&self) -> impl Iterator<Item = &Rc<str>> {
        let slots = self.names.iter().map(|(name, slot)| (name, &self.slots[*slot as usize]));
        slots.filter(|(_, slot)| slot.value.is_some()).map(|(name, _)| name)
    }

    /// What the key of this name holds.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.find(name).and_then(|slot| self.slots[slot as usize].value.as_ref())
    }

    /// The stream in a slot.
    #[inline]
    pub fn stream(&self, slot: u32) -> Option<&Stream> {
        match self.slots.get(slot as usize)?.value.as_ref()? {
            Value::Stream(stream) => Some(stream),
            Value::Text(_) => None,
        }
    }

    /// The stream in a slot, and what changes to it are written down with.
    #[inline]
    pub fn open<'a, 'b>(&'a mut self, slot: u32, call: &'a mut Call<'b>) -> Option<(&'a mut Stream, Pen<'a, 'b>)> {
        let Store { slots, books, log, .. } = self;
        match slots.get_mut(slot as usize)?.value.as_mut()? {
            Value::Stream(stream) => Some((stream, Pen { books, log, call })),
            Value::Text(_) => None,
        }
    }

    /// Makes the key an empty stream, if it is not there; false if it holds something else.
    #[inline]
    pub fn make_stream(&mut self, slot: u32) -> bool {
        let place = &mut self.slots[slot as usize];
        if place.value.is_none() {
            place.value = Some(Value::Stream(Box::new(Stream::new(slot, place.node))));
            self.log.note(Undo::Key { slot, old: None });
        }
        matches!(self.slots[slot as usize].value, Some(Value::Stream(_)))
    }

    /// Makes the key a text.
    pub fn set_text(&mut self, slot: u32, text: Rc<str>, call: &mut Call) {
        self.remove_key(slot, DropReason::Deleted, call);
        self.slots[slot as usize].value = Some(Value::Text(text));
        self.log.note(Undo::Key { slot, old: None });
    }

    /// Removes a key, and says what becomes of what it held; false if there is none.
    pub fn remove_key(&mut self, slot: u32, reason: DropReason, call: &mut Call) -> bool {
        let Some(value) = self.slots[slot as usize].value.take() else { return false };
        let Store { books, log, .. } = self;
        if let Value::Stream(stream) = &value {
            let mut pen = Pen { books, log, call };
            give_up_stream(stream, reason, &mut pen);
        }
        self.log.note(Undo::Key { slot, old: Some(value) });
        self.signal(slot);
        true
    }

    /// There is news for those who are blocked on this key.
    #[inline]
    pub fn signal(&mut self, slot: u32) {
        let place = &mut self.slots[slot as usize];
        if !place.is_ready && !place.waiters.is_empty() {
            place.is_ready = true;
            self.ready.push(slot);
        }
    }

    /// The next key with news.
    #[inline]
    pub fn next_ready(&mut self) -> Option<u32> {
        if self.ready.is_empty() {
            return None;
        }
        let slot = self.ready.remove(0);
        self.slots[slot as usize].is_ready = false;
        Some(slot)
    }

    /// Nobody is blocked any more.
    pub fn forget_waiters(&mut self) {
        self.ready.clear();
        for slot in &mut self.slots {
            slot.waiters.clear();
            slot.is_ready = false;
        }
    }
}

fn snapshot_of(slots: &[Slot]) -> Snapshot {
    Rc::new(slots.iter().map(|slot| slot.value.clone()).collect())
}

/// Says what becomes of the copies of a stream that is no more. Where groups read it, its own copies count as trimmed,
/// and what a group had not finished with is lost; where none does, the stream's copies are.
fn give_up_stream(stream: &Stream, reason: DropReason, pen: &mut Pen) {
    let mut held = stream.entries.len();
    for group in stream.groups_by_name() {
        let mut mark = group.mark;
        held += group.pending.len();
        for (_, nack) in group.pending.iter().filter(|(id, nack)| !nack.is_gone && *id <= group.last_id) {
            pen.give_up(&mut mark, nack.message, (0, -1), reason);
        }
        for (_, content) in stream.unread_by(group) {
            pen.give_up(&mut mark, content.id, (-1, 0), reason);
        }
    }
    let mut mark = stream.mark;
    let is_read = stream.group_count() > 0;
    for (_, content) in stream.entries.iter() {
        match is_read {
            true => pen.copy(&mut mark, content.id, (-1, 0), |ready, unacked| Fact::Trimmed { ready, unacked }),
            false => pen.give_up(&mut mark, content.id, (-1, 0), reason),
        }
    }
    pen.books.held = pen.books.held.saturating_sub(held);
}
