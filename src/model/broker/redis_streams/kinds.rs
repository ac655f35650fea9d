//! What can be drawn of Redis Streams: a stream, a consumer group, and the wires between them.
//!
//! Reproduces: the options of Redis 7.0 commands as parameters, with the defaults that leaving an option out has
//! (redis.io, "XADD", "XGROUP CREATE", "XREADGROUP", "XAUTOCLAIM"). Leaves out: trimming with LIMIT, and a length and
//! an age at once, which Redis refuses.

use crate::kernel::Port;
use crate::model::broker::broker::Host;
use crate::model::broker::profile;
use crate::model::kind::{Direction, Group, NodeKind, ParamSpec, ParamType, PortSpec, Role, WireKind};
use crate::vocabulary::Duration;

/// The name of the host's kind.
pub const HOST: &str = "redis";

const DAY: Duration = Duration::from_secs(86_400);

/// The parameters of the server.
pub const HOST_PARAMS: &[ParamSpec] = &[
    ParamSpec::new(
        "persistence",
        "Persistence",
        ParamType::Choice(&[
            ("always", "Append-only file, synced at every command"),
            ("everysec", "Append-only file, synced every second"),
            ("no", "Append-only file, synced by the system"),
            ("rdb", "Snapshots only"),
            ("off", "None"),
        ]),
        "\"everysec\"",
        "What a crash of the machine leaves. Each second, at most a second is lost. By the system: about 30 seconds. An \
         unchanged redis.conf has snapshots only: up to an hour is lost when little is written.",
    )
    .source("Redis 7.0, \"Redis persistence\": appendonly, appendfsync, save 3600 1 300 100 60 10000"),
    ParamSpec::new(
        "sync_time",
        "Sync of the file",
        ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(60) },
        "\"10ms\"",
        "How long an fsync takes at normal speed. That is part of the latency of the link; when the server is slowed down, \
         it takes longer. Synced at every command, every answer waits for it. Synced every second, answers wait only \
         while a sync takes more than 2 s.",
    )
    .source("Redis 7.0, redis.conf: appendfsync; aof.c flushAppendOnlyFile, which postpones a write for 2 s at most"),
    ParamSpec::new(
        "replicas",
        "Replicas",
        ParamType::Integer { min: 0, max: 5 },
        "0",
        "How many other servers follow this one. A write is answered before they have it.",
    )
    .source("Redis 7.0, \"Redis replication\": asynchronous by default; none unless replicaof is set"),
    ParamSpec::new(
        "replica_lag",
        "Replicas lag by",
        ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(3600) },
        "\"100ms\"",
        "How long it takes until the replicas have a write and say so. What is younger at a failover is lost.",
    )
    .source("Redis 7.0, INFO replication: lag, in seconds; WAIT. There is no default: it is the network's"),
    ParamSpec::new(
        "node_entries",
        "Entries per node",
        ParamType::Integer { min: 0, max: 1_000_000 },
        "100",
        "Approximate trimming removes whole nodes of so many entries. 0: no limit but that of bytes.",
    )
    .source("Redis 7.0, redis.conf: stream-node-max-entries 100"),
    ParamSpec::new(
        "node_bytes",
        "Bytes per node",
        ParamType::Integer { min: 0, max: 1_000_000_000 },
        "4096",
        "A node is also full when it has so many bytes. 0: no limit.",
    )
    .unit("bytes")
    .source("Redis 7.0, redis.conf: stream-node-max-bytes 4096"),
];

/// The server in palette, forms and validation.
pub const SERVER: NodeKind = NodeKind {
    name: HOST,
    label: "Redis server",
    group: Group::RedisStreams,
    help: "Hosts streams and their consumer groups. What a crash leaves of them depends on its persistence.",
    role: Role::Component(|settings| Host::component(&profile::redis_streams::PROFILE, settings)),
    ports: &[],
    params: HOST_PARAMS,
    commands: &[(
        "console SENTINEL FAILOVER redis",
        "Fail over",
        "A replica takes over as if the server were gone: what it has not got yet is lost.",
    )],
};

