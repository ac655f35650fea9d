//! Time travel: a world with checkpoints, the log of what was done to it, and the futures that were left behind.
//!
//! Going back is "restore the nearest checkpoint, then replay": since a run is exactly (document, seed, interventions),
//! the replay is the same run. An intervention in the past forks the timeline: the interventions after it are put away
//! as a branch that can be taken up again.

use crate::vocabulary::Time;

use super::limits::{BRANCHES_MAX, CHECKPOINTS_MAX, CHECKPOINT_SPACING, INTERVENTIONS_MAX};

/// Something that runs in virtual time and can be interfered with.
pub trait World {
    /// What can be done to it.
    type Intervention: Clone;
    /// Its clock.
    fn now(&self) -> Time;
    /// Events dispatched so far.
    fn steps(&self) -> u64;
    /// Runs until the clock stands at `until`, or until `steps_max` more events were dispatched; true if the clock got there.
    fn advance(&mut self, until: Time, steps_max: u64) -> bool;
    /// Interferes.
    fn apply(&mut self, intervention: &Self::Intervention);
    /// A copy with the same future, without what only the present needs.
    fn checkpoint(&self) -> Self;
    /// Becomes the checkpoint again.
    fn restore(&mut self, checkpoint: &Self);
}

/// An intervention and the point of the run at which it happened: after so many events, at this time.
#[derive(Clone, Debug)]
struct Logged<I> {
    steps: u64,
    at: Time,
    intervention: I,
}

/// A future that was left when the past was changed.
#[derive(Clone, Debug)]
pub struct Branch<I> {
    /// When it was left.
    pub forked_at: Time,
    /// How far it had been run.
    pub until: Time,
    interventions: Vec<Logged<I>>,
}

impl<I> Branch<I> {
    /// The times of the interventions on this branch, from the start of the run on.
    pub fn interventions(&self) -> impl Iterator<Item = (Time, &I)> {
        self.interventions.iter().map(|logged| (logged.at, &logged.intervention))
    }
}

/// A world that can be moved through time.
#[derive(Clone)]
pub struct Timeline<W: World> {
    world: W,
    /// Oldest first; the first is the start of the run and is never dropped.
    checkpoints: Vec<W>,
    spacing: u64,
    interventions: Vec<Logged<W::Intervention>>,
    /// How many of the interventions the world has seen.
    applied: usize,
    /// The latest time that the run has reached on this branch.
    furthest: Time,
    branches: Vec<Branch<W::Intervention>>,
}

impl<W: World> Timeline<W> {
    /// The beginning of a run.
    pub fn new(world: W) -> Timeline<W> {
        let start = world.checkpoint();
        Timeline {
            furthest: world.now(),
            world,
            checkpoints: vec![start],
            spacing: CHECKPOINT_SPACING,
            interventions: Vec::new(),
            applied: 0,
            branches: Vec::new(),
        }
    }

    /// The world now.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// The world now, for looking: changes made here are not logged and break the replay.
    pub fn world_mut(&mut self) -> &mut W {
        &mut self.world
    }

    /// The latest time that the run has reached on this branch.
    pub fn furthest(&self) -> Time {
        self.furthest
    }

    /// True if the world stands in the past of its run.
    pub fn in_the_past(&self) -> bool {
        self.world.now() < self.furthest
    }

    /// The times of the interventions on this branch.
    pub fn interventions(&self) -> impl Iterator<Item = (Time, &W::Intervention)> {
        self.interventions.iter().map(|logged| (logged.at, &logged.intervention))
    }

    /// The futures that were left behind, oldest first.
    pub fn branches(&self) -> &[Branch<W::Intervention>] {
        &self.branches
    }

    /// Runs forward, redoing logged interventions on the way, until the clock stands at `until` or `steps_max` more
    /// events were dispatched; true if the clock got there.
    pub fn advance(&mut self, until: Time, steps_max: u64) -> bool {
        let target = self.world.steps().saturating_add(steps_max);
        let reached = self.replay(until, target);
        self.furthest = self.furthest.max(self.world.now());
        reached
    }

    /// Does something to the world, now. In the past of the run this leaves the old future as a branch.
    pub fn intervene(&mut self, intervention: W::Intervention) {
        if self.in_the_past() || self.applied < self.interventions.len() {
            self.leave_future();
        }
        if self.interventions.len() < INTERVENTIONS_MAX {
            let logged = Logged { steps: self.world.steps(), at: self.world.now(), intervention: intervention.clone() };
            self.interventions.push(logged);
            self.applied += 1;
            self.world.apply(&intervention);
        }
    }

