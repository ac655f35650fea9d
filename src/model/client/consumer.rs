//! The consumer: subscribes to queues, works on what it gets, and acknowledges.
//!
//! Reproduces: a client that consumes with AMQP 0-9-1 `basic.consume` (RabbitMQ 3.10, "Consumers", "Consumer
//! Acknowledgements and Publisher Confirms", "Consumer Prefetch"). Deliveries that can't be worked on at once wait in
//! the client's memory, as they do in client libraries. When the connection breaks, what waits there unacknowledged is
//! forgotten, for the broker hands it out again; what is in work is finished, but can no longer be acknowledged. A
//! restarted consumer, and one whose broker is back, subscribes anew.
//! A broker that pushes nothing says so in answer to the subscription; the consumer then runs a poll loop (`polls.rs`).
//! What an automatic acknowledgement means for a crash is in `commits.rs`, what a cancelled subscription does in
//! `cancelled.rs`.
//!
//! Leaves out: acknowledging several deliveries at once, polling RabbitMQ with `basic.get`, cancelling by hand, asking again for
//! a subscription that a lossy link lost (a real connection loses nothing in silence). The prefetch limit counts for
//! each queue by itself. When `ack` is changed between automatic and the others while deliveries are on the way, they
//! are taken as the new setting says, though the broker sent them as the old one said.

mod cancelled;
mod commits;
mod plan;
mod polls;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::rc::Rc;

use crate::kernel::{Change, Component, Context, Envelope, Inspection, InspectionItem, ItemState, Notice, Port};
use crate::model::kind::{Direction, Group, NodeKind, PortSpec, Role};
use crate::vocabulary::{
    BrokerMessage, Carried, Content, DropReason, Fact, FlatMap, LinkId, Message, MessageId, NodeId, Settings, TimerId,
};

use cancelled::Cancelled;
use commits::{lose, Commits};
use plan::{Ack, Plan, PARAMS};
use polls::Polls;

const IN: Port = Port(0);

/// Deliveries that wait in one consumer before more are dropped: it can happen only without a prefetch limit, and a
/// real client would run out of memory.
pub const WAITING_MAX: usize = 100_000;

/// The consumer in palette, forms and validation.
pub const KIND: NodeKind = NodeKind {
    name: "consumer",
    label: "Consumer",
    group: Group::Clients,
    help: "Takes messages from queues, works on each for a while, and acknowledges it.",
    role: Role::Component(|settings| Box::new(Consumer::new(settings))),
    ports: &[PortSpec {
        name: "in",
        port: IN,
        direction: Direction::In,
        wires: &["subscription"],
        help: "From queues; with several, what comes first is worked on first.",
    }],
    params: &PARAMS,
    commands: &[],
};

/// A delivery in the consumer's hands.
#[derive(Clone, Debug)]
struct Item {
    link: LinkId,
    /// The connection over which it came: the tag means nothing to a later one.
    connection: u64,
    tag: u64,
    ack: Ack,
    /// The broker has forgotten the message, for it is acknowledged.
    is_forgotten: bool,
    content: Rc<Content>,
}

/// The component.
#[derive(Clone)]
pub struct Consumer {
    plan: Plan,
    /// Its own node, known from the start on.
    node: NodeId,
    is_running: bool,
    /// The current connection of each link.
    connections: FlatMap<LinkId, u64>,
    connections_made: u64,
    /// The links at which messages have to be asked for.
    polls: Polls,
    commits: Commits,
    cancelled: Cancelled,
    waiting: VecDeque<Item>,
    /// What is in work; the index is the key of its timer.
    working: Vec<Option<Item>>,
    vacant: Vec<usize>,
    busy: u16,
    done_count: u64,
    failed_count: u64,
}

impl Consumer {
    /// A consumer that has got nothing yet.
    pub fn new(settings: &Settings) -> Consumer {
        Consumer {
            plan: Plan::read(settings),
            node: NodeId::default(),
            is_running: false,
            connections: FlatMap::new(),
            connections_made: 0,
            polls: Polls::default(),
            commits: Commits::default(),
            cancelled: Cancelled::default(),
            waiting: VecDeque::new(),
            working: Vec::new(),
            vacant: Vec::new(),
            busy: 0,
            done_count: 0,
            failed_count: 0,
        }
    }

    /// Subscribes on a connection: a new one, or the one that is there.
    fn subscribe(&mut self, link: LinkId, is_new: bool, context: &mut Context) {
        self.cancelled.remove(link);
        if is_new {
            self.connections_made += 1;
            self.connections.insert(link, self.connections_made);
        }
        let Plan { prefetch, priority, ack, .. } = self.plan;
        let frame = BrokerMessage::Subscribe { prefetch, auto_ack: ack == Ack::Auto, priority };
        context.send_link(context.node(), link, frame.into());
    }

