//! What brokers are made of, as plain data without a clock, a link or a trace.
//!
//! Here live the [`router`] with its [`topic`] patterns, the classic [`queue`], and the [`deadlines`] that other
//! products keep. A mechanism decides; it neither
//! records facts nor sends frames: the broker component does that, so a mechanism can be tested alone.
//!
//! To add one, write its file here with its unit tests, and let a profile choose it.

pub mod deadlines;
pub mod queue;
pub mod router;
pub mod topic;
