//! One partition: its log, who has copies of it, and what may be read.
//!
//! Reproduces: Kafka's partition with one leader and followers that fetch from it. The high watermark is the smallest
//! log end of the in-sync replicas; consumers read below it, and with `read_committed` below the last stable offset,
//! the first record of the first open transaction (Kafka documentation, "Replication"; KIP-98). Of every idempotent
//! producer the last five batches are remembered (apache/kafka, `ProducerStateEntry`).
//!
//! Leaves out: logs of their own for followers. A follower's log is always a beginning of the leader's, and an
//! election cuts the leader's log where the new leader's ends, so the length is all that there is to know.

use std::collections::VecDeque;

use crate::model::broker::server::Session;
use crate::vocabulary::{FlatMap, Time};

use super::log::Log;

/// A partition by the number of its topic and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The place of the topic in the cluster.
    pub topic: u32,
    /// From 0.
    pub partition: u32,
}

/// One broker's copy.
#[derive(Clone, Debug)]
pub struct Replica {
    /// The place of the broker in the cluster.
    pub broker: u8,
    /// The offset after its last record.
    pub end: u64,
    /// True while it counts for the high watermark.
    pub in_sync: bool,
    /// When it had everything the last time.
    pub caught_up: Time,
    /// True while a fetch of it is open.
    pub fetching: bool,
}

/// One batch of an idempotent producer, as far as the leader remembers it.
#[derive(Clone, Copy, Debug)]
pub struct SeenBatch {
    /// The sequence number of its first record.
    pub first: u32,
    /// The sequence number of its last record.
    pub last: u32,
    /// The offset of its last record.
    pub offset: u64,
}

/// What the leader knows of an idempotent producer.
#[derive(Clone, Debug)]
pub struct Sequences {
    /// Its epoch: an older one is fenced.
    pub epoch: u32,
    /// The last batches, newest last.
    pub batches: VecDeque<SeenBatch>,
}

/// Batches that a leader remembers of each producer (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`).
pub const BATCHES_SEEN: usize = 5;

/// What an idempotent batch is to the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequenced {
    /// The next one.
    Next,
    /// Seen before; its last record has this offset.
    Duplicate(u64),
    /// One of the batches before it is missing.
    OutOfOrder,
    /// It comes from a producer that another one has replaced.
    Fenced,
}

/// A batch that waits for all in-sync replicas.
#[derive(Clone, Copy, Debug)]
pub struct AckWait {
    /// The high watermark that it waits for.
    pub until: u64,
    /// The producer.
    pub session: Session,
    /// The batch's number at the producer.
    pub batch: u64,
}

/// A transaction in one partition.
#[derive(Clone, Copy, Debug)]
pub struct OpenTransaction {
    /// The producer id.
    pub producer: u32,
    /// The offset of its first record.
    pub first: u64,
    /// The offset of the control record that ends it; the greatest number while there is none.
    pub marker: u64,
}

/// A partition.
#[derive(Clone, Debug)]
pub struct Partition {
    /// The leader's log.
    pub log: Log,
    /// The copies, the preferred leader first.
    pub replicas: Vec<Replica>,
    /// The brokers that are to have the copies, while a reassignment is under way.
    pub target: Option<Vec<u8>>,
    /// How many of `replicas` were there before that began.
    pub settled_count: usize,
    /// The broker that leads; nothing while the partition is offline.
    pub leader: Option<u8>,
    /// How often a leader was elected.
    pub leader_epoch: u32,
    /// What all in-sync replicas have.
    pub high_watermark: u64,
    /// Transactions whose end is not known to all in-sync replicas.
    pub open: Vec<OpenTransaction>,
    /// What is known of idempotent producers.
    pub producers: FlatMap<u32, Sequences>,
    /// Batches that wait for the in-sync replicas, by rising offset.
    pub waits: VecDeque<AckWait>,
    /// Consumers whose poll waits for a record.
    pub pollers: Vec<Session>,
    /// A look at followers that may be behind for too long is planned.
    pub is_watched: bool,
    /// The drawn groups that keep books of this partition.
    pub readers: Vec<u32>,
}

