//! The group coordinator: who is a member, and when the members share the partitions anew.
//!
//! Reproduces: the classic protocol (Kafka documentation, "Consumer rebalance protocol"; apache/kafka,
//! `GroupCoordinator`, `InitialDelayedJoin`). The first members of an empty group gather for
//! `group.initial.rebalance.delay.ms`. A member that joins, leaves, times out or wants other topics makes all others
//! join again: they learn of it by a heartbeat, every `heartbeat.interval.ms`, and join in their next `poll`; who has
//! not joined within the longest `max.poll.interval.ms` is thrown out. The assignor is the one that all support and
//! most prefer; the member that joined first computes it. A static member that comes back gets what it had without all
//! that (KIP-345).
//!
//! Which broker does all this, and what becomes of it when that one fails, is in `coordination.rs`.
//!
//! Leaves out: `group.max.size`.

use std::rc::Rc;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Duration, Fact, MessageId, NodeId};

use super::assign::{assign, Candidate, Strategy};
use super::client::{refusal, Duty, Reading, Refusal};
use super::group::{Group, GroupState, Member};
use super::partition::TopicPartition;
use super::timers::Timer;
use super::{shared, Kafka, NAMES_MAX};

impl Kafka {
    /// The place of the group of this name.
    pub(super) fn find_group(&self, name: &str) -> Option<u32> {
        self.groups.iter().position(|group| &*group.name == name).map(|place| place as u32)
    }

    /// The group of this name; made by being used.
    pub(super) fn use_group(&mut self, name: &str) -> Result<u32, Refusal> {
        if let Some(place) = self.find_group(name) {
            return Ok(place);
        }
        if name.is_empty() || self.groups.len() >= NAMES_MAX {
            return Err(refusal("INVALID_GROUP_ID", "The group id is invalid."));
        }
        self.groups.push(Group::new(shared(name)));
        Ok(self.groups.len() as u32 - 1)
    }

    /// The node at which facts about a group are recorded.
    pub(super) fn group_node(&self, group: u32, call: &Call) -> NodeId {
        self.groups[group as usize].node.unwrap_or(call.broker)
    }

