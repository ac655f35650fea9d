//! Checks of planned faults: whether what they are aimed at is there and can fail so.

use crate::model::broker::command::planned;
use crate::model::{node_kind, Role};

use super::super::connect::{resolve_nodes, with_article};
use super::super::document::{Document, FaultKind, PlannedFault, Wire};
use super::super::limits::SLOW_PERCENT_MAX;
use super::super::problem::{suggestion, Problem, Severity};
use super::Index;

/// Checks every planned fault.
pub(super) fn check(document: &Document, index: &Index, problems: &mut Vec<Problem>) {
    for (number, fault) in document.faults.iter().enumerate() {
        let place = format!("faults[{number}]");
        if let Some((message, remedy)) = aim_flaw(document, index, fault) {
            problems.push(Problem::new(Severity::Error, format!("{place}.to"), message).remedy(remedy));
        }
        if let Some((severity, message, remedy)) = percent_flaw(fault) {
            problems.push(Problem::new(severity, format!("{place}.percent"), message).remedy(remedy));
        }
        if let Some((severity, message, remedy)) = command_flaw(index, fault) {
            problems.push(Problem::new(severity, format!("{place}.command"), message).remedy(remedy));
        }
        if fault.what == FaultKind::Command && fault.lasting.is_some() {
            let message = "a command is undone only by another one";
            let remedy = "Leave it out, and plan the command that undoes this one.";
            problems.push(Problem::new(Severity::Warning, format!("{place}.for"), message).remedy(remedy));
        }
        if fault.at > document.until {
            let message = format!("is {}, after the run has ended at {}", fault.at, document.until);
            let remedy = "Plan it earlier, or let the run take longer.";
            problems.push(Problem::new(Severity::Warning, format!("{place}.at"), message).remedy(remedy));
        }
    }
}

/// What is wrong with the aim of a fault: (message, remedy).
fn aim_flaw(document: &Document, index: &Index, fault: &PlannedFault) -> Option<(String, String)> {
    let node = index.node(&fault.to);
    let wire = document.wire(&fault.to);
    match (fault.what, node, wire) {
        (FaultKind::Partition, _, Some(wire)) => {
            let (from, to) = (index.node(Wire::node_of(&wire.from))?, index.node(Wire::node_of(&wire.to))?);
            let resolved = resolve_nodes(from, &wire.from, to, &wire.to).ok()?;
            (!resolved.wire_kind.link).then(|| {
                let label = resolved.wire_kind.label.to_ascii_lowercase();
                (
                    format!("a {label} is inside the broker and can't be cut"),
                    "Aim it at a network connection.".to_string(),
                )
            })
        }
        (FaultKind::Partition, Some(_), None) => Some((
            format!("must be a wire, but \"{}\" is a node", fault.to),
            "Aim it at a wire of that node.".to_string(),
        )),
        (FaultKind::Partition, None, None) => {
            let ids: Vec<&str> = document.wires.iter().map(|wire| wire.id.as_str()).collect();
            Some((format!("there is no wire \"{}\"", fault.to), suggestion(&fault.to, ids)))
        }
        (_, Some(node), _) => {
            let kind = node_kind(&node.kind)?;
            let Role::Member { host } = kind.role else { return None };
            let message =
                format!("{} runs inside its {host} and fails only with it", with_article(kind).to_ascii_lowercase());
            Some((message, format!("Aim it at the {host}.")))
        }
        (_, None, Some(_)) => {
            let remedy = "Aim it at a node, or plan a partition.".to_string();
            Some((format!("must be a node, but \"{}\" is a wire", fault.to), remedy))
        }
        (_, None, None) => {
            let remedy = suggestion(&fault.to, index.nodes.keys().copied());
            Some((format!("there is no node \"{}\"", fault.to), remedy))
        }
    }
}

/// What is wrong with the command of a fault.
fn command_flaw(index: &Index, fault: &PlannedFault) -> Option<(Severity, String, String)> {
    match (fault.what, &fault.command) {
        (FaultKind::Command, Some(text)) => {
            let kind = index.node(&fault.to).and_then(|node| node_kind(&node.kind))?;
            if matches!(kind.role, Role::Member { .. }) {
                // Its aim is wrong, and that is said.
                return None;
            }
            let flaw = planned(kind, text).err()?;
            let remedy = match flaw.known.is_empty() {
                true => "Write it as at the console.".to_string(),
                false => suggestion(&flaw.word, flaw.known),
            };
            Some((Severity::Error, flaw.message, remedy))
        }
        (FaultKind::Command, None) => {
            let remedy = "Write \"command\": and what you would write at the console, or press.".to_string();
            Some((Severity::Error, "is missing".to_string(), remedy))
        }
        (_, Some(_)) => {
            Some((Severity::Warning, "means something only for \"command\"".to_string(), "Leave it out.".to_string()))
        }
        (_, None) => None,
    }
}

fn percent_flaw(fault: &PlannedFault) -> Option<(Severity, String, String)> {
    match (fault.what, fault.percent) {
        (FaultKind::Slow, Some(percent)) if (1..=SLOW_PERCENT_MAX).contains(&percent) => None,
        (FaultKind::Slow, Some(percent)) => {
            let remedy = "200 makes the work take twice as long.".to_string();
            Some((Severity::Error, format!("must be 1..{SLOW_PERCENT_MAX}, is {percent}"), remedy))
        }
        (FaultKind::Slow, None) => {
            let remedy = "Write \"percent\": 300 for work that takes three times as long.".to_string();
            Some((Severity::Error, "is missing".to_string(), remedy))
        }
        (_, Some(_)) => {
            Some((Severity::Warning, "means something only for \"slow\"".to_string(), "Leave it out.".to_string()))
        }
        (_, None) => None,
    }
}
