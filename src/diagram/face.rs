//! How one part looks now: its outline, name, state and the messages in it. The page draws each part from here, as a
//! component of its own; [`super::topology`] puts them together for a file.

use crate::kernel::ItemState;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::Carried;

use super::drawing::{Anchor, Form, Shape};
use super::geometry::{has_slots, has_words, outline, outline_path, Outline, TIP, TITLE_HEIGHT};
use super::palette::Tone;
use super::text::{fit_text, text_width};

/// The condition of a part in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// It runs.
    #[default]
    Running,
    /// It crashed.
    Down,
    /// It is frozen.
    Paused,
    /// Its work takes this part of its normal time, in per cent.
    Slowed(u32),
}

/// What is shown of a part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeView {
    /// One short line: `12 ready · 2 unacked`.
    pub headline: String,
    /// The states of the messages in it, the next one first; no more than are drawn need be given.
    pub items: Vec<ItemState>,
    /// How many messages there are in all.
    pub item_count: usize,
    /// For a part that talks to a broker: what it said last, and what was answered.
    pub said: Vec<String>,
    /// Its condition.
    pub condition: Condition,
    /// Whether it is selected.
    pub selected: bool,
    /// Whether something is wrong with its parameters or wires.
    pub faulty: bool,
}

/// Slots that fit into a queue.
pub const SLOTS_MAX: usize = 12;
/// Dots that fit into other nodes.
pub const DOTS_MAX: usize = 8;
/// From slot to slot.
const SLOT_PITCH: f64 = 15.6;
/// The size of what a part said, the distance of its lines, and how many of them an answer may have.
const WORDS_SIZE: f64 = 11.0;
const WORDS_PITCH: f64 = 15.5;
const ANSWER_ROWS: usize = 3;
/// Space between an outline and what is written inside.
const INSET: f64 = 12.0;

/// The shapes of a part about its centre (0, 0). `extent` is its width and height.
pub fn node_shapes(kind: &str, label: &str, extent: (f64, f64), view: &NodeView) -> Vec<Shape> {
    let mut shapes = vec![body(kind, extent, view)];
    match outline(kind) {
        Outline::Enclosure => enclosure_face(label, extent, view, &mut shapes),
        Outline::Diamond => diamond_face(label, extent, view, &mut shapes),
        _ if has_slots(kind) => queue_face(label, extent, view, &mut shapes),
        _ if has_words(kind) => talk_face(label, extent, view, &mut shapes),
        shape => box_face(shape, label, extent, view, &mut shapes),
    }
    shapes
}

fn body(kind: &str, extent: (f64, f64), view: &NodeView) -> Shape {
    let shape = Shape::path(outline_path(kind, extent));
    let enclosing = outline(kind) == Outline::Enclosure;
    let shape = if enclosing { shape.filled(Tone::Paper) } else { shape.filled(Tone::Node) };
    let edge = if enclosing { Tone::Rule } else { Tone::Edge };
    match (view.condition, view.selected) {
        (Condition::Down, _) => shape.stroked(Tone::Lost, 2.0),
        (Condition::Paused, false) => shape.dashed(Tone::Soft, 1.5, "5 4"),
        (Condition::Paused, true) => shape.dashed(Tone::Accent, 2.0, "5 4"),
        (_, true) => shape.stroked(Tone::Accent, 2.0),
        _ if view.faulty => shape.dashed(Tone::Wait, 1.75, "2 3"),
        _ => shape.stroked(edge, 1.25),
    }
}

/// The line under the name, with its tone: what is wrong comes first.
fn state_line(view: &NodeView) -> (String, Tone) {
    // A headline that says more about it, such as "down for 0.8 s", replaces the word; any other is beside the point.
    let with = |mark: &str, word: &str| match view.headline.as_str() {
        headline if headline.starts_with(word) => format!("{mark} {headline}"),
        _ => format!("{mark} {word}"),
    };
    match view.condition {
        Condition::Down => (with("✕", "down"), Tone::Lost),
        Condition::Paused => (with("❚❚", "paused"), Tone::Wait),
        Condition::Slowed(percent) => (format!("◔ work takes {percent} %"), Tone::Wait),
        Condition::Running => (view.headline.clone(), Tone::Soft),
    }
}

