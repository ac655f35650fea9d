//! The commands, as a client of the console types them: `XADD s * f v`.
//!
//! Reproduces: Redis 7.0.15 as seen through a client that shows replies as they are: arrays, texts, numbers, null, and
//! `{"error": "ERR: ..."}`. Names of commands and options may be written in capitals or not. `XINFO` answers objects.
//! A command that blocks answers `{"blocked": true}` and gets its reply later; what the client sends meanwhile waits,
//! as it would in the server's input buffer. Transactions are queued and run as a whole.
//!
//! Leaves out: `WATCH`, scripts, databases but one, and all commands that are not in [`COMMANDS`].
//!
//! To add a command, write its function in the file of its kind and name it in [`COMMANDS`].

use std::collections::VecDeque;

use serde_json::{json, Value as Json};

use crate::model::broker::server::{Call, Session};
use crate::model::broker::words::split;
use crate::vocabulary::Time;

use super::arguments::{arity, error, is, Reply, NO_ROOM, WRONG_TYPE};
use super::server::RedisStreams;
use super::store::Value;

mod add;
mod claim;
mod groups;
mod info;
mod keys;
mod range;
pub mod read;
mod replication;
mod setting;

/// Commands that one client may send while it is blocked, or queue in a transaction.
const LINES_MAX: usize = 10_000;

/// What the server knows of a client of the console.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// Its number among the blocked.
    pub blocked: Option<u32>,
    /// What it sent since.
    sent: VecDeque<Vec<String>>,
    /// When something had been written last, when its latest command was done.
    written: Option<Time>,
    transaction: Option<Transaction>,
    name: String,
}

/// Commands since `MULTI`.
#[derive(Clone, Debug, Default)]
struct Transaction {
    queue: Vec<Vec<String>>,
    is_refused: bool,
}

/// A command that is to be run.
pub(super) struct Asked<'a> {
    session: Session,
    words: &'a [String],
    /// It is part of a transaction, and must not block.
    in_transaction: bool,
}

type Run = fn(&mut RedisStreams, &Asked, &mut Call) -> Reply;

struct Command {
    name: &'static str,
    /// How many words there must be, the command's own among them; negative: at least.
    arity: i32,
    run: Run,
    /// Its subcommands; if there are any, the second word names one.
    inner: &'static [Command],
    /// It needs room.
    grows: bool,
}

const fn command(name: &'static str, arity: i32, run: Run) -> Command {
    Command { name, arity, run, inner: &[], grows: false }
}

const fn growing(name: &'static str, arity: i32, run: Run) -> Command {
    Command { name, arity, run, inner: &[], grows: true }
}

const fn container(name: &'static str, inner: &'static [Command]) -> Command {
    Command { name, arity: -2, run: keys::nothing, inner, grows: false }
}

const COMMANDS: &[Command] = &[
    growing("xadd", -5, add::xadd),
    command("xtrim", -4, add::xtrim),
    command("xdel", -3, add::xdel),
    command("xsetid", -3, add::xsetid),
    command("xlen", 2, range::xlen),
    command("xrange", -4, range::xrange),
    command("xrevrange", -4, range::xrevrange),
    command("xread", -4, read::xread),
    command("xreadgroup", -7, read::xread),
    command("xack", -4, groups::xack),
    command("xpending", -3, groups::xpending),
    command("xclaim", -6, claim::xclaim),
    command("xautoclaim", -6, claim::xautoclaim),
    container(
        "xgroup",
        &[
            growing("create", -5, groups::create),
            command("setid", -5, groups::setid),
            command("destroy", 4, groups::destroy),
            growing("createconsumer", 5, groups::create_consumer),
            command("delconsumer", 5, groups::delete_consumer),
            command("help", 2, groups::help),
        ],
    ),
    container(
        "xinfo",
        &[
            command("stream", -3, info::stream),
            command("groups", 3, info::groups),
            command("consumers", 4, info::consumers),
            command("help", 2, info::help),
        ],
    ),
    command("exists", -2, keys::exists),
    command("del", -2, keys::del),
    command("type", 2, keys::type_of),
    command("keys", 2, keys::keys),
    command("dbsize", 1, keys::dbsize),
    command("flushall", -1, keys::flushall),
    growing("set", -3, keys::set),
    command("get", 2, keys::get),
    growing("incr", 2, keys::incr),
    command("multi", 1, keys::nothing),
    command("exec", 1, keys::nothing),
    command("discard", 1, keys::nothing),
    command("ping", -1, setting::ping),
    command("echo", 2, setting::echo),
    command("time", 1, setting::time),
    command("wait", 3, replication::wait),
    command("failover", -1, replication::failover),
    container("sentinel", &[command("failover", 3, replication::sentinel_failover)]),
    container("client", &[command("setname", 3, setting::set_name), command("getname", 2, setting::get_name)]),
    container("config", &[command("set", -4, setting::config_set), command("get", -3, setting::config_get)]),
];

