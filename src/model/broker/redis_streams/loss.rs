//! What a crash or a failover takes: the keys go back to what is safe, and every copy that is gone, or back, is accounted for.
//!
//! Reproduces: what Redis 7.0 finds when it reads its append-only file or snapshot at the next start (redis.io, "Redis
//! persistence"). It may be older than what clients were told: an entry whose XADD was answered can be missing, an
//! acknowledged one can be pending again, and one that was trimmed can be back. What is lost is recorded when the
//! server crashes, though Redis finds out at its restart. Leaves out: files that are cut off in the middle of a
//! command.

use std::rc::Rc;

use crate::model::broker::server::Call;
use crate::vocabulary::{Content, DropReason, Fact, MessageId, NodeId};

use super::books::{Levels, Pen, Shelfmark};
use super::group::Group;
use super::id::Id;
use super::node::{NodeLimits, RadixNode};
use super::persistence::{Snapshot, Undo};
use super::shelf::Shelf;
use super::store::{Slot, Store, Value};
use super::stream::Stream;

/// A copy at one place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Copy {
    id: Id,
    /// The message.
    pub(super) message: MessageId,
    /// Its owner, if it is in a consumer's hands.
    pub(super) owner: Option<NodeId>,
    /// Ready, and handed out before.
    again: bool,
}

/// The copies at a stream, or at one of its groups.
struct Holding {
    slot: u32,
    group: Option<Rc<str>>,
    mark: Shelfmark,
    copies: Vec<Copy>,
}

impl Store {
    /// Goes back to what is safe.
    pub fn crash(&mut self, call: &mut Call) {
        self.begin(call);
        self.forget_waiters();
        let undo = self.log.take();
        let snapshot = self.log.snapshot();
        self.log.replicas.catch_up();
        self.go_back(undo, snapshot, DropReason::NotPersistent, call);
    }

    /// Takes changes back, the last one first, or all back to a snapshot; what is gone by that is lost for this reason.
    pub(super) fn go_back(&mut self, undo: Vec<Undo>, snapshot: Option<Snapshot>, reason: DropReason, call: &mut Call) {
        if undo.is_empty() && snapshot.is_none() {
            return;
        }
        let before = self.holdings(call.broker);
        match snapshot {
            Some(snapshot) => {
                for (index, slot) in self.slots.iter_mut().enumerate() {
                    slot.value = snapshot.get(index).cloned().flatten();
                }
            }
            None => undo.into_iter().rev().for_each(|undo| take_back(&mut self.slots, undo)),
        }
        self.rebuild();
        let after = self.holdings(call.broker);
        for holding in &before {
            let new = after.iter().find(|new| new.slot == holding.slot && new.group == holding.group);
            self.account(holding.mark, &holding.copies, new, reason, call);
        }
        for new in &after {
            if !before.iter().any(|holding| holding.slot == new.slot && holding.group == new.group) {
                let mark = Shelfmark { node: new.mark.node, levels: Levels::default() };
                self.account(mark, &[], Some(new), reason, call);
            }
        }
    }

    fn holdings(&self, broker: NodeId) -> Vec<Holding> {
        let mut holdings = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(Value::Stream(stream)) = &slot.value else { continue };
            let slot = index as u32;
            holdings.push(Holding { slot, group: None, mark: stream.mark, copies: stream.copies() });
            for group in stream.groups_by_name() {
                let copies = stream.copies_of(group, broker);
                holdings.push(Holding { slot, group: Some(group.name.clone()), mark: group.mark, copies });
            }
        }
        holdings
    }

    /// Makes what is derived fit what it is derived from.
    fn rebuild(&mut self) {
        self.books.held = 0;
        for slot in &mut self.slots {
            let (node, drawn) = (slot.node, &slot.drawn);
            if let Some(Value::Stream(stream)) = &mut slot.value {
                stream.rebuild(node, self.limits);
                self.books.held += stream.entries.len();
                for index in 0..stream.group_slots() {
                    let entries = std::mem::take(&mut stream.entries);
                    if let Some(group) = stream.group_mut(index) {
                        group.mark.node = drawn.get(&group.name).copied();
                        self.books.held += group.pending.len();
                        rebuild_group(group, |id| entries.get(id).is_some());
                        group.mark.levels.ready = entries.range(group.last_id, Id::MAX).count() as u32
                            - u32::from(entries.get(group.last_id).is_some());
                    }
                    stream.entries = entries;
                }
            }
        }
    }

    /// Says what became of the copies at one place, and remembers which were handed out before.
    fn account(
        &mut self,
        mark: Shelfmark,
        before: &[Copy],
        after: Option<&Holding>,
        reason: DropReason,
        call: &mut Call,
    ) {
        let Store { books, log, .. } = self;
        let mut pen = Pen { books, log, call };
        let mut mark = mark;
        let mut again = Shelf::default();
        let mut old = before.iter().peekable();
        for new in after.map_or(&[][..], |holding| &holding.copies) {
            while let Some(lost) = old.next_if(|copy| copy.id < new.id) {
                lose(lost, reason, &mut mark, &mut pen);
            }
            let old = old.next_if(|copy| copy.id == new.id);
            if keep(old, new, &mut mark, &mut pen) {
                again.insert(new.id, ());
            }
        }
        old.for_each(|lost| lose(lost, reason, &mut mark, &mut pen));
        let Some(Holding { slot, group: Some(name), .. }) = after else { return };
        if let Some(Value::Stream(stream)) = &mut self.slots[*slot as usize].value {
            if let Some(group) = stream.group_named(name).and_then(|index| stream.group_mut(index)) {
                group.again = again;
            }
        }
    }
}

