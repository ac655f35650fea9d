//! The sizes and outlines of nodes by the name of their kind, and the few notions of plane geometry that diagrams share.

use crate::model::kind::Direction;
use crate::model::{node_kind, NodeKind, PortSpec};

use super::drawing::number;

/// A point, in drawing units; y grows downwards.
pub type Point = (f64, f64);

/// The distance between the lines of the grid to which nodes snap.
pub const GRID: f64 = 12.0;

/// A rectangle with upright edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// The outline of a kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outline {
    /// A box that points to the right: it sends.
    PointsRight,
    /// A box that points to the left: it takes.
    PointsLeft,
    /// A diamond: it decides.
    Diamond,
    /// A box with round corners: it holds.
    Box,
    /// A box with square corners and a second edge: it keeps what was written, in order.
    Log,
    /// A frame around other nodes.
    Enclosure,
}

impl Frame {
    /// The rectangle of this size about a centre.
    pub fn about((x, y): Point, (width, height): (f64, f64)) -> Frame {
        Frame { left: x - width / 2.0, top: y - height / 2.0, width, height }
    }

    /// Right edge.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Lower edge.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// The middle.
    pub fn centre(&self) -> Point {
        (self.left + self.width / 2.0, self.top + self.height / 2.0)
    }

    /// The smallest rectangle around both.
    pub fn union(&self, other: &Frame) -> Frame {
        let (left, top) = (self.left.min(other.left), self.top.min(other.top));
        Frame {
            left,
            top,
            width: self.right().max(other.right()) - left,
            height: self.bottom().max(other.bottom()) - top,
        }
    }

    /// Larger by so much at each side.
    pub fn grown(&self, margin: f64) -> Frame {
        Frame {
            left: self.left - margin,
            top: self.top - margin,
            width: self.width + 2.0 * margin,
            height: self.height + 2.0 * margin,
        }
    }

    /// Whether the point lies in it or on its edge.
    pub fn contains(&self, (x, y): Point) -> bool {
        x >= self.left && x <= self.right() && y >= self.top && y <= self.bottom()
    }

    /// Whether the two have more than an edge in common.
    pub fn overlaps(&self, other: &Frame) -> bool {
        self.left < other.right() && other.left < self.right() && self.top < other.bottom() && other.top < self.bottom()
    }
}

/// The outline of a kind of node.
pub fn outline(kind: &str) -> Outline {
    match node_kind(kind) {
        Some(known) if known.is_host() => Outline::Enclosure,
        Some(known) if known.makes() => Outline::PointsRight,
        Some(known) if known.works() => Outline::PointsLeft,
        Some(known) if known.name == "exchange" => Outline::Diamond,
        Some(known) if known.takes_in() && !known.hands_out() => Outline::Log,
        _ => Outline::Box,
    }
}

/// Whether messages wait inside, so that they are drawn as slots.
pub fn has_slots(kind: &str) -> bool {
    node_kind(kind).is_some_and(|known| known.hands_out()) || outline(kind) == Outline::Log
}

/// Whether it shows what it said last and what was answered.
pub fn has_words(kind: &str) -> bool {
    node_kind(kind).is_some_and(NodeKind::talks)
}

/// The width and height of a kind of node; of a frame, while nothing is in it.
pub fn size(kind: &str) -> (f64, f64) {
    match outline(kind) {
        Outline::PointsRight | Outline::PointsLeft => (152.0, 64.0),
        Outline::Diamond => (92.0, 88.0),
        Outline::Enclosure => (240.0, 120.0),
        _ if has_words(kind) => (288.0, 96.0),
        _ if has_slots(kind) => (216.0, 56.0),
        _ => (140.0, 60.0),
    }
}

/// The outline as an SVG path about the centre (0, 0). `extent` is its width and height: [`size`], or a frame's own.
pub fn outline_path(kind: &str, extent: (f64, f64)) -> String {
    let (x, y) = (extent.0 / 2.0, extent.1 / 2.0);
    match outline(kind) {
        Outline::PointsRight => pointed(x, y, 1.0),
        Outline::PointsLeft => pointed(x, y, -1.0),
        Outline::Diamond => diamond(x, y),
        Outline::Box => rounded(x, y, 8.0),
        // The end of a log is where it grows: a second edge at the side where it is written.
        Outline::Log => format!("{}M{} {}V{}", rounded(x, y, 3.0), 5.0 - x, -y, y),
        Outline::Enclosure => rounded(x, y, 14.0),
    }
}

