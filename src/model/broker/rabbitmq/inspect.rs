//! What can be seen of the broker and its parts.

use crate::kernel::{InsideRow, InsideTable, Inspection, InspectionItem, ItemState};
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Duration, HeaderValue, NodeId, Time};

use super::hosted::Queue;
use super::matcher::{field, Place};
use super::ready::Stored;
use super::server::RabbitMq;

const COLUMNS: &[&str] = &["message", "key", "state", "priority", "expires", "returns", "deaths"];

impl RabbitMq {
    pub(super) fn look_into(&self, node: NodeId, items_max: usize) -> Inspection {
        match self.place_of(node) {
            Some(Place::Queue(id)) => self.look_into_queue(id, items_max),
            Some(Place::Exchange(id)) => self.look_into_exchange(id),
            None => {
                let rows = vec![
                    ("Version", self.version.label().to_string()),
                    ("Exchanges", self.router.exchange_count().to_string()),
                    ("Queues", self.queues.iter().filter(|queue| queue.is_there).count().to_string()),
                    ("Messages", self.held_count.to_string()),
                ];
                Inspection { rows, ..Inspection::default() }
            }
        }
    }

    fn look_into_exchange(&self, id: u32) -> Inspection {
        let Some(exchange) = self.router.exchange(id) else { return Inspection::default() };
        let mut rows = vec![
            ("Bindings", self.router.binding_count(Place::Exchange(id)).to_string()),
            ("Durable", yes_or_no(exchange.spec.is_durable)),
        ];
        if let Some(alternate) = &exchange.spec.alternate {
            let is_there = self.router.exchange_named(alternate).is_some();
            rows.push(("Alternate", format!("{alternate}{}", if is_there { "" } else { " (does not exist)" })));
        }
        Inspection { headline: exchange.spec.kind.label().to_string(), rows, ..Inspection::default() }
    }

    fn look_into_queue(&self, id: u32, items_max: usize) -> Inspection {
        let queue = &self.queues[id as usize];
        let mut held: Vec<(u64, InspectionItem)> = Vec::new();
        for (_, channel) in self.channels.iter() {
            let own = channel.held.iter().filter(|held| held.queue == id).take(items_max);
            held.extend(own.map(|held| (held.stored.position, self.item(&held.stored, Some(channel.client)))));
        }
        let recovering = queue.recovering.iter().take(items_max);
        held.extend(
            recovering.map(|stored| {
                (stored.position, InspectionItem { state: ItemState::Unacked, ..self.item(stored, None) })
            }),
        );
        let dead = queue.unburied.letters().take(items_max);
        held.extend(
            dead.map(|stored| {
                (stored.position, InspectionItem { state: ItemState::Unacked, ..self.item(stored, None) })
            }),
        );
        sort_by_key(&mut held, |(position, _)| *position);
        let ready = queue.ready.iter().map(|stored| self.item(stored, None));
        let headline = match queue.is_there {
            true => format!("{} ready · {} unacked", queue.ready.len(), queue.unacked),
            false => "expired".to_string(),
        };
        Inspection {
            headline,
            items: held.into_iter().map(|(_, item)| item).chain(ready).take(items_max).collect(),
            item_count: queue.ready.len() + queue.unacked as usize,
            rows: self.rows_of(queue),
        }
    }

    /// The messages of a queue with what it knows of each.
    pub(super) fn list_inside(&self, node: NodeId, now: Time, rows_max: usize) -> Vec<InsideTable> {
        let Some(Place::Queue(id)) = self.place_of(node) else { return Vec::new() };
        let queue = &self.queues[id as usize];
        let mut held: Vec<(u64, InsideRow)> = Vec::new();
        for (_, channel) in self.channels.iter() {
            for one in channel.held.iter().filter(|one| one.queue == id).take(rows_max) {
                let state = format!("held for {}, tag {}", now.since(one.since).rounded(), one.tag);
                held.push((one.stored.position, row(&one.stored, ItemState::Unacked, state, now)));
            }
        }
        for stored in queue.recovering.iter().take(rows_max) {
            held.push((stored.position, row(stored, ItemState::Unacked, "on disk".to_string(), now)));
        }
        for stored in queue.unburied.letters().take(rows_max) {
            let state = "a dead letter that nobody has confirmed".to_string();
            held.push((stored.position, row(stored, ItemState::Unacked, state, now)));
        }
        sort_by_key(&mut held, |(position, _)| *position);
        let ready = queue.ready.iter().map(|stored| match stored.redelivered {
            true => row(stored, ItemState::ReadyAgain, "came back".to_string(), now),
            false => row(stored, ItemState::Ready, "ready".to_string(), now),
        });
        let kind = if queue.spec.is_quorum { "Quorum queue" } else { "Classic queue" };
        vec![InsideTable {
            title: format!("{kind} · {} ready, {} unacked", queue.ready.len(), queue.unacked),
            columns: COLUMNS,
            rows: held.into_iter().map(|(_, row)| row).chain(ready).take(rows_max).collect(),
            row_count: queue.ready.len() + queue.unacked as usize,
        }]
    }

    fn item(&self, stored: &Stored, holder: Option<NodeId>) -> InspectionItem {
        let state = match (holder, stored.redelivered) {
            (Some(_), _) => ItemState::Unacked,
            (None, true) => ItemState::ReadyAgain,
            (None, false) => ItemState::Ready,
        };
        InspectionItem { message: stored.content.id, state, holder }
    }

    fn rows_of(&self, queue: &Queue) -> Vec<(&'static str, String)> {
        let spec = &queue.spec;
        let mut rows = vec![("Consumers", queue.consumers.len().to_string()), ("Durable", yes_or_no(spec.is_durable))];
        if spec.is_quorum {
            rows.push(("Type", "quorum".to_string()));
            let limit = queue.returns_max.map_or("none".to_string(), |max| max.to_string());
            rows.push(("Delivery limit", limit));
        }
        let span = |span: Duration| span.to_string();
        rows.extend(spec.message_ttl.map(|ttl| ("Time to live", span(ttl))));
        rows.extend(spec.expires.map(|expires| ("Expires after", span(expires))));
        rows.extend(spec.max_length.map(|max| ("Length limit", format!("{} of {max}", queue.ready.len()))));
        rows.extend(spec.max_bytes.map(|max| ("Bytes limit", format!("{} of {max}", queue.ready.bytes()))));
        rows.extend(spec.max_priority.map(|max| ("Priorities", format!("0 to {max}"))));
        if let Some(active) = queue.active.and_then(|number| self.consumers.get(number)) {
            let waiting = queue.consumers.len().saturating_sub(1);
            let held = active.held;
            rows.push(("Active consumer", format!("holds {held}; {waiting} wait")));
        }
        rows
    }
}

fn row(stored: &Stored, item: ItemState, state: String, now: Time) -> InsideRow {
    let content = &stored.content;
    let expires = match stored.deadline {
        Time::MAX => String::new(),
        deadline if deadline <= now => "when it is at the head".to_string(),
        deadline => format!("in {}", deadline.since(now).rounded()),
    };
    let deaths = match field(&content.headers, "x-death") {
        Some(HeaderValue::List(deaths)) => deaths.len().to_string(),
        _ => String::new(),
    };
    InsideRow {
        message: content.id,
        state: Some(item),
        cells: vec![
            content.id.to_string(),
            content.routing_key.to_string(),
            state,
            content.priority.map_or_else(String::new, |priority| priority.to_string()),
            expires,
            if stored.returns > 0 { stored.returns.to_string() } else { String::new() },
            deaths,
        ],
    }
}

fn yes_or_no(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_string()
}
