//! What can be said of a run: one closed list of facts, in the field's words.
//!
//! A trace is a sequence of [`TraceEvent`]s. Each fact has a [`Shape`], so that a diagram which can draw the five
//! shapes can draw every fact, and a new fact appears in all of them at once.

use super::carried::{Carried, DropReason};
use super::id::{EventId, LinkId, MessageId, NodeId};
use super::time::Time;

/// One line of the story: at this time, at this node, about this message, because of that, this happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceEvent {
    /// Its number, from 1 without a gap.
    pub id: EventId,
    /// When.
    pub at: Time,
    /// Where.
    pub node: NodeId,
    /// The event that made it happen: the edge of the happened-before graph. [`EventId::NONE`] for a first cause.
    pub cause: EventId,
    /// The application message that it is about, or [`MessageId::NONE`].
    pub message: MessageId,
    /// What happened.
    pub fact: Fact,
}

/// How a fact is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// From one node to another, over time.
    Arrow,
    /// A point at one node.
    Mark,
    /// The begin or end of a stretch of work at one node.
    Span,
    /// A quantity at one node that holds until the next.
    Level,
    /// A condition of a node or link that holds until the next.
    State,
}

/// What a sampled duration measures. Both count from the moment when the producer made the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Until a consumer began to work on it.
    Wait,
    /// Until the work was done.
    EndToEnd,
}

