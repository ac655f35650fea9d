//! The classic queue: messages in order, handed out in turn, taken back to their old place.
//!
//! Reproduces: RabbitMQ 3.10 classic queues. Consumers are served round robin in the order of subscription. One whose
//! turn it is while it is at its prefetch limit leaves the round, and joins its end when an acknowledgement gives it
//! credit; one that gets credit before its turn comes keeps its turn (rabbitmq-server, `rabbit_queue_consumers`). A
//! message that comes back, by nack, by a lost connection or by a broker restart, goes to its original position and is
//! marked as redelivered (rabbitmq.com, "Consumer Acknowledgements and Publisher Confirms").
//! The prefetch limit counts per consumer and not at all with automatic acknowledgement ("Consumer Prefetch").
//!
//! Leaves out: more than one consumer per channel, so that limits shared by a channel do not occur; consumer
//! priorities, the single active consumer, `basic.get`, the acknowledgement timeout. An unknown delivery tag is
//! ignored; RabbitMQ closes the channel with 406. A second subscription on a channel replaces the first and keeps what
//! is held, which counts against the new limit; in RabbitMQ it would be a second consumer with a limit of its own.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::model::broker::server::Session;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Content, FlatMap, MessageId, NodeId};

/// A message in the queue.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its place: counted up as messages come in, kept for good.
    position: u64,
    /// True once it was handed out.
    redelivered: bool,
    /// The message.
    pub content: Rc<Content>,
}

/// A message that the queue hands to a consumer.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The consumer's connection.
    pub session: Session,
    /// The consumer.
    pub consumer: NodeId,
    /// The delivery tag.
    pub tag: u64,
    /// True after an earlier delivery.
    pub redelivered: bool,
    /// True if the message is done by being sent.
    pub auto_ack: bool,
    /// The message.
    pub content: Rc<Content>,
}

/// One consumer's side of the queue. It outlives a cancelled subscription while messages are held.
#[derive(Clone, Debug)]
struct Channel {
    consumer: NodeId,
    subscribed: bool,
    prefetch: u16,
    auto_ack: bool,
    /// True until its turn comes while it has no credit, and again when it gets some.
    in_round: bool,
    last_tag: u64,
    /// What the consumer holds, by rising tag. Mostly taken from the front, where removal is quick.
    unacked: VecDeque<(u64, Stored)>,
}

impl Channel {
    fn has_credit(&self) -> bool {
        let is_limited = self.prefetch > 0 && !self.auto_ack;
        self.subscribed && !(is_limited && self.unacked.len() >= usize::from(self.prefetch))
    }
}

/// What the end of a channel leaves behind.
#[derive(Debug)]
pub struct Closed {
    /// The consumer.
    pub consumer: NodeId,
    /// True if it was still subscribed.
    pub was_subscribed: bool,
    /// What it held, in the order of the queue. Not yet back in the queue.
    pub returned: Vec<Stored>,
}

/// A message as an inspector sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The message.
    pub message: MessageId,
    /// True once it was handed out.
    pub redelivered: bool,
    /// The consumer that holds it, if one does.
    pub holder: Option<NodeId>,
}

/// A queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// By rising position, next first.
    ready: VecDeque<Stored>,
    positions_given: u64,
    unacked_count: usize,
    channels: FlatMap<Session, Channel>,
    /// Whose turn it is, next first.
    round: VecDeque<Session>,
}

impl Queue {
    /// Messages ready and messages held by consumers.
    #[inline]
    pub fn levels(&self) -> (u32, u32) {
        (self.ready.len() as u32, self.unacked_count as u32)
    }

    /// How many consumers are subscribed.
    pub fn consumer_count(&self) -> usize {
        self.channels.values().filter(|channel| channel.subscribed).count()
    }

    /// Puts a message at the tail.
    #[inline]
    pub fn push(&mut self, content: Rc<Content>) {
        self.positions_given += 1;
        self.ready.push_back(Stored { position: self.positions_given, redelivered: false, content });
    }

