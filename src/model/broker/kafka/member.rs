//! The parts of the drawing: what a Kafka cluster, a topic and a consumer group are called, and what can be set.
//!
//! Reproduces: the settings of Kafka 4.0 by their names and with their defaults. Leaves out: settings that change
//! nothing here. `replication lag` is the simulator's own.

use crate::kernel::Port;
use crate::model::broker::broker::Host;
use crate::model::broker::profile;
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role};
use crate::vocabulary::Duration;

/// The name of the host's kind.
pub const HOST: &str = "kafka";

/// The cluster in palette, forms and validation.
pub const CLUSTER_KIND: NodeKind = NodeKind {
    name: HOST,
    label: "Kafka cluster",
    group: Group::Kafka,
    help: "Hosts topics and consumer groups on several brokers. When it crashes, all of them stop at once; single brokers \
           are stopped by its commands.",
    role: Role::Component(|settings| Host::component(&profile::kafka::PROFILE, settings)),
    ports: &[],
    params: HOST_PARAMS,
    commands: HOST_COMMANDS,
};

const DAY: u64 = 86_400;

const fn up_to(seconds: u64) -> ParamType {
    ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(seconds) }
}

const fn from_a_milli(seconds: u64) -> ParamType {
    ParamType::Duration { min: Duration::from_millis(1), max: Duration::from_secs(seconds) }
}

/// The settings of the cluster, and the defaults of drawn producers.
pub const HOST_PARAMS: &[ParamSpec] = &[
    ParamSpec::new(
        "brokers",
        "Brokers",
        ParamType::Integer { min: 1, max: 9 },
        "3",
        "How many brokers the cluster has. More can be added in a run; fewer count only from the next one on.",
    ),
    ParamSpec::new(
        "replication.lag",
        "Replication lag",
        up_to(DAY),
        "\"10ms\"",
        "How long a follower takes to fetch what the leader has.",
    ),
    ParamSpec::new(
        "acks",
        "Acknowledgements (acks)",
        ParamType::Choice(&[("all", "all in-sync replicas"), ("1", "the leader"), ("0", "none")]),
        "\"all\"",
        "Whose answer a producer waits for. With 1, a record is lost if the leader dies before a follower has it; with 0, \
         a producer never learns of a loss.",
    )
    .source("Kafka 4.0: ProducerConfig, acks = all"),
    ParamSpec::new(
        "enable.idempotence",
        "Idempotence",
        ParamType::Toggle,
        "true",
        "Whether the leader knows a batch that it has got before. Without it a retry may write twice, and out of order.",
    )
    .source("Kafka 4.0: ProducerConfig, enable.idempotence = true"),
    ParamSpec::new(
        "linger.ms",
        "Linger",
        up_to(DAY),
        "\"0s\"",
        "How long a producer waits for more records of the same batch.",
    )
    .source("Kafka 4.0 sources: ProducerConfig, linger.ms = 0; 5 from the release of 4.0 on"),
    ParamSpec::new(
        "batch.size",
        "Batch size",
        ParamType::Integer { min: 1, max: 1_048_576 },
        "16384",
        "The size at which a batch is sent without waiting longer, and after which records without a key change their \
         partition.",
    )
    .unit("bytes")
    .source("Kafka 4.0: ProducerConfig, batch.size = 16384"),
    ParamSpec::new(
        "retries",
        "Retries",
        ParamType::Integer { min: 0, max: 2_147_483_647 },
        "2147483647",
        "How often a batch is sent again.",
    )
    .source("Kafka 4.0: ProducerConfig, retries = 2147483647"),
    ParamSpec::new(
        "max.in.flight.requests.per.connection",
        "Requests in flight",
        ParamType::Integer { min: 1, max: 1000 },
        "5",
        "Batches that a producer sends to one broker without an answer. More than 5 rule idempotence out.",
    )
    .source("Kafka 4.0: ProducerConfig, max.in.flight.requests.per.connection = 5"),
    ParamSpec::new(
        "delivery.timeout.ms",
        "Delivery timeout",
        from_a_milli(DAY),
        "\"2m\"",
        "How long a producer tries in all before it gives a record up.",
    )
    .source("Kafka 4.0: ProducerConfig, delivery.timeout.ms = 120000"),
    ParamSpec::new(
        "partitioner.adaptive.partitioning.enable",
        "Adaptive partitioning",
        ParamType::Toggle,
        "true",
        "Whether records without a key rather go where less waits.",
    )
    .source("Kafka 4.0: ProducerConfig, partitioner.adaptive.partitioning.enable = true"),
    ParamSpec::new(
        "unclean.leader.election.enable",
        "Unclean election",
        ParamType::Toggle,
        "false",
        "Whether a replica that is not in sync may lead when no other runs. What it does not have is lost.",
    )
    .source("Kafka 4.0: LogConfig, unclean.leader.election.enable = false"),
    ParamSpec::new(
        "replica.lag.time.max.ms",
        "Longest lag in sync",
        from_a_milli(DAY),
        "\"30s\"",
        "How long a follower may be behind before it leaves the in-sync replicas.",
    )
    .source("Kafka 4.0: ReplicationConfigs, replica.lag.time.max.ms = 30000"),
    ParamSpec::new(
        "broker.session.timeout.ms",
        "Broker session timeout",
        up_to(DAY),
        "\"9s\"",
        "How long the controller waits for a silent broker before others lead in its place.",
    )
    .source("Kafka 4.0: KRaftConfigs, broker.session.timeout.ms = 9000"),
    ParamSpec::new(
        "group.initial.rebalance.delay.ms",
        "Initial rebalance delay",
        up_to(DAY),
        "\"3s\"",
        "How long the first members of a group gather before they get partitions.",
    )
    .source("Kafka 4.0: GroupCoordinatorConfig, group.initial.rebalance.delay.ms = 3000"),
    ParamSpec::new(
        "log.retention.check.interval.ms",
        "Retention check",
        from_a_milli(DAY),
        "\"5m\"",
        "How often the brokers look for segments that are too old or too much.",
    )
    .source("Kafka 4.0: ServerLogConfigs, log.retention.check.interval.ms = 300000"),
    ParamSpec::new(
        "log.cleaner.backoff.ms",
        "Cleaner interval",
        from_a_milli(DAY),
        "\"15s\"",
        "How often the cleaner looks for compacted logs that are dirty enough.",
    )
    .source("Kafka 4.0: CleanerConfig, log.cleaner.backoff.ms = 15000"),
    ParamSpec::new(
        "offsets.retention.minutes",
        "Offsets retention",
        from_a_milli(3650 * DAY),
        "\"7d\"",
        "How long an empty group's committed offsets are kept.",
    )
    .source("Kafka 4.0: GroupCoordinatorConfig, offsets.retention.minutes = 10080"),
];

