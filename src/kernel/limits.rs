//! The fixed bounds of a run, each with its reason. Nothing in the kernel grows past them.

/// Nodes in one run. Far above what a person can draw; the benchmark of 10,000 parts needs this much.
pub const NODES_MAX: usize = 20_000;

/// Links in one run.
pub const LINKS_MAX: usize = 40_000;

/// Events waiting in the calendar. At about 100 bytes each this is 200 MB, the most a browser tab should be asked for.
pub const PENDING_MAX: usize = 2_000_000;

/// Events at one instant of virtual time before the run is halted: a loop that takes no time would never end.
pub const EVENTS_PER_INSTANT_MAX: u64 = 5_000_000;

/// Trace events kept. Older ones are forgotten; the totals remain. 200,000 are about 11 MB and far more than a screen.
pub const TRACE_MAX: usize = 200_000;

/// Message contents kept for the log and the inspector, in the order of their making.
pub const CONTENTS_MAX: usize = 100_000;

/// Checkpoints kept by a timeline. When there are more, every second one is dropped and the spacing doubles.
pub const CHECKPOINTS_MAX: usize = 48;

/// Events between two checkpoints at the start of a run: a replay of so many takes a few milliseconds.
pub const CHECKPOINT_SPACING: u64 = 20_000;

/// Interventions in one run; each is a person's deed, so a million would be a script gone wild.
pub const INTERVENTIONS_MAX: usize = 100_000;

/// Earlier futures that a timeline remembers after forks.
pub const BRANCHES_MAX: usize = 8;

/// Points kept of each sampled series. When there are more, neighbours are merged and the spacing doubles.
pub const SERIES_MAX: usize = 512;
