//! The deterministic discrete-event engine. It carries messages and never reads them.
//!
//! Here live the clock and its [`calendar`], the [`component`] trait with its [`context`], [`link`]s, random streams
//! ([`rng`]), [`fault`]s, the [`simulation`] that ties them together (its data in `state`, its event loop in `dispatch`,
//! links at work in `transmission`, crashes and frosts in `failure`, looking at it in `view`), the [`trace`] and its
//! running totals ([`tally`]), and time travel ([`timeline`]). What a message means, what a node is called and where it is drawn live elsewhere.
//!
//! Invariants: events happen in the order (time, sequence number); no clock is read, no hash map is iterated; every
//! random number comes from a stream named by (seed, identity, purpose); every collection has a bound in [`limits`].
//!
//! To add a mechanism, write its state as plain clonable data inside [`simulation::Simulation`], so that a clone stays
//! a checkpoint, and record what it does as facts.

pub mod calendar;
pub mod component;
pub mod context;
pub mod digest;
mod dispatch;
mod failure;
pub mod fault;
pub mod limits;
pub mod link;
pub mod rng;
pub mod simulation;
mod state;
pub mod tally;
pub mod timeline;
pub mod trace;
mod transmission;
mod view;

pub use calendar::Calendar;
pub use component::{
    Change, Component, Envelope, InsideRow, InsideTable, Inspection, InspectionItem, ItemState, Notice,
};
pub use context::Context;
pub use fault::Fault;
pub use link::{LinkEnd, LinkSpec, Port};
pub use simulation::{NodeCondition, Simulation, TraceMode};
pub use timeline::{Timeline, World};
