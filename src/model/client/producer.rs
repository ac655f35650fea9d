//! The producer: makes messages and hands them to a broker.
//!
//! Reproduces: a client that publishes with AMQP 0-9-1 `basic.publish` and does not wait for an answer (RabbitMQ 3.10,
//! "Publishers"). When it makes messages is in `arrivals.rs`, what is in them in `template.rs`.
//!
//! Leaves out: publisher confirms and the mandatory flag, so a message that is lost on the way or finds no queue is lost
//! without the producer's knowing; blocked connections; waiting for the connection: what is published while the broker
//! is down is lost on the link. A restarted producer goes on counting where it stopped.

mod arrivals;
mod template;

use std::rc::Rc;

use crate::kernel::{Change, Component, Context, Envelope, Inspection, Notice, Port};
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role};
use crate::vocabulary::{
    BrokerMessage, Carried, Content, DropReason, Duration, Fact, HeaderValue, NodeId, Settings, Time, TimerId,
};

use arrivals::{Arrivals, Moment};
use template::Template;

const OUT: Port = Port(0);
const RATE: ParamType = ParamType::Number { min: 0.001, max: 1_000_000.0 };
const SPAN: ParamType = ParamType::Duration { min: Duration::from_millis(1), max: Duration::from_secs(86_400) };

const ROUTING_KEY_HELP: &str = "What exchanges route by. {n} is the number of the message, {n%4} its remainder, \
                                {pick:a,b,c} one of these by chance.";
const PAYLOAD_HELP: &str =
    "The body. {n} is the number of the message, {n%4} its remainder, {pick:a,b,c} one of these \
                            by chance.";

/// The producer in palette, forms and validation.
pub const KIND: NodeKind = NodeKind {
    name: "producer",
    label: "Producer",
    group: Group::Clients,
    help: "Makes messages, at a steady pace, by chance, in bursts or by hand, and publishes them.",
    role: Role::Component(|settings| Box::new(Producer::new(settings))),
    ports: &[PortSpec {
        name: "out",
        port: OUT,
        direction: Direction::Out,
        wires: &["publish"],
        help: "To exchanges and queues; with several wires, each message goes over all of them.",
    }],
    params: &PARAMS,
    commands: &[("send", "Send one now", "Makes one message at once, whatever the arrivals and the limit say.")],
};

const PARAMS: [ParamSpec; 13] = [
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
];

/// The component.
#[derive(Clone)]
pub struct Producer {
    arrivals: Arrivals,
    start_after: Duration,
    limit: u64,
    routing_key: Template,
    payload: Template,
    headers: Rc<[(Rc<str>, HeaderValue)]>,
    is_persistent: bool,
    /// When it began to run for the first time.
    started: Option<Time>,
    /// When the latest message was made that was not made by hand.
    last: Option<Time>,
    /// The timer of the next arrival, and how many messages that makes.
    next: Option<(TimerId, u32)>,
    /// Messages made, those by hand not counted.
    arrived_count: u64,
    sent_count: u64,
}

impl Producer {
    /// A producer that has made nothing yet.
    pub fn new(settings: &Settings) -> Producer {
        Producer {
            arrivals: Arrivals::read(settings),
            start_after: settings.duration("start_after"),
            limit: settings.integer("limit").max(0) as u64,
            routing_key: Template::new(&settings.text("routing_key")),
            payload: Template::new(&settings.text("payload")),
            headers: settings.list("headers").iter().map(|text| header(text)).collect(),
            is_persistent: settings.toggle("persistent"),
            started: None,
            last: None,
            next: None,
            arrived_count: 0,
            sent_count: 0,
        }
    }

    fn left(&self) -> u64 {
        match self.limit {
            0 => u64::MAX,
            limit => limit.saturating_sub(self.arrived_count),
        }
    }

