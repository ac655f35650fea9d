//! What becomes of a broker's messages when it crashes, restarts, or loses a queue from the drawing.
//!
//! Reproduces: RabbitMQ 3.10 restarts (seen on a running server): a persistent message in a durable classic queue
//! survives, and everything in a quorum queue; everything else is gone. What a consumer held comes back at its place,
//! marked as redelivered, and what was ready comes back unmarked. Exchanges and queues that were declared at a console
//! survive if they are durable, and bindings if both ends do.
//!
//! Leaves out: the moment between accepting a persistent message and its reaching the disk, in which a crash loses it.
//! What does not survive is recorded as lost when the broker crashes, though RabbitMQ finds out at its restart.

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{DropReason, Fact, MessageId, NodeId, Time};

use super::channel::{Held, NONE};
use super::matcher::Place;
use super::ready::{in_queue_order, Stored};
use super::server::RabbitMq;

impl RabbitMq {
    /// The broker stops without warning: connections and everything that is not on disk are gone.
    pub(super) fn stop(&mut self, call: &mut Call) {
        let mut channels: Vec<(Session, u32)> =
            self.channels.iter().map(|(number, channel)| (channel.session, number)).collect();
        channels.sort_unstable();
        for (_, number) in &channels {
            let Some(channel) = self.channels.get_mut(*number) else { continue };
            let all: Vec<Held> = std::mem::take(&mut channel.held).into();
            for held in all.into_iter().filter(|held| held.queue != NONE) {
                self.queues[held.queue as usize].recovering.push(held.stored);
            }
        }
        for id in 0..self.queues.len() as u32 {
            self.end_subscriptions(id, call);
            self.lose_what_is_not_on_disk(id, call);
        }
        self.channels.clear();
        self.consumers.clear();
        self.consoles.clear();
        self.forget_links();
        self.dead.clear();
        self.timeout_check = Time::ZERO;
    }

    /// Ends all subscriptions of a queue. What consumers hold stays held until the broker runs again.
    fn end_subscriptions(&mut self, id: u32, call: &mut Call) {
        let queue = &mut self.queues[id as usize];
        let node = queue.node.unwrap_or(call.broker);
        let mut subscribed: Vec<(Session, NodeId)> = Vec::new();
        for number in queue.consumers.drain(..) {
            let Some(consumer) = self.consumers.get(number) else { continue };
            let session = self.channels.get(consumer.channel).map(|channel| channel.session);
            subscribed.extend(session.map(|session| (session, consumer.node)));
        }
        sort_by_key(&mut subscribed, |(session, _)| *session);
        for (_, consumer) in subscribed {
            call.fact(node, MessageId::NONE, Fact::Unsubscribed { consumer });
        }
        queue.turns.clear();
        queue.active = None;
    }

    fn lose_what_is_not_on_disk(&mut self, id: u32, call: &mut Call) {
        let (node, mut ready, mut unacked) = self.levels(id, call.broker);
        let queue = &mut self.queues[id as usize];
        let (is_durable, is_quorum) = (queue.spec.is_durable, queue.spec.is_quorum);
        let is_kept = |stored: &Stored| is_quorum || (is_durable && stored.content.persistent);
        let lost_ready = queue.ready.retain(is_kept);
        let (kept, lost_held) = std::mem::take(&mut queue.recovering).into_iter().partition(is_kept);
        queue.recovering = kept;
        queue.unacked = (queue.recovering.len() + queue.unburied.len()) as u32;
        let lost_held: Vec<Stored> = lost_held;
        self.held_count -= lost_ready.len() + lost_held.len();
        let lost = lost_ready.iter().map(|stored| (stored, true)).chain(lost_held.iter().map(|stored| (stored, false)));
        for (stored, was_ready) in lost {
            match was_ready {
                true => ready -= 1,
                false => unacked -= 1,
            }
            call.fact(node, stored.content.id, Fact::Discarded { ready, unacked });
            call.dropped(node, stored.content.id, DropReason::NotPersistent);
        }
    }

