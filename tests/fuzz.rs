//! Anything that can be drawn, done, broken and taken back, in any order: never a panic, every invariant holds after
//! every action, a replay is the same run, and undoing everything gives the drawing back.
//!
//! `PATCHBAY_FUZZ=2000 cargo test --test fuzz` runs so many cases of each test; `PATCHBAY_SEED=17` runs one. A failure
//! prints the seed, the shortest run of actions that shows it, and the document.
#![cfg(not(target_arch = "wasm32"))]

mod random;

use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;

use patchbay::kernel::{TraceMode, World};
use patchbay::model::checker::{AtLeastOnce, Audit, Automatic, QueueOrder};
use patchbay::scenario::{decode, encode, validate, Document, FaultDeed, Intervention, Run, Severity};
use patchbay::session::{Action, Effect, Mode, Session, Transport};
use patchbay::vocabulary::{Duration, FactKind, Time};
use random::{document, edit, ids, wire_ids, Chance};
use serde_json::json;

/// Actions in one case.
const ACTIONS: usize = 40;

fn seeds(cases: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match (number("PATCHBAY_SEED"), number("PATCHBAY_FUZZ")) {
        (Some(seed), _) => seed..seed + 1,
        (None, cases_wanted) => 0..cases_wanted.unwrap_or(cases),
    }
}

/// Runs a case for every seed. A failing one is run again with ever more actions, to find the first that fails.
fn for_every_seed(cases: u64, case: impl Fn(u64, usize, &mut String)) {
    for seed in seeds(cases) {
        if catch_unwind(AssertUnwindSafe(|| case(seed, ACTIONS, &mut String::new()))).is_ok() {
            continue;
        }
        for actions in 0..=ACTIONS {
            let mut story = String::new();
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(seed, actions, &mut story))) {
                eprintln!("PATCHBAY_SEED={seed} fails after {actions} actions:\n{story}");
                std::panic::resume_unwind(panic);
            }
        }
        panic!("seed {seed} fails only sometimes");
    }
}

fn deed(chance: &mut Chance, document: &Document) -> FaultDeed {
    let node = chance.pick(&ids(document)).unwrap_or_default();
    let wire = chance.pick(&wire_ids(document)).unwrap_or_default();
    match chance.below(10) {
        0 => FaultDeed::Crash(node),
        1..=2 => FaultDeed::Restart(node),
        3 => FaultDeed::Pause(node),
        4..=5 => FaultDeed::Resume(node),
        6 => FaultDeed::Slow(node, chance.below(500) as u32),
        7 => FaultDeed::Partition(wire),
        8 => FaultDeed::Repair(wire),
        _ => FaultDeed::Crash(wire),
    }
}

fn transport(chance: &mut Chance) -> Transport {
    match chance.below(12) {
        0..=2 => Transport::Play,
        3 => Transport::Pause,
        4 => Transport::Toggle,
        5 => Transport::StepForward,
        6 => Transport::StepBack,
        7 => Transport::RunToEnd,
        8 if chance.one_in(3) => Transport::Reset,
        9 => Transport::SetSpeed(chance.pick(&[0.1, 1.0, 7.0, 1000.0, f64::NAN, -3.0]).unwrap_or(1.0)),
        _ => Transport::Seek(Time(chance.below(16_000) as u64 * 1_000_000)),
    }
}

fn action(chance: &mut Chance, session: &Session) -> Action {
    let document = session.document();
    match chance.below(40) {
        0..=11 => Action::Edit(edit(chance, document)),
        12..=14 => Action::Adjust { key: chance.word().into(), edit: edit(chance, document) },
        15..=17 => Action::Undo,
        18 => Action::Redo,
        19..=28 => Action::Transport(transport(chance)),
        29..=32 => Action::Fault(deed(chance, document)),
        33 => {
            let node = chance.pick(&ids(document)).unwrap_or_default();
            Action::Command { node, command: if chance.one_in(4) { "dance".into() } else { "send".into() } }
        }
        34 => Action::Select(
            [ids(document), wire_ids(document)].concat().into_iter().filter(|_| chance.one_in(3)).collect(),
        ),
        35 => Action::ToggleSelect(chance.pick(&ids(document)).unwrap_or_default()),
        36 if chance.one_in(2) => Action::DeleteSelection,
        37 => Action::DuplicateSelection,
        38 => Action::SwitchBranch(chance.below(3)),
        39 if chance.one_in(3) => Action::Open(Box::new(random::document(chance))),
        _ => Action::Select(Vec::new()),
    }
}

fn state(session: &Session) -> (u64, u64, Time) {
    (session.run().simulation().digest(), session.run().steps(), session.now())
}

