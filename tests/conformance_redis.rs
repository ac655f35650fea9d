//! The Redis Streams profile against recorded behaviour of a real server (`tests/data/oracle`), and streams and groups
//! against what its documentation says, through its console. The commands one by one are in
//! `conformance_redis_commands.rs`.
#![cfg(not(target_arch = "wasm32"))]

mod redis;

use redis::{entries, without_idle, World};
use serde_json::{json, Value as Json};

fn recorded(scenario: &str) -> Vec<Json> {
    let text = include_str!("data/oracle/redis-7.0.15.json");
    let recording: Json = serde_json::from_str(text).expect("the recording is JSON");
    assert_eq!(recording["server"], "7.0.15");
    recording["scenarios"][scenario]["observed"].as_array().expect("the scenario was recorded").clone()
}

/// Does what a recording says and compares every reply.
fn follow(scenario: &str) -> World {
    let mut world = World::new();
    for step in recorded(scenario) {
        let Some(line) = step["cmd"].as_str() else { continue };
        let reply = world.ask(line);
        match step.get("reply_without_idle") {
            Some(expected) => assert_eq!(&without_idle(&reply), expected, "{step}"),
            None => assert_eq!(reply, step["reply"], "{step}"),
        }
    }
    world
}

#[test]
fn xadd_id_rules() {
    follow("xadd_id_rules");
}

#[test]
fn group_start_position() {
    follow("group_start_position");
}

#[test]
fn delivery_counter() {
    follow("delivery_counter");
}

#[test]
fn deleted_pending_entries() {
    follow("deleted_pending_entries");
}

#[test]
fn maxlen_minid_trim() {
    follow("maxlen_minid_trim");
}

#[test]
fn delconsumer_and_destroy() {
    follow("delconsumer_and_destroy");
}

#[test]
fn blocked_group_consumers_fifo() {
    let recording = recorded("blocked_group_consumers_fifo");
    let mut world = World::new();
    let mut served = Vec::new();
    let mut replies = serde_json::Map::new();
    world.run(&[recording[0]["cmd"].as_str().expect("a command")]);
    for worker in ["w1", "w2", "w3"] {
        let reply = world.ask(&format!("{worker}> XREADGROUP GROUP g {worker} BLOCK 0 STREAMS s >"));
        assert_eq!(reply, json!({"blocked": true}));
    }
    for step in &recording[1..] {
        match step["cmd"].as_str() {
            // Written down in short: the fields are left out.
            Some(line) if line.starts_with("MULTI") => {
                let steps = [("MULTI", "OK"), ("XADD s 2-0 f v2", "QUEUED"), ("XADD s 3-0 f v3", "QUEUED")];
                world.expect(&steps.map(|(line, reply)| (line, json!(reply))));
                assert_eq!(world.ask("EXEC"), json!(["2-0", "3-0"]));
            }
            Some(line) => assert_eq!(world.ask(line), step["reply"]),
            None => {
                for (client, reply) in world.late() {
                    served.push(client.clone());
                    replies.insert(client, reply);
                }
                assert_eq!(json!(served), step["served"]);
            }
        }
    }
    assert_eq!(Json::Object(replies), recording.last().expect("a step")["replies"]);
}

#[test]
fn lag_and_entries_read() {
    let mut world = World::new();
    for step in recorded("lag_and_entries_read") {
        if let Some(line) = step["cmd"].as_str() {
            assert_eq!(world.ask(line), step["reply"], "{step}");
        }
        for (words, group) in [("XINFO GROUPS", "g"), ("g2 made at 2-0", "g2")] {
            for (field, value) in step[words].as_object().into_iter().flatten() {
                assert_eq!(&world.group("s", group)[field], value, "{step}");
            }
        }
    }
}

#[test]
fn ids_follow_the_clock_and_never_go_back() {
    let mut world = World::new();
    // At the start of the run the clock stands at 0, and 0-0 is no id.
    world.expect(&[("XADD s * f a", json!("0-1")), ("XADD s * f b", json!("0-2"))]);
    world.ask("wait 1500ms");
    world.expect(&[
        ("XADD s * f c", json!("1500-0")),
        ("XADD s * f d", json!("1500-1")),
        ("XADD s 9000-5 f e", json!("9000-5")),
        ("XADD s * f f", json!("9000-6")),
        ("XADD s 9000-18446744073709551615 f g", json!("9000-18446744073709551615")),
        ("XADD s * f h", json!("9001-0")),
        ("XADD s 9001-18446744073709551615 f i", json!("9001-18446744073709551615")),
    ]);
    assert!(world.error("XADD s 9001-* f j").contains("equal or smaller"));
    assert_eq!(world.ask("TIME"), json!(["1", "500000"]));
}

