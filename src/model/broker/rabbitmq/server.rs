//! The server: what RabbitMQ is told and what it holds.
//!
//! Reproduces: one RabbitMQ 3.10 node. `traffic.rs` turns frames into decisions and facts, `recovery.rs` does the same
//! for crashes, restarts and removals. Each link that ends at a queue stands for one connection with one channel and at
//! most one consumer.
//!
//! The drawing is the set of declarations that clients make when they connect: exchanges, queues and bindings that are
//! drawn are there whenever the broker runs, durable or not.
//!
//! Leaves out: time inside the broker (routing and storing take none, a persistent message is on disk as soon as it is
//! stored), publisher confirms, flow control, memory alarms, virtual hosts, permissions, clusters.

use serde_json::{json, Value as Json};

use crate::kernel::{Inspection, InspectionItem, ItemState};
use crate::model::broker::server::{Call, Server, Session};
use crate::vocabulary::{BrokerMessage, FlatMap, FlatSet, MessageId, NodeId, Settings, Time, WireId};

use super::classic::{Queue, Seen};
use super::exchange::exchange_type;
use super::router::Router;
use super::{exchange, queue};

/// A queue in the broker.
#[derive(Clone)]
pub(super) struct Hosted {
    pub(super) queue: Queue,
    pub(super) is_durable: bool,
}

/// The server.
#[derive(Clone, Default)]
pub(super) struct RabbitMq {
    pub(super) router: Router,
    pub(super) queues: FlatMap<NodeId, Hosted>,
    pub(super) durable_exchanges: FlatSet<NodeId>,
    /// The queue at which each connection ends that has said anything.
    pub(super) places: FlatMap<Session, NodeId>,
    /// Copies in all queues.
    pub(super) held_count: usize,
}

/// A server with nothing in it.
pub fn server(_: &Settings) -> Box<dyn Server> {
    Box::new(RabbitMq::default())
}

impl RabbitMq {
    fn declare_exchange(&mut self, node: NodeId, settings: &Settings) {
        self.router.declare_exchange(node, exchange_type(settings), settings.text("name"));
        match settings.toggle("durable") {
            true => self.durable_exchanges.insert(node),
            false => self.durable_exchanges.remove(&node),
        };
    }
}

impl Server for RabbitMq {
    fn declare(&mut self, node: NodeId, kind: &'static str, settings: &Settings, _: &mut Call) {
        if kind == exchange::KIND.name {
            self.declare_exchange(node, settings);
        } else if kind == queue::KIND.name {
            self.router.declare_queue(node, settings.text("name"));
            self.queues.insert(node, Hosted { queue: Queue::default(), is_durable: settings.toggle("durable") });
        }
    }

    fn configure(&mut self, node: NodeId, settings: &Settings, _: &mut Call) {
        if let Some(hosted) = self.queues.get_mut(&node) {
            hosted.is_durable = settings.toggle("durable");
            self.router.declare_queue(node, settings.text("name"));
        } else if self.router.exchange_type(node).is_some() {
            self.declare_exchange(node, settings);
        }
    }

    fn remove(&mut self, node: NodeId, call: &mut Call) {
        self.remove_member(node, call);
    }

    fn join(&mut self, wire: WireId, from: NodeId, to: NodeId, settings: &Settings, _: &mut Call) {
        self.router.bind(wire, from, to, settings.list("keys"));
    }

    fn rejoin(&mut self, wire: WireId, settings: &Settings, _: &mut Call) {
        self.router.rebind(wire, settings.list("keys"));
    }

    fn part(&mut self, wire: WireId, _: &mut Call) {
        self.router.unbind(wire);
    }

    fn receive(&mut self, session: Session, client: NodeId, place: NodeId, frame: BrokerMessage, call: &mut Call) {
        match frame {
            BrokerMessage::Publish(content) => self.publish(place, content, call),
            BrokerMessage::Ack { tag, multiple, .. } => self.ack(place, session, tag, multiple, call),
            BrokerMessage::Nack { tag, multiple, requeue, .. } => {
                self.nack(place, session, tag, multiple, requeue, call);
            }
            BrokerMessage::Subscribe { prefetch, auto_ack } => {
                self.places.insert(session, place);
                self.subscribe(place, session, client, prefetch, auto_ack, call);
            }
            BrokerMessage::Cancel => self.cancel(place, session, call),
            // The rest a broker only sends, or another product understands it.
            _ => {}
        }
    }

    fn disconnect(&mut self, session: Session, call: &mut Call) {
        if let Some(place) = self.places.remove(&session) {
            self.close(place, session, call);
        }
    }

    fn execute(&mut self, _: Session, _: &str, _: &str, _: &mut Call) -> Json {
        json!({"error": "540", "text": "NOT_IMPLEMENTED"})
    }

    fn next_due(&self) -> Option<Time> {
        None
    }

    fn on_due(&mut self, _: &mut Call) {}

    fn crash(&mut self, call: &mut Call) {
        self.stop(call);
    }

    fn recover(&mut self, call: &mut Call) {
        self.restart(call);
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
            ("Exchanges", self.router.exchange_count().to_string()),
            ("Queues", self.queues.len().to_string()),
            ("Messages", self.held_count.to_string()),
        ];
        Inspection { rows, ..Inspection::default() }
    }

    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        for (node, hosted) in self.queues.iter() {
            hosted.queue.visit(&mut |message| visit(*node, message));
        }
    }

    fn clone_box(&self) -> Box<dyn Server> {
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
