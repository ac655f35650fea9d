//! What a queue was declared with, and which of it is allowed.
//!
//! Reproduces: RabbitMQ 3.10 `queue.declare` (rabbitmq-server, `rabbit_amqqueue:check_arguments`,
//! `rabbit_quorum_queue`): the arguments and their ranges, what a quorum queue does not take, and the comparison of a
//! second declaration with the first, whose words are the server's.
//!
//! Leaves out: policies, `x-queue-mode`, `x-queue-version`, streams, replication arguments.

use std::rc::Rc;

use crate::vocabulary::{Content, Duration, HeaderValue, Settings};

/// The version whose behaviour is reproduced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 3.10.
    #[default]
    V3_10,
    /// 4.0, also 4.1 and 4.2.
    V4_0,
    /// 4.3.
    V4_3,
}

impl Version {
    /// The version of this name.
    pub fn named(name: &str) -> Version {
        match name {
            "4.0" => Version::V4_0,
            "4.3" => Version::V4_3,
            _ => Version::V3_10,
        }
    }

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Version::V3_10 => "3.10",
            Version::V4_0 => "4.0",
            Version::V4_3 => "4.3",
        }
    }
}

/// What happens at the length limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest ready message goes.
    #[default]
    DropHead,
    /// The new message is refused.
    RejectPublish,
    /// The new message is refused and dead-lettered.
    RejectPublishDlx,
}

/// The declaration of a queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueSpec {
    /// Whether a restarted broker still knows it.
    pub is_durable: bool,
    /// Whether it belongs to one connection.
    pub is_exclusive: bool,
    /// Whether it goes with its last consumer.
    pub is_auto_delete: bool,
    /// Whether it is a quorum queue.
    pub is_quorum: bool,
    /// `x-message-ttl`.
    pub message_ttl: Option<Duration>,
    /// `x-expires`.
    pub expires: Option<Duration>,
    /// `x-max-length`.
    pub max_length: Option<u64>,
    /// `x-max-length-bytes`.
    pub max_bytes: Option<u64>,
    /// `x-overflow`.
    pub overflow: Overflow,
    /// `x-dead-letter-exchange`.
    pub dead_letter_exchange: Option<Rc<str>>,
    /// `x-dead-letter-routing-key`.
    pub dead_letter_key: Option<Rc<str>>,
    /// `x-dead-letter-strategy`: at-least-once.
    pub keeps_dead: bool,
    /// `x-max-priority`.
    pub max_priority: Option<u8>,
    /// `x-delivery-limit`; less than 0: none.
    pub delivery_limit: Option<i64>,
    /// `x-single-active-consumer`.
    pub is_single_active: bool,
}

impl QueueSpec {
    /// Whether the queue writes the message to disk before it is confirmed.
    #[inline]
    pub fn writes(&self, content: &Content) -> bool {
        self.is_quorum || (self.is_durable && content.persistent)
    }

    /// Whether a dead letter stays until its targets have confirmed it: only in a quorum queue that refuses at its limit.
    #[inline]
    pub fn is_at_least_once(&self) -> bool {
        self.keeps_dead && self.is_quorum && self.overflow == Overflow::RejectPublish
    }

    /// The declaration that a drawn queue stands for. A limit of zero in a form is no limit.
    pub fn drawn(settings: &Settings) -> QueueSpec {
        let is_quorum = &*settings.text("type") == "quorum";
        let span = |name| Some(settings.duration(name)).filter(|span: &Duration| span.0 > 0);
        let number = |name| Some(settings.integer(name)).filter(|number| *number != 0);
        QueueSpec {
            is_durable: is_quorum || settings.toggle("durable"),
            is_quorum,
            message_ttl: span("message_ttl"),
            expires: span("expires"),
            max_length: number("max_length").map(|number| number as u64),
            max_bytes: number("max_length_bytes").map(|number| number as u64),
            overflow: match &*settings.text("overflow") {
                "reject-publish" => Overflow::RejectPublish,
                "reject-publish-dlx" if is_quorum => Overflow::RejectPublish,
                "reject-publish-dlx" => Overflow::RejectPublishDlx,
                _ => Overflow::DropHead,
            },
            keeps_dead: &*settings.text("dead_letter_strategy") == "at-least-once",
            max_priority: number("max_priority").map(|number| number.clamp(1, 255) as u8),
            delivery_limit: number("delivery_limit"),
            is_single_active: settings.toggle("single_active_consumer"),
            ..QueueSpec::default()
        }
    }

