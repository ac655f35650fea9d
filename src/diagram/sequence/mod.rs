//! The sequence diagram of a stretch of a run: a line for each part, time running down, an arrow for each message.
//!
//! Arrows slant by the real time that a frame travelled. [`gather`] reads the trace into arrows, marks and stretches of
//! work; [`labels`] decides which of them can be named without two names on top of each other; here they are drawn.

mod gather;
mod labels;

use std::rc::Rc;

use crate::scenario::document::{Document, Node};
use crate::vocabulary::order::{sort_by, sort_by_key};
use crate::vocabulary::{MessageId, NodeId, Time, TraceEvent};

use super::axis::time_ticks;
use super::drawing::{number, Anchor, Drawing, Shape, Table, Target};
use super::geometry::Point;
use super::palette::Tone;
use super::story::span;
use super::text::{fit_text, text_width};

use gather::{gather, merge, Arrow, Ending, Gathered, Glyph, Outcome, Work};
use labels::{Candidate, Labels};

/// The least width of a column: room for "deliver #1" on one line; names that are longer are cut.
const COLUMN_MIN: f64 = 64.0;
/// Arrows drawn at most, however large the picture: the bound of the work per frame.
const ARROWS_MAX: usize = 200;
/// Events read at most, the newest; what is older would not be seen.
const EVENTS_MAX: usize = 6_000;
/// Rows of the table alternative.
const ROWS_MAX: usize = 200;
/// Room for the names.
const HEAD: f64 = 36.0;

/// A part with a line of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifeline {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub label: String,
    /// The node that it lives in, whose faults are its own.
    pub host: Option<NodeId>,
    /// Leave it out when nothing happens at it: a broker, whose members have lines of their own.
    pub optional: bool,
}

/// What the diagram is made of.
pub struct SequenceInput<'a> {
    /// The events of the stretch in their order, and those before it that sent what arrives in it; more does no harm.
    pub events: &'a [TraceEvent],
    /// The parts, from left to right.
    pub lifelines: &'a [Lifeline],
    /// The routing key of a message, if it is known.
    pub key: &'a dyn Fn(MessageId) -> Option<Rc<str>>,
    /// The upper edge of the picture.
    pub start: Time,
    /// The lower edge.
    pub end: Time,
    /// The present: what is still on its way is drawn as far as here.
    pub now: Time,
    /// Width in drawing units.
    pub width: f64,
    /// Height in drawing units.
    pub height: f64,
    /// The message to follow; all others step back.
    pub selected: Option<MessageId>,
}

/// Where times and columns are in the picture.
struct Plan {
    columns: Vec<f64>,
    column_width: f64,
    top: f64,
    bottom: f64,
    start: Time,
    end: Time,
    /// A usual time of travel, for arrows whose end is not known.
    travel: u64,
}

/// The nodes of a document as their lines stand: from left to right as they are drawn, then from top to bottom.
pub fn drawing_order(document: &Document) -> Vec<&Node> {
    let mut nodes: Vec<&Node> = document.nodes.iter().collect();
    sort_by(&mut nodes, |a, b| a.at.0.total_cmp(&b.at.0).then(a.at.1.total_cmp(&b.at.1)));
    nodes
}

/// The diagram.
pub fn sequence(input: &SequenceInput) -> Drawing {
    const TITLE: &str = "Sequence";
    if input.width < 160.0 || input.height < 80.0 || input.end <= input.start {
        return Drawing::empty(input.width, input.height, TITLE, "Too small to draw.");
    }
    let events = &input.events[input.events.len().saturating_sub(EVENTS_MAX)..];
    if input.lifelines.is_empty() || events.is_empty() {
        return Drawing::empty(input.width, input.height, TITLE, "Press play: who sends what to whom appears here.");
    }
    let gutter = if input.width >= 360.0 { 50.0 } else { 12.0 };
    let fit = (((input.width - gutter) / COLUMN_MIN) as usize).max(2);
    let (lifelines, hidden) = gather::choose(input, events, fit);
    let (start, gathered, all) = fitting(input, events, &lifelines);
    let plan = plan(input, start, lifelines.len(), gutter, &gathered);
    let shown = gathered.arrows.len();

    let mut drawing = Drawing::new(input.width, input.height, Tone::Panel, TITLE);
    let mut labels = Labels::default();
    draw_grid(input, &plan, gutter, &lifelines, &mut labels, &mut drawing.shapes);
    gathered.works.iter().for_each(|work| draw_work(work, &plan, input.selected, &mut labels, &mut drawing.shapes));
    for arrow in &gathered.arrows {
        draw_arrow(arrow, &plan, input, &mut labels, &mut drawing.shapes);
    }
    for mark in &gathered.marks {
        draw_mark(mark, &plan, input, &mut labels, &mut drawing.shapes);
    }
    drawing.shapes.extend(labels.place((gutter - 8.0, 4.0), (input.width, plan.bottom + 4.0)));
    let cut = events.len() < input.events.len();
    drawing.note = note(start, shown, (all, cut), hidden);
    drawing.table = table(&gathered, &lifelines);
    drawing.description = description(&plan, &gathered, &lifelines, shown);
    drawing
}

