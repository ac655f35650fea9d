//! The server: what RabbitMQ is told and what it holds.
//!
//! Reproduces: one RabbitMQ node, by default 3.10. `traffic.rs` lets messages in and out, `settle.rs` takes answers of
//! consumers, `consumers.rs` serves subscriptions and connections, `death.rs` makes dead letters, `due.rs` is what
//! happens by itself, `recovery.rs` what a crash or a redrawn part leads to, `console/` the language of lines. Each link
//! of the drawing stands for one connection with one channel and at most one consumer.
//!
//! The drawing is the set of declarations that clients make when they connect: exchanges, queues and bindings that are
//! drawn are there whenever the broker runs, durable or not. A drawn queue that expired comes back when a consumer
//! subscribes to it.
//!
//! Leaves out: time inside the broker (routing and storing take none, a persistent message is on disk as soon as it is
//! stored, whenever it is confirmed), flow control, memory alarms, virtual hosts, permissions, transactions, policies, streams, clusters. An
//! unknown delivery tag that comes over a link is ignored, for only a link that doubles frames can bring it; at a
//! console it closes the channel.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use serde_json::Value as Json;

use crate::kernel::{InsideTable, Inspection};
use crate::model::broker::late::longer;
use crate::model::broker::server::{Call, Server, Session};
use crate::vocabulary::{
    BrokerMessage, Duration, FlatMap, HeaderValue, LinkId, MessageId, NodeId, Settings, Time, WireId,
};

use super::arguments::{QueueSpec, Version};
use super::channel::{Channel, Consumer, Slab, NONE};
use super::console::Connection;
use super::death::Dead;
use super::exchange::{self, exchange_spec};
use super::hosted::{DeadWire, Queue};
use super::matcher::{Condition, Place};
use super::queue;
use super::router::Router;

/// The server.
#[derive(Clone, Default)]
pub(super) struct RabbitMq {
    pub(super) version: Version,
    /// The broker's own node, once anything was said about it.
    pub(super) broker: NodeId,
    /// How long a consumer may hold a message.
    pub(super) consumer_timeout: Duration,
    /// How long a write to disk takes at normal speed.
    pub(super) sync_time: Duration,
    /// What each drawn member is, by the number of its node.
    places: Vec<Option<Place>>,
    pub(super) router: Router,
    pub(super) queues: Vec<Queue>,
    pub(super) channels: Slab<Channel>,
    pub(super) consumers: Slab<Consumer>,
    /// The channel of each link, by its number.
    links: Vec<u32>,
    /// The connections of consoles.
    pub(super) consoles: FlatMap<Session, Connection>,
    /// Copies in all queues.
    pub(super) held_count: usize,
    /// Dead letters that are still to be published. Empty between calls.
    pub(super) dead: VecDeque<Dead>,
    /// Queues whose dead letters are to be published with confirms. Empty between calls.
    pub(super) unburied: Vec<u32>,
    /// When queues are to be looked after. What is not the time that a queue is armed for is out of date.
    pub(super) due: BinaryHeap<Reverse<(Time, u32)>>,
    /// When the oldest delivery may have been held for too long; zero if none is held.
    pub(super) timeout_check: Time,
    /// Names that the server made up.
    pub(super) names_made: u32,
}

/// A server with nothing in it.
pub fn server(settings: &Settings) -> Box<dyn Server> {
    let mut server = RabbitMq::default();
    server.set(settings);
    Box::new(server)
}

impl RabbitMq {
    fn set(&mut self, settings: &Settings) {
        self.version = Version::named(&settings.text("version"));
        self.sync_time = settings.duration("sync_time");
        let timeout = settings.duration("consumer_timeout");
        self.consumer_timeout = if timeout.0 == 0 { super::CONSUMER_TIMEOUT } else { timeout };
    }

    /// What the node is.
    #[inline]
    pub(super) fn place_of(&self, node: NodeId) -> Option<Place> {
        self.places.get(node.0 as usize).copied().flatten()
    }

