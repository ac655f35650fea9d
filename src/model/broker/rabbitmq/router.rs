//! The router: which queues get a copy of a message.
//!
//! Reproduces: RabbitMQ 3.10 (rabbitmq-server, `rabbit_exchange:route`): direct compares keys byte for byte, fanout
//! ignores them, topic matches patterns; bindings between exchanges are followed, each exchange at most once, so a
//! cycle ends; a queue gets one copy however many bindings and ways lead to it.
//!
//! Leaves out: headers exchanges and alternate exchanges. RabbitMQ stores the copies in the order of the queues'
//! names, here it is the order in which the bindings were made; no client can see the difference.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::vocabulary::{FlatMap, FlatSet, NodeId, WireId};

use super::topic::{split, Pattern};

/// Routes remembered before all are forgotten: keys that never come again must not fill the memory. 4,096 routes of a
/// few queues each are below one megabyte.
pub const ROUTES_MAX: usize = 4_096;

/// How an exchange compares keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeType {
    /// The keys are equal.
    Direct,
    /// Everything matches.
    Fanout,
    /// The binding key is a pattern.
    Topic,
}

impl ExchangeType {
    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            ExchangeType::Direct => "direct",
            ExchangeType::Fanout => "fanout",
            ExchangeType::Topic => "topic",
        }
    }
}

/// Where a message goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// The steps in the order of taking: from an exchange to a queue or exchange that was not reached before.
    pub hops: Vec<Hop>,
    /// How many of the steps end at a queue. None: the message is unroutable.
    pub queue_count: usize,
}

/// One step of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The exchange.
    pub from: NodeId,
    /// What it is bound to.
    pub to: NodeId,
}

/// What an exchange compares keys with, made from its bindings.
#[derive(Clone, Debug)]
enum Matcher {
    Fanout(Vec<NodeId>),
    Direct(FlatMap<Rc<str>, Vec<NodeId>>),
    Topic(Vec<(Pattern, NodeId)>),
}

#[derive(Clone, Debug)]
struct Binding {
    to: NodeId,
    keys: Rc<[Rc<str>]>,
}

#[derive(Clone, Debug)]
struct Exchange {
    kind: ExchangeType,
    matcher: Option<Matcher>,
    /// The latest route through this exchange: a producer with one key sends the same text again and again.
    latest: Option<(Rc<str>, Rc<Route>)>,
}

/// The exchanges of a broker and what is bound to them.
#[derive(Clone, Debug, Default)]
pub struct Router {
    exchanges: FlatMap<NodeId, Exchange>,
    /// The names of all members, for bindings without keys.
    names: FlatMap<NodeId, Rc<str>>,
    /// By source, so that an exchange finds its own without looking at all others.
    bindings: FlatMap<(NodeId, WireId), Binding>,
    /// The source of each binding.
    sources: FlatMap<WireId, NodeId>,
    /// True once something was routed, so that there is something to forget.
    has_routed: bool,
    /// Routes by exchange and key. Looked up, never iterated.
    routes: HashMap<(NodeId, Rc<str>), Rc<Route>>,
}

impl Router {
    /// Declares an exchange, or gives it another type or name.
    pub fn declare_exchange(&mut self, node: NodeId, kind: ExchangeType, name: Rc<str>) {
        self.exchanges.insert(node, Exchange { kind, matcher: None, latest: None });
        self.names.insert(node, name);
        self.forget_routes();
    }

    /// Declares a queue, or gives it another name.
    pub fn declare_queue(&mut self, node: NodeId, name: Rc<str>) {
        self.names.insert(node, name);
        self.forget_routes();
    }

    /// Removes an exchange or queue, with all bindings from and to it.
    pub fn remove(&mut self, node: NodeId) {
        self.exchanges.remove(&node);
        self.names.remove(&node);
        let sources = &mut self.sources;
        self.bindings.retain(|(from, wire), binding| {
            let stays = *from != node && binding.to != node;
            if !stays {
                sources.remove(wire);
            }
            stays
        });
        self.forget_routes();
    }

    /// Binds a queue or exchange to an exchange.
    pub fn bind(&mut self, wire: WireId, from: NodeId, to: NodeId, keys: Rc<[Rc<str>]>) {
        self.bindings.insert((from, wire), Binding { to, keys });
        self.sources.insert(wire, from);
        self.forget_routes();
    }

    /// Gives a binding other keys.
    pub fn rebind(&mut self, wire: WireId, keys: Rc<[Rc<str>]>) {
        let source = self.sources.get(&wire).copied();
        if let Some(binding) = source.and_then(|from| self.bindings.get_mut(&(from, wire))) {
            binding.keys = keys;
            self.forget_routes();
        }
    }

    /// Removes a binding; another one with the same key stays.
    pub fn unbind(&mut self, wire: WireId) {
        if let Some(from) = self.sources.remove(&wire) {
            self.bindings.remove(&(from, wire));
            self.forget_routes();
        }
    }

