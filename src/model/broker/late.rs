//! Answers that a slow disk or a slow service holds back.
//!
//! A server acts at the time of a call and says with each frame whether it waits for the disk. At normal speed nothing
//! waits: the normal time is part of the link's latency. While the broker is slowed down, an answer takes as much longer
//! as the disk does. One disk serves one after the other, so answers keep their order.
//!
//! What is held back when the broker crashes is not sent.

use std::collections::VecDeque;

use crate::kernel::Context;
use crate::vocabulary::{BrokerMessage, DropReason, Duration, Fact, Message, MessageId, NodeId, Time};

use super::server::Session;

/// A frame, and what is said when it goes.
#[derive(Clone, Debug)]
pub struct LateFrame {
    /// The client.
    pub session: Session,
    /// The member at which the connection ends.
    pub from: NodeId,
    /// What is sent.
    pub frame: BrokerMessage,
    /// The message that is confirmed by it, if one is.
    pub confirms: Option<MessageId>,
}

/// One row of answers that wait.
#[derive(Clone, Debug, Default)]
pub struct Late {
    rows: VecDeque<(Time, LateFrame)>,
}

/// How much longer than at normal speed something takes that normally takes `normal`.
pub fn longer(normal: Duration, slow_percent: u32) -> Duration {
    let percent = u128::from(slow_percent.saturating_sub(100));
    Duration((u128::from(normal.0) * percent / 100).min(u128::from(u64::MAX / 4)) as u64)
}

impl Late {
    /// True if nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// When the next answer goes.
    #[inline]
    pub fn next(&self) -> Option<Time> {
        self.rows.front().map(|(at, _)| *at)
    }

    /// Sends a frame after the others, and not before this much time has gone by.
    #[inline]
    pub fn send(&mut self, late: LateFrame, after: Duration, context: &mut Context) {
        if self.rows.is_empty() && after == Duration::ZERO {
            return go(late, context);
        }
        let earliest = self.rows.back().map_or(Time::ZERO, |(at, _)| *at);
        self.rows.push_back(((context.now() + after).max(earliest), late));
    }

    /// Sends what is due.
    pub fn send_due(&mut self, context: &mut Context) {
        while self.next().is_some_and(|at| at <= context.now()) {
            self.rows.pop_front().into_iter().for_each(|(_, late)| go(late, context));
        }
    }

    /// The connection is lost, or with no session all of them: what waits for it is not sent.
    pub fn forget(&mut self, session: Option<Session>, context: &mut Context) {
        self.rows.retain(|(_, late)| {
            let is_kept = session.is_some_and(|session| late.session != session);
            let about = late.frame.about();
            if !is_kept && about != MessageId::NONE {
                let fact = Fact::Dropped { reason: DropReason::ConnectionLost, what: late.frame.carried() };
                context.record_at(late.from, about, fact);
            }
            is_kept
        });
    }
}

fn go(late: LateFrame, context: &mut Context) {
    let LateFrame { session, from, frame, confirms } = late;
    if let Some(message) = confirms {
        context.record_at(from, message, Fact::Confirmed {});
    }
    if let Some(link) = session.link() {
        context.send_link(from, link, Message::Broker(frame));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_slower_than_normal_takes_longer() {
        let normal = Duration::from_millis(200);
        assert_eq!(longer(normal, 50), Duration::ZERO);
        assert_eq!(longer(normal, 100), Duration::ZERO);
        assert_eq!(longer(normal, 350), Duration::from_millis(500));
        assert!(longer(Duration(u64::MAX), u32::MAX) < Duration(u64::MAX));
    }
}
