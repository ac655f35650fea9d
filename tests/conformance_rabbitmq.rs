//! The RabbitMQ profile against recorded behaviour of a real server (`tests/data/oracle`) and against its documentation,
//! through the console. What the drawing does with it is in `canvas_rabbitmq.rs`.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::{BTreeMap, BTreeSet};

use patchbay::model::broker::console::Console;
use patchbay::model::broker::profile::rabbitmq::{FIDELITY, WORDS};
use patchbay::model::broker::profile::Coverage;
use patchbay::model::broker::rabbitmq::{server, BROKER};
use patchbay::model::kind::settings;
use serde_json::{json, Value as Json};

fn recorded(scenario: &str) -> Json {
    let text = include_str!("data/oracle/rabbitmq-3.10.8.json");
    let recording: Json = serde_json::from_str(text).expect("the recording is JSON");
    assert_eq!(recording["server"]["version"], "3.10.8");
    let observed = recording["scenarios"][scenario]["observed"].clone();
    assert!(observed.is_object(), "{scenario} was recorded");
    observed
}

fn texts(json: &Json) -> Vec<String> {
    json.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_string()).collect()
}

/// A list without the notes of what was done in between.
fn without_steps(log: &Json) -> Vec<Json> {
    let entries = log.as_array().expect("a log").iter();
    entries.filter(|entry| entry.get("step").is_none()).cloned().collect()
}

/// A console, and what it told without being asked.
struct Lab {
    console: Console,
    told: Vec<Json>,
}

impl Lab {
    fn new(setup: &[&str]) -> Lab {
        Lab::of("3.10", setup)
    }

    fn of(version: &str, setup: &[&str]) -> Lab {
        let settings = settings(BROKER.params, |name| (name == "version").then(|| json!(version)));
        let mut lab = Lab { console: Console::new(server::server(&settings), WORDS, 1), told: Vec::new() };
        lab.all(setup);
        lab
    }

    fn ask(&mut self, line: &str) -> Json {
        let mut answer = Json::Null;
        self.console.perform(line, &mut |said| match said.get("reply") {
            Some(reply) => answer = reply.clone(),
            None => self.told.push(said),
        });
        answer
    }

    /// Lines of which none is refused.
    fn all(&mut self, lines: &[&str]) {
        for line in lines {
            let answer = self.ask(line);
            assert!(answer.get("error").is_none(), "{line}: {answer}");
        }
    }

    fn error(&mut self, line: &str) -> (String, String) {
        let answer = self.ask(line);
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{line}: {answer}")).to_string();
        (text("error"), text("text"))
    }

    /// What was told under this word since the last look, with the client's name.
    fn told(&mut self, word: &str) -> Vec<(String, Json)> {
        let (found, others) = std::mem::take(&mut self.told).into_iter().partition(|said| said.get(word).is_some());
        self.told = others;
        let found: Vec<Json> = found;
        let client = |said: &Json| said["client"].as_str().expect("a client").to_string();
        found.iter().map(|said| (client(said), said[word].clone())).collect()
    }

    /// Deliveries since the last look: consumer and body.
    fn deliveries(&mut self) -> Vec<(String, String)> {
        let text = |body: &Json, name: &str| body[name].as_str().expect("a text").to_string();
        self.told("delivery").iter().map(|(_, body)| (text(body, "consumer"), text(body, "body"))).collect()
    }

    /// Deliveries since the last look, with the fields that the recordings have.
    fn delivery_log(&mut self) -> Vec<Json> {
        let fields = ["consumer", "tag", "body", "redelivered", "headers"];
        self.told("delivery").iter().map(|(_, body)| only(body, &fields)).collect()
    }

    fn get(&mut self, queue: &str) -> Json {
        self.ask(&format!("drain> get {queue} auto-ack=true"))
    }

    /// All bodies that are ready, taken.
    fn drain(&mut self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some(body) = self.get(queue)["body"].as_str() {
            bodies.push(body.to_string());
        }
        bodies
    }

    fn depth(&mut self, queue: &str) -> (u64, u64) {
        let depth = self.ask(&format!("depth {queue}"));
        (depth["ready"].as_u64().expect("a number"), depth["unacked"].as_u64().expect("a number"))
    }
}

/// Of an object only these fields, where it has them.
fn only(body: &Json, fields: &[&str]) -> Json {
    fields
        .iter()
        .filter_map(|name| Some((name.to_string(), body.get(name)?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

const GET_FIELDS: [&str; 6] = ["body", "redelivered", "remaining", "headers", "exchange", "routing_key"];

fn publish(count: usize, queue: &str) -> Vec<String> {
    (0..count).map(|number| format!("publish \"\" {queue} m{number}")).collect()
}

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

#[test]
fn every_line_of_the_sheet_names_a_test_that_is_there() {
    let sources =
        [include_str!("conformance_rabbitmq.rs"), include_str!("../src/model/broker/rabbitmq/ready/tests.rs")];
    for line in FIDELITY {
        let is_there = || sources.iter().any(|source| source.contains(&format!("fn {}()", line.test)));
        assert!(line.test.is_empty() == (line.coverage == Coverage::LeftOut), "{}", line.behaviour);
        assert!(line.test.is_empty() || is_there(), "{}: no test {}", line.behaviour, line.test);
        assert!(!line.source.is_empty() && line.behaviour.ends_with('.'), "{}", line.behaviour);
    }
}
