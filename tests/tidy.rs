//! What the compiler does not hold: the layers of the house, the size of its rooms, and what no file may say.
#![cfg(not(target_arch = "wasm32"))]

use std::path::{Path, PathBuf};

/// The layers from `src/lib.rs`: a module imports only from lower ones.
const LAYERS: &[(&str, u32)] = &[
    ("vocabulary", 0),
    ("kernel", 1),
    ("model", 2),
    ("scenario", 3),
    ("diagram", 4),
    ("session", 5),
    ("embed", 6),
    ("ui", 6),
    ("terminal", 6),
];

/// Domains of the model, with the siblings that they may import. `kind` is their common ground.
const DOMAINS: &[(&str, &[&str])] = &[("broker", &["kind"]), ("client", &["kind"]), ("checker", &[]), ("kind", &[])];

const LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Functions that may be longer, with their length.
const LONG: &[(&str, &str, usize)] = &[
    // A component whose one `html!` is the whole canvas; cut up, its layers could not be read in their order.
    ("src/ui/canvas.rs", "Canvas", 80),
    ("src/ui/app/perform.rs", "perform", 80),
    ("src/ui/inspector.rs", "document_html", 80),
];

/// Words that a module's code must not have, because they are another module's business.
const STRANGERS: &[(&str, &[&str])] = &[
    ("src/vocabulary", &["web_sys", "yew", "Instant", "SystemTime", "HashMap"]),
    ("src/kernel", &["BrokerMessage", "web_sys", "yew", "Instant", "SystemTime", "HashSet"]),
    ("src/model", &["web_sys", "yew", "Instant", "SystemTime", "HashSet", "thread_rng"]),
    ("src/scenario", &["web_sys", "yew", "Instant", "SystemTime", "HashMap", "HashSet"]),
    ("src/diagram", &["Simulation", "Session", "web_sys", "yew", "Instant", "SystemTime"]),
    ("src/session", &["web_sys", "yew", "js_sys", "Instant", "SystemTime"]),
];

/// Hash maps that are looked up and never iterated, as is written beside each.
const HASH_MAPS: &[&str] = &["src/kernel/trace.rs", "src/model/broker/rabbitmq/router.rs"];

struct File {
    path: String,
    text: String,
    /// The text with comments and the contents of literals blanked.
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Paths below a folder or file, sorted, without what tools put there.
fn paths(from: &Path, found: &mut Vec<PathBuf>) {
    if from.is_file() {
        found.push(from.to_path_buf());
    }
    let Ok(entries) = std::fs::read_dir(from) else { return };
    let mut inside: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    inside.sort();
    let is_made = |path: &PathBuf| ["node_modules", "target", "dist"].iter().any(|name| path.ends_with(name));
    inside.iter().filter(|path| !is_made(path)).for_each(|path| paths(path, found));
}

/// The text files below these places.
fn files(places: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    places.iter().for_each(|place| paths(&root().join(place), &mut found));
    let file = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).ok()?;
        let path = path.strip_prefix(root()).expect("it is below the root").display().to_string();
        Some(File { code: blank(&text), path, text })
    };
    found.into_iter().filter_map(file).collect()
}

fn rust(places: &[&str]) -> Vec<File> {
    let found: Vec<File> = files(places).into_iter().filter(|file| file.path.ends_with(".rs")).collect();
    assert!(found.len() > 5, "the files are there");
    found
}

/// How many characters of `rest` the literal or comment at its start has, without the quotes that stay: (skipped before,
/// blanked). None if none starts here.
fn literal(rest: &[char]) -> Option<(usize, usize)> {
    let starts = |text: &str| text.chars().enumerate().all(|(index, letter)| rest.get(index) == Some(&letter));
    let until = |from: usize, end: &str| {
        let end: Vec<char> = end.chars().collect();
        (from..rest.len()).find(|at| rest[*at..].starts_with(&end)).unwrap_or(rest.len())
    };
    if starts("//") {
        return Some((0, until(0, "\n")));
    }
    if starts("/*") {
        return Some((0, until(2, "*/") + 2));
    }
    if rest[0] == 'r' {
        let hashes = rest[1..].iter().take_while(|letter| **letter == '#').count();
        if rest.get(hashes + 1) == Some(&'"') {
            return Some((hashes + 2, until(hashes + 2, &format!("\"{}", "#".repeat(hashes)))));
        }
    }
    let quote = match rest[0] {
        '"' => '"',
        // A lifetime has no second quote two characters on.
        '\'' if rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'') => '\'',
        _ => return None,
    };
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    Some((1, at.min(rest.len())))
}

