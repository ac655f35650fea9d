use super::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A small generator, so that the tests are the same on every run and machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ (mixed >> 32)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The obviously right calendar: a heap, and a list of which sequence numbers are still wanted.
#[derive(Clone, Default)]
struct Reference {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    wanted: Vec<bool>,
    now: u64,
}

impl Reference {
    fn push(&mut self, at: u64) {
        let sequence = self.wanted.len() as u64;
        self.heap.push(Reverse((at.max(self.now), sequence)));
        self.wanted.push(true);
    }

    fn peek(&mut self) -> Option<(u64, u64)> {
        loop {
            let Reverse(first) = *self.heap.peek()?;
            if self.wanted[first.1 as usize] {
                return Some(first);
            }
            self.heap.pop();
        }
    }

    fn pop_until(&mut self, limit: u64) -> Option<(u64, u64)> {
        let first = self.peek().filter(|first| first.0 <= limit)?;
        self.heap.pop();
        self.wanted[first.1 as usize] = false;
        self.now = first.0;
        Some(first)
    }

    fn cancel(&mut self, sequence: u64) -> Option<u64> {
        std::mem::take(&mut self.wanted[sequence as usize]).then_some(sequence)
    }

    fn pending(&self) -> Vec<(u64, u64)> {
        let keys = self.heap.iter().map(|key| key.0);
        let mut keys: Vec<_> = keys.filter(|key| self.wanted[key.1 as usize]).collect();
        keys.sort_unstable();
        keys
    }
}

const DISTRIBUTIONS: u64 = 12;

/// A time at or after `now`, or sometimes before it, in one of many ways.
fn time(random: &mut Random, distribution: u64, now: u64) -> u64 {
    let increment = match distribution {
        0 => random.below(1000),
        1 => random.below(3),
        2 => 0,
        3 => 1000,
        4 => random.next() >> random.below(64),
        5 => match random.below(10) {
            0 => random.below(1_000_000),
            _ => random.below(1000),
        },
        6 => {
            let cluster = (now / 1_000_000_000 + random.below(5)).saturating_mul(1_000_000_000);
            return cluster.saturating_add(random.below(40));
        }
        7 => return u64::MAX - random.below(3),
        8 => return random.next(),
        9 => return now.saturating_sub(random.below(5)).saturating_add(random.below(9)),
        10 => 1 << random.below(40),
        _ => random.below(4) * 1_000_000,
    };
    now.saturating_add(increment)
}

/// Runs both calendars side by side. The payload of an event is its own sequence number.
struct Pair {
    calendar: Calendar<u64>,
    reference: Reference,
    tickets: Vec<Ticket>,
}

impl Pair {
    fn new() -> Self {
        Pair { calendar: Calendar::new(), reference: Reference::default(), tickets: Vec::new() }
    }

    fn push(&mut self, at: u64) {
        let sequence = self.tickets.len() as u64;
        self.tickets.push(self.calendar.push(at, sequence));
        self.reference.push(at);
    }

    fn pop_until(&mut self, limit: u64) -> bool {
        let expected = self.reference.pop_until(limit);
        assert_eq!(self.calendar.pop_until(limit), expected);
        expected.is_some()
    }

    fn cancel(&mut self, sequence: u64) {
        let expected = self.reference.cancel(sequence);
        let ticket = self.tickets[sequence as usize];
        assert_eq!(self.calendar.cancel(ticket), expected);
    }

    fn check(&self) {
        let pending = self.reference.pending();
        assert_eq!(self.calendar.len(), pending.len());
        let mut found = Vec::new();
        for (time, sequence) in self.calendar.iter() {
            found.push((time, *sequence));
        }
        found.sort_unstable();
        assert_eq!(found, pending);
    }

    fn step(&mut self, random: &mut Random, distribution: u64, growth: u64) {
        let now = self.reference.now;
        match random.below(100) {
            0..=39 => {
                for _ in 0..=random.below(growth) {
                    self.push(time(random, distribution, now));
                }
            }
            40..=69 => {
                self.pop_until(u64::MAX);
            }
            70..=79 => {
                let limit = time(random, distribution, now);
                for _ in 0..random.below(50) {
                    if !self.pop_until(limit) {
                        break;
                    }
                }
            }
            80..=89 if !self.tickets.is_empty() => {
                for _ in 0..=random.below(growth) {
                    let recent = random.below(self.tickets.len() as u64 + 1).min(200);
                    self.cancel((self.tickets.len() as u64 - recent).min(self.tickets.len() as u64 - 1));
                }
            }
            90..=97 => {
                let expected = self.reference.peek().map(|first| first.0);
                assert_eq!(self.calendar.peek_time(), expected);
            }
            98 if random.below(8) == 0 => {
                let remainder = random.below(5);
                self.calendar.remove_where(|sequence| sequence % 5 == remainder);
                for (sequence, wanted) in self.reference.wanted.iter_mut().enumerate() {
                    *wanted &= sequence as u64 % 5 != remainder;
                }
            }
            _ if random.below(10) == 0 => {
                self.calendar = self.calendar.clone();
                self.check();
            }
            _ => {}
        }
    }
}

