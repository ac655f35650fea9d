//! Patchbay.
pub mod diagram;
pub mod kernel;
pub mod model;
pub mod scenario;
#[cfg(not(target_arch = "wasm32"))]
pub mod terminal;
pub mod vocabulary;
