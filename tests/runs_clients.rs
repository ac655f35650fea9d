//! Consumers in whole runs: what a crash loses, what a cancelled subscription does, and that no question for messages
//! is lost for ever.
#![cfg(not(target_arch = "wasm32"))]

mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use patchbay::kernel::{TraceMode, World as _};
use patchbay::model::checker::Audit;
use patchbay::scenario::{codec, FaultDeed, Intervention, Run};
use patchbay::vocabulary::{Carried, DropReason, Fact, FactKind, MessageId};
use serde_json::{json, Value as Json};
use whole::{go, start};

/// A producer of 100 messages, what a product keeps them in, and one consumer.
fn scenario(parts: Json, wires: Json, consumer: Json, link: Json) -> (Run, Audit) {
    let mut nodes = vec![
        json!({"id": "producer", "kind": "producer", "params": {"arrivals": "constant", "rate": 10, "limit": 100}}),
        json!({"id": "consumer", "kind": "consumer", "params": consumer}),
    ];
    nodes.extend(parts.as_array().expect("a list").iter().cloned());
    let mut all = vec![json!({"id": "read", "from": "source", "to": "consumer", "params": link})];
    all.extend(wires.as_array().expect("a list").iter().cloned());
    let document = json!({"patchbay": 1, "title": "clients", "seed": 1, "until": "1h", "nodes": nodes, "wires": all});
    (start(&document), Audit::default())
}

fn kafka(consumer: Json, link: Json) -> (Run, Audit) {
    let parts = json!([
        {"id": "kafka", "kind": "kafka"},
        {"id": "topic", "kind": "topic", "in": "kafka", "params": {"partitions": 2}},
        {"id": "source", "kind": "group", "in": "kafka", "params": {"auto.offset.reset": "earliest"}}
    ]);
    let wires = json!([{"id": "w1", "from": "producer", "to": "topic"}, {"id": "w2", "from": "topic", "to": "source"}]);
    scenario(parts, wires, consumer, link)
}

fn fault(run: &mut Run, deed: FaultDeed) {
    run.apply(&Intervention::Fault(deed));
}

/// How often each message was worked on to the end, and how often it was said to be lost.
fn outcomes(run: &Run) -> BTreeMap<MessageId, (u32, u32)> {
    let mut outcomes: BTreeMap<MessageId, (u32, u32)> = BTreeMap::new();
    for event in run.simulation().trace().iter() {
        let (done, lost) = match event.fact {
            Fact::Published {} => (0, 0),
            Fact::Completed { .. } => (1, 0),
            Fact::Dropped { reason: DropReason::AutoAcked, .. } => (0, 1),
            _ => continue,
        };
        let outcome = outcomes.entry(event.message).or_default();
        *outcome = (outcome.0 + done, outcome.1 + lost);
    }
    outcomes
}

/// Five at a time, so that a commit covers work that is not done. What Kafka had committed at the crash is lost, and all
/// the rest comes again: no message is both lost and done, and none is neither.
#[test]
fn automatic_commits_lose_at_a_crash_exactly_what_was_committed() {
    let mut losses = Vec::new();
    for crash_after in (0..8).map(|step| 5_200 + 700 * step) {
        let consumer = json!({"service_time": "uniform(1s, 3s)", "concurrency": 5, "ack": "auto", "pull_max": 7, "pull_wait": "1s"});
        let (mut run, mut audit) = kafka(consumer, json!({"latency": "1ms", "heartbeat": "1s"}));
        go(&mut run, &mut audit, crash_after);
        fault(&mut run, FaultDeed::Crash("consumer".into()));
        go(&mut run, &mut audit, 3_000);
        fault(&mut run, FaultDeed::Restart("consumer".into()));
        go(&mut run, &mut audit, 200_000);
        let outcomes = outcomes(&run);
        assert_eq!(outcomes.len(), 100);
        for (message, (done, lost)) in &outcomes {
            assert!((*done == 0) == (*lost == 1), "{message} at {crash_after}: done {done} times, lost {lost} times");
        }
        losses.push(outcomes.values().map(|(_, lost)| lost).sum::<u32>());
    }
    assert!(losses.contains(&0) && losses.iter().any(|lost| *lost > 0), "some crashes lose something: {losses:?}");
}

