//! The Pub/Sub profile against the rules of the service's documentation, through its console. Nothing could be recorded,
//! so each test says a rule and not a trace; filters have their vectors in `tests/data`.
#![cfg(not(target_arch = "wasm32"))]

mod pubsub_world;

use std::rc::Rc;

use patchbay::kernel::rng::Stream;
use patchbay::model::broker::pubsub::{self, filter::Filter};
use patchbay::model::broker::server::{Call, Happened, Session};
use patchbay::model::kind;
use patchbay::vocabulary::{
    BrokerMessage, Content, Duration, HeaderValue, LinkId, MessageId, NodeId, Settings, Time, Value, WireId,
};
use pubsub_world::{data, data_of, World, NONE, PLAIN};
use serde_json::{json, Value as Json};

#[test]
fn each_subscription_has_its_own_copy() {
    let mut world =
        World::new(&["create-topic t", "create-subscription one topic=t", "create-subscription two topic=t"]);
    ["a", "b", "c"].iter().for_each(|data| drop(world.ask(&format!("publish t {data}"))));
    assert_eq!(world.pull("one max=10"), ["a", "b", "c"]);
    assert_eq!(
        (world.pull("two"), world.pull("two"), world.pull("two")),
        (vec!["a".into()], vec!["b".into()], vec!["c".into()])
    );
    assert_eq!(world.pull("two"), NONE);
    world.ask("ack one a b c");
    assert_eq!((world.counts("one"), world.counts("two")), ((0, 0, 0), (0, 3, 0)));
}

#[test]
fn only_later_messages_come_and_without_a_subscription_none() {
    let mut world = World::new(&["create-topic t", "publish t lost", "create-subscription s topic=t", "publish t a"]);
    assert_eq!(world.pull("s max=10"), ["a"]);
}

fn with_attributes(attributes: &Json) -> Content {
    let headers = attributes.as_object().expect("attributes").iter();
    let headers: Vec<(Rc<str>, HeaderValue)> = headers
        .map(|(name, value)| (Rc::from(&**name), HeaderValue::Text(Rc::from(value.as_str().expect("a text")))))
        .collect();
    Content {
        id: MessageId::NONE,
        routing_key: "".into(),
        headers: headers.into(),
        payload: "".into(),
        persistent: true,
        priority: None,
        expiration: None,
        created: Time::ZERO,
    }
}

#[test]
fn filters_as_documented() {
    let vectors: Json = serde_json::from_str(include_str!("data/pubsub_filters_documented.json")).expect("JSON");
    let passes = vectors["passes"].as_array().expect("a list");
    for vector in passes {
        let text = vector[0].as_str().expect("a filter");
        let filter = Filter::read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.passes(&with_attributes(&vector[1])), vector[2], "{vector}");
    }
    let wrong = vectors["wrong"].as_array().expect("a list");
    for vector in wrong {
        let text = vector[0].as_str().expect("a filter");
        let error = Filter::read(text).expect_err(text);
        assert_eq!(error.at as u64, vector[1], "{text}: {error}");
    }
    assert!(passes.len() > 30 && wrong.len() > 15);
    let long = format!("attributes.a = \"{}\"", "x".repeat(256));
    assert_eq!(Filter::read(&long).expect_err("too long").at, 256);
    assert!(Filter::read(&"(".repeat(256)).is_err());
}

#[test]
fn what_does_not_match_is_never_delivered() {
    let mut world = World::new(&[
        "create-topic t",
        "create-subscription s topic=t filter='attributes.kind != \"test\"' enable-message-ordering=true",
    ]);
    for (data, kind) in [("a", "order"), ("b", "test"), ("c", "order")] {
        world.ask(&format!("publish t {data} ordering-key=k attributes='{{\"kind\":\"{kind}\"}}'"));
    }
    world.ask("publish t d ordering-key=k");
    assert_eq!(world.pull("s max=10"), ["a", "c", "d"], "in order among those that pass");
    assert_eq!(world.error("update-subscription s filter='attributes:x'"), "INVALID_ARGUMENT");
    let answer = world.perform("create-subscription r topic=t filter='attributes.kind > 1'").expect("an answer");
    assert_eq!(answer["error"], "INVALID_ARGUMENT");
    assert!(answer["text"].as_str().expect("a text").contains("character 17"), "{answer}");
}

