use proptest::prelude::*;

use super::*;

#[test]
fn texts_are_read_as_serde_json_reads_them() {
    let texts = [
        "null",
        " true ",
        "[false, [], {}]",
        "0",
        "-0",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "1.5e3",
        "0.1",
        "1E-400",
        "5e-324",
        "123456789.123456789e-20",
        "\"\"",
        r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é 😀""#,
        "{\"a\": {\"b\": [1, 2.0, \"c\"]}, \"\": null}",
    ];
    for text in texts {
        let expected: Json = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(read(text), Ok(expected.clone()), "{text}");
        assert_eq!(to_text(&expected), expected.to_string());
    }
}

#[test]
fn what_is_no_json_is_refused_where_it_is_wrong() {
    let cases = [
        ("", 0, Flaw::EndsEarly),
        ("[1, 2", 5, Flaw::EndsEarly),
        ("\"abc", 4, Flaw::EndsEarly),
        ("nul", 3, Flaw::EndsEarly),
        ("-", 1, Flaw::EndsEarly),
        ("[1,]", 3, Flaw::Wrong("trailing comma")),
        ("[1 2]", 3, Flaw::Wrong("expected a comma or a closing bracket")),
        ("1 2", 2, Flaw::Wrong("trailing characters")),
        ("01", 1, Flaw::Wrong("a number must not begin with 0")),
        ("[1e999]", 1, Flaw::Wrong("number out of range")),
        ("\"a\nb\"", 2, Flaw::Wrong("a text must not have line breaks or control characters")),
        (r#""\ud800""#, 7, Flaw::Wrong("half a letter")),
        ("{\"a\": 1, \"a\": 2}", 9, Flaw::Twice("a".into())),
    ];
    for (text, at, flaw) in cases {
        assert_eq!(read(text), Err(JsonError { flaw, at }), "{text}");
    }
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&deep(DEPTH_MAX)).is_ok());
    assert_eq!(read(&deep(DEPTH_MAX + 1)).map_err(|error| error.flaw), Err(Flaw::TooDeep));
}

#[test]
fn a_place_is_found_in_the_text() {
    let text = "{\"a\": [1, {\"é\": 2,\n \"b\": \"x\"}],\n \"c\": true}";
    let found = |place: &str| find(text, place).map(|at| (text[at..].chars().next(), line_and_column(text, at)));
    assert_eq!(found(""), Some((Some('{'), (1, 1))));
    assert_eq!(found("a[0]"), Some((Some('1'), (1, 8))));
    assert_eq!(found("a[1].é"), Some((Some('2'), (1, 17))));
    assert_eq!(found("a[1].b"), Some((Some('"'), (2, 7))));
    assert_eq!(found("c"), Some((Some('t'), (3, 7))));
    assert_eq!((find(text, "a[2]"), find(text, "d")), (None, None));
    assert_eq!((line_and_column("", 0), line_and_column("ab", 2)), ((1, 1), (1, 2)));
}

/// Any value, some brackets deep.
fn values() -> impl Strategy<Value = Json> {
    let leaves = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaves.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_written_as_serde_json_writes_it_and_read_back(json in values()) {
        let text = to_text(&json);
        prop_assert_eq!(&text, &json.to_string());
        prop_assert_eq!(read(&text), Ok(json));
    }

    /// Texts of bytes that mean something in JSON, and damaged texts, are read or refused alike. Only a field that is
    /// there twice is refused here and not there.
    #[test]
    fn every_text_is_read_or_refused_as_by_serde_json(
        json in values(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
    ) {
        const LETTERS: &[char] =
            &['{', '}', '[', ']', '"', ',', ':', '0', '1', '9', '-', '+', 'e', 'E', '.', '\\', 't', 'n', 'u', ' ', '\n'];
        let mut letters: Vec<char> = json.to_string().chars().collect();
        for (place, letter) in damage {
            let place = place.index(letters.len());
            letters[place] = *letter.get(LETTERS);
        }
        let text: String = letters.into_iter().collect();
        match (read(&text), serde_json::from_str::<Json>(&text)) {
            (Ok(read), Ok(expected)) => prop_assert_eq!(read, expected),
            (Err(error), expected) => {
                prop_assert!(expected.is_err() || matches!(error.flaw, Flaw::Twice(_)), "{} {:?}", text, error);
                if let (Flaw::EndsEarly, Err(expected)) = (error.flaw, expected) {
                    prop_assert!(expected.is_eof(), "{} {}", text, expected);
                }
            }
            (Ok(_), Err(expected)) => prop_assert!(false, "{} was read: {}", text, expected),
        }
    }
}
