//! Checkers: what must hold in every run, whatever is drawn, broken or redrawn, stated over the trace.
//!
//! Here lives one file per [`Invariant`]. An invariant reads each trace event once and is then compared with what the
//! simulation holds now: in its queues, in its consumers and on its links. [`Audit`] reads the trace for all of them.
//! What does not live here: any rule of how a part behaves. A checker knows facts, not parts, so it can be wrong only
//! about what the facts mean.
//!
//! To add one, write its file with an [`Invariant`], and name it in [`Audit::default`] if it holds in every run. One that
//! holds only under a condition is added by [`Audit::and`] where the condition is known.

mod at_least_once;
mod automatic;
mod conservation;
mod duplicates;
mod frames;
mod ordering;
mod work;

use std::fmt;

use crate::kernel::trace::Trace;
use crate::kernel::Simulation;
use crate::vocabulary::{EventId, Fact, MessageId, NodeId, TraceEvent};

pub use at_least_once::AtLeastOnce;
pub use automatic::Automatic;
pub use conservation::Conservation;
pub use duplicates::Duplicates;
pub use frames::Frames;
pub use ordering::{LinkOrder, QueueOrder};
pub use work::Work;

/// Something that must not happen, and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub node: NodeId,
    /// To which message; [`MessageId::NONE`] if it is about none.
    pub message: MessageId,
    /// The event that shows it, or [`EventId::NONE`].
    pub event: EventId,
    /// What is wrong, as a sentence without its end.
    pub text: String,
}

impl fmt::Display for Violation {
    /// `node 3, message 1#12, event 77: is handed out twice without a return`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { node, message, event, text } = self;
        write!(formatter, "node {}, message {}{message}, event {}: {text}", node.0, message.origin.0, event.0)
    }
}

impl Violation {
    /// A violation that an event shows.
    pub fn at(event: &TraceEvent, text: impl Into<String>) -> Violation {
        Violation { node: event.node, message: event.message, event: event.id, text: text.into() }
    }

    /// A violation that the state of a part shows.
    pub fn of(node: NodeId, message: MessageId, text: impl Into<String>) -> Violation {
        Violation { node, message, event: EventId::NONE, text: text.into() }
    }
}

/// What must hold in a run.
pub trait Invariant {
    /// Reads the next event of the trace, which has the earlier ones.
    fn read(&mut self, event: &TraceEvent, trace: &Trace, found: &mut Vec<Violation>);

    /// Compares what was read with what is there now.
    fn check(&self, _simulation: &Simulation, _found: &mut Vec<Violation>) {}
}

/// The trace was longer than what is kept of it, so that the books can't be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceGap {
    /// The first event that is missing.
    pub missing: EventId,
}

/// A set of invariants and how far they have read. After a run went back in time, begin with a new one.
pub struct Audit {
    read: EventId,
    invariants: Vec<Box<dyn Invariant>>,
}

impl Default for Audit {
    /// Everything that holds in every run, whatever the product.
    fn default() -> Audit {
        Audit { read: EventId::NONE, invariants: Vec::new() }
            .and(Frames::default())
            .and(Conservation::default())
            .and(Work::default())
            .and(Duplicates::default())
            .and(LinkOrder::default())
    }
}

impl Audit {
    /// With one more invariant. To be called before the first sweep.
    pub fn and(mut self, invariant: impl Invariant + 'static) -> Audit {
        self.invariants.push(Box::new(invariant));
        self
    }

    /// Reads what is new in the trace and compares it with what is there now. Nothing is compared in a run that was
    /// halted at a limit, for there effects were left out.
    ///
    /// # Errors
    ///
    /// Events since the last sweep are no longer kept.
    pub fn sweep(&mut self, simulation: &Simulation) -> Result<Vec<Violation>, TraceGap> {
        let mut found = Vec::new();
        let trace = simulation.trace();
        for event in trace.after(self.read) {
            let expected = EventId(self.read.0 + 1);
            if event.id != expected {
                return Err(TraceGap { missing: expected });
            }
            self.read = event.id;
            self.invariants.iter_mut().for_each(|invariant| invariant.read(event, trace, &mut found));
        }
        if simulation.events_recorded() != self.read.0 {
            return Err(TraceGap { missing: EventId(self.read.0 + 1) });
        }
        if simulation.halted().is_none() {
            self.invariants.iter().for_each(|invariant| invariant.check(simulation, &mut found));
        }
        Ok(found)
    }
}

/// The event of this number, if it put a frame on a link.
fn frame_of(trace: &Trace, id: EventId) -> Option<&TraceEvent> {
    trace.get(id).filter(|event| matches!(event.fact, Fact::Sent { .. } | Fact::Duplicated { .. }))
}
