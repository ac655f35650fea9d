//! RabbitMQ's routing, publishing and consuming against recorded behaviour of a real server (`tests/data/oracle`) and
//! against its documentation, through the console. Queues are in `conformance_rabbitmq_queues.rs`; what the drawing does
//! with it is in `canvas_rabbitmq.rs`.
#![cfg(not(target_arch = "wasm32"))]

mod rabbit;

use std::collections::{BTreeMap, BTreeSet};

use rabbit::{publish, recorded, texts, without_steps, Lab};
use serde_json::{json, Value as Json};

fn assert_routes(lab: &mut Lab, queues: &BTreeSet<String>, expected: &Json) {
    for (key, expected) in expected.as_object().expect("keys with queues") {
        lab.all(&[&format!("publish x \"{key}\" body")]);
        let mut reached = Vec::new();
        for queue in queues {
            let copies = lab.drain(queue).len();
            assert!(copies <= 1, "{key:?}: one copy for each queue");
            reached.extend((copies == 1).then(|| queue.clone()));
        }
        let mut expected = texts(expected);
        expected.sort();
        assert_eq!(reached, expected, "{key:?}");
    }
}

#[test]
fn topic_routing() {
    let observed = recorded("topic_routing");
    let mut lab = Lab::new(&["declare exchange x type=topic"]);
    let mut queues = BTreeSet::new();
    for (name, keys) in observed["bindings"].as_object().expect("bindings") {
        lab.all(&[&format!("declare queue {name}")]);
        for key in texts(keys) {
            lab.all(&[&format!("bind queue {name} x \"{key}\"")]);
        }
        queues.insert(name.clone());
    }
    assert_routes(&mut lab, &queues, &observed["routed"]);
}

#[test]
fn topic_vectors_before_and_after_bindings_are_removed() {
    let vectors: Json =
        serde_json::from_str(include_str!("data/oracle/rabbitmq_topic_exchange.json")).expect("the vectors are JSON");
    let mut lab = Lab::new(&["declare exchange x type=topic"]);
    let bindings: Vec<Vec<String>> = vectors["bindings"].as_array().expect("bindings").iter().map(texts).collect();
    let mut queues = BTreeSet::new();
    for (number, binding) in bindings.iter().enumerate() {
        queues.insert(binding[0].clone());
        let number = number + 1;
        lab.all(&[
            &format!("declare queue {}", binding[0]),
            // Each with an argument of its own, for two with the same key are two bindings then.
            &format!("bind queue {} x \"{}\" number={number}", binding[0], binding[1]),
        ]);
    }
    assert_routes(&mut lab, &queues, &vectors["expect"]);
    for number in vectors["removed_binding_numbers_1_based"].as_array().expect("numbers") {
        let number = number.as_u64().expect("a number") as usize;
        let binding = &bindings[number - 1];
        lab.all(&[&format!("unbind queue {} x \"{}\" number={number}", binding[0], binding[1])]);
    }
    assert_routes(&mut lab, &queues, &vectors["expect_after_removal"]);
}

#[test]
fn fanout_direct_default() {
    let observed = recorded("fanout_direct_default");
    let mut lab = Lab::new(&[
        "declare exchange fan type=fanout",
        "declare exchange dir",
        "declare queue a",
        "declare queue b",
        "bind queue a fan ignored",
        "bind queue b fan 'ignored too'",
        "bind queue a dir k",
        "bind queue a dir k2",
        "bind queue b dir k",
        "publish fan any fan",
        "publish dir k dir-k",
        "publish dir k2 dir-k2",
        "publish dir K dir-K",
        "publish '' a default",
    ]);
    for queue in ["a", "b"] {
        assert_eq!(lab.drain(queue), texts(&observed[queue]));
    }
    let (code, text) = lab.error("bind queue a '' k");
    assert_eq!(
        (code.as_str(), text.as_str()),
        ("403", "ACCESS_REFUSED - operation not permitted on the default exchange")
    );
}

