//! What Pub/Sub promises, under random use: scripts at the console that are wrong half of the time, and subscribers of
//! the drawing that lose their connections.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use patchbay::kernel::rng::Stream;
use patchbay::model::broker::console::Console;
use patchbay::model::broker::profile::pubsub::WORDS;
use patchbay::model::broker::pubsub;
use patchbay::model::broker::pubsub::filter::Filter;
use patchbay::model::broker::server::{Call, Happened, Server, Session};
use patchbay::model::kind;
use patchbay::vocabulary::{
    BrokerMessage, Content, Duration, Fact, LinkId, MessageId, NodeId, Settings, Time, Value, WireId,
};
use proptest::prelude::*;

const BROKER: NodeId = NodeId(1);
const TOPIC: NodeId = NodeId(2);
const SUBSCRIPTION: NodeId = NodeId(3);
const DEAD: NodeId = NodeId(4);
const DEAD_SUBSCRIPTION: NodeId = NodeId(5);
const PRODUCER: NodeId = NodeId(10);

/// One delivery that a subscriber has.
#[derive(Clone, Copy, Debug)]
struct Held {
    tag: u64,
    message: MessageId,
    until: Time,
}

/// What is drawn: a topic with a subscription, another pair for its dead letters, and the books of their facts.
struct Drawn {
    server: Box<dyn Server>,
    random: Stream,
    now: Time,
    made: u64,
    sent: u32,
    /// Copies at each node, by what the facts say.
    books: BTreeMap<NodeId, BTreeMap<MessageId, i64>>,
    levels: BTreeMap<NodeId, (u32, u32)>,
    held: BTreeMap<u32, Vec<Held>>,
    /// Deliveries in order: ordering key and message.
    handed: Vec<(Rc<str>, MessageId)>,
}

impl Drawn {
    fn new(seed: u64, pairs: &[(&'static str, Value)], has_dead_letters: bool) -> Drawn {
        let mut drawn = Drawn {
            server: pubsub::server(&Settings::default()),
            random: Stream::named(seed, "pubsub", "properties"),
            now: Time::ZERO,
            made: 0,
            sent: 0,
            books: BTreeMap::new(),
            levels: BTreeMap::new(),
            held: BTreeMap::new(),
            handed: Vec::new(),
        };
        for (node, name) in [(TOPIC, "t"), (DEAD, "d")] {
            let mut settings = Settings::default();
            settings.set("name", Value::Text(name.into()));
            drawn.call(|server, call| server.declare(node, "pubsub_topic", &settings, call));
        }
        for (node, name) in [(SUBSCRIPTION, "s"), (DEAD_SUBSCRIPTION, "r")] {
            let mut settings = kind::settings(pubsub::SUBSCRIPTION.params, |_| None);
            settings.set("name", Value::Text(name.into()));
            pairs.iter().for_each(|(name, value)| settings.set(name, value.clone()));
            drawn.call(|server, call| server.declare(node, "subscription", &settings, call));
        }
        let settings = Settings::default();
        drawn.call(|server, call| server.join(WireId(1), TOPIC, SUBSCRIPTION, &settings, call));
        drawn.call(|server, call| server.join(WireId(2), DEAD, DEAD_SUBSCRIPTION, &settings, call));
        if has_dead_letters {
            drawn.call(|server, call| server.join(WireId(3), SUBSCRIPTION, DEAD, &settings, call));
        }
        drawn
    }

    fn call(&mut self, deed: impl FnOnce(&mut dyn Server, &mut Call)) {
        let mut outcome = Vec::new();
        let mut call = Call {
            now: self.now,
            broker: BROKER,
            slow_percent: 100,
            random: &mut self.random,
            messages_made: &mut self.made,
            outcome: &mut outcome,
        };
        deed(&mut *self.server, &mut call);
        outcome.into_iter().for_each(|happened| self.note(happened));
    }

    fn note(&mut self, happened: Happened) {
        match happened {
            Happened::Fact { node, message, fact } => {
                let change = match fact {
                    Fact::Enqueued { .. } => 1,
                    Fact::Acked { .. } | Fact::Discarded { .. } | Fact::DeadLettered { .. } => -1,
                    _ => 0,
                };
                let copies = self.books.entry(node).or_default().entry(message).or_default();
                *copies += change;
                assert!((0..=1).contains(copies), "{fact:?} of {message:?} at {node:?}");
                if let Some(level) = fact.level() {
                    self.levels.insert(node, level);
                }
            }
            Happened::Frame { session, frame: BrokerMessage::Deliver { tag, content, .. }, from } => {
                let link = session.link().expect("a link").0;
                if from == SUBSCRIPTION {
                    let held = Held { tag, message: content.id, until: self.now + Duration::from_secs(10) };
                    self.held.entry(link).or_default().push(held);
                    self.handed.push((content.routing_key.clone(), content.id));
                }
            }
            _ => {}
        }
    }

    fn frame(&mut self, link: u32, place: NodeId, frame: BrokerMessage) {
        let session = Session::of_link(LinkId(link));
        self.call(|server, call| server.receive(session, NodeId(20 + link), place, frame, call));
    }

    fn publish(&mut self, key: &str) {
        self.sent += 1;
        let content = Content {
            id: MessageId { origin: PRODUCER, number: self.sent },
            routing_key: key.into(),
            headers: Rc::from([]),
            payload: "body".into(),
            persistent: true,
            priority: None,
            expiration: None,
            created: self.now,
        };
        self.frame(9, TOPIC, BrokerMessage::Publish(Rc::new(content)));
    }

    fn subscribe(&mut self, link: u32, prefetch: u16) {
        self.frame(link, SUBSCRIPTION, BrokerMessage::Subscribe { prefetch, auto_ack: false, priority: 0 });
    }

    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(due) = self.server.next_due().filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.call(|server, call| server.on_due(call));
        }
        self.now = until;
    }

