//! Patchbay: a playground for the ways data flows in distributed systems.
//!
//! # Architecture
//!
//! A **document** is instantiated into a **simulation** of **components**; stepping it writes **trace events**;
//! **diagrams** are pure functions of document, trace and view state; **edits** change the document and
//! **interventions** change the run, both logged, so that everything replays.
//!
//! | layer | module | what lives there |
//! | --- | --- | --- |
//! | 0 | [`vocabulary`] | the shared words as plain data: time, ids, messages, settings, facts |
//! | 1 | [`kernel`] | the deterministic discrete-event engine; it carries messages and never reads them |
//! | 2 | [`model`] | the simulated parts: clients and brokers; folders of one domain do not import another's |
//! | 3 | [`scenario`] | the saved thing: document, edits, validation, text form, instantiation, ready scenarios |
//! | 4 | [`diagram`] | drawings as data: topology, sequence, chart, story, SVG |
//! | 5 | [`session`] | the living app without a screen: actions, effects, undo, gestures |
//! | 6 | [`embed`], `ui`, `terminal` | the JavaScript package, the page (wasm only), the terminal program (native only) |
//!
//! A module imports only from lower layers; `tests/tidy.rs` holds the `use crate::` lines against this table.
//!
//! # Invariants
//!
//! - A run is exactly (document, seed, interventions). Events are ordered by (time, sequence number). There is no ambient
//!   time and no ambient randomness, and no hash map is iterated, so native code and WebAssembly give the same digest.
//! - One random stream per node and per link, named after its id: one part more leaves the draws of the others alone.
//! - Nothing grows without a bound; the bounds and their reasons are in [`kernel::limits`] and [`scenario::limits`].
//! - The kernel matches on no message, models know no positions, diagrams call no simulation, the session touches no page,
//!   and the page changes nothing but by an [`session::Action`].
//!
//! # Where to add things
//!
//! | to add | write | and name it in |
//! | --- | --- | --- |
//! | a kind of node | `model/<domain>/x.rs` with a component and its `KIND` | [`model::KINDS`] |
//! | a broker profile | `model/broker/profile/x.rs` | [`model::broker`] |
//! | a fact | a variant in [`vocabulary::fact`] | nowhere: its shape draws it |
//! | a ready scenario | `scenario/library/x.json` | [`scenario::library::ALL`] |
//! | a diagram | `diagram/x.rs` | the dock in `ui` |
//! | something a person can do | an [`session::Action`] | the list of keys in `ui` |

pub mod diagram;
#[cfg(all(target_arch = "wasm32", feature = "package"))]
pub mod embed;
pub mod kernel;
pub mod model;
pub mod scenario;
pub mod session;
#[cfg(not(target_arch = "wasm32"))]
pub mod terminal;
#[cfg(all(target_arch = "wasm32", feature = "page"))]
pub mod ui;
pub mod vocabulary;