    pub(super) fn set_place(&mut self, node: NodeId, place: Option<Place>) {
        let index = node.0 as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
        }
        self.places[index] = place;
    }

    /// The node of an exchange or queue; the broker's if it was declared at a console.
    #[inline]
    pub(super) fn node_of(&self, place: Place, broker: NodeId) -> NodeId {
        let node = match place {
            Place::Exchange(id) => self.router.exchange(id).and_then(|exchange| exchange.node),
            Place::Queue(id) => self.queues.get(id as usize).and_then(|queue| queue.node),
        };
        node.unwrap_or(broker)
    }

    /// The channel of a link, if it has one.
    #[inline]
    pub(super) fn channel_of(&self, session: Session) -> Option<u32> {
        let link = session.link()?;
        self.links.get(link.0 as usize).copied().filter(|channel| *channel != NONE)
    }

    /// The channel of a link; a new one if it has none.
    pub(super) fn open_channel(&mut self, link: LinkId, client: NodeId, place: NodeId) -> u32 {
        let session = Session::of_link(link);
        if let Some(channel) = self.channel_of(session) {
            return channel;
        }
        let channel = self.channels.add(Channel::new(session, "1".into(), client, place));
        let index = link.0 as usize;
        if self.links.len() <= index {
            self.links.resize(index + 1, NONE);
        }
        self.links[index] = channel;
        channel
    }

    pub(super) fn forget_link(&mut self, session: Session) {
        if let Some(known) = session.link().and_then(|link| self.links.get_mut(link.0 as usize)) {
            *known = NONE;
        }
    }

    pub(super) fn forget_links(&mut self) {
        self.links.clear();
    }

    /// Publishes what died, and what dies of that.
    #[inline]
    fn finish(&mut self, call: &mut Call) {
        if !self.dead.is_empty() {
            self.bury(call);
        }
        // What is published may make more dead letters; each comes to a queue that it was not in before, or waits.
        while let Some(id) = self.unburied.pop() {
            self.bury_safely(id, call);
            self.bury(call);
        }
    }

    fn declare_drawn_queue(&mut self, node: NodeId, settings: &Settings, call: &mut Call) {
        let (id, spec) = (self.queues.len() as u32, QueueSpec::drawn(settings));
        let name = settings.text("name");
        self.router.declare_queue(id, name.clone());
        self.queues.push(Queue::new(name, Some(node), spec, self.version, call.now));
        self.set_place(node, Some(Place::Queue(id)));
        self.arm(id);
    }

    fn configure_queue(&mut self, id: u32, settings: &Settings, call: &mut Call) {
        let (name, spec) = (settings.text("name"), QueueSpec::drawn(settings));
        let queue = &mut self.queues[id as usize];
        if queue.name != name || !queue.is_there {
            queue.name = name.clone();
            queue.is_there = true;
            self.router.declare_queue(id, name);
        }
        let queue = &mut self.queues[id as usize];
        if queue.spec != spec {
            let was_single = queue.spec.is_single_active;
            queue.respecify(spec, self.version);
            if was_single != queue.spec.is_single_active {
                self.rebuild_turns(id);
            }
        }
        self.go_on(id, call);
    }

    fn condition(settings: &Settings) -> Condition {
        let mut arguments = Vec::new();
        let mode = settings.text("match");
        if !mode.is_empty() && &*mode != "all" {
            arguments.push(("x-match".into(), HeaderValue::Text(mode)));
        }
        arguments.extend(settings.list("arguments").iter().map(|text| super::values::pair(text)));
        Condition { keys: settings.list("keys"), arguments: arguments.into() }
    }
}

impl Server for RabbitMq {
    fn declare(&mut self, node: NodeId, kind: &'static str, settings: &Settings, call: &mut Call) {
        if kind == exchange::KIND.name {
            let id = self.router.declare_exchange(settings.text("name"), Some(node), exchange_spec(settings));
            self.set_place(node, Some(Place::Exchange(id)));
        } else if kind == queue::KIND.name {
            self.declare_drawn_queue(node, settings, call);
        }
    }

    fn configure(&mut self, node: NodeId, settings: &Settings, call: &mut Call) {
        match self.place_of(node) {
            Some(Place::Exchange(id)) => {
                self.router.change_exchange(id, settings.text("name"), exchange_spec(settings));
            }
            Some(Place::Queue(id)) => self.configure_queue(id, settings, call),
            None => self.set(settings),
        }
        self.finish(call);
    }

