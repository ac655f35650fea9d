//! How the products differ in what a person notices, subject by subject, each with its source.

/// What one product does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Says {
    /// The kind of the product's host.
    host: &'static str,
    /// What it does, as the end of a sentence.
    pub says: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

/// A subject.
#[derive(Clone, Copy, Debug)]
pub(super) struct Behaviour {
    /// What it is about.
    pub subject: &'static str,
    says: &'static [Says],
}

impl Behaviour {
    /// What the product with this kind of host does.
    pub(super) fn of(&self, host: &str) -> Option<&Says> {
        self.says.iter().find(|says| says.host == host)
    }
}

const fn says(host: &'static str, says: &'static str, source: &'static str) -> Says {
    Says { host, says, source }
}

/// All of them, in the order of the list of changes.
pub(super) const BEHAVIOURS: &[Behaviour] = &[
    Behaviour {
        subject: "A message that is given back",
        says: &[
            says(
                "broker",
                "goes back to its place in the queue and comes again at once",
                "RabbitMQ: Consumer Acknowledgements and Publisher Confirms",
            ),
            says(
                "kafka",
                "is not known; the consumer reads its partition again from there, with all that followed",
                "Kafka: KafkaConsumer.seek",
            ),
            says(
                "sqs",
                "is visible again at once, and may come behind others",
                "SQS Developer Guide: Visibility timeout",
            ),
            says("redis", "is not known; it stays pending until a consumer claims it", "Redis: XAUTOCLAIM"),
            says(
                "pubsub",
                "comes again at once, or after the backoff of the subscription",
                "Pub/Sub: Handle message failures",
            ),
        ],
    },
    Behaviour {
        subject: "A message that always fails",
        says: &[
            says(
                "broker",
                "goes round for ever, unless it is rejected; other messages pass it",
                "RabbitMQ: Negative Acknowledgement and Requeuing",
            ),
            says(
                "kafka",
                "blocks its partition until the consumer goes on behind it",
                "Kafka: Documentation, Consumer position",
            ),
            says(
                "sqs",
                "comes again after each timeout, until the redrive policy moves it",
                "SQS Developer Guide: Dead-letter queues",
            ),
            says(
                "redis",
                "stays pending; its delivery counter tells consumers to give it up",
                "Redis: Streams, delivery counter",
            ),
            says(
                "pubsub",
                "comes again until it expires, or is forwarded to the dead-letter topic",
                "Pub/Sub: Dead-letter topics",
            ),
        ],
    },
    Behaviour {
        subject: "What a lost consumer held",
        says: &[
            says(
                "broker",
                "comes again as soon as its connection is known to be closed",
                "RabbitMQ: Consumer Acknowledgements and Publisher Confirms",
            ),
            says(
                "kafka",
                "is read again by its heir from the last commit, after the session timeout (45 s)",
                "Kafka: ConsumerConfig, session.timeout.ms",
            ),
            says(
                "sqs",
                "comes again when the visibility timeout is over (30 s)",
                "SQS Developer Guide: Visibility timeout",
            ),
            says(
                "redis",
                "stays pending for ever, unless others claim it; here they do after 30 s",
                "Redis: XPENDING, XAUTOCLAIM",
            ),
            says("pubsub", "comes again when the ack deadline is over (10 s)", "Pub/Sub: Subscription properties"),
        ],
    },
    Behaviour {
        subject: "Order holds",
        says: &[
            says(
                "broker",
                "in a queue, until a message is delivered again; several consumers finish in any order",
                "AMQP 0-9-1 specification, 4.7",
            ),
            says(
                "kafka",
                "in a partition: messages with the same key stay in order, also across a redelivery",
                "Kafka: Documentation, Introduction",
            ),
            says(
                "sqs",
                "nowhere in a standard queue; in a message group of a FIFO queue",
                "SQS Developer Guide: Standard queues",
            ),
            says(
                "redis",
                "in a stream as it is handed out; several consumers finish in any order",
                "Redis: XREADGROUP",
            ),
            says(
                "pubsub",
                "nowhere, unless ordering is on: then for messages with the same key",
                "Pub/Sub: Order messages",
            ),
        ],
    },
    Behaviour {
        subject: "Consumers of one subscriber share",
        says: &[
            says("broker", "message by message, as many as there are", "RabbitMQ: Consumers"),
            says(
                "kafka",
                "partition by partition: more consumers than partitions have nothing to do",
                "Kafka: ConsumerPartitionAssignor",
            ),
            says("sqs", "message by message, as each asks", "SQS Developer Guide: Basic architecture"),
            says("redis", "message by message, as each asks", "Redis: XREADGROUP"),
            says("pubsub", "message by message, as many as there are", "Pub/Sub: Subscription overview"),
        ],
    },
    Behaviour {
        subject: "One message for several subscribers",
        says: &[
            says("broker", "is copied by an exchange into each queue", "AMQP 0-9-1 Model Explained"),
            says("kafka", "is stored once; each group reads it at its own pace", "Kafka: Documentation, Introduction"),
            says("sqs", "has to be sent to each queue", "SQS Developer Guide: Basic architecture"),
            says("redis", "is stored once; each group reads it at its own pace", "Redis: Streams"),
            says("pubsub", "is kept for each subscription by the service", "Pub/Sub: Subscription overview"),
        ],
    },
    Behaviour {
        subject: "A message that is done",
        says: &[
            says("broker", "is removed", "RabbitMQ: Consumer Acknowledgements and Publisher Confirms"),
            says(
                "kafka",
                "stays in the log until its retention is over, and can be read again",
                "Kafka: LogConfig, retention.ms",
            ),
            says("sqs", "is deleted", "SQS API Reference: DeleteMessage"),
            says("redis", "stays in the stream until it is trimmed", "Redis: XACK"),
            says(
                "pubsub",
                "is forgotten, unless the subscription retains acknowledged messages",
                "Pub/Sub: Replay overview",
            ),
        ],
    },
    Behaviour {
        subject: "Messages come to a consumer",
        says: &[
            says("broker", "by push, up to its prefetch count", "RabbitMQ: Consumer Prefetch"),
            says("kafka", "when it polls", "Kafka: KafkaConsumer.poll"),
            says("sqs", "when it asks, at most ten at once", "SQS API Reference: ReceiveMessage"),
            says("redis", "when it asks", "Redis: XREADGROUP"),
            says("pubsub", "by a stream that is kept open, up to its flow control", "Pub/Sub: Pull subscriptions"),
        ],
    },
    Behaviour {
        subject: "After a restart of the broker",
        says: &[
            says("broker", "persistent messages in durable queues are there", "RabbitMQ: Queues"),
            says("kafka", "everything that was replicated or written is there", "Kafka: Documentation, Replication"),
            says("sqs", "everything is there", "SQS Developer Guide: Data protection"),
            says("redis", "all but the last second is there, with the usual persistence", "Redis: Persistence"),
            says("pubsub", "everything is there", "Pub/Sub: Architectural overview"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::switch::shape::SHAPES;

    #[test]
    fn every_product_says_something_of_every_subject_with_a_source() {
        for behaviour in BEHAVIOURS {
            for shape in SHAPES {
                let says = behaviour.of(shape.host).unwrap_or_else(|| panic!("{}: {}", behaviour.subject, shape.host));
                assert!(says.says.len() > 5 && says.source.len() > 5, "{}: {}", behaviour.subject, shape.host);
            }
        }
    }
}