/// Faults inside the cluster, for buttons: words of the console, with a title and what they do.
pub const HOST_COMMANDS: &[(&str, &str, &str)] = &[
    ("console stop broker 1", "Kill broker 1", "It dies; the controller notices after its session timeout."),
    ("console stop broker 2", "Kill broker 2", "It dies; the controller notices after its session timeout."),
    ("console stop broker 3", "Kill broker 3", "It dies; the controller notices after its session timeout."),
    (
        "console start broker 1",
        "Start broker 1",
        "It runs again, follows, and joins the in-sync replicas when it has all.",
    ),
    (
        "console start broker 2",
        "Start broker 2",
        "It runs again, follows, and joins the in-sync replicas when it has all.",
    ),
    (
        "console start broker 3",
        "Start broker 3",
        "It runs again, follows, and joins the in-sync replicas when it has all.",
    ),
    (
        "console slow follower 2",
        "Slow down broker 2",
        "Its fetches take a minute, so that it leaves the in-sync replicas.",
    ),
    (
        "console isolate broker 1",
        "Isolate broker 1",
        "Only clients reach it: it leads on until the controller misses it.",
    ),
    (
        "console elect-leaders all",
        "Elect preferred leaders",
        "Every partition is led by its first replica again, if that is in sync.",
    ),
];

/// The topic.
pub const TOPIC_KIND: NodeKind = NodeKind {
    name: "topic",
    label: "Topic",
    group: Group::Kafka,
    help: "A log in partitions. Records stay after they are read; every group reads them at its own pace.",
    role: Role::Member { host: HOST },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["publish", "console"],
            help: "Producers. The routing key is the record's key; without one the partition is sticky.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["reads"],
            help: "Groups that read the topic.",
        },
    ],
    params: TOPIC_PARAMS,
    commands: &[],
};

