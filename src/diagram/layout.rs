//! Where everything in a document is: frames of nodes, courses of wires, and what lies under a point.

use crate::model::node_kind;
use crate::scenario::connect::resolve;
use crate::scenario::document::{Document, Wire};
use crate::vocabulary::FlatMap;

use super::geometry::{covers, enclosure, outline, sides, size, Frame, Outline, Point, Side};
use super::route::{Ends, Route};

/// The geometry of a document, computed once per change of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The frame of each node, in the order of the document.
    frames: Vec<Frame>,
    /// The course of each wire; none if an end is not in the document.
    routes: Vec<Option<Route>>,
    index: FlatMap<String, usize>,
    wire_index: FlatMap<String, usize>,
}

impl Layout {
    /// Measures a document.
    pub fn of(document: &Document) -> Layout {
        let index: FlatMap<String, usize> =
            document.nodes.iter().enumerate().map(|(number, node)| (node.id.clone(), number)).collect();
        let frames = frames(document, &index);
        let wire_index = document.wires.iter().enumerate().map(|(number, wire)| (wire.id.clone(), number)).collect();
        let mut layout = Layout { frames, routes: Vec::with_capacity(document.wires.len()), index, wire_index };
        let ends: Vec<Option<(usize, usize)>> = document.wires.iter().map(|wire| layout.ends(wire)).collect();
        let mut lanes: FlatMap<(usize, usize), (usize, usize)> = Default::default();
        for pair in ends.iter().flatten() {
            lanes.get_or_insert_with(*pair, || (0, 0)).0 += 1;
        }
        let is_solid = |number: &usize| outline(&document.nodes[*number].kind) != Outline::Enclosure;
        let solid: Vec<usize> = (0..document.nodes.len()).filter(is_solid).collect();
        let mut others: Vec<Frame> = Vec::with_capacity(solid.len());
        for (wire, pair) in document.wires.iter().zip(&ends) {
            let route = pair.map(|(from, to)| {
                let (count, used) = lanes.get_or_insert_with((from, to), || (0, 0));
                let lane = *used;
                *used += 1;
                let leaves = if leaves_below(document, wire) { Side::Below } else { Side::Right };
                let ends = Ends { from: layout.frames[from], leaves, to: layout.frames[to], lane, lanes: *count };
                others.clear();
                others.extend(
                    solid
                        .iter()
                        .filter(|number| **number != from && **number != to)
                        .map(|number| layout.frames[*number]),
                );
                Route::between(&ends, &others)
            });
            layout.routes.push(route);
        }
        layout
    }

    fn ends(&self, wire: &Wire) -> Option<(usize, usize)> {
        Some((*self.index.get(Wire::node_of(&wire.from))?, *self.index.get(Wire::node_of(&wire.to))?))
    }

    /// The frame of a node.
    pub fn frame(&self, id: &str) -> Option<&Frame> {
        self.frames.get(*self.index.get(id)?)
    }

    /// The course of a wire.
    pub fn route(&self, id: &str) -> Option<&Route> {
        self.routes.get(*self.wire_index.get(id)?)?.as_ref()
    }

    /// The frame of the node with this number in the document.
    pub fn frame_at(&self, number: usize) -> Option<&Frame> {
        self.frames.get(number)
    }

    /// The course of the wire with this number in the document.
    pub fn route_at(&self, number: usize) -> Option<&Route> {
        self.routes.get(number)?.as_ref()
    }

    /// The smallest rectangle around everything; none if there is nothing.
    pub fn bounds(&self) -> Option<Frame> {
        let routes = self.routes.iter().flatten().map(Route::bounds);
        self.frames.iter().copied().chain(routes).reduce(|a, b| a.union(&b))
    }

    /// The topmost node under a point, by its id. Frames around other nodes come last.
    pub fn node_at<'a>(&self, document: &'a Document, point: Point) -> Option<&'a str> {
        let under = |enclosing: bool| {
            document.nodes.iter().zip(&self.frames).rev().find(|(node, frame)| {
                let centre = frame.centre();
                (outline(&node.kind) == Outline::Enclosure) == enclosing
                    && covers(&node.kind, (frame.width, frame.height), (point.0 - centre.0, point.1 - centre.1))
            })
        };
        under(false).or_else(|| under(true)).map(|(node, _)| node.id.as_str())
    }

    /// The innermost frame around the point, by the id of its node: where a part that is dropped there will live.
    pub fn enclosure_at<'a>(&self, document: &'a Document, point: Point) -> Option<&'a str> {
        let holds = document.nodes.iter().zip(&self.frames).rev();
        holds
            .filter(|(node, frame)| outline(&node.kind) == Outline::Enclosure && frame.contains(point))
            .min_by(|(_, a), (_, b)| (a.width * a.height).total_cmp(&(b.width * b.height)))
            .map(|(node, _)| node.id.as_str())
    }

    /// The nearest wire within a distance of a point, by its id.
    pub fn wire_near<'a>(&self, document: &'a Document, point: Point, distance_max: f64) -> Option<&'a str> {
        let near = document.wires.iter().zip(&self.routes).filter_map(|(wire, route)| {
            let route = route.as_ref()?;
            // The rectangle is a quick no for most wires.
            route.bounds().grown(distance_max).contains(point).then(|| (wire, route.distance_to(point)))
        });
        near.filter(|(_, distance)| *distance <= distance_max)
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(wire, _)| wire.id.as_str())
    }
}

