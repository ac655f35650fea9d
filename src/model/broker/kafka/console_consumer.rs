//! The console's words of a consumer.
//!
//! Everything that a group asks of a client happens inside `poll`, so a client that has subscribed has to poll. A poll
//! that finds nothing waits for its `timeout` (1 s unless given), is answered with `{"blocked": true}`, and told as
//! `reply` later; so is a commit for which nobody coordinates the group now.

use std::rc::Rc;

use serde_json::{json, Value as Json};

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::Duration;

use super::client::{refusal, Duty, Refusal};
use super::config::span;
use super::console::{answer, done, error, usage, Answer, Line};
use super::partition::TopicPartition;
use super::pattern::Pattern;
use super::timers::Timer;
use super::{shared, Kafka};

/// The wait of a poll that names none.
const POLL_WAIT: Duration = Duration::from_secs(1);

/// `default.api.timeout.ms`.
const API_TIMEOUT: Duration = Duration::from_secs(60);

fn not_assigned(label: &str) -> Refusal {
    refusal("ILLEGAL_STATE", format!("No current assignment for partition {label}"))
}

impl Kafka {
    /// `subscribe TOPIC ... [group=g] [setting=value ...]`.
    pub(super) fn subscribe_line(&mut self, session: Session, mut line: Line, call: &mut Call) -> Answer {
        self.take_config(session, &mut line)?;
        if let Some(text) = line.take("pattern") {
            line.end(0)?;
            let pattern = Pattern::read(&text).map_err(|error| usage(format!("The pattern {text}: {error}.")))?;
            let topics = self.subscribe_pattern(session, pattern, call)?;
            let names = topics.iter().map(|name| &**name).collect::<Vec<_>>();
            return Ok(json!({ "subscribed": names, "pattern": text }));
        }
        line.end(usize::MAX)?;
        line.word(0, "The topic")?;
        let mut topics: Vec<Rc<str>> = line.words.iter().map(|name| shared(name)).collect();
        topics.sort();
        topics.dedup();
        for name in &topics {
            // Asking for metadata makes a topic, as `allow.auto.create.topics` lets it.
            if self.config.auto_create {
                self.use_topic(name, call)?;
            }
        }
        if let Some(client) = self.clients.get_mut(&session) {
            client.consumer.pattern = None;
        }
        self.subscribe(session, topics.clone(), call)?;
        Ok(json!({ "subscribed": topics.iter().map(|name| &**name).collect::<Vec<_>>() }))
    }

    /// `assign t-0 t-1 [group=g]`.
    pub(super) fn assign_line(&mut self, session: Session, mut line: Line, call: &mut Call) -> Answer {
        self.take_config(session, &mut line)?;
        line.end(usize::MAX)?;
        let partitions: Result<Vec<TopicPartition>, Refusal> =
            line.words.iter().map(|text| self.read_partition(text)).collect();
        self.assign_by_hand(session, partitions?, call);
        Ok(json!({ "partitions": self.assignment(session) }))
    }

    /// The partitions of a client, as they are written.
    pub(super) fn assignment(&self, session: Session) -> Vec<String> {
        let owned: Vec<TopicPartition> = self
            .clients
            .get(&session)
            .map(|client| client.consumer.owned.keys().copied().collect())
            .unwrap_or_default();
        self.labels(&owned)
    }

    /// `poll [max=500] [timeout=1s]`.
    pub(super) fn poll_line(&mut self, session: Session, mut line: Line, call: &mut Call) -> Answer {
        let max = line.take_number("max")?.unwrap_or(u64::from(u32::MAX));
        let wait = match line.take("timeout") {
            Some(text) => span(&text).map_err(usage)?,
            None => POLL_WAIT,
        };
        line.end(0)?;
        let Some(client) = self.clients.get(&session) else { return done() };
        if client.consumer.reading == super::client::Reading::Nothing {
            let text = "Consumer is not subscribed to any topics or assigned any partitions";
            return Err(refusal("ILLEGAL_STATE", text));
        }
        let max = max.min(u64::from(u32::MAX)) as u32;
        Ok(self.poll(session, max, wait, call).unwrap_or(json!({"blocked": true})))
    }

    /// `commit [sync] [t-0=5 ...]`: the offsets, or the positions.
    pub(super) fn commit_line(&mut self, session: Session, mut line: Line, call: &mut Call) -> Answer {
        let is_known = line.words.iter().all(|word| word == "sync" || word == "async");
        if !is_known {
            return Err(usage("commit [sync|async] [t-0=5 ...]"));
        }
        let mut offsets = self.read_offsets(&mut line)?;
        if offsets.is_empty() {
            offsets = self.positions(session);
        }
        let waits = !line.words.iter().any(|word| word == "async");
        if !waits {
            self.ask_coordinator(session)?;
        }
        match self.commit(session, &offsets, call) {
            // `commitSync` tries again until somebody answers, or `default.api.timeout.ms` is over.
            Err(refused) if waits && refused.code == "COORDINATOR_NOT_AVAILABLE" => {
                let Some(client) = self.clients.get_mut(&session) else { return Err(refused) };
                client.consumer.commit_count += 1;
                let number = client.consumer.commit_count;
                client.consumer.commit = Some((offsets, number));
                self.timers.set(call.now + API_TIMEOUT, Timer::Commit(session, number));
                Ok(json!({"blocked": true}))
            }
            result => result.map(|()| json!({ "committed": self.offsets_json(&offsets) })),
        }
    }

