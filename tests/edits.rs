//! Edits and the runs that follow them: an undo restores the drawing exactly, a refused edit changes nothing, a running
//! world follows any sequence of edits, and a replay of it is the same run.
#![cfg(not(target_arch = "wasm32"))]

use std::rc::Rc;

use patchbay::kernel::{NodeCondition, Timeline, TraceMode, World};
use patchbay::scenario::edit::apply;
use patchbay::scenario::{
    check_connection, decode, encode, fresh_id, library, validate, Document, Edit, EditError, FaultDeed, FaultKind,
    Intervention, Node, PlannedFault, Run, Severity, Wire,
};
use patchbay::vocabulary::{Duration, EventId, FactKind, Time};
use proptest::prelude::*;
use serde_json::{json, Value as Json};

const KINDS: [&str; 6] = ["producer", "consumer", "exchange", "queue", "broker", "mystery"];

/// Numbers from which an edit of any document is made; the meaning of each depends on the document.
type Choice = (u8, u16, u16, u16);

fn choices(count: usize) -> impl Strategy<Value = Vec<Choice>> {
    proptest::collection::vec((0u8..22, any::<u16>(), any::<u16>(), any::<u16>()), 1..count)
}

fn pick<T: Clone>(items: &[T], number: u16) -> Option<T> {
    items.get(usize::from(number) % items.len().max(1)).cloned()
}

/// An id of the document, or now and then one that is not there.
fn some_id(ids: &[String], number: u16) -> String {
    if number.is_multiple_of(17) {
        return "nobody".to_string();
    }
    pick(ids, number).unwrap_or_else(|| "nobody".to_string())
}

fn param(first: u16, second: u16) -> (String, Option<Json>) {
    let params = [
        ("prefetch", json!(second % 20)),
        ("rate", json!(f64::from(second % 50) / 10.0)),
        ("service_time", json!("exponential(300ms)")),
        ("latency", json!(format!("{}ms", second % 900))),
        ("loss", json!(second % 120)),
        ("keys", json!(["a.*", "#"])),
        ("type", json!("topic")),
        ("durable", json!(false)),
        ("ack", json!("early")),
        ("no_such_parameter", json!({ "deep": [second] })),
    ];
    let (name, value) = params[usize::from(first) % params.len()].clone();
    (name.to_string(), (!second.is_multiple_of(4)).then_some(value))
}

/// An edit of this document: often one that fits, sometimes one that is refused or makes no sense.
fn edit_from(document: &Document, (what, first, second, third): Choice) -> Edit {
    let node_ids: Vec<String> = document.nodes.iter().map(|node| node.id.clone()).collect();
    let wire_ids: Vec<String> = document.wires.iter().map(|wire| wire.id.clone()).collect();
    let hosts: Vec<String> =
        document.nodes.iter().filter(|node| node.kind == "broker").map(|node| node.id.clone()).collect();
    let (node, other) = (some_id(&node_ids, first), some_id(&node_ids, second));
    let index = |length: usize| (third % 3 != 0).then(|| usize::from(third) % (length + 2));
    match what {
        0..=3 => {
            let kind = KINDS[usize::from(first) % KINDS.len()];
            let id = if second % 11 == 0 { node } else { fresh_id(&mut document.clone(), kind) };
            let host = matches!(kind, "exchange" | "queue").then(|| some_id(&hosts, second));
            let at = (f64::from(second), f64::from(third));
            let node = Node { id, kind: kind.into(), host, at, ..Node::default() };
            Edit::AddNode { node, index: index(document.nodes.len()) }
        }
        4 | 5 => Edit::RemoveNode { id: node },
        6 => Edit::MoveNode {
            id: node,
            at: (f64::from(second), if third % 19 == 0 { f64::NAN } else { -f64::from(third) }),
        },
        7 => Edit::Rename { id: node, name: format!("name {}", second % 50) },
        8 => Edit::SetHost { id: node, host: (third % 3 != 0).then(|| some_id(&hosts, second)) },
        9..=11 => {
            let (name, value) = param(second, third);
            let id = if what == 11 { some_id(&wire_ids, first) } else { node };
            Edit::SetParam { id, name, value }
        }
        12..=15 => {
            let id = if third % 13 == 0 { other.clone() } else { fresh_id(&mut document.clone(), "wire") };
            let wire = Wire { id, from: node, to: other, ..Wire::default() };
            Edit::Connect { wire, index: index(document.wires.len()) }
        }
        16 | 17 => Edit::Disconnect { id: some_id(&wire_ids, first) },
        18 => Edit::SetFaults { faults: faults(&node, &some_id(&wire_ids, second), third) },
        19 => Edit::SetTitle { title: format!("title {first}") },
        20 => Edit::SetSeed { seed: u64::from(first) },
        _ => {
            let mut scratch = document.clone();
            let inner = (0..third % 4).map(|step| {
                let choice =
                    (((first >> step) % 21) as u8, second.rotate_left(step.into()), first ^ step, third + step);
                let edit = edit_from(&scratch, choice);
                let _ = apply(&edit, &mut scratch);
                edit
            });
            Edit::Batch(inner.collect())
        }
    }
}

