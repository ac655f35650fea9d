//! Commands to a node, as a document plans them: in the words of its buttons, or of its product's console.
//!
//! Leaves out: whether what a line speaks of is there when it happens; the answer in the console's transcript says so.

use super::console::{client_and_operation, WORDS};
use super::profile::PROFILES;
use super::server::Word;
use crate::model::kind::NodeKind;

/// Why a text is no command of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What is wrong.
    pub message: String,
    /// The words that there are.
    pub known: Vec<&'static str>,
    /// The word that was taken for one of them.
    pub word: String,
}

/// The command that a planned text means for a node of this kind, as [`crate::kernel::Component::on_command`] takes it:
/// one of its own, or `console LINE` for a line in the words of the product that it hosts.
///
/// # Errors
/// Why it is none.
pub fn planned(kind: &NodeKind, text: &str) -> Result<String, Flaw> {
    let own = || kind.commands.iter().map(|(name, ..)| *name);
    if own().any(|name| name == text) {
        return Ok(text.to_string());
    }
    let flaw = |message: String, known: Vec<&'static str>, word: &str| Flaw { message, known, word: word.to_string() };
    let Some(profile) = PROFILES.iter().find(|profile| profile.host == kind.name) else {
        let message = match kind.commands.is_empty() {
            true => format!("a {} takes no commands", kind.label.to_ascii_lowercase()),
            false => format!("there is no command \"{text}\""),
        };
        return Err(flaw(message, own().collect(), text));
    };
    let line = text.strip_prefix("console ").unwrap_or(text).trim();
    let (_, operation) = client_and_operation(line);
    let mut parts = operation.split_whitespace();
    let first = parts.next().unwrap_or_default();
    let known = || profile.words().iter().chain(WORDS.iter().filter(|word| word.name == "kill"));
    let Some(word) = known().find(|word| word.name.eq_ignore_ascii_case(first)) else {
        let message = match first {
            "" => "is empty".to_string(),
            _ => format!("{} has no word \"{first}\"", profile.label),
        };
        return Err(flaw(message, known().map(|word| word.name).collect(), first));
    };
    match fits(word, parts) {
        true => Ok(format!("console {line}")),
        false => Err(flaw(format!("\"{operation}\" is not written like this: {}", word.usage), Vec::new(), first)),
    }
}

/// Whether these words after the first can be meant by the usage: there are enough, and those that are fixed are there.
/// A usage with several forms asks for no more than one word.
fn fits<'a>(word: &Word, mut given: impl Iterator<Item = &'a str>) -> bool {
    let mut asked = word.usage.split_whitespace().skip(1);
    if word.usage.contains(" | ") {
        return asked.next().is_none() || given.next().is_some();
    }
    asked.take_while(|asked| !asked.starts_with(['[', '\'']) && *asked != "...").all(|asked| {
        let is_fixed = asked.bytes().all(|letter| letter.is_ascii_lowercase());
        // A number stands for N; anything may stand for the rest.
        given.next().is_some_and(|given| match asked {
            "N" => given.parse::<u64>().is_ok(),
            _ => !is_fixed || given == asked,
        })
    })
}
