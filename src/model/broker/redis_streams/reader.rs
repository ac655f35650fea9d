//! A consumer of the drawing, as the server knows it.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::vocabulary::NodeId;

use super::id::Id;

/// Deliveries of one connection that are not acknowledged, by their tags. Redis has no tags: a client acknowledges ids.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    /// The tag of the first one that is kept.
    first: u64,
    ids: VecDeque<Option<Id>>,
}

impl Tags {
    /// A tag for this delivery, from 1.
    #[inline]
    pub fn give(&mut self, id: Id) -> u64 {
        self.first = self.first.max(1);
        self.ids.push_back(Some(id));
        self.first + self.ids.len() as u64 - 1
    }

    /// A tag for a delivery that nobody acknowledges.
    #[inline]
    pub fn pass(&mut self) -> u64 {
        self.first = self.first.max(1);
        match self.ids.is_empty() {
            true => self.first += 1,
            false => self.ids.push_back(None),
        }
        self.first + self.ids.len() as u64 - 1
    }

    /// The id of the delivery with this tag, which is then done with.
    #[inline]
    pub fn take(&mut self, tag: u64) -> Option<Id> {
        let place = usize::try_from(tag.checked_sub(self.first)?).ok()?;
        let id = self.ids.get_mut(place)?.take();
        while self.ids.front().is_some_and(Option::is_none) {
            self.ids.pop_front();
            self.first += 1;
        }
        id
    }

    /// The tags that an answer to this one is about: all that are kept up to it, or it alone.
    #[inline]
    pub fn upto(&self, tag: u64, multiple: bool) -> std::ops::RangeInclusive<u64> {
        match multiple {
            true => self.first..=tag.min(self.first + self.ids.len() as u64),
            false => tag..=tag,
        }
    }
}

/// A consumer, as long as its connection lives.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The group or stream at which the connection ends.
    pub place: NodeId,
    /// The consumer.
    pub node: NodeId,
    /// Its name in the group.
    pub name: Rc<str>,
    /// Nothing that it reads becomes pending.
    pub no_ack: bool,
    /// Its index in the group, as last seen.
    pub consumer: u32,
    /// Without a group: the last id that it read.
    pub after: Id,
    /// Where its next XAUTOCLAIM begins.
    pub claim_from: Id,
    /// Where its next reading of its own pending entries begins, until it has read all.
    pub own_from: Option<Id>,
    /// Its deliveries.
    pub tags: Tags,
    /// Its number among the blocked.
    pub blocked: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_rise_and_are_taken_once() {
        let id = |ms| Id { ms, seq: 0 };
        let mut tags = Tags::default();
        assert_eq!([tags.give(id(1)), tags.give(id(2)), tags.pass(), tags.give(id(4))], [1, 2, 3, 4]);
        assert_eq!([tags.take(2), tags.take(2), tags.take(9), tags.take(0)], [Some(id(2)), None, None, None]);
        assert_eq!((tags.upto(3, true), tags.upto(u64::MAX, true), tags.upto(3, false)), (1..=3, 1..=5, 3..=3));
        assert_eq!((tags.take(1), tags.upto(4, true)), (Some(id(1)), 4..=4));
        assert_eq!((tags.take(3), tags.take(4)), (None, Some(id(4))));
        assert_eq!([tags.pass(), tags.give(id(6))], [5, 6]);
        assert_eq!(tags.take(6), Some(id(6)));
    }
}
