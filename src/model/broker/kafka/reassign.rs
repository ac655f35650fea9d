//! Moving partitions to other brokers, and leadership back to where it belongs.
//!
//! Reproduces: a reassignment adds the new replicas first; they fetch from the leader, and when all of them are in sync
//! the old ones go, and the leader with them if it is one of those (KIP-455). The preferred leader is the first replica
//! in the order of assignment. It is elected on demand if it is in sync, and by the controller itself,
//! `leader.imbalance.check.interval.seconds` after another one began to lead, if `auto.leader.rebalance.enable` is on
//! (apache/kafka, `ReplicationControlManager.electLeaders`, `maybeBalancePartitionLeaders`).
//!
//! Leaves out: throttles, and moving between the disks of one broker.

use serde_json::{json, Value as Json};

use crate::model::broker::server::Call;
use crate::vocabulary::{Fact, MessageId};

use super::client::{refusal, Refusal};
use super::console::{done, usage, Answer, Line};
use super::partition::{Replica, TopicPartition};
use super::timers::Timer;
use super::Kafka;

impl Kafka {
    /// `reassign t-0 1,2,3`, `reassign t-0 cancel`.
    pub(super) fn reassign_line(&mut self, line: Line, call: &mut Call) -> Answer {
        line.end(2)?;
        let at = self.read_partition(line.word(0, "The partition")?)?;
        let text = line.word(1, "The list of brokers")?;
        if text == "cancel" {
            return self.cancel_reassignment(at);
        }
        let numbers: Result<Vec<usize>, _> = text.split(',').map(str::parse).collect();
        let numbers = numbers.map_err(|_| usage(format!("The brokers must be numbers such as 1,2, are {text}.")))?;
        let mut target = Vec::new();
        for number in numbers {
            let is_there = (1..=self.brokers.len()).contains(&number);
            if !is_there || target.contains(&((number - 1) as u8)) {
                let what = if is_there { "is in the list twice" } else { "is not registered" };
                return Err(refusal("INVALID_REPLICA_ASSIGNMENT", format!("Broker {number} {what}.")));
            }
            target.push((number - 1) as u8);
        }
        self.reassign(at, target, call);
        done()
    }

    fn reassign(&mut self, at: TopicPartition, target: Vec<u8>, call: &mut Call) {
        self.withdraw(at);
        let partition = self.partition_mut(at);
        for broker in &target {
            if partition.replicas.iter().all(|replica| replica.broker != *broker) {
                let fresh = Replica { broker: *broker, end: 0, in_sync: false, caught_up: call.now, fetching: false };
                partition.replicas.push(fresh);
            }
        }
        partition.target = Some(target);
        self.fetch_all(at, call);
        self.finish_reassignment(at, call);
    }

    fn cancel_reassignment(&mut self, at: TopicPartition) -> Answer {
        if self.partition(at).target.is_none() {
            let text = "No partition reassignment is in progress.";
            return Err(refusal("NO_REASSIGNMENT_IN_PROGRESS", text));
        }
        self.withdraw(at);
        done()
    }

    /// Takes back what an unfinished reassignment has added.
    fn withdraw(&mut self, at: TopicPartition) {
        let partition = self.partition_mut(at);
        if partition.target.take().is_some() {
            let added = partition.replicas.split_off(partition.settled_count.min(partition.replicas.len()));
            // One that leads by now stays, as an unclean election may have it.
            partition.replicas.extend(added.into_iter().filter(|replica| Some(replica.broker) == partition.leader));
        }
        partition.settled_count = partition.replicas.len();
    }

    /// If all new replicas are in sync, the old ones go.
    pub(super) fn finish_reassignment(&mut self, at: TopicPartition, call: &mut Call) {
        let node = self.topic_node(at.topic, call);
        let partition = self.partition_mut(at);
        let Some(target) = &partition.target else { return };
        let is_in_sync = |broker: &u8| partition.replicas.iter().any(|one| one.broker == *broker && one.in_sync);
        if !target.iter().all(is_in_sync) {
            return;
        }
        let target = target.clone();
        let before = partition.in_sync_count();
        partition.target = None;
        let place = |replica: &Replica| target.iter().position(|broker| *broker == replica.broker);
        let gone: Vec<u8> =
            partition.replicas.iter().filter(|one| place(one).is_none()).map(|one| one.broker).collect();
        let leads = partition.leader.is_some_and(|leader| gone.contains(&leader));
        crate::vocabulary::order::sort_by_key(&mut partition.replicas, |one| (place(one).is_none(), place(one)));
        partition.replicas.truncate(target.len());
        partition.settled_count = target.len();
        let replicas = partition.in_sync_count();
        if replicas != before {
            call.fact(node, MessageId::NONE, Fact::InSync { partition: at.partition, replicas });
        }
        if leads {
            self.elect(at, call);
        } else if self.partition_mut(at).advance() {
            self.readable(at, call);
        }
    }

    /// `elect-leaders t-0`, `elect-leaders all`: the preferred ones.
    pub(super) fn elect_line(&mut self, line: Line, call: &mut Call) -> Answer {
        line.end(1)?;
        let text = line.word(0, "The partition")?;
        if text != "all" {
            let at = self.read_partition(text)?;
            self.prefer(at, text, call)?;
            return Ok(json!({"elected": [text]}));
        }
        Ok(json!({ "elected": self.prefer_all(call) }))
    }

    /// The preferred leader of a partition leads.
    fn prefer(&mut self, at: TopicPartition, label: &str, call: &mut Call) -> Result<(), Refusal> {
        let partition = self.partition(at);
        let Some(preferred) = partition.replicas.first() else { return Ok(()) };
        if partition.leader == Some(preferred.broker) {
            return Err(refusal("ELECTION_NOT_NEEDED", "Leader election not needed for topic partition."));
        }
        if !preferred.in_sync || !self.brokers[preferred.broker as usize].is_registered() {
            let text = format!("The preferred leader of {label} was not available.");
            return Err(refusal("PREFERRED_LEADER_NOT_AVAILABLE", text));
        }
        self.elect(at, call);
        Ok(())
    }

    /// Every preferred leader that can leads; says where that is a change.
    fn prefer_all(&mut self, call: &mut Call) -> Vec<Json> {
        let mut elected = Vec::new();
        self.each_partition(|kafka, at| {
            let label = super::label(&kafka.topics, at);
            if kafka.prefer(at, &label, call).is_ok() {
                elected.push(label.into());
            }
        });
        self.prefer_seats(call);
        self.pump_all(call);
        elected
    }

    /// Somebody else than the preferred leader leads: the controller will look after that.
    pub(super) fn plan_balance(&mut self, call: &Call) {
        if self.config.balances_leaders && !std::mem::replace(&mut self.is_balance_planned, true) {
            self.timers.set(call.now + self.config.imbalance_check, Timer::Balance);
        }
    }

    /// The controller gives leadership back where it can.
    pub(super) fn balance_leaders(&mut self, call: &mut Call) {
        self.is_balance_planned = false;
        if !self.config.balances_leaders {
            return;
        }
        self.prefer_all(call);
        let mut is_imbalanced = self.seats_are_imbalanced();
        self.each_partition(|kafka, at| {
            let partition = kafka.partition(at);
            is_imbalanced |= partition.leader != partition.replicas.first().map(|replica| replica.broker);
        });
        if is_imbalanced {
            self.plan_balance(call);
        }
    }
}
