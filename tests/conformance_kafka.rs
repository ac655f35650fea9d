//! The Kafka profile against recorded behaviour (`tests/data/oracle`) and against the documentation, through its console:
//! producers, groups and offsets. What brokers do with logs and each other is in `conformance_kafka_cluster.rs`.
//!
//! The recordings are of librdkafka with a cluster that it plays itself. Which member got which part is its own choice,
//! so shares are compared up to an exchange of members.
#![cfg(not(target_arch = "wasm32"))]

mod kafka_world;

use std::collections::{BTreeMap, BTreeSet};

use kafka_world::{list, values, World};
use patchbay::model::broker::kafka::partition_of;
use serde_json::{json, Value as Json};

fn recorded(scenario: &str) -> Vec<Json> {
    let text = include_str!("data/oracle/kafka-librdkafka-mock.json");
    let recording: Json = serde_json::from_str(text).expect("the recording is JSON");
    recording["scenarios"][scenario]["observed"].as_array().expect("the scenario was recorded").clone()
}

#[test]
fn keyed_partitioner() {
    let seen = &recorded("keyed_partitioner")[0];
    let mut world = World::new(&[&format!("create-topic t partitions={}", seen["partitions"])]);
    for (key, partition) in seen["key_to_partition"].as_object().expect("keys") {
        let answer = world.ask(&format!("produce t value 'key={key}'"));
        assert_eq!(&answer["partition"], partition, "{key}");
    }
    let vectors: Json = serde_json::from_str(include_str!("data/oracle/kafka_murmur2.json")).expect("it is JSON");
    for case in vectors["cases"].as_array().expect("cases") {
        let hash = case["murmur2_i32"].as_i64().expect("a number") as i32;
        let key = case["utf8"].as_str().expect("a text");
        assert_eq!(partition_of(key.as_bytes(), 1 << 31), (hash & i32::MAX) as u32, "{key}");
    }
}

#[test]
fn more_partitions_move_keys() {
    let mut world = World::new(&["create-topic t partitions=4"]);
    assert_eq!(world.ask("produce t a key=user-3")["partition"], 3);
    world.ask("add-partitions t 7");
    let moved = world.ask("produce t b key=user-3")["partition"].as_u64().expect("a number") as u32;
    assert_eq!(moved, partition_of(b"user-3", 7));
    assert_eq!(world.error("add-partitions t 3"), "INVALID_PARTITIONS");
}

#[test]
fn librdkafka_hashes_with_crc32() {
    let mut world = World::new(&["create-topic t partitions=1000", "config partitioner=consistent_random"]);
    // 0xcbf43926 is the check value of CRC-32.
    assert_eq!(world.ask("produce t v key=123456789")["partition"], 0xcbf4_3926_u32 % 1000);
}

#[test]
fn records_without_a_key_stick_to_a_partition() {
    for adaptive in [true, false] {
        let mut world = World::new(&["create-topic t partitions=5"]);
        world.ask(&format!("config batch.size=1000 partitioner.adaptive.partitioning.enable={adaptive}"));
        let body = "x".repeat(93);
        let partitions: Vec<u64> = (0..400)
            .map(|_| world.ask(&format!("produce t {body}"))["partition"].as_u64().expect("a number"))
            .collect();
        // A record is 93 + 7 bytes in a batch of its own with 61: after 7 of them 1,000 bytes are passed.
        let runs: Vec<usize> = partitions.chunk_by(|first, second| first == second).map(<[u64]>::len).collect();
        let inner = &runs[..runs.len() - 1];
        assert!(inner.iter().all(|length| length % 7 == 0), "not in turn, and not by chance each: {runs:?}");
        assert_eq!(partitions.iter().collect::<BTreeSet<_>>().len(), 5, "in the end everywhere");
    }
}

#[test]
fn the_change_of_partition_waits_for_a_full_batch() {
    let mut world = World::new(&["create-topic t partitions=50", "config batch.size=1000 linger.ms=60000"]);
    let body = "x".repeat(93);
    let partitions: Vec<Json> = (0..9).map(|_| world.ask(&format!("produce t {body}"))["partition"].clone()).collect();
    assert!(partitions.iter().all(|partition| *partition == partitions[0]), "one batch is filled: {partitions:?}");
}

