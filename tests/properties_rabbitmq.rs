//! RabbitMQ under random scripts: nothing makes it fall over, every copy stays accounted for, and it keeps its promises.
//!
//! Each script drives the server directly, so that the facts which it says can be compared with what it holds.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::{BTreeMap, BTreeSet};

use patchbay::kernel::rng::Stream;
use patchbay::model::broker::rabbitmq::{server, BROKER};
use patchbay::model::broker::server::{Call, Happened, Server, Session};
use patchbay::model::kind::settings;
use patchbay::vocabulary::{Duration, Fact, MessageId, NodeId, Time};
use serde_json::{json, Value as Json};

const NODE: NodeId = NodeId(7);
const VERSIONS: [&str; 3] = ["3.10", "4.0", "4.3"];

struct Lab {
    server: Box<dyn Server>,
    now: Time,
    choices: Stream,
    random: Stream,
    messages_made: u64,
    outcome: Vec<Happened>,
    /// Copies that the facts say are in queues.
    copies: BTreeMap<MessageId, i64>,
    level: (u32, u32),
    told: Vec<(Session, &'static str, Json)>,
}

impl Lab {
    fn new(version: &str, seed: u64) -> Lab {
        let settings = settings(BROKER.params, |name| (name == "version").then(|| json!(version)));
        Lab {
            server: server::server(&settings),
            now: Time::ZERO,
            choices: Stream::named(seed, "script", "test"),
            random: Stream::named(seed, "server", "test"),
            messages_made: 0,
            outcome: Vec::new(),
            copies: BTreeMap::new(),
            level: (0, 0),
            told: Vec::new(),
        }
    }

    fn call<R>(&mut self, about: impl FnOnce(&mut dyn Server, &mut Call) -> R) -> R {
        let mut call = Call {
            now: self.now,
            broker: NODE,
            slow_percent: 100,
            random: &mut self.random,
            messages_made: &mut self.messages_made,
            outcome: &mut self.outcome,
        };
        let answer = about(&mut *self.server, &mut call);
        self.read();
        answer
    }

    fn line(&mut self, client: u32, line: &str) -> Json {
        self.call(|server, call| server.execute(Session::of_console(client), "client", line, call))
    }

    fn wait(&mut self, milliseconds: u64) {
        let until = self.now + Duration::from_millis(milliseconds);
        while let Some(due) = self.server.next_due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.call(|server, call| server.on_due(call));
        }
        self.now = until;
    }

    /// Keeps the books by the facts alone.
    fn read(&mut self) {
        for happened in std::mem::take(&mut self.outcome) {
            match happened {
                Happened::Fact { node, message, fact } => {
                    assert_eq!(node, NODE, "nothing was drawn");
                    let change = match fact {
                        Fact::Enqueued { .. } => 1,
                        Fact::Acked { .. } | Fact::Discarded { .. } | Fact::DeadLettered { .. } => -1,
                        _ => 0,
                    };
                    let copies = self.copies.entry(message).or_default();
                    *copies += change;
                    assert!(*copies >= 0, "{message} leaves a queue that it is not in: {fact:?}");
                    if *copies == 0 {
                        self.copies.remove(&message);
                    }
                    self.level = fact.level().unwrap_or(self.level);
                }
                Happened::Told { session, word, body } => self.told.push((session, word, body)),
                Happened::Frame { .. } | Happened::Confirm { .. } => panic!("a console gets no frames"),
                Happened::Made(_) => {}
            }
        }
    }

    fn check(&self, story: &str) {
        let mut held: BTreeMap<MessageId, i64> = BTreeMap::new();
        self.server.holds(&mut |node, message| {
            assert_eq!(node, NODE);
            *held.entry(message).or_default() += 1;
        });
        assert_eq!(held, self.copies, "{story}");
        assert_eq!(i64::from(self.level.0 + self.level.1), held.values().sum::<i64>(), "{story}: the level");
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.choices.below(from.len() as u32) as usize]
    }
}

/// A declaration of the queue, with any arguments.
fn declaration(lab: &mut Lab, queue: &str) -> String {
    let spec = lab.pick(&[
        "",
        "durable=true",
        "durable=true x-queue-type=quorum x-delivery-limit=1 x-dead-letter-exchange='' x-dead-letter-routing-key=a",
        "x-max-length=2 x-dead-letter-exchange=x",
        "x-message-ttl=30 x-dead-letter-exchange='' x-dead-letter-routing-key=b",
        "x-max-priority=5",
        "x-single-active-consumer=true",
        "auto-delete=true",
        "exclusive=true",
        "x-expires=50",
        "x-max-length=1 x-overflow=reject-publish-dlx x-dead-letter-exchange='' x-dead-letter-routing-key=c",
        "x-max-length=-1",
        "x-unknown=1",
        "odd=1",
    ]);
    format!("declare queue {queue} {spec}")
}

