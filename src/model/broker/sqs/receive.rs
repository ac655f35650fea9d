//! Receiving: short and long polls, receipt handles, visibility.
//!
//! Reproduces: SQS API Reference, `ReceiveMessage`, `DeleteMessage`, `ChangeMessageVisibility`; Developer Guide, "Short
//! and long polling", "Visibility timeout", "Dead-letter queues", "Quotas". A receipt handle belongs to one receive. With
//! an older one a delete is answered well and does nothing; a FIFO queue says that it has expired, also if nobody
//! received the message since. A dead letter moves at the receive that would be one too many; the receive goes on with
//! the next message.
//!
//! Legal choices, drawn and off by default, in standard queues only: that a receive takes another message than the first
//! (`reorder`), that a received message can be received at once again because one of its copies was not hidden
//! (`duplicate`), and that a short poll does not see a message because it does not ask all servers
//! (`short_poll_misses`). Leaves out: on which server a message lies.

use std::rc::Rc;

use serde_json::{json, Map, Value as Json};

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, Duration, Fact, HeaderValue, NodeId, Time};

use super::answer::{invalid, no_queue, refusal, Refusal};
use super::attributes::Attributes;
use super::server::{Due, Queue, Sqs};
use super::sha256::{digits, sha256};
use super::store::{State, Store, Stored, SLOT_BITS};

/// Messages in flight in one queue.
pub(super) const IN_FLIGHT_MAX: u32 = 120_000;

/// A message is hidden at most so long after its receive.
const HIDDEN_MAX: Duration = Duration::from_secs(43_200);

/// How long a receive can be repeated with the same `ReceiveRequestAttemptId`.
const ATTEMPT: Duration = Duration::from_secs(300);

/// Receives whose attempt ids a queue remembers, and handles by which a console may name bodies.
const REMEMBERED_MAX: usize = 4096;

/// How far a receive looks past the first message when it takes another one.
const REORDER_REACH: u32 = 10;

/// Who receives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) session: Session,
    /// The client's node; the broker's own for a console.
    pub(super) client: NodeId,
    /// The queue's node, for a client of the drawing.
    pub(super) place: Option<NodeId>,
}

/// A request to receive.
#[derive(Clone, Debug)]
pub(super) struct Receive {
    pub(super) max: usize,
    pub(super) visibility: Option<Duration>,
    pub(super) attempt: Option<Rc<str>>,
}

/// A long poll that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub(super) number: u64,
    pub(super) reader: Reader,
    pub(super) receive: Receive,
}

/// What a receive with an attempt id got: slots, handles, and until when they are hidden.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    id: Rc<str>,
    at: Time,
    taken: Vec<(u32, u64, Time)>,
}

impl Sqs {
    /// A pull of a client of the drawing. A wait of zero stands for none that is said.
    pub(super) fn pull(&mut self, number: u32, reader: Reader, max: u16, wait: Duration, call: &mut Call) {
        let Some(queue) = self.queue(number) else { return };
        let wait = if wait.0 == 0 { queue.attributes.wait() } else { wait.min(Duration::from_secs(20)) };
        let receive = Receive { max: usize::from(max.clamp(1, 10)), visibility: None, attempt: None };
        // Over the limit the answer is empty, and the client asks again.
        let found = self.take(number, &reader, &receive, wait.0 == 0, call).unwrap_or_default();
        if found || wait.0 == 0 {
            self.hand_over(number, reader, call);
        } else {
            self.wait(number, reader, receive, call.now + wait);
        }
    }

    /// Lets a long poll wait.
    pub(super) fn wait(&mut self, number: u32, reader: Reader, receive: Receive, until: Time) {
        self.waiters_given += 1;
        let waiter = Waiter { number: self.waiters_given, reader, receive };
        self.deadlines.push(until, Due::Poll(number, waiter.number));
        if let Some(queue) = self.queue_mut(number) {
            queue.waiters.push_back(waiter);
            self.waiter_count += 1;
        }
    }

