//! A stream: a log of entries by id, and its groups.
//!
//! Reproduces: Redis 7.0 (t_stream.c; redis.io, "Streams", "XADD", "XTRIM", "XGROUP"). Adding is the only way in, and
//! nothing leaves by being acknowledged: entries leave by `XDEL`, or from the head by trimming, which looks at no
//! group's pending entries. How nodes fill up is in `node.rs`, how trimming goes in `trim.rs`, and what the counters
//! behind `lag` mean in `lag.rs`. Leaves out: the limit of an entry's length.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::vocabulary::{Content, DropReason, Fact, FlatMap, NodeId};

use super::books::{Pen, Shelfmark};
use super::group::{Consumer, Group};
use super::id::Id;
use super::node::{NodeLimits, RadixNode};
use super::persistence::Undo;
use super::shelf::Shelf;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub(super) slot: u32,
    /// The entries.
    pub entries: Shelf<Rc<Content>>,
    pub(super) nodes: VecDeque<RadixNode>,
    /// The last generated id, which outlives its entry.
    pub last_id: Id,
    /// The id of the first entry; `0-0` if there is none.
    pub first_id: Id,
    /// The greatest id that `XDEL` removed. Trimming leaves it alone.
    pub max_deleted: Id,
    /// How many entries were ever added.
    pub entries_added: u64,
    groups: Vec<Option<Group>>,
    names: FlatMap<Rc<str>, u32>,
    /// Its node and copies.
    pub mark: Shelfmark,
}

impl Stream {
    /// An empty stream in this slot, drawn as this node.
    pub fn new(slot: u32, node: Option<NodeId>) -> Stream {
        Stream { slot, mark: Shelfmark { node, ..Shelfmark::default() }, ..Stream::default() }
    }

    /// How many radix-tree nodes it has.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Adds an entry, whose id is greater than all others.
    pub fn add(&mut self, id: Id, content: Rc<Content>, limits: NodeLimits, pen: &mut Pen) {
        pen.note(Undo::Added { slot: self.slot, id, last_id: self.last_id });
        let message = content.id;
        self.put_in_node(id, &content, limits);
        if self.entries.is_empty() {
            self.first_id = id;
        }
        self.entries.insert(id, content);
        self.last_id = id;
        self.entries_added += 1;
        pen.books.held += 1;
        pen.copy(&mut self.mark, message, (1, 0), |ready, unacked| Fact::Enqueued { ready, unacked });
        for group in self.groups.iter_mut().flatten().filter(|group| id > group.last_id) {
            group.joins(message, pen);
        }
    }

    #[inline]
    fn put_in_node(&mut self, id: Id, content: &Rc<Content>, limits: NodeLimits) {
        match self.nodes.back_mut() {
            Some(node) if node.takes(content, limits) => node.push(id, content),
            _ => self.nodes.push_back(RadixNode::new(id, content)),
        }
    }

    /// `XDEL`: removes an entry; false if it is not there.
    pub fn delete(&mut self, id: Id, pen: &mut Pen) -> bool {
        if self.entries.get(id).is_none() {
            return false;
        }
        let node = self.nodes.partition_point(|node| node.first <= id).saturating_sub(1);
        if let Some(live) = self.nodes.get_mut(node).map(|node| &mut node.live) {
            *live = live.saturating_sub(1);
            if *live == 0 {
                self.nodes.remove(node);
            }
        }
        self.take_out(id, DropReason::Trimmed, pen);
        self.max_deleted = self.max_deleted.max(id);
        true
    }

    /// Takes an entry out and says what it means for everybody. The nodes are the caller's.
    #[inline]
    pub(super) fn take_out(&mut self, id: Id, reason: DropReason, pen: &mut Pen) {
        let Some(content) = self.entries.remove(id) else { return };
        let message = content.id;
        pen.note(Undo::Removed { slot: self.slot, id, content, max_deleted: self.max_deleted });
        pen.books.held = pen.books.held.saturating_sub(1);
        self.first_id = self.entries.first().unwrap_or_default();
        pen.copy(&mut self.mark, message, (-1, 0), |ready, unacked| Fact::Trimmed { ready, unacked });
        for group in self.groups.iter_mut().flatten() {
            group.entry_removed(id, message, reason, pen);
        }
    }

