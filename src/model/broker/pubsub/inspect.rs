//! What can be seen of topics and subscriptions.

use crate::kernel::{Inspection, InspectionItem, ItemState};

use super::server::PubSub;
use super::store::{Entry, State};

impl PubSub {
    pub(super) fn inspect_service(&self) -> Inspection {
        let rows = vec![
            ("Topics", self.topic_names.len().to_string()),
            ("Subscriptions", self.subscription_names.len().to_string()),
            ("Snapshots", self.snapshots.len().to_string()),
            ("Messages", self.held_count.to_string()),
        ];
        Inspection { headline: "Google Cloud Pub/Sub".to_string(), rows, ..Inspection::default() }
    }

    pub(super) fn inspect_topic(&self, number: u32) -> Inspection {
        let Some(topic) = self.topic(number) else { return Inspection::default() };
        let mut rows =
            vec![("Subscriptions", topic.subscriptions.len().to_string()), ("Published", topic.published.to_string())];
        if let Some(retention) = topic.retention {
            rows.push(("Retention", retention.to_string()));
            rows.push(("Kept for seeks", topic.kept.len().to_string()));
        }
        let headline = match topic.subscriptions.len() {
            0 => "no subscription: messages are lost".to_string(),
            1 => "1 subscription".to_string(),
            count => format!("{count} subscriptions"),
        };
        Inspection { headline, rows, ..Inspection::default() }
    }

    pub(super) fn inspect_subscription(&self, number: u32, items_max: usize) -> Inspection {
        let Some(subscription) = self.subscription(number) else { return Inspection::default() };
        let [waiting, outstanding, acked] = subscription.store.counts();
        let config = &subscription.config;
        let item = |entry: &Entry| InspectionItem {
            message: entry.content.id,
            state: match (entry.state, entry.was_handed) {
                (State::Outstanding, _) => ItemState::Unacked,
                (_, true) => ItemState::ReadyAgain,
                (_, false) => ItemState::Ready,
            },
            holder: (entry.state == State::Outstanding).then_some(entry.holder),
        };
        let seen = subscription.store.seen(items_max);
        let topic = subscription.topic.and_then(|topic| self.topic(topic));
        let mut rows = vec![
            ("Topic", topic.map_or("none".to_string(), |topic| topic.name.to_string())),
            ("Delivery", if config.is_push { "push" } else { "pull" }.to_string()),
            ("Subscribers", subscription.streams.len().to_string()),
            ("Acknowledgement deadline", config.ack_deadline.to_string()),
        ];
        if config.is_ordered {
            rows.push(("Ordering keys", subscription.store.key_count().to_string()));
        }
        if acked > 0 {
            rows.push(("Acknowledged and kept", acked.to_string()));
        }
        if let Some(filter) = &config.filter {
            rows.push(("Filter", filter.text().to_string()));
        }
        if let Some(flaw) = &config.filter_flaw {
            rows.push(("Filter can't be read", flaw.clone()));
        }
        if config.is_push {
            rows.push(("Push window", subscription.push.window.to_string()));
            if let Some(until) = subscription.push.paused_until {
                rows.push(("Pushes rest until", until.to_string()));
            }
        }
        let next = seen.iter().filter(|entry| matches!(entry.state, State::Outstanding | State::Backoff));
        if let Some(next) = next.min_by_key(|entry| entry.due) {
            rows.push(("Next deadline", format!("{}, attempt {}", next.due, next.failures + 1)));
        }
        if let Some((dead, topic)) = subscription.dead.and_then(|dead| Some((dead, self.topic(dead.topic)?))) {
            rows.push(("Dead letters", format!("{} after {} attempts", topic.name, dead.attempts_max)));
        }
        Inspection {
            headline: format!("{waiting} waiting · {outstanding} outstanding"),
            items: seen.into_iter().map(item).collect(),
            item_count: (waiting + outstanding) as usize,
            rows,
        }
    }
}
