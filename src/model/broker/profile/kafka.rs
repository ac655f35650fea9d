//! Apache Kafka: its words, defaults and guarantees, and how far each behaviour is reproduced.
//!
//! Reproduces: version 4.0 as its sources of October 2024 and its documentation describe it. Leaves out: what the lines
//! with [`Coverage::LeftOut`] say.

use super::{line, states, word, Coverage, Fidelity, Profile, Statement};
use crate::model::broker::kafka;
use crate::model::broker::server::Word;

/// Apache Kafka.
pub const PROFILE: Profile = Profile {
    name: "kafka",
    label: "Apache Kafka",
    host: "kafka",
    version: "4.0",
    terms: || TERMS,
    defaults: || DEFAULTS,
    guarantees: || GUARANTEES,
    fidelity: || FIDELITY,
    words: || WORDS,
    server: kafka::server,
};

/// Its words.
pub const TERMS: &[Statement] = &[
    states("entry point", "topic, in partitions", "Kafka documentation: Main Concepts and Terminology"),
    states("message", "record: key, value, headers", "Kafka documentation: Main Concepts and Terminology"),
    states("rule of routing", "partitioner: the hash of the key", "BuiltInPartitioner.java; Utils.murmur2"),
    states("subscriber", "consumer, a member of a consumer group", "Kafka documentation: The Consumer"),
    states("acknowledgement", "commit of the next offset to read", "Kafka documentation: Consumer Position"),
    states("negative acknowledgement", "none; a client seeks back", "KafkaConsumer.java"),
    states("waiting messages", "lag: log end minus committed offset", "Kafka documentation: Monitoring"),
    states("unit of order", "partition", "Kafka documentation: Guarantees"),
    states("saved", "replicated to the in-sync replicas, up to the high watermark", "Kafka documentation: Replication"),
];

/// Its defaults.
pub const DEFAULTS: &[Statement] = &[
    states("acks", "all", "ProducerConfig.java"),
    states("enable.idempotence", "true", "ProducerConfig.java"),
    states("retries", "2147483647", "ProducerConfig.java"),
    states("linger.ms", "0", "ProducerConfig.java of October 2024; 5 from the release of 4.0 on"),
    states("batch.size", "16384", "ProducerConfig.java"),
    states("max.in.flight.requests.per.connection", "5", "ProducerConfig.java"),
    states("delivery.timeout.ms", "120000", "ProducerConfig.java"),
    states("enable.auto.commit", "true", "ConsumerConfig.java"),
    states("auto.commit.interval.ms", "5000", "ConsumerConfig.java"),
    states("auto.offset.reset", "latest", "ConsumerConfig.java"),
    states("max.poll.records", "500", "ConsumerConfig.java"),
    states("max.poll.interval.ms", "300000", "ConsumerConfig.java"),
    states("session.timeout.ms", "45000", "ConsumerConfig.java"),
    states("heartbeat.interval.ms", "3000", "ConsumerConfig.java"),
    states("isolation.level", "read_uncommitted", "ConsumerConfig.java"),
    states("partition.assignment.strategy", "range, cooperative-sticky", "ConsumerConfig.java"),
    states("group.initial.rebalance.delay.ms", "3000", "GroupCoordinatorConfig.java"),
    states("offsets.retention.minutes", "10080", "GroupCoordinatorConfig.java"),
    states("retention.ms", "604800000", "LogConfig.java"),
    states("segment.bytes", "1073741824", "LogConfig.java"),
    states("segment.ms", "604800000", "LogConfig.java"),
    states("min.cleanable.dirty.ratio", "0.5", "LogConfig.java"),
    states("delete.retention.ms", "86400000", "LogConfig.java"),
    states("min.insync.replicas", "1", "ServerLogConfigs.java"),
    states("log.retention.check.interval.ms", "300000", "ServerLogConfigs.java"),
    states("unclean.leader.election.enable", "false", "LogConfig.java"),
    states("replica.lag.time.max.ms", "30000", "ReplicationConfigs.java"),
    states("transaction.timeout.ms", "60000", "ProducerConfig.java"),
];

