//! What a switch means, in three lists: what maps, what changes, and what is lost.

use crate::model::broker::profile::Profile;
use crate::model::{node_kind, NodeKind, ParamSpec};
use crate::scenario::document::{Document, Node};
use crate::vocabulary::json;

use super::behaviour::BEHAVIOURS;
use super::flow::{Flow, Purpose};
use super::shape::Shape;

/// The same thing before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// What it is about: a part, or a general word.
    pub about: String,
    /// What it was or did.
    pub before: String,
    /// What it is or does now.
    pub after: String,
    /// Where that is written; empty for what is read from the drawing.
    pub source: String,
}

/// Something that has no counterpart.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// What.
    pub what: String,
    /// What comes nearest, as one or two sentences.
    pub instead: String,
}

/// What a switch means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// Parts and words that have a counterpart.
    pub maps: Vec<Pair>,
    /// Behaviour that is different.
    pub changes: Vec<Pair>,
    /// What has no counterpart.
    pub losses: Vec<Loss>,
}

impl Notes {
    /// Notes a part that maps in another way than one to one.
    pub(super) fn pair(&mut self, about: String, before: String, after: String) {
        let pair = Pair { about, before, after, source: String::new() };
        if !self.maps.contains(&pair) {
            self.maps.push(pair);
        }
    }

    fn change(&mut self, about: &str, before: String, after: String) {
        self.changes.push(Pair { about: about.to_string(), before, after, source: String::new() });
    }

    /// Notes a loss, once.
    pub(super) fn lose(&mut self, what: impl Into<String>, instead: impl Into<String>) {
        let loss = Loss { what: what.into(), instead: instead.into() };
        if !self.losses.contains(&loss) {
            self.losses.push(loss);
        }
    }
}

/// Notes the words and the behaviour in which two products differ.
pub(super) fn compare_products(from: &Profile, to: &Profile, notes: &mut Notes) {
    for term in from.terms() {
        if let Some(other) = to.terms().iter().find(|other| other.subject == term.subject) {
            let source = format!("{}; {}", term.source, other.source);
            notes.maps.push(Pair {
                about: term.subject.to_string(),
                before: term.says.to_string(),
                after: other.says.to_string(),
                source,
            });
        }
    }
    for behaviour in BEHAVIOURS {
        if let (Some(before), Some(after)) = (behaviour.of(from.host), behaviour.of(to.host)) {
            if before.says != after.says {
                notes.changes.push(Pair {
                    about: behaviour.subject.to_string(),
                    before: before.says.to_string(),
                    after: after.says.to_string(),
                    source: format!("{}; {}", before.source, after.source),
                });
            }
        }
    }
}

/// Notes what changes for the clients of this drawing.
pub(super) fn compare_clients(document: &Document, flow: &Flow, shape: &Shape, notes: &mut Notes) {
    let of = |purpose: Purpose, from: bool| {
        let ids = flow.joins.iter().filter(move |join| join.purpose == purpose);
        let mut nodes: Vec<&Node> =
            ids.filter_map(|join| document.node(if from { &join.wire.from } else { &join.wire.to })).collect();
        nodes.dedup_by_key(|node| &node.id);
        nodes
    };
    for console in of(Purpose::Feed, true).into_iter().filter(|node| node.kind == "console") {
        notes.lose(
            format!("{}: what its script says", console.label()),
            "The words are those of the product that it was written for; the other one does not know them. Write the \
             script anew.",
        );
    }
    if shape.host == "kafka" {
        for producer in of(Purpose::Feed, true) {
            let key = producer.params.get("routing_key").and_then(|key| key.as_str()).unwrap_or_default();
            if key.is_empty() && producer.kind != "console" {
                notes.change(
                    producer.label(),
                    "gives its messages no key".to_string(),
                    "they go to one partition until 16 KB are there, then to another: for a while one consumer gets nearly \
                     all"
                        .to_string(),
                );
            } else if !key.is_empty() && !key.contains('{') {
                notes.change(
                    producer.label(),
                    format!("gives every message the key \"{key}\""),
                    "all of them go to one partition, so that one consumer of each group does all the work".to_string(),
                );
            }
        }
    }
    if ["kafka", "sqs", "redis"].contains(&shape.host) {
        let limited: Vec<&str> = of(Purpose::Handout, false)
            .into_iter()
            .filter(|consumer| consumer.params.contains_key("prefetch"))
            .map(|consumer| consumer.label())
            .collect();
        if !limited.is_empty() {
            notes.change(
                &limited.join(", "),
                "the prefetch count says how many messages are sent ahead".to_string(),
                "it asks: \"Messages a pull\" and \"Waits at a pull\" count instead".to_string(),
            );
        }
    }
}

