//! Typed values as text and as JSON: headers, and the arguments of declarations and bindings.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use crate::vocabulary::{json, HeaderValue};

use super::matcher::Table;

/// A value as Erlang prints it in an error.
pub fn term(value: &HeaderValue) -> String {
    match value {
        HeaderValue::Text(text) => format!("<<\"{text}\">>"),
        HeaderValue::Integer(number) => number.to_string(),
        HeaderValue::Boolean(flag) => flag.to_string(),
        HeaderValue::Number(number) => format!("{number:?}"),
        HeaderValue::Void => "undefined".to_string(),
        HeaderValue::List(_) | HeaderValue::Table(_) => "[...]".to_string(),
    }
}

/// Reads one value as it is typed: a whole number, `true`, `false` and `null` are taken as such, so is JSON that begins
/// with a bracket or a double quote; everything else is a text.
pub fn value(text: &str) -> HeaderValue {
    match text {
        "true" => HeaderValue::Boolean(true),
        "false" => HeaderValue::Boolean(false),
        "null" => HeaderValue::Void,
        _ => {
            if let Ok(number) = text.parse() {
                return HeaderValue::Integer(number);
            }
            let is_json = text.starts_with(['{', '[', '"']);
            match json::read(text).ok().filter(|_| is_json) {
                Some(json) => from_json(&json),
                None => HeaderValue::Text(text.into()),
            }
        }
    }
}

/// Reads `name=value`; a name alone has no value.
pub fn pair(text: &str) -> (Rc<str>, HeaderValue) {
    match text.split_once('=') {
        Some((name, text)) => (name.trim().into(), value(text.trim())),
        None => (text.trim().into(), HeaderValue::Void),
    }
}

/// A value that JSON says.
pub fn from_json(json: &Json) -> HeaderValue {
    match json {
        Json::Null => HeaderValue::Void,
        Json::Bool(flag) => HeaderValue::Boolean(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => HeaderValue::Integer(whole),
            None => HeaderValue::Number(number.as_f64().unwrap_or(0.0)),
        },
        Json::String(text) => HeaderValue::Text(text.as_str().into()),
        Json::Array(items) => HeaderValue::List(items.iter().map(from_json).collect()),
        Json::Object(fields) => HeaderValue::Table(table(fields)),
    }
}

/// The fields of an object as named values.
pub fn table(fields: &Map<String, Json>) -> Table {
    fields.iter().map(|(name, value)| (Rc::from(name.as_str()), from_json(value))).collect()
}

/// A value as JSON.
pub fn to_json(value: &HeaderValue) -> Json {
    match value {
        HeaderValue::Void => Json::Null,
        HeaderValue::Boolean(flag) => (*flag).into(),
        HeaderValue::Integer(number) => (*number).into(),
        HeaderValue::Number(number) => (*number).into(),
        HeaderValue::Text(text) => (**text).into(),
        HeaderValue::List(items) => items.iter().map(to_json).collect(),
        HeaderValue::Table(fields) => fields_json(fields),
    }
}

/// Named values as an object.
pub fn fields_json(fields: &[(Rc<str>, HeaderValue)]) -> Json {
    Json::Object(fields.iter().map(|(name, value)| (name.to_string(), to_json(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_type() {
        let cases = [
            ("1", HeaderValue::Integer(1)),
            ("\"1\"", HeaderValue::Text("1".into())),
            ("one", HeaderValue::Text("one".into())),
            ("1.5", HeaderValue::Text("1.5".into())),
            ("[1.5]", HeaderValue::List(Rc::from([HeaderValue::Number(1.5)]))),
            ("{broken", HeaderValue::Text("{broken".into())),
            ("null", HeaderValue::Void),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), expected, "{text}");
        }
        assert_eq!(pair("a = true"), ("a".into(), HeaderValue::Boolean(true)));
        assert_eq!(pair("alone"), ("alone".into(), HeaderValue::Void));
        let text = r#"{"a":[1,null,true],"b":{"c":"x"}}"#;
        let json = json::read(text).expect("JSON");
        assert_eq!(to_json(&from_json(&json)), json);
    }
}