    /// The type of the exchange, or nothing if the node is no exchange.
    pub fn exchange_type(&self, node: NodeId) -> Option<ExchangeType> {
        self.exchanges.get(&node).map(|exchange| exchange.kind)
    }

    /// How many exchanges there are.
    pub fn exchange_count(&self) -> usize {
        self.exchanges.len()
    }

    /// How many bindings start at the node or end there.
    pub fn binding_count(&self, node: NodeId) -> usize {
        self.bindings.iter().filter(|((from, _), binding)| *from == node || binding.to == node).count()
    }

    /// Where a message with this key goes from the exchange; nothing if there is no such exchange.
    #[inline]
    pub fn route(&mut self, exchange: NodeId, key: &Rc<str>) -> Option<Rc<Route>> {
        let entry = self.exchanges.get(&exchange)?;
        if let Some((latest, route)) = &entry.latest {
            if Rc::ptr_eq(latest, key) {
                return Some(route.clone());
            }
        }
        let remembered = self.routes.get(&(exchange, key.clone())).cloned();
        let route = remembered.unwrap_or_else(|| {
            let route = Rc::new(self.find(exchange, key));
            if self.routes.len() >= ROUTES_MAX {
                self.routes.clear();
            }
            self.routes.insert((exchange, key.clone()), route.clone());
            route
        });
        self.exchanges.get_mut(&exchange)?.latest = Some((key.clone(), route.clone()));
        Some(route)
    }

    /// Follows the bindings, breadth first, to every queue and exchange that can be reached.
    fn find(&mut self, exchange: NodeId, key: &str) -> Route {
        self.has_routed = true;
        let words = split(key);
        let mut route = Route::default();
        let mut reached = FlatSet::from_iter([exchange]);
        let mut waiting = VecDeque::from([exchange]);
        while let Some(from) = waiting.pop_front() {
            for to in self.matching(from, key, &words) {
                if !reached.insert(to) {
                    continue;
                }
                route.hops.push(Hop { from, to });
                if self.exchanges.contains_key(&to) {
                    waiting.push_back(to);
                } else {
                    route.queue_count += 1;
                }
            }
        }
        route
    }

    /// What is bound to one exchange with a matching key, in the order of binding; the same may come twice.
    fn matching(&mut self, node: NodeId, key: &str, words: &[&str]) -> Vec<NodeId> {
        let Some(exchange) = self.exchanges.get_mut(&node) else { return Vec::new() };
        let (bindings, names) = (&self.bindings, &self.names);
        let matcher = exchange.matcher.get_or_insert_with(|| compile(node, exchange.kind, bindings, names));
        match matcher {
            Matcher::Fanout(targets) => targets.clone(),
            Matcher::Direct(by_key) => by_key.get(key).cloned().unwrap_or_default(),
            Matcher::Topic(patterns) => {
                patterns.iter().filter(|(pattern, _)| pattern.matches(words)).map(|(_, to)| *to).collect()
            }
        }
    }

    fn forget_routes(&mut self) {
        // A large drawing is declared part by part before the first message comes.
        if !std::mem::take(&mut self.has_routed) {
            return;
        }
        self.routes.clear();
        for exchange in self.exchanges.values_mut() {
            exchange.matcher = None;
            exchange.latest = None;
        }
    }
}

