//! The console: the actions of the SQS API, one in a line.
//!
//! The names of parameters and attributes are those of the API; what is answered has the product's codes for errors. A
//! receipt handle may be named by the body that it was received with: `delete q BODY handle=-1` stands for the newest
//! handle of that body, `handle=0` for the first. Leaves out: permissions, tags, listing message move tasks.

use std::rc::Rc;

use serde_json::{json, Map, Value as Json};

use crate::model::broker::operation::{Operation, Options, Unreadable};
use crate::model::broker::server::{Call, Happened, Session};
use crate::vocabulary::{json as text_json, Content, DropReason, Duration, HeaderValue, Time};

use super::answer::{invalid, no_queue, refusal, Refusal};
use super::attributes::{name_of, read_redrive, Allow, Attributes};
use super::receive::{handle_name, message_name, read_handle, Reader, Receive};
use super::send::{is_id, Deduplication, Request};
use super::server::{Queue, Redrive, Sqs};
use super::store::{State, SLOT_BITS};

/// A purge, and the name of a deleted queue, block another for so long.
const BLOCKED: Duration = Duration::from_secs(60);

type Answer = Result<Json, Refusal>;

fn ok() -> Json {
    json!({"ok": true})
}

/// A whole number in a request.
fn number(name: &str, value: &str) -> Result<i64, Refusal> {
    value.parse().map_err(|_| invalid(name, value, "Must be an integer."))
}

fn nothing_left(options: &Options) -> Result<(), Refusal> {
    match options.left().first() {
        Some((name, _)) => Err(refusal("UnknownParameter", format!("There is no parameter {name} here."))),
        None => Ok(()),
    }
}

