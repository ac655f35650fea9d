//! What a handler may ask for. Asking collects effects; the kernel applies them after the handler, in order.

use std::rc::Rc;

use crate::vocabulary::{Content, Duration, EventId, Fact, LinkId, Message, MessageId, NodeId, Time, TimerId};

use super::link::Port;
use super::rng::Stream;
use super::simulation::Node;

/// Something that a handler asked for.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    Send { from: NodeId, link: LinkId, message: Message },
    SetTimer { id: TimerId, after: Duration, key: u64 },
    CancelTimer { id: TimerId },
    Record { node: NodeId, message: MessageId, fact: Fact },
    Remember { content: Rc<Content> },
}

/// The world as one handler sees it.
pub struct Context<'a> {
    pub(super) now: Time,
    pub(super) node: NodeId,
    pub(super) link: Option<LinkId>,
    pub(super) receiver: NodeId,
    pub(super) cause: EventId,
    pub(super) effects: &'a mut Vec<Effect>,
    pub(super) nodes: &'a [Node],
    pub(super) random: &'a mut Stream,
    pub(super) messages_made: &'a mut u32,
    pub(super) timers_issued: &'a mut u64,
}

impl Context<'_> {
    /// The current virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The node of the component.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The trace event that caused this call.
    pub fn cause(&self) -> EventId {
        self.cause
    }

    /// The random stream of the component's node.
    pub fn random(&mut self) -> &mut Stream {
        self.random
    }

    /// A new message id of the component's node.
    pub fn next_message_id(&mut self) -> MessageId {
        *self.messages_made = self.messages_made.saturating_add(1);
        MessageId { origin: self.node, number: *self.messages_made }
    }

    /// The links at a port of `node`, in the order of their making.
    pub fn links(&self, node: NodeId, port: Port) -> impl Iterator<Item = LinkId> + '_ {
        let links = self.nodes.get(node.0 as usize).map_or(&[][..], |node| &node.links[..]);
        links.iter().filter(move |(at, _)| *at == port).map(|(_, link)| *link)
    }

    /// Sends a copy of the message over every link at the port; returns over how many.
    pub fn send(&mut self, port: Port, message: Message) -> usize {
        let node = self.node;
        let nodes = self.nodes;
        let links = nodes.get(node.0 as usize).map_or(&[][..], |node| &node.links[..]);
        let mut at_port = links.iter().filter(|(at, _)| *at == port).map(|(_, link)| *link);
        let Some(first) = at_port.next() else { return 0 };
        let mut count = 1;
        for link in at_port {
            self.effects.push(Effect::Send { from: node, link, message: message.clone() });
            count += 1;
        }
        // The first link gets the original, so that the common case copies nothing; its effect still comes first.
        let position = self.effects.len() + 1 - count;
        self.effects.insert(position, Effect::Send { from: node, link: first, message });
        count
    }

    /// Sends the message over one link, from `from`: the component's node or one of its members.
    pub fn send_link(&mut self, from: NodeId, link: LinkId, message: Message) {
        self.effects.push(Effect::Send { from, link, message });
    }

    /// Sends the message back over the link on which the current one came. Does nothing outside `on_message`.
    pub fn reply(&mut self, message: Message) {
        if let Some(link) = self.link {
            self.effects.push(Effect::Send { from: self.receiver, link, message });
        }
    }

    /// Sets a timer; when it runs out the component gets `on_timer` with the same id and key.
    pub fn set_timer(&mut self, after: Duration, key: u64) -> TimerId {
        *self.timers_issued += 1;
        let id = TimerId(*self.timers_issued);
        self.effects.push(Effect::SetTimer { id, after, key });
        id
    }

    /// Sets a timer for a stretch of work: it takes longer while the node is slowed down.
    pub fn work(&mut self, span: Duration, key: u64) -> TimerId {
        let percent = self.nodes.get(self.node.0 as usize).map_or(100, |node| node.slow_percent);
        let span = match percent {
            100 => span,
            _ => Duration((u128::from(span.0) * u128::from(percent) / 100).min(u128::from(u64::MAX)) as u64),
        };
        self.set_timer(span, key)
    }

    /// Takes a timer back. One that has run out already is ignored.
    pub fn cancel_timer(&mut self, id: TimerId) {
        self.effects.push(Effect::CancelTimer { id });
    }

    /// Writes a fact about a message into the trace, at the component's node.
    pub fn record(&mut self, message: MessageId, fact: Fact) {
        self.effects.push(Effect::Record { node: self.node, message, fact });
    }

    /// Writes a fact about a message into the trace, at a member of the component.
    pub fn record_at(&mut self, node: NodeId, message: MessageId, fact: Fact) {
        self.effects.push(Effect::Record { node, message, fact });
    }

    /// Keeps the content of a new message with the trace, so that it can be looked at.
    pub fn remember(&mut self, content: &Rc<Content>) {
        self.effects.push(Effect::Remember { content: content.clone() });
    }
}
