//! Keys of any type, and the few commands for texts that stream patterns need: a lock, a counter, a mark against
//! duplicates.

use std::rc::Rc;

use serde_json::{json, Value as Json};

use super::super::arguments::{integer, is, Reply, SYNTAX, WRONG_TYPE};
use super::super::server::RedisStreams;
use super::super::store::Value;
use super::Asked;
use crate::model::broker::server::Call;
use crate::vocabulary::DropReason;

/// For the table of commands: those that are handled before they get here.
pub(super) fn nothing(_: &mut RedisStreams, _: &Asked, _: &mut Call) -> Reply {
    Ok(Json::Null)
}

pub(super) fn exists(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    let keys = asked.words[1..].iter();
    Ok(json!(keys.filter(|key| server.store.value(key).is_some()).count()))
}

pub(super) fn del(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let mut count = 0;
    for slot in asked.words[1..].iter().filter_map(|key| server.store.find(key)).collect::<Vec<_>>() {
        count += i32::from(server.store.remove_key(slot, DropReason::Deleted, call));
    }
    Ok(json!(count))
}

pub(super) fn type_of(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    Ok(json!(match server.store.value(&asked.words[1]) {
        Some(Value::Stream(_)) => "stream",
        Some(Value::Text(_)) => "string",
        None => "none",
    }))
}

/// Redis promises no order of the names; here they are sorted.
pub(super) fn keys(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    let pattern: Vec<char> = asked.words[1].chars().collect();
    let fits = |name: &&Rc<str>| matches(&pattern, &name.chars().collect::<Vec<_>>());
    Ok(server.store.keys().filter(fits).map(|name| json!(&**name)).collect())
}

pub(super) fn dbsize(server: &mut RedisStreams, _: &Asked, _: &mut Call) -> Reply {
    Ok(json!(server.store.keys().count()))
}

pub(super) fn flushall(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    match asked.words {
        [_] => {}
        [_, how] if is(how, "sync") || is(how, "async") => {}
        _ => return Err(SYNTAX.into()),
    }
    for slot in 0..server.store.slots.len() as u32 {
        server.store.remove_key(slot, DropReason::Deleted, call);
    }
    Ok(json!("OK"))
}

pub(super) fn set(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let (mut if_new, mut if_there) = (false, false);
    for option in &asked.words[3..] {
        match (is(option, "nx"), is(option, "xx")) {
            (true, _) if !if_there => if_new = true,
            (_, true) if !if_new => if_there = true,
            _ => return Err(SYNTAX.into()),
        }
    }
    let is_there = server.store.value(&asked.words[1]).is_some();
    if (if_new && is_there) || (if_there && !is_there) {
        return Ok(Json::Null);
    }
    let slot = server.store.slot_for(&asked.words[1]);
    server.store.set_text(slot, Rc::from(&*asked.words[2]), call);
    Ok(json!("OK"))
}

pub(super) fn get(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    match server.store.value(&asked.words[1]) {
        None => Ok(Json::Null),
        Some(Value::Text(text)) => Ok(json!(&**text)),
        Some(Value::Stream(_)) => Err(WRONG_TYPE.into()),
    }
}

pub(super) fn incr(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let old = match server.store.value(&asked.words[1]) {
        None => 0,
        Some(Value::Text(text)) => integer(text).ok_or("value is not an integer or out of range")?,
        Some(Value::Stream(_)) => return Err(WRONG_TYPE.into()),
    };
    let new = old.checked_add(1).ok_or("increment or decrement would overflow")?;
    let slot = server.store.slot_for(&asked.words[1]);
    server.store.set_text(slot, Rc::from(new.to_string()), call);
    Ok(json!(new))
}

/// Whether a name fits a pattern with `*`, `?`, `[...]` and backslashes (util.c, stringmatchlen).
fn matches(pattern: &[char], name: &[char]) -> bool {
    // For every end of the pattern that was read: which ends of the name fit.
    let mut ends = vec![false; name.len() + 1];
    ends[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        if pattern[at] == '*' {
            let first = ends.iter().position(|fits| *fits).unwrap_or(ends.len());
            ends[first..].iter_mut().for_each(|fits| *fits = true);
            at += 1;
            continue;
        }
        let (next, fits) = one(pattern, at);
        for end in (0..name.len()).rev() {
            ends[end + 1] = ends[end] && fits(name[end]);
        }
        ends[0] = false;
        at = next;
    }
    ends[name.len()]
}

/// The part of a pattern that stands for one character: its end, and which characters fit.
fn one(pattern: &[char], at: usize) -> (usize, Box<dyn Fn(char) -> bool + '_>) {
    match pattern[at] {
        '?' => (at + 1, Box::new(|_| true)),
        '\\' if at + 1 < pattern.len() => (at + 2, Box::new(move |letter| letter == pattern[at + 1])),
        '[' => {
            let is_not = pattern.get(at + 1) == Some(&'^');
            let start = at + 1 + usize::from(is_not);
            let end = (start..pattern.len()).find(|end| pattern[*end] == ']').unwrap_or(pattern.len());
            let class = &pattern[start..end];
            let is_in = move |letter: char| {
                let mut at = 0;
                while at < class.len() {
                    if at + 2 < class.len() && class[at + 1] == '-' {
                        let (low, high) = (class[at].min(class[at + 2]), class[at].max(class[at + 2]));
                        if (low..=high).contains(&letter) {
                            return true;
                        }
                        at += 3;
                    } else if class[at] == letter {
                        return true;
                    } else {
                        at += 1;
                    }
                }
                false
            };
            ((end + 1).min(pattern.len()), Box::new(move |letter| is_in(letter) != is_not))
        }
        plain => (at + 1, Box::new(move |letter| letter == plain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_redis_says() {
        let fits = |pattern: &str, name: &str| {
            matches(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
        };
        let cases = [
            ("*", "", true),
            ("*", "orders", true),
            ("h?llo", "hello", true),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-b]llo", "hbllo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
            ("", "", true),
            ("", "a", false),
            ("[", "a", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
