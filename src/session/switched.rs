//! Switching a broker to another product, with the picture arranged so that no parts lie over each other.

use crate::diagram::geometry::{outline, snap, Outline};
use crate::diagram::layout::Layout;
use crate::diagram::tidy::tidy_layout;
use crate::scenario::connect::Refusal;
use crate::scenario::document::{Document, Node};
use crate::scenario::switch::{plan, Switch};

/// By how much a drawing is drawn out before it is arranged anew: the first that helps is taken.
const STRETCHES: [(f64, f64); 7] =
    [(1.0, 1.0), (1.12, 1.0), (1.25, 1.0), (1.4, 1.0), (1.6, 1.0), (1.4, 1.4), (1.9, 1.9)];

/// Plans the switch; the parts stand where their counterparts were, as far as there is room.
///
/// # Errors
/// As [`plan`].
pub fn switch(document: &Document, host: &str, product: &str) -> Result<Switch, Refusal> {
    let mut switch = plan(document, host, product)?;
    switch.document = arranged(switch.document);
    Ok(switch)
}

/// The drawing, drawn out or arranged anew if parts lie over each other.
pub fn arranged(document: Document) -> Document {
    for (across, down) in STRETCHES {
        let mut stretched = document.clone();
        if (across, down) != (1.0, 1.0) {
            stretched.nodes.iter_mut().for_each(|node| node.at = snap((node.at.0 * across, node.at.1 * down)));
        }
        if !overlaps(&stretched) {
            return stretched;
        }
    }
    let mut anew = document;
    let places = tidy_layout(&anew);
    for (node, (_, at)) in anew.nodes.iter_mut().zip(places) {
        node.at = at;
    }
    anew
}

/// Whether parts lie over each other, or a part lies over a frame that it does not live in.
pub fn overlaps(document: &Document) -> bool {
    let layout = Layout::of(document);
    let frames: Vec<_> = (0..document.nodes.len()).map(|number| layout.frame_at(number)).collect();
    let is_frame: Vec<bool> = document.nodes.iter().map(|node| outline(&node.kind) == Outline::Enclosure).collect();
    for (number, node) in document.nodes.iter().enumerate() {
        for (other_number, other) in document.nodes.iter().enumerate().skip(number + 1) {
            let lives_in = |inner: &Node, host: &Node| inner.host.as_deref() == Some(host.id.as_str());
            let belong = is_frame[number] != is_frame[other_number] && (lives_in(node, other) || lives_in(other, node));
            let lie_over = match (frames[number], frames[other_number]) {
                (Some(frame), Some(other)) => frame.overlaps(other),
                _ => false,
            };
            if lie_over && !belong {
                return true;
            }
        }
    }
    false
}
