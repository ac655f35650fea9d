//! The trace in words: for the log, for golden traces whose differences read as a story, and for the question why.

use crate::vocabulary::{Carried, DropReason, Duration, Fact, FlatMap, MessageId, NodeId, Time, TraceEvent};

/// The name of a node, for people.
pub type Names<'a> = &'a dyn Fn(NodeId) -> String;

/// One event as one line with steady columns: time, place, what happened.
pub fn line(event: &TraceEvent, names: Names) -> String {
    format!("{:>11}  {:<16}  {}", event.at.to_string(), names(event.node), sentence(event, names))
}

/// What happened, without the time and the place: `handed #41 to Charge 2 (11 ready, 3 unacked)`.
pub fn sentence(event: &TraceEvent, names: Names) -> String {
    let message = event.message;
    let level = |ready: u32, unacked: u32| format!("({ready} ready, {unacked} unacked)");
    match event.fact {
        Fact::Sent { to, what, .. } => format!("{} to {}", frame(what, message, "sent"), names(to)),
        Fact::Delivered { from, what, .. } => format!("{} from {}", frame(what, message, "received"), names(from)),
        Fact::Dropped { reason, what } => dropped(reason, what, message),
        Fact::Duplicated { .. } => format!("{message} was doubled by the link"),
        Fact::Reordered { .. } => format!("{message} is held back by the link"),
        Fact::Started {} => "started".into(),
        Fact::Crashed {} => "crashed".into(),
        Fact::Restarted {} => "runs again".into(),
        Fact::Paused {} => "paused".into(),
        Fact::Resumed {} => "goes on".into(),
        Fact::Slowed { percent: 100 } => "works at its normal speed again".into(),
        Fact::Slowed { percent } => format!("slowed: work takes {percent} % of its normal time"),
        Fact::Partitioned { .. } => "a link passes nothing any more".into(),
        Fact::Repaired { .. } => "a link passes again".into(),
        Fact::Disconnected { peer } => format!("lost the connection to {}", names(peer)),
        Fact::Reconnected { peer } => format!("connected to {} again", names(peer)),
        Fact::Configured {} => "has new parameters".into(),
        Fact::Removed {} => "was removed from the drawing".into(),
        Fact::Published {} => format!("made {message}"),
        Fact::Routed { to } => format!("routed {message} to {}", names(to)),
        Fact::Unroutable {} => format!("found no binding for {message}"),
        Fact::Enqueued { ready, unacked } => format!("queued {message} {}", level(ready, unacked)),
        Fact::Leased { to, ready, unacked } => format!("handed {message} to {} {}", names(to), level(ready, unacked)),
        Fact::Redelivered { to, ready, unacked } => {
            format!("handed {message} again, to {} {}", names(to), level(ready, unacked))
        }
        Fact::Acked { by, ready, unacked } => {
            format!("forgot {message}: {} acknowledged it {}", names(by), level(ready, unacked))
        }
        Fact::Nacked { by, ready, unacked } => {
            format!("took {message} back: {} refused it {}", names(by), level(ready, unacked))
        }
        Fact::Requeued { ready, unacked } => format!("put {message} back into its place {}", level(ready, unacked)),
        Fact::Discarded { ready, unacked } => format!("gave {message} up {}", level(ready, unacked)),
        Fact::Subscribed { consumer, prefetch: 0 } => format!("serves {}, without a prefetch limit", names(consumer)),
        Fact::Subscribed { consumer, prefetch } => format!("serves {}, prefetch {prefetch}", names(consumer)),
        Fact::Unsubscribed { consumer } => format!("serves {} no more", names(consumer)),
        Fact::Began { waited, .. } => format!("began to work on {message}, {} after it was made", span(waited)),
        Fact::Completed { latency, .. } => format!("finished {message}, {} after it was made", span(latency)),
        Fact::Failed { .. } => format!("failed at {message}"),
        Fact::Abandoned { .. } => format!("stopped in the middle of {message}"),
        Fact::Halted {} => "the run can't go on: a limit of the simulator was reached".into(),
        _ => broker_sentence(event, names),
    }
}

