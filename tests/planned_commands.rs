//! Commands that a document plans: brokers of a cluster that fail at a given time, and deeds in every product's words.
#![cfg(not(target_arch = "wasm32"))]

mod whole;

use std::collections::BTreeSet;
use std::rc::Rc;

use patchbay::kernel::{TraceMode, World as _};
use patchbay::model::broker::command::planned;
use patchbay::model::checker::Audit;
use patchbay::model::{node_kind, KINDS};
use patchbay::scenario::{codec, Run};
use patchbay::vocabulary::{Duration, Fact, FactKind};
use serde_json::{json, Value as Json};
use whole::start;

/// Runs for so many seconds, and accounts for every copy after each.
fn go(run: &mut Run, audit: &mut Audit, seconds: u64) {
    for _ in 0..seconds {
        whole::go(run, audit, 1_000);
    }
}

fn completed(run: &Run) -> usize {
    let events = run.simulation().trace().iter();
    let done = events.filter(|event| matches!(event.fact, Fact::Completed { .. }));
    done.map(|event| event.message).collect::<BTreeSet<_>>().len()
}

fn command(seconds: u64, line: &str) -> Json {
    json!({"at": format!("{seconds}s"), "do": "command", "to": "kafka", "command": line})
}

/// A producer of 400 messages, a topic with three replicas, a group that broker 1 coordinates, two consumers.
fn cluster(faults: Vec<Json>) -> Run {
    let link = json!({"latency": "constant(10ms)"});
    let consumer = json!({"service_time": "constant(20ms)", "concurrency": 2, "pull_wait": "1s"});
    start(&json!({
        "patchbay": 1, "title": "cluster", "seed": 1, "until": "1h",
        "nodes": [
            {"id": "kafka", "kind": "kafka"},
            {"id": "orders", "kind": "topic", "in": "kafka",
                "params": {"partitions": 3, "replication.factor": 3, "min.insync.replicas": 2}},
            {"id": "g", "kind": "group", "in": "kafka", "params": {"auto.offset.reset": "earliest"}},
            {"id": "producer", "kind": "producer", "params": {"arrivals": "constant", "rate": 10, "limit": 400}},
            {"id": "c1", "kind": "consumer", "params": consumer},
            {"id": "c2", "kind": "consumer", "params": consumer},
        ],
        "wires": [
            {"id": "w1", "from": "producer", "to": "orders", "params": link},
            {"id": "w2", "from": "orders", "to": "g"},
            {"id": "w3", "from": "g", "to": "c1", "params": link},
            {"id": "w4", "from": "g", "to": "c2", "params": link},
        ],
        "faults": faults,
    }))
}

#[test]
fn brokers_fail_as_planned_and_nothing_is_lost() {
    let plans = [
        vec![command(5, "stop broker 1"), command(25, "start broker 1")],
        vec![command(5, "stop broker 2 clean"), command(15, "start broker 2"), command(16, "elect-leaders all")],
        vec![command(5, "isolate broker 1"), command(25, "start broker 1"), command(30, "stop broker 3")],
        vec![
            command(5, "slow follower 2 lag=60s"),
            command(40, "start broker 2"),
            command(45, "reassign orders-0 3,2"),
        ],
        (1..8).flat_map(|n| [command(n * 20, "stop broker 1"), command(n * 20 + 10, "start broker 1")]).collect(),
    ];
    for plan in plans {
        let text = format!("{plan:?}");
        let mut run = cluster(plan);
        go(&mut run, &mut Audit::default(), 200);
        assert_eq!(completed(&run), 400, "{text}");
        let node = run.node("g").expect("the group");
        assert_eq!(run.simulation().inspect(node, 0).headline, "lag 0 · 0 in hand", "{text}");
    }
}

#[test]
fn a_group_is_told_of_its_next_coordinator() {
    let mut run = cluster(vec![command(10, "stop broker 1")]);
    go(&mut run, &mut Audit::default(), 18);
    let group = run.node("g").expect("the group");
    assert_eq!(run.simulation().tally().count(group, FactKind::Coordinated), 0);
    assert_eq!(run.simulation().tally().count(group, FactKind::Rebalanced), 1);
    go(&mut run, &mut Audit::default(), 20);
    let rows = run.simulation().inspect(group, 0).rows;
    assert_eq!(run.simulation().tally().count(group, FactKind::Coordinated), 1, "{rows:?}");
    assert_eq!(run.simulation().tally().count(group, FactKind::Rebalanced), 1, "nobody had to share anew");
    assert!(rows.contains(&("Coordinator", "broker 2".to_string())), "{rows:?}");
}

