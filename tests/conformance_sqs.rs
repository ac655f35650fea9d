//! The SQS profile against recorded behaviour (`tests/data/oracle`) and against the service's documentation, through its
//! console.
//!
//! The recordings are of an emulator. Where the documentation says otherwise, which each recording notes in its field
//! `guide`, the documentation is followed and the recording is not.
#![cfg(not(target_arch = "wasm32"))]

use patchbay::model::broker::console::Console;
use patchbay::model::broker::profile::sqs::WORDS;
use patchbay::model::broker::sqs;
use patchbay::vocabulary::Settings;
use serde_json::{json, Value as Json};

fn recorded(scenario: &str) -> Vec<Json> {
    let text = include_str!("data/oracle/sqs-moto-5.2.5.json");
    let recording: Json = serde_json::from_str(text).expect("the recording is JSON");
    recording["scenarios"][scenario]["observed"].as_array().expect("the scenario was recorded").clone()
}

/// A console, and what it says without being asked.
struct World {
    console: Console,
    later: Vec<Json>,
}

impl World {
    fn new(setup: &[&str]) -> World {
        let mut world = World { console: Console::new(sqs::server(&Settings::default()), WORDS, 1), later: Vec::new() };
        for line in setup {
            let answer = world.ask(line);
            assert_eq!(answer["ok"], true, "{line}: {answer}");
        }
        world
    }

    fn ask(&mut self, line: &str) -> Json {
        let mut said = Vec::new();
        self.console.perform(line, &mut |json| said.push(json));
        let own = said.iter().position(|json| json.get("reply").is_some());
        // `wait` has no answer of its own; a long poll's answer comes later under the same word.
        if line.starts_with("wait") {
            self.later.extend(said);
            return Json::Null;
        }
        let answer = said.remove(own.expect("an answer"))["reply"].clone();
        self.later.extend(said);
        answer
    }

    fn error(&mut self, line: &str) -> String {
        let answer = self.ask(line);
        answer["error"].as_str().unwrap_or_else(|| panic!("{line}: {answer}")).to_string()
    }

    fn bodies(&mut self, line: &str) -> Vec<String> {
        bodies(&self.ask(line))
    }

    fn counts(&mut self, queue: &str) -> (u64, u64, u64) {
        let counts = self.ask(&format!("counts {queue}"));
        let count = |name: &str| counts[name].as_u64().expect("a count");
        (count("visible"), count("in_flight"), count("delayed"))
    }

    /// Does what a recording says and compares the answers.
    fn follow(&mut self, first_queue: &str, steps: &[Json]) {
        let mut queue = first_queue.to_string();
        for step in steps {
            if let Some(name) = step["now"].as_str() {
                queue = name.to_string();
            } else if let Some(seconds) = step["wait"].as_f64() {
                self.ask(&format!("wait {seconds}s"));
            } else if let Some(body) = step["send"].as_str() {
                let mut line = format!("send {queue} {body}");
                for (name, value) in step["with"].as_object().into_iter().flatten() {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
                    line.push_str(&format!(" {name}='{value}'"));
                }
                assert_eq!(self.ask(&line)["ok"], step["ok"], "{step}");
            } else if let Some(max) = step["receive"].as_i64() {
                let answer = self.ask(&format!("receive {queue} MaxNumberOfMessages={max}"));
                if let Some(error) = step.get("error") {
                    assert_eq!(&answer["error"], error, "{step}");
                } else if let Some(count) = step["got_count"].as_u64() {
                    assert_eq!(answer["got"].as_array().expect("messages").len() as u64, count, "{step}");
                } else {
                    assert_eq!(seen(&answer, &step["got"]), step["got"], "{step}");
                }
            } else if let Some(body) = step["delete"].as_str() {
                let answer = self.ask(&format!("delete {queue} {body} handle={}", step["handle"]));
                assert_eq!(answer["ok"], step["ok"], "{step}");
            } else if let Some(counts) = step.get("counts") {
                assert_eq!(&self.ask(&format!("counts {queue}")), counts, "{step}");
            } else {
                panic!("a step that is not understood: {step}");
            }
        }
    }
}

fn bodies(answer: &Json) -> Vec<String> {
    let got = answer["got"].as_array().unwrap_or_else(|| panic!("{answer}"));
    got.iter().map(|message| message["body"].as_str().expect("a body").to_string()).collect()
}

