//! The inside of a stream or a group: entries, positions, and what is pending with its owner, idle time and deliveries.

use crate::kernel::{InsideRow, InsideTable, ItemState};
use crate::vocabulary::{Content, Duration, MessageId, NodeId, Time};

use super::drawing::Place;
use super::fields::visit;
use super::group::{Group, Nack, UNKNOWN};
use super::id::Id;
use super::server::RedisStreams;
use super::stream::Stream;

const ENTRIES: &[&str] = &["id", "message", "fields"];
const GROUPS: &[&str] = &["group", "last delivered id", "entries read", "lag", "pending"];
const PENDING: &[&str] = &["id", "message", "consumer", "idle", "deliveries"];
const CONSUMERS: &[&str] = &["consumer", "pending", "seen"];

/// Characters of an entry's fields that are shown.
const FIELDS_MAX: usize = 60;

/// The lists of a member; none for the server itself.
pub(super) fn tables(server: &RedisStreams, node: NodeId, now: Time, rows_max: usize) -> Vec<InsideTable> {
    match server.places.get(&node) {
        Some(Place::Stream(place)) => {
            server.store.stream(place.slot).map(|stream| of_stream(stream, rows_max)).unwrap_or_default()
        }
        Some(Place::Group(_)) => {
            let found = server.group_at(node).and_then(|(slot, index)| {
                let stream = server.store.stream(slot)?;
                stream.group(index).map(|group| of_group(stream, group, now, rows_max))
            });
            found.unwrap_or_default()
        }
        None => Vec::new(),
    }
}

fn of_stream(stream: &Stream, rows_max: usize) -> Vec<InsideTable> {
    let row = |(id, content): (Id, &std::rc::Rc<Content>)| entry(id, content, ItemState::Ready);
    let group = |group: &Group| InsideRow {
        message: MessageId::NONE,
        state: None,
        cells: vec![
            group.name.to_string(),
            group.last_id.to_string(),
            known(Some(group.entries_read).filter(|read| *read != UNKNOWN)),
            known(stream.lag(group.place.1)),
            group.pending.len().to_string(),
        ],
    };
    vec![
        InsideTable {
            title: format!("Entries · last id {}, {} nodes", stream.last_id, stream.node_count()),
            columns: ENTRIES,
            rows: stream.entries.iter().take(rows_max).map(row).collect(),
            row_count: stream.entries.len(),
        },
        InsideTable {
            title: "Groups".to_string(),
            columns: GROUPS,
            rows: stream.groups_by_name().take(rows_max).map(group).collect(),
            row_count: stream.group_count(),
        },
    ]
}

fn of_group(stream: &Stream, group: &Group, now: Time, rows_max: usize) -> Vec<InsideTable> {
    let now_ms = now.0 / 1_000_000;
    let ago = |time_ms: u64| Duration::from_millis(now_ms.saturating_sub(time_ms)).to_string();
    let pending = |(id, nack): (Id, &Nack)| InsideRow {
        message: nack.message,
        state: (!nack.is_gone).then_some(ItemState::Unacked),
        cells: vec![
            id.to_string(),
            if nack.is_gone { "deleted".to_string() } else { nack.message.to_string() },
            stream.consumer_name(group.place.1, nack.consumer).to_string(),
            ago(nack.time_ms),
            nack.count.to_string(),
        ],
    };
    let unread = |(id, content): (Id, &std::rc::Rc<Content>)| match group.again.get(id) {
        Some(()) => entry(id, content, ItemState::ReadyAgain),
        None => entry(id, content, ItemState::Ready),
    };
    let consumers = group.consumers_by_name().filter_map(|index| group.consumer(index)).map(|consumer| InsideRow {
        message: MessageId::NONE,
        state: None,
        cells: vec![consumer.name.to_string(), consumer.pending.to_string(), format!("{} ago", ago(consumer.seen_ms))],
    });
    vec![
        InsideTable {
            title: "Pending entries".to_string(),
            columns: PENDING,
            rows: group.pending.iter().take(rows_max).map(pending).collect(),
            row_count: group.pending.len(),
        },
        InsideTable {
            title: format!("Not delivered · after {}", group.last_id),
            columns: ENTRIES,
            rows: stream.unread_by(group).take(rows_max).map(unread).collect(),
            row_count: group.mark.levels.ready as usize,
        },
        InsideTable {
            title: "Consumers".to_string(),
            columns: CONSUMERS,
            rows: consumers.take(rows_max).collect(),
            row_count: group.consumers_by_name().len(),
        },
    ]
}

fn entry(id: Id, content: &Content, state: ItemState) -> InsideRow {
    let mut fields = String::new();
    visit(content, &mut |name, value| {
        if fields.len() < 4 * FIELDS_MAX {
            let space = if fields.is_empty() { "" } else { " " };
            fields.push_str(&format!("{space}{name}={}", value.chars().take(FIELDS_MAX).collect::<String>()));
        }
    });
    let fields = fields.chars().take(FIELDS_MAX).collect();
    InsideRow { message: content.id, state: Some(state), cells: vec![id.to_string(), content.id.to_string(), fields] }
}

fn known(number: Option<i64>) -> String {
    number.map_or("unknown".to_string(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use crate::kernel::rng::Stream;
    use crate::model::broker::redis_streams::{server, STREAM, STREAM_GROUP};
    use crate::model::broker::server::{Call, Session};
    use crate::model::kind::settings;
    use crate::vocabulary::{NodeId, Settings, Time, Value, WireId};

    #[test]
    fn every_entry_is_listed_with_its_owner_and_deliveries() {
        let mut redis = server(&Settings::default());
        let (mut random, mut messages_made, mut outcome) = (Stream::named(1, "a", "b"), 0, Vec::new());
        let mut call = Call {
            now: Time::ZERO,
            broker: NodeId(1),
            slow_percent: 100,
            random: &mut random,
            messages_made: &mut messages_made,
            outcome: &mut outcome,
        };
        for (node, kind, name) in [(NodeId(2), &STREAM, "s"), (NodeId(3), &STREAM_GROUP, "g")] {
            let mut values = settings(kind.params, |_| None);
            values.set("name", Value::Text(name.into()));
            redis.declare(node, kind.name, &values, &mut call);
        }
        redis.join(WireId(1), NodeId(2), NodeId(3), &Settings::default(), &mut call);
        for line in [
            "XADD s 1-0 f a",
            "XADD s 2-0 f b",
            "XADD s 3-0 f c",
            "XREADGROUP GROUP g w COUNT 2 STREAMS s >",
            "XREADGROUP GROUP g w COUNT 1 STREAMS s 0",
        ] {
            let answer = redis.execute(Session::of_console(0), "main", line, &mut call);
            assert!(answer.get("error").is_none(), "{line}: {answer}");
        }
        let now = Time(1_500_000_000);
        let group = redis.inside(NodeId(3), now, 1);
        assert_eq!((group[0].rows.len(), group[0].row_count), (1, 2));
        assert_eq!(group[0].rows[0].cells[2..], ["w", "1.5s", "2"]);
        assert_eq!((&*group[1].rows[0].cells[0], &*group[1].rows[0].cells[2]), ("3-0", "f=c"));
        assert_eq!(group[2].rows[0].cells, ["w", "2", "1.5s ago"]);
        let stream = redis.inside(NodeId(2), now, 9);
        assert_eq!((stream[0].row_count, &*stream[0].title), (3, "Entries · last id 3-0, 1 nodes"));
        assert_eq!(stream[1].rows[0].cells, ["g", "2-0", "2", "1", "2"]);
        assert!(redis.inside(NodeId(1), now, 9).is_empty());
    }
}
