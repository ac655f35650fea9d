//! The dock: the run as a sequence diagram, a chart, a log and counters.

use std::rc::Rc;

use wasm_bindgen::JsCast as _;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::diagram::chart::{chart, ChartInput, ChartLine, ChartMarker, LINES_MAX};
use crate::diagram::drawing::Drawing;
use crate::diagram::guarantees::Aspect;
use crate::diagram::palette::Tone;
use crate::diagram::sequence::{drawing_order, sequence, Lifeline, SequenceInput};
use crate::diagram::story;
use crate::model::{node_kind, NodeKind, Role};
use crate::scenario::document::Node;
use crate::session::Session;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Duration, EventId, Fact, FactKind, MessageId, NodeId, Time, TraceEvent};

use super::app::Msg;
use super::console::{view, Console, View};
use super::guarantees::{table, table_html, Books, Table};
use super::icons::glyph;
use super::inside::{inside, inside_html, Inside};
use super::shapes::drawing_html;
use super::snapshot::{counters, Counter};

/// Lines of the log that are shown at once.
const LOG_LINES_MAX: usize = 200;
/// Events that are looked through for them; older ones need a narrower filter or an earlier time.
const LOG_SEARCHED_MAX: usize = 30_000;
/// Events that may lie before the window of the sequence diagram and still arrive in it.
const BEFORE_WINDOW_MAX: usize = 4_000;

/// A page of the dock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Who sent what to whom.
    Sequence,
    /// Levels over time.
    Depth,
    /// Every event as a line.
    Log,
    /// Totals.
    Counters,
    /// What each subscriber got.
    Guarantees,
    /// What is in the selected part.
    Inside,
    /// Talking to a broker.
    Console,
}

impl Tab {
    /// The pages of the left half, which is the whole dock on a narrow screen.
    pub const LEFT: [Tab; 7] =
        [Tab::Sequence, Tab::Log, Tab::Inside, Tab::Console, Tab::Counters, Tab::Guarantees, Tab::Depth];
    /// The pages of the right half.
    pub const RIGHT: [Tab; 4] = [Tab::Depth, Tab::Log, Tab::Inside, Tab::Counters];

    /// The title.
    pub fn label(self) -> &'static str {
        match self {
            Tab::Sequence => "Sequence",
            Tab::Depth => "Queue depth",
            Tab::Log => "Log",
            Tab::Counters => "Counters",
            Tab::Guarantees => "Guarantees",
            Tab::Inside => "Inside",
            Tab::Console => "Console",
        }
    }
}

/// What the log leaves out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Words that a line must have.
    pub words: String,
    /// The kind of fact, by its label; empty: all.
    pub fact: String,
}

/// What is open in the dock.
#[derive(Clone, Debug, PartialEq)]
pub struct DockState {
    /// The left page.
    pub left: Tab,
    /// The right page; on a narrow screen there is only the left.
    pub right: Tab,
    /// The stretch of time in the sequence diagram.
    pub window: Duration,
    /// What the log leaves out.
    pub filter: Filter,
    /// The message that is followed.
    pub followed: Option<MessageId>,
    /// The number of the guarantees whose messages are listed.
    pub opened: Option<(NodeId, Aspect)>,
    /// The broker at the console, by its id.
    pub console: String,
}

impl Default for DockState {
    fn default() -> DockState {
        DockState {
            left: Tab::Sequence,
            right: Tab::Depth,
            window: Duration::from_secs(5),
            filter: Filter::default(),
            followed: None,
            opened: None,
            console: String::new(),
        }
    }
}

/// The content of one page.
#[derive(Clone, PartialEq)]
pub enum Content {
    /// Nothing yet.
    Nothing,
    /// A picture.
    Drawing(Rc<Drawing>),
    /// The log.
    Log(Rc<Vec<Line>>),
    /// The totals.
    Counters(Rc<Vec<Counter>>, Rc<Vec<Vec<String>>>),
    /// The guarantees.
    Guarantees(Rc<Table>),
    /// The lists of what is inside.
    Inside(Rc<Inside>),
    /// The console.
    Console(Rc<View>),
}

/// A line of the log.
#[derive(Clone, PartialEq)]
pub struct Line {
    id: EventId,
    at: Time,
    time: String,
    node: String,
    text: String,
    tone: &'static str,
    message: Option<MessageId>,
}

