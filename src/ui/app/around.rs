//! What comes to the page from the window around it: the theme that is asked for, pointers, keys, its size, its address.

use gloo_events::EventListenerOptions;
use wasm_bindgen::JsCast as _;

use super::super::link::Ask;
use super::*;

/// The theme that was chosen, or that the address or the system asks for.
pub(super) fn chosen_theme() -> Theme {
    // Colours that the system forces on the page are light or dark by themselves.
    if browser::media("(forced-colors: active)") {
        return if browser::media("(prefers-color-scheme: dark)") { Theme::Dark } else { Theme::Light };
    }
    let asked = browser::address_parameter("theme").filter(|theme| theme == "light" || theme == "dark");
    match asked.or_else(browser::kept_theme).as_deref() {
        Some("dark") => Theme::Dark,
        Some("light") => Theme::Light,
        _ if browser::media("(prefers-color-scheme: dark)") => Theme::Dark,
        _ => Theme::Light,
    }
}

/// The theme in the page's attributes and in the storage.
pub(super) fn theme_name(theme: Theme) -> &'static str {
    match theme {
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

/// Pointers that leave the palette, keys that are meant for the page, and the size of the window.
pub(super) fn listeners(send: &Callback<Msg>) -> Vec<EventListener> {
    let Some(window) = browser::window() else { return Vec::new() };
    let position = |event: &web_sys::Event| {
        let event = event.dyn_ref::<web_sys::PointerEvent>()?;
        Some((f64::from(event.client_x()), f64::from(event.client_y())))
    };
    let on = |name: &'static str, make: fn(Option<Point>) -> Option<Msg>| {
        let send = send.clone();
        EventListener::new(&window, name, move |event| {
            if let Some(message) = make(position(event)) {
                send.emit(message);
            }
        })
    };
    let keys = {
        let send = send.clone();
        let options = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(&window, "keydown", options, move |event| {
            let Some(key) = event.dyn_ref::<web_sys::KeyboardEvent>() else { return };
            let typing =
                event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()).is_some_and(|element| {
                    matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
                        && element.get_attribute("type").as_deref() != Some("range")
                });
            if let Some(command) =
                super::super::keys::anywhere(key).filter(|command| !typing || *command == Command::Escape)
            {
                event.prevent_default();
                send.emit(Msg::Command(command));
            }
        })
    };
    vec![
        on("pointermove", |at| at.map(Msg::WindowMove)),
        on("pointerup", |at| Some(Msg::WindowUp(at))),
        on("pointercancel", |_| Some(Msg::WindowUp(None))),
        on("resize", |_| Some(Msg::Resized)),
        on("hashchange", |_| browser::linked().map(|_| Msg::Link(Ask::Read))),
        keys,
    ]
}
