//! RabbitMQ's queues against recorded behaviour of a real server (`tests/data/oracle`) and against its documentation,
//! through the console: times to live, lengths, dead letters, priorities, quorum queues, restarts.
#![cfg(not(target_arch = "wasm32"))]

mod rabbit;

use rabbit::{only, publish, recorded, texts, without_steps, Lab, GET_FIELDS};
use serde_json::{json, Value as Json};

#[test]
fn per_message_ttl_head_of_line() {
    let observed = recorded("per_message_ttl_head_of_line");
    let mut lab = Lab::new(&[
        "declare queue dlq",
        "declare queue q x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
        "publish '' q long expiration=5000",
        "publish '' q short expiration=100",
        "wait 400ms",
    ]);
    assert_eq!(lab.drain("dlq"), texts(&observed["after_400ms"]["dlq"]));
    assert_eq!(json!(lab.depth("q").0), observed["after_400ms"]["q_depth"]);
    assert_eq!(lab.get("q")["body"], observed["first_get"]);
    assert_eq!(lab.drain("dlq"), texts(&observed["then_dlq"]));
    assert_eq!(lab.drain("q"), texts(&observed["then_q"]));
    lab.all(&[
        "declare queue both x-message-ttl=300",
        "publish '' both slow expiration=900",
        "publish '' both fast expiration=100",
    ]);
    lab.all(&["wait 200ms"]);
    assert_eq!(lab.depth("both"), (2, 0));
    lab.all(&["wait 100ms"]);
    assert_eq!(lab.depth("both"), (0, 0), "the smaller of the two counts");
}

#[test]
fn ttl_zero() {
    let mut lab = Lab::new(&["declare queue q x-message-ttl=0", "publish '' q lost"]);
    assert_eq!(lab.depth("q"), (0, 0));
    lab.all(&["qos 1", "consume q tag=c", "publish '' q taken", "publish '' q late"]);
    assert_eq!(lab.deliveries(), [("c".to_string(), "taken".to_string())]);
    assert_eq!(lab.depth("q"), (0, 1), "a consumer at its limit does not count");
}

#[test]
fn expired_while_held() {
    let mut lab = Lab::new(&[
        "declare queue dlq",
        "declare queue q x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
    ]);
    lab.all(&["publish '' q m", "publish '' q n", "get q", "get q", "wait 200ms"]);
    assert_eq!(lab.depth("q"), (0, 2), "what is held does not expire");
    lab.all(&["ack 1", "nack 2"]);
    assert_eq!(lab.depth("q"), (0, 0));
    assert_eq!(lab.drain("dlq"), ["n"]);
}

#[test]
fn queue_expiry_and_autodelete() {
    let observed = recorded("queue_expiry_and_autodelete");
    let mut lab = Lab::new(&[
        "declare queue dlq",
        "declare queue q x-expires=300 x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
        "publish '' q m",
        "wait 200ms",
        "get q",
        "nack 1",
        "wait 200ms",
        "depth q",
        "declare queue q x-expires=300 x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
        "consume q tag=c",
        "nack 2",
        "wait 1s",
        "cancel c",
        "wait 299ms",
        "depth q",
        "wait 1ms",
    ]);
    assert_eq!(lab.ask("depth q")["error"], observed["x_expires"].to_string());
    assert_eq!(lab.drain("dlq"), texts(&observed["dlq"]));
    lab.all(&["declare queue auto auto-delete=true", "wait 1m"]);
    let is_there = lab.ask("depth auto").get("error").is_none();
    assert_eq!(json!(is_there), observed["auto_delete_before_first_consumer"]);
    lab.all(&["consume auto tag=c", "consume auto tag=d", "cancel c"]);
    assert!(lab.ask("depth auto").get("error").is_none());
    lab.all(&["cancel d"]);
    assert_eq!(lab.ask("depth auto")["error"], observed["auto_delete_after_last_consumer"].to_string());
}

