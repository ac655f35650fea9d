//! The console's words of a producer.
//!
//! `produce` answers with the record's place if that is known at once, and else tells it later as `confirm`.
//! `resend` and `produce-raw` show what a leader does with a batch that it has, or that comes out of order: what in a
//! real cluster only a lost answer leads to. Leaves out: several records in one raw batch.

use std::rc::Rc;

use serde_json::json;

use crate::model::broker::server::{Call, Happened, Session};
use crate::vocabulary::{json as reader, Content, HeaderValue, Time};

use super::client::{refusal, Outgoing, Refusal, TransactionStage};
use super::console::{take_told, text_of_code, usage, Answer, Line};
use super::log::{Record, KEYED, TOMBSTONE};
use super::partition::{SeenBatch, Sequenced, TopicPartition};
use super::Kafka;

impl Kafka {
    /// `produce TOPIC VALUE [key=K] [partition=N] [headers='{..}'] [null=true]`.
    pub(super) fn produce_line(&mut self, session: Session, mut line: Line, call: &mut Call) -> Answer {
        let name = line.word(0, "The topic")?.to_string();
        let value = line.word(1, "The value")?.to_string();
        let key = line.take("key");
        let partition = line.take_number("partition")?;
        let headers = line.take("headers").map_or(Ok(Vec::new()), |text| read_headers(&text))?;
        let is_null = line.take("null").is_some_and(|flag| flag == "true");
        self.take_config(session, &mut line)?;
        line.end(2)?;
        let topic = self.use_topic(&name, call)?;
        let content = make_content(key.as_deref(), &value, headers, call);
        let flags = if key.is_some() { KEYED } else { 0 } | if is_null { TOMBSTONE } else { 0 };
        let since = call.outcome.len();
        let partition = partition.map(|partition| partition.min(u64::from(u32::MAX)) as u32);
        let partition = self.produce(session, topic, Outgoing { content, flags, tag: 0, bytes: 0 }, partition, call)?;
        let tag = self.clients.get(&session).map_or(0, |client| client.producer.record_count);
        let is_own = |one: &Happened| matches!(one, Happened::Told { session: to, word: "confirm", body } if *to == session && body["tag"] == tag);
        match call.outcome[since..].iter().position(is_own) {
            Some(index) => match call.outcome.remove(since + index) {
                Happened::Told { body, .. } => Ok(body),
                _ => Ok(json!({"topic": name, "partition": partition})),
            },
            None => Ok(json!({"topic": name, "partition": partition, "pending": true, "tag": tag})),
        }
    }

    /// `flush`.
    pub(super) fn flush(&mut self, session: Session, call: &mut Call) -> Answer {
        self.finish_all(session, false, call)
    }

    /// Sends everything, and answers when it is done.
    fn finish_all(&mut self, session: Session, commits: bool, call: &mut Call) -> Answer {
        let since = call.outcome.len();
        if let Some(client) = self.clients.get_mut(&session) {
            client.producer.flushing = true;
            client.producer.commits_next = commits;
        }
        self.pump(session, call);
        Ok(take_told(call, session, "reply", since).unwrap_or(json!({"blocked": true})))
    }

    /// `commit-transaction`: sends what is left, then commits.
    pub(super) fn commit_transaction(&mut self, session: Session, call: &mut Call) -> Answer {
        let stage = self.clients.get(&session).map(|client| client.producer.stage);
        match stage {
            Some(TransactionStage::Open) => self.finish_all(session, true, call),
            _ => self.end_transaction(session, true, call).map(|()| json!({"committed": true})),
        }
    }

    /// `abort-transaction`: what was not sent is given up.
    pub(super) fn abort_transaction(&mut self, session: Session, call: &mut Call) -> Answer {
        let is_open = self
            .clients
            .get(&session)
            .is_some_and(|client| matches!(client.producer.stage, TransactionStage::Open | TransactionStage::Failed));
        if is_open {
            self.fail_unsent(session, call);
        }
        self.end_transaction(session, false, call).map(|()| json!({"aborted": true}))
    }

