//! What travels over a link. Split by domain: a port names the domain that it speaks, and only its model reads inside.

use std::rc::Rc;

use super::carried::Carried;
use super::id::MessageId;
use super::time::{Duration, Time};

/// Anything that a link carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The language of message brokers and their clients.
    Broker(BrokerMessage),
}

/// The frames between a broker and its clients, in the words of AMQP 0-9-1.
#[derive(Clone, Debug, PartialEq)]
pub enum BrokerMessage {
    /// `basic.publish`: a producer hands a message to an exchange (or, through the default exchange, to a queue).
    Publish(Rc<Content>),
    /// `basic.deliver`: the broker pushes a message to a consumer.
    Deliver {
        /// The delivery tag, counted per channel from 1.
        tag: u64,
        /// True after any earlier delivery of the same message from this queue.
        redelivered: bool,
        /// The message itself.
        content: Rc<Content>,
    },
    /// `basic.ack`: the consumer has done its work.
    Ack {
        /// The delivery tag that is acknowledged.
        tag: u64,
        /// All deliveries of the channel up to this tag.
        multiple: bool,
        /// The application message, for the trace.
        about: MessageId,
    },
    /// `basic.nack` (or `basic.reject`): the consumer gives the message back or throws it away.
    Nack {
        /// The delivery tag that is refused.
        tag: u64,
        /// All deliveries of the channel up to this tag.
        multiple: bool,
        /// True: back to its place in the queue. False: dropped.
        requeue: bool,
        /// The application message, for the trace.
        about: MessageId,
    },
    /// `basic.consume`, after `basic.qos`: a consumer asks for deliveries from the queue at the other end.
    Subscribe {
        /// Unacknowledged messages that the consumer takes at most; 0: no limit.
        prefetch: u16,
        /// The broker counts a message as done as soon as it is sent.
        auto_ack: bool,
        /// Consumers of a higher priority are served first (RabbitMQ `x-priority`).
        priority: i8,
    },
    /// `basic.cancel`: no more deliveries; what is held stays held. From a broker: it has ended the subscription.
    Cancel,
    /// The broker's answer to [`BrokerMessage::Subscribe`] where messages are not pushed: the client has to ask with
    /// [`BrokerMessage::Pull`]. A broker that pushes sends nothing.
    Pulls {
        /// Automatic acknowledgement does not mean as soon as it is sent, but with the next commit, which is answered
        /// with [`BrokerMessage::Committed`]: Kafka.
        commits: bool,
        /// The tag of the next delivery.
        next: u64,
    },
    /// Kafka `poll`, SQS `ReceiveMessage`, Redis `XREADGROUP`, Pub/Sub `Pull`: asks for messages once.
    Pull {
        /// How many at most.
        max: u16,
        /// How long to wait for the first one.
        wait: Duration,
        /// Where acknowledgements are commits: all deliveries of the connection up to this one are settled, so that no
        /// lost frame leaves one open for ever.
        settled: u64,
        /// The client has deliveries in hand. If it has none, all behind `settled` never came.
        holds: bool,
    },
    /// The answer to a pull is complete: so many deliveries went before.
    Pulled {
        /// How many.
        count: u16,
    },
    /// SQS `ChangeMessageVisibility`, Pub/Sub `ModifyAckDeadline`: the consumer needs more time.
    Extend {
        /// The delivery.
        tag: u64,
        /// From now on.
        by: Duration,
    },
    /// The broker answers for a message that was published over this connection: publisher confirm, produce response.
    Confirm {
        /// The how manyth message of the connection, from 1.
        tag: u64,
        /// All up to this one.
        multiple: bool,
        /// True: the broker has it. False: it refused.
        ok: bool,
    },
    /// `confirm.select`, and whether what is published from now on is mandatory.
    Expect {
        /// The broker shall answer for every message.
        confirms: bool,
        /// The broker shall send a message back that finds no queue.
        returns: bool,
    },
    /// The answer to a commit that a Kafka client has made by itself: these deliveries won't come again.
    Committed {
        /// The first delivery.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// `basic.return`: a mandatory message found no queue.
    Return(Rc<Content>),
    /// A line typed at a console, in the product's words.
    Operate(Rc<str>),
    /// What the broker says to a console: an answer or a delivery, as JSON text.
    Answer(Rc<str>),
}

/// A message as the application sees it. Made once and shared by every copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Its name in the run.
    pub id: MessageId,
    /// The routing key.
    pub routing_key: Rc<str>,
    /// The application headers, in the order of writing.
    pub headers: Rc<[(Rc<str>, HeaderValue)]>,
    /// The body.
    pub payload: Rc<str>,
    /// Delivery mode 2: written to disk by a durable queue.
    pub persistent: bool,
    /// The priority property, if set.
    pub priority: Option<u8>,
    /// The expiration property: time to live, if set.
    pub expiration: Option<Duration>,
    /// When the producer made it.
    pub created: Time,
}

