//! The root of the page: it owns the session, lets time go by, and hands everything below what it shows.

use std::rc::Rc;

use gloo_events::EventListener;
use gloo_render::{request_animation_frame, AnimationFrame};
use gloo_timers::callback::Timeout;
use web_sys::HtmlElement;
use yew::prelude::*;

use crate::diagram::geometry::{Point, Side};
use crate::diagram::layout::Layout;
use crate::diagram::palette::Theme;
use crate::scenario::document::Document;
use crate::scenario::instantiate::Intervention;
use crate::session::gesture::{Armed, Scene};
use crate::session::{Action, Effect, Gesture, Mode, Outcome, Pointer, Session, View};

use super::browser;
use super::canvas::{view_tools, Canvas};
use super::dialogs::{close_modal, dialogs, open_modal, place_offer, Dialog, QuickAdd, Shown};
use super::dock::{content, Content, DockState, Pane, Tab};
use super::flights::FlightLayer;
use super::guarantees::Books;
use super::icons::{glyph, logo};
use super::inspector::{findings, Findings, Inspector};
use super::keys::Command;
use super::palette::palette;
use super::snapshot::{snapshot, Snapshot, PARTS_PER_LOOK};
use super::transport::{at, part_of, transport_bar, TransportProps};

mod around;
mod commands;
mod linked;
mod perform;
mod switching;

use around::{chosen_theme, listeners, theme_name};

/// Milliseconds between two looks at nodes and numbers while the run goes on; messages move every frame.
const LOOK_MS: f64 = 40.0;
/// Milliseconds between two looks at a part of the dock, which is more work; there are three parts, taken in turn.
const DOCK_MS: f64 = 80.0;
/// How long a word to the person stays, in milliseconds.
const WORD_MS: u32 = 6_000;
/// How far a part must be dragged out of the palette to be dragged at all, in pixels.
const PALETTE_SLOP: f64 = 6.0;

/// What a pointer did on the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerEvent {
    /// It went down.
    Down,
    /// It moved.
    Move,
    /// It went up.
    Up,
    /// The browser took it away.
    Cancel,
}

