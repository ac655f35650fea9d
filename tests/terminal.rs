//! The terminal program, run as a process: exit codes, formats of the trace, and the same digest every time.
#![cfg(not(target_arch = "wasm32"))]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

fn patchbay(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchbay"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it writes UTF-8")
}

/// The output of a command that goes well.
fn well(arguments: &[&str]) -> String {
    let output = patchbay(arguments);
    assert_eq!(code(&output), 0, "{arguments:?}: {}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn digest(summary: &str) -> &str {
    let (_, rest) = summary.split_once("digest ").expect("a digest");
    let digest = rest.split_whitespace().next().expect("a digest");
    assert!(digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    digest
}

#[test]
fn a_run_is_the_same_every_time_and_another_with_another_seed() {
    let first = well(&["run", "work-queue"]);
    assert_eq!(first, well(&["run", "work-queue"]));
    assert_eq!(digest(&first), digest(&well(&["run", "work-queue", "--trace", "text"])), "tracing changes nothing");
    assert_ne!(digest(&first), digest(&well(&["run", "work-queue", "--seed", "8"])));
    assert_ne!(digest(&first), digest(&well(&["run", "work-queue", "--until", "59s"])));
    assert!(first.starts_with("Work queue\ntime 60.000 s   seed 7   "), "{first}");
}

#[test]
fn the_summary_is_an_aligned_table() {
    let summary = well(&["run", "work-queue"]);
    let table: Vec<&str> = summary.split("\n\n").nth(1).expect("a table of counts").lines().collect();
    assert!(table[0].starts_with("part ") && table[0].contains("published"), "{summary}");
    let column = table[0].find("kind").expect("a column");
    for row in &table[1..] {
        assert!(!row[column..].starts_with(' ') && row[..column].ends_with("  "), "{summary}");
    }
    assert!(summary.lines().all(|line| line == line.trim_end()), "{summary:?}");
}

#[test]
fn a_trace_is_one_line_for_each_event() {
    let output = well(&["run", "pub-sub-notifications", "--until", "10s", "--trace", "text"]);
    let (trace, summary) = output.split_once("\n\n").expect("the summary follows an empty line");
    let events = summary.split_once("events ").and_then(|(_, rest)| rest.split_whitespace().next()).expect("a count");
    assert_eq!(trace.lines().count().to_string(), events);
    assert!(trace.lines().any(|line| line.contains("Order service") && line.contains("made #1")), "{trace}");
}

#[test]
fn a_trace_in_json_is_one_object_for_each_event_and_the_summary() {
    let output = well(&["run", "consumer-crash", "--until", "20s", "--trace", "jsonl"]);
    let lines: Vec<Json> = output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (last, events) = lines.split_last().expect("lines");
    assert_eq!(last["summary"]["events"], events.len());
    assert_eq!(last["summary"]["digest"].as_str().map(str::len), Some(16));
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["event"], index + 1);
        assert!(event["at"].is_f64() && event["node"].is_string() && event["fact"].is_string(), "{event}");
        assert!(
            event["cause"].as_u64().is_none_or(|cause| cause < event["event"].as_u64().expect("a number")),
            "{event}"
        );
    }
    let again = events.iter().find(|event| event["fact"] == "redelivered").expect("the crash makes a redelivery");
    assert_eq!(again["node"], "task-queue");
    assert_eq!(again["peer"], "second");
    assert!(again["message"].as_str().is_some_and(|message| message.starts_with("tasks#")), "{again}");
}