    /// Subscribes the consumer at the other end of the session; it joins the end of the round. A subscription that is
    /// there already is replaced. If that changes between automatic and explicit acknowledgement, what was held can
    /// never be settled and is returned, in the order of the queue and not yet back in it.
    pub fn subscribe(&mut self, session: Session, consumer: NodeId, prefetch: u16, auto_ack: bool) -> Vec<Stored> {
        self.round.retain(|other| *other != session);
        let channel = self.channels.get_or_insert_with(session, || Channel {
            consumer,
            subscribed: false,
            prefetch,
            auto_ack,
            in_round: false,
            last_tag: 0,
            unacked: VecDeque::new(),
        });
        let mut returned = Vec::new();
        if channel.auto_ack != auto_ack {
            returned = in_queue_order(channel.unacked.drain(..).map(|(_, stored)| stored));
            self.unacked_count -= returned.len();
        }
        channel.subscribed = true;
        channel.prefetch = prefetch;
        channel.auto_ack = auto_ack;
        channel.in_round = true;
        self.round.push_back(session);
        returned
    }

    /// Ends a subscription; what the consumer holds stays held. Returns the consumer, if it was subscribed.
    pub fn cancel(&mut self, session: Session) -> Option<NodeId> {
        let channel = self.channels.get_mut(&session).filter(|channel| channel.subscribed)?;
        channel.subscribed = false;
        channel.in_round = false;
        let consumer = channel.consumer;
        self.round.retain(|other| *other != session);
        Some(consumer)
    }

    /// Closes a channel.
    pub fn close(&mut self, session: Session) -> Option<Closed> {
        let channel = self.channels.remove(&session)?;
        self.round.retain(|other| *other != session);
        self.unacked_count -= channel.unacked.len();
        Some(Closed {
            consumer: channel.consumer,
            was_subscribed: channel.subscribed,
            returned: in_queue_order(channel.unacked.into_iter().map(|(_, stored)| stored)),
        })
    }

    /// Hands the next message to the next consumer, if there are both.
    #[inline]
    pub fn dispatch(&mut self) -> Option<Delivery> {
        if self.ready.is_empty() {
            return None;
        }
        let (session, channel) = loop {
            let session = self.round.pop_front()?;
            let channel = self.channels.get_mut(&session)?;
            if channel.has_credit() {
                break (session, channel);
            }
            channel.in_round = false;
        };
        let mut stored = self.ready.pop_front()?;
        channel.last_tag += 1;
        let delivery = Delivery {
            session,
            consumer: channel.consumer,
            tag: channel.last_tag,
            redelivered: stored.redelivered,
            auto_ack: channel.auto_ack,
            content: stored.content.clone(),
        };
        if !channel.auto_ack {
            stored.redelivered = true;
            channel.unacked.push_back((delivery.tag, stored));
            self.unacked_count += 1;
        }
        self.round.push_back(session);
        Some(delivery)
    }

    /// Takes the message of one delivery from the consumer that holds it; nothing if the tag is unknown.
    #[inline]
    pub fn take(&mut self, session: Session, tag: u64) -> Option<(NodeId, Stored)> {
        let channel = self.channels.get_mut(&session)?;
        let index = channel.unacked.binary_search_by_key(&tag, |(tag, _)| *tag).ok()?;
        let (_, stored) = channel.unacked.remove(index)?;
        let consumer = channel.consumer;
        self.unacked_count -= 1;
        self.give_credit(session);
        Some((consumer, stored))
    }

    /// Takes the messages of all deliveries up to this tag, in the order of the queue. Tag 0 stands for all of them
    /// (AMQP 0-9-1 Reference, `basic.ack`, multiple).
    pub fn take_up_to(&mut self, session: Session, tag: u64) -> Option<(NodeId, Vec<Stored>)> {
        let channel = self.channels.get_mut(&session)?;
        let count = channel.unacked.partition_point(|(other, _)| *other <= tag || tag == 0);
        let taken: Vec<Stored> = channel.unacked.drain(..count).map(|(_, stored)| stored).collect();
        let consumer = channel.consumer;
        self.unacked_count -= taken.len();
        self.give_credit(session);
        Some((consumer, in_queue_order(taken)))
    }

    /// A consumer that had left the round joins its end.
    #[inline]
    fn give_credit(&mut self, session: Session) {
        if let Some(channel) = self.channels.get_mut(&session) {
            if !channel.in_round && channel.has_credit() {
                channel.in_round = true;
                self.round.push_back(session);
            }
        }
    }

