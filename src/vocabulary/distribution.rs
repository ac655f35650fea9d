//! Shapes of random time: what a service time or a network latency is drawn from. Sampling is the kernel's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::number;
use super::time::Duration;

/// A distribution of non-negative spans of time.
///
/// Written `constant(200ms)`, `uniform(100ms, 300ms)`, `exponential(200ms)` (its mean) or
/// `log-normal(200ms, 0.5)` (its median, and the standard deviation of its logarithm).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same span.
    Constant(Duration),
    /// Every span between two bounds is as likely as every other.
    Uniform(Duration, Duration),
    /// Memoryless, with this mean: the M of M/M/1.
    Exponential(Duration),
    /// Skewed to the right, as measured latencies are: the median, and sigma of the underlying normal distribution.
    LogNormal(Duration, f64),
}

impl Distribution {
    /// Takes no time.
    pub const ZERO: Distribution = Distribution::Constant(Duration::ZERO);

    /// The names in the order in which forms offer them.
    pub const NAMES: [&'static str; 4] = ["constant", "uniform", "exponential", "log-normal"];

    /// The name before the bracket.
    pub fn name(&self) -> &'static str {
        match self {
            Distribution::Constant(_) => "constant",
            Distribution::Uniform(..) => "uniform",
            Distribution::Exponential(_) => "exponential",
            Distribution::LogNormal(..) => "log-normal",
        }
    }

    /// A typical span: the constant, the middle, the mean or the median.
    pub fn typical(&self) -> Duration {
        match *self {
            Distribution::Constant(span) | Distribution::Exponential(span) | Distribution::LogNormal(span, _) => span,
            Distribution::Uniform(low, high) => Duration(low.0 / 2 + high.0 / 2),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distribution::Constant(span) => write!(formatter, "constant({span})"),
            Distribution::Uniform(low, high) => write!(formatter, "uniform({low}, {high})"),
            Distribution::Exponential(mean) => write!(formatter, "exponential({mean})"),
            Distribution::LogNormal(median, sigma) => write!(formatter, "log-normal({median}, {sigma})"),
        }
    }
}

/// Why a text is not a distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionError(pub String);

impl fmt::Display for DistributionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "must be constant(200ms), uniform(100ms, 300ms), exponential(200ms) or log-normal(200ms, 0.5), is \"{}\"",
            self.0
        )
    }
}

impl FromStr for Distribution {
    type Err = DistributionError;

    fn from_str(text: &str) -> Result<Distribution, DistributionError> {
        let error = || DistributionError(text.to_string());
        let trimmed = text.trim();
        if let Ok(span) = trimmed.parse() {
            return Ok(Distribution::Constant(span));
        }
        let inner = trimmed.strip_suffix(')').ok_or_else(error)?;
        let (name, arguments) = inner.split_once('(').ok_or_else(error)?;
        let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
        let span = |index: usize| -> Result<Duration, DistributionError> {
            arguments.get(index).ok_or_else(error)?.parse().map_err(|_| error())
        };
        let (distribution, count) = match name.trim() {
            "constant" => (Distribution::Constant(span(0)?), 1),
            "uniform" => (Distribution::Uniform(span(0)?, span(1)?), 2),
            "exponential" => (Distribution::Exponential(span(0)?), 1),
            "log-normal" => {
                let sigma: f64 = arguments.get(1).and_then(|part| number::read(part)).ok_or_else(error)?;
                (Distribution::LogNormal(span(0)?, sigma), 2)
            }
            _ => return Err(error()),
        };
        let sound = match distribution {
            Distribution::Uniform(low, high) => low <= high,
            Distribution::LogNormal(_, sigma) => (0.0..=4.0).contains(&sigma),
            _ => true,
        };
        if sound && arguments.len() == count {
            Ok(distribution)
        } else {
            Err(error())
        }
    }
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Distribution, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_read_and_written_in_the_same_words() {
        for text in ["constant(200ms)", "uniform(100ms, 300ms)", "exponential(1.5s)", "log-normal(200ms, 0.5)"] {
            let parsed: Distribution = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(parsed.to_string(), text);
        }
        assert_eq!("50ms".parse(), Ok(Distribution::Constant(Duration::from_millis(50))));
    }

    #[test]
    fn unsound_distributions_are_refused() {
        for text in [
            "uniform(3s, 1s)",
            "log-normal(1s, -1)",
            "log-normal(1s, NaN)",
            "normal(1s)",
            "constant(1s, 2s)",
            "exponential()",
        ] {
            assert!(text.parse::<Distribution>().is_err(), "{text}");
        }
    }
}
