//! A consumer group: a position in its stream, and the entries that were handed out and not acknowledged.
//!
//! Reproduces: Redis 7.0 (t_stream.c; redis.io, "Streams", "XREADGROUP", "XCLAIM"). Nothing comes back by itself: an
//! entry stays in the pending entries list, with its owner, the time of its last delivery and a count of deliveries,
//! until somebody acknowledges or claims it. Leaves out: what came after 7.0, such as the time of a consumer's last
//! success.
//!
//! A copy whose entry lies after the position is *ready*, even if it is pending too: after `XGROUP SETID` to an earlier
//! id, or `XCLAIM ... FORCE` of a new entry, the group hands it out once more.

use std::rc::Rc;

use crate::vocabulary::{DropReason, Fact, FlatMap, MessageId, NodeId};

use super::books::{Pen, Shelfmark};
use super::id::Id;
use super::persistence::Undo;
use super::shelf::Shelf;

/// The entries-read counter of a group for which it is not known.
pub const UNKNOWN: i64 = -1;

/// A pending entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nack {
    /// Its owner: an index.
    pub consumer: u32,
    /// How often it was delivered.
    pub count: u64,
    /// When it was last delivered, in milliseconds.
    pub time_ms: u64,
    /// The message.
    pub message: MessageId,
    /// The entry is no longer in the stream.
    pub is_gone: bool,
}

/// A consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name.
    pub name: Rc<str>,
    /// Its node, or the broker's for a client of a console.
    pub node: NodeId,
    /// When it last read or claimed, in milliseconds.
    pub seen_ms: u64,
    /// How many pending entries it owns.
    pub pending: u64,
}

/// A group. Its stream knows it by its index.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: Rc<str>,
    /// The stream's slot, and its own index there.
    pub place: (u32, u32),
    /// The last delivered id.
    pub last_id: Id,
    /// The logical counter of its position, or [`UNKNOWN`].
    pub entries_read: i64,
    /// The pending entries.
    pub pending: Shelf<Nack>,
    /// The consumers; an index is never used again.
    pub consumers: Vec<Option<Consumer>>,
    pub(super) names: FlatMap<Rc<str>, u32>,
    /// Its node and copies.
    pub mark: Shelfmark,
    /// Entries after the position that were handed out before.
    pub again: Shelf<()>,
}

/// How a copy comes back before it is handed out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// It was idle for long enough to be claimed.
    Claimed,
    /// Its owner asked for its own history.
    Reread,
}

impl Group {
    /// A group at this position, with no copies yet.
    pub fn new(name: Rc<str>, place: (u32, u32), last_id: Id, entries_read: i64) -> Group {
        Group {
            name,
            place,
            last_id,
            entries_read,
            pending: Shelf::default(),
            consumers: Vec::new(),
            names: FlatMap::new(),
            mark: Shelfmark::default(),
            again: Shelf::default(),
        }
    }

