//! What the parts of each product are for, in general words.

/// The parts of a product.
#[derive(Debug, PartialEq)]
pub(super) struct Shape {
    /// The kind of its host.
    pub host: &'static str,
    /// The word by which a host's name tells the product.
    pub word: &'static str,
    /// The kind of the parts that only take messages in; none if subscribers take them in themselves.
    pub entry: Option<&'static str>,
    /// The kind of the parts that hand messages out.
    pub subscriber: &'static str,
    /// Whether producers may publish straight to a subscriber.
    pub subscriber_takes_in: bool,
    /// Whether a subscriber may read several entries.
    pub reads_several: bool,
    /// Whether a consumer may read an entry without a subscriber between them.
    pub entry_hands_out: bool,
    /// The parameter of a subscriber for the time that a message may be with a consumer.
    pub lease: Option<&'static str>,
    /// Where it is said how often a message is delivered at most: the parameter of the subscriber, or of its wire for
    /// dead letters.
    pub deliveries: &'static str,
    /// How long a member's name may be, and which letters besides letters and digits it may have; none: anything.
    pub name: Option<(usize, &'static str)>,
    /// Values that a subscriber needs so that it loses nothing that a queue would have kept.
    pub keeps_all: &'static [(&'static str, &'static str)],
}

/// Every product's.
pub(super) const SHAPES: &[Shape] = &[
    Shape {
        host: "broker",
        word: "RabbitMQ",
        entry: Some("exchange"),
        subscriber: "queue",
        subscriber_takes_in: true,
        reads_several: true,
        entry_hands_out: false,
        lease: None,
        deliveries: "delivery_limit",
        name: None,
        keeps_all: &[],
    },
    Shape {
        host: "kafka",
        word: "Kafka",
        entry: Some("topic"),
        subscriber: "group",
        subscriber_takes_in: false,
        reads_several: true,
        entry_hands_out: false,
        lease: None,
        deliveries: "",
        name: Some((249, "._-")),
        keeps_all: &[("auto.offset.reset", "\"earliest\"")],
    },
    Shape {
        host: "sqs",
        word: "SQS",
        entry: None,
        subscriber: "sqs_queue",
        subscriber_takes_in: true,
        reads_several: false,
        entry_hands_out: false,
        lease: Some("VisibilityTimeout"),
        deliveries: "maxReceiveCount",
        name: Some((75, "_-")),
        keeps_all: &[],
    },
    Shape {
        host: "redis",
        word: "Redis",
        entry: Some("stream"),
        subscriber: "stream_group",
        subscriber_takes_in: false,
        reads_several: false,
        entry_hands_out: true,
        lease: Some("claim_idle"),
        deliveries: "delivery_limit",
        name: None,
        // Redis takes nothing back by itself: without claiming, what a dead consumer held would stay there for ever.
        keeps_all: &[("start", "\"0\""), ("claim_idle", "\"30s\"")],
    },
    Shape {
        host: "pubsub",
        word: "Pub/Sub",
        entry: Some("pubsub_topic"),
        subscriber: "subscription",
        subscriber_takes_in: false,
        reads_several: false,
        entry_hands_out: false,
        lease: Some("ackDeadlineSeconds"),
        deliveries: "maxDeliveryAttempts",
        name: Some((255, "-._~+%")),
        keeps_all: &[],
    },
];

/// The shape of the product with this kind of host.
pub(super) fn of_host(host: &str) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| shape.host == host)
}

impl Shape {
    /// A name as the product allows it.
    pub(super) fn sound_name(&self, name: &str) -> String {
        let Some((length_max, letters)) = self.name else { return name.to_string() };
        let stem = name.strip_suffix(".fifo").filter(|_| self.host == "sqs").unwrap_or(name);
        let sound =
            |letter: char| if letter.is_ascii_alphanumeric() || letters.contains(letter) { letter } else { '-' };
        stem.chars().map(sound).take(length_max).collect()
    }
}
