//! What every broker product is to its host: a state machine that knows neither links nor a trace.
//!
//! A [`Server`] is told what was drawn, what clients send, what is typed at a console and that time has passed; it
//! changes itself and says in an [`Outcome`] what happened. The component in `broker.rs` carries what happened out into
//! the simulation, `console.rs` prints it. So one and the same server answers on the canvas, in a terminal and in a test.
//!
//! To add a product, implement [`Server`] in a folder of its own and name it in `profile::PROFILES`.

use std::rc::Rc;

use serde_json::Value as Json;

use crate::kernel::rng::Stream;
use crate::kernel::{InsideTable, Inspection};
use crate::vocabulary::{
    BrokerMessage, Carried, Content, DropReason, Duration, Fact, LinkId, MessageId, NodeId, Settings, Time, WireId,
};

/// One client's connection: a link of the drawing, or a named client of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Session(u32);

impl Session {
    const CONSOLE: u32 = 1 << 31;

    /// The connection over a link of the drawing.
    #[inline]
    pub fn of_link(link: LinkId) -> Session {
        Session(link.0 & !Session::CONSOLE)
    }

    /// The connection of the console's client with this number.
    pub fn of_console(number: u32) -> Session {
        Session(number | Session::CONSOLE)
    }

    /// The link of the drawing, or nothing for a client of a console.
    #[inline]
    pub fn link(self) -> Option<LinkId> {
        (self.0 & Session::CONSOLE == 0).then_some(LinkId(self.0))
    }

    /// True for a client of a console. It gets its answers and deliveries told in words, not as frames.
    #[inline]
    pub fn is_console(self) -> bool {
        self.0 & Session::CONSOLE != 0
    }
}

/// Something that a call to a server led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// To be written into the trace.
    Fact {
        /// Where: the broker's own node or a member's.
        node: NodeId,
        /// About which message.
        message: MessageId,
        /// What.
        fact: Fact,
    },
    /// To be sent to a client of the drawing.
    Frame {
        /// Its connection.
        session: Session,
        /// The member at which the connection ends.
        from: NodeId,
        /// What is sent.
        frame: BrokerMessage,
    },
    /// The same for the confirm of a message, which waits until the disk has the message.
    Confirm {
        /// The publisher's connection.
        session: Session,
        /// The member at which the connection ends.
        from: NodeId,
        /// The confirm.
        frame: BrokerMessage,
        /// The message that is confirmed.
        message: MessageId,
        /// Whether it is to be on disk first.
        waits_for_disk: bool,
    },
    /// To be told to a client of a console: a delivery, a confirm, a closed channel.
    Told {
        /// The client.
        session: Session,
        /// What it is, in one word: `delivery`, `confirm`, `return`, `closed`, `assigned`, ...
        word: &'static str,
        /// The rest, in the product's own words.
        body: Json,
    },
    /// A message that was made inside the server: its content, to be kept with the trace.
    Made(Rc<Content>),
}

/// What a call led to, in order.
pub type Outcome = Vec<Happened>;

/// The surroundings of one call.
pub struct Call<'a> {
    /// The current time.
    pub now: Time,
    /// The broker's own node. Facts about what has no node of its own, such as a queue declared at a console, are its.
    pub broker: NodeId,
    /// The broker's work takes this part of its normal time, in per cent: a slow disk.
    pub slow_percent: u32,
    /// Draws for what the real product leaves open.
    pub random: &'a mut Stream,
    /// How many messages were made inside the broker so far.
    pub messages_made: &'a mut u64,
    /// What happened.
    pub outcome: &'a mut Outcome,
}

