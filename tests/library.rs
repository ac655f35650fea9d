//! The ready scenarios show what their texts say: the scripts of their consoles are understood, and the traps snap.
#![cfg(not(target_arch = "wasm32"))]

use patchbay::kernel::{TraceMode, World};
use patchbay::scenario::{library, Run};
use patchbay::vocabulary::Time;
use serde_json::Value as Json;

/// What the script of a scenario was answered, in order.
fn answers(id: &str) -> Vec<Json> {
    let document = library::document(id).expect("it is in the list");
    let (mut run, problems) = Run::new(document.clone(), TraceMode::Full);
    assert_eq!(problems, [], "{id}");
    run.advance(Time::ZERO + document.until, u64::MAX);
    let consoles = document.nodes.iter().filter(|node| node.kind == "console");
    let consoles = consoles.filter_map(|node| run.node(&node.id));
    let texts = consoles.flat_map(|node| run.simulation().transcript(node));
    let lines = texts.map(|text| serde_json::from_str::<Json>(&text).expect("an answer is JSON"));
    lines.filter(|line| line.get("line").is_none()).collect()
}

#[test]
fn every_script_is_understood() {
    for ready in library::ALL {
        for answer in answers(ready.id) {
            assert!(answer["reply"].get("error").is_none(), "{}: {answer}", ready.id);
        }
    }
}

/// The texts of the messages that a client got with these answers, in order.
fn bodies(answers: &[Json], client: &str, place: &str, field: &str) -> Vec<String> {
    let own = answers.iter().filter(|answer| answer["client"] == client);
    let got = own.filter_map(|answer| answer.pointer(place));
    let messages = got.flat_map(|found| found.as_array().cloned().unwrap_or_else(|| vec![found.clone()]));
    messages.filter_map(|message| message.pointer(field)?.as_str().map(str::to_string)).collect()
}

#[test]
fn what_is_given_back_goes_to_its_place_and_in_quorum_queues_to_the_end_of_the_returned() {
    let answers = answers("trap-requeue-position");
    assert_eq!(bodies(&answers, "main", "/reply", "/body"), ["a", "a"]);
    assert_eq!(bodies(&answers, "q", "/reply", "/body"), ["a", "b", "b", "a", "c"]);
}

#[test]
fn a_requeue_into_a_full_queue_drops_what_was_given_back() {
    assert_eq!(bodies(&answers("trap-priority-drop-head"), "main", "/reply", "/body"), ["a", "b"]);
}

#[test]
fn an_unroutable_message_is_confirmed_and_a_return_comes_first() {
    let answers = answers("trap-confirmed-and-lost");
    let told = ["confirm", "return"];
    let words = answers.iter().filter_map(|answer| told.into_iter().find(|word| answer.get(word).is_some()));
    assert_eq!(words.collect::<Vec<_>>(), ["confirm", "confirm", "return", "confirm"]);
}

#[test]
fn kafka_readers_begin_where_they_should() {
    let late = answers("trap-kafka-latest-and-commit");
    assert_eq!(bodies(&late, "late", "/reply/records", "/value"), ["c"]);
    assert_eq!(bodies(&late, "c2", "/reply/records", "/value"), ["b", "c"]);
    let open = answers("trap-kafka-open-transaction");
    assert_eq!(bodies(&open, "r", "/reply/records", "/value"), ["open", "plain"]);
    let counts = |client: &str| {
        let skew = answers("trap-kafka-range-skew");
        let told = skew.iter().find(|answer| answer["client"] == client && answer.get("assigned").is_some());
        told.and_then(|told| told["assigned"]["partitions"].as_array().map(Vec::len))
    };
    assert_eq!((counts("c1"), counts("c2")), (Some(4), Some(2)));
}

#[test]
fn looking_counts_in_redis_and_all_later_ones_come_again_in_pubsub() {
    let redis = answers("trap-redis-nothing-comes-back");
    assert_eq!(
        redis.last().map(|answer| answer["reply"].clone()),
        Some(serde_json::json!([["1650-0", "w2", 3000, 3]]))
    );
    let pubsub = answers("trap-pubsub-ordered-redelivery");
    let got = bodies(&pubsub, "c", "/reply/receivedMessages", "/message/data");
    assert_eq!(got, ["1", "2", "3", "1", "2", "3", "2", "3"]);
}

#[test]
fn the_first_receive_after_the_last_timeout_moves_a_dead_letter() {
    let answers = answers("trap-sqs-dead-letter");
    assert_eq!(bodies(&answers, "w", "/reply/got", "/body"), ["poison", "poison", "pay-7"]);
}
