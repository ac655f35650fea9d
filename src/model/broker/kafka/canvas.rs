//! The drawing's side of the cluster: its parts, and the frames of its clients.
//!
//! Reproduces: nothing of Kafka's own; it turns frames into what a client does. A producer's link ends at a topic, a
//! consumer's at a group. An acknowledgement commits, giving a message back seeks back to it, rejecting it goes on
//! behind it. Leaves out: more time for a delivery, which Kafka does not have; null values, for a drawn message has a
//! text.
//!
//! When the whole cluster stops, everything appended survives (the operating system has it), clients run on, and group
//! membership outlives a short stop.

use std::rc::Rc;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, Content, DropReason, Fact, MessageId, NodeId, Settings, Time, WireId};

use super::client::{BatchState, Client, Consumer, Duty, Outgoing, Producer, Reading, BROKERS_MAX};
use super::config::{text_of, Config};
use super::coordination::seat_of;
use super::group::Group;
use super::log::KEYED;
use super::member::{GROUP_KIND, HOST_PARAMS, TOPIC_KIND};
use super::partition::TopicPartition;
use super::producer::reason_of;
use super::replication::{Broker, BrokerState};
use super::{shared, Kafka, Place};

impl Kafka {
    /// Takes over the settings of the cluster.
    pub(super) fn read_host(&mut self, settings: &Settings) {
        let names: Vec<&'static str> = HOST_PARAMS.iter().map(|param| param.name).collect();
        self.defaults.read(settings, &names);
        for name in &names {
            if let Some(text) = settings.get(name).and_then(text_of) {
                // What a form has let through is within the range.
                self.config.set(name, &text).unwrap_or_default();
            }
        }
        let count = settings.get("brokers").map_or(3, |_| settings.integer("brokers")).clamp(1, BROKERS_MAX as i64);
        while self.brokers.len() < count as usize {
            self.brokers.push(Broker::new());
        }
    }

    /// A topic or a group was drawn.
    pub(super) fn draw(&mut self, node: NodeId, kind: &str, settings: &Settings, call: &mut Call) {
        let name = settings.text("name");
        if kind == TOPIC_KIND.name {
            if let Some(old) = self.find_topic(&name).filter(|old| self.topics[*old as usize].node.is_none()) {
                self.delete_topic(old, DropReason::Deleted, call);
            }
            let mut config = super::config::TopicConfig::default();
            Kafka::read_topic(&mut config, settings);
            let partitions = settings.integer("partitions").clamp(1, i64::from(super::PARTITIONS_MAX)) as u32;
            let up = self.brokers.iter().filter(|broker| broker.is_registered()).count().max(1) as u32;
            let replicas = (settings.integer("replication.factor").max(1) as u32).min(up);
            if let Ok(topic) = self.create_topic(name, partitions, replicas, config, call) {
                self.topics[topic as usize].node = Some(node);
                self.places.insert(node, Place::Topic(topic));
            }
        } else if kind == GROUP_KIND.name {
            let place = match self.find_group(&name).filter(|place| self.groups[*place as usize].node.is_none()) {
                Some(place) => place,
                None => {
                    self.groups.push(Group::new(name));
                    self.groups.len() as u32 - 1
                }
            };
            self.groups[place as usize].node = Some(node);
            self.places.insert(node, Place::Group(place));
            self.configure_group(place, settings);
        }
    }

    fn configure_group(&mut self, place: u32, settings: &Settings) {
        let group = &mut self.groups[place as usize];
        let names: Vec<&'static str> = GROUP_KIND.params.iter().map(|param| param.name).collect();
        let mut config = Config::default();
        config.read(settings, &names);
        config.group = Some(group.name.clone());
        group.config = config;
    }

    /// A part, or the cluster, has new settings.
    pub(super) fn redraw(&mut self, node: NodeId, settings: &Settings, call: &mut Call) {
        match self.places.get(&node).copied() {
            None => {
                self.read_host(settings);
                let topics = &self.places;
                let is_producer = |client: &Client| matches!(topics.get(&client.place), Some(Place::Topic(_)));
                for client in self.clients.values_mut().filter(|client| is_producer(client)) {
                    client.config = self.defaults.clone();
                }
            }
            Some(Place::Topic(topic)) => {
                let known = &mut self.topics[topic as usize];
                Kafka::read_topic(&mut known.config, settings);
                let name = settings.text("name");
                let is_renamed = known.name != name && !name.is_empty();
                if is_renamed {
                    known.name = name;
                }
                // Fewer partitions are refused, as Kafka does.
                let partitions = settings.integer("partitions").max(0) as u32;
                self.add_partitions(topic, partitions, call).unwrap_or_default();
                self.each_partition(|kafka, at| {
                    if at.topic == topic {
                        kafka.plan_retention(at, call.now);
                        kafka.plan_clean(at, call.now);
                    }
                });
                if is_renamed {
                    (0..self.groups.len() as u32).for_each(|group| self.rewire(group, call));
                }
            }
            Some(Place::Group(place)) => {
                let name = settings.text("name");
                if self.find_group(&name).is_none() && !name.is_empty() {
                    let group = &mut self.groups[place as usize];
                    (group.seat, group.name) = (seat_of(&name), name);
                }
                self.configure_group(place, settings);
                let config = self.groups[place as usize].config.clone();
                for client in self.clients.values_mut().filter(|client| client.place == node) {
                    client.config = config.clone();
                }
            }
        }
    }

