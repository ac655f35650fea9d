//! Switching a drawing to every other product and back, and comparing what comes of it.
#![cfg(not(target_arch = "wasm32"))]

use std::rc::Rc;

use patchbay::model::broker::profile::{Profile, PROFILES};
use patchbay::model::node_kind;
use patchbay::scenario::compare::{compare, load, Outcome, Trial};
use patchbay::scenario::document::{Document, FaultKind, Node, PlannedFault};
use patchbay::scenario::switch::{plan, product_at, Switch};
use patchbay::scenario::{decode, library, validate, Severity};
use patchbay::session::switched::{arranged, overlaps, switch};
use patchbay::session::{Action, Mode, Session};
use patchbay::vocabulary::Duration;

const STEPS_MAX: u64 = 3_000_000;

fn ready() -> Vec<(&'static str, Document)> {
    let documents =
        library::ALL.iter().map(|ready| (ready.id, (*library::document(ready.id).expect("it is there")).clone()));
    documents.filter(|(_, document)| hosts(document).len() == 1).collect()
}

fn hosts(document: &Document) -> Vec<String> {
    let is_host = |node: &&Node| node.host.is_none() && product_at(document, &node.id).is_some();
    document.nodes.iter().filter(is_host).map(|node| node.id.clone()).collect()
}

fn product(document: &Document) -> &'static Profile {
    product_at(document, &hosts(document)[0]).expect("it has a broker").0
}

fn switched(document: &Document, to: &Profile) -> Switch {
    plan(document, &hosts(document)[0], to.name).unwrap_or_else(|refusal| panic!("{}: {refusal}", to.name))
}

fn is_sound(document: &Document, what: &str) {
    let errors: Vec<String> = validate(document)
        .into_iter()
        .filter(|problem| problem.severity < Severity::Hint)
        .map(|problem| problem.to_string())
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\n{}", patchbay::scenario::encode(document));
}

fn clients(document: &Document) -> Vec<(&str, &str, &str, &std::collections::BTreeMap<String, serde_json::Value>)> {
    let is_client = |node: &&Node| node_kind(&node.kind).is_some_and(|kind| kind.makes() || kind.works());
    document.nodes.iter().filter(is_client).map(|node| (&*node.id, &*node.kind, &*node.name, &node.params)).collect()
}

fn others(document: &Document) -> impl Iterator<Item = &'static Profile> {
    let own = product(document).name;
    PROFILES.iter().copied().filter(move |profile| profile.name != own)
}

#[test]
fn every_ready_scenario_goes_to_every_product_and_on_to_every_other() {
    for (id, document) in ready() {
        for to in others(&document) {
            let there = switched(&document, to);
            is_sound(&there.document, &format!("{id} on {}", to.name));
            assert_eq!(clients(&there.document), clients(&document), "{id} on {}", to.name);
            assert!(!there.notes.maps.is_empty() && !there.notes.changes.is_empty(), "{id} on {}", to.name);
            for on in others(&there.document) {
                let back = switched(&there.document, on);
                let what = format!("{id} on {} and then on {}", to.name, on.name);
                is_sound(&back.document, &what);
                assert_eq!(clients(&back.document), clients(&document), "{what}");
            }
        }
    }
}

#[test]
fn a_switch_there_and_back_draws_the_same_queues() {
    let names = |document: &Document| -> Vec<(String, String)> {
        let members = document.nodes.iter().filter(|node| node.host.is_some() && node.kind != "exchange");
        let mut names: Vec<_> = members.map(|node| (node.kind.clone(), node.label().to_string())).collect();
        names.sort();
        names
    };
    // Only what producers and consumers are joined to can be told apart again, not what a script names.
    let fits = |document: &Document| product(document).name == "rabbitmq" && !is_scripted(document);
    for (id, document) in ready().into_iter().filter(|(_, document)| fits(document)) {
        for to in others(&document) {
            let back = switched(&switched(&document, to).document, product(&document)).document;
            assert_eq!(names(&back), names(&document), "{id} by {}", to.name);
        }
    }
}

/// What a script says is said in the words of one product.
fn is_scripted(document: &Document) -> bool {
    document.nodes.iter().any(|node| node.kind == "console")
}

