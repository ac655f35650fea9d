//! RabbitMQ: exchanges, bindings and queues, as spoken to with AMQP 0-9-1.
//!
//! Here live the [`server`] with its [`router`] and its queues, the kinds of its parts on the canvas ([`BROKER`],
//! [`exchange`], [`queue`]) and of the wires between them. What the product promises, with sources, is in
//! `profile/rabbitmq.rs`; the component that carries what the server says into a run is `broker.rs`.

use crate::model::broker::broker::Host;
use crate::model::broker::profile;
use crate::model::kind::{Group, NodeKind, ParamSpec, ParamType, Role, WireKind};

mod classic;
pub mod exchange;
pub mod queue;
mod recovery;
mod router;
pub mod server;
mod topic;
mod traffic;

/// The broker in palette, forms and validation.
pub const BROKER: NodeKind = NodeKind {
    name: "broker",
    label: "Broker",
    group: Group::RabbitMq,
    help: "Hosts exchanges and queues. When it crashes, they go down with it.",
    role: Role::Component(|settings| Host::component(&profile::rabbitmq::PROFILE, settings)),
    ports: &[],
    params: &[ParamSpec::new(
        "version",
        "Version",
        ParamType::Choice(&[("3.10", "RabbitMQ 3.10"), ("4.0", "RabbitMQ 4.0"), ("4.3", "RabbitMQ 4.3")]),
        "\"3.10\"",
        "The version whose behaviour is reproduced. The versions differ in quorum queues and dead letters.",
    )
    .source("RabbitMQ: \"Quorum Queues\", redelivery and delivery limits of 3.10, 4.0 and 4.3")],
    commands: &[],
};

/// From an exchange to a queue, or to another exchange.
pub const BINDING_WIRE: WireKind = WireKind {
    name: "binding",
    label: "Binding",
    help: "The exchange sends a copy of each message whose routing key matches one of the binding's keys.",
    link: false,
    params: &[ParamSpec::new(
        "keys",
        "Binding keys",
        ParamType::List { items_max: 32, text_max: 255 },
        "[]",
        "A direct exchange compares whole keys. A topic exchange splits keys at dots: * is one word, # any number of \
         words. A fanout exchange ignores them. Without keys, a direct exchange sends what has the target's name or \
         the empty text as its key, and a topic exchange sends everything, so that a fresh binding works.",
    )
    .source("RabbitMQ 3.10: exchange types direct, fanout and topic (\"AMQP 0-9-1 Model Explained\")")],
};
