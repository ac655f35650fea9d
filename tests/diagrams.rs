//! Diagrams from hand-made documents and traces: golden listings, soundness of files, and inputs that no one would draw.

use std::collections::BTreeMap;
use std::rc::Rc;

use patchbay::diagram::chart::{chart, sparkline, ChartInput, ChartLine, ChartMarker};
use patchbay::diagram::drawing::{Drawing, Form, Shape};
use patchbay::diagram::face::{Condition, NodeView};
use patchbay::diagram::palette::{properties, Theme, Tone, TOKENS};
use patchbay::diagram::sequence::{sequence, Lifeline, SequenceInput};
use patchbay::diagram::svg::{scenario_from_svg, to_svg};
use patchbay::diagram::tidy::tidy_layout;
use patchbay::diagram::topology::{topology, FlightView, TopologyInput, WireView};
use patchbay::diagram::Layout;
use patchbay::kernel::tally::SeriesPoint;
use patchbay::kernel::ItemState;
use patchbay::scenario::document::{Document, Node, Wire};
use patchbay::vocabulary::{Carried, DropReason, EventId, Fact, LinkId, MessageId, NodeId, Time, TraceEvent};
use proptest::prelude::*;

// ---- samples ----

const NAMES: [&str; 8] =
    ["Order service", "orders", "billing", "email", "Charge 1", "Charge 2", "Send email", "RabbitMQ"];
const BROKER: u32 = 7;

fn node(id: &str, kind: &str, name: &str, host: Option<&str>, at: (f64, f64)) -> Node {
    let host = host.map(String::from);
    Node { id: id.into(), kind: kind.into(), name: name.into(), host, at, params: BTreeMap::new() }
}

fn wire(id: &str, from: &str, to: &str) -> Wire {
    Wire { id: id.into(), from: from.into(), to: to.into(), params: BTreeMap::new() }
}

