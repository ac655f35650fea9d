//! The palette: every kind of part, to drag onto the canvas or to tap and place.

use yew::prelude::*;

use crate::model::{Group, KINDS};
use crate::session::gesture::Armed;

use super::app::Msg;
use super::icons::Icon;

#[derive(Properties, PartialEq)]
pub struct PaletteProps {
    pub armed: Option<String>,
    pub send: Callback<Msg>,
}

/// The kinds, by group.
#[component]
pub fn Palette(props: &PaletteProps) -> Html {
    html! {
        <nav class="palette" aria-label="Parts">
            for group in Group::ALL {
                <h2>{ group.label() }</h2>
                for kind in KINDS.iter().filter(|kind| kind.group == group) {
                    <Item key={kind.name} kind={kind.name} label={kind.label} help={kind.help}
                        armed={props.armed.as_deref() == Some(kind.name)} send={props.send.clone()} />
                }
            }
            <p class="hint">{ "Drag a part onto the canvas, or click it and then the place. Draw wires from the small circles." }</p>
        </nav>
    }
}

#[derive(Properties, PartialEq)]
struct ItemProps {
    kind: &'static str,
    label: &'static str,
    help: &'static str,
    armed: bool,
    send: Callback<Msg>,
}

#[component]
fn Item(props: &ItemProps) -> Html {
    let kind = props.kind;
    let onclick = {
        let (send, armed) = (props.send.clone(), props.armed);
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
        let send = props.send.clone();
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
        <button class={classes!("item", props.armed.then_some("armed"))} title={props.help} {onclick} {onpointerdown}
            aria-pressed={props.armed.to_string()} data-kind={kind}>
            <Icon name={kind} />{ props.label }
        </button>
    }
}
