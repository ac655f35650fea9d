//! Faults of nodes: crash and restart, pause and resume, slowness.

use crate::vocabulary::{DropReason, EventId, Fact, MessageId, NodeId, Time};

use super::component::Notice;
use super::dispatch::Call;
use super::fault::Fault;
use super::simulation::Simulation;
use super::state::{NodeCondition, Scheduled};

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
            // A partition that began since it came does not matter to it; a broken connection does.
            match next {
                Scheduled::Frame(frame) => self.arrive_in_trouble(frame, true),
                Scheduled::Notice { link, direction, lost, cause } => self.notice(link, direction, lost, cause, true),
                other => self.dispatch(other),
            }
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

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::kernel::component::{Change, Component, Envelope, Inspection};
    use crate::kernel::context::Context;
    use crate::kernel::simulation::TraceMode;
    use crate::vocabulary::{Duration, Settings, TimerId};

    /// Sets a timer of ten milliseconds at the start, and takes it back when it gets new settings.
    #[derive(Clone, Default)]
    struct Alarm {
        timer: Option<TimerId>,
        rung: usize,
    }

    impl Component for Alarm {
        fn on_start(&mut self, context: &mut Context) {
            self.timer = Some(context.set_timer(Duration::from_millis(10), 7));
        }
        fn on_message(&mut self, _: Envelope, _: &mut Context) {}
        fn on_timer(&mut self, timer: TimerId, key: u64, _: &mut Context) {
            assert_eq!((Some(timer), key), (self.timer, 7), "it is the timer that was set");
            self.rung += 1;
        }
        fn on_change(&mut self, _: &Change, context: &mut Context) {
            self.timer.into_iter().for_each(|timer| context.cancel_timer(timer));
        }
        fn inspect(&self, _: NodeId, _: usize) -> Inspection {
            Inspection { item_count: self.rung, ..Inspection::default() }
        }
        fn clone_box(&self) -> Box<dyn Component> {
            Box::new(self.clone())
        }
    }

    const ALARM: NodeId = NodeId(0);

    /// The alarm was frozen when its timer ran out, and it is 20 ms past the start.
    fn frozen() -> Simulation {
        let mut simulation = Simulation::new(1, TraceMode::Full);
        simulation.add_node("alarm", Box::new(Alarm::default()));
        simulation.run_until(Time(5_000_000));
        simulation.fault(Fault::Pause(ALARM));
        simulation.run_until(Time(20_000_000));
        assert_eq!(simulation.waiting[0].held.len(), 1, "the timer waits");
        simulation
    }

    fn rung_in_the_end(mut simulation: Simulation) -> usize {
        simulation.run_until(Time(100_000_000));
        assert_eq!(simulation.pending(), 0);
        simulation.inspect(ALARM, 0).item_count
    }

    #[test]
    fn a_timer_that_ran_out_in_the_frost_rings_once() {
        let mut simulation = frozen();
        simulation.fault(Fault::Resume(ALARM));
        simulation.fault(Fault::Pause(ALARM));
        simulation.run_until(Time(30_000_000));
        simulation.fault(Fault::Resume(ALARM));
        assert_eq!(rung_in_the_end(simulation), 1);
    }

    #[test]
    fn a_timer_that_ran_out_in_the_frost_can_be_taken_back() {
        let mut simulation = frozen();
        simulation.configure(ALARM, Rc::new(Settings::default()));
        simulation.fault(Fault::Resume(ALARM));
        assert_eq!(rung_in_the_end(simulation), 0, "before the thaw");

        let mut simulation = frozen();
        simulation.fault(Fault::Resume(ALARM));
        simulation.configure(ALARM, Rc::new(Settings::default()));
        assert_eq!(rung_in_the_end(simulation), 0, "after it, before it rang");
    }

    #[test]
    fn a_crash_takes_a_timer_back_wherever_it_waits() {
        let mut simulation = frozen();
        simulation.fault(Fault::Crash(ALARM));
        assert_eq!(rung_in_the_end(simulation), 0, "frozen");

        let mut simulation = frozen();
        simulation.fault(Fault::Resume(ALARM));
        simulation.fault(Fault::Crash(ALARM));
        assert_eq!(rung_in_the_end(simulation), 0, "thawed");
    }
}
