//! The parameters of a consumer, and what they mean.

use crate::model::kind::{ParamSpec, ParamType};
use crate::vocabulary::{Distribution, DropReason, Duration, Settings};

/// The parameters of a consumer.
pub const PARAMS: [ParamSpec; 10] = [
    ParamSpec::new(
        "service_time",
        "Service time",
        ParamType::Distribution,
        "\"constant(800ms)\"",
        "How long the work on one message takes.",
    ),
    ParamSpec::new(
        "concurrency",
        "Concurrency",
        ParamType::Integer { min: 1, max: 1000 },
        "1",
        "How many messages it works on at the same time.",
    ),
    ParamSpec::new(
        "prefetch",
        "Prefetch",
        ParamType::Integer { min: 0, max: 65_535 },
        "0",
        "How many unacknowledged messages a queue sends ahead at most; 0 for no limit. Without a limit the first \
         consumer gets the whole backlog. A change makes a new subscription, which counts what is held already.",
    )
    .source("RabbitMQ 3.10, \"Consumer Prefetch\": basic.qos per consumer; no limit unless it is set"),
    ParamSpec::new(
        "priority",
        "Priority",
        ParamType::Integer { min: -100, max: 100 },
        "0",
        "RabbitMQ serves the consumers of the highest priority first; the others get what those can't take now.",
    )
    .source("RabbitMQ 3.10, \"Consumer Priorities\": x-priority, 0 unless it is set"),
    ParamSpec::new(
        "pull_max",
        "Messages a pull",
        ParamType::Integer { min: 1, max: 500 },
        "10",
        "How many messages it asks for at once, where a broker hands out only what is asked for (Kafka, SQS, Redis). It \
         asks again when it has free hands.",
    )
    .source("Kafka max.poll.records, SQS MaxNumberOfMessages (at most 10), Redis XREADGROUP COUNT"),
    ParamSpec::new(
        "pull_wait",
        "Waits at a pull",
        ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(300) },
        "\"20s\"",
        "How long such a broker lets it wait for the first message before the answer is empty.",
    )
    .source("Kafka poll(timeout), SQS WaitTimeSeconds (at most 20 s), Redis XREADGROUP BLOCK"),
    ParamSpec::new(
        "request_timeout",
        "Asks again after",
        ParamType::Duration { min: Duration::from_millis(1), max: Duration::from_secs(3600) },
        "\"30s\"",
        "How long after the end of that wait it takes a pull for lost and asks again.",
    )
    .source("Kafka request.timeout.ms (30 s); botocore read_timeout is 60 s, redis-py's socket_timeout is off"),
    ParamSpec::new(
        "ack",
        "Acknowledges",
        ParamType::Choice(&[
            ("late", "When the work is done"),
            ("early", "On receipt, before the work"),
            ("never", "Never"),
            ("auto", "Automatically, by the broker"),
        ]),
        "\"late\"",
        "When the broker may forget a message. Before the work is done, a crash loses it; after, a crash makes it come \
         again. Automatically: as soon as it is sent, and without a prefetch limit.",
    )
    .source("RabbitMQ 3.10, \"Consumer Acknowledgements and Publisher Confirms\""),
    ParamSpec::new(
        "failure_rate",
        "Failures",
        ParamType::Number { min: 0.0, max: 100.0 },
        "0",
        "The share of messages whose work fails at its end, each by chance.",
    )
    .unit("%"),
    ParamSpec::new(
        "on_failure",
        "After a failure",
        ParamType::Choice(&[("requeue", "Back to the queue"), ("reject", "Give the message up")]),
        "\"requeue\"",
        "What it tells the broker. Back to the queue: nack with requeue, and the message comes again at once. Give up: \
         nack without, and the message is dropped. A message that was acknowledged before is lost in both cases.",
    )
    .source("AMQP 0-9-1: basic.nack, requeue"),
];

/// When a delivery is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// When the work is done.
    Late,
    /// On receipt.
    Early,
    /// Not at all.
    Never,
    /// By the broker, when it sends.
    Auto,
}

impl Ack {
    /// How a message is lost that the broker forgot before its work ended well; nothing if it forgets none.
    pub fn loss(self) -> Option<DropReason> {
        match self {
            Ack::Late | Ack::Never => None,
            Ack::Early => Some(DropReason::AckedEarly),
            Ack::Auto => Some(DropReason::AutoAcked),
        }
    }
}

/// What the settings say.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long the work on one message takes.
    pub service_time: Distribution,
    /// How many messages are worked on at the same time.
    pub concurrency: u16,
    /// The prefetch limit; 0: none.
    pub prefetch: u16,
    /// Who is served first.
    pub priority: i8,
    /// How many messages to ask for at once, where they have to be asked for.
    pub pull_max: u16,
    /// How long to wait for the first of them.
    pub pull_wait: Duration,
    /// How long after that wait an answer may take.
    pub request_timeout: Duration,
    /// When to acknowledge.
    pub ack: Ack,
    /// The chance, 0 to 1, that the work fails.
    pub failure_chance: f64,
    /// Whether a failed message goes back to the queue.
    pub requeues: bool,
}

impl Plan {
    /// Reads the settings.
    pub fn read(settings: &Settings) -> Plan {
        Plan {
            service_time: settings.distribution("service_time"),
            concurrency: settings.integer("concurrency").clamp(1, 1000) as u16,
            prefetch: settings.integer("prefetch").clamp(0, 65_535) as u16,
            priority: settings.integer("priority").clamp(-100, 100) as i8,
            pull_max: settings.integer("pull_max").clamp(1, 500) as u16,
            pull_wait: settings.duration("pull_wait"),
            request_timeout: settings.duration("request_timeout"),
            ack: match &*settings.text("ack") {
                "early" => Ack::Early,
                "never" => Ack::Never,
                "auto" => Ack::Auto,
                _ => Ack::Late,
            },
            failure_chance: settings.number("failure_rate") / 100.0,
            requeues: &*settings.text("on_failure") != "reject",
        }
    }
}
