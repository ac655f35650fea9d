//! The event calendar: the set of pending events, popped in exact (time, sequence) order.
//!
//! Payloads stay in a slab while small keys are put in order, in three parts:
//!
//! * `lane` holds events pushed for the current time. They come after everything else of that
//!   time and in the order of pushing, so a plain queue is all they need.
//! * `sorted` holds all other events up to the time `base`. While few events are pending, that is
//!   all of them, and nothing beats a short sorted array.
//! * `wheel` holds the events after `base` in unsorted buckets: 64 for each digit of 6 bits of the
//!   time. A key goes to the highest digit in which its time differs from `base`. When the sorted
//!   part runs out, the first bucket is sorted if it is short and otherwise spread over the lower
//!   digits. The recursion adapts to any spacing of the events without measuring or tuning, moves
//!   a key at most eleven times whatever the distribution, and gives a run of equal times to the
//!   sorted part at once, where it is in order already.
//!
//! Time never goes back, which is what makes a wheel on the digits possible. Every part keeps
//! equal times in the order of pushing, so that keys do without the sequence number.
//!
//! Nanoseconds per hold (a pop and a push of 48 bytes) as printed by `benches/hold.rs` on a shared
//! machine, so only ratios mean much. The first four rows have exponential increments.
//!
//! | pending                 |   3 |  30 | 100 | 10^3 | 10^4 | 10^5 | 10^6 |
//! |-------------------------|-----|-----|-----|------|------|------|------|
//! | calendar                |  23 |  37 |  38 |   45 |   53 |   79 |  163 |
//! | standard binary heap    |  41 |  48 |  56 |   68 |  105 |  236 | 1379 |
//! | 4-ary heap of keys      |  15 |  32 |  43 |   67 |   91 |  239 |  387 |
//! | b-tree map              |  41 |  74 |  92 |  115 |  146 |  242 |  894 |
//! | calendar, skewed        |  21 |  27 |  28 |   37 |   49 |   52 |  144 |
//! | calendar, all equal     |  15 |  16 |  16 |   16 |   17 |   16 |   18 |
//! | calendar, bursty        |  21 |  26 |  27 |   36 |   33 |   37 |  145 |
//!
//! The calendar took at most 0.77 of the time of the standard heap in every case. Digits of 4 or 5
//! bits, chunks of 7 or 31 keys and other refill limits were no better.

mod slot;
mod sorted;
#[cfg(test)]
mod tests;
mod wheel;

use slot::{Slot, GENERATION_BITS};
use sorted::SortedKeys;
use std::collections::VecDeque;
use wheel::{Wheel, DIGIT_BITS};

pub use slot::{Next, Ticket};

/// A refill goes on gathering buckets until the sorted part holds this many keys.
const REFILL_TARGET: usize = 24;
/// A refill never makes the sorted part longer than this, except for a run of equal times.
const REFILL_LIMIT: usize = 64;
/// An insertion that would shift more keys than this spills the tail into the wheel instead.
const SHIFT_LIMIT: usize = 24;
/// Cancelled keys tolerated beyond the number of live ones before they are purged.
const STALE_ALLOWANCE: usize = 32;
/// Key storage smaller than this is kept whatever happens, so that small queues never reallocate.
const KEPT_CAPACITY: usize = 1024;

/// What is moved about in place of an event. Every container here keeps keys of equal time in the
/// order in which they were pushed, which is why the key can do without the sequence number.
#[derive(Clone, Copy, Default)]
struct Key {
    time: u64,
    /// The slot, and how often it was used, which tells the key of a cancelled event from that of a later one in the
    /// same slot. In one number, so that a key travels in two registers.
    place: u64,
}

impl Key {
    #[inline]
    fn new(time: u64, slot: u32, reuse: u32) -> Key {
        Key { time, place: u64::from(slot) << 32 | u64::from(reuse) }
    }

    #[inline]
    fn slot(self) -> u32 {
        (self.place >> 32) as u32
    }

    #[inline]
    fn reuse(self) -> u32 {
        self.place as u32
    }
}

/// Where the first key was found.
#[derive(Clone, Copy)]
enum Source {
    Sorted,
    Lane,
}

/// The pending events of a simulation. See the module documentation for how it works.
#[derive(Clone)]
pub struct Calendar<T> {
    slots: Vec<Slot<T>>,
    free_slots: Vec<u32>,
    /// The time of the last popped event.
    now: u64,
    next_sequence: u64,
    live: usize,
    /// Keys somewhere in the calendar whose event has been cancelled.
    stale: usize,
    /// Every key at or before this time is in `sorted` or `lane`, every later one in `wheel`.
    base: u64,
    sorted: SortedKeys,
    /// Events pushed for the current time, which come after all others of that time.
    lane: VecDeque<Key>,
    wheel: Wheel,
}

