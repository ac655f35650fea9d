//! The language of lines: AMQP 0-9-1 methods in words, for people and tests.
//!
//! A client of a console is one connection; `channel NAME` opens a channel in it or goes back to one. What AMQP answers
//! is the answer to the line; what it says without being asked (`delivery`, `confirm`, `return`, `closed`, `cancelled`)
//! is told. An operation that the server refuses closes its channel, as in AMQP, and sometimes the whole connection; the
//! answer is then the error. Publishing, acknowledging and rejecting have no answer in AMQP: they are answered `"OK"`,
//! and an error is told as `closed`.
//!
//! Reproduces: RabbitMQ 3.10 error codes and texts. Leaves out: transactions, `basic.recover`, flow, passwords, and the
//! time in `x-death`.

mod consume;
mod declare;
mod publish;
mod request;

use std::rc::Rc;

use serde_json::{json, Map, Value as Json};

use crate::model::broker::server::{Call, Session};
use crate::model::broker::words::split;
use crate::vocabulary::Content;

use super::channel::Channel;
use super::server::RabbitMq;
use super::values::fields_json;

use request::Request;

/// Channels of one connection. RabbitMQ: `channel_max` = 2047.
const CHANNELS_MAX: usize = 2_047;

/// Exchanges and queues that consoles may have named before the next name is refused, so that memory stays bounded.
pub(super) const NAMES_MAX: usize = 20_000;

/// The connection of a console's client.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// By name; nothing for one that was closed.
    channels: Vec<(Rc<str>, Option<u32>)>,
    current: usize,
}

impl Connection {
    /// The channels that are open.
    pub fn channels(&self) -> Vec<u32> {
        self.channels.iter().filter_map(|(_, number)| *number).collect()
    }

    /// The server has closed a channel.
    pub fn closed(&mut self, number: u32) {
        for (_, open) in self.channels.iter_mut().filter(|(_, open)| *open == Some(number)) {
            *open = None;
        }
    }
}

/// What is closed because of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Nothing: the line itself is wrong.
    Line,
    /// The channel.
    Channel,
    /// The connection.
    Connection,
}

/// Why an operation is refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: u16,
    text: String,
    scope: Scope,
}

impl Refusal {
    /// The line makes no sense.
    fn syntax(text: impl Into<String>) -> Refusal {
        Refusal { code: 0, text: text.into(), scope: Scope::Line }
    }

    /// An error of the server, by its code.
    fn new(code: u16, text: impl AsRef<str>) -> Refusal {
        let (name, scope) = match code {
            403 => ("ACCESS_REFUSED", Scope::Channel),
            404 => ("NOT_FOUND", Scope::Channel),
            405 => ("RESOURCE_LOCKED", Scope::Channel),
            406 => ("PRECONDITION_FAILED", Scope::Channel),
            503 => ("COMMAND_INVALID", Scope::Connection),
            506 => ("RESOURCE_ERROR", Scope::Connection),
            530 => ("NOT_ALLOWED", Scope::Connection),
            540 => ("NOT_IMPLEMENTED", Scope::Connection),
            _ => ("INTERNAL_ERROR", Scope::Connection),
        };
        Refusal { code, text: format!("{name} - {}", text.as_ref()), scope }
    }

    fn no_queue(name: &str) -> Refusal {
        Refusal::new(404, format!("no queue '{name}' in vhost '/'"))
    }

    fn no_exchange(name: &str) -> Refusal {
        Refusal::new(404, format!("no exchange '{name}' in vhost '/'"))
    }

    fn json(&self) -> Json {
        match self.code {
            0 => json!({"error": "syntax", "text": self.text}),
            code => json!({"error": code.to_string(), "text": self.text}),
        }
    }
}

type Answer = Result<Json, Refusal>;

/// What AMQP answers with nothing but its name.
fn ok() -> Answer {
    Ok(json!("OK"))
}

/// A message as JSON: what both `basic.deliver` and `basic.get-ok` say of it.
pub(super) fn content_json(content: &Content, exchange: &str) -> Map<String, Json> {
    let mut body = Map::new();
    body.insert("body".into(), (&*content.payload).into());
    body.insert("exchange".into(), exchange.into());
    body.insert("routing_key".into(), (&*content.routing_key).into());
    if !content.headers.is_empty() {
        body.insert("headers".into(), fields_json(&content.headers));
    }
    if let Some(priority) = content.priority {
        body.insert("priority".into(), priority.into());
    }
    if let Some(expiration) = content.expiration {
        body.insert("expiration".into(), (expiration.0 / 1_000_000).to_string().into());
    }
    if content.persistent {
        body.insert("persistent".into(), true.into());
    }
    body
}

impl RabbitMq {
    /// Performs one line of a console's client.
    pub(super) fn perform(&mut self, session: Session, _: &str, line: &str, call: &mut Call) -> Json {
        let answer = match split(line) {
            Ok(words) => self.operate(session, Request::new(words), call),
            Err(error) => Err(Refusal::syntax(error)),
        };
        let refusal = match answer {
            Ok(answer) => return answer,
            Err(refusal) => refusal,
        };
        match refusal.scope {
            Scope::Line => {}
            Scope::Channel => {
                if let Some(number) = self.current_channel(session) {
                    if let Some(connection) = self.consoles.get_mut(&session) {
                        connection.closed(number);
                    }
                    self.close_channel(number, call);
                }
            }
            Scope::Connection => self.close_connection(session, call),
        }
        refusal.json()
    }

