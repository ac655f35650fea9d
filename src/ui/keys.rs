//! The keyboard: one list from which the page acts and the help is written.

use yew::KeyboardEvent;

use crate::session::{Action, Transport};

/// What a key asks the page for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Something of the session.
    Act(Action),
    /// Undo what is under way.
    Escape,
    /// Zoom by this factor about the middle.
    Zoom(f64),
    /// Show everything.
    Fit,
    /// Move the selection by so many grid steps, or select a first node.
    Nudge(f64, f64),
    /// Select the next node in this direction.
    Towards(f64, f64),
    /// Connect the selected node with the next one that is tapped.
    Connect,
    /// Move the selected node to the next point that is tapped.
    Move,
    /// Offer all kinds of parts.
    QuickAdd,
    /// Select everything.
    SelectAll,
    /// Show the branches of the run.
    Branches,
    /// Show the keys.
    Help,
}

/// The keys, for the help: (keys, what they do).
pub const HELP: [(&str, &str); 20] = [
    ("Space", "play or pause"),
    (".", "step to the next event"),
    (",", "step back"),
    ("Home", "back to the start"),
    ("B", "the branches of the run, once its past was changed"),
    ("Arrow keys", "move the selected parts by one grid step; with Shift by four"),
    ("Ctrl + arrow keys", "select the next part in that direction"),
    ("A", "add a part"),
    ("C", "connect the selected part"),
    ("M", "move the selected part: then click the place"),
    ("Delete", "remove what is selected"),
    ("Ctrl Z", "undo"),
    ("Ctrl Shift Z, Ctrl Y", "redo"),
    ("Ctrl D", "duplicate what is selected"),
    ("Ctrl A", "select everything"),
    ("Shift + drag", "select with a rectangle"),
    ("Ctrl + wheel", "zoom; the wheel alone moves the picture"),
    ("+  −  Shift 1", "zoom in, zoom out, show everything"),
    ("Escape", "stop what is under way"),
    ("?", "this list"),
];

/// What a key means while the canvas has the focus.
pub fn on_canvas(event: &KeyboardEvent) -> Option<Command> {
    let transport = |transport| Some(Command::Act(Action::Transport(transport)));
    let held = event.ctrl_key() || event.meta_key();
    let by = if event.shift_key() { 4.0 } else { 1.0 };
    let arrow = |x: f64, y: f64| Some(if held { Command::Towards(x, y) } else { Command::Nudge(x * by, y * by) });
    match event.key().as_str() {
        "ArrowLeft" => arrow(-1.0, 0.0),
        "ArrowRight" => arrow(1.0, 0.0),
        "ArrowUp" => arrow(0.0, -1.0),
        "ArrowDown" => arrow(0.0, 1.0),
        "Delete" | "Backspace" => Some(Command::Act(Action::DeleteSelection)),
        "a" | "A" if held => Some(Command::SelectAll),
        "d" | "D" if held => Some(Command::Act(Action::DuplicateSelection)),
        _ if held || event.alt_key() => None,
        " " => transport(Transport::Toggle),
        "." => transport(Transport::StepForward),
        "," => transport(Transport::StepBack),
        "Home" => transport(Transport::Reset),
        "a" | "A" => Some(Command::QuickAdd),
        "b" | "B" => Some(Command::Branches),
        "c" | "C" => Some(Command::Connect),
        "m" | "M" => Some(Command::Move),
        "+" | "=" => Some(Command::Zoom(1.25)),
        "-" => Some(Command::Zoom(0.8)),
        "!" => Some(Command::Fit),
        "1" if event.shift_key() => Some(Command::Fit),
        "?" => Some(Command::Help),
        _ => None,
    }
}

/// What a key means anywhere on the page, outside of text fields.
pub fn anywhere(event: &KeyboardEvent) -> Option<Command> {
    let held = event.ctrl_key() || event.meta_key();
    match event.key().as_str() {
        "Escape" => Some(Command::Escape),
        "z" | "Z" if held && event.shift_key() => Some(Command::Act(Action::Redo)),
        "z" | "Z" if held => Some(Command::Act(Action::Undo)),
        "y" | "Y" if held => Some(Command::Act(Action::Redo)),
        _ => None,
    }
}
