//! What each subscriber got: how many messages were expected, and what became of them.
//!
//! A subscriber is a place that hands out messages: a queue, a group, a subscription, whatever the product calls it. A
//! message is expected there as soon as it has got there; what was lost before that is told on a row of its own. One
//! copy counts as *done* when a consumer has finished the work on it, so that a message whose acknowledgement was lost
//! and which was worked on again shows as duplicated, as it does to the application.
//!
//! Read as the run goes on, event by event. Bounded by [`ENTRIES_MAX`].

use std::collections::HashMap;

use crate::vocabulary::{Carried, EventId, Fact, MessageId, NodeId, TraceEvent};

/// Messages times subscribers that are kept apart; what comes later is not counted, and the table says so. About 20 MB.
pub const ENTRIES_MAX: usize = 200_000;

/// What can be asked of a subscriber. Every message is in `Expected`, and in at least one of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// It has got to the subscriber.
    Expected,
    /// The work on it was done exactly once.
    Once,
    /// The work on it was done more than once.
    Duplicated,
    /// It was given up, and never worked on to the end.
    Lost,
    /// It was handed out after a later message of the same producer with the same key.
    OutOfOrder,
    /// It was given away as a dead letter.
    DeadLettered,
    /// It waits, or is in work.
    Open,
}

impl Aspect {
    /// In the order of the table.
    pub const ALL: [Aspect; 7] = [
        Aspect::Expected,
        Aspect::Once,
        Aspect::Duplicated,
        Aspect::Lost,
        Aspect::OutOfOrder,
        Aspect::DeadLettered,
        Aspect::Open,
    ];

    /// The heading.
    pub fn label(self) -> &'static str {
        match self {
            Aspect::Expected => "expected",
            Aspect::Once => "done once",
            Aspect::Duplicated => "duplicated",
            Aspect::Lost => "lost",
            Aspect::OutOfOrder => "out of order",
            Aspect::DeadLettered => "dead-lettered",
            Aspect::Open => "open",
        }
    }
}

/// One message at one subscriber.
#[derive(Clone, Debug)]
struct Entry {
    place: NodeId,
    message: MessageId,
    done: u32,
    given_up: bool,
    dead: bool,
    out_of_order: bool,
}

impl Entry {
    fn has(&self, aspect: Aspect) -> bool {
        match aspect {
            Aspect::Expected => true,
            Aspect::Once => self.done == 1,
            Aspect::Duplicated => self.done > 1,
            Aspect::Lost => self.done == 0 && self.given_up && !self.dead,
            Aspect::OutOfOrder => self.out_of_order,
            Aspect::DeadLettered => self.dead,
            Aspect::Open => self.done == 0 && !self.given_up && !self.dead,
        }
    }
}

/// The books of a run.
#[derive(Clone, Debug, Default)]
pub struct Guarantees {
    read: EventId,
    entries: Vec<Entry>,
    /// The entry of a message at a place. Looked up, never iterated.
    at: HashMap<(NodeId, MessageId), usize>,
    /// The place from which a consumer has a message.
    from: HashMap<(NodeId, MessageId), NodeId>,
    /// The greatest number handed out of a producer's messages with one key.
    latest: HashMap<(NodeId, NodeId, u64), u32>,
    /// Made, and not yet seen at any place: the message, and whether it was dropped.
    underway: HashMap<MessageId, bool>,
    /// Events were missing, or there were too many messages.
    is_partial: bool,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The place.
    pub place: NodeId,
    /// How many messages, by [`Aspect::ALL`].
    pub counts: [u64; 7],
}

impl Guarantees {
    /// The last event that was read.
    pub fn read_until(&self) -> EventId {
        self.read
    }

