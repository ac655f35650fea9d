//! The commands of the Redis Streams profile one by one: their forms, their errors, and what a crash leaves of what they
//! did, against the documentation and the sources of Redis 7.0, through the console.
#![cfg(not(target_arch = "wasm32"))]

mod redis;

use patchbay::vocabulary::{Settings, Value};
use redis::{entries, World};
use serde_json::{json, Value as Json};

#[test]
fn transactions() {
    let mut world = World::new();
    world.expect(&[
        ("EXEC", json!({"error": "ERR: EXEC without MULTI"})),
        ("DISCARD", json!({"error": "ERR: DISCARD without MULTI"})),
        ("MULTI", json!("OK")),
        ("multi", json!({"error": "ERR: MULTI calls can not be nested"})),
        ("XADD s 1-0 f v", json!("QUEUED")),
        ("XADD s 1-0 f v", json!("QUEUED")),
        ("XREAD BLOCK 0 STREAMS s $", json!("QUEUED")),
    ]);
    let replies = world.ask("EXEC");
    assert_eq!((&replies[0], &replies[2]), (&json!("1-0"), &json!(null)), "{replies}");
    assert!(replies[1]["error"].as_str().expect("an error").contains("equal or smaller"));
    world.expect(&[
        ("MULTI", json!("OK")),
        ("XADD s 2-0 f v", json!("QUEUED")),
        ("XLEN", json!({"error": "ERR: wrong number of arguments for 'xlen' command"})),
        ("EXEC", json!({"error": "ERR: Transaction discarded because of previous errors."})),
        ("XLEN s", json!(1)),
        ("MULTI", json!("OK")),
        ("XADD s 2-0 f v", json!("QUEUED")),
        ("DISCARD", json!("OK")),
        ("XLEN s", json!(1)),
    ]);
}

#[test]
fn xclaim_details() {
    let mut world = World::new();
    world.run(&["XADD s 1-0 f v1", "XADD s 2-0 f v2", "XADD s 3-0 f v3", "XGROUP CREATE s g 0"]);
    world.run(&["XREADGROUP GROUP g a COUNT 1 STREAMS s >", "wait 1s"]);
    let one = json!([["1-0", ["f", "v1"]]]);
    world.expect(&[
        ("XCLAIM s g b 1001 1-0", json!([])),
        ("XCLAIM s g b 1000 1-0", one.clone()),
        ("XPENDING s g - + 9", json!([["1-0", "b", 0, 2]])),
        ("XCLAIM s g b 0 1-0 IDLE 700", one.clone()),
        ("XPENDING s g - + 9", json!([["1-0", "b", 700, 3]])),
        ("XCLAIM s g b 0 1-0 TIME 100 RETRYCOUNT 1", one.clone()),
        ("XPENDING s g - + 9", json!([["1-0", "b", 900, 1]])),
        ("XCLAIM s g b 0 1-0 TIME 99999 JUSTID", json!(["1-0"])),
        ("XPENDING s g - + 9", json!([["1-0", "b", 0, 1]])),
        // Not pending, or not there: nothing, unless it is forced and there.
        ("XCLAIM s g b 0 2-0 9-0", json!([])),
        ("XCLAIM s g b 99999 2-0 9-0 FORCE", json!([["2-0", ["f", "v2"]]])),
        ("XPENDING s g - + 9", json!([["1-0", "b", 0, 1], ["2-0", "b", 0, 2]])),
        // It is still new for the group, and starts again with one delivery.
        ("XREADGROUP GROUP g a COUNT 1 STREAMS s >", json!([["s", [["2-0", ["f", "v2"]]]]])),
        ("XPENDING s g - + 9", json!([["1-0", "b", 0, 1], ["2-0", "a", 0, 1]])),
        ("XCLAIM s g b 0 2-0 LASTID 3-0", json!([["2-0", ["f", "v2"]]])),
        ("XREADGROUP GROUP g a STREAMS s >", json!(null)),
        ("XCLAIM s g b 0 3-0 FORCE JUSTID", json!(["3-0"])),
        ("XPENDING s g 3 + 9", json!([["3-0", "b", 0, 1]])),
    ]);
    let errors = [
        ("XCLAIM s g b x 1-0", "Invalid min-idle-time argument for XCLAIM"),
        ("XCLAIM s g b 0 1-0 IDLE x", "Invalid IDLE option argument for XCLAIM"),
        ("XCLAIM s g b 0 1-0 TIME x", "Invalid TIME option argument for XCLAIM"),
        ("XCLAIM s g b 0 1-0 RETRYCOUNT x", "Invalid RETRYCOUNT option argument for XCLAIM"),
        ("XCLAIM s g b 0 1-0 x-1", "Unrecognized XCLAIM option 'x-1'"),
        ("XCLAIM s g b 0 1-0 IDLE", "Unrecognized XCLAIM option 'IDLE'"),
        ("XCLAIM s no b 0 1-0", "NOGROUP No such key 's' or consumer group 'no'"),
    ];
    for (line, text) in errors {
        assert_eq!(world.error(line), text, "{line}");
    }
}

