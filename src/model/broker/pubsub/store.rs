//! What a subscription keeps: messages that are ready, outstanding, or acknowledged and retained.
//!
//! Reproduces: each message is outstanding for the acknowledgement deadline of its delivery. With ordering, the messages
//! of one key form a chain: what was delivered of it, then what was not. If one of them is delivered again, all later
//! ones are, even those that were acknowledged (Pub/Sub documentation, "Order messages"); so an acknowledged message
//! stays in its chain until all before it are acknowledged. Knows no clock and no facts. Leaves out: where messages lie.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::model::broker::mechanism::places::{insert_in_order, remove_in_order, Place};
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Content, NodeId, Time};

/// The bits of an acknowledgement id's number that say where the message is stored; the rest counts deliveries.
pub const SLOT_BITS: u32 = 20;

/// Empty chains that are not worth looking for.
const SLACK: usize = 1024;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Can be delivered, as soon as those before it in its chain are.
    Ready,
    /// Can be delivered when its backoff is over.
    Backoff,
    /// Delivered, and not acknowledged in time yet.
    Outstanding,
    /// Acknowledged, and kept for a redelivery of its chain or for a seek.
    Acked,
}

/// A message in a subscription.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The message.
    pub content: Rc<Content>,
    /// The number of its publication, which is its place.
    pub serial: u64,
    /// When it was published.
    pub published: Time,
    /// When the retention of the subscription ends for it.
    pub expires: Time,
    /// When the deadline or the backoff is over.
    pub due: Time,
    /// Its latest delivery.
    pub delivered: Time,
    /// The number of its latest acknowledgement id; 0 before the first delivery.
    pub handle: u64,
    /// The one before that.
    pub earlier: u64,
    /// Negative acknowledgements and missed deadlines.
    pub failures: u32,
    /// True if it was handed out since it came, or came back after an acknowledgement.
    pub was_handed: bool,
    /// Who has it.
    pub holder: NodeId,
    /// The stream that has it, if one has.
    pub stream: Option<u32>,
    /// Its chain; nothing without an ordering key.
    pub key: Option<u32>,
    /// Where it stands.
    pub state: State,
}

impl Entry {
    /// A message that nobody got yet.
    pub fn new(content: Rc<Content>, serial: u64, published: Time, expires: Time) -> Entry {
        Entry {
            content,
            serial,
            published,
            expires,
            due: published,
            delivered: published,
            handle: 0,
            earlier: 0,
            failures: 0,
            was_handed: false,
            holder: NodeId::default(),
            stream: None,
            key: None,
            state: State::Ready,
        }
    }
}

/// The messages of one ordering key.
#[derive(Clone, Debug)]
struct Chain {
    name: Rc<str>,
    places: VecDeque<Place>,
    /// How many at the front were delivered, and are outstanding or acknowledged.
    delivered: usize,
    outstanding: u32,
    /// The stream that has them.
    stream: Option<u32>,
    /// True while the first undelivered one waits for its backoff.
    is_blocked: bool,
    /// The stream that was told that more is to come.
    told: Option<u32>,
}

/// The messages of one subscription.
#[derive(Clone, Debug, Default)]
pub struct Store {
    is_ordered: bool,
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// What anyone may get next; of a chain the first undelivered message, if none of it is outstanding.
    ready: VecDeque<Place>,
    chains: Vec<Chain>,
    free_chains: Vec<u32>,
    by_name: BTreeMap<Rc<str>, u32>,
    /// Ready or in backoff, outstanding, acknowledged.
    counts: [u32; 3],
}

fn index_of(state: State) -> usize {
    match state {
        State::Ready | State::Backoff => 0,
        State::Outstanding => 1,
        State::Acked => 2,
    }
}

impl Store {
    /// An empty store.
    pub fn new(is_ordered: bool) -> Store {
        Store { is_ordered, ..Store::default() }
    }

