//! JSON text: reading it into values with the place of a mistake, and writing it.
//!
//! The values are those of `serde_json`. Its reader and writer are compiled anew for every type that is read, and bring
//! tables for numbers that no compression makes smaller: together some 120 kilobytes of the page, which is loaded
//! before anything is seen. The tests hold the two readers and writers against each other.

use std::fmt::Write;

use serde_json::{Map, Number, Value as Json};

use super::number;

/// Brackets inside each other that are read; reading goes down the stack with each.
pub const DEPTH_MAX: usize = 127;

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It stops in the middle.
    EndsEarly,
    /// More brackets inside each other than are read.
    TooDeep,
    /// An object has this field twice.
    Twice(String),
    /// Something else, in words.
    Wrong(&'static str),
}

/// A mistake in a text, and where it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What it is.
    pub flaw: Flaw,
    /// How many bytes come before it.
    pub at: usize,
}

/// Reads a value.
pub fn read(text: &str) -> Result<Json, JsonError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let json = reader.value()?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(json),
        Some(_) => Err(reader.wrong("trailing characters")),
    }
}

/// Where the value at a place such as `nodes[3].kind` begins: how many bytes come before it. The text must be JSON.
pub fn find(text: &str, place: &str) -> Option<usize> {
    Reader { text, at: 0, depth: 0 }.find(place)
}

/// Line and column, from 1, of the letter that begins after so many bytes; at the end of the text of the last letter.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len().saturating_sub(1))];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    // All bytes of a letter but its first begin with the bits 10.
    let letters = before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    (lines + 1, letters + 1)
}

/// A value as text without spaces.
pub fn to_text(json: &Json) -> String {
    let mut text = String::new();
    write(json, "", &mut text);
    text
}

/// Writes a value in one line, with a gap after each comma and colon.
pub fn write(json: &Json, gap: &str, text: &mut String) {
    match json {
        Json::Null => text.push_str("null"),
        Json::Bool(true) => text.push_str("true"),
        Json::Bool(false) => text.push_str("false"),
        // Writing into memory does not fail.
        Json::Number(number) => write!(text, "{number}").unwrap_or_default(),
        Json::String(string) => quote(string, text),
        Json::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, gap, text);
                write(item, gap, text);
            }
            text.push(']');
        }
        Json::Object(fields) => write_object(&mut fields.iter(), gap, text),
    }
}

/// Writes an object with these fields in one line.
pub fn write_object<'a>(fields: &mut dyn Iterator<Item = (&'a String, &'a Json)>, gap: &str, text: &mut String) {
    text.push('{');
    for (index, (name, value)) in fields.enumerate() {
        separate(index, gap, text);
        quote(name, text);
        text.push(':');
        text.push_str(gap);
        write(value, gap, text);
    }
    text.push('}');
}

fn separate(index: usize, gap: &str, text: &mut String) {
    if index > 0 {
        text.push(',');
        text.push_str(gap);
    }
}

/// Writes a text in quotes.
pub fn quote(string: &str, text: &mut String) {
    text.push('"');
    for letter in string.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\0'..='\u{1f}' => write!(text, "\\u{:04x}", u32::from(letter)).unwrap_or_default(),
            _ => text.push(letter),
        }
    }
    text.push('"');
}

