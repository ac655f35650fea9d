//! Gives a flow the form that a product has: with or without entries, with one entry to a subscriber or several.

use super::flow::{Flow, Join, Purpose};
use super::merge::{insert_entries, merge_entries};
use super::notes::Notes;
use super::rule::{self, Rule};
use super::shape::Shape;

/// Where a second subscriber for the same consumers stands, relative to the first, in drawing units.
const BESIDE: f64 = 96.0;

/// Changes the flow so that every part and wire has a counterpart in the product, as far as there can be one.
pub(super) fn adapt(flow: &mut Flow, shape: &Shape, notes: &mut Notes) {
    if shape.host != "broker" {
        flatten(flow, notes);
    }
    if !shape.entry_hands_out {
        give_readers_places(flow, notes);
    }
    match shape.entry {
        None => spread(flow, notes),
        Some(_) if shape.subscriber_takes_in => {
            merge_entries(flow);
            insert_entries(flow, 2, notes);
        }
        Some(_) => {
            insert_entries(flow, 1, notes);
            if !shape.reads_several {
                split(flow, notes);
            }
            settle_rules(flow, shape, notes);
        }
    }
    if flow.drop_twins() {
        notes.lose(
            "Two wires of one client that lead to the same place now",
            "One of them is kept, with its latency; a message comes once.",
        );
    }
}

/// Routes between entries become routes from each entry to the subscribers behind it.
fn flatten(flow: &mut Flow, notes: &mut Notes) {
    let entries = flow.ids(true);
    let mut found: Vec<(String, String, Rule)> = Vec::new();
    let mut chained: Vec<String> = Vec::new();
    for source in &entries {
        let mut reached: Vec<(String, Rule)> = vec![(source.clone(), Vec::new())];
        let mut next = 0;
        while let Some((at, so_far)) = reached.get(next).cloned() {
            next += 1;
            for (to, rule) in flow.routes(&at) {
                if !flow.is_entry(&to) {
                    if at != *source {
                        found.push((source.clone(), to, so_far.iter().cloned().chain(rule).collect()));
                    }
                    continue;
                }
                chained.push(to.clone());
                match reached.iter_mut().find(|(other, _)| *other == to) {
                    // It can be reached in two ways, so neither condition holds for all that comes through.
                    Some((_, rule)) => rule.clear(),
                    None => reached.push((to, so_far.iter().cloned().chain(rule).collect())),
                }
            }
        }
    }
    found.into_iter().for_each(|(from, to, rule)| flow.join(&from, &to, Purpose::Route(rule), None));
    for id in &entries {
        let between = |join: &Join| matches!(join.purpose, Purpose::Route(_)) && chained.contains(&join.wire.to);
        let is_fed = flow.incoming(id).any(|join| matches!(join.purpose, Purpose::Feed | Purpose::Dead));
        if chained.contains(id) && !is_fed {
            let label = label(flow, id);
            flow.remove(id);
            notes.pair(label, "takes messages from another entry".into(), "its subscribers read that one".into());
        } else {
            flow.joins.retain(|join| join.wire.from != *id || !between(join));
        }
    }
}

fn label(flow: &Flow, id: &str) -> String {
    flow.part(id).map_or_else(|| id.to_string(), |part| part.node.label().to_string())
}

/// A consumer that reads an entry by itself gets a subscriber of its own.
fn give_readers_places(flow: &mut Flow, notes: &mut Notes) {
    for index in 0..flow.joins.len() {
        let (from, to) = (flow.joins[index].wire.from.clone(), flow.joins[index].wire.to.clone());
        if flow.joins[index].purpose != Purpose::Handout || !flow.is_entry(&from) {
            continue;
        }
        let at = |id: &str| flow.document.node(id).map_or((0.0, 0.0), |node| node.at);
        let (start, end) = (at(&from), at(&to));
        let middle = (((start.0 + end.0) / 2.0).round(), end.1);
        let client = flow.document.node(&to).map_or(to.clone(), |node| node.label().to_string());
        let name = format!("{}-{client}", label(flow, &from));
        let place = flow.invent("subscriber", name.clone(), middle, false);
        flow.joins[index].wire.from.clone_from(&place);
        flow.join(&from, &place, Purpose::Route(Vec::new()), None);
        notes.pair(client, "reads by itself".into(), format!("has {name} to itself"));
    }
}

