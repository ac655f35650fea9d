//! What becomes of a delivery: acknowledged, refused, prolonged, or too late.
//!
//! Reproduces: Pub/Sub documentation, "Lease management", "Handle message failures", "Exactly-once delivery", "Dead-letter
//! topics"; RPC reference, `Acknowledge` and `ModifyAckDeadline`. A new deadline counts from the request; 0 refuses the
//! message. Refusals and missed deadlines count as attempts. An acknowledgement that comes late counts as well as it
//! can: here with a chance that is drawn (`lateAcks`, legal whatever it is), and not for ordered messages. With
//! exactly-once delivery only the latest id counts while its deadline runs, and each id is answered for. Client
//! libraries prolong deadlines by themselves: `leaseExtension` does that for subscribers of the drawing, without frames.
//! Leaves out: the answer to a single late acknowledgement, which is always well, a dead letter that is forwarded twice.

use crate::model::broker::server::Call;
use crate::vocabulary::{BrokerMessage, Duration, Fact, NodeId};

use super::answer::{refusal, Refusal};
use super::deliver::Reader;
use super::server::{Due, PubSub};
use super::store::{State, SLOT_BITS};

fn invalid_id() -> Refusal {
    refusal(
        "PERMANENT_FAILURE_INVALID_ACK_ID",
        "The acknowledgement id is not the latest one, or its deadline is over.",
    )
}

impl PubSub {
    /// A frame of a subscriber of the drawing.
    pub(super) fn frame(&mut self, number: u32, reader: Reader, frame: BrokerMessage, call: &mut Call) {
        match frame {
            BrokerMessage::Subscribe { prefetch, auto_ack, .. } => {
                self.open(number, reader, u32::from(prefetch), auto_ack, call);
            }
            // The subscriber hears nothing of an id that does not count any more.
            BrokerMessage::Ack { tag, .. } => drop(self.ack(number, tag, None, reader.client, call)),
            BrokerMessage::Nack { tag, .. } => drop(self.modify(number, tag, Duration::ZERO, reader.client, call)),
            BrokerMessage::Extend { tag, by } => {
                drop(self.modify(number, tag, by.min(Duration::from_secs(600)), reader.client, call));
            }
            BrokerMessage::Cancel => self.close(reader.session, call),
            BrokerMessage::Pull { max, wait, .. } => {
                let max = usize::from(max.max(1));
                let taken = self.pull(number, &reader, max, call);
                if taken.is_empty() && wait.0 > 0 {
                    self.wait(number, reader, max, call.now + wait);
                } else {
                    self.answer_pull(number, &reader, &taken, call);
                }
            }
            _ => {}
        }
    }

    /// Acknowledges the message of a delivery. `serial` is the message's number, if it is known.
    ///
    /// # Errors
    /// With exactly-once delivery: the id does not count any more.
    pub(super) fn ack(
        &mut self,
        number: u32,
        handle: u64,
        serial: Option<u64>,
        by: NodeId,
        call: &mut Call,
    ) -> Result<(), Refusal> {
        let slot = (handle & ((1 << SLOT_BITS) - 1)) as u32;
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else {
            return Err(invalid_id());
        };
        subscription.used = call.now;
        let found = subscription.store.get(slot).filter(|entry| {
            entry.handle == handle || entry.earlier == handle || serial.is_some_and(|serial| entry.serial == serial)
        });
        let config = &subscription.config;
        let Some(entry) = found.filter(|entry| entry.state != State::Acked) else {
            return if config.is_exactly_once { Err(invalid_id()) } else { Ok(()) };
        };
        let is_in_time = entry.handle == handle && entry.state == State::Outstanding;
        if !is_in_time {
            if config.is_exactly_once {
                return Err(invalid_id());
            }
            let counts = entry.key.is_none() && entry.was_handed;
            if !counts || !call.random.chance(config.late_acks) {
                return Ok(());
            }
        }
        let (message, was, stream, key) = (entry.content.id, entry.state, entry.stream, entry.key);
        let retains = config.retains_acked;
        let mut gone = std::mem::take(&mut self.gone);
        subscription.store.ack(slot, retains, &mut gone);
        if was == State::Outstanding {
            subscription.give_credit(stream);
        }
        if subscription.config.is_push {
            subscription.push_succeeded();
        }
        if let Some(key) = key {
            subscription.note_wanted(key);
        }
        self.forget(number, &mut gone);
        self.gone = gone;
        let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
        call.fact(node, message, Fact::Acked { by, ready, unacked });
        self.became_ready(number);
        Ok(())
    }

