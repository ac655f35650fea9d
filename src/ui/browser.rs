//! The browser's own things: storage, files, addresses, the clipboard, the size of things.

use serde_json::Value as Json;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Storage, Url, UrlSearchParams, Window};

use crate::vocabulary::json;

/// The key under which the open document is kept.
const DOCUMENT_KEY: &str = "patchbay.document";
/// The key under which a document that could not be read is put aside.
const ASIDE_KEY: &str = "patchbay.document.unreadable";
/// The key under which own work is kept aside while a drawing from a link is open, and how many there may be.
const OWN_KEY: &str = "patchbay.aside";
const ASIDE_MAX: usize = 12;
/// The key of the chosen theme.
const THEME_KEY: &str = "patchbay.theme";

/// The window. A page has one.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// Storage, unless the browser or an embedding page forbids it.
fn storage() -> Option<Storage> {
    window()?.local_storage().ok()?
}

/// Keeps the document; false if the browser would not.
pub fn keep_document(text: &str) -> bool {
    storage().is_some_and(|storage| storage.set_item(DOCUMENT_KEY, text).is_ok())
}

/// The document that was kept.
pub fn kept_document() -> Option<String> {
    storage()?.get_item(DOCUMENT_KEY).ok()?
}

/// Puts a kept document that can't be read aside, so that the next save does not overwrite it.
#[inline(never)]
pub fn put_aside(text: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(ASIDE_KEY, text);
    }
}

/// The drawings that were kept aside, newest last, as texts.
#[inline(never)]
pub fn kept_aside() -> Vec<String> {
    let text = storage().and_then(|storage| storage.get_item(OWN_KEY).ok()?);
    match text.and_then(|text| json::read(&text).ok()) {
        Some(Json::Array(texts)) => texts.iter().filter_map(|text| text.as_str().map(str::to_string)).collect(),
        _ => Vec::new(),
    }
}

/// Keeps a drawing aside, once; false if there is no room for it.
#[inline(never)]
pub fn keep_aside(text: &str) -> bool {
    let mut texts = kept_aside();
    if texts.iter().any(|kept| kept == text) {
        return true;
    }
    texts.push(text.to_string());
    texts.len() <= ASIDE_MAX && write_aside(texts)
}

/// Keeps the drawing with this number aside no longer.
#[inline(never)]
pub fn forget_aside(number: usize) {
    let mut texts = kept_aside();
    if number < texts.len() {
        texts.remove(number);
        write_aside(texts);
    }
}

fn write_aside(texts: Vec<String>) -> bool {
    let text = json::to_text(&Json::Array(texts.into_iter().map(Json::String).collect()));
    storage().is_some_and(|storage| storage.set_item(OWN_KEY, &text).is_ok())
}

/// The letters of a drawing in the page's address, behind `#d=`.
pub fn linked() -> Option<String> {
    window()?.location().hash().ok()?.strip_prefix("#d=").map(str::to_string)
}

/// Takes the drawing out of the page's address: from now on it changes, and the address would not.
#[inline(never)]
pub fn forget_link() {
    let Some(window) = window() else { return };
    let (location, history) = (window.location(), window.history());
    if let (Ok(path), Ok(search), Ok(history)) = (location.pathname(), location.search(), history) {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("{path}{search}")));
    }
}

/// The theme that was chosen, if one was.
pub fn kept_theme() -> Option<String> {
    storage()?.get_item(THEME_KEY).ok()?
}

/// Keeps the chosen theme.
pub fn keep_theme(theme: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(THEME_KEY, theme);
    }
}

/// Whether a media query matches now.
pub fn media(query: &str) -> bool {
    window().and_then(|window| window.match_media(query).ok()?).is_some_and(|list| list.matches())
}

/// A parameter of the page's address.
pub fn address_parameter(name: &str) -> Option<String> {
    let search = window()?.location().search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// The address of the page without parameters.
pub fn page_address() -> String {
    let location = window().map(|window| window.location());
    let part = |get: fn(&web_sys::Location) -> Result<String, JsValue>| {
        location.as_ref().and_then(|location| get(location).ok()).unwrap_or_default()
    };
    format!("{}{}", part(web_sys::Location::origin), part(web_sys::Location::pathname))
}

/// Milliseconds of real time since the page was opened.
pub fn clock_ms() -> f64 {
    window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// Device pixels per CSS pixel.
pub fn pixel_ratio() -> f64 {
    window().map_or(1.0, |window| window.device_pixel_ratio()).clamp(0.5, 4.0)
}

/// The height of the window in CSS pixels.
pub fn window_height() -> f64 {
    window().and_then(|window| window.inner_height().ok()?.as_f64()).unwrap_or(800.0)
}

/// Sets an attribute of the page's root element.
pub fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = window().and_then(|window| window.document()).and_then(|document| document.document_element()) {
        let _ = root.set_attribute(name, value);
    }
}

/// Sets the title of the page.
pub fn set_title(title: &str) {
    if let Some(document) = window().and_then(|window| window.document()) {
        document.set_title(title);
    }
}

/// Gives the person a file.
#[inline(never)]
pub fn download(name: &str, kind: &str, text: &str) {
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let Ok(blob) = Blob::new_with_str_sequence_and_options(&parts, &options) else { return };
    let Ok(address) = Url::create_object_url_with_blob(&blob) else { return };
    let anchor = window().and_then(|window| window.document()).and_then(|document| document.create_element("a").ok());
    if let Some(anchor) = anchor.and_then(|element| element.dyn_into::<HtmlAnchorElement>().ok()) {
        anchor.set_href(&address);
        anchor.set_download(name);
        anchor.click();
    }
    let _ = Url::revoke_object_url(&address);
}

/// Puts a text into the clipboard.
#[inline(never)]
pub fn copy(text: &str) {
    if let Some(window) = window() {
        let _ = window.navigator().clipboard().write_text(text);
    }
}

/// A text in small letters. The browser has the letters of all languages; the standard library would bring them again.
pub fn lower_case(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

/// A name for a file, from a title.
pub fn file_name(title: &str, ending: &str) -> String {
    let word: String = title
        .to_ascii_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    let word = word.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    format!("{}.{ending}", if word.is_empty() { "patchbay" } else { &word })
}
