//! Routes through exchanges: once to each queue, through circles, and to alternate exchanges.

use super::*;
use crate::vocabulary::{HeaderValue, MessageId, Time};

const A: Place = Place::Queue(0);
const B: Place = Place::Queue(1);

struct World {
    router: Router,
    exchange: u32,
    other: u32,
}

fn spec(kind: ExchangeType) -> ExchangeSpec {
    ExchangeSpec { kind, is_durable: true, is_auto_delete: false, is_internal: false, alternate: None }
}

fn world(kind: ExchangeType) -> World {
    let mut router = Router::default();
    let exchange = router.declare_exchange("x".into(), None, spec(kind));
    let other = router.declare_exchange("y".into(), None, spec(ExchangeType::Fanout));
    router.declare_queue(0, "alpha".into());
    router.declare_queue(1, "beta".into());
    World { router, exchange, other }
}

fn keys(keys: &[&str]) -> Condition {
    Condition { keys: keys.iter().map(|key| Rc::from(*key)).collect(), arguments: Rc::from([]) }
}

fn content(key: Rc<str>, headers: Table) -> Content {
    Content {
        id: MessageId::NONE,
        routing_key: key,
        headers,
        payload: "".into(),
        persistent: false,
        priority: None,
        expiration: None,
        created: Time::ZERO,
    }
}

impl World {
    fn route(&mut self, from: u32, key: &str) -> Option<Rc<Route>> {
        self.router.route(from, &content(key.into(), Rc::from([])))
    }

    fn targets(&mut self, key: &str) -> Vec<Place> {
        let route = self.route(self.exchange, key).expect("the exchange is there");
        route.hops.iter().map(|hop| hop.to).collect()
    }

    fn bind(&mut self, wire: u32, from: u32, to: Place, condition: Condition) {
        self.router.bind(Some(WireId(wire)), from, to, condition);
    }
}

#[test]
fn direct_compares_whole_keys_and_fanout_none() {
    let mut world = world(ExchangeType::Direct);
    let exchange = world.exchange;
    world.bind(0, exchange, A, keys(&["k", "k2"]));
    world.bind(1, exchange, B, keys(&["k"]));
    assert_eq!(world.targets("k"), [A, B]);
    assert_eq!(world.targets("k2"), [A]);
    assert_eq!(world.targets("K"), []);
    assert_eq!(world.targets("alpha"), []);
    world.router.change_exchange(exchange, "x".into(), spec(ExchangeType::Fanout));
    assert_eq!(world.targets("anything"), [A, B]);
}

#[test]
fn a_binding_without_keys_routes_something_whatever_the_type() {
    let mut world = world(ExchangeType::Direct);
    let exchange = world.exchange;
    world.bind(0, exchange, A, keys(&[]));
    assert_eq!(world.targets("alpha"), [A]);
    assert_eq!(world.targets(""), [A]);
    assert_eq!(world.targets("beta"), []);
    world.router.declare_queue(0, "renamed".into());
    assert_eq!(world.targets("alpha"), []);
    assert_eq!(world.targets("renamed"), [A]);
    world.router.change_exchange(exchange, "x".into(), spec(ExchangeType::Topic));
    assert_eq!(world.targets("any.thing"), [A]);
    assert_eq!(world.targets(""), [A]);
}

#[test]
fn a_queue_is_reached_once_however_many_ways_lead_there() {
    let mut world = world(ExchangeType::Topic);
    let (exchange, other) = (world.exchange, world.other);
    world.bind(0, exchange, A, keys(&["#", "a.*", "a.b"]));
    world.bind(1, exchange, A, keys(&["a.b"]));
    world.bind(2, exchange, Place::Exchange(other), keys(&["a.#"]));
    world.bind(3, other, A, keys(&[]));
    world.bind(4, other, B, keys(&[]));
    let there = Place::Exchange(other);
    assert_eq!(world.targets("a.b"), [A, there, B]);
    assert_eq!(world.route(exchange, "a.b").map(|route| route.queue_count), Some(2));
    world.router.unbind_wire(WireId(0));
    assert_eq!(world.targets("a.b"), [A, there, B], "the second binding with the key stays");
    world.router.unbind_wire(WireId(1));
    assert_eq!(world.targets("a.b"), [there, A, B]);
}

