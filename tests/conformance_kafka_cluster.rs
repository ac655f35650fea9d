//! The Kafka profile against the documentation, through its console: logs, replicas, transactions, and what happens to
//! groups when members fail. Producers, assignors and offsets are in `conformance_kafka.rs`, coordinators in
//! `conformance_kafka_failover.rs`.
#![cfg(not(target_arch = "wasm32"))]

mod kafka_world;

use kafka_world::{list, World};
use serde_json::{json, Value as Json};

/// A topic with three replicas whose first leader is returned.
fn replicated(settings: &str) -> (World, u64) {
    let mut world = World::new(&[&format!("create-topic t replication.factor=3 {settings}")]);
    let leader = partition(&mut world)["leader"].as_u64().expect("a leader");
    (world, leader)
}

fn partition(world: &mut World) -> Json {
    world.ask("describe t")["partitions"][0].clone()
}

fn others(leader: u64) -> Vec<u64> {
    (1..=3).filter(|broker| *broker != leader).collect()
}

#[test]
fn high_watermark() {
    let (mut world, _) = replicated("");
    world.ask("c> assign t-0");
    world.ask("c> seek t-0 0");
    assert_eq!(world.ask("produce t a acks=1")["offset"], 0);
    assert_eq!(world.values("c> poll timeout=0"), Vec::<String>::new(), "no follower has it");
    world.ask("wait 10ms");
    assert_eq!(world.values("c> poll timeout=0"), ["a"]);
    // With acks=all the answer waits for the followers.
    assert_eq!(world.ask("p> produce t b")["pending"], true);
    world.ask("wait 9ms");
    assert!(world.told("confirm").is_empty());
    world.ask("wait 1ms");
    assert_eq!(world.told("confirm")[0]["offset"], 1);
}

#[test]
fn acks_and_failover() {
    let (mut world, leader) = replicated("");
    assert_eq!(world.ask("none> produce t nobody-knows acks=0")["offset"], -1);
    world.ask("wait 1s");
    assert_eq!(world.ask("one> produce t confirmed-and-lost acks=1")["offset"], 1);
    assert_eq!(world.ask("all> produce t waits")["pending"], true);
    world.ask(&format!("stop broker {leader}"));
    world.ask("wait 8.9s");
    assert_eq!(partition(&mut world)["leader"], leader, "nobody has noticed");
    assert_eq!(world.ask("none> produce t into-the-void")["offset"], -1);
    world.ask("wait 1s");
    assert_ne!(partition(&mut world)["leader"], leader);
    assert_eq!(world.told_to("all", "confirm")[0]["offset"], 1, "it was sent again to the new leader");
    assert_eq!(world.values("log t-0"), ["nobody-knows", "waits"]);
    world.ask(&format!("start broker {leader}"));
    world.ask("wait 1s");
    assert_eq!(partition(&mut world)["isr"].as_array().expect("a list").len(), 3);
    assert_eq!(world.values("log t-0"), ["nobody-knows", "waits"], "the old leader has cut off what nobody else had");
}

#[test]
fn a_clean_stop_loses_nothing() {
    let (mut world, leader) = replicated("");
    world.ask("produce t a");
    world.ask("wait 1s");
    world.ask(&format!("stop broker {leader} clean"));
    assert_ne!(partition(&mut world)["leader"], leader);
    world.ask("produce t b");
    world.ask("wait 1s");
    assert_eq!(world.values("log t-0"), ["a", "b"]);
}

#[test]
fn too_few_in_sync_replicas() {
    let (mut world, leader) = replicated("min.insync.replicas=2");
    others(leader).iter().for_each(|broker| drop(world.ask(&format!("stop broker {broker}"))));
    world.ask("wait 10s");
    assert_eq!(partition(&mut world)["isr"], json!([leader]));
    assert_eq!(world.ask("one> produce t taken acks=1")["offset"], 0, "acts with acks=all only");
    assert_eq!(world.ask("none> produce t x retries=0")["error"], "NOT_ENOUGH_REPLICAS");
    assert_eq!(world.ask("all> produce t waits")["pending"], true);
    world.ask("wait 5s");
    assert!(world.told_to("all", "confirm").is_empty());
    world.ask(&format!("start broker {}", others(leader)[0]));
    world.ask("wait 1s");
    assert_eq!(world.told_to("all", "confirm")[0]["offset"], 1);
}