    fn check(&self) {
        let mut copies: BTreeMap<NodeId, BTreeSet<MessageId>> = BTreeMap::new();
        self.server.holds(&mut |node, message| {
            assert!(copies.entry(node).or_default().insert(message), "each once");
        });
        for (node, level) in &self.levels {
            let held = copies.remove(node).unwrap_or_default();
            assert_eq!((level.0 + level.1) as usize, held.len(), "{level:?}");
            let books = &self.books[node];
            assert!(books.iter().all(|(message, count)| (*count == 1) == held.contains(message)));
        }
    }
}

/// One random deed of a subscriber: acknowledge, refuse, prolong, lose or make the connection, or let time pass.
fn deed(drawn: &mut Drawn, random: &mut Stream, keys: u32) {
    let link = random.below(3);
    let about = MessageId::NONE;
    match random.below(10) {
        0..=2 => {
            let key = random.below(keys);
            drawn.publish(&if key == 0 { String::new() } else { format!("k{key}") });
        }
        3..=6 => {
            let held = drawn.held.entry(link).or_default();
            if !held.is_empty() {
                let Held { tag, .. } = held.remove(random.below(held.len() as u32) as usize);
                let frame = match random.below(5) {
                    0 => BrokerMessage::Nack { tag, multiple: false, requeue: random.chance(0.5), about },
                    1 => BrokerMessage::Extend { tag, by: Duration::from_secs(15) },
                    _ => BrokerMessage::Ack { tag, multiple: false, about },
                };
                drawn.frame(link, SUBSCRIPTION, frame);
            }
        }
        7 => drawn.call(|server, call| server.disconnect(Session::of_link(LinkId(link)), call)),
        8 => drawn.subscribe(link, random.below(5) as u16),
        _ => drawn.pass(Duration::from_millis(u64::from(random.below(6000)))),
    }
}

fn kinds(seed: u64) -> Vec<(&'static str, Value)> {
    let mut pairs = vec![("enableMessageOrdering", Value::Toggle(seed.is_multiple_of(2)))];
    if seed.is_multiple_of(3) {
        pairs.push(("delivery", Value::Text("push".into())));
    }
    if seed.is_multiple_of(5) {
        pairs.push(("retryPolicy", Value::Text("exponential".into())));
    }
    if seed.is_multiple_of(7) {
        pairs.push(("retainAckedMessages", Value::Toggle(true)));
    }
    if seed.is_multiple_of(11) {
        pairs.push(("lateAcks", Value::Number(50.0)));
    }
    pairs
}