#[test]
fn maxlen_drop_head() {
    let observed = recorded("maxlen_drop_head");
    let mut lab = Lab::new(&[
        "declare queue dlq",
        "declare queue q x-max-length=3 x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
        "publish '' q m0",
    ]);
    assert_eq!(lab.ask("get q")["body"], observed["unacked"]);
    publish(6, "q")[1..].iter().for_each(|line| lab.all(&[line]));
    lab.all(&["nack 1"]);
    assert_eq!(lab.drain("q"), texts(&observed["left_after_requeue_of_m0"]));
    for expected in observed["dlq"].as_array().expect("dead letters") {
        let got = lab.get("dlq");
        assert_eq!(json!({"body": got["body"], "reason": got["headers"]["x-death"][0]["reason"]}), *expected);
    }
}

#[test]
fn max_length_reject_publish() {
    let mut lab = Lab::new(&[
        "declare exchange x type=fanout",
        "declare queue dlq",
        "declare queue open",
        "declare queue full x-max-length=1 x-overflow=reject-publish x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
        "declare queue dead x-max-length-bytes=4 x-overflow=reject-publish-dlx x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
        "bind queue open x ''",
        "bind queue full x ''",
        "confirm",
        "publish x k m0",
        "publish x k m1",
    ]);
    let confirms = |lab: &mut Lab| -> Vec<bool> {
        lab.told("confirm").iter().map(|(_, confirm)| confirm["ack"] == true).collect()
    };
    assert_eq!(confirms(&mut lab), [true, false], "one queue refuses, so the publisher is refused");
    assert_eq!((lab.depth("open"), lab.depth("full"), lab.depth("dlq")), ((2, 0), (1, 0), (0, 0)));
    lab.all(&["publish '' dead abc", "publish '' dead de", "publish '' dead f"]);
    assert_eq!(confirms(&mut lab), [true, false, true]);
    let got = lab.get("dlq");
    assert_eq!((&got["body"], &got["headers"]["x-first-death-reason"]), (&json!("de"), &json!("maxlen")));
    lab.all(&["get full", "publish '' full m2", "nack 1"]);
    assert_eq!(lab.depth("full"), (2, 0), "what comes back is not refused");
    lab.all(&[
        "declare queue none x-max-length=0",
        "publish '' none lost",
        "consume none tag=c",
        "publish '' none taken",
    ]);
    assert_eq!(lab.deliveries(), [("c".to_string(), "taken".to_string())]);
}

#[test]
fn dead_letters_say_why() {
    let mut lab = Lab::new(&[
        "declare exchange dlx type=topic",
        "declare queue dlq",
        "bind queue dlq dlx '#'",
        "declare exchange x",
        "declare queue q x-dead-letter-exchange=dlx",
        "bind queue q x key",
        "publish x key m headers='{\"mine\":1}'",
        "get q",
        "reject 1 requeue=false",
    ]);
    let got = lab.get("dlq");
    let death = json!([{"count": 1, "exchange": "x", "queue": "q", "reason": "rejected", "routing-keys": ["key"]}]);
    let headers = json!({"mine": 1, "x-death": death, "x-first-death-exchange": "x", "x-first-death-queue": "q", "x-first-death-reason": "rejected"});
    assert_eq!(got["headers"], headers);
    assert_eq!(
        (&got["exchange"], &got["routing_key"], &got["redelivered"]),
        (&json!("dlx"), &json!("key"), &json!(false))
    );
}

#[test]
fn xdeath_cycle_count() {
    let observed = recorded("xdeath_cycle_count");
    let (work, retry) = ("o.xdeath_cycle_count.work", "o.xdeath_cycle_count.retry");
    let mut lab = Lab::new(&[
        &format!("declare queue {work} x-dead-letter-exchange='' x-dead-letter-routing-key={retry}"),
        &format!("declare queue {retry} x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key={work}"),
        &format!("publish '' {work} m0"),
    ]);
    for (lap, expected) in observed["laps"].as_array().expect("laps").iter().enumerate() {
        let got = lab.ask(&format!("get {work}"));
        assert_eq!(only(&got, &GET_FIELDS), *expected, "lap {lap}");
        lab.all(&[&format!("reject {} requeue=false", lap + 1), "wait 200ms"]);
    }
}