/// What happened in a broker beyond the plain way of a message: dead letters, leases, logs and groups.
fn broker_sentence(event: &TraceEvent, names: Names) -> String {
    let message = event.message;
    let level = |ready: u32, unacked: u32| format!("({ready} ready, {unacked} unacked)");
    match event.fact {
        Fact::Expired { ready, unacked } => format!("found the time of {message} run out {}", level(ready, unacked)),
        Fact::DeadLettered { to, ready, unacked } => {
            format!("gave {message} away to {}, as a dead letter {}", names(to), level(ready, unacked))
        }
        Fact::LeaseExpired { ready, unacked } => {
            format!("waited for {message} long enough, and hands it out again {}", level(ready, unacked))
        }
        Fact::Trimmed { ready, unacked } => format!("removed {message} from the log {}", level(ready, unacked)),
        Fact::Confirmed {} => format!("confirmed {message} to its producer"),
        Fact::Refused {} => format!("told the producer of {message} that it was not taken"),
        Fact::Returned {} => format!("gave {message} back to its producer"),
        Fact::Deduplicated {} => format!("has {message} already, and stored nothing"),
        Fact::Extended { by } => format!("gave {} more time for {message}", names(by)),
        Fact::Committed { by, partition, offset } => {
            format!("saved the position of {}: partition {partition}, next offset {offset}", names(by))
        }
        Fact::Sought { partition, offset } => format!("moved its position: partition {partition}, offset {offset}"),
        Fact::Assigned { to, partition } => format!("gave partition {partition} to {}", names(to)),
        Fact::Revoked { from, partition } => format!("took partition {partition} from {}", names(from)),
        Fact::Rebalanced { generation, members } => {
            format!("shared its partitions anew: generation {generation}, {members} members")
        }
        Fact::LeaderElected { partition, leader: u32::MAX } => format!("partition {partition} has no leader"),
        Fact::LeaderElected { partition, leader } => format!("partition {partition} is led by broker {leader}"),
        Fact::Coordinated { leader } => format!("is coordinated by broker {leader} from now on"),
        Fact::InSync { partition, replicas } => format!("partition {partition} has {replicas} replicas in sync"),
        other => other.kind().label().into(),
    }
}

/// A frame with a verb before it: `sent #41`, `received the ack of #41`, `sent subscribe`.
fn frame(what: Carried, message: MessageId, verb: &str) -> String {
    match (what, message.some()) {
        (Carried::Publish | Carried::Deliver, Some(message)) => format!("{verb} {message}"),
        (Carried::Redeliver, Some(message)) => format!("{verb} {message}, marked redelivered,"),
        (_, Some(message)) => format!("{verb} {} of {message}", what.label()),
        (_, None) => format!("{verb} {}", what.label()),
    }
}

fn dropped(reason: DropReason, what: Carried, message: MessageId) -> String {
    let subject = match (what, message.some()) {
        (Carried::Publish | Carried::Deliver | Carried::Redeliver, Some(message)) => message.to_string(),
        (_, Some(message)) => format!("{} of {message}", what.label()),
        (_, None) => what.label().to_string(),
    };
    format!("dropped {subject}: {}", reason.label())
}

/// A span to read, rounded to three digits or so: `480 ms`, `12.5 s`, `3 min 20 s`.
pub fn span(nanoseconds: u64) -> String {
    let seconds = Duration(nanoseconds).seconds();
    match nanoseconds {
        0..=999_999 => format!("{} µs", nanoseconds / 1_000),
        1_000_000..=9_999_999 => format!("{:.1} ms", seconds * 1e3),
        10_000_000..=999_999_999 => format!("{} ms", nanoseconds / 1_000_000),
        1_000_000_000..=59_999_999_999 => format!("{seconds:.1} s"),
        _ => format!("{} min {} s", nanoseconds / 60_000_000_000, nanoseconds / 1_000_000_000 % 60),
    }
}

