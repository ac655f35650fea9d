//! When messages are made.
//!
//! Reproduces: the arrival processes of queueing theory (D for a steady pace, M for Poisson arrivals, whose gaps are
//! exponential) and of load tests (bursts, ramps, given times). Leaves out: measured traces, daily cycles.

use std::rc::Rc;

use crate::kernel::rng::Stream;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Distribution, Duration, Settings, Time};

/// The most messages that one entry of a schedule makes: as large as the largest burst.
const AT_ONCE_MAX: u32 = 10_000;

/// A rule that says when the next message is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Messages per second, at equal distances.
    Constant(f64),
    /// Messages per second on average, each independent of the others.
    Poisson(f64),
    /// So many at once, at equal distances.
    Burst(u32, Duration),
    /// A rate that goes evenly from the first to the second within a time, and then stays.
    Ramp(f64, f64, Duration),
    /// At given times: (time since the start, number of messages), sorted; and the entries that are none.
    Schedule(Vec<(Duration, u32)>, Vec<Rc<str>>),
    /// Never by itself.
    ByHand,
}

/// What the next arrival is counted from.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When the arrivals begin.
    pub origin: Time,
    /// When the latest one was.
    pub last: Option<Time>,
    /// The current time: no arrival is before it.
    pub now: Time,
}

impl Arrivals {
    /// What the settings of a producer say.
    pub fn read(settings: &Settings) -> Arrivals {
        let rate = settings.number("rate");
        match &*settings.text("arrivals") {
            "poisson" => Arrivals::Poisson(rate),
            "burst" => Arrivals::Burst(settings.integer("burst_size").max(1) as u32, settings.duration("burst_every")),
            "ramp" => Arrivals::Ramp(rate, settings.number("rate_end"), settings.duration("ramp_over")),
            "schedule" => schedule(&settings.list("schedule")),
            "by-hand" => Arrivals::ByHand,
            _ => Arrivals::Constant(rate),
        }
    }

    /// The entries of a schedule that are no times.
    pub fn not_understood(&self) -> impl Iterator<Item = &Rc<str>> {
        match self {
            Arrivals::Schedule(_, wrong) => wrong.iter(),
            _ => [].iter(),
        }
    }

    /// When the next arrival is, and how many messages it makes; nothing if there is no further one.
    pub fn next(&self, moment: Moment, random: &mut Stream) -> Option<(Time, u32)> {
        let Moment { origin, last, now } = moment;
        let after = |gap: Duration| last.map_or(origin, |last| last + gap).max(now);
        Some(match self {
            Arrivals::Constant(rate) => (after(gap(*rate)), 1),
            // The time already waited does not matter to a process without memory.
            Arrivals::Poisson(rate) => (origin.max(now) + random.sample(&Distribution::Exponential(gap(*rate))), 1),
            Arrivals::Burst(size, every) => (after(*every), *size),
            Arrivals::Ramp(first, end, over) => {
                let elapsed = last.map_or(Duration::ZERO, |last| last.since(origin));
                (after(ramp_gap(*first, *end, over.seconds(), elapsed.seconds())), 1)
            }
            Arrivals::Schedule(times, _) => {
                let is_ahead = |at: Time| at >= now && last.is_none_or(|last| at > last);
                let mut ahead = times.iter().map(|(time, count)| (origin + *time, *count));
                return ahead.find(|(at, _)| is_ahead(*at));
            }
            Arrivals::ByHand => return None,
        })
    }
}

/// The distance of messages at a steady rate per second.
fn gap(rate: f64) -> Duration {
    Duration::from_secs_f64(1.0 / rate.max(1e-6))
}

/// The time after which one more message is due on a ramp, `elapsed` seconds after its start: the span over which the
/// rate has the integral 1. A square root is the only thing asked of floats here, and it is exact on every machine.
fn ramp_gap(first: f64, end: f64, over: f64, elapsed: f64) -> Duration {
    if elapsed >= over {
        return gap(end);
    }
    let slope = (end - first) / over;
    let rate = first + slope * elapsed;
    let rest = over - elapsed;
    let due_in_rest = (rate + end) / 2.0 * rest;
    if due_in_rest < 1.0 {
        return Duration::from_secs_f64(rest + (1.0 - due_in_rest) / end.max(1e-6));
    }
    Duration::from_secs_f64(2.0 / (rate + (rate * rate + 2.0 * slope).max(0.0).sqrt()))
}