#[test]
fn books_and_levels_agree_whatever_subscribers_do() {
    for seed in 0..120 {
        let mut drawn = Drawn::new(seed, &kinds(seed), seed % 4 != 0);
        let mut random = Stream::named(seed, "subscribers", "deeds");
        for step in 0..500 {
            deed(&mut drawn, &mut random, 4);
            if step % 20 == 0 {
                drawn.check();
            }
            if step % 100 == 99 {
                let line = format!("seek s time={}s", random.below(100));
                drawn.call(|server, call| drop(server.execute(Session::of_console(0), "main", &line, call)));
                drawn.check();
            }
        }
        drawn.check();
        drawn.call(|server, call| server.remove(SUBSCRIPTION, call));
        assert!(drawn.books[&SUBSCRIPTION].values().all(|copies| *copies == 0), "what was in it is accounted for");
    }
}

/// No message of a key is passed over: the next one delivered is the one after the last, or an earlier one again, from
/// which the order begins anew.
#[test]
fn a_key_is_never_delivered_with_a_gap() {
    for seed in 0..80 {
        let mut pairs = kinds(seed * 2);
        pairs.retain(|(name, _)| *name != "retainAckedMessages");
        let mut drawn = Drawn::new(seed, &pairs, false);
        let mut random = Stream::named(seed, "subscribers", "deeds");
        let mut published: BTreeMap<String, Vec<MessageId>> = BTreeMap::new();
        for _ in 0..700 {
            let before = drawn.sent;
            deed(&mut drawn, &mut random, 3);
            assert!(drawn.sent - before <= 1);
        }
        for (key, message) in &drawn.handed {
            let known = published.entry(key.to_string()).or_default();
            if !known.contains(message) {
                assert!(key.is_empty() || known.last().is_none_or(|last| last < message), "{message:?} of {key}");
                known.push(*message);
            }
        }
        for (key, order) in published.iter().filter(|(key, _)| !key.is_empty()) {
            let mut last = -1i64;
            for (_, message) in drawn.handed.iter().filter(|(other, _)| **other == **key) {
                let place = order.iter().position(|other| other == message).expect("it is known") as i64;
                assert!(place <= last + 1, "seed {seed}: {message:?} of {key} after place {last}");
                last = place;
            }
        }
        assert!(drawn.handed.len() > 40, "enough was delivered to mean something");
    }
}

/// Nobody gets a message that another subscriber has, as long as its deadline runs.
#[test]
fn an_outstanding_message_is_nobody_elses() {
    for seed in 0..60 {
        let mut drawn = Drawn::new(seed, &[("enableExactlyOnceDelivery", Value::Toggle(true))], false);
        let mut random = Stream::named(seed, "subscribers", "deeds");
        (0..3).for_each(|link| drawn.subscribe(link, 2 + link as u16));
        let mut done: BTreeSet<MessageId> = BTreeSet::new();
        for _ in 0..400 {
            drawn.publish("");
            let link = random.below(3);
            let now = drawn.now;
            let held = drawn.held.entry(link).or_default();
            held.retain(|held| held.until > now);
            if !held.is_empty() && random.chance(0.7) {
                let Held { tag, message, .. } = held.remove(0);
                drawn.frame(link, SUBSCRIPTION, BrokerMessage::Ack { tag, multiple: false, about: message });
                done.insert(message);
            }
            let before = drawn.handed.len();
            drawn.pass(Duration::from_millis(u64::from(random.below(3000)) + 1));
            assert!(drawn.handed[before..].iter().all(|(_, message)| !done.contains(message)), "done once and for all");
            let now = drawn.now;
            let mut seen = BTreeSet::new();
            for held in drawn.held.values().flatten().filter(|held| held.until > now) {
                assert!(seen.insert(held.message), "{held:?} is out twice");
            }
        }
    }
}

