//! The table of recordings: every scenario that was recorded of a real server has a test of its name, and the README
//! shows how many there are.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// Product, recording, and what the names of its tests' files begin with.
const RECORDINGS: &[(&str, &str, &[&str])] = &[
    ("RabbitMQ 3.10.8", "rabbitmq-3.10.8.json", &["conformance_rabbitmq", "canvas_rabbitmq"]),
    ("Apache Kafka (librdkafka 2.16)", "kafka-librdkafka-mock.json", &["conformance_kafka"]),
    ("AWS SQS (moto 5.2.5)", "sqs-moto-5.2.5.json", &["conformance_sqs"]),
    ("Redis 7.0.15", "redis-7.0.15.json", &["conformance_redis"]),
    ("Google Cloud Pub/Sub (documentation)", "", &["conformance_pubsub"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The names of all tests in the files that begin so.
fn tests(beginnings: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("tests")).expect("the folder of tests").flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if !file.ends_with(".rs") || !beginnings.iter().any(|beginning| file.starts_with(beginning)) {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("a test file");
        for part in text.split("#[test]").skip(1) {
            let name = part.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            names.extend(name.map(|(name, _)| name.to_string()));
        }
    }
    names
}

fn recorded(file: &str) -> Vec<String> {
    if file.is_empty() {
        return Vec::new();
    }
    let text = fs::read_to_string(root().join("tests/data/oracle").join(file)).expect("a recording");
    let json: Json = serde_json::from_str(&text).expect("JSON");
    json["scenarios"].as_object().expect("scenarios").keys().cloned().collect()
}

fn table() -> String {
    let mut table =
        "| product | recorded scenarios, each a test | conformance tests in all |\n| --- | --- | --- |\n".to_string();
    for (product, file, beginnings) in RECORDINGS {
        let (tests, scenarios) = (tests(beginnings), recorded(file));
        table += &format!("| {product} | {} | {} |\n", scenarios.len(), tests.len());
    }
    table
}

#[test]
fn every_recorded_scenario_has_a_test_of_its_name() {
    for (product, file, beginnings) in RECORDINGS {
        let tests = tests(beginnings);
        let missing: Vec<String> = recorded(file).into_iter().filter(|name| !tests.contains(name)).collect();
        assert!(missing.is_empty(), "{product}: no test for {missing:?}");
    }
}

#[test]
fn the_readme_shows_the_table() {
    let table = table();
    println!("{table}");
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).expect("the README");
    let start = readme.find("| product |").expect("a table in the README");
    let end = readme[start..].find("\n\n").map_or(readme.len(), |end| start + end + 1);
    if std::env::var("PATCHBAY_UPDATE").is_ok_and(|value| value == "1") {
        fs::write(&path, format!("{}{table}{}", &readme[..start], &readme[end..])).expect("the README can be written");
    } else {
        assert_eq!(&readme[start..end], table, "PATCHBAY_UPDATE=1 cargo test --test conformance writes it anew");
    }
}
