//! The engine in a terminal: run a document, check documents, list the ready scenarios, print the schema, talk to one
//! broker product, say how faithful it is, compare products.
//!
//! The program is in the library, so that tests can drive it without a process; `src/bin/patchbay.rs` only hands it the
//! arguments and the two streams. Nothing here knows how a part behaves: everything is asked of `scenario` and
//! `diagram`.
//!
//! To add a command, add it to [`arguments::Command`] with its line in [`arguments::HELP`], and write its file here.

mod arguments;
mod check;
mod compare;
mod console;
mod event;
mod fidelity;
mod input;
mod run;

use std::io::{self, Write};

use crate::scenario::{library, schema};

use arguments::{parse, Command, HELP};

/// Everything went well.
pub const SUCCESS: u8 = 0;
/// A check failed, or a run was halted by a limit.
pub const FAILED: u8 = 1;
/// The arguments or a document can't be used.
pub const BAD_INPUT: u8 = 2;

/// Runs the program with these arguments (without its own name) and returns its exit code.
///
/// A reader of the output that goes away early, as `head` does, ends the program quietly.
pub fn main(arguments: &[String], output: &mut dyn Write, errors: &mut dyn Write) -> u8 {
    let command = match parse(arguments) {
        Ok(command) => command,
        Err(message) => {
            // If even this can't be written, the exit code still says it.
            let _ = writeln!(errors, "patchbay: {message}\nTry: patchbay --help");
            return BAD_INPUT;
        }
    };
    match execute(&command, output, errors).and_then(|code| output.flush().map(|()| code)) {
        Ok(code) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => SUCCESS,
        Err(error) => {
            let _ = writeln!(errors, "patchbay: can't write the output: {error}");
            BAD_INPUT
        }
    }
}

fn execute(command: &Command, output: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    match command {
        Command::Run(options) => return run::run(options, output, errors),
        Command::Check(files) => return check::check(files, output, errors),
        Command::Console(options) => return console::console(options, output, errors),
        Command::Fidelity(name) => match console::product(name) {
            Ok(profile) => fidelity::fidelity(profile, output)?,
            Err(message) => {
                writeln!(errors, "patchbay: {message}")?;
                return Ok(BAD_INPUT);
            }
        },
        Command::Compare(source, products) => return compare::compare(source, products, output, errors),
        Command::List => list(output)?,
        Command::Schema => writeln!(output, "{:#}", schema::schema())?,
        Command::Help => output.write_all(HELP.as_bytes())?,
        Command::Version => writeln!(output, "patchbay {}", env!("CARGO_PKG_VERSION"))?,
    }
    Ok(SUCCESS)
}

fn list(output: &mut dyn Write) -> io::Result<()> {
    let width = library::ALL.iter().map(|ready| ready.id.len()).max().unwrap_or(0);
    for ready in library::ALL {
        let title = library::document(ready.id).map_or(String::new(), |document| document.title.clone());
        writeln!(output, "{:width$}  {title}", ready.id)?;
    }
    Ok(())
}