/// The document with producers that stop after 30 s, and so much time behind that every timeout is over.
fn with_rest(document: &Document) -> Document {
    let mut document = document.clone();
    document.until = Duration::from_secs(300);
    for node in document.nodes.iter().filter(|node| node_kind(&node.kind).is_some_and(|kind| kind.makes())) {
        let at = Duration::from_secs(30);
        document.faults.push(PlannedFault {
            at,
            what: FaultKind::Pause,
            to: node.id.clone(),
            lasting: None,
            percent: None,
            command: None,
        });
    }
    document
}

fn outcome(document: Document) -> Outcome {
    Trial::new(Rc::new(document)).finish(STEPS_MAX)
}

#[test]
fn a_switched_run_gets_every_message_to_every_subscriber() {
    for (id, document) in ready().into_iter().filter(|(_, document)| !is_scripted(document)) {
        let base = outcome(with_rest(&document));
        for to in others(&document) {
            let there = outcome(with_rest(&switched(&document, to).document));
            let what = format!("{id} on {}", to.name);
            let (before, after) = (base.totals, there.totals);
            assert!(!there.is_partial && there.halted.is_none(), "{what}");
            assert!(after.published > 5, "{what}");
            assert_eq!(after.published, before.published, "{what}: the producers are the same");
            assert_eq!(after.lost + after.open + after.dead_lettered, 0, "{what}: {after:?}");
            // Where keys have no counterpart, a subscriber gets also what its key kept away.
            let is_filtered = document.wires.iter().any(|wire| wire.params.contains_key("keys"));
            let is_as_before = after.done == before.done || (is_filtered && after.done > before.done);
            assert!(is_as_before, "{what}: every subscriber gets every message: {before:?}, {after:?}");
        }
    }
}

#[test]
fn parts_and_settings_without_a_counterpart_are_named() {
    let text = r#"{"patchbay": 1, "nodes": [
        {"id": "p", "kind": "producer", "params": {"routing_key": "{pick:a.x,b.y}"}},
        {"id": "quiet", "kind": "producer", "params": {"routing_key": "other"}},
        {"id": "e", "kind": "exchange", "in": "broker", "params": {"type": "topic"}},
        {"id": "q", "kind": "queue", "in": "broker", "params": {"durable": false}},
        {"id": "r", "kind": "queue", "in": "broker"},
        {"id": "c", "kind": "consumer"}, {"id": "d", "kind": "consumer"}, {"id": "broker", "kind": "broker"}],
        "wires": [
        {"id": "w1", "from": "p", "to": "e"}, {"id": "w2", "from": "quiet", "to": "e"},
        {"id": "w3", "from": "e", "to": "q", "params": {"keys": ["a.*"]}}, {"id": "w4", "from": "e", "to": "r"},
        {"id": "w5", "from": "q", "to": "c"}, {"id": "w6", "from": "r", "to": "d"}],
        "faults": [{"at": "5s", "do": "partition", "to": "w1", "for": "2s"}]}"#;
    let document = decode(text).expect("it is sound");
    for to in others(&document) {
        let switch = switched(&document, to);
        let losses: Vec<String> =
            switch.notes.losses.iter().map(|loss| format!("{} {}", loss.what, loss.instead)).collect();
        let told = |part: &str| losses.iter().any(|loss| loss.contains(part));
        assert!(told("a.*"), "{}: {losses:#?}", to.name);
        assert!(told("Durable"), "{}: {losses:#?}", to.name);
        assert_eq!(switch.document.faults, document.faults, "{}: the wire is still there", to.name);
        if to.name == "sqs" {
            assert!(told("no broadcast"), "{losses:#?}");
            let wires = |from: &str| switch.document.wires.iter().filter(|wire| wire.from == from).count();
            assert_eq!((wires("p"), wires("quiet")), (2, 1), "what never matches a.* needs no wire to q");
        }
    }
}

