//! Scales: steps that people like, and their labels.

use crate::vocabulary::Time;

/// The steps of a time axis in nanoseconds: 1-2-5 below the second, then what clocks divide by.
const TIME_STEPS: [u64; 35] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    60 * MINUTE,
    120 * MINUTE,
    360 * MINUTE,
    720 * MINUTE,
    1440 * MINUTE,
];
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

/// The marks of an axis of whole numbers from 0 to at least `max`, at most `count` and at least 2, in steps of 1, 2 or 5
/// times a power of ten.
pub fn count_ticks(max: u64, count: usize) -> Vec<u64> {
    let steps = count.max(2) as u64 - 1;
    let mut scale: u64 = 1;
    let step = loop {
        let fits =
            [1, 2, 5].iter().map(|factor| scale.saturating_mul(*factor)).find(|step| step.saturating_mul(steps) >= max);
        match fits {
            Some(step) => break step,
            None => scale = scale.saturating_mul(10),
        }
    };
    let needed = max.div_ceil(step).max(1);
    (0..=needed).map(|number| number.saturating_mul(step)).collect()
}

/// The marks of a time axis between two instants, at most about `count`, each with its label.
pub fn time_ticks(start: Time, end: Time, count: usize) -> Vec<(Time, String)> {
    let span = end.0.saturating_sub(start.0);
    let wanted = span / count.max(1) as u64;
    let day = TIME_STEPS[TIME_STEPS.len() - 1];
    let step = TIME_STEPS
        .iter()
        .copied()
        .find(|step| *step >= wanted)
        .unwrap_or_else(|| wanted.div_ceil(day).saturating_mul(day));
    let first = start.0.div_ceil(step);
    let last = end.0 / step;
    (first..=last).map(|number| Time(number.saturating_mul(step))).map(|at| (at, time_label(at, step))).collect()
}

/// An instant as precisely as a step asks for: `12 s`, `12.4 s`, `1:30`, `2:00:00`.
fn time_label(at: Time, step: u64) -> String {
    let (hours, minutes, seconds) = (at.0 / (60 * MINUTE), at.0 / MINUTE % 60, at.0 / SECOND % 60);
    if step < SECOND {
        let decimals = (1..=9).find(|decimals| step.is_multiple_of(SECOND / 10u64.pow(*decimals))).unwrap_or(9);
        let fraction = at.0 % SECOND / (SECOND / 10u64.pow(decimals));
        return format!("{}.{fraction:0width$} s", at.0 / SECOND, width = decimals as usize);
    }
    match (hours, at.0 / MINUTE) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A whole number with thin spaces between groups of three digits: `12 000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_axes_reach_the_maximum_in_nice_steps() {
        assert_eq!(count_ticks(0, 4), [0, 1]);
        assert_eq!(count_ticks(3, 4), [0, 1, 2, 3]);
        assert_eq!(count_ticks(13, 4), [0, 5, 10, 15]);
        assert_eq!(count_ticks(16, 4), [0, 10, 20]);
        assert_eq!(count_ticks(1_000, 4), [0, 500, 1_000]);
        for max in [0, 1, 7, 99, 12_345, u64::from(u32::MAX), u64::MAX / 4] {
            for count in [0, 2, 4, 9] {
                let ticks = count_ticks(max, count);
                assert!(
                    ticks.last().is_some_and(|last| *last >= max) && ticks.len() <= count.max(2),
                    "{max} {count} {ticks:?}"
                );
            }
        }
    }

    #[test]
    fn time_axes_are_labelled_as_precisely_as_needed() {
        let labels = |start: f64, end: f64, count| -> Vec<String> {
            let at = |seconds: f64| Time((seconds * 1e9) as u64);
            time_ticks(at(start), at(end), count).into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(0.0, 20.0, 4), ["0 s", "5 s", "10 s", "15 s", "20 s"]);
        assert_eq!(labels(12.25, 12.75, 5), ["12.3 s", "12.4 s", "12.5 s", "12.6 s", "12.7 s"]);
        assert_eq!(labels(50.0, 100.0, 3), ["1:00", "1:20", "1:40"]);
        assert_eq!(labels(3590.0, 3620.0, 3), ["59:50", "1:00:00", "1:00:10", "1:00:20"]);
        assert!(time_ticks(Time(0), Time::MAX, 5).len() <= 7);
        assert!(time_ticks(Time(5), Time(5), 5).len() <= 1);
    }

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
