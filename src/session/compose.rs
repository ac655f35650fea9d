//! What one gesture of a person means as an edit: placing a part with the broker it needs, connecting, splicing, copying.

use crate::diagram::geometry::{snap, Point};
use crate::diagram::layout::Layout;
use crate::model::broker::profile::PROFILES;
use crate::model::{node_kind, Role};
use crate::scenario::connect::{check_connection, Refusal};
use crate::scenario::document::{Document, Node, Wire};
use crate::scenario::edit::Edit;
use crate::scenario::identity::fresh_id;

/// How far a copy lies from its original, in drawing units.
const COPY_OFFSET: f64 = 36.0;

/// An edit, and the parts to select afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed {
    /// The edit.
    pub edit: Edit,
    /// The ids of the new parts.
    pub select: Vec<String>,
}

fn node(document: &Document, id: String, kind: &str, host: Option<String>, at: Point) -> Node {
    Node { name: name_for(document, &id, kind), id, kind: kind.to_string(), host, at, params: Default::default() }
}

/// What a new part is called: a broker by its product, another one by the plain word for it, such as `group-4`. Where the
/// id is such a word already, that is its name.
fn name_for(document: &Document, id: &str, kind: &str) -> String {
    if let Some(profile) = PROFILES.iter().find(|profile| profile.host == kind) {
        let is_taken = document.nodes.iter().any(|node| node.label() == profile.label);
        return if is_taken { id.replace(kind, profile.label) } else { profile.label.to_string() };
    }
    match (kind.rsplit_once('_'), id.strip_prefix(kind)) {
        (Some((_, word)), Some(number)) => format!("{word}{number}"),
        _ => String::new(),
    }
}

/// Places a new part at a point of the plane. A part that lives in a host gets the one at that point, else the first of
/// the document, else a new one.
pub fn place(document: &Document, layout: &Layout, kind: &str, at: Point) -> Option<Composed> {
    let known = node_kind(kind)?;
    let mut scratch = document.clone();
    let mut edits = Vec::new();
    let at = snap(at);
    let host = match known.role {
        Role::Component(_) => None,
        Role::Member { host } => {
            let under = layout.enclosure_at(document, at).map(str::to_string);
            let first = || document.nodes.iter().find(|node| node.kind == host).map(|node| node.id.clone());
            Some(under.or_else(first).unwrap_or_else(|| {
                let id = fresh_id(&mut scratch, host);
                edits.push(Edit::add_node(node(document, id.clone(), host, None, at)));
                id
            }))
        }
    };
    let id = fresh_id(&mut scratch, kind);
    edits.push(Edit::add_node(node(document, id.clone(), kind, host, at)));
    let edit = if edits.len() == 1 { edits.remove(0) } else { Edit::Batch(edits) };
    Some(Composed { edit, select: vec![id] })
}

/// Connects two nodes. When the line was drawn against the direction of the ports, it is turned round.
pub fn connect(document: &Document, from: &str, to: &str) -> Result<Composed, Refusal> {
    let (from, to) = match check_connection(document, from, to) {
        Ok(_) => (from, to),
        Err(refusal) => match check_connection(document, to, from) {
            Ok(_) => (to, from),
            Err(_) => return Err(refusal),
        },
    };
    let id = fresh_id(&mut document.clone(), "wire");
    let wire = Wire { id: id.clone(), from: from.to_string(), to: to.to_string(), params: Default::default() };
    Ok(Composed { edit: Edit::connect(wire), select: vec![id] })
}

/// Places a new part and connects it with a node, in whichever direction fits.
pub fn place_connected(
    document: &Document,
    layout: &Layout,
    kind: &str,
    at: Point,
    with: &str,
) -> Result<Composed, Refusal> {
    let nothing = || Refusal { reason: format!("There is no kind of part called {kind}."), remedy: String::new() };
    let placed = place(document, layout, kind, at).ok_or_else(nothing)?;
    let mut after = document.clone();
    crate::scenario::edit::apply(&placed.edit, &mut after)
        .map_err(|error| Refusal { reason: error.to_string(), remedy: String::new() })?;
    let id = placed.select[0].clone();
    let wire = connect(&after, with, &id)?;
    Ok(Composed { edit: Edit::Batch(vec![placed.edit, wire.edit]), select: vec![id] })
}