#[test]
fn xautoclaim_goes_on_from_its_cursor() {
    let mut world = World::new();
    world.run(&["XGROUP CREATE s g 0 MKSTREAM"]);
    for number in 1..=30 {
        world.ask(&format!("XADD s {number}-0 f v"));
    }
    world.run(&["XREADGROUP GROUP g a COUNT 29 STREAMS s >", "wait 1s", "XREADGROUP GROUP g a COUNT 1 STREAMS s >"]);
    world.expect(
        &[
            ("XAUTOCLAIM s g b 1000 0 COUNT 2 JUSTID", json!(["3-0", ["1-0", "2-0"], []])),
            ("XAUTOCLAIM s g b 1000 3-0 COUNT 1 JUSTID", json!(["4-0", ["3-0"], []])),
            // Ten are looked at for one that may be returned; these were just claimed.
            ("XAUTOCLAIM s g b 0 0 COUNT 30 JUSTID", Json::Null),
        ][..2],
    );
    world.run(&["XAUTOCLAIM s g b 0 0 JUSTID", "XDEL s 12-0 13-0", "wait 10ms"]);
    world.expect(&[
        ("XAUTOCLAIM s g c 1000 0 COUNT 1", json!(["11-0", [], []])),
        ("XAUTOCLAIM s g c 1000 (11-0 COUNT 2", json!(["14-0", [], ["12-0", "13-0"]])),
        ("XAUTOCLAIM s g c 1000 0 COUNT 100", json!(["0-0", [], []])),
        ("XAUTOCLAIM s g c 10 30 COUNT 1 JUSTID", json!(["0-0", ["30-0"], []])),
    ]);
    let errors = [
        ("XAUTOCLAIM s g c x 0", "Invalid min-idle-time argument for XAUTOCLAIM"),
        ("XAUTOCLAIM s g c 0 x", "Invalid stream ID specified as stream command argument"),
        ("XAUTOCLAIM s g c 0 0 COUNT 0", "COUNT must be > 0"),
        ("XAUTOCLAIM s g c 0 0 COUNT x", "COUNT must be > 0"),
        ("XAUTOCLAIM s g c 0 0 FORCE", "syntax error"),
        ("XAUTOCLAIM no g c 0 0", "NOGROUP No such key 'no' or consumer group 'g'"),
    ];
    for (line, text) in errors {
        assert_eq!(world.error(line), text, "{line}");
    }
}