#[test]
fn a_circle_of_exchanges_ends() {
    let mut world = world(ExchangeType::Fanout);
    let (exchange, other) = (world.exchange, world.other);
    world.bind(0, exchange, Place::Exchange(other), keys(&[]));
    world.bind(1, other, Place::Exchange(exchange), keys(&[]));
    world.bind(2, exchange, Place::Exchange(exchange), keys(&[]));
    assert_eq!(world.targets("k"), [Place::Exchange(other)]);
    assert_eq!(world.route(exchange, "k").map(|route| route.queue_count), Some(0));
    world.bind(3, other, A, keys(&[]));
    assert_eq!(world.targets("k"), [Place::Exchange(other), A]);
    assert_eq!(world.router.take_away(Place::Exchange(other), true), [exchange, other, other]);
    assert_eq!(world.targets("k"), []);
    assert_eq!(world.route(other, "k"), None);
}

#[test]
fn alternate_exchanges_follow_where_nothing_is_bound_and_may_lead_in_a_circle() {
    let mut world = world(ExchangeType::Direct);
    let (exchange, other) = (world.exchange, world.other);
    let alternate = |name: &str, kind| ExchangeSpec { alternate: Some(name.into()), ..spec(kind) };
    world.router.change_exchange(exchange, "x".into(), alternate("y", ExchangeType::Direct));
    world.router.change_exchange(other, "y".into(), alternate("x", ExchangeType::Fanout));
    assert_eq!(world.targets("k"), [Place::Exchange(other)]);
    assert_eq!(world.route(exchange, "k").map(|route| route.queue_count), Some(0));
    world.bind(0, other, B, keys(&[]));
    world.bind(1, exchange, A, keys(&["k"]));
    assert_eq!(world.targets("other"), [Place::Exchange(other), B]);
    assert_eq!(world.targets("k"), [A]);
    world.router.take_away(Place::Exchange(other), false);
    assert_eq!(world.targets("other"), [], "an alternate exchange that is gone is no error");
}

#[test]
fn a_queue_that_is_gone_for_a_time_is_bound_again_and_the_default_exchange_knows_names() {
    let mut world = world(ExchangeType::Fanout);
    let exchange = world.exchange;
    world.bind(0, exchange, A, keys(&[]));
    assert_eq!(world.targets("k"), [A]);
    world.router.take_away(A, false);
    assert_eq!(world.targets("k"), []);
    assert_eq!(world.route(DEFAULT_EXCHANGE, "alpha").map(|route| route.queue_count), Some(0));
    world.router.declare_queue(0, "alpha".into());
    assert_eq!(world.targets("k"), [A]);
    assert_eq!(world.route(DEFAULT_EXCHANGE, "alpha").map(|route| route.hops[0].to), Some(A));
}

#[test]
fn headers_are_looked_at_again_though_the_key_is_the_same() {
    let mut world = world(ExchangeType::Headers);
    let exchange = world.exchange;
    let one: Table = Rc::from([(Rc::from("a"), HeaderValue::Integer(1))]);
    world.bind(0, exchange, A, Condition { keys: Rc::from([]), arguments: one.clone() });
    let key: Rc<str> = "k".into();
    let mut count = |headers: &Table| {
        world.router.route(exchange, &content(key.clone(), headers.clone())).map(|route| route.queue_count)
    };
    let none: Table = Rc::from([]);
    assert_eq!((count(&one), count(&none), count(&one), count(&one)), (Some(1), Some(0), Some(1), Some(1)));
}

#[test]
fn remembered_routes_are_bounded_and_dropped_when_a_binding_changes() {
    let mut world = world(ExchangeType::Topic);
    let exchange = world.exchange;
    world.bind(0, exchange, A, keys(&["#.1"]));
    for number in 0..3 * ROUTES_MAX {
        let expected: &[Place] = if number % 10 == 1 { &[A] } else { &[] };
        assert_eq!(world.targets(&format!("n.{}", number % 10)), expected);
        world.targets(&format!("n.{number}.x"));
        assert!(world.router.routes.len() <= ROUTES_MAX);
    }
    let shared = content("n.1".into(), Rc::from([]));
    let count = |router: &mut Router| router.route(exchange, &shared).map(|route| route.queue_count);
    assert_eq!(count(&mut world.router), Some(1));
    world.router.rebind(WireId(0), keys(&["other"]));
    assert_eq!(count(&mut world.router), Some(0));
    world.router.unbind_wire(WireId(0));
    assert_eq!(world.targets("other"), []);
    assert_eq!(world.route(99, "k"), None);
}
