//! How faithful a product is: its words, defaults, promises, and what is reproduced of it, each with its source.

use yew::prelude::*;

use crate::model::broker::profile::{Coverage, Fidelity, Profile, Statement};

/// The sheet of a product.
pub fn sheet(profile: &'static Profile) -> Html {
    let count = |coverage| profile.fidelity().iter().filter(|line| line.coverage == coverage).count();
    let mut sections: Vec<&'static str> = Vec::new();
    for line in profile.fidelity() {
        if !sections.contains(&line.section) {
            sections.push(line.section);
        }
    }
    html! {
        <div class="sheet">
            <p>{ format!("{} {}. ", profile.label, profile.version) }
                if profile.fidelity().is_empty() {
                    { "The list of what is reproduced is not written yet." }
                } else {
                    { format!("{} behaviours are modelled, {} simplified, {} left out. Each line names its source and the test that checks it.",
                        count(Coverage::Modelled), count(Coverage::Simplified), count(Coverage::LeftOut)) }
                }
            </p>
            for section in sections {
                <section>
                    <h3>{ section }</h3>
                    <ul>{ for profile.fidelity().iter().filter(|line| line.section == section).map(line_html) }</ul>
                </section>
            }
            { statements("What it promises", profile.guarantees()) }
            { statements("Its words", profile.terms()) }
            { statements("Its defaults", profile.defaults()) }
        </div>
    }
}

fn line_html(line: &Fidelity) -> Html {
    let (class, word) = match line.coverage {
        Coverage::Modelled => ("ok", "modelled"),
        Coverage::Simplified => ("wait", "simplified"),
        Coverage::LeftOut => ("quiet", "left out"),
    };
    html! {
        <li>
            <b class={classes!("coverage", class)}>{ word }</b>{ " " }{ line.behaviour }
            <small>{ format!("Source: {}.", line.source.trim_end_matches('.')) }
                if !line.test.is_empty() { { " Test: " }<code>{ line.test }</code>{ "." } }
            </small>
        </li>
    }
}

fn statements(title: &'static str, statements: &'static [Statement]) -> Html {
    if statements.is_empty() {
        return html! {};
    }
    html! {
        <section>
            <h3>{ title }</h3>
            <div class="scroll">
                <table>
                    <thead><tr><th scope="col">{ "what" }</th><th scope="col">{ "says" }</th><th scope="col">{ "source" }</th></tr></thead>
                    <tbody>
                        for statement in statements {
                            <tr><th scope="row">{ statement.subject }</th><td>{ statement.says }</td><td class="soft">{ statement.source }</td></tr>
                        }
                    </tbody>
                </table>
            </div>
        </section>
    }
}
