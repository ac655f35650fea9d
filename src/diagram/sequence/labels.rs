//! Which arrows and marks can be named without two names on top of each other: the important ones first.

use crate::vocabulary::order::sort_by_key;

use super::super::drawing::{Anchor, Shape, Target};
use super::super::geometry::Point;
use super::super::palette::Tone;
use super::super::text::text_width;

/// The size of the names.
const FONT: f64 = 11.0;
/// Names placed at most; each is compared with all before it.
const PLACED_MAX: usize = 80;

/// A name that would like to be drawn, with the places where it may stand, the best one first.
pub(super) struct Candidate {
    text: String,
    tone: Tone,
    rank: i32,
    target: Target,
    places: Vec<Place>,
}

/// A place of a text's baseline.
#[derive(Clone, Copy)]
struct Place {
    at: Point,
    anchor: Anchor,
    /// The direction of the text, as a unit vector.
    along: Point,
}

/// A turned rectangle: the room that a name takes.
#[derive(Clone, Copy)]
struct Room {
    centre: Point,
    along: Point,
    half: (f64, f64),
}

impl Candidate {
    /// A name along an arrow, above it: the first of the texts that is no longer than the arrow.
    pub fn along(from: Point, to: Point, texts: &[String], tone: Tone, rank: i32, target: Target) -> Candidate {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt();
        let fits = |text: &&String| text_width(text, FONT, false, false) <= length;
        let text = texts.iter().find(fits).cloned().unwrap_or_default();
        let mut places = Vec::new();
        if length > 0.0 {
            // Text runs to the right, whichever way the arrow goes.
            let sign = if dx < 0.0 { -1.0 } else { 1.0 };
            let along = (dx / length * sign, dy / length * sign);
            for part in [0.5, 0.36, 0.64] {
                let (x, y) = (from.0 + dx * part, from.1 + dy * part);
                places.push(Place { at: (x + along.1 * 4.5, y - along.0 * 4.5), anchor: Anchor::Middle, along });
            }
        }
        Candidate { text, tone, rank, target, places }
    }

    /// A name beside a point: at its right or its left, whichever is asked for first.
    pub fn beside((x, y): Point, right: bool, text: String, tone: Tone, rank: i32, target: Target) -> Candidate {
        let at = |right: bool, down: f64| {
            let (side, anchor) = if right { (10.0, Anchor::Start) } else { (-10.0, Anchor::End) };
            Place { at: (x + side, y + down), anchor, along: (1.0, 0.0) }
        };
        let places = vec![at(right, 4.0), at(!right, 4.0), at(right, 16.0), at(!right, 16.0)];
        Candidate { text, tone, rank, target, places }
    }
}

/// All names that would like to be drawn.
#[derive(Default)]
pub(super) struct Labels {
    candidates: Vec<Candidate>,
    /// Where no name may lie.
    blocked: Vec<Room>,
}

impl Labels {
    pub fn offer(&mut self, candidate: Candidate) {
        if !candidate.text.is_empty() && !candidate.places.is_empty() {
            self.candidates.push(candidate);
        }
    }

    /// Keeps names off a rectangle.
    pub fn keep_clear(&mut self, (left, top): Point, (right, bottom): Point) {
        let centre = ((left + right) / 2.0, (top + bottom) / 2.0);
        self.blocked.push(Room { centre, along: (1.0, 0.0), half: ((right - left) / 2.0, (bottom - top) / 2.0) });
    }

    /// The names that have room between the corners of the picture.
    pub fn place(mut self, upper_left: Point, lower_right: Point) -> Vec<Shape> {
        sort_by_key(&mut self.candidates, |candidate| std::cmp::Reverse(candidate.rank));
        let mut rooms: Vec<Room> = Vec::new();
        let mut shapes = Vec::new();
        for candidate in self.candidates {
            if rooms.len() >= PLACED_MAX {
                break;
            }
            let width = text_width(&candidate.text, FONT, false, false);
            let free = candidate.places.iter().map(|place| (place, Room::of(place, width))).find(|(_, room)| {
                room.within(upper_left, lower_right)
                    && !self.blocked.iter().chain(&rooms).any(|other| room.meets(other))
            });
            if let Some((place, room)) = free {
                rooms.push(room);
                let turn = libm::atan2(place.along.1, place.along.0).to_degrees();
                let shape =
                    Shape::text(place.at, candidate.text, place.anchor, FONT, candidate.tone).haloed(Tone::Panel);
                shapes.push(shape.turned(if turn.abs() < 0.5 { 0.0 } else { turn }).targeting(candidate.target));
            }
        }
        shapes
    }
}

