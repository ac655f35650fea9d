//! Hints for a half-built drawing: what is not connected yet.

use crate::model::{node_kind, NodeKind};
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
    ("sqs_queue", "in", Severity::Hint, "no message can get into it", "Connect a producer to it."),
    ("consumer", "in", Severity::Warning, "it subscribes to no queue and gets nothing", "Connect a queue to it."),
    ("console", "out", Severity::Warning, "it speaks to nobody", "Connect it to anything inside a broker."),
];

/// Wires that nobody misses.
const OPTIONAL: &[&str] = &["redrive", "dead_letter", "give_up", "forward"];

/// Looks for what is missing.
pub(super) fn check(document: &Document, index: &Index, problems: &mut Vec<Problem>) {
    if document.nodes.is_empty() {
        let problem = Problem::new(Severity::Hint, "nodes", "the drawing is empty");
        problems.push(problem.remedy("Start with a producer, a queue and a consumer."));
    }
    let used = used_ports(document, index);
    let hosts: FlatSet<&str> = document.nodes.iter().filter_map(|node| node.host.as_deref()).collect();
    let consoled = hosts_with_console(document, index);
    let dead_ends = dead_letter_places(document, index);
    for (number, node) in document.nodes.iter().enumerate() {
        let Some(kind) = node_kind(&node.kind) else { continue };
        let place = format!("nodes[{number}]");
        let mut push = |severity, message: &str, remedy: &str| {
            problems.push(Problem::new(severity, place.clone(), message).at_node(&node.id).remedy(remedy));
        };
        let is_last = dead_ends.contains(node.id.as_str());
        let is_told = node.host.as_deref().is_some_and(|host| consoled.contains(host));
        let open = kind.ports.iter().filter(|port| !used.contains(&(node.id.as_str(), port.port)));
        // A console may do all that wires would; not every queue has a place for its dead letters, and such a place
        // needs no consumer.
        for port in open.filter(|port| !is_told && !is_last && !port.wires.iter().all(|wire| OPTIONAL.contains(wire))) {
            match UNCONNECTED.iter().find(|(name, end, ..)| *name == kind.name && *end == port.name) {
                Some((_, _, severity, message, remedy)) => push(*severity, message, remedy),
                None => {
                    let remedy = format!("That port is for: {}", port.help);
                    push(Severity::Hint, &format!("nothing is connected to its \"{}\"", port.name), &remedy);
                }
            }
        }
        if kind.ports.is_empty() && !hosts.contains(node.id.as_str()) {
            push(Severity::Hint, "it is empty", &empty_remedy(kind));
        }
    }
}

/// The hosts that a console speaks to.
fn hosts_with_console<'a>(document: &'a Document, index: &Index<'a>) -> FlatSet<&'a str> {
    let is_console = |wire: &&Wire| index.node(Wire::node_of(&wire.from)).is_some_and(|node| node.kind == "console");
    let wires = document.wires.iter().filter(is_console);
    wires.filter_map(|wire| index.node(Wire::node_of(&wire.to))?.host.as_deref()).collect()
}

/// Where dead letters go.
fn dead_letter_places<'a>(document: &Document, index: &Index<'a>) -> FlatSet<&'a str> {
    let place = |wire: &Wire| {
        let [from, to] = [&wire.from, &wire.to].map(|end| index.node(Wire::node_of(end)));
        let (from, to) = (from?, to?);
        let resolved = resolve_nodes(from, &wire.from, to, &wire.to).ok()?;
        OPTIONAL.contains(&resolved.wire_kind.name).then_some(to.id.as_str())
    };
    document.wires.iter().filter_map(place).collect()
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
