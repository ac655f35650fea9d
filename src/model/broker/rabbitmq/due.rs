//! What happens by itself: times to live, queues that nobody uses, deliveries that are held for too long.
//!
//! Reproduces: RabbitMQ 3.10. A message whose time to live is over goes when it is at the head of its queue, not before,
//! and not while a consumer holds it ("Time-To-Live and Expiration"). A queue with `x-expires` goes after that time
//! without a consumer, a `basic.get` or a declaration, and its messages with it, not as dead letters. A delivery that is
//! not acknowledged within `consumer_timeout` closes its channel with 406 ("Consumers"). In 4.3 only quorum queues look
//! at that, and cancel the consumer instead.
//!
//! Leaves out: RabbitMQ looks for timeouts once a minute; here they are found at once.

use std::cmp::Reverse;

use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Fact, Time};

use super::arguments::Version;
use super::death::Reason;
use super::server::RabbitMq;

impl RabbitMq {
    /// Makes sure that the queue is looked after in time.
    #[inline]
    pub(super) fn arm(&mut self, id: u32) {
        let queue = &mut self.queues[id as usize];
        if !queue.has_deadlines && queue.spec.expires.is_none() && queue.unburied.due().is_none() {
            return;
        }
        let due = queue.due();
        if due < queue.armed {
            queue.armed = due;
            self.due.push(Reverse((due, id)));
        }
    }

    pub(super) fn look_after_queues(&mut self, call: &mut Call) {
        while let Some(Reverse((at, id))) = self.due.peek().copied().filter(|Reverse((at, _))| *at <= call.now) {
            self.due.pop();
            let queue = &mut self.queues[id as usize];
            if queue.armed != at {
                continue;
            }
            queue.armed = Time::MAX;
            if queue.expiry().is_some_and(|expiry| expiry <= call.now) {
                self.delete_queue(id, DropReason::Deleted, call);
            } else {
                self.expire_heads(id, call);
                self.serve(id, call);
                if self.queues[id as usize].unburied.due().is_some_and(|due| due <= call.now) {
                    self.bury_safely(id, call);
                }
            }
            self.arm(id);
        }
    }

    /// Lets messages at the head go whose time is over.
    #[inline]
    pub(super) fn expire_heads(&mut self, id: u32, call: &mut Call) {
        while self.queues[id as usize].has_expired_head(call.now) {
            let (node, ready, unacked) = self.levels(id, call.broker);
            let Some(stored) = self.queues[id as usize].ready.pop() else { return };
            call.fact(node, stored.content.id, Fact::Expired { ready, unacked });
            self.die(id, stored, Reason::Expired, (ready - 1, unacked), call);
        }
    }

    /// Lets messages at the head go while the queue is too long.
    #[inline]
    pub(super) fn drop_heads(&mut self, id: u32, call: &mut Call) {
        while self.queues[id as usize].is_over() {
            let Some(stored) = self.queues[id as usize].ready.pop() else { return };
            let (_, ready, unacked) = self.levels(id, call.broker);
            self.die(id, stored, Reason::MaxLength, (ready, unacked), call);
        }
    }

    pub(super) fn look_for_timeouts(&mut self, call: &mut Call) {
        if self.timeout_check == Time::ZERO || self.timeout_check > call.now {
            return;
        }
        let (timeout, now) = (self.consumer_timeout, call.now);
        let is_late = |since: Time| since + timeout <= now;
        let late = self.channels.iter().filter(|(_, channel)| channel.held.front().is_some_and(|it| is_late(it.since)));
        let late: Vec<u32> = late.map(|(number, _)| number).collect();
        for number in late {
            if self.version >= Version::V4_3 {
                self.cancel_late_consumers(number, call);
                continue;
            }
            let name = self.channels.get(number).map_or_else(String::new, |channel| channel.name.to_string());
            let text = format!(
                "PRECONDITION_FAILED - delivery acknowledgement on channel {name} timed out. Timeout value used: {} ms. \
                 This timeout value can be configured, see consumers doc guide to learn more",
                timeout.0 / 1_000_000
            );
            self.fail_channel(number, 406, text, call);
        }
        let oldest = self.channels.iter().filter_map(|(_, channel)| {
            // What timed out and was left is not looked at again.
            channel.held.iter().map(|held| held.since).find(|since| !is_late(*since))
        });
        self.timeout_check = oldest.min().map_or(Time::ZERO, |since| since + timeout);
    }

    /// Cancels the consumers of quorum queues that hold a message for too long.
    fn cancel_late_consumers(&mut self, number: u32, call: &mut Call) {
        let Some(channel) = self.channels.get(number) else { return };
        let is_late = |since: Time| since + self.consumer_timeout <= call.now;
        let of_quorum = |queue: u32| self.queues.get(queue as usize).is_some_and(|queue| queue.spec.is_quorum);
        let late = channel.held.iter().filter(|held| is_late(held.since) && of_quorum(held.queue));
        let mut consumers: Vec<u32> = late.map(|held| held.consumer).collect();
        consumers.sort_unstable();
        consumers.dedup();
        for consumer in consumers {
            self.cancel_by_server(consumer, call);
        }
    }
}
