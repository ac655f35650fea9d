//! Running totals of a run: counts, levels, durations. Updated as facts happen, never by reading the trace again, so
//! that they hold for a run of any length in bounded memory.

use histogram::Histogram;

use crate::vocabulary::{Duration, Fact, FactKind, Measure, NodeId, Time};

use super::limits::SERIES_MAX;

const KINDS: usize = FactKind::ALL.len();
/// Histogram resolution: 2^7 steps per power of two, so that percentiles are within 0.8 %.
const GROUPING_POWER: u8 = 7;
/// Durations up to 2^60 ns (36 years) are told apart.
const MAX_VALUE_POWER: u8 = 60;
/// The first width of a series bucket, as a power of two of nanoseconds: about 17 ms.
const FIRST_WIDTH_POWER: u32 = 24;

/// The totals of all nodes.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    nodes: Vec<NodeTally>,
    /// What each node sent and what was delivered to it: most of all facts, and for most nodes all. Kept apart, so that
    /// the counters of ten thousand nodes stay in the cache.
    frames: Vec<[u64; 2]>,
}

#[derive(Clone, Debug)]
struct NodeTally {
    counts: [u64; KINDS],
    level: (u32, u32),
    level_max: (u32, u32),
    level_since: Time,
    /// Level times nanoseconds, summed: divided by time, the mean level.
    area: (u128, u128),
    series: Option<Box<Series>>,
    samples: [Option<Box<Samples>>; 2],
}

impl Default for NodeTally {
    fn default() -> NodeTally {
        NodeTally {
            counts: [0; KINDS],
            level: (0, 0),
            level_max: (0, 0),
            level_since: Time::ZERO,
            area: (0, 0),
            series: None,
            samples: [None, None],
        }
    }
}

#[derive(Clone, Debug)]
struct Samples {
    count: u64,
    sum: u128,
    max: u64,
    histogram: Option<Histogram>,
}

/// A level times a span. Two products of 64 bits, because WebAssembly has none of 128.
#[inline]
fn area(span: u64, level: u32) -> u128 {
    let low = (span & u64::from(u32::MAX)) * u64::from(level);
    let high = (span >> 32) * u64::from(level);
    u128::from(low) + (u128::from(high) << 32)
}

impl NodeTally {
    #[inline]
    fn set_level(&mut self, at: Time, level: (u32, u32)) {
        self.integrate(at);
        self.level = level;
        // Within the extremes of the newest stretch, and so within those of the run, nothing else changes.
        if !self.series.as_mut().is_some_and(|series| series.set_within(at, level)) {
            self.set_level_at_large(at, level);
        }
    }

    #[inline(never)]
    fn set_level_at_large(&mut self, at: Time, level: (u32, u32)) {
        self.level_max = higher(self.level_max, level);
        self.series.get_or_insert_with(Default::default).set(at, level);
    }

    #[inline]
    fn integrate(&mut self, at: Time) {
        let span = at.0.saturating_sub(self.level_since.0);
        if span == 0 {
            return;
        }
        self.area.0 += area(span, self.level.0);
        self.area.1 += area(span, self.level.1);
        self.level_since = at;
    }

    #[inline]
    fn sample(&mut self, measure: Measure, value: u64) {
        let samples = self.samples[measure as usize].get_or_insert_with(|| {
            Box::new(Samples {
                count: 0,
                sum: 0,
                max: 0,
                histogram: Histogram::new(GROUPING_POWER, MAX_VALUE_POWER).ok(),
            })
        });
        samples.count += 1;
        samples.sum += u128::from(value);
        samples.max = samples.max.max(value);
        if let Some(histogram) = &mut samples.histogram {
            // Out of range means longer than 36 years; count, sum and maximum still have it.
            let _ = histogram.increment(value);
        }
    }
}

impl Tally {
    pub(super) fn add_node(&mut self) {
        self.frames.push([0; 2]);
        self.nodes.push(NodeTally::default());
    }

    /// Counts a frame that was sent.
    #[inline]
    pub(super) fn add_sent(&mut self, node: NodeId) {
        if let Some([sent, _]) = self.frames.get_mut(node.0 as usize) {
            *sent += 1;
        }
    }

    /// Counts a frame that was delivered.
    #[inline]
    pub(super) fn add_delivered(&mut self, node: NodeId) {
        if let Some([_, delivered]) = self.frames.get_mut(node.0 as usize) {
            *delivered += 1;
        }
    }

