//! The classic queue: messages in order, handed out in turn, taken back to their old place.
//!
//! Reproduces: RabbitMQ 3.10 classic queues. Consumers with credit are served round robin in the order of subscription;
//! one that is at its prefetch limit leaves the round and joins its end when an acknowledgement gives it credit
//! (rabbitmq-server, `rabbit_queue_consumers`). A message that comes back, by nack, by a lost connection or by a broker
//! restart, goes to its original position and is marked as redelivered (rabbitmq.com, "Consumer Acknowledgements").
//! The prefetch limit counts per consumer and not at all with automatic acknowledgement ("Consumer Prefetch").
//!
//! Leaves out: more than one consumer per channel, so that limits shared by a channel do not occur; consumer
//! priorities, the single active consumer, `basic.get`, the acknowledgement timeout. An unknown delivery tag is
//! ignored; RabbitMQ closes the channel with 406. A second subscription on a channel replaces the first and keeps what
//! is held, which counts against the new limit; in RabbitMQ it would be a second consumer with a limit of its own.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::vocabulary::{Content, LinkId, MessageId, NodeId};

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
    /// The consumer's link.
    pub link: LinkId,
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
    /// True while it is in the round of those that can take a message.
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
    channels: BTreeMap<LinkId, Channel>,
    /// Those that can take a message, next first.
    round: VecDeque<LinkId>,
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

    /// Subscribes the consumer at the other end of the link; it joins the end of the round. A subscription that is there
    /// already is replaced. If that changes between automatic and explicit acknowledgement, what was held can never be
    /// settled and is returned, in the order of the queue and not yet back in it.
    pub fn subscribe(&mut self, link: LinkId, consumer: NodeId, prefetch: u16, auto_ack: bool) -> Vec<Stored> {
        self.round.retain(|other| *other != link);
        let channel = self.channels.entry(link).or_insert_with(|| Channel {
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
        channel.in_round = channel.has_credit();
        if channel.in_round {
            self.round.push_back(link);
        }
        returned
    }

    /// Ends a subscription; what the consumer holds stays held. Returns the consumer, if it was subscribed.
    pub fn cancel(&mut self, link: LinkId) -> Option<NodeId> {
        let channel = self.channels.get_mut(&link).filter(|channel| channel.subscribed)?;
        channel.subscribed = false;
        channel.in_round = false;
        let consumer = channel.consumer;
        self.round.retain(|other| *other != link);
        Some(consumer)
    }

    /// Closes a channel.
    pub fn close(&mut self, link: LinkId) -> Option<Closed> {
        let channel = self.channels.remove(&link)?;
        self.round.retain(|other| *other != link);
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
        let link = self.round.pop_front()?;
        let channel = self.channels.get_mut(&link)?;
        let mut stored = self.ready.pop_front()?;
        channel.last_tag += 1;
        let delivery = Delivery {
            link,
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
        channel.in_round = channel.has_credit();
        if channel.in_round {
            self.round.push_back(link);
        }
        Some(delivery)
    }

    /// Takes the message of one delivery from the consumer that holds it; nothing if the tag is unknown.
    #[inline]
    pub fn take(&mut self, link: LinkId, tag: u64) -> Option<(NodeId, Stored)> {
        let channel = self.channels.get_mut(&link)?;
        let index = channel.unacked.binary_search_by_key(&tag, |(tag, _)| *tag).ok()?;
        let (_, stored) = channel.unacked.remove(index)?;
        let consumer = channel.consumer;
        self.unacked_count -= 1;
        self.give_credit(link);
        Some((consumer, stored))
    }

    /// Takes the messages of all deliveries up to this tag, in the order of the queue. Tag 0 stands for all of them
    /// (AMQP 0-9-1 Reference, `basic.ack`, multiple).
    pub fn take_up_to(&mut self, link: LinkId, tag: u64) -> Option<(NodeId, Vec<Stored>)> {
        let channel = self.channels.get_mut(&link)?;
        let count = channel.unacked.partition_point(|(other, _)| *other <= tag || tag == 0);
        let taken: Vec<Stored> = channel.unacked.drain(..count).map(|(_, stored)| stored).collect();
        let consumer = channel.consumer;
        self.unacked_count -= taken.len();
        self.give_credit(link);
        Some((consumer, in_queue_order(taken)))
    }

    /// A consumer that was at its limit joins the end of the round.
    #[inline]
    fn give_credit(&mut self, link: LinkId) {
        if let Some(channel) = self.channels.get_mut(&link) {
            if !channel.in_round && channel.has_credit() {
                channel.in_round = true;
                self.round.push_back(link);
            }
        }
    }

    /// Puts a message that was taken back at its place.
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

    /// The broker runs again: no channel is left, and what consumers held is returned, in the order of the queue and not
    /// yet back in it.
    pub fn recover(&mut self) -> Vec<Stored> {
        self.round.clear();
        self.unacked_count = 0;
        let channels = std::mem::take(&mut self.channels);
        in_queue_order(channels.into_values().flat_map(|channel| channel.unacked).map(|(_, stored)| stored))
    }

    /// The messages inside, at most so many: those held by consumers, then the ready ones, each in the order of the queue.
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
        held.sort_by_key(|(position, _)| *position);
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
    messages.sort_unstable_by_key(|stored| stored.position);
    messages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Time;

    const ONE: LinkId = LinkId(1);
    const TWO: LinkId = LinkId(2);
    const THREE: LinkId = LinkId(3);

    fn content(number: u32, persistent: bool) -> Rc<Content> {
        Rc::new(Content {
            id: MessageId { origin: NodeId(0), number },
            routing_key: "".into(),
            headers: Rc::from([]),
            payload: "".into(),
            persistent,
            priority: None,
            expiration: None,
            created: Time::ZERO,
        })
    }

    fn filled(count: u32) -> Queue {
        let mut queue = Queue::default();
        (0..count).for_each(|number| queue.push(content(number, number % 2 == 0)));
        queue
    }

    fn subscribe(queue: &mut Queue, link: LinkId, prefetch: u16) {
        assert!(queue.subscribe(link, NodeId(link.0), prefetch, false).is_empty());
    }

    /// Everything that can be handed out now: (link, message, redelivered).
    fn drain(queue: &mut Queue) -> Vec<(u32, u32, bool)> {
        let mut seen = Vec::new();
        while let Some(delivery) = queue.dispatch() {
            seen.push((delivery.link.0, delivery.content.id.number, delivery.redelivered));
        }
        seen
    }

    fn ready(queue: &Queue) -> Vec<u32> {
        queue.ready.iter().map(|stored| stored.content.id.number).collect()
    }

    #[test]
    fn consumers_without_a_limit_take_turns() {
        let mut queue = Queue::default();
        [ONE, TWO, THREE].into_iter().for_each(|link| subscribe(&mut queue, link, 0));
        let mut taken = Vec::new();
        for number in 0..7 {
            queue.push(content(number, false));
            taken.extend(drain(&mut queue).into_iter().map(|(link, number, _)| (link, number)));
        }
        assert_eq!(taken, [(1, 0), (2, 1), (3, 2), (1, 3), (2, 4), (3, 5), (1, 6)]);
        assert_eq!(queue.levels(), (0, 7));
    }

    #[test]
    fn a_backlog_goes_whole_to_the_first_consumer_without_a_limit() {
        let mut queue = filled(5);
        subscribe(&mut queue, ONE, 0);
        assert_eq!(drain(&mut queue).len(), 5);
        subscribe(&mut queue, TWO, 0);
        assert_eq!(drain(&mut queue), []);
    }

    #[test]
    fn with_a_prefetch_of_one_the_next_message_goes_to_the_one_who_acked() {
        let mut queue = filled(6);
        subscribe(&mut queue, ONE, 1);
        subscribe(&mut queue, TWO, 1);
        assert_eq!(drain(&mut queue), [(1, 0, false), (2, 1, false)]);
        for (tag, number) in [(1, 2), (2, 3), (3, 4)] {
            assert!(queue.take(TWO, tag).is_some());
            assert_eq!(drain(&mut queue), [(2, number, false)]);
        }
        assert!(queue.take(ONE, 1).is_some());
        assert_eq!(drain(&mut queue), [(1, 5, false)]);
        assert!(queue.take(ONE, 1).is_none(), "a tag is good once");
        assert!(queue.take(THREE, 1).is_none() && queue.take(ONE, 99).is_none());
    }

    #[test]
    fn what_comes_back_goes_to_its_old_place_whatever_the_order() {
        let orders: [[u64; 3]; 4] = [[1, 2, 3], [3, 2, 1], [2, 3, 1], [3, 1, 2]];
        for order in orders {
            let mut queue = filled(5);
            subscribe(&mut queue, ONE, 3);
            assert_eq!(drain(&mut queue).len(), 3);
            queue.cancel(ONE);
            for tag in order {
                let (_, stored) = queue.take(ONE, tag).expect("held");
                queue.give_back_one(stored);
            }
            assert_eq!(ready(&queue), [0, 1, 2, 3, 4], "{order:?}");
            subscribe(&mut queue, TWO, 0);
            let redelivered: Vec<bool> = drain(&mut queue).into_iter().map(|(_, _, again)| again).collect();
            assert_eq!(redelivered, [true, true, true, false, false]);
        }
    }

    #[test]
    fn a_lost_consumer_returns_all_that_it_held_among_what_others_returned() {
        let mut queue = filled(8);
        subscribe(&mut queue, ONE, 3);
        subscribe(&mut queue, TWO, 3);
        assert_eq!(drain(&mut queue).len(), 6);
        for link in [TWO, ONE] {
            let closed = queue.close(link).expect("open");
            assert!(closed.was_subscribed && closed.consumer == NodeId(link.0));
            queue.give_back(closed.returned);
        }
        assert_eq!(ready(&queue), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(queue.levels(), (8, 0));
        assert!(queue.close(ONE).is_none());
        subscribe(&mut queue, THREE, 0);
        let taken = drain(&mut queue);
        assert!(taken.iter().all(|(_, number, again)| *again == (*number < 6)), "{taken:?}");
    }

    #[test]
    fn cancelling_keeps_what_is_held() {
        let mut queue = filled(3);
        subscribe(&mut queue, ONE, 2);
        assert_eq!(drain(&mut queue).len(), 2);
        assert_eq!(queue.cancel(ONE), Some(NodeId(1)));
        assert_eq!(queue.cancel(ONE), None);
        assert_eq!((queue.levels(), queue.consumer_count()), ((1, 2), 0));
        assert!(queue.take(ONE, 1).is_some(), "it can still be acknowledged");
        assert_eq!(drain(&mut queue), []);
    }

    #[test]
    fn multiple_covers_all_tags_so_far_and_tag_zero_all_there_are() {
        let mut queue = filled(6);
        subscribe(&mut queue, ONE, 0);
        assert_eq!(drain(&mut queue).len(), 6);
        let (_, taken) = queue.take_up_to(ONE, 4).expect("open");
        assert_eq!(taken.len(), 4);
        assert_eq!(queue.levels(), (0, 2));
        queue.give_back(taken);
        queue.cancel(ONE);
        assert_eq!(ready(&queue), [0, 1, 2, 3]);
        assert_eq!(queue.take_up_to(ONE, 0).map(|(_, taken)| taken.len()), Some(2));
        assert_eq!(queue.levels(), (4, 0));
    }

    #[test]
    fn automatic_acknowledgement_knows_no_limit_and_holds_nothing() {
        let mut queue = filled(5);
        queue.subscribe(ONE, NodeId(1), 1, true);
        assert_eq!(drain(&mut queue).len(), 5);
        assert_eq!(queue.levels(), (0, 0));
    }

    #[test]
    fn a_new_subscription_on_a_channel_keeps_what_is_held_and_counts_it() {
        let mut queue = filled(6);
        subscribe(&mut queue, ONE, 2);
        assert_eq!(drain(&mut queue).len(), 2);
        subscribe(&mut queue, ONE, 3);
        assert_eq!(drain(&mut queue), [(1, 2, false)]);
        subscribe(&mut queue, ONE, 1);
        assert!(queue.take(ONE, 1).is_some() && queue.take(ONE, 2).is_some());
        assert_eq!(drain(&mut queue), []);
        let returned = queue.subscribe(ONE, NodeId(1), 0, true);
        assert_eq!(returned.len(), 1);
        queue.give_back(returned);
        assert_eq!(drain(&mut queue), [(1, 2, true), (1, 3, false), (1, 4, false), (1, 5, false)]);
    }

    #[test]
    fn a_restart_keeps_what_is_persistent_and_marks_what_was_held() {
        let mut queue = filled(6);
        subscribe(&mut queue, ONE, 3);
        assert_eq!(drain(&mut queue).len(), 3);
        assert_eq!(queue.end_subscriptions(), [NodeId(1)]);
        let (lost, ready_lost) = queue.crash(|content| content.persistent);
        let lost: Vec<u32> = lost.iter().map(|content| content.id.number).collect();
        assert_eq!((lost, ready_lost, queue.levels()), (vec![3, 5, 1], 2, (1, 2)));
        let returned = queue.recover();
        queue.give_back(returned);
        assert_eq!(queue.levels(), (3, 0));
        subscribe(&mut queue, TWO, 0);
        assert_eq!(drain(&mut queue), [(2, 0, true), (2, 2, true), (2, 4, false)]);
    }

    #[test]
    fn it_agrees_with_a_plain_list_under_random_use() {
        let mut stream = crate::kernel::rng::Stream::named(3, "queue", "test");
        let mut queue = Queue::default();
        let (mut pushed, mut settled) = (0, 0);
        for _ in 0..20_000 {
            let link = LinkId(stream.below(4));
            match stream.below(9) {
                0..=2 => {
                    queue.push(content(pushed, false));
                    pushed += 1;
                }
                3 => {
                    let returned = queue.subscribe(link, NodeId(link.0), stream.below(4) as u16, false);
                    assert!(returned.is_empty());
                }
                4 if stream.below(4) == 0 => {
                    let closed = queue.close(link);
                    queue.give_back(closed.map(|closed| closed.returned).unwrap_or_default());
                }
                5 | 6 => {
                    let tag = queue.channels.get(&link).map_or(0, |channel| {
                        let count = channel.unacked.len() as u32;
                        channel.unacked.get(stream.below(count) as usize).map_or(0, |(tag, _)| *tag)
                    });
                    if let Some((_, stored)) = queue.take(link, tag) {
                        if stream.chance(0.5) {
                            queue.give_back_one(stored);
                        } else {
                            settled += 1;
                        }
                    }
                }
                _ => {
                    drain(&mut queue);
                }
            }
            let (ready_count, unacked) = queue.levels();
            assert_eq!(ready_count + unacked + settled, pushed);
            assert!(ready(&queue).is_sorted(), "the order of the queue is the order of coming");
            let mut visited = 0;
            queue.visit(&mut |_| visited += 1);
            assert_eq!(visited, ready_count + unacked);
            assert_eq!(queue.seen(usize::MAX).len() as u32, visited);
        }
        assert!(settled > 1_000 && pushed > 5_000);
    }
}