/// The messages of an answer with the fields that the recording has.
fn seen(answer: &Json, expected: &Json) -> Json {
    let fields: Vec<&String> = expected
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|message| message.as_object().expect("a message").keys())
        .collect();
    let got = answer["got"].as_array().unwrap_or_else(|| panic!("{answer}"));
    got.iter()
        .map(|message| {
            let kept = message.as_object().expect("a message").iter().filter(|(name, _)| fields.contains(name));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>()
        })
        .map(Json::Object)
        .collect()
}

const STANDARD: &str = "create-queue q VisibilityTimeout=1";
const FIFO: &str = "create-queue q.fifo FifoQueue=true VisibilityTimeout=1 ContentBasedDeduplication=true";

#[test]
fn visibility_timeout() {
    World::new(&[STANDARD]).follow("q", &recorded("visibility_timeout"));
}

/// The emulator deletes with any handle. By the guide the call succeeds and the message stays.
#[test]
fn stale_receipt_handle() {
    let steps = recorded("stale_receipt_handle");
    let mut world = World::new(&[STANDARD]);
    let delete = steps.iter().position(|step| step.get("delete").is_some()).expect("it is deleted");
    world.follow("q", &steps[..=delete]);
    assert_eq!(world.counts("q"), (0, 1, 0));
    world.ask("wait 1.3s");
    let again = world.ask("receive q");
    assert_eq!(seen(&again, &json!([{"body": 0, "receive_count": 0}])), json!([{"body": "a", "receive_count": 3}]));
    assert_eq!(world.ask("delete q a handle=-1")["ok"], true);
    assert_eq!(world.counts("q"), (0, 0, 0));
    assert_eq!(world.ask("delete q a handle=-1")["ok"], true, "a second delete is no error");
}

#[test]
fn redrive_max_receive_count() {
    let policy = "RedrivePolicy='{\"deadLetterTargetArn\":\"arn:aws:sqs:eu-west-1:1:dlq\",\"maxReceiveCount\":\"2\"}'";
    let mut world = World::new(&["create-queue dlq", &format!("create-queue q VisibilityTimeout=0 {policy}")]);
    world.follow("q", &recorded("redrive_max_receive_count"));
    assert_eq!(world.ask("list-dead-letter-sources dlq"), json!({"queues": ["q"]}));
}

#[test]
fn limits() {
    let steps = recorded("limits");
    let mut world = World::new(&[STANDARD]);
    let is_plain = |step: &&Json| step.get("send").is_some() || step.get("receive").is_some();
    world.follow("q", &steps.iter().filter(is_plain).cloned().collect::<Vec<_>>());
    let batch = |ids: &[usize]| {
        let entries: Vec<Json> = ids.iter().map(|id| json!({"Id": id.to_string(), "MessageBody": "x"})).collect();
        format!("send-batch q '{}'", Json::from(entries))
    };
    let expected = |name: &str| {
        let step = steps.iter().find(|step| step.get(name).is_some()).expect("it was recorded");
        step[name].as_str().expect("a code").to_string()
    };
    assert_eq!(world.error(&batch(&(0..11).collect::<Vec<_>>())), expected("batch11"));
    assert_eq!(world.error(&batch(&[1, 1])), expected("same ids"));
    assert_eq!(world.error("receive q WaitTimeSeconds=21"), "InvalidParameterValue");
}

#[test]
fn fifo_group_lock() {
    World::new(&[FIFO]).follow("q.fifo", &recorded("fifo_group_lock"));
}

#[test]
fn fifo_timeout_order() {
    World::new(&[FIFO]).follow("q.fifo", &recorded("fifo_timeout_order"));
}

#[test]
fn fifo_content_dedup() {
    World::new(&[FIFO]).follow("q.fifo", &recorded("fifo_content_dedup"));
}

#[test]
fn purge() {
    let steps = recorded("purge");
    let mut world = World::new(&[STANDARD]);
    let counts = steps.iter().position(|step| step.get("counts").is_some()).expect("it is counted");
    world.follow("q", &steps[..counts]);
    assert_eq!(world.ask("purge q")["ok"], true);
    world.follow("q", &steps[counts..=counts]);
    assert_eq!(world.error("purge q"), steps[counts + 1]["second purge"]);
    world.ask("wait 60s");
    assert_eq!(world.ask("purge q")["ok"], true);
}

