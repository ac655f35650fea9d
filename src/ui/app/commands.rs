//! What pointers, the wheel and keys come to.

use super::*;

use crate::diagram::geometry::{snap, Side};
use crate::scenario::edit::Edit;
use crate::session::compose;
use crate::session::gesture::Phase;

/// One grid step of the arrow keys, in drawing units.
const STEP: f64 = 12.0;

impl App {
    #[inline(never)]
    pub(super) fn pointer(&mut self, what: PointerEvent, pointer: Pointer) -> bool {
        // Moving over the canvas without pressing changes nothing, so nothing is drawn for it.
        if what == PointerEvent::Move && self.gesture.phase == Phase::Idle {
            return false;
        }
        if what == PointerEvent::Down {
            self.quick_add = None;
        }
        let mut gesture = std::mem::take(&mut self.gesture);
        let outcomes = match what {
            PointerEvent::Down => gesture.down(pointer, &self.scene()),
            PointerEvent::Move => gesture.moved(pointer, &self.scene()),
            PointerEvent::Up => gesture.up(pointer, &self.scene()),
            PointerEvent::Cancel => {
                gesture.cancel();
                Vec::new()
            }
        };
        self.gesture = gesture;
        self.dragged = self.dragged_layout();
        if what == PointerEvent::Up {
            if let [Outcome::Act(Action::Select(ids))] = outcomes.as_slice() {
                self.inspector_open = !ids.is_empty();
            }
        }
        self.outcomes(outcomes);
        if what == PointerEvent::Up {
            self.keep_in_sight();
        }
        true
    }

    /// Where everything would be if the parts under the pointer were dropped now.
    fn dragged_layout(&self) -> Option<Rc<Layout>> {
        let Phase::Dragging { ids, by, .. } = &self.gesture.phase else { return None };
        let mut document = (**self.session.document()).clone();
        for node in document.nodes.iter_mut().filter(|node| ids.contains(&node.id)) {
            node.at = snap((node.at.0 + by.0, node.at.1 + by.1));
        }
        Some(Rc::new(Layout::of(&document)))
    }

