//! What several products are made of, as plain data without a clock, a link or a trace.
//!
//! Here live the [`deadlines`] that products keep, and the [`places`] of messages in a queue. A mechanism decides; it
//! neither records facts nor sends frames, so that it can be tested alone. What only one product has is in that
//! product's folder.

pub mod deadlines;
pub mod places;
