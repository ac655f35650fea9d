//! Dead letters: messages that a queue gives up are published to its dead-letter exchange.
//!
//! Reproduces: RabbitMQ 3.10 (rabbitmq.com, "Dead Letter Exchanges"; rabbitmq-server, `rabbit_dead_letter`). A dead
//! letter is a new publish with its old routing key, unless the queue has one for dead letters, and joins the tail of
//! its target. `x-death` has one entry for each queue and reason, the latest first; a repeated event raises the count.
//! Its expiration is taken off and kept in the entry. A message that would come to a queue where it died before, with no
//! rejection in the whole circle, is dropped. From 4.0, `x-last-death-*` are set too, and an `x-death` that a client sent
//! is not read.
//!
//! Dead-lettering at least once, of quorum queues, is in `unburied.rs`. Leaves out: the time in the entries.

use std::rc::Rc;

use crate::model::broker::server::Call;
use crate::vocabulary::{Content, DropReason, Fact, HeaderValue, NodeId};

use super::arguments::Version;
use super::matcher::{field, Place, Table};
use super::ready::Stored;
use super::router::DEFAULT_EXCHANGE;
use super::server::RabbitMq;

/// Dead letters published in one call before the rest is dropped.
const BURIED_MAX: usize = 1_000_000;

/// Why a message died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `basic.reject` or `basic.nack` without requeue.
    Rejected,
    /// Its time to live ran out.
    Expired,
    /// The queue was too long.
    MaxLength,
    /// It came back too often.
    DeliveryLimit,
}

impl Reason {
    /// The word in `x-death`.
    pub fn label(self) -> &'static str {
        match self {
            Reason::Rejected => "rejected",
            Reason::Expired => "expired",
            Reason::MaxLength => "maxlen",
            Reason::DeliveryLimit => "delivery_limit",
        }
    }

    fn drop_reason(self) -> DropReason {
        match self {
            Reason::Rejected => DropReason::Rejected,
            Reason::Expired => DropReason::Expired,
            Reason::MaxLength => DropReason::QueueFull,
            Reason::DeliveryLimit => DropReason::DeliveryLimit,
        }
    }

    /// Whether the dead letter comes to a queue where it died before, and was rejected nowhere since.
    pub fn makes_cycle(self, queue: &str, content: &Content) -> bool {
        let Some(HeaderValue::List(deaths)) = field(&content.headers, "x-death") else { return false };
        if self == Reason::Rejected {
            return false;
        }
        let is = |death: &HeaderValue, name: &str, text: &str| match death {
            HeaderValue::Table(fields) => {
                matches!(field(fields, name), Some(HeaderValue::Text(value)) if &**value == text)
            }
            _ => false,
        };
        let last = deaths.iter().position(|death| is(death, "queue", queue));
        last.is_some_and(|last| !deaths[..=last].iter().any(|death| is(death, "reason", "rejected")))
    }
}

/// Where a queue's dead letters go.
#[derive(Clone, Debug)]
pub struct Target {
    /// The exchange.
    pub exchange: u32,
    /// The key; nothing: the one that the message has.
    pub key: Option<Rc<str>>,
    /// The node that the trace names.
    pub node: NodeId,
}

/// A dead letter that is still to be published.
#[derive(Clone, Debug)]
pub struct Dead {
    /// The message as it was in the queue.
    pub stored: Stored,
    /// The queue.
    pub queue: u32,
    /// Why it died.
    pub reason: Reason,
    /// Where it goes.
    pub target: Target,
}

impl RabbitMq {
    /// Where the dead letters of a queue go: nothing if nowhere; an error if the place does not exist.
    pub(super) fn dead_letter_target(&self, id: u32, broker: NodeId) -> Option<Result<Target, ()>> {
        let queue = self.queues.get(id as usize)?;
        if let Some(wire) = queue.dead_wires.first() {
            let node = self.node_of(wire.to, broker);
            return Some(Ok(match wire.to {
                Place::Exchange(exchange) => {
                    let key = Some(wire.key.clone()).filter(|key| !key.is_empty());
                    Target { exchange, key, node }
                }
                Place::Queue(to) => {
                    let key = self.queues.get(to as usize).map(|queue| queue.name.clone());
                    Target { exchange: DEFAULT_EXCHANGE, key, node }
                }
            }));
        }
        let name = queue.spec.dead_letter_exchange.as_ref()?;
        let key = queue.spec.dead_letter_key.clone();
        let Some(exchange) = self.router.exchange_named(name) else { return Some(Err(())) };
        let queue = key.as_ref().filter(|_| exchange == DEFAULT_EXCHANGE).and_then(|key| self.router.queue_named(key));
        let node = self.node_of(queue.map_or(Place::Exchange(exchange), Place::Queue), broker);
        Some(Ok(Target { exchange, key, node }))
    }

