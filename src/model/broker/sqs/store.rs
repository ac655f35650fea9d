//! What a queue keeps: messages that are delayed, visible or in flight.
//!
//! Reproduces: a receive hides a message and does not remove it; it comes back to its place (SQS Developer Guide,
//! "Visibility timeout"). Each message has a slot that stays the same, so that a receipt handle finds it at once. Knows
//! no clock and no facts: when something is due is for `server.rs` to say. Leaves out: where SQS keeps its copies.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::model::broker::mechanism::places::{insert_in_order, remove_in_order, Place};
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Content, NodeId, Time};

use super::groups::Groups;

/// The bits of a receipt handle's number that say where the message is stored; the rest counts receives. Enough for
/// all the messages that one broker may hold.
pub const SLOT_BITS: u32 = 20;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Sent with a delay that is not over.
    Delayed,
    /// Can be received.
    Visible,
    /// Received, and hidden until its visibility timeout is over.
    InFlight,
}

/// A message in a queue.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The message.
    pub content: Rc<Content>,
    /// Its place: counted up as messages are sent.
    pub sequence: u64,
    /// When it was sent to this queue, or to the queue that it came from as a dead letter.
    pub sent: Time,
    /// When its retention is over.
    pub expires: Time,
    /// Delayed or hidden until then.
    pub due: Time,
    /// The latest receive; 12 hours after it nothing hides the message any more.
    pub received: Time,
    /// The first receive, if there was one.
    pub first_received: Option<Time>,
    /// The number of its newest receipt handle; 0 if it was never received here.
    pub handle: u64,
    /// Receives in all: `ApproximateReceiveCount`.
    pub receives: u32,
    /// Receives from this queue, which count for its redrive policy.
    pub receives_here: u32,
    /// Its group in a FIFO queue.
    pub group: u32,
    /// Who received it last.
    pub holder: NodeId,
    /// Where it stands.
    pub state: State,
    /// For a dead letter, the number of the queue that it came from.
    pub origin: Option<u32>,
    /// `MessageDeduplicationId` in a FIFO queue, as far as it is a text.
    pub deduplication: Option<Rc<str>>,
}

impl Stored {
    /// A message that was sent just now, with no history.
    pub fn new(content: Rc<Content>, now: Time) -> Stored {
        Stored {
            content,
            sequence: 0,
            sent: now,
            expires: Time::MAX,
            due: now,
            received: now,
            first_received: None,
            handle: 0,
            receives: 0,
            receives_here: 0,
            group: 0,
            holder: NodeId::default(),
            state: State::Visible,
            origin: None,
            deduplication: None,
        }
    }
}

/// How many messages stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Can be received.
    pub visible: u32,
    /// Hidden by a receive.
    pub in_flight: u32,
    /// Sent with a delay that is not over.
    pub delayed: u32,
}

impl Counts {
    fn of(&mut self, state: State) -> &mut u32 {
        match state {
            State::Delayed => &mut self.delayed,
            State::Visible => &mut self.visible,
            State::InFlight => &mut self.in_flight,
        }
    }

    /// All messages.
    pub fn total(&self) -> u32 {
        self.visible + self.in_flight + self.delayed
    }
}

/// The messages of one queue.
#[derive(Clone, Debug)]
pub struct Store {
    is_fifo: bool,
    slots: Vec<Option<Stored>>,
    free: Vec<u32>,
    /// Visible messages of a standard queue, in order.
    visible: VecDeque<Place>,
    groups: Groups,
    counts: Counts,
    sequences_given: u64,
}

impl Store {
    /// An empty store.
    pub fn new(is_fifo: bool) -> Store {
        Store {
            is_fifo,
            slots: Vec::new(),
            free: Vec::new(),
            visible: VecDeque::new(),
            groups: Groups::default(),
            counts: Counts::default(),
            sequences_given: 0,
        }
    }

    /// How many messages stand where.
    #[inline]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many groups have messages, and how many of them are locked.
    pub fn group_counts(&self) -> (usize, usize) {
        self.groups.counts()
    }

    /// A message.
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&Stored> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// A message. Its place, group and state are not to be changed.
    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Stored> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Where the message of this handle is stored, if the handle is its newest one.
    #[inline]
    pub fn of_handle(&self, handle: u64) -> Option<u32> {
        let slot = (handle & ((1 << SLOT_BITS) - 1)) as u32;
        self.get(slot).filter(|stored| stored.handle == handle).map(|_| slot)
    }

