//! Levels over time as steps: how many messages wait in each queue, and how many its consumers hold.

use std::fmt::Write as _;

use crate::kernel::tally::SeriesPoint;
use crate::vocabulary::order::sort_by;
use crate::vocabulary::{NodeId, Time};

use super::axis::{count_ticks, grouped, time_ticks};
use super::drawing::{number, Anchor, Drawing, Shape, Table, Target};
use super::palette::Tone;
use super::text::{fit_text, text_width};

/// Lines in one chart at most: more can't be told apart.
pub const LINES_MAX: usize = 6;
/// Lines up to which the second part of each is drawn, too.
const THIN_LINES_MAX: usize = 2;
/// Markers in one chart at most.
const MARKERS_MAX: usize = 40;
/// The looks of the lines, each with a tone and a dash of its own.
const LOOKS: [(Tone, &str); LINES_MAX] = [
    (Tone::Info, ""),
    (Tone::Ok, "7 3"),
    (Tone::Duplicate, "2 3"),
    (Tone::Wait, "9 3 2 3"),
    (Tone::Accent, "4 2"),
    (Tone::Soft, "1 3"),
];

/// The level of one node over time.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartLine {
    /// The node.
    pub node: NodeId,
    /// Its name.
    pub label: String,
    /// Its level in stretches, oldest first: `Series::points`.
    pub points: Vec<SeriesPoint>,
}

/// An instant to be pointed out: a fault, say.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartMarker {
    /// When.
    pub at: Time,
    /// What happened: "Charge 2 crashes".
    pub label: String,
    /// Its tone.
    pub tone: Tone,
}

/// What a chart is made of.
pub struct ChartInput<'a> {
    /// The title: "Queue depth".
    pub title: &'a str,
    /// The words for the two parts of a level: ("ready", "unacked") at queues, ("busy", "") at consumers.
    pub parts: (&'static str, &'static str),
    /// The lines.
    pub lines: &'a [ChartLine],
    /// Instants to be pointed out.
    pub markers: &'a [ChartMarker],
    /// The left edge.
    pub start: Time,
    /// The right edge.
    pub end: Time,
    /// The present moment.
    pub now: Time,
    /// Width in drawing units.
    pub width: f64,
    /// Height in drawing units.
    pub height: f64,
}

/// The inside of the axes.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    start: Time,
    end: Time,
    max: f64,
}

impl Plot {
    fn x(&self, at: Time) -> f64 {
        let span = self.end.since(self.start).0.max(1) as f64;
        self.left + (at.0 as f64 - self.start.0 as f64) / span * (self.right - self.left)
    }

    fn y(&self, level: f64) -> f64 {
        self.bottom - level / self.max * (self.bottom - self.top)
    }
}

/// One column of the picture: the level at its left and right edge, and the extremes in it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Column {
    x: f64,
    first: u32,
    min: u32,
    max: u32,
    last: u32,
}

