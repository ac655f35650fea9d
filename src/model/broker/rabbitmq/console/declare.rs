//! Declaring, binding, purging and deleting.

use std::rc::Rc;

use serde_json::{json, Value as Json};

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{json as text_of, DropReason, Fact, HeaderValue};

use super::request::{flag, unknown, Request};
use super::{ok, Answer, Refusal, NAMES_MAX};
use crate::model::broker::rabbitmq::arguments::{QueueSpec, Version};
use crate::model::broker::rabbitmq::hosted::Queue;
use crate::model::broker::rabbitmq::matcher::{Condition, ExchangeType, HeadersMatch, Place};
use crate::model::broker::rabbitmq::router::{ExchangeSpec, DEFAULT_EXCHANGE};
use crate::model::broker::rabbitmq::server::RabbitMq;
use crate::model::broker::rabbitmq::values;

/// The arguments that `arguments={...}` names, or the one that an option is.
fn arguments(name: &str, value: &str) -> Result<Vec<(Rc<str>, HeaderValue)>, Refusal> {
    if name != "arguments" {
        return Ok(vec![(name.into(), values::value(value))]);
    }
    match text_of::read(value) {
        Ok(Json::Object(fields)) => Ok(values::table(&fields).to_vec()),
        _ => Err(Refusal::syntax("arguments must be a JSON object")),
    }
}

/// The name that a client may give to what it declares.
fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    if name.len() > 255 {
        return Err(Refusal::syntax("a name has at most 255 bytes"));
    }
    if name.starts_with("amq.") {
        return Err(Refusal::new(403, format!("{what} name '{name}' contains reserved prefix 'amq.*'")));
    }
    Ok(())
}

impl RabbitMq {
    pub(super) fn declare_queue_by_line(&mut self, session: Session, mut request: Request, call: &mut Call) -> Answer {
        let mut name = request.next("NAME")?;
        let mut spec = QueueSpec::default();
        let mut is_passive = false;
        for (option, value) in request.options() {
            match option.as_str() {
                "durable" => spec.is_durable = flag(&option, &value)?,
                "exclusive" => spec.is_exclusive = flag(&option, &value)?,
                "auto-delete" => spec.is_auto_delete = flag(&option, &value)?,
                "passive" => is_passive = flag(&option, &value)?,
                _ if option.starts_with("x-") || option == "arguments" => {
                    for (argument, value) in arguments(&option, &value)? {
                        spec.set(&name, &argument, &value).map_err(|text| Refusal::new(406, text))?;
                    }
                }
                _ => return unknown(&option),
            }
        }
        if name.is_empty() {
            self.names_made += 1;
            name = format!("amq.gen-{}", self.names_made);
        } else if self.router.queue_named(&name).is_none() && !is_passive {
            check_name("queue", &name)?;
        }
        let known = self.router.queue_named(&name);
        if let Some(id) = known {
            self.usable_queue(session, &name)?;
            let current = &self.queues[id as usize].spec;
            if !is_passive {
                if spec.is_exclusive != current.is_exclusive {
                    return Err(Refusal::new(
                        405,
                        format!(
                            "cannot obtain exclusive access to locked queue '{name}' in vhost '/'. It could be originally \
                             declared on another connection or the exclusive property value does not match that of the \
                             original declaration."
                        ),
                    ));
                }
                if let Some(difference) = spec.difference(current, &name) {
                    return Err(Refusal::new(406, difference));
                }
            }
            self.queues[id as usize].used = call.now;
        } else if is_passive {
            return Err(Refusal::no_queue(&name));
        }
        let id = match known {
            Some(id) => id,
            None => self.add_queue(session, &name, spec, call)?,
        };
        let queue = &self.queues[id as usize];
        Ok(json!({"queue": name, "messages": queue.ready.len(), "consumers": queue.consumers.len()}))
    }

