//! One trace event as a JSON object, for programs that read the trace line by line.

use serde_json::{json, Value as Json};

use crate::scenario::Run;
use crate::vocabulary::{Fact, Measure, TraceEvent};

/// The event with the names of the drawing. `at` is in seconds; what does not apply is left out.
pub fn object(event: &TraceEvent, run: &Run) -> Json {
    let names = run.names();
    let mut object = json!({
        "event": event.id.0,
        "at": event.at.seconds(),
        "node": names.id(event.node),
        "fact": event.fact.kind().label(),
    });
    let mut set = |name: &str, value: Json| object[name] = value;
    if let Some(cause) = event.cause.some() {
        set("cause", json!(cause.0));
    }
    if let Some(message) = event.message.some() {
        set("message", json!(run.message_label(message)));
    }
    if let Some(peer) = event.fact.peer() {
        set("peer", json!(names.id(peer)));
    }
    if let Some((first, second)) = event.fact.level() {
        set("level", json!([first, second]));
    }
    match event.fact.sample() {
        Some((Measure::Wait, span)) => set("wait", json!(span as f64 / 1e9)),
        Some((Measure::EndToEnd, span)) => set("latency", json!(span as f64 / 1e9)),
        None => {}
    }
    match event.fact {
        Fact::Sent { link, what, .. } | Fact::Delivered { link, what, .. } => {
            set("wire", json!(names.link(link)));
            set("what", json!(what.label()));
        }
        Fact::Duplicated { link } | Fact::Reordered { link } | Fact::Partitioned { link } | Fact::Repaired { link } => {
            set("wire", json!(names.link(link)));
        }
        Fact::Dropped { reason, what } => {
            set("reason", json!(reason.label()));
            set("what", json!(what.label()));
        }
        Fact::Slowed { percent } => set("percent", json!(percent)),
        Fact::Subscribed { prefetch, .. } => set("prefetch", json!(prefetch)),
        _ => {}
    }
    object
}
