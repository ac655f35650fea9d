//! What a crash leaves: the append-only file, or a snapshot.
//!
//! Reproduces: Redis 7.0 (redis.io, "Redis persistence"). With an append-only file, a command is safe when the file is
//! synced: after every command (`always`), once a second (`everysec`), or when the operating system does it, on Linux
//! about every 30 seconds (`no`). With snapshots alone (`rdb`), which is what an unchanged redis.conf says, the save
//! points are `3600 1`, `300 100` and `60 10000`: so many seconds and so many changes. A crash here is one of the
//! machine; the crash of the server process alone would lose nothing that was written to the file.
//!
//! The default here is `everysec`, which redis.conf recommends once the append-only file is on: with snapshots alone, a
//! short run would lose everything.
//!
//! Leaves out: rewriting of the file, the time that a sync takes at normal speed, and what a snapshot in the making costs. Changes are kept as records that undo them until they are safe;
//! there are at most [`UNDO_MAX`], then the file is synced early.

use std::rc::Rc;

use crate::vocabulary::{Content, Duration, Time};

use crate::model::broker::late::longer;

use super::group::{Consumer, Group, Nack};
use super::id::Id;
use super::replicas::Replicas;
use super::store::Value;

/// Records that are kept between two syncs at most.
const UNDO_MAX: usize = 1_000_000;

/// How long Linux keeps written data in memory.
const SYSTEM_SYNC: Duration = Duration::from_secs(30);

/// How long a write waits for a sync in the background before the server waits with it.
const POSTPONED_MAX: Duration = Duration::from_secs(2);

/// Save points of redis.conf: seconds, changes.
const SAVE_POINTS: [(u64, u64); 3] = [(3600, 1), (300, 100), (60, 10_000)];

/// When changes become safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `appendfsync always`.
    Always,
    /// `appendfsync everysec`.
    #[default]
    EverySecond,
    /// `appendfsync no`.
    System,
    /// Snapshots.
    Snapshots,
    /// Nothing is kept.
    Off,
}

impl Mode {
    /// The mode of this name.
    pub fn named(name: &str) -> Mode {
        match name {
            "always" => Mode::Always,
            "no" => Mode::System,
            "rdb" => Mode::Snapshots,
            "off" => Mode::Off,
            _ => Mode::EverySecond,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Always => "always",
            Mode::EverySecond => "everysec",
            Mode::System => "no",
            Mode::Snapshots => "rdb",
            Mode::Off => "off",
        }
    }

    /// How far syncs lie apart, if there are any.
    fn period(self) -> Option<Duration> {
        match self {
            Mode::EverySecond => Some(Duration::from_secs(1)),
            Mode::System => Some(SYSTEM_SYNC),
            _ => None,
        }
    }
}

/// How to take one change back. Slots and groups are indexes.
#[derive(Clone, Debug)]
pub enum Undo {
    /// An entry was added; the stream's last id was this before.
    Added { slot: u32, id: Id, last_id: Id },
    /// An entry was removed; the greatest deleted id was this before.
    Removed { slot: u32, id: Id, content: Rc<Content>, max_deleted: Id },
    /// A stream's counters were set.
    Counters { slot: u32, last_id: Id, max_deleted: Id, entries_added: u64 },
    /// A pending entry was made, changed or settled; it was this before.
    Pending { slot: u32, group: u32, id: Id, nack: Option<Nack> },
    /// A group's position moved.
    Position { slot: u32, group: u32, last_id: Id, entries_read: i64 },
    /// A consumer was made or deleted; it was this before.
    Member { slot: u32, group: u32, consumer: u32, old: Option<Consumer> },
    /// A group was made or destroyed; it was this before.
    Group { slot: u32, group: u32, old: Option<Box<Group>> },
    /// A key was made, deleted or set; its value was this before.
    Key { slot: u32, old: Option<Value> },
}

/// Everything that the keys hold, by slot.
pub type Snapshot = Rc<Vec<Option<Value>>>;