    /// Puts a message that was taken back at its place.
    #[cfg(test)]
    pub fn give_back_one(&mut self, stored: Stored) {
        let index = self.ready.partition_point(|other| other.position < stored.position);
        self.ready.insert(index, stored);
    }

    /// Puts messages that were taken, sorted by position, back at their places. Only the front of the queue, up to the
    /// place of the last, has to move; the two are merged from behind.
    pub fn give_back(&mut self, mut returned: Vec<Stored>) {
        let Some(last) = returned.last().map(|stored| stored.position) else { return };
        let between = self.ready.partition_point(|stored| stored.position < last);
        let mut front: Vec<Stored> = self.ready.drain(..between).collect();
        while let Some(stored) = returned.pop() {
            while front.last().is_some_and(|other| other.position > stored.position) {
                front.pop().into_iter().for_each(|other| self.ready.push_front(other));
            }
            self.ready.push_front(stored);
        }
        front.into_iter().rev().for_each(|stored| self.ready.push_front(stored));
    }

    /// Ends all subscriptions, as the broker stops; returns the consumers. What they hold stays held.
    pub fn end_subscriptions(&mut self) -> Vec<NodeId> {
        self.round.clear();
        let subscribed = self.channels.values_mut().filter(|channel| channel.subscribed);
        subscribed
            .map(|channel| {
                channel.subscribed = false;
                channel.in_round = false;
                channel.consumer
            })
            .collect()
    }

    /// The broker stops without warning. Keeps the messages for which `keep` holds and returns the others: first those
    /// that were ready, whose number comes second, then those that were held.
    pub fn crash(&mut self, keep: impl Fn(&Content) -> bool) -> (Vec<Rc<Content>>, usize) {
        let mut lost = Vec::new();
        let mut keep_or_lose = |stored: &Stored| {
            let is_kept = keep(&stored.content);
            if !is_kept {
                lost.push(stored.content.clone());
            }
            is_kept
        };
        let ready_before = self.ready.len();
        self.ready.retain(&mut keep_or_lose);
        let ready_lost = ready_before - self.ready.len();
        for channel in self.channels.values_mut() {
            channel.unacked.retain(|(_, stored)| keep_or_lose(stored));
        }
        self.unacked_count -= lost.len() - ready_lost;
        (lost, ready_lost)
    }

    /// The broker runs again: no channel is left, and what consumers held is returned, in the order of the queue and
    /// not yet back in it.
    pub fn recover(&mut self) -> Vec<Stored> {
        self.round.clear();
        self.unacked_count = 0;
        let channels = std::mem::take(&mut self.channels);
        in_queue_order(channels.into_iter().flat_map(|(_, channel)| channel.unacked).map(|(_, stored)| stored))
    }

    /// The messages inside, at most so many: those held by consumers, then the ready ones, each in the order of the
    /// queue.
    pub fn seen(&self, items_max: usize) -> Vec<Seen> {
        let mut held: Vec<(u64, Seen)> = Vec::new();
        for channel in self.channels.values() {
            held.extend(
                channel
                    .unacked
                    .iter()
                    .take(items_max)
                    .map(|(_, stored)| (stored.position, Seen { holder: Some(channel.consumer), ..Seen::new(stored) })),
            );
        }
        sort_by_key(&mut held, |(position, _)| *position);
        let held = held.into_iter().map(|(_, seen)| seen);
        held.chain(self.ready.iter().map(Seen::new)).take(items_max).collect()
    }

    /// Every message inside, once.
    pub fn visit(&self, visit: &mut dyn FnMut(MessageId)) {
        let held = self.channels.values().flat_map(|channel| channel.unacked.iter().map(|(_, stored)| stored));
        self.ready.iter().chain(held).for_each(|stored| visit(stored.content.id));
    }
}

impl Seen {
    fn new(stored: &Stored) -> Seen {
        Seen { message: stored.content.id, redelivered: stored.redelivered, holder: None }
    }
}

/// Messages sorted by their place in the queue.
fn in_queue_order(messages: impl IntoIterator<Item = Stored>) -> Vec<Stored> {
    let mut messages: Vec<Stored> = messages.into_iter().collect();
    sort_by_key(&mut messages, |stored| stored.position);
    messages
}

#[cfg(test)]
mod tests;
