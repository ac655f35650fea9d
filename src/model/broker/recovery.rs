//! What becomes of a broker's messages when it crashes, restarts, or loses a queue from the drawing.
//!
//! Reproduces: RabbitMQ 3.10 restarts with classic queues (seen on a running server): a persistent message in a durable
//! queue survives, everything else is gone; what a consumer held comes back at its place, marked as redelivered, and
//! what was ready comes back unmarked.
//!
//! Leaves out: the moment between accepting a persistent message and its reaching the disk, in which a crash loses it.
//! What does not survive is recorded as lost when the broker crashes, though RabbitMQ finds out at its restart.

use crate::kernel::Context;
use crate::vocabulary::{DropReason, Fact, MessageId, NodeId};

use super::broker::Broker;
use super::traffic::{dropped, put_back};

impl Broker {
    /// The broker stops without warning: connections and everything that is not on disk are gone.
    pub(super) fn crash(&mut self, context: &mut Context) {
        for (node, hosted) in self.queues.iter_mut() {
            for consumer in hosted.queue.end_subscriptions() {
                context.record_at(*node, MessageId::NONE, Fact::Unsubscribed { consumer });
            }
            let (mut ready, mut unacked) = hosted.queue.levels();
            let is_durable = hosted.is_durable;
            let (lost, ready_lost) = hosted.queue.crash(|content| is_durable && content.persistent);
            for (index, content) in lost.iter().enumerate() {
                match index < ready_lost {
                    true => ready -= 1,
                    false => unacked -= 1,
                }
                context.record_at(*node, content.id, Fact::Discarded { ready, unacked });
                context.record_at(*node, content.id, dropped(DropReason::NotPersistent));
            }
            self.held_count -= lost.len();
        }
    }

    /// The broker runs again. Consumers subscribe by themselves, so nothing is handed out yet.
    pub(super) fn recover(&mut self, context: &mut Context) {
        for (node, hosted) in self.queues.iter_mut() {
            let returned = hosted.queue.recover();
            put_back(*node, hosted, returned, context);
        }
    }

    /// An exchange or queue is taken out of the drawing. Its links are gone already; its messages go with it.
    pub(super) fn remove(&mut self, node: NodeId, context: &mut Context) {
        self.router.remove(node);
        self.durable_exchanges.remove(&node);
        let Some(hosted) = self.queues.remove(&node) else { return };
        let (mut ready, mut unacked) = hosted.queue.levels();
        for seen in hosted.queue.seen(usize::MAX) {
            match seen.holder {
                Some(_) => unacked -= 1,
                None => ready -= 1,
            }
            context.record_at(node, seen.message, Fact::Discarded { ready, unacked });
            context.record_at(node, seen.message, dropped(DropReason::Removed));
            self.held_count -= 1;
        }
    }
}