fn plan(input: &SequenceInput, start: Time, count: usize, gutter: f64, gathered: &Gathered) -> Plan {
    let column_width = (input.width - gutter - 8.0) / count.max(1) as f64;
    let columns = (0..count).map(|column| gutter + column_width * (column as f64 + 0.5)).collect();
    let travels = gathered.arrows.iter().filter(|arrow| matches!(arrow.ending, Ending::Arrived(_)));
    let (sum, number) = travels
        .filter_map(|arrow| arrow.end().map(|end| end.since(arrow.start).0))
        .fold((0u128, 0u128), |(sum, number), travel| (sum + u128::from(travel), number + 1));
    let span = input.end.since(start).0;
    let travel = sum.checked_div(number).map_or(span / 12, |mean| mean as u64);
    Plan { columns, column_width, top: HEAD, bottom: input.height - 10.0, start, end: input.end, travel }
}

impl Plan {
    fn y(&self, at: Time) -> f64 {
        let span = self.end.since(self.start).0 as f64;
        let offset = at.0 as f64 - self.start.0 as f64;
        self.top + offset / span * (self.bottom - self.top)
    }
}

/// Reads the stretch, or as much of its end as can be told apart: gives its start, what is in it, and the count of all arrows.
///
/// With a message to follow the whole stretch is drawn, since all else steps back.
fn fitting(input: &SequenceInput, events: &[TraceEvent], lifelines: &[&Lifeline]) -> (Time, Gathered, usize) {
    let read = |start: Time| {
        let mut gathered = gather(start, input.end, events, lifelines);
        gathered.arrows = merge(gathered.arrows, input.selected);
        gathered
    };
    let mut gathered = read(input.start);
    let all = gathered.arrows.len();
    // Four gaps side by side can be named at 16 units a line; more rarely have traffic at the same time.
    let gaps = lifelines.len().clamp(2, 5) - 1;
    let arrows_max = (((input.height - HEAD - 10.0) / 16.0) as usize * gaps).clamp(12, ARROWS_MAX);
    let mut start = input.start;
    if input.selected.is_none() && all > arrows_max {
        let first = gathered.arrows[all - arrows_max].start;
        // A little air above the first arrow; never an empty picture.
        let air = input.end.since(first).0 / 24;
        start = Time(first.0.saturating_sub(air)).max(input.start).min(Time(input.end.0 - 1));
        gathered = read(start);
    }
    let selected = input.selected;
    let mut spare = gathered.arrows.len().saturating_sub(ARROWS_MAX);
    gathered.arrows.retain(|arrow| {
        let keep = spare == 0 || selected.is_some_and(|selected| selected == arrow.message);
        spare -= usize::from(!keep);
        keep
    });
    newest(&mut gathered.arrows);
    newest(&mut gathered.marks);
    newest(&mut gathered.works);
    (start, gathered, all)
}

/// Drops the oldest of too many.
fn newest<T>(items: &mut Vec<T>) {
    let excess = items.len().saturating_sub(ARROWS_MAX);
    items.drain(..excess);
}

/// What was left out. `all` counts the arrows, and says whether there were even more.
fn note(start: Time, shown: usize, (all, cut): (usize, bool), hidden: usize) -> Option<String> {
    let of = if cut { "more than " } else { "" };
    let arrows = (shown < all || cut).then(|| format!("showing the last {shown} of {of}{all} arrows, from {start}"));
    let parts = match hidden {
        0 => None,
        1 => Some("1 part does not fit and is hidden".to_string()),
        _ => Some(format!("{hidden} parts do not fit and are hidden")),
    };
    match (arrows, parts) {
        (Some(arrows), Some(parts)) => Some(format!("{arrows}; {parts}")),
        (arrows, parts) => arrows.or(parts),
    }
}

