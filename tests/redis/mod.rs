//! A Redis server at a console, for the tests of its behaviour. Not every test file needs all of it.
#![allow(dead_code)]

use patchbay::model::broker::console::Console;
use patchbay::model::broker::profile::redis_streams::WORDS;
use patchbay::model::broker::redis_streams;
use patchbay::vocabulary::Settings;
use serde_json::{json, Value as Json};

/// A console, and what it says without being asked: (client, word, body).
pub struct World {
    console: Console,
    later: Vec<(String, Json)>,
}

impl World {
    pub fn new() -> World {
        World::with(&Settings::default())
    }

    pub fn with(settings: &Settings) -> World {
        World { console: Console::new(redis_streams::server(settings), WORDS, 1), later: Vec::new() }
    }

    /// Performs lines and wants no error.
    pub fn run(&mut self, lines: &[&str]) {
        for line in lines {
            let reply = self.ask(line);
            assert!(reply.get("error").is_none(), "{line}: {reply}");
        }
    }

    /// The reply to a line.
    pub fn ask(&mut self, line: &str) -> Json {
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

    pub fn error(&mut self, line: &str) -> String {
        let reply = self.ask(line);
        let text = reply["error"].as_str().unwrap_or_else(|| panic!("{line}: {reply}"));
        text.strip_prefix("ERR: ").expect("the prefix of errors").to_string()
    }

    /// The replies that came late, since the last time.
    pub fn late(&mut self) -> Vec<(String, Json)> {
        std::mem::take(&mut self.later)
    }

    /// Says each line and compares the reply.
    pub fn expect(&mut self, steps: &[(&str, Json)]) {
        for (line, expected) in steps {
            assert_eq!(&self.ask(line), expected, "{line}");
        }
    }

    /// (id, owner, deliveries) of all that is pending.
    pub fn pending(&mut self, key: &str, group: &str) -> Json {
        without_idle(&self.ask(&format!("XPENDING {key} {group} - + 100")))
    }

    pub fn group(&mut self, key: &str, group: &str) -> Json {
        let groups = self.ask(&format!("XINFO GROUPS {key}"));
        let found = groups.as_array().expect("groups").iter().find(|found| found["name"] == group);
        found.unwrap_or_else(|| panic!("{groups}")).clone()
    }
}

pub fn without_idle(pending: &Json) -> Json {
    let entries = pending.as_array().unwrap_or_else(|| panic!("{pending}"));
    entries.iter().map(|entry| json!([entry[0], entry[1], entry[3]])).collect()
}

/// Entries with the field `f` as they are answered.
pub fn entries(ids: &[(&str, &str)]) -> Json {
    ids.iter().map(|(id, value)| json!([id, ["f", value]])).collect()
}
