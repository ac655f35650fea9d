//! Ids: short words that name nodes and wires in a document, in wires, in random streams and in traces.
//!
//! An id is given once and never reused within a document's life, because a trace and a random stream are named after
//! it. New ids end in a number from the document's counter `next_id`, which only grows: also an undo leaves it alone.

use crate::vocabulary::FlatMap;

use super::document::Document;
use super::limits::ID_LENGTH_MAX;

/// Numbers above this are taken as a part of the word and do not move the counter: no one counts so far by hand.
const COUNTED_MAX: u32 = 1_000_000;

/// Why a text can't be an id, as the end of a sentence that starts with its place; nothing if it can.
pub fn flaw(id: &str) -> Option<String> {
    let sound = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if id.is_empty() {
        Some("must not be empty".to_string())
    } else if id.chars().count() > ID_LENGTH_MAX {
        Some(format!("must have at most {ID_LENGTH_MAX} characters, has {}", id.chars().count()))
    } else if !id.chars().all(sound) {
        let shown: String = id.chars().take(ID_LENGTH_MAX).collect();
        Some(format!("must have only letters a-z, digits, - and _, is {shown:?}"))
    } else {
        None
    }
}

/// A new id for a node or wire of this kind, such as `queue-3`. The counter moves on, so the next call gives another.
pub fn fresh_id(document: &mut Document, kind: &str) -> String {
    let mut number = u64::from(document.next_id.max(1));
    let stem: String = kind.chars().take(ID_LENGTH_MAX - 21).collect();
    let id = loop {
        let id = format!("{stem}-{number}");
        number += 1;
        if document.node(&id).is_none() && document.wire(&id).is_none() {
            break id;
        }
    };
    document.next_id = u32::try_from(number).unwrap_or(u32::MAX);
    id
}

/// Moves the counter past the number in an id that came from elsewhere.
pub(super) fn note_id(document: &mut Document, id: &str) {
    document.next_id = document.next_id.max(counter_after(id));
}

/// The counter that a document needs, so that no new id repeats one of those already in it.
pub(super) fn counter_of(document: &Document) -> u32 {
    ids(document).into_iter().map(counter_after).max().unwrap_or(0)
}

/// One more than the number at the end of an id; zero if there is none.
fn counter_after(id: &str) -> u32 {
    let number = id.rsplit_once('-').and_then(|(_, digits)| digits.parse::<u32>().ok());
    number.filter(|number| *number <= COUNTED_MAX).map_or(0, |number| number + 1)
}

/// The first id that is ill-formed or there twice, with its place: `nodes[3].id`.
pub(super) fn first_flaw(document: &Document) -> Option<(String, String)> {
    let first = first_by_id(&ids(document));
    for (number, (place, id)) in places(document).enumerate() {
        if let Some(flaw) = flaw(id) {
            return Some((place, flaw));
        }
        if first.get(id) != Some(&number) {
            return Some((place, format!("\"{id}\" is taken; every node and wire needs an id of its own")));
        }
    }
    None
}

/// Every id of the document: of the nodes, then of the wires.
pub(super) fn ids(document: &Document) -> Vec<&str> {
    let nodes = document.nodes.iter().map(|node| node.id.as_str());
    nodes.chain(document.wires.iter().map(|wire| wire.id.as_str())).collect()
}

/// The number of the first thing with each id.
pub(super) fn first_by_id<'a>(ids: &[&'a str]) -> FlatMap<&'a str, usize> {
    // Of the same keys the last is kept, so the first must come last.
    ids.iter().copied().enumerate().rev().map(|(number, id)| (id, number)).collect()
}

/// The numbers of the nodes by id; of two with one id, of the first.
pub(super) fn nodes_by_id(document: &Document) -> FlatMap<&str, usize> {
    let ids: Vec<&str> = document.nodes.iter().map(|node| node.id.as_str()).collect();
    first_by_id(&ids)
}

/// Every id of the document with its place, in the same order.
pub(super) fn places(document: &Document) -> impl Iterator<Item = (String, &str)> {
    let nodes = document.nodes.iter().enumerate().map(|(index, node)| (format!("nodes[{index}].id"), node.id.as_str()));
    let wires = document.wires.iter().enumerate().map(|(index, wire)| (format!("wires[{index}].id"), wire.id.as_str()));
    nodes.chain(wires)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::Node;

    fn with_node(id: &str) -> Document {
        let node = Node { id: id.into(), kind: "queue".into(), ..Node::default() };
        Document { nodes: vec![node], ..Document::default() }
    }

    #[test]
    fn new_ids_never_repeat() {
        let mut document = with_node("queue-1");
        assert_eq!(fresh_id(&mut document, "queue"), "queue-2");
        assert_eq!(fresh_id(&mut document, "queue"), "queue-3");
        document.nodes.clear();
        assert_eq!(fresh_id(&mut document, "exchange"), "exchange-4");
    }

    #[test]
    fn the_counter_ends_without_a_repetition() {
        let mut document = with_node("queue-4294967295");
        document.next_id = u32::MAX;
        assert_eq!(fresh_id(&mut document, "queue"), "queue-4294967296");
    }

    #[test]
    fn the_counter_starts_after_the_ids_in_use() {
        assert_eq!(counter_of(&with_node("queue-7")), 8);
        assert_eq!(counter_of(&with_node("tasks")), 0);
        assert_eq!(counter_of(&with_node("queue-4000000000")), 0);
    }

    #[test]
    fn ill_formed_ids_are_named() {
        for id in ["", "a b", "a.b", "köln", &"x".repeat(65)] {
            assert!(flaw(id).is_some(), "{id}");
        }
        assert_eq!(flaw("email_queue-2"), None);
    }
}
