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
mod kind;
mod receive;
mod send;
mod server;
mod sha256;
mod store;

use super::server::Server;
use crate::vocabulary::Settings;

pub use kind::{DEAD_LETTER_WIRE, HOST_PARAMS, QUEUE};
pub use server::Sqs;

/// The service without queues.
pub fn server(_: &Settings) -> Box<dyn Server> {
    Box::new(Sqs::default())
}
