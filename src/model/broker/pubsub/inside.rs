//! The inside of topics and subscriptions: messages with their state and attempts, and until when they are outstanding;
//! what a topic keeps for seeks; the snapshots of the service.

use crate::kernel::{InsideRow, InsideTable, ItemState};
use crate::vocabulary::{MessageId, Time};

use super::server::PubSub;
use super::store::{Entry, State};

const COLUMNS: &[&str] = &["message", "key", "state", "attempt", "due", "expires"];

fn until(at: Time, now: Time) -> String {
    format!("in {}", at.since(now).rounded())
}

fn row(entry: &Entry, now: Time) -> InsideRow {
    let (state, item) = match (entry.state, entry.was_handed) {
        (State::Ready, false) => ("waiting", ItemState::Ready),
        (State::Ready, true) => ("waiting again", ItemState::ReadyAgain),
        (State::Backoff, _) => ("backoff", ItemState::ReadyAgain),
        (State::Outstanding, _) => ("outstanding", ItemState::Unacked),
        (State::Acked, _) => ("acknowledged, kept", ItemState::Ready),
    };
    let due = match entry.state {
        State::Outstanding | State::Backoff => until(entry.due, now),
        State::Ready | State::Acked => String::new(),
    };
    InsideRow {
        message: entry.content.id,
        state: Some(item),
        cells: vec![
            entry.content.id.to_string(),
            entry.content.routing_key.to_string(),
            state.to_string(),
            (entry.failures + 1).to_string(),
            due,
            until(entry.expires, now),
        ],
    }
}

impl PubSub {
    pub(super) fn inside_service(&self, now: Time, rows_max: usize) -> Vec<InsideTable> {
        if self.snapshots.is_empty() {
            return Vec::new();
        }
        let row = |(name, topic, at): (&str, String, Time)| InsideRow {
            message: MessageId::NONE,
            state: None,
            cells: vec![name.to_string(), topic, until(at, now)],
        };
        let named = self.snapshots.iter().map(|(name, snapshot)| {
            let topic = self.topic(snapshot.topic).map_or(String::new(), |topic| topic.name.to_string());
            (&**name, topic, snapshot.expires)
        });
        vec![InsideTable {
            title: "Snapshots".to_string(),
            columns: &["snapshot", "topic", "expires"],
            rows: named.take(rows_max).map(row).collect(),
            row_count: self.snapshots.len(),
        }]
    }

    pub(super) fn inside_topic(&self, number: u32, now: Time, rows_max: usize) -> Vec<InsideTable> {
        let Some(topic) = self.topic(number).filter(|topic| !topic.kept.is_empty()) else { return Vec::new() };
        let rows = topic.kept.iter().take(rows_max).map(|kept| InsideRow {
            message: kept.content.id,
            state: None,
            cells: vec![kept.content.id.to_string(), format!("{} ago", now.since(kept.published).rounded())],
        });
        vec![InsideTable {
            title: "Kept for seeks".to_string(),
            columns: &["message", "published"],
            rows: rows.collect(),
            row_count: topic.kept.len(),
        }]
    }

    pub(super) fn inside_subscription(&self, number: u32, now: Time, rows_max: usize) -> Vec<InsideTable> {
        let Some(subscription) = self.subscription(number) else { return Vec::new() };
        let [waiting, outstanding, acked] = subscription.store.counts();
        let mut entries = subscription.store.seen(rows_max);
        let left = rows_max.saturating_sub(entries.len()).min(acked as usize);
        entries.extend(subscription.store.iter().filter(|entry| entry.state == State::Acked).take(left));
        vec![InsideTable {
            title: format!("{waiting} waiting, {outstanding} outstanding, {acked} acknowledged and kept"),
            columns: COLUMNS,
            rows: entries.into_iter().map(|entry| row(entry, now)).collect(),
            row_count: (waiting + outstanding + acked) as usize,
        }]
    }
}

#[cfg(test)]
mod tests {
    use crate::kernel::rng::Stream;
    use crate::model::broker::pubsub::{server, SUBSCRIPTION, TOPIC};
    use crate::model::broker::server::{Call, Session};
    use crate::model::kind::settings;
    use crate::vocabulary::{Duration, NodeId, Settings, Time, Value, WireId};

    #[test]
    fn every_message_is_listed_with_what_the_subscription_knows_of_it() {
        let mut server = server(&Settings::default());
        let (mut random, mut messages_made, mut outcome) = (Stream::named(1, "a", "b"), 0, Vec::new());
        let mut call = Call {
            now: Time::ZERO,
            broker: NodeId(1),
            slow_percent: 100,
            random: &mut random,
            messages_made: &mut messages_made,
            outcome: &mut outcome,
        };
        for (node, kind, name) in [(NodeId(2), &TOPIC, "t"), (NodeId(3), &SUBSCRIPTION, "s")] {
            let mut values = settings(kind.params, |_| None);
            values.set("name", Value::Text(name.into()));
            values.set("enableMessageOrdering", Value::Toggle(true));
            server.declare(node, kind.name, &values, &mut call);
        }
        server.join(WireId(1), NodeId(2), NodeId(3), &Settings::default(), &mut call);
        let lines = [
            "publish t a ordering-key=k",
            "publish t b ordering-key=k",
            "pull s max=2",
            "ack s b",
            "snapshot create n s",
        ];
        for line in lines {
            let answer = server.execute(Session::of_console(0), "main", line, &mut call);
            assert!(answer.get("error").is_none(), "{line}: {answer}");
        }
        let now = Time::ZERO + Duration::from_secs(1);
        let tables = server.inside(NodeId(3), now, 9);
        assert_eq!(tables[0].title, "0 waiting, 1 outstanding, 1 acknowledged and kept");
        let cells = |row: usize| tables[0].rows[row].cells.clone();
        assert_eq!((&*cells(0)[1], &*cells(0)[2], &*cells(0)[4]), ("k", "outstanding", "in 9s"));
        assert_eq!((&*cells(1)[2], tables[0].row_count), ("acknowledged, kept", 2));
        assert_eq!(server.inside(NodeId(1), now, 9)[0].rows[0].cells[..2], ["n", "t"]);
        assert!(server.inside(NodeId(2), now, 9).is_empty(), "the topic keeps nothing");
    }
}
