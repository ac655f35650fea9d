//! The arguments of commands, read as Redis reads them, and the errors in its words.
//!
//! Reproduces: Redis 7.0 (object.c, util.c, server.c). An error is its text without the `ERR` before it, as client
//! libraries show it; other codes, such as `NOGROUP`, stay. Leaves out: bytes that are no text.

use serde_json::{json, Value as Json};

use super::id::{self, Id};

/// A reply, or the text of an error.
pub type Reply = Result<Json, String>;

/// The error for arguments that don't fit together.
pub const SYNTAX: &str = "syntax error";
/// The error for what is no id.
pub const INVALID_ID: &str = "Invalid stream ID specified as stream command argument";
/// The error for a key that holds something else.
pub const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
/// The error for a key that is not there.
pub const NO_KEY: &str = "no such key";
/// The error when there is no room: a limit of the simulator in Redis' words.
pub const NO_ROOM: &str = "command not allowed when used memory > 'maxmemory'.";

/// An error as it is answered.
pub fn error(text: &str) -> Json {
    json!({ "error": format!("ERR: {text}") })
}

/// The error for a wrong number of arguments.
pub fn arity(command: &str) -> String {
    format!("wrong number of arguments for '{command}' command")
}

/// A whole number, written without a plus, blanks or leading zeros.
pub fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
        && text.len() < 21;
    match is_plain || text == "0" {
        true => text.parse().ok(),
        false => None,
    }
}

/// A whole number, or the error that it is none.
pub fn number(text: &str) -> Result<i64, String> {
    integer(text).ok_or_else(|| "value is not an integer or out of range".to_string())
}

/// A whole number, or this error.
pub fn number_or(text: &str, error: &str) -> Result<i64, String> {
    integer(text).ok_or_else(|| error.to_string())
}

/// An id; `-` and `+` are none.
pub fn strict_id(text: &str) -> Result<Id, String> {
    id::read(text, 0, false).ok_or_else(|| INVALID_ID.to_string())
}

/// An id, `-` or `+`.
pub fn any_id(text: &str, missing: u64) -> Result<Id, String> {
    id::read(text, missing, true).ok_or_else(|| INVALID_ID.to_string())
}

/// All of these as ids.
pub fn strict_ids(texts: &[String]) -> Result<Vec<Id>, String> {
    texts.iter().map(|text| strict_id(text)).collect()
}

/// The first id of an interval; with `(`, the next one.
pub fn start_of(text: &str) -> Result<Id, String> {
    match text.strip_prefix('(').filter(|inner| !inner.is_empty()) {
        Some(inner) => strict_id(inner)?.next().ok_or_else(|| "invalid start ID for the interval".to_string()),
        None => any_id(text, 0),
    }
}

/// The last id of an interval; with `(`, the one before.
pub fn end_of(text: &str) -> Result<Id, String> {
    match text.strip_prefix('(').filter(|inner| !inner.is_empty()) {
        Some(inner) => {
            let id = id::read(inner, u64::MAX, false).ok_or_else(|| INVALID_ID.to_string())?;
            id.previous().ok_or_else(|| "invalid end ID for the interval".to_string())
        }
        None => any_id(text, u64::MAX),
    }
}

/// Whether this is the word, in capitals or not.
pub fn is(text: &str, word: &str) -> bool {
    text.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_strictly() {
        let read = ["0", "7", "-7", "9223372036854775807", "-9223372036854775808"].map(integer);
        assert_eq!(read, [Some(0), Some(7), Some(-7), Some(i64::MAX), Some(i64::MIN)]);
        for text in ["", "-", "-0", "07", "+7", " 7", "7 ", "1.5", "9223372036854775808", "x"] {
            assert_eq!(integer(text), None, "{text:?}");
        }
    }

    #[test]
    fn intervals_are_open_where_a_bracket_stands() {
        let id = |ms, seq| Ok(Id { ms, seq });
        assert_eq!((start_of("5"), start_of("(5")), (id(5, 0), id(5, 1)));
        assert_eq!((end_of("5"), end_of("(5-0")), (id(5, u64::MAX), id(4, u64::MAX)));
        assert_eq!((start_of("-"), end_of("+")), (Ok(Id::ZERO), Ok(Id::MAX)));
        assert_eq!(start_of("(-"), Err(INVALID_ID.into()));
        assert_eq!(start_of("("), Err(INVALID_ID.into()));
        assert_eq!(end_of("(0-0"), Err("invalid end ID for the interval".into()));
        assert_eq!(
            start_of("(18446744073709551615-18446744073709551615"),
            Err("invalid start ID for the interval".into())
        );
    }
}
