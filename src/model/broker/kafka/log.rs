//! The log of one partition: records by offset, in segments.
//!
//! Reproduces: Kafka's `LocalLog` and `LogSegment`. Offsets are dense in what is appended and never given twice; what
//! is removed, by retention, compaction or truncation, leaves the offsets of the others as they are. A segment is
//! closed when the next record would make it longer than `segment.bytes`, or comes later than `segment.ms` after the
//! segment's first one (apache/kafka, `LogSegment.shouldRoll`).
//!
//! Leaves out: index files, compression, and segment jitter. Records of one batch are stored one by one.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::vocabulary::{Content, Duration, Time};

/// The record has a key, which may be empty.
pub const KEYED: u8 = 1;
/// The value is null: what is known of the key is to be forgotten.
pub const TOMBSTONE: u8 = 2;
/// Written inside a transaction.
pub const TRANSACTIONAL: u8 = 4;
/// Its transaction was aborted.
pub const ABORTED: u8 = 8;
/// The control record that ends a transaction says "commit"; without it, "abort".
pub const COMMIT: u8 = 16;

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its place in the partition, for good.
    pub offset: u64,
    /// What the application wrote; nothing in a control record.
    pub content: Option<Rc<Content>>,
    /// When the leader appended it (`message.timestamp.type` aside, producers stamp at nearly the same time).
    pub at: Time,
    /// A tombstone may be removed after this; set when the cleaner meets it first.
    pub horizon: Time,
    /// The producer id, from 1; 0 without idempotence.
    pub producer: u32,
    /// The sequence number that its producer gave it.
    pub sequence: u32,
    /// Bytes in the log, about.
    pub bytes: u32,
    /// What it is, from the constants of this file.
    pub flags: u8,
}

impl Record {
    /// True if it has this flag.
    #[inline]
    pub fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The key, unless it is null.
    pub fn key(&self) -> Option<&str> {
        self.content.as_ref().filter(|_| self.is(KEYED)).map(|content| &*content.routing_key)
    }
}

/// A run of records that is kept or deleted as a whole.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The first offset that it may hold.
    pub base: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// When its first record was appended.
    pub first: Option<Time>,
    /// The newest time in it.
    pub newest: Time,
}

/// The log.
#[derive(Clone, Debug)]
pub struct Log {
    /// By rising offset.
    records: VecDeque<Record>,
    /// By rising base; the last one is active. Never empty.
    segments: VecDeque<Segment>,
    /// The first offset that can be read.
    pub start: u64,
    /// The offset that the next record gets.
    pub end: u64,
    /// Up to here, exclusive, the cleaner has been.
    pub cleaned: u64,
    /// Bytes in all segments.
    pub bytes: u64,
}

impl Log {
    /// A log with nothing in it.
    pub fn new(at: Time) -> Log {
        let segment = Segment { base: 0, bytes: 0, first: None, newest: at };
        Log { records: VecDeque::new(), segments: [segment].into(), start: 0, end: 0, cleaned: 0, bytes: 0 }
    }

