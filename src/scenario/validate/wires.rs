//! Checks of wires: whether their ends exist and fit, and their parameters.

use crate::vocabulary::FlatMap;

use super::super::connect::resolve_nodes;
use super::super::document::{Document, Wire};
use super::super::problem::{suggestion, Problem, Severity};
use super::{check_params, Index};

/// Checks every wire.
pub(super) fn check(document: &Document, index: &Index, problems: &mut Vec<Problem>) {
    let mut joined = FlatMap::new();
    for (number, wire) in document.wires.iter().enumerate() {
        let place = format!("wires[{number}]");
        let error = |place: String, message: String| Problem::new(Severity::Error, place, message).at_wire(&wire.id);
        let ends = [("from", &wire.from), ("to", &wire.to)].map(|(name, end)| {
            let id = Wire::node_of(end);
            let node = index.node(id);
            if node.is_none() {
                let remedy = suggestion(id, index.nodes.keys().copied());
                problems.push(error(format!("{place}.{name}"), format!("there is no node \"{id}\"")).remedy(remedy));
            }
            node
        });
        let [Some(from), Some(to)] = ends else { continue };
        match resolve_nodes(from, &wire.from, to, &wire.to) {
            Err(refusal) => {
                let message = format!("{} and {} can't be joined. {}", from.id, to.id, refusal.reason);
                problems.push(error(place, message).remedy(refusal.remedy));
            }
            Ok(resolved) => {
                let key = (&from.id, resolved.from_port, &to.id, resolved.to_port);
                if let Some(other) = joined.insert(key, wire.id.as_str()) {
                    let message = format!("{} and {} are joined by \"{other}\" already", from.id, to.id);
                    problems.push(error(place.clone(), message).remedy("Remove one of the two wires."));
                }
                check_params(
                    &wire.params,
                    resolved.wire_kind.params,
                    &place,
                    |problem| problem.at_wire(&wire.id),
                    problems,
                );
            }
        }
    }
}