#[test]
fn agrees_with_a_heap_under_every_distribution() {
    for distribution in 0..=DISTRIBUTIONS {
        for (round, growth) in [1, 2, 3, 8, 40, 150].into_iter().enumerate() {
            let mut random = Random(distribution * 100 + round as u64);
            let mut pair = Pair::new();
            for step in 0..2500 {
                let mixed = match distribution {
                    // Only those that do not run to the end of time at once.
                    DISTRIBUTIONS => [0, 1, 2, 3, 5, 6, 9, 10, 11][step / 50 % 9],
                    other => other,
                };
                // Waves of pushing and popping make the size pass through all representations.
                if step % 500 > 400 {
                    pair.pop_until(u64::MAX);
                    pair.pop_until(u64::MAX);
                }
                pair.step(&mut random, mixed, growth);
            }
            pair.check();
            while pair.pop_until(u64::MAX) {}
            assert!(pair.calendar.is_empty());
            assert_eq!(pair.calendar.pop(), None);
        }
    }
}

#[test]
fn agrees_with_a_heap_while_holding_many() {
    for distribution in 0..DISTRIBUTIONS {
        let mut random = Random(distribution);
        let mut pair = Pair::new();
        for _ in 0..20_000 {
            pair.push(time(&mut random, distribution, 0));
        }
        for _ in 0..40_000 {
            pair.pop_until(u64::MAX);
            let now = pair.reference.now;
            pair.push(time(&mut random, distribution, now));
        }
        pair.check();
        while pair.pop_until(u64::MAX) {}
    }
}

#[test]
fn pushes_into_a_gap_before_far_events() {
    let mut random = Random(5);
    let mut pair = Pair::new();
    for _ in 0..3000 {
        pair.push(1_000_000_000_000 + random.below(1 << 30));
        pair.push(1_000_000_000_000);
    }
    for round in 1..100 {
        // A cancelled first event makes the calendar reorganise itself up to the far events.
        pair.push(round * 1_000_000);
        pair.cancel(pair.tickets.len() as u64 - 1);
        assert_eq!(pair.calendar.peek_time(), Some(1_000_000_000_000));
        for _ in 0..400 {
            pair.push(round * 1_000_000 + random.below(1_000_000));
        }
        while pair.pop_until(round * 1_000_000 + 999_999) {}
    }
    pair.check();
    while pair.pop_until(u64::MAX) {}
}

#[test]
fn zero_delay_events_come_after_those_of_the_same_time() {
    let mut calendar = Calendar::new();
    for name in ["a", "b", "c"] {
        calendar.push(10, name);
    }
    assert_eq!(calendar.pop(), Some((10, "a")));
    calendar.push(10, "d");
    calendar.push(3, "e");
    calendar.push(11, "f");
    let mut order = Vec::new();
    while let Some(event) = calendar.pop_until(10) {
        order.push(event);
    }
    assert_eq!(order, [(10, "b"), (10, "c"), (10, "d"), (10, "e")]);
    assert_eq!(calendar.peek_time(), Some(11));
}

#[test]
fn cancelled_events_do_not_pile_up() {
    let mut random = Random(9);
    for distribution in 0..DISTRIBUTIONS {
        let mut calendar = Calendar::new();
        for _ in 0..100 {
            calendar.push(time(&mut random, distribution, 0), 0);
        }
        for round in 0..100_000 {
            let ticket = calendar.push(time(&mut random, distribution, 0), round);
            assert_eq!(calendar.cancel(ticket), Some(round));
        }
        assert_eq!(calendar.len(), 100);
        // What is in the wheel is counted by the slots, as it is a list through them.
        let keys = calendar.sorted.len() + calendar.lane.len() + calendar.radix.stored + calendar.far.stored;
        assert!(keys <= 300);
        assert!(calendar.slots.len() <= 300);
        assert!(calendar.radix.chunks.len() + calendar.far.chunks.len() <= 300);
        assert!(calendar.sorted.keys.capacity() <= 2048);
    }
}

#[test]
fn memory_is_reused_while_time_goes_on() {
    let mut random = Random(11);
    for distribution in [0, 4, 5, 6, 10] {
        let mut calendar = Calendar::new();
        for _ in 0..10_000 {
            calendar.push(time(&mut random, distribution, 0), ());
        }
        for _ in 0..200_000 {
            let now = calendar.pop().unwrap().0;
            calendar.push(time(&mut random, distribution, now), ());
        }
        assert!(calendar.slots.len() <= 10_000);
        assert!(calendar.radix.chunks.len() + calendar.far.chunks.len() <= 10_000);
        assert!(calendar.sorted.keys.capacity() <= 65_536);
    }
}

