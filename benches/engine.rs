//! The engine against a bare heap loop, with the trace off and on: `mm1` and `ring`.
//!
//! First a table, then the same under criterion. The time to build a world is left out of both. Set `BENCH_TABLE_ONLY`
//! to stop after the table, `BENCH_NO_TABLE` to go on to criterion at once.
//!
//! How to read the ratios: an event of the bare loop is an entry of its heap, an event of the engine one that it
//! dispatches. A customer of `mm1` takes 2 events in the bare loop and 5 in the engine, which has links and
//! acknowledgements, and writes 9 facts; so the table has customers per second as well. A hand-over of `ring` is one
//! event in both.

#[path = "bare.rs"]
mod bare;
#[path = "parts.rs"]
mod parts;

use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use patchbay::kernel::{Simulation, TraceMode};
use patchbay::vocabulary::Time;

const MODES: [(&str, TraceMode); 2] = [("trace off", TraceMode::Off), ("full trace", TraceMode::Full)];
const RUNS: usize = 5;

fn finish(simulation: &mut Simulation) -> u64 {
    simulation.advance(Time::MAX, u64::MAX);
    simulation.steps()
}

/// Events, and the seconds of the best of a few runs: the one least disturbed by other work on the machine.
fn best<W>(mut prepare: impl FnMut() -> W, mut run: impl FnMut(&mut W) -> u64) -> (u64, f64) {
    let mut best = f64::MAX;
    let mut events = 0;
    for _ in 0..RUNS {
        let mut world = prepare();
        let start = Instant::now();
        events = run(&mut world);
        best = best.min(start.elapsed().as_secs_f64());
    }
    (events, best)
}

/// Prints one line; gives the events per second.
fn report(name: &str, (events, seconds): (u64, f64), customers: Option<u64>, bare: Option<f64>) -> f64 {
    let rate = events as f64 / seconds;
    print!("{name:<22} {:>8.2} M events/s", rate / 1e6);
    match bare {
        Some(bare) => print!("  {:>5.2} of the bare loop", rate / bare),
        None => print!("  {:>22}", ""),
    }
    match customers {
        Some(customers) => println!("  {:>6.2} M customers/s", customers as f64 / seconds / 1e6),
        None => println!(),
    }
    rate
}

fn print_table() {
    let customers = 2_000_000;
    let bare = report("mm1, bare heap loop", best(|| (), |()| bare::mm1(customers)), Some(customers), None);
    for (name, mode) in MODES {
        let measured = best(|| parts::mm1(customers, mode), finish);
        report(&format!("mm1, {name}"), measured, Some(customers), Some(bare));
    }
    let (members, messages) = (10_000, 100);
    let bare = report("ring, bare heap loop", best(|| (), |()| bare::ring(members, messages)), None, None);
    for (name, mode) in MODES {
        report(&format!("ring, {name}"), best(|| parts::ring(members, messages, mode), finish), None, Some(bare));
    }
}

/// The engine and the bare loop on one workload.
fn compare(
    criterion: &mut Criterion,
    name: &str,
    bare: impl Fn() -> u64,
    engine: impl Fn(TraceMode) -> Simulation + Copy,
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(bare()));
    group.bench_function("bare heap loop", |bencher| bencher.iter(&bare));
    group.throughput(Throughput::Elements(finish(&mut engine(TraceMode::Off))));
    for (label, mode) in MODES {
        group.bench_function(BenchmarkId::from_parameter(label), |bencher| {
            bencher.iter_batched_ref(|| engine(mode), finish, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn main() {
    // Without this argument, which `cargo bench` gives, criterion only tries everything out.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    if measuring && std::env::var_os("BENCH_NO_TABLE").is_none() {
        print_table();
    }
    if std::env::var_os("BENCH_TABLE_ONLY").is_some() {
        return;
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    compare(&mut criterion, "mm1", || bare::mm1(200_000), |mode| parts::mm1(200_000, mode));
    compare(&mut criterion, "ring", || bare::ring(10_000, 10), |mode| parts::ring(10_000, 10, mode));
    criterion.final_summary();
}
