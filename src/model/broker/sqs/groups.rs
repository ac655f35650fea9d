//! Message groups of a FIFO queue: order inside a group, and the lock on it.
//!
//! Reproduces: messages of one `MessageGroupId` are received in order; while any of them is in flight, no other receive
//! gets one of that group; one receive takes as many as it can of one group and then goes on with the next (SQS
//! Developer Guide, "FIFO queue delivery logic"). A message that comes back goes to its place. Groups are tried in the
//! order of their first message. Leaves out: that SQS looks for free groups only among the first 120,000 messages.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::rc::Rc;

use crate::model::broker::mechanism::places::{insert_in_order, remove_in_order, Place};

/// Empty groups that are not worth looking for.
const SLACK: usize = 1024;

#[derive(Clone, Debug)]
struct Group {
    name: Rc<str>,
    /// What is not in flight, ready or still delayed, in order.
    waiting: VecDeque<Place>,
    in_flight: u32,
}

/// The groups of one queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    /// Looked up once for each message that is sent; a tree, as there may be as many groups as messages.
    by_name: BTreeMap<Rc<str>, u32>,
    groups: Vec<Group>,
    free: Vec<u32>,
    /// Groups whose first message could be received when they were offered, by that message's place. Some may be stale.
    offers: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Groups {
    /// The group of this name; a new one if there is none. `held_count` is the number of messages in the queue.
    pub(super) fn of_name(&mut self, name: &Rc<str>, held_count: usize) -> u32 {
        if let Some(group) = self.by_name.get(name) {
            return *group;
        }
        if self.free.is_empty() && self.groups.len() > 2 * held_count + SLACK {
            self.sweep();
        }
        let group = Group { name: name.clone(), waiting: VecDeque::new(), in_flight: 0 };
        let index = match self.free.pop() {
            Some(index) => {
                self.groups[index as usize] = group;
                index
            }
            None => {
                self.groups.push(group);
                self.groups.len() as u32 - 1
            }
        };
        self.by_name.insert(name.clone(), index);
        index
    }

    /// Forgets the groups without messages.
    fn sweep(&mut self) {
        for (index, group) in self.groups.iter_mut().enumerate() {
            if group.waiting.is_empty()
                && group.in_flight == 0
                && self.by_name.get(&group.name) == Some(&(index as u32))
            {
                self.by_name.remove(&group.name);
                group.waiting = VecDeque::new();
                self.free.push(index as u32);
            }
        }
    }

    /// How many groups have messages, and how many of them are locked.
    pub(super) fn counts(&self) -> (usize, usize) {
        let locked = self.groups.iter().filter(|group| group.in_flight > 0).count();
        let waiting = self.groups.iter().filter(|group| group.in_flight == 0 && !group.waiting.is_empty()).count();
        (locked + waiting, locked)
    }

    /// The first message of the group, if no message of the group is in flight.
    fn free_head(&self, group: u32) -> Option<Place> {
        let group = self.groups.get(group as usize).filter(|group| group.in_flight == 0)?;
        group.waiting.front().copied()
    }

    /// Says that the group may be received from now, if that is so.
    pub(super) fn offer(&mut self, group: u32, is_ready: impl Fn(u32) -> bool) {
        if let Some((sequence, slot)) = self.free_head(group) {
            if is_ready(slot) {
                self.offers.push(Reverse((sequence, group)));
            }
        }
    }

    /// A message waits. The group is to be offered afterwards if the message may be received.
    pub(super) fn add(&mut self, group: u32, place: Place) {
        if let Some(group) = self.groups.get_mut(group as usize) {
            insert_in_order(&mut group.waiting, place);
        }
    }

    /// True if this is the first message of its group.
    pub(super) fn is_head(&self, group: u32, place: Place) -> bool {
        self.groups.get(group as usize).is_some_and(|group| group.waiting.front() == Some(&place))
    }

    /// A waiting message is gone.
    pub(super) fn remove(&mut self, group: u32, place: Place) {
        if let Some(group) = self.groups.get_mut(group as usize) {
            remove_in_order(&mut group.waiting, place);
        }
    }

    /// One more, or one fewer, message of the group is in flight.
    pub(super) fn count_in_flight(&mut self, group: u32, change: i32) {
        if let Some(group) = self.groups.get_mut(group as usize) {
            group.in_flight = group.in_flight.saturating_add_signed(change);
        }
    }

    /// Takes the next message out that one receive gets: of its current group as long as there is one, then of the
    /// free group whose first message is the oldest.
    pub(super) fn pick(&mut self, current: &mut Option<u32>, is_ready: impl Fn(u32) -> bool) -> Option<u32> {
        if let Some(slot) = current.and_then(|group| self.take_head(group, &is_ready)) {
            return Some(slot);
        }
        // The group that is left may be free again, if all that was picked of it went elsewhere.
        if let Some(left) = current.take() {
            self.offer(left, &is_ready);
        }
        loop {
            let Reverse((sequence, group)) = self.offers.pop()?;
            if self.free_head(group).is_some_and(|(head, _)| head == sequence) {
                if let Some(slot) = self.take_head(group, &is_ready) {
                    *current = Some(group);
                    return Some(slot);
                }
            }
        }
    }

    fn take_head(&mut self, group: u32, is_ready: impl Fn(u32) -> bool) -> Option<u32> {
        let waiting = &mut self.groups.get_mut(group as usize)?.waiting;
        let (_, slot) = *waiting.front()?;
        if !is_ready(slot) {
            return None;
        }
        waiting.pop_front();
        Some(slot)
    }

    /// The waiting places of all groups.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Place> {
        self.groups.iter().flat_map(|group| &group.waiting)
    }
}