#[test]
fn deadlines_and_modack() {
    let mut world = World::new(PLAIN);
    world.ask("publish t a");
    assert_eq!(world.pull("s"), ["a"]);
    world.ask("wait 9.9s");
    assert_eq!(world.pull("s"), NONE);
    world.ask("wait 0.1s");
    assert_eq!(world.pull("s"), ["a"]);
    world.ask("wait 8s");
    world.ask("modack s 30 a");
    world.ask("wait 29s");
    assert_eq!(world.pull("s"), NONE, "30 s from the request");
    world.ask("wait 1s");
    assert_eq!(world.pull("s"), ["a"]);
    world.ask("modack s 0 a");
    assert_eq!(world.pull("s"), ["a"], "refused, and there at once");
    world.ask("nack s a");
    assert_eq!(world.counts("s"), (1, 0, 0));
    assert_eq!(world.pull("s"), ["a"]);
    world.ask("ack s a");
    world.ask("ack s a");
    assert_eq!(world.counts("s"), (0, 0, 0), "twice is no error");
    assert_eq!(world.error("modack s 601 a"), "INVALID_ARGUMENT");
}

#[test]
fn late_acks_are_best_effort() {
    for (chance, left) in [(100, 0), (0, 1)] {
        let mut world = World::new(&["create-topic t", &format!("create-subscription s topic=t late-acks={chance}")]);
        world.ask("publish t a");
        let first = world.ask("pull s")["receivedMessages"][0]["ackId"].as_str().expect("an id").to_string();
        world.ask("wait 10s");
        world.ask(&format!("ack s {first}"));
        assert_eq!(world.counts("s"), (left, 0, 0), "{chance}");
    }
    // Also after it was delivered again: the message is done, though another subscriber has it.
    let mut world = World::new(PLAIN);
    world.ask("publish t a");
    let first = world.ask("pull s")["receivedMessages"][0]["ackId"].as_str().expect("an id").to_string();
    world.ask("wait 10s");
    world.pull("s");
    world.ask(&format!("ack s {first}"));
    assert_eq!(world.counts("s"), (0, 0, 0));
}

#[test]
fn retry_policy_is_per_message() {
    let mut world =
        World::new(&["create-topic t", "create-subscription s topic=t min-retry-delay=10s max-retry-delay=25s"]);
    for data in ["a", "b"] {
        world.ask(&format!("publish t {data}"));
    }
    assert_eq!(world.pull("s"), ["a"]);
    world.ask("nack s a");
    assert_eq!(world.pull("s max=10"), ["b"], "b is not held back");
    world.ask("ack s b");
    world.ask("wait 9.999s");
    assert_eq!(world.pull("s"), NONE);
    world.ask("wait 1ms");
    assert_eq!(world.pull("s"), ["a"]);
    let mut world = World::new(&[
        "create-topic t",
        "create-subscription s topic=t min-retry-delay=10s max-retry-delay=25s",
        "publish t a",
    ]);
    for wait in [10, 20, 25, 25] {
        assert_eq!(world.pull("s"), ["a"]);
        world.ask("wait 10s");
        world.ask(&format!("wait {}ms", wait * 1000 - 1));
        assert_eq!(world.pull("s"), NONE, "doubled with each failure, and counted from the deadline");
        world.ask("wait 1ms");
    }
}

#[test]
fn dead_letters_count_refusals_and_missed_deadlines() {
    let mut world = World::new(&[
        "create-topic t",
        "create-topic dead",
        "create-subscription d topic=dead",
        "create-subscription s topic=t dead-letter-topic=dead max-delivery-attempts=5",
        "publish t a attributes='{\"k\":\"v\"}'",
    ]);
    for attempt in 1..=5 {
        let received = world.ask("pull s");
        assert_eq!(received["receivedMessages"][0]["deliveryAttempt"], attempt);
        match attempt % 2 {
            0 => drop(world.ask("nack s a")),
            _ => drop(world.ask("wait 10s")),
        }
    }
    assert_eq!(world.counts("s"), (0, 0, 0));
    let received = world.ask("pull d")["receivedMessages"][0].clone();
    assert_eq!(data_of(&received), "a");
    assert!(received.get("deliveryAttempt").is_none(), "only with a policy");
    let attributes = &received["message"]["attributes"];
    assert_eq!((&attributes["k"], &attributes["CloudPubSubDeadLetterSourceSubscription"]), (&json!("v"), &json!("s")));
    assert_eq!(attributes["CloudPubSubDeadLetterSourceDeliveryCount"], "5");
}

