//! The palette: every kind of part, to drag onto the canvas or to tap and place.

use yew::prelude::*;

use crate::model::{node_kind, Group, NodeKind, KINDS};
use crate::scenario::document::Document;
use crate::session::gesture::Armed;

use super::app::Msg;
use super::icons::glyph;

/// The kinds, by group. Open are the clients, and the products that the drawing has; at first RabbitMQ.
pub fn palette(document: &Document, armed: Option<&str>, send: &Callback<Msg>) -> Html {
    let is_used = |group: Group| {
        let kinds = document.nodes.iter().filter_map(|node| node_kind(&node.kind));
        kinds.filter(|kind| kind.is_host()).any(|kind| kind.group == group)
    };
    let any_product = Group::ALL.into_iter().any(is_used);
    html! {
        <nav class="palette" aria-label="Parts">
            for group in Group::ALL {
                <details open={group == Group::Clients || is_used(group) || (group == Group::RabbitMq && !any_product)}>
                    <summary>{ group.label() }</summary>
                    for kind in KINDS.iter().filter(|kind| kind.group == group) {
                        { item(kind, armed, send) }
                    }
                </details>
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