/// The chart.
pub fn chart(input: &ChartInput) -> Drawing {
    let seen = input.lines.iter().any(|line| !line.points.is_empty());
    if !seen || input.end <= input.start || input.width < 120.0 || input.height < 60.0 {
        let word = if input.now == Time::ZERO {
            "Press play: levels over time appear here."
        } else {
            "Nothing has waited anywhere yet."
        };
        return Drawing::empty(input.width, input.height, input.title, word);
    }
    let mut drawing = Drawing::new(input.width, input.height, Tone::Panel, input.title);
    let lines = &input.lines[..input.lines.len().min(LINES_MAX)];
    let highest =
        lines.iter().flat_map(|line| &line.points).filter(|point| point.end >= input.start && point.start <= input.end);
    let highest = highest.map(|point| u64::from(point.max.0.max(point.max.1))).max().unwrap_or(0).max(4);
    let ticks = count_ticks(highest, ((input.height / 40.0) as usize).clamp(2, 6));
    let plot = plot(input, lines, &ticks);

    draw_axes(input, &plot, &ticks, &mut drawing.shapes);
    draw_markers(input, &plot, &mut drawing.shapes);
    let mut ends: Vec<(f64, f64, String, Tone, NodeId)> = Vec::new();
    for (line, (tone, dash)) in lines.iter().zip(LOOKS) {
        // Thin lines under many thick ones would only be noise.
        let parts: &[bool] = if lines.len() <= THIN_LINES_MAX { &[true, false] } else { &[false] };
        for &second in parts {
            let columns = columns(line, second, &plot, input.now.min(input.end));
            let Some(end) = columns.last().filter(|_| !second || columns.iter().any(|column| column.max > 0)) else {
                continue;
            };
            draw_line(&columns, &plot, (tone, dash), second, line.node, &mut drawing.shapes);
            if !second || lines.len() == 1 {
                let label = match (lines.len(), second) {
                    (1, false) if !input.parts.1.is_empty() => input.parts.0.to_string(),
                    (1, true) => input.parts.1.to_string(),
                    _ => line.label.clone(),
                };
                ends.push((end.x, plot.y(f64::from(end.last)), label, tone, line.node));
            }
        }
    }
    draw_now(input, &plot, &mut drawing.shapes);
    draw_end_labels(ends, &plot, input.width, &mut drawing.shapes);
    if input.lines.len() > LINES_MAX {
        drawing.note = Some(format!("showing {LINES_MAX} of {} lines", input.lines.len()));
    } else if (2..=THIN_LINES_MAX).contains(&lines.len()) && !input.parts.1.is_empty() {
        drawing.note = Some(format!("thick: {}, thin: {}", input.parts.0, input.parts.1));
    }
    drawing.table = table(input);
    drawing.description = description(input);
    drawing
}

fn plot(input: &ChartInput, lines: &[ChartLine], ticks: &[u64]) -> Plot {
    let max = ticks.last().copied().unwrap_or(1).max(1);
    let numbers = text_width(&grouped(max), 11.0, false, false);
    let names: f64 = match lines.len() {
        1 => [input.parts.0, input.parts.1].iter().map(|part| text_width(part, 11.0, false, false)).fold(0.0, f64::max),
        _ => lines.iter().map(|line| text_width(&line.label, 11.0, false, false)).fold(0.0, f64::max),
    };
    let right = names.min(input.width * 0.22).min(110.0) + 12.0;
    Plot {
        left: 18.0 + numbers,
        right: input.width - right,
        top: 16.0,
        bottom: input.height - 40.0,
        start: input.start,
        end: input.end,
        max: max as f64,
    }
}

fn draw_axes(input: &ChartInput, plot: &Plot, ticks: &[u64], shapes: &mut Vec<Shape>) {
    for tick in ticks {
        let y = plot.y(*tick as f64);
        shapes.push(Shape::line((plot.left, y), (plot.right, y)).stroked(Tone::Rule, 1.0));
        shapes.push(Shape::text((plot.left - 8.0, y + 4.0), grouped(*tick), Anchor::End, 11.0, Tone::Soft));
    }
    let count = ((plot.right - plot.left) / 72.0) as usize;
    let mut free = 0.0;
    for (at, label) in time_ticks(input.start, input.end, count.max(2)) {
        let x = plot.x(at);
        let half = text_width(&label, 11.0, false, false) / 2.0;
        shapes.push(Shape::line((x, plot.bottom), (x, plot.bottom + 4.0)).stroked(Tone::Rule, 1.0));
        if x - half >= free && x + half <= input.width - 2.0 {
            shapes.push(Shape::text((x, plot.bottom + 17.0), label, Anchor::Middle, 11.0, Tone::Soft));
            free = x + half + 8.0;
        }
    }
}