/// The way of one message as sentences, ending with where it is now: done, lost and why, or waiting.
///
/// `events` may be any stretch of the trace in its order; only those about the message are told.
pub fn why<'a>(message: MessageId, events: impl IntoIterator<Item = &'a TraceEvent>, names: Names) -> Vec<String> {
    let mut ends = Ends::default();
    let mut told: Vec<&TraceEvent> = Vec::new();
    let mut any = false;
    for event in events.into_iter().filter(|event| event.message == message) {
        any = true;
        ends.note(event, names);
        if worth_telling(event) {
            told.push(event);
        }
    }
    if !any {
        return vec![format!("Nothing is kept of {message} any more.")];
    }
    // The beginning and the end say most; the middle of a long life is repetition.
    let cut = told.len().saturating_sub(TOLD_MAX);
    if cut > 0 {
        told.drain(TOLD_MAX / 2..TOLD_MAX / 2 + cut);
    }
    let mut sentences: Vec<String> =
        told.iter().map(|event| format!("{}: {} {}.", event.at, names(event.node), sentence(event, names))).collect();
    if cut > 0 {
        sentences.insert(TOLD_MAX / 2, format!("… {cut} more events …"));
    }
    sentences.push(ends.verdict(message));
    sentences
}

/// Events told of one message at most.
const TOLD_MAX: usize = 60;

/// What is said by its other half anyway is left out of an answer.
fn worth_telling(event: &TraceEvent) -> bool {
    let Fact::Sent { what, .. } = event.fact else {
        let between = matches!(event.fact, Fact::Delivered { .. } | Fact::Enqueued { .. } | Fact::Discarded { .. });
        return !between || matches!(event.fact, Fact::Enqueued { .. });
    };
    matches!(what, Carried::Requeue | Carried::Reject)
}

/// What has become of the copies of a message.
#[derive(Default)]
struct Ends {
    done: Vec<String>,
    lost: Vec<(String, Time)>,
    /// The copies that are neither done nor lost: where each was seen last, by the node that answers for it.
    open: FlatMap<NodeId, String>,
    /// The queue from which a consumer has its copy.
    source: FlatMap<NodeId, NodeId>,
}

impl Ends {
    fn note(&mut self, event: &TraceEvent, names: Names) {
        let at = names(event.node);
        // A consumer's copy is its queue's to answer for, while the queue remembers it.
        let owner =
            self.source.get(&event.node).copied().filter(|queue| self.open.contains_key(queue)).unwrap_or(event.node);
        match event.fact {
            Fact::Sent { to, what: Carried::Publish, .. } => {
                self.open.insert(to, format!("is on its way to {}", names(to)));
            }
            Fact::Delivered { what: Carried::Publish, .. } | Fact::Acked { .. } => {
                self.open.remove(&event.node);
            }
            Fact::Enqueued { .. } | Fact::Requeued { .. } => {
                self.open.insert(event.node, format!("waits in {at}"));
            }
            Fact::Leased { to, .. } | Fact::Redelivered { to, .. } => {
                self.source.insert(to, event.node);
                let told = format!("was handed to {} by {at} and is not acknowledged yet", names(to));
                self.open.insert(event.node, told);
            }
            Fact::Began { .. } => {
                self.open.insert(owner, format!("is in work at {at}"));
            }
            Fact::Failed { .. } | Fact::Abandoned { .. } => {
                self.open.insert(owner, format!("was not finished at {at}"));
            }
            Fact::Completed { .. } => {
                self.open.remove(&owner);
                self.done.push(at);
            }
            Fact::Dropped { reason, what: Carried::Publish | Carried::Deliver | Carried::Redeliver } => {
                // A delivery that does not arrive is not the end while the queue still has the message.
                let on_the_way = matches!(reason, DropReason::Loss | DropReason::NodeDown | DropReason::ConnectionLost);
                if owner == event.node || !on_the_way {
                    self.lost.push((format!("at {at}: {}", reason.label()), event.at));
                    self.open.remove(&owner);
                }
            }
            _ => {}
        }
    }

