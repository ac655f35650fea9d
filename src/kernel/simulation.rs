//! The simulation: components, links and the calendar under one clock.
//!
//! One event is taken from the calendar at a time and handed to a component; what the component asks for is applied in
//! the order of asking. The whole is a value: a clone has the same future.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::vocabulary::{Carried, DropReason, EventId, Fact, LinkId, MessageId, NodeId, Settings, Time, WireId};

use super::calendar::Calendar;
use super::component::{Change, Component};
use super::digest::Digest;
use super::dispatch::Call;
use super::limits::{LINKS_MAX, NODES_MAX};
use super::link::{Link, LinkCondition, LinkEnd, LinkSpec};
use super::rng::Stream;
use super::state::{HeldBack, Node, Scheduled, Waiting};
use super::tally::Tally;
use super::trace::Trace;

pub use super::state::{Flight, NodeCondition};

/// Whether trace events are kept. Digest and totals are computed either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceMode {
    /// They are forgotten at once.
    Off,
    /// The newest are kept.
    Full,
}

/// A run.
#[derive(Clone)]
pub struct Simulation {
    pub(super) seed: u64,
    pub(super) now: Time,
    pub(super) steps: u64,
    pub(super) steps_before_instant: u64,
    pub(super) calendar: Calendar<Scheduled>,
    pub(super) nodes: Vec<Node>,
    /// What waits for each node while it is paused.
    pub(super) waiting: Vec<Waiting>,
    pub(super) randoms: Vec<Stream>,
    pub(super) links: Vec<Link>,
    /// The different specifications of links; most links share one.
    pub(super) specs: Vec<LinkSpec>,
    /// What a partition holds back, by link.
    pub(super) held: Vec<HeldBack>,
    pub(super) wires: Vec<(NodeId, bool)>,
    pub(super) events_recorded: u64,
    pub(super) digest: Digest,
    pub(super) tally: Tally,
    pub(super) mode: TraceMode,
    pub(super) trace: Trace,
    pub(super) halted: Option<&'static str>,
}

// Building and changing the world.
impl Simulation {
    /// An empty world.
    pub fn new(seed: u64, mode: TraceMode) -> Simulation {
        Simulation {
            seed,
            now: Time::ZERO,
            steps: 0,
            steps_before_instant: 0,
            calendar: Calendar::new(),
            nodes: Vec::new(),
            waiting: Vec::new(),
            randoms: Vec::new(),
            specs: Vec::new(),
            links: Vec::new(),
            held: Vec::new(),
            wires: Vec::new(),
            events_recorded: 0,
            digest: Digest::default(),
            tally: Tally::default(),
            mode,
            trace: Trace::default(),
            halted: None,
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
            component,
        });
        self.waiting.push(Waiting::default());
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
            if let Some(component) = &self.nodes[node.0 as usize].component {
                component.holds(&mut |at, message| held.push((at, message)));
            }
            for (at, message) in held {
                self.drop_message(at, EventId::NONE, message, Carried::Publish, DropReason::Removed);
            }
            self.discard_held(node, DropReason::Removed);
            self.cancel_timers(node);
            self.nodes[node.0 as usize].component = None;
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
        let faulty = spec.faulty();
        let spec = self.intern(spec);
        self.links.push(Link {
            ends: [from, to],
            spec,
            faulty,
            epochs: [0, 0],
            condition: LinkCondition::Up,
            random: Stream::named(self.seed, name, "link"),
            latest_arrival: [Time::ZERO; 2],
        });
        self.held.push(HeldBack::default());
        for (end, peer) in [(from, to), (to, from)] {
            self.nodes[end.node.0 as usize].links.push((end.port, id));
            let host = self.host(end.node);
            self.change(host, &Change::LinkAdded { link: id, node: end.node, port: end.port, peer: peer.node });
        }
        id
    }

    /// Gives a link new properties; frames on the way keep their arrival.
    pub fn respecify_link(&mut self, link: LinkId, spec: LinkSpec) {
        let faulty = spec.faulty();
        let spec = self.intern(spec);
        if let Some(link) = self.links.get_mut(link.0 as usize) {
            link.spec = spec;
            link.faulty = faulty;
        }
    }

    /// The index of a specification, which is added if no link has it yet.
    fn intern(&mut self, spec: LinkSpec) -> u16 {
        if let Some(known) = self.specs.iter().position(|known| *known == spec) {
            return known as u16;
        }
        // One that no link has any more gives up its place, so that there are never many more than links.
        if self.specs.len() > self.links.len() {
            let mut used = vec![false; self.specs.len()];
            self.links.iter().for_each(|link| used[usize::from(link.spec)] = true);
            if let Some(unused) = used.iter().position(|used| !used) {
                self.specs[unused] = spec;
                return unused as u16;
            }
        }
        self.specs.push(spec);
        // Links are at most half as many as this can count, or the run is halted.
        (self.specs.len() - 1).min(usize::from(u16::MAX)) as u16
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
        if self.nodes.get(host.0 as usize).is_some_and(|node| node.component.is_some()) {
            self.call(Call::plain(host, EventId::NONE), |component, context| component.on_change(change, context));
        }
    }
}