#[test]
fn a_deleted_queue_cancels_its_consumer_which_declares_it_again() {
    let parts = json!([
        {"id": "rabbit", "kind": "broker"},
        {"id": "source", "kind": "queue", "name": "source", "in": "rabbit"}
    ]);
    let wires = json!([{"id": "w1", "from": "producer", "to": "source"}]);
    let (mut run, mut audit) = scenario(parts, wires, json!({"service_time": "10ms"}), json!({"latency": "1ms"}));
    go(&mut run, &mut audit, 1_000);
    let command = "console delete queue source".into();
    run.apply(&Intervention::Command { node: "rabbit".into(), command });
    go(&mut run, &mut audit, 1_000);
    let consumer = run.node("consumer").expect("a node");
    assert_eq!(run.simulation().inspect(consumer, 0).headline, "cancelled by the broker");
    let done = |run: &Run| run.simulation().tally().total(FactKind::Completed);
    go(&mut run, &mut audit, 10_000);
    assert_eq!(run.simulation().inspect(consumer, 0).headline, "idle");
    assert!((40..60).contains(&done(&run)), "what came while there was no queue is lost: {}", done(&run));
    assert_eq!(run.simulation().tally().level(run.node("source").expect("a node")), (0, 0));
    let is_end = |fact: &Fact| matches!(fact, Fact::Completed { .. } | Fact::Dropped { .. });
    let ended: BTreeSet<MessageId> =
        run.simulation().trace().iter().filter(|event| is_end(&event.fact)).map(|event| event.message).collect();
    assert_eq!(ended.len(), 100, "every message is done, or lost with a reason");
}

/// Every tenth frame is lost in both directions.
#[test]
fn no_message_is_stuck_for_ever_behind_a_lossy_link() {
    let link = json!({"latency": "1ms", "loss": 10});
    let consumer = json!({"service_time": "10ms", "pull_max": 5, "pull_wait": "1s", "request_timeout": "2s"});
    let redis = json!([
        {"id": "redis", "kind": "redis"},
        {"id": "stream", "kind": "stream", "in": "redis"},
        {"id": "source", "kind": "stream_group", "in": "redis", "params": {"claim_idle": "5s"}}
    ]);
    let redis_wires =
        json!([{"id": "w1", "from": "producer", "to": "stream"}, {"id": "w2", "from": "stream", "to": "source"}]);
    let sqs = json!([{"id": "sqs", "kind": "sqs"}, {"id": "source", "kind": "sqs_queue", "in": "sqs", "params": {"VisibilityTimeout": "5s"}}]);
    let sqs_wires = json!([{"id": "w1", "from": "producer", "to": "source"}]);
    let worlds = [
        ("kafka", kafka(consumer.clone(), link.clone())),
        ("redis", scenario(redis, redis_wires, consumer.clone(), link.clone())),
        ("sqs", scenario(sqs, sqs_wires, consumer.clone(), link.clone())),
    ];
    for (product, (mut run, mut audit)) in worlds {
        go(&mut run, &mut audit, 900_000);
        let trace = run.simulation().trace();
        let lost_pulls = trace.iter().filter(|event| {
            matches!(event.fact, Fact::Dropped { reason: DropReason::Loss, what: Carried::Pull | Carried::Pulled })
        });
        assert!(lost_pulls.count() > 5, "{product}: questions and answers were lost");
        let undone = outcomes(&run).values().filter(|(done, _)| *done == 0).count();
        let source = run.node("source").expect("a node");
        assert_eq!((undone, run.simulation().tally().level(source)), (0, (0, 0)), "{product}");
    }
}

/// How long passes between a producer's message and what the broker says of it to this node, in milliseconds.
fn delays(run: &Run, answer: Carried, to: &str) -> Vec<u64> {
    let node = run.node(to).expect("a node");
    let trace = run.simulation().trace();
    let published: Vec<_> =
        trace.iter().filter(|event| matches!(event.fact, Fact::Delivered { what: Carried::Publish, .. })).collect();
    let answered = trace
        .iter()
        .filter(|event| event.node == node && matches!(event.fact, Fact::Delivered { what, .. } if what == answer));
    published.iter().zip(answered).map(|(from, to)| to.at.since(from.at).0 / 1_000_000).collect()
}

