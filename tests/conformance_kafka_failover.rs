//! The Kafka profile against the documentation, through its console: coordinators that fail, partitions that move to
//! other brokers, leadership that returns, and topics that are subscribed to by pattern.
#![cfg(not(target_arch = "wasm32"))]

mod kafka_world;

use kafka_world::{list, World};
use serde_json::{json, Value as Json};

/// A cluster with a topic `t` that broker 2 leads, and a group `g` that broker 1 coordinates, with the member `c`.
fn with_member(settings: &str) -> World {
    let mut world = World::new(&["create-topic other", "create-topic t replication.factor=3 partitions=2"]);
    for value in ["a", "b", "c"] {
        world.ask(&format!("produce t {value} partition=0"));
    }
    assert_eq!(world.ask("coordinator g"), json!({"partition": 3, "coordinator": 1}));
    assert_eq!(partition(&mut world)["leader"], 2);
    world.start("c", "t", &format!("group=g auto.offset.reset=earliest enable.auto.commit=false {settings}"));
    world
}

fn partition(world: &mut World) -> Json {
    world.ask("describe t")["partitions"][0].clone()
}

fn group(world: &mut World) -> Json {
    world.ask("describe-group g")
}

fn member_ids(world: &mut World) -> Vec<String> {
    let members = group(world)["members"].as_array().expect("members").clone();
    members.iter().map(|member| member["member.id"].as_str().expect("an id").to_string()).collect()
}

#[test]
fn a_group_survives_its_coordinator() {
    for protocol in ["classic", "consumer"] {
        let mut world = with_member(&format!("group.protocol={protocol}"));
        assert_eq!(world.values("c> poll max=2"), ["a", "b"]);
        assert_eq!(world.ask("c> commit sync")["committed"]["t-0"], 2);
        let before = group(&mut world);
        world.clear();
        world.ask("stop broker 1");
        for line in
            ["coordinator g", "describe-group g", "c> committed t-0", "c> commit async", "reset-offsets g t-0=0"]
        {
            assert_eq!(world.error(line), "COORDINATOR_NOT_AVAILABLE", "{line}");
        }
        assert_eq!(world.values("c> poll timeout=0"), ["c"], "it reads on");
        assert_eq!(world.ask("c> commit sync"), json!({"blocked": true}));
        world.ask("wait 8.9s");
        assert_eq!(world.error("coordinator g"), "COORDINATOR_NOT_AVAILABLE", "nobody has missed the broker");
        world.ask("wait 0.1s");
        assert_eq!(world.ask("coordinator g")["coordinator"], 2);
        assert_eq!(world.told_to("c", "reply")[0]["committed"]["t-0"], 3, "the commit was tried again");
        world.ask("wait 2m");
        let after = group(&mut world);
        for field in ["state", "generation", "members"] {
            assert_eq!(after[field], before[field], "no rebalance");
        }
        assert_eq!(world.events("c"), []);
        world.ask("c> close");
        world.ask("produce t d partition=0");
        world.start("d", "t", &format!("group=g enable.auto.commit=false group.protocol={protocol}"));
        assert_eq!(world.values("d> poll"), ["d"], "what was committed is known");
    }
}

#[test]
fn a_commit_does_not_wait_for_ever() {
    let mut world = with_member("");
    world.ask("c> poll");
    ["stop broker 3", "stop broker 2", "stop broker 1"].iter().for_each(|line| drop(world.ask(line)));
    assert_eq!(world.ask("c> commit"), json!({"blocked": true}));
    world.ask("wait 60s");
    assert_eq!(world.told_to("c", "reply")[0]["error"], "TIMEOUT");
    // The offsets come back with any broker that has all of them.
    assert_eq!(world.error("coordinator g"), "COORDINATOR_NOT_AVAILABLE");
    world.ask("start broker 2");
    assert_eq!(world.error("coordinator g"), "COORDINATOR_NOT_AVAILABLE", "the first ones to go may lack something");
    world.ask("start broker 1");
    assert_eq!(world.ask("coordinator g")["coordinator"], 1);
    assert_eq!(world.ask("c> commit async")["committed"]["t-0"], 3);
}

#[test]
fn who_was_joining_is_unknown_to_the_next_coordinator() {
    let mut world = with_member("");
    world.ask("c> poll");
    world.ask("d> subscribe t group=g enable.auto.commit=false");
    world.ask("d> poll timeout=1h");
    let before = member_ids(&mut world);
    assert_eq!((before.len(), group(&mut world)["state"].clone()), (2, json!("PreparingRebalance")));
    world.ask("stop broker 1");
    world.ask("wait 9s");
    // It has joined again as somebody new; the other one, which has had its partitions for a generation, is known.
    let after = member_ids(&mut world);
    assert_eq!((after.len(), &after[0]), (2, &before[0]));
    assert_ne!(after[1], before[1]);
    assert_eq!(group(&mut world)["generation"], 1);
    world.ask("c> poll timeout=1h");
    world.ask("wait 4s");
    let seen = group(&mut world);
    assert_eq!((&seen["state"], &seen["generation"]), (&json!("Stable"), &json!(2)));
    let shares: Vec<usize> =
        seen["members"].as_array().expect("members").iter().map(|one| list(&one["assignment"]).len()).collect();
    assert_eq!(shares, [1, 1]);
}

