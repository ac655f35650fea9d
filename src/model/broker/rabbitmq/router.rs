//! The router: which queues get a copy of a message.
//!
//! Reproduces: RabbitMQ 3.10 (rabbitmq-server, `rabbit_exchange:route`): bindings between exchanges are followed, each
//! exchange at most once, so a cycle ends; an exchange none of whose own bindings match sends on to its alternate
//! exchange, if that exists; a queue gets one copy however many bindings and ways lead to it. To the default exchange
//! every queue is bound by its name.
//!
//! Leaves out: the headers CC and BCC. RabbitMQ stores the copies in the order of the queues' names, here it is the
//! order in which the bindings were made; no client can see the difference.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::vocabulary::{Content, FlatMap, FlatSet, NodeId, WireId};

use super::matcher::{Condition, ExchangeType, Matcher, Place, Table};

/// Routes remembered before all are forgotten: keys that never come again must not fill the memory. 4,096 routes of a
/// few queues each are below one megabyte.
pub const ROUTES_MAX: usize = 4_096;

/// The number of the default exchange.
pub const DEFAULT_EXCHANGE: u32 = 0;

/// The exchanges that every broker has: name and type. The default exchange has the number 0.
const PREDECLARED: [(&str, ExchangeType); 6] = [
    ("", ExchangeType::Direct),
    ("amq.direct", ExchangeType::Direct),
    ("amq.fanout", ExchangeType::Fanout),
    ("amq.headers", ExchangeType::Headers),
    ("amq.match", ExchangeType::Headers),
    ("amq.topic", ExchangeType::Topic),
];

/// Where a message goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// The steps in the order of taking: from an exchange to a queue or exchange that was not reached before.
    pub hops: Vec<Hop>,
    /// How many of the steps end at a queue. None: the message is unroutable.
    pub queue_count: usize,
    /// Whether the headers of the message made a difference, so that its key does not tell the route.
    by_headers: bool,
}

/// One step of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The exchange.
    pub from: u32,
    /// What it is bound to.
    pub to: Place,
}

/// What is known of an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeSpec {
    /// How it compares.
    pub kind: ExchangeType,
    /// Whether a restarted broker still knows it.
    pub is_durable: bool,
    /// Whether it goes with its last binding.
    pub is_auto_delete: bool,
    /// Whether clients can't publish to it.
    pub is_internal: bool,
    /// The name of its alternate exchange.
    pub alternate: Option<Rc<str>>,
}

/// An exchange. The numbers of exchanges are never given to others, so what names one in the past stays true.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Its name.
    pub name: Rc<str>,
    /// Its node, if it was drawn.
    pub node: Option<NodeId>,
    /// False after it was deleted.
    pub is_there: bool,
    /// Everything else.
    pub spec: ExchangeSpec,
    matcher: Option<Matcher>,
    /// The latest route through this exchange: a producer with one key sends the same text again and again.
    latest: Option<(Rc<str>, Table, Rc<Route>)>,
}

/// What the router knows of a queue.
#[derive(Clone, Debug)]
struct Target {
    name: Rc<str>,
    is_there: bool,
}

#[derive(Clone, Debug)]
struct Binding {
    to: Place,
    condition: Condition,
    wire: Option<WireId>,
}

/// The exchanges of a broker and what is bound to them.
#[derive(Clone, Debug)]
pub struct Router {
    exchanges: Vec<Exchange>,
    exchange_names: FlatMap<Rc<str>, u32>,
    /// By the numbers of the queues.
    queues: Vec<Target>,
    queue_names: FlatMap<Rc<str>, u32>,
    /// By source and in the order of binding, so that an exchange finds its own without looking at all others.
    bindings: FlatMap<(u32, u32), Binding>,
    bindings_made: u32,
    /// The bindings that were drawn.
    drawn: FlatMap<WireId, (u32, u32)>,
    /// True once something was routed, so that there is something to forget.
    has_routed: bool,
    /// Routes by exchange and key. Looked up, never iterated.
    routes: HashMap<(u32, Rc<str>), Rc<Route>>,
}

impl Default for Router {
    fn default() -> Router {
        let mut router = Router {
            exchanges: Vec::new(),
            exchange_names: FlatMap::new(),
            queues: Vec::new(),
            queue_names: FlatMap::new(),
            bindings: FlatMap::new(),
            bindings_made: 0,
            drawn: FlatMap::new(),
            has_routed: false,
            routes: HashMap::new(),
        };
        for (name, kind) in PREDECLARED {
            let spec =
                ExchangeSpec { kind, is_durable: true, is_auto_delete: false, is_internal: false, alternate: None };
            router.declare_exchange(name.into(), None, spec);
        }
        router
    }
}