/// Makes the content of a page of this size.
pub fn content(session: &Session, books: &mut Books, state: &DockState, tab: Tab, size: (f64, f64)) -> Content {
    match tab {
        Tab::Sequence => Content::Drawing(Rc::new(sequence_drawing(session, state, size))),
        Tab::Depth => Content::Drawing(Rc::new(depth_drawing(session, size))),
        Tab::Log => Content::Log(Rc::new(log_lines(session, state))),
        Tab::Inside => Content::Inside(Rc::new(inside(session))),
        Tab::Console => Content::Console(Rc::new(view(session, state))),
        Tab::Guarantees => Content::Guarantees(Rc::new(table(session, books, state.opened))),
        Tab::Counters => Content::Counters(Rc::new(counters(session.run())), Rc::new(delivery_table(session))),
    }
}

/// The parts with a line of their own, from left to right as they are drawn.
fn lifelines(session: &Session) -> Vec<Lifeline> {
    let run = session.run();
    let crashed = |node| run.simulation().tally().count(node, FactKind::Crashed) > 0;
    let nodes = drawing_order(session.document());
    nodes
        .iter()
        .filter_map(|node| {
            let id = run.node(&node.id)?;
            let kind = node_kind(&node.kind)?;
            // A host has nothing to tell but its own failures: what happens inside happens at its members.
            if kind.ports.is_empty() && !crashed(id) {
                return None;
            }
            let host = matches!(kind.role, Role::Member { .. }).then(|| run.simulation().host(id));
            Some(Lifeline { node: id, label: node.label().to_string(), host, optional: kind.ports.is_empty() })
        })
        .collect()
}

/// The stretch of time that the sequence diagram shows.
fn window(session: &Session, state: &DockState) -> (Time, Time) {
    let now = session.now();
    let start = now - state.window;
    (start, now.max(start + state.window))
}

/// The sequence diagram of the visible stretch.
pub fn sequence_drawing(session: &Session, state: &DockState, size: (f64, f64)) -> Drawing {
    let run = session.run();
    let trace = run.simulation().trace();
    let (start, end) = window(session, state);
    let inside = trace.between(start, end);
    let first = inside.clone_first();
    let events: Vec<TraceEvent> = match first {
        Some(first) => {
            let before = first.0.saturating_sub(BEFORE_WINDOW_MAX as u64 + 1);
            trace.after(EventId(before)).take_while(|event| event.at <= end).copied().collect()
        }
        None => trace.iter().rev().take(BEFORE_WINDOW_MAX).copied().collect::<Vec<_>>().into_iter().rev().collect(),
    };
    let key = |message: MessageId| trace.content(message).map(|content| content.routing_key.clone());
    let input = SequenceInput {
        events: &events,
        lifelines: &lifelines(session),
        key: &key,
        start,
        end,
        now: session.now(),
        width: size.0,
        height: size.1,
        selected: state.followed,
    };
    sequence(&input)
}

/// The first event of a stretch.
trait First {
    fn clone_first(self) -> Option<EventId>;
}

impl<'a, I: Iterator<Item = &'a TraceEvent>> First for I {
    fn clone_first(mut self) -> Option<EventId> {
        self.next().map(|event| event.id)
    }
}

/// The chart of all queues.
pub fn depth_drawing(session: &Session, size: (f64, f64)) -> Drawing {
    let run = session.run();
    let tally = run.simulation().tally();
    let queues = session.document().nodes.iter().filter(|node| node_kind(&node.kind).is_some_and(NodeKind::hands_out));
    let mut deepest: Vec<_> = queues.filter_map(|node| Some((run.node(&node.id)?, node))).collect();
    if deepest.len() > LINES_MAX {
        // Only so many lines can be told apart: the deepest queues, in the order of the document.
        let mut depths: Vec<u32> = deepest.iter().map(|(id, _)| tally.level_max(*id).0).collect();
        sort_by_key(&mut depths, |depth| *depth);
        let least = depths[depths.len() - LINES_MAX];
        deepest.retain(|(id, _)| tally.level_max(*id).0 >= least);
        deepest.truncate(LINES_MAX);
    }
    let line = |(id, node): &(NodeId, &Node)| {
        let points = tally.series(*id)?.points().collect();
        Some(ChartLine { node: *id, label: node.label().to_string(), points })
    };
    let lines: Vec<ChartLine> = deepest.iter().filter_map(line).collect();
    let now = session.now();
    let input = ChartInput {
        title: "Queue depth",
        parts: ("ready", "unacked"),
        lines: &lines,
        markers: &markers(session),
        start: Time::ZERO,
        end: now.max(Time(4_000_000_000)),
        now,
        width: size.0,
        height: size.1,
    };
    chart(&input)
}

