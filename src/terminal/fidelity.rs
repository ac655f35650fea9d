//! `patchbay fidelity`: what is modelled of a product and what is not, each line with its source and its test.

use std::io::{self, Write};

use crate::model::broker::profile::{Coverage, Profile, Statement};

/// Prints the sheet.
pub fn fidelity(profile: &Profile, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "{} {}", profile.label, profile.version)?;
    statements("Terms", profile.terms(), output)?;
    statements("Defaults", profile.defaults(), output)?;
    statements("Guarantees", profile.guarantees(), output)?;
    let mut section = "";
    for line in profile.fidelity() {
        if line.section != section {
            section = line.section;
            writeln!(output, "\n{section}")?;
        }
        let mark = match line.coverage {
            Coverage::Modelled => "modelled",
            Coverage::Simplified => "simplified",
            Coverage::LeftOut => "left out",
        };
        writeln!(output, "  {mark:<11} {}", line.behaviour)?;
        let test = if line.test.is_empty() { String::new() } else { format!("; test {}", line.test) };
        writeln!(output, "  {:<11} source: {}{test}", "", line.source)?;
    }
    let count = |coverage| profile.fidelity().iter().filter(|line| line.coverage == coverage).count();
    writeln!(
        output,
        "\n{} modelled, {} simplified, {} left out",
        count(Coverage::Modelled),
        count(Coverage::Simplified),
        count(Coverage::LeftOut)
    )
}

fn statements(title: &str, statements: &[Statement], output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "\n{title}")?;
    for Statement { subject, says, source } in statements {
        writeln!(output, "  {subject}: {says}\n    source: {source}")?;
    }
    Ok(())
}
