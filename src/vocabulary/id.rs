//! Identities inside one run. They are small numbers, given out in a fixed order and never reused.

use std::fmt;

/// A part of the drawing in a run: an index into the simulation's table of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// A network connection between two nodes, usable in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u32);

/// A wire that carries no traffic of its own: a relation inside one component, such as a binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WireId(pub u32);

/// A timer set by a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId(pub u64);

/// The number of a trace event, counted from 1 in the order of recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub u64);

impl EventId {
    /// Stands for "no event": the cause of what nothing in the run caused.
    pub const NONE: EventId = EventId(0);

    /// The id, unless it is [`EventId::NONE`].
    pub fn some(self) -> Option<EventId> {
        (self != Self::NONE).then_some(self)
    }
}

/// What an application calls "the message": made once by its origin, copied and redelivered without changing its name.
///
/// The number counts per origin, so that a producer more or less does not rename the messages of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// The node that made the message.
    pub origin: NodeId,
    /// Its number at that node, from 1. Zero: no application message (a subscription, say).
    pub number: u32,
}

impl MessageId {
    /// Stands for "about no application message".
    pub const NONE: MessageId = MessageId { origin: NodeId(0), number: 0 };

    /// The id, unless it is [`MessageId::NONE`].
    pub fn some(self) -> Option<MessageId> {
        (self.number != 0).then_some(self)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.number)
    }
}
