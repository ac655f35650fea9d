//! The server as a state machine: where calls come in and who is told.
//!
//! Reproduces: the event loop of Redis 7.0: one command after another, each as a whole; then those are served who were
//! blocked on a key that it changed, in the order in which they came (blocked.c). Leaves out: the time that commands
//! take.

use std::rc::Rc;

use serde_json::Value as Json;

use crate::kernel::{InsideTable, Inspection};
use crate::model::broker::server::{Call, Server, Session};
use crate::vocabulary::{
    BrokerMessage, Duration, Fact, FlatMap, MessageId, NodeId, Settings, Time, Value as Setting, WireId,
};

use super::console::Terminal;
use super::drawing::Place;
use super::id::Id;
use super::inside;
use super::inspect;
use super::node::NodeLimits;
use super::persistence::Mode;
use super::reader::{Reader, Tags};
use super::store::{Store, Value};
use super::waiting::{Blocked, Waiting, What};

/// One Redis server.
#[derive(Clone, Default)]
pub struct RedisStreams {
    pub(super) store: Store,
    pub(super) places: FlatMap<NodeId, Place>,
    pub(super) wires: FlatMap<WireId, (NodeId, NodeId)>,
    pub(super) readers: FlatMap<Session, Reader>,
    pub(super) terminals: FlatMap<Session, Terminal>,
    pub(super) waiting: Waiting,
    /// How long an fsync takes at normal speed.
    sync_time: Duration,
    /// The broker's own node, as last told.
    pub(super) node: NodeId,
}

impl RedisStreams {
    /// A server without keys.
    pub fn new(settings: &Settings) -> RedisStreams {
        let mut server = RedisStreams::default();
        server.set_up(settings);
        server
    }

    fn set_up(&mut self, settings: &Settings) {
        self.store.set_mode(Mode::named(&settings.text("persistence")));
        let size = |name: &str, default: u64| match settings.get(name) {
            Some(Setting::Integer(number)) => (*number).max(0) as u64,
            _ => default,
        };
        self.store.log.replicas.count = settings.integer("replicas").clamp(0, 100) as u32;
        self.store.log.replicas.lag = settings.duration("replica_lag");
        self.sync_time = settings.duration("sync_time");
        let NodeLimits { entries_max, bytes_max } = NodeLimits::default();
        self.store.limits =
            NodeLimits { entries_max: size("node_entries", entries_max), bytes_max: size("node_bytes", bytes_max) };
    }

    #[inline]
    fn begin(&mut self, call: &Call) {
        self.node = call.broker;
        self.store.begin(call);
    }

    /// Serves those who are blocked on keys with news.
    #[inline]
    pub(super) fn serve_blocked(&mut self, call: &mut Call) {
        while let Some(slot) = self.store.next_ready() {
            let mut place = 0;
            while let Some(index) = self.store.slots[slot as usize].waiters.get(place).copied() {
                // One who is served leaves the row, and the next one moves up.
                if !self.serve(index, slot, call) {
                    place += 1;
                }
            }
        }
    }

    /// Serves one who is blocked, if there is something for it at this key.
    #[inline]
    fn serve(&mut self, index: u32, slot: u32, call: &mut Call) -> bool {
        match self.waiting.get(index).map(|blocked| (blocked.session, &blocked.what)) {
            Some((session, What::Pull { max, .. })) => self.serve_pull(session, *max, call),
            Some((_, What::Command(_))) => self.serve_command(index, slot, call),
            Some((_, What::Replicas { .. })) => false,
            None => {
                // Who is not blocked does not wait.
                self.store.slots[slot as usize].waiters.retain(|other| *other != index);
                true
            }
        }
    }

    /// Ends the wait of a client that has got nothing.
    fn give_up_waiting(&mut self, index: u32, call: &mut Call) {
        let Some(Blocked { session, what, .. }) = self.waiting.end(index, &mut self.store) else { return };
        match what {
            What::Pull { .. } => self.end_pull(session, call),
            What::Command(_) => self.answer_late(session, Json::Null, call),
            What::Replicas { written } => {
                let having = self.end_of_wait(written);
                self.answer_late(session, having, call);
            }
        }
    }

    fn open_reader(&mut self, session: Session, client: NodeId, place: NodeId, frame: (u16, bool), call: &mut Call) {
        self.close_reader(session);
        let (prefetch, auto_ack) = frame;
        let Some(found) = self.places.get(&place) else { return };
        let (no_ack, own_first) = match found {
            Place::Group(group) => (auto_ack || group.no_ack, group.own_first),
            Place::Stream(_) => (true, false),
        };
        let after = match found {
            Place::Stream(stream) => self.store.stream(stream.slot).map_or(Id::ZERO, |stream| stream.last_id),
            Place::Group(_) => Id::ZERO,
        };
        // A client that connects makes its group if it is not there.
        self.ensure_group(place, call);
        let reader = Reader {
            place,
            node: client,
            name: Rc::from(format!("consumer-{}", client.0)),
            no_ack,
            consumer: u32::MAX,
            after,
            claim_from: Id::ZERO,
            own_from: own_first.then_some(Id::ZERO),
            tags: Tags::default(),
            blocked: None,
        };
        self.readers.insert(session, reader);
        call.fact(place, MessageId::NONE, Fact::Subscribed { consumer: client, prefetch });
        call.frame(session, place, BrokerMessage::Pulls { commits: false, next: 0 });
    }