#[test]
fn headers_exchange() {
    let mut lab = Lab::new(&["declare exchange h type=headers"]);
    let queues = [
        ("all", "x-match=all a=1 b=two"),
        ("default", "a=1 b=two"),
        ("any", "x-match=any a=1 b=two"),
        ("text", "a='\"1\"'"),
        ("void", "a=null"),
        ("empty-all", "x-match=all"),
        ("empty-any", "x-match=any"),
        ("x", "x-match=all x-k=v"),
        ("with-x", "x-match=all-with-x x-k=v"),
        ("any-with-x", "x-match=any-with-x x-k=v a=1"),
    ];
    for (name, arguments) in queues {
        lab.all(&[&format!("declare queue {name}"), &format!("bind queue {name} h '' {arguments}")]);
    }
    let cases = [
        ("{\"a\":1,\"b\":\"two\"}", vec!["all", "default", "any", "void", "empty-all", "x", "any-with-x"]),
        ("{\"a\":1}", vec!["any", "void", "empty-all", "x", "any-with-x"]),
        ("{\"a\":\"1\"}", vec!["text", "void", "empty-all", "x"]),
        ("{\"x-k\":\"v\"}", vec!["empty-all", "x", "with-x", "any-with-x"]),
        ("{}", vec!["empty-all", "x"]),
    ];
    for (headers, expected) in cases {
        lab.all(&[&format!("publish h ignored body headers='{headers}'")]);
        let reached: Vec<&str> =
            queues.iter().map(|(name, _)| *name).filter(|name| !lab.drain(name).is_empty()).collect();
        assert_eq!(reached, expected, "{headers}");
    }
    let (code, text) = lab.error("bind queue all h '' x-match=some");
    assert!(code == "406" && text.contains("expected all, any, all-with-x, or any-with-x"), "{text}");
}

#[test]
fn exchanges_bound_to_exchanges_pass_a_message_once() {
    let mut lab = Lab::new(&[
        "declare exchange outer type=topic",
        "declare exchange inner type=fanout",
        "declare queue q",
        "bind exchange inner outer a.#",
        "bind exchange outer inner ''",
        "bind queue q inner ''",
        "bind queue q outer a.b",
        "publish outer a.b one",
        "publish outer c lost",
        "publish inner x two",
    ]);
    assert_eq!(lab.drain("q"), ["one", "two"]);
    lab.all(&["unbind exchange inner outer a.#", "publish outer a.c lost"]);
    assert_eq!(lab.drain("q"), [""; 0]);
}

#[test]
fn mandatory_returns_and_alternate_exchanges() {
    let mut lab = Lab::new(&[
        "confirm",
        "declare exchange last type=fanout",
        "declare exchange ae alternate-exchange=last",
        "declare exchange x alternate-exchange=ae",
        "declare exchange plain",
        "declare queue caught",
        "bind queue caught last ''",
        "publish x nowhere one mandatory=true",
    ]);
    let got = lab.get("caught");
    assert_eq!((&got["body"], &got["exchange"], &got["routing_key"]), (&json!("one"), &json!("x"), &json!("nowhere")));
    assert_eq!(lab.told("return"), []);
    lab.all(&["publish plain nowhere two mandatory=true", "publish plain nowhere three"]);
    let words: Vec<&str> = lab
        .told
        .iter()
        .filter_map(|said| ["return", "confirm"].into_iter().find(|word| said.get(word).is_some()))
        .collect();
    assert_eq!(words, ["confirm", "return", "confirm", "confirm"], "the return comes before the confirm");
    let (_, returned) = lab.told("return").remove(0);
    assert_eq!(
        (&returned["code"], &returned["text"], &returned["body"]),
        (&json!(312), &json!("NO_ROUTE"), &json!("two"))
    );
    assert!(lab.told("confirm").iter().all(|(_, confirm)| confirm["ack"] == true), "unroutable is confirmed");
}