/// What it promises.
pub const GUARANTEES: &[Statement] = &[
    states(
        "order",
        "inside a partition, as the leader appended it; with idempotence also over retries",
        "Kafka documentation: Guarantees; KIP-98",
    ),
    states(
        "delivery",
        "at least once if offsets are committed after the work; at most once if before; exactly once with transactions",
        "Kafka documentation: Message Delivery Semantics",
    ),
    states(
        "durability",
        "what acks=all confirmed is not lost while one in-sync replica lives",
        "Kafka documentation: Guarantees",
    ),
    states(
        "return of what a lost consumer held",
        "when its session times out; the heir begins at the last commit",
        "Kafka documentation: Consumer rebalance protocol; recorded: crash_then_session_timeout",
    ),
    states(
        "restart",
        "the log stays; positions that were not committed are read again",
        "Kafka documentation: Persistence",
    ),
    states("retention", "whole segments go by age or size, read or not", "Kafka documentation: Topic configs"),
];

use Coverage::{LeftOut, Modelled, Simplified};

/// What is reproduced and what is not.
pub const FIDELITY: &[Fidelity] = &[
    line("Partitioning", "A key's partition is murmur2 and a mask, not the absolute value; an empty key is a key.", Modelled, "Recorded: keyed_partitioner; UtilsTest.java", "keyed_partitioner"),
    line("Partitioning", "More partitions move keys.", Modelled, "Utils.toPositive", "more_partitions_move_keys"),
    line("Partitioning", "librdkafka's own partitioner hashes with CRC-32.", Modelled, "librdkafka: CONFIGURATION.md", "librdkafka_hashes_with_crc32"),
    line("Partitioning", "Without a key: one partition until batch.size bytes went there, then another by chance.", Modelled, "BuiltInPartitioner.java", "records_without_a_key_stick_to_a_partition"),
    line("Partitioning", "Adaptive partitioning weighs by what waits in the producer.", Simplified, "BuiltInPartitioner.java; by batches, not by the time that a broker needs", "records_without_a_key_stick_to_a_partition"),
    line("Producing", "acks=0 hears nothing of a loss; acks=1 loses what no follower had; acks=all waits for the in-sync replicas.", Modelled, "ProducerConfig.java, acks", "acks_and_failover"),
    line("Producing", "acks=all is refused below min.insync.replicas, and tried again.", Modelled, "ServerLogConfigs.java; TopicConfig.java", "too_few_in_sync_replicas"),
    line("Producing", "linger.ms and batch.size make batches.", Modelled, "RecordAccumulator.java", "a_batch_waits_for_linger_or_its_size"),
    line("Producing", "The leader remembers five batches of an idempotent producer: a duplicate gets its old offset, a gap is an error.", Modelled, "ProducerStateEntry.java; KIP-98", "idempotence"),
    line("Producing", "Without idempotence a lost answer leads to a second copy.", Modelled, "Kafka documentation: Message Delivery Semantics", "a_retry_without_idempotence_writes_twice"),
    line("Producing", "Settings that contradict idempotence are refused, or switch it off.", Modelled, "ProducerConfig.java", "contradictions"),
    line("Producing", "delivery.timeout.ms and retries end the attempts.", Modelled, "ProducerBatch.java", "attempts_end"),
    line("Producing", "buffer.memory, compression, quotas.", LeftOut, "ProducerConfig.java", ""),
    line("Groups", "Range deals each topic by itself.", Modelled, "Recorded: group_range", "group_range"),
    line("Groups", "Round robin deals all partitions in turn.", Modelled, "RoundRobinAssignor.java", "group_roundrobin"),
    line("Groups", "Sticky balances first, then keeps; Java's order of moves with unequal subscriptions may differ.", Simplified, "AbstractStickyAssignor.java", "group_sticky"),
    line("Groups", "Cooperative-sticky moves in two rounds, and the others read on.", Modelled, "Recorded: group_cooperative_sticky; KIP-429", "group_cooperative_sticky"),
    line("Groups", "Members beyond the partitions are idle; groups are independent.", Modelled, "Kafka documentation: The Consumer", "more_members_than_partitions"),
    line("Groups", "The first members gather for group.initial.rebalance.delay.ms.", Modelled, "GroupCoordinator.scala, InitialDelayedJoin", "first_members_gather"),
    line("Groups", "A killed member keeps its partitions until its session times out; the heir begins at the last commit.", Modelled, "Recorded: crash_then_session_timeout", "crash_then_session_timeout"),
    line("Groups", "A member that does not poll leaves by itself, and its commit fails.", Modelled, "ConsumerConfig.java, max.poll.interval.ms", "a_member_that_does_not_poll_leaves"),
    line("Groups", "A static member comes back without a rebalance; a second one with its id fences it.", Modelled, "KIP-345", "static_members"),
    line("Groups", "More partitions, or other topics, lead to a rebalance.", Modelled, "ConsumerCoordinator.java", "more_partitions_are_noticed"),
    line("Groups", "The broker assigns (group.protocol=consumer), step by step.", Modelled, "KIP-848", "the_broker_assigns"),
    line("Groups", "Failing coordinators, group.max.size, assignors of one's own.", LeftOut, "GroupCoordinatorConfig.java", ""),
    line("Offsets", "A committed offset is the next to read.", Modelled, "KafkaConsumer.java, commitSync", "commit_is_next_offset"),
    line("Offsets", "A commit before the work loses it in a crash.", Modelled, "Recorded: commit_before_processing_loses", "commit_before_processing_loses"),
    line("Offsets", "An automatic commit happens in poll and close, for what earlier polls returned.", Modelled, "ConsumerCoordinator.java, maybeAutoCommitOffsetsAsync", "auto_commit"),
    line("Offsets", "auto.offset.reset acts only without a valid commit: earliest, latest, none.", Modelled, "ConsumerConfig.java, auto.offset.reset", "auto_offset_reset"),
    line("Offsets", "There is no nack: what is not committed is read again only after a restart, a rebalance or a seek.", Modelled, "KafkaConsumer.java, seek", "position_and_commit_differ"),
    line("Offsets", "An empty group's offsets are forgotten.", Modelled, "GroupCoordinatorConfig.java, offsets.retention.minutes", "offsets_expire"),
    line("Log", "Retention deletes whole segments by their newest record, read or not.", Modelled, "UnifiedLog.scala, deleteOldSegments", "retention_deletes_segments"),
    line("Log", "Compaction keeps the last value of a key outside the active segment, with gaps; tombstones stay for a while.", Modelled, "Kafka documentation: Log Compaction", "compaction"),
    line("Log", "Records can be deleted up to an offset.", Modelled, "Admin.java, deleteRecords", "records_are_deleted_by_hand"),
    line("Log", "Tiered storage, compaction lags, throttling of the cleaner.", LeftOut, "Kafka documentation: Tiered Storage; LogConfig.java", ""),
    line("Replication", "Readers see what all in-sync replicas have.", Modelled, "Kafka documentation: Replication", "high_watermark"),
    line("Replication", "A follower that lags leaves the in-sync replicas, and comes back when it has everything.", Modelled, "ReplicationConfigs.java, replica.lag.time.max.ms", "a_slow_follower_leaves_the_in_sync_replicas"),
    line("Replication", "The leader is elected among the in-sync replicas; without one the partition is offline, or an unclean one leads and loses.", Modelled, "LogConfig.java, unclean.leader.election.enable", "unclean_election"),
    line("Replication", "An isolated leader takes acks=1 records that will be cut off.", Modelled, "KIP-101; KIP-497", "an_isolated_leader_loses_what_it_takes"),
    line("Replication", "Followers with logs of their own, reassignment, preferred leaders, fetching from followers.", LeftOut, "KIP-392; Kafka documentation: Replication", ""),
    line("Transactions", "read_committed stops at the first open transaction, skips aborted records; a marker takes an offset.", Modelled, "KIP-98", "transactions"),
    line("Transactions", "A newer producer with the same transactional.id fences the older one.", Modelled, "KIP-98", "fencing"),
    line("Transactions", "Offsets are committed with the transaction, or not at all.", Modelled, "KIP-98, sendOffsetsToTransaction", "offsets_in_a_transaction"),
    line("Transactions", "One that is open for too long is aborted and its producer fenced.", Modelled, "ProducerConfig.java, transaction.timeout.ms", "a_transaction_times_out"),
    line("Transactions", "The second version with an epoch for every transaction.", LeftOut, "KIP-890", ""),
    line("Cluster", "After a stop of all brokers everything appended is there, and clients go on.", Modelled, "Kafka documentation: Persistence", "a_restart_keeps_the_log"),
    line("Cluster", "Controller quorum, security, quotas, share groups.", LeftOut, "Kafka documentation: KRaft; KIP-932", ""),
];

