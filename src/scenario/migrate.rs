//! Old formats: each step turns a document of one format into the next, as JSON, before it is read.
//!
//! To change the format:
//! 1. Raise [`FORMAT`] by one and change `document.rs`.
//! 2. Write a function here that turns the JSON of the old format into the new one, and append it to [`STEPS`].
//! 3. Put a document of the old format into `tests/data/documents/` as `format-<old number>.json`; the test of old
//!    formats finds it there and expects it to be read without a problem.

use serde_json::{Map, Value as Json};

use super::document::FORMAT;

/// Turns the fields of a document of one format into those of the next; the error says what is wrong.
type Step = fn(&mut Map<String, Json>) -> Result<(), String>;

/// The steps; the one at place n reads format n.
const STEPS: [Step; FORMAT as usize] = [name_the_format];

/// Brings a document of an old format to the present one.
pub(super) fn migrate(json: Json, format: u32) -> Result<Json, String> {
    let Json::Object(mut fields) = json else { return Err("is no object".to_string()) };
    for (number, step) in STEPS.iter().enumerate().skip(format as usize) {
        step(&mut fields)?;
        fields.insert("patchbay".to_string(), Json::from(number + 1));
    }
    forget_profiles(&mut fields);
    Ok(Json::Object(fields))
}

/// Format 1 had a parameter `profile` on the broker, whose only value was `rabbitmq`. Each product is a kind of its own
/// now, so it says nothing, and a document is read as if it were not there.
fn forget_profiles(fields: &mut Map<String, Json>) {
    let nodes = fields.get_mut("nodes").and_then(Json::as_array_mut);
    for node in nodes.into_iter().flatten() {
        if node.get("kind").and_then(Json::as_str) != Some("broker") {
            continue;
        }
        let params = node.get_mut("params").and_then(Json::as_object_mut);
        if let Some(params) = params.filter(|params| params.get("profile").is_some_and(|value| value == "rabbitmq")) {
            params.remove("profile");
        }
    }
}

/// Format 0, a draft: `version` became `patchbay`, and `edges` with a `source` and a `target` became `wires`.
fn name_the_format(fields: &mut Map<String, Json>) -> Result<(), String> {
    fields.remove("version");
    let Some(edges) = fields.remove("edges") else { return Ok(()) };
    if fields.contains_key("wires") {
        return Err("has both \"edges\" and \"wires\"; format 0 has \"edges\"".to_string());
    }
    let Json::Array(mut edges) = edges else { return Err("\"edges\" must be a list".to_string()) };
    for edge in edges.iter_mut().filter_map(Json::as_object_mut) {
        for (old, new) in [("source", "from"), ("target", "to")] {
            if let Some(end) = edge.remove(old) {
                edge.insert(new.to_string(), end);
            }
        }
    }
    fields.insert("wires".to_string(), Json::Array(edges));
    Ok(())
}