const TOPIC_PARAMS: &[ParamSpec] = &[
    ParamSpec::new(
        "partitions",
        "Partitions",
        ParamType::Integer { min: 1, max: super::PARTITIONS_MAX as i64 },
        "3",
        "Order holds within one partition, and one member of a group reads it. More can be added in a run, and then keys \
         go elsewhere; there can never be fewer.",
    )
    .source("Kafka 4.0: num.partitions is 1; a drawing begins with 3, so that a group has something to share"),
    ParamSpec::new(
        "replication.factor",
        "Replication factor",
        ParamType::Integer { min: 1, max: 9 },
        "1",
        "How many brokers have a copy; at most as many as there are.",
    )
    .source("Kafka 4.0: ReplicationConfigs, default.replication.factor = 1"),
    ParamSpec::new(
        "min.insync.replicas",
        "Fewest in-sync replicas",
        ParamType::Integer { min: 1, max: 9 },
        "1",
        "With acks=all, a record is refused while fewer replicas are in sync.",
    )
    .source("Kafka 4.0: ServerLogConfigs, min.insync.replicas = 1"),
    ParamSpec::new(
        "cleanup.policy",
        "Cleanup policy",
        ParamType::Choice(&[
            ("delete", "delete old segments"),
            ("compact", "keep the last value of each key"),
            ("compact,delete", "both"),
        ]),
        "\"delete\"",
        "What happens to what is no longer needed. A compacted topic takes no record without a key.",
    )
    .source("Kafka 4.0: LogConfig, cleanup.policy = delete"),
    ParamSpec::new(
        "retention.ms",
        "Retention",
        up_to(3650 * DAY),
        "\"7d\"",
        "How old the newest record of a segment may become. Whether anybody has read it does not matter.",
    )
    .source("Kafka 4.0: LogConfig, retention.ms = 604800000"),
    ParamSpec::new(
        "segment.bytes",
        "Segment size",
        ParamType::Integer { min: 1, max: 2_147_483_647 },
        "1073741824",
        "The size at which a segment is closed. Only closed segments are deleted or compacted.",
    )
    .unit("bytes")
    .source("Kafka 4.0: LogConfig, segment.bytes = 1073741824"),
    ParamSpec::new(
        "segment.ms",
        "Segment time",
        from_a_milli(3650 * DAY),
        "\"7d\"",
        "The age at which the next record closes a segment.",
    )
    .source("Kafka 4.0: LogConfig, segment.ms = 604800000"),
    ParamSpec::new(
        "min.cleanable.dirty.ratio",
        "Dirty ratio",
        ParamType::Number { min: 0.0, max: 1.0 },
        "0.5",
        "How much of the closed segments has to be new before a compacted log is cleaned.",
    )
    .source("Kafka 4.0: LogConfig, min.cleanable.dirty.ratio = 0.5"),
    ParamSpec::new(
        "delete.retention.ms",
        "Tombstone retention",
        up_to(3650 * DAY),
        "\"1d\"",
        "How long a null value stays in a compacted log after the cleaner has met it.",
    )
    .source("Kafka 4.0: LogConfig, delete.retention.ms = 86400000"),
    ParamSpec::new(
        "max.message.bytes",
        "Largest record",
        ParamType::Integer { min: 1, max: 2_147_483_647 },
        "1048588",
        "A larger record is refused.",
    )
    .unit("bytes")
    .source("Kafka 4.0: LogConfig, max.message.bytes = 1048588"),
];

/// The consumer group.
pub const GROUP_KIND: NodeKind = NodeKind {
    name: "group",
    label: "Consumer group",
    group: Group::Kafka,
    help: "Shares the partitions of its topics among its consumers, and remembers how far they came.",
    role: Role::Member { host: HOST },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["reads", "console"],
            help: "The topics that it reads.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["subscription"],
            help: "Its members. Those beyond the number of partitions get nothing.",
        },
    ],
    params: GROUP_PARAMS,
    commands: &[],
};

