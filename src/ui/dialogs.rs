//! Dialogs: the gallery of ready scenarios, sharing, the keys, and the list that is offered where a part is to be placed.
//! Those about broker products have files of their own.

use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlDialogElement, HtmlElement, HtmlInputElement};
use yew::prelude::*;

use crate::diagram::geometry::Point;
use crate::model::broker::profile::profile;
use crate::model::node_kind;
use crate::scenario::document::Document;
use crate::scenario::{codec, library};
use crate::session::branches::Branches;
use crate::session::Session;

use super::app::Msg;
use super::brokers::Brokers;
use super::browser;
use super::fidelity::sheet;
use super::icons::glyph;
use super::keys::HELP;
use super::link::{Ask, ShareLink};
use super::switch::SwitchDialog;

/// Files larger than this are not even read: far above what the text form allows.
const FILE_BYTES_MAX: f64 = 64e6;

/// A dialog.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// Ready scenarios and files.
    Gallery,
    /// Files, pictures, the link and the text for a host page.
    Share,
    /// The branches of the run.
    Branches,
    /// The keys.
    Keys,
    /// Switching this broker to another product.
    Switch(String),
    /// How faithful this product is.
    Fidelity(&'static str),
    /// The same load on every product.
    Brokers,
}

/// Kinds that are offered at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct QuickAdd {
    /// The point of the plane.
    pub at: Point,
    /// The point of the canvas where the list appears.
    pub place: Point,
    /// The node to connect the new one with.
    pub with: Option<String>,
    /// The kinds.
    pub kinds: Vec<&'static str>,
}

/// What the dialogs are made of.
pub struct Shown<'a> {
    /// The dialog that is open.
    pub dialog: Option<&'a Dialog>,
    /// The list that is offered on the canvas.
    pub quick_add: Option<&'a QuickAdd>,
    /// The document.
    pub document: &'a Rc<Document>,
    /// The session.
    pub session: &'a Session,
    /// The dialog's element; the root opens it once it is there.
    pub modal: &'a NodeRef,
    /// The list's element; the root moves it to its place.
    pub offer: &'a NodeRef,
    /// Where messages go.
    pub send: &'a Callback<Msg>,
}

/// Whatever is open.
pub fn dialogs(shown: &Shown) -> Html {
    let body = shown.dialog.map(|dialog| match dialog {
        Dialog::Gallery => ("Open", gallery(shown.send)),
        Dialog::Share => ("Share", share(shown)),
        Dialog::Branches => ("Branches of the run", branches(shown)),
        Dialog::Keys => ("Keys", keys()),
        Dialog::Switch(host) => (
            "Switch product",
            html! { <SwitchDialog document={shown.document.clone()} host={host.clone()} send={shown.send.clone()} /> },
        ),
        Dialog::Fidelity(name) => ("How faithful is this?", sheet(profile(name))),
        Dialog::Brokers => ("Compare brokers", html! { <Brokers send={shown.send.clone()} /> }),
    });
    let send = shown.send.clone();
    let close = Callback::from(move |_: MouseEvent| send.emit(Msg::Dialog(None)));
    html! {
        <>
            if let Some((title, body)) = body {
                <dialog key={title} ref={shown.modal.clone()} aria-labelledby="dialog-title">
                    <h2 id="dialog-title">{ title }<button class="tool" aria-label="Close" onclick={close}>{ glyph("close") }</button></h2>
                    { body }
                </dialog>
            }
            if let Some(quick_add) = shown.quick_add { { offer(quick_add, shown) } }
        </>
    }
}

/// The browser's own dialog keeps the focus inside and gives it back; it is opened once it stands in the page. Gives
/// the listener for its end, which the browser can bring about by itself.
pub fn open_modal(modal: &NodeRef, send: &Callback<Msg>) -> Option<EventListener> {
    let dialog = modal.cast::<HtmlDialogElement>().filter(|dialog| !dialog.open())?;
    // It stands in the page and is not open, which is all that could be wrong.
    let _ = dialog.show_modal();
    let send = send.clone();
    Some(EventListener::new(&dialog, "close", move |_| send.emit(Msg::Dialog(None))))
}

