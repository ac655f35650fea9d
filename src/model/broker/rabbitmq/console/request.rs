//! One line of a console, taken apart: words in their places, then options `name=value`.

use super::Refusal;

/// The words of a line that are still to be read.
pub struct Request {
    words: std::collections::VecDeque<String>,
}

impl Request {
    /// The words of a line.
    pub fn new(words: Vec<String>) -> Request {
        Request { words: words.into() }
    }

    /// The next word, which has to be there.
    pub fn next(&mut self, what: &str) -> Result<String, Refusal> {
        self.next_if_any().ok_or_else(|| Refusal::syntax(format!("{what} is missing")))
    }

    /// The next word, if there is one.
    pub fn next_if_any(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// The next word as a number.
    pub fn number(&mut self, what: &str) -> Result<u64, Refusal> {
        let word = self.next(what)?;
        word.parse().map_err(|_| Refusal::syntax(format!("{what} must be a number, is \"{word}\"")))
    }

    /// Everything that is left: options, in the order of writing. A word without `=` is an option that is on.
    pub fn options(self) -> Vec<(String, String)> {
        let option = |word: String| match word.split_once('=') {
            Some((name, value)) => (plain(name), value.to_string()),
            None => (plain(&word), "true".to_string()),
        };
        self.words.into_iter().map(option).collect()
    }

    /// Everything that is left, as it was written.
    pub fn rest(self) -> impl Iterator<Item = String> {
        self.words.into_iter()
    }

    /// The line must end here.
    pub fn end(&self) -> Result<(), Refusal> {
        match self.words.front() {
            Some(word) => Err(Refusal::syntax(format!("\"{word}\" is too much"))),
            None => Ok(()),
        }
    }
}

/// The name of an option; both `auto_ack` and `auto-ack` are understood.
fn plain(name: &str) -> String {
    name.replace('_', "-")
}

/// An option that is on or off.
pub fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Refusal::syntax(format!("{name} must be true or false, is \"{value}\""))),
    }
}

/// An option that is a number.
pub fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Refusal> {
    value.parse().map_err(|_| Refusal::syntax(format!("{name} can't be \"{value}\"")))
}

/// An option that the word does not have.
pub fn unknown<T>(name: &str) -> Result<T, Refusal> {
    Err(Refusal::syntax(format!("there is no option \"{name}\"; help WORD lists them")))
}