    /// Adds a fact of any kind.
    #[inline]
    pub(super) fn add(&mut self, node: NodeId, at: Time, fact: &Fact) {
        let kind = fact.kind();
        match kind {
            FactKind::Sent => return self.add_sent(node),
            FactKind::Delivered => return self.add_delivered(node),
            _ => {}
        }
        let Some(totals) = self.nodes.get_mut(node.0 as usize) else { return };
        totals.counts[kind as usize] += 1;
        if let Some(level) = fact.level() {
            totals.set_level(at, level);
        }
        if let Some((measure, value)) = fact.sample() {
            totals.sample(measure, value);
        }
    }

    #[inline]
    fn node(&self, node: NodeId) -> Option<&NodeTally> {
        self.nodes.get(node.0 as usize)
    }

    fn samples_of(&self, node: NodeId, measure: Measure) -> Option<&Samples> {
        self.node(node)?.samples[measure as usize].as_deref()
    }

    /// How often a fact of this kind was recorded at the node.
    pub fn count(&self, node: NodeId, kind: FactKind) -> u64 {
        let [sent, delivered] = self.frames.get(node.0 as usize).copied().unwrap_or_default();
        match kind {
            FactKind::Sent => sent,
            FactKind::Delivered => delivered,
            _ => self.node(node).map_or(0, |node| node.counts[kind as usize]),
        }
    }

    /// How often a fact of this kind was recorded anywhere.
    pub fn total(&self, kind: FactKind) -> u64 {
        (0..self.nodes.len() as u32).map(|node| self.count(NodeId(node), kind)).sum()
    }

    /// The level now: (ready, unacked) at a queue, (busy, 0) at a consumer.
    pub fn level(&self, node: NodeId) -> (u32, u32) {
        self.node(node).map_or((0, 0), |node| node.level)
    }

    /// The highest level so far, each part for itself.
    pub fn level_max(&self, node: NodeId) -> (u32, u32) {
        self.node(node).map_or((0, 0), |node| node.level_max)
    }

    /// The mean level from the start of the run until `now`, weighted by time.
    pub fn mean_level(&self, node: NodeId, now: Time) -> (f64, f64) {
        let Some(node) = self.node(node) else { return (0.0, 0.0) };
        if now.0 == 0 {
            return (0.0, 0.0);
        }
        let mut node = node.clone_totals();
        node.integrate(now);
        (node.area.0 as f64 / now.0 as f64, node.area.1 as f64 / now.0 as f64)
    }

    /// How many durations were measured at the node.
    pub fn samples(&self, node: NodeId, measure: Measure) -> u64 {
        self.samples_of(node, measure).map_or(0, |samples| samples.count)
    }

    /// Their mean in seconds; none if there are none.
    pub fn mean(&self, node: NodeId, measure: Measure) -> Option<f64> {
        let samples = self.samples_of(node, measure)?;
        Some(samples.sum as f64 / samples.count as f64 / 1e9)
    }

    /// The longest.
    pub fn maximum(&self, node: NodeId, measure: Measure) -> Option<Duration> {
        self.samples_of(node, measure).map(|samples| Duration(samples.max))
    }

    /// The percentile (0 to 100), to 0.8 %.
    pub fn percentile(&self, node: NodeId, measure: Measure, percentile: f64) -> Option<Duration> {
        let samples = self.samples_of(node, measure)?;
        let quantile = (percentile / 100.0).clamp(0.0, 1.0);
        let bucket = samples.histogram.as_ref()?.quantile_bucket(quantile).ok()??;
        Some(Duration(bucket.end().min(samples.max)))
    }

    /// The level over time, if the node has a level.
    pub fn series(&self, node: NodeId) -> Option<&Series> {
        self.node(node)?.series.as_deref()
    }
}

impl NodeTally {
    /// The totals without the collections, cheap to copy.
    fn clone_totals(&self) -> NodeTally {
        NodeTally {
            counts: self.counts,
            level: self.level,
            level_max: self.level_max,
            level_since: self.level_since,
            area: self.area,
            series: None,
            samples: [None, None],
        }
    }
}

/// A level over time, in at most [`SERIES_MAX`] buckets whose width doubles as the run gets longer.
#[derive(Clone, Debug)]
pub struct Series {
    width_power: u32,
    buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    first: (u32, u32),
    min: (u32, u32),
    max: (u32, u32),
    last: (u32, u32),
}

/// One stretch of a [`Series`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesPoint {
    /// Its start.
    pub start: Time,
    /// Its end, not included.
    pub end: Time,
    /// The level at its start.
    pub first: (u32, u32),
    /// The least levels in it.
    pub min: (u32, u32),
    /// The greatest levels in it.
    pub max: (u32, u32),
    /// The level at its end.
    pub last: (u32, u32),
}

impl Default for Series {
    fn default() -> Series {
        Series { width_power: FIRST_WIDTH_POWER, buckets: Vec::new() }
    }
}