impl Room {
    fn of(place: &Place, width: f64) -> Room {
        let shift = match place.anchor {
            Anchor::Start => width / 2.0,
            Anchor::Middle => 0.0,
            Anchor::End => -width / 2.0,
        };
        let (ux, uy) = place.along;
        // The middle of the letters lies above the baseline.
        let centre = (place.at.0 + ux * shift + uy * FONT * 0.36, place.at.1 + uy * shift - ux * FONT * 0.36);
        Room { centre, along: place.along, half: (width / 2.0 + 2.0, FONT * 0.62) }
    }

    /// Half of its extent along a direction.
    fn reach(&self, (dx, dy): Point) -> f64 {
        let (ux, uy) = self.along;
        (ux * dx + uy * dy).abs() * self.half.0 + (ux * dy - uy * dx).abs() * self.half.1
    }

    fn within(&self, upper_left: Point, lower_right: Point) -> bool {
        let (x, y) = (self.reach((1.0, 0.0)), self.reach((0.0, 1.0)));
        self.centre.0 - x >= upper_left.0
            && self.centre.0 + x <= lower_right.0
            && self.centre.1 - y >= upper_left.1
            && self.centre.1 + y <= lower_right.1
    }

    /// Whether the two overlap: no direction separates them.
    fn meets(&self, other: &Room) -> bool {
        let (dx, dy) = (other.centre.0 - self.centre.0, other.centre.1 - self.centre.1);
        let across = |(x, y): Point| (-y, x);
        let axes = [self.along, across(self.along), other.along, across(other.along)];
        axes.iter().all(|axis| (dx * axis.0 + dy * axis.1).abs() < self.reach(*axis) + other.reach(*axis))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::drawing::Form;
    use super::*;
    use crate::vocabulary::EventId;

    fn room(x: f64, y: f64, degrees: f64) -> Room {
        let angle = degrees.to_radians();
        Room { centre: (x, y), along: (libm::cos(angle), libm::sin(angle)), half: (30.0, 6.0) }
    }

    #[test]
    fn turned_rooms_meet_only_where_they_touch() {
        assert!(room(0.0, 0.0, 0.0).meets(&room(50.0, 5.0, 0.0)));
        assert!(!room(0.0, 0.0, 0.0).meets(&room(0.0, 13.0, 0.0)));
        assert!(!room(0.0, 0.0, 30.0).meets(&room(0.0, 16.0, 30.0)), "parallel names lie close together");
        assert!(room(0.0, 0.0, 30.0).meets(&room(0.0, 16.0, -30.0)), "crossing ones do not");
    }

    #[test]
    fn the_important_name_wins_and_all_stay_inside() {
        let mut labels = Labels::default();
        let offer = |labels: &mut Labels, text: &str, rank| {
            labels.offer(Candidate::along(
                (0.0, 50.0),
                (40.0, 50.0),
                &[text.to_string()],
                Tone::Info,
                rank,
                Target::Event(EventId(1)),
            ));
        };
        offer(&mut labels, "ack", 2);
        offer(&mut labels, "lost", 9);
        labels.offer(Candidate::beside(
            (100.0, 50.0),
            true,
            "at the edge".into(),
            Tone::Lost,
            5,
            Target::Event(EventId(2)),
        ));
        let shapes = labels.place((0.0, 0.0), (104.0, 100.0));
        let texts: Vec<&str> = shapes
            .iter()
            .filter_map(|shape| match &shape.form {
                Form::Text(text) => Some(text.content.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(texts, ["lost", "at the edge"]);
    }
}
