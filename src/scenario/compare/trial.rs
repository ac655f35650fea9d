//! A run whose outcome is wanted: from the start to the document's end, in slices.

use std::rc::Rc;

use crate::kernel::{TraceMode, World as _};
use crate::model::node_kind;
use crate::scenario::connect::resolve;
use crate::scenario::document::{Document, Node, Wire};
use crate::scenario::instantiate::Run;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Duration, FlatMap, FlatSet, MessageId, NodeId, Time};

use super::books::{Books, Fate};
use super::outcome::{Done, MessageKey, Outcome, Party, Totals};

/// Events dispatched between two looks at the trace, which keeps far more than these record.
const SLICE_STEPS: u64 = 1_000;

/// A run with its books.
pub struct Trial {
    run: Run,
    end: Time,
    books: Books,
    /// The nodes that hand out messages.
    places: FlatSet<NodeId>,
    is_over: bool,
}

impl Trial {
    /// The beginning of a run.
    pub fn new(document: Rc<Document>) -> Trial {
        let end = Time::ZERO + document.until;
        let run = Run::new(document, TraceMode::Full).0;
        let subscribers = run.document().nodes.iter().filter(|node| is_subscriber(run.document(), node));
        let places = subscribers.filter_map(|node| run.node(&node.id)).collect();
        Trial { run, end, books: Books::default(), places, is_over: false }
    }

    /// Goes on by about so many steps; true once the run is over.
    pub fn advance(&mut self, steps_max: u64) -> bool {
        let goal = self.run.steps().saturating_add(steps_max);
        while !self.is_over && self.run.steps() < goal {
            let before = self.run.steps();
            let reached = self.run.advance(self.end, SLICE_STEPS);
            self.read();
            self.is_over = reached || self.run.steps() == before;
        }
        self.is_over
    }

    /// Runs to the end, but no further than so many steps.
    pub fn finish(mut self, steps_max: u64) -> Outcome {
        self.advance(steps_max);
        self.outcome()
    }

    /// How much of the way is done, 0 to 1.
    pub fn progress(&self) -> f64 {
        if self.is_over || self.end.0 == 0 {
            return 1.0;
        }
        self.run.now().0 as f64 / self.end.0 as f64
    }

    /// The run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    fn read(&mut self) {
        let (run, books, places) = (&self.run, &mut self.books, &self.places);
        let trace = run.simulation().trace();
        let key = |message: MessageId| -> Rc<str> {
            trace.content(message).map_or_else(|| Rc::from(""), |content| content.routing_key.clone())
        };
        trace.after(books.read_until()).for_each(|event| books.note(event, &|node| places.contains(&node), &key));
    }

    /// What came of it so far.
    pub fn outcome(&self) -> Outcome {
        let run = &self.run;
        let mut parties = Vec::new();
        for is_subscriber in [true, false] {
            for node in &run.document().nodes {
                let Some(kind) = node_kind(&node.kind) else { continue };
                let Some(id) = run.node(&node.id) else { continue };
                if !(if is_subscriber { self.places.contains(&id) } else { kind.works() }) {
                    continue;
                }
                let books = if is_subscriber { &self.books.places } else { &self.books.consumers };
                parties.push(Party {
                    id: node.id.clone(),
                    label: node.label().to_string(),
                    is_subscriber,
                    done: books.get(&id).map_or_else(Vec::new, |fates| done(run, fates)),
                });
            }
        }
        Outcome {
            until: run.now(),
            halted: run.simulation().halted().map(str::to_string),
            is_partial: self.books.is_partial || !self.is_over,
            totals: totals(&self.books),
            parties,
        }
    }
}

/// Whether a node hands messages out on its own account: a stream that only groups read does not.
fn is_subscriber(document: &Document, node: &Node) -> bool {
    let mut out = document.wires.iter().filter(|wire| Wire::node_of(&wire.from) == node.id);
    let is_read =
        |wire: &Wire| resolve(document, &wire.from, &wire.to).is_ok_and(|wire| wire.wire_kind.name == "reads");
    let serves = |wire: &&Wire| resolve(document, &wire.from, &wire.to).is_ok_and(|wire| wire.wire_kind.link);
    node_kind(&node.kind).is_some_and(|kind| kind.hands_out())
        && (out.clone().any(|wire| serves(&wire)) || !out.any(is_read))
}

/// What was done, in the order of the first time.
fn done(run: &Run, fates: &FlatMap<MessageId, Fate>) -> Vec<Done> {
    let mut producers: FlatMap<NodeId, Rc<str>> = FlatMap::new();
    let mut list: Vec<Done> = Vec::new();
    for (message, fate) in fates.iter() {
        if let Some(at) = fate.first {
            let producer = producers.get_or_insert_with(message.origin, || Rc::from(run.names().id(message.origin)));
            let message = MessageKey { producer: producer.clone(), number: message.number };
            list.push(Done { message, at, times: fate.times });
        }
    }
    sort_by_key(&mut list, |done| done.at);
    list
}

fn totals(books: &Books) -> Totals {
    let fates = || books.places.values().flat_map(|fates| fates.values());
    let count = |test: fn(&Fate) -> bool| fates().filter(|fate| test(fate)).count() as u64;
    let done = count(|fate| fate.times > 0);
    let lost_underway = books.underway.values().filter(|lost| **lost).count() as u64;
    let mut latencies = books.latencies.clone();
    latencies.sort_unstable();
    // The nearest rank: the smallest value that so many are not above.
    let percentile = |percent: usize| {
        let rank = (latencies.len() * percent).div_ceil(100);
        latencies.get(rank.max(1) - 1).map(|nanoseconds| Duration(*nanoseconds))
    };
    let seconds = books.active.map_or(0.0, |(from, to)| to.since(from).seconds());
    Totals {
        published: books.published,
        done,
        duplicates: count(|fate| fate.times > 1),
        out_of_order: count(|fate| fate.out_of_order),
        lost: count(|fate| fate.times == 0 && fate.given_up && !fate.dead) + lost_underway,
        dead_lettered: count(|fate| fate.dead),
        open: count(|fate| fate.times == 0 && !fate.given_up && !fate.dead),
        redelivered: books.redelivered,
        throughput: if seconds > 0.0 { done as f64 / seconds } else { 0.0 },
        latency_median: percentile(50),
        latency_p99: percentile(99),
    }
}
