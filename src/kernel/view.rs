//! Looking at a run without changing it, and copying it: what pictures, tests and time travel ask for.

use std::rc::Rc;

use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::Duration;
use crate::vocabulary::{EventId, LinkId, MessageId, NodeId, Time};

use super::component::{InsideTable, Inspection};
use super::link::{Link, LinkSpec};
use super::simulation::{Simulation, TraceMode};
use super::state::{Flight, NodeCondition, Scheduled};
use super::tally::Tally;
use super::trace::Trace;

impl Simulation {
    /// The clock.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Events dispatched.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Trace events recorded, kept or not.
    pub fn events_recorded(&self) -> u64 {
        self.events_recorded
    }

    /// Events that wait in the calendar.
    pub fn pending(&self) -> usize {
        self.calendar.len()
    }

    /// When the next event happens.
    pub fn next_event_time(&mut self) -> Option<Time> {
        self.calendar.peek_time().map(Time)
    }

    /// Why the run can't go on, if it can't.
    pub fn halted(&self) -> Option<&'static str> {
        self.halted
    }

    /// The digest of all trace events so far.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// The kept trace.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The running totals.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// From now on, keep trace events or not.
    pub fn set_trace_mode(&mut self, mode: TraceMode) {
        self.mode = mode;
        if mode == TraceMode::Off {
            self.trace = Trace::default();
        }
    }

    /// How many nodes there have been.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the node runs: for a member, whether its host does.
    pub fn condition(&self, node: NodeId) -> NodeCondition {
        let Some(slot) = self.nodes.get(node.0 as usize) else { return NodeCondition::Removed };
        if slot.condition == NodeCondition::Removed {
            return slot.condition;
        }
        match self.nodes[slot.host.0 as usize].condition {
            NodeCondition::Paused if self.waiting[slot.host.0 as usize].is_catching_up => NodeCondition::Running,
            condition => condition,
        }
    }

    /// The node whose component acts for this one.
    pub fn host(&self, node: NodeId) -> NodeId {
        self.nodes.get(node.0 as usize).map_or(node, |slot| slot.host)
    }

    /// The time that work at the node takes, in per cent of normal.
    pub fn slow_percent(&self, node: NodeId) -> u32 {
        self.nodes.get(self.host(node).0 as usize).map_or(100, |slot| slot.slow_percent)
    }

    /// A link.
    pub fn link(&self, link: LinkId) -> Option<&Link> {
        self.links.get(link.0 as usize)
    }

    /// How a link treats frames.
    pub fn link_spec(&self, link: LinkId) -> LinkSpec {
        let index = self.links.get(link.0 as usize).map_or(0, |link| link.spec);
        self.specs.get(usize::from(index)).copied().unwrap_or_default()
    }

    /// All links, by number.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// What can be seen of a node now, with at most `items_max` messages.
    pub fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        let component = self.nodes.get(self.host(node).0 as usize).and_then(|node| node.component.as_deref());
        component.map_or_else(Inspection::default, |component| component.inspect(node, items_max))
    }

    /// What is inside a node now, in lists of at most `rows_max` rows.
    pub fn inside(&self, node: NodeId, rows_max: usize) -> Vec<InsideTable> {
        let component = self.nodes.get(self.host(node).0 as usize).and_then(|node| node.component.as_deref());
        component.map_or_else(Vec::new, |component| component.inside(node, self.now(), rows_max))
    }

    /// What was typed at the node, or at its host, and what it answered.
    pub fn transcript(&self, node: NodeId) -> Vec<Rc<str>> {
        let component = self.nodes.get(self.host(node).0 as usize).and_then(|node| node.component.as_deref());
        component.map_or_else(Vec::new, |component| component.transcript())
    }

    /// All frames on the way, in an order that depends only on the run.
    pub fn in_flight(&self) -> Vec<Flight> {
        // The event that sent a frame is its own, so this order is the same however the calendar keeps them.
        let mut pending: Vec<(u64, EventId, Flight)> = self
            .calendar
            .iter()
            .filter_map(|(at, scheduled)| match scheduled {
                Scheduled::Frame(frame) => Some((at, frame.cause, Flight::of(Time(at), scheduled)?)),
                _ => None,
            })
            .collect();
        sort_by_key(&mut pending, |(at, cause, _)| (*at, *cause));
        let mut flights: Vec<Flight> = pending.into_iter().map(|(_, _, flight)| flight).collect();
        self.each_held(&mut |flight| flights.push(flight));
        flights
    }

    /// Visits all frames on the way, in any order: for drawing, once per frame of the page.
    pub fn each_in_flight(&self, visit: &mut dyn FnMut(Flight)) {
        self.calendar.iter().filter_map(|(at, scheduled)| Flight::of(Time(at), scheduled)).for_each(&mut *visit);
        self.each_held(visit);
    }

    /// Frames that wait in a partitioned link or before a paused node.
    fn each_held(&self, visit: &mut dyn FnMut(Flight)) {
        let held = self.held.iter().flat_map(|held| &held.waiting);
        let waiting = self.waiting.iter().flat_map(|waiting| &waiting.held);
        held.chain(waiting).filter_map(|scheduled| Flight::of(Time::MAX, scheduled)).for_each(visit);
    }

    /// Visits each copy of a message that a component holds.
    pub fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        self.nodes.iter().filter_map(|node| node.component.as_deref()).for_each(|component| component.holds(visit));
    }

    /// A copy with the same future and without the trace.
    pub fn checkpoint(&self) -> Simulation {
        Simulation {
            seed: self.seed,
            now: self.now,
            steps: self.steps,
            steps_before_instant: self.steps_before_instant,
            calendar: self.calendar.clone(),
            nodes: self.nodes.clone(),
            waiting: self.waiting.clone(),
            randoms: self.randoms.clone(),
            specs: self.specs.clone(),
            links: self.links.clone(),
            held: self.held.clone(),
            wires: self.wires.clone(),
            events_recorded: self.events_recorded,
            digest: self.digest,
            tally: self.tally.clone(),
            mode: self.mode,
            trace: Trace::default(),
            halted: self.halted,
        }
    }

    /// Becomes the checkpoint again; of the own trace the part up to it stays.
    pub fn restore(&mut self, checkpoint: &Simulation) {
        let mut trace = std::mem::take(&mut self.trace);
        *self = checkpoint.checkpoint();
        trace.rewind_to(EventId(self.events_recorded));
        self.trace = trace;
    }

    /// The duration since the start, for statistics.
    pub fn elapsed(&self) -> Duration {
        self.now.since(Time::ZERO)
    }
}