/// Notes the parameters of a part that are set and not kept.
pub(super) fn lost_params(node: &Node, kept: &[&str], notes: &mut Notes) {
    let Some(kind) = node_kind(&node.kind) else { return };
    for (name, value) in &node.params {
        let Some(spec) = kind.params.iter().find(|spec| spec.name == *name) else { continue };
        if kept.contains(&spec.name) || *value == spec.default_json() || is_told_elsewhere(kind, spec) {
            continue;
        }
        let what = format!("{}: {} = {}", node.label(), spec.label, json::to_text(value));
        notes.lose(what, nearest(kind.name, spec.name));
    }
}

/// Whether a parameter is part of what maps or of a rule, which have notes of their own.
fn is_told_elsewhere(kind: &NodeKind, spec: &ParamSpec) -> bool {
    matches!(
        (kind.name, spec.name),
        ("exchange", "type")
            | ("subscription", "filter")
            | ("group", "auto.offset.reset")
            | ("stream_group", "start" | "claim_idle")
    )
}

/// What comes nearest to a parameter elsewhere.
fn nearest(kind: &str, param: &str) -> &'static str {
    match (kind, param) {
        (_, "durable") => "The other product saves every message; there is no queue that forgets at a restart.",
        ("queue", "message_ttl" | "expires" | "max_length" | "max_length_bytes" | "overflow") => {
            "The nearest is the retention of the queue, topic, stream or subscription, by age or by length."
        }
        ("queue", "max_priority") => "The nearest is one queue or topic for each priority, with consumers of its own.",
        ("queue", "single_active_consumer") => {
            "The nearest is an order by key: one partition, message group or ordering key goes to one consumer at a time."
        }
        ("queue", "type") => "The other product keeps its own copies; there is nothing to choose.",
        ("exchange", "alternate_exchange") => "Nothing is unroutable there: everything that is published is kept.",
        ("sqs_queue", "FifoQueue" | "ContentBasedDeduplication" | "DeduplicationScope") => {
            "The nearest is order by key: a partition in Kafka, an ordering key in Pub/Sub, one consumer in RabbitMQ and Redis. \
             Consumers find repetitions themselves."
        }
        ("sqs_queue", "DelaySeconds") => "The nearest is a consumer that waits, or in RabbitMQ a queue with a time to live and dead letters.",
        ("topic", "partitions") => "Consumers share messages one by one, so that there is nothing to part; order by key is lost.",
        ("topic", "cleanup.policy") => "Nothing else keeps only the newest message of each key.",
        ("topic", "replication.factor" | "min.insync.replicas") => "The other product's copies are not drawn.",
        (_, "retention.ms" | "retention.bytes" | "MessageRetentionPeriod" | "messageRetentionDuration" | "trim" | "maxlen" | "max_age") => {
            "How long messages are kept is said anew at the part."
        }
        (_, "enableMessageOrdering") => "The nearest is a partition in Kafka or a message group of a FIFO queue in SQS.",
        (_, "retryPolicy" | "minimumBackoff" | "maximumBackoff") => "A consumer that waits before it gives a message back.",
        (_, "enableExactlyOnceDelivery") => "The nearest is work that may be repeated: consumers that know what they have done.",
        ("broker" | "kafka" | "sqs" | "redis" | "pubsub", _) => "It is a setting of the other product's server only.",
        _ => "There is no counterpart; the other product's default holds.",
    }
}
