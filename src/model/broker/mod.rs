//! Message brokers: what takes messages from producers and hands them to consumers.
//!
//! Here live the [`broker`] component, the kinds of its members ([`exchange`], [`queue`]), the [`mechanism`]s that a
//! broker is made of (a router, a queue) and the [`profile`]s that say which mechanisms a product uses, in which words
//! and with which defaults. Producers and consumers live in `model/client`; links and faults are the kernel's.
//!
//! To add a broker product, write `profile/<product>.rs` and name it in `profile::PROFILES`. To add behaviour to the
//! queue, write it in `mechanism/` as plain data without a context, so that it can be tested alone; the component
//! around it turns what the mechanism decides into facts and frames.

use super::kind::{ParamSpec, ParamType, WireKind};

// The component is the broker of the folder "broker"; another name would only be less clear.
#[allow(clippy::module_inception)]
pub mod broker;
pub mod console;
pub mod exchange;
pub mod mechanism;
mod operation;
pub mod profile;
pub mod queue;
mod recovery;
pub mod server;
pub mod sqs;
mod traffic;
pub mod words;

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
