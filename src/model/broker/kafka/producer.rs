//! Producing: which partition, in which batch, when it is sent, and what the answer is.
//!
//! Reproduces: a key's partition is its hash; records without a key go to one partition until `batch.size` bytes went
//! there, then to another, drawn by chance (with adaptive partitioning by preference where less waits); the change is
//! put off while a batch is not full, up to twice `batch.size` (apache/kafka, `BuiltInPartitioner`,
//! `RecordAccumulator`). A batch is sent when it is full or `linger.ms` old, at most
//! `max.in.flight.requests.per.connection` to one broker without an answer. With `acks=0` nobody answers, with `acks=1`
//! the leader does, with `acks=all` it waits for the in-sync replicas and refuses if they are fewer than
//! `min.insync.replicas`. What can be tried again is, after `retry.backoff.ms`, until `retries` or
//! `delivery.timeout.ms` are used up. An idempotent producer keeps the order of a partition while it does, and the
//! leader knows a batch that it has; without idempotence and with more than one request in flight a later batch may
//! overtake, and a batch whose answer was lost is written twice (KIP-98; `ProducerStateManager`).
//!
//! Leaves out: compression, `buffer.memory` and `max.block.ms`, `max.request.size`. Where the leader's queues differ is
//! judged by batches, not by bytes.

use std::rc::Rc;

use serde_json::json;
use smallvec::smallvec;

use crate::model::broker::broker::HELD_MAX;
use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, DropReason, Fact, Time};