fn faults(node: &str, wire: &str, number: u16) -> Vec<PlannedFault> {
    let fault = |at: u16, what: FaultKind, to: &str| PlannedFault {
        at: Duration::from_millis(u64::from(at) * 10),
        what,
        to: to.to_string(),
        lasting: number.is_multiple_of(2).then(|| Duration::from_millis(700)),
        percent: Some(300),
        command: number.is_multiple_of(3).then(|| "send".to_string()),
    };
    vec![
        fault(number % 500, FaultKind::Crash, node),
        fault(number % 300, FaultKind::Slow, node),
        fault(number % 400, FaultKind::Partition, wire),
        fault(number % 200, FaultKind::Pause, node),
        fault(number % 100, FaultKind::Command, node),
    ]
}

/// A ready scenario, or an odd document with everything that can dangle.
fn start(which: usize) -> Document {
    match library::ALL.get(which) {
        Some(ready) => Document::clone(&library::document(ready.id).expect("it is in the list")),
        None => decode(
            r#"{"patchbay": 1, "nodes": [
                {"id": "q", "kind": "queue", "in": "gone"},
                {"id": "inside", "kind": "mystery", "in": "q"},
                {"id": "c", "kind": "consumer"}],
              "wires": [{"id": "w", "from": "p", "to": "q"}, {"id": "v", "from": "q", "to": "c"}],
              "faults": [{"at": "1s", "do": "crash", "to": "p"}, {"at": "1s", "do": "partition", "to": "w"},
                {"at": "1s", "do": "partition", "to": "x"}]}"#,
        )
        .expect("odd, but a document"),
    }
}

