//! Edits: every change that can be made to a document, as data. Applying one returns its inverse.
//!
//! The same enum serves mouse, keyboard, lessons, the host page and the tests. Applying an edit and then its inverse
//! gives the same drawing ([`Document::same_drawing`]): the order of nodes and wires, absent and written-out
//! parameters, and planned faults. Only the counter of new ids stays where it is, so that an id that was once given is
//! not given again; a redo brings the old id back because the edit names it.
//!
//! An edit keeps ids unique and well-formed, positions finite and the numbers of parts within [`limits`](super::limits). Whether a
//! drawing makes sense is asked of [`validate`](super::validate), and a wire before it is made of
//! [`connect`](super::connect), so that a half-finished drawing can be edited too.

mod structure;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::vocabulary::Duration;

use super::document::{Document, Node, PlannedFault, Wire};
use super::limits::FAULTS_MAX;

use structure::{add_node, connect, disconnect, remove_node};

/// One change to a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// Adds a node.
    AddNode {
        /// The node, with its id.
        node: Node,
        /// Its place in the list; left out: at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index: Option<usize>,
    },
    /// Removes a node, the nodes that live in it, their wires, and the planned faults aimed at any of them.
    RemoveNode {
        /// The node.
        id: String,
    },
    /// Moves a node's picture.
    MoveNode {
        /// The node.
        id: String,
        /// Its new centre, in drawing units.
        at: (f64, f64),
    },
    /// Gives a node another name; its id stays.
    Rename {
        /// The node.
        id: String,
        /// The name; empty: the id is shown.
        name: String,
    },
    /// Moves a node into another host.
    SetHost {
        /// The node.
        id: String,
        /// The id of the host, if it lives in one.
        host: Option<String>,
    },
    /// Sets a parameter of a node or wire.
    SetParam {
        /// The node or wire.
        id: String,
        /// The parameter.
        name: String,
        /// Its value as in a document; none: back to the default.
        value: Option<Json>,
    },
    /// Adds a wire.
    Connect {
        /// The wire, with its id.
        wire: Wire,
        /// Its place in the list; left out: at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index: Option<usize>,
    },
    /// Removes a wire and the planned faults aimed at it.
    Disconnect {
        /// The wire.
        id: String,
    },
    /// Sets the title.
    SetTitle {
        /// The title.
        title: String,
    },
    /// Sets what the document says that it shows.
    SetAbout {
        /// The text.
        about: String,
    },
    /// Sets what the document says to watch.
    SetWatch {
        /// The text.
        watch: String,
    },
    /// Sets the seed of all chance.
    SetSeed {
        /// The seed.
        seed: u64,
    },
    /// Sets how long a run to the end takes.
    SetUntil {
        /// In virtual time.
        until: Duration,
    },
    /// Sets the planned faults, all of them.
    SetFaults {
        /// The faults.
        faults: Vec<PlannedFault>,
    },
    /// Several edits as one: all of them or, if one fails, none.
    Batch(Vec<Edit>),
}

/// Why an edit was not made. The document is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// There is no node of this id.
    NoNode(String),
    /// There is no wire of this id.
    NoWire(String),
    /// There is no node or wire of this id.
    NoPart(String),
    /// A node or wire has this id already.
    IdTaken(String),
    /// The id can't be an id; the reason follows the words "an id".
    IdFlawed(String),
    /// The place in the list is past its end.
    IndexPastEnd(usize),
    /// The position is infinite or not a number.
    PositionNotFinite,
    /// The document has as many of these as it can have.
    TooMany(&'static str, usize),
}

impl fmt::Display for EditError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EditError::NoNode(id) => write!(formatter, "there is no node \"{id}\""),
            EditError::NoWire(id) => write!(formatter, "there is no wire \"{id}\""),
            EditError::NoPart(id) => write!(formatter, "there is no node or wire \"{id}\""),
            EditError::IdTaken(id) => write!(formatter, "the id \"{id}\" is taken"),
            EditError::IdFlawed(flaw) => write!(formatter, "an id {flaw}"),
            EditError::IndexPastEnd(index) => write!(formatter, "the place {index} is past the end of the list"),
            EditError::PositionNotFinite => formatter.write_str("a position must be two finite numbers"),
            EditError::TooMany(what, max) => write!(formatter, "a document has at most {max} {what}"),
        }
    }
}

impl std::error::Error for EditError {}

impl Edit {
    /// A node at the end of the list.
    pub fn add_node(node: Node) -> Edit {
        Edit::AddNode { node, index: None }
    }

    /// A wire at the end of the list.
    pub fn connect(wire: Wire) -> Edit {
        Edit::Connect { wire, index: None }
    }

