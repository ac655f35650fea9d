//! The same load on every product, next to one another.

use std::rc::Rc;

use yew::prelude::*;

use crate::diagram::axis::grouped;
use crate::model::broker::profile::Profile;
use crate::scenario::compare::{load, Outcome, Totals};
use crate::scenario::document::Document;
use crate::scenario::switch::short_name;
use crate::session::switched::arranged;
use crate::vocabulary::Duration;

use super::app::Msg;
use super::dialogs::Dialog;
use super::race::Race;
use super::switch::Ask;

/// A measure: its name, its number or text, and whether anything above zero is worth a look.
type Measure = (&'static str, fn(&Totals) -> String, &'static str);

const MEASURES: [Measure; 10] = [
    ("published", |totals| grouped(totals.published), ""),
    ("done", |totals| grouped(totals.done), ""),
    ("done a second", |totals| format!("{:.2}", totals.throughput), ""),
    ("latency, median (s)", |totals| span(totals.latency_median), ""),
    ("latency, 99 of 100 (s)", |totals| span(totals.latency_p99), ""),
    ("out of order", |totals| grouped(totals.out_of_order), "wait"),
    ("done twice", |totals| grouped(totals.duplicates), "wait"),
    ("handed out again", |totals| grouped(totals.redelivered), "wait"),
    ("lost", |totals| grouped(totals.lost), "lost"),
    ("open at the end", |totals| grouped(totals.open), "wait"),
];

/// Seconds, for the unit stands once in the head of the row and the table has to fit into a phone.
fn span(span: Option<Duration>) -> String {
    span.map_or_else(|| "–".to_string(), |span| format!("{:.2}", span.seconds()))
}

/// The page.
pub struct Brokers {
    drawings: Vec<(&'static Profile, Rc<Document>)>,
    race: Race,
}

#[derive(Properties, PartialEq)]
pub struct BrokersProps {
    pub send: Callback<Msg>,
}

impl Component for Brokers {
    type Message = ();
    type Properties = BrokersProps;

    fn create(context: &Context<Brokers>) -> Brokers {
        let drawings: Vec<_> =
            load::drawings().into_iter().map(|(profile, document)| (profile, Rc::new(document))).collect();
        let race = Race::new(drawings.iter().map(|(_, document)| document.clone()));
        context.link().send_message(());
        Brokers { drawings, race }
    }

    fn update(&mut self, context: &Context<Brokers>, (): ()) -> bool {
        let link = context.link().clone();
        self.race.work(move || link.send_message(()));
        true
    }

    fn view(&self, context: &Context<Brokers>) -> Html {
        let base = self.drawings.first().map(|(_, document)| document.clone()).unwrap_or_default();
        html! {
            <div class="brokers">
                <p>{ base.about.clone() }</p>
                { self.table() }
                <p class="help">{ "The network and the work take the same time for all of them, so these numbers tell how a product hands out, \
                    takes back and orders messages. They say nothing of how fast its real servers are." }</p>
                <h3>{ "What each is best for" }</h3>
                <ul class="best">{ for self.drawings.iter().map(|(profile, document)| best_html(profile, document, &context.props().send)) }</ul>
            </div>
        }
    }
}

impl Brokers {
    fn table(&self) -> Html {
        let outcomes: Option<Vec<Outcome>> = self.race.is_over().then(|| self.race.outcomes());
        let cell = |measure: &Measure, outcome: &Outcome| {
            let text = (measure.1)(&outcome.totals);
            let class = if text == "0" { "" } else { measure.2 };
            html! { <td class={classes!("number", class)}>{ text }</td> }
        };
        html! {
            <>
                <p role="status" class="quiet">
                    if outcomes.is_none() { { format!("Running: {} %", self.race.percent()) } } else { { "All runs are at their end." } }
                </p>
                <div class="scroll" tabindex="0" role="region" aria-label="The same load on every product">
                    <table data-testid="brokers">
                        <thead><tr><th scope="col">{ "measure" }</th>for (profile, _) in &self.drawings { <th scope="col">{ short_name(profile) }</th> }</tr></thead>
                        <tbody>
                            for measure in &MEASURES {
                                <tr>
                                    <th scope="row">{ measure.0 }</th>
                                    if let Some(outcomes) = &outcomes {
                                        for outcome in outcomes { { cell(measure, outcome) } }
                                    } else {
                                        for _ in &self.drawings { <td class="quiet">{ "…" }</td> }
                                    }
                                </tr>
                            }
                        </tbody>
                    </table>
                </div>
            </>
        }
    }
}

fn best_html(profile: &'static Profile, document: &Rc<Document>, send: &Callback<Msg>) -> Html {
    let open = {
        let (send, document) = (send.clone(), document.clone());
        Callback::from(move |_: MouseEvent| {
            send.emit(Msg::Switching(Ask::Open(Box::new(arranged(Document::clone(&document))))));
        })
    };
    let sheet = {
        let send = send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Dialog(Some(Dialog::Fidelity(profile.name)))))
    };
    let (says, source) = load::best_for(profile).unwrap_or_default();
    html! {
        <li>
            <div><b>{ profile.label }</b>{ format!(": {says}. ") }<small>{ format!("Source: {source}.") }</small></div>
            <div class="deeds">
                <button onclick={open} data-open={profile.name}>{ "Open as a drawing" }</button>
                <button onclick={sheet}>{ "How faithful is this?" }</button>
            </div>
        </li>
    }
}