    /// How many records there are, control records too.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// All records, by rising offset.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Record> + ExactSizeIterator {
        self.records.iter()
    }

    /// The segments, by rising base.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &Segment> {
        self.segments.iter()
    }

    /// The index of the first record at or after this offset.
    #[inline]
    pub fn place(&self, offset: u64) -> usize {
        let Some(first) = self.records.front() else { return 0 };
        // Without gaps the place is known at once.
        let guess = offset.saturating_sub(first.offset) as usize;
        match self.records.get(guess) {
            Some(record) if record.offset == offset => guess,
            _ => self.records.partition_point(|record| record.offset < offset),
        }
    }

    /// The record at an index.
    #[inline]
    pub fn at(&self, place: usize) -> Option<&Record> {
        self.records.get(place)
    }

    /// Adds a record at the end; returns true if that closed a segment.
    #[inline]
    pub fn append(&mut self, mut record: Record, segment_bytes: u64, segment_span: Duration) -> bool {
        let mut has_rolled = false;
        if let Some(active) = self.segments.back() {
            let is_full = active.bytes + u64::from(record.bytes) > segment_bytes && active.bytes > 0;
            let is_old = active.first.is_some_and(|first| record.at.since(first) > segment_span);
            if is_full || is_old {
                self.roll(record.at);
                has_rolled = true;
            }
        }
        record.offset = self.end;
        self.end += 1;
        self.bytes += u64::from(record.bytes);
        if let Some(active) = self.segments.back_mut() {
            active.first.get_or_insert(record.at);
            active.newest = record.at;
            active.bytes += u64::from(record.bytes);
        }
        self.records.push_back(record);
        has_rolled
    }

    /// Closes the active segment and opens another one.
    pub fn roll(&mut self, now: Time) {
        self.segments.push_back(Segment { base: self.end, bytes: 0, first: None, newest: now });
    }

    /// The first offset of the active segment.
    pub fn active_base(&self) -> u64 {
        self.segments.back().map_or(0, |segment| segment.base)
    }

    /// Removes everything from this offset on, as a follower does that finds its leader behind.
    pub fn truncate(&mut self, end: u64) -> Vec<Record> {
        let place = self.place(end);
        let removed: Vec<Record> = self.records.drain(place..).collect();
        self.end = end.max(self.start);
        self.cleaned = self.cleaned.min(end);
        while self.segments.len() > 1 && self.active_base() > end {
            self.segments.pop_back();
        }
        self.recount();
        removed
    }

    /// Deletes the oldest segments, so many, and returns what was in them. The active one is closed first if its turn
    /// comes.
    pub fn delete_segments(&mut self, count: usize, now: Time) -> Vec<Record> {
        if count >= self.segments.len() {
            self.roll(now);
        }
        self.segments.drain(..count.min(self.segments.len() - 1));
        let base = self.segments.front().map_or(self.end, |segment| segment.base);
        self.advance_start(base)
    }

    /// Moves the first offset that can be read; what lies before is removed.
    pub fn advance_start(&mut self, start: u64) -> Vec<Record> {
        self.start = self.start.max(start.min(self.end));
        self.cleaned = self.cleaned.max(self.start);
        let place = self.place(self.start);
        let removed: Vec<Record> = self.records.drain(..place).collect();
        while self.segments.len() > 1 && self.segments[1].base <= self.start {
            self.segments.pop_front();
        }
        if !removed.is_empty() {
            self.recount();
        }
        removed
    }

    /// How many of the oldest segments end before `limit` and are too old or too much. `retention` and
    /// `retention_bytes` are the limits of time and size, if there are any.
    pub fn deletable(&self, now: Time, retention: Option<Duration>, retention_bytes: Option<u64>, limit: u64) -> usize {
        let end_of = |index: usize| self.segments.get(index + 1).map_or(self.end, |next| next.base);
        let is_deletable = |index: usize| {
            // An empty active segment has nothing to delete.
            end_of(index) <= limit && (index + 1 < self.segments.len() || self.segments[index].bytes > 0)
        };
        let by_time = retention.map_or(0, |retention| {
            let old = |index: &usize| is_deletable(*index) && now.since(self.segments[*index].newest) > retention;
            (0..self.segments.len()).take_while(old).count()
        });
        let by_size = retention_bytes.map_or(0, |most| {
            let mut excess = self.bytes.saturating_sub(most);
            let too_much = |index: &usize| {
                let bytes = self.segments[*index].bytes;
                let fits = is_deletable(*index) && bytes > 0 && bytes <= excess;
                excess = excess.saturating_sub(bytes);
                fits
            };
            (0..self.segments.len()).take_while(too_much).count()
        });
        by_time.max(by_size)
    }

    /// The part of the closed segments, by bytes, that the cleaner has not been at: 0 to 1.
    pub fn dirty_ratio(&self, limit: u64) -> f64 {
        let (mut clean, mut dirty) = (0u64, 0u64);
        for record in self.records.iter().take_while(|record| record.offset < limit) {
            *(if record.offset < self.cleaned { &mut clean } else { &mut dirty }) += u64::from(record.bytes);
        }
        match clean + dirty {
            0 => 0.0,
            sum => dirty as f64 / sum as f64,
        }
    }

    /// Keeps only the records below `limit` for which `keep` holds, and all from there on; returns the others.
    pub fn clean(&mut self, limit: u64, mut keep: impl FnMut(&mut Record) -> bool) -> Vec<Record> {
        let mut removed = Vec::new();
        let mut kept = VecDeque::with_capacity(self.records.len());
        for mut record in std::mem::take(&mut self.records) {
            if record.offset >= limit || keep(&mut record) {
                kept.push_back(record);
            } else {
                removed.push(record);
            }
        }
        self.records = kept;
        self.cleaned = self.cleaned.max(limit);
        self.recount();
        removed
    }

    /// Marks the records of a transaction as aborted.
    pub fn abort(&mut self, producer: u32, first: u64) {
        let place = self.place(first);
        for record in self.records.range_mut(place..).filter(|record| record.producer == producer) {
            record.flags |= if record.is(TRANSACTIONAL) { ABORTED } else { 0 };
        }
    }

    /// The bytes of the segments, counted anew.
    fn recount(&mut self) {
        self.bytes = 0;
        self.segments.iter_mut().for_each(|segment| segment.bytes = 0);
        let mut index = 0;
        for record in &self.records {
            while self.segments.get(index + 1).is_some_and(|next| next.base <= record.offset) {
                index += 1;
            }
            self.segments[index].bytes += u64::from(record.bytes);
            self.bytes += u64::from(record.bytes);
        }
    }
}
