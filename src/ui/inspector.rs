//! The inspector: what is selected, its parameters, what can be done to it, and what it holds.

use std::rc::Rc;

use wasm_bindgen::JsCast as _;
use web_sys::{HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

use crate::diagram::geometry::Side;
use crate::kernel::link::LinkCondition;
use crate::kernel::{InspectionItem, ItemState, NodeCondition};
use crate::model::{node_kind, NodeKind, ParamSpec};
use crate::scenario::connect::resolve;
use crate::scenario::document::{Document, Node, Wire};
use crate::scenario::edit::Edit;
use crate::scenario::instantiate::FaultDeed;
use crate::scenario::problem::{Problem, Severity};
use crate::session::gesture::Armed;
use crate::session::{Action, Mode, Session};
use crate::vocabulary::{number, Duration, FactKind, MessageId};

use super::app::Msg;
use super::dock::DockState;
use super::field::Field;
use super::icons::glyph;
use super::snapshot::{counters, Counter};

/// Messages of a part that are listed.
const ITEMS_MAX: usize = 30;

/// What the inspector knows of the selected part beyond the document.
#[derive(Clone, Default, PartialEq)]
pub struct Findings {
    /// Whether the node runs.
    pub condition: Option<NodeCondition>,
    /// The time that its work takes, in per cent.
    pub slow_percent: u32,
    /// Whether the wire is partitioned.
    pub partitioned: bool,
    /// Named values of the part.
    pub rows: Vec<(&'static str, String)>,
    /// The messages in it.
    pub items: Vec<(InspectionItem, String)>,
    /// How many there are in all.
    pub item_count: usize,
    /// Counts of the part, or of the whole run when nothing is selected.
    pub counters: Vec<Counter>,
    /// The way of the followed message.
    pub story: Vec<String>,
}

/// Reads what the inspector shows from the session.
pub fn findings(session: &Session, dock: &DockState) -> Findings {
    let run = session.run();
    let simulation = run.simulation();
    let mut findings = Findings { slow_percent: 100, ..Findings::default() };
    if let Some(message) = dock.followed {
        let names = |node| run.label(node).to_string();
        findings.story = crate::diagram::story::why(message, simulation.trace().iter(), &names);
    }
    let Some(id) = session.selection().single() else {
        findings.counters = counters(run);
        return findings;
    };
    if let Some(link) = run.link(id).and_then(|link| simulation.link(link)) {
        findings.partitioned = matches!(link.condition, LinkCondition::Partitioned | LinkCondition::GivenUp);
    }
    let Some(node) = run.node(id) else { return findings };
    let inspection = simulation.inspect(node, ITEMS_MAX);
    let holder = |item: &InspectionItem| item.holder.map_or_else(String::new, |holder| run.label(holder).to_string());
    findings.condition = Some(simulation.condition(node));
    findings.slow_percent = simulation.slow_percent(node);
    findings.rows = inspection.rows;
    findings.items = inspection
        .items
        .into_iter()
        .map(|item| {
            let name = holder(&item);
            (item, name)
        })
        .collect();
    findings.item_count = inspection.item_count;
    let shown: &[(FactKind, &'static str, &'static str)] = &[
        (FactKind::Published, "Published", "info"),
        (FactKind::Routed, "Copies routed", "info"),
        (FactKind::Enqueued, "Came in", "info"),
        (FactKind::Acked, "Done and acknowledged", "ok"),
        (FactKind::Completed, "Completed", "ok"),
        (FactKind::Redelivered, "Delivered again", "wait"),
        (FactKind::Failed, "Failed", "wait"),
        (FactKind::Unroutable, "Matched no binding", "lost"),
        (FactKind::Dropped, "Dropped", "lost"),
    ];
    let tally = simulation.tally();
    findings.counters = shown
        .iter()
        .map(|(kind, label, tone)| Counter { label, value: tally.count(node, *kind), tone })
        .filter(|counter| counter.value > 0)
        .collect();
    findings
}

#[derive(Properties)]
pub struct InspectorProps {
    pub document: Rc<Document>,
    pub problems: Rc<Vec<Problem>>,
    pub selected: Vec<String>,
    pub findings: Rc<Findings>,
    pub mode: Mode,
    pub dock: DockState,
    pub send: Callback<Msg>,
}

impl PartialEq for InspectorProps {
    fn eq(&self, other: &InspectorProps) -> bool {
        Rc::ptr_eq(&self.document, &other.document)
            && self.selected == other.selected
            && self.findings == other.findings
            && self.mode == other.mode
            && self.dock.followed == other.dock.followed
    }
}

/// The inspector.
#[component]
pub fn Inspector(props: &InspectorProps) -> Html {
    let document = &props.document;
    let single = match props.selected.as_slice() {
        [id] => Some(id.as_str()),
        _ => None,
    };
    let node = single.and_then(|id| document.node(id));
    let wire = single.and_then(|id| document.wire(id));
    html! {
        <aside class="inspector" aria-label="Selected part" data-testid="inspector">
            if let Some(message) = props.dock.followed { { story_html(props, message) } }
            if let Some(node) = node {
                { node_html(props, node) }
            } else if let Some(wire) = wire {
                { wire_html(props, wire) }
            } else if props.selected.len() > 1 {
                { many_html(props) }
            } else {
                { document_html(props) }
            }
        </aside>
    }
}

fn act(send: &Callback<Msg>, action: Action) -> Callback<MouseEvent> {
    let send = send.clone();
    Callback::from(move |_: MouseEvent| send.emit(Msg::Act(action.clone())))
}

#[inline(never)]
fn story_html(props: &InspectorProps, message: MessageId) -> Html {
    let (send, dock) = (props.send.clone(), props.dock.clone());
    let close = Callback::from(move |_: MouseEvent| send.emit(Msg::Dock(DockState { followed: None, ..dock.clone() })));
    html! {
        <section class="story">
            <h2>{ format!("The way of {message}") }<button class="tool small" aria-label="Stop following" onclick={close}>{ glyph("close") }</button></h2>
            <ol>
                for sentence in &props.findings.story { <li>{ sentence.clone() }</li> }
            </ol>
        </section>
    }
}

/// The text of a field that was changed.
fn changed(event: &Event) -> Option<String> {
    let target = event.target()?;
    target
        .dyn_ref::<HtmlInputElement>()
        .map(HtmlInputElement::value)
        .or_else(|| target.dyn_ref::<HtmlTextAreaElement>().map(HtmlTextAreaElement::value))
}

fn node_html(props: &InspectorProps, node: &Node) -> Html {
    let Some(kind) = node_kind(&node.kind) else {
        return html! { <p class="error">{ format!("There is no kind of part called {}.", node.kind) }</p> };
    };
    let editing = props.mode == Mode::Edit;
    let rename = {
        let (send, id) = (props.send.clone(), node.id.clone());
        Callback::from(move |event: Event| {
            if let Some(name) = changed(&event) {
                let edit = Edit::Rename { id: id.clone(), name: name.trim().to_string() };
                send.emit(Msg::Act(Action::Edit(edit)));
            }
        })
    };
    html! {
        <>
            <h2>{ kind.label }</h2>
            <input class="name" value={node.label().to_string()} onchange={rename} disabled={!editing} aria-label="Name" maxlength="80" />
            <p class="help">{ kind.help }</p>
            { problems_of(props, &node.id) }
            { deeds_html(props, node, kind) }
            { super::switch::offer_html(&props.document, node, props.mode, &props.send) }
            { params_html(props, &node.id, kind.params, &node.params) }
            { counters_html("So far", &props.findings.counters) }
            { rows_html(&props.findings.rows) }
            { items_html(props) }
            if editing { { place_html(props, node) } }
        </>
    }
}

/// Breaking and mending, and the kind's own commands.
fn deeds_html(props: &InspectorProps, node: &Node, kind: &'static NodeKind) -> Html {
    if props.mode == Mode::View {
        return html! {};
    }
    let deed = |label: &'static str, title: &'static str, deed: FaultDeed| {
        html! { <button {title} onclick={act(&props.send, Action::Fault(deed))}>{ label }</button> }
    };
    let id = || node.id.clone();
    let host = node.host.as_ref().and_then(|host| props.document.node(host)).map(|host| host.label().to_string());
    let crash_title = "It stops without warning. Its peers notice when the connection breaks.";
    html! {
        <div class="deeds" role="group" aria-label="What can be done to it">
            for (command, label, help) in kind.commands {
                <button title={*help} onclick={act(&props.send, Action::Command { node: node.id.clone(), command: command.to_string() })}>{ *label }</button>
            }
            if let Some(host) = host {
                <span class="quiet">{ format!("It lives in {host}, and fails with it.") }</span>
            } else if props.findings.condition == Some(NodeCondition::Down) {
                { deed("Restart", "It runs again, with what survived.", FaultDeed::Restart(id())) }
            } else {
                { deed("Crash", crash_title, FaultDeed::Crash(id())) }
                if props.findings.condition == Some(NodeCondition::Paused) {
                    { deed("Resume", "It goes on with all that waited.", FaultDeed::Resume(id())) }
                } else {
                    { deed("Freeze", "It does nothing, and no one notices: what arrives waits.", FaultDeed::Pause(id())) }
                }
                if kind.name == "consumer" {
                    if props.findings.slow_percent == 100 {
                        { deed("Slow down", "Its work takes four times as long.", FaultDeed::Slow(id(), 400)) }
                    } else {
                        { deed("Full speed", "Its work takes its normal time again.", FaultDeed::Slow(id(), 100)) }
                    }
                }
            }
        </div>
    }
}

fn params_html(
    props: &InspectorProps,
    id: &str,
    specs: &'static [ParamSpec],
    given: &std::collections::BTreeMap<String, serde_json::Value>,
) -> Html {
    let value = |spec: &ParamSpec| given.get(spec.name).cloned().unwrap_or_else(|| spec.default_json());
    let shown = |spec: &&ParamSpec| {
        spec.shown_when.is_none_or(|(name, values)| {
            let other = specs.iter().find(|other| other.name == name).map(value);
            other.and_then(|json| json.as_str().map(|text| values.contains(&text))).unwrap_or(true)
        })
    };
    html! {
        <div class="params">
            for spec in specs.iter().filter(shown) {
                <Field key={format!("{id}.{}", spec.name)} id={id.to_string()} {spec} value={value(spec)}
                    changed={given.contains_key(spec.name)} enabled={props.mode == Mode::Edit} send={props.send.clone()} />
            }
        </div>
    }
}

#[inline(never)]
fn wire_html(props: &InspectorProps, wire: &Wire) -> Html {
    let Ok(resolved) = resolve(&props.document, &wire.from, &wire.to) else {
        return html! { <p class="error">{ "This wire joins two parts that do not fit together." }</p> };
    };
    let kind = resolved.wire_kind;
    let label =
        |end: &str| props.document.node(Wire::node_of(end)).map_or(end.to_string(), |node| node.label().to_string());
    let deed = if props.findings.partitioned {
        ("Repair", "Messages pass again; what waited arrives now.", FaultDeed::Repair(wire.id.clone()))
    } else {
        (
            "Partition",
            "Nothing passes. After the heartbeat timeout both ends give the connection up.",
            FaultDeed::Partition(wire.id.clone()),
        )
    };
    html! {
        <>
            <h2>{ kind.label }</h2>
            <p class="name">{ format!("{} → {}", label(&wire.from), label(&wire.to)) }</p>
            <p class="help">{ kind.help }</p>
            { problems_of(props, &wire.id) }
            if kind.link && props.mode != Mode::View {
                <div class="deeds"><button title={deed.1} onclick={act(&props.send, Action::Fault(deed.2))}>{ deed.0 }</button></div>
            }
            { params_html(props, &wire.id, kind.params, &wire.params) }
            if props.mode == Mode::Edit {
                <div class="deeds"><button class="danger" onclick={act(&props.send, Action::DeleteSelection)}>{ glyph("trash") }{ "Remove" }</button></div>
            }
        </>
    }
}

#[inline(never)]
fn many_html(props: &InspectorProps) -> Html {
    html! {
        <>
            <h2>{ "Selection" }</h2>
            <p>{ format!("{} parts are selected.", props.selected.len()) }</p>
            if props.mode == Mode::Edit {
                <div class="deeds">
                    <button onclick={act(&props.send, Action::DuplicateSelection)}>{ glyph("copy") }{ "Duplicate" }</button>
                    <button class="danger" onclick={act(&props.send, Action::DeleteSelection)}>{ glyph("trash") }{ "Remove" }</button>
                </div>
            }
        </>
    }
}

fn problems_of(props: &InspectorProps, id: &str) -> Html {
    let here = props
        .problems
        .iter()
        .filter(|problem| problem.node.as_deref() == Some(id) || problem.wire.as_deref() == Some(id));
    html! { for problem in here { { problem_html(problem) } } }
}

fn problem_html(problem: &Problem) -> Html {
    let class = if problem.severity == Severity::Error { "problem error" } else { "problem" };
    html! { <p {class}>{ format!("{} {}", capital(&problem.message), problem.remedy) }</p> }
}

/// A message as a sentence of its own.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase().to_string()).unwrap_or_default();
    let rest = letters.as_str();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{end}")
}

fn counters_html(title: &str, counters: &[Counter]) -> Html {
    if counters.is_empty() {
        return html! {};
    }
    html! {
        <section class="totals">
            <h2>{ title.to_string() }</h2>
            <dl>
                for counter in counters {
                    <div class={counter.tone}><dt>{ counter.label }</dt><dd class="number">{ crate::diagram::axis::grouped(counter.value) }</dd></div>
                }
            </dl>
        </section>
    }
}

fn rows_html(rows: &[(&'static str, String)]) -> Html {
    if rows.is_empty() {
        return html! {};
    }
    html! {
        <section class="totals">
            <h2>{ "Now" }</h2>
            <dl>
                for (label, value) in rows { <div><dt>{ *label }</dt><dd class="number">{ value.clone() }</dd></div> }
            </dl>
        </section>
    }
}

#[inline(never)]
fn items_html(props: &InspectorProps) -> Html {
    let findings = &props.findings;
    if findings.items.is_empty() {
        return html! {};
    }
    let item = |(item, holder): &(InspectionItem, String)| {
        let (send, dock, message) = (props.send.clone(), props.dock.clone(), item.message);
        let onclick = Callback::from(move |_: MouseEvent| {
            send.emit(Msg::Dock(DockState { followed: Some(message), ..dock.clone() }))
        });
        let (class, state) = match item.state {
            ItemState::Ready => ("ready", "ready".to_string()),
            ItemState::ReadyAgain => ("again", "ready again".to_string()),
            ItemState::Unacked if holder.is_empty() => ("unacked", "unacked".to_string()),
            ItemState::Unacked => ("unacked", format!("unacked, at {holder}")),
            ItemState::InWork => ("work", "in work".to_string()),
        };
        html! { <li><button {onclick} title="Follow this message"><b class="number">{ item.message.to_string() }</b><span class={class}>{ state }</span></button></li> }
    };
    html! {
        <section class="items">
            <h2>{ format!("Messages inside: {}", findings.item_count) }</h2>
            <button class="look" onclick={{ let send = props.send.clone(); Callback::from(move |_: MouseEvent| send.emit(Msg::LookInside)) }}
                title="List what is inside, with all that the broker knows of it">{ "Look inside" }</button>
            <ol>{ for findings.items.iter().map(item) }</ol>
            if findings.item_count > findings.items.len() {
                <p class="quiet">{ format!("and {} more", findings.item_count - findings.items.len()) }</p>
            }
        </section>
    }
}

/// Place by numbers, and what else single clicks can do.
fn place_html(props: &InspectorProps, node: &Node) -> Html {
    let set = |horizontal: bool| {
        let (send, id, at) = (props.send.clone(), node.id.clone(), node.at);
        Callback::from(move |event: Event| match changed(&event).and_then(|text| number::read(text.trim())) {
            Some(value) if value.is_finite() => {
                let at = if horizontal { (value, at.1) } else { (at.0, value) };
                send.emit(Msg::Act(Action::Edit(Edit::MoveNode { id: id.clone(), at })));
            }
            _ => send.emit(Msg::Refuse("A place is a number of drawing units.".into())),
        })
    };
    let arm = |armed: Armed| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Arm(armed.clone())))
    };
    let has_ports = node_kind(&node.kind).is_some_and(|kind| !kind.ports.is_empty());
    html! {
        <section class="place">
            <h2>{ "Drawing" }</h2>
            <div class="deeds">
                if has_ports {
                    <button onclick={arm(Armed::Connect(node.id.clone(), Side::Right))} title="Then click the part to connect it with">{ glyph("connect") }{ "Connect" }</button>
                }
                <button onclick={arm(Armed::Move(node.id.clone()))} title="Then click the new place">{ glyph("move") }{ "Move" }</button>
                <button onclick={act(&props.send, Action::DuplicateSelection)}>{ glyph("copy") }{ "Duplicate" }</button>
                <button class="danger" onclick={act(&props.send, Action::DeleteSelection)}>{ glyph("trash") }{ "Remove" }</button>
            </div>
            <div class="row coordinates">
                <label>{ "x" }<input class="number" inputmode="decimal" value={node.at.0.to_string()} onchange={set(true)} /></label>
                <label>{ "y" }<input class="number" inputmode="decimal" value={node.at.1.to_string()} onchange={set(false)} /></label>
            </div>
        </section>
    }
}