#[test]
fn confirms_count_from_the_moment_they_are_asked_for() {
    let mut lab =
        Lab::new(&["declare queue q", "publish '' q before", "confirm", "publish '' q one", "publish '' q two"]);
    let tags: Vec<u64> =
        lab.told("confirm").iter().map(|(_, confirm)| confirm["tag"].as_u64().expect("a tag")).collect();
    assert_eq!(tags, [1, 2]);
}

#[test]
fn unknown_exchange_closes_channel() {
    let observed = recorded("unknown_exchange_closes_channel")["results"].clone();
    let mut lab = Lab::new(&["publish nowhere k body"]);
    let (_, closed) = lab.told("closed").remove(0);
    assert_eq!(closed["code"], observed[0]["closed"]);
    let text = closed["text"].as_str().expect("a text");
    assert!(text.starts_with(observed[0]["text"].as_str().expect("a text")), "{text}");
    assert!(lab.error("depth-less").1.contains("closed"), "the channel can't be used any more");
    lab.all(&["channel 2", "declare queue q", "publish '' q m", "get q", "ack 1", "ack 1"]);
    let (_, closed) = lab.told("closed").remove(0);
    assert_eq!((&closed["code"], &closed["text"]), (&observed[1]["double_ack_closed"], &observed[1]["text"]));
    lab.all(&["channel 2"]);
    let (code, text) = lab.error("declare queue q durable=true");
    assert_eq!(code, observed[2]["inequivalent_redeclare"].to_string());
    assert!(
        text.contains("inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'")
    );
    for (line, code) in [
        ("get missing", "404"),
        ("consume missing", "404"),
        ("bind queue q missing k", "404"),
        ("declare queue q passive=true x-max-length=1", ""),
        ("declare queue missing passive=true", "404"),
        ("declare exchange amq.mine", "403"),
        ("declare queue amq.mine", "403"),
        ("declare queue e x-expires=0", "406"),
        ("declare queue e x-message-ttl=text", "406"),
        ("declare queue e x-dead-letter-routing-key=k", "406"),
        ("declare exchange amq.topic type=direct durable=true", "406"),
        ("delete queue missing", ""),
    ] {
        lab.all(&["channel 3"]);
        let answer = lab.ask(line);
        assert_eq!(answer["error"].as_str().unwrap_or(""), code, "{line}: {answer}");
    }
    lab.all(&["other> declare queue mine exclusive=true", "channel 4"]);
    let (code, text) = lab.error("get mine");
    assert!(
        code == "405" && text.starts_with("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine'")
    );
    lab.all(&["kill other"]);
    assert_eq!(lab.ask("depth mine")["error"], "404", "an exclusive queue goes with its connection");
}

#[test]
fn errors_that_close_the_connection() {
    for (line, code) in [("consume q tag=c", "530"), ("declare exchange x type=odd", "503")] {
        let mut lab = Lab::new(&["declare queue q", "publish '' q m", "consume q tag=c"]);
        assert_eq!(lab.depth("q"), (0, 1));
        assert_eq!(lab.error(line).0, code);
        assert_eq!(lab.depth("q"), (1, 0), "{line}: what was held came back");
        lab.all(&["get q"]);
    }
}

#[test]
fn round_robin_no_prefetch_limit() {
    let observed = recorded("round_robin_no_prefetch_limit")["per_consumer"].clone();
    let mut lab = Lab::new(&["declare queue q", "consume q tag=c1", "consume q tag=c2", "consume q tag=c3"]);
    publish(7, "q").iter().for_each(|line| lab.all(&[line]));
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    lab.deliveries().into_iter().for_each(|(consumer, body)| seen.entry(consumer).or_default().push(body));
    assert_eq!(json!(seen), observed);
}

#[test]
fn a_backlog_goes_to_the_first_consumer() {
    let mut lab = Lab::new(&["declare queue q"]);
    publish(5, "q").iter().for_each(|line| lab.all(&[line]));
    lab.all(&["a> consume q tag=first", "b> consume q tag=second"]);
    assert!(lab.deliveries().iter().all(|(consumer, _)| consumer == "first"));
}

