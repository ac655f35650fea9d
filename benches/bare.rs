//! The yardstick: the same workloads as a loop over a `BinaryHeap`, with no engine at all.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use patchbay::kernel::rng::Stream;

/// M/M/1 with arrival rate 0.8 and service rate 1; two events per customer.
pub fn mm1(customers: u64) -> u64 {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    enum Event {
        Arrival,
        Departure,
    }
    let mut random = Stream::named(1, "mm1", "bare");
    let mut draw = move |mean: f64| (random.exponential() * mean * 1e9) as u64;
    let mut heap = BinaryHeap::new();
    let (mut sequence, mut events, mut left, mut waited) = (0u64, 0u64, customers, 0u64);
    let mut queue: VecDeque<u64> = VecDeque::new();
    let mut push = |heap: &mut BinaryHeap<_>, at, event| {
        heap.push(Reverse((at, sequence, event)));
        sequence += 1;
    };
    push(&mut heap, draw(1.25), Event::Arrival);
    while let Some(Reverse((at, _, event))) = heap.pop() {
        events += 1;
        match event {
            Event::Arrival => {
                queue.push_back(at);
                if queue.len() == 1 {
                    push(&mut heap, at + draw(1.0), Event::Departure);
                }
                left -= 1;
                if left > 0 {
                    push(&mut heap, at + draw(1.25), Event::Arrival);
                }
            }
            Event::Departure => {
                waited += queue.pop_front().map_or(0, |since| at - since);
                if !queue.is_empty() {
                    push(&mut heap, at + draw(1.0), Event::Departure);
                }
            }
        }
    }
    std::hint::black_box(waited);
    events
}

/// A ring of members that hand messages on after an exponential delay.
pub fn ring(members: u32, messages: u32) -> u64 {
    let mut random = Stream::named(1, "ring", "bare");
    let mut left = vec![messages; members as usize];
    let mut heap = BinaryHeap::new();
    let (mut sequence, mut events) = (0u64, 0u64);
    for member in 0..members {
        heap.push(Reverse(((random.exponential() * 1e9) as u64, sequence, (member + 1) % members)));
        sequence += 1;
    }
    while let Some(Reverse((at, _, member))) = heap.pop() {
        events += 1;
        if left[member as usize] > 0 {
            left[member as usize] -= 1;
            heap.push(Reverse((at + (random.exponential() * 1e9) as u64, sequence, (member + 1) % members)));
            sequence += 1;
        }
    }
    events
}
