//! Redis Streams: its words, defaults and guarantees, and how far each behaviour is reproduced.
//!
//! Reproduces: one Redis 7.0.15 server, as recorded, and as its documentation (redis.io) and its sources say. Leaves out:
//! what the lines with [`Coverage::LeftOut`] say.

use super::{line, states, word, Coverage, Fidelity, Profile, Statement};
use crate::model::broker::redis_streams;
use crate::model::broker::server::Word;

/// Redis Streams.
pub const PROFILE: Profile = Profile {
    name: "redis_streams",
    label: "Redis Streams",
    host: redis_streams::HOST,
    version: "7.0.15",
    terms: || TERMS,
    defaults: || DEFAULTS,
    guarantees: || GUARANTEES,
    fidelity: || FIDELITY,
    words: || WORDS,
    server: redis_streams::server,
};

/// Its words.
pub const TERMS: &[Statement] = &[
    states("entry point", "stream", "Redis documentation: Streams"),
    states("message", "entry, with an id and fields", "Redis documentation: Streams"),
    states("subscriber", "consumer of a group; it reads", "Redis documentation: XREADGROUP"),
    states("set of subscribers", "consumer group", "Redis documentation: XGROUP CREATE"),
    states("position of a group", "last-delivered-id", "Redis documentation: XINFO GROUPS"),
    states(
        "handed out and not acknowledged",
        "pending; in the pending entries list (PEL)",
        "Redis documentation: XPENDING",
    ),
    states("receipt", "the entry's id", "Redis documentation: XACK"),
    states("taking over", "claim, after a minimum idle time", "Redis documentation: XCLAIM, XAUTOCLAIM"),
    states("retention", "trimming: MAXLEN, MINID", "Redis documentation: XTRIM"),
];

/// Its defaults.
pub const DEFAULTS: &[Statement] = &[
    states("trimming", "none; exact (=) if asked for", "Redis documentation: XADD, XTRIM"),
    states("stream-node-max-entries", "100", "redis.conf 7.0"),
    states("stream-node-max-bytes", "4096", "redis.conf 7.0"),
    states("LIMIT of approximate trimming", "100 nodes' worth", "Redis documentation: XTRIM"),
    states("COUNT of XAUTOCLAIM", "100", "Redis documentation: XAUTOCLAIM"),
    states("entries for a blocked reader", "1000 unless COUNT is given", "Redis sources: t_stream.c"),
    states("replicas", "0", "Redis documentation: Redis replication"),
    states("return of pending entries", "never by itself", "Redis documentation: Streams"),
    states(
        "persistence",
        "here appendfsync everysec; an unchanged redis.conf has snapshots only",
        "Redis documentation: Redis persistence",
    ),
];

/// What it promises.
pub const GUARANTEES: &[Statement] = &[
    states(
        "order",
        "ids rise; a group hands new entries out in the order of their ids",
        "Redis documentation: Streams",
    ),
    states(
        "delivery",
        "a group hands each entry to one consumer, and keeps it pending until it is acknowledged",
        "Redis documentation: XREADGROUP",
    ),
    states(
        "return of what a lost consumer held",
        "only when another one claims it: at least once needs XAUTOCLAIM and no trimming of what is pending",
        "Redis documentation: XAUTOCLAIM",
    ),
    states(
        "no group",
        "XREAD is fan-out: every reader gets every entry that is added while it asks",
        "Redis documentation: XREAD",
    ),
    states("restart", "everysec: at most about a second of commands is lost", "Redis documentation: Redis persistence"),
    states(
        "failover",
        "replication is asynchronous: acknowledged writes can be lost",
        "Redis documentation: Redis replication",
    ),
];

use Coverage::{LeftOut, Modelled, Simplified};

