//! The simulation: components, links and the calendar under one clock.
//!
//! One event is taken from the calendar at a time and handed to a component; what the component asks for is applied in
//! the order of asking. The whole is a value: a clone has the same future.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::vocabulary::{
    Carried, DropReason, Duration, EventId, Fact, LinkId, Message, MessageId, NodeId, Settings, Time, TimerId, WireId,
};

use super::calendar::{Calendar, Ticket};
use super::component::{Change, Component, Inspection};
use super::context::Effect;
use super::digest::Digest;
use super::dispatch::Call;
use super::fault::Fault;
use super::limits::{LINKS_MAX, NODES_MAX};
use super::link::{Link, LinkCondition, LinkEnd, LinkSpec, Port};
use super::rng::Stream;
use super::tally::Tally;
use super::trace::Trace;
use smallvec::SmallVec;

/// Whether trace events are kept. Digest and totals are computed either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceMode {
    /// They are forgotten at once.
    Off,
    /// The newest are kept.
    Full,
}

/// Whether a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeCondition {
    /// It does.
    Running,
    /// It crashed.
    Down,
    /// It is frozen.
    Paused,
    /// It was taken out of the drawing.
    Removed,
}

/// What the kernel knows of a node. Kept within a cache line: rings of ten thousand parts live from that.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The node whose component acts for this one: itself, or the host of a member.
    pub(super) host: NodeId,
    pub(super) messages_made: u32,
    /// The time that work takes, in per cent of normal.
    pub(super) slow_percent: u32,
    pub(super) condition: NodeCondition,
    /// Its links, by port, in the order of their making.
    pub(super) links: SmallVec<[(Port, LinkId); 2]>,
}

/// What waits for a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    pub(super) timers: Vec<(TimerId, Ticket)>,
    /// What waits while the node is paused.
    pub(super) held: VecDeque<Scheduled>,
    /// The node goes on, and works off what is held before anything else.
    pub(super) is_catching_up: bool,
}

/// What waits in the calendar.
#[derive(Clone, Debug)]
pub(super) enum Scheduled {
    Start { node: NodeId },
    Frame(Frame),
    Timer { node: NodeId, id: TimerId, key: u64, cause: EventId },
    Notice { link: LinkId, direction: u8, lost: bool, cause: EventId },
    GiveUp { link: LinkId, partition: u32 },
    Fault(Fault),
    /// A node that goes on takes up the next thing that waited.
    CatchUp { node: NodeId },
}

/// A message on a link.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) link: LinkId,
    pub(super) direction: u8,
    /// The connection that it was sent over; an older one than the receiver's is dead.
    pub(super) epoch: u32,
    pub(super) sent: Time,
    pub(super) cause: EventId,
    pub(super) message: Message,
}

/// A frame on its way, for pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flight {
    /// The link.
    pub link: LinkId,
    /// 0: from the link's first end to its second; 1: back.
    pub direction: u8,
    /// When it left.
    pub sent: Time,
    /// When it arrives; [`Time::MAX`] while a partition holds it.
    pub arrives: Time,
    /// The application message that it is about.
    pub message: MessageId,
    /// What kind of frame.
    pub what: Carried,
}

/// A run.
#[derive(Clone)]
pub struct Simulation {
    pub(super) seed: u64,
    pub(super) now: Time,
    pub(super) steps: u64,
    pub(super) steps_at_instant: u64,
    pub(super) calendar: Calendar<Scheduled>,
    pub(super) components: Vec<Option<Box<dyn Component>>>,
    pub(super) nodes: Vec<Node>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) randoms: Vec<Stream>,
    pub(super) links: Vec<Link>,
    /// The different specifications of links; most links share one.
    pub(super) specs: Vec<LinkSpec>,
    /// What a partition holds back, by link.
    pub(super) held: Vec<VecDeque<Scheduled>>,
    pub(super) wires: Vec<(NodeId, bool)>,
    pub(super) timers_issued: u64,
    pub(super) events_recorded: u64,
    pub(super) digest: Digest,
    pub(super) tally: Tally,
    pub(super) mode: TraceMode,
    pub(super) trace: Trace,
    pub(super) halted: Option<&'static str>,
    pub(super) effects: Vec<Effect>,
}

impl Clone for Box<dyn Component> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

// Building and changing the world.
impl Simulation {
    /// An empty world.
    pub fn new(seed: u64, mode: TraceMode) -> Simulation {
        Simulation {
            seed,
            now: Time::ZERO,
            steps: 0,
            steps_at_instant: 0,
            calendar: Calendar::new(),
            components: Vec::new(),
            nodes: Vec::new(),
            waiting: Vec::new(),
            randoms: Vec::new(),
            specs: Vec::new(),
            links: Vec::new(),
            held: Vec::new(),
            wires: Vec::new(),
            timers_issued: 0,
            events_recorded: 0,
            digest: Digest::default(),
            tally: Tally::default(),
            mode,
            trace: Trace::default(),
            halted: None,
            effects: Vec::new(),
        }
    }