    /// A queue gives a message up. It is out of the queue already, whose levels without it are given. Returns how many
    /// more are held afterwards: one if the dead letter stays until it is confirmed.
    pub(super) fn die(&mut self, id: u32, stored: Stored, reason: Reason, levels: (u32, u32), call: &mut Call) -> u32 {
        if self.queues[id as usize].spec.is_at_least_once() {
            self.keep_dead(id, (stored, reason), levels, call);
            return 1;
        }
        self.held_count -= 1;
        let node = self.node_of(Place::Queue(id), call.broker);
        let (message, (ready, unacked)) = (stored.content.id, levels);
        let dropped = match self.dead_letter_target(id, call.broker) {
            Some(Ok(target)) => {
                call.fact(node, message, Fact::DeadLettered { to: target.node, ready, unacked });
                self.dead.push_back(Dead { stored, queue: id, reason, target });
                return 0;
            }
            Some(Err(())) => DropReason::NoDeadLetterTarget,
            None => reason.drop_reason(),
        };
        call.fact(node, message, Fact::Discarded { ready, unacked });
        call.dropped(node, message, dropped);
        0
    }

    /// Publishes the dead letters, and those that come of them.
    pub(super) fn bury(&mut self, call: &mut Call) {
        let mut buried = 0;
        while let Some(dead) = self.dead.pop_front() {
            let Target { exchange, key, node } = dead.target.clone();
            if buried >= BURIED_MAX {
                call.dropped(node, dead.stored.content.id, DropReason::Limit);
                continue;
            }
            buried += 1;
            let content = self.dead_letter(&dead, key);
            let message = content.id;
            let spread = self.spread(exchange, content, Some(dead.reason), call);
            if spread.queues == 0 {
                self.unroutable(node, message, false, call);
            }
        }
    }

    /// The message as it is published again.
    pub(super) fn dead_letter(&self, dead: &Dead, key: Option<Rc<str>>) -> Rc<Content> {
        let Dead { stored, queue, reason, .. } = dead;
        let content = &stored.content;
        let queue_name = self.queues.get(*queue as usize).map_or_else(|| Rc::from(""), |queue| queue.name.clone());
        let exchange: Rc<str> = self.exchange_name(stored.exchange).into();
        let is_first =
            field(&content.headers, "x-death").is_none() || (self.version >= Version::V4_0 && !stored.has_died);
        let death = Death { queue: queue_name, exchange, reason: *reason, content };
        let mut headers: Vec<(Rc<str>, HeaderValue)> = Vec::new();
        headers.push(("x-death".into(), HeaderValue::List(death.list(is_first))));
        let mut sides: Vec<&str> = Vec::new();
        if is_first {
            sides.push("first");
        }
        if self.version >= Version::V4_0 {
            sides.push("last");
        }
        for side in sides {
            let text = |text: &str| HeaderValue::Text(text.into());
            headers.push((format!("x-{side}-death-exchange").into(), text(&death.exchange)));
            headers.push((format!("x-{side}-death-queue").into(), text(&death.queue)));
            headers.push((format!("x-{side}-death-reason").into(), text(reason.label())));
        }
        let is_replaced = |name: &str| headers.iter().any(|(other, _)| &**other == name) || name == "x-delivery-count";
        let mut all: Vec<(Rc<str>, HeaderValue)> =
            content.headers.iter().filter(|(name, _)| !is_replaced(name)).cloned().collect();
        all.extend(headers);
        Rc::new(Content {
            routing_key: key.unwrap_or_else(|| content.routing_key.clone()),
            headers: all.into(),
            expiration: None,
            ..(**content).clone()
        })
    }
}

/// One death of a message.
struct Death<'a> {
    queue: Rc<str>,
    exchange: Rc<str>,
    reason: Reason,
    content: &'a Content,
}

impl Death<'_> {
    /// The entries of `x-death` with this death in front.
    fn list(&self, is_first: bool) -> Rc<[HeaderValue]> {
        let known = match field(&self.content.headers, "x-death") {
            Some(HeaderValue::List(known)) if !is_first => known.to_vec(),
            _ => Vec::new(),
        };
        let is_this = |entry: &HeaderValue| match entry {
            HeaderValue::Table(fields) => {
                field(fields, "queue") == Some(&HeaderValue::Text(self.queue.clone()))
                    && field(fields, "reason") == Some(&HeaderValue::Text(self.reason.label().into()))
            }
            _ => false,
        };
        let (same, others): (Vec<HeaderValue>, Vec<HeaderValue>) = known.into_iter().partition(is_this);
        let entry = match same.into_iter().next() {
            Some(HeaderValue::Table(fields)) => counted(&fields),
            _ => self.entry(),
        };
        std::iter::once(HeaderValue::Table(entry)).chain(others).collect()
    }

    fn entry(&self) -> Table {
        let text = |text: &str| HeaderValue::Text(text.into());
        let keys = HeaderValue::List(Rc::from([HeaderValue::Text(self.content.routing_key.clone())]));
        let mut fields = vec![
            ("count", HeaderValue::Integer(1)),
            ("exchange", text(&self.exchange)),
            ("queue", text(&self.queue)),
            ("reason", text(self.reason.label())),
            ("routing-keys", keys),
        ];
        if let Some(expiration) = self.content.expiration {
            fields.push(("original-expiration", text(&(expiration.0 / 1_000_000).to_string())));
        }
        fields.into_iter().map(|(name, value)| (Rc::from(name), value)).collect()
    }
}

/// An entry with a count that is greater by one.
fn counted(fields: &[(Rc<str>, HeaderValue)]) -> Table {
    let raised = |(name, value): &(Rc<str>, HeaderValue)| match (&**name, value) {
        ("count", HeaderValue::Integer(count)) => (name.clone(), HeaderValue::Integer(count + 1)),
        _ => (name.clone(), value.clone()),
    };
    fields.iter().map(raised).collect()
}
