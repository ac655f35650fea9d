//! What the page does about what happens on it.

use super::*;

use crate::diagram::svg::{scenario_from_svg, to_svg};
use crate::diagram::topology::{topology, FlightView, TopologyInput};
use crate::model::node_kind;
use crate::scenario::{codec, library};
use crate::session::gesture::place_outcome;

impl App {
    /// Handles one message; true if the page must be drawn again.
    pub(super) fn perform(&mut self, message: Msg) -> bool {
        match message {
            Msg::Frame(time) => return self.frame(time),
            Msg::WindowMove(at) => return self.palette_move(at),
            Msg::WindowUp(at) => return self.palette_up(at),
            Msg::Pointer(what, pointer) => return self.pointer(what, pointer),
            Msg::Wheel { at, delta, zoom } => self.wheel(at, delta, zoom),
            Msg::Act(action) => self.act(action),
            Msg::Command(command) => self.command(command),
            Msg::DoubleTap(at) => self.double_tap(at),
            Msg::Arm(armed) => {
                self.gesture.armed = armed;
                self.palette_open = false;
                self.inspector_open = false;
            }
            Msg::PaletteDown(kind, at) => {
                self.drag = Some(PaletteDrag { kind, from: at, at, moving: false });
                return false;
            }
            Msg::PlaceInMiddle(kind) => {
                let size = self.canvas_size();
                self.place(&kind, (size.0 / 2.0, size.1 / 2.0));
            }
            Msg::QuickPick(kind) => self.quick_pick(&kind),
            Msg::Dock(dock) => {
                if dock.followed.is_some() && dock.followed != self.dock.followed {
                    self.inspector_open = true;
                }
                self.dock = dock;
                self.look(true);
            }
            Msg::Switching(ask) => self.switching(ask),
            Msg::Console(node, line) => self.speak(node, &line),
            Msg::LookInside => {
                self.dock.left = Tab::Inside;
                self.look(true);
            }
            Msg::ExportDock(tab) => self.export_dock(tab),
            Msg::ExportTopology => self.export_topology(),
            Msg::ExportDocument => {
                let document = self.session.document();
                let name = browser::file_name(&document.title, "json");
                browser::download(&name, "application/json", &codec::encode(document));
            }
            Msg::OpenReady(id) => match library::document(id) {
                Some(document) => self.open((*document).clone()),
                None => self.say(format!("There is no scenario called {id}."), true),
            },
            Msg::OpenEmpty => self.open(Document::default()),
            Msg::OpenText(name, bytes) => self.open_text(&name, &bytes),
            other => self.show(other),
        }
        true
    }

    /// Handles a message about what is shown, and not about the drawing or its run.
    fn show(&mut self, message: Msg) {
        match message {
            Msg::Dialog(dialog) => {
                self.close_dialog();
                self.dialog = dialog;
            }
            Msg::SwitchBranch(branch) => self.switch_branch(branch),
            Msg::Link(ask) => self.linked(ask),
            Msg::Refuse(text) => self.say(text, true),
            Msg::Say(text) => self.say(text, false),
            Msg::Hush(number) => self.words.retain(|word| word.number != number),
            Msg::ToggleTheme => {
                self.theme = if self.theme == Theme::Dark { Theme::Light } else { Theme::Dark };
                browser::set_root_attribute("data-theme", theme_name(self.theme));
                browser::keep_theme(theme_name(self.theme));
            }
            Msg::TogglePalette => self.palette_open = !self.palette_open,
            Msg::CloseInspector => {
                self.inspector_open = false;
                if !self.moved {
                    self.fit();
                }
            }
            Msg::ShowDocument => {
                self.act(Action::Select(Vec::new()));
                self.inspector_open = true;
            }
            Msg::Resized => {
                self.refit = true;
                if !self.moved || !self.fitted {
                    self.fit();
                }
                self.look(true);
            }
            _ => {}
        }
    }

    /// Says something for a while.
    #[inline(never)]
    pub(super) fn say(&mut self, text: String, refusal: bool) {
        self.word_count += 1;
        let number = self.word_count;
        self.words.retain(|word| word.text != text);
        if self.words.len() >= 3 {
            self.words.remove(0);
        }
        self.words.push(Word { number, text, refusal });
        let send = self.send.clone();
        let wait = if refusal { 2 * WORD_MS } else { WORD_MS };
        self.timers.push(Timeout::new(wait, move || send.emit(Msg::Hush(number))));
        if self.timers.len() > 8 {
            // Dropping a timer stops it, and its word has been pushed out by newer ones.
            drop(self.timers.remove(0));
        }
    }