#[test]
fn a_batch_waits_for_linger_or_its_size() {
    let mut world = World::new(&["create-topic t", "config linger.ms=100 batch.size=1000"]);
    assert_eq!(world.ask("produce t a")["pending"], true);
    assert_eq!(world.ask("produce t b")["pending"], true);
    world.ask("wait 99ms");
    assert!(world.told("confirm").is_empty());
    world.ask("wait 1ms");
    let offsets: Vec<Json> = world.told("confirm").iter().map(|confirm| confirm["offset"].clone()).collect();
    assert_eq!(offsets, [json!(0), json!(1)]);
    // The one that does not fit closes the batch, which is sent at once.
    world.ask(&format!("produce t {}", "x".repeat(900)));
    world.ask(&format!("produce t {}", "y".repeat(900)));
    assert_eq!(world.told("confirm").len(), 1);
    assert_eq!(world.ask("flush"), json!({"flushed": true}));
    assert_eq!(world.told("confirm").len(), 1);
}

#[test]
fn contradictions() {
    let mut world = World::new(&["create-topic t"]);
    assert_eq!(world.error("config acks=1 enable.idempotence=true"), "CONFIG_EXCEPTION");
    assert_eq!(world.error("produce t v"), "CONFIG_EXCEPTION");
    // Not asked for, it is just off.
    world.ask("b> config acks=1");
    assert_eq!(world.ask("b> produce t v")["offset"], 0);
    assert_eq!(world.error("c> config acks=maybe"), "CONFIG_EXCEPTION");
    assert_eq!(
        world.error("c> config max.in.flight.requests.per.connection=6 enable.idempotence=true"),
        "CONFIG_EXCEPTION"
    );
    assert_eq!(world.error("c> config no.such.thing=1"), "INVALID_CONFIG");
}

#[test]
fn idempotence() {
    let mut world = World::new(&["create-topic t"]);
    for sequence in 0..7 {
        let line = format!("produce-raw t-0 v{sequence} producer.id=100 sequence={sequence}");
        assert_eq!(world.ask(&line), json!({ "offset": sequence }));
    }
    // The last five are known, with their old offsets.
    for sequence in 2..7 {
        let line = format!("produce-raw t-0 v producer.id=100 sequence={sequence}");
        assert_eq!(world.ask(&line), json!({"offset": sequence, "duplicate": true}));
    }
    assert_eq!(world.error("produce-raw t-0 v producer.id=100 sequence=1"), "OUT_OF_ORDER_SEQUENCE_NUMBER");
    assert_eq!(world.error("produce-raw t-0 v producer.id=100 sequence=8"), "OUT_OF_ORDER_SEQUENCE_NUMBER");
    assert_eq!(world.ask("produce-raw t-0 v producer.id=100 producer.epoch=1 sequence=0")["offset"], 7);
    assert_eq!(world.error("produce-raw t-0 v producer.id=100 sequence=7"), "INVALID_PRODUCER_EPOCH");
    // A client's own batch, sent twice.
    assert_eq!(world.ask("p> produce t own")["offset"], 8);
    assert_eq!(world.ask("p> resend")["records"], json!([{"offset": 8, "duplicate": true}]));
    assert_eq!(world.values("log t-0").len(), 9);
}

#[test]
fn a_retry_without_idempotence_writes_twice() {
    let mut world = World::new(&["create-topic t", "config enable.idempotence=false"]);
    world.ask("produce t once");
    assert_eq!(world.ask("resend")["records"], json!([{"offset": 1}]));
    assert_eq!(world.values("log t-0"), ["once", "once"]);
}

/// A group with members c1, c2, ..., each of which polls all the time.
struct Members {
    world: World,
    subscribe: String,
    running: Vec<String>,
}

