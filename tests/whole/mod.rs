//! Whole runs of drawings, in which every copy of a message is accounted for at each stop.

use std::rc::Rc;

use patchbay::kernel::{TraceMode, World as _};
use patchbay::model::checker::Audit;
use patchbay::scenario::{codec, Run};
use patchbay::vocabulary::Duration;
use serde_json::Value as Json;

/// A run of a drawing in which nothing is wrong.
pub fn start(document: &Json) -> Run {
    let document = codec::decode(&document.to_string()).expect("the drawing is a document");
    let (run, problems) = Run::new(Rc::new(document), TraceMode::Full);
    assert!(problems.is_empty(), "{problems:?}");
    run
}

/// Goes on for so many milliseconds, and looks whether everything is accounted for.
pub fn go(run: &mut Run, audit: &mut Audit, milliseconds: u64) {
    let until = run.now() + Duration::from_millis(milliseconds);
    assert!(run.advance(until, 10_000_000), "the run does not get stuck");
    let found = audit.sweep(run.simulation()).expect("the trace is whole");
    assert!(found.is_empty(), "{found:?}");
}