fn draw_grid(
    input: &SequenceInput,
    plan: &Plan,
    gutter: f64,
    lifelines: &[&Lifeline],
    labels: &mut Labels,
    shapes: &mut Vec<Shape>,
) {
    if gutter > 40.0 {
        for (at, label) in time_ticks(plan.start, plan.end, ((plan.bottom - plan.top) / 44.0) as usize) {
            let y = plan.y(at);
            if y >= plan.top && y <= plan.bottom - 2.0 {
                shapes.push(Shape::line((gutter - 2.0, y), (input.width - 8.0, y)).dashed(Tone::Rule, 1.0, "1 5"));
                shapes.push(Shape::text((gutter - 8.0, y + 3.5), label, Anchor::End, 10.5, Tone::Soft));
            }
        }
    }
    let room = plan.column_width - 4.0;
    let fits = lifelines.iter().all(|lifeline| text_width(&lifeline.label, 12.5, false, true) <= room);
    let size = if fits { 12.5 } else { 11.5 };
    for (x, lifeline) in plan.columns.iter().zip(lifelines) {
        let label = fit_text(&lifeline.label, room, size, false, true);
        let half = text_width(&label, size, false, true) / 2.0;
        labels.keep_clear((x - half, 6.0), (x + half, 24.0));
        let name = Shape::text((*x, 19.0), label, Anchor::Middle, size, Tone::Ink).strong();
        shapes.push(name.targeting(Target::Node(lifeline.node)));
        shapes.push(Shape::line((*x, plan.top - 4.0), (*x, plan.bottom)).stroked(Tone::Rule, 1.25));
    }
}

fn draw_work(work: &Work, plan: &Plan, selected: Option<MessageId>, labels: &mut Labels, shapes: &mut Vec<Shape>) {
    let top = work.start.map_or(plan.top - 4.0, |at| plan.y(at)).max(plan.top - 4.0);
    let bottom = work.end.map_or(plan.bottom, |at| plan.y(at)).clamp(top, plan.bottom);
    let tone = match work.outcome {
        _ if selected.is_some_and(|selected| selected != work.message) => Tone::Rule,
        Outcome::Done => Tone::Ok,
        Outcome::Running => Tone::Info,
        Outcome::Failed | Outcome::Abandoned => Tone::Wait,
    };
    // Work side by side is drawn side by side.
    let x = plan.columns[work.column] - 5.0 + work.lane.min(5) as f64 * 7.0;
    labels.keep_clear((x, top), (x + 10.0, bottom));
    let bar = Shape::rect(x, top, 10.0, (bottom - top).max(3.0), 2.0).targeting(Target::Message(work.message));
    shapes.push(match work.outcome {
        // What was not finished, and what is not finished yet, is hollow.
        Outcome::Running | Outcome::Abandoned => bar.filled(Tone::Panel).stroked(tone, 1.6),
        _ => bar.filled(tone),
    });
}

/// The tone of an arrow, its dash, and how much it asks to be named.
fn arrow_look(arrow: &Arrow, selected: Option<MessageId>) -> (Tone, &'static str, i32) {
    use crate::vocabulary::Carried;
    let (tone, dash, rank) = match (&arrow.ending, arrow.what) {
        (Ending::Lost(..), _) => (Tone::Lost, "", 9),
        (_, None) => (Tone::Info, "", 3),
        (_, Some(Carried::Publish)) => (Tone::Info, "", 6),
        (_, Some(Carried::Deliver)) => (Tone::Info, "", 5),
        (_, Some(Carried::Redeliver)) => (Tone::Wait, "", 7),
        (_, Some(Carried::Ack | Carried::Confirm)) => (Tone::Ok, "4 3", 2),
        (_, Some(Carried::Requeue)) => (Tone::Wait, "4 3", 6),
        (_, Some(Carried::Reject | Carried::Refuse | Carried::Return)) => (Tone::Lost, "4 3", 6),
        (_, Some(Carried::Operate | Carried::Answer)) => (Tone::Info, "2 3", 4),
        (_, Some(_)) => (Tone::Soft, "2 3", 1),
    };
    match selected {
        Some(selected) if selected == arrow.message => (tone, dash, rank + 20),
        Some(_) => (Tone::Rule, dash, -1),
        None => (tone, dash, rank),
    }
}