fn name(at: (f64, f64), label: &str, width: f64, anchor: Anchor) -> Shape {
    Shape::text(at, fit_text(label, width, 12.5, false, true), anchor, 12.5, Tone::Ink).strong()
}

fn box_face(shape: Outline, label: &str, extent: (f64, f64), view: &NodeView, shapes: &mut Vec<Shape>) {
    let (x, y) = (extent.0 / 2.0, extent.1 / 2.0);
    let (left, right) = match shape {
        Outline::PointsRight => (-x + INSET + 2.0, x - TIP + 4.0),
        Outline::PointsLeft => (-x + TIP + 2.0, x - INSET + 4.0),
        _ => (-x + INSET, x - INSET),
    };
    let (line, tone) = state_line(view);
    let dots = !view.items.is_empty();
    let top = if dots { 17.0 - y } else { -4.0 };
    shapes.push(name((left, top), label, right - left, Anchor::Start));
    if !line.is_empty() {
        let line = fit_text(&line, right - left, 11.0, false, false);
        shapes.push(Shape::text((left, top + if dots { 15.0 } else { 18.0 }), line, Anchor::Start, 11.0, tone));
    }
    if dots {
        dot_row((left, y - 13.0), view, shapes);
    }
}

fn diamond_face(label: &str, extent: (f64, f64), view: &NodeView, shapes: &mut Vec<Shape>) {
    let (line, tone) = state_line(view);
    let top = if line.is_empty() { 4.0 } else { -3.0 };
    let room = extent.0 - 20.0;
    // A diamond is narrow: a longer name is written smaller before it is cut.
    let size = if text_width(label, 12.5, false, true) <= room { 12.5 } else { 10.5 };
    let shown = fit_text(label, room, size, false, true);
    shapes.push(Shape::text((0.0, top), shown, Anchor::Middle, size, Tone::Ink).strong());
    if !line.is_empty() {
        let line = fit_text(&line, extent.0 - 34.0, 11.0, false, false);
        shapes.push(Shape::text((0.0, 12.0), line, Anchor::Middle, 11.0, tone));
    }
}

fn enclosure_face(label: &str, extent: (f64, f64), view: &NodeView, shapes: &mut Vec<Shape>) {
    let (x, y) = (extent.0 / 2.0, extent.1 / 2.0);
    let (line, tone) = state_line(view);
    let width = extent.0 - 2.0 * INSET - 8.0;
    let shown = fit_text(label, width, 12.5, false, true);
    let used = text_width(&shown, 12.5, false, true) + 10.0;
    shapes.push(Shape::line((-x, TITLE_HEIGHT - y), (x, TITLE_HEIGHT - y)).stroked(Tone::Rule, 1.0));
    shapes.push(name((INSET + 4.0 - x, 21.0 - y), &shown, width, Anchor::Start));
    let line = fit_text(&line, width - used, 11.0, false, false);
    // A broker that is called by its product need not say it twice.
    if !line.is_empty() && !label.contains(&line) {
        shapes.push(Shape::text((x - INSET - 4.0, 21.0 - y), line, Anchor::End, 11.0, tone));
    }
}