/// What is reproduced and what is not.
pub const FIDELITY: &[Fidelity] = &[
    line(
        "Ids",
        "An id is greater than the last generated one, which outlives deletion; *, ms-*, N and 0-0.",
        Modelled,
        "Recorded: xadd_id_rules",
        "xadd_id_rules",
    ),
    line(
        "Ids",
        "* takes the greater of the clock and the last id, so that a clock going back does no harm.",
        Modelled,
        "Redis documentation: XADD",
        "ids_follow_the_clock_and_never_go_back",
    ),
    line(
        "Ids",
        "The clock is the run's, which starts at 0.",
        Simplified,
        "Redis takes the time of day",
        "ids_follow_the_clock_and_never_go_back",
    ),
    line(
        "Trimming",
        "MAXLEN and MINID, exact; an empty stream stays a key.",
        Modelled,
        "Recorded: maxlen_minid_trim",
        "maxlen_minid_trim",
    ),
    line(
        "Trimming",
        "~ removes whole nodes of 100 entries or 4096 bytes, at most LIMIT entries.",
        Modelled,
        "Redis documentation: XTRIM; Redis sources: streamTrim",
        "approx_trim",
    ),
    line(
        "Trimming",
        "Trimming does not ask what is pending; a slow group loses entries.",
        Modelled,
        "Redis documentation: XTRIM",
        "trimming_is_blind_to_groups",
    ),
    line(
        "Reading",
        "Acknowledging removes nothing; groups do not see each other.",
        Modelled,
        "Redis documentation: Streams",
        "independent_groups",
    ),
    line(
        "Reading",
        "XREAD is fan-out without state; $ is what comes from now on; COUNT counts for each stream.",
        Modelled,
        "Redis documentation: XREAD",
        "xread_fanout_and_dollar",
    ),
    line(
        "Reading",
        "Blocked readers are served first come first served: one XADD wakes one of a group, and all others.",
        Modelled,
        "Recorded: blocked_group_consumers_fifo",
        "blocked_group_consumers_fifo",
    ),
    line(
        "Reading",
        "A deleted key or group ends the wait of those who are blocked on it.",
        Modelled,
        "Redis sources: blocked.c",
        "waiting_in_vain_ends",
    ),
    line(
        "Reading",
        "A transaction never blocks, and is discarded if one of its commands can't be read.",
        Modelled,
        "Redis documentation: Transactions",
        "transactions",
    ),
    line("Reading", "WATCH, scripts and functions.", LeftOut, "Redis documentation: Transactions", ""),
    line(
        "Groups",
        "A group starts at $, 0 or an id; SETID moves it back and forth, and pending entries change hands.",
        Modelled,
        "Recorded: group_start_position",
        "group_start_position",
    ),
    line(
        "Groups",
        "DELCONSUMER and DESTROY lose what was pending.",
        Modelled,
        "Recorded: delconsumer_and_destroy",
        "delconsumer_and_destroy",
    ),
    line("Groups", "NOACK: read, and never pending.", Modelled, "Redis documentation: XREADGROUP", "noack"),
    line(
        "Groups",
        "entries-read and lag, and when they are not known.",
        Modelled,
        "Recorded: lag_and_entries_read",
        "lag_and_entries_read",
    ),
    line(
        "Groups",
        "A consumer is made when it gets its first entry.",
        Modelled,
        "Redis sources 7.0: t_stream.c",
        "consumers_are_made_when_they_get_something",
    ),
    line(
        "Pending",
        "Nothing comes back by itself; a dead consumer's entries wait for XAUTOCLAIM.",
        Modelled,
        "Redis documentation: XAUTOCLAIM",
        "consumer_dead_autoclaim",
    ),
    line(
        "Pending",
        "Deliveries are counted by XREADGROUP, by reading one's history and by claiming, not with JUSTID.",
        Modelled,
        "Recorded: delivery_counter",
        "delivery_counter",
    ),
    line(
        "Pending",
        "XCLAIM with IDLE, TIME, RETRYCOUNT, FORCE, JUSTID and LASTID.",
        Modelled,
        "Redis documentation: XCLAIM",
        "xclaim_details",
    ),
    line(
        "Pending",
        "XAUTOCLAIM goes on from a cursor, and looks at ten entries for each that it may return.",
        Modelled,
        "Redis documentation: XAUTOCLAIM",
        "xautoclaim_goes_on_from_its_cursor",
    ),
    line(
        "Pending",
        "A pending entry that is deleted shows null fields, and is forgotten when it is claimed.",
        Modelled,
        "Recorded: deleted_pending_entries",
        "deleted_pending_entries",
    ),
    line(
        "Pending",
        "XPENDING as a summary, and in detail by range, idle time and consumer.",
        Modelled,
        "Redis documentation: XPENDING",
        "xpending_forms",
    ),
    line(
        "Pending",
        "XACK by anybody; one malformed id fails all.",
        Modelled,
        "Redis documentation: XACK",
        "acknowledging",
    ),
    line(
        "Commands",
        "XINFO STREAM, FULL, GROUPS and CONSUMERS.",
        Simplified,
        "Redis documentation: XINFO; without the sizes of the radix tree",
        "xinfo_forms",
    ),
    line(
        "Commands",
        "XSETID, XRANGE and XREVRANGE with open intervals.",
        Modelled,
        "Redis documentation: XSETID, XRANGE",
        "ranges_and_xsetid",
    ),
    line(
        "Commands",
        "Errors, in the words of the server.",
        Modelled,
        "Redis sources 7.0: server.c, t_stream.c",
        "errors_in_the_words_of_the_server",
    ),
    line(
        "Commands",
        "Keys and plain texts: EXISTS, DEL, TYPE, KEYS, SET, GET, INCR, FLUSHALL.",
        Simplified,
        "Redis documentation: Commands; no expiry, no other types",
        "keys_and_texts",
    ),
    line(
        "Persistence",
        "A crash loses what was not synced: all since the last second, 30 seconds, or snapshot.",
        Modelled,
        "Redis documentation: Redis persistence",
        "a_crash_loses_what_was_not_synced",
    ),
    line(
        "Persistence",
        "Acknowledgements can be lost too: the entry is pending again.",
        Modelled,
        "Redis documentation: Redis persistence",
        "a_crash_brings_back_what_was_acknowledged",
    ),
    line(
        "Persistence",
        "A slow disk holds every answer back with always, and with everysec only after two seconds.",
        Modelled,
        "Redis sources 7.0: aof.c, flushAppendOnlyFile",
        "a_slow_redis_delays_answers_only_if_they_wait_for_the_sync",
    ),
    line(
        "Persistence",
        "Replication is asynchronous: a failover loses what the replica has not got, of groups as well.",
        Modelled,
        "Redis documentation: Redis replication; Sentinel",
        "a_failover_loses_what_was_not_replicated",
    ),
    line(
        "Persistence",
        "WAIT tells how many replicas have the client's writes, at the latest after its timeout.",
        Modelled,
        "Redis documentation: WAIT",
        "wait_tells_how_many_replicas_have_it",
    ),
    line(
        "Persistence",
        "A coordinated FAILOVER loses nothing.",
        Simplified,
        "Redis documentation: FAILOVER; without its options, and in no time",
        "a_coordinated_failover_loses_nothing",
    ),
    line(
        "Persistence",
        "Replicas that lag differently, reading from them, and clusters.",
        LeftOut,
        "Redis documentation: Redis replication; Redis cluster specification",
        "",
    ),
    line(
        "Patterns",
        "Dead letters: a counter, XADD to another stream and XACK, which clients do.",
        Modelled,
        "Redis documentation: Streams",
        "dead_letters_are_a_pattern_of_clients",
    ),
    line("Patterns", "Delays, priorities, expiry of single entries.", LeftOut, "Redis has none", ""),
    line(
        "Limits",
        "maxmemory: adding is refused at the simulator's limit of entries and pending entries.",
        Simplified,
        "Redis documentation: Key eviction, noeviction",
        "errors_in_the_words_of_the_server",
    ),
    line(
        "Limits",
        "Access control, keyspace notifications, client tracking.",
        LeftOut,
        "Redis documentation: Security",
        "",
    ),
];