    /// There is a coordinator again: the commit that waits for it is made.
    pub(super) fn finish_commit(&mut self, session: Session, call: &mut Call) {
        let waiting = self.clients.get_mut(&session).and_then(|client| client.consumer.commit.take());
        let Some((offsets, _)) = waiting else { return };
        let result = self.commit(session, &offsets, call);
        call.tell(session, "reply", answer(result.map(|()| json!({ "committed": self.offsets_json(&offsets) }))));
    }

    /// A commit has waited for `default.api.timeout.ms`.
    pub(super) fn give_commit_up(&mut self, session: Session, number: u64, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        if client.consumer.commit.take_if(|(_, other)| *other == number).is_some() {
            let text = "Timeout of 60000ms expired before successfully committing offsets";
            call.tell(session, "reply", error(&refusal("TIMEOUT", text)));
        }
    }

    /// `seek t-0 5`, `seek t-0 beginning`, `seek t-0 end`.
    pub(super) fn seek_line(&mut self, session: Session, line: Line, call: &mut Call) -> Answer {
        line.end(2)?;
        let text = line.word(0, "The partition")?;
        let at = self.read_partition(text)?;
        let client = self.clients.get(&session);
        let read_committed = client.is_some_and(|client| client.config.read_committed);
        if !client.is_some_and(|client| client.consumer.owned.contains_key(&at)) {
            return Err(not_assigned(text));
        }
        let offset = match line.word(1, "The offset")? {
            "beginning" => self.partition(at).log.start,
            "end" => self.partition(at).readable(read_committed),
            number => number.parse().map_err(|_| usage(format!("The offset must be a number, is {number}.")))?,
        };
        self.seek(session, at, offset, call);
        Ok(json!({ "position": self.offsets_json(&[(at, offset)]) }))
    }

    /// `position [t-0 ...]`.
    pub(super) fn position_line(&mut self, session: Session, line: Line, call: &mut Call) -> Answer {
        line.end(usize::MAX)?;
        self.resolve_positions(session, call)?;
        let client = self.clients.get(&session);
        let is_open = client.is_some_and(|client| client.consumer.owned.values().any(|one| one.position.is_none()));
        if let Some(place) = client.and_then(|client| client.consumer.group).filter(|_| is_open) {
            self.check_group(place)?;
        }
        let positions = self.positions(session);
        if line.words.is_empty() {
            return Ok(json!({ "position": self.offsets_json(&positions) }));
        }
        let mut asked = Vec::new();
        for text in &line.words {
            let at = self.read_partition(text)?;
            let known = positions.iter().find(|(other, _)| *other == at);
            asked.push(*known.ok_or_else(|| not_assigned(text))?);
        }
        Ok(json!({ "position": self.offsets_json(&asked) }))
    }

    /// `committed [t-0 ...] [group=g]`.
    pub(super) fn committed_line(&mut self, session: Session, mut line: Line) -> Answer {
        let name = line.take("group");
        line.end(usize::MAX)?;
        let own = self.clients.get(&session).and_then(|client| client.config.group.clone());
        let name = name.or(own.map(|name| name.to_string())).ok_or_else(|| {
            refusal(
                "INVALID_GROUP_ID",
                "To use the group management or offset commit APIs, you must provide a valid group.id.",
            )
        })?;
        let place = self.find_group(&name);
        if let Some(place) = place {
            self.check_group(place)?;
        }
        let group = place.map(|place| &self.groups[place as usize]);
        if line.words.is_empty() {
            let all: Vec<(TopicPartition, u64)> = group
                .map(|group| group.offsets.iter().map(|(at, offset)| (*at, *offset)).collect())
                .unwrap_or_default();
            return Ok(json!({ "committed": self.offsets_json(&all) }));
        }
        let mut fields = serde_json::Map::new();
        for text in &line.words {
            let at = self.read_partition(text)?;
            let offset = group.and_then(|group| group.offsets.get(&at));
            fields.insert(text.clone(), offset.map_or(Json::Null, |offset| (*offset).into()));
        }
        Ok(json!({ "committed": fields }))
    }

    /// `pause t-0 ...`, `resume t-0 ...`.
    pub(super) fn pause(&mut self, session: Session, line: Line, pauses: bool) -> Answer {
        line.end(usize::MAX)?;
        for text in &line.words {
            let at = self.read_partition(text)?;
            let owned = self.clients.get_mut(&session).and_then(|client| client.consumer.owned.get_mut(&at));
            owned.ok_or_else(|| not_assigned(text))?.is_paused = pauses;
        }
        self.awake.push(session);
        done()
    }

    /// `close`: commits, if that is automatic, leaves the group, and sends what the producer has left.
    pub(super) fn close_line(&mut self, session: Session, call: &mut Call) -> Answer {
        self.close_poll(session, call);
        self.leave(session, true, call);
        if let Some(client) = self.clients.get_mut(&session) {
            client.consumer.duty = Duty::None;
            client.consumer.group = None;
            // Nobody has to be told of the end of nothing.
            client.producer.flushing = client.producer.unfinished() > 0;
        }
        self.pump(session, call);
        if let Some(client) = self.clients.get_mut(&session).filter(|client| client.producer.unfinished() == 0) {
            // A new producer in the same process has a new id.
            client.producer = super::client::Producer::new();
        }
        Ok(json!({"closed": true}))
    }
}
