//! The service: its topics, subscriptions and snapshots, and what falls due.
//!
//! Reproduces: Pub/Sub as one project in one region sees it. The service is redundant, so a "crash" here is a time in
//! which no one reaches it: messages and deadlines go on, streams and open pulls are gone. Leaves out: more regions,
//! the minute that a seek or another change may take to reach every server, quotas.

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::Value as Json;

use crate::kernel::{InsideTable, Inspection};
use crate::model::broker::late::longer;
use crate::model::broker::mechanism::deadlines::Deadlines;
use crate::model::broker::server::{Call, Server, Session};
use crate::vocabulary::{
    BrokerMessage, Content, DropReason, Duration, Fact, FlatMap, MessageId, NodeId, Settings, Time, WireId,
};

use super::config::{Config, RETENTION};
use super::deliver::{Push, Reader, Stream, Waiter};
use super::kind;
use super::seek::Snapshot;
use super::store::{State, Store};

/// A message that a topic keeps, for seeks.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) serial: u64,
    pub(super) published: Time,
    pub(super) content: Rc<Content>,
}

/// A topic.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) name: Rc<str>,
    pub(super) node: Option<NodeId>,
    /// How long it keeps messages; nothing: it does not.
    pub(super) retention: Option<Duration>,
    pub(super) kept: VecDeque<Kept>,
    pub(super) subscriptions: Vec<u32>,
    pub(super) published: u64,
}

/// Where the dead letters of a subscription go, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeadLetters {
    pub(super) topic: u32,
    pub(super) attempts_max: u32,
}

/// A subscription.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) name: Rc<str>,
    pub(super) node: Option<NodeId>,
    /// Its topic, unless that was deleted.
    pub(super) topic: Option<u32>,
    pub(super) config: Config,
    pub(super) dead: Option<DeadLetters>,
    pub(super) store: Store,
    pub(super) streams: FlatMap<u32, Stream>,
    /// The streams that can take more, in the order of their turns.
    pub(super) round: VecDeque<u32>,
    pub(super) waiters: VecDeque<Waiter>,
    pub(super) push: Push,
    /// The last time that someone used it.
    pub(super) used: Time,
    /// When that is looked at next.
    unused_due: Time,
    /// Data and acknowledgement ids that consoles received, oldest first.
    pub(super) handles: VecDeque<(Rc<str>, u64)>,
}

/// A member that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Topic(u32),
    Subscription(u32),
}

/// What falls due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// The deadline of a delivery, or the end of a backoff: subscription, slot, serial number.
    Message(u32, u32, u64),
    /// The retention of a message: subscription, slot, serial number.
    Expires(u32, u32, u64),
    /// An open pull ends: subscription, number of the waiter.
    Pull(u32, u64),
    /// A subscription may have been unused for too long.
    Unused(u32),
    /// Pushes go on.
    Push(u32),
}

/// The service.
#[derive(Clone, Debug, Default)]
pub struct PubSub {
    /// How long an answer takes at normal speed.
    pub(super) service_time: Duration,
    pub(super) topics: Vec<Option<Topic>>,
    pub(super) subscriptions: Vec<Option<Subscription>>,
    pub(super) topic_names: FlatMap<Rc<str>, u32>,
    pub(super) subscription_names: FlatMap<Rc<str>, u32>,
    pub(super) members: FlatMap<NodeId, Member>,
    wires: FlatMap<WireId, (NodeId, NodeId, u32)>,
    pub(super) snapshots: FlatMap<Rc<str>, Snapshot>,
    /// The stream of each client that has one.
    pub(super) clients: FlatMap<Session, (u32, u32)>,
    pub(super) deadlines: Deadlines<Due>,
    /// Subscriptions in which something became ready during this call.
    pub(super) fresh: Vec<u32>,
    /// Slots that an acknowledgement frees. Kept only to be used again.
    pub(super) gone: Vec<u32>,
    pub(super) serials_given: u64,
    pub(super) handles_given: u64,
    pub(super) streams_given: u32,
    pub(super) waiters_given: u64,
    pub(super) held_count: usize,
    pub(super) waiter_count: usize,
    pub(super) broker: NodeId,
}

impl Topic {
    pub(super) fn new(name: Rc<str>, node: Option<NodeId>, retention: Option<Duration>) -> Topic {
        Topic { name, node, retention, kept: VecDeque::new(), subscriptions: Vec::new(), published: 0 }
    }
}

