//! No copy of a message is ever unaccounted for, whatever fails and whatever is redrawn while messages are on their
//! way.
//!
//! Random worlds of producers, a broker and consumers run while nodes crash and freeze, links break, and parts are
//! added, changed and removed. After every deed all checkers are swept; at the end all is
//! repaired, and everything that is still owed must be delivered.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeMap;
use std::rc::Rc;

use patchbay::kernel::rng::Stream;
use patchbay::kernel::{Fault, LinkEnd, LinkSpec, Port, Simulation, TraceMode};
use patchbay::model::broker::rabbitmq::{self, BINDING_WIRE};
use patchbay::model::checker::{Audit, Automatic, QueueOrder};
use patchbay::model::client::{consumer, producer};
use patchbay::model::kind::{settings, ParamSpec, Role};
use patchbay::model::NodeKind;
use patchbay::vocabulary::{Distribution, Duration, FactKind, LinkId, NodeId, Settings, Value, WireId};
use serde_json::{json, Value as Json};

fn with(params: &'static [ParamSpec], values: &Json) -> Settings {
    settings(params, |name| values.get(name).cloned())
}

struct World {
    simulation: Simulation,
    random: Stream,
    automatic: bool,
    perfect_links: bool,
    broker: NodeId,
    exchanges: Vec<NodeId>,
    queues: Vec<NodeId>,
    producers: Vec<NodeId>,
    consumers: Vec<NodeId>,
    links: Vec<LinkId>,
    wires: Vec<WireId>,
    made: u32,
}

