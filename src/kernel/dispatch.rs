//! The event loop: one event is taken from the calendar, handed to a component, and what it asks for is applied.

use crate::vocabulary::{DropReason, EventId, Fact, LinkId, Message, MessageId, NodeId, Time, TimerId, TraceEvent};

use super::calendar::{Next, Ticket};
use super::component::{Component, Envelope};
use super::context::Context;
use super::digest::Digest;
use super::limits::{EVENTS_PER_INSTANT_MAX, PENDING_MAX};
use super::link::LinkCondition;
use super::simulation::{Simulation, TraceMode};
use super::state::{Frame, NodeCondition, Scheduled};

/// Who is called, and why.
pub(super) struct Call {
    pub(super) node: NodeId,
    pub(super) link: Option<LinkId>,
    pub(super) receiver: NodeId,
    pub(super) cause: EventId,
}

impl Call {
    pub(super) fn plain(node: NodeId, cause: EventId) -> Call {
        Call { node, link: None, receiver: node, cause }
    }
}

impl Simulation {
    /// Dispatches one event; false when nothing is pending or the run is halted.
    pub fn step(&mut self) -> bool {
        self.step_until(Time::MAX)
    }

    #[inline]
    pub(super) fn step_until(&mut self, until: Time) -> bool {
        if self.halted.is_some() {
            return false;
        }
        let Some(next) = self.calendar.next_until(until.0) else { return false };
        if next.time > self.now.0 {
            self.now = Time(next.time);
            self.steps_before_instant = self.steps;
        }
        self.steps += 1;
        if self.steps - self.steps_before_instant > EVENTS_PER_INSTANT_MAX {
            self.halt("too many events without any time going by: something goes round in a circle");
            return false;
        }
        match self.calendar.payload_mut(next) {
            Scheduled::Frame(_) => self.arrive_from(next),
            Scheduled::Timer { node, id, key, cause } => {
                let (node, id, key, cause) = (*node, *id, *key, *cause);
                self.fire(node, id, key, cause);
            }
            other => {
                let other = std::mem::take(other);
                self.dispatch(other);
            }
        }
        true
    }

    /// Dispatches events until none is left up to `until`, but at most `steps_max`. True if `until` was reached: the
    /// clock then stands there (an endless `until` leaves it at the last event).
    pub fn advance(&mut self, until: Time, steps_max: u64) -> bool {
        let target = self.steps.saturating_add(steps_max);
        while self.steps < target {
            if !self.step_until(until) {
                break;
            }
        }
        let done = self.halted.is_none() && self.calendar.peek_time().is_none_or(|next| next > until.0);
        if done && until != Time::MAX {
            self.now = self.now.max(until);
        }
        done
    }

    /// Dispatches all events up to `until`.
    pub fn run_until(&mut self, until: Time) {
        self.advance(until, u64::MAX);
    }

    #[cold]
    pub(super) fn dispatch(&mut self, scheduled: Scheduled) {
        match scheduled {
            Scheduled::Frame(frame) => self.arrive_in_trouble(frame, false),
            Scheduled::Timer { node, id, key, cause } => self.fire(node, id, key, cause),
            Scheduled::Start { node } => self.start(node),
            Scheduled::Notice { link, direction, lost, cause } => self.notice(link, direction, lost, cause, false),
            Scheduled::GiveUp { link, partition } => self.give_up(link, partition),
            Scheduled::Fault(fault) => self.fault(fault),
            Scheduled::CatchUp { node } => self.catch_up(node),
        }
    }

    pub(super) fn start(&mut self, node: NodeId) {
        match self.nodes[node.0 as usize].condition {
            NodeCondition::Running => {
                let cause = self.record(node, EventId::NONE, MessageId::NONE, Fact::Started {});
                self.call(Call::plain(node, cause), |component, context| component.on_start(context));
            }
            NodeCondition::Paused => self.waiting[node.0 as usize].held.push_back(Scheduled::Start { node }),
            NodeCondition::Down | NodeCondition::Removed => {}
        }
    }