    /// A part was taken out of the drawing.
    pub(super) fn erase(&mut self, node: NodeId, call: &mut Call) {
        match self.places.remove(&node) {
            None => {}
            Some(Place::Topic(topic)) => {
                self.wires.retain(|_, (from, _)| *from != topic);
                self.delete_topic(topic, DropReason::Removed, call);
            }
            Some(Place::Group(place)) => {
                self.wires.retain(|_, (_, to)| *to != place);
                let at: Vec<TopicPartition> = self.groups[place as usize].books.keys().copied().collect();
                for at in at {
                    self.groups[place as usize].lose(at, 0, u64::MAX, DropReason::Removed, call);
                    self.partition_mut(at).readers.retain(|reader| *reader != place);
                }
                // Nobody can name a group without a name.
                self.groups[place as usize] = Group::new(shared(""));
                for client in self.clients.values_mut().filter(|client| client.consumer.group == Some(place)) {
                    client.consumer = Consumer::new();
                }
            }
        }
    }

    /// A group is to read a topic.
    pub(super) fn wire(&mut self, wire: WireId, from: NodeId, to: NodeId, call: &mut Call) {
        let ends = (self.places.get(&from).copied(), self.places.get(&to).copied());
        if let (Some(Place::Topic(topic)), Some(Place::Group(group))) = ends {
            self.wires.insert(wire, (topic, group));
            self.rewire(group, call);
        }
    }

    /// A group is no longer to read a topic.
    pub(super) fn unwire(&mut self, wire: WireId, call: &mut Call) {
        if let Some((_, group)) = self.wires.remove(&wire) {
            self.rewire(group, call);
        }
    }

    fn wired(&self, group: u32) -> Vec<Rc<str>> {
        let mut topics: Vec<u32> =
            self.wires.values().filter(|(_, to)| *to == group).map(|(topic, _)| *topic).collect();
        topics.sort_unstable();
        topics.dedup();
        topics.into_iter().map(|topic| self.topics[topic as usize].name.clone()).collect()
    }

    /// The consumers of a group subscribe to what is wired to it now.
    fn rewire(&mut self, group: u32, call: &mut Call) {
        let Some(node) = self.groups[group as usize].node else { return };
        let topics = self.wired(group);
        let here = self.clients.values().map(|client| &**client).filter(|client| client.place == node);
        let reads = here.filter(|client| matches!(client.consumer.reading, Reading::Topics(_)));
        let sessions: Vec<Session> = reads.map(|client| client.session).collect();
        for session in sessions {
            // It has a group, so it can't be refused.
            self.subscribe(session, topics.clone(), call).unwrap_or_default();
        }
    }

    /// The client of a session; made when it comes first.
    pub(super) fn open(&mut self, session: Session, node: NodeId, place: NodeId, name: &str, config: Config) {
        self.clients.get_or_insert_with(session, || {
            Box::new(Client {
                session,
                node,
                name: shared(name),
                config,
                producer: Producer::new(),
                consumer: Consumer::new(),
                place,
            })
        });
    }

    /// A frame of a drawn client.
    pub(super) fn take_frame(
        &mut self,
        session: Session,
        client: NodeId,
        place: NodeId,
        frame: BrokerMessage,
        call: &mut Call,
    ) {
        match frame {
            BrokerMessage::Publish(content) => self.publish(session, client, place, content, call),
            BrokerMessage::Subscribe { prefetch, auto_ack, .. } => {
                self.come(session, client, place, prefetch, auto_ack, call);
            }
            BrokerMessage::Pull { max, wait, settled, holds } => {
                self.hear_of_settled(session, settled, holds, call);
                self.poll(session, u32::from(max), wait, call);
            }
            BrokerMessage::Ack { tag, multiple: false, .. } => self.acknowledge(session, tag, call),
            BrokerMessage::Ack { tag, multiple, .. } => {
                for tag in self.tags_up_to(session, tag, multiple) {
                    self.acknowledge(session, tag, call);
                }
            }
            BrokerMessage::Nack { tag, multiple, requeue, .. } => {
                for tag in self.tags_up_to(session, tag, multiple) {
                    self.give_back(session, tag, requeue, call);
                }
            }
            BrokerMessage::Cancel => {
                self.close_poll(session, call);
                self.leave(session, true, call);
                if let Some(Place::Group(_)) = self.places.get(&place) {
                    call.fact(place, MessageId::NONE, Fact::Unsubscribed { consumer: client });
                }
            }
            // Kafka knows nothing of more time; the rest only a broker sends.
            _ => {}
        }
    }

