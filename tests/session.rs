//! The session without a browser: what a person does with pointers and buttons, and what comes of it.
#![cfg(not(target_arch = "wasm32"))]

use patchbay::diagram::geometry::{port_point, Point, Side};
use patchbay::kernel::rng::Stream;
use patchbay::kernel::World;
use patchbay::scenario::{library, validate, Document, Edit, Severity};
use patchbay::session::gesture::{Armed, Phase, Scene};
use patchbay::session::{Action, Effect, Gesture, Mode, Outcome, Pointer, Session, Transport, View};
use patchbay::vocabulary::{FactKind, Time};
use serde_json::json;

/// A session with a canvas: a view and the state of the pointers.
struct Page {
    session: Session,
    gesture: Gesture,
    view: View,
    said: Vec<String>,
    refused: Vec<String>,
}

fn pointer(at: Point, touch: bool) -> Pointer {
    Pointer { id: 1, at, touch, shift: false, control: false, middle: false }
}

impl Page {
    fn new(document: Document, mode: Mode) -> Page {
        let (said, refused) = (Vec::new(), Vec::new());
        let view = View { origin: (-40.0, 25.0), zoom: 1.25 };
        Page { session: Session::new(document, mode), gesture: Gesture::default(), view, said, refused }
    }

    fn with(&mut self, what: impl FnOnce(&mut Gesture, &Scene) -> Vec<Outcome>) -> Vec<Outcome> {
        let scene = Scene {
            document: self.session.document(),
            layout: self.session.layout(),
            view: self.view,
            selection: self.session.selection(),
            mode: self.session.mode(),
        };
        what(&mut self.gesture, &scene)
    }

    fn perform(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Act(action) => {
                    let effects = self.session.dispatch(action);
                    self.refused.extend(effects.into_iter().filter_map(|effect| match effect {
                        Effect::Refuse(why) => Some(why),
                        _ => None,
                    }));
                }
                Outcome::View(view) => self.view = view,
                Outcome::Say(text) => self.said.push(text),
                Outcome::Refuse(why) => self.refused.push(why),
                Outcome::QuickAdd(..) => {}
            }
        }
    }

    fn down(&mut self, pointer: Pointer) {
        let outcomes = self.with(|gesture, scene| gesture.down(pointer, scene));
        self.perform(outcomes);
    }

    fn moved(&mut self, pointer: Pointer) {
        let outcomes = self.with(|gesture, scene| gesture.moved(pointer, scene));
        self.perform(outcomes);
    }

    fn up(&mut self, pointer: Pointer) {
        let outcomes = self.with(|gesture, scene| gesture.up(pointer, scene));
        self.perform(outcomes);
    }

    /// A tap at a point of the plane.
    fn tap(&mut self, plane: Point, touch: bool) {
        let at = self.view.to_screen(plane);
        self.down(pointer(at, touch));
        self.up(pointer((at.0 + 1.0, at.1 - 1.0), touch));
    }

    /// A drag between two points of the plane.
    fn drag(&mut self, from: Point, to: Point) {
        let (from, to) = (self.view.to_screen(from), self.view.to_screen(to));
        self.down(pointer(from, false));
        for step in 1..=5 {
            let part = f64::from(step) / 5.0;
            self.moved(pointer((from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part), false));
        }
        self.up(pointer(to, false));
    }

    fn place(&mut self, kind: &str, at: Point) {
        self.gesture.armed = Armed::Place(kind.to_string());
        self.tap(at, true);
    }

    fn id_of(&self, kind: &str) -> String {
        let node = self.session.document().nodes.iter().find(|node| node.kind == kind);
        node.unwrap_or_else(|| panic!("there is a {kind}")).id.clone()
    }

    fn port(&self, id: &str, outgoing: bool) -> Point {
        let side = if outgoing { Side::Right } else { Side::Left };
        port_point(self.session.layout().frame(id).expect("it is drawn"), side)
    }

    fn centre(&self, id: &str) -> Point {
        self.session.layout().frame(id).expect("it is drawn").centre()
    }

    fn place_all(&mut self) -> [String; 3] {
        self.place("producer", (100.0, 200.0));
        self.place("queue", (400.0, 200.0));
        self.place("consumer", (700.0, 200.0));
        ["producer", "queue", "consumer"].map(|kind| self.id_of(kind))
    }

    fn act(&mut self, transport: Transport) {
        self.session.dispatch(Action::Transport(transport));
    }

    fn play(&mut self, seconds: usize) {
        self.act(Transport::Play);
        (0..seconds * 10).for_each(|_| drop(self.session.tick(0.1)));
    }

    fn total(&self, kind: FactKind) -> u64 {
        self.session.run().simulation().tally().total(kind)
    }
}

