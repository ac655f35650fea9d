//! The properties of a subscription: ranges, defaults, and how they are written.
//!
//! Reproduces: Pub/Sub documentation, "Subscription properties"; reference of `Subscription`, `RetryPolicy` and
//! `DeadLetterPolicy`. A property has its name in the API and mostly another one as a flag of `gcloud`; both are
//! understood. Leaves out: labels, encryption keys, export to BigQuery and Cloud Storage, message transforms.

use crate::vocabulary::{Duration, Settings};

use super::answer::{invalid, Refusal};
use super::filter::Filter;

const fn span(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Retention of messages in a subscription, and in a topic.
pub const RETENTION: (Duration, Duration) = (span(600), span(31 * 86_400));

/// The properties of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How long a delivered message is outstanding.
    pub ack_deadline: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// Acknowledged messages are kept as long as others, for a seek.
    pub retains_acked: bool,
    /// Messages with the same ordering key come in order. Fixed at the creation.
    pub is_ordered: bool,
    /// Only the latest acknowledgement id counts, and it is told whether it did.
    pub is_exactly_once: bool,
    /// The least and greatest time before a redelivery; nothing: at once.
    pub backoff: Option<(Duration, Duration)>,
    /// A subscription without subscribers is deleted after so long; nothing: never.
    pub expiration: Option<Duration>,
    /// The service sends to an endpoint.
    pub is_push: bool,
    /// Messages outstanding at one subscriber of the drawing that says nothing else; 0: 1000.
    pub outstanding_max: u32,
    /// How long a client library prolongs the deadline of a message by itself.
    pub extension: Duration,
    /// The chance that an acknowledgement after the deadline still counts.
    pub late_acks: f64,
    /// What the subscription gets. Fixed at the creation.
    pub filter: Option<Filter>,
    /// Why a filter that is drawn can't be read.
    pub filter_flaw: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            ack_deadline: span(10),
            retention: span(7 * 86_400),
            retains_acked: false,
            is_ordered: false,
            is_exactly_once: false,
            backoff: None,
            expiration: Some(span(31 * 86_400)),
            is_push: false,
            outstanding_max: 0,
            extension: Duration::ZERO,
            late_acks: 1.0,
            filter: None,
            filter_flaw: None,
        }
    }
}

/// Names of `gcloud` for names of the API.
const FLAGS: &[(&str, &str)] = &[
    ("ack-deadline", "ackDeadlineSeconds"),
    ("message-retention-duration", "messageRetentionDuration"),
    ("retain-acked-messages", "retainAckedMessages"),
    ("enable-message-ordering", "enableMessageOrdering"),
    ("enable-exactly-once-delivery", "enableExactlyOnceDelivery"),
    ("min-retry-delay", "minimumBackoff"),
    ("max-retry-delay", "maximumBackoff"),
    ("expiration-period", "ttl"),
    ("message-filter", "filter"),
    ("push-endpoint", "pushEndpoint"),
    ("dead-letter-topic", "deadLetterTopic"),
    ("max-delivery-attempts", "maxDeliveryAttempts"),
    ("late-acks", "lateAcks"),
];

/// The name of a property in the API.
pub fn property(name: &str) -> &str {
    FLAGS.iter().find(|(flag, _)| *flag == name).map_or(name, |(_, property)| property)
}

/// A span in whole seconds or with a unit.
pub fn read_span(name: &str, value: &str) -> Result<Duration, Refusal> {
    let seconds = value.parse::<u32>().ok().map(|seconds| span(u64::from(seconds)));
    seconds.or_else(|| value.parse().ok()).ok_or_else(|| invalid(format!("{name} must be a time, is {value}.")))
}

fn ranged(name: &str, value: &str, range: (Duration, Duration)) -> Result<Duration, Refusal> {
    let read = read_span(name, value)?;
    match (range.0..=range.1).contains(&read) {
        true => Ok(read),
        false => Err(invalid(format!("{name} must be between {} and {}, is {value}.", range.0, range.1))),
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(format!("{name} must be true or false, is {value}."))),
    }
}