#[test]
fn dead_letters_do_not_expire_again() {
    let mut lab = Lab::new(&[
        "declare queue dlq",
        "declare queue q x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
        "publish '' q m expiration=100",
        "wait 1m",
    ]);
    let got = lab.get("dlq");
    assert_eq!((&got["headers"]["x-death"][0]["original-expiration"], got.get("expiration")), (&json!("100"), None));
    lab.all(&["publish '' q n expiration=soon"]);
    assert_eq!(lab.told("closed")[0].1["code"], 406);
}

#[test]
fn dead_letter_circles_end() {
    let mut lab = Lab::new(&[
        "declare queue a x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=b",
        "declare queue b x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=a",
        "declare queue self x-max-length=1 x-dead-letter-exchange='' x-dead-letter-routing-key=self",
        "declare queue lost x-dead-letter-exchange=missing",
        "publish '' a m",
        "wait 150ms",
    ]);
    assert_eq!((lab.depth("a"), lab.depth("b")), ((0, 0), (1, 0)));
    lab.all(&["wait 1s"]);
    assert_eq!((lab.depth("a"), lab.depth("b")), ((0, 0), (0, 0)));
    lab.all(&["publish '' self m", "publish '' self n", "publish '' lost m", "get lost", "nack 1 requeue=false"]);
    assert_eq!(lab.drain("self"), ["n"]);
    assert_eq!(lab.depth("lost"), (0, 0));
}

#[test]
fn dead_letters_of_4_0() {
    let sent = "headers='{\"x-death\":[{\"queue\":\"q\",\"reason\":\"rejected\",\"count\":7}]}'";
    for (version, count) in [("3.10", 8), ("4.0", 1)] {
        let mut lab = Lab::of(
            version,
            &[
                "declare queue dlq",
                "declare queue q x-dead-letter-exchange='' x-dead-letter-routing-key=dlq",
                &format!("publish '' q m {sent}"),
                "get q",
                "nack 1 requeue=false",
            ],
        );
        let headers = lab.get("dlq")["headers"].clone();
        assert_eq!(headers["x-death"][0]["count"], count, "{version}");
        assert_eq!(headers.get("x-last-death-queue").is_some(), version == "4.0");
    }
}

#[test]
fn priority_ordering() {
    let observed = recorded("priority_ordering");
    let mut lab = Lab::new(&["declare queue q x-max-priority=5"]);
    for (body, priority) in [("p1a", 1), ("none", -1), ("p5", 5), ("p9_capped", 9), ("p1b", 1), ("p3", 3), ("p0", 0)] {
        let option = if priority < 0 { String::new() } else { format!("priority={priority}") };
        lab.all(&[&format!("publish '' q {body} {option}")]);
    }
    assert_eq!(lab.drain("q"), texts(&observed["order"]));
    lab.all(&["publish '' q lowA priority=1", "publish '' q lowB priority=1", "publish '' q high priority=4"]);
    let got: Vec<Json> = (0..2).map(|_| lab.ask("get q")["body"].clone()).collect();
    assert_eq!(json!(got), observed["got_then_requeued"]);
    lab.all(&["nack 2", "nack 1"]);
    let after: Vec<Json> = (0..3).map(|_| lab.get("q")).map(|got| json!([got["body"], got["redelivered"]])).collect();
    assert_eq!(json!(after), observed["order_after"]);
    lab.all(&[
        "declare queue short x-max-priority=5 x-max-length=2",
        "publish '' short low",
        "publish '' short high priority=5",
        "publish '' short mid priority=3",
    ]);
    assert_eq!(lab.drain("short"), ["mid", "low"], "the head that is dropped is the highest");
}

#[test]
fn quorum_delivery_limit() {
    let observed = recorded("quorum_delivery_limit");
    let (q, dlq) = ("o.quorum_delivery_limit.q", "o.quorum_delivery_limit.dlq");
    let mut lab = Lab::new(&[
        &format!("declare queue {dlq}"),
        &format!("declare queue {q} durable=true x-queue-type=quorum x-delivery-limit=2 x-dead-letter-exchange='' x-dead-letter-routing-key={dlq}"),
        &format!("publish '' {q} m0"),
        &format!("publish '' {q} m1"),
        "qos 1",
        &format!("consume {q} tag=c1"),
        "nack 1",
        "nack 2",
        "nack 3",
    ]);
    assert_eq!(lab.delivery_log(), without_steps(&observed["log"]));
    assert_eq!(json!([only(&lab.get(dlq), &GET_FIELDS)]), observed["dlq"]);
}

