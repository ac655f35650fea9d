//! Minimal parts for the kernel's benchmarks: a producer, a queue, a server and a ring member, on the real engine.

use std::collections::VecDeque;
use std::rc::Rc;

use patchbay::kernel::{Component, Context, Envelope, LinkEnd, LinkSpec, Port, Simulation, TraceMode};
use patchbay::vocabulary::{
    BrokerMessage, Content, Distribution, Duration, Fact, HeaderValue, Message, MessageId, NodeId, Time, TimerId,
};

const OUT: Port = Port(1);
const IN: Port = Port(0);

/// What the messages of a producer have in common.
#[derive(Clone)]
struct Common {
    text: Rc<str>,
    headers: Rc<[(Rc<str>, HeaderValue)]>,
}

impl Common {
    fn new() -> Common {
        Common { text: Rc::from(""), headers: Rc::from([]) }
    }
}

fn content(id: MessageId, created: Time, common: &Common) -> Rc<Content> {
    Rc::new(Content {
        id,
        routing_key: common.text.clone(),
        headers: common.headers.clone(),
        payload: common.text.clone(),
        persistent: false,
        priority: None,
        expiration: None,
        created,
    })
}

/// Makes `left` customers with exponential gaps.
#[derive(Clone)]
struct Producer {
    left: u64,
    gap: Distribution,
    common: Common,
}

impl Component for Producer {
    fn on_start(&mut self, context: &mut Context) {
        let gap = context.random().sample(&self.gap);
        context.set_timer(gap, 0);
    }

    fn on_message(&mut self, _: Envelope, _: &mut Context) {}

    fn on_timer(&mut self, _: TimerId, _: u64, context: &mut Context) {
        let id = context.next_message_id();
        context.send(OUT, BrokerMessage::Publish(content(id, context.now(), &self.common)).into());
        self.left -= 1;
        if self.left > 0 {
            let gap = context.random().sample(&self.gap);
            context.set_timer(gap, 0);
        }
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

/// Holds customers while the server is busy.
#[derive(Clone, Default)]
struct Queue {
    waiting: VecDeque<Rc<Content>>,
    busy: bool,
}

impl Queue {
    fn serve(&mut self, context: &mut Context) {
        if let Some(content) = self.waiting.pop_front() {
            self.busy = true;
            let (to, ready) = (NodeId(2), self.waiting.len() as u32);
            context.record(content.id, Fact::Leased { to, ready, unacked: 1 });
            context.send(OUT, BrokerMessage::Deliver { tag: 1, redelivered: false, content }.into());
        }
    }
}

impl Component for Queue {
    fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
        match envelope.message {
            Message::Broker(BrokerMessage::Publish(content)) => {
                let id = content.id;
                self.waiting.push_back(content);
                context.record(id, Fact::Enqueued { ready: self.waiting.len() as u32, unacked: self.busy.into() });
                if !self.busy {
                    self.serve(context);
                }
            }
            _ => {
                self.busy = false;
                self.serve(context);
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

/// Serves one customer at a time.
#[derive(Clone)]
struct Server {
    service: Distribution,
    about: MessageId,
    since: Time,
}

impl Component for Server {
    fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
        if let Message::Broker(BrokerMessage::Deliver { content, .. }) = envelope.message {
            self.about = content.id;
            self.since = content.created;
            let span = context.random().sample(&self.service);
            context.work(span, 0);
        }
    }

    fn on_timer(&mut self, _: TimerId, _: u64, context: &mut Context) {
        let latency = context.now().since(self.since).0;
        context.record(self.about, Fact::Completed { busy: 0, latency });
        context.send(IN, BrokerMessage::Ack { tag: 1, multiple: false, about: self.about }.into());
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

/// An M/M/1 station: arrival rate 0.8 and service rate 1 per second.
pub fn mm1(customers: u64, mode: TraceMode) -> Simulation {
    let mut simulation = Simulation::new(1, mode);
    let gap = Distribution::Exponential(Duration::from_millis(1250));
    let service = Distribution::Exponential(Duration::from_secs(1));
    let producer = simulation.add_node("producer", Box::new(Producer { left: customers, gap, common: Common::new() }));
    let queue = simulation.add_node("queue", Box::new(Queue::default()));
    let server = Server { service, about: MessageId::NONE, since: Time::ZERO };
    let server = simulation.add_node("server", Box::new(server));
    let end = |node, port| LinkEnd { node, port };
    simulation.add_link("arrivals", LinkSpec::default(), end(producer, OUT), end(queue, IN));
    simulation.add_link("service", LinkSpec::default(), end(queue, OUT), end(server, IN));
    simulation
}

/// Hands on what it gets, until the message has gone round often enough.
#[derive(Clone)]
struct Member {
    left: u32,
    starts: Rc<Content>,
}

impl Component for Member {
    fn on_start(&mut self, context: &mut Context) {
        context.send(OUT, BrokerMessage::Publish(self.starts.clone()).into());
    }

    fn on_message(&mut self, envelope: Envelope, context: &mut Context) {
        if self.left > 0 {
            self.left -= 1;
            context.send(OUT, envelope.message);
        }
    }

    fn clone_box(&self) -> Box<dyn Component> {
        Box::new(self.clone())
    }
}

/// `members` components in a ring, each of which hands on `messages` messages over links with random latency.
pub fn ring(members: u32, messages: u32, mode: TraceMode) -> Simulation {
    let mut simulation = Simulation::new(1, mode);
    let common = Common::new();
    for index in 0..members {
        let starts = content(MessageId { origin: NodeId(index), number: 1 }, Time::ZERO, &common);
        simulation.add_node(&format!("member-{index}"), Box::new(Member { left: messages, starts }));
    }
    let spec = LinkSpec { latency: Distribution::Exponential(Duration::from_secs(1)), ..LinkSpec::default() };
    for index in 0..members {
        let from = LinkEnd { node: NodeId(index), port: OUT };
        let to = LinkEnd { node: NodeId((index + 1) % members), port: IN };
        simulation.add_link(&format!("link-{index}"), spec, from, to);
    }
    simulation
}
