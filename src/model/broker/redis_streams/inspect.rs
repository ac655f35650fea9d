//! What can be seen of the server, a stream or a group.

use crate::kernel::{Inspection, InspectionItem, ItemState};
use crate::vocabulary::NodeId;

use super::drawing::Place;
use super::group::{Group, UNKNOWN};
use super::server::RedisStreams;
use super::stream::Stream;

/// What can be seen of a member, or of the server if the node is none.
pub fn inspect(server: &RedisStreams, node: NodeId, items_max: usize) -> Inspection {
    match server.places.get(&node) {
        Some(Place::Stream(place)) => match server.store.stream(place.slot) {
            Some(stream) => inspect_stream(stream, items_max),
            None => Inspection { headline: "empty".to_string(), ..Inspection::default() },
        },
        Some(Place::Group(_)) => {
            let found = server.group_at(node).and_then(|(slot, index)| {
                let stream = server.store.stream(slot)?;
                stream.group(index).map(|group| (stream, group))
            });
            match found {
                Some((stream, group)) => inspect_group(stream, group, items_max),
                None => Inspection { headline: "reads no stream".to_string(), ..Inspection::default() },
            }
        }
        None => inspect_server(server),
    }
}

fn inspect_server(server: &RedisStreams) -> Inspection {
    let log = &server.store.log;
    let replicas = &log.replicas;
    let lagging = (replicas.count > 0).then(|| {
        [("Replicas", replicas.count.to_string()), ("Changes not replicated", replicas.missing().to_string())]
    });
    let rows = [
        ("Version", "7.0.15".to_string()),
        ("Keys", server.store.keys().count().to_string()),
        ("Entries and pending entries", server.store.books.held.to_string()),
        ("Persistence", log.mode().name().to_string()),
        ("Changes not on disk", log.unsafe_count().to_string()),
    ];
    Inspection {
        headline: "Redis Streams".to_string(),
        rows: rows.into_iter().chain(lagging.into_iter().flatten()).collect(),
        ..Inspection::default()
    }
}

fn inspect_stream(stream: &Stream, items_max: usize) -> Inspection {
    let item = |message| InspectionItem { message, state: ItemState::Ready, holder: None };
    let groups: Vec<String> = stream
        .groups_by_name()
        .map(|group| format!("{} at {}, {}", group.name, group.last_id, lag(stream, group)))
        .collect();
    Inspection {
        headline: format!("{} entries", stream.entries.len()),
        items: stream.entries.iter().take(items_max).map(|(_, content)| item(content.id)).collect(),
        item_count: stream.entries.len(),
        rows: vec![
            ("First id", stream.first_id.to_string()),
            ("Last id", stream.last_id.to_string()),
            ("Entries added", stream.entries_added.to_string()),
            ("Greatest deleted id", stream.max_deleted.to_string()),
            ("Nodes", stream.node_count().to_string()),
            ("Groups", groups.join("; ")),
        ],
    }
}

fn lag(stream: &Stream, group: &Group) -> String {
    stream.lag(group.place.1).map_or("lag unknown".to_string(), |lag| format!("lag {lag}"))
}

fn inspect_group(stream: &Stream, group: &Group, items_max: usize) -> Inspection {
    let levels = group.mark.levels;
    let held = group.pending.iter().filter(|(id, nack)| !nack.is_gone && *id <= group.last_id);
    let held = held.map(|(_, nack)| InspectionItem {
        message: nack.message,
        state: ItemState::Unacked,
        holder: group.consumer(nack.consumer).map(|consumer| consumer.node),
    });
    let unread = stream.unread_by(group).map(|(id, content)| InspectionItem {
        message: content.id,
        state: if group.again.get(id).is_some() { ItemState::ReadyAgain } else { ItemState::Ready },
        holder: None,
    });
    let consumers = group.consumers_by_name().filter_map(|index| group.consumer(index));
    let consumers: Vec<String> =
        consumers.map(|consumer| format!("{}: {} pending", consumer.name, consumer.pending)).collect();
    let read = if group.entries_read == UNKNOWN { "unknown".to_string() } else { group.entries_read.to_string() };
    Inspection {
        headline: format!("{} new · {} pending", levels.ready, levels.unacked),
        items: held.chain(unread).take(items_max).collect(),
        item_count: levels.ready as usize + levels.unacked as usize,
        rows: vec![
            ("Last delivered id", group.last_id.to_string()),
            ("Entries read", read),
            ("Lag", stream.lag(group.place.1).map_or("unknown".to_string(), |lag| lag.to_string())),
            ("Pending", group.pending.len().to_string()),
            ("Consumers", consumers.join("; ")),
        ],
    }
}