    fn add_queue(&mut self, session: Session, name: &str, spec: QueueSpec, call: &mut Call) -> Result<u32, Refusal> {
        spec.check(name, self.version).map_err(|text| Refusal::new(406, text))?;
        if self.version >= Version::V4_3 && !spec.is_durable && !spec.is_exclusive {
            return Err(Refusal::new(
                541,
                "Feature `transient_nonexcl_queues` is deprecated and can't be used any more",
            ));
        }
        // One that was declared at a console and deleted gets its number back, so that scripts can go on for ever.
        let gone = self.router.gone_queue(name).filter(|id| self.queues[*id as usize].node.is_none());
        if gone.is_none() && self.queues.len() >= NAMES_MAX {
            return Err(Refusal::new(506, "there were too many names of queues"));
        }
        let id = gone.unwrap_or(self.queues.len() as u32);
        let owner = spec.is_exclusive.then_some(session);
        let mut queue = Queue::new(name.into(), None, spec, self.version, call.now);
        queue.owner = owner;
        match self.queues.get_mut(id as usize) {
            Some(old) => {
                // What it is still armed for is not lost, and finds nothing due.
                queue.armed = old.armed;
                *old = queue;
            }
            None => self.queues.push(queue),
        }
        self.router.declare_queue(id, name.into());
        self.arm(id);
        Ok(id)
    }

    pub(super) fn declare_exchange_by_line(&mut self, mut request: Request) -> Answer {
        let name = request.next("NAME")?;
        let mut spec = ExchangeSpec {
            kind: ExchangeType::Direct,
            is_durable: false,
            is_auto_delete: false,
            is_internal: false,
            alternate: None,
        };
        let mut is_passive = false;
        for (option, value) in request.options() {
            match option.as_str() {
                "type" => {
                    spec.kind = ExchangeType::named(&value)
                        .ok_or_else(|| Refusal::new(503, format!("unknown exchange type '{value}'")))?;
                }
                "durable" => spec.is_durable = flag(&option, &value)?,
                "auto-delete" => spec.is_auto_delete = flag(&option, &value)?,
                "internal" => spec.is_internal = flag(&option, &value)?,
                "passive" => is_passive = flag(&option, &value)?,
                "alternate-exchange" => spec.alternate = Some(value.as_str().into()),
                "arguments" => {
                    for (argument, value) in arguments(&option, &value)? {
                        if let ("alternate-exchange", HeaderValue::Text(name)) = (&*argument, value) {
                            spec.alternate = Some(name);
                        }
                    }
                }
                _ => return unknown(&option),
            }
        }
        let known = self.router.exchange_named(&name).and_then(|id| self.router.exchange(id));
        match known {
            _ if name.is_empty() => Err(default_exchange()),
            None if is_passive => Err(Refusal::no_exchange(&name)),
            None => {
                check_name("exchange", &name)?;
                if self.router.exchanges_made() >= NAMES_MAX {
                    return Err(Refusal::new(506, "there were too many names of exchanges"));
                }
                self.router.declare_exchange(name.as_str().into(), None, spec);
                ok()
            }
            Some(_) if is_passive => ok(),
            Some(exchange) => match difference(&spec, &exchange.spec) {
                Some((what, received, is)) => Err(Refusal::new(
                    406,
                    format!(
                        "inequivalent arg '{what}' for exchange '{name}' in vhost '/': received '{received}' but current \
                         is '{is}'"
                    ),
                )),
                None => ok(),
            },
        }
    }

    /// `bind` and `unbind`.
    pub(super) fn bind_by_line(&mut self, session: Session, mut request: Request, is_new: bool) -> Answer {
        let what = request.next("queue or exchange")?;
        let to = request.next("what is bound")?;
        let from = request.next("EXCHANGE")?;
        let key = request.next_if_any().unwrap_or_default();
        let to = match what.as_str() {
            "queue" => Place::Queue(self.usable_queue(session, &to)?),
            "exchange" if to.is_empty() => return Err(default_exchange()),
            "exchange" => Place::Exchange(self.known_exchange(&to)?),
            other => return Err(Refusal::syntax(format!("\"{other}\" can't be bound; queue and exchange can"))),
        };
        let from = self.known_exchange(&from)?;
        if from == DEFAULT_EXCHANGE {
            return Err(default_exchange());
        }
        let mut all = Vec::new();
        // Names of headers keep their underscores.
        for word in request.rest() {
            let (name, value) = word.split_once('=').unwrap_or((&word, "null"));
            all.extend(arguments(name, value)?);
        }
        let condition = Condition { arguments: all.into(), ..Condition::key(&key) };
        if self.router.exchange(from).is_some_and(|exchange| exchange.spec.kind == ExchangeType::Headers) {
            HeadersMatch::read(&condition.arguments).map_err(|text| Refusal::new(406, text))?;
        }
        if is_new {
            self.router.bind(None, from, to, condition);
        } else if self.router.unbind(from, to, &condition) {
            let left = self.take_away_unbound(from);
            left.into_iter().for_each(|exchange| {
                self.take_away_unbound(exchange);
            });
        }
        ok()
    }