    fn remove(&mut self, node: NodeId, call: &mut Call) {
        self.remove_member(node, call);
    }

    fn join(&mut self, wire: WireId, from: NodeId, to: NodeId, settings: &Settings, _: &mut Call) {
        match (self.place_of(from), self.place_of(to)) {
            (Some(Place::Exchange(from)), Some(to)) => {
                self.router.bind(Some(wire), from, to, RabbitMq::condition(settings));
            }
            (Some(Place::Queue(from)), Some(to)) => {
                let dead = DeadWire { wire, to, key: settings.text("routing_key") };
                self.queues[from as usize].dead_wires.push(dead);
            }
            _ => {}
        }
    }

    fn rejoin(&mut self, wire: WireId, settings: &Settings, _: &mut Call) {
        self.router.rebind(wire, RabbitMq::condition(settings));
        let dead = self.queues.iter_mut().flat_map(|queue| &mut queue.dead_wires);
        dead.filter(|dead| dead.wire == wire).for_each(|dead| dead.key = settings.text("routing_key"));
    }

    fn part(&mut self, wire: WireId, _: &mut Call) {
        self.router.unbind_wire(wire);
        self.queues.iter_mut().for_each(|queue| queue.dead_wires.retain(|dead| dead.wire != wire));
    }

    #[inline]
    fn receive(&mut self, session: Session, client: NodeId, place: NodeId, frame: BrokerMessage, call: &mut Call) {
        match frame {
            BrokerMessage::Publish(content) => self.publish_drawn(session, place, content, call),
            BrokerMessage::Ack { tag, multiple, .. } => {
                if let Some(channel) = self.channel_of(session) {
                    self.ack(channel, tag, multiple, call);
                }
            }
            BrokerMessage::Nack { tag, multiple, requeue, .. } => {
                if let Some(channel) = self.channel_of(session) {
                    self.nack(channel, tag, multiple, requeue, false, call);
                }
            }
            BrokerMessage::Subscribe { prefetch, auto_ack, priority } => {
                self.subscribe_drawn(session, client, place, (prefetch, auto_ack, priority), call);
            }
            BrokerMessage::Cancel => self.cancel_drawn(session, call),
            BrokerMessage::Expect { confirms, returns } => {
                if let Some(link) = session.link() {
                    let number = self.open_channel(link, client, place);
                    if let Some(channel) = self.channels.get_mut(number) {
                        channel.is_confirming = confirms;
                        channel.is_mandatory = returns;
                        channel.published = 0;
                    }
                }
            }
            // The rest a broker only sends, or another product understands it.
            _ => {}
        }
        self.finish(call);
    }

    fn disconnect(&mut self, session: Session, call: &mut Call) {
        self.close_connection(session, call);
        self.finish(call);
    }

    fn execute(&mut self, session: Session, client: &str, line: &str, call: &mut Call) -> Json {
        self.broker = call.broker;
        let answer = self.perform(session, client, line, call);
        self.finish(call);
        answer
    }

    #[inline]
    fn next_due(&self) -> Option<Time> {
        let queues = self.due.peek().map(|Reverse((at, _))| *at);
        match self.timeout_check {
            Time::ZERO => queues,
            check => Some(queues.map_or(check, |at| at.min(check))),
        }
    }

    fn on_due(&mut self, call: &mut Call) {
        self.look_after_queues(call);
        self.look_for_timeouts(call);
        self.finish(call);
    }

    fn crash(&mut self, call: &mut Call) {
        self.stop(call);
    }

    fn recover(&mut self, call: &mut Call) {
        self.restart(call);
        self.finish(call);
    }

    fn sync_delay(&self, slow_percent: u32) -> Duration {
        longer(self.sync_time, slow_percent)
    }

    fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        self.look_into(node, items_max)
    }

    fn inside(&self, node: NodeId, now: Time, rows_max: usize) -> Vec<InsideTable> {
        self.list_inside(node, now, rows_max)
    }

    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        self.visit_all(visit);
    }

    fn clone_box(&self) -> Box<dyn Server> {
        Box::new(self.clone())
    }
}
