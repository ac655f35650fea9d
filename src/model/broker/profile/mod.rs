//! Broker products: their words, defaults and guarantees as data, each with its source.
//!
//! Here lives nothing that runs; a profile names the server that does.
//!
//! To add a product, write its file and name it in [`PROFILES`].

use crate::vocabulary::Settings;

use super::server::{Server, Word};

pub mod kafka;
pub mod pubsub;
pub mod rabbitmq;
pub mod redis_streams;
pub mod sqs;

/// A statement about a product, with its source.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// What it is about: a general word, the name of a setting, or a promise.
    pub subject: &'static str,
    /// What the product says: its own word, the default value, or how far the promise goes.
    pub says: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

/// How far a behaviour of the real product is reproduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// As in the product.
    Modelled,
    /// In a simpler way; the statement says which.
    Simplified,
    /// Not at all.
    LeftOut,
}

/// One line of a fidelity sheet.
#[derive(Clone, Copy, Debug)]
pub struct Fidelity {
    /// The part of the product: `Routing`, `Dead letters`, `Offsets`.
    pub section: &'static str,
    /// The behaviour, as one sentence.
    pub behaviour: &'static str,
    /// How far it is reproduced.
    pub coverage: Coverage,
    /// Where the behaviour is written or was recorded.
    pub source: &'static str,
    /// The name of the test function that checks it; empty only for what is left out.
    pub test: &'static str,
}

/// A statement, on one line of a profile.
const fn states(subject: &'static str, says: &'static str, source: &'static str) -> Statement {
    Statement { subject, says, source }
}

/// A line of a fidelity sheet, on one line of a profile.
const fn line(
    section: &'static str,
    behaviour: &'static str,
    coverage: Coverage,
    source: &'static str,
    test: &'static str,
) -> Fidelity {
    Fidelity { section, behaviour, coverage, source, test }
}

/// A word of a console, on one line of a profile.
const fn word(name: &'static str, usage: &'static str, help: &'static str) -> Word {
    Word { name, usage, help }
}

/// A broker product.
#[derive(Debug)]
pub struct Profile {
    /// Its name in documents.
    pub name: &'static str,
    /// Its name on the page.
    pub label: &'static str,
    /// The kind of node that hosts it.
    pub host: &'static str,
    /// The version whose behaviour is reproduced.
    pub version: &'static str,
    // These are long and seldom read. Behind functions they are loaded when somebody asks for them.
    terms: fn() -> &'static [Statement],
    defaults: fn() -> &'static [Statement],
    guarantees: fn() -> &'static [Statement],
    fidelity: fn() -> &'static [Fidelity],
    words: fn() -> &'static [Word],
    /// Makes the product's server, for the settings of its node.
    pub server: fn(&Settings) -> Box<dyn Server>,
}

impl Profile {
    /// Its own words for the general ones.
    pub fn terms(&self) -> &'static [Statement] {
        (self.terms)()
    }

    /// Its defaults.
    pub fn defaults(&self) -> &'static [Statement] {
        (self.defaults)()
    }

    /// What it promises, and under which condition.
    pub fn guarantees(&self) -> &'static [Statement] {
        (self.guarantees)()
    }

    /// What is reproduced and what is not.
    pub fn fidelity(&self) -> &'static [Fidelity] {
        (self.fidelity)()
    }

    /// The words of its console.
    pub fn words(&self) -> &'static [Word] {
        (self.words)()
    }
}

/// Every product.
pub const PROFILES: &[&Profile] =
    &[&rabbitmq::PROFILE, &kafka::PROFILE, &sqs::PROFILE, &redis_streams::PROFILE, &pubsub::PROFILE];

/// The product of this name; the first one if there is none.
pub fn profile(name: &str) -> &'static Profile {
    PROFILES.iter().copied().find(|profile| profile.name == name).unwrap_or(&rabbitmq::PROFILE)
}
