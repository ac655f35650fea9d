//! The Redis Streams profile against recorded behaviour of a real server (`tests/data/oracle`), and against what its
//! documentation and sources say, through its console.
#![cfg(not(target_arch = "wasm32"))]

use patchbay::model::broker::console::Console;
use patchbay::model::broker::profile::redis_streams::{FIDELITY, WORDS};
use patchbay::model::broker::profile::Coverage;
use patchbay::model::broker::redis_streams;
use patchbay::vocabulary::{Settings, Value};
use serde_json::{json, Value as Json};

/// A console, and what it says without being asked: (client, word, body).
struct World {
    console: Console,
    later: Vec<(String, Json)>,
}

impl World {
    fn new() -> World {
        World::with(&Settings::default())
    }

    fn with(settings: &Settings) -> World {
        World { console: Console::new(redis_streams::server(settings), WORDS, 1), later: Vec::new() }
    }

    /// Performs lines and wants no error.
    fn run(&mut self, lines: &[&str]) {
        for line in lines {
            let reply = self.ask(line);
            assert!(reply.get("error").is_none(), "{line}: {reply}");
        }
    }

    /// The reply to a line.
    fn ask(&mut self, line: &str) -> Json {
        let mut said = Vec::new();
        self.console.perform(line, &mut |json| said.push(json));
        let client = |json: &Json| json["client"].as_str().expect("a client").to_string();
        let mut own = Json::Null;
        for (index, json) in said.iter().enumerate() {
            match index == 0 && !line.contains("wait ") {
                true => own = json["reply"].clone(),
                false => self.later.push((client(json), json["reply"].clone())),
            }
        }
        own
    }

    fn error(&mut self, line: &str) -> String {
        let reply = self.ask(line);
        let text = reply["error"].as_str().unwrap_or_else(|| panic!("{line}: {reply}"));
        text.strip_prefix("ERR: ").expect("the prefix of errors").to_string()
    }

    /// The replies that came late, since the last time.
    fn late(&mut self) -> Vec<(String, Json)> {
        std::mem::take(&mut self.later)
    }

    /// Says each line and compares the reply.
    fn expect(&mut self, steps: &[(&str, Json)]) {
        for (line, expected) in steps {
            assert_eq!(&self.ask(line), expected, "{line}");
        }
    }

    /// (id, owner, deliveries) of all that is pending.
    fn pending(&mut self, key: &str, group: &str) -> Json {
        without_idle(&self.ask(&format!("XPENDING {key} {group} - + 100")))
    }

    fn group(&mut self, key: &str, group: &str) -> Json {
        let groups = self.ask(&format!("XINFO GROUPS {key}"));
        let found = groups.as_array().expect("groups").iter().find(|found| found["name"] == group);
        found.unwrap_or_else(|| panic!("{groups}")).clone()
    }
}

fn without_idle(pending: &Json) -> Json {
    let entries = pending.as_array().unwrap_or_else(|| panic!("{pending}"));
    entries.iter().map(|entry| json!([entry[0], entry[1], entry[3]])).collect()
}

/// Entries with the field `f` as they are answered.
fn entries(ids: &[(&str, &str)]) -> Json {
    ids.iter().map(|(id, value)| json!([id, ["f", value]])).collect()
}

fn recorded(scenario: &str) -> Vec<Json> {
    let text = include_str!("data/oracle/redis-7.0.15.json");
    let recording: Json = serde_json::from_str(text).expect("the recording is JSON");
    assert_eq!(recording["server"], "7.0.15");
    recording["scenarios"][scenario]["observed"].as_array().expect("the scenario was recorded").clone()
}

/// Does what a recording says and compares every reply.
fn follow(scenario: &str) -> World {
    let mut world = World::new();
    for step in recorded(scenario) {
        let Some(line) = step["cmd"].as_str() else { continue };
        let reply = world.ask(line);
        match step.get("reply_without_idle") {
            Some(expected) => assert_eq!(&without_idle(&reply), expected, "{step}"),
            None => assert_eq!(reply, step["reply"], "{step}"),
        }
    }
    world
}

#[test]
fn xadd_id_rules() {
    follow("xadd_id_rules");
}

#[test]
fn group_start_position() {
    follow("group_start_position");
}

#[test]
fn delivery_counter() {
    follow("delivery_counter");
}

#[test]
fn deleted_pending_entries() {
    follow("deleted_pending_entries");
}

#[test]
fn maxlen_minid_trim() {
    follow("maxlen_minid_trim");
}

#[test]
fn delconsumer_and_destroy() {
    follow("delconsumer_and_destroy");
}

#[test]
fn blocked_group_consumers_fifo() {
    let recording = recorded("blocked_group_consumers_fifo");
    let mut world = World::new();
    let mut served = Vec::new();
    let mut replies = serde_json::Map::new();
    world.run(&[recording[0]["cmd"].as_str().expect("a command")]);
    for worker in ["w1", "w2", "w3"] {
        let reply = world.ask(&format!("{worker}> XREADGROUP GROUP g {worker} BLOCK 0 STREAMS s >"));
        assert_eq!(reply, json!({"blocked": true}));
    }
    for step in &recording[1..] {
        match step["cmd"].as_str() {
            // Written down in short: the fields are left out.
            Some(line) if line.starts_with("MULTI") => {
                let steps = [("MULTI", "OK"), ("XADD s 2-0 f v2", "QUEUED"), ("XADD s 3-0 f v3", "QUEUED")];
                world.expect(&steps.map(|(line, reply)| (line, json!(reply))));
                assert_eq!(world.ask("EXEC"), json!(["2-0", "3-0"]));
            }
            Some(line) => assert_eq!(world.ask(line), step["reply"]),
            None => {
                for (client, reply) in world.late() {
                    served.push(client.clone());
                    replies.insert(client, reply);
                }
                assert_eq!(json!(served), step["served"]);
            }
        }
    }
    assert_eq!(Json::Object(replies), recording.last().expect("a step")["replies"]);
}

#[test]
fn lag_and_entries_read() {
    let mut world = World::new();
    for step in recorded("lag_and_entries_read") {
        if let Some(line) = step["cmd"].as_str() {
            assert_eq!(world.ask(line), step["reply"], "{step}");
        }
        for (words, group) in [("XINFO GROUPS", "g"), ("g2 made at 2-0", "g2")] {
            for (field, value) in step[words].as_object().into_iter().flatten() {
                assert_eq!(&world.group("s", group)[field], value, "{step}");
            }
        }
    }
}
