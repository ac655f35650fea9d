//! The wheel: many narrow buckets in a circle, each of which holds about one event when its turn comes.

use super::slot::{Slot, NO_SLOT};

/// The fewest buckets of a wheel, one word of the bitmap.
const BUCKETS_MIN: usize = 64;

/// Buckets in a circle for a window of time. A bucket is a list through the slots of its events, newest first, so that
/// an event is put in by writing to its own slot and to the head of a list.
#[derive(Clone, Default)]
pub(super) struct Wheel {
    /// The first slot of every bucket; none while the wheel is out of use.
    heads: Vec<u32>,
    /// Which buckets hold anything, so that empty ones are passed over 64 at a time.
    occupied: Vec<u64>,
    /// A bucket is this power of two of nanoseconds wide, and the number of a time's bucket is the time without these bits.
    /// At least 1, so that no number is the last one there is.
    pub(super) shift: u32,
    /// The number of the bucket that was opened last. All in the wheel is in later ones.
    pub(super) cursor: u64,
    /// The number of the first bucket after the window, at most one circle after the cursor.
    pub(super) end: u64,
}

impl Wheel {
    /// An empty wheel for about `size` events whose window begins after the bucket of `time`.
    pub(super) fn new(size: usize, shift: u32, time: u64) -> Wheel {
        let buckets = (size * 4).next_power_of_two().max(BUCKETS_MIN);
        let cursor = time >> shift;
        let end = cursor + buckets as u64;
        Wheel { heads: vec![NO_SLOT; buckets], occupied: vec![0; buckets / 64], shift, cursor, end }
    }

    #[inline]
    fn index(&self, number: u64) -> usize {
        number as usize & (self.heads.len() - 1)
    }

    /// The last instant of the bucket opened last.
    pub(super) fn opened_until(&self) -> u64 {
        self.cursor << self.shift | ((1 << self.shift) - 1)
    }

    /// Whether a time is before the end of the window.
    #[inline]
    pub(super) fn covers(&self, time: u64) -> bool {
        time >> self.shift < self.end
    }

    /// Puts an event in whose slot holds its time, which is in the window.
    #[inline]
    pub(super) fn put<T>(&mut self, entry: &mut Slot<T>, slot: u32) {
        let index = self.index(entry.time >> self.shift);
        entry.next = std::mem::replace(&mut self.heads[index], slot);
        self.occupied[index / 64] |= 1 << (index % 64);
    }

    /// The number of the first bucket after `number` that holds anything.
    #[inline]
    pub(super) fn occupied_after(&self, number: u64) -> Option<u64> {
        let mut number = number + 1;
        while number < self.end {
            let index = self.index(number);
            let word = self.occupied[index / 64] >> (index % 64);
            if word != 0 {
                // The last word may go on with buckets from the beginning of the window.
                let found = number + u64::from(word.trailing_zeros());
                return (found < self.end).then_some(found);
            }
            number += 64 - (index % 64) as u64;
        }
        None
    }

    /// Finds the first buckets after the one opened last that hold anything, as many as there is room for.
    #[inline]
    pub(super) fn find_occupied(&self, numbers: &mut [u64]) -> usize {
        let mut found = 0;
        let mut number = self.cursor + 1;
        while number < self.end {
            let index = self.index(number);
            let mut word = self.occupied[index / 64] >> (index % 64);
            while word != 0 {
                let next = number + u64::from(word.trailing_zeros());
                // The last word may go on with buckets from the beginning of the window.
                if found == numbers.len() || next >= self.end {
                    return found;
                }
                numbers[found] = next;
                found += 1;
                word &= word - 1;
            }
            number += 64 - (index % 64) as u64;
        }
        found
    }

    /// The first slot of a bucket.
    #[inline]
    pub(super) fn head(&self, number: u64) -> u32 {
        self.heads[self.index(number)]
    }

    /// Empties a bucket, whose list is still to be followed.
    #[inline]
    pub(super) fn take(&mut self, number: u64) -> u32 {
        let index = self.index(number);
        self.occupied[index / 64] &= !(1 << (index % 64));
        std::mem::replace(&mut self.heads[index], NO_SLOT)
    }

    /// True when less than fifteen sixteenths of the circle are left of the window. What is put beyond the window is
    /// moved twice, so the window is kept long.
    #[inline]
    pub(super) fn is_short(&self) -> bool {
        self.end - self.cursor < self.heads.len() as u64 / 16 * 15
    }

    /// Moves the end of the window as far as it can be.
    pub(super) fn extend(&mut self) {
        self.end = self.cursor + self.heads.len() as u64;
    }
}
