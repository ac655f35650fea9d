//! How frames travel: sending, losing, doubling, holding back, partitions, and how the ends learn that a peer is gone.
//!
//! Each end of a link believes in a numbered connection. A crash begins a new one; frames of an older connection than
//! the receiver's are dropped, as a new process knows nothing of its predecessor's sockets.

use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Carried, DropReason, EventId, Fact, LinkId, Message, MessageId, NodeId};

use super::component::Notice;
use super::dispatch::Call;
use super::limits::PENDING_MAX;
use super::link::{LinkCondition, LinkSpec};
use super::simulation::Simulation;
use super::state::{Frame, NodeCondition, Path, Scheduled};

impl Simulation {
    /// Sends a message.
    #[inline(always)]
    pub(super) fn send(
        &mut self,
        from: NodeId,
        id: LinkId,
        message: Message,
        label: (MessageId, Carried),
        cause: EventId,
    ) {
        let (about, what) = label;
        let Some(link) = self.links.get_mut(id.0 as usize) else { return };
        let direction = link.direction_from(from);
        if link.condition != LinkCondition::Up || link.faulty {
            return self.send_in_trouble(from, id, message, cause);
        }
        let to = link.arrival_end(direction).node;
        let epoch = link.epochs[usize::from(direction)];
        let cause = self.record_frame(from, cause, about, Fact::Sent { link: id, to, what });
        self.check_pending();
        let (path, sent) = (Path::new(id, direction), self.now);
        let link = &mut self.links[id.0 as usize];
        let arrival = link.next_arrival(direction, sent, &self.specs[usize::from(link.spec)]);
        let ticket = self.calendar.reserve();
        self.calendar.push_with(ticket, arrival.0, move |place| match place {
            // Written field by field where a frame was before. One that is put together elsewhere and moved here is read
            // in wider pieces than it was written in, and the processor waits for that.
            Scheduled::Frame(frame) => {
                frame.path = path;
                frame.epoch = epoch;
                frame.sent = sent;
                frame.cause = cause;
                // The one that was there was taken out, so there is nothing to drop.
                std::mem::forget(std::mem::replace(&mut frame.message, message));
            }
            other => *other = Scheduled::Frame(Frame { path, epoch, sent, cause, message }),
        });
    }

    /// Sends a message over a link that is gone, cut or unreliable.
    #[inline(never)]
    fn send_in_trouble(&mut self, from: NodeId, id: LinkId, message: Message, cause: EventId) {
        let (about, what) = (message.about(), message.carried());
        let link = &self.links[id.0 as usize];
        let direction = link.direction_from(from);
        let (to, condition) = (link.arrival_end(direction).node, link.condition);
        let epoch = link.epochs[usize::from(direction)];
        if condition == LinkCondition::Removed {
            return self.drop_message(from, cause, about, what, DropReason::NotConnected);
        }
        let cause = self.record(from, cause, about, Fact::Sent { link: id, to, what });
        if condition == LinkCondition::GivenUp {
            return self.drop_message(from, cause, about, what, DropReason::ConnectionLost);
        }
        self.launch_faulty(from, Frame { path: Path::new(id, direction), epoch, sent: self.now, cause, message });
    }

    /// Puts a frame on a link that may lose it, double it or let later ones overtake it.
    fn launch_faulty(&mut self, from: NodeId, frame: Frame) {
        let id = frame.path.link();
        let link = &mut self.links[id.0 as usize];
        let spec = self.specs[usize::from(link.spec)];
        if link.random.chance(spec.loss) {
            self.drop_message(from, frame.cause, frame.message.about(), frame.message.carried(), DropReason::Loss);
            return;
        }
        if link.random.chance(spec.duplicate) {
            let cause = self.record(from, frame.cause, frame.message.about(), Fact::Duplicated { link: id });
            self.launch(from, Frame { cause, ..frame.clone() }, &spec);
        }
        self.launch(from, frame, &spec);
    }

    /// Puts a frame on its way.
    fn launch(&mut self, from: NodeId, frame: Frame, spec: &LinkSpec) {
        let (id, direction) = (frame.path.link(), frame.path.direction());
        let link = &mut self.links[id.0 as usize];
        if link.condition == LinkCondition::Partitioned {
            return self.hold(id, Scheduled::Frame(frame));
        }
        let before = link.latest_arrival;
        let mut arrival = link.next_arrival(direction, self.now, spec);
        if link.random.chance(spec.reorder) {
            // It does not count as the latest: those after it need not wait for it.
            link.latest_arrival = before;
            arrival += link.random.sample(&spec.latency);
            self.record(from, frame.cause, frame.message.about(), Fact::Reordered { link: id });
        }
        self.schedule(arrival, Scheduled::Frame(frame));
    }

