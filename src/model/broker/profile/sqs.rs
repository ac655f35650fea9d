//! Amazon SQS: its words, defaults and guarantees, and how far each behaviour is reproduced.
//!
//! Reproduces: the service as its Developer Guide and API Reference describe it. Leaves out: what the lines with
//! [`Coverage::LeftOut`] say.

use super::{line, states, word, Coverage, Fidelity, Profile, Statement};
use crate::model::broker::server::Word;
use crate::model::broker::sqs;

/// Amazon SQS.
pub const PROFILE: Profile = Profile {
    name: "sqs",
    label: "AWS SQS",
    host: "sqs",
    version: "2012-11-05",
    terms: || TERMS,
    defaults: || DEFAULTS,
    guarantees: || GUARANTEES,
    fidelity: || FIDELITY,
    words: || WORDS,
    server: sqs::server,
};

/// Its words.
pub const TERMS: &[Statement] = &[
    states("entry point", "queue", "Developer Guide: Basic architecture"),
    states("subscriber", "consumer; it polls", "Developer Guide: Basic architecture"),
    states("receipt", "receipt handle, one for each receive", "Developer Guide: Queue and message identifiers"),
    states("time with a message", "visibility timeout", "Developer Guide: Visibility timeout"),
    states("acknowledgement", "DeleteMessage", "API Reference: DeleteMessage"),
    states("negative acknowledgement", "ChangeMessageVisibility to 0", "API Reference: ChangeMessageVisibility"),
    states("unit of order", "message group (FIFO queues)", "Developer Guide: FIFO queue delivery logic"),
    states("poison message", "dead letter, moved by the redrive policy", "Developer Guide: Dead-letter queues"),
];

/// Its defaults.
pub const DEFAULTS: &[Statement] = &[
    states("VisibilityTimeout", "30s", "API Reference: SetQueueAttributes; 0 s to 12 h"),
    states("MessageRetentionPeriod", "4d", "API Reference: SetQueueAttributes; 60 s to 14 d"),
    states("DelaySeconds", "0s", "API Reference: SetQueueAttributes; 0 to 15 min"),
    states("ReceiveMessageWaitTimeSeconds", "0s", "API Reference: SetQueueAttributes; 0 to 20 s"),
    states("MaximumMessageSize", "1048576", "API Reference: SetQueueAttributes; 1 KiB to 1 MiB"),
    states("MaxNumberOfMessages", "1", "API Reference: ReceiveMessage; 1 to 10"),
];

/// What it promises.
pub const GUARANTEES: &[Statement] = &[
    states("delivery", "standard: at least once", "Developer Guide: Standard queues"),
    states(
        "storing once",
        "FIFO: a message is stored once in five minutes, whatever the producer repeats",
        "Developer Guide: Exactly-once processing",
    ),
    states(
        "order",
        "standard: as well as it can, none promised; FIFO: strict inside a message group",
        "Developer Guide: Standard queues; FIFO queue delivery logic",
    ),
    states(
        "return of what a lost consumer held",
        "when the visibility timeout is over, and not before",
        "Developer Guide: Visibility timeout",
    ),
    states(
        "restart",
        "messages are kept in several places and outlive a failure of one",
        "Developer Guide: Data protection",
    ),
];

use Coverage::{LeftOut, Modelled, Simplified};