/// How far the tip of a pointed box reaches beyond its shoulders.
pub const TIP: f64 = 26.0;

/// A box with a tip. Written for a tip at the right; `side` mirrors it. The back is round, the tip barely.
fn pointed(x: f64, y: f64, side: f64) -> String {
    let shoulder = x - TIP;
    let steps: [(&str, &[Point]); 11] = [
        ("M", &[(8.0 - x, -y)]),
        ("L", &[(shoulder - 3.0, -y)]),
        ("Q", &[(shoulder, -y), (shoulder + 2.0, 2.6 - y)]),
        ("L", &[(x - 2.0, -2.6)]),
        ("Q", &[(x, 0.0), (x - 2.0, 2.6)]),
        ("L", &[(shoulder + 2.0, y - 2.6)]),
        ("Q", &[(shoulder, y), (shoulder - 3.0, y)]),
        ("L", &[(8.0 - x, y)]),
        ("Q", &[(-x, y), (-x, y - 8.0)]),
        ("L", &[(-x, 8.0 - y)]),
        ("Q", &[(-x, -y), (8.0 - x, -y)]),
    ];
    closed(&steps, side)
}

/// A diamond with its corners taken off a little.
fn diamond(x: f64, y: f64) -> String {
    // A point at this part of the way along each edge, seen from the corner.
    let cut = 0.07;
    let steps: [(&str, &[Point]); 8] = [
        ("M", &[(-x * cut, -y * (1.0 - cut))]),
        ("Q", &[(0.0, -y), (x * cut, -y * (1.0 - cut))]),
        ("L", &[(x * (1.0 - cut), -y * cut)]),
        ("Q", &[(x, 0.0), (x * (1.0 - cut), y * cut)]),
        ("L", &[(x * cut, y * (1.0 - cut))]),
        ("Q", &[(0.0, y), (-x * cut, y * (1.0 - cut))]),
        ("L", &[(-x * (1.0 - cut), y * cut)]),
        ("Q", &[(-x, 0.0), (-x * (1.0 - cut), -y * cut)]),
    ];
    closed(&steps, 1.0)
}

/// A box with round corners.
fn rounded(x: f64, y: f64, radius: f64) -> String {
    let radius = radius.min(x).min(y);
    let steps: [(&str, &[Point]); 8] = [
        ("M", &[(radius - x, -y)]),
        ("L", &[(x - radius, -y)]),
        ("Q", &[(x, -y), (x, radius - y)]),
        ("L", &[(x, y - radius)]),
        ("Q", &[(x, y), (x - radius, y)]),
        ("L", &[(radius - x, y)]),
        ("Q", &[(-x, y), (-x, y - radius)]),
        ("L", &[(-x, radius - y)]),
    ];
    let mut path = closed(&steps, 1.0);
    // The last corner, before the closing `Z`.
    path.truncate(path.len() - 1);
    path + &format!("Q{} {} {} {}Z", number(-x), number(-y), number(radius - x), number(-y))
}

fn closed(steps: &[(&str, &[Point])], side: f64) -> String {
    let mut path = String::new();
    for (command, points) in steps {
        let numbers: Vec<String> = points.iter().flat_map(|(x, y)| [number(x * side), number(*y)]).collect();
        path.push_str(command);
        path.push_str(&numbers.join(" "));
    }
    path + "Z"
}

/// A side of a node at which wires end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Wires that come in.
    Left,
    /// Wires that go the usual way out.
    Right,
    /// Wires that go another way out: dead letters.
    Below,
}

impl Side {
    /// Whether wires start here.
    pub fn is_out(self) -> bool {
        self != Side::Left
    }
}

/// How far from the left edge the port below is.
const BELOW_INSET: f64 = 28.0;

/// The sides at which a kind has ports, each with the port: of several ports that go out the first is at the right.
pub fn sides(kind: &NodeKind) -> impl Iterator<Item = (Side, &'static PortSpec)> {
    let mut is_first = true;
    kind.ports.iter().map(move |port| match port.direction {
        Direction::In => (Side::Left, port),
        Direction::Out if std::mem::take(&mut is_first) => (Side::Right, port),
        Direction::Out => (Side::Below, port),
    })
}

