//! Deleting what is old, and keeping the last value of every key.
//!
//! Reproduces: every `log.retention.check.interval.ms` whole segments go whose newest record is older than
//! `retention.ms`, or that make the log longer than `retention.bytes`; the active segment is closed first if its turn
//! comes. Whether anybody has read them does not matter. Every `log.cleaner.backoff.ms` a compacted log whose closed
//! segments are dirty enough is cleaned: of each key the last value stays, offsets and order stay, the active segment is
//! left alone, and a null value stays for `delete.retention.ms` after it was met first (Kafka documentation, "Log
//! Compaction"; apache/kafka, `UnifiedLog.deleteOldSegments`, `LogCleaner`).
//!
//! Leaves out: `min.compaction.lag.ms`, `max.compaction.lag.ms`, the cleaner's throughput and its choice among several
//! logs, the delay of `file.delete.delay.ms`.

use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Duration, FlatMap, Time};

use super::log::{ABORTED, KEYED, TOMBSTONE};
use super::partition::TopicPartition;
use super::timers::Timer;
use super::Kafka;

/// The first moment of a regular check at or after `at`.
fn on_the_grid(at: Time, interval: Duration) -> Time {
    Time(at.0.div_ceil(interval.0.max(1)).saturating_mul(interval.0.max(1)))
}

impl Kafka {
    /// Plans the check at which the oldest segment of a partition can go, unless one is planned before.
    pub(super) fn plan_retention(&mut self, at: TopicPartition, now: Time) {
        let topic = &self.topics[at.topic as usize];
        let Some(partition) = topic.partitions.get(at.partition as usize).filter(|_| topic.config.deletes) else {
            return;
        };
        let log = &partition.log;
        let oldest = log.segments().next().map_or(now, |segment| segment.newest);
        let by_time =
            topic.config.retention.filter(|_| log.len() > 0).map(|retention| oldest + retention + Duration(1));
        let excess = topic.config.retention_bytes.is_some_and(|most| log.bytes > most);
        let at = match (by_time, excess) {
            (_, true) => now + Duration(1),
            (Some(at), false) => at.max(now + Duration(1)),
            (None, false) => return,
        };
        let due = on_the_grid(at, self.config.retention_check);
        if self.retention_due.is_none_or(|planned| due < planned) {
            self.retention_due = Some(due);
            self.timers.set(due, Timer::Retention);
        }
    }

    /// Deletes old segments everywhere.
    pub(super) fn delete_old(&mut self, call: &mut Call) {
        if self.retention_due != Some(call.now) {
            return;
        }
        self.retention_due = None;
        self.each_partition(|kafka, at| {
            let topic = &mut kafka.topics[at.topic as usize];
            let config = &topic.config;
            let partition = &mut topic.partitions[at.partition as usize];
            if config.deletes && partition.leader.is_some() {
                let limit = partition.high_watermark;
                let count = partition.log.deletable(call.now, config.retention, config.retention_bytes, limit);
                if count > 0 {
                    let removed = partition.log.delete_segments(count, call.now);
                    let start = partition.log.start;
                    kafka.forget(at.topic, removed, None, call);
                    kafka.lose_before(at, start, DropReason::Retention, call);
                }
            }
            kafka.plan_retention(at, call.now);
        });
    }

    /// The log begins later than before: groups that had not read so far have lost something.
    pub(super) fn lose_before(&mut self, at: TopicPartition, start: u64, reason: DropReason, call: &mut Call) {
        for group in &mut self.groups {
            group.lose(at, 0, start, reason, call);
        }
        let pollers = std::mem::take(&mut self.partition_mut(at).pollers);
        self.awake.extend(pollers);
    }

    /// Plans the cleaner's next look, if a compacted log has become dirty enough.
    pub(super) fn plan_clean(&mut self, at: TopicPartition, now: Time) {
        let topic = &self.topics[at.topic as usize];
        if !topic.config.compacts {
            return;
        }
        let due = on_the_grid(now + Duration(1), self.config.cleaner_backoff);
        if self.clean_due.is_none_or(|planned| due < planned) {
            self.clean_due = Some(due);
            self.timers.set(due, Timer::Clean);
        }
    }

    /// Cleans every compacted log that is dirty enough.
    pub(super) fn clean_logs(&mut self, call: &mut Call) {
        if self.clean_due != Some(call.now) {
            return;
        }
        self.clean_due = None;
        self.each_partition(|kafka, at| {
            let config = &kafka.topics[at.topic as usize].config;
            if config.compacts {
                let (ratio, delete_retention) = (config.dirty_ratio, config.delete_retention);
                let partition = kafka.partition(at);
                // Neither the active segment nor what an open transaction may still take back.
                let limit = partition.log.active_base().min(partition.last_stable());
                if limit > partition.log.cleaned && partition.log.dirty_ratio(limit) >= ratio {
                    kafka.clean_log(at, limit, delete_retention, call);
                }
            }
        });
    }

    fn clean_log(&mut self, at: TopicPartition, limit: u64, delete_retention: Duration, call: &mut Call) {
        let now = call.now;
        let log = &mut self.partition_mut(at).log;
        let keyed = log.iter().take_while(|record| record.offset < limit).filter(|record| !record.is(ABORTED));
        let last: FlatMap<String, u64> =
            keyed.filter_map(|record| Some((record.key()?.to_string(), record.offset))).collect();
        let removed = log.clean(limit, |record| {
            if record.content.is_none() || !record.is(KEYED) {
                return true;
            }
            let is_last = record.key().and_then(|key| last.get(key)) == Some(&record.offset);
            if !is_last || record.is(ABORTED) {
                return false;
            }
            if record.is(TOMBSTONE) && record.horizon == Time::ZERO {
                record.horizon = now + delete_retention;
            }
            !record.is(TOMBSTONE) || now <= record.horizon
        });
        let offsets: Vec<u64> = removed.iter().map(|record| record.offset).collect();
        self.forget(at.topic, removed, None, call);
        for group in &mut self.groups {
            for offset in &offsets {
                group.lose(at, *offset, offset + 1, DropReason::Compacted, call);
            }
        }
    }

    /// Moves the begin of a partition by hand (`kafka-delete-records`).
    pub(super) fn delete_records(&mut self, at: TopicPartition, before: u64, call: &mut Call) -> u64 {
        let partition = self.partition_mut(at);
        let start = before.min(partition.high_watermark);
        let removed = partition.log.advance_start(start);
        let low = partition.log.start;
        self.forget(at.topic, removed, None, call);
        self.lose_before(at, low, DropReason::Trimmed, call);
        low
    }
}
