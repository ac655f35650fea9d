//! What palette, forms and validation know of a part: its ports, its parameters, and how to build it.

use std::rc::Rc;

use crate::kernel::{Component, Port};
use crate::vocabulary::json;
use crate::vocabulary::{Distribution, Duration, Settings, Value};

/// A group of the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Producers and consumers.
    Clients,
    /// RabbitMQ and what is inside it.
    RabbitMq,
    /// Apache Kafka and what is inside it.
    Kafka,
    /// AWS SQS and what is inside it.
    Sqs,
    /// Redis and what is inside it.
    RedisStreams,
    /// Google Cloud Pub/Sub and what is inside it.
    PubSub,
}

impl Group {
    /// The groups in the order of the palette.
    pub const ALL: [Group; 6] =
        [Group::Clients, Group::RabbitMq, Group::Kafka, Group::Sqs, Group::RedisStreams, Group::PubSub];

    /// The heading.
    pub fn label(self) -> &'static str {
        match self {
            Group::Clients => "Clients",
            Group::RabbitMq => "RabbitMQ",
            Group::Kafka => "Kafka",
            Group::Sqs => "AWS SQS",
            Group::RedisStreams => "Redis Streams",
            Group::PubSub => "Google Pub/Sub",
        }
    }
}

/// Whether a node runs by itself.
#[derive(Clone, Copy)]
pub enum Role {
    /// It is a component of its own.
    Component(fn(&Rc<Settings>) -> Box<dyn Component>),
    /// It lives inside a host of this kind, whose component acts for it.
    Member {
        /// The name of the host's kind.
        host: &'static str,
    },
}

/// Which way a port's wires run on the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Wires end here.
    In,
    /// Wires start here.
    Out,
}

/// A place where wires end.
#[derive(Clone, Copy, Debug)]
pub struct PortSpec {
    /// Its name in documents: `orders.out`.
    pub name: &'static str,
    /// Its number at the component.
    pub port: Port,
    /// Which way its wires run.
    pub direction: Direction,
    /// The kinds of wire that fit, by name.
    pub wires: &'static [&'static str],
    /// What it is for.
    pub help: &'static str,
}

/// A kind of wire: what may be joined to what, and the parameters of the join.
pub struct WireKind {
    /// Its name, used by ports.
    pub name: &'static str,
    /// Its title on the page.
    pub label: &'static str,
    /// One sentence on what it does.
    pub help: &'static str,
    /// True if messages travel over it and take time. False for a relation inside one host, such as a binding.
    pub link: bool,
    /// Its parameters.
    pub params: &'static [ParamSpec],
}

/// A kind of node.
pub struct NodeKind {
    /// Its name in documents.
    pub name: &'static str,
    /// Its title on the page.
    pub label: &'static str,
    /// Where in the palette.
    pub group: Group,
    /// One sentence: what it is and does.
    pub help: &'static str,
    /// How it runs.
    pub role: Role,
    /// Its ports.
    pub ports: &'static [PortSpec],
    /// Its parameters.
    pub params: &'static [ParamSpec],
    /// Commands by hand: (name, title, help).
    pub commands: &'static [(&'static str, &'static str, &'static str)],
}

impl NodeKind {
    /// True for the places that hand out messages to consumers: a queue, a group, a subscription.
    pub fn hands_out(&self) -> bool {
        self.has_port(Direction::Out, "subscription")
    }

    /// True for the places that messages come to from producers: an exchange, a topic, a queue.
    pub fn takes_in(&self) -> bool {
        self.has_port(Direction::In, "publish")
    }

    /// True for the kinds that other parts live inside of.
    pub fn is_host(&self) -> bool {
        self.ports.is_empty() && matches!(self.role, Role::Component(_))
    }

    /// True for the parts that make messages.
    pub fn makes(&self) -> bool {
        self.has_port(Direction::Out, "publish")
    }

    /// True for the parts that work on messages.
    pub fn works(&self) -> bool {
        self.has_port(Direction::In, "subscription")
    }

