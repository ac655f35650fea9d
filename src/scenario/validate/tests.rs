//! Each class of problem, made on purpose.

use serde_json::json;

use super::*;
use crate::scenario::codec::decode;

/// The problems of a sound document after a change to its JSON, one per line.
fn problems_after(change: impl Fn(&mut serde_json::Value)) -> Vec<String> {
    let mut json = json!({
        "patchbay": 1,
        "nodes": [
            { "id": "tasks", "kind": "producer" },
            { "id": "queue", "kind": "queue", "in": "broker" },
            { "id": "worker", "kind": "consumer" },
            { "id": "broker", "kind": "broker" },
        ],
        "wires": [
            { "id": "in", "from": "tasks", "to": "queue" },
            { "id": "out", "from": "queue", "to": "worker" },
        ],
    });
    change(&mut json);
    let document = decode(&json.to_string()).unwrap_or_else(|error| panic!("{error}"));
    validate(&document)
        .iter()
        .map(|problem| format!("{} {problem} {}", problem.severity.label(), problem.remedy))
        .collect()
}

fn expect(change: impl Fn(&mut serde_json::Value), parts: &[&str]) {
    let problems = problems_after(change);
    let found = problems.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "{parts:?} not in {problems:#?}");
}

#[test]
fn a_sound_document_has_no_problem() {
    assert_eq!(problems_after(|_| {}), Vec::<String>::new());
}

#[test]
fn wrong_parts_are_named_with_their_place() {
    expect(
        |json| json["nodes"][2]["params"] = json!({ "prefetch": -1 }),
        &["error nodes[2].params.prefetch: must be 0..65535, is -1"],
    );
    expect(
        |json| json["nodes"][2]["params"] = json!({ "prefech": 1 }),
        &["nodes[2].params.prefech", "Did you mean \"prefetch\"?"],
    );
    expect(
        |json| json["nodes"][0]["kind"] = json!("prodcuer"),
        &["nodes[0].kind", "\"prodcuer\"", "Did you mean \"producer\"?"],
    );
    expect(|json| json["nodes"][1]["in"] = json!("brokre"), &["nodes[1].in", "Did you mean \"broker\"?"]);
    expect(|json| json["nodes"][1]["in"] = json!("worker"), &["nodes[1].in", "must be a broker"]);
    expect(|json| json["nodes"][2]["in"] = json!("broker"), &["nodes[2].in", "lives in nothing"]);
    expect(|json| json["nodes"][3]["in"] = json!("broker"), &["nodes[3].in", "lives in nothing"]);
    expect(|json| json["nodes"][0]["at"] = json!([2e6, 0]), &["nodes[0].at", "within 1000000 units"]);
    expect(
        |json| json["nodes"][0]["name"] = json!("x".repeat(101)),
        &["nodes[0].name", "at most 100 characters, has 101"],
    );
}

#[test]
fn wrong_wires_are_named_with_their_place() {
    expect(|json| json["wires"][0]["to"] = json!("quue"), &["wires[0].to", "\"quue\"", "Did you mean \"queue\"?"]);
    expect(|json| json["wires"][0]["to"] = json!("worker"), &["error wires[0]", "Put a queue between them."]);
    expect(
        |json| json["wires"][0]["to"] = json!("queue.inn"),
        &["wires[0]", "no port \"inn\"", "Did you mean \"in\"?"],
    );
    expect(|json| json["wires"][0]["params"] = json!({ "loss": 101 }), &["wires[0].params.loss", "0..100 %", "101"]);
    expect(
        |json| json["wires"][1] = json!({ "from": "tasks", "to": "queue" }),
        &["wires[1]", "are joined by \"in\" already"],
    );
}

