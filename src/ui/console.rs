//! The console of a broker in the run: what is typed is said to it at once, and what it answers is listed.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::Value as Json;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::model::broker::console::WORDS;
use crate::model::broker::profile::PROFILES;
use crate::model::broker::server::Word;
use crate::model::node_kind;
use crate::scenario::document::Node;
use crate::session::{Action, Session};
use crate::vocabulary::{json, NodeId};

use super::app::Msg;
use super::dock::DockState;

/// Lines that are shown.
const LINES_MAX: usize = 200;

/// Answers to one line that are looked for.
const LINES_SHOWN_MAX: usize = 12;

/// One line of the transcript.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    class: &'static str,
    client: String,
    text: String,
}

/// What the console shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Everything that can be listened to: node id and label. Brokers can also be spoken to.
    choices: Vec<(String, String)>,
    /// The chosen one.
    node: String,
    /// The words of its product; none for a console on the drawing, which has a script.
    words: Option<&'static [Word]>,
    lines: Vec<Line>,
}

fn words_of(node: &Node) -> Option<&'static [Word]> {
    PROFILES.iter().find(|profile| profile.host == node.kind).map(|profile| profile.words())
}

/// Reads the transcript of the chosen broker: the one that is selected or holds what is selected, or else the first.
#[inline(never)]
pub fn view(session: &Session, state: &DockState) -> View {
    let document = session.document();
    let is_choice = |node: &&Node| words_of(node).is_some() || node.kind == "console";
    let choices: Vec<&Node> = document.nodes.iter().filter(is_choice).collect();
    let selected = session.selection().single().and_then(|id| document.node(id));
    let selected = selected.map(|node| node.host.clone().unwrap_or_else(|| node.id.clone()));
    let by_id = |id: &str| choices.iter().copied().find(|node| node.id == id);
    let chosen = selected.as_deref().and_then(by_id).or_else(|| by_id(&state.console));
    let Some(chosen) = chosen.or(choices.first().copied()) else { return View::default() };
    let transcript = match session.run().node(&chosen.id) {
        Some(node) => session.run().simulation().transcript(node),
        None => Vec::new(),
    };
    let skipped = transcript.len().saturating_sub(LINES_MAX);
    View {
        choices: choices.iter().map(|node| (node.id.clone(), node.label().to_string())).collect(),
        node: chosen.id.clone(),
        words: words_of(chosen),
        lines: transcript.iter().skip(skipped).map(|text| line(text)).collect(),
    }
}

/// What a console with a script said last, and what was answered since.
#[inline(never)]
pub fn last_words(session: &Session, node: NodeId) -> Vec<String> {
    let transcript = session.run().simulation().transcript(node);
    let lines: Vec<Line> = transcript.iter().rev().take(LINES_SHOWN_MAX).map(|text| line(text)).collect();
    let Some(said) = lines.iter().position(|line| line.class == "typed") else {
        return Vec::new();
    };
    lines[..=said].iter().rev().map(|line| line.text.clone()).collect()
}

/// Takes a line of JSON apart: who, what, and the rest as it is.
fn line(text: &str) -> Line {
    let Ok(Json::Object(mut fields)) = json::read(text) else {
        return Line { class: "", client: String::new(), text: text.to_string() };
    };
    let text_of = |json: Option<Json>| json.and_then(|json| json.as_str().map(str::to_string)).unwrap_or_default();
    let client = text_of(fields.remove("client"));
    if let Some(typed) = fields.remove("line") {
        // In a script the client is named in the line itself.
        let text = match client.as_str() {
            "" => text_of(Some(typed)),
            client => format!("{client}> {}", text_of(Some(typed))),
        };
        return Line { class: "typed", client: text_of(fields.remove("at")), text };
    }
    let Some((word, body)) = fields.into_iter().next() else {
        return Line { class: "", client, text: String::new() };
    };
    let class = if body.get("error").is_some() { "lost" } else { "" };
    let body = help_text(&body).unwrap_or_else(|| json::to_text(&body));
    let text = if word == "reply" { body } else { format!("{word} {body}") };
    Line { class, client, text }
}

