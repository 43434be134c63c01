use http::{header, HeaderMap, HeaderValue};

use crate::testing::{headers, rules, shown};
use crate::{compare, Answer};

fn differences(rules_json: &str, old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
    let (old, new) = (headers(old), headers(new));
    let old = Answer {
        status: 200,
        headers: &old,
        body: b"same",
    };
    let new = Answer {
        status: 200,
        headers: &new,
        body: b"same",
    };
    shown(&compare(&rules(rules_json), &old, &new))
}

#[test]
fn what_does_not_count_is_not_seen() {
    for name in [
        "date",
        "server",
        "content-length",
        "x-request-id",
        "connection",
        "keep-alive",
        "x-extra",
        "age",
        "via",
        "transfer-encoding",
    ] {
        assert_eq!(differences("{}", &[(name, "1")], &[(name, "2")]), [""; 0], "{name}");
        assert_eq!(differences("{}", &[(name, "1")], &[]), [""; 0], "{name}");
    }
}

#[test]
fn what_counts_is_seen() {
    for name in [
        "location",
        "link",
        "www-authenticate",
        "content-disposition",
        "content-range",
        "cache-control",
        "vary",
        "content-language",
        "accept-ranges",
        "access-control-allow-origin",
        "access-control-allow-headers",
        "access-control-max-age",
        "allow",
        "content-type",
    ] {
        assert_eq!(
            differences("{}", &[(name, "a")], &[(name, "b")]),
            [format!("header:{name} value a|b")]
        );
        assert_eq!(
            differences("{}", &[(name, "a")], &[]),
            [format!("header:{name} missing a|-")]
        );
        assert_eq!(
            differences("{}", &[], &[(name, "a")]),
            [format!("header:{name} extra -|a")]
        );
        assert_eq!(
            differences("{}", &[(name, "a")], &[(&name.to_ascii_uppercase(), "a")]),
            [""; 0]
        );
    }
    for name in ["etag", "last-modified", "retry-after"] {
        assert_eq!(differences("{}", &[(name, "a")], &[(name, "b")]), [""; 0]);
        assert_eq!(
            differences("{}", &[(name, "a")], &[]),
            [format!("header:{name} missing a|-")]
        );
    }
}

#[test]
fn spelling_that_means_nothing_is_equal() {
    for (name, old, new) in [
        ("cache-control", "no-cache, max-age=5", "Max-Age=5,no-cache"),
        ("vary", "Accept, Origin", "origin,accept"),
        ("allow", "GET, HEAD", "HEAD,GET"),
        (
            "content-type",
            "text/html; charset=UTF-8",
            "Text/HTML;charset=\"utf-8\"",
        ),
        ("content-type", "application/json; charset=utf-8", "application/json"),
        (
            "content-type",
            "multipart/mixed; boundary=a",
            "multipart/mixed; boundary=b",
        ),
        ("content-type", "text/csv; a=1; b=2", "text/csv;b=2;a=1"),
    ] {
        assert_eq!(
            differences("{}", &[(name, old)], &[(name, new)]),
            [""; 0],
            "{old} {new}"
        );
    }
    for (name, old, new) in [
        ("content-type", "text/html; charset=utf-8", "text/html"),
        ("content-type", "application/json; charset=latin-1", "application/json"),
        ("content-type", "application/json", "application/problem+json"),
        ("allow", "GET", "get"),
        (
            "link",
            "</b>; rel=next, </a>; rel=prev",
            "</a>; rel=prev, </b>; rel=next",
        ),
    ] {
        assert_eq!(
            differences("{}", &[(name, old)], &[(name, new)]).len(),
            1,
            "{old} {new}"
        );
    }
}

#[test]
fn lines_of_one_header_count_in_order() {
    assert_eq!(
        differences("{}", &[("link", "a"), ("link", "b")], &[("link", "a, b")]),
        [""; 0]
    );
    assert_eq!(
        differences("{}", &[("link", "a"), ("link", "b")], &[("link", "b"), ("link", "a")]),
        ["header:link value a, b|b, a"]
    );
    assert_eq!(
        differences("{}", &[("vary", "a"), ("vary", "b")], &[("vary", "B, A")]),
        [""; 0]
    );
}

#[test]
fn cookies_count_by_name() {
    let cookie = "set-cookie";
    assert_eq!(
        differences(
            "{}",
            &[(cookie, "a=1; Path=/"), (cookie, "b=2")],
            &[(cookie, "b=9"), (cookie, "a=3")]
        ),
        [""; 0]
    );
    assert_eq!(
        differences("{}", &[(cookie, "a=1"), (cookie, "b=2")], &[(cookie, "a=3")]),
        ["header:set-cookie value a, b|a"]
    );
    assert_eq!(
        differences("{}", &[(cookie, "a=secret")], &[]),
        ["header:set-cookie missing a|-"]
    );
}