impl Subscription {
    pub(super) fn new(name: Rc<str>, node: Option<NodeId>, config: Config, now: Time) -> Subscription {
        Subscription {
            name,
            node,
            topic: None,
            store: Store::new(config.is_ordered),
            config,
            dead: None,
            streams: FlatMap::new(),
            round: VecDeque::new(),
            waiters: VecDeque::new(),
            push: Push::default(),
            used: now,
            unused_due: Time::MAX,
            handles: VecDeque::new(),
        }
    }
}

/// Whether a deadline still means something.
fn is_alive(subscriptions: &[Option<Subscription>], at: Time, due: Due) -> bool {
    let (Due::Message(number, ..)
    | Due::Expires(number, ..)
    | Due::Pull(number, _)
    | Due::Unused(number)
    | Due::Push(number)) = due;
    let Some(Some(subscription)) = subscriptions.get(number as usize) else { return false };
    let entry = |slot: u32, serial: u64| subscription.store.get(slot).filter(|entry| entry.serial == serial);
    match due {
        Due::Message(_, slot, serial) => entry(slot, serial)
            .is_some_and(|entry| entry.due == at && matches!(entry.state, State::Outstanding | State::Backoff)),
        Due::Expires(_, slot, serial) => entry(slot, serial).is_some_and(|entry| entry.expires == at),
        Due::Pull(_, waiter) => subscription.waiters.iter().any(|other| other.number == waiter),
        Due::Unused(_) => subscription.unused_due == at,
        Due::Push(_) => subscription.push.paused_until == Some(at),
    }
}

impl PubSub {
    /// A service with nothing in it.
    pub(super) fn new(settings: &Settings) -> PubSub {
        PubSub { service_time: settings.duration("service_time"), ..PubSub::default() }
    }

