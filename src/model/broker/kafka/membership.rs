//! The client's side of a group: subscribing, joining, taking over partitions and giving them up, leaving.
//!
//! Reproduces: `ConsumerCoordinator`. All of it happens inside `poll`, or `close`. With an eager assignor a member gives
//! up everything before it joins and then gets its new share; with `cooperative-sticky` it keeps what stays, gives up
//! what moves after the first round and joins again for a second one (KIP-429). Before it gives anything up it commits,
//! if `enable.auto.commit` is on. A member that does not poll for `max.poll.interval.ms` leaves by itself; a static one
//! falls silent instead and is thrown out by its session timeout. `close` leaves, unless the member is static (KIP-345).
//!
//! Leaves out: listeners of one's own (`revoked`, `assigned` and `lost` are told).

use std::rc::Rc;

use serde_json::json;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{Duration, Fact, MessageId};

use super::assign::Strategy;
use super::client::{refusal, Duty, Owned, Reading, Refusal};
use super::partition::TopicPartition;
use super::pattern::Pattern;
use super::timers::Timer;
use super::{label, Kafka};

impl Kafka {
    /// `subscribe`: takes effect at the next poll.
    pub(super) fn subscribe(&mut self, session: Session, topics: Vec<Rc<str>>, call: &mut Call) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(&session) else { return Ok(()) };
        let Some(group) = client.config.group.clone() else {
            let text = "To use the group management or offset commit APIs, you must provide a valid group.id in the \
                        consumer configuration.";
            return Err(refusal("INVALID_GROUP_ID", text));
        };
        let place = self.use_group(&group)?;
        let is_elsewhere = self
            .clients
            .get(&session)
            .is_some_and(|client| client.consumer.group != Some(place) || client.consumer.reading == Reading::Manual);
        if is_elsewhere {
            self.leave(session, true, call);
        }
        let Some(client) = self.clients.get_mut(&session) else { return Ok(()) };
        let consumer = &mut client.consumer;
        consumer.group = Some(place);
        let reading = Reading::Topics(topics);
        if consumer.reading != reading {
            consumer.reading = reading;
            if consumer.duty == Duty::None || consumer.duty == Duty::Await {
                consumer.duty = Duty::Join;
            }
        }
        if consumer.poll_count == 0 {
            consumer.auto_commit = call.now + client.config.auto_commit_interval;
        }
        self.awake.push(session);
        Ok(())
    }

    /// Does what the group asks of a client. Only inside a poll.
    pub(super) fn follow_duty(&mut self, session: Session, call: &mut Call) -> Result<(), Refusal> {
        // Taking an assignment may lead to another round, and that to the next assignment; never to a fourth.
        for _ in 0..8 {
            let Some(client) = self.clients.get_mut(&session) else { return Ok(()) };
            match &client.consumer.duty {
                Duty::None | Duty::Await => return Ok(()),
                Duty::Fenced => {
                    let text = "The broker rejected this static consumer since another consumer with the same \
                                group.instance.id has registered with a different member.id.";
                    return Err(refusal("FENCED_INSTANCE_ID", text));
                }
                Duty::Lost => {
                    let lost = client.consumer.owned.keys().copied().collect();
                    client.consumer.duty = Duty::Join;
                    self.give_up_partitions(session, lost, "lost", call);
                }
                Duty::Join => {
                    let group = client.consumer.group;
                    let coordinator = group.and_then(|place| self.group_coordinator(place));
                    if group.is_some() && coordinator.is_none() {
                        // It goes on with what it has until somebody answers.
                        return Ok(());
                    }
                    let Some(client) = self.clients.get_mut(&session) else { return Ok(()) };
                    client.consumer.coordinator = coordinator;
                    client.consumer.duty = Duty::Await;
                    self.prepare_to_join(session, call);
                    if let Err(refused) = self.join_group(session, call) {
                        if let Some(client) = self.clients.get_mut(&session) {
                            client.consumer.duty = Duty::Join;
                        }
                        return Err(refused);
                    }
                }
                Duty::Take(_) => {
                    let Duty::Take(given) = std::mem::replace(&mut client.consumer.duty, Duty::None) else { continue };
                    self.take_assignment(session, given, call);
                }
            }
        }
        Ok(())
    }

    /// True if the client keeps its partitions while it joins.
    fn is_cooperative(&self, session: Session) -> bool {
        self.clients.get(&session).is_some_and(|client| {
            // The protocol is the best that all its assignors support.
            let strategies = &client.config.strategies;
            client.config.broker_assigns || strategies.iter().all(|one| *one == Strategy::CooperativeSticky)
        })
    }

    /// What a client does before it joins again.
    fn prepare_to_join(&mut self, session: Session, call: &mut Call) {
        self.auto_commit(session, true, call);
        let cooperates = self.is_cooperative(session);
        let Some(client) = self.clients.get(&session) else { return };
        let Reading::Topics(names) = &client.consumer.reading else { return };
        let still_wanted = |at: &TopicPartition| {
            let topic = &self.topics[at.topic as usize];
            !topic.is_deleted && names.contains(&topic.name)
        };
        let given_up: Vec<TopicPartition> =
            client.consumer.owned.keys().copied().filter(|at| !(cooperates && still_wanted(at))).collect();
        self.give_up_partitions(session, given_up, "revoked", call);
    }

    /// A client stops reading partitions, and its listener is told.
    fn give_up_partitions(
        &mut self,
        session: Session,
        partitions: Vec<TopicPartition>,
        word: &'static str,
        call: &mut Call,
    ) {
        let Some(client) = self.clients.get_mut(&session).filter(|_| !partitions.is_empty()) else { return };
        let node = client.node;
        for at in &partitions {
            client.consumer.owned.remove(at);
            client.consumer.tags.iter_mut().filter(|tag| tag.0 == *at).for_each(|tag| tag.1 = u64::MAX);
        }
        if let Some(place) = client.consumer.group {
            let at_node = self.group_node(place, call);
            for at in &partitions {
                call.fact(at_node, MessageId::NONE, Fact::Revoked { from: node, partition: at.partition });
                // What was lost was taken back when the member was thrown out; somebody else may have it by now.
                if word != "lost" {
                    self.groups[place as usize].take_back(*at, 0, false, call);
                }
            }
        }
        self.tell_partitions(session, word, &partitions, call);
    }

    fn tell_partitions(&self, session: Session, word: &'static str, partitions: &[TopicPartition], call: &mut Call) {
        if session.is_console() {
            call.tell(session, word, json!({ "partitions": self.labels(partitions) }));
        }
    }

    /// Partitions as they are written, by topic and number.
    pub(super) fn labels(&self, partitions: &[TopicPartition]) -> Vec<String> {
        let mut sorted = partitions.to_vec();
        crate::vocabulary::order::sort_by_key(&mut sorted, |at| {
            (self.topics[at.topic as usize].name.clone(), at.partition)
        });
        sorted.into_iter().map(|at| label(&self.topics, at)).collect()
    }

    /// A client takes over what it was given.
    fn take_assignment(&mut self, session: Session, given: Vec<TopicPartition>, call: &mut Call) {
        let Some(client) = self.clients.get(&session) else { return };
        let owned = &client.consumer.owned;
        let revoked: Vec<TopicPartition> = owned.keys().copied().filter(|at| !given.contains(at)).collect();
        let added: Vec<TopicPartition> = given.into_iter().filter(|at| !owned.contains_key(at)).collect();
        let (broker_assigns, node, group) = (client.config.broker_assigns, client.node, client.consumer.group);
        if !revoked.is_empty() {
            self.auto_commit(session, true, call);
            self.give_up_partitions(session, revoked.clone(), "revoked", call);
        }
        let Some(client) = self.clients.get_mut(&session) else { return };
        for at in &added {
            client.consumer.owned.insert(*at, Owned::default());
        }
        if !revoked.is_empty() && !broker_assigns {
            // The second round gives to others what was given up in the first one.
            client.consumer.duty = Duty::Join;
        }
        if let Some(place) = group {
            let at_node = self.group_node(place, call);
            for at in &added {
                call.fact(at_node, MessageId::NONE, Fact::Assigned { to: node, partition: at.partition });
            }
        }
        if !added.is_empty() {
            self.tell_partitions(session, "assigned", &added, call);
        }
        if broker_assigns {
            self.reconciled(session, call);
        }
    }

    /// A client leaves its group, or stops reading by hand. `says`: it tells the coordinator, as `close` does.
    pub(super) fn leave(&mut self, session: Session, says: bool, call: &mut Call) {
        self.auto_commit(session, true, call);
        let Some(client) = self.clients.get_mut(&session) else { return };
        let owned = client.consumer.owned.keys().copied().collect();
        let (group, member) = (client.consumer.group, client.consumer.member.take());
        let is_static = client.config.instance.is_some();
        let timeout = client.config.session_timeout;
        client.consumer.reading = Reading::Nothing;
        client.consumer.duty = Duty::None;
        client.consumer.poll_count = 0;
        (client.consumer.pattern, client.consumer.commit) = (None, None);
        self.give_up_partitions(session, owned, "revoked", call);
        let (Some(place), Some(number)) = (group, member) else { return };
        if says && !is_static && self.group_coordinator(place).is_some() {
            return self.leave_group(place, number, call);
        }
        self.fall_silent(place, number, timeout, call);
    }

    /// No more heartbeats come from a member.
    pub(super) fn fall_silent(&mut self, place: u32, number: u32, timeout: Duration, call: &mut Call) {
        if let Some(member) = self.groups[place as usize].member_mut(number) {
            member.session = None;
            member.expires = Some(call.now + timeout);
            self.timers.set(call.now + timeout, Timer::Expire(place, number));
        }
    }

    /// A member that has not polled for `max.poll.interval.ms` leaves by itself.
    pub(super) fn check_idle(&mut self, session: Session, call: &mut Call) {
        let Some(client) = self.clients.get_mut(&session) else { return };
        let interval = client.config.poll_interval;
        let consumer = &mut client.consumer;
        consumer.is_watched = false;
        let (Some(polled), Some(place), Some(number)) = (consumer.polled, consumer.group, consumer.member) else {
            return;
        };
        // A poll that waits has not returned: the client is in it.
        let over = if consumer.poll.is_some() { call.now + interval } else { polled + interval };
        if over > call.now {
            consumer.is_watched = true;
            self.timers.set(over, Timer::Idle(session));
            return;
        }
        consumer.member = None;
        consumer.duty = Duty::Lost;
        consumer.tags.iter_mut().for_each(|tag| tag.1 = u64::MAX);
        let (is_static, timeout) = (client.config.instance.is_some(), client.config.session_timeout);
        if is_static || self.group_coordinator(place).is_none() {
            self.fall_silent(place, number, timeout, call);
        } else {
            self.leave_group(place, number, call);
        }
    }

    /// A client has asked for the metadata of its topics and sees that there are more partitions.
    pub(super) fn refresh_metadata(&mut self, session: Session, call: &mut Call) {
        if self.match_topics(session, call) {
            return;
        }
        let Some(client) = self.clients.get(&session) else { return };
        let (Some(place), Some(number)) = (client.consumer.group, client.consumer.member) else { return };
        let group = &self.groups[place as usize];
        if group.broker_assigns && self.group_coordinator(place).is_none() {
            let again = call.now + self.config.consumer_heartbeat;
            return self.timers.set(again, Timer::Metadata(session));
        }
        if group.broker_assigns {
            // The broker sees for itself; the first one to come is enough.
            let (_, topics) = self.candidates(place);
            let all: u32 = topics.iter().map(|(_, count)| count).sum();
            let given: usize = self.groups[place as usize].members.iter().map(|member| member.assignment.len()).sum();
            if given < all as usize {
                self.retarget(place, None, call);
            }
            return;
        }
        // Only the leader compares what there is with what was shared.
        let leads = group.members.first().is_some_and(|leader| leader.number == number);
        let Some(client) = self.clients.get_mut(&session).filter(|_| leads) else { return };
        if client.consumer.duty == Duty::None {
            client.consumer.duty = Duty::Join;
            self.awake.push(session);
        }
    }

    /// A client subscribes to every topic whose name fits a pattern, now and whenever it asks for metadata.
    pub(super) fn subscribe_pattern(
        &mut self,
        session: Session,
        pattern: Pattern,
        call: &mut Call,
    ) -> Result<Vec<Rc<str>>, Refusal> {
        let topics = self.topics_like(&pattern);
        self.subscribe(session, topics.clone(), call)?;
        if let Some(client) = self.clients.get_mut(&session) {
            let due = call.now + client.config.metadata_age;
            client.consumer.pattern = Some((pattern, due));
            self.timers.set(due, Timer::Metadata(session));
        }
        Ok(topics)
    }

    fn topics_like(&self, pattern: &Pattern) -> Vec<Rc<str>> {
        let fits = |name: &&Rc<str>| pattern.fits(name);
        let names = self.topics.iter().filter(|topic| !topic.is_deleted).map(|topic| &topic.name);
        let mut topics: Vec<Rc<str>> = names.filter(fits).cloned().collect();
        crate::vocabulary::order::sort_by_key(&mut topics, |name| name.clone());
        topics
    }

    /// A client that subscribes by pattern looks for topics, if it is time. Returns true if there are others now.
    fn match_topics(&mut self, session: Session, call: &mut Call) -> bool {
        let Some(client) = self.clients.get_mut(&session) else { return false };
        let next = call.now + client.config.metadata_age.max(Duration(1));
        let Some((pattern, due)) = client.consumer.pattern.as_mut().filter(|(_, due)| *due <= call.now) else {
            return false;
        };
        *due = next;
        let pattern = pattern.clone();
        self.timers.set(next, Timer::Metadata(session));
        let topics = self.topics_like(&pattern);
        let reading = Reading::Topics(topics.clone());
        let changes = self.clients.get(&session).is_some_and(|client| client.consumer.reading != reading);
        // It has a group, so it can't be refused.
        changes && self.subscribe(session, topics, call).is_ok()
    }

    /// The client's process or connection is gone.
    pub(super) fn lose_client(&mut self, session: Session, call: &mut Call) {
        self.fail_lanes_of(session, None, "CLOSED", call);
        let Some(client) = self.clients.remove(&session) else { return };
        let consumer = &client.consumer;
        if let (Some(place), Some(number)) = (consumer.group, consumer.member) {
            self.fall_silent(place, number, client.config.session_timeout, call);
        }
        if let (Some(place), false) = (consumer.group, session.is_console()) {
            if let Some(node) = self.groups[place as usize].node {
                call.fact(node, MessageId::NONE, Fact::Unsubscribed { consumer: client.node });
            }
        }
    }
}
