//! The service: its queues, its clients and what falls due.
//!
//! Reproduces: SQS as one account in one region sees it. The service itself is redundant, so a "crash" here is a time in
//! which no one reaches it: messages, receipt handles and timeouts go on, open long polls are gone. Leaves out: more
//! regions and accounts, the 60 seconds that changed attributes take to reach every server, request throttling.

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::Value as Json;

use crate::kernel::{InsideTable, Inspection, InspectionItem, ItemState};
use crate::model::broker::late::longer;
use crate::model::broker::mechanism::deadlines::Deadlines;
use crate::model::broker::server::{Call, Server, Session};
use crate::vocabulary::{
    BrokerMessage, DropReason, Duration, Fact, FlatMap, MessageId, NodeId, Settings, Time, WireId,
};

use super::attributes::Attributes;
use super::deduplication::Window;
use super::receive::{Attempt, Reader, Waiter};
use super::store::{State, Store, Stored};
use super::{inside, kind};

/// Where the dead letters of a queue go, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Redrive {
    /// The number of the dead-letter queue.
    pub(super) target: u32,
    /// Receives after which the next one moves the message instead.
    pub(super) receives_max: u32,
}

/// A queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) name: Rc<str>,
    /// Its node, if it is drawn.
    pub(super) node: Option<NodeId>,
    pub(super) attributes: Attributes,
    pub(super) redrive: Option<Redrive>,
    pub(super) store: Store,
    pub(super) window: Window,
    pub(super) waiters: VecDeque<Waiter>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) purged: Option<Time>,
    /// Bodies and handles that consoles received, oldest first, so that a handle can be named by the body.
    pub(super) handles: VecDeque<(Rc<str>, u64)>,
}

/// What falls due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// A delayed or hidden message can be received: queue, slot, sequence number.
    Visible(u32, u32, u64),
    /// A message was kept long enough: queue, slot, sequence number.
    Expires(u32, u32, u64),
    /// A long poll ends: queue, number of the waiter.
    Poll(u32, u64),
}

/// A client of the drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) auto_ack: bool,
}

/// The service.
#[derive(Clone, Debug, Default)]
pub struct Sqs {
    /// How long an answer takes at normal speed.
    pub(super) service_time: Duration,
    pub(super) queues: Vec<Option<Queue>>,
    pub(super) by_name: FlatMap<Rc<str>, u32>,
    pub(super) by_node: FlatMap<NodeId, u32>,
    /// Names of deleted queues, which are taken for 60 seconds more.
    pub(super) deleted: Vec<(Rc<str>, Time)>,
    wires: FlatMap<WireId, (NodeId, NodeId, u32)>,
    pub(super) clients: FlatMap<Session, Client>,
    pub(super) deadlines: Deadlines<Due>,
    /// Queues in which something became visible during this call.
    pub(super) fresh: Vec<u32>,
    /// What one receive took: slots and handles. Kept only to be used again.
    pub(super) taken: Vec<(u32, u64)>,
    pub(super) held_count: usize,
    pub(super) waiter_count: usize,
    pub(super) handles_given: u64,
    pub(super) waiters_given: u64,
    /// The broker's own node, where queues that are not drawn are accounted for.
    broker: NodeId,
}

impl Queue {
    pub(super) fn new(name: Rc<str>, node: Option<NodeId>, attributes: Attributes) -> Queue {
        Queue {
            name,
            node,
            store: Store::new(attributes.is_fifo),
            attributes,
            redrive: None,
            window: Window::default(),
            waiters: VecDeque::new(),
            attempts: Vec::new(),
            purged: None,
            handles: VecDeque::new(),
        }
    }
}

/// Whether a deadline still means something.
fn is_alive(queues: &[Option<Queue>], at: Time, due: Due) -> bool {
    let (Due::Visible(number, ..) | Due::Expires(number, ..) | Due::Poll(number, _)) = due;
    let Some(Some(queue)) = queues.get(number as usize) else { return false };
    let stored = |slot: u32, sequence: u64| queue.store.get(slot).filter(|stored| stored.sequence == sequence);
    match due {
        Due::Visible(_, slot, sequence) => {
            stored(slot, sequence).is_some_and(|stored| stored.due == at && stored.state != State::Visible)
        }
        Due::Expires(_, slot, sequence) => stored(slot, sequence).is_some_and(|stored| stored.expires == at),
        Due::Poll(_, waiter) => queue.waiters.iter().any(|other| other.number == waiter),
    }
}

