//! What a handler may ask for. Asking collects effects; the kernel applies them after the handler, in order.

use std::mem::ManuallyDrop;
use std::rc::Rc;

use crate::vocabulary::{Content, Duration, EventId, Fact, LinkId, Message, MessageId, NodeId, Time, TimerId};

use super::calendar::{Calendar, Ticket};
use super::digest::Digest;
use super::link::Port;
use super::rng::Stream;
use super::state::{Node, Scheduled};

/// Something that a handler asked for. What it owns is taken out when it is applied, so that nothing is left to drop.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Send { from: NodeId, link: LinkId, message: ManuallyDrop<Message> },
    SetTimer { ticket: Ticket, after: Duration, key: u64 },
    CancelTimer { id: TimerId },
    Record { node: NodeId, message: MessageId, fact: Fact, digest: u64 },
    Remember { content: ManuallyDrop<Option<Rc<Content>>> },
}

/// The world as one handler sees it.
pub struct Context<'a> {
    pub(super) now: Time,
    pub(super) node: NodeId,
    pub(super) link: Option<LinkId>,
    pub(super) receiver: NodeId,
    pub(super) cause: EventId,
    pub(super) effects: &'a mut Vec<Effect>,
    pub(super) nodes: &'a mut [Node],
    pub(super) random: &'a mut Stream,
    pub(super) calendar: &'a mut Calendar<Scheduled>,
}

impl Context<'_> {
    /// The current virtual time.
    #[inline]
    pub fn now(&self) -> Time {
        self.now
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
        self.random
    }

    /// A new message id of the component's node.
    #[inline]
    pub fn next_message_id(&mut self) -> MessageId {
        let Some(node) = self.nodes.get_mut(self.node.0 as usize) else { return MessageId::NONE };
        node.messages_made = node.messages_made.saturating_add(1);
        MessageId { origin: self.node, number: node.messages_made }
    }

    /// The links at a port of `node`, in the order of their making.
    #[inline]
    pub fn links(&self, node: NodeId, port: Port) -> impl Iterator<Item = LinkId> + '_ {
        let links = self.nodes.get(node.0 as usize).map_or(&[][..], |node| &node.links[..]);
        links.iter().filter(move |(at, _)| *at == port).map(|(_, link)| *link)
    }

    /// Sends a copy of the message over every link at the port; returns over how many.
    #[inline(always)]
    pub fn send(&mut self, port: Port, message: Message) -> usize {
        let node = self.node;
        let links = self.nodes.get(node.0 as usize).map_or(&[][..], |node| &node.links[..]);
        let mut at_port = links.iter().filter(|(at, _)| *at == port);
        match (at_port.next(), at_port.next()) {
            // The common case, made where the message is made, so that it is written once and not moved.
            (Some((_, link)), None) => {
                self.effects.push(Effect::Send { from: node, link: *link, message: ManuallyDrop::new(message) });
                1
            }
            _ => self.send_to_all(port, message),
        }
    }

    #[inline(never)]
    fn send_to_all(&mut self, port: Port, message: Message) -> usize {
        let node = self.node;
        let links = self.nodes.get(node.0 as usize).map_or(&[][..], |node| &node.links[..]);
        let mut at_port = links.iter().filter(|(at, _)| *at == port).map(|(_, link)| *link);
        let Some(mut link) = at_port.next() else { return 0 };
        let mut count = 1;
        for next in at_port {
            self.effects.push(Effect::Send { from: node, link, message: ManuallyDrop::new(message.clone()) });
            link = next;
            count += 1;
        }
        self.effects.push(Effect::Send { from: node, link, message: ManuallyDrop::new(message) });
        count
    }

    /// Sends the message over one link, from `from`: the component's node or one of its members.
    #[inline]
    pub fn send_link(&mut self, from: NodeId, link: LinkId, message: Message) {
        self.effects.push(Effect::Send { from, link, message: ManuallyDrop::new(message) });
    }

    /// Sends the message back over the link on which the current one came. Does nothing outside `on_message`.
    #[inline]
    pub fn reply(&mut self, message: Message) {
        if let Some(link) = self.link {
            self.effects.push(Effect::Send { from: self.receiver, link, message: ManuallyDrop::new(message) });
        }
    }

    /// Sets a timer; when it runs out the component gets `on_timer` with the same id and key.
    #[inline]
    pub fn set_timer(&mut self, after: Duration, key: u64) -> TimerId {
        let ticket = self.calendar.reserve();
        self.effects.push(Effect::SetTimer { ticket, after, key });
        TimerId(ticket.packed())
    }

    /// The part of its normal time that the work of the component's node takes, in per cent.
    #[inline]
    pub fn slow_percent(&self) -> u32 {
        self.nodes.get(self.node.0 as usize).map_or(100, |node| node.slow_percent)
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
    #[inline]
    pub fn cancel_timer(&mut self, id: TimerId) {
        self.effects.push(Effect::CancelTimer { id });
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
        self.effects.push(Effect::Record { node, message, fact, digest });
    }

    /// Keeps the content of a new message with the trace, so that it can be looked at.
    pub fn remember(&mut self, content: &Rc<Content>) {
        self.effects.push(Effect::Remember { content: ManuallyDrop::new(Some(content.clone())) });
    }
}
