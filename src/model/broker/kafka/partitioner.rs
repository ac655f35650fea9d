//! Which partition a record goes to.
//!
//! Reproduces: a key's partition is its hash; records without a key go to one partition until `batch.size` bytes went
//! there, then to another, drawn by chance (with adaptive partitioning by preference where less waits). The change is
//! put off while a batch is not full, up to twice `batch.size` (apache/kafka, `BuiltInPartitioner`,
//! `RecordAccumulator`).
//!
//! Leaves out: partitioners of one's own. Where less waits is judged by batches, and not by the time that a broker needs
//! (`partitioner.availability.timeout.ms`).

use crate::model::broker::server::{Call, Session};

use super::client::{refusal, Outgoing, Refusal, Sticky};
use super::hash::{crc32, partition_of};
use super::log::KEYED;
use super::partition::TopicPartition;
use super::Kafka;

impl Kafka {
    /// The partition of a record: the one that is asked for, that of its key, or the sticky one.
    pub(super) fn choose_partition(
        &mut self,
        session: Session,
        topic: u32,
        record: &Outgoing,
        partition: Option<u32>,
        call: &mut Call,
    ) -> Result<u32, Refusal> {
        let count = self.topics[topic as usize].partitions.len() as u32;
        let Some(client) = self.clients.get(&session) else { return Ok(0) };
        if let Some(partition) = partition {
            return match partition < count {
                true => Ok(partition),
                false => {
                    let text =
                        format!("Invalid partition given with record: {partition} is not in the range [0...{count}).");
                    Err(refusal("UNKNOWN_TOPIC_OR_PARTITION", text))
                }
            };
        }
        if record.flags & KEYED != 0 && !client.config.ignores_keys {
            let key = record.content.routing_key.as_bytes();
            return match client.config.uses_crc32 {
                // librdkafka's `consistent_random` counts an empty key as none.
                true if key.is_empty() => Ok(call.random.below(count)),
                true => Ok(crc32(key) % count),
                false => Ok(partition_of(key, count)),
            };
        }
        Ok(self.sticky_partition(session, topic, call))
    }

    /// The partition for a record without a key.
    fn sticky_partition(&mut self, session: Session, topic: u32, call: &mut Call) -> u32 {
        let Some(client) = self.clients.get(&session) else { return 0 };
        if let Some(sticky) = client.producer.sticky.get(&topic) {
            let at = TopicPartition { topic, partition: sticky.partition };
            let last = client.producer.lanes.get(&at).and_then(|lane| lane.queue.back());
            let is_full = last.is_none_or(|batch| batch.bytes >= client.config.batch_bytes);
            let bytes = sticky.bytes;
            let size = client.config.batch_bytes.max(1);
            if !(bytes >= size && is_full || bytes >= size.saturating_mul(2)) {
                return sticky.partition;
            }
        }
        let partition = self.next_partition(session, topic, call);
        if let Some(client) = self.clients.get_mut(&session) {
            client.producer.sticky.insert(topic, Sticky { partition, bytes: 0 });
        }
        partition
    }

    /// A legal choice: any partition that has a leader; with adaptive partitioning rather one where less waits.
    fn next_partition(&mut self, session: Session, topic: u32, call: &mut Call) -> u32 {
        let count = self.topics[topic as usize].partitions.len() as u32;
        let has_leader = |partition: &u32| self.leader_of(TopicPartition { topic, partition: *partition }).is_some();
        let mut open: Vec<u32> = (0..count).filter(has_leader).collect();
        if open.is_empty() {
            open = (0..count).collect();
        }
        let Some(client) = self.clients.get(&session) else { return 0 };
        let waiting = |partition: &u32| {
            let at = TopicPartition { topic, partition: *partition };
            client.producer.lanes.get(&at).map_or(0, |lane| lane.queue.len() as u32)
        };
        let most = open.iter().map(waiting).max().unwrap_or(0) + 1;
        let weight = |partition: &u32| if client.config.is_adaptive { most - waiting(partition) } else { 1 };
        let mut draw = call.random.below(open.iter().map(weight).sum());
        for partition in &open {
            match draw.checked_sub(weight(partition)) {
                Some(rest) => draw = rest,
                None => return *partition,
            }
        }
        0
    }
}
