//! Producing: a record joins a batch, the batch is written by its leader, and the client is told.
//!
//! Reproduces: with `acks=0` nobody answers, with `acks=1` the leader does, with `acks=all` it waits for the in-sync
//! replicas and refuses if they are fewer than `min.insync.replicas`. What can be tried again is, after
//! `retry.backoff.ms`, until `retries` are used up. The leader knows a batch that it has from an idempotent producer;
//! without idempotence a batch whose answer was lost is written twice (KIP-98; `ProducerStateManager`). When batches are
//! sent is in `pump.rs`, which partition they are for in `partitioner.rs`.
//!
//! Leaves out: compression, `buffer.memory` and `max.block.ms`, `max.request.size`.

use std::rc::Rc;

use serde_json::json;
use smallvec::smallvec;

use crate::model::broker::broker::HELD_MAX;
use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, DropReason, Fact, Time};

use super::client::{refusal, Batch, BatchState, Client, Lane, Outgoing, Refusal, TransactionStage};
use super::config::Acks;
use super::log::{Record, KEYED, TOMBSTONE, TRANSACTIONAL};
use super::partition::{AckWait, OpenTransaction, SeenBatch, Sequenced, TopicPartition};
use super::Kafka;

/// Bytes that a record takes beside what is in it, and a batch beside its records (apache/kafka, `DefaultRecord`,
/// `DefaultRecordBatch`), about.
const RECORD_OVERHEAD: usize = 7;
const BATCH_OVERHEAD: u32 = 61;

/// Messages of the drawing that a session remembers, to know a frame that a link has doubled.
const RECENT_MAX: usize = 64;

/// What came of sending a batch.
enum Sent {
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

/// Bytes of a record, about.
fn bytes_of(record: &Outgoing) -> u32 {
    let content = &record.content;
    let headers: usize = content.headers.iter().map(|(name, _)| name.len() + 8).sum();
    let payload = if record.flags & TOMBSTONE == 0 { content.payload.len() } else { 0 };
    (RECORD_OVERHEAD + content.routing_key.len() + payload + headers).min(u32::MAX as usize / 2) as u32
}

impl Kafka {
    /// A client hands a record over. Returns the partition.
    pub(super) fn produce(
        &mut self,
        session: Session,
        topic: u32,
        mut record: Outgoing,
        partition: Option<u32>,
        call: &mut Call,
    ) -> Result<u32, Refusal> {
        let Some(client) = self.clients.get_mut(&session) else {
            return Err(refusal("NETWORK_EXCEPTION", "There is no such client."));
        };
        may_produce(client)?;
        client.producer.record_count += 1;
        record.tag = client.producer.record_count;
        let bytes = bytes_of(&record);
        let known = &self.topics[topic as usize];
        if bytes + BATCH_OVERHEAD > known.config.message_bytes_max {
            let text = "The request included a message larger than the max message size the server will accept.";
            return Err(refusal("MESSAGE_TOO_LARGE", text));
        }
        if known.config.compacts && record.flags & KEYED == 0 {
            let text = "Compacted topic cannot accept message without key in topic partition.";
            return Err(refusal("INVALID_RECORD", text));
        }
        let books: usize = self.groups.iter().map(|group| (group.ready + group.unacked) as usize).sum();
        if self.record_count + books >= HELD_MAX {
            return Err(refusal("KAFKA_STORAGE_ERROR", "The simulator holds as many messages as it may."));
        }
        let partition = self.choose_partition(session, topic, &record, partition, call)?;
        let at = TopicPartition { topic, partition };
        self.join_transaction(session, at, call)?;
        self.hand_over(session, at, record, bytes, call);
        Ok(partition)
    }