#[test]
fn fifo_expired_handle_is_refused() {
    let mut world = World::new(&[FIFO, "send q.fifo a MessageGroupId=A"]);
    let handle = world.ask("receive q.fifo")["got"][0]["handle"].as_str().expect("a handle").to_string();
    world.ask("wait 1.3s");
    assert_eq!(world.error(&format!("delete q.fifo {handle}")), "InvalidParameterValue");
    assert_eq!(world.bodies("receive q.fifo"), ["a"]);
    assert_eq!(world.error(&format!("delete q.fifo {handle}")), "InvalidParameterValue");
    assert_eq!(world.ask("delete q.fifo a")["ok"], true);
    assert_eq!(world.ask(&format!("delete q.fifo {handle}"))["ok"], true, "the message is gone");
}

#[test]
fn change_visibility_counts_from_the_call() {
    let mut world = World::new(&["create-queue q VisibilityTimeout=10", "send q a"]);
    world.bodies("receive q");
    world.ask("wait 8s");
    assert_eq!(world.ask("change-visibility q a 4")["ok"], true);
    world.ask("wait 3.9s");
    assert_eq!(world.counts("q"), (0, 1, 0));
    world.ask("wait 0.2s");
    assert_eq!(world.counts("q"), (1, 0, 0));
    assert_eq!(world.error("change-visibility q a 1"), "MessageNotInflight");
    world.bodies("receive q");
    assert_eq!(world.ask("change-visibility q a 0")["ok"], true);
    assert_eq!(world.counts("q"), (1, 0, 0));
    assert_eq!(world.bodies("receive q VisibilityTimeout=43200"), ["a"]);
    world.ask("wait 1s");
    assert_eq!(world.error("change-visibility q a 43200"), "InvalidParameterValue", "12 hours from the receive");
    assert_eq!(world.ask("change-visibility q a 43199")["ok"], true);
    assert_eq!(world.error("change-visibility q a 43201"), "InvalidParameterValue");
    assert_eq!(world.error("change-visibility q a handle=0 0"), "UnknownParameter");
    assert_eq!(world.error("change-visibility q a 0 handle=0"), "InvalidParameterValue", "an old handle");
}

#[test]
fn over_limit_only_at_short_polls() {
    let mut world = World::new(&["create-queue q VisibilityTimeout=43200"]);
    let entries: Vec<Json> = (0..10).map(|id| json!({"Id": id.to_string(), "MessageBody": "x"})).collect();
    let line = format!("send-batch q '{}'", Json::from(entries));
    for _ in 0..12_000 {
        world.ask(&line);
        world.ask("receive q MaxNumberOfMessages=10");
    }
    assert_eq!(world.counts("q"), (0, 120_000, 0));
    world.ask("send q more");
    assert_eq!(world.error("receive q"), "OverLimit");
    assert_eq!(world.ask("receive q WaitTimeSeconds=2"), json!({"blocked": true}));
    world.ask("wait 2s");
    assert_eq!(world.later, [json!({"client": "main", "reply": {"got": []}})]);
    world.ask("delete q x handle=-1");
    assert_eq!(world.bodies("receive q"), ["more"]);
}

#[test]
fn long_polls_wait_for_the_first_message() {
    let mut world = World::new(&["create-queue q ReceiveMessageWaitTimeSeconds=5"]);
    assert_eq!(world.ask("one> receive q MaxNumberOfMessages=10"), json!({"blocked": true}));
    world.ask("wait 1s");
    assert_eq!(world.ask("two> receive q"), json!({"blocked": true}));
    world.ask("send q a");
    assert_eq!(world.later.len(), 1);
    assert_eq!(world.later[0]["client"], "one");
    assert_eq!(bodies(&world.later[0]["reply"]), ["a"]);
    world.ask("send q b DelaySeconds=2");
    world.ask("wait 2s");
    assert_eq!(world.later[1]["client"], "two");
    assert_eq!(bodies(&world.later[1]["reply"]), ["b"]);
    assert_eq!(world.ask("receive q WaitTimeSeconds=0"), json!({"got": []}));
    assert_eq!(world.ask("one> receive q WaitTimeSeconds=20"), json!({"blocked": true}));
    world.ask("kill one");
    world.ask("send q c");
    assert_eq!(world.bodies("receive q"), ["c"], "a long poll of a dead client takes nothing");
}

