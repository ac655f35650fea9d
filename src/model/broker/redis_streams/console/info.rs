//! `XINFO`: what there is to know of a stream, its groups and their consumers.
//!
//! Reproduces: Redis 7.0 (xinfoCommand in t_stream.c), whose answers become objects here. Leaves out: the sizes of the
//! radix tree, `radix-tree-keys` and `radix-tree-nodes`; the inspector shows the nodes.

use serde_json::{json, Value as Json};

use super::super::arguments::{is, number, Reply, NO_KEY};
use super::super::group::{Group, UNKNOWN};
use super::super::server::RedisStreams;
use super::super::stream::Stream;
use super::range::entry;
use super::{wrong_use, Asked};
use crate::model::broker::server::Call;

/// Entries in a full answer that names no count.
const FULL_COUNT: usize = 10;

fn stream_of<'a>(server: &'a RedisStreams, asked: &Asked) -> Result<&'a Stream, String> {
    let slot = server.stream_named(&asked.words[2])?;
    slot.and_then(|slot| server.store.stream(slot)).ok_or_else(|| NO_KEY.to_string())
}

pub(super) fn help(_: &mut RedisStreams, _: &Asked, _: &mut Call) -> Reply {
    super::help(
        "XINFO",
        &[
            "CONSUMERS <key> <groupname>",
            "    Show consumers of <groupname>.",
            "GROUPS <key>",
            "    Show the stream consumer groups.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show information about the stream.",
        ],
    )
}

pub(super) fn stream(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    let stream = stream_of(server, asked)?;
    let options = &asked.words[3..];
    let full = match options {
        [] => None,
        [full] if is(full, "full") => Some(FULL_COUNT),
        [full, count, value] if is(full, "full") && is(count, "count") => match number(value)? {
            0 => Some(usize::MAX),
            count => Some(usize::try_from(count).unwrap_or(FULL_COUNT)),
        },
        _ => return Err(wrong_use(asked)),
    };
    let mut answer = json!({
        "length": stream.entries.len(),
        "last-generated-id": stream.last_id.to_string(),
        "max-deleted-entry-id": stream.max_deleted.to_string(),
        "entries-added": stream.entries_added,
        "recorded-first-entry-id": stream.first_id.to_string(),
    });
    match full {
        None => {
            let first = stream.entries.iter().next();
            let last = stream.entries.iter().next_back();
            answer["groups"] = json!(stream.group_count());
            answer["first-entry"] = first.map_or(Json::Null, |(id, content)| entry(id, content));
            answer["last-entry"] = last.map_or(Json::Null, |(id, content)| entry(id, content));
        }
        Some(count) => {
            answer["entries"] = stream.entries.iter().take(count).map(|(id, content)| entry(id, content)).collect();
            answer["groups"] = stream.groups_by_name().map(|group| full_group(stream, group, count)).collect();
        }
    }
    Ok(answer)
}

fn full_group(stream: &Stream, group: &Group, count: usize) -> Json {
    let pending = group.pending.iter().take(count).map(|(id, nack)| {
        let owner = stream.consumer_name(group.place.1, nack.consumer);
        json!([id.to_string(), owner, nack.time_ms, nack.count])
    });
    let consumers = group.consumers_by_name().filter_map(|index| group.consumer(index).map(|found| (index, found)));
    let consumers = consumers.map(|(index, consumer)| {
        let own = group.owned(index, Default::default()).take(count);
        json!({
            "name": &*consumer.name,
            "seen-time": consumer.seen_ms,
            "pel-count": consumer.pending,
            "pending": own.map(|(id, nack)| json!([id.to_string(), nack.time_ms, nack.count])).collect::<Json>(),
        })
    });
    json!({
        "name": &*group.name,
        "last-delivered-id": group.last_id.to_string(),
        "entries-read": entries_read(group),
        "lag": stream.lag(group.place.1),
        "pel-count": group.pending.len(),
        "pending": pending.collect::<Json>(),
        "consumers": consumers.collect::<Json>(),
    })
}

fn entries_read(group: &Group) -> Option<i64> {
    Some(group.entries_read).filter(|read| *read != UNKNOWN)
}

pub(super) fn groups(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    let stream = stream_of(server, asked)?;
    let answer = |group: &Group| {
        json!({
            "name": &*group.name,
            "consumers": group.consumers_by_name().len(),
            "pending": group.pending.len(),
            "last-delivered-id": group.last_id.to_string(),
            "entries-read": entries_read(group),
            "lag": stream.lag(group.place.1),
        })
    };
    Ok(stream.groups_by_name().map(answer).collect())
}

pub(super) fn consumers(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let stream = stream_of(server, asked)?;
    let (key, name) = (&asked.words[2], &asked.words[3]);
    let Some(group) = stream.group_named(name).and_then(|index| stream.group(index)) else {
        return Err(format!("NOGROUP No such consumer group '{name}' for key name '{key}'"));
    };
    let now_ms = call.now.0 / 1_000_000;
    let consumers = group.consumers_by_name().filter_map(|index| group.consumer(index));
    let answer = consumers.map(|consumer| {
        let idle = now_ms.saturating_sub(consumer.seen_ms);
        json!({"name": &*consumer.name, "pending": consumer.pending, "idle": idle})
    });
    Ok(answer.collect())
}
