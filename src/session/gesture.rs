//! Gestures on the canvas as a pure state machine: pointers in, outcomes out.
//!
//! A press that does not move is a tap, one that moves is a drag. Everything that a drag does, taps alone do too (WCAG
//! 2.2, 2.5.7): tap a kind in the palette, tap the canvas to place it; tap a port, tap a node to connect them; start
//! "move", tap the new place. Two fingers pan and zoom. Escape undoes what is under way.

use crate::diagram::geometry::{port_point, sides, snap, Frame, Point, Side};
use crate::diagram::layout::Layout;
use crate::model::node_kind;
use crate::scenario::connect::check_connection;
use crate::scenario::document::Document;
use crate::scenario::edit::Edit;

use super::action::{Action, Mode};
use super::compose;
use super::view_state::{Selection, View};

/// Pixels that a mouse may move while it taps; fingers tremble more.
const SLOP_MOUSE: f64 = 4.0;
const SLOP_TOUCH: f64 = 10.0;
/// How near to a port or wire is on it, in pixels.
const REACH_MOUSE: f64 = 13.0;
const REACH_TOUCH: f64 = 24.0;

/// A pointer on the canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pointer {
    /// Tells fingers apart.
    pub id: i32,
    /// Where, in pixels from the canvas's upper left corner.
    pub at: Point,
    /// A finger.
    pub touch: bool,
    /// Shift, Control or Command is held: add to the selection; dragging the ground selects a rectangle with Shift.
    pub shift: bool,
    /// Control or Command is held.
    pub control: bool,
    /// The middle button: always pans.
    pub middle: bool,
}

/// What lies under a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Hit {
    /// A port: the node, and its side.
    Port(String, Side),
    /// A node.
    Node(String),
    /// A wire.
    Wire(String),
    /// Nothing.
    Ground,
}

/// What a gesture comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Do this.
    Act(Action),
    /// Show this stretch of the plane.
    View(View),
    /// Offer the kinds that can be placed at this point of the plane, connected with a node if one is named.
    QuickAdd(Point, Option<String>),
    /// Say this.
    Say(String),
    /// Say that something can't be done, and why.
    Refuse(String),
}

/// What is under way.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// Pressed, and not yet moved.
    Pressed { pointer: Pointer, hit: Hit },
    /// The ground is dragged.
    Panning { last: Point },
    /// Nodes are dragged; `by` in drawing units.
    Dragging { ids: Vec<String>, start: Point, by: Point },
    /// A line is drawn from a port to the point of the plane.
    Connecting { from: String, side: Side, to: Point },
    /// A rectangle is drawn, in the plane.
    Boxing { start: Point, end: Point },
    /// Two fingers.
    Pinching { first: Pointer, second: Pointer },
}

/// What the next tap does.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Armed {
    /// Selects.
    #[default]
    No,
    /// Places a part of this kind.
    Place(String),
    /// Connects this node, from the port at this side.
    Connect(String, Side),
    /// Moves this node.
    Move(String),
}

/// The state of the canvas's pointers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gesture {
    /// What is under way.
    pub phase: Phase,
    /// What the next tap does.
    pub armed: Armed,
}

/// What the gesture acts on.
pub struct Scene<'a> {
    /// The document.
    pub document: &'a Document,
    /// Its geometry.
    pub layout: &'a Layout,
    /// What is shown.
    pub view: View,
    /// What is selected.
    pub selection: &'a Selection,
    /// What may be done.
    pub mode: Mode,
}

