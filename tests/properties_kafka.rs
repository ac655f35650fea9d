//! Promises of the Kafka server that hold whatever happens: random console scripts with wrong arguments and faults, and
//! clients of a drawing, driven frame by frame and accounted for copy by copy.
#![cfg(not(target_arch = "wasm32"))]

mod kafka_world;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kafka_world::{list, World};
use patchbay::kernel::rng::Stream;
use patchbay::model::broker::kafka::{server, GROUP_KIND, HOST_PARAMS, TOPIC_KIND};
use patchbay::model::broker::server::{Call, Happened, Server, Session};
use patchbay::model::kind::{settings, ParamSpec};
use patchbay::vocabulary::{
    BrokerMessage, Content, Duration, Fact, LinkId, MessageId, NodeId, Settings, Time, Value, WireId,
};
use serde_json::{json, Value as Json};

const SCRIPTS: u64 = 150;
const LINES: usize = 120;

fn pick<'a>(random: &mut Stream, from: &[&'a str]) -> &'a str {
    from[random.below(from.len() as u32) as usize]
}

/// A line of an administrator about brokers and groups, that may be wrong in any way.
fn line_of_an_administrator(random: &mut Stream, partition: &str) -> String {
    let number = random.below(12);
    let words = [
        format!("stop broker {}", number % 5),
        format!("start broker {}", number % 5),
        format!("slow follower {}", number % 5),
        format!("isolate broker {}", number % 5),
        format!("stop broker {} clean", number % 5),
        format!("reassign {partition} {}", pick(random, &["1", "2,3", "3,1,2", "4", "cancel", ""])),
        format!("elect-leaders {}", pick(random, &["all", "t-0", "u-0", "x"])),
        format!("coordinator {}", pick(random, &["g", "h", ""])),
        format!("subscribe pattern={} group=g", pick(random, &["t", ".*", "[tu]", "("])),
    ];
    words[random.below(words.len() as u32) as usize].clone()
}

/// A line that may be wrong in any way.
fn line(random: &mut Stream) -> String {
    let client = pick(random, &["a", "b", "c", "d"]);
    let topic = pick(random, &["t", "u", "t", "u", "nowhere", "", "a b"]);
    let partition = pick(random, &["t-0", "t-1", "u-0", "u-9", "t", "-", "nowhere-0"]);
    let number = random.below(12);
    let words = [
        format!("produce {topic} v{number} key=k{number}"),
        format!("produce {topic} v{number}"),
        format!("produce t v{number} partition={number}"),
        format!("produce t v acks={}", pick(random, &["0", "1", "all", "x"])),
        format!("subscribe {topic} group={}", pick(random, &["g", "h", ""])),
        "subscribe t u group=g auto.offset.reset=earliest".into(),
        format!(
            "config partition.assignment.strategy={}",
            pick(random, &["range", "sticky", "cooperative-sticky", "no"])
        ),
        format!("config group.protocol={}", pick(random, &["classic", "consumer"])),
        format!("config group.instance.id={}", pick(random, &["", "i", "j"])),
        format!("config enable.auto.commit={}", pick(random, &["true", "false", "perhaps"])),
        format!("config isolation.level={}", pick(random, &["read_committed", "read_uncommitted"])),
        format!("config linger.ms={}", number * 10),
        format!("config transactional.id={}", pick(random, &["", "tx", "ty"])),
        format!("poll max={number} timeout={}", pick(random, &["0", "5s", "1h", "-1"])),
        "poll timeout=10s".into(),
        "poll timeout=0".into(),
        "commit sync".into(),
        format!("commit {partition}={number}"),
        format!("seek {partition} {number}"),
        format!("seek {partition} {}", pick(random, &["beginning", "end", "x"])),
        format!("assign {partition}"),
        format!("pause {partition}"),
        format!("resume {partition}"),
        "position".into(),
        format!("committed {partition}"),
        "close".into(),
        "unsubscribe".into(),
        "init-transactions".into(),
        "begin".into(),
        "send-offsets".into(),
        format!("send-offsets group=g {partition}={number}"),
        "commit-transaction".into(),
        "abort-transaction".into(),
        "flush".into(),
        "resend".into(),
        format!("produce-raw {partition} v producer.id={number} sequence={number}"),
        format!("delete-records {partition} {number}"),
        format!("add-partitions {topic} {number}"),
        format!("create-topic {topic} partitions={number} replication.factor={}", number % 4),
        format!("alter-topic t retention.ms={}", number * 10_000),
        "commit async".into(),
        format!("describe-group {}", pick(random, &["g", "h", "none", ""])),
        "describe t".into(),
        format!("log {partition}"),
        format!("reset-offsets g {partition}={number}"),
        "delete-topic u".into(),
        "\"open".into(),
        "nonsense 1 2=3".into(),
    ];
    match random.below(24) {
        0 => format!("kill {client}"),
        1 => "restart".into(),
        8..=11 => format!("{client}> {}", line_of_an_administrator(random, partition)),
        2..=7 => format!("wait {}", pick(random, &["10ms", "1s", "4s", "11s", "50s", "6m"])),
        _ => format!("{client}> {}", words[random.below(words.len() as u32) as usize]),
    }
}

