//! What a broker does with the frames of its clients: mechanisms decide, here it becomes facts and frames.
//!
//! Every copy of a message ends in one of these ways: enqueued, unroutable, or dropped at the limit; and every enqueued
//! one is acked, discarded with a reason, or still held by its queue.

use std::rc::Rc;

use crate::model::broker::broker::HELD_MAX;
use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, Content, DropReason, Fact, MessageId, NodeId};

use super::classic::Stored;
use super::server::{Hosted, RabbitMq};

impl RabbitMq {
    /// A message comes to an exchange, or to a queue by way of the default exchange, whose key is the queue's name; the
    /// message keeps the key that its producer gave it.
    pub(super) fn publish(&mut self, at: NodeId, content: Rc<Content>, call: &mut Call) {
        if self.queues.contains_key(&at) {
            return self.store(at, content, call);
        }
        let message = content.id;
        let Some(route) = self.router.route(at, &content.routing_key) else {
            return call.dropped(at, message, DropReason::NotConnected);
        };
        for hop in &route.hops {
            call.fact(hop.from, message, Fact::Routed { to: hop.to });
            if self.queues.contains_key(&hop.to) {
                self.store(hop.to, content.clone(), call);
            }
        }
        if route.queue_count == 0 {
            call.fact(at, message, Fact::Unroutable {});
            call.dropped(at, message, DropReason::Unroutable);
        }
    }

    fn store(&mut self, node: NodeId, content: Rc<Content>, call: &mut Call) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        if self.held_count >= HELD_MAX {
            return call.dropped(node, content.id, DropReason::Limit);
        }
        let message = content.id;
        hosted.queue.push(content);
        self.held_count += 1;
        let (ready, unacked) = hosted.queue.levels();
        call.fact(node, message, Fact::Enqueued { ready, unacked });
        serve(node, hosted, &mut self.held_count, call);
    }

    pub(super) fn subscribe(
        &mut self,
        node: NodeId,
        session: Session,
        consumer: NodeId,
        prefetch: u16,
        auto_ack: bool,
        call: &mut Call,
    ) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        let returned = hosted.queue.subscribe(session, consumer, prefetch, auto_ack);
        call.fact(node, MessageId::NONE, Fact::Subscribed { consumer, prefetch });
        put_back(node, hosted, returned, call);
        serve(node, hosted, &mut self.held_count, call);
    }

    pub(super) fn cancel(&mut self, node: NodeId, session: Session, call: &mut Call) {
        let cancelled = self.queues.get_mut(&node).and_then(|hosted| hosted.queue.cancel(session));
        if let Some(consumer) = cancelled {
            call.fact(node, MessageId::NONE, Fact::Unsubscribed { consumer });
        }
    }

    pub(super) fn ack(&mut self, node: NodeId, session: Session, tag: u64, multiple: bool, call: &mut Call) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        if !multiple {
            let Some((by, stored)) = hosted.queue.take(session, tag) else { return };
            let (ready, unacked) = hosted.queue.levels();
            call.fact(node, stored.content.id, Fact::Acked { by, ready, unacked });
            self.held_count -= 1;
        } else if let Some((by, taken)) = hosted.queue.take_up_to(session, tag) {
            let (ready, mut unacked) = hosted.queue.levels();
            unacked += taken.len() as u32;
            for stored in &taken {
                unacked -= 1;
                call.fact(node, stored.content.id, Fact::Acked { by, ready, unacked });
            }
            self.held_count -= taken.len();
        }
        serve(node, hosted, &mut self.held_count, call);
    }

    pub(super) fn nack(
        &mut self,
        node: NodeId,
        session: Session,
        tag: u64,
        multiple: bool,
        requeue: bool,
        call: &mut Call,
    ) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        let taken = match multiple {
            true => hosted.queue.take_up_to(session, tag),
            false => hosted.queue.take(session, tag).map(|(by, stored)| (by, vec![stored])),
        };
        let Some((by, taken)) = taken else { return };
        let (mut ready, mut unacked) = hosted.queue.levels();
        unacked += taken.len() as u32;
        for stored in &taken {
            let message = stored.content.id;
            // Refused, it still is where it was; the next fact says where it goes.
            call.fact(node, message, Fact::Nacked { by, ready, unacked });
            unacked -= 1;
            if requeue {
                ready += 1;
                call.fact(node, message, Fact::Requeued { ready, unacked });
            } else {
                call.fact(node, message, Fact::Discarded { ready, unacked });
                call.dropped(node, message, DropReason::Rejected);
            }
        }
        if requeue {
            hosted.queue.give_back(taken);
        } else {
            self.held_count -= taken.len();
        }
        serve(node, hosted, &mut self.held_count, call);
    }

    /// The connection of a client is closed: what it held goes back, and to others.
    pub(super) fn close(&mut self, node: NodeId, session: Session, call: &mut Call) {
        let Some(hosted) = self.queues.get_mut(&node) else { return };
        let Some(closed) = hosted.queue.close(session) else { return };
        if closed.was_subscribed {
            let consumer = closed.consumer;
            call.fact(node, MessageId::NONE, Fact::Unsubscribed { consumer });
        }
        put_back(node, hosted, closed.returned, call);
        serve(node, hosted, &mut self.held_count, call);
    }
}

/// Puts what consumers held back into the queue.
pub(super) fn put_back(node: NodeId, hosted: &mut Hosted, returned: Vec<Stored>, call: &mut Call) {
    let (mut ready, mut unacked) = hosted.queue.levels();
    unacked += returned.len() as u32;
    for stored in &returned {
        ready += 1;
        unacked -= 1;
        call.fact(node, stored.content.id, Fact::Requeued { ready, unacked });
    }
    hosted.queue.give_back(returned);
}

/// Hands out what can be handed out.
#[inline]
fn serve(node: NodeId, hosted: &mut Hosted, held_count: &mut usize, call: &mut Call) {
    while let Some(delivery) = hosted.queue.dispatch() {
        let (ready, unacked) = hosted.queue.levels();
        let (message, to) = (delivery.content.id, delivery.consumer);
        let fact = match delivery.redelivered {
            false => Fact::Leased { to, ready, unacked },
            true => Fact::Redelivered { to, ready, unacked },
        };
        call.fact(node, message, fact);
        let frame =
            BrokerMessage::Deliver { tag: delivery.tag, redelivered: delivery.redelivered, content: delivery.content };
        call.frame(delivery.session, node, frame);
        if delivery.auto_ack {
            *held_count -= 1;
            call.fact(node, message, Fact::Acked { by: to, ready, unacked });
        }
    }
}
