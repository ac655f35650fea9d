//! `XREAD` and `XREADGROUP`.
//!
//! Reproduces: Redis 7.0 (xreadCommand in t_stream.c, serveClientsBlockedOnStreamKey in blocked.c). A consumer is made
//! only when it gets something. A blocked reader without `COUNT` gets at most 1000 entries. Reading one's own history
//! never blocks, and counts as a delivery of what is still there. Leaves out: reading from replicas.

use std::rc::Rc;

use serde_json::{json, Value as Json};

use super::super::arguments::{error, is, number, number_or, strict_id, Reply, NO_ROOM, SYNTAX};
use super::super::group::{Nack, Return};
use super::super::id::Id;
use super::super::server::RedisStreams;
use super::super::store::Value;
use super::super::stream::Stream;
use super::super::waiting::What;
use super::range::entry;
use super::Asked;
use crate::model::broker::server::Call;
use crate::vocabulary::Duration;

/// Entries for a reader that was blocked and named no count.
const BLOCKED_COUNT: u64 = 1_000;

/// In the place of an id: `>`.
const NEW: Id = Id::MAX;

/// What a reader asks for.
#[derive(Clone, Debug)]
pub struct Read {
    /// Each key's slot with the last id that is known, or [`NEW`].
    pub keys: Vec<(u32, Id)>,
    group: Option<Member>,
    /// Entries of each key at most; 0: no limit.
    count: u64,
}

/// On whose behalf a group is read.
#[derive(Clone, Debug)]
struct Member {
    group: Rc<str>,
    consumer: Rc<str>,
    no_ack: bool,
}

/// The options before the ids.
#[derive(Default)]
struct Options<'a> {
    block: Option<u64>,
    count: u64,
    group: Option<(&'a str, &'a str)>,
    no_ack: bool,
    /// Where the keys begin, and how many there are.
    keys: Option<(usize, usize)>,
}

fn options<'a>(words: &'a [String], in_group: bool) -> Result<Options<'a>, String> {
    let only_in_group = |option: &str| match in_group {
        true => Ok(()),
        false => Err(format!("The {option} option is only supported by XREADGROUP. You called XREAD instead.")),
    };
    let mut options = Options::default();
    let mut at = 1;
    while at < words.len() {
        let (word, more) = (words[at].as_str(), words.len() - at - 1);
        if is(word, "block") && more > 0 {
            at += 1;
            let time = number_or(&words[at], "timeout is not an integer or out of range")?;
            options.block = Some(u64::try_from(time).map_err(|_| "timeout is negative")?);
        } else if is(word, "count") && more > 0 {
            at += 1;
            options.count = number(&words[at])?.max(0) as u64;
        } else if is(word, "streams") && more > 0 {
            if more % 2 != 0 {
                return Err(
                    "Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.".into()
                );
            }
            options.keys = Some((at + 1, more / 2));
            break;
        } else if is(word, "group") && more >= 2 {
            only_in_group("GROUP")?;
            options.group = Some((&words[at + 1], &words[at + 2]));
            at += 2;
        } else if is(word, "noack") {
            only_in_group("NOACK")?;
            options.no_ack = true;
        } else {
            return Err(SYNTAX.into());
        }
        at += 1;
    }
    Ok(options)
}

/// The last id that the reader of a key knows.
fn known(server: &RedisStreams, key: &str, text: &str, group: Option<&str>) -> Result<Id, String> {
    let slot = server.stream_named(key)?;
    let stream = slot.and_then(|slot| server.store.stream(slot));
    if let Some(group) = group {
        if stream.and_then(|stream| stream.group_named(group)).is_none() {
            return Err(format!(
                "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
            ));
        }
    }
    match (text, group) {
        ("$", Some(_)) => Err("The $ ID is meaningless in the context of XREADGROUP: you want to read the history of \
             this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an \
             empty result set."
            .into()),
        ("$", None) => Ok(stream.map_or(Id::ZERO, |stream| stream.last_id)),
        (">", Some(_)) => Ok(NEW),
        (">", None) => {
            Err("The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.".into())
        }
        _ => strict_id(text),
    }
}

pub(super) fn xread(server: &mut RedisStreams, asked: &Asked, call: &mut Call) -> Reply {
    let words = asked.words;
    let in_group = words[0].len() == "xreadgroup".len();
    let options = options(words, in_group)?;
    let Some((first, count)) = options.keys else { return Err(SYNTAX.into()) };
    if in_group && options.group.is_none() {
        return Err("Missing GROUP option for XREADGROUP".into());
    }
    let group = options.group.map(|(group, _)| group);
    let mut keys = Vec::with_capacity(count);
    for at in first..first + count {
        let id = known(server, &words[at], &words[at + count], group)?;
        keys.push((server.store.slot_for(&words[at]), id));
    }
    if in_group && !server.store.has_room() {
        return Err(NO_ROOM.into());
    }
    let member = options.group.map(|(group, consumer)| Member {
        group: Rc::from(group),
        consumer: Rc::from(consumer),
        no_ack: options.no_ack,
    });
    let mut read = Read { keys, group: member, count: options.count };
    let replies = read.at_once(server, call);
    if !replies.is_empty() {
        return Ok(Json::Array(replies));
    }
    let Some(block) = options.block.filter(|_| !asked.in_transaction) else { return Ok(Json::Null) };
    if read.count == 0 {
        read.count = BLOCKED_COUNT;
    }
    let until = (block > 0).then(|| call.now + Duration::from_millis(block));
    let index = server.waiting.block(asked.session, until, What::Command(Box::new(read)), &mut server.store);
    if let Some(terminal) = server.terminals.get_mut(&asked.session) {
        terminal.blocked = Some(index);
    }
    Ok(json!({"blocked": true}))
}

