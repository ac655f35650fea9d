//! Documents, traces and levels made by hand, and their pictures.

pub mod live;

use std::rc::Rc;

use patchbay::diagram::chart::{chart, ChartInput, ChartLine, ChartMarker};
use patchbay::diagram::drawing::Drawing;
use patchbay::diagram::face::{Condition, NodeView};
use patchbay::diagram::palette::Tone;
use patchbay::diagram::sequence::{sequence, Lifeline, SequenceInput};
use patchbay::diagram::tidy::tidy_layout;
use patchbay::diagram::topology::{topology, FlightView, TopologyInput, WireView};
use patchbay::diagram::Layout;
use patchbay::kernel::tally::SeriesPoint;
use patchbay::kernel::ItemState;
use patchbay::scenario::document::{Document, Node, Wire};
use patchbay::vocabulary::{Carried, DropReason, EventId, Fact, FlatMap, LinkId, MessageId, NodeId, Time, TraceEvent};

pub const NAMES: [&str; 8] =
    ["Order service", "orders", "billing", "email", "Charge 1", "Charge 2", "Send email", "RabbitMQ"];
pub const BROKER: u32 = 7;

pub fn node(id: &str, kind: &str, name: &str, host: Option<&str>, at: (f64, f64)) -> Node {
    let host = host.map(String::from);
    Node { id: id.into(), kind: kind.into(), name: name.into(), host, at, params: Default::default() }
}

pub fn wire(id: &str, from: &str, to: &str) -> Wire {
    Wire { id: id.into(), from: from.into(), to: to.into(), params: Default::default() }
}

pub fn shop() -> Document {
    let broker = Some("rabbit");
    let mut document = Document {
        title: "Order processing with a queue".into(),
        nodes: vec![
            node("rabbit", "broker", "RabbitMQ", None, (0.0, 0.0)),
            node("shop", "producer", "Order service", None, (0.0, 0.0)),
            node("orders", "exchange", "orders", broker, (0.0, 0.0)),
            node("billing", "queue", "billing", broker, (0.0, 0.0)),
            node("email", "queue", "email", broker, (0.0, 0.0)),
            node("charge1", "consumer", "Charge 1", None, (0.0, 0.0)),
            node("charge2", "consumer", "Charge 2", None, (0.0, 0.0)),
            node("send", "consumer", "Send email", None, (0.0, 0.0)),
        ],
        wires: vec![
            wire("w1", "shop", "orders"),
            wire("w2", "orders.out", "billing"),
            wire("w3", "orders.out", "email"),
            wire("w4", "billing.out", "charge1"),
            wire("w5", "billing.out", "charge2"),
            wire("w6", "email.out", "send"),
        ],
        ..Document::default()
    };
    for (id, place) in tidy_layout(&document) {
        if let Some(node) = document.nodes.iter_mut().find(|node| node.id == id) {
            node.at = place;
        }
    }
    document
}

