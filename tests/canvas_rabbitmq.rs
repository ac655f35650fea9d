//! RabbitMQ on the canvas: the recordings of `tests/data/oracle` through the whole engine, and what is told in the trace.
//!
//! The recordings were made with a client that follows a script; here a component follows the same script, one command
//! after another. Polling with `basic.get` is not modelled: where a script polls, a subscription with a prefetch limit
//! takes its place.
#![cfg(not(target_arch = "wasm32"))]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use patchbay::kernel::{
    Component, Context, Envelope, Fault, LinkEnd, LinkSpec, NodeCondition, Port, Simulation, TraceMode,
};
use patchbay::model::broker::rabbitmq::{self, BINDING_WIRE, DEAD_LETTER_WIRE};
use patchbay::model::broker::{self, profile};
use patchbay::model::checker::Audit;
use patchbay::model::client::{consumer, producer};
use patchbay::model::kind::{settings, ParamSpec, Role, LINK_PARAMS};
use patchbay::model::NodeKind;
use patchbay::vocabulary::{
    BrokerMessage, Content, Distribution, Duration, FactKind, LinkId, Message, MessageId, NodeId, Settings, Value,
    WireId,
};
use serde_json::{json, Value as Json};

const IN: Port = Port(0);
const OUT: Port = Port(1);

fn recorded(scenario: &str) -> Json {
    let text = include_str!("data/oracle/rabbitmq-3.10.8.json");
    let recording: Json = serde_json::from_str(text).expect("the recording is JSON");
    assert_eq!(recording["server"]["version"], "3.10.8");
    let observed = recording["scenarios"][scenario]["observed"].clone();
    assert!(observed.is_object(), "{scenario} was recorded");
    observed
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_string()).collect()
}

/// One delivery, as the recording client wrote it down.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    client: &'static str,
    tag: u64,
    body: String,
    redelivered: bool,
}

impl Seen {
    fn json(&self) -> Json {
        json!({"consumer": self.client, "tag": self.tag, "body": self.body, "redelivered": self.redelivered})
    }
}

type Log = Rc<RefCell<Vec<Seen>>>;

/// A client that does what it is told: `publish KEY BODY`, `subscribe PREFETCH`, `ack TAG`, `requeue TAG`, `reject
/// TAG`, `cancel`.
#[derive(Clone)]
struct Scripted {
    name: &'static str,
    log: Log,
    persistent: bool,
}

impl Component for Scripted {
    fn on_message(&mut self, envelope: Envelope, _: &mut Context) {
        if let Message::Broker(BrokerMessage::Deliver { tag, redelivered, content }) = envelope.message {
            let body = content.payload.to_string();
            self.log.borrow_mut().push(Seen { client: self.name, tag, body, redelivered });
        }
    }

