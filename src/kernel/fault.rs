//! Faults: what a person, or a plan, does to a run to see what breaks.

use crate::vocabulary::{LinkId, NodeId};

/// One fault, or the end of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The node stops without warning. Its peers notice after one latency, as the operating system closes its sockets.
    Crash(NodeId),
    /// A crashed node starts again.
    Restart(NodeId),
    /// The node is frozen: messages and timers wait until it is resumed, and no one notices.
    Pause(NodeId),
    /// A paused node goes on with all that waited, in order.
    Resume(NodeId),
    /// Work at the node takes this part of its normal time, in per cent (200: twice as long; 100: normal).
    Slow(NodeId, u32),
    /// Nothing passes the link.
    Partition(LinkId),
    /// The link passes frames again.
    Repair(LinkId),
}
