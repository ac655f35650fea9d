//! What SQS promises, under random use: scripts at the console that are wrong half of the time, and clients of the
//! drawing that lose their connections.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use patchbay::kernel::rng::Stream;
use patchbay::model::broker::console::Console;
use patchbay::model::broker::profile::sqs::WORDS;
use patchbay::model::broker::server::{Call, Happened, Server, Session};
use patchbay::model::broker::sqs;
use patchbay::model::kind;
use patchbay::vocabulary::{
    BrokerMessage, Content, Duration, Fact, LinkId, MessageId, NodeId, Settings, Time, Value, WireId,
};
use proptest::prelude::*;
use serde_json::Value as Json;

const BROKER: NodeId = NodeId(1);
const QUEUE: NodeId = NodeId(2);
const DEAD: NodeId = NodeId(3);
const PRODUCER: NodeId = NodeId(10);

/// A drawn queue with a dead-letter queue, and the books that its facts keep.
struct Drawn {
    server: Box<dyn Server>,
    random: Stream,
    now: Time,
    made: u64,
    sent: u32,
    /// Copies at each node by what the facts say.
    books: BTreeMap<NodeId, BTreeMap<MessageId, i64>>,
    levels: BTreeMap<NodeId, (u32, u32)>,
    /// What each client holds: tag and message.
    held: BTreeMap<u32, Vec<(u64, MessageId)>>,
    /// Messages in the order in which they were handed out, with the time, by group.
    handed: Vec<(Rc<str>, MessageId)>,
}

fn settings_of(pairs: &[(&'static str, Value)]) -> Settings {
    let mut settings = kind::settings(sqs::QUEUE.params, |_| None);
    pairs.iter().for_each(|(name, value)| settings.set(name, value.clone()));
    settings
}

impl Drawn {
    fn new(seed: u64, is_fifo: bool, max_receives: i64) -> Drawn {
        let mut drawn = Drawn {
            server: sqs::server(&Settings::default()),
            random: Stream::named(seed, "sqs", "properties"),
            now: Time::ZERO,
            made: 0,
            sent: 0,
            books: BTreeMap::new(),
            levels: BTreeMap::new(),
            held: BTreeMap::new(),
            handed: Vec::new(),
        };
        for (node, name) in [(QUEUE, "q"), (DEAD, "d")] {
            let settings = settings_of(&[
                ("name", Value::Text(name.into())),
                ("FifoQueue", Value::Toggle(is_fifo)),
                ("VisibilityTimeout", Value::Duration(Duration::from_secs(2))),
            ]);
            drawn.call(|server, call| server.declare(node, "sqs_queue", &settings, call));
        }
        let mut policy = Settings::default();
        policy.set("maxReceiveCount", Value::Integer(max_receives));
        drawn.call(|server, call| server.join(WireId(1), QUEUE, DEAD, &policy, call));
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
                assert!((0..=1).contains(copies), "{fact:?}");
                if let Some(level) = fact.level() {
                    self.levels.insert(node, level);
                }
            }
            Happened::Frame { session, frame: BrokerMessage::Deliver { tag, content, .. }, .. } => {
                let link = session.link().expect("a link").0;
                let held = self.held.entry(link).or_default();
                assert!(held.iter().all(|(other, _)| *other < tag), "tags ascend");
                held.push((tag, content.id));
                self.handed.push((content.routing_key.clone(), content.id));
            }
            _ => {}
        }
    }

    fn frame(&mut self, link: u32, frame: BrokerMessage) {
        let session = Session::of_link(LinkId(link));
        self.call(|server, call| server.receive(session, NodeId(20 + link), QUEUE, frame, call));
    }

    fn publish(&mut self, group: &str) {
        self.sent += 1;
        let content = Content {
            id: MessageId { origin: PRODUCER, number: self.sent },
            routing_key: group.into(),
            headers: Rc::from([]),
            payload: "body".into(),
            persistent: true,
            priority: None,
            expiration: None,
            created: self.now,
        };
        self.frame(9, BrokerMessage::Publish(Rc::new(content)));
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
        let mut held: BTreeMap<NodeId, u32> = BTreeMap::new();
        let mut copies: BTreeSet<(NodeId, MessageId)> = BTreeSet::new();
        self.server.holds(&mut |node, message| {
            *held.entry(node).or_default() += 1;
            assert!(copies.insert((node, message)), "each once");
        });
        for (node, level) in &self.levels {
            assert_eq!(level.0 + level.1, held.get(node).copied().unwrap_or(0), "{level:?}");
            let books = &self.books[node];
            assert_eq!(books.values().sum::<i64>(), i64::from(level.0 + level.1));
            assert!(books.iter().all(|(message, count)| (*count == 1) == copies.contains(&(*node, *message))));
        }
    }
}