#[test]
fn quorum_queues_hand_out_returns_first() {
    let mut lab = Lab::new(&["declare queue q durable=true x-queue-type=quorum"]);
    publish(4, "q").iter().for_each(|line| lab.all(&[line]));
    lab.all(&["get q", "get q", "get q", "nack 2", "nack 3", "nack 1"]);
    assert_eq!(lab.drain("q"), ["m1", "m2", "m0", "m3"]);
}

#[test]
fn delivery_limits_by_version() {
    for (version, word, deliveries) in
        [("3.10", "nack", 40), ("4.0", "nack", 21), ("4.0", "reject", 21), ("4.3", "nack", 40), ("4.3", "reject", 21)]
    {
        let mut lab = Lab::of(version, &["declare queue q durable=true x-queue-type=quorum", "publish '' q m"]);
        let mut count = 0;
        while count < 40 && lab.ask("get q").get("body").is_some() {
            count += 1;
            lab.all(&[&format!("{word} {count}")]);
        }
        assert_eq!(count, deliveries, "{version} {word}");
    }
    let mut lab =
        Lab::of("4.0", &["declare queue q durable=true x-queue-type=quorum x-delivery-limit=-1", "publish '' q m"]);
    (1..=30).for_each(|count| lab.all(&["get q", &format!("nack {count}")]));
    assert_eq!(lab.depth("q"), (1, 0));
}

#[test]
fn quorum_queues_refuse_what_they_do_not_have() {
    let wrong = [
        "declare queue q x-queue-type=quorum",
        "declare queue q durable=true auto-delete=true x-queue-type=quorum",
        "declare queue q durable=true exclusive=true x-queue-type=quorum",
        "declare queue q durable=true x-queue-type=quorum x-max-priority=5",
        "declare queue q durable=true x-queue-type=quorum x-overflow=reject-publish-dlx",
        "declare queue q durable=true x-delivery-limit=5",
    ];
    for line in wrong {
        assert_eq!(Lab::new(&[]).error(line).0, "406", "{line}");
    }
    let mut lab = Lab::of("4.3", &["declare queue q durable=true x-queue-type=quorum x-max-priority=5"]);
    lab.all(&["publish '' q low", "publish '' q high priority=5"]);
    assert_eq!(lab.drain("q"), ["high", "low"]);
    assert_eq!(lab.error("qos 1 global=true").0, "540");
    assert_eq!(lab.error("declare queue transient").0, "541");
    let mut lab = Lab::new(&["declare queue q durable=true x-queue-type=quorum", "qos 1 global=true"]);
    assert_eq!(lab.error("consume q").0, "540");
}

#[test]
fn broker_restart() {
    let mut lab = Lab::new(&[
        "declare exchange x type=fanout durable=true",
        "declare exchange gone type=fanout",
        "declare queue d durable=true",
        "declare queue t",
        "declare queue k durable=true x-queue-type=quorum",
    ]);
    for queue in ["d", "t", "k"] {
        lab.all(&[&format!("bind queue {queue} x ''"), &format!("bind queue {queue} gone ''")]);
    }
    for (body, option) in [("p0", " persistent=true"), ("t0", ""), ("p1", " persistent=true"), ("t1", "")] {
        lab.all(&[&format!("publish x k {body}{option}")]);
    }
    lab.all(&["get d", "restart"]);
    assert_eq!(lab.ask("depth t")["error"], "404");
    let after: Vec<Json> = (0..2).map(|_| lab.get("d")).map(|got| json!([got["body"], got["redelivered"]])).collect();
    assert_eq!(json!(after), json!([["p0", true], ["p1", false]]));
    assert_eq!(lab.drain("k"), ["p0", "t0", "p1", "t1"], "a quorum queue keeps transient messages");
    lab.all(&["publish x k again"]);
    assert_eq!((lab.depth("d"), lab.depth("k")), ((1, 0), (1, 0)), "the bindings are still there");
    lab.all(&["publish gone k lost"]);
    assert_eq!(lab.told("closed")[0].1["code"], 404);
}
