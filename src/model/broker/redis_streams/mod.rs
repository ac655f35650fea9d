//! Redis Streams: one Redis 7.0.15 server with streams, consumer groups, and the commands for them.
//!
//! Here live the server as a state machine (`server.rs`), its keys (`store.rs`), streams and groups (`stream.rs`,
//! `trim.rs`, `lag.rs`, `group.rs`), what survives a crash (`persistence.rs`, `loss.rs`), those who are blocked
//! (`waiting.rs`), what happens in a drawing (`kinds.rs`, `drawing.rs`, `traffic.rs`) and the commands (`console`). Its
//! words and its fidelity sheet are in `profile/redis_streams.rs`.
//!
//! What does not live here: links, the trace, and the host as a component. Replication, clusters, other data types,
//! access control, scripts and memory policies are left out; the fidelity sheet says so line by line.

use crate::vocabulary::Settings;

use super::server::Server;

mod arguments;
mod books;
pub mod console;
mod drawing;
mod fields;
mod group;
mod id;
mod inside;
mod inspect;
mod kinds;
mod lag;
mod loss;
mod node;
mod persistence;
mod reader;
mod replicas;
mod server;
mod shelf;
mod store;
mod stream;
mod traffic;
mod trim;
mod waiting;

pub use kinds::{GIVE_UP_WIRE, HOST, HOST_PARAMS, SERVER, STREAM, STREAM_GROUP};
pub use server::RedisStreams;

/// A server with these settings: those of [`HOST_PARAMS`].
pub fn server(settings: &Settings) -> Box<dyn Server> {
    Box::new(RedisStreams::new(settings))
}
