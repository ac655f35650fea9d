//! The drawing of a document with the state of its run: for files. The page draws the same parts live, from [`super::face`].

use crate::scenario::document::{Document, Node, Wire};
use crate::vocabulary::{Carried, FlatMap, MessageId};

use super::drawing::{Anchor, Drawing, Shape, Table, Target};
use super::face::{flight_mark, mark_shapes, node_shapes, Condition, NodeView};
use super::geometry::{outline, Frame, Outline, Point};
use super::layout::Layout;
use super::palette::Tone;
use super::route::Route;
use super::text::{fit_text, text_width};

/// Messages on the way that are drawn; more would be a smear.
const FLIGHTS_MAX: usize = 600;
/// Around the drawing.
const MARGIN: f64 = 32.0;

/// What is shown of a wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WireView {
    /// A word at its middle: the keys of a binding.
    pub label: String,
    /// Nothing passes it.
    pub partitioned: bool,
    /// Whether it is selected.
    pub selected: bool,
}

/// Something on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct FlightView {
    /// The id of the wire.
    pub wire: String,
    /// True from the wire's start to its end.
    pub forward: bool,
    /// The part of the way that is behind it, 0 to 1.
    pub fraction: f64,
    /// What kind of frame.
    pub what: Carried,
    /// The message that it is about.
    pub message: MessageId,
}

/// All that the drawing is made of. Views are by id; what is missing is drawn at rest.
pub struct TopologyInput<'a> {
    /// The document.
    pub document: &'a Document,
    /// Its geometry.
    pub layout: &'a Layout,
    /// What is shown of each node.
    pub nodes: &'a FlatMap<String, NodeView>,
    /// What is shown of each wire.
    pub wires: &'a FlatMap<String, WireView>,
    /// What is on the way.
    pub flights: &'a [FlightView],
    /// The virtual time, as text; empty for a drawing at rest.
    pub clock: String,
}

/// The drawing, as large as what is in it.
pub fn topology(input: &TopologyInput) -> Drawing {
    let title = if input.document.title.is_empty() { "Patchbay" } else { &input.document.title };
    let Some(bounds) = input.layout.bounds() else {
        return Drawing::empty(480.0, 240.0, title, "Nothing is drawn yet.");
    };
    let frame = bounds.grown(MARGIN);
    let mut drawing = Drawing::new(frame.width.ceil(), frame.height.ceil(), Tone::Paper, title);
    drawing.origin = (frame.left.floor(), frame.top.floor());
    let rest = NodeView::default();
    for enclosing in [true, false] {
        for (number, node) in input.document.nodes.iter().enumerate() {
            if let (true, Some(frame)) =
                ((outline(&node.kind) == Outline::Enclosure) == enclosing, input.layout.frame_at(number))
            {
                drawing.shapes.push(part(node, frame, input.nodes.get(&node.id).unwrap_or(&rest)));
            }
        }
        if enclosing {
            wires(input, &mut drawing.shapes);
        }
    }
    for flight in input.flights.iter().take(FLIGHTS_MAX) {
        drawing.shapes.extend(input.layout.route(&flight.wire).map(|route| flight_shape(flight, route)));
    }
    if input.flights.len() > FLIGHTS_MAX {
        drawing.note = Some(format!("showing {FLIGHTS_MAX} of {} messages on the way", input.flights.len()));
    }
    drawing.table = table(input);
    drawing.description = description(input);
    drawing
}

fn part(node: &Node, frame: &Frame, view: &NodeView) -> Shape {
    let label = format!("{} {}, {}", node.kind, node.label(), in_words(view));
    let shapes = node_shapes(&node.kind, node.label(), (frame.width, frame.height), view);
    Shape::group(frame.centre(), label.trim_end_matches([',', ' ']), shapes).targeting(Target::Part(node.id.clone()))
}

fn in_words(view: &NodeView) -> String {
    let condition = match view.condition {
        Condition::Running => String::new(),
        Condition::Down => "down".into(),
        Condition::Paused => "paused".into(),
        Condition::Slowed(percent) => format!("slowed to {percent} %"),
    };
    match (condition.is_empty(), view.headline.is_empty()) {
        (true, _) => view.headline.clone(),
        (false, true) => condition,
        (false, false) => format!("{condition}, {}", view.headline),
    }
}

fn wires(input: &TopologyInput, shapes: &mut Vec<Shape>) {
    let rest = WireView::default();
    let mut labels = Vec::new();
    for (number, wire) in input.document.wires.iter().enumerate() {
        let Some(route) = input.layout.route_at(number) else { continue };
        let view = input.wires.get(&wire.id).unwrap_or(&rest);
        shapes.push(wire_shape(route, view).targeting(Target::Part(wire.id.clone())));
        wire_label(route, view, &mut labels);
    }
    shapes.append(&mut labels);
}