/// The value of an application header. The type matters in comparisons: the number 1 is not the text `1`.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderValue {
    /// A text.
    Text(Rc<str>),
    /// A whole number.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
    /// A void: the header is there and has no value.
    Void,
    /// A number with a fraction.
    Number(f64),
    /// Several values, such as the entries of `x-death`.
    List(Rc<[HeaderValue]>),
    /// Named values.
    Table(Rc<[(Rc<str>, HeaderValue)]>),
}

impl Message {
    /// What is left in the place of a message that was moved on. It owns nothing.
    pub const NOTHING: Message = Message::Broker(BrokerMessage::Cancel);

    /// The application message that this is about, or [`MessageId::NONE`].
    #[inline]
    pub fn about(&self) -> MessageId {
        match self {
            Message::Broker(message) => message.about(),
        }
    }

    /// The word for it in traces and diagrams.
    #[inline]
    pub fn carried(&self) -> Carried {
        match self {
            Message::Broker(message) => message.carried(),
        }
    }

    /// Both together.
    #[inline]
    pub fn label(&self) -> (MessageId, Carried) {
        match self {
            Message::Broker(message) => message.label(),
        }
    }
}

impl BrokerMessage {
    /// Both [`Self::about`] and [`Self::carried`], found out in one go for the message that there is most of.
    #[inline]
    pub fn label(&self) -> (MessageId, Carried) {
        match self {
            BrokerMessage::Publish(content) => (content.id, Carried::Publish),
            _ => (self.about(), self.carried()),
        }
    }

    /// The application message that this is about, or [`MessageId::NONE`].
    #[inline]
    pub fn about(&self) -> MessageId {
        match self {
            BrokerMessage::Publish(content)
            | BrokerMessage::Deliver { content, .. }
            | BrokerMessage::Return(content) => content.id,
            BrokerMessage::Ack { about, .. } | BrokerMessage::Nack { about, .. } => *about,
            _ => MessageId::NONE,
        }
    }

    /// The word for it in traces and diagrams.
    #[inline]
    pub fn carried(&self) -> Carried {
        match self {
            BrokerMessage::Publish(_) => Carried::Publish,
            BrokerMessage::Deliver { redelivered: false, .. } => Carried::Deliver,
            BrokerMessage::Deliver { .. } => Carried::Redeliver,
            BrokerMessage::Ack { .. } => Carried::Ack,
            BrokerMessage::Nack { requeue: true, .. } => Carried::Requeue,
            BrokerMessage::Nack { .. } => Carried::Reject,
            BrokerMessage::Subscribe { .. } => Carried::Subscribe,
            BrokerMessage::Cancel => Carried::Cancel,
            BrokerMessage::Pulls { .. } => Carried::Pulls,
            BrokerMessage::Pull { .. } => Carried::Pull,
            BrokerMessage::Pulled { .. } => Carried::Pulled,
            BrokerMessage::Extend { .. } => Carried::Extend,
            BrokerMessage::Confirm { ok: true, .. } => Carried::Confirm,
            BrokerMessage::Confirm { .. } => Carried::Refuse,
            BrokerMessage::Expect { .. } => Carried::Expect,
            BrokerMessage::Committed { .. } => Carried::Committed,
            BrokerMessage::Return(_) => Carried::Return,
            BrokerMessage::Operate(_) => Carried::Operate,
            BrokerMessage::Answer(_) => Carried::Answer,
        }
    }
}

impl From<BrokerMessage> for Message {
    fn from(message: BrokerMessage) -> Message {
        Message::Broker(message)
    }
}
