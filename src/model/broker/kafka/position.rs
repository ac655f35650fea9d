//! Where a consumer reads on, and what it has committed.
//!
//! Reproduces: the position is the next offset to read and lives in the client; the committed offset, also the next one
//! to read, lives in the group and is looked up when a partition is taken over. `auto.offset.reset` acts only if there
//! is none, or if it is out of range. A commit counts if it comes from a member of the current generation; a consumer
//! that was given its partitions by hand may commit while the group has no members (apache/kafka, `SubscriptionState`,
//! `GroupMetadataManager`). With `enable.auto.commit` a poll commits, every `auto.commit.interval.ms`, what earlier
//! polls have returned.
//!
//! A drawn client acknowledges single records: its commits follow the first record that is not done, as listeners that
//! acknowledge out of order do, so that none before it is passed over.
//!
//! Leaves out: leader epochs in commits.

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, DropReason, Fact, FlatMap, MessageId, NodeId};

use super::client::{refusal, Client, Consumer, Reading, Refusal};
use super::config::Reset;
use super::group::{Book, Group, GroupState};
use super::partition::TopicPartition;
use super::Kafka;

/// The tag of a delivery that is settled, or void.
const SETTLED: u64 = u64::MAX;

impl Kafka {
    /// Looks up where to begin, wherever that is not known.
    pub(super) fn resolve_positions(&mut self, session: Session, call: &mut Call) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(&session) else { return Ok(()) };
        let unknown = client.consumer.owned.iter().filter(|(_, owned)| owned.position.is_none());
        let unknown: Vec<TopicPartition> = unknown.map(|(at, _)| *at).collect();
        let (group, reset, read_committed) = (client.consumer.group, client.config.reset, client.config.read_committed);
        if group.is_some_and(|place| self.group_coordinator(place).is_none()) {
            // Nobody can say what is committed.
            return Ok(());
        }
        for at in unknown {
            if !self.has_partition(at) {
                continue;
            }
            let committed = group.and_then(|place| self.groups[place as usize].offsets.get(&at).copied());
            let partition = self.partition(at);
            let (start, end) = (partition.log.start, partition.readable(read_committed));
            let position = match (committed, reset) {
                (Some(offset), _) if (start..=partition.log.end).contains(&offset) => offset,
                (_, Reset::Earliest) => start,
                (_, Reset::Latest) => end,
                (committed, Reset::None) => {
                    let (code, what) = match committed {
                        Some(offset) => {
                            ("OFFSET_OUT_OF_RANGE", format!("Fetch position {offset} is out of range for partition "))
                        }
                        None => {
                            ("NO_OFFSET_FOR_PARTITION", "Undefined offset with no reset policy for partitions: ".into())
                        }
                    };
                    return Err(refusal(code, format!("{what}{}", super::label(&self.topics, at))));
                }
            };
            if let Some(owned) = self.clients.get_mut(&session).and_then(|one| one.consumer.owned.get_mut(&at)) {
                owned.position = Some(position);
            }
            if let Some(place) = group {
                self.open_book(place, at, position, call);
            }
        }
        Ok(())
    }

    /// From here on a drawn group keeps books of a partition.
    fn open_book(&mut self, place: u32, at: TopicPartition, position: u64, call: &mut Call) {
        let Some(node) = self.groups[place as usize].node else { return };
        let group = &mut self.groups[place as usize];
        let partition = &mut self.topics[at.topic as usize].partitions[at.partition as usize];
        group.books.get_or_insert_with(at, || Book { copies: Default::default(), next: position });
        if !partition.readers.contains(&place) {
            partition.readers.push(place);
        }
        group.settle(at, position, node, call);
        let readable = partition.readable(group.config.read_committed);
        group.enter(at, &partition.log, readable, call);
    }

    /// A position is out of range: the client begins anew, as its settings say.
    pub(super) fn out_of_range(
        &mut self,
        session: Session,
        at: TopicPartition,
        call: &mut Call,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&session) else { return Ok(()) };
        let (reset, read_committed) = (client.config.reset, client.config.read_committed);
        let (group, offset) = (client.consumer.group, client.consumer.owned.get(&at).and_then(|owned| owned.position));
        let partition = self.partition(at);
        let position = match reset {
            Reset::Earliest => partition.log.start,
            Reset::Latest => partition.readable(read_committed),
            Reset::None => {
                let text = format!(
                    "Fetch position {} is out of range for partition {}",
                    offset.unwrap_or_default(),
                    super::label(&self.topics, at)
                );
                return Err(refusal("OFFSET_OUT_OF_RANGE", text));
            }
        };
        if let Some(owned) = self.clients.get_mut(&session).and_then(|one| one.consumer.owned.get_mut(&at)) {
            owned.position = Some(position);
            owned.unsettled.clear();
        }
        if let Some(place) = group {
            let node = self.group_node(place, call);
            let fact = Fact::Sought { partition: at.partition, offset: position as u32 };
            call.fact(node, MessageId::NONE, fact);
            self.groups[place as usize].lose(at, 0, position, DropReason::Skipped, call);
            self.open_book(place, at, position, call);
        }
        Ok(())
    }

    /// The group of a client whose commits count now.
    fn may_commit(&self, session: Session) -> Result<u32, Refusal> {
        let Some(client) = self.clients.get(&session) else { return Err(unknown_member()) };
        let Some(place) = client.consumer.group else {
            let text = "To use the group management or offset commit APIs, you must provide a valid group.id in the \
                        consumer configuration.";
            return Err(refusal("INVALID_GROUP_ID", text));
        };
        self.check_group(place)?;
        check_commit(session, &client.consumer, &self.groups[place as usize]).map(|()| place)
    }

    /// Commits these offsets.
    pub(super) fn commit(
        &mut self,
        session: Session,
        offsets: &[(TopicPartition, u64)],
        call: &mut Call,
    ) -> Result<(), Refusal> {
        let place = self.may_commit(session)?;
        let by = self.clients.get(&session).map_or(call.broker, |client| client.node);
        for (at, offset) in offsets {
            self.store_offset(place, *at, *offset, by, call);
        }
        Ok(())
    }

    /// The group remembers an offset.
    pub(super) fn store_offset(&mut self, place: u32, at: TopicPartition, offset: u64, by: NodeId, call: &mut Call) {
        self.groups[place as usize].store(at, offset, by, call);
    }

    /// Where the client is in its partitions.
    pub(super) fn positions(&self, session: Session) -> Vec<(TopicPartition, u64)> {
        let owned = self.clients.get(&session).map(|client| client.consumer.owned.iter());
        owned.into_iter().flatten().filter_map(|(at, owned)| Some((*at, owned.position?))).collect()
    }

    /// Commits what earlier polls have returned, if that is due, or if the client is about to give partitions up.
    pub(super) fn auto_commit(&mut self, session: Session, at_once: bool, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        let is_on = match session.is_console() {
            true => client.config.auto_commit,
            false => client.consumer.auto_ack,
        };
        let consumer = &mut client.consumer;
        if !is_on || consumer.group.is_none() || consumer.owned.is_empty() {
            return;
        }
        if !at_once && call.now < consumer.auto_commit {
            return;
        }
        consumer.auto_commit = call.now + client.config.auto_commit_interval;
        let backoff = client.config.retry_backoff;
        let positions = self.positions(session);
        // A client that was thrown out learns of it otherwise; an automatic commit fails in silence.
        match self.commit(session, &positions, call) {
            Ok(_) => self.tell_committed(session, call),
            Err(refused) if refused.code == "COORDINATOR_NOT_AVAILABLE" => {
                if let Some(client) = self.clients.get_mut(&session) {
                    client.consumer.auto_commit = call.now + backoff;
                }
            }
            Err(_) => {}
        }
    }

    /// A drawn client learns which of its deliveries an automatic commit covers: all that are not void.
    fn tell_committed(&mut self, session: Session, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session).filter(|_| !session.is_console()) else { return };
        let (place, consumer) = (client.place, &mut client.consumer);
        let mut run: Option<(u64, u64)> = None;
        for (_, offset) in std::mem::take(&mut consumer.tags) {
            let tag = consumer.tag_first;
            consumer.tag_first += 1;
            match &mut run {
                Some((_, last)) if offset != SETTLED && *last + 1 == tag => *last = tag,
                _ if offset != SETTLED => {
                    if let Some((first, last)) = run.replace((tag, tag)) {
                        call.frame(session, place, BrokerMessage::Committed { first, last });
                    }
                }
                _ => {}
            }
        }
        if let Some((first, last)) = run {
            call.frame(session, place, BrokerMessage::Committed { first, last });
        }
    }

    /// A drawn client is done with a delivery.
    #[inline]
    pub(super) fn acknowledge(&mut self, session: Session, tag: u64, call: &mut Call) {
        let Kafka { clients, groups, seats, brokers, .. } = self;
        let Some(client) = clients.get_mut(&session) else { return };
        let Client { consumer, node, .. } = &mut **client;
        let Some(index) = tag.checked_sub(consumer.tag_first) else { return };
        let Some((at, offset)) = consumer.tags.get_mut(index as usize).map(|entry| {
            let taken = *entry;
            entry.1 = SETTLED;
            taken
        }) else {
            return;
        };
        while consumer.tags.front().is_some_and(|(_, offset)| *offset == SETTLED) {
            consumer.tags.pop_front();
            consumer.tag_first += 1;
        }
        let Some(owned) = consumer.owned.get_mut(&at).filter(|_| offset != SETTLED) else { return };
        let Some(unsettled) = owned.unsettled_at(offset) else { return };
        unsettled.1 = true;
        let mut done = None;
        while let Some((offset, true)) = owned.unsettled.front() {
            done = Some(*offset + 1);
            owned.unsettled.pop_front();
        }
        let (Some(next), Some(place)) = (done, consumer.group) else { return };
        let group = &mut groups[place as usize];
        // What comes too late is refused, and read again by somebody else.
        if seats.coordinator(group.seat, brokers).is_some() && check_commit(session, consumer, group).is_ok() {
            group.store(at, next, *node, call);
        }
    }

    /// All deliveries up to this one.
    pub(super) fn tags_up_to(&self, session: Session, tag: u64, multiple: bool) -> std::ops::RangeInclusive<u64> {
        let first = self.clients.get(&session).map_or(tag, |client| client.consumer.tag_first);
        if multiple {
            first..=tag
        } else {
            tag..=tag
        }
    }

    /// A drawn client says at a poll which deliveries it has settled, in case that a commit was lost; and, if it has none
    /// in hand, that those behind never came, so that it fetches them again, as after a request that timed out.
    pub(super) fn hear_of_settled(&mut self, session: Session, settled: u64, holds: bool, call: &mut Call) {
        let Some(client) = self.clients.get(&session).filter(|client| !client.consumer.auto_ack) else { return };
        for tag in client.consumer.tag_first..=settled.min(client.consumer.next_tag()) {
            self.acknowledge(session, tag, call);
        }
        let Some(client) = self.clients.get(&session).filter(|_| !holds) else { return };
        let mut missing: FlatMap<TopicPartition, u64> = FlatMap::new();
        for (at, offset) in client.consumer.tags.iter().filter(|(_, offset)| *offset != SETTLED) {
            let first = missing.get_or_insert_with(*at, || *offset);
            *first = (*first).min(*offset);
        }
        for (at, offset) in missing.iter() {
            self.seek(session, *at, *offset, call);
        }
    }

    /// A drawn client gives a delivery back. `again`: it seeks back to it; else it goes on behind it.
    pub(super) fn give_back(&mut self, session: Session, tag: u64, again: bool, call: &mut Call) {
        let Some(client) = self.clients.get(&session) else { return };
        let (node, consumer) = (client.node, &client.consumer);
        let index = tag.checked_sub(consumer.tag_first);
        let Some((at, offset)) = index.and_then(|index| consumer.tags.get(index as usize).copied()) else { return };
        let Some(place) = consumer.group.filter(|_| offset != SETTLED) else { return };
        let Some(owned) = consumer.owned.get(&at) else { return };
        if owned.unsettled.binary_search_by_key(&offset, |(offset, _)| *offset).is_err() {
            return;
        }
        if !again {
            self.groups[place as usize].reject(at, offset, node, call);
            return self.acknowledge(session, tag, call);
        }
        self.groups[place as usize].refuse(at, offset, node, call);
        self.seek(session, at, offset, call);
    }

    /// Sets a position by hand. What was read from there on is read again.
    pub(super) fn seek(&mut self, session: Session, at: TopicPartition, offset: u64, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        let consumer = &mut client.consumer;
        let Some(owned) = consumer.owned.get_mut(&at) else { return };
        owned.position = Some(offset);
        let kept = owned.unsettled.partition_point(|(other, _)| *other < offset);
        owned.unsettled.truncate(kept);
        for tag in consumer.tags.iter_mut().filter(|tag| tag.0 == at && tag.1 >= offset) {
            tag.1 = SETTLED;
        }
        let group = consumer.group;
        if let Some(place) = group {
            let node = self.group_node(place, call);
            self.groups[place as usize].take_back(at, offset, false, call);
            let fact = Fact::Sought { partition: at.partition, offset: offset as u32 };
            call.fact(node, MessageId::NONE, fact);
        }
        self.awake.push(session);
    }
}

fn unknown_member() -> Refusal {
    refusal(
        "UNKNOWN_MEMBER_ID",
        "Offset commit cannot be completed since the consumer is not part of an active group for auto partition \
         assignment; it is likely that the consumer was kicked out of the group.",
    )
}

/// Fails if the commits of a consumer do not count for its group now.
#[inline]
fn check_commit(session: Session, consumer: &Consumer, group: &Group) -> Result<(), Refusal> {
    if !matches!(consumer.reading, Reading::Topics(_)) {
        return if group.members.is_empty() { Ok(()) } else { Err(unknown_member()) };
    }
    let member = consumer.member.and_then(|number| group.member(number));
    if member.is_none_or(|member| member.session != Some(session)) {
        return Err(unknown_member());
    }
    if consumer.generation == group.generation || group.broker_assigns {
        return Ok(());
    }
    // It has not taken over its part of the new generation.
    let is_new = consumer.generation == 0 && group.state != GroupState::Stable;
    let text = "Offset commit cannot be completed since the consumer is undergoing a rebalance for auto partition \
                assignment.";
    Err(if is_new { unknown_member() } else { refusal("ILLEGAL_GENERATION", text) })
}