/// The kinds that a wire could join with this node, in either direction: (kind, whether it would come after the node).
pub fn partners(document: &Document, layout: &Layout, id: &str) -> Vec<&'static str> {
    let kinds = crate::model::KINDS.iter().map(|kind| kind.name);
    kinds.filter(|kind| place_connected(document, layout, kind, (0.0, 0.0), id).is_ok()).collect()
}

/// Places a part in the middle of a wire: the wire is replaced by two. None if the part does not fit there.
pub fn splice(document: &Document, layout: &Layout, kind: &str, at: Point, wire: &str) -> Option<Composed> {
    let wire = document.wire(wire)?;
    let placed = place(document, layout, kind, at)?;
    let mut after = document.clone();
    let id = placed.select[0].clone();
    let mut edits = vec![placed.edit, Edit::Disconnect { id: wire.id.clone() }];
    for edit in &edits {
        crate::scenario::edit::apply(edit, &mut after).ok()?;
    }
    for (from, to) in [(Wire::node_of(&wire.from), id.as_str()), (id.as_str(), Wire::node_of(&wire.to))] {
        check_connection(&after, from, to).ok()?;
        let new = fresh_id(&mut after, "wire");
        let edit = Edit::connect(Wire { id: new, from: from.into(), to: to.into(), params: Default::default() });
        crate::scenario::edit::apply(&edit, &mut after).ok()?;
        edits.push(edit);
    }
    Some(Composed { edit: Edit::Batch(edits), select: vec![id] })
}

/// Removes parts: nodes with their wires, and wires. None if there is nothing to remove.
pub fn remove(document: &Document, ids: &[String]) -> Option<Edit> {
    let mut after = document.clone();
    let mut edits = Vec::new();
    // Wires first: a node takes its wires along.
    let wires = ids.iter().filter(|id| document.wire(id).is_some()).map(|id| Edit::Disconnect { id: id.clone() });
    let nodes = ids.iter().filter(|id| document.node(id).is_some()).map(|id| Edit::RemoveNode { id: id.clone() });
    for edit in wires.chain(nodes) {
        // A member may be gone already with its host.
        if crate::scenario::edit::apply(&edit, &mut after).is_ok() {
            edits.push(edit);
        }
    }
    (!edits.is_empty()).then(|| if edits.len() == 1 { edits.remove(0) } else { Edit::Batch(edits) })
}

/// Copies nodes and the wires between them, a little to the side. None if no node is among the ids.
pub fn duplicate(document: &Document, ids: &[String]) -> Option<Composed> {
    let mut scratch = document.clone();
    let (mut edits, mut names) = (Vec::new(), Vec::new());
    let chosen = |id: &str| ids.iter().any(|other| other == id);
    for original in document.nodes.iter().filter(|node| chosen(&node.id)) {
        let id = fresh_id(&mut scratch, &original.kind);
        names.push((original.id.clone(), id.clone()));
        let host = original
            .host
            .as_ref()
            .map(|host| names.iter().find(|(old, _)| old == host).map_or_else(|| host.clone(), |(_, new)| new.clone()));
        let name = if original.name.is_empty() { String::new() } else { format!("{} copy", original.name) };
        let at = (original.at.0 + COPY_OFFSET, original.at.1 + COPY_OFFSET);
        edits.push(Edit::add_node(Node { id, name, host, at, ..original.clone() }));
    }
    let renamed = |end: &str| names.iter().find(|(old, _)| old == Wire::node_of(end)).map(|(_, new)| new.clone());
    for wire in &document.wires {
        if let (Some(from), Some(to)) = (renamed(&wire.from), renamed(&wire.to)) {
            let id = fresh_id(&mut scratch, "wire");
            edits.push(Edit::connect(Wire { id, from, to, params: wire.params.clone() }));
        }
    }
    let select = names.into_iter().map(|(_, new)| new).collect::<Vec<_>>();
    (!select.is_empty()).then_some(Composed { edit: Edit::Batch(edits), select })
}
