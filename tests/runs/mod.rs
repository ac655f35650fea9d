//! The runs whose digests are written down in `data/digests.json`, natively and in a browser alike: every ready
//! scenario, and documents made to use everything that could come out differently.

use std::collections::BTreeMap;
use std::rc::Rc;

use patchbay::kernel::rng::Stream;
use patchbay::kernel::{TraceMode, World};
use patchbay::scenario::{decode, library, Document, Run};
use patchbay::vocabulary::{Distribution, Duration, Time};

/// The digests that every machine must get, by the name of the run.
pub const RECORDED: &str = include_str!("../data/digests.json");

/// How far each run goes.
pub const UNTIL: Time = Time(20_000_000_000);

/// Every kind of arrivals, distribution, acknowledgement and broken link.
const ARRIVALS_AND_LINKS: &str = r##"{
  "patchbay": 1, "title": "Arrivals and links", "seed": 18446744073709551615,
  "nodes": [
    {"id": "steady", "kind": "producer", "params": {"rate": 37.3, "payload": "{n} {n%7} {pick:a,b,c}"}},
    {"id": "chance", "kind": "producer", "params": {"arrivals": "poisson", "rate": 61, "persistent": true}},
    {"id": "bursts", "kind": "producer", "params": {"arrivals": "burst", "burst_size": 40, "burst_every": "1.7s"}},
    {"id": "ramp", "kind": "producer",
      "params": {"arrivals": "ramp", "rate": 0.3, "rate_end": 80, "ramp_over": "13s", "start_after": "333ms"}},
    {"id": "times", "kind": "producer",
      "params": {"arrivals": "schedule", "schedule": ["1.5s", "2s x10", "2s x3", "7.777s", "never"], "limit": 12}},
    {"id": "a", "kind": "queue", "in": "broker"},
    {"id": "b", "kind": "queue", "in": "broker", "params": {"durable": false}},
    {"id": "late", "kind": "consumer",
      "params": {"service_time": "exponential(20ms)", "prefetch": 3, "concurrency": 2, "failure_rate": 12.5}},
    {"id": "early", "kind": "consumer",
      "params": {"service_time": "log-normal(15ms, 1.3)", "ack": "early", "failure_rate": 3, "prefetch": 50}},
    {"id": "auto", "kind": "consumer",
      "params": {"service_time": "uniform(1ms, 33ms)", "ack": "auto", "concurrency": 4, "failure_rate": 2}},
    {"id": "never", "kind": "consumer", "params": {"service_time": "7ms", "ack": "never", "prefetch": 20}},
    {"id": "reject", "kind": "consumer",
      "params": {"service_time": "log-normal(9ms, 0.2)", "failure_rate": 50, "on_failure": "reject", "prefetch": 1}},
    {"id": "broker", "kind": "broker"}
  ],
  "wires": [
    {"id": "w1", "from": "steady", "to": "a", "params": {"latency": "log-normal(3ms, 2)", "duplicate": 10}},
    {"id": "w2", "from": "chance", "to": "a", "params": {"latency": "exponential(9ms)", "loss": 7.25, "reorder": 25}},
    {"id": "w3", "from": "bursts", "to": "b", "params": {"latency": "uniform(0s, 21ms)", "reorder": 50}},
    {"id": "w4", "from": "ramp", "to": "b", "params": {"latency": "log-normal(1ms, 4)"}},
    {"id": "w5", "from": "times", "to": "a", "params": {"latency": "0s"}},
    {"id": "w6", "from": "a", "to": "late", "params": {"latency": "exponential(2ms)", "duplicate": 5, "reorder": 5}},
    {"id": "w7", "from": "a", "to": "early", "params": {"latency": "2ms", "loss": 0.5}},
    {"id": "w8", "from": "b", "to": "auto", "params": {"latency": "uniform(1ms, 2ms)", "duplicate": 1}},
    {"id": "w9", "from": "b", "to": "never"},
    {"id": "w10", "from": "b", "to": "reject", "params": {"latency": "log-normal(1ms, 0.5)"}},
    {"id": "w11", "from": "a", "to": "auto", "params": {"latency": "1ns"}}
  ]
}"##;