    /// Serves the long polls of a queue, the oldest first, as far as there are messages.
    pub(super) fn serve_waiters(&mut self, number: u32, call: &mut Call) {
        while let Some(waiter) = self.queue(number).and_then(|queue| queue.waiters.front()).cloned() {
            if !self.take(number, &waiter.reader, &waiter.receive, false, call).unwrap_or_default() {
                return;
            }
            if let Some(queue) = self.queue_mut(number) {
                queue.waiters.pop_front();
                self.waiter_count -= 1;
            }
            self.hand_over(number, waiter.reader, call);
        }
    }

    /// A long poll ends without a message.
    pub(super) fn end_poll(&mut self, number: u32, waiter: u64, call: &mut Call) {
        let Some(queue) = self.queue_mut(number) else { return };
        let Some(index) = queue.waiters.iter().position(|other| other.number == waiter) else { return };
        let Some(waiter) = queue.waiters.remove(index) else { return };
        self.waiter_count -= 1;
        self.taken.clear();
        self.hand_over(number, waiter.reader, call);
    }

    /// How many visible messages the receive passes over; nothing if it sees none.
    fn passed(queue: &Queue, is_short: bool, call: &mut Call) -> Option<usize> {
        let (reorder, misses) = (queue.attributes.reorder(), queue.attributes.short_poll_misses());
        let visible = queue.store.counts().visible;
        if (reorder <= 0.0 && misses <= 0.0) || visible == 0 {
            return (visible > 0).then_some(0);
        }
        let mut passed = 0;
        if call.random.chance(reorder) {
            passed = call.random.below(visible.min(REORDER_REACH));
        }
        while is_short && passed < visible && call.random.chance(misses) {
            passed += 1;
        }
        (passed < visible).then_some(passed as usize)
    }

    /// Takes messages for one receive into `taken`. True if there are any.
    ///
    /// # Errors
    /// `OverLimit`, at a short poll of a standard queue.
    pub(super) fn take(
        &mut self,
        number: u32,
        reader: &Reader,
        receive: &Receive,
        is_short: bool,
        call: &mut Call,
    ) -> Result<bool, Refusal> {
        self.taken.clear();
        if receive.attempt.is_some() && self.repeat(number, reader, receive, call) {
            return Ok(true);
        }
        let mut taken = std::mem::take(&mut self.taken);
        let mut current = None;
        let mut is_over = false;
        while taken.len() < receive.max {
            let Some(queue) = self.queues.get_mut(number as usize).and_then(Option::as_mut) else { break };
            is_over = queue.store.counts().in_flight >= IN_FLIGHT_MAX;
            let Some(passed) = Sqs::passed(queue, is_short, call).filter(|_| !is_over) else { break };
            let Some(slot) = queue.store.pick(&mut current, passed) else { break };
            let receives_here = queue.store.get(slot).map_or(0, |stored| stored.receives_here);
            match queue.redrive.filter(|redrive| receives_here >= redrive.receives_max) {
                Some(redrive) if self.queue(redrive.target).is_some() => self.move_dead(number, slot, redrive, call),
                _ => taken.push((slot, self.hand_out(number, slot, reader, receive, call))),
            }
        }
        if let Some(queue) = self.queue_mut(number) {
            queue.store.end_pick(current);
        }
        let found = !taken.is_empty();
        self.taken = taken;
        if is_over && !found && is_short && !self.is_fifo(number) {
            return Err(refusal("OverLimit", "There are too many messages in flight in the queue."));
        }
        self.after_taking(number, receive, call);
        Ok(found)
    }