/// The code with comments and the contents of literals turned into spaces; lines stay.
fn blank(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let is_in_word = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
        match literal(&letters[at..]).filter(|_| !(is_in_word && letters[at] == 'r')) {
            Some((kept, end)) => {
                code.extend(&letters[at..(at + kept).min(letters.len())]);
                let inside = &letters[(at + kept).min(letters.len())..(at + end).min(letters.len())];
                code.extend(inside.iter().map(|letter| if *letter == '\n' { '\n' } else { ' ' }));
                at += end;
                // The closing quote must not open another literal.
                if kept > 0 && at < letters.len() {
                    code.push(letters[at]);
                    at += 1;
                }
            }
            None => {
                code.push(letters[at]);
                at += 1;
            }
        }
    }
    code
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether the code has this word by itself.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// Where a file stands in the tree of modules: `model::client::consumer`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').map(str::to_string).collect()
}

/// The modules that a file names, as full paths: from `crate::…` and `super::…`, with the line.
fn imports(file: &File) -> Vec<(usize, Vec<String>)> {
    let own = module_of(&file.path);
    let mut found = Vec::new();
    // Inside `mod tests {` one `super` leads only to the file's own module.
    let mut inner = 0;
    for (number, line) in file.code.lines().enumerate() {
        inner += usize::from(line.trim_start().starts_with("mod ") && line.ends_with('{'));
        for (at, _) in line.match_indices("crate::") {
            found.push((number + 1, path_in(&line[at + 7..])));
        }
        let mut at = 0;
        while let Some(start) = line[at..].find("super::").map(|found| found + at) {
            let count = (1..).find(|count| !line[start + 7 * count..].starts_with("super::")).unwrap_or(1);
            at = start + 7 * count;
            let up = count.saturating_sub(inner);
            let mut path = own[..own.len().saturating_sub(up)].to_vec();
            path.extend(path_in(&line[at..]));
            found.push((number + 1, path));
        }
    }
    found
}

/// The names at the start of a text such as `kernel::{self, Port}`, as far as they are certain.
fn path_in(text: &str) -> Vec<String> {
    let end = text.find(|letter| !is_word(letter) && letter != ':').unwrap_or(text.len());
    text[..end].split("::").filter(|name| !name.is_empty()).map(str::to_string).collect()
}

fn layer(module: &str) -> Option<u32> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

