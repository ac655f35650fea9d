//! `XADD`, `XTRIM`, `XDEL` and `XSETID`: what changes a stream.

use std::rc::Rc;

use serde_json::{json, Value as Json};

use super::super::arguments::{
    arity, is, number, strict_id, strict_ids, Reply, INVALID_ID, NO_KEY, SYNTAX, WRONG_TYPE,
};
use super::super::fields::content_of;
use super::super::id::{read_wanted, resolve, Id, Wanted};
use super::super::persistence::Undo;
use super::super::server::RedisStreams;
use super::super::trim::{default_limit, Keep, Trim};
use super::Asked;
use crate::model::broker::server::{Call, Happened};

/// The options of `XADD` and `XTRIM`.
struct Options {
    trim: Option<Trim>,
    makes_no_stream: bool,
    wanted: Wanted,
    /// The place of the id, for `XADD`.
    at: usize,
}

/// What was read so far.
#[derive(Default)]
struct Seen {
    keep: Option<Keep>,
    is_approximate: bool,
    limit: Option<i64>,
}

const TWO_STRATEGIES: &str = "syntax error, MAXLEN and MINID options at the same time are not compatible";

impl Seen {
    /// Reads `MAXLEN` or `MINID` at this place, and returns the place of its last word.
    fn strategy(&mut self, words: &[String], at: usize) -> Result<usize, String> {
        if self.keep.is_some() {
            return Err(TWO_STRATEGIES.into());
        }
        let has_sign = at + 2 < words.len() && ["~", "="].contains(&words[at + 1].as_str());
        self.is_approximate = has_sign && words[at + 1] == "~";
        let last = at + 1 + usize::from(has_sign);
        self.keep = Some(match is(&words[at], "maxlen") {
            true => match number(&words[last])? {
                length @ 0.. => Keep::Newest(length as u64),
                _ => return Err("The MAXLEN argument must be >= 0.".into()),
            },
            false => Keep::From(strict_id(&words[last])?),
        });
        Ok(last)
    }

    fn finish(self, is_add: bool, entries_max: u64) -> Result<Option<Trim>, String> {
        let Seen { keep, is_approximate, limit } = self;
        if limit.unwrap_or(0) != 0 && keep.is_none() {
            return Err("syntax error, LIMIT cannot be used without specifying a trimming strategy".into());
        }
        if !is_add && keep.is_none() {
            return Err("syntax error, XTRIM must be called with a trimming strategy".into());
        }
        let limit = match limit {
            Some(_) if !is_approximate => {
                return Err("syntax error, LIMIT cannot be used without the special ~ option".into());
            }
            Some(limit) => limit as u64,
            None if is_approximate => default_limit(entries_max),
            None => 0,
        };
        Ok(keep.map(|keep| Trim { keep, is_approximate, limit }))
    }
}

fn options(words: &[String], is_add: bool, entries_max: u64) -> Result<Options, String> {
    let mut seen = Seen::default();
    let (mut makes_no_stream, mut wanted, mut at) = (false, Wanted::Any, 2);
    while at < words.len() {
        let (word, has_more) = (words[at].as_str(), at + 1 < words.len());
        if is_add && word == "*" {
            break;
        } else if has_more && (is(word, "maxlen") || is(word, "minid")) {
            at = seen.strategy(words, at)?;
        } else if has_more && is(word, "limit") {
            at += 1;
            let limit = number(&words[at])?;
            if limit < 0 {
                return Err("The LIMIT argument must be >= 0.".into());
            }
            seen.limit = Some(limit);
        } else if is_add && is(word, "nomkstream") {
            makes_no_stream = true;
        } else if is_add {
            wanted = read_wanted(word).ok_or(INVALID_ID)?;
            break;
        } else {
            return Err(SYNTAX.into());
        }
        at += 1;
    }
    Ok(Options { trim: seen.finish(is_add, entries_max)?, makes_no_stream, wanted, at })
}

