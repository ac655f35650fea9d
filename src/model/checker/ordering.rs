//! Order: a queue hands messages out for the first time in the order in which they came, and a link delivers frames in
//! the order of sending.
//!
//! For one publisher and one consumer without redelivery this is the order that AMQP 0-9-1 promises (specification,
//! 4.7). It is not promised where priorities, expiry and dead letters decide too, nor by products with other rules: there
//! [`QueueOrder`] is not asked. A frame that the link held back on purpose ([`Fact::Reordered`]) may come late; all others keep their order.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::trace::Trace;
use crate::vocabulary::{EventId, Fact, LinkId, MessageId, NodeId, TraceEvent};

use super::{Invariant, Violation};

/// First deliveries of all queues.
#[derive(Default)]
pub struct QueueOrder {
    /// For each copy that was not yet handed out, the events of its coming, oldest first.
    waiting: BTreeMap<(NodeId, MessageId), Vec<EventId>>,
    /// When the latest message that was handed out for the first time had come.
    latest: BTreeMap<NodeId, EventId>,
}

impl Invariant for QueueOrder {
    fn read(&mut self, event: &TraceEvent, _: &Trace, found: &mut Vec<Violation>) {
        match event.fact {
            Fact::Enqueued { .. } => self.waiting.entry((event.node, event.message)).or_default().push(event.id),
            Fact::Leased { .. } => {
                let Some(came) = self.waiting.get_mut(&(event.node, event.message)) else {
                    return found.push(Violation::at(event, "is handed out and never came"));
                };
                let first = came.remove(0);
                if came.is_empty() {
                    self.waiting.remove(&(event.node, event.message));
                }
                let latest = self.latest.entry(event.node).or_default();
                if first < *latest {
                    found.push(Violation::at(event, "is handed out after a message that came later"));
                }
                *latest = first.max(*latest);
            }
            _ => {}
        }
    }
}

/// Frames of all links, in both directions.
#[derive(Default)]
pub struct LinkOrder {
    /// The latest frame that arrived at this end, by the event that sent it.
    latest: BTreeMap<(LinkId, NodeId), EventId>,
    held_back: BTreeSet<EventId>,
}

impl Invariant for LinkOrder {
    fn read(&mut self, event: &TraceEvent, trace: &Trace, found: &mut Vec<Violation>) {
        match event.fact {
            Fact::Reordered { .. } => {
                self.held_back.insert(event.cause);
            }
            Fact::Delivered { link, .. } if !self.held_back.remove(&event.cause) => {
                // The second copy of a frame counts as sent when the first was.
                let sent = match trace.get(event.cause) {
                    Some(TraceEvent { fact: Fact::Duplicated { .. }, cause, .. }) => *cause,
                    _ => event.cause,
                };
                let latest = self.latest.entry((link, event.node)).or_default();
                if sent < *latest {
                    found.push(Violation::at(event, "arrives after a frame that was sent later"));
                }
                *latest = sent.max(*latest);
            }
            _ => {}
        }
    }
}
