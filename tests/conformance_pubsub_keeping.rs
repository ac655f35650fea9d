//! The Pub/Sub profile against the rules of the service's documentation: pushing, seeking, and how long things are kept.
#![cfg(not(target_arch = "wasm32"))]

mod pubsub_world;

use pubsub_world::{World, NONE, PLAIN};
use serde_json::json;

#[test]
fn push_endpoints_answer_by_status() {
    let mut world =
        World::new(&["create-topic t", "create-subscription s topic=t push-endpoint=https://example.org/push"]);
    world.ask("hook> listen s");
    for status in [102, 200, 201, 202, 204] {
        world.ask(&format!("publish t m{status}"));
        world.ask(&format!("hook> respond s m{status} {status}"));
        assert_eq!(world.counts("s"), (0, 0, 0), "{status}");
    }
    world.delivered("hook");
    for status in [100, 203, 301, 404, 500] {
        world.ask("publish t x");
        assert_eq!(world.delivered("hook"), ["x"]);
        world.ask(&format!("hook> respond s x {status}"));
        assert_eq!(world.counts("s").0, 1, "{status}");
        world.ask("wait 9s");
        assert_eq!(world.delivered("hook"), ["x"], "again after the rest");
        world.ask("hook> respond s x 200");
    }
    assert_eq!(world.error("pull s"), "FAILED_PRECONDITION");
    assert_eq!(world.error("streaming-pull s"), "FAILED_PRECONDITION");
}

#[test]
fn pushes_start_slowly_and_back_off() {
    let mut world = World::new(&["create-topic t", "create-subscription s topic=t push-endpoint=u", "hook> listen s"]);
    for number in 0..20 {
        world.ask(&format!("publish t m{number}"));
    }
    assert_eq!(world.delivered("hook").len(), 3);
    for (number, more) in [(0, 2), (1, 2), (2, 2)] {
        world.ask(&format!("hook> respond s m{number} 200"));
        assert_eq!(world.delivered("hook").len(), more, "each success makes room for two");
    }
    assert_eq!(world.counts("s").1, 6);
    world.ask("hook> respond s m3 500");
    assert_eq!(world.ask("describe s")["pushWindow"], 3);
    (4..9).for_each(|number| drop(world.ask(&format!("hook> respond s m{number} 503"))));
    assert_eq!(world.delivered("hook").len(), 0);
    assert_eq!(world.ask("describe s")["pushWindow"], 1);
    world.ask("wait 3.1s");
    assert_eq!(world.delivered("hook").len(), 0, "six failures: a rest of 3.2 s");
    world.ask("wait 0.1s");
    assert_eq!(world.delivered("hook").len(), 1);
    // One of an ordering key at a time.
    let mut world = World::new(&[
        "create-topic t",
        "create-subscription s topic=t push-endpoint=u enable-message-ordering=true",
        "hook> listen s",
    ]);
    ["1", "2"].iter().for_each(|data| drop(world.ask(&format!("publish t {data} ordering-key=k"))));
    assert_eq!(world.delivered("hook"), ["1"]);
    world.ask("hook> respond s 1 200");
    assert_eq!(world.delivered("hook"), ["2"]);
}

#[test]
fn seek_to_a_time() {
    let mut world = World::new(&["create-topic t", "create-subscription s topic=t retain-acked-messages=true"]);
    for data in ["a", "b", "c"] {
        world.ask(&format!("publish t {data}"));
        world.ask("wait 10s");
    }
    assert_eq!(world.pull("s max=10"), ["a", "b", "c"]);
    world.ask("ack s a b c");
    assert_eq!(world.counts("s"), (0, 0, 3));
    world.ask("seek s time=10s");
    assert_eq!(world.counts("s"), (2, 0, 1));
    assert_eq!(world.pull("s max=10"), ["b", "c"]);
    world.ask("seek s time=25s");
    assert_eq!(world.counts("s"), (0, 0, 3), "forward: all is acknowledged, outstanding or not");
    world.ask("publish t d");
    assert_eq!(world.pull("s max=10"), ["d"]);

    // A topic that retains gives it back to every subscription, also to a new one.
    let mut world = World::new(&[
        "create-topic t message-retention-duration=600s",
        "create-subscription s topic=t",
        "publish t a",
        "wait 1s",
        "publish t b",
    ]);
    assert_eq!(world.pull("s max=10"), ["a", "b"]);
    world.ask("ack s a b");
    world.ask("create-subscription late topic=t filter='NOT attributes:x'");
    assert_eq!(world.pull("late"), NONE);
    world.ask("seek s time=1s");
    world.ask("seek late time=0s");
    assert_eq!((world.pull("s max=10"), world.pull("late max=10")), (vec!["b".into()], vec!["a".into(), "b".into()]));
    world.ask("wait 600s");
    world.ask("ack s b");
    world.ask("seek s time=0s");
    assert_eq!(world.counts("s").0, 0, "it is not retained any more");

    // Without retention nothing comes back.
    let mut world = World::new(PLAIN);
    world.ask("publish t a");
    world.pull("s");
    world.ask("ack s a");
    world.ask("seek s time=0s");
    assert_eq!(world.pull("s"), NONE);
}

