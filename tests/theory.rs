//! Queueing theory: documents of real parts behave as M/M/1, M/M/3 and M/D/1, and every ready scenario obeys Little's law.
//!
//! Each model is run with thirty seeds. A run is long against the memory of its queue, and what happens before the
//! warm-up ends is not counted. The thirty means are independent, so that the true mean is in the interval around their
//! mean with 99 % confidence (Student's t); the theory must be in it, and the interval must be narrow. The seeds are
//! fixed, so the test always gives the same numbers. `cargo test --test theory -- --nocapture` shows the table.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeMap;
use std::rc::Rc;

use patchbay::kernel::{TraceMode, World};
use patchbay::scenario::{decode, library, validate, Document, Run, Severity};
use patchbay::vocabulary::{Duration, Fact, FactKind, Measure, MessageId, NodeId, Time};
use serde_json::json;

const REPLICATIONS: usize = 30;
/// The 99.5 % quantile of Student's t with 29 degrees of freedom.
const STUDENT: f64 = 2.7564;
/// A queue at 80 % load forgets its start with a time constant of some nine seconds here (M/M/1: 1 / (mu (1 - sqrt(rho))^2)).
const WARM_UP: Time = Time(200_000_000_000);
const END: Time = Time(5_200_000_000_000);
/// Messages that one server can do in a second.
const MU: f64 = 10.0;
const RHO: f64 = 0.8;

/// What theory and runs say of a model.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// The mean time in the queue, in seconds.
    wait: f64,
    /// The mean number in the queue.
    waiting: f64,
    /// The share of the servers' time in which they work.
    utilisation: f64,
}

/// Servers, each of them a consumer, or all of them one consumer that works on several at a time.
#[derive(Clone, Copy)]
enum Servers {
    Consumers(usize),
    Concurrent(usize),
}

impl Servers {
    fn count(self) -> usize {
        match self {
            Servers::Consumers(count) | Servers::Concurrent(count) => count,
        }
    }
}

fn document(servers: Servers, service_time: &str, seed: usize) -> Rc<Document> {
    let rate = RHO * MU * servers.count() as f64;
    let mut nodes = vec![
        json!({"id": "source", "kind": "producer", "params": {"arrivals": "poisson", "rate": rate}}),
        json!({"id": "queue", "kind": "queue", "in": "broker"}),
        json!({"id": "broker", "kind": "broker"}),
    ];
    let mut wires = vec![json!({"from": "source", "to": "queue", "params": {"latency": "0s"}})];
    let (consumers, each) = match servers {
        Servers::Consumers(count) => (count, 1),
        Servers::Concurrent(count) => (1, count),
    };
    for number in 0..consumers {
        let id = format!("server{number}");
        let params = json!({"service_time": service_time, "prefetch": each, "concurrency": each});
        wires.push(json!({"from": "queue", "to": id, "params": {"latency": "0s"}}));
        nodes.push(json!({"id": id, "kind": "consumer", "params": params}));
    }
    let text = json!({"patchbay": 1, "seed": seed, "until": "1h", "nodes": nodes, "wires": wires}).to_string();
    let document = decode(&text).expect("it is a document");
    assert!(validate(&document).iter().all(|problem| problem.severity != Severity::Error));
    Rc::new(document)
}

/// Sums since the start of a run: waits, how many, the number waiting times seconds, busy servers times seconds.
fn sums(run: &Run) -> [f64; 4] {
    let (tally, now) = (run.simulation().tally(), run.now());
    let queue = run.node("queue").expect("it is drawn");
    let servers = (0..).map_while(|number| run.node(&format!("server{number}")));
    let mut sums = [0.0, 0.0, tally.mean_level(queue, now).0 * now.seconds(), 0.0];
    for server in servers {
        let count = tally.samples(server, Measure::Wait) as f64;
        sums[0] += tally.mean(server, Measure::Wait).unwrap_or(0.0) * count;
        sums[1] += count;
        sums[3] += tally.mean_level(server, now).0 * now.seconds();
    }
    sums
}