    /// Messages that wait, are outstanding, and are kept though acknowledged.
    #[inline]
    pub fn counts(&self) -> [u32; 3] {
        self.counts
    }

    /// A message.
    #[inline]
    pub fn get(&self, slot: u32) -> Option<&Entry> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// A message. Its serial, key and state are not to be changed.
    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    fn set_state(&mut self, slot: u32, state: State) {
        if let Some(Some(entry)) = self.slots.get_mut(slot as usize) {
            self.counts[index_of(entry.state)] -= 1;
            self.counts[index_of(state)] += 1;
            entry.state = state;
        }
    }

    /// Adds a message, published after all that are there. Returns its slot.
    pub fn push(&mut self, mut entry: Entry) -> u32 {
        let key = (self.is_ordered && !entry.content.routing_key.is_empty()).then(|| {
            let name = entry.content.routing_key.clone();
            self.chain_of(name)
        });
        entry.key = key;
        self.counts[index_of(entry.state)] += 1;
        let serial = entry.serial;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(entry);
                slot
            }
            None => {
                self.slots.push(Some(entry));
                self.slots.len() as u32 - 1
            }
        };
        match key {
            Some(key) => {
                self.chains[key as usize].places.push_back((serial, slot));
                self.offer(key);
            }
            None => insert_in_order(&mut self.ready, (serial, slot)),
        }
        slot
    }

    fn chain_of(&mut self, name: Rc<str>) -> u32 {
        if let Some(key) = self.by_name.get(&name) {
            return *key;
        }
        let held = self.slots.len() - self.free.len();
        if self.free_chains.is_empty() && self.chains.len() > 2 * held + SLACK {
            self.sweep();
        }
        let chain = Chain {
            name: name.clone(),
            places: VecDeque::new(),
            delivered: 0,
            outstanding: 0,
            stream: None,
            is_blocked: false,
            told: None,
        };
        let key = match self.free_chains.pop() {
            Some(key) => {
                self.chains[key as usize] = chain;
                key
            }
            None => {
                self.chains.push(chain);
                self.chains.len() as u32 - 1
            }
        };
        self.by_name.insert(name, key);
        key
    }

    /// Forgets the chains without messages.
    fn sweep(&mut self) {
        for (key, chain) in self.chains.iter_mut().enumerate() {
            let is_known = self.by_name.get(&chain.name) == Some(&(key as u32));
            if is_known && chain.places.is_empty() {
                self.by_name.remove(&chain.name);
                self.free_chains.push(key as u32);
            }
        }
    }

    /// How many ordering keys have messages.
    pub fn key_count(&self) -> usize {
        self.chains.iter().filter(|chain| !chain.places.is_empty()).count()
    }

    /// The first undelivered message of a chain that is not held back.
    fn next_of(&self, key: u32) -> Option<Place> {
        let chain = self.chains.get(key as usize).filter(|chain| !chain.is_blocked)?;
        chain.places.get(chain.delivered).copied()
    }

    /// Lets anyone have the next message of a chain, if none of it is outstanding.
    fn offer(&mut self, key: u32) {
        let Some(place) = self.next_of(key) else { return };
        if self.chains[key as usize].outstanding == 0 && self.ready.binary_search(&place).is_err() {
            insert_in_order(&mut self.ready, place);
        }
    }

    /// If this chain has more for the stream that has its earlier messages, and the stream does not know of it yet:
    /// that stream, which knows of it from now.
    pub fn wants(&mut self, key: u32) -> Option<u32> {
        self.next_of(key)?;
        let chain = self.chains.get_mut(key as usize)?;
        if chain.outstanding == 0 || chain.told == chain.stream {
            return None;
        }
        chain.told = chain.stream;
        chain.stream
    }

    /// The next message of a chain for the stream that has its earlier ones; the stream then knows of nothing more.
    pub fn take_wanted(&mut self, key: u32, stream: u32) -> Option<u32> {
        let chain = self.chains.get_mut(key as usize).filter(|chain| chain.told == Some(stream))?;
        chain.told = None;
        let is_its = chain.outstanding > 0 && chain.stream == Some(stream);
        self.next_of(key).filter(|_| is_its).map(|(_, slot)| slot)
    }

    /// The next message of a chain in the same answer to a pull.
    pub fn take_next_of(&self, key: u32) -> Option<u32> {
        self.next_of(key).map(|(_, slot)| slot)
    }

    /// Takes the next message that anyone may have; it is to be leased.
    #[inline]
    pub fn take_ready(&mut self) -> Option<u32> {
        self.ready.pop_front().map(|(_, slot)| slot)
    }

    /// Makes a message that was taken outstanding. Returns true if it was never handed out.
    #[inline]
    pub fn lease(&mut self, slot: u32, handle: u64, stream: Option<u32>, holder: NodeId, times: (Time, Time)) -> bool {
        self.set_state(slot, State::Outstanding);
        let Some(Some(entry)) = self.slots.get_mut(slot as usize) else { return false };
        entry.earlier = std::mem::replace(&mut entry.handle, handle);
        entry.stream = stream;
        entry.holder = holder;
        (entry.delivered, entry.due) = times;
        if let Some(chain) = entry.key.and_then(|key| self.chains.get_mut(key as usize)) {
            chain.delivered += 1;
            chain.outstanding += 1;
            chain.stream = stream;
        }
        !std::mem::replace(&mut entry.was_handed, true)
    }

    /// Acknowledges a message. It is gone unless its chain or `retains` keeps it; returns the slots that are free now.
    pub fn ack(&mut self, slot: u32, retains: bool, gone: &mut Vec<u32>) {
        let Some((was, key, serial)) = self.get(slot).map(|entry| (entry.state, entry.key, entry.serial)) else {
            return;
        };
        self.set_state(slot, State::Acked);
        let Some(key) = key else {
            if was != State::Outstanding {
                remove_in_order(&mut self.ready, (serial, slot));
            }
            if !retains {
                gone.push(slot);
            }
            return;
        };
        let chain = &mut self.chains[key as usize];
        if was == State::Outstanding {
            chain.outstanding -= 1;
        }
        self.trim(key, retains, gone);
        self.offer(key);
    }

    /// Takes the acknowledged messages off the front of a chain.
    pub fn trim(&mut self, key: u32, retains: bool, gone: &mut Vec<u32>) {
        let Some(chain) = self.chains.get_mut(key as usize) else { return };
        while let Some((_, first)) = chain.places.front().copied() {
            if !matches!(self.slots.get(first as usize), Some(Some(entry)) if entry.state == State::Acked) {
                break;
            }
            chain.places.pop_front();
            chain.delivered = chain.delivered.saturating_sub(1);
            if !retains {
                gone.push(first);
            }
        }
    }

    /// A message was not acknowledged: it waits again, held back if `backs_off`. Of a chain all later ones that were
    /// delivered wait again too; they are told in `later` with the state that they had.
    pub fn fail(&mut self, slot: u32, backs_off: bool, later: &mut Vec<(u32, State)>) {
        let Some((key, serial)) = self.get(slot).map(|entry| (entry.key, entry.serial)) else { return };
        self.set_state(slot, if backs_off { State::Backoff } else { State::Ready });
        let Some(key) = key else {
            if !backs_off {
                insert_in_order(&mut self.ready, (serial, slot));
            }
            return;
        };
        let chain = &mut self.chains[key as usize];
        chain.outstanding -= 1;
        chain.is_blocked = backs_off;
        let Ok(index) = chain.places.binary_search(&(serial, slot)) else { return };
        for (_, other) in chain.places.range(index + 1..chain.delivered.max(index + 1)) {
            let Some(Some(entry)) = self.slots.get(*other as usize) else { continue };
            later.push((*other, entry.state));
        }
        chain.delivered = index;
        chain.outstanding -= later.iter().filter(|(_, state)| *state == State::Outstanding).count() as u32;
        for (other, state) in later.iter() {
            self.set_state(*other, State::Ready);
            if let Some(entry) = self.get_mut(*other).filter(|_| *state == State::Acked) {
                entry.was_handed = false;
            }
        }
        self.offer(key);
    }

    /// The backoff of a message is over.
    pub fn end_backoff(&mut self, slot: u32) {
        let Some((key, serial)) = self.get(slot).map(|entry| (entry.key, entry.serial)) else { return };
        self.set_state(slot, State::Ready);
        match key {
            Some(key) => {
                self.chains[key as usize].is_blocked = false;
                self.offer(key);
            }
            None => insert_in_order(&mut self.ready, (serial, slot)),
        }
    }

    /// Takes a message out for good, wherever it stands.
    pub fn remove(&mut self, slot: u32) -> Option<Entry> {
        let entry = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.counts[index_of(entry.state)] -= 1;
        let place = (entry.serial, slot);
        remove_in_order(&mut self.ready, place);
        if let Some(key) = entry.key {
            let chain = &mut self.chains[key as usize];
            if let Ok(index) = chain.places.binary_search(&place) {
                chain.places.remove(index);
                if index < chain.delivered {
                    chain.delivered -= 1;
                }
                if entry.state == State::Outstanding {
                    chain.outstanding -= 1;
                } else if entry.state == State::Backoff {
                    chain.is_blocked = false;
                }
            }
            self.offer(key);
        }
        Some(entry)
    }

    /// Lets every message wait or be acknowledged anew, as `is_acked` says: the end of a seek.
    pub fn reset(&mut self, is_acked: &dyn Fn(&Entry) -> bool) {
        self.ready.clear();
        for chain in &mut self.chains {
            chain.places.clear();
            (chain.delivered, chain.outstanding, chain.is_blocked, chain.stream) = (0, 0, false, None);
        }
        for slot in self.slots_in_order() {
            let Some((acked, key, serial)) = self.get(slot).map(|entry| (is_acked(entry), entry.key, entry.serial))
            else {
                continue;
            };
            self.set_state(slot, if acked { State::Acked } else { State::Ready });
            match key {
                _ if acked => {}
                Some(key) => self.chains[key as usize].places.push_back((serial, slot)),
                None => self.ready.push_back((serial, slot)),
            }
        }
        (0..self.chains.len() as u32).for_each(|key| self.offer(key));
    }

    /// The slots of all messages, by the time of their publication.
    pub fn slots_in_order(&self) -> Vec<u32> {
        let stored = self.slots.iter().enumerate();
        let mut places: Vec<Place> =
            stored.filter_map(|(slot, entry)| entry.as_ref().map(|entry| (entry.serial, slot as u32))).collect();
        sort_by_key(&mut places, |place| place.0);
        places.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Every message, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().flatten()
    }

    /// The unacknowledged messages inside, at most so many: the outstanding ones, then those that wait.
    pub fn seen(&self, items_max: usize) -> Vec<&Entry> {
        let of = |count: u32, is: fn(State) -> bool, left: usize| {
            let found = self.iter().filter(move |entry| is(entry.state));
            let mut found: Vec<&Entry> = found.take((count as usize).min(left)).collect();
            sort_by_key(&mut found, |entry| entry.serial);
            found
        };
        let mut seen = of(self.counts[1], |state| state == State::Outstanding, items_max);
        let mut ready: Vec<&Entry> =
            self.ready.iter().take(items_max - seen.len()).filter_map(|(_, slot)| self.get(*slot)).collect();
        if (self.ready.len() as u32) < self.counts[0] {
            ready = of(self.counts[0], |state| matches!(state, State::Ready | State::Backoff), items_max - seen.len());
        }
        seen.extend(ready);
        seen
    }
}
