//! A document as a running simulation: which node of the drawing is which node of the run, and what can be done to it.
//!
//! [`reconcile`] makes the simulation become a drawing, from nothing at the start and by the difference after an edit;
//! [`plan`] lets the planned faults happen; [`names`] knows the drawing's names for the run's numbers; [`summary`] adds
//! the run up. A drawing runs also half-built or partly wrong: a wrong parameter has its default, an unknown kind or an
//! impossible wire is left out, and the problems say so.
//!
//! A run is exactly (document, seed, interventions). The order in which parts are made is the order of the document,
//! hosts before what lives in them, so the same document gives the same run.

mod names;
mod plan;
mod reconcile;
mod summary;

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::kernel::{Fault, Simulation, TraceMode, World};
use crate::model::broker::command::planned;
use crate::model::node_kind;
use crate::vocabulary::{LinkId, MessageId, NodeId, Time, WireId};

use super::document::Document;
use super::problem::{Problem, Severity};
use super::validate::validate;

pub use names::Names;
pub use summary::{Level, NodeSummary, Spread, Summary};

use plan::Plan;
use reconcile::Standing;

/// A running document: the world of a timeline.
#[derive(Clone)]
pub struct Run {
    simulation: Simulation,
    document: Rc<Document>,
    seed: u64,
    names: Rc<Names>,
    standing: Rc<Standing>,
    plan: Plan,
}

/// Something that is done to a run from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Intervention {
    /// The drawing was edited: the run becomes it by the difference. Moved nodes, texts, the seed and the length of a
    /// run change nothing; planned faults that are still to come are replaced by those of the new document.
    Document(Rc<Document>),
    /// A fault by hand.
    Fault(FaultDeed),
    /// A command to a node, such as "send one now".
    Command {
        /// The node.
        node: String,
        /// The name of the command.
        command: String,
    },
}

/// A fault, or the end of one, aimed at a node or wire of the drawing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultDeed {
    /// The node stops without warning. A node that lives in a host fails with the host, so the host stops.
    Crash(String),
    /// The node starts again.
    Restart(String),
    /// The node freezes.
    Pause(String),
    /// The node goes on.
    Resume(String),
    /// The node's work takes this part of its normal time, in per cent.
    Slow(String, u32),
    /// Nothing passes the wire.
    Partition(String),
    /// The wire passes messages again.
    Repair(String),
    /// The node is told this, as [`crate::model::broker::command::planned`] reads it.
    Command(String, String),
}

impl Run {
    /// The beginning of a run, and the errors of the document, each of which says what was left out or replaced.
    pub fn new(document: Rc<Document>, mode: TraceMode) -> (Run, Vec<Problem>) {
        let problems = validate(&document).into_iter().filter(|problem| problem.severity == Severity::Error).collect();
        let mut run = Run {
            simulation: Simulation::new(document.seed, mode),
            seed: document.seed,
            plan: Plan::new(&document.faults),
            names: Rc::default(),
            standing: Rc::default(),
            document: Rc::default(),
        };
        run.become_document(document);
        (run, problems)
    }

    /// The simulation, for looking.
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// The simulation, for questions that need it mutable, such as the time of the next event. Changing it here breaks
    /// the replay.
    pub fn simulation_mut(&mut self) -> &mut Simulation {
        &mut self.simulation
    }

    /// The drawing that the run stands for.
    pub fn document(&self) -> &Rc<Document> {
        &self.document
    }

    /// The seed with which the run began.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The names of the run's nodes and links in the drawing.
    pub fn names(&self) -> &Rc<Names> {
        &self.names
    }

    /// The name that is shown for a node of the run; also for one that was removed.
    pub fn label(&self, node: NodeId) -> &str {
        self.names.label(node)
    }

    /// The name that is shown for a message: its producer's id and its number there, `tasks#12`.
    pub fn message_label(&self, message: MessageId) -> String {
        format!("{}{message}", self.names.id(message.origin))
    }

    /// The node of the run that stands for a node of the drawing.
    pub fn node(&self, id: &str) -> Option<NodeId> {
        self.standing.node(id)
    }

