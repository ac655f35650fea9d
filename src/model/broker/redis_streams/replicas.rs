//! Replicas, and what a failover takes.
//!
//! Reproduces: Redis 7.0 (redis.io, "Redis replication", "WAIT", "High availability with Redis Sentinel", "FAILOVER").
//! Writes are answered first and sent to the replicas afterwards, groups and pending entries as well as entries. `WAIT`
//! blocks until so many replicas have what was written before it, and makes nothing safe: it only tells. When a replica
//! takes over (`SENTINEL FAILOVER`, as Sentinel does by itself when the master is gone), what it has not got is lost,
//! though it was answered; a coordinated `FAILOVER` lets it catch up first. Connections end, and blocked clients are
//! told `UNBLOCKED`. The old master becomes a replica.
//!
//! Leaves out: the time that a failover takes, replicas that lag differently (Sentinel takes the one that has most),
//! reading from replicas, and a replica that loses its connection. A master that crashes and comes back is not replaced:
//! its replicas take over what it has left, be it nothing.

use std::collections::VecDeque;

use serde_json::json;

use crate::model::broker::server::Call;
use crate::vocabulary::{BrokerMessage, DropReason, Duration, Fact, MessageId, NodeId, Time};

use super::arguments::error;
use super::persistence::Undo;
use super::server::RedisStreams;
use super::store::Store;
use super::waiting::{Waiting, What};

/// Changes on their way that are kept at most; then the replicas get the oldest early.
const ON_THEIR_WAY_MAX: usize = 1_000_000;

/// The replicas of a server, and what they have not got.
#[derive(Clone, Debug, Default)]
pub struct Replicas {
    /// How many there are.
    pub count: u32,
    /// How long it takes until a change is acknowledged by them.
    pub lag: Duration,
    /// How to take back what is on its way, the oldest first.
    on_their_way: VecDeque<(Time, Undo)>,
    now: Time,
    /// When something was written last.
    written: Option<Time>,
    failovers: u32,
}

impl Replicas {
    /// Time has come to this point: what was sent long enough ago has arrived.
    #[inline]
    pub fn advance(&mut self, now: Time) {
        self.now = now;
        while self.on_their_way.front().is_some_and(|(at, _)| *at + self.lag <= now) {
            self.on_their_way.pop_front();
        }
    }

    /// Sends a change.
    #[inline]
    pub fn note(&mut self, undo: &Undo) {
        if self.count > 0 {
            self.written = Some(self.now);
            self.on_their_way.push_back((self.now, undo.clone()));
            if self.on_their_way.len() > ON_THEIR_WAY_MAX {
                self.on_their_way.pop_front();
            }
        }
    }

    /// They begin anew with what the master has.
    pub fn catch_up(&mut self) {
        self.on_their_way.clear();
    }

    /// Changes that they have not got.
    pub fn missing(&self) -> usize {
        self.on_their_way.len()
    }

    /// When something was written last.
    pub fn written(&self) -> Option<Time> {
        self.written
    }

    /// How many of them have what was written at this time.
    pub fn having(&self, written: Option<Time>) -> u32 {
        match written {
            Some(at) if at + self.lag > self.now => 0,
            _ => self.count,
        }
    }
}

impl Store {
    /// A replica takes over. What it has not got is lost.
    fn promote(&mut self, call: &mut Call) {
        let missing: Vec<Undo> =
            std::mem::take(&mut self.log.replicas.on_their_way).into_iter().map(|(_, undo)| undo).collect();
        self.log.forget_last(missing.len());
        self.go_back(missing, None, DropReason::NotReplicated, call);
        self.log.replicas.failovers += 1;
        self.log.replicas.written = None;
        let leader = self.log.replicas.failovers;
        call.fact(call.broker, MessageId::NONE, Fact::LeaderElected { partition: 0, leader });
    }
}

impl RedisStreams {
    /// A replica becomes the master, and all clients have to connect to it.
    pub(super) fn fail_over(&mut self, call: &mut Call) {
        for (session, reader) in std::mem::take(&mut self.readers).iter() {
            call.fact(reader.place, MessageId::NONE, Fact::Unsubscribed { consumer: reader.node });
            call.frame(*session, reader.place, BrokerMessage::Cancel);
        }
        let blocked: Vec<_> = self.waiting.all().filter(|blocked| !matches!(blocked.what, What::Pull { .. })).collect();
        let sessions: Vec<_> = blocked.into_iter().map(|blocked| blocked.session).collect();
        self.waiting = Waiting::default();
        self.store.forget_waiters();
        self.store.promote(call);
        let nodes: Vec<NodeId> = self.places.keys().copied().collect();
        for node in nodes {
            self.ensure_group(node, call);
        }
        for session in sessions {
            let text = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
            self.answer_late(session, error(text), call);
        }
    }

    /// `WAIT` is over, and so many replicas have what was written before.
    pub(super) fn end_of_wait(&mut self, written: Option<Time>) -> serde_json::Value {
        json!(self.store.log.replicas.having(written))
    }
}
