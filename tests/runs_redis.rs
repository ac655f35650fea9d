//! Redis Streams in whole runs, with faults: what its patterns are worth, while every invariant holds.
#![cfg(not(target_arch = "wasm32"))]

mod whole;

use std::collections::BTreeSet;

use patchbay::kernel::World as _;
use patchbay::model::checker::{Audit, QueueOrder};
use patchbay::scenario::{FaultDeed, Intervention, Run};
use patchbay::vocabulary::{DropReason, Fact, FactKind};
use serde_json::{json, Value as Json};
use whole::{go, start};

/// A producer, a stream with a group, two consumers; the run and its audit.
fn scenario(host: Json, stream: Json, group: Json, consumer: Json) -> (Run, Audit) {
    let link = json!({"latency": "constant(10ms)"});
    let mut consumer_params =
        json!({"service_time": "constant(50ms)", "concurrency": 2, "pull_max": 4, "pull_wait": "1s"});
    consumer.as_object().into_iter().flatten().for_each(|(name, value)| consumer_params[name] = value.clone());
    let document = json!({
        "patchbay": 1, "title": "redis", "seed": 1, "until": "1h",
        "nodes": [
            {"id": "redis", "kind": "redis", "params": host},
            {"id": "orders", "kind": "stream", "in": "redis", "params": stream},
            {"id": "dead", "kind": "stream", "in": "redis"},
            {"id": "group", "kind": "stream_group", "in": "redis", "params": group},
            {"id": "producer", "kind": "producer", "params": {"arrivals": "constant", "rate": 20, "limit": 200}},
            {"id": "c1", "kind": "consumer", "params": consumer_params},
            {"id": "c2", "kind": "consumer", "params": consumer_params},
        ],
        "wires": [
            {"id": "w1", "from": "producer", "to": "orders", "params": link},
            {"id": "w2", "from": "orders", "to": "group"},
            {"id": "w3", "from": "group", "to": "c1", "params": link},
            {"id": "w4", "from": "group", "to": "c2", "params": link},
            {"id": "w5", "from": "group.dead", "to": "dead"},
        ],
    });
    (start(&document), Audit::default().and(QueueOrder::default()))
}

fn fault(run: &mut Run, deed: FaultDeed) {
    run.apply(&Intervention::Fault(deed));
}

fn headline(run: &Run, id: &str) -> String {
    let node = run.node(id).expect("a node");
    run.simulation().inspect(node, 0).headline
}

/// How many messages were worked on to the end at least once.
fn completed(run: &Run) -> usize {
    let mut messages = BTreeSet::new();
    for event in run.simulation().trace().iter() {
        if matches!(event.fact, Fact::Completed { .. }) {
            messages.insert(event.message);
        }
    }
    messages.len()
}

#[test]
fn a_group_works_without_faults() {
    let (mut run, mut audit) = scenario(json!({}), json!({}), json!({}), json!({}));
    go(&mut run, &mut audit, 20_000);
    let tally = run.simulation().tally();
    assert_eq!((completed(&run), tally.total(FactKind::Redelivered)), (200, 0));
    assert_eq!(headline(&run, "group"), "0 new · 0 pending");
    assert_eq!(headline(&run, "orders"), "200 entries", "acknowledging removes nothing");
}

/// A consumer that dies keeps what it had, unless the others claim it.
#[test]
fn only_claiming_brings_back_what_a_dead_consumer_held() {
    for (claim_idle, all) in [("0s", false), ("2s", true)] {
        let group = json!({ "claim_idle": claim_idle });
        let (mut run, mut audit) = scenario(json!({}), json!({}), group, json!({}));
        go(&mut run, &mut audit, 1_500);
        fault(&mut run, FaultDeed::Crash("c1".into()));
        go(&mut run, &mut audit, 30_000);
        assert_eq!(completed(&run) == 200, all, "claims after {claim_idle}: {}", completed(&run));
        let headline = headline(&run, "group");
        assert_eq!(headline == "0 new · 0 pending", all, "{headline}");
        assert_eq!(run.simulation().tally().total(FactKind::Redelivered) > 0, all);
    }
}