    pub(super) fn act(&mut self, action: Action) {
        let opens = matches!(action, Action::Select(_) | Action::ToggleSelect(_));
        let effects = self.session.dispatch(action);
        self.effects(effects);
        if opens && self.session.selection().ids().is_empty() {
            self.inspector_open = false;
        }
        self.greet = self.greet && self.session.now().0 == 0;
        self.look(true);
        self.wake();
    }

    fn effects(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Save(text) => {
                    if self.keeps && !browser::keep_document(&text) && !self.save_refused {
                        self.save_refused = true;
                        let text =
                            "This browser does not let the page keep your work. Save it as a file before you leave.";
                        self.say(text.to_string(), true);
                    }
                    browser::set_title(&title(self.session.document()));
                }
                Effect::Announce(text) => self.say(text, false),
                Effect::Refuse(text) => self.say(text, true),
            }
        }
    }

    /// Closes the dialog that is open; true if one was.
    #[inline(never)]
    pub(super) fn close_dialog(&mut self) -> bool {
        // Without its listener, or its end would be told once more.
        self.modal_closes = None;
        if self.dialog.is_some() {
            close_modal(&self.modal);
        }
        self.dialog.take().is_some()
    }

    #[inline(never)]
    pub(super) fn open(&mut self, document: Document) {
        self.close_dialog();
        self.gesture.cancel();
        self.dock.followed = None;
        self.act(Action::Open(Box::new(document)));
        self.greet = true;
        self.moved = false;
        self.follow_script();
        self.fit();
        self.look(true);
    }

    /// A drawing that only a script drives is followed at the console: what happens is what is answered.
    pub(super) fn follow_script(&mut self) {
        match to_follow(self.session.document()) {
            Some(script) => {
                self.dock.console = script.to_string();
                self.dock.left = Tab::Console;
            }
            None if self.dock.left == Tab::Console => self.dock.left = Tab::Sequence,
            None => {}
        }
    }

    /// Opens a file: a document, or a picture that carries one. What is open stays if it can't be read.
    #[inline(never)]
    fn open_text(&mut self, name: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let inner = if text.trim_start().starts_with('<') { scenario_from_svg(&text) } else { None };
        let decoded = match &inner {
            Some(inner) => codec::decode(inner),
            None => codec::decode_bytes(bytes),
        };
        match decoded {
            Ok(document) => {
                self.open(document);
                self.say(format!("Opened {name}. Undo brings back what was open."), false);
            }
            Err(error) => self.say(format!("{name} can't be opened: {error}. What was open is still open."), true),
        }
    }

    /// Takes up another branch of the run.
    #[inline(never)]
    fn switch_branch(&mut self, branch: usize) {
        self.close_dialog();
        self.dock.followed = None;
        self.act(Action::SwitchBranch(branch));
        self.say(
            format!("Shown from where the branches part, {}. Press play to see it again.", self.session.now()),
            false,
        );
    }

    /// Says a line to a broker.
    fn speak(&mut self, node: String, line: &str) {
        match super::super::console::refusal(&self.session, &node) {
            Some(refusal) => self.say(refusal, true),
            None => self.act(Action::Command { node, command: format!("console {line}") }),
        }
        self.look(true);
    }

    #[inline(never)]
    fn export_dock(&mut self, tab: Tab) {
        let size = (900.0, 520.0);
        let drawing = match tab {
            Tab::Sequence => super::super::dock::sequence_drawing(&self.session, &self.dock, size),
            _ => super::super::dock::depth_drawing(&self.session, size),
        };
        let name = format!("{} {}", self.session.document().title, tab.label());
        browser::download(&browser::file_name(&name, "svg"), "image/svg+xml", &to_svg(&drawing, self.theme, None));
    }

    #[inline(never)]
    fn export_topology(&mut self) {
        let (session, layout) = (&self.session, self.session.layout());
        let document = session.document();
        let run = session.run();
        let nodes = document.nodes.iter().zip(&self.snapshot.nodes).map(|(node, view)| {
            let mut view = (**view).clone();
            view.selected = false;
            (node.id.clone(), view)
        });
        let wires = document.wires.iter().zip(&self.snapshot.wires).map(|(wire, view)| {
            let mut view = (**view).clone();
            view.selected = false;
            (wire.id.clone(), view)
        });
        let names = run.names();
        let flights: Vec<FlightView> = run
            .simulation()
            .in_flight()
            .into_iter()
            .map(|flight| FlightView {
                wire: names.link(flight.link).to_string(),
                forward: flight.direction == 0,
                fraction: super::super::flights::fraction(flight.sent, flight.arrives, session.now()),
                what: flight.what,
                message: flight.message,
            })
            .collect();
        let drawing = topology(&TopologyInput {
            document,
            layout,
            nodes: &nodes.collect(),
            wires: &wires.collect(),
            flights: &flights,
            clock: session.now().to_string(),
        });
        let text = to_svg(&drawing, self.theme, Some(&codec::encode(document)));
        browser::download(&browser::file_name(&document.title, "svg"), "image/svg+xml", &text);
    }

    /// Asks for a frame if something moves.
    pub(super) fn wake(&mut self) {
        if self.session.playing() && self.frame.is_none() {
            let send = self.send.clone();
            self.frame = Some(request_animation_frame(move |time| send.emit(Msg::Frame(time))));
        }
    }

    /// Lets time go by, draws what moves, and looks at the rest from time to time.
    fn frame(&mut self, time: f64) -> bool {
        self.frame = None;
        let elapsed = self.last_frame.map_or(0.0, |last| (time - last) / 1000.0);
        self.last_frame = Some(time);
        let was_playing = self.session.playing();
        let effects = self.session.tick(elapsed);
        let spoke = !effects.is_empty();
        self.effects(effects);
        if self.session.playing() {
            self.wake();
        } else {
            self.last_frame = None;
        }
        if self.greet && self.session.now().0 > 0 {
            self.greet = false;
            if !self.moved {
                // The greeting has gone; the drawing has the whole canvas.
                self.fit();
            }
        }
        self.draw_flights();
        let ended = was_playing && !self.session.playing();
        if spoke || ended || time - self.looked >= LOOK_MS {
            self.looked = time;
            if spoke || ended {
                self.look(true);
            } else {
                self.look(false);
                // One page of the dock at a time, so that no frame has the work of all.
                if time - self.dock_looked >= DOCK_MS {
                    self.dock_looked = time;
                    self.dock_turn = (self.dock_turn + 1) % 3;
                    self.look_at_dock(self.dock_turn);
                }
            }
            return true;
        }
        false
    }

    /// Reads what the page shows from the session; the dock only when it is due.
    pub(super) fn look(&mut self, dock: bool) {
        let parts = self.session.document().nodes.len().max(self.session.document().wires.len());
        let range = if dock || parts <= PARTS_PER_LOOK {
            0..usize::MAX
        } else {
            let start = if self.look_next >= parts { 0 } else { self.look_next };
            self.look_next = start + PARTS_PER_LOOK;
            start..self.look_next
        };
        self.snapshot = Rc::new(snapshot(&self.session, &self.snapshot, range));
        if !self.session.playing() {
            self.last_frame = None;
        }
        if dock {
            (0..3).for_each(|turn| self.look_at_dock(turn));
        }
    }

    /// Reads the inspector's numbers, the left or the right page of the dock.
    fn look_at_dock(&mut self, turn: u8) {
        if self.embed && self.session.mode() == Mode::View {
            return;
        }
        match turn {
            0 => self.findings = Rc::new(findings(&self.session, &self.dock)),
            1 if !self.embed => {
                self.left =
                    content(&self.session, &mut self.books, &self.dock, self.dock.left, pane_size(&self.left_pane));
            }
            2 if !self.embed => {
                // A narrow screen has no right page; nothing is made for it.
                let size = pane_size(&self.right_pane);
                if size.0 > 0.0 {
                    self.right = content(&self.session, &mut self.books, &self.dock, self.dock.right, size);
                }
            }
            _ => {}
        }
    }

    pub(super) fn draw_flights(&mut self) {
        let layout = self.layout().clone();
        if let Some(flights) = &mut self.flights {
            flights.draw(&self.session, &layout, self.view, self.theme);
        }
    }

    pub(super) fn canvas_size(&self) -> (f64, f64) {
        let element = self.surface.cast::<HtmlElement>();
        element
            .map_or((900.0, 500.0), |element| (f64::from(element.client_width()), f64::from(element.client_height())))
    }

    /// Shows the whole drawing.
    pub(super) fn fit(&mut self) {
        let size = self.canvas_size();
        if size.0 < 10.0 || size.1 < 10.0 {
            return;
        }
        self.fitted = true;
        // On a narrow screen the greeting takes the lower part.
        let begun = self.session.now().0 > 0 || self.session.document().about.is_empty();
        let covered = match size.0 < NARROW {
            true if self.greets() && !begun => GREETING_HEIGHT,
            true => TOOLS_HEIGHT,
            false => 0.0,
        };
        let size = (size.0, (size.1 - covered).max(120.0));
        self.view = match self.session.layout().bounds() {
            Some(bounds) => View::fitting(bounds, size, 1.15),
            None => View { origin: (-size.0 / 2.0, -size.1 / 2.0), zoom: 1.0 },
        };
    }

    /// Places a part at a point of the canvas.
    #[inline(never)]
    pub(super) fn place(&mut self, kind: &str, at: Point) {
        let (plane, hit) = (self.view.to_plane(at), self.scene().hit(at, false));
        let outcomes = place_outcome(kind, plane, &hit, &self.scene());
        self.outcomes(outcomes);
    }

    fn palette_move(&mut self, at: Point) -> bool {
        let Some(drag) = &mut self.drag else { return false };
        drag.at = at;
        let far = libm::hypot(at.0 - drag.from.0, at.1 - drag.from.1) > PALETTE_SLOP;
        if far && !drag.moving {
            drag.moving = true;
            self.palette_open = false;
        }
        drag.moving
    }

    fn palette_up(&mut self, at: Option<Point>) -> bool {
        let Some(drag) = self.drag.take() else { return false };
        let (Some(at), true) = (at, drag.moving) else { return drag.moving };
        let rect = self.surface.cast::<HtmlElement>().map(|element| element.get_bounding_client_rect());
        if let Some(rect) = rect {
            let at = (at.0 - rect.left(), at.1 - rect.top());
            if at.0 >= 0.0 && at.1 >= 0.0 && at.0 <= rect.width() && at.1 <= rect.height() {
                self.place(&drag.kind, at);
            }
        }
        true
    }
}