fn text(document: &Document) -> String {
    encode(&Document { next_id: 0, ..document.clone() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn undo_restores_exactly_and_redo_repeats(which in 0..=library::ALL.len(), choices in choices(40)) {
        let mut document = start(which);
        let mut states = vec![document.clone()];
        let mut inverses = Vec::new();
        for choice in choices {
            let edit = edit_from(&document, choice);
            let before = document.clone();
            match apply(&edit, &mut document) {
                Ok(inverse) => {
                    inverses.push(inverse);
                    states.push(document.clone());
                    prop_assert!(document.next_id >= before.next_id, "the counter went back");
                }
                Err(error) => {
                    prop_assert!(!error.to_string().is_empty());
                    prop_assert_eq!(&document, &before, "a refused edit changed the document: {:?}", edit);
                }
            }
            // What an edit leaves can be saved and read again.
            prop_assert_eq!(decode(&encode(&document)).map(|read| text(&read)).is_ok(), true);
        }
        let mut redos = Vec::new();
        for (inverse, state) in inverses.iter().zip(&states).rev() {
            let redo = apply(inverse, &mut document);
            prop_assert!(redo.is_ok(), "{:?}: {:?}", inverse, redo);
            redos.extend(redo);
            prop_assert!(document.same_drawing(state), "{}\n{}", text(&document), text(state));
            prop_assert_eq!(text(&document), text(state));
        }
        for (redo, state) in redos.iter().rev().zip(&states[1..]) {
            prop_assert!(apply(redo, &mut document).is_ok(), "{:?}", redo);
            prop_assert!(document.same_drawing(state));
        }
    }

    #[test]
    fn edits_survive_as_json(which in 0..=library::ALL.len(), choices in choices(10)) {
        let document = start(which);
        for choice in choices {
            let edit = edit_from(&document, choice);
            let text = serde_json::to_string(&edit).expect("edits are plain data");
            // Not-a-number has no JSON; such an edit is refused anyway.
            if !text.contains("null]") {
                prop_assert_eq!(serde_json::from_str::<Edit>(&text).ok(), Some(edit));
            }
        }
    }

    /// Edits, faults and commands at random while the world runs: it stands for the drawing after each, and going back
    /// and forth gives the same run.
    #[test]
    fn a_running_world_follows_every_edit(
        which in 0..=library::ALL.len(),
        choices in choices(25),
        deeds in proptest::collection::vec((0u8..8, any::<u16>()), 25),
    ) {
        let mut document = start(which);
        let (run, _) = Run::new(Rc::new(document.clone()), TraceMode::Full);
        let mut timeline = Timeline::new(run);
        let mut sent = document.clone();
        for (choice, (deed, number)) in choices.into_iter().zip(deeds) {
            let edit = edit_from(&document, choice);
            if apply(&edit, &mut document).is_ok() && edit.affects_run() {
                sent = document.clone();
                timeline.intervene(Intervention::Document(Rc::new(sent.clone())));
            }
            if let Some(fault) = deed_from(&document, deed, number) {
                timeline.intervene(fault);
            }
            stands_for(timeline.world(), &document)?;
            let next = timeline.world().now() + Duration::from_millis(u64::from(number % 700));
            timeline.advance(next, 20_000);
        }
        let (end, digest, steps) = (timeline.world().now(), timeline.world().simulation().digest(), timeline.world().steps());
        timeline.seek_time(Time(end.0 / 2));
        timeline.seek_time(end);
        prop_assert_eq!(timeline.world().simulation().digest(), digest);
        timeline.seek_steps(steps / 3);
        timeline.seek_time(end);
        prop_assert_eq!(timeline.world().simulation().digest(), digest);
        prop_assert_eq!(&**timeline.world().document(), &sent, "the replay ends at another drawing");
        stands_for(timeline.world(), &sent)?;
    }
}

fn deed_from(document: &Document, deed: u8, number: u16) -> Option<Intervention> {
    let node = pick(&document.nodes, number).map(|node| node.id);
    let wire = pick(&document.wires, number).map(|wire| wire.id);
    Some(match deed {
        0 => Intervention::Fault(FaultDeed::Crash(node?)),
        1 => Intervention::Fault(FaultDeed::Restart(node?)),
        2 => Intervention::Fault(FaultDeed::Pause(node?)),
        3 => Intervention::Fault(FaultDeed::Resume(node?)),
        4 => Intervention::Fault(FaultDeed::Slow(node?, u32::from(number % 400) + 1)),
        5 => Intervention::Fault(FaultDeed::Partition(wire?)),
        6 => Intervention::Fault(FaultDeed::Repair(wire?)),
        _ => Intervention::Command { node: node?, command: "send".to_string() },
    })
}

/// Every node and wire of the drawing runs, unless an error says why not, and nothing else does.
fn stands_for(run: &Run, document: &Document) -> Result<(), TestCaseError> {
    let problems = validate(document);
    let at_fault = |id: &str| {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        errors.into_iter().any(|problem| problem.node.as_deref() == Some(id) || problem.wire.as_deref() == Some(id))
    };
    let mut running = 0;
    for node in &document.nodes {
        match run.node(&node.id) {
            Some(number) => {
                running += 1;
                prop_assert_eq!(run.label(number), node.label());
                prop_assert_ne!(run.simulation().condition(number), NodeCondition::Removed, "{}", &node.id);
            }
            None => {
                prop_assert!(at_fault(&node.id), "{} does not run, and no error says why: {:#?}", &node.id, &problems)
            }
        }
    }
    let numbers = (0..run.names().node_count() as u32).map(patchbay::vocabulary::NodeId);
    let alive = numbers.filter(|number| run.simulation().condition(*number) != NodeCondition::Removed).count();
    prop_assert_eq!(alive, running, "something runs that is not drawn");
    for wire in &document.wires {
        let ends_run = [&wire.from, &wire.to].iter().all(|end| run.node(Wire::node_of(end)).is_some());
        let runs = run.link(&wire.id).is_some() || run.wire(&wire.id).is_some();
        prop_assert!(runs || at_fault(&wire.id) || !ends_run, "{} does not run, and no error says why", &wire.id);
    }
    Ok(())
}

fn work_queue() -> Document {
    start(0)
}

#[test]
fn removing_a_broker_takes_its_parts_their_wires_and_their_faults() {
    let mut document = work_queue();
    let fault = |to: &str, what| PlannedFault {
        at: Duration::from_secs(1),
        what,
        to: to.into(),
        lasting: None,
        percent: None,
        command: None,
    };
    document.faults = vec![
        fault("quick", FaultKind::Crash),
        fault("broker", FaultKind::Crash),
        fault("to-slow", FaultKind::Partition),
    ];
    let before = document.clone();
    let undo = apply(&Edit::RemoveNode { id: "broker".into() }, &mut document).expect("it is there");
    let left: Vec<&str> = document.nodes.iter().map(|node| node.id.as_str()).collect();
    assert_eq!(left, ["tasks", "quick", "slow"]);
    assert!(document.wires.is_empty());
    assert_eq!(document.faults, [before.faults[0].clone()]);
    apply(&undo, &mut document).expect("it can be undone");
    assert!(document.same_drawing(&before));
}

#[test]
fn a_batch_is_made_as_a_whole_or_not_at_all() {
    let mut document = work_queue();
    let before = document.clone();
    let queue = Node { id: "queue-1".into(), kind: "queue".into(), host: Some("broker".into()), ..Node::default() };
    let batch = Edit::Batch(vec![
        Edit::add_node(queue),
        Edit::RemoveNode { id: "quick".into() },
        Edit::Rename { id: "quick".into(), name: "x".into() },
    ]);
    assert_eq!(apply(&batch, &mut document), Err(EditError::NoNode("quick".into())));
    assert_eq!(document, before);
}

#[test]
fn an_id_that_was_undone_is_not_given_again() {
    let mut document = work_queue();
    let id = fresh_id(&mut document, "queue");
    let add = Edit::add_node(Node { id: id.clone(), kind: "queue".into(), ..Node::default() });
    let undo = apply(&add, &mut document).expect("it fits");
    apply(&undo, &mut document).expect("it can be undone");
    assert_ne!(fresh_id(&mut document, "queue"), id);
}

#[test]
fn only_what_matters_to_a_run_reaches_it() {
    let moved = Edit::MoveNode { id: "quick".into(), at: (1.0, 2.0) };
    let set = Edit::SetParam { id: "quick".into(), name: "prefetch".into(), value: Some(json!(3)) };
    assert!(!moved.affects_run());
    assert!(set.affects_run());
    assert!(Edit::Batch(vec![moved.clone(), set]).affects_run());

    let straight = digest_after(|_| {});
    let told = digest_after(|document| {
        apply(&moved, document).expect("it fits");
        apply(&Edit::SetAbout { about: "another text".into() }, document).expect("it fits");
        apply(&Edit::SetSeed { seed: 99 }, document).expect("it fits");
        apply(&Edit::Rename { id: "quick".into(), name: "Fast".into() }, document).expect("it fits");
    });
    assert_eq!(straight, told, "a picture, a text, a name or a later seed changed the run");
    let changed = digest_after(|document| document.nodes[0].params.extend([("rate".to_string(), json!(3))]));
    assert_ne!(straight, changed);
}

/// The digest of a run that becomes the changed document at 10 s and goes on to 20 s.
fn digest_after(change: impl Fn(&mut Document)) -> u64 {
    let mut document = work_queue();
    let (mut run, problems) = Run::new(Rc::new(document.clone()), TraceMode::Full);
    assert_eq!(problems, []);
    run.advance(Time::ZERO + Duration::from_secs(10), u64::MAX);
    change(&mut document);
    run.apply(&Intervention::Document(Rc::new(document)));
    run.advance(Time::ZERO + Duration::from_secs(20), u64::MAX);
    run.simulation().digest()
}

#[test]
fn a_part_added_to_a_run_works_at_once() {
    let mut document = work_queue();
    let (mut run, _) = Run::new(Rc::new(document.clone()), TraceMode::Full);
    run.advance(Time::ZERO + Duration::from_secs(10), u64::MAX);
    let third = Node { id: "third".into(), kind: "consumer".into(), ..Node::default() };
    check_connection(&document, "task-queue", "quick").expect_err("they are connected");
    apply(&Edit::add_node(third), &mut document).expect("it fits");
    check_connection(&document, "task-queue", "third").expect("a queue feeds a consumer");
    let wire = Wire { id: "to-third".into(), from: "task-queue".into(), to: "third".into(), ..Wire::default() };
    apply(&Edit::connect(wire), &mut document).expect("it fits");
    run.apply(&Intervention::Document(Rc::new(document.clone())));
    run.advance(Time::ZERO + Duration::from_secs(40), u64::MAX);
    let third = run.node("third").expect("it runs");
    assert!(run.simulation().tally().count(third, FactKind::Completed) > 3);

    apply(&Edit::RemoveNode { id: "third".into() }, &mut document).expect("it is there");
    run.apply(&Intervention::Document(Rc::new(document)));
    assert_eq!(run.node("third"), None);
    assert_eq!(run.link("to-third"), None);
    assert_eq!(run.label(third), "third", "the trace still needs its name");
}

#[test]
fn a_partly_wrong_drawing_runs_without_its_wrong_parts() {
    let text = include_str!("data/documents/wrong.json");
    let document = Rc::new(decode(text).expect("it is a document"));
    let (mut run, problems) = Run::new(document, TraceMode::Full);
    let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
    for place in [
        "nodes[0].params.arrivals",
        "nodes[0].params.burts_size",
        "nodes[2].params.prefetch",
        "nodes[3].kind",
        "wires[0].params.loss",
        "wires[2]",
        "wires[3].to",
        "faults[0].to",
    ] {
        assert!(places.contains(&place), "{place} is not among {places:?}");
    }
    assert_eq!(places.len(), 8, "{places:?}");
    assert!(problems.iter().all(|problem| problem.severity == Severity::Error));
    run.advance(Time::ZERO + Duration::from_secs(30), u64::MAX);
    let worker = run.node("worker").expect("it runs");
    assert!(run.simulation().tally().count(worker, FactKind::Completed) > 10);
    assert!(run.node("database").is_none() && run.link("direct").is_none() && run.link("nowhere").is_none());
}

#[test]
fn planned_faults_happen_and_end_in_time() {
    let document = library::document("consumer-crash").expect("it is in the list");
    let (mut run, _) = Run::new(document, TraceMode::Full);
    run.advance(Time::ZERO + Duration::from_secs(60), u64::MAX);
    let first = run.node("first").expect("it runs");
    let times: Vec<(FactKind, String)> = run
        .simulation()
        .trace()
        .after(EventId::NONE)
        .filter(|event| event.node == first)
        .map(|event| (event.fact.kind(), event.at.to_string()))
        .filter(|(kind, _)| matches!(kind, FactKind::Crashed | FactKind::Restarted))
        .collect();
    assert_eq!(times, [(FactKind::Crashed, "17.500 s".to_string()), (FactKind::Restarted, "27.500 s".to_string())]);
    assert!(run.simulation().tally().total(FactKind::Redelivered) > 0);
}

#[test]
fn a_planned_fault_does_not_depend_on_how_the_run_is_cut() {
    let document = library::document("consumer-crash").expect("it is in the list");
    let digest = |slice: u64, steps_max: u64| {
        let (mut run, _) = Run::new(document.clone(), TraceMode::Off);
        let end = Time::ZERO + Duration::from_secs(60);
        let mut goal = Time::ZERO;
        while goal < end {
            goal = Time((goal.0 + slice).min(end.0));
            while !run.advance(goal, steps_max) {}
        }
        (run.simulation().digest(), run.steps())
    };
    let straight = digest(u64::MAX / 2, u64::MAX);
    assert_eq!(digest(16_666_667, 3), straight);
    assert_eq!(digest(500_000_000, 1), straight);
}

#[test]
fn every_ready_scenario_moves_at_once_and_keeps_up() {
    for ready in library::ALL {
        let document = library::document(ready.id).expect("it is in the list");
        let (mut run, problems) = Run::new(document.clone(), TraceMode::Full);
        assert_eq!(problems, []);
        run.advance(Time::ZERO + Duration::from_secs(5), u64::MAX);
        // The scenario of a trap may do without consumers and leave something behind.
        let is_trap = ready.id.starts_with("trap-");
        let first = if is_trap { FactKind::Enqueued } else { FactKind::Completed };
        let count = run.simulation().tally().total(first);
        assert!(count >= 1, "{}: nothing is {} within 5 s", ready.id, first.label());
        if is_trap {
            continue;
        }
        run.advance(Time::ZERO + document.until, u64::MAX);
        let tally = run.simulation().tally();
        let queues = document.nodes.iter().filter(|node| node.kind == "queue").filter_map(|node| run.node(&node.id));
        for queue in queues {
            let (ready_max, _) = tally.level_max(queue);
            assert!((2..=20).contains(&ready_max), "{}: {} held up to {ready_max}", ready.id, run.label(queue));
            assert!(tally.level(queue).0 <= 4, "{}: {} does not drain", ready.id, run.label(queue));
        }
    }
}
