//! RabbitMQ: exchanges, bindings and queues, as spoken to with AMQP 0-9-1.
//!
//! Here live the [`server`] with its [`router`] and its queues, the kinds of its parts on the canvas ([`BROKER`],
//! [`exchange`], [`queue`]) and of the wires between them. What the product promises, with sources, is in
//! `profile/rabbitmq.rs`; the component that carries what the server says into a run is `broker.rs`.

use crate::model::broker::broker::Host;
use crate::model::broker::profile;
use crate::model::kind::{Group, NodeKind, ParamSpec, ParamType, Role, WireKind};
use crate::vocabulary::Duration;

mod arguments;
mod channel;
mod console;
mod consumers;
mod death;
mod due;
pub mod exchange;
mod hosted;
mod inspect;
mod matcher;
pub mod queue;
mod ready;
mod recovery;
mod router;
pub mod server;
mod settle;
mod topic;
mod traffic;
mod turns;
mod unburied;
mod values;

/// How long a consumer may hold a message unless it is set. RabbitMQ 3.10: `consumer_timeout`.
pub const CONSUMER_TIMEOUT: Duration = Duration::from_secs(1_800);

/// The broker in palette, forms and validation.
pub const BROKER: NodeKind = NodeKind {
    name: "broker",
    label: "Broker",
    group: Group::RabbitMq,
    help: "Hosts exchanges and queues. When it crashes, they go down with it.",
    role: Role::Component(|settings| Host::component(&profile::rabbitmq::PROFILE, settings)),
    ports: &[],
    params: &[
        ParamSpec::new(
            "version",
            "Version",
            ParamType::Choice(&[("3.10", "RabbitMQ 3.10"), ("4.0", "RabbitMQ 4.0"), ("4.3", "RabbitMQ 4.3")]),
            "\"3.10\"",
            "The version whose behaviour is reproduced. The versions differ in quorum queues and dead letters. A queue that \
             is drawn keeps what it had when this is changed.",
        )
        .source("RabbitMQ: \"Quorum Queues\", redelivery and delivery limits of 3.10, 4.0 and 4.3"),
        ParamSpec::new(
            "consumer_timeout",
            "Acknowledgement timeout",
            ParamType::Duration { min: Duration::from_secs(1), max: Duration::from_secs(86_400) },
            "\"30m\"",
            "How long a consumer may hold a message. Then its channel is closed, and everything it holds goes back to the \
             queues.",
        )
        .source("RabbitMQ 3.10: \"Consumers\", consumer_timeout = 1800000"),
        ParamSpec::new(
            "sync_time",
            "Write to disk",
            ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(60) },
            "\"200ms\"",
            "How long it takes at normal speed until a message is on disk. That is part of the latency of the link; when \
             the broker is slowed down, confirms of persistent messages wait as much longer as the disk takes: at 300 % \
             another two times this.",
        )
        .source("RabbitMQ 3.10: \"Consumer Acknowledgements and Publisher Confirms\", a few hundred milliseconds; queues sync every 200 ms"),
    ],
    commands: &[],
};

/// From an exchange to a queue, or to another exchange.
pub const BINDING_WIRE: WireKind = WireKind {
    name: "binding",
    label: "Binding",
    help: "The exchange sends a copy of each message whose routing key matches one of the binding's keys.",
    link: false,
    params: &[
        ParamSpec::new(
            "keys",
            "Binding keys",
            ParamType::List { items_max: 32, text_max: 255 },
            "[]",
            "A direct exchange compares whole keys. A topic exchange splits keys at dots: * is one word, # any number of \
             words. A fanout or headers exchange ignores them. Without keys, a direct exchange sends what has the target's \
             name or the empty text as its key, and a topic exchange sends everything, so that a fresh binding works.",
        )
        .source("RabbitMQ 3.10: exchange types direct, fanout and topic (\"AMQP 0-9-1 Model Explained\")"),
        ParamSpec::new(
            "arguments",
            "Headers to match",
            ParamType::List { items_max: 16, text_max: 255 },
            "[]",
            "For a headers exchange: what the headers of a message are compared with, each written name=value. The types \
             must be the same: 1 is a number, \"1\" in double quotes a text. A name alone asks only for presence.",
        )
        .source("RabbitMQ 3.10: rabbit_exchange_type_headers"),
        ParamSpec::new(
            "match",
            "Matches if",
            ParamType::Choice(&[
                ("all", "All fit"),
                ("any", "Any fits"),
                ("all-with-x", "All fit, x- included"),
                ("any-with-x", "Any fits, x- included"),
            ]),
            "\"all\"",
            "For a headers exchange: how many of them have to fit. Names that begin with x- do not count, unless they are \
             included. With none that counts, all fits every message and any fits none.",
        )
        .source("RabbitMQ 3.10: x-match, all unless it is set"),
    ],
};

/// From a queue to the exchange or queue that gets its dead letters.
pub const DEAD_LETTER_WIRE: WireKind = WireKind {
    name: "dead_letter",
    label: "Dead letters",
    help: "Messages that the queue gives up are published again: to this exchange, or through the default exchange to \
           this queue.",
    link: false,
    params: &[ParamSpec::new(
        "routing_key",
        "Routing key",
        ParamType::Text { max: 255 },
        "\"\"",
        "The routing key of the dead letters; empty: the one that the message has. To a queue they go with its name.",
    )
    .source("RabbitMQ 3.10: \"Dead Letter Exchanges\", x-dead-letter-routing-key")],
};
