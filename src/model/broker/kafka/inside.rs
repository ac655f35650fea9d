//! The inside of a topic, a group and the cluster, as lists.
//!
//! A topic shows each partition's newest records, with the high watermark; a group its members and its offsets.

use crate::kernel::{InsideRow, InsideTable, ItemState};
use crate::vocabulary::{MessageId, NodeId};

use super::group::Group;
use super::log::{Record, ABORTED, COMMIT, KEYED, TOMBSTONE};
use super::partition::Partition;
use super::replication::BrokerState;
use super::topic::Topic;
use super::{label, Kafka, Place};

const RECORD_COLUMNS: &[&str] = &["offset", "message", "key", "state", "segment"];
const MEMBER_COLUMNS: &[&str] = &["member", "client", "partitions"];
const OFFSET_COLUMNS: &[&str] = &["partition", "position", "committed", "high watermark", "lag"];
const BROKER_COLUMNS: &[&str] = &["broker", "state", "leads", "follows"];

impl Kafka {
    /// The lists of a node.
    pub(super) fn tables(&self, node: NodeId, rows_max: usize) -> Vec<InsideTable> {
        match self.places.get(&node) {
            Some(Place::Topic(topic)) => tables_of_topic(&self.topics[*topic as usize], rows_max),
            Some(Place::Group(group)) => self.tables_of_group(&self.groups[*group as usize], rows_max),
            None => vec![self.table_of_brokers()],
        }
    }

    fn tables_of_group(&self, group: &Group, rows_max: usize) -> Vec<InsideTable> {
        let members = group.members.iter().map(|member| {
            let silent = if member.session.is_none() { " (silent)" } else { "" };
            let client = format!("node {}{silent}", member.node.0);
            vec![member.id.to_string(), client, self.labels(&member.assignment).join(" ")]
        });
        let members: Vec<InsideRow> = members.take(rows_max).map(plain).collect();
        let known = group.books.keys().filter(|at| self.has_partition(**at));
        let offsets = known.map(|at| {
            let partition = self.partition(*at);
            let committed = group.offsets.get(at).copied();
            let here = self.clients.values().map(|client| &**client).filter(|client| Some(client.place) == group.node);
            let mut readers = here.filter(|client| client.consumer.member.is_some());
            let reader = readers.find(|client| client.consumer.owned.contains_key(at));
            let position = reader.and_then(|client| client.consumer.owned.get(at)).and_then(|owned| owned.position);
            let lag = committed.map(|committed| partition.high_watermark.saturating_sub(committed));
            let text = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
            vec![
                label(&self.topics, *at),
                text(position),
                text(committed),
                partition.high_watermark.to_string(),
                text(lag),
            ]
        });
        let offsets: Vec<InsideRow> = offsets.take(rows_max).map(plain).collect();
        let title = format!("{} · generation {} · {}", group.state.label(), group.generation, group.strategy.label());
        vec![
            InsideTable { title, columns: MEMBER_COLUMNS, rows: members, row_count: group.members.len() },
            InsideTable {
                title: "Offsets".into(),
                columns: OFFSET_COLUMNS,
                rows: offsets,
                row_count: group.books.len(),
            },
        ]
    }

    fn table_of_brokers(&self) -> InsideTable {
        let all = || self.topics.iter().filter(|topic| !topic.is_deleted).flat_map(|topic| &topic.partitions);
        let rows = self.brokers.iter().enumerate().map(|(index, broker)| {
            let number = index as u8;
            let state = match (broker.state, broker.lag) {
                (BrokerState::Down, _) => "down",
                (BrokerState::Isolated, _) => "isolated",
                (BrokerState::Up, Some(_)) => "slow",
                (BrokerState::Up, None) => "up",
            };
            let leads = all().filter(|partition| partition.leader == Some(number)).count();
            let has = |partition: &&Partition| partition.replicas.iter().any(|replica| replica.broker == number);
            let follows =
                all().filter(has).count() - all().filter(|one| one.leader == Some(number)).filter(has).count();
            plain(vec![(index + 1).to_string(), state.to_string(), leads.to_string(), follows.to_string()])
        });
        let rows: Vec<InsideRow> = rows.collect();
        InsideTable { title: "Brokers".into(), columns: BROKER_COLUMNS, row_count: rows.len(), rows }
    }
}

fn plain(cells: Vec<String>) -> InsideRow {
    InsideRow { message: MessageId::NONE, state: None, cells }
}

fn tables_of_topic(topic: &Topic, rows_max: usize) -> Vec<InsideTable> {
    let each = (rows_max / topic.partitions.len().max(1)).max(1);
    let table = |(index, partition): (usize, &Partition)| {
        let leader = partition.leader.map_or("no leader".to_string(), |leader| format!("leader {}", leader + 1));
        let in_sync = partition.in_sync_count();
        let title = format!(
            "Partition {index} · {leader} · {in_sync} of {} in sync · high watermark {}",
            partition.replicas.len(),
            partition.high_watermark
        );
        let skipped = partition.log.len().saturating_sub(each);
        InsideTable {
            title,
            columns: RECORD_COLUMNS,
            rows: partition.log.iter().skip(skipped).map(|record| row_of(partition, record)).collect(),
            row_count: partition.log.len(),
        }
    };
    topic.partitions.iter().enumerate().take(rows_max).map(table).collect()
}

fn row_of(partition: &Partition, record: &Record) -> InsideRow {
    let state = match &record.content {
        None if record.is(COMMIT) => "commit marker",
        None => "abort marker",
        _ if record.offset >= partition.high_watermark => "not replicated",
        _ if record.is(ABORTED) => "aborted",
        _ if record.offset >= partition.last_stable() => "in an open transaction, or behind one",
        _ if record.is(TOMBSTONE) => "tombstone",
        _ => "",
    };
    let key = record.content.as_ref().filter(|_| record.is(KEYED)).map_or("", |content| &*content.routing_key);
    let bases = partition.log.segments().map(|segment| segment.base);
    let segment = bases.filter(|base| *base <= record.offset).last().unwrap_or(0);
    let message = record.content.as_ref().map_or(MessageId::NONE, |content| content.id);
    InsideRow {
        message,
        state: record.content.as_ref().map(|_| ItemState::Ready),
        cells: vec![
            record.offset.to_string(),
            record.content.as_ref().map_or_else(String::new, |content| content.id.to_string()),
            key.to_string(),
            state.to_string(),
            segment.to_string(),
        ],
    }
}