#[test]
fn a_lost_receive_counts() {
    let policy = "RedrivePolicy='{\"deadLetterTargetArn\":\"dlq\",\"maxReceiveCount\":1}'";
    let mut world =
        World::new(&["create-queue dlq", &format!("create-queue q VisibilityTimeout=1 {policy}"), "send q a"]);
    world.bodies("one> receive q");
    world.ask("kill one");
    assert_eq!(world.counts("q"), (0, 1, 0), "nothing comes back before the timeout");
    world.ask("wait 1s");
    assert_eq!(world.bodies("receive q"), Vec::<String>::new());
    assert_eq!(world.counts("dlq"), (1, 0, 0));
}

#[test]
fn delay() {
    let mut world = World::new(&[
        "create-queue q DelaySeconds=2",
        "send q queue",
        "send q own DelaySeconds=1",
        "send q now DelaySeconds=0",
    ]);
    assert_eq!(world.counts("q"), (1, 0, 2));
    assert_eq!(world.bodies("receive q MaxNumberOfMessages=10"), ["now"]);
    world.ask("wait 1s");
    assert_eq!(world.bodies("receive q MaxNumberOfMessages=10"), ["own"]);
    world.ask("wait 1s");
    assert_eq!(world.bodies("receive q MaxNumberOfMessages=10"), ["queue"]);
    for delay in ["-1", "901", "x"] {
        assert_eq!(world.error(&format!("send q a DelaySeconds={delay}")), "InvalidParameterValue");
    }
}

#[test]
fn a_changed_delay_acts_on_old_messages_in_fifo_queues_only() {
    let mut world =
        World::new(&["create-queue q DelaySeconds=10", "create-queue q.fifo FifoQueue=true DelaySeconds=10"]);
    for line in ["send q a", "send q.fifo a MessageGroupId=A MessageDeduplicationId=1"] {
        world.ask(line);
    }
    world.ask("wait 2s");
    for queue in ["q", "q.fifo"] {
        world.ask(&format!("set-attributes {queue} DelaySeconds=3"));
    }
    world.ask("wait 1s");
    assert_eq!((world.counts("q"), world.counts("q.fifo")), ((0, 0, 1), (1, 0, 0)));
    assert_eq!(world.bodies("receive q.fifo"), ["a"]);
}

#[test]
fn batches_fail_entry_by_entry() {
    let mut world = World::new(&["create-queue q"]);
    let answer = world.ask("send-batch q '[{\"Id\":\"a\",\"MessageBody\":\"1\"},{\"Id\":\"b\",\"MessageBody\":\"2\",\"DelaySeconds\":901}]'");
    assert_eq!(answer["Successful"][0]["Id"], "a");
    assert_eq!(
        (&answer["Failed"][0]["Id"], &answer["Failed"][0]["Code"]),
        (&json!("b"), &json!("InvalidParameterValue"))
    );
    world.bodies("receive q");
    let answer = world.ask("change-visibility-batch q '[{\"Id\":\"a\",\"ReceiptHandle\":\"1\",\"VisibilityTimeout\":0},{\"Id\":\"b\",\"ReceiptHandle\":\"no\",\"VisibilityTimeout\":0}]'");
    assert_eq!(
        (&answer["Successful"][0]["Id"], &answer["Failed"][0]["Code"]),
        (&json!("a"), &json!("ReceiptHandleIsInvalid"))
    );
    let answer = world.ask("delete-batch q '[{\"Id\":\"a\",\"ReceiptHandle\":\"1\"},{\"Id\":\"b\",\"ReceiptHandle\":\"AQEB-7-1-100000\"}]'");
    assert_eq!((&answer["Successful"][0]["Id"], &answer["Failed"][0]["Id"]), (&json!("a"), &json!("b")));
    assert_eq!(world.counts("q"), (0, 0, 0));
    assert_eq!(world.error("send-batch q '[]'"), "EmptyBatchRequest");
    assert_eq!(world.error("send-batch q '[{\"Id\":\"a b\",\"MessageBody\":\"1\"}]'"), "InvalidBatchEntryId");
    let half = "x".repeat(600_000);
    let line = format!(
        "send-batch q '[{{\"Id\":\"a\",\"MessageBody\":\"{half}\"}},{{\"Id\":\"b\",\"MessageBody\":\"{half}\"}}]'"
    );
    assert_eq!(world.error(&line), "BatchRequestTooLong");
}