const GROUP_PARAMS: &[ParamSpec] = &[
    ParamSpec::new(
        "group.protocol",
        "Protocol",
        ParamType::Choice(&[("classic", "classic: the members assign"), ("consumer", "consumer: the broker assigns")]),
        "\"classic\"",
        "Who shares the partitions out. The classic protocol stops all members of an eager assignor at every change; \
         with the other one only what moves is stopped.",
    )
    .source("Kafka 4.0: ConsumerConfig, group.protocol = classic; KIP-848"),
    ParamSpec::new(
        "partition.assignment.strategy",
        "Assignor",
        ParamType::Choice(&[
            ("range,cooperative-sticky", "range, ready for cooperative-sticky"),
            ("range", "range"),
            ("roundrobin", "round robin"),
            ("sticky", "sticky"),
            ("cooperative-sticky", "cooperative-sticky"),
        ]),
        "\"range,cooperative-sticky\"",
        "How partitions are shared. Range deals each topic by itself, so the first members get more of every topic. Only \
         cooperative-sticky lets members keep what stays while they share anew.",
    )
    .source("Kafka 4.0: ConsumerConfig, partition.assignment.strategy = [RangeAssignor, CooperativeStickyAssignor]")
    .when("group.protocol", &["classic"]),
    ParamSpec::new(
        "group.remote.assignor",
        "Assignor of the broker",
        ParamType::Choice(&[("uniform", "uniform"), ("range", "range")]),
        "\"uniform\"",
        "How the broker shares partitions: evenly with few moves, or each topic by itself.",
    )
    .source("Kafka 4.0: group.consumer.assignors = [uniform, range]")
    .when("group.protocol", &["consumer"]),
    ParamSpec::new(
        "session.timeout.ms",
        "Session timeout",
        from_a_milli(DAY),
        "\"45s\"",
        "How long a member may be silent. A killed consumer's partitions stand still for this long.",
    )
    .source("Kafka 4.0: ConsumerConfig, session.timeout.ms = 45000"),
    ParamSpec::new(
        "heartbeat.interval.ms",
        "Heartbeat interval",
        from_a_milli(DAY),
        "\"3s\"",
        "How often a member speaks to the coordinator. It learns of a rebalance by the answer.",
    )
    .source("Kafka 4.0: ConsumerConfig, heartbeat.interval.ms = 3000"),
    ParamSpec::new(
        "max.poll.interval.ms",
        "Longest time between polls",
        from_a_milli(DAY),
        "\"5m\"",
        "A member that works for longer without a poll leaves the group by itself. It is also how long the others wait for \
         it in a rebalance.",
    )
    .source("Kafka 4.0: ConsumerConfig, max.poll.interval.ms = 300000"),
    ParamSpec::new(
        "max.poll.records",
        "Records a poll",
        ParamType::Integer { min: 1, max: 10_000 },
        "500",
        "How many records a poll returns at most.",
    )
    .source("Kafka 4.0: ConsumerConfig, max.poll.records = 500"),
    ParamSpec::new(
        "auto.offset.reset",
        "Without a valid offset",
        ParamType::Choice(&[("latest", "begin with what comes"), ("earliest", "begin with the oldest"), ("none", "fail")]),
        "\"latest\"",
        "Where the group begins if it has committed nothing, or what it committed is gone. With latest, what came before \
         the first assignment is never read.",
    )
    .source("Kafka 4.0: ConsumerConfig, auto.offset.reset = latest"),
    ParamSpec::new(
        "auto.commit.interval.ms",
        "Automatic commit",
        from_a_milli(DAY),
        "\"5s\"",
        "How often a poll commits what earlier polls returned, for consumers that acknowledge automatically.",
    )
    .source("Kafka 4.0: ConsumerConfig, auto.commit.interval.ms = 5000"),
    ParamSpec::new(
        "isolation.level",
        "Isolation",
        ParamType::Choice(&[("read_uncommitted", "read uncommitted"), ("read_committed", "read committed")]),
        "\"read_uncommitted\"",
        "Read committed stops at the first open transaction, whosever it is, and skips aborted records.",
    )
    .source("Kafka 4.0: ConsumerConfig, isolation.level = read_uncommitted"),
];
