//! The id of a stream entry: milliseconds and a sequence number.
//!
//! Reproduces: Redis 7.0 (t_stream.c; redis.io, "XADD"). An id that XADD makes by itself takes the greater of the clock
//! and the last id's milliseconds, so that a clock which goes back does no harm. Here the clock is the run's, which
//! starts at 0, where Redis takes the time of day. Leaves out: a clock that goes back, which a run does not have.

use std::fmt;

/// The id of an entry. Greater is later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Milliseconds: of the clock, or as the client says.
    pub ms: u64,
    /// The number within that millisecond.
    pub seq: u64,
}

impl Id {
    /// `0-0`, which no entry can have.
    pub const ZERO: Id = Id { ms: 0, seq: 0 };
    /// The greatest id.
    pub const MAX: Id = Id { ms: u64::MAX, seq: u64::MAX };

    /// The next greater id, if there is one.
    pub fn next(self) -> Option<Id> {
        match (self.ms, self.seq) {
            (u64::MAX, u64::MAX) => None,
            (ms, u64::MAX) => Some(Id { ms: ms + 1, seq: 0 }),
            (ms, seq) => Some(Id { ms, seq: seq + 1 }),
        }
    }

    /// The next smaller id, if there is one.
    pub fn previous(self) -> Option<Id> {
        match (self.ms, self.seq) {
            (0, 0) => None,
            (ms, 0) => Some(Id { ms: ms - 1, seq: u64::MAX }),
            (ms, seq) => Some(Id { ms, seq: seq - 1 }),
        }
    }

    /// The id that `XADD *` gives after this one at this time.
    pub fn generated(self, now_ms: u64) -> Option<Id> {
        if now_ms > self.ms {
            return Some(Id { ms: now_ms, seq: 0 });
        }
        self.next()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.ms, self.seq)
    }
}

/// A whole number as `string2ull` reads it: digits, and as C's `strtoull` allows, blanks and a plus before them.
fn number(text: &str) -> Option<u64> {
    let trimmed = text.trim_start_matches([' ', '\t', '\n']);
    let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
    match digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => None,
        false => digits.parse().ok(),
    }
}

/// Reads `ms-seq` or `ms`, which stands for `ms-missing`. With `special`, `-` and `+` are the least and the greatest.
pub fn read(text: &str, missing: u64, special: bool) -> Option<Id> {
    match text {
        "-" => return special.then_some(Id::ZERO),
        "+" => return special.then_some(Id::MAX),
        _ if text.len() > 127 => return None,
        _ => {}
    }
    match text.split_once('-') {
        Some((ms, seq)) => Some(Id { ms: number(ms)?, seq: number(seq)? }),
        None => Some(Id { ms: number(text)?, seq: missing }),
    }
}

/// Which id a new entry is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `*`: from the clock.
    Any,
    /// `ms-*`: the next one in this millisecond.
    Within(u64),
    /// This one.
    Exactly(Id),
}

/// Reads the id of an entry to be added.
pub fn read_wanted(text: &str) -> Option<Wanted> {
    if text == "*" {
        return Some(Wanted::Any);
    }
    match text.strip_suffix("-*") {
        Some(ms) if text.len() <= 127 => number(ms).map(Wanted::Within),
        _ => read(text, 0, false).map(Wanted::Exactly),
    }
}

/// The id of a new entry after `last`, or nothing if it would not be greater.
pub fn resolve(wanted: Wanted, last: Id, now_ms: u64) -> Option<Id> {
    let id = match wanted {
        Wanted::Any => last.generated(now_ms)?,
        Wanted::Exactly(id) => id,
        // Not past the end of the millisecond that was asked for.
        Wanted::Within(ms) if ms == last.ms => Id { ms, seq: last.seq.checked_add(1)? },
        Wanted::Within(ms) => Id { ms, seq: 0 },
    };
    (id > last).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(ms: u64, seq: u64) -> Id {
        Id { ms, seq }
    }

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        let cases = [
            ("5-5", Some(id(5, 5))),
            ("9", Some(id(9, 7))),
            ("007-01", Some(id(7, 1))),
            ("+5", Some(id(5, 7))),
            ("18446744073709551615-18446744073709551615", Some(Id::MAX)),
            ("18446744073709551616", None),
            ("5-", None),
            ("-5", None),
            ("5--3", None),
            ("5-*", None),
            ("", None),
            ("a", None),
            ("-", None),
            ("+", None),
            ("1-1-1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, 7, false), expected, "{text}");
        }
        assert_eq!((read("-", 0, true), read("+", 0, true)), (Some(Id::ZERO), Some(Id::MAX)));
    }

    #[test]
    fn a_generated_id_never_goes_back() {
        assert_eq!(resolve(Wanted::Any, id(5, 5), 3), Some(id(5, 6)));
        assert_eq!(resolve(Wanted::Any, id(5, 5), 6), Some(id(6, 0)));
        assert_eq!(resolve(Wanted::Any, id(5, u64::MAX), 0), Some(id(6, 0)));
        assert_eq!(resolve(Wanted::Any, Id::MAX, 0), None);
        assert_eq!(resolve(Wanted::Within(5), id(5, u64::MAX), 0), None);
        assert_eq!(resolve(Wanted::Within(4), id(5, 5), 9), None);
        assert_eq!(resolve(Wanted::Within(0), Id::ZERO, 9), Some(id(0, 1)));
        assert_eq!(resolve(Wanted::Exactly(id(5, 5)), id(5, 5), 9), None);
    }
}
