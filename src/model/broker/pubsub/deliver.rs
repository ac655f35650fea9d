//! Delivering: streams, pulls and pushes.
//!
//! Reproduces: Pub/Sub documentation, "Pull subscriptions" (streaming pull with flow control; unary pull), "Push
//! subscriptions" (slow start, push backoff), "Order messages". The subscribers of one subscription share its messages;
//! streams are served in turn. The messages of an ordering key go to the stream that has its earlier ones, several at
//! once; a push endpoint gets one of a key at a time; the answer to a pull takes as many of a key as it can. A push
//! window starts at 3 requests, grows by one with each success and is halved by a failure; after failures, and without
//! a retry policy, pushes rest for 100 ms, doubled by each further one up to 60 s. Leaves out: the limit of a stream in
//! bytes, how the real window follows latency, messages that an ordinary pull leaves for the next one.

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::{json, Map, Value as Json};

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, Duration, Fact, NodeId, Time};

use super::filter::text_of;
use super::server::{Due, PubSub, Subscription};
use super::store::{Entry, SLOT_BITS};

/// Messages outstanding at one subscriber whose library was told nothing (Python and Java libraries: 1000).
const OUTSTANDING_DEFAULT: u32 = 1000;

/// Deliveries that consoles may name by their data.
const REMEMBERED_MAX: usize = 4096;

/// Requests of a push subscription that are open at once, at the start and at most.
const WINDOW: (u32, u32) = (3, 3000);

/// The rest after failed pushes, at the first and at most.
const REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

/// Who receives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) session: Session,
    /// The client's node; the broker's own for a console.
    pub(super) client: NodeId,
    /// The subscription's node, for a client of the drawing.
    pub(super) place: Option<NodeId>,
}

/// An open stream, or a push endpoint.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) reader: Reader,
    outstanding_max: u32,
    outstanding: u32,
    auto_ack: bool,
    in_round: bool,
    /// Ordering keys of which there is more for this stream.
    wanted: VecDeque<u32>,
}

/// A pull that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) number: u64,
    reader: Reader,
    max: usize,
}

/// How fast a push subscription may push.
#[derive(Clone, Copy, Debug)]
pub(super) struct Push {
    pub(super) window: u32,
    /// Failures since the last success.
    failures: u32,
    pub(super) paused_until: Option<Time>,
}

impl Default for Push {
    fn default() -> Self {
        Push { window: WINDOW.0, failures: 0, paused_until: None }
    }
}

impl Subscription {
    /// True if the push window, or the absence of one, lets one more out.
    fn may_send(&self) -> bool {
        !self.config.is_push || (self.push.paused_until.is_none() && self.store.counts()[1] < self.push.window)
    }

    /// The stream has one outstanding message fewer.
    pub(super) fn give_credit(&mut self, stream: Option<u32>) {
        let Some((number, stream)) = stream.and_then(|number| Some((number, self.streams.get_mut(&number)?))) else {
            return;
        };
        stream.outstanding = stream.outstanding.saturating_sub(1);
        if !stream.in_round && stream.outstanding < stream.outstanding_max {
            stream.in_round = true;
            self.round.push_back(number);
        }
    }

    /// If there is more of a key for the stream that has its earlier messages, the stream is told. With pushes one of a
    /// key is out at a time.
    pub(super) fn note_wanted(&mut self, key: u32) {
        if self.config.is_push {
            return;
        }
        if let Some(stream) = self.store.wants(key) {
            match self.streams.get_mut(&stream) {
                Some(open) => open.wanted.push_back(key),
                // The stream is gone; the rest waits for the deadlines of what it had.
                None => drop(self.store.take_wanted(key, stream)),
            }
        }
    }

    /// The next delivery: slot and stream.
    fn next(&mut self) -> Option<(u32, u32)> {
        let mut turns = self.round.len();
        while turns > 0 && self.may_send() {
            turns -= 1;
            let number = *self.round.front()?;
            let stream = self.streams.get_mut(&number)?;
            let mut slot = None;
            while let Some(key) = stream.wanted.pop_front() {
                slot = self.store.take_wanted(key, number);
                if slot.is_some() {
                    break;
                }
            }
            let slot = slot.or_else(|| self.store.take_ready());
            self.round.rotate_left(1);
            if let Some(slot) = slot {
                stream.outstanding += 1;
                if stream.outstanding >= stream.outstanding_max {
                    stream.in_round = false;
                    self.round.pop_back();
                }
                return Some((slot, number));
            }
        }
        None
    }

    /// A push succeeded.
    pub(super) fn push_succeeded(&mut self) {
        self.push.window = (self.push.window + 1).min(WINDOW.1);
        self.push.failures = 0;
    }

    /// A push failed; returns until when pushes rest.
    pub(super) fn push_failed(&mut self, now: Time) -> Option<Time> {
        self.push.window = (self.push.window / 2).max(1);
        self.push.failures += 1;
        if self.config.backoff.is_some() {
            return None;
        }
        let rest = REST.0 .0.saturating_mul(1 << (self.push.failures - 1).min(20)).min(REST.1 .0);
        self.push.paused_until = Some(now + Duration(rest));
        self.push.paused_until
    }
}

