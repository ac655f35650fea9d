//! The fields of an entry, and the content of a message as fields.
//!
//! An entry typed at a console has the fields that were typed. A message from the drawing has its headers as fields,
//! then `key` with its key if it has one, and `body` with its body. Redis itself knows nothing but fields and values,
//! both plain texts.

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::Value as Json;

use crate::vocabulary::{Content, HeaderValue, MessageId, Time};

/// The field for the key of a message from the drawing.
const KEY: &str = "key";
/// The field for its body.
const BODY: &str = "body";

fn has_key(content: &Content) -> bool {
    !content.routing_key.is_empty()
}

fn has_body(content: &Content) -> bool {
    !content.payload.is_empty() || (content.headers.is_empty() && content.routing_key.is_empty())
}

/// How many fields there are.
#[inline]
pub fn field_count(content: &Content) -> usize {
    content.headers.len() + usize::from(has_key(content)) + usize::from(has_body(content))
}

/// Visits names and values in order.
#[inline]
pub fn visit(content: &Content, see: &mut impl FnMut(&str, &str)) {
    for (name, value) in content.headers.iter() {
        see(name, &text_of(value));
    }
    if has_key(content) {
        see(KEY, &content.routing_key);
    }
    if has_body(content) {
        see(BODY, &content.payload);
    }
}

/// Whether two entries have the same names in the same order.
#[inline]
pub fn same_names(first: &Content, second: &Content) -> bool {
    let same = Rc::ptr_eq(&first.headers, &second.headers)
        || (first.headers.len() == second.headers.len()
            && first.headers.iter().zip(second.headers.iter()).all(|((one, _), (other, _))| one == other));
    same && has_key(first) == has_key(second) && has_body(first) == has_body(second)
}

/// The fields as Redis answers them: names and values in turn.
pub fn to_json(content: &Content) -> Json {
    let mut texts = Vec::with_capacity(2 * field_count(content));
    visit(content, &mut |name, value| texts.extend([Json::from(name), Json::from(value)]));
    Json::Array(texts)
}

/// An entry with these fields.
pub fn content_of(id: MessageId, fields: Vec<(Rc<str>, Rc<str>)>, created: Time) -> Rc<Content> {
    Rc::new(Content {
        id,
        routing_key: Rc::from(""),
        headers: fields.into_iter().map(|(name, value)| (name, HeaderValue::Text(value))).collect(),
        payload: Rc::from(""),
        persistent: true,
        priority: None,
        expiration: None,
        created,
    })
}

fn text_of(value: &HeaderValue) -> Cow<'_, str> {
    match value {
        HeaderValue::Text(text) => Cow::Borrowed(text),
        HeaderValue::Integer(number) => number.to_string().into(),
        HeaderValue::Boolean(flag) => flag.to_string().into(),
        HeaderValue::Number(number) => number.to_string().into(),
        HeaderValue::Void => "".into(),
        HeaderValue::List(items) => items.iter().map(text_of).collect::<Vec<_>>().join(",").into(),
        HeaderValue::Table(items) => {
            let named = |(name, value): &(Rc<str>, HeaderValue)| format!("{name}={}", text_of(value));
            items.iter().map(named).collect::<Vec<_>>().join(",").into()
        }
    }
}
