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

mod order;
mod radix;
mod slot;
mod sorted;
#[cfg(test)]
mod tests;
mod wheel;

use order::Pace;
use radix::Radix;
use slot::{Slot, GENERATION_BITS, NO_SLOT};
use sorted::SortedKeys;
use std::collections::VecDeque;
use wheel::Wheel;

pub use slot::{Next, Ticket};

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
    slot: u32,
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
    /// The list of free slots, the last used first, which is in the cache.
    free: u32,
    /// The generation of a slot that was never used; more than 0 after slots were given back to the system.
    first_generation: u32,
    /// The time of the last popped event.
    now: u64,
    live: usize,
    /// Cancelled events whose slot is still somewhere in the order.
    stale: usize,
    /// Events pushed for the current time, which come after all others of that time.
    lane: VecDeque<Key>,
    /// Every key up to `base` and `near_end` is here or in the lane.
    sorted: SortedKeys,
    base: u64,
    /// The keys after `base` up to `near_end`.
    radix: Radix,
    /// The end of what the wheel has given out; the end of time while it is out of use.
    near_end: u64,
    wheel: Wheel,
    /// The keys after the window of the wheel, by their difference from `far_base`, which is in or before it.
    far: Radix,
    far_base: u64,
    pace: Pace,
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
            free: NO_SLOT,
            first_generation: 0,
            now: 0,
            live: 0,
            stale: 0,
            lane: VecDeque::new(),
            sorted: SortedKeys::default(),
            base: u64::MAX,
            radix: Radix::new(),
            near_end: u64::MAX,
            wheel: Wheel::default(),
            far: Radix::new(),
            far_base: 0,
            pace: Pace::default(),
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
        let slot = self.free;
        let Some(entry) = self.slots.get(slot as usize) else { return self.reserve_new() };
        self.free = entry.next;
        Ticket { slot, generation: entry.generation.wrapping_add(1) }
    }

    #[cold]
    #[inline(never)]
    fn reserve_new(&mut self) -> Ticket {
        let (slot, generation) = (self.slots.len() as u32, self.first_generation);
        self.slots.push(Slot { time: 0, generation, next: NO_SLOT, payload: T::default() });
        Ticket { slot, generation: generation.wrapping_add(1) }
    }

    /// Takes back a reserved ticket that is not needed.
    pub fn give_back(&mut self, ticket: Ticket) {
        let entry = &mut self.slots[ticket.slot as usize];
        entry.generation = entry.generation.wrapping_add(2);
        self.free_slot(ticket.slot);
    }

    /// Schedules an event under a reserved ticket. Among events of equal time the order of pushing counts, not that of
    /// reserving.
    #[inline(always)]
    pub fn push_reserved(&mut self, ticket: Ticket, at: u64, payload: T) {
        // What is there owns nothing any more, so there is no need to look at what has to be dropped.
        self.push_with(ticket, at, move |place| std::mem::forget(std::mem::replace(place, payload)));
    }

    /// The same for a payload that `fill` writes over what the last event left in the slot, which owns nothing.
    #[inline(always)]
    pub fn push_with(&mut self, ticket: Ticket, at: u64, fill: impl FnOnce(&mut T)) {
        self.live += 1;
        let entry = &mut self.slots[ticket.slot as usize];
        fill(&mut entry.payload);
        entry.generation = ticket.generation;
        entry.time = at.max(self.now);
        // All that is sorted, and so the current time, is before the window of the wheel.
        if at > self.near_end && self.wheel.covers(at) {
            self.wheel.put(entry, ticket.slot);
            return;
        }
        let key = Key { time: entry.time, slot: ticket.slot };
        if at <= self.now {
            self.lane.push_back(key);
        } else {
            self.put_in_order(key);
        }
    }

    /// Puts a key where it belongs that is later than the current time and does not belong into the wheel.
    #[inline(never)]
    fn put_in_order(&mut self, key: Key) {
        if key.time > self.near_end {
            self.far.put(self.far_base, key);
        } else if key.time > self.base {
            self.radix.put(self.base, key);
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
        let next = self.next_until(limit)?;
        Some((next.time, std::mem::take(self.payload_mut(next))))
    }

    /// Takes the earliest event out of the order if its time is at most `limit`, and leaves its payload in its slot,
    /// from where it must be taken by `payload_mut` before the next push: what it owns is not dropped.
    #[inline]
    pub fn next_until(&mut self, limit: u64) -> Option<Next> {
        loop {
            let (key, source) = self.front(limit)?;
            self.drop_front(source);
            let entry = &mut self.slots[key.slot as usize];
            let live = entry.is_live();
            entry.generation = entry.generation.wrapping_add(u32::from(live));
            entry.next = std::mem::replace(&mut self.free, key.slot);
            if live {
                self.live -= 1;
                self.now = key.time;
                return Some(Next { time: key.time, slot: key.slot });
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
                return self.earliest_waiting();
            }
            let (key, source) = self.front(u64::MAX)?;
            if self.slots[key.slot as usize].is_live() {
                return Some(key.time);
            }
            self.drop_front(source);
            self.keep(key.slot);
        }
    }

    /// The earliest time of what is not sorted yet, without touching it.
    fn earliest_waiting(&self) -> Option<u64> {
        if let Some((level, digit)) = self.radix.first() {
            return Some(self.radix.bucket(level, digit).earliest);
        }
        if let Some(number) = self.wheel.occupied_after(self.wheel.cursor) {
            let first = self.slots.get(self.wheel.head(number) as usize);
            let bucket = std::iter::successors(first, |entry| self.slots.get(entry.next as usize));
            return bucket.map(|entry| entry.time).min();
        }
        let (level, digit) = self.far.first()?;
        Some(self.far.bucket(level, digit).earliest)
    }

    /// Takes an event back before it happens. Gives `None` when it was popped or cancelled
    /// already. Its slot stays in the order until its turn comes or until such slots are in the majority,
    /// whichever is first, so cancelling costs constant time and memory stays bounded.
    pub fn cancel(&mut self, ticket: Ticket) -> Option<T> {
        let slot = self.slots.get_mut(ticket.slot as usize)?;
        if slot.generation != ticket.generation || !slot.is_live() {
            return None;
        }
        slot.generation = slot.generation.wrapping_add(1);
        let payload = std::mem::take(&mut slot.payload);
        self.live -= 1;
        self.stale += 1;
        if self.stale > self.live + STALE_ALLOWANCE {
            self.purge();
        }
        Some(payload)
    }

    /// The ticket of a pending event, from its packed form; `None` when the event was popped or cancelled already.
    pub fn unpack(&self, packed: u64) -> Option<Ticket> {
        let slot = (packed >> GENERATION_BITS).checked_sub(1)? as u32;
        let ticket = Ticket { slot, generation: packed as u32 };
        let entry = self.slots.get(slot as usize)?;
        (entry.is_live() && entry.generation == ticket.generation).then_some(ticket)
    }

    /// Drops all events whose payload `matches`, looking at them in no particular order.
    pub fn remove_where(&mut self, mut matches: impl FnMut(&T) -> bool) {
        let before = self.live;
        for slot in &mut self.slots {
            if slot.is_live() && matches(&slot.payload) {
                slot.payload = T::default();
                slot.generation = slot.generation.wrapping_add(1);
                self.live -= 1;
                self.stale += 1;
            }
        }
        if self.live < before {
            self.purge();
        }
    }

    /// All scheduled events as (time, payload), in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots.iter().filter(|slot| slot.is_live()).map(|slot| (slot.time, &slot.payload))
    }

    /// The first key, live or stale, if it is not after `limit`.
    #[inline]
    fn front(&mut self, limit: u64) -> Option<(Key, Source)> {
        loop {
            let (key, source) = match (self.sorted.front(), self.lane.front().copied()) {
                (Some(key), None) => (key, Source::Sorted),
                (Some(key), Some(_)) if key.time <= self.now => (key, Source::Sorted),
                (_, Some(key)) => (key, Source::Lane),
                (None, None) if self.refill(limit) => continue,
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
    fn free_slot(&mut self, slot: u32) {
        self.slots[slot as usize].next = std::mem::replace(&mut self.free, slot);
    }

    /// Whether the event whose slot was taken out of the order is still wanted. Frees the slot if not.
    #[inline]
    fn keep(&mut self, slot: u32) -> bool {
        let live = self.slots[slot as usize].is_live();
        if !live {
            self.stale -= 1;
            self.free_slot(slot);
        }
        live
    }

    /// Gives the memory of an empty calendar back. Later slots begin at a generation that no ticket has yet.
    #[cold]
    fn forget_slots(&mut self) {
        let last = self.slots.iter().map(|slot| slot.generation).max().unwrap_or(0);
        let now = self.now;
        *self = Calendar { first_generation: last.wrapping_add(2) & !1, now, ..Calendar::new() };
    }

    /// Removes every cancelled event. The rest keep their order, as they are put back where they were.
    #[cold]
    fn purge(&mut self) {
        self.sorted.close_front();
        let mut sorted = std::mem::take(&mut self.sorted.keys);
        sorted.retain(|key| self.keep(key.slot));
        self.sorted.keys = sorted;
        let mut lane = std::mem::take(&mut self.lane);
        lane.retain(|key| self.keep(key.slot));
        self.lane = lane;
        let keys = self.take_waiting();
        if self.wheel_in_use() {
            self.far_base = self.near_end;
        }
        self.put_waiting(keys);
    }
}
