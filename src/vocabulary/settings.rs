//! The settings of a part in a run: its parameters, read, checked and completed with defaults.

use std::rc::Rc;

use super::distribution::Distribution;
use super::flat::FlatMap;
use super::time::Duration;

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// On or off.
    Toggle(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text, or the name of a choice.
    Text(Rc<str>),
    /// A span of time.
    Duration(Duration),
    /// A distribution of spans.
    Distribution(Distribution),
    /// A list of texts, such as the keys of a binding.
    List(Rc<[Rc<str>]>),
}

/// All parameters of one part, by name. Each is there: what the document leaves out has its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    values: FlatMap<&'static str, Value>,
}

impl Settings {
    /// Sets one parameter.
    pub fn set(&mut self, name: &'static str, value: Value) {
        self.values.insert(name, value);
    }

    /// One parameter, if the kind has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A toggle; off if there is none of that name.
    pub fn toggle(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Toggle(true)))
    }

    /// A whole number; zero if there is none of that name.
    pub fn integer(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Value::Integer(number)) => *number,
            _ => 0,
        }
    }

    /// A number; zero if there is none of that name.
    pub fn number(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Value::Number(number)) => *number,
            Some(Value::Integer(number)) => *number as f64,
            _ => 0.0,
        }
    }

    /// A text; empty if there is none of that name.
    pub fn text(&self, name: &str) -> Rc<str> {
        match self.get(name) {
            Some(Value::Text(text)) => text.clone(),
            _ => Rc::from(""),
        }
    }

    /// A span of time; zero if there is none of that name.
    pub fn duration(&self, name: &str) -> Duration {
        match self.get(name) {
            Some(Value::Duration(span)) => *span,
            _ => Duration::ZERO,
        }
    }

    /// A distribution; no time at all if there is none of that name.
    pub fn distribution(&self, name: &str) -> Distribution {
        match self.get(name) {
            Some(Value::Distribution(distribution)) => *distribution,
            _ => Distribution::ZERO,
        }
    }

    /// A list of texts; empty if there is none of that name.
    pub fn list(&self, name: &str) -> Rc<[Rc<str>]> {
        match self.get(name) {
            Some(Value::List(list)) => list.clone(),
            _ => Rc::from([]),
        }
    }
}
