//! Groups whose partitions the broker shares out (`group.protocol=consumer`).
//!
//! Reproduces: KIP-848. Every change of members or topics makes a new target assignment (`uniform`, which keeps what it
//! can, or `range`); there is no moment at which all stop. A member learns by its heartbeat, every
//! `group.consumer.heartbeat.interval.ms`, what it has to give up; when it has, others learn by theirs that they may
//! have it. Callbacks run inside `poll`. There is no initial delay.
//!
//! Leaves out: assignors of a client, regular expressions, and the heartbeats between rebalances.

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{Fact, MessageId};

use super::assign::{assign, Strategy};
use super::client::Duty;
use super::group::GroupState;
use super::partition::TopicPartition;
use super::timers::Timer;
use super::Kafka;

impl Kafka {
    /// A new target; the member that caused it hears of it at once, the others by their heartbeats.
    pub(super) fn retarget(&mut self, place: u32, cause: Option<u32>, call: &mut Call) {
        let node = self.group_node(place, call);
        let group = &mut self.groups[place as usize];
        group.state = GroupState::Stable;
        group.generation += 1;
        let is_range = group.members.last().is_some_and(|member| member.config.remote_range);
        group.strategy = if is_range { Strategy::Range } else { Strategy::Sticky };
        let (strategy, generation, members) = (group.strategy, group.generation, group.members.len() as u32);
        // What counts as owned is what a member holds or is about to get.
        let (mut candidates, topics) = self.candidates(place);
        let group = &mut self.groups[place as usize];
        for (candidate, member) in candidates.iter_mut().zip(&group.members) {
            candidate.owned = member.assignment.clone();
            candidate.generation = generation;
        }
        let given = assign(strategy, &candidates, &topics);
        call.fact(node, MessageId::NONE, Fact::Rebalanced { generation, members });
        for (member, target) in group.members.iter_mut().zip(given) {
            member.assignment = target;
            member.generation = generation;
            member.is_joined = true;
        }
        let numbers: Vec<u32> = group.members.iter().map(|member| member.number).collect();
        for number in numbers {
            match Some(number) == cause {
                true => self.reconcile(place, number, call),
                false => self.plan_heartbeat(place, number, call),
            }
        }
    }

    fn plan_heartbeat(&mut self, place: u32, number: u32, call: &mut Call) {
        let Some(member) = self.groups[place as usize].member(number) else { return };
        let next = member.next_heartbeat(call.now, self.config.consumer_heartbeat);
        self.timers.set(next, Timer::Told(place, number));
    }

    /// A heartbeat: the member gives up what is no longer its own, and then gets what is free.
    pub(super) fn reconcile(&mut self, place: u32, number: u32, call: &mut Call) {
        let group = &mut self.groups[place as usize];
        let generation = group.generation;
        let Some(member) = group.member(number) else { return };
        let Some(session) = member.session else { return };
        let keeps = |at: &&TopicPartition| member.assignment.contains(at);
        let kept: Vec<TopicPartition> = member.owned.iter().filter(keeps).copied().collect();
        let gives_up = kept.len() < member.owned.len();
        let is_free = |at: &&TopicPartition| {
            group.members.iter().all(|other| other.number == number || !other.owned.contains(at))
        };
        let wanted = member.assignment.iter().filter(|at| !kept.contains(at));
        let (mut next, mut waits) = (kept.clone(), false);
        if !gives_up {
            for at in wanted {
                match is_free(&at) {
                    true => next.push(*at),
                    false => waits = true,
                }
            }
        }
        let changes = gives_up || next.len() > kept.len();
        if let Some(member) = group.member_mut(number).filter(|_| changes && !gives_up) {
            // From now on nobody else gets them.
            member.owned = next.clone();
        }
        if let Some(client) = self.clients.get_mut(&session).filter(|client| client.consumer.member == Some(number)) {
            client.consumer.generation = generation;
            if changes {
                client.consumer.duty = Duty::Take(next);
                self.awake.push(session);
            } else if client.consumer.duty == Duty::Await {
                client.consumer.duty = Duty::None;
            }
        }
        if waits {
            self.plan_heartbeat(place, number, call);
        }
    }

    /// A member has done what it was told. What it gave up is free.
    pub(super) fn reconciled(&mut self, session: Session, call: &mut Call) {
        let Some(client) = self.clients.get(&session) else { return };
        let (Some(place), Some(number)) = (client.consumer.group, client.consumer.member) else { return };
        let owned: Vec<TopicPartition> = client.consumer.owned.keys().copied().collect();
        let Some(member) = self.groups[place as usize].member_mut(number) else { return };
        let freed = owned.len() < member.owned.len();
        member.owned = owned;
        if freed && self.group_coordinator(place).is_some() {
            self.reconcile(place, number, call);
        }
    }
}