/// Reads a list of times such as `1.5s` and `2s x10`.
fn schedule(texts: &[Rc<str>]) -> Arrivals {
    let (mut times, mut wrong): (Vec<(Duration, u32)>, Vec<Rc<str>>) = (Vec::new(), Vec::new());
    for text in texts {
        let (time, count) = text.split_once(['x', '×']).unwrap_or((text, "1"));
        match (time.trim().parse(), count.trim().parse::<u32>()) {
            (Ok(time), Ok(count)) if count > 0 => times.push((time, count.min(AT_ONCE_MAX))),
            _ => wrong.push(text.clone()),
        }
    }
    sort_by_key(&mut times, |(time, _)| *time);
    // Entries of one time are one arrival: the next is looked for after it.
    times.dedup_by(|later, earlier| {
        let is_same = later.0 == earlier.0;
        if is_same {
            earlier.1 = (earlier.1 + later.1).min(AT_ONCE_MAX);
        }
        is_same
    });
    Arrivals::Schedule(times, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first arrivals, in milliseconds, with their counts.
    fn arrivals(arrivals: &Arrivals, count: usize) -> Vec<(u64, u32)> {
        let mut random = Stream::named(1, "producer", "test");
        let mut moment = Moment { origin: Time(2_000_000_000), last: None, now: Time::ZERO };
        let mut made = Vec::new();
        while made.len() < count {
            let Some((at, size)) = arrivals.next(moment, &mut random) else { break };
            assert!(at >= moment.now);
            made.push((at.0 / 1_000_000, size));
            moment = Moment { last: Some(at), now: at, ..moment };
        }
        made
    }

    #[test]
    fn a_steady_pace_begins_at_once_and_keeps_its_distance() {
        assert_eq!(arrivals(&Arrivals::Constant(4.0), 4), [(2000, 1), (2250, 1), (2500, 1), (2750, 1)]);
        let burst = Arrivals::Burst(7, Duration::from_secs(3));
        assert_eq!(arrivals(&burst, 3), [(2000, 7), (5000, 7), (8000, 7)]);
        assert_eq!(arrivals(&Arrivals::ByHand, 1), []);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_exponential_gaps() {
        let times = arrivals(&Arrivals::Poisson(10.0), 20_000);
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1].0 - pair[0].0) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 100.0).abs() < 3.0, "mean {mean} ms");
        assert!((variance.sqrt() - 100.0).abs() < 4.0, "standard deviation {} ms", variance.sqrt());
    }

    #[test]
    fn a_ramp_makes_as_many_messages_as_the_area_under_its_rate() {
        for (first, end) in [(1.0, 11.0), (11.0, 1.0), (5.0, 5.0), (0.001, 12.0), (12.0, 0.001)] {
            let ramp = Arrivals::Ramp(first, end, Duration::from_secs(20));
            let during = arrivals(&ramp, 10_000.min((20.0 * (first + end)) as usize + 100));
            let counted = during.iter().filter(|(at, _)| *at < 22_000).count() as f64;
            let expected = (first + end) / 2.0 * 20.0;
            assert!((counted - expected).abs() <= 1.5, "{first} to {end}: {counted}, expected {expected}");
        }
        let after = arrivals(&Arrivals::Ramp(1.0, 10.0, Duration::from_secs(1)), 30);
        let last = &after[after.len() - 2..];
        assert_eq!(last[1].0 - last[0].0, 100);
    }

    #[test]
    fn a_schedule_is_sorted_and_wrong_entries_are_named() {
        let texts: Vec<Rc<str>> =
            ["3s", "1s x10", "1.5s", "soon", "3s x 2", "1s x0"].iter().map(|text| (*text).into()).collect();
        let schedule = schedule(&texts);
        assert_eq!(arrivals(&schedule, 10), [(3000, 10), (3500, 1), (5000, 3)]);
        let wrong: Vec<&str> = schedule.not_understood().map(|text| &**text).collect();
        assert_eq!(wrong, ["soon", "1s x0"]);
    }

    #[test]
    fn a_new_rate_counts_from_the_latest_message_and_never_from_the_past() {
        let mut random = Stream::named(1, "producer", "test");
        let moment = Moment { origin: Time::ZERO, last: Some(Time(1_000_000_000)), now: Time(1_400_000_000) };
        assert_eq!(Arrivals::Constant(2.0).next(moment, &mut random), Some((Time(1_500_000_000), 1)));
        assert_eq!(Arrivals::Constant(10.0).next(moment, &mut random), Some((moment.now, 1)));
        let passed = schedule(&["0.5s".into(), "1s".into(), "1.2s".into(), "2s".into()]);
        assert_eq!(passed.next(moment, &mut random), Some((Time(2_000_000_000), 1)));
    }
}
