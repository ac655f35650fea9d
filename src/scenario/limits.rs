//! The fixed bounds of a document, each with its reason.

use crate::vocabulary::Duration;

/// The longest text that is read as a document, in bytes. Two thousand nodes with long texts need about 2 MB.
pub const TEXT_BYTES_MAX: usize = 10_000_000;

/// Nodes in one drawing: more can't be told apart on a screen, and the page stays fluent with so many.
pub const NODES_MAX: usize = 2_000;

/// Wires in one drawing: two for each node.
pub const WIRES_MAX: usize = 4_000;

/// Planned faults in one document; each is a deed that a person wrote down.
pub const FAULTS_MAX: usize = 1_000;

/// The longest id, in characters: it is shown in traces and named in wires.
pub const ID_LENGTH_MAX: usize = 64;

/// The longest name of a node, in characters. RabbitMQ 3.10 takes 255 bytes; a picture has room for far less.
pub const NAME_LENGTH_MAX: usize = 100;

/// The longest title, in characters.
pub const TITLE_LENGTH_MAX: usize = 200;

/// The longest `about` or `watch` text, in characters: two paragraphs.
pub const PROSE_LENGTH_MAX: usize = 4_000;

/// The greatest distance from the middle of the drawing, in drawing units. Browsers draw exactly up to about 1e7.
pub const POSITION_MAX: f64 = 1e6;

/// The longest run to the end: a day of virtual time.
pub const UNTIL_MAX: Duration = Duration::from_secs(86_400);

/// The slowest that a fault can make a node, in per cent of the normal time: a hundred times as slow.
pub const SLOW_PERCENT_MAX: u32 = 10_000;
