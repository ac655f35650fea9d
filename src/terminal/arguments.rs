//! The command line, read into data.

use crate::model::broker::profile::PROFILES;
use crate::scenario::problem::nearest;
use crate::vocabulary::Duration;

/// What `--help` prints.
pub const HELP: &str = "\
Patchbay runs drawings of message brokers, producers and consumers, and tells what happened.

Usage:
  patchbay run FILE-OR-ID [--until TIME] [--seed NUMBER] [--trace text|jsonl|none]
  patchbay check FILE-OR-ID...
  patchbay list
  patchbay schema
  patchbay console PROFILE [SCRIPT] [--seed NUMBER]
  patchbay fidelity PROFILE
  patchbay compare FILE-OR-ID [PROFILE...]

Commands:
  run      Run a document to its end and print a summary.
  check    Look for mistakes in documents.
  list     List the ready scenarios.
  schema   Print the JSON Schema of documents.
  console  Talk to one broker product in its own words: a line in, a line of JSON out.
  fidelity Say what is modelled of a product and what is not, with sources and tests.
  compare  Run a document on several products, all if none is named, and print what differs. The id load stands for a
           fixed load: two subscribers with two consumers each, one of which crashes.

FILE-OR-ID is a document, a ready scenario, or - for the standard input.
PROFILE is a broker product: patchbay fidelity names them. SCRIPT is a file; without one the lines come from the
standard input. The line help lists the words of the product.

Options of run:
  --until TIME      Run until this virtual time, such as 90s or 5m, instead of the document's own end.
  --seed NUMBER     Use this seed instead of the document's own.
  --trace text      Print a line for every event before the summary.
  --trace jsonl     Print a JSON object for every event, and the summary as the last one.
  --trace none      Print only the summary (this is the default).

Other options:
  --help, --version

Exit code: 0 if all went well, 1 if a check failed or a run was halted by a limit, 2 if an argument or a document
can't be used.
";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run a document.
    Run(RunOptions),
    /// Check documents.
    Check(Vec<String>),
    /// List the ready scenarios.
    List,
    /// Print the schema.
    Schema,
    /// Talk to a broker product.
    Console(ConsoleOptions),
    /// Print the fidelity sheet of a product.
    Fidelity(String),
    /// Compare products: the document, and the names of the products.
    Compare(String, Vec<String>),
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

/// What to run and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// A file, the id of a ready scenario, or `-`.
    pub source: String,
    /// The end, if not the document's own.
    pub until: Option<Duration>,
    /// The seed, if not the document's own.
    pub seed: Option<u64>,
    /// How the trace is printed.
    pub trace: TraceFormat,
}

/// What to talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// The name of the product.
    pub profile: String,
    /// The script's file; the standard input if there is none, or `-`.
    pub script: Option<String>,
    /// Decides what the product leaves open.
    pub seed: u64,
}

/// How the trace is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// Not at all.
    None,
    /// A sentence for each event.
    Text,
    /// A JSON object for each event.
    JsonLines,
}

const COMMANDS: [&str; 7] = ["run", "check", "list", "schema", "console", "fidelity", "compare"];
const RUN_OPTIONS: [&str; 3] = ["--until", "--seed", "--trace"];

/// Reads the arguments; the error is a sentence.
pub fn parse(arguments: &[String]) -> Result<Command, String> {
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        return Ok(Command::Help);
    }
    let Some((command, rest)) = arguments.split_first() else {
        return Err(format!("a command is missing: {}.", COMMANDS.join(", ")));
    };
    match command.as_str() {
        "run" => parse_run(rest),
        "check" => parse_check(rest),
        "list" => nothing_more("list", rest).map(|()| Command::List),
        "schema" => nothing_more("schema", rest).map(|()| Command::Schema),
        "console" => parse_console(rest),
        "fidelity" => match rest {
            [profile] if !is_option(profile) => Ok(Command::Fidelity(profile.clone())),
            _ => Err(format!("fidelity needs one product: {}.", product_names())),
        },
        "compare" => match rest.split_first() {
            Some((source, products)) if !rest.iter().any(|argument| is_option(argument)) => {
                Ok(Command::Compare(source.clone(), products.to_vec()))
            }
            _ => Err("compare needs a file or id, then names of products if not all are meant.".to_string()),
        },
        "help" => Ok(Command::Help),
        "--version" | "-V" => nothing_more("--version", rest).map(|()| Command::Version),
        other => Err(format!("there is no command \"{other}\"{}", meant(other, &COMMANDS))),
    }
}

fn meant(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(name) => format!("; did you mean \"{name}\"?"),
        None => format!("; there are {}.", known.join(", ")),
    }
}

fn nothing_more(command: &str, rest: &[String]) -> Result<(), String> {
    match rest.first() {
        None => Ok(()),
        Some(argument) => Err(format!("{command} takes no argument, but \"{argument}\" follows it.")),
    }
}

fn parse_check(rest: &[String]) -> Result<Command, String> {
    if let Some(option) = rest.iter().find(|argument| is_option(argument)) {
        return Err(format!("check has no option \"{option}\"."));
    }
    if rest.is_empty() {
        return Err("check needs at least one file or id of a ready scenario.".to_string());
    }
    Ok(Command::Check(rest.to_vec()))
}

