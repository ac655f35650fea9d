//! Transactions.
//!
//! Reproduces: the transaction coordinator (KIP-98). `init-transactions` gives the `transactional.id` a producer id and
//! the next epoch; whoever has an older epoch is fenced, and what it left open is aborted. A partition joins the open
//! transaction with its first record. Its end writes a control record into each partition, which takes an offset; the
//! records of an aborted one stay in the log and are skipped by readers with `read_committed`, who read up to the first
//! record of the first open transaction. Offsets that were sent along count when the transaction commits. One that is
//! open for longer than `transaction.timeout.ms` is aborted and its producer fenced, at the next of the coordinator's
//! looks every 10 s (`transaction.abort.timed.out.transaction.cleanup.interval.ms`).
//!
//! Leaves out: `transactional.id.expiration.ms`, the states between the decision and the last control record, and the
//! new epoch after every transaction (KIP-890).

use std::rc::Rc;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{Duration, Time};

use super::client::{refusal, Refusal, TransactionStage};
use super::log::{Record, COMMIT, TRANSACTIONAL};
use super::partition::TopicPartition;
use super::timers::Timer;
use super::Kafka;

/// How often the coordinator looks for transactions that took too long.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(10);

/// What the coordinator knows of one `transactional.id`.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The id.
    pub id: Rc<str>,
    /// The producer id.
    pub producer: u32,
    /// The epoch of the producer that may write.
    pub epoch: u32,
    /// How many transactions were begun: tells one from the next.
    pub number: u64,
    /// True while one is open.
    pub is_open: bool,
    /// The partitions that have joined the open one.
    pub partitions: Vec<TopicPartition>,
}

/// A control record that has to be written.
#[derive(Clone, Copy, Debug)]
pub struct Marker {
    at: TopicPartition,
    producer: u32,
    commits: bool,
}

impl Marker {
    /// The marker that a truncated control record was.
    pub fn again(at: TopicPartition, record: &Record) -> Marker {
        Marker { at, producer: record.producer, commits: record.is(COMMIT) }
    }
}

/// The error of a producer that another one has replaced.
pub fn fenced() -> Refusal {
    refusal("PRODUCER_FENCED", "There is a newer producer with the same transactionalId which fences the current one.")
}