    /// The index of the group of this name.
    pub fn group_named(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The group with this index.
    #[inline]
    pub fn group(&self, index: u32) -> Option<&Group> {
        self.groups.get(index as usize).and_then(Option::as_ref)
    }

    /// The group with this index.
    #[inline]
    pub fn group_mut(&mut self, index: u32) -> Option<&mut Group> {
        self.groups.get_mut(index as usize).and_then(Option::as_mut)
    }

    /// The groups by name.
    pub fn groups_by_name(&self) -> impl Iterator<Item = &Group> {
        self.names.values().filter_map(|index| self.group(*index))
    }

    /// What a group has not read, by rising id.
    pub fn unread_by(&self, group: &Group) -> impl Iterator<Item = (Id, &Rc<Content>)> {
        let after = group.last_id;
        self.entries.range(after, Id::MAX).filter(move |(id, _)| *id > after)
    }

    /// The number of indexes that groups have or had.
    pub(super) fn group_slots(&self) -> u32 {
        self.groups.len() as u32
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.names.len()
    }

    /// Makes a group at this position, drawn as this node. Its name is free.
    pub fn make_group(
        &mut self,
        name: &str,
        node: Option<NodeId>,
        last_id: Id,
        entries_read: i64,
        pen: &mut Pen,
    ) -> u32 {
        let index = self.groups.len() as u32;
        let mut group = Group::new(Rc::from(name), (self.slot, index), last_id, entries_read);
        group.mark.node = node;
        for (_, content) in self.entries.range(last_id, Id::MAX).filter(|(id, _)| *id > last_id) {
            group.joins(content.id, pen);
        }
        self.put_group(index, Some(group));
        pen.note(Undo::Group { slot: self.slot, group: index, old: None });
        index
    }

    /// Puts a group at an index, or takes it away.
    pub(super) fn put_group(&mut self, index: u32, group: Option<Group>) -> Option<Group> {
        let place = index as usize;
        if place >= self.groups.len() {
            self.groups.resize(place + 1, None);
        }
        if let Some(old) = &self.groups[place] {
            self.names.remove(&old.name);
        }
        if let Some(group) = &group {
            self.names.insert(group.name.clone(), index);
        }
        std::mem::replace(&mut self.groups[place], group)
    }

    /// Gives a group another name, which is free.
    pub fn rename_group(&mut self, index: u32, name: Rc<str>) {
        if let Some(mut group) = self.put_group(index, None) {
            group.name = name;
            self.put_group(index, Some(group));
        }
    }

    /// `XGROUP DESTROY`: the group and what it had not finished with are gone.
    pub fn destroy_group(&mut self, index: u32, reason: DropReason, pen: &mut Pen) {
        let Some(mut group) = self.put_group(index, None) else { return };
        pen.note(Undo::Group { slot: self.slot, group: index, old: Some(Box::new(group.clone())) });
        pen.books.held = pen.books.held.saturating_sub(group.pending.len());
        for (id, nack) in group.pending.iter() {
            if !nack.is_gone && id <= group.last_id {
                pen.give_up(&mut group.mark, nack.message, (0, -1), reason);
            }
        }
        let after = group.last_id;
        for (_, content) in self.entries.range(after, Id::MAX).filter(|(id, _)| *id > after) {
            pen.give_up(&mut group.mark, content.id, (-1, 0), reason);
        }
    }

    /// Moves a group's position by hand: what it passes over is ready again, or skipped.
    pub fn set_position(&mut self, index: u32, to: Id, entries_read: i64, pen: &mut Pen) {
        let (slot, entries) = (self.slot, &self.entries);
        let Some(group) = self.groups.get_mut(index as usize).and_then(Option::as_mut) else { return };
        let from = group.last_id;
        pen.note(Undo::Position { slot, group: index, last_id: from, entries_read: group.entries_read });
        group.last_id = to;
        group.entries_read = entries_read;
        let passed = entries.range(from.min(to), from.max(to)).filter(|(id, _)| *id > from.min(to));
        for (id, content) in passed {
            match to < from {
                true => group.unread(id, content.id, pen),
                false => group.skip(id, content.id, pen),
            }
        }
    }

    /// Hands a group's next entry to a consumer, if there is one.
    #[inline]
    pub fn deliver_next(
        &mut self,
        index: u32,
        consumer: u32,
        no_ack: bool,
        pen: &mut Pen,
    ) -> Option<(Id, &Rc<Content>)> {
        let after = self.group(index)?.last_id;
        let place = self.entries.place_after(after)?;
        let (id, message) = self.entries.at(place).map(|(id, content)| (id, content.id))?;
        let read = self.entries_read_at(index, id);
        let group = self.groups.get_mut(index as usize).and_then(Option::as_mut)?;
        let (slot, entries_read) = (self.slot, group.entries_read);
        pen.note(Undo::Position { slot, group: index, last_id: after, entries_read });
        group.last_id = id;
        group.entries_read = read;
        group.deliver(id, message, consumer, no_ack, pen);
        self.entries.at(place)
    }

    /// The name of a consumer of a group.
    pub fn consumer_name(&self, group: u32, consumer: u32) -> &str {
        self.group(group).and_then(|group| group.consumer(consumer)).map_or("", |Consumer { name, .. }| name)
    }
}
