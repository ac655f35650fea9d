//! What Redis Streams promises, under random use: scripts at the console that are wrong half of the time, clients of the
//! drawing that lose their connections, and a drawing that changes, while every copy stays accounted for.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeMap;
use std::rc::Rc;

use patchbay::kernel::rng::Stream;
use patchbay::model::broker::profile::redis_streams::WORDS;
use patchbay::model::broker::redis_streams::{server, STREAM, STREAM_GROUP};
use patchbay::model::broker::server::{Call, Happened, Server, Session};
use patchbay::model::kind;
use patchbay::vocabulary::{
    BrokerMessage, Content, Duration, Fact, LinkId, MessageId, NodeId, Settings, Time, Value, WireId,
};
use proptest::prelude::*;
use serde_json::{json, Value as Json};

const BROKER: NodeId = NodeId(1);
const ORDERS: NodeId = NodeId(2);
const DEAD: NodeId = NodeId(3);
const GROUP: NodeId = NodeId(4);
const OTHER: NodeId = NodeId(5);
const PRODUCER: NodeId = NodeId(10);

/// Copies of one message at one node, by what was done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Copies {
    fresh: i64,
    out: i64,
    back: i64,
}

/// A server with a drawing, and the books that its facts keep.
struct Drawn {
    server: Box<dyn Server>,
    random: Stream,
    now: Time,
    made: u64,
    sent: u32,
    copies: BTreeMap<(NodeId, MessageId), Copies>,
    levels: BTreeMap<NodeId, (u32, u32)>,
    /// Tags that each consumer of the drawing holds.
    held: BTreeMap<u32, Vec<u64>>,
    is_up: bool,
}

fn named(params: &'static [kind::ParamSpec], pairs: &[(&'static str, Value)]) -> Settings {
    let mut settings = kind::settings(params, |_| None);
    pairs.iter().for_each(|(name, value)| settings.set(name, value.clone()));
    settings
}

impl Drawn {
    fn new(seed: u64) -> Drawn {
        let mut random = Stream::named(seed, "redis", "properties");
        let modes = ["always", "everysec", "no", "rdb", "off"];
        let mut host = Settings::default();
        host.set("persistence", Value::Text(modes[random.below(5) as usize].into()));
        host.set("node_entries", Value::Integer(i64::from(random.below(5)) + 1));
        let mut drawn = Drawn {
            server: server(&host),
            random,
            now: Time::ZERO,
            made: 0,
            sent: 0,
            copies: BTreeMap::new(),
            levels: BTreeMap::new(),
            held: BTreeMap::new(),
            is_up: true,
        };
        drawn.draw(ORDERS);
        drawn.draw(DEAD);
        drawn.draw(GROUP);
        drawn.draw(OTHER);
        drawn.wire(1, ORDERS, GROUP);
        drawn.wire(2, ORDERS, OTHER);
        drawn.wire(3, GROUP, DEAD);
        drawn
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.random.below(bound)
    }

    /// Draws a member, or changes its settings.
    fn settings(&mut self, node: NodeId) -> (&'static str, Settings) {
        let text = |text: &str| Value::Text(text.into());
        match node {
            ORDERS | DEAD => {
                let trim = ["none", "maxlen", "minid"][self.below(3) as usize];
                let values = [
                    ("name", text(if node == ORDERS { "s" } else { "d" })),
                    ("trim", text(trim)),
                    ("maxlen", Value::Integer(i64::from(self.below(12)))),
                    ("max_age", Value::Duration(Duration::from_millis(u64::from(self.below(3_000))))),
                    ("approximate", Value::Toggle(self.below(2) == 0)),
                ];
                (STREAM.name, named(STREAM.params, &values))
            }
            _ => {
                let idle = [0, 0, 1, 700][self.below(4) as usize];
                let values = [
                    ("name", text(if node == GROUP { "g" } else { "h" })),
                    ("start", text(if self.below(2) == 0 { "0" } else { "$" })),
                    ("noack", Value::Toggle(self.below(5) == 0)),
                    ("claim_idle", Value::Duration(Duration::from_millis(idle))),
                    ("own_pending", Value::Toggle(self.below(2) == 0)),
                    ("delivery_limit", Value::Integer(i64::from(self.below(4)))),
                ];
                (STREAM_GROUP.name, named(STREAM_GROUP.params, &values))
            }
        }
    }