#[test]
fn legal_choices_of_a_standard_queue() {
    let mut world = World::new(&["create-queue q reorder=50"]);
    let sent: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    sent.iter().for_each(|body| drop(world.ask(&format!("send q {body}"))));
    let mut got: Vec<String> = (0..4).flat_map(|_| world.bodies("receive q MaxNumberOfMessages=10")).collect();
    assert_ne!(got, sent);
    got.sort_by_key(|body| body.parse::<u32>().expect("a number"));
    assert_eq!(got, sent, "each once");

    let mut world = World::new(&["create-queue q duplicate=100", "send q a"]);
    assert_eq!((world.bodies("receive q"), world.bodies("receive q")), (vec!["a".into()], vec!["a".into()]));
    assert_eq!(world.ask("delete q a handle=-1")["ok"], true);
    assert_eq!(world.counts("q"), (0, 0, 0));

    let mut world = World::new(&["create-queue q short_poll_misses=100", "send q a"]);
    assert_eq!(world.bodies("receive q"), Vec::<String>::new());
    assert_eq!(world.bodies("receive q WaitTimeSeconds=1"), ["a"], "a long poll asks all servers");
}

#[test]
fn fifo_batch_receive() {
    let mut world = World::new(&[FIFO]);
    for (group, body) in [("A", "a1"), ("B", "b1"), ("A", "a2"), ("C", "c1"), ("B", "b2"), ("A", "a3")] {
        world.ask(&format!("send q.fifo {body} MessageGroupId={group}"));
    }
    assert_eq!(world.bodies("receive q.fifo MaxNumberOfMessages=4"), ["a1", "a2", "a3", "b1"]);
    assert_eq!(world.bodies("receive q.fifo MaxNumberOfMessages=10"), ["c1"]);
    world.ask("delete q.fifo a1");
    world.ask("send q.fifo a4 MessageGroupId=A");
    assert_eq!(world.bodies("receive q.fifo MaxNumberOfMessages=10"), Vec::<String>::new(), "a2 and a3 hold the lock");
    world.ask("delete q.fifo a2");
    world.ask("change-visibility q.fifo a3 0");
    world.ask("delete q.fifo b1");
    assert_eq!(world.bodies("receive q.fifo MaxNumberOfMessages=10"), ["b2", "a3", "a4"], "b2 was sent before a3");
}

/// The emulator forgets an id at the delete. By the guide it is remembered for five minutes.
#[test]
fn fifo_dedup() {
    let mut world = World::new(&["create-queue q.fifo FifoQueue=true"]);
    let first = world.ask("send q.fifo a MessageGroupId=A MessageDeduplicationId=x");
    let second = world.ask("send q.fifo b MessageGroupId=B MessageDeduplicationId=x");
    assert_eq!((&second["MessageId"], &second["ok"]), (&first["MessageId"], &json!(true)));
    assert_eq!(world.bodies("receive q.fifo MaxNumberOfMessages=10"), ["a"]);
    world.ask("delete q.fifo a");
    world.ask("wait 299s");
    world.ask("send q.fifo c MessageGroupId=A MessageDeduplicationId=x");
    assert_eq!(world.counts("q.fifo"), (0, 0, 0));
    world.ask("wait 1s");
    world.ask("send q.fifo d MessageGroupId=A MessageDeduplicationId=x");
    assert_eq!(world.bodies("receive q.fifo"), ["d"]);
    assert_eq!(world.error("send q.fifo a MessageGroupId=A"), "InvalidParameterValue");
    assert_eq!(world.error("send q.fifo a MessageDeduplicationId=x"), "MissingParameter");
    assert_eq!(
        world.error("send q.fifo a MessageGroupId=A MessageDeduplicationId=y DelaySeconds=1"),
        "InvalidParameterValue"
    );
    assert_eq!(world.ask("send q.fifo a MessageGroupId=A MessageDeduplicationId=y DelaySeconds=0")["ok"], true);
}

#[test]
fn deduplication_scope() {
    let mut world = World::new(&[
        "create-queue q.fifo FifoQueue=true DeduplicationScope=messageGroup FifoThroughputLimit=perMessageGroupId",
    ]);
    for group in ["A", "B", "A"] {
        world.ask(&format!("send q.fifo {group} MessageGroupId={group} MessageDeduplicationId=x"));
    }
    assert_eq!(world.bodies("receive q.fifo MaxNumberOfMessages=10"), ["A", "B"]);
    let line = "create-queue r.fifo FifoQueue=true FifoThroughputLimit=perMessageGroupId";
    assert_eq!(world.error(line), "InvalidAttributeValue");
}