impl Members {
    fn new(topics: &[(&str, u32)], settings: &str) -> Members {
        let mut world = World::new(&[]);
        for (topic, partitions) in topics {
            world.ask(&format!("create-topic {topic} partitions={partitions}"));
        }
        let names: Vec<&str> = topics.iter().map(|(topic, _)| *topic).collect();
        let subscribe = format!("subscribe {} group=g enable.auto.commit=false {settings}", names.join(" "));
        Members { world, subscribe, running: Vec::new() }
    }

    fn join(&mut self, name: &str) {
        self.world.ask(&format!("{name}> {}", self.subscribe));
        self.world.ask(&format!("{name}> poll timeout=1h"));
        self.running.push(name.to_string());
        self.world.ask("wait 20s");
    }

    fn leave(&mut self, name: &str) {
        self.running.retain(|other| other != name);
        self.world.ask(&format!("{name}> close"));
        self.world.ask("wait 20s");
    }

    fn shares(&mut self) -> BTreeMap<String, BTreeSet<String>> {
        let names = self.running.clone();
        names.into_iter().map(|name| (name.clone(), self.share(&name))).collect()
    }

    fn share(&mut self, name: &str) -> BTreeSet<String> {
        list(&self.world.ask(&format!("{name}> assignment"))["partitions"]).into_iter().collect()
    }

    fn assert_valid(&mut self, total: usize) {
        let shares = self.shares();
        let all: BTreeSet<&String> = shares.values().flatten().collect();
        assert_eq!((all.len(), shares.values().map(BTreeSet::len).sum::<usize>()), (total, total), "{shares:?}");
        let sizes = || shares.values().map(BTreeSet::len);
        assert!(sizes().max().expect("a member") - sizes().min().expect("a member") <= 1, "{shares:?}");
    }
}

fn recorded_shares(step: &Json) -> BTreeMap<String, BTreeSet<String>> {
    let members = step["assignment"].as_object().expect("an assignment");
    members.iter().map(|(name, share)| (name.clone(), list(share).into_iter().collect())).collect()
}

fn follow(scenario: &str, strategy: &str, compare: impl Fn(&mut Members, &Json)) -> Members {
    let topics: Vec<String> = ["alpha", "beta"].iter().map(|name| format!("{name}-{strategy}")).collect();
    let topics: Vec<(&str, u32)> = topics.iter().map(|name| (name.as_str(), 4)).collect();
    let mut members = Members::new(&topics, &format!("partition.assignment.strategy={strategy}"));
    for step in recorded(scenario) {
        if let Some(name) = step["after_join"].as_str() {
            members.join(name);
            compare(&mut members, &step);
        } else if let Some(name) = step["after_leave"].as_str() {
            members.world.clear();
            members.leave(name);
            compare(&mut members, &step);
        }
    }
    members
}

#[test]
fn group_range() {
    let mut members =
        follow("group_range", "range", |members, step| assert_eq!(members.shares(), recorded_shares(step), "{step}"));
    let events = recorded("group_range").pop().expect("events")["events_of_survivors"].clone();
    for name in ["c2", "c3"] {
        let seen: Vec<Json> = members
            .world
            .events(name)
            .into_iter()
            .filter(|(word, _)| word != "reply")
            .map(|(word, body)| json!([word, body["partitions"]]))
            .collect();
        assert_eq!(Json::from(seen), events[name], "an eager member gives everything up and gets its new share");
    }
}

#[test]
fn group_cooperative_sticky() {
    // Whose partitions stay is librdkafka's choice; how many move and that the rest stays is not.
    let before = std::cell::RefCell::new(BTreeMap::new());
    let mut members = follow("group_cooperative_sticky", "cooperative-sticky", |members, step| {
        let (seen, recorded) = (members.shares(), recorded_shares(step));
        let sizes = |shares: &BTreeMap<String, BTreeSet<String>>| {
            let mut sizes: Vec<usize> = shares.values().map(BTreeSet::len).collect();
            sizes.sort_unstable();
            sizes
        };
        assert_eq!(sizes(&seen), sizes(&recorded), "{step}");
        members.assert_valid(8);
        let old: BTreeMap<String, BTreeSet<String>> = before.replace(seen.clone());
        for (name, share) in &seen {
            let kept = old.get(name).map_or(0, |old: &BTreeSet<String>| old.intersection(share).count());
            let possible = old.get(name).map_or(0, BTreeSet::len).min(share.len());
            assert_eq!(kept, possible, "{name} keeps all that it can: {step}");
        }
    });
    for name in ["c2", "c3"] {
        let words: Vec<String> = members.world.events(name).into_iter().map(|(word, _)| word).collect();
        assert!(!words.contains(&"revoked".to_string()), "who only gets more is not stopped: {words:?}");
    }
}

