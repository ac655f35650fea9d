//! Connections: which wire fits between two nodes, and if none does, why not and what to do instead.
//!
//! What fits is read from the ports of the two kinds. The sentences for a mistake that a beginner is likely to make
//! are in [`ADVICE`]; every other refusal is put together from the kinds' titles, so a new kind needs none.

use std::fmt;

use crate::kernel::Port;
use crate::model::kind::Direction;
use crate::model::{node_kind, wire_kind, NodeKind, PortSpec, WireKind};

use super::document::{Document, Node, Wire};
use super::problem::suggestion;

/// The wire that fits between two nodes.
#[derive(Clone, Copy)]
pub struct ResolvedConnection {
    /// Its kind.
    pub wire_kind: &'static WireKind,
    /// The port where it starts.
    pub from_port: Port,
    /// The port where it ends.
    pub to_port: Port,
}

impl fmt::Debug for ResolvedConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} from port {} to port {}", self.wire_kind.name, self.from_port.0, self.to_port.0)
    }
}

/// Why two nodes can't be connected, for a person who drew a line between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why not, as a sentence.
    pub reason: String,
    /// What to do instead, as a sentence; may be empty.
    pub remedy: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)?;
        if !self.remedy.is_empty() {
            write!(formatter, " {}", self.remedy)?;
        }
        Ok(())
    }
}

fn refuse<T>(reason: impl Into<String>, remedy: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { reason: reason.into(), remedy: remedy.into() })
}

/// What to say about a pair of kinds: (from, to, reason, remedy).
const ADVICE: &[(&str, &str, &str, &str)] = &[
    ("producer", "consumer", "A producer publishes to an exchange or a queue.", "Put a queue between them."),
    (
        "producer",
        "producer",
        "A producer only sends; nothing can be sent to it.",
        "Connect it to a queue or an exchange.",
    ),
    (
        "exchange",
        "consumer",
        "A consumer subscribes to a queue, not to an exchange.",
        "Add a queue bound to this exchange, and connect the queue to the consumer.",
    ),
    (
        "consumer",
        "consumer",
        "A consumer only receives: a message ends where it is handled.",
        "Connect a queue to each consumer.",
    ),
];

/// The wire that fits from one end to the other, for a line that is about to be drawn. An end is a node id, with
/// `.port` if only one port is meant.
pub fn check_connection(document: &Document, from_end: &str, to_end: &str) -> Result<ResolvedConnection, Refusal> {
    let resolved = resolve(document, from_end, to_end)?;
    let (from, to) = (Wire::node_of(from_end), Wire::node_of(to_end));
    let twin = document.wires.iter().find(|wire| {
        let same_ends = Wire::node_of(&wire.from) == from && Wire::node_of(&wire.to) == to;
        same_ends && resolve(document, &wire.from, &wire.to).is_ok_and(|other| other.same_ports(&resolved))
    });
    if let Some(twin) = twin {
        let remedy = match resolved.wire_kind.name {
            "binding" => "A binding can have several keys: select the wire and add the key there.",
            "dead_letter" => "Dead letters go there already: select the wire to change their routing key.",
            _ => "Select the wire to change how it behaves.",
        };
        return refuse(format!("These two are connected already, by \"{}\".", twin.id), remedy);
    }
    if resolved.wire_kind.name == "dead_letter" {
        let is_other = |wire: &&Wire| {
            Wire::node_of(&wire.from) == from
                && resolve(document, &wire.from, &wire.to).is_ok_and(|other| other.wire_kind.name == "dead_letter")
        };
        if let Some(other) = document.wires.iter().find(is_other) {
            return refuse(
                format!("The dead letters of this queue go to one place, by \"{}\".", other.id),
                "To send them to several, send them to an exchange.",
            );
        }
    }
    Ok(resolved)
}

/// The ids of all nodes that a line from this node may end at, in the order of the document.
pub fn candidates(document: &Document, from_end: &str) -> Vec<String> {
    let ids = document.nodes.iter().map(|node| &node.id);
    ids.filter(|id| check_connection(document, from_end, id).is_ok()).cloned().collect()
}

/// The wire that fits from one end to the other, whether there is one already or not.
pub fn resolve(document: &Document, from_end: &str, to_end: &str) -> Result<ResolvedConnection, Refusal> {
    resolve_nodes(find(document, from_end)?, from_end, find(document, to_end)?, to_end)
}