/// Operands and options, or the error of a request that lacks something.
fn operands<'a, const COUNT: usize>(operation: &'a Operation) -> Result<([&'a str; COUNT], Options<'a>), Refusal> {
    operation.operands::<COUNT>().map_err(|unreadable| match unreadable {
        Unreadable::Missing => {
            refusal("MissingParameter", "The request must contain more parameters; help shows them.")
        }
        Unreadable::Stray(word) => refusal("UnknownParameter", format!("{word} is not written NAME=VALUE.")),
    })
}

fn entries(text: &str) -> Result<Vec<Json>, Refusal> {
    let wrong = || refusal("MalformedQueryString", "The entries must be a JSON list of objects.");
    let json = text_json::read(text).map_err(|_| wrong())?;
    let Json::Array(entries) = json else { return Err(wrong()) };
    if entries.is_empty() {
        return Err(refusal("EmptyBatchRequest", "There should be at least one entry in the request."));
    }
    if entries.len() > 10 {
        let text = format!("Maximum number of entries per request are 10. You have sent {}.", entries.len());
        return Err(refusal("TooManyEntriesInBatchRequest", text));
    }
    let ids: Vec<String> = entries.iter().map(id_of).collect();
    let is_valid = |id: &&String| {
        (1..=80).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if !ids.iter().all(|id| is_valid(&id)) {
        let text = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                    most 80 letters long.";
        return Err(refusal("InvalidBatchEntryId", text));
    }
    if let Some(id) = ids.iter().enumerate().find(|(index, id)| ids[..*index].contains(id)).map(|(_, id)| id) {
        return Err(refusal("BatchEntryIdsNotDistinct", format!("Id {id} repeated.")));
    }
    Ok(entries)
}

fn id_of(entry: &Json) -> String {
    match &entry["Id"] {
        Json::String(id) => id.clone(),
        Json::Number(id) => id.to_string(),
        _ => String::new(),
    }
}

/// A field of a batch entry as text.
fn field(entry: &Json, name: &str) -> Option<String> {
    match &entry[name] {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(text_json::to_text(other)),
    }
}

/// Message attributes: `{"k":"v"}`, or as the API writes them with `DataType` and `StringValue`.
fn headers(text: &str) -> Result<Vec<(Rc<str>, HeaderValue)>, Refusal> {
    let wrong = || refusal("InvalidParameterValue", "The message attributes must be a JSON object.");
    let json = text_json::read(text).map_err(|_| wrong())?;
    let value = |json: &Json| match json.get("StringValue").unwrap_or(json) {
        Json::String(text) => HeaderValue::Text(Rc::from(&**text)),
        Json::Bool(flag) => HeaderValue::Boolean(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(number) => HeaderValue::Integer(number),
            None => HeaderValue::Number(number.as_f64().unwrap_or_default()),
        },
        other => HeaderValue::Text(text_json::to_text(other).into()),
    };
    let fields = json.as_object().ok_or_else(wrong)?;
    Ok(fields.iter().map(|(name, json)| (Rc::from(&**name), value(json))).collect())
}

impl Sqs {
    /// Performs one line.
    ///
    /// # Errors
    /// What the service refuses.
    pub(super) fn perform(&mut self, session: Session, line: &str, call: &mut Call) -> Answer {
        let operation = Operation::read(line).map_err(|text| refusal("MalformedQueryString", text))?;
        let operation = &operation;
        match operation.word() {
            "create-queue" => self.create(operation, call),
            "delete-queue" => self.drop_queue(operation, call),
            "list-queues" => self.list(operation),
            "list-dead-letter-sources" => self.list_sources(operation),
            "attributes" => self.show_attributes(operation),
            "set-attributes" => self.set_attributes(operation, call),
            "counts" => self.show_counts(operation),
            "send" => self.send_one(operation, call),
            "send-batch" => self.send_batch(operation, call),
            "receive" => self.receive_some(operation, session, call),
            "delete" => self.delete_one(operation, call),
            "delete-batch" => self.delete_batch(operation, call),
            "change-visibility" => self.change_one(operation, call),
            "change-visibility-batch" => self.change_batch(operation, call),
            "purge" => self.purge(operation, call),
            "start-message-move" => self.start_move(operation, call),
            other => Err(refusal("InvalidAction", format!("The action {other} is not valid here."))),
        }
    }

    fn find(&self, name: &str) -> Result<u32, Refusal> {
        self.by_name.get(name_of(name)).copied().ok_or_else(no_queue)
    }

    fn found(&self, name: &str) -> Result<(u32, &Queue), Refusal> {
        let number = self.find(name)?;
        Ok((number, self.queue(number).ok_or_else(no_queue)?))
    }

    fn create(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        let is_fifo = match options.take("FifoQueue") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(refusal("InvalidAttributeValue", "Invalid value for the parameter FifoQueue.")),
        };
        let stem = if is_fifo { name.strip_suffix(".fifo").unwrap_or("") } else { name };
        let is_named = !stem.is_empty()
            && name.len() <= 80
            && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_named {
            let text = match is_fifo {
                true => {
                    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must \
                         end with .fifo suffix and be 1 to 80 in length."
                }
                false => "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
            };
            return Err(refusal("InvalidParameterValue", text));
        }
        self.deleted.retain(|(_, at)| call.now.since(*at) < BLOCKED);
        if self.deleted.iter().any(|(other, _)| &**other == name) {
            let text =
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
            return Err(refusal("QueueDeletedRecently", text));
        }
        let existing = self.by_name.get(name).copied();
        let old = existing.and_then(|number| self.queue(number));
        let mut attributes = old.map_or_else(|| Attributes::new(is_fifo), |queue| queue.attributes.clone());
        let redrive = self.read_policy(options.take("RedrivePolicy"), name, is_fifo)?;
        options.left().iter().try_for_each(|(name, value)| attributes.set(name, value))?;
        attributes.check()?;
        if let Some(old) = old {
            let is_same = old.attributes == attributes && redrive.is_none_or(|redrive| redrive == old.redrive);
            if !is_same || old.attributes.is_fifo != is_fifo {
                let text = "A queue already exists with the same name and a different value for an attribute.";
                return Err(refusal("QueueNameExists", text));
            }
        } else {
            let number = self.add_queue(Queue::new(Rc::from(name), None, attributes));
            if let Some(queue) = self.queue_mut(number) {
                queue.redrive = redrive.flatten();
            }
        }
        Ok(json!({"ok": true, "QueueUrl": name}))
    }

    /// Reads a redrive policy; an empty one takes the policy away.
    fn read_policy(
        &self,
        value: Option<&str>,
        source: &str,
        is_fifo: bool,
    ) -> Result<Option<Option<Redrive>>, Refusal> {
        let Some(value) = value else { return Ok(None) };
        if value.is_empty() {
            return Ok(Some(None));
        }
        let wrong = |reason: &str| invalid("RedrivePolicy", value, reason);
        let (target, receives_max) = read_redrive(value)
            .ok_or_else(|| wrong("It must have a deadLetterTargetArn and a maxReceiveCount between 1 and 1000."))?;
        let (number, queue) = self.found(&target).map_err(|_| wrong("Dead letter target does not exist."))?;
        if queue.attributes.is_fifo != is_fifo || &*queue.name == source {
            return Err(wrong("Dead-letter queue must be same type of queue as the source."));
        }
        let is_allowed = match &queue.attributes.allow {
            Allow::All => true,
            Allow::None => false,
            Allow::Queues(names) => names.iter().any(|name| name == source),
        };
        if !is_allowed {
            return Err(wrong("The dead letter target does not allow this source queue."));
        }
        Ok(Some(Some(Redrive { target: number, receives_max })))
    }

    fn drop_queue(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        nothing_left(&options)?;
        let (number, queue) = self.found(name)?;
        let name = queue.name.clone();
        self.delete_queue(number, DropReason::Deleted, call);
        self.deleted.push((name, call.now));
        Ok(ok())
    }

    fn list(&self, operation: &Operation) -> Answer {
        let ([], mut options) = operands::<0>(operation)?;
        let prefix = options.take("QueueNamePrefix").unwrap_or_default();
        nothing_left(&options)?;
        let names: Vec<&str> =
            self.by_name.keys().map(|name| &**name).filter(|name| name.starts_with(prefix)).collect();
        Ok(json!({ "queues": names }))
    }

    fn list_sources(&self, operation: &Operation) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        nothing_left(&options)?;
        let number = self.find(name)?;
        let names: Vec<&str> = self.sources(number).map(|(_, queue)| &*queue.name).collect();
        Ok(json!({ "queues": names }))
    }

    /// The queues whose dead letters go to this one.
    fn sources(&self, target: u32) -> impl Iterator<Item = (u32, &Queue)> {
        let numbered = self.queues.iter().enumerate();
        let queues = numbered.filter_map(|(number, queue)| queue.as_ref().map(|queue| (number as u32, queue)));
        queues.filter(move |(_, queue)| queue.redrive.is_some_and(|redrive| redrive.target == target))
    }

    fn show_attributes(&self, operation: &Operation) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        nothing_left(&options)?;
        let (_, queue) = self.found(name)?;
        let mut attributes = Map::new();
        queue.attributes.write(&mut attributes);
        let counts = queue.store.counts();
        let mut put = |name: &str, value: String| attributes.insert(name.into(), value.into());
        put("ApproximateNumberOfMessages", counts.visible.to_string());
        put("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string());
        put("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string());
        if let Some((redrive, target)) = queue.redrive.and_then(|redrive| Some((redrive, self.queue(redrive.target)?)))
        {
            let policy = json!({"deadLetterTargetArn": &*target.name, "maxReceiveCount": redrive.receives_max});
            put("RedrivePolicy", text_json::to_text(&policy));
        }
        Ok(Json::Object(attributes))
    }

    fn set_attributes(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        let (number, queue) = self.found(name)?;
        let redrive = self.read_policy(options.take("RedrivePolicy"), &queue.name, queue.attributes.is_fifo)?;
        let old = queue.attributes.clone();
        let mut attributes = old.clone();
        if options.take("FifoQueue").is_some() {
            return Err(refusal("InvalidAttributeName", "You can't change the type of a queue."));
        }
        options.left().iter().try_for_each(|(name, value)| attributes.set(name, value))?;
        attributes.check()?;
        if let Some(queue) = self.queue_mut(number) {
            queue.attributes = attributes;
            if let Some(redrive) = redrive {
                queue.redrive = redrive;
            }
        }
        self.attributes_changed(number, &old, call.now);
        Ok(ok())
    }

    fn show_counts(&self, operation: &Operation) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        nothing_left(&options)?;
        let counts = self.found(name)?.1.store.counts();
        Ok(json!({"visible": counts.visible, "in_flight": counts.in_flight, "delayed": counts.delayed}))
    }

    /// Sends what a line or a batch entry says; `said` gives the parameters by name.
    fn send_said(&mut self, number: u32, body: &str, said: &dyn Fn(&str) -> Option<String>, call: &mut Call) -> Answer {
        let delay = said("DelaySeconds").map(|value| self::number("DelaySeconds", &value)).transpose()?;
        let group = said("MessageGroupId");
        let id = said("MessageDeduplicationId");
        for (name, value) in [("MessageGroupId", &group), ("MessageDeduplicationId", &id)] {
            if let Some(value) = value.as_ref().filter(|value| !is_id(value)) {
                let reason =
                    format!("{name} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
                return Err(invalid(name, value, &reason));
            }
        }
        let headers = said("MessageAttributes").map(|text| headers(&text)).transpose()?.unwrap_or_default();
        let group: Rc<str> = group.unwrap_or_default().into();
        let content = Rc::new(Content {
            id: call.next_message_id(),
            routing_key: group.clone(),
            headers: headers.into(),
            payload: body.into(),
            persistent: true,
            priority: None,
            expiration: None,
            created: call.now,
        });
        call.outcome.push(Happened::Made(content.clone()));
        let deduplication = id.map_or(Deduplication::Unsaid, |id| Deduplication::Id(id.into()));
        let sent = self.send(number, Request { content, group, deduplication, delay }, call)?;
        let mut answer = json!({"ok": true, "MessageId": message_name(sent.message)});
        if self.is_fifo(number) {
            answer["SequenceNumber"] = format!("{:020}", sent.sequence).into();
        }
        Ok(answer)
    }

    fn send_one(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name, body], mut options) = operands::<2>(operation)?;
        let number = self.find(name)?;
        let mut given: Vec<(&str, String)> = Vec::new();
        for name in ["DelaySeconds", "MessageGroupId", "MessageDeduplicationId", "MessageAttributes"] {
            given.extend(options.take(name).map(|value| (name, value.to_string())));
        }
        given.extend(options.take("attributes").map(|value| ("MessageAttributes", value.to_string())));
        nothing_left(&options)?;
        let said = |name: &str| given.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone());
        self.send_said(number, body, &said, call)
    }

    /// Performs each entry of a batch; some may fail.
    fn batch(&mut self, operation: &Operation, each: &mut dyn FnMut(&mut Sqs, u32, &Json) -> Answer) -> Answer {
        let ([name, text], options) = operands::<2>(operation)?;
        nothing_left(&options)?;
        let number = self.find(name)?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries(text)? {
            let id = id_of(&entry);
            match each(self, number, &entry) {
                Ok(mut answer) => {
                    if let Some(fields) = answer.as_object_mut() {
                        fields.remove("ok");
                        fields.insert("Id".into(), id.into());
                    }
                    successful.push(answer);
                }
                Err(refusal) => failed.push(refusal.batch_entry(&id)),
            }
        }
        Ok(json!({"Successful": successful, "Failed": failed}))
    }

    fn send_batch(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        if let Some(Ok(Json::Array(entries))) = operation.rest().get(1).map(|text| text_json::read(text)) {
            let size: usize = entries.iter().filter_map(|entry| entry["MessageBody"].as_str()).map(str::len).sum();
            if size > 1_048_576 {
                let text = format!("Batch requests cannot be longer than 1048576 bytes. You have sent {size} bytes.");
                return Err(refusal("BatchRequestTooLong", text));
            }
        }
        self.batch(operation, &mut |sqs, number, entry| {
            let body = field(entry, "MessageBody").unwrap_or_default();
            sqs.send_said(number, &body, &|name| field(entry, name), call)
        })
    }

    fn receive_some(&mut self, operation: &Operation, session: Session, call: &mut Call) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        let (queue_number, queue) = self.found(name)?;
        let max = options.take("MaxNumberOfMessages").map(|value| number("MaxNumberOfMessages", value)).transpose()?;
        let max = max.unwrap_or(1);
        if !(1..=10).contains(&max) {
            let reason = "Must be between 1 and 10, if provided.";
            return Err(invalid("MaxNumberOfMessages", &max.to_string(), reason));
        }
        let wait = options.take("WaitTimeSeconds").map(|value| number("WaitTimeSeconds", value)).transpose()?;
        if let Some(wait) = wait.filter(|wait| !(0..=20).contains(wait)) {
            return Err(invalid("WaitTimeSeconds", &wait.to_string(), "Must be >= 0 and <= 20, if provided."));
        }
        let wait = wait.map_or(queue.attributes.wait(), |wait| Sqs::seconds(wait.unsigned_abs()));
        let visibility =
            options.take("VisibilityTimeout").map(|value| number("VisibilityTimeout", value)).transpose()?;
        if let Some(value) = visibility.filter(|value| !(0..=43_200).contains(value)) {
            return Err(invalid("VisibilityTimeout", &value.to_string(), "Must be between 0 and 43200, if provided."));
        }
        let attempt = options.take("ReceiveRequestAttemptId");
        if let Some(id) = attempt.filter(|id| !queue.attributes.is_fifo || !is_id(id)) {
            let reason = "The request include parameter that is not valid for this queue type.";
            return Err(invalid("ReceiveRequestAttemptId", id, reason));
        }
        nothing_left(&options)?;
        let receive = Receive {
            max: max as usize,
            visibility: visibility.map(|seconds| Sqs::seconds(seconds.unsigned_abs())),
            attempt: attempt.map(Rc::from),
        };
        let reader = Reader { session, client: call.broker, place: None };
        if self.take(queue_number, &reader, &receive, wait.0 == 0, call)? || wait.0 == 0 {
            return Ok(self.got(queue_number));
        }
        self.wait(queue_number, reader, receive, call.now + wait);
        Ok(json!({"blocked": true}))
    }

    /// The handle that is named: (number of the receive, slot and sequence number of the message).
    fn handle(&self, number: u32, named: &str, index: Option<&str>) -> Result<(u64, Option<(u32, u64)>), Refusal> {
        let wrong = || refusal("ReceiptHandleIsInvalid", format!("The input receipt handle \"{named}\" is not valid."));
        if let Some((queue, sequence, handle)) = read_handle(named).filter(|_| index.is_none()) {
            let slot = (handle & ((1 << SLOT_BITS) - 1)) as u32;
            let was_given = queue == number && handle >> SLOT_BITS <= self.handles_given;
            return was_given.then_some((handle, Some((slot, sequence)))).ok_or_else(wrong);
        }
        let queue = self.queue(number).ok_or_else(no_queue)?;
        let of_body: Vec<u64> =
            queue.handles.iter().filter(|(body, _)| &**body == named).map(|(_, handle)| *handle).collect();
        let index: i64 = index.unwrap_or("-1").parse().map_err(|_| wrong())?;
        let place = if index < 0 { of_body.len() as i64 + index } else { index };
        let found = usize::try_from(place).ok().and_then(|place| of_body.get(place));
        found.map(|handle| (*handle, None)).ok_or_else(wrong)
    }

    fn delete_named(&mut self, number: u32, named: &str, index: Option<&str>, call: &mut Call) -> Answer {
        let (handle, message) = self.handle(number, named, index)?;
        self.delete(number, handle, message, call.broker, call)?;
        Ok(ok())
    }

    fn delete_one(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name, named], mut options) = operands::<2>(operation)?;
        let index = options.take("handle");
        nothing_left(&options)?;
        let number = self.find(name)?;
        self.delete_named(number, named, index, call)
    }

    fn delete_batch(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        self.batch(operation, &mut |sqs, number, entry| {
            let named = field(entry, "ReceiptHandle").unwrap_or_default();
            sqs.delete_named(number, &named, None, call)
        })
    }

    fn change_named(&mut self, queue: u32, named: &str, index: Option<&str>, value: &str, call: &mut Call) -> Answer {
        let (handle, _) = self.handle(queue, named, index)?;
        let seconds = number("VisibilityTimeout", value)?;
        let reason = "VisibilityTimeout must be an integer between 0 and 43200";
        let seconds = u64::try_from(seconds).map_err(|_| invalid("VisibilityTimeout", value, reason))?;
        self.change_visibility(queue, handle, seconds, call.broker, call)?;
        Ok(ok())
    }

    fn change_one(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name, named, value], mut options) = operands::<3>(operation)?;
        let index = options.take("handle");
        nothing_left(&options)?;
        let number = self.find(name)?;
        self.change_named(number, named, index, value, call)
    }

    fn change_batch(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        self.batch(operation, &mut |sqs, number, entry| {
            let named = field(entry, "ReceiptHandle").unwrap_or_default();
            let value = field(entry, "VisibilityTimeout").unwrap_or_default();
            sqs.change_named(number, &named, None, &value, call)
        })
    }

    fn purge(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], options) = operands::<1>(operation)?;
        nothing_left(&options)?;
        let (number, queue) = self.found(name)?;
        let is_recent = |at: &Time| call.now.since(*at) < BLOCKED;
        if queue.purged.as_ref().is_some_and(is_recent) {
            let text = format!("Only one PurgeQueue operation on {} is allowed every 60 seconds.", queue.name);
            return Err(refusal("PurgeQueueInProgress", text));
        }
        self.discard_all(number, DropReason::Purged, call);
        if let Some(queue) = self.queue_mut(number) {
            queue.purged = Some(call.now);
        }
        Ok(ok())
    }

    fn start_move(&mut self, operation: &Operation, call: &mut Call) -> Answer {
        let ([name], mut options) = operands::<1>(operation)?;
        let named = options.take("DestinationArn");
        nothing_left(&options)?;
        let (number, queue) = self.found(name)?;
        if self.sources(number).next().is_none() {
            return Err(refusal("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."));
        }
        let destination = named.map(|name| self.found(name)).transpose()?;
        if destination.is_some_and(|(_, other)| other.attributes.is_fifo != queue.attributes.is_fifo) {
            return Err(refusal("InvalidParameterValue", "Source and destination must be of the same type."));
        }
        let destination = destination.map(|(number, _)| number);
        let visible: Vec<(u32, Option<u32>)> = queue
            .store
            .slots_in_order()
            .into_iter()
            .filter_map(|slot| queue.store.get(slot).map(|stored| (slot, stored)))
            .filter(|(_, stored)| stored.state == State::Visible)
            .map(|(slot, stored)| (slot, destination.or(stored.origin)))
            .collect();
        let mut moved = 0;
        for (slot, target) in visible {
            if let Some(target) = target.filter(|target| *target != number && self.queue(*target).is_some()) {
                self.move_back(number, slot, target, call);
                moved += 1;
            }
        }
        Ok(json!({"ok": true, "TaskHandle": handle_name(number, 0, 0), "ApproximateNumberOfMessagesMoved": moved}))
    }
}
