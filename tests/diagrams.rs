//! Diagrams from hand-made documents and traces: golden listings, soundness of files, and inputs that no one would draw.
#![cfg(not(target_arch = "wasm32"))]

mod diagram_samples;

use diagram_samples::*;
use patchbay::diagram::chart::{sparkline, ChartLine};
use patchbay::diagram::drawing::{Drawing, Form, Shape};
use patchbay::diagram::palette::{properties, Theme, Tone, TOKENS};
use patchbay::diagram::svg::{scenario_from_svg, to_svg};
use patchbay::diagram::tidy::tidy_layout;
use patchbay::diagram::topology::{topology, TopologyInput};
use patchbay::diagram::Layout;
use patchbay::scenario::document::Document;
use patchbay::vocabulary::{Carried, DropReason, EventId, Fact, FlatMap, LinkId, MessageId, NodeId};
use proptest::prelude::*;

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
    let crash = live::run("consumer-crash", 19);
    let live_samples = [
        ("live-topology", live::live_topology(&crash)),
        ("live-sequence", live::live_sequence(&crash, (16.0, 19.0), (720.0, 320.0))),
        ("live-shop", live::live_topology(&live::run("order-processing-queue", 20))),
        (
            "live-shop-sequence",
            live::live_sequence(&live::run("order-processing-queue", 20), (17.0, 20.0), (900.0, 320.0)),
        ),
        ("live-chart", live::live_chart(&live::run("consumer-crash", 50), (720.0, 240.0))),
    ];
    for (name, drawing) in samples.into_iter().chain(live_samples) {
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
    if std::env::var("PATCHBAY_BLESS").is_ok_and(|value| value == "1") {
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
fn every_ready_scenario_can_be_drawn_and_told() {
    for ready in patchbay::scenario::library::ALL {
        let run = live::run(ready.id, 20);
        let simulation = run.simulation();
        check_file(&live::live_topology(&run));
        check_file(&live::live_chart(&run, (480.0, 214.0)));
        let drawing = live::live_sequence(&run, (0.0, 20.0), (720.0, 320.0));
        check_file(&drawing);
        assert!(drawing.table.rows.len() > 5, "{}: {:?}", ready.id, drawing.table.rows);
        let names = |node: NodeId| run.label(node).to_string();
        let messages: std::collections::BTreeSet<MessageId> =
            simulation.trace().iter().map(|event| event.message).collect();
        for message in messages.into_iter().filter(|message| message.some().is_some()).take(30) {
            let told = patchbay::diagram::story::why(message, simulation.trace().iter(), &names);
            let verdict = told.last().cloned().unwrap_or_default();
            assert!(told.len() > 1 && verdict.contains(&message.to_string()), "{}: {told:#?}", ready.id);
        }
    }
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
    assert_eq!(drawing.note.as_deref(), Some("2 parts do not fit and are hidden"));
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
    assert_eq!(texts(&chart_of(&[], (480.0, 200.0))), ["Nothing has waited anywhere yet."]);
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
        let (nodes, wires) = (FlatMap::new(), FlatMap::new());
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