#[test]
fn approx_trim() {
    let mut world = World::new();
    let fill = |world: &mut World, key: &str, count: u32, trim: &str| {
        (1..=count).for_each(|number| {
            world.ask(&format!("XADD {key} {trim} {number}-0 f v"));
        });
    };
    fill(&mut world, "s", 250, "MAXLEN ~ 100");
    assert_eq!(world.ask("XLEN s"), json!(150), "whole nodes of 100 entries only");
    fill(&mut world, "t", 350, "");
    world.expect(&[
        ("XTRIM t MAXLEN ~ 250", json!(100)),
        ("XTRIM t MAXLEN ~ 249", json!(0)),
        ("XTRIM t MINID ~ 201", json!(100)),
        ("XTRIM t MINID ~ 300", json!(0)),
        ("XTRIM t MINID = 300", json!(99)),
        ("XTRIM t MAXLEN ~ 0 LIMIT 1", json!(1)),
        ("XTRIM t MAXLEN ~ 0 LIMIT 0", json!(50)),
        ("XLEN t", json!(0)),
    ]);
    // By default at most 100 nodes' worth at once.
    world.ask("CONFIG SET stream-node-max-entries 2");
    fill(&mut world, "u", 500, "");
    world.expect(&[("XTRIM u MAXLEN ~ 0", json!(200)), ("XTRIM u MAXLEN ~ 0 LIMIT 0", json!(300))]);
    // A node is full with 4096 bytes as well: here with seven entries of about 600.
    world.ask("CONFIG SET stream-node-max-entries 100");
    let long = "x".repeat(600);
    for number in 1..=20 {
        world.ask(&format!("XADD w {number}-0 f {long}"));
    }
    assert_eq!(world.ask("XTRIM w MAXLEN ~ 10"), json!(6));
    // What was deleted still takes its place in a node.
    for number in 1..=100 {
        world.ask(&format!("XADD d {number}-0 f v"));
    }
    world.run(&["XDEL d 1-0 2-0 3-0 4-0 5-0", "XADD d 101-0 f v"]);
    world.expect(&[("XTRIM d MAXLEN ~ 2", json!(0)), ("XTRIM d MAXLEN ~ 1", json!(95)), ("XLEN d", json!(1))]);
}

#[test]
fn trimming_is_blind_to_groups() {
    let mut world = World::new();
    world.run(&["XGROUP CREATE s g $ MKSTREAM", "XADD s 1-0 f v1", "XADD s 2-0 f v2", "XADD s 3-0 f v3"]);
    world.run(&["XREADGROUP GROUP g a COUNT 1 STREAMS s >", "XTRIM s MAXLEN 1"]);
    assert_eq!(world.pending("s", "g"), json!([["1-0", "a", 1]]));
    world.expect(&[
        ("XREADGROUP GROUP g a STREAMS s 0", json!([["s", [["1-0", null]]]])),
        ("XREADGROUP GROUP g a STREAMS s >", json!([["s", [["3-0", ["f", "v3"]]]]])),
    ]);
}

#[test]
fn independent_groups() {
    let mut world = World::new();
    world.run(&["XADD s 1-0 f v1", "XADD s 2-0 f v2", "XGROUP CREATE s g1 0", "XGROUP CREATE s g2 0"]);
    let both = json!([["s", entries(&[("1-0", "v1"), ("2-0", "v2")])]]);
    world.expect(&[
        ("XREADGROUP GROUP g1 a STREAMS s >", both.clone()),
        ("XACK s g1 1-0 2-0", json!(2)),
        ("XLEN s", json!(2)),
        ("XREADGROUP GROUP g2 a STREAMS s >", both),
        ("XREADGROUP GROUP g1 b STREAMS s >", json!(null)),
    ]);
    assert_eq!(
        (world.pending("s", "g1"), world.pending("s", "g2")),
        (json!([]), json!([["1-0", "a", 1], ["2-0", "a", 1]]))
    );
}

