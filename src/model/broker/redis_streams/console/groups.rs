//! `XGROUP`, `XACK` and `XPENDING`: groups and what they have pending.

use serde_json::{json, Value as Json};

use super::super::arguments::{any_id, end_of, is, number, start_of, strict_id, strict_ids, Reply, SYNTAX, WRONG_TYPE};
use super::super::group::{Group, UNKNOWN};
use super::super::id::Id;
use super::super::server::RedisStreams;
use super::{wrong_use, Asked};
use crate::model::broker::server::Call;
use crate::vocabulary::DropReason;

const NO_STREAM: &str =
    "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
                         MKSTREAM option to create an empty stream automatically.";

/// The options after the id: whether the stream is to be made, and the counter of the position.
fn options(asked: &Asked, makes_stream: bool) -> Result<(bool, i64), String> {
    let (words, mut makes, mut read, mut at) = (asked.words, false, UNKNOWN, 5);
    while at < words.len() {
        if makes_stream && is(&words[at], "mkstream") {
            makes = true;
            at += 1;
        } else if is(&words[at], "entriesread") && at + 1 < words.len() {
            read = number(&words[at + 1])?;
            if read < 0 && read != UNKNOWN {
                return Err("value for ENTRIESREAD must be positive or -1".into());
            }
            at += 2;
        } else {
            return Err(wrong_use(asked));
        }
    }
    Ok((makes, read))
}

/// The group that a subcommand is about.
fn group_of(server: &RedisStreams, asked: &Asked) -> Result<(u32, u32), String> {
    let (key, group) = (&asked.words[2], &asked.words[3]);
    let Some(slot) = server.stream_named(key)? else { return Err(NO_STREAM.into()) };
    let index = server.store.stream(slot).and_then(|stream| stream.group_named(group));
    index
        .map(|index| (slot, index))
        .ok_or_else(|| format!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
}

pub(super) fn create(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let words = asked.words;
    let (makes_stream, entries_read) = options(asked, true)?;
    let slot = server.stream_named(&words[2])?;
    if slot.is_none() && !makes_stream {
        return Err(NO_STREAM.into());
    }
    if words.len() > 8 {
        return Err(wrong_use(asked));
    }
    let stream = slot.and_then(|slot| server.store.stream(slot));
    let start = match words[4].as_str() {
        "$" => stream.map_or(Id::ZERO, |stream| stream.last_id),
        text => strict_id(text)?,
    };
    let slot = server.store.slot_for(&words[2]);
    server.store.make_stream(slot);
    let node = server.store.slots[slot as usize].drawn.get(words[3].as_str()).copied();
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Err(WRONG_TYPE.into()) };
    if stream.group_named(&words[3]).is_some() {
        return Err("BUSYGROUP Consumer Group name already exists".into());
    }
    stream.make_group(&words[3], node, start, entries_read, &mut pen);
    Ok(json!("OK"))
}

pub(super) fn setid(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let (_, entries_read) = options(asked, false)?;
    let (slot, index) = group_of(server, asked)?;
    if asked.words.len() != 5 && asked.words.len() != 7 {
        return Err(wrong_use(asked));
    }
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Err(NO_STREAM.into()) };
    let to = match asked.words[4].as_str() {
        "$" => stream.last_id,
        text => any_id(text, 0)?,
    };
    stream.set_position(index, to, entries_read, &mut pen);
    Ok(json!("OK"))
}

pub(super) fn destroy(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let Some(slot) = server.stream_named(&asked.words[2])? else { return Err(NO_STREAM.into()) };
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Ok(json!(0)) };
    let Some(index) = stream.group_named(&asked.words[3]) else { return Ok(json!(0)) };
    stream.destroy_group(index, DropReason::Deleted, &mut pen);
    server.store.signal(slot);
    Ok(json!(1))
}

pub(super) fn create_consumer(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let (slot, index) = group_of(server, asked)?;
    let broker = call.broker;
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Ok(json!(0)) };
    let Some(group) = stream.group_mut(index) else { return Ok(json!(0)) };
    let is_new = match group.consumer_named(&asked.words[4]) {
        Some(_) => false,
        None => group.look_up(&asked.words[4], broker, &mut pen).1,
    };
    Ok(json!(i32::from(is_new)))
}

