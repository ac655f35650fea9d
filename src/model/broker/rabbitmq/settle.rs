//! Answers of consumers: acknowledged, given back, given up.
//!
//! Reproduces: RabbitMQ 3.10 ("Consumer Acknowledgements and Publisher Confirms"). With `multiple` all deliveries of the
//! channel up to the tag are meant, with tag 0 all there are. What is given back goes to its original place in a classic
//! queue, and in a quorum queue before everything else; then the queue looks at its length and at times to live, and
//! only then hands out. A quorum queue counts what comes back, and gives up at its delivery limit ("Quorum Queues"); from
//! 4.3 `basic.nack` does not count.
//!
//! Leaves out: nothing of the answers; `basic.recover` is no answer.

use crate::model::broker::server::Call;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Fact, NodeId};

use super::arguments::Version;
use super::channel::{Held, NONE};
use super::death::Reason;
use super::ready::{in_queue_order, Stored};
use super::server::RabbitMq;

impl RabbitMq {
    /// Takes one delivery from the channel; nothing if the tag is unknown.
    #[inline]
    fn take(&mut self, number: u32, tag: u64) -> Option<Held> {
        let channel = self.channels.get_mut(number)?;
        let index = channel.index_of(tag)?;
        let held = match index {
            0 => channel.held.pop_front()?,
            _ => channel.held.remove(index)?,
        };
        self.release(number, &held);
        self.give_channel_credit(number, held.consumer);
        Some(held)
    }

    /// Takes all deliveries up to the tag, by queue and in its order; nothing if there is no such tag.
    fn take_up_to(&mut self, number: u32, tag: u64) -> Option<Vec<Held>> {
        let channel = self.channels.get_mut(number)?;
        let count = channel.held.partition_point(|held| held.tag <= tag || tag == 0);
        let is_known = tag == 0 || channel.held.get(count.wrapping_sub(1)).is_some_and(|held| held.tag == tag);
        if !is_known && channel.session.is_console() {
            return None;
        }
        let mut taken: Vec<Held> = channel.held.drain(..count).collect();
        for held in &taken {
            self.release(number, held);
        }
        let mut consumers: Vec<u32> = taken.iter().map(|held| held.consumer).collect();
        consumers.dedup();
        consumers.into_iter().for_each(|consumer| self.give_channel_credit(number, consumer));
        sort_by_key(&mut taken, |held| (held.queue, held.stored.position));
        Some(taken)
    }

    /// Takes a delivery off the accounts of its consumer and channel.
    #[inline]
    fn release(&mut self, number: u32, held: &Held) {
        if held.consumer == NONE || held.queue == NONE {
            return;
        }
        if let Some(channel) = self.channels.get_mut(number) {
            channel.held_by_consumers -= 1;
        }
        if let Some(consumer) = self.consumers.get_mut(held.consumer) {
            consumer.held -= 1;
        }
    }

    /// A consumer that had left the round joins its end if it may have more; with a limit of the channel, the others of
    /// the channel too. A cancelled consumer that holds nothing any more is forgotten.
    #[inline]
    fn give_channel_credit(&mut self, number: u32, consumer: u32) {
        if consumer == NONE {
            return;
        }
        self.give_credit(consumer);
        if self.consumers.get(consumer).is_some_and(|it| !it.is_subscribed && it.held == 0) {
            self.consumers.remove(consumer);
            if let Some(channel) = self.channels.get_mut(number) {
                channel.consumers.retain(|other| *other != consumer);
            }
        }
        let shared = self.channels.get(number).filter(|channel| channel.prefetch_global > 0);
        if let Some(others) = shared.map(|channel| channel.consumers.clone()) {
            others.into_iter().for_each(|other| self.give_credit(other));
        }
    }