#[test]
fn the_first_members_gather_anew() {
    let mut world = World::new(&["create-topic other", "create-topic t replication.factor=3"]);
    world.ask("c> subscribe t group=g");
    world.ask("c> poll timeout=1h");
    world.ask("stop broker 1");
    world.ask("wait 9s");
    assert!(world.told("assigned").is_empty());
    world.ask("wait 3s");
    assert_eq!(world.told("assigned").len(), 1);
    // One that comes while nobody coordinates waits as well.
    let mut world = World::new(&["create-topic other", "create-topic t replication.factor=3", "stop broker 1"]);
    world.ask("c> subscribe t group=g");
    world.ask("c> poll timeout=1h");
    world.ask("wait 11.9s");
    assert!(world.told("assigned").is_empty());
    world.ask("wait 0.1s");
    assert_eq!(world.told("assigned").len(), 1);
}

#[test]
fn sessions_begin_anew_with_a_new_coordinator() {
    let mut world = with_member("session.timeout.ms=6000");
    world.ask("kill c");
    world.ask("stop broker 1");
    world.ask("wait 9s");
    assert_eq!(member_ids(&mut world).len(), 1, "nobody has counted the time");
    world.ask("wait 5.9s");
    assert_eq!(member_ids(&mut world).len(), 1);
    world.ask("wait 0.1s");
    assert_eq!(group(&mut world)["state"], "Empty");
}

#[test]
fn a_member_that_closes_without_a_coordinator_is_missed_by_its_session() {
    let mut world = with_member("session.timeout.ms=6000");
    world.ask("stop broker 1");
    world.ask("c> close");
    world.ask("wait 9s");
    assert_eq!(group(&mut world)["state"], "Stable");
    world.ask("wait 6s");
    assert_eq!(group(&mut world)["state"], "Empty");
}

#[test]
fn a_coordinator_that_has_moved_says_so() {
    let mut world = with_member("");
    world.ask("c> poll");
    world.ask("stop broker 1 clean");
    assert_eq!(world.ask("coordinator g")["coordinator"], 2, "it hands over before it goes");
    assert_eq!(world.ask("c> commit async")["committed"]["t-0"], 3, "the connection broke, and it has looked");
    world.ask("start broker 1");
    world.ask("wait 1s");
    let mut later = world.clone();
    for world in [&mut world, &mut later] {
        world.ask("elect-leaders all");
        assert_eq!(world.ask("coordinator g")["coordinator"], 1);
    }
    assert_eq!(world.error("c> commit async"), "NOT_COORDINATOR");
    assert_eq!(world.ask("c> commit async")["committed"]["t-0"], 3);
    later.ask("wait 3s");
    assert_eq!(later.ask("c> commit async")["committed"]["t-0"], 3, "a heartbeat has told it");
}

#[test]
fn a_transaction_survives_its_coordinator() {
    // Broker 2 coordinates the transactions of `tx`.
    let mut world =
        World::new(&["create-topic t replication.factor=3", "config transactional.id=tx", "init-transactions"]);
    world.ask("begin");
    world.ask("produce t a");
    world.ask("wait 1s");
    world.ask("stop broker 2");
    assert_eq!(world.error("commit-transaction"), "COORDINATOR_NOT_AVAILABLE");
    assert_eq!(world.error("b> init-transactions"), "ILLEGAL_STATE");
    assert_eq!(world.error("b> config transactional.id=tx acks=1"), "CONFIG_EXCEPTION");
    world.ask("n> config transactional.id=tx");
    assert_eq!(world.error("n> init-transactions"), "COORDINATOR_NOT_AVAILABLE");
    let last_stable = |world: &mut World| partition(world)["last_stable_offset"].clone();
    assert_eq!(last_stable(&mut world), 0);
    world.ask("wait 9s");
    assert_eq!(world.ask("commit-transaction"), json!({"committed": true}));
    world.ask("wait 1s");
    assert_eq!(last_stable(&mut world), 2);
    assert_eq!(world.ask("n> init-transactions")["producer.epoch"], 1, "the epoch before is known");
    assert_eq!(world.error("begin"), "PRODUCER_FENCED");
}

#[test]
fn a_transaction_times_out_at_the_next_coordinator() {
    let mut world =
        World::new(&["create-topic t replication.factor=3", "config transactional.id=tx", "init-transactions"]);
    world.ask("config transaction.timeout.ms=5000");
    world.ask("begin");
    world.ask("produce t a");
    world.ask("wait 4s");
    world.ask("stop broker 2");
    world.ask("wait 8s");
    assert_eq!(partition(&mut world)["last_stable_offset"], 0, "nobody aborts it");
    world.ask("wait 20s");
    assert_eq!(partition(&mut world)["last_stable_offset"], 2);
}