fn works(page: &mut Page) {
    let errors = validate(page.session.document()).into_iter().filter(|problem| problem.severity == Severity::Error);
    assert_eq!(errors.count(), 0);
    page.play(10);
    assert!(page.total(FactKind::Completed) >= 4, "the work queue works");
    assert_eq!(page.refused, [""; 0]);
}

fn work_queue() -> Page {
    let document = library::document("work-queue").expect("it is there");
    Page::new((*document).clone(), Mode::Edit)
}

#[test]
fn a_work_queue_is_drawn_with_drags() {
    let mut page = Page::new(Document::default(), Mode::Edit);
    let [producer, queue, consumer] = page.place_all();
    page.drag(page.port(&producer, true), page.centre(&queue));
    // Against the direction of the messages: the line is turned round.
    page.drag(page.port(&consumer, false), page.port(&queue, true));
    assert_eq!(page.session.document().wires.len(), 2);
    assert_eq!(page.session.document().node(&queue).and_then(|node| node.host.clone()), Some(page.id_of("broker")));
    let before = page.centre(&consumer);
    page.drag(before, (before.0 + 96.0, before.1 + 48.0));
    assert_eq!(page.centre(&consumer), (before.0 + 96.0, before.1 + 48.0));
    works(&mut page);
    while page.session.can_undo() {
        page.session.dispatch(Action::Undo);
    }
    assert!(page.session.document().same_drawing(&Document::default()));
}

#[test]
fn a_work_queue_is_drawn_with_taps_alone() {
    let mut page = Page::new(Document::default(), Mode::Edit);
    let [producer, queue, consumer] = page.place_all();
    page.tap(page.port(&producer, true), true);
    assert_eq!(page.gesture.armed, Armed::Connect(producer, Side::Right));
    page.tap(page.centre(&queue), true);
    page.tap(page.port(&queue, true), true);
    page.tap(page.centre(&consumer), true);
    assert_eq!(page.session.document().wires.len(), 2);
    page.gesture.armed = Armed::Move(consumer.clone());
    page.tap((804.0, 300.0), true);
    assert_eq!(page.session.document().node(&consumer).map(|node| node.at), Some((804.0, 300.0)));
    works(&mut page);
}

#[test]
fn a_refused_connection_says_why_and_what_to_do() {
    let mut page = Page::new(Document::default(), Mode::Edit);
    let [producer, _, consumer] = page.place_all();
    page.drag(page.port(&producer, true), page.centre(&consumer));
    assert_eq!(page.session.document().wires.len(), 0);
    assert_eq!(page.refused, ["A producer publishes to an exchange or a queue. Put a queue between them."]);
}

#[test]
fn a_part_placed_on_a_wire_is_put_between() {
    let mut page = Page::new(Document::default(), Mode::Edit);
    let [producer, queue, _] = page.place_all();
    page.drag(page.port(&producer, true), page.centre(&queue));
    let (from, to) = (page.port(&producer, true), page.port(&queue, false));
    page.place("exchange", ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0));
    let exchange = page.id_of("exchange");
    let mut ends: Vec<(&str, &str)> =
        page.session.document().wires.iter().map(|wire| (wire.from.as_str(), wire.to.as_str())).collect();
    ends.sort();
    let mut expected = [(producer.as_str(), exchange.as_str()), (exchange.as_str(), queue.as_str())];
    expected.sort();
    assert_eq!(ends, expected);
    page.session.dispatch(Action::Undo);
    assert_eq!(page.session.document().wires.len(), 1, "one undo takes the whole back");
}

#[test]
fn two_fingers_zoom_about_their_middle_and_pan() {
    let mut page = work_queue();
    let finger = |id: i32, at: Point| Pointer { id, ..pointer(at, true) };
    let before = page.view;
    let fixed = before.to_plane((300.0, 20.0));
    page.down(finger(1, (200.0, 20.0)));
    page.down(finger(2, (400.0, 20.0)));
    assert!(matches!(page.gesture.phase, Phase::Pinching { .. }));
    page.moved(finger(1, (100.0, 20.0)));
    page.moved(finger(2, (500.0, 20.0)));
    assert!((page.view.zoom / before.zoom - 2.0).abs() < 1e-9, "{}", page.view.zoom);
    let after = page.view.to_plane((300.0, 20.0));
    assert!((after.0 - fixed.0).abs() < 1e-9 && (after.1 - fixed.1).abs() < 1e-9);
    page.up(finger(2, (500.0, 20.0)));
    page.moved(finger(1, (120.0, 30.0)));
    page.up(finger(1, (120.0, 30.0)));
    assert_eq!(page.gesture.phase, Phase::Idle);
    assert!(!page.session.can_undo(), "looking changes nothing");
}

