//! Patterns of topic names, for `subscribe pattern=...`.
//!
//! Reproduces: what names of topics need of `java.util.regex.Pattern`, matched against the whole name: letters, `.`,
//! classes such as `[a-z0-9_]` and `[^-]`, `\d`, `\w`, `\.`, groups, `|`, and `*`, `+`, `?` behind any of them.
//!
//! Leaves out: everything else of regular expressions, which is refused and never taken for something else.

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// Any of these letters, or any but these.
    One { ranges: Vec<(char, char)>, not: bool },
    /// One of these patterns.
    Group(Vec<Vec<Piece>>),
}

/// A step, so many times.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    step: Step,
    min: u8,
    /// More than once.
    is_endless: bool,
}

/// Groups inside groups at most, and attempts to match one name: bounds for the stack and for time.
const DEPTH_MAX: usize = 20;
const ATTEMPTS_MAX: usize = 100_000;

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    choices: Vec<Vec<Piece>>,
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Reader<'_> {
    fn choices(&mut self, depth: usize) -> Result<Vec<Vec<Piece>>, String> {
        if depth > DEPTH_MAX {
            return Err("too many groups in each other".into());
        }
        let mut choices = vec![Vec::new()];
        while let Some(letter) = self.rest.peek().copied().filter(|letter| *letter != ')') {
            self.rest.next();
            if letter == '|' {
                choices.push(Vec::new());
                continue;
            }
            let step = self.step(letter, depth)?;
            let (min, is_endless) = match self.rest.peek() {
                Some('*') => (0, true),
                Some('+') => (1, true),
                Some('?') => (0, false),
                _ => (1, false),
            };
            if (min, is_endless) != (1, false) {
                self.rest.next();
            }
            choices.last_mut().into_iter().for_each(|last| {
                last.push(Piece { step: step.clone(), min, is_endless });
            });
        }
        Ok(choices)
    }

    fn step(&mut self, letter: char, depth: usize) -> Result<Step, String> {
        let one = |ranges: Vec<(char, char)>| Ok(Step::One { ranges, not: false });
        match letter {
            '.' => Ok(Step::One { ranges: Vec::new(), not: true }),
            '(' => {
                let choices = self.choices(depth + 1)?;
                match self.rest.next() {
                    Some(')') => Ok(Step::Group(choices)),
                    _ => Err("a group is not closed".into()),
                }
            }
            '[' => self.class(),
            '\\' => one(self.escaped()?),
            '*' | '+' | '?' | '{' | '}' | ']' | '^' | '$' => Err(format!("\"{letter}\" is not understood here")),
            plain => one(vec![(plain, plain)]),
        }
    }

    fn escaped(&mut self) -> Result<Vec<(char, char)>, String> {
        match self.rest.next() {
            Some('d') => Ok(vec![('0', '9')]),
            Some('w') => Ok(vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')]),
            Some(letter) if !letter.is_alphanumeric() => Ok(vec![(letter, letter)]),
            Some(letter) => Err(format!("\"\\{letter}\" is not understood")),
            None => Err("it ends with \"\\\"".into()),
        }
    }

    fn class(&mut self) -> Result<Step, String> {
        let not = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let first = match self.rest.next() {
                None => return Err("a class is not closed".into()),
                Some(']') if !ranges.is_empty() => return Ok(Step::One { ranges, not }),
                Some('[' | '&' | ']') => return Err("such a class is not understood".into()),
                Some('\\') => {
                    ranges.extend(self.escaped()?);
                    continue;
                }
                Some(letter) => letter,
            };
            let mut ahead = self.rest.clone();
            let last = match (ahead.next(), ahead.next()) {
                (Some('-'), Some(last)) if last != ']' && last != '\\' => {
                    self.rest = ahead;
                    last
                }
                _ => first,
            };
            ranges.push((first, last));
        }
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What of it is not understood.
    pub fn read(text: &str) -> Result<Pattern, String> {
        // The whole name has to fit in any case.
        let inner = text.strip_prefix('^').unwrap_or(text);
        let inner = inner.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(inner);
        let mut reader = Reader { rest: inner.chars().peekable() };
        let choices = reader.choices(0)?;
        match reader.rest.next() {
            None => Ok(Pattern { choices }),
            Some(_) => Err("a group is closed that was not opened".into()),
        }
    }

    /// Whether a whole name fits. One that takes too many attempts does not.
    pub fn fits(&self, name: &str) -> bool {
        let letters: Vec<char> = name.chars().collect();
        let mut attempts = ATTEMPTS_MAX;
        let ends = ends_of_choices(&self.choices, &letters, 0, &mut attempts);
        ends.contains(&letters.len())
    }
}

