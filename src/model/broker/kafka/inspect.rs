//! What can be seen of the cluster, a topic and a group, and every copy that they hold.
//!
//! A topic shows its partitions with leader, in-sync replicas and offsets; a group its members and, for each partition,
//! what is committed and how far behind that is.

use crate::kernel::{Inspection, InspectionItem, ItemState};
use crate::vocabulary::{MessageId, NodeId};

use super::group::{BookCopy, CopyState, Group};
use super::partition::Partition;
use super::topic::Topic;
use super::{label, Kafka, Place};

impl Kafka {
    /// What can be seen of a node.
    pub(super) fn look(&self, node: NodeId, items_max: usize) -> Inspection {
        match self.places.get(&node) {
            Some(Place::Topic(topic)) => look_at_topic(&self.topics[*topic as usize], items_max),
            Some(Place::Group(group)) => self.look_at_group(&self.groups[*group as usize], items_max),
            None => self.look_at_cluster(),
        }
    }

    fn look_at_cluster(&self) -> Inspection {
        let topics = self.topics.iter().filter(|topic| !topic.is_deleted).count();
        let mut rows = vec![
            ("Version", "4.0".to_string()),
            ("Topics", topics.to_string()),
            ("Groups", self.groups.iter().filter(|group| !group.name.is_empty()).count().to_string()),
            ("Records", self.record_count.to_string()),
        ];
        for (index, broker) in self.brokers.iter().enumerate() {
            let state = match broker.state {
                super::replication::BrokerState::Up => "up",
                super::replication::BrokerState::Isolated => "isolated",
                super::replication::BrokerState::Down => "down",
            };
            let slow = if broker.lag.is_some() { ", slow" } else { "" };
            rows.push(("Broker", format!("{}: {state}{slow}", index + 1)));
        }
        Inspection { headline: "Apache Kafka".into(), rows, ..Inspection::default() }
    }

    fn look_at_group(&self, group: &Group, items_max: usize) -> Inspection {
        let mut rows = vec![
            ("State", group.state.label().to_string()),
            ("Generation", group.generation.to_string()),
            ("Assignor", group.strategy.label().to_string()),
        ];
        let coordinator = self.seats.coordinator(group.seat, &self.brokers);
        let broker = coordinator.map_or("none at the moment".to_string(), |one| format!("broker {}", one + 1));
        rows.push(("Coordinator", broker));
        for member in &group.members {
            let given = self.labels(&member.assignment);
            let given = if given.is_empty() { "nothing".to_string() } else { given.join(" ") };
            rows.push(("Member", format!("{}: {given}", member.id)));
        }
        for (at, offset) in group.offsets.iter() {
            let Some(topic) = self.topics.get(at.topic as usize).filter(|topic| !topic.is_deleted) else { continue };
            let Some(partition) = topic.partitions.get(at.partition as usize) else { continue };
            let lag = partition.high_watermark.saturating_sub(*offset);
            rows.push(("Offset", format!("{}: committed {offset}, lag {lag}", label(&self.topics, *at))));
        }
        let item = |copy: &BookCopy| InspectionItem {
            message: copy.message,
            state: match copy.state {
                CopyState::Out(_) => ItemState::Unacked,
                CopyState::Back => ItemState::ReadyAgain,
                CopyState::Fresh | CopyState::Gone => ItemState::Ready,
            },
            holder: match copy.state {
                CopyState::Out(node) => Some(node),
                _ => None,
            },
        };
        let copies = group.books.values().flat_map(|book| &book.copies).filter(|copy| copy.state != CopyState::Gone);
        Inspection {
            headline: format!("lag {} · {} in hand", group.ready, group.unacked),
            items: copies.take(items_max).map(item).collect(),
            item_count: (group.ready + group.unacked) as usize,
            rows,
        }
    }

    /// Every copy, once, at the node that counts it.
    pub(super) fn visit(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        for topic in &self.topics {
            let node = topic.node.unwrap_or(self.home);
            let records = topic.partitions.iter().flat_map(|partition| partition.log.iter());
            records.filter_map(|record| record.content.as_ref()).for_each(|content| visit(node, content.id));
        }
        for group in &self.groups {
            let Some(node) = group.node else { continue };
            let copies = group.books.values().flat_map(|book| &book.copies);
            copies.filter(|copy| copy.state != CopyState::Gone).for_each(|copy| visit(node, copy.message));
        }
    }
}

/// The brokers of some replicas, counted from 1.
fn brokers(partition: &Partition, only_in_sync: bool) -> String {
    let replicas = partition.replicas.iter().filter(|replica| replica.in_sync || !only_in_sync);
    replicas.map(|replica| (replica.broker + 1).to_string()).collect::<Vec<_>>().join(" ")
}

fn look_at_topic(topic: &Topic, items_max: usize) -> Inspection {
    let mut rows = vec![("Partitions", topic.partitions.len().to_string())];
    for (index, partition) in topic.partitions.iter().enumerate() {
        let leader = partition.leader.map_or("no leader".to_string(), |leader| format!("leader {}", leader + 1));
        let text = format!(
            "{index}: {leader}, in sync {}, offsets {}..{}, high watermark {}",
            brokers(partition, true),
            partition.log.start,
            partition.log.end,
            partition.high_watermark,
        );
        rows.push(("Partition", text));
    }
    let records = topic.partitions.iter().flat_map(|partition| partition.log.iter());
    let messages = records.filter_map(|record| record.content.as_ref());
    let item = |message: MessageId| InspectionItem { message, state: ItemState::Ready, holder: None };
    Inspection {
        headline: format!("{} records", topic.record_count),
        items: messages.take(items_max).map(|content| item(content.id)).collect(),
        item_count: topic.record_count as usize,
        rows,
    }
}
