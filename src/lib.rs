//! Patchbay.
pub mod vocabulary;