#[test]
fn dead_letters_without_a_subscription_are_lost() {
    let mut world = World::new(&[
        "create-topic t",
        "create-topic dead",
        "create-subscription s topic=t dead-letter-topic=dead",
        "publish t a",
    ]);
    for _ in 0..5 {
        world.pull("s");
        world.ask("nack s a");
    }
    world.ask("create-subscription d topic=dead");
    assert_eq!((world.pull("s"), world.pull("d")), (vec![], vec![]));
}

fn ordered() -> World {
    let mut world = World::new(&["create-topic t", "create-subscription s topic=t enable-message-ordering=true"]);
    for (data, key) in [("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a"), ("b2", "b")] {
        world.ask(&format!("publish t {data} ordering-key={key}"));
    }
    world
}

#[test]
fn keys_come_in_order_to_one_stream() {
    let mut world = ordered();
    assert_eq!(world.pull("s max=2"), ["a1", "a2"], "a pull takes as much of a key as it can");
    assert_eq!(world.pull("s max=10"), ["b1", "b2"], "a3 waits for a1 and a2");
    world.ask("ack s a1");
    assert_eq!(world.pull("s"), NONE);
    world.ask("ack s a2");
    assert_eq!(world.pull("s"), ["a3"]);

    let mut world = ordered();
    world.ask("one> streaming-pull s max-outstanding=1");
    world.ask("two> streaming-pull s max-outstanding=10");
    assert_eq!(world.delivered("one"), ["a1"]);
    assert_eq!(world.delivered("two"), ["b1", "b2"]);
    world.ask("publish t b3 ordering-key=b");
    assert_eq!(world.delivered("two"), ["b3"], "several of a key at once, to the same stream");
    world.ask("one> ack s a1");
    let (one, two) = (world.delivered("one"), world.delivered("two"));
    assert_eq!((one, two), (vec![], vec!["a2".into(), "a3".into()]), "nothing of the key was out, so anyone may go on");

    // Without the property a key means nothing.
    let mut world = World::new(PLAIN);
    ["1", "2"].iter().for_each(|data| drop(world.ask(&format!("publish t {data} ordering-key=k"))));
    assert_eq!((world.pull("s"), world.pull("s")), (vec!["1".into()], vec!["2".into()]));
}

#[test]
fn a_redelivery_repeats_acknowledged_successors() {
    let mut world = ordered();
    assert_eq!(world.pull("s max=3"), ["a1", "a2", "a3"]);
    world.ask("ack s a3");
    assert_eq!(world.counts("s"), (2, 2, 1), "it is kept, as a1 and a2 are not done");
    world.ask("ack s a1");
    world.ask("nack s a2");
    assert_eq!(world.counts("s").0, 4, "b1, b2, a2, and a3 once more");
    assert_eq!(world.pull("s max=10"), ["b1", "b2", "a2", "a3"]);
    world.ask("ack s a2 a3 b1 b2");
    assert_eq!(world.counts("s"), (0, 0, 0));

    // A missed deadline does the same, and takes the later outstanding ones along.
    let mut world = ordered();
    assert_eq!(world.pull("s max=3"), ["a1", "a2", "a3"]);
    world.ask("modack s 60 a2 a3");
    world.ask("wait 10s");
    assert_eq!(world.counts("s"), (5, 0, 0));
    assert_eq!(world.pull("s max=3"), ["a1", "a2", "a3"]);
}

#[test]
fn an_ordered_key_waits_for_a_backoff_and_goes_on_after_a_dead_letter() {
    let mut world = World::new(&[
        "create-topic t",
        "create-topic dead",
        "create-subscription d topic=dead",
        "create-subscription s topic=t enable-message-ordering=true min-retry-delay=10s dead-letter-topic=dead",
    ]);
    for (data, key) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        world.ask(&format!("publish t {data} ordering-key={key}"));
    }
    world.pull("s");
    world.ask("nack s a1");
    assert_eq!(world.pull("s max=10"), ["b1"], "the key waits, other keys do not");
    for wait in [10, 20, 40, 80] {
        world.ask(&format!("wait {wait}s"));
        let got = world.pull("s max=10");
        assert_eq!(got.iter().filter(|data| data.starts_with('a')).collect::<Vec<_>>(), ["a1", "a2"]);
        world.ask("nack s a1");
    }
    assert_eq!(world.pull("d"), ["a1"]);
    assert_eq!(world.counts("s").1, 2, "a2 stays outstanding, as b1 does");
    world.ask("ack s a2");
    world.ask("publish t a3 ordering-key=a");
    assert!(world.pull("s max=10").contains(&"a3".to_string()));
}

