//! The near part of the calendar, where keys are sorted.

use super::Key;

/// Up to this many keys, plain loops are faster than anything clever.
const FEW: usize = 8;

/// A sorted queue of keys with free space at both ends, so that an insertion only has to shift
/// the keys on its shorter side and the removal of the first key shifts none.
#[derive(Clone, Default)]
pub(super) struct SortedKeys {
    pub(super) keys: Vec<Key>,
    /// Everything before this index is free space with meaningless contents.
    pub(super) head: usize,
}

impl SortedKeys {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.keys.len() - self.head
    }

    #[inline]
    pub(super) fn front(&self) -> Option<Key> {
        self.keys.get(self.head).copied()
    }

    #[inline]
    pub(super) fn drop_front(&mut self) {
        self.head += 1;
        if self.head == self.keys.len() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.head = 0;
    }

    pub(super) fn live(&self) -> &[Key] {
        &self.keys[self.head..]
    }

    /// Appends a key. The free space in front is reclaimed before the storage would grow, and also
    /// when the keys have become few for it, so that they do not wander through all of a large
    /// storage and the cache. Either way there are fewer keys to move than were taken out before.
    #[inline]
    pub(super) fn push_back(&mut self, key: Key) {
        let full = self.keys.len() == self.keys.capacity();
        if (full && self.head > self.len()) || self.head > 256 + 8 * self.len() {
            self.close_front();
        }
        self.keys.push(key);
    }

    pub(super) fn close_front(&mut self) {
        self.keys.drain(..self.head);
        self.head = 0;
    }

    /// How many keys are at or before `time`, which is where a new key of that time belongs.
    #[inline]
    pub(super) fn rank(&self, time: u64) -> usize {
        let live = self.live();
        if live.len() <= FEW {
            // Looking at all of them is faster than a search whose branches are mispredicted.
            return live.iter().filter(|key| key.time <= time).count();
        }
        if live[live.len() - 1].time <= time {
            // Constant delays always end up here, and then the length does not matter.
            return live.len();
        }
        live.partition_point(|key| key.time <= time)
    }

    #[inline]
    pub(super) fn insert(&mut self, rank: usize, key: Key) {
        let after = self.len() - rank;
        if rank < after {
            if self.head == 0 {
                self.open_front();
            }
            let start = self.head;
            self.keys.copy_within(start..start + rank, start - 1);
            self.keys[start + rank - 1] = key;
            self.head = start - 1;
        } else {
            self.push_back(key);
            let end = self.keys.len() - 1;
            let position = end - after;
            if self.len() <= FEW {
                // A call to move memory takes longer than moving so little.
                let mut hole = end;
                while hole > position {
                    self.keys[hole] = self.keys[hole - 1];
                    hole -= 1;
                }
            } else {
                self.keys.copy_within(position..end, position + 1);
            }
            self.keys[position] = key;
        }
    }

    /// Makes free space in front in proportion to the length, so that even a long run of
    /// insertions at the front costs a constant number of moves each.
    #[cold]
    fn open_front(&mut self) {
        let length = self.keys.len();
        let room = length / 2 + 8;
        self.keys.resize(length + room, Key::default());
        self.keys.copy_within(..length, room);
        self.head = room;
    }
}