    /// True if not everything could be counted.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Reads the next events. `key` tells the routing key of a message as a number: order is promised, at most, among
    /// messages of one producer with one key.
    pub fn read<'a>(&mut self, events: impl IntoIterator<Item = &'a TraceEvent>, key: &dyn Fn(MessageId) -> u64) {
        for event in events {
            if event.id.0 != self.read.0 + 1 {
                self.is_partial = true;
            }
            self.read = event.id;
            if event.message != MessageId::NONE {
                self.note(event, key);
            }
        }
    }

    fn note(&mut self, event: &TraceEvent, key: &dyn Fn(MessageId) -> u64) {
        let (node, message) = (event.node, event.message);
        match event.fact {
            Fact::Published {} if self.underway.len() < ENTRIES_MAX => {
                self.underway.insert(message, false);
            }
            Fact::Enqueued { .. } => self.arrived(node, message),
            Fact::Leased { to, .. } | Fact::Redelivered { to, .. } => {
                self.from.insert((to, message), node);
                let latest = self.latest.entry((node, message.origin, key(message))).or_default();
                let is_late = message.number < *latest;
                *latest = message.number.max(*latest);
                self.change(node, message, |entry| entry.out_of_order |= is_late);
            }
            Fact::Completed { .. } => {
                if let Some(place) = self.from.get(&(node, message)).copied() {
                    self.change(place, message, |entry| entry.done += 1);
                }
            }
            Fact::DeadLettered { .. } => self.change(node, message, |entry| entry.dead = true),
            Fact::Discarded { .. } => self.change(node, message, |entry| entry.given_up = true),
            Fact::Dropped { what: Carried::Publish, .. } => match self.from.get(&(node, message)).copied() {
                // Acknowledged before it was done: the consumer had it last.
                Some(place) => self.change(place, message, |entry| entry.given_up = true),
                None => {
                    if let Some(dropped) = self.underway.get_mut(&message) {
                        *dropped = true;
                    }
                }
            },
            _ => {}
        }
    }

    fn arrived(&mut self, place: NodeId, message: MessageId) {
        self.underway.remove(&message);
        if let Some(index) = self.at.get(&(place, message)) {
            // It came back, as a dead letter that goes round, or was published twice.
            let entry = &mut self.entries[*index];
            entry.given_up = false;
            entry.dead = false;
        } else if self.entries.len() < ENTRIES_MAX {
            self.at.insert((place, message), self.entries.len());
            self.entries.push(Entry { place, message, done: 0, given_up: false, dead: false, out_of_order: false });
        } else {
            self.is_partial = true;
        }
    }

    fn change(&mut self, place: NodeId, message: MessageId, change: impl FnOnce(&mut Entry)) {
        if let Some(index) = self.at.get(&(place, message)) {
            change(&mut self.entries[*index]);
        }
    }

    /// The row of each of these places, in their order.
    pub fn rows(&self, places: &[NodeId]) -> Vec<Row> {
        let mut rows: Vec<Row> = places.iter().map(|place| Row { place: *place, counts: [0; 7] }).collect();
        for entry in &self.entries {
            let Some(row) = rows.iter_mut().find(|row| row.place == entry.place) else { continue };
            for (count, aspect) in row.counts.iter_mut().zip(Aspect::ALL) {
                *count += u64::from(entry.has(aspect));
            }
        }
        rows
    }

    /// The messages behind a number of the table, in the order of their coming, at most so many.
    pub fn messages(&self, place: NodeId, aspect: Aspect, messages_max: usize) -> Vec<MessageId> {
        let found = self.entries.iter().filter(|entry| entry.place == place && entry.has(aspect));
        found.map(|entry| entry.message).take(messages_max).collect()
    }

    /// Messages that were dropped before they got to any subscriber, sorted.
    pub fn lost_underway(&self) -> Vec<MessageId> {
        let mut lost: Vec<MessageId> =
            self.underway.iter().filter(|(_, dropped)| **dropped).map(|(message, _)| *message).collect();
        lost.sort_unstable();
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{DropReason, Time};

    const PRODUCER: NodeId = NodeId(1);
    const QUEUE: NodeId = NodeId(2);
    const CONSUMER: NodeId = NodeId(3);

    fn books(story: &[(NodeId, u32, Fact)]) -> Guarantees {
        let mut guarantees = Guarantees::default();
        let event = |(index, (node, number, fact)): (usize, &(NodeId, u32, Fact))| TraceEvent {
            id: EventId(index as u64 + 1),
            at: Time(index as u64),
            node: *node,
            cause: EventId::NONE,
            message: MessageId { origin: PRODUCER, number: *number },
            fact: *fact,
        };
        let events: Vec<TraceEvent> = story.iter().enumerate().map(event).collect();
        guarantees.read(&events, &|_| 0);
        guarantees
    }

    fn numbers(guarantees: &Guarantees, aspect: Aspect) -> Vec<u32> {
        guarantees.messages(QUEUE, aspect, 100).iter().map(|message| message.number).collect()
    }

    const QUEUED: Fact = Fact::Enqueued { ready: 1, unacked: 0 };
    const LEASED: Fact = Fact::Leased { to: CONSUMER, ready: 0, unacked: 1 };
    const AGAIN: Fact = Fact::Redelivered { to: CONSUMER, ready: 0, unacked: 1 };
    const DONE: Fact = Fact::Completed { busy: 0, latency: 5 };
    const GIVEN_UP: Fact = Fact::Discarded { ready: 0, unacked: 0 };
    const DROPPED: Fact = Fact::Dropped { reason: DropReason::Rejected, what: Carried::Publish };

    #[test]
    fn every_fate_is_told_apart() {
        let mut story: Vec<(NodeId, u32, Fact)> = Vec::new();
        for number in 1..=6 {
            story.extend([(PRODUCER, number, Fact::Published {}), (QUEUE, number, QUEUED)]);
        }
        story.extend([(QUEUE, 1, LEASED), (CONSUMER, 1, DONE)]);
        // The acknowledgement of 2 is lost: it is worked on twice, the second time after 3.
        story.extend([
            (QUEUE, 2, LEASED),
            (CONSUMER, 2, DONE),
            (QUEUE, 3, LEASED),
            (QUEUE, 2, AGAIN),
            (CONSUMER, 2, DONE),
        ]);
        // 3 is rejected, 4 goes to the dead letters, 5 is acknowledged early and then lost, 6 waits.
        story.extend([(QUEUE, 3, GIVEN_UP), (QUEUE, 3, DROPPED)]);
        story.push((QUEUE, 4, Fact::DeadLettered { to: NodeId(9), ready: 0, unacked: 0 }));
        story.extend([(QUEUE, 5, LEASED), (CONSUMER, 5, DROPPED)]);
        // 7 is lost on the way.
        story.extend([(PRODUCER, 7, Fact::Published {}), (QUEUE, 7, DROPPED)]);
        let guarantees = books(&story);
        let expected: [(Aspect, &[u32]); 7] = [
            (Aspect::Expected, &[1, 2, 3, 4, 5, 6]),
            (Aspect::Once, &[1]),
            (Aspect::Duplicated, &[2]),
            (Aspect::Lost, &[3, 5]),
            (Aspect::OutOfOrder, &[2]),
            (Aspect::DeadLettered, &[4]),
            (Aspect::Open, &[6]),
        ];
        for (aspect, messages) in expected {
            assert_eq!(numbers(&guarantees, aspect), messages, "{aspect:?}");
        }
        let counts = expected.map(|(_, messages)| messages.len() as u64);
        assert_eq!(guarantees.rows(&[QUEUE]), [Row { place: QUEUE, counts }]);
        assert_eq!(guarantees.lost_underway(), [MessageId { origin: PRODUCER, number: 7 }]);
        assert!(!guarantees.is_partial());
    }

    #[test]
    fn a_message_that_comes_back_is_open_again() {
        let dead = Fact::DeadLettered { to: NodeId(9), ready: 0, unacked: 0 };
        let story = [(QUEUE, 1, QUEUED), (QUEUE, 1, LEASED), (QUEUE, 1, dead), (QUEUE, 1, QUEUED)];
        let guarantees = books(&story);
        assert_eq!(numbers(&guarantees, Aspect::Open), [1]);
        assert_eq!(numbers(&guarantees, Aspect::Expected), [1]);
    }

    #[test]
    fn a_gap_in_the_events_is_owned_up_to() {
        let mut guarantees = books(&[(QUEUE, 1, QUEUED)]);
        let late = TraceEvent {
            id: EventId(9),
            at: Time(9),
            node: QUEUE,
            cause: EventId::NONE,
            message: MessageId { origin: PRODUCER, number: 2 },
            fact: QUEUED,
        };
        guarantees.read([&late], &|_| 0);
        assert!(guarantees.is_partial());
        assert_eq!(guarantees.read_until(), EventId(9));
    }
}