#[test]
fn cooperative_members_read_on_while_they_share() {
    let mut members = Members::new(&[("t", 2)], "partition.assignment.strategy=cooperative-sticky");
    members.join("c1");
    members.world.clear();
    members.world.ask("c2> subscribe t group=g partition.assignment.strategy=cooperative-sticky");
    members.world.ask("c2> poll timeout=1h");
    members.world.ask("produce t stays partition=0");
    assert_eq!(values(&members.world.told_to("c1", "reply")[0]), ["stays"]);
}

#[test]
fn group_roundrobin() {
    let mut members = Members::new(&[("alpha", 3), ("beta", 2)], "partition.assignment.strategy=roundrobin");
    members.join("c1");
    members.join("c2");
    let shares = members.shares();
    assert_eq!(shares["c1"], BTreeSet::from(["alpha-0", "alpha-2", "beta-1"].map(String::from)));
    assert_eq!(shares["c2"], BTreeSet::from(["alpha-1", "beta-0"].map(String::from)));
}

#[test]
fn a_member_of_three_leaves_a_group_that_deals_in_turn() {
    let mut members = Members::new(&[("alpha", 4), ("beta", 4)], "partition.assignment.strategy=roundrobin");
    ["c1", "c2", "c3"].iter().for_each(|name| members.join(name));
    let set = |list: &[&str]| list.iter().map(|one| one.to_string()).collect::<BTreeSet<String>>();
    let shares = members.shares();
    assert_eq!(shares["c1"], set(&["alpha-0", "alpha-3", "beta-2"]));
    assert_eq!(shares["c2"], set(&["alpha-1", "beta-0", "beta-3"]));
    assert_eq!(shares["c3"], set(&["alpha-2", "beta-1"]));
    members.world.clear();
    members.leave("c1");
    let seen: Vec<(String, Json)> = members.world.events("c2");
    let words: Vec<&str> = seen.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["revoked", "assigned"], "everything is given up, and dealt anew");
    assert_eq!(seen[1].1["partitions"], json!(["alpha-0", "alpha-2", "beta-0", "beta-2"]));
    // Who leaves hears of nothing but what it gives up, and the end of the poll that it was in.
    let left: Vec<String> = members.world.events("c1").into_iter().map(|(word, _)| word).collect();
    assert_eq!(left, ["reply", "revoked"]);
}

#[test]
fn static_members_come_first_but_not_with_sticky() {
    for (strategy, first) in [("range", "z"), ("roundrobin", "z"), ("sticky", "a"), ("cooperative-sticky", "a")] {
        let mut members = Members::new(&[("t", 1)], &format!("partition.assignment.strategy={strategy}"));
        // Both gather before the first share.
        members.world.ask("z> config group.instance.id=zz");
        for name in ["a", "z"] {
            let line = format!("{name}> {}", members.subscribe);
            members.world.ask(&line);
            members.world.ask(&format!("{name}> poll timeout=1h"));
            members.running.push(name.into());
        }
        members.world.ask("wait 20s");
        assert_eq!(members.share(first).len(), 1, "{strategy}");
    }
}

#[test]
fn group_sticky() {
    let mut members = Members::new(&[("alpha", 4), ("beta", 4)], "partition.assignment.strategy=sticky");
    for name in ["c1", "c2", "c3", "c4"] {
        members.join(name);
        members.assert_valid(8);
    }
    let before = members.shares();
    members.leave("c2");
    members.assert_valid(8);
    for (name, share) in members.shares() {
        assert!(share.is_superset(&before[&name]), "{name} keeps what it had");
    }
}