    /// The link of the run that stands for a wire of the drawing, if messages travel over it.
    pub fn link(&self, id: &str) -> Option<LinkId> {
        self.standing.link(id)
    }

    /// The relation in the run that stands for a wire of the drawing without traffic, such as a binding.
    pub fn wire(&self, id: &str) -> Option<WireId> {
        self.standing.wire(id)
    }

    /// The counts and durations of the run so far.
    pub fn summary(&self) -> Summary {
        summary::summarise(self)
    }

    fn become_document(&mut self, document: Rc<Document>) {
        reconcile::reconcile(
            &mut self.simulation,
            Rc::make_mut(&mut self.standing),
            Rc::make_mut(&mut self.names),
            &document,
        );
        self.document = document;
    }

    /// The kernel's word for a deed, if its aim is there, and the deed no command.
    fn resolve(&self, deed: &FaultDeed) -> Option<Fault> {
        let node = |id: &str| self.node(id).map(|node| self.simulation.host(node));
        Some(match deed {
            FaultDeed::Crash(id) => Fault::Crash(node(id)?),
            FaultDeed::Restart(id) => Fault::Restart(node(id)?),
            FaultDeed::Pause(id) => Fault::Pause(node(id)?),
            FaultDeed::Resume(id) => Fault::Resume(node(id)?),
            FaultDeed::Slow(id, percent) => Fault::Slow(node(id)?, *percent),
            FaultDeed::Partition(id) => Fault::Partition(self.link(id)?),
            FaultDeed::Repair(id) => Fault::Repair(self.link(id)?),
            FaultDeed::Command(..) => return None,
        })
    }

    fn do_deed(&mut self, deed: &FaultDeed) {
        if let FaultDeed::Command(id, text) = deed {
            return self.tell(id, text);
        }
        if let Some(fault) = self.resolve(deed) {
            self.simulation.fault(fault);
        }
    }
}

impl Run {
    /// A planned command. What is none does nothing; the problems of the document say so.
    fn tell(&mut self, id: &str, text: &str) {
        let kind = self.document.node(id).and_then(|node| node_kind(&node.kind));
        let command = kind.and_then(|kind| planned(kind, text).ok());
        if let (Some(node), Some(command)) = (self.node(id), command) {
            self.simulation.command(node, &command);
        }
    }
}

impl World for Run {
    type Intervention = Intervention;

    fn now(&self) -> Time {
        self.simulation.now()
    }

    fn steps(&self) -> u64 {
        self.simulation.steps()
    }

    /// Planned faults happen on the way, each after all events of its instant and before the clock moves on.
    fn advance(&mut self, until: Time, steps_max: u64) -> bool {
        let steps_end = self.simulation.steps().saturating_add(steps_max);
        loop {
            let goal = self.plan.next_time().map_or(until, |at| at.min(until));
            let room = steps_end - self.simulation.steps();
            if !self.simulation.advance(goal, room) {
                return false;
            }
            let due = self.plan.take_due(goal);
            if due.is_empty() {
                return true;
            }
            due.iter().for_each(|deed| self.do_deed(deed));
        }
    }

    fn apply(&mut self, intervention: &Intervention) {
        match intervention {
            Intervention::Document(document) => {
                self.plan.replace(&document.faults, self.simulation.now());
                self.become_document(document.clone());
            }
            Intervention::Fault(deed) => self.do_deed(deed),
            Intervention::Command { node, command } => {
                if let Some(node) = self.node(node) {
                    self.simulation.command(node, command);
                }
            }
        }
    }

    fn checkpoint(&self) -> Run {
        Run {
            simulation: self.simulation.checkpoint(),
            document: self.document.clone(),
            seed: self.seed,
            names: self.names.clone(),
            standing: self.standing.clone(),
            plan: self.plan.clone(),
        }
    }

    fn restore(&mut self, checkpoint: &Run) {
        self.simulation.restore(&checkpoint.simulation);
        self.document = checkpoint.document.clone();
        self.seed = checkpoint.seed;
        self.names = checkpoint.names.clone();
        self.standing = checkpoint.standing.clone();
        self.plan = checkpoint.plan.clone();
    }
}