    fn verdict(&self, message: MessageId) -> String {
        let lost = self.lost.last().map(|(reason, at)| format!("was lost {reason} ({at})"));
        match (self.done.len(), lost, self.open.values().next()) {
            (0, None, None) => format!("{message} has not been handled."),
            (0, None, Some(waits)) => format!("{message} {waits}."),
            (0, Some(lost), None) => format!("{message} {lost}."),
            (0, Some(lost), Some(waits)) => format!("A copy of {message} {lost}; another {waits}."),
            (1, lost, waits) => {
                let rest = lost
                    .as_deref()
                    .or(waits.map(String::as_str))
                    .map(|rest| format!(" Another copy {rest}."))
                    .unwrap_or_default();
                format!("{message} is done, by {}.{rest}", self.done[0])
            }
            (count, ..) => format!("{message} is done, {count} times: by {}.", self.done.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{EventId, LinkId};

    const MESSAGE: MessageId = MessageId { origin: NodeId(0), number: 41 };

    fn names(node: NodeId) -> String {
        ["Order service", "orders", "billing", "Charge 1", "Charge 2"][node.0 as usize % 5].to_string()
    }

    fn event(milliseconds: u64, node: u32, fact: Fact) -> TraceEvent {
        let at = Time(milliseconds * 1_000_000);
        TraceEvent {
            id: EventId(milliseconds + 1),
            at,
            node: NodeId(node),
            cause: EventId::NONE,
            message: MESSAGE,
            fact,
        }
    }

    #[test]
    fn a_line_has_steady_columns() {
        let told = event(12_480, 2, Fact::Leased { to: NodeId(4), ready: 11, unacked: 3 });
        assert_eq!(line(&told, &names), "   12.480 s  billing           handed #41 to Charge 2 (11 ready, 3 unacked)");
    }

    #[test]
    fn sentences_name_the_message_and_the_other_node() {
        let told = |fact| sentence(&event(0, 2, fact), &names);
        let link = LinkId(0);
        assert_eq!(told(Fact::Sent { link, to: NodeId(4), what: Carried::Deliver }), "sent #41 to Charge 2");
        assert_eq!(told(Fact::Sent { link, to: NodeId(2), what: Carried::Ack }), "sent ack of #41 to billing");
        assert_eq!(
            told(Fact::Dropped { reason: DropReason::Loss, what: Carried::Ack }),
            "dropped ack of #41: lost on the link"
        );
        assert_eq!(told(Fact::Completed { busy: 0, latency: 1_240_000_000 }), "finished #41, 1.2 s after it was made");
    }

    #[test]
    fn a_lost_message_says_why() {
        let told = why(
            MESSAGE,
            &[
                event(0, 0, Fact::Published {}),
                event(300, 1, Fact::Unroutable {}),
                event(300, 1, Fact::Dropped { reason: DropReason::Unroutable, what: Carried::Publish }),
            ],
            &names,
        );
        assert_eq!(told[0], "0.000 s: Order service made #41.");
        assert_eq!(
            told.last().map(String::as_str),
            Some("#41 was lost at orders: no binding matched its key (0.300 s).")
        );
    }

    #[test]
    fn a_message_done_twice_and_one_that_waits_are_told_apart() {
        let done = [
            event(0, 2, Fact::Enqueued { ready: 1, unacked: 0 }),
            event(1, 3, Fact::Completed { busy: 0, latency: 5 }),
            event(2, 2, Fact::Requeued { ready: 1, unacked: 0 }),
            event(3, 4, Fact::Completed { busy: 0, latency: 5 }),
        ];
        let last = |events: &[TraceEvent]| why(MESSAGE, events, &names).pop().unwrap_or_default();
        assert_eq!(last(&done), "#41 is done, 2 times: by Charge 1, Charge 2.");
        assert_eq!(last(&done[..1]), "#41 waits in billing.");
        assert_eq!(last(&[]), "Nothing is kept of #41 any more.");
    }

    #[test]
    fn a_lost_delivery_is_not_the_end_of_a_message() {
        let events = [
            event(0, 2, Fact::Enqueued { ready: 1, unacked: 0 }),
            event(1, 2, Fact::Leased { to: NodeId(4), ready: 0, unacked: 1 }),
            event(2, 4, Fact::Dropped { reason: DropReason::NodeDown, what: Carried::Deliver }),
        ];
        let told = why(MESSAGE, &events, &names);
        assert_eq!(
            told.last().map(String::as_str),
            Some("#41 was handed to Charge 2 by billing and is not acknowledged yet.")
        );
    }

    #[test]
    fn a_long_life_is_told_in_bounded_length() {
        let events: Vec<TraceEvent> =
            (0..10_000).map(|n| event(n, 2, Fact::Requeued { ready: 1, unacked: 0 })).collect();
        let told = why(MESSAGE, &events, &names);
        assert!(told.len() <= TOLD_MAX + 2, "{}", told.len());
    }
}