/// The stream in palette, forms and validation.
pub const STREAM: NodeKind = NodeKind {
    name: "stream",
    label: "Stream",
    group: Group::RedisStreams,
    help: "An append-only log. Entries stay after they are read and acknowledged, until the stream is trimmed.",
    role: Role::Member { host: HOST },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["publish", "give_up", "console"],
            help: "Producers, which add entries with XADD.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["reads", "subscription"],
            help: "Consumer groups; or consumers that read with XREAD, each of which gets every new entry.",
        },
    ],
    params: &[
        ParamSpec::new(
            "trim",
            "Trims",
            ParamType::Choice(&[("none", "Nothing"), ("maxlen", "To a length"), ("minid", "By age")]),
            "\"none\"",
            "What each XADD removes from the head of the stream. Trimming does not ask whether a group has read an entry \
             or acknowledged it.",
        )
        .source("Redis 7.0, \"XADD\": MAXLEN, MINID; neither unless it is asked for"),
        ParamSpec::new(
            "maxlen",
            "Greatest length",
            ParamType::Integer { min: 0, max: 1_000_000 },
            "1000",
            "So many of the newest entries stay. With 0 not even the new one does.",
        )
        .unit("entries")
        .source("Redis 7.0, \"XTRIM\": MAXLEN")
        .when("trim", &["maxlen"]),
        ParamSpec::new(
            "max_age",
            "Greatest age",
            ParamType::Duration { min: Duration::ZERO, max: Duration::from_secs(30 * 86_400) },
            "\"1h\"",
            "Entries older than this go when the next one is added; not before.",
        )
        .source("Redis 7.0, \"XTRIM\": MINID")
        .when("trim", &["minid"]),
        ParamSpec::new(
            "approximate",
            "Whole nodes only",
            ParamType::Toggle,
            "false",
            "Trims with ~: cheaper, and some more entries stay, up to a node's worth.",
        )
        .source("Redis 7.0, \"XTRIM\": exact unless ~ is given")
        .when("trim", &["maxlen", "minid"]),
    ],
    commands: &[],
};

/// The consumer group in palette, forms and validation.
pub const STREAM_GROUP: NodeKind = NodeKind {
    name: "stream_group",
    label: "Consumer group",
    group: Group::RedisStreams,
    help: "Reads a stream on behalf of several consumers: each entry goes to one of them, and stays pending until it is \
           acknowledged.",
    role: Role::Member { host: HOST },
    ports: &[
        PortSpec {
            name: "in",
            port: Port(0),
            direction: Direction::In,
            wires: &["reads", "console"],
            help: "The stream that it reads. With several, the first counts.",
        },
        PortSpec {
            name: "out",
            port: Port(1),
            direction: Direction::Out,
            wires: &["subscription"],
            help: "Its consumers, which read with XREADGROUP.",
        },
        PortSpec {
            name: "dead",
            port: Port(2),
            direction: Direction::Out,
            wires: &["give_up"],
            help: "The stream for entries that were delivered too often.",
        },
    ],
    params: &[
        ParamSpec::new(
            "start",
            "Starts at",
            ParamType::Choice(&[("$", "$: the end of the stream"), ("0", "0: its beginning")]),
            "\"$\"",
            "Which entries a group that is made while the stream has some begins with. It creates the stream if need be.",
        )
        .source("Redis 7.0, \"XGROUP CREATE\"; the command has no default, $ is the usual choice"),
        ParamSpec::new(
            "noack",
            "No acknowledgement",
            ParamType::Toggle,
            "false",
            "An entry is done as soon as it is sent. What a consumer loses is lost.",
        )
        .source("Redis 7.0, \"XREADGROUP\": NOACK"),
        ParamSpec::new(
            "claim_idle",
            "Claims after",
            ParamType::Duration { min: Duration::ZERO, max: DAY },
            "\"0s\"",
            "Before a consumer reads new entries, it takes over pending ones that were not delivered for so long, its own \
             among them. 0: never, and what a dead consumer held stays pending.",
        )
        .source("Redis 7.0, \"XAUTOCLAIM\"; Redis itself takes nothing back"),
        ParamSpec::new(
            "own_pending",
            "Reads its own first",
            ParamType::Toggle,
            "false",
            "When it connects, a consumer first reads what is pending under its own name, as after a crash.",
        )
        .source("Redis 7.0, \"XREADGROUP\": an id in place of >"),
        ParamSpec::new(
            "delivery_limit",
            "Deliveries at most",
            ParamType::Integer { min: 0, max: 1_000 },
            "0",
            "An entry that was delivered so often is not claimed again but given to the stream of the dead-letter wire, \
             and acknowledged; without such a wire it is given up. 0: no limit.",
        )
        .source("A pattern of clients: XPENDING, XADD to another stream, XACK (Redis 7.0, \"Streams\")"),
    ],
    commands: &[],
};

/// From a group to the stream for what was delivered too often.
pub const GIVE_UP_WIRE: WireKind = WireKind {
    name: "give_up",
    label: "Dead letters",
    help: "What the group's consumers give up is added to the stream at the other end.",
    link: false,
    params: &[],
};
