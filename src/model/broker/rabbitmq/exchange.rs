//! The exchange: where messages enter a broker, and are copied to the queues that are bound to it.
//!
//! Reproduces: RabbitMQ 3.10 exchanges of the types direct, fanout and topic, and bindings between exchanges
//! (rabbitmq.com, "AMQP 0-9-1 Model Explained", "Exchange to Exchange Bindings"). The matching is in
//! `router.rs`. An exchange keeps no messages, so `durable` decides only whether a restarted broker still
//! knows it; here the drawing declares it again at once, as clients do when they connect.
//!
//! Leaves out: headers exchanges, alternate exchanges, internal and auto-delete exchanges, the mandatory flag. A type
//! that is changed in a run acts as if the exchange were deleted and declared again with its bindings; RabbitMQ would
//! refuse the second declaration with 406.

use crate::kernel::Port;
use crate::vocabulary::Settings;

use super::router::ExchangeType;
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role};

/// The exchange in palette, forms and validation.
pub const KIND: NodeKind = NodeKind {
    name: "exchange",
    label: "Exchange",
    group: Group::RabbitMq,
    help: "Takes messages and sends a copy of each to every queue that is bound to it with a matching key.",
    role: Role::Member { host: "broker" },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["publish", "binding", "console"],
            help: "Messages from producers, or from another exchange that is bound to this one.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["binding"],
            help: "Bindings to queues and to other exchanges.",
        },
    ],
    params: &[
        ParamSpec::new(
            "type",
            "Type",
            ParamType::Choice(&[("direct", "Direct"), ("fanout", "Fanout"), ("topic", "Topic")]),
            "\"direct\"",
            "How a message finds its queues. Direct: the routing key equals the binding key. Fanout: all bound queues. \
             Topic: the routing key matches the pattern of the binding.",
        )
        .source("RabbitMQ 3.10: direct is the type that clients declare by default"),
        ParamSpec::new(
            "durable",
            "Durable",
            ParamType::Toggle,
            "true",
            "Whether the broker remembers the exchange when it restarts. What is drawn is declared again by its \
             clients in any case, so it makes a difference only to what the inspector says.",
        )
        .source("RabbitMQ 3.10: exchange.declare, durable"),
    ],
    commands: &[],
};

/// The type that the settings of an exchange name.
pub fn exchange_type(settings: &Settings) -> ExchangeType {
    match &*settings.text("type") {
        "fanout" => ExchangeType::Fanout,
        "topic" => ExchangeType::Topic,
        _ => ExchangeType::Direct,
    }
}