#[test]
fn receive_request_attempt_id() {
    let mut world = World::new(&[FIFO, "send q.fifo a1 MessageGroupId=A", "send q.fifo b1 MessageGroupId=B"]);
    let line = "receive q.fifo MaxNumberOfMessages=10 ReceiveRequestAttemptId=r1";
    let first = world.ask(line);
    assert_eq!(bodies(&first), ["a1", "b1"]);
    world.ask("wait 0.9s");
    assert_eq!(world.ask(line), first, "the same messages, counts and handles");
    world.ask("wait 0.9s");
    assert_eq!(world.counts("q.fifo"), (0, 2, 0), "hidden again from the repeated receive");
    world.ask("delete q.fifo a1");
    assert_eq!(world.bodies(line), Vec::<String>::new(), "one of them is not the same any more");
    assert_eq!(World::new(&[STANDARD]).error("receive q ReceiveRequestAttemptId=r"), "InvalidParameterValue");
}

#[test]
fn dead_letter_retention() {
    for (suffix, fifo, left) in [("", "", 50), (".fifo", "FifoQueue=true ContentBasedDeduplication=true", 100)] {
        let policy = format!("RedrivePolicy='{{\"deadLetterTargetArn\":\"dlq{suffix}\",\"maxReceiveCount\":1}}'");
        let mut world = World::new(&[
            &format!("create-queue dlq{suffix} {fifo} MessageRetentionPeriod=100"),
            &format!("create-queue q{suffix} {fifo} VisibilityTimeout=0 MessageRetentionPeriod=60 {policy}"),
            &format!("send q{suffix} a MessageGroupId=A"),
        ]);
        world.ask("wait 50s");
        world.bodies(&format!("receive q{suffix}"));
        world.bodies(&format!("receive q{suffix}"));
        world.ask(&format!("wait {}ms", left * 1000 - 1));
        assert_eq!(world.counts(&format!("dlq{suffix}")), (1, 0, 0), "{fifo}");
        world.ask("wait 1ms");
        assert_eq!(world.counts(&format!("dlq{suffix}")), (0, 0, 0), "{fifo}");
    }
}

#[test]
fn fifo_dlq() {
    let policy = "RedrivePolicy='{\"deadLetterTargetArn\":\"dlq.fifo\",\"maxReceiveCount\":1}'";
    let mut world = World::new(&["create-queue dlq.fifo FifoQueue=true", &format!("{FIFO} {policy}")]);
    for body in ["a1", "a2"] {
        world.ask(&format!("send q.fifo {body} MessageGroupId=A"));
    }
    assert_eq!(world.bodies("receive q.fifo"), ["a1"]);
    assert_eq!(world.bodies("receive q.fifo"), Vec::<String>::new());
    world.ask("wait 1s");
    assert_eq!(world.bodies("receive q.fifo"), ["a2"], "the rest of the group goes on in the same receive");
    assert_eq!(world.bodies("receive dlq.fifo"), ["a1"]);
}

#[test]
fn redrive_policies_are_checked() {
    let mut world = World::new(&[
        "create-queue q",
        "create-queue dlq RedriveAllowPolicy='{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"arn:aws:sqs:x:1:q\"]}'",
        "create-queue closed RedriveAllowPolicy='{\"redrivePermission\":\"denyAll\"}'",
        "create-queue other",
        "create-queue d.fifo FifoQueue=true",
    ]);
    let policy = |queue: &str, target: &str, count: &str| {
        format!("set-attributes {queue} RedrivePolicy='{{\"deadLetterTargetArn\":\"{target}\",\"maxReceiveCount\":{count}}}'")
    };
    assert_eq!(world.ask(&policy("q", "dlq", "1000"))["ok"], true);
    for line in [
        policy("other", "dlq", "1"),
        policy("q", "closed", "1"),
        policy("q", "d.fifo", "1"),
        policy("q", "nowhere", "1"),
        policy("q", "dlq", "0"),
        policy("q", "dlq", "1001"),
        "set-attributes q RedrivePolicy=x".to_string(),
    ] {
        assert_eq!(world.error(&line), "InvalidParameterValue", "{line}");
    }
    let shown = world.ask("attributes q")["RedrivePolicy"].as_str().expect("a policy").to_string();
    assert!(shown.contains("\"dlq\"") && shown.contains("1000"), "{shown}");
    assert_eq!(world.ask("set-attributes q RedrivePolicy=")["ok"], true);
    assert_eq!(world.ask("list-dead-letter-sources dlq"), json!({"queues": []}));
}

