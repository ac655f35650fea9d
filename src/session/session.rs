//! The session: the document, its history, and the timeline of its run.

use std::rc::Rc;

use crate::diagram::layout::Layout;
use crate::kernel::{Timeline, TraceMode, World as _};
use crate::scenario::codec;
use crate::scenario::document::Document;
use crate::scenario::edit::{self, Edit};
use crate::scenario::instantiate::{Intervention, Run};
use crate::scenario::problem::Problem;
use crate::scenario::validate::validate;
use crate::vocabulary::{Duration, Time};

use super::action::{Action, Effect, Mode, Transport};
use super::branches;
use super::compose;
use super::history::{History, Step};
use super::view_state::Selection;

/// Events that one frame of the page may dispatch: some five milliseconds of work. Beyond it the clock falls behind.
pub const FRAME_STEPS_MAX: u64 = 40_000;
/// The range of speeds, in virtual seconds per second.
pub const SPEED_RANGE: (f64, f64) = (0.1, 1000.0);
/// Steps without any trace event before a single step gives up looking for one; each step back is a short replay.
const QUIET_STEPS_MAX: u64 = 10_000;
const QUIET_STEPS_BACK_MAX: u64 = 64;
/// A run to the end shows nothing on the way, so that a frame may work longer.
const TO_END_STEPS_MAX: u64 = 3 * FRAME_STEPS_MAX;

/// What a person has open.
pub struct Session {
    document: Rc<Document>,
    layout: Rc<Layout>,
    problems: Rc<Vec<Problem>>,
    history: History,
    timeline: Timeline<Run>,
    /// The drawing with which the run began.
    origin: Rc<Document>,
    selection: Selection,
    mode: Mode,
    playing: bool,
    speed: f64,
    /// Real seconds whose virtual time is less than a nanosecond would be lost without this.
    debt: f64,
    lagging: bool,
    /// The run is on its way to the end, as fast as it can.
    to_end: bool,
}

impl Session {
    /// Opens a document.
    pub fn new(document: Document, mode: Mode) -> Session {
        let document = Rc::new(document);
        Session {
            layout: Rc::new(Layout::of(&document)),
            problems: Rc::new(validate(&document)),
            timeline: start(&document),
            origin: document.clone(),
            document,
            history: History::default(),
            selection: Selection::default(),
            mode,
            playing: false,
            speed: 1.0,
            debt: 0.0,
            lagging: false,
            to_end: false,
        }
    }

    /// Does something, and says what the page must do about it.
    pub fn dispatch(&mut self, action: Action) -> Vec<Effect> {
        if let Some(refusal) = self.forbids(&action) {
            return vec![Effect::Refuse(refusal)];
        }
        if !matches!(action, Action::Adjust { .. } | Action::Transport(_)) {
            self.history.settle();
        }
        match action {
            Action::Edit(edit) => self.edit(&edit, None),
            Action::Adjust { key, edit } => self.edit(&edit, Some(key)),
            Action::Undo => self.travel(History::pop_undo, History::push_redo, "Nothing to undo."),
            Action::Redo => self.travel(History::pop_redo, History::push_undo, "Nothing to redo."),
            Action::Open(document) => {
                let before = self.replace(*document);
                self.history.note(Step::Document(Box::new(before)));
                vec![self.save()]
            }
            Action::Transport(transport) => self.transport(transport),
            Action::Fault(deed) => {
                self.timeline.intervene(Intervention::Fault(deed));
                Vec::new()
            }
            Action::Command { node, command } => {
                self.timeline.intervene(Intervention::Command { node, command });
                Vec::new()
            }
            Action::Select(ids) => {
                self.selection = Selection::of(ids);
                self.deselect_missing();
                Vec::new()
            }
            Action::ToggleSelect(id) => {
                self.selection.toggle(&id);
                self.deselect_missing();
                Vec::new()
            }
            Action::DeleteSelection => match compose::remove(&self.document, self.selection.ids()) {
                Some(edit) => self.edit(&edit, None),
                None => Vec::new(),
            },
            Action::DuplicateSelection => match compose::duplicate(&self.document, self.selection.ids()) {
                Some(composed) => {
                    let effects = self.edit(&composed.edit, None);
                    self.selection = Selection::of(composed.select);
                    effects
                }
                None => Vec::new(),
            },
            Action::SwitchBranch(branch) => self.switch_branch(branch),
        }
    }