#[test]
fn xpending_forms() {
    let mut world = World::new();
    world.run(&["XGROUP CREATE s g 0 MKSTREAM", "XADD s 1-0 f v1", "XADD s 2-0 f v2", "XADD s 3-0 f v3"]);
    assert_eq!(world.ask("XPENDING s g"), json!([0, null, null, null]));
    world.run(&["XREADGROUP GROUP g b COUNT 1 STREAMS s >", "wait 250ms", "XREADGROUP GROUP g a STREAMS s >"]);
    world.expect(&[
        ("XPENDING s g", json!([3, "1-0", "3-0", [["a", "2"], ["b", "1"]]])),
        ("XPENDING s g - + 2", json!([["1-0", "b", 250, 1], ["2-0", "a", 0, 1]])),
        ("XPENDING s g (1-0 (3-0 9", json!([["2-0", "a", 0, 1]])),
        ("XPENDING s g - + 9 b", json!([["1-0", "b", 250, 1]])),
        ("XPENDING s g IDLE 1 - + 9", json!([["1-0", "b", 250, 1]])),
        ("XPENDING s g idle 251 - + 9 b", json!([])),
        ("XPENDING s g - + 9 nobody", json!([])),
        ("XPENDING s g - + -1", json!([])),
    ]);
    let errors = [
        ("XPENDING s", "wrong number of arguments for 'xpending' command"),
        ("XPENDING s g -", "syntax error"),
        ("XPENDING s g IDLE 1 -", "syntax error"),
        ("XPENDING s g IDLE 1 - +", "syntax error"),
        ("XPENDING s g - + x", "value is not an integer or out of range"),
        ("XPENDING s g (+ + 1", "Invalid stream ID specified as stream command argument"),
        ("XPENDING s no", "NOGROUP No such key 's' or consumer group 'no'"),
    ];
    for (line, text) in errors {
        assert_eq!(world.error(line), text, "{line}");
    }
}

#[test]
fn acknowledging() {
    let mut world = World::new();
    world.run(&["XGROUP CREATE s g 0 MKSTREAM", "XADD s 1-0 f v1", "XADD s 2-0 f v2"]);
    world.run(&["XREADGROUP GROUP g a STREAMS s >"]);
    assert_eq!(world.error("XACK s g 1-0 nonsense"), "Invalid stream ID specified as stream command argument");
    world.expect(&[
        ("XACK s g 9-0", json!(0)),
        ("other> XACK s g 1-0 1-0", json!(1)),
        ("XACK s no 2-0", json!(0)),
        ("XACK no g 2-0", json!(0)),
        // Not even the ids are looked at.
        ("XACK no g nonsense", json!(0)),
        ("XACK s g 2", json!(1)),
    ]);
}