    /// False if the edit changes only the picture, the texts, or how a later run starts and ends.
    ///
    /// A running simulation keeps the seed with which it began, so a new seed asks for a new run, not for this one to
    /// change; a new end asks for nothing.
    pub fn affects_run(&self) -> bool {
        match self {
            Edit::MoveNode { .. }
            | Edit::SetTitle { .. }
            | Edit::SetAbout { .. }
            | Edit::SetWatch { .. }
            | Edit::SetSeed { .. }
            | Edit::SetUntil { .. } => false,
            // A queue's name is known to its broker; the run looks whether a name matters.
            Edit::AddNode { .. }
            | Edit::RemoveNode { .. }
            | Edit::Rename { .. }
            | Edit::SetHost { .. }
            | Edit::SetParam { .. }
            | Edit::Connect { .. }
            | Edit::Disconnect { .. }
            | Edit::SetFaults { .. } => true,
            Edit::Batch(edits) => edits.iter().any(Edit::affects_run),
        }
    }
}

/// Makes the change and returns the edit that takes it back. On an error the document is unchanged.
pub fn apply(edit: &Edit, document: &mut Document) -> Result<Edit, EditError> {
    use std::mem::replace;
    Ok(match edit {
        Edit::AddNode { node, index } => add_node(document, node, *index)?,
        Edit::RemoveNode { id } => remove_node(document, id)?,
        Edit::MoveNode { id, at } => {
            check_position(*at)?;
            let node = node_mut(document, id)?;
            Edit::MoveNode { id: id.clone(), at: replace(&mut node.at, *at) }
        }
        Edit::Rename { id, name } => {
            let node = node_mut(document, id)?;
            Edit::Rename { id: id.clone(), name: replace(&mut node.name, name.clone()) }
        }
        Edit::SetHost { id, host } => {
            let node = node_mut(document, id)?;
            Edit::SetHost { id: id.clone(), host: replace(&mut node.host, host.clone()) }
        }
        Edit::SetParam { id, name, value } => {
            let params = params_mut(document, id)?;
            let before = match value {
                Some(value) => params.insert(name.clone(), value.clone()),
                None => params.remove(name),
            };
            Edit::SetParam { id: id.clone(), name: name.clone(), value: before }
        }
        Edit::Connect { wire, index } => connect(document, wire, *index)?,
        Edit::Disconnect { id } => disconnect(document, id)?,
        Edit::SetTitle { title } => Edit::SetTitle { title: replace(&mut document.title, title.clone()) },
        Edit::SetAbout { about } => Edit::SetAbout { about: replace(&mut document.about, about.clone()) },
        Edit::SetWatch { watch } => Edit::SetWatch { watch: replace(&mut document.watch, watch.clone()) },
        Edit::SetSeed { seed } => Edit::SetSeed { seed: replace(&mut document.seed, *seed) },
        Edit::SetUntil { until } => Edit::SetUntil { until: replace(&mut document.until, *until) },
        Edit::SetFaults { faults } if faults.len() > FAULTS_MAX => {
            return Err(EditError::TooMany("planned faults", FAULTS_MAX));
        }
        Edit::SetFaults { faults } => Edit::SetFaults { faults: replace(&mut document.faults, faults.clone()) },
        Edit::Batch(edits) => batch(document, edits)?,
    })
}

fn batch(document: &mut Document, edits: &[Edit]) -> Result<Edit, EditError> {
    let counter = document.next_id;
    let mut inverses = Vec::with_capacity(edits.len());
    for edit in edits {
        match apply(edit, document) {
            Ok(inverse) => inverses.push(inverse),
            Err(error) => {
                for inverse in inverses.iter().rev() {
                    // What was just done can be taken back: the inverse was made from this very document.
                    let taken_back = apply(inverse, document);
                    debug_assert!(taken_back.is_ok(), "{inverse:?}: {taken_back:?}");
                }
                document.next_id = counter;
                return Err(error);
            }
        }
    }
    inverses.reverse();
    Ok(Edit::Batch(inverses))
}

fn check_position((x, y): (f64, f64)) -> Result<(), EditError> {
    if x.is_finite() && y.is_finite() {
        Ok(())
    } else {
        Err(EditError::PositionNotFinite)
    }
}

fn node_mut<'a>(document: &'a mut Document, id: &str) -> Result<&'a mut Node, EditError> {
    document.nodes.iter_mut().find(|node| node.id == id).ok_or_else(|| EditError::NoNode(id.to_string()))
}

fn params_mut<'a>(document: &'a mut Document, id: &str) -> Result<&'a mut BTreeMap<String, Json>, EditError> {
    if let Some(index) = document.nodes.iter().position(|node| node.id == id) {
        return Ok(&mut document.nodes[index].params);
    }
    let wire = document.wires.iter_mut().find(|wire| wire.id == id);
    wire.map(|wire| &mut wire.params).ok_or_else(|| EditError::NoPart(id.to_string()))
}
