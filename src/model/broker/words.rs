//! Splitting a line typed at a console into words.
//!
//! Words are parted by blanks. Quotes, double or single, keep blanks inside a word; between double quotes a backslash
//! makes the next character plain, and `\n`, `\t` stand for a new line and a tab. `name="a b"` is one word.

/// The words of a line.
///
/// # Errors
/// A sentence, if a quote is not closed.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' | '\'' => quoted(character, &mut characters, word.get_or_insert_with(String::new))?,
            blank if blank.is_whitespace() => words.extend(word.take()),
            plain => word.get_or_insert_with(String::new).push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(quote: char, characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), String> {
    while let Some(character) = characters.next() {
        match character {
            end if end == quote => return Ok(()),
            '\\' if quote == '"' => match characters.next() {
                Some('n') => word.push('\n'),
                Some('t') => word.push('\t'),
                Some(plain) => word.push(plain),
                None => break,
            },
            plain => word.push(plain),
        }
    }
    Err(format!("The quote {quote} is not closed."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_blanks_and_may_stand_inside_a_word() {
        let cases: [(&str, &[&str]); 6] = [
            ("XADD s *  f a", &["XADD", "s", "*", "f", "a"]),
            (r#"publish x k "two words" persistent=true"#, &["publish", "x", "k", "two words", "persistent=true"]),
            (r#"body='{"a": 1}' "" "#, &[r#"body={"a": 1}"#, ""]),
            (r#""say \"hi\"\n" '\n'"#, &["say \"hi\"\n", "\\n"]),
            ("", &[]),
            (" \t ", &[]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line).as_deref(), Ok(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>()[..]));
        }
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert_eq!(split("say \"hi"), Err("The quote \" is not closed.".into()));
        assert_eq!(split("say 'hi"), Err("The quote ' is not closed.".into()));
        assert!(split("say \"hi\\").is_err());
    }
}
