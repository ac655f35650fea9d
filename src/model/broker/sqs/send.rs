//! Sending: the checks of `SendMessage`, deduplication, and dead letters on their way from queue to queue.
//!
//! Reproduces: SQS API Reference, `SendMessage`; Developer Guide, "Delay queues", "Message timers", "FIFO queue delivery
//! logic", "Dead-letter queues". A producer of the drawing sends its routing key as `MessageGroupId` (a FIFO queue gets
//! `default` if there is none) and, where the queue does not look at bodies, a `MessageDeduplicationId` of its own for
//! each message, unless a header of that name says another. Leaves out: the characters that a body may have, limits of
//! the number and size of message attributes, high throughput limits.

use std::rc::Rc;

use crate::model::broker::broker::HELD_MAX;
use crate::model::broker::server::Call;
use crate::vocabulary::{Content, DropReason, Fact, HeaderValue, MessageId, Time};

use super::answer::{invalid, no_queue, refusal, Refusal};
use super::deduplication::Key;
use super::server::{Due, Queue, Redrive, Sqs};
use super::store::{State, Stored};

/// What a message is known by in a FIFO queue.
#[derive(Clone, Debug)]
pub(super) enum Deduplication {
    /// `MessageDeduplicationId`.
    Id(Rc<str>),
    /// Nothing was said.
    Unsaid,
    /// A client that makes an id for each of its messages.
    Own(MessageId),
}

/// A request to send one message.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) content: Rc<Content>,
    /// `MessageGroupId`; empty if it is not said.
    pub(super) group: Rc<str>,
    pub(super) deduplication: Deduplication,
    /// `DelaySeconds`, if it is said.
    pub(super) delay: Option<i64>,
}

/// What was stored, or had been stored before under the same deduplication id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) message: MessageId,
    pub(super) sequence: u64,
}

/// The size that counts against the limit: body and attributes.
fn size(content: &Content) -> usize {
    let value = |value: &HeaderValue| match value {
        HeaderValue::Text(text) => text.len(),
        _ => 8,
    };
    content.payload.len() + content.headers.iter().map(|(name, header)| name.len() + value(header)).sum::<usize>()
}

/// The checks that need nothing but the queue's attributes.
fn check(queue: &Queue, request: &Request) -> Result<(), Refusal> {
    let attributes = &queue.attributes;
    if size(&request.content) > attributes.size_max() {
        let text = format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
            attributes.size_max()
        );
        return Err(refusal("InvalidParameterValue", text));
    }
    if request.content.payload.is_empty() {
        return Err(refusal("MissingParameter", "The request must contain the parameter MessageBody."));
    }
    if let Some(delay) = request.delay.filter(|delay| !(0..=900).contains(delay)) {
        let reason = "DelaySeconds must be >= 0 and <= 900.";
        return Err(invalid("DelaySeconds", &delay.to_string(), reason));
    }
    let unfit = "The request include parameter that is not valid for this queue type.";
    if !attributes.is_fifo {
        return match &request.deduplication {
            Deduplication::Id(id) => Err(invalid("MessageDeduplicationId", id, unfit)),
            _ => Ok(()),
        };
    }
    if request.group.is_empty() {
        return Err(refusal("MissingParameter", "The request must contain the parameter MessageGroupId."));
    }
    if let Some(delay) = request.delay.filter(|delay| *delay > 0) {
        return Err(invalid("DelaySeconds", &delay.to_string(), unfit));
    }
    if matches!(request.deduplication, Deduplication::Unsaid) && !attributes.content_based {
        let text = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                    explicitly";
        return Err(refusal("InvalidParameterValue", text));
    }
    Ok(())
}