/// Crashes and other faults that are still in the trace.
fn markers(session: &Session) -> Vec<ChartMarker> {
    let run = session.run();
    let faults = [FactKind::Crashed, FactKind::Restarted, FactKind::Partitioned, FactKind::Repaired, FactKind::Paused];
    if faults.iter().all(|kind| run.simulation().tally().total(*kind) == 0) {
        return Vec::new();
    }
    let events = run.simulation().trace().iter().rev().take(LOG_SEARCHED_MAX);
    let told = events.filter(|event| faults.contains(&event.fact.kind()));
    let mut markers: Vec<ChartMarker> = told
        .take(20)
        .map(|event| ChartMarker {
            at: event.at,
            label: format!("{} {}", run.label(event.node), event.fact.kind().label()),
            tone: if matches!(event.fact, Fact::Crashed {} | Fact::Partitioned { .. }) {
                Tone::Lost
            } else {
                Tone::Soft
            },
        })
        .collect();
    markers.reverse();
    markers
}

/// The class of a line, after what happened.
fn tone(fact: &Fact) -> &'static str {
    match fact {
        Fact::Dropped { .. } | Fact::Crashed {} | Fact::Unroutable {} | Fact::Abandoned { .. } | Fact::Halted {} => {
            "lost"
        }
        Fact::Redelivered { .. } | Fact::Requeued { .. } | Fact::Nacked { .. } | Fact::Failed { .. } => "wait",
        Fact::Completed { .. } | Fact::Acked { .. } => "ok",
        Fact::Duplicated { .. } => "duplicate",
        _ => "",
    }
}

#[inline(never)]
fn log_lines(session: &Session, state: &DockState) -> Vec<Line> {
    let run = session.run();
    let names = |node: NodeId| run.label(node).to_string();
    let words: Vec<String> =
        super::browser::lower_case(&state.filter.words).split_whitespace().map(str::to_string).collect();
    let trace = run.simulation().trace();
    let mut lines = Vec::new();
    for event in trace.iter().rev().take(LOG_SEARCHED_MAX) {
        if !state.filter.fact.is_empty() && event.fact.kind().label() != state.filter.fact {
            continue;
        }
        if state.followed.is_some_and(|followed| followed != event.message) {
            continue;
        }
        let (node, text) = (names(event.node), story::sentence(event, &names));
        let key =
            event.message.some().and_then(|message| trace.content(message)).map(|content| content.routing_key.clone());
        let whole = super::browser::lower_case(&format!("{node} {text} {}", key.as_deref().unwrap_or_default()));
        if !words.iter().all(|word| whole.contains(word)) {
            continue;
        }
        lines.push(Line {
            id: event.id,
            at: event.at,
            time: event.at.to_string(),
            node,
            text,
            tone: tone(&event.fact),
            message: event.message.some(),
        });
        if lines.len() >= LOG_LINES_MAX {
            break;
        }
    }
    lines
}