/// One random line; most make sense, some do not.
fn random_line(lab: &mut Lab) -> String {
    let queue = lab.pick(&["a", "b", "c", "k", "missing"]);
    let exchange = lab.pick(&["''", "x", "t", "h", "missing"]);
    let number = lab.choices.below(12);
    let flag = lab.pick(&["true", "true", "false"]);
    match lab.choices.below(26) {
        0..=6 => {
            let option = lab.pick(&[
                "",
                "persistent=true",
                "priority=3",
                "expiration=40",
                "mandatory=true",
                "headers='{\"n\":1}'",
                "expiration=x",
            ]);
            format!("publish {exchange} {queue} m{number} {option}")
        }
        7 | 8 => {
            let option = lab.pick(&["", "auto-ack=true", "priority=2", "exclusive=true", "prefetch=2"]);
            format!("consume {queue} tag=t{} {option}", number % 4)
        }
        9 | 10 => format!("get {queue}"),
        11 | 12 => format!("ack {number} multiple={flag}"),
        13 | 14 => format!("nack {number} multiple={flag} requeue={}", lab.pick(&["true", "true", "false"])),
        15 => format!("reject {number} requeue={flag}"),
        16 => format!("cancel t{}", number % 4),
        17 => format!("qos {} global={flag}", number % 4),
        18 => format!("channel {}", number % 3),
        19 => lab.pick(&["close", "close channel", "confirm", "purge a", "depth a"]).to_string(),
        20 => declaration(lab, queue),
        21 => {
            let spec = lab.pick(&[
                "type=fanout",
                "type=topic alternate-exchange=x",
                "type=headers",
                "auto-delete=true",
                "type=odd",
            ]);
            format!("declare exchange {exchange} {spec}")
        }
        22 => format!(
            "bind queue {queue} {exchange} {} {}",
            lab.pick(&["a", "#", "''"]),
            lab.pick(&["", "n=1", "x-match=any"])
        ),
        23 => format!("bind exchange {exchange} {} #", lab.pick(&["x", "t", "h"])),
        24 => format!(
            "delete {}",
            lab.pick(&["queue a", "queue k if-empty=true", "exchange t", "exchange x if-unused=true"])
        ),
        _ => lab
            .pick(&["", "nonsense", "publish x", "ack", "ack x", "'open", "declare", "bind queue a", "qos 99999"])
            .to_string(),
    }
}

const SETUP: [&str; 10] = [
    "declare exchange x type=fanout durable=true",
    "declare exchange t type=topic",
    "declare exchange h type=headers",
    "declare queue a durable=true x-dead-letter-exchange=x",
    "declare queue b durable=true",
    "declare queue c durable=true x-max-length=3",
    "declare queue k durable=true x-queue-type=quorum",
    "bind queue a t a",
    "bind queue b x ''",
    "bind queue k h '' n=1",
];

#[test]
fn random_scripts_keep_every_copy_accounted_for() {
    let mut answered: BTreeSet<String> = BTreeSet::new();
    for seed in 0..150 {
        let mut lab = Lab::new(VERSIONS[seed as usize % 3], seed);
        let mut story = String::new();
        SETUP.iter().for_each(|line| assert!(lab.line(0, line).get("error").is_none(), "{line}"));
        for _ in 0..250 {
            let client = lab.choices.below(3);
            match lab.choices.below(40) {
                0 => {
                    story.push_str("kill\n");
                    lab.call(|server, call| server.disconnect(Session::of_console(client), call));
                }
                1 => {
                    story.push_str("restart\n");
                    lab.call(|server, call| server.crash(call));
                    lab.check(&story);
                    lab.call(|server, call| server.recover(call));
                }
                2..=5 => {
                    story.push_str("wait\n");
                    lab.wait(25);
                }
                _ => {
                    let line = random_line(&mut lab);
                    story.push_str(&format!("{client}> {line}\n"));
                    let answer = lab.line(client, &line);
                    answered.insert(answer["error"].as_str().unwrap_or("ok").to_string());
                }
            }
            lab.check(&story);
        }
        (0..3).for_each(|client| lab.call(|server, call| server.disconnect(Session::of_console(client), call)));
        lab.check(&story);
        assert_eq!(lab.level.1, 0, "{story}: nobody is left to hold anything");
    }
    let told: Vec<&str> = answered.iter().map(String::as_str).collect();
    for code in ["ok", "403", "404", "405", "406", "503", "530", "540", "syntax"] {
        assert!(told.contains(&code), "{code} was never answered: {told:?}");
    }
}

/// Clients that consume one queue, and what they hold.
#[derive(Default)]
struct Clients {
    subscribed: BTreeSet<u32>,
    /// Client, delivery tag and body.
    open: Vec<(u32, u64, String)>,
}

impl Clients {
    fn subscribe(&mut self, client: u32, lab: &mut Lab) {
        if self.subscribed.insert(client) {
            let answer = lab.line(client, "consume q prefetch=3");
            assert!(answer.get("consumer").is_some(), "{answer}");
        }
    }

