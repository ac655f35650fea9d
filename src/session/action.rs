//! Everything that a person, a lesson, a host page or a test can do, and what comes of it.

use crate::scenario::document::Document;
use crate::scenario::edit::Edit;
use crate::scenario::instantiate::FaultDeed;
use crate::vocabulary::Time;

/// What the one in front of the page may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Look and move the view.
    View,
    /// Also run it and break things.
    Play,
    /// Also change the drawing.
    Edit,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Change the document. One undo takes it back.
    Edit(Edit),
    /// Change the document as part of a continuing gesture, such as turning a knob: edits that follow each other with
    /// the same key are taken back together.
    Adjust {
        /// Names the gesture.
        key: String,
        /// The change.
        edit: Edit,
    },
    /// Take the last change back.
    Undo,
    /// Make it again.
    Redo,
    /// Open another document. What was open stays in the undo history.
    Open(Box<Document>),
    /// Move through time.
    Transport(Transport),
    /// Break or mend something in the run.
    Fault(FaultDeed),
    /// Give a part a command by hand, such as "send".
    Command {
        /// The node's id.
        node: String,
        /// The command's name.
        command: String,
    },
    /// Select exactly these parts.
    Select(Vec<String>),
    /// Add a part to the selection, or take it out.
    ToggleSelect(String),
    /// Remove what is selected.
    DeleteSelection,
    /// Copy what is selected, a little to the side.
    DuplicateSelection,
    /// Take up a future that was left behind when the past was changed.
    SwitchBranch(usize),
}

/// Moving through time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transport {
    /// Go on.
    Play,
    /// Stop where it is.
    Pause,
    /// One or the other.
    Toggle,
    /// Until the next thing that is written in the trace.
    StepForward,
    /// Back before the last thing that was written in the trace.
    StepBack,
    /// Run to the document's end without showing the way.
    RunToEnd,
    /// Back to the start, with the drawing as it is now.
    Reset,
    /// To this time, back or forward.
    Seek(Time),
    /// Virtual seconds per second, 0.1 to 1000.
    SetSpeed(f64),
}

/// What the page must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Keep this text: the document, as JSON.
    Save(String),
    /// Tell the person something, without interrupting.
    Announce(String),
    /// Tell the person that something could not be done, and why.
    Refuse(String),
}