/// The shares of a group's members never overlap, and the log's offsets are in order.
fn check(world: &mut World) {
    for group in ["g", "h"] {
        let answer = world.ask(&format!("checker> describe-group {group}"));
        let Some(members) = answer["members"].as_array() else { continue };
        if answer["state"] == "Stable" {
            let all: Vec<String> = members.iter().flat_map(|member| list(&member["assignment"])).collect();
            let once: BTreeSet<&String> = all.iter().collect();
            assert_eq!(all.len(), once.len(), "a partition has one reader of a group: {answer}");
        }
    }
    for topic in ["t", "u"] {
        let answer = world.ask(&format!("checker> describe {topic}"));
        for one in answer["partitions"].as_array().into_iter().flatten() {
            let offset = |name: &str| one[name].as_u64().expect("an offset");
            let marks = ["log_start_offset", "last_stable_offset", "high_watermark", "log_end_offset"].map(offset);
            assert!(marks[2] <= marks[3] && marks[1] <= marks[2] && marks[0] <= marks[3], "{answer}");
            let log = world.ask(&format!("checker> log {topic}-{}", one["partition"]));
            let offsets: Vec<u64> = log["records"]
                .as_array()
                .expect("records")
                .iter()
                .map(|record| record["offset"].as_u64().expect("one"))
                .collect();
            assert!(offsets.is_sorted_by(|first, second| first < second), "{offsets:?}");
        }
    }
}

#[test]
fn no_script_breaks_the_server() {
    let mut answered = 0;
    for seed in 0..SCRIPTS {
        let mut random = Stream::named(seed, "script", "lines");
        let mut world = World::seeded(seed, &["create-topic t partitions=2 replication.factor=3", "create-topic u"]);
        for _ in 0..LINES {
            let line = line(&mut random);
            let answer = world.ask(&line);
            if let Some(error) = answer.get("error") {
                assert!(error.as_str().is_some_and(|code| !code.is_empty()), "{line}: {answer}");
                let is_console = answer.get("text").is_none();
                assert!(is_console || !answer["text"].as_str().unwrap_or_default().is_empty(), "{line}: {answer}");
            } else {
                answered += 1;
            }
            check(&mut world);
        }
    }
    assert!(answered > 5_000, "most lines do something: {answered}");
}

#[test]
fn the_same_script_gives_the_same_answers() {
    let run = |seed: u64| {
        let mut random = Stream::named(seed, "script", "lines");
        let mut world = World::seeded(3, &["create-topic t partitions=2 replication.factor=3"]);
        let answers: Vec<Json> = (0..LINES).map(|_| world.ask(&line(&mut random))).collect();
        answers
    };
    assert_eq!(run(5), run(5));
}

const BROKER: NodeId = NodeId(1);
const TOPIC: NodeId = NodeId(2);
const GROUP: NodeId = NodeId(3);

fn with(params: &'static [ParamSpec], name: &str, values: Json) -> Settings {
    let mut settings = settings(params, |name| values.get(name).cloned());
    settings.set("name", Value::Text(name.into()));
    settings
}