/// The words of its console.
pub const WORDS: &[Word] = &[
    word("create-topic", "create-topic TOPIC [partitions=N] [replication.factor=N] [SETTING=VALUE ...]", "Creates a topic; retention.ms, cleanup.policy, min.insync.replicas and so on by their names."),
    word("alter-topic", "alter-topic TOPIC SETTING=VALUE ...", "Changes settings of a topic."),
    word("delete-topic", "delete-topic TOPIC", "Deletes a topic with its records."),
    word("topics", "topics", "Lists the topics."),
    word("describe", "describe TOPIC", "Shows the partitions with leader, in-sync replicas and offsets."),
    word("log", "log TOPIC-N", "Shows all records of a partition, control records too."),
    word("add-partitions", "add-partitions TOPIC N", "Gives a topic so many partitions in all."),
    word("delete-records", "delete-records TOPIC-N OFFSET", "Deletes the records before an offset; -1 up to the high watermark."),
    word("config", "config SETTING=VALUE ...", "Sets client settings by their real names: acks, linger.ms, client.id, group.id, ..."),
    word("produce", "produce TOPIC VALUE [key=K] [partition=N] [headers=JSON] [null=true] [SETTING=VALUE ...]", "Sends a record; its place is the answer, or is told later as confirm."),
    word("flush", "flush", "Sends what waits in batches and answers when all of it is done."),
    word("resend", "resend", "Sends the last batch again, as after a lost answer."),
    word("produce-raw", "produce-raw TOPIC-N VALUE [producer.id=N] [producer.epoch=N] [sequence=N] [key=K]", "Sends one produce request with a sequence number of your choice."),
    word("init-transactions", "init-transactions", "Gives the transactional.id a producer id and a new epoch; fences older producers."),
    word("begin", "begin", "Begins a transaction."),
    word("send-offsets", "send-offsets [group=G] [TOPIC-N=OFFSET ...]", "Adds offsets to the transaction; without any, the positions of the client's consumer."),
    word("commit-transaction", "commit-transaction", "Commits the transaction."),
    word("abort-transaction", "abort-transaction", "Aborts the transaction."),
    word("subscribe", "subscribe TOPIC ... [group=G] [SETTING=VALUE ...]", "Becomes a member of a group, with the next poll."),
    word("unsubscribe", "unsubscribe", "Leaves the group."),
    word("assign", "assign TOPIC-N ... [group=G]", "Takes partitions by hand, without a group's protocol."),
    word("poll", "poll [max=N] [timeout=TIME]", "Reads records; joins, rebalances and commits on the way. Waits 1s unless told otherwise; a late answer is told as reply."),
    word("commit", "commit [sync|async] [TOPIC-N=OFFSET ...]", "Commits the positions, or these offsets: the next to read."),
    word("seek", "seek TOPIC-N OFFSET|beginning|end", "Sets the position."),
    word("position", "position [TOPIC-N ...]", "Shows the positions."),
    word("committed", "committed [TOPIC-N ...] [group=G]", "Shows the committed offsets of the group."),
    word("pause", "pause TOPIC-N ...", "Reads nothing from these partitions for now."),
    word("resume", "resume TOPIC-N ...", "Reads from them again."),
    word("assignment", "assignment", "Shows the client's partitions."),
    word("close", "close", "Commits, if that is automatic, and leaves the group, unless the member is static."),
    word("groups", "groups", "Lists the groups."),
    word("describe-group", "describe-group GROUP", "Shows state, generation, members, offsets and lag of a group."),
    word("reset-offsets", "reset-offsets GROUP TOPIC-N=OFFSET ...", "Sets committed offsets of a group without members."),
    word("brokers", "brokers", "Shows the brokers."),
    word("broker-config", "broker-config SETTING=VALUE ...", "Changes settings of the cluster: group.initial.rebalance.delay.ms, log.retention.check.interval.ms, ..."),
    word("stop", "stop broker N [clean]", "Kills a broker, or lets it hand its partitions over first."),
    word("start", "start broker N", "Starts a broker, ends its isolation or its slowness."),
    word("slow", "slow follower N [lag=60s]", "Makes the fetches of a broker take so long."),
    word("isolate", "isolate broker N", "Cuts a broker off from the others; clients still reach it."),
];
