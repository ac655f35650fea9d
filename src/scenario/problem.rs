//! What is wrong with a document: where, what, and what to do about it.

use std::fmt;

use serde::Serialize;

use crate::vocabulary::order::sort_by_key;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The document is wrong; a run leaves the part out or takes a default.
    Error,
    /// It runs, but hardly as it was meant.
    Warning,
    /// The drawing is unfinished.
    Hint,
}

impl Severity {
    /// The word in front of a message.
    pub fn label(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        }
    }
}

/// One thing that is wrong or unfinished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where in the document: `nodes[3].params.prefetch`.
    pub place: String,
    /// The node to point at, if there is one.
    pub node: Option<String>,
    /// The wire to point at, if there is one.
    pub wire: Option<String>,
    /// What is wrong, to follow the place: `must be 0..65535, is -1`.
    pub message: String,
    /// What to do about it, as a sentence; may be empty.
    pub remedy: String,
}

impl Problem {
    /// A problem without a part to point at.
    pub fn new(severity: Severity, place: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem {
            severity,
            place: place.into(),
            node: None,
            wire: None,
            message: message.into(),
            remedy: String::new(),
        }
    }

    /// Pointing at a node.
    pub fn at_node(mut self, id: &str) -> Problem {
        self.node = Some(id.to_string());
        self
    }

    /// Pointing at a wire.
    pub fn at_wire(mut self, id: &str) -> Problem {
        self.wire = Some(id.to_string());
        self
    }

    /// With a remedy.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Problem {
        self.remedy = remedy.into();
        self
    }
}

impl fmt::Display for Problem {
    /// The place and the message: `nodes[3].params.prefetch: must be 0..65535, is -1`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

/// The name among `known` that was probably meant by `word`, if one is close enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long word has nothing near it, and comparing it would take long.
    if word.len() > 100 {
        return None;
    }
    let tolerance = (word.chars().count() / 3).clamp(1, 3);
    // Names are ASCII; the letters of all languages would bring a table of eleven kilobytes.
    let word = word.to_ascii_lowercase();
    // Of two that are as near, the one with the same letters was meant: letters are swapped more often than replaced.
    let scored = known.into_iter().map(|name| (distance(&word, name), sorted(&word) != sorted(name), name));
    scored.filter(|(distance, ..)| *distance <= tolerance).min().map(|(.., name)| name)
}

/// A sentence that names what was probably meant, or else what there is.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(name) => format!("Did you mean \"{name}\"?"),
        None => {
            let names: Vec<String> = known.into_iter().map(|name| format!("\"{name}\"")).collect();
            match names.len() {
                0 => "There are none here.".to_string(),
                1..=20 => format!("There are {}.", names.join(", ")),
                _ => String::new(),
            }
        }
    }
}

/// The letters of a word in the order of the alphabet.
fn sorted(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    sort_by_key(&mut letters, |letter| *letter);
    letters
}

/// How many letters must be added, removed, changed or swapped with a neighbour to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for i in 0..from.len() {
        let mut next = vec![i + 1];
        for j in 0..to.len() {
            let changed = row[j] + usize::from(from[i] != to[j]);
            let mut least = changed.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_recognised() {
        let known = ["producer", "consumer", "queue", "exchange", "broker"];
        for (word, meant) in [("prodcuer", "producer"), ("Queue", "queue"), ("que", "queue"), ("exchnge", "exchange")] {
            let expected = if word == "que" { None } else { Some(meant) };
            assert_eq!(nearest(word, known), expected, "{word}");
        }
        assert_eq!(nearest("wroker", ["broker", "worker"]), Some("worker"));
        assert_eq!(nearest("database", known), None);
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }

    #[test]
    fn a_swap_counts_once() {
        assert_eq!(distance("arte", "rate"), 1);
        assert_eq!(distance("", "rate"), 4);
        assert_eq!(distance("rate", "rate"), 0);
    }

    #[test]
    fn a_problem_reads_as_place_and_message() {
        let problem = Problem::new(Severity::Error, "nodes[3].params.prefetch", "must be 0..65535, is -1");
        assert_eq!(problem.to_string(), "nodes[3].params.prefetch: must be 0..65535, is -1");
    }
}