#[test]
fn every_product_is_told_in_its_own_words() {
    let deeds = [
        ("broker", "queue", "publish '' inside hello", "depth inside"),
        ("kafka", "topic", "produce inside hello", "describe inside"),
        ("sqs", "sqs_queue", "send inside hello", "counts inside"),
        ("redis", "stream", "XADD inside * f hello", "XLEN inside"),
        ("pubsub", "pubsub_topic", "publish inside hello", "describe inside"),
    ];
    for (host, member, deed, question) in deeds {
        assert!(node_kind(host).is_some() && node_kind(member).is_some(), "{host} {member}");
        let tell = |at: &str, line: &str| json!({"at": at, "do": "command", "to": "host", "command": line});
        let mut run = start(&json!({
            "patchbay": 1, "title": host, "seed": 1, "until": "1m",
            "nodes": [{"id": "host", "kind": host}, {"id": "inside", "kind": member, "in": "host"}],
            "wires": [],
            "faults": [tell("1s", deed), tell("2s", question)],
        }));
        go(&mut run, &mut Audit::default(), 3);
        let node = run.node("host").expect("the host");
        let said = run.simulation().transcript(node);
        assert_eq!(said.len(), 4, "two lines and two answers: {said:?}");
        assert!(said.iter().all(|line| !line.contains("\"error\"")), "{said:?}");
    }
}

#[test]
fn a_producer_sends_on_command_and_what_is_no_command_does_nothing() {
    let tell = |at: &str, line: &str| json!({"at": at, "do": "command", "to": "p", "command": line});
    let document = json!({
        "patchbay": 1, "title": "p", "seed": 1, "until": "1m",
        "nodes": [{"id": "p", "kind": "producer", "params": {"start_after": "1h"}}],
        "wires": [],
        "faults": [tell("1s", "send"), tell("2s", "send"), tell("3s", "sned")],
    });
    let document = codec::decode(&document.to_string()).expect("it can be read");
    let (mut run, problems) = Run::new(Rc::new(document), TraceMode::Full);
    assert_eq!(problems.len(), 1, "{problems:?}");
    run.advance(run.now() + Duration::from_secs(10), u64::MAX);
    assert_eq!(run.simulation().tally().total(FactKind::Dropped), 2, "there is no wire");
}

fn read(kind: &str, text: &str) -> Result<String, String> {
    planned(node_kind(kind).expect("a kind"), text).map_err(|flaw| flaw.message)
}

#[test]
fn a_command_is_one_of_the_kind_or_a_line_of_its_console() {
    assert_eq!(read("producer", "send"), Ok("send".into()));
    assert_eq!(read("kafka", "stop broker 2"), Ok("console stop broker 2".into()));
    assert_eq!(read("kafka", "console stop broker 2"), Ok("console stop broker 2".into()));
    assert_eq!(read("kafka", "admin> slow follower 1 lag=60s"), Ok("console admin> slow follower 1 lag=60s".into()));
    assert_eq!(read("redis", "xadd s * f v"), Ok("console xadd s * f v".into()));
    assert_eq!(read("broker", "purge tasks"), Ok("console purge tasks".into()));
}

#[test]
fn what_is_none_is_told_with_what_there_is() {
    assert_eq!(read("producer", "sned"), Err("there is no command \"sned\"".into()));
    assert_eq!(read("consumer", "send"), Err("a consumer takes no commands".into()));
    assert_eq!(read("kafka", "halt broker 2"), Err("Apache Kafka has no word \"halt\"".into()));
    assert_eq!(read("kafka", " "), Err("is empty".into()));
    for line in ["stop broker", "stop brokr 2", "stop broker two"] {
        assert!(read("kafka", line).is_err_and(|message| message.contains("stop broker N [clean]")), "{line}");
    }
}

#[test]
fn every_button_is_a_command() {
    for kind in KINDS {
        for (name, ..) in kind.commands {
            assert_eq!(planned(kind, name), Ok(name.to_string()));
            if let Some(line) = name.strip_prefix("console ") {
                assert_eq!(planned(kind, line), Ok(name.to_string()), "the console knows it too");
            }
        }
    }
}
