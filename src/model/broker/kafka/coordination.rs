//! Which broker coordinates a group or a transaction, and what becomes of both when that broker fails.
//!
//! Reproduces: a group's offsets and members lie in the partition of `__consumer_offsets` that the hash of its name
//! gives, a transaction in one of `__transaction_state`, fifty each with three replicas; who leads the partition
//! coordinates (apache/kafka, `GroupMetadataManager.partitionFor`, `TransactionStateManager`; `String.hashCode`). While
//! a dead coordinator is not missed yet, clients find none: they read on, but neither commit, nor join, nor is anybody
//! thrown out. The next in-sync replica loads the last complete generation from its log: committed offsets are there,
//! members stay with their partitions and get a whole session timeout, and who was just joining is unknown. A commit
//! waits for all in-sync replicas (`offsets.commit.required.acks`), so none that was confirmed is lost. A client whose
//! coordinator has moved to another living broker learns it by `NOT_COORDINATOR`.
//!
//! Leaves out: the records of these two topics, the time that loading takes, and lag of their replicas: a broker that
//! comes back is in sync at once. Offsets of a transaction count when it commits, whoever coordinates the group then.

use smallvec::SmallVec;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{Fact, MessageId};

use super::client::{refusal, Duty, Refusal};
use super::group::GroupState;
use super::partition::TopicPartition;
use super::replication::{Broker, BrokerState};
use super::timers::Timer;
use super::Kafka;

/// Partitions of each of the two topics: `offsets.topic.num.partitions`, `transaction.state.log.num.partitions`.
const SEAT_COUNT: usize = 50;

/// Their replicas: `offsets.topic.replication.factor`, `transaction.state.log.replication.factor`.
const REPLICA_COUNT: usize = 3;

/// One partition of an inner topic.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Brokers, the preferred leader first, and whether each is in sync.
    replicas: SmallVec<[(u8, bool); REPLICA_COUNT]>,
    /// The broker that leads.
    leader: Option<u8>,
}

/// The inner topics.
#[derive(Clone, Debug, Default)]
pub struct Seats {
    offsets: Vec<Seat>,
    transactions: Vec<Seat>,
}

