//! Automatic acknowledgement: every copy that a queue took in is done, lost with a reason, in the queue, on its way to
//! a consumer, or in a consumer.
//!
//! Holds when every consumer has acknowledged automatically from the start, so that it holds what it was given and no
//! one gives it again.

use std::collections::BTreeMap;

use crate::kernel::trace::Trace;
use crate::kernel::Simulation;
use crate::vocabulary::{Carried, DropReason, Fact, MessageId, NodeId, TraceEvent};

use super::{frame_of, Invariant, Violation};

/// Copies that were enqueued and are neither done nor lost.
#[derive(Default)]
pub struct Automatic {
    owed: BTreeMap<MessageId, i64>,
}

fn is_delivery(what: Carried) -> bool {
    matches!(what, Carried::Deliver | Carried::Redeliver)
}

/// How many copies that had been enqueued the event makes, less those that it ends.
fn change(event: &TraceEvent, trace: &Trace) -> i64 {
    match event.fact {
        Fact::Enqueued { .. } => 1,
        Fact::Completed { .. } | Fact::DeadLettered { .. } => -1,
        Fact::Duplicated { .. } => {
            let sent = frame_of(trace, event.cause);
            i64::from(sent.is_some_and(|sent| matches!(sent.fact, Fact::Sent { what, .. } if is_delivery(what))))
        }
        Fact::Dropped { what, .. } if is_delivery(what) => -1,
        Fact::Dropped { reason, what: Carried::Publish } => {
            let was_enqueued = match reason {
                DropReason::AutoAcked | DropReason::AckedEarly | DropReason::Rejected | DropReason::NotPersistent => {
                    true
                }
                // At rest in a queue or consumer; what is dropped on a link was never enqueued.
                DropReason::Removed => frame_of(trace, event.cause).is_none(),
                // A queue that gives up what it has says so first; one that refuses what comes does not.
                _ => trace.get(event.cause).is_some_and(|cause| matches!(cause.fact, Fact::Discarded { .. })),
            };
            -i64::from(was_enqueued)
        }
        _ => 0,
    }
}

impl Invariant for Automatic {
    fn read(&mut self, event: &TraceEvent, trace: &Trace, _: &mut Vec<Violation>) {
        let change = change(event, trace);
        if change != 0 {
            *self.owed.entry(event.message).or_default() += change;
        }
    }

    fn check(&self, simulation: &Simulation, found: &mut Vec<Violation>) {
        let mut balance = self.owed.clone();
        simulation.holds(&mut |_, message| *balance.entry(message).or_default() -= 1);
        simulation.each_in_flight(&mut |flight| {
            if is_delivery(flight.what) {
                *balance.entry(flight.message).or_default() -= 1;
            }
        });
        for (message, count) in balance.into_iter().filter(|(_, count)| *count != 0) {
            let text = format!("{count} more copies were enqueued than are done, lost or there");
            found.push(Violation::of(NodeId::default(), message, text));
        }
    }
}
