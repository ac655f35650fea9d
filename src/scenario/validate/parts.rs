//! Checks of nodes: their kinds, parameters, names, positions and hosts.

use crate::model::{node_kind, NodeKind, Role, KINDS};
use crate::vocabulary::FlatMap;

use super::super::connect::with_article;
use super::super::document::{Document, Node};
use super::super::limits::{NAME_LENGTH_MAX, POSITION_MAX};
use super::super::problem::{suggestion, Problem, Severity};
use super::{check_params, too_long, Index};

/// Checks every node.
pub(super) fn check(document: &Document, index: &Index, problems: &mut Vec<Problem>) {
    for (number, node) in document.nodes.iter().enumerate() {
        check_node(&format!("nodes[{number}]"), node, index, problems);
    }
    check_member_names(document, problems);
}

fn check_node(place: &str, node: &Node, index: &Index, problems: &mut Vec<Problem>) {
    let error = |part: &str, message: String| {
        Problem::new(Severity::Error, format!("{place}.{part}"), message).at_node(&node.id)
    };
    if let Some(message) = too_long(&node.name, NAME_LENGTH_MAX) {
        problems.push(error("name", message));
    }
    // Written so that not-a-number fails.
    let near = |coordinate: f64| coordinate.abs() <= POSITION_MAX;
    if !(near(node.at.0) && near(node.at.1)) {
        let message = format!("must be within {POSITION_MAX} units of the middle, is ({}, {})", node.at.0, node.at.1);
        problems.push(error("at", message));
    }
    let Some(kind) = node_kind(&node.kind) else {
        let message = format!("there is no kind \"{}\"; the node is left out of a run", node.kind);
        let names = KINDS.iter().map(|kind| kind.name);
        problems.push(error("kind", message).remedy(suggestion(&node.kind, names)));
        return;
    };
    check_params(&node.params, kind.params, place, |problem| problem.at_node(&node.id), problems);
    if let Some((message, remedy)) = host_flaw(node, kind, index) {
        problems.push(error("in", message).remedy(remedy));
    }
}

/// What is wrong with the place that a node says it lives in: (message, remedy).
fn host_flaw(node: &Node, kind: &NodeKind, index: &Index) -> Option<(String, String)> {
    let article = with_article(kind);
    match (kind.role, node.host.as_deref()) {
        (Role::Component(_), None) => None,
        (Role::Component(_), Some(host)) => Some((
            format!("{} lives in nothing, but is in \"{host}\"", article.to_ascii_lowercase()),
            "Leave \"in\" out.".to_string(),
        )),
        (Role::Member { host }, None) => Some((
            format!("{} must be in a {host}; without one it is left out of a run", article.to_ascii_lowercase()),
            format!("Say in which {host} it is: \"in\": \"...\"."),
        )),
        (Role::Member { host: wanted }, Some(id)) => match index.node(id) {
            None => {
                let is_host = |id: &&str| index.node(id).is_some_and(|other| other.kind == wanted);
                let ids: Vec<&str> = index.nodes.keys().copied().filter(is_host).collect();
                Some((format!("there is no node \"{id}\""), suggestion(id, ids)))
            }
            Some(other) if other.kind != wanted => Some((
                format!("must be a {wanted}, but \"{id}\" is of the kind \"{}\"", other.kind),
                format!("Move it into a {wanted}."),
            )),
            Some(_) => None,
        },
    }
}

/// Two members of one kind and host can't have the same name: to a broker they would be the same queue.
fn check_member_names(document: &Document, problems: &mut Vec<Problem>) {
    let mut names = FlatMap::new();
    for (number, node) in document.nodes.iter().enumerate() {
        let Some(host) = node.host.as_deref() else { continue };
        if let Some(other) = names.insert((host, node.kind.as_str(), node.label()), node.id.as_str()) {
            let message = format!("\"{}\" is the name of \"{other}\" too", node.label());
            let problem = Problem::new(Severity::Error, format!("nodes[{number}].name"), message).at_node(&node.id);
            problems.push(problem.remedy(format!("Inside one host each {} needs a name of its own.", node.kind)));
        }
    }
}