/// A copy as the books know it: never handed out, in somebody's hands, came back.
type Copies = (i64, i64, i64);

/// Drives a server as the host would, and keeps books of every fact.
struct Canvas {
    server: Box<dyn Server>,
    now: Time,
    random: Stream,
    made: u64,
    books: BTreeMap<(NodeId, MessageId), Copies>,
    levels: BTreeMap<NodeId, (u32, u32)>,
    frames: Vec<(Session, BrokerMessage)>,
    committed: BTreeMap<u32, u32>,
    sought: BTreeMap<u32, u32>,
    acked: BTreeSet<MessageId>,
    dropped: BTreeSet<MessageId>,
}

impl Canvas {
    fn new(seed: u64, host: Json, topic: Json, group: Json) -> Canvas {
        let mut canvas = Canvas {
            server: server(&with(HOST_PARAMS, "kafka", host)),
            now: Time::ZERO,
            random: Stream::named(seed, "canvas", "choices"),
            made: 0,
            books: BTreeMap::new(),
            levels: BTreeMap::new(),
            frames: Vec::new(),
            committed: BTreeMap::new(),
            sought: BTreeMap::new(),
            acked: BTreeSet::new(),
            dropped: BTreeSet::new(),
        };
        let (topic, group) = (with(TOPIC_KIND.params, "t", topic), with(GROUP_KIND.params, "g", group));
        canvas.call(|server, call| {
            server.declare(TOPIC, TOPIC_KIND.name, &topic, call);
            server.declare(GROUP, GROUP_KIND.name, &group, call);
            server.join(WireId(1), TOPIC, GROUP, &Settings::default(), call);
        });
        canvas
    }

    fn call<R>(&mut self, about: impl FnOnce(&mut dyn Server, &mut Call) -> R) -> R {
        let mut outcome = Vec::new();
        let mut call = Call {
            now: self.now,
            broker: BROKER,
            slow_percent: 100,
            random: &mut self.random,
            messages_made: &mut self.made,
            outcome: &mut outcome,
        };
        let answer = about(&mut *self.server, &mut call);
        for happened in outcome {
            match happened {
                Happened::Fact { node, message, fact } => self.note(node, message, fact),
                Happened::Frame { session, frame, .. } => self.frames.push((session, frame)),
                Happened::Told { .. } | Happened::Made(_) | Happened::Confirm { .. } => {}
            }
        }
        answer
    }

    /// The books of `model/checker`: what may become of a copy.
    fn note(&mut self, node: NodeId, message: MessageId, fact: Fact) {
        let (fresh, out, back) = self.books.entry((node, message)).or_default();
        match fact {
            Fact::Enqueued { .. } => *fresh += 1,
            Fact::Leased { .. } => (*fresh, *out) = (*fresh - 1, *out + 1),
            Fact::Redelivered { .. } => (*back, *out) = (*back - 1, *out + 1),
            Fact::Requeued { .. } | Fact::LeaseExpired { .. } => (*out, *back) = (*out - 1, *back + 1),
            Fact::Acked { .. } => *out -= 1,
            Fact::Discarded { .. } | Fact::Trimmed { .. } => match (*out, *back) {
                (1.., _) => *out -= 1,
                (_, 1..) => *back -= 1,
                _ => *fresh -= 1,
            },
            _ => {}
        }
        assert!(*fresh >= 0 && *out >= 0 && *back >= 0, "{fact:?} about {message:?}: {fresh} {out} {back}");
        match fact {
            Fact::Enqueued { ready, unacked }
            | Fact::Leased { ready, unacked, .. }
            | Fact::Redelivered { ready, unacked, .. }
            | Fact::Requeued { ready, unacked }
            | Fact::LeaseExpired { ready, unacked }
            | Fact::Acked { ready, unacked, .. }
            | Fact::Nacked { ready, unacked, .. }
            | Fact::Discarded { ready, unacked }
            | Fact::Trimmed { ready, unacked } => {
                self.levels.insert(node, (ready, unacked));
            }
            Fact::Committed { partition, offset, .. } => {
                let before = self.committed.insert(partition, offset).unwrap_or(0);
                assert!(before <= offset, "a commit never goes back: {before} to {offset}");
            }
            Fact::Sought { partition, offset } => {
                self.sought.insert(partition, offset);
            }
            Fact::Dropped { .. } => {
                self.dropped.insert(message);
            }
            _ => {}
        }
        if let (Fact::Acked { .. }, GROUP) = (fact, node) {
            self.acked.insert(message);
        }
    }

