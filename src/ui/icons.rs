//! Small line drawings for buttons and the palette, in the colour of the text around them.

use yew::prelude::*;

/// The path of an icon in a 20 by 16 box.
fn path(name: &str) -> &'static str {
    match name {
        "producer" => "M1 2h12l6 6-6 6H1z",
        "consumer" => "M19 2H7L1 8l6 6h12z",
        "exchange" => "M10 1l8 7-8 7-8-7z",
        "topic" | "stream" | "pubsub_topic" => "M1 3h18v10H1zM3 3v10M8 3v10M13 3v10",
        "console" => "M1 2h18v12H1zM4 6l3 2-3 2M9 11h5",
        "sqs_queue" | "group" | "stream_group" | "subscription" | "queue" => "M1 3h18v10H1zM6 3v10M11 3v10M16 3v10",
        "kafka" | "sqs" | "redis" | "pubsub" | "broker" => "M1 2h18v12H1zM1 5h8V2",
        "undo" => "M7 3L3 7l4 4M3 7h9a4 4 0 0 1 0 8h-3",
        "redo" => "M13 3l4 4-4 4M17 7H8a4 4 0 0 0 0 8h3",
        "play" => "M6 2l10 6-10 6z",
        "pause" => "M6 2v12M13 2v12",
        "step" => "M4 2l8 6-8 6zM16 2v12",
        "back" => "M16 2L8 8l8 6zM4 2v12",
        "reset" => "M4 8a6 6 0 1 0 2-4.5M4 1v4h4",
        "end" => "M3 2l6 6-6 6zM9 2l6 6-6 6zM17 2v12",
        "plus" => "M10 2v12M4 8h12",
        "minus" => "M4 8h12",
        "fit" => "M3 5V2h4M13 2h4v3M17 11v3h-4M7 14H3v-3",
        "close" => "M5 3l10 10M15 3L5 13",
        "sun" => "M10 5a3 3 0 1 0 0 6a3 3 0 0 0 0-6zM10 1v1.5M10 13.5v1.5M3 8h1.5M15.5 8H17M5 3l1 1M14 12l1 1M15 3l-1 1M6 12l-1 1",
        "moon" => "M13 2a6.5 6.5 0 1 0 3 9a5.5 5.5 0 0 1-3-9z",
        "folder" => "M2 3h5l2 2h9v9H2z",
        "trash" => "M4 4h12M8 4V2h4v2M6 4l1 11h6l1-11",
        "copy" => "M7 5h9v9H7zM4 11V2h9",
        "move" => "M10 1v14M3 8h14M10 1L8 3M10 1l2 2M10 15l-2-2M10 15l2-2M3 8l2-2M3 8l2 2M17 8l-2-2M17 8l-2 2",
        "connect" => "M4 4a2 2 0 1 0 0 .1zM16 12a2 2 0 1 0 0 .1zM5 6c1 6 9-2 10 5",
        "download" => "M10 1v9M6 7l4 4 4-4M3 14h14",
        "share" => "M6 8l8-5M6 8l8 5M4 6.5a1.5 1.5 0 1 0 0 3a1.5 1.5 0 0 0 0-3zM16 1.5a1.5 1.5 0 1 0 0 3a1.5 1.5 0 0 0 0-3zM16 11.5a1.5 1.5 0 1 0 0 3a1.5 1.5 0 0 0 0-3z",
        "branch" => "M2 8h6c4 0 3-5 7-5h3M8 8c4 0 3 5 7 5h3",
        "help" => "M7 5a3 3 0 1 1 4 3c-1 .5-1 1-1 2M10 13v.5",
        "crash" => "M11 1L4 9h5l-1 6 8-9h-5z",
        _ => "M3 3h14v10H3z",
    }
}

/// An icon. It says nothing to a screen reader: the button around it has a name.
pub fn glyph(name: &str) -> Html {
    html! {
        <svg class="icon" width="20" height="16" viewBox="0 0 20 16" aria-hidden="true"><path d={path(name)} /></svg>
    }
}

/// The sign of the house: two jacks and a cord.
pub fn logo() -> Html {
    html! {
        <svg class="logo" width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
            <circle cx="5" cy="6" r="3.2" /><circle class="jack" cx="17" cy="16" r="3.2" />
            <path d="M5 9.5C5 17 17 5 17 12.5" />
        </svg>
    }
}