fn draw_arrow(arrow: &Arrow, plan: &Plan, input: &SequenceInput, labels: &mut Labels, shapes: &mut Vec<Shape>) {
    let (tone, dash, rank) = arrow_look(arrow, input.selected);
    let side = if arrow.to > arrow.from { 1.0 } else { -1.0 };
    let (x1, x2) =
        (plan.columns[arrow.from] + side * 5.0 * f64::from(arrow.what.is_some()), plan.columns[arrow.to] - side * 5.0);
    let y1 = plan.y(arrow.start);
    let usual = plan.y(Time(arrow.start.0.saturating_add(plan.travel)));
    let (y2, part) = match arrow.ending {
        Ending::Arrived(at) => (plan.y(at), 1.0),
        // Lost when it was sent: it gets some of the way. Lost on arrival: nearly all of it.
        Ending::Lost(at, _) if at == arrow.start => (usual, 0.6),
        Ending::Lost(at, _) => (plan.y(at), 1.0),
        // Still on its way: it arrives after the present.
        Ending::Open => (usual.max(plan.y(input.now) + 24.0), 1.0),
    };
    let floor = match arrow.ending {
        Ending::Open => plan.bottom.min(plan.y(input.now)),
        _ => plan.bottom,
    };
    let along = |part: f64| (x1 + (x2 - x1) * part, y1 + (y2 - y1) * part);
    // The part of the way that lies in the picture.
    let low = if y1 < plan.top - 4.0 { (plan.top - 4.0 - y1) / (y2 - y1) } else { 0.0 };
    let high = if y2 > floor { ((floor - y1) / (y2 - y1)).min(part) } else { part };
    if !(0.0..1.0).contains(&low) || high <= low {
        return;
    }
    let (from, to) = (along(low), along(high));
    let width = if rank >= 20 { 2.4 } else { 1.6 };
    let target = arrow.message.some().map_or(Target::Event(arrow.event), Target::Message);
    shapes.push(Shape::line(from, to).dashed(tone, width, dash).targeting(target.clone()));
    shapes.push(match arrow.ending {
        Ending::Lost(..) => cross(to, tone, 4.0),
        _ => head(from, to, matches!(arrow.ending, Ending::Open) || high < 1.0, tone, width),
    });
    if rank < 0 {
        return;
    }
    if let Ending::Lost(_, reason) = arrow.ending {
        labels.offer(Candidate::beside(to, side > 0.0, reason.label().to_string(), tone, rank, target.clone()));
    }
    labels.offer(Candidate::along(from, to, &arrow_texts(arrow, input), tone, rank, target));
}

/// What an arrow is called, at length and in short.
fn arrow_texts(arrow: &Arrow, input: &SequenceInput) -> Vec<String> {
    use crate::vocabulary::Carried;
    let (long, short) = match (arrow.more, arrow.message.some()) {
        (_, None) => (String::new(), String::new()),
        (0, Some(message)) => (message.to_string(), message.to_string()),
        (more, Some(message)) => (format!("{message} and {more} more"), format!("{message} +{more}")),
    };
    let times = if arrow.more > 0 { format!(" ×{}", arrow.more + 1) } else { String::new() };
    let Some(what) = arrow.what else { return vec![format!("routed{times}"), "routed".into()] };
    let word = what.label();
    match what {
        Carried::Publish if arrow.message.some().is_some() => {
            let key = (input.key)(arrow.message).filter(|key| !key.is_empty() && arrow.more == 0);
            let first = key.map_or_else(|| format!("{word} {long}"), |key| format!("{long} {key}"));
            vec![first, format!("{word} {short}"), short]
        }
        Carried::Deliver | Carried::Redeliver if arrow.message.some().is_some() => {
            vec![format!("{word} {long}"), format!("{word} {short}"), short]
        }
        _ => vec![format!("{word}{times}"), word.to_string()],
    }
}

