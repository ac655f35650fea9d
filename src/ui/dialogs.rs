//! Dialogs: the gallery of ready scenarios, sharing, the keys, and the list that is offered where a part is to be placed.

use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlDialogElement, HtmlInputElement, HtmlTextAreaElement};
use yew::prelude::*;

use crate::diagram::geometry::Point;
use crate::model::node_kind;
use crate::scenario::document::Document;
use crate::scenario::library;

use super::app::Msg;
use super::browser;
use super::icons::glyph;
use super::keys::HELP;

/// Files larger than this are not even read: far above what the text form allows.
const FILE_BYTES_MAX: f64 = 64e6;

/// A dialog.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// Ready scenarios and files.
    Gallery,
    /// Files, pictures and the text for a host page.
    Share,
    /// The keys.
    Keys,
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

#[derive(Properties)]
pub struct DialogsProps {
    pub dialog: Option<Dialog>,
    pub quick_add: Option<QuickAdd>,
    pub document: Rc<Document>,
    pub send: Callback<Msg>,
}

impl PartialEq for DialogsProps {
    fn eq(&self, other: &DialogsProps) -> bool {
        self.dialog == other.dialog
            && self.quick_add == other.quick_add
            && Rc::ptr_eq(&self.document, &other.document)
            && self.send == other.send
    }
}

/// Whatever is open.
#[component]
pub fn Dialogs(props: &DialogsProps) -> Html {
    let body = props.dialog.as_ref().map(|dialog| match dialog {
        Dialog::Gallery => ("Open", gallery(&props.send)),
        Dialog::Share => ("Share", share(props)),
        Dialog::Keys => ("Keys", keys()),
    });
    html! {
        <>
            if let Some((title, body)) = body {
                <Modal key={title} {title} send={props.send.clone()}>{ body }</Modal>
            }
            if let Some(quick_add) = &props.quick_add { { offer(quick_add, &props.send) } }
        </>
    }
}

#[derive(Properties, PartialEq)]
struct ModalProps {
    title: &'static str,
    children: Html,
    send: Callback<Msg>,
}

/// The browser's own dialog: it keeps the focus inside and gives it back.
#[component]
fn Modal(props: &ModalProps) -> Html {
    let element = use_node_ref();
    {
        let (element, send) = (element.clone(), props.send.clone());
        use_effect_with((), move |()| {
            let dialog = element.cast::<HtmlDialogElement>();
            let listener = dialog.as_ref().map(|dialog| {
                let _ = dialog.show_modal();
                EventListener::new(dialog, "close", move |_| send.emit(Msg::Dialog(None)))
            });
            move || drop(listener)
        });
    }
    let close = {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Dialog(None)))
    };
    html! {
        <dialog ref={element} aria-labelledby="dialog-title">
            <h2 id="dialog-title">{ props.title }<button class="tool" aria-label="Close" onclick={close}>{ glyph("close") }</button></h2>
            { props.children.clone() }
        </dialog>
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
    html! {
        <>
            <div class="gallery">
                for (id, document) in ready {
                    <button onclick={open(id)} data-scenario={id}><b>{ document.title.clone() }</b><span>{ document.about.clone() }</span></button>
                }
                <button onclick={empty}><b>{ "An empty canvas" }</b><span>{ "Begin with nothing and patch your own." }</span></button>
            </div>
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

fn share(props: &DialogsProps) -> Html {
    let click = |message: fn() -> Msg| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(message()))
    };
    let ready = library::ALL
        .iter()
        .find(|ready| library::document(ready.id).as_ref().is_some_and(|other| other.same_drawing(&props.document)));
    let frame = ready.map(|ready| {
        format!(
            "<iframe src=\"{}?scenario={}&embed=1&mode=play\" title=\"{}\" width=\"100%\" height=\"420\" loading=\"lazy\"></iframe>",
            browser::page_address(),
            ready.id,
            props.document.title.replace('"', "&quot;")
        )
    });
    html! {
        <>
            <div class="gallery two">
                <button onclick={click(|| Msg::ExportDocument)}><b>{ "Save the document" }</b><span>{ "A JSON file that can be opened here, written by hand, and run in a terminal." }</span></button>
                <button onclick={click(|| Msg::ExportTopology)}><b>{ "Save a picture" }</b><span>{ "An SVG file of this moment. It carries the document, so it can be opened here again." }</span></button>
            </div>
            if let Some(frame) = frame {
                <h3>{ "In a page of your own" }</h3>
                <Snippet text={frame} send={props.send.clone()} />
                <p class="help">{ "mode may be view (look only), play (run and break) or edit. Add theme=light or theme=dark to fix the colours." }</p>
            } else {
                <p class="help">{ "The ready scenarios can also stand in a page of your own: open one, and its text for the page is here." }</p>
            }
        </>
    }
}

#[derive(Properties, PartialEq)]
struct SnippetProps {
    text: String,
    send: Callback<Msg>,
}

/// A text to copy.
#[component]
fn Snippet(props: &SnippetProps) -> Html {
    let area = use_node_ref();
    let onclick = {
        let (area, text, send) = (area.clone(), props.text.clone(), props.send.clone());
        Callback::from(move |_: MouseEvent| {
            if let Some(area) = area.cast::<HtmlTextAreaElement>() {
                area.select();
            }
            browser::copy(&text);
            send.emit(Msg::Say("Copied.".into()));
        })
    };
    html! {
        <div class="snippet">
            <textarea ref={area} class="number" rows="3" readonly=true value={props.text.clone()} aria-label="Text for a page" />
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
fn offer(quick_add: &QuickAdd, send: &Callback<Msg>) -> Html {
    let pick = |kind: &'static str| {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::QuickPick(kind.to_string())))
    };
    let place = format!("--x:{:.0}px;--y:{:.0}px", quick_add.place.0, quick_add.place.1);
    let title = if quick_add.with.is_some() { "Connect with a new" } else { "Add a" };
    html! {
        <Offer {place}>
            <h2>{ title }</h2>
            for kind in &quick_add.kinds {
                <button class="item" onclick={pick(kind)} data-offer={*kind}>{ glyph(kind) }{ node_kind(kind).map_or(*kind, |kind| kind.label) }</button>
            }
        </Offer>
    }
}

#[derive(Properties, PartialEq)]
struct OfferProps {
    place: String,
    children: Html,
}

/// Places its list through the element's own style object, which a strict content policy allows.
#[component]
fn Offer(props: &OfferProps) -> Html {
    let element = use_node_ref();
    {
        let element = element.clone();
        use_effect_with(props.place.clone(), move |place| {
            if let Some(element) = element.cast::<web_sys::HtmlElement>() {
                element.style().set_css_text(place);
                let first = element.query_selector("button").ok().flatten();
                if let Some(first) = first.and_then(|first| first.dyn_into::<web_sys::HtmlElement>().ok()) {
                    let _ = first.focus();
                }
            }
        });
    }
    html! { <div ref={element} class="offer" role="menu">{ props.children.clone() }</div> }
}
