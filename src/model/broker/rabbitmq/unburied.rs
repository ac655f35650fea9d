//! Dead letters of quorum queues that are safe on their way: dead-lettering at least once.
//!
//! Reproduces: RabbitMQ 3.10 ("Quorum Queues", at-least-once dead-lettering; rabbitmq-server, `rabbit_fifo_dlx`,
//! `rabbit_fifo_dlx_worker`). With `x-dead-letter-strategy` at-least-once, and `x-overflow` reject-publish, a consumer
//! inside the broker takes dead letters and publishes them with confirms. Until every target queue has confirmed, the
//! message stays in its queue and counts for its length. A missing exchange, no route, or a queue that refuses makes it
//! try again after three minutes (`dead_letter_worker_publisher_confirm_timeout`). Without reject-publish the strategy
//! is at-most-once, whatever the queue says: what finds no place is dropped.
//!
//! Leaves out: the consumer's own prefetch (`dead_letter_worker_consumer_prefetch`, 32); that only queues which have not
//! confirmed are tried again, so that here the others get another copy.

use crate::model::broker::server::Call;
use crate::vocabulary::{Duration, Fact, NodeId, Time};

use super::death::{Dead, Reason, Target};
use super::matcher::Place;
use super::ready::Stored;
use super::server::RabbitMq;

/// When what was not confirmed is tried again.
const RETRY: Duration = Duration::from_secs(180);

/// The dead letters of one queue that are not confirmed yet, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Unburied {
    letters: Vec<(Stored, Reason)>,
    /// When they are tried again; nothing: as soon as the call is over.
    retry: Option<Time>,
}

impl Unburied {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// The bytes of their bodies.
    pub fn bytes(&self) -> u64 {
        self.letters.iter().map(|(stored, _)| stored.content.payload.len() as u64).sum()
    }

    /// When they are tried again.
    pub fn due(&self) -> Option<Time> {
        self.retry.filter(|_| !self.letters.is_empty())
    }

    /// What they are.
    pub fn letters(&self) -> impl Iterator<Item = &Stored> + '_ {
        self.letters.iter().map(|(stored, _)| stored)
    }

    /// Takes all.
    pub fn take(&mut self) -> impl Iterator<Item = Stored> {
        std::mem::take(&mut self.letters).into_iter().map(|(stored, _)| stored)
    }

    /// They are tried again at once.
    pub fn hurry(&mut self) {
        self.retry = None;
    }
}

impl RabbitMq {
    /// Gives a dead letter to the consumer inside the broker. It is out of the ready ones, whose levels are given.
    pub(super) fn keep_dead(&mut self, id: u32, dead: (Stored, Reason), levels: (u32, u32), call: &mut Call) {
        let node = self.node_of(Place::Queue(id), call.broker);
        let to = match self.dead_letter_target(id, call.broker) {
            Some(Ok(target)) => target.node,
            _ => node,
        };
        let queue = &mut self.queues[id as usize];
        queue.unacked += 1;
        let (message, (ready, unacked)) = (dead.0.content.id, levels);
        if matches!(dead.1, Reason::Rejected | Reason::DeliveryLimit) {
            // It comes from a consumer's hands.
            call.fact(node, message, Fact::Requeued { ready: ready + 1, unacked });
        }
        let unacked = unacked + 1;
        call.fact(
            node,
            message,
            match dead.0.redelivered {
                true => Fact::Redelivered { to, ready, unacked },
                false => Fact::Leased { to, ready, unacked },
            },
        );
        queue.unburied.letters.push(dead);
        self.unburied.push(id);
    }

    /// Publishes what is due of a queue's dead letters; what is not confirmed stays.
    pub(super) fn bury_safely(&mut self, id: u32, call: &mut Call) {
        let Some(queue) = self.queues.get_mut(id as usize) else { return };
        if queue.unburied.due().is_some_and(|due| due > call.now) {
            return;
        }
        let node = queue.node.unwrap_or(call.broker);
        let mut kept = Vec::new();
        for (stored, reason) in std::mem::take(&mut queue.unburied.letters) {
            if self.is_confirmed(id, node, &stored, reason, call) {
                self.held_count -= 1;
            } else {
                kept.push((stored, reason));
            }
        }
        let queue = &mut self.queues[id as usize];
        queue.unburied.retry = Some(call.now + RETRY).filter(|_| !kept.is_empty());
        kept.append(&mut queue.unburied.letters);
        queue.unburied.letters = kept;
        self.arm(id);
    }

    /// Publishes one; true if every queue that is to have it has it.
    fn is_confirmed(&mut self, id: u32, node: NodeId, stored: &Stored, reason: Reason, call: &mut Call) -> bool {
        let Some(Ok(target)) = self.dead_letter_target(id, call.broker) else { return false };
        let Target { exchange, key, node: to } = target.clone();
        let dead = Dead { stored: stored.clone(), queue: id, reason, target };
        let content = self.dead_letter(&dead, key);
        let spread = self.spread(exchange, content, Some(reason), call);
        if spread.queues == 0 || spread.is_refused {
            return false;
        }
        self.queues[id as usize].unacked -= 1;
        let (_, ready, unacked) = self.levels(id, call.broker);
        call.fact(node, stored.content.id, Fact::DeadLettered { to, ready, unacked });
        true
    }
}