/// One random deed of a client: pull, delete, nack, extend, lose the connection, or let time pass.
fn deed(drawn: &mut Drawn, random: &mut Stream, groups: u32) {
    let link = random.below(3);
    let about = MessageId::NONE;
    match random.below(9) {
        0..=2 => drawn.publish(&format!("g{}", random.below(groups))),
        3 | 4 => {
            let wait = Duration::from_secs(u64::from(random.below(3)));
            drawn.frame(link, BrokerMessage::Pull { max: 1 + random.below(5) as u16, wait, settled: 0, holds: true });
        }
        5 | 6 => {
            let held = drawn.held.entry(link).or_default();
            if !held.is_empty() {
                let (tag, _) = held.remove(random.below(held.len() as u32) as usize);
                let frame = match random.below(4) {
                    0 => BrokerMessage::Nack { tag, multiple: false, requeue: random.chance(0.5), about },
                    1 => BrokerMessage::Extend { tag, by: Duration::from_secs(3) },
                    _ => BrokerMessage::Ack { tag, multiple: false, about },
                };
                drawn.frame(link, frame);
            }
        }
        7 => {
            drawn.held.remove(&link);
            drawn.call(|server, call| server.disconnect(Session::of_link(LinkId(link)), call));
        }
        _ => drawn.pass(Duration::from_millis(u64::from(random.below(3000)))),
    }
}

#[test]
fn books_and_levels_agree_whatever_clients_do() {
    for seed in 0..60 {
        let mut drawn = Drawn::new(seed, seed % 2 == 0, 3);
        let mut random = Stream::named(seed, "clients", "deeds");
        for step in 0..600 {
            deed(&mut drawn, &mut random, 4);
            if step % 20 == 0 {
                drawn.check();
            }
        }
        drawn.check();
        drawn.call(|server, call| server.remove(QUEUE, call));
        assert!(drawn.books[&QUEUE].values().all(|copies| *copies == 0), "what was in it is accounted for");
    }
}

/// A message is handed out before all later ones of its group, unless it was a dead letter by then.
#[test]
fn a_group_of_a_fifo_queue_keeps_its_order() {
    for seed in 0..60 {
        let mut drawn = Drawn::new(seed, true, 1000);
        let mut random = Stream::named(seed, "clients", "deeds");
        (0..600).for_each(|_| deed(&mut drawn, &mut random, 3));
        let mut first: BTreeMap<Rc<str>, Vec<MessageId>> = BTreeMap::new();
        for (group, message) in &drawn.handed {
            let order = first.entry(group.clone()).or_default();
            if !order.contains(message) {
                assert!(order.last().is_none_or(|last| last < message), "{message:?} of {group}");
                order.push(*message);
            }
        }
        assert!(drawn.handed.len() > 50);
    }
}

/// While a message of a group is in flight no other receive gets one of that group.
#[test]
fn nobody_gets_a_message_of_a_locked_group() {
    for seed in 0..40 {
        let mut drawn = Drawn::new(seed, true, 1000);
        let mut random = Stream::named(seed, "locks", "deeds");
        let mut holder: BTreeMap<Rc<str>, (u32, Time)> = BTreeMap::new();
        for _ in 0..400 {
            if random.chance(0.6) {
                drawn.publish(&format!("g{}", random.below(3)));
            }
            let link = random.below(3);
            let before = drawn.handed.len();
            drawn.frame(link, BrokerMessage::Pull { max: 2, wait: Duration::ZERO, settled: 0, holds: true });
            for (group, _) in &drawn.handed[before..] {
                // Nothing is deleted, so the lock holds as long as the visibility timeout of two seconds.
                if let Some((other, until)) = holder.get(group) {
                    assert!(*until <= drawn.now || *other == link, "{group}");
                }
                holder.insert(group.clone(), (link, drawn.now + Duration::from_secs(2)));
            }
            drawn.pass(Duration::from_millis(u64::from(random.below(700)) + 1));
        }
    }
}