/// Per queue and consumer: what went through it.
#[inline(never)]
fn delivery_table(session: &Session) -> Vec<Vec<String>> {
    use crate::vocabulary::Measure;
    let run = session.run();
    let tally = run.simulation().tally();
    let mut rows = Vec::new();
    for node in &session.document().nodes {
        let Some(id) = run.node(&node.id) else { continue };
        let count = |kind| tally.count(id, kind);
        let span = |span: Option<Duration>| span.map_or_else(String::new, |span| story::span(span.0));
        let Some(kind) = node_kind(&node.kind) else { continue };
        let (done, waits) = match kind {
            _ if kind.makes() => (format!("{} published", count(FactKind::Published)), String::new()),
            _ if kind.name == "exchange" => (
                format!("{} routed, {} unroutable", count(FactKind::Routed), count(FactKind::Unroutable)),
                String::new(),
            ),
            _ if kind.hands_out() => {
                let (ready, unacked) = tally.mean_level(id, run.simulation().now());
                (
                    format!(
                        "{} in, {} acked, {} redelivered",
                        count(FactKind::Enqueued),
                        count(FactKind::Acked),
                        count(FactKind::Redelivered)
                    ),
                    format!("mean {ready:.2} ready, {unacked:.2} unacked"),
                )
            }
            _ if kind.works() => {
                let busy = tally.mean_level(id, run.simulation().now()).0;
                let p50 = span(tally.percentile(id, Measure::EndToEnd, 50.0));
                let p99 = span(tally.percentile(id, Measure::EndToEnd, 99.0));
                let latency = if p50.is_empty() { String::new() } else { format!(", latency p50 {p50}, p99 {p99}") };
                (
                    format!("{} done, {} failed", count(FactKind::Completed), count(FactKind::Failed)),
                    format!("mean {busy:.2} in work{latency}"),
                )
            }
            _ => continue,
        };
        rows.push(vec![node.label().to_string(), done, waits]);
    }
    rows
}

/// A half of the dock.
#[derive(Properties, PartialEq)]
pub struct PaneProps {
    pub side: &'static str,
    pub tab: Tab,
    pub state: DockState,
    pub content: Content,
    pub pane: NodeRef,
    pub send: Callback<Msg>,
}

/// A half of the dock.
#[component]
pub fn Pane(props: &PaneProps) -> Html {
    let left = props.side == "left";
    let pages: &[Tab] = if left { &Tab::LEFT } else { &Tab::RIGHT };
    let tabs = pages.iter().copied().map(|tab| {
        let (send, state) = (props.send.clone(), props.state.clone());
        let on = tab == props.tab;
        let onclick = Callback::from(move |_: MouseEvent| {
            let mut state = state.clone();
            if left {
                state.left = tab;
            } else {
                state.right = tab;
            }
            send.emit(Msg::Dock(state));
        });
        html! {
            <button role="tab" class={classes!(on.then_some("on"), (left && matches!(tab, Tab::Depth | Tab::Counters)).then_some("narrow"))} aria-selected={on.to_string()} {onclick}>{ tab.label() }</button>
        }
    });
    let body = match &props.content {
        Content::Drawing(drawing) => html! {
            <>
                { drawing_html(drawing) }
                if let Some(note) = &drawing.note { <p class={classes!("note", (props.tab == Tab::Depth).then_some("above"))}>{ note.clone() }</p> }
            </>
        },
        Content::Nothing => html! {},
        Content::Log(lines) => log_html(lines, &props.state, &props.send),
        Content::Counters(counters, rows) => counters_html(counters, rows),
        Content::Guarantees(table) => table_html(table, &props.state, &props.send),
        Content::Inside(inside) => inside_html(inside, &props.state, &props.send),
        Content::Console(view) => {
            html! { <Console view={view.clone()} state={props.state.clone()} send={props.send.clone()} /> }
        }
    };
    html! {
        <div class={classes!("pane", props.side)}>
            <div class="tabs" role="tablist">
                { for tabs }
                <span class="spacer"></span>
                if props.tab == Tab::Sequence { { window_tools(props) } }
                if matches!(props.content, Content::Drawing(_)) { { export_button(props) } }
            </div>
            <div class="body" ref={props.pane.clone()}>{ body }</div>
        </div>
    }
}

fn export_button(props: &PaneProps) -> Html {
    let (send, tab) = (props.send.clone(), props.tab);
    let onclick = Callback::from(move |_: MouseEvent| send.emit(Msg::ExportDock(tab)));
    html! {
        <button class="tool small" aria-label="Save this picture as SVG" title="Save this picture as SVG" {onclick}>{ glyph("download") }</button>
    }
}