    #[inline]
    pub(super) fn topic(&self, number: u32) -> Option<&Topic> {
        self.topics.get(number as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn topic_mut(&mut self, number: u32) -> Option<&mut Topic> {
        self.topics.get_mut(number as usize)?.as_mut()
    }

    #[inline]
    pub(super) fn subscription(&self, number: u32) -> Option<&Subscription> {
        self.subscriptions.get(number as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn subscription_mut(&mut self, number: u32) -> Option<&mut Subscription> {
        self.subscriptions.get_mut(number as usize)?.as_mut()
    }

    /// The node at which facts about the subscription are recorded.
    #[inline]
    pub(super) fn node(&self, number: u32, call: &Call) -> NodeId {
        self.subscription(number).and_then(|subscription| subscription.node).unwrap_or(call.broker)
    }

    /// The levels at the subscription's node: waiting and outstanding. What is not drawn shares the broker's node.
    #[inline]
    pub(super) fn levels(&self, number: u32) -> (u32, u32) {
        let of = |subscription: &Subscription| {
            let [waiting, outstanding, _] = subscription.store.counts();
            (waiting, outstanding)
        };
        match self.subscription(number) {
            Some(subscription) if subscription.node.is_some() => of(subscription),
            _ => {
                let loose = self.subscriptions.iter().flatten().filter(|subscription| subscription.node.is_none());
                loose.map(of).fold((0, 0), |sum, levels| (sum.0 + levels.0, sum.1 + levels.1))
            }
        }
    }

    /// Adds a topic; the name must be free.
    pub(super) fn add_topic(&mut self, topic: Topic) -> u32 {
        let number = self.topics.len() as u32;
        self.topic_names.insert(topic.name.clone(), number);
        if let Some(node) = topic.node {
            self.members.insert(node, Member::Topic(number));
        }
        self.topics.push(Some(topic));
        number
    }

    /// Deletes a topic. Its subscriptions keep what they have and get nothing more.
    pub(super) fn delete_topic(&mut self, number: u32) {
        let Some(topic) = self.topics.get_mut(number as usize).and_then(Option::take) else { return };
        self.held_count -= topic.kept.len();
        self.topic_names.remove(&topic.name);
        if let Some(node) = topic.node {
            self.members.remove(&node);
        }
        for subscription in self.subscriptions.iter_mut().flatten() {
            subscription.topic = subscription.topic.filter(|topic| *topic != number);
            subscription.dead = subscription.dead.filter(|dead| dead.topic != number);
        }
    }

    /// Adds a subscription to a topic, or to none yet; the name must be free.
    pub(super) fn add_subscription(&mut self, subscription: Subscription, topic: Option<u32>) -> u32 {
        let number = self.subscriptions.len() as u32;
        self.subscription_names.insert(subscription.name.clone(), number);
        if let Some(node) = subscription.node {
            self.members.insert(node, Member::Subscription(number));
        }
        let used = subscription.used;
        self.subscriptions.push(Some(subscription));
        self.watch_use(number, used);
        self.attach(number, topic);
        number
    }

    /// Looks again when the subscription will have been unused for its expiration period since `used`.
    pub(super) fn watch_use(&mut self, number: u32, used: Time) {
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        subscription.unused_due = subscription.config.expiration.map_or(Time::MAX, |expiration| used + expiration);
        if subscription.config.expiration.is_some() {
            self.deadlines.push(subscription.unused_due, Due::Unused(number));
        }
    }

    /// Lets a subscription get what is published to this topic from now.
    pub(super) fn attach(&mut self, number: u32, topic: Option<u32>) {
        for other in self.topics.iter_mut().flatten() {
            other.subscriptions.retain(|subscription| *subscription != number);
        }
        if let Some(topic) = topic.and_then(|topic| self.topic_mut(topic)) {
            topic.subscriptions.push(number);
        }
        if let Some(subscription) = self.subscription_mut(number) {
            subscription.topic = topic;
        }
    }

    /// Deletes a subscription with all that is in it.
    pub(super) fn delete_subscription(&mut self, number: u32, reason: DropReason, call: &mut Call) {
        let slots = self.subscription(number).map(|it| it.store.slots_in_order()).unwrap_or_default();
        slots.into_iter().for_each(|slot| self.discard(number, slot, reason, call));
        self.attach(number, None);
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::take) else { return };
        self.waiter_count -= subscription.waiters.len();
        self.clients.retain(|_, (other, _)| *other != number);
        self.subscription_names.remove(&subscription.name);
        if let Some(node) = subscription.node {
            self.members.remove(&node);
        }
    }

    /// Takes one message out of a subscription and says why, unless it was acknowledged.
    pub(super) fn discard(&mut self, number: u32, slot: u32, reason: DropReason, call: &mut Call) {
        let Some(entry) = self.take_out(number, slot) else { return };
        if entry.state != State::Acked {
            let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
            call.fact(node, entry.content.id, Fact::Discarded { ready, unacked });
            call.dropped(node, entry.content.id, reason);
        }
    }

    /// The end of every call: what became ready goes out, and stale deadlines are thrown away.
    pub(super) fn settle(&mut self, call: &mut Call) {
        while let Some(number) = self.fresh.pop() {
            self.dispatch(number, call);
        }
        let alive_max = 2 * self.held_count + self.waiter_count + 2 * self.subscriptions.len();
        let subscriptions = &self.subscriptions;
        self.deadlines.clean(alive_max, |at, due| is_alive(subscriptions, at, due));
    }

    fn happen(&mut self, due: Due, call: &mut Call) {
        match due {
            Due::Message(number, slot, _) => self.message_due(number, slot, call),
            Due::Expires(number, slot, _) => {
                let entry = self.subscription(number).and_then(|subscription| subscription.store.get(slot));
                if let Some((message, state)) = entry.map(|entry| (entry.content.id, entry.state)) {
                    let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
                    if state != State::Acked {
                        call.fact(node, message, Fact::Expired { ready, unacked });
                    }
                    self.discard(number, slot, DropReason::Retention, call);
                    self.became_ready(number);
                }
            }
            Due::Pull(number, waiter) => self.end_pull(number, waiter, call),
            Due::Unused(number) => self.check_use(number, call),
            Due::Push(number) => {
                if let Some(subscription) = self.subscription_mut(number) {
                    subscription.push.paused_until = None;
                }
                self.became_ready(number);
            }
        }
    }

    /// Deletes a subscription that no one used for its expiration period.
    fn check_use(&mut self, number: u32, call: &mut Call) {
        let Some(subscription) = self.subscription(number) else { return };
        let Some(expiration) = subscription.config.expiration else { return };
        let is_open = !subscription.streams.is_empty() || !subscription.waiters.is_empty();
        let from = if is_open { call.now } else { subscription.used };
        if from + expiration <= call.now {
            self.delete_subscription(number, DropReason::Deleted, call);
        } else {
            self.watch_use(number, from);
        }
    }

    /// Something in the subscription became ready.
    #[inline]
    pub(super) fn became_ready(&mut self, number: u32) {
        if !self.fresh.contains(&number) {
            self.fresh.push(number);
        }
    }

    /// Reads the wires anew: which subscription reads which topic, and where dead letters go. Of several wires of one
    /// sort the first one counts.
    fn read_wires(&mut self) {
        let mut reads: FlatMap<u32, u32> = FlatMap::new();
        let mut dead: FlatMap<u32, DeadLetters> = FlatMap::new();
        for (from, to, attempts_max) in self.wires.values() {
            match (self.members.get(from), self.members.get(to)) {
                (Some(Member::Topic(topic)), Some(Member::Subscription(number))) => {
                    reads.get_or_insert_with(*number, || *topic);
                }
                (Some(Member::Subscription(number)), Some(Member::Topic(topic))) => {
                    let letters = DeadLetters { topic: *topic, attempts_max: *attempts_max };
                    dead.get_or_insert_with(*number, || letters);
                }
                _ => {}
            }
        }
        let drawn: Vec<u32> = self
            .members
            .values()
            .filter_map(|member| match member {
                Member::Subscription(number) => Some(*number),
                Member::Topic(_) => None,
            })
            .collect();
        for number in drawn {
            let topic = reads.get(&number).copied();
            if self.subscription(number).is_some_and(|subscription| subscription.topic != topic) {
                self.attach(number, topic);
            }
            if let Some(subscription) = self.subscription_mut(number) {
                subscription.dead = dead.get(&number).copied();
            }
        }
    }

    fn set_wire(&mut self, wire: WireId, from: NodeId, to: NodeId, settings: &Settings) {
        let attempts_max = settings.integer("maxDeliveryAttempts").clamp(5, 100) as u32;
        self.wires.insert(wire, (from, to, attempts_max));
        self.read_wires();
    }

    fn topic_retention(settings: &Settings) -> Option<Duration> {
        let retention = settings.duration("messageRetentionDuration");
        (retention.0 > 0).then(|| retention.clamp(RETENTION.0, RETENTION.1))
    }
}

impl Server for PubSub {
    fn declare(&mut self, node: NodeId, kind: &'static str, settings: &Settings, call: &mut Call) {
        let name = settings.text("name");
        // What was created at a console under this name is the same thing; it is drawn now, and begins empty.
        if kind == kind::TOPIC.name {
            if let Some(number) = self.topic_names.get(&name).copied() {
                self.delete_topic(number);
            }
            self.add_topic(Topic::new(name, Some(node), PubSub::topic_retention(settings)));
        } else if kind == kind::SUBSCRIPTION.name {
            if let Some(number) = self.subscription_names.get(&name).copied() {
                self.delete_subscription(number, DropReason::Deleted, call);
            }
            self.add_subscription(Subscription::new(name, Some(node), Config::read(settings), call.now), None);
        }
        self.read_wires();
        self.settle(call);
    }

    fn configure(&mut self, node: NodeId, settings: &Settings, call: &mut Call) {
        match self.members.get(&node).copied() {
            Some(Member::Topic(number)) => {
                let Some(topic) = self.topics.get_mut(number as usize).and_then(Option::as_mut) else { return };
                topic.retention = PubSub::topic_retention(settings);
                let old = std::mem::replace(&mut topic.name, settings.text("name"));
                let name = topic.name.clone();
                self.topic_names.remove(&old);
                self.topic_names.insert(name, number);
            }
            Some(Member::Subscription(number)) => self.reconfigure(number, node, settings, call),
            None => self.service_time = settings.duration("service_time"),
        }
        self.settle(call);
    }

    fn remove(&mut self, node: NodeId, call: &mut Call) {
        match self.members.get(&node).copied() {
            Some(Member::Topic(number)) => self.delete_topic(number),
            Some(Member::Subscription(number)) => self.delete_subscription(number, DropReason::Removed, call),
            None => {}
        }
        self.settle(call);
    }

    fn join(&mut self, wire: WireId, from: NodeId, to: NodeId, settings: &Settings, _: &mut Call) {
        self.set_wire(wire, from, to, settings);
    }

    fn rejoin(&mut self, wire: WireId, settings: &Settings, _: &mut Call) {
        if let Some((from, to, _)) = self.wires.get(&wire).copied() {
            self.set_wire(wire, from, to, settings);
        }
    }

    fn part(&mut self, wire: WireId, _: &mut Call) {
        self.wires.remove(&wire);
        self.read_wires();
    }

    fn receive(&mut self, session: Session, client: NodeId, place: NodeId, frame: BrokerMessage, call: &mut Call) {
        match (self.members.get(&place).copied(), frame) {
            (Some(Member::Topic(number)), BrokerMessage::Publish(content)) => self.publish(number, content, call),
            (_, BrokerMessage::Publish(content)) => call.dropped(place, content.id, DropReason::NotConnected),
            (Some(Member::Subscription(number)), frame) => {
                let reader = Reader { session, client, place: Some(place) };
                self.frame(number, reader, frame, call);
            }
            _ => {}
        }
        self.settle(call);
    }

    fn disconnect(&mut self, session: Session, call: &mut Call) {
        self.close(session, call);
        self.settle(call);
    }

    fn execute(&mut self, session: Session, _: &str, line: &str, call: &mut Call) -> Json {
        self.broker = call.broker;
        let answer = self.perform(session, line, call);
        self.settle(call);
        answer.unwrap_or_else(|refusal| refusal.json())
    }

    fn next_due(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| at)
    }

    fn on_due(&mut self, call: &mut Call) {
        while let Some((at, due)) = self.deadlines.pop_due(call.now) {
            if is_alive(&self.subscriptions, at, due) {
                self.happen(due, call);
            }
        }
        self.settle(call);
    }

    fn crash(&mut self, call: &mut Call) {
        let sessions: Vec<Session> = self.clients.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.close(session, call));
        for subscription in self.subscriptions.iter_mut().flatten() {
            self.waiter_count -= subscription.waiters.len();
            subscription.waiters.clear();
        }
        self.fresh.clear();
    }

    fn recover(&mut self, call: &mut Call) {
        self.on_due(call);
    }

    fn answer_delay(&self, slow_percent: u32) -> Duration {
        longer(self.service_time, slow_percent)
    }

    fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        match self.members.get(&node) {
            Some(Member::Topic(number)) => self.inspect_topic(*number),
            Some(Member::Subscription(number)) => self.inspect_subscription(*number, items_max),
            None => self.inspect_service(),
        }
    }