    fn operate(&mut self, session: Session, mut request: Request, call: &mut Call) -> Answer {
        let word = request.next("a word")?;
        match word.as_str() {
            "channel" => return self.select_channel(session, request, call),
            "close" => return self.close(session, request, call),
            "depth" => return self.depth(request),
            _ => {}
        }
        let channel = self.usable_channel(session, call)?;
        match word.as_str() {
            "declare" => match request.next("queue or exchange")?.as_str() {
                "queue" => self.declare_queue_by_line(session, request, call),
                "exchange" => self.declare_exchange_by_line(request),
                other => Err(Refusal::syntax(format!("\"{other}\" can't be declared; queue and exchange can"))),
            },
            "delete" => match request.next("queue or exchange")?.as_str() {
                "queue" => self.delete_queue_by_line(session, request, call),
                "exchange" => self.delete_exchange_by_line(request),
                other => Err(Refusal::syntax(format!("\"{other}\" can't be deleted; queue and exchange can"))),
            },
            "bind" => self.bind_by_line(session, request, true),
            "unbind" => self.bind_by_line(session, request, false),
            "purge" => self.purge(session, request, call),
            "publish" => self.publish_by_line(channel, request, call),
            "confirm" => self.ask_for_confirms(channel, request),
            "consume" => self.consume(session, channel, request, call),
            "cancel" => self.cancel_by_line(channel, request, call),
            "qos" => self.qos(channel, request, call),
            "get" => self.get(session, channel, request, call),
            "ack" | "nack" | "reject" => self.settle_by_line(&word, channel, request, call),
            _ => Err(Refusal::syntax(format!("there is no word \"{word}\"; help lists all words"))),
        }
    }

    fn current_channel(&self, session: Session) -> Option<u32> {
        let connection = self.consoles.get(&session)?;
        connection.channels.get(connection.current)?.1
    }

    /// The channel that the line is for. A connection begins with one of the name 1.
    fn usable_channel(&mut self, session: Session, call: &mut Call) -> Result<u32, Refusal> {
        if !self.consoles.contains_key(&session) {
            self.open(session, "1", call);
        }
        self.current_channel(session).ok_or_else(|| {
            Refusal::syntax("the channel is closed; channel NAME opens one, and may use the name of a closed one")
        })
    }

    fn open(&mut self, session: Session, name: &str, call: &mut Call) {
        let name: Rc<str> = name.into();
        let number = self.channels.add(Channel::new(session, name.clone(), call.broker, call.broker));
        let connection = self.consoles.get_or_insert_with(session, Connection::default);
        match connection.channels.iter().position(|(other, _)| *other == name) {
            Some(index) => {
                connection.channels[index].1 = Some(number);
                connection.current = index;
            }
            None => {
                connection.current = connection.channels.len();
                connection.channels.push((name, Some(number)));
            }
        }
    }

    fn select_channel(&mut self, session: Session, mut request: Request, call: &mut Call) -> Answer {
        let name = request.next("NAME")?;
        request.end()?;
        let connection = self.consoles.get_mut(&session);
        let known = connection.as_ref().map_or(0, |connection| connection.channels.len());
        let index = connection.as_ref().and_then(|it| it.channels.iter().position(|(other, _)| **other == *name));
        match (index, connection) {
            (Some(index), Some(connection)) if connection.channels[index].1.is_some() => connection.current = index,
            (None, _) if known >= CHANNELS_MAX => {
                return Err(Refusal::new(530, format!("number of channels opened ({known}) has reached the limit")));
            }
            _ => self.open(session, &name, call),
        }
        Ok(json!({"channel": name}))
    }

    /// `close`: the connection, or with `channel` the current channel.
    fn close(&mut self, session: Session, mut request: Request, call: &mut Call) -> Answer {
        match request.next_if_any().as_deref() {
            None => self.close_connection(session, call),
            Some("channel") => {
                request.end()?;
                if let Some(number) = self.current_channel(session) {
                    if let Some(connection) = self.consoles.get_mut(&session) {
                        connection.closed(number);
                    }
                    self.close_channel(number, call);
                }
            }
            Some(other) => return Err(Refusal::syntax(format!("close channel, or close alone; not close {other}"))),
        }
        ok()
    }

    /// The queue of this name, for a client that may use it.
    fn usable_queue(&self, session: Session, name: &str) -> Result<u32, Refusal> {
        let id = self.router.queue_named(name).ok_or_else(|| Refusal::no_queue(name))?;
        let owner = self.queues[id as usize].owner;
        if owner.is_some_and(|owner| owner != session) {
            return Err(Refusal::new(
                405,
                format!(
                    "cannot obtain exclusive access to locked queue '{name}' in vhost '/'. It could be originally declared \
                     on another connection or the exclusive property value does not match that of the original \
                     declaration."
                ),
            ));
        }
        Ok(id)
    }

    /// The exchange of this name.
    fn known_exchange(&self, name: &str) -> Result<u32, Refusal> {
        self.router.exchange_named(name).ok_or_else(|| Refusal::no_exchange(name))
    }
}
