//! `XLEN`, `XRANGE` and `XREVRANGE`: looking without a trace.

use std::rc::Rc;

use serde_json::{json, Value as Json};

use super::super::arguments::{end_of, is, number, start_of, Reply, SYNTAX};
use super::super::fields::to_json;
use super::super::id::Id;
use super::super::server::RedisStreams;
use super::Asked;
use crate::model::broker::server::Call;
use crate::vocabulary::Content;

/// An entry as it is answered: its id and its fields.
pub(super) fn entry(id: Id, content: &Rc<Content>) -> Json {
    json!([id.to_string(), to_json(content)])
}

pub(super) fn xlen(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    let slot = server.stream_named(&asked.words[1])?;
    let stream = slot.and_then(|slot| server.store.stream(slot));
    Ok(json!(stream.map_or(0, |stream| stream.entries.len())))
}

pub(super) fn xrange(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    interval(server, asked, false)
}

pub(super) fn xrevrange(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    interval(server, asked, true)
}

fn interval(server: &RedisStreams, asked: &Asked, is_reverse: bool) -> Reply {
    let words = asked.words;
    let (start, end) = if is_reverse { (3, 2) } else { (2, 3) };
    let (start, end) = (start_of(&words[start])?, end_of(&words[end])?);
    let (mut count, mut at) = (None, 4);
    while at < words.len() {
        match words.get(at + 1).filter(|_| is(&words[at], "count")) {
            Some(value) => count = Some(number(value)?.max(0) as usize),
            None => return Err(SYNTAX.into()),
        }
        at += 2;
    }
    let slot = server.stream_named(&words[1])?;
    let Some(stream) = slot.and_then(|slot| server.store.stream(slot)) else { return Ok(json!([])) };
    if count == Some(0) {
        return Ok(Json::Null);
    }
    let inside = stream.entries.range(start, end);
    let count = count.unwrap_or(usize::MAX);
    Ok(match is_reverse {
        false => inside.take(count).map(|(id, content)| entry(id, content)).collect(),
        true => inside.rev().take(count).map(|(id, content)| entry(id, content)).collect(),
    })
}