    /// Serves the queues of all consumers of a channel with a common limit, after it got credit.
    #[inline]
    fn serve_shared(&mut self, number: u32, call: &mut Call) {
        let shared = self.channels.get(number).filter(|channel| channel.prefetch_global > 0);
        let Some(consumers) = shared.map(|channel| channel.consumers.clone()) else { return };
        for consumer in consumers {
            if let Some(queue) = self.consumers.get(consumer).map(|consumer| consumer.queue) {
                self.serve(queue, call);
            }
        }
    }

    /// Who is named in the trace for a settled delivery.
    #[inline]
    fn settled_by(&self, number: u32, held: &Held) -> NodeId {
        match self.consumers.get(held.consumer) {
            Some(consumer) => consumer.node,
            None => self.channels.get(number).map_or(NodeId::default(), |channel| channel.client),
        }
    }

    /// `basic.ack`; false if the tag is unknown.
    #[inline]
    pub(super) fn ack(&mut self, number: u32, tag: u64, multiple: bool, call: &mut Call) -> bool {
        if multiple {
            return self.ack_up_to(number, tag, call);
        }
        let by = self.holder(number, tag);
        let Some(held) = self.take(number, tag) else { return false };
        self.acknowledge(by, held, call);
        self.serve_shared(number, call);
        true
    }

    /// Who holds the delivery of this tag. Asked before it is taken, as a cancelled consumer is then forgotten.
    #[inline]
    fn holder(&self, number: u32, tag: u64) -> NodeId {
        let channel = self.channels.get(number);
        let held = channel.and_then(|channel| Some(&channel.held[channel.index_of(tag)?]));
        held.map_or(NodeId::default(), |held| self.settled_by(number, held))
    }

    #[inline]
    fn acknowledge(&mut self, by: NodeId, held: Held, call: &mut Call) {
        let Held { queue: id, stored, .. } = held;
        if id == NONE {
            return;
        }
        self.queues[id as usize].unacked -= 1;
        self.held_count -= 1;
        let (node, ready, unacked) = self.levels(id, call.broker);
        call.fact(node, stored.content.id, Fact::Acked { by, ready, unacked });
        self.serve(id, call);
    }

    fn ack_up_to(&mut self, number: u32, tag: u64, call: &mut Call) -> bool {
        let by = self.holders(number);
        let Some(taken) = self.take_up_to(number, tag) else { return false };
        let mut queues: Vec<u32> = Vec::new();
        for held in taken.into_iter().filter(|held| held.queue != NONE) {
            let Held { queue: id, consumer, stored, .. } = held;
            self.queues[id as usize].unacked -= 1;
            self.held_count -= 1;
            let (node, ready, unacked) = self.levels(id, call.broker);
            let by = by.iter().find(|(other, _)| *other == consumer).map_or(NodeId::default(), |(_, node)| *node);
            call.fact(node, stored.content.id, Fact::Acked { by, ready, unacked });
            if queues.last() != Some(&id) {
                queues.push(id);
            }
        }
        // Without a delivery it is an answer too, and gives the queue its turn.
        queues.into_iter().for_each(|id| self.serve(id, call));
        self.serve_shared(number, call);
        true
    }

    /// The consumers of a channel with their nodes, the client itself among them for what it got by asking.
    fn holders(&self, number: u32) -> Vec<(u32, NodeId)> {
        let Some(channel) = self.channels.get(number) else { return Vec::new() };
        let consumers = channel.consumers.iter().filter_map(|id| Some((*id, self.consumers.get(*id)?.node)));
        consumers.chain([(NONE, channel.client)]).collect()
    }

    /// `basic.nack`, or `basic.reject`; false if the tag is unknown.
    pub(super) fn nack(
        &mut self,
        number: u32,
        tag: u64,
        multiple: bool,
        requeue: bool,
        is_reject: bool,
        call: &mut Call,
    ) -> bool {
        let holders = self.holders(number);
        let taken = match multiple {
            true => self.take_up_to(number, tag),
            false => self.take(number, tag).map(|held| vec![held]),
        };
        let Some(taken) = taken else { return false };
        let mut rest = taken.into_iter().filter(|held| held.queue != NONE).peekable();
        let counts = self.version < Version::V4_3 || is_reject;
        while let Some(id) = rest.peek().map(|held| held.queue) {
            let mut of_queue = Vec::new();
            while let Some(held) = rest.next_if(|held| held.queue == id) {
                let by = holders.iter().find(|(other, _)| *other == held.consumer);
                of_queue.push((by.map_or(NodeId::default(), |(_, node)| *node), held.stored));
            }
            self.nack_in_queue(id, of_queue, requeue, counts, call);
        }
        self.serve_shared(number, call);
        true
    }