/// Ids are 1 to 128 letters, digits and punctuation marks.
pub(super) fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Sqs {
    /// A message of a producer of the drawing.
    pub(super) fn take_in(&mut self, number: u32, content: Rc<Content>, call: &mut Call) {
        let Some(queue) = self.queue(number) else { return };
        let (node, message) = (self.node(number, call), content.id);
        let mut request =
            Request { group: content.routing_key.clone(), deduplication: Deduplication::Unsaid, delay: None, content };
        if queue.attributes.is_fifo {
            let headers = &request.content.headers;
            let said = headers.iter().find(|(name, _)| &**name == "MessageDeduplicationId");
            request.deduplication = match said {
                Some((_, HeaderValue::Text(id))) => Deduplication::Id(id.clone()),
                _ if queue.attributes.content_based => Deduplication::Unsaid,
                _ => Deduplication::Own(message),
            };
            if request.group.is_empty() {
                request.group = Rc::from("default");
            }
        }
        if self.send(number, request, call).is_err() {
            let is_full = self.held_count >= HELD_MAX;
            call.dropped(node, message, if is_full { DropReason::Limit } else { DropReason::Invalid });
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// What the service refuses; `OverLimit` with a text of its own at the limit of the simulator.
    pub(super) fn send(&mut self, number: u32, request: Request, call: &mut Call) -> Result<Sent, Refusal> {
        let queue = self.queues.get_mut(number as usize).and_then(Option::as_mut).ok_or_else(no_queue)?;
        check(queue, &request)?;
        let message = request.content.id;
        let key = queue.attributes.is_fifo.then(|| {
            let key = match &request.deduplication {
                Deduplication::Id(id) => Key::of_text(id),
                Deduplication::Unsaid => Key::of_body(&request.content.payload),
                Deduplication::Own(message) => Key::of_message(*message),
            };
            if queue.attributes.scope_is_group {
                key.in_group(&request.group)
            } else {
                key
            }
        });
        if let Some((message, sequence)) = key.and_then(|key| queue.window.seen(key, call.now)) {
            let node = self.node(number, call);
            call.fact(node, request.content.id, Fact::Deduplicated {});
            call.dropped(node, request.content.id, DropReason::Duplicate);
            return Ok(Sent { message, sequence });
        }
        if self.held_count >= HELD_MAX {
            return Err(refusal("OverLimit", "The simulator holds no more messages."));
        }
        let delay = match request.delay {
            Some(delay) if !queue.attributes.is_fifo => Sqs::seconds(delay.unsigned_abs()),
            _ => queue.attributes.delay(),
        };
        let mut stored = Stored::new(request.content, call.now);
        stored.due = call.now + delay;
        stored.state = if delay.0 > 0 { State::Delayed } else { State::Visible };
        stored.expires = call.now + queue.attributes.retention();
        if let Deduplication::Id(id) = request.deduplication {
            stored.deduplication = Some(id);
        }
        let sequence = self.put(number, stored, &request.group, call);
        if let (Some(key), Some(queue)) = (key, self.queue_mut(number)) {
            queue.window.remember(key, message, sequence, call.now);
        }
        Ok(Sent { message, sequence })
    }

    /// Stores a message and returns its sequence number.
    fn put(&mut self, number: u32, stored: Stored, group: &Rc<str>, call: &mut Call) -> u64 {
        let Some(queue) = self.queues.get_mut(number as usize).and_then(Option::as_mut) else { return 0 };
        let (message, due, expires, state) = (stored.content.id, stored.due, stored.expires, stored.state);
        let slot = queue.store.push(stored, group);
        let sequence = queue.store.get(slot).map_or(0, |stored| stored.sequence);
        self.held_count += 1;
        self.deadlines.push(expires, Due::Expires(number, slot, sequence));
        if state == State::Delayed {
            self.deadlines.push(due, Due::Visible(number, slot, sequence));
        }
        let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
        call.fact(node, message, Fact::Enqueued { ready, unacked });
        self.became_visible(number);
        sequence
    }

    /// The name of a message's group in a FIFO queue.
    fn group_of(content: &Content) -> Rc<str> {
        if content.routing_key.is_empty() {
            Rc::from("default")
        } else {
            content.routing_key.clone()
        }
    }

    /// Moves a message that was picked, and is visible, to its dead-letter queue. In a standard queue its age goes on,
    /// in a FIFO queue it begins anew ("Dead-letter queues", retention). Its receive count goes on.
    pub(super) fn move_dead(&mut self, number: u32, slot: u32, redrive: Redrive, call: &mut Call) {
        let retention = self.queue(number).map(|queue| queue.attributes.retention());
        let Some(mut stored) = self.move_out(number, slot, redrive.target, call) else { return };
        let Some(target) = self.queue(redrive.target) else { return };
        let kept = target.attributes.retention();
        stored.expires = match (target.attributes.is_fifo, retention) {
            (false, Some(retention)) => Time(stored.expires.0.saturating_sub(retention.0)) + kept,
            _ => call.now + kept,
        };
        stored.expires = stored.expires.max(call.now);
        if target.attributes.is_fifo {
            stored.sent = call.now;
        }
        stored.origin = Some(number);
        stored.receives_here = 0;
        let group = Sqs::group_of(&stored.content);
        self.put(redrive.target, stored, &group, call);
    }

    /// Moves a dead letter back to a queue, where it is a new message (`StartMessageMoveTask`).
    pub(super) fn move_back(&mut self, number: u32, slot: u32, target: u32, call: &mut Call) {
        let Some(stored) = self.move_out(number, slot, target, call) else { return };
        let Some(retention) = self.queue(target).map(|queue| queue.attributes.retention()) else { return };
        let group = Sqs::group_of(&stored.content);
        let fresh = Stored { expires: call.now + retention, ..Stored::new(stored.content, call.now) };
        self.put(target, fresh, &group, call);
    }

    fn move_out(&mut self, number: u32, slot: u32, target: u32, call: &mut Call) -> Option<Stored> {
        let mut stored = self.queue_mut(number)?.store.remove(slot)?;
        self.held_count -= 1;
        let (ready, unacked) = self.levels(number);
        let fact = Fact::DeadLettered { to: self.node(target, call), ready, unacked };
        call.fact(self.node(number, call), stored.content.id, fact);
        stored.handle = 0;
        stored.state = State::Visible;
        Some(stored)
    }
}
