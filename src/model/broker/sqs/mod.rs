//! Amazon SQS: standard and FIFO queues.
//!
//! Here live the state machine ([`Sqs`]) and what it is made of: what a queue keeps (`store`, with the message `groups`
//! of FIFO queues), its attributes, the deduplication window, sending, receiving, the console. What the product promises
//! and how far it is reproduced is in `profile/sqs.rs`. Facts, links and time are the host's.
//!
//! To add an action of the API, write it in `console.rs` and name it in `WORDS` of the profile.

mod answer;
mod attributes;
mod console;
mod deduplication;
mod groups;
mod inside;
mod kind;
mod receive;
mod send;
mod server;
mod sha256;
mod store;

use super::broker::Host;
use super::profile;
use super::server::Server;
use crate::model::kind::{Group, NodeKind, Role};
use crate::vocabulary::Settings;

pub use kind::{QUEUE, REDRIVE_WIRE};
pub use server::Sqs;

/// The service in palette, forms and validation.
pub const SERVICE: NodeKind = NodeKind {
    name: "sqs",
    label: "SQS service",
    group: Group::Sqs,
    help: "Hosts queues. When it is down, its queues can't be reached.",
    role: Role::Component(|settings| Host::component(&profile::sqs::PROFILE, settings)),
    ports: &[],
    params: &[],
    commands: &[],
};

/// The service without queues.
pub fn server(_: &Settings) -> Box<dyn Server> {
    Box::new(Sqs::default())
}
