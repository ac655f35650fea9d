//! Seeking: a subscription is set back or forward in time, or to a snapshot.
//!
//! Reproduces: Pub/Sub documentation, "Replay and purge messages with seek". Seeking to a time marks what was published
//! before it as acknowledged and the rest as not, as far as it is retained: by the topic, or by a subscription that
//! retains acknowledged messages. A snapshot keeps which messages were unacknowledged, and everything that comes later;
//! it lives seven days less the age of its oldest unacknowledged message, and is refused if that is less than an hour.
//! Delivery attempts are counted anew. Leaves out: that it may take a minute.

use std::rc::Rc;

use crate::model::broker::broker::HELD_MAX;
use crate::model::broker::server::Call;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{DropReason, Duration, Fact, MessageId, Time};

use super::answer::{not_found, refusal, Refusal};
use super::server::{Due, Kept, PubSub};
use super::store::{Entry, State};

/// The longest and shortest life of a snapshot.
const LIFE: (Duration, Duration) = (Duration::from_secs(7 * 86_400), Duration::from_secs(3600));

/// Snapshots in a project (Pub/Sub quotas).
const SNAPSHOTS_MAX: usize = 5000;

/// The state of a subscription, kept.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) topic: u32,
    /// What was published after this number is unacknowledged.
    pub(super) serial: u64,
    /// What was unacknowledged of the rest.
    unacked: Vec<Kept>,
    pub(super) expires: Time,
}

/// Where a subscription is set to.
pub(super) enum Target {
    Time(Time),
    Snapshot(Rc<str>),
}

impl PubSub {
    /// Takes a snapshot of a subscription.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` if it would live for less than an hour, or the topic was deleted.
    pub(super) fn take_snapshot(&mut self, number: u32, name: &str, call: &mut Call) -> Result<Time, Refusal> {
        self.snapshots.retain(|_, snapshot| snapshot.expires > call.now);
        if self.snapshots.contains_key(name) {
            return Err(refusal("ALREADY_EXISTS", format!("Resource already exists (resource={name}).")));
        }
        let subscription = self.subscription(number).ok_or_else(|| not_found(name))?;
        let no_topic = || refusal("FAILED_PRECONDITION", "The topic of the subscription was deleted.");
        let topic = subscription.topic.ok_or_else(no_topic)?;
        let kept =
            |entry: &Entry| Kept { serial: entry.serial, published: entry.published, content: entry.content.clone() };
        let slots = subscription.store.slots_in_order();
        let entries = slots.into_iter().filter_map(|slot| subscription.store.get(slot));
        let unacked: Vec<Kept> = entries.filter(|entry| entry.state != State::Acked).map(kept).collect();
        let oldest = unacked.first().map_or(call.now, |kept| kept.published);
        let life = Duration(LIFE.0 .0.saturating_sub(call.now.since(oldest).0));
        if life < LIFE.1 {
            let text = "The snapshot would expire in less than 1 hour.";
            return Err(refusal("FAILED_PRECONDITION", text));
        }
        let kept_count: usize = self.snapshots.values().map(|snapshot| snapshot.unacked.len()).sum();
        if kept_count + unacked.len() > HELD_MAX || self.snapshots.len() >= SNAPSHOTS_MAX {
            return Err(refusal("RESOURCE_EXHAUSTED", "There are too many snapshots."));
        }
        let expires = call.now + life;
        let snapshot = Snapshot { topic, serial: self.serials_given, unacked, expires };
        self.snapshots.insert(Rc::from(name), snapshot);
        Ok(expires)
    }