#[test]
fn prefetch_scope() {
    let observed = recorded("prefetch_scope");
    for (scope, option) in [("per_consumer", ""), ("global", " global=true")] {
        let mut lab = Lab::new(&["declare queue qa", "declare queue qb"]);
        for number in 0..5 {
            lab.all(&[&format!("publish '' qa a{number}"), &format!("publish '' qb b{number}")]);
        }
        lab.all(&[&format!("qos 2{option}"), "consume qa tag=k1", "consume qb tag=k2"]);
        let seen = lab.deliveries();
        let of =
            |tag: &str| seen.iter().filter(|(consumer, _)| consumer == tag).map(|(_, body)| body.clone()).collect();
        let bodies: [Vec<String>; 2] = [of("k1"), of("k2")];
        assert_eq!(json!({"held": seen.len(), "k1": bodies[0], "k2": bodies[1]}), observed[scope], "{scope}");
        if scope == "global" {
            lab.all(&["ack 1"]);
            assert_eq!(lab.deliveries().len(), 1, "one more for one acknowledged");
        }
        lab.all(&["get qb"]);
        lab.all(&["consume qb auto-ack=true tag=free"]);
        assert!(lab.depth("qb").0 == 0, "automatic acknowledgement knows no limit");
    }
}

#[test]
fn prefetch_one_gives_to_the_one_that_acknowledged() {
    let mut lab = Lab::new(&["declare queue q", "a> qos 1", "b> qos 1", "a> consume q tag=a", "b> consume q tag=b"]);
    publish(5, "q").iter().for_each(|line| lab.all(&[line]));
    lab.all(&["b> ack 1", "b> ack 2", "a> ack 1"]);
    let consumers: Vec<String> = lab.deliveries().into_iter().map(|(consumer, _)| consumer).collect();
    assert_eq!(consumers, ["a", "b", "b", "b", "a"]);
}

#[test]
fn consumer_priority() {
    let mut lab = Lab::new(&["declare queue q", "qos 2", "consume q tag=low", "consume q tag=high priority=10"]);
    publish(4, "q").iter().for_each(|line| lab.all(&[line]));
    let consumers: Vec<String> = lab.deliveries().into_iter().map(|(consumer, _)| consumer).collect();
    assert_eq!(consumers, ["high", "high", "low", "low"]);
    lab.all(&["publish '' q m4", "ack 1"]);
    assert_eq!(lab.deliveries(), [("high".to_string(), "m4".to_string())]);
}

#[test]
fn single_active_consumer() {
    let observed = recorded("single_active_consumer");
    let mut lab = Lab::new(&["declare queue q x-single-active-consumer=true"]);
    for client in ["c1", "c2", "c3"] {
        lab.all(&[&format!("{client}> qos 2"), &format!("{client}> consume q tag={client}")]);
    }
    publish(5, "q").iter().for_each(|line| lab.all(&[line]));
    lab.all(&["c1> ack 1", "c1> close", "c2> ack 1", "c2> ack 2", "c2> close"]);
    assert_eq!(lab.delivery_log(), without_steps(&observed["log"]));
}

#[test]
fn exclusive_consumers_and_deleted_queues() {
    let mut lab = Lab::new(&["declare queue q", "a> consume q tag=a exclusive=true"]);
    assert_eq!(lab.error("b> consume q tag=b").0, "403");
    lab.all(&["publish '' q m", "delete queue q"]);
    assert_eq!(lab.told("cancelled"), [("a".to_string(), json!({"consumer": "a"}))]);
    lab.all(&["a> ack 1"]);
    assert_eq!(lab.told("closed"), [], "a tag of a deleted queue is still known");
}

