//! What the page shows of the run at one moment, as comparable values.

use std::ops::Range;
use std::rc::Rc;

use crate::diagram::face::{Condition, NodeView, SLOTS_MAX};
use crate::diagram::topology::WireView;
use crate::kernel::{link::LinkCondition, NodeCondition};
use crate::model::{node_kind, NodeKind};
use crate::scenario::document::{Document, Node, Wire};
use crate::scenario::instantiate::Run;
use crate::scenario::problem::Severity;
use crate::session::Session;
use crate::vocabulary::{FactKind, Time};

/// The views of all parts, in the order of the document.
#[derive(Clone, Default, PartialEq)]
pub struct Snapshot {
    /// One per node.
    pub nodes: Vec<Rc<NodeView>>,
    /// One per wire.
    pub wires: Vec<Rc<WireView>>,
}

/// Parts that one look reads: more are taken in turns, so that the work of a frame has a bound.
pub const PARTS_PER_LOOK: usize = 64;

/// Reads the views of the parts in `range` from the session; of the others the last ones stay. What has not changed
/// keeps its pointer, so that nothing is drawn again for it.
pub fn snapshot(session: &Session, before: &Snapshot, range: Range<usize>) -> Snapshot {
    let document = session.document();
    let nodes = document.nodes.iter().enumerate().map(|(index, node)| match before.nodes.get(index) {
        Some(view) if !range.contains(&index) => view.clone(),
        view => keep(view, node_view(session, node)),
    });
    let wires = document.wires.iter().enumerate().map(|(index, wire)| match before.wires.get(index) {
        Some(view) if !range.contains(&index) => view.clone(),
        view => keep(view, wire_view(session, document, wire)),
    });
    Snapshot { nodes: nodes.collect(), wires: wires.collect() }
}

fn keep<T: PartialEq>(before: Option<&Rc<T>>, now: T) -> Rc<T> {
    match before {
        Some(before) if **before == now => before.clone(),
        _ => Rc::new(now),
    }
}

fn node_view(session: &Session, node: &Node) -> NodeView {
    let run = session.run();
    let faulty = session
        .problems()
        .iter()
        .any(|problem| problem.severity == Severity::Error && problem.node.as_deref() == Some(node.id.as_str()));
    let mut view = NodeView { selected: session.selection().has(&node.id), faulty, ..NodeView::default() };
    let Some(id) = run.node(&node.id) else { return view };
    let simulation = run.simulation();
    let inspection = simulation.inspect(id, SLOTS_MAX);
    view.headline = inspection.headline;
    view.items = inspection.items.iter().map(|item| item.state).collect();
    view.item_count = inspection.item_count;
    if node_kind(&node.kind).is_some_and(NodeKind::talks) {
        view.said = super::console::last_words(session, id);
    }
    view.condition = match simulation.condition(id) {
        NodeCondition::Down => Condition::Down,
        NodeCondition::Paused => Condition::Paused,
        NodeCondition::Running | NodeCondition::Removed => match simulation.slow_percent(id) {
            100 => Condition::Running,
            percent => Condition::Slowed(percent),
        },
    };
    view
}

fn wire_view(session: &Session, document: &Document, wire: &Wire) -> WireView {
    let run = session.run();
    let link = run.link(&wire.id).and_then(|link| run.simulation().link(link));
    let partitioned =
        link.is_some_and(|link| matches!(link.condition, LinkCondition::Partitioned | LinkCondition::GivenUp));
    WireView { label: binding_label(document, wire), partitioned, selected: session.selection().has(&wire.id) }
}

/// The keys of a binding, for the wire; a fanout exchange ignores them.
fn binding_label(document: &Document, wire: &Wire) -> String {
    let source = document.node(Wire::node_of(&wire.from));
    let fanout = source.is_some_and(|node| node.params.get("type").and_then(|json| json.as_str()) == Some("fanout"));
    let keys = wire.params.get("keys").and_then(|json| json.as_array());
    match keys {
        Some(keys) if !fanout => keys.iter().filter_map(|key| key.as_str()).collect::<Vec<_>>().join("  "),
        _ => String::new(),
    }
}

/// One named number of the run.
#[derive(Clone, PartialEq)]
pub struct Counter {
    /// Its name.
    pub label: &'static str,
    /// Its value.
    pub value: u64,
    /// The class that gives its colour and mark.
    pub tone: &'static str,
}

/// The counts over the whole run.
pub fn counters(run: &Run) -> Vec<Counter> {
    let tally = run.simulation().tally();
    let total = |kind| tally.total(kind);
    let waiting = |of: fn(&NodeKind) -> bool, part: fn((u32, u32)) -> u32| -> u64 {
        let nodes = run.document().nodes.iter().filter(|node| node_kind(&node.kind).is_some_and(of));
        nodes.filter_map(|node| run.node(&node.id)).map(|node| u64::from(part(tally.level(node)))).sum()
    };
    // A log keeps what its groups have read: there the groups tell what waits.
    let hands_out = |kind: &NodeKind| kind.hands_out() && !kind.is_read_by_groups();
    vec![
        Counter { label: "Published", value: total(FactKind::Published), tone: "info" },
        Counter { label: "Done", value: total(FactKind::Completed), tone: "ok" },
        Counter { label: "Redelivered", value: total(FactKind::Redelivered), tone: "wait" },
        Counter { label: "Dropped", value: dropped_messages(run), tone: "lost" },
        Counter { label: "Ready", value: waiting(hands_out, |level| level.0), tone: "" },
        Counter { label: "Unacked", value: waiting(hands_out, |level| level.1), tone: "" },
        Counter { label: "In work", value: waiting(NodeKind::works, |level| level.0), tone: "" },
    ]
}

/// Drops as the tally has them. Dropped acknowledgements count too: each is something that did not arrive.
fn dropped_messages(run: &Run) -> u64 {
    run.simulation().tally().total(FactKind::Dropped)
}

/// The title of a kind.
pub fn kind_label(kind: &str) -> &str {
    node_kind(kind).map_or(kind, |kind| kind.label)
}

/// A clock as the transport shows it.
pub fn clock(time: Time) -> String {
    time.to_string()
}
