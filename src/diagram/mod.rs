//! Pictures of a document and of a run, as pure functions.
//!
//! Here live what a diagram shows and how it is arranged: each takes data that is handed in (a document, a stretch of the
//! trace, a state of the view) and gives a [`Drawing`]: shapes in tones, a text alternative and a table. What does not live
//! here: running anything (no call of the simulation or the session), the page, the browser. Both the page and the exported
//! [`svg`] draw the same shapes with the same classes, whose colours are in [`palette`].
//!
//! - [`geometry`], [`route`], [`layout`], [`tidy`], [`text`]: sizes, courses of wires, places, widths of text
//! - [`topology`]: the parts, their wires and what is on the way; [`face`]: one part of it
//! - [`sequence`]: who sent what to whom, time running down
//! - [`chart`]: levels over time; [`axis`]: its scales
//! - [`story`]: the trace in words
//! - [`guarantees`]: what each subscriber got, as a table whose numbers can be opened
//!
//! To add a diagram, write a file with an input struct and a function from it to a `Drawing`, with a table and a
//! description for those who can't see it, bound the work by what is legible, and name it here.

pub mod axis;
pub mod chart;
pub mod drawing;
pub mod face;
pub mod geometry;
pub mod guarantees;
pub mod layout;
pub mod palette;
pub mod route;
pub mod sequence;
pub mod story;
pub mod svg;
pub mod text;
pub mod tidy;
pub mod topology;

pub use drawing::{Drawing, Form, Shape, Target};
pub use layout::Layout;
pub use palette::{Theme, Tone};