/// A broker that is three times as slow as normal, by a planned fault.
fn slow(kinds: Json, wires: Json, producer: Json, consumer: Json) -> Run {
    let link = json!({"latency": "1ms"});
    let mut nodes = vec![
        json!({"id": "producer", "kind": "producer", "params": producer}),
        json!({"id": "consumer", "kind": "consumer", "params": consumer}),
    ];
    nodes.extend(kinds.as_array().expect("a list").iter().cloned());
    let mut all: Vec<Json> = wires.as_array().expect("a list").clone();
    all.push(json!({"id": "read", "from": "source", "to": "consumer", "params": link}));
    all.iter_mut().for_each(|wire| {
        if wire["from"] == "producer" {
            wire["params"] = link.clone();
        }
    });
    let faults = json!([{"at": "0s", "do": "slow", "to": nodes[2]["id"], "percent": 300}]);
    let document = json!({
        "patchbay": 1, "title": "slow", "seed": 1, "until": "1h", "nodes": nodes, "wires": all, "faults": faults,
    });
    let document = codec::decode(&document.to_string()).expect("the drawing is a document");
    let (mut run, problems) = Run::new(Rc::new(document), TraceMode::Full);
    assert!(problems.is_empty(), "{problems:?}");
    go(&mut run, &mut Audit::default(), 20_000);
    run
}

#[test]
fn a_slow_disk_delays_confirms_of_what_is_written_to_it() {
    let cases = [("classic", true, 401), ("classic", false, 1), ("quorum", false, 401)];
    for (kind, persistent, expected) in cases {
        let parts = json!([
            {"id": "rabbit", "kind": "broker", "params": {"sync_time": "200ms"}},
            {"id": "source", "kind": "queue", "in": "rabbit", "params": {"type": kind}}
        ]);
        let producer = json!({"rate": 1, "limit": 5, "confirms": true, "persistent": persistent});
        let run = slow(parts, json!([{"id": "w1", "from": "producer", "to": "source"}]), producer, json!({}));
        assert_eq!(delays(&run, Carried::Confirm, "producer"), [expected; 5], "{kind}, persistent: {persistent}");
        let delivered = delays(&run, Carried::Deliver, "consumer");
        assert!(delivered.iter().all(|delay| *delay <= 2), "deliveries do not wait: {delivered:?}");
    }
}

#[test]
fn a_slow_redis_delays_answers_only_if_they_wait_for_the_sync() {
    // At 300 % a sync of 1.5 s takes 4.5 s: with everysec a write is put off for two of them.
    for (persistence, sync, expected) in
        [("always", "100ms", 201), ("everysec", "100ms", 1), ("everysec", "1500ms", 2_501), ("no", "1500ms", 1)]
    {
        let parts = json!([
            {"id": "redis", "kind": "redis", "params": {"persistence": persistence, "sync_time": sync}},
            {"id": "stream", "kind": "stream", "in": "redis"},
            {"id": "source", "kind": "stream_group", "in": "redis"}
        ]);
        let wires =
            json!([{"id": "w1", "from": "producer", "to": "stream"}, {"id": "w2", "from": "stream", "to": "source"}]);
        let producer = json!({"rate": 0.1, "limit": 1, "start_after": "5s"});
        let run = slow(parts, wires, producer, json!({"pull_wait": "60s"}));
        assert_eq!(delays(&run, Carried::Deliver, "consumer"), [expected], "{persistence}, {sync}");
    }
}

#[test]
fn a_slow_service_delays_every_answer() {
    let sqs = json!([{"id": "sqs", "kind": "sqs", "params": {"service_time": "50ms"}}, {"id": "source", "kind": "sqs_queue", "in": "sqs"}]);
    let pubsub = json!([
        {"id": "pubsub", "kind": "pubsub", "params": {"service_time": "50ms"}},
        {"id": "topic", "kind": "pubsub_topic", "in": "pubsub"},
        {"id": "source", "kind": "subscription", "in": "pubsub"}
    ]);
    let to_queue = json!([{"id": "w1", "from": "producer", "to": "source"}]);
    let to_topic =
        json!([{"id": "w1", "from": "producer", "to": "topic"}, {"id": "w2", "from": "topic", "to": "source"}]);
    for (parts, wires) in [(sqs, to_queue), (pubsub, to_topic)] {
        let producer = json!({"rate": 0.1, "limit": 1, "start_after": "5s"});
        let run = slow(parts.clone(), wires, producer, json!({}));
        assert_eq!(delays(&run, Carried::Deliver, "consumer"), [101], "{parts}");
    }
}
