//! Topics and subscriptions in palette, forms and validation, and the wires between them.
//!
//! Reproduces: the properties of Pub/Sub documentation, "Subscription properties". Leaves out: labels, encryption keys,
//! export subscriptions.

use crate::kernel::Port;
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role, WireKind};
use crate::vocabulary::Duration;

const fn span(
    name: &'static str,
    label: &'static str,
    range: (u64, u64),
    default: &'static str,
    help: &'static str,
) -> ParamSpec {
    let kind = ParamType::Duration { min: Duration::from_secs(range.0), max: Duration::from_secs(range.1) };
    ParamSpec::new(name, label, kind, default, help)
}

const fn toggle(name: &'static str, label: &'static str, help: &'static str) -> ParamSpec {
    ParamSpec::new(name, label, ParamType::Toggle, "false", help)
}

/// A topic.
pub const TOPIC: NodeKind = NodeKind {
    name: "pubsub_topic",
    label: "Topic",
    group: Group::PubSub,
    help: "Gives a copy of each message to every subscription. Without a subscription the message is lost.",
    role: Role::Member { host: "pubsub" },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["publish", "forward", "console"],
            help: "Producers, and subscriptions whose dead letters come here.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["reads"],
            help: "Subscriptions. Each gets every message.",
        },
    ],
    params: &[span(
        "messageRetentionDuration",
        "Retention",
        (0, 2_678_400),
        "\"0s\"",
        "How long the topic keeps messages for seeks, 10 minutes to 31 days. 0: it keeps none.",
    )
    .source("Pub/Sub documentation: Replay and purge messages with seek")],
    commands: &[],
};

/// A subscription.
pub const SUBSCRIPTION: NodeKind = NodeKind {
    name: "subscription",
    label: "Subscription",
    group: Group::PubSub,
    help: "Has its own copy of what is published to its topic. Its subscribers share the messages.",
    role: Role::Member { host: "pubsub" },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["reads", "console"],
            help: "The topic that it subscribes to.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["subscription"],
            help: "Subscribers, or push endpoints.",
        },
        PortSpec {
            name: "dead",
            port: Port(2),
            direction: Direction::Out,
            wires: &["forward"],
            help: "The topic for messages that failed too often.",
        },
    ],
    params: SUBSCRIPTION_PARAMS,
    commands: &[],
};

const SUBSCRIPTION_PARAMS: &[ParamSpec] = &[
    ParamSpec::new(
        "delivery",
        "Delivery",
        ParamType::Choice(&[("pull", "Streaming pull"), ("push", "Push")]),
        "\"pull\"",
        "Whether subscribers open a stream, or the service sends requests to them and takes their answer as the \
         acknowledgement.",
    )
    .source("Pub/Sub documentation: Choose a subscription type"),
    span(
        "ackDeadlineSeconds",
        "Acknowledgement deadline",
        (10, 600),
        "\"10s\"",
        "How long a message is outstanding before it is delivered again.",
    )
    .source("Pub/Sub reference: Subscription, 10 to 600 s"),
    span(
        "leaseExtension",
        "Prolonged by the library",
        (0, 86_400),
        "\"0s\"",
        "How long the subscriber's library prolongs the deadline by itself while it is connected. The libraries do that \
         for an hour unless told otherwise; 0 shows the bare protocol.",
    )
    .source("Pub/Sub documentation: Extend ack time with lease management"),
    ParamSpec::new(
        "maxOutstandingMessages",
        "Outstanding at most",
        ParamType::Integer { min: 0, max: 100_000 },
        "0",
        "Messages that one subscriber may have at once, if its prefetch does not say it. 0: 1000.",
    )
    .source("Pub/Sub documentation: Flow control for transient message spikes"),
    toggle(
        "enableMessageOrdering",
        "Ordering",
        "Messages with the same ordering key, which is the routing key, come in order; a redelivery repeats all later \
         ones of the key.",
    )
    .source("Pub/Sub documentation: Order messages"),
    toggle(
        "enableExactlyOnceDelivery",
        "Exactly once",
        "Only the latest acknowledgement counts, while its deadline runs. Pull only.",
    )
    .source("Pub/Sub documentation: Exactly-once delivery"),
    ParamSpec::new(
        "filter",
        "Filter",
        ParamType::Text { max: 256 },
        "\"\"",
        "A condition on attributes, such as attributes.kind = \"order\" AND NOT attributes:test. What does not match is \
         never delivered. A filter that can't be read is none.",
    )
    .source("Pub/Sub documentation: Filter messages from a subscription"),
    ParamSpec::new(
        "retryPolicy",
        "Retries",
        ParamType::Choice(&[("immediate", "At once"), ("exponential", "After exponential backoff")]),
        "\"immediate\"",
        "When a message that failed is delivered again. Other messages are not held back.",
    )
    .source("Pub/Sub documentation: Handle message failures"),
    span("minimumBackoff", "Least backoff", (0, 600), "\"10s\"", "The wait after the first failure; each more doubles it.")
        .source("Pub/Sub reference: RetryPolicy, 0 to 600 s")
        .when("retryPolicy", &["exponential"]),
    span("maximumBackoff", "Greatest backoff", (0, 600), "\"600s\"", "The longest wait.")
        .source("Pub/Sub reference: RetryPolicy, 0 to 600 s")
        .when("retryPolicy", &["exponential"]),
    span(
        "messageRetentionDuration",
        "Retention",
        (600, 2_678_400),
        "\"7d\"",
        "How long a message is kept that nobody acknowledges.",
    )
    .source("Pub/Sub documentation: Subscription properties, 10 min to 31 d"),
    toggle("retainAckedMessages", "Keep acknowledged", "Acknowledged messages are kept as long as others, for a seek.")
        .source("Pub/Sub documentation: Subscription properties"),
    span(
        "ttl",
        "Expires unused after",
        (0, 31_536_000),
        "\"31d\"",
        "A subscription without subscribers is deleted after so long, one day at least. 0: never.",
    )
    .source("Pub/Sub documentation: Subscription properties, 31 d by default"),
    ParamSpec::new(
        "lateAcks",
        "Late acknowledgements that count",
        ParamType::Number { min: 0.0, max: 100.0 },
        "100",
        "How often an acknowledgement after the deadline still counts. The service promises neither. Not with ordering \
         keys, and never with exactly-once delivery.",
    )
    .unit("%")
    .source("Pub/Sub reference: Acknowledge"),
];

/// From a subscription to the topic for its dead letters.
pub const FORWARD_WIRE: WireKind = WireKind {
    name: "forward",
    label: "Dead letters",
    help: "A message that failed too often is published there. That topic needs a subscription, or it is lost.",
    link: false,
    params: &[ParamSpec::new(
        "maxDeliveryAttempts",
        "Attempts at most",
        ParamType::Integer { min: 5, max: 100 },
        "5",
        "Refusals and missed deadlines count.",
    )
    .source("Pub/Sub reference: DeadLetterPolicy, 5 to 100")],
};
