//! No copy of a message is ever unaccounted for.
//!
//! A message that was made is sent or dropped; one that arrives at a broker is stored or dropped, or routed on; what a
//! queue took in is acknowledged, discarded with a reason, or still there.

use std::collections::BTreeMap;

use crate::kernel::trace::Trace;
use crate::kernel::{NodeCondition, Simulation};
use crate::vocabulary::{Carried, EventId, Fact, MessageId, NodeId, TraceEvent};

use super::{Invariant, Violation};

/// What the trace says of copies so far.
#[derive(Default)]
pub struct Conservation {
    /// Copies in each queue.
    queued: BTreeMap<(NodeId, MessageId), i64>,
    /// Events after which something must be said about their message, with those who have not got it.
    owing: BTreeMap<EventId, TraceEvent>,
    /// The nodes that ever had something enqueued.
    levels: BTreeMap<NodeId, (u32, u32)>,
}

impl Invariant for Conservation {
    fn read(&mut self, event: &TraceEvent, _: &Trace, found: &mut Vec<Violation>) {
        if let Some(owed) = self.owing.get(&event.cause) {
            let is_answer = match owed.fact {
                Fact::Discarded { .. } => matches!(event.fact, Fact::Dropped { .. }),
                Fact::Published {} => matches!(event.fact, Fact::Sent { .. } | Fact::Dropped { .. }),
                _ => true,
            };
            if is_answer && owed.message == event.message {
                self.owing.remove(&event.cause);
            }
        }
        let change = match event.fact {
            Fact::Published {} | Fact::Delivered { what: Carried::Publish, .. } => {
                self.owing.insert(event.id, *event);
                0
            }
            Fact::Enqueued { .. } => 1,
            Fact::Discarded { .. } => {
                self.owing.insert(event.id, *event);
                -1
            }
            Fact::Acked { .. } | Fact::DeadLettered { .. } | Fact::Trimmed { .. } => -1,
            _ => 0,
        };
        if change != 0 {
            let copies = self.queued.entry((event.node, event.message)).or_default();
            *copies += change;
            match *copies {
                0 => {
                    self.queued.remove(&(event.node, event.message));
                }
                count if count < 0 => found.push(Violation::at(event, "a copy leaves a queue that it is not in")),
                _ => {}
            }
        }
        if let Fact::Enqueued { ready, unacked }
        | Fact::Leased { ready, unacked, .. }
        | Fact::Redelivered { ready, unacked, .. }
        | Fact::Acked { ready, unacked, .. }
        | Fact::Nacked { ready, unacked, .. }
        | Fact::Requeued { ready, unacked }
        | Fact::Expired { ready, unacked }
        | Fact::DeadLettered { ready, unacked, .. }
        | Fact::LeaseExpired { ready, unacked }
        | Fact::Trimmed { ready, unacked }
        | Fact::Discarded { ready, unacked } = event.fact
        {
            self.levels.insert(event.node, (ready, unacked));
        }
    }

    fn check(&self, simulation: &Simulation, found: &mut Vec<Violation>) {
        found.extend(self.owing.values().map(|event| Violation::at(event, "nothing is said of what became of it")));
        let mut balance = self.queued.clone();
        let mut totals: BTreeMap<NodeId, u32> = BTreeMap::new();
        simulation.holds(&mut |node, message| {
            if self.levels.contains_key(&node) {
                *balance.entry((node, message)).or_default() -= 1;
                *totals.entry(node).or_default() += 1;
            }
        });
        for ((node, message), count) in balance.into_iter().filter(|(_, count)| *count != 0) {
            let text = format!("{count} more copies went into the queue than left it or are in it");
            found.push(Violation::of(node, message, text));
        }
        for (node, level) in &self.levels {
            let held = totals.get(node).copied().unwrap_or(0);
            if simulation.condition(*node) != NodeCondition::Removed && level.0 + level.1 != held {
                let text = format!("the level is {level:?}, and {held} copies are held");
                found.push(Violation::of(*node, MessageId::NONE, text));
            }
        }
    }
}