impl PubSub {
    /// Opens a stream, or lets a push endpoint listen. An open one of the same session is closed.
    pub(super) fn open(&mut self, number: u32, reader: Reader, prefetch: u32, auto_ack: bool, call: &mut Call) {
        self.close(reader.session, call);
        self.streams_given += 1;
        let id = self.streams_given;
        let Some(subscription) = self.subscription_mut(number) else { return };
        let said = if prefetch > 0 { prefetch } else { subscription.config.outstanding_max };
        let outstanding_max = if said > 0 { said } else { OUTSTANDING_DEFAULT };
        let stream =
            Stream { reader, outstanding_max, outstanding: 0, auto_ack, in_round: true, wanted: VecDeque::new() };
        subscription.streams.insert(id, stream);
        subscription.round.push_back(id);
        subscription.used = call.now;
        self.clients.insert(reader.session, (number, id));
        if let Some(place) = reader.place {
            let fact = Fact::Subscribed { consumer: reader.client, prefetch: prefetch.min(65_535) as u16 };
            call.fact(place, crate::vocabulary::MessageId::NONE, fact);
        }
        self.became_ready(number);
    }

    /// Closes the stream of a session, and forgets its pulls. What it had stays outstanding until its deadlines.
    pub(super) fn close(&mut self, session: Session, call: &mut Call) {
        for subscription in self.subscriptions.iter_mut().flatten().filter(|it| !it.waiters.is_empty()) {
            let before = subscription.waiters.len();
            subscription.waiters.retain(|waiter| waiter.reader.session != session);
            self.waiter_count -= before - subscription.waiters.len();
        }
        let Some((number, id)) = self.clients.remove(&session) else { return };
        let Some(subscription) = self.subscription_mut(number) else { return };
        subscription.round.retain(|other| *other != id);
        subscription.used = call.now;
        let Some(stream) = subscription.streams.remove(&id) else { return };
        for key in stream.wanted {
            subscription.store.take_wanted(key, id);
        }
        if let Some(place) = stream.reader.place {
            let fact = Fact::Unsubscribed { consumer: stream.reader.client };
            call.fact(place, crate::vocabulary::MessageId::NONE, fact);
        }
    }

    /// Hands out what can be handed out: to waiting pulls first, then to streams.
    pub(super) fn dispatch(&mut self, number: u32, call: &mut Call) {
        while let Some(waiter) = self.subscription(number).and_then(|it| it.waiters.front()).copied() {
            let taken = self.pull(number, &waiter.reader, waiter.max, call);
            if taken.is_empty() {
                break;
            }
            if let Some(subscription) = self.subscription_mut(number) {
                subscription.waiters.pop_front();
                self.waiter_count -= 1;
            }
            self.answer_pull(number, &waiter.reader, &taken, call);
        }
        while let Some((slot, stream)) = self.subscription_mut(number).and_then(Subscription::next) {
            self.deliver(number, slot, stream, call);
        }
    }

    fn deliver(&mut self, number: u32, slot: u32, id: u32, call: &mut Call) {
        let Some(stream) = self.subscription(number).and_then(|it| it.streams.get(&id)) else { return };
        let (reader, auto_ack) = (stream.reader, stream.auto_ack);
        let Some((handle, redelivered)) = self.lease(number, slot, Some(id), reader.client, call) else { return };
        let Some(subscription) = self.subscription_mut(number) else { return };
        let Some(entry) = subscription.store.get(slot) else { return };
        let key = entry.key;
        match reader.place {
            Some(place) => {
                let content = entry.content.clone();
                call.frame(reader.session, place, BrokerMessage::Deliver { tag: handle, redelivered, content });
            }
            None => {
                let message = subscription.received(number, slot);
                call.tell(reader.session, "delivery", message);
            }
        }
        if let Some(key) = key {
            subscription.note_wanted(key);
        }
        if auto_ack {
            let _ = self.ack(number, handle, None, reader.client, call);
        }
    }