impl World {
    fn new(seed: u64, automatic: bool, perfect_links: bool) -> World {
        let mut simulation = Simulation::new(seed, TraceMode::Full);
        let broker = simulation.add_node("broker", build(&rabbitmq::BROKER, &json!({})));
        let mut world = World {
            simulation,
            random: Stream::named(seed, "deeds", "test"),
            automatic,
            perfect_links,
            broker,
            exchanges: Vec::new(),
            queues: Vec::new(),
            producers: Vec::new(),
            consumers: Vec::new(),
            links: Vec::new(),
            wires: Vec::new(),
            made: 0,
        };
        for kind in ["topic", "fanout", "direct"] {
            let exchange = world.member(&rabbitmq::exchange::KIND, json!({ "type": kind }));
            world.exchanges.push(exchange);
        }
        (0..3).for_each(|_| world.add_queue());
        (0..3).for_each(|_| world.add_producer());
        (0..4).for_each(|_| world.add_consumer());
        world
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("n{}", self.made)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.random.below(from.len() as u32) as usize).copied()
    }

    fn member(&mut self, kind: &'static NodeKind, values: Json) -> NodeId {
        let name = self.name();
        let mut settings = with(kind.params, &values);
        settings.set("name", Value::Text(name.as_str().into()));
        self.simulation.add_member(self.broker, &name, kind.name, Rc::new(settings))
    }

    fn add_queue(&mut self) {
        let durable = self.random.chance(0.7);
        let queue = self.member(&rabbitmq::queue::KIND, json!({ "durable": durable }));
        self.queues.push(queue);
        for exchange in self.exchanges.clone() {
            if self.random.chance(0.7) {
                let keys = self.pick(&["#", "k.*", "k.1", "nothing"]).expect("there are some");
                let settings = Rc::new(with(BINDING_WIRE.params, &json!({ "keys": [keys] })));
                self.wires.push(self.simulation.join(exchange, queue, settings));
            }
        }
    }

    fn link(&mut self, from: (NodeId, u8), to: (NodeId, u8)) {
        let name = self.name();
        let chance = if self.perfect_links { 0.0 } else { 0.05 };
        let spec = LinkSpec {
            latency: Distribution::Exponential(Duration::from_millis(20)),
            // A lost subscription is never noticed, so the last check could not be made.
            loss: 0.0,
            duplicate: chance,
            reorder: chance,
            heartbeat: Duration::from_secs(1),
        };
        let end = |(node, port)| LinkEnd { node, port: Port(port) };
        self.links.push(self.simulation.add_link(&name, spec, end(from), end(to)));
    }

    fn add_producer(&mut self) {
        let name = self.name();
        let values = json!({
            "arrivals": "poisson", "rate": 30, "routing_key": "k.{n%3}", "persistent": self.random.chance(0.5)
        });
        let node = self.simulation.add_node(&name, build(&producer::KIND, &values));
        self.producers.push(node);
        for _ in 0..2 {
            let targets = [self.exchanges.clone(), self.queues.clone()].concat();
            let target = self.pick(&targets).expect("there are some");
            self.link((node, 0), (target, 0));
        }
    }

    fn consumer_values(&mut self) -> Json {
        let acks: &[&str] = if self.automatic { &["auto"] } else { &["late", "early", "never", "auto"] };
        json!({
            "service_time": "exponential(60ms)",
            "ack": self.pick(acks),
            "prefetch": self.random.below(4),
            "concurrency": 1 + self.random.below(3),
            "failure_rate": self.random.below(30),
            "on_failure": self.pick(&["requeue", "reject"]),
        })
    }

    fn add_consumer(&mut self) {
        let name = self.name();
        let values = self.consumer_values();
        let node = self.simulation.add_node(&name, build(&consumer::KIND, &values));
        self.consumers.push(node);
        for _ in 0..2 {
            if let Some(queue) = self.pick(&self.queues.clone()) {
                self.link((queue, 1), (node, 0));
            }
        }
    }

    fn remove(&mut self, node: NodeId) {
        self.simulation.remove_node(node);
        self.consumers.retain(|other| *other != node);
        self.producers.retain(|other| *other != node);
        self.queues.retain(|other| *other != node);
    }

    /// Does one thing by chance.
    fn deed(&mut self) {
        let nodes = [vec![self.broker], self.producers.clone(), self.consumers.clone()].concat();
        let node = self.pick(&nodes).expect("the broker is there");
        let link = self.pick(&self.links.clone()).expect("there are links");
        match self.random.below(16) {
            0 | 1 => self.simulation.fault(Fault::Crash(node)),
            2..=4 => nodes.iter().for_each(|node| self.simulation.fault(Fault::Restart(*node))),
            5 => self.simulation.fault(Fault::Pause(node)),
            6 | 7 => nodes.iter().for_each(|node| self.simulation.fault(Fault::Resume(*node))),
            8 => self.simulation.fault(Fault::Partition(link)),
            9 | 10 => self.links.iter().for_each(|link| self.simulation.fault(Fault::Repair(*link))),
            11 => {
                let values = self.consumer_values();
                if let Some(consumer) = self.pick(&self.consumers.clone()) {
                    self.simulation.configure(consumer, Rc::new(with(consumer::KIND.params, &values)));
                }
            }
            12 if self.random.chance(0.5) => self.simulation.remove_link(link),
            13 if self.random.chance(0.3) => {
                let removable = [self.queues.clone(), self.consumers.clone(), self.producers.clone()].concat();
                if let Some(node) = self.pick(&removable) {
                    self.remove(node);
                }
            }
            14 => match self.random.below(3) {
                0 => self.add_queue(),
                1 => self.add_consumer(),
                _ => self.add_producer(),
            },
            15 => {
                let keys = self.pick(&["#", "k.2"]).expect("there are some");
                if let Some(wire) = self.pick(&self.wires.clone()) {
                    self.simulation.rejoin(wire, Rc::new(with(BINDING_WIRE.params, &json!({ "keys": [keys] }))));
                }
            }
            _ => {}
        }
    }

    fn run(&mut self, milliseconds: u32) {
        self.simulation.run_until(self.simulation.now() + Duration::from_millis(u64::from(milliseconds)));
    }

    fn check(&self, audit: &mut Audit) {
        let found = audit.sweep(&self.simulation).expect("the trace is long enough");
        assert!(found.is_empty(), "{}", found.iter().map(|violation| format!("\n{violation}")).collect::<String>());
        for queue in &self.queues {
            let (ready, unacked) = self.simulation.tally().level(*queue);
            let inspection = self.simulation.inspect(*queue, usize::MAX);
            assert_eq!(inspection.item_count, (ready + unacked) as usize);
            assert_eq!(inspection.items.len(), inspection.item_count);
            assert_eq!(inspection.headline, format!("{ready} ready · {unacked} unacked"));
        }
    }

    /// Repairs everything and gives each queue a consumer that acknowledges when it is done.
    fn repair(&mut self) {
        self.producers.clone().into_iter().for_each(|producer| self.remove(producer));
        let nodes = [vec![self.broker], self.consumers.clone()].concat();
        for node in nodes {
            self.simulation.fault(Fault::Resume(node));
            self.simulation.fault(Fault::Restart(node));
        }
        self.links.iter().for_each(|link| self.simulation.fault(Fault::Repair(*link)));
        let ack = if self.automatic { "auto" } else { "late" };
        let values = json!({"service_time": "1ms", "concurrency": 9, "ack": ack, "on_failure": "reject"});
        for consumer in self.consumers.clone() {
            self.simulation.configure(consumer, Rc::new(with(consumer::KIND.params, &values)));
        }
        // Deliveries that came in under "never" are acknowledged by no one: a new process knows nothing of them.
        self.run(5_000);
        for consumer in self.consumers.clone() {
            self.simulation.fault(Fault::Crash(consumer));
            self.run(500);
            self.simulation.fault(Fault::Restart(consumer));
        }
    }
}