#[test]
fn dead_letters_move_back_as_new_messages() {
    let policy = "RedrivePolicy='{\"deadLetterTargetArn\":\"dlq\",\"maxReceiveCount\":1}'";
    let mut world =
        World::new(&["create-queue dlq", &format!("create-queue q VisibilityTimeout=0 {policy}"), "send q a"]);
    world.bodies("receive q");
    world.bodies("receive q");
    assert_eq!(world.error("start-message-move q"), "InvalidParameterValue", "it is no dead-letter queue");
    assert_eq!(world.ask("start-message-move dlq")["ApproximateNumberOfMessagesMoved"], 1);
    assert_eq!((world.counts("q"), world.counts("dlq")), ((1, 0, 0), (0, 0, 0)));
    assert_eq!(world.ask("receive q")["got"][0]["receive_count"], 1);
}

#[test]
fn retention() {
    let mut world =
        World::new(&["create-queue q MessageRetentionPeriod=60 VisibilityTimeout=100", "send q a", "send q b"]);
    world.bodies("receive q");
    world.ask("wait 59.9s");
    assert_eq!(world.counts("q"), (1, 1, 0));
    world.ask("wait 0.1s");
    assert_eq!(world.counts("q"), (0, 0, 0), "in flight or not");
    world.ask("send q c");
    world.ask("set-attributes q MessageRetentionPeriod=120");
    world.ask("wait 119s");
    assert_eq!(world.counts("q"), (1, 0, 0));
    world.ask("set-attributes q MessageRetentionPeriod=60");
    world.ask("wait 1ns");
    assert_eq!(world.counts("q"), (0, 0, 0));
}

#[test]
fn errors_by_their_codes() {
    let mut world = World::new(&["create-queue q", "create-queue q", "create-queue q VisibilityTimeout=30"]);
    let long = "x".repeat(2000);
    let cases = [
        ("receive no", "QueueDoesNotExist"),
        ("send no x", "QueueDoesNotExist"),
        ("create-queue q VisibilityTimeout=31", "QueueNameExists"),
        ("create-queue bad.name", "InvalidParameterValue"),
        ("create-queue f FifoQueue=true", "InvalidParameterValue"),
        ("create-queue r VisibilityTimeout=43201", "InvalidAttributeValue"),
        ("create-queue r Colour=red", "InvalidAttributeName"),
        ("create-queue r ContentBasedDeduplication=true", "InvalidAttributeName"),
        ("set-attributes q MessageRetentionPeriod=59", "InvalidAttributeValue"),
        ("send q", "MissingParameter"),
        ("send q ''", "MissingParameter"),
        ("send q x Colour=red", "UnknownParameter"),
        ("send q x MessageDeduplicationId=y", "InvalidParameterValue"),
        ("receive q MaxNumberOfMessages=0", "InvalidParameterValue"),
        ("receive q MaxNumberOfMessages=ten", "InvalidParameterValue"),
        ("receive q VisibilityTimeout=43201", "InvalidParameterValue"),
        ("delete q nothing", "ReceiptHandleIsInvalid"),
        ("delete q AQEB-0-1-fffffffff", "ReceiptHandleIsInvalid"),
        ("frobnicate", "InvalidAction"),
        ("send q 'x", "MalformedQueryString"),
    ];
    for (line, code) in cases {
        assert_eq!(world.error(line), code, "{line}");
    }
    assert_eq!(world.ask("receive no")["code"], "AWS.SimpleQueueService.NonExistentQueue");
    world.ask("set-attributes q MaximumMessageSize=1024");
    assert_eq!(world.error(&format!("send q {long}")), "InvalidParameterValue");
    world.ask("delete-queue q");
    assert_eq!(world.error("create-queue q"), "QueueDeletedRecently");
    world.ask("wait 60s");
    assert_eq!(world.ask("create-queue q")["ok"], true);
    assert_eq!(world.ask("list-queues"), json!({"queues": ["q"]}));
    assert_eq!(world.ask("restart"), "OK");
    assert_eq!(world.ask("list-queues"), json!({"queues": ["q"]}), "queues outlive a failure");
}
