//! The kernel by itself, with parts that only tests have.
#![cfg(not(target_arch = "wasm32"))]

use std::rc::Rc;

use patchbay::kernel::{
    Component, Context, Envelope, Fault, LinkEnd, LinkSpec, NodeCondition, Notice, Port, Simulation, Timeline,
    TraceMode, World,
};
use patchbay::vocabulary::{
    BrokerMessage, Carried, Content, Distribution, DropReason, Duration, Fact, FactKind, LinkId, Message, MessageId,
    NodeId, Time, TimerId,
};
use proptest::prelude::*;

const OUT: Port = Port(0);
const IN: Port = Port(0);

/// Sends a numbered message every `every`, and writes down what it is told.
#[derive(Clone)]
struct Source {
    every: Duration,
    commands: u32,
    notices: Vec<Notice>,
}

/// Writes down the numbers of the messages that it gets.
#[derive(Clone, Default)]
struct Sink {
    got: Vec<u32>,
    notices: Vec<Notice>,
}

fn publish(context: &mut Context) {
    let id = context.next_message_id();
    let content = Content {
        id,
        routing_key: "".into(),
        headers: Rc::from([]),
        payload: "".into(),
        persistent: false,
        priority: None,
        expiration: None,
        created: context.now(),
    };
    context.send(OUT, Message::Broker(BrokerMessage::Publish(Rc::new(content))));
}

