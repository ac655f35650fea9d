//! The attributes of a queue: ranges, defaults, and how they are written.
//!
//! Reproduces: SQS API Reference, `CreateQueue` and `SetQueueAttributes`. Leaves out: policies, encryption and tags.

use serde_json::{Map, Value as Json};

use crate::vocabulary::{json, Duration, Settings};

use super::answer::{refusal, Refusal};

/// The attributes with a number: name, least and greatest value, default. Seconds, but for the size in bytes.
pub const NUMBERS: [(&str, u64, u64, u64); 5] = [
    ("VisibilityTimeout", 0, 43_200, 30),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("DelaySeconds", 0, 900, 0),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("MaximumMessageSize", 1_024, 1_048_576, 1_048_576),
];

/// Chances that are the simulator's own, in per cent: what a standard queue may do and mostly does not.
pub const CHANCES: [&str; 3] = ["reorder", "duplicate", "short_poll_misses"];

/// Which queues may name this one as their dead-letter queue: `RedriveAllowPolicy`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Allow {
    /// Every queue of the account.
    #[default]
    All,
    /// None.
    None,
    /// These.
    Queues(Vec<String>),
}

/// The attributes of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributes {
    /// A FIFO queue; fixed at its creation.
    pub is_fifo: bool,
    numbers: [u64; 5],
    /// Without an id of its own, a message is known by its body.
    pub content_based: bool,
    /// Ids are compared inside a group only.
    pub scope_is_group: bool,
    /// High throughput: the limit is per group. Has no effect here but on what is allowed.
    pub limit_is_per_group: bool,
    /// Who may send dead letters here.
    pub allow: Allow,
    chances: [f64; 3],
}

impl Attributes {
    /// The defaults.
    pub fn new(is_fifo: bool) -> Attributes {
        Attributes {
            is_fifo,
            numbers: NUMBERS.map(|(_, _, _, default)| default),
            content_based: false,
            scope_is_group: false,
            limit_is_per_group: false,
            allow: Allow::All,
            chances: [0.0; 3],
        }
    }

    /// Those of a queue that is drawn.
    pub fn read(settings: &Settings) -> Attributes {
        let mut attributes = Attributes::new(settings.toggle("FifoQueue"));
        for (index, (name, min, max, _)) in NUMBERS.iter().enumerate() {
            let value = match *name {
                "MaximumMessageSize" => settings.integer(name) as u64,
                _ => settings.duration(name).0 / 1_000_000_000,
            };
            attributes.numbers[index] = value.clamp(*min, *max);
        }
        if attributes.is_fifo {
            attributes.content_based = settings.toggle("ContentBasedDeduplication");
            attributes.scope_is_group = &*settings.text("DeduplicationScope") == "messageGroup";
            attributes.limit_is_per_group = &*settings.text("FifoThroughputLimit") == "perMessageGroupId";
        }
        CHANCES.iter().zip(&mut attributes.chances).for_each(|(name, chance)| *chance = settings.number(name) / 100.0);
        attributes
    }

    fn seconds(&self, index: usize) -> Duration {
        Duration::from_secs(self.numbers[index])
    }

    /// How long a receive hides a message.
    #[inline]
    pub fn visibility_timeout(&self) -> Duration {
        self.seconds(0)
    }

    /// How long a message is kept.
    #[inline]
    pub fn retention(&self) -> Duration {
        self.seconds(1)
    }

    /// How long a new message can't be received.
    #[inline]
    pub fn delay(&self) -> Duration {
        self.seconds(2)
    }

    /// How long a receive waits that does not say it.
    pub fn wait(&self) -> Duration {
        self.seconds(3)
    }

    /// The greatest size of a message, in bytes.
    #[inline]
    pub fn size_max(&self) -> usize {
        self.numbers[4] as usize
    }

    /// The chance that a receive takes another message than the first. Never in a FIFO queue.
    #[inline]
    pub fn reorder(&self) -> f64 {
        if self.is_fifo {
            0.0
        } else {
            self.chances[0]
        }
    }

    /// The chance that a message that was received can be received again at once. Never in a FIFO queue.
    #[inline]
    pub fn duplicate(&self) -> f64 {
        if self.is_fifo {
            0.0
        } else {
            self.chances[1]
        }
    }

    /// The chance that a short poll does not see a message. Never in a FIFO queue.
    #[inline]
    pub fn short_poll_misses(&self) -> f64 {
        if self.is_fifo {
            0.0
        } else {
            self.chances[2]
        }
    }