    /// Sets the timer of the next arrival, in place of the one that is set.
    fn plan(&mut self, context: &mut Context) {
        if let Some((timer, _)) = self.next.take() {
            context.cancel_timer(timer);
        }
        let Some(started) = self.started.filter(|_| self.left() > 0) else { return };
        let moment = Moment { origin: started + self.start_after, last: self.last, now: context.now() };
        if let Some((at, count)) = self.arrivals.next(moment, context.random()) {
            let timer = context.set_timer(at.since(context.now()), 0);
            self.next = Some((timer, count));
        }
    }

    fn send(&mut self, context: &mut Context) {
        let id = context.next_message_id();
        let content = Rc::new(Content {
            id,
            routing_key: self.routing_key.fill(id.number, context.random()),
            headers: self.headers.clone(),
            payload: self.payload.fill(id.number, context.random()),
            persistent: self.is_persistent,
            priority: None,
            expiration: None,
            created: context.now(),
        });
        context.remember(&content);
        context.record(id, Fact::Published {});
        self.sent_count += 1;
        if context.send(OUT, BrokerMessage::Publish(content).into()) == 0 {
            context.record(id, Fact::Dropped { reason: DropReason::NotConnected, what: Carried::Publish });
        }
    }
}

impl Component for Producer {
    fn on_start(&mut self, context: &mut Context) {
        self.started = Some(context.now());
        self.plan(context);
    }

    // A broker says nothing to a producer that asks for no confirms.
    fn on_message(&mut self, _: Envelope, _: &mut Context) {}

    fn on_timer(&mut self, timer: TimerId, _: u64, context: &mut Context) {
        let Some((_, count)) = self.next.filter(|(next, _)| *next == timer) else { return };
        self.next = None;
        self.last = Some(context.now());
        for _ in 0..u64::from(count).min(self.left()) {
            self.arrived_count += 1;
            self.send(context);
        }
        self.plan(context);
    }

    fn on_fault(&mut self, notice: Notice, context: &mut Context) {
        match notice {
            Notice::Crashed => self.next = None,
            Notice::Restarted => {
                self.started.get_or_insert(context.now());
                self.plan(context);
            }
            // It publishes into the void until the broker is back.
            Notice::PeerLost { .. } | Notice::PeerBack { .. } => {}
        }
    }

    fn on_change(&mut self, change: &Change, context: &mut Context) {
        let Change::Configured { settings, .. } = change else { return };
        let new = Producer::new(settings);
        let is_same_pace =
            (&new.arrivals, new.start_after, new.limit) == (&self.arrivals, self.start_after, self.limit);
        *self = Producer {
            started: self.started,
            last: self.last,
            next: self.next,
            arrived_count: self.arrived_count,
            sent_count: self.sent_count,
            ..new
        };
        if !is_same_pace {
            self.plan(context);
        }
    }

    fn on_command(&mut self, _: NodeId, command: &str, context: &mut Context) -> bool {
        if command == "send" {
            self.send(context);
        }
        command == "send"
    }

    fn inspect(&self, _: NodeId, _: usize) -> Inspection {
        let mut rows = vec![("Sent", self.sent_count.to_string())];
        if self.limit > 0 {
            rows.push(("Left", self.left().to_string()));
        }
        rows.extend(self.arrivals.not_understood().map(|text| ("Time not understood", text.to_string())));
        Inspection { headline: format!("{} sent", self.sent_count), rows, ..Inspection::default() }
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

/// Reads one header, written `name=value`.
fn header(text: &str) -> (Rc<str>, HeaderValue) {
    let Some((name, value)) = text.split_once('=') else { return (text.trim().into(), HeaderValue::Void) };
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let value = match (quoted, value, value.parse()) {
        (Some(text), ..) => HeaderValue::Text(text.into()),
        (None, "true", _) => HeaderValue::Boolean(true),
        (None, "false", _) => HeaderValue::Boolean(false),
        (None, _, Ok(number)) => HeaderValue::Integer(number),
        (None, text, Err(_)) => HeaderValue::Text(text.into()),
    };
    (name.trim().into(), value)
}
