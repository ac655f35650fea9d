//! Apache Kafka: a cluster of brokers with topics, and the clients around it.
//!
//! Here lives the product as one state machine: [`Kafka`] implements [`Server`]. Each file is one part of it: the log
//! (`log.rs`), a partition with its replicas (`partition.rs`, `replication.rs`), topics (`topic.rs`), brokers (`reassign.rs`), deletion and
//! compaction (`retention.rs`), producers (`producer.rs`,
//! `partitioner.rs`, `pump.rs`, `append.rs`, `transaction.rs`), consumers (`poll.rs`, `position.rs`),
//! groups (`group.rs`, `coordinator.rs`, `coordination.rs`, `membership.rs`, `broker_assigned.rs`,
//! `pattern.rs`), assignors (`assign.rs`, `sticky.rs`), the drawing
//! (`canvas.rs`, `member.rs`), the console (`console.rs` and the files beside it), and what an inspector shows
//! (`inspect.rs`, `inside.rs`). Words, defaults and the fidelity sheet are in `profile/kafka.rs`.
//!
//! What does not live here: time on the network, which links and consoles have, and the loop that polls.
//!
//! Reproduces: Kafka 4.0 with KRaft, as its sources of October 2024 stand (apache/kafka), with the Java clients.
//! Leaves out: quotas, security, tiered storage, queues (share groups), transactions of the second version (KIP-890), Connect and Streams.

mod append;
mod assign;
mod broker_assigned;
mod canvas;
mod client;
mod config;
mod console;
mod console_admin;
mod console_consumer;
mod console_producer;
mod coordination;
mod coordinator;
mod group;
mod hash;
mod inside;
mod inspect;
mod log;
mod member;
mod membership;
mod partition;
mod partitioner;
mod pattern;
mod poll;
mod position;
mod producer;
mod pump;
mod reassign;
mod replication;
mod retention;
mod sticky;
mod timers;
mod topic;
mod transaction;

use std::rc::Rc;

use serde_json::Value as Json;

use crate::kernel::{InsideTable, Inspection};
use crate::vocabulary::{BrokerMessage, FlatMap, MessageId, NodeId, Settings, Time, WireId};

use super::server::{Call, Server, Session};

pub use hash::partition_of;
pub use member::{CLUSTER_KIND, GROUP_KIND, HOST_COMMANDS, HOST_PARAMS, TOPIC_KIND};

use client::Client;
use config::{ClusterConfig, Config};
use coordination::Seats;
use group::Group;
use partition::TopicPartition;
use replication::Broker;
use timers::{Timer, Timers};
use topic::Topic;
use transaction::{Marker, Transaction};

/// Partitions of a topic at most: far more than can be looked at.
pub const PARTITIONS_MAX: u32 = 1000;

/// Topics and groups that a console may make, and clients that may come: bounds for memory.
const NAMES_MAX: usize = 10_000;

/// What a member of the drawing is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Topic(u32),
    Group(u32),
}

/// The product.
#[derive(Clone)]
pub struct Kafka {
    /// The node of the cluster.
    home: NodeId,
    config: ClusterConfig,
    /// The settings of drawn producers.
    defaults: Config,
    brokers: Vec<Broker>,
    seats: Seats,
    topics: Vec<Topic>,
    groups: Vec<Group>,
    clients: FlatMap<Session, Box<Client>>,
    places: FlatMap<NodeId, Place>,
    wires: FlatMap<WireId, (u32, u32)>,
    transactions: Vec<Transaction>,
    /// Control records whose partition has no leader now.
    markers: Vec<Marker>,
    timers: Timers,
    retention_due: Option<Time>,
    clean_due: Option<Time>,
    is_balance_planned: bool,
    producer_ids: u32,
    /// Messages in all logs.
    record_count: usize,
    /// Messages in the logs of topics that are not drawn.
    undrawn_count: u32,
    /// Consumers for whose open poll something has come.
    awake: Vec<Session>,
}

/// A server with these settings.
pub fn server(settings: &Settings) -> Box<dyn Server> {
    Box::new(Kafka::new(settings))
}