    fn check(&mut self) {
        let mut held: BTreeMap<(NodeId, MessageId), i64> = BTreeMap::new();
        let mut totals: BTreeMap<NodeId, u32> = BTreeMap::new();
        self.server.holds(&mut |node, message| {
            *held.entry((node, message)).or_default() += 1;
            *totals.entry(node).or_default() += 1;
        });
        for (key, (fresh, out, back)) in &self.books {
            assert_eq!(fresh + out + back, held.get(key).copied().unwrap_or(0), "{key:?}");
        }
        for (node, (ready, unacked)) in &self.levels {
            assert_eq!(ready + unacked, totals.get(node).copied().unwrap_or(0), "the level of {node:?}");
        }
    }

    fn advance(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(due) = self.server.next_due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.call(|server, call| server.on_due(call));
        }
        self.now = until;
    }

    fn send(&mut self, link: u32, place: NodeId, frame: BrokerMessage) {
        let client = NodeId(100 + link);
        self.call(|server, call| server.receive(Session::of_link(LinkId(link)), client, place, frame, call));
    }

    /// A line of the console.
    fn operate(&mut self, line: &str) {
        let answer = self.call(|server, call| server.execute(Session::of_console(0), "main", line, call));
        assert!(answer.get("error").is_none(), "{line}: {answer}");
    }

    fn publish(&mut self, link: u32, number: u32, key: &str) -> MessageId {
        let id = MessageId { origin: NodeId(100 + link), number };
        let content = Content {
            id,
            routing_key: key.into(),
            headers: Rc::from([]),
            payload: "body".into(),
            persistent: true,
            priority: None,
            expiration: None,
            created: self.now,
        };
        let before = self.books.len() + self.dropped.len();
        self.send(link, TOPIC, BrokerMessage::Publish(Rc::new(content)));
        assert!(self.books.len() + self.dropped.len() > before, "something is said of {id:?}");
        id
    }
}

fn subscribe() -> BrokerMessage {
    BrokerMessage::Subscribe { prefetch: 0, auto_ack: false, priority: 0 }
}

/// A consumer of the drawing, as far as the server sees it.
#[derive(Default)]
struct Hands {
    connected: bool,
    asked: bool,
    held: Vec<(u64, MessageId)>,
}

/// Breaks or mends one broker, as long as the two others are well; or moves what can be moved.
fn trouble(canvas: &mut Canvas, random: &mut Stream, broken: &mut Option<u32>) {
    let line = match broken.take() {
        Some(broker) => format!("start broker {broker}"),
        None => {
            let broker = 1 + random.below(3);
            let others = format!("{},{}", 1 + broker % 3, 1 + (broker + 1) % 3);
            let lines = [
                format!("stop broker {broker}"),
                format!("stop broker {broker} clean"),
                format!("isolate broker {broker}"),
                format!("slow follower {broker} lag=5s"),
                "elect-leaders all".into(),
                format!("reassign t-0 {broker},{others}"),
                format!("reassign t-0 {others},{broker}"),
            ];
            let which = random.below(lines.len() as u32) as usize;
            *broken = (which < 4).then_some(broker);
            lines[which].clone()
        }
    };
    canvas.operate(&line);
}

