//! Adding and removing nodes and wires, with all that goes along and comes back.

use crate::model::{node_kind, Role};

use super::super::document::{Document, Node, PlannedFault, Wire};
use super::super::identity::{flaw, note_id};
use super::super::limits::{NODES_MAX, WIRES_MAX};
use super::{check_position, Edit, EditError};

/// Adds a node at a place in the list.
pub(super) fn add_node(document: &mut Document, node: &Node, index: Option<usize>) -> Result<Edit, EditError> {
    let index = index.unwrap_or(document.nodes.len());
    check_id(document, &node.id)?;
    check_position(node.at)?;
    check_place(index, document.nodes.len(), NODES_MAX, "nodes")?;
    // Something may refer to the node before it is there: a wire that leads nowhere, say. Its removal will take that
    // along, so the inverse puts it back.
    let waiting = departure(document, &node.id).back;
    note_id(document, &node.id);
    document.nodes.insert(index, node.clone());
    Ok(with_rest(Edit::RemoveNode { id: node.id.clone() }, waiting))
}

/// What goes when a node goes.
struct Departure {
    nodes: Vec<String>,
    wires: Vec<String>,
    /// The edits that bring all of it back.
    back: Vec<Edit>,
}

/// What refers to the node and can't be without it, and the node itself if it is there.
fn departure(document: &Document, id: &str) -> Departure {
    let mut gone = Departure { nodes: Vec::new(), wires: Vec::new(), back: Vec::new() };
    for (index, node) in document.nodes.iter().enumerate() {
        if node.id == id || (node.host.as_deref() == Some(id) && lives_inside(node)) {
            gone.nodes.push(node.id.clone());
            gone.back.push(Edit::AddNode { node: node.clone(), index: Some(index) });
        }
    }
    let ends_there = |end: &str| Wire::node_of(end) == id || gone.nodes.iter().any(|node| node == Wire::node_of(end));
    for (index, wire) in document.wires.iter().enumerate() {
        if ends_there(&wire.from) || ends_there(&wire.to) {
            gone.wires.push(wire.id.clone());
            gone.back.push(Edit::Connect { wire: wire.clone(), index: Some(index) });
        }
    }
    let aimed =
        |fault: &PlannedFault| fault.to == id || gone.nodes.contains(&fault.to) || gone.wires.contains(&fault.to);
    if document.faults.iter().any(aimed) {
        gone.back.push(Edit::SetFaults { faults: document.faults.clone() });
    }
    gone
}

/// True if a node of this kind can't be without a host. An unknown kind goes with the host that it names.
fn lives_inside(node: &Node) -> bool {
    node_kind(&node.kind).is_none_or(|kind| matches!(kind.role, Role::Member { .. }))
}

/// One edit, or a batch that starts with it.
fn with_rest(first: Edit, rest: Vec<Edit>) -> Edit {
    if rest.is_empty() {
        first
    } else {
        Edit::Batch(std::iter::once(first).chain(rest).collect())
    }
}

/// Removes a node and what can't be without it.
pub(super) fn remove_node(document: &mut Document, id: &str) -> Result<Edit, EditError> {
    if document.node(id).is_none() {
        return Err(EditError::NoNode(id.to_string()));
    }
    let gone = departure(document, id);
    document.nodes.retain(|node| !gone.nodes.contains(&node.id));
    document.wires.retain(|wire| !gone.wires.contains(&wire.id));
    document.faults.retain(|fault| !gone.nodes.contains(&fault.to) && !gone.wires.contains(&fault.to));
    Ok(Edit::Batch(gone.back))
}

/// Adds a wire at a place in the list.
pub(super) fn connect(document: &mut Document, wire: &Wire, index: Option<usize>) -> Result<Edit, EditError> {
    let index = index.unwrap_or(document.wires.len());
    check_id(document, &wire.id)?;
    check_place(index, document.wires.len(), WIRES_MAX, "wires")?;
    note_id(document, &wire.id);
    document.wires.insert(index, wire.clone());
    Ok(with_rest(Edit::Disconnect { id: wire.id.clone() }, faults_aimed_at(document, &wire.id)))
}

/// Removes a wire and the planned faults aimed at it.
pub(super) fn disconnect(document: &mut Document, id: &str) -> Result<Edit, EditError> {
    let found = document.wires.iter().position(|wire| wire.id == id);
    let index = found.ok_or_else(|| EditError::NoWire(id.to_string()))?;
    let faults_back = faults_aimed_at(document, id);
    let wire = document.wires.remove(index);
    document.faults.retain(|fault| fault.to != id);
    Ok(with_rest(Edit::Connect { wire, index: Some(index) }, faults_back))
}

/// The edit that brings back the planned faults aimed at a wire, if there are any.
fn faults_aimed_at(document: &Document, id: &str) -> Vec<Edit> {
    if document.faults.iter().any(|fault| fault.to == id) {
        vec![Edit::SetFaults { faults: document.faults.clone() }]
    } else {
        Vec::new()
    }
}

fn check_id(document: &Document, id: &str) -> Result<(), EditError> {
    if let Some(flaw) = flaw(id) {
        return Err(EditError::IdFlawed(flaw));
    }
    if document.node(id).is_some() || document.wire(id).is_some() {
        return Err(EditError::IdTaken(id.to_string()));
    }
    Ok(())
}

fn check_place(index: usize, length: usize, max: usize, what: &'static str) -> Result<(), EditError> {
    if length >= max {
        return Err(EditError::TooMany(what, max));
    }
    if index > length {
        return Err(EditError::IndexPastEnd(index));
    }
    Ok(())
}