/// Whatever was lost on the way, the last deletes leave nothing, and nothing was left out.
#[test]
fn every_message_is_handed_out_at_least_once() {
    for seed in 0..40 {
        let mut drawn = Drawn::new(seed, seed % 2 == 0, 1000);
        let mut random = Stream::named(seed, "clients", "deeds");
        (0..300).for_each(|_| deed(&mut drawn, &mut random, 4));
        drawn.pass(Duration::from_secs(30));
        for _ in 0..1000 {
            drawn.held.clear();
            drawn.frame(1, BrokerMessage::Pull { max: 10, wait: Duration::ZERO, settled: 0, holds: true });
            for (tag, about) in drawn.held.remove(&1).unwrap_or_default() {
                drawn.frame(1, BrokerMessage::Ack { tag, multiple: false, about });
            }
        }
        assert_eq!(drawn.levels[&QUEUE], (0, 0));
        let handed: BTreeSet<MessageId> = drawn.handed.iter().map(|(_, message)| *message).collect();
        assert_eq!(handed.len() as u32, drawn.sent, "none was lost");
    }
}

/// A word of a random line: mostly one that means something.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "q",
        "q.fifo",
        "d",
        "no",
        "a",
        "b",
        "1",
        "0",
        "-1",
        "43200",
        "MaxNumberOfMessages=10",
        "WaitTimeSeconds=2",
        "VisibilityTimeout=0",
        "MessageGroupId=A",
        "MessageDeduplicationId=x",
        "DelaySeconds=1",
        "handle=-1",
        "handle=9",
        "[{\"Id\":\"1\",\"MessageBody\":\"a\"}]",
        "[]",
        "{\"redrivePermission\":\"denyAll\"}",
        "FifoQueue=true",
        "RedrivePolicy='{\"deadLetterTargetArn\":\"d\",\"maxReceiveCount\":1}'",
        "MessageRetentionPeriod=60",
        "=",
        "'",
        "ReceiveRequestAttemptId=r",
        "MessageAttributes='{\"k\":{\"StringValue\":\"v\"}}'",
        "DestinationArn=q",
    ]);
    prop_oneof![8 => known.prop_map(str::to_string), 1 => "[ -~]{0,12}", 1 => any::<i64>().prop_map(|n| n.to_string())]
}

fn line() -> impl Strategy<Value = String> {
    let verbs: Vec<&'static str> =
        WORDS.iter().map(|word| word.name).chain(["wait 700ms", "restart", "kill main"]).collect();
    (prop::sample::select(verbs), prop::collection::vec(word(), 0..5)).prop_map(|(verb, words)| match verb {
        "wait 700ms" | "restart" | "kill main" => verb.to_string(),
        verb => format!("{verb} {}", words.join(" ")),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_script_at_the_console_breaks_it(lines in prop::collection::vec(line(), 1..60)) {
        let mut console = Console::new(sqs::server(&Settings::default()), WORDS, 7);
        let setup = ["create-queue d", "create-queue q VisibilityTimeout=1", "create-queue q.fifo FifoQueue=true"];
        let mut answers: Vec<Json> = Vec::new();
        for line in setup.iter().copied().chain(lines.iter().map(String::as_str)) {
            answers.clear();
            console.perform(line, &mut |json| answers.push(json));
            for answer in &answers {
                let error = &answer["reply"]["error"];
                prop_assert!(error.is_null() || error.as_str().is_some_and(|code| !code.is_empty()));
            }
        }
        let mut count = 0u64;
        console.server().holds(&mut |_, _| count += 1);
        let mut counted = 0;
        console.perform("list-queues", &mut |json| answers = vec![json]);
        if let Some(queues) = answers[0]["reply"]["queues"].as_array().cloned() {
            for queue in queues {
                console.perform(&format!("counts {}", queue.as_str().unwrap_or_default()), &mut |json| {
                    let counts = &json["reply"];
                    counted += ["visible", "in_flight", "delayed"].iter().map(|name| counts[*name].as_u64().unwrap_or(0)).sum::<u64>();
                });
            }
            prop_assert_eq!(count, counted);
        }
    }
}