    fn start(&mut self, context: &mut Context) {
        self.is_running = true;
        self.node = context.node();
        let links: Vec<LinkId> = context.links(self.node, IN).collect();
        links.into_iter().for_each(|link| self.subscribe(link, true, context));
    }

    /// A connection is over: the broker hands out again what waits here unacknowledged.
    fn disconnect(&mut self, link: LinkId) {
        self.connections.remove(&link);
        self.polls.remove(link);
        self.cancelled.remove(link);
        self.commits.disconnect(Some(link));
        self.waiting.retain(|item| item.link != link || item.loss().is_some());
    }

    /// The broker has ended the subscription, and with it everything that is not acknowledged.
    fn end_subscription(&mut self, link: LinkId, context: &mut Context) {
        if self.connections.contains_key(&link) {
            self.disconnect(link);
            self.cancelled.add(link, context);
            context.record(MessageId::NONE, Fact::Unsubscribed { consumer: self.node });
        }
    }

    fn deliver(&mut self, link: LinkId, tag: u64, content: Rc<Content>, context: &mut Context) {
        let Some(connection) = self.connections.get(&link).copied() else {
            let fact = Fact::Dropped { reason: DropReason::ConnectionLost, what: Carried::Deliver };
            return context.record(content.id, fact);
        };
        let ack = self.plan.ack;
        self.polls.came(link, tag);
        let is_forgotten = !(ack == Ack::Auto && self.polls.commits(link));
        let item = Item { link, connection, tag, ack, is_forgotten, content };
        if item.ack == Ack::Early {
            self.answer(&item, BrokerMessage::Ack { tag, multiple: false, about: item.content.id }, context);
        }
        if self.busy < self.plan.concurrency && self.waiting.is_empty() {
            self.begin(item, context);
        } else if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(item);
        } else {
            let fact = Fact::Dropped { reason: DropReason::Limit, what: Carried::Deliver };
            context.record(item.content.id, fact);
        }
    }

    fn begin(&mut self, item: Item, context: &mut Context) {
        self.busy += 1;
        let waited = context.now().since(item.content.created).0;
        context.record(item.content.id, Fact::Began { busy: self.busy, waited });
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.working.push(None);
            self.working.len() - 1
        });
        self.working[index] = Some(item);
        let span = context.random().sample(&self.plan.service_time);
        context.work(span, index as u64);
    }

    fn begin_waiting(&mut self, context: &mut Context) {
        while self.busy < self.plan.concurrency {
            let Some(item) = self.waiting.pop_front() else { return };
            self.begin(item, context);
        }
    }

    fn end(&mut self, item: Item, context: &mut Context) {
        self.busy -= 1;
        let (message, tag, busy) = (item.content.id, item.tag, self.busy);
        let frame = if context.random().chance(self.plan.failure_chance) {
            self.failed_count += 1;
            context.record(message, Fact::Failed { busy });
            // Without its connection nobody can commit it any more, and it comes again.
            if item.is_forgotten || self.connections.get(&item.link) == Some(&item.connection) {
                self.commits.failed(&item, context);
            }
            BrokerMessage::Nack { tag, multiple: false, requeue: self.plan.requeues, about: message }
        } else {
            self.done_count += 1;
            let latency = context.now().since(item.content.created).0;
            context.record(message, Fact::Completed { busy, latency });
            BrokerMessage::Ack { tag, multiple: false, about: message }
        };
        if item.ack == Ack::Late {
            self.answer(&item, frame, context);
        }
    }

    /// Tells the broker about a delivery, if the connection is still the one over which it came.
    fn answer(&mut self, item: &Item, frame: BrokerMessage, context: &mut Context) {
        if self.connections.get(&item.link) == Some(&item.connection) {
            if !matches!(frame, BrokerMessage::Nack { requeue: true, .. }) {
                self.polls.settled(item.link, item.tag);
            }
            context.send_link(context.node(), item.link, frame.into());
        }
    }

    /// The process is gone, with all that it had in its memory.
    fn crash(&mut self, context: &mut Context) {
        self.is_running = false;
        self.connections.clear();
        self.polls.clear();
        self.cancelled.clear();
        self.commits.disconnect(None);
        self.vacant.clear();
        for item in std::mem::take(&mut self.working).into_iter().flatten() {
            self.busy -= 1;
            context.record(item.content.id, Fact::Abandoned { busy: self.busy });
            item.loss().into_iter().for_each(|reason| lose(item.content.id, reason, context));
        }
        for item in std::mem::take(&mut self.waiting) {
            item.loss().into_iter().for_each(|reason| lose(item.content.id, reason, context));
        }
    }

    fn configure(&mut self, settings: &Settings, context: &mut Context) {
        let old = std::mem::replace(&mut self.plan, Plan::read(settings));
        let changes_mode = (old.ack == Ack::Auto) != (self.plan.ack == Ack::Auto);
        if changes_mode || (old.prefetch, old.priority) != (self.plan.prefetch, self.plan.priority) {
            let links: Vec<LinkId> = self.connections.keys().copied().collect();
            for link in links {
                if changes_mode {
                    // The broker takes back all that is unacknowledged, as after a broken connection.
                    self.disconnect(link);
                }
                self.subscribe(link, changes_mode, context);
            }
        }
        self.begin_waiting(context);
        self.pull(context);
    }

    /// Asks for messages wherever they have to be asked for, if there are free hands.
    fn pull(&mut self, context: &mut Context) {
        if self.polls.is_empty() || self.busy >= self.plan.concurrency || !self.waiting.is_empty() {
            return;
        }
        let Consumer { polls, plan, working, waiting, .. } = self;
        let holds = |link| working.iter().flatten().chain(&*waiting).any(|item| item.link == link);
        polls.ask(plan, holds, context);
    }
}

