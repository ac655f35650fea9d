//! A console of RabbitMQ for tests, and the recordings that it is held against.
// Each test that includes this uses a part of it.
#![allow(dead_code)]

use patchbay::model::broker::console::Console;
use patchbay::model::broker::profile::rabbitmq::WORDS;
use patchbay::model::broker::rabbitmq::{server, BROKER};
use patchbay::model::kind::settings;
use serde_json::{json, Value as Json};

/// What was seen in a scenario.
pub fn recorded(scenario: &str) -> Json {
    let text = include_str!("../data/oracle/rabbitmq-3.10.8.json");
    let recording: Json = serde_json::from_str(text).expect("the recording is JSON");
    assert_eq!(recording["server"]["version"], "3.10.8");
    let observed = recording["scenarios"][scenario]["observed"].clone();
    assert!(observed.is_object(), "{scenario} was recorded");
    observed
}

/// A list of texts.
pub fn texts(json: &Json) -> Vec<String> {
    json.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_string()).collect()
}

/// A list without the notes of what was done in between.
pub fn without_steps(log: &Json) -> Vec<Json> {
    let entries = log.as_array().expect("a log").iter();
    entries.filter(|entry| entry.get("step").is_none()).cloned().collect()
}

/// A console, and what it told without being asked.
pub struct Lab {
    console: Console,
    /// What was told and not looked at yet.
    pub told: Vec<Json>,
}

impl Lab {
    pub fn new(setup: &[&str]) -> Lab {
        Lab::of("3.10", setup)
    }

    pub fn of(version: &str, setup: &[&str]) -> Lab {
        let settings = settings(BROKER.params, |name| (name == "version").then(|| json!(version)));
        let mut lab = Lab { console: Console::new(server::server(&settings), WORDS, 1), told: Vec::new() };
        lab.all(setup);
        lab
    }

    pub fn ask(&mut self, line: &str) -> Json {
        let mut answer = Json::Null;
        self.console.perform(line, &mut |said| match said.get("reply") {
            Some(reply) => answer = reply.clone(),
            None => self.told.push(said),
        });
        answer
    }

    /// Lines of which none is refused.
    pub fn all(&mut self, lines: &[&str]) {
        for line in lines {
            let answer = self.ask(line);
            assert!(answer.get("error").is_none(), "{line}: {answer}");
        }
    }

    pub fn error(&mut self, line: &str) -> (String, String) {
        let answer = self.ask(line);
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{line}: {answer}")).to_string();
        (text("error"), text("text"))
    }

    /// What was told under this word since the last look, with the client's name.
    pub fn told(&mut self, word: &str) -> Vec<(String, Json)> {
        let (found, others) = std::mem::take(&mut self.told).into_iter().partition(|said| said.get(word).is_some());
        self.told = others;
        let found: Vec<Json> = found;
        let client = |said: &Json| said["client"].as_str().expect("a client").to_string();
        found.iter().map(|said| (client(said), said[word].clone())).collect()
    }

    /// Deliveries since the last look: consumer and body.
    pub fn deliveries(&mut self) -> Vec<(String, String)> {
        let text = |body: &Json, name: &str| body[name].as_str().expect("a text").to_string();
        self.told("delivery").iter().map(|(_, body)| (text(body, "consumer"), text(body, "body"))).collect()
    }

    /// Deliveries since the last look, with the fields that the recordings have.
    pub fn delivery_log(&mut self) -> Vec<Json> {
        let fields = ["consumer", "tag", "body", "redelivered", "headers"];
        self.told("delivery").iter().map(|(_, body)| only(body, &fields)).collect()
    }

    pub fn get(&mut self, queue: &str) -> Json {
        self.ask(&format!("drain> get {queue} auto-ack=true"))
    }

    /// All bodies that are ready, taken.
    pub fn drain(&mut self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some(body) = self.get(queue)["body"].as_str() {
            bodies.push(body.to_string());
        }
        bodies
    }

    pub fn depth(&mut self, queue: &str) -> (u64, u64) {
        let depth = self.ask(&format!("depth {queue}"));
        (depth["ready"].as_u64().expect("a number"), depth["unacked"].as_u64().expect("a number"))
    }
}

/// Of an object only these fields, where it has them.
pub fn only(body: &Json, fields: &[&str]) -> Json {
    fields
        .iter()
        .filter_map(|name| Some((name.to_string(), body.get(name)?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What the recordings say of an answer to `basic.get`.
pub const GET_FIELDS: [&str; 6] = ["body", "redelivered", "remaining", "headers", "exchange", "routing_key"];

/// Lines that publish numbered messages to a queue.
pub fn publish(count: usize, queue: &str) -> Vec<String> {
    (0..count).map(|number| format!("publish \"\" {queue} m{number}")).collect()
}
