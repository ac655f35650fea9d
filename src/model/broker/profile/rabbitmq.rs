//! RabbitMQ, as spoken to with AMQP 0-9-1.
//!
//! Reproduces: version 3.10 on one node, and where the broker says so 4.0 or 4.3. Sources name pages of rabbitmq.com, or
//! modules of the server. Leaves out: what the lines with [`Coverage::LeftOut`] say.

use crate::model::broker::rabbitmq;

use crate::model::broker::server::Word;

use super::{line, states, word, Coverage, Fidelity, Profile, Statement};

/// RabbitMQ.
pub const PROFILE: Profile = Profile {
    name: "rabbitmq",
    label: "RabbitMQ",
    host: "broker",
    version: "3.10",
    terms: || TERMS,
    defaults: || DEFAULTS,
    guarantees: || GUARANTEES,
    fidelity: || FIDELITY,
    words: || WORDS,
    server: rabbitmq::server::server,
};

/// Its words.
const TERMS: &[Statement] = &[
    states("entry point", "exchange", "AMQP 0-9-1 Model Explained"),
    states("rule of routing", "binding, with a binding key", "AMQP 0-9-1 Model Explained"),
    states("subscriber", "consumer", "Consumers"),
    states("limit of messages in work", "prefetch count (basic.qos)", "Consumer Prefetch"),
    states("receipt", "delivery tag, counted per channel from 1", "Consumer Acknowledgements and Publisher Confirms"),
    states("saved to disk", "persistent message (delivery mode 2) in a durable queue", "Queues"),
];

/// Its defaults.
const DEFAULTS: &[Statement] = &[
    states("prefetch", "0", "Consumer Prefetch: no limit unless basic.qos sets one"),
    states("auto_ack", "false", "AMQP 0-9-1 Reference: basic.consume, no-ack"),
    states("persistent", "false", "AMQP 0-9-1 Reference: basic.publish, delivery mode 1 unless set"),
    states("heartbeat", "60s", "Detecting Dead TCP Connections with Heartbeats"),
    states("consumer_timeout", "30m", "Consumers: consumer_timeout = 1800000 ms"),
    states("sync_time", "200ms", "Consumer Acknowledgements and Publisher Confirms: a few hundred milliseconds"),
    states("overflow", "drop-head", "Queue Length Limit"),
    states("priority", "0", "Priority Support; Consumer Priorities"),
    states("mandatory", "false", "AMQP 0-9-1 Reference: basic.publish, mandatory"),
];

/// What it promises.
const GUARANTEES: &[Statement] = &[
    states(
        "order",
        "one publisher's messages stay in order in a queue, until one of them is delivered again",
        "AMQP 0-9-1 specification, 4.7; Consumer Acknowledgements and Publisher Confirms",
    ),
    states(
        "delivery",
        "at least once with explicit acknowledgements; at most once with automatic ones",
        "Reliability Guide",
    ),
    states(
        "return of what a lost consumer held",
        "as soon as its connection is known to be closed, at the original place, marked as redelivered",
        "Consumer Acknowledgements and Publisher Confirms",
    ),
    states("restart", "only persistent messages in durable queues survive", "Queues; Reliability Guide"),
    states(
        "no queue bound",
        "the message is dropped, and the publisher is told only if it is mandatory; it is confirmed in any case",
        "Publishers; Consumer Acknowledgements and Publisher Confirms",
    ),
    states(
        "confirm",
        "every queue that the message was routed to has it; a refusal says that one of them has not",
        "Consumer Acknowledgements and Publisher Confirms; Queue Length Limit",
    ),
];

use Coverage::{LeftOut, Modelled, Simplified};

