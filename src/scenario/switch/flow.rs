//! What is inside a broker, in general words: entries, subscribers, and what joins them to each other and to clients.

use crate::scenario::document::{Document, Node, Wire};
use crate::scenario::identity::fresh_id;

use super::rule::{self, Rule};
use super::shape::Shape;

/// A part inside the broker.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// As it was drawn; an invented one has no kind.
    pub node: Node,
    /// Whether it only takes messages in.
    pub is_entry: bool,
    /// How often it delivers a message before it is a dead letter, if that is said.
    pub deliveries: Option<i64>,
    /// The condition on what it gets, for the products that have it there.
    pub filter: Option<String>,
}

/// What a wire is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Purpose {
    /// From a client: messages come in.
    Feed,
    /// From an entry to a subscriber, or to another entry.
    Route(Rule),
    /// To a consumer.
    Handout,
    /// From a subscriber: what it gives up goes there.
    Dead,
}

/// A wire that ends inside the broker at least once. Its ends are ids without ports.
#[derive(Clone, Debug)]
pub(super) struct Join {
    /// The wire.
    pub wire: Wire,
    /// What it is for.
    pub purpose: Purpose,
}

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// The parts, in the order of the document; invented ones after them.
    pub parts: Vec<Part>,
    /// The wires, in the order of the document; invented ones after them.
    pub joins: Vec<Join>,
    /// The document as it was, with a counter that has moved on: new ids are taken from here.
    pub document: Document,
}

/// Reads what is inside a host.
pub(super) fn read(document: &Document, host: &str, shape: &Shape) -> Flow {
    let inside = |node: &&Node| node.host.as_deref() == Some(host);
    let part = |node: &Node| Part {
        is_entry: shape.entry == Some(node.kind.as_str()),
        deliveries: node.params.get(shape.deliveries).and_then(|json| json.as_i64()).filter(|count| *count > 0),
        filter: None,
        node: node.clone(),
    };
    let parts: Vec<Part> = document.nodes.iter().filter(inside).map(part).collect();
    let mut flow = Flow { parts, joins: Vec::new(), document: document.clone() };
    for wire in &document.wires {
        let (from, to) = (Wire::node_of(&wire.from).to_string(), Wire::node_of(&wire.to).to_string());
        let purpose = match (flow.part(&from), flow.part(&to)) {
            (None, None) => continue,
            (None, Some(_)) => Purpose::Feed,
            (Some(_), None) => Purpose::Handout,
            (Some(start), Some(end)) if start.is_entry => Purpose::Route(match shape.host {
                "broker" => rule::of_binding(&start.node, &wire.params, end.node.label()),
                "pubsub" => rule::of_subscription(&end.node),
                _ => Vec::new(),
            }),
            (Some(_), Some(_)) => Purpose::Dead,
        };
        if let (Purpose::Dead, Some(count)) =
            (&purpose, wire.params.get(shape.deliveries).and_then(|json| json.as_i64()))
        {
            if let Some(part) = flow.part_mut(&from) {
                part.deliveries = Some(count);
            }
        }
        flow.joins.push(Join { wire: Wire { from, to, ..wire.clone() }, purpose });
    }
    flow
}

impl Flow {
    /// The part of this id.
    pub(super) fn part(&self, id: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.node.id == id)
    }

    /// The part of this id.
    pub(super) fn part_mut(&mut self, id: &str) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.node.id == id)
    }

    /// Whether a part is an entry.
    pub(super) fn is_entry(&self, id: &str) -> bool {
        self.part(id).is_some_and(|part| part.is_entry)
    }

    /// The wires that end at a part.
    pub(super) fn incoming<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Join> {
        self.joins.iter().filter(move |join| join.wire.to == id)
    }

    /// The routes that start at an entry: where to, and the rule.
    pub(super) fn routes(&self, id: &str) -> Vec<(String, Rule)> {
        let route = |join: &Join| match &join.purpose {
            Purpose::Route(rule) if join.wire.from == id => Some((join.wire.to.clone(), rule.clone())),
            _ => None,
        };
        self.joins.iter().filter_map(route).collect()
    }

    /// The ids of the entries, or of the subscribers.
    pub(super) fn ids(&self, entries: bool) -> Vec<String> {
        self.parts.iter().filter(|part| part.is_entry == entries).map(|part| part.node.id.clone()).collect()
    }

    /// Adds a wire. Two wires of one purpose between the same two parts would be one too many.
    pub(super) fn join(&mut self, from: &str, to: &str, purpose: Purpose, like: Option<&Wire>) {
        let is_there = |join: &Join| {
            let same_purpose = std::mem::discriminant(&join.purpose) == std::mem::discriminant(&purpose);
            same_purpose && join.wire.from == from && join.wire.to == to
        };
        if self.joins.iter().any(is_there) {
            return;
        }
        let id = fresh_id(&mut self.document, "wire");
        let params = like.map(|wire| wire.params.clone()).unwrap_or_default();
        let wire = Wire { id, from: from.to_string(), to: to.to_string(), params };
        self.joins.push(Join { wire, purpose });
    }

    /// Adds a part.
    pub(super) fn invent(&mut self, stem: &str, name: String, at: (f64, f64), is_entry: bool) -> String {
        let id = fresh_id(&mut self.document, stem);
        let taken =
            self.parts.iter().filter(|part| part.is_entry == is_entry).map(|part| part.node.label().to_string());
        let name = free_name(&name, &taken.collect::<Vec<_>>());
        let node = Node { id: id.clone(), name, at, ..Node::default() };
        self.parts.push(Part { node, is_entry, deliveries: None, filter: None });
        id
    }

    /// Removes a part with its wires.
    pub(super) fn remove(&mut self, id: &str) {
        self.parts.retain(|part| part.node.id != id);
        self.joins.retain(|join| join.wire.from != id && join.wire.to != id);
    }

    /// Removes all but the first of wires with one purpose and the same ends; true if there were more.
    pub(super) fn drop_twins(&mut self) -> bool {
        let before = self.joins.len();
        let mut kept: Vec<Join> = Vec::with_capacity(before);
        for join in std::mem::take(&mut self.joins) {
            let twin = kept.iter().any(|other| {
                std::mem::discriminant(&other.purpose) == std::mem::discriminant(&join.purpose)
                    && other.wire.from == join.wire.from
                    && other.wire.to == join.wire.to
            });
            if !twin {
                kept.push(join);
            }
        }
        self.joins = kept;
        self.joins.len() < before
    }
}

/// The name, with a number behind it if it is taken.
pub(super) fn free_name(name: &str, taken: &[String]) -> String {
    let mut candidate = name.to_string();
    let mut number = 2;
    while taken.contains(&candidate) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}