    fn nack_in_queue(&mut self, id: u32, taken: Vec<(NodeId, Stored)>, requeue: bool, counts: bool, call: &mut Call) {
        let mut returned = Vec::new();
        let (node, mut ready, mut unacked) = self.levels(id, call.broker);
        for (by, mut stored) in taken {
            let message = stored.content.id;
            // Refused, it still is where it was; the next fact says where it goes.
            call.fact(node, message, Fact::Nacked { by, ready, unacked });
            unacked -= 1;
            self.queues[id as usize].unacked -= 1;
            if !requeue {
                unacked += self.die(id, stored, Reason::Rejected, (ready, unacked), call);
            } else if self.comes_back(id, &mut stored, counts) {
                ready += 1;
                call.fact(node, message, Fact::Requeued { ready, unacked });
                returned.push(stored);
            } else {
                unacked += self.die(id, stored, Reason::DeliveryLimit, (ready, unacked), call);
            }
        }
        self.queues[id as usize].ready.give_back(returned);
        self.go_on(id, call);
    }

    /// Counts a return, where returns are counted; false if it is one too many.
    fn comes_back(&self, id: u32, stored: &mut Stored, counts: bool) -> bool {
        let queue = &self.queues[id as usize];
        if !queue.spec.is_quorum || !counts {
            return true;
        }
        stored.returns += 1;
        queue.returns_max.is_none_or(|max| stored.returns <= max)
    }

    /// Puts what was held on lost channels, sorted by position, back into its queue.
    pub(super) fn put_back(&mut self, id: u32, returned: Vec<Stored>, call: &mut Call) {
        let mut kept = Vec::with_capacity(returned.len());
        let (node, mut ready, mut unacked) = self.levels(id, call.broker);
        for mut stored in returned {
            unacked -= 1;
            self.queues[id as usize].unacked -= 1;
            if self.comes_back(id, &mut stored, true) {
                ready += 1;
                call.fact(node, stored.content.id, Fact::Requeued { ready, unacked });
                kept.push(stored);
            } else {
                unacked += self.die(id, stored, Reason::DeliveryLimit, (ready, unacked), call);
            }
        }
        self.queues[id as usize].ready.give_back(kept);
    }

    /// Takes everything from a channel that is over; what it held by queue, each in the order of the queue.
    pub(super) fn take_all(&mut self, number: u32) -> Vec<(u32, Vec<Stored>)> {
        let Some(channel) = self.channels.get_mut(number) else { return Vec::new() };
        channel.held_by_consumers = 0;
        let mut by_queue: Vec<(u32, Vec<Stored>)> = Vec::new();
        let mut all: Vec<Held> = std::mem::take(&mut channel.held).into();
        sort_by_key(&mut all, |held| held.queue);
        for held in all.into_iter().filter(|held| held.queue != NONE) {
            match by_queue.last_mut() {
                Some((id, stored)) if *id == held.queue => stored.push(held.stored),
                _ => by_queue.push((held.queue, vec![held.stored])),
            }
        }
        by_queue.into_iter().map(|(id, stored)| (id, in_queue_order(stored))).collect()
    }

    /// After something came back, or a consumer came: looks at the length and at times to live, then hands out.
    pub(super) fn go_on(&mut self, id: u32, call: &mut Call) {
        self.drop_heads(id, call);
        self.expire_heads(id, call);
        self.serve(id, call);
        self.arm(id);
    }
}