#[test]
fn wrong_faults_are_named_with_their_place() {
    let plan = |fault: serde_json::Value| move |json: &mut serde_json::Value| json["faults"] = json!([fault]);
    expect(plan(json!({ "at": "1s", "do": "crash", "to": "workr" })), &["faults[0].to", "Did you mean \"worker\"?"]);
    expect(plan(json!({ "at": "1s", "do": "crash", "to": "queue" })), &["faults[0].to", "Aim it at the broker."]);
    expect(plan(json!({ "at": "1s", "do": "crash", "to": "in" })), &["faults[0].to", "must be a node"]);
    expect(plan(json!({ "at": "1s", "do": "partition", "to": "worker" })), &["faults[0].to", "must be a wire"]);
    expect(plan(json!({ "at": "1s", "do": "slow", "to": "worker" })), &["error faults[0].percent", "missing"]);
    expect(
        plan(json!({ "at": "1s", "do": "slow", "to": "worker", "percent": 0 })),
        &["faults[0].percent", "must be 1..10000, is 0"],
    );
    let tell = |command: &str| plan(json!({ "at": "1s", "do": "command", "to": "broker", "command": command }));
    expect(tell("porge tasks"), &["error faults[0].command", "no word \"porge\"", "Did you mean \"purge\"?"]);
    expect(tell("purge"), &["error faults[0].command", "purge QUEUE"]);
    expect(plan(json!({ "at": "1s", "do": "command", "to": "broker" })), &["faults[0].command", "is missing"]);
    expect(
        plan(json!({ "at": "1s", "do": "command", "to": "tasks", "command": "sent" })),
        &["faults[0].command", "no command \"sent\"", "Did you mean \"send\"?"],
    );
    expect(
        plan(json!({ "at": "1s", "do": "command", "to": "worker", "command": "send" })),
        &["faults[0].command", "takes no commands"],
    );
    expect(
        plan(json!({ "at": "1s", "do": "command", "to": "queue", "command": "purge tasks" })),
        &["faults[0].to", "Aim it at the broker."],
    );
    expect(
        plan(json!({ "at": "1s", "for": "1s", "do": "command", "to": "tasks", "command": "send" })),
        &["warning faults[0].for", "undone only by another one"],
    );
    expect(
        plan(json!({ "at": "1s", "do": "crash", "to": "worker", "command": "send" })),
        &["warning faults[0].command", "only for \"command\""],
    );
    expect(
        plan(json!({ "at": "2m", "do": "crash", "to": "worker" })),
        &["warning faults[0].at", "after the run has ended"],
    );
}

#[test]
fn the_whole_has_bounds() {
    expect(|json| json["until"] = json!("2d"), &["until", "at most 1d, is 2d"]);
    expect(|json| json["until"] = json!("0s"), &["until", "more than 0s"]);
    expect(|json| json["title"] = json!("x".repeat(201)), &["title", "at most 200"]);
}

#[test]
fn ids_and_numbers_of_parts_are_checked_in_documents_made_by_code() {
    let node = |id: &str| Node { id: id.into(), kind: "producer".into(), ..Node::default() };
    let mut document = Document { nodes: vec![node("a"), node("a"), node("b c")], ..Document::default() };
    let lines: Vec<String> = validate(&document).iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.starts_with("nodes[1].id: \"a\" is taken")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("nodes[2].id: must have only letters")), "{lines:#?}");
    document.nodes = (0..limits::NODES_MAX + 1).map(|number| node(&format!("p{number}"))).collect();
    assert!(validate(&document).iter().any(|problem| problem.to_string() == "nodes: must be at most 2000, are 2001"));
    document.nodes.truncate(1);
    document.nodes[0].at = (f64::NAN, 0.0);
    assert!(validate(&document).iter().any(|problem| problem.place == "nodes[0].at"));
}

#[test]
fn a_half_built_drawing_gets_hints_and_no_errors() {
    expect(|json| json["wires"] = json!([]), &["warning nodes[0]", "nowhere to go", "Connect it to a queue"]);
    expect(|json| json["wires"] = json!([]), &["hint nodes[1]", "pile up"]);
    expect(|json| json["wires"] = json!([]), &["warning nodes[2]", "Connect a queue to it."]);
    expect(|json| json["nodes"] = json!([]), &["hint nodes", "empty"]);
    assert!(problems_after(|json| json["wires"] = json!([])).iter().all(|line| !line.starts_with("error")));
}

#[test]
fn members_of_one_host_need_names_of_their_own() {
    let twice = |json: &mut serde_json::Value| {
        json["nodes"][1]["name"] = json!("orders");
        let twin = json!({ "id": "twin", "kind": "queue", "in": "broker", "name": "orders" });
        json["nodes"].as_array_mut().expect("a list").push(twin);
    };
    expect(twice, &["error nodes[4].name", "\"orders\" is the name of \"queue\" too"]);
}
