//! The saved thing: what a person draws, how it changes, whether it makes sense, and how it becomes a run.
//!
//! | module | what lives there |
//! | --- | --- |
//! | [`document`] | the drawing as plain data |
//! | [`identity`] | ids: their form, and how new ones are made |
//! | [`limits`] | the fixed bounds of a document |
//! | [`edit`] | every change that can be made to a document; applying one returns its inverse |
//! | [`connect`] | which wire fits between two nodes, and why not |
//! | [`validate`] | everything that is wrong or unfinished in a document, as [`problem`]s with a place |
//! | [`codec`], [`migrate`], [`schema`] | documents as JSON text: reading, writing, old formats, the JSON Schema |
//! | [`instantiate`] | a document as a running simulation, and how the run follows later edits |
//! | [`switch`] | the same drawing on another broker product, and what that means |
//! | [`compare`] | what came of two runs, and in what they differ |
//! | [`library`] | the ready scenarios |
//!
//! What does not live here: how a part behaves (`model`), how a drawing looks (`diagram`), and what was undone, saved
//! or selected (`session`).
//!
//! To add a ready scenario, write `library/<id>.json` and name it in [`library::ALL`]; it then appears in the gallery
//! and the terminal, and the tests validate it, run it and check that it is written in the canonical form.

pub mod codec;
pub mod compare;
mod complete;
pub mod connect;
pub mod document;
pub mod edit;
pub mod identity;
pub mod instantiate;
pub mod library;
pub mod limits;
pub mod migrate;
pub mod problem;
mod reader;
#[cfg(not(target_arch = "wasm32"))]
pub mod schema;
pub mod switch;
pub mod validate;
mod writer;

pub use codec::{decode, encode, DecodeError};
pub use connect::{check_connection, Refusal, ResolvedConnection};
pub use document::{Document, FaultKind, Node, PlannedFault, Wire, FORMAT};
pub use edit::{Edit, EditError};
pub use identity::fresh_id;
pub use instantiate::{FaultDeed, Intervention, Run, Summary};
pub use problem::{Problem, Severity};
pub use validate::validate;