#[test]
fn more_members_than_partitions() {
    let mut members = Members::new(&[("t", 2)], "");
    for name in ["c1", "c2", "c3"] {
        members.join(name);
    }
    let shares = members.shares();
    assert_eq!(shares["c3"], BTreeSet::new(), "{shares:?}");
    // Another group reads everything as well.
    members.world.ask("o> subscribe t group=other auto.offset.reset=earliest");
    members.world.ask("o> poll timeout=1h");
    members.world.ask("wait 5s");
    assert_eq!(members.share("o").len(), 2);
}

#[test]
fn first_members_gather() {
    let mut world = World::new(&["create-topic t partitions=2"]);
    for name in ["c1", "c2"] {
        world.ask(&format!("{name}> subscribe t group=g"));
        world.ask(&format!("{name}> poll timeout=1h"));
        world.ask("wait 2s");
    }
    // The second one came within the three seconds, so there are three more for others.
    assert!(world.told("assigned").is_empty());
    world.ask("wait 2s");
    assert_eq!(world.told("assigned").len(), 2);
    assert_eq!(world.ask("describe-group g")["generation"], 1);
}

#[test]
fn commit_before_processing_loses() {
    let steps = recorded("commit_before_processing_loses");
    let mut world = World::new(&["create-topic t"]);
    world.produce(&["m0", "m1", "m2"]);
    world.start("c1", "t", "group=g auto.offset.reset=earliest enable.auto.commit=false");
    let got = values(&world.ask("c1> poll max=1"));
    assert_eq!(json!(got[0]), steps[0]["polled_and_committed_but_not_processed"]);
    world.ask("c1> commit sync");
    world.ask("kill c1");
    world.ask("wait 50s");
    world.start("c2", "t", "group=g auto.offset.reset=earliest enable.auto.commit=false");
    assert_eq!(json!(values(&world.ask("c2> poll"))), steps[1]["next_run"]);
}

#[test]
fn crash_then_session_timeout() {
    let steps = recorded("crash_then_session_timeout");
    let heir = &steps.last().expect("a step")["heir"];
    let mut world = World::new(&["create-topic t"]);
    world.produce(&["m0", "m1", "m2", "m3"]);
    let settings = "group=g auto.offset.reset=earliest enable.auto.commit=false session.timeout.ms=6000";
    world.start("crasher", "t", settings);
    for step in steps.iter().filter(|step| step["crasher"].is_array() || step["crasher"].is_string()) {
        if step["crasher"] == "committed 2" {
            assert_eq!(world.ask("crasher> commit sync")["committed"]["t-0"], 2);
            continue;
        }
        let record = &world.ask("crasher> poll max=1")["records"][0];
        assert_eq!(json!([record["value"], record["offset"]]), step["crasher"]);
    }
    world.ask(&format!("heir> subscribe t {settings}"));
    world.ask("kill crasher");
    world.ask("heir> poll timeout=1h");
    world.ask("wait 5.9s");
    assert!(world.told_to("heir", "reply").is_empty(), "the dead member's partitions stand still");
    world.ask("wait 1s");
    assert_eq!(&json!(values(&world.told_to("heir", "reply")[0])), heir);
}

#[test]
fn commit_is_next_offset() {
    let mut world = World::new(&["create-topic t"]);
    world.produce(&["m0", "m1", "m2", "m3", "m4"]);
    let settings = "group=g auto.offset.reset=earliest enable.auto.commit=false";
    world.start("c1", "t", settings);
    assert_eq!(world.values("c1> poll max=2"), ["m0", "m1"]);
    assert_eq!(world.ask("c1> position"), json!({"position": {"t-0": 2}}));
    assert_eq!(world.ask("c1> commit sync"), json!({"committed": {"t-0": 2}}));
    world.ask("c1> poll");
    world.ask("c1> close");
    world.start("c2", "t", settings);
    assert_eq!(world.values("c2> poll"), ["m2", "m3", "m4"]);
}