#[test]
fn partitions_are_reassigned() {
    let mut world = World::new(&["create-topic t"]);
    world.produce(&["a", "b"]);
    assert_eq!(world.error("reassign t-0 2,9"), "INVALID_REPLICA_ASSIGNMENT");
    assert_eq!(world.error("reassign t-0 2,2"), "INVALID_REPLICA_ASSIGNMENT");
    assert_eq!(world.error("reassign t-0 x"), "INVALID_REQUEST");
    assert_eq!(world.error("reassign t-0 cancel"), "NO_REASSIGNMENT_IN_PROGRESS");
    world.ask("reassign t-0 3,2");
    let during = partition(&mut world);
    assert_eq!((&during["replicas"], &during["isr"], &during["leader"]), (&json!([1, 3, 2]), &json!([1]), &json!(1)));
    assert_eq!(during["reassigned_to"], json!([3, 2]));
    world.ask("wait 10ms");
    let after = partition(&mut world);
    assert_eq!((&after["replicas"], &after["isr"], &after["leader"]), (&json!([3, 2]), &json!([3, 2]), &json!(3)));
    assert_eq!((after.get("reassigned_to"), &after["high_watermark"]), (None, &json!(2)));
    world.ask("stop broker 1");
    assert_eq!(world.ask("produce t c")["pending"], true);
    world.ask("wait 1s");
    assert_eq!(world.values("log t-0"), ["a", "b", "c"]);
    // A replica that does not come up keeps it waiting; the old ones stay.
    world.ask("start broker 1");
    world.ask("slow follower 1");
    world.ask("reassign t-0 1");
    world.ask("wait 30s");
    assert_eq!(partition(&mut world)["replicas"], json!([3, 2, 1]));
    world.ask("reassign t-0 cancel");
    assert_eq!(partition(&mut world)["replicas"], json!([3, 2]));
    world.ask("wait 10m");
    assert_eq!(partition(&mut world)["replicas"], json!([3, 2]));
}

#[test]
fn preferred_leaders_are_elected() {
    let setup = ["create-topic t replication.factor=3"];
    let mut world = World::new(&setup);
    assert_eq!(world.error("elect-leaders t-0"), "ELECTION_NOT_NEEDED");
    world.ask("stop broker 1");
    world.ask("wait 10s");
    assert_eq!(partition(&mut world)["leader"], 2);
    assert_eq!(world.error("elect-leaders t-0"), "PREFERRED_LEADER_NOT_AVAILABLE");
    world.ask("start broker 1");
    world.ask("wait 1s");
    assert_eq!(partition(&mut world)["leader"], 2, "coming back is not leading");
    let mut by_itself = world.clone();
    assert_eq!(world.ask("elect-leaders t-0"), json!({"elected": ["t-0"]}));
    assert_eq!(partition(&mut world)["leader"], 1);
    // The controller looks every five minutes.
    by_itself.ask("wait 297s");
    assert_eq!(partition(&mut by_itself)["leader"], 2);
    by_itself.ask("wait 2s");
    assert_eq!(partition(&mut by_itself)["leader"], 1);
    let mut world = World::new(&[setup[0], "broker-config auto.leader.rebalance.enable=false"]);
    ["stop broker 1", "wait 10s", "start broker 1", "wait 1h"].iter().for_each(|line| drop(world.ask(line)));
    assert_eq!(partition(&mut world)["leader"], 2);
}

#[test]
fn topics_are_subscribed_to_by_pattern() {
    let mut world = World::new(&["create-topic orders-eu", "create-topic orders", "create-topic users"]);
    let answer = world.ask("c> subscribe pattern=orders-.* group=g auto.offset.reset=earliest");
    assert_eq!(answer["subscribed"], json!(["orders-eu"]));
    assert_eq!(world.error("d> subscribe pattern=( group=g"), "INVALID_REQUEST");
    world.ask("c> poll timeout=1h");
    world.ask("wait 4s");
    assert_eq!(world.ask("c> assignment")["partitions"], json!(["orders-eu-0"]));
    world.ask("create-topic orders-us partitions=2");
    world.ask("wait 4m");
    assert_eq!(list(&world.ask("c> assignment")["partitions"]).len(), 1);
    // It asks for metadata every five minutes.
    world.ask("wait 1m");
    assert_eq!(list(&world.ask("c> assignment")["partitions"]), ["orders-eu-0", "orders-us-0", "orders-us-1"]);
    world.ask("delete-topic orders-eu");
    world.ask("wait 5m");
    assert_eq!(list(&world.ask("c> assignment")["partitions"]), ["orders-us-0", "orders-us-1"]);
    world.ask("c> unsubscribe");
    world.ask("create-topic orders-uk");
    world.ask("wait 10m");
    assert_eq!(group(&mut world)["state"], "Empty");
}