/// Closes the dialog, so that the focus goes back to where it was.
pub fn close_modal(modal: &NodeRef) {
    if let Some(dialog) = modal.cast::<HtmlDialogElement>() {
        dialog.close();
    }
}

/// Moves the list to its place, through its style object, which a strict content policy allows; its first entry gets
/// the focus.
pub fn place_offer(offer: &NodeRef, quick_add: &QuickAdd) {
    let Some(element) = offer.cast::<HtmlElement>() else { return };
    element.style().set_css_text(&format!("--x:{:.0}px;--y:{:.0}px", quick_add.place.0, quick_add.place.1));
    let first = element.query_selector("button").ok().flatten();
    if let Some(first) = first.and_then(|first| first.dyn_into::<HtmlElement>().ok()) {
        let _ = first.focus();
    }
}

fn gallery(send: &Callback<Msg>) -> Html {
    let ready = library::ALL.iter().filter_map(|ready| Some((ready.id, library::document(ready.id)?)));
    let open = |id: &'static str| {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::OpenReady(id)))
    };
    let empty = {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::OpenEmpty))
    };
    let compare = {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Dialog(Some(Dialog::Brokers))))
    };
    html! {
        <>
            <div class="gallery">
                for (id, document) in ready {
                    <button onclick={open(id)} data-scenario={id}><b>{ document.title.clone() }</b><span>{ document.about.clone() }</span></button>
                }
                <button onclick={empty}><b>{ "An empty canvas" }</b><span>{ "Begin with nothing and patch your own." }</span></button>
                <button onclick={compare} data-testid="compare-brokers"><b>{ "Compare brokers" }</b><span>{ "The same load on every product, side by side, and what each is best for." }</span></button>
            </div>
            { aside(send) }
            <label class="file">{ "Or open a file: " }<input type="file" accept=".json,.svg,application/json,image/svg+xml" onchange={pick_file(send)} /></label>
            <p class="help">{ "A document that was saved here, or a picture of a drawing: the picture carries its document. Undo brings back what is open now." }</p>
        </>
    }
}

/// Reads the chosen file and hands its bytes on.
fn pick_file(send: &Callback<Msg>) -> Callback<Event> {
    let send = send.clone();
    Callback::from(move |event: Event| {
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let Some(file) = input.and_then(|input| input.files()).and_then(|files| files.get(0)) else { return };
        let name = file.name();
        if file.size() > FILE_BYTES_MAX {
            send.emit(Msg::Refuse(format!("{name} is far too large to be a document of this page.")));
            return;
        }
        let send = send.clone();
        wasm_bindgen_futures::spawn_local(async move {
            match wasm_bindgen_futures::JsFuture::from(file.array_buffer()).await {
                Ok(buffer) => send.emit(Msg::OpenText(name, js_sys::Uint8Array::new(&buffer).to_vec())),
                Err(_) => send.emit(Msg::Refuse(format!("{name} could not be read."))),
            }
        });
    })
}

fn share(props: &Shown) -> Html {
    let click = |message: fn() -> Msg| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(message()))
    };
    let ready = library::ALL
        .iter()
        .find(|ready| library::document(ready.id).as_ref().is_some_and(|other| other.same_drawing(props.document)));
    let short = ready.map(|ready| {
        let address = format!("{}?scenario={}", browser::page_address(), ready.id);
        let frame = format!(
            "<iframe src=\"{address}&embed=1&mode=play\" title=\"{}\" width=\"100%\" height=\"420\" loading=\"lazy\"></iframe>",
            props.document.title.replace('"', "&quot;")
        );
        (address, frame)
    });
    html! {
        <>
            <div class="gallery two">
                <button onclick={click(|| Msg::ExportDocument)}><b>{ "Save the document" }</b><span>{ "A JSON file that can be opened here, written by hand, and run in a terminal." }</span></button>
                <button onclick={click(|| Msg::ExportTopology)}><b>{ "Save a picture" }</b><span>{ "An SVG file of this moment. It carries the document, so it can be opened here again." }</span></button>
            </div>
            <h3>{ "A link" }</h3>
            if let Some((address, frame)) = short {
                { snippet(address, "Link", props.send) }
                <p class="help">{ "This is a ready scenario. Once it is changed, the link carries the whole drawing." }</p>
                <h3>{ "In a page of your own" }</h3>
                { snippet(frame, "Text for a page", props.send) }
                <p class="help">{ "mode may be view (look only), play (run and break) or edit. Add theme=light or theme=dark to fix the colours." }</p>
            } else {
                <ShareLink document={props.document.clone()} send={props.send.clone()} />
            }
        </>
    }
}