#[test]
fn exactly_once_takes_only_the_latest_id() {
    let mut world = World::new(&[
        "create-topic t",
        "create-subscription s topic=t enable-exactly-once-delivery=true",
        "publish t a",
    ]);
    let mut id = || world.ask("pull s")["receivedMessages"][0]["ackId"].as_str().expect("an id").to_string();
    let first = id();
    world.ask("wait 10s");
    assert_eq!(world.ask(&format!("ack s {first}"))["failed"][0]["reason"], "PERMANENT_FAILURE_INVALID_ACK_ID");
    let second = world.ask("pull s")["receivedMessages"][0]["ackId"].as_str().expect("an id").to_string();
    assert_eq!(world.ask(&format!("modack s 30 {first}"))["failed"][0]["ackId"], first.as_str());
    assert_eq!(world.ask(&format!("ack s {first}"))["failed"][0]["ackId"], first.as_str());
    assert_eq!(world.counts("s"), (0, 1, 0));
    assert_eq!(world.ask(&format!("ack s {second}"))["successful"], json!([second]));
    assert_eq!(world.ask(&format!("ack s {second}"))["failed"][0]["ackId"], second.as_str(), "it is done");
    assert_eq!(
        world.error("create-subscription r topic=t enable-exactly-once-delivery=true push-endpoint=u"),
        "INVALID_ARGUMENT"
    );
}

#[test]
fn streams_have_flow_control_and_refuse_nothing_when_they_break() {
    let mut world = World::new(PLAIN);
    world.ask("one> streaming-pull s max-outstanding=2");
    world.ask("two> streaming-pull s max-outstanding=1");
    for data in ["a", "b", "c", "d"] {
        world.ask(&format!("publish t {data}"));
    }
    assert_eq!((world.delivered("one"), world.delivered("two")), (vec!["a".into(), "c".into()], vec!["b".into()]));
    world.ask("two> ack s b");
    assert_eq!(world.delivered("two"), ["d"]);
    world.ask("kill one");
    assert_eq!(world.counts("s"), (0, 3, 0));
    world.ask("two> ack s d");
    world.ask("wait 9s");
    assert_eq!(world.delivered("two"), NONE);
    world.ask("wait 1s");
    assert_eq!(world.delivered("two"), ["a"]);
    world.ask("two> close");
    assert_eq!(world.pull("s"), ["c"]);
    assert_eq!(world.error("listen s"), "FAILED_PRECONDITION");
}

#[test]
fn a_pull_waits_for_the_first_message() {
    let mut world = World::new(PLAIN);
    assert_eq!(world.ask("one> pull s max=5 wait=10s"), json!({"blocked": true}));
    world.ask("publish t a");
    let (client, word, body) = world.later.remove(0);
    assert_eq!((&*client, &*word, data(&body)), ("one", "reply", vec!["a".to_string()]));
    world.ask("two> pull s wait=3s");
    world.ask("wait 3s");
    assert_eq!(world.later, [("two".to_string(), "reply".to_string(), json!({"receivedMessages": []}))]);
}

