//! `patchbay check`: every problem of every document, one per line.

use std::io::{self, Write};

use crate::scenario::{validate, Problem, Severity};

use super::{input, BAD_INPUT, FAILED, SUCCESS};

/// Checks the documents; fails if one has an error, and is refused if one can't be read. All are looked at first.
pub fn check(sources: &[String], output: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    let mut code = SUCCESS;
    for source in sources {
        let document = match input::read(source) {
            Ok(document) => document,
            Err(message) => {
                writeln!(errors, "{message}")?;
                code = BAD_INPUT;
                continue;
            }
        };
        let problems = validate(&document);
        for problem in &problems {
            writeln!(output, "{}", line(source, problem))?;
        }
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            code = code.max(FAILED);
        } else if problems.is_empty() {
            writeln!(output, "{source}: ok")?;
        }
    }
    Ok(code)
}

/// `file: error: nodes[3].params.prefetch (worker): must be 0..65535, is -1.`, and what to do about it.
pub fn line(source: &str, problem: &Problem) -> String {
    let Problem { severity, place, node, wire, message, remedy } = problem;
    let name = node.as_ref().or(wire.as_ref()).map_or(String::new(), |id| format!(" ({id})"));
    let line = format!("{source}: {}: {place}{name}: {}. {remedy}", severity.label(), message.trim_end_matches('.'));
    line.trim_end().to_string()
}