    fn inside(&self, node: NodeId, now: Time, rows_max: usize) -> Vec<InsideTable> {
        match self.members.get(&node) {
            Some(Member::Topic(number)) => self.inside_topic(*number, now, rows_max),
            Some(Member::Subscription(number)) => self.inside_subscription(*number, now, rows_max),
            None => self.inside_service(now, rows_max),
        }
    }

    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        for subscription in self.subscriptions.iter().flatten() {
            let node = subscription.node.unwrap_or(self.broker);
            let unacked = subscription.store.iter().filter(|entry| entry.state != State::Acked);
            unacked.for_each(|entry| visit(node, entry.content.id));
        }
    }

    fn clone_box(&self) -> Box<dyn Server> {
        Box::new(self.clone())
    }
}

impl PubSub {
    /// New settings of a subscription that is drawn. Filter and ordering are fixed at the creation, so that with others
    /// it is another subscription, which begins empty.
    fn reconfigure(&mut self, number: u32, node: NodeId, settings: &Settings, call: &mut Call) {
        let (config, name) = (Config::read(settings), settings.text("name"));
        let Some(old) = self.subscription(number) else { return };
        if old.config.is_ordered != config.is_ordered || old.config.filter != config.filter {
            self.delete_subscription(number, DropReason::Deleted, call);
            self.add_subscription(Subscription::new(name, Some(node), config, call.now), None);
            return self.read_wires();
        }
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let old = std::mem::replace(&mut subscription.config, config);
        let old_name = std::mem::replace(&mut subscription.name, name.clone());
        let used = subscription.used;
        self.watch_use(number, used);
        self.subscription_names.remove(&old_name);
        self.subscription_names.insert(name, number);
        self.retention_changed(number, old.retention, call.now);
        self.became_ready(number);
    }

    /// Reckons the end of every message's retention anew.
    pub(super) fn retention_changed(&mut self, number: u32, old: Duration, now: Time) {
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let retention = subscription.config.retention;
        if retention == old {
            return;
        }
        for slot in subscription.store.slots_in_order() {
            if let Some(entry) = subscription.store.get_mut(slot) {
                entry.expires = (entry.published + retention).max(now);
                self.deadlines.push(entry.expires, Due::Expires(number, slot, entry.serial));
            }
        }
    }
}
