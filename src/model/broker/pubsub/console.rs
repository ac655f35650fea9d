//! The console: the operations of Pub/Sub, one in a line.
//!
//! Words follow `gcloud pubsub`; options have the names of its flags or those of the API. Data are plain text. An
//! acknowledgement id may be named by the data that it was received with, which stands for the newest one. Leaves out:
//! permissions, schemas, labels.

use std::rc::Rc;

use serde_json::{json, Map, Value as Json};

use crate::model::broker::operation::{Operation, Options, Unreadable};
use crate::model::broker::server::{Call, Happened, Session};
use crate::vocabulary::{json as text_json, Content, DropReason, Duration, HeaderValue, Time};

use super::answer::{invalid, not_found, refusal, Refusal};
use super::config::{property, read_span, Config, RETENTION};
use super::deliver::{read_ack, Reader};
use super::seek::Target;
use super::server::{DeadLetters, PubSub, Subscription, Topic};
use super::store::SLOT_BITS;

type Answer = Result<Json, Refusal>;

fn nothing_left(options: &Options) -> Result<(), Refusal> {
    match options.left().first() {
        Some((name, _)) => Err(invalid(format!("There is no option {name} here."))),
        None => Ok(()),
    }
}

fn unreadable(unreadable: Unreadable) -> Refusal {
    match unreadable {
        Unreadable::Missing => invalid("The operation needs more words; help shows them."),
        Unreadable::Stray(word) => invalid(format!("{word} is not written NAME=VALUE.")),
    }
}

fn operands<'a, const COUNT: usize>(operation: &'a Operation) -> Result<([&'a str; COUNT], Options<'a>), Refusal> {
    operation.operands::<COUNT>().map_err(unreadable)
}

/// Ids are 3 to 255 letters, digits and some signs in the service; here one is enough, so that scripts stay short.
fn check_name(name: &str) -> Result<(), Refusal> {
    let is_sign = |letter: char| letter.is_ascii_alphanumeric() || "-_.~+%".contains(letter);
    let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic()) && !name.starts_with("goog");
    match starts && name.len() <= 255 && name.chars().all(is_sign) {
        true => Ok(()),
        false => Err(invalid(format!("Invalid resource name given (name={name})."))),
    }
}

fn exists(name: &str) -> Refusal {
    refusal("ALREADY_EXISTS", format!("Resource already exists in the project (resource={name})."))
}

fn attributes(text: &str) -> Result<Vec<(Rc<str>, HeaderValue)>, Refusal> {
    let wrong = || invalid("The attributes must be a JSON object of texts.");
    let json = text_json::read(text).map_err(|_| wrong())?;
    let fields = json.as_object().ok_or_else(wrong)?;
    let value = |json: &Json| json.as_str().map_or_else(|| text_json::to_text(json), str::to_string);
    let pairs = fields.iter().map(|(name, json)| (Rc::from(&**name), HeaderValue::Text(value(json).into())));
    Ok(pairs.collect())
}

impl PubSub {
    /// Performs one line.
    ///
    /// # Errors
    /// What the service refuses.
    pub(super) fn perform(&mut self, session: Session, line: &str, call: &mut Call) -> Answer {
        let operation = Operation::read(line).map_err(invalid)?;
        let operation = &operation;
        match operation.word() {
            "create-topic" => self.create_topic(operation),
            "delete-topic" => self.drop_topic(operation),
            "list-topics" => Ok(json!({"topics": self.topic_names.keys().map(|name| &**name).collect::<Vec<_>>()})),
            "create-subscription" => self.create_subscription(operation, call),
            "update-subscription" => self.update_subscription(operation, call),
            "delete-subscription" => self.drop_subscription(operation, call),
            "list-subscriptions" => {
                Ok(json!({"subscriptions": self.subscription_names.keys().map(|name| &**name).collect::<Vec<_>>()}))
            }
            "describe" => self.describe(operation),
            "publish" => self.publish_line(operation, call),
            "pull" => self.pull_line(operation, session, call),
            "streaming-pull" => self.open_line(operation, session, false, call),
            "listen" => self.open_line(operation, session, true, call),
            "close" => {
                self.close(session, call);
                Ok(json!({}))
            }
            "ack" => self.answer_ids(operation, 0, call),
            "nack" => self.answer_ids(operation, 0, call),
            "modack" => self.answer_ids(operation, 1, call),
            "respond" => self.respond(operation, call),
            "seek" => self.seek_line(operation, call),
            "snapshot" => self.snapshot(operation, call),
            other => Err(refusal("UNIMPLEMENTED", format!("There is no operation {other}."))),
        }
    }

