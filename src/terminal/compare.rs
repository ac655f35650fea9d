//! `patchbay compare`: one document on several broker products, as a table, with what differs for each subscriber.

use std::io::{self, Write};
use std::rc::Rc;

use crate::model::broker::profile::{Profile, PROFILES};
use crate::scenario::compare::{compare as differences, load, Outcome, PartyDifference, Trial};
use crate::scenario::document::Document;
use crate::scenario::switch::product_at;
use crate::scenario::{validate, Severity};

use super::{check, console, input, BAD_INPUT, FAILED, SUCCESS};

/// The most work for one product; a run that is longer is cut off, and the table says so.
const STEPS_MAX: u64 = 20_000_000;
/// The name of the fixed load.
const LOAD: &str = "load";

/// Runs the document on each product and prints the table.
pub fn compare(source: &str, names: &[String], output: &mut dyn Write, errors: &mut dyn Write) -> io::Result<u8> {
    let (base, products) = match prepare(source, names) {
        Ok(prepared) => prepared,
        Err(message) => {
            writeln!(errors, "{message}")?;
            return Ok(BAD_INPUT);
        }
    };
    let own = base.nodes.iter().find_map(|node| product_at(&base, &node.id)).map(|(profile, _)| profile);
    let mut outcomes: Vec<(&'static Profile, Outcome)> = Vec::new();
    for profile in products {
        match load::on_product(&base, profile.name) {
            Some(document) => outcomes.push((profile, Trial::new(Rc::new(document)).finish(STEPS_MAX))),
            None => writeln!(errors, "patchbay: {source} can't be switched to {}", profile.label)?,
        }
    }
    write_table(&outcomes, output)?;
    let first = own.and_then(|own| outcomes.iter().find(|(profile, _)| profile.name == own.name));
    if let Some((own, first)) = first.or(outcomes.first()) {
        for (profile, outcome) in outcomes.iter().filter(|(profile, _)| profile.name != own.name) {
            writeln!(output, "\n{} after {}", profile.label, own.label)?;
            for party in &differences(first, outcome).parties {
                writeln!(output, "  {}", in_words(party))?;
            }
        }
    }
    let is_cut = outcomes.iter().any(|(_, outcome)| outcome.halted.is_some() || outcome.is_partial);
    Ok(if is_cut { FAILED } else { SUCCESS })
}

/// The document and the products; the error is a sentence.
fn prepare(source: &str, names: &[String]) -> Result<(Document, Vec<&'static Profile>), String> {
    let base = match source {
        LOAD => load::base(),
        _ => input::read(source)?,
    };
    if let Some(problem) = validate(&base).iter().find(|problem| problem.severity == Severity::Error) {
        return Err(check::line(source, problem));
    }
    if !base.nodes.iter().any(|node| product_at(&base, &node.id).is_some()) {
        return Err(format!("{source}: there is no broker in it to compare."));
    }
    let named: Result<Vec<_>, String> = names.iter().map(|name| console::product(name)).collect();
    let products = named.map_err(|message| format!("patchbay: {message}"))?;
    Ok((base, if products.is_empty() { PROFILES.to_vec() } else { products }))
}

fn write_table(outcomes: &[(&'static Profile, Outcome)], output: &mut dyn Write) -> io::Result<()> {
    let heads = [
        "published",
        "done",
        "duplicates",
        "out of order",
        "lost",
        "dead",
        "open",
        "redelivered",
        "done/s",
        "median",
        "p99",
    ];
    let mut rows = vec![std::iter::once("product").chain(heads).map(str::to_string).collect::<Vec<_>>()];
    for (profile, outcome) in outcomes {
        let totals = outcome.totals;
        let span = |span: Option<crate::vocabulary::Duration>| {
            span.map_or_else(|| "-".to_string(), |span| format!("{:.2}s", span.seconds()))
        };
        let mark = if outcome.is_partial { " (cut off)" } else { "" };
        let mut row = vec![format!("{}{mark}", profile.label)];
        let counts = [
            totals.published,
            totals.done,
            totals.duplicates,
            totals.out_of_order,
            totals.lost,
            totals.dead_lettered,
            totals.open,
            totals.redelivered,
        ];
        row.extend(counts.map(|count| count.to_string()));
        row.extend([format!("{:.2}", totals.throughput), span(totals.latency_median), span(totals.latency_p99)]);
        rows.push(row);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    for row in &rows {
        write!(output, "{:<1$}", row[0], width(0))?;
        for (column, cell) in row.iter().enumerate().skip(1) {
            write!(output, "  {cell:>0$}", width(column))?;
        }
        writeln!(output)?;
    }
    Ok(())
}

/// `billing (subscriber): 240 done, 3 in another order, 2 another number of times, median 1.20 s later`.
fn in_words(party: &PartyDifference) -> String {
    let role = if party.is_subscriber { "subscriber" } else { "consumer" };
    let mut parts = vec![format!("{} done instead of {}", party.done.1, party.done.0)];
    for (count, what) in [
        (party.only_first.len(), "no more"),
        (party.only_second.len(), "new"),
        (party.other_times.len(), "another number of times"),
        (party.moved.len(), "in another order"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if let Some(later) = party.later_median.filter(|later| libm::fabs(*later) >= 0.005) {
        let word = if later > 0.0 { "later" } else { "earlier" };
        parts.push(format!("median {:.2} s {word}", libm::fabs(later)));
    }
    format!("{} ({role}): {}", party.label, parts.join(", "))
}
