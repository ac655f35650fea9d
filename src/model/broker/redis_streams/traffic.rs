//! What clients of the drawing do: add, read, acknowledge.
//!
//! Reproduces: a client library on Redis 7.0. A producer sends `XADD key *`, with the trimming that its stream says. A
//! consumer of a group sends, at each question for messages, `XAUTOCLAIM` if the group says so, and then `XREADGROUP`
//! for new entries; it blocks when there is nothing. A consumer at a stream sends `XREAD` with the last id that it saw,
//! which is `$` when it connects: what was added while it was away has passed it by. Redis knows no refusal: after a
//! nack, an entry just stays pending.
//!
//! Leaves out: the answer to XADD, which has the id. A server that can't take an entry drops it.

use std::rc::Rc;

use crate::model::broker::server::{Call, Session};
use crate::vocabulary::{BrokerMessage, Content, DropReason, Duration, NodeId};

use super::books::Pen;
use super::drawing::Place;
use super::group::{Group, Nack, Return};
use super::id::{resolve, Id, Wanted};
use super::reader::Reader;
use super::server::RedisStreams;
use super::stream::Stream;
use super::waiting::What;

/// Pending entries that one XAUTOCLAIM looks at, for each that it may return.
pub(super) const ATTEMPTS: u64 = 10;

/// A frame that hands out an entry.
#[inline]
fn deliver(reader: &mut Reader, session: Session, id: Id, content: Rc<Content>, redelivered: bool, pen: &mut Pen) {
    let tag = match reader.no_ack {
        false => reader.tags.give(id),
        true => reader.tags.pass(),
    };
    pen.call.frame(session, reader.place, BrokerMessage::Deliver { tag, redelivered, content });
}

impl RedisStreams {
    /// A message comes to a stream.
    #[inline]
    pub(super) fn publish(&mut self, node: NodeId, content: Rc<Content>, call: &mut Call) {
        let Some(Place::Stream(place)) = self.places.get(&node) else {
            return call.dropped(node, content.id, DropReason::NotConnected);
        };
        let slot = place.slot;
        let trim = place.trim(call.now.0 / 1_000_000, self.store.limits.entries_max);
        if !self.store.has_room() {
            return call.dropped(node, content.id, DropReason::Limit);
        }
        let limits = self.store.limits;
        self.store.make_stream(slot);
        let (message, now_ms) = (content.id, call.now.0 / 1_000_000);
        let Some((stream, mut pen)) = self.store.open(slot, call) else {
            return call.dropped(node, message, DropReason::Invalid);
        };
        let Some(id) = resolve(Wanted::Any, stream.last_id, now_ms) else {
            return call.dropped(node, message, DropReason::Invalid);
        };
        stream.add(id, content, limits, &mut pen);
        if let Some(trim) = trim {
            stream.trim(&trim, &mut pen);
        }
        self.store.signal(slot);
    }

    /// A consumer asks for messages.
    #[inline]
    pub(super) fn pull(&mut self, session: Session, max: u16, wait: Duration, call: &mut Call) {
        let Some(reader) = self.readers.get_mut(&session) else { return };
        let place = reader.place;
        if let Some(index) = reader.blocked.take() {
            self.waiting.end(index, &mut self.store);
        }
        let mut count = self.claim_and_reread(session, max, call);
        count += self.read_new(session, max - count, call);
        if count > 0 || wait == Duration::ZERO {
            return call.frame(session, place, BrokerMessage::Pulled { count });
        }
        let Some(slot) = self.slot_read_at(place) else {
            return call.frame(session, place, BrokerMessage::Pulled { count: 0 });
        };
        let what = What::Pull { slot, max };
        let index = self.waiting.block(session, Some(call.now + wait), what, &mut self.store);
        if let Some(reader) = self.readers.get_mut(&session) {
            reader.blocked = Some(index);
        }
    }

    /// The key that a reader at this member waits for.
    fn slot_read_at(&self, place: NodeId) -> Option<u32> {
        match self.places.get(&place)? {
            Place::Stream(stream) => Some(stream.slot),
            Place::Group(_) => self.group_at(place).map(|(slot, _)| slot),
        }
    }