use super::client::{refusal, Batch, BatchState, Client, Lane, Outgoing, Refusal, Sticky, TransactionStage};
use super::config::Acks;
use super::hash::{crc32, partition_of};
use super::log::{Record, KEYED, TOMBSTONE, TRANSACTIONAL};
use super::partition::{AckWait, OpenTransaction, SeenBatch, Sequenced, TopicPartition};
use super::timers::Timer;
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

    fn choose_partition(
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
        let goes_now = lane.queue.is_empty() && is_free && config.linger.0 == 0;
        lane.queue.push_back(batch);
        producer.waiting_count += 1;
        if goes_now {
            self.send(session, at, 0, call);
        } else {
            self.pump(session, call);
        }
    }

    /// Sends the batch at this place of a lane. Returns true if it is done, one way or the other, and gone.
    fn send(&mut self, session: Session, at: TopicPartition, place: usize, call: &mut Call) -> bool {
        let Some(client) = self.clients.get_mut(&session) else { return false };
        if client.config.is_idempotent() && client.producer.id == 0 {
            self.producer_ids += 1;
            client.producer.id = self.producer_ids;
        }
        let Client { producer, config, .. } = &mut **client;
        let Some(lane) = producer.lanes.get_mut(&at) else { return false };
        let Some(mut batch) = lane.queue.remove(place) else { return false };
        producer.waiting_count -= 1;
        let producer_id = if config.is_idempotent() { producer.id } else { 0 };
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
    fn report(
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
    fn give_up(&mut self, session: Session, at: TopicPartition, batch: Batch, code: &'static str, call: &mut Call) {
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

    /// All in-sync replicas have a batch.
    pub(super) fn batch_is_safe(&mut self, session: Session, at: TopicPartition, number: u64, call: &mut Call) {
        let in_sync_min = self.topics[at.topic as usize].config.in_sync_min;
        let enough = self.partition(at).in_sync_count() >= in_sync_min;
        let Some(client) = self.clients.get_mut(&session) else { return };
        let backoff = client.config.retry_backoff;
        let Some(lane) = client.producer.lanes.get_mut(&at) else { return };
        let Some(place) = lane.queue.iter().position(|batch| batch.number == number) else { return };
        let BatchState::InFlight(broker, _) = lane.queue[place].state else { return };
        client.producer.in_flight[broker as usize] -= 1;
        if !enough {
            // NOT_ENOUGH_REPLICAS_AFTER_APPEND: it is in the log, and sent again all the same.
            lane.queue[place].state = BatchState::Backoff(call.now + backoff);
            client.producer.waiting_count += 1;
            return self.plan_pump(session, call.now + backoff);
        }
        let Some(batch) = lane.queue.remove(place) else { return };
        let waits = client.producer.waiting_count > 0;
        let count = batch.records.len() as u64;
        let sequence = batch.sequence;
        let producer = client.producer.id;
        let last =
            self.partition(at).producers.get(&producer).and_then(|known| {
                known.batches.iter().find(|seen| Some(seen.first) == sequence).map(|seen| seen.offset)
            });
        let high_watermark = self.partition(at).high_watermark;
        let offset = last.map_or_else(|| self.offset_of(at, &batch, high_watermark), |last| Some(last + 1 - count));
        self.report(session, at, batch, Ok(offset), false, call);
        if waits {
            self.pump(session, call);
        }
        self.finish_flush(session, call);
    }

    /// Where the first record of a batch lies, found by its message.
    fn offset_of(&self, at: TopicPartition, batch: &Batch, end: u64) -> Option<u64> {
        let message = batch.records.first()?.content.id;
        let log = &self.partition(at).log;
        let is_it = |record: &&Record| record.content.as_ref().is_some_and(|content| content.id == message);
        log.iter().rev().skip_while(|record| record.offset >= end).find(is_it).map(|record| record.offset)
    }

    /// The answers to what is in flight to a partition will not come: the connection broke, or somebody else leads.
    pub(super) fn retry_waits(&mut self, at: TopicPartition, call: &mut Call) {
        for wait in std::mem::take(&mut self.partition_mut(at).waits) {
            let Some(client) = self.clients.get_mut(&wait.session) else { continue };
            let due = call.now + client.config.retry_backoff;
            let producer = &mut client.producer;
            let Some(lane) = producer.lanes.get_mut(&at) else { continue };
            let Some(batch) = lane.queue.iter_mut().find(|batch| batch.number == wait.batch) else { continue };
            if let BatchState::InFlight(broker, _) = batch.state {
                producer.in_flight[broker as usize] -= 1;
                producer.waiting_count += 1;
                batch.state = BatchState::Backoff(due);
                self.plan_pump(wait.session, due);
            }
        }
    }

    /// Sets the timer of a producer, unless an earlier one is set.
    fn plan_pump(&mut self, session: Session, at: Time) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        if client.producer.pump.is_none_or(|planned| at < planned) {
            client.producer.pump = Some(at);
            self.timers.set(at, Timer::Pump(session));
        }
    }

    /// Lets all producers look after their batches.
    pub(super) fn pump_all(&mut self, call: &mut Call) {
        let sessions: Vec<Session> = self.clients.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.pump(session, call));
    }

    /// A producer sends what is due, and gives up what took too long.
    pub(super) fn pump(&mut self, session: Session, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        if client.producer.pump.is_some_and(|planned| planned <= call.now) {
            client.producer.pump = None;
        }
        let lanes = client.producer.lanes.iter().filter(|(_, lane)| !lane.queue.is_empty());
        let lanes: smallvec::SmallVec<[TopicPartition; 8]> = lanes.map(|(at, _)| *at).collect();
        for at in lanes {
            self.pump_lane(session, at, call);
        }
        self.finish_flush(session, call);
    }

    fn pump_lane(&mut self, session: Session, at: TopicPartition, call: &mut Call) {
        let mut place = 0;
        loop {
            let leader = self.leader_of(at);
            let Some(client) = self.clients.get_mut(&session) else { return };
            let Client { producer, config, .. } = &mut **client;
            let Some(lane) = producer.lanes.get_mut(&at) else { return };
            let is_last = place + 1 >= lane.queue.len();
            let Some(batch) = lane.queue.get_mut(place) else { return };
            let expires = batch.created + config.delivery_timeout;
            let keeps_order = config.is_idempotent() || config.in_flight_max == 1;
            if expires <= call.now {
                match batch.state {
                    BatchState::InFlight(broker, _) => producer.in_flight[broker as usize] -= 1,
                    _ => producer.waiting_count -= 1,
                }
                let Some(batch) = lane.queue.remove(place) else { return };
                self.give_up(session, at, batch, "REQUEST_TIMED_OUT", call);
                continue;
            }
            let next = match batch.state {
                BatchState::InFlight(broker, deadline) if deadline <= call.now => {
                    producer.in_flight[broker as usize] -= 1;
                    producer.waiting_count += 1;
                    batch.state = BatchState::Backoff(call.now + config.retry_backoff);
                    let number = batch.number;
                    self.partition_mut(at).waits.retain(|wait| (wait.session, wait.batch) != (session, number));
                    continue;
                }
                BatchState::InFlight(_, deadline) => Some((deadline, true)),
                BatchState::Backoff(until) if until > call.now => Some((until, !keeps_order)),
                BatchState::Backoff(_) => None,
                BatchState::Open => {
                    let ready = batch.created + config.linger;
                    let is_ready = ready <= call.now
                        || !is_last
                        || batch.bytes >= config.batch_bytes
                        || producer.flushing
                        || config.transactional_id.is_some() && producer.stage != TransactionStage::Open;
                    (!is_ready).then_some((ready, false))
                }
            };
            if let Some((due, goes_on)) = next {
                self.plan_pump(session, due.min(expires));
                if !goes_on {
                    return;
                }
                place += 1;
                continue;
            }
            if leader.is_some_and(|leader| producer.in_flight[leader as usize] >= config.in_flight_max) {
                self.plan_pump(session, expires);
                return;
            }
            let is_gone = self.send(session, at, place, call);
            place += usize::from(!is_gone);
            if !is_gone && keeps_order && self.is_backing_off(session, at, place - 1) {
                return;
            }
        }
    }

    fn is_backing_off(&self, session: Session, at: TopicPartition, place: usize) -> bool {
        let lane = self.clients.get(&session).and_then(|client| client.producer.lanes.get(&at));
        lane.and_then(|lane| lane.queue.get(place)).is_some_and(|batch| matches!(batch.state, BatchState::Backoff(_)))
    }

    /// Tells a console that everything is done, if it waits for that.
    fn finish_flush(&mut self, session: Session, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        if client.producer.flushing && client.producer.unfinished() == 0 {
            client.producer.flushing = false;
            let answer = match client.producer.commits_next {
                true => super::console::answer(
                    self.end_transaction(session, true, call).map(|()| json!({"committed": true})),
                ),
                false => json!({"flushed": true}),
            };
            call.tell(session, "reply", answer);
        }
    }

    /// The topic is gone, and with it what waited for it.
    pub(super) fn fail_lanes(&mut self, topic: u32, call: &mut Call) {
        let sessions: Vec<Session> = self.clients.keys().copied().collect();
        for session in sessions {
            self.fail_lanes_of(session, Some(topic), "UNKNOWN_TOPIC_OR_PARTITION", call);
        }
    }

    /// Gives up what a producer has not sent: for one topic, or for all.
    pub(super) fn fail_lanes_of(&mut self, session: Session, topic: Option<u32>, code: &'static str, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        let mut failed = Vec::new();
        let producer = &mut client.producer;
        for (at, lane) in producer.lanes.iter_mut().filter(|(at, _)| topic.is_none_or(|topic| topic == at.topic)) {
            failed.extend(std::mem::take(&mut lane.queue).into_iter().map(|batch| (*at, batch)));
        }
        producer.lanes.retain(|at, _| topic.is_some_and(|topic| topic != at.topic));
        for (_, batch) in &failed {
            match batch.state {
                BatchState::InFlight(broker, _) => producer.in_flight[broker as usize] -= 1,
                _ => producer.waiting_count -= 1,
            }
        }
        for (at, batch) in failed {
            // What is in flight is in the log; whether it stays there the producer does not learn.
            if !matches!(batch.state, BatchState::InFlight(..)) {
                self.report(session, at, batch, Err(code), false, call);
            }
        }
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
