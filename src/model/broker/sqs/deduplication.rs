//! The deduplication window of a FIFO queue.
//!
//! Reproduces: a message whose deduplication id was seen within five minutes is accepted and not delivered; the window
//! counts from the first send and outlives the message itself, and is one for the queue, or one for each group (SQS
//! Developer Guide, "FIFO queue and message identifiers", "Using the Amazon SQS message deduplication ID", "High
//! throughput for FIFO queues"). Ids are kept as 128 bits of a hash. Leaves out: two ids with the same 128 bits.

use std::collections::{BTreeMap, VecDeque};

use crate::vocabulary::{Duration, MessageId, Time};

use super::sha256::sha256;

/// How long an id is remembered.
pub const INTERVAL: Duration = Duration::from_secs(300);

/// Ids that one queue remembers at most; the oldest is forgotten first. As many as a broker may hold messages.
const REMEMBERED_MAX: usize = 1_000_000;

/// What tells messages apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u128);

const FNV_START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;

fn fnv(start: u128, bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(start, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b))
}

fn first_words(hash: &[u32]) -> u128 {
    hash.iter().take(4).fold(0, |key, word| key << 32 | u128::from(*word))
}

impl Key {
    /// Of an explicit id. One that is written like the hash of a body is the same as that hash, as in the service.
    pub fn of_text(text: &str) -> Key {
        let is_hash = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let words = text.get(..32).filter(|_| is_hash).and_then(|start| u128::from_str_radix(start, 16).ok());
        Key(words.unwrap_or_else(|| fnv(FNV_START, text.as_bytes())))
    }

    /// Of a body: its SHA-256, whatever the attributes are.
    pub fn of_body(body: &str) -> Key {
        Key(first_words(&sha256(body.as_bytes())))
    }

    /// Of a message as its producer made it, so that a second copy of the same request is recognised.
    pub fn of_message(message: MessageId) -> Key {
        Key(u128::from(message.origin.0) << 32 | u128::from(message.number))
    }

    /// Inside a group.
    pub fn in_group(self, group: &str) -> Key {
        Key(fnv(FNV_START ^ self.0, group.as_bytes()))
    }
}

/// The ids of one queue.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// What was stored when the id came first: the message and its sequence number.
    first: BTreeMap<Key, (MessageId, u64)>,
    /// When the ids came, oldest first.
    came: VecDeque<(Time, Key)>,
}

impl Window {
    /// The message that came first with this key, if that is less than the interval ago.
    pub fn seen(&mut self, key: Key, now: Time) -> Option<(MessageId, u64)> {
        while let Some((came, old)) = self.came.front().copied() {
            if now.since(came) < INTERVAL && self.came.len() < REMEMBERED_MAX {
                break;
            }
            self.came.pop_front();
            self.first.remove(&old);
        }
        self.first.get(&key).copied()
    }

    /// Remembers a key that was not seen.
    pub fn remember(&mut self, key: Key, message: MessageId, sequence: u64, now: Time) {
        self.first.insert(key, (message, sequence));
        self.came.push_back((now, key));
    }

    /// How many are remembered; some may be too old to count.
    pub fn len(&self) -> usize {
        self.came.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_written_as_an_id_is_that_hash() {
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Key::of_text(hash), Key::of_body("abc"));
        assert_ne!(Key::of_text("abc"), Key::of_body("abc"));
        assert_ne!(Key::of_text("abc").in_group("A"), Key::of_text("abc").in_group("B"));
    }

    #[test]
    fn an_id_is_remembered_for_five_minutes_from_its_first_use() {
        let mut window = Window::default();
        let (key, message) = (Key::of_text("x"), MessageId::NONE);
        let at = |seconds: u64| Time::ZERO + Duration::from_secs(seconds);
        assert_eq!(window.seen(key, at(10)), None);
        window.remember(key, message, 7, at(10));
        assert_eq!(window.seen(key, at(309)), Some((message, 7)));
        assert_eq!(window.seen(key, at(310)), None);
    }
}
