//! What a client keeps in its memory: the same for a client of the console and for one of the drawing.
//!
//! Reproduces: the parts of `KafkaProducer` and `KafkaConsumer` that decide what is sent and read: batches per
//! partition, the sticky partition, sequence numbers; positions, subscription, membership, the open poll. What is done
//! with them is in `producer.rs`, `poll.rs` and `membership.rs`.
//!
//! Leaves out: time between a client and its brokers (a drawn client's frames have travelled already), memory limits
//! (`buffer.memory`), and metadata that is out of date, but for the number of partitions of a group's topics.

use std::collections::VecDeque;
use std::rc::Rc;

use smallvec::SmallVec;

use crate::model::broker::server::Session;
use crate::vocabulary::{Content, FlatMap, NodeId, Time};

use super::config::Config;
use super::partition::TopicPartition;
use super::pattern::Pattern;

/// Brokers in a cluster at most.
pub const BROKERS_MAX: usize = 9;

/// Something that a client is refused: Kafka's name of the error, and its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Such as `UNKNOWN_TOPIC_OR_PARTITION`.
    pub code: &'static str,
    /// One sentence.
    pub text: String,
}

/// A refusal.
pub fn refusal(code: &'static str, text: impl Into<String>) -> Refusal {
    Refusal { code, text: text.into() }
}

/// A record that a producer has not been told about yet.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// What is written.
    pub content: Rc<Content>,
    /// `KEYED`, `TOMBSTONE`.
    pub flags: u8,
    /// The how manyth of the session it is, from 1.
    pub tag: u64,
    /// Bytes in a batch, about.
    pub bytes: u32,
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BatchState {
    /// It is filled, or waits for its turn.
    Open,
    /// It was sent to this broker and waits for the answer until then.
    InFlight(u8, Time),
    /// It is sent again then.
    Backoff(Time),
}

/// Records of one partition that are sent together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its number at the producer.
    pub number: u64,
    /// Mostly one.
    pub records: SmallVec<[Outgoing; 1]>,
    /// Bytes, about.
    pub bytes: u32,
    /// When its first record came.
    pub created: Time,
    /// The sequence number of its first record, given when it is sent first.
    pub sequence: Option<u32>,
    /// How often it was sent in vain.
    pub attempts: u32,
    /// Where it stands.
    pub state: BatchState,
}

/// What a producer has for one partition.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// The sequence number that the next batch begins with.
    pub sequence: u32,
    /// Batches that are not done, in order.
    pub queue: VecDeque<Batch>,
}

/// The partition that records without a key go to for now.
#[derive(Clone, Copy, Debug)]
pub struct Sticky {
    /// The partition.
    pub partition: u32,
    /// Bytes that went there since it was chosen.
    pub bytes: u32,
}

/// Where a transactional producer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStage {
    /// `init-transactions` was not called.
    Uninitialized,
    /// No transaction is open.
    Ready,
    /// One is open.
    Open,
    /// One is open and can only be aborted.
    Failed,
    /// Another producer has taken over.
    Fenced,
}

/// A producer.
#[derive(Clone, Debug)]
pub struct Producer {
    /// The producer id, from 1; 0 while it has none.
    pub id: u32,
    /// Its epoch.
    pub epoch: u32,
    /// By partition.
    pub lanes: FlatMap<TopicPartition, Lane>,
    /// By topic.
    pub sticky: FlatMap<u32, Sticky>,
    /// Requests without an answer, by broker.
    pub in_flight: [u32; BROKERS_MAX],
    /// Batches made so far.
    pub batch_count: u64,
    /// Batches that are neither done nor in flight.
    pub waiting_count: u32,
    /// Records handed over so far.
    pub record_count: u64,
    /// The numbers of the latest messages of the drawing, to know a frame that came twice.
    pub recent: VecDeque<u32>,
    /// The transaction's place at the coordinator.
    pub transaction: Option<u32>,
    /// Where it stands.
    pub stage: TransactionStage,
    /// When it looks after its batches next.
    pub pump: Option<Time>,
    /// The console waits for all batches to be done.
    pub flushing: bool,
    /// When they are done, the transaction is committed.
    pub commits_next: bool,
    /// The last batch that was answered, to be sent again by hand.
    pub last: Option<(TopicPartition, Batch)>,
}

impl Producer {
    /// A producer that has sent nothing.
    pub fn new() -> Producer {
        Producer {
            id: 0,
            epoch: 0,
            lanes: FlatMap::new(),
            sticky: FlatMap::new(),
            in_flight: [0; BROKERS_MAX],
            batch_count: 0,
            waiting_count: 0,
            record_count: 0,
            recent: VecDeque::new(),
            transaction: None,
            stage: TransactionStage::Uninitialized,
            pump: None,
            flushing: false,
            commits_next: false,
            last: None,
        }
    }

    /// Batches that are not done.
    pub fn unfinished(&self) -> usize {
        self.lanes.values().map(|lane| lane.queue.len()).sum()
    }
}

