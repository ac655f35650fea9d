//! A consumer group: its members, its committed offsets, and its books.
//!
//! Reproduces: what the group coordinator keeps in `__consumer_offsets`. A committed offset is the next one to read. The
//! books are the simulator's own: what a drawn group has not committed yet, so that a diagram can show it as ready
//! (the lag) or as handed out; they follow the positions and commits and decide nothing.
//!
//! Leaves out: metadata texts of commits.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{DropReason, Duration, Fact, FlatMap, MessageId, NodeId, Time};

use super::assign::Strategy;
use super::config::Config;
use super::coordination::seat_of;
use super::log::{Log, ABORTED};
use super::partition::TopicPartition;

/// Where a copy in a group's books stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyState {
    /// Not read yet.
    Fresh,
    /// This client has read it and not committed.
    Out(NodeId),
    /// It will be read again.
    Back,
    /// Given up.
    Gone,
}

/// A message as far as a group is concerned.
#[derive(Clone, Copy, Debug)]
pub struct BookCopy {
    /// Where it is.
    pub offset: u64,
    /// The message.
    pub message: MessageId,
    /// Where it stands.
    pub state: CopyState,
}

/// What a group has not committed of one partition.
#[derive(Clone, Debug)]
pub struct Book {
    /// By rising offset.
    pub copies: VecDeque<BookCopy>,
    /// The first offset that is not in the books yet.
    pub next: u64,
}

impl Book {
    /// The index of the first copy at or after this offset.
    #[inline]
    fn place(&self, offset: u64) -> usize {
        let Some(first) = self.copies.front() else { return 0 };
        let guess = offset.saturating_sub(first.offset) as usize;
        match self.copies.get(guess) {
            Some(copy) if copy.offset == offset => guess,
            None if self.copies.back().is_some_and(|last| last.offset < offset) => self.copies.len(),
            _ => self.copies.partition_point(|copy| copy.offset < offset),
        }
    }
}

/// A membership.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its number in the group, for good.
    pub number: u32,
    /// The member id: client id and a random part.
    pub id: Rc<str>,
    /// The client id.
    pub client: Rc<str>,
    /// `group.instance.id`.
    pub instance: Option<Rc<str>>,
    /// The client, while it is connected.
    pub session: Option<Session>,
    /// The client's node.
    pub node: NodeId,
    /// The names of the topics that it wants.
    pub topics: Vec<Rc<str>>,
    /// Its settings when it joined.
    pub config: Config,
    /// What it has, as it said when it joined.
    pub owned: Vec<TopicPartition>,
    /// Since which generation.
    pub owned_generation: u32,
    /// What it was given.
    pub assignment: Vec<TopicPartition>,
    /// It has joined the generation that is being formed.
    pub is_joined: bool,
    /// When its session times out, once it is silent.
    pub expires: Option<Time>,
    /// Since when it sends heartbeats.
    pub since: Time,
    /// The last complete generation that it was in; 0: none.
    pub generation: u32,
}

impl Member {
    /// When its next heartbeat is due.
    pub fn next_heartbeat(&self, now: Time, interval: Duration) -> Time {
        let interval = interval.0.max(1);
        let age = now.since(self.since).0;
        Time(self.since.0.saturating_add((age / interval + 1).saturating_mul(interval)))
    }
}

/// The state of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// No members.
    Empty,
    /// The first members gather.
    Gathering,
    /// The members are to join again.
    Preparing,
    /// Every member has its partitions.
    Stable,
}

impl GroupState {
    /// Kafka's word.
    pub fn label(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::Gathering | GroupState::Preparing => "PreparingRebalance",
            GroupState::Stable => "Stable",
        }
    }
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: Rc<str>,
    /// The partition of `__consumer_offsets` that keeps it.
    pub seat: usize,
    /// Its node, if it is drawn.
    pub node: Option<NodeId>,
    /// The settings of its drawn consumers.
    pub config: Config,
    /// Where it stands.
    pub state: GroupState,
    /// Members share the partitions by KIP-848.
    pub broker_assigns: bool,
    /// The generation, or the group epoch.
    pub generation: u32,
    /// How partitions are shared in this generation.
    pub strategy: Strategy,
    /// In the order of joining; the first leads.
    pub members: Vec<Member>,
    /// Memberships so far.
    pub member_count: u32,
    /// Tells a timer of this wait from one of an earlier wait.
    pub stamp: u32,
    /// Somebody came while the first members gathered.
    pub has_newcomer: bool,
    /// How much longer the first members may gather.
    pub gathering_rest: Duration,
    /// Since when it has been empty.
    pub emptied: Time,
    /// Committed offsets: the next to read.
    pub offsets: FlatMap<TopicPartition, u64>,
    /// Offsets that wait for the end of a transaction: the transaction's place, partition, offset.
    pub pending: Vec<(u32, TopicPartition, u64)>,
    /// The books, if it is drawn.
    pub books: FlatMap<TopicPartition, Book>,
    /// Copies in the books that are not handed out.
    pub ready: u32,
    /// Copies that are handed out.
    pub unacked: u32,
}

