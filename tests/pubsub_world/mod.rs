//! Pub/Sub at a console, for the tests of its rules.

use patchbay::model::broker::console::Console;
use patchbay::model::broker::profile::pubsub::WORDS;
use patchbay::model::broker::pubsub;
use patchbay::vocabulary::Settings;
use serde_json::Value as Json;

/// A console, and what it says without being asked: (client, word, body).
pub struct World {
    console: Console,
    pub later: Vec<(String, String, Json)>,
}

impl World {
    /// Does these lines first; each must succeed.
    pub fn new(setup: &[&str]) -> World {
        let console = Console::new(pubsub::server(&Settings::default()), WORDS, 1);
        let mut world = World { console, later: Vec::new() };
        setup.iter().for_each(|line| drop(world.ask(line)));
        world
    }

    /// Does a line; returns its answer, if it has one.
    pub fn perform(&mut self, line: &str) -> Option<Json> {
        let mut said = Vec::new();
        self.console.perform(line, &mut |json| said.push(json));
        let mut answer = None;
        for json in said {
            let fields = json.as_object().expect("an object");
            let client = fields["client"].as_str().expect("a client").to_string();
            let (word, body) = fields.iter().find(|(name, _)| *name != "client").expect("a body");
            if answer.is_none() && word == "reply" && !line.starts_with("wait") {
                answer = Some(body.clone());
            } else {
                self.later.push((client, word.clone(), body.clone()));
            }
        }
        answer
    }

    /// Does a line that must succeed.
    pub fn ask(&mut self, line: &str) -> Json {
        let answer = self.perform(line).unwrap_or_default();
        assert!(answer["error"].is_null(), "{line}: {answer}");
        answer
    }

    /// Does a line that must fail; returns the code.
    pub fn error(&mut self, line: &str) -> String {
        let answer = self.perform(line).expect("an answer");
        answer["error"].as_str().unwrap_or_else(|| panic!("{line}: {answer}")).to_string()
    }

    /// Pulls; returns the data.
    pub fn pull(&mut self, line: &str) -> Vec<String> {
        data(&self.ask(&format!("pull {line}")))
    }

    /// What was delivered to a client since the last question.
    pub fn delivered(&mut self, client: &str) -> Vec<String> {
        let is_own = |said: &(String, String, Json)| said.0 == client && said.1 == "delivery";
        let found = self.later.iter().filter(|said| is_own(said)).map(|said| data_of(&said.2)).collect();
        self.later.retain(|said| !is_own(said));
        found
    }

    /// Messages of a subscription that wait, are outstanding, and are kept though acknowledged.
    pub fn counts(&mut self, subscription: &str) -> (u64, u64, u64) {
        let described = self.ask(&format!("describe {subscription}"));
        let count = |name: &str| described[name].as_u64().expect("a count");
        (count("waiting"), count("outstanding"), count("acked"))
    }
}

/// The data of a received message.
pub fn data_of(received: &Json) -> String {
    received["message"]["data"].as_str().unwrap_or_else(|| panic!("{received}")).to_string()
}

/// The data of all messages of an answer.
pub fn data(answer: &Json) -> Vec<String> {
    let received = answer["receivedMessages"].as_array().unwrap_or_else(|| panic!("{answer}"));
    received.iter().map(data_of).collect()
}

/// Nothing was delivered.
pub const NONE: [&str; 0] = [];
/// A topic with a subscription.
pub const PLAIN: &[&str] = &["create-topic t", "create-subscription s topic=t"];
