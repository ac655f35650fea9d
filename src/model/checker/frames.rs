//! Every frame that was sent arrives, is dropped with a reason, or is on its way.

use std::collections::BTreeMap;

use crate::kernel::trace::Trace;
use crate::kernel::Simulation;
use crate::vocabulary::{Carried, EventId, Fact, LinkId, MessageId, NodeId, TraceEvent};

use super::{Invariant, Violation};

/// A frame on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Frame {
    link: LinkId,
    to: NodeId,
    message: MessageId,
    what: Carried,
}

/// The frames on their way, by the event that sent them.
#[derive(Default)]
pub struct Frames {
    open: BTreeMap<EventId, Frame>,
}

impl Invariant for Frames {
    fn read(&mut self, event: &TraceEvent, _: &Trace, found: &mut Vec<Violation>) {
        match event.fact {
            Fact::Sent { link, to, what } => {
                self.open.insert(event.id, Frame { link, to, message: event.message, what });
            }
            Fact::Duplicated { .. } => match self.open.get(&event.cause).copied() {
                Some(frame) => {
                    self.open.insert(event.id, frame);
                }
                None => found.push(Violation::at(event, "a frame is doubled that is not on its way")),
            },
            Fact::Delivered { link, what, .. } => {
                let arrived = Frame { link, to: event.node, message: event.message, what };
                if self.open.remove(&event.cause) != Some(arrived) {
                    found.push(Violation::at(event, "a frame arrives that is not on its way"));
                }
            }
            Fact::Dropped { what, .. } => {
                if let Some(frame) = self.open.remove(&event.cause) {
                    if (frame.message, frame.what) != (event.message, what) {
                        found.push(Violation::at(event, "another frame is dropped than was sent"));
                    }
                }
            }
            _ => {}
        }
    }

    fn check(&self, simulation: &Simulation, found: &mut Vec<Violation>) {
        let mut balance: BTreeMap<Frame, i64> = BTreeMap::new();
        self.open.values().for_each(|frame| *balance.entry(*frame).or_default() += 1);
        simulation.each_in_flight(&mut |flight| {
            let Some(link) = simulation.link(flight.link) else { return };
            let to = link.ends[usize::from(1 - flight.direction)].node;
            let frame = Frame { link: flight.link, to, message: flight.message, what: flight.what };
            *balance.entry(frame).or_default() -= 1;
        });
        for (frame, count) in balance.into_iter().filter(|(_, count)| *count != 0) {
            let text =
                format!("{count} more frames ({}) were sent than arrived or are on their way", frame.what.label());
            found.push(Violation::of(frame.to, frame.message, text));
        }
    }
}