impl Read {
    /// What is there for the reader now: for each key that has something, its name and entries.
    fn at_once(&self, server: &mut RedisStreams, call: &mut Call) -> Vec<Json> {
        let mut replies = Vec::new();
        for (slot, known) in &self.keys {
            let Some(stream) = server.store.stream(*slot) else { continue };
            let group = self.group.as_ref().and_then(|member| stream.group_named(&member.group));
            let after = match (group, *known) {
                (Some(group), NEW) => stream.group(group).map_or(NEW, |group| group.last_id),
                (_, known) => known,
            };
            let is_history = group.is_some() && *known != NEW;
            if is_history || stream.entries.has_after(after) {
                let entries = self.entries(server, *slot, after, is_history, call);
                replies.push(json!([&*server.store.slots[*slot as usize].name, entries]));
            }
        }
        replies
    }

    /// The entries of one key after this id, which the reader now has.
    fn entries(&self, server: &mut RedisStreams, slot: u32, after: Id, is_history: bool, call: &mut Call) -> Vec<Json> {
        let broker = call.broker;
        let limit = if self.count == 0 { usize::MAX } else { self.count as usize };
        let mut entries = Vec::new();
        let Some((stream, mut pen)) = server.store.open(slot, call) else { return entries };
        let group = self.group.as_ref().and_then(|member| Some((member, stream.group_named(&member.group)?)));
        let Some((member, index)) = group else {
            let new = stream.entries.range(after, Id::MAX).filter(|(id, _)| *id > after);
            return new.take(limit).map(|(id, content)| entry(id, content)).collect();
        };
        let Some(group) = stream.group_mut(index) else { return entries };
        let (consumer, _) = group.look_up(&member.consumer, broker, &mut pen);
        if !is_history {
            while entries.len() < limit {
                let Some((id, content)) = stream.deliver_next(index, consumer, member.no_ack, &mut pen) else { break };
                entries.push(entry(id, content));
            }
            return entries;
        }
        let Some(from) = after.next() else { return entries };
        let own: Vec<(Id, Nack)> = group.owned(consumer, from).take(limit).map(|(id, nack)| (id, *nack)).collect();
        for (id, nack) in own {
            let Some(content) = stream.entries.get(id).cloned() else {
                entries.push(json!([id.to_string(), null]));
                continue;
            };
            let nack = Nack { count: nack.count.saturating_add(1), time_ms: pen.now_ms(), ..nack };
            if let Some(group) = stream.group_mut(index) {
                group.deliver_again(id, nack, Return::Reread, &mut pen);
            }
            entries.push(entry(id, &content));
        }
        entries
    }
}

/// What news at a key mean for a blocked reader.
enum News {
    /// None.
    Nothing,
    /// There are entries after this id.
    Entries(Id),
    /// It waits in vain.
    Gone(&'static str),
}

fn news(read: &Read, slot: u32, value: Option<&Value>) -> News {
    let stream: &Stream = match (value, &read.group) {
        (Some(Value::Stream(stream)), _) => stream,
        (_, Some(_)) => return News::Gone("UNBLOCKED the stream key no longer exists"),
        (_, None) => return News::Nothing,
    };
    let known = read.keys.iter().find(|(other, _)| *other == slot).map_or(NEW, |(_, id)| *id);
    let after = match &read.group {
        None => known,
        Some(member) => match stream.group_named(&member.group).and_then(|index| stream.group(index)) {
            Some(group) => group.last_id,
            None => return News::Gone("NOGROUP the consumer group this client was blocked on no longer exists"),
        },
    };
    match stream.last_id > after {
        true => News::Entries(after),
        false => News::Nothing,
    }
}

impl RedisStreams {
    /// Serves a blocked reader, if there is something for it at this key, or nothing can come any more.
    pub(in super::super) fn serve_command(&mut self, index: u32, slot: u32, call: &mut Call) -> bool {
        let Some(What::Command(read)) = self.waiting.get(index).map(|blocked| &blocked.what) else { return false };
        let news = news(read, slot, self.store.slots[slot as usize].value.as_ref());
        if matches!(news, News::Nothing) {
            return false;
        }
        let Some(blocked) = self.waiting.end(index, &mut self.store) else { return false };
        let What::Command(read) = blocked.what else { return true };
        let reply = match news {
            News::Nothing => return false,
            News::Gone(text) => error(text),
            News::Entries(after) => {
                let entries = read.entries(self, slot, after, false, call);
                json!([[&*self.store.slots[slot as usize].name, entries]])
            }
        };
        self.answer_late(blocked.session, reply, call);
        true
    }
}