    fn publish(&mut self, session: Session, client: NodeId, place: NodeId, content: Rc<Content>, call: &mut Call) {
        let message = content.id;
        let Some(Place::Topic(topic)) = self.places.get(&place).copied() else {
            return call.dropped(place, message, DropReason::NotConnected);
        };
        if !self.clients.contains_key(&session) {
            self.open(session, client, place, &format!("client-{:05}", client.0), self.defaults.clone());
        }
        if self.is_copy(session, message.number) {
            return call.fact(place, message, Fact::Deduplicated {});
        }
        let before = call.outcome.len();
        let flags = if content.routing_key.is_empty() { 0 } else { KEYED };
        let record = Outgoing { content, flags, tag: 0, bytes: 0 };
        if let Err(refused) = self.produce(session, topic, record, None, call) {
            call.fact(place, message, Fact::Refused {});
            return call.dropped(place, message, reason_of(refused.code));
        }
        use crate::model::broker::server::Happened;
        let is_about = |one: &Happened| matches!(one, Happened::Fact { message: other, .. } if *other == message);
        if !call.outcome[before..].iter().any(is_about) {
            // It waits in the producer's batch for now.
            call.fact(place, message, Fact::Routed { to: place });
        }
    }

    fn come(
        &mut self,
        session: Session,
        client: NodeId,
        place: NodeId,
        prefetch: u16,
        auto_ack: bool,
        call: &mut Call,
    ) {
        let Some(Place::Group(group)) = self.places.get(&place).copied() else { return };
        let config = self.groups[group as usize].config.clone();
        self.open(session, client, place, &format!("client-{:05}", client.0), config);
        let topics = self.wired(group);
        if let Some(known) = self.clients.get_mut(&session) {
            if known.consumer.auto_ack != auto_ack {
                self.forget_deliveries(session, call);
            }
        }
        if let Some(known) = self.clients.get_mut(&session) {
            known.consumer.auto_ack = auto_ack;
        }
        // It has a group, so it can't be refused.
        self.subscribe(session, topics, call).unwrap_or_default();
        call.fact(place, MessageId::NONE, Fact::Subscribed { consumer: client, prefetch });
        let next = self.clients.get(&session).map_or(0, |client| client.consumer.next_tag());
        call.frame(session, place, BrokerMessage::Pulls { commits: true, next });
    }

    /// What a client has in its hands is void; it reads on from the committed offsets.
    fn forget_deliveries(&mut self, session: Session, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        let consumer = &mut client.consumer;
        consumer.poll = None;
        consumer.tags.iter_mut().for_each(|tag| tag.1 = u64::MAX);
        for (at, owned) in consumer.owned.iter_mut() {
            owned.position = None;
            owned.unsettled.clear();
            if let Some(place) = consumer.group {
                self.groups[place as usize].take_back(*at, 0, false, call);
            }
        }
    }

    /// The whole cluster stops.
    pub(super) fn crash_all(&mut self, call: &mut Call) {
        let sessions: Vec<Session> = self.clients.keys().copied().collect();
        for session in sessions {
            match session.is_console() {
                true => self.lose_client(session, call),
                false => self.forget_deliveries(session, call),
            }
        }
        self.each_partition(|kafka, at| kafka.retry_waits(at, call));
        self.awake.clear();
    }

    /// All brokers run again, with what they had.
    pub(super) fn recover_all(&mut self, call: &mut Call) {
        for broker in 0..self.brokers.len() as u8 {
            if self.brokers[broker as usize].state != BrokerState::Up || self.brokers[broker as usize].is_fenced {
                self.start_broker(broker, call);
            }
        }
        self.each_partition(|kafka, at| {
            kafka.partition_mut(at).replicas.iter_mut().for_each(|replica| replica.fetching = false);
            kafka.fetch_all(at, call);
        });
        for place in 0..self.groups.len() as u32 {
            let silent: Vec<_> = self.groups[place as usize]
                .members
                .iter()
                .filter(|member| member.session.is_none())
                .map(|member| (member.number, member.config.session_timeout))
                .collect();
            for (number, timeout) in silent {
                self.fall_silent(place, number, timeout, call);
            }
        }
        let due = call.now;
        for client in self.clients.values_mut() {
            let consumer = &mut client.consumer;
            consumer.polled = consumer.polled.map(|polled: Time| polled.max(due));
            if consumer.member.is_none() && consumer.duty == Duty::Await {
                consumer.duty = Duty::Join;
            }
            for lane in client.producer.lanes.values_mut() {
                for batch in lane.queue.iter_mut().filter(|batch| matches!(batch.state, BatchState::Backoff(_))) {
                    batch.state = BatchState::Backoff(due);
                }
            }
        }
        self.pump_all(call);
    }
}