fn sweep(audit: &mut Audit, run: &Run) {
    // A run that is longer than its trace can't be looked through to its beginning.
    let Ok(found) = audit.sweep(run.simulation()) else { return };
    let texts: Vec<String> = found.iter().take(8).map(|violation| violation.to_string()).collect();
    assert!(found.is_empty(), "violations:\n{}", texts.join("\n"));
}

/// What a page looks at after every action.
fn look(session: &Session) {
    let text = encode(session.document());
    let loaded = decode(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(decode(&encode(&loaded)).as_ref(), Ok(&loaded));
    let simulation = session.run().simulation();
    for node in &session.document().nodes {
        if let Some(number) = session.run().node(&node.id) {
            let inspection = simulation.inspect(number, 5);
            assert!(inspection.items.len() <= 5 && inspection.items.len() <= inspection.item_count);
        }
    }
    assert!(session.now() <= session.timeline().furthest());
    let selected = session.selection().ids().iter();
    let is_there = |id: &&String| session.document().node(id).is_some() || session.document().wire(id).is_some();
    assert_eq!(selected.clone().filter(is_there).count(), selected.count(), "what is selected is there");
}

fn any_actions(seed: u64, actions: usize, story: &mut String) {
    let mut chance = Chance::new(seed, "session");
    let first = document(&mut chance);
    let mut session = Session::new(first.clone(), Mode::Edit);
    for number in 0..actions {
        let action = action(&mut chance, &session);
        *story = format!("{}\naction {number}: {action:?} at {}", encode(session.document()), session.now());
        session.dispatch(action);
        look(&session);
        let mut audit = Audit::default();
        sweep(&mut audit, session.run());
        for _ in 0..chance.below(4) {
            session.tick(0.25);
            sweep(&mut audit, session.run());
        }
    }
    story.push_str("\nand then the replay, or undoing all");
    let end = state(&session);
    let mut at_end = || {
        session.dispatch(Action::Transport(Transport::Seek(Time::ZERO)));
        session.dispatch(Action::Transport(Transport::Seek(end.2)));
        state(&session)
    };
    let replayed = at_end();
    assert!(replayed == end || replayed.1 > end.1, "the replay stands at {replayed:?}, the run at {end:?}");
    assert_eq!(at_end(), replayed, "the second replay");
    redo_all(&mut session);
    let last = session.document().clone();
    while session.can_undo() {
        let effects = session.dispatch(Action::Undo);
        assert!(matches!(effects[..], [Effect::Save(_)]), "{effects:?}");
    }
    assert!(session.document().same_drawing(&first), "undoing all:\n{}", encode(session.document()));
    redo_all(&mut session);
    assert!(session.document().same_drawing(&last), "redoing all:\n{}", encode(session.document()));
}

fn redo_all(session: &mut Session) {
    while session.can_redo() {
        session.dispatch(Action::Redo);
    }
}

/// The facts that came up in any of the cases must be all that there are: what never happens is not tested.
fn count(run: &Run, seen: &mut BTreeMap<FactKind, u64>) {
    for kind in FactKind::ALL {
        *seen.entry(*kind).or_default() += run.simulation().tally().total(*kind);
    }
}

#[test]
fn any_actions_in_any_order_keep_every_invariant() {
    for_every_seed(150, any_actions);
}

/// A run with planned faults and faults by hand, nothing redrawn. `prepare` makes the document fulfil the condition of
/// an invariant that does not hold in every run.
fn broken_run(seed: u64, actions: usize, story: &mut String, document: Document, mut audit: Audit) -> Run {
    let mut chance = Chance::new(seed, "faults");
    *story = encode(&document);
    let document = Rc::new(document);
    let (mut run, _) = Run::new(document.clone(), TraceMode::Full);
    for _ in 0..actions {
        let until = run.now() + chance.span(Duration::from_millis(700));
        run.advance(until, 20_000);
        let deed = deed(&mut chance, &document);
        story.push_str(&format!("\n{deed:?} at {}", run.now()));
        run.apply(&Intervention::Fault(deed));
        sweep(&mut audit, &run);
    }
    // After the last planned fault all is mended, and what is left is done.
    run.advance(run.now().max(Time::ZERO + Duration::from_secs(17)), 200_000);
    for id in ids(&document) {
        run.apply(&Intervention::Fault(FaultDeed::Slow(id.clone(), 100)));
        run.apply(&Intervention::Fault(FaultDeed::Resume(id.clone())));
        run.apply(&Intervention::Fault(FaultDeed::Restart(id)));
    }
    wire_ids(&document).into_iter().for_each(|id| run.apply(&Intervention::Fault(FaultDeed::Repair(id))));
    story.push_str(&format!("\nmended at {}", run.now()));
    run.advance(run.now() + Duration::from_secs(600), 400_000);
    sweep(&mut audit, &run);
    run
}

/// A sound drawing of one broker in which everything is connected, with these parameters at every consumer.
fn shop(chance: &mut Chance, consumer: &serde_json::Value, loss: u32) -> Document {
    let (mut nodes, mut wires) = (vec![json!({"id": "broker", "kind": "broker"})], Vec::new());
    let wire = |chance: &mut Chance, from: String, to: String| {
        let latency = chance.pick(&["0s", "1ms", "exponential(40ms)", "log-normal(5ms, 1)", "uniform(0s, 200ms)"]);
        let shares = [chance.below(30), chance.below(30)];
        json!({"id": format!("{from}-{to}"), "from": from, "to": to, "params": {"latency": latency, "loss": loss,
            "duplicate": shares[0], "reorder": shares[1], "heartbeat": "1s"}})
    };
    let exchange = json!({"id": "x", "kind": "exchange", "in": "broker", "params": {"type": "topic"}});
    nodes.push(exchange);
    for number in 0..1 + chance.below(3) {
        let queue = format!("q{number}");
        nodes.push(json!({"id": queue, "kind": "queue", "in": "broker"}));
        wires.push(json!({"id": format!("b{number}"), "from": "x", "to": queue, "params": {"keys": ["#"]}}));
        for worker in 0..1 + chance.below(2) {
            let id = format!("c{number}{worker}");
            let mut params = consumer.clone();
            params["service_time"] = json!(chance.pick(&["1ms", "exponential(30ms)", "log-normal(20ms, 1)"]));
            params["prefetch"] = json!(chance.below(6));
            params["concurrency"] = json!(1 + chance.below(3));
            nodes.push(json!({"id": id, "kind": "consumer", "params": params}));
            wires.push(wire(chance, queue.clone(), id));
        }
    }
    for number in 0..1 + chance.below(2) {
        let id = format!("p{number}");
        let arrivals = chance.pick(&["poisson", "constant", "burst"]);
        nodes.push(json!({"id": id, "kind": "producer", "params": {"arrivals": arrivals, "rate": 12, "limit": 150,
            "burst_every": "800ms", "persistent": true, "routing_key": "k.{n%3}"}}));
        let to = if chance.one_in(2) { "x" } else { "q0" };
        wires.push(wire(chance, id, to.to_string()));
    }
    let text = json!({"patchbay": 1, "seed": chance.below(1 << 20), "nodes": nodes, "wires": wires});
    let mut document = decode(&text.to_string()).expect("it is a document");
    document.faults = random::faults(chance, &document);
    document
}

/// RabbitMQ's promise: late acknowledgements, persistent messages in durable queues, and whatever crashes.
#[test]
fn late_acknowledgements_deliver_at_least_once() {
    for_every_seed(120, |seed, actions, story| {
        let mut chance = Chance::new(seed, "late");
        let document = shop(&mut chance, &json!({"ack": "late", "failure_rate": 20, "on_failure": "requeue"}), 0);
        assert!(validate(&document)
            .iter()
            .all(|problem| problem.severity > Severity::Error || problem.place.starts_with("faults")));
        let run =
            broken_run(seed, actions, story, document, Audit::default().and(AtLeastOnce).and(QueueOrder::default()));
        let tally = run.simulation().tally();
        let queues = run.document().nodes.iter().filter(|node| node.kind == "queue");
        for queue in queues.filter_map(|node| run.node(&node.id)) {
            assert_eq!(tally.level(queue), (0, 0), "{} is empty in the end", run.label(queue));
        }
        assert!(tally.total(FactKind::Completed) >= tally.total(FactKind::Enqueued), "all is done at least once");
    });
}

/// With automatic acknowledgement a message may be lost, and the trace says where.
#[test]
fn automatic_acknowledgements_account_for_every_copy() {
    for_every_seed(120, |seed, actions, story| {
        let mut chance = Chance::new(seed, "auto");
        let document = shop(&mut chance, &json!({"ack": "auto", "failure_rate": 20}), 5);
        broken_run(
            seed,
            actions,
            story,
            document,
            Audit::default().and(Automatic::default()).and(QueueOrder::default()),
        );
    });
}

/// Half-built drawings run with all that is wrong in them, and every fact that there is comes up.
#[test]
fn whatever_is_drawn_runs() {
    let mut seen = BTreeMap::new();
    for seed in seeds(300) {
        let mut chance = Chance::new(seed, "run");
        let document = document(&mut chance);
        count(&broken_run(seed, ACTIONS, &mut String::new(), document, Audit::default()), &mut seen);
    }
    // The facts after `Halted` are those of products and mechanisms that these drawings do not use yet.
    let known = seen.iter().filter(|(kind, _)| **kind <= FactKind::Halted);
    let never: Vec<&FactKind> = known.filter(|(_, count)| **count == 0).map(|(kind, _)| kind).collect();
    assert_eq!(never, [&FactKind::Configured, &FactKind::Removed, &FactKind::Halted], "they need edits, or a limit");
}