/// As [`resolve`], for nodes that were looked up already.
pub(super) fn resolve_nodes(
    from: &Node,
    from_end: &str,
    to: &Node,
    to_end: &str,
) -> Result<ResolvedConnection, Refusal> {
    let (from_kind, to_kind) = (kind_of(from)?, kind_of(to)?);
    if from.id == to.id {
        return refuse(format!("{} can't be connected to itself.", from.label()), "End the line at another node.");
    }
    check_port_name(from_kind, from_end)?;
    check_port_name(to_kind, to_end)?;
    let Some(resolved) = fit(from_kind, Wire::port_of(from_end), to_kind, Wire::port_of(to_end)) else {
        return misfit(from_kind, to_kind);
    };
    if !resolved.wire_kind.link && from.host != to.host {
        let label = resolved.wire_kind.label.to_ascii_lowercase();
        return refuse(
            format!("A {label} joins two parts of one broker, and these two are in different brokers."),
            "Move one of them into the broker of the other.",
        );
    }
    Ok(resolved)
}

impl ResolvedConnection {
    fn same_ports(&self, other: &ResolvedConnection) -> bool {
        self.from_port == other.from_port && self.to_port == other.to_port
    }
}

fn find<'a>(document: &'a Document, end: &str) -> Result<&'a Node, Refusal> {
    let id = Wire::node_of(end);
    match document.node(id) {
        Some(node) => Ok(node),
        None => {
            let ids: Vec<&str> = document.nodes.iter().map(|node| node.id.as_str()).collect();
            refuse(format!("There is no node \"{id}\"."), suggestion(id, ids))
        }
    }
}

fn kind_of(node: &Node) -> Result<&'static NodeKind, Refusal> {
    match node_kind(&node.kind) {
        Some(kind) => Ok(kind),
        None => {
            refuse(format!("\"{}\" is of the unknown kind \"{}\".", node.id, node.kind), "Give it a known kind first.")
        }
    }
}

fn check_port_name(kind: &NodeKind, end: &str) -> Result<(), Refusal> {
    let Some(name) = Wire::port_of(end) else { return Ok(()) };
    if kind.ports.iter().any(|port| port.name == name) {
        return Ok(());
    }
    let names: Vec<&str> = kind.ports.iter().map(|port| port.name).collect();
    refuse(format!("{} has no port \"{name}\".", with_article(kind)), suggestion(name, names))
}

/// The first pair of ports that share a kind of wire.
fn fit(from: &NodeKind, from_port: Option<&str>, to: &NodeKind, to_port: Option<&str>) -> Option<ResolvedConnection> {
    let matching = |port: &&PortSpec, direction: Direction, name: Option<&str>| {
        port.direction == direction && name.is_none_or(|name| name == port.name)
    };
    for start in from.ports.iter().filter(|port| matching(port, Direction::Out, from_port)) {
        for end in to.ports.iter().filter(|port| matching(port, Direction::In, to_port)) {
            let shared = start.wires.iter().find(|wire| end.wires.contains(wire));
            if let Some(wire_kind) = shared.and_then(|name| wire_kind(name)) {
                return Some(ResolvedConnection { wire_kind, from_port: start.port, to_port: end.port });
            }
        }
    }
    None
}

/// Says why nothing fits: advice for the pair, or the other way round, or what the kinds can be connected to.
fn misfit<T>(from: &NodeKind, to: &NodeKind) -> Result<T, Refusal> {
    if let Some((_, _, reason, remedy)) = ADVICE.iter().find(|(start, end, ..)| *start == from.name && *end == to.name)
    {
        return refuse(*reason, *remedy);
    }
    for kind in [from, to] {
        if kind.ports.is_empty() {
            return refuse(
                format!("{} is the place that its parts live in; nothing is connected to it.", with_article(kind)),
                "Connect to an exchange or a queue inside it.",
            );
        }
    }
    if fit(to, None, from, None).is_some() {
        let (from, to) = (from.label.to_ascii_lowercase(), to.label.to_ascii_lowercase());
        return refuse(
            format!("Messages go from the {to} to the {from}, not back."),
            format!("Draw the line the other way round: from the {to} to the {from}."),
        );
    }
    let accepted = partners(from);
    let reason = format!("{} can't be connected to {}.", with_article(from), with_article(to).to_ascii_lowercase());
    if accepted.is_empty() {
        refuse(reason, format!("No line starts at {}.", with_article(from).to_ascii_lowercase()))
    } else {
        refuse(reason, format!("Connect it to {}.", accepted.join(" or ")))
    }
}

/// The kinds that a line from this kind may end at, with articles.
fn partners(from: &NodeKind) -> Vec<String> {
    let kinds = crate::model::KINDS.iter().filter(|to| fit(from, None, to, None).is_some());
    kinds.map(|kind| with_article(kind).to_ascii_lowercase()).collect()
}

