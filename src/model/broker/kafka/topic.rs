//! Topics: how they are made, written to and deleted, and what becomes readable.
//!
//! Reproduces: partitions are laid out over the brokers in turn, each topic beginning one broker further (apache/kafka,
//! `AdminUtils`, without its random start). A topic that is used and not there is made with the broker's defaults
//! (`auto.create.topics.enable`). A record is in the log when its leader has it, and readable when the high watermark
//! has passed it.
//!
//! Leaves out: racks in the layout, and producers whose metadata are old: they know of more partitions at once.

use std::rc::Rc;

use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Fact, NodeId, Settings};

use super::client::{refusal, Refusal};
use super::config::{text_of, TopicConfig};
use super::log::Record;
use super::partition::{Partition, TopicPartition};
use super::timers::Timer;
use super::{shared, Kafka, NAMES_MAX, PARTITIONS_MAX};

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: Rc<str>,
    /// Its node, if it is drawn.
    pub node: Option<NodeId>,
    /// Its settings.
    pub config: TopicConfig,
    /// Its partitions.
    pub partitions: Vec<Partition>,
    /// It was deleted; its place stays empty.
    pub is_deleted: bool,
    /// Messages in its logs.
    pub record_count: u32,
}

/// The letters that a name of a topic may have (apache/kafka, `Topic.validate`).
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let is_legal = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if name.is_empty() || name.len() > 249 || name == "." || name == ".." || !name.chars().all(is_legal) {
        let text = format!(
            "Topic name is invalid: '{name}' must be 1 to 249 characters long, and made of ASCII alphanumerics, '.', \
             '_' and '-'"
        );
        return Err(refusal("INVALID_TOPIC_EXCEPTION", text));
    }
    Ok(())
}

impl Kafka {
    /// The place of the topic of this name.
    pub(super) fn find_topic(&self, name: &str) -> Option<u32> {
        let found = self.topics.iter().position(|topic| !topic.is_deleted && &*topic.name == name);
        found.map(|place| place as u32)
    }

    /// The topic of this name; made if that is allowed.
    pub(super) fn use_topic(&mut self, name: &str, call: &mut Call) -> Result<u32, Refusal> {
        match self.find_topic(name) {
            Some(topic) => Ok(topic),
            None if self.config.auto_create => {
                check_name(name)?;
                let (partitions, replicas) = (self.config.partitions, self.config.replication_factor);
                let replicas = replicas.min(self.brokers.len() as u32);
                self.create_topic(shared(name), partitions, replicas, TopicConfig::default(), call)
            }
            None => Err(refusal("UNKNOWN_TOPIC_OR_PARTITION", "This server does not host this topic-partition.")),
        }
    }

    /// Makes a topic.
    pub(super) fn create_topic(
        &mut self,
        name: Rc<str>,
        partition_count: u32,
        replica_count: u32,
        config: TopicConfig,
        call: &mut Call,
    ) -> Result<u32, Refusal> {
        if self.topics.len() >= NAMES_MAX || partition_count == 0 || partition_count > PARTITIONS_MAX {
            let text = format!("Number of partitions must be 1..{PARTITIONS_MAX}.");
            return Err(refusal("INVALID_PARTITIONS", text));
        }
        let up = self.brokers.iter().filter(|broker| broker.is_registered()).count();
        if replica_count == 0 || replica_count as usize > up {
            let text = format!(
                "Unable to replicate the partition {replica_count} time(s): The target replication factor of \
                 {replica_count} cannot be reached because only {up} broker(s) are registered."
            );
            return Err(refusal("INVALID_REPLICATION_FACTOR", text));
        }
        let topic = self.topics.len() as u32;
        let mut made = Topic { name, node: None, config, partitions: Vec::new(), is_deleted: false, record_count: 0 };
        let first = topic as usize;
        made.partitions = (0..partition_count as usize)
            .map(|index| Partition::new(&self.lay_out(first + index, replica_count as usize), call.now))
            .collect();
        self.topics.push(made);
        Ok(topic)
    }

    /// The brokers of a partition: running ones in turn, from the `start`th on.
    fn lay_out(&self, start: usize, replica_count: usize) -> Vec<u8> {
        let up: Vec<u8> = (0..self.brokers.len())
            .filter(|broker| self.brokers[*broker].is_registered())
            .map(|broker| broker as u8)
            .collect();
        (0..replica_count.min(up.len())).map(|step| up[(start + step) % up.len()]).collect()
    }

    /// Adds partitions. What is there stays where it is; keys may go elsewhere from now on.
    pub(super) fn add_partitions(&mut self, topic: u32, count: u32, call: &mut Call) -> Result<(), Refusal> {
        let have = self.topics[topic as usize].partitions.len() as u32;
        if count <= have || count > PARTITIONS_MAX {
            let text = format!(
                "The topic {} currently has {have} partition(s); {count} would not be an increase.",
                self.topics[topic as usize].name
            );
            return Err(refusal("INVALID_PARTITIONS", text));
        }
        let replica_count = self.topics[topic as usize].partitions.first().map_or(1, |one| one.replicas.len());
        for index in have..count {
            let partition = Partition::new(&self.lay_out(topic as usize + index as usize, replica_count), call.now);
            self.topics[topic as usize].partitions.push(partition);
        }
        let name = self.topics[topic as usize].name.clone();
        self.announce_partitions(&name, call);
        Ok(())
    }