#[test]
fn every_message_is_delivered_at_least_once() {
    for seed in 0..60 {
        let mut drawn = Drawn::new(seed, &kinds(seed), false);
        let mut random = Stream::named(seed, "subscribers", "deeds");
        (0..300).for_each(|_| deed(&mut drawn, &mut random, 4));
        (0..3).for_each(|link| drawn.call(|server, call| server.disconnect(Session::of_link(LinkId(link)), call)));
        drawn.held.clear();
        drawn.pass(Duration::from_secs(1000));
        drawn.subscribe(1, 3);
        for _ in 0..5000 {
            let held = std::mem::take(drawn.held.entry(1).or_default());
            for Held { tag, message, .. } in held {
                drawn.frame(1, SUBSCRIPTION, BrokerMessage::Ack { tag, multiple: false, about: message });
            }
            drawn.pass(Duration::from_millis(50));
        }
        assert_eq!(drawn.levels[&SUBSCRIPTION], (0, 0), "seed {seed}");
        let handed: BTreeSet<MessageId> = drawn.handed.iter().map(|(_, message)| *message).collect();
        assert_eq!(handed.len() as u32, drawn.sent, "none was lost");
    }
}

fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "t",
        "d",
        "s",
        "o",
        "x",
        "no",
        "a",
        "b",
        "1",
        "0",
        "600",
        "max=10",
        "wait=2s",
        "time=0s",
        "time=5",
        "snapshot=n",
        "create",
        "delete",
        "list",
        "n",
        "topic=t",
        "topic=d",
        "ordering-key=k",
        "attributes='{\"k\":\"v\"}'",
        "200",
        "500",
        "filter='attributes:k'",
        "enable-message-ordering=true",
        "enable-exactly-once-delivery=true",
        "push-endpoint=u",
        "dead-letter-topic=d",
        "max-delivery-attempts=5",
        "min-retry-delay=0",
        "retain-acked-messages=true",
        "max-outstanding=2",
        "expiration-period=8d",
        "message-retention-duration=600s",
        "late-acks=50",
        "auto-ack=true",
        "'",
        "=",
    ]);
    prop_oneof![8 => known.prop_map(str::to_string), 1 => "[ -~]{0,12}", 1 => any::<i64>().prop_map(|n| n.to_string())]
}

fn line() -> impl Strategy<Value = String> {
    let plain = [
        "wait 3s",
        "wait 11m",
        "restart",
        "kill main",
        "publish t a ordering-key=k",
        "publish t b",
        "pull o max=5",
        "nack o a",
        "ack o a",
    ];
    let verbs: Vec<&'static str> = WORDS.iter().map(|word| word.name).chain(plain).collect();
    (prop::sample::select(verbs), prop::collection::vec(word(), 0..5), any::<bool>()).prop_map(
        move |(verb, words, other)| {
            let client = if other { "one> " } else { "" };
            match plain.contains(&verb) {
                true => verb.to_string(),
                false => format!("{client}{verb} {}", words.join(" ")),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_script_at_the_console_breaks_it(lines in prop::collection::vec(line(), 1..60)) {
        let mut console = Console::new(pubsub::server(&Settings::default()), WORDS, 7);
        let setup = ["create-topic d", "create-topic t message-retention-duration=600", "create-subscription s topic=t",
            "create-subscription o topic=t enable-message-ordering=true dead-letter-topic=d", "create-subscription x topic=d"];
        let mut counted = 0;
        for line in setup.iter().copied().chain(lines.iter().map(String::as_str)) {
            let mut wrong = Vec::new();
            console.perform(line, &mut |json| {
                let error = &json["reply"]["error"];
                if !error.is_null() && error.as_str().is_none_or(str::is_empty) {
                    wrong.push(json);
                }
            });
            prop_assert!(wrong.is_empty(), "{:?}", wrong);
        }
        let mut held = 0;
        console.server().holds(&mut |_, _| held += 1);
        let mut names = Vec::new();
        console.perform("recover", &mut |_| ());
        console.perform("list-subscriptions", &mut |json| names.extend(json["reply"]["subscriptions"].as_array().cloned()));
        for name in names.into_iter().flatten() {
            console.perform(&format!("describe {}", name.as_str().unwrap_or_default()), &mut |json| {
                let described = &json["reply"];
                counted += ["waiting", "outstanding"].iter().map(|name| described[*name].as_u64().unwrap_or(0)).sum::<u64>();
            });
        }
        prop_assert_eq!(held, counted);
    }

    #[test]
    fn no_text_breaks_the_filter(text in "(attributes|hasPrefix|NOT|AND|OR|[ :.=!()\"\\\\,-]|[a-z\u{e4}\u{1f600}]){0,40}") {
        if let Err(error) = Filter::read(&text) {
            prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at) || error.at == 256);
        }
    }
}