/// What is reproduced and what is not.
pub const FIDELITY: &[Fidelity] = &[
    line("Routing", "Direct compares keys byte for byte, fanout not at all; the default exchange knows queues by name and can't be bound.", Modelled, "Recorded: fanout_direct_default", "fanout_direct_default"),
    line("Routing", "Topic patterns with * and #, empty words and the empty key; one copy for each queue.", Modelled, "Recorded: topic_routing", "topic_routing"),
    line("Routing", "Two bindings with one key are two; removing one keeps the other.", Modelled, "rabbit_exchange_type_topic tests", "topic_vectors_before_and_after_bindings_are_removed"),
    line("Routing", "Headers: all, any, all-with-x, any-with-x; presence; types are compared.", Modelled, "rabbit_exchange_type_headers", "headers_exchange"),
    line("Routing", "Exchanges bound to exchanges, each passed once.", Modelled, "Exchange to Exchange Bindings", "exchanges_bound_to_exchanges_pass_a_message_once"),
    line("Routing", "Alternate exchanges get what is routed nowhere, with its key; they chain.", Modelled, "Alternate Exchanges", "mandatory_returns_and_alternate_exchanges"),
    line("Routing", "The headers CC and BCC.", LeftOut, "Sender-selected Distribution", ""),
    line("Publishing", "Unroutable messages are dropped in silence, returned if mandatory, and confirmed in any case, after the return.", Modelled, "Consumer Acknowledgements and Publisher Confirms", "mandatory_returns_and_alternate_exchanges"),
    line("Publishing", "A publisher is refused only by a queue that refuses, though others keep the message.", Modelled, "Queue Length Limit", "max_length_reject_publish"),
    line("Publishing", "Confirms of persistent messages in durable queues, and of all in quorum queues, wait for the disk.", Simplified, "Consumer Acknowledgements and Publisher Confirms; here only while the disk is slow", "a_slow_disk_delays_confirms_of_what_is_written_to_it"),
    line("Publishing", "Several messages may be confirmed at once.", Simplified, "Consumer Acknowledgements and Publisher Confirms; here each by itself", "confirms_count_from_the_moment_they_are_asked_for"),
    line("Publishing", "Transactions.", LeftOut, "Broker Semantics", ""),
    line("Errors", "Unknown exchange or queue 404, exclusive 405, other arguments or unknown tag 406, refused 403; the channel is closed.", Modelled, "Recorded: unknown_exchange_closes_channel", "unknown_exchange_closes_channel"),
    line("Errors", "Errors that close the connection: 503, 530, 540.", Modelled, "AMQP 0-9-1 Reference: reply codes", "errors_that_close_the_connection"),
    line("Consumers", "Round robin over consumers with credit, in the order of subscription.", Modelled, "Recorded: round_robin_no_prefetch_limit", "round_robin_no_prefetch_limit"),
    line("Consumers", "A backlog goes whole to the first consumer without a limit.", Modelled, "Consumer Prefetch", "a_backlog_goes_to_the_first_consumer"),
    line("Consumers", "Prefetch limits per consumer, or with global per channel; not for basic.get and automatic acknowledgement.", Modelled, "Recorded: prefetch_scope", "prefetch_scope"),
    line("Consumers", "With prefetch 1 the next message goes to the one that acknowledged.", Modelled, "Consumer Prefetch", "prefetch_one_gives_to_the_one_that_acknowledged"),
    line("Consumers", "Consumers of a higher priority first, until they are blocked.", Modelled, "Consumer Priorities", "consumer_priority"),
    line("Consumers", "Single active consumer: the next in order takes over, first with what came back.", Modelled, "Recorded: single_active_consumer", "single_active_consumer"),
    line("Consumers", "A quorum queue lets a consumer of a higher priority take over from the active one.", LeftOut, "Consumers: Single Active Consumer", ""),
    line("Consumers", "Exclusive consumers, and the cancellation of consumers of a deleted queue.", Modelled, "Consumers; Consumer Cancel Notification", "exclusive_consumers_and_deleted_queues"),
    line("Answers", "A message given back goes to its original place in a classic queue.", Modelled, "Recorded: nack_requeue_position", "nack_requeue_position"),
    line("Answers", "In a quorum queue it goes out first, in the order of return.", Modelled, "Quorum Queues", "quorum_queues_hand_out_returns_first"),
    line("Answers", "A lost client's messages come back in order, marked as redelivered.", Modelled, "Recorded: consumer_crash_redelivery", "consumer_crash_redelivery"),
    line("Answers", "Cancelling keeps what is held, closing the channel gives it back.", Modelled, "Consumers", "basic_cancel_keeps_what_is_held"),
    line("Answers", "multiple covers all tags of the channel up to one, across its queues.", Modelled, "AMQP 0-9-1 Reference: basic.ack", "multiple_covers_the_channel"),
    line("Answers", "A delivery that is held longer than consumer_timeout closes its channel; in 4.3 only consumers of quorum queues are cancelled.", Modelled, "Consumers; 4.3 release notes; found at once instead of once a minute", "consumer_timeout"),
    line("Time to live", "Of queue and message the smaller counts; only the head expires.", Modelled, "Recorded: per_message_ttl_head_of_line", "per_message_ttl_head_of_line"),
    line("Time to live", "Zero: at once, unless a consumer with credit takes it.", Modelled, "Time-To-Live and Expiration", "ttl_zero"),
    line("Time to live", "What is held does not expire, and expires at once when it comes back late.", Modelled, "Time-To-Live and Expiration", "expired_while_held"),
    line("Time to live", "An unused queue expires without dead letters; auto-delete needs a first consumer.", Modelled, "Recorded: queue_expiry_and_autodelete", "queue_expiry_and_autodelete"),
    line("Length", "drop-head drops the oldest ready message, also one that was just given back.", Modelled, "Recorded: maxlen_drop_head", "maxlen_drop_head"),
    line("Length", "reject-publish refuses; reject-publish-dlx makes a dead letter as well; bytes count bodies.", Modelled, "Queue Length Limit", "max_length_reject_publish"),
    line("Length", "A quorum queue may go over its limit by a few.", LeftOut, "Queue Length Limit; here it keeps it exactly", ""),
    line("Dead letters", "Rejected, expired, too many and returned too often; x-death and x-first-death-*.", Modelled, "Dead Letter Exchanges", "dead_letters_say_why"),
    line("Dead letters", "x-death counts by queue and reason, the latest first.", Modelled, "Recorded: xdeath_cycle_count", "xdeath_cycle_count"),
    line("Dead letters", "The expiration is taken off and kept as original-expiration.", Modelled, "Dead Letter Exchanges", "dead_letters_do_not_expire_again"),
    line("Dead letters", "A circle without a rejection ends; a missing exchange drops.", Modelled, "rabbit_dead_letter", "dead_letter_circles_end"),
    line("Dead letters", "At least once, of quorum queues that refuse at their limit: a dead letter stays until its targets have it.", Modelled, "Quorum Queues: at-least-once dead lettering", "dead_letters_at_least_once_stay_until_they_are_confirmed"),
    line("Dead letters", "What is not confirmed is tried again after three minutes; targets that have it get it again.", Simplified, "rabbit_fifo_dlx_worker; the server tries only the others again", "dead_letters_at_least_once_are_tried_again"),
    line("Dead letters", "With drop-head the strategy is at-most-once.", Modelled, "Quorum Queues: at-least-once dead lettering", "without_reject_publish_dead_letters_are_sent_at_most_once"),
    line("Dead letters", "The time in x-death.", LeftOut, "Dead Letter Exchanges", ""),
    line("Dead letters", "From 4.0 an x-death that a client sent is not read, and x-last-death-* are set.", Modelled, "Dead Letter Exchanges 4.0", "dead_letters_of_4_0"),
    line("Priorities", "The highest first, those above the maximum as the maximum; drop-head drops the highest.", Modelled, "Recorded: priority_ordering", "priority_ordering"),
    line("Priorities", "Quorum: two classes in 4.0, two of the first for one of the second; up to 32 levels from 4.3.", Modelled, "Priority Support 4.3; Quorum Queues 4.0", "a_quorum_queue_of_4_0_takes_two_high_ones_for_one_of_the_rest"),
    line("Quorum", "Delivery limit and x-delivery-count.", Modelled, "Recorded: quorum_delivery_limit", "quorum_delivery_limit"),
    line("Quorum", "Default limit 20 from 4.0; from 4.3 basic.nack does not count.", Modelled, "Quorum Queues", "delivery_limits_by_version"),
    line("Quorum", "What it does not take: exclusive, transient, auto-delete, priorities before 4.3, global qos.", Modelled, "Quorum Queues; rabbit_quorum_queue", "quorum_queues_refuse_what_they_do_not_have"),
    line("Quorum", "Replicas, elections, streams.", LeftOut, "Quorum Queues; Streams", ""),
    line("Restart", "Persistent messages in durable queues survive, held ones marked; quorum queues keep all.", Modelled, "Queues; Classic Queues; Quorum Queues", "broker_restart"),
    line("Restart", "The moment before a message is on disk.", LeftOut, "Reliability Guide", ""),
    line("Server", "Virtual hosts, permissions, policies, alarms, flow control, clusters.", LeftOut, "Virtual Hosts; Access Control; Parameters and Policies; Alarms; Clustering", ""),
];

