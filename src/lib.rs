//! Patchbay.
pub mod kernel;
pub mod vocabulary;