    /// Takes one of the client's deliveries, by chance.
    fn take(&mut self, client: u32, lab: &mut Lab) -> Option<(u64, String)> {
        let own: Vec<usize> = (0..self.open.len()).filter(|index| self.open[*index].0 == client).collect();
        let index = *own.get(lab.choices.below(own.len().max(1) as u32) as usize)?;
        let (_, tag, body) = self.open.remove(index);
        Some((tag, body))
    }

    fn kill(&mut self, client: u32, lab: &mut Lab) {
        lab.call(|server, call| server.disconnect(Session::of_console(client), call));
        self.subscribed.remove(&client);
        self.open.retain(|(of, ..)| *of != client);
    }

    /// The deliveries since the last look.
    fn read(&mut self, lab: &mut Lab) -> Vec<Json> {
        let mut deliveries = Vec::new();
        for (session, word, body) in std::mem::take(&mut lab.told) {
            assert_eq!(word, "delivery", "{body}");
            let client = (1..4).find(|client| Session::of_console(*client) == session).expect("a consumer");
            let text = body["body"].as_str().expect("a text").to_string();
            self.open.push((client, body["tag"].as_u64().expect("a tag"), text));
            deliveries.push(body);
        }
        assert_eq!(self.open.len(), lab.level.1 as usize, "clients and server agree on what is held");
        deliveries
    }
}

/// The bodies are numbers in the order of publishing; consumers may come, go and give back as they like.
#[test]
fn first_deliveries_of_a_queue_keep_the_order_of_publishing() {
    for (seed, spec) in (0..60).zip(["durable=true", "durable=true x-queue-type=quorum"].into_iter().cycle()) {
        let mut lab = Lab::new("3.10", seed);
        lab.line(0, &format!("declare queue q {spec}"));
        let (mut made, mut seen, mut clients) = (0, BTreeSet::new(), Clients::default());
        for _ in 0..400 {
            let client = 1 + lab.choices.below(3);
            match lab.choices.below(10) {
                0..=3 => {
                    made += 1;
                    lab.line(0, &format!("publish '' q {made}"));
                }
                4 => clients.subscribe(client, &mut lab),
                9 => clients.kill(client, &mut lab),
                answer => {
                    if let Some((tag, _)) = clients.take(client, &mut lab) {
                        let word = if answer < 8 { "ack" } else { "nack" };
                        lab.line(client, &format!("{word} {tag}"));
                    }
                }
            }
            for body in clients.read(&mut lab) {
                let number: u64 = body["body"].as_str().and_then(|body| body.parse().ok()).expect("a number");
                let is_first = seen.insert(number);
                assert_eq!(is_first, body["redelivered"] == false, "{body}");
                assert!(!is_first || seen.range(number + 1..).next().is_none(), "{number} came late");
            }
        }
        assert!(seen.len() > 20, "enough was delivered");
    }
}

/// At least once: persistent messages in a durable queue, acknowledged only after they were seen, survive everything.
#[test]
fn what_was_not_acknowledged_comes_again_whatever_fails() {
    for seed in 0..60 {
        let mut lab = Lab::new(VERSIONS[seed as usize % 3], seed);
        lab.line(0, "declare queue q durable=true");
        let (mut made, mut acknowledged, mut clients) = (0, BTreeSet::new(), Clients::default());
        for _ in 0..300 {
            let client = 1 + lab.choices.below(3);
            match lab.choices.below(12) {
                0..=3 => {
                    made += 1;
                    lab.line(0, &format!("publish '' q m{made} persistent=true"));
                }
                4 | 5 => clients.subscribe(client, &mut lab),
                6..=8 => {
                    if let Some((tag, body)) = clients.take(client, &mut lab) {
                        lab.line(client, &format!("ack {tag}"));
                        assert!(acknowledged.insert(body), "it was forgotten when it was acknowledged");
                    }
                }
                9 => clients.kill(client, &mut lab),
                10 => {
                    lab.call(|server, call| server.crash(call));
                    lab.call(|server, call| server.recover(call));
                    clients = Clients::default();
                }
                _ => lab.wait(1_000),
            }
            clients.read(&mut lab);
        }
        (1..4).for_each(|client| clients.kill(client, &mut lab));
        let mut left = BTreeSet::new();
        while let Some(body) = lab.line(9, "get q auto-ack=true")["body"].as_str() {
            left.insert(body.to_string());
        }
        let all: BTreeSet<String> = (1..=made).map(|number| format!("m{number}")).collect();
        assert!(acknowledged.len() > 10, "enough was acknowledged");
        assert!(acknowledged.is_disjoint(&left));
        assert_eq!(acknowledged.union(&left).cloned().collect::<BTreeSet<_>>(), all, "seed {seed}");
    }
}
