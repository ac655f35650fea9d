//! Brokers that fail, followers that lag, and leaders that are elected.
//!
//! Reproduces: followers fetch from the leader; one that has not caught up for `replica.lag.time.max.ms` leaves the
//! in-sync replicas and comes back when it has. A broker that dies is noticed by the controller after
//! `broker.session.timeout.ms`; until then its partitions have no leader that answers, and as a follower it holds the
//! high watermark back. The new leader is the first in-sync replica in the order of assignment; if there is none the
//! partition is offline, unless `unclean.leader.election.enable` lets any replica lead. What the new leader does not
//! have is cut off: records above the high watermark that only the old leader had, though `acks=1` had confirmed them
//! (Kafka documentation, "Replication", "Unclean leader election"; KIP-101, KIP-497, KIP-631). A broker that shuts down
//! in order hands its partitions over first. An isolated broker is heard by its clients only: for a while it goes on as
//! a leader that nobody follows.
//!
//! Leaves out: the controller's own failures, follower fetching (KIP-392), eligible leader replicas (KIP-966), and the
//! time that restoring a log takes.

use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Duration, Fact, MessageId};

use super::partition::TopicPartition;
use super::timers::Timer;
use super::transaction::Marker;
use super::Kafka;

/// What a broker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerState {
    /// It runs.
    Up,
    /// It runs; only clients reach it.
    Isolated,
    /// It does not run.
    Down,
}

/// One broker of the cluster.
#[derive(Clone, Debug)]
pub struct Broker {
    /// What it does.
    pub state: BrokerState,
    /// The controller has noticed that it is gone.
    pub is_fenced: bool,
    /// Its fetches take so long, if it is slow.
    pub lag: Option<Duration>,
    /// Tells one failure from the next.
    pub stamp: u32,
}

impl Broker {
    /// A running broker.
    pub fn new() -> Broker {
        Broker { state: BrokerState::Up, is_fenced: false, lag: None, stamp: 0 }
    }

    /// True if the controller counts on it.
    pub fn is_registered(&self) -> bool {
        self.state == BrokerState::Up && !self.is_fenced
    }
}

impl Kafka {
    /// The broker that a client can send a partition's requests to.
    #[inline]
    pub(super) fn leader_of(&self, at: TopicPartition) -> Option<u8> {
        let topic = self.topics.get(at.topic as usize)?;
        let leader = topic.partitions.get(at.partition as usize)?.leader?;
        let broker = self.brokers.get(leader as usize)?;
        (broker.state != BrokerState::Down).then_some(leader)
    }

    /// Every follower that can fetches.
    pub(super) fn fetch_all(&mut self, at: TopicPartition, call: &mut Call) {
        let partition = &mut self.topics[at.topic as usize].partitions[at.partition as usize];
        let Some(leader) = partition.leader else { return };
        let leader_is_up = self.brokers[leader as usize].state == BrokerState::Up;
        let mut may_lag = false;
        for replica in partition.replicas.iter_mut().filter(|replica| replica.broker != leader && !replica.fetching) {
            let broker = &self.brokers[replica.broker as usize];
            if replica.end + 1 == partition.log.end {
                // Until now it had everything.
                replica.caught_up = call.now;
            }
            let lag = broker.lag.unwrap_or(self.config.replication_lag);
            let lag = Duration((u128::from(lag.0) * u128::from(call.slow_percent) / 100) as u64);
            let fetches = leader_is_up && broker.state == BrokerState::Up;
            if fetches {
                replica.fetching = true;
                self.timers.set(call.now + lag, Timer::Replicate(at, replica.broker));
            }
            may_lag |= replica.in_sync && (!fetches || lag >= self.config.lag_max);
        }
        if may_lag && !std::mem::replace(&mut partition.is_watched, true) {
            self.timers.set(call.now + self.config.lag_max + Duration(1), Timer::Lag(at));
        }
    }

    /// The answer to a follower's fetch has arrived.
    pub(super) fn fetched(&mut self, at: TopicPartition, broker: u8, call: &mut Call) {
        let Some(topic) = self.topics.get_mut(at.topic as usize).filter(|topic| !topic.is_deleted) else { return };
        let node = topic.node.unwrap_or(call.broker);
        let Some(partition) = topic.partitions.get_mut(at.partition as usize) else { return };
        let end = partition.log.end;
        let leader = partition.leader;
        let both_up = leader != Some(broker)
            && leader.is_some_and(|leader| self.brokers[leader as usize].state == BrokerState::Up)
            && self.brokers[broker as usize].state == BrokerState::Up;
        let Some(replica) = partition.replicas.iter_mut().find(|replica| replica.broker == broker) else { return };
        if !std::mem::take(&mut replica.fetching) || !both_up {
            return;
        }
        replica.end = end;
        replica.caught_up = call.now;
        let rejoins = !std::mem::replace(&mut replica.in_sync, true);
        if rejoins {
            let replicas = partition.in_sync_count();
            call.fact(node, MessageId::NONE, Fact::InSync { partition: at.partition, replicas });
        }
        if partition.advance() {
            self.readable(at, call);
        }
        if rejoins {
            self.finish_reassignment(at, call);
        }
    }