    /// Sets one attribute as it is written in a request. `RedrivePolicy` and `FifoQueue` are not among them.
    ///
    /// # Errors
    /// `InvalidAttributeName` and `InvalidAttributeValue`.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let wrong = || refusal("InvalidAttributeValue", format!("Invalid value for the parameter {name}."));
        let fifo_only = ["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"].contains(&name);
        if fifo_only && !self.is_fifo {
            return Err(refusal("InvalidAttributeName", format!("Unknown Attribute {name}.")));
        }
        if let Some(index) = NUMBERS.iter().position(|(other, ..)| *other == name) {
            let (_, min, max, _) = NUMBERS[index];
            let number = value.parse().ok().filter(|number| (min..=max).contains(number));
            self.numbers[index] = number.ok_or_else(wrong)?;
        } else if let Some(index) = CHANCES.iter().position(|other| *other == name) {
            let number = crate::vocabulary::number::read(value).filter(|number| (0.0..=100.0).contains(number));
            self.chances[index] = number.ok_or_else(wrong)? / 100.0;
        } else {
            match name {
                "ContentBasedDeduplication" => {
                    self.content_based = choice(value, ["false", "true"]).ok_or_else(wrong)?;
                }
                "DeduplicationScope" => {
                    self.scope_is_group = choice(value, ["queue", "messageGroup"]).ok_or_else(wrong)?;
                }
                "FifoThroughputLimit" => {
                    self.limit_is_per_group = choice(value, ["perQueue", "perMessageGroupId"]).ok_or_else(wrong)?;
                }
                "RedriveAllowPolicy" => self.allow = read_allow(value).ok_or_else(wrong)?,
                _ => return Err(refusal("InvalidAttributeName", format!("Unknown Attribute {name}."))),
            }
        }
        Ok(())
    }

    /// Whether the attributes go together.
    ///
    /// # Errors
    /// `InvalidAttributeValue`: a limit per group needs deduplication per group.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.limit_is_per_group && !self.scope_is_group {
            let text = "FifoThroughputLimit perMessageGroupId is allowed only when DeduplicationScope is messageGroup.";
            return Err(refusal("InvalidAttributeValue", text));
        }
        Ok(())
    }

    /// The attributes as `GetQueueAttributes` writes them: every value is a text.
    pub fn write(&self, to: &mut Map<String, Json>) {
        let mut put = |name: &str, value: &str| to.insert(name.into(), value.into());
        for ((name, ..), number) in NUMBERS.iter().zip(self.numbers) {
            put(name, &number.to_string());
        }
        if self.is_fifo {
            put("FifoQueue", "true");
            put("ContentBasedDeduplication", if self.content_based { "true" } else { "false" });
            put("DeduplicationScope", if self.scope_is_group { "messageGroup" } else { "queue" });
            put("FifoThroughputLimit", if self.limit_is_per_group { "perMessageGroupId" } else { "perQueue" });
        }
        match &self.allow {
            Allow::All => {}
            Allow::None => drop(put("RedriveAllowPolicy", "{\"redrivePermission\":\"denyAll\"}")),
            Allow::Queues(names) => {
                let policy = serde_json::json!({"redrivePermission": "byQueue", "sourceQueueArns": names});
                put("RedriveAllowPolicy", &json::to_text(&policy));
            }
        }
    }
}

/// True for the second of two words, false for the first.
fn choice(value: &str, words: [&str; 2]) -> Option<bool> {
    words.iter().position(|word| *word == value).map(|index| index == 1)
}

/// The queue's name from its name, address or resource name.
pub fn name_of(queue: &str) -> &str {
    queue.rsplit(['/', ':']).next().unwrap_or(queue)
}

fn read_allow(value: &str) -> Option<Allow> {
    let policy = json::read(value).ok()?;
    match policy["redrivePermission"].as_str()? {
        "allowAll" => Some(Allow::All),
        "denyAll" => Some(Allow::None),
        "byQueue" => {
            let queues = policy["sourceQueueArns"].as_array()?;
            let names = queues.iter().map(|queue| queue.as_str().map(|queue| name_of(queue).to_string()));
            (1..=10).contains(&queues.len()).then(|| names.collect::<Option<_>>().map(Allow::Queues)).flatten()
        }
        _ => None,
    }
}

/// Reads a `RedrivePolicy`: the dead-letter queue's name and `maxReceiveCount`, 1 to 1000.
pub fn read_redrive(value: &str) -> Option<(String, u32)> {
    let policy = json::read(value).ok()?;
    let target = name_of(policy["deadLetterTargetArn"].as_str()?).to_string();
    let count = &policy["maxReceiveCount"];
    // Consoles and SDKs write the number as a text as well.
    let count = count.as_u64().or_else(|| count.as_str()?.parse().ok())?;
    (1..=1000).contains(&count).then_some((target, count as u32))
}