#[test]
fn mistakes_on_the_command_line_are_answered_with_2_and_a_sentence() {
    for (arguments, words) in [
        (&[][..], "a command is missing"),
        (&["rnu"], "did you mean \"run\"?"),
        (&["run"], "needs a file"),
        (&["run", "work-quue"], "did you mean \"work-queue\"?"),
        (&["run", "no/such/file.json"], "no such file"),
        (&["run", "work-queue", "--until", "soon"], "must be a time such as 250ms"),
        (&["run", "work-queue", "--trace", "xml"], "must be text, jsonl or none"),
        (&["check", "no/such/file.json"], "no such file"),
        (&["run", "tests"], "can't be read"),
    ] {
        let output = patchbay(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_check_names_each_mistake_with_its_place_and_fails() {
    let wrong = "tests/data/documents/wrong.json";
    let output = patchbay(&["check", "work-queue", wrong]);
    assert_eq!(code(&output), 1);
    let lines = text(&output.stdout);
    assert!(lines.contains("work-queue: ok\n"), "{lines}");
    let expected = format!("{wrong}: error: nodes[2].params.prefetch (worker): must be 0..65535, is -1. ");
    assert!(lines.contains(&expected), "{lines}");
    assert!(lines.contains("Did you mean \"worker\"?") && lines.contains("Put a queue between them."), "{lines}");

    let refused = patchbay(&["run", wrong]);
    assert_eq!(code(&refused), 2);
    assert_eq!(text(&refused.stderr).lines().count(), 8, "{}", text(&refused.stderr));
}

#[test]
fn a_check_passes_what_is_only_unfinished() {
    let output = piped(&["check", "-"], "{\"patchbay\": 1, \"nodes\": [{\"id\": \"p\", \"kind\": \"producer\"}]}");
    assert_eq!(code(&output), 0);
    assert!(text(&output.stdout).contains("-: warning: nodes[0] (p): its messages have nowhere to go. Connect it to"));
}

#[test]
fn a_document_that_is_none_is_refused_with_its_line() {
    let output = piped(&["check", "-"], "{\"patchbay\": 1,\n\"nodes\": [");
    assert_eq!(code(&output), 2);
    assert_eq!(text(&output.stderr), "-: line 2, column 10: ends too early; a part of the text is missing\n");
}

fn piped(arguments: &[&str], input: &str) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_run_that_can_not_go_on_fails() {
    // A million messages a second, none of which arrives within the minute: the calendar is full before long.
    let flood = r#"{"patchbay": 1, "nodes": [
        {"id": "p", "kind": "producer", "params": {"arrivals": "burst", "burst_size": 10000, "burst_every": "10ms"}},
        {"id": "q", "kind": "queue"}],
      "wires": [{"from": "p", "to": "q", "params": {"latency": "constant(1h)"}}]}"#;
    let output = piped(&["run", "-"], flood);
    assert_eq!(code(&output), 1, "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("\nhalted: "), "{}", text(&output.stdout));
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let mut child = command(&["run", "work-queue", "--until", "2h", "--trace", "text"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 0);
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn the_ready_scenarios_the_schema_the_help_and_the_version_are_printed() {
    let list = well(&["list"]);
    assert!(list.lines().any(|line| line.starts_with("work-queue ") && line.ends_with("Work queue")), "{list}");
    assert_eq!(list.lines().count(), patchbay::scenario::library::ALL.len());
    let schema: Json = serde_json::from_str(&well(&["schema"])).expect("JSON");
    assert_eq!(schema["title"], "Patchbay document");
    assert!(well(&["--help"]).contains("Exit code: 0"));
    assert!(well(&["run", "--help"]).contains("Exit code: 0"));
    assert_eq!(well(&["--version"]), format!("patchbay {}\n", env!("CARGO_PKG_VERSION")));
}

/// What a console prints for a script, one JSON object a line.
fn said(profile: &str, script: &str) -> Vec<Json> {
    let mut child = command(&["console", profile])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(script.as_bytes()).expect("it reads its input");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((code(&output), text(&output.stderr).as_str()), (0, ""));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn a_console_answers_line_by_line_and_lets_time_go_by() {
    let lines = said(
        "sqs",
        "# a queue that gives up waiting after a second\ncreate-queue q VisibilityTimeout=1\nsend q hello\n\nc1> receive q\n\
         c2> receive q\nwait 1.3s\nc2> receive q\nwait long\nnonsense\n",
    );
    let received = |line: &Json| line["reply"]["got"][0]["receive_count"].clone();
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert_eq!(lines[0]["client"], "main");
    assert_eq!((lines[2]["client"].clone(), received(&lines[2])), (Json::from("c1"), Json::from(1)));
    assert_eq!(lines[3]["reply"]["got"], serde_json::json!([]));
    assert_eq!(received(&lines[4]), 2);
    assert!(
        lines[5]["reply"]["error"].as_str().is_some_and(|error| error.contains("wait must be a time")),
        "{lines:?}"
    );
    assert!(lines[6]["reply"].get("error").is_some(), "{lines:?}");
    assert_eq!(lines, said("sqs", "create-queue q VisibilityTimeout=1\nsend q hello\nc1> receive q\nc2> receive q\nwait 1300ms\nc2> receive q\nwait long\nnonsense"), "the same every time");
}

#[test]
fn a_client_can_be_killed_and_a_broker_restarted() {
    let lines = said(
        "sqs",
        "kill c1\nc1> help send\nc1> list-queues\nkill c1\ncrash\nlist-queues\nrecover\nlist-queues\nrecover\n",
    );
    let replies: Vec<&Json> = lines.iter().map(|line| &line["reply"]).collect();
    assert_eq!(replies[0]["error"], "there is no client \"c1\"");
    assert_eq!(replies[1]["word"], "send");
    assert_eq!((replies[3], replies[4]), (&Json::from("OK"), &Json::from("OK")));
    assert!(replies[5]["error"].as_str().is_some_and(|error| error.contains("down")), "{replies:?}");
    assert!(replies[7].get("error").is_none(), "{replies:?}");
    assert_eq!(replies[8]["error"], "the broker is running");
}

#[test]
fn a_product_that_does_not_exist_and_a_script_that_can_not_be_read_are_refused() {
    for (arguments, part) in [
        (&["console", "sqq"][..], "did you mean \"sqs\"?"),
        (&["console", "mqtt-over-pigeon"][..], "there are rabbitmq"),
        (&["console", "sqs", "no/such/file"][..], "no/such/file can't be read"),
        (&["fidelity", "sqq"][..], "did you mean \"sqs\"?"),
    ] {
        let output = patchbay(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(text(&output.stderr).contains(part), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_fidelity_sheet_names_sources_and_tests() {
    let sheet = well(&["fidelity", "sqs"]);
    assert!(sheet.starts_with("AWS SQS "), "{sheet}");
    for part in ["Terms\n", "Defaults\n", "Guarantees\n", "  modelled    ", "  left out    ", "source: ", "; test "] {
        assert!(sheet.contains(part), "{part}: {sheet}");
    }
    let last = sheet.lines().last().expect("a last line");
    assert!(last.ends_with(" left out") && !last.starts_with("0 modelled"), "{last}");
}

#[test]
fn products_are_compared_in_a_table() {
    let table = well(&["compare", "load", "rabbitmq", "sqs"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("product ") && lines[0].contains("out of order") && lines[0].ends_with("p99"),
        "{table}"
    );
    for (line, name) in lines[1..3].iter().zip(["RabbitMQ", "AWS SQS"]) {
        let numbers: Vec<&str> = line.trim_start_matches(name).split_whitespace().collect();
        assert!(line.starts_with(name) && numbers[..2] == ["120", "240"], "{table}");
    }
    assert!(table.contains("AWS SQS after RabbitMQ") && table.contains("billing (subscriber): "), "{table}");
    assert_eq!(table, well(&["compare", "load", "rabbitmq", "sqs"]), "it is the same every time");
    for (arguments, part) in [
        (&["compare", "load", "rabitmq"][..], "did you mean \"rabbitmq\""),
        (&["compare", "no-such-file"], "there is no such file"),
    ] {
        let output = patchbay(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
}
