//! The hold model: with a fixed number of events pending, take the earliest out and schedule a
//! new one at its time plus an increment.
//!
//! Prints a table of nanoseconds per hold for the calendar and for other ways to keep pending
//! events, then runs some of the cases under criterion. Set `BENCH_TABLE_ONLY` to stop after the
//! table, `BENCH_NO_TABLE` to go on to criterion at once, and `HOLD_ALL` to include a million
//! pending events under all increments, which takes minutes, and the candidates that were not
//! chosen, which are measured under exponential increments only.

use criterion::{BenchmarkId, Criterion};
use patchbay::kernel::Calendar;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hint::black_box;
use std::time::{Duration, Instant};

type Payload = [u64; 6];

/// Increments are drawn beforehand, so the random numbers cost nothing in the measured loop.
const TABLE: usize = 1 << 16;
const SIZES: [usize; 7] = [3, 30, 100, 1_000, 10_000, 100_000, 1_000_000];
const DISTRIBUTIONS: [&str; 8] =
    ["exponential", "uniform", "skewed", "pareto", "equal", "bursty", "ticks", "zero-delay"];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// In the open interval from 0 to 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }
}

/// One increment, with a mean in the order of a millisecond.
fn increment(random: &mut Random, distribution: &str) -> u64 {
    let unit = random.unit();
    let nanoseconds = match distribution {
        "exponential" => -unit.ln() * 1e6,
        "uniform" => unit * 2e6,
        "skewed" if random.unit() < 0.9 => unit * 1e4,
        "skewed" => unit * 1e7,
        "pareto" => 1e4 * unit.powf(-1.0 / 1.1),
        "equal" => 1e6,
        "bursty" if random.unit() < 0.9 => unit * 100.0,
        "bursty" => 1e9 * (1.0 + (unit * 5.0).floor()),
        "ticks" => 1e6 * (1.0 + (unit * 8.0).floor()),
        "zero-delay" if random.unit() < 0.8 => 0.0,
        "zero-delay" => unit * 1e6,
        other => panic!("no distribution called {other}"),
    };
    nanoseconds as u64
}

fn increments(distribution: &str) -> Vec<u64> {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    (0..TABLE).map(|_| increment(&mut random, distribution)).collect()
}

/// What the candidates have in common.
trait Queue {
    const NAME: &'static str;
    fn create() -> Self;
    fn push(&mut self, at: u64, payload: Payload);
    fn pop(&mut self) -> Option<(u64, Payload)>;
}

impl Queue for Calendar<Payload> {
    const NAME: &'static str = "calendar";
    fn create() -> Self {
        Calendar::new()
    }
    fn push(&mut self, at: u64, payload: Payload) {
        Calendar::push(self, at, payload);
    }
    fn pop(&mut self) -> Option<(u64, Payload)> {
        Calendar::pop(self)
    }
}

/// The heap of the standard library with the payload inside, the baseline.
struct StandardHeap {
    heap: BinaryHeap<Reverse<(u64, u64, Payload)>>,
    sequence: u64,
}

impl Queue for StandardHeap {
    const NAME: &'static str = "binary heap";
    fn create() -> Self {
        let heap = BinaryHeap::new();
        StandardHeap { heap, sequence: 0 }
    }
    fn push(&mut self, at: u64, payload: Payload) {
        self.heap.push(Reverse((at, self.sequence, payload)));
        self.sequence += 1;
    }
    fn pop(&mut self) -> Option<(u64, Payload)> {
        let Reverse((time, _, payload)) = self.heap.pop()?;
        Some((time, payload))
    }
}

/// A heap of keys with four children per node; the payloads stay in a slab.
struct QuaternaryHeap {
    /// Time and sequence packed into one number, and the slot.
    keys: Vec<(u128, u32)>,
    payloads: Vec<Payload>,
    free: Vec<u32>,
    sequence: u64,
}

impl Queue for QuaternaryHeap {
    const NAME: &'static str = "4-ary heap";
    fn create() -> Self {
        QuaternaryHeap { keys: Vec::new(), payloads: Vec::new(), free: Vec::new(), sequence: 0 }
    }
    fn push(&mut self, at: u64, payload: Payload) {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.payloads.push(payload);
                self.payloads.len() as u32 - 1
            }
        };
        self.payloads[slot as usize] = payload;
        let key = ((at as u128) << 64 | self.sequence as u128, slot);
        self.sequence += 1;
        let mut hole = self.keys.len();
        self.keys.push(key);
        while hole > 0 && self.keys[(hole - 1) / 4].0 > key.0 {
            self.keys[hole] = self.keys[(hole - 1) / 4];
            hole = (hole - 1) / 4;
        }
        self.keys[hole] = key;
    }
    fn pop(&mut self) -> Option<(u64, Payload)> {
        let first = *self.keys.first()?;
        let last = self.keys.pop()?;
        let mut hole = 0;
        while 4 * hole + 1 < self.keys.len() {
            let start = 4 * hole + 1;
            let mut least = start;
            for child in start + 1..(start + 4).min(self.keys.len()) {
                if self.keys[child].0 < self.keys[least].0 {
                    least = child;
                }
            }
            if self.keys[least].0 > last.0 {
                break;
            }
            self.keys[hole] = self.keys[least];
            hole = least;
        }
        if let Some(key) = self.keys.get_mut(hole) {
            *key = last;
        }
        self.free.push(first.1);
        Some(((first.0 >> 64) as u64, self.payloads[first.1 as usize]))
    }
}