    pub(super) fn purge(&mut self, session: Session, mut request: Request, call: &mut Call) -> Answer {
        let name = request.next("QUEUE")?;
        request.end()?;
        let id = self.usable_queue(session, &name)?;
        let (node, mut ready, unacked) = self.levels(id, call.broker);
        let gone = self.queues[id as usize].ready.retain(|_| false);
        self.held_count -= gone.len();
        for stored in &gone {
            ready -= 1;
            call.fact(node, stored.content.id, Fact::Discarded { ready, unacked });
            call.dropped(node, stored.content.id, DropReason::Purged);
        }
        Ok(json!({"messages": gone.len()}))
    }

    pub(super) fn delete_queue_by_line(&mut self, session: Session, mut request: Request, call: &mut Call) -> Answer {
        let name = request.next("NAME")?;
        let (mut if_unused, mut if_empty) = (false, false);
        for (option, value) in request.options() {
            match option.as_str() {
                "if-unused" => if_unused = flag(&option, &value)?,
                "if-empty" => if_empty = flag(&option, &value)?,
                _ => return unknown(&option),
            }
        }
        if self.router.queue_named(&name).is_none() {
            // Deleting what is not there is no error since 3.2.
            return Ok(json!({"messages": 0}));
        }
        let id = self.usable_queue(session, &name)?;
        let queue = &self.queues[id as usize];
        let messages = queue.ready.len();
        if if_unused && !queue.consumers.is_empty() {
            return Err(Refusal::new(406, format!("queue '{name}' in vhost '/' in use")));
        }
        if if_empty && messages > 0 {
            return Err(Refusal::new(406, format!("queue '{name}' in vhost '/' is not empty")));
        }
        self.delete_queue(id, DropReason::Deleted, call);
        Ok(json!({"messages": messages}))
    }

    pub(super) fn delete_exchange_by_line(&mut self, mut request: Request) -> Answer {
        let name = request.next("NAME")?;
        let mut if_unused = false;
        for (option, value) in request.options() {
            match option.as_str() {
                "if-unused" => if_unused = flag(&option, &value)?,
                _ => return unknown(&option),
            }
        }
        if name.is_empty() || name.starts_with("amq.") {
            return Err(match name.is_empty() {
                true => default_exchange(),
                false => Refusal::new(403, format!("deletion of system exchange '{name}' in vhost '/' not allowed")),
            });
        }
        let Some(id) = self.router.exchange_named(&name) else { return ok() };
        if if_unused && self.router.has_bindings(id) {
            return Err(Refusal::new(406, format!("exchange '{name}' in vhost '/' in use")));
        }
        self.take_away(Place::Exchange(id), true);
        ok()
    }

    /// What is in a queue. Not of AMQP, but of its management interface.
    pub(super) fn depth(&self, mut request: Request) -> Answer {
        let name = request.next("QUEUE")?;
        request.end()?;
        let Some(id) = self.router.queue_named(&name) else {
            return Ok(Refusal::no_queue(&name).json());
        };
        let queue = &self.queues[id as usize];
        Ok(json!({"ready": queue.ready.len(), "unacked": queue.unacked, "consumers": queue.consumers.len()}))
    }
}

fn default_exchange() -> Refusal {
    Refusal::new(403, "operation not permitted on the default exchange")
}

/// The first difference of two declarations of an exchange.
fn difference(received: &ExchangeSpec, is: &ExchangeSpec) -> Option<(&'static str, String, String)> {
    if received.kind != is.kind {
        return Some(("type", received.kind.label().into(), is.kind.label().into()));
    }
    let flags = [
        ("durable", received.is_durable, is.is_durable),
        ("auto_delete", received.is_auto_delete, is.is_auto_delete),
        ("internal", received.is_internal, is.is_internal),
    ];
    if let Some((name, received, is)) = flags.into_iter().find(|(_, received, is)| received != is) {
        return Some((name, received.to_string(), is.to_string()));
    }
    let text = |name: &Option<Rc<str>>| name.as_ref().map_or("none".to_string(), |name| name.to_string());
    (received.alternate != is.alternate).then(|| ("alternate-exchange", text(&received.alternate), text(&is.alternate)))
}