pub(super) fn delete_consumer(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let (slot, index) = group_of(server, asked)?;
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Ok(json!(0)) };
    let Some(group) = stream.group_mut(index) else { return Ok(json!(0)) };
    let consumer = group.consumer_named(&asked.words[4]);
    Ok(json!(consumer.map_or(0, |consumer| group.remove_consumer(consumer, &mut pen))))
}

pub(super) fn help(_: &mut RedisStreams, _: &Asked, _: &mut Call) -> Reply {
    super::help(
        "XGROUP",
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a new consumer group. Options are:",
            "    * MKSTREAM",
            "      Create the empty stream if it does not exist.",
            "    * ENTRIESREAD entries_read",
            "      Set the group's entries_read counter (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a new consumer in the specified group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the specified consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the specified group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the current group ID and entries_read counter.",
        ],
    )
}

pub(super) fn xack(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let Some((slot, index)) = server.group_named(&asked.words[1], &asked.words[2])? else { return Ok(json!(0)) };
    let ids = strict_ids(&asked.words[3..])?;
    let by = call.broker;
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Ok(json!(0)) };
    let Some(group) = stream.group_mut(index) else { return Ok(json!(0)) };
    let count = ids.into_iter().filter(|id| group.ack(*id, by, &mut pen)).count();
    Ok(json!(count))
}

/// What `XPENDING` asks for beyond the summary.
struct Asking<'a> {
    idle: i64,
    start: Id,
    end: Id,
    count: usize,
    consumer: Option<&'a str>,
}

fn asking(words: &[String]) -> Result<Option<Asking<'_>>, String> {
    if words.len() == 3 {
        return Ok(None);
    }
    if words.len() < 6 || words.len() > 9 {
        return Err(SYNTAX.into());
    }
    let (mut idle, mut at) = (0, 3);
    if is(&words[3], "idle") {
        idle = number(&words[4])?;
        if words.len() < 8 {
            return Err(SYNTAX.into());
        }
        at = 5;
    }
    let count = number(&words[at + 2])?.max(0) as usize;
    let (start, end) = (start_of(&words[at])?, end_of(&words[at + 1])?);
    Ok(Some(Asking { idle, start, end, count, consumer: words.get(at + 3).map(String::as_str) }))
}

pub(super) fn xpending(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let asking = asking(asked.words)?;
    let (key, name) = (&asked.words[1], &asked.words[2]);
    let found = server.group_named(key, name)?;
    let group = found.and_then(|(slot, index)| server.store.stream(slot).and_then(|stream| stream.group(index)));
    let Some(group) = group else {
        return Err(format!("NOGROUP No such key '{key}' or consumer group '{name}'"));
    };
    match asking {
        None => Ok(summary(group)),
        Some(asking) => Ok(details(group, &asking, call.now.0 / 1_000_000)),
    }
}

fn summary(group: &Group) -> Json {
    let (Some(first), Some(last)) = (group.pending.first(), group.pending.last()) else {
        return json!([0, null, null, null]);
    };
    let consumers = group.consumers_by_name().filter_map(|index| group.consumer(index));
    let owners: Vec<Json> = consumers
        .filter(|consumer| consumer.pending > 0)
        .map(|consumer| json!([&*consumer.name, consumer.pending.to_string()]))
        .collect();
    json!([group.pending.len(), first.to_string(), last.to_string(), owners])
}

fn details(group: &Group, asking: &Asking, now_ms: u64) -> Json {
    let consumer = match asking.consumer.map(|name| group.consumer_named(name)) {
        Some(None) => return json!([]),
        Some(found) => found,
        None => None,
    };
    let idle = |time_ms: u64| now_ms.saturating_sub(time_ms);
    let pending = group.pending.range(asking.start, asking.end);
    pending
        .filter(|(_, nack)| consumer.is_none_or(|consumer| nack.consumer == consumer))
        .filter(|(_, nack)| asking.idle <= 0 || idle(nack.time_ms) >= asking.idle as u64)
        .take(asking.count)
        .map(|(id, nack)| {
            let owner = group.consumer(nack.consumer).map_or("", |consumer| &consumer.name);
            json!([id.to_string(), owner, idle(nack.time_ms), nack.count])
        })
        .collect()
}
