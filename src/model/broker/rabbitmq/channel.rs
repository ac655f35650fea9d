//! Channels and consumers: who gets messages, and what they hold.
//!
//! Reproduces: RabbitMQ 3.10 channels ("Channels", "Consumer Prefetch"). Delivery tags are counted per channel from 1.
//! A prefetch limit counts for each consumer that is made after it was set, or with `global` for all consumers of the
//! channel together. Each link of the drawing stands for one connection with one channel.
//!
//! Leaves out: `basic.recover`, flow, limits of size.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::model::broker::server::Session;
use crate::vocabulary::{NodeId, Time};

use super::ready::Stored;

/// Stands for no number at all.
pub const NONE: u32 = u32::MAX;

/// A delivery that is not settled.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its delivery tag.
    pub tag: u64,
    /// The queue; [`NONE`] after it was deleted.
    pub queue: u32,
    /// The consumer; [`NONE`] for an answer to `basic.get`.
    pub consumer: u32,
    /// When it was delivered.
    pub since: Time,
    /// The message.
    pub stored: Stored,
}

/// A channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its connection.
    pub session: Session,
    /// Its name at a console.
    pub name: Rc<str>,
    /// The client's node.
    pub client: NodeId,
    /// The node at which its link ends.
    pub place: NodeId,
    /// Its consumers, in the order of subscription.
    pub consumers: Vec<u32>,
    pub last_tag: u64,
    /// By rising tag. Mostly taken from the front, where removal is quick.
    pub held: VecDeque<Held>,
    /// How many of them consumers hold.
    pub held_by_consumers: u32,
    /// The limit of consumers that are made from now on; 0: none.
    pub prefetch: u16,
    /// The limit of all consumers together; 0: none.
    pub prefetch_global: u16,
    pub is_confirming: bool,
    /// Whether everything that a client of the drawing publishes is mandatory.
    pub is_mandatory: bool,
    /// Messages published since confirms were asked for.
    pub published: u64,
}

impl Channel {
    /// A channel on which nothing happened yet.
    pub fn new(session: Session, name: Rc<str>, client: NodeId, place: NodeId) -> Channel {
        Channel {
            session,
            name,
            client,
            place,
            consumers: Vec::new(),
            last_tag: 0,
            held: VecDeque::new(),
            held_by_consumers: 0,
            prefetch: 0,
            prefetch_global: 0,
            is_confirming: false,
            is_mandatory: false,
            published: 0,
        }
    }

    /// Whether all consumers together may get one more.
    #[inline]
    pub fn has_credit(&self) -> bool {
        self.prefetch_global == 0 || self.held_by_consumers < u32::from(self.prefetch_global)
    }

    /// Where the delivery of this tag is.
    #[inline]
    pub fn index_of(&self, tag: u64) -> Option<usize> {
        match self.held.front() {
            Some(first) if first.tag == tag => Some(0),
            _ => self.held.binary_search_by_key(&tag, |held| held.tag).ok(),
        }
    }
}

/// A consumer. It outlives a cancelled subscription while messages are held.
#[derive(Clone, Debug)]
pub struct Consumer {
    pub channel: u32,
    pub queue: u32,
    /// Its tag at a console.
    pub tag: Rc<str>,
    pub node: NodeId,
    pub priority: i32,
    pub prefetch: u16,
    pub auto_ack: bool,
    pub is_exclusive: bool,
    pub is_subscribed: bool,
    /// True until its turn comes while it has no credit, and again when it gets some.
    pub in_round: bool,
    /// Unsettled deliveries.
    pub held: u32,
}

impl Consumer {
    /// Whether its own limit lets it have one more.
    #[inline]
    pub fn has_credit(&self) -> bool {
        let is_limited = self.prefetch > 0 && !self.auto_ack;
        self.is_subscribed && !(is_limited && self.held >= u32::from(self.prefetch))
    }
}

/// Things by number, where a number is given again after its thing is gone.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    things: Vec<Option<T>>,
    vacant: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { things: Vec::new(), vacant: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Adds a thing and returns its number.
    pub fn add(&mut self, thing: T) -> u32 {
        match self.vacant.pop() {
            Some(number) => {
                self.things[number as usize] = Some(thing);
                number
            }
            None => {
                self.things.push(Some(thing));
                self.things.len() as u32 - 1
            }
        }
    }

    /// The thing of this number.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&T> {
        self.things.get(number as usize)?.as_ref()
    }

    /// The thing of this number.
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.things.get_mut(number as usize)?.as_mut()
    }

    /// Takes a thing away.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let thing = self.things.get_mut(number as usize)?.take();
        if thing.is_some() {
            self.vacant.push(number);
        }
        thing
    }

    /// All things with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.things.iter().enumerate().filter_map(|(number, thing)| Some((number as u32, thing.as_ref()?)))
    }

    /// All things with their numbers.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.things.iter_mut().enumerate().filter_map(|(number, thing)| Some((number as u32, thing.as_mut()?)))
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.things.clear();
        self.vacant.clear();
    }
}
