//! Messages on their way in and out: published, routed, stored, handed out.
//!
//! Every copy of a message ends in one of these ways: enqueued, unroutable, refused or dropped at a limit; and every
//! enqueued one is acked, dead-lettered, discarded with a reason, or still held by its queue.
//!
//! Reproduces: RabbitMQ 3.10 (rabbitmq-server, `rabbit_amqqueue_process`): a full queue that refuses looks before it
//! takes a message; any other hands the message to a waiting consumer first and only then looks at its length and at
//! times to live ("Queue Length Limit", "Time-To-Live and Expiration"). The return of a mandatory message comes before
//! its confirm, and a message that found no queue is confirmed like any other; it is refused only if a queue refused it
//! ("Consumer Acknowledgements and Publisher Confirms").
//!
//! A confirm waits for the disk if a queue has to write the message there: a persistent one in a durable queue, and any
//! in a quorum queue. It is held back only while the disk is slow.
//!
//! Leaves out: confirms of several messages at once; here each is confirmed by itself. That a message which was consumed
//! before it was written is confirmed sooner.

use std::rc::Rc;

use serde_json::json;

use crate::model::broker::broker::HELD_MAX;
use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, Content, DropReason, Fact, HeaderValue, MessageId, NodeId, Time};

use super::arguments::Overflow;
use super::channel::{Held, NONE};
use super::console::content_json;
use super::death::{Dead, Reason};
use super::matcher::Place;
use super::ready::Stored;
use super::router::DEFAULT_EXCHANGE;
use super::server::RabbitMq;

/// What became of a published message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    /// How many queues it was meant for.
    pub(super) queues: usize,
    /// Whether one of them refused it.
    pub(super) is_refused: bool,
    /// Whether one of them has to write it to disk.
    pub(super) waits_for_disk: bool,
}

impl RabbitMq {
    /// A client of the drawing publishes to an exchange, or to a queue by way of the default exchange, whose key is the
    /// queue's name; the message keeps the key that its producer gave it.
    #[inline]
    pub(super) fn publish_drawn(&mut self, session: Session, place: NodeId, content: Rc<Content>, call: &mut Call) {
        let channel = self.channel_of(session);
        let kept = channel.map(|_| content.clone());
        let message = content.id;
        let is_mandatory = channel.and_then(|channel| self.channels.get(channel)).is_some_and(|it| it.is_mandatory);
        let spread = match self.place_of(place) {
            Some(Place::Exchange(id)) => self.spread(id, content, None, call),
            Some(Place::Queue(id)) if self.queues[id as usize].is_there => {
                let waits_for_disk = self.queues[id as usize].spec.writes(&content);
                let is_refused = !self.store(id, content, DEFAULT_EXCHANGE, None, call);
                Spread { queues: 1, is_refused, waits_for_disk }
            }
            Some(Place::Queue(_)) => Spread::default(),
            None => {
                call.dropped(place, message, DropReason::NotConnected);
                Spread { queues: 1, ..Spread::default() }
            }
        };
        if spread.queues == 0 {
            self.unroutable(place, message, is_mandatory, call);
        }
        if let (Some(channel), Some(content)) = (channel, kept) {
            self.answer_publisher(channel, place, content, is_mandatory, spread, call);
        }
    }

    /// Returns and confirms, as the publisher asked for.
    pub(super) fn answer_publisher(
        &mut self,
        number: u32,
        at: NodeId,
        content: Rc<Content>,
        is_mandatory: bool,
        spread: Spread,
        call: &mut Call,
    ) {
        let Some(channel) = self.channels.get_mut(number) else { return };
        let (session, message) = (channel.session, content.id);
        let confirm = channel.is_confirming.then(|| {
            channel.published += 1;
            channel.published
        });
        if is_mandatory && spread.queues == 0 {
            call.fact(at, message, Fact::Returned {});
            // At a console it was told already, with the name of the exchange.
            if !session.is_console() {
                call.frame(session, at, BrokerMessage::Return(content));
            }
        }
        let Some(tag) = confirm else { return };
        let ok = !spread.is_refused;
        let frame = BrokerMessage::Confirm { tag, multiple: false, ok };
        if ok && !session.is_console() {
            return call.confirm(session, at, frame, message, spread.waits_for_disk);
        }
        call.fact(at, message, if ok { Fact::Confirmed {} } else { Fact::Refused {} });
        match session.is_console() {
            true => call.tell(session, "confirm", json!({"tag": tag, "multiple": false, "ack": ok})),
            false => call.frame(session, at, frame),
        }
    }