/// The subscriber of a drawing whose library prolongs deadlines.
#[test]
fn a_library_prolongs_deadlines() {
    for (extension, deliveries) in [(0, 3), (25, 2), (3600, 1)] {
        let mut server = pubsub::server(&Settings::default());
        let (mut random, mut made, mut outcome) = (Stream::named(1, "pubsub", "test"), 0, Vec::new());
        let mut now = Time::ZERO;
        let session = Session::of_link(LinkId(1));
        let [topic, subscription, client] = [NodeId(2), NodeId(3), NodeId(4)];
        let mut settings = kind::settings(pubsub::SUBSCRIPTION.params, |_| None);
        settings.set("name", Value::Text("s".into()));
        settings.set("leaseExtension", Value::Duration(Duration::from_secs(extension)));
        let mut topic_settings = Settings::default();
        topic_settings.set("name", Value::Text("t".into()));
        macro_rules! call {
            () => {
                &mut Call {
                    now,
                    broker: NodeId(1),
                    slow_percent: 100,
                    random: &mut random,
                    messages_made: &mut made,
                    outcome: &mut outcome,
                }
            };
        }
        server.declare(topic, "pubsub_topic", &topic_settings, call!());
        server.declare(subscription, "subscription", &settings, call!());
        server.join(WireId(1), topic, subscription, &Settings::default(), call!());
        server.receive(
            session,
            client,
            subscription,
            BrokerMessage::Subscribe { prefetch: 0, auto_ack: false, priority: 0 },
            call!(),
        );
        let content = Content { id: MessageId { origin: NodeId(9), number: 1 }, ..with_attributes(&json!({})) };
        server.receive(
            Session::of_link(LinkId(2)),
            NodeId(9),
            topic,
            BrokerMessage::Publish(Rc::new(content)),
            call!(),
        );
        let until = Time::ZERO + Duration::from_secs(29);
        while let Some(due) = server.next_due().filter(|due| *due <= until) {
            now = due;
            server.on_due(call!());
        }
        let is_delivery =
            |happened: &&Happened| matches!(happened, Happened::Frame { frame: BrokerMessage::Deliver { .. }, .. });
        assert_eq!(outcome.iter().filter(is_delivery).count(), deliveries, "{extension}");
    }
}

#[test]
fn errors_by_their_codes() {
    let mut world = World::new(PLAIN);
    let cases = [
        ("publish no a", "NOT_FOUND"),
        ("pull no", "NOT_FOUND"),
        ("describe no", "NOT_FOUND"),
        ("create-topic t", "ALREADY_EXISTS"),
        ("create-topic 1t", "INVALID_ARGUMENT"),
        ("create-topic goog-t", "INVALID_ARGUMENT"),
        ("create-topic u message-retention-duration=1s", "INVALID_ARGUMENT"),
        ("create-subscription s topic=t", "ALREADY_EXISTS"),
        ("create-subscription r", "INVALID_ARGUMENT"),
        ("create-subscription r topic=no", "NOT_FOUND"),
        ("create-subscription r topic=t ack-deadline=9", "INVALID_ARGUMENT"),
        ("create-subscription r topic=t ackDeadlineSeconds=601", "INVALID_ARGUMENT"),
        ("create-subscription r topic=t dead-letter-topic=no", "NOT_FOUND"),
        ("create-subscription r topic=t max-delivery-attempts=5", "INVALID_ARGUMENT"),
        ("create-subscription r topic=t dead-letter-topic=t max-delivery-attempts=4", "INVALID_ARGUMENT"),
        ("create-subscription r topic=t min-retry-delay=601s", "INVALID_ARGUMENT"),
        ("create-subscription r topic=t min-retry-delay=20s max-retry-delay=10s", "INVALID_ARGUMENT"),
        ("create-subscription r topic=t colour=red", "INVALID_ARGUMENT"),
        ("update-subscription s enable-message-ordering=true", "INVALID_ARGUMENT"),
        ("publish t ''", "INVALID_ARGUMENT"),
        ("publish t a attributes=x", "INVALID_ARGUMENT"),
        ("pull s max=0", "INVALID_ARGUMENT"),
        ("ack s nothing", "INVALID_ARGUMENT"),
        ("ack s", "INVALID_ARGUMENT"),
        ("ack s ack-0-1-fffffffff", "INVALID_ARGUMENT"),
        ("seek s", "INVALID_ARGUMENT"),
        ("seek s time=1s snapshot=x", "INVALID_ARGUMENT"),
        ("snapshot delete x", "NOT_FOUND"),
        ("frobnicate", "UNIMPLEMENTED"),
    ];
    for (line, code) in cases {
        assert_eq!(world.error(line), code, "{line}");
    }
    world.ask("update-subscription s ack-deadline=20 dead-letter-topic=t");
    assert_eq!(world.ask("describe s")["deadLetterPolicy"]["maxDeliveryAttempts"], 5);
    world.ask("publish t a");
    assert_eq!(world.perform("restart"), Some(json!("OK")));
    assert_eq!(world.pull("s"), ["a"], "messages outlive a failure");
}
