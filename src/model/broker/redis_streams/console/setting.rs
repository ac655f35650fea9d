//! The connection, the clock and the configuration.

use serde_json::{json, Value as Json};

use super::super::arguments::{arity, integer, is, Reply};
use super::super::persistence::Mode;
use super::super::server::RedisStreams;
use super::{Asked, Terminal};
use crate::model::broker::server::Call;

pub(super) fn ping(_: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    match asked.words {
        [_] => Ok(json!("PONG")),
        [_, text] => Ok(json!(text)),
        _ => Err(arity("ping")),
    }
}

pub(super) fn echo(_: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    Ok(json!(asked.words[1]))
}

/// The run's clock, which starts at 0: seconds, and microseconds of the second.
pub(super) fn time(_: &mut RedisStreams, _: &Asked, call: &mut Call) -> Reply {
    let microseconds = call.now.0 / 1_000;
    Ok(json!([(microseconds / 1_000_000).to_string(), (microseconds % 1_000_000).to_string()]))
}

pub(super) fn set_name(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    if asked.words[2].chars().any(|letter| !('!'..='~').contains(&letter)) {
        return Err("Client names cannot contain spaces, newlines or special characters.".into());
    }
    server.terminals.get_or_insert_with(asked.session, Terminal::default).name = asked.words[2].clone();
    Ok(json!("OK"))
}

pub(super) fn get_name(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    let name = server.terminals.get(&asked.session).map(|terminal| terminal.name.as_str());
    Ok(name.filter(|name| !name.is_empty()).map_or(Json::Null, |name| json!(name)))
}

/// The settings that can be read and written.
const SETTINGS: [&str; 4] = ["appendfsync", "appendonly", "stream-node-max-bytes", "stream-node-max-entries"];

fn failed(name: &str, why: &str) -> String {
    format!("CONFIG SET failed (possibly related to argument '{name}') - {why}")
}

pub(super) fn config_set(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    let pairs = &asked.words[2..];
    if pairs.len() % 2 == 1 {
        return Err(arity("config|set"));
    }
    for pair in pairs.chunks(2) {
        if !SETTINGS.iter().any(|name| is(&pair[0], name)) {
            return Err(format!("Unknown option or number of arguments for CONFIG SET - '{}'", pair[0]));
        }
    }
    for pair in pairs.chunks(2) {
        config_set_one(server, &pair[0].to_lowercase(), &pair[1])?;
    }
    Ok(json!("OK"))
}

fn config_set_one(server: &mut RedisStreams, name: &str, value: &str) -> Result<(), String> {
    let mode = server.store.log.mode();
    let has_file = !matches!(mode, Mode::Snapshots | Mode::Off);
    match name {
        "appendfsync" => {
            let wanted = ["everysec", "always", "no"].into_iter().find(|wanted| is(value, wanted));
            let Some(wanted) = wanted else {
                return Err(failed(name, "argument(s) must be one of the following: everysec, always, no"));
            };
            if has_file {
                server.store.set_mode(Mode::named(wanted));
            }
        }
        "appendonly" => match (is(value, "yes"), is(value, "no")) {
            (true, _) if !has_file => server.store.set_mode(Mode::EverySecond),
            (_, true) if has_file => server.store.set_mode(Mode::Snapshots),
            (false, false) => return Err(failed(name, "argument must be 'yes' or 'no'")),
            _ => {}
        },
        _ => {
            let Some(number) = integer(value) else {
                return Err(failed(name, "argument couldn't be parsed into an integer"));
            };
            let Ok(number) = u64::try_from(number) else {
                let why = format!("argument must be between 0 and {} inclusive", i64::MAX);
                return Err(failed(name, &why));
            };
            match name {
                "stream-node-max-bytes" => server.store.limits.bytes_max = number,
                _ => server.store.limits.entries_max = number,
            }
        }
    }
    Ok(())
}

pub(super) fn config_get(server: &mut RedisStreams, asked: &Asked, _: &mut Call) -> Reply {
    let limits = server.store.limits;
    let mode = server.store.log.mode();
    let has_file = !matches!(mode, Mode::Snapshots | Mode::Off);
    let value = |name: &str| match name {
        "appendfsync" if has_file => mode.name().to_string(),
        "appendfsync" => Mode::EverySecond.name().to_string(),
        "appendonly" => if has_file { "yes" } else { "no" }.to_string(),
        "stream-node-max-bytes" => limits.bytes_max.to_string(),
        _ => limits.entries_max.to_string(),
    };
    let wanted = |name: &&&str| asked.words[2..].iter().any(|word| word == "*" || is(word, name));
    Ok(SETTINGS.iter().filter(wanted).flat_map(|name| [json!(name), json!(value(name))]).collect())
}