    fn draw(&mut self, node: NodeId) {
        let (kind, settings) = self.settings(node);
        self.call(|server, call| server.declare(node, kind, &settings, call));
    }

    fn wire(&mut self, wire: u32, from: NodeId, to: NodeId) {
        self.call(|server, call| server.join(WireId(wire), from, to, &Settings::default(), call));
    }

    fn call<R>(&mut self, deed: impl FnOnce(&mut dyn Server, &mut Call) -> R) -> R {
        let mut outcome = Vec::new();
        let mut call = Call {
            now: self.now,
            broker: BROKER,
            slow_percent: 100,
            random: &mut self.random,
            messages_made: &mut self.made,
            outcome: &mut outcome,
        };
        let result = deed(&mut *self.server, &mut call);
        self.note(outcome);
        result
    }

    fn note(&mut self, outcome: Vec<Happened>) {
        let mut owing = None;
        for happened in outcome {
            match happened {
                Happened::Fact { node, message, fact } => {
                    if let Some((node_owing, message_owing)) = owing.take() {
                        assert!(
                            matches!(fact, Fact::Dropped { .. }) && (node, message) == (node_owing, message_owing),
                            "what is discarded is dropped: {fact:?}"
                        );
                    }
                    if matches!(fact, Fact::Discarded { .. }) {
                        owing = Some((node, message));
                    }
                    self.count(node, message, fact);
                }
                Happened::Frame { session, frame: BrokerMessage::Deliver { tag, .. }, .. } => {
                    let held = self.held.entry(session.link().expect("a link").0).or_default();
                    assert!(held.iter().all(|other| *other < tag), "tags ascend");
                    held.push(tag);
                }
                _ => {}
            }
        }
        assert_eq!(owing, None);
        self.compare();
    }

    fn count(&mut self, node: NodeId, message: MessageId, fact: Fact) {
        let Some(level) = fact.level() else { return };
        self.levels.insert(node, level);
        let copies = self.copies.entry((node, message)).or_default();
        match fact {
            Fact::Enqueued { .. } => copies.fresh += 1,
            Fact::Leased { .. } => {
                copies.fresh -= 1;
                copies.out += 1;
            }
            Fact::Redelivered { .. } => {
                copies.back -= 1;
                copies.out += 1;
            }
            Fact::Requeued { .. } | Fact::LeaseExpired { .. } => {
                copies.out -= 1;
                copies.back += 1;
            }
            Fact::Acked { .. } => copies.out -= 1,
            _ if copies.out > 0 && node != BROKER => copies.out -= 1,
            _ if copies.back > 0 => copies.back -= 1,
            _ if copies.fresh > 0 => copies.fresh -= 1,
            _ => copies.out -= 1,
        }
        assert!(copies.fresh >= 0 && copies.out >= 0 && copies.back >= 0, "{node:?} {message:?} {fact:?} {copies:?}");
        if *copies == Copies::default() {
            self.copies.remove(&(node, message));
        }
    }

    /// What is held is what the facts say is held.
    fn compare(&self) {
        let mut held: BTreeMap<(NodeId, MessageId), i64> = BTreeMap::new();
        let mut totals: BTreeMap<NodeId, u32> = BTreeMap::new();
        self.server.holds(&mut |node, message| {
            *held.entry((node, message)).or_default() += 1;
            *totals.entry(node).or_default() += 1;
        });
        let told: BTreeMap<_, _> =
            self.copies.iter().map(|(key, copies)| (*key, copies.fresh + copies.out + copies.back)).collect();
        assert_eq!(held, told, "the copies");
        for (node, (ready, unacked)) in &self.levels {
            assert_eq!(ready + unacked, totals.get(node).copied().unwrap_or(0), "the level of {node:?}");
            let (mut is_ready, mut is_out) = (0, 0);
            for (_, copies) in self.copies.iter().filter(|((at, _), _)| at == node) {
                is_ready += copies.fresh + copies.back;
                is_out += copies.out;
            }
            if *node != BROKER {
                assert_eq!((i64::from(*ready), i64::from(*unacked)), (is_ready, is_out), "the levels of {node:?}");
            }
        }
    }