impl Router {
    /// Declares an exchange; returns its number. One that was declared at a console and deleted gets its number back.
    pub fn declare_exchange(&mut self, name: Rc<str>, node: Option<NodeId>, spec: ExchangeSpec) -> u32 {
        self.forget_routes();
        let exchange = Exchange { name: name.clone(), node, is_there: true, spec, matcher: None, latest: None };
        let gone = self.exchange_names.get(&name).copied().filter(|id| !self.exchanges[*id as usize].is_there);
        if let Some(id) = gone {
            self.exchanges[id as usize] = exchange;
            return id;
        }
        let id = self.exchanges.len() as u32;
        self.exchanges.push(exchange);
        self.exchange_names.get_or_insert_with(name, || id);
        id
    }

    /// Gives an exchange that was drawn another name or other settings.
    pub fn change_exchange(&mut self, id: u32, name: Rc<str>, spec: ExchangeSpec) {
        let Some(exchange) = self.exchanges.get_mut(id as usize) else { return };
        let old = std::mem::replace(&mut exchange.name, name.clone());
        exchange.spec = spec;
        if self.exchange_names.get(&old) == Some(&id) {
            self.exchange_names.remove(&old);
        }
        self.exchange_names.get_or_insert_with(name, || id);
        self.forget_routes();
    }

    /// Declares the queue of this number, which is the next one or one that is known, or gives it another name.
    pub fn declare_queue(&mut self, id: u32, name: Rc<str>) {
        let target = Target { name: name.clone(), is_there: true };
        match self.queues.get_mut(id as usize) {
            Some(known) => {
                let old = std::mem::replace(known, target);
                if self.queue_names.get(&old.name) == Some(&id) {
                    self.queue_names.remove(&old.name);
                }
            }
            None => self.queues.push(target),
        }
        match self.queue_names.get(&name).copied() {
            Some(other) if self.queues[other as usize].is_there => {}
            _ => {
                self.queue_names.insert(name, id);
            }
        }
        self.forget_routes();
    }

    /// Takes an exchange or queue away; with `for_good`, its bindings too. A queue that is only taken away for a time is
    /// bound again as it was when it is declared again. Returns the exchanges that lost a binding.
    pub fn take_away(&mut self, place: Place, for_good: bool) -> Vec<u32> {
        let mut left = Vec::new();
        match place {
            Place::Exchange(id) => self.exchanges[id as usize].is_there = false,
            Place::Queue(id) => self.queues[id as usize].is_there = false,
        }
        if for_good {
            let drawn = &mut self.drawn;
            self.bindings.retain(|(from, _), binding| {
                let stays = Place::Exchange(*from) != place && binding.to != place;
                if !stays {
                    left.push(*from);
                    binding.wire.and_then(|wire| drawn.remove(&wire));
                }
                stays
            });
        }
        self.forget_routes();
        left
    }

    /// Binds a queue or exchange to an exchange. The same binding again changes nothing.
    pub fn bind(&mut self, wire: Option<WireId>, from: u32, to: Place, condition: Condition) {
        let is_same = |binding: &Binding| {
            binding.wire.is_none() && wire.is_none() && binding.to == to && binding.condition == condition
        };
        if wire.is_none() && self.own_bindings(from).any(|(_, binding)| is_same(binding)) {
            return;
        }
        self.bindings_made += 1;
        let key = (from, self.bindings_made);
        self.bindings.insert(key, Binding { to, condition, wire });
        if let Some(wire) = wire {
            self.drawn.insert(wire, key);
        }
        self.forget_routes();
    }

    /// Gives a binding that was drawn another condition.
    pub fn rebind(&mut self, wire: WireId, condition: Condition) {
        let key = self.drawn.get(&wire).copied();
        if let Some(binding) = key.and_then(|key| self.bindings.get_mut(&key)) {
            binding.condition = condition;
            self.forget_routes();
        }
    }

    /// Removes a binding that was drawn; another one with the same key stays.
    pub fn unbind_wire(&mut self, wire: WireId) {
        if let Some(key) = self.drawn.remove(&wire) {
            self.bindings.remove(&key);
            self.forget_routes();
        }
    }

    /// Removes a binding that was made at a console; true if there was one.
    pub fn unbind(&mut self, from: u32, to: Place, condition: &Condition) -> bool {
        let found = self
            .own_bindings(from)
            .find(|(_, binding)| binding.wire.is_none() && binding.to == to && binding.condition == *condition);
        let Some(key) = found.map(|(key, _)| *key) else { return false };
        self.bindings.remove(&key);
        self.forget_routes();
        true
    }

    fn own_bindings(&self, from: u32) -> impl Iterator<Item = (&(u32, u32), &Binding)> {
        self.bindings.from(&(from, 0)).take_while(move |((source, _), _)| *source == from)
    }

    /// Whether anything is bound to the exchange.
    pub fn has_bindings(&self, from: u32) -> bool {
        self.own_bindings(from).next().is_some()
    }

    /// How many bindings start or end there.
    pub fn binding_count(&self, place: Place) -> usize {
        self.bindings
            .iter()
            .filter(|((from, _), binding)| Place::Exchange(*from) == place || binding.to == place)
            .count()
    }

    /// The exchange of this number.
    pub fn exchange(&self, id: u32) -> Option<&Exchange> {
        self.exchanges.get(id as usize)
    }