    /// The broker runs again. Consumers subscribe by themselves, so nothing is handed out yet.
    pub(super) fn restart(&mut self, call: &mut Call) {
        for id in 0..self.queues.len() as u32 {
            let queue = &mut self.queues[id as usize];
            let is_kept = queue.node.is_some() || (queue.spec.is_durable && !queue.spec.is_exclusive);
            if queue.is_there && !is_kept {
                self.delete_queue(id, DropReason::Deleted, call);
                continue;
            }
            queue.used = call.now;
            let returned = in_queue_order(std::mem::take(&mut queue.recovering));
            if !queue.is_there && queue.node.is_some() && !queue.name.is_empty() {
                self.declare_again(id, call);
            }
            self.put_back(id, returned, call);
            self.go_on(id, call);
            if self.queues[id as usize].unburied.len() > 0 {
                self.queues[id as usize].unburied.hurry();
                self.unburied.push(id);
            }
        }
        for id in self.router.exchange_ids() {
            let is_gone = |id| self.router.exchange(id).is_some_and(|it| it.node.is_none() && !it.spec.is_durable);
            if is_gone(id) {
                self.take_away(Place::Exchange(id), true);
            }
        }
    }

    /// An exchange or queue is taken out of the drawing. Its links are gone already; its messages go with it.
    pub(super) fn remove_member(&mut self, node: NodeId, call: &mut Call) {
        let Some(place) = self.place_of(node) else { return };
        if let Place::Queue(id) = place {
            for number in self.queues[id as usize].consumers.clone() {
                self.cancel_by_server(number, call);
            }
            self.discard_all(id, DropReason::Removed, call);
            let queue = &mut self.queues[id as usize];
            queue.is_there = false;
            queue.name = "".into();
            queue.spec.expires = None;
        }
        self.queues.iter_mut().for_each(|queue| queue.dead_wires.retain(|dead| dead.to != place));
        self.set_place(node, None);
        self.take_away(place, true);
    }

    /// Accounts for everything in a queue that is gone: first what is held, then what is ready. What consumers hold they
    /// may still settle, which then means nothing.
    pub(super) fn discard_all(&mut self, id: u32, reason: DropReason, call: &mut Call) {
        let (node, mut ready, mut unacked) = self.levels(id, call.broker);
        let mut held: Vec<Stored> = std::mem::take(&mut self.queues[id as usize].recovering);
        let mut consumers = Vec::new();
        for (_, channel) in self.channels.iter_mut() {
            for one in channel.held.iter_mut().filter(|one| one.queue == id) {
                held.push(one.stored.clone());
                one.queue = NONE;
                if one.consumer != NONE {
                    consumers.push(one.consumer);
                    channel.held_by_consumers -= 1;
                }
            }
        }
        for number in consumers {
            if let Some(consumer) = self.consumers.get_mut(number) {
                consumer.held -= 1;
            }
            self.forget_if_done(number);
        }
        let queue = &mut self.queues[id as usize];
        held.extend(queue.unburied.take());
        queue.unacked = 0;
        let gone = queue.ready.retain(|_| false);
        self.held_count -= held.len() + gone.len();
        let held = in_queue_order(held);
        for (stored, is_held) in held.iter().map(|it| (it, true)).chain(gone.iter().map(|it| (it, false))) {
            match is_held {
                true => unacked -= 1,
                false => ready -= 1,
            }
            call.fact(node, stored.content.id, Fact::Discarded { ready, unacked });
            call.dropped(node, stored.content.id, reason);
        }
    }

    /// Every copy that is held, with the node of its queue; those of queues without a node count at the broker's.
    pub(super) fn visit_all(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        let at = |id: u32| self.queues.get(id as usize).and_then(|queue| queue.node);
        for queue in &self.queues {
            let node = queue.node.unwrap_or(self.broker);
            queue.ready.iter().chain(&queue.recovering).for_each(|stored| visit(node, stored.content.id));
            queue.unburied.letters().for_each(|stored| visit(node, stored.content.id));
        }
        for (_, channel) in self.channels.iter() {
            for held in channel.held.iter().filter(|held| held.queue != NONE) {
                visit(at(held.queue).unwrap_or(self.broker), held.stored.content.id);
            }
        }
    }
}