    fn frame(&mut self, link: u32, place: NodeId, frame: BrokerMessage) {
        let session = Session::of_link(LinkId(link));
        self.call(|server, call| server.receive(session, NodeId(20 + link), place, frame, call));
    }

    fn publish(&mut self, to: NodeId) {
        self.sent += 1;
        let content = Content {
            id: MessageId { origin: PRODUCER, number: self.sent },
            routing_key: "".into(),
            headers: Rc::from([]),
            payload: "body".into(),
            persistent: true,
            priority: None,
            expiration: None,
            created: self.now,
        };
        self.frame(9, to, BrokerMessage::Publish(Rc::new(content)));
    }

    fn execute(&mut self, client: u32, line: &str) -> Json {
        self.call(|server, call| server.execute(Session::of_console(client), "c", line, call))
    }

    fn pass(&mut self, milliseconds: u64) {
        let until = self.now + Duration::from_millis(milliseconds);
        while let Some(due) = self.server.next_due().filter(|due| self.is_up && *due <= until) {
            self.now = due.max(self.now);
            self.call(|server, call| server.on_due(call));
            assert!(self.server.next_due().is_none_or(|next| next > due), "what is due gets done");
        }
        self.now = until;
    }

    /// The consumer on this link, at its place.
    fn place(link: u32) -> NodeId {
        [GROUP, GROUP, OTHER, ORDERS][link as usize % 4]
    }

    fn random_frame(&mut self) {
        let link = self.below(4);
        let place = Drawn::place(link);
        let held = self.held.get(&link).and_then(|held| held.last().copied()).unwrap_or(0);
        let tag = u64::from(self.below(held as u32 + 3));
        let (multiple, requeue) = (self.below(3) == 0, self.below(2) == 0);
        let about = MessageId::NONE;
        match self.below(9) {
            0 => {
                self.held.remove(&link);
                let auto_ack = self.below(4) == 0;
                self.frame(link, place, BrokerMessage::Subscribe { prefetch: 0, auto_ack, priority: 0 });
            }
            1..=3 => {
                let wait = Duration::from_millis([0, 500, 2_000][self.below(3) as usize]);
                let max = self.below(4) as u16;
                self.frame(link, place, BrokerMessage::Pull { max, wait, settled: 0, holds: true });
            }
            4..=6 => self.frame(link, place, BrokerMessage::Ack { tag, multiple, about }),
            7 => self.frame(link, place, BrokerMessage::Nack { tag, multiple, requeue, about }),
            _ => {
                self.held.remove(&link);
                match requeue {
                    true => self.frame(link, place, BrokerMessage::Cancel),
                    false => self.call(|server, call| server.disconnect(Session::of_link(LinkId(link)), call)),
                }
            }
        }
    }

    /// A part of the drawing goes, comes back or changes.
    fn redraw(&mut self) {
        let node = [ORDERS, DEAD, GROUP, OTHER][self.below(4) as usize];
        match self.below(4) {
            0 => {
                self.call(|server, call| server.part(WireId(3), call));
                self.call(|server, call| server.remove(node, call));
                self.draw(node);
                self.wire(3, GROUP, DEAD);
            }
            1 => {
                let (_, settings) = self.settings(node);
                self.call(|server, call| server.configure(node, &settings, call));
            }
            2 => {
                let (wire, to) = [(1, GROUP), (2, OTHER)][self.below(2) as usize];
                self.call(|server, call| server.part(WireId(wire), call));
                if self.below(2) == 0 {
                    let line = format!("XGROUP CREATE s {} 0", if to == GROUP { "g" } else { "h" });
                    self.execute(3, &line);
                }
                self.wire(wire, ORDERS, to);
            }
            _ => {
                self.held.clear();
                self.is_up = false;
                self.call(|server, call| server.crash(call));
                self.pass(300);
                self.call(|server, call| server.recover(call));
                self.is_up = true;
            }
        }
    }

    fn word(&mut self, words: &[&str]) -> String {
        words[self.below(words.len() as u32) as usize].to_string()
    }