pub fn shop_picture() -> Drawing {
    let document = shop();
    let layout = Layout::of(&document);
    let view = |headline: &str| NodeView { headline: headline.into(), ..NodeView::default() };
    let mut billing =
        NodeView {
            items: vec![ItemState::Unacked; 2], item_count: 14, selected: true, ..view("12 ready · 2 unacked")
        };
    billing.items.push(ItemState::ReadyAgain);
    billing.items.extend([ItemState::Ready; 11]);
    let nodes = FlatMap::from_iter([
        ("shop".to_string(), view("40 orders/s, Poisson")),
        ("orders".into(), view("topic")),
        ("billing".into(), billing),
        (
            "email".into(),
            NodeView {
                items: vec![ItemState::Unacked, ItemState::Ready],
                item_count: 2,
                ..view("1 ready · 1 unacked")
            },
        ),
        (
            "charge1".into(),
            NodeView {
                items: vec![ItemState::InWork, ItemState::Ready, ItemState::Ready],
                item_count: 3,
                ..view("busy 86 %")
            },
        ),
        ("charge2".into(), NodeView { condition: Condition::Down, ..view("down for 0.8 s") }),
        ("send".into(), NodeView { condition: Condition::Slowed(300), ..view("busy 31 %") }),
        ("rabbit".into(), view("up for 12 s")),
    ]);
    let wires = FlatMap::from_iter([
        ("w2".to_string(), WireView { label: "order.#".into(), ..WireView::default() }),
        ("w3".into(), WireView { label: "*.paid".into(), ..WireView::default() }),
        ("w6".into(), WireView { partitioned: true, ..WireView::default() }),
    ]);
    let flight = |wire: &str, fraction: f64, what: Carried| FlightView {
        wire: wire.into(),
        forward: !matches!(what, Carried::Ack | Carried::Requeue | Carried::Subscribe),
        fraction,
        what,
        message: MessageId { origin: NodeId(0), number: 41 },
    };
    let flights = [
        flight("w1", 0.25, Carried::Publish),
        flight("w1", 0.55, Carried::Publish),
        flight("w4", 0.4, Carried::Deliver),
        flight("w4", 0.7, Carried::Ack),
        flight("w4", 0.3, Carried::Requeue),
        flight("w5", 0.5, Carried::Redeliver),
        flight("w6", 0.3, Carried::Subscribe),
    ];
    topology(&TopologyInput {
        document: &document,
        layout: &layout,
        nodes: &nodes,
        wires: &wires,
        flights: &flights,
        clock: "12.480 s".into(),
    })
}

/// Wires in every direction: back, down, doubled, to their own node; a long name and an empty broker.
pub fn odd_picture() -> Drawing {
    let document = Document {
        nodes: vec![
            node("a", "exchange", "dead letters", None, (0.0, 0.0)),
            node("b", "queue", "retry after a long while and then again", None, (260.0, 0.0)),
            node("c", "queue", "left", None, (-260.0, 150.0)),
            node("d", "exchange", "below", None, (20.0, 190.0)),
            node("e", "consumer", "Right", None, (520.0, 60.0)),
            node("f", "broker", "An empty broker", None, (300.0, 220.0)),
            node("g", "service", "Something new", None, (-260.0, -20.0)),
        ],
        wires: vec![
            wire("1", "a", "b"),
            wire("2", "b", "a"),
            wire("3", "a", "a"),
            wire("4", "a", "c"),
            wire("5", "b", "e"),
            wire("6", "b", "e"),
            wire("7", "b", "e"),
            wire("8", "a", "d"),
            wire("9", "g", "a"),
        ],
        ..Document::default()
    };
    let layout = Layout::of(&document);
    let (nodes, wires) = (FlatMap::new(), FlatMap::new());
    topology(&TopologyInput {
        document: &document,
        layout: &layout,
        nodes: &nodes,
        wires: &wires,
        flights: &[],
        clock: String::new(),
    })
}

/// Two brokers with two queues each, put in order by the machine.
pub fn tidied_picture() -> Drawing {
    let mut document = Document {
        nodes: vec![
            node("m", "broker", "West", None, (0.0, 0.0)),
            node("n", "broker", "East", None, (0.0, 0.0)),
            node("p1", "producer", "One", None, (0.0, 0.0)),
            node("p2", "producer", "Two", None, (0.0, 0.0)),
            node("x1", "exchange", "x", Some("m"), (0.0, 0.0)),
            node("x2", "exchange", "y", Some("n"), (0.0, 0.0)),
            node("q1", "queue", "a", Some("m"), (0.0, 0.0)),
            node("q2", "queue", "b", Some("m"), (0.0, 0.0)),
            node("q3", "queue", "c", Some("n"), (0.0, 0.0)),
            node("q4", "queue", "d", Some("n"), (0.0, 0.0)),
            node("c1", "consumer", "C1", None, (0.0, 0.0)),
            node("c2", "consumer", "C2", None, (0.0, 0.0)),
            node("c3", "consumer", "C3", None, (0.0, 0.0)),
        ],
        wires: [
            ("p1", "x1"),
            ("p2", "x2"),
            ("p1", "x2"),
            ("x1", "q1"),
            ("x1", "q2"),
            ("x2", "q3"),
            ("x2", "q4"),
            ("q1", "c1"),
            ("q2", "c2"),
            ("q3", "c2"),
            ("q4", "c3"),
        ]
        .iter()
        .enumerate()
        .map(|(n, (a, b))| wire(&format!("w{n}"), a, b))
        .collect(),
        ..Document::default()
    };
    for (id, place) in tidy_layout(&document) {
        document.nodes.iter_mut().filter(|node| node.id == id).for_each(|node| node.at = place);
    }
    let layout = Layout::of(&document);
    let (nodes, wires) = (FlatMap::new(), FlatMap::new());
    topology(&TopologyInput {
        document: &document,
        layout: &layout,
        nodes: &nodes,
        wires: &wires,
        flights: &[],
        clock: String::new(),
    })
}

