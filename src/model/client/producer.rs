//! The producer: makes messages and hands them to a broker.
//!
//! Reproduces: a client that publishes with AMQP 0-9-1 `basic.publish` and does not wait for an answer (RabbitMQ 3.10,
//! "Publishers"). When it makes messages is in `arrivals.rs`, what is in them in `template.rs`, what it hears of them in
//! `answers.rs`.
//!
//! Leaves out: blocked connections; waiting for the connection: what is published while the broker is down is lost on the
//! link. A restarted producer goes on counting where it stopped.

mod answers;
mod arrivals;
mod params;
mod template;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::kernel::{Change, Component, Context, Envelope, Inspection, Notice, Port};
use crate::model::kind::{Direction, Group, NodeKind, PortSpec, Role};
use crate::vocabulary::{
    BrokerMessage, Carried, Content, DropReason, Duration, Fact, HeaderValue, Message, NodeId, Settings, Time, TimerId,
};

use answers::Answers;
use arrivals::{Arrivals, Moment};
use params::PARAMS;
use template::Template;

const OUT: Port = Port(0);

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
    priority: Option<u8>,
    expiration: Option<Duration>,
    answers: Answers,
    is_running: bool,
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
            priority: Some(settings.integer("priority").clamp(0, 255) as u8).filter(|priority| *priority > 0),
            expiration: Some(settings.duration("expiration")).filter(|expiration| expiration.0 > 0),
            answers: Answers::read(settings),
            is_running: false,
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
            priority: self.priority,
            expiration: self.expiration,
            created: context.now(),
        });
        context.remember(&content);
        context.record(id, Fact::Published {});
        self.sent_count += 1;
        self.answers.sent();
        if context.send(OUT, BrokerMessage::Publish(content).into()) == 0 {
            context.record(id, Fact::Dropped { reason: DropReason::NotConnected, what: Carried::Publish });
        }
    }
}

impl Producer {
    /// Asks for answers over every connection.
    fn ask(&mut self, context: &mut Context) {
        self.is_running = true;
        let links: Vec<_> = context.links(context.node(), OUT).collect();
        links.into_iter().for_each(|link| self.answers.ask(link, context));
    }
}

impl Component for Producer {
    fn on_start(&mut self, context: &mut Context) {
        self.started = Some(context.now());
        self.ask(context);
        self.plan(context);
    }

    fn on_message(&mut self, envelope: Envelope, _: &mut Context) {
        let Message::Broker(frame) = &envelope.message;
        self.answers.hear(envelope.link, frame);
    }

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
            Notice::Crashed => {
                self.next = None;
                self.is_running = false;
                self.answers.lose_all();
            }
            Notice::Restarted => {
                self.started.get_or_insert(context.now());
                self.ask(context);
                self.plan(context);
            }
            // It publishes into the void until the broker is back.
            Notice::PeerLost { link, .. } => self.answers.lose(link),
            Notice::PeerBack { link, .. } => self.answers.ask(link, context),
        }
    }

    fn on_change(&mut self, change: &Change, context: &mut Context) {
        let settings = match change {
            Change::Configured { settings, .. } => settings,
            Change::LinkAdded { link, .. } if self.is_running => return self.answers.ask(*link, context),
            Change::LinkRemoved { link, .. } => return self.answers.lose(*link),
            _ => return,
        };
        let mut new = Producer::new(settings);
        let asks = std::mem::take(&mut new.answers);
        let is_same_pace =
            (&new.arrivals, new.start_after, new.limit) == (&self.arrivals, self.start_after, self.limit);
        *self = Producer {
            started: self.started,
            last: self.last,
            next: self.next,
            arrived_count: self.arrived_count,
            sent_count: self.sent_count,
            answers: std::mem::take(&mut self.answers),
            is_running: self.is_running,
            ..new
        };
        if self.answers.ask_as(asks) && self.is_running {
            let links: Vec<_> = context.links(context.node(), OUT).collect();
            links.into_iter().for_each(|link| self.answers.ask_again(link, context));
        }
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
        rows.extend(self.answers.rows());
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