    #[cold]
    pub(super) fn hold(&mut self, link: LinkId, scheduled: Scheduled) {
        let held = &mut self.held[link.0 as usize].waiting;
        if held.len() >= PENDING_MAX {
            self.halt("too many frames wait in a partitioned link");
        } else {
            held.push_back(scheduled);
        }
    }

    #[cold]
    pub(super) fn drop_frame(&mut self, frame: Frame, reason: DropReason) {
        let link = &self.links[frame.path.link().0 as usize];
        let node = link.arrival_end(frame.path.direction()).node;
        self.drop_message(node, frame.cause, frame.message.about(), frame.message.carried(), reason);
    }

    pub(super) fn drop_message(
        &mut self,
        node: NodeId,
        cause: EventId,
        message: MessageId,
        what: Carried,
        reason: DropReason,
    ) {
        self.record(node, cause, message, Fact::Dropped { reason, what });
    }

    pub(super) fn drop_held_frames(&mut self, link: LinkId, reason: DropReason) {
        for held in std::mem::take(&mut self.held[link.0 as usize].waiting) {
            if let Scheduled::Frame(frame) = held {
                self.drop_frame(frame, reason);
            }
        }
    }

    /// Tells the other end of each of the node's links that the node is gone or back.
    pub(super) fn notify_peers(&mut self, host: NodeId, lost: bool, cause: EventId) {
        let nodes = (0..self.nodes.len()).filter(|index| self.nodes[*index].host == host);
        let links: Vec<(NodeId, LinkId)> = nodes
            .flat_map(|index| self.nodes[index].links.iter().map(move |(_, link)| (NodeId(index as u32), *link)))
            .collect();
        for (node, id) in links {
            let link = &mut self.links[id.0 as usize];
            let direction = link.direction_from(node);
            let epochs = &mut link.epochs;
            epochs[usize::from(direction)] = epochs[0].max(epochs[1]) + 1;
            let notice = Scheduled::Notice { link: id, direction, lost, cause };
            match link.condition {
                LinkCondition::Up => {
                    let arrival = link.next_arrival(direction, self.now, &self.specs[usize::from(link.spec)]);
                    self.schedule(arrival, notice);
                }
                LinkCondition::Partitioned => self.hold(id, notice),
                LinkCondition::GivenUp | LinkCondition::Removed => {}
            }
        }
    }

    /// An end learns that the other is gone or back, or takes the news up after a pause (`has_arrived`).
    pub(super) fn notice(&mut self, id: LinkId, direction: u8, lost: bool, cause: EventId, has_arrived: bool) {
        let link = &self.links[id.0 as usize];
        match link.condition {
            LinkCondition::Up => {}
            LinkCondition::Partitioned if has_arrived => {}
            LinkCondition::Partitioned => {
                self.hold(id, Scheduled::Notice { link: id, direction, lost, cause });
                return;
            }
            LinkCondition::GivenUp | LinkCondition::Removed => return,
        }
        let (node, peer) = (link.arrival_end(direction).node, link.departure_end(direction).node);
        let host = self.host(node);
        match self.nodes[host.0 as usize].condition {
            NodeCondition::Running => {}
            NodeCondition::Paused => {
                let notice = Scheduled::Notice { link: id, direction, lost, cause };
                self.waiting[host.0 as usize].held.push_back(notice);
                return;
            }
            NodeCondition::Down | NodeCondition::Removed => return,
        }
        let peer_runs = !matches!(self.condition(self.host(peer)), NodeCondition::Down | NodeCondition::Removed);
        if !lost && !peer_runs {
            return;
        }
        let epochs = &mut self.links[id.0 as usize].epochs;
        let newest = epochs[0].max(epochs[1]);
        *epochs = [newest; 2];
        let fact = if lost { Fact::Disconnected { peer } } else { Fact::Reconnected { peer } };
        let cause = self.record(node, cause, MessageId::NONE, fact);
        let notice =
            if lost { Notice::PeerLost { link: id, node, peer } } else { Notice::PeerBack { link: id, node, peer } };
        self.call(Call::plain(host, cause), |component, context| component.on_fault(notice, context));
    }