impl Call<'_> {
    /// Says a fact.
    #[inline]
    pub fn fact(&mut self, node: NodeId, message: MessageId, fact: Fact) {
        self.outcome.push(Happened::Fact { node, message, fact });
    }

    /// Says that a copy of a message at rest goes no further.
    pub fn dropped(&mut self, node: NodeId, message: MessageId, reason: DropReason) {
        self.fact(node, message, Fact::Dropped { reason, what: Carried::Publish });
    }

    /// Sends a frame to a client of the drawing.
    #[inline]
    pub fn frame(&mut self, session: Session, from: NodeId, frame: BrokerMessage) {
        self.outcome.push(Happened::Frame { session, from, frame });
    }

    /// Confirms a message to a client of the drawing, as soon as the disk has it if that is needed.
    #[inline]
    pub fn confirm(
        &mut self,
        session: Session,
        from: NodeId,
        frame: BrokerMessage,
        message: MessageId,
        waits_for_disk: bool,
    ) {
        self.outcome.push(Happened::Confirm { session, from, frame, message, waits_for_disk });
    }

    /// Tells something to a client of a console.
    pub fn tell(&mut self, session: Session, word: &'static str, body: Json) {
        self.outcome.push(Happened::Told { session, word, body });
    }

    /// A new id for a message that is made inside the broker: published at a console.
    pub fn next_message_id(&mut self) -> MessageId {
        *self.messages_made += 1;
        // Apart from the numbers that the kernel gives to the node, which start at 1.
        MessageId { origin: self.broker, number: (1 << 31) + *self.messages_made as u32 }
    }
}

/// A broker product as a state machine.
///
/// Nothing in it may depend on the order of a hash map, on a clock, or on randomness but `call.random`. A server never
/// panics, whatever it is told.
pub trait Server {
    /// A member was drawn inside the broker. The text `name` in its settings is its name.
    fn declare(&mut self, node: NodeId, kind: &'static str, settings: &Settings, call: &mut Call);

    /// A member, or the broker itself, has new settings.
    fn configure(&mut self, node: NodeId, settings: &Settings, call: &mut Call);

    /// A member was taken out of the drawing. What it held is accounted for.
    fn remove(&mut self, node: NodeId, call: &mut Call);

    /// Two members were joined by an inner wire, such as a binding.
    fn join(&mut self, wire: WireId, from: NodeId, to: NodeId, settings: &Settings, call: &mut Call);

    /// Such a wire has new settings.
    fn rejoin(&mut self, wire: WireId, settings: &Settings, call: &mut Call);

    /// Such a wire is gone.
    fn part(&mut self, wire: WireId, call: &mut Call);

    /// A frame came in from the node `client`, for the member `place`. The first one opens the session.
    fn receive(&mut self, session: Session, client: NodeId, place: NodeId, frame: BrokerMessage, call: &mut Call);

    /// The client's connection is lost or closed, without a word from the client. Also for clients of a console.
    fn disconnect(&mut self, session: Session, call: &mut Call);

    /// One operation of a console's client, in the product's own words, and the answer to it. What is not understood
    /// is answered with `{"error": "..."}` like everything that the product refuses.
    fn execute(&mut self, session: Session, client: &str, line: &str, call: &mut Call) -> Json;

    /// When something happens by itself next, if anything does.
    fn next_due(&self) -> Option<Time>;

    /// Lets happen what is due.
    fn on_due(&mut self, call: &mut Call);

    /// The broker stops without warning: connections and everything that is not on disk are gone. No frames are sent.
    fn crash(&mut self, call: &mut Call);

    /// The broker runs again. Clients connect anew by themselves.
    fn recover(&mut self, call: &mut Call);

    /// What can be seen of the broker or a member now, with at most `items_max` messages.
    fn inspect(&self, node: NodeId, items_max: usize) -> Inspection;

    /// What is inside the broker or a member now, in lists of at most `rows_max` rows.
    fn inside(&self, _node: NodeId, _now: Time, _rows_max: usize) -> Vec<InsideTable> {
        Vec::new()
    }

    /// How much longer than normally a confirm takes that waits for the disk, while the broker is slowed down.
    fn sync_delay(&self, _slow_percent: u32) -> Duration {
        Duration::ZERO
    }

    /// How much longer than normally every answer takes, while the broker is slowed down.
    fn answer_delay(&self, _slow_percent: u32) -> Duration {
        Duration::ZERO
    }

    /// Copies of messages that are held, each once, for accounting.
    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId));

    /// A copy with the same future.
    fn clone_box(&self) -> Box<dyn Server>;
}

impl Clone for Box<dyn Server> {
    fn clone(&self) -> Self {
        (**self).clone_box()
    }
}

/// One word of a product's console, for help and completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word that a line begins with.
    pub name: &'static str,
    /// How it is used: `publish EXCHANGE KEY BODY [OPTION=VALUE ...]`.
    pub usage: &'static str,
    /// One sentence on what it does.
    pub help: &'static str,
}
