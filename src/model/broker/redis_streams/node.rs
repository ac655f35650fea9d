//! The radix-tree nodes in which a stream's entries lie: what `~` trims is whole nodes.
//!
//! Reproduces: Redis 7.0 (t_stream.c, listpack.c). A node takes `stream-node-max-entries` entries, 100 by default,
//! those deleted since among them, or `stream-node-max-bytes`, 4096 by default, whichever comes first; how long an
//! entry is in a node follows the listpack's encoding, in which an entry with the same field names as the node's first
//! one does not repeat them. Leaves out: the tree above the nodes, which decides nothing.

use std::rc::Rc;

use crate::vocabulary::Content;

use super::fields::{field_count, same_names, visit};
use super::id::Id;

/// The greatest listpack that Redis makes, whatever the configuration says.
const BYTES_MAX: usize = 1 << 30;

/// The limits of a node, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// `stream-node-max-entries`; 0: none.
    pub entries_max: u64,
    /// `stream-node-max-bytes`; 0: none.
    pub bytes_max: u64,
}

impl Default for NodeLimits {
    fn default() -> Self {
        NodeLimits { entries_max: 100, bytes_max: 4096 }
    }
}

/// A node: entries from one id to another.
#[derive(Clone, Debug)]
pub struct RadixNode {
    /// The id of the first entry that was put in: the node's key.
    pub first: Id,
    /// The id of the last entry that was put in, deleted or not.
    pub last: Id,
    /// Entries that are there.
    pub live: u64,
    /// Entries that were put in.
    total: u64,
    bytes: usize,
    /// The first entry's content, for the names of its fields.
    master: Rc<Content>,
}

impl RadixNode {
    /// A node with its first entry.
    pub fn new(id: Id, content: &Rc<Content>) -> RadixNode {
        // Header and end, the count of entries and that of deleted ones, the names, and a zero.
        let mut bytes = 7 + 2 + 2 + integer(field_count(content) as i64) + 2;
        visit(content, &mut |name, _| bytes += text(name));
        let mut node = RadixNode { first: id, last: id, live: 0, total: 0, bytes, master: content.clone() };
        node.push(id, content);
        node
    }

    /// Whether this entry still goes into this node.
    #[inline]
    pub fn takes(&self, content: &Content, limits: NodeLimits) -> bool {
        let bytes_max = match limits.bytes_max as usize {
            0 => BYTES_MAX,
            bytes => bytes.min(BYTES_MAX),
        };
        let mut plain = 0;
        visit(content, &mut |name, value| plain += name.len() + value.len());
        self.bytes + plain < bytes_max && (limits.entries_max == 0 || self.total < limits.entries_max)
    }

    /// Puts an entry in.
    #[inline]
    pub fn push(&mut self, id: Id, content: &Content) {
        let same = same_names(&self.master, content);
        let count = field_count(content) as i64;
        // Flags, the differences of both parts of the id, and the count of what belongs to the entry.
        let mut bytes = 2 + integer(id.ms.wrapping_sub(self.first.ms) as i64);
        bytes += integer(id.seq.wrapping_sub(self.first.seq) as i64);
        bytes += integer(if same { count + 3 } else { 2 * count + 4 });
        bytes += if same { 0 } else { integer(count) };
        visit(content, &mut |name, value| bytes += text(value) + if same { 0 } else { text(name) });
        self.bytes += bytes;
        self.last = id;
        self.live += 1;
        self.total += 1;
    }
}

/// The length of a whole number in a listpack, with the length of its length.
#[inline]
fn integer(number: i64) -> usize {
    match number {
        0..=127 => 2,
        -4096..=4095 => 3,
        -32_768..=32_767 => 4,
        -8_388_608..=8_388_607 => 5,
        -2_147_483_648..=2_147_483_647 => 6,
        _ => 10,
    }
}

/// The length of a text in a listpack. One that is a whole number, written as Redis would write it, is kept as such.
#[inline]
fn text(text: &str) -> usize {
    let starts_as_number = text.as_bytes().first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
    if starts_as_number && text.len() < 21 {
        if let Some(number) = super::arguments::integer(text) {
            return integer(number);
        }
    }
    let bytes = match text.len() {
        length @ 0..=63 => 1 + length,
        length @ 64..=4095 => 2 + length,
        length => 5 + length,
    };
    bytes
        + match bytes {
            0..=127 => 1,
            128..=16_382 => 2,
            16_383..=2_097_150 => 3,
            _ => 4,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::broker::redis_streams::fields::content_of;
    use crate::vocabulary::MessageId;

    fn entry(fields: &[(&str, &str)]) -> Rc<Content> {
        let fields = fields.iter().map(|(name, value)| (Rc::from(*name), Rc::from(*value))).collect();
        content_of(MessageId::NONE, fields, crate::vocabulary::Time::ZERO)
    }

    #[test]
    fn a_node_is_as_long_as_the_listpack() {
        // Header 6, count 2, deleted 2, fields 2, "f" 3, zero 2; flags 2, ms 2, seq 2, "a" 3, count 2; end 1.
        let mut node = RadixNode::new(Id { ms: 5, seq: 5 }, &entry(&[("f", "a")]));
        assert_eq!(node.bytes, 29);
        node.push(Id { ms: 5, seq: 6 }, &entry(&[("f", "12")]));
        assert_eq!(node.bytes, 29 + 2 + 2 + 2 + 2 + 2);
        node.push(Id { ms: 4_101, seq: 0 }, &entry(&[("g", "1000000"), ("h", "")]));
        // Flags 2, ms 4, seq -5 3, fields 2, names 3 and 3, values 5 and 2, count 2.
        assert_eq!(node.bytes, 39 + 26);
        assert_eq!((node.live, node.total), (3, 3));
    }

    #[test]
    fn a_full_node_takes_nothing_more() {
        let small = entry(&[("f", "v")]);
        let mut node = RadixNode::new(Id { ms: 1, seq: 0 }, &small);
        let limits = NodeLimits { entries_max: 2, bytes_max: 4096 };
        assert!(node.takes(&small, limits));
        node.push(Id { ms: 2, seq: 0 }, &small);
        assert!(!node.takes(&small, limits));
        assert!(node.takes(&small, NodeLimits { entries_max: 0, bytes_max: 0 }));
        assert!(!node.takes(&entry(&[("f", &"x".repeat(4096))]), NodeLimits { entries_max: 0, bytes_max: 4096 }));
    }
}
