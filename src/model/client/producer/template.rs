//! Texts with placeholders: `{n}` is the number of the message, `{n%4}` its remainder by 4, `{pick:a,b,c}` one of the
//! alternatives by chance. Anything else in brackets is left as it is written. A text without placeholders is shared by
//! all messages and costs nothing.

use std::fmt::Write as _;
use std::rc::Rc;

use crate::kernel::rng::Stream;

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(Rc<str>),
    Number,
    Remainder(u32),
    Pick(Rc<[Rc<str>]>),
}

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Rc<[Part]>,
}

impl Template {
    /// Reads a text. Every text is a template.
    pub fn new(text: &str) -> Template {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from_open) = rest.split_at(open);
            plain.push_str(before);
            let found = from_open.find('}').and_then(|close| Some((placeholder(&from_open[1..close])?, close)));
            if let Some((part, close)) = found {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain).into()));
                }
                parts.push(part);
                rest = &from_open[close + 1..];
            } else {
                plain.push('{');
                rest = &from_open[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Template { parts: parts.into() }
    }

    /// The text for the message of this number.
    #[inline]
    pub fn fill(&self, number: u32, random: &mut Stream) -> Rc<str> {
        match &*self.parts {
            [Part::Text(text)] => text.clone(),
            [Part::Pick(choices)] => choose(choices, random).clone(),
            parts => {
                let mut text = String::with_capacity(32);
                for part in parts {
                    // Writing to a string can't fail.
                    let _ = match part {
                        Part::Text(plain) => text.write_str(plain),
                        Part::Number => write!(text, "{number}"),
                        Part::Remainder(divisor) => write!(text, "{}", number % divisor),
                        Part::Pick(choices) => text.write_str(choose(choices, random)),
                    };
                }
                text.into()
            }
        }
    }
}

fn choose<'a>(choices: &'a [Rc<str>], random: &mut Stream) -> &'a Rc<str> {
    &choices[random.below(choices.len() as u32) as usize]
}

/// What is written between brackets, if it is a placeholder. A list of alternatives has at least one.
fn placeholder(inside: &str) -> Option<Part> {
    if inside == "n" {
        return Some(Part::Number);
    }
    if let Some(divisor) = inside.strip_prefix("n%") {
        return divisor.parse().ok().filter(|divisor| *divisor > 0).map(Part::Remainder);
    }
    let choices = inside.strip_prefix("pick:")?;
    Some(Part::Pick(choices.split(',').map(|choice| choice.trim().into()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str, number: u32) -> String {
        Template::new(text).fill(number, &mut Stream::named(1, "n", "test")).to_string()
    }

    #[test]
    fn placeholders_are_filled_and_everything_else_is_left_alone() {
        assert_eq!(fill("order.{n}", 7), "order.7");
        assert_eq!(fill("{n}{n%4}-{n}", 6), "62-6");
        assert_eq!(fill("", 1), "");
        for plain in ["a", "{", "}", "{x}", "{n", "{{}}", "{n%0}", "{n%x}", "{}", "{pick}", "{\"a\": 1}"] {
            assert_eq!(fill(plain, 3), plain);
        }
        assert_eq!(fill("{{n}}", 3), "{3}");
    }

    #[test]
    fn alternatives_are_all_taken_and_shared() {
        let template = Template::new("{pick: red, green,blue}");
        let mut random = Stream::named(1, "n", "test");
        let mut counts = [0; 3];
        for _ in 0..3000 {
            let text = template.fill(1, &mut random);
            counts[["red", "green", "blue"].iter().position(|name| **name == *text).expect("one of the three")] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        assert_eq!(Template::new("a.{pick:b}").fill(1, &mut random).as_ref(), "a.b");
    }

    #[test]
    fn a_text_without_placeholders_is_shared() {
        let template = Template::new("always the same");
        let mut random = Stream::named(1, "n", "test");
        assert!(Rc::ptr_eq(&template.fill(1, &mut random), &template.fill(2, &mut random)));
    }
}