/// The line of a wire.
pub fn wire_shape(route: &Route, view: &WireView) -> Shape {
    let shape = Shape::path(route.path());
    match (view.partitioned, view.selected) {
        (true, selected) => shape.dashed(Tone::Lost, if selected { 2.4 } else { 1.75 }, "5 5"),
        (false, true) => shape.stroked(Tone::Accent, 2.4),
        (false, false) => shape.stroked(Tone::Soft, 1.5),
    }
}

/// What is written at the middle of a wire: its keys, and a cross if nothing passes.
pub fn wire_label(route: &Route, view: &WireView, shapes: &mut Vec<Shape>) {
    let (x, y) = route.point_at(0.5);
    if view.partitioned {
        let cut = vec![
            Shape::circle((0.0, 0.0), 8.0).filled(Tone::Paper).stroked(Tone::Lost, 1.5),
            Shape::line((-3.0, -3.0), (3.0, 3.0)).stroked(Tone::Lost, 2.0),
            Shape::line((-3.0, 3.0), (3.0, -3.0)).stroked(Tone::Lost, 2.0),
        ];
        shapes.push(Shape::group((x, y), "partitioned", cut));
    }
    if !view.label.is_empty() {
        let shown = fit_text(&view.label, 120.0, 10.5, true, false);
        // On a short wire the word would lie over its ends.
        let is_short = route.bounds().width < text_width(&shown, 10.5, true, false) + 24.0;
        let below = match (view.partitioned, is_short && route.heading_at(0.5).0 > 0.9) {
            (true, _) => 20.0,
            (false, true) => -7.0,
            (false, false) => 3.5,
        };
        shapes.push(Shape::text((x, y + below), shown, Anchor::Middle, 10.5, Tone::Soft).mono().haloed(Tone::Paper));
    }
}

/// Where a frame on its way is: a little to the right-hand side of its direction, so that traffic both ways passes.
pub fn flight_position(route: &Route, forward: bool, fraction: f64, what: Carried) -> Point {
    let along = if forward { fraction } else { 1.0 - fraction };
    let (x, y) = route.point_at(along);
    let aside = match what {
        Carried::Publish | Carried::Deliver | Carried::Redeliver => 0.0,
        _ => 6.0,
    };
    let (dx, dy) = route.heading_at(along);
    (x + dy * aside, y - dx * aside)
}

fn flight_shape(flight: &FlightView, route: &Route) -> Shape {
    let at = flight_position(route, flight.forward, flight.fraction, flight.what);
    let (form, tone, radius) = flight_mark(flight.what);
    let shape =
        Shape::group(at, &format!("{} {}", flight.what.label(), flight.message), mark_shapes(form, tone, radius));
    match flight.message.some() {
        Some(message) => shape.targeting(Target::Message(message)),
        None => shape,
    }
}

fn table(input: &TopologyInput) -> Table {
    let rest = NodeView::default();
    let labels: FlatMap<&str, &str> =
        input.document.nodes.iter().map(|node| (node.id.as_str(), node.label())).collect();
    let mut sends_to: FlatMap<&str, Vec<&str>> = FlatMap::new();
    for wire in &input.document.wires {
        if let Some(label) = labels.get(Wire::node_of(&wire.to)) {
            sends_to.get_or_insert_with(Wire::node_of(&wire.from), Vec::new).push(label);
        }
    }
    let rows = input.document.nodes.iter().map(|node| {
        let view = input.nodes.get(&node.id).unwrap_or(&rest);
        let to = sends_to.get(node.id.as_str()).map(|names| names.join(", ")).unwrap_or_default();
        vec![node.label().to_string(), node.kind.clone(), in_words(view), to]
    });
    Table { head: vec!["Part", "Kind", "State", "Sends to"], rows: rows.collect() }
}

fn description(input: &TopologyInput) -> String {
    let document = input.document;
    let mut text = format!("{} parts and {} wires.", document.nodes.len(), document.wires.len());
    if !input.clock.is_empty() {
        text += &format!(" At {}: {} on the way.", input.clock, input.flights.len());
    }
    let down: Vec<&str> = document
        .nodes
        .iter()
        .filter(|node| input.nodes.get(&node.id).is_some_and(|view| view.condition == Condition::Down))
        .map(Node::label)
        .collect();
    if !down.is_empty() {
        text += &format!(" Down: {}.", down.join(", "));
    }
    text
}