/// What is not safe yet.
#[derive(Clone, Debug, Default)]
pub struct Log {
    mode: Mode,
    undo: Vec<Undo>,
    /// The number of the period in which the records were made.
    period: u64,
    /// The last snapshot and its time, and the changes since.
    saved: Snapshot,
    saved_at: Time,
    changes: u64,
    /// Who else has them.
    pub replicas: Replicas,
}

impl Log {
    /// A log with nothing in it.
    pub fn new(mode: Mode) -> Log {
        Log { mode, ..Log::default() }
    }

    /// When changes become safe.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Changes the mode. What is there is written to the new file first, as Redis does.
    pub fn set_mode(&mut self, mode: Mode, snapshot: impl FnOnce() -> Snapshot) {
        if mode != self.mode {
            *self = Log { replicas: std::mem::take(&mut self.replicas), ..Log::new(mode) };
            if mode == Mode::Snapshots {
                self.saved = snapshot();
            }
        }
    }

    /// Time has come to this point: what was due to be synced before is safe. Before each change, and at a crash.
    #[inline]
    pub fn advance(&mut self, now: Time, slow_percent: u32, snapshot: impl FnOnce() -> Snapshot) {
        self.replicas.advance(now);
        if let Some(length) = self.mode.period() {
            let length = (length.0 / 100).saturating_mul(u64::from(slow_percent.max(100)));
            let period = now.0 / length.max(1);
            if period != self.period || self.undo.len() >= UNDO_MAX {
                self.period = period;
                self.undo.clear();
            }
        } else if self.mode == Mode::Snapshots {
            self.save(now, snapshot);
        }
    }

    fn save(&mut self, now: Time, snapshot: impl FnOnce() -> Snapshot) {
        let since = now.since(self.saved_at).0 / 1_000_000_000;
        let is_due = |(seconds, changes): &(u64, u64)| self.changes >= *changes && since > *seconds;
        if self.changes > 0 && SAVE_POINTS.iter().any(is_due) {
            self.saved = snapshot();
            self.saved_at = now;
            self.changes = 0;
        }
    }

    /// Keeps a record.
    #[inline]
    pub fn note(&mut self, undo: Undo) {
        self.replicas.note(&undo);
        match self.mode {
            Mode::EverySecond | Mode::System => self.undo.push(undo),
            Mode::Snapshots => self.changes += 1,
            Mode::Always | Mode::Off => {}
        }
    }

    /// How much longer than normally an answer takes, if a sync takes `normal` at normal speed: with `always` the one
    /// thread syncs before it answers; with `everysec` another thread does, and the first waits for it once a write is
    /// put off for two seconds.
    pub fn answer_delay(&self, normal: Duration, slow_percent: u32) -> Duration {
        match self.mode {
            Mode::Always => longer(normal, slow_percent),
            Mode::EverySecond if slow_percent > 100 => {
                Duration((normal + longer(normal, slow_percent)).0.saturating_sub(POSTPONED_MAX.0))
            }
            _ => Duration::ZERO,
        }
    }

    /// Takes the records, the latest last.
    pub fn take(&mut self) -> Vec<Undo> {
        std::mem::take(&mut self.undo)
    }

    /// The latest changes were taken back otherwise.
    pub fn forget_last(&mut self, count: usize) {
        self.undo.truncate(self.undo.len().saturating_sub(count));
    }

    /// The snapshot to go back to, if that is how the mode works; an empty one if nothing is kept.
    pub fn snapshot(&mut self) -> Option<Snapshot> {
        self.changes = 0;
        match self.mode {
            Mode::Snapshots => Some(self.saved.clone()),
            Mode::Off => Some(Snapshot::default()),
            _ => None,
        }
    }

    /// Changes that a crash now would lose, for the inspector.
    pub fn unsafe_count(&self) -> u64 {
        self.undo.len() as u64 + self.changes
    }
}