/// The words of its console.
pub const WORDS: &[Word] = &[
    word("XADD", "XADD KEY [NOMKSTREAM] [MAXLEN|MINID [=|~] LIMIT_OR_ID [LIMIT N]] *|ID FIELD VALUE [FIELD VALUE ...]", "Adds an entry, and answers its id."),
    word("XLEN", "XLEN KEY", "Counts the entries."),
    word("XRANGE", "XRANGE KEY START END [COUNT N]", "Shows entries; - and + are the ends, ( leaves an id out."),
    word("XREVRANGE", "XREVRANGE KEY END START [COUNT N]", "Shows entries, the last one first."),
    word("XREAD", "XREAD [COUNT N] [BLOCK MS] STREAMS KEY [KEY ...] ID [ID ...]", "Reads what comes after an id; $ is from now on."),
    word("XREADGROUP", "XREADGROUP GROUP GROUP CONSUMER [COUNT N] [BLOCK MS] [NOACK] STREAMS KEY [KEY ...] >|ID [ID ...]", "Reads new entries for a group, or one's own pending ones."),
    word("XACK", "XACK KEY GROUP ID [ID ...]", "Says that entries are done."),
    word("XPENDING", "XPENDING KEY GROUP [[IDLE MS] START END COUNT [CONSUMER]]", "Shows what is handed out and not acknowledged."),
    word("XCLAIM", "XCLAIM KEY GROUP CONSUMER MIN-IDLE ID [ID ...] [IDLE MS] [TIME MS] [RETRYCOUNT N] [FORCE] [JUSTID] [LASTID ID]", "Takes pending entries over."),
    word("XAUTOCLAIM", "XAUTOCLAIM KEY GROUP CONSUMER MIN-IDLE START [COUNT N] [JUSTID]", "Takes over what was idle for so long."),
    word("XGROUP", "XGROUP CREATE KEY GROUP $|ID [MKSTREAM] [ENTRIESREAD N] | SETID KEY GROUP $|ID | DESTROY KEY GROUP | CREATECONSUMER KEY GROUP CONSUMER | DELCONSUMER KEY GROUP CONSUMER | HELP", "Makes, moves and destroys groups."),
    word("XDEL", "XDEL KEY ID [ID ...]", "Deletes entries."),
    word("XTRIM", "XTRIM KEY MAXLEN|MINID [=|~] LIMIT_OR_ID [LIMIT N]", "Removes the oldest entries."),
    word("XSETID", "XSETID KEY ID [ENTRIESADDED N] [MAXDELETEDID ID]", "Sets the last generated id."),
    word("XINFO", "XINFO STREAM KEY [FULL [COUNT N]] | GROUPS KEY | CONSUMERS KEY GROUP | HELP", "Tells about a stream."),
    word("EXISTS", "EXISTS KEY [KEY ...]", "Counts the keys that are there."),
    word("DEL", "DEL KEY [KEY ...]", "Deletes keys."),
    word("TYPE", "TYPE KEY", "Says what a key holds."),
    word("KEYS", "KEYS PATTERN", "Lists keys, such as s*."),
    word("DBSIZE", "DBSIZE", "Counts all keys."),
    word("FLUSHALL", "FLUSHALL", "Deletes everything."),
    word("SET", "SET KEY TEXT [NX|XX]", "Sets a text; NX only if there is none, a mark against duplicates."),
    word("GET", "GET KEY", "Shows a text."),
    word("INCR", "INCR KEY", "Counts up."),
    word("MULTI", "MULTI", "Begins a transaction."),
    word("EXEC", "EXEC", "Runs it as a whole."),
    word("DISCARD", "DISCARD", "Forgets it."),
    word("PING", "PING [TEXT]", "Answers."),
    word("ECHO", "ECHO TEXT", "Answers with the text."),
    word("TIME", "TIME", "Tells the time: seconds, and microseconds of the second."),
    word("WAIT", "WAIT REPLICAS MS", "Waits until so many replicas have what was written, and tells how many have; 0 ms is for ever."),
    word("FAILOVER", "FAILOVER", "Gives over to a replica that has caught up."),
    word("SENTINEL", "SENTINEL FAILOVER NAME", "Lets a replica take over as if this server were gone."),
    word("CLIENT", "CLIENT SETNAME NAME | GETNAME", "Names the connection."),
    word("CONFIG", "CONFIG SET|GET NAME [VALUE]", "Sets or shows stream-node-max-entries, stream-node-max-bytes, appendonly, appendfsync."),
];
