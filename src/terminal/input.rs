//! Where documents come from: a file, the standard input, or the ready scenarios.

use std::fs::File;
use std::io::{self, Read};

use crate::scenario::codec::decode_bytes;
use crate::scenario::limits::TEXT_BYTES_MAX;
use crate::scenario::problem::nearest;
use crate::scenario::{library, Document};

/// Reads a document; the error is a line that begins with its name.
pub fn read(source: &str) -> Result<Document, String> {
    if let Some(document) = library::document(source) {
        return Ok(Document::clone(&document));
    }
    let bytes =
        if source == "-" { read_bounded(io::stdin().lock()) } else { File::open(source).and_then(read_bounded) };
    let bytes = bytes.map_err(|error| explain(source, &error))?;
    decode_bytes(&bytes).map_err(|error| format!("{source}: {error}"))
}

/// Reads a little more than a document can have, so that an endless file ends.
fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn explain(source: &str, error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::NotFound {
        return format!("{source}: can't be read: {error}");
    }
    let ids = library::ALL.iter().map(|ready| ready.id);
    match nearest(source, ids) {
        Some(id) => format!("{source}: there is no such file or ready scenario; did you mean \"{id}\"?"),
        None => format!("{source}: there is no such file or ready scenario; see patchbay list"),
    }
}
