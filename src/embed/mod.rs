//! The JavaScript package: the engine without the page, for a browser or for Node.
//!
//! The types here are the package's own, versioned with it; nothing of the inner types leaks. Errors are JavaScript
//! `Error`s whose message names the place. 64-bit numbers go out as decimal strings, since a JavaScript number holds 53.

use std::rc::Rc;

use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::diagram::story;
use crate::kernel::{TraceMode, World as _};
use crate::scenario::codec;
use crate::scenario::document::Document;
use crate::scenario::instantiate::Run;
use crate::scenario::library;
use crate::scenario::problem::Severity;
use crate::scenario::validate::validate;
use crate::vocabulary::{Duration, NodeId, Time};

/// Events dispatched by one call at most: a call must come back. Call again to go on.
const STEPS_PER_CALL_MAX: u64 = 50_000_000;
/// Events that [`Simulation::trace`] gives when it is not told how many.
const TRACE_DEFAULT: usize = 1_000;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** One event of a run. */
export interface TraceEvent {
  /** Its number, from 1. */
  id: string;
  /** Virtual time in nanoseconds. */
  atNs: string;
  /** The id of the node in the document. */
  node: string;
  /** What happened, such as "enqueued". */
  fact: string;
  /** The message that it is about, such as "shop#12", if it is about one. */
  message?: string;
  /** The number of the event that caused it, if one did. */
  cause?: string;
  /** The event as a line to read. */
  text: string;
}
/** How durations of one kind were spread, in seconds. */
export interface Spread { count: number; mean: number; p50: number; p95: number; p99: number; max: number; }
/** The totals of a run; the shape is that of `patchbay run --trace jsonl`. */
export interface Summary { [key: string]: unknown; }
/** A ready scenario. */
export interface Ready { id: string; title: string; about: string; }
"#;

/// An event as JavaScript sees it.
#[derive(Serialize)]
struct EventOut<'a> {
    id: String,
    #[serde(rename = "atNs")]
    at_ns: String,
    node: &'a str,
    fact: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    text: String,
}

/// A run of a document.
#[wasm_bindgen]
pub struct Simulation {
    run: Run,
}

fn error(text: impl AsRef<str>) -> JsValue {
    js_sys::Error::new(text.as_ref()).into()
}

fn out<T: Serialize>(value: &T) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).map_err(|problem| error(problem.to_string()))
}

/// Reads a document and refuses one with errors; the message names the first place and how many there are.
fn load(json: &str) -> Result<Document, JsValue> {
    let document = codec::decode(json).map_err(|problem| error(problem.to_string()))?;
    let errors: Vec<_> =
        validate(&document).into_iter().filter(|problem| problem.severity == Severity::Error).collect();
    match errors.as_slice() {
        [] => Ok(document),
        [first] => Err(error(first.to_string())),
        [first, rest @ ..] => Err(error(format!("{first} (and {} more)", rest.len()))),
    }
}

#[wasm_bindgen]
impl Simulation {
    /// Loads a document, as JSON text. `seed` takes the place of the document's own.
    #[wasm_bindgen(constructor)]
    pub fn new(json: &str, seed: Option<f64>) -> Result<Simulation, JsValue> {
        let mut document = load(json)?;
        if let Some(seed) = seed {
            if !(0.0..=9_007_199_254_740_991.0).contains(&seed) || seed.fract() != 0.0 {
                return Err(error(format!("seed: must be a whole number from 0 to 2^53 - 1, is {seed}")));
            }
            document.seed = seed as u64;
        }
        Ok(Simulation { run: Run::new(Rc::new(document), TraceMode::Full).0 })
    }

    /// Loads a document; the same as the constructor.
    pub fn load(json: &str, seed: Option<f64>) -> Result<Simulation, JsValue> {
        Simulation::new(json, seed)
    }

    /// Dispatches one event; false when nothing is left to happen.
    pub fn step(&mut self) -> bool {
        let before = self.run.steps();
        self.run.advance(Time::MAX, 1);
        self.run.steps() > before
    }

    /// Runs until so many milliseconds of virtual time. False if the work of one call did not suffice: call again.
    #[wasm_bindgen(js_name = runUntil)]
    pub fn run_until(&mut self, milliseconds: f64) -> Result<bool, JsValue> {
        if !milliseconds.is_finite() || milliseconds < 0.0 {
            return Err(error(format!("milliseconds: must be a number from 0 on, is {milliseconds}")));
        }
        let until = Time::ZERO + Duration::from_secs_f64(milliseconds / 1000.0);
        let reached = self.run.advance(until, STEPS_PER_CALL_MAX);
        match self.run.simulation().halted() {
            Some(reason) => Err(error(format!("the run can't go on: {reason}"))),
            None => Ok(reached),
        }
    }

    /// The virtual time in milliseconds.
    #[wasm_bindgen(getter, js_name = timeMs)]
    pub fn time_ms(&self) -> f64 {
        self.run.now().seconds() * 1000.0
    }

    /// The newest events, oldest first; at most `limit`, or 1000.
    #[wasm_bindgen(unchecked_return_type = "TraceEvent[]")]
    pub fn trace(&self, limit: Option<u32>) -> Result<JsValue, JsValue> {
        let names = self.run.names();
        let label = |node: NodeId| self.run.label(node).to_string();
        let limit = limit.map_or(TRACE_DEFAULT, |limit| limit as usize);
        let trace = self.run.simulation().trace();
        let skipped = trace.len().saturating_sub(limit);
        let events: Vec<EventOut> = trace
            .iter()
            .skip(skipped)
            .map(|event| EventOut {
                id: event.id.0.to_string(),
                at_ns: event.at.0.to_string(),
                node: names.id(event.node),
                fact: event.fact.kind().label(),
                message: event.message.some().map(|message| self.run.message_label(message)),
                cause: event.cause.some().map(|cause| cause.0.to_string()),
                text: story::line(event, &label),
            })
            .collect();
        out(&events)
    }

    /// The totals so far.
    #[wasm_bindgen(unchecked_return_type = "Summary")]
    pub fn summary(&self) -> Result<JsValue, JsValue> {
        out(&self.run.summary())
    }

    /// The digest of all events so far, as 16 hexadecimal digits. Equal runs have equal digests, here and natively.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.run.simulation().digest())
    }
}

/// The ids of the ready scenarios.
#[wasm_bindgen(js_name = libraryIds)]
pub fn library_ids() -> Vec<String> {
    library::ALL.iter().map(|ready| ready.id.to_string()).collect()
}

/// A ready scenario as JSON text; throws if there is none of that name.
#[wasm_bindgen(js_name = libraryDocument)]
pub fn library_document(id: &str) -> Result<String, JsValue> {
    let document = library::document(id).ok_or_else(|| error(format!("there is no scenario called {id}")))?;
    Ok(codec::encode(&document))
}

/// What is wrong or unfinished in a document, a line each, such as `nodes[3].params.prefetch: must be 0..65535, is -1`;
/// empty if nothing is.
#[wasm_bindgen]
pub fn check(json: &str) -> Vec<String> {
    match codec::decode(json) {
        Ok(document) => validate(&document).iter().map(ToString::to_string).collect(),
        Err(problem) => vec![problem.to_string()],
    }
}
