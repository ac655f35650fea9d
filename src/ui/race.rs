//! Several runs to their ends, a few milliseconds at a time, so that the page stays awake.

use std::rc::Rc;

use gloo_timers::callback::Timeout;

use crate::scenario::compare::{Outcome, Trial};
use crate::scenario::document::Document;

use super::browser;

/// The time for one slice of work, in milliseconds.
const SLICE_MS: f64 = 14.0;
/// The pause after it, in which the page draws and listens, in milliseconds.
const PAUSE_MS: u32 = 4;
/// Steps between two looks at the clock: well below a millisecond of work each, with books and all.
const STEPS: u64 = 500;
/// The most work for one run; what takes longer is cut off, and its outcome says so.
const STEPS_MAX: u64 = 4_000_000;

/// The runs.
pub struct Race {
    trials: Vec<Trial>,
    next: usize,
    timer: Option<Timeout>,
}

impl Race {
    /// A run for each document, at its start.
    pub fn new(documents: impl IntoIterator<Item = Rc<Document>>) -> Race {
        Race { trials: documents.into_iter().map(Trial::new).collect(), next: 0, timer: None }
    }

    /// Works for one slice; true if all runs are over. `again` asks for the next slice.
    pub fn work(&mut self, again: impl FnOnce() + 'static) -> bool {
        let until = browser::clock_ms() + SLICE_MS;
        while let Some(trial) = self.trials.get_mut(self.next) {
            if trial.advance(STEPS) || trial.run().simulation().steps() > STEPS_MAX {
                self.next += 1;
            }
            if browser::clock_ms() > until {
                break;
            }
        }
        if !self.is_over() {
            self.timer = Some(Timeout::new(PAUSE_MS, again));
        }
        self.is_over()
    }

    /// True if all runs are over.
    pub fn is_over(&self) -> bool {
        self.next >= self.trials.len()
    }

    /// How much of the way is done, 0 to 100.
    pub fn percent(&self) -> f64 {
        let sum: f64 = self.trials.iter().map(Trial::progress).sum();
        (100.0 * sum / self.trials.len().max(1) as f64).floor()
    }

    /// The runs, with their traces.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// What came of them.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.trials.iter().map(Trial::outcome).collect()
    }
}
