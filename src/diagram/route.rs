//! The course of a wire: cubic Bézier curves, and points on them by length, for what moves along.

use std::fmt::Write as _;

use super::drawing::number;
use super::geometry::{port_point, Frame, Point, Side};

/// Straight pieces in which each curve is measured.
const PIECES: usize = 16;
/// How far apart wires between the same two nodes run.
const SPREAD: f64 = 20.0;
/// How far a wire that goes back stays away from the nodes that it passes.
const CLEARANCE: f64 = 34.0;
/// Room between two nodes, one above the other, in which a wire can pass.
const GAP_MIN: f64 = 24.0;
/// How far a wire may end left of its start and still be one easy curve through such a gap.
const OVERLAP_MAX: f64 = 18.0;
/// The same for one that leaves below, which has its turn behind it then.
const OVERLAP_BELOW_MAX: f64 = 84.0;
/// How far a wire is bent aside, one after the other, to avoid the nodes that are in its way.
const BENDS: [f64; 9] = [0.0, 60.0, -60.0, 110.0, -110.0, 170.0, -170.0, 240.0, -240.0];
/// How far a wire stays away from them.
const MARGIN: f64 = 6.0;

/// The course of a wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    curves: Vec<[Point; 4]>,
    /// Points along the way, each with the length from the start.
    stations: Vec<(Point, f64)>,
}

/// Where a wire starts and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ends {
    /// The node at which it starts.
    pub from: Frame,
    /// The side at which it leaves: to the right, or below.
    pub leaves: Side,
    /// The node at which it ends; it comes in from the left.
    pub to: Frame,
    /// Its place among the wires between the same nodes: 0, 1, 2 …
    pub lane: usize,
    /// How many there are.
    pub lanes: usize,
}

impl Route {
    /// The course between two nodes that avoids the others, if bending it aside is all that it takes.
    pub fn between(ends: &Ends, others: &[Frame]) -> Route {
        let mut best: Option<(usize, Route)> = None;
        for bend in BENDS {
            let route = Route::bent(ends, bend);
            let bounds = route.bounds().grown(MARGIN);
            let in_the_way = others.iter().filter(|other| bounds.overlaps(other) && route.crosses(other)).count();
            if in_the_way == 0 {
                return route;
            }
            if best.as_ref().is_none_or(|(least, _)| in_the_way < *least) {
                best = Some((in_the_way, route));
            }
        }
        best.map_or_else(|| Route::bent(ends, 0.0), |(_, route)| route)
    }

    /// An easy curve forwards, bent aside by so much; around the two nodes where the target lies to the left.
    fn bent(ends: &Ends, bend: f64) -> Route {
        let (start, end) = (port_point(&ends.from, ends.leaves), port_point(&ends.to, Side::Left));
        let shift = (ends.lane as f64 - (ends.lanes.max(1) as f64 - 1.0) / 2.0) * SPREAD + bend;
        if ends.leaves == Side::Below {
            return Route::of(from_below(start, end, ends, bend));
        }
        let (across, gap) = (end.0 - start.0, lane_between(&ends.from, &ends.to));
        if across >= 12.0 || (across > -OVERLAP_MAX && gap.is_some()) {
            return Route::of(vec![forward(start, end, shift)]);
        }
        let lane = match gap {
            Some(lane) => lane + shift * 0.6,
            // A wire to its own node stays close to it, inside those that come from further away.
            None if ends.from == ends.to => ends.from.bottom() + CLEARANCE * 0.6 + ends.lane as f64 * 14.0,
            None => lane_around(ends, bend) + ends.lane as f64 * 14.0,
        };
        Route::of(backward(start, end, lane))
    }

    /// Whether it passes through the frame.
    fn crosses(&self, frame: &Frame) -> bool {
        let frame = frame.grown(MARGIN);
        self.stations.iter().any(|(point, _)| frame.contains(*point))
    }

    /// The course along these curves. Without any it is a point at (0, 0).
    pub fn of(curves: Vec<[Point; 4]>) -> Route {
        let mut stations: Vec<(Point, f64)> = vec![(curves.first().map_or((0.0, 0.0), |curve| curve[0]), 0.0)];
        for curve in &curves {
            for piece in 1..=PIECES {
                let (before, length) = stations[stations.len() - 1];
                let point = on_curve(curve, piece as f64 / PIECES as f64);
                stations.push((point, length + distance(before, point)));
            }
        }
        Route { curves, stations }
    }

    /// The length in drawing units.
    pub fn length(&self) -> f64 {
        self.stations[self.stations.len() - 1].1
    }