    /// Sets the deadline of a delivery to so long from now; zero refuses the message.
    ///
    /// # Errors
    /// With exactly-once delivery: the id does not count any more.
    pub(super) fn modify(
        &mut self,
        number: u32,
        handle: u64,
        by: Duration,
        client: NodeId,
        call: &mut Call,
    ) -> Result<(), Refusal> {
        let slot = (handle & ((1 << SLOT_BITS) - 1)) as u32;
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else {
            return Err(invalid_id());
        };
        subscription.used = call.now;
        let is_exactly_once = subscription.config.is_exactly_once;
        let found = subscription.store.get_mut(slot);
        let Some(entry) = found.filter(|entry| entry.handle == handle && entry.state == State::Outstanding) else {
            return if is_exactly_once { Err(invalid_id()) } else { Ok(()) };
        };
        if by.0 == 0 {
            self.fail(number, slot, Some(client), call);
        } else {
            entry.due = call.now + by;
            let (due, serial, message) = (entry.due, entry.serial, entry.content.id);
            self.deadlines.push(due, Due::Message(number, slot, serial));
            let node = self.node(number, call);
            call.fact(node, message, Fact::Extended { by: client });
        }
        Ok(())
    }

    /// The deadline or the backoff of a message is over.
    pub(super) fn message_due(&mut self, number: u32, slot: u32, call: &mut Call) {
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let (ack_deadline, extension) = (subscription.config.ack_deadline, subscription.config.extension);
        let Some(entry) = subscription.store.get_mut(slot) else { return };
        if entry.state == State::Backoff {
            subscription.store.end_backoff(slot);
            return self.became_ready(number);
        }
        let library = entry.stream.and_then(|stream| subscription.streams.get(&stream)).map(|stream| stream.reader);
        let until = entry.delivered + extension;
        if let Some(reader) = library.filter(|reader| reader.place.is_some() && until > call.now) {
            entry.due = (call.now + ack_deadline).min(until);
            let (due, serial, message) = (entry.due, entry.serial, entry.content.id);
            self.deadlines.push(due, Due::Message(number, slot, serial));
            let node = self.node(number, call);
            return call.fact(node, message, Fact::Extended { by: reader.client });
        }
        self.fail(number, slot, None, call);
    }

    /// A delivery was refused by a client, or its deadline is over: the message goes to the dead letters, or waits for
    /// another delivery.
    fn fail(&mut self, number: u32, slot: u32, by: Option<NodeId>, call: &mut Call) {
        let (node, (mut ready, mut unacked)) = (self.node(number, call), self.levels(number));
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let dead = subscription.dead;
        let Some(entry) = subscription.store.get_mut(slot) else { return };
        entry.failures += 1;
        let (failures, message, serial, stream) = (entry.failures, entry.content.id, entry.serial, entry.stream);
        if let Some(by) = by {
            call.fact(node, message, Fact::Nacked { by, ready, unacked });
        }
        let rests_until = if subscription.config.is_push { subscription.push_failed(call.now) } else { None };
        if let Some(until) = rests_until {
            self.deadlines.push(until, Due::Push(number));
        }
        if let Some(dead) = dead.filter(|dead| failures >= dead.attempts_max && self.topic(dead.topic).is_some()) {
            return self.forward(number, slot, dead.topic, call);
        }
        let Some(subscription) = self.subscriptions.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let backoff = subscription.config.backoff_after(failures);
        let mut later = Vec::new();
        subscription.store.fail(slot, backoff.0 > 0, &mut later);
        subscription.give_credit(stream);
        if backoff.0 > 0 {
            let due = call.now + backoff;
            if let Some(entry) = subscription.store.get_mut(slot) {
                entry.due = due;
            }
            self.deadlines.push(due, Due::Message(number, slot, serial));
        }
        let back = |ready: u32, unacked: u32| match by {
            Some(_) => Fact::Requeued { ready, unacked },
            None => Fact::LeaseExpired { ready, unacked },
        };
        (ready, unacked) = (ready + 1, unacked - 1);
        call.fact(node, message, back(ready, unacked));
        for (other, was) in later {
            ready += 1;
            let Some(entry) = subscription.store.get(other) else { continue };
            let (message, stream) = (entry.content.id, entry.stream);
            if was == State::Outstanding {
                unacked -= 1;
                call.fact(node, message, back(ready, unacked));
                subscription.give_credit(stream);
            } else {
                // It was acknowledged, and comes once more all the same.
                call.fact(node, message, Fact::Enqueued { ready, unacked });
            }
        }
        if let Some(key) = subscription.store.get(slot).and_then(|entry| entry.key) {
            subscription.note_wanted(key);
        }
        self.became_ready(number);
    }
}