#[test]
fn attempts_end() {
    let mut world = World::new(&["create-topic t"]);
    let leader = partition(&mut world)["leader"].clone();
    world.ask(&format!("stop broker {leader}"));
    assert_eq!(world.ask("a> produce t v delivery.timeout.ms=5000")["pending"], true);
    assert_eq!(world.ask("b> produce t v retries=3 enable.idempotence=false")["pending"], true);
    world.ask("wait 400ms");
    assert_eq!(world.told_to("b", "confirm")[0]["error"], "NETWORK_EXCEPTION");
    world.ask("wait 4.6s");
    assert_eq!(world.told_to("a", "confirm")[0]["error"], "REQUEST_TIMED_OUT");
    // After a gap an idempotent producer goes on.
    world.ask(&format!("start broker {leader}"));
    assert_eq!(world.ask("a> produce t w")["offset"], 0);
}

#[test]
fn retries_keep_the_order_of_an_idempotent_producer() {
    let (mut world, leader) = replicated("");
    world.produce(&["a", "b"]);
    world.ask(&format!("stop broker {leader}"));
    (0..20).for_each(|number| drop(world.ask(&format!("produce t {number}"))));
    world.ask("wait 20s");
    let values = world.values("log t-0");
    let expected: Vec<String> =
        ["a", "b"].into_iter().map(String::from).chain((0..20).map(|one| one.to_string())).collect();
    assert_eq!(values, expected, "each once, in order");
}

#[test]
fn a_slow_follower_leaves_the_in_sync_replicas() {
    let (mut world, leader) = replicated("");
    let slow = others(leader)[0];
    world.ask(&format!("slow follower {slow} lag=10m"));
    world.ask("produce t a");
    world.ask("wait 29s");
    assert!(world.told("confirm").is_empty(), "it holds the high watermark back");
    world.ask("wait 2s");
    assert!(!partition(&mut world)["isr"].as_array().expect("a list").contains(&slow.into()));
    assert_eq!(world.told("confirm").len(), 1);
    world.ask(&format!("start broker {slow}"));
    world.ask("wait 1s");
    assert_eq!(partition(&mut world)["isr"].as_array().expect("a list").len(), 3);
}

#[test]
fn unclean_election() {
    for unclean in [false, true] {
        let (mut world, leader) = replicated(&format!("unclean.leader.election.enable={unclean}"));
        world.ask("produce t a");
        world.ask("wait 1s");
        others(leader).iter().for_each(|broker| drop(world.ask(&format!("stop broker {broker}"))));
        world.ask("wait 10s");
        world.ask("produce t b");
        assert_eq!(partition(&mut world)["high_watermark"], 2);
        world.ask(&format!("stop broker {leader}"));
        world.ask(&format!("start broker {}", others(leader)[0]));
        world.ask("wait 10s");
        if unclean {
            assert_eq!(partition(&mut world)["leader"], others(leader)[0]);
            assert_eq!(world.values("log t-0"), ["a"], "b was confirmed by all in-sync replicas, and is lost");
        } else {
            assert_eq!(partition(&mut world)["leader"], Json::Null);
            world.ask(&format!("start broker {leader}"));
            world.ask("wait 1s");
            assert_eq!(world.values("log t-0"), ["a", "b"]);
        }
    }
}

#[test]
fn an_isolated_leader_loses_what_it_takes() {
    let (mut world, leader) = replicated("");
    world.ask("produce t a");
    world.ask("wait 1s");
    world.ask(&format!("isolate broker {leader}"));
    assert_eq!(world.ask("one> produce t taken acks=1")["offset"], 1);
    assert_eq!(world.ask("all> produce t waits")["pending"], true);
    world.ask("wait 10s");
    assert_ne!(partition(&mut world)["leader"], leader);
    world.ask(&format!("heal broker {leader}"));
    world.ask("wait 1s");
    assert_eq!(world.values("log t-0"), ["a", "waits"]);
}