impl Scene<'_> {
    fn reach(&self, touch: bool) -> f64 {
        (if touch { REACH_TOUCH } else { REACH_MOUSE }) / self.view.zoom
    }

    /// What lies under a point of the canvas.
    pub fn hit(&self, at: Point, touch: bool) -> Hit {
        let point = self.view.to_plane(at);
        let inside = self.layout.node_at(self.document, point);
        if let Some((id, side)) = self.port_at(point, self.reach(touch), inside) {
            return Hit::Port(id, side);
        }
        match inside {
            // A frame around other nodes is a node only where no wire runs.
            Some(id) if !self.is_host(id) => Hit::Node(id.to_string()),
            host => match (self.layout.wire_near(self.document, point, self.reach(touch) * 0.6), host) {
                (Some(wire), _) => Hit::Wire(wire.to_string()),
                (None, Some(host)) => Hit::Node(host.to_string()),
                (None, None) => Hit::Ground,
            },
        }
    }

    fn is_host(&self, id: &str) -> bool {
        self.document.node(id).and_then(|node| node_kind(&node.kind)).is_some_and(|kind| kind.ports.is_empty())
    }

    /// The nearest port within reach. Inside of a node only a smaller reach counts, so that the node stays graspable.
    fn port_at(&self, point: Point, reach: f64, inside: Option<&str>) -> Option<(String, Side)> {
        let mut best: Option<(f64, String, Side)> = None;
        for node in &self.document.nodes {
            let (Some(kind), Some(frame)) = (node_kind(&node.kind), self.layout.frame(&node.id)) else { continue };
            if !frame.grown(reach).contains(point) {
                continue;
            }
            let reach = if inside == Some(node.id.as_str()) { reach.min(12.0) } else { reach };
            for (side, _) in sides(kind) {
                let (x, y) = port_point(frame, side);
                let distance = libm::hypot(point.0 - x, point.1 - y);
                if distance <= reach && best.as_ref().is_none_or(|(least, ..)| distance < *least) {
                    best = Some((distance, node.id.clone(), side));
                }
            }
        }
        best.map(|(_, id, side)| (id, side))
    }
}

/// The end of a wire at this side of a node. Only the port below is named: at the right the kinds tell which one is meant.
fn end_at(document: &Document, id: &str, side: Side) -> String {
    let kind = document.node(id).and_then(|node| node_kind(&node.kind)).filter(|_| side == Side::Below);
    match kind.and_then(|kind| sides(kind).find(|(other, _)| *other == side)) {
        Some((_, port)) => format!("{id}.{}", port.name),
        None => id.to_string(),
    }
}

impl Gesture {
    /// A pointer went down.
    pub fn down(&mut self, pointer: Pointer, scene: &Scene) -> Vec<Outcome> {
        match &self.phase {
            Phase::Pressed { pointer: first, .. } if pointer.touch && first.id != pointer.id => {
                self.phase = Phase::Pinching { first: *first, second: pointer };
            }
            Phase::Panning { last } if pointer.touch => {
                let first = Pointer { at: *last, id: i32::MIN, ..pointer };
                self.phase = Phase::Pinching { first, second: pointer };
            }
            Phase::Idle => self.phase = Phase::Pressed { pointer, hit: scene.hit(pointer.at, pointer.touch) },
            _ => {}
        }
        Vec::new()
    }

    /// A pointer moved.
    pub fn moved(&mut self, pointer: Pointer, scene: &Scene) -> Vec<Outcome> {
        let plane = scene.view.to_plane(pointer.at);
        match &mut self.phase {
            Phase::Idle => {}
            Phase::Pressed { pointer: first, hit } => {
                let slop = if pointer.touch { SLOP_TOUCH } else { SLOP_MOUSE };
                let distance = libm::hypot(pointer.at.0 - first.at.0, pointer.at.1 - first.at.1);
                if first.id == pointer.id && distance > slop {
                    let (first, hit) = (*first, hit.clone());
                    return self.begin_drag(first, hit, pointer, scene);
                }
            }
            Phase::Panning { last } => {
                let by = (pointer.at.0 - last.0, pointer.at.1 - last.1);
                *last = pointer.at;
                return vec![Outcome::View(scene.view.panned(by))];
            }
            Phase::Dragging { start, by, .. } => *by = (plane.0 - start.0, plane.1 - start.1),
            Phase::Connecting { to, .. } => *to = plane,
            Phase::Boxing { end, .. } => *end = plane,
            Phase::Pinching { first, second } => return pinch(first, second, pointer, scene.view),
        }
        Vec::new()
    }

