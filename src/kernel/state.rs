//! What a run is made of: its nodes, what waits in the calendar, and frames on their way. The sizes here decide how
//! fast a run of ten thousand parts is, because each event then has to wait for memory.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::vocabulary::{Carried, EventId, LinkId, Message, MessageId, NodeId, Time, TimerId};

use super::component::Component;
use super::fault::Fault;
use super::link::Port;

/// Whether a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeCondition {
    /// It does.
    Running,
    /// It crashed.
    Down,
    /// It is frozen.
    Paused,
    /// It was taken out of the drawing.
    Removed,
}

/// What the kernel knows of a node, in one cache line.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Node {
    /// The node whose component acts for this one: itself, or the host of a member.
    pub(super) host: NodeId,
    pub(super) messages_made: u32,
    /// The time that work takes, in per cent of normal.
    pub(super) slow_percent: u32,
    pub(super) condition: NodeCondition,
    /// A member has none. It is also away while it handles something.
    pub(super) component: Option<Box<dyn Component>>,
    /// Its links, by port, in the order of their making.
    pub(super) links: SmallVec<[(Port, LinkId); 2]>,
}

impl Clone for Box<dyn Component> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// What waits in the calendar.
#[derive(Clone, Debug)]
pub(super) enum Scheduled {
    Start {
        node: NodeId,
    },
    Frame(Frame),
    Timer {
        node: NodeId,
        id: TimerId,
        key: u64,
        cause: EventId,
    },
    Notice {
        link: LinkId,
        direction: u8,
        lost: bool,
        cause: EventId,
    },
    GiveUp {
        link: LinkId,
        partition: u32,
    },
    Fault(Fault),
    /// A node that goes on takes up the next thing that waited.
    CatchUp {
        node: NodeId,
    },
}

impl Default for Scheduled {
    /// What is left in the calendar where an event was.
    fn default() -> Scheduled {
        Scheduled::Start { node: NodeId(0) }
    }
}

// Together with the calendar's own 16 bytes this is a cache line.
const _: () = assert!(std::mem::size_of::<Scheduled>() <= 48);
const _: () = assert!(std::mem::size_of::<Node>() == 64);

/// A link and a direction on it: 0 from its first end to its second, 1 back. Packed into one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path(u32);

impl Path {
    #[inline]
    pub(super) fn new(link: LinkId, direction: u8) -> Path {
        Path(link.0 << 1 | u32::from(direction & 1))
    }

    #[inline]
    pub(super) fn link(self) -> LinkId {
        LinkId(self.0 >> 1)
    }

    #[inline]
    pub(super) fn direction(self) -> u8 {
        (self.0 & 1) as u8
    }
}

/// A message on a link.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) path: Path,
    /// The connection that it was sent over; an older one than the receiver's is dead.
    pub(super) epoch: u32,
    pub(super) sent: Time,
    pub(super) cause: EventId,
    pub(super) message: Message,
}

/// What waits for a node while it is paused.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    pub(super) held: VecDeque<Scheduled>,
    /// The node goes on, and works off what is held before anything else.
    pub(super) is_catching_up: bool,
}

/// What a partitioned link holds back.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldBack {
    pub(super) waiting: VecDeque<Scheduled>,
    /// Counts partitions, so that a give-up timer of an old one is recognised.
    pub(super) partitions: u32,
}

/// A frame on its way, for pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flight {
    /// The link.
    pub link: LinkId,
    /// 0: from the link's first end to its second; 1: back.
    pub direction: u8,
    /// When it left.
    pub sent: Time,
    /// When it arrives; [`Time::MAX`] while a partition holds it.
    pub arrives: Time,
    /// The application message that it is about.
    pub message: MessageId,
    /// What kind of frame.
    pub what: Carried,
}

impl Flight {
    /// What is seen of an event of the calendar, if it is a frame.
    pub(super) fn of(arrives: Time, scheduled: &Scheduled) -> Option<Flight> {
        match scheduled {
            Scheduled::Frame(frame) => Some(Flight {
                link: frame.path.link(),
                direction: frame.path.direction(),
                sent: frame.sent,
                arrives,
                message: frame.message.about(),
                what: frame.message.carried(),
            }),
            _ => None,
        }
    }
}
