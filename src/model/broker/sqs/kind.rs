//! The queue in palette, forms and validation, and the wire of its dead letters.
//!
//! Reproduces: the attributes of SQS API Reference, `CreateQueue`. Leaves out: policies, encryption, tags; the allow
//! policy of a dead-letter queue, which only a console sets.

use crate::kernel::Port;
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role, WireKind};
use crate::vocabulary::Duration;

const fn seconds(
    name: &'static str,
    label: &'static str,
    range: (u64, u64),
    default: &'static str,
    help: &'static str,
) -> ParamSpec {
    let kind = ParamType::Duration { min: Duration::from_secs(range.0), max: Duration::from_secs(range.1) };
    ParamSpec::new(name, label, kind, default, help)
}

const fn chance(name: &'static str, label: &'static str, help: &'static str) -> ParamSpec {
    ParamSpec::new(name, label, ParamType::Number { min: 0.0, max: 100.0 }, "0", help).unit("%")
}

/// A queue.
pub const QUEUE: NodeKind = NodeKind {
    name: "sqs_queue",
    label: "SQS queue",
    group: Group::Sqs,
    help: "Hides a message while a consumer works on it. If the message is not deleted in time, it comes back.",
    role: Role::Member { host: "sqs" },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["publish", "redrive", "console"],
            help: "Producers, and queues whose dead letters come here.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["subscription"],
            help: "Consumers. They ask for messages and share them.",
        },
        PortSpec {
            name: "dead",
            port: Port(2),
            direction: Direction::Out,
            wires: &["redrive"],
            help: "The queue for messages that were received too often.",
        },
    ],
    params: &[
        ParamSpec::new(
            "FifoQueue",
            "FIFO queue",
            ParamType::Toggle,
            "false",
            "Keeps order in each message group and stores a message only once in five minutes. The routing key of a \
             message is its MessageGroupId.",
        )
        .source("SQS API Reference: CreateQueue"),
        seconds(
            "VisibilityTimeout",
            "Visibility timeout",
            (0, 43_200),
            "\"30s\"",
            "How long a received message is hidden from other receives. Whole seconds.",
        )
        .source("SQS Developer Guide: Visibility timeout, 0 s to 12 h"),
        seconds(
            "MessageRetentionPeriod",
            "Retention",
            (60, 1_209_600),
            "\"4d\"",
            "How long a message is kept, whether it was received or not.",
        )
        .source("SQS API Reference: SetQueueAttributes, 60 s to 14 d"),
        seconds("DelaySeconds", "Delay", (0, 900), "\"0s\"", "How long a new message can't be received.")
            .source("SQS Developer Guide: Delay queues, 0 to 15 min"),
        seconds(
            "ReceiveMessageWaitTimeSeconds",
            "Receive wait time",
            (0, 20),
            "\"0s\"",
            "How long a receive waits for a message if it does not say so itself. 0: short polling.",
        )
        .source("SQS Developer Guide: Short and long polling, 0 to 20 s"),
        ParamSpec::new(
            "MaximumMessageSize",
            "Greatest message",
            ParamType::Integer { min: 1024, max: 1_048_576 },
            "1048576",
            "Body and attributes of a greater message are refused.",
        )
        .unit("bytes")
        .source("SQS API Reference: SetQueueAttributes, 1 KiB to 1 MiB"),
        ParamSpec::new(
            "ContentBasedDeduplication",
            "Content-based deduplication",
            ParamType::Toggle,
            "false",
            "FIFO only: a message without a MessageDeduplicationId is known by the SHA-256 of its body.",
        )
        .source("SQS API Reference: CreateQueue"),
        ParamSpec::new(
            "DeduplicationScope",
            "Deduplication scope",
            ParamType::Choice(&[("queue", "The queue"), ("messageGroup", "Each message group")]),
            "\"queue\"",
            "FIFO only: where the same deduplication id counts as the same message.",
        )
        .source("SQS Developer Guide: High throughput for FIFO queues"),
        ParamSpec::new(
            "FifoThroughputLimit",
            "Throughput limit",
            ParamType::Choice(&[("perQueue", "For the queue"), ("perMessageGroupId", "For each message group")]),
            "\"perQueue\"",
            "FIFO only: what the quota counts. Quotas are not reproduced, so it changes nothing here.",
        )
        .source("SQS Developer Guide: High throughput for FIFO queues"),
        chance(
            "reorder",
            "Out of order",
            "Standard queues only: how often a receive takes one of the next ten messages instead of the first. The \
             service keeps order as well as it can and promises none.",
        )
        .source("SQS Developer Guide: Standard queues, best-effort ordering"),
        chance(
            "duplicate",
            "Received twice",
            "Standard queues only: how often a received message can be received again at once, because a server that \
             keeps a copy did not hear of the receive.",
        )
        .source("SQS Developer Guide: Standard queues, at-least-once delivery"),
        chance(
            "short_poll_misses",
            "Missed by short polls",
            "Standard queues only: how often a short poll does not see a message that is there, because it asks only \
             some of the servers.",
        )
        .source("SQS Developer Guide: Short and long polling"),
    ],
    commands: &[],
};

/// From a queue to the queue for its dead letters.
pub const REDRIVE_WIRE: WireKind = WireKind {
    name: "redrive",
    label: "Dead letters",
    help: "A message that was received too often goes there at its next receive. A FIFO queue needs a FIFO queue.",
    link: false,
    params: &[ParamSpec::new(
        "maxReceiveCount",
        "Receives at most",
        ParamType::Integer { min: 1, max: 1000 },
        "3",
        "A message that was received so often is not handed out again; the next receive moves it.",
    )
    .source("SQS Developer Guide: Dead-letter queues, maxReceiveCount 1 to 1000")],
};