struct Tree {
    tree: BTreeMap<(u64, u64), Payload>,
    sequence: u64,
}

impl Queue for Tree {
    const NAME: &'static str = "b-tree map";
    fn create() -> Self {
        let tree = BTreeMap::new();
        Tree { tree, sequence: 0 }
    }
    fn push(&mut self, at: u64, payload: Payload) {
        self.tree.insert((at, self.sequence), payload);
        self.sequence += 1;
    }
    fn pop(&mut self) -> Option<(u64, Payload)> {
        let ((time, _), payload) = self.tree.pop_first()?;
        Some((time, payload))
    }
}

/// A queue in the steady state of the hold model.
struct Hold<'a, Q> {
    queue: Q,
    increments: &'a [u64],
    position: usize,
}

impl<'a, Q: Queue> Hold<'a, Q> {
    /// Fills the queue and goes round it a few times, so that the times are spread as they stay.
    fn new(size: usize, increments: &'a [u64]) -> Self {
        let mut queue = Q::create();
        for index in 0..size {
            // A different part of the table for every round of it makes the times differ too.
            let at = increments[(index * 7 + index / TABLE) % TABLE];
            queue.push(at, [index as u64; 6]);
        }
        let position = 0;
        let mut hold = Hold { queue, increments, position };
        hold.run((size * 3).clamp(10_000, 3_000_000));
        hold
    }

    #[inline(never)]
    fn run(&mut self, count: usize) {
        for _ in 0..count {
            let (time, payload) = self.queue.pop().expect("the size never changes");
            let at = time + self.increments[self.position % TABLE];
            self.position += 1;
            self.queue.push(at, black_box(payload));
        }
    }
}

/// Nanoseconds per hold, the best of several runs, as anything slower was disturbed from outside.
fn measure<Q: Queue>(size: usize, increments: &[u64]) -> f64 {
    let mut hold = Hold::<Q>::new(size, increments);
    let count = size.clamp(100_000, 1_000_000);
    let runs = if size < 1_000_000 { 20 } else { 3 };
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        hold.run(count);
        best = best.min(start.elapsed().as_nanos() as f64 / count as f64);
    }
    best
}

fn print_table() {
    let all = std::env::var_os("HOLD_ALL").is_some();
    println!("nanoseconds per hold");
    print!("{:<12} {:>8}", "increments", "pending");
    print!(" {:>12} {:>12}  ratio", Calendar::<Payload>::NAME, StandardHeap::NAME);
    if all {
        print!(" {:>12} {:>12}", QuaternaryHeap::NAME, Tree::NAME);
    }
    println!();
    for distribution in DISTRIBUTIONS {
        let increments = increments(distribution);
        for size in SIZES {
            if size == 1_000_000 && distribution != "exponential" && !all {
                continue;
            }
            let ours = measure::<Calendar<Payload>>(size, &increments);
            let heap = measure::<StandardHeap>(size, &increments);
            print!("{distribution:<12} {size:>8} {ours:>12.1} {heap:>12.1} {:>6.2}", ours / heap);
            if all && distribution == "exponential" {
                let quaternary = measure::<QuaternaryHeap>(size, &increments);
                let tree = measure::<Tree>(size, &increments);
                print!(" {quaternary:>12.1} {tree:>12.1}");
            }
            println!();
        }
    }
}

fn compare<Q: Queue>(criterion: &mut Criterion, distribution: &str) {
    let increments = increments(distribution);
    let mut group = criterion.benchmark_group(format!("hold/{distribution}/{}", Q::NAME));
    for size in [3, 100, 10_000, 100_000] {
        let mut hold = Hold::<Q>::new(size, &increments);
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_custom(|count| {
                let start = Instant::now();
                hold.run(count as usize);
                start.elapsed()
            })
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
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .configure_from_args();
    for distribution in ["exponential", "bursty"] {
        compare::<Calendar<Payload>>(&mut criterion, distribution);
        compare::<StandardHeap>(&mut criterion, distribution);
    }
    criterion.final_summary();
}