/// A partition's books, while messages are handed out of them.
pub struct Hand<'a> {
    node: NodeId,
    book: &'a mut Book,
    ready: &'a mut u32,
    unacked: &'a mut u32,
}

impl Hand<'_> {
    /// A client of the group reads a message. Returns true if it was read before.
    #[inline]
    pub fn give(&mut self, offset: u64, message: MessageId, to: NodeId, call: &mut Call) -> bool {
        let place = self.book.place(offset);
        let copies = &mut self.book.copies;
        let is_there = copies.get(place).is_some_and(|copy| copy.offset == offset && copy.state != CopyState::Gone);
        if !is_there {
            // Read again after it was committed, because somebody went back.
            let copy = BookCopy { offset, message, state: CopyState::Fresh };
            match copies.get_mut(place).filter(|copy| copy.offset == offset) {
                Some(gone) => *gone = copy,
                None => copies.insert(place, copy),
            }
            *self.ready += 1;
            call.fact(self.node, message, Fact::Enqueued { ready: *self.ready, unacked: *self.unacked });
        }
        let Some(copy) = copies.get_mut(place) else { return false };
        let before = std::mem::replace(&mut copy.state, CopyState::Out(to));
        if let CopyState::Out(_) = before {
            let fact = Fact::Requeued { ready: *self.ready + 1, unacked: *self.unacked - 1 };
            call.fact(self.node, message, fact);
        } else {
            *self.ready -= 1;
            *self.unacked += 1;
        }
        let (ready, unacked) = (*self.ready, *self.unacked);
        let is_again = before != CopyState::Fresh;
        let fact = match is_again {
            true => Fact::Redelivered { to, ready, unacked },
            false => Fact::Leased { to, ready, unacked },
        };
        call.fact(self.node, message, fact);
        is_again
    }
}

impl Group {
    /// A group without members.
    pub fn new(name: Rc<str>) -> Group {
        Group {
            seat: seat_of(&name),
            name,
            node: None,
            config: Config::default(),
            state: GroupState::Empty,
            broker_assigns: false,
            generation: 0,
            strategy: Strategy::Range,
            members: Vec::new(),
            member_count: 0,
            stamp: 0,
            has_newcomer: false,
            gathering_rest: Duration::ZERO,
            emptied: Time::ZERO,
            offsets: FlatMap::new(),
            pending: Vec::new(),
            books: FlatMap::new(),
            ready: 0,
            unacked: 0,
        }
    }

    /// The member with this number.
    pub fn member(&self, number: u32) -> Option<&Member> {
        self.members.iter().find(|member| member.number == number)
    }

