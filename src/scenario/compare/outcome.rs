//! What came of a run, as plain data.

use std::fmt;
use std::rc::Rc;

use crate::vocabulary::{Duration, Time};

/// A message, told apart across runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageKey {
    /// The id of its producer.
    pub producer: Rc<str>,
    /// Its number there.
    pub number: u32,
}

impl fmt::Display for MessageKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}#{}", self.producer, self.number)
    }
}

/// A message on which the work was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The message.
    pub message: MessageKey,
    /// When it was done for the first time.
    pub at: Time,
    /// How often it was done.
    pub times: u32,
}

/// A consumer, or a subscriber with all of its consumers.
#[derive(Clone, Debug, PartialEq)]
pub struct Party {
    /// Its id in the drawing.
    pub id: String,
    /// The name that is shown.
    pub label: String,
    /// Whether it is a place that hands out messages, and not a consumer.
    pub is_subscriber: bool,
    /// What was done, in the order in which it was done for the first time.
    pub done: Vec<Done>,
}

/// A run added up over its subscribers. A message that goes to two subscribers counts twice, but in `published`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Messages that were made.
    pub published: u64,
    /// Messages on which the work was done, each once for each subscriber.
    pub done: u64,
    /// Messages on which it was done more than once.
    pub duplicates: u64,
    /// Messages that were handed out after a later one of the same producer with the same key.
    pub out_of_order: u64,
    /// Messages that were given up before the work was done, on the way or at a subscriber.
    pub lost: u64,
    /// Messages that became dead letters.
    pub dead_lettered: u64,
    /// Messages that wait, or are in work, at the end.
    pub open: u64,
    /// Times that a message was handed out again.
    pub redelivered: u64,
    /// Work done, in messages a second of virtual time from the first message made to the last one done.
    pub throughput: f64,
    /// From the making of a message until its work was done: half of them took less.
    pub latency_median: Option<Duration>,
    /// 99 of 100 took less.
    pub latency_p99: Option<Duration>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How far it went.
    pub until: Time,
    /// Why it stopped before its end, if it did.
    pub halted: Option<String>,
    /// True if there was more than is kept.
    pub is_partial: bool,
    /// The totals.
    pub totals: Totals,
    /// Subscribers, then consumers, in the order of the drawing.
    pub parties: Vec<Party>,
}

impl Outcome {
    /// The party of this id.
    pub fn party(&self, id: &str) -> Option<&Party> {
        self.parties.iter().find(|party| party.id == id)
    }
}
