//! The fixed load with which products are compared, and what each product is best for.

use crate::model::broker::profile::{Profile, PROFILES};
use crate::scenario::codec::decode;
use crate::scenario::document::Document;
use crate::scenario::switch;

/// Drawn for RabbitMQ; the others' drawings are made by switching it.
const BASE: &str = include_str!("load.json");

/// By the kind of its host, as in the chapter on data flow.
const BEST_FOR: &[(&str, &str, &str)] = &[
    ("broker", "Task distribution and work queues", "RabbitMQ: Tutorials, Work Queues; Use cases"),
    ("kafka", "High throughput, event sourcing, reading the past again", "Kafka: Documentation, Use cases"),
    ("sqs", "A simple queue that someone else runs", "SQS Developer Guide: What is Amazon SQS"),
    ("redis", "Low latency, in memory, next to what Redis keeps anyway", "Redis: Streams"),
    ("pubsub", "Serverless and event-driven services, with many subscribers", "Pub/Sub: What is Pub/Sub"),
];

/// What this product is best for, and where that is written.
pub fn best_for(profile: &Profile) -> Option<(&'static str, &'static str)> {
    BEST_FOR.iter().find(|(host, ..)| *host == profile.host).map(|(_, says, source)| (*says, *source))
}

/// The same drawing for each product, in the order of the profiles.
pub fn drawings() -> Vec<(&'static Profile, Document)> {
    variants(&base())
}

/// The drawing from which the others are made.
pub fn base() -> Document {
    // A test decodes it, so it is never empty for that reason.
    decode(BASE).unwrap_or_default()
}

/// A drawing for each product: as it is, and switched. All brokers in it are switched. A product to which it can't be
/// switched is left out.
pub fn variants(base: &Document) -> Vec<(&'static Profile, Document)> {
    PROFILES.iter().copied().filter_map(|profile| Some((profile, on_product(base, profile.name)?))).collect()
}

/// The drawing with all of its brokers switched to a product.
pub fn on_product(base: &Document, product: &str) -> Option<Document> {
    let hosts: Vec<&str> = base
        .nodes
        .iter()
        .filter(|node| node.host.is_none() && switch::product_at(base, &node.id).is_some())
        .map(|node| node.id.as_str())
        .collect();
    let mut document = base.clone();
    for host in hosts {
        let (current, _) = switch::product_at(&document, host)?;
        if current.name != product {
            document = switch::plan(&document, host, product).ok()?.document;
        }
    }
    Some(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_product_has_its_line_and_its_drawing() {
        let drawings = drawings();
        assert_eq!(drawings.len(), PROFILES.len());
        for (profile, document) in drawings {
            let (says, source) = best_for(profile).expect(profile.name);
            assert!(says.len() > 10 && source.len() > 10);
            assert!(document.nodes.iter().any(|node| node.kind == profile.host), "{}", profile.name);
        }
    }
}
