//! Makes a simulation become a drawing, by the difference between what stands and what is drawn.
//!
//! What keeps its id, kind and host keeps its state; what changes one of them is another part, removed and made anew.
//! Removals come first (wires, then members, then hosts), then additions in the opposite order, each in the order of
//! the document, so that the numbers of the run depend only on the document and the edits.

use std::rc::Rc;

use crate::kernel::{LinkEnd, LinkSpec, Port, Simulation};
use crate::model::kind::settings;
use crate::model::{node_kind, NodeKind, ParamSpec, Role};
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{FlatMap, FlatSet, LinkId, NodeId, Settings, Value, WireId};

use super::super::connect::{resolve_nodes, ResolvedConnection};
use super::super::document::{Document, Node, Wire};
use super::super::identity::{first_by_id, nodes_by_id};
use super::names::Names;

/// The parts of the run that stand for parts of the drawing, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    nodes: FlatMap<String, StandingNode>,
    wires: FlatMap<String, StandingWire>,
}

#[derive(Clone, Debug)]
struct StandingNode {
    node: NodeId,
    kind: &'static str,
    host: Option<NodeId>,
    settings: Rc<Settings>,
}

#[derive(Clone, Debug)]
struct StandingWire {
    join: Join,
    from: (NodeId, Port),
    to: (NodeId, Port),
    settings: Rc<Settings>,
}

/// What a wire is in a run.
#[derive(Clone, Copy, Debug)]
enum Join {
    Link(LinkId),
    Inner(WireId),
}

/// A wire as it is drawn.
struct DrawnWire {
    from: (NodeId, Port),
    to: (NodeId, Port),
    link: bool,
    settings: Settings,
}

impl Standing {
    pub(super) fn node(&self, id: &str) -> Option<NodeId> {
        self.nodes.get(id).map(|standing| standing.node)
    }

    pub(super) fn link(&self, id: &str) -> Option<LinkId> {
        match self.wires.get(id)?.join {
            Join::Link(link) => Some(link),
            Join::Inner(_) => None,
        }
    }

    pub(super) fn wire(&self, id: &str) -> Option<WireId> {
        match self.wires.get(id)?.join {
            Join::Inner(wire) => Some(wire),
            Join::Link(_) => None,
        }
    }
}

/// Makes the simulation become the drawing.
pub(super) fn reconcile(simulation: &mut Simulation, standing: &mut Standing, names: &mut Names, document: &Document) {
    let drawing = Drawing { document, nodes: nodes_by_id(document) };
    let wires = possible_wires(&drawing);
    remove_wires(simulation, standing, &drawing, &wires);
    remove_nodes(simulation, standing, &drawing);
    for members in [false, true] {
        for node in &document.nodes {
            let first = drawing.get(node.id.as_str()).is_some_and(|first| std::ptr::eq(first, node));
            if first {
                place_node(simulation, standing, names, node, members);
            }
        }
    }
    for (wire, resolved) in &wires {
        place_wire(simulation, standing, names, &drawing, wire, resolved);
    }
}

/// The nodes of the drawing by id.
struct Drawing<'a> {
    document: &'a Document,
    /// The place of each in the document.
    nodes: FlatMap<&'a str, usize>,
}

impl<'a> Drawing<'a> {
    fn get(&self, id: &str) -> Option<&'a Node> {
        self.document.nodes.get(*self.nodes.get(id)?)
    }
}

/// A wire of the drawing with what it is.
type PossibleWire<'a> = (&'a Wire, ResolvedConnection);