/// Whether a wire starts at the port below its node.
fn leaves_below(document: &Document, wire: &Wire) -> bool {
    let from = document.node(Wire::node_of(&wire.from)).and_then(|node| node_kind(&node.kind));
    // Most kinds have no such port, and the two ends need not be looked at.
    let Some((_, below)) = from.and_then(|kind| sides(kind).find(|(side, _)| *side == Side::Below)) else {
        return false;
    };
    resolve(document, &wire.from, &wire.to).is_ok_and(|found| found.from_port == below.port)
}

/// The frame of every node: its kind's size about its place; for an enclosure, around its members.
fn frames(document: &Document, index: &FlatMap<String, usize>) -> Vec<Frame> {
    let place = |(x, y): Point| (if x.is_finite() { x } else { 0.0 }, if y.is_finite() { y } else { 0.0 });
    let mut frames: Vec<Frame> =
        document.nodes.iter().map(|node| Frame::about(place(node.at), size(&node.kind))).collect();
    let mut inner: Vec<Option<Frame>> = vec![None; frames.len()];
    for (number, node) in document.nodes.iter().enumerate() {
        if let Some(host) = node.host.as_ref().and_then(|host| index.get(host)).filter(|host| **host != number) {
            inner[*host] = Some(inner[*host].map_or(frames[number], |around| around.union(&frames[number])));
        }
    }
    for (number, node) in document.nodes.iter().enumerate() {
        if let (Outline::Enclosure, Some(inner)) = (outline(&node.kind), inner[number]) {
            frames[number] = enclosure(&inner);
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::Node;

    fn document() -> Document {
        let node = |id: &str, kind: &str, host: Option<&str>, at: Point| Node {
            id: id.into(),
            kind: kind.into(),
            name: String::new(),
            host: host.map(String::from),
            at,
            params: Default::default(),
        };
        let wire = |id: &str, from: &str, to: &str| Wire {
            id: id.into(),
            from: from.into(),
            to: to.into(),
            params: Default::default(),
        };
        Document {
            nodes: vec![
                node("rabbit", "broker", None, (0.0, 0.0)),
                node("shop", "producer", None, (-300.0, 0.0)),
                node("orders", "exchange", Some("rabbit"), (0.0, 0.0)),
                node("billing", "queue", Some("rabbit"), (240.0, 0.0)),
            ],
            wires: vec![
                wire("w1", "shop.out", "orders"),
                wire("w2", "orders.out", "billing"),
                wire("w3", "orders", "nowhere"),
            ],
            ..Document::default()
        }
    }

    #[test]
    fn a_point_finds_the_node_or_the_wire_under_it() {
        let document = document();
        let layout = Layout::of(&document);
        assert_eq!(layout.node_at(&document, (-300.0, 0.0)), Some("shop"));
        assert_eq!(layout.node_at(&document, (0.0, 0.0)), Some("orders"), "a member lies above its frame");
        let frame = layout.frame("rabbit").expect("the broker has a frame");
        assert_eq!(layout.node_at(&document, (frame.left + 20.0, frame.top + 10.0)), Some("rabbit"));
        assert_eq!(layout.enclosure_at(&document, (100.0, 30.0)), Some("rabbit"));
        assert_eq!(layout.wire_near(&document, (-150.0, 3.0), 6.0), Some("w1"));
        assert_eq!(layout.wire_near(&document, (-150.0, 30.0), 6.0), None);
        assert_eq!(layout.route("w3"), None, "an end is missing");
    }

    #[test]
    fn dead_letters_leave_below() {
        let mut document = document();
        let dead = Node { id: "dead".into(), kind: "queue".into(), at: (240.0, 160.0), ..document.nodes[3].clone() };
        document.nodes.push(dead);
        document.wires.push(Wire { id: "w4".into(), from: "billing".into(), to: "dead".into(), ..Wire::default() });
        let layout = Layout::of(&document);
        let frame = layout.frame("billing").expect("it has a frame");
        let (x, y) = layout.route("w4").expect("it has a course").point_at(0.0);
        assert_eq!(y, frame.bottom());
        assert!(x > frame.left && x < frame.centre().0);
    }

    #[test]
    fn a_frame_encloses_its_members() {
        let document = document();
        let layout = Layout::of(&document);
        let frame = layout.frame("rabbit").expect("the broker has a frame");
        for member in ["orders", "billing"] {
            let inner = layout.frame(member).expect("members have frames");
            assert_eq!(frame.union(inner), *frame, "{member}");
        }
    }

    #[test]
    fn nothing_has_no_bounds_and_unsound_places_are_harmless() {
        assert_eq!(Layout::of(&Document::default()).bounds(), None);
        let mut document = document();
        document.nodes[1].at = (f64::NAN, f64::INFINITY);
        document.nodes[0].host = Some("rabbit".into());
        let bounds = Layout::of(&document).bounds().expect("has nodes");
        assert!(bounds.width.is_finite() && bounds.height.is_finite());
    }
}
