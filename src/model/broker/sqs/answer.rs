//! How the service says no: its error codes and the reason in words.
//!
//! Reproduces: the codes of the SQS API Reference, "Common Errors" and the errors of each action. Some actions know an
//! error under two names, that of the query protocol and that of the JSON protocol; the answer has both. Leaves out:
//! request ids, HTTP status codes, the sender's fault flag outside batches.

use serde_json::{json, Value as Json};

/// An error of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code, such as `InvalidParameterValue`.
    pub code: &'static str,
    /// The reason.
    pub text: String,
}

/// The names in the query protocol, where they differ.
const QUERY_NAMES: &[(&str, &str)] = &[
    ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
    ("QueueNameExists", "QueueAlreadyExists"),
    ("QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently"),
    ("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"),
    ("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
    ("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
    ("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"),
    ("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"),
    ("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"),
    ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
];

/// An error with this code.
pub fn refusal(code: &'static str, text: impl Into<String>) -> Refusal {
    Refusal { code, text: text.into() }
}

/// `InvalidParameterValue` for a parameter, in the service's usual sentence.
pub fn invalid(parameter: &str, value: &str, reason: &str) -> Refusal {
    let text = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
    refusal("InvalidParameterValue", text)
}

/// There is no such queue.
pub fn no_queue() -> Refusal {
    refusal("QueueDoesNotExist", "The specified queue does not exist.")
}

impl Refusal {
    /// The answer to an operation.
    pub fn json(&self) -> Json {
        let mut json = json!({"error": self.code, "text": self.text});
        if let Some((_, name)) = QUERY_NAMES.iter().find(|(code, _)| *code == self.code) {
            json["code"] = (*name).into();
        }
        json
    }

    /// The entry of a batch that failed.
    pub fn batch_entry(&self, id: &str) -> Json {
        json!({"Id": id, "SenderFault": true, "Code": self.code, "Message": self.text})
    }
}