fn run(seed: u64, host: Json, topic: Json, group: Json, breaks: bool) {
    let mut broken = None;
    let mut canvas = Canvas::new(seed, host, topic, group);
    let mut random = Stream::named(seed, "canvas", "script");
    let mut published = BTreeSet::new();
    let mut numbers = 0;
    let mut hands: BTreeMap<u32, Hands> = (10..13).map(|link| (link, Hands::default())).collect();
    for _ in 0..400 {
        match random.below(20) {
            0..=6 => {
                numbers += 1;
                let key = pick(&mut random, &["", "a", "b", "c"]);
                published.insert(canvas.publish(1 + random.below(2), numbers, key));
            }
            7..=9 => canvas.advance(Duration::from_millis(u64::from(random.below(2_000)))),
            10 => canvas.advance(Duration::from_secs(u64::from(random.below(60)))),
            11 => {
                let (link, hand) = hands.iter_mut().nth(random.below(3) as usize).expect("three consumers");
                if std::mem::replace(&mut hand.connected, false) && random.chance(0.5) {
                    *hand = Hands::default();
                    canvas.call(|server, call| server.disconnect(Session::of_link(LinkId(*link)), call));
                } else {
                    hand.connected = true;
                    hand.asked = false;
                    canvas.send(*link, GROUP, subscribe());
                }
            }
            13 if breaks => trouble(&mut canvas, &mut random, &mut broken),
            12 if !breaks && random.chance(0.2) => {
                canvas.call(|server, call| server.crash(call));
                canvas.call(|server, call| server.recover(call));
                for (link, hand) in hands.iter_mut().filter(|(_, hand)| hand.connected) {
                    *hand = Hands { connected: true, ..Hands::default() };
                    canvas.send(*link, GROUP, subscribe());
                }
            }
            _ => {
                let (link, hand) = hands.iter_mut().nth(random.below(3) as usize).expect("three consumers");
                if !hand.connected {
                    continue;
                }
                if !hand.asked {
                    hand.asked = true;
                    let wait = Duration::from_millis(u64::from(random.below(5_000)));
                    canvas.send(
                        *link,
                        GROUP,
                        BrokerMessage::Pull { max: 1 + random.below(5) as u16, wait, settled: 0, holds: true },
                    );
                } else if !hand.held.is_empty() {
                    let (tag, about) = hand.held.remove(random.below(hand.held.len() as u32) as usize);
                    let frame = match random.below(6) {
                        0 => BrokerMessage::Nack { tag, multiple: false, requeue: true, about },
                        _ => BrokerMessage::Ack { tag, multiple: false, about },
                    };
                    canvas.send(*link, GROUP, frame);
                }
            }
        }
        take_frames(&mut canvas, &mut hands);
        canvas.check();
    }
    if let Some(broker) = broken {
        canvas.operate(&format!("start broker {broker}"));
    }
    finish(&mut canvas, &mut hands, &published);
}

fn take_frames(canvas: &mut Canvas, hands: &mut BTreeMap<u32, Hands>) {
    for (session, frame) in std::mem::take(&mut canvas.frames) {
        let Some(hand) = session.link().and_then(|link| hands.get_mut(&link.0)).filter(|hand| hand.connected) else {
            continue;
        };
        match frame {
            BrokerMessage::Deliver { tag, content, .. } => hand.held.push((tag, content.id)),
            BrokerMessage::Pulled { .. } => hand.asked = false,
            _ => {}
        }
    }
}

/// Lets one consumer work through everything: nothing that was published may be missing.
fn finish(canvas: &mut Canvas, hands: &mut BTreeMap<u32, Hands>, published: &BTreeSet<MessageId>) {
    for link in [10, 11, 12] {
        hands.insert(link, Hands::default());
        canvas.call(|server, call| server.disconnect(Session::of_link(LinkId(link)), call));
    }
    hands.insert(10, Hands { connected: true, ..Hands::default() });
    canvas.send(10, GROUP, subscribe());
    for _ in 0..600 {
        let held = std::mem::take(&mut hands.get_mut(&10).expect("it is there").held);
        for (tag, about) in held {
            canvas.send(10, GROUP, BrokerMessage::Ack { tag, multiple: false, about });
        }
        if !std::mem::replace(&mut hands.get_mut(&10).expect("it is there").asked, true) {
            canvas.send(
                10,
                GROUP,
                BrokerMessage::Pull { max: 50, wait: Duration::from_secs(1), settled: 0, holds: true },
            );
        }
        canvas.advance(Duration::from_secs(1));
        take_frames(canvas, hands);
        canvas.check();
    }
    let missing: Vec<&MessageId> = published.difference(&canvas.acked).collect();
    assert!(missing.is_empty(), "at least once: {missing:?} of {}", published.len());
    assert_eq!(canvas.levels.get(&GROUP).copied().unwrap_or((0, 0)), (0, 0), "nothing is left");
}