#[test]
fn what_can_not_be_switched_is_refused_with_a_remedy() {
    let document = library::document("work-queue").expect("it is there");
    for (host, to, part) in [
        ("broker", "rabbitmq", "already"),
        ("broker", "carrier-pigeon", "no product"),
        ("tasks", "sqs", "no broker"),
        ("nobody", "sqs", "no broker"),
    ] {
        let refusal = plan(&document, host, to).expect_err("it is refused");
        assert!(refusal.reason.contains(part) && refusal.remedy.ends_with('.'), "{refusal}");
    }
    assert!(plan(&document, "task-queue", "sqs").is_ok(), "a part stands for its broker");
}

#[test]
fn the_same_run_twice_does_not_differ_and_another_seed_does() {
    let document = (*library::document("work-queue").expect("it is there")).clone();
    let first = outcome(document.clone());
    let comparison = compare(&first, &outcome(document.clone()));
    assert_eq!(comparison.parties.len(), 3);
    assert!(comparison.parties.iter().all(|party| party.is_same() && party.later_median == Some(0.0)));
    let other = compare(&first, &outcome(Document { seed: 99, ..document }));
    assert!(other.parties.iter().any(|party| !party.is_same()));
}

#[test]
fn slices_of_any_size_come_to_the_same_outcome() {
    let document = Rc::new((*library::document("consumer-crash").expect("it is there")).clone());
    let whole = Trial::new(document.clone()).finish(STEPS_MAX);
    let mut trial = Trial::new(document);
    let mut rounds = 0;
    while !trial.advance(7) {
        rounds += 1;
        assert!(rounds < 100_000 && trial.progress() <= 1.0);
    }
    assert_eq!(trial.outcome(), whole);
    assert!(whole.totals.redelivered > 0 && whole.totals.throughput > 0.0);
}

#[test]
fn the_fixed_load_shows_the_same_messages_on_every_product() {
    let outcomes: Vec<(&str, Outcome)> =
        load::drawings().into_iter().map(|(profile, document)| (profile.name, outcome(document))).collect();
    for (name, outcome) in &outcomes {
        let totals = outcome.totals;
        assert_eq!(totals.published, 120, "{name}");
        assert_eq!((totals.done, totals.lost, totals.open), (240, 0, 0), "{name}: {totals:?}");
        assert!(totals.redelivered > 0, "{name}: the crash shows: {totals:?}");
        assert!(totals.latency_median.is_some() && totals.latency_median <= totals.latency_p99, "{name}");
    }
}

#[test]
fn a_switch_in_a_session_is_one_undo_and_begins_a_new_run() {
    for (id, document) in ready() {
        for to in others(&document) {
            let mut session = Session::new(document.clone(), Mode::Edit);
            session.dispatch(Action::Transport(patchbay::session::Transport::Seek(patchbay::vocabulary::Time(
                5_000_000_000,
            ))));
            let planned = switch(&document, &hosts(&document)[0], to.name).expect(id);
            session.dispatch(Action::Open(Box::new(planned.document.clone())));
            assert!(session.document().same_drawing(&planned.document), "{id} on {}", to.name);
            assert_eq!((session.now().0, session.run().simulation().steps()), (0, 0), "{id} on {}: a new run", to.name);
            session.dispatch(Action::Undo);
            assert!(session.document().same_drawing(&document), "{id} on {}: one undo", to.name);
        }
    }
}

#[test]
fn no_part_lies_over_another_after_a_switch() {
    let drawings = ready().into_iter().chain([("load", load::base())]);
    for (id, document) in drawings.filter(|(_, document)| !overlaps(document)) {
        for to in others(&document) {
            let there = switch(&document, &hosts(&document)[0], to.name).expect(id).document;
            assert!(!overlaps(&there), "{id} on {}", to.name);
            for on in others(&there) {
                let back = arranged(switched(&there, on).document);
                assert!(!overlaps(&back), "{id} on {} and then on {}", to.name, on.name);
            }
        }
    }
}