#[test]
fn an_edit_in_a_run_keeps_it_running() {
    let mut page = work_queue();
    page.play(6);
    let (now, published) = (page.session.now(), page.total(FactKind::Published));
    let producer = page.id_of("producer");
    let edit = Edit::SetParam { id: producer, name: "rate".into(), value: Some(json!(40)) };
    page.session.dispatch(Action::Edit(edit));
    assert!(page.session.playing());
    assert_eq!((page.session.now(), page.total(FactKind::Published)), (now, published), "the clock stays");
    page.play(2);
    let made = page.total(FactKind::Published) - published;
    assert!(made > 50, "the new rate holds at once: {made} in two seconds");
    page.session.dispatch(Action::Undo);
    assert!(page.session.playing() && page.session.now() > now);
    let published = page.total(FactKind::Published);
    page.play(5);
    let made = page.total(FactKind::Published) - published;
    assert!((1..25).contains(&made), "the old rate holds again: {made} in five seconds");
}

#[test]
fn a_knob_that_is_turned_is_one_step_of_undo() {
    let mut page = work_queue();
    let producer = page.id_of("producer");
    let before = page.session.document().clone();
    for rate in 2..30 {
        let edit = Edit::SetParam { id: producer.clone(), name: "rate".into(), value: Some(json!(rate)) };
        page.session.dispatch(Action::Adjust { key: "rate".into(), edit });
    }
    page.session.dispatch(Action::Undo);
    assert!(page.session.document().same_drawing(&before));
    assert!(!page.session.can_undo());
}

fn state(page: &Page) -> (u64, u64) {
    (page.session.run().simulation().digest(), page.session.run().simulation().events_recorded())
}

#[test]
fn a_step_back_is_the_inverse_of_a_step() {
    let mut page = work_queue();
    page.act(Transport::Seek(Time(3_000_000_000)));
    page.act(Transport::StepForward);
    let mut states = vec![state(&page)];
    for _ in 0..30 {
        page.act(Transport::StepForward);
        states.push(state(&page));
    }
    assert!(states.windows(2).all(|pair| pair[0].1 < pair[1].1), "each step writes something");
    states.pop();
    while let Some(expected) = states.pop() {
        page.act(Transport::StepBack);
        assert_eq!(state(&page), expected);
    }
}

#[test]
fn time_goes_where_it_is_sent() {
    let mut page = work_queue();
    page.act(Transport::Seek(Time(5_000_000_000)));
    let five = state(&page);
    page.act(Transport::RunToEnd);
    (0..100).for_each(|_| drop(page.session.tick(0.016)));
    assert_eq!(page.session.now(), page.session.end());
    assert!(!page.session.playing());
    page.act(Transport::Seek(Time(5_000_000_000)));
    assert_eq!((state(&page), page.session.now()), (five, Time(5_000_000_000)));
    page.act(Transport::Reset);
    assert_eq!((page.session.now(), page.session.run().steps()), (Time::ZERO, 0));
}

#[test]
fn a_figure_can_only_be_used_as_it_is_meant() {
    for (mode, plays) in [(Mode::View, false), (Mode::Play, true)] {
        let mut page = Page::new((**work_queue().session.document()).clone(), mode);
        let before = page.session.document().clone();
        let consumer = page.id_of("consumer");
        page.drag(page.centre(&consumer), (500.0, 500.0));
        page.place("queue", (300.0, 400.0));
        for action in [Action::Undo, Action::DeleteSelection, Action::Edit(Edit::RemoveNode { id: consumer })] {
            assert!(matches!(page.session.dispatch(action)[..], [Effect::Refuse(_)]));
        }
        assert_eq!(page.session.document(), &before);
        page.act(Transport::Seek(Time(1_000_000_000)));
        assert_eq!(page.session.now() > Time::ZERO, plays);
    }
}

#[test]
fn undo_brings_the_document_back_that_was_open_before() {
    let mut page = work_queue();
    let first = page.session.document().clone();
    let other = library::document("consumer-crash").expect("it is there");
    page.session.dispatch(Action::Open(Box::new((*other).clone())));
    assert_eq!(page.session.document().title, other.title);
    page.session.dispatch(Action::Undo);
    assert_eq!(page.session.document(), &first);
    page.session.dispatch(Action::Redo);
    assert_eq!(page.session.document(), &other);
}