/// What happens on the page.
pub enum Msg {
    /// Something of the session is asked for.
    Act(Action),
    /// Something is asked for by key or button.
    Command(Command),
    /// A frame is due; the argument is its time in milliseconds.
    Frame(f64),
    /// A pointer on the canvas.
    Pointer(PointerEvent, Pointer),
    /// A double click or double tap on the canvas.
    DoubleTap(Point),
    /// The wheel over the canvas.
    Wheel { at: Point, delta: Point, zoom: bool },
    /// The next tap does this.
    Arm(Armed),
    /// A part was pressed in the palette, at a point of the window.
    PaletteDown(String, Point),
    /// A pointer moved anywhere, while a part is dragged out of the palette.
    WindowMove(Point),
    /// It went up; or, with none, was taken away.
    WindowUp(Option<Point>),
    /// Place a part in the middle of what is shown.
    PlaceInMiddle(String),
    /// A kind was chosen in the quick add list.
    QuickPick(String),
    /// Other pages of the dock, or other filters.
    Dock(DockState),
    /// Something that the dialogs about broker products ask for.
    Switching(super::switch::Ask),
    /// Say this line to this broker.
    Console(String, String),
    /// Look into the selected part.
    LookInside,
    /// Save a picture of a page of the dock.
    ExportDock(Tab),
    /// Save a picture of the drawing.
    ExportTopology,
    /// Save the document as a file.
    ExportDocument,
    /// Open a ready scenario.
    OpenReady(&'static str),
    /// Open the text of a file of this name.
    OpenText(String, Vec<u8>),
    /// Begin with nothing.
    OpenEmpty,
    /// Open a dialog, or close the one that is open.
    Dialog(Option<Dialog>),
    /// Take up this branch of the run.
    SwitchBranch(usize),
    /// Something about links that carry drawings.
    Link(super::link::Ask),
    /// Say that something can't be done.
    Refuse(String),
    /// Say something.
    Say(String),
    /// The words have been there long enough.
    Hush(u32),
    /// Light to dark or back.
    ToggleTheme,
    /// Show or hide the palette on a narrow screen.
    TogglePalette,
    /// Hide the inspector on a narrow screen.
    CloseInspector,
    /// Show the drawing's own settings and its list of parts.
    ShowDocument,
    /// The window has another size.
    Resized,
}

/// Words to the person.
#[derive(Clone, PartialEq)]
struct Word {
    number: u32,
    text: String,
    refusal: bool,
}

/// A part on its way out of the palette.
struct PaletteDrag {
    kind: String,
    from: Point,
    at: Point,
    moving: bool,
}

/// The page.
pub struct App {
    session: Session,
    gesture: Gesture,
    /// The geometry while parts are dragged: the wires follow.
    dragged: Option<Rc<Layout>>,
    view: View,
    /// Whether the view has been fitted to the canvas yet.
    fitted: bool,
    /// Whether a person has moved the view.
    moved: bool,
    theme: Theme,
    embed: bool,
    keeps: bool,
    greet: bool,
    dock: DockState,
    books: Books,
    left: Content,
    right: Content,
    snapshot: Rc<Snapshot>,
    findings: Rc<Findings>,
    dialog: Option<Dialog>,
    quick_add: Option<QuickAdd>,
    drag: Option<PaletteDrag>,
    words: Vec<Word>,
    word_count: u32,
    save_refused: bool,
    palette_open: bool,
    inspector_open: bool,
    surface: NodeRef,
    layer: NodeRef,
    modal: NodeRef,
    modal_closes: Option<EventListener>,
    offer: NodeRef,
    /// The list that was last moved to its place.
    offered: Option<QuickAdd>,
    left_pane: NodeRef,
    right_pane: NodeRef,
    flights: Option<FlightLayer>,
    /// The canvas may have another size.
    refit: bool,
    frame: Option<AnimationFrame>,
    last_frame: Option<f64>,
    looked: f64,
    dock_looked: f64,
    /// The first part of the drawing that the next look reads, when there are too many for one.
    look_next: usize,
    /// Which part of the dock was looked at last.
    dock_turn: u8,
    timers: Vec<Timeout>,
    send: Callback<Msg>,
    _listeners: Vec<EventListener>,
}

/// Puts the page into the document.
pub fn start() {
    if let Some(splash) = browser::window().and_then(|window| window.document()?.get_element_by_id("splash")) {
        splash.remove();
    }
    yew::Renderer::<App>::new().render();
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(context: &Context<App>) -> App {
        let start = super::start::start();
        let theme = chosen_theme();
        browser::set_root_attribute("data-theme", theme_name(theme));
        if start.embed {
            browser::set_root_attribute("data-embed", "1");
        }
        let send = context.link().callback(|message: Msg| message);
        let session = Session::new(start.document, start.mode);
        let mut app = App {
            left: Content::Nothing,
            right: Content::Nothing,
            snapshot: Rc::default(),
            findings: Rc::default(),
            session,
            gesture: Gesture::default(),
            dragged: None,
            view: View::default(),
            fitted: false,
            moved: false,
            theme,
            embed: start.embed,
            keeps: start.keeps,
            greet: start.first_visit || start.embed,
            dock: DockState::default(),
            books: Books::default(),
            dialog: super::switch::asked_for(),
            quick_add: None,
            drag: None,
            words: Vec::new(),
            word_count: 0,
            save_refused: false,
            palette_open: false,
            inspector_open: false,
            surface: NodeRef::default(),
            layer: NodeRef::default(),
            modal: NodeRef::default(),
            modal_closes: None,
            offer: NodeRef::default(),
            offered: None,
            left_pane: NodeRef::default(),
            right_pane: NodeRef::default(),
            flights: None,
            refit: true,
            frame: None,
            last_frame: None,
            looked: 0.0,
            dock_looked: 0.0,
            dock_turn: 0,
            look_next: 0,
            timers: Vec::new(),
            _listeners: listeners(&send),
            send,
        };
        app.follow_script();
        start.complaints.into_iter().for_each(|complaint| app.say(complaint, true));
        app.look(true);
        app
    }

    fn update(&mut self, _: &Context<App>, message: Msg) -> bool {
        self.perform(message)
    }

    fn rendered(&mut self, _: &Context<App>, first: bool) {
        if self.flights.is_none() {
            self.flights = super::canvas::layer_element(&self.layer).and_then(FlightLayer::on);
        }
        if first {
            browser::set_title(&title(self.session.document()));
            self.fit();
            self.look(true);
            self.send.emit(Msg::Resized);
            if browser::linked().is_some() {
                self.send.emit(Msg::Link(super::link::Ask::Read));
            }
        }
        if let Some(flights) = self.flights.as_mut().filter(|_| self.refit || !self.session.playing()) {
            flights.fit(browser::pixel_ratio());
            self.refit = false;
        }
        if self.dialog.is_some() {
            if let Some(listener) = open_modal(&self.modal, &self.send) {
                self.modal_closes = Some(listener);
            }
        }
        if self.offered != self.quick_add {
            self.offered.clone_from(&self.quick_add);
            self.offered.iter().for_each(|quick_add| place_offer(&self.offer, quick_add));
        }
        // While the run goes on, the next frame draws anyway.
        if !self.session.playing() {
            self.draw_flights();
        }
    }

    fn view(&self, _: &Context<App>) -> Html {
        let class = classes!(
            "app",
            self.embed.then_some("embed"),
            self.palette_open.then_some("palette-open"),
            self.inspector_open.then_some("inspector-open"),
        );
        let edit = self.session.mode() == Mode::Edit;
        html! {
            <div {class}>
                if !self.embed { { self.header() } }
                if !self.embed || edit { { self.palette() } }
                <main class="canvas">
                    <h1 class="away">{ title(self.session.document()) }</h1>
                    <Canvas document={self.session.document().clone()} layout={self.layout().clone()} snapshot={self.snapshot.clone()}
                        view={self.view} gesture={self.gesture.clone()} mode={self.session.mode()} surface={self.surface.clone()}
                        layer={self.layer.clone()} send={self.send.clone()} />
                    { self.armed_bar() }
                    { self.greeting() }
                    { view_tools(&self.send) }
                    { self.words_html() }
                </main>
                { self.transport() }
                if !self.embed {
                    <section class="dock" aria-label="What happened">
                        { self.pane("left") }
                        { self.pane("right") }
                    </section>
                }
                if !self.embed || edit || self.may_inspect() {
                    <div class="inspector-sheet">
                        { self.sheet_close("Close the inspector", || Msg::CloseInspector) }
                        <Inspector document={self.session.document().clone()} problems={self.session.problems().clone()}
                            selected={self.session.selection().ids().to_vec()} findings={self.findings.clone()} mode={self.session.mode()}
                            dock={self.dock.clone()} send={self.send.clone()} />
                    </div>
                }
                { self.ghost() }
                { self.dialogs() }
            </div>
        }
    }
}

/// The title of the page.
fn title(document: &Document) -> String {
    if document.title.is_empty() {
        "Patchbay".to_string()
    } else {
        format!("{} · Patchbay", document.title)
    }
}

// What the page shows.
impl App {
    fn click(&self, message: fn() -> Msg) -> Callback<MouseEvent> {
        let send = self.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(message()))
    }

