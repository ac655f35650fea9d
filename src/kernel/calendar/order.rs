//! How the keys of the calendar get from the waiting parts to the sorted one, and how the wheel is tuned.

use super::radix::{Radix, DIGIT_BITS};
use super::slot::NO_SLOT;
use super::wheel::Wheel;
use super::{Calendar, Key, KEPT_CAPACITY};

/// A refill goes on gathering buckets until the sorted part holds this many keys.
const REFILL_TARGET: usize = 24;
/// A refill never makes the sorted part longer than this, except for a run of equal times.
const REFILL_LIMIT: usize = 64;
/// With this many events pending the wheel comes into use.
const WHEEL_MIN: usize = 64;
/// The wheel is tuned after this many events at least.
const TUNING_SPAN: usize = 512;
/// Buckets whose memory is fetched together.
const FETCH: usize = 16;

/// What is measured to tune the wheel.
#[derive(Clone, Copy, Default)]
pub(super) struct Pace {
    /// Since when: a time while the wheel is out of use, else the number of a bucket.
    since: u64,
    /// How many different times were taken out since then.
    drawn: usize,
    /// From how many buckets.
    opened: usize,
    /// How many events were pending then.
    size: usize,
}

impl<T: Default> Calendar<T> {
    /// Fills the sorted part when it and the lane are empty. Gives false when there is nothing up to `limit`, so that
    /// asking again and again for too early a time costs little.
    #[inline(never)]
    pub(super) fn refill(&mut self, limit: u64) -> bool {
        self.sorted.clear();
        if self.sorted.keys.capacity() > KEPT_CAPACITY.max(4 * self.live) {
            self.sorted.keys.shrink_to(KEPT_CAPACITY);
        }
        if self.lane.capacity() > KEPT_CAPACITY.max(4 * self.live) {
            self.lane.shrink_to(KEPT_CAPACITY);
        }
        if self.radix.stored == 0 || !self.wheel_in_use() {
            self.tune();
        }
        loop {
            if !self.refill_from_radix(limit) {
                return false;
            }
            if self.sorted.len() > 0 || !self.wheel_in_use() {
                break;
            }
            if !self.open_buckets(limit) {
                break;
            }
        }
        if self.live == 0 && self.slots.len() > KEPT_CAPACITY {
            self.forget_slots();
        }
        if !self.wheel_in_use() {
            self.pace.drawn += self.sorted.len();
        }
        self.sorted.len() > 0
    }

