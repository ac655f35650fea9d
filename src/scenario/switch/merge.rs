//! Entries that come between producers and subscribers, or go from there.

use super::flow::{Flow, Purpose};
use super::notes::Notes;

/// How far everything behind an inserted entry moves to the right, in drawing units: a part of the greatest width with
/// room for a wire.
const ROOM: f64 = 264.0;

/// Puts entries before the subscribers that producers or dead letters come to directly: one for all that have the same
/// producers, if they are at least so many.
pub(super) fn insert_entries(flow: &mut Flow, subscribers_min: usize, notes: &mut Notes) {
    let mut groups: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for id in flow.ids(false) {
        let fed: Vec<&str> = flow
            .incoming(&id)
            .filter(|join| join.purpose == Purpose::Feed)
            .map(|join| join.wire.from.as_str())
            .collect();
        let mut producers: Vec<String> = fed.into_iter().map(str::to_string).collect();
        producers.sort_unstable();
        let takes_dead = flow.incoming(&id).any(|join| join.purpose == Purpose::Dead);
        if producers.is_empty() && (!takes_dead || subscribers_min > 1) {
            continue;
        }
        match groups.iter_mut().find(|(others, _)| !producers.is_empty() && *others == producers) {
            Some((_, subscribers)) => subscribers.push(id),
            None => groups.push((producers, vec![id])),
        }
    }
    groups.retain(|(_, subscribers)| subscribers.len() >= subscribers_min);
    let left = |flow: &Flow, id: &String| flow.part(id).map_or(0.0, |part| part.node.at.0);
    let lefts = groups.iter().flat_map(|(_, subscribers)| subscribers).map(|id| left(flow, id));
    let column = lefts.fold(f64::INFINITY, f64::min);
    if groups.is_empty() {
        return;
    }
    shift(flow, column - 1.0, ROOM);
    for (producers, subscribers) in groups {
        insert(flow, &producers, &subscribers, column, notes);
    }
}

fn insert(flow: &mut Flow, producers: &[String], subscribers: &[String], column: f64, notes: &mut Notes) {
    let labels: Vec<String> =
        subscribers.iter().filter_map(|id| Some(flow.part(id)?.node.label().to_string())).collect();
    let first = producers.first().and_then(|id| flow.document.node(id)).map(|node| node.label().to_string());
    let name = match (labels.as_slice(), first) {
        ([only], _) => only.clone(),
        (_, Some(producer)) => producer,
        _ => "messages".to_string(),
    };
    let rows: Vec<f64> = subscribers.iter().filter_map(|id| Some(flow.part(id)?.node.at.1)).collect();
    let row = (rows.iter().sum::<f64>() / rows.len().max(1) as f64).round();
    let entry = flow.invent("entry", name.clone(), (column, row), true);
    for join in &mut flow.joins {
        let comes_in = matches!(join.purpose, Purpose::Feed | Purpose::Dead);
        if comes_in && subscribers.contains(&join.wire.to) {
            join.wire.to.clone_from(&entry);
        }
    }
    // What were wires to each subscriber are now several to one place.
    flow.drop_twins();
    for id in subscribers {
        flow.join(&entry, id, Purpose::Route(Vec::new()), None);
    }
    notes.pair(labels.join(", "), "messages come in directly".into(), format!("{name} stands before it and is read"));
}

/// Takes out entries that do nothing: those of one subscriber that has their name and gets nothing else.
pub(super) fn merge_entries(flow: &mut Flow) {
    let mut moved = Vec::new();
    for entry in flow.ids(true) {
        let routes = flow.routes(&entry);
        let [(to, rule)] = routes.as_slice() else { continue };
        let (Some(start), Some(end)) = (flow.part(&entry), flow.part(to)) else { continue };
        let is_alone = flow.incoming(to).count() == 1
            && flow.incoming(&entry).all(|join| !matches!(join.purpose, Purpose::Route(_)));
        if !rule.is_empty() || end.is_entry || !is_alone || start.node.label() != end.node.label() {
            continue;
        }
        moved.push((start.node.at, end.node.at));
        let to = to.clone();
        for join in &mut flow.joins {
            if join.wire.to == entry {
                join.wire.to.clone_from(&to);
            }
        }
        flow.remove(&entry);
    }
    if flow.ids(true).is_empty() {
        // The whole column has gone: what is behind it closes up.
        let gap = moved.iter().map(|(start, end)| end.0 - start.0).fold(f64::INFINITY, f64::min);
        let column = moved.iter().map(|(start, _)| start.0).fold(f64::INFINITY, f64::min);
        if gap.is_finite() && gap > 0.0 {
            shift(flow, column + 1.0, -gap);
        }
    }
}

/// Moves everything to the right of a line.
fn shift(flow: &mut Flow, line: f64, by: f64) {
    let parts = flow.parts.iter_mut().map(|part| &mut part.node);
    for node in parts.chain(&mut flow.document.nodes).filter(|node| node.at.0 > line) {
        node.at.0 += by;
    }
}