    /// Hides one message that was picked and returns its handle.
    fn hand_out(&mut self, number: u32, slot: u32, reader: &Reader, receive: &Receive, call: &mut Call) -> u64 {
        self.handles_given += 1;
        let handle = self.handles_given << SLOT_BITS | u64::from(slot);
        let Some(queue) = self.queues.get_mut(number as usize).and_then(Option::as_mut) else { return handle };
        let until = call.now + receive.visibility.unwrap_or(queue.attributes.visibility_timeout());
        let Some(stored) = queue.store.lease(slot, handle, call.now, until, reader.client) else { return handle };
        let (message, is_first) = (stored.content.id, stored.receives_here == 1);
        self.deadlines.push(until, Due::Visible(number, slot, stored.sequence));
        let (node, to, (ready, unacked)) = (self.node(number, call), reader.client, self.levels(number));
        let fact = match is_first {
            true => Fact::Leased { to, ready, unacked },
            false => Fact::Redelivered { to, ready, unacked },
        };
        call.fact(node, message, fact);
        handle
    }

    /// What follows a receive: messages that are not hidden at all, and the memory of its attempt id.
    fn after_taking(&mut self, number: u32, receive: &Receive, call: &mut Call) {
        let taken = std::mem::take(&mut self.taken);
        let Some(queue) = self.queues.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let duplicate = queue.attributes.duplicate();
        let is_hidden = receive.visibility.unwrap_or(queue.attributes.visibility_timeout()).0 > 0;
        if let Some(id) = receive.attempt.clone().filter(|_| queue.attributes.is_fifo && !taken.is_empty()) {
            let due = |slot: u32| queue.store.get(slot).map_or(Time::ZERO, |stored| stored.due);
            let taken = taken.iter().map(|(slot, handle)| (*slot, *handle, due(*slot))).collect();
            queue.attempts.retain(|attempt| attempt.id != id && call.now.since(attempt.at) < ATTEMPT);
            if queue.attempts.len() < REMEMBERED_MAX {
                queue.attempts.push(Attempt { id, at: call.now, taken });
            }
        }
        if !is_hidden || duplicate > 0.0 {
            for (slot, _) in &taken {
                if !is_hidden || call.random.chance(duplicate) {
                    self.show_again(number, *slot, call);
                }
            }
        }
        self.taken = taken;
    }

    fn show_again(&mut self, number: u32, slot: u32, call: &mut Call) {
        let Some(queue) = self.queue_mut(number) else { return };
        queue.store.show(slot);
        let Some(message) = queue.store.get(slot).map(|stored| stored.content.id) else { return };
        let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
        call.fact(node, message, Fact::LeaseExpired { ready, unacked });
        self.became_visible(number);
    }

    /// Repeats an earlier receive with the same attempt id, if nothing happened to its messages since: same messages,
    /// same handles, and the visibility timeout from now.
    fn repeat(&mut self, number: u32, reader: &Reader, receive: &Receive, call: &mut Call) -> bool {
        let Some(queue) = self.queues.get_mut(number as usize).and_then(Option::as_mut) else { return false };
        let found = queue.attempts.iter_mut().find(|attempt| Some(&attempt.id) == receive.attempt.as_ref());
        let Some(attempt) = found.filter(|attempt| call.now.since(attempt.at) < ATTEMPT) else { return false };
        let is_same = |store: &Store, slot: u32, handle: u64, due: Time| {
            store
                .get(slot)
                .is_some_and(|stored| stored.handle == handle && stored.due == due && stored.state == State::InFlight)
        };
        if attempt.taken.is_empty() || !attempt.taken.iter().all(|item| is_same(&queue.store, item.0, item.1, item.2)) {
            return false;
        }
        let until = call.now + receive.visibility.unwrap_or(queue.attributes.visibility_timeout());
        let node = queue.node.unwrap_or(call.broker);
        for (slot, handle, due) in &mut attempt.taken {
            let Some(stored) = queue.store.get_mut(*slot) else { continue };
            (stored.due, *due) = (until, until);
            self.deadlines.push(until, Due::Visible(number, *slot, stored.sequence));
            call.fact(node, stored.content.id, Fact::Extended { by: reader.client });
            self.taken.push((*slot, *handle));
        }
        true
    }

