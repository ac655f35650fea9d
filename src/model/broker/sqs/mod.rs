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
use crate::model::kind::{Group, NodeKind, ParamSpec, ParamType, Role};
use crate::vocabulary::{Duration, Settings};

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
    params: HOST_PARAMS,
    commands: &[],
};

/// The parameters of the service.
const HOST_PARAMS: &[ParamSpec] = &[ParamSpec::new(
    "service_time",
    "Time of an answer",
    ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(60) },
    "\"20ms\"",
    "How long the service takes for an answer at normal speed. That is part of the latency of the link; when the service \
     is slowed down, every answer takes as much longer: at 300 % another two times this.",
)
.source("Amazon SQS FAQs: \"tens or low hundreds of milliseconds\" for SendMessage, ReceiveMessage and DeleteMessage")];

/// The service without queues.
pub fn server(settings: &Settings) -> Box<dyn Server> {
    Box::new(Sqs::new(settings))
}