/// `A queue`, `An exchange`.
pub(super) fn with_article(kind: &NodeKind) -> String {
    let label = kind.label.to_ascii_lowercase();
    let article = if label.starts_with(['a', 'e', 'i', 'o', 'u']) { "An" } else { "A" };
    format!("{article} {label}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two brokers with an exchange and a queue each, a producer and a consumer.
    fn drawing() -> Document {
        let node = |id: &str, kind: &str, host: Option<&str>| Node {
            id: id.into(),
            kind: kind.into(),
            host: host.map(str::to_string),
            ..Node::default()
        };
        let nodes = vec![
            node("producer", "producer", None),
            node("consumer", "consumer", None),
            node("second", "consumer", None),
            node("broker", "broker", None),
            node("exchange", "exchange", Some("broker")),
            node("queue", "queue", Some("broker")),
            node("spare", "queue", Some("broker")),
            node("other", "broker", None),
            node("far", "queue", Some("other")),
        ];
        Document { nodes, ..Document::default() }
    }

    #[test]
    fn every_pair_of_kinds_fits_or_is_refused_with_a_remedy() {
        let fits = [
            ("producer", "exchange", "publish"),
            ("producer", "queue", "publish"),
            ("exchange", "queue", "binding"),
            ("queue", "consumer", "subscription"),
            ("queue", "exchange", "dead_letter"),
            ("queue", "queue", "dead_letter"),
        ];
        let document = drawing();
        for from in ["producer", "consumer", "exchange", "queue", "broker"] {
            for to in ["producer", "second", "exchange", "queue", "spare", "broker"] {
                let kind = match to {
                    "second" => "consumer",
                    "spare" => "queue",
                    kind => kind,
                };
                if from == to {
                    let refusal = check_connection(&document, from, to).expect_err("refused").to_string();
                    assert!(refusal.contains("itself") && refusal.ends_with('.'), "{from}: {refusal}");
                    continue;
                }
                let expected = fits.iter().find(|(start, end, _)| *start == from && *end == kind);
                match (check_connection(&document, from, to), expected) {
                    (Ok(resolved), Some((_, _, wire))) => assert_eq!(resolved.wire_kind.name, *wire),
                    (Err(refusal), None) => {
                        assert!(
                            refusal.reason.ends_with('.') && refusal.remedy.ends_with('.'),
                            "{from} -> {to}: {refusal}"
                        );
                    }
                    (found, _) => panic!("{from} -> {to}: {found:?}"),
                }
            }
        }
    }

    #[test]
    fn refusals_say_what_to_do_instead() {
        let document = drawing();
        let refusal = |from: &str, to: &str| check_connection(&document, from, to).expect_err("refused").to_string();
        assert_eq!(
            refusal("producer", "consumer"),
            "A producer publishes to an exchange or a queue. Put a queue between them."
        );
        assert!(refusal("exchange", "consumer").contains("Add a queue bound to this exchange"));
        assert!(refusal("consumer", "queue").contains("from the queue to the consumer"));
        assert!(refusal("exchange", "far").contains("different brokers"));
        assert!(refusal("queue", "queue").contains("itself"));
        assert!(refusal("producer", "quue").contains("Did you mean \"queue\"?"));
        assert!(refusal("producer.exit", "queue").contains("no port \"exit\""));
    }

    #[test]
    fn a_second_wire_between_the_same_two_is_refused() {
        let mut document = drawing();
        assert_eq!(candidates(&document, "exchange"), ["queue", "spare"]);
        document.wires.push(Wire {
            id: "w".into(),
            from: "exchange.out".into(),
            to: "queue".into(),
            ..Wire::default()
        });
        let refusal = check_connection(&document, "exchange", "queue").expect_err("refused");
        assert!(refusal.to_string().contains("several keys"), "{refusal}");
        assert_eq!(candidates(&document, "exchange"), ["spare"]);
        assert_eq!(candidates(&document, "producer"), ["exchange", "queue", "spare", "far"]);
    }

    #[test]
    fn the_dead_letters_of_a_queue_go_to_one_place_in_its_broker() {
        let mut document = drawing();
        let check = |document: &Document, to: &str| match check_connection(document, "queue", to) {
            Ok(resolved) => format!("{resolved:?}"),
            Err(refusal) => refusal.to_string(),
        };
        assert_eq!(check(&document, "exchange"), "dead_letter from port 2 to port 0");
        assert_eq!(check(&document, "spare"), "dead_letter from port 2 to port 0");
        assert!(check(&document, "far").contains("different brokers"));
        let wire = |from: &str, to: &str| Wire { id: "w".into(), from: from.into(), to: to.into(), ..Wire::default() };
        document.wires.push(wire("queue.dead", "spare.in"));
        assert!(check(&document, "exchange").contains("one place, by \"w\""), "{}", check(&document, "exchange"));
        assert!(check(&document, "spare").contains("routing key"), "{}", check(&document, "spare"));
        assert!(check_connection(&document, "spare", "queue").is_ok(), "each queue has its own");
        assert!(check_connection(&document, "queue", "consumer").is_ok());
    }
}
