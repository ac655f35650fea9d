//! Dead-lettering at least once, of RabbitMQ's quorum queues, and errors in the words of the server.
#![cfg(not(target_arch = "wasm32"))]

mod rabbit;

use rabbit::Lab;
use serde_json::json;

const SOURCE: &str = "declare queue work durable=true x-queue-type=quorum x-dead-letter-exchange=dlx \
                      x-dead-letter-strategy=at-least-once x-max-length=3";

/// A work queue whose dead letters go to an exchange, with the overflow and with what else is declared.
fn lab(overflow: &str, setup: &[&str]) -> Lab {
    let mut lab =
        Lab::new(&[&format!("{SOURCE} x-overflow={overflow}"), "declare exchange dlx type=fanout durable=true"]);
    lab.all(setup);
    lab
}

/// Publishes a message and rejects it.
fn reject(lab: &mut Lab, body: &str) {
    lab.all(&[&format!("publish '' work {body}")]);
    let got = lab.ask("get work");
    lab.all(&[&format!("reject {} requeue=false", got["tag"])]);
}

#[test]
fn dead_letters_at_least_once_stay_until_they_are_confirmed() {
    let mut lab = lab("reject-publish", &["declare queue dead durable=true", "bind queue dead dlx ''"]);
    reject(&mut lab, "m0");
    assert_eq!((lab.depth("work"), lab.depth("dead")), ((0, 0), (1, 0)), "confirmed at once where nothing hinders it");
    let got = lab.get("dead");
    assert_eq!(got["headers"]["x-death"][0]["reason"], json!("rejected"));
    // Nothing is bound any more: it stays, and counts for the length.
    lab.all(&["unbind queue dead dlx ''", "confirm"]);
    reject(&mut lab, "m1");
    assert_eq!(lab.depth("work"), (0, 1));
    lab.all(&["publish '' work m2", "publish '' work m3", "publish '' work m4"]);
    let confirms: Vec<bool> = lab.told("confirm").iter().map(|(_, body)| body["ack"] == json!(true)).collect();
    assert_eq!(confirms, [true, true, true, false], "m1 and two more are three");
    // It survives the broker, and goes as soon as that looks again.
    lab.all(&["crash", "recover", "bind queue dead dlx ''"]);
    assert_eq!(lab.depth("work"), (2, 1), "tried at the start, in vain");
    lab.all(&["wait 180s"]);
    assert_eq!((lab.depth("work"), lab.drain("dead").as_slice()), ((2, 0), &["m1".to_string()][..]));
}

#[test]
fn dead_letters_at_least_once_are_tried_again() {
    let mut lab = lab(
        "reject-publish",
        &["declare queue dead x-max-length=1 x-overflow=reject-publish", "bind queue dead dlx ''"],
    );
    reject(&mut lab, "m0");
    reject(&mut lab, "m1");
    assert_eq!((lab.depth("work"), lab.depth("dead")), ((0, 1), (1, 0)), "the target refuses the second one");
    assert_eq!(lab.drain("dead"), ["m0"]);
    lab.all(&["wait 179s"]);
    assert_eq!(lab.depth("work"), (0, 1));
    lab.all(&["wait 1s"]);
    assert_eq!((lab.depth("work"), lab.drain("dead").as_slice()), ((0, 0), &["m1".to_string()][..]));
    // A missing exchange is no reason to drop it either.
    lab.all(&["delete exchange dlx"]);
    reject(&mut lab, "m2");
    assert_eq!(lab.depth("work"), (0, 1));
    lab.all(&["declare exchange dlx type=fanout", "bind queue dead dlx ''", "wait 180s"]);
    assert_eq!(lab.drain("dead"), ["m2"]);
    // With the queue go its dead letters.
    lab.all(&["unbind queue dead dlx ''"]);
    reject(&mut lab, "m3");
    lab.all(&["delete queue work", "wait 200s"]);
    assert_eq!(lab.depth("dead"), (0, 0));
}

#[test]
fn without_reject_publish_dead_letters_are_sent_at_most_once() {
    let mut lab = lab("drop-head", &[]);
    reject(&mut lab, "m0");
    assert_eq!(lab.depth("work"), (0, 0), "no route, and it is gone");
    let mut refused = Lab::new(&[]);
    let (code, text) = refused.error("declare queue c x-dead-letter-strategy=at-least-once");
    assert_eq!(code, "406");
    assert!(text.ends_with(
        "invalid arg 'x-dead-letter-strategy' for queue 'c' in vhost '/' of queue type rabbit_classic_queue"
    ));
}

#[test]
fn errors_in_the_words_of_the_server() {
    let cases = [
        ("declare exchange e type=nonsense", "503", "COMMAND_INVALID - unknown exchange type 'nonsense'"),
        ("delete exchange amq.direct", "403", "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed"),
        (
            "declare queue z x-overflow=nope",
            "406",
            "PRECONDITION_FAILED - invalid arg 'x-overflow' for queue 'z' in vhost '/': invalid_overflow",
        ),
        (
            "bind queue q amq.headers '' x-match=some",
            "406",
            "PRECONDITION_FAILED - Invalid x-match field value <<\"some\">>; expected all, any, all-with-x, or any-with-x",
        ),
        (
            "bind queue q amq.headers '' x-match=1",
            "406",
            "PRECONDITION_FAILED - Invalid x-match field type signedint (value 1); expected longstr",
        ),
    ];
    for (line, code, text) in cases {
        let mut lab = Lab::new(&["declare queue q"]);
        assert_eq!(lab.error(line), (code.to_string(), text.to_string()), "{line}");
    }
    for (expiration, why) in [
        ("abc", "no_integer"),
        ("", "no_integer"),
        ("-1", "{value_negative,-1}"),
        ("10ms", "{leftover_string,\"ms\"}"),
        ("4294967296", "{value_too_big,4294967296}"),
    ] {
        let mut lab = Lab::new(&["declare queue q"]);
        lab.ask(&format!("publish '' q body expiration={expiration}"));
        let closed = lab.told("closed");
        let text = format!("PRECONDITION_FAILED - invalid expiration '{expiration}': {why}");
        assert_eq!(closed[0].1["text"], json!(text), "{expiration}");
    }
}
