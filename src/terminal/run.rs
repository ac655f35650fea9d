//! `patchbay run`: a document from its start to its end, with the trace if it is asked for, and a summary.

use std::io::{self, Write};
use std::rc::Rc;

use serde_json::json;

use crate::diagram::story;
use crate::kernel::{TraceMode, World};
use crate::scenario::{validate, Run, Severity};
use crate::vocabulary::{EventId, NodeId, Time};

use super::arguments::{RunOptions, TraceFormat};
use super::{check, event, input, BAD_INPUT, FAILED, SUCCESS};

/// Events dispatched between two looks at the trace. Each records a few trace events, far fewer than the trace keeps.
const SLICE_STEPS: u64 = 1_000;

/// Runs the document; refused if it has errors, failed if the run is halted by a limit.
pub fn run(options: &RunOptions, output: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    let mut document = match input::read(&options.source) {
        Ok(document) => document,
        Err(message) => {
            writeln!(errors, "{message}")?;
            return Ok(BAD_INPUT);
        }
    };
    document.seed = options.seed.unwrap_or(document.seed);
    document.until = options.until.unwrap_or(document.until);
    let problems = validate(&document);
    let mut wrong = problems.iter().filter(|problem| problem.severity == Severity::Error).peekable();
    if wrong.peek().is_some() {
        for problem in wrong {
            writeln!(errors, "{}", check::line(&options.source, problem))?;
        }
        return Ok(BAD_INPUT);
    }
    let end = Time::ZERO + document.until;
    let mode = if options.trace == TraceFormat::None { TraceMode::Off } else { TraceMode::Full };
    let (mut run, _) = Run::new(Rc::new(document), mode);
    let mut printed = EventId::NONE;
    loop {
        let steps = run.steps();
        let reached = run.advance(end, SLICE_STEPS);
        printed = print_trace(&run, options.trace, printed, output)?;
        if reached || run.steps() == steps {
            break;
        }
    }
    let summary = run.summary();
    match options.trace {
        TraceFormat::None => write!(output, "{summary}")?,
        TraceFormat::Text => write!(output, "\n{summary}")?,
        TraceFormat::JsonLines => writeln!(output, "{}", json!({ "summary": summary }))?,
    }
    Ok(if summary.halted.is_some() { FAILED } else { SUCCESS })
}

/// Prints the events after `printed` and returns the last one.
fn print_trace(run: &Run, format: TraceFormat, printed: EventId, output: &mut dyn Write) -> io::Result<EventId> {
    let mut last = printed;
    let names = |node: NodeId| run.label(node).to_string();
    for event in run.simulation().trace().after(printed) {
        match format {
            TraceFormat::None => {}
            TraceFormat::Text => {
                if event.id.0 > last.0 + 1 {
                    writeln!(output, "... {} events were not kept", event.id.0 - last.0 - 1)?;
                }
                writeln!(output, "{}", story::line(event, &names))?;
            }
            TraceFormat::JsonLines => writeln!(output, "{}", event::object(event, run))?,
        }
        last = event.id;
    }
    Ok(last)
}
