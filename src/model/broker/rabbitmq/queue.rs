//! The queue: where messages wait for consumers.
//!
//! Reproduces: RabbitMQ 3.10 classic queues (rabbitmq.com, "Queues", "Classic Queues"). How it orders, hands out and
//! takes back is in `queue.rs`; what survives a restart is in `recovery.rs`.
//!
//! Leaves out: time to live, length limits, dead letters, priorities, exclusive and auto-delete queues, lazy mode,
//! quorum queues and streams.

use crate::kernel::Port;
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role};

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
            wires: &["publish", "binding", "console"],
            help: "Bindings from exchanges; or a producer, which then publishes to the default exchange with the \
                   queue's name as the key.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["subscription"],
            help: "Consumers, each served in turn.",
        },
    ],
    params: &[ParamSpec::new(
        "durable",
        "Durable",
        ParamType::Toggle,
        "true",
        "A durable queue keeps its persistent messages when the broker restarts. Any other queue comes back empty.",
    )
    .source("RabbitMQ 3.10: \"Queues\", durability")],
    commands: &[],
};