    /// Puts a record into the last batch of its partition, or sends it at once.
    fn hand_over(&mut self, session: Session, at: TopicPartition, record: Outgoing, bytes: u32, call: &mut Call) {
        let leader = self.leader_of(at);
        let Some(client) = self.clients.get_mut(&session) else { return };
        let Client { producer, config, .. } = &mut **client;
        let lane = producer.lanes.get_or_insert_with(at, Lane::default);
        let fits = |batch: &Batch| {
            batch.state == BatchState::Open && batch.sequence.is_none() && batch.bytes + bytes <= config.batch_bytes
        };
        let joins = lane.queue.back().is_some_and(fits);
        let added = bytes + if joins { 0 } else { BATCH_OVERHEAD };
        if let Some(sticky) = producer.sticky.get_mut(&at.topic).filter(|sticky| sticky.partition == at.partition) {
            sticky.bytes = sticky.bytes.saturating_add(added);
        }
        if let Some(batch) = lane.queue.back_mut().filter(|_| joins) {
            batch.records.push(record);
            batch.bytes += bytes;
            return self.pump(session, call);
        }
        producer.batch_count += 1;
        let batch = Batch {
            number: producer.batch_count,
            records: smallvec![record],
            bytes: added,
            created: call.now,
            sequence: None,
            attempts: 0,
            state: BatchState::Open,
        };
        let is_free = leader.is_some_and(|leader| producer.in_flight[leader as usize] < config.in_flight_max);
        if lane.queue.is_empty() && is_free && config.linger.0 == 0 {
            self.send_batch(session, at, 0, batch, call);
            return;
        }
        lane.queue.push_back(batch);
        producer.waiting_count += 1;
        self.pump(session, call);
    }

    /// Sends the batch at this place of a lane. Returns true if it is done, one way or the other, and gone.
    pub(super) fn send(&mut self, session: Session, at: TopicPartition, place: usize, call: &mut Call) -> bool {
        let Some(client) = self.clients.get_mut(&session) else { return false };
        let Some(lane) = client.producer.lanes.get_mut(&at) else { return false };
        let Some(batch) = lane.queue.remove(place) else { return false };
        client.producer.waiting_count -= 1;
        self.send_batch(session, at, place, batch, call)
    }

    /// The same for a batch that is not in its lane, but belongs at this place of it.
    fn send_batch(
        &mut self,
        session: Session,
        at: TopicPartition,
        place: usize,
        mut batch: Batch,
        call: &mut Call,
    ) -> bool {
        let Some(client) = self.clients.get_mut(&session) else { return false };
        let Client { producer, config, .. } = &mut **client;
        let Some(lane) = producer.lanes.get_mut(&at) else { return false };
        let is_idempotent = config.is_idempotent();
        if is_idempotent && producer.id == 0 {
            self.producer_ids += 1;
            producer.id = self.producer_ids;
        }
        let producer_id = if is_idempotent { producer.id } else { 0 };
        if producer_id != 0 && batch.sequence.is_none() {
            batch.sequence = Some(lane.sequence);
            lane.sequence = lane.sequence.wrapping_add(batch.records.len() as u32);
        }
        let (acks, epoch, transactional) = (config.acks, producer.epoch, config.transactional_id.is_some());
        let (timeout, backoff, retries) = (config.request_timeout, config.retry_backoff, config.retries);
        batch.attempts += 1;
        match self.write(session, at, &batch, acks, producer_id, epoch, transactional, call) {
            Sent::Done(offset) => self.report(session, at, batch, Ok(Some(offset)), false, call),
            Sent::Again(offset) => self.report(session, at, batch, Ok(Some(offset)), true, call),
            Sent::Retry(code) if acks == Acks::None => self.report(session, at, batch, Err(code), false, call),
            Sent::Retry(code) if batch.attempts > retries => self.give_up(session, at, batch, code, call),
            Sent::Failed(code) => self.give_up(session, at, batch, code, call),
            sent @ (Sent::Waiting | Sent::Retry(_)) => {
                let leader = self.leader_of(at).unwrap_or(0);
                let Some(client) = self.clients.get_mut(&session) else { return false };
                let (state, due) = match sent {
                    Sent::Waiting => (BatchState::InFlight(leader, call.now + timeout), call.now + timeout),
                    _ => (BatchState::Backoff(call.now + backoff), call.now + backoff),
                };
                batch.state = state;
                match state {
                    BatchState::InFlight(..) => client.producer.in_flight[leader as usize] += 1,
                    _ => client.producer.waiting_count += 1,
                }
                if let Some(lane) = client.producer.lanes.get_mut(&at) {
                    lane.queue.insert(place, batch);
                }
                self.plan_pump(session, due);
                return false;
            }
        }
        true
    }