/// The command of these words, and its full name; or why there is none.
fn find(words: &[String]) -> Result<(&'static Command, String), String> {
    let Some(first) = words.first() else { return Err("empty command".into()) };
    let Some(outer) = COMMANDS.iter().find(|command| is(first, command.name)) else {
        return Err(unknown(first, &words[1..]));
    };
    let found = match (outer.inner.is_empty(), words.get(1)) {
        (true, _) | (false, None) => (outer, outer.name.to_string()),
        (false, Some(second)) => match outer.inner.iter().find(|command| is(second, command.name)) {
            Some(inner) => (inner, format!("{}|{}", outer.name, inner.name)),
            None => {
                let second: String = second.chars().take(128).collect();
                let name = first.to_uppercase();
                return Err(format!("unknown subcommand '{second}'. Try {name} HELP."));
            }
        },
    };
    let (count, wanted) = (words.len() as i64, i64::from(found.0.arity));
    match (wanted > 0 && count != wanted) || count < -wanted {
        true => Err(arity(&found.1)),
        false => Ok(found),
    }
}

fn unknown(name: &str, rest: &[String]) -> String {
    let mut arguments = String::new();
    for argument in rest {
        let room = 128usize.saturating_sub(arguments.chars().count());
        if room == 0 {
            break;
        }
        arguments.push('\'');
        arguments.extend(argument.chars().take(room));
        arguments.push_str("' ");
    }
    let name: String = name.chars().take(128).collect();
    format!("unknown command '{name}', with args beginning with: {arguments}")
}

fn to_json(reply: Reply) -> Json {
    reply.unwrap_or_else(|text| error(&text))
}

impl RedisStreams {
    /// One line of a client.
    pub(super) fn perform(&mut self, session: Session, line: &str, call: &mut Call) -> Json {
        let words = match split(line) {
            Ok(words) => words,
            Err(_) => return error("Protocol error: unbalanced quotes in request"),
        };
        let terminal = self.terminals.get_or_insert_with(session, Terminal::default);
        if terminal.blocked.is_some() {
            if terminal.sent.len() >= LINES_MAX {
                return error("too many commands while the client is blocked");
            }
            terminal.sent.push_back(words);
            return json!({"blocked": true});
        }
        let reply = to_json(self.run_line(session, words, call));
        let written = self.store.log.replicas.written();
        if let Some(terminal) = self.terminals.get_mut(&session) {
            terminal.written = written;
        }
        reply
    }