/// Shorter and longer stretches for the sequence diagram.
fn window_tools(props: &PaneProps) -> Html {
    const WINDOWS: [u64; 11] = [50, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 300_000, 3_600_000];
    let now = props.state.window.0 / 1_000_000;
    let place = WINDOWS.iter().position(|window| *window >= now).unwrap_or(5);
    let to = |place: usize, label: &'static str, icon: &'static str| {
        let (send, state) = (props.send.clone(), props.state.clone());
        let window = Duration::from_millis(WINDOWS[place.min(WINDOWS.len() - 1)]);
        let onclick = Callback::from(move |_: MouseEvent| send.emit(Msg::Dock(DockState { window, ..state.clone() })));
        html! { <button class="tool small" aria-label={label} title={label} {onclick}>{ glyph(icon) }</button> }
    };
    html! {
        <>
            { to(place.saturating_sub(1), "Show a shorter stretch", "plus") }
            <span class="number window">{ props.state.window.to_string() }</span>
            { to(place + 1, "Show a longer stretch", "minus") }
        </>
    }
}

#[inline(never)]
fn log_html(lines: &[Line], state: &DockState, send: &Callback<Msg>) -> Html {
    let words = {
        let (send, state) = (send.clone(), state.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) {
                let filter = Filter { words: input.value(), ..state.filter.clone() };
                send.emit(Msg::Dock(DockState { filter, ..state.clone() }));
            }
        })
    };
    let facts = {
        let (send, state) = (send.clone(), state.clone());
        Callback::from(move |event: Event| {
            if let Some(select) = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok()) {
                let filter = Filter { fact: select.value(), ..state.filter.clone() };
                send.emit(Msg::Dock(DockState { filter, ..state.clone() }));
            }
        })
    };
    let unfollow = {
        let (send, state) = (send.clone(), state.clone());
        Callback::from(move |_: MouseEvent| send.emit(Msg::Dock(DockState { followed: None, ..state.clone() })))
    };
    html! {
        <div class="log">
            <div class="filter">
                <input type="search" placeholder="Filter: names, keys, words" value={state.filter.words.clone()} oninput={words} aria-label="Filter the log" />
                <select onchange={facts} aria-label="Kind of event">
                    <option value="" selected={state.filter.fact.is_empty()}>{ "all events" }</option>
                    for kind in FactKind::ALL {
                        <option value={kind.label()} selected={state.filter.fact == kind.label()}>{ kind.label() }</option>
                    }
                </select>
                if let Some(followed) = state.followed {
                    <button class="chip" onclick={unfollow} title="Show all messages again">{ format!("only {followed}") }{ glyph("close") }</button>
                }
            </div>
            <ol>
                for line in lines { { line_html(line, state, send) } }
            </ol>
            if lines.is_empty() {
                <p class="quiet">{ "Nothing yet. Press play, or widen the filter." }</p>
            }
        </div>
    }
}

fn line_html(line: &Line, state: &DockState, send: &Callback<Msg>) -> Html {
    let follow = line.message.map(|message| {
        let (send, state) = (send.clone(), state.clone());
        Callback::from(move |_: MouseEvent| {
            send.emit(Msg::Dock(DockState { followed: Some(message), ..state.clone() }))
        })
    });
    let seek = {
        let (send, at) = (send.clone(), line.at);
        Callback::from(move |_: MouseEvent| {
            send.emit(Msg::Act(crate::session::Action::Transport(crate::session::Transport::Seek(at))))
        })
    };
    html! {
        <li key={line.id.0} class={line.tone}>
            <button class="number time" onclick={seek} title="Go to this moment">{ line.time.clone() }</button>
            <span class="node">{ line.node.clone() }</span>
            if let Some(follow) = follow {
                <button class="text" onclick={follow} title="Follow this message">{ line.text.clone() }</button>
            } else {
                <span class="text">{ line.text.clone() }</span>
            }
        </li>
    }
}

#[inline(never)]
fn counters_html(counters: &[Counter], rows: &[Vec<String>]) -> Html {
    html! {
        <div class="counters">
            <dl>
                for counter in counters {
                    <div class={counter.tone}>
                        <dt>{ counter.label }</dt><dd class="number" data-counter={counter.label}>{ crate::diagram::axis::grouped(counter.value) }</dd>
                    </div>
                }
            </dl>
            <table>
                <tbody>
                    for row in rows {
                        <tr><th scope="row">{ row[0].clone() }</th><td>{ row[1].clone() }</td><td class="soft">{ row[2].clone() }</td></tr>
                    }
                </tbody>
            </table>
        </div>
    }
}
