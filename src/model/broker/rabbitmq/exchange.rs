//! The exchange: where messages enter a broker, and are copied to the queues that are bound to it.
//!
//! Reproduces: RabbitMQ 3.10 exchanges of the types direct, fanout, topic and headers, bindings between exchanges, and
//! alternate exchanges (rabbitmq.com, "AMQP 0-9-1 Model Explained", "Exchange to Exchange Bindings", "Alternate
//! Exchanges"). The matching is in `matcher.rs`, the way through several exchanges in `router.rs`. An exchange keeps no
//! messages, so `durable` decides only whether a restarted broker still knows it; here the drawing declares it again at
//! once, as clients do when they connect.
//!
//! Leaves out: drawing internal and auto-delete exchanges, which a console can declare. A type that is changed in a run
//! acts as if the exchange were deleted and declared again with its bindings; RabbitMQ would refuse the second
//! declaration with 406.

use crate::kernel::Port;
use crate::vocabulary::Settings;

use super::matcher::ExchangeType;
use super::router::ExchangeSpec;
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
            wires: &["publish", "binding", "dead_letter", "console"],
            help: "Messages from producers, from another exchange that this one is bound to, or dead letters of a queue.",
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
            ParamType::Choice(&[("direct", "Direct"), ("fanout", "Fanout"), ("topic", "Topic"), ("headers", "Headers")]),
            "\"direct\"",
            "How a message finds its queues. Direct: the routing key equals the binding key. Fanout: all bound queues. \
             Topic: the routing key matches the pattern of the binding. Headers: the headers fit the arguments of the \
             binding.",
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
        ParamSpec::new(
            "alternate_exchange",
            "Alternate exchange",
            ParamType::Text { max: 255 },
            "\"\"",
            "The name of the exchange that gets, with its routing key unchanged, what this one finds no queue for. Empty: \
             none, and such a message is dropped.",
        )
        .source("RabbitMQ 3.10, \"Alternate Exchanges\": alternate-exchange"),
    ],
    commands: &[],
};

/// The declaration that a drawn exchange stands for.
pub fn exchange_spec(settings: &Settings) -> ExchangeSpec {
    ExchangeSpec {
        kind: ExchangeType::named(&settings.text("type")).unwrap_or(ExchangeType::Direct),
        is_durable: settings.toggle("durable"),
        is_auto_delete: false,
        is_internal: false,
        alternate: Some(settings.text("alternate_exchange")).filter(|name| !name.is_empty()),
    }
}
