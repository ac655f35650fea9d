//! The trace: the newest stretch of a run's events, and the contents of its newest messages.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::vocabulary::{Content, EventId, MessageId, Time, TraceEvent};

use super::limits::{CONTENTS_MAX, TRACE_MAX};

/// A bounded window on the events of a run, oldest first, without a gap.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    events: VecDeque<TraceEvent>,
    contents: HashMap<MessageId, Rc<Content>>,
    content_order: VecDeque<MessageId>,
}

impl Trace {
    #[inline]
    pub(super) fn push(&mut self, event: TraceEvent) {
        if self.events.len() >= TRACE_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    pub(super) fn remember(&mut self, content: Rc<Content>) {
        let id = content.id;
        if self.contents.insert(id, content).is_none() {
            self.content_order.push_back(id);
            if self.content_order.len() > CONTENTS_MAX {
                if let Some(oldest) = self.content_order.pop_front() {
                    self.contents.remove(&oldest);
                }
            }
        }
    }

    /// Forgets every event after `last`: the run went back to that point.
    pub(super) fn rewind_to(&mut self, last: EventId) {
        match self.events.front() {
            Some(first) if first.id <= last => {
                let keep = (last.0 - first.id.0 + 1) as usize;
                self.events.truncate(keep);
            }
            _ => self.events.clear(),
        }
    }

    /// How many events are kept.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// True if no event is kept.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The event of this number, if it is still kept.
    pub fn get(&self, id: EventId) -> Option<&TraceEvent> {
        let first = self.events.front()?.id.0;
        self.events.get(usize::try_from(id.0.checked_sub(first)?).ok()?)
    }

    /// The kept events, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &TraceEvent> + ExactSizeIterator {
        self.events.iter()
    }

    /// The kept events from `start` up to and including `end`.
    pub fn between(&self, start: Time, end: Time) -> impl DoubleEndedIterator<Item = &TraceEvent> + ExactSizeIterator {
        let low = self.events.partition_point(|event| event.at < start);
        let high = self.events.partition_point(|event| event.at <= end);
        self.events.range(low..high.max(low))
    }

    /// The kept events after number `id`.
    pub fn after(&self, id: EventId) -> impl DoubleEndedIterator<Item = &TraceEvent> + ExactSizeIterator {
        let low = self.events.partition_point(|event| event.id <= id);
        self.events.range(low..)
    }

    /// The content of a message, if it is still kept.
    pub fn content(&self, message: MessageId) -> Option<&Rc<Content>> {
        self.contents.get(&message)
    }
}
