//! The parameters of a producer.

use crate::model::kind::{ParamSpec, ParamType};
use crate::vocabulary::Duration;

const RATE: ParamType = ParamType::Number { min: 0.001, max: 1_000_000.0 };
const SPAN: ParamType = ParamType::Duration { min: Duration::from_millis(1), max: Duration::from_secs(86_400) };
const ROUTING_KEY_HELP: &str = "What exchanges route by. {n} is the number of the message, {n%4} its remainder, \
                                {pick:a,b,c} one of these by chance.";
const PAYLOAD_HELP: &str =
    "The body. {n} is the number of the message, {n%4} its remainder, {pick:a,b,c} one of these \
                            by chance.";

/// The parameters of a producer.
pub const PARAMS: [ParamSpec; 17] = [
    ParamSpec::new(
        "arrivals",
        "Arrivals",
        ParamType::Choice(&[
            ("constant", "At a steady pace"),
            ("poisson", "By chance (Poisson)"),
            ("burst", "In bursts"),
            ("ramp", "Faster and faster"),
            ("schedule", "At given times"),
            ("by-hand", "By hand only"),
        ]),
        "\"constant\"",
        "When messages are made. The first of a steady pace, burst or ramp comes at once.",
    ),
    ParamSpec::new("rate", "Rate", RATE, "1", "How many messages a second on average; a ramp begins with it.")
        .unit("/s")
        .when("arrivals", &["constant", "poisson", "ramp"]),
    ParamSpec::new("rate_end", "Rate at the end", RATE, "10", "The rate that a ramp ends with, and then keeps.")
        .unit("/s")
        .when("arrivals", &["ramp"]),
    ParamSpec::new("ramp_over", "Ramp lasts", SPAN, "\"30s\"", "How long the rate takes from its start to its end.")
        .when("arrivals", &["ramp"]),
    ParamSpec::new(
        "burst_size",
        "Burst size",
        ParamType::Integer { min: 1, max: 10_000 },
        "10",
        "How many messages a burst has, all at the same instant.",
    )
    .when("arrivals", &["burst"]),
    ParamSpec::new("burst_every", "Burst every", SPAN, "\"5s\"", "The time from one burst to the next.")
        .when("arrivals", &["burst"]),
    ParamSpec::new(
        "schedule",
        "Times",
        ParamType::List { items_max: 200, text_max: 40 },
        "[\"1s\", \"2s\", \"3s\"]",
        "When to make a message, counted from the start: \"1.5s\", or \"2s x10\" for ten at once.",
    )
    .when("arrivals", &["schedule"]),
    ParamSpec::new(
        "start_after",
        "Start after",
        ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400) },
        "\"0s\"",
        "How long to wait before the arrivals begin.",
    ),
    ParamSpec::new(
        "limit",
        "Limit",
        ParamType::Integer { min: 0, max: 1_000_000_000 },
        "0",
        "Stop after so many messages; 0 for no limit. Those sent by hand do not count.",
    ),
    ParamSpec::new("routing_key", "Routing key", ParamType::Text { max: 255 }, "\"\"", ROUTING_KEY_HELP)
        .source("AMQP 0-9-1: basic.publish, routing-key"),
    ParamSpec::new("payload", "Payload", ParamType::Text { max: 10_000 }, "\"message {n}\"", PAYLOAD_HELP),
    ParamSpec::new(
        "headers",
        "Headers",
        ParamType::List { items_max: 16, text_max: 255 },
        "[]",
        "Application headers, each written name=value. A whole number, true and false are taken as such; put a value \
         in double quotes to make it a text. A name alone is a header without a value.",
    )
    .source("AMQP 0-9-1: basic properties, headers"),
    ParamSpec::new(
        "persistent",
        "Persistent",
        ParamType::Toggle,
        "false",
        "A persistent message in a durable queue survives a restart of the broker. Off, as clients have it unless they \
         ask for delivery mode 2: then a restart loses it, whatever the queue.",
    )
    .source("AMQP 0-9-1: basic properties, delivery-mode (1: non-persistent, 2: persistent)"),
    ParamSpec::new(
        "priority",
        "Priority",
        ParamType::Integer { min: 0, max: 255 },
        "0",
        "A RabbitMQ queue that has priorities hands out the highest first.",
    )
    .source("AMQP 0-9-1: basic properties, priority; none is 0"),
    ParamSpec::new(
        "expiration",
        "Expiration",
        ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(86_400) },
        "\"0s\"",
        "How long a message may wait in a RabbitMQ queue; 0 for no end. If the queue has a limit too, the shorter counts.",
    )
    .source("RabbitMQ 3.10: \"Time-To-Live and Expiration\", expiration"),
    ParamSpec::new(
        "mandatory",
        "Mandatory",
        ParamType::Toggle,
        "false",
        "RabbitMQ sends a message back that finds no queue, instead of dropping it in silence.",
    )
    .source("AMQP 0-9-1: basic.publish, mandatory"),
    ParamSpec::new(
        "confirms",
        "Confirms",
        ParamType::Toggle,
        "false",
        "RabbitMQ answers for every message. It refuses one only if a queue refused it; one that finds no queue is \
         confirmed.",
    )
    .source("RabbitMQ 3.10: \"Consumer Acknowledgements and Publisher Confirms\", confirm.select"),
];