    fn run_line(&mut self, session: Session, words: Vec<String>, call: &mut Call) -> Reply {
        let found = find(&words).and_then(|found| match found.0.grows && !self.store.has_room() {
            true => Err(NO_ROOM.to_string()),
            false => Ok(found),
        });
        let terminal = self.terminals.get_or_insert_with(session, Terminal::default);
        let (command, name) = match found {
            Ok(found) => found,
            Err(text) => {
                if let Some(transaction) = &mut terminal.transaction {
                    transaction.is_refused = true;
                }
                return Err(text);
            }
        };
        match (name.as_str(), &mut terminal.transaction) {
            ("multi", Some(_)) => Err("MULTI calls can not be nested".into()),
            ("multi", none) => {
                *none = Some(Transaction::default());
                Ok(json!("OK"))
            }
            ("exec", None) => Err("EXEC without MULTI".into()),
            ("discard", None) => Err("DISCARD without MULTI".into()),
            ("discard", some) => {
                *some = None;
                Ok(json!("OK"))
            }
            ("exec", some) => {
                let Transaction { queue, is_refused } = some.take().unwrap_or_default();
                match is_refused {
                    true => Err("Transaction discarded because of previous errors.".into()),
                    false => Ok(self.run_all(session, &queue, call)),
                }
            }
            (_, Some(transaction)) if transaction.queue.len() < LINES_MAX => {
                transaction.queue.push(words);
                Ok(json!("QUEUED"))
            }
            (_, Some(_)) => Err(NO_ROOM.into()),
            (_, None) => (command.run)(self, &Asked { session, words: &words, in_transaction: false }, call),
        }
    }

    fn run_all(&mut self, session: Session, queue: &[Vec<String>], call: &mut Call) -> Json {
        let mut replies = Vec::with_capacity(queue.len());
        for words in queue {
            let reply = find(words).and_then(|(command, _)| {
                let asked = Asked { session, words, in_transaction: true };
                (command.run)(self, &asked, call)
            });
            replies.push(to_json(reply));
        }
        Json::Array(replies)
    }

    /// A blocked client gets its reply, and what it sent meanwhile is performed.
    pub(super) fn answer_late(&mut self, session: Session, reply: Json, call: &mut Call) {
        let Some(terminal) = self.terminals.get_mut(&session) else { return };
        terminal.blocked = None;
        call.tell(session, "reply", reply);
        loop {
            let Some(terminal) = self.terminals.get_mut(&session) else { return };
            let Some(words) = terminal.sent.pop_front() else { return };
            let reply = to_json(self.run_line(session, words, call));
            let is_blocked = self.terminals.get(&session).is_some_and(|terminal| terminal.blocked.is_some());
            if is_blocked {
                return;
            }
            call.tell(session, "reply", reply);
        }
    }

    /// The slot of the stream with this name, or nothing if there is no such key.
    fn stream_named(&self, name: &str) -> Result<Option<u32>, String> {
        match self.store.value(name) {
            None => Ok(None),
            Some(Value::Stream(_)) => Ok(self.store.find(name)),
            Some(Value::Text(_)) => Err(WRONG_TYPE.to_string()),
        }
    }

    /// The slot and index of a group, or nothing if the key or the group is not there.
    fn group_named(&self, key: &str, group: &str) -> Result<Option<(u32, u32)>, String> {
        let Some(slot) = self.stream_named(key)? else { return Ok(None) };
        let index = self.store.stream(slot).and_then(|stream| stream.group_named(group));
        Ok(index.map(|index| (slot, index)))
    }
}

/// The answer of `HELP`.
fn help(command: &str, lines: &[&str]) -> Reply {
    let first = format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let all = std::iter::once(first.as_str()).chain(lines.iter().copied()).chain(["HELP", "    Prints this help."]);
    Ok(all.map(Json::from).collect())
}

/// The error for a subcommand that is used wrongly.
fn wrong_use(asked: &Asked) -> String {
    let second: String = asked.words.get(1).map(|word| word.chars().take(128).collect()).unwrap_or_default();
    let name = asked.words.first().map(|word| word.to_uppercase()).unwrap_or_default();
    format!("unknown subcommand or wrong number of arguments for '{second}'. Try {name} HELP.")
}
