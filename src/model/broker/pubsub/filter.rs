//! The filter of a subscription: a condition on the attributes of a message.
//!
//! Reproduces: Pub/Sub documentation, "Filter messages from a subscription". `attributes:KEY` asks whether there is such
//! an attribute; `attributes.KEY = "value"` and `!=` compare; `hasPrefix(attributes.KEY, "start")` looks at the start.
//! `AND`, `OR` and `NOT` join conditions; both of the former side by side need parentheses. Keys of letters, digits,
//! hyphens and underscores stand alone, others in quotes. Capital and small letters differ. At most 256 bytes. `!=` also
//! holds for a message without the attribute. Leaves out: nothing that is documented.

use std::rc::Rc;

use crate::vocabulary::{Content, HeaderValue};

/// The greatest length, in bytes.
pub const LENGTH_MAX: usize = 256;

/// Conditions inside each other. A filter of the greatest length can't have more than its letters.
const DEPTH_MAX: usize = 64;

/// A condition.
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Has(Rc<str>),
    Is(Rc<str>, Rc<str>),
    IsNot(Rc<str>, Rc<str>),
    Starts(Rc<str>, Rc<str>),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    text: Rc<str>,
    condition: Condition,
}

/// A mistake in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// How many bytes come before it.
    pub at: usize,
    /// What is wrong.
    pub text: String,
}

impl std::fmt::Display for FilterError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "at character {}: {}", self.at + 1, self.text)
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(text: &str) -> Result<Filter, FilterError> {
        if text.len() > LENGTH_MAX {
            let text = format!("a filter has at most {LENGTH_MAX} bytes, this one has {}", text.len());
            return Err(FilterError { at: LENGTH_MAX, text });
        }
        let mut reader = Reader { text, at: 0, depth: 0 };
        let condition = reader.expression()?;
        reader.skip_space();
        match reader.rest().is_empty() {
            true => Ok(Filter { text: Rc::from(text), condition }),
            false => Err(reader.wrong("AND, OR or the end is expected")),
        }
    }

    /// The filter as it was written.
    pub fn text(&self) -> &Rc<str> {
        &self.text
    }

    /// Whether the message passes.
    pub fn passes(&self, content: &Content) -> bool {
        self.condition.holds(content)
    }
}

impl Condition {
    fn holds(&self, content: &Content) -> bool {
        match self {
            Condition::Has(key) => header(content, key).is_some(),
            Condition::Is(key, value) => header(content, key).is_some_and(|header| is_text(header, value)),
            Condition::IsNot(key, value) => !header(content, key).is_some_and(|header| is_text(header, value)),
            Condition::Starts(key, start) => match header(content, key) {
                Some(HeaderValue::Text(text)) => text.starts_with(&**start),
                Some(other) => text_of(other).starts_with(&**start),
                None => false,
            },
            Condition::Not(inner) => !inner.holds(content),
            Condition::All(inner) => inner.iter().all(|condition| condition.holds(content)),
            Condition::Any(inner) => inner.iter().any(|condition| condition.holds(content)),
        }
    }
}

fn header<'a>(content: &'a Content, key: &str) -> Option<&'a HeaderValue> {
    content.headers.iter().find(|(name, _)| &**name == key).map(|(_, value)| value)
}

fn is_text(header: &HeaderValue, value: &str) -> bool {
    match header {
        HeaderValue::Text(text) => &**text == value,
        other => text_of(other) == value,
    }
}

