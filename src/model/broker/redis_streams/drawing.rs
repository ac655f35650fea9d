//! What the drawing says: which streams and groups there are, and what joins them.
//!
//! A drawn stream is a key that its first XADD, or its first group, makes. A drawn group is made as soon as it is wired
//! to a stream, as its clients would do with `XGROUP CREATE ... MKSTREAM` when they start, and made again when it is
//! missing after a crash or when a client connects. A group that loses its wire is destroyed.

use std::rc::Rc;

use crate::model::broker::server::Call;
use crate::vocabulary::{DropReason, Duration, Fact, FlatMap, MessageId, NodeId, Settings};

use super::books::{Pen, Shelfmark};
use super::group::UNKNOWN;
use super::id::Id;
use super::kinds::{STREAM, STREAM_GROUP};
use super::server::RedisStreams;
use super::shelf::Shelf;
use super::store::Value;
use super::trim::{default_limit, Keep, Trim};

/// What each XADD of the drawing trims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Nothing,
    Length(u64),
    Age(Duration),
}

/// A stream of the drawing.
#[derive(Clone, Debug)]
pub struct StreamPlace {
    /// Its key.
    pub slot: u32,
    cut: Cut,
    is_approximate: bool,
}

/// A group of the drawing.
#[derive(Clone, Debug)]
pub struct GroupPlace {
    name: Rc<str>,
    from_start: bool,
    /// Its consumers read with NOACK.
    pub no_ack: bool,
    /// Its consumers claim what was idle for so long; zero: nothing.
    pub claim_idle: Duration,
    /// Its consumers read their own pending entries first.
    pub own_first: bool,
    /// Deliveries of one entry at most; zero: no limit.
    pub delivery_limit: u64,
    /// The stream that it reads.
    pub stream: Option<NodeId>,
    /// Where its dead letters go.
    pub dead: Option<NodeId>,
    /// Its index in the stream, as last seen.
    index: u32,
}

/// A member of the drawing.
#[derive(Clone, Debug)]
pub enum Place {
    /// A stream.
    Stream(StreamPlace),
    /// A group.
    Group(GroupPlace),
}

impl StreamPlace {
    /// What the next XADD at this time trims.
    #[inline]
    pub fn trim(&self, now_ms: u64, entries_max: u64) -> Option<Trim> {
        let keep = match self.cut {
            Cut::Nothing => return None,
            Cut::Length(length) => Keep::Newest(length),
            Cut::Age(age) => Keep::From(Id { ms: now_ms.saturating_sub(age.0 / 1_000_000), seq: 0 }),
        };
        let limit = if self.is_approximate { default_limit(entries_max) } else { 0 };
        Some(Trim { keep, is_approximate: self.is_approximate, limit })
    }

    fn set_up(&mut self, settings: &Settings) {
        self.cut = match &*settings.text("trim") {
            "maxlen" => Cut::Length(settings.integer("maxlen").max(0) as u64),
            "minid" => Cut::Age(settings.duration("max_age")),
            _ => Cut::Nothing,
        };
        self.is_approximate = settings.toggle("approximate");
    }
}

impl GroupPlace {
    fn set_up(&mut self, settings: &Settings) {
        self.from_start = &*settings.text("start") == "0";
        self.no_ack = settings.toggle("noack");
        self.claim_idle = settings.duration("claim_idle");
        self.own_first = settings.toggle("own_pending");
        self.delivery_limit = settings.integer("delivery_limit").max(0) as u64;
    }
}

impl RedisStreams {
    /// A member was drawn.
    pub(super) fn draw(&mut self, node: NodeId, kind: &str, settings: &Settings, call: &mut Call) {
        let name = settings.text("name");
        if kind == STREAM.name {
            let slot = self.store.slot_for(&name);
            self.store.slots[slot as usize].node = Some(node);
            let mut place = StreamPlace { slot, cut: Cut::Nothing, is_approximate: false };
            place.set_up(settings);
            self.places.insert(node, Place::Stream(place));
            self.adopt(slot, None, node, call);
        } else if kind == STREAM_GROUP.name {
            let mut place = GroupPlace {
                name,
                from_start: false,
                no_ack: false,
                claim_idle: Duration::ZERO,
                own_first: false,
                delivery_limit: 0,
                stream: None,
                dead: None,
                index: u32::MAX,
            };
            place.set_up(settings);
            self.places.insert(node, Place::Group(place));
        }
    }

    /// A member has new settings, perhaps another name.
    pub(super) fn redraw(&mut self, node: NodeId, settings: &Settings) {
        let name = settings.text("name");
        let group = self.group_at(node);
        match self.places.get_mut(&node) {
            Some(Place::Stream(place)) => {
                place.set_up(settings);
                self.store.rename(place.slot, name);
            }
            Some(Place::Group(place)) => {
                place.set_up(settings);
                let Some((slot, index)) = group.filter(|_| place.name != name) else {
                    place.name = name;
                    return;
                };
                let slot = &mut self.store.slots[slot as usize];
                let Some(Value::Stream(stream)) = &mut slot.value else { return };
                if stream.group_named(&name).is_none() {
                    stream.rename_group(index, name.clone());
                    slot.drawn.remove(&place.name);
                    slot.drawn.insert(name.clone(), node);
                    place.name = name;
                }
            }
            None => {}
        }
    }