    /// Puts a message, delayed or visible, at the end. `group` is its group's name in a FIFO queue. Returns its slot.
    pub fn push(&mut self, mut stored: Stored, group: &Rc<str>) -> u32 {
        self.sequences_given += 1;
        stored.sequence = self.sequences_given;
        if self.is_fifo {
            stored.group = self.groups.of_name(group, self.counts.total() as usize);
        }
        let (state, sequence) = (stored.state, stored.sequence);
        *self.counts.of(state) += 1;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(stored);
                slot
            }
            None => {
                self.slots.push(Some(stored));
                self.slots.len() as u32 - 1
            }
        };
        self.wait((sequence, slot), state);
        slot
    }

    /// Lets a message wait at its place.
    #[inline]
    fn wait(&mut self, place: Place, state: State) {
        if !self.is_fifo {
            if state == State::Visible {
                insert_in_order(&mut self.visible, place);
            }
            return;
        }
        let Some(group) = self.get(place.1).map(|stored| stored.group) else { return };
        self.groups.add(group, place);
        if self.groups.is_head(group, place) {
            self.offer(group);
        }
    }

    fn offer(&mut self, group: u32) {
        let slots = &self.slots;
        self.groups.offer(group, |slot| is_visible(slots, slot));
    }

    /// Takes the next message out that a receive gets. `current` is the group that it takes from, nothing at first;
    /// `passed` is how many visible messages of a standard queue are passed over. The message is visible still and at
    /// no place: it is to be leased or removed.
    #[inline]
    pub fn pick(&mut self, current: &mut Option<u32>, passed: usize) -> Option<u32> {
        if self.is_fifo {
            let slots = &self.slots;
            return self.groups.pick(current, |slot| is_visible(slots, slot));
        }
        let place = if passed == 0 { self.visible.pop_front() } else { self.visible.remove(passed) };
        place.map(|(_, slot)| slot)
    }

    /// The receive is over; the group that it took from last may be free.
    pub fn end_pick(&mut self, current: Option<u32>) {
        if let Some(group) = current {
            self.offer(group);
        }
    }

    /// Hides a message that was picked.
    #[inline]
    pub fn lease(&mut self, slot: u32, handle: u64, now: Time, until: Time, holder: NodeId) -> Option<&Stored> {
        let stored = self.slots.get_mut(slot as usize)?.as_mut()?;
        stored.state = State::InFlight;
        stored.handle = handle;
        stored.received = now;
        stored.first_received.get_or_insert(now);
        stored.due = until;
        stored.receives += 1;
        stored.receives_here += 1;
        stored.holder = holder;
        self.counts.visible -= 1;
        self.counts.in_flight += 1;
        if self.is_fifo {
            self.groups.count_in_flight(stored.group, 1);
        }
        Some(stored)
    }

    /// A message that was delayed or in flight can be received, at its old place.
    pub fn show(&mut self, slot: u32) {
        let Some(stored) = self.get_mut(slot) else { return };
        let (was, place, group) = (stored.state, (stored.sequence, slot), stored.group);
        if was == State::Visible {
            return;
        }
        stored.state = State::Visible;
        *self.counts.of(was) -= 1;
        self.counts.visible += 1;
        if was == State::InFlight && self.is_fifo {
            self.groups.count_in_flight(group, -1);
            self.groups.add(group, place);
            self.offer(group);
        } else if self.is_fifo {
            // It kept its place while it was delayed.
            if self.groups.is_head(group, place) {
                self.offer(group);
            }
        } else {
            insert_in_order(&mut self.visible, place);
        }
    }

    /// Takes a message out for good, wherever it stands. A message that was picked has no place any more.
    pub fn remove(&mut self, slot: u32) -> Option<Stored> {
        let stored = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        *self.counts.of(stored.state) -= 1;
        let place = (stored.sequence, slot);
        match (self.is_fifo, stored.state) {
            (true, State::InFlight) => {
                self.groups.count_in_flight(stored.group, -1);
                self.offer(stored.group);
            }
            (true, _) => {
                let was_head = self.groups.is_head(stored.group, place);
                self.groups.remove(stored.group, place);
                if was_head {
                    self.offer(stored.group);
                }
            }
            (false, State::Visible) => remove_in_order(&mut self.visible, place),
            (false, _) => {}
        }
        Some(stored)
    }

    /// The slots of all messages, in the order of the queue.
    pub fn slots_in_order(&self) -> Vec<u32> {
        let mut places: Vec<Place> = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(slot, stored)| stored.as_ref().map(|stored| (stored.sequence, slot as u32)))
            .collect();
        sort_by_key(&mut places, |place| place.0);
        places.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Every message, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.slots.iter().flatten()
    }

    /// The messages inside, at most so many: those in flight, then the waiting ones, each in the order of the queue.
    pub fn seen(&self, items_max: usize) -> Vec<&Stored> {
        let in_flight = self.iter().filter(|stored| stored.state == State::InFlight);
        let mut seen: Vec<&Stored> = in_flight.take((self.counts.in_flight as usize).min(items_max)).collect();
        sort_by_key(&mut seen, |stored| stored.sequence);
        let left = items_max.saturating_sub(seen.len());
        let mut waiting: Vec<&Stored> = if self.is_fifo {
            self.groups.waiting().filter_map(|(_, slot)| self.get(*slot)).take(left).collect()
        } else {
            self.visible.iter().filter_map(|(_, slot)| self.get(*slot)).take(left).collect()
        };
        if !self.is_fifo && waiting.len() < left && self.counts.delayed > 0 {
            let delayed = self.iter().filter(|stored| stored.state == State::Delayed);
            waiting.extend(delayed.take((self.counts.delayed as usize).min(left - waiting.len())));
        }
        sort_by_key(&mut waiting, |stored| stored.sequence);
        seen.extend(waiting);
        seen
    }
}

#[inline]
fn is_visible(slots: &[Option<Stored>], slot: u32) -> bool {
    matches!(slots.get(slot as usize), Some(Some(stored)) if stored.state == State::Visible)
}