fn shop() -> Document {
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

fn shop_picture() -> Drawing {
    let document = shop();
    let layout = Layout::of(&document);
    let view = |headline: &str| NodeView { headline: headline.into(), ..NodeView::default() };
    let mut billing =
        NodeView {
            items: vec![ItemState::Unacked; 2], item_count: 14, selected: true, ..view("12 ready · 2 unacked")
        };
    billing.items.push(ItemState::ReadyAgain);
    billing.items.extend([ItemState::Ready; 11]);
    let nodes = BTreeMap::from([
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
    let wires = BTreeMap::from([
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
fn odd_picture() -> Drawing {
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
    let (nodes, wires) = (BTreeMap::new(), BTreeMap::new());
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
fn tidied_picture() -> Drawing {
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
    let (nodes, wires) = (BTreeMap::new(), BTreeMap::new());
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
struct Script {
    events: Vec<TraceEvent>,
}

impl Script {
    fn note(&mut self, milliseconds: u64, node: u32, cause: EventId, number: u32, fact: Fact) -> EventId {
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

    fn send(&mut self, at: u64, node: u32, to: u32, number: u32, what: Carried) -> EventId {
        self.note(at, node, EventId::NONE, number, Fact::Sent { link: LinkId(0), to: NodeId(to), what })
    }

    fn arrive(&mut self, at: u64, node: u32, from: u32, number: u32, what: Carried, sent: EventId) -> EventId {
        self.note(at, node, sent, number, Fact::Delivered { link: LinkId(0), from: NodeId(from), what })
    }

    fn sorted(mut self) -> Vec<TraceEvent> {
        self.events.sort_by_key(|event| event.at);
        self.events
    }
}

/// The story of the page's first lesson: a consumer crashes before it acknowledges, and the message comes again.
fn crash_story() -> Vec<TraceEvent> {
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
fn busy_story(count: u32) -> Vec<TraceEvent> {
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

fn lifelines() -> Vec<Lifeline> {
    let line = |node: u32| Lifeline {
        node: NodeId(node),
        label: NAMES[node as usize].into(),
        host: (1..=3).contains(&node).then_some(NodeId(BROKER)),
        optional: node == BROKER,
    };
    (0..8).map(line).collect()
}

fn sequence_of(events: &[TraceEvent], lifelines: &[Lifeline], size: (f64, f64), selected: Option<u32>) -> Drawing {
    sequence(&SequenceInput {
        events,
        lifelines,
        key: &|message| (message.number % 2 == 1).then(|| Rc::from("order.paid")),
        start: Time(0),
        end: Time(2_000_000_000),
        width: size.0,
        height: size.1,
        selected: selected.map(|number| MessageId { origin: NodeId(0), number }),
    })
}

/// A level that wanders, in stretches of 50 ms.
fn wandering(seed: u32, count: u64, coarse: bool) -> Vec<SeriesPoint> {
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

fn chart_of(lines: &[ChartLine], size: (f64, f64)) -> Drawing {
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

fn line(node: u32, coarse: bool) -> ChartLine {
    ChartLine { node: NodeId(node), label: NAMES[node as usize].into(), points: wandering(node + 7, 250, coarse) }
}

// ---- pictures to look at: cargo test --test diagrams -- --ignored ----

#[test]
#[ignore = "writes pictures to look at into the target folder"]
fn render_samples() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let three = [line(2, false), line(3, false), line(1, true)];
    let samples = [
        ("topology", shop_picture()),
        ("topology-odd", odd_picture()),
        ("topology-tidied", tidied_picture()),
        ("sequence", sequence_of(&crash_story(), &lifelines(), (720.0, 320.0), None)),
        ("sequence-selected", sequence_of(&busy_story(24), &lifelines(), (720.0, 400.0), Some(7))),
        ("sequence-busy", sequence_of(&busy_story(60), &lifelines(), (960.0, 540.0), None)),
        ("sequence-phone", sequence_of(&crash_story(), &lifelines(), (340.0, 260.0), None)),
        ("chart", chart_of(&three[..1], (480.0, 214.0))),
        ("chart-three", chart_of(&three, (720.0, 260.0))),
        ("chart-small", chart_of(&three[..2], (200.0, 120.0))),
        ("chart-wide", chart_of(&three[2..], (1200.0, 300.0))),
        ("chart-empty", chart_of(&[], (480.0, 214.0))),
    ];
    for (name, drawing) in samples {
        for (theme, suffix) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            let path = folder.join(format!("{name}-{suffix}.svg"));
            std::fs::write(&path, to_svg(&drawing, theme, None)).expect("the target folder can be written");
        }
    }
}

// ---- golden listings: set PATCHBAY_BLESS=1 to write them anew, then read the difference ----

fn check_golden(name: &str, drawing: &Drawing) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let listing = drawing.listing();
    if std::env::var_os("PATCHBAY_BLESS").is_some() {
        std::fs::write(&path, &listing).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(listing, golden, "{name} changed; look at the picture, then bless it");
}

#[test]
fn a_crash_before_the_ack_is_drawn_as_it_always_was() {
    check_golden("sequence_crash.txt", &sequence_of(&crash_story(), &lifelines(), (720.0, 320.0), None));
}

#[test]
fn the_shop_is_drawn_as_it_always_was() {
    check_golden("topology_shop.txt", &shop_picture());
}

#[test]
fn a_chart_is_drawn_as_it_always_was() {
    let line = ChartLine { node: NodeId(2), label: "billing".into(), points: wandering(9, 12, true) };
    check_golden("chart_small.txt", &chart_of(&[line], (320.0, 160.0)));
}

// ---- what must hold for every picture ----

/// Calls `visit` with every shape, those in groups too.
fn each_shape(shapes: &[Shape], visit: &mut dyn FnMut(&Shape)) {
    for shape in shapes {
        visit(shape);
        if let Form::Group { shapes, .. } = &shape.form {
            each_shape(shapes, visit);
        }
    }
}

fn texts(drawing: &Drawing) -> Vec<String> {
    let mut texts = Vec::new();
    each_shape(&drawing.shapes, &mut |shape| {
        if let Form::Text(text) = &shape.form {
            texts.push(text.content.clone());
        }
    });
    texts
}

/// A file that a browser opens: no number is missing, and each element that is opened is closed.
fn check_file(drawing: &Drawing) {
    let svg = to_svg(drawing, Theme::Light, Some("{\"title\":\"<&>\"}"));
    let numbers = svg.replace("info", "");
    assert!(
        !numbers.contains("NaN") && !numbers.contains("inf"),
        "{} has a coordinate that is no number",
        drawing.title
    );
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
    assert_eq!(scenario_from_svg(&svg).as_deref(), Some("{\"title\":\"<&>\"}"));
    for row in &drawing.table.rows {
        assert_eq!(row.len(), drawing.table.head.len(), "{row:?}");
    }
    assert!(!drawing.description.is_empty(), "{} can't be read by those who can't see it", drawing.title);
}

#[test]
fn the_lost_and_the_open_are_told_from_what_arrived() {
    let drawing = sequence_of(&crash_story(), &lifelines(), (720.0, 320.0), None);
    let rows: Vec<String> = drawing.table.rows.iter().map(|row| row.join("|")).collect();
    assert!(rows.contains(&"1.400 s|Order service|orders|publish|#42|lost on the link".to_string()), "{rows:#?}");
    assert!(rows.contains(&"1.850 s|Order service|orders|publish|#43|on its way".to_string()), "{rows:#?}");
    assert!(rows.contains(&"0.300 s|billing|Charge 2|deliver|#41|arrived after 200 ms".to_string()), "{rows:#?}");
    assert!(drawing.description.contains("1 did not arrive. 0.900 s, Charge 2: crash."), "{}", drawing.description);
    assert!(!texts(&drawing).contains(&"RabbitMQ".to_string()), "a broker without facts has no line");
}

#[test]
fn a_busy_stretch_shows_its_end_and_says_so() {
    let drawing = sequence_of(&busy_story(500), &lifelines(), (720.0, 300.0), None);
    let note = drawing.note.clone().unwrap_or_default();
    assert!(note.starts_with("showing the last ") && note.contains(" of 19"), "{note}");
    let mut count = 0;
    each_shape(&drawing.shapes, &mut |_| count += 1);
    assert!(count < 900, "{count} shapes for one frame");
}

#[test]
fn names_in_a_sequence_never_lie_on_each_other() {
    // Upright boxes of names that are not turned; the turned ones have their own test beside the placing.
    let drawing = sequence_of(&busy_story(12), &lifelines(), (900.0, 500.0), None);
    let mut boxes: Vec<(f64, f64, f64)> = Vec::new();
    each_shape(&drawing.shapes, &mut |shape| {
        if let (Form::Text(text), true) = (&shape.form, shape.stroke.is_some()) {
            let width = patchbay::diagram::text::text_width(&text.content, text.size, text.mono, text.strong);
            if text.turn == 0.0 {
                boxes.push((text.at.0 - width / 2.0, text.at.1, width));
            }
        }
    });
    assert!(boxes.len() >= 8, "most are named: {}", boxes.len());
    for (index, a) in boxes.iter().enumerate() {
        for b in &boxes[..index] {
            let apart = a.0 + a.2 <= b.0 || b.0 + b.2 <= a.0 || (a.1 - b.1).abs() >= 11.0;
            assert!(apart, "{a:?} {b:?}");
        }
    }
}

#[test]
fn following_a_message_makes_the_others_step_back() {
    let drawing = sequence_of(&busy_story(24), &lifelines(), (720.0, 400.0), Some(7));
    let names = texts(&drawing);
    assert!(names.contains(&"deliver #7".to_string()) || names.contains(&"#7".to_string()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("#8")), "{names:?}");
}

#[test]
fn lines_that_do_not_fit_are_counted() {
    let drawing = sequence_of(&crash_story(), &lifelines(), (340.0, 260.0), None);
    assert_eq!(drawing.note.as_deref(), Some("4 parts do not fit and are hidden"));
}

#[test]
fn charts_fit_every_width() {
    let lines = [line(2, false), line(3, true), line(1, false)];
    for width in [200.0, 320.0, 480.0, 900.0, 1200.0] {
        let drawing = chart_of(&lines, (width, 200.0));
        check_file(&drawing);
        each_shape(&drawing.shapes, &mut |shape| {
            if let Form::Text(text) = &shape.form {
                assert!(
                    text.at.0 >= 0.0 && text.at.0 <= width && text.at.1 >= 0.0 && text.at.1 <= 200.0,
                    "{text:?} in {width}"
                );
            }
        });
    }
    assert_eq!(texts(&chart_of(&[], (480.0, 200.0))), ["Press play: levels over time appear here."]);
}

#[test]
fn sparklines_stay_in_their_box() {
    assert!(sparkline(&[], 60.0, 16.0, Tone::Info).is_empty());
    assert_eq!(sparkline(&[1.0, f64::NAN, 3.0], 60.0, 16.0, Tone::Info).len(), 2);
    let long: Vec<f64> = (0..100_000).map(f64::from).collect();
    let Form::Path { commands } = &sparkline(&long, 60.0, 16.0, Tone::Info)[0].form else {
        panic!("a path comes first")
    };
    assert!(commands.matches('L').count() < 250);
}

#[test]
fn the_style_sheet_has_the_colours_of_the_pictures() {
    let Ok(sheet) =
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("static/patchbay.css"))
    else {
        return;
    };
    let plain: String = sheet.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_lowercase();
    for (tone, name, light, dark) in TOKENS {
        for colour in [light, dark] {
            let short = |colour: &str| colour == "#ffffff" && plain.contains(&format!("--{name}:#fff"));
            assert!(
                plain.contains(&format!("--{name}:{colour}")) || short(colour),
                "static/patchbay.css lacks --{name}: {colour} ({tone:?})"
            );
        }
    }
    assert!(properties(Theme::Dark).contains("--ink:#e8eaee;"));
}

// ---- inputs that no one would draw ----

fn any_document() -> impl Strategy<Value = Document> {
    let kinds = prop::sample::select(vec!["producer", "consumer", "exchange", "queue", "broker", "thing"]);
    let place = prop_oneof![4 => -2000.0..2000.0f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(-1e300)];
    let nodes =
        prop::collection::vec((kinds, "\\PC{0,12}", place, -900.0..900.0f64, prop::option::of(0usize..8)), 0..8);
    let wires = prop::collection::vec((0usize..9, 0usize..9), 0..16);
    (nodes, wires).prop_map(|(nodes, wires)| Document {
        nodes: nodes
            .into_iter()
            .enumerate()
            .map(|(n, (kind, name, x, y, host))| {
                node(&format!("n{n}"), kind, &name, host.map(|h| format!("n{h}")).as_deref(), (x, y))
            })
            .collect(),
        wires: wires
            .into_iter()
            .enumerate()
            .map(|(n, (a, b))| wire(&format!("w{n}"), &format!("n{a}"), &format!("n{b}")))
            .collect(),
        ..Document::default()
    })
}

fn any_event() -> impl Strategy<Value = (u64, u32, u64, u32, u8)> {
    (0u64..4000, 0u32..9, 0u64..60, 0u32..5, 0u8..12)
}

fn fact(kind: u8, other: u32) -> Fact {
    let (link, to) = (LinkId(0), NodeId(other));
    match kind {
        0 => Fact::Sent { link, to, what: Carried::Publish },
        1 => Fact::Sent { link, to, what: Carried::Ack },
        2 | 3 => Fact::Delivered { link, from: to, what: Carried::Publish },
        4 => Fact::Dropped { reason: DropReason::NodeDown, what: Carried::Deliver },
        5 => Fact::Duplicated { link },
        6 => Fact::Routed { to },
        7 => Fact::Began { busy: 1, waited: u64::MAX },
        8 => Fact::Completed { busy: 0, latency: 0 },
        9 => Fact::Crashed {},
        10 => Fact::Requeued { ready: u32::MAX, unacked: 0 },
        _ => Fact::Halted {},
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_document_can_be_drawn_and_tidied(document in any_document()) {
        let layout = Layout::of(&document);
        let (nodes, wires) = (BTreeMap::new(), BTreeMap::new());
        let drawing = topology(&TopologyInput {
            document: &document, layout: &layout, nodes: &nodes, wires: &wires, flights: &[], clock: String::new(),
        });
        check_file(&drawing);
        let places = tidy_layout(&document);
        prop_assert_eq!(places.len(), document.nodes.len());
        prop_assert!(places.iter().all(|(_, (x, y))| x.is_finite() && y.is_finite()));
        let _ = layout.node_at(&document, (f64::NAN, 0.0));
        let _ = layout.wire_near(&document, (0.0, 0.0), 8.0);
    }

    #[test]
    fn any_trace_can_be_drawn_and_told(events in prop::collection::vec(any_event(), 0..60), width in 0.0..1400.0f64, height in 0.0..800.0f64) {
        let mut script = Script::default();
        for (at, node, cause, number, kind) in events {
            script.note(at, node, EventId(cause), number, fact(kind, (node + 1 + number) % 9));
        }
        let events = script.sorted();
        for selected in [None, Some(1)] {
            let drawing = sequence_of(&events, &lifelines(), (width, height), selected);
            check_file(&drawing);
        }
        let names = |node: NodeId| format!("node {}", node.0);
        for number in 0..5 {
            let message = MessageId { origin: NodeId(0), number };
            prop_assert!(!patchbay::diagram::story::why(message, &events, &names).is_empty());
        }
        prop_assert!(events.iter().all(|event| !patchbay::diagram::story::line(event, &names).is_empty()));
    }

    #[test]
    fn any_chart_can_be_drawn(count in 0u64..400, width in 0.0..1400.0f64, height in 0.0..500.0f64) {
        let lines: Vec<ChartLine> = (0..9).map(|n| ChartLine { points: wandering(n, count, n % 2 == 0), ..line(n % 8, false) }).collect();
        check_file(&chart_of(&lines, (width, height)));
    }
}