/// Without entries, producers send to every subscriber themselves.
fn spread(flow: &mut Flow, notes: &mut Notes) {
    for entry in flow.ids(true) {
        let (routes, label) = (flow.routes(&entry), label(flow, &entry));
        if routes.is_empty() {
            if let Some(part) = flow.part_mut(&entry) {
                part.is_entry = false;
            }
            continue;
        }
        for join in flow.incoming(&entry).cloned().collect::<Vec<_>>() {
            match join.purpose {
                Purpose::Feed => send_to_each(flow, &join, &routes, notes),
                Purpose::Dead => flow.join(&join.wire.from, &routes[0].0, Purpose::Dead, Some(&join.wire)),
                Purpose::Route(_) | Purpose::Handout => {}
            }
        }
        if routes.len() > 1 {
            notes.lose(
                format!("{label}: one message published once, for {} subscribers", routes.len()),
                "There is no broadcast: every producer has a wire to each queue and sends the message so often. In AWS an SNS \
                 topic would do it.",
            );
        }
        flow.remove(&entry);
    }
}

/// Every subscriber gets the wire of a producer, unless its messages never get through to it.
fn send_to_each(flow: &mut Flow, feed: &Join, routes: &[(String, Rule)], notes: &mut Notes) {
    let producer = flow.document.node(&feed.wire.from).cloned().unwrap_or_default();
    let mut is_first = true;
    for (to, rule) in routes {
        match rule::lets_through(rule, &producer) {
            Some(false) => continue,
            Some(true) => {}
            None => notes.lose(
                format!("{}: only {}", label(flow, to), rule::in_words(rule)),
                "It gets everything that the producer sends. Let the producer choose the queue, one producer for each.",
            ),
        }
        let taken = flow.joins.iter().any(|join| join.wire.from == feed.wire.from && join.wire.to == *to);
        if is_first && !taken {
            if let Some(join) = flow.joins.iter_mut().find(|join| join.wire.id == feed.wire.id) {
                join.wire.to.clone_from(to);
            }
        } else {
            flow.join(&feed.wire.from, to, Purpose::Feed, Some(&feed.wire));
        }
        is_first = false;
    }
}

/// A subscriber that reads several entries becomes several, one for each, with the same consumers.
fn split(flow: &mut Flow, notes: &mut Notes) {
    for id in flow.ids(false) {
        let is_route = |join: &&Join| matches!(join.purpose, Purpose::Route(_));
        let routes: Vec<Join> = flow.incoming(&id).filter(is_route).cloned().collect();
        let outgoing: Vec<Join> = flow.joins.iter().filter(|join| join.wire.from == id).cloned().collect();
        for (number, route) in routes.iter().enumerate().skip(1) {
            let (name, mut at) = (label(flow, &id), flow.part(&id).map_or((0.0, 0.0), |part| part.node.at));
            at.1 += BESIDE * number as f64;
            let twin = flow.invent("subscriber", name, at, false);
            if let Some(join) = flow.joins.iter_mut().find(|join| join.wire.id == route.wire.id) {
                join.wire.to.clone_from(&twin);
            }
            for join in &outgoing {
                flow.join(&twin, &join.wire.to, join.purpose.clone(), Some(&join.wire));
            }
        }
        if routes.len() > 1 {
            notes.pair(
                label(flow, &id),
                format!("gets messages from {} places", routes.len()),
                format!("is {} subscribers, one for each place, with the same consumers", routes.len()),
            );
        }
    }
}

/// What a subscriber gets of its entry: a filter where there are filters, else everything.
fn settle_rules(flow: &mut Flow, shape: &Shape, notes: &mut Notes) {
    for index in 0..flow.joins.len() {
        let Purpose::Route(rule) = flow.joins[index].purpose.clone() else { continue };
        if rule.is_empty() {
            continue;
        }
        let to = flow.joins[index].wire.to.clone();
        let filter = rule::as_filter(&rule).filter(|_| shape.host == "pubsub");
        let what = format!("{}: only {}", label(flow, &to), rule::in_words(&rule));
        match filter {
            Some(filter) => {
                notes.pair(label(flow, &to), rule::in_words(&rule), format!("filter {filter}"));
                if let Some(part) = flow.part_mut(&to) {
                    part.filter = Some(filter);
                }
            }
            None if shape.host == "pubsub" => notes.lose(
                what,
                "It gets everything. A filter looks at attributes and not at the key: let the producer send the key as a \
                 header too, and filter by that.",
            ),
            None => notes.lose(
                what,
                "It gets everything and skips what it does not want. Or use one topic or stream for each key, and let \
                 producers choose.",
            ),
        }
    }
}
