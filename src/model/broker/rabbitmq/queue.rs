//! The queue: where messages wait for consumers.
//!
//! Reproduces: RabbitMQ classic and quorum queues (rabbitmq.com, "Queues", "Classic Queues", "Quorum Queues") with times
//! to live, length limits, priorities, dead letters, expiry and the single active consumer. What a declaration may say
//! is in `arguments.rs`, the order of messages in `ready.rs`; what survives a restart is in `recovery.rs`.
//!
//! Leaves out: drawing exclusive and auto-delete queues, which a console can declare; lazy mode, streams. A setting that
//! is changed in a run acts at once, on messages that come in from then on; RabbitMQ would refuse the second declaration
//! with 406. The replicas of a quorum queue are not drawn: it acts as one that has its majority.

use crate::kernel::Port;
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role};
use crate::vocabulary::Duration;

const SPAN: ParamType = ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400) };

/// The queue in palette, forms and validation.
pub const KIND: NodeKind = NodeKind {
    name: "queue",
    label: "Queue",
    group: Group::RabbitMq,
    help: "Keeps messages in order until a consumer has acknowledged them. Its consumers share the messages.",
    role: Role::Member { host: "broker" },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["publish", "binding", "dead_letter", "console"],
            help: "Bindings from exchanges; or a producer, which then publishes to the default exchange with the \
                   queue's name as the key; or dead letters of another queue.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["subscription"],
            help: "Consumers, each served in turn.",
        },
        PortSpec {
            name: "dead",
            port: Port(2),
            direction: Direction::Out,
            wires: &["dead_letter"],
            help: "Where messages go that it gives up: rejected, expired, or too many.",
        },
    ],
    params: &PARAMS,
    commands: &[],
};

const PARAMS: [ParamSpec; 11] = [
    ParamSpec::new(
        "durable",
        "Durable",
        ParamType::Toggle,
        "true",
        "A durable queue keeps its persistent messages when the broker restarts. Any other queue comes back empty.",
    )
    .source("RabbitMQ 3.10: \"Queues\", durability")
    .when("type", &["classic"]),
    ParamSpec::new(
        "type",
        "Type",
        ParamType::Choice(&[("classic", "Classic"), ("quorum", "Quorum")]),
        "\"classic\"",
        "Quorum: replicated and always durable. What comes back goes out first, in the order of its return, and is \
         counted against the delivery limit.",
    )
    .source("RabbitMQ 3.10: \"Quorum Queues\"; x-queue-type, classic unless it is set"),
    ParamSpec::new(
        "message_ttl",
        "Time to live",
        SPAN,
        "\"0s\"",
        "How long a message may wait; 0 for no end. It goes when its time is over and it is at the head, and not while a \
         consumer holds it.",
    )
    .source("RabbitMQ 3.10: \"Time-To-Live and Expiration\", x-message-ttl"),
    ParamSpec::new(
        "max_length",
        "Length limit",
        ParamType::Integer { min: 0, max: 1_000_000 },
        "0",
        "How many messages may wait; 0 for no limit. Those that consumers hold do not count.",
    )
    .source("RabbitMQ 3.10: \"Queue Length Limit\", x-max-length"),
    ParamSpec::new(
        "max_length_bytes",
        "Bytes limit",
        ParamType::Integer { min: 0, max: 1_000_000_000 },
        "0",
        "How many bytes the bodies of waiting messages may have together; 0 for no limit.",
    )
    .unit("bytes")
    .source("RabbitMQ 3.10: \"Queue Length Limit\", x-max-length-bytes"),
    ParamSpec::new(
        "overflow",
        "At the limit",
        ParamType::Choice(&[
            ("drop-head", "Drop the oldest"),
            ("reject-publish", "Refuse the new one"),
            ("reject-publish-dlx", "Refuse it and dead-letter it"),
        ]),
        "\"drop-head\"",
        "Which message goes when the queue is full. A producer that asks for confirms is told of a refusal. A quorum queue \
         does not dead-letter what it refuses.",
    )
    .source("RabbitMQ 3.10: \"Queue Length Limit\", x-overflow"),
    ParamSpec::new(
        "dead_letter_strategy",
        "Dead letters",
        ParamType::Choice(&[("at-most-once", "At most once"), ("at-least-once", "At least once")]),
        "\"at-most-once\"",
        "At least once: a dead letter stays in the queue until its targets have it, and is tried again every three minutes. \
         That needs \"Refuse the new one\" at the limit. At most once: it leaves the queue at once, and is lost if there \
         is no place for it.",
    )
    .source("RabbitMQ 3.10: \"Quorum Queues\", x-dead-letter-strategy, at-most-once unless it is set")
    .when("type", &["quorum"]),
    ParamSpec::new(
        "max_priority",
        "Highest priority",
        ParamType::Integer { min: 0, max: 255 },
        "0",
        "Messages of a higher priority go first, up to this one; 0 for no priorities. A quorum queue has this from 4.3 on, \
         up to 31; in 4.0 it tells only priorities above 4 from the rest.",
    )
    .source("RabbitMQ 3.10: \"Priority Support\", x-max-priority"),
    ParamSpec::new(
        "delivery_limit",
        "Delivery limit",
        ParamType::Integer { min: -1, max: 1_000_000 },
        "0",
        "How often a message may come back before the queue gives it up; -1 for ever, 0 for the default of the version: \
         none in 3.10, 20 from 4.0 on.",
    )
    .source("RabbitMQ 4.0: \"Quorum Queues\", x-delivery-limit")
    .when("type", &["quorum"]),
    ParamSpec::new(
        "single_active_consumer",
        "Single active consumer",
        ParamType::Toggle,
        "false",
        "Only the first consumer is served; when it goes, the next one takes over.",
    )
    .source("RabbitMQ 3.10: \"Consumers\", x-single-active-consumer"),
    ParamSpec::new(
        "expires",
        "Expires unused after",
        SPAN,
        "\"0s\"",
        "The queue goes, with everything in it, after so long without a consumer; 0 for never. What is drawn is declared \
         again when a consumer subscribes.",
    )
    .source("RabbitMQ 3.10: \"Time-To-Live and Expiration\", x-expires"),
];