impl Sqs {
    /// A service with nothing in it.
    pub(super) fn new(settings: &Settings) -> Sqs {
        Sqs { service_time: settings.duration("service_time"), ..Sqs::default() }
    }

    #[inline]
    pub(super) fn queue(&self, queue: u32) -> Option<&Queue> {
        self.queues.get(queue as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn queue_mut(&mut self, queue: u32) -> Option<&mut Queue> {
        self.queues.get_mut(queue as usize)?.as_mut()
    }

    /// The node at which facts about the queue are recorded.
    #[inline]
    pub(super) fn node(&self, queue: u32, call: &Call) -> NodeId {
        self.queue(queue).and_then(|queue| queue.node).unwrap_or(call.broker)
    }

    /// The levels at the queue's node: waiting and in flight. Queues that are not drawn share the broker's node.
    #[inline]
    pub(super) fn levels(&self, queue: u32) -> (u32, u32) {
        let of = |queue: &Queue| {
            let counts = queue.store.counts();
            (counts.visible + counts.delayed, counts.in_flight)
        };
        match self.queue(queue) {
            Some(queue) if queue.node.is_some() => of(queue),
            _ => {
                let loose = self.queues.iter().flatten().filter(|queue| queue.node.is_none());
                loose.map(of).fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
            }
        }
    }

    /// Adds a queue; the name must be free.
    pub(super) fn add_queue(&mut self, queue: Queue) -> u32 {
        let number = self.queues.len() as u32;
        self.by_name.insert(queue.name.clone(), number);
        if let Some(node) = queue.node {
            self.by_node.insert(node, number);
        }
        self.queues.push(Some(queue));
        number
    }

    /// Deletes a queue with all that is in it.
    pub(super) fn delete_queue(&mut self, number: u32, reason: DropReason, call: &mut Call) {
        self.discard_all(number, reason, call);
        let Some(queue) = self.queues.get_mut(number as usize).and_then(Option::take) else { return };
        self.waiter_count -= queue.waiters.len();
        self.by_name.remove(&queue.name);
        if let Some(node) = queue.node {
            self.by_node.remove(&node);
        }
        self.queues.iter_mut().flatten().for_each(|other| {
            other.redrive = other.redrive.filter(|redrive| redrive.target != number);
        });
    }

    /// Takes every message out of a queue.
    pub(super) fn discard_all(&mut self, number: u32, reason: DropReason, call: &mut Call) {
        let slots = self.queue(number).map(|queue| queue.store.slots_in_order()).unwrap_or_default();
        slots.into_iter().for_each(|slot| self.discard(number, slot, reason, call));
    }

    /// Takes one message out of a queue and says why.
    fn discard(&mut self, number: u32, slot: u32, reason: DropReason, call: &mut Call) {
        let Some(stored) = self.queue_mut(number).and_then(|queue| queue.store.remove(slot)) else { return };
        self.held_count -= 1;
        let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
        call.fact(node, stored.content.id, Fact::Discarded { ready, unacked });
        call.dropped(node, stored.content.id, reason);
    }

    /// The end of every call: what became visible goes to those who wait, and stale deadlines are thrown away.
    pub(super) fn settle(&mut self, call: &mut Call) {
        while let Some(queue) = self.fresh.pop() {
            self.serve_waiters(queue, call);
        }
        let (queues, alive_max) = (&self.queues, 2 * self.held_count + self.waiter_count);
        self.deadlines.clean(alive_max, |at, due| is_alive(queues, at, due));
    }

    /// Something in the queue became visible.
    #[inline]
    pub(super) fn became_visible(&mut self, queue: u32) {
        if self.waiter_count > 0 && !self.fresh.contains(&queue) {
            self.fresh.push(queue);
        }
    }

    fn happen(&mut self, due: Due, call: &mut Call) {
        match due {
            Due::Visible(number, slot, _) => {
                let Some(queue) = self.queue_mut(number) else { return };
                let Some(stored) = queue.store.get(slot) else { return };
                let (message, was) = (stored.content.id, stored.state);
                queue.store.show(slot);
                if was == State::InFlight {
                    let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
                    call.fact(node, message, Fact::LeaseExpired { ready, unacked });
                }
                self.became_visible(number);
            }
            Due::Expires(number, slot, _) => {
                let message =
                    self.queue(number).and_then(|queue| queue.store.get(slot)).map(|stored| stored.content.id);
                let (node, (ready, unacked)) = (self.node(number, call), self.levels(number));
                if let Some(message) = message {
                    call.fact(node, message, Fact::Expired { ready, unacked });
                }
                self.discard(number, slot, DropReason::Expired, call);
                // In a FIFO queue the next of its group may be free now.
                self.became_visible(number);
            }
            Due::Poll(number, waiter) => self.end_poll(number, waiter, call),
        }
    }

    /// Reckons the deadlines of all messages anew, after retention or delay of the queue was changed: retention counts
    /// from the start for all of them, the delay only in a FIFO queue (API Reference, `SetQueueAttributes`).
    pub(super) fn attributes_changed(&mut self, number: u32, old: &Attributes, now: Time) {
        let Some(queue) = self.queues.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let (retention, old_retention) = (queue.attributes.retention(), old.retention());
        let moves_delay = queue.attributes.is_fifo && queue.attributes.delay() != old.delay();
        if retention == old_retention && !moves_delay {
            return;
        }
        let delay = queue.attributes.delay();
        for slot in queue.store.slots_in_order() {
            let Some(stored) = queue.store.get_mut(slot) else { continue };
            let from = Time(stored.expires.0.saturating_sub(old_retention.0));
            stored.expires = (from + retention).max(now);
            self.deadlines.push(stored.expires, Due::Expires(number, slot, stored.sequence));
            if moves_delay && stored.state == State::Delayed {
                stored.due = (stored.sent + delay).max(now);
                self.deadlines.push(stored.due, Due::Visible(number, slot, stored.sequence));
            }
        }
    }

    fn set_wire(&mut self, wire: WireId, from: NodeId, to: NodeId, settings: &Settings) {
        let receives_max = settings.integer("maxReceiveCount").clamp(1, 1000) as u32;
        self.wires.insert(wire, (from, to, receives_max));
        self.read_wires();
    }

    /// Sets the redrive policies that are drawn. A queue has one; of several wires the first one counts. A wire between
    /// a FIFO queue and a standard queue is no policy, since the service would not accept it.
    fn read_wires(&mut self) {
        for number in self.by_node.values() {
            if let Some(queue) = self.queues.get_mut(*number as usize).and_then(Option::as_mut) {
                queue.redrive = None;
            }
        }
        for (from, to, receives_max) in self.wires.values() {
            let (Some(from), Some(target)) = (self.by_node.get(from), self.by_node.get(to)) else { continue };
            let fits = from != target && self.is_fifo(*from) == self.is_fifo(*target);
            let redrive = Redrive { target: *target, receives_max: *receives_max };
            if let Some(queue) = self.queues.get_mut(*from as usize).and_then(Option::as_mut).filter(|_| fits) {
                queue.redrive.get_or_insert(redrive);
            }
        }
    }

    pub(super) fn is_fifo(&self, queue: u32) -> bool {
        self.queue(queue).is_some_and(|queue| queue.attributes.is_fifo)
    }

    fn forget_waiters(&mut self, gone: impl Fn(&Waiter) -> bool) {
        for queue in self.queues.iter_mut().flatten() {
            let before = queue.waiters.len();
            queue.waiters.retain(|waiter| !gone(waiter));
            self.waiter_count -= before - queue.waiters.len();
        }
    }
}

impl Server for Sqs {
    fn declare(&mut self, node: NodeId, kind: &'static str, settings: &Settings, call: &mut Call) {
        if kind != kind::QUEUE.name {
            return;
        }
        let name = settings.text("name");
        // One that was created at a console under this name is the same queue; it is drawn now, and begins empty.
        if let Some(number) = self.by_name.get(&name).copied() {
            self.delete_queue(number, DropReason::Deleted, call);
        }
        self.add_queue(Queue::new(name, Some(node), Attributes::read(settings)));
        self.read_wires();
        self.settle(call);
    }

    fn configure(&mut self, node: NodeId, settings: &Settings, call: &mut Call) {
        let Some(number) = self.by_node.get(&node).copied() else {
            self.service_time = settings.duration("service_time");
            return;
        };
        let attributes = Attributes::read(settings);
        if self.is_fifo(number) != attributes.is_fifo {
            // The type of a queue is fixed; another type is another queue.
            self.delete_queue(number, DropReason::Deleted, call);
            self.add_queue(Queue::new(settings.text("name"), Some(node), attributes));
            self.read_wires();
            return self.settle(call);
        }
        let Some(queue) = self.queues.get_mut(number as usize).and_then(Option::as_mut) else { return };
        let old = std::mem::replace(&mut queue.attributes, attributes);
        let old_name = std::mem::replace(&mut queue.name, settings.text("name"));
        let name = queue.name.clone();
        self.by_name.remove(&old_name);
        self.by_name.insert(name, number);
        self.attributes_changed(number, &old, call.now);
        self.settle(call);
    }

    fn remove(&mut self, node: NodeId, call: &mut Call) {
        if let Some(number) = self.by_node.get(&node).copied() {
            self.delete_queue(number, DropReason::Removed, call);
        }
        self.settle(call);
    }

    fn join(&mut self, wire: WireId, from: NodeId, to: NodeId, settings: &Settings, _: &mut Call) {
        self.set_wire(wire, from, to, settings);
    }

    fn rejoin(&mut self, wire: WireId, settings: &Settings, _: &mut Call) {
        if let Some((from, to, _)) = self.wires.get(&wire).copied() {
            self.set_wire(wire, from, to, settings);
        }
    }

    fn part(&mut self, wire: WireId, _: &mut Call) {
        self.wires.remove(&wire);
        self.read_wires();
    }

    fn receive(&mut self, session: Session, client: NodeId, place: NodeId, frame: BrokerMessage, call: &mut Call) {
        let Some(number) = self.by_node.get(&place).copied() else {
            if let BrokerMessage::Publish(content) = frame {
                call.dropped(place, content.id, DropReason::NotConnected);
            }
            return;
        };
        match frame {
            BrokerMessage::Publish(content) => self.take_in(number, content, call),
            BrokerMessage::Subscribe { auto_ack, .. } => {
                self.clients.insert(session, Client { auto_ack });
                call.frame(session, place, BrokerMessage::Pulls { commits: false, next: 0 });
            }
            BrokerMessage::Pull { max, wait, .. } => {
                let reader = Reader { session, client, place: Some(place) };
                self.pull(number, reader, max, wait, call);
            }
            BrokerMessage::Ack { tag, .. } => {
                // A handle that is no longer good deletes nothing; the client is not told more than that.
                let _ = self.delete(number, tag, None, client, call);
            }
            BrokerMessage::Nack { tag, requeue: true, .. } => {
                let _ = self.change_visibility(number, tag, 0, client, call);
            }
            BrokerMessage::Extend { tag, by } => {
                let _ = self.change_visibility(number, tag, by.0 / 1_000_000_000, client, call);
            }
            BrokerMessage::Cancel => self.forget_waiters(|waiter| waiter.reader.session == session),
            // A message that is given up comes back when its visibility timeout is over.
            _ => {}
        }
        self.settle(call);
    }

    fn disconnect(&mut self, session: Session, call: &mut Call) {
        self.clients.remove(&session);
        self.forget_waiters(|waiter| waiter.reader.session == session);
        self.settle(call);
    }

    fn execute(&mut self, session: Session, _: &str, line: &str, call: &mut Call) -> Json {
        self.broker = call.broker;
        let answer = self.perform(session, line, call);
        self.settle(call);
        answer.unwrap_or_else(|refusal| refusal.json())
    }

    fn next_due(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| at)
    }

    fn on_due(&mut self, call: &mut Call) {
        while let Some((at, due)) = self.deadlines.pop_due(call.now) {
            if is_alive(&self.queues, at, due) {
                self.happen(due, call);
            }
        }
        self.settle(call);
    }

    fn crash(&mut self, _: &mut Call) {
        self.forget_waiters(|_| true);
        self.clients.clear();
    }

    fn recover(&mut self, call: &mut Call) {
        self.on_due(call);
    }

    fn answer_delay(&self, slow_percent: u32) -> Duration {
        longer(self.service_time, slow_percent)
    }

    fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        match self.by_node.get(&node).and_then(|number| self.queue(*number)) {
            Some(queue) => self.inspect_queue(queue, items_max),
            None => {
                let total = |of: fn(&Queue) -> usize| self.queues.iter().flatten().map(of).sum::<usize>().to_string();
                let rows = vec![
                    ("Queues", total(|_| 1)),
                    ("Messages", self.held_count.to_string()),
                    ("Long polls", total(|queue| queue.waiters.len())),
                ];
                Inspection { headline: "Amazon SQS".to_string(), rows, ..Inspection::default() }
            }
        }
    }

