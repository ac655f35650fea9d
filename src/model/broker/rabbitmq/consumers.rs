//! Subscriptions, channels and connections: how they begin and end.
//!
//! Reproduces: RabbitMQ 3.10 ("Consumers", "Consumer Priorities", "Channels"). A cancelled consumer keeps what it holds;
//! a closed channel gives everything back. With a single active consumer the first one is served, and when it goes the
//! next in the order of subscription; of a quorum queue from 4.0 on the one with the highest priority. A queue that is
//! deleted tells its consumers.
//!
//! A second subscription over a link replaces the first and keeps what is held, which counts against the new limit; in
//! RabbitMQ it would be a second consumer with a limit of its own.
//!
//! Leaves out: that a quorum queue lets a consumer of a higher priority take over from the active one.

use std::rc::Rc;

use serde_json::json;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, DropReason, Fact, MessageId, NodeId};

use super::arguments::Version;
use super::channel::{Consumer, NONE};
use super::matcher::Place;
use super::server::RabbitMq;

impl RabbitMq {
    /// The consumer at the other end of a link asks for deliveries: (prefetch, automatic acknowledgement, priority).
    pub(super) fn subscribe_drawn(
        &mut self,
        session: Session,
        client: NodeId,
        place: NodeId,
        (prefetch, auto_ack, priority): (u16, bool, i8),
        call: &mut Call,
    ) {
        let (Some(link), Some(Place::Queue(id))) = (session.link(), self.place_of(place)) else { return };
        if !self.queues[id as usize].is_there {
            self.declare_again(id, call);
        }
        let channel = self.open_channel(link, client, place);
        let known = self.channels.get(channel).and_then(|channel| channel.consumers.first().copied());
        let mut returned = Vec::new();
        if let Some(number) = known {
            let has_changed = self.consumers.get(number).is_some_and(|consumer| consumer.auto_ack != auto_ack);
            if has_changed {
                // What was held can never be settled.
                returned = self.take_all(channel);
            }
            if let Some(consumer) = self.consumers.get_mut(number) {
                consumer.held = if has_changed { 0 } else { consumer.held };
                consumer.prefetch = prefetch;
                consumer.auto_ack = auto_ack;
                consumer.priority = priority.into();
                if !std::mem::replace(&mut consumer.is_subscribed, true) {
                    self.queues[id as usize].consumers.push(number);
                }
            }
            self.enter_round(number);
        } else {
            let consumer = Consumer {
                channel,
                queue: id,
                tag: Rc::from(""),
                node: client,
                priority: priority.into(),
                prefetch,
                auto_ack,
                is_exclusive: false,
                is_subscribed: true,
                in_round: false,
                held: 0,
            };
            self.add_consumer(consumer);
        }
        call.fact(place, MessageId::NONE, Fact::Subscribed { consumer: client, prefetch });
        for (queue, stored) in returned {
            self.put_back(queue, stored, call);
        }
        self.go_on(id, call);
    }

    /// Adds a consumer at the end of the round.
    pub(super) fn add_consumer(&mut self, consumer: Consumer) -> u32 {
        let (channel, queue) = (consumer.channel, consumer.queue);
        let number = self.consumers.add(consumer);
        if let Some(channel) = self.channels.get_mut(channel) {
            channel.consumers.push(number);
        }
        let queue = &mut self.queues[queue as usize];
        queue.consumers.push(number);
        queue.had_consumer = true;
        self.enter_round(number);
        number
    }

    /// Puts a consumer at the end of the round, if it is one that is served.
    fn enter_round(&mut self, number: u32) {
        let Some(consumer) = self.consumers.get_mut(number) else { return };
        let queue = &mut self.queues[consumer.queue as usize];
        queue.turns.remove(number);
        consumer.in_round = !queue.spec.is_single_active || *queue.active.get_or_insert(number) == number;
        if consumer.in_round {
            queue.turns.push(consumer.priority, number);
        }
    }

    /// Finds out anew who is served, after the queue began or ceased to have a single active consumer.
    pub(super) fn rebuild_turns(&mut self, id: u32) {
        let queue = &mut self.queues[id as usize];
        queue.turns.clear();
        queue.active = None;
        queue.consumers.clone().into_iter().for_each(|number| self.enter_round(number));
    }