#[test]
fn position_and_commit_differ() {
    let mut world = World::new(&["create-topic t"]);
    world.produce(&["a", "b"]);
    world.start("c", "t", "group=g auto.offset.reset=earliest enable.auto.commit=false");
    assert_eq!(world.values("c> poll"), ["a", "b"]);
    // Nothing was committed, and nothing comes again.
    assert_eq!(world.values("c> poll timeout=0"), Vec::<String>::new());
    assert_eq!(world.ask("c> committed t-0"), json!({"committed": {"t-0": null}}));
    world.ask("c> seek t-0 1");
    assert_eq!(world.values("c> poll"), ["b"]);
    world.ask("c> seek t-0 beginning");
    assert_eq!(world.values("c> poll"), ["a", "b"]);
    assert_eq!(world.error("c> seek t-0 x"), "INVALID_REQUEST");
    assert_eq!(world.error("c> seek u-0 0"), "UNKNOWN_TOPIC_OR_PARTITION");
}

#[test]
fn auto_commit() {
    let mut world = World::new(&["create-topic t"]);
    world.produce(&["a", "b", "c"]);
    world.start("c", "t", "group=g auto.offset.reset=earliest");
    world.ask("wait 10s");
    assert_eq!(world.values("c> poll max=1"), ["a"]);
    world.ask("wait 10s");
    // Time alone commits nothing.
    assert_eq!(world.ask("committed t-0 group=g")["committed"]["t-0"], Json::Null);
    assert_eq!(world.values("c> poll max=1"), ["b"]);
    assert_eq!(world.ask("committed t-0 group=g")["committed"]["t-0"], 1, "what the earlier poll returned");
    world.ask("c> close");
    assert_eq!(world.ask("committed t-0 group=g")["committed"]["t-0"], 2);
    // A crash repeats what was read since.
    world.start("d", "t", "group=g auto.offset.reset=earliest");
    assert_eq!(world.values("d> poll"), ["c"]);
    world.ask("kill d");
    world.ask("wait 1m");
    world.start("e", "t", "group=g auto.offset.reset=earliest");
    assert_eq!(world.values("e> poll"), ["c"]);
}

#[test]
fn auto_offset_reset() {
    let mut world = World::new(&["create-topic t"]);
    world.ask("produce t before");
    for (reset, expected) in [("earliest", vec!["before", "after"]), ("latest", vec!["after"])] {
        let mut world = world.clone();
        world.start("c", "t", &format!("group=g auto.offset.reset={reset} enable.auto.commit=false"));
        let mut seen = world.values("c> poll timeout=0");
        world.ask("produce t after");
        seen.extend(world.values("c> poll timeout=0"));
        assert_eq!(seen, expected);
    }
    world.ask("n> subscribe t group=h auto.offset.reset=none enable.auto.commit=false");
    world.ask("n> poll timeout=0");
    world.ask("wait 4s");
    assert_eq!(world.error("n> poll"), "NO_OFFSET_FOR_PARTITION");
    // A valid commit makes the setting mute; one that is out of range wakes it.
    world.ask("n> close");
    world.ask("reset-offsets h t-0=99");
    world.start("o", "t", "group=h auto.offset.reset=earliest");
    assert_eq!(world.values("o> poll"), ["before"]);
}

#[test]
fn offsets_expire() {
    let mut world = World::new(&["create-topic t retention.ms=-1", "broker-config offsets.retention.minutes=10"]);
    world.ask("produce t a");
    world.start("c", "t", "group=g auto.offset.reset=earliest");
    world.ask("c> poll");
    world.ask("c> poll timeout=2h");
    world.ask("wait 1h");
    world.ask("c> close");
    world.ask("wait 9m");
    assert_eq!(world.ask("committed t-0 group=g")["committed"]["t-0"], 1, "a group with members keeps them");
    world.ask("wait 2m");
    assert_eq!(world.ask("committed t-0 group=g")["committed"]["t-0"], Json::Null);
}