/// Defines the facts, their kinds without data, and the list of kinds, from one table.
macro_rules! facts {
    ($( $(#[doc = $doc:literal])+ $name:ident { $( $(#[doc = $field_doc:literal])+ $field:ident : $type:ty ),* } = $label:literal, $shape:ident; )+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Fact { $( $(#[doc = $doc])+ $name { $( $(#[doc = $field_doc])+ $field: $type ),* }, )+ }

        /// The name of a fact without its data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum FactKind { $( $(#[doc = $doc])+ $name, )+ }

        impl Fact {
            /// The fact without its data.
            #[inline]
            pub fn kind(&self) -> FactKind {
                match self { $( Fact::$name { .. } => FactKind::$name, )+ }
            }
        }

        impl FactKind {
            /// Every kind of fact, in the order of its number.
            pub const ALL: &'static [FactKind] = &[ $( FactKind::$name, )+ ];

            /// The word in traces, filters and counters.
            pub fn label(self) -> &'static str {
                match self { $( FactKind::$name => $label, )+ }
            }

            /// How it is drawn.
            pub fn shape(self) -> Shape {
                match self { $( FactKind::$name => Shape::$shape, )+ }
            }
        }
    };
}

facts! {
    /// A frame left for the other end of a link.
    Sent {
        /// The link.
        link: LinkId,
        /// The node at the other end.
        to: NodeId,
        /// What kind of frame.
        what: Carried
    } = "sent", Arrow;
    /// A frame came in over a link.
    Delivered {
        /// The link.
        link: LinkId,
        /// The node that sent it.
        from: NodeId,
        /// What kind of frame.
        what: Carried
    } = "received", Arrow;
    /// A message, or a frame about it, goes no further.
    Dropped {
        /// Why.
        reason: DropReason,
        /// What kind of frame was dropped; `Publish` for a message at rest.
        what: Carried
    } = "dropped", Mark;
    /// The link made a second copy of a frame.
    Duplicated {
        /// The link.
        link: LinkId
    } = "duplicated", Mark;
    /// The link held a frame back, so that later ones may overtake it.
    Reordered {
        /// The link.
        link: LinkId
    } = "held back", Mark;
    /// The node began to run.
    Started {} = "started", State;
    /// The node stopped without warning; what it kept in memory is gone.
    Crashed {} = "crashed", State;
    /// The node runs again.
    Restarted {} = "restarted", State;
    /// The node is frozen; what arrives waits.
    Paused {} = "paused", State;
    /// The node goes on.
    Resumed {} = "resumed", State;
    /// The node's work takes this part of its normal time, in per cent; 100 is normal.
    Slowed {
        /// Per cent of the normal time.
        percent: u32
    } = "slowed", State;
    /// Nothing passes the link; frames wait in it until it is repaired or its ends give up.
    Partitioned {
        /// The link.
        link: LinkId
    } = "partitioned", State;
    /// The link passes frames again.
    Repaired {
        /// The link.
        link: LinkId
    } = "repaired", State;
    /// An end of the link noticed that the other is gone.
    Disconnected {
        /// The node at the other end.
        peer: NodeId
    } = "connection lost", State;
    /// An end of the link noticed that the other is back.
    Reconnected {
        /// The node at the other end.
        peer: NodeId
    } = "connected again", State;
    /// A parameter was changed while the run went on.
    Configured {} = "configured", Mark;
    /// The node was taken out of the drawing.
    Removed {} = "removed", State;
    /// The producer made a message.
    Published {} = "published", Mark;
    /// The exchange sends a copy of the message to this queue or exchange.
    Routed {
        /// The queue or exchange.
        to: NodeId
    } = "routed", Mark;
    /// No binding matches the message.
    Unroutable {} = "unroutable", Mark;
    /// The message joined the tail of the queue.
    Enqueued {
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "enqueued", Level;
    /// The queue handed the message to a consumer, for the first time.
    Leased {
        /// The consumer.
        to: NodeId,
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "handed out", Level;
    /// The queue handed the message to a consumer again.
    Redelivered {
        /// The consumer.
        to: NodeId,
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "redelivered", Level;
    /// A consumer said that the message is done; the queue forgot it.
    Acked {
        /// The consumer.
        by: NodeId,
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "acked", Level;
    /// A consumer refused the message.
    Nacked {
        /// The consumer.
        by: NodeId,
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "nacked", Level;
    /// The message went back to its place in the queue.
    Requeued {
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "requeued", Level;
    /// The queue lost or gave up the message (a `Dropped` says why).
    Discarded {
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "discarded", Level;
    /// A consumer asked the queue for deliveries.
    Subscribed {
        /// The consumer.
        consumer: NodeId,
        /// Its prefetch limit; 0: none.
        prefetch: u16
    } = "subscribed", State;
    /// A consumer is no longer served by the queue.
    Unsubscribed {
        /// The consumer.
        consumer: NodeId
    } = "unsubscribed", State;
    /// The consumer began to work on the message.
    Began {
        /// Messages in work afterwards.
        busy: u16,
        /// Nanoseconds since the message was made.
        waited: u64
    } = "began", Span;
    /// The consumer finished its work on the message.
    Completed {
        /// Messages in work afterwards.
        busy: u16,
        /// Nanoseconds since the message was made.
        latency: u64
    } = "completed", Span;
    /// The consumer's work on the message failed.
    Failed {
        /// Messages in work afterwards.
        busy: u16
    } = "failed", Span;
    /// The consumer stopped in the middle of its work on the message.
    Abandoned {
        /// Messages in work afterwards.
        busy: u16
    } = "abandoned", Span;
    /// The run can't go on: a limit of the simulator was reached.
    Halted {} = "halted", State;
    /// The message's time to live ran out in the queue (what follows says where it goes).
    Expired {
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "expired", Level;
    /// The queue gave the message away as a dead letter.
    DeadLettered {
        /// Where it goes: an exchange, queue or topic.
        to: NodeId,
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "dead-lettered", Level;
    /// The consumer's time with the message ran out; it can be handed out again.
    LeaseExpired {
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "lease expired", Level;
    /// The log or stream no longer has the message: retention, trimming or compaction.
    Trimmed {
        /// Messages ready afterwards.
        ready: u32,
        /// Messages held by consumers afterwards.
        unacked: u32
    } = "trimmed", Level;
    /// The broker told the producer that it has the message.
    Confirmed {} = "confirmed", Mark;
    /// The broker told the producer that it does not take the message.
    Refused {} = "refused", Mark;
    /// The broker gave the message back to the producer.
    Returned {} = "returned", Mark;
    /// The broker has seen the message before and stored nothing.
    Deduplicated {} = "duplicate ignored", Mark;
    /// A consumer got more time for the message.
    Extended {
        /// The consumer.
        by: NodeId
    } = "more time", Mark;
    /// A reader's position was saved.
    Committed {
        /// The reader.
        by: NodeId,
        /// The partition.
        partition: u32,
        /// The next offset to read.
        offset: u32
    } = "offset committed", Mark;
    /// A group's position was set by hand.
    Sought {
        /// The partition.
        partition: u32,
        /// The next offset to read.
        offset: u32
    } = "position set", Mark;
    /// A member of a group got a partition.
    Assigned {
        /// The member.
        to: NodeId,
        /// The partition.
        partition: u32
    } = "assigned", State;
    /// A member of a group gave a partition up, or lost it.
    Revoked {
        /// The member.
        from: NodeId,
        /// The partition.
        partition: u32
    } = "revoked", State;
    /// The members of a group shared the partitions anew.
    Rebalanced {
        /// The generation that begins.
        generation: u32,
        /// Its members.
        members: u32
    } = "rebalanced", State;
    /// A partition has another leader.
    LeaderElected {
        /// The partition.
        partition: u32,
        /// The broker's number in its cluster; `u32::MAX`: the partition is offline.
        leader: u32
    } = "leader elected", State;
    /// The set of replicas that are in sync changed.
    InSync {
        /// The partition.
        partition: u32,
        /// How many are in sync.
        replicas: u32
    } = "in-sync replicas", State;
    /// Another broker of the cluster keeps a group's members and offsets from now on.
    Coordinated {
        /// The broker's number in its cluster.
        leader: u32
    } = "coordinator", State;
}

impl Fact {
    /// How it is drawn.
    pub fn shape(&self) -> Shape {
        self.kind().shape()
    }

    /// The quantities that hold at the node from now on: (ready, unacked) at a queue, (busy, 0) at a consumer.
    #[inline(always)]
    pub fn level(&self) -> Option<(u32, u32)> {
        match *self {
            Fact::Enqueued { ready, unacked }
            | Fact::Leased { ready, unacked, .. }
            | Fact::Redelivered { ready, unacked, .. }
            | Fact::Acked { ready, unacked, .. }
            | Fact::Nacked { ready, unacked, .. }
            | Fact::Requeued { ready, unacked }
            | Fact::Discarded { ready, unacked }
            | Fact::Expired { ready, unacked }
            | Fact::DeadLettered { ready, unacked, .. }
            | Fact::LeaseExpired { ready, unacked }
            | Fact::Trimmed { ready, unacked } => Some((ready, unacked)),
            Fact::Began { busy, .. }
            | Fact::Completed { busy, .. }
            | Fact::Failed { busy }
            | Fact::Abandoned { busy } => Some((u32::from(busy), 0)),
            _ => None,
        }
    }

    /// A duration to add to the statistics of the node, in nanoseconds.
    #[inline(always)]
    pub fn sample(&self) -> Option<(Measure, u64)> {
        match *self {
            Fact::Began { waited, .. } => Some((Measure::Wait, waited)),
            Fact::Completed { latency, .. } => Some((Measure::EndToEnd, latency)),
            _ => None,
        }
    }

    /// The other node of the fact, if there is one.
    pub fn peer(&self) -> Option<NodeId> {
        match *self {
            Fact::Sent { to, .. }
            | Fact::Routed { to }
            | Fact::Leased { to, .. }
            | Fact::Redelivered { to, .. }
            | Fact::DeadLettered { to, .. }
            | Fact::Assigned { to, .. } => Some(to),
            Fact::Extended { by } | Fact::Committed { by, .. } => Some(by),
            Fact::Revoked { from, .. } => Some(from),
            Fact::Delivered { from, .. } => Some(from),
            Fact::Disconnected { peer } | Fact::Reconnected { peer } => Some(peer),
            Fact::Acked { by, .. } | Fact::Nacked { by, .. } => Some(by),
            Fact::Subscribed { consumer, .. } | Fact::Unsubscribed { consumer } => Some(consumer),
            _ => None,
        }
    }

    /// The data of the fact as two words, for the digest.
    #[inline(always)]
    pub fn words(&self) -> (u64, u64) {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        match *self {
            Fact::Sent { link, to, what } => (pair(link.0, to.0), what as u64),
            Fact::Delivered { link, from, what } => (pair(link.0, from.0), what as u64),
            Fact::Dropped { reason, what } => (reason as u64, what as u64),
            Fact::Duplicated { link }
            | Fact::Reordered { link }
            | Fact::Partitioned { link }
            | Fact::Repaired { link } => (u64::from(link.0), 0),
            Fact::Disconnected { peer } | Fact::Reconnected { peer } => (u64::from(peer.0), 0),
            Fact::Slowed { percent } | Fact::Coordinated { leader: percent } => (u64::from(percent), 0),
            Fact::Routed { to } => (u64::from(to.0), 0),
            Fact::Enqueued { ready, unacked }
            | Fact::Requeued { ready, unacked }
            | Fact::Discarded { ready, unacked }
            | Fact::Expired { ready, unacked }
            | Fact::LeaseExpired { ready, unacked }
            | Fact::Trimmed { ready, unacked } => (pair(ready, unacked), 0),
            Fact::Leased { to, ready, unacked }
            | Fact::Redelivered { to, ready, unacked }
            | Fact::DeadLettered { to, ready, unacked } => (pair(ready, unacked), u64::from(to.0)),
            Fact::Extended { by } => (u64::from(by.0), 0),
            Fact::Committed { by, partition, offset } => (pair(partition, offset), u64::from(by.0)),
            Fact::Sought { partition, offset } => (pair(partition, offset), 0),
            Fact::Assigned { to: node, partition } | Fact::Revoked { from: node, partition } => {
                (pair(node.0, partition), 0)
            }
            Fact::Rebalanced { generation, members } => (pair(generation, members), 0),
            Fact::LeaderElected { partition, leader: count } | Fact::InSync { partition, replicas: count } => {
                (pair(partition, count), 0)
            }
            Fact::Acked { by, ready, unacked } | Fact::Nacked { by, ready, unacked } => {
                (pair(ready, unacked), u64::from(by.0))
            }
            Fact::Subscribed { consumer, prefetch } => (pair(consumer.0, u32::from(prefetch)), 0),
            Fact::Unsubscribed { consumer } => (u64::from(consumer.0), 0),
            Fact::Began { busy, waited } => (waited, u64::from(busy)),
            Fact::Completed { busy, latency } => (latency, u64::from(busy)),
            Fact::Failed { busy } | Fact::Abandoned { busy } => (u64::from(busy), 0),
            Fact::Started {}
            | Fact::Crashed {}
            | Fact::Restarted {}
            | Fact::Paused {}
            | Fact::Resumed {}
            | Fact::Configured {}
            | Fact::Removed {}
            | Fact::Published {}
            | Fact::Unroutable {}
            | Fact::Halted {}
            | Fact::Confirmed {}
            | Fact::Refused {}
            | Fact::Returned {}
            | Fact::Deduplicated {} => (0, 0),
        }
    }
}