#[test]
fn xinfo_forms() {
    let mut world = World::new();
    world.run(&["XADD s 1-0 f v1", "XADD s 2-0 f v2", "XGROUP CREATE s g 0", "wait 40ms"]);
    world.run(&["XREADGROUP GROUP g a COUNT 1 STREAMS s >", "wait 10ms"]);
    let full = world.ask("XINFO STREAM s FULL COUNT 1");
    assert_eq!(full["entries"], entries(&[("1-0", "v1")]));
    assert_eq!(
        full["groups"],
        json!([{
            "name": "g", "last-delivered-id": "1-0", "entries-read": 1, "lag": 1, "pel-count": 1,
            "pending": [["1-0", "a", 40, 1]],
            "consumers": [{"name": "a", "seen-time": 40, "pel-count": 1, "pending": [["1-0", 40, 1]]}],
        }])
    );
    world.expect(&[
        ("XINFO CONSUMERS s g", json!([{"name": "a", "pending": 1, "idle": 10}])),
        (
            "XINFO GROUPS s",
            json!([{"name": "g", "consumers": 1, "pending": 1, "last-delivered-id": "1-0", "entries-read": 1, "lag": 1}]),
        ),
    ]);
    assert_eq!(world.ask("XINFO HELP")[0], "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let wrong = "unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.";
    let errors = [
        ("XINFO STREAM no", "no such key"),
        ("XINFO STREAM s ALL", wrong),
        ("XINFO STREAM s FULL COUNT", wrong),
        ("XINFO STREAM s FULL COUNT x", "value is not an integer or out of range"),
        ("XINFO CONSUMERS s no", "NOGROUP No such consumer group 'no' for key name 's'"),
        ("XINFO GROUPS", "wrong number of arguments for 'xinfo|groups' command"),
        ("XINFO NONSENSE s", "unknown subcommand 'NONSENSE'. Try XINFO HELP."),
        ("XINFO", "wrong number of arguments for 'xinfo' command"),
    ];
    for (line, text) in errors {
        assert_eq!(world.error(line), text, "{line}");
    }
}

#[test]
fn ranges_and_xsetid() {
    let mut world = World::new();
    world.run(&["XADD s 1-1 f a", "XADD s 1-2 f b", "XADD s 2-0 f c"]);
    world.expect(&[
        ("XRANGE s 1 1", entries(&[("1-1", "a"), ("1-2", "b")])),
        ("XRANGE s (1-1 +", entries(&[("1-2", "b"), ("2-0", "c")])),
        ("XRANGE s - (2-0 COUNT 1", entries(&[("1-1", "a")])),
        ("XREVRANGE s + - COUNT 2", entries(&[("2-0", "c"), ("1-2", "b")])),
        ("XREVRANGE s - +", json!([])),
        ("XRANGE s - + COUNT 0", json!(null)),
        ("XRANGE no - + COUNT 0", json!([])),
        ("XLEN no", json!(0)),
        ("XSETID s 5-0 ENTRIESADDED 7 MAXDELETEDID 4-0", json!("OK")),
        ("XADD s 5-* f d", json!("5-1")),
    ]);
    let info = world.ask("XINFO STREAM s");
    assert_eq!((&info["entries-added"], &info["max-deleted-entry-id"]), (&json!(8), &json!("4-0")));
    let errors = [
        ("XSETID s 3-0", "The ID specified in XSETID is smaller than current max_deleted_entry_id"),
        ("XSETID s 5-0", "The ID specified in XSETID is smaller than the target stream top item"),
        (
            "XSETID s 6-0 MAXDELETEDID 7-0",
            "The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
        ),
        ("XSETID s 6-0 ENTRIESADDED -1", "entries_added must be positive"),
        (
            "XSETID s 6-0 ENTRIESADDED 1",
            "The entries_added specified in XSETID is smaller than the target stream length",
        ),
        ("XSETID s 6-0 ENTRIESADDED", "syntax error"),
        ("XSETID no 6-0", "no such key"),
        ("XRANGE s (18446744073709551615-18446744073709551615 +", "invalid start ID for the interval"),
        ("XRANGE s - (0-0", "invalid end ID for the interval"),
        ("XRANGE s - + 5", "syntax error"),
        ("XRANGE s x +", "Invalid stream ID specified as stream command argument"),
    ];
    for (line, text) in errors {
        assert_eq!(world.error(line), text, "{line}");
    }
}

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const INVALID: &str = "Invalid stream ID specified as stream command argument";
const UNBALANCED: &str = "Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.";
const NOT_A_NUMBER: &str = "value is not an integer or out of range";

/// Commands and what they are answered.
const ERRORS: &[(&str, &str)] = &[
    ("FOO a b", "unknown command 'FOO', with args beginning with: 'a' 'b' "),
    ("XADD", "wrong number of arguments for 'xadd' command"),
    ("XADD s * f", "wrong number of arguments for 'xadd' command"),
    ("xadd s * f v g", "wrong number of arguments for 'xadd' command"),
    ("XADD s MAXLEN 10 LIMIT", INVALID),
    ("XADD s x f v", INVALID),
    ("XADD s - f v", INVALID),
    ("XADD text * f v", WRONG_TYPE),
    ("XADD s MAXLEN x * f v", NOT_A_NUMBER),
    ("XADD s MAXLEN -1 * f v", "The MAXLEN argument must be >= 0."),
    ("XADD s MINID x * f v", INVALID),
    ("XADD s MAXLEN 1 MINID 1 * f v", "syntax error, MAXLEN and MINID options at the same time are not compatible"),
    ("XADD s MAXLEN 1 LIMIT 5 * f v", "syntax error, LIMIT cannot be used without the special ~ option"),
    ("XADD s LIMIT 5 * f v", "syntax error, LIMIT cannot be used without specifying a trimming strategy"),
    ("XADD s MAXLEN ~ 1 LIMIT -5 * f v", "The LIMIT argument must be >= 0."),
    ("XTRIM s MAXLEN", "wrong number of arguments for 'xtrim' command"),
    ("XTRIM s NOMKSTREAM 0", "syntax error"),
    ("XTRIM s LIMIT 0 LIMIT 0", "syntax error, XTRIM must be called with a trimming strategy"),
    ("XREAD STREAMS s", "wrong number of arguments for 'xread' command"),
    ("XREAD COUNT 1 STREAMS s", UNBALANCED),
    ("XREAD COUNT x STREAMS s 0", NOT_A_NUMBER),
    ("XREAD BLOCK x STREAMS s 0", "timeout is not an integer or out of range"),
    ("XREAD BLOCK -1 STREAMS s 0", "timeout is negative"),
    ("XREAD COUNT 1 BLOCK 1", "syntax error"),
    ("XREAD STREAMS text 0", WRONG_TYPE),
    (
        "XREAD STREAMS s >",
        "The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
    ),
    ("XREAD GROUP g a STREAMS s >", "The GROUP option is only supported by XREADGROUP. You called XREAD instead."),
    ("XREAD NOACK STREAMS s 0", "The NOACK option is only supported by XREADGROUP. You called XREAD instead."),
    ("XREADGROUP GROUP g a STREAMS s", "wrong number of arguments for 'xreadgroup' command"),
    ("XREADGROUP COUNT 1 NOACK NOACK STREAMS s >", "Missing GROUP option for XREADGROUP"),
    (
        "XREADGROUP GROUP g a STREAMS no >",
        "NOGROUP No such key 'no' or consumer group 'g' in XREADGROUP with GROUP option",
    ),
    ("XREADGROUP GROUP g a STREAMS s x", INVALID),
    ("XDEL s x", INVALID),
    ("XDEL text 1-0", WRONG_TYPE),
    ("XGROUP", "wrong number of arguments for 'xgroup' command"),
    ("XGROUP NONSENSE", "unknown subcommand 'NONSENSE'. Try XGROUP HELP."),
    ("XGROUP CREATE s h", "wrong number of arguments for 'xgroup|create' command"),
    ("XGROUP CREATE s h 0 NONSENSE", "unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP."),
    ("XGROUP CREATE s h x", INVALID),
    ("XGROUP CREATE s h 0 ENTRIESREAD -2", "value for ENTRIESREAD must be positive or -1"),
    ("XGROUP CREATE text h 0", WRONG_TYPE),
    ("XGROUP SETID s no 0", "NOGROUP No such consumer group 'no' for key name 's'"),
    ("XGROUP DELCONSUMER s no a", "NOGROUP No such consumer group 'no' for key name 's'"),
    ("CONFIG SET nonsense 1", "Unknown option or number of arguments for CONFIG SET - 'nonsense'"),
    ("SET k v EX 10", "syntax error"),
    ("XADD s * f \"open", "Protocol error: unbalanced quotes in request"),
];

#[test]
fn errors_in_the_words_of_the_server() {
    let mut world = World::new();
    world.run(&["SET text hello", "XADD s 1-0 f v", "XGROUP CREATE s g 0"]);
    for (line, text) in ERRORS {
        assert_eq!(&world.error(line), text, "{line}");
    }
    let dollar = world.error("XREADGROUP GROUP g a STREAMS s $");
    assert!(dollar.starts_with("The $ ID is meaningless in the context of XREADGROUP: you want to read"), "{dollar}");
    assert!(dollar.ends_with("The $ ID would just return an empty result set."), "{dollar}");
    assert_eq!(world.ask("XLEN s"), json!(1), "nothing of this did anything");
}

#[test]
fn keys_and_texts() {
    let mut world = World::new();
    world.expect(&[
        ("SET mark 1 NX", json!("OK")),
        ("SET mark 2 NX", json!(null)),
        ("SET other 2 XX", json!(null)),
        ("INCR mark", json!(2)),
        ("INCR counter", json!(1)),
        ("GET mark", json!("2")),
        ("GET nothing", json!(null)),
        ("XADD s 1-0 f v", json!("1-0")),
        ("TYPE s", json!("stream")),
        ("TYPE mark", json!("string")),
        ("TYPE nothing", json!("none")),
        ("KEYS *", json!(["counter", "mark", "s"])),
        ("KEYS [a-m]*", json!(["counter", "mark"])),
        ("EXISTS s s mark nothing", json!(3)),
        ("DEL s nothing", json!(1)),
        ("XLEN s", json!(0)),
        ("XADD s 1-0 f v", json!("1-0")),
        ("FLUSHALL", json!("OK")),
        ("DBSIZE", json!(0)),
        ("PING", json!("PONG")),
        ("CLIENT SETNAME worker", json!("OK")),
        ("CLIENT GETNAME", json!("worker")),
        ("CONFIG GET stream-node-max-entries", json!(["stream-node-max-entries", "100"])),
    ]);
    assert_eq!(world.error("XADD"), "wrong number of arguments for 'xadd' command");
}

fn persisted(mode: &str) -> World {
    let mut settings = Settings::default();
    settings.set("persistence", Value::Text(mode.into()));
    World::with(&settings)
}

#[test]
fn a_crash_loses_what_was_not_synced() {
    // What is there after a crash at 2.5 s, with an entry added at each half second from 0.
    let cases = [("always", 5), ("everysec", 4), ("no", 0), ("rdb", 0), ("off", 0)];
    for (mode, left) in cases {
        let mut world = persisted(mode);
        for number in 0..5 {
            world.run(&[&format!("XADD s {number}-1 f v"), "wait 500ms"]);
        }
        world.run(&["restart"]);
        assert_eq!(world.ask("XLEN s"), json!(left), "{mode}");
        assert_eq!(world.ask("EXISTS s"), json!(i32::from(left > 0)), "{mode}");
        if left > 0 {
            let info = world.ask("XINFO STREAM s");
            assert_eq!(info["last-generated-id"], json!(format!("{}-1", left - 1)), "{mode}");
            assert_eq!(info["entries-added"], json!(left), "{mode}");
        }
    }
    // A snapshot is made after an hour with one change, or after a minute with ten thousand.
    let mut world = persisted("rdb");
    world.run(&["XADD s 1-0 f v", "wait 3601s", "XADD s 2-0 f v", "restart"]);
    assert_eq!(world.ask("XLEN s"), json!(1));
    for number in 0..10_000 {
        world.ask(&format!("XADD t {}-0 f v", number + 1));
    }
    world.run(&["wait 61s", "XADD t 20000-0 f v", "restart"]);
    assert_eq!(world.ask("XLEN t"), json!(10_000));
    // Changing the configuration writes what is there to the new file.
    world.run(&["XADD s 3-0 f v", "CONFIG SET appendonly yes", "restart"]);
    assert_eq!(world.ask("XLEN s"), json!(2));
}

#[test]
fn a_crash_brings_back_what_was_acknowledged() {
    let mut world = World::new();
    world.run(&["XGROUP CREATE s g $ MKSTREAM", "XADD s 1-0 f v1", "XADD s 2-0 f v2", "XADD s 3-0 f v3"]);
    world.run(&["XREADGROUP GROUP g a COUNT 2 STREAMS s >", "wait 1s"]);
    world.run(&["XACK s g 1-0", "XREADGROUP GROUP g a STREAMS s >", "XDEL s 2-0", "XTRIM s MAXLEN 0", "restart"]);
    assert_eq!(world.ask("XRANGE s - +"), entries(&[("1-0", "v1"), ("2-0", "v2"), ("3-0", "v3")]));
    assert_eq!(world.pending("s", "g"), json!([["1-0", "a", 1], ["2-0", "a", 1]]));
    let group = world.group("s", "g");
    assert_eq!((&group["last-delivered-id"], &group["entries-read"]), (&json!("2-0"), &json!(2)));
    assert_eq!(world.ask("XINFO STREAM s")["max-deleted-entry-id"], json!("0-0"));
    // Groups, keys and consumers that were made or deleted too late come and go as well.
    world.run(&["wait 1s", "XGROUP DESTROY s g", "XGROUP CREATE s h 0", "SET k v", "DEL s", "restart"]);
    assert_eq!(world.pending("s", "g"), json!([["1-0", "a", 1], ["2-0", "a", 1]]));
    assert_eq!(world.ask("EXISTS k"), json!(0));
    assert!(world.error("XPENDING s h").starts_with("NOGROUP"));
    world.run(&["wait 1s", "XGROUP DELCONSUMER s g a", "XGROUP SETID s g 0", "restart"]);
    assert_eq!(world.ask("XREADGROUP GROUP g a STREAMS s >"), json!([["s", [["3-0", ["f", "v3"]]]]]));
    assert_eq!(world.pending("s", "g"), json!([["1-0", "a", 1], ["2-0", "a", 1], ["3-0", "a", 1]]));
}
