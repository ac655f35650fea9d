//! Planned faults: what the document says will happen by itself.

use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::Time;

use super::super::document::{FaultKind, PlannedFault};
use super::super::limits::SLOW_PERCENT_MAX;
use super::FaultDeed;

/// The deeds that are still to come, the next one first; at one instant in the order of the document.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    deeds: Vec<Planned>,
}

/// One deed of the plan.
#[derive(Clone, Debug)]
struct Planned {
    at: Time,
    deed: FaultDeed,
    /// For the end of a fault: when the fault began.
    began: Option<Time>,
}

impl Plan {
    /// The plan at the start of a run.
    pub(super) fn new(faults: &[PlannedFault]) -> Plan {
        let mut plan = Plan { deeds: faults.iter().flat_map(deeds_of).collect() };
        plan.sort();
        plan
    }

    /// Takes up the faults of an edited document that are later than `now`. A fault that has begun ends as it was
    /// planned when it began, whatever the edit says: what happened is not undone, and nothing stays broken by it.
    pub(super) fn replace(&mut self, faults: &[PlannedFault], now: Time) {
        self.deeds.retain(|planned| planned.began.is_some_and(|began| began <= now));
        let later = faults.iter().filter(|fault| Time::ZERO + fault.at > now);
        self.deeds.extend(later.flat_map(deeds_of));
        self.sort();
    }

    /// When the next deed happens.
    pub(super) fn next_time(&self) -> Option<Time> {
        self.deeds.first().map(|planned| planned.at)
    }

    /// Takes out all deeds up to `time`.
    pub(super) fn take_due(&mut self, time: Time) -> Vec<FaultDeed> {
        let count = self.deeds.partition_point(|planned| planned.at <= time);
        self.deeds.drain(..count).map(|planned| planned.deed).collect()
    }

    fn sort(&mut self) {
        // The sort is stable, so deeds of one instant stay in the order of the document.
        sort_by_key(&mut self.deeds, |planned| planned.at);
    }
}

/// The beginning of a fault and, if it lasts for a time, its end.
fn deeds_of(fault: &PlannedFault) -> impl Iterator<Item = Planned> {
    let to = || fault.to.clone();
    let (begin, end) = match fault.what {
        FaultKind::Crash => (FaultDeed::Crash(to()), Some(FaultDeed::Restart(to()))),
        FaultKind::Pause => (FaultDeed::Pause(to()), Some(FaultDeed::Resume(to()))),
        FaultKind::Partition => (FaultDeed::Partition(to()), Some(FaultDeed::Repair(to()))),
        FaultKind::Slow => {
            let percent = fault.percent.unwrap_or(100).clamp(1, SLOW_PERCENT_MAX);
            (FaultDeed::Slow(to(), percent), Some(FaultDeed::Slow(to(), 100)))
        }
        // Only another command can undo it.
        FaultKind::Command => (FaultDeed::Command(to(), fault.command.clone().unwrap_or_default()), None),
    };
    let at = Time::ZERO + fault.at;
    let ending = fault.lasting.zip(end);
    let ending = ending.map(|(lasting, end)| Planned { at: at + lasting, deed: end, began: Some(at) });
    std::iter::once(Planned { at, deed: begin, began: None }).chain(ending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Duration;

    fn crash(at: u64, lasting: Option<u64>, to: &str) -> PlannedFault {
        PlannedFault {
            at: Duration::from_secs(at),
            what: FaultKind::Crash,
            to: to.into(),
            lasting: lasting.map(Duration::from_secs),
            percent: None,
            command: None,
        }
    }

    fn second(number: u64) -> Time {
        Time::ZERO + Duration::from_secs(number)
    }

    #[test]
    fn a_fault_begins_and_ends() {
        let mut plan = Plan::new(&[crash(5, Some(3), "a"), crash(1, None, "b")]);
        assert_eq!(plan.next_time(), Some(second(1)));
        assert_eq!(plan.take_due(second(5)), [FaultDeed::Crash("b".into()), FaultDeed::Crash("a".into())]);
        assert_eq!(plan.next_time(), Some(second(8)));
        assert_eq!(plan.take_due(second(8)), [FaultDeed::Restart("a".into())]);
        assert_eq!(plan.next_time(), None);
    }

    #[test]
    fn an_edit_replaces_what_is_to_come_and_ends_what_has_begun() {
        let mut plan = Plan::new(&[crash(1, Some(10), "begun"), crash(20, Some(1), "dropped")]);
        plan.take_due(second(2));
        plan.replace(&[crash(1, Some(5), "past"), crash(30, None, "new")], second(2));
        assert_eq!(plan.take_due(Time::MAX), [FaultDeed::Restart("begun".into()), FaultDeed::Crash("new".into())]);
    }

    #[test]
    fn work_slows_within_bounds() {
        let fault = PlannedFault { what: FaultKind::Slow, percent: Some(0), ..crash(1, Some(1), "a") };
        let deeds = Plan::new(&[fault]).take_due(Time::MAX);
        assert_eq!(deeds, [FaultDeed::Slow("a".into(), 1), FaultDeed::Slow("a".into(), 100)]);
    }
}