impl Config {
    /// Those of a subscription that is drawn. The service would not make one whose filter can't be read; here it has none
    /// then, and the inspector says why.
    pub fn read(settings: &Settings) -> Config {
        let exponential = &*settings.text("retryPolicy") == "exponential";
        let (min, max) = (settings.duration("minimumBackoff"), settings.duration("maximumBackoff"));
        let is_push = &*settings.text("delivery") == "push";
        let expiration = settings.duration("ttl");
        let filter = settings.text("filter");
        let filter = (!filter.trim().is_empty()).then(|| Filter::read(&filter));
        Config {
            ack_deadline: settings.duration("ackDeadlineSeconds").clamp(span(10), span(600)),
            retention: settings.duration("messageRetentionDuration").clamp(RETENTION.0, RETENTION.1),
            retains_acked: settings.toggle("retainAckedMessages"),
            is_ordered: settings.toggle("enableMessageOrdering"),
            is_exactly_once: settings.toggle("enableExactlyOnceDelivery") && !is_push,
            backoff: exponential.then_some((min, max.max(min))),
            expiration: (expiration.0 > 0).then_some(expiration.max(span(86_400))),
            is_push,
            outstanding_max: settings.integer("maxOutstandingMessages").clamp(0, 100_000) as u32,
            extension: settings.duration("leaseExtension"),
            late_acks: settings.number("lateAcks") / 100.0,
            filter: filter.as_ref().and_then(|filter| filter.as_ref().ok()).cloned(),
            filter_flaw: filter.and_then(|filter| filter.err()).map(|error| error.to_string()),
        }
    }

    /// Sets one property as it is written at a console, under its name in the API. `is_new` at the creation.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`.
    pub fn set(&mut self, name: &str, value: &str, is_new: bool) -> Result<(), Refusal> {
        if !is_new && ["filter", "enableMessageOrdering"].contains(&name) {
            return Err(invalid(format!("{name} can't be changed after the creation.")));
        }
        match name {
            "ackDeadlineSeconds" => self.ack_deadline = ranged(name, value, (span(10), span(600)))?,
            "messageRetentionDuration" => self.retention = ranged(name, value, RETENTION)?,
            "retainAckedMessages" => self.retains_acked = flag(name, value)?,
            "enableMessageOrdering" => self.is_ordered = flag(name, value)?,
            "enableExactlyOnceDelivery" => self.is_exactly_once = flag(name, value)?,
            "minimumBackoff" => {
                let max = self.backoff.map_or(span(600), |backoff| backoff.1);
                self.backoff = Some((ranged(name, value, (span(0), span(600)))?, max));
            }
            "maximumBackoff" => {
                let min = self.backoff.map_or(span(10), |backoff| backoff.0);
                self.backoff = Some((min, ranged(name, value, (span(0), span(600)))?));
            }
            "ttl" if value == "never" => self.expiration = None,
            "ttl" => self.expiration = Some(ranged(name, value, (span(86_400), Duration::MAX))?),
            "pushEndpoint" => self.is_push = !value.is_empty(),
            "maxOutstandingMessages" => {
                let number = value.parse().ok().filter(|number| *number <= 100_000);
                self.outstanding_max =
                    number.ok_or_else(|| invalid(format!("{name} must be 0..100000, is {value}.")))?;
            }
            "lateAcks" => {
                let number = crate::vocabulary::number::read(value).filter(|number| (0.0..=100.0).contains(number));
                self.late_acks = number.ok_or_else(|| invalid(format!("{name} must be 0..100, is {value}.")))? / 100.0;
            }
            "filter" if value.trim().is_empty() => self.filter = None,
            "filter" => {
                let filter = Filter::read(value);
                self.filter = Some(filter.map_err(|error| invalid(format!("The filter is not valid {error}.")))?);
            }
            _ => return Err(invalid(format!("There is no property {name}."))),
        }
        Ok(())
    }

    /// Whether the properties go together.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.backoff.is_some_and(|(min, max)| min > max) {
            return Err(invalid("minimumBackoff must not be greater than maximumBackoff."));
        }
        if self.is_push && self.is_exactly_once {
            return Err(invalid("Exactly-once delivery is for pull subscriptions only."));
        }
        if self.expiration.is_some_and(|expiration| expiration <= self.retention) {
            return Err(invalid("The expiration period must be longer than the message retention duration."));
        }
        Ok(())
    }

    /// How long a message that failed so often waits before it is delivered again.
    pub fn backoff_after(&self, failures: u32) -> Duration {
        let Some((min, max)) = self.backoff else { return Duration::ZERO };
        let doubled = min.0.saturating_mul(1 << failures.saturating_sub(1).min(30));
        Duration(doubled.min(max.0))
    }
}
