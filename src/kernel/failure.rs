//! Faults of nodes: crash and restart, pause and resume, slowness.

use crate::vocabulary::{DropReason, EventId, Fact, MessageId, NodeId, Time};

use super::component::Notice;
use super::dispatch::Call;
use super::fault::Fault;
use super::simulation::{NodeCondition, Scheduled, Simulation};

impl Simulation {
    /// Does a fault, now. One that does not apply (a crash of what is down) does nothing.
    pub fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Crash(node) => self.crash(self.host(node)),
            Fault::Restart(node) => self.restart(self.host(node)),
            Fault::Pause(node) => self.pause(self.host(node)),
            Fault::Resume(node) => self.resume(self.host(node)),
            Fault::Slow(node, percent) => {
                let host = self.host(node);
                if let Some(slot) = self.nodes.get_mut(host.0 as usize) {
                    slot.slow_percent = percent;
                    self.record(host, EventId::NONE, MessageId::NONE, Fact::Slowed { percent });
                }
            }
            Fault::Partition(link) => self.partition(link),
            Fault::Repair(link) => self.repair(link),
        }
    }

    /// Plans a fault.
    pub fn plan_fault(&mut self, at: Time, fault: Fault) {
        self.schedule(at, Scheduled::Fault(fault));
    }

    pub(super) fn crash(&mut self, node: NodeId) {
        if !matches!(self.condition(node), NodeCondition::Running | NodeCondition::Paused) {
            return;
        }
        self.nodes[node.0 as usize].condition = NodeCondition::Down;
        let cause = self.record(node, EventId::NONE, MessageId::NONE, Fact::Crashed {});
        self.cancel_timers(node);
        self.discard_held(node, DropReason::NodeDown);
        self.call(Call::plain(node, cause), |component, context| component.on_fault(Notice::Crashed, context));
        self.notify_peers(node, true, cause);
    }

    pub(super) fn restart(&mut self, node: NodeId) {
        if self.condition(node) != NodeCondition::Down {
            return;
        }
        self.nodes[node.0 as usize].condition = NodeCondition::Running;
        let cause = self.record(node, EventId::NONE, MessageId::NONE, Fact::Restarted {});
        self.notify_peers(node, false, cause);
        self.call(Call::plain(node, cause), |component, context| component.on_fault(Notice::Restarted, context));
    }

    pub(super) fn pause(&mut self, node: NodeId) {
        if self.condition(node) == NodeCondition::Running {
            self.nodes[node.0 as usize].condition = NodeCondition::Paused;
            self.waiting[node.0 as usize].is_catching_up = false;
            self.record(node, EventId::NONE, MessageId::NONE, Fact::Paused {});
        }
    }

    pub(super) fn resume(&mut self, node: NodeId) {
        if self.condition(node) != NodeCondition::Paused {
            return;
        }
        self.record(node, EventId::NONE, MessageId::NONE, Fact::Resumed {});
        self.go_on(node);
    }

    /// Lets a node run again, at once or after what still waits. Until then it stays paused inside the kernel, so that
    /// what arrives in the meantime waits behind what arrived before.
    fn go_on(&mut self, node: NodeId) {
        let slot = &mut self.waiting[node.0 as usize];
        slot.is_catching_up = !slot.held.is_empty();
        if slot.is_catching_up {
            self.schedule(self.now, Scheduled::CatchUp { node });
        } else {
            self.nodes[node.0 as usize].condition = NodeCondition::Running;
        }
    }

    /// Takes up the next thing that waited while the node was paused.
    pub(super) fn catch_up(&mut self, node: NodeId) {
        let slot = &mut self.waiting[node.0 as usize];
        if !slot.is_catching_up {
            return;
        }
        if let Some(next) = slot.held.pop_front() {
            self.nodes[node.0 as usize].condition = NodeCondition::Running;
            self.dispatch(next);
            self.nodes[node.0 as usize].condition = NodeCondition::Paused;
        }
        self.go_on(node);
    }

    /// Forgets what waited for a node that is gone, and says so.
    pub(super) fn discard_held(&mut self, node: NodeId, reason: DropReason) {
        self.waiting[node.0 as usize].is_catching_up = false;
        for held in std::mem::take(&mut self.waiting[node.0 as usize].held) {
            if let Scheduled::Frame(frame) = held {
                self.drop_frame(frame, reason);
            }
        }
    }
}
