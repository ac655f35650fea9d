//! The poll: the one place where a consumer joins, commits and reads.
//!
//! Reproduces: `KafkaConsumer.poll`. It first does what the group asks, then commits if an automatic commit is due, then
//! returns up to `max.poll.records` records, partition by partition, from the position on and below the high watermark,
//! or the last stable offset with `read_committed`. Control records, aborted records and compacted ones are passed over:
//! offsets have gaps. If there is nothing it waits. A position that the log has no more, or not yet, is out of range.
//!
//! Leaves out: fetch sizes and waits (`fetch.min.bytes`, `fetch.max.wait.ms`), fetch sessions, and what was fetched
//! before and lies in the client's memory.

use serde_json::{json, Value as Json};

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, Duration, HeaderValue};

use super::client::{Client, Duty, OpenPoll, Reading, Refusal};
use super::console::error;
use super::log::{Record, ABORTED, KEYED, TOMBSTONE};
use super::partition::{Partition, TopicPartition};
use super::replication::{Broker, BrokerState};
use super::timers::Timer;
use super::topic::Topic;
use super::Kafka;

/// What a poll has come to.
enum Read {
    /// So many records went to a client of the drawing.
    Sent(u16),
    /// These go to a client of the console.
    Records(Vec<Json>),
    /// A partition's position is out of range.
    OutOfRange(TopicPartition),
}

impl Kafka {
    /// A client polls. The answer for a console, or nothing if it waits; a client of the drawing gets frames.
    pub(super) fn poll(&mut self, session: Session, max: u32, wait: Duration, call: &mut Call) -> Option<Json> {
        self.close_poll(session, call);
        let client = self.clients.get_mut(&session)?;
        let interval = client.config.poll_interval;
        let max = max.min(client.config.poll_records).max(1);
        let consumer = &mut client.consumer;
        consumer.polled = Some(call.now);
        consumer.poll_count += 1;
        let number = consumer.poll_count;
        if matches!(consumer.reading, Reading::Topics(_)) && !std::mem::replace(&mut consumer.is_watched, true) {
            self.timers.set(call.now + interval, Timer::Idle(session));
        }
        self.auto_commit(session, false, call);
        match self.step(session, max, call) {
            Some(answer) => Some(answer),
            None if wait == Duration::ZERO => Some(self.empty_answer(session, call)),
            None => {
                let client = self.clients.get_mut(&session)?;
                client.consumer.poll = Some(OpenPoll { number, max });
                self.timers.set(call.now + wait, Timer::Poll(session, number));
                self.wait_for_records(session);
                None
            }
        }
    }

    /// One round of a poll: an answer, if there is one.
    fn step(&mut self, session: Session, max: u32, call: &mut Call) -> Option<Json> {
        if let Err(refused) = self.follow_duty(session, call).and_then(|()| self.resolve_positions(session, call)) {
            return Some(self.failed(session, refused, call));
        }
        // Each round settles one partition's position for good.
        for _ in 0..=self.clients.get(&session).map_or(0, |client| client.consumer.owned.len()) {
            match self.read(session, max, call) {
                Read::Sent(0) => return None,
                Read::Records(records) if records.is_empty() => return None,
                Read::Sent(count) => {
                    let place = self.clients.get(&session).map(|client| client.place)?;
                    call.frame(session, place, BrokerMessage::Pulled { count });
                    return Some(Json::Null);
                }
                Read::Records(records) => return Some(json!({ "records": records })),
                Read::OutOfRange(at) => {
                    if let Err(refused) = self.out_of_range(session, at, call) {
                        return Some(self.failed(session, refused, call));
                    }
                }
            }
        }
        None
    }

    fn failed(&mut self, session: Session, refused: Refusal, call: &mut Call) -> Json {
        match session.is_console() {
            true => error(&refused),
            false => self.empty_answer(session, call),
        }
    }

    fn empty_answer(&mut self, session: Session, call: &mut Call) -> Json {
        if !session.is_console() {
            if let Some(client) = self.clients.get(&session) {
                call.frame(session, client.place, BrokerMessage::Pulled { count: 0 });
            }
        }
        json!({"records": []})
    }

    /// Reads records at the positions.
    fn read(&mut self, session: Session, max: u32, call: &mut Call) -> Read {
        let is_console = session.is_console();
        let mut records = Vec::new();
        let mut count: u32 = 0;
        let Kafka { clients, topics, groups, brokers, .. } = self;
        let Some(client) = clients.get_mut(&session) else { return Read::Sent(0) };
        let Client { consumer, config, node, place, .. } = &mut **client;
        let (turn, partition_count) = (consumer.turn, consumer.owned.len());
        for step in 0..partition_count {
            let Some((at, owned)) = consumer.owned.iter_mut().nth((turn + step) % partition_count) else { break };
            let at = *at;
            let found = topics.get(at.topic as usize).and_then(|topic| Some((topic, served(topic, brokers, at)?)));
            let (Some(mut position), Some((topic, partition))) = (owned.position, found) else { continue };
            if owned.is_paused {
                continue;
            }
            if position < partition.log.start || position > partition.log.end {
                if count > 0 {
                    break;
                }
                return Read::OutOfRange(at);
            }
            let readable = partition.readable(config.read_committed);
            let group = consumer.group.and_then(|place| groups.get_mut(place as usize));
            let mut hand = group.and_then(|group| group.hand(at));
            let mut index = partition.log.place(position);
            while count < max && position < readable {
                let Some(record) = partition.log.at(index).filter(|record| record.offset < readable) else {
                    // Only gaps are left.
                    position = readable;
                    break;
                };
                index += 1;
                position = record.offset + 1;
                let Some(content) = &record.content else { continue };
                if config.read_committed && record.is(ABORTED) {
                    continue;
                }
                count += 1;
                let hand = hand.as_mut();
                let redelivered = hand.is_some_and(|hand| hand.give(record.offset, content.id, *node, call));
                if is_console {
                    records.push(record_json(&topic.name, at.partition, record));
                    continue;
                }
                let tag = consumer.tag_first + consumer.tags.len() as u64;
                consumer.tags.push_back((at, record.offset));
                if !consumer.auto_ack {
                    owned.unsettled.push_back((record.offset, false));
                }
                let frame = BrokerMessage::Deliver { tag, redelivered, content: content.clone() };
                call.frame(session, *place, frame);
            }
            owned.position = Some(position);
            if count > 0 {
                consumer.turn = (turn + step + 1) % partition_count;
            }
            if count >= max {
                break;
            }
        }
        match is_console {
            true => Read::Records(records),
            false => Read::Sent(count.min(u32::from(u16::MAX)) as u16),
        }
    }

