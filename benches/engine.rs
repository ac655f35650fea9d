//! The engine against a bare heap loop: `mm1` and `ring`, with the trace off and on.

#[path = "bare.rs"]
mod bare;
#[path = "parts.rs"]
mod parts;

use std::time::Instant;

use patchbay::kernel::TraceMode;

fn report(name: &str, events: u64, seconds: f64, bare: Option<f64>) -> f64 {
    let rate = events as f64 / seconds / 1e6;
    match bare {
        Some(bare) => println!("{name:<28} {rate:>8.2} M events/s   {:>5.2} of the bare heap loop", rate / bare),
        None => println!("{name:<28} {rate:>8.2} M events/s"),
    }
    rate
}

/// The best of a few runs: the one least disturbed by other work on the machine.
fn best(mut run: impl FnMut() -> u64) -> (u64, f64) {
    let mut best = f64::MAX;
    let mut events = 0;
    for _ in 0..5 {
        let start = Instant::now();
        events = run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    (events, best)
}

fn main() {
    let customers = 2_000_000;
    let (events, seconds) = best(|| bare::mm1(customers));
    let bare_mm1 = report("mm1, bare heap loop", events, seconds, None);
    for (name, mode) in [("mm1, trace off", TraceMode::Off), ("mm1, full trace", TraceMode::Full)] {
        let (events, seconds) = best(|| {
            let mut simulation = parts::mm1(customers, mode);
            while simulation.step() {}
            simulation.steps()
        });
        report(name, events, seconds, Some(bare_mm1));
    }
    let (events, seconds) = best(|| bare::ring(10_000, 100));
    let bare_ring = report("ring, bare heap loop", events, seconds, None);
    for (name, mode) in [("ring, trace off", TraceMode::Off), ("ring, full trace", TraceMode::Full)] {
        let (events, seconds) = best(|| {
            let mut simulation = parts::ring(10_000, 100, mode);
            while simulation.step() {}
            simulation.steps()
        });
        report(name, events, seconds, Some(bare_ring));
    }
}
