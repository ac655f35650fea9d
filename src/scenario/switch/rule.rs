//! Which messages a route lets through, and what is known of that before a run.

use crate::scenario::document::Node;

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// The routing key is one of these, or, of a topic exchange, matches one of these patterns.
    Keys {
        /// The keys or patterns.
        keys: Vec<String>,
        /// Whether they are patterns.
        are_patterns: bool,
    },
    /// The headers fit these arguments, written `name=value`.
    Headers {
        /// The arguments.
        arguments: Vec<String>,
        /// Whether one is enough.
        any: bool,
    },
    /// A filter as Pub/Sub writes it.
    Filter(String),
}

/// What a route lets through: what fulfils all of these conditions; without any, everything.
pub(super) type Rule = Vec<Condition>;

fn text<'a>(node: &'a Node, name: &str) -> &'a str {
    node.params.get(name).and_then(|json| json.as_str()).unwrap_or_default()
}

/// The texts of a list.
pub(super) fn list(json: Option<&serde_json::Value>) -> Vec<String> {
    let items = json.and_then(|json| json.as_array()).map_or(&[][..], |items| items.as_slice());
    items.iter().filter_map(|item| item.as_str().map(str::to_string)).collect()
}

/// The rule of a binding from an exchange to a part that has this name.
pub(super) fn of_binding(
    exchange: &Node,
    params: &std::collections::BTreeMap<String, serde_json::Value>,
    to: &str,
) -> Rule {
    let keys = list(params.get("keys"));
    match text(exchange, "type") {
        "fanout" => Vec::new(),
        "topic" if keys.is_empty() || keys.iter().any(|key| key == "#") => Vec::new(),
        "topic" => vec![Condition::Keys { keys, are_patterns: true }],
        "headers" => {
            let any = params.get("match").and_then(|json| json.as_str()).is_some_and(|word| word.starts_with("any"));
            let arguments = list(params.get("arguments"));
            if arguments.is_empty() && !any {
                return Vec::new();
            }
            vec![Condition::Headers { arguments, any }]
        }
        // A fresh binding of a direct exchange takes the target's name or no key.
        _ if keys.is_empty() => {
            vec![Condition::Keys { keys: vec![to.to_string(), String::new()], are_patterns: false }]
        }
        _ => vec![Condition::Keys { keys, are_patterns: false }],
    }
}

/// The rule of a subscription with a filter.
pub(super) fn of_subscription(subscription: &Node) -> Rule {
    match text(subscription, "filter").trim() {
        "" => Vec::new(),
        filter => vec![Condition::Filter(filter.to_string())],
    }
}

/// Whether messages of this producer get through; nothing if that depends on the message.
pub(super) fn lets_through(rule: &Rule, producer: &Node) -> Option<bool> {
    let key = text(producer, "routing_key");
    let mut all = Some(true);
    for condition in rule {
        let fits = match condition {
            Condition::Keys { keys, are_patterns } if !key.contains('{') => {
                Some(keys.iter().any(|one| if *are_patterns { pattern_fits(one, key) } else { one == key }))
            }
            _ => None,
        };
        match fits {
            Some(false) => return Some(false),
            None => all = None,
            Some(true) => {}
        }
    }
    all
}

/// Whether a pattern of a topic exchange matches a key: `*` is one word, `#` any number of words.
fn pattern_fits(pattern: &str, key: &str) -> bool {
    let words: Vec<&str> = if key.is_empty() { Vec::new() } else { key.split('.').collect() };
    // reach[n]: the pattern so far matches the first n words.
    let mut reach: Vec<bool> = (0..=words.len()).map(|count| count == 0).collect();
    let parts: Vec<&str> = if pattern.is_empty() { Vec::new() } else { pattern.split('.').collect() };
    for part in parts {
        let mut next = vec![false; words.len() + 1];
        for count in 0..=words.len() {
            next[count] = match part {
                "#" => reach[count] || (count > 0 && next[count - 1]),
                "*" => count > 0 && reach[count - 1],
                _ => count > 0 && reach[count - 1] && words[count - 1] == part,
            };
        }
        reach = next;
    }
    reach[words.len()]
}

/// The same rule as a filter on attributes, if it can be written as one of at most 256 bytes.
pub(super) fn as_filter(rule: &Rule) -> Option<String> {
    let mut parts = Vec::new();
    for condition in rule {
        match condition {
            Condition::Headers { arguments, any } if !arguments.is_empty() => {
                let one = |argument: &String| match argument.split_once('=') {
                    None => format!("attributes:{argument}"),
                    Some((name, value)) => format!("attributes.{name} = \"{}\"", value.trim_matches('"')),
                };
                let all: Vec<String> = arguments.iter().map(one).collect();
                let joined = all.join(if *any { " OR " } else { " AND " });
                parts.push(if *any && rule.len() > 1 { format!("({joined})") } else { joined });
            }
            Condition::Filter(filter) => parts.push(filter.clone()),
            _ => return None,
        }
    }
    let filter = parts.join(" AND ");
    let plain = |letter: char| letter.is_ascii_alphanumeric() || " _-:.=\"()/".contains(letter);
    (!filter.is_empty() && filter.len() <= 256 && filter.chars().all(plain)).then_some(filter)
}

/// The rule in words.
pub(super) fn in_words(rule: &Rule) -> String {
    let one = |condition: &Condition| match condition {
        Condition::Keys { keys, are_patterns } => {
            let word = if *are_patterns { "patterns" } else { "keys" };
            let quoted: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
            format!("{word} {}", quoted.join(", "))
        }
        Condition::Headers { arguments, any } => {
            format!("headers {}", arguments.join(if *any { " or " } else { " and " }))
        }
        Condition::Filter(filter) => format!("filter {filter}"),
    };
    rule.iter().map(one).collect::<Vec<_>>().join(", and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_a_topic_exchange_matches() {
        for (pattern, key, fits) in [
            ("#", "", true),
            ("", "", true),
            ("*", "", false),
            ("a.*", "a.b", true),
            ("a.*", "a.b.c", false),
            ("a.#", "a", true),
            ("#.c", "a.b.c", true),
            ("a.*.#", "a", false),
            ("a.b", "a.c", false),
        ] {
            assert_eq!(pattern_fits(pattern, key), fits, "{pattern} on {key}");
        }
    }

    #[test]
    fn headers_become_a_filter_and_keys_do_not() {
        let headers = |any| vec![Condition::Headers { arguments: vec!["kind=order".into(), "loud".into()], any }];
        assert_eq!(as_filter(&headers(false)).as_deref(), Some("attributes.kind = \"order\" AND attributes:loud"));
        assert_eq!(as_filter(&headers(true)).as_deref(), Some("attributes.kind = \"order\" OR attributes:loud"));
        assert_eq!(as_filter(&vec![Condition::Keys { keys: vec!["a".into()], are_patterns: false }]), None);
    }

    #[test]
    fn a_fixed_key_is_decided_before_the_run_and_a_template_is_not() {
        let mut producer = Node::default();
        let rule = vec![Condition::Keys { keys: vec!["a".into()], are_patterns: false }];
        assert_eq!(lets_through(&rule, &producer), Some(false));
        producer.params.insert("routing_key".into(), "a".into());
        assert_eq!(lets_through(&rule, &producer), Some(true));
        producer.params.insert("routing_key".into(), "{pick:a,b}".into());
        assert_eq!(lets_through(&rule, &producer), None);
        assert_eq!(lets_through(&Vec::new(), &producer), Some(true));
    }
}