#[test]
fn xread_fanout_and_dollar() {
    let mut world = World::new();
    world.run(&["XADD s 1-0 f v1", "XADD s 2-0 f v2", "XADD t 5-0 f w"]);
    world.expect(&[
        ("XREAD COUNT 1 STREAMS s t 0 0", json!([["s", [["1-0", ["f", "v1"]]]], ["t", [["5-0", ["f", "w"]]]]])),
        ("XREAD STREAMS s t 1-0 5-0", json!([["s", [["2-0", ["f", "v2"]]]]])),
        ("XREAD STREAMS s $", json!(null)),
        ("XREAD BLOCK 0 STREAMS s 1", json!([["s", [["2-0", ["f", "v2"]]]]])),
        ("a> XREAD BLOCK 0 STREAMS s t $ $", json!({"blocked": true})),
        ("b> XREAD BLOCK 1000 STREAMS s $", json!({"blocked": true})),
        ("c> XREAD BLOCK 500 STREAMS u $", json!({"blocked": true})),
        ("XADD s 3-0 f v3", json!("3-0")),
    ]);
    let news = json!([["s", [["3-0", ["f", "v3"]]]]]);
    assert_eq!(world.late(), [("a".to_string(), news.clone()), ("b".to_string(), news)]);
    world.ask("wait 499ms");
    assert_eq!(world.late(), []);
    world.ask("wait 1ms");
    assert_eq!(world.late(), [("c".to_string(), json!(null))]);
    // What a blocked client sends waits until it is served.
    world.expect(&[
        ("a> XREAD BLOCK 0 STREAMS s 3-0", json!({"blocked": true})),
        ("a> XLEN s", json!({"blocked": true})),
        ("XADD s 4-0 f v4", json!("4-0")),
    ]);
    let news = json!([["s", [["4-0", ["f", "v4"]]]]]);
    assert_eq!(world.late(), [("a".to_string(), news), ("a".to_string(), json!(4))]);
    // A killed client is not served, and its turn is not lost.
    world.run(&["XGROUP CREATE s g $"]);
    for client in ["x", "y"] {
        world.ask(&format!("{client}> XREADGROUP GROUP g {client} BLOCK 0 STREAMS s >"));
    }
    world.run(&["kill x", "XADD s 5-0 f v5"]);
    assert_eq!(world.late(), [("y".to_string(), json!([["s", [["5-0", ["f", "v5"]]]]]))]);
}

#[test]
fn waiting_in_vain_ends() {
    let mut world = World::new();
    let wait = |world: &mut World| {
        world.run(&["XGROUP CREATE s g $ MKSTREAM"]);
        world.ask("w> XREADGROUP GROUP g w BLOCK 0 STREAMS s >");
        world.ask("r> XREAD BLOCK 0 STREAMS s $");
    };
    let gone = json!({"error": "ERR: UNBLOCKED the stream key no longer exists"});
    wait(&mut world);
    world.ask("XGROUP DESTROY s g");
    let text = "ERR: NOGROUP the consumer group this client was blocked on no longer exists";
    assert_eq!(world.late(), [("w".to_string(), json!({ "error": text }))]);
    world.run(&["kill r"]);
    wait(&mut world);
    world.ask("DEL s");
    assert_eq!(world.late(), [("w".to_string(), gone.clone())]);
    // XREAD waits on: the key may come back.
    world.ask("XADD s 1-0 f v");
    assert_eq!(world.late(), [("r".to_string(), json!([["s", [["1-0", ["f", "v"]]]]]))]);
    wait(&mut world);
    world.ask("SET s text");
    assert_eq!(world.late(), [("w".to_string(), gone)]);
    // Added and deleted in one transaction: nothing happened for those who wait.
    let mut world = World::new();
    world.ask("r> XREAD BLOCK 0 STREAMS s $");
    world.run(&["MULTI", "XADD s 1-0 f v", "DEL s", "EXEC"]);
    assert_eq!(world.late(), []);
}

#[test]
fn noack() {
    let mut world = World::new();
    world.run(&["XADD s 1-0 f v1", "XADD s 2-0 f v2", "XGROUP CREATE s g 0"]);
    world.expect(&[
        ("XREADGROUP GROUP g a COUNT 1 NOACK STREAMS s >", json!([["s", [["1-0", ["f", "v1"]]]]])),
        ("XPENDING s g - + 10", json!([])),
        ("XREADGROUP GROUP g a STREAMS s 0", json!([["s", []]])),
        ("XREADGROUP GROUP g a STREAMS s >", json!([["s", [["2-0", ["f", "v2"]]]]])),
    ]);
    assert_eq!(world.pending("s", "g"), json!([["2-0", "a", 1]]));
    let group = world.group("s", "g");
    assert_eq!((&group["entries-read"], &group["lag"]), (&json!(2), &json!(0)));
}

