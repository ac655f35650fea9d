//! Publishing.

use std::rc::Rc;

use serde_json::{json, Value as Json};

use crate::model::broker::server::{Call, Happened};
use crate::vocabulary::{json as text_of, Content, Duration, HeaderValue};

use super::request::{flag, number, unknown, Request};
use super::{content_json, ok, Answer, Refusal};
use crate::model::broker::rabbitmq::matcher::Place;
use crate::model::broker::rabbitmq::server::RabbitMq;
use crate::model::broker::rabbitmq::values;

/// The properties of a message that is published.
#[derive(Default)]
struct Properties {
    is_persistent: bool,
    is_mandatory: bool,
    priority: Option<u8>,
    /// As it was written: AMQP has a text here.
    expiration: Option<String>,
    headers: Vec<(Rc<str>, HeaderValue)>,
}

fn properties(request: Request) -> Result<Properties, Refusal> {
    let mut read = Properties::default();
    for (option, value) in request.options() {
        match option.as_str() {
            "persistent" => read.is_persistent = flag(&option, &value)?,
            "delivery-mode" => read.is_persistent = number::<u8>(&option, &value)? == 2,
            "mandatory" => read.is_mandatory = flag(&option, &value)?,
            "priority" => read.priority = Some(number(&option, &value)?),
            "expiration" => read.expiration = Some(value),
            "headers" => match text_of::read(&value) {
                Ok(Json::Object(fields)) => read.headers = values::table(&fields).to_vec(),
                _ => return Err(Refusal::syntax("headers must be a JSON object")),
            },
            _ => return unknown(&option),
        }
    }
    Ok(read)
}

impl RabbitMq {
    pub(super) fn publish_by_line(&mut self, channel: u32, mut request: Request, call: &mut Call) -> Answer {
        let exchange = request.next("EXCHANGE")?;
        let key = request.next("KEY")?;
        let body = request.next("BODY")?;
        let read = properties(request)?;
        match self.check_publish(&exchange, &read) {
            Ok((id, expiration)) => {
                let content = Rc::new(Content {
                    id: call.next_message_id(),
                    routing_key: key.into(),
                    headers: read.headers.into(),
                    payload: body.into(),
                    persistent: read.is_persistent,
                    priority: read.priority,
                    expiration,
                    created: call.now,
                });
                self.publish_made(channel, id, content, read.is_mandatory, call);
            }
            // Publishing has no answer, so the error comes as what it does.
            Err(refusal) => self.fail_channel(channel, refusal.code, refusal.text, call),
        }
        ok()
    }

    /// The exchange and the time to live.
    fn check_publish(&self, exchange: &str, read: &Properties) -> Result<(u32, Option<Duration>), Refusal> {
        let id = self.known_exchange(exchange)?;
        if self.router.exchange(id).is_some_and(|exchange| exchange.spec.is_internal) {
            let text = format!("cannot publish to internal exchange '{exchange}' in vhost '/'");
            return Err(Refusal::new(403, text));
        }
        let Some(text) = &read.expiration else { return Ok((id, None)) };
        match expiration(text) {
            Ok(milliseconds) => Ok((id, Some(Duration::from_millis(milliseconds)))),
            Err(why) => Err(Refusal::new(406, format!("invalid expiration '{text}': {why}"))),
        }
    }

    fn publish_made(&mut self, number: u32, id: u32, content: Rc<Content>, is_mandatory: bool, call: &mut Call) {
        call.outcome.push(Happened::Made(content.clone()));
        let at = self.node_of(Place::Exchange(id), call.broker);
        let spread = self.spread(id, content.clone(), None, call);
        if spread.queues == 0 {
            self.unroutable(at, content.id, is_mandatory, call);
        }
        if is_mandatory && spread.queues == 0 {
            let session = self.channels.get(number).map(|channel| channel.session);
            let mut body = content_json(&content, self.exchange_name(id));
            body.insert("code".into(), 312.into());
            body.insert("text".into(), "NO_ROUTE".into());
            if let Some(session) = session {
                call.tell(session, "return", body.into());
            }
        }
        self.answer_publisher(number, at, content, is_mandatory, spread, call);
    }

    /// `confirm`: the server answers for every message that is published on the channel from now on.
    pub(super) fn ask_for_confirms(&mut self, number: u32, request: Request) -> Answer {
        request.end()?;
        if let Some(channel) = self.channels.get_mut(number) {
            channel.is_confirming = true;
        }
        Ok(json!("OK"))
    }
}

/// The milliseconds of an expiration; or what is wrong with it, as an Erlang term (`rabbit_basic:parse_expiration`).
fn expiration(text: &str) -> Result<u64, String> {
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(if digits > 0 { sign + digits } else { 0 });
    match (number.parse::<i128>(), rest) {
        (Err(_), _) => Err("no_integer".to_string()),
        (Ok(_), rest) if !rest.is_empty() => Err(format!("{{leftover_string,\"{rest}\"}}")),
        (Ok(number), _) if number < 0 => Err(format!("{{value_negative,{number}}}")),
        // The greatest timer of Erlang.
        (Ok(number), _) if number > i128::from(u32::MAX) => Err(format!("{{value_too_big,{number}}}")),
        (Ok(number), _) => Ok(number as u64),
    }
}