/// Every kind of exchange and fault.
const EXCHANGES_AND_FAULTS: &str = r##"{
  "patchbay": 1, "title": "Exchanges and faults", "seed": 12345678901,
  "nodes": [
    {"id": "p", "kind": "producer",
      "params": {"arrivals": "poisson", "rate": 290, "routing_key": "{pick:a.b,a.c,x,a.b.c}.{n%3}", "persistent": true,
        "headers": ["kind=order", "count=3", "loud"]}},
    {"id": "q", "kind": "producer",
      "params": {"rate": 140, "routing_key": "{pick:red,green,blue}"}},
    {"id": "lonely", "kind": "producer", "params": {"rate": 1}},
    {"id": "topic", "kind": "exchange", "in": "broker", "params": {"type": "topic"}},
    {"id": "direct", "kind": "exchange", "in": "broker"},
    {"id": "fanout", "kind": "exchange", "in": "broker", "params": {"type": "fanout", "durable": false}},
    {"id": "q1", "kind": "queue", "in": "broker"},
    {"id": "q2", "kind": "queue", "in": "broker", "params": {"durable": false}},
    {"id": "q3", "kind": "queue", "in": "broker"},
    {"id": "c1", "kind": "consumer", "params": {"service_time": "exponential(25ms)", "prefetch": 10, "concurrency": 3}},
    {"id": "c2", "kind": "consumer", "params": {"service_time": "log-normal(30ms, 0.7)", "prefetch": 2}},
    {"id": "c3", "kind": "consumer", "params": {"service_time": "uniform(5ms, 15ms)", "ack": "auto"}},
    {"id": "c4", "kind": "consumer", "params": {"service_time": "10ms", "ack": "early", "prefetch": 5}},
    {"id": "broker", "kind": "broker"}
  ],
  "wires": [
    {"id": "w1", "from": "p", "to": "topic", "params": {"latency": "exponential(5ms)"}},
    {"id": "w2", "from": "q", "to": "direct", "params": {"latency": "uniform(1ms, 4ms)", "heartbeat": "1s"}},
    {"id": "b1", "from": "topic", "to": "q1", "params": {"keys": ["a.*.#", "x.0"]}},
    {"id": "b2", "from": "topic", "to": "q2", "params": {"keys": ["#.2"]}},
    {"id": "b3", "from": "topic", "to": "fanout", "params": {"keys": ["a.b.*"]}},
    {"id": "b4", "from": "fanout", "to": "q2"},
    {"id": "b5", "from": "fanout", "to": "q3"},
    {"id": "b6", "from": "direct", "to": "q3", "params": {"keys": ["red", "green"]}},
    {"id": "b7", "from": "fanout", "to": "topic"},
    {"id": "w3", "from": "q1", "to": "c1", "params": {"latency": "exponential(3ms)"}},
    {"id": "w4", "from": "q1", "to": "c2", "params": {"latency": "2ms", "heartbeat": "1s"}},
    {"id": "w5", "from": "q2", "to": "c2", "params": {"latency": "log-normal(2ms, 1)"}},
    {"id": "w6", "from": "q2", "to": "c3", "params": {"latency": "1ms"}},
    {"id": "w7", "from": "q3", "to": "c3", "params": {"latency": "2ms"}},
    {"id": "w8", "from": "q3", "to": "c4", "params": {"latency": "exponential(4ms)"}}
  ],
  "faults": [
    {"at": "1s", "do": "crash", "to": "c1", "for": "700ms"},
    {"at": "2s", "do": "pause", "to": "c2", "for": "1.5s"},
    {"at": "2.5s", "do": "slow", "to": "c1", "for": "3s", "percent": 350},
    {"at": "3s", "do": "partition", "to": "w1", "for": "800ms"},
    {"at": "4s", "do": "partition", "to": "w4", "for": "2s"},
    {"at": "5s", "do": "partition", "to": "w2", "for": "4s"},
    {"at": "7s", "do": "crash", "to": "broker", "for": "300ms"},
    {"at": "9s", "do": "pause", "to": "broker", "for": "500ms"},
    {"at": "11s", "do": "crash", "to": "c3", "for": "1s"},
    {"at": "11s", "do": "crash", "to": "c4", "for": "1s"},
    {"at": "12s", "do": "crash", "to": "p", "for": "1s"},
    {"at": "14s", "do": "pause", "to": "p", "for": "400ms"},
    {"at": "15s", "do": "crash", "to": "broker", "for": "1ms"},
    {"at": "16s", "do": "crash", "to": "c2"}
  ]
}"##;

/// Every document that is run, by name.
pub fn documents() -> Vec<(&'static str, Rc<Document>)> {
    let ready = library::ALL.iter().map(|ready| (ready.id, (ready.text)()));
    let made = [("arrivals-and-links", ARRIVALS_AND_LINKS), ("exchanges-and-faults", EXCHANGES_AND_FAULTS)];
    ready.chain(made).map(|(name, text)| (name, Rc::new(decode(text).expect("it is a document")))).collect()
}

/// The run of a document, to the end of what is compared.
pub fn run(document: &Rc<Document>, mode: TraceMode) -> Run {
    let (mut run, _) = Run::new(document.clone(), mode);
    run.advance(UNTIL, u64::MAX);
    run
}

/// What is written down of a run.
pub fn state(run: &Run) -> String {
    let simulation = run.simulation();
    format!("{:016x} after {} events and {} steps", simulation.digest(), simulation.events_recorded(), run.steps())
}

/// What is written down of a million draws from each distribution, so that the rare tails are among them.
fn draws() -> String {
    let distributions = [
        Distribution::Uniform(Duration(1), Duration(u64::MAX)),
        Distribution::Exponential(Duration(1 << 62)),
        Distribution::LogNormal(Duration(1 << 53), 1.7),
    ];
    let mut stream = Stream::named(42, "draws", "test");
    let fold = |digest: u64, bits: u64| (digest ^ bits).wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(29);
    let spans = (0..1_000_000).map(|_| distributions.map(|distribution| stream.sample(&distribution).0));
    format!("{:016x}", spans.flatten().fold(0, fold))
}

/// The digests that this machine gets.
pub fn computed() -> BTreeMap<String, String> {
    let runs = documents().into_iter();
    let states = runs.map(|(name, document)| (name.to_string(), state(&run(&document, TraceMode::Off))));
    states.chain([("a million draws".to_string(), draws())]).collect()
}
