//! Fills in what a person who writes a document by hand may leave out.

use crate::model::{node_kind, Role};

use super::connect::resolve;
use super::document::{Document, Node};
use super::identity::{counter_of, fresh_id};

/// Gives ids to wires without one, and a host to every part that needs one: the only one there is, or a new one.
///
/// Completing a complete document changes nothing.
pub(super) fn complete(document: &mut Document) {
    document.next_id = document.next_id.max(counter_of(document));
    give_hosts(document);
    for index in 0..document.wires.len() {
        if document.wires[index].id.is_empty() {
            let wire = &document.wires[index];
            let kind = resolve(document, &wire.from, &wire.to).map_or("wire", |resolved| resolved.wire_kind.name);
            document.wires[index].id = fresh_id(document, kind);
        }
    }
}

/// The kind of host that a node lacks.
fn missing_host(node: &Node) -> Option<&'static str> {
    match node_kind(&node.kind)?.role {
        Role::Member { host } if node.host.is_none() => Some(host),
        _ => None,
    }
}

fn give_hosts(document: &mut Document) {
    let mut wanted: Vec<&'static str> = Vec::new();
    for host in document.nodes.iter().filter_map(missing_host) {
        if !wanted.contains(&host) {
            wanted.push(host);
        }
    }
    for kind in wanted {
        let mut hosts = document.nodes.iter().filter(|node| node.kind == kind);
        let id = match (hosts.next(), hosts.next()) {
            (None, _) => add_host(document, kind),
            (Some(only), None) => only.id.clone(),
            // Which one is meant can't be known; validation asks.
            (Some(_), Some(_)) => continue,
        };
        for node in document.nodes.iter_mut().filter(|node| missing_host(node) == Some(kind)) {
            node.host = Some(id.clone());
        }
    }
}

/// Adds a host in the middle of the parts that will live in it.
fn add_host(document: &mut Document, kind: &'static str) -> String {
    let taken = document.node(kind).is_some() || document.wire(kind).is_some();
    let id = if taken { fresh_id(document, kind) } else { kind.to_string() };
    let members: Vec<(f64, f64)> =
        document.nodes.iter().filter(|node| missing_host(node) == Some(kind)).map(|node| node.at).collect();
    let middle = |coordinate: fn(&(f64, f64)) -> f64| {
        let sum: f64 = members.iter().map(coordinate).sum();
        (sum / members.len().max(1) as f64).round()
    };
    let at = (middle(|at| at.0), middle(|at| at.1));
    let name = if kind == "broker" { "RabbitMQ".to_string() } else { String::new() };
    document.nodes.push(Node { id: id.clone(), kind: kind.to_string(), name, at, ..Node::default() });
    id
}