    fn close_reader(&mut self, session: Session) -> Option<Reader> {
        let reader = self.readers.remove(&session)?;
        if let Some(index) = reader.blocked {
            self.waiting.end(index, &mut self.store);
        }
        Some(reader)
    }
}

impl Server for RedisStreams {
    fn declare(&mut self, node: NodeId, kind: &'static str, settings: &Settings, call: &mut Call) {
        self.begin(call);
        self.draw(node, kind, settings, call);
        self.serve_blocked(call);
    }

    fn configure(&mut self, node: NodeId, settings: &Settings, call: &mut Call) {
        self.begin(call);
        match self.places.contains_key(&node) {
            true => self.redraw(node, settings),
            false => self.set_up(settings),
        }
    }

    fn remove(&mut self, node: NodeId, call: &mut Call) {
        self.begin(call);
        self.erase(node, call);
        self.serve_blocked(call);
    }

    fn join(&mut self, wire: WireId, from: NodeId, to: NodeId, _: &Settings, call: &mut Call) {
        self.begin(call);
        self.wires.insert(wire, (from, to));
        self.rewire(to, call);
        self.rewire(from, call);
        self.serve_blocked(call);
    }

    fn rejoin(&mut self, _: WireId, _: &Settings, _: &mut Call) {
        // The wires have no parameters.
    }

    fn part(&mut self, wire: WireId, call: &mut Call) {
        self.begin(call);
        if let Some((from, to)) = self.wires.remove(&wire) {
            self.rewire(to, call);
            self.rewire(from, call);
        }
        self.serve_blocked(call);
    }

    fn receive(&mut self, session: Session, client: NodeId, place: NodeId, frame: BrokerMessage, call: &mut Call) {
        self.begin(call);
        match frame {
            BrokerMessage::Publish(content) => self.publish(place, content, call),
            BrokerMessage::Pull { max, wait, .. } => self.pull(session, max, wait, call),
            BrokerMessage::Ack { tag, multiple, .. } => self.ack(session, tag, multiple, call),
            BrokerMessage::Nack { tag, multiple, .. } => self.nack(session, tag, multiple),
            BrokerMessage::Subscribe { prefetch, auto_ack, .. } => {
                self.open_reader(session, client, place, (prefetch, auto_ack), call);
            }
            BrokerMessage::Cancel => {
                if let Some(reader) = self.close_reader(session) {
                    call.fact(place, MessageId::NONE, Fact::Unsubscribed { consumer: reader.node });
                }
            }
            // The rest a server only sends, or other products understand it.
            _ => {}
        }
        self.serve_blocked(call);
    }

    fn disconnect(&mut self, session: Session, call: &mut Call) {
        if let Some(reader) = self.close_reader(session) {
            call.fact(reader.place, MessageId::NONE, Fact::Unsubscribed { consumer: reader.node });
        }
        if let Some(Terminal { blocked: Some(index), .. }) = self.terminals.remove(&session) {
            self.waiting.end(index, &mut self.store);
        }
    }

    fn execute(&mut self, session: Session, _: &str, line: &str, call: &mut Call) -> Json {
        self.begin(call);
        let answer = self.perform(session, line, call);
        self.serve_blocked(call);
        answer
    }

    #[inline]
    fn next_due(&self) -> Option<Time> {
        self.waiting.due()
    }

    fn on_due(&mut self, call: &mut Call) {
        self.begin(call);
        for index in self.waiting.over(call.now) {
            self.give_up_waiting(index, call);
        }
        self.serve_blocked(call);
    }

    fn crash(&mut self, call: &mut Call) {
        self.node = call.broker;
        for reader in std::mem::take(&mut self.readers).values() {
            call.fact(reader.place, MessageId::NONE, Fact::Unsubscribed { consumer: reader.node });
        }
        self.terminals.clear();
        self.waiting = Waiting::default();
        self.store.crash(call);
    }

    fn recover(&mut self, call: &mut Call) {
        self.begin(call);
        let nodes: Vec<NodeId> = self.places.keys().copied().collect();
        for node in nodes {
            self.ensure_group(node, call);
        }
    }

    fn answer_delay(&self, slow_percent: u32) -> Duration {
        self.store.log.answer_delay(self.sync_time, slow_percent)
    }

    fn inspect(&self, node: NodeId, items_max: usize) -> Inspection {
        inspect::inspect(self, node, items_max)
    }

    fn inside(&self, node: NodeId, now: Time, rows_max: usize) -> Vec<InsideTable> {
        inside::tables(self, node, now, rows_max)
    }

    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        for slot in &self.store.slots {
            let Some(Value::Stream(stream)) = &slot.value else { continue };
            let node = stream.mark.node.unwrap_or(self.node);
            stream.entries.iter().for_each(|(_, content)| visit(node, content.id));
            for group in stream.groups_by_name() {
                let node = group.mark.node.unwrap_or(self.node);
                let pending = group.pending.iter().filter(|(id, nack)| !nack.is_gone && *id <= group.last_id);
                pending.for_each(|(_, nack)| visit(node, nack.message));
                stream.unread_by(group).for_each(|(_, content)| visit(node, content.id));
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Server> {
        Box::new(self.clone())
    }
}
