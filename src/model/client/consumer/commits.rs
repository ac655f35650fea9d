//! What the broker has forgotten: which deliveries a crash of the consumer loses.
//!
//! Reproduces: with automatic acknowledgement RabbitMQ, SQS, Redis and Pub/Sub forget a message as they send it, so that
//! whatever happens to the consumer happens to the message. Kafka's client commits in a later `poll` what earlier ones
//! returned (`enable.auto.commit`, apache/kafka, `ConsumerCoordinator.maybeAutoCommitOffsetsAsync`): until then a crash
//! makes the message come again, and work that failed is undone by a crash too.
//!
//! Leaves out: what a commit covers whose answer is on its way while the consumer crashes. The broker has forgotten it,
//! and the consumer does not say that it is lost.

use std::collections::VecDeque;

use crate::kernel::Context;
use crate::vocabulary::{Carried, DropReason, Fact, LinkId, MessageId};

use super::Item;

/// A message whose work failed before it was committed.
#[derive(Clone, Copy, Debug)]
struct Failed {
    link: LinkId,
    connection: u64,
    tag: u64,
    message: MessageId,
}

/// Failed work that the broker would still give again.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    failed: VecDeque<Failed>,
}

impl Item {
    /// How the message is lost if its work does not end well; nothing if the broker still has it.
    pub fn loss(&self) -> Option<DropReason> {
        self.ack.loss().filter(|_| self.is_forgotten)
    }
}

impl Commits {
    /// The work on a delivery failed. Says that it is lost, now or when it is committed.
    pub fn failed(&mut self, item: &Item, context: &mut Context) {
        match item.loss() {
            Some(reason) => lose(item.content.id, reason, context),
            None if item.ack.loss().is_some() => self.failed.push_back(Failed {
                link: item.link,
                connection: item.connection,
                tag: item.tag,
                message: item.content.id,
            }),
            None => {}
        }
    }

    /// The connection over a link, or over all, is gone: what was not committed comes again.
    pub fn disconnect(&mut self, link: Option<LinkId>) {
        self.failed.retain(|failed| link.is_some_and(|link| failed.link != link));
    }

    /// These deliveries of a connection are committed.
    pub fn committed<'a>(
        &mut self,
        (link, connection): (LinkId, u64),
        tags: std::ops::RangeInclusive<u64>,
        items: impl Iterator<Item = &'a mut Item>,
        context: &mut Context,
    ) {
        for item in items.filter(|item| (item.link, item.connection) == (link, connection)) {
            item.is_forgotten |= tags.contains(&item.tag);
        }
        self.failed.retain(|failed| {
            let is_lost = (failed.link, failed.connection) == (link, connection) && tags.contains(&failed.tag);
            if is_lost {
                lose(failed.message, DropReason::AutoAcked, context);
            }
            !is_lost
        });
    }
}

/// Records the loss of a message that the broker has forgotten.
pub fn lose(message: MessageId, reason: DropReason, context: &mut Context) {
    context.record(message, Fact::Dropped { reason, what: Carried::Publish });
}