    /// The heartbeats of a partitioned link have failed for too long: both ends close the connection.
    pub(super) fn give_up(&mut self, id: LinkId, partition: u32) {
        let link = &mut self.links[id.0 as usize];
        if link.condition != LinkCondition::Partitioned || self.held[id.0 as usize].partitions != partition {
            return;
        }
        link.condition = LinkCondition::GivenUp;
        let ends = link.ends;
        self.drop_held_frames(id, DropReason::ConnectionLost);
        let epochs = &mut self.links[id.0 as usize].epochs;
        let newest = epochs[0].max(epochs[1]) + 1;
        *epochs = [newest; 2];
        for (end, peer) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            let host = self.host(end.node);
            if matches!(self.condition(host), NodeCondition::Running | NodeCondition::Paused) {
                let fact = Fact::Disconnected { peer: peer.node };
                let cause = self.record(end.node, EventId::NONE, MessageId::NONE, fact);
                let notice = Notice::PeerLost { link: id, node: end.node, peer: peer.node };
                self.call(Call::plain(host, cause), |component, context| component.on_fault(notice, context));
            }
        }
    }

    pub(super) fn partition(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0 as usize) else { return };
        if link.condition != LinkCondition::Up {
            return;
        }
        link.condition = LinkCondition::Partitioned;
        let (heartbeat, node) = (self.specs[usize::from(link.spec)].heartbeat, link.ends[0].node);
        let held = &mut self.held[id.0 as usize];
        held.partitions += 1;
        let partition = held.partitions;
        self.record(node, EventId::NONE, MessageId::NONE, Fact::Partitioned { link: id });
        self.schedule(self.now + heartbeat, Scheduled::GiveUp { link: id, partition });
        self.stop_under_way(id);
    }

    /// Takes everything that is on its way out of the calendar and holds it in the order of its arrival, so that what is
    /// sent into the broken link comes after it.
    fn stop_under_way(&mut self, id: LinkId) {
        let is_on_link = |scheduled: &Scheduled| match scheduled {
            Scheduled::Frame(frame) => frame.path.link() == id,
            Scheduled::Notice { link, .. } => *link == id,
            _ => false,
        };
        let mut stopped: Vec<(u64, EventId, Scheduled)> = self
            .calendar
            .iter()
            .filter(|(_, scheduled)| is_on_link(scheduled))
            .filter_map(|(at, scheduled)| match scheduled {
                // The event that sent it is its own, and events are numbered as they happen.
                Scheduled::Frame(Frame { cause, .. }) | Scheduled::Notice { cause, .. } => {
                    Some((at, *cause, scheduled.clone()))
                }
                _ => None,
            })
            .collect();
        if stopped.is_empty() {
            return;
        }
        self.calendar.remove_where(is_on_link);
        sort_by_key(&mut stopped, |(at, cause, _)| (*at, *cause));
        self.held[id.0 as usize].waiting.extend(stopped.into_iter().map(|(_, _, what)| what));
    }

    pub(super) fn repair(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0 as usize) else { return };
        let before = link.condition;
        if !matches!(before, LinkCondition::Partitioned | LinkCondition::GivenUp) {
            return;
        }
        link.condition = LinkCondition::Up;
        // Nothing is on its way, so nothing has to be waited for.
        link.latest_arrival = [self.now; 2];
        let node = link.ends[0].node;
        let cause = self.record(node, EventId::NONE, MessageId::NONE, Fact::Repaired { link: id });
        // What waited arrives one latency from now, in order.
        for held in std::mem::take(&mut self.held[id.0 as usize].waiting) {
            let link = &mut self.links[id.0 as usize];
            let direction = match &held {
                Scheduled::Frame(frame) => frame.path.direction(),
                Scheduled::Notice { direction, .. } => *direction,
                _ => 0,
            };
            let arrival = link.next_arrival(direction, self.now, &self.specs[usize::from(link.spec)]);
            self.schedule(arrival, held);
        }
        if before == LinkCondition::GivenUp {
            for direction in 0..2u8 {
                let link = &mut self.links[id.0 as usize];
                let arrival = link.next_arrival(direction, self.now, &self.specs[usize::from(link.spec)]);
                self.schedule(arrival, Scheduled::Notice { link: id, direction, lost: false, cause });
            }
        }
    }
}