    /// Takes one argument of `queue.declare`.
    ///
    /// # Errors
    /// The server's words, if its value is not allowed.
    pub fn set(&mut self, queue: &str, name: &str, value: &HeaderValue) -> Result<(), String> {
        let invalid = |why: String| Err(format!("invalid arg '{name}' for queue '{queue}' in vhost '/': {why}"));
        let whole = || match value {
            HeaderValue::Integer(number) if *number >= 0 => Ok(*number as u64),
            HeaderValue::Integer(number) => invalid(format!("{{value_negative,{number}}}")).map(|()| 0),
            other => invalid(format!("{{unacceptable_type,{}}}", type_name(other))).map(|()| 0),
        };
        let text = || match value {
            HeaderValue::Text(text) => Ok(text.clone()),
            other => invalid(format!("{{unacceptable_type,{}}}", type_name(other))).map(|()| Rc::from("")),
        };
        let milliseconds = |number: u64| Some(Duration::from_millis(number.min(u64::from(u32::MAX))));
        match name {
            "x-message-ttl" => self.message_ttl = milliseconds(whole()?),
            "x-expires" => match whole()? {
                0 => return invalid("{value_zero,0}".to_string()),
                number => self.expires = milliseconds(number),
            },
            "x-max-length" => self.max_length = Some(whole()?),
            "x-max-length-bytes" => self.max_bytes = Some(whole()?),
            "x-overflow" => {
                self.overflow = match &*text()? {
                    "drop-head" => Overflow::DropHead,
                    "reject-publish" => Overflow::RejectPublish,
                    "reject-publish-dlx" => Overflow::RejectPublishDlx,
                    _ => return invalid("invalid_overflow".to_string()),
                }
            }
            "x-dead-letter-exchange" => self.dead_letter_exchange = Some(text()?),
            "x-dead-letter-routing-key" => self.dead_letter_key = Some(text()?),
            "x-dead-letter-strategy" => {
                self.keeps_dead = match &*text()? {
                    "at-most-once" => false,
                    "at-least-once" => true,
                    _ => return invalid("invalid_dlx_strategy".to_string()),
                }
            }
            "x-max-priority" => match whole()? {
                number @ 1..=255 => self.max_priority = Some(number as u8),
                number => return invalid(format!("{{max_value_exceeded,{number}}}")),
            },
            "x-queue-type" => match &*text()? {
                "classic" => self.is_quorum = false,
                "quorum" => self.is_quorum = true,
                _ => return invalid("unsupported queue type".to_string()),
            },
            "x-delivery-limit" => match value {
                HeaderValue::Integer(number) if *number >= -1 => self.delivery_limit = Some(*number),
                _ => self.delivery_limit = Some(whole()? as i64),
            },
            "x-single-active-consumer" => match value {
                HeaderValue::Boolean(flag) => self.is_single_active = *flag,
                other => return invalid(format!("{{unacceptable_type,{}}}", type_name(other))),
            },
            _ => {}
        }
        Ok(())
    }