    pub(super) fn push_node(
        &mut self,
        name: &str,
        host: Option<NodeId>,
        component: Option<Box<dyn Component>>,
    ) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        if self.nodes.len() >= NODES_MAX {
            self.halt("too many nodes");
        }
        self.nodes.push(Node {
            host: host.unwrap_or(id),
            condition: NodeCondition::Running,
            slow_percent: 100,
            links: SmallVec::new(),
            messages_made: 0,
        });
        self.waiting.push(Waiting::default());
        self.components.push(component);
        self.randoms.push(Stream::named(self.seed, name, "node"));
        self.tally.add_node();
        id
    }

    /// Places a component; it starts now. `name` is its identity in the drawing and names its random stream.
    pub fn add_node(&mut self, name: &str, component: Box<dyn Component>) -> NodeId {
        let id = self.push_node(name, None, Some(component));
        self.schedule(self.now, Scheduled::Start { node: id });
        id
    }

    /// Places a node inside a host, whose component acts for it.
    pub fn add_member(&mut self, host: NodeId, name: &str, kind: &'static str, settings: Rc<Settings>) -> NodeId {
        let id = self.push_node(name, Some(host), None);
        self.change(host, &Change::MemberAdded { node: id, kind, settings });
        id
    }

    /// Takes a node out, with its links and members. What it held is recorded as dropped.
    pub fn remove_node(&mut self, node: NodeId) {
        if self.condition(node) == NodeCondition::Removed {
            return;
        }
        let links: Vec<LinkId> = self.nodes[node.0 as usize].links.iter().map(|(_, link)| *link).collect();
        links.into_iter().for_each(|link| self.remove_link(link));
        let host = self.host(node);
        if host == node {
            let members =
                (0..self.nodes.len() as u32).map(NodeId).filter(|member| *member != node && self.host(*member) == node);
            members.collect::<Vec<_>>().into_iter().for_each(|member| self.remove_node(member));
            let mut held = Vec::new();
            if let Some(component) = &self.components[node.0 as usize] {
                component.holds(&mut |at, message| held.push((at, message)));
            }
            for (at, message) in held {
                self.drop_message(at, EventId::NONE, message, Carried::Publish, DropReason::Removed);
            }
            self.discard_held(node, DropReason::Removed);
            self.cancel_timers(node);
            self.components[node.0 as usize] = None;
        } else {
            self.change(host, &Change::MemberRemoved { node });
        }
        self.nodes[node.0 as usize].condition = NodeCondition::Removed;
        self.record(node, EventId::NONE, MessageId::NONE, Fact::Removed {});
    }

    /// Gives a node new settings.
    pub fn configure(&mut self, node: NodeId, settings: Rc<Settings>) {
        let host = self.host(node);
        self.record(node, EventId::NONE, MessageId::NONE, Fact::Configured {});
        self.change(host, &Change::Configured { node, settings });
    }

    /// Joins two members of one host by a wire that carries no traffic.
    pub fn join(&mut self, from: NodeId, to: NodeId, settings: Rc<Settings>) -> WireId {
        let wire = WireId(self.wires.len() as u32);
        let host = self.host(from);
        self.wires.push((host, true));
        self.change(host, &Change::Joined { wire, from, to, settings });
        wire
    }

    /// Gives such a wire new settings.
    pub fn rejoin(&mut self, wire: WireId, settings: Rc<Settings>) {
        if let Some((host, true)) = self.wires.get(wire.0 as usize).copied() {
            self.change(host, &Change::Rejoined { wire, settings });
        }
    }

    /// Takes such a wire away.
    pub fn part(&mut self, wire: WireId) {
        if let Some((host, there @ true)) = self.wires.get_mut(wire.0 as usize) {
            *there = false;
            let host = *host;
            self.change(host, &Change::Parted { wire });
        }
    }

    /// Joins two nodes by a link. `name` is its identity in the drawing and names its random stream.
    pub fn add_link(&mut self, name: &str, spec: LinkSpec, from: LinkEnd, to: LinkEnd) -> LinkId {
        let id = LinkId(self.links.len() as u32);
        if self.links.len() >= LINKS_MAX {
            self.halt("too many links");
        }
        let spec = self.intern(spec);
        self.links.push(Link {
            ends: [from, to],
            spec,
            epochs: [0, 0],
            condition: LinkCondition::Up,
            random: Stream::named(self.seed, name, "link"),
            latest_arrival: [Time::ZERO; 2],
            in_flight: 0,
            partition_count: 0,
        });
        self.held.push(VecDeque::new());
        for (end, peer) in [(from, to), (to, from)] {
            self.nodes[end.node.0 as usize].links.push((end.port, id));
            let host = self.host(end.node);
            self.change(host, &Change::LinkAdded { link: id, node: end.node, port: end.port, peer: peer.node });
        }
        id
    }

    /// Gives a link new properties; frames on the way keep their arrival.
    pub fn respecify_link(&mut self, link: LinkId, spec: LinkSpec) {
        let spec = self.intern(spec);
        if let Some(link) = self.links.get_mut(link.0 as usize) {
            link.spec = spec;
        }
    }

    /// The index of a specification, which is added if no link has it yet.
    fn intern(&mut self, spec: LinkSpec) -> u32 {
        let known = self.specs.iter().position(|known| *known == spec);
        known.unwrap_or_else(|| {
            self.specs.push(spec);
            self.specs.len() - 1
        }) as u32
    }

    /// Takes a link away; what is on it is dropped.
    pub fn remove_link(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0 as usize) else { return };
        if link.condition == LinkCondition::Removed {
            return;
        }
        link.condition = LinkCondition::Removed;
        let ends = link.ends;
        self.drop_held_frames(id, DropReason::Removed);
        for (end, peer) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            self.nodes[end.node.0 as usize].links.retain(|(_, link)| *link != id);
            let host = self.host(end.node);
            self.change(host, &Change::LinkRemoved { link: id, node: end.node, peer: peer.node });
        }
    }

    /// Gives a component a command by hand; false if it is down or knows no such command.
    pub fn command(&mut self, node: NodeId, command: &str) -> bool {
        let host = self.host(node);
        if self.condition(host) != NodeCondition::Running {
            return false;
        }
        let mut known = false;
        self.call(Call::plain(host, EventId::NONE), |component, context| {
            known = component.on_command(node, command, context)
        });
        known
    }

    pub(super) fn change(&mut self, host: NodeId, change: &Change) {
        if self.components.get(host.0 as usize).is_some_and(Option::is_some) {
            self.call(Call::plain(host, EventId::NONE), |component, context| component.on_change(change, context));
        }
    }
}