    /// Deletes a topic with everything in it.
    pub(super) fn delete_topic(&mut self, topic: u32, reason: DropReason, call: &mut Call) {
        let count = self.topics[topic as usize].partitions.len() as u32;
        for partition in 0..count {
            let at = TopicPartition { topic, partition };
            for group in &mut self.groups {
                group.lose(at, 0, u64::MAX, reason, call);
                group.books.remove(&at);
                group.offsets.remove(&at);
                group.pending.retain(|(_, other, _)| *other != at);
            }
            let log = &mut self.topics[topic as usize].partitions[partition as usize].log;
            let end = log.end;
            let records = log.advance_start(end);
            self.forget(topic, records, Some(reason), call);
        }
        self.topics[topic as usize].is_deleted = true;
        self.topics[topic as usize].node = None;
        for client in self.clients.values_mut() {
            client.consumer.owned.retain(|at, _| at.topic != topic);
        }
        self.fail_lanes(topic, call);
    }

    /// The node at which facts about a topic are recorded.
    #[inline]
    pub(super) fn topic_node(&self, topic: u32, call: &Call) -> NodeId {
        self.topics[topic as usize].node.unwrap_or(call.broker)
    }

    /// How many messages are at that node.
    #[inline]
    pub(super) fn count_at(&mut self, topic: u32) -> &mut u32 {
        let topic = &mut self.topics[topic as usize];
        match topic.node {
            Some(_) => &mut topic.record_count,
            None => &mut self.undrawn_count,
        }
    }

    /// Records were removed from a log: `lost` says why, or nothing if they had served their time.
    pub(super) fn forget(&mut self, topic: u32, records: Vec<Record>, lost: Option<DropReason>, call: &mut Call) {
        let node = self.topic_node(topic, call);
        for content in records.into_iter().filter_map(|record| record.content) {
            let count = self.count_at(topic);
            *count -= 1;
            let ready = *count;
            self.record_count -= 1;
            match lost {
                None => call.fact(node, content.id, Fact::Trimmed { ready, unacked: 0 }),
                Some(reason) => {
                    call.fact(node, content.id, Fact::Discarded { ready, unacked: 0 });
                    call.dropped(node, content.id, reason);
                }
            }
        }
    }

    /// Appends one record at the leader. [`Kafka::appended`] has to follow.
    #[inline]
    pub(super) fn append(&mut self, at: TopicPartition, record: Record, call: &mut Call) -> u64 {
        let message = record.content.as_ref().map(|content| content.id);
        let topic = &mut self.topics[at.topic as usize];
        let partition = &mut topic.partitions[at.partition as usize];
        let offset = partition.log.end;
        let is_first = partition.log.len() == 0;
        let rolled = partition.log.append(record, topic.config.segment_bytes, topic.config.segment_span);
        if rolled || is_first || topic.config.retention_bytes.is_some() {
            self.plan_retention(at, call.now);
        }
        if rolled {
            self.plan_clean(at, call.now);
        }
        if let Some(message) = message {
            self.record_count += 1;
            let node = self.topic_node(at.topic, call);
            let count = self.count_at(at.topic);
            *count += 1;
            let ready = *count;
            call.fact(node, message, Fact::Enqueued { ready, unacked: 0 });
        }
        offset
    }

    /// The leader's log has grown: followers fetch, and the high watermark may move.
    #[inline]
    pub(super) fn appended(&mut self, at: TopicPartition, call: &mut Call) {
        let partition = &mut self.topics[at.topic as usize].partitions[at.partition as usize];
        let Some(leader) = partition.leader else { return };
        let end = partition.log.end;
        let mut fetches = false;
        for replica in &mut partition.replicas {
            if replica.broker == leader {
                replica.end = end;
            } else {
                fetches |= !replica.fetching;
            }
        }
        if fetches {
            self.fetch_all(at, call);
        }
        let partition = &mut self.topics[at.topic as usize].partitions[at.partition as usize];
        if partition.advance() {
            self.readable(at, call);
        }
    }

    /// More of a partition can be read: producers that waited are answered, groups enter it in their books, and open
    /// polls are served.
    #[inline]
    pub(super) fn readable(&mut self, at: TopicPartition, call: &mut Call) {
        let partition = &mut self.topics[at.topic as usize].partitions[at.partition as usize];
        self.awake.append(&mut partition.pollers);
        for reader in 0..partition.readers.len() {
            let partition = &self.topics[at.topic as usize].partitions[at.partition as usize];
            let Some(group) = partition.readers.get(reader).and_then(|place| self.groups.get_mut(*place as usize))
            else {
                break;
            };
            let readable = partition.readable(group.config.read_committed);
            group.enter(at, &partition.log, readable, call);
        }
        loop {
            let partition = &mut self.topics[at.topic as usize].partitions[at.partition as usize];
            let high_watermark = partition.high_watermark;
            match partition.waits.front().copied() {
                Some(wait) if wait.until <= high_watermark => {
                    partition.waits.pop_front();
                    self.batch_is_safe(wait.session, at, wait.batch, call);
                }
                _ => return,
            }
        }
    }

    /// The settings of a topic, as the drawing gives them.
    pub(super) fn read_topic(config: &mut TopicConfig, settings: &Settings) {
        for param in super::member::TOPIC_KIND.params {
            if let Some(text) = settings.get(param.name).and_then(text_of) {
                // What a form has let through is within the range.
                config.set(param.name, &text).unwrap_or_default();
            }
        }
    }

    /// Consumers learn of new partitions when they ask for metadata, up to `metadata.max.age.ms` later.
    fn announce_partitions(&mut self, name: &str, call: &mut Call) {
        for client in self.clients.values() {
            let reads = matches!(&client.consumer.reading, super::client::Reading::Topics(topics)
                if topics.iter().any(|topic| &**topic == name));
            if reads {
                // Its clock has run since it began; half a round is as likely as any part of it.
                let age = client.config.metadata_age.0.max(1);
                let rest = age - call.now.0 % age;
                self.timers.set(crate::vocabulary::Time(call.now.0 + rest), Timer::Metadata(client.session));
            }
        }
    }
}