#[test]
fn retention_deletes_segments() {
    let mut world = World::new(&["create-topic t retention.ms=60000 segment.bytes=250"]);
    let settings = "group=g auto.offset.reset=earliest enable.auto.commit=false max.poll.interval.ms=3600000";
    world.start("c", "t", settings);
    world.produce(&["a", "b", "c", "d", "e"]);
    let segments = partition(&mut world)["segments"].as_array().expect("a list").len();
    assert_eq!(segments, 2, "three records of 69 bytes fit");
    world.ask("wait 4m");
    world.ask("produce t young");
    assert_eq!(world.values("log t-0").len(), 6, "old, and not checked yet");
    world.ask("wait 1m");
    assert_eq!(world.values("log t-0"), ["d", "e", "young"], "the newest record of a segment decides");
    assert_eq!(partition(&mut world)["log_start_offset"], 3);
    // A reader that had not come so far begins anew.
    assert_eq!(world.values("c> poll timeout=0"), ["d", "e", "young"]);
    world.ask("wait 10m");
    assert_eq!(world.values("log t-0"), Vec::<String>::new(), "the active segment is closed first");
    assert_eq!(world.ask("produce t next")["offset"], 6);
}

#[test]
fn retention_by_size() {
    let mut world = World::new(&["create-topic t retention.bytes=300 segment.bytes=200"]);
    world.produce(&["a", "b", "c", "d", "e", "f", "g"]);
    world.ask("wait 5m");
    assert_eq!(world.values("log t-0"), ["c", "d", "e", "f", "g"], "as long as the rest is at least as much");
}

#[test]
fn compaction() {
    let mut world = World::new(&["create-topic t cleanup.policy=compact segment.ms=10000 delete.retention.ms=60000"]);
    assert_eq!(world.error("produce t no-key"), "INVALID_RECORD");
    for (key, value) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")] {
        world.ask(&format!("produce t {value} key={key}"));
    }
    world.ask("produce t '' key=b null=true");
    world.ask("wait 11s");
    world.ask("produce t 3 key=a");
    world.ask("wait 16s");
    let log = world.ask("log t-0");
    let seen: Vec<Json> = log["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|record| json!([record["offset"], record["key"], record["value"]]))
        .collect();
    // The active segment is left alone, so the older value of a stays too.
    assert_eq!(json!(seen), json!([[2, "a", "2"], [3, "c", "1"], [4, "b", null], [5, "a", "3"]]));
    world.ask("c> assign t-0");
    world.ask("c> seek t-0 0");
    assert_eq!(world.values("c> poll"), ["2", "1", "null", "3"], "a reader steps over gaps");
    world.ask("wait 2m");
    ["x", "y"].iter().for_each(|key| {
        world.ask(&format!("produce t 1 key={key}"));
        world.ask("wait 11s");
    });
    world.ask("produce t 1 key=z");
    world.ask("wait 16s");
    assert!(!list_of_keys(&mut world).contains(&"b".to_string()), "the tombstone has served its time");
}