fn lower(a: (u32, u32), b: (u32, u32)) -> (u32, u32) {
    (a.0.min(b.0), a.1.min(b.1))
}

fn higher(a: (u32, u32), b: (u32, u32)) -> (u32, u32) {
    (a.0.max(b.0), a.1.max(b.1))
}

impl Series {
    /// Notes a level in the newest stretch if it does not change that one's extremes; false if there is more to do.
    #[inline]
    fn set_within(&mut self, at: Time, level: (u32, u32)) -> bool {
        let index = (at.0 >> self.width_power) as usize;
        let count = self.buckets.len();
        let Some(newest) = self.buckets.last_mut() else { return false };
        let Bucket { min, max, .. } = *newest;
        let within = index + 1 == count && (min.0..=max.0).contains(&level.0) && (min.1..=max.1).contains(&level.1);
        if within {
            newest.last = level;
        }
        within
    }

    fn set(&mut self, at: Time, level: (u32, u32)) {
        let mut index = (at.0 >> self.width_power) as usize;
        while index >= SERIES_MAX {
            self.halve();
            index = (at.0 >> self.width_power) as usize;
        }
        if index >= self.buckets.len() {
            let before = self.buckets.last().map_or((0, 0), |bucket| bucket.last);
            let held = Bucket { first: before, min: before, max: before, last: before };
            self.buckets.resize(index + 1, held);
        }
        let bucket = &mut self.buckets[index];
        bucket.min = lower(bucket.min, level);
        bucket.max = higher(bucket.max, level);
        bucket.last = level;
    }

    fn halve(&mut self) {
        self.width_power += 1;
        let merged = self.buckets.chunks(2).map(|pair| {
            let (a, b) = (pair[0], pair[pair.len() - 1]);
            Bucket { first: a.first, min: lower(a.min, b.min), max: higher(a.max, b.max), last: b.last }
        });
        self.buckets = merged.collect();
    }

    /// The stretches, from the start of the run to the last change of the level.
    pub fn points(&self) -> impl Iterator<Item = SeriesPoint> + '_ {
        self.buckets.iter().enumerate().map(|(index, bucket)| SeriesPoint {
            start: Time((index as u64) << self.width_power),
            end: Time(((index as u64) + 1) << self.width_power),
            first: bucket.first,
            min: bucket.min,
            max: bucket.max,
            last: bucket.last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn tally(events: &[(u64, Fact)]) -> Tally {
        let mut tally = Tally::default();
        tally.add_node();
        events.iter().for_each(|(at, fact)| tally.add(NodeId(0), Time(*at), fact));
        tally
    }

    #[test]
    fn mean_level_is_weighted_by_time() {
        let tally =
            tally(&[(10, Fact::Enqueued { ready: 2, unacked: 0 }), (30, Fact::Enqueued { ready: 0, unacked: 4 })]);
        assert_eq!(tally.mean_level(NodeId(0), Time(40)), (1.0, 1.0));
        assert_eq!(tally.level_max(NodeId(0)), (2, 4));
        assert_eq!(tally.count(NodeId(0), FactKind::Enqueued), 2);
    }

    #[test]
    fn durations_have_mean_percentile_and_maximum() {
        let facts: Vec<(u64, Fact)> =
            (1..=1000u64).map(|n| (n, Fact::Completed { busy: 0, latency: n * 1_000_000 })).collect();
        let tally = tally(&facts);
        let node = NodeId(0);
        assert_eq!(tally.samples(node, Measure::EndToEnd), 1000);
        assert!((tally.mean(node, Measure::EndToEnd).unwrap_or(0.0) - 0.5005).abs() < 1e-9);
        let p99 = tally.percentile(node, Measure::EndToEnd, 99.0).map_or(0.0, Duration::seconds);
        assert!((p99 - 0.99).abs() < 0.008, "{p99}");
        assert_eq!(tally.maximum(node, Measure::EndToEnd), Some(Duration::from_secs(1)));
        assert_eq!(tally.percentile(node, Measure::Wait, 50.0), None);
    }

    #[test]
    fn a_series_stays_bounded_and_keeps_extremes() {
        let mut series = Series::default();
        for step in 0..100_000u64 {
            let level = if step == 77_777 { 999 } else { (step % 7) as u32 };
            series.set(Time(step * 50_000_000), (level, 0));
        }
        let points: Vec<SeriesPoint> = series.points().collect();
        assert!(points.len() <= SERIES_MAX && points.len() > SERIES_MAX / 4, "{}", points.len());
        assert_eq!(points.iter().map(|point| point.max.0).max(), Some(999));
        assert!(points
            .windows(2)
            .all(|pair| pair[0].end == pair[1].start && pair[0].last == pair[1].first || pair[1].first == (0, 0)));
    }
}
