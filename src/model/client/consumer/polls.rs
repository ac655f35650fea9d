//! The poll loop: asking for messages where a broker hands out only what is asked for.
//!
//! Reproduces: the loop around Kafka's `poll`, SQS's `ReceiveMessage` or Redis' `XREADGROUP`: ask for some messages,
//! work on them, ask again. There is one question at a time on each link. A question that is not answered in time is
//! asked again, as clients do after their request timeout (Kafka `request.timeout.ms`, 30 s for a consumer; botocore
//! `read_timeout`, 60 s); what comes late is taken all the same. Where acknowledgements are commits of a position, a
//! question says what is settled, so that the next commit covers for one that was lost, and what never came is fetched
//! again, as Kafka's client does by its position. Leaves out: asking ahead while there is work; that a
//! client closes the connection when a request timed out, so that a late answer reaches nobody.

use std::collections::VecDeque;

use crate::kernel::Context;
use crate::vocabulary::{BrokerMessage, Duration, FlatMap, LinkId, Time, TimerId};

use super::plan::{Ack, Plan};

/// An empty answer that came sooner than this after its question is followed by a rest of this length. A broker that
/// answers at once would otherwise be asked without end.
const REST: Duration = Duration::from_millis(100);

/// Deliveries that are kept as open at one link: more than a consumer may hold.
const OPEN_MAX: usize = 2 * super::WAITING_MAX;

/// Marks the keys of the timers that end a rest. The keys of work are small numbers.
const REST_KEY: u64 = 1 << 32;

/// Marks the keys of the timers that look whether a question was answered.
const WATCH_KEY: u64 = 1 << 33;

/// Where the loop stands at one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is asked.
    Idle,
    /// A question is open since then.
    Asked(Time),
    /// Nothing is asked until a timer ends.
    Resting,
}

/// The loop at one link.
#[derive(Clone, Debug)]
struct Poll {
    state: State,
    /// Acknowledgements are commits.
    commits: bool,
    /// The tag of the next delivery, where they are commits.
    next: u64,
    /// Deliveries that are not settled, or never came, by rising tag.
    open: VecDeque<u64>,
    /// Where the question said that nothing is in hand: open deliveries before this one come again.
    fetched_again: u64,
    /// The timer that will look whether the question was answered. One at a time serves many questions.
    watch: Option<TimerId>,
}

/// The links at which messages have to be asked for.
#[derive(Clone, Debug, Default)]
pub struct Polls {
    links: FlatMap<LinkId, Poll>,
    /// Questions that were asked again because no answer came.
    timed_out: u64,
}

impl Polls {
    /// True if every broker pushes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// How many questions were not answered in time.
    pub fn timed_out(&self) -> u64 {
        self.timed_out
    }

    /// True if automatic acknowledgements at this link are made by commits.
    #[inline]
    pub fn commits(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|poll| poll.commits)
    }

    /// At this link messages have to be asked for.
    pub fn add(&mut self, link: LinkId, commits: bool, next: u64) {
        let new = || Poll { state: State::Idle, commits, next, open: VecDeque::new(), fetched_again: 0, watch: None };
        self.links.get_or_insert_with(link, new);
    }

    /// A delivery has come in, and all with smaller tags are late or lost.
    #[inline]
    pub fn came(&mut self, link: LinkId, tag: u64) {
        let Some(poll) = self.links.get_mut(&link).filter(|poll| poll.commits) else { return };
        while poll.next <= tag && poll.open.len() < OPEN_MAX {
            poll.open.push_back(poll.next);
            poll.next += 1;
        }
    }

    /// A delivery was acknowledged, or given up.
    #[inline]
    pub fn settled(&mut self, link: LinkId, tag: u64) {
        let Some(poll) = self.links.get_mut(&link) else { return };
        if let Ok(index) = poll.open.binary_search(&tag) {
            poll.open.remove(index);
        }
    }

    /// The connection over this link is gone, and an open question with it.
    pub fn remove(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    /// The process is gone, and all its connections.
    pub fn clear(&mut self) {
        self.links = FlatMap::new();
    }

    /// The answer to the question at this link is complete.
    pub fn answered(&mut self, link: LinkId, count: u16, context: &mut Context) {
        let Some(poll) = self.links.get_mut(&link) else { return };
        let State::Asked(asked) = poll.state else { return };
        poll.state = State::Idle;
        poll.open.retain(|tag| *tag >= poll.fetched_again);
        poll.fetched_again = 0;
        if count == 0 && context.now().since(asked) < REST {
            poll.state = State::Resting;
            context.set_timer(REST, REST_KEY | u64::from(link.0));
        }
    }

    /// A timer ran out. False if it is none of the loop's.
    pub fn on_timer(&mut self, (timer, key): (TimerId, u64), plan: &Plan, context: &mut Context) -> bool {
        let link = LinkId(key as u32);
        match key & !u64::from(u32::MAX) {
            REST_KEY => {
                if let Some(poll) = self.links.get_mut(&link).filter(|poll| poll.state == State::Resting) {
                    poll.state = State::Idle;
                }
            }
            WATCH_KEY => self.watch(link, timer, plan, context),
            _ => return false,
        }
        true
    }

    /// Gives a question up that is not answered in time, or looks again when its time is over.
    fn watch(&mut self, link: LinkId, timer: TimerId, plan: &Plan, context: &mut Context) {
        // A timer of an earlier connection looks at nothing.
        let Some(poll) = self.links.get_mut(&link).filter(|poll| poll.watch == Some(timer)) else { return };
        poll.watch = None;
        let State::Asked(asked) = poll.state else { return };
        let over = asked + plan.pull_wait + plan.request_timeout;
        if over > context.now() {
            poll.watch = Some(context.set_timer(over.since(context.now()), key_of_watch(link)));
        } else {
            poll.state = State::Idle;
            self.timed_out += 1;
        }
    }

    /// Sends the question over every link where none is open. `holds`: whether a delivery of the link is in hand.
    pub fn ask(&mut self, plan: &Plan, holds: impl Fn(LinkId) -> bool, context: &mut Context) {
        for (link, poll) in self.links.iter_mut().filter(|(_, poll)| poll.state == State::Idle) {
            poll.state = State::Asked(context.now());
            let settled = poll.open.front().map_or(poll.next, |first| *first).saturating_sub(1);
            // Who never acknowledges has all in hand.
            let holds = !poll.commits || plan.ack == Ack::Never || holds(*link);
            poll.fetched_again = if holds { 0 } else { poll.next };
            let question = BrokerMessage::Pull { max: plan.pull_max, wait: plan.pull_wait, settled, holds };
            context.send_link(context.node(), *link, question.into());
            if poll.watch.is_none() {
                poll.watch = Some(context.set_timer(plan.pull_wait + plan.request_timeout, key_of_watch(*link)));
            }
        }
    }
}

fn key_of_watch(link: LinkId) -> u64 {
    WATCH_KEY | u64::from(link.0)
}