fn list_of_keys(world: &mut World) -> Vec<String> {
    let log = world.ask("log t-0");
    log["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|one| one["key"].as_str().unwrap_or("").to_string())
        .collect()
}

#[test]
fn records_are_deleted_by_hand() {
    let mut world = World::new(&["create-topic t"]);
    world.produce(&["a", "b", "c"]);
    assert_eq!(world.error("delete-records t-0 4"), "OFFSET_OUT_OF_RANGE");
    assert_eq!(world.ask("delete-records t-0 2"), json!({"low_watermark": 2}));
    assert_eq!(world.values("log t-0"), ["c"]);
    assert_eq!(world.ask("delete-records t-0 -1"), json!({"low_watermark": 3}));
}

#[test]
fn transactions() {
    let mut world = World::new(&["create-topic t", "config transactional.id=tx"]);
    for (reader, isolation) in [("dirty", "read_uncommitted"), ("clean", "read_committed")] {
        world.ask(&format!("{reader}> assign t-0 isolation.level={isolation}"));
        world.ask(&format!("{reader}> seek t-0 0"));
    }
    assert_eq!(world.error("begin"), "ILLEGAL_STATE");
    assert_eq!(world.ask("init-transactions")["producer.epoch"], 0);
    assert_eq!(world.error("produce t too-early"), "ILLEGAL_STATE");
    world.ask("begin");
    assert_eq!(world.ask("produce t aborted")["offset"], 0);
    assert_eq!(world.ask("other> produce t plain")["offset"], 1);
    assert_eq!(world.values("dirty> poll timeout=0"), ["aborted", "plain"]);
    assert_eq!(world.values("clean> poll timeout=0"), Vec::<String>::new(), "held back by somebody else's transaction");
    assert_eq!(partition(&mut world)["last_stable_offset"], 0);
    world.ask("abort-transaction");
    assert_eq!(world.values("clean> poll timeout=0"), ["plain"]);
    assert_eq!(world.ask("other> produce t after-the-marker")["offset"], 3, "the marker has an offset");
    world.ask("begin");
    world.ask("produce t committed");
    assert_eq!(world.ask("commit-transaction"), json!({"committed": true}));
    assert_eq!(world.values("clean> poll timeout=0"), ["after-the-marker", "committed"]);
    assert_eq!(world.ask("clean> position"), json!({"position": {"t-0": 6}}), "behind the marker");
    assert_eq!(world.error("commit-transaction"), "ILLEGAL_STATE");
}

#[test]
fn a_transaction_commits_what_still_waits_in_batches() {
    let (mut world, _) = replicated("");
    world.ask("config transactional.id=tx linger.ms=60000");
    world.ask("init-transactions");
    world.ask("begin");
    assert_eq!(world.ask("produce t a")["pending"], true);
    assert_eq!(world.ask("commit-transaction"), json!({"blocked": true}));
    world.ask("c> assign t-0 isolation.level=read_committed");
    world.ask("c> seek t-0 0");
    world.ask("wait 10ms");
    assert_eq!(world.told("reply"), [json!({"committed": true})]);
    assert_eq!(world.values("c> poll timeout=0"), Vec::<String>::new(), "the marker is not replicated yet");
    world.ask("wait 10ms");
    assert_eq!(world.values("c> poll timeout=0"), ["a"]);
}

#[test]
fn fencing() {
    let mut world = World::new(&["create-topic t", "old> config transactional.id=tx", "old> init-transactions"]);
    world.ask("old> begin");
    world.ask("old> produce t zombie");
    world.ask("new> config transactional.id=tx");
    assert_eq!(world.ask("new> init-transactions")["producer.epoch"], 1);
    assert_eq!(world.error("old> produce t again"), "PRODUCER_FENCED");
    assert_eq!(world.error("old> commit-transaction"), "PRODUCER_FENCED");
    assert_eq!(world.ask("log t-0")["records"][0]["aborted"], true);
    world.ask("new> begin");
    world.ask("new> produce t mine");
    world.ask("new> commit-transaction");
    world.ask("c> assign t-0 isolation.level=read_committed");
    world.ask("c> seek t-0 0");
    assert_eq!(world.values("c> poll"), ["mine"]);
}

#[test]
fn offsets_in_a_transaction() {
    let mut world =
        World::new(&["create-topic t", "create-topic out", "config transactional.id=tx", "init-transactions"]);
    world.ask("p> produce t a");
    world.start("main", "t", "group=g auto.offset.reset=earliest enable.auto.commit=false");
    for (end, committed) in [("abort-transaction", Json::Null), ("commit-transaction", json!(1))] {
        world.ask("seek t-0 0");
        assert_eq!(world.values("poll"), ["a"]);
        world.ask("begin");
        world.ask("produce out result");
        assert_eq!(world.ask("send-offsets")["offsets"]["t-0"], 1);
        assert_eq!(world.ask("committed t-0 group=g")["committed"]["t-0"], Json::Null, "not before the end");
        world.ask(end);
        assert_eq!(world.ask("committed t-0 group=g")["committed"]["t-0"], committed);
    }
}

#[test]
fn a_transaction_times_out() {
    let mut world = World::new(&["create-topic t", "config transactional.id=tx", "init-transactions"]);
    world.ask("begin");
    world.ask("produce t slow");
    world.ask("wait 59s");
    assert_eq!(partition(&mut world)["last_stable_offset"], 0);
    world.ask("wait 11s");
    assert_eq!(partition(&mut world)["last_stable_offset"], 2);
    assert_eq!(world.error("commit-transaction"), "PRODUCER_FENCED");
}

#[test]
fn a_member_that_does_not_poll_leaves() {
    let mut world = World::new(&["create-topic t partitions=2"]);
    let settings = "group=g auto.offset.reset=earliest enable.auto.commit=false max.poll.interval.ms=10000";
    world.start("slow", "t", settings);
    world.ask("p> produce t a partition=0");
    assert_eq!(world.values("slow> poll"), ["a"]);
    world.ask("wait 11s");
    assert_eq!(world.error("slow> commit sync"), "UNKNOWN_MEMBER_ID");
    assert_eq!(world.ask("describe-group g")["state"], "Empty");
    world.ask("slow> poll timeout=0");
    assert_eq!(list(&world.told_to("slow", "lost")[0]["partitions"]), ["t-0", "t-1"]);
    world.ask("wait 4s");
    assert_eq!(world.values("slow> poll"), ["a"], "it joined anew, from the last commit");
}

#[test]
fn static_members() {
    let mut world = World::new(&["create-topic t partitions=2"]);
    for name in ["a", "b"] {
        world.ask(&format!("{name}> subscribe t group=g group.instance.id={name}"));
        world.ask(&format!("{name}> poll timeout=1h"));
    }
    world.ask("wait 7s");
    let generation = world.ask("describe-group g")["generation"].clone();
    world.ask("a> close");
    world.ask("wait 30s");
    assert_eq!(world.ask("describe-group g")["members"].as_array().expect("a list").len(), 2);
    world.ask("a> subscribe t group=g");
    world.ask("a> poll timeout=1h");
    assert_eq!(world.ask("a> assignment")["partitions"], json!(["t-0"]));
    assert_eq!(world.ask("describe-group g")["generation"], generation, "nobody else notices");
    // A second client with the same id takes over; the first is told to stop.
    world.ask("twin> subscribe t group=g group.instance.id=a");
    world.ask("twin> poll timeout=1h");
    assert_eq!(world.ask("twin> assignment")["partitions"], json!(["t-0"]));
    assert_eq!(world.error("a> poll"), "FENCED_INSTANCE_ID");
    // One that stays away is thrown out by its session timeout.
    world.ask("kill b");
    world.ask("wait 1m");
    assert_eq!(world.ask("twin> assignment")["partitions"], json!(["t-0", "t-1"]));
}

#[test]
fn more_partitions_are_noticed() {
    let mut world = World::new(&["create-topic t partitions=1"]);
    world.ask("c> subscribe t group=g metadata.max.age.ms=60000");
    world.ask("c> poll timeout=1h");
    world.ask("wait 5s");
    world.ask("add-partitions t 3");
    world.ask("wait 1s");
    assert_eq!(world.ask("c> assignment")["partitions"], json!(["t-0"]));
    world.ask("wait 1m");
    assert_eq!(world.ask("c> assignment")["partitions"], json!(["t-0", "t-1", "t-2"]));
    world.ask("create-topic u");
    world.ask("c> subscribe u group=g");
    world.ask("c> poll timeout=1h");
    world.ask("wait 5s");
    assert_eq!(world.ask("c> assignment")["partitions"], json!(["u-0"]));
}

#[test]
fn the_broker_assigns() {
    let mut world = World::new(&["create-topic t partitions=4"]);
    world.ask("c1> subscribe t group=g group.protocol=consumer");
    world.ask("c1> poll timeout=1h");
    assert_eq!(list(&world.ask("c1> assignment")["partitions"]).len(), 4, "no delay");
    world.ask("c2> subscribe t group=g group.protocol=consumer");
    world.ask("c2> poll timeout=1h");
    assert_eq!(list(&world.ask("c2> assignment")["partitions"]).len(), 0, "c1 has to give up first");
    world.ask("wait 11s");
    let revoked = world.told_to("c1", "revoked");
    assert_eq!(list(&revoked[0]["partitions"]).len(), 2, "only what moves is stopped");
    assert_eq!(world.ask("c2> assignment")["partitions"], revoked[0]["partitions"]);
    world.ask("c2> close");
    world.ask("wait 11s");
    assert_eq!(list(&world.ask("c1> assignment")["partitions"]).len(), 4);
    assert_eq!(world.ask("old> subscribe t group=g group.protocol=classic")["subscribed"], json!(["t"]));
    assert_eq!(world.error("old> poll"), "INCONSISTENT_GROUP_PROTOCOL");
}

#[test]
fn a_restart_keeps_the_log() {
    let mut world = World::new(&["create-topic t"]);
    world.produce(&["a", "b"]);
    world.start("c", "t", "group=g auto.offset.reset=earliest enable.auto.commit=false");
    world.ask("c> poll max=1");
    world.ask("c> commit sync");
    world.ask("restart");
    assert_eq!(world.values("log t-0"), ["a", "b"]);
    assert_eq!(world.ask("committed t-0 group=g")["committed"]["t-0"], 1);
    world.ask("d> subscribe t group=g auto.offset.reset=earliest");
    world.ask("d> poll timeout=1h");
    world.ask("wait 1m");
    assert_eq!(kafka_world::values(&world.told_to("d", "reply")[0]), ["b"]);
}
