//! An operation as it is typed at a console: a word, what must follow it, and options written `name=value`.
//!
//! What the words mean is the products' business; how a line is split is that of `words.rs`.

use super::words::split;

/// An operation, split into words.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    words: Vec<String>,
}

/// The options of an operation. Each is taken once; what is left over was not understood.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

/// Why an operation can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// There are fewer words than must be there.
    Missing,
    /// This word stands where an option is expected.
    Stray(String),
}

impl Operation {
    /// Splits a line.
    ///
    /// # Errors
    /// A sentence, if a quote is not closed.
    pub(super) fn read(line: &str) -> Result<Operation, String> {
        Ok(Operation { words: split(line)? })
    }

    /// The word that it begins with; empty if there is none.
    pub(super) fn word(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// All that follows the word.
    pub(super) fn rest(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The words that must follow, whatever is in them, and the options after them.
    pub(super) fn operands<const COUNT: usize>(&self) -> Result<([&str; COUNT], Options<'_>), Unreadable> {
        let rest = self.rest();
        if rest.len() < COUNT {
            return Err(Unreadable::Missing);
        }
        let mut operands = [""; COUNT];
        operands.iter_mut().zip(rest).for_each(|(operand, word)| *operand = word);
        Ok((operands, Options::read(&rest[COUNT..])?))
    }
}

impl<'a> Options<'a> {
    /// Reads options; the name ends at the first equals sign.
    pub(super) fn read(words: &'a [String]) -> Result<Options<'a>, Unreadable> {
        let pair = |word: &'a String| match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name, value)),
            _ => Err(Unreadable::Stray(word.clone())),
        };
        Ok(Options { pairs: words.iter().map(pair).collect::<Result<_, _>>()? })
    }

    /// Takes the value of an option; of several with the same name the last one.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a str> {
        let value = self.pairs.iter().rev().find(|(other, _)| *other == name).map(|(_, value)| *value);
        self.pairs.retain(|(other, _)| *other != name);
        value
    }

    /// What was not taken.
    pub(super) fn left(&self) -> &[(&'a str, &'a str)] {
        &self.pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_come_first_and_options_after_them() {
        let operation = Operation::read("send q a=b X=1 Y='{\"k\":\"v=w\"}' X=2").expect("it can be split");
        assert_eq!(operation.word(), "send");
        let (operands, mut options) = operation.operands::<2>().expect("it can be read");
        assert_eq!(operands, ["q", "a=b"]);
        assert_eq!(options.take("Y"), Some("{\"k\":\"v=w\"}"));
        assert_eq!((options.take("X"), options.take("X")), (Some("2"), None));
        assert!(options.left().is_empty());
        assert_eq!(operation.operands::<6>().err(), Some(Unreadable::Missing));
        assert_eq!(operation.operands::<1>().map(|(operands, _)| operands), Ok(["q"]));
        let stray = Operation::read("get q now").expect("it can be split");
        assert_eq!(stray.operands::<1>().err(), Some(Unreadable::Stray("now".into())));
    }
}
