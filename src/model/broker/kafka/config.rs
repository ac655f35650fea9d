//! The settings of clients, topics and the cluster, by their real names, with their real defaults.
//!
//! Reproduces: Kafka's `ProducerConfig`, `ConsumerConfig`, `LogConfig`, `ServerLogConfigs` and `GroupCoordinatorConfig`
//! as of 4.0's sources. Times are written in milliseconds, or as a span such as `5s`. `enable.idempotence` is on unless
//! `acks` or `max.in.flight.requests.per.connection` rule it out; asked for together with these it is an error.
//!
//! Leaves out: settings of the network, of security and of serializers.

use std::rc::Rc;

use crate::vocabulary::{Duration, Settings, Value};

use super::assign::Strategy;

/// How many replicas a producer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// It does not wait at all.
    None,
    /// The leader.
    Leader,
    /// All in-sync replicas.
    All,
}

/// What a consumer does without a valid position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It begins with the oldest record.
    Earliest,
    /// It begins with what comes next.
    Latest,
    /// It fails.
    None,
}

/// The settings of one client.
#[derive(Clone, Debug)]
pub struct Config {
    /// `client.id`; the console's name of the client unless set.
    pub client_id: Option<Rc<str>>,
    /// `acks`.
    pub acks: Acks,
    /// `enable.idempotence`, if set.
    pub idempotence: Option<bool>,
    /// `linger.ms`.
    pub linger: Duration,
    /// `batch.size` in bytes.
    pub batch_bytes: u32,
    /// `retries`.
    pub retries: u32,
    /// `max.in.flight.requests.per.connection`.
    pub in_flight_max: u32,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Duration,
    /// `request.timeout.ms`.
    pub request_timeout: Duration,
    /// `retry.backoff.ms`.
    pub retry_backoff: Duration,
    /// `partitioner.adaptive.partitioning.enable`.
    pub is_adaptive: bool,
    /// `partitioner.ignore.keys`.
    pub ignores_keys: bool,
    /// `partitioner`: librdkafka's `consistent_random` instead of murmur2.
    pub uses_crc32: bool,
    /// `transactional.id`.
    pub transactional_id: Option<Rc<str>>,
    /// `transaction.timeout.ms`.
    pub transaction_timeout: Duration,
    /// `group.id`.
    pub group: Option<Rc<str>>,
    /// `group.instance.id`.
    pub instance: Option<Rc<str>>,
    /// `group.protocol=consumer`: the broker assigns (KIP-848).
    pub broker_assigns: bool,
    /// `group.remote.assignor=range` instead of `uniform`.
    pub remote_range: bool,
    /// `partition.assignment.strategy`, preferred first.
    pub strategies: Rc<[Strategy]>,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`.
    pub heartbeat: Duration,
    /// `max.poll.interval.ms`.
    pub poll_interval: Duration,
    /// `max.poll.records`.
    pub poll_records: u32,
    /// `auto.offset.reset`.
    pub reset: Reset,
    /// `enable.auto.commit`.
    pub auto_commit: bool,
    /// `auto.commit.interval.ms`.
    pub auto_commit_interval: Duration,
    /// `isolation.level=read_committed`.
    pub read_committed: bool,
    /// `metadata.max.age.ms`.
    pub metadata_age: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            client_id: None,
            acks: Acks::All,
            idempotence: None,
            linger: Duration::ZERO,
            batch_bytes: 16_384,
            retries: i32::MAX as u32,
            in_flight_max: 5,
            delivery_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(30),
            retry_backoff: Duration::from_millis(100),
            is_adaptive: true,
            ignores_keys: false,
            uses_crc32: false,
            transactional_id: None,
            transaction_timeout: Duration::from_secs(60),
            group: None,
            instance: None,
            broker_assigns: false,
            remote_range: false,
            strategies: [Strategy::Range, Strategy::CooperativeSticky].into(),
            session_timeout: Duration::from_secs(45),
            heartbeat: Duration::from_secs(3),
            poll_interval: Duration::from_secs(300),
            poll_records: 500,
            reset: Reset::Latest,
            auto_commit: true,
            auto_commit_interval: Duration::from_secs(5),
            read_committed: false,
            metadata_age: Duration::from_secs(300),
        }
    }
}

/// A span in milliseconds or with a unit.
pub fn span(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        Err(_) => text.parse::<Duration>().map_err(|error| error.to_string()),
    }
}

/// A span, or none for -1.
fn span_or_none(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "-1" => Ok(None),
        _ => span(text).map(Some),
    }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("must be a number, is {text}"))
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!("must be one of {}, is {text}", names.join(", "))
    })
}

fn toggle(text: &str) -> Result<bool, String> {
    choice(text, &[("true", true), ("false", false)])
}

fn name_or_none(text: &str) -> Option<Rc<str>> {
    (!text.is_empty()).then(|| text.into())
}

fn strategies(text: &str) -> Result<Rc<[Strategy]>, String> {
    let names = text.trim_matches(['[', ']']).split(',').map(str::trim);
    let found: Result<Vec<Strategy>, String> = names
        .map(|name| {
            Strategy::named(name)
                .ok_or_else(|| format!("must be range, roundrobin, sticky or cooperative-sticky, is {name}"))
        })
        .collect();
    found.map(Rc::from)
}

impl Config {
    /// Sets one setting by its real name; true if there is a client setting of this name.
    ///
    /// # Errors
    /// What the value must be.
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool, String> {
        Ok(self.set_producer(name, text)? || self.set_consumer(name, text)?)
    }

    fn set_producer(&mut self, name: &str, text: &str) -> Result<bool, String> {
        match name {
            "client.id" => self.client_id = name_or_none(text),
            "acks" => {
                let choices = [("0", Acks::None), ("1", Acks::Leader), ("all", Acks::All), ("-1", Acks::All)];
                self.acks = choice(text, &choices)?;
            }
            "enable.idempotence" => self.idempotence = Some(toggle(text)?),
            "linger.ms" => self.linger = span(text)?,
            "batch.size" => self.batch_bytes = number(text)?,
            "retries" => self.retries = number(text)?,
            "max.in.flight.requests.per.connection" | "max.in.flight.requests" | "max.in.flight" => {
                self.in_flight_max = number::<u32>(text)?.max(1);
            }
            "delivery.timeout.ms" | "message.timeout.ms" => self.delivery_timeout = span(text)?,
            "request.timeout.ms" => self.request_timeout = span(text)?,
            "retry.backoff.ms" => self.retry_backoff = span(text)?,
            "partitioner.adaptive.partitioning.enable" => self.is_adaptive = toggle(text)?,
            "partitioner.ignore.keys" => self.ignores_keys = toggle(text)?,
            "partitioner" => {
                let choices = [("murmur2", false), ("murmur2_random", false), ("consistent_random", true)];
                self.uses_crc32 = choice(text, &choices)?;
            }
            "transactional.id" => self.transactional_id = name_or_none(text),
            "transaction.timeout.ms" => self.transaction_timeout = span(text)?,
            "metadata.max.age.ms" => self.metadata_age = span(text)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_consumer(&mut self, name: &str, text: &str) -> Result<bool, String> {
        match name {
            "group" | "group.id" => self.group = name_or_none(text),
            "group.instance.id" => self.instance = name_or_none(text),
            "group.protocol" => self.broker_assigns = choice(text, &[("classic", false), ("consumer", true)])?,
            "group.remote.assignor" => self.remote_range = choice(text, &[("uniform", false), ("range", true)])?,
            "partition.assignment.strategy" => self.strategies = strategies(text)?,
            "session.timeout.ms" => self.session_timeout = span(text)?,
            "heartbeat.interval.ms" => self.heartbeat = span(text)?,
            "max.poll.interval.ms" => self.poll_interval = span(text)?,
            "max.poll.records" => self.poll_records = number::<u32>(text)?.max(1),
            "auto.offset.reset" => {
                let choices = [
                    ("earliest", Reset::Earliest),
                    ("smallest", Reset::Earliest),
                    ("latest", Reset::Latest),
                    ("largest", Reset::Latest),
                    ("none", Reset::None),
                    ("error", Reset::None),
                ];
                self.reset = choice(text, &choices)?;
            }
            "enable.auto.commit" => self.auto_commit = toggle(text)?,
            "auto.commit.interval.ms" => self.auto_commit_interval = span(text)?,
            "isolation.level" => {
                self.read_committed = choice(text, &[("read_uncommitted", false), ("read_committed", true)])?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes over every setting of a part that is a client setting.
    pub fn read(&mut self, settings: &Settings, names: &[&'static str]) {
        for name in names {
            if let Some(text) = settings.get(name).and_then(text_of) {
                // What a form has let through is within the range.
                self.set(name, &text).unwrap_or_default();
            }
        }
    }

    /// Whether the producer is idempotent.
    #[inline]
    pub fn is_idempotent(&self) -> bool {
        let fits = self.acks == Acks::All && self.in_flight_max <= 5 && self.retries > 0;
        self.transactional_id.is_some() || (fits && self.idempotence.unwrap_or(true))
    }

    /// Why the settings contradict each other, in the words of the Java client.
    pub fn contradiction(&self) -> Option<&'static str> {
        let asks = self.idempotence == Some(true) || self.transactional_id.is_some();
        if self.transactional_id.is_some() && self.idempotence == Some(false) {
            return Some("Cannot set a transactional.id without also enabling idempotence.");
        }
        match asks {
            true if self.acks != Acks::All => Some(
                "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.",
            ),
            true if self.in_flight_max > 5 => Some(
                "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer.",
            ),
            true if self.retries == 0 => Some("Must set retries to non-zero when using the idempotent producer."),
            _ => None,
        }
    }
}

/// A value of the drawing as the text of a setting.
pub fn text_of(value: &Value) -> Option<String> {
    Some(match value {
        Value::Toggle(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Duration(span) => span.to_string(),
        _ => return None,
    })
}

/// The settings of one topic.
#[derive(Clone, Debug)]
pub struct TopicConfig {
    /// `min.insync.replicas`.
    pub in_sync_min: u32,
    /// `retention.ms`; none for -1.
    pub retention: Option<Duration>,
    /// `retention.bytes`; none for -1.
    pub retention_bytes: Option<u64>,
    /// `segment.bytes`.
    pub segment_bytes: u64,
    /// `segment.ms`.
    pub segment_span: Duration,
    /// `cleanup.policy` has `delete`.
    pub deletes: bool,
    /// `cleanup.policy` has `compact`.
    pub compacts: bool,
    /// `min.cleanable.dirty.ratio`.
    pub dirty_ratio: f64,
    /// `delete.retention.ms`.
    pub delete_retention: Duration,
    /// `max.message.bytes`.
    pub message_bytes_max: u32,
    /// `unclean.leader.election.enable`, if the topic sets it.
    pub unclean: Option<bool>,
}

impl Default for TopicConfig {
    fn default() -> TopicConfig {
        TopicConfig {
            in_sync_min: 1,
            retention: Some(Duration::from_secs(7 * 86_400)),
            retention_bytes: None,
            segment_bytes: 1 << 30,
            segment_span: Duration::from_secs(7 * 86_400),
            deletes: true,
            compacts: false,
            dirty_ratio: 0.5,
            delete_retention: Duration::from_secs(86_400),
            message_bytes_max: 1_048_588,
            unclean: None,
        }
    }
}

impl TopicConfig {
    /// Sets one setting by its real name; true if there is a topic setting of this name.
    ///
    /// # Errors
    /// What the value must be.
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool, String> {
        match name {
            "min.insync.replicas" => self.in_sync_min = number::<u32>(text)?.max(1),
            "retention.ms" => self.retention = span_or_none(text)?,
            "retention.bytes" => self.retention_bytes = if text == "-1" { None } else { Some(number(text)?) },
            "segment.bytes" => self.segment_bytes = number::<u64>(text)?.max(1),
            "segment.ms" => self.segment_span = span(text)?,
            "cleanup.policy" => {
                let has = |policy: &str| text.split([',', '+']).any(|part| part.trim() == policy);
                if !(has("delete") || has("compact")) {
                    return Err(format!("must be delete, compact or compact,delete, is {text}"));
                }
                (self.deletes, self.compacts) = (has("delete"), has("compact"));
            }
            "min.cleanable.dirty.ratio" => self.dirty_ratio = number(text)?,
            "delete.retention.ms" => self.delete_retention = span(text)?,
            "max.message.bytes" => self.message_bytes_max = number(text)?,
            "unclean.leader.election.enable" => self.unclean = Some(toggle(text)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The settings of the cluster.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// How long a follower takes to fetch what the leader has: the simulator's own number.
    pub replication_lag: Duration,
    /// `replica.lag.time.max.ms`.
    pub lag_max: Duration,
    /// `broker.session.timeout.ms`: how long the controller waits for a silent broker.
    pub broker_timeout: Duration,
    /// `log.retention.check.interval.ms`.
    pub retention_check: Duration,
    /// `log.cleaner.backoff.ms`.
    pub cleaner_backoff: Duration,
    /// `offsets.retention.minutes`.
    pub offsets_retention: Duration,
    /// `group.initial.rebalance.delay.ms`.
    pub initial_delay: Duration,
    /// `group.consumer.heartbeat.interval.ms`, for `group.protocol=consumer`.
    pub consumer_heartbeat: Duration,
    /// `unclean.leader.election.enable`.
    pub unclean: bool,
    /// `auto.leader.rebalance.enable`.
    pub balances_leaders: bool,
    /// `leader.imbalance.check.interval.seconds`.
    pub imbalance_check: Duration,
    /// `auto.create.topics.enable`.
    pub auto_create: bool,
    /// `num.partitions` of topics that are made by being used.
    pub partitions: u32,
    /// `default.replication.factor`.
    pub replication_factor: u32,
}

impl Default for ClusterConfig {
    fn default() -> ClusterConfig {
        ClusterConfig {
            replication_lag: Duration::from_millis(10),
            lag_max: Duration::from_secs(30),
            broker_timeout: Duration::from_secs(9),
            retention_check: Duration::from_secs(300),
            cleaner_backoff: Duration::from_secs(15),
            offsets_retention: Duration::from_secs(10_080 * 60),
            initial_delay: Duration::from_secs(3),
            consumer_heartbeat: Duration::from_secs(5),
            unclean: false,
            balances_leaders: true,
            imbalance_check: Duration::from_secs(300),
            auto_create: true,
            partitions: 1,
            replication_factor: 1,
        }
    }
}

impl ClusterConfig {
    /// Sets one setting by its real name; true if there is a cluster setting of this name.
    ///
    /// # Errors
    /// What the value must be.
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool, String> {
        // A check that is always due would never end.
        let interval = |text: &str| span(text).map(|span| span.max(Duration::from_millis(1)));
        match name {
            "replication.lag" => self.replication_lag = span(text)?,
            "replica.lag.time.max.ms" => self.lag_max = interval(text)?,
            "broker.session.timeout.ms" => self.broker_timeout = span(text)?,
            "log.retention.check.interval.ms" => self.retention_check = interval(text)?,
            "log.cleaner.backoff.ms" => self.cleaner_backoff = interval(text)?,
            "offsets.retention.minutes" => {
                self.offsets_retention = match text.parse::<u64>() {
                    Ok(minutes) => Duration::from_secs(minutes.saturating_mul(60)),
                    Err(_) => span(text)?,
                };
            }
            "group.initial.rebalance.delay.ms" => self.initial_delay = span(text)?,
            "group.consumer.heartbeat.interval.ms" => self.consumer_heartbeat = interval(text)?,
            "unclean.leader.election.enable" => self.unclean = toggle(text)?,
            "auto.leader.rebalance.enable" => self.balances_leaders = toggle(text)?,
            "leader.imbalance.check.interval.seconds" => {
                self.imbalance_check = match text.parse::<u64>() {
                    Ok(seconds) => Duration::from_secs(seconds.max(1)),
                    Err(_) => interval(text)?,
                };
            }
            "auto.create.topics.enable" => self.auto_create = toggle(text)?,
            "num.partitions" => self.partitions = number::<u32>(text)?.clamp(1, super::PARTITIONS_MAX),
            "default.replication.factor" => self.replication_factor = number::<u32>(text)?.max(1),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