    /// The number of the exchange of this name, if there is one now.
    pub fn exchange_named(&self, name: &str) -> Option<u32> {
        let id = self.exchange_names.get(name).copied()?;
        self.exchanges[id as usize].is_there.then_some(id)
    }

    /// The number of the queue of this name, if there is one now.
    pub fn queue_named(&self, name: &str) -> Option<u32> {
        let id = self.queue_names.get(name).copied()?;
        self.queues[id as usize].is_there.then_some(id)
    }

    /// The number that the queue of this name had, if it is gone.
    pub fn gone_queue(&self, name: &str) -> Option<u32> {
        let id = self.queue_names.get(name).copied()?;
        (!self.queues[id as usize].is_there).then_some(id)
    }

    /// How many exchanges there are, those not counted that every broker has.
    pub fn exchange_count(&self) -> usize {
        self.exchanges.iter().skip(PREDECLARED.len()).filter(|exchange| exchange.is_there).count()
    }

    /// The numbers of all exchanges that are there.
    pub fn exchange_ids(&self) -> Vec<u32> {
        (0..self.exchanges.len() as u32).filter(|id| self.exchanges[*id as usize].is_there).collect()
    }

    /// How many exchanges there ever were.
    pub fn exchanges_made(&self) -> usize {
        self.exchanges.len()
    }

    /// Where the message goes from the exchange; nothing if there is no such exchange.
    #[inline]
    pub fn route(&mut self, from: u32, content: &Content) -> Option<Rc<Route>> {
        let exchange = self.exchanges.get(from as usize).filter(|exchange| exchange.is_there)?;
        if let Some((key, headers, route)) = &exchange.latest {
            if Rc::ptr_eq(key, &content.routing_key) && (!route.by_headers || Rc::ptr_eq(headers, &content.headers)) {
                return Some(route.clone());
            }
        }
        Some(self.look_up(from, content))
    }

    fn look_up(&mut self, from: u32, content: &Content) -> Rc<Route> {
        let key = &content.routing_key;
        let remembered = self.routes.get(&(from, key.clone())).cloned();
        let route = remembered.unwrap_or_else(|| {
            let route = Rc::new(self.find(from, content));
            if !route.by_headers {
                if self.routes.len() >= ROUTES_MAX {
                    self.routes.clear();
                }
                self.routes.insert((from, key.clone()), route.clone());
            }
            route
        });
        self.exchanges[from as usize].latest = Some((key.clone(), content.headers.clone(), route.clone()));
        route
    }

    /// Follows the bindings, breadth first, to every queue and exchange that can be reached.
    fn find(&mut self, first: u32, content: &Content) -> Route {
        self.has_routed = true;
        let mut route = Route::default();
        let mut reached = FlatSet::from_iter([Place::Exchange(first)]);
        let mut waiting = VecDeque::from([first]);
        while let Some(from) = waiting.pop_front() {
            route.by_headers |= self.exchanges[from as usize].spec.kind == ExchangeType::Headers;
            for to in self.targets(from, content) {
                if !reached.insert(to) {
                    continue;
                }
                route.hops.push(Hop { from, to });
                match to {
                    Place::Exchange(id) => waiting.push_back(id),
                    Place::Queue(_) => route.queue_count += 1,
                }
            }
        }
        route
    }

    /// What one exchange sends the message to: what is bound, or else the alternate exchange.
    fn targets(&mut self, from: u32, content: &Content) -> Vec<Place> {
        if from == DEFAULT_EXCHANGE {
            return self.queue_named(&content.routing_key).map(Place::Queue).into_iter().collect();
        }
        if self.exchanges[from as usize].matcher.is_none() {
            let matcher = self.compile(from);
            self.exchanges[from as usize].matcher = Some(matcher);
        }
        let exchange = &self.exchanges[from as usize];
        let matcher = exchange.matcher.as_ref();
        let targets = matcher.map_or_else(Vec::new, |matcher| matcher.targets(&content.routing_key, &content.headers));
        match &exchange.spec.alternate {
            Some(name) if targets.is_empty() => self.exchange_named(name).map(Place::Exchange).into_iter().collect(),
            _ => targets,
        }
    }

    fn compile(&self, from: u32) -> Matcher {
        let bindings = self.own_bindings(from).filter_map(|(_, binding)| {
            let (name, is_there) = match binding.to {
                Place::Exchange(id) => self.exchanges.get(id as usize).map(|to| (&to.name, to.is_there))?,
                Place::Queue(id) => self.queues.get(id as usize).map(|to| (&to.name, to.is_there))?,
            };
            is_there.then_some((&binding.condition, binding.to, name))
        });
        Matcher::new(self.exchanges[from as usize].spec.kind, bindings)
    }

    fn forget_routes(&mut self) {
        // A large drawing is declared part by part before the first message comes.
        if !std::mem::take(&mut self.has_routed) {
            return;
        }
        self.routes.clear();
        for exchange in &mut self.exchanges {
            exchange.matcher = None;
            exchange.latest = None;
        }
    }
}

#[cfg(test)]
mod tests;
