//! Deadlines: what falls due by itself, next first.
//!
//! Reproduces nothing of a product; visibility timeouts, ack deadlines, retention and long polls of SQS and Pub/Sub are
//! kept in it. A deadline that is no longer wanted is not taken out: its owner recognises it when it comes up, and from
//! time to time throws away what has become stale, so that no more is kept than a few times of what is alive. Most
//! deadlines of one kind come in the order in which they end, so that some plain queues hold nearly all of them and
//! only the rest needs a heap. Leaves out: taking out of the middle.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::vocabulary::Time;

/// Queues of deadlines in rising order; one for each usual length of a timeout is enough.
const LANES: usize = 4;

/// Stale deadlines that are not worth looking for.
const SLACK: usize = 1024;

/// One deadline. Of two at the same time, the one that was set first comes first.
#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    at: Time,
    number: u64,
    item: T,
}

impl<T> Entry<T> {
    #[inline]
    fn key(&self) -> (Time, u64) {
        (self.at, self.number)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Deadlines of things of one kind.
#[derive(Clone, Debug)]
pub struct Deadlines<T> {
    lanes: [VecDeque<Entry<T>>; LANES],
    others: BinaryHeap<Reverse<Entry<T>>>,
    count: usize,
    given: u64,
}

impl<T> Default for Deadlines<T> {
    fn default() -> Self {
        Deadlines { lanes: Default::default(), others: BinaryHeap::new(), count: 0, given: 0 }
    }
}

impl<T: Copy> Deadlines<T> {
    /// Sets a deadline.
    #[inline]
    pub fn push(&mut self, at: Time, item: T) {
        self.given += 1;
        self.count += 1;
        let entry = Entry { at, number: self.given, item };
        // The lane that loses the least by it: the latest end that is not later.
        let mut best: Option<(usize, Time)> = None;
        for (index, lane) in self.lanes.iter().enumerate() {
            let end = lane.back().map_or(Time::ZERO, |last| last.at);
            if end <= at && best.is_none_or(|(_, other)| end > other) {
                best = Some((index, end));
            }
        }
        match best {
            Some((index, _)) => self.lanes[index].push_back(entry),
            None => self.others.push(Reverse(entry)),
        }
    }

    /// Where the next deadline is: a lane, or the heap as the number of lanes.
    #[inline]
    fn first_place(&self) -> Option<(usize, &Entry<T>)> {
        let mut first = self.others.peek().map(|Reverse(entry)| (LANES, entry));
        for (index, lane) in self.lanes.iter().enumerate() {
            if let Some(entry) = lane.front() {
                if first.is_none_or(|(_, other)| entry.key() < other.key()) {
                    first = Some((index, entry));
                }
            }
        }
        first
    }

    /// The next deadline.
    #[inline]
    pub fn first(&self) -> Option<(Time, T)> {
        self.first_place().map(|(_, entry)| (entry.at, entry.item))
    }

    /// Takes the next deadline out if it is not later than `now`.
    #[inline]
    pub fn pop_due(&mut self, now: Time) -> Option<(Time, T)> {
        let (place, entry) = self.first_place()?;
        let (at, item) = (entry.at, entry.item);
        if at > now {
            return None;
        }
        self.remove_first(place);
        Some((at, item))
    }

    fn remove_first(&mut self, place: usize) {
        self.count -= 1;
        match self.lanes.get_mut(place) {
            Some(lane) => {
                lane.pop_front();
            }
            None => {
                self.others.pop();
            }
        }
    }

    /// Throws stale deadlines away: those that come next, and all if there are far more than the `alive_max` that can
    /// be alive.
    #[inline]
    pub fn clean(&mut self, alive_max: usize, is_alive: impl Fn(Time, T) -> bool) {
        if self.count > 2 * alive_max + SLACK {
            self.lanes.iter_mut().for_each(|lane| lane.retain(|entry| is_alive(entry.at, entry.item)));
            self.others.retain(|Reverse(entry)| is_alive(entry.at, entry.item));
            self.count = self.lanes.iter().map(VecDeque::len).sum::<usize>() + self.others.len();
        }
        while let Some((place, entry)) = self.first_place() {
            if is_alive(entry.at, entry.item) {
                return;
            }
            self.remove_first(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_up_by_time_and_in_the_order_of_setting() {
        let mut deadlines = Deadlines::default();
        let mut expected = Vec::new();
        let mut state = 7u32;
        for number in 0..5000u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = Time(u64::from(state >> 20));
            deadlines.push(at, number);
            expected.push((at, number));
        }
        expected.sort();
        let found: Vec<_> = std::iter::from_fn(|| deadlines.pop_due(Time::MAX)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_stale_is_thrown_away() {
        let mut deadlines = Deadlines::default();
        for number in 0..1_000_000u64 {
            deadlines.push(Time(number + 1_000_000_000), number);
            deadlines.push(Time(3 * number), number);
            deadlines.clean(10, |_, item| item + 5 > number);
            assert!(deadlines.count < 20 + SLACK + 3);
        }
        assert_eq!(deadlines.first(), Some((Time(3 * 999_995), 999_995)));
        assert_eq!(deadlines.pop_due(Time(5)), None);
    }
}
