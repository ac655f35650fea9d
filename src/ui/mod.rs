//! The page. It shows the session and sends [`crate::session::Action`]s; it changes nothing by itself.
//!
//! [`app`] is the one struct component and owns the session; everything below is a function component with comparable
//! properties, so that what has not changed is not drawn again. Messages on the way are drawn on a canvas layer by
//! [`flights`], once per animation frame, never as elements. Storage, files and the clipboard are in [`browser`].
//!
//! To add a panel, write a function component and place it in [`app`] or [`dock`]; to add a command, name it in [`keys`].

pub mod app;
pub mod brokers;
pub mod browser;
pub mod canvas;
pub mod console;
pub mod dialogs;
pub mod differences;
pub mod dock;
pub mod fidelity;
pub mod field;
pub mod flights;
pub mod guarantees;
pub mod icons;
pub mod inside;
pub mod inspector;
pub mod keys;
pub mod link;
pub mod palette;
pub mod race;
pub mod shapes;
pub mod snapshot;
pub mod start;
pub mod switch;
pub mod transport;