/// The names of all broker products.
pub fn product_names() -> String {
    PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", ")
}

fn parse_console(rest: &[String]) -> Result<Command, String> {
    let mut places = Vec::new();
    let mut seed = 1;
    let mut arguments = rest.iter();
    while let Some(argument) = arguments.next() {
        if !is_option(argument) {
            places.push(argument.clone());
            continue;
        }
        let (name, attached) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (argument.as_str(), None),
        };
        if name != "--seed" {
            return Err(format!("console has no option \"{name}\"."));
        }
        let value = attached.or_else(|| arguments.next().cloned()).ok_or("a value is missing after --seed.")?;
        seed = value.parse().map_err(|_| format!("--seed must be a whole number from 0, is \"{value}\"."))?;
    }
    let mut places = places.into_iter();
    let profile = places.next().ok_or_else(|| format!("console needs a product: {}.", product_names()))?;
    let script = places.next().filter(|script| script != "-");
    match places.next() {
        None => Ok(Command::Console(ConsoleOptions { profile, script, seed })),
        Some(more) => Err(format!("console takes one script, but \"{more}\" follows it.")),
    }
}

/// True for `--name`, but not for `-`, which is the standard input.
fn is_option(argument: &str) -> bool {
    argument.len() > 1 && argument.starts_with('-')
}

fn parse_run(rest: &[String]) -> Result<Command, String> {
    let mut source = None;
    let (mut until, mut seed, mut trace) = (None, None, TraceFormat::None);
    let mut arguments = rest.iter();
    while let Some(argument) = arguments.next() {
        if !is_option(argument) {
            if let Some(first) = source.replace(argument.clone()) {
                return Err(format!("run takes one document, but there are two: \"{first}\" and \"{argument}\"."));
            }
            continue;
        }
        let (name, attached) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (argument.as_str(), None),
        };
        if !RUN_OPTIONS.contains(&name) {
            return Err(format!("run has no option \"{name}\"{}", meant(name, &RUN_OPTIONS)));
        }
        let value = attached.or_else(|| arguments.next().cloned());
        let value = value.ok_or_else(|| format!("a value is missing after {name}."))?;
        match name {
            "--until" => until = Some(parse_until(&value)?),
            "--seed" => {
                let number = value.parse();
                seed = Some(number.map_err(|_| format!("--seed must be a whole number from 0, is \"{value}\"."))?);
            }
            _ => trace = parse_trace(&value)?,
        }
    }
    let source = source.ok_or("run needs a file or the id of a ready scenario; see patchbay list.")?;
    Ok(Command::Run(RunOptions { source, until, seed, trace }))
}

fn parse_until(value: &str) -> Result<Duration, String> {
    let span: Duration = value.parse().map_err(|error| format!("--until {error}."))?;
    let max = crate::scenario::limits::UNTIL_MAX;
    if span > max {
        return Err(format!("--until must be at most {max}, is {span}."));
    }
    Ok(span)
}

fn parse_trace(value: &str) -> Result<TraceFormat, String> {
    match value {
        "text" => Ok(TraceFormat::Text),
        "jsonl" => Ok(TraceFormat::JsonLines),
        "none" => Ok(TraceFormat::None),
        other => Err(format!("--trace must be text, jsonl or none, is \"{other}\".")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(&line.split_whitespace().map(str::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_run_is_read_with_its_options_in_any_order() {
        let expected = Command::Run(RunOptions {
            source: "work-queue".into(),
            until: Some(Duration::from_secs(90)),
            seed: Some(7),
            trace: TraceFormat::Text,
        });
        for line in
            ["run work-queue --until 90s --seed 7 --trace text", "run --seed=7 --trace=text --until=1.5m work-queue"]
        {
            assert_eq!(read(line), Ok(expected.clone()));
        }
        assert!(matches!(read("run -"), Ok(Command::Run(options)) if options.source == "-"));
    }

    #[test]
    fn a_mistake_is_answered_with_a_sentence() {
        for (line, part) in [
            ("", "a command is missing"),
            ("rnu x", "did you mean \"run\"?"),
            ("run", "needs a file"),
            ("run a b", "there are two"),
            ("run a --sede 1", "did you mean \"--seed\"?"),
            ("run a --seed -1", "--seed must be a whole number"),
            ("run a --until soon", "--until must be a time such as 250ms"),
            ("run a --until 2d", "at most 1d, is 2d"),
            ("run a --trace xml", "must be text, jsonl or none"),
            ("run a --seed", "a value is missing after --seed"),
            ("check", "at least one file"),
            ("check --all", "no option \"--all\""),
            ("list all", "takes no argument"),
            ("console", "console needs a product: rabbitmq"),
            ("console rabbitmq a b", "\"b\" follows it"),
            ("console rabbitmq --speed 2", "no option \"--speed\""),
            ("console rabbitmq --seed x", "--seed must be a whole number"),
            ("fidelity", "fidelity needs one product"),
            ("fidelity a b", "fidelity needs one product"),
            ("compare", "compare needs a file or id"),
            ("compare a --fast", "compare needs a file or id"),
        ] {
            let message = read(line).expect_err(line);
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
