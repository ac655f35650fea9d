//! Two runs next to one another: what each subscriber and consumer got, and which messages differ.
//!
//! A [`Trial`] runs a document to its end in slices and keeps books; its [`Outcome`] is plain data. [`compare`] finds
//! the differences of two outcomes: parts are the same if their ids are, messages if their producer and number are.
//! [`load`] is the fixed drawing with which products are compared.
//!
//! What does not live here: how a switch is made (`switch`), and how any of it looks.

mod books;
mod differ;
pub mod load;
mod outcome;
mod trial;

pub use differ::{compare, Comparison, PartyDifference};
pub use outcome::{Done, MessageKey, Outcome, Party, Totals};
pub use trial::Trial;