/// Reduces a line to one column per two drawing units, so that its cost does not grow with the run.
fn columns(line: &ChartLine, second: bool, plot: &Plot, until: Time) -> Vec<Column> {
    let part = |level: (u32, u32)| if second { level.1 } else { level.0 };
    let mut columns: Vec<Column> = Vec::new();
    let mut before = 0;
    let mut known_until = plot.start;
    for point in &line.points {
        if point.end <= plot.start {
            before = part(point.last);
            continue;
        }
        if point.start > until {
            break;
        }
        let x = plot.x(point.start.max(plot.start));
        known_until = point.end;
        let next =
            Column { x, first: part(point.first), min: part(point.min), max: part(point.max), last: part(point.last) };
        match columns.last_mut() {
            Some(column) if x - column.x < 2.0 => {
                column.min = column.min.min(next.min);
                column.max = column.max.max(next.max);
                column.last = next.last;
            }
            _ => columns.push(next),
        }
    }
    let held = columns.last().map_or(before, |column| column.last);
    if columns.first().is_none_or(|column| column.x > plot.left + 2.0) {
        columns.insert(0, Column { x: plot.left, first: before, min: before, max: before, last: before });
    }
    // After the last change the level holds; the extremes of the last stretch are not those of what follows.
    for x in [plot.x(known_until.min(until)), plot.x(until)] {
        columns.push(Column { x: x.max(plot.left), first: held, min: held, max: held, last: held });
    }
    columns
}

