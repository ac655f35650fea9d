//! Subscriptions that the broker has ended.
//!
//! Reproduces: RabbitMQ's `basic.cancel` to a consumer (RabbitMQ 3.10, "Consumer Cancel Notification": its queue was
//! deleted, or the node failed on which it was) and a channel that the broker closed. The frame says no reason. Clients
//! begin anew after a while: Spring AMQP's listener container after 5 s (`recoveryInterval`), and what it had in memory
//! is given up, for its channel is closed.
//!
//! Leaves out: giving up after some tries (Spring AMQP: `declarationRetries`).

use crate::kernel::Context;
use crate::vocabulary::{Duration, FlatMap, LinkId, Time};

/// How long a consumer waits before it subscribes again: Spring AMQP's `recoveryInterval`.
const RETRY: Duration = Duration::from_secs(5);

/// Marks the keys of the timers after which it subscribes again.
const RETRY_KEY: u64 = 1 << 34;

/// The links over which nothing comes until it subscribes again, and when that will be.
#[derive(Clone, Debug, Default)]
pub struct Cancelled {
    links: FlatMap<LinkId, Time>,
    count: u64,
}

impl Cancelled {
    /// The broker has ended the subscription over this link.
    pub fn add(&mut self, link: LinkId, context: &mut Context) {
        self.count += 1;
        self.links.insert(link, context.now() + RETRY);
        context.set_timer(RETRY, RETRY_KEY | u64::from(link.0));
    }

    /// The link is gone, or there is a new subscription.
    pub fn remove(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    /// The process is gone.
    pub fn clear(&mut self) {
        self.links = FlatMap::new();
    }

    /// The link over which it is time to subscribe again, if the timer says that.
    pub fn due(&mut self, key: u64, context: &Context) -> Option<LinkId> {
        let link = LinkId(key as u32);
        let is_due = key & RETRY_KEY != 0 && self.links.get(&link).is_some_and(|at| *at <= context.now());
        if is_due {
            self.links.remove(&link);
        }
        is_due.then_some(link)
    }

    /// True if the timer is one of these.
    pub fn is_key(key: u64) -> bool {
        key & RETRY_KEY != 0
    }

    /// When it subscribes again next, if a subscription is ended.
    pub fn next(&self) -> Option<Time> {
        self.links.values().min().copied()
    }

    /// How many subscriptions were ended.
    pub fn count(&self) -> u64 {
        self.count
    }
}