    /// Sends a copy to every queue that the exchange routes the message to. A dead letter has the reason of its death.
    #[inline]
    pub(super) fn spread(&mut self, from: u32, content: Rc<Content>, death: Option<Reason>, call: &mut Call) -> Spread {
        let message = content.id;
        let at = self.node_of(Place::Exchange(from), call.broker);
        let Some(route) = self.router.route(from, &content) else {
            call.dropped(at, message, DropReason::NotConnected);
            return Spread { queues: 1, ..Spread::default() };
        };
        let (mut is_refused, mut waits_for_disk) = (false, false);
        for hop in &route.hops {
            if hop.from != DEFAULT_EXCHANGE {
                let from = self.node_of(Place::Exchange(hop.from), call.broker);
                call.fact(from, message, Fact::Routed { to: self.node_of(hop.to, call.broker) });
            }
            if let Place::Queue(id) = hop.to {
                waits_for_disk |= self.queues.get(id as usize).is_some_and(|queue| queue.spec.writes(&content));
                is_refused |= !self.store(id, content.clone(), from, death, call);
            }
        }
        Spread { queues: route.queue_count, is_refused, waits_for_disk }
    }

    /// A message found no queue. A mandatory one goes back to its publisher, any other is dropped.
    pub(super) fn unroutable(&self, at: NodeId, message: MessageId, is_mandatory: bool, call: &mut Call) {
        call.fact(at, message, Fact::Unroutable {});
        if !is_mandatory {
            call.dropped(at, message, DropReason::Unroutable);
        }
    }

    /// Puts a message into a queue and hands out what can be handed out; false if the queue refuses it.
    #[inline]
    pub(super) fn store(
        &mut self,
        id: u32,
        content: Rc<Content>,
        exchange: u32,
        death: Option<Reason>,
        call: &mut Call,
    ) -> bool {
        let Some(queue) = self.queues.get_mut(id as usize) else { return true };
        let message = content.id;
        let node = queue.node.unwrap_or(call.broker);
        if death.is_some_and(|reason| reason.makes_cycle(&queue.name, &content)) {
            call.dropped(node, message, DropReason::DeadLetterCycle);
            return true;
        }
        if self.held_count >= HELD_MAX {
            call.dropped(node, message, DropReason::Limit);
            return false;
        }
        if queue.refuses(&content) {
            self.refuse(id, content, exchange, call);
            return false;
        }
        queue.push(content, exchange, death.is_some(), call.now);
        self.held_count += 1;
        let is_watched = queue.has_limits || queue.has_deadlines;
        let (node, ready, unacked) = self.levels(id, call.broker);
        call.fact(node, message, Fact::Enqueued { ready, unacked });
        self.serve(id, call);
        if is_watched {
            self.drop_heads(id, call);
            self.expire_heads(id, call);
            self.arm(id);
        }
        true
    }

    /// A full queue refuses a message, and with `reject-publish-dlx` makes a dead letter of it.
    fn refuse(&mut self, id: u32, content: Rc<Content>, exchange: u32, call: &mut Call) {
        let node = self.node_of(Place::Queue(id), call.broker);
        let target = match self.queues[id as usize].spec.overflow {
            Overflow::RejectPublishDlx => self.dead_letter_target(id, call.broker).and_then(|target| target.ok()),
            _ => None,
        };
        let Some(target) = target else { return call.dropped(node, content.id, DropReason::QueueFull) };
        call.fact(node, content.id, Fact::Routed { to: target.node });
        let stored = Stored {
            position: 0,
            deadline: Time::MAX,
            exchange,
            returns: 0,
            redelivered: false,
            has_died: false,
            content,
        };
        self.dead.push_back(Dead { stored, queue: id, reason: Reason::MaxLength, target });
    }

    /// The node of a queue and the numbers of its ready and held messages. Queues that were declared at a console have
    /// no nodes; at the broker's node all of them count together.
    #[inline]
    pub(super) fn levels(&self, id: u32, broker: NodeId) -> (NodeId, u32, u32) {
        let queue = &self.queues[id as usize];
        match queue.node {
            Some(node) => (node, queue.ready.len() as u32, queue.unacked),
            None => self.levels_without_node(broker),
        }
    }

    fn levels_without_node(&self, broker: NodeId) -> (NodeId, u32, u32) {
        let nameless = self.queues.iter().filter(|queue| queue.node.is_none());
        nameless.fold((broker, 0, 0), |(node, ready, unacked), queue| {
            (node, ready + queue.ready.len() as u32, unacked + queue.unacked)
        })
    }

