//! `XCLAIM` and `XAUTOCLAIM`: taking over what another consumer has pending.
//!
//! Reproduces: Redis 7.0 (xclaimCommand, xautoclaimCommand in t_stream.c). A pending entry that is no longer in the
//! stream is not claimed but forgotten. The consumer is made when it gets its first entry. Leaves out: how a claim is
//! told to replicas.

use serde_json::{json, Value as Json};

use super::super::arguments::{is, number_or, start_of, strict_id, Reply, SYNTAX};
use super::super::books::Pen;
use super::super::group::{Nack, Return};
use super::super::id::{self, Id};
use super::super::server::RedisStreams;
use super::super::stream::Stream;
use super::super::traffic::ATTEMPTS;
use super::range::entry;
use super::Asked;
use crate::model::broker::server::Call;
use crate::vocabulary::DropReason;

/// The options of `XCLAIM`.
#[derive(Default)]
struct Options {
    is_forced: bool,
    only_ids: bool,
    /// The time of the last delivery, in milliseconds.
    time_ms: Option<i64>,
    count: Option<u64>,
    last_id: Id,
}

fn options(words: &[String], now_ms: i64) -> Result<Options, String> {
    let mut options = Options::default();
    let mut at = 0;
    while at < words.len() {
        let value = |error: &str| number_or(&words[at + 1], error);
        let (word, has_more) = (words[at].as_str(), at + 1 < words.len());
        if is(word, "force") {
            options.is_forced = true;
        } else if is(word, "justid") {
            options.only_ids = true;
        } else if is(word, "idle") && has_more {
            options.time_ms = Some(now_ms.saturating_sub(value("Invalid IDLE option argument for XCLAIM")?));
            at += 1;
        } else if is(word, "time") && has_more {
            options.time_ms = Some(value("Invalid TIME option argument for XCLAIM")?);
            at += 1;
        } else if is(word, "retrycount") && has_more {
            // A negative count is as good as none.
            options.count = u64::try_from(value("Invalid RETRYCOUNT option argument for XCLAIM")?).ok();
            at += 1;
        } else if is(word, "lastid") && has_more {
            options.last_id = strict_id(&words[at + 1])?;
            at += 1;
        } else {
            return Err(format!("Unrecognized XCLAIM option '{word}'"));
        }
        at += 1;
    }
    Ok(options)
}

fn no_group(asked: &Asked) -> String {
    format!("NOGROUP No such key '{}' or consumer group '{}'", asked.words[1], asked.words[2])
}

/// How entries are claimed.
struct Claim<'a> {
    group: u32,
    consumer: &'a str,
    idle_ms: u64,
    time_ms: u64,
    count: Option<u64>,
    is_forced: bool,
    only_ids: bool,
}

/// What became of one entry.
enum Claimed {
    Taken(Json),
    Gone,
    Not,
}

impl Claim<'_> {
    fn one(&self, stream: &mut Stream, id: Id, pen: &mut Pen) -> Claimed {
        let (now_ms, broker) = (pen.now_ms(), pen.call.broker);
        let content = stream.entries.get(id).cloned();
        let Some(group) = stream.group_mut(self.group) else { return Claimed::Not };
        let old = group.pending.get(id).copied();
        let Some(content) = content else {
            group.forget(id, DropReason::Trimmed, pen);
            return if old.is_some() { Claimed::Gone } else { Claimed::Not };
        };
        let (message, is_new) = (content.id, old.is_none());
        if is_new && !self.is_forced {
            return Claimed::Not;
        }
        if old.is_some_and(|nack| now_ms.saturating_sub(nack.time_ms) < self.idle_ms) {
            return Claimed::Not;
        }
        let (consumer, _) = group.look_up(self.consumer, broker, pen);
        // A pending entry that is made by force begins with one delivery, and this is another.
        let count = old.map_or(1, |nack| nack.count);
        let count = self.count.unwrap_or_else(|| count.saturating_add(u64::from(!self.only_ids)));
        let nack = Nack { consumer, count, time_ms: self.time_ms, message, is_gone: false };
        match is_new {
            true => group.force(id, nack, pen),
            false => group.deliver_again(id, nack, Return::Claimed, pen),
        }
        Claimed::Taken(match self.only_ids {
            true => json!(id.to_string()),
            false => entry(id, &content),
        })
    }
}

