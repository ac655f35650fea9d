//! Topic patterns: binding keys in which `*` stands for one word and `#` for any number of words.
//!
//! Reproduces: RabbitMQ 3.10 topic exchanges (rabbitmq-server, `routing_SUITE.erl` and `rabbit_exchange_type_topic`),
//! with their edge cases: the empty key has no words at all, empty words between dots are words, and `*` and `#` in a
//! routing key are plain text.
//!
//! Leaves out: nothing of the matching. RabbitMQ finds the bindings through a trie; here each pattern is tried, and
//! the router remembers the outcome per key.

use std::rc::Rc;

/// One word of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// `#`: zero or more words.
    AnyNumber,
    /// `*`: exactly one word.
    AnyOne,
    /// Exactly this word.
    Plain(Rc<str>),
}

/// A compiled binding key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    words: Vec<Word>,
}

/// The words of a routing key: split at dots, where the empty key has none.
pub fn split(key: &str) -> Vec<&str> {
    if key.is_empty() {
        Vec::new()
    } else {
        key.split('.').collect()
    }
}

impl Pattern {
    /// Reads a binding key. Every text is a pattern.
    pub fn new(key: &str) -> Pattern {
        let word = |word: &str| match word {
            "#" => Word::AnyNumber,
            "*" => Word::AnyOne,
            plain => Word::Plain(Rc::from(plain)),
        };
        Pattern { words: split(key).into_iter().map(word).collect() }
    }

    /// Whether a routing key, already split, matches.
    ///
    /// `reached[n]` says that the pattern so far can take exactly the first `n` words. Each word of the pattern moves
    /// the whole set on at once, so the cost is the product of the two lengths however many `#` there are.
    pub fn matches(&self, key: &[&str]) -> bool {
        let mut reached = vec![false; key.len() + 1];
        reached[0] = true;
        for word in &self.words {
            match word {
                Word::AnyNumber => {
                    let first = reached.iter().position(|is_reached| *is_reached).unwrap_or(reached.len());
                    reached[first..].fill(true);
                }
                Word::AnyOne => {
                    reached.rotate_right(1);
                    reached[0] = false;
                }
                Word::Plain(text) => {
                    for index in (0..key.len()).rev() {
                        reached[index + 1] = reached[index] && *key[index] == **text;
                    }
                    reached[0] = false;
                }
            }
        }
        reached[key.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, key: &str) -> bool {
        Pattern::new(pattern).matches(&split(key))
    }

    #[test]
    fn the_empty_key_has_no_words_and_empty_words_are_words() {
        for pattern in ["", "#", "#.#"] {
            assert!(matches(pattern, ""), "{pattern}");
        }
        assert!(!matches("*", ""));
        assert!(!matches("", "a"));
        assert!(matches("a.*.b", "a..b") && matches("a.#.b", "a..b") && matches("a..b", "a..b"));
        assert!(matches("#", ".") && !matches("*", ".") && matches("*.*", "."));
        assert!(matches("a.*.#", "a.") && !matches("a.*.#", "a") && matches("lazy.#", "lazy"));
    }

    #[test]
    fn wildcards_in_a_routing_key_are_plain_text() {
        assert!(matches("*", "#") && matches("*", "*") && matches("a.*", "a.#"));
        assert!(!matches("a.b", "a.*") && !matches("a.b.c", "a.#"));
        assert!(!matches("lazy", "LAZY") && !matches("a*", "ab") && matches("a*", "a*"));
    }

    #[test]
    fn a_hash_stands_for_every_number_of_words_wherever_it_is() {
        for key in ["a.b", "a.x.b", "a.x.y.b", "a.b.b"] {
            assert!(matches("a.#.b", key) && matches("#.a.#.b.#", key), "{key}");
        }
        assert!(!matches("a.#.b", "a") && !matches("a.#.b", "b.a") && !matches("a.#.a", "a"));
    }

    #[test]
    fn many_hashes_against_many_words_are_quick() {
        let pattern = format!("{}nowhere", "#.".repeat(15));
        let key = ["w"; 31].join(".");
        for _ in 0..10_000 {
            assert!(!matches(&pattern, &key));
        }
        assert!(matches("#.w.".repeat(15).trim_end_matches('.'), &key));
    }

    #[test]
    fn it_agrees_with_the_definition_written_as_a_recursion() {
        fn naive(pattern: &[&str], key: &[&str]) -> bool {
            match pattern.split_first() {
                None => key.is_empty(),
                Some((&"#", rest)) => (0..=key.len()).any(|skip| naive(rest, &key[skip..])),
                Some((word, rest)) => key
                    .split_first()
                    .is_some_and(|(first, others)| (*word == "*" || word == first) && naive(rest, others)),
            }
        }
        let texts = |letters: &[&'static str]| -> Vec<String> {
            let mut all = vec![String::new()];
            for a in letters {
                all.push((*a).to_string());
                for b in letters {
                    all.push(format!("{a}.{b}"));
                    for c in letters {
                        all.push(format!("{a}.{b}.{c}"));
                    }
                }
            }
            all
        };
        for pattern in texts(&["#", "*", "a", ""]) {
            for key in texts(&["a", "b", ""]) {
                assert_eq!(matches(&pattern, &key), naive(&split(&pattern), &split(&key)), "{pattern:?} {key:?}");
            }
        }
    }
}