/// Where wires end at a side, about a node's centre.
pub fn port_position(extent: (f64, f64), side: Side) -> Point {
    match side {
        Side::Left => (-extent.0 / 2.0, 0.0),
        Side::Right => (extent.0 / 2.0, 0.0),
        Side::Below => ((BELOW_INSET - extent.0 / 2.0).min(0.0), extent.1 / 2.0),
    }
}

/// Where wires end at a side of a node, in the plane.
pub fn port_point(frame: &Frame, side: Side) -> Point {
    let (centre, offset) = (frame.centre(), port_position((frame.width, frame.height), side));
    (centre.0 + offset.0, centre.1 + offset.1)
}

/// Whether a node of this kind about the centre (0, 0) covers the point; a frame is covered by its edge and its title.
pub fn covers(kind: &str, extent: (f64, f64), (px, py): Point) -> bool {
    let (x, y) = (extent.0 / 2.0, extent.1 / 2.0);
    match outline(kind) {
        Outline::Diamond => px.abs() / x + py.abs() / y <= 1.0,
        Outline::Enclosure => {
            let inside = px.abs() <= x && py.abs() <= y;
            inside && (px.abs() >= x - 8.0 || py >= y - 8.0 || py <= TITLE_HEIGHT - y)
        }
        _ => px.abs() <= x && py.abs() <= y,
    }
}

/// The height of the title in a frame around other nodes.
pub const TITLE_HEIGHT: f64 = 32.0;
/// The space between a frame and the nodes in it.
pub const FRAME_PADDING: f64 = 24.0;

/// The frame around members that lie in `inner`.
pub fn enclosure(inner: &Frame) -> Frame {
    let grown = inner.grown(FRAME_PADDING);
    Frame { top: grown.top - TITLE_HEIGHT + 8.0, height: grown.height + TITLE_HEIGHT - 8.0, ..grown }
}

/// The nearest point of the grid; what is no number becomes zero.
pub fn snap((x, y): Point) -> Point {
    let snap = |value: f64| if value.is_finite() { (value / GRID).round() * GRID } else { 0.0 };
    (snap(x), snap(y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_cover_their_centre_and_not_what_lies_outside() {
        for kind in ["producer", "consumer", "exchange", "queue", "something new"] {
            let (width, height) = size(kind);
            assert!(covers(kind, (width, height), (0.0, 0.0)), "{kind}");
            assert!(!covers(kind, (width, height), (width / 2.0 + 1.0, 0.0)), "{kind}");
            assert!(!covers(kind, (width, height), (0.0, height / 2.0 + 1.0)), "{kind}");
        }
        assert!(
            !covers("exchange", size("exchange"), (40.0, 38.0)),
            "the corner of a diamond's box is not the diamond"
        );
        assert!(!covers("broker", (400.0, 300.0), (0.0, 20.0)), "the inside of a frame belongs to its members");
        assert!(covers("broker", (400.0, 300.0), (0.0, -140.0)), "its title does not");
    }

    #[test]
    fn outlines_are_closed_paths_of_numbers() {
        for kind in ["producer", "consumer", "exchange", "queue", "broker", "something new"] {
            let path = outline_path(kind, size(kind));
            assert!(path.starts_with('M') && path.ends_with('Z') && !path.contains("NaN"), "{path}");
        }
        assert_ne!(outline_path("producer", (152.0, 64.0)), outline_path("consumer", (152.0, 64.0)));
    }

    #[test]
    fn snapping_is_idempotent_and_finite() {
        for point in [(0.0, 0.0), (5.9, 6.1), (-17.0, 1e9), (f64::NAN, f64::INFINITY)] {
            let snapped = snap(point);
            assert!(snapped.0.is_finite() && snapped.1.is_finite());
            assert_eq!(snap(snapped), snapped);
            assert_eq!(snapped.0.rem_euclid(GRID), 0.0);
        }
    }

    #[test]
    fn an_enclosure_holds_what_it_encloses() {
        let inner = Frame::about((10.0, 20.0), (100.0, 50.0));
        let frame = enclosure(&inner);
        assert_eq!(frame.union(&inner), frame);
        assert!(inner.top - frame.top > TITLE_HEIGHT);
    }
}