/// Where a match that begins here may end.
fn ends_of_choices(choices: &[Vec<Piece>], letters: &[char], from: usize, attempts: &mut usize) -> Vec<usize> {
    let mut ends: Vec<usize> = choices.iter().flat_map(|choice| ends_of(choice, letters, from, attempts)).collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

fn ends_of(pieces: &[Piece], letters: &[char], from: usize, attempts: &mut usize) -> Vec<usize> {
    let mut places = vec![from];
    for piece in pieces {
        let mut next: Vec<usize> = if piece.min == 0 { places.clone() } else { Vec::new() };
        let mut edge = places;
        while !edge.is_empty() {
            let mut reached = Vec::new();
            for place in edge {
                if *attempts == 0 {
                    return Vec::new();
                }
                *attempts -= 1;
                reached.extend(after(&piece.step, letters, place, attempts));
            }
            reached.sort_unstable();
            reached.dedup();
            reached.retain(|place| !next.contains(place));
            next.extend(&reached);
            edge = if piece.is_endless { reached } else { Vec::new() };
        }
        places = next;
    }
    places
}

fn after(step: &Step, letters: &[char], place: usize, attempts: &mut usize) -> Vec<usize> {
    match step {
        Step::Group(choices) => ends_of_choices(choices, letters, place, attempts),
        Step::One { ranges, not } => {
            let fits = |letter: &char| ranges.iter().any(|(first, last)| (first..=last).contains(&letter)) != *not;
            letters.get(place).filter(|letter| fits(letter)).map(|_| place + 1).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_a_whole() {
        let fits = |pattern: &str, name: &str| Pattern::read(pattern).expect(pattern).fits(name);
        assert!(fits("orders", "orders") && !fits("orders", "orders-2") && !fits("rders", "orders"));
        assert!(fits("orders.*", "orders") && fits("orders.*", "orders.eu") && !fits("orders.+", "orders"));
        assert!(fits("^orders-(eu|us)$", "orders-us") && !fits("orders-(eu|us)", "orders-asia"));
        assert!(fits("a|b", "a") && fits("a|b", "b") && !fits("a|b", "ab"));
        assert!(fits("t[0-9]+", "t42") && !fits("t[0-9]+", "t") && !fits("t[^0-9]", "t4"));
        assert!(fits("a\\.b", "a.b") && !fits("a\\.b", "axb") && fits("\\w\\d?", "x") && fits("[a\\d-]*", "a-1"));
        assert!(fits("(a*)*b", "aaab") && !fits("(a*)*b", "aaaa") && fits("", ""));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["(a", "a)", "[a", "*", "a{2}", "a**", "\\b", "(?i)a", "[]", "a\\"] {
            assert!(Pattern::read(text).is_err(), "{text}");
        }
        let deep = "(".repeat(50) + &")".repeat(50);
        assert!(Pattern::read(&deep).is_err());
    }

    #[test]
    fn a_pattern_that_explodes_ends() {
        let name = "a".repeat(249);
        assert!(!Pattern::read("(((a*)*)*)*b").expect("a pattern").fits(&name));
    }
}