    /// Checks what belongs together.
    ///
    /// # Errors
    /// The server's words, if the declaration is not allowed.
    pub fn check(&self, queue: &str, version: Version) -> Result<(), String> {
        let place = format!("queue '{queue}' in vhost '/'");
        let of_quorum = |what: &str| Err(format!("invalid arg '{what}' for {place} of queue type rabbit_quorum_queue"));
        if self.dead_letter_key.is_some() && self.dead_letter_exchange.is_none() {
            return Err(format!(
                "invalid arg 'x-dead-letter-routing-key' for {place}: \
                 routing_key_but_no_dlx_defined"
            ));
        }
        if self.is_quorum {
            let wrong = [
                (!self.is_durable, "non-durable"),
                (self.is_exclusive, "exclusive-owner"),
                (self.is_auto_delete, "auto-delete"),
            ];
            if let Some((_, property)) = wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
                return Err(format!("invalid property '{property}' for {place}"));
            }
            if self.max_priority.is_some() && version < Version::V4_3 {
                return of_quorum("x-max-priority");
            }
            if self.overflow == Overflow::RejectPublishDlx {
                return of_quorum("x-overflow");
            }
        } else if self.delivery_limit.is_some() || self.keeps_dead {
            let name = if self.keeps_dead { "x-dead-letter-strategy" } else { "x-delivery-limit" };
            return Err(format!("invalid arg '{name}' for {place} of queue type rabbit_classic_queue"));
        }
        Ok(())
    }

    /// The first difference to the declaration that is there, in the server's words.
    pub fn difference(&self, current: &QueueSpec, queue: &str) -> Option<String> {
        let place = format!("for queue '{queue}' in vhost '/'");
        let flags = [
            ("durable", self.is_durable, current.is_durable),
            ("auto_delete", self.is_auto_delete, current.is_auto_delete),
        ];
        if let Some((name, received, is)) = flags.into_iter().find(|(_, received, is)| received != is) {
            return Some(format!("inequivalent arg '{name}' {place}: received '{received}' but current is '{is}'"));
        }
        let (received, there) = (self.named(), current.named());
        let different = received.iter().zip(&there).find(|((_, received), (_, is))| received != is);
        different.map(|((name, received), (_, is))| {
            let is = is.as_ref().map_or("none".to_string(), |is| format!("the value '{is}'"));
            match received {
                Some(received) => {
                    format!("inequivalent arg '{name}' {place}: received the value '{received}' but current is {is}")
                }
                None => format!("inequivalent arg '{name}' {place}: received none but current is {is}"),
            }
        })
    }

    /// The arguments by name, as texts.
    fn named(&self) -> [(&'static str, Option<String>); 12] {
        let span = |span: Option<Duration>| span.map(|span| (span.0 / 1_000_000).to_string());
        let overflow = match self.overflow {
            Overflow::DropHead => None,
            Overflow::RejectPublish => Some("reject-publish".to_string()),
            Overflow::RejectPublishDlx => Some("reject-publish-dlx".to_string()),
        };
        let text = |text: &Option<Rc<str>>| text.as_ref().map(|text| text.to_string());
        [
            ("x-queue-type", self.is_quorum.then(|| "quorum".to_string())),
            ("x-message-ttl", span(self.message_ttl)),
            ("x-expires", span(self.expires)),
            ("x-max-length", self.max_length.map(|number| number.to_string())),
            ("x-max-length-bytes", self.max_bytes.map(|number| number.to_string())),
            ("x-overflow", overflow),
            ("x-dead-letter-exchange", text(&self.dead_letter_exchange)),
            ("x-dead-letter-routing-key", text(&self.dead_letter_key)),
            ("x-dead-letter-strategy", self.keeps_dead.then(|| "at-least-once".to_string())),
            ("x-max-priority", self.max_priority.map(|number| number.to_string())),
            ("x-delivery-limit", self.delivery_limit.map(|number| number.to_string())),
            ("x-single-active-consumer", self.is_single_active.then(|| "true".to_string())),
        ]
    }

    /// How often a message may come back before it is given up; nothing: always.
    pub fn returns_max(&self, version: Version) -> Option<u32> {
        if !self.is_quorum {
            return None;
        }
        match self.delivery_limit {
            Some(limit) => u32::try_from(limit).ok(),
            None if version >= Version::V4_0 => Some(20),
            None => None,
        }
    }
}

/// The name of a value's type on the wire.
pub fn type_name(value: &HeaderValue) -> &'static str {
    match value {
        HeaderValue::Text(_) => "longstr",
        HeaderValue::Integer(_) => "signedint",
        HeaderValue::Boolean(_) => "bool",
        HeaderValue::Void => "void",
        HeaderValue::Number(_) => "double",
        HeaderValue::List(_) => "array",
        HeaderValue::Table(_) => "table",
    }
}