fn replicate(servers: Servers, service_time: &str, seed: usize) -> Figures {
    let (mut run, _) = Run::new(document(servers, service_time, seed), TraceMode::Off);
    run.advance(WARM_UP, u64::MAX);
    let before = sums(&run);
    run.advance(END, u64::MAX);
    let after = sums(&run);
    let span = END.since(WARM_UP).seconds();
    let [wait, count, waiting, busy] = [0, 1, 2, 3].map(|index| after[index] - before[index]);
    Figures { wait: wait / count, waiting: waiting / span, utilisation: busy / span / servers.count() as f64 }
}

/// The mean of the replications, and half the width of its 99 % confidence interval.
fn interval(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, STUDENT * (variance / count).sqrt())
}

fn agree(name: &str, servers: Servers, service_time: &str, theory: Figures) {
    let runs: Vec<Figures> = (1..=REPLICATIONS).map(|seed| replicate(servers, service_time, seed)).collect();
    let column = |of: fn(&Figures) -> f64| runs.iter().map(of).collect::<Vec<f64>>();
    let rows = [
        ("mean wait, s", theory.wait, column(|figures| figures.wait), 0.04),
        ("mean number waiting", theory.waiting, column(|figures| figures.waiting), 0.04),
        ("utilisation", theory.utilisation, column(|figures| figures.utilisation), 0.01),
    ];
    let mut wrong = Vec::new();
    println!("{name:24} {:20} {:>9} {:>9} {:>9}", "", "theory", "measured", "+- 99 %");
    for (figure, expected, values, width_max) in rows {
        let (mean, half) = interval(&values);
        println!("{:24} {figure:20} {expected:9.4} {mean:9.4} {half:9.4}", "");
        if (mean - expected).abs() > half {
            wrong.push(format!("{name}: {figure} is {mean} +- {half}, theory says {expected}"));
        }
        if half > width_max * expected {
            wrong.push(format!("{name}: {figure} is known only to +- {half}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// M/M/c: the chance to wait is Erlang's C.
fn erlang(servers: usize) -> Figures {
    let (count, offered) = (servers as f64, RHO * servers as f64);
    let mut term = 1.0;
    let mut sum = 0.0;
    for busy in 0..servers {
        sum += term;
        term *= offered / (busy + 1) as f64;
    }
    let chance_to_wait = term / (1.0 - RHO) / (sum + term / (1.0 - RHO));
    let arrivals = RHO * MU * count;
    let wait = chance_to_wait / (count * MU - arrivals);
    Figures { wait, waiting: arrivals * wait, utilisation: RHO }
}

#[test]
fn one_server_with_exponential_work() {
    let theory = Figures { wait: RHO / (MU - RHO * MU), waiting: RHO * RHO / (1.0 - RHO), utilisation: RHO };
    assert!((erlang(1).wait - theory.wait).abs() < 1e-12, "both formulas agree");
    agree("M/M/1", Servers::Consumers(1), "exponential(100ms)", theory);
}

#[test]
fn three_servers_of_their_own() {
    agree("M/M/3, three consumers", Servers::Consumers(3), "exponential(100ms)", erlang(3));
}

#[test]
fn three_servers_in_one_consumer() {
    agree("M/M/3, one consumer", Servers::Concurrent(3), "exponential(100ms)", erlang(3));
}

/// M/D/1: the formula of Pollaczek and Khinchine, half the wait of M/M/1.
#[test]
fn one_server_with_constant_work() {
    let wait = RHO / (2.0 * MU * (1.0 - RHO));
    agree("M/D/1", Servers::Consumers(1), "100ms", Figures { wait, waiting: RHO * MU * wait, utilisation: RHO });
}

/// The time that every message has spent in a system up to now, summed, from the trace alone: of those that left, from
/// coming to leaving; of those still inside, from coming to now.
fn time_inside(
    run: &Run,
    comes: impl Fn(NodeId, &Fact) -> bool,
    leaves: impl Fn(NodeId, &Fact) -> bool,
) -> (u128, u64) {
    let mut inside: BTreeMap<MessageId, Vec<Time>> = BTreeMap::new();
    let (mut sum, mut came) = (0u128, 0);
    for event in run.simulation().trace().iter() {
        if comes(event.node, &event.fact) {
            inside.entry(event.message).or_default().push(event.at);
            came += 1;
        } else if leaves(event.node, &event.fact) {
            let since = inside.get_mut(&event.message).and_then(Vec::pop).expect("what leaves has come");
            sum += u128::from(event.at.since(since).0);
        }
    }
    sum += inside.values().flatten().map(|since| u128::from(run.now().since(*since).0)).sum::<u128>();
    (sum, came)
}

/// L = lambda W, for every queue with what its consumers hold. Counted up to an instant, with the time so far of those
/// still inside, this is no statistical statement but an identity: the tally's time-averages and the trace's times must
/// agree but for the rounding of a float.
#[test]
fn littles_law_holds_in_every_ready_scenario() {
    for ready in library::ALL {
        let document = library::document(ready.id).expect("it is in the list");
        let (mut run, _) = Run::new(document.clone(), TraceMode::Full);
        // At an odd instant, so that messages are inside.
        for until in [Duration::from_millis(20_333), Duration::from_millis(59_777)] {
            run.advance(Time::ZERO + until, u64::MAX);
            let now = run.now();
            let queues = document.nodes.iter().filter(|node| node.kind == "queue");
            for queue in queues.filter_map(|node| run.node(&node.id)) {
                let comes = |node: NodeId, fact: &Fact| node == queue && matches!(fact, Fact::Enqueued { .. });
                let leaves = |node: NodeId, fact: &Fact| {
                    node == queue
                        && matches!(fact, Fact::Acked { .. } | Fact::Discarded { .. } | Fact::DeadLettered { .. })
                };
                let (time, came) = time_inside(&run, comes, leaves);
                // The script of a trap sends a handful, and not to every queue.
                let least = if ready.id.starts_with("trap-") { 1 } else { 6 };
                if least == 1 && came == 0 {
                    continue;
                }
                let rate = came as f64 / now.seconds();
                let mean_time = time as f64 / 1e9 / came as f64;
                let (ready_mean, unacked_mean) = run.simulation().tally().mean_level(queue, now);
                let level = ready_mean + unacked_mean;
                assert!(came >= least && level > 0.0, "{}: something happens", ready.id);
                assert!((level - rate * mean_time).abs() <= 1e-9 * level, "{}: {level} {}", ready.id, rate * mean_time);
            }
        }
    }
}

/// The same from end to end: the latencies that consumers measured, and the times of those that are not done.
#[test]
fn measured_latencies_are_the_times_of_the_trace() {
    let mut compared = 0;
    for ready in library::ALL {
        let (mut run, _) = Run::new(library::document(ready.id).expect("it is there"), TraceMode::Full);
        run.advance(Time(59_777_000_000), u64::MAX);
        let tally = run.simulation().tally();
        // With copies or redeliveries a message is done more than once.
        if tally.total(FactKind::Redelivered) > 0 || tally.total(FactKind::Routed) > 0 {
            continue;
        }
        let comes = |_: NodeId, fact: &Fact| matches!(fact, Fact::Published {});
        let (time, _) = time_inside(&run, comes, |_, fact| matches!(fact, Fact::Completed { .. }));
        let nodes = (0..run.simulation().node_count() as u32).map(NodeId);
        let measured: f64 = nodes
            .filter_map(|node| {
                Some(tally.mean(node, Measure::EndToEnd)? * tally.samples(node, Measure::EndToEnd) as f64)
            })
            .sum();
        let mut done = std::collections::BTreeSet::new();
        let events = || run.simulation().trace().iter();
        done.extend(events().filter(|event| event.fact.kind() == FactKind::Completed).map(|event| event.message));
        let open = events().filter(|event| event.fact.kind() == FactKind::Published && !done.contains(&event.message));
        let still_inside: f64 = open.map(|event| run.now().since(event.at).seconds()).sum();
        let (whole, time) = (measured + still_inside, time as f64 / 1e9);
        assert!((whole - time).abs() <= 1e-9 * time, "{}: {whole} {time}", ready.id);
        compared += 1;
    }
    assert!(compared >= 3, "most scenarios are compared: {compared}");
}