fn queue_face(label: &str, extent: (f64, f64), view: &NodeView, shapes: &mut Vec<Shape>) {
    let (x, y) = (extent.0 / 2.0, extent.1 / 2.0);
    let (line, tone) = state_line(view);
    let tone = if tone == Tone::Soft { Tone::Ink } else { tone };
    let room = extent.0 - 2.0 * INSET;
    let line = fit_text(&line, room, 11.0, true, false);
    let used = if line.is_empty() { 0.0 } else { text_width(&line, 11.0, true, false) + 8.0 };
    if text_width(label, 12.5, false, true) + used <= room {
        shapes.push(name((INSET - x, 19.0 - y), label, room, Anchor::Start));
        shapes.push(Shape::text((x - INSET, 19.0 - y), line, Anchor::End, 11.0, tone).mono());
        slots((x - INSET, y - 28.0), 20.0, view, shapes);
    } else {
        // A long name has a line of its own; the slots are lower then.
        shapes.push(name((INSET - x, 16.0 - y), label, room, Anchor::Start));
        shapes.push(Shape::text((INSET - x, 30.0 - y), line, Anchor::Start, 11.0, tone).mono());
        slots((x - INSET, y - 20.0), 14.0, view, shapes);
    }
    shapes.retain(|shape| !matches!(&shape.form, Form::Text(text) if text.content.is_empty()));
}

/// A part that talks: what it said last, and as much of the answer as there is room for.
fn talk_face(label: &str, extent: (f64, f64), view: &NodeView, shapes: &mut Vec<Shape>) {
    let (x, y) = (extent.0 / 2.0, extent.1 / 2.0);
    let room = extent.0 - 2.0 * INSET;
    let (line, tone) = state_line(view);
    let used = text_width(&line, 11.0, false, false) + 10.0;
    shapes.push(name((INSET - x, 19.0 - y), label, room - used, Anchor::Start));
    shapes.push(Shape::text((x - INSET, 19.0 - y), fit_text(&line, room, 11.0, false, false), Anchor::End, 11.0, tone));
    let Some((said, answers)) = view.said.split_first() else { return };
    let mono = |row: f64, text: &str, tone: Tone| {
        let text = fit_text(text, room, WORDS_SIZE, true, false);
        Shape::text((INSET - x, 39.0 - y + row * WORDS_PITCH), text, Anchor::Start, WORDS_SIZE, tone).mono()
    };
    shapes.push(mono(0.0, said, Tone::Accent));
    let letters = (room / text_width("0", WORDS_SIZE, true, false)).max(8.0) as usize;
    let answer: Vec<char> = answers.join("  ").chars().collect();
    let mut rows = answer.chunks(letters);
    for (row, letters) in rows.by_ref().take(ANSWER_ROWS).enumerate() {
        let mut text: String = letters.iter().collect();
        if row + 1 == ANSWER_ROWS && answer.len() > ANSWER_ROWS * letters.len() {
            text.push('…');
        }
        shapes.push(mono(1.0 + row as f64, &text, Tone::Ink));
    }
}

/// The messages of a queue as slots, the next one at the right: full while ready, hollow while a consumer holds it, hatched
/// when it is ready again after a delivery.
fn slots((right, top): (f64, f64), height: f64, view: &NodeView, shapes: &mut Vec<Shape>) {
    let count = view.item_count.max(view.items.len());
    let shown = view.items.len().min(if count > SLOTS_MAX { SLOTS_MAX - 3 } else { SLOTS_MAX });
    let mut states: Vec<ItemState> = view.items[..shown].to_vec();
    sort_by_key(&mut states, |state| !matches!(state, ItemState::Unacked | ItemState::InWork));
    for (place, state) in states.iter().enumerate() {
        slot((right - 12.0 - place as f64 * SLOT_PITCH, top), height, *state, shapes);
    }
    if count > shown {
        let at = (right - shown as f64 * SLOT_PITCH - 3.0, top + height / 2.0 + 4.0);
        shapes.push(Shape::text(at, format!("+{}", short(count - shown)), Anchor::End, 11.0, Tone::Soft).mono());
    }
}