pub(super) fn xclaim(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let words = asked.words;
    let Some((slot, group)) = server.group_named(&words[1], &words[2])? else { return Err(no_group(asked)) };
    let idle = number_or(&words[4], "Invalid min-idle-time argument for XCLAIM")?.max(0);
    let ids: Vec<Id> = words[5..].iter().map_while(|word| id::read(word, 0, false)).collect();
    let now_ms = (call.now.0 / 1_000_000) as i64;
    let options = options(&words[5 + ids.len()..], now_ms)?;
    let time_ms = options.time_ms.filter(|time| (0..=now_ms).contains(time)).unwrap_or(now_ms) as u64;
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Err(no_group(asked)) };
    let position = stream.group(group).map(|group| (group.last_id, group.entries_read));
    if let Some((_, entries_read)) = position.filter(|(last_id, _)| options.last_id > *last_id) {
        stream.set_position(group, options.last_id, entries_read, &mut pen);
    }
    let claim = Claim {
        group,
        consumer: &words[3],
        idle_ms: idle as u64,
        time_ms,
        count: options.count,
        is_forced: options.is_forced,
        only_ids: options.only_ids,
    };
    let mut taken = Vec::new();
    for id in ids {
        if let Claimed::Taken(entry) = claim.one(stream, id, &mut pen) {
            taken.push(entry);
        }
    }
    Ok(Json::Array(taken))
}

pub(super) fn xautoclaim(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let words = asked.words;
    let idle = number_or(&words[4], "Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = start_of(&words[5])?;
    let (mut count, mut only_ids, mut at) = (100u64, false, 6);
    while at < words.len() {
        if is(&words[at], "count") && at + 1 < words.len() {
            let bad = "COUNT must be > 0";
            let asked = number_or(&words[at + 1], bad)?;
            // At most as many ids as fit into memory: LONG_MAX / 16.
            count = Some(asked).filter(|count| (1..=i64::MAX / 16).contains(count)).ok_or(bad)? as u64;
            at += 1;
        } else if is(&words[at], "justid") {
            only_ids = true;
        } else {
            return Err(SYNTAX.into());
        }
        at += 1;
    }
    let Some((slot, group)) = server.group_named(&words[1], &words[2])? else { return Err(no_group(asked)) };
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Err(no_group(asked)) };
    let (idle_ms, time_ms) = (idle as u64, pen.now_ms());
    let claim = Claim { group, consumer: &words[3], idle_ms, time_ms, count: None, is_forced: false, only_ids };
    let (mut taken, mut deleted, mut from, mut attempts) =
        (Vec::new(), Vec::new(), start, count.saturating_mul(ATTEMPTS));
    let mut next = first_from(stream, group, from);
    while let Some(id) = next.filter(|_| attempts > 0 && ((taken.len() + deleted.len()) as u64) < count) {
        attempts -= 1;
        match claim.one(stream, id, &mut pen) {
            Claimed::Taken(entry) => taken.push(entry),
            Claimed::Gone => deleted.push(json!(id.to_string())),
            Claimed::Not => {}
        }
        next = id.next().and_then(|id| {
            from = id;
            first_from(stream, group, from)
        });
    }
    Ok(json!([next.unwrap_or_default().to_string(), taken, deleted]))
}

/// The first pending entry from this id on.
fn first_from(stream: &Stream, group: u32, from: Id) -> Option<Id> {
    stream.group(group).and_then(|group| group.pending.range(from, Id::MAX).next()).map(|(id, _)| id)
}