#[test]
fn dead_letters_go_on_where_there_are_any_and_are_told_where_there_are_none() {
    let text = r#"{"patchbay": 1, "seed": 3, "until": "5m", "nodes": [
        {"id": "p", "kind": "producer", "params": {"limit": 10, "rate": 5}},
        {"id": "work", "kind": "sqs_queue", "in": "sqs", "params": {"VisibilityTimeout": "20s"}},
        {"id": "dead", "kind": "sqs_queue", "in": "sqs"},
        {"id": "c", "kind": "consumer", "params": {"failure_rate": 100, "service_time": "100ms"}},
        {"id": "d", "kind": "consumer", "params": {"service_time": "100ms"}}, {"id": "sqs", "kind": "sqs"}],
        "wires": [{"id": "w1", "from": "p", "to": "work"}, {"id": "w2", "from": "work", "to": "c"},
        {"id": "w3", "from": "work", "to": "dead", "params": {"maxReceiveCount": 7}}, {"id": "w4", "from": "dead", "to": "d"}]}"#;
    let document = decode(text).expect("it is sound");
    for to in others(&document) {
        let switch = switched(&document, to);
        is_sound(&switch.document, to.name);
        let told = switch.notes.losses.iter().any(|loss| loss.instead.contains("dead-letter"));
        let wire = switch.document.wire("w3");
        assert_eq!(wire.is_none(), to.name == "kafka", "{}: {:#?}", to.name, switch.notes.losses);
        assert_eq!(told, to.name == "kafka", "{}: {:#?}", to.name, switch.notes.losses);
        if let Some(wire) = wire {
            // The number is kept, wherever the product has it.
            let holders = [&wire.params, &switch.document.node("work").expect("it is there").params];
            let count = holders.iter().flat_map(|params| params.values()).any(|value| *value == serde_json::json!(7));
            assert!(count, "{}: {holders:?}", to.name);
            let outcome = outcome(switch.document.clone());
            let dead = outcome.party("dead").expect("it hands out");
            assert_eq!(dead.done.len(), 10, "{}: every message gets there: {:?}", to.name, outcome.totals);
        }
    }
}

#[test]
fn headers_become_a_filter_and_readers_get_a_subscriber_of_their_own() {
    let text = r#"{"patchbay": 1, "nodes": [
        {"id": "p", "kind": "producer", "params": {"headers": ["kind=order"]}},
        {"id": "e", "kind": "exchange", "in": "broker", "params": {"type": "headers"}},
        {"id": "q", "kind": "queue", "in": "broker"}, {"id": "r", "kind": "queue", "in": "broker"},
        {"id": "c", "kind": "consumer"}, {"id": "d", "kind": "consumer"}, {"id": "broker", "kind": "broker"}],
        "wires": [{"id": "w1", "from": "p", "to": "e"},
        {"id": "w2", "from": "e", "to": "q", "params": {"arguments": ["kind=order"]}},
        {"id": "w3", "from": "e", "to": "r", "params": {"arguments": ["kind=bill"]}},
        {"id": "w4", "from": "q", "to": "c"}, {"id": "w5", "from": "r", "to": "d"}]}"#;
    let document = decode(text).expect("it is sound");
    let there = plan(&document, "broker", "pubsub").expect("it can be switched").document;
    let filter = |id: &str| there.node(id).expect("it is there").params.get("filter").cloned();
    assert_eq!(filter("q"), Some("attributes.kind = \"order\"".into()));
    let base = outcome(document.clone());
    let done = |outcome: &Outcome, id: &str| outcome.party(id).expect("it hands out").done.len();
    let after = outcome(there.clone());
    assert!(done(&after, "q") > 30 && done(&after, "q").abs_diff(done(&base, "q")) <= 3, "{:?}", after.totals);
    assert_eq!((done(&base, "r"), done(&after, "r")), (0, 0), "the filter keeps out what the binding kept out");

    let text = r#"{"patchbay": 1, "nodes": [{"id": "p", "kind": "producer"}, {"id": "s", "kind": "stream", "in": "redis"},
        {"id": "c", "kind": "consumer"}, {"id": "d", "kind": "consumer"}, {"id": "redis", "kind": "redis"}],
        "wires": [{"id": "w1", "from": "p", "to": "s"}, {"id": "w2", "from": "s", "to": "c"}, {"id": "w3", "from": "s", "to": "d"}]}"#;
    let document = decode(text).expect("it is sound");
    for to in others(&document) {
        let there = switched(&document, to).document;
        is_sound(&there, to.name);
        let outcome = outcome(there);
        for consumer in ["c", "d"] {
            assert!(done(&outcome, consumer) > 15, "{}: each reader gets everything: {:?}", to.name, outcome.totals);
        }
    }
}