    fn header(&self) -> Html {
        let tool = |label: &'static str,
                    icon: &'static str,
                    class: &'static str,
                    enabled: bool,
                    message: fn() -> Msg| {
            html! {
                <button class={classes!("tool", class)} aria-label={label} title={label} disabled={!enabled} onclick={self.click(message)}>{ glyph(icon) }</button>
            }
        };
        let theme = if self.theme == Theme::Dark { "sun" } else { "moon" };
        html! {
            <header>
                <button class="brand" title="The drawing: its title, seed, length and parts" onclick={self.click(|| Msg::ShowDocument)}>
                    { logo() }<b>{ "Patchbay" }</b>
                </button>
                <span class="document">{ self.session.document().title.clone() }</span>
                <span class="spacer"></span>
                { tool("Add a part", "plus", "narrow", self.session.mode() == Mode::Edit, || Msg::TogglePalette) }
                { tool("Undo", "undo", "", self.session.can_undo(), || Msg::Act(Action::Undo)) }
                { tool("Redo", "redo", "", self.session.can_redo(), || Msg::Act(Action::Redo)) }
                { tool("Save a picture", "download", "wide", true, || Msg::ExportTopology) }
                { tool("Light or dark", theme, "wide", true, || Msg::ToggleTheme) }
                { tool("Keys", "help", "wide", true, || Msg::Dialog(Some(Dialog::Keys))) }
                <button onclick={self.click(|| Msg::Dialog(Some(Dialog::Gallery)))}>{ "Open" }</button>
                <button class="primary" onclick={self.click(|| Msg::Dialog(Some(Dialog::Share)))}>{ "Share" }</button>
            </header>
        }
    }

    fn sheet_close(&self, label: &'static str, message: fn() -> Msg) -> Html {
        html! { <button class="tool sheet-close" aria-label={label} onclick={self.click(message)}>{ glyph("close") }</button> }
    }

    fn palette(&self) -> Html {
        let armed = match &self.gesture.armed {
            Armed::Place(kind) => Some(kind.as_str()),
            _ => None,
        };
        html! {
            <div class="palette-sheet">
                { self.sheet_close("Close the list of parts", || Msg::TogglePalette) }
                { palette(self.session.document(), armed, &self.send) }
            </div>
        }
    }

