//! Broker products: their words, defaults and guarantees as data, each with its source, and the mechanisms that they
//! are made of.
//!
//! Here lives nothing that runs. The difference between two products is the difference between two short files.
//!
//! To add a product, write its file, name it in [`PROFILES`], and add the mechanisms that it needs beside the others.

use super::server::Word;

pub mod rabbitmq;
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

/// How a product keeps messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageMechanism {
    /// `mechanism/queue.rs`: a message is forgotten when it is acknowledged.
    ClassicQueue,
}

/// How a product finds the place for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingMechanism {
    /// `mechanism/router.rs`: exchanges and bindings.
    Exchanges,
}

/// A broker product.
#[derive(Debug)]
pub struct Profile {
    /// Its name in documents.
    pub name: &'static str,
    /// Its name on the page.
    pub label: &'static str,
    /// The version whose behaviour is reproduced.
    pub version: &'static str,
    /// Its own words for the general ones.
    pub terms: &'static [Statement],
    /// Its defaults.
    pub defaults: &'static [Statement],
    /// What it promises, and under which condition.
    pub guarantees: &'static [Statement],
    /// What is reproduced and what is not.
    pub fidelity: &'static [Fidelity],
    /// The words of its console.
    pub words: &'static [Word],
    /// How messages find their place.
    pub routing: RoutingMechanism,
    /// How they are kept there.
    pub storage: StorageMechanism,
}

/// Every product.
pub const PROFILES: &[&Profile] = &[&rabbitmq::PROFILE];

/// The product of this name; the first one if there is none.
pub fn profile(name: &str) -> &'static Profile {
    PROFILES.iter().copied().find(|profile| profile.name == name).unwrap_or(&rabbitmq::PROFILE)
}
