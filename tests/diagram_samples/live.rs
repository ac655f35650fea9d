//! Pictures of real runs of the ready scenarios.

use patchbay::diagram::chart::{chart, ChartInput, ChartLine, ChartMarker};
use patchbay::diagram::drawing::Drawing;
use patchbay::diagram::face::{Condition, NodeView};
use patchbay::diagram::palette::Tone;
use patchbay::diagram::sequence::{drawing_order, sequence, Lifeline, SequenceInput};
use patchbay::diagram::topology::{topology, FlightView, TopologyInput};
use patchbay::diagram::Layout;
use patchbay::kernel::{NodeCondition, TraceMode, World};
use patchbay::scenario::{library, Run};
use patchbay::vocabulary::{Duration, FactKind, FlatMap, NodeId, Time, TraceEvent};

/// A ready scenario, run up to a second.
pub fn run(id: &str, until_seconds: u64) -> Run {
    let document = library::document(id).expect("the scenario is in the library");
    let (mut run, problems) = Run::new(document, TraceMode::Full);
    assert!(problems.is_empty(), "{problems:?}");
    assert!(run.advance(Time(until_seconds * 1_000_000_000), u64::MAX), "the run reaches its end");
    run
}

pub fn live_topology(run: &Run) -> Drawing {
    let (document, simulation) = (run.document(), run.simulation());
    let mut nodes = FlatMap::new();
    for node in &document.nodes {
        let Some(id) = run.node(&node.id) else { continue };
        let inspection = simulation.inspect(id, 12);
        let condition = match simulation.condition(id) {
            NodeCondition::Running => Condition::Running,
            NodeCondition::Paused => Condition::Paused,
            NodeCondition::Down | NodeCondition::Removed => Condition::Down,
        };
        let items = inspection.items.iter().map(|item| item.state).collect();
        let (headline, item_count) = (inspection.headline, inspection.item_count);
        nodes.insert(node.id.clone(), NodeView { headline, items, item_count, condition, ..NodeView::default() });
    }
    let flights: Vec<FlightView> = simulation
        .in_flight()
        .iter()
        .map(|flight| {
            let (gone, whole) = (simulation.now().since(flight.sent).0, flight.arrives.since(flight.sent).0.max(1));
            FlightView {
                wire: run.names().link(flight.link).to_string(),
                forward: flight.direction == 0,
                fraction: gone as f64 / whole as f64,
                what: flight.what,
                message: flight.message,
            }
        })
        .collect();
    let layout = Layout::of(document);
    let clock = simulation.now().to_string();
    topology(&TopologyInput {
        document,
        layout: &layout,
        nodes: &nodes,
        wires: &FlatMap::new(),
        flights: &flights,
        clock,
    })
}

pub fn live_sequence(run: &Run, (start, end): (f64, f64), (width, height): (f64, f64)) -> Drawing {
    let at = |seconds: f64| Time(Duration::from_secs_f64(seconds).0);
    let simulation = run.simulation();
    // A second more at the beginning, for what was on its way.
    let events: Vec<TraceEvent> = simulation.trace().between(at((start - 1.0).max(0.0)), at(end)).copied().collect();
    let lifelines: Vec<Lifeline> = drawing_order(run.document())
        .into_iter()
        .filter_map(|part| Some((part, run.node(&part.id)?)))
        .map(|(part, node)| Lifeline {
            node,
            label: part.label().to_string(),
            host: Some(simulation.host(node)).filter(|host| *host != node),
            optional: part.kind == "broker",
        })
        .collect();
    sequence(&SequenceInput {
        events: &events,
        lifelines: &lifelines,
        key: &|message| simulation.trace().content(message).map(|content| content.routing_key.clone()),
        start: at(start),
        end: at(end),
        now: at(end),
        width,
        height,
        selected: None,
    })
}

pub fn live_chart(run: &Run, (width, height): (f64, f64)) -> Drawing {
    let simulation = run.simulation();
    let queues = (0..simulation.node_count() as u32).map(NodeId).filter(|node| run.names().kind(*node) == "queue");
    let lines: Vec<ChartLine> = queues
        .map(|node| ChartLine {
            node,
            label: run.label(node).to_string(),
            points: simulation.tally().series(node).map(|series| series.points().collect()).unwrap_or_default(),
        })
        .collect();
    let crashes = simulation.trace().iter().filter(|event| event.fact.kind() == FactKind::Crashed);
    let markers: Vec<ChartMarker> = crashes
        .map(|event| ChartMarker {
            at: event.at,
            label: format!("{} crashes", run.label(event.node)),
            tone: Tone::Lost,
        })
        .collect();
    chart(&ChartInput {
        title: "Queue depth",
        parts: ("ready", "unacked"),
        lines: &lines,
        markers: &markers,
        start: Time::ZERO,
        end: Time(60_000_000_000),
        now: simulation.now(),
        width,
        height,
    })
}