/// The words of its console.
pub const WORDS: &[Word] = &[
    word("declare", "declare queue NAME [durable=true] [exclusive=true] [auto-delete=true] [x-message-ttl=MS] [x-ARGUMENT=VALUE ...] | declare exchange NAME [type=direct|fanout|topic|headers] [durable=true] [alternate-exchange=NAME]", "Declares a queue or an exchange; again with other arguments is an error."),
    word("bind", "bind queue QUEUE EXCHANGE KEY [ARGUMENT=VALUE ...] | bind exchange TO FROM KEY [ARGUMENT=VALUE ...]", "Binds a queue or an exchange to an exchange. The key of a fanout or headers exchange is \"\"."),
    word("unbind", "unbind queue QUEUE EXCHANGE KEY [ARGUMENT=VALUE ...] | unbind exchange TO FROM KEY", "Removes a binding."),
    word("publish", "publish EXCHANGE KEY BODY [persistent=true] [priority=N] [expiration=MS] [mandatory=true] [headers=JSON]", "Publishes a message; \"\" is the default exchange, whose keys are the names of queues."),
    word("confirm", "confirm", "Asks for an answer to every message that is published on this channel from now on."),
    word("qos", "qos N [global=true]", "Limits what consumers that are made from now on may hold, or with global the channel as a whole; 0 for no limit."),
    word("consume", "consume QUEUE [tag=TAG] [auto-ack=true] [exclusive=true] [priority=N]", "Subscribes; deliveries are told as they come."),
    word("cancel", "cancel TAG", "Ends a subscription; what is held stays held."),
    word("get", "get QUEUE [auto-ack=true]", "Takes one message, if there is one."),
    word("ack", "ack TAG [multiple=true]", "Acknowledges a delivery, or all up to it."),
    word("nack", "nack TAG [multiple=true] [requeue=false]", "Gives a delivery back, or up."),
    word("reject", "reject TAG [requeue=false]", "The same for one delivery. Quorum queues of 4.3 count this one only."),
    word("purge", "purge QUEUE", "Takes every ready message out of a queue."),
    word("delete", "delete queue QUEUE [if-unused=true] [if-empty=true] | delete exchange EXCHANGE [if-unused=true]", "Deletes a queue or an exchange."),
    word("depth", "depth QUEUE", "Counts the messages and consumers of a queue."),
    word("channel", "channel NAME", "Goes to a channel of this connection, and opens it if it is not open."),
    word("close", "close [channel]", "Closes the connection, or only the current channel."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_has_a_source() {
        for statement in PROFILE.terms().iter().chain(PROFILE.defaults()).chain(PROFILE.guarantees()) {
            assert!(!statement.says.is_empty() && statement.source.len() > 3, "{}", statement.subject);
        }
    }
}
