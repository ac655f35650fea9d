//! The benchmarks' workloads for a comparison of WebAssembly with native code, which `scripts/bench-wasm` makes.
//!
//! As WebAssembly this exports [`Workload`] to `run.mjs` beside it. As a native program it takes names of workloads and
//! prints a line for each: name, events or messages, nanoseconds, digest. Both build the same worlds from the same source, and the
//! digests have to agree.

#[path = "../parts.rs"]
mod parts;
#[path = "../products.rs"]
mod products;

use patchbay::kernel::rng::Stream;
use patchbay::kernel::{Calendar, Simulation, TraceMode};
use patchbay::scenario::Run;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen::prelude::wasm_bindgen;

/// Increments of the hold model are drawn beforehand, so that only the calendar is measured.
const INCREMENTS: usize = 1 << 16;

/// Messages that go through each broker product.
const MESSAGES: u64 = 200_000;

enum World {
    Broker(Box<Run>),
    Engine(Box<Simulation>),
    Hold { calendar: Box<Calendar<[u64; 6]>>, increments: Vec<u64>, left: u64, digest: u64 },
}

/// A world that has been built and not been run.
#[cfg_attr(target_arch = "wasm32", wasm_bindgen)]
pub struct Workload {
    world: World,
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen)]
impl Workload {
    /// Builds the world of `mm1`, `mm1-trace`, `ring`, `ring-trace` or `hold`, or of a broker product such as
    /// `brokers-kafka`; none for other names.
    pub fn named(name: &str) -> Option<Workload> {
        let engine = |simulation| World::Engine(Box::new(simulation));
        if let Some(product) = name.strip_prefix("brokers-") {
            let product = products::names().find(|known| *known == product)?;
            return Some(Workload { world: World::Broker(Box::new(products::world(product, MESSAGES))) });
        }
        let world = match name {
            "mm1" => engine(parts::mm1(500_000, TraceMode::Off)),
            "mm1-trace" => engine(parts::mm1(500_000, TraceMode::Full)),
            "ring" => engine(parts::ring(10_000, 100, TraceMode::Off)),
            "ring-trace" => engine(parts::ring(10_000, 100, TraceMode::Full)),
            "hold" => hold(10_000, 2_000_000),
            _ => return None,
        };
        Some(Workload { world })
    }

    /// Runs it to the end; gives the number of events, or for a broker of messages that were done.
    pub fn run(&mut self) -> f64 {
        match &mut self.world {
            World::Broker(run) => {
                let done = products::finish(run, MESSAGES);
                assert!(done >= MESSAGES, "only {done} messages were done");
                done as f64
            }
            World::Engine(simulation) => {
                while simulation.step() {}
                simulation.steps() as f64
            }
            World::Hold { calendar, increments, left, digest } => {
                let count = *left;
                while *left > 0 {
                    let Some((time, payload)) = calendar.pop() else { break };
                    *left -= 1;
                    *digest = digest.rotate_left(5) ^ time ^ payload[0];
                    calendar.push(time + increments[*left as usize % INCREMENTS], payload);
                }
                count as f64
            }
        }
    }

    /// What the run was, as a number in hexadecimal.
    pub fn digest(&self) -> String {
        match &self.world {
            World::Broker(run) => format!("{:016x}", run.simulation().digest()),
            World::Engine(simulation) => format!("{:016x}", simulation.digest()),
            World::Hold { digest, .. } => format!("{digest:016x}"),
        }
    }
}

/// `pending` events, each of which is scheduled anew when it happens, until `count` have happened.
fn hold(pending: u64, count: u64) -> World {
    let mut random = Stream::named(1, "hold", "bench");
    let increments: Vec<u64> = (0..INCREMENTS).map(|_| (random.exponential() * 1e6) as u64).collect();
    let mut calendar = Box::new(Calendar::new());
    for index in 0..pending {
        calendar.push(increments[index as usize % INCREMENTS], [index; 6]);
    }
    World::Hold { calendar, increments, left: count, digest: 0 }
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    for name in std::env::args().skip(1) {
        if let Some(mut workload) = Workload::named(&name) {
            let start = std::time::Instant::now();
            let events = workload.run();
            println!("{name} {events} {} {}", start.elapsed().as_nanos(), workload.digest());
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {}
