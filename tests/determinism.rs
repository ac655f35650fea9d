//! The same document and seed give the same run: in one stretch, in pieces, from any checkpoint, after saving and
//! loading, kept or not kept. `browser.rs` compares the same recorded digests in WebAssembly.
//!
//! `PATCHBAY_UPDATE=1 cargo test --test determinism` writes the digests anew, after a change that is meant to change runs.
#![cfg(not(target_arch = "wasm32"))]

mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use patchbay::kernel::{Timeline, TraceMode, World};
use patchbay::model::node_kind;
use patchbay::scenario::{decode, encode, Edit, FaultDeed, Intervention, Run};
use patchbay::vocabulary::{Duration, FactKind, Time};
use runs::{computed, documents, run, state, RECORDED, UNTIL};

#[test]
fn the_digests_are_the_recorded_ones() {
    let computed = computed();
    if std::env::var_os("PATCHBAY_UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&computed).expect("texts can be written") + "\n";
        std::fs::write("tests/data/digests.json", text).expect("the file can be written");
        return;
    }
    let recorded: BTreeMap<String, String> = serde_json::from_str(RECORDED).expect("the file is read");
    assert_eq!(computed, recorded);
}

/// What never happens in the recorded runs is not proved to be the same everywhere.
#[test]
fn the_recorded_runs_show_everything_that_can_happen() {
    let mut seen = BTreeSet::new();
    for (_, document) in documents() {
        let run = run(&document, TraceMode::Off);
        let kinds = FactKind::ALL.iter().filter(|kind| run.simulation().tally().total(**kind) > 0);
        seen.extend(kinds.copied());
    }
    // The facts after `Halted` are those of products and mechanisms that the recorded runs do not use yet.
    let known = FactKind::ALL.iter().filter(|kind| **kind <= FactKind::Halted);
    let unseen: Vec<FactKind> = known.filter(|kind| !seen.contains(kind)).copied().collect();
    assert_eq!(
        unseen,
        [FactKind::Configured, FactKind::Removed, FactKind::Halted],
        "only edits and limits are missing"
    );
}

#[test]
fn pieces_of_any_size_make_the_same_run() {
    for (name, document) in documents() {
        let whole = state(&run(&document, TraceMode::Off));
        assert_eq!(state(&run(&document, TraceMode::Full)), whole, "{name}: kept");
        let (mut by_steps, _) = Run::new(document.clone(), TraceMode::Off);
        while !by_steps.advance(UNTIL, 7) {}
        assert_eq!(state(&by_steps), whole, "{name}: by steps");
        let (mut by_time, _) = Run::new(document.clone(), TraceMode::Off);
        for piece in 1..=600 {
            by_time.advance(Time(UNTIL.0 / 600 * piece), u64::MAX);
        }
        by_time.advance(UNTIL, u64::MAX);
        assert_eq!(state(&by_time), whole, "{name}: by time");
    }
}

#[test]
fn a_saved_and_loaded_document_makes_the_same_run() {
    for (name, document) in documents() {
        let loaded = decode(&encode(&document)).expect("what was written can be read");
        assert_eq!(loaded, *document, "{name}");
        assert_eq!(state(&run(&Rc::new(loaded), TraceMode::Off)), state(&run(&document, TraceMode::Off)), "{name}");
    }
}

/// A checkpoint after every so many events: its future is the future of the run, and it is unmoved by it.
#[test]
fn every_checkpoint_has_the_same_future() {
    for (name, document) in documents() {
        let (mut straight, _) = Run::new(document.clone(), TraceMode::Off);
        let mut checkpoints = vec![straight.checkpoint()];
        let total = run(&document, TraceMode::Off).steps();
        while !straight.advance(UNTIL, total / 12 + 1) {
            checkpoints.push(straight.checkpoint());
        }
        let end = state(&straight);
        assert!(checkpoints.len() >= 7, "{name}: {}", checkpoints.len());
        for checkpoint in &checkpoints {
            straight.restore(checkpoint);
            assert_eq!(state(&straight), state(checkpoint), "{name}");
            straight.advance(UNTIL, u64::MAX);
            assert_eq!(state(&straight), end, "{name}: from {}", state(checkpoint));
        }
    }
}

/// Faults and edits by hand are part of a run: after any travel through time it is the same as before.
#[test]
fn seeking_back_and_forth_through_interventions_ends_at_the_same_run() {
    for (name, document) in documents() {
        let mut timeline = Timeline::new(Run::new(document.clone(), TraceMode::Full).0);
        let node = &document.nodes[0].id;
        let is_host = |kind: &str| node_kind(kind).is_some_and(|kind| kind.is_host());
        let host = document.nodes.iter().find(|node| is_host(&node.kind)).expect("there is a broker").id.clone();
        let second = |number: u64| Time::ZERO + Duration::from_secs(number);
        timeline.advance(second(3), u64::MAX);
        timeline.intervene(Intervention::Fault(FaultDeed::Crash(host.clone())));
        timeline.advance(second(4), u64::MAX);
        timeline.intervene(Intervention::Fault(FaultDeed::Restart(host)));
        timeline.intervene(Intervention::Command { node: node.clone(), command: "send".into() });
        timeline.advance(second(6), u64::MAX);
        let mut edited = (*document).clone();
        let edit = Edit::SetParam { id: node.clone(), name: "rate".into(), value: Some(200.into()) };
        patchbay::scenario::edit::apply(&edit, &mut edited).expect("the node is there");
        timeline.intervene(Intervention::Document(Rc::new(edited)));
        timeline.advance(UNTIL, u64::MAX);
        let (end, steps) = (state(timeline.world()), timeline.world().steps());
        assert_ne!(end, state(&run(&document, TraceMode::Off)), "{name}: what was done shows");
        let mut at = BTreeMap::new();
        for tenth in [7, 2, 9, 3, 3, 0, 6, 1, 10, 4, 7, 2, 9, 3, 0, 6] {
            timeline.seek_steps(steps * tenth / 10);
            let here = state(timeline.world());
            assert_eq!(*at.entry(tenth).or_insert(here.clone()), here, "{name}: at {tenth} tenths");
        }
        timeline.seek_time(UNTIL);
        assert_eq!(state(timeline.world()), end, "{name}");
    }
}
