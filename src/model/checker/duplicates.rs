//! A queue hands a copy out a second time only after it came back, and says so.
//!
//! RabbitMQ 3.10 marks every delivery after the first as redelivered ("Consumer Acknowledgements and Publisher
//! Confirms"); a consumer that is not told can't guard itself against doing a thing twice.

use std::collections::BTreeMap;

use crate::kernel::trace::Trace;
use crate::vocabulary::{Fact, MessageId, NodeId, TraceEvent};

use super::{Invariant, Violation};

/// Copies of one message in one queue, by what was done with them.
#[derive(Clone, Copy, Default)]
struct Copies {
    /// Never handed out.
    fresh: i64,
    /// In a consumer's hands.
    out: i64,
    /// Came back.
    back: i64,
    /// Given up while waiting, where it can't be told whether it was a fresh one or one that had come back.
    either: i64,
}

impl Copies {
    /// A copy that waits is given up. Which of several, its queue does not say.
    fn give_up_waiting(&mut self) {
        match (self.fresh > 0, self.back > 0) {
            (true, true) => self.either += 1,
            (_, true) => self.back -= 1,
            _ => self.fresh -= 1,
        }
        self.settle();
    }

    /// What was given up is known once only one sort is left.
    fn settle(&mut self) {
        if self.either == 0 {
            return;
        }
        if self.fresh + self.back <= self.either {
            (self.fresh, self.back, self.either) = (0, 0, 0);
        } else if self.back == 0 {
            self.fresh -= std::mem::take(&mut self.either);
        } else if self.fresh == 0 {
            self.back -= std::mem::take(&mut self.either);
        }
    }
}

/// The copies in all queues.
#[derive(Default)]
pub struct Duplicates {
    copies: BTreeMap<(NodeId, MessageId), Copies>,
    /// How many messages consumers held, by node.
    held: BTreeMap<NodeId, u32>,
}

impl Invariant for Duplicates {
    fn read(&mut self, event: &TraceEvent, _: &Trace, found: &mut Vec<Violation>) {
        let held_before = event.fact.level().and_then(|(_, held)| self.held.insert(event.node, held));
        if !matches!(
            event.fact,
            Fact::Enqueued { .. }
                | Fact::Leased { .. }
                | Fact::Redelivered { .. }
                | Fact::Requeued { .. }
                | Fact::Acked { .. }
                | Fact::Discarded { .. }
                | Fact::LeaseExpired { .. }
                | Fact::DeadLettered { .. }
                | Fact::Trimmed { .. }
        ) {
            return;
        }
        let key = (event.node, event.message);
        let copies = self.copies.entry(key).or_default();
        match event.fact {
            Fact::Enqueued { .. } => copies.fresh += 1,
            Fact::Leased { .. } => {
                copies.fresh -= 1;
                copies.out += 1;
            }
            Fact::Redelivered { .. } => {
                copies.back -= 1;
                copies.out += 1;
            }
            Fact::Requeued { .. } | Fact::LeaseExpired { .. } => {
                copies.out -= 1;
                copies.back += 1;
            }
            // Its time was over, and the acknowledgement came before it was handed out again: SQS and Pub/Sub take it.
            Fact::Acked { .. } if copies.out == 0 && copies.back > 0 => copies.back -= 1,
            Fact::Acked { .. } => copies.out -= 1,
            // Given up where it lies. The level tells whether a consumer held it.
            _ if held_before > event.fact.level().map(|(_, held)| held) => copies.out -= 1,
            _ => copies.give_up_waiting(),
        }
        copies.settle();
        let Copies { fresh, out, back, either } = *copies;
        if fresh < 0 {
            found.push(Violation::at(event, "is handed out as new and was handed out before"));
        }
        if back < 0 {
            found.push(Violation::at(event, "is handed out again and never came back"));
        }
        if out < 0 {
            found.push(Violation::at(event, "comes back or is acknowledged and is in no one's hands"));
        }
        if (fresh, out, back, either) == (0, 0, 0, 0) {
            self.copies.remove(&key);
        }
    }
}