impl Kafka {
    /// `initTransactions`.
    pub(super) fn init_transactions(&mut self, session: Session, call: &mut Call) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(&session) else { return Err(fenced()) };
        if let Some(text) = client.config.contradiction() {
            return Err(refusal("CONFIG_EXCEPTION", text));
        }
        let Some(id) = client.config.transactional_id.clone() else {
            let text =
                "Cannot use transactional methods without enabling transactions by setting the transactional.id \
                        configuration property";
            return Err(refusal("ILLEGAL_STATE", text));
        };
        if client.producer.stage != TransactionStage::Uninitialized {
            return Err(refusal("ILLEGAL_STATE", "initTransactions was called before."));
        }
        self.check_transactions(&id)?;
        let place = match self.transactions.iter().position(|transaction| transaction.id == id) {
            Some(place) => {
                self.finish_transaction(place, false, call);
                self.next_epoch(place);
                place
            }
            None => {
                self.producer_ids += 1;
                let producer = self.producer_ids;
                let made = Transaction { id, producer, epoch: 0, number: 0, is_open: false, partitions: Vec::new() };
                self.transactions.push(made);
                self.transactions.len() - 1
            }
        };
        let (id, epoch) = (self.transactions[place].producer, self.transactions[place].epoch);
        if let Some(client) = self.clients.get_mut(&session) {
            let producer = &mut client.producer;
            (producer.id, producer.epoch) = (id, epoch);
            producer.transaction = Some(place as u32);
            producer.stage = TransactionStage::Ready;
        }
        Ok(())
    }

    /// `beginTransaction`: the coordinator hears of it with the first partition.
    pub(super) fn begin_transaction(&mut self, session: Session) -> Result<(), Refusal> {
        self.check_epoch(session)?;
        let Some(client) = self.clients.get_mut(&session) else { return Err(fenced()) };
        match client.producer.stage {
            TransactionStage::Ready => {
                client.producer.stage = TransactionStage::Open;
                Ok(())
            }
            TransactionStage::Open | TransactionStage::Failed => {
                Err(refusal("ILLEGAL_STATE", "A transaction is open already."))
            }
            TransactionStage::Uninitialized => {
                Err(refusal("ILLEGAL_STATE", "Cannot begin a transaction before initTransactions."))
            }
            TransactionStage::Fenced => Err(fenced()),
        }
    }

    /// Fences the client if a newer producer has its id.
    fn check_epoch(&mut self, session: Session) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&session) else { return Err(fenced()) };
        let Some(place) = client.producer.transaction else { return Ok(()) };
        let is_current = self.transactions.get(place as usize).is_some_and(|one| one.epoch == client.producer.epoch);
        if is_current {
            return Ok(());
        }
        client.producer.stage = TransactionStage::Fenced;
        Err(fenced())
    }

    /// The partition of a record joins the producer's transaction, if it has one.
    #[inline]
    pub(super) fn join_transaction(
        &mut self,
        session: Session,
        at: TopicPartition,
        call: &mut Call,
    ) -> Result<(), Refusal> {
        let Some(place) = self.clients.get(&session).and_then(|client| client.producer.transaction) else {
            return Ok(());
        };
        self.check_epoch(session)?;
        let transaction = &self.transactions[place as usize];
        if !transaction.is_open || !transaction.partitions.contains(&at) {
            self.check_transactions(&transaction.id)?;
        }
        self.open_at_coordinator(session, place, call);
        let transaction = &mut self.transactions[place as usize];
        if !transaction.partitions.contains(&at) {
            transaction.partitions.push(at);
        }
        Ok(())
    }

    fn open_at_coordinator(&mut self, session: Session, place: u32, call: &mut Call) {
        let timeout = self.clients.get(&session).map_or(Duration::ZERO, |client| client.config.transaction_timeout);
        let transaction = &mut self.transactions[place as usize];
        if !std::mem::replace(&mut transaction.is_open, true) {
            transaction.number += 1;
            let over = call.now + timeout;
            let due = Time(over.0.div_ceil(CLEANUP_INTERVAL.0).saturating_mul(CLEANUP_INTERVAL.0));
            self.timers.set(due, Timer::Transaction(place, transaction.number));
        }
    }

    /// `sendOffsetsToTransaction`.
    pub(super) fn send_offsets(
        &mut self,
        session: Session,
        group: u32,
        offsets: &[(TopicPartition, u64)],
        call: &mut Call,
    ) -> Result<(), Refusal> {
        self.check_epoch(session)?;
        let Some(client) = self.clients.get(&session) else { return Err(fenced()) };
        let Some(place) = client.producer.transaction.filter(|_| client.producer.stage == TransactionStage::Open)
        else {
            return Err(refusal("ILLEGAL_STATE", "Cannot send offsets: no transaction is open."));
        };
        self.check_transactions(&self.transactions[place as usize].id)?;
        self.check_group(group)?;
        self.open_at_coordinator(session, place, call);
        let pending = &mut self.groups[group as usize].pending;
        for (at, offset) in offsets {
            pending.retain(|(other, partition, _)| (*other, *partition) != (place, *at));
            pending.push((place, *at, *offset));
        }
        Ok(())
    }

    /// `commitTransaction` or `abortTransaction`, when nothing is under way any more.
    pub(super) fn end_transaction(&mut self, session: Session, commits: bool, call: &mut Call) -> Result<(), Refusal> {
        if let Some(client) = self.clients.get_mut(&session) {
            client.producer.commits_next = false;
        }
        self.check_epoch(session)?;
        let Some(client) = self.clients.get_mut(&session) else { return Err(fenced()) };
        let stage = client.producer.stage;
        match (stage, client.producer.transaction) {
            (TransactionStage::Open, Some(place)) | (TransactionStage::Failed, Some(place)) => {
                if commits && stage == TransactionStage::Failed {
                    let text = "Cannot commit: the transaction is in an error state and can only be aborted.";
                    return Err(refusal("TRANSACTION_ABORTABLE", text));
                }
                if let Some(transaction) = self.transactions.get(place as usize).filter(|one| one.is_open) {
                    self.check_transactions(&transaction.id)?;
                }
                let Some(client) = self.clients.get_mut(&session) else { return Err(fenced()) };
                client.producer.stage = TransactionStage::Ready;
                self.finish_transaction(place as usize, commits, call);
                if stage == TransactionStage::Failed {
                    // A sequence was lost with the failed batch, so the producer goes on in a new epoch (KIP-360).
                    self.next_epoch(place as usize);
                    let epoch = self.transactions[place as usize].epoch;
                    if let Some(client) = self.clients.get_mut(&session) {
                        client.producer.epoch = epoch;
                        client.producer.lanes.values_mut().for_each(|lane| lane.sequence = 0);
                    }
                }
                Ok(())
            }
            (TransactionStage::Fenced, _) => Err(fenced()),
            _ => Err(refusal("ILLEGAL_STATE", "No transaction is open.")),
        }
    }

    /// The coordinator ends a transaction: offsets count or are forgotten, and each partition gets a control record.
    pub(super) fn finish_transaction(&mut self, place: usize, commits: bool, call: &mut Call) {
        let transaction = &mut self.transactions[place];
        if !std::mem::take(&mut transaction.is_open) {
            return;
        }
        let producer = transaction.producer;
        for at in std::mem::take(&mut transaction.partitions) {
            self.markers.push(Marker { at, producer, commits });
        }
        for group in 0..self.groups.len() {
            let pending = &mut self.groups[group].pending;
            let is_of = |one: &(u32, TopicPartition, u64)| one.0 as usize == place;
            let ended: Vec<_> = pending.iter().copied().filter(is_of).collect();
            pending.retain(|one| !is_of(one));
            for (_, at, offset) in ended.into_iter().filter(|_| commits) {
                self.store_offset(group as u32, at, offset, call.broker, call);
            }
        }
        self.write_markers(call);
    }

    /// Writes every control record whose partition has a leader.
    pub(super) fn write_markers(&mut self, call: &mut Call) {
        for marker in std::mem::take(&mut self.markers) {
            if !self.has_partition(marker.at) {
                continue;
            }
            if self.leader_of(marker.at).is_none() {
                self.markers.push(marker);
                continue;
            }
            self.write_marker(marker, call);
        }
    }

    fn write_marker(&mut self, marker: Marker, call: &mut Call) {
        let Marker { at, producer, commits } = marker;
        let partition = self.partition_mut(at);
        let offset = partition.log.end;
        let open = partition.open.iter_mut().find(|one| one.producer == producer && one.marker == u64::MAX);
        // A partition that joined and got no record has nothing to mark, but Kafka writes the record all the same.
        if let Some(open) = open {
            open.marker = offset;
            if !commits {
                let first = open.first;
                partition.log.abort(producer, first);
            }
        }
        let record = Record {
            offset,
            content: None,
            at: call.now,
            horizon: Time::ZERO,
            producer,
            sequence: 0,
            bytes: 78,
            flags: TRANSACTIONAL | if commits { COMMIT } else { 0 },
        };
        self.append(at, record, call);
        self.appended(at, call);
    }

    /// A transaction has been open for long.
    pub(super) fn check_transaction(&mut self, place: u32, number: u64, call: &mut Call) {
        let Some(transaction) = self.transactions.get(place as usize) else { return };
        if !transaction.is_open || transaction.number != number {
            return;
        }
        if self.check_transactions(&transaction.id).is_err() {
            return self.timers.set(call.now + CLEANUP_INTERVAL, Timer::Transaction(place, number));
        }
        self.finish_transaction(place as usize, false, call);
        self.next_epoch(place as usize);
    }

    /// Whoever has the current epoch is fenced. Partitions learn of it from the control record.
    fn next_epoch(&mut self, place: usize) {
        let transaction = &mut self.transactions[place];
        transaction.epoch += 1;
        let (producer, epoch) = (transaction.producer, transaction.epoch);
        self.each_partition(|kafka, at| {
            if let Some(known) = kafka.partition_mut(at).producers.get_mut(&producer) {
                known.epoch = epoch;
                known.batches.clear();
            }
        });
    }
}
