//! A drawing in the address of the page: the whole document, compressed by the browser, behind `#d=`. What stands there
//! is sent to no server.

use js_sys::{Array, Function, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStreamDefaultReader, ReadableWritablePair};
use yew::prelude::*;

use crate::scenario::codec;
use crate::scenario::document::Document;
use crate::scenario::limits::TEXT_BYTES_MAX;
use crate::session::link::{pack, unpack};

use super::app::Msg;
use super::browser;
use super::dialogs::snippet;

/// Addresses longer than this, in letters, are cut off by some programs on the way.
const LONG: usize = 8_000;

/// What is asked of the page about links.
pub enum Ask {
    /// Read the drawing that the page's address carries, if it does.
    Read,
    /// It was read; or why it can't be.
    WasRead(Box<Result<Document, String>>),
    /// Open the drawing with this number that was kept aside.
    OpenAside(usize),
    /// Keep it no longer.
    ForgetAside(usize),
}

/// The letters of an address that carry a document; none if the browser can't compress.
async fn letters_of(text: String) -> Option<String> {
    let bytes = through(text.as_bytes(), &changer("CompressionStream").ok()?).await.ok()?;
    Some(pack(&bytes))
}

/// The document that the page's address carries; none if it carries none.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub async fn document_of_address() -> Option<Result<Document, String>> {
    let letters = browser::linked()?;
    Some(document_of(&letters).await)
}

async fn document_of(letters: &str) -> Result<Document, String> {
    let damaged = "The link is damaged, or was cut off on the way: ask for it once more, or for the file.";
    let bytes = unpack(letters).ok_or(damaged)?;
    let stream =
        changer("DecompressionStream").map_err(|_| "This browser is too old to open a link that carries a drawing.")?;
    let bytes = through(&bytes, &stream).await.map_err(|_| damaged)?;
    codec::decode_bytes(&bytes).map_err(|error| format!("The drawing in the link can't be opened: {error}."))
}

/// The browser's own stream of this name. It is asked for by its name, because not every browser has it.
fn changer(name: &str) -> Result<ReadableWritablePair, JsValue> {
    let constructor: Function = Reflect::get(&js_sys::global(), &name.into())?.dyn_into()?;
    Ok(Reflect::construct(&constructor, &Array::of1(&"deflate-raw".into()))?.unchecked_into())
}

/// Sends bytes through a stream that changes them. It ends with an error when more comes out than a document may have:
/// a small link could hold gigabytes.
async fn through(bytes: &[u8], changer: &ReadableWritablePair) -> Result<Vec<u8>, JsValue> {
    let blob = Blob::new_with_u8_array_sequence(&Array::of1(&Uint8Array::from(bytes)))?;
    let stream = blob.stream().pipe_through(changer);
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut out = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await?;
        if Reflect::get(&chunk, &"done".into())?.is_truthy() {
            return Ok(out);
        }
        let bytes: Uint8Array = Reflect::get(&chunk, &"value".into())?.unchecked_into();
        out.extend(bytes.to_vec());
        if out.len() > TEXT_BYTES_MAX {
            let _ = reader.cancel();
            return Err(JsValue::NULL);
        }
    }
}

/// The properties of the link in the dialog.
#[derive(Properties)]
pub struct ShareLinkProps {
    pub document: std::rc::Rc<Document>,
    pub send: Callback<Msg>,
}

impl PartialEq for ShareLinkProps {
    fn eq(&self, other: &ShareLinkProps) -> bool {
        std::rc::Rc::ptr_eq(&self.document, &other.document)
    }
}

/// The link, its length, and the text for a page of one's own.
#[component]
pub fn ShareLink(props: &ShareLinkProps) -> Html {
    // Not yet known; or none, if the browser can't make it.
    let letters = use_state(|| None::<Option<String>>);
    {
        let letters = letters.clone();
        use_effect_with(codec::encode(&props.document), move |text| {
            let text = text.clone();
            wasm_bindgen_futures::spawn_local(async move { letters.set(Some(letters_of(text).await)) });
        });
    }
    let Some(letters) = &*letters else { return html! { <p class="quiet">{ "Making the link…" }</p> } };
    let Some(letters) = letters else {
        return html! { <p class="help">{ "This browser can't make a link that carries the drawing: save the document instead." }</p> };
    };
    let address = browser::page_address();
    let link = format!("{address}#d={letters}");
    let size = format!("{:.1} kB", link.len() as f64 / 1000.0);
    let is_long = link.len() > LONG;
    let title = props.document.title.replace('&', "&amp;").replace('"', "&quot;");
    let frame = format!(
        "<iframe src=\"{address}?embed=1&mode=play#d={letters}\" title=\"{title}\" width=\"100%\" height=\"420\" loading=\"lazy\"></iframe>"
    );
    html! {
        <>
            { snippet(link, "Link", &props.send) }
            if is_long {
                <p class="problem" data-testid="link-size">{ format!("The link is long, {size}: some programs cut such links off. The file is the better way.") }</p>
            } else {
                <p class="help" data-testid="link-size">{ format!("{size}. The whole drawing is in the link itself; nothing is sent to a server.") }</p>
                <h3>{ "In a page of your own" }</h3>
                { snippet(frame, "Text for a page", &props.send) }
                <p class="help">{ "mode may be view (look only), play (run and break) or edit. Add theme=light or theme=dark to fix the colours." }</p>
            }
        </>
    }
}