pub(super) fn xadd(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let limits = server.store.limits;
    let options = options(asked.words, true, limits.entries_max)?;
    let fields = asked.words.get(options.at + 1..).unwrap_or_default();
    if fields.is_empty() || fields.len() % 2 == 1 {
        return Err(arity("xadd"));
    }
    if options.wanted == Wanted::Exactly(Id::ZERO) {
        return Err("The ID specified in XADD must be greater than 0-0".into());
    }
    let key = &asked.words[1];
    if server.stream_named(key)?.is_none() && options.makes_no_stream {
        return Ok(Json::Null);
    }
    let slot = server.store.slot_for(key);
    server.store.make_stream(slot);
    let last = server.store.stream(slot).map_or(Id::ZERO, |stream| stream.last_id);
    if last == Id::MAX {
        return Err("The stream has exhausted the last possible ID, unable to add more items".into());
    }
    let Some(id) = resolve(options.wanted, last, call.now.0 / 1_000_000) else {
        return Err("The ID specified in XADD is equal or smaller than the target stream top item".into());
    };
    let fields = fields.chunks(2).map(|pair| (Rc::from(&*pair[0]), Rc::from(&*pair[1]))).collect();
    let content = content_of(call.next_message_id(), fields, call.now);
    call.outcome.push(Happened::Made(content.clone()));
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Err(WRONG_TYPE.into()) };
    stream.add(id, content, limits, &mut pen);
    if let Some(trim) = &options.trim {
        stream.trim(trim, &mut pen);
    }
    server.store.signal(slot);
    Ok(json!(id.to_string()))
}

pub(super) fn xtrim(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let options = options(asked.words, false, server.store.limits.entries_max)?;
    let slot = server.stream_named(&asked.words[1])?;
    let opened = slot.and_then(|slot| server.store.open(slot, call));
    let (Some((stream, mut pen)), Some(trim)) = (opened, options.trim) else { return Ok(json!(0)) };
    Ok(json!(stream.trim(&trim, &mut pen)))
}

pub(super) fn xdel(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let Some(slot) = server.stream_named(&asked.words[1])? else { return Ok(json!(0)) };
    let ids = strict_ids(&asked.words[2..])?;
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Ok(json!(0)) };
    let count = ids.into_iter().filter(|id| stream.delete(*id, &mut pen)).count();
    Ok(json!(count))
}

pub(super) fn xsetid(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let words = asked.words;
    let id = strict_id(&words[2])?;
    let (mut added, mut max_deleted, mut at) = (None, Id::ZERO, 3);
    while at < words.len() {
        let Some(value) = words.get(at + 1) else { return Err(SYNTAX.into()) };
        if is(&words[at], "entriesadded") {
            added = Some(number(value)?);
            if added < Some(0) {
                return Err("entries_added must be positive".into());
            }
        } else if is(&words[at], "maxdeletedid") {
            max_deleted = strict_id(value)?;
            if id < max_deleted {
                return Err("The ID specified in XSETID is smaller than the provided max_deleted_entry_id".into());
            }
        } else {
            return Err(SYNTAX.into());
        }
        at += 2;
    }
    let slot = server.stream_named(&words[1])?.ok_or(NO_KEY)?;
    let Some((stream, mut pen)) = server.store.open(slot, call) else { return Err(NO_KEY.into()) };
    if id < stream.max_deleted {
        return Err("The ID specified in XSETID is smaller than current max_deleted_entry_id".into());
    }
    if stream.entries.last().is_some_and(|last| id < last) {
        return Err("The ID specified in XSETID is smaller than the target stream top item".into());
    }
    if added.is_some_and(|added| (added as u64) < stream.entries.len() as u64) {
        return Err("The entries_added specified in XSETID is smaller than the target stream length".into());
    }
    let (last_id, entries_added) = (stream.last_id, stream.entries_added);
    pen.note(Undo::Counters { slot, last_id, max_deleted: stream.max_deleted, entries_added });
    stream.last_id = id;
    stream.entries_added = added.map_or(entries_added, |added| added as u64);
    if max_deleted != Id::ZERO {
        stream.max_deleted = max_deleted;
    }
    Ok(json!("OK"))
}
