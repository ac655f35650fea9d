//! Redis Streams.
use super::{Fidelity, Profile};
use crate::model::broker::server::Word;
use crate::model::broker::redis_streams;

/// Redis Streams.
pub const PROFILE: Profile = Profile {
    name: "redis_streams",
    label: "Redis Streams",
    host: redis_streams::HOST,
    version: "7.0.15",
    terms: &[],
    defaults: &[],
    guarantees: &[],
    fidelity: FIDELITY,
    words: WORDS,
    server: redis_streams::server,
};

/// F
pub const FIDELITY: &[Fidelity] = &[];
/// W
pub const WORDS: &[Word] = &[];
