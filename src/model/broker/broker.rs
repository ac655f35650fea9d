//! The broker: the host of exchanges and queues, and their component.
//!
//! Reproduces: one RabbitMQ 3.10 node. What its parts do is in `mechanism/`; `traffic.rs` turns frames into their calls
//! and their decisions into facts, `recovery.rs` does the same for crashes, restarts and removals. Each link that ends
//! at a queue stands for one connection with one channel and at most one consumer.
//!
//! The drawing is the set of declarations that clients make when they connect: exchanges, queues and bindings that are
//! drawn are there whenever the broker runs, durable or not.
//!
//! Leaves out: time inside the broker (routing and storing take none, a persistent message is on disk as soon as it is
//! stored), publisher confirms, flow control, memory alarms, virtual hosts, permissions, clusters.

use crate::kernel::{Change, Component, Context, Envelope, Inspection, InspectionItem, ItemState, Notice};
use crate::model::kind::{Group, NodeKind, ParamSpec, ParamType, Role};
use crate::vocabulary::{BrokerMessage, FlatMap, FlatSet, Message, MessageId, NodeId, Settings};

use super::exchange::{self, exchange_type};
use super::mechanism::queue::{Queue, Seen};
use super::mechanism::router::Router;
use super::profile::{profile, Profile, RoutingMechanism, StorageMechanism};
use super::queue;

/// Copies of messages in one broker, ready or held, before more are dropped: about 200 MB with their contents, the most
/// that a run should take of a browser tab.
pub const HELD_MAX: usize = 1_000_000;

/// The broker in palette, forms and validation.
pub const KIND: NodeKind = NodeKind {
    name: "broker",
    label: "Broker",
    group: Group::Brokers,
    help: "Hosts exchanges and queues. When it crashes, they go down with it.",
    role: Role::Component(|settings| Box::new(Broker::new(settings))),
    ports: &[],
    params: &[ParamSpec::new(
        "profile",
        "Product",
        ParamType::Choice(&[("rabbitmq", "RabbitMQ")]),
        "\"rabbitmq\"",
        "The product whose behaviour, words and defaults are reproduced.",
    )
    .source("RabbitMQ 3.10")],
    commands: &[],
};

/// A queue in the broker.
#[derive(Clone)]
pub(super) struct Hosted {
    pub(super) queue: Queue,
    pub(super) is_durable: bool,
}

/// The component.
#[derive(Clone)]
pub struct Broker {
    profile: &'static Profile,
    pub(super) router: Router,
    pub(super) queues: FlatMap<NodeId, Hosted>,
    pub(super) durable_exchanges: FlatSet<NodeId>,
    /// Copies in all queues.
    pub(super) held_count: usize,
}

impl Broker {
    /// A broker with nothing in it.
    pub fn new(settings: &Settings) -> Broker {
        let profile = profile(&settings.text("profile"));
        let router = match profile.routing {
            RoutingMechanism::Exchanges => Router::default(),
        };
        Broker { profile, router, queues: FlatMap::new(), durable_exchanges: FlatSet::new(), held_count: 0 }
    }

    fn member_added(&mut self, node: NodeId, kind: &str, settings: &Settings) {
        if kind == exchange::KIND.name {
            self.declare_exchange(node, settings);
        } else if kind == queue::KIND.name {
            self.router.declare_queue(node, settings.text("name"));
            let queue = match self.profile.storage {
                StorageMechanism::ClassicQueue => Queue::default(),
            };
            self.queues.insert(node, Hosted { queue, is_durable: settings.toggle("durable") });
        }
    }

    fn declare_exchange(&mut self, node: NodeId, settings: &Settings) {
        self.router.declare_exchange(node, exchange_type(settings), settings.text("name"));
        match settings.toggle("durable") {
            true => self.durable_exchanges.insert(node),
            false => self.durable_exchanges.remove(&node),
        };
    }

