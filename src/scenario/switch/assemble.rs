//! Makes a document of a flow: parts of the other product's kinds, and the wires that fit between them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::model::broker::command::planned;
use crate::model::broker::profile::Profile;
use crate::model::kind::ParamType;
use crate::model::{node_kind, NodeKind, ParamSpec};
use crate::scenario::connect::{check_connection, resolve};
use crate::scenario::document::{Document, FaultKind, Node, Wire};
use crate::vocabulary::json;

use super::flow::{free_name, Flow, Join, Part, Purpose};
use super::notes::{self, Notes};
use super::rule::Rule;
use super::shape::{self, Shape};

type Params = BTreeMap<String, Json>;

/// The document with the flow in place of what was inside the host.
pub(super) fn assemble(
    document: &Document,
    host: &str,
    flow: &Flow,
    to: &Profile,
    shape: &Shape,
    notes: &mut Notes,
) -> Document {
    let mut made = Document { nodes: Vec::new(), wires: Vec::new(), ..flow.document.clone() };
    for node in &flow.document.nodes {
        if node.id == host {
            made.nodes.push(host_node(node, to, notes));
        } else if node.host.as_deref() != Some(host) {
            made.nodes.push(node.clone());
        } else if let Some(part) = flow.part(&node.id) {
            let written = member(part, host, flow, shape, &made, notes);
            made.nodes.push(written);
        }
    }
    for part in flow.parts.iter().filter(|part| part.node.kind.is_empty()) {
        let written = member(part, host, flow, shape, &made, notes);
        made.nodes.push(written);
    }
    let inside = |end: &str| document.node(Wire::node_of(end)).is_some_and(|node| node.host.as_deref() == Some(host));
    for wire in &document.wires {
        if !inside(&wire.from) && !inside(&wire.to) {
            made.wires.push(wire.clone());
        } else if let Some(join) = flow.joins.iter().find(|join| join.wire.id == wire.id) {
            connect(&mut made, join, flow, notes);
        }
    }
    for join in flow.joins.iter().filter(|join| document.wire(&join.wire.id).is_none()) {
        connect(&mut made, join, flow, notes);
    }
    keep_faults(&mut made, notes);
    made
}

fn host_node(node: &Node, to: &Profile, notes: &mut Notes) -> Node {
    let kinds = (node_kind(&node.kind), node_kind(to.host));
    // A name that tells the product tells the new one.
    let tells = shape::of_host(&node.kind).is_some_and(|shape| node.name.contains(shape.word));
    let name = if tells { to.label.to_string() } else { node.name.clone() };
    notes.pair(
        node.label().to_string(),
        kinds.0.map_or_else(String::new, |kind| kind.label.to_ascii_lowercase()),
        kinds.1.map_or_else(String::new, |kind| kind.label.to_ascii_lowercase()),
    );
    notes::lost_params(node, &[], notes);
    Node { kind: to.host.to_string(), name, params: Params::new(), ..node.clone() }
}

/// A part of the new product.
fn member(part: &Part, host: &str, flow: &Flow, shape: &Shape, made: &Document, notes: &mut Notes) -> Node {
    let old = &part.node;
    let kind = shape.entry.filter(|_| part.is_entry).unwrap_or(shape.subscriber);
    let known = node_kind(kind);
    let taken = made.nodes.iter().filter(|node| node.kind == kind).map(|node| node.label().to_string());
    let name = free_name(&shape.sound_name(old.label()), &taken.collect::<Vec<_>>());
    let name = if name == old.id { String::new() } else { name };
    let mut params = Params::new();
    let mut kept: Vec<&str> = Vec::new();
    if let Some(known) = known {
        for (param, value) in &old.params {
            if param == "durable" && set(known, param, value.clone(), &mut params) {
                kept.push("durable");
            }
        }
        if part.is_entry {
            entry_params(part, flow, known, &mut params);
        } else {
            subscriber_params(part, flow, shape, known, &mut params, &mut kept);
        }
    }
    if !old.kind.is_empty() {
        notes.pair(
            old.label().to_string(),
            node_kind(&old.kind).map_or_else(String::new, |kind| kind.label.to_ascii_lowercase()),
            known.map_or_else(String::new, |kind| kind.label.to_ascii_lowercase()),
        );
        notes::lost_params(old, &kept, notes);
    }
    Node { id: old.id.clone(), kind: kind.to_string(), name, host: Some(host.to_string()), at: old.at, params }
}

/// Sets a parameter if the kind has it and the value fits.
fn set(kind: &NodeKind, name: &str, value: Json, params: &mut Params) -> bool {
    let Some(spec) = kind.params.iter().find(|spec| spec.name == name) else { return false };
    let fits = spec.read(&value).is_ok();
    if fits && value != spec.default_json() {
        params.insert(name.to_string(), value);
    }
    fits
}

