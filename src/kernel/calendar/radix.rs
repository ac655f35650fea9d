//! Keys that wait unsorted in buckets, one set of buckets for each digit of the time.

use super::Key;

/// Each level of the structure looks at one digit of this many bits of the time.
pub(super) const DIGIT_BITS: u32 = 6;
/// A level has one bucket per digit value, so one `u64` records which of them hold anything.
const BUCKETS_PER_LEVEL: usize = 1 << DIGIT_BITS;
/// Enough levels to cover all 64 bits of a time; the last one uses only part of its buckets.
const LEVELS: usize = 64usize.div_ceil(DIGIT_BITS as usize);
/// Keys per chunk; fifteen keys and the header make 248 bytes, about four cache lines.
const CHUNK_KEYS: usize = 15;
/// The end of a chunk list.
const NO_CHUNK: u32 = u32::MAX;

/// A piece of a bucket. Buckets are lists of chunks from one common store, so the memory for keys
/// is reused whichever bucket they go to and no bucket ever has to be reallocated.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) keys: [Key; CHUNK_KEYS],
    pub(super) used: u32,
    pub(super) next: u32,
}

#[derive(Clone, Copy)]
pub(super) struct Bucket {
    pub(super) earliest: u64,
    pub(super) head: u32,
    tail: u32,
    pub(super) count: usize,
}

const EMPTY_BUCKET: Bucket = Bucket { earliest: u64::MAX, head: NO_CHUNK, tail: NO_CHUNK, count: 0 };

/// Keys by the digits of their time: one level per digit of the time, one bucket per value.
///
/// A key lies at the level of the highest digit in which its time differs from a `base`, which
/// calendar. Everything at a lower level is hence earlier than everything at a higher one.
#[derive(Clone)]
pub(super) struct Radix {
    /// Empty until the first use, so that a small calendar stays cheap to make and to clone.
    buckets: Vec<Bucket>,
    occupied: [u64; LEVELS],
    pub(super) chunks: Vec<Chunk>,
    free_chunk: u32,
    pub(super) stored: usize,
}

impl Radix {
    pub(super) fn new() -> Self {
        Radix { buckets: Vec::new(), occupied: [0; LEVELS], chunks: Vec::new(), free_chunk: NO_CHUNK, stored: 0 }
    }

    /// Level and digit of `time` as seen from `base`, which must differ from it.
    #[inline]
    fn place_of(base: u64, time: u64) -> (usize, usize) {
        let level = (63 - ((base ^ time) | 1).leading_zeros()) / DIGIT_BITS;
        let digit = (time >> (level * DIGIT_BITS)) as usize % BUCKETS_PER_LEVEL;
        (level as usize, digit)
    }

    #[inline]
    pub(super) fn put(&mut self, base: u64, key: Key) {
        let (level, digit) = Self::place_of(base, key.time);
        let index = level * BUCKETS_PER_LEVEL + digit;
        if index >= self.buckets.len() {
            self.buckets = vec![EMPTY_BUCKET; LEVELS * BUCKETS_PER_LEVEL];
        }
        let tail = self.buckets[index].tail;
        match self.chunks.get_mut(tail as usize) {
            Some(chunk) if (chunk.used as usize) < CHUNK_KEYS => {
                chunk.keys[chunk.used as usize] = key;
                chunk.used += 1;
            }
            _ => self.put_in_new_chunk(index, key),
        }
        self.occupied[level] |= 1 << digit;
        self.stored += 1;
        let bucket = &mut self.buckets[index];
        bucket.count += 1;
        bucket.earliest = bucket.earliest.min(key.time);
    }

    fn put_in_new_chunk(&mut self, index: usize, key: Key) {
        let mut fresh = self.free_chunk;
        if let Some(chunk) = self.chunks.get_mut(fresh as usize) {
            self.free_chunk = chunk.next;
            chunk.keys[0] = key;
            chunk.used = 1;
            chunk.next = NO_CHUNK;
        } else {
            fresh = self.chunks.len() as u32;
            let mut keys = [Key::default(); CHUNK_KEYS];
            keys[0] = key;
            let (used, next) = (1, NO_CHUNK);
            self.chunks.push(Chunk { keys, used, next });
        }
        let bucket = &mut self.buckets[index];
        match self.chunks.get_mut(bucket.tail as usize) {
            Some(chunk) => chunk.next = fresh,
            None => bucket.head = fresh,
        }
        bucket.tail = fresh;
    }

    /// The bucket that holds the earliest keys.
    #[inline]
    pub(super) fn first(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    pub(super) fn bucket(&self, level: usize, digit: usize) -> Bucket {
        self.buckets[level * BUCKETS_PER_LEVEL + digit]
    }

    /// Detaches a whole bucket; its chunks are then fetched one by one with `take_chunk`.
    pub(super) fn take(&mut self, level: usize, digit: usize) -> Bucket {
        self.occupied[level] &= !(1 << digit);
        let index = level * BUCKETS_PER_LEVEL + digit;
        let bucket = std::mem::replace(&mut self.buckets[index], EMPTY_BUCKET);
        self.stored -= bucket.count;
        bucket
    }

    /// Copies a chunk out and frees it at once, so the keys can go back into the same memory while
    /// that is still in the cache.
    #[inline]
    pub(super) fn take_chunk(&mut self, index: u32) -> Option<Chunk> {
        let chunk = self.chunks.get_mut(index as usize)?;
        let copy = chunk.clone();
        chunk.next = self.free_chunk;
        chunk.used = 0;
        self.free_chunk = index;
        Some(copy)
    }

    /// Joins all buckets below the level at which `base` and `lower_base` differ into the bucket
    /// where their keys belong as seen from `lower_base`. That bucket was empty, because its range
    /// contained `base`. Equal times always share a bucket, so their order is not disturbed.
    pub(super) fn lower_base(&mut self, base: u64, lower_base: u64) {
        if self.stored == 0 || base == lower_base {
            return;
        }
        let (level, digit) = Self::place_of(lower_base, base);
        let mut joined = EMPTY_BUCKET;
        for lower_level in 0..level {
            while self.occupied[lower_level] != 0 {
                let lower_digit = self.occupied[lower_level].trailing_zeros() as usize;
                let bucket = self.take(lower_level, lower_digit);
                match self.chunks.get_mut(joined.tail as usize) {
                    Some(chunk) => chunk.next = bucket.head,
                    None => joined.head = bucket.head,
                }
                joined.tail = bucket.tail;
                joined.count += bucket.count;
                joined.earliest = joined.earliest.min(bucket.earliest);
            }
        }
        if joined.count > 0 {
            self.occupied[level] |= 1 << digit;
            self.stored += joined.count;
            self.buckets[level * BUCKETS_PER_LEVEL + digit] = joined;
        }
    }
}