    /// Hands out what can be handed out.
    #[inline]
    pub(super) fn serve(&mut self, id: u32, call: &mut Call) {
        while self.hand_out(id, call) {
            if self.queues[id as usize].has_deadlines {
                self.expire_heads(id, call);
            }
        }
    }

    /// Hands the next message to the next consumer; false if one of them is missing.
    #[inline]
    fn hand_out(&mut self, id: u32, call: &mut Call) -> bool {
        let queue = &mut self.queues[id as usize];
        if queue.ready.is_empty() {
            return false;
        }
        let number = loop {
            let Some(number) = queue.turns.pop() else { return false };
            let Some(consumer) = self.consumers.get_mut(number) else { continue };
            let has_credit = consumer.has_credit()
                && (consumer.auto_ack || self.channels.get(consumer.channel).is_some_and(|it| it.has_credit()));
            if has_credit {
                queue.turns.push(consumer.priority, number);
                break number;
            }
            consumer.in_round = false;
        };
        let Some(consumer) = self.consumers.get_mut(number) else { return false };
        let Some(channel) = self.channels.get_mut(consumer.channel) else { return false };
        let Some(mut stored) = queue.ready.pop() else { return false };
        channel.last_tag += 1;
        let (tag, session, redelivered) = (channel.last_tag, channel.session, stored.redelivered);
        let (to, auto_ack, exchange, returns) = (consumer.node, consumer.auto_ack, stored.exchange, stored.returns);
        let content = stored.content.clone();
        let message = content.id;
        if auto_ack {
            self.held_count -= 1;
        } else {
            stored.redelivered = true;
            channel.held.push_back(Held { tag, queue: id, consumer: number, since: call.now, stored });
            channel.held_by_consumers += 1;
            consumer.held += 1;
            queue.unacked += 1;
            if self.timeout_check == Time::ZERO {
                self.timeout_check = call.now + self.consumer_timeout;
            }
        }
        let (node, ready, unacked) = self.levels(id, call.broker);
        let fact = match redelivered {
            false => Fact::Leased { to, ready, unacked },
            true => Fact::Redelivered { to, ready, unacked },
        };
        call.fact(node, message, fact);
        let content = if returns == 0 { content } else { with_delivery_count(&content, returns) };
        match session.is_console() {
            false => call.frame(session, node, BrokerMessage::Deliver { tag, redelivered, content }),
            true => self.tell_delivery(number, tag, redelivered, exchange, &content, call),
        }
        if auto_ack {
            call.fact(node, message, Fact::Acked { by: to, ready, unacked });
        }
        true
    }

    #[inline(never)]
    fn tell_delivery(
        &self,
        consumer: u32,
        tag: u64,
        redelivered: bool,
        exchange: u32,
        content: &Content,
        call: &mut Call,
    ) {
        let Some(consumer) = self.consumers.get(consumer) else { return };
        let Some(channel) = self.channels.get(consumer.channel) else { return };
        let mut body = content_json(content, self.exchange_name(exchange));
        body.insert("consumer".into(), (&*consumer.tag).into());
        body.insert("tag".into(), tag.into());
        body.insert("redelivered".into(), redelivered.into());
        call.tell(channel.session, "delivery", body.into());
    }

    /// The name of an exchange that there is or was.
    pub(super) fn exchange_name(&self, id: u32) -> &str {
        self.router.exchange(id).map_or("", |exchange| &exchange.name)
    }

    /// The channel of a consumer may hand it out what came back: nothing is left to do for [`NONE`].
    #[inline]
    pub(super) fn give_credit(&mut self, number: u32) {
        if number == NONE {
            return;
        }
        let Some(consumer) = self.consumers.get_mut(number) else { return };
        if consumer.in_round || !consumer.has_credit() {
            return;
        }
        let Some(queue) = self.queues.get_mut(consumer.queue as usize) else { return };
        if queue.spec.is_single_active && queue.active != Some(number) {
            return;
        }
        consumer.in_round = true;
        queue.turns.push(consumer.priority, number);
    }
}

/// The message with the header that says how often it came back to a quorum queue.
pub(super) fn with_delivery_count(content: &Content, returns: u32) -> Rc<Content> {
    let others = content.headers.iter().filter(|(name, _)| &**name != "x-delivery-count").cloned();
    let count = (Rc::from("x-delivery-count"), HeaderValue::Integer(returns.into()));
    Rc::new(Content { headers: others.chain([count]).collect(), ..content.clone() })
}