    /// Gathers the first buckets of the radix part; false if they are after `limit`.
    fn refill_from_radix(&mut self, limit: u64) -> bool {
        while let Some((level, digit)) = self.radix.first() {
            let bucket = self.radix.bucket(level, digit);
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
        if self.radix.stored == 0 {
            self.base = u64::MAX;
        }
        true
    }

    /// Moves a small bucket of the radix part to the sorted part. Looking up whether each event is still live also
    /// brings the slots into the cache all together, instead of one after the other when popped.
    fn gather(&mut self, level: usize, digit: usize) {
        let start = self.sorted.keys.len();
        let bucket = self.radix.take(level, digit);
        let last = bucket.earliest | ((1 << (level as u32 * DIGIT_BITS)) - 1);
        let mut next = bucket.head;
        while let Some(chunk) = self.radix.take_chunk(next) {
            next = chunk.next;
            for key in &chunk.keys[..chunk.used as usize] {
                if self.keep(key.slot) {
                    self.sorted.keys.push(*key);
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
        let bucket = self.radix.take(level, digit);
        self.base = bucket.earliest;
        let check = self.stale > 0;
        let mut upcoming = self.radix.take_chunk(bucket.head);
        while let Some(chunk) = upcoming {
            // Fetched ahead, so that waiting for the memory overlaps with the work on this chunk.
            upcoming = self.radix.take_chunk(chunk.next);
            for key in &chunk.keys[..chunk.used as usize] {
                if check && !self.keep(key.slot) {
                    continue;
                } else if key.time == self.base {
                    self.sorted.keys.push(*key);
                } else {
                    self.radix.put(self.base, *key);
                }
            }
        }
    }

    /// Inserts a key by ending the sorted part with it and moving all later keys to the radix part.
    #[cold]
    pub(super) fn spill(&mut self, rank: usize, key: Key) {
        self.radix.lower_base(self.base, key.time);
        self.base = key.time;
        let end = self.sorted.head + rank;
        for later in &self.sorted.keys[end..] {
            self.radix.put(self.base, *later);
        }
        self.sorted.keys.truncate(end);
        self.sorted.push_back(key);
    }

    /// Opens buckets of the wheel until enough keys are sorted or a crowded one went to the radix part. False if there
    /// is nothing up to `limit`.
    fn open_buckets(&mut self, limit: u64) -> bool {
        if self.wheel.is_short() {
            self.wheel.extend();
            self.pull();
        }
        let target = (self.live / 16).clamp(1, REFILL_TARGET);
        while self.sorted.len() < target && self.radix.stored == 0 {
            let mut numbers = [0; FETCH];
            let found = self.wheel.find_occupied(&mut numbers[..target.min(FETCH)]);
            match numbers[..found].first() {
                Some(first) if self.sorted.len() == 0 && first << self.wheel.shift > limit => return false,
                Some(_) => self.open(&numbers[..found]),
                None if self.sorted.len() > 0 || !self.jump(limit) => break,
                None => {}
            }
        }
        self.sorted.len() + self.radix.stored > 0
    }

    /// Moves buckets of the wheel to the sorted part, up to one that is crowded, which goes to the radix part.
    fn open(&mut self, numbers: &[u64]) {
        // Touching their first slots beforehand fetches the memory of all of them at the same time.
        let heads = numbers.iter().map(|number| self.slots[self.wheel.head(*number) as usize].time);
        std::hint::black_box(heads.fold(0, |touched, time| touched ^ time));
        let first = self.sorted.keys.len();
        for number in numbers {
            let start = self.sorted.keys.len();
            let mut slot = self.wheel.take(*number);
            while let Some(entry) = self.slots.get(slot as usize) {
                let (key, next) = (Key { time: entry.time, slot }, entry.next);
                if self.keep(slot) {
                    self.sorted.keys.push(key);
                }
                slot = next;
            }
            self.wheel.cursor = *number;
            self.pace.opened += 1;
            if self.sorted.keys.len() > start + 1 && !self.arrange(start) {
                break;
            }
        }
        self.near_end = self.wheel.opened_until();
        let keys = &self.sorted.keys[first..];
        self.pace.drawn += 1 + keys.windows(2).filter(|pair| pair[0].time != pair[1].time).count();
    }

    /// Sorts the keys of a bucket, which are at the end of the sorted part with the newest first. False if they were too
    /// many for that and went to the radix part.
    #[inline]
    fn arrange(&mut self, start: usize) -> bool {
        let keys = &mut self.sorted.keys[start..];
        if let [newer, older] = keys {
            if newer.time >= older.time {
                std::mem::swap(newer, older);
            }
            return true;
        }
        keys.reverse();
        if keys.len() <= REFILL_LIMIT {
            keys.sort_by_key(|key| key.time);
        } else if keys.iter().any(|key| key.time != keys[0].time) {
            self.pace.drawn += keys.len();
            self.base = (self.wheel.cursor << self.wheel.shift) - 1;
            for key in self.sorted.keys.drain(start..) {
                self.radix.put(self.base, key);
            }
            return false;
        }
        true
    }

    /// Moves the window to the next far event when there is nothing in it. False if that is after `limit`.
    fn jump(&mut self, limit: u64) -> bool {
        let Some((level, digit)) = self.far.first() else { return false };
        let earliest = self.far.bucket(level, digit).earliest;
        if earliest > limit {
            return false;
        }
        let cursor = (earliest >> self.wheel.shift) - 1;
        self.pace.since += cursor - self.wheel.cursor;
        self.wheel.cursor = cursor;
        self.near_end = self.wheel.opened_until();
        self.wheel.extend();
        self.pull();
        true
    }

    /// Moves all far events that are in the window now to the wheel.
    fn pull(&mut self) {
        while let Some((level, digit)) = self.far.first() {
            let earliest = self.far.bucket(level, digit).earliest;
            if earliest >> self.wheel.shift >= self.wheel.end {
                break;
            }
            self.far_base = earliest;
            let mut next = self.far.take(level, digit).head;
            while let Some(chunk) = self.far.take_chunk(next) {
                next = chunk.next;
                for key in &chunk.keys[..chunk.used as usize] {
                    if self.keep(key.slot) {
                        self.put_beyond(*key);
                    }
                }
            }
        }
    }

    /// Puts a key after `near_end` where it belongs.
    #[inline]
    pub(super) fn put_beyond(&mut self, key: Key) {
        if self.wheel.covers(key.time) {
            self.wheel.put(&mut self.slots[key.slot as usize], key.slot);
        } else {
            self.far.put(self.far_base, key);
        }
    }

    #[inline]
    pub(super) fn wheel_in_use(&self) -> bool {
        self.near_end != u64::MAX
    }

    /// Brings the wheel in or out of use or changes the width of its buckets, if what was measured asks for it.
    fn tune(&mut self) {
        let pace = self.pace;
        let shift = self.wheel.shift;
        if !self.wheel_in_use() {
            if pace.drawn < self.live.max(TUNING_SPAN) {
                return;
            }
            let gap = self.now.saturating_sub(pace.since) / pace.drawn as u64;
            self.pace = Pace { since: self.now, ..Pace::default() };
            if self.live >= WHEEL_MIN && gap > 0 {
                self.turn_wheel(gap.ilog2());
            }
        } else if self.live < WHEEL_MIN / 4 {
            self.stop_wheel();
        } else if self.live > 2 * pace.size {
            self.turn_wheel(shift.saturating_sub((self.live / pace.size).ilog2()));
        } else if self.live < pace.size / 4 {
            self.turn_wheel(shift + (pace.size / self.live).ilog2());
        } else if pace.drawn >= self.live.max(TUNING_SPAN) {
            let advanced = (self.wheel.cursor - pace.since) / pace.opened as u64;
            self.pace = Pace { since: self.wheel.cursor, size: pace.size, ..Pace::default() };
            if 2 * pace.drawn > 5 * pace.opened && shift > 1 {
                self.turn_wheel(shift.saturating_sub((pace.drawn / pace.opened).ilog2()));
            } else if advanced >= 8 && 4 * pace.drawn < 5 * pace.opened {
                self.turn_wheel(shift + (advanced.ilog2() - 1).min(4));
            }
        }
    }

    /// Begins a wheel with buckets of this width.
    fn turn_wheel(&mut self, shift: u32) {
        let keys = self.take_waiting();
        let from = if self.wheel_in_use() { self.near_end } else { self.base.min(self.now) };
        self.wheel = Wheel::new(self.live, shift.clamp(1, 40), from);
        self.near_end = self.wheel.opened_until();
        self.far_base = self.near_end;
        self.pace = Pace { since: self.wheel.cursor, size: self.live.max(1), ..Pace::default() };
        self.base = from;
        self.put_waiting(keys);
    }

    /// Ends the use of the wheel.
    fn stop_wheel(&mut self) {
        let keys = self.take_waiting();
        self.base = self.near_end;
        self.near_end = u64::MAX;
        self.wheel = Wheel::default();
        self.pace = Pace { since: self.now, ..Pace::default() };
        self.put_waiting(keys);
    }

    /// Takes out all live keys that are not sorted yet, keeping the order of equal times.
    pub(super) fn take_waiting(&mut self) -> Vec<Key> {
        let mut keys = Vec::with_capacity(self.live);
        self.take_radix(false, &mut keys);
        let mut number = self.wheel.cursor;
        while let Some(next) = self.wheel.occupied_after(number) {
            number = next;
            let start = keys.len();
            let mut slot = self.wheel.take(number);
            while slot != NO_SLOT {
                let entry = &self.slots[slot as usize];
                let (time, next) = (entry.time, entry.next);
                if self.keep(slot) {
                    keys.push(Key { time, slot });
                }
                slot = next;
            }
            keys[start..].reverse();
        }
        self.take_radix(true, &mut keys);
        keys
    }

    fn take_radix(&mut self, far: bool, keys: &mut Vec<Key>) {
        let mut radix = std::mem::replace(if far { &mut self.far } else { &mut self.radix }, Radix::new());
        while let Some((level, digit)) = radix.first() {
            let mut next = radix.take(level, digit).head;
            while let Some(chunk) = radix.take_chunk(next) {
                next = chunk.next;
                keys.extend(chunk.keys[..chunk.used as usize].iter().filter(|key| self.keep(key.slot)));
            }
        }
    }

    /// Puts back what `take_waiting` gave.
    pub(super) fn put_waiting(&mut self, keys: Vec<Key>) {
        for key in keys {
            if key.time > self.near_end {
                self.put_beyond(key);
            } else {
                self.radix.put(self.base, key);
            }
        }
    }
}
