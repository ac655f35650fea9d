//! Hints for a half-built drawing: what is not connected yet.

use crate::model::{node_kind, NodeKind, PortSpec};
use crate::vocabulary::FlatSet;

use super::super::connect::resolve_nodes;
use super::super::document::{Document, Node, Wire};
use super::super::problem::{Problem, Severity};
use super::Index;

/// What it means that a port has no wire: (kind, ports of which one would do, severity, message, remedy).
const UNCONNECTED: &[(&str, &str, Severity, &str, &str)] = &[
    ("producer", "out", Severity::Warning, "its messages have nowhere to go", "Connect it to a queue or an exchange."),
    (
        "exchange",
        "out",
        Severity::Warning,
        "no queue is bound to it, so it drops every message",
        "Connect it to a queue.",
    ),
    ("exchange", "in", Severity::Hint, "nothing is published to it", "Connect a producer to it."),
    ("queue", "in", Severity::Hint, "no message can get into it", "Connect a producer or an exchange to it."),
    ("queue", "out", Severity::Hint, "no consumer takes from it, so its messages pile up", "Connect it to a consumer."),
    ("consumer", "in", Severity::Warning, "it subscribes to no queue and gets nothing", "Connect a queue to it."),
];

/// Ports that most drawings leave free: (kind, port).
const OPTIONAL: &[(&str, &str)] = &[("queue", "dead")];

/// Looks for what is missing.
pub(super) fn check(document: &Document, index: &Index, problems: &mut Vec<Problem>) {
    if document.nodes.is_empty() {
        let problem = Problem::new(Severity::Hint, "nodes", "the drawing is empty");
        problems.push(problem.remedy("Start with a producer, a queue and a consumer."));
    }
    let used = used_ports(document, index);
    let hosts: FlatSet<&str> = document.nodes.iter().filter_map(|node| node.host.as_deref()).collect();
    for (number, node) in document.nodes.iter().enumerate() {
        let Some(kind) = node_kind(&node.kind) else { continue };
        let place = format!("nodes[{number}]");
        let mut push = |severity, message: &str, remedy: &str| {
            problems.push(Problem::new(severity, place.clone(), message).at_node(&node.id).remedy(remedy));
        };
        let is_free = |port: &&PortSpec| {
            !used.contains(&(node.id.as_str(), port.port)) && !OPTIONAL.contains(&(kind.name, port.name))
        };
        for port in kind.ports.iter().filter(is_free) {
            match UNCONNECTED.iter().find(|(name, end, ..)| *name == kind.name && *end == port.name) {
                Some((_, _, severity, message, remedy)) => push(*severity, message, remedy),
                None => push(Severity::Hint, &format!("nothing is connected to its \"{}\"", port.name), port.help),
            }
        }
        if kind.ports.is_empty() && !hosts.contains(node.id.as_str()) {
            push(Severity::Hint, "it is empty", &empty_remedy(kind));
        }
    }
}

fn empty_remedy(kind: &NodeKind) -> String {
    format!("Put a queue into the {}.", kind.label.to_ascii_lowercase())
}

/// The ports at which a wire that fits begins or ends.
fn used_ports<'a>(document: &Document, index: &Index<'a>) -> FlatSet<(&'a str, crate::kernel::Port)> {
    let mut used = FlatSet::new();
    for wire in &document.wires {
        let ends: [Option<&'a Node>; 2] = [&wire.from, &wire.to].map(|end| index.node(Wire::node_of(end)));
        let [Some(from), Some(to)] = ends else { continue };
        if let Ok(resolved) = resolve_nodes(from, &wire.from, to, &wire.to) {
            used.insert((from.id.as_str(), resolved.from_port));
            used.insert((to.id.as_str(), resolved.to_port));
        }
    }
    used
}