    /// True for the parts that say operations to a broker.
    pub fn talks(&self) -> bool {
        self.has_port(Direction::Out, "console")
    }

    /// True for the places whose messages others hand out: a log that consumers also read without a group.
    pub fn is_read_by_groups(&self) -> bool {
        self.has_port(Direction::Out, "reads")
    }

    fn has_port(&self, direction: Direction, wire: &str) -> bool {
        self.ports.iter().any(|port| port.direction == direction && port.wires.contains(&wire))
    }
}

/// The type and range of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamType {
    /// On or off.
    Toggle,
    /// A whole number between two bounds, both included.
    Integer {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// A number between two bounds, both included.
    Number {
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
    },
    /// A span of time between two bounds, both included.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// A distribution of spans.
    Distribution,
    /// A text of at most so many characters.
    Text {
        /// The greatest length in characters.
        max: usize,
    },
    /// One of these: (name, title).
    Choice(&'static [(&'static str, &'static str)]),
    /// A list of at most so many texts.
    List {
        /// The greatest number of texts.
        items_max: usize,
        /// The greatest length of each, in characters.
        text_max: usize,
    },
}

/// Everything that a form, a validator and a learner need to know of a parameter.
#[derive(Clone, Copy, Debug)]
pub struct ParamSpec {
    /// Its name in documents.
    pub name: &'static str,
    /// Its title in forms.
    pub label: &'static str,
    /// Its type and range.
    pub kind: ParamType,
    /// Its unit, for numbers; empty if it has none.
    pub unit: &'static str,
    /// Its default, written as in a document: JSON text.
    pub default: &'static str,
    /// What it does, in one or two sentences.
    pub help: &'static str,
    /// Where the behaviour or the default comes from; empty if it is this simulator's own.
    pub source: &'static str,
    /// Shown only while another choice has one of these values.
    pub shown_when: Option<(&'static str, &'static [&'static str])>,
}

impl ParamSpec {
    /// A parameter with a range and a default, always shown, without a unit or source.
    pub const fn new(
        name: &'static str,
        label: &'static str,
        kind: ParamType,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        ParamSpec { name, label, kind, unit: "", default, help, source: "", shown_when: None }
    }

    /// With a unit.
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// With a source.
    pub const fn source(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }

    /// Shown only while the choice `name` has one of `values`.
    pub const fn when(mut self, name: &'static str, values: &'static [&'static str]) -> Self {
        self.shown_when = Some((name, values));
        self
    }

    /// The default value.
    pub fn default_value(&self) -> Value {
        // `tests` read every default of every kind, so the fallback is never met.
        self.read(&self.default_json()).unwrap_or(Value::Toggle(false))
    }

    /// The default value, as in a document.
    pub fn default_json(&self) -> serde_json::Value {
        json::read(self.default).unwrap_or_default()
    }

    /// Reads a value from a document; the error says what it must be and what it is: `must be 0..65535, is -1`.
    pub fn read(&self, json: &serde_json::Value) -> Result<Value, String> {
        use serde_json::Value as Json;
        let wrong = |must: String| Err(format!("must be {must}, is {}", brief(json)));
        match (self.kind, json) {
            (ParamType::Toggle, Json::Bool(flag)) => Ok(Value::Toggle(*flag)),
            (ParamType::Toggle, _) => wrong("true or false".into()),
            (ParamType::Integer { min, max }, _) => match json.as_i64() {
                Some(number) if (min..=max).contains(&number) => Ok(Value::Integer(number)),
                _ => wrong(format!("{min}..{max}{}", spaced(self.unit))),
            },
            (ParamType::Number { min, max }, _) => match json.as_f64() {
                Some(number) if (min..=max).contains(&number) => Ok(Value::Number(number)),
                _ => wrong(format!("{min}..{max}{}", spaced(self.unit))),
            },
            (ParamType::Duration { min, max }, Json::String(text)) => match text.parse::<Duration>() {
                Ok(span) if (min..=max).contains(&span) => Ok(Value::Duration(span)),
                Ok(_) => wrong(format!("{min}..{max}")),
                Err(error) => Err(error.to_string()),
            },
            (ParamType::Duration { .. }, _) => wrong("a time such as \"250ms\", \"1.5s\" or \"2m\"".into()),
            (ParamType::Distribution, Json::String(text)) => {
                text.parse::<Distribution>().map(Value::Distribution).map_err(|error| error.to_string())
            }
            (ParamType::Distribution, _) => wrong("a distribution such as \"exponential(200ms)\"".into()),
            (ParamType::Text { max }, Json::String(text)) if text.chars().count() <= max => {
                Ok(Value::Text(Rc::from(&**text)))
            }
            (ParamType::Text { max }, _) => wrong(format!("a text of at most {max} characters")),
            (ParamType::Choice(choices), Json::String(text)) if choices.iter().any(|(name, _)| name == text) => {
                Ok(Value::Text(Rc::from(&**text)))
            }
            (ParamType::Choice(choices), _) => {
                let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
                wrong(format!("one of {}", names.join(", ")))
            }
            (ParamType::List { items_max, text_max }, Json::Array(items)) if items.len() <= items_max => {
                let texts: Option<Vec<Rc<str>>> = items
                    .iter()
                    .map(|item| item.as_str().filter(|text| text.chars().count() <= text_max).map(Rc::from))
                    .collect();
                match texts {
                    Some(texts) => Ok(Value::List(texts.into())),
                    None => wrong(format!("a list of texts of at most {text_max} characters")),
                }
            }
            (ParamType::List { items_max, .. }, _) => wrong(format!("a list of at most {items_max} texts")),
        }
    }
}

/// A unit with a space before it, or nothing.
fn spaced(unit: &str) -> String {
    if unit.is_empty() {
        String::new()
    } else {
        format!(" {unit}")
    }
}

/// A JSON value for an error message, cut to a readable length.
pub fn brief(json: &serde_json::Value) -> String {
    let text = json::to_text(json);
    if text.chars().count() <= 60 {
        return text;
    }
    let start: String = text.chars().take(57).collect();
    format!("{start}...")
}

/// Parameters shared by every wire that is a network link.
pub const LINK_PARAMS: [ParamSpec; 5] = [
    ParamSpec::new(
        "latency",
        "Latency",
        ParamType::Distribution,
        "\"constant(300ms)\"",
        "How long a frame travels. The default is slow enough to watch; inside a data centre it is about 0.5 ms.",
    ),
    ParamSpec::new(
        "loss",
        "Loss",
        ParamType::Number { min: 0.0, max: 100.0 },
        "0",
        "The share of frames that never arrive, with no one noticing.",
    )
    .unit("%"),
    ParamSpec::new(
        "duplicate",
        "Duplication",
        ParamType::Number { min: 0.0, max: 100.0 },
        "0",
        "The share of frames that arrive twice.",
    )
    .unit("%"),
    ParamSpec::new(
        "reorder",
        "Reordering",
        ParamType::Number { min: 0.0, max: 100.0 },
        "0",
        "The share of frames that are held back for a second latency, so that later ones overtake them.",
    )
    .unit("%"),
    ParamSpec::new(
        "heartbeat",
        "Heartbeat timeout",
        ParamType::Duration { min: Duration::from_secs(1), max: Duration::from_secs(86_400) },
        "\"60s\"",
        "How long the ends of a partitioned link wait before they give the connection up.",
    )
    .source("RabbitMQ 3.10: heartbeat = 60"),
];

/// The settings that `params` give for a document's values; what is missing or wrong has its default.
pub fn settings(params: &'static [ParamSpec], read: impl Fn(&str) -> Option<serde_json::Value>) -> Settings {
    let mut settings = Settings::default();
    for spec in params {
        let value = read(spec.name).and_then(|json| spec.read(&json).ok());
        settings.set(spec.name, value.unwrap_or_else(|| spec.default_value()));
    }
    settings
}
