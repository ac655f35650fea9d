//! Google Cloud Pub/Sub: topics and subscriptions.
//!
//! Here live the state machine ([`PubSub`]) and what it is made of: what a subscription keeps (`store`), its properties
//! (`config`, with the `filter`), publishing, delivering, acknowledging, seeking, the console. What the product promises
//! and how far it is reproduced is in `profile/pubsub.rs`. Facts, links and time are the host's.
//!
//! To add an operation, write it in `console.rs` and name it in `WORDS` of the profile.

mod acknowledge;
mod answer;
mod config;
mod console;
mod deliver;
pub mod filter;
mod inside;
mod inspect;
mod kind;
mod publish;
mod seek;
mod server;
mod store;

use super::broker::Host;
use super::profile;
use super::server::Server;
use crate::model::kind::{Group, NodeKind, ParamSpec, ParamType, Role};
use crate::vocabulary::{Duration, Settings};

pub use kind::{FORWARD_WIRE, SUBSCRIPTION, TOPIC};
pub use server::PubSub;

/// The service in palette, forms and validation.
pub const SERVICE: NodeKind = NodeKind {
    name: "pubsub",
    label: "Pub/Sub service",
    group: Group::PubSub,
    help: "Hosts topics and subscriptions. When it is down, they can't be reached.",
    role: Role::Component(|settings| Host::component(&profile::pubsub::PROFILE, settings)),
    ports: &[],
    params: HOST_PARAMS,
    commands: &[],
};

/// The parameters of the service.
const HOST_PARAMS: &[ParamSpec] = &[ParamSpec::new(
    "service_time",
    "Time of an answer",
    ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(60) },
    "\"100ms\"",
    "How long the service takes for an answer at normal speed. That is part of the latency of the link; when the service \
     is slowed down, every answer takes as much longer: at 300 % another two times this.",
)
.source("Pub/Sub documentation, \"What is Pub/Sub?\": latencies on the order of 100 milliseconds")];

/// The service without topics.
pub fn server(settings: &Settings) -> Box<dyn Server> {
    Box::new(PubSub::new(settings))
}