/// The wires that fit between their ends; of two between the same ports only the first.
fn possible_wires<'a>(drawing: &Drawing<'a>) -> Vec<PossibleWire<'a>> {
    let (mut ids, mut pairs) = (FlatSet::new(), FlatSet::new());
    let mut possible = Vec::new();
    for wire in &drawing.document.wires {
        let (from_id, to_id) = (Wire::node_of(&wire.from), Wire::node_of(&wire.to));
        let (Some(from), Some(to)) = (drawing.get(from_id), drawing.get(to_id)) else { continue };
        let Ok(resolved) = resolve_nodes(from, &wire.from, to, &wire.to) else { continue };
        if pairs.insert((from_id, resolved.from_port, to_id, resolved.to_port)) && ids.insert(&wire.id) {
            possible.push((wire, resolved));
        }
    }
    possible
}

/// The host that a node of the drawing has in the run. `Err` if it can't be in a run at all.
fn host_of(standing: &Standing, node: &Node, kind: &NodeKind) -> Result<Option<NodeId>, ()> {
    match kind.role {
        Role::Component(_) => Ok(None),
        Role::Member { host } => {
            let found = node.host.as_deref().and_then(|id| standing.nodes.get(id));
            found.filter(|other| other.kind == host).map(|other| Some(other.node)).ok_or(())
        }
    }
}

/// True if what stands for this id is still drawn, as the same part.
fn node_stays(standing: &Standing, id: &str, drawing: &Drawing) -> bool {
    let (Some(stands), Some(node)) = (standing.nodes.get(id), drawing.get(id)) else { return false };
    let Some(kind) = node_kind(&node.kind).filter(|kind| kind.name == stands.kind) else { return false };
    let host_stays = || node.host.as_deref().is_some_and(|host| node_stays(standing, host, drawing));
    host_of(standing, node, kind) == Ok(stands.host) && (stands.host.is_none() || host_stays())
}

fn remove_wires(simulation: &mut Simulation, standing: &mut Standing, drawing: &Drawing, wires: &[PossibleWire]) {
    let ids: Vec<&str> = wires.iter().map(|(wire, _)| wire.id.as_str()).collect();
    let by_id = first_by_id(&ids);
    let stays = |id: &String, stands: &StandingWire| {
        let possible = by_id.get(id.as_str()).and_then(|number| wires.get(*number));
        let drawn = possible.and_then(|(wire, resolved)| drawn_wire(standing, drawing, wire, resolved));
        drawn.is_some_and(|drawn| drawn.is(stands))
    };
    let gone: Vec<String> =
        standing.wires.iter().filter(|(id, stands)| !stays(id, stands)).map(|(id, _)| id.clone()).collect();
    for id in gone {
        match standing.wires.remove(&id).map(|stands| stands.join) {
            Some(Join::Link(link)) => simulation.remove_link(link),
            Some(Join::Inner(wire)) => simulation.part(wire),
            None => {}
        }
    }
}

fn remove_nodes(simulation: &mut Simulation, standing: &mut Standing, drawing: &Drawing) {
    let mut gone: Vec<(bool, NodeId, String)> = standing
        .nodes
        .iter()
        .filter(|(id, _)| !node_stays(standing, id, drawing))
        .map(|(id, stands)| (stands.host.is_none(), stands.node, id.clone()))
        .collect();
    // Members come before hosts; no two have the same number.
    sort_by_key(&mut gone, |(is_host, node, _)| (*is_host, *node));
    for (_, node, id) in gone {
        simulation.remove_node(node);
        standing.nodes.remove(&id);
    }
}

/// Makes or changes what stands for a node of the drawing.
fn place_node(simulation: &mut Simulation, standing: &mut Standing, names: &mut Names, node: &Node, members: bool) {
    let Some(kind) = node_kind(&node.kind) else { return };
    if matches!(kind.role, Role::Member { .. }) != members {
        return;
    }
    let Ok(host) = host_of(standing, node, kind) else { return };
    let drawn = node_settings(node, kind);
    if let Some(stands) = standing.nodes.get_mut(&node.id) {
        names.relabel(stands.node, node.label());
        if *stands.settings != drawn {
            stands.settings = Rc::new(drawn);
            simulation.configure(stands.node, stands.settings.clone());
        }
        return;
    }
    let settings = Rc::new(drawn);
    let made = match (kind.role, host) {
        (Role::Component(build), _) => simulation.add_node(&node.id, build(&settings)),
        (Role::Member { .. }, Some(host)) => simulation.add_member(host, &node.id, kind.name, settings.clone()),
        (Role::Member { .. }, None) => return,
    };
    names.add_node(made, &node.id, node.label(), kind.name);
    standing.nodes.insert(node.id.clone(), StandingNode { node: made, kind: kind.name, host, settings });
}

