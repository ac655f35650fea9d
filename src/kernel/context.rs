//! What a handler may ask for. What it asks for happens at once and in the order of asking, but never calls a component:
//! the others learn of it by what arrives in the calendar.

use std::rc::Rc;

use crate::vocabulary::{Content, Duration, EventId, Fact, LinkId, Message, MessageId, NodeId, Time, TimerId};

use super::digest::Digest;
use super::dispatch::Call;
use super::link::Port;
use super::rng::Stream;
use super::simulation::{Simulation, TraceMode};
use super::state::Scheduled;

/// The world as one handler sees it.
pub struct Context<'a> {
    /// Without the component that handles, which is taken out meanwhile.
    simulation: &'a mut Simulation,
    node: NodeId,
    link: Option<LinkId>,
    receiver: NodeId,
    cause: EventId,
    /// What the handler recorded last: about which message, and as which event.
    last: (MessageId, EventId),
    /// A node that is down can record what becomes of its messages, and nothing else.
    is_up: bool,
}

impl<'a> Context<'a> {
    #[inline(always)]
    pub(super) fn new(simulation: &'a mut Simulation, call: Call, is_up: bool) -> Context<'a> {
        let Call { node, link, receiver, cause } = call;
        Context { simulation, node, link, receiver, cause, last: (MessageId::NONE, cause), is_up }
    }
}

impl Context<'_> {
    /// The current virtual time.
    #[inline]
    pub fn now(&self) -> Time {
        self.simulation.now
    }

    /// The node of the component.
    #[inline]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The trace event that caused this call.
    #[inline]
    pub fn cause(&self) -> EventId {
        self.cause
    }

    /// The random stream of the component's node.
    #[inline]
    pub fn random(&mut self) -> &mut Stream {
        &mut self.simulation.randoms[self.node.0 as usize]
    }

    /// A new message id of the component's node.
    #[inline]
    pub fn next_message_id(&mut self) -> MessageId {
        let Some(node) = self.simulation.nodes.get_mut(self.node.0 as usize) else { return MessageId::NONE };
        node.messages_made = node.messages_made.saturating_add(1);
        MessageId { origin: self.node, number: node.messages_made }
    }

    /// The links at a port of `node`, in the order of their making.
    #[inline]
    pub fn links(&self, node: NodeId, port: Port) -> impl Iterator<Item = LinkId> + '_ {
        let links = self.simulation.nodes.get(node.0 as usize).map_or(&[][..], |node| &node.links[..]);
        links.iter().filter(move |(at, _)| *at == port).map(|(_, link)| *link)
    }

    /// Sends a copy of the message over every link at the port; returns over how many.
    #[inline]
    pub fn send(&mut self, port: Port, message: Message) -> usize {
        let node = self.node;
        let links = self.simulation.nodes.get(node.0 as usize).map_or(&[][..], |node| &node.links[..]);
        let mut at_port = links.iter().filter(|(at, _)| *at == port);
        match (at_port.next(), at_port.next()) {
            (Some((_, link)), None) => {
                self.send_link(node, *link, message);
                1
            }
            (None, _) => 0,
            _ => self.send_to_all(port, message),
        }
    }

    #[inline(never)]
    fn send_to_all(&mut self, port: Port, message: Message) -> usize {
        let links: Vec<LinkId> = self.links(self.node, port).collect();
        links.iter().for_each(|link| self.send_link(self.node, *link, message.clone()));
        links.len()
    }

    /// Sends the message over one link, from `from`: the component's node or one of its members.
    #[inline(never)]
    pub fn send_link(&mut self, from: NodeId, link: LinkId, message: Message) {
        if self.is_up {
            let label = message.label();
            let cause = self.cause_about(label.0);
            self.simulation.send(from, link, message, label, cause);
        }
    }

    /// The event that caused what is done now about a message.
    #[inline]
    fn cause_about(&self, message: MessageId) -> EventId {
        if self.last.0 == message {
            self.last.1
        } else {
            self.cause
        }
    }

    /// Sends the message back over the link on which the current one came. Does nothing outside `on_message`.
    #[inline]
    pub fn reply(&mut self, message: Message) {
        if let Some(link) = self.link {
            self.send_link(self.receiver, link, message);
        }
    }

    /// Sets a timer; when it runs out the component gets `on_timer` with the same id and key.
    #[inline(never)]
    pub fn set_timer(&mut self, after: Duration, key: u64) -> TimerId {
        let simulation = &mut *self.simulation;
        let ticket = simulation.calendar.reserve();
        let id = TimerId(ticket.packed());
        if self.is_up {
            simulation.check_pending();
            let (at, cause) = (simulation.now + after, self.last.1);
            simulation.calendar.push_reserved(ticket, at.0, Scheduled::Timer { node: self.node, id, key, cause });
        } else {
            simulation.calendar.give_back(ticket);
        }
        id
    }

    /// The part of its normal time that the work of the component's node takes, in per cent.
    #[inline]
    pub fn slow_percent(&self) -> u32 {
        self.simulation.nodes.get(self.node.0 as usize).map_or(100, |node| node.slow_percent)
    }

    /// Sets a timer for a stretch of work: it takes longer while the node is slowed down.
    #[inline]
    pub fn work(&mut self, span: Duration, key: u64) -> TimerId {
        let percent = self.slow_percent();
        let span = match percent {
            100 => span,
            _ => Duration((u128::from(span.0) * u128::from(percent) / 100).min(u128::from(u64::MAX)) as u64),
        };
        self.set_timer(span, key)
    }

    /// Takes a timer back. One that has run out already is ignored.
    pub fn cancel_timer(&mut self, id: TimerId) {
        if self.is_up {
            self.simulation.cancel_timer(self.node, id);
        }
    }

    /// Writes a fact about a message into the trace, at the component's node.
    #[inline(always)]
    pub fn record(&mut self, message: MessageId, fact: Fact) {
        self.record_at(self.node, message, fact);
    }

    /// Writes a fact about a message into the trace, at a member of the component.
    #[inline(always)]
    pub fn record_at(&mut self, node: NodeId, message: MessageId, fact: Fact) {
        // Here the kind of the fact is known to the compiler, and most of this is nothing.
        let digest = Digest::of_fact(&fact);
        self.record_digested(node, message, fact, digest);
    }

    #[inline(never)]
    fn record_digested(&mut self, node: NodeId, message: MessageId, fact: Fact, digest: u64) {
        let cause = self.cause_about(message);
        self.last = (message, self.simulation.record_digested(node, cause, message, fact, digest));
    }

    /// Keeps the content of a new message with the trace, so that it can be looked at.
    pub fn remember(&mut self, content: &Rc<Content>) {
        if self.simulation.mode == TraceMode::Full {
            self.simulation.trace.remember(content.clone());
        }
    }
}
