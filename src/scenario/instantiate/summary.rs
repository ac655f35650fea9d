//! A run added up: counts, levels and durations of every part, as data and as a table.

use std::fmt;

use serde::Serialize;

use crate::kernel::World;
use crate::vocabulary::{FactKind, FlatMap, Measure, NodeId};

use super::Run;

/// What happened in a run so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The title of the document.
    pub title: String,
    /// The seed.
    pub seed: u64,
    /// The clock, in seconds of virtual time.
    pub time: f64,
    /// Events dispatched.
    pub steps: u64,
    /// Trace events recorded.
    pub events: u64,
    /// The digest of the trace: 16 hexadecimal digits. Two runs are the same if and only if it is the same.
    pub digest: String,
    /// Why the run can't go on, if it can't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
    /// The totals over all parts, by the word for what happened; only what happened at all.
    pub totals: FlatMap<&'static str, u64>,
    /// Every part of the drawing that runs, in the order of the drawing.
    pub nodes: Vec<NodeSummary>,
}

/// What happened at one part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeSummary {
    /// Its id in the drawing.
    pub id: String,
    /// The name that is shown.
    pub label: String,
    /// Its kind.
    pub kind: String,
    /// What happened there and how often, by the word for it; only what happened at all.
    pub counts: FlatMap<&'static str, u64>,
    /// How much was there: (ready, unacked) messages at a queue, messages in work at a consumer. None if nothing ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// From the making of a message until a consumer began to work on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Spread>,
    /// From the making of a message until the work on it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Spread>,
}

/// A level over time; each pair is (ready, unacked) or (busy, 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Level {
    /// Now.
    pub now: (u32, u32),
    /// The mean over the whole run, weighted by time.
    pub mean: (f64, f64),
    /// The greatest.
    pub max: (u32, u32),
}

/// How durations are spread, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many were measured.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Half of them are shorter.
    pub p50: f64,
    /// 95 of 100 are shorter.
    pub p95: f64,
    /// 99 of 100 are shorter.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// The facts that are added up over all parts.
const TOTALS: [FactKind; 8] = [
    FactKind::Published,
    FactKind::Routed,
    FactKind::Enqueued,
    FactKind::Delivered,
    FactKind::Completed,
    FactKind::Failed,
    FactKind::Redelivered,
    FactKind::Dropped,
];

/// The columns of the table of counts; one that is zero everywhere is left out.
const COLUMNS: [FactKind; 14] = [
    FactKind::Published,
    FactKind::Routed,
    FactKind::Unroutable,
    FactKind::Enqueued,
    FactKind::Leased,
    FactKind::Acked,
    FactKind::Requeued,
    FactKind::Redelivered,
    FactKind::Began,
    FactKind::Completed,
    FactKind::Failed,
    FactKind::Abandoned,
    FactKind::Dropped,
    FactKind::Crashed,
];

/// Adds the run up.
pub(super) fn summarise(run: &Run) -> Summary {
    let simulation = run.simulation();
    let tally = simulation.tally();
    let totals = TOTALS.iter().map(|kind| (kind.label(), tally.total(*kind))).filter(|(_, count)| *count > 0).collect();
    let drawn = run.document().nodes.iter();
    let nodes = drawn.filter_map(|node| run.node(&node.id).map(|number| summarise_node(run, number))).collect();
    Summary {
        title: run.document().title.clone(),
        seed: run.seed(),
        time: run.now().seconds(),
        steps: run.steps(),
        events: simulation.events_recorded(),
        digest: format!("{:016x}", simulation.digest()),
        halted: simulation.halted().map(str::to_string),
        totals,
        nodes,
    }
}

fn summarise_node(run: &Run, node: NodeId) -> NodeSummary {
    let tally = run.simulation().tally();
    let counts = FactKind::ALL.iter().map(|kind| (kind.label(), tally.count(node, *kind)));
    let level = Level { now: tally.level(node), mean: tally.mean_level(node, run.now()), max: tally.level_max(node) };
    NodeSummary {
        id: run.names().id(node).to_string(),
        label: run.label(node).to_string(),
        kind: run.names().kind(node).to_string(),
        counts: counts.filter(|(_, count)| *count > 0).collect(),
        level: (level.max != (0, 0)).then_some(level),
        wait: spread(run, node, Measure::Wait),
        latency: spread(run, node, Measure::EndToEnd),
    }
}