impl<T: Default> Default for Calendar<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Default> Calendar<T> {
    /// Makes an empty calendar at time zero, without allocating anything yet.
    pub fn new() -> Self {
        Calendar {
            slots: Vec::new(),
            free_slots: Vec::new(),
            now: 0,
            next_sequence: 0,
            live: 0,
            stale: 0,
            base: u64::MAX,
            sorted: SortedKeys::default(),
            lane: VecDeque::new(),
            wheel: Wheel::new(),
        }
    }

    /// The number of events that are scheduled and not cancelled.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no event is scheduled.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The sequence number which the next pushed event will get.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Schedules an event at an absolute time. A time before that of the last popped event would
    /// break causality and is taken as that time instead. Up to 2^32 events can be pending, which
    /// is more than fits in memory.
    #[inline(always)]
    pub fn push(&mut self, at: u64, payload: T) -> Ticket {
        let ticket = self.reserve();
        self.push_reserved(ticket, at, payload);
        ticket
    }

    /// Gives out a ticket for an event that is yet to be pushed. Each must be used up by `push_reserved` or `give_back`
    /// before the next event is popped.
    #[inline(always)]
    pub fn reserve(&mut self) -> Ticket {
        let generation = self.next_sequence;
        self.next_sequence += 1;
        let slot = self.free_slots.pop().unwrap_or_else(|| self.add_slot());
        self.slots[slot as usize].sequence = generation;
        Ticket { slot, generation }
    }

    #[cold]
    #[inline(never)]
    fn add_slot(&mut self) -> u32 {
        self.slots.push(Slot { sequence: 0, reuse: 0, payload: T::default() });
        self.slots.len() as u32 - 1
    }

    /// Takes back a reserved ticket that is not needed.
    pub fn give_back(&mut self, ticket: Ticket) {
        self.free_slots.push(ticket.slot);
    }

    /// Schedules an event under a reserved ticket. Among events of equal time the order of pushing counts, not that of
    /// reserving.
    #[inline(always)]
    pub fn push_reserved(&mut self, ticket: Ticket, at: u64, payload: T) {
        self.live += 1;
        let entry = &mut self.slots[ticket.slot as usize];
        // What is there owns nothing any more, so there is no need to look at what has to be dropped.
        std::mem::forget(std::mem::replace(&mut entry.payload, payload));
        entry.reuse = entry.reuse.wrapping_add(1);
        let reuse = entry.reuse;
        if at <= self.now {
            self.lane.push_back(Key::new(self.now, ticket.slot, reuse));
        } else {
            self.put_in_order(Key::new(at, ticket.slot, reuse));
        }
    }

    /// Puts a key that is later than the current time where it belongs.
    #[inline(never)]
    fn put_in_order(&mut self, key: Key) {
        if key.time > self.base {
            self.wheel.put(self.base, key);
        } else {
            let rank = self.sorted.rank(key.time);
            if rank.min(self.sorted.len() - rank) > SHIFT_LIMIT {
                self.spill(rank, key);
            } else {
                self.sorted.insert(rank, key);
            }
        }
    }

    /// Takes out the earliest event, the one pushed first among those of equal time.
    #[inline]
    pub fn pop(&mut self) -> Option<(u64, T)> {
        self.pop_until(u64::MAX)
    }

    /// Takes out the earliest event if its time is at most `limit`.
    #[inline]
    pub fn pop_until(&mut self, limit: u64) -> Option<(u64, T)> {
        let next = self.next_until(limit, |_| {})?;
        Some((next.time, std::mem::take(self.payload_mut(next))))
    }

    /// Takes the earliest event out of the order if its time is at most `limit`, and leaves its payload in its slot,
    /// from where it must be taken by `payload_mut` before the next push: what it owns is not dropped.
    ///
    /// When many events are pending, `ahead` is shown some that are to be popped soon, a few dozen at a time. Reading
    /// there what belongs to an event waits for the memory of all of them together, instead of for one after the
    /// other. Which events are shown has no meaning beyond that.
    #[inline]
    pub fn next_until(&mut self, limit: u64, mut ahead: impl FnMut(&T)) -> Option<Next> {
        loop {
            let (key, source) = self.front(limit, &mut ahead)?;
            self.drop_front(source);
            if self.release(key) {
                self.now = key.time;
                return Some(Next { time: key.time, slot: key.slot() });
            }
            self.stale -= 1;
        }
    }

    /// The payload of the event that was taken out last.
    #[inline]
    pub fn payload_mut(&mut self, next: Next) -> &mut T {
        &mut self.slots[next.slot as usize].payload
    }

