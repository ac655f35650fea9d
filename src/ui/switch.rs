//! Switching a broker to another product: what it means before, and what is different after.

use std::rc::Rc;

use web_sys::HtmlElement;
use yew::prelude::*;

use crate::model::broker::profile::{Profile, PROFILES};
use crate::scenario::compare::MessageKey;
use crate::scenario::document::{Document, Node};
use crate::scenario::switch::{product_at, Loss, Pair, Switch};
use crate::session::switched::switch;
use crate::session::{Action, Mode};

use super::app::Msg;
use super::browser;
use super::dialogs::Dialog;
use super::differences::Differences;

/// What the dialogs about products ask the page for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Open this drawing in place of what is open.
    Open(Box<Document>),
    /// Put this drawing in place of what is open, with this part selected, and go on talking.
    Switch(Box<Document>, String),
    /// Follow a message of the run that is open.
    Follow(MessageKey),
}

/// The dialog that the address asks for.
pub fn asked_for() -> Option<Dialog> {
    browser::address_parameter("compare").filter(|value| value == "1").map(|_| Dialog::Brokers)
}

/// What the inspector offers at a broker or a part of one.
pub fn offer_html(document: &Document, node: &Node, mode: Mode, send: &Callback<Msg>) -> Html {
    let Some((profile, host)) = product_at(document, &node.id) else { return html! {} };
    let open = |dialog: Dialog| {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Dialog(Some(dialog.clone()))))
    };
    html! {
        <div class="deeds product" role="group" aria-label={profile.label}>
            if mode == Mode::Edit {
                <button onclick={open(Dialog::Switch(host))} data-testid="switch-product"
                    title="See what this drawing would be on another broker product">{ "Switch product…" }</button>
            }
            <button onclick={open(Dialog::Fidelity(profile.name))} data-testid="fidelity"
                title={format!("What is reproduced of {} and what is not", profile.label)}>{ "How faithful is this?" }</button>
        </div>
    }
}

/// The dialog.
#[derive(Default)]
pub struct SwitchDialog {
    /// The product that was chosen, with what it means.
    planned: Option<(&'static Profile, Result<Rc<Switch>, String>)>,
    /// The drawings before and after, once it is done.
    done: Option<(Rc<Document>, Rc<Document>)>,
    /// Where the focus goes when the button that had it is gone.
    result: NodeRef,
    /// It has to go there.
    moves_focus: bool,
}

#[derive(Properties)]
pub struct SwitchProps {
    pub document: Rc<Document>,
    /// The id of the broker.
    pub host: String,
    pub send: Callback<Msg>,
}

impl PartialEq for SwitchProps {
    fn eq(&self, other: &SwitchProps) -> bool {
        Rc::ptr_eq(&self.document, &other.document) && self.host == other.host
    }
}

/// What happens in the dialog.
pub enum Deed {
    /// Look at a product.
    Choose(&'static Profile),
    /// Do it.
    Switch,
    /// Choose again.
    Again,
}

impl Component for SwitchDialog {
    type Message = Deed;
    type Properties = SwitchProps;

    fn create(_: &Context<SwitchDialog>) -> SwitchDialog {
        SwitchDialog::default()
    }

    fn update(&mut self, context: &Context<SwitchDialog>, deed: Deed) -> bool {
        let SwitchProps { document, host, send } = context.props();
        match deed {
            Deed::Choose(profile) => {
                let planned = switch(document, host, profile.name).map(Rc::new).map_err(|refusal| refusal.to_string());
                self.planned = Some((profile, planned));
            }
            Deed::Switch => {
                if let Some((_, Ok(planned))) = &self.planned {
                    let after = planned.document.clone();
                    self.moves_focus = true;
                    self.done = Some((document.clone(), Rc::new(after.clone())));
                    send.emit(Msg::Switching(Ask::Switch(Box::new(after), host.clone())));
                }
            }
            Deed::Again => *self = SwitchDialog { moves_focus: true, ..SwitchDialog::default() },
        }
        true
    }