#[test]
fn a_consumer_that_comes_back_reads_its_own_first() {
    let (mut run, mut audit) = scenario(json!({}), json!({}), json!({ "own_pending": true }), json!({}));
    go(&mut run, &mut audit, 1_500);
    fault(&mut run, FaultDeed::Crash("c1".into()));
    go(&mut run, &mut audit, 1_000);
    fault(&mut run, FaultDeed::Restart("c1".into()));
    go(&mut run, &mut audit, 30_000);
    assert_eq!((completed(&run), &*headline(&run, "group")), (200, "0 new · 0 pending"));
}

#[test]
fn what_fails_too_often_goes_to_the_dead_letters() {
    let group = json!({"claim_idle": "500ms", "delivery_limit": 3});
    let (mut run, mut audit) = scenario(json!({}), json!({}), group, json!({"failure_rate": 50}));
    go(&mut run, &mut audit, 60_000);
    let tally = run.simulation().tally();
    let dead = tally.total(FactKind::DeadLettered);
    assert!((10..60).contains(&dead), "about an eighth of 200: {dead}");
    assert_eq!(headline(&run, "dead"), format!("{dead} entries"));
    assert_eq!(completed(&run) as u64 + dead, 200);
    assert_eq!(headline(&run, "group"), "0 new · 0 pending");
}

/// Trimming takes what a slow group has not read yet.
#[test]
fn trimming_loses_what_a_slow_group_has_not_read() {
    let stream = json!({"trim": "maxlen", "maxlen": 10});
    let consumer = json!({"service_time": "constant(1s)", "concurrency": 1, "pull_max": 1});
    let (mut run, mut audit) = scenario(json!({}), stream, json!({}), consumer);
    go(&mut run, &mut audit, 60_000);
    assert!(completed(&run) < 60, "{}", completed(&run));
    assert!(run.simulation().tally().total(FactKind::Discarded) > 100);
    assert_eq!(headline(&run, "orders"), "10 entries");
}

/// A crash of the server loses nothing that was synced at every command, and at most about a second otherwise.
#[test]
fn a_crash_of_the_server_loses_what_was_not_synced() {
    for (persistence, lost_max) in [("always", 0), ("everysec", 25), ("off", 200)] {
        let group = json!({"claim_idle": "3s"});
        let (mut run, mut audit) = scenario(json!({ "persistence": persistence }), json!({}), group, json!({}));
        go(&mut run, &mut audit, 4_900);
        fault(&mut run, FaultDeed::Crash("redis".into()));
        go(&mut run, &mut audit, 10);
        fault(&mut run, FaultDeed::Restart("redis".into()));
        go(&mut run, &mut audit, 60_000);
        let lost = run.simulation().trace().iter().filter(|event| {
            let reason = DropReason::NotPersistent;
            matches!(event.fact, Fact::Dropped { reason: found, .. } if found == reason)
        });
        let lost = lost.count();
        assert!(lost <= 2 * lost_max && (lost > 0) == (lost_max > 0), "{persistence}: {lost} copies");
    }
}

/// A deed at the server lets a replica take over. What it had not got is lost with a reason, and the clients go on.
#[test]
fn a_failover_by_hand_loses_what_was_not_replicated_and_says_which() {
    let host = json!({"replicas": 1, "replica_lag": "500ms"});
    let (mut run, mut audit) = scenario(host, json!({}), json!({"claim_idle": "3s"}), json!({}));
    go(&mut run, &mut audit, 4_900);
    let command = "console SENTINEL FAILOVER redis".to_string();
    run.apply(&Intervention::Command { node: "redis".into(), command });
    go(&mut run, &mut audit, 60_000);
    let orders = run.node("orders").expect("a node");
    let lost: BTreeSet<_> = run
        .simulation()
        .trace()
        .iter()
        .filter(|event| {
            let reason = DropReason::NotReplicated;
            event.node == orders && matches!(event.fact, Fact::Dropped { reason: found, .. } if found == reason)
        })
        .map(|event| event.message)
        .collect();
    assert_eq!(lost.len(), 10, "20 a second for half a second");
    let before = headline(&run, "orders");
    assert_eq!((before.as_str(), headline(&run, "group").as_str()), ("190 entries", "0 new · 0 pending"));
}
