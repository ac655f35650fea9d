//! Redis replication against its documentation, at a console: `WAIT`, and what a failover takes.
#![cfg(not(target_arch = "wasm32"))]

mod redis;

use patchbay::vocabulary::{Duration, Settings, Value};
use redis::World;
use serde_json::json;

/// A server with two replicas that are 100 ms behind.
fn replicated() -> World {
    let mut settings = Settings::default();
    settings.set("persistence", Value::Text("everysec".into()));
    settings.set("replicas", Value::Integer(2));
    settings.set("replica_lag", Value::Duration(Duration::from_millis(100)));
    World::with(&settings)
}

#[test]
fn wait_tells_how_many_replicas_have_it() {
    let mut world = replicated();
    world.expect(&[("WAIT 1 100", json!(2)), ("XADD s 1-0 f v", json!("1-0")), ("WAIT 0 100", json!(0))]);
    assert_eq!(world.ask("WAIT 1 0"), json!({"blocked": true}));
    world.ask("wait 99ms");
    assert_eq!(world.late(), []);
    world.ask("wait 1ms");
    assert_eq!(world.late(), [("main".to_string(), json!(2))]);
    // Too short a time, and more than there are.
    world.run(&["XADD s 2-0 f v", "WAIT 2 50", "wait 50ms"]);
    assert_eq!(world.late(), [("main".to_string(), json!(0))]);
    world.run(&["WAIT 3 500", "wait 499ms"]);
    assert_eq!(world.late(), []);
    world.ask("wait 1ms");
    assert_eq!(world.late(), [("main".to_string(), json!(2))]);
    // In a transaction it does not block, and asks for what the client had written before (server.c, `woff`).
    world.run(&["MULTI", "XADD s 3-0 f v", "WAIT 2 0"]);
    assert_eq!(world.ask("EXEC"), json!(["3-0", 2]));
    assert_eq!(world.error("WAIT 1 -1"), "timeout is negative");
    assert_eq!(world.error("WAIT 1 x"), "timeout is not an integer or out of range");
    assert_eq!(world.error("WAIT x 1"), "value is not an integer or out of range");
    assert_eq!(world.error("WAIT 1"), "wrong number of arguments for 'wait' command");
}

#[test]
fn a_failover_loses_what_was_not_replicated() {
    let mut world = replicated();
    world.run(&["XADD s 1-0 f v1", "XADD s 2-0 f v2", "XGROUP CREATE s g 0"]);
    world.run(&["XREADGROUP GROUP g a COUNT 1 STREAMS s >", "wait 100ms"]);
    // These were answered, and the replicas have none of them yet.
    world.run(&["XADD s 3-0 f v3", "XACK s g 1-0", "XREADGROUP GROUP g a COUNT 1 STREAMS s >", "wait 99ms"]);
    assert_eq!(world.ask("w> XREAD BLOCK 0 STREAMS s $"), json!({"blocked": true}));
    assert_eq!(world.ask("SENTINEL FAILOVER mymaster"), json!("OK"));
    let text = "ERR: UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
    assert_eq!(world.late(), [("w".to_string(), json!({ "error": text }))]);
    world.expect(&[
        ("XLEN s", json!(2)),
        ("XADD s 3-0 f other", json!("3-0")),
        ("XREADGROUP GROUP g b COUNT 1 STREAMS s >", json!([["s", [["2-0", ["f", "v2"]]]]])),
    ]);
    assert_eq!(world.pending("s", "g"), json!([["1-0", "a", 1], ["2-0", "b", 1]]), "acknowledged, and back");
    // What was waited for survives.
    world.run(&["WAIT 1 0", "wait 100ms", "SENTINEL FAILOVER mymaster"]);
    world.expect(&[("XLEN s", json!(3))]);
    // A crash afterwards takes what the new master has not synced, not more.
    world.run(&["wait 2s", "XADD s 4-0 f v", "SENTINEL FAILOVER mymaster", "crash", "recover"]);
    world.expect(&[("XLEN s", json!(3))]);
}

#[test]
fn a_coordinated_failover_loses_nothing() {
    let mut world = replicated();
    world.run(&["XADD s 1-0 f v1", "FAILOVER"]);
    world.expect(&[("XLEN s", json!(1)), ("WAIT 1 1", json!(2))]);
    let mut alone = World::new();
    assert_eq!(alone.error("FAILOVER"), "FAILOVER requires connected replicas.");
    assert_eq!(alone.error("SENTINEL FAILOVER mymaster"), "NOGOODSLAVE No suitable replica to promote");
    alone.expect(&[("XADD s 1-0 f v", json!("1-0")), ("WAIT 0 0", json!(0))]);
}