/// A partition that a consumer reads.
#[derive(Clone, Debug, Default)]
pub struct Owned {
    /// The next offset to read; nothing before it was looked up.
    pub position: Option<u64>,
    /// Nothing is read for now.
    pub is_paused: bool,
    /// Deliveries to a client of the drawing that are not committed: offset, and whether the client is done with it.
    pub unsettled: VecDeque<(u64, bool)>,
}

impl Owned {
    /// The delivery of an offset, if it is not committed.
    #[inline]
    pub fn unsettled_at(&mut self, offset: u64) -> Option<&mut (u64, bool)> {
        let (first, _) = self.unsettled.front()?;
        // Without gaps the place is known at once.
        let guess = offset.checked_sub(*first)? as usize;
        let place = match self.unsettled.get(guess) {
            Some((there, _)) if *there == offset => guess,
            _ => self.unsettled.binary_search_by_key(&offset, |(there, _)| *there).ok()?,
        };
        self.unsettled.get_mut(place)
    }
}

/// A poll that waits for records.
#[derive(Clone, Copy, Debug)]
pub struct OpenPoll {
    /// Its number at the consumer.
    pub number: u64,
    /// Records at most.
    pub max: u32,
}

/// How a consumer got its partitions.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// Not at all.
    Nothing,
    /// By `assign`: it is nobody's member.
    Manual,
    /// By `subscribe`: these topics, through a group.
    Topics(Vec<Rc<str>>),
}

/// What a member has to do when it polls next.
#[derive(Clone, Debug, PartialEq)]
pub enum Duty {
    /// Nothing.
    None,
    /// Join the group, anew or again.
    Join,
    /// Wait for the answer to its joining.
    Await,
    /// Take this assignment.
    Take(Vec<TopicPartition>),
    /// Another client has taken its instance id; it can do nothing more.
    Fenced,
    /// It was thrown out, has lost its partitions, and joins as somebody new.
    Lost,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The group's place in the cluster, if there is a group.
    pub group: Option<u32>,
    /// The number of its membership there.
    pub member: Option<u32>,
    /// What it reads.
    pub reading: Reading,
    /// What it has to do.
    pub duty: Duty,
    /// By partition.
    pub owned: FlatMap<TopicPartition, Owned>,
    /// The generation in which it got them.
    pub generation: u32,
    /// After which partition the next poll begins.
    pub turn: usize,
    /// The poll that waits.
    pub poll: Option<OpenPoll>,
    /// Polls so far.
    pub poll_count: u64,
    /// When it polled the last time.
    pub polled: Option<Time>,
    /// A timer watches over `max.poll.interval.ms`.
    pub is_watched: bool,
    /// When the next automatic commit is due.
    pub auto_commit: Time,
    /// The broker that it takes for its coordinator.
    pub coordinator: Option<u8>,
    /// The topics that it wants by their names, and when it looks for them next.
    pub pattern: Option<(Pattern, Time)>,
    /// A commit by hand that waits for a coordinator, and its number.
    pub commit: Option<(Vec<(TopicPartition, u64)>, u64)>,
    /// Such commits so far.
    pub commit_count: u64,
    /// Deliveries to a client of the drawing: where they came from; the first has the tag `tag_first`.
    pub tags: VecDeque<(TopicPartition, u64)>,
    /// The tag of the first of `tags`.
    pub tag_first: u64,
    /// A client of the drawing acknowledges nothing by itself: commit at the poll, whatever the settings say.
    pub auto_ack: bool,
}

impl Consumer {
    /// A consumer that reads nothing.
    pub fn new() -> Consumer {
        Consumer {
            group: None,
            member: None,
            reading: Reading::Nothing,
            duty: Duty::None,
            owned: FlatMap::new(),
            generation: 0,
            turn: 0,
            poll: None,
            poll_count: 0,
            polled: None,
            is_watched: false,
            auto_commit: Time::ZERO,
            coordinator: None,
            pattern: None,
            commit: None,
            commit_count: 0,
            tags: VecDeque::new(),
            tag_first: 1,
            auto_ack: false,
        }
    }

    /// The tag of the next delivery.
    #[inline]
    pub fn next_tag(&self) -> u64 {
        self.tag_first + self.tags.len() as u64
    }
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its connection.
    pub session: Session,
    /// Its node in the drawing; the broker's for a client of the console.
    pub node: NodeId,
    /// Its name, and its `client.id` unless that is set.
    pub name: Rc<str>,
    /// Its settings.
    pub config: Config,
    /// Its producer.
    pub producer: Producer,
    /// Its consumer.
    pub consumer: Consumer,
    /// The member of the drawing at which its link ends.
    pub place: NodeId,
}

impl Client {
    /// The `client.id`.
    pub fn client_id(&self) -> Rc<str> {
        self.config.client_id.clone().unwrap_or_else(|| self.name.clone())
    }
}
