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
use crate::vocabulary::{BrokerMessage, DropReason, Fact};

use super::append::{Request, Sent};
use super::client::{refusal, Batch, BatchState, Client, Lane, Outgoing, Producer, Refusal, TransactionStage};
use super::config::{Acks, Config};
use super::log::{KEYED, TOMBSTONE};
use super::partition::TopicPartition;
use super::Kafka;

/// Bytes that a record takes beside what is in it, and a batch beside its records (apache/kafka, `DefaultRecord`,
/// `DefaultRecordBatch`), about.
const RECORD_OVERHEAD: usize = 7;
pub(super) const BATCH_OVERHEAD: u32 = 61;

/// Messages of the drawing that a session remembers, to know a frame that a link has doubled.
const RECENT_MAX: usize = 64;

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
        let transacts = client.producer.transaction.is_some();
        client.producer.record_count += 1;
        record.tag = client.producer.record_count;
        record.bytes = bytes_of(&record);
        let bytes = record.bytes;
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
        if transacts {
            self.join_transaction(session, at, call)?;
        }
        self.hand_over(session, at, record, call);
        Ok(partition)
    }

    /// Puts a record into the last batch of its partition, or sends it at once.
    fn hand_over(&mut self, session: Session, at: TopicPartition, record: Outgoing, call: &mut Call) {
        let bytes = record.bytes;
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
        let number = producer.batch_count;
        let is_free = leader.is_some_and(|leader| producer.in_flight[leader as usize] < config.in_flight_max);
        let goes_now = lane.queue.is_empty() && is_free && config.linger.0 == 0;
        let now = call.now;
        let made = |record: Outgoing| Batch {
            number,
            records: smallvec![record],
            bytes: added,
            created: now,
            sequence: None,
            attempts: 0,
            state: BatchState::Open,
        };
        if !goes_now || session.is_console() {
            lane.queue.push_back(made(record));
            producer.waiting_count += 1;
            match goes_now {
                true => drop(self.send(session, at, 0, call)),
                false => self.pump(session, call),
            }
            return;
        }
        // Nearly all of the records of a drawing go this way: no batch is made of one that is done at once.
        let request = request_of(session, at, number, None, 1, (producer, config), &mut self.producer_ids);
        match self.write(request, std::slice::from_ref(&record), call) {
            Sent::Done(first) => self.report(session, at, &[record], Ok(Some(first)), false, call),
            sent => {
                let batch = Batch { sequence: request.sequence, attempts: 1, ..made(record) };
                self.after_sending(session, at, 0, batch, sent, call);
            }
        }
    }

    /// Sends the batch at this place of a lane. Returns true if it is done, one way or the other, and gone.
    pub(super) fn send(&mut self, session: Session, at: TopicPartition, place: usize, call: &mut Call) -> bool {
        let Some(client) = self.clients.get_mut(&session) else { return false };
        let Some(lane) = client.producer.lanes.get_mut(&at) else { return false };
        let Some(mut batch) = lane.queue.remove(place) else { return false };
        let Client { producer, config, .. } = &mut **client;
        producer.waiting_count -= 1;
        let count = batch.records.len() as u32;
        let parts = (producer, &*config);
        let request = request_of(session, at, batch.number, batch.sequence, count, parts, &mut self.producer_ids);
        batch.sequence = request.sequence;
        batch.attempts += 1;
        let sent = self.write(request, &batch.records, call);
        self.after_sending(session, at, place, batch, sent, call)
    }

    /// A batch was sent that belongs at this place of its lane. Returns true if it is done, one way or the other.
    fn after_sending(
        &mut self,
        session: Session,
        at: TopicPartition,
        place: usize,
        mut batch: Batch,
        sent: Sent,
        call: &mut Call,
    ) -> bool {
        let Some(client) = self.clients.get(&session) else { return false };
        let Config { acks, request_timeout: timeout, retry_backoff: backoff, retries, .. } = client.config;
        match sent {
            Sent::Done(offset) => self.report_batch(session, at, batch, Ok(Some(offset)), false, call),
            Sent::Again(offset) => self.report_batch(session, at, batch, Ok(Some(offset)), true, call),
            Sent::Retry(code) if acks == Acks::None => self.report_batch(session, at, batch, Err(code), false, call),
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

    /// A batch is done: the client is told.
    pub(super) fn report_batch(
        &mut self,
        session: Session,
        at: TopicPartition,
        batch: Batch,
        result: Result<Option<u64>, &'static str>,
        again: bool,
        call: &mut Call,
    ) {
        self.report(session, at, &batch.records, result, again, call);
        let client = self.clients.get_mut(&session).filter(|_| session.is_console());
        if let Some(client) = client {
            client.producer.last = Some((at, batch));
        }
    }

    #[inline]
    fn report(
        &mut self,
        session: Session,
        at: TopicPartition,
        records: &[Outgoing],
        result: Result<Option<u64>, &'static str>,
        again: bool,
        call: &mut Call,
    ) {
        let node = self.topic_node(at.topic, call);
        let Some(client) = self.clients.get(&session) else { return };
        let (acks, place) = (client.config.acks, client.place);
        for (index, record) in records.iter().enumerate() {
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
        self.report_batch(session, at, batch, Err(code), false, call);
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

/// The request for a batch. An idempotent producer gets its id, and the batch its sequence number, if they have none.
#[inline]
fn request_of(
    session: Session,
    at: TopicPartition,
    number: u64,
    sequence: Option<u32>,
    count: u32,
    (producer, config): (&mut Producer, &Config),
    producer_ids: &mut u32,
) -> Request {
    let is_idempotent = config.is_idempotent();
    if is_idempotent && producer.id == 0 {
        *producer_ids += 1;
        producer.id = *producer_ids;
    }
    let sequence = sequence.or_else(|| {
        let lane = producer.lanes.get_mut(&at).filter(|_| is_idempotent)?;
        let first = lane.sequence;
        lane.sequence = first.wrapping_add(count);
        Some(first)
    });
    Request {
        session,
        at,
        number,
        sequence,
        acks: config.acks,
        producer: if is_idempotent { producer.id } else { 0 },
        epoch: producer.epoch,
        transactional: config.transactional_id.is_some(),
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
