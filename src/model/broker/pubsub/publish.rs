//! Publishing: a copy for every subscription of the topic, and dead letters on their way to theirs.
//!
//! Reproduces: Pub/Sub documentation, "Publish messages", "Filter messages from a subscription", "Dead-letter topics". A
//! subscription gets what is published after it was made; a topic without a subscription loses the message. A message
//! that a filter does not let through is acknowledged by the service. The routing key of a producer's message is its
//! ordering key, its headers are the attributes. Leaves out: batching in the publisher's library, the publisher that
//! stops at a failed message of an ordering key, schemas.

use std::rc::Rc;

use crate::model::broker::broker::HELD_MAX;
use crate::model::broker::server::Call;
use crate::vocabulary::{Content, DropReason, Fact, HeaderValue};

use super::server::{Due, Kept, PubSub};
use super::store::{Entry, State};

impl PubSub {
    /// Publishes a message to a topic.
    pub(super) fn publish(&mut self, number: u32, content: Rc<Content>, call: &mut Call) {
        self.serials_given += 1;
        let serial = self.serials_given;
        let keeps = self.topic_keeps(number, call);
        let Some(topic) = self.topics.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let node = topic.node.unwrap_or(call.broker);
        topic.published += 1;
        if keeps && self.held_count < HELD_MAX {
            topic.kept.push_back(Kept { serial, published: call.now, content: content.clone() });
            self.held_count += 1;
        }
        let count = topic.subscriptions.len();
        if count == 0 && !keeps {
            call.dropped(node, content.id, DropReason::NoSubscription);
        } else if count == 0 {
            // Nobody's, but the topic keeps it for a seek of a later subscription.
            call.fact(node, content.id, Fact::Unroutable {});
        }
        for index in 0..count {
            let Some(target) = self.topic(number).and_then(|topic| topic.subscriptions.get(index)).copied() else {
                break;
            };
            let to = self.node(target, call);
            call.fact(node, content.id, Fact::Routed { to });
            self.enqueue(target, content.clone(), serial, call);
        }
    }

    /// Puts a copy into a subscription.
    fn enqueue(&mut self, number: u32, content: Rc<Content>, serial: u64, call: &mut Call) {
        let node = self.node(number, call);
        let is_full = self.held_count >= HELD_MAX;
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let message = content.id;
        if subscription.config.filter.as_ref().is_some_and(|filter| !filter.passes(&content)) {
            return call.dropped(node, message, DropReason::Filtered);
        }
        if is_full {
            return call.dropped(node, message, DropReason::Limit);
        }
        let expires = call.now + subscription.config.retention;
        let slot = subscription.store.push(Entry::new(content, serial, call.now, expires));
        self.held_count += 1;
        self.deadlines.push(expires, Due::Expires(number, slot, serial));
        let (ready, unacked) = self.levels(number);
        call.fact(node, message, Fact::Enqueued { ready, unacked });
        let Some(subscription) = self.subscription_mut(number) else { return };
        if let Some(key) = subscription.store.get(slot).and_then(|entry| entry.key) {
            subscription.note_wanted(key);
        }
        self.became_ready(number);
    }

    /// Whether the topic keeps what is published: for its own retention, or for a snapshot of one of its subscriptions.
    /// Throws away what is too old.
    fn topic_keeps(&mut self, number: u32, call: &Call) -> bool {
        if self.snapshots.is_empty() && self.topic(number).is_some_and(|topic| topic.retention.is_none()) {
            return false;
        }
        self.snapshots.retain(|_, snapshot| snapshot.expires > call.now);
        self.trim_topic(number, call);
        let has_snapshot = self.snapshots.values().any(|snapshot| snapshot.topic == number);
        has_snapshot || self.topic(number).is_some_and(|topic| topic.retention.is_some())
    }

    /// Throws away what the topic kept for long enough.
    pub(super) fn trim_topic(&mut self, number: u32, call: &Call) {
        let of_topic = self.snapshots.values().filter(|snapshot| snapshot.topic == number);
        let needed = of_topic.map(|snapshot| snapshot.serial).min().unwrap_or(u64::MAX);
        let Some(topic) = self.topics.get_mut(number as usize).and_then(Option::as_mut) else { return };
        while let Some(kept) = topic.kept.front() {
            let is_young = topic.retention.is_some_and(|retention| kept.published + retention > call.now);
            if is_young || kept.serial > needed {
                return;
            }
            topic.kept.pop_front();
            self.held_count -= 1;
        }
    }

    /// Takes a message out of a subscription, wherever it stands, and gives its stream credit again.
    pub(super) fn take_out(&mut self, number: u32, slot: u32) -> Option<Entry> {
        let mut gone = std::mem::take(&mut self.gone);
        let subscription = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut)?;
        let entry = subscription.store.remove(slot)?;
        self.held_count -= 1;
        if entry.state == State::Outstanding {
            subscription.give_credit(entry.stream);
        }
        if let Some(key) = entry.key {
            subscription.store.trim(key, subscription.config.retains_acked, &mut gone);
            subscription.note_wanted(key);
        }
        self.forget(number, &mut gone);
        self.gone = gone;
        Some(entry)
    }

    /// Forgets messages that are acknowledged and not kept.
    pub(super) fn forget(&mut self, number: u32, gone: &mut Vec<u32>) {
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        for slot in gone.drain(..) {
            if subscription.store.remove(slot).is_some() {
                self.held_count -= 1;
            }
        }
    }

    /// Forwards a message that failed too often to the dead-letter topic, with attributes that say where it was.
    pub(super) fn forward(&mut self, number: u32, slot: u32, topic: u32, call: &mut Call) {
        let to = self.topic(topic).and_then(|topic| topic.node).unwrap_or(call.broker);
        let (node, name) = (self.node(number, call), self.subscription(number).map(|it| it.name.clone()));
        let Some(entry) = self.take_out(number, slot) else { return };
        let (ready, unacked) = self.levels(number);
        call.fact(node, entry.content.id, Fact::DeadLettered { to, ready, unacked });
        let mut headers: Vec<(Rc<str>, HeaderValue)> = entry.content.headers.to_vec();
        headers.retain(|(name, _)| !name.starts_with("CloudPubSubDeadLetterSource"));
        let mut add = |name: &str, value: HeaderValue| headers.push((Rc::from(name), value));
        add("CloudPubSubDeadLetterSourceDeliveryCount", HeaderValue::Text(entry.failures.to_string().into()));
        add("CloudPubSubDeadLetterSourceSubscription", HeaderValue::Text(name.unwrap_or_else(|| Rc::from(""))));
        let content = Rc::new(Content { headers: headers.into(), ..(*entry.content).clone() });
        self.publish(topic, content, call);
        self.became_ready(number);
    }
}
