//! What a simulated part is: a value that reacts to messages, timers, faults and changes by asking for effects.

use std::rc::Rc;

use crate::vocabulary::{EventId, LinkId, Message, MessageId, NodeId, Settings, Time, TimerId, WireId};

use super::context::Context;
use super::link::Port;

/// A message that has come in over a link.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The link that carried it. A [`Context::reply`] goes back over the same link.
    pub link: LinkId,
    /// The node that sent it.
    pub from: NodeId,
    /// The node that it came to: the component's own, or one of its members.
    pub to: NodeId,
    /// The port of `to` at which the link ends.
    pub port: Port,
    /// The trace event of its arrival: the cause of all that the handler does.
    pub cause: EventId,
    /// What was sent.
    pub message: Message,
}

/// A change to a running simulation, made by an edit of its drawing.
#[derive(Clone, Debug)]
pub enum Change {
    /// Parameters of the component's node, or of one of its members, have new values.
    Configured {
        /// The node.
        node: NodeId,
        /// All its settings, the unchanged ones too.
        settings: Rc<Settings>,
    },
    /// A member was placed inside the component: a queue in its broker, say.
    MemberAdded {
        /// The member.
        node: NodeId,
        /// The name of its kind.
        kind: &'static str,
        /// Its settings. The text `name` among them is its name.
        settings: Rc<Settings>,
    },
    /// A member is gone. What it held is the component's to account for.
    MemberRemoved {
        /// The member.
        node: NodeId,
    },
    /// Two members were joined by a wire that carries no traffic: a binding.
    Joined {
        /// The wire.
        wire: WireId,
        /// Where it starts.
        from: NodeId,
        /// Where it ends.
        to: NodeId,
        /// Its settings.
        settings: Rc<Settings>,
    },
    /// Such a wire has new settings.
    Rejoined {
        /// The wire.
        wire: WireId,
        /// All its settings.
        settings: Rc<Settings>,
    },
    /// Such a wire is gone.
    Parted {
        /// The wire.
        wire: WireId,
    },
    /// A link of the component's node, or of one of its members, was made.
    LinkAdded {
        /// The link.
        link: LinkId,
        /// The node on this side.
        node: NodeId,
        /// Its port.
        port: Port,
        /// The node at the other end.
        peer: NodeId,
    },
    /// A link is gone; nothing more comes over it, and what is sent to it is dropped.
    LinkRemoved {
        /// The link.
        link: LinkId,
        /// The node on this side.
        node: NodeId,
        /// The node at the other end.
        peer: NodeId,
    },
}

/// What happens to the component's own node, or to the other end of one of its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The node stops without warning. Only what the component calls durable may survive. No effect of this call but
    /// `record` is applied; timers are cancelled by the kernel.
    Crashed,
    /// The node runs again; the component starts anew from what survived.
    Restarted,
    /// The connection over this link broke: the other node is down, or was unreachable for too long.
    PeerLost {
        /// The link.
        link: LinkId,
        /// The node on this side.
        node: NodeId,
        /// The node at the other end.
        peer: NodeId,
    },
    /// The other end of this link can be reached again. A client now connects anew.
    PeerBack {
        /// The link.
        link: LinkId,
        /// The node on this side.
        node: NodeId,
        /// The node at the other end.
        peer: NodeId,
    },
}

/// The state of one message inside a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Waits for a consumer.
    Ready,
    /// Waits again after a delivery that was not acknowledged.
    ReadyAgain,
    /// Held by a consumer that has not acknowledged it.
    Unacked,
    /// In work.
    InWork,
}

/// One message inside a part.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectionItem {
    /// The message.
    pub message: MessageId,
    /// Its state.
    pub state: ItemState,
    /// The node that holds it, for [`ItemState::Unacked`].
    pub holder: Option<NodeId>,
}

/// What can be seen of a part now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// One short line for the picture: `12 ready · 2 unacked`.
    pub headline: String,
    /// Messages inside, the next one first, at most as many as were asked for.
    pub items: Vec<InspectionItem>,
    /// How many there are in all.
    pub item_count: usize,
    /// Named values for the inspector.
    pub rows: Vec<(&'static str, String)>,
}

/// One list of what is inside a part: the messages of a queue, the records of a partition, the entries of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InsideTable {
    /// What is listed: `Partition 0 · high watermark 12`.
    pub title: String,
    /// The headings.
    pub columns: &'static [&'static str],
    /// The rows, at most as many as were asked for.
    pub rows: Vec<InsideRow>,
    /// How many there are in all.
    pub row_count: usize,
}

/// One row of an [`InsideTable`].
#[derive(Clone, Debug, PartialEq)]
pub struct InsideRow {
    /// The message, or [`MessageId::NONE`].
    pub message: MessageId,
    /// How it stands, if it is a message.
    pub state: Option<ItemState>,
    /// One text for each column.
    pub cells: Vec<String>,
}

/// A part of the simulated world.
///
/// A handler asks the [`Context`] for effects. They happen in the order of asking and never call a component: what a
/// handler asks for comes to others as events. The component is a value: cloned, it is a checkpoint.
pub trait Component: 'static {
    /// The node begins to run.
    fn on_start(&mut self, _context: &mut Context) {}

    /// A message came in, for the component's node or one of its members.
    fn on_message(&mut self, envelope: Envelope, context: &mut Context);

    /// A timer that the component set has run out.
    fn on_timer(&mut self, _timer: TimerId, _key: u64, _context: &mut Context) {}

    /// The node, or the other end of one of its links, failed or came back.
    fn on_fault(&mut self, _notice: Notice, _context: &mut Context) {}

    /// The drawing changed while the run goes on. Also called, before `on_start`, for each member, inner wire and link
    /// that is there from the beginning.
    fn on_change(&mut self, _change: &Change, _context: &mut Context) {}

    /// A command by hand, such as "send one now"; false if the component knows no such command.
    fn on_command(&mut self, _node: NodeId, _command: &str, _context: &mut Context) -> bool {
        false
    }

    /// What can be seen of `node` (the component's own or a member) now, with at most `items_max` messages.
    fn inspect(&self, _node: NodeId, _items_max: usize) -> Inspection {
        Inspection::default()
    }

    /// What is inside `node` now, in lists of at most `rows_max` rows. Asked for only while someone looks.
    fn inside(&self, _node: NodeId, _now: Time, _rows_max: usize) -> Vec<InsideTable> {
        Vec::new()
    }

    /// What was typed at the component and what it answered, oldest first, as JSON texts.
    fn transcript(&self) -> Vec<Rc<str>> {
        Vec::new()
    }

    /// Messages that this component holds, each once per copy, for accounting. May be long.
    fn holds(&self, _visit: &mut dyn FnMut(NodeId, MessageId)) {}

    /// A copy with the same future.
    fn clone_box(&self) -> Box<dyn Component>;
}
