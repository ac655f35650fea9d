//! The inside of the selected part: what is in a queue, a partition, a group, as lists. Read only while it is open.

use std::rc::Rc;

use yew::prelude::*;

use crate::diagram::axis::grouped;
use crate::kernel::{InsideTable, ItemState};
use crate::session::Session;

use super::app::Msg;
use super::dock::DockState;

/// Rows of one list that are shown.
const ROWS_MAX: usize = 100;

/// What the view shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inside {
    /// The part; empty if none is selected.
    label: String,
    headline: String,
    tables: Vec<InsideTable>,
}

/// Looks into the selected part.
#[inline(never)]
pub fn inside(session: &Session) -> Inside {
    let Some(node) = session.selection().single().and_then(|id| session.document().node(id)) else {
        return Inside::default();
    };
    let label = node.label().to_string();
    let Some(id) = session.run().node(&node.id) else { return Inside { label, ..Inside::default() } };
    let simulation = session.run().simulation();
    Inside { label, headline: simulation.inspect(id, 0).headline, tables: simulation.inside(id, ROWS_MAX) }
}

/// The lists.
#[inline(never)]
pub fn inside_html(inside: &Rc<Inside>, state: &DockState, send: &Callback<Msg>) -> Html {
    if inside.label.is_empty() {
        return html! { <p class="quiet">{ "Select a queue, topic, stream, group or subscription to see what is in it." }</p> };
    }
    html! {
        <div class="inside">
            <p><b>{ inside.label.clone() }</b>{ " " }<span class="soft">{ inside.headline.clone() }</span></p>
            if inside.tables.is_empty() { <p class="quiet">{ "This part keeps no messages." }</p> }
            for table in &inside.tables { { table_html(table, state, send) } }
        </div>
    }
}

fn table_html(table: &InsideTable, state: &DockState, send: &Callback<Msg>) -> Html {
    html! {
        <section>
            <h3>{ table.title.clone() }</h3>
            if table.rows.is_empty() { <p class="quiet">{ "empty" }</p> } else {
                <table>
                    <thead><tr>for column in table.columns { <th scope="col">{ *column }</th> }</tr></thead>
                    <tbody>
                        for row in &table.rows {
                            <tr class={row.state.map_or("", class)}>
                                for (index, cell) in row.cells.iter().enumerate() {
                                    if let (0, Some(message)) = (index, row.message.some()) {
                                        <td><button class="number" title="Follow this message" onclick={{
                                            let (send, state) = (send.clone(), state.clone());
                                            Callback::from(move |_: MouseEvent| send.emit(Msg::Dock(DockState { followed: Some(message), ..state.clone() })))
                                        }}>{ cell.clone() }</button></td>
                                    } else {
                                        <td class="number">{ cell.clone() }</td>
                                    }
                                }
                            </tr>
                        }
                    </tbody>
                </table>
            }
            if table.row_count > table.rows.len() {
                <p class="quiet">{ format!("and {} more", grouped((table.row_count - table.rows.len()) as u64)) }</p>
            }
        </section>
    }
}

fn class(state: ItemState) -> &'static str {
    match state {
        ItemState::Ready => "",
        ItemState::ReadyAgain => "wait",
        ItemState::Unacked | ItemState::InWork => "info",
    }
}
