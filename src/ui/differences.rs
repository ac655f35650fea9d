//! Two drawings run next to one another: which messages are different, and the way of one of them in both.

use std::rc::Rc;

use yew::prelude::*;

use crate::diagram::axis::grouped;
use crate::diagram::story;
use crate::scenario::compare::{compare, Comparison, MessageKey, Outcome, PartyDifference, Trial};
use crate::scenario::document::Document;
use crate::scenario::switch::product_at;
use crate::vocabulary::{Duration, MessageId, NodeId};

use super::app::Msg;
use super::race::Race;
use super::switch::Ask;

/// Messages of one kind of difference that are listed.
const LISTED_MAX: usize = 24;
/// Sentences of the way of a message that are shown.
const SENTENCES_MAX: usize = 40;

/// The panel.
pub struct Differences {
    race: Race,
    found: Option<(Vec<Outcome>, Comparison)>,
    shown: Option<MessageKey>,
}

#[derive(Properties)]
pub struct DifferencesProps {
    pub before: Rc<Document>,
    pub after: Rc<Document>,
    /// The broker that was switched.
    pub host: String,
    pub send: Callback<Msg>,
}

impl PartialEq for DifferencesProps {
    fn eq(&self, other: &DifferencesProps) -> bool {
        Rc::ptr_eq(&self.before, &other.before) && Rc::ptr_eq(&self.after, &other.after)
    }
}

/// What happens in the panel.
pub enum Deed {
    /// The next slice is due.
    Work,
    /// Show the way of a message, or of none.
    Show(Option<MessageKey>),
}

impl Component for Differences {
    type Message = Deed;
    type Properties = DifferencesProps;

    fn create(context: &Context<Differences>) -> Differences {
        let DifferencesProps { before, after, .. } = context.props();
        context.link().send_message(Deed::Work);
        Differences { race: Race::new([before.clone(), after.clone()]), found: None, shown: None }
    }

    fn update(&mut self, context: &Context<Differences>, deed: Deed) -> bool {
        match deed {
            Deed::Work => {
                let link = context.link().clone();
                if self.race.work(move || link.send_message(Deed::Work)) {
                    let outcomes = self.race.outcomes();
                    let comparison = compare(&outcomes[0], &outcomes[1]);
                    self.found = Some((outcomes, comparison));
                }
            }
            Deed::Show(message) => self.shown = message,
        }
        true
    }

    fn view(&self, context: &Context<Differences>) -> Html {
        let props = context.props();
        let label = |document: &Document| product_at(document, &props.host).map_or("", |(profile, _)| profile.label);
        let labels = (label(&props.before), label(&props.after));
        let Some((outcomes, comparison)) = &self.found else {
            return html! { <p role="status">{ format!("Both drawings run to their end, to be compared: {} %", self.race.percent()) }</p> };
        };
        html! {
            <div class="differences" data-testid="differences">
                <p role="status">{ format!("The whole run of {} s, before and after, with the same seed.", props.after.until.seconds()) }
                    if outcomes.iter().any(|outcome| outcome.is_partial) { { " A run was too long to be looked at whole." } }</p>
                { totals_html(outcomes, labels) }
                { for comparison.parties.iter().filter(|party| party.is_subscriber).map(|party| self.party_html(context, party)) }
                if comparison.parties.iter().all(|party| !party.is_subscriber) {
                    <p class="quiet">{ "No subscriber is the same part before and after." }</p>
                }
                { consumers_html(comparison, labels) }
            </div>
        }
    }
}

impl Differences {
    fn party_html(&self, context: &Context<Differences>, party: &PartyDifference) -> Html {
        let other: Vec<MessageKey> = party.other_times.iter().map(|(message, ..)| message.clone()).collect();
        let lists: [(&str, &[MessageKey]); 4] = [
            ("Done before, and not now", &party.only_first),
            ("Done now, and not before", &party.only_second),
            ("Done another number of times", &other),
            ("Done in another order", &party.moved),
        ];
        html! {
            <section>
                <h3>{ party.label.clone() }</h3>
                if party.is_same() {
                    <p>{ format!("The same {} messages, as often and in the same order.", grouped(party.done.1 as u64)) }</p>
                }
                for (title, messages) in lists.into_iter().filter(|(_, messages)| !messages.is_empty()) {
                    <div class="chips">
                        <span>{ format!("{title}: {}", grouped(messages.len() as u64)) }</span>
                        for message in messages.iter().take(LISTED_MAX) { { self.chip(context, message) } }
                        if messages.len() > LISTED_MAX { <span class="quiet">{ format!("and {} more", messages.len() - LISTED_MAX) }</span> }
                    </div>
                }
                if let Some(text) = later(party) { <p class="quiet">{ text }</p> }
                if let Some(shown) = self.shown.as_ref().filter(|shown| lists.iter().any(|(_, messages)| messages.contains(shown))) {
                    { self.ways_html(context, shown) }
                }
            </section>
        }
    }

