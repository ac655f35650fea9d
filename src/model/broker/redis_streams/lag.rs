//! What the counters say of how far behind a group is.
//!
//! Reproduces: Redis 7.0 (t_stream.c; redis.io, "XINFO GROUPS"). A group counts the entries up to its position. The
//! count is lost where nobody can tell: for a group made at an arbitrary id, and across an entry that `XDEL` removed.
//! Then `lag` is null, until the group has caught up with the stream's end. Version 7.0.15 compares deletions with the
//! entry that was just read; later versions compare them with the one before. Leaves out: those later rules.

use super::group::UNKNOWN;
use super::id::Id;
use super::stream::Stream;

impl Stream {
    /// Whether an entry was deleted at or after this id.
    #[inline]
    fn has_gap_from(&self, start: Id) -> bool {
        !self.entries.is_empty() && self.max_deleted != Id::ZERO && start <= self.max_deleted
    }

    /// The counter of a group that reads this entry next.
    #[inline]
    pub(super) fn entries_read_at(&self, group: u32, id: Id) -> i64 {
        let read = self.group(group).map_or(UNKNOWN, |group| group.entries_read);
        match read != UNKNOWN && !self.has_gap_from(id) {
            true => read.saturating_add(1),
            false => self.distance_to(id).unwrap_or(UNKNOWN),
        }
    }

    /// How many entries were ever added up to this id, if that can be told.
    fn distance_to(&self, id: Id) -> Option<i64> {
        let (added, length) = (self.entries_added as i64, self.entries.len() as i64);
        if added == 0 {
            return Some(0);
        }
        if (length == 0 && id <= self.last_id) || id == self.last_id {
            return Some(added);
        }
        if id > self.last_id {
            return None;
        }
        let has_no_gap = self.max_deleted == Id::ZERO || self.max_deleted < self.first_id;
        match has_no_gap {
            true if id < self.first_id => Some(added - length),
            true if id == self.first_id => Some(added - length + 1),
            _ => None,
        }
    }

    /// How many entries a group has not read, if that can be told.
    pub fn lag(&self, group: u32) -> Option<i64> {
        let group = self.group(group)?;
        let added = self.entries_added as i64;
        if added == 0 {
            return Some(0);
        }
        if group.entries_read != UNKNOWN && !self.has_gap_from(group.last_id) {
            return Some(added.saturating_sub(group.entries_read));
        }
        self.distance_to(group.last_id).map(|read| added - read)
    }
}