impl Partition {
    /// A partition with copies on these brokers, the first of which leads.
    pub fn new(brokers: &[u8], now: Time) -> Partition {
        let replica = |broker: &u8| Replica { broker: *broker, end: 0, in_sync: true, caught_up: now, fetching: false };
        Partition {
            log: Log::new(now),
            replicas: brokers.iter().map(replica).collect(),
            target: None,
            settled_count: brokers.len(),
            leader: brokers.first().copied(),
            leader_epoch: 0,
            high_watermark: 0,
            open: Vec::new(),
            producers: FlatMap::new(),
            waits: VecDeque::new(),
            pollers: Vec::new(),
            is_watched: false,
            readers: Vec::new(),
        }
    }

    /// The end, exclusive, of what a reader with `read_committed` may see.
    #[inline]
    pub fn last_stable(&self) -> u64 {
        let open = self.open.iter().filter(|one| one.marker >= self.high_watermark);
        open.map(|one| one.first).fold(self.high_watermark, u64::min)
    }

    /// The end, exclusive, of what a reader may see.
    #[inline]
    pub fn readable(&self, read_committed: bool) -> u64 {
        if read_committed {
            self.last_stable()
        } else {
            self.high_watermark
        }
    }

    /// How many replicas are in sync.
    #[inline]
    pub fn in_sync_count(&self) -> u32 {
        self.replicas.iter().filter(|replica| replica.in_sync).count() as u32
    }

    /// Moves the high watermark up to what all in-sync replicas have; true if it moved. It never goes back by this.
    #[inline]
    pub fn advance(&mut self) -> bool {
        let ends = self.replicas.iter().filter(|replica| replica.in_sync).map(|replica| replica.end);
        match ends.min() {
            Some(end) if end > self.high_watermark => {
                self.high_watermark = end;
                if !self.open.is_empty() {
                    self.open.retain(|one| one.marker >= end);
                }
                true
            }
            _ => false,
        }
    }

    /// What a batch with these sequence numbers is.
    pub fn sequenced(&self, producer: u32, epoch: u32, first: u32, last: u32) -> Sequenced {
        let Some(known) = self.producers.get(&producer) else {
            // A leader that knows nothing of the producer takes what comes, as after retention removed its records.
            return Sequenced::Next;
        };
        if epoch < known.epoch {
            return Sequenced::Fenced;
        }
        if epoch > known.epoch {
            return if first == 0 { Sequenced::Next } else { Sequenced::OutOfOrder };
        }
        if let Some(seen) = known.batches.iter().find(|seen| (seen.first, seen.last) == (first, last)) {
            return Sequenced::Duplicate(seen.offset);
        }
        match known.batches.back() {
            Some(seen) if first == seen.last.wrapping_add(1) => Sequenced::Next,
            None if first == 0 => Sequenced::Next,
            _ => Sequenced::OutOfOrder,
        }
    }

    /// Remembers a batch that was appended.
    #[inline]
    pub fn remember(&mut self, producer: u32, epoch: u32, batch: SeenBatch) {
        let known = self.producers.get_or_insert_with(producer, || Sequences { epoch, batches: VecDeque::new() });
        if known.epoch != epoch {
            known.epoch = epoch;
            known.batches.clear();
        }
        if known.batches.len() == BATCHES_SEEN {
            known.batches.pop_front();
        }
        known.batches.push_back(batch);
    }

    /// Forgets the batches whose records were truncated. What is left of the log says how far a producer came.
    pub fn forget_from(&mut self, end: u64) {
        let log = &self.log;
        for (producer, known) in self.producers.iter_mut() {
            known.batches.retain(|seen| seen.offset < end);
            if known.batches.is_empty() {
                let last = log.iter().rev().find(|record| record.producer == *producer && record.content.is_some());
                known.batches.extend(last.map(|record| SeenBatch {
                    first: record.sequence,
                    last: record.sequence,
                    offset: record.offset,
                }));
            }
        }
        self.producers.retain(|_, known| !known.batches.is_empty());
    }
}
