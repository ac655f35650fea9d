//! The messages of a queue that wait for a consumer, in the order in which they go out.
//!
//! Reproduces: RabbitMQ 3.10. A classic queue is first in, first out; what comes back goes to its original position
//! (rabbitmq.com, "Consumer Acknowledgements and Publisher Confirms"). With `x-max-priority` there is one such order for
//! each priority and the highest goes first ("Priority Support"). What comes back to a quorum queue goes out before
//! everything else, in the order of its return ("Quorum Queues"). From 4.0 a quorum queue has two priorities, above 4
//! and the rest, and takes two of the first for one of the other; from 4.3 it has as many as a classic queue, but at
//! most 32.
//!
//! Leaves out: what is on disk and what in memory.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Content, Time};

use super::arguments::{QueueSpec, Version};

/// A message in the queue.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its place: counted up as messages come in, kept for good.
    pub position: u64,
    /// When its time to live is over; [`Time::MAX`] if it has no end.
    pub deadline: Time,
    /// The exchange that it was published to.
    pub exchange: u32,
    /// How often it came back, as far as the queue counts that.
    pub returns: u32,
    /// True once it was handed out.
    pub redelivered: bool,
    /// True if it came as a dead letter.
    pub has_died: bool,
    /// The message.
    pub content: Rc<Content>,
}

/// How many of the first go out for one of the second, where a quorum queue has two priorities.
const FIRST_TO_SECOND: u8 = 2;

/// How the messages of a queue are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// By arrival.
    Plain,
    /// By priority up to this one, then by arrival.
    Priority(u8),
    /// In two classes, with this many of the first taken since one of the second.
    Classes(u8),
}

/// The ready messages.
#[derive(Clone, Debug)]
pub struct Ready {
    order: Order,
    is_quorum: bool,
    /// By priority; each by rising position.
    levels: Vec<VecDeque<Stored>>,
    /// No level above this one has a message.
    top: usize,
    /// In a quorum queue: what came back, next first.
    returned: VecDeque<Stored>,
    count: usize,
    bytes: u64,
}

impl Ready {
    /// An empty queue.
    pub fn new(spec: &QueueSpec, version: Version) -> Ready {
        let order = match (spec.is_quorum, spec.max_priority, version) {
            (false, Some(max), _) => Order::Priority(max),
            (true, Some(max), Version::V4_3) => Order::Priority(max.min(31)),
            (true, _, Version::V4_0) => Order::Classes(0),
            _ => Order::Plain,
        };
        let levels = match order {
            Order::Plain => 1,
            Order::Classes(_) => 2,
            Order::Priority(max) => usize::from(max) + 1,
        };
        Ready {
            order,
            is_quorum: spec.is_quorum,
            levels: vec![VecDeque::new(); levels],
            top: 0,
            returned: VecDeque::new(),
            count: 0,
            bytes: 0,
        }
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True if there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of their bodies.
    #[inline]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    #[inline]
    fn level_of(&self, content: &Content) -> usize {
        match self.order {
            Order::Plain => 0,
            Order::Priority(max) => usize::from(content.priority.unwrap_or(0).min(max)),
            Order::Classes(_) => usize::from(content.priority.unwrap_or(0) > 4),
        }
    }

    #[inline]
    fn count_in(&mut self, stored: &Stored) {
        self.count += 1;
        self.bytes += stored.content.payload.len() as u64;
    }

    /// Puts a message at the tail.
    #[inline]
    pub fn push(&mut self, stored: Stored) {
        self.count_in(&stored);
        let level = self.level_of(&stored.content);
        self.top = self.top.max(level);
        self.levels[level].push_back(stored);
    }

    /// The level whose first message is the next one.
    #[inline]
    fn next_level(&self) -> usize {
        match self.order {
            Order::Plain => 0,
            Order::Classes(taken) => {
                let second_first = taken >= FIRST_TO_SECOND;
                usize::from(self.levels[0].is_empty() || (!second_first && !self.levels[1].is_empty()))
            }
            Order::Priority(_) => (0..=self.top).rev().find(|level| !self.levels[*level].is_empty()).unwrap_or(0),
        }
    }

    /// The next message.
    #[inline]
    pub fn head(&self) -> Option<&Stored> {
        self.returned.front().or_else(|| self.levels[self.next_level()].front())
    }

    /// Takes the next message.
    #[inline]
    pub fn pop(&mut self) -> Option<Stored> {
        let stored = match self.returned.pop_front() {
            Some(stored) => stored,
            None => {
                let level = self.next_level();
                self.top = if level < self.top && matches!(self.order, Order::Priority(_)) { level } else { self.top };
                if let Order::Classes(taken) = &mut self.order {
                    *taken = if *taken >= FIRST_TO_SECOND { 0 } else { *taken + 1 };
                }
                self.levels[level].pop_front()?
            }
        };
        self.count -= 1;
        self.bytes -= stored.content.payload.len() as u64;
        Some(stored)
    }

    /// Puts messages that were taken, sorted by position, back. In a classic queue each goes to its place: only the
    /// front of the queue, up to the place of the last, has to move, and the two are merged from behind.
    pub fn give_back(&mut self, mut returned: Vec<Stored>) {
        returned.iter().for_each(|stored| self.count_in(stored));
        if self.is_quorum {
            return self.returned.extend(returned);
        }
        if self.levels.len() == 1 {
            return merge(&mut self.levels[0], returned);
        }
        while let Some(first) = returned.first() {
            let level = self.level_of(&first.content);
            let (same, others) =
                returned.into_iter().partition(|stored: &Stored| self.level_of(&stored.content) == level);
            self.top = self.top.max(level);
            merge(&mut self.levels[level], same);
            returned = others;
        }
    }

    /// Takes out the messages for which `keep` does not hold, in the order of the queue.
    pub fn retain(&mut self, mut keep: impl FnMut(&Stored) -> bool) -> Vec<Stored> {
        let mut lost = Vec::new();
        for level in std::iter::once(&mut self.returned).chain(self.levels.iter_mut().rev()) {
            let (kept, gone): (VecDeque<Stored>, VecDeque<Stored>) =
                std::mem::take(level).into_iter().partition(|stored| keep(stored));
            *level = kept;
            lost.extend(gone);
        }
        self.count -= lost.len();
        self.bytes -= lost.iter().map(|stored| stored.content.payload.len() as u64).sum::<u64>();
        lost
    }

    /// The messages, the next one first, as far as priorities let that be said beforehand.
    pub fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.returned.iter().chain(self.levels.iter().rev().flatten())
    }
}

/// Merges messages, sorted by position, into others.
fn merge(level: &mut VecDeque<Stored>, mut returned: Vec<Stored>) {
    let Some(last) = returned.last().map(|stored| stored.position) else { return };
    let between = level.partition_point(|stored| stored.position < last);
    let mut front: Vec<Stored> = level.drain(..between).collect();
    while let Some(stored) = returned.pop() {
        while front.last().is_some_and(|other| other.position > stored.position) {
            front.pop().into_iter().for_each(|other| level.push_front(other));
        }
        level.push_front(stored);
    }
    front.into_iter().rev().for_each(|stored| level.push_front(stored));
}

/// Messages sorted by their place in the queue.
pub fn in_queue_order(mut messages: Vec<Stored>) -> Vec<Stored> {
    sort_by_key(&mut messages, |stored| stored.position);
    messages
}

#[cfg(test)]
mod tests;