    #[inline(never)]
    pub(super) fn outcomes(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Act(action) => self.act(action),
                Outcome::View(view) => {
                    self.view = view;
                    self.moved = true;
                }
                Outcome::QuickAdd(at, with) => self.offer(at, with),
                Outcome::Say(text) => self.say(text, false),
                Outcome::Refuse(text) => self.say(text, true),
            }
        }
    }

    /// Offers the kinds that fit at a point of the plane.
    fn offer(&mut self, at: Point, with: Option<String>) {
        let kinds = match &with {
            Some(id) => compose::partners(self.session.document(), self.session.layout(), id),
            None => crate::model::KINDS.iter().map(|kind| kind.name).collect(),
        };
        if kinds.is_empty() {
            self.say("Nothing can be connected there.".into(), true);
            return;
        }
        let (screen, size) = (self.view.to_screen(at), self.canvas_size());
        let clamp = |value: f64, room: f64, most: f64| value.clamp(0.0, (most - room).max(0.0));
        let place = (clamp(screen.0, 200.0, size.0), clamp(screen.1, 190.0, size.1));
        self.quick_add = Some(QuickAdd { at, place, with, kinds });
    }

    #[inline(never)]
    pub(super) fn quick_pick(&mut self, kind: &str) {
        let Some(quick_add) = self.quick_add.take() else { return };
        let (document, layout) = (self.session.document(), self.session.layout());
        let composed = match &quick_add.with {
            Some(id) => compose::place_connected(document, layout, kind, quick_add.at, id)
                .map_err(|refusal| refusal.to_string()),
            None => {
                compose::place(document, layout, kind, quick_add.at).ok_or_else(|| "That can't be placed.".to_string())
            }
        };
        match composed {
            Ok(composed) => {
                self.act(Action::Edit(composed.edit));
                self.act(Action::Select(composed.select));
            }
            Err(text) => self.say(text, true),
        }
    }

    #[inline(never)]
    pub(super) fn double_tap(&mut self, at: Point) {
        if self.session.mode() == Mode::Edit && self.scene().hit(at, false) == crate::session::gesture::Hit::Ground {
            self.offer(self.view.to_plane(at), None);
        }
    }

    pub(super) fn wheel(&mut self, at: Point, delta: Point, zoom: bool) {
        self.moved = true;
        self.view = if zoom {
            self.view.zoomed(libm::exp(-delta.1.clamp(-120.0, 120.0) / 400.0), at)
        } else {
            self.view.panned((-delta.0, -delta.1))
        };
    }

    #[inline(never)]
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Act(action) => self.act(action),
            Command::Escape => self.escape(),
            Command::Zoom(factor) => {
                let size = self.canvas_size();
                self.view = self.view.zoomed(factor, (size.0 / 2.0, size.1 / 2.0));
                self.moved = true;
            }
            Command::Fit => {
                self.fit();
                self.moved = false;
            }
            Command::Nudge(x, y) => self.nudge(x, y),
            Command::Towards(x, y) => self.towards(x, y),
            Command::Connect => self.arm_selected(|id| Armed::Connect(id, Side::Right)),
            Command::Move => self.arm_selected(Armed::Move),
            Command::QuickAdd if self.session.mode() == Mode::Edit => {
                let size = self.canvas_size();
                self.offer(self.view.to_plane((size.0 / 2.0, size.1 / 2.0)), None);
            }
            Command::QuickAdd => {}
            Command::SelectAll => {
                let ids = self.session.document().nodes.iter().map(|node| node.id.clone()).collect();
                self.act(Action::Select(ids));
            }
            Command::Branches if self.session.timeline().branches().is_empty() => {
                self.say("The run has one course: nothing was changed in its past.".into(), false);
            }
            Command::Branches => self.dialog = Some(Dialog::Branches),
            Command::Help => self.dialog = Some(Dialog::Keys),
        }
    }

    fn arm_selected(&mut self, arm: impl Fn(String) -> Armed) {
        let selected = self.session.selection().single().map(str::to_string);
        match selected.filter(|id| self.session.document().node(id).is_some()) {
            Some(id) if self.session.mode() == Mode::Edit => self.gesture.armed = arm(id),
            _ => self.say("Select one part first.".into(), false),
        }
    }

    fn escape(&mut self) {
        let open = self.close_dialog() | self.quick_add.take().is_some() | self.drag.take().is_some();
        if !open && !self.gesture.cancel() {
            self.act(Action::Select(Vec::new()));
        }
    }

    fn nudge(&mut self, x: f64, y: f64) {
        let document = self.session.document();
        let chosen = document.nodes.iter().filter(|node| self.session.selection().has(&node.id));
        let moves: Vec<Edit> = chosen
            .map(|node| Edit::MoveNode { id: node.id.clone(), at: snap((node.at.0 + x * STEP, node.at.1 + y * STEP)) })
            .collect();
        if moves.is_empty() {
            self.towards(x, y);
        } else if self.session.mode() == Mode::Edit {
            self.act(Action::Adjust { key: "nudge".into(), edit: Edit::Batch(moves) });
        }
    }

    /// Selects the nearest part in a direction; without a selection, the first part.
    fn towards(&mut self, x: f64, y: f64) {
        let document = self.session.document();
        let here =
            self.session.selection().single().and_then(|id| document.node(id)).map(|node| (node.id.clone(), node.at));
        let next = match here {
            None => document.nodes.first().map(|node| node.id.clone()),
            Some((id, from)) => document
                .nodes
                .iter()
                .filter(|node| node.id != id)
                .filter_map(|node| {
                    let (dx, dy) = (node.at.0 - from.0, node.at.1 - from.1);
                    let (ahead, aside) = (dx * x + dy * y, (dx * y - dy * x).abs());
                    (ahead > 1.0).then_some((ahead + 2.0 * aside, &node.id))
                })
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .map(|(_, id)| id.clone()),
        };
        if let Some(id) = next {
            self.act(Action::Select(vec![id]));
        }
    }
}