/// The console whose script drives the drawing, by its id: nothing else in it sends anything.
fn to_follow(document: &Document) -> Option<&str> {
    let kinds = || document.nodes.iter().filter_map(|node| Some((node, node_kind(&node.kind)?)));
    if kinds().any(|(_, kind)| kind.makes()) {
        return None;
    }
    kinds().find(|(_, kind)| kind.talks()).map(|(node, _)| node.id.as_str())
}

/// Below this width, in pixels, panels stack; the style sheet has the same number.
const NARROW: f64 = 760.0;
/// The room that a greeting takes there, in pixels.
const GREETING_HEIGHT: f64 = 200.0;

/// The room that the buttons for the view take there.
const TOOLS_HEIGHT: f64 = 48.0;

impl App {
    /// On a narrow screen the inspector comes over the lower part: what it is about stays in sight above it.
    pub(super) fn keep_in_sight(&mut self) {
        let size = self.canvas_size();
        if !self.inspector_open || size.0 >= NARROW {
            return;
        }
        let room = browser::window_height() * (1.0 - SHEET_PART) - HEADER_HEIGHT;
        let selected = self.session.selection().single();
        let Some(frame) = selected.and_then(|id| self.session.layout().frame(id)) else { return };
        let (_, below) = self.view.to_screen((frame.left, frame.bottom()));
        if below > room {
            self.view = self.view.panned((0.0, room - below - 8.0));
        }
    }
}

/// The greatest part of the window's height that a sheet takes, and the height of the header, as in the style sheet.
const SHEET_PART: f64 = 0.62;
const HEADER_HEIGHT: f64 = 48.0;

/// The room of a page of the dock.
fn pane_size(pane: &NodeRef) -> (f64, f64) {
    let element = pane.cast::<HtmlElement>();
    element.map_or((0.0, 0.0), |element| (f64::from(element.client_width()), f64::from(element.client_height())))
}