    /// The point at this part of the length, 0 to 1.
    pub fn point_at(&self, fraction: f64) -> Point {
        let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
        let wanted = fraction * self.length();
        let next =
            self.stations.partition_point(|(_, length)| *length < wanted).clamp(1, self.stations.len().max(2) - 1);
        let (Some((b, end)), (a, start)) = (self.stations.get(next), self.stations[next - 1]) else {
            return self.stations[0].0;
        };
        let part = if *end > start { (wanted - start) / (end - start) } else { 0.0 };
        (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part)
    }

    /// The direction of travel there, as a unit vector; to the right where there is no length.
    pub fn heading_at(&self, fraction: f64) -> Point {
        let (a, b) = (self.point_at(fraction - 0.01), self.point_at(fraction + 0.01));
        let length = distance(a, b);
        if length > 0.0 {
            ((b.0 - a.0) / length, (b.1 - a.1) / length)
        } else {
            (1.0, 0.0)
        }
    }

    /// How far the point is from the wire.
    pub fn distance_to(&self, point: Point) -> f64 {
        let single = distance(self.stations[0].0, point);
        self.stations.windows(2).map(|pair| to_segment(point, pair[0].0, pair[1].0)).fold(single, f64::min)
    }

    /// The course as an SVG path.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for (index, [a, b, c, d]) in self.curves.iter().enumerate() {
            if index == 0 {
                let _ = write!(path, "M{} {}", number(a.0), number(a.1));
            }
            let numbers = [b.0, b.1, c.0, c.1, d.0, d.1].map(number);
            let _ = write!(path, "C{}", numbers.join(" "));
        }
        path
    }

    /// The smallest rectangle around it, nearly.
    pub fn bounds(&self) -> Frame {
        let first = Frame::about(self.stations[0].0, (0.0, 0.0));
        self.stations.iter().fold(first, |frame, (point, _)| frame.union(&Frame::about(*point, (0.0, 0.0))))
    }
}

/// An easy curve. Wires between the same nodes bend apart, across the direct way. Where there is little room from left to
/// right it swings out to both sides, in the shape of an S.
fn forward(start: Point, end: Point, shift: f64) -> [Point; 4] {
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let swing = (dy.abs() * 0.56).min(130.0) - dx.min(0.0) * 0.5;
    let reach = (dx * 0.5 + (dy.abs() * 0.12).min(36.0)).max(swing);
    let length = distance(start, end).max(1.0);
    let (aside_x, aside_y) = (-dy / length * shift, dx / length * shift);
    // The wire leaves and comes in to the right, however far it is bent.
    let first = ((start.0 + reach + aside_x).max(start.0 + 8.0), start.1 + aside_y);
    let second = ((end.0 - reach + aside_x).min(end.0 - 8.0), end.1 + aside_y);
    [start, first, second, end]
}

/// The middle of the room between two nodes, one above the other.
fn lane_between(from: &Frame, to: &Frame) -> Option<f64> {
    if from.bottom() + GAP_MIN <= to.top {
        Some((from.bottom() + to.top) / 2.0)
    } else if to.bottom() + GAP_MIN <= from.top {
        Some((to.bottom() + from.top) / 2.0)
    } else {
        None
    }
}

/// A lane below both nodes; bent the other way, above both.
fn lane_around(ends: &Ends, bend: f64) -> f64 {
    if bend < 0.0 {
        ends.from.top.min(ends.to.top) - CLEARANCE + bend + 60.0
    } else {
        ends.from.bottom().max(ends.to.bottom()) + CLEARANCE + bend
    }
}

/// Out to the right, along a lane between or under the nodes, and in from the left.
fn backward(start: Point, end: Point, lane: f64) -> Vec<[Point; 4]> {
    let out = turn(start, lane);
    let first = (start.0, lane);
    let mut curves = vec![[start, (start.0 + out, start.1), (start.0 + out, lane), first]];
    curves.extend(home(first, end, lane));
    curves
}

/// How far a turn into or out of a lane swings out.
fn turn(from: Point, lane: f64) -> f64 {
    ((lane - from.1).abs() * 0.75).clamp(28.0, 72.0)
}

/// Along the lane from a point on it, and in from the left.
fn home(first: Point, end: Point, lane: f64) -> [[Point; 4]; 2] {
    home_from(first, (end.0, lane), end)
}

/// As [`home`], leaving the lane at `last`, which is no further to the right than the end.
fn home_from(first: Point, last: Point, end: Point) -> [[Point; 4]; 2] {
    let out_at = last.0 - turn(end, last.1);
    [straight(first, last), [last, (out_at, last.1), (out_at, end.1), end]]
}