    /// What the leader does with a batch.
    #[allow(clippy::too_many_arguments)]
    fn write(
        &mut self,
        session: Session,
        at: TopicPartition,
        batch: &Batch,
        acks: Acks,
        producer: u32,
        epoch: u32,
        transactional: bool,
        call: &mut Call,
    ) -> Sent {
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
        let count = batch.records.len() as u32;
        if let Some(first) = batch.sequence {
            let last = first.wrapping_add(count - 1);
            match partition.sequenced(producer, epoch, first, last) {
                Sequenced::Next => {}
                Sequenced::OutOfOrder => return Sent::Failed("OUT_OF_ORDER_SEQUENCE_NUMBER"),
                Sequenced::Fenced => return Sent::Failed("INVALID_PRODUCER_EPOCH"),
                Sequenced::Duplicate(offset) if partition.high_watermark > offset || acks != Acks::All => {
                    return Sent::Again((offset + 1).saturating_sub(u64::from(count)));
                }
                Sequenced::Duplicate(offset) => {
                    let wait = AckWait { until: offset + 1, session, batch: batch.number };
                    self.partition_mut(at).waits.push_back(wait);
                    return Sent::Waiting;
                }
            }
        }
        let first = self.write_records(at, batch, producer, transactional, call);
        let end = first + u64::from(count);
        if let Some(sequence) = batch.sequence {
            let seen = SeenBatch { first: sequence, last: sequence.wrapping_add(count - 1), offset: end - 1 };
            self.partition_mut(at).remember(producer, epoch, seen);
        }
        self.appended(at, call);
        let partition = self.partition_mut(at);
        if acks != Acks::All || partition.high_watermark >= end {
            return Sent::Done(first);
        }
        partition.waits.push_back(AckWait { until: end, session, batch: batch.number });
        Sent::Waiting
    }

    fn write_records(
        &mut self,
        at: TopicPartition,
        batch: &Batch,
        producer: u32,
        transactional: bool,
        call: &mut Call,
    ) -> u64 {
        let first = self.partition(at).log.end;
        if transactional {
            let partition = self.partition_mut(at);
            if !partition.open.iter().any(|one| one.producer == producer && one.marker == u64::MAX) {
                partition.open.push(OpenTransaction { producer, first, marker: u64::MAX });
            }
        }
        for (index, outgoing) in batch.records.iter().enumerate() {
            let record = Record {
                offset: 0,
                content: Some(outgoing.content.clone()),
                at: call.now,
                horizon: Time::ZERO,
                producer,
                sequence: batch.sequence.unwrap_or(0).wrapping_add(index as u32),
                bytes: bytes_of(outgoing) + if index == 0 { BATCH_OVERHEAD } else { 0 },
                flags: outgoing.flags | if transactional { TRANSACTIONAL } else { 0 },
            };
            self.append(at, record, call);
        }
        first
    }

    /// A batch is done: the client is told.
    pub(super) fn report(
        &mut self,
        session: Session,
        at: TopicPartition,
        batch: Batch,
        result: Result<Option<u64>, &'static str>,
        again: bool,
        call: &mut Call,
    ) {
        let node = self.topic_node(at.topic, call);
        let Some(client) = self.clients.get_mut(&session) else { return };
        let (acks, place) = (client.config.acks, client.place);
        for (index, record) in batch.records.iter().enumerate() {
            let (message, tag) = (record.content.id, record.tag);
            match result {
                Ok(_) if again => call.fact(node, message, Fact::Deduplicated {}),
                Ok(_) => {}
                Err(code) => {
                    if acks != Acks::None {
                        call.fact(node, message, Fact::Refused {});
                    }
                    call.dropped(node, message, reason_of(code));
                }
            }
            if acks != Acks::None && result.is_ok() {
                call.fact(node, message, Fact::Confirmed {});
            }
            if acks != Acks::None && !session.is_console() {
                call.frame(session, place, BrokerMessage::Confirm { tag, multiple: false, ok: result.is_ok() });
            } else if session.is_console() {
                let offset = result.map(|first| first.map(|first| first + index as u64));
                let body = report_body(&self.topics[at.topic as usize].name, at.partition, record, offset, acks, again);
                call.tell(session, "confirm", body);
            }
        }
        if session.is_console() {
            client.producer.last = Some((at, batch));
        }
    }