    fn transport(&self) -> Html {
        let (session, end) = (&self.session, self.session.end());
        let planned = session.document().faults.iter().map(|fault| (part_of(at(fault.at), end), fault.to.clone()));
        let done = session.timeline().interventions().filter_map(|(time, intervention)| match intervention {
            Intervention::Fault(_) => Some((part_of(time, end), "fault".to_string())),
            _ => None,
        });
        transport_bar(&TransportProps {
            playing: session.playing(),
            lagging: session.lagging(),
            now: session.now(),
            end,
            speed: session.speed(),
            seed: session.document().seed,
            branches: session.timeline().branches().len(),
            marks: planned.chain(done).take(100).collect(),
            may_run: session.mode() != Mode::View,
            may_edit: session.mode() == Mode::Edit && !self.embed,
            greet: self.greet && !session.playing(),
            send: self.send.clone(),
        })
    }

    /// What the next click does, while something is armed.
    fn armed_bar(&self) -> Html {
        let label = |id: &str| self.session.document().node(id).map_or(id.to_string(), |node| node.label().to_string());
        let text = match &self.gesture.armed {
            Armed::No => return html! {},
            Armed::Place(kind) => {
                format!("Click the place for the new {}.", super::snapshot::kind_label(kind).to_ascii_lowercase())
            }
            Armed::Connect(id, Side::Left) => format!("Connect {}: click where its messages come from.", label(id)),
            Armed::Connect(id, Side::Right) => format!("Connect {}: click where its messages go.", label(id)),
            Armed::Connect(id, Side::Below) => format!("Connect {}: click where its dead letters go.", label(id)),
            Armed::Move(id) => format!("Move {}: click its new place.", label(id)),
        };
        html! {
            <div class="armed" role="status">{ text }<button onclick={self.click(|| Msg::Command(Command::Escape))}>{ "Cancel" }</button></div>
        }
    }

    /// Whether there is a word of greeting over the drawing.
    fn greets(&self) -> bool {
        self.greet && self.gesture.armed == Armed::No && self.session.mode() != Mode::View
    }

    /// What the drawing shows, until the run begins.
    fn greeting(&self) -> Html {
        let document = self.session.document();
        let begun = self.session.now().0 > 0 || self.session.playing();
        if begun || !self.greets() || document.about.is_empty() {
            return html! {};
        }
        html! {
            <section class="greeting" aria-label="What this is">
                <h2>{ document.title.clone() }</h2>
                <p>{ document.about.clone() }</p>
                <button class="primary" onclick={self.click(|| Msg::Act(Action::Transport(crate::session::Transport::Play)))}>{ glyph("play") }{ "Play" }</button>
            </section>
        }
    }

    fn words_html(&self) -> Html {
        html! {
            <div class="words">
                <div role="status" aria-live="polite">
                    for word in self.words.iter().filter(|word| !word.refusal) { <p key={word.number}>{ word.text.clone() }</p> }
                </div>
                <div role="alert">
                    for word in self.words.iter().filter(|word| word.refusal) {
                        <p key={word.number} class="refusal">{ word.text.clone() }</p>
                    }
                </div>
            </div>
        }
    }

    /// The part that is dragged out of the palette.
    fn ghost(&self) -> Html {
        let Some(drag) = self.drag.as_ref().filter(|drag| drag.moving) else { return html! {} };
        let path = crate::diagram::geometry::outline_path(&drag.kind, crate::diagram::geometry::size(&drag.kind));
        html! {
            <svg class="ghost" aria-hidden="true">
                <g transform={format!("translate({:.0} {:.0}) scale({:.3})", drag.at.0, drag.at.1, self.view.zoom)}>
                    <path d={path} />
                </g>
            </svg>
        }
    }

    /// In a figure that may be run, the inspector comes for what is selected: there one breaks and mends.
    fn may_inspect(&self) -> bool {
        self.session.mode() == Mode::Play && !self.session.selection().ids().is_empty()
    }

    fn pane(&self, side: &'static str) -> Html {
        let (tab, content, pane) = match side {
            "left" => (self.dock.left, &self.left, &self.left_pane),
            _ => (self.dock.right, &self.right, &self.right_pane),
        };
        html! {
            <Pane {side} {tab} state={self.dock.clone()} content={content.clone()} pane={pane.clone()} send={self.send.clone()} />
        }
    }

    fn dialogs(&self) -> Html {
        if self.dialog.is_none() && self.quick_add.is_none() {
            return html! {};
        }
        dialogs(&Shown {
            dialog: self.dialog.as_ref(),
            quick_add: self.quick_add.as_ref(),
            document: self.session.document(),
            session: &self.session,
            modal: &self.modal,
            offer: &self.offer,
            send: &self.send,
        })
    }

    /// The geometry that is shown.
    fn layout(&self) -> &Rc<Layout> {
        self.dragged.as_ref().unwrap_or(self.session.layout())
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            document: self.session.document(),
            layout: self.session.layout(),
            view: self.view,
            selection: self.session.selection(),
            mode: self.session.mode(),
        }
    }
}
