//! Clients that are blocked until something comes, or their time is over.
//!
//! Reproduces: Redis 7.0 (blocked.c; redis.io, "XREAD", "XREADGROUP"). Those who are blocked on a key are served in the
//! order in which they came, after the command, or the whole transaction, that brought the news. Leaves out:
//! `CLIENT UNBLOCK`.

use crate::model::broker::server::Session;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::Time;

use super::console::read::Read;
use super::store::Store;

/// What a blocked client waits for.
#[derive(Clone, Debug)]
pub enum What {
    /// A reader of the drawing: so many messages at most.
    Pull { slot: u32, max: u16 },
    /// A command.
    Command(Box<Read>),
    /// The replicas, to have what was written until then.
    Replicas { written: Option<Time> },
}

/// A blocked client.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// Who.
    pub session: Session,
    /// Until when, if not for ever.
    pub until: Option<Time>,
    /// For what.
    pub what: What,
    order: u64,
}

/// All blocked clients.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    places: Vec<Option<Blocked>>,
    vacant: Vec<u32>,
    /// When the first one's time is over.
    due: Option<Time>,
    order: u64,
}

impl Waiting {
    /// When the first one's time is over.
    #[inline]
    pub fn due(&self) -> Option<Time> {
        self.due
    }

    /// The blocked client with this number.
    #[inline]
    pub fn get(&self, index: u32) -> Option<&Blocked> {
        self.places.get(index as usize).and_then(Option::as_ref)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Blocked> {
        self.places.iter().flatten()
    }

    /// Blocks a client on all keys that it waits for.
    pub fn block(&mut self, session: Session, until: Option<Time>, what: What, store: &mut Store) -> u32 {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        let mut wait_at = |slot: u32| store.slots[slot as usize].waiters.push_back(index);
        match &what {
            What::Pull { slot, .. } => wait_at(*slot),
            What::Command(read) => read.keys.iter().for_each(|(slot, _)| wait_at(*slot)),
            What::Replicas { .. } => {}
        }
        self.order += 1;
        self.places[index as usize] = Some(Blocked { session, until, what, order: self.order });
        self.due = [self.due, until].into_iter().flatten().min();
        index
    }

    /// Ends the wait of a client.
    pub fn end(&mut self, index: u32, store: &mut Store) -> Option<Blocked> {
        let blocked = self.places.get_mut(index as usize)?.take()?;
        self.vacant.push(index);
        let mut leave = |slot: u32| {
            let waiters = &mut store.slots[slot as usize].waiters;
            match waiters.front() == Some(&index) {
                true => drop(waiters.pop_front()),
                false => waiters.retain(|other| *other != index),
            }
        };
        match &blocked.what {
            What::Pull { slot, .. } => leave(*slot),
            What::Command(read) => read.keys.iter().for_each(|(slot, _)| leave(*slot)),
            What::Replicas { .. } => {}
        }
        if blocked.until.is_some() && blocked.until == self.due {
            self.due = self.places.iter().flatten().filter_map(|blocked| blocked.until).min();
        }
        Some(blocked)
    }

    /// Those whose time is over, the earliest first.
    pub fn over(&self, now: Time) -> Vec<u32> {
        let places = self.places.iter().enumerate();
        let blocked = places.filter_map(|(index, blocked)| blocked.as_ref().map(|blocked| (index as u32, blocked)));
        let mut over: Vec<_> = blocked
            .filter_map(|(index, blocked)| blocked.until.map(|until| (until, blocked.order, index)))
            .filter(|(until, ..)| *until <= now)
            .collect();
        sort_by_key(&mut over, |(until, order, _)| (*until, *order));
        over.into_iter().map(|(_, _, index)| index).collect()
    }
}
