//! RabbitMQ, as spoken to with AMQP 0-9-1.
//!
//! Reproduces: version 3.10 with classic queues on one node. Sources name pages of rabbitmq.com, or modules of the
//! server. Leaves out: what the mechanisms leave out, and clusters.

use crate::model::broker::rabbitmq;

use super::{Profile, Statement};

const fn states(subject: &'static str, says: &'static str, source: &'static str) -> Statement {
    Statement { subject, says, source }
}

/// RabbitMQ.
pub const PROFILE: Profile = Profile {
    name: "rabbitmq",
    label: "RabbitMQ",
    host: "broker",
    version: "3.10",
    terms: &[
        states("entry point", "exchange", "AMQP 0-9-1 Model Explained"),
        states("rule of routing", "binding, with a binding key", "AMQP 0-9-1 Model Explained"),
        states("subscriber", "consumer", "Consumers"),
        states("limit of messages in work", "prefetch count (basic.qos)", "Consumer Prefetch"),
        states(
            "receipt",
            "delivery tag, counted per channel from 1",
            "Consumer Acknowledgements and Publisher Confirms",
        ),
        states("saved to disk", "persistent message (delivery mode 2) in a durable queue", "Queues"),
    ],
    defaults: &[
        states("prefetch", "0", "Consumer Prefetch: no limit unless basic.qos sets one"),
        states("auto_ack", "false", "AMQP 0-9-1 Reference: basic.consume, no-ack"),
        states("persistent", "false", "AMQP 0-9-1 Reference: basic.publish, delivery mode 1 unless set"),
        states("heartbeat", "60s", "Detecting Dead TCP Connections with Heartbeats"),
    ],
    guarantees: &[
        states(
            "order",
            "one publisher's messages stay in order in a queue, until one of them is delivered again",
            "AMQP 0-9-1 specification, 4.7; Consumer Acknowledgements and Publisher Confirms",
        ),
        states(
            "delivery",
            "at least once with explicit acknowledgements; at most once with automatic ones",
            "Reliability Guide",
        ),
        states(
            "return of what a lost consumer held",
            "as soon as its connection is known to be closed, at the original place, marked as redelivered",
            "Consumer Acknowledgements and Publisher Confirms",
        ),
        states("restart", "only persistent messages in durable queues survive", "Queues; Reliability Guide"),
        states("no queue bound", "the message is dropped, and the publisher is not told", "Publishers"),
    ],
    fidelity: &[],
    words: &[],
    server: rabbitmq::server::server,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_has_a_source() {
        for statement in PROFILE.terms.iter().chain(PROFILE.defaults).chain(PROFILE.guarantees) {
            assert!(!statement.says.is_empty() && statement.source.len() > 3, "{}", statement.subject);
        }
    }
}