#[test]
fn stale_tickets_are_refused() {
    let mut calendar = Calendar::new();
    let first = calendar.push(1, 'a');
    assert_eq!(calendar.cancel(first), Some('a'));
    assert_eq!(calendar.cancel(first), None);
    let second = calendar.push(1, 'b');
    assert_ne!(second.slot, first.slot, "the first is still in the order");
    assert_eq!(calendar.cancel(first), None);
    assert_eq!(calendar.pop(), Some((1, 'b')));
    assert_eq!(calendar.cancel(second), None);
    assert_eq!(Calendar::<char>::new().cancel(second), None);
}

#[test]
fn a_reserved_ticket_names_its_event_from_the_start() {
    let mut calendar = Calendar::new();
    let unused = calendar.reserve();
    let late = calendar.reserve();
    assert_ne!(late.packed(), 0);
    assert_eq!(calendar.unpack(late.packed()), None, "nothing is pending under it yet");
    assert!(calendar.is_empty());
    calendar.push(5, 'a');
    calendar.push_reserved(late, 5, 'b');
    calendar.give_back(unused);
    assert_eq!(calendar.unpack(late.packed()), Some(late));
    assert_eq!(calendar.pop(), Some((5, 'a')), "the order is that of pushing");
    let next = calendar.push(6, 'c');
    assert_eq!(calendar.cancel(late), Some('b'));
    assert_eq!(calendar.unpack(late.packed()), None);
    let again = calendar.push(6, 'd');
    assert_eq!(calendar.unpack(late.packed()), None, "the same slot has another event");
    assert_eq!((calendar.cancel(next), calendar.cancel(again)), (Some('c'), Some('d')));
    assert_eq!(calendar.slots.len(), 3, "what was given back is used again");
    assert_eq!(calendar.pop(), None);
}

#[test]
fn the_generation_of_a_slot_may_wrap() {
    let mut calendar = Calendar::new();
    calendar.push(100, 0);
    assert_eq!(calendar.pop(), Some((100, 0)));
    calendar.slots[0].generation = u32::MAX - 1;
    let last = calendar.push(900, 1);
    calendar.push(700, 2);
    assert_eq!(calendar.unpack(last.packed()), Some(last));
    assert_eq!(calendar.cancel(last), Some(1));
    assert_eq!(calendar.slots[0].generation, 0);
    assert_eq!(calendar.pop(), Some((700, 2)));
    assert_eq!(calendar.pop(), None);
    let next = calendar.push(950, 3);
    assert_eq!((next.slot, calendar.cancel(last)), (0, None));
    assert_eq!(calendar.cancel(next), Some(3));
}

#[test]
fn a_clone_has_the_same_future() {
    let mut random = Random(3);
    let mut pair = Pair::new();
    for _ in 0..3000 {
        pair.step(&mut random, 5, 10);
    }
    let mut one = pair.calendar;
    let mut two = one.clone();
    let seed = random.0;
    let mut futures = Vec::new();
    for calendar in [&mut one, &mut two] {
        let mut random = Random(seed);
        let mut future = Vec::new();
        for _ in 0..5000 {
            let Some((now, payload)) = calendar.pop() else {
                break;
            };
            let ticket = calendar.push(time(&mut random, 5, now), random.next());
            future.push((now, payload, ticket));
        }
        futures.push(future);
    }
    assert!(futures[0].len() > 1000);
    assert_eq!(futures[0], futures[1]);
}

#[test]
fn the_end_of_time_does_not_overflow() {
    let mut pair = Pair::new();
    for round in 0..500 {
        pair.push(u64::MAX);
        pair.push(u64::MAX - round % 7);
        pair.push(round);
    }
    for _ in 0..700 {
        assert!(pair.pop_until(u64::MAX));
    }
    pair.push(u64::MAX);
    while pair.pop_until(u64::MAX) {}
    pair.push(u64::MAX);
    pair.push(0);
    assert_eq!(pair.calendar.peek_time(), Some(u64::MAX));
    assert!(!pair.pop_until(u64::MAX - 1));
    while pair.pop_until(u64::MAX) {}
}

#[test]
fn memory_is_given_back_after_a_burst() {
    let mut calendar = Calendar::new();
    let mut tickets = Vec::new();
    for index in 0..50_000 {
        tickets.push(calendar.push(index * 7919 % 100_003, index));
    }
    while calendar.pop().is_some() {}
    assert_eq!(calendar.slots.capacity(), 0);
    assert_eq!(calendar.radix.chunks.capacity() + calendar.far.chunks.capacity(), 0);
    assert!(calendar.sorted.keys.capacity() <= 1024);
    for index in 0..50_000 {
        calendar.push(200_000 + index * 7919 % 100_003, index);
    }
    for ticket in tickets {
        assert_eq!(calendar.cancel(ticket), None);
    }
    assert_eq!(calendar.len(), 50_000);
}
