//! What an exchange compares a message with: its bindings, made ready for comparing.
//!
//! Reproduces: RabbitMQ 3.10. Direct compares keys byte for byte, fanout compares nothing, topic matches patterns
//! (`topic.rs`), headers compares the message's headers with the binding's arguments (rabbitmq-server,
//! `rabbit_exchange_type_headers`): `x-match` is all (the default), any, all-with-x or any-with-x; the first two skip
//! arguments that begin with `x-`, the others only `x-match` itself. An argument without a value asks for presence. A
//! value equals only one of the same type. With nothing left to compare, all matches and any does not.
//!
//! A binding that was drawn without keys is not one of RabbitMQ's: so that a fresh drawing works, a direct exchange then
//! takes the target's name and the empty text as its keys, and a topic exchange takes `#`.
//!
//! Leaves out: exchange types of plugins; tables and arrays are compared as a whole.

use std::rc::Rc;

use crate::vocabulary::{FlatMap, HeaderValue};

use super::topic::{split, Pattern};

/// How an exchange finds its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeType {
    /// The keys are equal.
    Direct,
    /// Everything matches.
    Fanout,
    /// The binding key is a pattern.
    Topic,
    /// The headers fit the arguments of the binding.
    Headers,
}

impl ExchangeType {
    /// Every type.
    pub const ALL: [ExchangeType; 4] =
        [ExchangeType::Direct, ExchangeType::Fanout, ExchangeType::Topic, ExchangeType::Headers];

    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            ExchangeType::Direct => "direct",
            ExchangeType::Fanout => "fanout",
            ExchangeType::Topic => "topic",
            ExchangeType::Headers => "headers",
        }
    }

    /// The type of this name.
    pub fn named(name: &str) -> Option<ExchangeType> {
        ExchangeType::ALL.into_iter().find(|kind| kind.label() == name)
    }
}

/// Named values: the headers of a message, the arguments of a binding.
pub type Table = Rc<[(Rc<str>, HeaderValue)]>;

/// The value of a name.
pub fn field<'a>(table: &'a [(Rc<str>, HeaderValue)], name: &str) -> Option<&'a HeaderValue> {
    table.iter().find(|(other, _)| &**other == name).map(|(_, value)| value)
}

/// Where a binding leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The exchange of this number.
    Exchange(u32),
    /// The queue of this number.
    Queue(u32),
}

/// What a binding asks of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Its keys: one, or any number for a binding that was drawn.
    pub keys: Rc<[Rc<str>]>,
    /// Its arguments.
    pub arguments: Table,
}

impl Condition {
    /// A binding with one key and nothing else.
    pub fn key(key: &str) -> Condition {
        Condition { keys: Rc::from([Rc::from(key)]), arguments: Rc::from([]) }
    }
}

/// What the arguments of a binding ask of the headers.
#[derive(Clone, Debug)]
pub struct HeadersMatch {
    is_any: bool,
    wanted: Vec<(Rc<str>, HeaderValue)>,
}

impl HeadersMatch {
    /// Reads the arguments of a binding.
    ///
    /// # Errors
    /// The words of the server, if `x-match` is none of the four.
    pub fn read(arguments: &[(Rc<str>, HeaderValue)]) -> Result<HeadersMatch, String> {
        let mode = match field(arguments, "x-match") {
            None => "all",
            Some(HeaderValue::Text(mode)) => mode,
            Some(other) => {
                return Err(format!(
                    "Invalid x-match field type {} (value {}); expected longstr",
                    super::arguments::type_name(other),
                    super::values::term(other)
                ))
            }
        };
        let (is_any, with_x) = match mode {
            "all" => (false, false),
            "any" => (true, false),
            "all-with-x" => (false, true),
            "any-with-x" => (true, true),
            _ => {
                return Err(format!(
                    "Invalid x-match field value <<\"{mode}\">>; expected all, any, all-with-x, or any-with-x"
                ))
            }
        };
        let is_wanted = |name: &str| name != "x-match" && (with_x || !name.starts_with("x-"));
        let wanted = arguments.iter().filter(|(name, _)| is_wanted(name)).cloned().collect();
        Ok(HeadersMatch { is_any, wanted })
    }

    /// Whether the headers of a message fit.
    pub fn matches(&self, headers: &[(Rc<str>, HeaderValue)]) -> bool {
        let fits = |(name, wanted): &(Rc<str>, HeaderValue)| {
            field(headers, name).is_some_and(|value| *wanted == HeaderValue::Void || value == wanted)
        };
        match self.is_any {
            true => self.wanted.iter().any(fits),
            false => self.wanted.iter().all(fits),
        }
    }
}

