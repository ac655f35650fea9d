//! One drawing on another broker product: what becomes of each part, and what that changes.
//!
//! [`plan`] reads what is inside a broker as a [`flow`] in general words: places where messages come in, subscribers,
//! and the routes between them. [`adapt`] gives the flow the form that the other product has, [`assemble`] makes a
//! document of it, and [`notes`] says what maps, what changes and what is lost. Clients, their parameters and their
//! names stay; a part keeps its id where it has a counterpart. [`texts`] marks what was written about the old product.
//!
//! What does not live here: whether parts overlap afterwards, which `session` sees to.
//!
//! To add a product, give it a line in [`shape::SHAPES`] and one of behaviours in [`behaviour`].

mod adapt;
mod assemble;
mod behaviour;
mod flow;
mod merge;
mod notes;
mod rule;
mod shape;
mod texts;

use crate::model::broker::profile::{Profile, PROFILES};

use super::connect::Refusal;
use super::document::Document;

pub use notes::{Loss, Notes, Pair};

/// A drawing on another product, and what that means.
#[derive(Clone, Debug, PartialEq)]
pub struct Switch {
    /// The new drawing.
    pub document: Document,
    /// What maps, what changes, and what has no counterpart.
    pub notes: Notes,
}

/// The product that a host or a part inside one belongs to, with the id of the host.
pub fn product_at(document: &Document, id: &str) -> Option<(&'static Profile, String)> {
    let node = document.node(id)?;
    let host = match &node.host {
        Some(host) => document.node(host)?,
        None => node,
    };
    let profile = PROFILES.iter().copied().find(|profile| profile.host == host.kind)?;
    Some((profile, host.id.clone()))
}

/// The one word that tells a product, for where there is little room.
pub fn short_name(profile: &Profile) -> &'static str {
    shape::of_host(profile.host).map_or(profile.label, |shape| shape.word)
}

/// Plans the switch of a broker to another product, by its name in [`PROFILES`].
///
/// # Errors
/// There is no such broker or product, or it is that product already.
pub fn plan(document: &Document, host_id: &str, to_product: &str) -> Result<Switch, Refusal> {
    let refuse = |reason: String, remedy: &str| Err(Refusal { reason, remedy: remedy.to_string() });
    let Some((from, host)) = product_at(document, host_id) else {
        return refuse(format!("\"{host_id}\" is no broker."), "Select a broker or a part inside one.");
    };
    let to = PROFILES.iter().copied().find(|profile| profile.name == to_product);
    let shapes = to.and_then(|to| Some((to, shape::of_host(from.host)?, shape::of_host(to.host)?)));
    let Some((to, from_shape, to_shape)) = shapes else {
        let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name).collect();
        return refuse(
            format!("There is no product \"{to_product}\" to switch to."),
            &format!("There are {}.", names.join(", ")),
        );
    };
    if from.name == to.name {
        return refuse(format!("This is {} already.", to.label), "Choose another product.");
    }
    let mut notes = Notes::default();
    let mut flow = flow::read(document, &host, from_shape);
    adapt::adapt(&mut flow, to_shape, &mut notes);
    let mut switched = assemble::assemble(document, &host, &flow, to, to_shape, &mut notes);
    texts::mark(&mut switched, from, to);
    notes::compare_products(from, to, &mut notes);
    notes::compare_clients(document, &flow, to_shape, &mut notes);
    Ok(Switch { document: switched, notes })
}