#[test]
fn a_cookie_without_a_name_shows_no_value() {
    let cookie = "set-cookie";
    let long = format!("{}=1", "j".repeat(65));
    for nameless in [
        "tok3n",
        "tok3n; Path=/",
        " =tok3n",
        "==tok3n",
        "tok3n; Max-Age=9",
        "dG9rM24x=; Path=/",
        "dG9rM24=; Max-Age=9; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
        "dG9rMw==; Path=/",
        "dG9rMw==; Max-Age=0",
        "dG9rMw == ",
        "dG9rMw==--5ig",
        "\"tok3n=1\"",
        "\"to;k3n=1\"",
        "my tok3n=1",
        "my,tok3n=1",
        "user:tok3n=1",
        "/tok3n=1",
        "tök3n=1",
        &long,
    ] {
        assert_eq!(
            differences("{}", &[(cookie, nameless), (cookie, "a=1")], &[(cookie, "a=2")]),
            ["header:set-cookie value (no name), a|a"],
            "{nameless}"
        );
        assert_eq!(
            differences("{}", &[(cookie, nameless)], &[(cookie, "0ther")]),
            [""; 0],
            "values differ by nature"
        );
    }
}

#[test]
fn a_name_is_a_token_with_a_value_or_one_that_is_cleared() {
    let longest = "j".repeat(64);
    for (line, name) in [
        ("__Host-a.b=1", "__Host-a.b"),
        (" a = 1 ", "a"),
        ("a=\"\"", "a"),
        ("a=b==", "a"),
        ("a=; Path=/; Max-Age=0", "a"),
        ("a=;max-age = -1", "a"),
        ("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a"),
        (&format!("{longest}=1"), longest.as_str()),
    ] {
        assert_eq!(
            differences("{}", &[("set-cookie", line)], &[]),
            [format!("header:set-cookie missing {name}|-")],
            "{line}"
        );
    }
}

#[test]
fn users_can_ask_for_more() {
    let rules = r#"{"headers":["X-Extra","etag"]}"#;
    assert_eq!(
        differences(
            rules,
            &[("x-extra", "A"), ("etag", "1")],
            &[("x-extra", "a"), ("etag", "2")]
        ),
        ["header:x-extra value A|a", "header:etag value 1|2"]
    );
}

#[test]
fn rules_hide_headers() {
    let hidden = |rule: &str, old: &str, new: &str| {
        let json = format!(r#"{{{rule},"headers":["x-n"]}}"#);
        let found = differences(&json, &[("x-n", old)], &[("x-n", new)]);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].ends_with(']')
    };
    assert!(hidden(r#""ignore":[{"at":"header:X-N"}]"#, "a", "b"));
    assert!(hidden(r#""ignore":[{"at":"header:*"}]"#, "a", "b"));
    assert!(!hidden(r#""ignore":[{"at":"header:x-m"}]"#, "a", "b"));
    assert!(
        hidden(r#""case":[{"at":"header:x-n"}]"#, "A", "a") && !hidden(r#""case":[{"at":"header:x-n"}]"#, "A", "b")
    );
    assert!(hidden(
        r#""equivalent":[{"at":"header:x-n","pattern":"\\d+","replacement":"N"}]"#,
        "a1",
        "a22"
    ));
    assert!(
        hidden(r#""unordered":[{"at":"header:x-n"}]"#, "a, b", "b,a")
            && !hidden(r#""unordered":[{"at":"header:x-n"}]"#, "a", "b")
    );
    let tolerance = r#""tolerance":[{"at":"header:x-n","absolute":1}]"#;
    assert!(hidden(tolerance, "5", "6") && !hidden(tolerance, "5", "7") && !hidden(tolerance, "5 s", "6 s"));
    let additive = r#"{"additive":[{"at":"header:vary"}]}"#;
    assert_eq!(
        differences(additive, &[], &[("vary", "a")]),
        ["header:vary extra -|a [additive header:vary]"]
    );
    assert_eq!(
        differences(additive, &[("vary", "a")], &[]),
        ["header:vary missing a|-"]
    );
}

#[test]
fn bytes_that_are_no_text_count_and_are_shown() {
    let answer =
        |value: &'static [u8]| HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_bytes(value).unwrap())]);
    let found = |old, new| {
        let (old, new) = (answer(old), answer(new));
        let answer = |headers| Answer {
            status: 200,
            headers,
            body: b"",
        };
        shown(&compare(&rules("{}"), &answer(&old), &answer(&new)))
    };
    assert_eq!(found(b"/caf\xe9", b"/caf\xe9"), [""; 0]);
    assert_eq!(
        found(b"/caf\xe9", b"/caf\xe8"),
        ["header:location value /caf\u{fffd}|/caf\u{fffd}"]
    );
    assert_eq!(
        found(b"/caf\xe9", "/café".as_bytes()),
        ["header:location value /caf\u{fffd}|/café"]
    );
}

#[test]
fn odd_values_do_no_harm() {
    let long = "é".repeat(300);
    let [line] = differences("{}", &[("location", &long)], &[("location", "/")])
        .try_into()
        .unwrap();
    assert!(line.len() < 240 && line.contains('…'), "{line}");
    let (old, new) = (
        headers(&[
            ("set-cookie", ""),
            ("set-cookie", ";"),
            ("vary", ",,"),
            ("content-type", ";=;"),
        ]),
        headers(&[]),
    );
    let found = compare(
        &rules("{}"),
        &Answer {
            status: 200,
            headers: &old,
            body: b"",
        },
        &Answer {
            status: 200,
            headers: &new,
            body: b"",
        },
    );
    assert_eq!(found.differences.len(), 3);
}