    /// Serves a blocked consumer, if there is something for it, or nothing can come any more.
    #[inline]
    pub(super) fn serve_pull(&mut self, session: Session, max: u16, call: &mut Call) -> bool {
        let Some(place) = self.readers.get(&session).map(|reader| reader.place) else { return false };
        let count = self.read_new(session, max, call);
        let is_over = count > 0 || self.slot_read_at(place).is_none();
        if is_over {
            let blocked = self.readers.get_mut(&session).and_then(|reader| reader.blocked.take());
            blocked.and_then(|index| self.waiting.end(index, &mut self.store));
            call.frame(session, place, BrokerMessage::Pulled { count });
        }
        is_over
    }

    /// The time of a blocked consumer is over.
    pub(super) fn end_pull(&mut self, session: Session, call: &mut Call) {
        if let Some(reader) = self.readers.get_mut(&session) {
            reader.blocked = None;
            call.frame(session, reader.place, BrokerMessage::Pulled { count: 0 });
        }
    }

    /// Hands out at most `max` new entries; how many.
    #[inline]
    fn read_new(&mut self, session: Session, max: u16, call: &mut Call) -> u16 {
        let has_room = self.store.has_room();
        let Some(place) = self.readers.get(&session).map(|reader| reader.place) else { return 0 };
        let group = self.group_at(place);
        let Some(reader) = self.readers.get_mut(&session) else { return 0 };
        let mut count = 0;
        if let Some((slot, index)) = group.filter(|_| has_room) {
            let Some((stream, mut pen)) = self.store.open(slot, call) else { return 0 };
            let Some(after) = stream.group(index).map(|group| group.last_id) else { return 0 };
            if max == 0 || !stream.entries.has_after(after) {
                return 0;
            }
            let consumer = look_up(reader, stream, index, &mut pen);
            while count < max {
                let next = stream.deliver_next(index, consumer, reader.no_ack, &mut pen);
                let Some((id, content)) = next.map(|(id, content)| (id, content.clone())) else { break };
                deliver(reader, session, id, content, false, &mut pen);
                count += 1;
            }
        } else if let Some(Place::Stream(place)) = self.places.get(&place) {
            let Some((stream, mut pen)) = self.store.open(place.slot, call) else { return 0 };
            while count < max {
                let next = stream.entries.after(reader.after);
                let Some((id, content)) = next.map(|(id, content)| (id, content.clone())) else { break };
                reader.after = id;
                deliver(reader, session, id, content, false, &mut pen);
                count += 1;
            }
        }
        count
    }

    /// Hands out pending entries: what was idle for too long, and what the consumer had before it came back.
    #[inline]
    fn claim_and_reread(&mut self, session: Session, max: u16, call: &mut Call) -> u16 {
        let Some(reader) = self.readers.get(&session) else { return 0 };
        let node = reader.place;
        let Some(Place::Group(place)) = self.places.get(&node) else { return 0 };
        let (idle, limit, dead) = (place.claim_idle, place.delivery_limit, place.dead);
        if reader.no_ack || (idle == Duration::ZERO && reader.own_from.is_none()) {
            return 0;
        }
        let Some((slot, index)) = self.group_at(node) else { return 0 };
        let (mut count, mut dead_letters) = (0, Vec::new());
        let Some(reader) = self.readers.get_mut(&session) else { return 0 };
        if let Some((stream, mut pen)) = self.store.open(slot, call) {
            if reader.own_from.is_some() {
                count += reread(reader, session, stream, index, max, &mut pen);
            }
            if idle != Duration::ZERO && count < max {
                let claim = Claim { idle_ms: idle.0 / 1_000_000, limit, max: max - count };
                count += claim.perform(reader, session, stream, index, &mut dead_letters, &mut pen);
            }
        }
        for (id, content) in dead_letters {
            self.bury(slot, index, id, content, dead, call);
        }
        count
    }

    /// An entry was delivered too often: it is added to another stream and acknowledged.
    fn bury(&mut self, slot: u32, index: u32, id: Id, content: Rc<Content>, dead: Option<NodeId>, call: &mut Call) {
        let Some((stream, mut pen)) = self.store.open(slot, call) else { return };
        let Some(group) = stream.group_mut(index) else { return };
        match dead {
            Some(to) => {
                group.give_away(id, to, &mut pen);
                self.publish(to, content, call);
            }
            None => group.forget(id, DropReason::DeliveryLimit, &mut pen),
        }
    }