    /// The member with this number.
    pub fn member_mut(&mut self, number: u32) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.number == number)
    }

    /// Begins or goes on with the books of a partition: everything that can be read and is not in them is entered.
    #[inline]
    pub fn enter(&mut self, at: TopicPartition, log: &Log, readable: u64, call: &mut Call) {
        let (Some(node), Some(book)) = (self.node, self.books.get_mut(&at)) else { return };
        let hides_aborted = self.config.read_committed;
        let mut place = log.place(book.next);
        while let Some(record) = log.at(place).filter(|record| record.offset < readable) {
            place += 1;
            let Some(content) = &record.content else { continue };
            if hides_aborted && record.is(ABORTED) {
                continue;
            }
            book.copies.push_back(BookCopy { offset: record.offset, message: content.id, state: CopyState::Fresh });
            self.ready += 1;
            call.fact(node, content.id, Fact::Enqueued { ready: self.ready, unacked: self.unacked });
        }
        book.next = book.next.max(readable);
    }

    /// The books of a partition, to hand out what is in it; nothing if there are none.
    #[inline]
    pub fn hand(&mut self, at: TopicPartition) -> Option<Hand<'_>> {
        let book = self.books.get_mut(&at)?;
        Some(Hand { node: self.node?, book, ready: &mut self.ready, unacked: &mut self.unacked })
    }

    /// Remembers a committed offset.
    #[inline]
    pub fn store(&mut self, at: TopicPartition, offset: u64, by: NodeId, call: &mut Call) {
        if self.offsets.insert(at, offset) != Some(offset) {
            let node = self.node.unwrap_or(call.broker);
            let fact = Fact::Committed { by, partition: at.partition, offset: offset as u32 };
            call.fact(node, MessageId::NONE, fact);
        }
        self.settle(at, offset, by, call);
    }

    /// Everything before `offset` is committed by this client. What nobody has read is skipped.
    #[inline]
    pub fn settle(&mut self, at: TopicPartition, offset: u64, by: NodeId, call: &mut Call) {
        let (Some(node), Some(book)) = (self.node, self.books.get_mut(&at)) else { return };
        while let Some(copy) = book.copies.front().filter(|copy| copy.offset < offset).copied() {
            book.copies.pop_front();
            match copy.state {
                CopyState::Out(_) => {
                    self.unacked -= 1;
                    call.fact(node, copy.message, Fact::Acked { by, ready: self.ready, unacked: self.unacked });
                }
                CopyState::Fresh | CopyState::Back => {
                    self.ready -= 1;
                    call.fact(node, copy.message, Fact::Discarded { ready: self.ready, unacked: self.unacked });
                    call.dropped(node, copy.message, DropReason::Skipped);
                }
                CopyState::Gone => {}
            }
        }
        book.next = book.next.max(offset);
    }

    /// What was handed out from this offset on will be read again. `expired`: its reader's session timed out.
    pub fn take_back(&mut self, at: TopicPartition, from: u64, expired: bool, call: &mut Call) {
        let (Some(node), Some(book)) = (self.node, self.books.get_mut(&at)) else { return };
        let place = book.place(from);
        for copy in book.copies.range_mut(place..).filter(|copy| matches!(copy.state, CopyState::Out(_))) {
            copy.state = CopyState::Back;
            self.ready += 1;
            self.unacked -= 1;
            let (ready, unacked) = (self.ready, self.unacked);
            let fact = match expired {
                true => Fact::LeaseExpired { ready, unacked },
                false => Fact::Requeued { ready, unacked },
            };
            call.fact(node, copy.message, fact);
        }
    }

    /// The messages from `from` to `until`, exclusive, that nobody has committed are gone for the group.
    pub fn lose(&mut self, at: TopicPartition, from: u64, until: u64, reason: DropReason, call: &mut Call) {
        let (Some(node), Some(book)) = (self.node, self.books.get_mut(&at)) else { return };
        let place = book.place(from);
        let end = book.place(until);
        for copy in book.copies.range_mut(place..end.max(place)) {
            match std::mem::replace(&mut copy.state, CopyState::Gone) {
                CopyState::Gone => continue,
                CopyState::Out(_) => self.unacked -= 1,
                CopyState::Fresh | CopyState::Back => self.ready -= 1,
            }
            call.fact(node, copy.message, Fact::Discarded { ready: self.ready, unacked: self.unacked });
            call.dropped(node, copy.message, reason);
        }
        while book.copies.front().is_some_and(|copy| copy.state == CopyState::Gone) {
            book.copies.pop_front();
        }
    }

    /// A client refuses one message for good.
    pub fn reject(&mut self, at: TopicPartition, offset: u64, by: NodeId, call: &mut Call) {
        let Some(message) = self.refuse(at, offset, by, call) else { return };
        if self.node.is_some() && message != MessageId::NONE {
            self.lose(at, offset, offset + 1, DropReason::Rejected, call);
        }
    }

    /// A client refuses one message: the fact alone. Returns the message if the client had it.
    pub fn refuse(&mut self, at: TopicPartition, offset: u64, by: NodeId, call: &mut Call) -> Option<MessageId> {
        let (node, book) = (self.node?, self.books.get(&at)?);
        let copy = book.copies.get(book.place(offset)).filter(|copy| copy.offset == offset)?;
        let message = copy.message;
        call.fact(node, message, Fact::Nacked { by, ready: self.ready, unacked: self.unacked });
        Some(message)
    }
}
