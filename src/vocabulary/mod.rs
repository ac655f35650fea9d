//! The shared words of the house, as plain data.
//!
//! Here live the types that every layer speaks: time, identity, messages, settings and the facts of a trace, and the
//! small tools that every layer uses: maps, sorting, numbers and JSON as text.
//! Nothing here decides anything: only constructors, labels and the [`Shape`] of a fact.
//! To add a fact, add a variant in [`fact`], give it a label and a shape, and every diagram can draw it.

pub mod carried;
pub mod distribution;
pub mod fact;
pub mod flat;
pub mod id;
pub mod json;
pub mod message;
pub mod number;
pub mod order;
pub mod settings;
pub mod time;

pub use carried::{Carried, DropReason};
pub use distribution::Distribution;
pub use fact::{Fact, FactKind, Measure, Shape, TraceEvent};
pub use flat::{FlatMap, FlatSet};
pub use id::{EventId, LinkId, MessageId, NodeId, TimerId, WireId};
pub use message::{BrokerMessage, Content, HeaderValue, Message};
pub use settings::{Settings, Value};
pub use time::{Duration, Time};