/// The settings of a node; those of a member have its name, by which its host knows it.
fn node_settings(node: &Node, kind: &'static NodeKind) -> Settings {
    let mut settings = read_settings(kind.params, &node.params);
    if matches!(kind.role, Role::Member { .. }) {
        settings.set("name", Value::Text(Rc::from(node.label())));
    }
    settings
}

fn read_settings(
    specs: &'static [ParamSpec],
    params: &std::collections::BTreeMap<String, serde_json::Value>,
) -> Settings {
    settings(specs, |name| params.get(name).cloned())
}

/// How a wire of the drawing runs between parts that stand; none if one of them does not, or not any more.
fn drawn_wire(standing: &Standing, drawing: &Drawing, wire: &Wire, resolved: &ResolvedConnection) -> Option<DrawnWire> {
    let (from_id, to_id) = (Wire::node_of(&wire.from), Wire::node_of(&wire.to));
    if !node_stays(standing, from_id, drawing) || !node_stays(standing, to_id, drawing) {
        return None;
    }
    Some(DrawnWire {
        from: (standing.node(from_id)?, resolved.from_port),
        to: (standing.node(to_id)?, resolved.to_port),
        link: resolved.wire_kind.link,
        settings: read_settings(resolved.wire_kind.params, &wire.params),
    })
}

impl DrawnWire {
    /// True if this is the wire that stands, perhaps with other settings.
    fn is(&self, stands: &StandingWire) -> bool {
        self.from == stands.from && self.to == stands.to && self.link == matches!(stands.join, Join::Link(_))
    }
}

/// Makes or changes what stands for a wire of the drawing.
fn place_wire(
    simulation: &mut Simulation,
    standing: &mut Standing,
    names: &mut Names,
    drawing: &Drawing,
    wire: &Wire,
    resolved: &ResolvedConnection,
) {
    let Some(drawn) = drawn_wire(standing, drawing, wire, resolved) else { return };
    if let Some(stands) = standing.wires.get_mut(&wire.id) {
        if *stands.settings != drawn.settings {
            stands.settings = Rc::new(drawn.settings);
            match stands.join {
                Join::Link(link) => simulation.respecify_link(link, link_spec(&stands.settings)),
                Join::Inner(inner) => simulation.rejoin(inner, stands.settings.clone()),
            }
        }
        return;
    }
    let settings = Rc::new(drawn.settings);
    let end = |(node, port): (NodeId, Port)| LinkEnd { node, port };
    let join = if drawn.link {
        let link = simulation.add_link(&wire.id, link_spec(&settings), end(drawn.from), end(drawn.to));
        names.add_link(link, &wire.id);
        Join::Link(link)
    } else {
        Join::Inner(simulation.join(drawn.from.0, drawn.to.0, settings.clone()))
    };
    standing.wires.insert(wire.id.clone(), StandingWire { join, from: drawn.from, to: drawn.to, settings });
}

/// The properties of a link; the document has shares in per cent, the kernel chances.
fn link_spec(settings: &Settings) -> LinkSpec {
    LinkSpec {
        latency: settings.distribution("latency"),
        loss: settings.number("loss") / 100.0,
        duplicate: settings.number("duplicate") / 100.0,
        reorder: settings.number("reorder") / 100.0,
        heartbeat: settings.duration("heartbeat"),
    }
}