#[test]
fn modules_import_only_from_lower_layers() {
    let mut wrong = Vec::new();
    let mut counted = 0;
    for file in rust(&["src"]) {
        let own = module_of(&file.path);
        if matches!(own[0].as_str(), "lib" | "main" | "bin") {
            continue;
        }
        let own_layer = layer(&own[0]).unwrap_or_else(|| panic!("{} is in no layer of the table", file.path));
        for (line, path) in imports(&file) {
            let Some(name) = path.first() else {
                wrong.push(format!("{}:{line}: name the module in each `use`", file.path));
                continue;
            };
            counted += 1;
            let allowed = *name == own[0] || layer(name).is_some_and(|layer| layer < own_layer);
            if !allowed {
                wrong.push(format!("{}:{line}: {} imports {name}", file.path, own[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(counted > 300, "the imports are found: {counted}");
}

#[test]
fn domains_of_the_model_do_not_import_each_other() {
    let mut wrong = Vec::new();
    for file in rust(&["src/model"]).iter().filter(|file| file.path != "src/model/mod.rs") {
        let own = module_of(&file.path);
        let domain = DOMAINS.iter().find(|(name, _)| *name == own[1]);
        let (_, siblings) = domain.unwrap_or_else(|| panic!("{} is in no domain of the table", file.path));
        for (line, path) in imports(file).iter().filter(|(_, path)| path[0] == "model") {
            let Some(name) = path.get(1) else { continue };
            if *name != own[1] && !siblings.contains(&name.as_str()) {
                wrong.push(format!("{}:{line}: {} imports {name}", file.path, own[1]));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn modules_keep_to_their_business() {
    let mut wrong = Vec::new();
    for file in rust(&["src"]) {
        let business = STRANGERS.iter().filter(|(place, _)| file.path.starts_with(place));
        for word in business.flat_map(|(_, words)| *words).filter(|word| has_word(&file.code, word)) {
            let is_test = file.code.find(word) > file.code.find("#[cfg(test)]").or(Some(usize::MAX));
            if !(is_test || file.path.ends_with("tests.rs")) {
                wrong.push(format!("{}: has the word {word}", file.path));
            }
        }
        let is_engine = ["src/kernel", "src/model"].iter().any(|place| file.path.starts_with(place));
        if is_engine && has_word(&file.code, "HashMap") && !HASH_MAPS.contains(&file.path.as_str()) {
            wrong.push(format!("{}: a hash map, whose order is not the same everywhere", file.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = Vec::new();
    for file in rust(&["src", "tests", "benches"]) {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines", file.path));
        }
        for (name, line, length) in functions(&file.code) {
            let exception = LONG.iter().find(|(path, long, _)| *path == file.path && *long == name);
            if length > exception.map_or(FUNCTION_LINES_MAX, |(_, _, length)| *length) {
                wrong.push(format!("{}:{line}: {name} has {length} lines", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The functions of a file: name, line, and length in lines.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let name: String = code[at + 3..].chars().take_while(|letter| is_word(*letter)).collect();
        if name.is_empty() || code[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let (mut depth, mut end) = (0usize, None);
        for (offset, letter) in code[at..].char_indices() {
            match letter {
                ';' if depth == 0 => break,
                '{' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        end = Some(at + offset);
                        break;
                    }
                }
                _ => {}
            }
        }
        if let Some(end) = end {
            found.push((name, code[..at].lines().count(), code[at..end].lines().count()));
        }
    }
    found
}

#[test]
fn nothing_is_left_for_later() {
    let mut wrong = Vec::new();
    for file in rust(&["src", "tests", "benches"]).iter().filter(|file| file.path != "tests/tidy.rs") {
        let words = ["todo!", "unimplemented!", "dbg!"];
        wrong
            .extend(words.iter().filter(|word| file.code.contains(*word)).map(|word| format!("{}: {word}", file.path)));
        if file.path.starts_with("src") && has_word(&file.code, "unsafe") {
            wrong.push(format!("{}: unsafe", file.path));
        }
        let name = module_of(&file.path).pop().unwrap_or_default();
        if ["utils", "util", "helpers", "helper", "misc", "manager", "common"].contains(&name.as_str()) {
            wrong.push(format!("{}: the name says nothing", file.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_room_says_what_lives_in_it() {
    let mut wrong = Vec::new();
    for file in rust(&["src"]) {
        if !file.text.starts_with("//!") && !file.path.ends_with("/tests.rs") {
            wrong.push(format!("{}: must open with what it is", file.path));
        }
        let words = file.text.to_lowercase();
        if file.path.starts_with("src/model") && words.contains("//! reproduces") && !words.contains("leaves out") {
            wrong.push(format!("{}: must say what it leaves out", file.path));
        }
        // A part that is in the palette models something real.
        if has_word(&file.code, "NodeKind") && file.code.contains("const KIND:") && !words.contains("leaves out") {
            wrong.push(format!("{}: must say what it reproduces and leaves out", file.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Nothing names a machine: its folders, or the place from which it gets its packages.
#[test]
fn no_file_names_a_machine() {
    // Written in pieces, so that this file does not name them either.
    let folders = ["work/", "root/", "home/", "tmp/"].map(|name| format!("/{name}"));
    let places = ["src", "static", "scripts", "tests", "benches", "README.md", "index.html", "Trunk.toml"];
    let mut wrong = Vec::new();
    for file in files(&places) {
        for (number, line) in file.text.lines().enumerate() {
            let names_folder = folders.iter().any(|folder| {
                // Only at the start of a path: `static/work/` would be a folder of the project.
                line.match_indices(folder.as_str()).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|letter| is_word(letter) || matches!(letter, '.' | '-' | '}' | ')' | '/'))
                })
            });
            if names_folder {
                wrong.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    for file in
        files(&["Cargo.lock", "Cargo.toml", "tests/e2e/package-lock.json", "tests/e2e/package.json", "Trunk.toml"])
    {
        for (at, _) in file.text.match_indices("://") {
            let host: String = file.text[at + 3..].chars().take_while(|letter| !"/\"'# ".contains(*letter)).collect();
            if !["github.com", "registry.npmjs.org", "json-schema.org"].contains(&host.as_str()) {
                wrong.push(format!("{}: the host {host}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_checks_see_what_they_should() {
    let text =
        "use crate::ui::x; // crate::no\nfn a<'b>() { let c = '{'; let d = \"}{\\\"\"; r#\"{{\"\"#; }\nmod tests {\n";
    let code = blank(text);
    assert_eq!(functions(&code), [("a".to_string(), 1, 1)]);
    assert_eq!(code.lines().count(), text.lines().count());
    let text = "use super::super::edit::Edit;\nuse super::limits;\nmod tests {\nuse super::super::x;\n";
    let file = File { path: "src/scenario/edit/structure.rs".into(), text: text.into(), code: blank(text) };
    let found: Vec<String> = imports(&file).into_iter().map(|(_, path)| path.join("::")).collect();
    assert_eq!(found, ["scenario::edit::Edit", "scenario::edit::limits", "scenario::edit::x"]);
    assert!(has_word("a yew::b", "yew") && !has_word("yews", "yew"));
}
