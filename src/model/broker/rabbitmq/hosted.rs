//! A queue inside the server: its declaration, its messages, and whose turn it is.

use std::rc::Rc;

use crate::model::broker::server::Session;
use crate::vocabulary::{Content, NodeId, Time, WireId};

use super::arguments::{Overflow, QueueSpec, Version};
use super::matcher::Place;
use super::ready::{Ready, Stored};
use super::turns::Turns;
use super::unburied::Unburied;

/// A wire for dead letters.
#[derive(Clone, Debug)]
pub struct DeadWire {
    pub wire: WireId,
    pub to: Place,
    /// The key of the dead letters; empty: the one that the message has.
    pub key: Rc<str>,
}

/// A queue. The numbers of queues are never given to others.
#[derive(Clone)]
pub struct Queue {
    pub name: Rc<str>,
    /// Its node, if it was drawn.
    pub node: Option<NodeId>,
    /// False after it was deleted or expired.
    pub is_there: bool,
    pub spec: QueueSpec,
    /// The connection of an exclusive queue.
    pub owner: Option<Session>,
    /// The first one counts: RabbitMQ has one dead-letter exchange per queue.
    pub dead_wires: Vec<DeadWire>,
    pub ready: Ready,
    /// Messages that consumers hold.
    pub unacked: u32,
    pub positions_given: u64,
    /// In the order of subscription.
    pub consumers: Vec<u32>,
    /// The one that is served, with a single active consumer.
    pub active: Option<u32>,
    pub turns: Turns,
    pub had_consumer: bool,
    /// When it was used last, for its expiry.
    pub used: Time,
    /// When the server looks after it next; [`Time::MAX`] if never.
    pub armed: Time,
    /// True once a message came whose time to live has an end.
    pub has_deadlines: bool,
    /// Whether its length is limited.
    pub has_limits: bool,
    /// How often a message may come back.
    pub returns_max: Option<u32>,
    /// What consumers held when the broker crashed. Counts as held until it runs again.
    pub recovering: Vec<Stored>,
    /// Dead letters that no target has confirmed. They count as held.
    pub unburied: Unburied,
}

impl Queue {
    /// A queue with nothing in it.
    pub fn new(name: Rc<str>, node: Option<NodeId>, spec: QueueSpec, version: Version, now: Time) -> Queue {
        Queue {
            name,
            node,
            is_there: true,
            owner: None,
            dead_wires: Vec::new(),
            ready: Ready::new(&spec, version),
            unacked: 0,
            positions_given: 0,
            consumers: Vec::new(),
            active: None,
            turns: Turns::default(),
            had_consumer: false,
            used: now,
            armed: Time::MAX,
            has_deadlines: false,
            has_limits: spec.max_length.is_some() || spec.max_bytes.is_some(),
            returns_max: spec.returns_max(version),
            recovering: Vec::new(),
            unburied: Unburied::default(),
            spec,
        }
    }

    /// Gives it another declaration. What is inside stays, in its new order.
    pub fn respecify(&mut self, spec: QueueSpec, version: Version) {
        let mut ready = Ready::new(&spec, version);
        while let Some(stored) = self.ready.pop() {
            ready.push(stored);
        }
        self.ready = ready;
        self.has_limits = spec.max_length.is_some() || spec.max_bytes.is_some();
        self.returns_max = spec.returns_max(version);
        self.spec = spec;
    }

    /// Puts a message that came in at the tail.
    #[inline]
    pub fn push(&mut self, content: Rc<Content>, exchange: u32, has_died: bool, now: Time) {
        self.positions_given += 1;
        let deadline = match (content.expiration, self.spec.message_ttl) {
            (None, None) => Time::MAX,
            (Some(span), None) | (None, Some(span)) => now + span,
            (Some(own), Some(of_queue)) => now + own.min(of_queue),
        };
        self.has_deadlines |= deadline != Time::MAX;
        let position = self.positions_given;
        self.ready.push(Stored { position, deadline, exchange, returns: 0, redelivered: false, has_died, content });
    }

    /// Whether the message would go over a limit at which new messages are refused.
    #[inline]
    pub fn refuses(&self, content: &Content) -> bool {
        if !self.has_limits || self.spec.overflow == Overflow::DropHead {
            return false;
        }
        let (dead, dead_bytes) = (self.unburied.len() as u64, self.unburied.bytes());
        let count = self.ready.len() as u64 + dead + 1;
        let bytes = self.ready.bytes() + dead_bytes + content.payload.len() as u64;
        self.spec.max_length.is_some_and(|max| count > max) || self.spec.max_bytes.is_some_and(|max| bytes > max)
    }

    /// Whether its first message has to go for the length.
    #[inline]
    pub fn is_over(&self) -> bool {
        let (count, bytes) = (self.ready.len() as u64, self.ready.bytes());
        self.has_limits
            && self.spec.overflow == Overflow::DropHead
            && (self.spec.max_length.is_some_and(|max| count > max)
                || self.spec.max_bytes.is_some_and(|max| bytes > max))
    }

    /// Whether the time of its first message is over.
    #[inline]
    pub fn has_expired_head(&self, now: Time) -> bool {
        self.has_deadlines && self.ready.head().is_some_and(|head| head.deadline <= now)
    }

    /// When something happens to it by itself.
    pub fn due(&self) -> Time {
        let head = match self.has_deadlines {
            true => self.ready.head().map_or(Time::MAX, |head| head.deadline),
            false => Time::MAX,
        };
        [self.expiry(), self.unburied.due()].into_iter().flatten().fold(head, Time::min)
    }

    /// When it expires if nobody uses it.
    pub fn expiry(&self) -> Option<Time> {
        let expires = self.spec.expires.filter(|_| self.is_there && self.consumers.is_empty())?;
        Some(self.used + expires)
    }
}
