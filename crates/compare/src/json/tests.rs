use super::*;

fn document(text: &str) -> Document<'_> {
    parse(text.as_bytes(), None).unwrap()
}

fn error(text: &str) -> String {
    match parse(text.as_bytes(), None) {
        Err(ParseError::Syntax(Syntax { at, expected })) => format!("{at}: {expected}"),
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[test]
fn accepts_what_rfc_8259_allows() {
    for text in [
        "0",
        "-0",
        "1.5e+10",
        "1E400",
        " [ ] ",
        "{}",
        "[[],{}]",
        r#""""#,
        r#""\u00e9\n\/""#,
        r#""\ud800""#,
        "null\n",
        r#"{"a":1,"a":2}"#,
        "\"\u{7f}é😀\"",
        "123456789012345678901234567890",
    ] {
        document(text);
        serde_json::from_str::<serde::de::IgnoredAny>(text).unwrap();
    }
}

#[test]
fn refuses_what_it_does_not_and_says_where() {
    for (text, expected) in [
        ("", "0: a JSON value"),
        ("nan", "0: a JSON value"),
        ("NaN", "0: a JSON value"),
        ("[Infinity]", "1: a JSON value"),
        ("01", "1: nothing after the value"),
        ("1.", "2: a digit"),
        (".5", "0: a JSON value"),
        ("+1", "0: a JSON value"),
        ("-", "1: a digit"),
        ("1e", "2: a digit"),
        ("[1,]", "3: a JSON value"),
        ("[1 2]", "3: `,` or `]`"),
        ("{\"a\" 1}", "5: `:`"),
        ("{a:1}", "1: a member name"),
        ("{\"a\":1,}", "7: a member name"),
        ("\"a", "2: the end of the string"),
        ("\"a\nb\"", "2: no control character in a string"),
        ("\"\\x\"", "2: a valid escape"),
        ("\"\\u12g4\"", "5: four hexadecimal digits"),
        ("'a'", "0: a JSON value"),
        ("[1] x", "4: nothing after the value"),
        ("\u{feff}1", "0: a JSON value"),
    ] {
        assert_eq!(error(text), expected, "{text:?}");
    }
}

#[test]
fn no_control_character_gets_through() {
    for code in 0..0x20_u8 {
        let text = format!("\"{}\"", code as char);
        assert_eq!(error(&text), "1: no control character in a string", "{code}");
    }
    document("\" \u{7f}\u{80}\"");
}

#[test]
fn a_control_character_is_found_at_any_place_of_a_word() {
    for before in 0..24 {
        let text = format!("\"{}\u{1}{}\"", "x".repeat(before), "y".repeat(20));
        assert_eq!(
            error(&text),
            format!("{}: no control character in a string", before + 1)
        );
        let escaped = format!("\"{}\\t{}\"", "é".repeat(before), "y".repeat(20));
        let document = document(&escaped);
        assert_eq!(
            document.root().text(),
            format!("{}\t{}", "é".repeat(before), "y".repeat(20)).as_bytes()
        );
    }
}

#[test]
fn refuses_other_encodings() {
    assert_eq!(parse(b"\"a\xff\"", None).unwrap_err(), ParseError::NotUtf8 { at: 2 });
    assert!(matches!(parse(b"\x00\"\x00a", None), Err(ParseError::Syntax(_))));
}

#[test]
fn ten_megabytes_of_brackets_overflow_nothing() {
    let text = "[".repeat(10 << 20);
    assert_eq!(parse(text.as_bytes(), None).unwrap_err(), ParseError::TooDeep);
    let text = "{\"a\":".repeat(2 << 20);
    assert_eq!(parse(text.as_bytes(), None).unwrap_err(), ParseError::TooDeep);
    let most = crate::limits::DEPTH;
    document(&("[".repeat(most) + &"]".repeat(most)));
}

#[test]
fn the_number_of_nodes_is_capped() {
    let text = format!("[{}0]", "0,".repeat(crate::limits::NODES));
    assert_eq!(parse(text.as_bytes(), None).unwrap_err(), ParseError::TooMany);
}

#[test]
fn strings_lose_their_escapes() {
    for (text, expected) in [
        (r#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz".as_bytes()),
        (r#""\u0041\u00e9\u20AC""#, "Aé€".as_bytes()),
        (r#""\ud83d\ude00""#, "😀".as_bytes()),
        (r#""\ud83d\u0041""#, b"\xed\xa0\xbdA"),
        (r#""\ud83dx""#, b"\xed\xa0\xbdx"),
        (r#""\ude00""#, b"\xed\xb8\x80"),
    ] {
        assert_eq!(*document(text).root().text(), *expected, "{text}");
    }
}

#[test]
fn numbers_are_exact() {
    let equal = |a: &str, b: &str| Number::new(a.as_bytes()).equals(&Number::new(b.as_bytes()));
    for (a, b) in [
        ("1", "1.0"),
        ("100", "1e2"),
        ("100", "1E+2"),
        ("0.01", "1e-2"),
        ("0.010", "10e-3"),
        ("-0", "0"),
        ("0e9", "0.000"),
        ("1e400", "10e399"),
        ("-1.50", "-15e-1"),
        ("0e99999999999999999999", "0"),
        ("1230000", "1.23e6"),
        ("0.00123", "1.23e-3"),
    ] {
        assert!(equal(a, b) && equal(b, a), "{a} {b}");
    }
    for (a, b) in [
        ("1", "-1"),
        ("1", "10"),
        ("12", "1.2"),
        ("1e400", "1e401"),
        ("9007199254740993", "9007199254740992"),
        ("0.1", "0.10000000000000001"),
        ("1e99999999999999999999", "1e99999999999999999998"),
        ("0.1", "0.01"),
        ("101", "11"),
    ] {
        assert!(!equal(a, b) && !equal(b, a), "{a} {b}");
    }
}

#[test]
fn tolerance_is_exact_where_doubles_are_not() {
    let near = |a: &str, b: &str, absolute: Option<f64>, relative: Option<f64>| {
        let decimal = |value: Option<f64>| value.map(|value| Decimal::from_float(value).unwrap());
        let (a, b) = (Number::new(a.as_bytes()), Number::new(b.as_bytes()));
        let result = a.is_near(&b, decimal(absolute), decimal(relative));
        assert_eq!(result, b.is_near(&a, decimal(absolute), decimal(relative)));
        result
    };
    assert!(
        near("0.3", "0.31", Some(0.01), None),
        "as doubles 0.31 - 0.3 is more than 0.01"
    );
    assert!(!near("0.3", "0.3100000000000001", Some(0.01), None));
    assert!(!near("9007199254740993", "9007199254740992", Some(0.5), None));
    assert!(near("9007199254740993", "9007199254740992", Some(1.0), None));
    assert!(near("1", "1.0", Some(0.0), None));
    assert!(near("100", "101", None, Some(0.01)) && !near("100", "102", None, Some(0.01)));
    assert!(near("-1", "1", Some(2.0), None) && !near("-1", "1", Some(1.9), None));
    assert!(near("5", "6", Some(0.1), Some(0.5)), "either is enough");
    assert!(near("1e-300", "2e-300", Some(1e-300), None));
    assert!(near("1e300", "1.0000001e300", None, Some(1e-6)));
    assert!(
        !near("1e300", "1", Some(5.0), Some(0.5)),
        "too far apart for 128 bits, so by doubles"
    );
    assert!(!near("1e400", "1e401", Some(1e9), Some(0.5)), "no double holds either");
    assert!(near("0", "0.005", Some(0.01), None));
    assert!(Decimal::from_float(-1.0).is_none() && Decimal::from_float(f64::NAN).is_none());
}

/// Walks both and gives what a walk sees.
fn flat(view: View<'_>, out: &mut String) {
    out.push_str(std::str::from_utf8(view.raw()).unwrap());
    out.push('\n');
    view.elements().for_each(|element| flat(element, out));
    for (name, value) in view.members() {
        flat(name, out);
        flat(value, out);
    }
}

#[test]
fn a_document_on_a_base_is_the_same_as_alone() {
    let texts = [
        r#"{"a":1,"b":[1,2,{"c":"x"}],"d":null}"#,
        r#"{"a":12,"b":[1,2,{"c":"x"}],"d":null}"#,
        r#"{"a":1,"b":[0,1,2,{"c":"x"}],"d":null}"#,
        r#"{"b":[1,2,{"c":"x"}],"d":null}"#,
        r#"{"a":1,"e":2,"b":[1,2,{"c":"y"}],"d":null}"#,
        r#"{ "a":1, "b":[1,2,{"c":"x"} ],"d":null, "z":[]}"#,
        r#"{"a":1.5,"b":[1e3,2,{"c":"x"}],"d":[null]}"#,
        r#"[{"a":1},{"a":1}]"#,
        r#"[{"a":1},{"a":1},{"a":1}]"#,
        "1",
        "12",
        "[1]",
        "[12]",
        "[]",
        "{}",
        "\"a\"",
        "\"a\\n\"",
    ];
    for old in texts {
        let base = document(old);
        for new in texts {
            let both = [parse(new.as_bytes(), Some(&base)).unwrap(), document(new)];
            let [shared, alone] = both.each_ref().map(|document| {
                let mut out = String::new();
                flat(document.root(), &mut out);
                out
            });
            assert_eq!(shared, alone, "{new} on {old}");
        }
        // Mistakes are found behind what is shared, too.
        for cut in 0..old.len() {
            assert!(
                parse(&old.as_bytes()[..cut], Some(&base)).is_err()
                    || old.as_bytes()[cut].is_ascii_digit()
                    || cut == 1 && old == "12"
            );
        }
    }
}
