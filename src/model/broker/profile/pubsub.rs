//! Google Cloud Pub/Sub: its words, defaults and guarantees, and how far each behaviour is reproduced.
//!
//! Reproduces: the service as its documentation and reference describe it; nothing was recorded. Leaves out: what the
//! lines with [`Coverage::LeftOut`] say.

use super::{line, states, word, Coverage, Fidelity, Profile, Statement};
use crate::model::broker::pubsub;
use crate::model::broker::server::Word;

/// Google Cloud Pub/Sub.
pub const PROFILE: Profile = Profile {
    name: "pubsub",
    label: "Google Pub/Sub",
    host: "pubsub",
    version: "v1",
    terms: || TERMS,
    defaults: || DEFAULTS,
    guarantees: || GUARANTEES,
    fidelity: || FIDELITY,
    words: || WORDS,
    server: pubsub::server,
};

/// Its words.
pub const TERMS: &[Statement] = &[
    states("entry point", "topic", "What is Pub/Sub"),
    states("subscriber", "subscriber of a subscription", "What is Pub/Sub"),
    states("rule of routing", "subscription, with a filter if wanted", "Filter messages from a subscription"),
    states("receipt", "acknowledgement id, one for each delivery", "Pull subscriptions"),
    states("time with a message", "acknowledgement deadline", "Extend ack time with lease management"),
    states("negative acknowledgement", "ModifyAckDeadline to 0", "RPC reference: ModifyAckDeadline"),
    states(
        "limit of messages in work",
        "flow control: outstanding messages",
        "Flow control for transient message spikes",
    ),
    states("unit of order", "ordering key", "Order messages"),
    states("poison message", "dead letter, forwarded to a topic", "Dead-letter topics"),
];

/// Its defaults.
pub const DEFAULTS: &[Statement] = &[
    states("ackDeadlineSeconds", "10s", "Reference: Subscription; 10 to 600 s"),
    states("messageRetentionDuration", "7d", "Subscription properties; 10 min to 31 d"),
    states("retainAckedMessages", "false", "Subscription properties"),
    states("ttl", "31d", "Subscription properties; at least 1 d, or never"),
    states("retryPolicy", "immediate", "Handle message failures"),
    states("minimumBackoff", "10s", "Reference: RetryPolicy; 0 to 600 s"),
    states("maximumBackoff", "600s", "Reference: RetryPolicy; 0 to 600 s"),
    states("maxDeliveryAttempts", "5", "Reference: DeadLetterPolicy; 5 to 100"),
    states("maxOutstandingMessages", "1000", "Client libraries for Python and Java"),
];

/// What it promises.
pub const GUARANTEES: &[Statement] = &[
    states(
        "delivery",
        "at least once to each subscription; exactly once if it is switched on",
        "Exactly-once delivery",
    ),
    states(
        "order",
        "none; with ordering, by key: a redelivery repeats all later messages of the key",
        "Order messages",
    ),
    states("return of what a lost subscriber held", "when its deadline is over, and not before", "Pull subscriptions"),
    states("no subscription", "the message is lost, and the publisher is not told", "Publish messages"),
    states("restart", "published messages are kept in several zones", "Pub/Sub architecture"),
];

use Coverage::{LeftOut, Modelled, Simplified};

