//! A Kafka console for tests: it performs lines and keeps what was told without being asked for.

// Each test program uses its part of it.
#![allow(dead_code)]

use patchbay::model::broker::console::Console;
use patchbay::model::broker::kafka;
use patchbay::model::broker::profile;
use patchbay::vocabulary::Settings;
use serde_json::Value as Json;

/// A console, and what it said by itself: client, word, body.
#[derive(Clone)]
pub struct World {
    pub console: Console,
    later: Vec<(String, String, Json)>,
}

/// The texts of a list.
pub fn list(json: &Json) -> Vec<String> {
    let items = json.as_array().unwrap_or_else(|| panic!("{json} is a list"));
    items.iter().map(|item| item.as_str().expect("a text").to_string()).collect()
}

/// The values of the records in an answer.
pub fn values(answer: &Json) -> Vec<String> {
    let records = answer["records"].as_array().unwrap_or_else(|| panic!("{answer} has records"));
    records.iter().map(|record| record["value"].as_str().unwrap_or("null").to_string()).collect()
}

impl World {
    /// A cluster of three brokers in which these lines were performed.
    pub fn new(setup: &[&str]) -> World {
        World::seeded(1, setup)
    }

    /// The same, with another seed for what is left open.
    pub fn seeded(seed: u64, setup: &[&str]) -> World {
        let console = Console::new(kafka::server(&Settings::default()), profile::kafka::WORDS, seed);
        let mut world = World { console, later: Vec::new() };
        for line in setup {
            let answer = world.ask(line);
            assert!(answer.get("error").is_none(), "{line}: {answer}");
        }
        world
    }

    /// Performs a line and returns the answer. What is told is kept.
    pub fn ask(&mut self, line: &str) -> Json {
        let mut said = Vec::new();
        self.console.perform(line, &mut |json| said.push(json));
        let is_wait = line.starts_with("wait");
        let mut answer = Json::Null;
        for (index, json) in said.into_iter().enumerate() {
            let fields = json.as_object().expect("an object");
            let client = fields["client"].as_str().expect("a client").to_string();
            let (word, body) = fields.iter().find(|(name, _)| *name != "client").expect("a word");
            if index == 0 && !is_wait {
                answer = body.clone();
            } else {
                self.later.push((client, word.clone(), body.clone()));
            }
        }
        answer
    }

    /// The error that a line is answered with.
    pub fn error(&mut self, line: &str) -> String {
        let answer = self.ask(line);
        answer["error"].as_str().unwrap_or_else(|| panic!("{line}: {answer}")).to_string()
    }

    /// The values of the records that a line is answered with.
    pub fn values(&mut self, line: &str) -> Vec<String> {
        values(&self.ask(line))
    }

    /// What was told under a word since the last question for it.
    pub fn told(&mut self, word: &str) -> Vec<Json> {
        let (asked, rest) = std::mem::take(&mut self.later).into_iter().partition(|(_, told, _)| told == word);
        self.later = rest;
        let asked: Vec<(String, String, Json)> = asked;
        asked.into_iter().map(|(.., body)| body).collect()
    }

    /// What was told to one client under a word since the last question for it.
    pub fn told_to(&mut self, client: &str, word: &str) -> Vec<Json> {
        let is_asked = |one: &(String, String, Json)| one.0 == client && one.1 == word;
        let (asked, rest) = std::mem::take(&mut self.later).into_iter().partition(is_asked);
        self.later = rest;
        let asked: Vec<(String, String, Json)> = asked;
        asked.into_iter().map(|(.., body)| body).collect()
    }

    /// All that was told to one client.
    pub fn events(&mut self, client: &str) -> Vec<(String, Json)> {
        let (asked, rest) = std::mem::take(&mut self.later).into_iter().partition(|(to, ..)| to == client);
        self.later = rest;
        let asked: Vec<(String, String, Json)> = asked;
        asked.into_iter().map(|(_, word, body)| (word, body)).collect()
    }

    /// Forgets what was told.
    pub fn clear(&mut self) {
        self.later.clear();
    }

    /// The main client produces these values to the topic `t`.
    pub fn produce(&mut self, values: &[&str]) {
        for value in values {
            let answer = self.ask(&format!("produce t {value}"));
            assert!(answer.get("error").is_none(), "{value}: {answer}");
        }
    }

    /// A client subscribes and waits until it has its partitions. It reads nothing.
    pub fn start(&mut self, client: &str, topic: &str, settings: &str) {
        self.ask(&format!("{client}> subscribe {topic} {settings}"));
        self.ask(&format!("{client}> poll timeout=0"));
        self.ask("wait 4s");
    }
}
