//! The order of ready messages: what comes back, priorities, quorum queues.

use super::*;
use crate::kernel::rng::Stream;
use crate::vocabulary::{MessageId, NodeId};

fn stored(position: u64, priority: u8) -> Stored {
    let content = Content {
        id: MessageId { origin: NodeId(0), number: position as u32 },
        routing_key: "".into(),
        headers: Rc::from([]),
        payload: "body".into(),
        persistent: false,
        priority: Some(priority),
        expiration: None,
        created: Time::ZERO,
    };
    Stored {
        position,
        deadline: Time::MAX,
        exchange: 0,
        returns: 0,
        redelivered: false,
        has_died: false,
        content: Rc::new(content),
    }
}

fn ready(spec: QueueSpec, version: Version, priorities: &[u8]) -> Ready {
    let mut ready = Ready::new(&spec, version);
    let positions = 1..;
    positions.zip(priorities).for_each(|(position, priority)| ready.push(stored(position, *priority)));
    ready
}

fn drain(ready: &mut Ready) -> Vec<u64> {
    let mut positions = Vec::new();
    while let Some(head) = ready.head().map(|head| head.position) {
        assert_eq!(ready.pop().map(|stored| stored.position), Some(head), "the head is what is taken");
        positions.push(head);
    }
    assert_eq!((ready.len(), ready.bytes()), (0, 0));
    positions
}

fn quorum() -> QueueSpec {
    QueueSpec { is_quorum: true, is_durable: true, ..QueueSpec::default() }
}

#[test]
fn what_comes_back_goes_to_its_place_or_in_a_quorum_queue_to_the_front() {
    for (spec, expected) in [(QueueSpec::default(), [1, 2, 3, 4]), (quorum(), [3, 1, 2, 4])] {
        let mut ready = ready(spec, Version::V3_10, &[0; 4]);
        let mut taken: Vec<Stored> = (0..3).filter_map(|_| ready.pop()).collect();
        let last = taken.pop().expect("three were taken");
        ready.give_back(vec![last]);
        ready.give_back(taken);
        assert_eq!(drain(&mut ready), expected);
    }
}

#[test]
fn the_highest_priority_goes_first_and_more_than_the_highest_is_the_highest() {
    let spec = QueueSpec { max_priority: Some(5), ..QueueSpec::default() };
    let mut classic = ready(spec.clone(), Version::V3_10, &[1, 0, 5, 9, 1, 3, 0]);
    let first: Vec<Stored> = (0..4).filter_map(|_| classic.pop()).collect();
    assert_eq!(first.iter().map(|stored| stored.position).collect::<Vec<_>>(), [3, 4, 6, 1]);
    classic.give_back(in_queue_order(first));
    assert_eq!(drain(&mut classic), [3, 4, 6, 1, 5, 2, 7]);
    let spec = QueueSpec { max_priority: Some(200), ..quorum() };
    assert_eq!(drain(&mut ready(spec.clone(), Version::V4_3, &[1, 31, 200, 7])), [2, 3, 4, 1]);
    assert_eq!(drain(&mut ready(spec, Version::V3_10, &[1, 31, 200, 7])), [1, 2, 3, 4], "none in 3.10");
}

#[test]
fn a_quorum_queue_of_4_0_takes_two_high_ones_for_one_of_the_rest() {
    let mut ready = ready(quorum(), Version::V4_0, &[0, 4, 5, 6, 7, 8, 255, 0]);
    assert_eq!(drain(&mut ready), [3, 4, 1, 5, 6, 2, 7, 8]);
}

#[test]
fn random_takings_and_returns_keep_the_order_of_a_classic_queue() {
    let mut stream = Stream::named(7, "ready", "test");
    let mut ready = ready(QueueSpec::default(), Version::V3_10, &[]);
    let (mut next, mut held): (u64, Vec<Stored>) = (1, Vec::new());
    for _ in 0..5_000 {
        match stream.below(4) {
            0 | 1 => {
                ready.push(stored(next, 0));
                next += 1;
            }
            2 => held.extend(ready.pop()),
            _ => {
                let (back, kept) = std::mem::take(&mut held).into_iter().partition(|_| stream.chance(0.5));
                held = kept;
                ready.give_back(in_queue_order(back));
            }
        }
        let positions: Vec<u64> = ready.iter().map(|stored| stored.position).collect();
        assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{positions:?}");
        assert_eq!((ready.len(), ready.bytes()), (positions.len(), 4 * positions.len() as u64));
        assert_eq!(positions.len() + held.len(), next as usize - 1);
    }
}

#[test]
fn what_is_not_kept_is_taken_out_in_order() {
    let mut ready = ready(QueueSpec::default(), Version::V3_10, &[0; 6]);
    let lost = ready.retain(|stored| stored.position % 2 == 0);
    assert_eq!(lost.iter().map(|stored| stored.position).collect::<Vec<_>>(), [1, 3, 5]);
    assert_eq!(drain(&mut ready), [2, 4, 6]);
}