    /// Hands what was taken to the reader: frames to a client of the drawing, a reply to a console.
    pub(super) fn hand_over(&mut self, number: u32, reader: Reader, call: &mut Call) {
        let Some(place) = reader.place else {
            let got = self.got(number);
            return call.tell(reader.session, "reply", got);
        };
        let taken = std::mem::take(&mut self.taken);
        let auto_ack = self.clients.get(&reader.session).is_some_and(|client| client.auto_ack);
        for (slot, handle) in &taken {
            let Some(stored) = self.queue(number).and_then(|queue| queue.store.get(*slot)) else { continue };
            let (redelivered, content) = (stored.receives > 1, stored.content.clone());
            call.frame(reader.session, place, BrokerMessage::Deliver { tag: *handle, redelivered, content });
            if auto_ack {
                // The client deletes on receipt; that request is not drawn.
                let _ = self.delete(number, *handle, None, reader.client, call);
            }
        }
        call.frame(reader.session, place, BrokerMessage::Pulled { count: taken.len() as u16 });
        self.taken = taken;
    }

    /// What was taken, as an answer.
    pub(super) fn got(&mut self, number: u32) -> Json {
        let taken = std::mem::take(&mut self.taken);
        let Some(queue) = self.queue_mut(number) else { return no_queue().json() };
        let mut got = Vec::with_capacity(taken.len());
        for (slot, handle) in &taken {
            let Some(stored) = queue.store.get(*slot) else { continue };
            got.push(message_json(stored, *handle, &queue.attributes, number));
            let body = stored.content.payload.clone();
            queue.handles.push_back((body, *handle));
            if queue.handles.len() > REMEMBERED_MAX {
                queue.handles.pop_front();
            }
        }
        self.taken = taken;
        json!({ "got": got })
    }

    /// Deletes a message by the handle of a receive. `sequence` is the message's number, if it is known.
    ///
    /// # Errors
    /// Of a FIFO queue: the handle has expired.
    pub(super) fn delete(
        &mut self,
        number: u32,
        handle: u64,
        sequence: Option<(u32, u64)>,
        by: NodeId,
        call: &mut Call,
    ) -> Result<(), Refusal> {
        let queue = self.queue_mut(number).ok_or_else(no_queue)?;
        let expired = || invalid("ReceiptHandle", &handle.to_string(), "The receipt handle has expired.");
        let is_fifo = queue.attributes.is_fifo;
        let Some(slot) = queue.store.of_handle(handle) else {
            // The message is deleted already, which is fine, or was received again by now.
            let is_there = sequence.is_some_and(|(slot, sequence)| {
                queue.store.get(slot).is_some_and(|stored| stored.sequence == sequence)
            });
            return if is_fifo && is_there { Err(expired()) } else { Ok(()) };
        };
        if is_fifo && queue.store.get(slot).is_some_and(|stored| stored.state != State::InFlight) {
            return Err(expired());
        }
        let Some(stored) = queue.store.remove(slot) else { return Ok(()) };
        self.held_count -= 1;
        let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
        call.fact(node, stored.content.id, Fact::Acked { by, ready, unacked });
        if is_fifo {
            self.became_visible(number);
        }
        Ok(())
    }

