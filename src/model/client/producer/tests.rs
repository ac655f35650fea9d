//! The producer alone, or with a link into the void.

use super::*;
use crate::kernel::{Fault, LinkEnd, LinkSpec, Simulation, TraceMode};
use crate::model::kind::settings;
use crate::vocabulary::{FactKind, MessageId};
use serde_json::json;

fn with(values: &serde_json::Value) -> Rc<Settings> {
    Rc::new(settings(KIND.params, |name| values.get(name).cloned()))
}

fn world(values: serde_json::Value) -> (Simulation, NodeId) {
    let mut simulation = Simulation::new(1, TraceMode::Full);
    let producer = simulation.add_node("producer", Box::new(Producer::new(&with(&values))));
    (simulation, producer)
}

fn seconds(simulation: &mut Simulation, seconds: f64) {
    simulation.run_until(simulation.now() + Duration::from_secs_f64(seconds));
}

/// When messages were made, in milliseconds.
fn times(simulation: &Simulation) -> Vec<u64> {
    let published = simulation.trace().iter().filter(|event| event.fact.kind() == FactKind::Published);
    published.map(|event| event.at.0 / 1_000_000).collect()
}

#[test]
fn every_way_of_arriving_is_made_from_its_settings() {
    let cases = [
        (json!({"rate": 2}), vec![0, 500, 1000, 1500, 2000]),
        (json!({"rate": 2, "start_after": "1.25s"}), vec![1250, 1750]),
        (json!({"rate": 2, "limit": 3}), vec![0, 500, 1000]),
        (json!({"arrivals": "burst", "burst_size": 2, "burst_every": "900ms", "limit": 5}), vec![0, 0, 900, 900, 1800]),
        (json!({"arrivals": "schedule", "schedule": ["1s x2", "300ms"]}), vec![300, 1000, 1000]),
        (json!({"arrivals": "by-hand"}), vec![]),
    ];
    for (values, expected) in cases {
        let (mut simulation, _) = world(values.clone());
        seconds(&mut simulation, 2.0);
        assert_eq!(times(&simulation), expected, "{values}");
    }
}

#[test]
fn a_message_by_hand_is_made_at_once_and_does_not_count_against_the_limit() {
    let (mut simulation, producer) = world(json!({"rate": 1, "limit": 2}));
    assert!(simulation.command(producer, "send") && !simulation.command(producer, "jump"));
    seconds(&mut simulation, 9.0);
    assert_eq!(times(&simulation), [0, 0, 1000]);
    assert_eq!(simulation.tally().count(producer, FactKind::Dropped), 3, "nothing is connected");
}

#[test]
fn a_new_rate_acts_at_once_and_other_settings_leave_the_pace_alone() {
    let (mut simulation, producer) = world(json!({"rate": 0.1}));
    seconds(&mut simulation, 1.0);
    simulation.configure(producer, with(&json!({"rate": 0.1, "payload": "other"})));
    seconds(&mut simulation, 1.0);
    simulation.configure(producer, with(&json!({"rate": 0.4, "payload": "other"})));
    seconds(&mut simulation, 3.2);
    simulation.configure(producer, with(&json!({"arrivals": "by-hand"})));
    seconds(&mut simulation, 20.0);
    assert_eq!(times(&simulation), [0, 2500, 5000]);
}

#[test]
fn a_crash_stops_it_and_a_restart_goes_on_with_the_count() {
    let (mut simulation, producer) = world(json!({"rate": 1, "limit": 4}));
    seconds(&mut simulation, 1.5);
    simulation.fault(Fault::Crash(producer));
    seconds(&mut simulation, 5.0);
    simulation.fault(Fault::Restart(producer));
    seconds(&mut simulation, 20.0);
    assert_eq!(times(&simulation), [0, 1000, 6500, 7500]);
    let newest = simulation.trace().iter().rev().find(|event| event.fact.kind() == FactKind::Published);
    assert_eq!(newest.map(|event| event.message), Some(MessageId { origin: producer, number: 4 }));
}

#[test]
fn a_message_goes_over_every_wire_and_is_what_the_settings_say() {
    let (mut simulation, producer) = world(json!({
        "limit": 1, "persistent": true, "routing_key": "order.{n}", "payload": "{n} of {n%1}",
        "headers": ["kind=book", "count=3", "gift=true", "code=\"7\"", "empty=", "void"]
    }));
    for name in ["a", "b"] {
        let (from, to) = (LinkEnd { node: producer, port: OUT }, LinkEnd { node: producer, port: Port(9) });
        simulation.add_link(name, LinkSpec::default(), from, to);
    }
    seconds(&mut simulation, 1.0);
    let tally = simulation.tally();
    assert_eq!((tally.count(producer, FactKind::Published), tally.count(producer, FactKind::Sent)), (1, 2));
    let content = simulation.trace().content(MessageId { origin: producer, number: 1 }).expect("remembered");
    assert_eq!((&*content.routing_key, &*content.payload, content.persistent), ("order.1", "1 of 0", true));
    let expected = [
        ("kind", HeaderValue::Text("book".into())),
        ("count", HeaderValue::Integer(3)),
        ("gift", HeaderValue::Boolean(true)),
        ("code", HeaderValue::Text("7".into())),
        ("empty", HeaderValue::Text("".into())),
        ("void", HeaderValue::Void),
    ];
    let headers: Vec<(&str, HeaderValue)> =
        content.headers.iter().map(|(name, value)| (&**name, value.clone())).collect();
    assert_eq!(headers, expected);
}
