//! At least once: a queue forgets a message only after the work on it was done.
//!
//! Holds when all consumers acknowledge late and never reject, links lose nothing, and messages are persistent in
//! durable queues that stay in the drawing: RabbitMQ 3.10, "Reliability Guide". The proof of an acknowledgement is its
//! chain of causes: the work was completed, so the frame was sent, so it arrived, so the queue forgot.

use crate::kernel::trace::Trace;
use crate::vocabulary::{Carried, EventId, Fact, TraceEvent};

use super::{Invariant, Violation};

/// The proofs of all acknowledgements. Nothing is remembered: each is looked up in the trace.
#[derive(Default)]
pub struct AtLeastOnce;

impl Invariant for AtLeastOnce {
    fn read(&mut self, event: &TraceEvent, trace: &Trace, found: &mut Vec<Violation>) {
        match event.fact {
            Fact::Acked { .. } if !follows_completion(event, trace) => {
                found.push(Violation::at(event, "is forgotten before the work on it is done"));
            }
            Fact::Discarded { .. } => found.push(Violation::at(event, "is lost from its queue")),
            _ => {}
        }
    }
}

/// Whether the acknowledgement came of completed work on the same message.
fn follows_completion(acked: &TraceEvent, trace: &Trace) -> bool {
    let cause = |id: EventId| trace.get(id).filter(|event| event.message == acked.message);
    let Some(arrival) = cause(acked.cause) else { return false };
    if !matches!(arrival.fact, Fact::Delivered { what: Carried::Ack, .. }) {
        return false;
    }
    let Some(mut sent) = cause(arrival.cause) else { return false };
    if matches!(sent.fact, Fact::Duplicated { .. }) {
        let Some(first) = cause(sent.cause) else { return false };
        sent = first;
    }
    cause(sent.cause).is_some_and(|done| matches!(done.fact, Fact::Completed { .. }))
}