    /// Hides a message for so many seconds from now; 0 makes it visible.
    ///
    /// # Errors
    /// `InvalidParameterValue` and `MessageNotInflight`.
    pub(super) fn change_visibility(
        &mut self,
        number: u32,
        handle: u64,
        seconds: u64,
        by: NodeId,
        call: &mut Call,
    ) -> Result<(), Refusal> {
        let queue = self.queue_mut(number).ok_or_else(no_queue)?;
        if seconds > 43_200 {
            let reason = "VisibilityTimeout must be an integer between 0 and 43200";
            return Err(invalid("VisibilityTimeout", &seconds.to_string(), reason));
        }
        let found = queue.store.of_handle(handle).and_then(|slot| Some((slot, queue.store.get_mut(slot)?)));
        let Some((slot, stored)) = found else {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            return Err(invalid("ReceiptHandle", &handle.to_string(), reason));
        };
        if stored.state != State::InFlight {
            return Err(refusal("MessageNotInflight", "The specified message isn't in flight."));
        }
        let (until, message, sequence) = (call.now + Sqs::seconds(seconds), stored.content.id, stored.sequence);
        if until > stored.received + HIDDEN_MAX {
            let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            return Err(invalid("VisibilityTimeout", &seconds.to_string(), reason));
        }
        let node = self.node(number, call);
        if seconds == 0 {
            let (ready, unacked) = self.levels(number);
            call.fact(node, message, Fact::Nacked { by, ready, unacked });
            if let Some(queue) = self.queue_mut(number) {
                queue.store.show(slot);
            }
            let (ready, unacked) = self.levels(number);
            call.fact(node, message, Fact::Requeued { ready, unacked });
            self.became_visible(number);
        } else {
            stored_due(self.queue_mut(number), slot, until);
            self.deadlines.push(until, Due::Visible(number, slot, sequence));
            call.fact(node, message, Fact::Extended { by });
        }
        Ok(())
    }
}

fn stored_due(queue: Option<&mut Queue>, slot: u32, until: Time) {
    if let Some(stored) = queue.and_then(|queue| queue.store.get_mut(slot)) {
        stored.due = until;
    }
}

/// A message id as it is shown.
pub(super) fn message_name(message: crate::vocabulary::MessageId) -> String {
    format!("{}-{}", message.origin.0, message.number)
}

/// A receipt handle as it is shown: queue, message and receive.
pub(super) fn handle_name(queue: u32, sequence: u64, handle: u64) -> String {
    format!("AQEB-{queue:x}-{sequence:x}-{handle:x}")
}

/// Reads a receipt handle: queue, message and receive.
pub(super) fn read_handle(text: &str) -> Option<(u32, u64, u64)> {
    let mut parts = text.strip_prefix("AQEB-")?.split('-').map(|part| u64::from_str_radix(part, 16).ok());
    let (queue, sequence, handle) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some((u32::try_from(queue).ok()?, sequence, handle))
}

fn message_json(stored: &Stored, handle: u64, attributes: &Attributes, queue: u32) -> Json {
    let mut message = json!({
        "body": &*stored.content.payload,
        "receive_count": stored.receives,
        "message_id": message_name(stored.content.id),
        "handle": handle_name(queue, stored.sequence, handle),
        "sent": stored.sent.0 / 1_000_000,
        "first_received": stored.first_received.unwrap_or_default().0 / 1_000_000,
    });
    if !stored.content.routing_key.is_empty() {
        message["group"] = (&*stored.content.routing_key).into();
    }
    if attributes.is_fifo {
        message["sequence"] = format!("{:020}", stored.sequence).into();
        if let Some(id) = &stored.deduplication {
            message["deduplication_id"] = (&**id).into();
        } else if attributes.content_based {
            message["deduplication_id"] = digits(&sha256(stored.content.payload.as_bytes())).into();
        }
    }
    if !stored.content.headers.is_empty() {
        let mut attributes = Map::new();
        for (name, value) in stored.content.headers.iter() {
            let value = match value {
                HeaderValue::Text(text) => Json::from(&**text),
                HeaderValue::Integer(number) => Json::from(*number),
                HeaderValue::Number(number) => Json::from(*number),
                HeaderValue::Boolean(flag) => Json::from(*flag),
                _ => Json::Null,
            };
            attributes.insert(name.to_string(), value);
        }
        message["attributes"] = Json::Object(attributes);
    }
    message
}
