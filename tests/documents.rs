//! Documents as text: what is read, what is refused and with which words, old formats, the schema, and the ready
//! scenarios.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::{Path, PathBuf};

use patchbay::scenario::codec::{decode_bytes, DecodeErrorKind};
use patchbay::scenario::limits::{NODES_MAX, TEXT_BYTES_MAX};
use patchbay::scenario::{decode, encode, library, schema, validate, Document, Severity};
use proptest::prelude::*;
use serde_json::{json, Value as Json};

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/documents").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(text: &str) -> Document {
    decode(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Set to 1 to write the published files anew instead of comparing them.
fn updating() -> bool {
    std::env::var("PATCHBAY_UPDATE").is_ok_and(|value| value == "1")
}

fn published(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn a_document_written_by_hand_may_leave_out_ids_of_wires_and_the_broker() {
    let document = read(&data("minimal.json"));
    let broker = document.node("broker").expect("a broker was added");
    assert_eq!((broker.kind.as_str(), broker.name.as_str()), ("broker", "RabbitMQ"));
    assert_eq!(document.node("queue").and_then(|node| node.host.as_deref()), Some("broker"));
    let ids: Vec<&str> = document.wires.iter().map(|wire| wire.id.as_str()).collect();
    assert_eq!(ids, ["publish-1", "subscription-2"]);
    assert_eq!(document.seed, 1);
    assert_eq!(document.until.to_string(), "1m");
    assert_eq!(validate(&document), []);
    let again = read(&encode(&document));
    assert_eq!(again, document, "a complete document is not completed further");
}

#[test]
fn a_part_joins_the_only_broker_and_two_brokers_are_a_question() {
    let brokers = |count: usize| {
        let mut nodes = vec![json!({ "id": "q", "kind": "queue" })];
        nodes.extend((0..count).map(|number| json!({ "id": format!("b{number}"), "kind": "broker" })));
        read(&json!({ "patchbay": 1, "nodes": nodes }).to_string())
    };
    assert_eq!(brokers(1).nodes[0].host.as_deref(), Some("b0"));
    let asked = brokers(2);
    assert_eq!(asked.nodes[0].host, None);
    let problems = validate(&asked);
    assert!(problems.iter().any(|problem| problem.place == "nodes[0].in" && problem.severity == Severity::Error));
}

#[test]
fn the_added_broker_takes_an_id_that_is_free() {
    let document = read(r#"{"patchbay": 1, "nodes": [{"id": "broker", "kind": "queue"}]}"#);
    assert_eq!(document.nodes[1].id, "broker-1");
    assert_eq!(document.nodes[0].host.as_deref(), Some("broker-1"));
}

#[test]
fn a_broker_that_still_names_its_profile_is_read_as_if_it_did_not() {
    let with = |profile: &str| {
        read(&format!(
            r#"{{"patchbay": 1, "nodes": [{{"id": "b", "kind": "broker", "params": {{"profile": {profile}}}}}]}}"#
        ))
    };
    let document = with(r#""rabbitmq""#);
    assert!(document.nodes[0].params.is_empty());
    assert!(!validate(&document).iter().any(|problem| problem.place.contains("params")));
    assert!(validate(&with(r#""other""#)).iter().any(|problem| problem.place.contains("params")), "is no old document");
}

#[test]
fn new_ids_are_counted_on_from_those_in_the_text() {
    let document = read(r#"{"patchbay": 1, "nodes": [{"id": "producer-41", "kind": "producer"}]}"#);
    assert_eq!(document.next_id, 42);
}

#[test]
fn what_is_no_document_is_refused_in_plain_words() {
    use DecodeErrorKind::*;
    let nodes = |inner: &str| format!("{{\"patchbay\": 1,\n  \"nodes\": [{inner}]}}");
    let deep = format!("{{\"patchbay\": 1, \"x\": {}{}}}", "[".repeat(1000), "]".repeat(1000));
    let twice = nodes(r#"{"id": "a", "kind": "producer"}, {"id": "a", "kind": "queue"}"#);
    let cases: Vec<(String, DecodeErrorKind, &str)> = vec![
        (String::new(), EndsEarly, "ends too early"),
        ("{\"patchbay\": 1,\n\"nodes\": [{\"id\"".into(), EndsEarly, "line 2, column 15: ends too early"),
        ("hello".into(), NotJson, "line 1, column 1: is not JSON"),
        ("{\"patchbay\": 1,}".into(), NotJson, "trailing comma"),
        ("{\"patchbay\": 1} {}".into(), NotJson, "is not JSON"),
        (deep, TooDeep, "brackets inside each other"),
        ("[]".into(), NotADocument, "must be an object in { }, is a list"),
        ("{}".into(), NotADocument, "\"patchbay\": 1 is missing"),
        ("{\"version\": \"1.2\"}".into(), NotADocument, "\"patchbay\": 1 is missing"),
        ("{\"patchbay\": 7}".into(), Newer, "was made by a newer Patchbay (format 7); this one reads up to 1"),
        ("{\"patchbay\": \"1\"}".into(), WrongField, "patchbay: must be a format number, such as 1, is \"1\""),
        ("{\"patchbay\": -1}".into(), WrongField, "must be a format number"),
        (nodes(r#"{"id": "a", "kind": 3}"#), WrongField, "line 2, column 33: nodes[0].kind: invalid type: integer `3`"),
        (nodes(r#"{"id": "a"}"#), WrongField, "nodes[0]: missing field `kind`"),
        (nodes(r#"{"id": "a", "knid": "queue"}"#), WrongField, "Did you mean `kind`?"),
        (nodes(r#"{"id": "a", "kind": "queue", "at": [1]}"#), WrongField, "nodes[0].at"),
        (nodes(r#"{"id": "a", "kind": "queue", "at": [1e999, 0]}"#), NotJson, "number out of range"),
        ("{\"patchbay\": 1, \"until\": \"soon\"}".into(), WrongField, "until: must be a time such as 250ms"),
        ("{\"patchbay\": 1, \"seed\": 1.5}".into(), WrongField, "seed: invalid type"),
        (
            "{\"patchbay\": 1, \"faults\": [{\"at\": \"1s\", \"do\": \"crush\", \"to\": \"a\"}]}".into(),
            WrongField,
            "Did you mean `crash`?",
        ),
        (twice, WrongId, "nodes[1].id: \"a\" is taken"),
        (nodes(r#"{"id": "a b", "kind": "queue"}"#), WrongId, "nodes[0].id: must have only letters"),
        (nodes(r#"{"id": "", "kind": "queue"}"#), WrongId, "nodes[0].id: must not be empty"),
    ];
    for (text, kind, words) in cases {
        let error = decode(&text).expect_err(&text);
        assert_eq!(error.kind, kind, "{text}: {error}");
        assert!(error.to_string().contains(words), "{text}\n  says {error}\n  not {words}");
    }
}

#[test]
fn the_size_of_a_document_has_bounds() {
    let long = format!("{{\"patchbay\": 1, \"about\": \"{}\"}}", "x".repeat(TEXT_BYTES_MAX));
    let error = decode(&long).expect_err("too long");
    assert_eq!(error.kind, DecodeErrorKind::TooLarge);
    assert_eq!(error.to_string(), "is 10.0 MB long; at most 10 MB are read");

    let nodes = |count: usize, payload: usize| {
        let nodes: Vec<Json> = (0..count)
            .map(|number| json!({ "id": format!("p{number}"), "kind": "producer", "params": { "payload": "x".repeat(payload) } }))
            .collect();
        json!({ "patchbay": 1, "nodes": nodes }).to_string()
    };
    let large = nodes(NODES_MAX, 1000);
    assert!(large.len() > 2_000_000);
    assert_eq!(read(&large).nodes.len(), NODES_MAX);
    let error = decode(&nodes(NODES_MAX + 1, 1)).expect_err("too many");
    assert_eq!(error.kind, DecodeErrorKind::TooMany);
    assert_eq!(error.to_string(), "nodes: must be at most 2000, are 2001");
}

#[test]
fn bytes_that_are_no_text_are_refused_and_a_byte_order_mark_is_not() {
    let error = decode_bytes(b"{\"patchbay\": \xff}").expect_err("no text");
    assert_eq!(
        (error.kind, error.to_string()),
        (DecodeErrorKind::NotText, "is not UTF-8 text: byte 14 can't be read".into())
    );
    assert!(decode_bytes("\u{feff}{\"patchbay\": 1}".as_bytes()).is_ok());
}

#[test]
fn a_truncated_document_is_refused_wherever_it_ends() {
    let text = (library::ALL[0].text)().trim_end();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let error = decode(&text[..end]).expect_err("cut off");
        assert_eq!(error.kind, DecodeErrorKind::EndsEarly, "cut at {end}: {error}");
    }
}

#[test]
fn documents_of_every_old_format_are_read() {
    for format in 0..patchbay::scenario::FORMAT {
        let document = read(&data(&format!("format-{format}.json")));
        assert_eq!(document.patchbay, patchbay::scenario::FORMAT);
        assert_eq!(validate(&document), [], "format {format}");
        assert!(document.wires.len() >= 2, "format {format} keeps its wires");
        assert_eq!(read(&encode(&document)), document);
    }
    let both = data("format-0.json").replace("\"edges\"", "\"wires\": [], \"edges\"");
    assert!(decode(&both).expect_err("ambiguous").to_string().contains("both \"edges\" and \"wires\""));
}

#[test]
fn every_ready_scenario_is_sound_and_in_the_canonical_form() {
    for ready in library::ALL {
        let document = read((ready.text)());
        assert_eq!(validate(&document), [], "{}", ready.id);
        let encoded = encode(&document);
        if updating() {
            let path = published("src/scenario/library").join(format!("{}.json", ready.id));
            fs::write(&path, &encoded).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        } else {
            assert_eq!(encoded, (ready.text)(), "{}: PATCHBAY_UPDATE=1 writes the canonical form", ready.id);
        }
        for (name, text) in [("title", &document.title), ("about", &document.about), ("watch", &document.watch)] {
            assert!(!text.is_empty(), "{}: {name} is missing", ready.id);
        }
    }
}

/// The types of a document also derive reading and writing, for the schema and for programs that use this one.
#[test]
fn documents_are_read_and_written_as_derived_code_does() {
    let faults = r#"{"patchbay": 1, "next_id": 9, "seed": 18446744073709551615, "until": "90s",
        "nodes": [{"id": "a", "kind": "x", "name": "A", "in": null, "at": [1.5, -2], "params": {"p": [null, {"q": 1e3}]}}],
        "faults": [{"at": "1s", "do": "slow", "to": "a", "for": "2s", "percent": 50},
            {"at": "1s", "do": "partition", "to": "a", "for": null, "percent": null},
            {"at": "2s", "do": "pause", "to": "a"}, {"at": "3s", "do": "crash", "to": "a"}]}"#;
    for text in library::ALL.iter().map(|ready| (ready.text)()).chain([faults]) {
        let document = read(text);
        let derived: Document = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(document, derived);
        let written: Json = serde_json::from_str(&encode(&document)).expect("JSON");
        assert_eq!(written, serde_json::to_value(&document).expect("JSON"));
    }
}

/// Half the size of a node's picture.
fn half_size(kind: &str) -> (f64, f64) {
    let (width, height) = patchbay::diagram::geometry::size(kind);
    (width / 2.0, height / 2.0)
}

fn is_host(kind: &str) -> bool {
    patchbay::model::node_kind(kind).is_some_and(|kind| kind.is_host())
}

#[test]
fn every_ready_scenario_is_laid_out_with_room_between_its_parts() {
    for ready in library::ALL {
        let document = read((ready.text)());
        let parts: Vec<_> = document.nodes.iter().filter(|node| !is_host(&node.kind)).collect();
        for (index, node) in parts.iter().enumerate() {
            let (width, height) = half_size(&node.kind);
            let inside =
                node.at.0 >= width && node.at.0 <= 900.0 - width && node.at.1 >= height && node.at.1 <= 500.0 - height;
            assert!(inside, "{}: {} is outside", ready.id, node.id);
            for other in &parts[..index] {
                let (other_width, other_height) = half_size(&other.kind);
                let across = (node.at.0 - other.at.0).abs() - width - other_width;
                let down = (node.at.1 - other.at.1).abs() - height - other_height;
                assert!(across >= 60.0 || down >= 30.0, "{}: {} is too near to {}", ready.id, node.id, other.id);
            }
        }
    }
}

#[test]
fn the_published_schema_is_in_step() {
    let path = published("static/patchbay.schema.json");
    let schema = schema::schema();
    if updating() {
        fs::write(&path, format!("{schema:#}\n")).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let published: Json = serde_json::from_str(&text).expect("the published schema is JSON");
    assert!(
        published == schema,
        "PATCHBAY_UPDATE=1 cargo test --test documents writes static/patchbay.schema.json anew"
    );
}

#[test]
fn the_schema_accepts_what_is_sound_and_refuses_what_is_not() {
    let validator = jsonschema::validator_for(&schema::schema()).expect("the schema is one");
    let texts = library::ALL.iter().map(|ready| (ready.text)().to_string()).chain([data("minimal.json")]);
    for text in texts {
        let json: Json = serde_json::from_str(&text).expect("JSON");
        let errors: Vec<String> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{text}");
    }
    let sound: Json = serde_json::from_str(&data("minimal.json")).expect("JSON");
    let wrong: [(&str, Json); 13] = [
        ("/patchbay", json!(2)),
        ("/nodes", json!({})),
        ("/nodes/0/kind", json!("database")),
        ("/nodes/0/id", json!("a b")),
        ("/nodes/0/at", json!([1])),
        ("/nodes/0/params", json!({ "rate": -1 })),
        ("/nodes/0/params", json!({ "prefetch": 1 })),
        ("/nodes/0/params", json!({ "arrivals": "sometimes" })),
        ("/nodes/2/params", json!({ "service_time": "soon" })),
        ("/nodes/2/params", json!({ "prefetch": 70_000 })),
        ("/wires/0/params", json!({ "loss": 101 })),
        ("/wires/0/params", json!({ "heartbeat": "60" })),
        ("/until", json!("a while")),
    ];
    for (place, value) in wrong {
        let mut json = sound.clone();
        let (parent, field) = place.rsplit_once('/').expect("a place");
        let target = if parent.is_empty() { Some(&mut json) } else { json.pointer_mut(parent) };
        target.expect("the parent is there")[field] = value.clone();
        assert!(!validator.is_valid(&json), "{place} = {value} was accepted");
    }
}

#[test]
fn every_default_in_the_schema_is_accepted_by_the_schema() {
    let schema = schema::schema();
    let kinds = schema["$defs"]["Node"]["allOf"].as_array().expect("a case for each kind");
    let mut count = 0;
    for kind in kinds {
        for (name, param) in kind["then"]["properties"]["params"]["properties"].as_object().expect("parameters") {
            let valid = jsonschema::is_valid(param, &param["default"]);
            assert!(valid, "{}.{name}: {}", kind["if"]["properties"]["kind"]["const"], param["default"]);
            count += 1;
        }
    }
    assert!(count > 20, "only {count} parameters were looked at");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_bytes(&bytes);
    }

    /// A document with some of its bytes changed is refused or read; if read, it is validated and written without a
    /// panic, and reading what was written gives the same document.
    #[test]
    fn a_damaged_document_is_refused_or_read(
        which in 0..library::ALL.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        // Bytes that mean something in JSON do more damage than others.
        const BYTES: &[u8] = b"{}[]\",:0129-eE.\\ntu \xff\x00az";
        let mut bytes = (library::ALL[which].text)().as_bytes().to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = *byte.get(BYTES);
        }
        let derived = serde_json::from_slice::<Document>(&bytes);
        match decode_bytes(&bytes) {
            Ok(_) => prop_assert!(derived.is_ok(), "{:?}", derived),
            Err(error) if error.kind == DecodeErrorKind::WrongField => prop_assert!(derived.is_err(), "{error}"),
            Err(_) => {}
        }
        if let Ok(document) = decode_bytes(&bytes) {
            let _ = validate(&document);
            prop_assert_eq!(decode(&encode(&document)), Ok(document));
        }
    }

    #[test]
    fn numbers_survive_writing_and_reading(x in -1e6f64..1e6, y in -1e6f64..1e6, seed in any::<u64>(), rate in 0.0..1e4f64) {
        let mut document = read(&data("minimal.json"));
        document.seed = seed;
        document.nodes[0].at = (x, y);
        document.nodes[0].params.insert("rate".into(), json!(rate));
        prop_assert_eq!(decode(&encode(&document)), Ok(document));
    }
}