    fn rendered(&mut self, _: &Context<SwitchDialog>, _: bool) {
        if std::mem::take(&mut self.moves_focus) {
            if let Some(element) = self.result.cast::<HtmlElement>() {
                let _ = element.focus();
            }
        }
    }

    fn view(&self, context: &Context<SwitchDialog>) -> Html {
        let props = context.props();
        let again = context.link().callback(|_: MouseEvent| Deed::Again);
        if let Some((before, after)) = &self.done {
            let undo = {
                let send = props.send.clone();
                let link = context.link().clone();
                Callback::from(move |_: MouseEvent| {
                    send.emit(Msg::Act(Action::Undo));
                    link.send_message(Deed::Again);
                })
            };
            return html! {
                <div ref={self.result.clone()} tabindex="-1">
                    <div class="deeds">
                        <button onclick={undo}>{ "Undo the switch" }</button>
                        <button onclick={again}>{ "Switch again" }</button>
                    </div>
                    <Differences before={before.clone()} after={after.clone()} host={props.host.clone()} send={props.send.clone()} />
                </div>
            };
        }
        let Some((current, _)) = product_at(&props.document, &props.host) else {
            return html! { <p>{ "The broker is not there any more." }</p> };
        };
        html! {
            <div ref={self.result.clone()} tabindex="-1">
                <p>{ format!("It is {} now. Producers and consumers stay as they are; only what is between them changes.", current.label) }</p>
                <div class="choices" role="group" aria-label="Products">
                    for profile in PROFILES.iter().copied() {
                        <button aria-pressed={self.planned.as_ref().is_some_and(|(chosen, _)| chosen.name == profile.name).to_string()}
                            disabled={profile.name == current.name} data-product={profile.name}
                            onclick={context.link().callback(move |_: MouseEvent| Deed::Choose(profile))}>{ profile.label }</button>
                    }
                </div>
                { self.planned_html(context, current) }
            </div>
        }
    }
}

impl SwitchDialog {
    fn planned_html(&self, context: &Context<SwitchDialog>, current: &'static Profile) -> Html {
        let Some((profile, planned)) = &self.planned else {
            return html! { <p class="help">{ "Choose one to see what would change. Nothing happens yet." }</p> };
        };
        let planned = match planned {
            Ok(planned) => planned,
            Err(reason) => return html! { <p class="error" role="alert">{ reason.clone() }</p> },
        };
        let notes = &planned.notes;
        html! {
            <div class="notes" role="region" aria-label={format!("What {} means", profile.label)}>
                <div class="deeds"><button class="primary" data-testid="switch-now" onclick={context.link().callback(|_: MouseEvent| Deed::Switch)}>
                    { format!("Switch to {}", profile.label) }</button>
                    <span class="quiet">{ "The run begins anew. One undo takes it back." }</span></div>
                <h3>{ "What has no counterpart" }</h3>
                if notes.losses.is_empty() { <p class="quiet">{ "Nothing is lost." }</p> } else {
                    <ul>{ for notes.losses.iter().map(|Loss { what, instead }| html! { <li><b>{ format!("{what}. ") }</b>{ instead.clone() }</li> }) }</ul>
                }
                <h3>{ "What changes" }</h3>
                { pairs_html(&notes.changes, current, profile) }
                <h3>{ "What maps" }</h3>
                { pairs_html(&notes.maps, current, profile) }
            </div>
        }
    }
}

fn pairs_html(pairs: &[Pair], before: &Profile, after: &Profile) -> Html {
    if pairs.is_empty() {
        return html! { <p class="quiet">{ "Nothing." }</p> };
    }
    html! {
        <table class="pairs">
            <thead><tr><th scope="col">{ "what" }</th><th scope="col">{ before.label }</th><th scope="col">{ after.label }</th></tr></thead>
            <tbody>
                for pair in pairs {
                    <tr title={pair.source.clone()}><th scope="row">{ pair.about.clone() }</th><td>{ pair.before.clone() }</td><td>{ pair.after.clone() }</td></tr>
                }
            </tbody>
        </table>
    }
}
