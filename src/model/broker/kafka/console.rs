//! The console: a line is one operation of a client, or of an administrator.
//!
//! Every named client is a whole Kafka client, a producer and a consumer at once. Settings have their real names and can
//! stand behind `config`, or behind the word that uses them (`subscribe t group=g auto.offset.reset=earliest`).
//! Partitions are written `topic-0`. What happens by itself is told: `confirm` (the answer to a record), `assigned`,
//! `revoked` and `lost` (of a group's member), `reply` (of a poll, a flush or a commit that had to wait).
//!
//! Leaves out: the tools' own options; the words are those of the APIs.

use serde_json::{json, Value as Json};

use crate::model::broker::server::{Call, Happened, Session};
use crate::model::broker::words::split;

use super::client::{refusal, Refusal};
use super::partition::TopicPartition;
use super::Kafka;

/// An answer, or why there is none.
pub(super) type Answer = Result<Json, Refusal>;

/// A refusal as an answer.
pub(super) fn error(refused: &Refusal) -> Json {
    json!({"error": refused.code, "text": refused.text})
}

/// A result as an answer.
pub(super) fn answer(result: Answer) -> Json {
    result.unwrap_or_else(|refused| error(&refused))
}

/// The answer to what has nothing to say.
pub(super) fn done() -> Answer {
    Ok(json!({"ok": true}))
}

/// The error of a line that is not understood.
pub(super) fn usage(text: impl Into<String>) -> Refusal {
    refusal("INVALID_REQUEST", text)
}

/// What Kafka says with an error.
pub(super) fn text_of_code(code: &str) -> &'static str {
    match code {
        "NOT_ENOUGH_REPLICAS" => "Messages are rejected since there are fewer in-sync replicas than required.",
        "LEADER_NOT_AVAILABLE" => {
            "There is no leader for this topic-partition as we are in the middle of a leadership election."
        }
        "NETWORK_EXCEPTION" => "The server disconnected before a response was received.",
        "REQUEST_TIMED_OUT" => "Expiring record(s): delivery.timeout.ms has passed since batch creation.",
        "OUT_OF_ORDER_SEQUENCE_NUMBER" => "The broker received an out of order sequence number.",
        "INVALID_PRODUCER_EPOCH" => "Producer attempted to produce with an old epoch.",
        "UNKNOWN_TOPIC_OR_PARTITION" => "This server does not host this topic-partition.",
        "TRANSACTION_ABORTED" => "Failing batch since transaction was aborted.",
        "CLOSED" => "Producer is closed forcefully.",
        _ => "The request failed.",
    }
}

/// The words of a line: the positional ones, and `name=value`.
pub(super) struct Line {
    pub(super) words: Vec<String>,
    pub(super) options: Vec<(String, String)>,
}

impl Line {
    /// Reads a line whose first `plain` words after the operation are taken as they are, whatever is in them.
    fn read(words: Vec<String>, plain: usize) -> Line {
        let mut line = Line { words: Vec::new(), options: Vec::new() };
        for (index, word) in words.into_iter().enumerate() {
            match word.split_once('=') {
                Some((name, value)) if index >= plain && !name.is_empty() => {
                    line.options.push((name.to_string(), value.to_string()));
                }
                _ => line.words.push(word),
            }
        }
        line
    }

    /// The positional word at this place.
    pub(super) fn word(&self, index: usize, what: &str) -> Result<&str, Refusal> {
        self.words.get(index).map(String::as_str).ok_or_else(|| usage(format!("{what} is missing.")))
    }

    /// Takes an option out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.options.iter().position(|(other, _)| other == name)?;
        Some(self.options.remove(index).1)
    }

    /// Takes an option out that is a number.
    pub(super) fn take_number(&mut self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.take(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| usage(format!("{name} must be a number, is {text}.")))
    }

    /// Fails if something was not understood.
    pub(super) fn end(&self, words_max: usize) -> Result<(), Refusal> {
        match (self.words.get(words_max), self.options.first()) {
            (Some(word), _) => Err(usage(format!("\"{word}\" is too much."))),
            (None, Some((name, _))) => Err(refusal("INVALID_CONFIG", format!("Unknown setting {name}."))),
            (None, None) => Ok(()),
        }
    }
}

/// Takes what was told to a session since `since` under `word` out of what happened, to make it an answer.
pub(super) fn take_told(call: &mut Call, session: Session, word: &str, since: usize) -> Option<Json> {
    let is_it = |one: &Happened| matches!(one, Happened::Told { session: to, word: told, .. } if *to == session && *told == word);
    let index = since + call.outcome.get(since..)?.iter().rposition(is_it)?;
    match call.outcome.remove(index) {
        Happened::Told { body, .. } => Some(body),
        _ => None,
    }
}