/// Attributes of Pub/Sub are texts; a header of another type is the text that one would write for it.
pub(super) fn text_of(header: &HeaderValue) -> String {
    match header {
        HeaderValue::Text(text) => text.to_string(),
        HeaderValue::Integer(number) => number.to_string(),
        HeaderValue::Number(number) => number.to_string(),
        HeaderValue::Boolean(flag) => flag.to_string(),
        _ => String::new(),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn wrong(&self, text: &str) -> FilterError {
        FilterError { at: self.at, text: text.to_string() }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes this sign if it comes next.
    fn takes(&mut self, sign: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    /// Takes this word if it comes next and no letter follows.
    fn takes_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let follows = self.rest().strip_prefix(word).map(|rest| rest.chars().next());
        let found = follows.is_some_and(|next| !next.is_some_and(is_key_letter));
        if found {
            self.at += word.len();
        }
        found
    }

    fn must(&mut self, sign: &str) -> Result<(), FilterError> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(self.wrong(&format!("{sign} is expected"))),
        }
    }

    fn expression(&mut self) -> Result<Condition, FilterError> {
        let first = self.term()?;
        let is_and = self.takes_word("AND");
        if !is_and && !self.takes_word("OR") {
            return Ok(first);
        }
        let (word, other) = if is_and { ("AND", "OR") } else { ("OR", "AND") };
        let mut conditions = vec![first, self.term()?];
        while self.takes_word(word) {
            conditions.push(self.term()?);
        }
        let before = self.at;
        if self.takes_word(other) {
            self.at = before;
            self.skip_space();
            return Err(self.wrong("AND and OR side by side need parentheses"));
        }
        Ok(if is_and { Condition::All(conditions) } else { Condition::Any(conditions) })
    }

    fn term(&mut self) -> Result<Condition, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("too many conditions inside each other"));
        }
        let term = self.term_inside();
        self.depth -= 1;
        term
    }

    fn term_inside(&mut self) -> Result<Condition, FilterError> {
        if self.takes_word("NOT") || self.takes("-") {
            return Ok(Condition::Not(Box::new(self.term()?)));
        }
        if self.takes("(") {
            let inside = self.expression()?;
            self.must(")")?;
            return Ok(inside);
        }
        if self.takes_word("hasPrefix") {
            self.must("(")?;
            self.attributes()?;
            self.must(".")?;
            let key = self.key()?;
            self.must(",")?;
            let start = self.literal()?;
            self.must(")")?;
            return Ok(Condition::Starts(key, start));
        }
        self.attributes()?;
        if self.takes(":") {
            return Ok(Condition::Has(self.key()?));
        }
        if !self.takes(".") {
            return Err(self.wrong(": or . is expected"));
        }
        let key = self.key()?;
        if self.takes("!=") {
            return Ok(Condition::IsNot(key, self.literal()?));
        }
        if self.takes("=") {
            return Ok(Condition::Is(key, self.literal()?));
        }
        Err(self.wrong("= or != is expected"))
    }

    fn attributes(&mut self) -> Result<(), FilterError> {
        match self.takes_word("attributes") {
            true => Ok(()),
            false => Err(self.wrong("attributes, hasPrefix, NOT or ( is expected")),
        }
    }

    fn key(&mut self) -> Result<Rc<str>, FilterError> {
        self.skip_space();
        if self.rest().starts_with('"') {
            return self.literal();
        }
        let length = self.rest().find(|letter| !is_key_letter(letter)).unwrap_or(self.rest().len());
        if length == 0 {
            return Err(self.wrong("the key of an attribute is expected"));
        }
        let key = Rc::from(&self.rest()[..length]);
        self.at += length;
        Ok(key)
    }

    fn literal(&mut self) -> Result<Rc<str>, FilterError> {
        if !self.takes("\"") {
            return Err(self.wrong("a text in double quotes is expected"));
        }
        let start = self.at;
        let mut text = String::new();
        loop {
            let Some(letter) = self.next_letter() else {
                self.at = start;
                return Err(self.wrong("the text is not closed"));
            };
            match letter {
                '"' => return Ok(text.into()),
                '\\' => text.push(self.escape()?),
                plain => text.push(plain),
            }
        }
    }

    fn next_letter(&mut self) -> Option<char> {
        let letter = self.rest().chars().next()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    /// What stands after a backslash: a letter for a sign, or the number of a letter: `\x41`, `\u0041`, `\101`.
    fn escape(&mut self) -> Result<char, FilterError> {
        let place = self.at - 1;
        let wrong = FilterError { at: place, text: "this escape is not known".to_string() };
        let (digits, radix) = match self.next_letter() {
            Some('n') => return Ok('\n'),
            Some('t') => return Ok('\t'),
            Some('r') => return Ok('\r'),
            Some(sign @ ('"' | '\\' | '\'')) => return Ok(sign),
            Some('x') => (2, 16),
            Some('u') => (4, 16),
            Some('U') => (8, 16),
            Some('0'..='7') => {
                self.at -= 1;
                (3, 8)
            }
            _ => return Err(wrong),
        };
        let number = self.rest().get(..digits).and_then(|text| u32::from_str_radix(text, radix).ok());
        let letter = number.and_then(char::from_u32).ok_or(wrong)?;
        self.at += digits;
        Ok(letter)
    }
}

fn is_key_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'
}