#[test]
fn nack_requeue_position() {
    let observed = recorded("nack_requeue_position");
    let mut lab = Lab::new(&["declare queue q"]);
    publish(5, "q").iter().for_each(|line| lab.all(&[line]));
    let mut log = Vec::new();
    let get = |lab: &mut Lab, log: &mut Vec<Json>| {
        let got = lab.ask("get q");
        log.push(json!({"get": got["body"], "redelivered": got["redelivered"]}));
    };
    (0..3).for_each(|_| get(&mut lab, &mut log));
    lab.all(&["nack 2"]);
    get(&mut lab, &mut log);
    lab.all(&["nack 3", "nack 1", "nack 4"]);
    (0..5).for_each(|_| get(&mut lab, &mut log));
    assert_eq!(log, without_steps(&observed["log"]));
}

#[test]
fn consumer_crash_redelivery() {
    let observed = recorded("consumer_crash_redelivery");
    let mut lab = Lab::new(&["declare queue q", "c1> qos 3"]);
    publish(5, "q").iter().for_each(|line| lab.all(&[line]));
    // The recording's client acknowledges as soon as it has the first one.
    lab.all(&["c1> consume q tag=c1", "c1> ack 1", "kill c1", "c2> consume q tag=c2"]);
    assert_eq!(lab.delivery_log(), without_steps(&observed["log"]));
}

#[test]
fn basic_cancel_keeps_what_is_held() {
    let mut lab =
        Lab::new(&["declare queue q", "publish '' q m0", "publish '' q m1", "qos 1", "consume q tag=c", "cancel c"]);
    assert_eq!(lab.depth("q"), (1, 1));
    lab.all(&["ack 1", "get q"]);
    assert_eq!(lab.depth("q"), (0, 1));
    lab.all(&["close channel"]);
    assert_eq!(lab.depth("q"), (1, 0));
    assert_eq!(lab.get("q")["redelivered"], true);
}

#[test]
fn multiple_covers_the_channel() {
    let mut lab = Lab::new(&["declare queue qa", "declare queue qb"]);
    for number in 0..3 {
        lab.all(&[&format!("publish '' qa a{number}"), &format!("publish '' qb b{number}")]);
    }
    lab.all(&["consume qa tag=a", "channel 2", "get qb", "channel 1", "consume qb tag=b", "ack 4 multiple=true"]);
    assert_eq!((lab.depth("qa"), lab.depth("qb")), ((0, 0), (0, 2)));
    lab.all(&["nack 0 multiple=true requeue=false", "channel 2", "nack 1"]);
    // It came back to the consumer of the other channel.
    assert_eq!((lab.depth("qa"), lab.depth("qb")), ((0, 0), (0, 1)));
    lab.all(&["ack 0 multiple=true"]);
    assert_eq!(lab.told("closed"), [], "all of none is no error");
}

#[test]
fn consumer_timeout() {
    let mut lab =
        Lab::new(&["declare queue q", "publish '' q m", "publish '' q n", "qos 1", "consume q tag=c", "wait 29m"]);
    assert_eq!(lab.told("closed"), []);
    lab.all(&["wait 1m"]);
    let (_, closed) = lab.told("closed").remove(0);
    assert_eq!(closed["code"], 406);
    assert!(closed["text"].as_str().is_some_and(|text| text.contains("timed out. Timeout value used: 1800000 ms")));
    assert_eq!(lab.depth("q"), (2, 0));
    let mut lab = Lab::of("4.3", &["declare queue c durable=true", "declare queue q durable=true x-queue-type=quorum"]);
    lab.all(&["publish '' c m", "publish '' q m", "consume c tag=c", "consume q tag=q", "wait 31m"]);
    assert_eq!(lab.told("cancelled"), [("main".to_string(), json!({"consumer": "q"}))]);
    assert_eq!((lab.depth("c"), lab.depth("q")), ((0, 1), (1, 0)));
    assert_eq!(lab.told("closed"), []);
    lab.all(&["wait 2h", "ack 1"]);
    assert_eq!(lab.depth("c"), (0, 0));
}