    fn begin_drag(&mut self, first: Pointer, hit: Hit, pointer: Pointer, scene: &Scene) -> Vec<Outcome> {
        let start = scene.view.to_plane(first.at);
        let plane = scene.view.to_plane(pointer.at);
        let editing = scene.mode == Mode::Edit;
        let mut outcomes = Vec::new();
        self.phase = match hit {
            _ if first.middle => Phase::Panning { last: pointer.at },
            Hit::Port(id, side) if editing => Phase::Connecting { from: id, side, to: plane },
            Hit::Node(id) if editing => {
                let ids = if scene.selection.has(&id) {
                    scene.selection.ids().to_vec()
                } else {
                    outcomes.push(Outcome::Act(Action::Select(vec![id.clone()])));
                    vec![id]
                };
                let ids = with_members(scene.document, ids);
                Phase::Dragging { ids, start, by: (plane.0 - start.0, plane.1 - start.1) }
            }
            _ if first.shift => Phase::Boxing { start, end: plane },
            _ => {
                let by = (pointer.at.0 - first.at.0, pointer.at.1 - first.at.1);
                outcomes.push(Outcome::View(scene.view.panned(by)));
                Phase::Panning { last: pointer.at }
            }
        };
        outcomes
    }

    /// A pointer went up.
    pub fn up(&mut self, pointer: Pointer, scene: &Scene) -> Vec<Outcome> {
        let plane = scene.view.to_plane(pointer.at);
        match std::mem::take(&mut self.phase) {
            Phase::Idle | Phase::Panning { .. } => Vec::new(),
            Phase::Pressed { pointer: first, hit } => self.tap(Pointer { shift: first.shift, ..pointer }, hit, scene),
            Phase::Dragging { ids, by, .. } => drop_nodes(&ids, by, scene),
            Phase::Connecting { from, side, .. } => finish_line(&from, side, plane, pointer.touch, scene),
            Phase::Boxing { start, .. } => vec![Outcome::Act(Action::Select(inside_box(start, plane, scene)))],
            Phase::Pinching { first, second } => {
                let rest = if pointer.id == first.id { second } else { first };
                self.phase = Phase::Panning { last: rest.at };
                Vec::new()
            }
        }
    }

    /// The pointer was taken away, or Escape was pressed: what is under way is undone and nothing is armed.
    pub fn cancel(&mut self) -> bool {
        let busy = self.phase != Phase::Idle || self.armed != Armed::No;
        *self = Gesture::default();
        busy
    }

    fn tap(&mut self, pointer: Pointer, hit: Hit, scene: &Scene) -> Vec<Outcome> {
        let plane = scene.view.to_plane(pointer.at);
        match (std::mem::take(&mut self.armed), hit) {
            (Armed::Place(kind), hit) => place_outcome(&kind, plane, &hit, scene),
            (Armed::Connect(from, side), Hit::Node(id) | Hit::Port(id, _)) if id != from => {
                connect_outcome(&end_at(scene.document, &from, side), &id, scene)
            }
            (Armed::Connect(..), Hit::Ground | Hit::Wire(_)) => vec![Outcome::Say("Not connected.".into())],
            (Armed::Connect(..), _) => Vec::new(),
            (Armed::Move(id), _) => {
                let edit = Edit::MoveNode { id, at: snap(plane) };
                vec![Outcome::Act(Action::Edit(edit))]
            }
            // What is armed is shown, so nothing need be said.
            (Armed::No, Hit::Port(id, side)) if scene.mode == Mode::Edit => {
                self.armed = Armed::Connect(id, side);
                Vec::new()
            }
            (Armed::No, Hit::Node(id) | Hit::Port(id, _) | Hit::Wire(id)) => {
                let action =
                    if pointer.shift || pointer.control { Action::ToggleSelect(id) } else { Action::Select(vec![id]) };
                vec![Outcome::Act(action)]
            }
            (Armed::No, Hit::Ground) if pointer.control && scene.mode == Mode::Edit => {
                vec![Outcome::QuickAdd(plane, None)]
            }
            (Armed::No, Hit::Ground) => vec![Outcome::Act(Action::Select(Vec::new()))],
        }
    }

    /// Whether a node may be the other end of the line that is being drawn or armed: for dimming what may not.
    pub fn accepts(&self, document: &Document, id: &str) -> Option<bool> {
        let (from, side) = match (&self.phase, &self.armed) {
            (Phase::Connecting { from, side, .. }, _) => (from, *side),
            (_, Armed::Connect(from, side)) => (from, *side),
            _ => return None,
        };
        if from == id {
            return Some(true);
        }
        let end = end_at(document, from, side);
        let (a, b) = if side.is_out() { (end.as_str(), id) } else { (id, end.as_str()) };
        Some(check_connection(document, a, b).is_ok())
    }
}

