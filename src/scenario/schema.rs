//! The JSON Schema of a document, for editors that complete and check what is typed, and for other programs.
//!
//! The frame comes from the types of `document.rs`; the parameters of each kind come from its `ParamSpec`s, so a new
//! kind or parameter is in the schema by itself. The published copy is `static/patchbay.schema.json`; a test keeps it
//! in step.

use serde_json::{json, Map, Value as Json};

use crate::model::{ParamSpec, ParamType, KINDS, WIRE_KINDS};

use super::document::{Document, FORMAT};
use super::limits;

/// A span of time, as [`crate::vocabulary::Duration`] reads it.
const DURATION: &str = r"^\s*(0|([0-9]+\.?[0-9]*|\.[0-9]+)\s*(d|h|m|s|ms|us|µs|ns))\s*$";

/// A distribution, as [`crate::vocabulary::Distribution`] reads it; the bounds inside the brackets are not checked here.
const DISTRIBUTION: &str =
    r"^\s*((constant|uniform|exponential|log-normal)\(.+\)|0|([0-9]+\.?[0-9]*|\.[0-9]+)\s*(d|h|m|s|ms|us|µs|ns))\s*$";

/// The schema, in the 2020-12 dialect.
pub fn schema() -> Json {
    let mut schema = schemars::schema_for!(Document).to_value();
    schema["title"] = json!("Patchbay document");
    schema["properties"]["patchbay"] = json!({
        "description": "The format number.",
        "const": FORMAT,
    });
    schema["properties"]["until"]["pattern"] = json!(DURATION);
    schema["properties"]["nodes"]["maxItems"] = json!(limits::NODES_MAX);
    schema["properties"]["wires"]["maxItems"] = json!(limits::WIRES_MAX);
    schema["properties"]["faults"]["maxItems"] = json!(limits::FAULTS_MAX);
    let definitions = &mut schema["$defs"];
    let id = json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_-]{{1,{}}}$", limits::ID_LENGTH_MAX) });
    for part in ["Node", "Wire"] {
        extend(&mut definitions[part]["properties"]["id"], &id);
    }
    extend(&mut definitions["Node"]["properties"]["kind"], &kinds());
    extend(
        &mut definitions["Node"],
        &json!({ "allOf": KINDS.iter().map(|kind| {
        json!({
            "if": { "properties": { "kind": { "const": kind.name } }, "required": ["kind"] },
            "then": { "properties": { "params": params(kind.params) } },
        })
    }).collect::<Vec<Json>>() }),
    );
    extend(&mut definitions["Wire"]["properties"]["params"], &wire_params());
    for field in ["at", "for"] {
        extend(&mut definitions["PlannedFault"]["properties"][field], &json!({ "pattern": DURATION }));
    }
    schema
}

/// Puts the fields of one object into another, over those of the same name.
fn extend(target: &mut Json, fields: &Json) {
    if let (Some(target), Some(fields)) = (target.as_object_mut(), fields.as_object()) {
        target.extend(fields.clone());
    }
}

fn kinds() -> Json {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let help: Vec<String> = KINDS.iter().map(|kind| format!("{}: {}", kind.name, kind.help)).collect();
    json!({ "enum": names, "description": help.join("\n") })
}

/// An object with these parameters and no others.
fn params(specs: &[ParamSpec]) -> Json {
    let properties: Map<String, Json> = specs.iter().map(|spec| (spec.name.to_string(), param(spec))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The parameters of a wire: which kind it is can't be read from the wire alone, so those of every kind are allowed.
fn wire_params() -> Json {
    let mut properties = Map::new();
    for spec in WIRE_KINDS.iter().flat_map(|kind| kind.params) {
        properties.entry(spec.name).or_insert_with(|| param(spec));
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The schema of one parameter.
fn param(spec: &ParamSpec) -> Json {
    let mut schema = match spec.kind {
        ParamType::Toggle => json!({ "type": "boolean" }),
        ParamType::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        ParamType::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        ParamType::Duration { .. } => json!({ "type": "string", "pattern": DURATION }),
        ParamType::Distribution => json!({ "type": "string", "pattern": DISTRIBUTION }),
        ParamType::Text { max } => json!({ "type": "string", "maxLength": max }),
        ParamType::Choice(choices) => {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            json!({ "enum": names })
        }
        ParamType::List { items_max, text_max } => json!({
            "type": "array",
            "maxItems": items_max,
            "items": { "type": "string", "maxLength": text_max },
        }),
    };
    schema["title"] = json!(spec.label);
    schema["description"] = json!(description(spec));
    schema["default"] = serde_json::from_str(spec.default).unwrap_or(Json::Null);
    schema
}

fn description(spec: &ParamSpec) -> String {
    let mut text = spec.help.to_string();
    if let ParamType::Duration { min, max } = spec.kind {
        text.push_str(&format!(" From {min} to {max}."));
    }
    if !spec.unit.is_empty() {
        text.push_str(&format!(" In {}.", spec.unit));
    }
    if !spec.source.is_empty() {
        text.push_str(&format!(" ({})", spec.source));
    }
    text
}
