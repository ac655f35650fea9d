//! The texts of a drawing after a switch: the title says the new product, and what was written about the old one says so.

use crate::model::broker::profile::{Profile, PROFILES};
use crate::scenario::document::Document;

/// Between a title and the product that the drawing is on now.
const ON: &str = " · on ";
/// Before a text that speaks of another product.
const WRITTEN_FOR: &str = "Written for ";

/// Gives the document the texts that are true after the switch. Back on the product that they were written for, they are
/// again as they were.
pub(super) fn mark(document: &mut Document, from: &Profile, to: &Profile) {
    let is_back = [&document.about, &document.watch].iter().any(|text| writer(text) == Some(to.label));
    if !document.title.is_empty() {
        let plain = PROFILES.iter().find_map(|profile| document.title.strip_suffix(&format!("{ON}{}", profile.label)));
        let plain = plain.unwrap_or(&document.title).to_string();
        document.title = if is_back { plain } else { format!("{plain}{ON}{}", to.label) };
    }
    for text in [&mut document.about, &mut document.watch] {
        match writer(text) {
            Some(label) if label == to.label => *text = text[WRITTEN_FOR.len() + label.len() + 2..].to_string(),
            Some(_) => {}
            None if text.is_empty() => {}
            None => *text = format!("{WRITTEN_FOR}{}: {text}", from.label),
        }
    }
}

/// The product that a marked text was written for.
fn writer(text: &str) -> Option<&'static str> {
    let rest = text.strip_prefix(WRITTEN_FOR)?;
    PROFILES
        .iter()
        .map(|profile| profile.label)
        .find(|label| rest.strip_prefix(label).is_some_and(|rest| rest.starts_with(": ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::broker::profile::profile;

    #[test]
    fn texts_say_which_product_they_speak_of_and_are_plain_again_on_it() {
        let [rabbit, kafka, sqs] = ["rabbitmq", "kafka", "sqs"].map(profile);
        let before = Document { title: "Work".into(), about: "A queue.".into(), ..Document::default() };
        let mut document = before.clone();
        mark(&mut document, rabbit, kafka);
        assert_eq!(document.title, "Work · on Apache Kafka");
        assert_eq!(document.about, "Written for RabbitMQ: A queue.");
        assert_eq!(document.watch, "", "nothing was written there");
        mark(&mut document, kafka, sqs);
        assert_eq!(document.title, "Work · on AWS SQS");
        assert_eq!(document.about, "Written for RabbitMQ: A queue.", "by whom it was written does not change");
        mark(&mut document, sqs, rabbit);
        assert_eq!(document, before);
    }

    #[test]
    fn a_drawing_without_texts_gets_none() {
        let mut document = Document::default();
        mark(&mut document, profile("rabbitmq"), profile("sqs"));
        assert_eq!(document, Document::default());
    }
}