    fn chip(&self, context: &Context<Differences>, message: &MessageKey) -> Html {
        let on = self.shown.as_ref() == Some(message);
        let next = (!on).then(|| message.clone());
        let onclick = context.link().callback(move |_: MouseEvent| Deed::Show(next.clone()));
        html! {
            <button class={classes!("chip", "number", on.then_some("on"))} aria-expanded={on.to_string()}
                title="Show its way before and after" {onclick}>{ message.to_string() }</button>
        }
    }

    /// The way of a message in both runs.
    fn ways_html(&self, context: &Context<Differences>, message: &MessageKey) -> Html {
        let send = context.props().send.clone();
        let key = message.clone();
        let follow = Callback::from(move |_: MouseEvent| send.emit(Msg::Switching(Ask::Follow(key.clone()))));
        html! {
            <div class="ways">
                for (title, trial) in ["Before", "After"].into_iter().zip(self.race.trials()) {
                    <div>
                        <h4>{ format!("{title}: the way of {message}") }</h4>
                        <ol>for sentence in way(trial, message) { <li>{ sentence }</li> }</ol>
                    </div>
                }
                <button onclick={follow} title="Close this and follow the message in the drawing as it is now">{ "Follow it in the drawing" }</button>
            </div>
        }
    }
}

fn way(trial: &Trial, message: &MessageKey) -> Vec<String> {
    let run = trial.run();
    let Some(origin) = run.node(&message.producer) else { return Vec::new() };
    let names = |node: NodeId| run.label(node).to_string();
    let id = MessageId { origin, number: message.number };
    let mut sentences = story::why(id, run.simulation().trace().iter(), &names);
    sentences.truncate(SENTENCES_MAX);
    sentences
}

fn later(party: &PartyDifference) -> Option<String> {
    let seconds = party.later_median?;
    let nanoseconds = libm::fabs(seconds) * 1e9;
    let word = if seconds > 0.0 { "later" } else { "earlier" };
    (nanoseconds >= 1e6)
        .then(|| format!("Half of the messages are done at least {} {word}.", story::span(nanoseconds as u64)))
}

fn totals_html(outcomes: &[Outcome], labels: (&'static str, &'static str)) -> Html {
    let [before, after] = outcomes else { return html! {} };
    let (before, after) = (&before.totals, &after.totals);
    let span = |span: Option<Duration>| span.map_or_else(|| "–".to_string(), |span| story::span(span.0));
    let rows: [(&str, String, String); 9] = [
        ("done", grouped(before.done), grouped(after.done)),
        ("done a second", format!("{:.2}", before.throughput), format!("{:.2}", after.throughput)),
        ("latency, median", span(before.latency_median), span(after.latency_median)),
        ("latency, 99 of 100", span(before.latency_p99), span(after.latency_p99)),
        ("handed out out of order", grouped(before.out_of_order), grouped(after.out_of_order)),
        ("done more than once", grouped(before.duplicates), grouped(after.duplicates)),
        ("handed out again", grouped(before.redelivered), grouped(after.redelivered)),
        ("lost", grouped(before.lost), grouped(after.lost)),
        ("open at the end", grouped(before.open), grouped(after.open)),
    ];
    html! {
        <table class="pairs">
            <thead><tr><th scope="col">{ "in all" }</th><th scope="col">{ format!("before: {}", labels.0) }</th><th scope="col">{ format!("after: {}", labels.1) }</th></tr></thead>
            <tbody>
                for (what, before, after) in rows {
                    <tr class={(before != after).then_some("differs")}><th scope="row">{ what }</th><td class="number">{ before }</td><td class="number">{ after }</td></tr>
                }
            </tbody>
        </table>
    }
}

/// What each consumer did.
fn consumers_html(comparison: &Comparison, labels: (&'static str, &'static str)) -> Html {
    let consumers: Vec<&PartyDifference> = comparison.parties.iter().filter(|party| !party.is_subscriber).collect();
    if consumers.is_empty() {
        return html! {};
    }
    html! {
        <section>
            <h3>{ "What each consumer did" }</h3>
            <table class="pairs">
                <thead><tr><th scope="col">{ "consumer" }</th><th scope="col">{ labels.0 }</th><th scope="col">{ labels.1 }</th></tr></thead>
                <tbody>
                    for party in consumers {
                        <tr class={(party.done.0 != party.done.1).then_some("differs")}><th scope="row">{ party.label.clone() }</th>
                            <td class="number">{ grouped(party.done.0 as u64) }</td><td class="number">{ grouped(party.done.1 as u64) }</td></tr>
                    }
                </tbody>
            </table>
        </section>
    }
}
