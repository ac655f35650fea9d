//! Links: where messages take time, get lost, doubled or held up.
//!
//! Reproduces a connection-oriented stream (TCP): frames of one direction arrive in the order of sending, a partition
//! holds them back, and after `heartbeat` without contact both ends give the connection up and what was on the way is
//! gone. `loss`, `duplicate` and `reorder` break the stream's promises on purpose, to show what they are worth.
//! Leaves out: bandwidth, window sizes, slow start, the round trips of opening a connection.

use crate::vocabulary::{Distribution, Duration, NodeId, Time};

use super::rng::Stream;

/// Where on a node a link ends. The numbers belong to the node's kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(pub u8);

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkEnd {
    /// The node.
    pub node: NodeId,
    /// Its port.
    pub port: Port,
}

/// How a link treats what it carries; the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkSpec {
    /// The time from sending to arrival, drawn for each frame.
    pub latency: Distribution,
    /// The chance, 0 to 1, that a frame never arrives.
    pub loss: f64,
    /// The chance, 0 to 1, that a frame arrives twice.
    pub duplicate: f64,
    /// The chance, 0 to 1, that a frame is held back for a second latency while later ones overtake it.
    pub reorder: f64,
    /// How long the ends of a partitioned link wait before they give the connection up.
    /// RabbitMQ 3.10: a heartbeat timeout of 60 s (rabbitmq.com, "Detecting Dead TCP Connections with Heartbeats").
    pub heartbeat: Duration,
}

impl Default for LinkSpec {
    fn default() -> LinkSpec {
        LinkSpec {
            latency: Distribution::ZERO,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            heartbeat: Duration::from_secs(60),
        }
    }
}

impl LinkSpec {
    /// True if frames may get lost, doubled or out of order.
    pub(super) fn faulty(&self) -> bool {
        self.loss > 0.0 || self.duplicate > 0.0 || self.reorder > 0.0
    }
}

/// Whether a link passes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkCondition {
    /// It does.
    Up,
    /// It holds them; the ends still believe in the connection.
    Partitioned,
    /// It holds none: the ends gave the connection up and wait for the repair.
    GivenUp,
    /// It was removed from the drawing.
    Removed,
}

/// A link in a run, in one cache line: what most links share is elsewhere.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Link {
    /// The two ends. Direction 0 runs from the first to the second.
    pub ends: [LinkEnd; 2],
    /// Which of the simulation's specifications it has.
    pub(super) spec: u16,
    /// Whether frames may get lost, doubled or out of order, from the specification.
    pub(super) faulty: bool,
    /// The connection that each end believes in.
    pub(super) epochs: [u32; 2],
    /// Whether it passes frames.
    pub condition: LinkCondition,
    /// Its random stream.
    pub(super) random: Stream,
    /// The latest arrival so far in each direction: later frames arrive no earlier.
    pub(super) latest_arrival: [Time; 2],
}

const _: () = assert!(std::mem::size_of::<Link>() == 64);

impl Link {
    /// The direction of what leaves from `node`.
    #[inline]
    pub(super) fn direction_from(&self, node: NodeId) -> u8 {
        u8::from(self.ends[0].node != node)
    }

    /// When a frame that is sent now arrives: after a latency, and not before what was sent earlier.
    #[inline]
    pub(super) fn next_arrival(&mut self, direction: u8, now: Time, spec: &LinkSpec) -> Time {
        let latency = self.random.sample(&spec.latency);
        let latest = &mut self.latest_arrival[usize::from(direction & 1)];
        *latest = (now + latency).max(*latest);
        *latest
    }

    /// The end opposite to `direction`'s start: where a frame of that direction arrives.
    #[inline]
    pub(super) fn arrival_end(&self, direction: u8) -> LinkEnd {
        self.ends[usize::from(1 - (direction & 1))]
    }

    /// The end where a frame of that direction was sent.
    #[inline]
    pub(super) fn departure_end(&self, direction: u8) -> LinkEnd {
        self.ends[usize::from(direction & 1)]
    }
}
