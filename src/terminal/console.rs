//! `patchbay console`: one broker product in its own words, a line in, lines of JSON out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

use crate::model::broker::console::Console;
use crate::model::broker::profile::{Profile, PROFILES};
use crate::model::kind::settings;
use crate::model::node_kind;
use crate::scenario::problem::nearest;
use crate::vocabulary::Settings;

use super::arguments::{product_names, ConsoleOptions};
use super::{BAD_INPUT, SUCCESS};

/// A longer line is refused: nothing that a product understands comes near it.
const LINE_BYTES_MAX: usize = 1 << 20;

/// The product of this name; the error is a sentence.
pub fn product(name: &str) -> Result<&'static Profile, String> {
    let plain = name.to_ascii_lowercase().replace('-', "_");
    let found = PROFILES.iter().copied().find(|profile| profile.name == plain || profile.host == plain);
    found.ok_or_else(|| match nearest(name, PROFILES.iter().map(|profile| profile.name)) {
        Some(meant) => format!("there is no product \"{name}\"; did you mean \"{meant}\"?"),
        None => format!("there is no product \"{name}\"; there are {}.", product_names()),
    })
}

/// Performs the script line by line and prints what comes of each line at once.
pub fn console(options: &ConsoleOptions, output: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    let profile = match product(&options.profile) {
        Ok(profile) => profile,
        Err(message) => {
            writeln!(errors, "patchbay: {message}")?;
            return Ok(BAD_INPUT);
        }
    };
    let mut script: Box<dyn BufRead> = match &options.script {
        None => Box::new(io::stdin().lock()),
        Some(path) => match File::open(path) {
            Ok(file) => Box::new(BufReader::new(file)),
            Err(error) => {
                writeln!(errors, "patchbay: {path} can't be read: {error}")?;
                return Ok(BAD_INPUT);
            }
        },
    };
    let mut console = Console::new((profile.server)(&defaults(profile)), profile.words(), options.seed);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let limited = &mut io::Read::take(&mut script, LINE_BYTES_MAX as u64 + 1);
        match limited.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(length) if length <= LINE_BYTES_MAX => {}
            Ok(_) => {
                writeln!(errors, "patchbay: line {number} is longer than {LINE_BYTES_MAX} bytes")?;
                return Ok(BAD_INPUT);
            }
            Err(error) => {
                writeln!(errors, "patchbay: line {number} can't be read: {error}")?;
                return Ok(BAD_INPUT);
            }
        }
        let mut result = Ok(());
        console.perform(&String::from_utf8_lossy(&line), &mut |json| {
            if result.is_ok() {
                result = writeln!(output, "{json}");
            }
        });
        result?;
        output.flush()?;
    }
    Ok(SUCCESS)
}

/// The settings of a fresh broker.
fn defaults(profile: &Profile) -> Settings {
    node_kind(profile.host).map_or_else(Settings::default, |kind| settings(kind.params, |_| None))
}