impl Component for Consumer {
    fn on_start(&mut self, context: &mut Context) {
        self.start(context);
    }

    fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
        let link = envelope.link;
        match envelope.message {
            Message::Broker(BrokerMessage::Deliver { tag, content, .. }) => self.deliver(link, tag, content, context),
            Message::Broker(BrokerMessage::Pulls { commits, next }) if self.connections.contains_key(&link) => {
                self.polls.add(link, commits, next);
                self.pull(context);
            }
            Message::Broker(BrokerMessage::Pulled { count }) => {
                self.polls.answered(link, count, context);
                self.pull(context);
            }
            Message::Broker(BrokerMessage::Committed { first, last }) => {
                if let Some(connection) = self.connections.get(&link).copied() {
                    let items = self.working.iter_mut().flatten().chain(&mut self.waiting);
                    self.commits.committed((link, connection), first..=last, items, context);
                }
            }
            Message::Broker(BrokerMessage::Cancel) => self.end_subscription(link, context),
            _ => {}
        }
    }

    fn on_timer(&mut self, timer: TimerId, key: u64, context: &mut Context) {
        if self.polls.on_timer((timer, key), &self.plan, context) {
            return self.pull(context);
        }
        if Cancelled::is_key(key) {
            let due = self.cancelled.due(key, context);
            return due.into_iter().for_each(|link| self.subscribe(link, true, context));
        }
        let index = key as usize;
        let Some(item) = self.working.get_mut(index).and_then(Option::take) else { return };
        self.vacant.push(index);
        self.end(item, context);
        self.begin_waiting(context);
        self.pull(context);
    }

    fn on_fault(&mut self, notice: Notice, context: &mut Context) {
        match notice {
            Notice::Crashed => self.crash(context),
            Notice::Restarted => self.start(context),
            Notice::PeerLost { link, .. } => self.disconnect(link),
            Notice::PeerBack { link, .. } => {
                self.disconnect(link);
                self.subscribe(link, true, context);
            }
        }
    }

    fn on_change(&mut self, change: &Change, context: &mut Context) {
        match change {
            Change::Configured { settings, .. } => self.configure(settings, context),
            Change::LinkAdded { link, .. } if self.is_running => self.subscribe(*link, true, context),
            Change::LinkRemoved { link, .. } => self.disconnect(*link),
            _ => {}
        }
    }

    fn inspect(&self, _: NodeId, items_max: usize) -> Inspection {
        let working = self.working.iter().flatten().map(|item| (item, ItemState::InWork));
        let waiting = self.waiting.iter().map(|item| (item, ItemState::Ready));
        let item = |(item, state): (&Item, ItemState)| InspectionItem { message: item.content.id, state, holder: None };
        let headline = match (self.busy, self.waiting.len()) {
            (0, 0) if self.cancelled.next().is_some() => "cancelled by the broker".to_string(),
            (0, 0) => "idle".to_string(),
            (busy, 0) => format!("{busy} in work"),
            (busy, waiting) => format!("{busy} in work · {waiting} waiting"),
        };
        let mut rows = vec![("Done", self.done_count.to_string()), ("Failed", self.failed_count.to_string())];
        if self.polls.timed_out() > 0 {
            rows.push(("Pulls without an answer", self.polls.timed_out().to_string()));
        }
        if self.cancelled.count() > 0 {
            rows.push(("Cancelled by the broker", self.cancelled.count().to_string()));
        }
        if let Some(at) = self.cancelled.next() {
            // RabbitMQ does not say which of the two it was.
            rows.push(("Why", "the queue is gone, or its node, or the channel was closed".to_string()));
            rows.push(("Subscribes again at", at.to_string()));
        }
        Inspection {
            headline,
            items: working.chain(waiting).take(items_max).map(item).collect(),
            item_count: usize::from(self.busy) + self.waiting.len(),
            rows,
        }
    }

    // What is not acknowledged yet is still the broker's to account for.
    fn holds(&self, visit: &mut dyn FnMut(NodeId, MessageId)) {
        let items = self.working.iter().flatten().chain(&self.waiting);
        let own = items.filter(|item| item.loss().is_some());
        own.for_each(|item| visit(self.node, item.content.id));
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}
