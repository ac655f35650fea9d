//! The ready scenarios: drawings to start from, each showing one thing.
//!
//! Each is a document of its own, in the canonical form in which documents are saved, with texts for someone who has
//! read nothing yet. Positions are laid out from left to right on a canvas of 900 by 500.
//!
//! To add one, draw it, save it here as `<id>.json`, and name it in [`ALL`].

use std::rc::Rc;

use super::codec::decode;
use super::document::Document;

/// A ready scenario.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// Its id, in links and on the command line.
    pub id: &'static str,
    /// Its document. Behind a function, so that the page loads the text when somebody opens it.
    pub text: fn() -> &'static str,
}

/// Every ready scenario, in the order of the gallery: the first is the one that opens by itself.
pub const ALL: &[Ready] = &[
    Ready { id: "work-queue", text: || include_str!("work-queue.json") },
    Ready { id: "pub-sub-notifications", text: || include_str!("pub-sub-notifications.json") },
    Ready { id: "order-processing-queue", text: || include_str!("order-processing-queue.json") },
    Ready { id: "email-contact-form", text: || include_str!("email-contact-form.json") },
    Ready { id: "consumer-crash", text: || include_str!("consumer-crash.json") },
    Ready { id: "rabbitmq-routing", text: || include_str!("rabbitmq-routing.json") },
    Ready { id: "kafka-event-log", text: || include_str!("kafka-event-log.json") },
    Ready { id: "redis-live-feed", text: || include_str!("redis-live-feed.json") },
    Ready { id: "pubsub-fan-out", text: || include_str!("pubsub-fan-out.json") },
    Ready { id: "sqs-job-queue", text: || include_str!("sqs-job-queue.json") },
    Ready { id: "sqs-fifo-group-lock", text: || include_str!("sqs-fifo-group-lock.json") },
    Ready { id: "trap-requeue-position", text: || include_str!("trap-requeue-position.json") },
    Ready { id: "trap-priority-drop-head", text: || include_str!("trap-priority-drop-head.json") },
    Ready { id: "trap-ttl-head-of-line", text: || include_str!("trap-ttl-head-of-line.json") },
    Ready { id: "trap-confirmed-and-lost", text: || include_str!("trap-confirmed-and-lost.json") },
    Ready { id: "trap-kafka-latest-and-commit", text: || include_str!("trap-kafka-latest-and-commit.json") },
    Ready { id: "trap-kafka-range-skew", text: || include_str!("trap-kafka-range-skew.json") },
    Ready { id: "trap-kafka-open-transaction", text: || include_str!("trap-kafka-open-transaction.json") },
    Ready { id: "trap-redis-nothing-comes-back", text: || include_str!("trap-redis-nothing-comes-back.json") },
    Ready { id: "trap-pubsub-ordered-redelivery", text: || include_str!("trap-pubsub-ordered-redelivery.json") },
    Ready { id: "trap-sqs-dead-letter", text: || include_str!("trap-sqs-dead-letter.json") },
];

/// The ready scenario of this id.
pub fn document(id: &str) -> Option<Rc<Document>> {
    let ready = ALL.iter().find(|ready| ready.id == id)?;
    // A test decodes each of them, so none is missing for this reason.
    decode((ready.text)()).ok().map(Rc::new)
}