/// Writes a trace the way the kernel does: an arrival is caused by its sending.
#[derive(Default)]
pub struct Script {
    events: Vec<TraceEvent>,
}

impl Script {
    pub fn note(&mut self, milliseconds: u64, node: u32, cause: EventId, number: u32, fact: Fact) -> EventId {
        let id = EventId(self.events.len() as u64 + 1);
        let message = MessageId { origin: NodeId(0), number };
        self.events.push(TraceEvent {
            id,
            at: Time(milliseconds * 1_000_000),
            node: NodeId(node),
            cause,
            message,
            fact,
        });
        id
    }

    pub fn send(&mut self, at: u64, node: u32, to: u32, number: u32, what: Carried) -> EventId {
        self.note(at, node, EventId::NONE, number, Fact::Sent { link: LinkId(0), to: NodeId(to), what })
    }

    pub fn arrive(&mut self, at: u64, node: u32, from: u32, number: u32, what: Carried, sent: EventId) -> EventId {
        self.note(at, node, sent, number, Fact::Delivered { link: LinkId(0), from: NodeId(from), what })
    }

    pub fn sorted(mut self) -> Vec<TraceEvent> {
        self.events.sort_by_key(|event| event.at);
        self.events
    }
}

/// The story of the page's first lesson: a consumer crashes before it acknowledges, and the message comes again.
pub fn crash_story() -> Vec<TraceEvent> {
    let mut script = Script::default();
    let sent = script.send(100, 0, 1, 41, Carried::Publish);
    let arrived = script.arrive(300, 1, 0, 41, Carried::Publish, sent);
    script.note(300, 1, arrived, 41, Fact::Routed { to: NodeId(2) });
    script.note(300, 2, arrived, 41, Fact::Enqueued { ready: 1, unacked: 0 });
    script.note(300, 2, arrived, 41, Fact::Leased { to: NodeId(5), ready: 0, unacked: 1 });
    let handed = script.send(300, 2, 5, 41, Carried::Deliver);
    let taken = script.arrive(500, 5, 2, 41, Carried::Deliver, handed);
    script.note(500, 5, taken, 41, Fact::Began { busy: 1, waited: 400_000_000 });
    script.note(900, 5, EventId::NONE, 41, Fact::Abandoned { busy: 0 });
    script.note(900, 5, EventId::NONE, 0, Fact::Crashed {});
    script.note(1100, 2, EventId::NONE, 0, Fact::Disconnected { peer: NodeId(5) });
    script.note(1100, 2, EventId::NONE, 41, Fact::Requeued { ready: 1, unacked: 0 });
    script.note(1100, 2, EventId::NONE, 41, Fact::Redelivered { to: NodeId(4), ready: 0, unacked: 1 });
    let again = script.send(1100, 2, 4, 41, Carried::Redeliver);
    let taken = script.arrive(1300, 4, 2, 41, Carried::Redeliver, again);
    script.note(1300, 4, taken, 41, Fact::Began { busy: 1, waited: 1_200_000_000 });
    script.note(1600, 4, taken, 41, Fact::Completed { busy: 0, latency: 1_500_000_000 });
    let ack = script.send(1600, 4, 2, 41, Carried::Ack);
    script.arrive(1800, 2, 4, 41, Carried::Ack, ack);
    let lost = script.send(1400, 0, 1, 42, Carried::Publish);
    script.note(1400, 0, lost, 42, Fact::Dropped { reason: DropReason::Loss, what: Carried::Publish });
    script.send(1850, 0, 1, 43, Carried::Publish);
    script.sorted()
}