    /// An id, of an entry that is there every second time.
    fn id(&mut self) -> String {
        let now_ms = self.now.0 / 1_000_000;
        let entries = self.execute(9, "XRANGE s - +");
        let there: Vec<&str> = entries.as_array().into_iter().flatten().filter_map(|entry| entry[0].as_str()).collect();
        match self.below(10) {
            0 => "0".to_string(),
            1 => self.word(&["$", ">", "*", "-", "+", "x", "0-0", "(0", "18446744073709551615-18446744073709551615"]),
            2 => format!("{}-*", now_ms + u64::from(self.below(3))),
            3 | 4 => format!("{}-{}", now_ms.saturating_sub(u64::from(self.below(2_000))), self.below(2)),
            _ if there.is_empty() => "1".to_string(),
            _ => self.word(&there),
        }
    }

    /// A command that may be sound.
    fn line(&mut self) -> String {
        let key = self.word(&["s", "s", "s", "s", "s", "s", "d", "t", "text"]);
        let group = self.word(&["g", "g", "g", "h", "i"]);
        let consumer = self.word(&["a", "b", "consumer-20"]);
        let (id, other) = (self.id(), self.id());
        let number = self.below(4);
        let trim = self.word(&["", "MAXLEN 3", "MAXLEN ~ 2", "MINID 500", "MAXLEN ~ 0 LIMIT 2", "NOMKSTREAM"]);
        let block = self.word(&["", "BLOCK 0", "BLOCK 300", "COUNT 1", "COUNT 2 BLOCK 100"]);
        match self.below(28) {
            0..=3 => format!("XADD {key} {trim} * f v"),
            4 => format!("XADD {key} {trim} {id} f v g w"),
            5..=7 => format!("XREADGROUP GROUP {group} {consumer} {block} STREAMS {key} >"),
            8 => format!("XREADGROUP GROUP {group} {consumer} NOACK STREAMS {key} >"),
            9 => format!("XREADGROUP GROUP {group} {consumer} COUNT {number} STREAMS {key} {id}"),
            10 => format!("XREAD {block} STREAMS {key} {id}"),
            11 => format!("XACK {key} {group} {id} {other}"),
            12 => format!("XCLAIM {key} {group} {consumer} 0 {id} {other} FORCE RETRYCOUNT {number}"),
            13 => format!("XCLAIM {key} {group} {consumer} {number}00 {id} LASTID {other}"),
            14 => format!("XAUTOCLAIM {key} {group} {consumer} {number}00 0 COUNT {number}"),
            15 => format!("XGROUP SETID {key} {group} {id}"),
            16 => format!("XGROUP CREATE {key} {group} {id} MKSTREAM"),
            17 => format!("XGROUP DESTROY {key} {group}"),
            18 => format!("XGROUP DELCONSUMER {key} {group} {consumer}"),
            19 => format!("XDEL {key} {id} {other}"),
            20 => format!("XTRIM {key} {trim}"),
            21 => format!("XSETID {key} {id}"),
            23 | 24 => format!("XACK {key} {group} {id} {other}"),
            25 | 26 => format!("XGROUP SETID {key} {group} {id}"),
            22 => self.word(&["DEL s", "SET text v", "SET t v", "FLUSHALL", "MULTI", "EXEC", "DISCARD", "XGROUP HELP"]),
            _ => WORDS[self.below(WORDS.len() as u32) as usize].usage.to_string(),
        }
    }