/// The nodes and, for hosts among them, all that lives inside.
fn with_members(document: &Document, mut ids: Vec<String>) -> Vec<String> {
    for node in &document.nodes {
        let hosted = node.host.as_ref().is_some_and(|host| ids.contains(host));
        if hosted && !ids.contains(&node.id) {
            ids.push(node.id.clone());
        }
    }
    ids
}

fn pinch(first: &mut Pointer, second: &mut Pointer, moved: Pointer, view: View) -> Vec<Outcome> {
    let span = |a: Point, b: Point| libm::hypot(a.0 - b.0, a.1 - b.1).max(1.0);
    let middle = |a: Point, b: Point| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
    let (old_span, old_middle) = (span(first.at, second.at), middle(first.at, second.at));
    if moved.id == second.id {
        second.at = moved.at;
    } else {
        first.at = moved.at;
        first.id = moved.id;
    }
    let (new_span, new_middle) = (span(first.at, second.at), middle(first.at, second.at));
    let by = (new_middle.0 - old_middle.0, new_middle.1 - old_middle.1);
    vec![Outcome::View(view.panned(by).zoomed(new_span / old_span, new_middle))]
}

/// What placing a part here comes to: on a wire that it fits into, it is put between.
pub fn place_outcome(kind: &str, plane: Point, hit: &Hit, scene: &Scene) -> Vec<Outcome> {
    let spliced = match hit {
        Hit::Wire(wire) => compose::splice(scene.document, scene.layout, kind, plane, wire),
        _ => None,
    };
    let composed = spliced.or_else(|| compose::place(scene.document, scene.layout, kind, plane));
    composed.map_or_else(Vec::new, |composed| {
        vec![Outcome::Act(Action::Edit(composed.edit)), Outcome::Act(Action::Select(composed.select))]
    })
}

/// What connecting two nodes comes to.
pub fn connect_outcome(from: &str, to: &str, scene: &Scene) -> Vec<Outcome> {
    match compose::connect(scene.document, from, to) {
        Ok(composed) => {
            vec![Outcome::Act(Action::Edit(composed.edit)), Outcome::Act(Action::Select(composed.select))]
        }
        Err(refusal) => vec![Outcome::Refuse(refusal.to_string())],
    }
}

fn finish_line(from: &str, side: Side, plane: Point, touch: bool, scene: &Scene) -> Vec<Outcome> {
    let target = match scene.hit(scene.view.to_screen(plane), touch) {
        Hit::Port(id, _) => Some(id),
        Hit::Node(id) if !scene.is_host(&id) => Some(id),
        _ => None,
    };
    match target {
        Some(id) if id == from => Vec::new(),
        Some(id) if side.is_out() => connect_outcome(&end_at(scene.document, from, side), &id, scene),
        Some(id) => connect_outcome(&id, from, scene),
        None => vec![Outcome::QuickAdd(plane, Some(end_at(scene.document, from, side)))],
    }
}

fn drop_nodes(ids: &[String], by: Point, scene: &Scene) -> Vec<Outcome> {
    let moves: Vec<Edit> = ids
        .iter()
        .filter_map(|id| scene.document.node(id))
        .map(|node| Edit::MoveNode { id: node.id.clone(), at: snap((node.at.0 + by.0, node.at.1 + by.1)) })
        .collect();
    match moves.len() {
        0 => Vec::new(),
        1 => moves.into_iter().map(|edit| Outcome::Act(Action::Edit(edit))).collect(),
        _ => vec![Outcome::Act(Action::Edit(Edit::Batch(moves)))],
    }
}

fn inside_box(start: Point, end: Point, scene: &Scene) -> Vec<String> {
    let area = Frame {
        left: start.0.min(end.0),
        top: start.1.min(end.1),
        width: (start.0 - end.0).abs(),
        height: (start.1 - end.1).abs(),
    };
    let nodes = scene.document.nodes.iter().filter(|node| !scene.is_host(&node.id));
    nodes
        .filter(|node| scene.layout.frame(&node.id).is_some_and(|frame| area.overlaps(frame)))
        .map(|node| node.id.clone())
        .collect()
}
