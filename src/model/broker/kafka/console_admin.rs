//! The console's words of an administrator: topics, groups, and faults of brokers.
//!
//! Leaves out: everything about security and quotas.

use serde_json::{json, Map, Value as Json};

use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Duration};

use super::client::{refusal, Refusal};
use super::config::{span, TopicConfig};
use super::console::{done, usage, Answer, Line};
use super::coordination::{not_available, seat_of};
use super::log::{ABORTED, COMMIT, TRANSACTIONAL};
use super::poll::record_json;
use super::replication::BrokerState;
use super::topic::check_name;
use super::{shared, Kafka};

/// How long the fetches of a slow follower take unless said otherwise: long enough to leave the in-sync replicas.
const SLOW: Duration = Duration::from_secs(60);

fn unknown_topic() -> Refusal {
    refusal("UNKNOWN_TOPIC_OR_PARTITION", "This server does not host this topic-partition.")
}

impl Kafka {
    /// Performs an operation of an administrator.
    pub(super) fn administrate(&mut self, name: &str, line: Line, call: &mut Call) -> Answer {
        match name {
            "create-topic" => self.create_topic_line(line, call),
            "alter-topic" => self.alter_topic(line, call),
            "delete-topic" => {
                line.end(1)?;
                let topic = self.topic_of(line.word(0, "The topic")?)?;
                self.places.retain(|_, place| !matches!(place, super::Place::Topic(other) if *other == topic));
                self.delete_topic(topic, DropReason::Deleted, call);
                done()
            }
            "topics" => {
                let topics = self.topics.iter().filter(|topic| !topic.is_deleted).map(|topic| &*topic.name);
                Ok(json!({ "topics": topics.collect::<Vec<_>>() }))
            }
            "describe" => self.describe(line),
            "log" => self.show_log(line),
            "add-partitions" => {
                line.end(2)?;
                let topic = self.topic_of(line.word(0, "The topic")?)?;
                let count = line.word(1, "The number of partitions")?;
                let count = count.parse().map_err(|_| usage("The number of partitions must be a number."))?;
                self.add_partitions(topic, count, call)?;
                done()
            }
            "reassign" => self.reassign_line(line, call),
            "elect-leaders" => self.elect_line(line, call),
            "coordinator" => {
                line.end(1)?;
                let seat = seat_of(line.word(0, "The group")?);
                let leader = self.seats.coordinator(seat, &self.brokers).ok_or_else(not_available)?;
                Ok(json!({"partition": seat, "coordinator": leader + 1}))
            }
            "delete-records" => self.delete_records_line(line, call),
            "groups" => {
                let groups = self.groups.iter().filter(|group| !group.name.is_empty()).map(|group| &*group.name);
                Ok(json!({ "groups": groups.collect::<Vec<_>>() }))
            }
            "describe-group" => self.describe_group(line),
            "reset-offsets" => self.reset_offsets(line, call),
            "brokers" => Ok(self.brokers_json()),
            "broker-config" => self.broker_config(line),
            "stop" | "start" | "slow" | "isolate" | "heal" => self.trouble(name, line, call),
            _ => Err(usage(format!("There is no operation \"{name}\"; help lists all."))),
        }
    }

    fn topic_of(&self, name: &str) -> Result<u32, Refusal> {
        self.find_topic(name).ok_or_else(unknown_topic)
    }

    fn create_topic_line(&mut self, mut line: Line, call: &mut Call) -> Answer {
        let name = line.word(0, "The topic")?.to_string();
        check_name(&name)?;
        if self.find_topic(&name).is_some() {
            return Err(refusal("TOPIC_ALREADY_EXISTS", format!("Topic '{name}' already exists.")));
        }
        let small =
            |number: Option<u64>, default: u32| number.map_or(default, |one| one.min(u64::from(u32::MAX)) as u32);
        let partitions = small(line.take_number("partitions")?, self.config.partitions);
        let replicas = small(line.take_number("replication.factor")?, self.config.replication_factor);
        let config = topic_config(TopicConfig::default(), &mut line)?;
        line.end(1)?;
        self.create_topic(shared(&name), partitions, replicas, config, call)?;
        Ok(json!({"topic": name, "partitions": partitions, "replication.factor": replicas}))
    }