    /// A poll that waits is to be looked at when something comes.
    fn wait_for_records(&mut self, session: Session) {
        let Kafka { clients, topics, .. } = self;
        let Some(client) = clients.get(&session) else { return };
        for at in client.consumer.owned.keys() {
            let topic = topics.get_mut(at.topic as usize);
            let Some(partition) = topic.and_then(|topic| topic.partitions.get_mut(at.partition as usize)) else {
                continue;
            };
            if !partition.pollers.contains(&session) {
                partition.pollers.push(session);
            }
        }
    }

    /// Serves the open polls for which something has come.
    #[inline]
    pub(super) fn serve_awake(&mut self, call: &mut Call) {
        // Serving one may wake others; each round of a group's joining wakes each member once.
        while !self.awake.is_empty() {
            for session in std::mem::take(&mut self.awake) {
                self.serve(session, call);
            }
        }
    }

    fn serve(&mut self, session: Session, call: &mut Call) {
        let Some(client) = self.clients.get(&session) else { return };
        let Some(open) = client.consumer.poll else { return };
        match self.step(session, open.max, call) {
            None => self.wait_for_records(session),
            Some(answer) => {
                if let Some(client) = self.clients.get_mut(&session) {
                    client.consumer.poll = None;
                    client.consumer.polled = Some(call.now);
                }
                if session.is_console() {
                    call.tell(session, "reply", answer);
                }
            }
        }
    }

    /// A poll has waited long enough.
    pub(super) fn end_poll(&mut self, session: Session, number: u64, call: &mut Call) {
        let open = self.clients.get(&session).and_then(|client| client.consumer.poll);
        if open.is_some_and(|open| open.number == number) {
            self.close_poll(session, call);
        }
    }

    /// Ends the open poll, if there is one, with nothing.
    pub(super) fn close_poll(&mut self, session: Session, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        if client.consumer.poll.take().is_none() {
            return;
        }
        client.consumer.polled = Some(call.now);
        let answer = self.empty_answer(session, call);
        if session.is_console() {
            call.tell(session, "reply", answer);
        }
    }

    /// Takes partitions by hand: the client is nobody's member.
    pub(super) fn assign_by_hand(&mut self, session: Session, partitions: Vec<TopicPartition>, call: &mut Call) {
        self.leave(session, true, call);
        let group = self.clients.get(&session).and_then(|client| client.config.group.clone());
        let group = group.and_then(|name| self.use_group(&name).ok());
        let Some(client) = self.clients.get_mut(&session) else { return };
        client.consumer.group = group;
        client.consumer.reading = Reading::Manual;
        client.consumer.duty = Duty::None;
        client.consumer.auto_commit = call.now + client.config.auto_commit_interval;
        client.consumer.owned = partitions.into_iter().map(|at| (at, Default::default())).collect();
    }
}

/// A partition, if its leader answers.
fn served<'a>(topic: &'a Topic, brokers: &[Broker], at: TopicPartition) -> Option<&'a Partition> {
    let partition = topic.partitions.get(at.partition as usize).filter(|_| !topic.is_deleted)?;
    let leader = brokers.get(partition.leader? as usize)?;
    (leader.state != BrokerState::Down).then_some(partition)
}

/// A header's value as JSON.
pub(super) fn header_json(value: &HeaderValue) -> Json {
    match value {
        HeaderValue::Text(text) => Json::String(text.to_string()),
        HeaderValue::Integer(number) => (*number).into(),
        HeaderValue::Boolean(flag) => (*flag).into(),
        HeaderValue::Number(number) => json!(number),
        HeaderValue::List(values) => values.iter().map(header_json).collect(),
        HeaderValue::Table(fields) => {
            Json::Object(fields.iter().map(|(name, value)| (name.to_string(), header_json(value))).collect())
        }
        HeaderValue::Void => Json::Null,
    }
}

/// A record as a console shows it.
pub(super) fn record_json(topic: &str, partition: u32, record: &Record) -> Json {
    let content = record.content.as_ref();
    let value = content.filter(|_| !record.is(TOMBSTONE)).map(|content| &*content.payload);
    let key = content.filter(|_| record.is(KEYED)).map(|content| &*content.routing_key);
    let mut json = json!({
        "topic": topic,
        "partition": partition,
        "offset": record.offset,
        "key": key,
        "value": value,
        "timestamp": record.at.0 / 1_000_000,
    });
    let headers = content.map_or(&[][..], |content| &content.headers[..]);
    if !headers.is_empty() {
        json["headers"] =
            Json::Object(headers.iter().map(|(name, value)| (name.to_string(), header_json(value))).collect());
    }
    json
}