/// The bindings of one exchange, ready for comparing.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// All of them.
    Fanout(Vec<Place>),
    /// By key.
    Direct(FlatMap<Rc<str>, Vec<Place>>),
    /// Patterns, one after another.
    Topic(Vec<(Pattern, Place)>),
    /// Arguments, one after another.
    Headers(Vec<(HeadersMatch, Place)>),
}

impl Matcher {
    /// Makes the bindings of an exchange ready: each with its target and the target's name.
    pub fn new<'a>(kind: ExchangeType, bindings: impl Iterator<Item = (&'a Condition, Place, &'a Rc<str>)>) -> Matcher {
        match kind {
            ExchangeType::Fanout => Matcher::Fanout(bindings.map(|(_, to, _)| to).collect()),
            ExchangeType::Direct => {
                let mut by_key: FlatMap<Rc<str>, Vec<Place>> = FlatMap::new();
                for (condition, to, name) in bindings {
                    let fresh = [name.clone(), Rc::from("")];
                    let keys = if condition.keys.is_empty() { &fresh[..] } else { &condition.keys[..] };
                    for key in keys {
                        by_key.get_or_insert_with(key.clone(), Vec::new).push(to);
                    }
                }
                Matcher::Direct(by_key)
            }
            ExchangeType::Topic => {
                let mut patterns = Vec::new();
                for (condition, to, _) in bindings {
                    let fresh = [Rc::from("#")];
                    let keys = if condition.keys.is_empty() { &fresh[..] } else { &condition.keys[..] };
                    patterns.extend(keys.iter().map(|key| (Pattern::new(key), to)));
                }
                Matcher::Topic(patterns)
            }
            ExchangeType::Headers => {
                // What a server would have refused matches nothing.
                let read = |(condition, to, _): (&Condition, Place, _)| {
                    HeadersMatch::read(&condition.arguments).ok().map(|wanted| (wanted, to))
                };
                Matcher::Headers(bindings.filter_map(read).collect())
            }
        }
    }

    /// The targets of a message, in the order of binding; the same may come twice.
    pub fn targets(&self, key: &str, headers: &[(Rc<str>, HeaderValue)]) -> Vec<Place> {
        match self {
            Matcher::Fanout(targets) => targets.clone(),
            Matcher::Direct(by_key) => by_key.get(key).cloned().unwrap_or_default(),
            Matcher::Topic(patterns) => {
                let words = split(key);
                patterns.iter().filter(|(pattern, _)| pattern.matches(&words)).map(|(_, to)| *to).collect()
            }
            Matcher::Headers(wanted) => {
                wanted.iter().filter(|(wanted, _)| wanted.matches(headers)).map(|(_, to)| *to).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(fields: &[(&str, HeaderValue)]) -> Table {
        fields.iter().map(|(name, value)| (Rc::from(*name), value.clone())).collect()
    }

    fn text(text: &str) -> HeaderValue {
        HeaderValue::Text(text.into())
    }

    #[test]
    fn all_and_any_count_arguments_and_compare_types() {
        let matches = |mode: &str, fields: &[(&str, HeaderValue)], headers: &[(&str, HeaderValue)]| {
            let mut arguments = fields.to_vec();
            arguments.push(("x-match", text(mode)));
            HeadersMatch::read(&table(&arguments)).expect("a mode").matches(&table(headers))
        };
        let (one, two) = (HeaderValue::Integer(1), HeaderValue::Integer(2));
        let both = [("a", one.clone()), ("b", two.clone())];
        assert!(matches("all", &both, &both) && !matches("all", &both, &both[..1]));
        assert!(matches("any", &both, &both[..1]) && !matches("any", &both, &[("a", two)]));
        assert!(matches("all", &[], &both) && !matches("any", &[], &both));
        assert!(!matches("all", &both[..1], &[("a", text("1"))]), "types are compared");
        assert!(matches("all", &[("a", HeaderValue::Void)], &[("a", text("any"))]), "presence");
        let x = [("x-a", one.clone())];
        assert!(matches("all", &x, &[]) && !matches("any", &x, &x), "skipped");
        assert!(!matches("all-with-x", &x, &[]) && matches("any-with-x", &x, &x));
        assert!(HeadersMatch::read(&table(&[("x-match", text("some"))])).is_err());
        assert!(HeadersMatch::read(&table(&[("x-match", one)])).is_err());
        assert!(HeadersMatch::read(&table(&[])).expect("all").matches(&table(&[])));
    }
}