impl Kafka {
    /// Performs one operation.
    pub(super) fn perform(&mut self, session: Session, client: &str, line: &str, call: &mut Call) -> Json {
        if !self.clients.contains_key(&session) {
            if self.clients.len() >= super::NAMES_MAX {
                return error(&usage("There are too many clients."));
            }
            let config = super::config::Config::default();
            self.open(session, call.broker, call.broker, client, config);
        }
        let mut words = match split(line) {
            Ok(words) if !words.is_empty() => words,
            Ok(_) => return error(&usage("The line is empty.")),
            Err(text) => return error(&usage(text)),
        };
        let name = words.remove(0);
        let plain = match name.as_str() {
            "produce" => 2,
            _ => 0,
        };
        answer(self.dispatch(session, &name, Line::read(words, plain), call))
    }

    fn dispatch(&mut self, session: Session, name: &str, line: Line, call: &mut Call) -> Answer {
        match name {
            "config" => self.set_config(session, line),
            "produce" => self.produce_line(session, line, call),
            "produce-raw" => self.produce_raw(session, line, call),
            "resend" => self.resend(session, call),
            "flush" => self.flush(session, call),
            "init-transactions" => self.init_transactions(session, call).and_then(|()| self.say_producer(session)),
            "begin" | "begin-transaction" => self.begin_transaction(session).and_then(|()| done()),
            "send-offsets" => self.send_offsets_line(session, line, call),
            "commit-transaction" => self.commit_transaction(session, call),
            "abort-transaction" => self.abort_transaction(session, call),
            "subscribe" => self.subscribe_line(session, line, call),
            "unsubscribe" => {
                self.close_poll(session, call);
                self.leave(session, true, call);
                done()
            }
            "assign" => self.assign_line(session, line, call),
            "assignment" => Ok(json!({ "partitions": self.assignment(session) })),
            "poll" => self.poll_line(session, line, call),
            "commit" => self.commit_line(session, line, call),
            "seek" => self.seek_line(session, line, call),
            "position" => self.position_line(session, line, call),
            "committed" => self.committed_line(session, line),
            "pause" => self.pause(session, line, true),
            "resume" => self.pause(session, line, false),
            "close" => self.close_line(session, call),
            _ => self.administrate(name, line, call),
        }
    }

    /// Sets settings of a client; those that are none stay in the line.
    pub(super) fn take_config(&mut self, session: Session, line: &mut Line) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&session) else { return Ok(()) };
        let mut rest = Vec::new();
        for (name, value) in std::mem::take(&mut line.options) {
            match client.config.set(&name, &value) {
                Ok(true) => {
                    let is_new = matches!(name.as_str(), "transactional.id" | "enable.idempotence" | "acks");
                    if is_new && client.producer.unfinished() == 0 {
                        let count = client.producer.record_count;
                        client.producer = super::client::Producer::new();
                        client.producer.record_count = count;
                    }
                }
                Ok(false) => rest.push((name, value)),
                Err(text) => {
                    let text = format!("Invalid value {value} for configuration {name}: {text}");
                    return Err(refusal("CONFIG_EXCEPTION", text));
                }
            }
        }
        line.options = rest;
        Ok(())
    }

    fn set_config(&mut self, session: Session, mut line: Line) -> Answer {
        self.take_config(session, &mut line)?;
        line.end(0)?;
        let contradiction = self.clients.get(&session).and_then(|client| client.config.contradiction());
        match contradiction {
            Some(text) => Err(refusal("CONFIG_EXCEPTION", text)),
            None => done(),
        }
    }

    /// The partition that is written `topic-0`.
    pub(super) fn read_partition(&self, text: &str) -> Result<TopicPartition, Refusal> {
        let unknown = || refusal("UNKNOWN_TOPIC_OR_PARTITION", text_of_code("UNKNOWN_TOPIC_OR_PARTITION"));
        let (name, number) =
            text.rsplit_once('-').ok_or_else(|| usage(format!("{text} is not a partition: topic-0.")))?;
        let partition: u32 = number.parse().map_err(|_| usage(format!("{text} is not a partition: topic-0.")))?;
        let at = TopicPartition { topic: self.find_topic(name).ok_or_else(unknown)?, partition };
        if self.has_partition(at) {
            Ok(at)
        } else {
            Err(unknown())
        }
    }

    /// Offsets that are written `topic-0=5`.
    pub(super) fn read_offsets(&self, line: &mut Line) -> Result<Vec<(TopicPartition, u64)>, Refusal> {
        let mut offsets = Vec::new();
        for (name, value) in std::mem::take(&mut line.options) {
            let at = self.read_partition(&name)?;
            let offset: u64 =
                value.parse().map_err(|_| usage(format!("The offset of {name} must be a number, is {value}.")))?;
            offsets.push((at, offset));
        }
        Ok(offsets)
    }

    /// Offsets as an object.
    pub(super) fn offsets_json(&self, offsets: &[(TopicPartition, u64)]) -> Json {
        let fields = offsets.iter().map(|(at, offset)| (super::label(&self.topics, *at), Json::from(*offset)));
        Json::Object(fields.collect())
    }
}