    #[inline]
    pub(super) fn fire(&mut self, node: NodeId, id: TimerId, key: u64, cause: EventId) {
        if self.nodes[node.0 as usize].condition == NodeCondition::Paused {
            self.waiting[node.0 as usize].held.push_back(Scheduled::Timer { node, id, key, cause });
            return;
        }
        self.handle(Call::plain(node, cause), |component, context| component.on_timer(id, key, context));
    }

    /// The frame in this slot of the calendar arrives. It is read in its place, as moving it out first costs more.
    #[inline(always)]
    fn arrive_from(&mut self, next: Next) {
        let Scheduled::Frame(frame) = self.calendar.payload_mut(next) else { return };
        let (id, direction, cause) = (frame.path.link(), frame.path.direction(), frame.cause);
        let link = &self.links[id.0 as usize];
        let (end, from) = (link.arrival_end(direction), link.departure_end(direction).node);
        let host = self.nodes[end.node.0 as usize].host;
        let open = link.condition == LinkCondition::Up && link.epochs[usize::from(1 - direction)] == frame.epoch;
        if !open || self.nodes[host.0 as usize].condition != NodeCondition::Running {
            let frame = std::mem::take(self.calendar.payload_mut(next));
            return self.dispatch(frame);
        }
        let message = std::mem::replace(&mut frame.message, Message::NOTHING);
        let (about, what) = message.label();
        let cause = self.record_frame(end.node, cause, about, Fact::Delivered { link: id, from, what });
        let Some((mut component, is_up)) = self.take_component(host) else { return };
        let call = Call { node: host, link: Some(id), receiver: end.node, cause };
        let mut context = Context::new(self, call, is_up);
        // Put together here and not moved into a closure: what is moved is read in wider pieces than it was written in,
        // and the processor waits for that.
        component.on_message(Envelope { link: id, from, to: end.node, port: end.port, cause, message }, &mut context);
        self.put_component(host, component);
    }

    /// What becomes of a frame whose link, connection or receiver does not work, or which waited for its receiver.
    #[cold]
    pub(super) fn arrive_in_trouble(&mut self, frame: Frame, has_arrived: bool) {
        let id = frame.path.link();
        let link = &self.links[id.0 as usize];
        match link.condition {
            LinkCondition::Up => {}
            LinkCondition::Partitioned if has_arrived => {}
            LinkCondition::Partitioned => return self.hold(id, Scheduled::Frame(frame)),
            LinkCondition::GivenUp => return self.drop_frame(frame, DropReason::ConnectionLost),
            LinkCondition::Removed => return self.drop_frame(frame, DropReason::Removed),
        }
        let direction = frame.path.direction();
        let is_current = link.epochs[usize::from(1 - direction)] == frame.epoch;
        let host = self.host(link.arrival_end(direction).node);
        match self.nodes[host.0 as usize].condition {
            NodeCondition::Running if is_current => self.arrive_late(frame, host),
            NodeCondition::Running => self.drop_frame(frame, DropReason::ConnectionLost),
            NodeCondition::Paused => self.waiting[host.0 as usize].held.push_back(Scheduled::Frame(frame)),
            NodeCondition::Down | NodeCondition::Removed => self.drop_frame(frame, DropReason::NodeDown),
        }
    }

    /// A frame that waited for its receiver is handed over.
    fn arrive_late(&mut self, frame: Frame, host: NodeId) {
        let (id, direction) = (frame.path.link(), frame.path.direction());
        let link = &self.links[id.0 as usize];
        let (end, from) = (link.arrival_end(direction), link.departure_end(direction).node);
        let message = frame.message;
        let fact = Fact::Delivered { link: id, from, what: message.carried() };
        let cause = self.record_frame(end.node, frame.cause, message.about(), fact);
        let call = Call { node: host, link: Some(id), receiver: end.node, cause };
        self.call(call, |component, context| {
            component.on_message(Envelope { link: id, from, to: end.node, port: end.port, cause, message }, context);
        });
    }

    /// Calls a component, if there is one.
    pub(super) fn call(&mut self, call: Call, handler: impl FnOnce(&mut dyn Component, &mut Context)) {
        self.handle(call, handler);
    }