fn straight(a: Point, b: Point) -> [Point; 4] {
    let third = ((b.0 - a.0) / 3.0, (b.1 - a.1) / 3.0);
    [a, (a.0 + third.0, a.1 + third.1), (b.0 - third.0, b.1 - third.1), b]
}

/// Down out of the node and in from the left.
fn from_below(start: Point, end: Point, ends: &Ends, bend: f64) -> Vec<[Point; 4]> {
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    if bend == 0.0 && dx > -OVERLAP_BELOW_MAX && dy > 30.0 {
        let in_from = if dx > 80.0 { dx * 0.5 } else { (dy * 0.4).clamp(36.0, 64.0) - dx.min(0.0) * 0.4 };
        return vec![[start, (start.0, start.1 + (dy * 0.6).clamp(30.0, 90.0)), (end.0 - in_from, end.1), end]];
    }
    let is_right = end.0 >= ends.from.right() + 12.0;
    let lane = match lane_between(&ends.from, &ends.to).filter(|lane| *lane > start.1) {
        Some(lane) => lane + bend * 0.6,
        None if is_right => start.1 + 26.0 + bend.max(0.0),
        None => lane_around(ends, bend.abs()),
    };
    // What ends above goes up beside its own node.
    let last = (if lane > end.1 { end.0.min(ends.from.left) } else { end.0 }, lane);
    let side = if !is_right && last.0 < start.0 { -26.0 } else { 26.0 };
    let first = (start.0 + side, lane);
    let mut curves = vec![[start, (start.0, lane), (start.0, lane), first]];
    if is_right {
        let last = (ends.from.right().max(first.0), lane);
        curves.extend([straight(first, last), forward(last, end, 0.0)]);
    } else {
        curves.extend(home_from(first, last, end));
    }
    curves
}

fn on_curve([a, b, c, d]: &[Point; 4], t: f64) -> Point {
    let s = 1.0 - t;
    let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    let sum = |p: f64, q: f64, r: f64, u: f64| weights[0] * p + weights[1] * q + weights[2] * r + weights[3] * u;
    (sum(a.0, b.0, c.0, d.0), sum(a.1, b.1, c.1, d.1))
}

fn distance(a: Point, b: Point) -> f64 {
    let (x, y) = (b.0 - a.0, b.1 - a.1);
    (x * x + y * y).sqrt()
}