    /// The line with a word too few, too many, or another one.
    fn spoilt(&mut self, line: String) -> String {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let at = self.below(words.len() as u32) as usize;
        match self.below(3) {
            0 => {
                words.remove(at);
            }
            1 => words.insert(at, "x"),
            _ => words[at] = "-1",
        }
        words.join(" ")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Whatever is typed, sent and redrawn: no panic, and every copy is where the facts say.
    #[test]
    fn every_copy_is_accounted_for(seed in any::<u64>()) {
        let mut drawn = Drawn::new(seed);
        for _ in 0..250 {
            match drawn.below(20) {
                0..=4 => {
                    let to = if drawn.below(6) == 0 { DEAD } else { ORDERS };
                    drawn.publish(to);
                }
                5..=10 => drawn.random_frame(),
                11..=16 => {
                    let client = drawn.below(3);
                    let mut line = drawn.line();
                    if drawn.below(6) == 0 {
                        line = drawn.spoilt(line);
                    }
                    let reply = drawn.execute(client, &line);
                    if let Some(error) = reply.get("error") {
                        prop_assert!(error.as_str().is_some_and(|text| text.starts_with("ERR: ")), "{}: {}", line, reply);
                    }
                }
                17 => drawn.redraw(),
                18 if drawn.below(4) == 0 => {
                    let client = drawn.below(3);
                    drawn.call(|server, call| server.disconnect(Session::of_console(client), call));
                }
                _ => {
                    let span = u64::from(drawn.below(900));
                    drawn.pass(span);
                }
            }
            // A copy of the server has the same future.
            if drawn.below(50) == 0 {
                drawn.server = drawn.server.clone();
            }
        }
        for node in [BROKER, ORDERS, DEAD, GROUP, OTHER] {
            drawn.server.inspect(node, 5);
            drawn.server.inside(node, drawn.now, 5);
        }
    }

    /// A group hands every entry out once, in order, to one consumer, and knows whose it is, whatever consumers do.
    #[test]
    fn a_group_behaves_as_its_model(deeds in proptest::collection::vec((0..7u8, 0..3u8, 1..4u64), 1..200)) {
        let mut drawn = Drawn::new(1);
        drawn.execute(0, "FLUSHALL");
        drawn.execute(0, "XGROUP CREATE m g 0 MKSTREAM");
        let id = |number: u64| format!("{number}-0");
        let (mut added, mut read) = (0u64, 0u64);
        // The owner and the deliveries of each pending entry.
        let mut pending: BTreeMap<u64, (u8, u64)> = BTreeMap::new();
        for (deed, consumer, number) in deeds {
            match deed {
                0 | 1 => {
                    added += 1;
                    let reply = drawn.execute(0, &format!("XADD m {added}-0 f v"));
                    prop_assert_eq!(reply, json!(id(added)));
                }
                2 | 3 => {
                    let reply = drawn.execute(0, &format!("XREADGROUP GROUP g c{consumer} COUNT {number} STREAMS m >"));
                    let new: Vec<u64> = (read + 1..=added).take(number as usize).collect();
                    let entries: Vec<Json> = new.iter().map(|number| json!([id(*number), ["f", "v"]])).collect();
                    let expected = if new.is_empty() { Json::Null } else { json!([["m", entries]]) };
                    prop_assert_eq!(reply, expected);
                    read += new.len() as u64;
                    pending.extend(new.into_iter().map(|number| (number, (consumer, 1))));
                }
                4 => {
                    let first = pending.keys().nth(number as usize).copied().unwrap_or(number);
                    let reply = drawn.execute(0, &format!("XACK m g {first}-0"));
                    prop_assert_eq!(reply, json!(i32::from(pending.remove(&first).is_some())));
                }
                5 => {
                    let first = pending.keys().next().copied().unwrap_or(number);
                    let reply = drawn.execute(0, &format!("XCLAIM m g c{consumer} 0 {first}-0 JUSTID"));
                    let expected = if pending.contains_key(&first) { json!([id(first)]) } else { json!([]) };
                    prop_assert_eq!(reply, expected);
                    if let Some(entry) = pending.get_mut(&first) {
                        entry.0 = consumer;
                    }
                }
                _ => {
                    let reply = drawn.execute(0, &format!("XREADGROUP GROUP g c{consumer} COUNT {number} STREAMS m 0"));
                    let own = pending.iter_mut().filter(|(_, (owner, _))| *owner == consumer);
                    let mut entries = Vec::new();
                    for (number, (_, count)) in own.take(number as usize) {
                        *count += 1;
                        entries.push(json!([id(*number), ["f", "v"]]));
                    }
                    prop_assert_eq!(reply, json!([["m", entries]]));
                }
            }
            let reply = drawn.execute(0, "XPENDING m g - + 1000");
            let expected: Vec<Json> = pending
                .iter()
                .map(|(number, (owner, count))| json!([id(*number), format!("c{owner}"), 0, count]))
                .collect();
            prop_assert_eq!(reply, Json::Array(expected));
            let groups = drawn.execute(0, "XINFO GROUPS m");
            prop_assert_eq!(&groups[0]["lag"], &json!(added - read));
        }
    }
}