    /// Makes a message that was taken outstanding. Returns its acknowledgement id and whether it was delivered before.
    fn lease(
        &mut self,
        number: u32,
        slot: u32,
        stream: Option<u32>,
        to: NodeId,
        call: &mut Call,
    ) -> Option<(u64, bool)> {
        self.handles_given += 1;
        let handle = self.handles_given << SLOT_BITS | u64::from(slot);
        let subscription = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut)?;
        let due = call.now + subscription.config.ack_deadline;
        let is_first = subscription.store.lease(slot, handle, stream, to, (call.now, due));
        let entry = subscription.store.get(slot)?;
        let (message, redelivered) = (entry.content.id, entry.earlier > 0);
        self.deadlines.push(due, Due::Message(number, slot, entry.serial));
        let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
        let fact = match is_first {
            true => Fact::Leased { to, ready, unacked },
            false => Fact::Redelivered { to, ready, unacked },
        };
        call.fact(node, message, fact);
        Some((handle, redelivered))
    }

    /// Takes messages for one pull; of a key as many as possible, in order. Returns their slots.
    pub(super) fn pull(&mut self, number: u32, reader: &Reader, max: usize, call: &mut Call) -> Vec<u32> {
        let mut taken = Vec::new();
        let mut key = None;
        while taken.len() < max {
            let Some(subscription) = self.subscription_mut(number) else { break };
            subscription.used = call.now;
            let next = key.and_then(|key| subscription.store.take_next_of(key));
            let Some(slot) = next.or_else(|| subscription.store.take_ready()) else { break };
            if self.lease(number, slot, None, reader.client, call).is_none() {
                break;
            }
            key = self.subscription(number).and_then(|it| it.store.get(slot)).and_then(|entry| entry.key);
            taken.push(slot);
        }
        taken
    }

    /// Lets a pull wait.
    pub(super) fn wait(&mut self, number: u32, reader: Reader, max: usize, until: Time) {
        self.waiters_given += 1;
        let waiter = Waiter { number: self.waiters_given, reader, max };
        self.deadlines.push(until, Due::Pull(number, waiter.number));
        if let Some(subscription) = self.subscription_mut(number) {
            subscription.waiters.push_back(waiter);
            self.waiter_count += 1;
        }
    }

    /// An open pull ends without a message.
    pub(super) fn end_pull(&mut self, number: u32, waiter: u64, call: &mut Call) {
        let Some(subscription) = self.subscription_mut(number) else { return };
        let Some(index) = subscription.waiters.iter().position(|other| other.number == waiter) else { return };
        let Some(waiter) = subscription.waiters.remove(index) else { return };
        self.waiter_count -= 1;
        self.answer_pull(number, &waiter.reader, &[], call);
    }

    /// Hands what was pulled to the reader.
    pub(super) fn answer_pull(&mut self, number: u32, reader: &Reader, taken: &[u32], call: &mut Call) {
        let Some(place) = reader.place else {
            let answer = self.pulled(number, taken);
            return call.tell(reader.session, "reply", answer);
        };
        for slot in taken {
            let Some(entry) = self.subscription(number).and_then(|it| it.store.get(*slot)) else { continue };
            let (tag, redelivered, content) = (entry.handle, entry.earlier > 0, entry.content.clone());
            call.frame(reader.session, place, BrokerMessage::Deliver { tag, redelivered, content });
        }
        call.frame(reader.session, place, BrokerMessage::Pulled { count: taken.len() as u16 });
    }

    /// What was pulled, as an answer.
    pub(super) fn pulled(&mut self, number: u32, taken: &[u32]) -> Json {
        let Some(subscription) = self.subscription_mut(number) else { return Json::Null };
        let received: Vec<Json> = taken.iter().map(|slot| subscription.received(number, *slot)).collect();
        json!({ "receivedMessages": received })
    }
}

impl Subscription {
    /// A received message as the API writes it. Its acknowledgement id may be named by its data from now.
    fn received(&mut self, number: u32, slot: u32) -> Json {
        let Some(entry) = self.store.get(slot) else { return Json::Null };
        let mut received = json!({
            "ackId": ack_name(number, entry.serial, entry.handle),
            "message": message_json(entry),
        });
        if self.dead.is_some() {
            received["deliveryAttempt"] = (entry.failures + 1).into();
        }
        let (data, handle): (Rc<str>, u64) = (entry.content.payload.clone(), entry.handle);
        self.handles.push_back((data, handle));
        if self.handles.len() > REMEMBERED_MAX {
            self.handles.pop_front();
        }
        received
    }
}

/// A message as the API writes it; data are text here and not base64, and times are seconds of the run.
fn message_json(entry: &Entry) -> Json {
    let mut message = json!({
        "data": &*entry.content.payload,
        "messageId": entry.serial.to_string(),
        "publishTime": format!("{:.3}s", entry.published.seconds()),
    });
    if !entry.content.headers.is_empty() {
        let pairs = entry.content.headers.iter().map(|(name, value)| (name.to_string(), text_of(value).into()));
        message["attributes"] = Json::Object(pairs.collect::<Map<String, Json>>());
    }
    if !entry.content.routing_key.is_empty() {
        message["orderingKey"] = (&*entry.content.routing_key).into();
    }
    message
}

/// An acknowledgement id as it is shown: subscription, message and delivery.
pub(super) fn ack_name(subscription: u32, serial: u64, handle: u64) -> String {
    format!("ack-{subscription:x}-{serial:x}-{handle:x}")
}

/// Reads an acknowledgement id: subscription, message and delivery.
pub(super) fn read_ack(text: &str) -> Option<(u32, u64, u64)> {
    let mut parts = text.strip_prefix("ack-")?.split('-').map(|part| u64::from_str_radix(part, 16).ok());
    let (subscription, serial, handle) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some((u32::try_from(subscription).ok()?, serial, handle))
}
