//! How the service says no: the status codes of gRPC and the reason in words.
//!
//! Reproduces: Pub/Sub documentation, "Error codes". Leaves out: details beside the text, HTTP status codes.

use serde_json::{json, Value as Json};

/// An error of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code, such as `NOT_FOUND`.
    pub code: &'static str,
    /// The reason.
    pub text: String,
}

/// An error with this code.
pub fn refusal(code: &'static str, text: impl Into<String>) -> Refusal {
    Refusal { code, text: text.into() }
}

/// `INVALID_ARGUMENT`.
pub fn invalid(text: impl Into<String>) -> Refusal {
    refusal("INVALID_ARGUMENT", text)
}

/// `NOT_FOUND`.
pub fn not_found(name: &str) -> Refusal {
    refusal("NOT_FOUND", format!("Resource not found (resource={name})."))
}

impl Refusal {
    /// The answer to an operation.
    pub fn json(&self) -> Json {
        json!({"error": self.code, "text": self.text})
    }
}
