//! Parts outside the broker: those that make messages and those that handle them.

use super::kind::{WireKind, LINK_PARAMS};

pub mod console;
pub mod consumer;
pub mod producer;

/// From a producer to an exchange, or straight to a queue through the default exchange.
pub const PUBLISH_WIRE: WireKind = WireKind {
    name: "publish",
    label: "Publishing connection",
    help: "Messages travel from the producer to the broker.",
    link: true,
    params: &LINK_PARAMS,
};

/// From a queue to a consumer.
pub const SUBSCRIPTION_WIRE: WireKind = WireKind {
    name: "subscription",
    label: "Subscription",
    help: "The consumer subscribes to the queue; deliveries travel to it and acknowledgements back.",
    link: true,
    params: &LINK_PARAMS,
};

/// From a console to anything inside a broker.
pub const CONSOLE_WIRE: WireKind = WireKind {
    name: "console",
    label: "Console connection",
    help: "Operations travel to the broker, answers and deliveries back.",
    link: true,
    params: &LINK_PARAMS,
};