/// A changed past leaves a branch; it is called by what was done on it, and brings back its own drawing and its own run.
#[test]
fn a_left_branch_has_a_name_and_brings_back_its_drawing() {
    let mut page = work_queue();
    let [consumer, queue] = ["consumer", "queue"].map(|kind| page.id_of(kind));
    page.play(4);
    assert!(page.session.branches().left.is_empty(), "nothing was changed in the past");
    let fault = |deed| Action::Fault(deed);
    page.session.dispatch(fault(patchbay::scenario::instantiate::FaultDeed::Crash(consumer.clone())));
    page.play(4);
    let crashed = page.session.run().simulation().digest();
    let seek = |page: &mut Page, seconds: u64| page.act(Transport::Seek(Time(seconds * 1_000_000_000)));
    seek(&mut page, 2);
    let before = page.session.document().clone();
    let length = Edit::SetParam { id: consumer.clone(), name: "prefetch".into(), value: Some(json!(7)) };
    page.session.dispatch(Action::Edit(length));
    page.session.dispatch(Action::Edit(Edit::MoveNode { id: queue.clone(), at: (444.0, 444.0) }));
    let changed = page.session.document().clone();
    let branches = page.session.branches();
    assert_eq!(branches.left.len(), 1);
    assert!(branches.left[0].0.name.ends_with("crashed at 4.000 s"), "{branches:?}");
    assert_eq!(branches.left[0].1, Time(2_000_000_000), "they part where the past was changed");
    assert!(branches.shown.name.contains("→ 7 at 2.000 s"), "{branches:?}");

    page.session.dispatch(Action::SwitchBranch(0));
    let at = |page: &Page| page.session.document().node(&queue).expect("it is there").at;
    assert_eq!(at(&page), (444.0, 444.0), "places are no part of a run");
    assert_eq!(page.session.document().node(&consumer), before.node(&consumer), "settings are");
    seek(&mut page, 8);
    assert_eq!(page.session.run().simulation().digest(), crashed, "the same run again");
    let branches = page.session.branches();
    assert!(branches.shown.name.ends_with("crashed at 4.000 s"), "{branches:?}");
    assert!(branches.left[0].0.name.contains("→ 7 at 2.000 s"), "{branches:?}");

    page.session.dispatch(Action::Undo);
    assert!(page.session.document().same_drawing(&changed), "one undo brings the drawing back");
    assert!(matches!(page.session.dispatch(Action::SwitchBranch(9))[..], [Effect::Refuse(_)]));
}

fn one_in(chance: &mut Stream, count: u32) -> bool {
    chance.below(count) == 0
}

fn pick<T: Clone>(chance: &mut Stream, items: &[T]) -> Option<T> {
    items.get(chance.below(items.len() as u32) as usize).cloned()
}

/// Pointers of any kind in any order, and a document that has nothing wrong but what is unfinished.
#[test]
fn any_stream_of_pointers_leaves_a_sound_document() {
    let mut edits = 0;
    for seed in 0..150 {
        let mut chance = Stream::named(seed, "pointers", "test");
        let mut page = if one_in(&mut chance, 2) { work_queue() } else { Page::new(Document::default(), Mode::Edit) };
        for _ in 0..120 {
            let at = (f64::from(chance.below(900)) * page.view.zoom, f64::from(chance.below(500)) * page.view.zoom);
            let near = page.session.document().nodes.iter().map(|node| node.id.clone()).collect::<Vec<_>>();
            let port = pick(&mut chance, &near).map(|id| page.view.to_screen(page.port(&id, one_in(&mut chance, 2))));
            let at = port.filter(|_| !one_in(&mut chance, 3)).unwrap_or(at);
            let flags = [one_in(&mut chance, 8), one_in(&mut chance, 8), one_in(&mut chance, 12)];
            let [shift, control, middle] = flags;
            let pointer =
                Pointer { id: chance.below(3) as i32, at, touch: one_in(&mut chance, 2), shift, control, middle };
            match chance.below(9) {
                0..=2 => page.down(pointer),
                3..=4 => page.moved(pointer),
                5..=6 => page.up(pointer),
                7 => {
                    page.gesture.armed = Armed::Place(
                        pick(&mut chance, &["producer", "queue", "consumer", "exchange", "broker"])
                            .unwrap_or("queue")
                            .into(),
                    )
                }
                _ if one_in(&mut chance, 4) => drop(page.gesture.cancel()),
                _ => {}
            }
            let errors: Vec<String> = validate(page.session.document())
                .into_iter()
                .filter(|problem| problem.severity == Severity::Error)
                .map(|problem| problem.to_string())
                .collect();
            assert!(errors.is_empty(), "seed {seed}: {errors:?}");
            assert!(page.view.zoom.is_finite() && page.view.origin.0.is_finite() && page.view.origin.1.is_finite());
        }
        edits += page.session.document().nodes.len() + page.session.document().wires.len();
        assert!(page.session.run().now() == Time::ZERO);
    }
    assert!(edits > 600, "something was drawn: {edits}");
}