/// Prepares the bindings of one exchange for comparing.
fn compile(
    node: NodeId,
    kind: ExchangeType,
    bindings: &FlatMap<(NodeId, WireId), Binding>,
    names: &FlatMap<NodeId, Rc<str>>,
) -> Matcher {
    let own = bindings.from(&(node, WireId(0))).take_while(|((from, _), _)| *from == node).map(|(_, binding)| binding);
    let own = own.filter_map(|binding| Some((binding, names.get(&binding.to)?)));
    match kind {
        ExchangeType::Fanout => Matcher::Fanout(own.map(|(binding, _)| binding.to).collect()),
        ExchangeType::Direct => {
            let mut by_key: FlatMap<Rc<str>, Vec<NodeId>> = FlatMap::new();
            for (binding, name) in own {
                let fresh = [name.clone(), Rc::from("")];
                let keys = if binding.keys.is_empty() { &fresh[..] } else { &binding.keys[..] };
                for key in keys {
                    by_key.get_or_insert_with(key.clone(), Vec::new).push(binding.to);
                }
            }
            Matcher::Direct(by_key)
        }
        ExchangeType::Topic => {
            let mut patterns = Vec::new();
            for (binding, _) in own {
                let fresh = [Rc::from("#")];
                let keys = if binding.keys.is_empty() { &fresh[..] } else { &binding.keys[..] };
                patterns.extend(keys.iter().map(|key| (Pattern::new(key), binding.to)));
            }
            Matcher::Topic(patterns)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXCHANGE: NodeId = NodeId(1);
    const OTHER: NodeId = NodeId(2);
    const A: NodeId = NodeId(10);
    const B: NodeId = NodeId(11);

    fn router(kind: ExchangeType) -> Router {
        let mut router = Router::default();
        router.declare_exchange(EXCHANGE, kind, "x".into());
        router.declare_exchange(OTHER, ExchangeType::Fanout, "y".into());
        router.declare_queue(A, "alpha".into());
        router.declare_queue(B, "beta".into());
        router
    }

    fn keys(keys: &[&str]) -> Rc<[Rc<str>]> {
        keys.iter().map(|key| Rc::from(*key)).collect()
    }

    fn targets(router: &mut Router, key: &str) -> Vec<NodeId> {
        let route = router.route(EXCHANGE, &Rc::from(key)).expect("the exchange is there");
        route.hops.iter().map(|hop| hop.to).collect()
    }

    #[test]
    fn direct_compares_whole_keys_and_fanout_none() {
        let mut direct = router(ExchangeType::Direct);
        direct.bind(WireId(0), EXCHANGE, A, keys(&["k", "k2"]));
        direct.bind(WireId(1), EXCHANGE, B, keys(&["k"]));
        assert_eq!(targets(&mut direct, "k"), [A, B]);
        assert_eq!(targets(&mut direct, "k2"), [A]);
        assert_eq!(targets(&mut direct, "K"), []);
        assert_eq!(targets(&mut direct, "alpha"), []);
        direct.declare_exchange(EXCHANGE, ExchangeType::Fanout, "x".into());
        assert_eq!(targets(&mut direct, "anything"), [A, B]);
    }

    #[test]
    fn a_binding_without_keys_routes_something_whatever_the_type() {
        let mut router = router(ExchangeType::Direct);
        router.bind(WireId(0), EXCHANGE, A, keys(&[]));
        assert_eq!(targets(&mut router, "alpha"), [A]);
        assert_eq!(targets(&mut router, ""), [A]);
        assert_eq!(targets(&mut router, "beta"), []);
        router.declare_queue(A, "renamed".into());
        assert_eq!(targets(&mut router, "alpha"), []);
        assert_eq!(targets(&mut router, "renamed"), [A]);
        router.declare_exchange(EXCHANGE, ExchangeType::Topic, "x".into());
        assert_eq!(targets(&mut router, "any.thing"), [A]);
        assert_eq!(targets(&mut router, ""), [A]);
    }

    #[test]
    fn a_queue_is_reached_once_however_many_ways_lead_there() {
        let mut router = router(ExchangeType::Topic);
        router.bind(WireId(0), EXCHANGE, A, keys(&["#", "a.*", "a.b"]));
        router.bind(WireId(1), EXCHANGE, A, keys(&["a.b"]));
        router.bind(WireId(2), EXCHANGE, OTHER, keys(&["a.#"]));
        router.bind(WireId(3), OTHER, A, keys(&[]));
        router.bind(WireId(4), OTHER, B, keys(&[]));
        assert_eq!(targets(&mut router, "a.b"), [A, OTHER, B]);
        assert_eq!(router.route(EXCHANGE, &"a.b".into()).map(|route| route.queue_count), Some(2));
        router.unbind(WireId(0));
        assert_eq!(targets(&mut router, "a.b"), [A, OTHER, B], "the second binding with the key stays");
        router.unbind(WireId(1));
        assert_eq!(targets(&mut router, "a.b"), [OTHER, A, B]);
    }

    #[test]
    fn a_circle_of_exchanges_ends() {
        let mut router = router(ExchangeType::Fanout);
        router.bind(WireId(0), EXCHANGE, OTHER, keys(&[]));
        router.bind(WireId(1), OTHER, EXCHANGE, keys(&[]));
        router.bind(WireId(2), EXCHANGE, EXCHANGE, keys(&[]));
        assert_eq!(targets(&mut router, "k"), [OTHER]);
        assert_eq!(router.route(EXCHANGE, &"k".into()).map(|route| route.queue_count), Some(0));
        router.bind(WireId(3), OTHER, A, keys(&[]));
        assert_eq!(targets(&mut router, "k"), [OTHER, A]);
        router.remove(OTHER);
        assert_eq!(targets(&mut router, "k"), []);
    }

    #[test]
    fn remembered_routes_are_bounded_and_dropped_when_a_binding_changes() {
        let mut router = router(ExchangeType::Topic);
        router.bind(WireId(0), EXCHANGE, A, keys(&["#.1"]));
        for number in 0..3 * ROUTES_MAX {
            let expected: &[NodeId] = if number % 10 == 1 { &[A] } else { &[] };
            assert_eq!(targets(&mut router, &format!("n.{}", number % 10)), expected);
            targets(&mut router, &format!("n.{number}.x"));
            assert!(router.routes.len() <= ROUTES_MAX);
        }
        let shared: Rc<str> = "n.1".into();
        assert_eq!(router.route(EXCHANGE, &shared).map(|route| route.queue_count), Some(1));
        router.rebind(WireId(0), keys(&["other"]));
        assert_eq!(router.route(EXCHANGE, &shared).map(|route| route.queue_count), Some(0));
        router.unbind(WireId(0));
        assert_eq!(targets(&mut router, "other"), []);
        assert_eq!(router.route(NodeId(99), &shared), None);
    }
}