fn spread(run: &Run, node: NodeId, measure: Measure) -> Option<Spread> {
    let tally = run.simulation().tally();
    let percentile = |percent: f64| tally.percentile(node, measure, percent).map(|span| span.seconds());
    Some(Spread {
        count: tally.samples(node, measure),
        mean: tally.mean(node, measure)?,
        p50: percentile(50.0)?,
        p95: percentile(95.0)?,
        p99: percentile(99.0)?,
        max: tally.maximum(node, measure)?.seconds(),
    })
}

impl fmt::Display for Summary {
    /// A table of counts, one of levels and one of durations.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.title.is_empty() {
            writeln!(formatter, "{}", self.title)?;
        }
        let Summary { time, steps, events, seed, digest, .. } = self;
        writeln!(formatter, "time {time:.3} s   seed {seed}   steps {steps}   events {events}   digest {digest}")?;
        if let Some(reason) = &self.halted {
            writeln!(formatter, "halted: {reason}")?;
        }
        for table in [self.counts(), self.levels(), self.durations()] {
            if table.rows.len() > 1 {
                write!(formatter, "\n{table}")?;
            }
        }
        Ok(())
    }
}

impl Summary {
    fn counts(&self) -> Table {
        let happened = |kind: &&FactKind| self.nodes.iter().any(|node| node.counts.contains_key(kind.label()));
        let columns: Vec<&str> = COLUMNS.iter().filter(happened).map(|kind| kind.label()).collect();
        let mut table = Table::new("part", &columns);
        for node in self.nodes.iter().filter(|node| columns.iter().any(|column| node.counts.contains_key(column))) {
            table.row(node, columns.iter().map(|column| node.counts.get(column).map_or(String::new(), u64::to_string)));
        }
        table
    }

    fn levels(&self) -> Table {
        let mut table = Table::new("level", &["now", "mean", "max"]);
        for node in &self.nodes {
            let Some(level) = node.level else { continue };
            let shown = |first: String, second: String| match level.max.1 {
                0 => first,
                _ => format!("{first} + {second}"),
            };
            table.row(
                node,
                [
                    shown(level.now.0.to_string(), format!("{} unacked", level.now.1)),
                    shown(format!("{:.2}", level.mean.0), format!("{:.2} unacked", level.mean.1)),
                    shown(level.max.0.to_string(), format!("{} unacked", level.max.1)),
                ],
            );
        }
        table
    }

    fn durations(&self) -> Table {
        let mut table = Table::new("seconds", &["of", "count", "mean", "p50", "p95", "p99", "max"]);
        for node in &self.nodes {
            for (name, spread) in [("wait", node.wait), ("latency", node.latency)] {
                let Some(spread) = spread else { continue };
                let numbers = [spread.mean, spread.p50, spread.p95, spread.p99, spread.max];
                let numbers = numbers.iter().map(|seconds| format!("{seconds:.3}"));
                table.row(node, [name.to_string(), spread.count.to_string()].into_iter().chain(numbers));
            }
        }
        table
    }
}

/// Rows of cells: the first column is set to the left, the others to the right.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(first: &str, columns: &[&str]) -> Table {
        let heading = [first, "kind"].iter().chain(columns).map(|name| name.to_string()).collect();
        Table { rows: vec![heading] }
    }

    fn row(&mut self, node: &NodeSummary, cells: impl IntoIterator<Item = String>) {
        let name = if node.label == node.id { node.id.clone() } else { format!("{} ({})", node.label, node.id) };
        self.rows.push([name, node.kind.clone()].into_iter().chain(cells).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.chars().count());
                let (before, after) = if column < 2 { ("", padding.as_str()) } else { (padding.as_str(), "") };
                line.push_str(&format!("{before}{cell}{after}  "));
            }
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