/// `String.hashCode` of Java.
fn hash_code(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The partition that keeps what belongs to a name.
pub fn seat_of(name: &str) -> usize {
    // `Utils.abs` makes 0 of the one number that has no positive counterpart.
    hash_code(name).checked_abs().unwrap_or(0) as usize % SEAT_COUNT
}

/// The error while nobody coordinates.
pub fn not_available() -> Refusal {
    refusal("COORDINATOR_NOT_AVAILABLE", "The coordinator is not available.")
}

impl Seats {
    /// Both topics laid out over so many brokers.
    pub fn new(broker_count: usize) -> Seats {
        let seat = |number: usize| {
            let broker = |step: usize| ((number + step) % broker_count.max(1)) as u8;
            let replicas: SmallVec<_> = (0..REPLICA_COUNT.min(broker_count)).map(|step| (broker(step), true)).collect();
            Seat { leader: replicas.first().map(|(broker, _)| *broker), replicas }
        };
        let seats: Vec<Seat> = (0..SEAT_COUNT).map(seat).collect();
        Seats { offsets: seats.clone(), transactions: seats }
    }
}

impl Seats {
    /// Who coordinates the groups of this partition.
    pub fn coordinator(&self, seat: usize, brokers: &[Broker]) -> Option<u8> {
        self.offsets.get(seat).and_then(|seat| seat.served(brokers))
    }
}

impl Seat {
    /// The leader, if it can do its work.
    #[inline]
    fn served(&self, brokers: &[Broker]) -> Option<u8> {
        let leader = self.leader?;
        match brokers.get(leader as usize)?.state {
            BrokerState::Up => Some(leader),
            // What it writes reaches nobody else who has to have it.
            BrokerState::Isolated => {
                (self.replicas.iter().filter(|(_, in_sync)| *in_sync).count() == 1).then_some(leader)
            }
            BrokerState::Down => None,
        }
    }

    fn elect(&mut self, brokers: &[Broker]) {
        let can_lead = |replica: &&(u8, bool)| replica.1 && brokers[replica.0 as usize].is_registered();
        self.leader = self.replicas.iter().find(can_lead).map(|(broker, _)| *broker);
    }

    /// The controller no longer counts on a broker; true if another one leads now.
    fn lose(&mut self, broker: u8, brokers: &[Broker]) -> bool {
        let in_sync = self.replicas.iter().filter(|(_, in_sync)| *in_sync).count();
        // The last one stays, so that it is known who has everything.
        for replica in self.replicas.iter_mut().filter(|replica| replica.0 == broker && in_sync > 1) {
            replica.1 = false;
        }
        if self.leader == Some(broker) {
            self.elect(brokers);
            return self.leader.is_some();
        }
        false
    }

    /// A broker runs again. True if it leads, and has to load what it coordinates.
    fn regain(&mut self, broker: u8, brokers: &[Broker]) -> bool {
        let had = self.leader;
        if had.is_none() {
            self.elect(brokers);
        }
        for replica in self.replicas.iter_mut().filter(|replica| replica.0 == broker && had.is_some()) {
            replica.1 = true;
        }
        self.leader == Some(broker)
    }

    /// The preferred leader takes over, if it can; true if that is a change.
    fn prefer(&mut self, brokers: &[Broker]) -> bool {
        let had = self.leader;
        self.elect(brokers);
        self.leader != had && self.leader.is_some()
    }
}

impl Kafka {
    /// The broker that coordinates a group.
    #[inline]
    pub(super) fn group_coordinator(&self, place: u32) -> Option<u8> {
        self.seats.coordinator(self.groups.get(place as usize)?.seat, &self.brokers)
    }

    /// The broker that a client has to ask. Fails while there is none, and when the one that it asks is another one by
    /// now: a client learns of that by the answer, or by a heartbeat.
    pub(super) fn ask_coordinator(&mut self, session: Session) -> Result<(), Refusal> {
        let place = self.clients.get(&session).and_then(|client| client.consumer.group);
        let Some(place) = place else { return Ok(()) };
        let coordinator = self.check_group(place)?;
        let client = self.clients.get_mut(&session);
        let asked = client.and_then(|client| client.consumer.coordinator.replace(coordinator));
        let is_wrong = |asked: u8| asked != coordinator && self.brokers[asked as usize].state == BrokerState::Up;
        match asked.is_some_and(is_wrong) {
            true => Err(refusal("NOT_COORDINATOR", "This is not the correct coordinator.")),
            false => Ok(()),
        }
    }

    /// Fails while nobody coordinates a group.
    pub(super) fn check_group(&self, place: u32) -> Result<u8, Refusal> {
        self.group_coordinator(place).ok_or_else(not_available)
    }

    /// Fails while nobody coordinates the transactions of this id.
    pub(super) fn check_transactions(&self, id: &str) -> Result<(), Refusal> {
        let seat = self.seats.transactions.get(seat_of(id)).and_then(|seat| seat.served(&self.brokers));
        seat.map(|_| ()).ok_or_else(not_available)
    }

    /// A broker is lost: others coordinate what it did.
    pub(super) fn unseat(&mut self, broker: u8, call: &mut Call) {
        let brokers = &self.brokers;
        for seat in &mut self.seats.transactions {
            seat.lose(broker, brokers);
        }
        let seats = self.seats.offsets.iter_mut();
        let moved: Vec<bool> = seats.map(|seat| seat.lose(broker, brokers)).collect();
        self.load_groups(&moved, call);
    }

    /// A broker runs again. `was_down`: it has to load what it coordinates.
    pub(super) fn reseat(&mut self, broker: u8, was_down: bool, call: &mut Call) {
        let brokers = &self.brokers;
        for seat in &mut self.seats.transactions {
            seat.regain(broker, brokers);
        }
        let seats = self.seats.offsets.iter_mut();
        let moved: Vec<bool> = seats.map(|seat| seat.regain(broker, brokers) && was_down).collect();
        self.load_groups(&moved, call);
        // One that was cut off can write again.
        let waiting = self.clients.values().filter(|client| client.consumer.group.is_some());
        self.awake.extend(waiting.map(|client| client.session));
    }

    /// The preferred leaders coordinate again.
    pub(super) fn prefer_seats(&mut self, call: &mut Call) {
        let brokers = &self.brokers;
        for seat in &mut self.seats.transactions {
            seat.prefer(brokers);
        }
        let moved: Vec<bool> = self.seats.offsets.iter_mut().map(|seat| seat.prefer(brokers)).collect();
        self.load_groups(&moved, call);
    }

    /// True if another broker should lead one of the seats.
    pub(super) fn seats_are_imbalanced(&self) -> bool {
        let preferred = |seat: &Seat| seat.replicas.first().map(|(broker, _)| *broker);
        self.seats.offsets.iter().chain(&self.seats.transactions).any(|seat| seat.leader != preferred(seat))
    }

    fn load_groups(&mut self, moved: &[bool], call: &mut Call) {
        for place in 0..self.groups.len() as u32 {
            let group = &self.groups[place as usize];
            if !group.name.is_empty() && moved.get(group.seat).copied().unwrap_or(false) {
                self.load_group(place, call);
            }
        }
    }

    /// A broker begins to coordinate a group with what is in its log.
    fn load_group(&mut self, place: u32, call: &mut Call) {
        let Some(leader) = self.group_coordinator(place) else { return };
        let group = &mut self.groups[place as usize];
        if let Some(node) = group.node {
            call.fact(node, MessageId::NONE, Fact::Coordinated { leader: u32::from(leader) + 1 });
        }
        if matches!(group.state, GroupState::Gathering | GroupState::Preparing) {
            self.forget_rebalance(place, call);
        }
        let group = &mut self.groups[place as usize];
        for member in &mut group.members {
            if member.session.is_none() {
                let expires = call.now + member.config.session_timeout;
                member.expires = Some(expires);
                self.timers.set(expires, Timer::Expire(place, member.number));
                continue;
            }
            // Its next heartbeat finds the new one.
            let interval = match group.broker_assigns {
                true => self.config.consumer_heartbeat,
                false => member.config.heartbeat,
            };
            self.timers.set(member.next_heartbeat(call.now, interval), Timer::Told(place, member.number));
        }
        if group.members.is_empty() && !group.offsets.is_empty() {
            self.timers.set(call.now + self.config.offsets_retention, Timer::Offsets(place));
        }
        let of_group =
            |session: &&Session| self.clients.get(session).is_some_and(|client| client.consumer.group == Some(place));
        let sessions: Vec<Session> = self.clients.keys().filter(of_group).copied().collect();
        for session in &sessions {
            self.commit_what_waits(*session, call);
        }
        self.awake.extend(sessions);
    }

    /// Only complete generations are in the log: who was joining joins again, and who was new is unknown.
    fn forget_rebalance(&mut self, place: u32, call: &mut Call) {
        let group = &mut self.groups[place as usize];
        group.stamp += 1;
        let unknown: Vec<u32> =
            group.members.iter().filter(|member| member.generation == 0).map(|member| member.number).collect();
        for number in unknown {
            self.throw_out(place, number, false, call);
        }
        let group = &mut self.groups[place as usize];
        group.state = if group.members.is_empty() { GroupState::Empty } else { GroupState::Stable };
        group.members.iter_mut().for_each(|member| member.is_joined = true);
        for client in self.clients.values_mut().filter(|client| client.consumer.group == Some(place)) {
            if client.consumer.duty == Duty::Await {
                client.consumer.duty = Duty::Join;
            }
        }
    }

    /// Commits that could not be made while nobody coordinated the group.
    fn commit_what_waits(&mut self, session: Session, call: &mut Call) {
        if session.is_console() {
            return self.finish_commit(session, call);
        }
        let Some(client) = self.clients.get(&session).filter(|client| !client.consumer.auto_ack) else { return };
        let Some(place) = client.consumer.group else { return };
        let books = &self.groups[place as usize].books;
        let mut done: SmallVec<[(TopicPartition, u64); 8]> = SmallVec::new();
        for (at, owned) in client.consumer.owned.iter() {
            let next = owned.unsettled.front().map(|(offset, _)| *offset).or(owned.position);
            let oldest = books.get(at).and_then(|book| book.copies.front()).map(|copy| copy.offset);
            done.extend(next.filter(|next| oldest.is_some_and(|oldest| oldest < *next)).map(|next| (*at, next)));
        }
        // What is refused is read again by somebody else.
        self.commit(session, &done, call).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hashed_as_java_does() {
        assert_eq!(hash_code("hello"), 99_162_322);
        assert_eq!(hash_code("polygenelubricants"), i32::MIN);
        assert_eq!((seat_of("polygenelubricants"), seat_of(""), seat_of("g")), (0, 0, 3));
    }
}
