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
}

/// The copies in all queues.
#[derive(Default)]
pub struct Duplicates {
    copies: BTreeMap<(NodeId, MessageId), Copies>,
}

impl Invariant for Duplicates {
    fn read(&mut self, event: &TraceEvent, _: &Trace, found: &mut Vec<Violation>) {
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
            // Given up where it lies; which of several copies does not matter.
            _ if copies.out > 0 => copies.out -= 1,
            _ if copies.back > 0 => copies.back -= 1,
            _ => copies.fresh -= 1,
        }
        let Copies { fresh, out, back } = *copies;
        if fresh < 0 {
            found.push(Violation::at(event, "is handed out as new and was handed out before"));
        }
        if back < 0 {
            found.push(Violation::at(event, "is handed out again and never came back"));
        }
        if out < 0 {
            found.push(Violation::at(event, "comes back or is acknowledged and is in no one's hands"));
        }
        if (fresh, out, back) == (0, 0, 0) {
            self.copies.remove(&key);
        }
    }
}