    /// Gives up what is neither sent nor written. The sequence numbers of lanes stay.
    fn fail_unsent(&mut self, session: Session, call: &mut Call) {
        let sequences: Vec<(TopicPartition, u32)> = self
            .clients
            .get(&session)
            .map(|client| client.producer.lanes.iter().map(|(at, lane)| (*at, lane.sequence)).collect())
            .unwrap_or_default();
        self.fail_lanes_of(session, None, "TRANSACTION_ABORTED", call);
        if let Some(client) = self.clients.get_mut(&session) {
            for (at, sequence) in sequences {
                client.producer.lanes.get_or_insert_with(at, Default::default).sequence = sequence;
            }
        }
    }

    /// The producer id and epoch that a client has.
    pub(super) fn say_producer(&self, session: Session) -> Answer {
        let Some(client) = self.clients.get(&session) else { return super::console::done() };
        Ok(json!({"producer.id": client.producer.id, "producer.epoch": client.producer.epoch}))
    }

    /// `send-offsets [group=g] [t-0=5 ...]`: the offsets, or the positions of the client's own consumer.
    pub(super) fn send_offsets_line(&mut self, session: Session, mut line: Line, call: &mut Call) -> Answer {
        let name = line.take("group");
        let mut offsets = self.read_offsets(&mut line)?;
        line.end(0)?;
        let own = self.clients.get(&session).and_then(|client| client.consumer.group);
        let group = match name {
            Some(name) => self.use_group(&name)?,
            None => own.ok_or_else(|| usage("The group is missing."))?,
        };
        if offsets.is_empty() {
            offsets = self.positions(session);
        }
        let Some(client) = self.clients.get(&session) else { return super::console::done() };
        let member = client.consumer.member.filter(|_| own == Some(group));
        let is_current = member.is_none_or(|number| {
            let group = &self.groups[group as usize];
            group.member(number).is_some() && client.consumer.generation == group.generation
        });
        let is_thrown_out = own == Some(group)
            && member.is_none()
            && matches!(client.consumer.reading, super::client::Reading::Topics(_))
            && client.consumer.poll_count > 0;
        if !is_current || is_thrown_out {
            let text = "Transaction offset Commit failed due to consumer group metadata mismatch.";
            return Err(refusal(if is_current { "UNKNOWN_MEMBER_ID" } else { "ILLEGAL_GENERATION" }, text));
        }
        self.send_offsets(session, group, &offsets, call)?;
        Ok(json!({ "offsets": self.offsets_json(&offsets) }))
    }

    /// `resend`: the last batch is sent again with its sequence number, as after an answer that was lost.
    pub(super) fn resend(&mut self, session: Session, call: &mut Call) -> Answer {
        let Some(client) = self.clients.get(&session) else { return super::console::done() };
        let Some((at, batch)) = client.producer.last.clone() else {
            return Err(usage("Nothing was sent that could be sent again."));
        };
        let (producer, epoch) = (client.producer.id, client.producer.epoch);
        let mut answers = Vec::new();
        for (index, record) in batch.records.iter().enumerate() {
            let sequence = batch.sequence.map(|first| first.wrapping_add(index as u32));
            let first = batch.sequence.unwrap_or(0);
            let last = first.wrapping_add(batch.records.len() as u32 - 1);
            // A leader compares whole batches.
            let known = batch.sequence.map(|_| self.partition(at).sequenced(producer, epoch, first, last));
            answers.push(match known {
                Some(Sequenced::Duplicate(offset)) => {
                    let offset = offset + 1 + index as u64 - batch.records.len() as u64;
                    let node = self.topic_node(at.topic, call);
                    call.fact(node, record.content.id, crate::vocabulary::Fact::Deduplicated {});
                    json!({"offset": offset, "duplicate": true})
                }
                Some(Sequenced::OutOfOrder) => return Err(coded("OUT_OF_ORDER_SEQUENCE_NUMBER")),
                Some(Sequenced::Fenced) => return Err(coded("INVALID_PRODUCER_EPOCH")),
                Some(Sequenced::Next) | None => {
                    let offset = self.write_raw(at, record.content.clone(), record.flags, producer, sequence, call)?;
                    json!({ "offset": offset })
                }
            });
        }
        Ok(json!({"topic": &*self.topics[at.topic as usize].name, "partition": at.partition, "records": answers}))
    }

