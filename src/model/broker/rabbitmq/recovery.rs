//! What becomes of a broker's messages when it crashes, restarts, or loses a queue from the drawing.
//!
//! Reproduces: RabbitMQ 3.10 restarts with classic queues (seen on a running server): a persistent message in a durable
//! queue survives, everything else is gone; what a consumer held comes back at its place, marked as redelivered, and
//! what was ready comes back unmarked.
//!
//! Leaves out: the moment between accepting a persistent message and its reaching the disk, in which a crash loses it.
//! What does not survive is recorded as lost when the broker crashes, though RabbitMQ finds out at its restart.

use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Fact, MessageId, NodeId};

use super::server::RabbitMq;
use super::traffic::put_back;

impl RabbitMq {
    /// The broker stops without warning: connections and everything that is not on disk are gone.
    pub(super) fn stop(&mut self, call: &mut Call) {
        for (node, hosted) in self.queues.iter_mut() {
            for consumer in hosted.queue.end_subscriptions() {
                call.fact(*node, MessageId::NONE, Fact::Unsubscribed { consumer });
            }
            let (mut ready, mut unacked) = hosted.queue.levels();
            let is_durable = hosted.is_durable;
            let (lost, ready_lost) = hosted.queue.crash(|content| is_durable && content.persistent);
            for (index, content) in lost.iter().enumerate() {
                match index < ready_lost {
                    true => ready -= 1,
                    false => unacked -= 1,
                }
                call.fact(*node, content.id, Fact::Discarded { ready, unacked });
                call.dropped(*node, content.id, DropReason::NotPersistent);
            }
            self.held_count -= lost.len();
        }
    }

    /// The broker runs again. Consumers subscribe by themselves, so nothing is handed out yet.
    pub(super) fn restart(&mut self, call: &mut Call) {
        for (node, hosted) in self.queues.iter_mut() {
            let returned = hosted.queue.recover();
            put_back(*node, hosted, returned, call);
        }
    }

    /// An exchange or queue is taken out of the drawing. Its links are gone already; its messages go with it.
    pub(super) fn remove_member(&mut self, node: NodeId, call: &mut Call) {
        self.router.remove(node);
        self.durable_exchanges.remove(&node);
        let Some(hosted) = self.queues.remove(&node) else { return };
        let (mut ready, mut unacked) = hosted.queue.levels();
        for seen in hosted.queue.seen(usize::MAX) {
            match seen.holder {
                Some(_) => unacked -= 1,
                None => ready -= 1,
            }
            call.fact(node, seen.message, Fact::Discarded { ready, unacked });
            call.dropped(node, seen.message, DropReason::Removed);
            self.held_count -= 1;
        }
    }
}