#[test]
fn consumers_are_made_when_they_get_something() {
    let mut world = World::new();
    world.run(&["XGROUP CREATE s g $ MKSTREAM"]);
    let consumers = |world: &mut World| world.ask("XINFO CONSUMERS s g").as_array().expect("consumers").len();
    world.expect(&[
        ("XREADGROUP GROUP g a STREAMS s >", json!(null)),
        ("XCLAIM s g b 0 1-0", json!([])),
        ("XAUTOCLAIM s g c 0 0", json!(["0-0", [], []])),
    ]);
    assert_eq!(consumers(&mut world), 0);
    world.run(&["XREADGROUP GROUP g a STREAMS s 0"]);
    world.expect(&[
        ("XGROUP CREATECONSUMER s g b", json!(1)),
        ("XGROUP CREATECONSUMER s g b", json!(0)),
        ("XGROUP DELCONSUMER s g b", json!(0)),
        ("XGROUP DELCONSUMER s g nobody", json!(0)),
    ]);
    assert_eq!(consumers(&mut world), 1);
}

#[test]
fn consumer_dead_autoclaim() {
    let mut world = World::new();
    world.run(&["XGROUP CREATE s g $ MKSTREAM", "XADD s 1-0 f v1", "XADD s 2-0 f v2"]);
    world.run(&["dead> XREADGROUP GROUP g dead STREAMS s >", "kill dead", "wait 1h"]);
    assert_eq!(world.pending("s", "g"), json!([["1-0", "dead", 1], ["2-0", "dead", 1]]), "nothing comes back");
    world.expect(&[
        ("XREADGROUP GROUP g b STREAMS s >", json!(null)),
        ("XAUTOCLAIM s g b 3600001 0", json!(["0-0", [], []])),
        ("XAUTOCLAIM s g b 3600000 0", json!(["0-0", entries(&[("1-0", "v1"), ("2-0", "v2")]), []])),
        ("XAUTOCLAIM s g c 1 0", json!(["0-0", [], []])),
        ("XACK s g 1-0 2-0 3-0", json!(2)),
    ]);
}

/// What a client does that has had an entry too often.
#[test]
fn dead_letters_are_a_pattern_of_clients() {
    let mut world = World::new();
    world.run(&["XGROUP CREATE s g $ MKSTREAM", "XADD s 1-0 f poison", "XREADGROUP GROUP g a STREAMS s >"]);
    for _ in 0..3 {
        world.run(&["wait 1s", "XAUTOCLAIM s g a 1000 0"]);
    }
    assert_eq!(world.pending("s", "g"), json!([["1-0", "a", 4]]));
    world.run(&["MULTI", "XADD dead 1-0 f poison from 1-0", "XACK s g 1-0", "EXEC"]);
    assert_eq!((world.pending("s", "g"), world.ask("XLEN dead")), (json!([]), json!(1)));
}

#[test]
fn lag_around_a_deletion() {
    let mut world = World::new();
    world.run(&["XADD s 1-0 f v", "XADD s 2-0 f v", "XADD s 3-0 f v", "XADD s 4-0 f v", "XGROUP CREATE s g 0"]);
    let mut lag_after = |line: &str| {
        world.run(&[line]);
        let group = world.group("s", "g");
        json!([group["entries-read"], group["lag"]])
    };
    let read = "XREADGROUP GROUP g a COUNT 1 STREAMS s >";
    let before = [lag_after("PING"), lag_after(read), lag_after(read)];
    assert_eq!(before, [json!([null, 4]), json!([1, 3]), json!([2, 2])]);
    // The position itself is deleted, and something before it is left: nobody can tell.
    assert_eq!(lag_after("XDEL s 2-0"), json!([2, null]));
    assert_eq!(lag_after(read), json!([3, 1]), "behind the deletion it is known again");
    assert_eq!(lag_after("XGROUP SETID s g 2-0"), json!([null, null]));
    assert_eq!(lag_after("XTRIM s MINID 4"), json!([null, 1]), "before the first entry");
    assert_eq!(lag_after("XGROUP SETID s g 4-0"), json!([null, 0]), "at the end");
    assert_eq!(lag_after("XGROUP SETID s g 3-0 ENTRIESREAD 9"), json!([9, -5]), "as it was told");
}