    /// A client joins its group, anew or again, with what it has.
    pub(super) fn join_group(&mut self, session: Session, call: &mut Call) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(&session) else { return Ok(()) };
        let Some(place) = client.consumer.group else { return Ok(()) };
        let Reading::Topics(topics) = &client.consumer.reading else { return Ok(()) };
        let group = &mut self.groups[place as usize];
        let known = client.consumer.member.and_then(|number| group.member(number)).map(|member| member.number);
        let mine = |member: &&Member| Some(member.number) != known;
        let others = || group.members.iter().filter(mine);
        let agrees = others().all(|member| {
            let shares = |strategy: &Strategy| member.config.strategies.contains(strategy);
            member.config.broker_assigns == client.config.broker_assigns
                && (client.config.broker_assigns || client.config.strategies.iter().any(shares))
        });
        if !agrees {
            let text = "The group member's supported protocols are incompatible with those of existing members or \
                        first group member tried to join with empty protocol type or empty protocol list.";
            return Err(refusal("INCONSISTENT_GROUP_PROTOCOL", text));
        }
        let (topics, config) = (topics.clone(), client.config.clone());
        let owned: Vec<TopicPartition> = client.consumer.owned.keys().copied().collect();
        let owned_generation = client.consumer.generation;
        let number = match known {
            Some(number) => number,
            None => match self.replace_static(session, place, &topics, call) {
                // It has what it had, and nobody notices.
                Some((_, true)) => return Ok(()),
                Some((number, false)) => number,
                None => self.add_member(session, place, call),
            },
        };
        if let Some(client) = self.clients.get_mut(&session) {
            client.consumer.member = Some(number);
        }
        let group = &mut self.groups[place as usize];
        group.broker_assigns = config.broker_assigns;
        if let Some(member) = group.member_mut(number) {
            (member.topics, member.config) = (topics, config);
            (member.owned, member.owned_generation) = (owned, owned_generation);
        }
        if group.broker_assigns {
            self.retarget(place, Some(number), call);
            return Ok(());
        }
        self.member_joins(place, number, call);
        Ok(())
    }

    fn add_member(&mut self, session: Session, place: u32, call: &mut Call) -> u32 {
        let random: u64 = u64::from(call.random.below(u32::MAX)) << 32 | u64::from(call.random.below(u32::MAX));
        let group = &mut self.groups[place as usize];
        group.member_count += 1;
        let number = group.member_count;
        let Some(client) = self.clients.get(&session) else { return number };
        let name = client.config.instance.clone().unwrap_or_else(|| client.client_id());
        // As the text of a random UUID; the number makes it another one for certain.
        let (first, second, third) = (random >> 32, random >> 16 & 0xffff, random >> 4 & 0xfff);
        let id = format!("{name}-{first:08x}-{second:04x}-4{third:03x}-8{:03x}-0000{number:08x}", random & 0xfff);
        if group.state == GroupState::Gathering && group.generation == 0 {
            group.has_newcomer = true;
        }
        group.members.push(Member {
            number,
            id: id.into(),
            client: client.client_id(),
            instance: client.config.instance.clone(),
            session: Some(session),
            node: client.node,
            topics: Vec::new(),
            config: client.config.clone(),
            owned: Vec::new(),
            owned_generation: 0,
            assignment: Vec::new(),
            is_joined: false,
            expires: None,
            since: call.now,
            generation: 0,
        });
        number
    }

    /// A static member with the client's instance id is there: the client takes its place. Returns its number, and
    /// whether it got its old partitions at once.
    fn replace_static(
        &mut self,
        session: Session,
        place: u32,
        topics: &[Rc<str>],
        call: &mut Call,
    ) -> Option<(u32, bool)> {
        let client = self.clients.get(&session)?;
        let (instance, node) = (client.config.instance.clone()?, client.node);
        let group = &mut self.groups[place as usize];
        let is_quiet = group.state == GroupState::Stable;
        let member = group.members.iter_mut().find(|member| member.instance.as_ref() == Some(&instance))?;
        let before = member.session.replace(session).filter(|before| *before != session);
        (member.node, member.expires, member.since) = (node, None, call.now);
        let number = member.number;
        let (assignment, same) = (member.assignment.clone(), member.topics == topics);
        if let Some(old) = before.and_then(|before| self.clients.get_mut(&before)) {
            // Two clients with one instance id: the older one is told to stop.
            old.consumer.member = None;
            old.consumer.duty = Duty::Fenced;
            old.consumer.owned.clear();
        }
        for at in &assignment {
            self.groups[place as usize].take_back(*at, 0, true, call);
        }
        let generation = self.groups[place as usize].generation;
        let client = self.clients.get_mut(&session)?;
        client.consumer.member = Some(number);
        if is_quiet && same {
            client.consumer.generation = generation;
            client.consumer.duty = Duty::Take(assignment);
            return Some((number, true));
        }
        Some((number, false))
    }

    /// A member has sent its request to join.
    fn member_joins(&mut self, place: u32, number: u32, call: &mut Call) {
        let group = &mut self.groups[place as usize];
        match group.state {
            GroupState::Empty => {
                group.state = GroupState::Gathering;
                group.stamp += 1;
                group.has_newcomer = false;
                let longest = longest_wait(group);
                let delay = self.config.initial_delay.min(longest);
                group.gathering_rest = Duration(longest.0 - delay.0);
                self.timers.set(call.now + delay, Timer::Join(place, group.stamp));
            }
            GroupState::Stable => self.prepare_rebalance(place, call),
            GroupState::Gathering | GroupState::Preparing => {}
        }
        if let Some(member) = self.groups[place as usize].member_mut(number) {
            member.is_joined = true;
        }
        self.complete_if_all_joined(place, call);
    }

    /// All members are to join again. They learn of it by their next heartbeats.
    pub(super) fn prepare_rebalance(&mut self, place: u32, call: &mut Call) {
        let group = &mut self.groups[place as usize];
        group.state = GroupState::Preparing;
        group.stamp += 1;
        self.timers.set(call.now + longest_wait(group), Timer::Join(place, group.stamp));
        for member in &mut group.members {
            member.is_joined = false;
            let next = member.next_heartbeat(call.now, member.config.heartbeat);
            self.timers.set(next, Timer::Told(place, member.number));
        }
    }

    /// A member's heartbeat is answered.
    pub(super) fn heartbeat(&mut self, place: u32, number: u32, call: &mut Call) {
        let (Some(group), Some(coordinator)) = (self.groups.get(place as usize), self.group_coordinator(place)) else {
            return;
        };
        let session = group.member(number).and_then(|member| member.session);
        if let Some(client) = session.and_then(|session| self.clients.get_mut(&session)) {
            client.consumer.coordinator = Some(coordinator);
        }
        if group.broker_assigns {
            return self.reconcile(place, number, call);
        }
        let Some(member) = group.member(number).filter(|member| !member.is_joined) else { return };
        if group.state != GroupState::Preparing {
            return;
        }
        let Some(session) = member.session else { return };
        if let Some(client) = self.clients.get_mut(&session).filter(|client| client.consumer.member == Some(number)) {
            if client.consumer.duty == Duty::None {
                client.consumer.duty = Duty::Join;
            }
            self.awake.push(session);
        }
    }

    fn complete_if_all_joined(&mut self, place: u32, call: &mut Call) {
        let group = &self.groups[place as usize];
        if group.state == GroupState::Preparing && group.members.iter().all(|member| member.is_joined) {
            self.complete(place, call);
        }
    }

    /// The wait for members is over.
    pub(super) fn joining_is_over(&mut self, place: u32, stamp: u32, call: &mut Call) {
        // A coordinator that is not there does nothing; the next one begins anew.
        let is_served = self.group_coordinator(place).is_some();
        let known = self.groups.get_mut(place as usize).filter(|group| is_served && group.stamp == stamp);
        let Some(group) = known else { return };
        match group.state {
            GroupState::Gathering if group.has_newcomer && group.gathering_rest > Duration::ZERO => {
                group.has_newcomer = false;
                let delay = self.config.initial_delay.min(group.gathering_rest);
                group.gathering_rest = Duration(group.gathering_rest.0 - delay.0);
                self.timers.set(call.now + delay, Timer::Join(place, stamp));
            }
            GroupState::Gathering | GroupState::Preparing => self.complete(place, call),
            GroupState::Empty | GroupState::Stable => {}
        }
    }

    /// A new generation begins with those who have joined.
    fn complete(&mut self, place: u32, call: &mut Call) {
        let late: Vec<u32> = self.groups[place as usize]
            .members
            .iter()
            .filter(|member| !member.is_joined && member.instance.is_none())
            .map(|member| member.number)
            .collect();
        late.into_iter().for_each(|number| self.throw_out(place, number, false, call));
        let node = self.group_node(place, call);
        let group = &mut self.groups[place as usize];
        group.stamp += 1;
        group.generation += 1;
        let members = group.members.len() as u32;
        let generation = group.generation;
        if members == 0 {
            return self.group_is_empty(place, call);
        }
        group.state = GroupState::Stable;
        group.strategy = vote(&group.members);
        let strategy = group.strategy;
        let (mut candidates, topics) = self.candidates(place);
        if strategy == Strategy::Sticky {
            // Its members have given everything up, but their assignors remember what it was.
            let members = &self.groups[place as usize].members;
            candidates.iter_mut().zip(members).for_each(|(one, member)| one.owned = member.assignment.clone());
        }
        let given = assign(strategy, &candidates, &topics);
        call.fact(node, MessageId::NONE, Fact::Rebalanced { generation, members });
        for (index, assignment) in given.into_iter().enumerate() {
            let Some(member) = self.groups[place as usize].members.get_mut(index) else { continue };
            member.assignment = assignment.clone();
            member.generation = generation;
            let number = member.number;
            let Some(session) = member.session.filter(|_| member.is_joined) else { continue };
            let Some(client) = self.clients.get_mut(&session) else { continue };
            if client.consumer.member == Some(number) {
                client.consumer.generation = generation;
                client.consumer.duty = Duty::Take(assignment);
                self.awake.push(session);
            }
        }
    }

    /// The members as an assignor sees them, and the topics that they want, by name.
    pub(super) fn candidates(&self, place: u32) -> (Vec<Candidate>, Vec<(u32, u32)>) {
        let group = &self.groups[place as usize];
        let mut wanted: Vec<u32> = Vec::new();
        let mut candidates = Vec::new();
        for member in &group.members {
            let mut topics: Vec<u32> = member.topics.iter().filter_map(|name| self.find_topic(name)).collect();
            sort_by_key(&mut topics, |topic| self.topics[*topic as usize].name.clone());
            topics.dedup();
            wanted.extend(&topics);
            candidates.push(Candidate {
                instance: member.instance.clone(),
                id: member.id.clone(),
                topics,
                owned: member.owned.clone(),
                generation: member.owned_generation,
            });
        }
        sort_by_key(&mut wanted, |topic| self.topics[*topic as usize].name.clone());
        wanted.dedup();
        let topics =
            wanted.into_iter().map(|topic| (topic, self.topics[topic as usize].partitions.len() as u32)).collect();
        (candidates, topics)
    }

    /// A member leaves by itself.
    pub(super) fn leave_group(&mut self, place: u32, number: u32, call: &mut Call) {
        self.throw_out(place, number, false, call);
        self.after_leaving(place, call);
    }

    /// A member's session has timed out, unless it has been heard of since.
    pub(super) fn check_session(&mut self, place: u32, number: u32, call: &mut Call) {
        let Some(group) = self.groups.get(place as usize) else { return };
        if self.group_coordinator(place).is_none() {
            return;
        }
        if group.member(number).and_then(|member| member.expires).is_some_and(|expires| expires <= call.now) {
            self.throw_out(place, number, true, call);
            self.after_leaving(place, call);
        }
    }

    /// Takes a member out of the list. What it held will be read again.
    pub(super) fn throw_out(&mut self, place: u32, number: u32, expired: bool, call: &mut Call) {
        let group = &mut self.groups[place as usize];
        let Some(index) = group.members.iter().position(|member| member.number == number) else { return };
        let member = group.members.remove(index);
        let node = group.node.unwrap_or(call.broker);
        let session = member.session;
        let holds = session.is_none();
        for at in &member.assignment {
            group.take_back(*at, 0, expired, call);
            if holds {
                call.fact(node, MessageId::NONE, Fact::Revoked { from: member.node, partition: at.partition });
            }
        }
        let client = session.and_then(|session| self.clients.get_mut(&session));
        if let Some(client) = client.filter(|client| client.consumer.member == Some(number)) {
            client.consumer.member = None;
            client.consumer.duty = Duty::Lost;
            client.consumer.tags.iter_mut().for_each(|tag| tag.1 = u64::MAX);
            self.awake.extend(session);
        }
    }

    fn after_leaving(&mut self, place: u32, call: &mut Call) {
        let group = &self.groups[place as usize];
        if group.members.is_empty() {
            self.groups[place as usize].generation += 1;
            return self.group_is_empty(place, call);
        }
        if group.broker_assigns {
            return self.retarget(place, None, call);
        }
        if group.state == GroupState::Stable {
            self.prepare_rebalance(place, call);
        }
        self.complete_if_all_joined(place, call);
    }

    fn group_is_empty(&mut self, place: u32, call: &mut Call) {
        let node = self.group_node(place, call);
        let group = &mut self.groups[place as usize];
        group.state = GroupState::Empty;
        group.stamp += 1;
        group.emptied = call.now;
        let fact = Fact::Rebalanced { generation: group.generation, members: 0 };
        call.fact(node, MessageId::NONE, fact);
        if !group.offsets.is_empty() {
            self.timers.set(call.now + self.config.offsets_retention, Timer::Offsets(place));
        }
    }

    /// Offsets of a group that has been empty for `offsets.retention.minutes` are forgotten.
    pub(super) fn expire_offsets(&mut self, place: u32, call: &mut Call) {
        let is_served = self.group_coordinator(place).is_some();
        let Some(group) = self.groups.get_mut(place as usize).filter(|_| is_served) else { return };
        let is_over = group.emptied + self.config.offsets_retention <= call.now;
        if group.state == GroupState::Empty && is_over {
            group.offsets.clear();
        }
    }
}

/// The longest time that the group waits for a member to join again.
fn longest_wait(group: &Group) -> Duration {
    group.members.iter().map(|member| member.config.poll_interval).max().unwrap_or(Duration::ZERO)
}

/// Each member votes for the first of its assignors that everybody supports.
fn vote(members: &[Member]) -> Strategy {
    let all_support = |strategy: &&Strategy| members.iter().all(|member| member.config.strategies.contains(strategy));
    let votes: Vec<Strategy> =
        members.iter().filter_map(|member| member.config.strategies.iter().find(all_support).copied()).collect();
    let count = |strategy: &Strategy| votes.iter().filter(|vote| *vote == strategy).count();
    let mut winner = votes.first().copied().unwrap_or(Strategy::Range);
    for vote in &votes {
        if count(vote) > count(&winner) {
            winner = *vote;
        }
    }
    winner
}
