//! The guarantees of the run as a table: per subscriber, what became of the messages. Every number opens its messages.

use std::rc::Rc;

use yew::prelude::*;

use crate::diagram::axis::grouped;
use crate::diagram::guarantees::{Aspect, Guarantees};
use crate::model::{node_kind, NodeKind};
use crate::scenario::document::{Document, Node, Wire};
use crate::session::Session;
use crate::vocabulary::{EventId, MessageId, NodeId, TraceEvent};

use super::app::Msg;
use super::dock::DockState;

/// Messages that an opened number lists.
const LISTED_MAX: usize = 500;

/// The books of the session's run, brought up to date whenever the table is looked at.
#[derive(Default)]
pub struct Books {
    guarantees: Guarantees,
    /// The last event that was read: when it is gone, the run went back or another way, and the books begin anew.
    last: Option<TraceEvent>,
}

/// What the table shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    rows: Vec<(NodeId, String, [u64; 7])>,
    lost_underway: usize,
    listed: Vec<MessageId>,
    is_partial: bool,
}

/// Reads what is new in the trace, and makes the table.
#[inline(never)]
pub fn table(session: &Session, books: &mut Books, opened: Option<(NodeId, Aspect)>) -> Table {
    let run = session.run();
    let trace = run.simulation().trace();
    let is_there = |last: &TraceEvent| trace.get(last.id) == Some(last);
    if !books.last.as_ref().is_none_or(is_there) {
        *books = Books::default();
    }
    let from = books.last.map_or(EventId::NONE, |event| event.id);
    let key = |message: MessageId| {
        let key = trace.content(message).map(|content| content.routing_key.clone()).unwrap_or_default();
        // FNV-1a: keys only have to be told apart.
        key.bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    books.guarantees.read(trace.after(from), &key);
    books.last = trace.iter().next_back().copied().or(books.last);

    let document = session.document();
    let places = document.nodes.iter().filter(|node| is_subscriber(document, node));
    let places: Vec<(NodeId, String)> =
        places.filter_map(|node| Some((run.node(&node.id)?, node.label().to_string()))).collect();
    let ids: Vec<NodeId> = places.iter().map(|(id, _)| *id).collect();
    let rows = books.guarantees.rows(&ids).into_iter().zip(places);
    let underway = books.guarantees.lost_underway();
    let listed = match opened {
        Some((UNDERWAY, _)) => underway.iter().copied().take(LISTED_MAX).collect(),
        Some((place, aspect)) => books.guarantees.messages(place, aspect, LISTED_MAX),
        None => Vec::new(),
    };
    Table {
        rows: rows.map(|(row, (id, label))| (id, label, row.counts)).collect(),
        lost_underway: underway.len(),
        listed,
        is_partial: books.guarantees.is_partial(),
    }
}

/// Whether messages are handed out there. A log does so only where a consumer reads it without a group.
fn is_subscriber(document: &Document, node: &Node) -> bool {
    let is_consumer = |end: &str| {
        let kind = document.node(Wire::node_of(end)).and_then(|node| node_kind(&node.kind));
        kind.is_some_and(NodeKind::works)
    };
    let is_read = || document.wires.iter().any(|wire| Wire::node_of(&wire.from) == node.id && is_consumer(&wire.to));
    node_kind(&node.kind).is_some_and(|kind| kind.hands_out() && (!kind.is_read_by_groups() || is_read()))
}

/// Stands for "before any subscriber" in place of a part.
const UNDERWAY: NodeId = NodeId(u32::MAX);

/// The class of a number: what should be zero stands out when it is not.
fn tone(aspect: Aspect, count: u64) -> &'static str {
    match aspect {
        _ if count == 0 => "soft",
        Aspect::Lost => "lost",
        Aspect::Duplicated | Aspect::OutOfOrder | Aspect::DeadLettered => "wait",
        Aspect::Once => "ok",
        Aspect::Expected | Aspect::Open => "",
    }
}

/// The table, with the opened messages below it.
#[inline(never)]
pub fn table_html(table: &Rc<Table>, state: &DockState, send: &Callback<Msg>) -> Html {
    let number = |place: NodeId, aspect: Aspect, count: u64| {
        let (send, state) = (send.clone(), state.clone());
        let on = state.opened == Some((place, aspect));
        let onclick = Callback::from(move |_: MouseEvent| {
            let opened = (!on).then_some((place, aspect));
            send.emit(Msg::Dock(DockState { opened, ..state.clone() }));
        });
        html! {
            <button class={classes!("number", tone(aspect, count), on.then_some("on"))} aria-expanded={on.to_string()} disabled={count == 0}
                title="List these messages" {onclick}>{ grouped(count) }</button>
        }
    };
    if table.rows.is_empty() {
        return html! { <p class="quiet">{ "Nothing here hands out messages yet. Add a queue and a consumer." }</p> };
    }
    html! {
        <div class="guarantees">
            <table>
                <thead><tr><th scope="col">{ "subscriber" }</th>for aspect in Aspect::ALL { <th scope="col">{ aspect.label() }</th> }</tr></thead>
                <tbody>
                    for (place, label, counts) in &table.rows {
                        <tr>
                            <th scope="row">{ label.clone() }</th>
                            for (aspect, count) in Aspect::ALL.into_iter().zip(counts) { <td>{ number(*place, aspect, *count) }</td> }
                        </tr>
                    }
                    if table.lost_underway > 0 {
                        <tr>
                            <th scope="row">{ "lost on the way" }</th>
                            <td colspan="3"></td>
                            <td>{ number(UNDERWAY, Aspect::Lost, table.lost_underway as u64) }</td>
                        </tr>
                    }
                </tbody>
            </table>
            if table.is_partial { <p class="quiet">{ "The run is longer than what is kept of it: the counts begin later." }</p> }
            { listed_html(table, state, send) }
        </div>
    }
}

fn listed_html(table: &Table, state: &DockState, send: &Callback<Msg>) -> Html {
    if table.listed.is_empty() {
        return html! {};
    }
    let message = |message: &MessageId| {
        let (send, state, message) = (send.clone(), state.clone(), *message);
        let on = state.followed == Some(message);
        let onclick = Callback::from(move |_: MouseEvent| {
            send.emit(Msg::Dock(DockState { followed: Some(message), ..state.clone() }));
        });
        html! { <button class={classes!("chip", "number", on.then_some("on"))} title="Follow this message" {onclick}>{ message.to_string() }</button> }
    };
    html! { <p class="listed">{ for table.listed.iter().map(message) }</p> }
}