    fn on_command(&mut self, _: NodeId, command: &str, context: &mut Context) -> bool {
        let words: Vec<&str> = command.split(' ').collect();
        let number = || words[1].parse::<u64>().expect("a number");
        let about = MessageId::NONE;
        let frame = match words[0] {
            "publish" => BrokerMessage::Publish(Rc::new(Content {
                id: context.next_message_id(),
                routing_key: words[1].into(),
                headers: Rc::from([]),
                payload: words[2].into(),
                persistent: self.persistent,
                priority: None,
                expiration: None,
                created: context.now(),
            })),
            "subscribe" => BrokerMessage::Subscribe { prefetch: number() as u16, auto_ack: false, priority: 0 },
            "ack" => BrokerMessage::Ack { tag: number(), multiple: false, about },
            "requeue" => BrokerMessage::Nack { tag: number(), multiple: false, requeue: true, about },
            "reject" => BrokerMessage::Nack { tag: number(), multiple: false, requeue: false, about },
            "cancel" => BrokerMessage::Cancel,
            _ => return false,
        };
        context.send(IN, frame.into()) > 0
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

/// A broker with clients around it.
struct World {
    simulation: Simulation,
    broker: NodeId,
    log: Log,
}

fn with(params: &'static [ParamSpec], values: &Json) -> Settings {
    for name in values.as_object().expect("settings are an object").keys() {
        assert!(params.iter().any(|param| param.name == name), "no parameter {name}");
    }
    settings(params, |name| values.get(name).cloned())
}

fn build(kind: &NodeKind, values: &Json) -> Box<dyn Component> {
    match kind.role {
        Role::Component(build) => build(&Rc::new(with(kind.params, values))),
        Role::Member { .. } => panic!("{} is a member", kind.name),
    }
}

impl World {
    fn new(seed: u64) -> World {
        let mut simulation = Simulation::new(seed, TraceMode::Full);
        let broker = simulation.add_node("broker", build(&rabbitmq::BROKER, &json!({})));
        World { simulation, broker, log: Log::default() }
    }

    fn member(&mut self, kind: &'static NodeKind, name: &str, values: Json) -> NodeId {
        let mut settings = with(kind.params, &values);
        settings.set("name", Value::Text(name.into()));
        self.simulation.add_member(self.broker, name, kind.name, Rc::new(settings))
    }

    fn queue(&mut self, name: &str) -> NodeId {
        self.member(&rabbitmq::queue::KIND, name, json!({}))
    }

    fn exchange(&mut self, name: &str, kind: &str) -> NodeId {
        self.member(&rabbitmq::exchange::KIND, name, json!({"type": kind}))
    }

    fn bind(&mut self, from: NodeId, to: NodeId, keys: &[&str]) -> WireId {
        self.simulation.join(from, to, Rc::new(with(BINDING_WIRE.params, &json!({ "keys": keys }))))
    }

    fn link(&mut self, name: &str, from: (NodeId, Port), to: (NodeId, Port)) -> LinkId {
        let spec = LinkSpec { latency: Distribution::Constant(Duration::from_millis(1)), ..LinkSpec::default() };
        let end = |(node, port)| LinkEnd { node, port };
        self.simulation.add_link(name, spec, end(from), end(to))
    }

    /// A scripted client that publishes to an exchange or queue.
    fn publisher(&mut self, to: NodeId, persistent: bool) -> NodeId {
        let name = format!("publisher {}", self.simulation.node_count());
        let component = Scripted { name: "publisher", log: self.log.clone(), persistent };
        let node = self.simulation.add_node(&name, Box::new(component));
        self.link(&name, (node, IN), (to, IN));
        node
    }

    /// A scripted client at a queue.
    fn client(&mut self, name: &'static str, queue: NodeId) -> NodeId {
        let component = Scripted { name, log: self.log.clone(), persistent: false };
        let node = self.simulation.add_node(name, Box::new(component));
        self.link(name, (queue, OUT), (node, IN));
        node
    }

    /// Gives a command and lets a second go by, so that all that follows from it has happened.
    fn tell(&mut self, node: NodeId, command: &str) {
        assert!(self.simulation.command(node, command), "{command}");
        self.simulation.run_until(self.simulation.now() + Duration::from_secs(1));
    }

    fn take_log(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.log.borrow_mut())
    }

    /// Takes all that is in the queue, in order, through a consumer of its own.
    fn drain(&mut self, queue: NodeId) -> Vec<String> {
        self.take_log();
        let client = self.client("drain", queue);
        self.tell(client, "subscribe 0");
        let bodies = self.take_log().into_iter().map(|seen| seen.body).collect();
        self.simulation.remove_node(client);
        bodies
    }
}

/// Publishes one message for each key and compares the set of queues that it is routed to.
fn assert_routes(world: &mut World, exchange: NodeId, queues: &BTreeMap<NodeId, String>, expected: &Json) {
    let publisher = world.publisher(exchange, false);
    for (key, expected) in expected.as_object().expect("keys with queues") {
        let before = world.simulation.events_recorded();
        world.tell(publisher, &format!("publish {key} body"));
        let events = world.simulation.trace().after(patchbay::vocabulary::EventId(before));
        let enqueued: Vec<&str> = events
            .filter(|event| event.fact.kind() == FactKind::Enqueued)
            .map(|event| queues[&event.node].as_str())
            .collect();
        let set: BTreeSet<&str> = enqueued.iter().copied().collect();
        assert_eq!(enqueued.len(), set.len(), "{key:?}: one copy for each queue");
        let expected = texts(expected);
        assert_eq!(set, expected.iter().map(String::as_str).collect(), "{key:?}");
    }
}

#[test]
fn topic_vectors_before_and_after_bindings_are_removed() {
    let vectors: Json =
        serde_json::from_str(include_str!("data/oracle/rabbitmq_topic_exchange.json")).expect("the vectors are JSON");
    let mut world = World::new(1);
    let exchange = world.exchange("x", "topic");
    let (mut by_name, mut wires) = (BTreeMap::new(), Vec::new());
    for binding in vectors["bindings"].as_array().expect("bindings") {
        let [name, key] = &texts(binding)[..] else { panic!("a queue and a key") };
        let queue = *by_name.entry(name.clone()).or_insert_with(|| world.queue(name));
        wires.push(world.bind(exchange, queue, &[key]));
    }
    let queues = by_name.into_iter().map(|(name, node)| (node, name)).collect();
    assert_routes(&mut world, exchange, &queues, &vectors["expect"]);
    for number in vectors["removed_binding_numbers_1_based"].as_array().expect("numbers") {
        world.simulation.part(wires[number.as_u64().expect("a number") as usize - 1]);
    }
    assert_routes(&mut world, exchange, &queues, &vectors["expect_after_removal"]);
}

#[test]
fn fanout_direct_default() {
    let observed = recorded("fanout_direct_default");
    let mut world = World::new(1);
    let (fanout, direct) = (world.exchange("fan", "fanout"), world.exchange("dir", "direct"));
    let (a, b) = (world.queue("a"), world.queue("b"));
    world.bind(fanout, a, &["ignored"]);
    world.bind(fanout, b, &["ignored too"]);
    world.bind(direct, a, &["k", "k2"]);
    world.bind(direct, b, &["k"]);
    let scripts =
        [(fanout, "any fan"), (direct, "k dir-k"), (direct, "k2 dir-k2"), (direct, "K dir-K"), (a, "a default")];
    for (to, message) in scripts {
        let publisher = world.publisher(to, false);
        world.tell(publisher, &format!("publish {message}"));
    }
    assert_eq!(world.drain(a), texts(&observed["a"]));
    assert_eq!(world.drain(b), texts(&observed["b"]));
    let tally = world.simulation.tally();
    assert_eq!(tally.count(direct, FactKind::Unroutable), 1, "case matters");
    assert_eq!(tally.count(direct, FactKind::Dropped), 1);
}

#[test]
fn round_robin_no_prefetch_limit() {
    let observed = recorded("round_robin_no_prefetch_limit");
    let mut world = World::new(1);
    let queue = world.queue("q");
    for name in ["c1", "c2", "c3"] {
        let client = world.client(name, queue);
        world.tell(client, "subscribe 0");
    }
    let publisher = world.publisher(queue, false);
    for number in 0..7 {
        world.tell(publisher, &format!("publish q m{number}"));
    }
    let log = world.take_log();
    for (client, bodies) in observed["per_consumer"].as_object().expect("consumers") {
        let seen: Vec<String> = log.iter().filter(|seen| seen.client == client).map(|seen| seen.body.clone()).collect();
        assert_eq!(seen, texts(bodies), "{client}");
    }
}

#[test]
fn nack_requeue_position() {
    let observed = recorded("nack_requeue_position");
    let mut world = World::new(1);
    let queue = world.queue("q");
    let publisher = world.publisher(queue, false);
    for number in 0..5 {
        world.tell(publisher, &format!("publish q m{number}"));
    }
    let client = world.client("c", queue);
    world.tell(client, "subscribe 3");
    world.tell(client, "requeue 2");
    world.tell(client, "cancel");
    let mut log = world.take_log();
    assert_eq!(log.last().map(|seen| seen.tag), Some(4), "a redelivery has a tag of its own");
    for tag in [3, 1, 4] {
        world.tell(client, &format!("requeue {tag}"));
    }
    assert_eq!(world.simulation.tally().level(queue), (5, 0));
    let other = world.client("d", queue);
    world.tell(other, "subscribe 0");
    log.extend(world.take_log());
    let gets: Vec<Json> = log.iter().map(|seen| json!({"get": seen.body, "redelivered": seen.redelivered})).collect();
    let steps = observed["log"].as_array().expect("a log").iter();
    let expected: Vec<Json> = steps.filter(|step| step.get("get").is_some()).cloned().collect();
    assert_eq!(gets, expected);
}

#[test]
fn consumer_crash_redelivery() {
    let observed = recorded("consumer_crash_redelivery");
    let mut world = World::new(1);
    let queue = world.queue("q");
    let publisher = world.publisher(queue, false);
    for number in 0..5 {
        world.tell(publisher, &format!("publish q m{number}"));
    }
    let (first, second) = (world.client("c1", queue), world.client("c2", queue));
    world.tell(first, "subscribe 3");
    world.tell(first, "ack 1");
    world.simulation.fault(Fault::Crash(first));
    world.simulation.run_until(world.simulation.now() + Duration::from_secs(1));
    world.tell(second, "subscribe 0");
    let log: Vec<Json> = world.take_log().iter().map(Seen::json).collect();
    let steps = observed["log"].as_array().expect("a log").iter();
    let expected: Vec<Json> = steps.filter(|step| step.get("body").is_some()).cloned().collect();
    assert_eq!(log, expected);
}

/// Seen on the same server: a durable queue keeps its persistent messages over a restart, and the one that was held
/// comes back marked; transient messages, and everything in a transient queue, are gone; bindings are still there.
#[test]
fn broker_restart() {
    let mut world = World::new(1);
    let exchange = world.exchange("x", "fanout");
    let durable = world.queue("durable");
    let transient = world.member(&rabbitmq::queue::KIND, "transient", json!({"durable": false}));
    world.bind(exchange, durable, &[]);
    world.bind(exchange, transient, &[]);
    let (persistent, volatile) = (world.publisher(exchange, true), world.publisher(exchange, false));
    for (publisher, body) in [(persistent, "p0"), (volatile, "t0"), (persistent, "p1"), (volatile, "t1")] {
        world.tell(publisher, &format!("publish k {body}"));
    }
    let client = world.client("c1", durable);
    world.tell(client, "subscribe 2");
    world.simulation.fault(Fault::Crash(world.broker));
    assert_eq!(world.simulation.condition(durable), NodeCondition::Down);
    assert_eq!(world.simulation.tally().level(durable), (1, 1), "p1 ready, p0 held");
    assert_eq!(world.simulation.tally().level(transient), (0, 0));
    world.simulation.run_until(world.simulation.now() + Duration::from_secs(1));
    world.simulation.fault(Fault::Restart(world.broker));
    world.simulation.run_until(world.simulation.now() + Duration::from_secs(1));
    assert_eq!(world.simulation.tally().level(durable), (2, 0));
    world.take_log();
    world.tell(client, "subscribe 0");
    let log: Vec<(String, u64, bool)> =
        world.take_log().into_iter().map(|seen| (seen.body, seen.tag, seen.redelivered)).collect();
    assert_eq!(log, [("p0".into(), 1, true), ("p1".into(), 2, false)]);
    let tally = world.simulation.tally();
    assert_eq!(tally.count(durable, FactKind::Discarded), 2);
    assert_eq!(tally.count(transient, FactKind::Discarded), 4);
    world.tell(persistent, "publish k again");
    assert_eq!(world.simulation.tally().count(transient, FactKind::Enqueued), 5, "the binding is still there");
}

/// Each fact of a message's life with the name of its node, each caused by the one before.
#[test]
fn the_story_of_a_message_is_told_at_the_members_and_each_fact_has_its_cause() {
    let mut world = World::new(1);
    let (outer, inner) = (world.exchange("outer", "topic"), world.exchange("inner", "direct"));
    let queue = world.queue("q");
    world.bind(outer, inner, &["a.#"]);
    world.bind(inner, queue, &["a.b"]);
    let client = world.client("c", queue);
    world.tell(client, "subscribe 0");
    let publisher = world.publisher(outer, false);
    world.tell(publisher, "publish a.b hello");
    world.tell(client, "requeue 1");
    world.tell(client, "reject 2");
    world.tell(publisher, "publish a.c lost");
    let names = BTreeMap::from([(outer, "outer"), (inner, "inner"), (queue, "q"), (client, "c"), (publisher, "p")]);
    let trace = world.simulation.trace();
    let told = |number: u32| -> Vec<String> {
        let message = MessageId { origin: publisher, number };
        let about = trace.iter().filter(|event| event.message == message);
        about.map(|event| format!("{} {}", names[&event.node], event.fact.kind().label())).collect()
    };
    let expected = [
        "p sent",
        "outer received",
        "outer routed",
        "inner routed",
        "q enqueued",
        "q handed out",
        "q sent",
        "c received",
        // The script's answers name no message; what they lead to does.
        "q nacked",
        "q requeued",
        "q redelivered",
        "q sent",
        "c received",
        "q nacked",
        "q discarded",
        "q dropped",
    ];
    assert_eq!(told(1), expected);
    assert_eq!(told(2), ["p sent", "outer received", "outer routed", "outer unroutable", "outer dropped"]);
    for pair in trace.iter().filter(|event| event.message.number == 1).collect::<Vec<_>>().windows(2) {
        let is_answer = pair[1].fact.kind() == FactKind::Nacked;
        assert!(pair[1].cause == pair[0].id || is_answer, "{pair:?}");
    }
    assert_eq!(world.simulation.tally().level(queue), (0, 0));
}

#[test]
fn a_removed_queue_accounts_for_its_messages_and_is_bound_no_more() {
    let mut world = World::new(1);
    let exchange = world.exchange("x", "fanout");
    let (kept, removed) = (world.queue("kept"), world.queue("removed"));
    world.bind(exchange, kept, &[]);
    world.bind(exchange, removed, &[]);
    let client = world.client("c", removed);
    world.tell(client, "subscribe 1");
    let publisher = world.publisher(exchange, false);
    (0..3).for_each(|number| world.tell(publisher, &format!("publish k m{number}")));
    world.simulation.remove_node(removed);
    let tally = world.simulation.tally();
    assert_eq!((tally.count(removed, FactKind::Discarded), tally.count(removed, FactKind::Dropped)), (3, 3));
    assert_eq!(tally.level(removed), (0, 0));
    world.tell(publisher, "publish k m3");
    assert_eq!(world.simulation.tally().count(removed, FactKind::Enqueued), 3);
    assert_eq!(world.drain(kept), ["m0", "m1", "m2", "m3"]);
}

#[test]
fn a_broker_drops_what_would_go_past_its_limit() {
    let mut world = World::new(1);
    world.simulation.set_trace_mode(TraceMode::Off);
    let exchange = world.exchange("x", "fanout");
    for number in 0..100 {
        let queue = world.queue(&format!("q{number}"));
        world.bind(exchange, queue, &[]);
    }
    let values = json!({"arrivals": "burst", "burst_size": 10_000, "burst_every": "1s", "limit": 10_001});
    let burst = world.simulation.add_node("burst", build(&producer::KIND, &values));
    world.link("burst", (burst, IN), (exchange, IN));
    world.simulation.run_until(patchbay::vocabulary::Time(3_000_000_000));
    let tally = world.simulation.tally();
    assert_eq!(tally.total(FactKind::Routed), 1_000_100);
    assert_eq!(tally.total(FactKind::Enqueued), broker::broker::HELD_MAX as u64);
    assert_eq!(tally.total(FactKind::Dropped), 100);
    assert_eq!(world.simulation.halted(), None);
}

/// A dead letter goes over its wire, to a queue by way of the default exchange or to an exchange; the trace tells both.
#[test]
fn dead_letters_go_over_their_wires() {
    let mut world = World::new(1);
    let limited = world.member(&rabbitmq::queue::KIND, "limited", json!({"max_length": 1, "message_ttl": "5s"}));
    let (parked, copied) = (world.queue("parked"), world.queue("copied"));
    let exchange = world.exchange("dlx", "direct");
    world.bind(exchange, copied, &["dead"]);
    let wire = |world: &mut World, to: NodeId, key: &str| {
        let settings = with(DEAD_LETTER_WIRE.params, &json!({"routing_key": key}));
        world.simulation.join(limited, to, Rc::new(settings))
    };
    let to_queue = wire(&mut world, parked, "ignored");
    let publisher = world.publisher(limited, false);
    world.tell(publisher, "publish k one");
    world.tell(publisher, "publish k two");
    assert_eq!((world.simulation.tally().level(limited), world.simulation.tally().level(parked)), ((1, 0), (1, 0)));
    world.simulation.part(to_queue);
    wire(&mut world, exchange, "dead");
    world.simulation.run_until(world.simulation.now() + Duration::from_secs(5));
    let tally = world.simulation.tally();
    assert_eq!((tally.level(limited), tally.level(copied)), ((0, 0), (1, 0)));
    assert_eq!((tally.count(limited, FactKind::DeadLettered), tally.count(limited, FactKind::Expired)), (2, 1));
    let story: Vec<String> = world
        .simulation
        .trace()
        .iter()
        .filter(|event| event.message.number == 2 && event.node != publisher)
        .map(|event| event.fact.kind().label().to_string())
        .collect();
    let expected = ["received", "enqueued", "expired", "dead-lettered", "routed", "enqueued"];
    assert_eq!(story, expected);
    assert_eq!(world.drain(copied), ["two"]);
    assert!(Audit::default().sweep(&world.simulation).expect("the whole trace is there").is_empty());
}

/// A producer that asks hears of every message: confirmed, refused, or returned.
#[test]
fn a_producer_that_asks_is_answered() {
    let mut world = World::new(1);
    let exchange = world.exchange("x", "direct");
    let values = json!({"max_length": 2, "overflow": "reject-publish"});
    let full = world.member(&rabbitmq::queue::KIND, "full", values);
    world.bind(exchange, full, &["k"]);
    let values = |key: &str| json!({"arrivals": "burst", "limit": 5, "burst_size": 5, "routing_key": key, "confirms": true, "mandatory": true});
    for (name, key) in [("routed", "k"), ("lost", "nowhere")] {
        let producer = world.simulation.add_node(name, build(&producer::KIND, &values(key)));
        world.link(name, (producer, IN), (exchange, IN));
        world.simulation.run_until(world.simulation.now() + Duration::from_secs(1));
        let rows: BTreeMap<&str, String> = world.simulation.inspect(producer, 0).rows.into_iter().collect();
        let row = |name: &str| rows[name].as_str();
        let expected = if key == "k" { ("2", "3", "0", "0") } else { ("5", "0", "0", "5") };
        assert_eq!((row("Confirmed"), row("Refused"), row("Not answered yet"), row("Returned")), expected, "{name}");
    }
    let tally = world.simulation.tally();
    let counts = [FactKind::Confirmed, FactKind::Refused, FactKind::Returned].map(|kind| tally.count(exchange, kind));
    assert_eq!(counts, [7, 3, 5]);
    assert!(Audit::default().sweep(&world.simulation).expect("the whole trace is there").is_empty());
}

/// Everything else that can be drawn: headers, alternate exchanges, priorities, quorum queues, expiry.
#[test]
fn what_is_drawn_is_declared() {
    let mut world = World::new(1);
    let (headers, other) = (world.exchange("h", "headers"), world.exchange("other", "fanout"));
    let values = json!({"type": "headers", "alternate_exchange": "other"});
    world.simulation.configure(headers, Rc::new(named(with(rabbitmq::exchange::KIND.params, &values), "h")));
    let fitting = world.member(&rabbitmq::queue::KIND, "fitting", json!({"max_priority": 9}));
    let rest =
        world.member(&rabbitmq::queue::KIND, "rest", json!({"type": "quorum", "delivery_limit": 1, "expires": "10s"}));
    world.bind(other, rest, &[]);
    let condition = with(BINDING_WIRE.params, &json!({"arguments": ["n=1", "x"], "match": "any"}));
    world.simulation.join(headers, fitting, Rc::new(condition));
    for (name, header, priority) in [("low", "n=1", 1), ("high", "x", 5), ("neither", "n=2", 0)] {
        let values = json!({"arrivals": "burst", "limit": 1, "burst_size": 1, "headers": [header], "priority": priority, "payload": name});
        let producer = world.simulation.add_node(name, build(&producer::KIND, &values));
        world.link(name, (producer, IN), (headers, IN));
        world.simulation.run_until(world.simulation.now() + Duration::from_secs(1));
    }
    assert_eq!(world.drain(fitting), ["high", "low"]);
    let client = world.client("c", rest);
    world.tell(client, "subscribe 0");
    world.tell(client, "requeue 1");
    world.tell(client, "requeue 2");
    let seen: Vec<(String, bool)> = world.take_log().into_iter().map(|seen| (seen.body, seen.redelivered)).collect();
    assert_eq!(seen, [("neither".to_string(), false), ("neither".to_string(), true)], "given up after one return");
    world.simulation.remove_node(client);
    world.simulation.run_until(world.simulation.now() + Duration::from_secs(11));
    assert_eq!(world.simulation.inspect(rest, 0).headline, "expired");
    let publisher = world.publisher(headers, false);
    world.tell(publisher, "publish k lost");
    assert_eq!(world.simulation.tally().count(headers, FactKind::Unroutable), 1);
    let client = world.client("d", rest);
    world.tell(client, "subscribe 0");
    world.tell(publisher, "publish k found");
    assert_eq!(world.take_log().len(), 1, "a subscription declares it again");
    assert!(Audit::default().sweep(&world.simulation).expect("the whole trace is there").is_empty());
}

/// The named console client and the drawn parts are in one broker.
#[test]
fn a_console_reaches_what_is_drawn() {
    let mut world = World::new(1);
    let queue = world.queue("drawn");
    for line in ["publish '' drawn m", "declare queue own", "publish '' own n", "publish '' own n", "get own"] {
        assert!(world.simulation.command(world.broker, &format!("console {line}")), "{line}");
    }
    assert_eq!(world.simulation.tally().level(queue), (1, 0));
    assert_eq!(world.simulation.tally().level(world.broker), (1, 1), "queues without a node count at the broker");
    assert!(Audit::default().sweep(&world.simulation).expect("the whole trace is there").is_empty());
    assert_eq!(world.drain(queue), ["m"]);
}

fn named(mut settings: Settings, name: &str) -> Settings {
    settings.set("name", Value::Text(name.into()));
    settings
}

#[test]
fn the_defaults_of_the_parts_are_those_of_the_product() {
    let params = || {
        consumer::KIND
            .params
            .iter()
            .chain(producer::KIND.params)
            .chain(&LINK_PARAMS)
            .chain(rabbitmq::BROKER.params)
            .chain(rabbitmq::queue::KIND.params)
    };
    let mut compared = Vec::new();
    for default in profile::profile("rabbitmq").defaults() {
        for param in params().filter(|param| param.name == default.subject) {
            assert_eq!(param.default.trim_matches('"'), default.says, "{}", default.subject);
            compared.push(param.name);
        }
    }
    let settings = ["prefetch", "persistent", "heartbeat", "consumer_timeout", "sync_time", "overflow"];
    assert_eq!(compared, [&settings[..], &["priority", "priority", "mandatory"]].concat());
}