fn to_segment(point: Point, a: Point, b: Point) -> f64 {
    let (x, y) = (b.0 - a.0, b.1 - a.1);
    let square = x * x + y * y;
    let along = if square > 0.0 { ((point.0 - a.0) * x + (point.1 - a.1) * y) / square } else { 0.0 };
    let part = along.clamp(0.0, 1.0);
    distance(point, (a.0 + x * part, a.1 + y * part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Vec<(Ends, Route)> {
        let from = Frame::about((0.0, 0.0), (152.0, 64.0));
        let mut routes = Vec::new();
        for x in -6..=6 {
            for y in -6..=6 {
                for lane in 0..3 {
                    let to = Frame::about((f64::from(x) * 70.0, f64::from(y) * 45.0), (216.0, 56.0));
                    let ends = Ends { from, leaves: Side::Right, to, lane, lanes: 3 };
                    routes.push((ends, Route::between(&ends, &[])));
                }
            }
        }
        routes
    }

    #[test]
    fn a_wire_starts_and_ends_at_the_nodes_wherever_they_lie() {
        for (ends, route) in routes() {
            assert!(route.length().is_finite() && route.length() > 0.0, "{ends:?}");
            let (start, end) = (route.point_at(0.0), route.point_at(1.0));
            assert!(distance(start, (ends.from.right(), ends.from.centre().1)) < 1e-9, "{ends:?}");
            assert!(distance(end, (ends.to.left, ends.to.centre().1)) < 1e-9, "{ends:?}");
            assert!(
                route.heading_at(0.0).0 > 0.3 && route.heading_at(1.0).0 > 0.3,
                "leaves and comes in to the right: {ends:?}"
            );
        }
    }

    #[test]
    fn equal_fractions_are_equal_lengths() {
        for (ends, route) in routes() {
            let steps: Vec<f64> = (0..20)
                .map(|n| distance(route.point_at(f64::from(n) / 20.0), route.point_at(f64::from(n + 1) / 20.0)))
                .collect();
            let mean = route.length() / 20.0;
            assert!(steps.iter().all(|step| *step <= mean * 1.01), "no dot jumps: {ends:?} {steps:?}");
            assert!(route.distance_to(route.point_at(0.37)) < 1e-6);
        }
    }

    #[test]
    fn parallel_wires_are_told_apart_in_the_middle() {
        let all = routes();
        for lanes in all.chunks(3) {
            let middles: Vec<Point> = lanes.iter().map(|(_, route)| route.point_at(0.5)).collect();
            assert!(
                distance(middles[0], middles[1]) > 8.0 && distance(middles[1], middles[2]) > 8.0,
                "{:?} {middles:?}",
                lanes[0].0
            );
        }
    }

    #[test]
    fn a_wire_to_its_own_node_leaves_the_node() {
        let frame = Frame::about((0.0, 0.0), (92.0, 88.0));
        let route = Route::between(&Ends { from: frame, leaves: Side::Right, to: frame, lane: 0, lanes: 1 }, &[]);
        let (x, y) = route.point_at(0.5);
        assert!(!frame.contains((x, y)), "{x} {y}");
    }

    #[test]
    fn a_wire_does_not_bend_tightly_where_its_end_is_close() {
        let from = Frame::about((0.0, 0.0), (216.0, 56.0));
        for (across, least_radius) in [(-60.0, 18.0), (-30.0, 18.0), (0.0, 7.0), (14.0, 8.0), (26.0, 8.0), (40.0, 8.0)]
        {
            for down in [-220.0, -135.0, -90.0, 90.0, 135.0, 220.0] {
                let to = Frame::about((108.0 + across + 76.0, down), (152.0, 64.0));
                let route = Route::between(&Ends { from, leaves: Side::Right, to, lane: 0, lanes: 1 }, &[]);
                let places = |curve| (0..=50).map(move |step| radius(curve, f64::from(step) / 50.0));
                let least = route.curves.iter().flat_map(places).fold(f64::MAX, f64::min);
                assert!(least > least_radius, "a bend of radius {least}: {across} {down}");
            }
        }
    }

    /// The radius of curvature at a place of a curve.
    fn radius([a, b, c, d]: &[Point; 4], t: f64) -> f64 {
        let s = 1.0 - t;
        let along = |p: f64, q: f64, r: f64, u: f64| {
            let slope = 3.0 * (s * s * (q - p) + 2.0 * s * t * (r - q) + t * t * (u - r));
            (slope, 6.0 * (s * (r - 2.0 * q + p) + t * (u - 2.0 * r + q)))
        };
        let ((x, x_bend), (y, y_bend)) = (along(a.0, b.0, c.0, d.0), along(a.1, b.1, c.1, d.1));
        (x * x + y * y).powf(1.5) / (x * y_bend - y * x_bend).abs().max(1e-9)
    }

    #[test]
    fn a_wire_from_below_leaves_downwards_and_stays_out_of_its_node() {
        let from = Frame::about((0.0, 0.0), (216.0, 56.0));
        for x in -6..=6 {
            for y in -6..=6 {
                let to = Frame::about((f64::from(x) * 70.0, f64::from(y) * 45.0), (216.0, 56.0));
                if to.grown(30.0).overlaps(&from) {
                    continue;
                }
                let route = Route::between(&Ends { from, leaves: Side::Below, to, lane: 0, lanes: 1 }, &[]);
                assert!(route.heading_at(0.0).1 > 0.9 && route.heading_at(1.0).0 > 0.3, "{to:?}");
                for part in 2..=98 {
                    let point = route.point_at(f64::from(part) / 100.0);
                    assert!(!from.contains(point), "through its own node: {to:?} {point:?}");
                }
            }
        }
    }

    #[test]
    fn a_wire_goes_round_a_node_that_is_in_its_way() {
        let from = Frame::about((0.0, 0.0), (152.0, 64.0));
        let to = Frame::about((600.0, 0.0), (152.0, 64.0));
        let between = Frame::about((300.0, 4.0), (216.0, 56.0));
        let ends = Ends { from, leaves: Side::Right, to, lane: 0, lanes: 1 };
        assert!(Route::between(&ends, &[]).crosses(&between), "the direct way goes through it");
        let route = Route::between(&ends, &[between]);
        assert!(!route.crosses(&between));
        assert!(route.length() < 1.5 * Route::between(&ends, &[]).length(), "and the way round is no odyssey");
    }

    #[test]
    fn unsound_fractions_and_empty_routes_are_harmless() {
        let route = Route::of(Vec::new());
        for fraction in [f64::NAN, -1.0, 0.5, 7.0] {
            assert_eq!(route.point_at(fraction), (0.0, 0.0));
        }
        assert_eq!(route.path(), "");
        assert_eq!(route.distance_to((3.0, 4.0)), 5.0);
    }
}
