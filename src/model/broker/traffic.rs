//! What a broker does with the frames of its clients: mechanisms decide, here it becomes facts and frames.
//!
//! Every copy of a message ends in one of these ways: enqueued, unroutable, or dropped at the limit; and every enqueued
//! one is acked, discarded with a reason, or still held by its queue.

use std::rc::Rc;

use crate::kernel::Context;
use crate::vocabulary::{BrokerMessage, Carried, Content, DropReason, Fact, LinkId, MessageId, NodeId};

use super::broker::{Broker, Hosted, HELD_MAX};
use super::mechanism::queue::Stored;

/// A message that is given up where it is.
pub(super) fn dropped(reason: DropReason) -> Fact {
    Fact::Dropped { reason, what: Carried::Publish }
}

impl Broker {
    /// A message comes to an exchange, or to a queue by way of the default exchange, whose key is the queue's name; the
    /// message keeps the key that its producer gave it.
    pub(super) fn publish(&mut self, at: NodeId, content: Rc<Content>, context: &mut Context) {
        if self.queues.contains_key(&at) {
            return self.store(at, content, context);
        }
        let message = content.id;
        let Some(route) = self.router.route(at, &content.routing_key) else {
            return context.record_at(at, message, dropped(DropReason::NotConnected));
        };
        for hop in &route.hops {
            context.record_at(hop.from, message, Fact::Routed { to: hop.to });
            if self.queues.contains_key(&hop.to) {
                self.store(hop.to, content.clone(), context);
            }
        }
        if route.queue_count == 0 {
            context.record_at(at, message, Fact::Unroutable {});
            context.record_at(at, message, dropped(DropReason::Unroutable));
        }
    }

    fn store(&mut self, node: NodeId, content: Rc<Content>, context: &mut Context) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        if self.held_count >= HELD_MAX {
            return context.record_at(node, content.id, dropped(DropReason::Limit));
        }
        let message = content.id;
        hosted.queue.push(content);
        self.held_count += 1;
        let (ready, unacked) = hosted.queue.levels();
        context.record_at(node, message, Fact::Enqueued { ready, unacked });
        serve(node, hosted, &mut self.held_count, context);
    }

    pub(super) fn subscribe(
        &mut self,
        node: NodeId,
        link: LinkId,
        consumer: NodeId,
        prefetch: u16,
        auto_ack: bool,
        context: &mut Context,
    ) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        let returned = hosted.queue.subscribe(link, consumer, prefetch, auto_ack);
        context.record_at(node, MessageId::NONE, Fact::Subscribed { consumer, prefetch });
        put_back(node, hosted, returned, context);
        serve(node, hosted, &mut self.held_count, context);
    }

    pub(super) fn cancel(&mut self, node: NodeId, link: LinkId, context: &mut Context) {
        let cancelled = self.queues.get_mut(&node).and_then(|hosted| hosted.queue.cancel(link));
        if let Some(consumer) = cancelled {
            context.record_at(node, MessageId::NONE, Fact::Unsubscribed { consumer });
        }
    }

    pub(super) fn ack(&mut self, node: NodeId, link: LinkId, tag: u64, multiple: bool, context: &mut Context) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        if !multiple {
            let Some((by, stored)) = hosted.queue.take(link, tag) else { return };
            let (ready, unacked) = hosted.queue.levels();
            context.record_at(node, stored.content.id, Fact::Acked { by, ready, unacked });
            self.held_count -= 1;
        } else if let Some((by, taken)) = hosted.queue.take_up_to(link, tag) {
            let (ready, mut unacked) = hosted.queue.levels();
            unacked += taken.len() as u32;
            for stored in &taken {
                unacked -= 1;
                context.record_at(node, stored.content.id, Fact::Acked { by, ready, unacked });
            }
            self.held_count -= taken.len();
        }
        serve(node, hosted, &mut self.held_count, context);
    }

    pub(super) fn nack(
        &mut self,
        node: NodeId,
        link: LinkId,
        tag: u64,
        multiple: bool,
        requeue: bool,
        context: &mut Context,
    ) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        let taken = match multiple {
            true => hosted.queue.take_up_to(link, tag),
            false => hosted.queue.take(link, tag).map(|(by, stored)| (by, vec![stored])),
        };
        let Some((by, taken)) = taken else { return };
        let (mut ready, mut unacked) = hosted.queue.levels();
        unacked += taken.len() as u32;
        for stored in &taken {
            let message = stored.content.id;
            // Refused, it still is where it was; the next fact says where it goes.
            context.record_at(node, message, Fact::Nacked { by, ready, unacked });
            unacked -= 1;
            if requeue {
                ready += 1;
                context.record_at(node, message, Fact::Requeued { ready, unacked });
            } else {
                context.record_at(node, message, Fact::Discarded { ready, unacked });
                context.record_at(node, message, dropped(DropReason::Rejected));
            }
        }
        if requeue {
            hosted.queue.give_back(taken);
        } else {
            self.held_count -= taken.len();
        }
        serve(node, hosted, &mut self.held_count, context);
    }

    /// The connection of a client is closed: what it held goes back, and to others.
    pub(super) fn close(&mut self, node: NodeId, link: LinkId, context: &mut Context) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        let Some(closed) = hosted.queue.close(link) else { return };
        if closed.was_subscribed {
            let consumer = closed.consumer;
            context.record_at(node, MessageId::NONE, Fact::Unsubscribed { consumer });
        }
        put_back(node, hosted, closed.returned, context);
        serve(node, hosted, &mut self.held_count, context);
    }
}

/// Puts what consumers held back into the queue.
pub(super) fn put_back(node: NodeId, hosted: &mut Hosted, returned: Vec<Stored>, context: &mut Context) {
    let (mut ready, mut unacked) = hosted.queue.levels();
    unacked += returned.len() as u32;
    for stored in &returned {
        ready += 1;
        unacked -= 1;
        context.record_at(node, stored.content.id, Fact::Requeued { ready, unacked });
    }
    hosted.queue.give_back(returned);
}

/// Hands out what can be handed out.
#[inline]
fn serve(node: NodeId, hosted: &mut Hosted, held_count: &mut usize, context: &mut Context) {
    while let Some(delivery) = hosted.queue.dispatch() {
        let (ready, unacked) = hosted.queue.levels();
        let (message, to) = (delivery.content.id, delivery.consumer);
        let fact = match delivery.redelivered {
            false => Fact::Leased { to, ready, unacked },
            true => Fact::Redelivered { to, ready, unacked },
        };
        context.record_at(node, message, fact);
        let frame =
            BrokerMessage::Deliver { tag: delivery.tag, redelivered: delivery.redelivered, content: delivery.content };
        context.send_link(node, delivery.link, frame.into());
        if delivery.auto_ack {
            *held_count -= 1;
            context.record_at(node, message, Fact::Acked { by: to, ready, unacked });
        }
    }
}
