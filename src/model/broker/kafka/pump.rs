//! What becomes of batches after they were handed over: when they are sent, sent again, answered, or given up.
//!
//! Reproduces: the producer's sender thread. A batch goes when it is full or `linger.ms` old and fewer than
//! `max.in.flight.requests.per.connection` are under way to its leader; after `delivery.timeout.ms` it is given up. An
//! idempotent producer, and one with a single request in flight, sends nothing of a partition past a batch that has to
//! be sent again; others do, and may overtake (apache/kafka, `Sender`, `RecordAccumulator.drain`).
//!
//! Leaves out: one request for several partitions; each batch is a request of its own.

use serde_json::json;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::Time;

use super::client::{Batch, BatchState, Client, TransactionStage};
use super::log::Record;
use super::partition::TopicPartition;
use super::timers::Timer;
use super::Kafka;

impl Kafka {
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
        self.report_batch(session, at, batch, Ok(offset), false, call);
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
    pub(super) fn plan_pump(&mut self, session: Session, at: Time) {
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
    pub(super) fn finish_flush(&mut self, session: Session, call: &mut Call) {
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
                self.report_batch(session, at, batch, Err(code), false, call);
            }
        }
    }
}
