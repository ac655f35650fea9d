//! The consumer against a broker that only does what the test says.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::kernel::{Fault, LinkEnd, LinkSpec, Simulation, TraceMode};
use crate::model::kind::settings;
use crate::vocabulary::{Distribution, Duration, FactKind};

type Log = Rc<RefCell<Vec<BrokerMessage>>>;

/// Writes down what the consumer says; delivers message number `n` with tag `n` at the command `n`, wants to be asked
/// for messages at the command `pulls`, or `commits` if it makes automatic commits, ends an answer at `pulled n`, says at
/// `committed n` that the messages up to `n` are committed, and ends the subscription at `cancel`.
#[derive(Clone)]
struct Server(Log);

impl Component for Server {
    fn on_message(&mut self, envelope: Envelope, _: &mut Context) {
        let Message::Broker(message) = envelope.message;
        self.0.borrow_mut().push(message);
    }

    fn on_command(&mut self, node: NodeId, command: &str, context: &mut Context) -> bool {
        if command == "pulls" || command == "commits" {
            return context.send(Port(1), BrokerMessage::Pulls { commits: command == "commits", next: 1 }.into()) > 0;
        }
        if command == "cancel" {
            return context.send(Port(1), BrokerMessage::Cancel.into()) > 0;
        }
        if let Some(last) = command.strip_prefix("committed ") {
            let last = last.parse().expect("a number");
            return context.send(Port(1), BrokerMessage::Committed { first: 1, last }.into()) > 0;
        }
        if let Some(count) = command.strip_prefix("pulled ") {
            let count = count.parse().expect("a number");
            return context.send(Port(1), BrokerMessage::Pulled { count }.into()) > 0;
        }
        let number = command.parse().expect("a number");
        let content = Rc::new(Content {
            id: MessageId { origin: node, number },
            routing_key: "".into(),
            headers: Rc::from([]),
            payload: "".into(),
            persistent: false,
            priority: None,
            expiration: None,
            created: context.now(),
        });
        let frame = BrokerMessage::Deliver { tag: u64::from(number), redelivered: false, content };
        context.send(Port(1), frame.into()) > 0
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

struct World {
    simulation: Simulation,
    server: NodeId,
    consumer: NodeId,
    log: Log,
}

fn with(values: &serde_json::Value) -> Rc<Settings> {
    Rc::new(settings(KIND.params, |name| values.get(name).cloned()))
}

impl World {
    /// A link takes 10 ms, the work 1 s.
    fn new(mut values: serde_json::Value) -> World {
        values["service_time"] = "1s".into();
        let mut simulation = Simulation::new(1, TraceMode::Full);
        let log = Log::default();
        let server = simulation.add_node("server", Box::new(Server(log.clone())));
        let consumer = simulation.add_node("consumer", Box::new(Consumer::new(&with(&values))));
        let latency = Distribution::Constant(Duration::from_millis(10));
        let spec = LinkSpec { latency, heartbeat: Duration::from_millis(100), ..LinkSpec::default() };
        let end = |node, port| LinkEnd { node, port: Port(port) };
        simulation.add_link("link", spec, end(server, 1), end(consumer, 0));
        let mut world = World { simulation, server, consumer, log };
        world.run(100);
        world
    }

    fn run(&mut self, milliseconds: u64) {
        self.simulation.run_until(self.simulation.now() + Duration::from_millis(milliseconds));
    }

    fn deliver(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            assert!(self.simulation.command(self.server, &number.to_string()));
        }
        self.run(20);
    }

    fn tell(&mut self, command: &str) {
        assert!(self.simulation.command(self.server, command));
        self.run(20);
    }

    fn count(&self, kind: FactKind) -> u64 {
        self.simulation.tally().count(self.consumer, kind)
    }

    /// What the consumer said since the last question, in short.
    fn said(&self) -> Vec<String> {
        let brief = |message| match message {
            BrokerMessage::Subscribe { prefetch, auto_ack, .. } => format!("subscribe {prefetch} {auto_ack}"),
            BrokerMessage::Ack { tag, .. } => format!("ack {tag}"),
            BrokerMessage::Nack { tag, requeue, .. } => format!("nack {tag} {requeue}"),
            BrokerMessage::Pull { max, wait, .. } => format!("pull {max} {wait}"),
            other => format!("{other:?}"),
        };
        self.log.borrow_mut().drain(..).map(brief).collect()
    }
}

#[test]
fn it_works_on_as_many_as_it_may_and_acknowledges_when_the_work_is_done() {
    let mut world = World::new(serde_json::json!({"concurrency": 2, "prefetch": 5}));
    assert_eq!(world.said(), ["subscribe 5 false"]);
    world.deliver(1..=3);
    let inspection = world.simulation.inspect(world.consumer, 9);
    assert_eq!((inspection.headline.as_str(), inspection.item_count), ("2 in work · 1 waiting", 3));
    world.run(1_010);
    assert_eq!(world.said(), ["ack 1", "ack 2"]);
    assert_eq!(world.simulation.tally().level(world.consumer), (1, 0));
    world.run(1_000);
    assert_eq!(world.said(), ["ack 3"]);
    let latency = world.simulation.tally().maximum(world.consumer, crate::vocabulary::Measure::EndToEnd);
    assert_eq!(latency, Some(Duration::from_millis(2_010)));
}

#[test]
fn the_ways_to_acknowledge_differ_in_when() {
    let cases = [("late", vec!["ack 1"], vec![]), ("early", vec![], vec!["ack 1"]), ("never", vec![], vec![])];
    for (ack, after, before) in cases {
        let mut world = World::new(serde_json::json!({ "ack": ack }));
        world.said();
        world.deliver([1]);
        assert_eq!(world.said(), before, "{ack}");
        world.run(2_000);
        assert_eq!(world.said(), after, "{ack}");
        assert_eq!(world.count(FactKind::Completed), 1);
    }
    let mut world = World::new(serde_json::json!({"ack": "auto", "prefetch": 7}));
    assert_eq!(world.said(), ["subscribe 7 true"]);
    world.deliver([1]);
    world.run(2_000);
    assert_eq!(world.said(), Vec::<String>::new());
}

#[test]
fn failed_work_is_refused_as_the_settings_say_or_lost_if_it_was_acknowledged() {
    for (on_failure, expected) in [("requeue", "nack 1 true"), ("reject", "nack 1 false")] {
        let mut world = World::new(serde_json::json!({"failure_rate": 100, "on_failure": on_failure}));
        world.said();
        world.deliver([1]);
        world.run(2_000);
        assert_eq!(world.said(), [expected]);
        assert_eq!((world.count(FactKind::Failed), world.count(FactKind::Dropped)), (1, 0));
    }
    for ack in ["early", "auto"] {
        let mut world = World::new(serde_json::json!({"failure_rate": 100, "ack": ack}));
        world.deliver([1]);
        world.run(2_000);
        assert_eq!((world.count(FactKind::Failed), world.count(FactKind::Dropped)), (1, 1), "{ack}");
    }
}

#[test]
fn a_crash_loses_what_was_acknowledged_and_abandons_the_work() {
    for (ack, lost) in [("late", 0), ("early", 3), ("never", 0), ("auto", 3)] {
        let mut world = World::new(serde_json::json!({"concurrency": 2, "ack": ack}));
        world.deliver(1..=3);
        let mut held = 0;
        world.simulation.holds(&mut |node, _| held += u64::from(node == world.consumer));
        assert_eq!(held, lost, "{ack}: what the broker has forgotten is the consumer's to account for");
        world.simulation.fault(Fault::Crash(world.consumer));
        assert_eq!((world.count(FactKind::Abandoned), world.count(FactKind::Dropped)), (2, lost), "{ack}");
        world.said();
        world.simulation.fault(Fault::Restart(world.consumer));
        world.run(3_000);
        assert!(world.said()[0].starts_with("subscribe"), "{ack}");
        assert_eq!(world.count(FactKind::Completed), 0, "{ack}: nothing is left of the old process");
    }
}

#[test]
fn after_a_broken_connection_the_work_goes_on_but_is_not_acknowledged_over_the_new_one() {
    let mut world = World::new(serde_json::json!({"prefetch": 3}));
    world.deliver(1..=3);
    world.said();
    world.simulation.fault(Fault::Crash(world.server));
    world.run(50);
    let inspection = world.simulation.inspect(world.consumer, 9);
    assert_eq!(inspection.headline, "1 in work", "what waited unacknowledged is forgotten");
    world.simulation.fault(Fault::Restart(world.server));
    world.run(50);
    assert_eq!(world.said(), ["subscribe 3 false"]);
    // The tags of the new connection begin anew: the end of the old work must not acknowledge the new message 1.
    world.deliver([1]);
    world.run(1_000);
    assert_eq!((world.count(FactKind::Completed), world.said()), (1, vec![]));
    world.run(1_000);
    assert_eq!((world.count(FactKind::Completed), world.said()), (2, vec!["ack 1".to_string()]));
}

#[test]
fn what_was_acknowledged_early_survives_a_broken_connection() {
    let mut world = World::new(serde_json::json!({"ack": "early"}));
    world.deliver(1..=3);
    world.simulation.fault(Fault::Crash(world.server));
    world.run(4_000);
    assert_eq!(world.count(FactKind::Completed), 3);
}

#[test]
fn new_settings_act_at_once() {
    let mut world = World::new(serde_json::json!({"prefetch": 9}));
    world.deliver(1..=4);
    world.said();
    let values = serde_json::json!({"prefetch": 9, "concurrency": 3, "service_time": "1s"});
    world.simulation.configure(world.consumer, with(&values));
    assert_eq!(world.simulation.tally().level(world.consumer), (3, 0));
    world.run(20);
    assert_eq!(world.said(), Vec::<String>::new(), "the subscription stays as it is");
    let values = serde_json::json!({"prefetch": 2, "concurrency": 3, "service_time": "1s"});
    world.simulation.configure(world.consumer, with(&values));
    world.run(20);
    assert_eq!(world.said(), ["subscribe 2 false"]);
    let values = serde_json::json!({"ack": "auto", "concurrency": 3, "service_time": "1s"});
    world.simulation.configure(world.consumer, with(&values));
    world.run(20);
    assert_eq!(world.said(), ["subscribe 0 true"]);
    world.run(3_000);
    assert_eq!(world.said(), Vec::<String>::new(), "what came before is the broker's again");
    assert_eq!(world.count(FactKind::Completed), 3, "the fourth waited, and was forgotten");
}

#[test]
fn it_asks_for_messages_where_a_broker_pushes_none() {
    let mut world = World::new(serde_json::json!({"pull_max": 2, "pull_wait": "5s"}));
    world.said();
    world.tell("pulls");
    assert_eq!(world.said(), ["pull 2 5s"]);
    world.deliver(1..=2);
    world.tell("pulled 2");
    world.run(500);
    assert_eq!(world.said(), [""; 0], "its hands are full");
    world.run(600);
    assert_eq!(world.said(), ["ack 1"], "it finishes what it has");
    world.run(1_000);
    assert_eq!(world.said(), ["ack 2", "pull 2 5s"]);
    world.run(1_000);
    world.tell("pulled 0");
    assert_eq!(world.said(), ["pull 2 5s"], "after a long wait it asks again at once");
    world.tell("pulled 0");
    assert_eq!(world.said(), [""; 0], "after an answer that came at once it rests");
    world.run(100);
    assert_eq!(world.said(), ["pull 2 5s"]);
}

#[test]
fn a_new_connection_forgets_the_open_question() {
    let mut world = World::new(serde_json::json!({}));
    world.tell("pulls");
    world.said();
    world.simulation.fault(Fault::Crash(world.server));
    world.run(200);
    world.simulation.fault(Fault::Restart(world.server));
    world.run(200);
    assert_eq!(world.said(), ["subscribe 0 false"], "it does not ask before it is told to");
    world.tell("pulls");
    assert_eq!(world.said(), ["pull 10 20s"]);
    world.simulation.fault(Fault::Crash(world.consumer));
    world.simulation.fault(Fault::Restart(world.consumer));
    world.run(200);
    assert_eq!(world.said(), ["subscribe 0 false"]);
}

#[test]
fn with_automatic_commits_a_crash_loses_what_is_committed_and_nothing_else() {
    let mut world = World::new(serde_json::json!({"concurrency": 2, "ack": "auto"}));
    world.tell("commits");
    world.deliver(1..=4);
    let held = |world: &World| {
        let mut held = Vec::new();
        world.simulation.holds(&mut |node, message| held.extend((node == world.consumer).then_some(message.number)));
        held
    };
    assert_eq!(held(&world), [0; 0], "all four are the broker's still");
    world.tell("committed 3");
    assert_eq!(held(&world), [1, 2, 3]);
    world.simulation.fault(Fault::Crash(world.consumer));
    assert_eq!((world.count(FactKind::Abandoned), world.count(FactKind::Dropped)), (2, 3));
}

#[test]
fn failed_work_is_lost_only_when_it_is_committed() {
    for (crashes, lost) in [(false, 1), (true, 0)] {
        let mut world = World::new(serde_json::json!({"ack": "auto", "failure_rate": 100}));
        world.tell("commits");
        world.deliver([1]);
        world.run(1_100);
        assert_eq!((world.count(FactKind::Failed), world.count(FactKind::Dropped)), (1, 0));
        if crashes {
            world.simulation.fault(Fault::Crash(world.consumer));
            world.simulation.fault(Fault::Restart(world.consumer));
            world.run(20);
            world.tell("commits");
        }
        world.tell("committed 1");
        assert_eq!(world.count(FactKind::Dropped), lost, "crashes: {crashes}");
    }
}

#[test]
fn a_cancelled_consumer_stops_says_so_and_subscribes_again_after_five_seconds() {
    let mut world = World::new(serde_json::json!({"prefetch": 3}));
    world.deliver(1..=2);
    world.said();
    world.tell("cancel");
    let inspection = world.simulation.inspect(world.consumer, 9);
    assert_eq!(inspection.headline, "1 in work", "what it had not begun is given up");
    assert!(inspection.rows.iter().any(|(name, _)| *name == "Subscribes again at"), "{:?}", inspection.rows);
    assert_eq!(world.count(FactKind::Unsubscribed), 1);
    world.run(1_000);
    assert_eq!(world.said(), [""; 0], "the end of the work reaches nobody");
    assert_eq!(world.simulation.inspect(world.consumer, 9).headline, "cancelled by the broker");
    world.run(3_900);
    assert_eq!(world.said(), [""; 0]);
    world.run(200);
    assert_eq!(world.said(), ["subscribe 3 false"]);
    world.deliver([1]);
    world.run(1_100);
    assert_eq!(world.said(), ["ack 1"], "it works as before");
    assert_eq!(world.simulation.inspect(world.consumer, 9).headline, "idle");
}

#[test]
fn a_pull_without_an_answer_is_asked_again_after_its_wait_and_the_request_timeout() {
    let mut world = World::new(serde_json::json!({"pull_wait": "5s", "request_timeout": "2s"}));
    world.tell("pulls");
    world.said();
    world.run(6_900);
    assert_eq!(world.said(), [""; 0]);
    world.run(200);
    assert_eq!(world.said(), ["pull 10 5s"]);
    world.run(4_000);
    world.tell("pulled 0");
    assert_eq!(world.said(), ["pull 10 5s"], "an answer is followed by the next question at once");
    world.run(6_800);
    assert_eq!(world.said(), [""; 0], "the time of the new question counts from its own beginning");
    world.run(300);
    assert_eq!(world.said(), ["pull 10 5s"]);
    let rows = world.simulation.inspect(world.consumer, 0).rows;
    assert!(rows.contains(&("Pulls without an answer", "2".into())), "{rows:?}");
    // What it has in hand when a late answer comes is worked on, and it asks no more until that is done.
    world.deliver([1]);
    world.run(1_100);
    assert_eq!(world.said(), ["ack 1"]);
}
