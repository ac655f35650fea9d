//! Work that began ends, or goes on: completed, failed, abandoned, or still in the consumer's hands. No work begins on a
//! message that did not come in.

use std::collections::BTreeMap;

use crate::kernel::trace::Trace;
use crate::kernel::{ItemState, NodeCondition, Simulation};
use crate::vocabulary::{Carried, Fact, MessageId, NodeId, TraceEvent};

use super::{Invariant, Violation};

/// The work of all consumers, by consumer and message.
#[derive(Default)]
pub struct Work {
    /// Deliveries that came in and on which no work has begun: some of them were forgotten with their connection.
    arrived: BTreeMap<(NodeId, MessageId), i64>,
    busy: BTreeMap<NodeId, BTreeMap<MessageId, i64>>,
}

impl Invariant for Work {
    fn read(&mut self, event: &TraceEvent, _: &Trace, found: &mut Vec<Violation>) {
        let change = match event.fact {
            Fact::Delivered { what: Carried::Deliver | Carried::Redeliver, .. } => {
                *self.arrived.entry((event.node, event.message)).or_default() += 1;
                return;
            }
            Fact::Began { .. } => {
                let arrived = self.arrived.entry((event.node, event.message)).or_default();
                *arrived -= 1;
                if *arrived < 0 {
                    found.push(Violation::at(event, "work begins on a message that did not come in"));
                }
                1
            }
            Fact::Completed { .. } | Fact::Failed { .. } | Fact::Abandoned { .. } => -1,
            _ => return,
        };
        let busy = self.busy.entry(event.node).or_default();
        let works = busy.entry(event.message).or_default();
        *works += change;
        match *works {
            0 => {
                busy.remove(&event.message);
            }
            count if count < 0 => found.push(Violation::at(event, "work ends that did not begin")),
            _ => {}
        }
        let total: i64 = busy.values().sum();
        if event.fact.level() != Some((total.max(0) as u32, 0)) {
            found.push(Violation::at(event, format!("{total} messages are in work, and the fact says otherwise")));
        }
    }

    fn check(&self, simulation: &Simulation, found: &mut Vec<Violation>) {
        let present = |node: &NodeId| simulation.condition(*node) != NodeCondition::Removed;
        for (node, busy) in self.busy.iter().filter(|(node, _)| present(node)) {
            let mut balance = busy.clone();
            let items = simulation.inspect(*node, usize::MAX).items;
            for item in items.iter().filter(|item| item.state == ItemState::InWork) {
                *balance.entry(item.message).or_default() -= 1;
            }
            for (message, count) in balance.into_iter().filter(|(_, count)| *count != 0) {
                found.push(Violation::of(*node, message, format!("{count} more works began than ended or go on")));
            }
        }
    }
}
