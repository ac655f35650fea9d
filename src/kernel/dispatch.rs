//! The event loop: one event is taken from the calendar, handed to a component, and what it asks for is applied.

use crate::vocabulary::{DropReason, EventId, Fact, LinkId, Message, MessageId, NodeId, Time, TimerId, TraceEvent};

use super::calendar::{Next, Ticket};
use super::component::{Component, Envelope};
use super::context::{Context, Effect};
use super::digest::Digest;
use super::limits::{EVENTS_PER_INSTANT_MAX, PENDING_MAX};
use super::link::{Link, LinkCondition};
use super::simulation::{Simulation, TraceMode};
use super::state::{Frame, Node, NodeCondition, Scheduled};
use super::tally::Tally;

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

/// Reads a little of all that the arrival of a frame is going to need. The results are not used: what counts is that
/// the memory of a few dozen coming events is fetched at the same time.
#[inline]
fn look_ahead(nodes: &[Node], links: &[Link], tally: &Tally, scheduled: &Scheduled) {
    if let Scheduled::Frame(frame) = scheduled {
        let message = frame.message.about();
        let Some(link) = links.get(frame.path.link().0 as usize) else { return };
        let to = link.arrival_end(frame.path.direction()).node;
        let Some(node) = nodes.get(to.0 as usize) else { return };
        let next = node.links.last().and_then(|(_, link)| links.get(link.0 as usize));
        std::hint::black_box((message, tally.glance(to), next.map(|link| link.in_flight)));
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
        let (nodes, links, tally) = (&self.nodes, &self.links, &self.tally);
        let ahead = |scheduled: &Scheduled| look_ahead(nodes, links, tally, scheduled);
        let Some(next) = self.calendar.next_until(until.0, ahead) else { return false };
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
        if self.handle(&Call::plain(node, cause), |component, context| component.on_timer(id, key, context)) {
            self.apply_inline(node, cause);
        }
    }

    /// The frame in this slot of the calendar arrives. It is read in its place, as moving it out first costs more.
    #[inline(always)]
    fn arrive_from(&mut self, next: Next) {
        let Scheduled::Frame(frame) = self.calendar.payload_mut(next) else { return };
        let (id, direction, epoch, cause) = (frame.path.link(), frame.path.direction(), frame.epoch, frame.cause);
        let (about, what) = (frame.message.about(), frame.message.carried());
        let link = &mut self.links[id.0 as usize];
        let (end, from) = (link.arrival_end(direction), link.departure_end(direction).node);
        let host = self.nodes[end.node.0 as usize].host;
        let open = link.condition == LinkCondition::Up && link.epochs[usize::from(1 - direction)] == epoch;
        if !open || self.nodes[host.0 as usize].condition != NodeCondition::Running {
            let frame = std::mem::take(self.calendar.payload_mut(next));
            return self.dispatch(frame);
        }
        link.in_flight -= 1;
        let cause = self.record_frame(end.node, cause, about, Fact::Delivered { link: id, from, what });
        let call = Call { node: host, link: Some(id), receiver: end.node, cause };
        let message = match self.calendar.payload_mut(next) {
            Scheduled::Frame(frame) => std::mem::replace(&mut frame.message, Message::NOTHING),
            _ => return,
        };
        let handled = self.handle(&call, |component, context| {
            component.on_message(Envelope { link: id, from, to: end.node, port: end.port, cause, message }, context);
        });
        if handled {
            self.apply_inline(host, cause);
        }
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
        let link = &mut self.links[id.0 as usize];
        let (end, from) = (link.arrival_end(direction), link.departure_end(direction).node);
        link.in_flight -= 1;
        let message = frame.message;
        let fact = Fact::Delivered { link: id, from, what: message.carried() };
        let cause = self.record_frame(end.node, frame.cause, message.about(), fact);
        let call = Call { node: host, link: Some(id), receiver: end.node, cause };
        self.call(call, |component, context| {
            component.on_message(Envelope { link: id, from, to: end.node, port: end.port, cause, message }, context);
        });
    }

    /// Calls a component and applies what it asks for.
    pub(super) fn call(&mut self, call: Call, handler: impl FnOnce(&mut dyn Component, &mut Context)) {
        if self.handle(&call, handler) {
            self.apply(call.node, call.cause);
        }
    }

    /// Calls a component; false if there is none.
    #[inline(always)]
    fn handle(&mut self, call: &Call, handler: impl FnOnce(&mut dyn Component, &mut Context)) -> bool {
        let index = call.node.0 as usize;
        // It is taken out for the time of the call, because the context may look at the nodes.
        let Some(mut component) = self.nodes[index].component.take() else { return false };
        let mut context = Context {
            now: self.now,
            node: call.node,
            link: call.link,
            receiver: call.receiver,
            cause: call.cause,
            effects: &mut self.effects,
            nodes: &mut self.nodes,
            random: &mut self.randoms[index],
            calendar: &mut self.calendar,
        };
        handler(&mut *component, &mut context);
        self.nodes[index].component = Some(component);
        true
    }

    fn apply(&mut self, node: NodeId, handler_cause: EventId) {
        self.apply_inline(node, handler_cause);
    }

    /// Applies what a handler asked for, in the order of asking.
    #[inline(always)]
    fn apply_inline(&mut self, node: NodeId, handler_cause: EventId) {
        // A frozen node is called only for an edit or a broken connection; what it answers must not be lost.
        let is_up = matches!(self.nodes[node.0 as usize].condition, NodeCondition::Running | NodeCondition::Paused);
        let mut last = (MessageId::NONE, handler_cause);
        let mut effects = std::mem::take(&mut self.effects);
        for effect in &mut effects {
            match effect {
                Effect::Record { node, message, fact, digest } => {
                    let (node, message, fact, digest) = (*node, *message, *fact, *digest);
                    let cause = if last.0 == message { last.1 } else { handler_cause };
                    last = (message, self.record_digested(node, cause, message, fact, digest));
                }
                Effect::Remember { content } => {
                    if let (Some(content), TraceMode::Full) = (content.take(), self.mode) {
                        self.trace.remember(content);
                    }
                }
                Effect::SetTimer { ticket, .. } if !is_up => self.calendar.give_back(*ticket),
                Effect::Send { message, .. } if !is_up => drop(std::mem::replace(&mut **message, Message::NOTHING)),
                Effect::CancelTimer { .. } if !is_up => {}
                Effect::Send { from, link, message } => {
                    let (from, link, about) = (*from, *link, message.about());
                    let cause = if last.0 == about { last.1 } else { handler_cause };
                    self.send(from, link, message, about, cause);
                }
                Effect::SetTimer { ticket, after, key } => {
                    let (ticket, at, key) = (*ticket, self.now + *after, *key);
                    self.check_pending();
                    let id = TimerId(ticket.packed());
                    self.calendar.push_reserved(ticket, at.0, Scheduled::Timer { node, id, key, cause: last.1 });
                }
                Effect::CancelTimer { id } => {
                    let id = *id;
                    self.cancel_timer(node, id);
                }
            }
        }
        effects.clear();
        self.effects = effects;
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
    fn record_digested(
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
