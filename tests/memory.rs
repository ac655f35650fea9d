//! A long run holds its memory: whatever the kernel keeps has a bound, and nothing else adds up.
//!
//! Two million events by default; with `PATCHBAY_LONG` set it is 10^8, which takes about a minute in a release build.
#![cfg(not(target_arch = "wasm32"))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use patchbay::kernel::limits::{SERIES_MAX, TRACE_MAX};
use patchbay::kernel::{Component, Context, Envelope, Fault, LinkEnd, LinkSpec, Port, Simulation, TraceMode};
use patchbay::vocabulary::{
    BrokerMessage, Content, Distribution, Duration, Fact, Message, MessageId, NodeId, Time, TimerId,
};

/// The system's allocator, with a count of the bytes in use.
struct Counting;

static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged; the count does not touch the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        System.dealloc(pointer, layout)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Events of the default run and of the long one.
const EVENTS: u64 = 2_000_000;
const EVENTS_LONG: u64 = 100_000_000;
/// What may be in use more after the run than after the warm-up: a hash map or a ring buffer that doubles, at most.
const GROWTH_BYTES_MAX: usize = 4 << 20;
const OUT: Port = Port(0);
const IN: Port = Port(0);
const TICK: u64 = 0;

/// Sends a message per tick and waits for its acknowledgement, with a timer that it takes back when that comes.
#[derive(Clone)]
struct Source {
    gap: Distribution,
    give_up: Option<TimerId>,
}

impl Component for Source {
    fn on_start(&mut self, context: &mut Context) {
        context.set_timer(Duration::ZERO, TICK);
    }

    fn on_message(&mut self, _: Envelope, context: &mut Context) {
        if let Some(timer) = self.give_up.take() {
            context.cancel_timer(timer);
        }
    }

    fn on_timer(&mut self, _: TimerId, key: u64, context: &mut Context) {
        if key != TICK {
            return;
        }
        let content = Rc::new(Content {
            id: context.next_message_id(),
            routing_key: "key".into(),
            headers: Rc::from([]),
            payload: "a few words".into(),
            persistent: false,
            priority: None,
            expiration: None,
            created: context.now(),
        });
        context.remember(&content);
        context.send(OUT, BrokerMessage::Publish(content).into());
        self.give_up = Some(context.set_timer(Duration::from_secs(60), TICK + 1));
        let gap = context.random().sample(&self.gap);
        context.set_timer(gap, TICK);
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

/// Works on each message for no time and acknowledges it.
#[derive(Clone)]
struct Sink;

impl Component for Sink {
    fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
        if let Message::Broker(BrokerMessage::Publish(content)) = envelope.message {
            let about: MessageId = content.id;
            let latency = context.now().since(content.created).0;
            context.record(about, Fact::Began { busy: 1, waited: latency });
            context.record(about, Fact::Completed { busy: 0, latency });
            context.reply(BrokerMessage::Ack { tag: 1, multiple: false, about }.into());
        }
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

fn world() -> Simulation {
    let mut simulation = Simulation::new(3, TraceMode::Full);
    let gap = Distribution::Exponential(Duration::from_millis(10));
    let source = simulation.add_node("source", Box::new(Source { gap, give_up: None }));
    let sink = simulation.add_node("sink", Box::new(Sink));
    let latency = Distribution::Exponential(Duration::from_millis(1));
    let spec = LinkSpec { latency, loss: 0.01, duplicate: 0.01, reorder: 0.01, ..LinkSpec::default() };
    let end = |node, port| LinkEnd { node, port };
    simulation.add_link("link", spec, end(source, OUT), end(sink, IN));
    simulation
}

/// Runs for so many events, with a crash, a freeze and a cut every now and then.
fn run(simulation: &mut Simulation, events: u64) {
    let target = simulation.steps() + events;
    let link = patchbay::vocabulary::LinkId(0);
    let sink = NodeId(1);
    while simulation.steps() < target {
        assert!(simulation.step(), "the source never ends: {:?}", simulation.halted());
        if simulation.steps().is_multiple_of(50_000) {
            let now = simulation.now();
            let later = |seconds: u64| Time(now.0 + seconds * 1_000_000_000);
            simulation.plan_fault(later(1), Fault::Crash(sink));
            simulation.plan_fault(later(2), Fault::Restart(sink));
            simulation.plan_fault(later(3), Fault::Pause(sink));
            simulation.plan_fault(later(4), Fault::Resume(sink));
            simulation.plan_fault(later(5), Fault::Partition(link));
            simulation.plan_fault(later(6), Fault::Repair(link));
        }
    }
}

#[test]
fn a_long_run_holds_its_memory() {
    let events = if std::env::var_os("PATCHBAY_LONG").is_some() { EVENTS_LONG } else { EVENTS };
    let mut simulation = world();
    // Until trace and contents are full and the collections have found their size.
    run(&mut simulation, EVENTS / 2);
    assert_eq!(simulation.trace().len(), TRACE_MAX, "the warm-up fills the trace");
    let before = LIVE_BYTES.load(Ordering::Relaxed);
    run(&mut simulation, events);
    let after = LIVE_BYTES.load(Ordering::Relaxed);

    assert_eq!(simulation.trace().len(), TRACE_MAX);
    assert_eq!(simulation.trace().iter().next_back().map(|event| event.id.0), Some(simulation.events_recorded()));
    let points = simulation.tally().series(NodeId(1)).map_or(0, |series| series.points().count());
    assert!((1..=SERIES_MAX).contains(&points), "{points} points");
    // The source forgets a timer of a minute when its acknowledgement comes after the next tick or never. At 100 ticks
    // a second there are never more than 6,000 of those.
    assert!(simulation.pending() <= 6_100, "{} events are pending", simulation.pending());
    let growth = after.saturating_sub(before);
    assert!(growth <= GROWTH_BYTES_MAX, "{growth} bytes more after {events} events than after the warm-up");
}