    /// A consumer acknowledges a delivery.
    #[inline]
    pub(super) fn ack(&mut self, session: Session, tag: u64, multiple: bool, call: &mut Call) {
        let Some(reader) = self.readers.get(&session) else { return };
        let (place, node) = (reader.place, reader.node);
        let group = self.group_at(place);
        let Some(reader) = self.readers.get_mut(&session) else { return };
        for tag in reader.tags.upto(tag, multiple) {
            let Some(id) = reader.tags.take(tag) else { continue };
            let Some((slot, index)) = group else { continue };
            let Some((stream, mut pen)) = self.store.open(slot, call) else { return };
            if let Some(group) = stream.group_mut(index) {
                group.ack(id, node, &mut pen);
            }
        }
    }

    /// A consumer refuses a delivery. Its entry stays pending.
    pub(super) fn nack(&mut self, session: Session, tag: u64, multiple: bool) {
        let Some(reader) = self.readers.get_mut(&session) else { return };
        for tag in reader.tags.upto(tag, multiple) {
            reader.tags.take(tag);
        }
    }
}

/// The reader's index in its group; it becomes a consumer if it is none yet.
#[inline]
fn look_up(reader: &mut Reader, stream: &mut Stream, index: u32, pen: &mut Pen) -> u32 {
    let Some(group) = stream.group_mut(index) else { return reader.consumer };
    match group.consumer(reader.consumer).is_some_and(|consumer| consumer.name == reader.name) {
        true => group.see(reader.consumer, pen.now_ms()),
        false => reader.consumer = group.look_up(&reader.name, reader.node, pen).0,
    }
    reader.consumer
}

/// `XREADGROUP` with an id: the consumer's own pending entries, of which those are counted that are still there.
fn reread(reader: &mut Reader, session: Session, stream: &mut Stream, index: u32, max: u16, pen: &mut Pen) -> u16 {
    let consumer = look_up(reader, stream, index, pen);
    let from = reader.own_from.unwrap_or_default();
    let Some(group) = stream.group(index) else { return 0 };
    let own: Vec<(Id, Nack)> =
        group.owned(consumer, from).take(usize::from(max)).map(|(id, nack)| (id, *nack)).collect();
    reader.own_from = match own.last() {
        Some((id, _)) if own.len() == usize::from(max) => id.next(),
        _ => None,
    };
    let mut count = 0;
    for (id, nack) in own {
        let Some(content) = stream.entries.get(id).cloned() else { continue };
        let nack = Nack { count: nack.count.saturating_add(1), time_ms: pen.now_ms(), ..nack };
        if let Some(group) = stream.group_mut(index) {
            group.deliver_again(id, nack, Return::Reread, pen);
        }
        deliver(reader, session, id, content, true, pen);
        count += 1;
    }
    count
}

/// One XAUTOCLAIM of a consumer.
struct Claim {
    idle_ms: u64,
    limit: u64,
    max: u16,
}

impl Claim {
    fn perform(
        &self,
        reader: &mut Reader,
        session: Session,
        stream: &mut Stream,
        index: u32,
        dead_letters: &mut Vec<(Id, Rc<Content>)>,
        pen: &mut Pen,
    ) -> u16 {
        let now_ms = pen.now_ms();
        let Some(group) = stream.group(index) else { return 0 };
        let (found, next) = self.find(group, reader.claim_from, now_ms);
        reader.claim_from = next.unwrap_or_default();
        let mut count = 0;
        for (id, nack) in found {
            let content = stream.entries.get(id).cloned();
            let consumer = look_up(reader, stream, index, pen);
            let Some(group) = stream.group_mut(index) else { return count };
            let Some(content) = content else {
                group.forget(id, DropReason::Trimmed, pen);
                continue;
            };
            if self.limit > 0 && nack.count >= self.limit {
                dead_letters.push((id, content));
                continue;
            }
            let nack = Nack { consumer, count: nack.count.saturating_add(1), time_ms: now_ms, ..nack };
            group.deliver_again(id, nack, Return::Claimed, pen);
            deliver(reader, session, id, content, true, pen);
            count += 1;
        }
        count
    }

    /// The pending entries that can be claimed, or are no longer there, and where the next search begins.
    fn find(&self, group: &Group, from: Id, now_ms: u64) -> (Vec<(Id, Nack)>, Option<Id>) {
        let mut found = Vec::new();
        let mut pending = group.pending.range(from, Id::MAX);
        for _ in 0..u64::from(self.max) * ATTEMPTS {
            if found.len() >= usize::from(self.max) {
                break;
            }
            let Some((id, nack)) = pending.next() else { break };
            if nack.is_gone || now_ms.saturating_sub(nack.time_ms) >= self.idle_ms {
                found.push((id, *nack));
            }
        }
        (found, pending.next().map(|(id, _)| id))
    }
}