fn build(kind: &NodeKind, values: &Json) -> Box<dyn patchbay::kernel::Component> {
    match kind.role {
        Role::Component(build) => build(&Rc::new(with(kind.params, values))),
        Role::Member { .. } => panic!("{} is a member", kind.name),
    }
}

#[test]
fn every_copy_is_accounted_for_at_every_moment_and_delivered_in_the_end() {
    let mut facts_seen: BTreeMap<FactKind, u64> = BTreeMap::new();
    for seed in 0..120 {
        let mut world = World::new(seed, seed % 3 == 0, seed % 2 == 0);
        let mut audit = Audit::default().and(QueueOrder::default());
        if world.automatic {
            audit = audit.and(Automatic::default());
        }
        for _ in 0..60 {
            world.deed();
            let milliseconds = world.random.below(400);
            world.run(milliseconds);
            world.check(&mut audit);
        }
        world.repair();
        world.run(60_000);
        world.check(&mut audit);
        let unserved = |queue: &NodeId| world.simulation.inspect(*queue, 0).rows.contains(&("Consumers", "0".into()));
        for queue in world.queues.iter().filter(|queue| !unserved(queue)) {
            assert_eq!(world.simulation.tally().level(*queue), (0, 0), "seed {seed}: {queue:?} is empty in the end");
        }
        assert_eq!(world.simulation.halted(), None);
        // The facts after this one are those of other products and of what these worlds do not use.
        for kind in FactKind::ALL.iter().filter(|kind| **kind <= FactKind::Halted) {
            *facts_seen.entry(*kind).or_default() += world.simulation.tally().total(*kind);
        }
    }
    let never: Vec<&FactKind> = facts_seen.iter().filter(|(_, count)| **count == 0).map(|(kind, _)| kind).collect();
    assert_eq!(never, [&FactKind::Slowed, &FactKind::Halted], "the worlds show everything that can happen");
}

/// A frozen broker whose client is taken away serves the others as soon as it goes on; a frozen client that gets a new
/// wire subscribes over it.
#[test]
fn edits_around_a_frozen_node_are_not_lost() {
    let mut world = World::new(1, true, true);
    let [producers, consumers] = [world.producers.clone(), world.consumers.clone()];
    producers.into_iter().chain(consumers).for_each(|node| world.remove(node));
    let queue = world.queues[0];
    let publisher = world.simulation.add_node("p", build(&producer::KIND, &json!({"arrivals": "by-hand"})));
    world.link((publisher, 0), (queue, 0));
    let values = json!({"service_time": "10s", "prefetch": 2});
    let first = world.simulation.add_node("c1", build(&consumer::KIND, &values));
    let second = world.simulation.add_node("c2", build(&consumer::KIND, &values));
    world.link((queue, 1), (first, 0));
    world.run(1_000);
    for _ in 0..2 {
        assert!(world.simulation.command(publisher, "send"));
    }
    world.run(1_000);
    world.simulation.fault(Fault::Pause(second));
    world.link((queue, 1), (second, 0));
    world.run(1_000);
    world.simulation.fault(Fault::Resume(second));
    world.run(1_000);
    world.simulation.fault(Fault::Pause(world.broker));
    world.remove(first);
    world.run(1_000);
    world.simulation.fault(Fault::Resume(world.broker));
    world.run(1_000);
    assert_eq!(world.simulation.tally().level(queue), (0, 2));
    assert_eq!(world.simulation.inspect(second, 9).item_count, 2);
}