    /// A batch has failed for good.
    pub(super) fn give_up(
        &mut self,
        session: Session,
        at: TopicPartition,
        batch: Batch,
        code: &'static str,
        call: &mut Call,
    ) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        let producer = &mut client.producer;
        if producer.stage == TransactionStage::Open {
            producer.stage = match code {
                "INVALID_PRODUCER_EPOCH" => TransactionStage::Fenced,
                _ => TransactionStage::Failed,
            };
        } else if batch.sequence.is_some() && producer.transaction.is_none() {
            // A gap would be refused for ever, so an idempotent producer goes on in a new epoch (KIP-360).
            producer.epoch += 1;
            for lane in producer.lanes.values_mut() {
                lane.sequence = 0;
                for batch in lane.queue.iter_mut().filter(|batch| !matches!(batch.state, BatchState::InFlight(..))) {
                    batch.sequence = None;
                }
            }
        }
        self.report(session, at, batch, Err(code), false, call);
    }

    /// A message of the drawing; true if this frame is a second copy that an idempotent producer's number gives away.
    pub(super) fn is_copy(&mut self, session: Session, number: u32) -> bool {
        let Some(client) = self.clients.get_mut(&session) else { return false };
        if !client.config.is_idempotent() {
            return false;
        }
        let recent = &mut client.producer.recent;
        let is_new = recent.back().is_none_or(|last| *last < number);
        if !is_new && recent.contains(&number) {
            return true;
        }
        if recent.len() == RECENT_MAX {
            recent.pop_front();
        }
        recent.push_back(number);
        false
    }
}

/// Whether the settings and the transaction let a producer send.
fn may_produce(client: &Client) -> Result<(), Refusal> {
    if let Some(text) = client.config.contradiction() {
        return Err(refusal("CONFIG_EXCEPTION", text));
    }
    if client.config.transactional_id.is_none() {
        return Ok(());
    }
    match client.producer.stage {
        TransactionStage::Open => Ok(()),
        TransactionStage::Fenced => Err(super::transaction::fenced()),
        TransactionStage::Failed => Err(refusal(
            "TRANSACTION_ABORTABLE",
            "Cannot execute transactional method because we are in an error state; abort the transaction.",
        )),
        TransactionStage::Uninitialized => Err(refusal(
            "ILLEGAL_STATE",
            "Cannot perform a 'send' before completing a call to initTransactions when transactions are enabled.",
        )),
        TransactionStage::Ready => {
            Err(refusal("ILLEGAL_STATE", "Cannot call send in state READY: no transaction was begun."))
        }
    }
}

/// Why a message went no further, for an error of Kafka's.
pub(super) fn reason_of(code: &str) -> DropReason {
    match code {
        "NOT_ENOUGH_REPLICAS" => DropReason::NotEnoughReplicas,
        "LEADER_NOT_AVAILABLE" | "NETWORK_EXCEPTION" | "REQUEST_TIMED_OUT" => DropReason::Offline,
        "INVALID_PRODUCER_EPOCH" | "TRANSACTION_ABORTED" => DropReason::Aborted,
        "UNKNOWN_TOPIC_OR_PARTITION" => DropReason::Deleted,
        "KAFKA_STORAGE_ERROR" => DropReason::Limit,
        "CLOSED" => DropReason::ConnectionLost,
        _ => DropReason::Invalid,
    }
}

fn report_body(
    topic: &Rc<str>,
    partition: u32,
    record: &Outgoing,
    offset: Result<Option<u64>, &'static str>,
    acks: Acks,
    again: bool,
) -> serde_json::Value {
    let mut body = json!({"topic": &**topic, "partition": partition, "value": &*record.content.payload});
    match offset {
        // Nobody says where the record is, or whether it is anywhere.
        _ if acks == Acks::None => body["offset"] = (-1).into(),
        Ok(offset) => body["offset"] = offset.map_or(json!(-1), |offset| offset.into()),
        Err(code) => {
            body["error"] = code.into();
            body["text"] = super::console::text_of_code(code).into();
        }
    }
    if again {
        body["duplicate"] = true.into();
    }
    body["tag"] = record.tag.into();
    body
}