    fn inside(&self, node: NodeId, now: Time, rows_max: usize) -> Vec<InsideTable> {
        let queue = self.by_node.get(&node).and_then(|number| self.queue(*number));
        queue.map_or_else(Vec::new, |queue| inside::tables(queue, now, rows_max))
    }

    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        for queue in self.queues.iter().flatten() {
            let node = queue.node.unwrap_or(self.broker);
            queue.store.iter().for_each(|stored| visit(node, stored.content.id));
        }
    }

    fn clone_box(&self) -> Box<dyn Server> {
        Box::new(self.clone())
    }
}

impl Sqs {
    fn inspect_queue(&self, queue: &Queue, items_max: usize) -> Inspection {
        let counts = queue.store.counts();
        let item = |stored: &Stored| InspectionItem {
            message: stored.content.id,
            state: match (stored.state, stored.receives_here) {
                (State::InFlight, _) => ItemState::Unacked,
                (_, 0) => ItemState::Ready,
                _ => ItemState::ReadyAgain,
            },
            holder: (stored.state == State::InFlight).then_some(stored.holder),
        };
        let seen = queue.store.seen(items_max);
        let mut rows = vec![
            ("Visible", counts.visible.to_string()),
            ("In flight", counts.in_flight.to_string()),
            ("Delayed", counts.delayed.to_string()),
            ("Type", if queue.attributes.is_fifo { "FIFO" } else { "standard" }.to_string()),
            ("Long polls", queue.waiters.len().to_string()),
        ];
        if queue.attributes.is_fifo {
            let (groups, locked) = queue.store.group_counts();
            rows.push(("Message groups", format!("{groups}, {locked} locked")));
            rows.push(("Deduplication ids", queue.window.len().to_string()));
        }
        let hidden = seen.iter().filter(|stored| stored.state == State::InFlight);
        if let Some(next) = hidden.min_by_key(|stored| stored.due) {
            rows.push(("Visible again next", format!("{}, receive {}", next.due, next.receives)));
        }
        if let Some((redrive, target)) = queue.redrive.and_then(|redrive| Some((redrive, self.queue(redrive.target)?)))
        {
            rows.push(("Dead letters", format!("{} after {} receives", target.name, redrive.receives_max)));
        }
        let delayed = if counts.delayed > 0 { format!(" · {} delayed", counts.delayed) } else { String::new() };
        Inspection {
            headline: format!("{} visible · {} in flight{delayed}", counts.visible, counts.in_flight),
            items: seen.into_iter().map(item).collect(),
            item_count: counts.total() as usize,
            rows,
        }
    }

    /// Seconds as the service counts them.
    pub(super) fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}
