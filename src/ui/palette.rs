//! The palette: every kind of part, to drag onto the canvas or to tap and place.

use yew::prelude::*;

use crate::model::{Group, NodeKind, KINDS};
use crate::session::gesture::Armed;

use super::app::Msg;
use super::icons::glyph;

/// The kinds, by group.
pub fn palette(armed: Option<&str>, send: &Callback<Msg>) -> Html {
    html! {
        <nav class="palette" aria-label="Parts">
            for group in Group::ALL {
                <h2>{ group.label() }</h2>
                for kind in KINDS.iter().filter(|kind| kind.group == group) {
                    { item(kind, armed, send) }
                }
            }
            <p class="hint">{ "Drag a part onto the canvas, or click it and then the place. Draw wires from the small circles." }</p>
        </nav>
    }
}

fn item(known: &'static NodeKind, armed: Option<&str>, send: &Callback<Msg>) -> Html {
    let kind = known.name;
    let armed = armed == Some(kind);
    let onclick = {
        let send = send.clone();
        Callback::from(move |event: MouseEvent| {
            // Enter or Space on the button: no place will be clicked, so the part goes to the middle.
            if event.detail() == 0 {
                send.emit(Msg::PlaceInMiddle(kind.to_string()));
            } else {
                send.emit(Msg::Arm(if armed { Armed::No } else { Armed::Place(kind.to_string()) }));
            }
        })
    };
    let onpointerdown = {
        let send = send.clone();
        Callback::from(move |event: PointerEvent| {
            if event.button() == 0 {
                send.emit(Msg::PaletteDown(
                    kind.to_string(),
                    (f64::from(event.client_x()), f64::from(event.client_y())),
                ));
            }
        })
    };
    html! {
        <button class={classes!("item", armed.then_some("armed"))} title={known.help} {onclick} {onpointerdown}
            aria-pressed={armed.to_string()} data-kind={kind}>
            { glyph(kind) }{ known.label }
        </button>
    }
}
