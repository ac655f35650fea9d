//! Virtual time: unsigned nanoseconds since the start of a run, and spans of it.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant of virtual time, in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Time(pub u64);

/// A span of virtual time, in nanoseconds. Written `250ms`, `1.5s`, `2m`, `40us`, `7ns`, `1h`, `1d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duration(pub u64);

/// The units in which spans are written, longest first, with their length in nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Time {
    /// The start of every run.
    pub const ZERO: Time = Time(0);
    /// Later than every event.
    pub const MAX: Time = Time(u64::MAX);

    /// Seconds since the start, for display only.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The span from `earlier` to this instant; zero if `earlier` is later.
    pub fn since(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// Shortened for reading: exact below a millisecond, then milliseconds, and tenths of a second from ten seconds on, of
    /// an hour from one hour on, of a day from two days on.
    pub fn rounded(self) -> Duration {
        let unit = match self.0 {
            0..1_000_000 => 1,
            1_000_000..10_000_000_000 => 1_000_000,
            10_000_000_000..3_600_000_000_000 => 100_000_000,
            3_600_000_000_000..172_800_000_000_000 => 360_000_000_000,
            _ => 8_640_000_000_000,
        };
        Duration(self.0 / unit * unit)
    }

    /// No time at all.
    pub const ZERO: Duration = Duration(0);
    /// The longest span.
    pub const MAX: Duration = Duration(u64::MAX);

    /// A span of whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Duration {
        Duration(milliseconds.saturating_mul(1_000_000))
    }

    /// A span of whole seconds.
    pub const fn from_secs(seconds: u64) -> Duration {
        Duration(seconds.saturating_mul(1_000_000_000))
    }

    /// A span of so many seconds, rounded to the nanosecond; negative and not-a-number give zero.
    pub fn from_secs_f64(seconds: f64) -> Duration {
        Duration((seconds * 1e9).round() as u64)
    }

    /// The span in seconds, for display and for statistics.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, span: Duration) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Time {
    /// Seconds with milliseconds: `12.480 s`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0 / 1_000_000;
        write!(formatter, "{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
    }
}

impl fmt::Display for Duration {
    /// The shortest exact form in one unit: `250ms`, `1.5s`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return formatter.write_str("0s");
        }
        let exact = UNITS.iter().find(|(_, length)| self.0.is_multiple_of(*length));
        let tenths = UNITS
            .iter()
            .find(|(_, length)| self.0 >= *length && (self.0 % length).is_multiple_of((length / 1000).max(1)));
        match (exact, tenths) {
            (Some((unit, length)), Some((_, larger))) if length >= larger => {
                write!(formatter, "{}{unit}", self.0 / length)
            }
            (_, Some((unit, length))) => {
                let whole = self.0 / length;
                let thousandths = (self.0 % length) / (length / 1000).max(1);
                let digits = format!("{thousandths:03}");
                write!(formatter, "{whole}.{}{unit}", digits.trim_end_matches('0'))
            }
            (Some((unit, length)), None) => write!(formatter, "{}{unit}", self.0 / length),
            (None, None) => write!(formatter, "{}ns", self.0),
        }
    }
}

/// Why a text is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError(pub String);

impl fmt::Display for DurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "must be a time such as 250ms, 1.5s or 2m, is {}", self.0)
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Duration, DurationError> {
        let error = || DurationError(format!("\"{text}\""));
        let trimmed = text.trim();
        if trimmed == "0" {
            return Ok(Duration::ZERO);
        }
        let split = trimmed.find(|letter: char| letter.is_ascii_alphabetic() || letter == 'µ').ok_or_else(error)?;
        let (number, unit) = trimmed.split_at(split);
        let unit = if unit == "µs" { "us" } else { unit };
        let length = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?.1;
        let number = number.trim();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(error());
        }
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || fraction.len() > 9 || (whole.is_empty() && fraction.is_empty()) {
            return Err(error());
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| error())? };
        let mut total = whole.checked_mul(length).ok_or_else(error)?;
        if !fraction.is_empty() {
            let digits: u64 = fraction.parse().map_err(|_| error())?;
            let scale = 10u128.pow(fraction.len() as u32);
            let part = u128::from(digits) * u128::from(length) / scale;
            total = total.checked_add(part as u64).ok_or_else(error)?;
        }
        Ok(Duration(total))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_shortened_for_reading() {
        let cases = [
            (999_999, "999.999us"),
            (2_309_633_344, "2.309s"),
            (29_433_000_000, "29.4s"),
            (90_000_000_000, "90s"),
            (3_599_987_000_000, "3599.9s"),
            (9_000_000_000_001, "2.5h"),
            (604_796_800_000_000, "6.9d"),
        ];
        for (nanoseconds, shown) in cases {
            let expected: Duration = shown.parse().expect("a time");
            assert_eq!(Duration(nanoseconds).rounded(), expected, "{nanoseconds}");
        }
    }

    #[test]
    fn spans_are_read_and_written_in_the_same_words() {
        for text in ["250ms", "1.5s", "2m", "40us", "7ns", "1h", "1d", "0s", "1.001s", "90s", "2.5ms"] {
            let span: Duration = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            let written = span.to_string();
            assert_eq!(written.parse::<Duration>(), Ok(span), "{text} was written {written}");
        }
        assert_eq!("90s".parse::<Duration>().map(|span| span.to_string()), Ok("1.5m".to_string()));
    }

    #[test]
    fn every_span_survives_a_round_trip() {
        let mut value = 1u64;
        for step in 0..2000u64 {
            value = value.wrapping_mul(6364136223846793005).wrapping_add(step) >> (step % 60);
            let text = Duration(value).to_string();
            assert_eq!(text.parse::<Duration>(), Ok(Duration(value)), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused_with_an_example() {
        for text in ["", "ms", "1", "-1s", "1.2.3s", "1 parsec", "99999999999999999999s", "1e3s", "٣s"] {
            let error = text.parse::<Duration>().expect_err(text);
            assert!(error.to_string().contains("250ms"), "{error}");
        }
    }
}
