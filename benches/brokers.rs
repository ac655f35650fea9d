//! Messages per second through every broker product: one producer, four consumers, acknowledgements by hand.
//!
//! First a table, then the same under criterion. Set `BENCH_TABLE_ONLY` to stop after the table, and `BENCH_PRODUCT` to a
//! product's name to measure no other in it.

#[path = "products.rs"]
mod products;

use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput};

const MESSAGES: u64 = 500_000;
const RUNS: usize = 3;

fn print_table() {
    let only = std::env::var("BENCH_PRODUCT").ok();
    for product in products::names().filter(|product| only.as_deref().is_none_or(|only| only == *product)) {
        let mut best = f64::MAX;
        for _ in 0..RUNS {
            let mut run = products::world(product, MESSAGES);
            let start = Instant::now();
            let done = products::finish(&mut run, MESSAGES);
            best = best.min(start.elapsed().as_secs_f64());
            assert!(done >= MESSAGES, "{product}: only {done} messages were done");
        }
        println!("{product:<14} {:>6.2} M messages/s", MESSAGES as f64 / best / 1e6);
    }
}

fn main() {
    // Without this argument, which `cargo bench` gives, criterion only tries everything out.
    if std::env::args().any(|argument| argument == "--bench") {
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
    let mut group = criterion.benchmark_group("brokers");
    let messages = 20_000;
    group.throughput(Throughput::Elements(messages));
    for product in products::names() {
        group.bench_function(product, |bencher| {
            let finish = |run: &mut _| products::finish(run, messages);
            bencher.iter_batched_ref(|| products::world(product, messages), finish, BatchSize::PerIteration);
        });
    }
    group.finish();
    criterion.final_summary();
}