    /// Followers that have been behind for too long leave the in-sync replicas.
    pub(super) fn check_lag(&mut self, at: TopicPartition, call: &mut Call) {
        let lag_max = self.config.lag_max;
        let Some(topic) = self.topics.get_mut(at.topic as usize).filter(|topic| !topic.is_deleted) else { return };
        let node = topic.node.unwrap_or(call.broker);
        let Some(partition) = topic.partitions.get_mut(at.partition as usize) else { return };
        partition.is_watched = false;
        // A leader that is cut off from the controller can't change the in-sync replicas.
        let Some(leader) = partition.leader.filter(|leader| self.brokers[*leader as usize].state == BrokerState::Up)
        else {
            return;
        };
        let end = partition.log.end;
        let mut next = None;
        let before = partition.in_sync_count();
        let replicas = partition.replicas.iter_mut().filter(|replica| replica.broker != leader && replica.in_sync);
        for replica in replicas.filter(|replica| replica.end < end) {
            let due = replica.caught_up + lag_max + Duration(1);
            match due <= call.now {
                true => replica.in_sync = false,
                false => next = Some(next.map_or(due, |next: crate::vocabulary::Time| next.min(due))),
            }
        }
        let replicas = partition.in_sync_count();
        if let Some(next) = next {
            partition.is_watched = true;
            self.timers.set(next, Timer::Lag(at));
        }
        if replicas != before {
            call.fact(node, MessageId::NONE, Fact::InSync { partition: at.partition, replicas });
            if partition.advance() {
                self.readable(at, call);
            }
        }
    }

    /// A broker stops. `clean`: it hands its partitions over first.
    pub(super) fn stop_broker(&mut self, broker: u8, state: BrokerState, clean: bool, call: &mut Call) {
        let known = &mut self.brokers[broker as usize];
        known.state = state;
        known.stamp += 1;
        let stamp = known.stamp;
        if clean {
            return self.broker_is_lost(broker, stamp, call);
        }
        self.timers.set(call.now + self.config.broker_timeout, Timer::BrokerLost(broker, stamp));
        if state == BrokerState::Down {
            // Connections to it break at once.
            self.each_partition(|kafka, at| {
                if kafka.partition(at).leader == Some(broker) {
                    kafka.retry_waits(at, call);
                }
            });
        }
    }

    /// A broker runs and is reachable again. It follows, and cuts off what the current leader does not have.
    pub(super) fn start_broker(&mut self, broker: u8, call: &mut Call) {
        let known = &mut self.brokers[broker as usize];
        let was_down = known.state == BrokerState::Down;
        *known = Broker { state: BrokerState::Up, is_fenced: false, lag: None, stamp: known.stamp + 1 };
        self.each_partition(|kafka, at| {
            let partition = kafka.partition(at);
            if partition.leader.is_none() {
                kafka.elect(at, call);
            }
            let partition = kafka.partition(at);
            if partition.replicas.iter().any(|replica| replica.broker == broker || partition.leader == Some(broker)) {
                kafka.fetch_all(at, call);
            }
            if kafka.partition_mut(at).advance() {
                kafka.readable(at, call);
            }
            // Whoever waits may read from it again.
            let pollers = std::mem::take(&mut kafka.partition_mut(at).pollers);
            kafka.awake.extend(pollers);
        });
        self.reseat(broker, was_down, call);
        self.write_markers(call);
        self.pump_all(call);
    }

    /// The controller has not heard of the broker for too long, or it shuts down in order.
    pub(super) fn broker_is_lost(&mut self, broker: u8, stamp: u32, call: &mut Call) {
        let Some(known) = self.brokers.get_mut(broker as usize).filter(|known| known.stamp == stamp) else { return };
        known.is_fenced = true;
        self.each_partition(|kafka, at| {
            let node = kafka.topic_node(at.topic, call);
            let partition = kafka.partition_mut(at);
            let in_sync = partition.in_sync_count();
            let Some(replica) = partition.replicas.iter_mut().find(|replica| replica.broker == broker) else { return };
            replica.fetching = false;
            let was_in_sync = replica.in_sync;
            // The last one stays, so that it is known who has everything.
            replica.in_sync = was_in_sync && in_sync == 1;
            if was_in_sync && in_sync > 1 {
                let fact = Fact::InSync { partition: at.partition, replicas: in_sync - 1 };
                call.fact(node, MessageId::NONE, fact);
            }
            if partition.leader == Some(broker) {
                kafka.elect(at, call);
            }
            if kafka.partition_mut(at).advance() {
                kafka.readable(at, call);
            }
        });
        self.unseat(broker, call);
        self.plan_balance(call);
        self.write_markers(call);
        self.pump_all(call);
    }