    /// Moves to the state after all events up to and including `time`, back or forward.
    pub fn seek_time(&mut self, time: Time) {
        if time < self.world.now() {
            self.restore(|checkpoint| checkpoint.now() <= time);
        }
        self.replay(time, u64::MAX);
        self.furthest = self.furthest.max(self.world.now());
    }

    /// Moves to the state after exactly so many events, back or forward (or to the end of what can happen).
    pub fn seek_steps(&mut self, steps: u64) {
        if steps < self.world.steps() {
            self.restore(|checkpoint| checkpoint.steps() <= steps);
        }
        self.replay(Time::MAX, steps);
        self.furthest = self.furthest.max(self.world.now());
    }

    /// Takes up a future that was left behind; the present one takes its place. False if there is no such branch.
    pub fn switch_to(&mut self, branch: usize) -> bool {
        if branch >= self.branches.len() {
            return false;
        }
        let branch = self.branches.remove(branch);
        self.restore(|checkpoint| checkpoint.now() < branch.forked_at);
        let seen = self.applied;
        self.leave_future();
        if let Some(left) = self.branches.last_mut() {
            left.forked_at = branch.forked_at.min(left.until);
        }
        self.interventions.extend(branch.interventions.into_iter().skip(seen));
        self.furthest = branch.until;
        self.replay(branch.forked_at, u64::MAX);
        self.furthest = self.furthest.max(self.world.now());
        true
    }

    /// Puts the interventions that are still to come away as a branch and forgets what was built on them.
    fn leave_future(&mut self) {
        if self.branches.len() >= BRANCHES_MAX {
            self.branches.remove(0);
        }
        self.branches.push(Branch {
            forked_at: self.world.now(),
            until: self.furthest,
            interventions: self.interventions.clone(),
        });
        self.interventions.truncate(self.applied);
        // A checkpoint at this very point was taken before the interventions made here, so it stays true.
        let here = (self.world.steps(), self.world.now());
        self.checkpoints.retain(|checkpoint| (checkpoint.steps(), checkpoint.now()) <= here);
        self.furthest = here.1;
    }

    /// Restores the latest checkpoint that qualifies; the start always does.
    fn restore(&mut self, qualifies: impl Fn(&W) -> bool) {
        let index = self.checkpoints.iter().rposition(qualifies).unwrap_or(0);
        let checkpoint = &self.checkpoints[index];
        self.world.restore(checkpoint);
        let steps = self.world.steps();
        let now = self.world.now();
        self.applied = self.interventions.partition_point(|logged| (logged.steps, logged.at) < (steps, now));
    }

    /// Runs until the clock stands at `until` or the count of events at `steps`, with interventions and checkpoints.
    fn replay(&mut self, until: Time, steps: u64) -> bool {
        loop {
            let before = (self.world.steps(), self.world.now());
            let next = self.interventions.get(self.applied).map(|next| (next.steps, next.at));
            if next.is_some_and(|(next_steps, next_at)| next_steps <= before.0 && next_at <= before.1) {
                self.apply_next();
                continue;
            }
            if before.0 >= steps {
                return before.1 >= until;
            }
            let goal = next.map_or(until, |(_, at)| at.min(until));
            // With no room left before the next intervention only the clock has to move on.
            let room = next.map_or(u64::MAX, |(next_steps, _)| next_steps.saturating_sub(before.0));
            let to_checkpoint = self.spacing - before.0 % self.spacing;
            let reached = self.world.advance(goal, room.min(steps - before.0).min(to_checkpoint));
            self.keep_checkpoint();
            let stuck = before == (self.world.steps(), self.world.now());
            match next {
                Some((_, at)) if reached && stuck && at <= before.1 => self.apply_next(),
                Some((_, at)) if reached && at <= until => {}
                _ if reached => return true,
                _ if stuck => return false,
                _ => {}
            }
        }
    }

    fn apply_next(&mut self) {
        if let Some(next) = self.interventions.get(self.applied) {
            let intervention = next.intervention.clone();
            self.applied += 1;
            self.world.apply(&intervention);
        }
    }

    fn keep_checkpoint(&mut self) {
        let steps = self.world.steps();
        if !steps.is_multiple_of(self.spacing) || self.checkpoints.last().is_some_and(|last| last.steps() >= steps) {
            return;
        }
        self.checkpoints.push(self.world.checkpoint());
        if self.checkpoints.len() > CHECKPOINTS_MAX {
            self.spacing *= 2;
            let spacing = self.spacing;
            self.checkpoints.retain(|checkpoint| checkpoint.steps().is_multiple_of(spacing));
        }
    }
}