    /// Ends a subscription; what the consumer holds stays held.
    pub(super) fn drop_consumer(&mut self, number: u32, call: &mut Call) {
        let Some(consumer) = self.consumers.get_mut(number).filter(|consumer| consumer.is_subscribed) else { return };
        consumer.is_subscribed = false;
        consumer.in_round = false;
        let (id, node) = (consumer.queue, consumer.node);
        let queue = &mut self.queues[id as usize];
        queue.consumers.retain(|other| *other != number);
        queue.turns.remove(number);
        queue.used = call.now;
        let at = queue.node.unwrap_or(call.broker);
        call.fact(at, MessageId::NONE, Fact::Unsubscribed { consumer: node });
        if queue.active == Some(number) {
            queue.active = None;
            let next = self.next_active(id);
            if let Some(next) = next {
                self.enter_round(next);
            }
        }
        self.forget_if_done(number);
    }

    /// The consumer that is served when the active one is gone.
    fn next_active(&self, id: u32) -> Option<u32> {
        let queue = &self.queues[id as usize];
        let first = queue.consumers.first().copied();
        if !queue.spec.is_quorum || self.version < Version::V4_0 {
            return first;
        }
        let priority = |number: u32| self.consumers.get(number).map_or(0, |consumer| consumer.priority);
        let highest = queue.consumers.iter().map(|number| priority(*number)).max()?;
        queue.consumers.iter().copied().find(|number| priority(*number) == highest)
    }

    /// Forgets a consumer that is cancelled and holds nothing.
    pub(super) fn forget_if_done(&mut self, number: u32) {
        let Some(consumer) = self.consumers.get(number).filter(|it| !it.is_subscribed && it.held == 0) else { return };
        if let Some(channel) = self.channels.get_mut(consumer.channel) {
            channel.consumers.retain(|other| *other != number);
        }
        self.consumers.remove(number);
    }

    /// The client of a link wants no more deliveries.
    pub(super) fn cancel_drawn(&mut self, session: Session, call: &mut Call) {
        let channel = self.channel_of(session).and_then(|channel| self.channels.get(channel));
        if let Some(number) = channel.and_then(|channel| channel.consumers.first().copied()) {
            self.cancel(number, call);
        }
    }

    /// `basic.cancel`.
    pub(super) fn cancel(&mut self, number: u32, call: &mut Call) {
        let Some(id) = self.consumers.get(number).map(|consumer| consumer.queue) else { return };
        self.drop_consumer(number, call);
        self.after_consumers_left(id, call);
    }

    /// The next active consumer is served, and an auto-delete queue without consumers goes.
    fn after_consumers_left(&mut self, id: u32, call: &mut Call) {
        let queue = &self.queues[id as usize];
        if queue.is_there && queue.spec.is_auto_delete && queue.had_consumer && queue.consumers.is_empty() {
            return self.delete_queue(id, DropReason::Deleted, call);
        }
        self.serve(id, call);
        self.arm(id);
    }

    /// The server itself ends a subscription, says so, and takes back what the consumer holds.
    pub(super) fn cancel_by_server(&mut self, number: u32, call: &mut Call) {
        let Some(consumer) = self.consumers.get(number) else { return };
        let (id, channel) = (consumer.queue, consumer.channel);
        self.tell_cancelled(number, call);
        let mut returned = Vec::new();
        if let Some(channel) = self.channels.get_mut(channel) {
            let (own, others) = std::mem::take(&mut channel.held).into_iter().partition(|it| it.consumer == number);
            channel.held = others;
            let own: std::collections::VecDeque<super::channel::Held> = own;
            channel.held_by_consumers -= own.len() as u32;
            returned.extend(own.into_iter().map(|held| held.stored));
        }
        if let Some(consumer) = self.consumers.get_mut(number) {
            consumer.held = 0;
        }
        self.drop_consumer(number, call);
        self.put_back(id, super::ready::in_queue_order(returned), call);
        self.go_on(id, call);
    }

    /// Tells a consumer that it gets nothing more.
    fn tell_cancelled(&self, number: u32, call: &mut Call) {
        let Some(consumer) = self.consumers.get(number).filter(|consumer| consumer.is_subscribed) else { return };
        let Some(channel) = self.channels.get(consumer.channel) else { return };
        match channel.session.is_console() {
            true => call.tell(channel.session, "cancelled", json!({"consumer": &*consumer.tag})),
            false => call.frame(channel.session, channel.place, BrokerMessage::Cancel),
        }
    }