    fn alter_topic(&mut self, mut line: Line, call: &mut Call) -> Answer {
        let topic = self.topic_of(line.word(0, "The topic")?)?;
        let config = topic_config(self.topics[topic as usize].config.clone(), &mut line)?;
        line.end(1)?;
        self.topics[topic as usize].config = config;
        self.each_partition(|kafka, at| {
            if at.topic == topic {
                kafka.plan_retention(at, call.now);
                kafka.plan_clean(at, call.now);
            }
        });
        done()
    }

    fn describe(&self, line: Line) -> Answer {
        line.end(1)?;
        let topic = &self.topics[self.topic_of(line.word(0, "The topic")?)? as usize];
        let partitions = topic.partitions.iter().enumerate().map(|(index, partition)| {
            let replicas = partition.replicas.iter().map(|replica| replica.broker + 1).collect::<Vec<_>>();
            let in_sync = partition.replicas.iter().filter(|replica| replica.in_sync);
            let mut described = json!({
                "partition": index,
                "leader": partition.leader.map(|leader| leader + 1),
                "leader_epoch": partition.leader_epoch,
                "replicas": replicas,
                "isr": in_sync.map(|replica| replica.broker + 1).collect::<Vec<_>>(),
                "log_start_offset": partition.log.start,
                "high_watermark": partition.high_watermark,
                "last_stable_offset": partition.last_stable(),
                "log_end_offset": partition.log.end,
                "segments": partition.log.segments().map(|segment| segment.base).collect::<Vec<_>>(),
            });
            if let Some(target) = &partition.target {
                described["reassigned_to"] = target.iter().map(|broker| broker + 1).collect();
            }
            described
        });
        Ok(json!({"topic": &*topic.name, "partitions": partitions.collect::<Vec<_>>()}))
    }

    fn show_log(&self, line: Line) -> Answer {
        line.end(1)?;
        let at = self.read_partition(line.word(0, "The partition")?)?;
        let name = &self.topics[at.topic as usize].name;
        let records = self.partition(at).log.iter().map(|record| {
            let mut json = match &record.content {
                Some(_) => record_json(name, at.partition, record),
                None => json!({
                    "topic": &**name,
                    "partition": at.partition,
                    "offset": record.offset,
                    "control": if record.is(COMMIT) { "COMMIT" } else { "ABORT" },
                }),
            };
            if record.is(TRANSACTIONAL) && record.content.is_some() {
                json["transactional"] = true.into();
            }
            if record.is(ABORTED) {
                json["aborted"] = true.into();
            }
            json
        });
        Ok(json!({ "records": records.collect::<Vec<_>>() }))
    }

    fn delete_records_line(&mut self, line: Line, call: &mut Call) -> Answer {
        line.end(2)?;
        let text = line.word(0, "The partition")?;
        let at = self.read_partition(text)?;
        let high_watermark = self.partition(at).high_watermark;
        let before = match line.word(1, "The offset")? {
            "-1" => high_watermark,
            number => number.parse().map_err(|_| usage("The offset must be a number."))?,
        };
        if before > high_watermark {
            let text = format!("Cannot increment the log start offset to {before} of partition {text} since it is larger than the high watermark {high_watermark}");
            return Err(refusal("OFFSET_OUT_OF_RANGE", text));
        }
        let low = self.delete_records(at, before, call);
        Ok(json!({ "low_watermark": low }))
    }

    fn describe_group(&self, line: Line) -> Answer {
        line.end(1)?;
        let name = line.word(0, "The group")?;
        let Some(place) = self.find_group(name).filter(|_| !name.is_empty()) else {
            return Err(refusal("GROUP_ID_NOT_FOUND", format!("Group {name} not found.")));
        };
        let coordinator = self.check_group(place)?;
        let group = &self.groups[place as usize];
        let members = group.members.iter().map(|member| {
            json!({
                "member.id": &*member.id,
                "group.instance.id": member.instance.as_deref(),
                "client.id": &*member.client,
                "assignment": self.labels(&member.assignment),
            })
        });
        let members: Vec<Json> = members.collect();
        let mut offsets = Map::new();
        for (at, committed) in group.offsets.iter().filter(|(at, _)| self.has_partition(**at)) {
            let end = self.partition(*at).high_watermark;
            let lag = end.saturating_sub(*committed);
            offsets.insert(
                super::label(&self.topics, *at),
                json!({"committed": committed, "log_end_offset": end, "lag": lag}),
            );
        }
        Ok(json!({
            "group": name,
            "state": group.state.label(),
            "coordinator": coordinator + 1,
            "generation": group.generation,
            "protocol": group.strategy.label(),
            "members": members,
            "offsets": offsets,
        }))
    }