    /// A member is gone from the drawing, and its key or group with it.
    pub(super) fn erase(&mut self, node: NodeId, call: &mut Call) {
        match self.places.remove(&node) {
            Some(Place::Stream(place)) => {
                self.store.remove_key(place.slot, DropReason::Removed, call);
                self.store.slots[place.slot as usize].node = None;
                self.store.slots[place.slot as usize].drawn = FlatMap::new();
            }
            Some(Place::Group(place)) => self.leave_stream(&place, call),
            None => {}
        }
        let readers: Vec<NodeId> = self.places.keys().copied().collect();
        readers.into_iter().for_each(|other| self.rewire(other, call));
    }

    /// Wires at this member came or went: which stream does it read, and which gets its dead letters?
    pub(super) fn rewire(&mut self, node: NodeId, call: &mut Call) {
        let is_stream = |node: &NodeId| matches!(self.places.get(node), Some(Place::Stream(_)));
        let stream = self.wires.values().find(|(from, to)| *to == node && is_stream(from)).map(|(from, _)| *from);
        let dead = self.wires.values().find(|(from, to)| *from == node && is_stream(to)).map(|(_, to)| *to);
        let Some(Place::Group(place)) = self.places.get_mut(&node) else { return };
        place.dead = dead;
        if place.stream != stream {
            let old = place.clone();
            place.stream = stream;
            place.index = u32::MAX;
            self.leave_stream(&old, call);
            self.ensure_group(node, call);
        }
    }

    fn leave_stream(&mut self, place: &GroupPlace, call: &mut Call) {
        let Some(Place::Stream(stream)) = place.stream.and_then(|stream| self.places.get(&stream)) else { return };
        let slot = stream.slot;
        self.store.slots[slot as usize].drawn.remove(&place.name);
        if let Some((stream, mut pen)) = self.store.open(slot, call) {
            if let Some(index) = stream.group_named(&place.name) {
                stream.destroy_group(index, DropReason::Removed, &mut pen);
            }
        }
        self.store.signal(slot);
    }

    /// Makes the group of this member, and its stream, if they are not there.
    pub(super) fn ensure_group(&mut self, node: NodeId, call: &mut Call) {
        let Some(Place::Group(place)) = self.places.get(&node) else { return };
        let (name, from_start) = (place.name.clone(), place.from_start);
        let Some(Place::Stream(stream)) = place.stream.and_then(|stream| self.places.get(&stream)) else { return };
        let slot = stream.slot;
        self.store.slots[slot as usize].drawn.insert(name.clone(), node);
        if !self.store.make_stream(slot) {
            return;
        }
        let Some((stream, mut pen)) = self.store.open(slot, call) else { return };
        let index = match stream.group_named(&name) {
            Some(index) => index,
            None => {
                let start = if from_start { Id::ZERO } else { stream.last_id };
                stream.make_group(&name, Some(node), start, UNKNOWN, &mut pen)
            }
        };
        if let Some(Place::Group(place)) = self.places.get_mut(&node) {
            place.index = index;
        }
        self.adopt(slot, Some(index), node, call);
    }

    /// The slot and index of the group of this member, if it is there.
    #[inline]
    pub(super) fn group_at(&self, node: NodeId) -> Option<(u32, u32)> {
        let Some(Place::Group(place)) = self.places.get(&node) else { return None };
        let Some(Place::Stream(stream)) = self.places.get(&place.stream?) else { return None };
        let slot = stream.slot;
        let stream = self.store.stream(slot)?;
        match stream.group(place.index).is_some_and(|group| group.name == place.name) {
            true => Some((slot, place.index)),
            false => stream.group_named(&place.name).map(|index| (slot, index)),
        }
    }

    /// A stream, or a group, that was made at a console is now drawn: its copies move to the node.
    fn adopt(&mut self, slot: u32, group: Option<u32>, node: NodeId, call: &mut Call) {
        let Some((stream, mut pen)) = self.store.open(slot, call) else { return };
        let copies = match group {
            None if stream.mark.node.is_none() => stream.copies(),
            Some(index) => match stream.group(index) {
                Some(group) if group.mark.node.is_none() => stream.copies_of(group, pen.call.broker),
                _ => return,
            },
            None => return,
        };
        let mark = match group {
            None => &mut stream.mark,
            Some(index) => match stream.group_mut(index) {
                Some(group) => {
                    group.again = Shelf::default();
                    &mut group.mark
                }
                None => return,
            },
        };
        let mut new = Shelfmark { node: Some(node), ..Shelfmark::default() };
        for copy in copies {
            let change = if copy.owner.is_some() { (0, -1) } else { (-1, 0) };
            pen.copy(mark, copy.message, change, |ready, unacked| Fact::Trimmed { ready, unacked });
            enter(&mut new, copy.message, copy.owner, &mut pen);
        }
        *mark = new;
    }
}

/// A copy appears at a place, in a consumer's hands if it has an owner.
fn enter(mark: &mut Shelfmark, message: MessageId, owner: Option<NodeId>, pen: &mut Pen) {
    pen.copy(mark, message, (1, 0), |ready, unacked| Fact::Enqueued { ready, unacked });
    if let Some(to) = owner {
        pen.copy(mark, message, (-1, 1), |ready, unacked| Fact::Leased { to, ready, unacked });
    }
}