/// The head of an arrow; hollow while what it stands for has not arrived.
fn head(from: Point, to: Point, open: bool, tone: Tone, width: f64) -> Shape {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = (dx * dx + dy * dy).sqrt().max(1e-6);
    let (ux, uy) = (dx / length, dy / length);
    let wing = |side: f64| (to.0 - ux * 7.5 - uy * 4.2 * side, to.1 - uy * 7.5 + ux * 4.2 * side);
    let (a, b) = (wing(1.0), wing(-1.0));
    let numbers = [a.0, a.1, to.0, to.1, b.0, b.1].map(number);
    let commands =
        format!("M{} {}L{} {}L{} {}", numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
    if open {
        Shape::path(commands + "Z").filled(Tone::Panel).stroked(tone, 1.4)
    } else {
        Shape::path(commands).stroked(tone, width)
    }
}

fn cross((x, y): Point, tone: Tone, reach: f64) -> Shape {
    let [left, right, top, bottom] = [x - reach, x + reach, y - reach, y + reach].map(number);
    Shape::path(format!("M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}")).stroked(tone, 2.2)
}

fn draw_mark(mark: &gather::Mark, plan: &Plan, input: &SequenceInput, labels: &mut Labels, shapes: &mut Vec<Shape>) {
    let at = (plan.columns[mark.column], plan.y(mark.at));
    let quiet = input.selected.is_some_and(|selected| mark.message.some().is_some_and(|message| message != selected));
    let tone = if quiet { Tone::Rule } else { mark.tone };
    let target = mark.message.some().map_or(Target::Event(mark.event), Target::Message);
    let shape = match mark.glyph {
        Glyph::Cross => cross(at, tone, 4.5),
        Glyph::Ring => Shape::circle(at, 4.5).filled(Tone::Panel).stroked(tone, 1.8),
        Glyph::Dot => Shape::circle(at, 3.2).filled(tone),
    };
    shapes.push(shape.targeting(target.clone()));
    if !quiet && !mark.text.is_empty() {
        labels.offer(Candidate::beside(at, false, mark.text.clone(), tone, mark.rank, target));
    }
}

fn table(gathered: &Gathered, lifelines: &[&Lifeline]) -> Table {
    let mut rows: Vec<(Time, Vec<String>)> = Vec::new();
    for arrow in &gathered.arrows {
        let what = arrow.what.map_or("routed", |what| what.label());
        let message = match (arrow.message.some(), arrow.more) {
            (None, _) => String::new(),
            (Some(message), 0) => message.to_string(),
            (Some(message), more) => format!("{message} and {more} more"),
        };
        let outcome = match arrow.ending {
            Ending::Arrived(at) if arrow.what.is_some() => format!("arrived after {}", span(at.since(arrow.start).0)),
            Ending::Arrived(_) => String::new(),
            Ending::Open => "on its way".into(),
            Ending::Lost(_, reason) => reason.label().into(),
        };
        let (from, to) = (&lifelines[arrow.from].label, &lifelines[arrow.to].label);
        rows.push((
            arrow.start,
            vec![arrow.start.to_string(), from.clone(), to.clone(), what.into(), message, outcome],
        ));
    }
    for mark in &gathered.marks {
        let message = mark.message.some().map(|message| message.to_string()).unwrap_or_default();
        let place = lifelines[mark.column].label.clone();
        rows.push((
            mark.at,
            vec![mark.at.to_string(), place, String::new(), mark.text.clone(), message, String::new()],
        ));
    }
    sort_by_key(&mut rows, |(at, _)| *at);
    let excess = rows.len().saturating_sub(ROWS_MAX);
    Table {
        head: vec!["Time", "From", "To", "What", "Message", "Outcome"],
        rows: rows.into_iter().skip(excess).map(|(_, row)| row).collect(),
    }
}

fn description(plan: &Plan, gathered: &Gathered, lifelines: &[&Lifeline], all: usize) -> String {
    let names: Vec<&str> = lifelines.iter().map(|lifeline| lifeline.label.as_str()).collect();
    let lost = gathered.arrows.iter().filter(|arrow| matches!(arrow.ending, Ending::Lost(..))).count();
    let mut text = format!("From {} to {}: {all} arrows between {}.", plan.start, plan.end, names.join(", "));
    if lost > 0 {
        text += &format!(" {lost} did not arrive.");
    }
    for mark in gathered.marks.iter().filter(|mark| mark.glyph == Glyph::Cross).take(5) {
        text += &format!(" {}, {}: {}.", mark.at, lifelines[mark.column].label, mark.text);
    }
    text
}