/// Many messages, so that not all fit.
pub fn busy_story(count: u32) -> Vec<TraceEvent> {
    let mut script = Script::default();
    for number in 1..=count {
        let at = u64::from(number) * 2000 / u64::from(count.max(1));
        let queue = 2 + number % 2;
        let consumer = if queue == 2 { 4 + number / 2 % 2 } else { 6 };
        let sent = script.send(at, 0, 1, number, Carried::Publish);
        let arrived = script.arrive(at + 60, 1, 0, number, Carried::Publish, sent);
        script.note(at + 60, 1, arrived, number, Fact::Routed { to: NodeId(queue) });
        let handed = script.send(at + 60, queue, consumer, number, Carried::Deliver);
        let taken = script.arrive(at + 120, consumer, queue, number, Carried::Deliver, handed);
        script.note(at + 120, consumer, taken, number, Fact::Began { busy: 1, waited: 0 });
        script.note(at + 180, consumer, taken, number, Fact::Completed { busy: 0, latency: 0 });
        let ack = script.send(at + 180, consumer, queue, number, Carried::Ack);
        script.arrive(at + 240, queue, consumer, number, Carried::Ack, ack);
    }
    script.sorted()
}

pub fn lifelines() -> Vec<Lifeline> {
    let line = |node: u32| Lifeline {
        node: NodeId(node),
        label: NAMES[node as usize].into(),
        host: (1..=3).contains(&node).then_some(NodeId(BROKER)),
        optional: node == BROKER,
    };
    (0..8).map(line).collect()
}

pub fn sequence_of(events: &[TraceEvent], lifelines: &[Lifeline], size: (f64, f64), selected: Option<u32>) -> Drawing {
    sequence(&SequenceInput {
        events,
        lifelines,
        key: &|message| (message.number % 2 == 1).then(|| Rc::from("order.paid")),
        start: Time(0),
        end: Time(2_000_000_000),
        now: Time(2_000_000_000),
        width: size.0,
        height: size.1,
        selected: selected.map(|number| MessageId { origin: NodeId(0), number }),
    })
}

/// A level that wanders, in stretches of 50 ms.
pub fn wandering(seed: u32, count: u64, coarse: bool) -> Vec<SeriesPoint> {
    let mut state = seed;
    let mut level = 0u32;
    let width = 50_000_000;
    (0..count)
        .map(|index| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let first = level;
            let bias = if index > count * 3 / 4 { 5 } else { 4 };
            level = (level + (state >> 16) % bias).saturating_sub((state >> 24) % 4);
            let spread = if coarse { 3 } else { 0 };
            let (low, high) = (first.min(level).saturating_sub(spread), first.max(level) + spread);
            SeriesPoint {
                start: Time(index * width),
                end: Time((index + 1) * width),
                first: (first, first / 3),
                min: (low, low / 3),
                max: (high, high / 3),
                last: (level, level / 3),
            }
        })
        .collect()
}

pub fn chart_of(lines: &[ChartLine], size: (f64, f64)) -> Drawing {
    let markers = [ChartMarker { at: Time(9_000_000_000), label: "Charge 2 crashes".into(), tone: Tone::Lost }];
    chart(&ChartInput {
        title: "Queue depth",
        parts: ("ready", "unacked"),
        lines,
        markers: &markers,
        start: Time(0),
        end: Time(14_000_000_000),
        now: Time(12_480_000_000),
        width: size.0,
        height: size.1,
    })
}

pub fn line(node: u32, coarse: bool) -> ChartLine {
    ChartLine { node: NodeId(node), label: NAMES[node as usize].into(), points: wandering(node + 7, 250, coarse) }
}