    fn forbids(&self, action: &Action) -> Option<String> {
        let needs = match action {
            Action::Edit(_)
            | Action::Adjust { .. }
            | Action::Undo
            | Action::Redo
            | Action::DeleteSelection
            | Action::DuplicateSelection => Mode::Edit,
            Action::Fault(_) | Action::Command { .. } | Action::Transport(_) | Action::SwitchBranch(_) => Mode::Play,
            Action::Open(_) | Action::Select(_) | Action::ToggleSelect(_) => Mode::View,
        };
        let rank = |mode: Mode| mode as u8;
        (rank(self.mode) < rank(needs)).then(|| match self.mode {
            Mode::View => "This figure is for looking only.".to_string(),
            _ => "This figure can be run, not changed.".to_string(),
        })
    }

    fn save(&self) -> Effect {
        Effect::Save(codec::encode(&self.document))
    }

    /// Makes an edit; the run goes on with the changed drawing.
    #[inline(never)]
    fn edit(&mut self, edit: &Edit, key: Option<String>) -> Vec<Effect> {
        match self.change(edit) {
            Ok(inverse) => {
                self.history.note(Step::Edit { edit: inverse, key });
                vec![self.save()]
            }
            Err(error) => vec![Effect::Refuse(error)],
        }
    }

    fn change(&mut self, edit: &Edit) -> Result<Edit, String> {
        let mut document = (*self.document).clone();
        let inverse = edit::apply(edit, &mut document).map_err(|error| error.to_string())?;
        let before = self.redraw(document);
        let seed_changed = before.seed != self.document.seed;
        let document = self.document.clone();
        if seed_changed || (edit.affects_run() && self.at_the_start()) {
            self.begin();
        } else if edit.affects_run() {
            self.timeline.intervene(Intervention::Document(document));
        }
        Ok(inverse)
    }

    /// One step of undo or redo: what is taken from one stack is done, and its inverse goes onto the other.
    #[inline(never)]
    fn travel(
        &mut self,
        take: fn(&mut History) -> Option<Step>,
        give: fn(&mut History, Step),
        nothing: &str,
    ) -> Vec<Effect> {
        match take(&mut self.history) {
            None => vec![Effect::Announce(nothing.to_string())],
            Some(Step::Document(document)) => {
                let before = self.replace(*document);
                give(&mut self.history, Step::Document(Box::new(before)));
                vec![self.save()]
            }
            Some(Step::Drawing(document)) => {
                let before = self.redraw(*document);
                self.timeline.intervene(Intervention::Document(self.document.clone()));
                give(&mut self.history, Step::Drawing(Box::new(before)));
                vec![self.save()]
            }
            Some(Step::Edit { edit, key }) => match self.change(&edit) {
                Ok(inverse) => {
                    give(&mut self.history, Step::Edit { edit: inverse, key });
                    vec![self.save()]
                }
                // An inverse that does not fit would be a defect of the edits; the document is as it was.
                Err(error) => vec![Effect::Refuse(error)],
            },
        }
    }

    /// Makes another document the drawing, and gives the one before.
    fn redraw(&mut self, document: Document) -> Document {
        let before = (*self.document).clone();
        self.document = Rc::new(document);
        self.layout = Rc::new(Layout::of(&self.document));
        self.problems = Rc::new(validate(&self.document));
        self.deselect_missing();
        before
    }

    #[inline(never)]
    fn replace(&mut self, document: Document) -> Document {
        let before = self.redraw(document);
        self.selection = Selection::default();
        self.pause();
        self.begin();
        before
    }

    /// Nothing is selected that is not in the document.
    fn deselect_missing(&mut self) {
        let document = &self.document;
        self.selection.retain(|id| document.node(id).is_some() || document.wire(id).is_some());
    }

    /// Takes up a branch of the run, with the drawing that belongs to it.
    #[inline(never)]
    fn switch_branch(&mut self, branch: usize) -> Vec<Effect> {
        self.pause();
        if !self.timeline.switch_to(branch) {
            return vec![Effect::Refuse("That branch of the run is not there any more.".to_string())];
        }
        let drawing = branches::drawing_of(&self.timeline, &self.origin, &self.document);
        if drawing.same_drawing(&self.document) {
            return Vec::new();
        }
        let before = self.redraw(drawing);
        self.history.note(Step::Drawing(Box::new(before)));
        vec![self.save()]
    }

    /// Begins the run of the drawing as it is now.
    fn begin(&mut self) {
        self.origin = self.document.clone();
        self.timeline = start(&self.document);
    }

    fn at_the_start(&self) -> bool {
        self.timeline.furthest() == Time::ZERO && self.run().steps() == 0
    }
}

/// A new run of a document.
fn start(document: &Rc<Document>) -> Timeline<Run> {
    Timeline::new(Run::new(document.clone(), TraceMode::Full).0)
}