#[test]
fn late_acks_lose_nothing() {
    for seed in 0..60 {
        let strategies = ["range", "roundrobin", "sticky", "cooperative-sticky"];
        let protocol = if seed % 5 == 4 { "consumer" } else { "classic" };
        run(
            seed,
            json!({"linger.ms": if seed % 2 == 0 { "0s" } else { "50ms" }}),
            json!({"partitions": 1 + seed % 4, "replication.factor": 1 + seed % 3}),
            json!({
                "auto.offset.reset": "earliest",
                "group.protocol": protocol,
                "partition.assignment.strategy": strategies[seed as usize % 4],
            }),
            false,
        );
    }
}

#[test]
fn brokers_that_fail_one_at_a_time_lose_nothing() {
    for seed in 0..80 {
        let protocol = if seed % 3 == 2 { "consumer" } else { "classic" };
        let strategy = if seed % 2 == 0 { "range" } else { "cooperative-sticky" };
        run(
            seed,
            json!({"linger.ms": if seed % 2 == 0 { "0s" } else { "50ms" }}),
            json!({"partitions": 1 + seed % 4, "replication.factor": 3, "min.insync.replicas": 1 + seed % 2}),
            json!({
                "auto.offset.reset": "earliest",
                "group.protocol": protocol,
                "partition.assignment.strategy": strategy,
                "session.timeout.ms": if seed % 4 == 0 { "6s" } else { "45s" },
            }),
            true,
        );
    }
}

#[test]
fn a_million_messages_a_second() {
    // Optimized builds reach some millions; the bound only tells a quadratic mistake from none.
    let mut canvas = Canvas::new(1, json!({}), json!({"partitions": 3}), json!({"auto.offset.reset": "earliest"}));
    canvas.send(10, GROUP, subscribe());
    canvas.send(10, GROUP, BrokerMessage::Pull { max: 500, wait: Duration::from_secs(60), settled: 0, holds: true });
    canvas.advance(Duration::from_secs(5));
    let count = 50_000;
    let started = std::time::Instant::now();
    let mut outcome = Vec::with_capacity(100_000);
    let contents: Vec<Rc<Content>> = (0..count)
        .map(|number| {
            Rc::new(Content {
                id: MessageId { origin: NodeId(101), number: number + 1 },
                routing_key: format!("k{}", number % 100).into(),
                headers: Rc::from([]),
                payload: "body".into(),
                persistent: true,
                priority: None,
                expiration: None,
                created: Time::ZERO,
            })
        })
        .collect();
    let mut call = Call {
        now: canvas.now,
        broker: BROKER,
        slow_percent: 100,
        random: &mut canvas.random,
        messages_made: &mut canvas.made,
        outcome: &mut outcome,
    };
    let consumer = Session::of_link(LinkId(10));
    let mut acked = 0;
    for content in contents {
        let frame = BrokerMessage::Publish(content);
        canvas.server.receive(Session::of_link(LinkId(1)), NodeId(101), TOPIC, frame, &mut call);
        for happened in std::mem::take(call.outcome) {
            let Happened::Frame { session, frame: BrokerMessage::Deliver { tag, content, .. }, .. } = happened else {
                continue;
            };
            assert_eq!(session, consumer);
            let ack = BrokerMessage::Ack { tag, multiple: false, about: content.id };
            canvas.server.receive(consumer, NodeId(110), GROUP, ack, &mut call);
            let pull = BrokerMessage::Pull { max: 500, wait: Duration::from_secs(60), settled: 0, holds: true };
            canvas.server.receive(consumer, NodeId(110), GROUP, pull, &mut call);
            acked += 1;
        }
    }
    assert_eq!(acked, count);
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    println!("{rate:.0} messages a second: published, read and committed one by one");
    assert!(rate > 20_000.0, "{rate}");
}
