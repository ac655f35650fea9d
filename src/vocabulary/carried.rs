//! What a link carries and why a message goes no further, each as one word.

/// Defines the kinds of frame, their words, and the list of all of them, from one table.
macro_rules! carried {
    ($( $(#[doc = $doc:literal])+ $name:ident = $label:literal, )+) => {
        /// What kind of frame a link carried.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Carried { $( $(#[doc = $doc])+ $name, )+ }

        impl Carried {
            /// Every kind of frame, in the order of its number.
            pub const ALL: &'static [Carried] = &[ $( Carried::$name, )+ ];

            /// The word in traces and on arrows.
            pub fn label(self) -> &'static str {
                match self { $( Carried::$name => $label, )+ }
            }
        }
    };
}

carried! {
    /// A message on its way to a broker.
    Publish = "publish",
    /// A first delivery to a consumer.
    Deliver = "deliver",
    /// A delivery that may have been seen before.
    Redeliver = "redeliver",
    /// An acknowledgement.
    Ack = "ack",
    /// A negative acknowledgement that asks for the message to be queued again.
    Requeue = "nack, requeue",
    /// A negative acknowledgement that gives the message up.
    Reject = "reject",
    /// A request for deliveries.
    Subscribe = "subscribe",
    /// The end of a subscription.
    Cancel = "cancel",
    /// The answer that messages have to be asked for.
    Pulls = "ask for messages",
    /// A question for messages.
    Pull = "pull",
    /// The end of the answer to it.
    Pulled = "pulled",
    /// A request for more time.
    Extend = "more time",
    /// A broker's word that it has a message.
    Confirm = "confirm",
    /// A broker's word that it refused a message.
    Refuse = "nack to the producer",
    /// A message that found no queue, on its way back.
    Return = "return",
    /// A line typed at a console.
    Operate = "operation",
    /// What the broker says to a console.
    Answer = "answer",
    /// A request for confirms and returns.
    Expect = "ask for confirms",
    /// The answer to an automatic commit.
    Committed = "offsets committed",
}

/// Why a message went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DropReason {
    /// The link lost it.
    Loss,
    /// The receiving node was down.
    NodeDown,
    /// The connection broke with it on the way.
    ConnectionLost,
    /// No binding matched its key.
    Unroutable,
    /// The consumer rejected it, and the queue has no dead-letter exchange.
    Rejected,
    /// It was not persistent, or its queue was not durable, and the broker restarted.
    NotPersistent,
    /// It was acknowledged as soon as it was sent, and never handled.
    AutoAcked,
    /// It was acknowledged before the work was done, and the work was not done.
    AckedEarly,
    /// The part that held it was removed from the drawing.
    Removed,
    /// A limit of the simulator was reached.
    Limit,
    /// Nothing is connected where it was sent.
    NotConnected,
    /// Its time to live ran out, and nothing takes dead letters.
    Expired,
    /// The queue was at its length limit.
    QueueFull,
    /// It was delivered as often as allowed, and nothing takes dead letters.
    DeliveryLimit,
    /// It came back to a queue as a dead letter without having been rejected.
    DeadLetterCycle,
    /// The dead-letter exchange, queue or topic does not exist.
    NoDeadLetterTarget,
    /// Its queue or subscription was deleted, or expired.
    Deleted,
    /// Its queue was purged.
    Purged,
    /// The log's retention removed it before it was read.
    Retention,
    /// A later value with the same key replaced it before it was read.
    Compacted,
    /// The stream was trimmed, or the entry deleted, before it was read or acknowledged.
    Trimmed,
    /// The same message was there already.
    Duplicate,
    /// Too few replicas were in sync.
    NotEnoughReplicas,
    /// The leader died before a follower had it.
    NotReplicated,
    /// The partition has no leader.
    Offline,
    /// Its transaction was aborted, or its producer fenced.
    Aborted,
    /// The topic has no subscription.
    NoSubscription,
    /// The subscription's filter does not match it.
    Filtered,
    /// The product has nothing like it, or the message breaks a rule of it.
    Invalid,
    /// Its reader's position was moved past it.
    Skipped,
}

impl DropReason {
    /// The reason in a few words, to follow "dropped: ".
    pub fn label(self) -> &'static str {
        match self {
            DropReason::Loss => "lost on the link",
            DropReason::NodeDown => "the receiver was down",
            DropReason::ConnectionLost => "the connection broke",
            DropReason::Unroutable => "no binding matched its key",
            DropReason::Rejected => "rejected without requeue",
            DropReason::NotPersistent => "not persistent, and the broker restarted",
            DropReason::AutoAcked => "acknowledged when sent, and never handled",
            DropReason::AckedEarly => "acknowledged before the work, and the work was not done",
            DropReason::Removed => "its place was removed from the drawing",
            DropReason::Limit => "a limit of the simulator was reached",
            DropReason::NotConnected => "nothing is connected there",
            DropReason::Expired => "its time to live ran out",
            DropReason::QueueFull => "the queue was full",
            DropReason::DeliveryLimit => "delivered as often as allowed",
            DropReason::DeadLetterCycle => "a dead letter that came round without a rejection",
            DropReason::NoDeadLetterTarget => "there is no place for dead letters",
            DropReason::Deleted => "its place was deleted",
            DropReason::Purged => "purged",
            DropReason::Retention => "removed by the retention before it was read",
            DropReason::Compacted => "replaced by a later value of its key before it was read",
            DropReason::Trimmed => "trimmed before it was read or acknowledged",
            DropReason::Duplicate => "the same message was there already",
            DropReason::NotEnoughReplicas => "too few replicas were in sync",
            DropReason::NotReplicated => "the leader died before a follower had it",
            DropReason::Offline => "the partition has no leader",
            DropReason::Aborted => "its transaction was aborted",
            DropReason::NoSubscription => "the topic has no subscription",
            DropReason::Filtered => "the filter does not match it",
            DropReason::Invalid => "the broker does not accept it",
            DropReason::Skipped => "its reader went past it without reading it",
        }
    }
}