    /// `produce-raw t-0 VALUE producer.id=7 [producer.epoch=0] sequence=3 [key=K]`: one produce request.
    pub(super) fn produce_raw(&mut self, _: Session, mut line: Line, call: &mut Call) -> Answer {
        let at = self.read_partition(line.word(0, "The partition")?)?;
        let value = line.word(1, "The value")?.to_string();
        let key = line.take("key");
        let small = |number: u64| number.min(u64::from(u32::MAX - 1)) as u32;
        let producer = small(line.take_number("producer.id")?.unwrap_or(0));
        let epoch = small(line.take_number("producer.epoch")?.unwrap_or(0));
        let sequence = line.take_number("sequence")?.map(small);
        line.end(2)?;
        if let Some(sequence) = sequence {
            match self.partition(at).sequenced(producer, epoch, sequence, sequence) {
                Sequenced::Next => {}
                Sequenced::Duplicate(offset) => return Ok(json!({"offset": offset, "duplicate": true})),
                Sequenced::OutOfOrder => return Err(coded("OUT_OF_ORDER_SEQUENCE_NUMBER")),
                Sequenced::Fenced => return Err(coded("INVALID_PRODUCER_EPOCH")),
            }
        }
        // Ids of raw requests are apart from those that clients are given.
        let content = make_content(key.as_deref(), &value, Vec::new(), call);
        let flags = if key.is_some() { KEYED } else { 0 };
        let offset = self.write_raw(at, content, flags, producer, sequence, call)?;
        if let Some(sequence) = sequence {
            self.partition_mut(at).remember(producer, epoch, SeenBatch { first: sequence, last: sequence, offset });
        }
        Ok(json!({ "offset": offset }))
    }

    fn write_raw(
        &mut self,
        at: TopicPartition,
        content: Rc<Content>,
        flags: u8,
        producer: u32,
        sequence: Option<u32>,
        call: &mut Call,
    ) -> Result<u64, Refusal> {
        if self.leader_of(at).is_none() {
            return Err(coded("LEADER_NOT_AVAILABLE"));
        }
        let bytes = 68 + content.payload.len() as u32 + content.routing_key.len() as u32;
        let record = Record {
            offset: 0,
            content: Some(content),
            at: call.now,
            horizon: Time::ZERO,
            producer,
            sequence: sequence.unwrap_or(0),
            bytes,
            flags,
        };
        let offset = self.append(at, record, call);
        self.appended(at, call);
        Ok(offset)
    }
}

fn coded(code: &'static str) -> Refusal {
    refusal(code, text_of_code(code))
}

/// A message made at a console.
fn make_content(key: Option<&str>, value: &str, headers: Vec<(Rc<str>, HeaderValue)>, call: &mut Call) -> Rc<Content> {
    let content = Rc::new(Content {
        id: call.next_message_id(),
        routing_key: key.unwrap_or("").into(),
        headers: headers.into(),
        payload: value.into(),
        persistent: true,
        priority: None,
        expiration: None,
        created: call.now,
    });
    call.outcome.push(Happened::Made(content.clone()));
    content
}

fn read_headers(text: &str) -> Result<Vec<(Rc<str>, HeaderValue)>, Refusal> {
    let Ok(serde_json::Value::Object(fields)) = reader::read(text) else {
        return Err(usage("The headers must be a JSON object."));
    };
    let value = |value: &serde_json::Value| match value {
        serde_json::Value::Bool(flag) => HeaderValue::Boolean(*flag),
        serde_json::Value::Number(number) if number.is_i64() => HeaderValue::Integer(number.as_i64().unwrap_or(0)),
        serde_json::Value::String(text) => HeaderValue::Text(text.as_str().into()),
        serde_json::Value::Null => HeaderValue::Void,
        other => HeaderValue::Text(reader::to_text(other).into()),
    };
    Ok(fields.iter().map(|(name, one)| (Rc::from(name.as_str()), value(one))).collect())
}