/// One slot, 12 wide, with its upper left corner at a point.
fn slot((left, top): (f64, f64), height: f64, state: ItemState, shapes: &mut Vec<Shape>) {
    let hollow = Shape::rect(left + 0.75, top + 0.75, 10.5, height - 1.5, 2.5);
    match state {
        ItemState::Ready => shapes.push(Shape::rect(left, top, 12.0, height, 3.0).filled(Tone::Info)),
        ItemState::Unacked | ItemState::InWork => shapes.push(hollow.stroked(Tone::Info, 1.5)),
        ItemState::ReadyAgain => {
            shapes.push(hollow.stroked(Tone::Wait, 1.5));
            for part in [0.28, 0.58, 0.88] {
                let (low, high) = (top + height * part + 0.6, top + height * part - 3.4);
                shapes.push(Shape::line((left + 3.0, low), (left + 9.0, high)).stroked(Tone::Wait, 1.5));
            }
        }
    }
}

/// The messages of another part as a row of dots from the left: full in work, hollow while they wait.
fn dot_row((left, middle): (f64, f64), view: &NodeView, shapes: &mut Vec<Shape>) {
    let count = view.item_count.max(view.items.len());
    let shown = view.items.len().min(if count > DOTS_MAX { DOTS_MAX - 3 } else { DOTS_MAX });
    for (place, state) in view.items[..shown].iter().enumerate() {
        let dot = Shape::circle((left + 4.0 + place as f64 * 12.0, middle), 4.0);
        shapes.push(match state {
            ItemState::InWork => dot.filled(Tone::Info),
            ItemState::ReadyAgain => dot.dashed(Tone::Wait, 1.5, "2 1.5"),
            ItemState::Ready | ItemState::Unacked => dot.stroked(Tone::Info, 1.5),
        });
    }
    if count > shown {
        let at = (left + shown as f64 * 12.0 + 2.0, middle + 4.0);
        shapes.push(Shape::text(at, format!("+{}", short(count - shown)), Anchor::Start, 11.0, Tone::Soft).mono());
    }
}

/// A count in at most four characters.
pub fn short(count: usize) -> String {
    match count {
        0..=9_999 => count.to_string(),
        10_000..=999_999 => format!("{}k", count / 1_000),
        1_000_000..=999_999_999 => format!("{}M", count / 1_000_000),
        _ => "1G+".to_string(),
    }
}

/// The form of something on its way over a link. It differs by more than its tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkForm {
    /// A full disc: a message.
    Disc,
    /// A ring around a dot: a message that may have been seen before.
    Ring,
    /// A small full disc: an acknowledgement.
    SmallDisc,
    /// A cross: a refusal.
    Cross,
    /// A small hollow square: a request of the protocol.
    Square,
}

/// How a frame on its way is drawn: its form, tone and radius in drawing units.
pub fn flight_mark(what: Carried) -> (MarkForm, Tone, f64) {
    match what {
        Carried::Publish | Carried::Deliver => (MarkForm::Disc, Tone::Info, 4.6),
        Carried::Redeliver => (MarkForm::Ring, Tone::Wait, 6.5),
        Carried::Ack | Carried::Confirm => (MarkForm::SmallDisc, Tone::Ok, 2.8),
        Carried::Requeue => (MarkForm::Cross, Tone::Wait, 3.4),
        Carried::Return => (MarkForm::Ring, Tone::Lost, 4.6),
        Carried::Reject | Carried::Refuse => (MarkForm::Cross, Tone::Lost, 3.4),
        Carried::Operate | Carried::Answer => (MarkForm::Square, Tone::Info, 4.0),
        Carried::Subscribe
        | Carried::Cancel
        | Carried::Pulls
        | Carried::Pull
        | Carried::Pulled
        | Carried::Extend
        | Carried::Expect
        | Carried::Committed => (MarkForm::Square, Tone::Soft, 2.6),
    }
}

