//! The fidelity sheets hold what they say: every line has a source, and every test that is named is there.
#![cfg(not(target_arch = "wasm32"))]

use std::path::Path;

use patchbay::model::broker::profile::{Coverage, PROFILES};

/// The names of all functions in the sources and tests.
fn functions() -> Vec<String> {
    let mut texts = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["src", "tests"].iter().for_each(|folder| read(&root.join(folder), &mut texts));
    let mut names = Vec::new();
    for text in texts {
        for (at, _) in text.match_indices("fn ") {
            let name: String =
                text[at + 3..].chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            names.push(name);
        }
    }
    names.sort();
    names.dedup();
    names
}

fn read(folder: &Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() && !path.ends_with("node_modules") {
            read(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(std::fs::read_to_string(&path).expect("it can be read"));
        }
    }
}

#[test]
fn every_test_of_a_fidelity_sheet_exists_and_every_line_has_a_source() {
    let functions = functions();
    assert!(functions.len() > 500, "the sources are found");
    let mut wrong = Vec::new();
    let mut count = 0;
    for profile in PROFILES {
        for line in profile.fidelity() {
            count += 1;
            let place = format!("{}: {}: {}", profile.name, line.section, line.behaviour);
            if line.source.trim().len() < 4 {
                wrong.push(format!("{place}: no source"));
            }
            match (line.test, line.coverage) {
                ("", Coverage::LeftOut) => {}
                ("", _) => wrong.push(format!("{place}: no test")),
                (_, Coverage::LeftOut) => wrong.push(format!("{place}: left out, and yet tested")),
                (test, _) if functions.binary_search(&test.to_string()).is_err() => {
                    wrong.push(format!("{place}: there is no test {test}"));
                }
                _ => {}
            }
        }
    }
    assert!(count > 20, "there are sheets");
    assert!(wrong.is_empty(), "{} of {count}\n{}", wrong.len(), wrong.join("\n"));
}
