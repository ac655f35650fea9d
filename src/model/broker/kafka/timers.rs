//! What is due when. A timer that has lost its meaning is left in place and does nothing when it comes.
//!
//! Leaves out: cancelling. What a timer is about carries a number, so that one that is too late is known.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::model::broker::server::Session;
use crate::vocabulary::Time;

use super::partition::TopicPartition;

/// What can be due.
#[derive(Clone, Copy, Debug)]
pub enum Timer {
    /// A follower's fetch is answered.
    Replicate(TopicPartition, u8),
    /// A follower may have been behind for too long.
    Lag(TopicPartition),
    /// A producer has something to send or to give up.
    Pump(Session),
    /// A poll has waited long enough.
    Poll(Session, u64),
    /// A consumer may have been away from `poll` for too long.
    Idle(Session),
    /// A consumer asks for the metadata of its topics.
    Metadata(Session),
    /// The wait for members to join is over.
    Join(u32, u32),
    /// A member's heartbeat is answered with "rebalance".
    Told(u32, u32),
    /// A member's session may have timed out.
    Expire(u32, u32),
    /// The offsets of an empty group may be too old.
    Offsets(u32),
    /// A transaction may have been open for too long.
    Transaction(u32, u64),
    /// The controller has not heard of a broker for too long.
    BrokerLost(u8, u32),
    /// A commit has waited for a coordinator for too long.
    Commit(Session, u64),
    /// The controller looks whether the preferred leaders lead.
    Balance,
    /// Old segments may have to be deleted.
    Retention,
    /// Compacted logs may have to be cleaned.
    Clean,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Time,
    number: u64,
    timer: Timer,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Timers by time; of the same time, by the order in which they were set.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    set_count: u64,
}

impl Timers {
    /// Sets a timer.
    #[inline]
    pub fn set(&mut self, at: Time, timer: Timer) {
        self.set_count += 1;
        self.heap.push(Reverse(Entry { at, number: self.set_count, timer }));
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes the next one that is due.
    pub fn take(&mut self, now: Time) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.timer)
    }
}
