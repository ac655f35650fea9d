//! The simulated parts. Each folder is a domain; sibling folders do not import each other.
//!
//! [`kind`] says what palette, forms and validation know of a part. Here is the list of all kinds. A part knows no
//! position, no colour and no page text but its help, and addresses no other node: it sends to ports.
//!
//! To add a kind, write its file with a component and a `KIND`, and name it in [`KINDS`].

pub mod broker;
pub mod checker;
pub mod client;
pub mod kind;

pub use kind::{Group, NodeKind, ParamSpec, ParamType, PortSpec, Role, WireKind};

/// Every kind of node, in the order of the palette.
pub const KINDS: &[&NodeKind] = &[
    &client::producer::KIND,
    &client::consumer::KIND,
    &client::console::KIND,
    &broker::rabbitmq::exchange::KIND,
    &broker::rabbitmq::queue::KIND,
    &broker::rabbitmq::BROKER,
    &broker::kafka::TOPIC_KIND,
    &broker::kafka::GROUP_KIND,
    &broker::kafka::CLUSTER_KIND,
    &broker::sqs::QUEUE,
    &broker::sqs::SERVICE,
    &broker::redis_streams::STREAM,
    &broker::redis_streams::STREAM_GROUP,
    &broker::redis_streams::SERVER,
    &broker::pubsub::TOPIC,
    &broker::pubsub::SUBSCRIPTION,
    &broker::pubsub::SERVICE,
];

/// Every kind of wire.
pub const WIRE_KINDS: &[&WireKind] = &[
    &client::PUBLISH_WIRE,
    &broker::rabbitmq::BINDING_WIRE,
    &client::SUBSCRIPTION_WIRE,
    &broker::rabbitmq::DEAD_LETTER_WIRE,
    &client::CONSOLE_WIRE,
    &broker::READS_WIRE,
    &broker::sqs::REDRIVE_WIRE,
    &broker::redis_streams::GIVE_UP_WIRE,
    &broker::pubsub::FORWARD_WIRE,
];

/// The kind of node of this name.
pub fn node_kind(name: &str) -> Option<&'static NodeKind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// The kind of wire of this name.
pub fn wire_kind(name: &str) -> Option<&'static WireKind> {
    WIRE_KINDS.iter().copied().find(|kind| kind.name == name)
}
