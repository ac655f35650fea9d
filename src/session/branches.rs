//! The branches of a run in words: what was done on each and when, and the drawing that belongs to it.

use std::rc::Rc;

use crate::kernel::Timeline;
use crate::model::{node_kind, ParamSpec};
use crate::scenario::connect::resolve;
use crate::scenario::document::{Document, Node, Wire};
use crate::scenario::instantiate::{FaultDeed, Intervention, Run};
use crate::vocabulary::{json, Time};

/// A branch of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What was done on it that was not done on the other: `worker crashed at 3.200 s`.
    pub name: String,
    /// How far it has been run.
    pub until: Time,
}

/// The branch that is shown, and the others, oldest first, each with the time at which it parts from the one shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branches {
    /// The one that is shown.
    pub shown: Named,
    /// Those that were left, in the order of [`super::Action::SwitchBranch`].
    pub left: Vec<(Named, Time)>,
}

type Deed<'a> = (Time, &'a Intervention);

/// Names all branches of a run that began with the drawing `origin`.
pub(super) fn named(timeline: &Timeline<Run>, origin: &Rc<Document>) -> Branches {
    let shown: Vec<Deed> = timeline.interventions().collect();
    let mut name = String::new();
    let mut left = Vec::new();
    for branch in timeline.branches() {
        let deeds: Vec<Deed> = branch.interventions().collect();
        let same = deeds.iter().zip(&shown).take_while(|(one, other)| one == other).count();
        let parting = [&deeds, &shown].into_iter().filter_map(|deeds| deeds.get(same)).map(|(at, _)| *at).min();
        let parting = parting.unwrap_or(branch.forked_at);
        left.push((Named { name: in_words(&deeds, same, parting, origin), until: branch.until }, parting));
        // What the shown one is called tells it from the one that was left last.
        name = in_words(&shown, same, parting, origin);
    }
    Branches { shown: Named { name, until: timeline.furthest() }, left }
}

/// The drawing of the branch that is shown, with the places and texts of the drawing as it is now: these are no part
/// of a run.
pub(super) fn drawing_of(timeline: &Timeline<Run>, origin: &Rc<Document>, now: &Document) -> Document {
    let deeds: Vec<Deed> = timeline.interventions().collect();
    let mut drawing = (**drawn_before(&deeds, deeds.len(), origin)).clone();
    for node in &mut drawing.nodes {
        node.at = now.node(&node.id).map_or(node.at, |other| other.at);
    }
    Document {
        title: now.title.clone(),
        about: now.about.clone(),
        watch: now.watch.clone(),
        until: now.until,
        next_id: now.next_id.max(drawing.next_id),
        ..drawing
    }
}

/// The drawing that the run had before the deed with this number.
fn drawn_before<'a>(deeds: &[Deed<'a>], number: usize, origin: &'a Rc<Document>) -> &'a Rc<Document> {
    let drawn = deeds[..number.min(deeds.len())].iter().rev().find_map(|(_, deed)| match deed {
        Intervention::Document(document) => Some(document),
        _ => None,
    });
    drawn.unwrap_or(origin)
}

/// What was done from the deed with this number on.
fn in_words(deeds: &[Deed], first: usize, parting: Time, origin: &Rc<Document>) -> String {
    let Some((at, deed)) = deeds.get(first) else {
        return format!("Nothing done after {parting}");
    };
    let drawing = drawn_before(deeds, first, origin);
    let what = match deed {
        Intervention::Document(document) => difference(drawing, document),
        Intervention::Fault(deed) => fault(drawing, deed),
        Intervention::Command { node, command } => format!("{}: {command}", label(drawing, node)),
    };
    match deeds.len() - first - 1 {
        0 => format!("{what} at {at}"),
        1 => format!("{what} at {at}, and one thing more"),
        more => format!("{what} at {at}, and {more} things more"),
    }
}

fn label<'a>(document: &'a Document, id: &'a str) -> &'a str {
    document.node(id).map_or(id, Node::label)
}

fn ends(document: &Document, wire: &Wire) -> String {
    format!("{} → {}", label(document, Wire::node_of(&wire.from)), label(document, Wire::node_of(&wire.to)))
}

fn fault(document: &Document, deed: &FaultDeed) -> String {
    let wire = |id: &str| document.wire(id).map_or_else(|| id.to_string(), |wire| ends(document, wire));
    match deed {
        FaultDeed::Crash(id) => format!("{} crashed", label(document, id)),
        FaultDeed::Restart(id) => format!("{} restarted", label(document, id)),
        FaultDeed::Pause(id) => format!("{} paused", label(document, id)),
        FaultDeed::Resume(id) => format!("{} went on", label(document, id)),
        FaultDeed::Slow(id, percent) => format!("work of {} takes {percent} %", label(document, id)),
        FaultDeed::Partition(id) => format!("{} cut", wire(id)),
        FaultDeed::Repair(id) => format!("{} mended", wire(id)),
        FaultDeed::Command(id, line) => format!("{} was told: {line}", label(document, id)),
    }
}

/// The first thing that is different in the second drawing.
fn difference(before: &Document, after: &Document) -> String {
    let appeared = |one: &Document, other: &Document| {
        let node = other.nodes.iter().find(|node| one.node(&node.id).is_none()).map(|node| node.label().to_string());
        node.or_else(|| other.wires.iter().find(|wire| one.wire(&wire.id).is_none()).map(|wire| ends(other, wire)))
    };
    if let Some(what) = appeared(before, after) {
        return format!("{what} added");
    }
    if let Some(what) = appeared(after, before) {
        return format!("{what} removed");
    }
    let pairs = after.nodes.iter().filter_map(|node| Some((before.node(&node.id)?, node)));
    for (old, node) in pairs.filter(|(old, node)| old != node) {
        if old.name != node.name {
            return format!("{} renamed {}", old.label(), node.label());
        }
        let specs = node_kind(&node.kind).map_or(&[][..], |kind| kind.params);
        if let Some(change) = setting(specs, |name| (old.params.get(name), node.params.get(name))) {
            return format!("{}: {change}", node.label());
        }
    }
    let pairs = after.wires.iter().filter_map(|wire| Some((before.wire(&wire.id)?, wire)));
    for (old, wire) in pairs.filter(|(old, wire)| old.params != wire.params) {
        let specs = resolve(after, &wire.from, &wire.to).map_or(&[][..], |found| found.wire_kind.params);
        if let Some(change) = setting(specs, |name| (old.params.get(name), wire.params.get(name))) {
            return format!("{}: {change}", ends(after, wire));
        }
    }
    if before.faults != after.faults {
        return "Planned faults changed".to_string();
    }
    "Drawing changed".to_string()
}

/// The first setting that is different, with its two values.
fn setting<'a>(
    specs: &[ParamSpec],
    values: impl Fn(&str) -> (Option<&'a serde_json::Value>, Option<&'a serde_json::Value>),
) -> Option<String> {
    let spec = specs.iter().find(|spec| {
        let (old, new) = values(spec.name);
        old != new
    })?;
    let (old, new) = values(spec.name);
    let text = |value: Option<&serde_json::Value>| {
        let value = value.cloned().unwrap_or_else(|| spec.default_json());
        let text = value.as_str().map_or_else(|| json::to_text(&value), str::to_string);
        if text.chars().count() > 40 {
            format!("{}…", text.chars().take(38).collect::<String>())
        } else {
            text
        }
    };
    Some(format!("{} {} → {}", spec.label.to_ascii_lowercase(), text(old), text(new)))
}