/// A copy did not survive.
fn lose(copy: &Copy, reason: DropReason, mark: &mut Shelfmark, pen: &mut Pen) {
    let change = if copy.owner.is_some() { (0, -1) } else { (-1, 0) };
    pen.give_up(mark, copy.message, change, reason);
}

/// A copy is there, perhaps in another state or after all. True if it is ready and was handed out before.
fn keep(old: Option<&Copy>, new: &Copy, mark: &mut Shelfmark, pen: &mut Pen) -> bool {
    let message = new.message;
    if old.is_none() {
        pen.copy(mark, message, (1, 0), |ready, unacked| Fact::Enqueued { ready, unacked });
    }
    let (was_out, was_again) = old.map_or((false, false), |old| (old.owner.is_some(), old.again));
    match (was_out, new.owner) {
        (true, None) => {
            pen.copy(mark, message, (1, -1), |ready, unacked| Fact::Requeued { ready, unacked });
            true
        }
        (false, Some(to)) => {
            pen.copy(mark, message, (-1, 1), |ready, unacked| match was_again {
                false => Fact::Leased { to, ready, unacked },
                true => Fact::Redelivered { to, ready, unacked },
            });
            false
        }
        (false, None) => was_again,
        (true, Some(_)) => false,
    }
}

/// Takes one change back.
fn take_back(slots: &mut [Slot], undo: Undo) {
    let slot = match &undo {
        Undo::Added { slot, .. }
        | Undo::Removed { slot, .. }
        | Undo::Counters { slot, .. }
        | Undo::Pending { slot, .. }
        | Undo::Position { slot, .. }
        | Undo::Member { slot, .. }
        | Undo::Group { slot, .. }
        | Undo::Key { slot, .. } => *slot as usize,
    };
    if let Undo::Key { old, .. } = undo {
        slots[slot].value = old;
    } else if let Some(Value::Stream(stream)) = &mut slots[slot].value {
        stream.take_back(undo);
    }
}

impl Stream {
    /// The stream's own copies by rising id.
    pub(super) fn copies(&self) -> Vec<Copy> {
        let copy = |(id, content): (Id, &Rc<Content>)| Copy { id, message: content.id, owner: None, again: false };
        self.entries.iter().map(copy).collect()
    }

    /// The copies of a group by rising id: pending ones behind its position, then what it has not read.
    pub(super) fn copies_of(&self, group: &Group, broker: NodeId) -> Vec<Copy> {
        let pending = group.pending.iter().filter(|(id, nack)| !nack.is_gone && *id <= group.last_id);
        let owner = |index: u32| group.consumer(index).map_or(broker, |consumer| consumer.node);
        let owned = pending.map(|(id, nack)| Copy {
            id,
            message: nack.message,
            owner: Some(owner(nack.consumer)),
            again: false,
        });
        let unread = self.unread_by(group).map(|(id, content)| Copy {
            id,
            message: content.id,
            owner: None,
            again: group.again.get(id).is_some(),
        });
        owned.chain(unread).collect()
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Added { id, last_id, .. } => {
                self.entries.remove(id);
                self.last_id = last_id;
                self.entries_added = self.entries_added.saturating_sub(1);
            }
            Undo::Removed { id, content, max_deleted, .. } => {
                self.entries.insert(id, content);
                self.max_deleted = max_deleted;
            }
            Undo::Counters { last_id, max_deleted, entries_added, .. } => {
                (self.last_id, self.max_deleted, self.entries_added) = (last_id, max_deleted, entries_added);
            }
            Undo::Group { group, old, .. } => {
                self.put_group(group, old.map(|group| *group));
            }
            Undo::Pending { group, id, nack, .. } => {
                let Some(group) = self.group_mut(group) else { return };
                match nack {
                    Some(nack) => group.pending.insert(id, nack),
                    None => group.pending.remove(id),
                };
            }
            Undo::Position { group, last_id, entries_read, .. } => {
                let Some(group) = self.group_mut(group) else { return };
                (group.last_id, group.entries_read) = (last_id, entries_read);
            }
            Undo::Member { group, consumer, old, .. } => {
                let Some(group) = self.group_mut(group) else { return };
                group.put_consumer(consumer, old);
            }
            Undo::Key { .. } => {}
        }
    }

    /// The stream's own part: nodes as they come out when the entries are added anew.
    fn rebuild(&mut self, node: Option<NodeId>, limits: NodeLimits) {
        self.nodes.clear();
        for (id, content) in self.entries.iter() {
            match self.nodes.back_mut() {
                Some(node) if node.takes(content, limits) => node.push(id, content),
                _ => self.nodes.push_back(RadixNode::new(id, content)),
            }
        }
        self.first_id = self.entries.first().unwrap_or_default();
        self.mark = Shelfmark { node, levels: Levels { ready: self.entries.len() as u32, unacked: 0 } };
    }
}

/// Counts what a group's consumers own and what it has in their hands.
fn rebuild_group(group: &mut Group, is_there: impl Fn(Id) -> bool) {
    group.consumers.iter_mut().flatten().for_each(|consumer| consumer.pending = 0);
    let mut unacked = 0;
    let last_id = group.last_id;
    let Group { pending, consumers, .. } = group;
    for (id, nack) in pending.iter_mut() {
        nack.is_gone = !is_there(id);
        unacked += u32::from(!nack.is_gone && id <= last_id);
        if let Some(Some(consumer)) = consumers.get_mut(nack.consumer as usize) {
            consumer.pending += 1;
        }
    }
    group.mark.levels = Levels { ready: 0, unacked };
}