impl Kafka {
    /// A cluster without topics.
    pub fn new(settings: &Settings) -> Kafka {
        let mut kafka = Kafka {
            home: NodeId::default(),
            config: ClusterConfig::default(),
            defaults: Config::default(),
            brokers: Vec::new(),
            seats: Seats::default(),
            topics: Vec::new(),
            groups: Vec::new(),
            clients: FlatMap::new(),
            places: FlatMap::new(),
            wires: FlatMap::new(),
            transactions: Vec::new(),
            markers: Vec::new(),
            timers: Timers::default(),
            retention_due: None,
            clean_due: None,
            is_balance_planned: false,
            producer_ids: 0,
            record_count: 0,
            undrawn_count: 0,
            awake: Vec::new(),
        };
        kafka.read_host(settings);
        kafka.seats = Seats::new(kafka.brokers.len());
        kafka
    }

    fn run(&mut self, timer: Timer, call: &mut Call) {
        match timer {
            Timer::Replicate(at, broker) => self.fetched(at, broker, call),
            Timer::Lag(at) => self.check_lag(at, call),
            Timer::Pump(session) => self.pump(session, call),
            Timer::Poll(session, number) => self.end_poll(session, number, call),
            Timer::Idle(session) => self.check_idle(session, call),
            Timer::Metadata(session) => self.refresh_metadata(session, call),
            Timer::Join(group, stamp) => self.joining_is_over(group, stamp, call),
            Timer::Told(group, member) => self.heartbeat(group, member, call),
            Timer::Expire(group, member) => self.check_session(group, member, call),
            Timer::Offsets(group) => self.expire_offsets(group, call),
            Timer::Transaction(place, number) => self.check_transaction(place, number, call),
            Timer::BrokerLost(broker, stamp) => self.broker_is_lost(broker, stamp, call),
            Timer::Commit(session, number) => self.give_commit_up(session, number, call),
            Timer::Balance => self.balance_leaders(call),
            Timer::Retention => self.delete_old(call),
            Timer::Clean => self.clean_logs(call),
        }
    }
}

impl Server for Kafka {
    fn declare(&mut self, node: NodeId, kind: &'static str, settings: &Settings, call: &mut Call) {
        self.home = call.broker;
        self.draw(node, kind, settings, call);
    }

    fn configure(&mut self, node: NodeId, settings: &Settings, call: &mut Call) {
        self.redraw(node, settings, call);
        self.serve_awake(call);
    }

    fn remove(&mut self, node: NodeId, call: &mut Call) {
        self.erase(node, call);
        self.serve_awake(call);
    }

    fn join(&mut self, wire: WireId, from: NodeId, to: NodeId, _: &Settings, call: &mut Call) {
        self.wire(wire, from, to, call);
    }

    fn rejoin(&mut self, _: WireId, _: &Settings, _: &mut Call) {}

    fn part(&mut self, wire: WireId, call: &mut Call) {
        self.unwire(wire, call);
    }

    fn receive(&mut self, session: Session, client: NodeId, place: NodeId, frame: BrokerMessage, call: &mut Call) {
        self.home = call.broker;
        self.take_frame(session, client, place, frame, call);
        self.serve_awake(call);
    }

    fn disconnect(&mut self, session: Session, call: &mut Call) {
        self.lose_client(session, call);
        self.serve_awake(call);
    }

    fn execute(&mut self, session: Session, client: &str, line: &str, call: &mut Call) -> Json {
        self.home = call.broker;
        let answer = self.perform(session, client, line, call);
        self.serve_awake(call);
        answer
    }

    fn next_due(&self) -> Option<Time> {
        self.timers.next()
    }

    fn on_due(&mut self, call: &mut Call) {
        while let Some(timer) = self.timers.take(call.now) {
            self.run(timer, call);
            self.serve_awake(call);
        }
    }

    fn crash(&mut self, call: &mut Call) {
        self.crash_all(call);
    }

    fn recover(&mut self, call: &mut Call) {
        self.recover_all(call);
        self.serve_awake(call);
    }

    fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        self.look(node, items_max)
    }

    fn inside(&self, node: NodeId, _: Time, rows_max: usize) -> Vec<InsideTable> {
        self.tables(node, rows_max)
    }

    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        self.visit(visit);
    }

    fn clone_box(&self) -> Box<dyn Server> {
        Box::new(self.clone())
    }
}

/// A name as it is shared.
fn shared(name: &str) -> Rc<str> {
    Rc::from(name)
}

/// A partition as it is written: `topic-0`.
fn label(topics: &[Topic], at: TopicPartition) -> String {
    let name = topics.get(at.topic as usize).map_or("", |topic| &*topic.name);
    format!("{name}-{}", at.partition)
}
