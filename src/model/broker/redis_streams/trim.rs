//! Trimming: taking entries from the head of a stream.
//!
//! Reproduces: Redis 7.0 (streamTrim in t_stream.c; redis.io, "XTRIM"). Exact trimming removes what is too much or too
//! old. With `~`, only whole nodes are removed, and at most `LIMIT` entries at once, by default 100 nodes' worth. It
//! happens when `XADD` or `XTRIM` asks for it: nothing grows old by itself. Leaves out: the time that it takes.

use crate::vocabulary::DropReason;

use super::books::Pen;
use super::id::Id;
use super::stream::Stream;

/// What is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// `MAXLEN`: so many entries.
    Newest(u64),
    /// `MINID`: those from this id on.
    From(Id),
}

/// An order to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// What is to stay.
    pub keep: Keep,
    /// Whole nodes only.
    pub is_approximate: bool,
    /// Entries to remove at most; 0: no limit.
    pub limit: u64,
}

/// The limit of approximate trimming that names none.
pub fn default_limit(entries_max: u64) -> u64 {
    match entries_max.saturating_mul(100) {
        0 => 10_000,
        limit => limit.min(1_000_000),
    }
}

impl Stream {
    /// Trims, and returns how many entries are gone.
    #[inline]
    pub fn trim(&mut self, trim: &Trim, pen: &mut Pen) -> u64 {
        let mut removed = 0;
        while let Some(node) = self.nodes.front() {
            let length = self.entries.len() as u64;
            let (live, last) = (node.live, node.last);
            let takes_whole = match trim.keep {
                Keep::Newest(count) if length <= count => break,
                Keep::Newest(count) => length - live.min(length) >= count,
                Keep::From(id) => last < id,
            };
            if trim.limit != 0 && removed + live > trim.limit {
                break;
            }
            if takes_whole {
                self.nodes.pop_front();
                removed += self.take_head(live, pen);
            } else {
                if !trim.is_approximate {
                    removed += self.trim_inside(trim.keep, pen);
                }
                break;
            }
        }
        removed
    }

    /// Removes entries of the first node, which does not go as a whole.
    fn trim_inside(&mut self, keep: Keep, pen: &mut Pen) -> u64 {
        let length = self.entries.len() as u64;
        let live = self.nodes.front().map_or(0, |node| node.live);
        let count = match keep {
            Keep::Newest(count) => length.saturating_sub(count),
            Keep::From(id) => self.entries.range(Id::ZERO, id).take_while(|(other, _)| *other < id).count() as u64,
        };
        let removed = self.take_head(count.min(live), pen);
        if let Some(node) = self.nodes.front_mut() {
            node.live -= removed.min(node.live);
        }
        removed
    }

    fn take_head(&mut self, count: u64, pen: &mut Pen) -> u64 {
        let mut removed = 0;
        while removed < count {
            let Some(id) = self.entries.first() else { break };
            self.take_out(id, DropReason::Trimmed, pen);
            removed += 1;
        }
        removed
    }
}