    /// The index of the consumer of this name.
    pub fn consumer_named(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The consumer with this index.
    pub fn consumer(&self, index: u32) -> Option<&Consumer> {
        self.consumers.get(index as usize).and_then(Option::as_ref)
    }

    /// The consumers by name.
    pub fn consumers_by_name(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.names.values().copied()
    }

    /// The consumer of this name, made if it is new, and whether it was. It was seen now.
    pub fn look_up(&mut self, name: &str, node: NodeId, pen: &mut Pen) -> (u32, bool) {
        let now_ms = pen.now_ms();
        if let Some(index) = self.consumer_named(name) {
            self.see(index, now_ms);
            return (index, false);
        }
        let index = self.consumers.len() as u32;
        let name: Rc<str> = Rc::from(name);
        self.consumers.push(Some(Consumer { name: name.clone(), node, seen_ms: now_ms, pending: 0 }));
        self.names.insert(name, index);
        pen.note(Undo::Member { slot: self.place.0, group: self.place.1, consumer: index, old: None });
        (index, true)
    }

    /// The consumer was seen at this time.
    #[inline]
    pub fn see(&mut self, index: u32, now_ms: u64) {
        if let Some(Some(consumer)) = self.consumers.get_mut(index as usize) {
            consumer.seen_ms = now_ms;
        }
    }

    /// The node of a consumer.
    #[inline]
    pub fn node_of(&self, index: u32, pen: &Pen) -> NodeId {
        self.consumer(index).map_or(pen.call.broker, |consumer| consumer.node)
    }

    /// Puts a consumer at an index, or takes it away.
    pub(super) fn put_consumer(&mut self, index: u32, consumer: Option<Consumer>) {
        let place = index as usize;
        if place >= self.consumers.len() {
            self.consumers.resize(place + 1, None);
        }
        if let Some(old) = &self.consumers[place] {
            self.names.remove(&old.name);
        }
        if let Some(consumer) = &consumer {
            self.names.insert(consumer.name.clone(), index);
        }
        self.consumers[place] = consumer;
    }

    fn count(&mut self, consumer: u32, change: i64) {
        if let Some(Some(consumer)) = self.consumers.get_mut(consumer as usize) {
            consumer.pending = consumer.pending.saturating_add_signed(change);
        }
    }

    /// Writes a pending entry.
    #[inline]
    fn pend(&mut self, id: Id, nack: Nack, pen: &mut Pen) {
        self.count(nack.consumer, 1);
        let old = self.pending.insert(id, nack);
        match old {
            Some(old) => self.count(old.consumer, -1),
            None => pen.books.held += 1,
        }
        pen.note(Undo::Pending { slot: self.place.0, group: self.place.1, id, nack: old });
    }

    /// Takes a pending entry away.
    #[inline]
    fn settle(&mut self, id: Id, pen: &mut Pen) -> Option<Nack> {
        let old = self.pending.remove(id)?;
        self.count(old.consumer, -1);
        pen.books.held = pen.books.held.saturating_sub(1);
        pen.note(Undo::Pending { slot: self.place.0, group: self.place.1, id, nack: Some(old) });
        Some(old)
    }

    /// An entry was added after the position.
    #[inline]
    pub fn joins(&mut self, message: MessageId, pen: &mut Pen) {
        pen.copy(&mut self.mark, message, (1, 0), |ready, unacked| Fact::Enqueued { ready, unacked });
    }

    /// A ready copy goes into a consumer's hands.
    #[inline]
    fn out(&mut self, id: Id, message: MessageId, to: NodeId, pen: &mut Pen) {
        let again = !self.again.is_empty() && self.again.remove(id).is_some();
        pen.copy(&mut self.mark, message, (-1, 1), |ready, unacked| match again {
            false => Fact::Leased { to, ready, unacked },
            true => Fact::Redelivered { to, ready, unacked },
        });
    }

    /// A copy in a consumer's hands comes back.
    fn back(&mut self, id: Id, message: MessageId, how: Return, pen: &mut Pen) {
        pen.copy(&mut self.mark, message, (1, -1), |ready, unacked| match how {
            Return::Claimed => Fact::LeaseExpired { ready, unacked },
            Return::Reread => Fact::Requeued { ready, unacked },
        });
        self.again.insert(id, ());
    }

    /// Hands the next entry, to which the position has just moved, to a consumer.
    #[inline]
    pub fn deliver(&mut self, id: Id, message: MessageId, consumer: u32, no_ack: bool, pen: &mut Pen) {
        let to = self.node_of(consumer, pen);
        self.out(id, message, to, pen);
        if !no_ack {
            let nack = Nack { consumer, count: 1, time_ms: pen.now_ms(), message, is_gone: false };
            self.pend(id, nack, pen);
        } else if self.pending.get(id).is_none() {
            pen.copy(&mut self.mark, message, (0, -1), |ready, unacked| Fact::Acked { by: to, ready, unacked });
        }
    }

    /// Hands a pending entry out again, with its new owner, time and count.
    pub fn deliver_again(&mut self, id: Id, nack: Nack, how: Return, pen: &mut Pen) {
        let to = self.node_of(nack.consumer, pen);
        if id > self.last_id {
            self.out(id, nack.message, to, pen);
            self.back(id, nack.message, Return::Reread, pen);
        } else {
            self.back(id, nack.message, how, pen);
            self.out(id, nack.message, to, pen);
        }
        self.pend(id, nack, pen);
    }

    /// Makes an entry pending that was not: `XCLAIM ... FORCE`.
    pub fn force(&mut self, id: Id, nack: Nack, pen: &mut Pen) {
        let to = self.node_of(nack.consumer, pen);
        let is_ahead = id > self.last_id;
        if !is_ahead {
            self.joins(nack.message, pen);
        }
        self.out(id, nack.message, to, pen);
        if is_ahead {
            self.back(id, nack.message, Return::Reread, pen);
        }
        self.pend(id, nack, pen);
    }

    /// Settles a pending entry, because it was acknowledged; false if it is not pending.
    #[inline]
    pub fn ack(&mut self, id: Id, by: NodeId, pen: &mut Pen) -> bool {
        let Some(nack) = self.settle(id, pen) else { return false };
        if !nack.is_gone && id <= self.last_id {
            let fact = |ready, unacked| Fact::Acked { by, ready, unacked };
            pen.copy(&mut self.mark, nack.message, (0, -1), fact);
        }
        true
    }

    /// Settles a pending entry without an acknowledgement: its entry or its owner is gone.
    pub fn forget(&mut self, id: Id, reason: DropReason, pen: &mut Pen) {
        let Some(nack) = self.settle(id, pen) else { return };
        if !nack.is_gone && id <= self.last_id {
            pen.give_up(&mut self.mark, nack.message, (0, -1), reason);
        }
    }

    /// Gives a pending entry away as a dead letter.
    pub fn give_away(&mut self, id: Id, to: NodeId, pen: &mut Pen) {
        let Some(nack) = self.settle(id, pen) else { return };
        if !nack.is_gone && id <= self.last_id {
            let fact = |ready, unacked| Fact::DeadLettered { to, ready, unacked };
            pen.copy(&mut self.mark, nack.message, (0, -1), fact);
        }
    }

    /// The entry is no longer in the stream. If it is pending it stays so, but there is nothing left to be handed out.
    #[inline]
    pub fn entry_removed(&mut self, id: Id, message: MessageId, reason: DropReason, pen: &mut Pen) -> bool {
        let is_pending = match self.pending.get_mut(id) {
            Some(nack) => {
                nack.is_gone = true;
                true
            }
            None => false,
        };
        if id > self.last_id {
            self.again.remove(id);
            pen.give_up(&mut self.mark, message, (-1, 0), reason);
        } else if is_pending {
            pen.give_up(&mut self.mark, message, (0, -1), reason);
        }
        id > self.last_id || is_pending
    }

    /// Moves the position back over this entry: it is ready again.
    pub fn unread(&mut self, id: Id, message: MessageId, pen: &mut Pen) {
        match self.pending.get(id) {
            Some(_) => self.back(id, message, Return::Reread, pen),
            None => self.joins(message, pen),
        }
    }

    /// Moves the position forward over this entry without handing it out.
    pub fn skip(&mut self, id: Id, message: MessageId, pen: &mut Pen) {
        if let Some(nack) = self.pending.get(id) {
            let to = self.node_of(nack.consumer, pen);
            return self.out(id, message, to, pen);
        }
        self.again.remove(id);
        pen.give_up(&mut self.mark, message, (-1, 0), DropReason::Purged);
    }

    /// Takes a consumer out, and its pending entries with it; how many there were.
    pub fn remove_consumer(&mut self, index: u32, pen: &mut Pen) -> u64 {
        let owned: Vec<Id> = self.owned(index, Id::ZERO).map(|(id, _)| id).collect();
        for id in &owned {
            self.forget(*id, DropReason::Deleted, pen);
        }
        if let Some(old) = self.consumers.get_mut(index as usize).and_then(Option::take) {
            self.names.remove(&old.name);
            let (slot, group) = self.place;
            pen.note(Undo::Member { slot, group, consumer: index, old: Some(old) });
        }
        owned.len() as u64
    }

    /// What a consumer has pending from this id on.
    pub fn owned(&self, consumer: u32, from: Id) -> impl Iterator<Item = (Id, &Nack)> {
        self.pending.range(from, Id::MAX).filter(move |(_, nack)| nack.consumer == consumer)
    }
}