    fn configured(&mut self, node: NodeId, settings: &Settings) {
        if let Some(hosted) = self.queues.get_mut(&node) {
            hosted.is_durable = settings.toggle("durable");
            self.router.declare_queue(node, settings.text("name"));
        } else if self.router.exchange_type(node).is_some() {
            self.declare_exchange(node, settings);
        } else {
            self.profile = profile(&settings.text("profile"));
        }
    }
}

impl Component for Broker {
    fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
        let Envelope { link, from, to, message, .. } = envelope;
        let Message::Broker(message) = message;
        match message {
            BrokerMessage::Publish(content) => self.publish(to, content, context),
            BrokerMessage::Ack { tag, multiple, .. } => self.ack(to, link, tag, multiple, context),
            BrokerMessage::Nack { tag, multiple, requeue, .. } => {
                self.nack(to, link, tag, multiple, requeue, context);
            }
            BrokerMessage::Subscribe { prefetch, auto_ack } => {
                self.subscribe(to, link, from, prefetch, auto_ack, context);
            }
            BrokerMessage::Cancel => self.cancel(to, link, context),
            // The rest a broker only sends, or another product understands it.
            _ => {}
        }
    }

    fn on_fault(&mut self, notice: Notice, context: &mut Context) {
        match notice {
            Notice::Crashed => self.crash(context),
            Notice::Restarted => self.recover(context),
            Notice::PeerLost { link, node, .. } => self.close(node, link, context),
            // The client subscribes anew by itself.
            Notice::PeerBack { .. } => {}
        }
    }

    fn on_change(&mut self, change: &Change, context: &mut Context) {
        match change {
            Change::MemberAdded { node, kind, settings } => self.member_added(*node, kind, settings),
            Change::MemberRemoved { node } => self.remove(*node, context),
            Change::Configured { node, settings } => self.configured(*node, settings),
            Change::Joined { wire, from, to, settings } => self.router.bind(*wire, *from, *to, settings.list("keys")),
            Change::Rejoined { wire, settings } => self.router.rebind(*wire, settings.list("keys")),
            Change::Parted { wire } => self.router.unbind(*wire),
            Change::LinkRemoved { link, node, .. } => self.close(*node, *link, context),
            // A client speaks first.
            Change::LinkAdded { .. } => {}
        }
    }

    fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        if let Some(hosted) = self.queues.get(&node) {
            return inspect_queue(hosted, items_max);
        }
        if let Some(kind) = self.router.exchange_type(node) {
            let rows = vec![
                ("Bindings", self.router.binding_count(node).to_string()),
                ("Durable", yes_or_no(self.durable_exchanges.contains(&node))),
            ];
            return Inspection { headline: kind.label().to_string(), rows, ..Inspection::default() };
        }
        let rows = vec![
            ("Version", self.profile.version.to_string()),
            ("Exchanges", self.router.exchange_count().to_string()),
            ("Queues", self.queues.len().to_string()),
            ("Messages", self.held_count.to_string()),
        ];
        Inspection { headline: self.profile.label.to_string(), rows, ..Inspection::default() }
    }

    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        for (node, hosted) in self.queues.iter() {
            hosted.queue.visit(&mut |message| visit(*node, message));
        }
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

fn inspect_queue(hosted: &Hosted, items_max: usize) -> Inspection {
    let (ready, unacked) = hosted.queue.levels();
    let item = |seen: Seen| InspectionItem {
        message: seen.message,
        state: match (seen.holder, seen.redelivered) {
            (Some(_), _) => ItemState::Unacked,
            (None, true) => ItemState::ReadyAgain,
            (None, false) => ItemState::Ready,
        },
        holder: seen.holder,
    };
    Inspection {
        headline: format!("{ready} ready · {unacked} unacked"),
        items: hosted.queue.seen(items_max).into_iter().map(item).collect(),
        item_count: ready as usize + unacked as usize,
        rows: vec![("Consumers", hosted.queue.consumer_count().to_string()), ("Durable", yes_or_no(hosted.is_durable))],
    }
}

fn yes_or_no(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_string()
}