fn entry_params(part: &Part, flow: &Flow, kind: &NodeKind, params: &mut Params) {
    // Everything that came in went to everyone, unless a rule said otherwise, and rules are kept only by RabbitMQ itself.
    set(kind, "type", "fanout".into(), params);
    let readers =
        |id: &str| flow.joins.iter().filter(|join| join.purpose == Purpose::Handout && join.wire.from == id).count();
    let most = flow.routes(&part.node.id).iter().map(|(to, _): &(String, Rule)| readers(to)).max().unwrap_or(0);
    let default =
        kind.params.iter().find(|spec| spec.name == "partitions").and_then(|spec| spec.default_json().as_u64());
    // A partition is read by one consumer of a group, so that fewer partitions would leave some without work.
    if default.is_some_and(|default| (most as u64) > default) {
        set(kind, "partitions", (most as u64).into(), params);
    }
}

fn subscriber_params(
    part: &Part,
    flow: &Flow,
    shape: &Shape,
    kind: &NodeKind,
    params: &mut Params,
    kept: &mut Vec<&str>,
) {
    for (name, value) in shape.keeps_all {
        set(kind, name, json::read(value).unwrap_or_default(), params);
    }
    let old_shape = shape::SHAPES.iter().find(|other| other.subscriber == part.node.kind);
    if let Some((old, new)) = old_shape.and_then(|old| old.lease.zip(shape.lease)) {
        if part.node.params.get(old).is_some_and(|value| set(kind, new, value.clone(), params)) {
            kept.push(old);
        }
    }
    if let Some(filter) = &part.filter {
        set(kind, "filter", filter.as_str().into(), params);
    }
    let has_dead_letters =
        flow.joins.iter().any(|join| join.purpose == Purpose::Dead && join.wire.from == part.node.id);
    if let Some(count) = part.deliveries.filter(|_| has_dead_letters) {
        if let Some(spec) = kind.params.iter().find(|spec| spec.name == shape.deliveries) {
            set(kind, spec.name, within(spec, count), params);
            // Only such a queue counts deliveries.
            set(kind, "type", "quorum".into(), params);
        }
    }
    if old_shape.is_some_and(|old| has_dead_letters && !old.deliveries.is_empty()) {
        kept.extend(old_shape.map(|old| old.deliveries));
    }
}

/// The nearest number that a parameter can have.
fn within(spec: &ParamSpec, count: i64) -> Json {
    match spec.kind {
        ParamType::Integer { min, max } => count.clamp(min, max).into(),
        _ => count.into(),
    }
}

/// Adds the wire, if one fits there.
fn connect(made: &mut Document, join: &Join, flow: &Flow, notes: &mut Notes) {
    let Wire { id, from, to, params } = &join.wire;
    let resolved = match check_connection(made, from, to) {
        Ok(resolved) => resolved,
        Err(_) => {
            let label = |id: &str| made.node(id).map_or_else(|| id.to_string(), |node| node.label().to_string());
            let what = format!("The wire from {} to {}", label(from), label(to));
            let instead = match join.purpose {
                Purpose::Dead => {
                    "Nothing is moved to a dead-letter place by itself: a consumer that gives a message up has to \
                                  publish it there."
                }
                _ if resolve(made, from, to).is_ok() => "They are connected already.",
                _ => "No wire of this kind fits there.",
            };
            return notes.lose(what, instead);
        }
    };
    let mut kept = Params::new();
    for spec in resolved.wire_kind.params {
        let count = flow.part(from).and_then(|part| part.deliveries);
        let value = match (spec.name, count) {
            ("maxReceiveCount" | "maxDeliveryAttempts", Some(count)) => Some(within(spec, count)),
            _ => params.get(spec.name).cloned(),
        };
        if let Some(value) = value.filter(|value| spec.read(value).is_ok()) {
            kept.insert(spec.name.to_string(), value);
        }
    }
    made.wires.push(Wire { id: id.clone(), from: from.clone(), to: to.clone(), params: kept });
}

/// Planned faults aimed at what has gone go too.
fn keep_faults(made: &mut Document, notes: &mut Notes) {
    let faults = std::mem::take(&mut made.faults);
    for fault in faults {
        let told = fault.command.as_ref().filter(|_| fault.what == FaultKind::Command);
        let kind = made.node(&fault.to).and_then(|node| node_kind(&node.kind));
        if told.zip(kind).is_some_and(|(text, kind)| planned(kind, text).is_err()) {
            notes.lose(
                format!("The planned command at {} ({})", fault.at, told.map_or("", |text| text)),
                "The other product has no such command. Plan it anew.",
            );
        } else if made.node(&fault.to).is_some() || made.wire(&fault.to).is_some() {
            made.faults.push(fault);
        } else {
            notes.lose(
                format!("The planned fault at {} ({} {})", fault.at, fault.what.name(), fault.to),
                "What it was aimed at is not there any more. Plan it anew.",
            );
        }
    }
}