#[test]
fn seek_to_a_snapshot() {
    let mut world = World::new(PLAIN);
    for data in ["a", "b"] {
        world.ask(&format!("publish t {data}"));
    }
    world.pull("s");
    world.ask("ack s a");
    assert_eq!(world.ask("snapshot create snap s")["expireTime"], "604800.000s");
    world.ask("publish t c");
    assert_eq!(world.pull("s max=10"), ["b", "c"]);
    world.ask("ack s b c");
    world.ask("seek s snapshot=snap");
    assert_eq!(world.pull("s max=10"), ["b", "c"], "what was unacknowledged, and what came later");
    assert_eq!(world.error("snapshot create snap s"), "ALREADY_EXISTS");
    assert_eq!(world.error("seek s snapshot=none"), "NOT_FOUND");
    world.ask("create-topic u");
    world.ask("create-subscription r topic=u");
    assert_eq!(world.error("seek r snapshot=snap"), "FAILED_PRECONDITION");
    world.ask("wait 604799s");
    assert_eq!(world.ask("snapshot list")["snap"], "604800.000s");
    world.ask("wait 1s");
    assert_eq!(world.error("seek s snapshot=snap"), "NOT_FOUND");
    // The oldest unacknowledged message is too old.
    let mut world = World::new(&[
        "create-topic t",
        "create-subscription s topic=t message-retention-duration=20d",
        "publish t a",
        "wait 603000s",
    ]);
    assert_eq!(world.error("snapshot create snap s"), "FAILED_PRECONDITION");
    // Attempts are counted anew after a seek.
    let mut world = World::new(&[
        "create-topic t",
        "create-topic d",
        "create-subscription s topic=t dead-letter-topic=d",
        "publish t a",
        "pull s",
        "nack s a",
        "seek s time=0s",
    ]);
    assert_eq!(world.ask("pull s")["receivedMessages"][0]["deliveryAttempt"], 1);
}

#[test]
fn retention_and_expiration() {
    let mut world = World::new(&[
        "create-topic t",
        "create-subscription s topic=t message-retention-duration=600s expiration-period=1d",
        "publish t a",
        "publish t b",
    ]);
    world.ask("streaming-pull s max-outstanding=1");
    world.ask("modack s 600 a");
    world.ask("wait 599.9s");
    assert_eq!(world.counts("s"), (1, 1, 0));
    world.ask("wait 0.1s");
    assert_eq!(world.counts("s"), (0, 0, 0));
    world.ask("wait 10d");
    assert_eq!(world.ask("list-subscriptions"), json!({"subscriptions": ["s"]}), "it is in use");
    world.ask("close");
    world.ask("wait 86399s");
    assert_eq!(world.ask("list-subscriptions"), json!({"subscriptions": ["s"]}));
    world.ask("wait 10d");
    assert_eq!(world.ask("list-subscriptions"), json!({"subscriptions": []}));
    assert_eq!(
        world.error("create-subscription r topic=t expiration-period=1d"),
        "INVALID_ARGUMENT",
        "shorter than the retention"
    );
    world.ask("create-subscription r topic=t expiration-period=never");
    world.ask("wait 400d");
    assert_eq!(world.ask("list-subscriptions"), json!({"subscriptions": ["r"]}));
}

#[test]
fn a_deleted_topic_leaves_its_subscriptions() {
    let mut world = World::new(PLAIN);
    world.ask("publish t a");
    world.ask("delete-topic t");
    assert_eq!(world.ask("describe s")["topic"], "_deleted-topic_");
    assert_eq!(world.pull("s"), ["a"]);
    world.ask("create-topic t");
    world.ask("publish t b");
    assert_eq!(world.pull("s"), NONE, "a topic of the same name is another topic");
    world.ask("delete-subscription s");
    assert_eq!(world.error("pull s"), "NOT_FOUND");
}
