//! Message brokers: what takes messages from producers and hands them to consumers.
//!
//! Here live what every product has in common: the [`server`] that a product is, the component in [`broker`] that puts
//! it into a run, the [`console`] that drives it line by line, the [`mechanism`]s that several products share, and the
//! [`profile`]s with its words, defaults and promises. Each product has a folder of its own. Producers and consumers live
//! in `model/client`; links and faults are the kernel's.
//!
//! To add a broker product, implement `Server` in a folder beside the others, write `profile/<product>.rs` and name it
//! in `profile::PROFILES`.

use super::kind::WireKind;

// The component is the broker of the folder "broker"; another name would only be less clear.
#[allow(clippy::module_inception)]
pub mod broker;
pub mod command;
pub mod console;
pub mod kafka;
mod late;
pub mod mechanism;
mod operation;
pub mod profile;
pub mod pubsub;
pub mod rabbitmq;
pub mod redis_streams;
pub mod server;
pub mod sqs;
pub mod words;

/// From a log to those who read it together: a Kafka topic to a group, a Redis stream to a group, a Pub/Sub topic to a
/// subscription.
pub const READS_WIRE: WireKind = WireKind {
    name: "reads",
    label: "Reads",
    help: "What is written at one end is read, by its own position, at the other.",
    link: false,
    params: &[],
};