    /// The time of the earliest event. Takes `self` mutably because cancelled keys in front of
    /// that event are thrown away on the occasion.
    pub fn peek_time(&mut self) -> Option<u64> {
        loop {
            if self.stale == 0 && self.sorted.len() == 0 && self.lane.is_empty() {
                let (level, digit) = self.wheel.first()?;
                return Some(self.wheel.bucket(level, digit).earliest);
            }
            let (key, source) = self.front(u64::MAX, &mut |_| {})?;
            if self.is_live(&key) {
                return Some(key.time);
            }
            self.drop_front(source);
            self.stale -= 1;
        }
    }

    /// Takes an event back before it happens. Gives `None` when it was popped or cancelled
    /// already. Its key stays behind until its turn comes or until such keys are in the majority,
    /// whichever is first, so cancelling costs constant time and memory stays bounded.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<T> {
        let slot = self.slots.get(ticket.slot as usize)?;
        if slot.sequence != ticket.generation || slot.payload().is_none() {
            return None;
        }
        let reuse = slot.reuse;
        self.stale += 1;
        let payload = std::mem::take(&mut self.slots[ticket.slot as usize].payload);
        self.release(Key::new(0, ticket.slot, reuse));
        if self.stale > self.live + STALE_ALLOWANCE {
            self.purge();
        }
        Some(payload)
    }

    /// The ticket of a pending event, from its packed form; `None` when the event was popped or cancelled already.
    pub fn unpack(&self, packed: u64) -> Option<Ticket> {
        let index = (packed >> GENERATION_BITS).checked_sub(1)?;
        let slot = self.slots.get(index as usize).filter(|slot| slot.payload().is_some())?;
        let ticket = Ticket { slot: index as u32, generation: slot.sequence };
        (ticket.packed() == packed).then_some(ticket)
    }

    /// Drops all events whose payload `matches`, looking at them in no particular order.
    pub fn remove_where(&mut self, mut matches: impl FnMut(&T) -> bool) {
        let before = self.live;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.payload().is_some_and(&mut matches) {
                slot.payload = T::default();
                slot.reuse = slot.reuse.wrapping_add(1);
                self.free_slots.push(index as u32);
                self.live -= 1;
                self.stale += 1;
            }
        }
        if self.live < before {
            self.purge();
        }
    }

    /// All scheduled events as (time, sequence, payload), in no particular order. The sequence number is that of the
    /// ticket: it tells the order of pushing among those that were not reserved.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, &T)> {
        let chunks = self.wheel.chunks.iter();
        let far = chunks.flat_map(|chunk| &chunk.keys[..chunk.used as usize]);
        let near = self.sorted.live().iter().chain(&self.lane);
        near.chain(far).filter_map(|key| {
            let slot = &self.slots[key.slot() as usize];
            (slot.reuse == key.reuse()).then_some((key.time, slot.sequence, &slot.payload))
        })
    }

    /// The first key, live or stale, if it is not after `limit`.
    #[inline]
    fn front(&mut self, limit: u64, ahead: &mut impl FnMut(&T)) -> Option<(Key, Source)> {
        loop {
            let (key, source) = match (self.sorted.front(), self.lane.front().copied()) {
                (Some(key), None) => (key, Source::Sorted),
                (Some(key), Some(_)) if key.time <= self.now => (key, Source::Sorted),
                (_, Some(key)) => (key, Source::Lane),
                (None, None) if self.refill(limit, ahead) => continue,
                (None, None) => return None,
            };
            return (key.time <= limit).then_some((key, source));
        }
    }

    #[inline]
    fn drop_front(&mut self, source: Source) {
        match source {
            Source::Sorted => self.sorted.drop_front(),
            Source::Lane => drop(self.lane.pop_front()),
        }
    }

    #[inline]
    fn is_live(&self, key: &Key) -> bool {
        self.slots[key.slot() as usize].reuse == key.reuse()
    }

    /// Frees the slot of a key; false if the key is stale.
    #[inline]
    fn release(&mut self, key: Key) -> bool {
        let slot = &mut self.slots[key.slot() as usize];
        if slot.reuse != key.reuse() {
            return false;
        }
        slot.reuse = slot.reuse.wrapping_add(1);
        self.free_slots.push(key.slot());
        self.live -= 1;
        if key.reuse() == u32::MAX {
            // The count starts again from zero, so no key from the first time round may survive.
            self.purge();
        }
        true
    }

    /// Fills the sorted part from the wheel when it and the lane are empty. Gives false when there
    /// is nothing up to `limit`, so that asking again and again for too early a time costs little.
    #[inline(never)]
    fn refill(&mut self, limit: u64, ahead: &mut impl FnMut(&T)) -> bool {
        self.sorted.clear();
        if self.sorted.keys.capacity() > KEPT_CAPACITY.max(4 * self.wheel.stored) {
            self.sorted.keys.shrink_to(KEPT_CAPACITY);
        }
        if self.lane.capacity() > KEPT_CAPACITY.max(4 * self.wheel.stored) {
            self.lane.shrink_to(KEPT_CAPACITY);
        }
        while let Some((level, digit)) = self.wheel.first() {
            let bucket = self.wheel.bucket(level, digit);
            if self.sorted.len() == 0 {
                if bucket.earliest > limit {
                    return false;
                }
                if bucket.count > REFILL_LIMIT {
                    self.split(level, digit);
                    continue;
                }
            } else if self.sorted.len() + bucket.count > REFILL_LIMIT {
                break;
            }
            self.gather(level, digit);
            if self.sorted.len() >= REFILL_TARGET {
                break;
            }
        }
        if self.wheel.stored == 0 {
            self.base = u64::MAX;
            if self.live == 0 && self.slots.len() > KEPT_CAPACITY {
                self.slots = Vec::new();
                self.free_slots = Vec::new();
                self.wheel = Wheel::new();
            }
        }
        for key in self.sorted.live() {
            ahead(&self.slots[key.slot() as usize].payload);
        }
        self.sorted.len() > 0
    }

    /// Moves a small bucket to the sorted part. Looking up whether each event is still live also
    /// brings the slots into the cache all together, instead of one after the other when popped.
    fn gather(&mut self, level: usize, digit: usize) {
        let start = self.sorted.keys.len();
        let bucket = self.wheel.take(level, digit);
        let last = bucket.earliest | ((1 << (level as u32 * DIGIT_BITS)) - 1);
        let mut next = bucket.head;
        while let Some(chunk) = self.wheel.take_chunk(next) {
            next = chunk.next;
            for key in &chunk.keys[..chunk.used as usize] {
                if self.is_live(key) {
                    self.sorted.keys.push(*key);
                } else {
                    self.stale -= 1;
                }
            }
        }
        self.sorted.keys[start..].sort_by_key(|key| key.time);
        self.base = last;
    }

    /// Spreads a crowded bucket over the levels below. Its earliest time becomes the base, so a
    /// cluster of close times skips the levels at which they do not differ, and keys of exactly
    /// that time need no level at all: they are next.
    fn split(&mut self, level: usize, digit: usize) {
        let bucket = self.wheel.take(level, digit);
        self.base = bucket.earliest;
        let check = self.stale > 0;
        let mut upcoming = self.wheel.take_chunk(bucket.head);
        while let Some(chunk) = upcoming {
            // Fetched ahead, so that waiting for the memory overlaps with the work on this chunk.
            upcoming = self.wheel.take_chunk(chunk.next);
            for key in &chunk.keys[..chunk.used as usize] {
                if check && !self.is_live(key) {
                    self.stale -= 1;
                } else if key.time == self.base {
                    self.sorted.keys.push(*key);
                } else {
                    self.wheel.put(self.base, *key);
                }
            }
        }
    }

    /// Inserts a key by ending the sorted part with it and moving all later keys to the wheel.
    #[cold]
    fn spill(&mut self, rank: usize, key: Key) {
        self.wheel.lower_base(self.base, key.time);
        self.base = key.time;
        let end = self.sorted.head + rank;
        for later in &self.sorted.keys[end..] {
            self.wheel.put(self.base, *later);
        }
        self.sorted.keys.truncate(end);
        self.sorted.push_back(key);
    }

    /// Removes every stale key. The rest keep their order, as they are put back where they were.
    #[cold]
    fn purge(&mut self) {
        let slots = &self.slots;
        let is_live = |key: &Key| slots[key.slot() as usize].reuse == key.reuse();
        self.sorted.close_front();
        self.sorted.keys.retain(is_live);
        self.lane.retain(is_live);
        self.stale = 0;
        let mut kept: Vec<Key> = Vec::new();
        while let Some((level, digit)) = self.wheel.first() {
            let mut next = self.wheel.take(level, digit).head;
            while let Some(chunk) = self.wheel.take_chunk(next) {
                next = chunk.next;
                let keys = chunk.keys[..chunk.used as usize].iter();
                kept.extend(keys.filter(|key| is_live(key)).copied());
            }
        }
        if self.wheel.chunks.len() > KEPT_CAPACITY.max(kept.len()) {
            self.wheel = Wheel::new();
        }
        for key in kept {
            self.wheel.put(self.base, key);
        }
    }
}
