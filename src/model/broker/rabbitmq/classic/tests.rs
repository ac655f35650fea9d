//! The classic queue alone: order, turns, and what comes back.

use super::*;
use crate::vocabulary::{LinkId, Time};

fn session(number: u32) -> Session {
    Session::of_link(LinkId(number))
}

fn number(session: Session) -> u32 {
    session.link().map_or(0, |link| link.0)
}

fn content(number: u32, persistent: bool) -> Rc<Content> {
    Rc::new(Content {
        id: MessageId { origin: NodeId(0), number },
        routing_key: "".into(),
        headers: Rc::from([]),
        payload: "".into(),
        persistent,
        priority: None,
        expiration: None,
        created: Time::ZERO,
    })
}

fn filled(count: u32) -> Queue {
    let mut queue = Queue::default();
    (0..count).for_each(|number| queue.push(content(number, number % 2 == 0)));
    queue
}

fn subscribe(queue: &mut Queue, link: Session, prefetch: u16) {
    assert!(queue.subscribe(link, NodeId(number(link)), prefetch, false).is_empty());
}

/// Everything that can be handed out now: (link, message, redelivered).
fn drain(queue: &mut Queue) -> Vec<(u32, u32, bool)> {
    let mut seen = Vec::new();
    while let Some(delivery) = queue.dispatch() {
        seen.push((number(delivery.session), delivery.content.id.number, delivery.redelivered));
    }
    seen
}

fn ready(queue: &Queue) -> Vec<u32> {
    queue.ready.iter().map(|stored| stored.content.id.number).collect()
}

#[test]
fn consumers_without_a_limit_take_turns() {
    let mut queue = Queue::default();
    [session(1), session(2), session(3)].into_iter().for_each(|link| subscribe(&mut queue, link, 0));
    let mut taken = Vec::new();
    for number in 0..7 {
        queue.push(content(number, false));
        taken.extend(drain(&mut queue).into_iter().map(|(link, number, _)| (link, number)));
    }
    assert_eq!(taken, [(1, 0), (2, 1), (3, 2), (1, 3), (2, 4), (3, 5), (1, 6)]);
    assert_eq!(queue.levels(), (0, 7));
}

#[test]
fn a_backlog_goes_whole_to_the_first_consumer_without_a_limit() {
    let mut queue = filled(5);
    subscribe(&mut queue, session(1), 0);
    assert_eq!(drain(&mut queue).len(), 5);
    subscribe(&mut queue, session(2), 0);
    assert_eq!(drain(&mut queue), []);
}

#[test]
fn with_a_prefetch_of_one_the_next_message_goes_to_the_one_who_acked() {
    let mut queue = filled(6);
    subscribe(&mut queue, session(1), 1);
    subscribe(&mut queue, session(2), 1);
    assert_eq!(drain(&mut queue), [(1, 0, false), (2, 1, false)]);
    for (tag, number) in [(1, 2), (2, 3), (3, 4)] {
        assert!(queue.take(session(2), tag).is_some());
        assert_eq!(drain(&mut queue), [(2, number, false)]);
    }
    assert!(queue.take(session(1), 1).is_some());
    assert_eq!(drain(&mut queue), [(1, 5, false)]);
    assert!(queue.take(session(1), 1).is_none(), "a tag is good once");
    assert!(queue.take(session(3), 1).is_none() && queue.take(session(1), 99).is_none());
}

#[test]
fn credit_before_the_turn_keeps_it_and_credit_after_it_joins_the_end_of_the_round() {
    let mut queue = filled(2);
    subscribe(&mut queue, session(1), 1);
    subscribe(&mut queue, session(2), 1);
    assert_eq!(drain(&mut queue), [(1, 0, false), (2, 1, false)]);
    // No message came while they were at their limits, so both still are in the round, one first.
    assert!(queue.take(session(2), 1).is_some() && queue.take(session(1), 1).is_some());
    (2..5).for_each(|number| queue.push(content(number, false)));
    assert_eq!(drain(&mut queue), [(1, 2, false), (2, 3, false)]);
    // Message 4 found both at their limits, so they left the round and join it in the order of their credit.
    assert!(queue.take(session(2), 2).is_some() && queue.take(session(1), 2).is_some());
    queue.push(content(5, false));
    assert_eq!(drain(&mut queue), [(2, 4, false), (1, 5, false)]);
}

#[test]
fn what_comes_back_goes_to_its_old_place_whatever_the_order() {
    let orders: [[u64; 3]; 4] = [[1, 2, 3], [3, 2, 1], [2, 3, 1], [3, 1, 2]];
    for order in orders {
        let mut queue = filled(5);
        subscribe(&mut queue, session(1), 3);
        assert_eq!(drain(&mut queue).len(), 3);
        queue.cancel(session(1));
        for tag in order {
            let (_, stored) = queue.take(session(1), tag).expect("held");
            queue.give_back_one(stored);
        }
        assert_eq!(ready(&queue), [0, 1, 2, 3, 4], "{order:?}");
        subscribe(&mut queue, session(2), 0);
        let redelivered: Vec<bool> = drain(&mut queue).into_iter().map(|(_, _, again)| again).collect();
        assert_eq!(redelivered, [true, true, true, false, false]);
    }
}