/// What is reproduced and what is not.
pub const FIDELITY: &[Fidelity] = &[
    line("Receiving", "A receive hides a message; not deleted in time, it comes back with a higher receive count.", Modelled, "Recorded: visibility_timeout", "visibility_timeout"),
    line("Receiving", "At most ten messages in a receive or batch; 20 s of waiting.", Modelled, "Recorded: limits", "limits"),
    line("Receiving", "A receipt handle belongs to one receive; an older one deletes nothing in a standard queue, though the call succeeds.", Modelled, "API Reference: DeleteMessage", "stale_receipt_handle"),
    line("Receiving", "In a FIFO queue a handle whose timeout is over is refused.", Modelled, "Recorded by users of the service: \"The receipt handle has expired\"", "fifo_expired_handle_is_refused"),
    line("Receiving", "A new visibility timeout counts from the call; 0 shows the message at once; 12 hours from the receive are the most.", Modelled, "API Reference: ChangeMessageVisibility", "change_visibility_counts_from_the_call"),
    line("Receiving", "120,000 messages in flight: OverLimit at a short poll, an empty answer at a long one.", Modelled, "Developer Guide: Message quotas", "over_limit_only_at_short_polls"),
    line("Receiving", "A long poll returns at the first message, or empty at its end; the oldest is served first.", Modelled, "Developer Guide: Short and long polling", "long_polls_wait_for_the_first_message"),
    line("Receiving", "A short poll asks some servers only and may miss messages.", Simplified, "Developer Guide: Short and long polling; here each message is missed with a chance", "legal_choices_of_a_standard_queue"),
    line("Receiving", "A receive that the client lost counts like any other.", Modelled, "Developer Guide: Dead-letter queues", "a_lost_receive_counts"),
    line("Sending", "Delays of the queue and of a message, 0 included.", Modelled, "Developer Guide: Delay queues, Message timers", "delay"),
    line("Sending", "Changing the delay acts on messages that are there in FIFO queues only.", Modelled, "API Reference: SetQueueAttributes", "a_changed_delay_acts_on_old_messages_in_fifo_queues_only"),
    line("Sending", "Batches succeed and fail entry by entry.", Modelled, "API Reference: SendMessageBatch", "batches_fail_entry_by_entry"),
    line("Order", "Standard queues promise no order and may deliver twice.", Simplified, "Developer Guide: Standard queues; drawn, off by default", "legal_choices_of_a_standard_queue"),
    line("FIFO", "A message group is locked while any of its messages is in flight.", Modelled, "Recorded: fifo_group_lock", "fifo_group_lock"),
    line("FIFO", "A receive takes as much as it can of one group, then of others.", Modelled, "Developer Guide: FIFO queue delivery logic", "fifo_batch_receive"),
    line("FIFO", "A message whose timeout is over comes first again.", Modelled, "Recorded: fifo_timeout_order", "fifo_timeout_order"),
    line("FIFO", "The same deduplication id within five minutes is accepted and not stored, also after the delete.", Modelled, "Developer Guide: FIFO queue key terms", "fifo_dedup"),
    line("FIFO", "Content-based deduplication looks at the body only; an explicit id wins.", Modelled, "Recorded: fifo_content_dedup", "fifo_content_dedup"),
    line("FIFO", "Deduplication per message group.", Modelled, "Developer Guide: High throughput for FIFO queues", "deduplication_scope"),
    line("FIFO", "The same ReceiveRequestAttemptId gives the same messages and handles again.", Modelled, "API Reference: ReceiveMessage", "receive_request_attempt_id"),
    line("FIFO", "Quotas of throughput.", LeftOut, "Developer Guide: High throughput for FIFO queues", ""),
    line("Dead letters", "The receive above maxReceiveCount moves the message.", Modelled, "Recorded: redrive_max_receive_count", "redrive_max_receive_count"),
    line("Dead letters", "Age goes on in a standard dead-letter queue and begins anew in a FIFO one.", Modelled, "Developer Guide: Dead-letter queues, retention", "dead_letter_retention"),
    line("Dead letters", "In a FIFO queue the rest of the group goes on.", Modelled, "Developer Guide: Dead-letter queues", "fifo_dlq"),
    line("Dead letters", "Queue and dead-letter queue are of one type, and the latter may refuse.", Modelled, "API Reference: SetQueueAttributes", "redrive_policies_are_checked"),
    line("Dead letters", "Moving dead letters back.", Simplified, "API Reference: StartMessageMoveTask; all at once", "dead_letters_move_back_as_new_messages"),
    line("Queues", "Purging takes everything, and once in 60 s.", Simplified, "Recorded: purge; at once instead of within 60 s", "purge"),
    line("Queues", "Messages are removed when their retention is over.", Modelled, "API Reference: SetQueueAttributes", "retention"),
    line("Queues", "Errors by their codes.", Modelled, "API Reference: Common errors", "errors_by_their_codes"),
    line("Queues", "An answer takes tens of milliseconds, and longer while the service is slow.", Simplified, "Amazon SQS FAQs; at normal speed part of the link", "a_slow_service_delays_every_answer"),
    line("Queues", "Policies, encryption, tags, throttling of requests.", LeftOut, "API Reference", ""),
];

/// The words of its console.
pub const WORDS: &[Word] = &[
    word("create-queue", "create-queue NAME [ATTRIBUTE=VALUE ...]", "Creates a queue; FifoQueue=true for one whose name ends with .fifo."),
    word("delete-queue", "delete-queue QUEUE", "Deletes a queue with its messages."),
    word("list-queues", "list-queues [QueueNamePrefix=TEXT]", "Lists the queues."),
    word("list-dead-letter-sources", "list-dead-letter-sources QUEUE", "Lists the queues whose dead letters come to this one."),
    word("attributes", "attributes QUEUE", "Shows the attributes of a queue."),
    word("set-attributes", "set-attributes QUEUE ATTRIBUTE=VALUE ...", "Changes attributes; RedrivePolicy='{\"deadLetterTargetArn\":\"dlq\",\"maxReceiveCount\":3}' among them."),
    word("counts", "counts QUEUE", "Counts the visible, hidden and delayed messages."),
    word("send", "send QUEUE BODY [MessageGroupId=TEXT] [MessageDeduplicationId=TEXT] [DelaySeconds=N] [attributes=JSON]", "Sends a message."),
    word("send-batch", "send-batch QUEUE '[{\"Id\":\"1\",\"MessageBody\":\"a\"}, ...]'", "Sends up to ten messages; each may fail by itself."),
    word("receive", "receive QUEUE [MaxNumberOfMessages=N] [WaitTimeSeconds=N] [VisibilityTimeout=N] [ReceiveRequestAttemptId=TEXT]", "Receives messages; a long poll that finds none is answered later."),
    word("delete", "delete QUEUE HANDLE | BODY [handle=INDEX]", "Deletes a message by its receipt handle, or by one of the handles of its body: 0 the first, -1 the newest."),
    word("delete-batch", "delete-batch QUEUE '[{\"Id\":\"1\",\"ReceiptHandle\":\"...\"}, ...]'", "Deletes up to ten messages."),
    word("change-visibility", "change-visibility QUEUE HANDLE | BODY SECONDS [handle=INDEX]", "Hides a message for so long from now; 0 shows it."),
    word("change-visibility-batch", "change-visibility-batch QUEUE '[{\"Id\":\"1\",\"ReceiptHandle\":\"...\",\"VisibilityTimeout\":0}, ...]'", "The same for up to ten messages."),
    word("purge", "purge QUEUE", "Takes every message out; once in 60 seconds."),
    word("start-message-move", "start-message-move QUEUE [DestinationArn=QUEUE]", "Moves dead letters back to where they came from."),
];
