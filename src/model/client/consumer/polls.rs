//! The poll loop: asking for messages where a broker hands out only what is asked for.
//!
//! Reproduces: the loop around Kafka's `poll`, SQS's `ReceiveMessage` or Redis' `XREADGROUP`: ask for some messages,
//! work on them, ask again. There is one question at a time on each link. Leaves out: asking ahead while there is work.

use crate::kernel::Context;
use crate::vocabulary::{BrokerMessage, Duration, FlatMap, LinkId, Time};

/// An empty answer that came sooner than this after its question is followed by a rest of this length. A broker that
/// answers at once would otherwise be asked without end.
const REST: Duration = Duration::from_millis(100);

/// Marks the keys of the timers that end a rest. The keys of work are small numbers.
const REST_KEY: u64 = 1 << 32;

/// Where the loop stands at one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    /// Nothing is asked.
    Idle,
    /// A question is open since then.
    Asked(Time),
    /// Nothing is asked until a timer ends.
    Resting,
}

/// The links at which messages have to be asked for.
#[derive(Clone, Debug, Default)]
pub struct Polls {
    links: FlatMap<LinkId, Poll>,
}

/// The link whose rest ends with a timer of this key; nothing if the key is not of a rest.
pub fn link_of(key: u64) -> Option<LinkId> {
    (key & REST_KEY != 0).then_some(LinkId(key as u32))
}

impl Polls {
    /// True if every broker pushes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// At this link messages have to be asked for.
    pub fn add(&mut self, link: LinkId) {
        self.links.get_or_insert_with(link, || Poll::Idle);
    }

    /// The connection over this link is gone, and an open question with it.
    pub fn remove(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    /// The answer to the question at this link is complete.
    pub fn answered(&mut self, link: LinkId, count: u16, context: &mut Context) {
        let Some(poll) = self.links.get_mut(&link) else { return };
        let Poll::Asked(asked) = *poll else { return };
        *poll = Poll::Idle;
        if count == 0 && context.now().since(asked) < REST {
            *poll = Poll::Resting;
            context.set_timer(REST, REST_KEY | u64::from(link.0));
        }
    }

    /// The rest at this link is over.
    pub fn rested(&mut self, link: LinkId) {
        if let Some(poll) = self.links.get_mut(&link).filter(|poll| **poll == Poll::Resting) {
            *poll = Poll::Idle;
        }
    }

    /// Sends the question over every link where none is open.
    pub fn ask(&mut self, question: &BrokerMessage, context: &mut Context) {
        for (link, poll) in self.links.iter_mut().filter(|(_, poll)| **poll == Poll::Idle) {
            *poll = Poll::Asked(context.now());
            context.send_link(context.node(), *link, question.clone().into());
        }
    }
}