#[test]
fn a_lost_consumer_returns_all_that_it_held_among_what_others_returned() {
    let mut queue = filled(8);
    subscribe(&mut queue, session(1), 3);
    subscribe(&mut queue, session(2), 3);
    assert_eq!(drain(&mut queue).len(), 6);
    for link in [session(2), session(1)] {
        let closed = queue.close(link).expect("open");
        assert!(closed.was_subscribed && closed.consumer == NodeId(number(link)));
        queue.give_back(closed.returned);
    }
    assert_eq!(ready(&queue), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(queue.levels(), (8, 0));
    assert!(queue.close(session(1)).is_none());
    subscribe(&mut queue, session(3), 0);
    let taken = drain(&mut queue);
    assert!(taken.iter().all(|(_, number, again)| *again == (*number < 6)), "{taken:?}");
}

#[test]
fn cancelling_keeps_what_is_held() {
    let mut queue = filled(3);
    subscribe(&mut queue, session(1), 2);
    assert_eq!(drain(&mut queue).len(), 2);
    assert_eq!(queue.cancel(session(1)), Some(NodeId(1)));
    assert_eq!(queue.cancel(session(1)), None);
    assert_eq!((queue.levels(), queue.consumer_count()), ((1, 2), 0));
    assert!(queue.take(session(1), 1).is_some(), "it can still be acknowledged");
    assert_eq!(drain(&mut queue), []);
}

#[test]
fn multiple_covers_all_tags_so_far_and_tag_zero_all_there_are() {
    let mut queue = filled(6);
    subscribe(&mut queue, session(1), 0);
    assert_eq!(drain(&mut queue).len(), 6);
    let (_, taken) = queue.take_up_to(session(1), 4).expect("open");
    assert_eq!(taken.len(), 4);
    assert_eq!(queue.levels(), (0, 2));
    queue.give_back(taken);
    queue.cancel(session(1));
    assert_eq!(ready(&queue), [0, 1, 2, 3]);
    assert_eq!(queue.take_up_to(session(1), 0).map(|(_, taken)| taken.len()), Some(2));
    assert_eq!(queue.levels(), (4, 0));
}

#[test]
fn automatic_acknowledgement_knows_no_limit_and_holds_nothing() {
    let mut queue = filled(5);
    queue.subscribe(session(1), NodeId(1), 1, true);
    assert_eq!(drain(&mut queue).len(), 5);
    assert_eq!(queue.levels(), (0, 0));
}

#[test]
fn a_new_subscription_on_a_channel_keeps_what_is_held_and_counts_it() {
    let mut queue = filled(6);
    subscribe(&mut queue, session(1), 2);
    assert_eq!(drain(&mut queue).len(), 2);
    subscribe(&mut queue, session(1), 3);
    assert_eq!(drain(&mut queue), [(1, 2, false)]);
    subscribe(&mut queue, session(1), 1);
    assert!(queue.take(session(1), 1).is_some() && queue.take(session(1), 2).is_some());
    assert_eq!(drain(&mut queue), []);
    let returned = queue.subscribe(session(1), NodeId(1), 0, true);
    assert_eq!(returned.len(), 1);
    queue.give_back(returned);
    assert_eq!(drain(&mut queue), [(1, 2, true), (1, 3, false), (1, 4, false), (1, 5, false)]);
}

#[test]
fn a_restart_keeps_what_is_persistent_and_marks_what_was_held() {
    let mut queue = filled(6);
    subscribe(&mut queue, session(1), 3);
    assert_eq!(drain(&mut queue).len(), 3);
    assert_eq!(queue.end_subscriptions(), [NodeId(1)]);
    let (lost, ready_lost) = queue.crash(|content| content.persistent);
    let lost: Vec<u32> = lost.iter().map(|content| content.id.number).collect();
    assert_eq!((lost, ready_lost, queue.levels()), (vec![3, 5, 1], 2, (1, 2)));
    let returned = queue.recover();
    queue.give_back(returned);
    assert_eq!(queue.levels(), (3, 0));
    subscribe(&mut queue, session(2), 0);
    assert_eq!(drain(&mut queue), [(2, 0, true), (2, 2, true), (2, 4, false)]);
}

#[test]
fn it_agrees_with_a_plain_list_under_random_use() {
    let mut stream = crate::kernel::rng::Stream::named(3, "queue", "test");
    let mut queue = Queue::default();
    let (mut pushed, mut settled) = (0, 0);
    for _ in 0..20_000 {
        let link = session(stream.below(4));
        match stream.below(9) {
            0..=2 => {
                queue.push(content(pushed, false));
                pushed += 1;
            }
            3 => {
                let returned = queue.subscribe(link, NodeId(number(link)), stream.below(4) as u16, false);
                assert!(returned.is_empty());
            }
            4 if stream.below(4) == 0 => {
                let closed = queue.close(link);
                queue.give_back(closed.map(|closed| closed.returned).unwrap_or_default());
            }
            5 | 6 => {
                let tag = queue.channels.get(&link).map_or(0, |channel| {
                    let count = channel.unacked.len() as u32;
                    channel.unacked.get(stream.below(count) as usize).map_or(0, |(tag, _)| *tag)
                });
                if let Some((_, stored)) = queue.take(link, tag) {
                    if stream.chance(0.5) {
                        queue.give_back_one(stored);
                    } else {
                        settled += 1;
                    }
                }
            }
            _ => {
                drain(&mut queue);
            }
        }
        let (ready_count, unacked) = queue.levels();
        assert_eq!(ready_count + unacked + settled, pushed);
        assert!(ready(&queue).is_sorted(), "the order of the queue is the order of coming");
        let mut visited = 0;
        queue.visit(&mut |_| visited += 1);
        assert_eq!(visited, ready_count + unacked);
        assert_eq!(queue.seen(usize::MAX).len() as u32, visited);
    }
    assert!(settled > 1_000 && pushed > 5_000);
}
