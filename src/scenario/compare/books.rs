//! The books of a trial, brought up to date event by event.

use std::rc::Rc;

use crate::vocabulary::{Carried, EventId, Fact, FlatMap, MessageId, NodeId, Time, TraceEvent};

/// Messages times places that are kept apart; what comes later is not counted, and the outcome says so.
pub(super) const ENTRIES_MAX: usize = 200_000;

/// What became of a message at one place or consumer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    /// How often the work was done.
    pub times: u32,
    /// When for the first time.
    pub first: Option<Time>,
    /// It was given up.
    pub given_up: bool,
    /// It is a dead letter.
    pub dead: bool,
    /// It was handed out late.
    pub out_of_order: bool,
}

/// The books.
#[derive(Default)]
pub(super) struct Books {
    read: EventId,
    entry_count: usize,
    /// What became of each message at a place that hands out.
    pub places: FlatMap<NodeId, FlatMap<MessageId, Fate>>,
    /// What a consumer did, by its node.
    pub consumers: FlatMap<NodeId, FlatMap<MessageId, Fate>>,
    /// The place from which a consumer has a message.
    from: FlatMap<NodeId, FlatMap<MessageId, NodeId>>,
    /// The greatest number handed out at a place, by producer and key.
    latest: FlatMap<(NodeId, NodeId, Rc<str>), u32>,
    /// Made, and not seen at any place yet: whether it was dropped.
    pub underway: FlatMap<MessageId, bool>,
    /// From making to done, in nanoseconds.
    pub latencies: Vec<u64>,
    /// How many messages were made.
    pub published: u64,
    /// How often a message was handed out again.
    pub redelivered: u64,
    /// When the first message was made and the last work was done.
    pub active: Option<(Time, Time)>,
    /// Something is missing.
    pub is_partial: bool,
}

impl Books {
    /// The last event that was read.
    pub(super) fn read_until(&self) -> EventId {
        self.read
    }

    /// Reads the next event. `hands_out` tells whether a node is a place that hands out messages, `key` the routing key
    /// of a message.
    pub(super) fn note(
        &mut self,
        event: &TraceEvent,
        hands_out: &dyn Fn(NodeId) -> bool,
        key: &dyn Fn(MessageId) -> Rc<str>,
    ) {
        self.is_partial |= event.id.0 != self.read.0 + 1;
        self.read = event.id;
        let (node, message) = (event.node, event.message);
        match event.fact {
            _ if message == MessageId::NONE => {}
            Fact::Published {} => {
                self.published += 1;
                self.active.get_or_insert((event.at, event.at));
                self.underway.insert(message, false);
            }
            Fact::Enqueued { .. } if hands_out(node) => {
                self.underway.remove(&message);
                if let Some(fate) = self.place(node, message) {
                    // It may come back as a dead letter that goes round.
                    fate.given_up = false;
                    fate.dead = false;
                }
            }
            Fact::Leased { to, .. } | Fact::Redelivered { to, .. } => {
                self.redelivered += u64::from(matches!(event.fact, Fact::Redelivered { .. }));
                self.handed_out(node, to, message, key(message));
            }
            Fact::Completed { latency, .. } => self.completed(node, message, event.at, latency),
            Fact::DeadLettered { .. } => self.change(node, message, |fate| fate.dead = true),
            Fact::Discarded { .. } => self.change(node, message, |fate| fate.given_up = true),
            Fact::Dropped { what: Carried::Publish, .. } => match self.origin(node, message) {
                // Acknowledged before it was done: the consumer had it last.
                Some(place) => self.change(place, message, |fate| fate.given_up = true),
                None => {
                    if let Some(lost) = self.underway.get_mut(&message) {
                        *lost = true;
                    }
                }
            },
            _ => {}
        }
    }

    fn origin(&self, consumer: NodeId, message: MessageId) -> Option<NodeId> {
        self.from.get(&consumer)?.get(&message).copied()
    }

    fn handed_out(&mut self, place: NodeId, to: NodeId, message: MessageId, key: Rc<str>) {
        self.from.get_or_insert_with(to, FlatMap::new).insert(message, place);
        let latest = self.latest.get_or_insert_with((place, message.origin, key), || 0);
        let is_late = message.number < *latest;
        *latest = message.number.max(*latest);
        self.change(place, message, |fate| fate.out_of_order |= is_late);
    }

    fn completed(&mut self, consumer: NodeId, message: MessageId, at: Time, latency: u64) {
        let count = |fate: &mut Fate| {
            fate.times += 1;
            fate.first.get_or_insert(at);
        };
        if let Some(active) = &mut self.active {
            active.1 = at;
        }
        if self.latencies.len() < ENTRIES_MAX {
            self.latencies.push(latency);
        }
        if let Some(place) = self.origin(consumer, message) {
            self.change(place, message, count);
        }
        if self.entry_count < ENTRIES_MAX {
            let fates = self.consumers.get_or_insert_with(consumer, FlatMap::new);
            self.entry_count += usize::from(fates.get(&message).is_none());
            count(fates.get_or_insert_with(message, Fate::default));
        } else {
            self.is_partial = true;
        }
    }

    /// What became of a message at a place; made when it comes there first.
    fn place(&mut self, place: NodeId, message: MessageId) -> Option<&mut Fate> {
        let fates = self.places.get_or_insert_with(place, FlatMap::new);
        if fates.get(&message).is_none() {
            if self.entry_count >= ENTRIES_MAX {
                self.is_partial = true;
                return None;
            }
            self.entry_count += 1;
        }
        Some(fates.get_or_insert_with(message, Fate::default))
    }

    fn change(&mut self, place: NodeId, message: MessageId, change: impl FnOnce(&mut Fate)) {
        if let Some(fate) = self.places.get_mut(&place).and_then(|fates| fates.get_mut(&message)) {
            change(fate);
        }
    }
}
