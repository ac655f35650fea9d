//! The inside of a queue: every message with its state, its receives, and until when it is hidden.

use crate::kernel::{InsideRow, InsideTable, ItemState};
use crate::vocabulary::Time;

use super::server::Queue;
use super::store::{State, Stored};

const COLUMNS: &[&str] = &["message", "group", "state", "receives", "due", "expires"];

/// The messages of a queue in its order.
pub(super) fn tables(queue: &Queue, now: Time, rows_max: usize) -> Vec<InsideTable> {
    let counts = queue.store.counts();
    let row = |stored: &Stored| {
        let (state, item) = match (stored.state, stored.receives_here) {
            (State::Delayed, _) => ("delayed", ItemState::Ready),
            (State::Visible, 0) => ("visible", ItemState::Ready),
            (State::Visible, _) => ("visible again", ItemState::ReadyAgain),
            (State::InFlight, _) => ("in flight", ItemState::Unacked),
        };
        let due = match stored.state {
            State::Visible => String::new(),
            State::Delayed | State::InFlight => format!("in {}", stored.due.since(now).rounded()),
        };
        let group = if queue.attributes.is_fifo { stored.content.routing_key.to_string() } else { String::new() };
        InsideRow {
            message: stored.content.id,
            state: Some(item),
            cells: vec![
                stored.content.id.to_string(),
                group,
                state.to_string(),
                stored.receives.to_string(),
                due,
                format!("in {}", stored.expires.since(now).rounded()),
            ],
        }
    };
    vec![InsideTable {
        title: format!(
            "{} · {} visible, {} in flight, {} delayed",
            if queue.attributes.is_fifo { "FIFO queue" } else { "Standard queue" },
            counts.visible,
            counts.in_flight,
            counts.delayed
        ),
        columns: COLUMNS,
        rows: queue.store.seen(rows_max).into_iter().map(row).collect(),
        row_count: counts.total() as usize,
    }]
}

#[cfg(test)]
mod tests {
    use crate::kernel::rng::Stream;
    use crate::model::broker::server::{Call, Session};
    use crate::model::broker::sqs::{server, QUEUE};
    use crate::model::kind::settings;
    use crate::vocabulary::{Duration, NodeId, Settings, Time, Value};

    #[test]
    fn every_message_is_listed_with_what_the_queue_knows_of_it() {
        let mut sqs = server(&Settings::default());
        let (mut random, mut messages_made, mut outcome) = (Stream::named(1, "a", "b"), 0, Vec::new());
        let mut call = Call {
            now: Time::ZERO,
            broker: NodeId(1),
            slow_percent: 100,
            random: &mut random,
            messages_made: &mut messages_made,
            outcome: &mut outcome,
        };
        let mut values = settings(QUEUE.params, |_| None);
        values.set("name", Value::Text("q".into()));
        sqs.declare(NodeId(2), QUEUE.name, &values, &mut call);
        for line in ["send q a", "send q b DelaySeconds=5", "send q c", "receive q"] {
            let answer = sqs.execute(Session::of_console(0), "main", line, &mut call);
            assert!(answer.get("error").is_none(), "{line}: {answer}");
        }
        let tables = sqs.inside(NodeId(2), Time::ZERO + Duration::from_secs(1), 2);
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].title, "Standard queue · 1 visible, 1 in flight, 1 delayed");
        assert_eq!((tables[0].rows.len(), tables[0].row_count), (2, 3));
        let first = &tables[0].rows[0].cells;
        assert_eq!((first[2].as_str(), first[3].as_str(), first[4].as_str()), ("in flight", "1", "in 29s"));
        assert!(sqs.inside(NodeId(1), Time::ZERO, 9).is_empty(), "the service itself keeps nothing");
    }
}