    /// Closes a channel: what it held goes back, and to others.
    pub(super) fn close_channel(&mut self, number: u32, call: &mut Call) {
        let Some(channel) = self.channels.get(number) else { return };
        let consumers = channel.consumers.clone();
        let mut queues = Vec::new();
        for consumer in &consumers {
            queues.extend(self.consumers.get(*consumer).map(|consumer| consumer.queue));
            self.drop_consumer(*consumer, call);
        }
        let returned = self.take_all(number);
        for consumer in consumers {
            self.consumers.remove(consumer);
        }
        self.channels.remove(number);
        for (id, stored) in returned {
            queues.push(id);
            self.put_back(id, stored, call);
        }
        queues.sort_unstable();
        queues.dedup();
        for id in queues {
            self.go_on(id, call);
            self.after_consumers_left(id, call);
        }
    }

    /// The server closes a channel because of something that its client did.
    pub(super) fn fail_channel(&mut self, number: u32, code: u16, text: String, call: &mut Call) {
        let Some(channel) = self.channels.get(number) else { return };
        let (session, place, name) = (channel.session, channel.place, channel.name.clone());
        if session.is_console() {
            call.tell(session, "closed", json!({"code": code, "text": text, "channel": &*name}));
            if let Some(connection) = self.consoles.get_mut(&session) {
                connection.closed(number);
            }
        } else {
            call.frame(session, place, BrokerMessage::Cancel);
            self.forget_link(session);
        }
        self.close_channel(number, call);
    }

    /// A connection is over: its channels are closed, and its exclusive queues go.
    pub(super) fn close_connection(&mut self, session: Session, call: &mut Call) {
        if let Some(number) = self.channel_of(session) {
            self.forget_link(session);
            self.close_channel(number, call);
        }
        let Some(connection) = self.consoles.remove(&session) else { return };
        for number in connection.channels() {
            self.close_channel(number, call);
        }
        let owned: Vec<u32> = (0..self.queues.len() as u32)
            .filter(|id| {
                let queue = &self.queues[*id as usize];
                queue.is_there && queue.owner == Some(session)
            })
            .collect();
        owned.into_iter().for_each(|id| self.delete_queue(id, DropReason::Deleted, call));
    }

    /// A drawn queue that expired is there again, as its clients declare it when they connect.
    pub(super) fn declare_again(&mut self, id: u32, call: &mut Call) {
        let queue = &mut self.queues[id as usize];
        queue.is_there = true;
        queue.used = call.now;
        let name = queue.name.clone();
        self.router.declare_queue(id, name);
        self.arm(id);
    }

    /// Deletes a queue with everything that is in it.
    pub(super) fn delete_queue(&mut self, id: u32, reason: DropReason, call: &mut Call) {
        for number in self.queues[id as usize].consumers.clone() {
            self.tell_cancelled(number, call);
            self.drop_consumer(number, call);
        }
        self.discard_all(id, reason, call);
        let queue = &mut self.queues[id as usize];
        queue.is_there = false;
        queue.owner = None;
        queue.had_consumer = false;
        queue.active = None;
        let is_drawn = queue.node.is_some();
        self.take_away(Place::Queue(id), !is_drawn);
    }

    /// Takes an exchange or queue away, and the auto-delete exchanges that nothing is bound to any more.
    pub(super) fn take_away(&mut self, place: Place, for_good: bool) {
        let mut left = self.router.take_away(place, for_good);
        while let Some(exchange) = left.pop() {
            left.extend(self.take_away_unbound(exchange));
        }
    }

    /// Takes an auto-delete exchange away if nothing is bound to it; returns what lost a binding by that.
    pub(super) fn take_away_unbound(&mut self, exchange: u32) -> Vec<u32> {
        let goes = self.router.exchange(exchange).is_some_and(|it| it.is_there && it.spec.is_auto_delete)
            && !self.router.has_bindings(exchange);
        match goes {
            true => self.router.take_away(Place::Exchange(exchange), true),
            false => Vec::new(),
        }
    }

    /// The number of the consumer with this tag on a channel.
    pub(super) fn consumer_tagged(&self, channel: u32, tag: &str) -> Option<u32> {
        let channel = self.channels.get(channel)?;
        let is_it = |number: &u32| self.consumers.get(*number).is_some_and(|it| it.is_subscribed && &*it.tag == tag);
        channel.consumers.iter().copied().find(is_it).filter(|number| *number != NONE)
    }
}