/// The document itself, when nothing is selected.
fn document_html(props: &InspectorProps) -> Html {
    let document = &props.document;
    let editing = props.mode == Mode::Edit;
    let text = |make: fn(String) -> Edit| {
        let send = props.send.clone();
        Callback::from(move |event: Event| {
            if let Some(text) = changed(&event) {
                send.emit(Msg::Act(Action::Edit(make(text))));
            }
        })
    };
    let until = {
        let send = props.send.clone();
        Callback::from(move |event: Event| {
            let Some(text) = changed(&event) else { return };
            match text.parse::<Duration>() {
                Ok(until) if until > Duration::ZERO => send.emit(Msg::Act(Action::Edit(Edit::SetUntil { until }))),
                Ok(_) => send.emit(Msg::Refuse("A run must take some time.".into())),
                Err(error) => send.emit(Msg::Refuse(format!("The length of a run {error}."))),
            }
        })
    };
    let seed = {
        let send = props.send.clone();
        Callback::from(move |event: Event| {
            if let Some(text) = changed(&event) {
                send.emit(super::transport::set_seed(&text));
            }
        })
    };
    let unfinished: Vec<&Problem> = props.problems.iter().collect();
    html! {
        <>
            <h2>{ "Drawing" }</h2>
            <textarea class="name" rows="1" value={document.title.clone()} placeholder="Untitled" onchange={text(|title| Edit::SetTitle { title: title.replace('\n', " ") })} disabled={!editing} aria-label="Title" maxlength="120" />
            if editing {
                <textarea class="about" rows="3" value={document.about.clone()} placeholder="What it shows" onchange={text(|about| Edit::SetAbout { about })} aria-label="What it shows" />
            } else {
                <p>{ document.about.clone() }</p>
            }
            if !document.watch.is_empty() {
                <p class="watch"><b>{ "Watch: " }</b>{ document.watch.clone() }</p>
            }
            <div class="field"><div class="row">
                <label for="until">{ "Length of a run" }</label>
                <input id="until" class="number" value={document.until.to_string()} onchange={until} disabled={!editing} />
            </div></div>
            <div class="field"><div class="row">
                <label for="seed">{ "Seed of all chance" }</label>
                <input id="seed" class="number" inputmode="numeric" value={document.seed.to_string()} onchange={seed} disabled={!editing} />
            </div><p class="help">{ "The same drawing with the same seed is the same run." }</p></div>
            if !unfinished.is_empty() {
                <section>
                    <h2>{ "To do" }</h2>
                    for problem in unfinished { { todo_html(props, problem) } }
                </section>
            }
            { counters_html("So far", &props.findings.counters) }
            <section class="parts">
                <h2>{ "Parts" }</h2>
                <ul>
                    for node in &document.nodes {
                        <li><button onclick={act(&props.send, Action::Select(vec![node.id.clone()]))}>{ super::canvas::in_words(node, document, "") }</button></li>
                    }
                    for wire in &document.wires {
                        <li><button class="quiet" onclick={act(&props.send, Action::Select(vec![wire.id.clone()]))}>{ wire_words(document, wire) }</button></li>
                    }
                </ul>
            </section>
        </>
    }
}

fn wire_words(document: &Document, wire: &Wire) -> String {
    let label = |end: &str| document.node(Wire::node_of(end)).map_or(end.to_string(), |node| node.label().to_string());
    format!("{} → {}", label(&wire.from), label(&wire.to))
}

fn todo_html(props: &InspectorProps, problem: &Problem) -> Html {
    let part = problem.node.clone().or_else(|| problem.wire.clone());
    let label = part.as_ref().and_then(|id| props.document.node(id)).map(|node| format!("{}: ", node.label()));
    let text = format!(
        "{}{} {}",
        label.clone().unwrap_or_default(),
        if label.is_some() { problem.message.clone() } else { problem.to_string() },
        problem.remedy
    );
    match part {
        Some(id) => {
            html! { <button class="todo" onclick={act(&props.send, Action::Select(vec![id]))}>{ text }</button> }
        }
        None => html! { <p class="problem">{ text }</p> },
    }
}