/// Own work that was put aside for a drawing from a link.
fn aside(send: &Callback<Msg>) -> Html {
    let texts = browser::kept_aside();
    if texts.is_empty() {
        return html! {};
    }
    let click = |ask: fn(usize) -> Ask, number: usize| {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Link(ask(number))))
    };
    let row = |(number, text): (usize, &String)| {
        let (title, parts) = match codec::decode(text) {
            Ok(document) if document.title.is_empty() => ("Untitled".to_string(), document.nodes.len()),
            Ok(document) => (document.title, document.nodes.len()),
            Err(_) => ("Can't be read".to_string(), 0),
        };
        html! {
            <li>
                <button onclick={click(Ask::OpenAside, number)} data-testid="aside"><b>{ title.clone() }</b><span class="soft">{ format!("{parts} parts") }</span></button>
                <button class="tool danger" aria-label={format!("Forget {title}")} title="Forget it" onclick={click(Ask::ForgetAside, number)}>{ glyph("trash") }</button>
            </li>
        }
    };
    html! {
        <>
            <h3>{ "Your own work, kept aside" }</h3>
            <ul class="aside">{ for texts.iter().enumerate().rev().map(row) }</ul>
        </>
    }
}

/// The branches of the run: the one that is shown, and those that can be taken up again.
fn branches(shown: &Shown) -> Html {
    let Branches { shown: current, left } = shown.session.branches();
    let take_up = |number: usize| {
        let send = shown.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::SwitchBranch(number)))
    };
    html! {
        <>
            <p class="help">{ "Something was changed in the past of the run, and what came after it was left as a branch. Choose one to go back to it; the one that is shown is kept too." }</p>
            <div class="gallery two" data-testid="branches">
                <button disabled=true aria-current="true"><b>{ current.name }</b><span>{ format!("Shown now. Run to {}.", current.until) }</span></button>
                for (number, (branch, parting)) in left.iter().enumerate().rev() {
                    <button onclick={take_up(number)} data-branch={number.to_string()}><b>{ branch.name.clone() }</b><span>{ format!("Parts from what is shown at {parting}. Run to {}.", branch.until) }</span></button>
                }
            </div>
        </>
    }
}

/// A text to copy.
pub fn snippet(text: String, label: &'static str, send: &Callback<Msg>) -> Html {
    let onclick = {
        let (text, send) = (text.clone(), send.clone());
        Callback::from(move |_: MouseEvent| {
            browser::copy(&text);
            send.emit(Msg::Say("Copied.".into()));
        })
    };
    html! {
        <div class="snippet">
            <textarea class="number" rows="3" readonly=true value={text} aria-label={label} />
            <button {onclick}>{ "Copy" }</button>
        </div>
    }
}

fn keys() -> Html {
    html! {
        <table class="keys">
            <tbody>
                for (key, what) in HELP { <tr><th scope="row" class="number">{ key }</th><td>{ what }</td></tr> }
            </tbody>
        </table>
    }
}

/// The list of kinds at a place of the canvas.
fn offer(quick_add: &QuickAdd, shown: &Shown) -> Html {
    let pick = |kind: &'static str| {
        let send = shown.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::QuickPick(kind.to_string())))
    };
    let title = if quick_add.with.is_some() { "Connect with a new" } else { "Add a" };
    html! {
        <div ref={shown.offer.clone()} class="offer" role="menu">
            <h2>{ title }</h2>
            for kind in &quick_add.kinds {
                <button class="item" role="menuitem" onclick={pick(kind)} data-offer={*kind}>{ glyph(kind) }{ node_kind(kind).map_or(*kind, |kind| kind.label) }</button>
            }
        </div>
    }
}
