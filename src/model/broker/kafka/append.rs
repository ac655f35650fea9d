//! What a leader does with a batch of records.
//!
//! Reproduces: a batch is refused if there is no leader, if the in-sync replicas are too few for `acks=all`, or if its
//! sequence numbers do not follow; one that the leader has already is answered with its old offset (KIP-98;
//! apache/kafka, `ReplicaManager.appendRecords`, `ProducerAppendInfo`).
//!
//! Leaves out: checks of timestamps and of the format.

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::Time;

use super::client::Outgoing;
use super::config::Acks;
use super::log::{Record, TRANSACTIONAL};
use super::partition::{AckWait, OpenTransaction, SeenBatch, Sequenced, TopicPartition};
use super::producer::BATCH_OVERHEAD;
use super::Kafka;

/// What came of sending a batch.
pub enum Sent {
    /// Everything that was asked for is done; the first record has this offset.
    Done(u64),
    /// The batch was in the log already; its first record has this offset.
    Again(u64),
    /// The in-sync replicas have to have it.
    Waiting,
    /// It may be sent again.
    Retry(&'static str),
    /// It will never be taken.
    Failed(&'static str),
}

/// A request to write records that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The producer's connection.
    pub session: Session,
    /// Where to.
    pub at: TopicPartition,
    /// The batch's number at the producer.
    pub number: u64,
    /// The sequence number of the first record, of an idempotent producer.
    pub sequence: Option<u32>,
    /// Whose answer it waits for.
    pub acks: Acks,
    /// The producer id; 0 without idempotence.
    pub producer: u32,
    /// The producer's epoch.
    pub epoch: u32,
    /// True inside a transaction.
    pub transactional: bool,
}

impl Kafka {
    /// What the leader does with a batch.
    #[inline]
    pub(super) fn write(&mut self, request: Request, records: &[Outgoing], call: &mut Call) -> Sent {
        let Request { session, at, number, sequence, acks, producer, epoch, .. } = request;
        if !self.has_partition(at) {
            return Sent::Failed("UNKNOWN_TOPIC_OR_PARTITION");
        }
        if self.leader_of(at).is_none() {
            let is_known = self.partition(at).leader.is_none();
            return Sent::Retry(if is_known { "LEADER_NOT_AVAILABLE" } else { "NETWORK_EXCEPTION" });
        }
        let in_sync_min = self.topics[at.topic as usize].config.in_sync_min;
        let partition = self.partition(at);
        if acks == Acks::All && partition.in_sync_count() < in_sync_min {
            return Sent::Retry("NOT_ENOUGH_REPLICAS");
        }
        let count = records.len() as u32;
        if let Some(first) = sequence {
            let last = first.wrapping_add(count - 1);
            match partition.sequenced(producer, epoch, first, last) {
                Sequenced::Next => {}
                Sequenced::OutOfOrder => return Sent::Failed("OUT_OF_ORDER_SEQUENCE_NUMBER"),
                Sequenced::Fenced => return Sent::Failed("INVALID_PRODUCER_EPOCH"),
                Sequenced::Duplicate(offset) if partition.high_watermark > offset || acks != Acks::All => {
                    return Sent::Again((offset + 1).saturating_sub(u64::from(count)));
                }
                Sequenced::Duplicate(offset) => {
                    let wait = AckWait { until: offset + 1, session, batch: number };
                    self.partition_mut(at).waits.push_back(wait);
                    return Sent::Waiting;
                }
            }
        }
        let first = self.write_records(request, records, call);
        let end = first + u64::from(count);
        if let Some(sequence) = sequence {
            let seen = SeenBatch { first: sequence, last: sequence.wrapping_add(count - 1), offset: end - 1 };
            self.partition_mut(at).remember(producer, epoch, seen);
        }
        self.appended(at, call);
        let partition = self.partition_mut(at);
        if acks != Acks::All || partition.high_watermark >= end {
            return Sent::Done(first);
        }
        partition.waits.push_back(AckWait { until: end, session, batch: number });
        Sent::Waiting
    }

    #[inline]
    fn write_records(&mut self, request: Request, records: &[Outgoing], call: &mut Call) -> u64 {
        let Request { at, sequence, producer, transactional, .. } = request;
        let first = self.partition(at).log.end;
        if transactional {
            let partition = self.partition_mut(at);
            if !partition.open.iter().any(|one| one.producer == producer && one.marker == u64::MAX) {
                partition.open.push(OpenTransaction { producer, first, marker: u64::MAX });
            }
        }
        for (index, outgoing) in records.iter().enumerate() {
            let record = Record {
                offset: 0,
                content: Some(outgoing.content.clone()),
                at: call.now,
                horizon: Time::ZERO,
                producer,
                sequence: sequence.unwrap_or(0).wrapping_add(index as u32),
                bytes: outgoing.bytes + if index == 0 { BATCH_OVERHEAD } else { 0 },
                flags: outgoing.flags | if transactional { TRANSACTIONAL } else { 0 },
            };
            self.append(at, record, call);
        }
        first
    }
}
