//! The living app without a screen: what a person has open, what they did, and where the run stands.
//!
//! [`Session`] owns the document, its undo history and the timeline of its run. Everything that can be done is an
//! [`Action`]; what the page must do about it comes back as [`Effect`]s. Pointer gestures on the canvas are the pure
//! state machine in [`gesture`], so that they are tested without a browser. Nothing here touches a page.
//!
//! To add something that a person can do, add an [`Action`], handle it in [`Session::dispatch`], and name it in the
//! page's list of commands.

pub mod action;
pub mod branches;
pub mod compose;
pub mod gesture;
pub mod history;
pub mod link;
#[allow(clippy::module_inception)]
mod session;
pub mod switched;
pub mod view_state;

pub use action::{Action, Effect, Mode, Transport};
pub use gesture::{Gesture, Outcome, Pointer};
pub use session::{Session, FRAME_STEPS_MAX};
pub use view_state::{Selection, View};