/// A text and how far it is read.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads a byte if it is the next one.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// What is next is wrong; if nothing is, the text ends too early.
    fn wrong(&self, words: &'static str) -> JsonError {
        let flaw = if self.at < self.text.len() { Flaw::Wrong(words) } else { Flaw::EndsEarly };
        JsonError { flaw, at: self.at }
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => {
                let mut fields = Map::new();
                self.items(b'}', &mut |reader| reader.field(&mut fields))?;
                Ok(Json::Object(fields))
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.items(b']', &mut |reader| {
                    items.push(reader.value()?);
                    Ok(())
                })?;
                Ok(Json::Array(items))
            }
            Some(b'"') => self.string().map(Json::String),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("expected a value")),
        }
    }

    fn word(&mut self, word: &str, json: Json) -> Result<Json, JsonError> {
        for byte in word.bytes() {
            if !self.takes(byte) {
                return Err(self.wrong("expected a value"));
            }
        }
        Ok(json)
    }

    /// Reads what is between brackets, item by item.
    fn items(&mut self, close: u8, item: &mut dyn FnMut(&mut Self) -> Result<(), JsonError>) -> Result<(), JsonError> {
        if self.depth == DEPTH_MAX {
            return Err(JsonError { flaw: Flaw::TooDeep, at: self.at });
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        let mut ends = self.takes(close);
        while !ends {
            item(self)?;
            self.skip_space();
            ends = self.takes(close);
            if !ends {
                if !self.takes(b',') {
                    return Err(self.wrong("expected a comma or a closing bracket"));
                }
                self.skip_space();
                if self.peek() == Some(close) {
                    return Err(self.wrong("trailing comma"));
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn field(&mut self, fields: &mut Map<String, Json>) -> Result<(), JsonError> {
        let start = self.at;
        let name = self.name()?;
        if fields.contains_key(&name) {
            return Err(JsonError { flaw: Flaw::Twice(name), at: start });
        }
        let value = self.value()?;
        fields.insert(name, value);
        Ok(())
    }

    /// Reads the name of a field and the colon.
    fn name(&mut self) -> Result<String, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong("expected a name in quotes"));
        }
        let name = self.string()?;
        self.skip_space();
        if self.takes(b':') {
            Ok(name)
        } else {
            Err(self.wrong("expected a colon"))
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            string.push_str(self.text.get(start..self.at).unwrap_or_default());
            if self.takes(b'"') {
                return Ok(string);
            }
            if !self.takes(b'\\') {
                return Err(self.wrong("a text must not have line breaks or control characters"));
            }
            let letter = self.escape()?;
            string.push(letter);
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let letter = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.wrong("invalid escape")),
        };
        self.at += 1;
        Ok(letter)
    }

    /// Letters beyond the first 65,536 are written as two halves.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let mut code = self.hexadecimal()?;
        if (0xd800..0xdc00).contains(&code) {
            if !self.takes(b'\\') {
                return Err(self.wrong("half a letter"));
            }
            let second = self.hexadecimal()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.wrong("half a letter"));
            }
            code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
        }
        char::from_u32(code).ok_or_else(|| self.wrong("half a letter"))
    }

    fn hexadecimal(&mut self) -> Result<u32, JsonError> {
        if !self.takes(b'u') {
            return Err(self.wrong("half a letter"));
        }
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.wrong("invalid escape"))?;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        let mut is_whole = true;
        if self.takes(b'.') {
            is_whole = false;
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            is_whole = false;
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong("a number must not begin with 0"));
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        // Zero with a sign is kept as such, which only a fraction can be.
        let whole = match digits {
            _ if !is_whole || digits == "-0" => None,
            _ => digits.parse::<u64>().map(Number::from).or_else(|_| digits.parse::<i64>().map(Number::from)).ok(),
        };
        let number = whole.or_else(|| number::read(digits).and_then(Number::from_f64));
        number.map(Json::Number).ok_or(JsonError { flaw: Flaw::Wrong("number out of range"), at: start })
    }

    /// Reads digits, one at least.
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(self.wrong("expected a digit"))
        }
    }

    /// Goes to the value at a place, which is one step into what is next and the rest of the way.
    fn find(&mut self, place: &str) -> Option<usize> {
        self.skip_space();
        if place.is_empty() {
            return Some(self.at);
        }
        let place = place.trim_start_matches('.');
        let in_list = place.strip_prefix('[').and_then(|place| place.split_once(']'));
        let (step, rest) = in_list.unwrap_or_else(|| place.split_at(place.find(['.', '[']).unwrap_or(place.len())));
        self.at += 1;
        for index in 0.. {
            self.skip_space();
            let is_step = match in_list {
                Some(_) => step.parse() == Ok(index),
                None => self.name().ok()? == step,
            };
            if is_step {
                return self.find(rest);
            }
            self.value().ok()?;
            self.skip_space();
            if !self.takes(b',') {
                break;
            }
        }
        None
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