// Looking.
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
        self.specs.get(index as usize).copied().unwrap_or_default()
    }

    /// All links, by number.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// What can be seen of a node now, with at most `items_max` messages.
    pub fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        let component = self.components.get(self.host(node).0 as usize).and_then(Option::as_deref);
        component.map_or_else(Inspection::default, |component| component.inspect(node, items_max))
    }

    /// All frames on the way, in an order that depends only on the run.
    pub fn in_flight(&self) -> Vec<Flight> {
        let mut pending: Vec<(u64, u64, Flight)> = self
            .calendar
            .iter()
            .filter_map(|(at, sequence, scheduled)| Some((at, sequence, flight_of(Time(at), scheduled)?)))
            .collect();
        pending.sort_unstable_by_key(|(at, sequence, _)| (*at, *sequence));
        let mut flights: Vec<Flight> = pending.into_iter().map(|(_, _, flight)| flight).collect();
        self.each_held(&mut |flight| flights.push(flight));
        flights
    }

    /// Visits all frames on the way, in any order: for drawing, once per frame of the page.
    pub fn each_in_flight(&self, visit: &mut dyn FnMut(Flight)) {
        self.calendar.iter().filter_map(|(at, _, scheduled)| flight_of(Time(at), scheduled)).for_each(&mut *visit);
        self.each_held(visit);
    }

    /// Frames that wait in a partitioned link or before a paused node.
    fn each_held(&self, visit: &mut dyn FnMut(Flight)) {
        let held = self.held.iter().flatten();
        let waiting = self.waiting.iter().flat_map(|waiting| &waiting.held);
        held.chain(waiting).filter_map(|scheduled| flight_of(Time::MAX, scheduled)).for_each(visit);
    }

    /// Visits each copy of a message that a component holds.
    pub fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        self.components.iter().flatten().for_each(|component| component.holds(visit));
    }

    /// A copy with the same future and without the trace.
    pub fn checkpoint(&self) -> Simulation {
        Simulation {
            seed: self.seed,
            now: self.now,
            steps: self.steps,
            steps_at_instant: self.steps_at_instant,
            calendar: self.calendar.clone(),
            components: self.components.clone(),
            nodes: self.nodes.clone(),
            waiting: self.waiting.clone(),
            randoms: self.randoms.clone(),
            specs: self.specs.clone(),
            links: self.links.clone(),
            held: self.held.clone(),
            wires: self.wires.clone(),
            timers_issued: self.timers_issued,
            events_recorded: self.events_recorded,
            digest: self.digest,
            tally: self.tally.clone(),
            mode: self.mode,
            trace: Trace::default(),
            halted: self.halted,
            effects: Vec::new(),
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

/// What is seen of an event of the calendar, if it is a frame.
fn flight_of(arrives: Time, scheduled: &Scheduled) -> Option<Flight> {
    match scheduled {
        Scheduled::Frame(frame) => Some(Flight {
            link: frame.link,
            direction: frame.direction,
            sent: frame.sent,
            arrives,
            message: frame.message.about(),
            what: frame.message.carried(),
        }),
        _ => None,
    }
}