    /// A partition gets a new leader, or none.
    pub(super) fn elect(&mut self, at: TopicPartition, call: &mut Call) {
        let node = self.topic_node(at.topic, call);
        let unclean = self.topics[at.topic as usize].config.unclean.unwrap_or(self.config.unclean);
        let brokers = &self.brokers;
        let partition = &mut self.topics[at.topic as usize].partitions[at.partition as usize];
        let is_up = |broker: u8| brokers[broker as usize].is_registered();
        let clean = partition.replicas.iter().position(|replica| replica.in_sync && is_up(replica.broker));
        let any = partition.replicas.iter().position(|replica| unclean && is_up(replica.broker));
        let Some(index) = clean.or(any) else {
            partition.leader = None;
            self.retry_waits(at, call);
            return;
        };
        let (leader, end) = (partition.replicas[index].broker, partition.replicas[index].end);
        partition.leader = Some(leader);
        partition.leader_epoch += 1;
        if clean.is_none() {
            // What the others have more is lost, and they are out of sync.
            partition.replicas.iter_mut().for_each(|replica| replica.in_sync = replica.broker == leader);
        }
        for replica in &mut partition.replicas {
            replica.end = replica.end.min(end);
            replica.fetching = false;
            replica.caught_up = call.now;
        }
        partition.high_watermark = partition.high_watermark.min(end);
        let removed = partition.log.truncate(end);
        partition.open.retain(|one| one.first < end);
        for one in partition.open.iter_mut().filter(|one| one.marker >= end) {
            one.marker = u64::MAX;
        }
        let markers = removed.iter().filter(|record| record.content.is_none()).map(|record| Marker::again(at, record));
        self.markers.extend(markers);
        partition.forget_from(end);
        call.fact(
            node,
            MessageId::NONE,
            Fact::LeaderElected { partition: at.partition, leader: u32::from(leader) + 1 },
        );
        for group in &mut self.groups {
            group.lose(at, end, u64::MAX, DropReason::NotReplicated, call);
            if let Some(book) = group.books.get_mut(&at) {
                book.next = book.next.min(end);
            }
        }
        self.forget(at.topic, removed, Some(DropReason::NotReplicated), call);
        self.retry_waits(at, call);
        self.fetch_all(at, call);
        if self.partition_mut(at).advance() {
            self.readable(at, call);
        }
        let pollers = std::mem::take(&mut self.partition_mut(at).pollers);
        self.awake.extend(pollers);
    }

    /// A follower's fetches take so long from now on; nothing: as long as anybody's.
    pub(super) fn slow_broker(&mut self, broker: u8, lag: Option<Duration>, call: &mut Call) {
        self.brokers[broker as usize].lag = lag;
        if lag.is_none() {
            // What is on the way comes at once.
            self.each_partition(|kafka, at| {
                if let Some(one) = kafka.partition_mut(at).replicas.iter_mut().find(|one| one.broker == broker) {
                    one.fetching = false;
                }
                if kafka.partition(at).leader != Some(broker) {
                    kafka.fetch_all(at, call);
                }
            });
        }
    }

    /// The partition at this place.
    #[inline]
    pub(super) fn partition(&self, at: TopicPartition) -> &super::partition::Partition {
        &self.topics[at.topic as usize].partitions[at.partition as usize]
    }

    /// The partition at this place.
    #[inline]
    pub(super) fn partition_mut(&mut self, at: TopicPartition) -> &mut super::partition::Partition {
        &mut self.topics[at.topic as usize].partitions[at.partition as usize]
    }

    /// True if there is such a partition.
    pub(super) fn has_partition(&self, at: TopicPartition) -> bool {
        let topic = self.topics.get(at.topic as usize).filter(|topic| !topic.is_deleted);
        topic.is_some_and(|topic| (at.partition as usize) < topic.partitions.len())
    }

    /// Does something with every partition of every topic.
    pub(super) fn each_partition(&mut self, mut visit: impl FnMut(&mut Kafka, TopicPartition)) {
        for topic in 0..self.topics.len() as u32 {
            if self.topics[topic as usize].is_deleted {
                continue;
            }
            for partition in 0..self.topics[topic as usize].partitions.len() as u32 {
                visit(self, TopicPartition { topic, partition });
            }
        }
    }
}