fn draw_line(
    columns: &[Column],
    plot: &Plot,
    (tone, dash): (Tone, &'static str),
    second: bool,
    node: NodeId,
    shapes: &mut Vec<Shape>,
) {
    let y = |level: u32| number(plot.y(f64::from(level)));
    let mut steps = String::new();
    let mut upper = String::new();
    let mut lower = String::new();
    let mut wide = false;
    for (index, column) in columns.iter().enumerate() {
        let next = columns.get(index + 1).map_or(column.x, |next| next.x);
        let middle = number((column.x + next) / 2.0);
        // Writing to a string cannot fail.
        let _ = match index {
            0 => write!(steps, "M{} {}", number(column.x), y(column.first)),
            _ => write!(steps, "H{}V{}", number(column.x), y(column.first)),
        };
        if column.last != column.first {
            let _ = write!(steps, "H{middle}V{}", y(column.last));
        }
        let extremes = (column.first.min(column.last), column.first.max(column.last));
        wide |= column.min < extremes.0 || column.max > extremes.1;
        let _ = write!(
            upper,
            "{}{} {}H{}",
            if index == 0 { "M" } else { "L" },
            number(column.x),
            y(column.max),
            number(next)
        );
        lower.insert_str(0, &format!("L{} {}H{}", number(next), y(column.min), number(column.x)));
    }
    if wide && !second {
        shapes.push(Shape::path(upper + &lower + "Z").filled(tone).faint());
    }
    let width = if second { 1.0 } else { 1.8 };
    let dash = if second && dash.is_empty() { "2 2" } else { dash };
    shapes.push(Shape::path(steps).dashed(tone, width, dash).targeting(Target::Node(node)));
}

fn draw_markers(input: &ChartInput, plot: &Plot, shapes: &mut Vec<Shape>) {
    let mut free = 0.0;
    let inside = input.markers.iter().filter(|marker| marker.at >= plot.start && marker.at <= plot.end);
    let skip = inside.clone().count().saturating_sub(MARKERS_MAX);
    for marker in inside.skip(skip) {
        let x = plot.x(marker.at);
        shapes.push(Shape::line((x, plot.top - 6.0), (x, plot.bottom)).dashed(marker.tone, 1.25, "3 3"));
        let label = fit_text(&marker.label, 140.0, 11.0, false, false);
        let width = text_width(&label, 11.0, false, false);
        let left = (x - width / 2.0).clamp(2.0, (input.width - width - 2.0).max(2.0));
        if left >= free && !label.is_empty() {
            shapes.push(Shape::text((left, plot.bottom + 33.0), label, Anchor::Start, 11.0, marker.tone));
            free = left + width + 10.0;
        }
    }
}

fn draw_now(input: &ChartInput, plot: &Plot, shapes: &mut Vec<Shape>) {
    if input.now < plot.start || input.now > plot.end {
        return;
    }
    let x = plot.x(input.now);
    shapes.push(Shape::line((x, plot.top - 6.0), (x, plot.bottom + 4.0)).stroked(Tone::Accent, 1.5));
    let triangle = [x - 4.0, plot.top - 11.0, x + 4.0, plot.top - 11.0, x, plot.top - 5.0].map(number);
    let [a, b, c, d, e, f] = triangle;
    shapes.push(Shape::path(format!("M{a} {b}L{c} {d}L{e} {f}Z")).filled(Tone::Accent));
}

/// Names at the ends of the lines, moved apart where lines end close together.
fn draw_end_labels(mut ends: Vec<(f64, f64, String, Tone, NodeId)>, plot: &Plot, width: f64, shapes: &mut Vec<Shape>) {
    sort_by(&mut ends, |a, b| a.1.total_cmp(&b.1));
    let count = ends.len() as f64;
    let mut floor = plot.top - 6.0;
    for (index, (x, y, label, tone, node)) in ends.into_iter().enumerate() {
        let below = (count - index as f64 - 1.0) * 13.0;
        let at = (y + 4.0).max(floor + 4.0).min((plot.bottom + 4.0 - below).max(floor + 4.0));
        floor = at + 9.0;
        let room = width - x - 8.0;
        let shown = fit_text(&label, room.min(110.0), 11.0, false, false);
        let shape = Shape::text((x + 7.0, at), shown, Anchor::Start, 11.0, tone).haloed(Tone::Panel);
        shapes.push(shape.targeting(Target::Node(node)));
    }
}

fn table(input: &ChartInput) -> Table {
    let rows = input.lines.iter().flat_map(|line| {
        let last = line.points.last().map_or((0, 0), |point| point.last);
        let max =
            line.points.iter().fold((0, 0), |max: (u32, u32), point| (max.0.max(point.max.0), max.1.max(point.max.1)));
        let row = |part: &str, last: u32, max: u32| {
            vec![line.label.clone(), part.to_string(), last.to_string(), max.to_string()]
        };
        let second = (!input.parts.1.is_empty()).then(|| row(input.parts.1, last.1, max.1));
        std::iter::once(row(input.parts.0, last.0, max.0)).chain(second)
    });
    Table { head: vec!["Part", "Messages", "Now", "Most so far"], rows: rows.collect() }
}

fn description(input: &ChartInput) -> String {
    let mut text = format!("From {} to {}.", input.start, input.now.min(input.end));
    for line in input.lines.iter().take(LINES_MAX) {
        let last = line.points.last().map_or((0, 0), |point| point.last);
        let max = line.points.iter().map(|point| point.max.0).max().unwrap_or(0);
        let _ = write!(text, " {}: {} {} now, {} at most.", line.label, last.0, input.parts.0, max);
    }
    for marker in input.markers.iter().take(5) {
        let _ = write!(text, " {}: {}.", marker.at, marker.label);
    }
    text
}

/// A line as small as a word, without axes, its last value as a dot. Values that are no numbers count as zero.
pub fn sparkline(values: &[f64], width: f64, height: f64, tone: Tone) -> Vec<Shape> {
    let values: Vec<f64> = values.iter().map(|value| if value.is_finite() { *value } else { 0.0 }).collect();
    let (Some(last), true) = (values.last(), width > 8.0 && height > 4.0) else { return Vec::new() };
    let max = values.iter().copied().fold(1e-9, f64::max);
    let x = |index: usize| 2.0 + index as f64 / (values.len().max(2) - 1) as f64 * (width - 6.0);
    let y = |value: f64| height - 2.0 - (value / max).clamp(0.0, 1.0) * (height - 4.0);
    let stride = values.len().div_ceil((width * 2.0) as usize).max(1);
    let mut path = String::new();
    for (index, value) in values.iter().enumerate().step_by(stride) {
        let _ = write!(path, "{}{} {}", if index == 0 { "M" } else { "L" }, number(x(index)), number(y(*value)));
    }
    vec![Shape::path(path).stroked(tone, 1.25), Shape::circle((x(values.len() - 1), y(*last)), 2.0).filled(tone)]
}