/// The answer to `help` as lines to read: how each word is used, and what it does.
fn help_text(body: &Json) -> Option<String> {
    let one = |word: &Json| Some(format!("{}\n    {}", word.get("usage")?.as_str()?, word.get("help")?.as_str()?));
    match body {
        Json::Array(words) => {
            Some(words.iter().map(one).collect::<Option<Vec<_>>>()?.join("\n")).filter(|text| !text.is_empty())
        }
        word => one(word),
    }
}

/// The properties of the console.
#[derive(Properties, PartialEq)]
pub struct ConsoleProps {
    pub view: Rc<View>,
    pub state: DockState,
    pub send: Callback<Msg>,
}

/// The console.
#[component]
pub fn Console(props: &ConsoleProps) -> Html {
    let history = use_mut_ref(Vec::<String>::new);
    let place = use_mut_ref(|| 0_usize);
    let list = use_node_ref();
    let view = &props.view;
    {
        let list = list.clone();
        use_effect_with(view.lines.clone(), move |_| {
            if let Some(element) = list.cast::<web_sys::Element>() {
                element.set_scroll_top(element.scroll_height());
            }
        });
    }
    if view.choices.is_empty() {
        return html! { <p class="quiet">{ "There is no broker yet. Add a queue, and a broker comes with it." }</p> };
    }
    let choose = {
        let (send, state) = (props.send.clone(), props.state.clone());
        Callback::from(move |event: Event| {
            if let Some(select) = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok()) {
                send.emit(Msg::Act(Action::Select(vec![select.value()])));
                send.emit(Msg::Dock(DockState { console: select.value(), ..state.clone() }));
            }
        })
    };
    let keys = keys(props.send.clone(), view.node.clone(), history, place);
    html! {
        <div class="console">
            <ol ref={list} aria-live="polite">
                for line in &view.lines {
                    <li class={line.class}><span class="soft">{ line.client.clone() }</span><code>{ line.text.clone() }</code></li>
                }
            </ol>
            <div class="entry">
                <select onchange={choose} aria-label="Which broker">
                    for (id, label) in &view.choices { <option value={id.clone()} selected={*id == view.node}>{ label.clone() }</option> }
                </select>
                if let Some(words) = view.words {
                    <input list="words" class="number" onkeydown={keys} autocomplete="off" autocapitalize="off" spellcheck="false"
                        placeholder="Say something to the broker: help lists its words" aria-label="Operation" />
                    <datalist id="words">
                        for word in words.iter().chain(WORDS) { <option value={word.usage}>{ word.help }</option> }
                    </datalist>
                } else {
                    <span class="quiet">{ "It says what its script says." }</span>
                }
            </div>
        </div>
    }
}

/// Enter says the line; the arrow keys bring back earlier ones.
fn keys(
    send: Callback<Msg>,
    node: String,
    history: Rc<RefCell<Vec<String>>>,
    place: Rc<RefCell<usize>>,
) -> Callback<KeyboardEvent> {
    Callback::from(move |event: KeyboardEvent| {
        let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
            return;
        };
        let (mut history, mut place) = (history.borrow_mut(), place.borrow_mut());
        match event.key().as_str() {
            "Enter" if !input.value().trim().is_empty() => {
                let line = input.value().trim().to_string();
                send.emit(Msg::Console(node.clone(), line.clone()));
                history.retain(|earlier| *earlier != line);
                history.push(line);
                *place = history.len();
                input.set_value("");
            }
            "ArrowUp" if *place > 0 => {
                event.prevent_default();
                *place -= 1;
                input.set_value(&history[*place]);
            }
            "ArrowDown" if *place < history.len() => {
                event.prevent_default();
                *place += 1;
                input.set_value(history.get(*place).map_or("", String::as_str));
            }
            _ => {}
        }
    })
}

/// Why a broker can't be spoken to now.
pub fn refusal(session: &Session, node: &str) -> Option<String> {
    use crate::kernel::NodeCondition;
    let id = session.run().node(node)?;
    let label = session.document().node(node).map_or(node, |node| node.label());
    let kind = session.document().node(node).and_then(|node| node_kind(&node.kind))?;
    (session.run().simulation().condition(id) != NodeCondition::Running)
        .then(|| format!("{label} is not running: restart the {} first.", kind.label.to_ascii_lowercase()))
}