    /// Sets a subscription to a time or a snapshot.
    ///
    /// # Errors
    /// `NOT_FOUND`, and `FAILED_PRECONDITION` if the snapshot is of another topic.
    pub(super) fn seek(&mut self, number: u32, target: &Target, call: &mut Call) -> Result<(), Refusal> {
        let subscription = self.subscription(number).ok_or_else(|| not_found("subscription"))?;
        let topic = subscription.topic;
        let (since, horizon, unacked) = match target {
            Target::Time(time) => ((*time).min(Time(u64::MAX - 1)), 0, Vec::new()),
            Target::Snapshot(name) => {
                let snapshot = self.snapshots.get(name).filter(|snapshot| snapshot.expires > call.now);
                let snapshot = snapshot.ok_or_else(|| not_found(name))?;
                if Some(snapshot.topic) != topic {
                    return Err(refusal("FAILED_PRECONDITION", "The snapshot is of another topic."));
                }
                (Time::MAX, snapshot.serial, snapshot.unacked.clone())
            }
        };
        let serials: Vec<u64> = unacked.iter().map(|kept| kept.serial).collect();
        let is_unacked = |serial: u64, published: Time| match since {
            Time::MAX => serial > horizon || serials.binary_search(&serial).is_ok(),
            _ => published >= since,
        };
        let mut missing = unacked;
        if let Some(topic) = topic {
            self.trim_topic(topic, call);
            let kept = self.topic(topic).map(|topic| &topic.kept).into_iter().flatten();
            missing.extend(kept.filter(|kept| is_unacked(kept.serial, kept.published)).cloned());
        }
        sort_by_key(&mut missing, |kept| kept.serial);
        let mut before = self.states(number);
        sort_by_key(&mut before, |(slot, _)| *slot);
        self.bring_back(number, missing, call);
        if let Some(subscription) = self.subscription_mut(number) {
            subscription.store.reset(&|entry| !is_unacked(entry.serial, entry.published));
        }
        self.tell_seek(number, &before, call);
        Ok(())
    }

    fn states(&self, number: u32) -> Vec<(u32, State)> {
        let Some(subscription) = self.subscription(number) else { return Vec::new() };
        let slots = subscription.store.slots_in_order().into_iter();
        slots.filter_map(|slot| subscription.store.get(slot).map(|entry| (slot, entry.state))).collect()
    }

    /// Puts messages that are kept elsewhere, by rising serial number, into the subscription again, unless they are there or its filter or
    /// retention forbids it.
    fn bring_back(&mut self, number: u32, kept: Vec<Kept>, call: &Call) {
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let mut serials: Vec<u64> = subscription.store.iter().map(|entry| entry.serial).collect();
        sort_by_key(&mut serials, |serial| *serial);
        let mut last = 0;
        for kept in kept {
            let is_there = kept.serial == last || serials.binary_search(&kept.serial).is_ok();
            last = kept.serial;
            let passes = subscription.config.filter.as_ref().is_none_or(|filter| filter.passes(&kept.content));
            if is_there || !passes || self.held_count >= HELD_MAX {
                continue;
            }
            let expires = (kept.published + subscription.config.retention).max(call.now + Duration::from_secs(600));
            let slot = subscription.store.push(Entry::new(kept.content, kept.serial, kept.published, expires));
            self.held_count += 1;
            self.deadlines.push(expires, Due::Expires(number, slot, kept.serial));
        }
    }

    /// Says what a seek changed, and lets streams begin anew.
    fn tell_seek(&mut self, number: u32, before: &[(u32, State)], call: &mut Call) {
        let (node, after) = (self.node(number, call), self.states(number));
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let place = |slot: u32| before.binary_search_by_key(&slot, |(other, _)| *other);
        let was = |slot: u32| place(slot).map_or(State::Acked, |place| before[place].1);
        let was_there: Vec<State> = after.iter().map(|(slot, _)| was(*slot)).collect();
        for (slot, was) in after.iter().map(|(slot, _)| *slot).zip(&was_there) {
            let Some(entry) = subscription.store.get_mut(slot) else { continue };
            entry.failures = 0;
            if *was == State::Acked {
                entry.was_handed = false;
            }
            let stream = entry.stream;
            if *was == State::Outstanding {
                subscription.give_credit(stream);
            }
        }
        call.fact(node, MessageId::NONE, Fact::Sought { partition: 0, offset: 0 });
        let (mut gone, retains) = (Vec::new(), subscription.config.retains_acked);
        let mut changes = Vec::new();
        for ((slot, state), was) in after.iter().zip(&was_there) {
            let Some(entry) = subscription.store.get(*slot) else { continue };
            if *state == State::Acked && !retains {
                gone.push(*slot);
            }
            changes.push((entry.content.id, *was, *state));
        }
        self.forget(number, &mut gone);
        let (ready, unacked) = self.levels(number);
        for (message, was, state) in changes {
            match (was, state) {
                (State::Acked, State::Ready) => call.fact(node, message, Fact::Enqueued { ready, unacked }),
                (State::Outstanding, State::Ready) => call.fact(node, message, Fact::Requeued { ready, unacked }),
                (State::Acked, _) | (_, State::Ready) => {}
                _ => {
                    call.fact(node, message, Fact::Discarded { ready, unacked });
                    call.dropped(node, message, DropReason::Purged);
                }
            }
        }
        self.became_ready(number);
    }
}