// Time.
impl Session {
    fn transport(&mut self, transport: Transport) -> Vec<Effect> {
        match transport {
            Transport::Play => self.play(),
            Transport::Pause => self.pause(),
            Transport::Toggle if self.playing => self.pause(),
            Transport::Toggle => self.play(),
            Transport::StepForward => self.step_forward(),
            Transport::StepBack => self.step_back(),
            Transport::RunToEnd => {
                self.play();
                self.to_end = true;
            }
            Transport::Reset => {
                self.pause();
                self.begin();
            }
            Transport::Seek(time) => self.timeline.seek_time(time),
            Transport::SetSpeed(speed) if speed.is_finite() => self.speed = speed.clamp(SPEED_RANGE.0, SPEED_RANGE.1),
            Transport::SetSpeed(_) => {}
        }
        match self.run().simulation().halted() {
            Some(reason) => vec![Effect::Refuse(format!("The run can't go on: {reason}."))],
            None => Vec::new(),
        }
    }

    fn play(&mut self) {
        if self.now() >= self.end() {
            self.begin();
        }
        self.playing = true;
        self.debt = 0.0;
    }

    fn pause(&mut self) {
        self.playing = false;
        self.to_end = false;
    }

    fn step_forward(&mut self) {
        self.pause();
        let recorded = self.run().simulation().events_recorded();
        for _ in 0..QUIET_STEPS_MAX {
            let steps = self.run().steps();
            self.timeline.seek_steps(steps + 1);
            if self.run().steps() == steps || self.run().simulation().events_recorded() > recorded {
                return;
            }
        }
    }

    fn step_back(&mut self) {
        self.pause();
        let recorded = self.run().simulation().events_recorded();
        for _ in 0..QUIET_STEPS_BACK_MAX {
            let steps = self.run().steps();
            if steps == 0 {
                self.timeline.seek_time(Time::ZERO);
                self.timeline.seek_steps(0);
                return;
            }
            self.timeline.seek_steps(steps - 1);
            if self.run().simulation().events_recorded() < recorded {
                return;
            }
        }
    }

    /// Lets real time go by: the run advances by as much virtual time as the speed says, as far as the work of one
    /// frame allows.
    pub fn tick(&mut self, real_seconds: f64) -> Vec<Effect> {
        if !self.playing {
            return Vec::new();
        }
        if self.to_end {
            let end = self.end();
            self.timeline.advance(end, TO_END_STEPS_MAX);
        } else {
            let wanted = self.debt + real_seconds.clamp(0.0, 0.25) * self.speed * 1e9;
            let whole = wanted.floor();
            self.debt = wanted - whole;
            let target = (self.now() + Duration(whole as u64)).min(self.end());
            self.lagging = !self.timeline.advance(target, FRAME_STEPS_MAX);
        }
        if let Some(reason) = self.run().simulation().halted() {
            self.pause();
            return vec![Effect::Refuse(format!("The run can't go on: {reason}."))];
        }
        if self.now() >= self.end() {
            self.pause();
            return vec![Effect::Announce(format!("The run has reached its end, {}.", self.end()))];
        }
        Vec::new()
    }

    /// Where a run ends: the document's length, or how far it has been run already.
    pub fn end(&self) -> Time {
        (Time::ZERO + self.document.until).max(self.timeline.furthest())
    }
}

// Looking.
impl Session {
    /// The document.
    pub fn document(&self) -> &Rc<Document> {
        &self.document
    }

    /// Its geometry.
    pub fn layout(&self) -> &Rc<Layout> {
        &self.layout
    }

    /// What is wrong or unfinished in it.
    pub fn problems(&self) -> &Rc<Vec<Problem>> {
        &self.problems
    }

    /// The run.
    pub fn run(&self) -> &Run {
        self.timeline.world()
    }

    /// The timeline of the run.
    pub fn timeline(&self) -> &Timeline<Run> {
        &self.timeline
    }

    /// The branches of the run: the one that is shown, and those that were left when the past was changed.
    pub fn branches(&self) -> branches::Branches {
        branches::named(&self.timeline, &self.origin)
    }

    /// The clock of the run.
    pub fn now(&self) -> Time {
        self.run().now()
    }

    /// What is selected.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// What may be done.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the run goes on.
    pub fn playing(&self) -> bool {
        self.playing
    }

    /// Virtual seconds per second.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Whether the run was too much work for the last frame, so that its clock goes slower than asked.
    pub fn lagging(&self) -> bool {
        self.playing && self.lagging
    }

    /// Whether something can be taken back.
    pub fn can_undo(&self) -> bool {
        self.mode == Mode::Edit && self.history.can_undo()
    }

    /// Whether something can be made again.
    pub fn can_redo(&self) -> bool {
        self.mode == Mode::Edit && self.history.can_redo()
    }
}
