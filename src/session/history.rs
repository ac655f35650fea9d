//! Undo and redo: the inverses of what was done, newest last.

use crate::scenario::document::Document;
use crate::scenario::edit::Edit;

/// Steps that can be taken back. Each holds a few hundred bytes, or a whole document after "open".
const STEPS_MAX: usize = 500;

/// A way back to an earlier state of the document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Apply this edit.
    Edit { edit: Edit, key: Option<String> },
    /// Open this document again.
    Document(Box<Document>),
    /// Make this the drawing while the run goes on.
    Drawing(Box<Document>),
}

/// What can be taken back and made again.
#[derive(Clone, Debug, Default)]
pub struct History {
    undo: Vec<Step>,
    redo: Vec<Step>,
}

impl History {
    /// Notes the way back from a new change; what could be made again is forgotten.
    pub(super) fn note(&mut self, step: Step) {
        self.redo.clear();
        if let (Step::Edit { edit, key: Some(key) }, Some(Step::Edit { edit: before, key: Some(last) })) =
            (&step, self.undo.last_mut())
        {
            if key == last {
                // The earlier inverse must come last when the gesture is taken back. Setting the same thing again and
                // again needs only the first inverse, since it restores the value before the gesture.
                if !same_target(edit, before) {
                    *before = Edit::Batch(vec![edit.clone(), before.clone()]);
                }
                return;
            }
        }
        self.undo.push(step);
        if self.undo.len() > STEPS_MAX {
            self.undo.remove(0);
        }
    }

    /// Ends a continuing gesture: the next change with the same key is a step of its own.
    pub fn settle(&mut self) {
        if let Some(Step::Edit { key, .. }) = self.undo.last_mut() {
            *key = None;
        }
    }

    pub(super) fn pop_undo(&mut self) -> Option<Step> {
        self.undo.pop()
    }

    pub(super) fn pop_redo(&mut self) -> Option<Step> {
        self.redo.pop()
    }

    pub(super) fn push_undo(&mut self, step: Step) {
        self.undo.push(step);
    }

    pub(super) fn push_redo(&mut self, step: Step) {
        self.redo.push(step);
    }

    /// Whether something can be taken back.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether something can be made again.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }
}

/// True if both edits set the same one thing.
fn same_target(first: &Edit, second: &Edit) -> bool {
    match (first, second) {
        (Edit::SetParam { id: a, name: m, .. }, Edit::SetParam { id: b, name: n, .. }) => a == b && m == n,
        (Edit::Rename { id: a, .. }, Edit::Rename { id: b, .. })
        | (Edit::MoveNode { id: a, .. }, Edit::MoveNode { id: b, .. }) => a == b,
        (Edit::SetTitle { .. }, Edit::SetTitle { .. })
        | (Edit::SetAbout { .. }, Edit::SetAbout { .. })
        | (Edit::SetSeed { .. }, Edit::SetSeed { .. })
        | (Edit::SetUntil { .. }, Edit::SetUntil { .. }) => true,
        (Edit::Batch(a), Edit::Batch(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter().rev()).all(|(x, y)| same_target(x, y))
                || a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same_target(x, y))
        }
        _ => false,
    }
}
