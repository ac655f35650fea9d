//! Consuming, asking, and answering.

use serde_json::{json, Value as Json};

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::Fact;

use super::request::{flag, number, unknown, Request};
use super::{content_json, ok, Answer, Refusal};
use crate::model::broker::rabbitmq::arguments::Version;
use crate::model::broker::rabbitmq::channel::{Consumer, Held, NONE};
use crate::model::broker::rabbitmq::server::RabbitMq;
use crate::model::broker::rabbitmq::traffic::with_delivery_count;
use crate::vocabulary::{MessageId, Time};

impl RabbitMq {
    pub(super) fn consume(&mut self, session: Session, channel: u32, mut request: Request, call: &mut Call) -> Answer {
        let name = request.next("QUEUE")?;
        let mut tag = String::new();
        let (mut auto_ack, mut is_exclusive, mut priority, mut prefetch) = (false, false, 0, None);
        for (option, value) in request.options() {
            match option.as_str() {
                "tag" => tag = value,
                "auto-ack" | "no-ack" => auto_ack = flag(&option, &value)?,
                "exclusive" => is_exclusive = flag(&option, &value)?,
                "priority" | "x-priority" => priority = number(&option, &value)?,
                "prefetch" => prefetch = Some(number(&option, &value)?),
                _ => return unknown(&option),
            }
        }
        if tag.is_empty() {
            self.names_made += 1;
            tag = format!("amq.ctag-{}", self.names_made);
        }
        if self.consumer_tagged(channel, &tag).is_some() {
            return Err(Refusal::new(530, format!("attempt to reuse consumer tag '{tag}'")));
        }
        let id = self.usable_queue(session, &name)?;
        let queue = &self.queues[id as usize];
        let is_taken = |number: &u32| self.consumers.get(*number).is_some_and(|it| is_exclusive || it.is_exclusive);
        if queue.consumers.iter().any(is_taken) {
            return Err(Refusal::new(403, format!("queue '{name}' in vhost '/' in exclusive use")));
        }
        let (own, global) = self.channels.get(channel).map_or((0, 0), |it| (it.prefetch, it.prefetch_global));
        if queue.spec.is_quorum && global > 0 {
            return Err(Refusal::new(540, format!("queue '{name}' in vhost '/' does not support global qos")));
        }
        let prefetch = prefetch.unwrap_or(own);
        let consumer = Consumer {
            channel,
            queue: id,
            tag: tag.as_str().into(),
            node: call.broker,
            priority,
            prefetch,
            auto_ack,
            is_exclusive,
            is_subscribed: true,
            in_round: false,
            held: 0,
        };
        self.add_consumer(consumer);
        let at = self.queues[id as usize].node.unwrap_or(call.broker);
        call.fact(at, MessageId::NONE, Fact::Subscribed { consumer: call.broker, prefetch });
        self.go_on(id, call);
        Ok(json!({"consumer": tag}))
    }

    pub(super) fn cancel_by_line(&mut self, channel: u32, mut request: Request, call: &mut Call) -> Answer {
        let tag = request.next("TAG")?;
        request.end()?;
        // A tag that is not known is cancelled already.
        if let Some(number) = self.consumer_tagged(channel, &tag) {
            self.cancel(number, call);
        }
        Ok(json!({"consumer": tag}))
    }

    /// `qos`: the limit of consumers that are made from now on, or with `global` of all on the channel together.
    pub(super) fn qos(&mut self, channel: u32, mut request: Request, call: &mut Call) -> Answer {
        let limit = request.number("the prefetch count")?;
        let limit = u16::try_from(limit).map_err(|_| Refusal::syntax("a prefetch count is at most 65535"))?;
        let mut is_global = false;
        for (option, value) in request.options() {
            match option.as_str() {
                "global" => is_global = flag(&option, &value)?,
                _ => return unknown(&option),
            }
        }
        if is_global && self.version >= Version::V4_3 {
            return Err(Refusal::new(540, "Feature `global_qos` is deprecated and can't be used any more"));
        }
        let Some(of) = self.channels.get_mut(channel) else { return ok() };
        match is_global {
            true => of.prefetch_global = limit,
            false => of.prefetch = limit,
        }
        if is_global {
            let consumers = of.consumers.clone();
            for number in consumers {
                self.give_credit(number);
                if let Some(queue) = self.consumers.get(number).map(|consumer| consumer.queue) {
                    self.serve(queue, call);
                }
            }
        }
        ok()
    }

    /// `basic.get`: one message, if there is one. Prefetch limits do not count here.
    pub(super) fn get(&mut self, session: Session, channel: u32, mut request: Request, call: &mut Call) -> Answer {
        let name = request.next("QUEUE")?;
        let mut auto_ack = false;
        for (option, value) in request.options() {
            match option.as_str() {
                "auto-ack" | "no-ack" => auto_ack = flag(&option, &value)?,
                _ => return unknown(&option),
            }
        }
        let id = self.usable_queue(session, &name)?;
        self.expire_heads(id, call);
        let queue = &mut self.queues[id as usize];
        queue.used = call.now;
        let Some(mut stored) = queue.ready.pop() else { return Ok(json!({"empty": true})) };
        let Some(open) = self.channels.get_mut(channel) else { return Ok(json!({"empty": true})) };
        open.last_tag += 1;
        let (tag, redelivered, exchange) = (open.last_tag, stored.redelivered, stored.exchange);
        let (content, returns) = (stored.content.clone(), stored.returns);
        if auto_ack {
            self.held_count -= 1;
        } else {
            stored.redelivered = true;
            open.held.push_back(Held { tag, queue: id, consumer: NONE, since: call.now, stored });
            queue.unacked += 1;
            if self.timeout_check == Time::ZERO {
                self.timeout_check = call.now + self.consumer_timeout;
            }
        }
        let remaining = queue.ready.len();
        let (node, ready, unacked) = self.levels(id, call.broker);
        let to = call.broker;
        let fact = match redelivered {
            false => Fact::Leased { to, ready, unacked },
            true => Fact::Redelivered { to, ready, unacked },
        };
        call.fact(node, content.id, fact);
        if auto_ack {
            call.fact(node, content.id, Fact::Acked { by: to, ready, unacked });
        }
        self.expire_heads(id, call);
        self.arm(id);
        let content = if returns == 0 { content } else { with_delivery_count(&content, returns) };
        let mut body = content_json(&content, self.exchange_name(exchange));
        body.insert("tag".into(), tag.into());
        body.insert("redelivered".into(), redelivered.into());
        body.insert("remaining".into(), remaining.into());
        Ok(Json::Object(body))
    }

    /// `ack`, `nack` and `reject`. They have no answer, so an unknown tag comes as what it does.
    pub(super) fn settle_by_line(&mut self, word: &str, channel: u32, mut request: Request, call: &mut Call) -> Answer {
        let tag = request.number("TAG")?;
        let (mut multiple, mut requeue) = (false, true);
        for (option, value) in request.options() {
            match option.as_str() {
                "multiple" if word != "reject" => multiple = flag(&option, &value)?,
                "requeue" if word != "ack" => requeue = flag(&option, &value)?,
                _ => return unknown(&option),
            }
        }
        let is_known = match word {
            "ack" => self.ack(channel, tag, multiple, call),
            _ => self.nack(channel, tag, multiple, requeue, word == "reject", call),
        };
        if !is_known {
            let refusal = Refusal::new(406, format!("unknown delivery tag {tag}"));
            self.fail_channel(channel, refusal.code, refusal.text, call);
        }
        ok()
    }
}
