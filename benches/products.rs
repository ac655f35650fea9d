//! The same load for every broker product: one producer, four consumers that acknowledge by hand, on the whole engine.

use std::rc::Rc;

use patchbay::kernel::{TraceMode, World as _};
use patchbay::model::broker::profile::PROFILES;
use patchbay::model::{node_kind, NodeKind, Role, KINDS};
use patchbay::scenario::{codec, Run};
use patchbay::vocabulary::{FactKind, Time};
use serde_json::{json, Value as Json};

/// The names of the products.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|profile| profile.name)
}

/// A run that hands so many messages through the product; the trace is off.
pub fn world(product: &str, messages: u64) -> Run {
    let document = codec::decode(&drawing(product, messages).to_string()).expect("the drawing is a document");
    let (run, problems) = Run::new(Rc::new(document), TraceMode::Off);
    assert!(problems.is_empty(), "{product}: {problems:?}");
    run
}

/// Runs until every message is done; gives how many were.
pub fn finish(run: &mut Run, messages: u64) -> u64 {
    let mut until = Time::ZERO;
    loop {
        until += patchbay::vocabulary::Duration::from_millis(500);
        run.advance(until, u64::MAX);
        let done = run.simulation().tally().total(FactKind::Completed);
        if done >= messages || until > Time(600_000_000_000) {
            return done;
        }
    }
}

/// The members of a host: where messages come in, and where they are handed out; the same if one does both.
fn members(host: &str) -> (&'static NodeKind, &'static NodeKind) {
    let of_host = |kind: &&&NodeKind| matches!(kind.role, Role::Member { host: of } if of == host);
    let inside: Vec<&NodeKind> = KINDS.iter().filter(of_host).copied().collect();
    let only_out = inside.iter().copied().find(|kind| kind.hands_out() && !kind.takes_in());
    let reader =
        only_out.or_else(|| inside.iter().copied().find(|kind| kind.hands_out())).expect("something hands out");
    let direct = if reader.takes_in() { Some(reader) } else { None };
    let only_in = || inside.iter().copied().find(|kind| kind.takes_in() && !kind.hands_out());
    let entry = direct.or_else(only_in).or_else(|| inside.iter().copied().find(|kind| kind.takes_in()));
    (entry.expect("something takes in"), reader)
}

/// A group that forms after the load has begun must not pass over what came before.
fn reader_params(reader: &NodeKind) -> Json {
    match reader.params.iter().any(|param| param.name == "auto.offset.reset") {
        true => json!({"auto.offset.reset": "earliest"}),
        false => json!({}),
    }
}

fn drawing(product: &str, messages: u64) -> Json {
    let host = PROFILES.iter().find(|profile| profile.name == product).expect("a product").host;
    assert!(node_kind(host).is_some(), "{host}");
    let (entry, reader) = members(host);
    let mut nodes = vec![
        json!({"id": "broker", "kind": host}),
        json!({"id": "producer", "kind": "producer", "params":
            {"arrivals": "constant", "rate": 1_000_000, "limit": messages, "payload": "x", "routing_key": "{n%64}"}}),
        json!({"id": "reader", "kind": reader.name, "in": "broker", "params": reader_params(reader)}),
    ];
    let mut wires = Vec::new();
    let mut wire = |from: &str, to: &str, params: Json| {
        wires.push(json!({"id": format!("w{}", wires.len()), "from": from, "to": to, "params": params}));
    };
    let link = || json!({"latency": "constant(1ms)"});
    if entry.name == reader.name {
        wire("producer", "reader", link());
    } else {
        nodes.push(json!({"id": "entry", "kind": entry.name, "in": "broker"}));
        wire("producer", "entry", link());
        wire("entry", "reader", json!({}));
    }
    for number in 1..=4 {
        let id = format!("consumer-{number}");
        wire("reader", &id, link());
        nodes.push(json!({"id": id, "kind": "consumer", "params":
            {"service_time": "constant(2us)", "concurrency": 10, "prefetch": 1000, "pull_max": 500}}));
    }
    json!({"patchbay": 1, "title": product, "seed": 1, "until": "1h", "nodes": nodes, "wires": wires})
}