/// The shapes of a mark about (0, 0).
pub fn mark_shapes(form: MarkForm, tone: Tone, radius: f64) -> Vec<Shape> {
    let centre = (0.0, 0.0);
    match form {
        MarkForm::Disc | MarkForm::SmallDisc => vec![Shape::circle(centre, radius).filled(tone)],
        MarkForm::Ring => vec![
            Shape::circle(centre, radius).filled(Tone::Node).stroked(tone, 2.0),
            Shape::circle(centre, radius * 0.4).filled(tone),
        ],
        MarkForm::Cross => vec![
            Shape::line((-radius, -radius), (radius, radius)).stroked(tone, 2.0),
            Shape::line((-radius, radius), (radius, -radius)).stroked(tone, 2.0),
        ],
        MarkForm::Square => {
            vec![Shape::rect(-radius, -radius, 2.0 * radius, 2.0 * radius, 0.5).filled(Tone::Node).stroked(tone, 1.5)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::size;
    use super::*;

    fn texts<'a>(shapes: &'a [Shape]) -> Vec<&'a str> {
        let text = |shape: &'a Shape| match &shape.form {
            Form::Text(text) => Some(text.content.as_str()),
            _ => None,
        };
        shapes.iter().filter_map(text).collect()
    }

    #[test]
    fn a_full_queue_says_how_many_more_there_are() {
        let view = NodeView { items: vec![ItemState::Ready; 12], item_count: 49, ..NodeView::default() };
        let shapes = node_shapes("queue", "billing", size("queue"), &view);
        assert_eq!(texts(&shapes), ["billing", "+40"]);
        let slots = shapes.iter().filter(|shape| matches!(shape.form, Form::Rect { .. })).count();
        assert_eq!(slots, 9);
    }

    #[test]
    fn states_of_messages_differ_by_more_than_tone() {
        let look = |state| {
            let mut shapes = Vec::new();
            slot((0.0, 0.0), 20.0, state, &mut shapes);
            (shapes.len(), shapes[0].fill.is_some())
        };
        let looks = [look(ItemState::Ready), look(ItemState::Unacked), look(ItemState::ReadyAgain)];
        assert!(looks[0] != looks[1] && looks[1] != looks[2] && looks[0] != looks[2], "{looks:?}");
    }

    #[test]
    fn a_node_that_is_down_says_so_in_words() {
        let view = NodeView { condition: Condition::Down, headline: "idle".into(), ..NodeView::default() };
        for kind in ["producer", "consumer", "exchange", "queue", "broker", "thing"] {
            let shapes = node_shapes(kind, "a", size(kind), &view);
            assert!(texts(&shapes).contains(&"✕ down"), "{kind}: {:?}", texts(&shapes));
        }
    }

    #[test]
    fn everything_stays_inside_its_node() {
        for kind in ["producer", "consumer", "exchange", "queue", "broker", "console", "thing"] {
            let (width, height) = size(kind);
            let view = NodeView {
                said: vec!["XREADGROUP GROUP workers w1 COUNT 2 STREAMS jobs >".into(), "[\"an answer\"]".repeat(40)],
                headline: "a headline far too long for any node at all, 12345678901234567890 ready".into(),
                items: vec![ItemState::ReadyAgain; 40],
                item_count: usize::MAX,
                ..NodeView::default()
            };
            for shape in
                node_shapes(kind, "A name that does not fit either, by no means at all", (width, height), &view)
            {
                let (left, right, top, bottom) = match &shape.form {
                    Form::Text(text) => {
                        let wide = text_width(&text.content, text.size, text.mono, text.strong);
                        let left = match text.anchor {
                            Anchor::Start => text.at.0,
                            Anchor::Middle => text.at.0 - wide / 2.0,
                            Anchor::End => text.at.0 - wide,
                        };
                        (left, left + wide, text.at.1 - text.size * 0.8, text.at.1 + 2.0)
                    }
                    Form::Rect { x, y, width, height, .. } => (*x, x + width, *y, y + height),
                    Form::Circle { centre, radius } => {
                        (centre.0 - radius, centre.0 + radius, centre.1 - radius, centre.1 + radius)
                    }
                    _ => continue,
                };
                assert!(
                    left >= -width / 2.0 && right <= width / 2.0 && top >= -height / 2.0 && bottom <= height / 2.0,
                    "{kind}: {shape:?}"
                );
            }
        }
    }
}