/// What is reproduced and what is not.
pub const FIDELITY: &[Fidelity] = &[
    line(
        "Routing",
        "Each subscription has its own copy; its subscribers share it.",
        Modelled,
        "What is Pub/Sub",
        "each_subscription_has_its_own_copy",
    ),
    line(
        "Routing",
        "Only what is published after the subscription was made; without a subscription it is lost.",
        Modelled,
        "Publish messages",
        "only_later_messages_come_and_without_a_subscription_none",
    ),
    line(
        "Routing",
        "Filters on attributes; != passes a message without the attribute.",
        Modelled,
        "Filter messages from a subscription",
        "filters_as_documented",
    ),
    line(
        "Routing",
        "What a filter does not pass is acknowledged by the service.",
        Modelled,
        "Filter messages from a subscription",
        "what_does_not_match_is_never_delivered",
    ),
    line(
        "Deadlines",
        "A delivery is outstanding for its deadline; a new one counts from the request, 0 refuses.",
        Modelled,
        "RPC reference: ModifyAckDeadline",
        "deadlines_and_modack",
    ),
    line(
        "Deadlines",
        "A late acknowledgement counts as well as it can.",
        Simplified,
        "RPC reference: Acknowledge; drawn, and not for ordered messages",
        "late_acks_are_best_effort",
    ),
    line(
        "Deadlines",
        "Client libraries prolong deadlines by themselves.",
        Simplified,
        "Extend ack time with lease management; without frames, off by default",
        "a_library_prolongs_deadlines",
    ),
    line(
        "Failures",
        "Backoff counts for each message alone.",
        Modelled,
        "Handle message failures",
        "retry_policy_is_per_message",
    ),
    line(
        "Failures",
        "Refusals and missed deadlines count; after the last attempt the message is forwarded.",
        Modelled,
        "Dead-letter topics",
        "dead_letters_count_refusals_and_missed_deadlines",
    ),
    line(
        "Failures",
        "A dead-letter topic without a subscription loses the message.",
        Modelled,
        "Dead-letter topics",
        "dead_letters_without_a_subscription_are_lost",
    ),
    line(
        "Failures",
        "A dead letter may be forwarded twice, or a little early or late.",
        LeftOut,
        "Reference: DeadLetterPolicy, best effort",
        "",
    ),
    line(
        "Order",
        "Messages of a key come in order, to one stream; no key, no order.",
        Modelled,
        "Order messages",
        "keys_come_in_order_to_one_stream",
    ),
    line(
        "Order",
        "A redelivery repeats all later messages of its key, acknowledged ones too.",
        Modelled,
        "Order messages",
        "a_redelivery_repeats_acknowledged_successors",
    ),
    line(
        "Order",
        "With backoff or a dead letter: the key waits, or goes on without it.",
        Modelled,
        "Order messages; Dead-letter topics",
        "an_ordered_key_waits_for_a_backoff_and_goes_on_after_a_dead_letter",
    ),
    line("Order", "A publisher stops at a failed message of a key.", LeftOut, "Order messages", ""),
    line(
        "Exactly once",
        "Only the latest id counts, within its deadline, and each is answered for.",
        Modelled,
        "Exactly-once delivery",
        "exactly_once_takes_only_the_latest_id",
    ),
    line(
        "Pull",
        "Flow control of a stream; a broken stream refuses nothing.",
        Modelled,
        "Pull subscriptions",
        "streams_have_flow_control_and_refuse_nothing_when_they_break",
    ),
    line(
        "Pull",
        "A pull that waits is answered at the first message.",
        Modelled,
        "Pull subscriptions",
        "a_pull_waits_for_the_first_message",
    ),
    line("Pull", "A pull may answer with fewer messages than there are.", LeftOut, "Pull subscriptions", ""),
    line(
        "Push",
        "102, 200, 201, 202 and 204 acknowledge, everything else refuses.",
        Modelled,
        "Push subscriptions",
        "push_endpoints_answer_by_status",
    ),
    line(
        "Push",
        "Slow start and backoff of pushes.",
        Simplified,
        "Push subscriptions; the numbers of the window are this simulator's",
        "pushes_start_slowly_and_back_off",
    ),
    line(
        "Seek",
        "To a time: before is acknowledged, after is not, as far as it is retained.",
        Modelled,
        "Replay and purge messages with seek",
        "seek_to_a_time",
    ),
    line(
        "Seek",
        "To a snapshot, which lives seven days less the age of its oldest message.",
        Modelled,
        "Replay and purge messages with seek",
        "seek_to_a_snapshot",
    ),
    line("Seek", "It may take a minute until all see it.", LeftOut, "Replay and purge messages with seek", ""),
    line(
        "Keeping",
        "Retention, and expiration of an unused subscription.",
        Modelled,
        "Subscription properties",
        "retention_and_expiration",
    ),
    line(
        "Keeping",
        "A deleted topic leaves its subscriptions what they have.",
        Modelled,
        "Reference: DeleteTopic",
        "a_deleted_topic_leaves_its_subscriptions",
    ),
    line("Console", "Errors by their codes.", Modelled, "Error codes", "errors_by_their_codes"),
    line(
        "Service",
        "An answer takes about 100 milliseconds, and longer while the service is slow.",
        Simplified,
        "What is Pub/Sub; at normal speed part of the link",
        "a_slow_service_delays_every_answer",
    ),
    line("Service", "Regions, schemas, export subscriptions, quotas.", LeftOut, "What is Pub/Sub", ""),
];

/// The words of its console.
pub const WORDS: &[Word] = &[
    word("create-topic", "create-topic TOPIC [message-retention-duration=TIME]", "Makes a topic."),
    word("delete-topic", "delete-topic TOPIC", "Deletes a topic; its subscriptions stay."),
    word("list-topics", "list-topics", "Lists the topics."),
    word("create-subscription", "create-subscription SUBSCRIPTION topic=TOPIC [ack-deadline=N] [enable-message-ordering=true] [enable-exactly-once-delivery=true] [filter=TEXT] [min-retry-delay=TIME] [max-retry-delay=TIME] [dead-letter-topic=TOPIC] [max-delivery-attempts=N] [message-retention-duration=TIME] [retain-acked-messages=true] [expiration-period=TIME|never] [push-endpoint=URL]", "Makes a subscription."),
    word("update-subscription", "update-subscription SUBSCRIPTION [OPTION=VALUE ...]", "Changes what is not fixed: everything but topic, filter and ordering."),
    word("delete-subscription", "delete-subscription SUBSCRIPTION", "Deletes a subscription with its messages."),
    word("list-subscriptions", "list-subscriptions", "Lists the subscriptions."),
    word("describe", "describe SUBSCRIPTION | TOPIC", "Shows the properties and counts."),
    word("publish", "publish TOPIC DATA [ordering-key=TEXT] [attributes=JSON]", "Publishes a message."),
    word("pull", "pull SUBSCRIPTION [max=N] [wait=TIME]", "Pulls messages; one that waits is answered later."),
    word("streaming-pull", "streaming-pull SUBSCRIPTION [max-outstanding=N] [auto-ack=true]", "Opens a stream; deliveries come by themselves."),
    word("listen", "listen SUBSCRIPTION", "Makes this client the endpoint of a push subscription."),
    word("close", "close", "Closes this client's stream."),
    word("ack", "ack SUBSCRIPTION ACKID|DATA ...", "Acknowledges messages."),
    word("nack", "nack SUBSCRIPTION ACKID|DATA ...", "Refuses messages."),
    word("modack", "modack SUBSCRIPTION SECONDS ACKID|DATA ...", "Sets deadlines to so long from now; 0 refuses."),
    word("respond", "respond SUBSCRIPTION ACKID|DATA STATUS", "Answers a push with an HTTP status."),
    word("seek", "seek SUBSCRIPTION time=TIME | snapshot=NAME", "Sets a subscription to a time of the run, or to a snapshot."),
    word("snapshot", "snapshot create NAME SUBSCRIPTION | delete NAME | list", "Takes, deletes or lists snapshots."),
];