    #[inline(always)]
    fn handle(&mut self, call: Call, handler: impl FnOnce(&mut dyn Component, &mut Context)) {
        let node = call.node;
        let Some((mut component, is_up)) = self.take_component(node) else { return };
        let mut context = Context::new(self, call, is_up);
        handler(&mut *component, &mut context);
        self.put_component(node, component);
    }

    /// A component is taken out for the time of its call, because its handler may change all the rest.
    #[inline(always)]
    fn take_component(&mut self, node: NodeId) -> Option<(Box<dyn Component>, bool)> {
        let node = &mut self.nodes[node.0 as usize];
        // A frozen node is called only for an edit or a broken connection; what it answers must not be lost.
        let is_up = matches!(node.condition, NodeCondition::Running | NodeCondition::Paused);
        Some((node.component.take()?, is_up))
    }

    #[inline(always)]
    fn put_component(&mut self, node: NodeId, component: Box<dyn Component>) {
        // The place is empty, which the compiler does not know: there is nothing to drop.
        std::mem::forget(self.nodes[node.0 as usize].component.replace(component));
    }

    #[inline(always)]
    pub(super) fn schedule(&mut self, at: Time, scheduled: Scheduled) -> Ticket {
        self.check_pending();
        self.calendar.push(at.0, scheduled)
    }

    #[inline]
    pub(super) fn check_pending(&mut self) {
        if self.calendar.len() >= PENDING_MAX {
            self.halt("too many events are waiting");
        }
    }

    #[cold]
    pub(super) fn halt(&mut self, reason: &'static str) {
        if self.halted.is_none() {
            self.halted = Some(reason);
            if !self.nodes.is_empty() {
                self.record(NodeId(0), EventId::NONE, MessageId::NONE, Fact::Halted {});
            }
        }
    }

    /// Writes a fact down: into the digest, the totals and the trace.
    pub(super) fn record(&mut self, node: NodeId, cause: EventId, message: MessageId, fact: Fact) -> EventId {
        let digest = Digest::of_fact(&fact);
        self.record_digested(node, cause, message, fact, digest)
    }

    /// The same for `Sent` and `Delivered`, which are most of all facts: as their kind is known where they are made, all
    /// that depends on it is computed beforehand.
    #[inline(always)]
    pub(super) fn record_frame(&mut self, node: NodeId, cause: EventId, message: MessageId, fact: Fact) -> EventId {
        self.events_recorded += 1;
        let event = TraceEvent { id: EventId(self.events_recorded), at: self.now, node, cause, message, fact };
        self.digest.fold(&event);
        match fact {
            Fact::Sent { .. } => self.tally.add_sent(node),
            _ => self.tally.add_delivered(node),
        }
        if self.mode == TraceMode::Full {
            self.trace.push(event);
        }
        event.id
    }

    /// The same for a fact whose part of the digest is known.
    #[inline(always)]
    pub(super) fn record_digested(
        &mut self,
        node: NodeId,
        cause: EventId,
        message: MessageId,
        fact: Fact,
        digest: u64,
    ) -> EventId {
        self.events_recorded += 1;
        let event = TraceEvent { id: EventId(self.events_recorded), at: self.now, node, cause, message, fact };
        self.digest.fold_with(&event, digest);
        self.tally.add(node, event.at, &fact);
        if self.mode == TraceMode::Full {
            self.trace.push(event);
        }
        event.id
    }

    pub(super) fn cancel_timer(&mut self, node: NodeId, id: TimerId) {
        if let Some(ticket) = self.calendar.unpack(id.0) {
            self.calendar.cancel(ticket);
        } else {
            // It ran out while the node was paused and waits among what is held, or it is long gone.
            self.waiting[node.0 as usize]
                .held
                .retain(|held| !matches!(held, Scheduled::Timer { id: other, .. } if *other == id));
        }
    }

    pub(super) fn cancel_timers(&mut self, node: NodeId) {
        self.calendar.remove_where(|scheduled| matches!(scheduled, Scheduled::Timer { node: at, .. } if *at == node));
    }
}
