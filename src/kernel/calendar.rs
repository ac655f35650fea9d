//! The pending event set. A plain heap for now; the measured one takes its place behind the same interface.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Names a scheduled event, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    slot: u32,
    generation: u32,
}

/// Events in the order (time, sequence number).
#[derive(Clone, Debug)]
pub struct Calendar<T> {
    heap: BinaryHeap<Reverse<(u64, u64, u32, u32)>>,
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
    sequence: u64,
    live: usize,
}

impl<T> Default for Calendar<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Calendar<T> {
    pub fn new() -> Self {
        Calendar { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), sequence: 0, live: 0 }
    }
    pub fn len(&self) -> usize {
        self.live
    }
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }
    pub fn push(&mut self, at: u64, payload: T) -> Ticket {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let entry = &mut self.slots[slot as usize];
        entry.1 = Some(payload);
        let generation = entry.0;
        self.heap.push(Reverse((at, self.sequence, slot, generation)));
        self.sequence += 1;
        self.live += 1;
        Ticket { slot, generation }
    }
    fn take(&mut self, slot: u32, generation: u32) -> Option<T> {
        let entry = self.slots.get_mut(slot as usize)?;
        if entry.0 != generation {
            return None;
        }
        let payload = entry.1.take()?;
        entry.0 += 1;
        self.free.push(slot);
        self.live -= 1;
        Some(payload)
    }
    pub fn pop_until(&mut self, limit: u64) -> Option<(u64, T)> {
        while let Some(Reverse((at, _, slot, generation))) = self.heap.peek().copied() {
            let stale = self.slots[slot as usize].0 != generation;
            if !stale && at > limit {
                return None;
            }
            self.heap.pop();
            if let Some(payload) = self.take(slot, generation) {
                return Some((at, payload));
            }
        }
        None
    }
    pub fn pop(&mut self) -> Option<(u64, T)> {
        self.pop_until(u64::MAX)
    }
    pub fn peek_time(&mut self) -> Option<u64> {
        while let Some(Reverse((at, _, slot, generation))) = self.heap.peek().copied() {
            if self.slots[slot as usize].0 == generation {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }
    pub fn cancel(&mut self, ticket: Ticket) -> Option<T> {
        self.take(ticket.slot, ticket.generation)
    }
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, &T)> {
        self.heap.iter().filter_map(|Reverse((at, sequence, slot, generation))| {
            let entry = &self.slots[*slot as usize];
            (entry.0 == *generation).then(|| entry.1.as_ref().map(|payload| (*at, *sequence, payload))).flatten()
        })
    }
}
