//! The event loop: one event is taken from the calendar, handed to a component, and what it asks for is applied.

use crate::vocabulary::{DropReason, EventId, Fact, LinkId, MessageId, NodeId, Time, TimerId, TraceEvent};

use super::calendar::Ticket;
use super::component::{Component, Envelope};
use super::context::{Context, Effect};
use super::limits::{EVENTS_PER_INSTANT_MAX, PENDING_MAX};
use super::link::LinkCondition;
use super::simulation::{Frame, NodeCondition, Scheduled, Simulation, TraceMode};

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
        let Some((at, scheduled)) = self.calendar.pop_until(until.0) else { return false };
        if at > self.now.0 {
            self.now = Time(at);
            self.steps_at_instant = 0;
        }
        self.steps += 1;
        self.steps_at_instant += 1;
        if self.steps_at_instant > EVENTS_PER_INSTANT_MAX {
            self.halt("too many events without any time going by: something goes round in a circle");
            return false;
        }
        self.dispatch(scheduled);
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

    pub(super) fn dispatch(&mut self, scheduled: Scheduled) {
        match scheduled {
            Scheduled::Frame(frame) => self.arrive(frame),
            Scheduled::Timer { node, id, key, cause } => self.fire(node, id, key, cause),
            Scheduled::Start { node } => self.start(node),
            Scheduled::Notice { link, direction, lost, cause } => self.notice(link, direction, lost, cause),
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

    pub(super) fn fire(&mut self, node: NodeId, id: TimerId, key: u64, cause: EventId) {
        let slot = &mut self.waiting[node.0 as usize];
        if self.nodes[node.0 as usize].condition == NodeCondition::Paused {
            slot.held.push_back(Scheduled::Timer { node, id, key, cause });
            return;
        }
        if let Some(index) = slot.timers.iter().rposition(|(timer, _)| *timer == id) {
            slot.timers.swap_remove(index);
        }
        self.call(Call::plain(node, cause), |component, context| component.on_timer(id, key, context));
    }

    pub(super) fn arrive(&mut self, frame: Frame) {
        let link = &mut self.links[frame.link.0 as usize];
        match link.condition {
            LinkCondition::Up => {}
            LinkCondition::Partitioned => return self.hold(frame.link, Scheduled::Frame(frame)),
            LinkCondition::GivenUp => return self.drop_frame(frame, DropReason::ConnectionLost),
            LinkCondition::Removed => return self.drop_frame(frame, DropReason::Removed),
        }
        let (end, from) = (link.arrival_end(frame.direction), link.departure_end(frame.direction).node);
        let host = self.nodes[end.node.0 as usize].host;
        match self.nodes[host.0 as usize].condition {
            NodeCondition::Running => {}
            NodeCondition::Paused => return self.waiting[host.0 as usize].held.push_back(Scheduled::Frame(frame)),
            NodeCondition::Down | NodeCondition::Removed => return self.drop_frame(frame, DropReason::NodeDown),
        }
        if link.epochs[usize::from(1 - frame.direction)] != frame.epoch {
            return self.drop_frame(frame, DropReason::ConnectionLost);
        }
        link.in_flight -= 1;
        let Frame { link, cause, message, .. } = frame;
        let fact = Fact::Delivered { link, from, what: message.carried() };
        let cause = self.record(end.node, cause, message.about(), fact);
        let call = Call { node: host, link: Some(link), receiver: end.node, cause };
        let envelope = Envelope { link, from, to: end.node, port: end.port, cause, message };
        self.call(call, |component, context| component.on_message(envelope, context));
    }

    /// Calls a component and applies what it asks for.
    #[inline]
    pub(super) fn call(&mut self, call: Call, handler: impl FnOnce(&mut dyn Component, &mut Context)) {
        let index = call.node.0 as usize;
        let Some(component) = self.components[index].as_deref_mut() else { return };
        let mut messages_made = self.nodes[index].messages_made;
        let mut context = Context {
            now: self.now,
            node: call.node,
            link: call.link,
            receiver: call.receiver,
            cause: call.cause,
            effects: &mut self.effects,
            nodes: &self.nodes,
            random: &mut self.randoms[index],
            messages_made: &mut messages_made,
            timers_issued: &mut self.timers_issued,
        };
        handler(component, &mut context);
        self.nodes[index].messages_made = messages_made;
        self.apply(call.node, call.cause);
    }

    pub(super) fn apply(&mut self, node: NodeId, handler_cause: EventId) {
        let mut effects = std::mem::take(&mut self.effects);
        // A frozen node is called only for an edit or a broken connection; what it answers must not be lost.
        let is_up = matches!(self.nodes[node.0 as usize].condition, NodeCondition::Running | NodeCondition::Paused);
        let mut last = (MessageId::NONE, handler_cause);
        for effect in effects.drain(..) {
            match effect {
                Effect::Record { node, message, fact } => {
                    let cause = if last.0 == message { last.1 } else { handler_cause };
                    last = (message, self.record(node, cause, message, fact));
                }
                Effect::Remember { content } => {
                    if self.mode == TraceMode::Full {
                        self.trace.remember(&content);
                    }
                }
                _ if !is_up => {}
                Effect::Send { from, link, message } => {
                    let cause = if last.0 == message.about() { last.1 } else { handler_cause };
                    self.send(from, link, message, cause);
                }
                Effect::SetTimer { id, after, key } => {
                    let ticket = self.schedule(self.now + after, Scheduled::Timer { node, id, key, cause: last.1 });
                    self.waiting[node.0 as usize].timers.push((id, ticket));
                }
                Effect::CancelTimer { id } => self.cancel_timer(node, id),
            }
        }
        self.effects = effects;
    }

    #[inline]
    pub(super) fn schedule(&mut self, at: Time, scheduled: Scheduled) -> Ticket {
        if self.calendar.len() >= PENDING_MAX {
            self.halt("too many events are waiting");
        }
        self.calendar.push(at.0, scheduled)
    }

    pub(super) fn halt(&mut self, reason: &'static str) {
        if self.halted.is_none() {
            self.halted = Some(reason);
            if !self.nodes.is_empty() {
                self.record(NodeId(0), EventId::NONE, MessageId::NONE, Fact::Halted {});
            }
        }
    }

    #[inline(always)]
    pub(super) fn record(&mut self, node: NodeId, cause: EventId, message: MessageId, fact: Fact) -> EventId {
        self.events_recorded += 1;
        let event = TraceEvent { id: EventId(self.events_recorded), at: self.now, node, cause, message, fact };
        self.digest.fold(&event);
        self.tally.add(&event);
        if self.mode == TraceMode::Full {
            self.trace.push(event);
        }
        event.id
    }

    pub(super) fn cancel_timer(&mut self, node: NodeId, id: TimerId) {
        let slot = &mut self.waiting[node.0 as usize];
        if let Some(index) = slot.timers.iter().rposition(|(timer, _)| *timer == id) {
            let (_, ticket) = slot.timers.swap_remove(index);
            if self.calendar.cancel(ticket).is_none() {
                // It ran out while the node was paused and waits among what is held.
                slot.held.retain(|held| !matches!(held, Scheduled::Timer { id: other, .. } if *other == id));
            }
        }
    }

    pub(super) fn cancel_timers(&mut self, node: NodeId) {
        for (_, ticket) in std::mem::take(&mut self.waiting[node.0 as usize].timers) {
            self.calendar.cancel(ticket);
        }
    }
}
