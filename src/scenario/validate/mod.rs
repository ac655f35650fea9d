//! Everything that is wrong or unfinished in a document.
//!
//! [`parts`] looks at nodes, [`wires`] at what joins them, [`faults`] at what is planned, [`hints`] at what is still
//! missing for the drawing to do something. Nothing here changes the document or stops it from running: a run leaves
//! out what is impossible and takes defaults for what is wrong, and the problems found here say so.
//!
//! To add a check, push a [`Problem`] with the place, what is wrong, and what to do about it.

mod faults;
mod hints;
mod parts;
mod wires;

use std::collections::BTreeMap;

use crate::model::ParamSpec;
use crate::vocabulary::order::sort_by_key;
use crate::vocabulary::{Duration, FlatMap};

use super::document::{Document, Node, FORMAT};
use super::identity::{first_by_id, flaw, ids, nodes_by_id, places};
use super::limits;
use super::problem::{suggestion, Problem, Severity};

/// All problems of the document: the errors first, then warnings, then hints; each in the order of the document.
pub fn validate(document: &Document) -> Vec<Problem> {
    let index = Index::new(document);
    let mut problems = Vec::new();
    check_whole(document, &mut problems);
    check_ids(document, &mut problems);
    parts::check(document, &index, &mut problems);
    wires::check(document, &index, &mut problems);
    faults::check(document, &index, &mut problems);
    hints::check(document, &index, &mut problems);
    sort_by_key(&mut problems, |problem| problem.severity);
    problems
}

/// The nodes by id, so that a large document is checked in one pass.
struct Index<'a> {
    document: &'a Document,
    /// The place of each.
    nodes: FlatMap<&'a str, usize>,
}

impl<'a> Index<'a> {
    fn new(document: &'a Document) -> Index<'a> {
        Index { document, nodes: nodes_by_id(document) }
    }

    fn node(&self, id: &str) -> Option<&'a Node> {
        self.document.nodes.get(*self.nodes.get(id)?)
    }
}

/// The texts, the length of the run, and the numbers of parts.
fn check_whole(document: &Document, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, message: String| problems.push(Problem::new(Severity::Error, place, message));
    if document.patchbay != FORMAT {
        error("patchbay", format!("must be {FORMAT}, is {}", document.patchbay));
    }
    let texts = [
        ("title", &document.title, limits::TITLE_LENGTH_MAX),
        ("about", &document.about, limits::PROSE_LENGTH_MAX),
        ("watch", &document.watch, limits::PROSE_LENGTH_MAX),
    ];
    for (place, text, max) in texts {
        if let Some(message) = too_long(text, max) {
            error(place, message);
        }
    }
    if document.until == Duration::ZERO || document.until > limits::UNTIL_MAX {
        error("until", format!("must be more than 0s and at most {}, is {}", limits::UNTIL_MAX, document.until));
    }
    for (place, max, count) in counts(document) {
        if count > max {
            error(place, format!("must be at most {max}, are {count}"));
        }
    }
}

/// The numbers of parts: (place, the most there can be, how many there are).
pub(super) fn counts(document: &Document) -> [(&'static str, usize, usize); 3] {
    [
        ("nodes", limits::NODES_MAX, document.nodes.len()),
        ("wires", limits::WIRES_MAX, document.wires.len()),
        ("faults", limits::FAULTS_MAX, document.faults.len()),
    ]
}

fn check_ids(document: &Document, problems: &mut Vec<Problem>) {
    let first = first_by_id(&ids(document));
    for (number, (place, id)) in places(document).enumerate() {
        let message = match flaw(id) {
            Some(flaw) => flaw,
            None if first.get(id) != Some(&number) => format!("\"{id}\" is taken by another node or wire"),
            None => continue,
        };
        problems.push(Problem::new(Severity::Error, place, message).remedy("Give it an id of its own."));
    }
}

/// The values of parameters, and whether there are parameters of these names.
fn check_params<'a>(
    params: &BTreeMap<String, serde_json::Value>,
    specs: &'static [ParamSpec],
    place: &str,
    attach: impl Fn(Problem) -> Problem + 'a,
    problems: &mut Vec<Problem>,
) {
    for (name, json) in params {
        let place = format!("{place}.params.{name}");
        let problem = match specs.iter().find(|spec| spec.name == name) {
            None => {
                let names = specs.iter().map(|spec| spec.name);
                Problem::new(Severity::Error, place, "there is no such parameter").remedy(suggestion(name, names))
            }
            Some(spec) => match spec.read(json) {
                Ok(_) => continue,
                Err(message) => {
                    let remedy = format!("Until then the default holds: {}.", spec.default);
                    Problem::new(Severity::Error, place, message).remedy(remedy)
                }
            },
        };
        problems.push(attach(problem));
    }
}

fn too_long(text: &str, max: usize) -> Option<String> {
    // Bytes bound characters from above, so most texts are not counted.
    let count = if text.len() <= max { 0 } else { text.chars().count() };
    (count > max).then(|| format!("must have at most {max} characters, has {count}"))
}

#[cfg(test)]
mod tests;