    /// `reset-offsets GROUP t-0=5 ...`: only while the group has no members.
    fn reset_offsets(&mut self, mut line: Line, call: &mut Call) -> Answer {
        let offsets = self.read_offsets(&mut line)?;
        line.end(1)?;
        let group = self.use_group(line.word(0, "The group")?)?;
        self.check_group(group)?;
        if !self.groups[group as usize].members.is_empty() {
            let text = "Assignments can only be reset if the group is inactive.";
            return Err(refusal("NON_EMPTY_GROUP", text));
        }
        for (at, offset) in &offsets {
            self.store_offset(group, *at, *offset, call.broker, call);
        }
        Ok(json!({ "committed": self.offsets_json(&offsets) }))
    }

    fn brokers_json(&self) -> Json {
        let brokers = self.brokers.iter().enumerate().map(|(index, broker)| {
            let state = match broker.state {
                BrokerState::Up => "up",
                BrokerState::Isolated => "isolated",
                BrokerState::Down => "down",
            };
            json!({"id": index + 1, "state": state, "fenced": broker.is_fenced})
        });
        json!({ "brokers": brokers.collect::<Vec<_>>() })
    }

    fn broker_config(&mut self, mut line: Line) -> Answer {
        let options = std::mem::take(&mut line.options);
        line.end(0)?;
        for (name, value) in options {
            match self.config.set(&name, &value) {
                Ok(true) => {}
                Ok(false) => return Err(refusal("INVALID_CONFIG", format!("Unknown broker config name: {name}"))),
                Err(text) => {
                    let text = format!("Invalid value {value} for configuration {name}: {text}");
                    return Err(refusal("INVALID_CONFIG", text));
                }
            }
        }
        done()
    }

    /// `stop broker N [clean]`, `start broker N`, `slow follower N [lag=60s]`, `isolate broker N`, `heal broker N`.
    fn trouble(&mut self, word: &str, mut line: Line, call: &mut Call) -> Answer {
        let lag = line.take("lag").map(|text| span(&text).map_err(usage)).transpose()?;
        let clean = line.words.last().is_some_and(|word| word == "clean");
        line.end(2 + usize::from(clean))?;
        let what = line.word(0, "\"broker\"")?;
        let number: usize = line.word(1, "The broker")?.parse().map_err(|_| usage("The broker must be a number."))?;
        if !matches!(what, "broker" | "follower") || number == 0 || number > self.brokers.len() {
            let text = format!("There are the brokers 1 to {}.", self.brokers.len());
            return Err(refusal("BROKER_ID_NOT_REGISTERED", text));
        }
        let broker = (number - 1) as u8;
        let state = self.brokers[broker as usize].state;
        match word {
            "stop" if state != BrokerState::Down => self.stop_broker(broker, BrokerState::Down, clean, call),
            "isolate" if state == BrokerState::Up => self.stop_broker(broker, BrokerState::Isolated, false, call),
            "slow" => self.slow_broker(broker, Some(lag.unwrap_or(SLOW)), call),
            "start" | "heal" if state != BrokerState::Up => self.start_broker(broker, call),
            "start" | "heal" => self.slow_broker(broker, None, call),
            _ => return Err(usage(format!("Broker {number} is not up."))),
        }
        done()
    }
}

fn topic_config(mut config: TopicConfig, line: &mut Line) -> Result<TopicConfig, Refusal> {
    for (name, value) in std::mem::take(&mut line.options) {
        match config.set(&name, &value) {
            Ok(true) => {}
            Ok(false) => return Err(refusal("INVALID_CONFIG", format!("Unknown topic config name: {name}"))),
            Err(text) => {
                let text = format!("Invalid value {value} for configuration {name}: {text}");
                return Err(refusal("INVALID_CONFIG", text));
            }
        }
    }
    Ok(config)
}