    fn find_topic(&self, name: &str) -> Result<u32, Refusal> {
        let name = name.rsplit('/').next().unwrap_or(name);
        self.topic_names.get(name).copied().ok_or_else(|| not_found(name))
    }

    fn find(&self, name: &str) -> Result<(u32, &Subscription), Refusal> {
        let name = name.rsplit('/').next().unwrap_or(name);
        let number = self.subscription_names.get(name).copied().ok_or_else(|| not_found(name))?;
        Ok((number, self.subscription(number).ok_or_else(|| not_found(name))?))
    }

    fn create_topic(&mut self, operation: &Operation) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        let said = options.take("message-retention-duration").or_else(|| options.take("messageRetentionDuration"));
        let retention = said.map(|value| read_span("messageRetentionDuration", value)).transpose()?;
        nothing_left(&options)?;
        check_name(name)?;
        if retention.is_some_and(|retention| !(RETENTION.0..=RETENTION.1).contains(&retention)) {
            return Err(invalid("messageRetentionDuration must be between 10 minutes and 31 days."));
        }
        if self.topic_names.contains_key(name) {
            return Err(exists(name));
        }
        self.add_topic(Topic::new(Rc::from(name), None, retention));
        Ok(json!({ "name": name }))
    }

    fn drop_topic(&mut self, operation: &Operation) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        nothing_left(&options)?;
        let number = self.find_topic(name)?;
        self.delete_topic(number);
        Ok(json!({}))
    }

    /// Reads the dead-letter policy that is said; an empty topic takes it away.
    fn dead_letters(&self, pairs: &[(&str, &str)], old: Option<DeadLetters>) -> Result<Option<DeadLetters>, Refusal> {
        let said = |name: &str| pairs.iter().rev().find(|(other, _)| property(other) == name).map(|(_, value)| *value);
        let attempts = said("maxDeliveryAttempts").map(|value| {
            let number = value.parse().ok().filter(|number| (5..=100).contains(number));
            number.ok_or_else(|| invalid(format!("maxDeliveryAttempts must be 5..100, is {value}.")))
        });
        let attempts: Option<u32> = attempts.transpose()?;
        let topic = match said("deadLetterTopic") {
            Some("") => return Ok(None),
            Some(name) => Some(self.find_topic(name)?),
            None => old.map(|old| old.topic),
        };
        let attempts_max = attempts.or(old.map(|old| old.attempts_max)).unwrap_or(5);
        match topic {
            Some(topic) => Ok(Some(DeadLetters { topic, attempts_max })),
            None if attempts.is_some() => Err(invalid("maxDeliveryAttempts needs a deadLetterTopic.")),
            None => Ok(None),
        }
    }

    fn create_subscription(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        check_name(name)?;
        let topic = options.take("topic").ok_or_else(|| invalid("The option topic is missing."))?;
        let topic = self.find_topic(topic)?;
        if self.subscription_names.contains_key(name) {
            return Err(exists(name));
        }
        let mut config = Config::default();
        let dead = self.dead_letters(options.left(), None)?;
        for (name, value) in options.left() {
            if !["deadLetterTopic", "maxDeliveryAttempts"].contains(&property(name)) {
                config.set(property(name), value, true)?;
            }
        }
        config.check()?;
        let mut subscription = Subscription::new(Rc::from(name), None, config, call.now);
        subscription.dead = dead;
        self.add_subscription(subscription, Some(topic));
        Ok(json!({ "name": name }))
    }

    fn update_subscription(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        let (number, subscription) = self.find(name)?;
        let (mut config, old) = (subscription.config.clone(), subscription.config.retention);
        let (dead, used) = (self.dead_letters(options.left(), subscription.dead)?, subscription.used);
        for (name, value) in options.left() {
            if !["deadLetterTopic", "maxDeliveryAttempts"].contains(&property(name)) {
                config.set(property(name), value, false)?;
            }
        }
        config.check()?;
        if let Some(subscription) = self.subscription_mut(number) {
            subscription.config = config;
            subscription.dead = dead;
        }
        self.watch_use(number, used);
        self.retention_changed(number, old, call.now);
        self.became_ready(number);
        Ok(json!({ "name": name }))
    }

    fn drop_subscription(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        nothing_left(&options)?;
        let (number, _) = self.find(name)?;
        self.delete_subscription(number, DropReason::Deleted, call);
        Ok(json!({}))
    }

    fn describe(&self, operation: &Operation) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        nothing_left(&options)?;
        if let (Ok(number), Err(_)) = (self.find_topic(name), self.find(name)) {
            let Some(topic) = self.topic(number) else { return Err(not_found(name)) };
            let subscriptions = topic.subscriptions.iter().filter_map(|number| self.subscription(*number));
            let names: Vec<&str> = subscriptions.map(|subscription| &*subscription.name).collect();
            let retention = topic.retention.map(|retention| retention.to_string());
            return Ok(json!({"name": name, "subscriptions": names, "messageRetentionDuration": retention}));
        }
        let (_, subscription) = self.find(name)?;
        let config = &subscription.config;
        let topic = subscription.topic.and_then(|topic| self.topic(topic));
        let [waiting, outstanding, acked] = subscription.store.counts();
        let mut described = json!({
            "name": name,
            "topic": topic.map_or("_deleted-topic_", |topic| &*topic.name),
            "ackDeadlineSeconds": config.ack_deadline.0 / 1_000_000_000,
            "messageRetentionDuration": config.retention.to_string(),
            "retainAckedMessages": config.retains_acked,
            "enableMessageOrdering": config.is_ordered,
            "enableExactlyOnceDelivery": config.is_exactly_once,
            "expirationPolicy": {"ttl": config.expiration.map(|expiration| expiration.to_string())},
            "filter": config.filter.as_ref().map_or("", |filter| filter.text()),
            "push": config.is_push,
            "waiting": waiting,
            "outstanding": outstanding,
            "acked": acked,
        });
        if let Some((min, max)) = config.backoff {
            described["retryPolicy"] = json!({"minimumBackoff": min.to_string(), "maximumBackoff": max.to_string()});
        }
        if let Some((dead, topic)) = subscription.dead.and_then(|dead| Some((dead, self.topic(dead.topic)?))) {
            described["deadLetterPolicy"] =
                json!({"deadLetterTopic": &*topic.name, "maxDeliveryAttempts": dead.attempts_max});
        }
        if config.is_push {
            described["pushWindow"] = subscription.push.window.into();
        }
        Ok(described)
    }

    fn publish_line(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name, data], mut options) = operands::<2>(operation)?;
        let number = self.find_topic(name)?;
        let key = options.take("ordering-key").or_else(|| options.take("orderingKey")).unwrap_or_default();
        let headers = options.take("attributes").map(attributes).transpose()?.unwrap_or_default();
        nothing_left(&options)?;
        if data.is_empty() && headers.is_empty() {
            return Err(invalid("The message must have data or attributes."));
        }
        if key.len() > 1024 {
            return Err(invalid("An ordering key has at most 1024 bytes."));
        }
        if data.len() > 10_000_000 {
            return Err(invalid("The request is larger than 10 MB."));
        }
        let content = Rc::new(Content {
            id: call.next_message_id(),
            routing_key: key.into(),
            headers: headers.into(),
            payload: data.into(),
            persistent: true,
            priority: None,
            expiration: None,
            created: call.now,
        });
        call.outcome.push(Happened::Made(content.clone()));
        self.publish(number, content, call);
        Ok(json!({"messageIds": [self.serials_given.to_string()]}))
    }

    fn pull_line(&mut self, operation: &Operation, session: Session, call: &mut Call) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        let (number, subscription) = self.find(name)?;
        let said = options.take("max").or_else(|| options.take("limit")).unwrap_or("1");
        let max = said.parse::<u16>().ok().filter(|max| (1..=1000).contains(max));
        let max = usize::from(max.ok_or_else(|| invalid(format!("max must be 1..1000, is {said}.")))?);
        let wait = options.take("wait").map(|value| read_span("wait", value)).transpose()?.unwrap_or(Duration::ZERO);
        nothing_left(&options)?;
        if subscription.config.is_push {
            return Err(refusal("FAILED_PRECONDITION", "This method is not supported for this subscription type."));
        }
        let reader = Reader { session, client: call.broker, place: None };
        let taken = self.pull(number, &reader, max, call);
        if taken.is_empty() && wait.0 > 0 {
            self.wait(number, reader, max, call.now + wait);
            return Ok(json!({"blocked": true}));
        }
        Ok(self.pulled(number, &taken))
    }

    fn open_line(&mut self, operation: &Operation, session: Session, listens: bool, call: &mut Call) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        let (number, subscription) = self.find(name)?;
        let said = options.take("max-outstanding").unwrap_or("0");
        let max = said.parse::<u32>().ok().filter(|max| *max <= 100_000);
        let max = max.ok_or_else(|| invalid(format!("max-outstanding must be 0..100000, is {said}.")))?;
        let auto_ack = options.take("auto-ack") == Some("true");
        nothing_left(&options)?;
        if subscription.config.is_push != listens {
            return Err(refusal("FAILED_PRECONDITION", "This method is not supported for this subscription type."));
        }
        let max = if listens { 100_000 } else { max };
        self.open(number, Reader { session, client: call.broker, place: None }, max, auto_ack, call);
        Ok(json!({}))
    }

    /// The acknowledgement id that is named: (number of the delivery, serial number of the message).
    fn id(&self, number: u32, named: &str) -> Result<(u64, Option<u64>), Refusal> {
        let wrong = || invalid(format!("You have passed an invalid ack ID to the service (ack_id={named})."));
        if let Some((subscription, serial, handle)) = read_ack(named) {
            let was_given = subscription == number && handle >> SLOT_BITS <= self.handles_given;
            return was_given.then_some((handle, Some(serial))).ok_or_else(wrong);
        }
        let handles = self.subscription(number).map(|subscription| &subscription.handles);
        let found = handles.and_then(|handles| handles.iter().rev().find(|(data, _)| &**data == named));
        found.map(|(_, handle)| (*handle, None)).ok_or_else(wrong)
    }

    /// `ack`, `nack` and `modack`: the ids stand after the subscription and `skipped` words more.
    fn answer_ids(&mut self, operation: &Operation, skipped: usize, call: &mut Call) -> Answer {
        let words = operation.rest();
        let (Some(name), Some(names)) = (words.first(), words.get(1 + skipped..).filter(|names| !names.is_empty()))
        else {
            return Err(unreadable(Unreadable::Missing));
        };
        let (number, subscription) = self.find(name)?;
        let is_exactly_once = subscription.config.is_exactly_once;
        let by = match operation.word() {
            "modack" => {
                let seconds = words[1].parse::<u64>().ok().filter(|seconds| *seconds <= 600);
                Duration::from_secs(seconds.ok_or_else(|| invalid("The deadline must be 0..600 seconds."))?)
            }
            _ => Duration::ZERO,
        };
        let ids: Vec<(u64, Option<u64>)> = names.iter().map(|name| self.id(number, name)).collect::<Result<_, _>>()?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for ((handle, serial), named) in ids.into_iter().zip(names) {
            let done = match operation.word() {
                "ack" => self.ack(number, handle, serial, call.broker, call),
                _ => self.modify(number, handle, by, call.broker, call),
            };
            match done {
                Ok(()) => successful.push(Json::from(named.as_str())),
                Err(refusal) => failed.push(json!({"ackId": named, "reason": refusal.code})),
            }
        }
        match is_exactly_once {
            true => Ok(json!({"successful": successful, "failed": failed})),
            false => Ok(json!({})),
        }
    }

    /// A push endpoint's answer: 102, 200, 201, 202 and 204 acknowledge, everything else refuses.
    fn respond(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name, named, status], options) = operands::<3>(operation)?;
        nothing_left(&options)?;
        let (number, subscription) = self.find(name)?;
        if !subscription.config.is_push {
            return Err(refusal("FAILED_PRECONDITION", "Only a push endpoint responds."));
        }
        let status = status.parse::<u16>().ok().filter(|status| (100..600).contains(status));
        let status = status.ok_or_else(|| invalid("The status must be 100..599."))?;
        let (handle, serial) = self.id(number, named)?;
        if [102, 200, 201, 202, 204].contains(&status) {
            self.ack(number, handle, serial, call.broker, call)?;
        } else {
            self.modify(number, handle, Duration::ZERO, call.broker, call)?;
        }
        Ok(json!({}))
    }

    fn seek_line(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        let (number, _) = self.find(name)?;
        let target = match (options.take("time"), options.take("snapshot")) {
            (Some(time), None) => Target::Time(Time::ZERO + read_span("time", time)?),
            (None, Some(snapshot)) => Target::Snapshot(Rc::from(snapshot)),
            _ => return Err(invalid("Either time or snapshot must be said.")),
        };
        nothing_left(&options)?;
        self.seek(number, &target, call)?;
        Ok(json!({}))
    }

    fn snapshot(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let words: Vec<&str> = operation.rest().iter().map(String::as_str).collect();
        match words[..] {
            ["create", name, subscription] => {
                check_name(name)?;
                let (number, _) = self.find(subscription)?;
                let expires = self.take_snapshot(number, name, call)?;
                Ok(json!({"name": name, "expireTime": format!("{:.3}s", expires.seconds())}))
            }
            ["delete", name] => match self.snapshots.remove(name) {
                Some(_) => Ok(json!({})),
                None => Err(not_found(name)),
            },
            ["list"] => {
                let mut found = Map::new();
                for (name, snapshot) in self.snapshots.iter().filter(|(_, snapshot)| snapshot.expires > call.now) {
                    found.insert(name.to_string(), format!("{:.3}s", snapshot.expires.seconds()).into());
                }
                Ok(Json::Object(found))
            }
            _ => Err(unreadable(Unreadable::Missing)),
        }
    }
}
