//! No copy of a message is ever unaccounted for, whatever fails and whatever is redrawn while messages are on their
//! way.
//!
//! Random worlds of producers, a broker and consumers run while nodes crash and freeze, links break, and parts are
//! added, changed and removed. After every deed the books of all queues must agree with the trace; at the end all is
//! repaired, and everything that is still owed must be delivered.

use std::collections::BTreeMap;
use std::rc::Rc;

use patchbay::kernel::rng::Stream;
use patchbay::kernel::{Fault, LinkEnd, LinkSpec, NodeCondition, Port, Simulation, TraceMode};
use patchbay::model::broker::{self, BINDING_WIRE};
use patchbay::model::client::{consumer, producer};
use patchbay::model::kind::{settings, ParamSpec, Role};
use patchbay::model::NodeKind;
use patchbay::vocabulary::{
    Carried, Distribution, DropReason, Duration, EventId, Fact, FactKind, LinkId, MessageId, NodeId, Settings, Value,
    WireId,
};
use serde_json::{json, Value as Json};

fn with(params: &'static [ParamSpec], values: &Json) -> Settings {
    settings(params, |name| values.get(name).cloned())
}

/// What the trace says of each message so far.
#[derive(Default)]
struct Books {
    read: EventId,
    /// Copies in each queue.
    queued: BTreeMap<(NodeId, MessageId), i64>,
    /// Copies that were enqueued and are neither done nor lost, if every acknowledgement is automatic.
    owed: BTreeMap<MessageId, i64>,
    /// Publish frames that arrived and of which nothing has been said yet.
    arrived: BTreeMap<EventId, MessageId>,
}

impl Books {
    fn read(&mut self, simulation: &Simulation) {
        for event in simulation.trace().after(self.read) {
            assert_eq!(event.id.0, self.read.0 + 1, "the trace must be long enough for the books");
            self.read = event.id;
            self.arrived.remove(&event.cause);
            let queue = self.queued.entry((event.node, event.message)).or_default();
            let owed = self.owed.entry(event.message).or_default();
            match event.fact {
                Fact::Delivered { what: Carried::Publish, .. } => {
                    self.arrived.insert(event.id, event.message);
                }
                Fact::Enqueued { .. } => {
                    *queue += 1;
                    *owed += 1;
                }
                Fact::Acked { .. } => *queue -= 1,
                Fact::Discarded { .. } => *queue -= 1,
                Fact::Completed { .. } => *owed -= 1,
                Fact::Dropped { reason, what } => {
                    let was_enqueued = match reason {
                        DropReason::Unroutable | DropReason::NotConnected => false,
                        DropReason::AutoAcked | DropReason::AckedEarly => true,
                        DropReason::Rejected | DropReason::NotPersistent => true,
                        // At rest in a queue or consumer; a publish frame on a link was never enqueued.
                        DropReason::Removed if what == Carried::Publish => {
                            *queue >= 0 && !is_frame(simulation, event.cause)
                        }
                        _ => what == Carried::Deliver || what == Carried::Redeliver,
                    };
                    *owed -= i64::from(was_enqueued);
                }
                _ => {}
            }
        }
        assert!(self.arrived.is_empty(), "nothing was said of what arrived: {:?}", self.arrived);
    }

    /// The queues hold exactly what the trace says.
    fn check_queues(&self, simulation: &Simulation, queues: &[NodeId]) {
        let mut held: BTreeMap<(NodeId, MessageId), i64> = BTreeMap::new();
        simulation.holds(&mut |node, message| *held.entry((node, message)).or_default() += 1);
        held.retain(|(node, _), _| queues.contains(node));
        let mut written = self.queued.clone();
        written.retain(|(node, _), count| queues.contains(node) && *count != 0);
        assert_eq!(written, held);
        for queue in queues.iter().filter(|queue| simulation.condition(**queue) != NodeCondition::Removed) {
            let (ready, unacked) = simulation.tally().level(*queue);
            let inspection = simulation.inspect(*queue, usize::MAX);
            assert_eq!(inspection.item_count, (ready + unacked) as usize);
            assert_eq!(inspection.items.len(), inspection.item_count);
            assert_eq!(inspection.headline, format!("{ready} ready · {unacked} unacked"));
        }
    }

    /// With automatic acknowledgement only: every copy is in a queue, on its way, in a consumer, done, or lost with a
    /// reason.
    fn check_owed(&self, simulation: &Simulation) {
        let mut found: BTreeMap<MessageId, i64> = BTreeMap::new();
        simulation.holds(&mut |_, message| *found.entry(message).or_default() += 1);
        for flight in simulation.in_flight() {
            if matches!(flight.what, Carried::Deliver | Carried::Redeliver) {
                *found.entry(flight.message).or_default() += 1;
            }
        }
        let mut owed = self.owed.clone();
        owed.retain(|_, count| *count != 0);
        assert_eq!(owed, found);
    }
}

/// Whether the event is about a frame on a link.
fn is_frame(simulation: &Simulation, event: EventId) -> bool {
    let event = simulation.trace().get(event);
    event.is_some_and(|event| matches!(event.fact, Fact::Sent { .. } | Fact::Duplicated { .. }))
}

struct World {
    simulation: Simulation,
    random: Stream,
    automatic: bool,
    perfect_links: bool,
    broker: NodeId,
    exchanges: Vec<NodeId>,
    queues: Vec<NodeId>,
    gone_queues: Vec<NodeId>,
    producers: Vec<NodeId>,
    consumers: Vec<NodeId>,
    links: Vec<LinkId>,
    wires: Vec<WireId>,
    made: u32,
}

impl World {
    fn new(seed: u64, automatic: bool, perfect_links: bool) -> World {
        let mut simulation = Simulation::new(seed, TraceMode::Full);
        let broker = simulation.add_node("broker", build(&broker::broker::KIND, &json!({})));
        let mut world = World {
            simulation,
            random: Stream::named(seed, "deeds", "test"),
            automatic,
            perfect_links,
            broker,
            exchanges: Vec::new(),
            queues: Vec::new(),
            gone_queues: Vec::new(),
            producers: Vec::new(),
            consumers: Vec::new(),
            links: Vec::new(),
            wires: Vec::new(),
            made: 0,
        };
        for kind in ["topic", "fanout", "direct"] {
            let exchange = world.member(&broker::exchange::KIND, json!({ "type": kind }));
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
        let queue = self.member(&broker::queue::KIND, json!({ "durable": durable }));
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
        if self.queues.contains(&node) {
            self.queues.retain(|other| *other != node);
            self.gone_queues.push(node);
        }
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

    fn check(&self, books: &mut Books) {
        books.read(&self.simulation);
        books.check_queues(&self.simulation, &[self.queues.clone(), self.gone_queues.clone()].concat());
        if self.automatic && self.perfect_links {
            books.check_owed(&self.simulation);
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
        let mut books = Books::default();
        for _ in 0..60 {
            world.deed();
            let milliseconds = world.random.below(400);
            world.run(milliseconds);
            world.check(&mut books);
        }
        world.repair();
        world.run(60_000);
        world.check(&mut books);
        let unserved = |queue: &NodeId| world.simulation.inspect(*queue, 0).rows.contains(&("Consumers", "0".into()));
        for queue in world.queues.iter().filter(|queue| !unserved(queue)) {
            assert_eq!(world.simulation.tally().level(*queue), (0, 0), "seed {seed}: {queue:?} is empty in the end");
        }
        assert_eq!(world.simulation.halted(), None);
        for kind in FactKind::ALL {
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