impl Component for Source {
    fn on_start(&mut self, context: &mut Context) {
        context.set_timer(self.every, 0);
    }
    fn on_message(&mut self, _: Envelope, _: &mut Context) {}
    fn on_timer(&mut self, _: TimerId, _: u64, context: &mut Context) {
        publish(context);
        context.work(self.every, 0);
    }
    fn on_fault(&mut self, notice: Notice, context: &mut Context) {
        self.notices.push(notice);
        if notice == Notice::Restarted {
            context.set_timer(self.every, 0);
        }
    }
    fn on_command(&mut self, _: NodeId, command: &str, context: &mut Context) -> bool {
        self.commands += 1;
        publish(context);
        command == "send"
    }
    fn inspect(&self, _: NodeId, _: usize) -> patchbay::kernel::Inspection {
        patchbay::kernel::Inspection { headline: format!("{:?}", self.notices), ..Default::default() }
    }
    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

impl Component for Sink {
    fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
        let about = envelope.message.about();
        self.got.push(about.number);
        context.record(about, Fact::Completed { busy: 0, latency: 0 });
    }
    fn on_fault(&mut self, notice: Notice, _: &mut Context) {
        self.notices.push(notice);
    }
    fn inspect(&self, _: NodeId, _: usize) -> patchbay::kernel::Inspection {
        let got: Vec<String> = self.got.iter().map(u32::to_string).collect();
        patchbay::kernel::Inspection {
            headline: got.join(" "),
            rows: vec![("notices", format!("{:?}", self.notices))],
            ..Default::default()
        }
    }
    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

const SOURCE: NodeId = NodeId(0);
const SINK: NodeId = NodeId(1);
const LINK: LinkId = LinkId(0);

fn world(spec: LinkSpec) -> Simulation {
    let mut simulation = Simulation::new(7, TraceMode::Full);
    let source = Source { every: Duration::from_secs(1), commands: 0, notices: Vec::new() };
    simulation.add_node("source", Box::new(source));
    simulation.add_node("sink", Box::new(Sink::default()));
    let (from, to) = (LinkEnd { node: SOURCE, port: OUT }, LinkEnd { node: SINK, port: IN });
    simulation.add_link("link", spec, from, to);
    simulation
}

fn latency(distribution: Distribution) -> LinkSpec {
    LinkSpec { latency: distribution, ..LinkSpec::default() }
}

fn got(simulation: &Simulation) -> Vec<u32> {
    let headline = simulation.inspect(SINK, 0).headline;
    headline.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn seconds(seconds: f64) -> Time {
    Time::ZERO + Duration::from_secs_f64(seconds)
}

fn dropped(simulation: &Simulation) -> Vec<(u32, DropReason)> {
    let reason = |fact| match fact {
        Fact::Dropped { reason, what: Carried::Publish } => Some(reason),
        _ => None,
    };
    simulation.trace().iter().filter_map(|event| Some((event.message.number, reason(event.fact)?))).collect()
}

#[test]
fn frames_take_their_latency_and_keep_their_order() {
    let mut simulation = world(latency(Distribution::Constant(Duration::from_millis(300))));
    simulation.run_until(seconds(1.299));
    assert_eq!(got(&simulation), [0; 0]);
    assert_eq!(simulation.in_flight().len(), 1);
    simulation.run_until(seconds(1.3));
    assert_eq!(got(&simulation), [1]);

    let mut wild = world(latency(Distribution::Exponential(Duration::from_secs(5))));
    wild.run_until(seconds(2000.0));
    let received = got(&wild);
    assert!(
        received.len() > 1900 && received.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "a stream keeps its order"
    );
}

#[test]
fn loss_duplication_and_reordering_happen_as_often_as_asked() {
    let spec = LinkSpec { loss: 0.2, ..latency(Distribution::Constant(Duration::from_millis(1))) };
    let mut simulation = world(spec);
    simulation.run_until(seconds(10_000.0));
    let tally = simulation.tally();
    let lost = tally.count(SOURCE, FactKind::Dropped);
    assert!((1800..2200).contains(&lost), "{lost}");
    assert_eq!(
        tally.count(SOURCE, FactKind::Sent),
        lost + tally.count(SINK, FactKind::Delivered) + simulation.in_flight().len() as u64
    );

    let mut simulation = world(LinkSpec { duplicate: 0.1, ..LinkSpec::default() });
    simulation.run_until(seconds(10_000.0));
    let twice = simulation.tally().count(SOURCE, FactKind::Duplicated);
    assert!((850..1150).contains(&twice), "{twice}");
    assert_eq!(got(&simulation).len() as u64, 10_000 + twice);

    let spec = LinkSpec { reorder: 0.1, ..latency(Distribution::Constant(Duration::from_secs(3))) };
    let mut simulation = world(spec);
    simulation.run_until(seconds(10_000.0));
    let received = got(&simulation);
    let overtaken = received.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert!((500..1500).contains(&overtaken), "{overtaken}");
}

#[test]
fn a_crash_loses_what_arrives_and_the_peer_notices() {
    let mut simulation = world(latency(Distribution::Constant(Duration::from_millis(100))));
    simulation.run_until(seconds(2.05));
    simulation.fault(Fault::Crash(SINK));
    assert_eq!(simulation.condition(SINK), NodeCondition::Down);
    simulation.run_until(seconds(2.5));
    assert_eq!(dropped(&simulation), [(2, DropReason::NodeDown)]);
    assert!(simulation.inspect(SOURCE, 0).headline.contains("PeerLost"));
    simulation.fault(Fault::Restart(SINK));
    simulation.run_until(seconds(3.5));
    assert!(simulation.inspect(SOURCE, 0).headline.contains("PeerBack"));
    assert_eq!(got(&simulation), [1, 3]);
}

#[test]
fn frames_of_the_old_connection_do_not_reach_the_new_process() {
    let mut simulation = world(latency(Distribution::Constant(Duration::from_millis(500))));
    simulation.run_until(seconds(1.1));
    simulation.fault(Fault::Crash(SINK));
    simulation.fault(Fault::Restart(SINK));
    simulation.run_until(seconds(3.9));
    assert_eq!(dropped(&simulation), [(1, DropReason::ConnectionLost)]);
    assert_eq!(got(&simulation), [2, 3]);
}

#[test]
fn a_crash_cancels_timers_and_a_restart_begins_anew() {
    let mut simulation = world(LinkSpec::default());
    simulation.run_until(seconds(1.5));
    simulation.fault(Fault::Crash(SOURCE));
    simulation.run_until(seconds(10.0));
    assert_eq!(got(&simulation), [1]);
    simulation.fault(Fault::Restart(SOURCE));
    simulation.run_until(seconds(12.5));
    assert_eq!(got(&simulation), [1, 2, 3]);
}

#[test]
fn a_partition_holds_frames_until_the_repair() {
    let mut simulation = world(latency(Distribution::Constant(Duration::from_millis(100))));
    simulation.run_until(seconds(1.05));
    simulation.fault(Fault::Partition(LINK));
    simulation.run_until(seconds(3.5));
    assert_eq!(got(&simulation), [0; 0]);
    assert_eq!(simulation.in_flight().len(), 3);
    simulation.fault(Fault::Repair(LINK));
    simulation.run_until(seconds(3.65));
    assert_eq!(got(&simulation), [1, 2, 3]);
    assert_eq!(simulation.inspect(SOURCE, 0).headline, "[]", "a short partition is not noticed");
}

/// What was on its way when the link broke had been sent before what its ends send into the broken link.
#[test]
fn a_partition_keeps_the_order_of_sending() {
    let mut simulation = world(latency(Distribution::Constant(Duration::from_millis(2500))));
    simulation.run_until(seconds(2.7));
    simulation.fault(Fault::Partition(LINK));
    simulation.run_until(seconds(6.2));
    simulation.fault(Fault::Repair(LINK));
    simulation.run_until(seconds(9.0));
    assert_eq!(got(&simulation), [1, 2, 3, 4, 5, 6]);
    // One that arrived during the partition waits; one that would arrive only after the repair comes behind it.
    let mut simulation = world(latency(Distribution::Constant(Duration::from_millis(2500))));
    simulation.run_until(seconds(3.2));
    simulation.fault(Fault::Partition(LINK));
    simulation.run_until(seconds(4.0));
    simulation.fault(Fault::Repair(LINK));
    simulation.run_until(seconds(9.0));
    assert_eq!(got(&simulation), [1, 2, 3, 4, 5, 6]);
}

/// What had come to a paused node is taken up by it, though the link has broken since then.
#[test]
fn a_partition_does_not_take_back_what_has_arrived() {
    let mut simulation = world(latency(Distribution::Constant(Duration::from_millis(100))));
    simulation.run_until(seconds(1.5));
    simulation.fault(Fault::Pause(SINK));
    simulation.run_until(seconds(3.5));
    simulation.fault(Fault::Partition(LINK));
    simulation.run_until(seconds(4.5));
    simulation.fault(Fault::Resume(SINK));
    simulation.run_until(seconds(5.5));
    assert_eq!(got(&simulation), [1, 2, 3]);
    simulation.fault(Fault::Repair(LINK));
    simulation.run_until(seconds(6.05));
    assert_eq!(got(&simulation), [1, 2, 3, 4, 5]);
}

/// What comes at the very instant at which a node goes on comes after what waited.
#[test]
fn a_paused_node_goes_on_in_order() {
    let mut simulation = world(latency(Distribution::Constant(Duration::from_secs(1))));
    simulation.plan_fault(seconds(2.5), Fault::Pause(SINK));
    simulation.plan_fault(seconds(5.0), Fault::Resume(SINK));
    simulation.run_until(seconds(4.5));
    assert_eq!(got(&simulation), [1]);
    simulation.run_until(seconds(5.0));
    assert_eq!(got(&simulation), [1, 2, 3, 4]);
    // Frozen again while it catches up, it stops there.
    simulation.fault(Fault::Pause(SINK));
    simulation.run_until(seconds(7.5));
    simulation.fault(Fault::Resume(SINK));
    assert_eq!(simulation.condition(SINK), NodeCondition::Running);
    simulation.step();
    assert_eq!(got(&simulation), [1, 2, 3, 4, 5]);
    simulation.fault(Fault::Pause(SINK));
    simulation.run_until(seconds(8.5));
    assert_eq!((got(&simulation).len(), simulation.condition(SINK)), (5, NodeCondition::Paused));
    simulation.fault(Fault::Resume(SINK));
    simulation.run_until(seconds(9.0));
    assert_eq!(got(&simulation), [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_long_partition_breaks_the_connection() {
    let spec =
        LinkSpec { heartbeat: Duration::from_secs(5), ..latency(Distribution::Constant(Duration::from_millis(100))) };
    let mut simulation = world(spec);
    simulation.run_until(seconds(1.5));
    simulation.fault(Fault::Partition(LINK));
    simulation.run_until(seconds(7.5));
    let lost: Vec<u32> = dropped(&simulation).into_iter().map(|(number, _)| number).collect();
    assert_eq!(lost, [2, 3, 4, 5, 6, 7]);
    simulation.fault(Fault::Repair(LINK));
    simulation.run_until(seconds(9.5));
    assert_eq!(got(&simulation), [1, 8, 9]);
    let notices = simulation.inspect(SOURCE, 0).headline;
    assert!(notices.contains("PeerLost") && notices.contains("PeerBack"), "{notices}");
}

#[test]
fn a_paused_node_works_off_what_waited_and_a_slow_one_takes_longer() {
    let mut simulation = world(LinkSpec::default());
    simulation.run_until(seconds(1.5));
    simulation.fault(Fault::Pause(SINK));
    simulation.run_until(seconds(5.5));
    assert_eq!(got(&simulation), [1]);
    simulation.fault(Fault::Resume(SINK));
    simulation.run_until(seconds(5.5));
    assert_eq!(got(&simulation), [1, 2, 3, 4, 5]);

    simulation.fault(Fault::Slow(SOURCE, 300));
    simulation.run_until(seconds(12.5));
    assert_eq!(got(&simulation), [1, 2, 3, 4, 5, 6, 7, 8], "one timer was set before: 6 s, then 9 s, then 12 s");
}

#[test]
fn the_cause_of_a_fact_is_what_led_to_it() {
    let mut simulation = world(LinkSpec::default());
    simulation.run_until(seconds(1.0));
    let trace = simulation.trace();
    let find = |kind: FactKind| trace.iter().find(|event| event.fact.kind() == kind).copied();
    let (Some(sent), Some(delivered), Some(completed)) =
        (find(FactKind::Sent), find(FactKind::Delivered), find(FactKind::Completed))
    else {
        panic!("the first message should have arrived");
    };
    assert_eq!(delivered.cause, sent.id);
    assert_eq!(completed.cause, delivered.id);
    assert_eq!(completed.message, MessageId { origin: SOURCE, number: 1 });
}

#[test]
fn a_loop_that_takes_no_time_is_halted() {
    let mut simulation = Simulation::new(1, TraceMode::Off);
    #[derive(Clone)]
    struct Echo;
    impl Component for Echo {
        fn on_start(&mut self, context: &mut Context) {
            publish(context);
        }
        fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
            context.reply(envelope.message);
        }
        fn clone_box(&self) -> Box<dyn Component> {
            Box::new(Echo)
        }
    }
    let one = simulation.add_node("one", Box::new(Echo));
    let other = simulation.add_node("other", Box::new(Echo));
    let end = |node| LinkEnd { node, port: OUT };
    simulation.add_link("link", LinkSpec::default(), end(one), end(other));
    simulation.run_until(seconds(1.0));
    assert!(simulation.halted().is_some_and(|reason| reason.contains("circle")));
    assert!(!simulation.step());
}

/// The simulation with an intervention log, as a timeline needs it.
#[derive(Clone)]
struct Lab(Simulation);

#[derive(Clone, Copy, Debug)]
enum Deed {
    Fault(Fault),
    Send,
}

impl World for Lab {
    type Intervention = Deed;
    fn now(&self) -> Time {
        self.0.now()
    }
    fn steps(&self) -> u64 {
        self.0.steps()
    }
    fn advance(&mut self, until: Time, steps_max: u64) -> bool {
        self.0.advance(until, steps_max)
    }
    fn apply(&mut self, deed: &Deed) {
        match deed {
            Deed::Fault(fault) => self.0.fault(*fault),
            Deed::Send => {
                self.0.command(SOURCE, "send");
            }
        }
    }
    fn checkpoint(&self) -> Lab {
        Lab(self.0.checkpoint())
    }
    fn restore(&mut self, checkpoint: &Lab) {
        self.0.restore(&checkpoint.0);
    }
}

fn lab() -> Timeline<Lab> {
    let spec = LinkSpec {
        loss: 0.05,
        duplicate: 0.05,
        reorder: 0.05,
        ..latency(Distribution::Exponential(Duration::from_millis(700)))
    };
    Timeline::new(Lab(world(spec)))
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        Just(Deed::Send),
        Just(Deed::Fault(Fault::Crash(SINK))),
        Just(Deed::Fault(Fault::Restart(SINK))),
        Just(Deed::Fault(Fault::Crash(SOURCE))),
        Just(Deed::Fault(Fault::Restart(SOURCE))),
        Just(Deed::Fault(Fault::Pause(SINK))),
        Just(Deed::Fault(Fault::Resume(SINK))),
        Just(Deed::Fault(Fault::Slow(SOURCE, 30))),
        Just(Deed::Fault(Fault::Partition(LINK))),
        Just(Deed::Fault(Fault::Repair(LINK))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// However one jumps about, the state at a point is the state of the straight run; and the trace is too.
    #[test]
    fn every_seek_is_the_straight_run(deeds in prop::collection::vec((0.0..200.0f64, deed()), 0..12), jumps in prop::collection::vec(0.0..400.0f64, 1..8)) {
        let mut deeds = deeds;
        deeds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut timeline = lab();
        for (at, deed) in &deeds {
            timeline.seek_time(seconds(*at));
            timeline.intervene(*deed);
        }
        timeline.seek_time(seconds(60_000.0));
        let end = timeline.world().0.digest();
        for jump in jumps {
            timeline.seek_time(seconds(jump));
            let mut straight = lab();
            for (at, deed) in deeds.iter().filter(|(at, _)| *at <= jump) {
                straight.advance(seconds(*at), u64::MAX);
                straight.intervene(*deed);
            }
            straight.advance(seconds(jump), u64::MAX);
            prop_assert_eq!(timeline.world().0.digest(), straight.world().0.digest(), "at {}", jump);
            let lines = |timeline: &Timeline<Lab>| timeline.world().0.trace().iter().rev().take(50).copied().collect::<Vec<_>>();
            prop_assert_eq!(lines(&timeline), lines(&straight));
            let steps = timeline.world().steps() / 2;
            timeline.seek_steps(steps);
            prop_assert_eq!(timeline.world().steps(), steps);
        }
        timeline.seek_time(seconds(60_000.0));
        prop_assert_eq!(timeline.world().0.digest(), end);
    }

    /// Every frame that was sent has arrived, was dropped for a reason, or is on its way.
    #[test]
    fn no_frame_is_unaccounted_for(deeds in prop::collection::vec((0.0..100.0f64, deed()), 0..30)) {
        let mut deeds = deeds;
        deeds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut timeline = lab();
        for (at, deed) in deeds {
            timeline.seek_time(seconds(at));
            timeline.intervene(deed);
        }
        timeline.seek_time(seconds(200.0));
        let simulation = &timeline.world().0;
        let total = |kind| simulation.tally().total(kind);
        let arrived = total(FactKind::Delivered) + total(FactKind::Dropped) + simulation.in_flight().len() as u64;
        prop_assert_eq!(total(FactKind::Sent) + total(FactKind::Duplicated), arrived);
    }
}

#[test]
fn changing_the_past_leaves_the_old_future_as_a_branch() {
    let mut timeline = lab();
    timeline.seek_time(seconds(50.0));
    timeline.intervene(Deed::Send);
    timeline.seek_time(seconds(100.0));
    let old = timeline.world().0.digest();
    timeline.seek_time(seconds(20.0));
    assert!(timeline.in_the_past());
    timeline.intervene(Deed::Fault(Fault::Crash(SINK)));
    assert!(!timeline.in_the_past());
    timeline.seek_time(seconds(100.0));
    let new = timeline.world().0.digest();
    assert_ne!(old, new);
    assert_eq!(timeline.branches().len(), 1);
    assert!(timeline.switch_to(0));
    timeline.seek_time(seconds(100.0));
    assert_eq!(timeline.world().0.digest(), old);
    assert!(timeline.switch_to(0));
    timeline.seek_time(seconds(100.0));
    assert_eq!(timeline.world().0.digest(), new);
}

/// A branch that was left before the other one forked has its end before that fork.
#[test]
fn a_branch_that_was_taken_up_stands_at_the_end_of_its_run() {
    let mut timeline = lab();
    timeline.seek_time(seconds(60.0));
    timeline.seek_time(seconds(50.0));
    timeline.intervene(Deed::Send);
    timeline.seek_time(seconds(10.0));
    timeline.intervene(Deed::Send);
    assert_eq!(timeline.branches().len(), 2);
    for branch in [0, 1, 0, 1, 1] {
        assert!(timeline.switch_to(branch));
        assert!(timeline.world().now() <= timeline.furthest(), "the present is not past the end of the run");
    }
}

#[test]
fn adding_a_part_leaves_the_draws_of_the_others() {
    let spec = latency(Distribution::Exponential(Duration::from_secs(1)));
    let arrivals = |simulation: &Simulation| {
        let arrived =
            simulation.trace().iter().filter(|event| event.node == SINK && event.fact.kind() == FactKind::Delivered);
        arrived.map(|event| event.at).collect::<Vec<_>>()
    };
    let mut alone = world(spec);
    let mut together = world(spec);
    let source = Source { every: Duration::from_millis(10), commands: 0, notices: Vec::new() };
    let more = together.add_node("more", Box::new(source));
    let sink = together.add_node("another", Box::new(Sink::default()));
    together.add_link("more", spec, LinkEnd { node: more, port: OUT }, LinkEnd { node: sink, port: IN });
    alone.run_until(seconds(30.0));
    together.run_until(seconds(30.0));
    assert!(alone.trace().len() > 50);
    assert_eq!(arrivals(&alone), arrivals(&together));
}
