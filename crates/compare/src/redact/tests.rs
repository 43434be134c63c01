use super::*;
use crate::testing::{bodies, headers};
use crate::{compare, Answer, Kind, Rules};

fn redactor(json: &[&str]) -> Redactor {
    let text = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    Redactor::compile(&text(&["Authorization", "set-cookie"]), &text(json)).unwrap()
}

fn body(json: &[&str], content_type: &str, body: &str) -> String {
    String::from_utf8(redactor(json).body(Some(content_type), body.as_bytes()).into_owned()).unwrap()
}

const JSON: &str = "application/json";

#[test]
fn errors_say_where() {
    let error = Redactor::compile(&[], &["password".to_owned()])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("redact.json at \"password\": expected a JSONPath"),
        "{error}"
    );
    let error = Redactor::compile(&["a b".to_owned()], &[]).unwrap_err().to_string();
    assert_eq!(error, "redact.headers at \"a b\": \"a b\" is not the name of a header");
}

#[test]
fn headers_in_any_case() {
    let redactor = redactor(&[]);
    for name in ["authorization", "AUTHORIZATION", "Set-Cookie"] {
        assert_eq!(redactor.header(name, "x"), REDACTED);
    }
    assert_eq!(
        redactor.header("cookie", "password=x"),
        "password=x",
        "nothing is secret"
    );
}

#[test]
fn headers_hold_urls_and_parameters() {
    let redactor = redactor(&["$..password", "$..access_token"]);
    for (name, value, expected) in [
        (
            "location",
            "https://jo:pw@h/a?x=1&Password=p%20q&y=2#z",
            "https://[redacted]@h/a?x=1&Password=[redacted]&y=2#z",
        ),
        ("location", "//jo@h/", "//[redacted]@h/"),
        (
            "content-location",
            "/a#access_token=x;y/z&state=1",
            "/a#access_token=[redacted]&state=1",
        ),
        (
            "location",
            "app://cb#/in?access_token=x",
            "app://cb#/in?access_token=[redacted]",
        ),
        (
            "referer",
            "http://h/?user[password]=a b",
            "http://h/?user[password]=[redacted]",
        ),
        (
            "referer",
            "http://h/?user%5Bpassword%5D=a",
            "http://h/?user%5Bpassword%5D=[redacted]",
        ),
        (
            "referer",
            "http://h/?p%61ssword=a&b=%20",
            "http://h/?p%61ssword=[redacted]&b=%20",
        ),
        (
            "location",
            "/login?next=%2Fa%3Fpassword%3Dx&b=1",
            "/login?next=%2Fa%3Fpassword%3D[redacted]&b=1",
        ),
        (
            "link",
            "<https://h/?password=x>; rel=next, </b>; rel=prev",
            "<https://h/?password=[redacted]>; rel=next, </b>; rel=prev",
        ),
        ("refresh", "0; url=/a?password=x", "0; url=/a?password=[redacted]"),
        (
            "cookie",
            "a=1; password=x, \"y\" z; b=2",
            "a=1; password=[redacted]; b=2",
        ),
        (
            "x-cookie",
            "access_token=\"a; b\"; Path=/",
            "access_token=\"[redacted]\"; Path=/",
        ),
        (
            "x-note",
            "forgot password? see /password",
            "forgot password? see /password",
        ),
        ("location", "/password_reset?passwords=2", "/password_reset?passwords=2"),
    ] {
        assert_eq!(redactor.header(name, value), expected, "{name}: {value}");
        let mut of_difference = difference(&format!("header:{name}"), value);
        redactor.difference(&mut of_difference);
        assert_eq!(of_difference.old.as_deref(), Some(expected));
    }
}

#[test]
fn json_by_path() {
    let secret = ["$..password", "$.card", "$.list[*].x"];
    assert_eq!(
        body(&secret, JSON, r#"{"user": {"password" : "a\"b", "n": 1}}"#),
        r#"{"user": {"password" : "[redacted]", "n": 1}}"#
    );
    assert_eq!(
        body(&secret, JSON, r#"[{"password":{"a":[1,{"password":2}]}},3]"#),
        r#"[{"password":"[redacted]"},3]"#
    );
    assert_eq!(
        body(&secret, JSON, r#"{"card":12,"a":{"card":12},"list":[{"x":1,"y":2}]}"#),
        r#"{"card":"[redacted]","a":{"card":12},"list":[{"x":"[redacted]","y":2}]}"#
    );
    assert_eq!(
        body(&secret, JSON, r#"{"pass\u0077ord":"s"}"#),
        r#"{"pass\u0077ord":"[redacted]"}"#
    );
    assert_eq!(
        body(&secret, JSON, r#"{"password":1,"password":2}"#),
        r#"{"password":"[redacted]","password":"[redacted]"}"#
    );
    assert_eq!(body(&["$"], JSON, "{\"a\":1}"), "\"[redacted]\"");
    assert_eq!(body(&["$..*"], JSON, "[1,{\"a\":2}]"), r#"["[redacted]","[redacted]"]"#);
    let plain = br#"{"user":1}"#;
    assert!(matches!(redactor(&secret).body(Some(JSON), plain), Cow::Borrowed(_)));
}

#[test]
fn filters_and_indexes_count_as_any() {
    assert_eq!(
        body(&["$.u[?@.admin].key"], JSON, r#"{"u":[{"key":1},{"key":2}]}"#),
        r#"{"u":[{"key":"[redacted]"},{"key":"[redacted]"}]}"#
    );
    assert_eq!(
        body(&["$.u[0]"], JSON, r#"{"u":[1,2]}"#),
        r#"{"u":["[redacted]","[redacted]"]}"#
    );
}

#[test]
fn json_that_does_not_parse_is_removed_whole() {
    for broken in [
        r#"{"password":"secret"#,
        r#"{"password":"secret"}}"#,
        "{password:'secret'}",
        "secret",
        &("[".repeat(200) + "1" + &"]".repeat(200)),
    ] {
        assert_eq!(body(&["$..password"], JSON, broken), REDACTED, "{broken}");
    }
    assert_eq!(
        redactor(&["$..password"]).body(Some(JSON), b"\"\xff").as_ref(),
        REDACTED.as_bytes()
    );
    assert_eq!(body(&[], JSON, "{broken"), "{broken", "nothing is secret");
    assert_eq!(body(&["$.a"], JSON, ""), "");
}

#[test]
fn json_under_another_type() {
    let secret = ["$..password"];
    for content_type in ["text/plain", "", "application/octet-stream"] {
        assert_eq!(
            body(&secret, content_type, r#" {"password":1}"#),
            r#" {"password":"[redacted]"}"#
        );
        assert_eq!(body(&secret, content_type, r#"{"password":1"#), REDACTED);
        assert_eq!(
            body(&secret, content_type, "{\"password\":1}\n{\"password\":2}\n"),
            REDACTED
        );
        assert_eq!(
            body(&secret, content_type, "[INFO] nothing here"),
            "[INFO] nothing here"
        );
        assert_eq!(
            body(&secret, content_type, "plain password text"),
            "plain password text"
        );
        assert_eq!(body(&secret, content_type, "password=x\ny"), "password=[redacted]\ny");
    }
    assert_eq!(
        redactor(&secret).body(None, br#"{"password":1}"#).as_ref(),
        br#"{"password":"[redacted]"}"#
    );
}

#[test]
fn forms_by_last_name() {
    let form = "application/x-www-form-urlencoded";
    let secret = ["$.user.password", "$.cards[*]"];
    assert_eq!(
        body(&secret, form, "a=1&password=x%20y&b=2&Password=z"),
        "a=1&password=[redacted]&b=2&Password=[redacted]"
    );
    assert_eq!(
        body(
            &secret,
            form,
            "user%5Bpassword%5D=x&user[password][]=y&cards=1&passwords=2"
        ),
        "user%5Bpassword%5D=[redacted]&user[password][]=[redacted]&cards=[redacted]&passwords=2"
    );
    assert_eq!(
        body(&secret, form, "password&password="),
        "password&password=[redacted]"
    );
    assert_eq!(body(&["$.*"], form, "a=1&b=2"), "a=[redacted]&b=[redacted]");
    let part = "--x\r\nContent-Disposition: form-data; name=\"Password\"\r\n\r\nsecret\r\n--x--";
    assert_eq!(body(&secret, "multipart/form-data; boundary=x", part), REDACTED);
    let harmless = part.replace("Password", "file");
    assert_eq!(body(&secret, "multipart/form-data; boundary=x", &harmless), harmless);
    assert_eq!(body(&secret, "multipart/mixed; boundary=x", part), REDACTED);
}

#[test]
fn what_cannot_be_taken_apart_is_removed_whole() {
    let secret = ["$..password"];
    assert_eq!(body(&secret, "text/csv", "id,Password\n1,hunter2\n"), REDACTED);
    assert_eq!(body(&secret, "text/csv", "id,name\n1,jo\n"), "id,name\n1,jo\n");
    let wide: Vec<u8> = "password=x".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (content_type, body) in [
        ("text/plain; charset=UTF-16LE", wide.clone()),
        ("text/plain", [b"\xff\xfe".to_vec(), wide].concat()),
    ] {
        assert_eq!(
            redactor(&secret).body(Some(content_type), &body).as_ref(),
            REDACTED.as_bytes()
        );
    }
    assert_eq!(body(&["$..passwört"], "text/plain", "PASSWÖRT=x"), REDACTED);
    assert_eq!(body(&["$.*"], "text/plain", "x"), REDACTED);
    assert_eq!(body(&[], "text/plain", "password=x"), "password=x", "nothing is secret");
}

#[test]
fn strings_of_json_may_hold_secrets_too() {
    let secret = ["$..password", "$..access_token"];
    for (value, expected) in [
        (r#"{"next":"https://h/?access_token=x"}"#, r#"{"next":"[redacted]"}"#),
        (r#"{"log":"a\npassword=x","n":1}"#, r#"{"log":"[redacted]","n":1}"#),
        (r#"{"raw":"{\"password\":\"x\"}"}"#, r#"{"raw":"[redacted]"}"#),
        (r#"["postgres://jo:x@h/db"]"#, r#"["[redacted]"]"#),
        (
            r#"{"hint":"Forgot your password?"}"#,
            r#"{"hint":"Forgot your password?"}"#,
        ),
    ] {
        assert_eq!(body(&secret, JSON, value), expected);
        let mut of_difference = difference("$.a", value);
        redactor(&secret).difference(&mut of_difference);
        assert_eq!(of_difference.old.as_deref(), Some(expected));
    }
    let mut of_string = difference("$.next", r#""https://h/?access_token=x""#);
    redactor(&secret).difference(&mut of_string);
    assert_eq!(of_string.old.as_deref(), Some(REDACTED));
}

#[test]
fn an_excerpt_of_what_is_removed_is_known() {
    let redactor = redactor(&["$..password"]);
    let page = b"<p>hello</p>\n<password>\n  hunter2 and more\n</password>\n<p>bye</p>";
    let clean = redactor.clean(Some("text/html"), page);
    assert_eq!(clean.original(), page);
    assert!(clean.hides("  hunter2 and more") && clean.hides("…ter2 an…"));
    assert!(!clean.hides("<p>hello</p>") && !clean.hides("…bye</p>") && !clean.hides("rewritten by a rule"));
    assert!(!redactor.clean(Some("text/html"), b"<p>hello").hides("<p>hello"));
}

#[test]
fn targets_by_last_name() {
    let redactor = redactor(&["$..token"]);
    for (target, expected) in [
        ("/a?x=1&token=s3cret&y=?", "/a?x=1&token=[redacted]&y=?"),
        ("/a?%74oken=s&TOKEN=s", "/a?%74oken=[redacted]&TOKEN=[redacted]"),
        ("/a?x=1;token=s", "/a?x=1;token=[redacted]"),
        ("/a;token=s/b?c=1", "/a;token=[redacted]"),
        ("/token=s/b?x=1", "/token=[redacted]/b?x=1"),
    ] {
        assert_eq!(redactor.target("", target), expected);
    }
    for plain in ["/a?x=token", "/token", "/token/x?tokens=1"] {
        assert!(matches!(redactor.target("/{x}", plain), Cow::Borrowed(_)));
    }
}

#[test]
fn segments_by_the_name_in_the_template() {
    let redactor = redactor(&["$..token"]);
    for (template, target, expected) in [
        (
            "/reset/{token}",
            "/reset/s3cret?token=x&a=1",
            "/reset/[redacted]?token=[redacted]&a=1",
        ),
        (
            "/reset/{Token}/for/{id}",
            "/reset/s3cret/for/7",
            "/reset/[redacted]/for/7",
        ),
        ("/reset/{token}.pdf", "/reset/s3cret.pdf", "/reset/[redacted]"),
        ("/files/{*token}", "/files/a/b?c=1", "/files/[redacted]?c=1"),
        ("/files/{*rest}", "/files/a/b", "/files/a/b"),
        ("(other)", "/reset/x", "/reset/x"),
    ] {
        assert_eq!(redactor.target(template, target), expected);
    }
}

#[test]
fn no_difference_carries_a_secret() {
    let redactor = redactor(&["$..password", "$.a.b[0].key", "$.form"]);
    let secret = "hunter2hunter2";
    let old = format!(
        r#"{{"password":"{secret}","a":{{"b":[{{"key":"{secret}","n":1}}]}},"u":{{"password":{{"p":"{secret}"}}}},"z":{{"x":"y","password":"{secret}"}}}}"#
    );
    let long = "x".repeat(150);
    for new in [
        "{}".to_owned(),
        "[]".to_owned(),
        old.replace("hunter2\"", "hunter3\""),
        old.replace("\"z\":{", &format!("\"z\":{{\"l\":\"{long}\",")),
        r#"{"password":1,"a":{"b":[{"key":2}]},"u":{"password":{}},"z":null}"#.to_owned(),
        r#"{"password":[],"a":{"b":[{"key":{}}]},"u":{"password":{"p":[]}},"z":[]}"#.to_owned(),
        r#"{"a":{"b":[]},"u":0}"#.to_owned(),
    ] {
        for (old, new) in [(&old, &new), (&new, &old)] {
            let found = bodies(&Rules::default(), JSON, old.as_bytes(), new.as_bytes());
            assert!(!found.differences.is_empty());
            for mut difference in found.differences {
                redactor.difference(&mut difference);
                assert!(!format!("{difference:?}").contains("hunter"), "{difference:?}");
            }
        }
    }
}

fn difference(location: &str, text: &str) -> Difference {
    Difference {
        location: location.to_owned(),
        kind: Kind::Missing,
        old: Some(text.to_owned()),
        new: None,
        names_only: false,
        rule: None,
    }
}

#[test]
fn differences_keep_what_is_no_secret() {
    let redactor = redactor(&["$..password", "$.user.pin"]);
    let clean = |location: &str, text: &str| {
        let mut difference = difference(location, text);
        redactor.difference(&mut difference);
        assert_eq!(difference.location, location);
        difference.old.unwrap()
    };
    assert_eq!(
        clean("$.a", r#"{"b":1,"password":"x","c":[2]}"#),
        r#"{"b":1,"password":"[redacted]","c":[2]}"#
    );
    assert_eq!(clean("$.user", r#"{"pin":1,"n":2}"#), r#"{"pin":"[redacted]","n":2}"#);
    assert_eq!(clean("$.other", r#"{"pin":1,"n":2}"#), r#"{"pin":1,"n":2}"#);
    assert_eq!(clean("$.a[*].password.deep", "5"), REDACTED);
    assert_eq!(clean("$.a['password']", "5"), REDACTED);
    // Texts that have been cut, within a secret and elsewhere.
    assert_eq!(
        clean("$.a", r#"{"b":1,"password":"xyz…"#),
        r#"{"b":1,"password":"[redacted]"…"#
    );
    assert_eq!(
        clean("$.a", r#"{"password":{"x":1},"b":"cut o…"#),
        r#"{"password":"[redacted]","b":"cut o…"#
    );
    assert_eq!(clean("$.a", r#"{"b":1,"pass…"#), r#"{"b":1,"pass…"#);
    assert_eq!(clean("$.a", r#"[1,tr…"#), r#"[1,tr…"#);
    assert_eq!(clean("$.a", r#"[1,"\u00…"#), r#"[1,"\u00…"#);
    // What begins like JSON and is none may hold anything.
    assert_eq!(clean("$.a", "{b: secret}"), REDACTED);
    // Form fields have no parents.
    assert_eq!(clean("$.pin", "1234"), REDACTED);
    assert_eq!(clean("$['user[pin]']", "1234"), REDACTED);
    assert_eq!(clean("status", "200"), "200");
    assert_eq!(clean("header:authorization", "Bearer x"), REDACTED);
    assert_eq!(
        clean("header:location", "/cb?password=x&a=1"),
        "/cb?password=[redacted]&a=1"
    );
    assert_eq!(clean("body", "<input name=password value=x>"), REDACTED);
    assert_eq!(clean("body", "<p>hello"), "<p>hello");
}

#[test]
fn bodies_that_cannot_be_taken_apart_show_nothing() {
    let redactor = redactor(&["$..password"]);
    let long = format!(r#"{{"password":"{}hunter2"#, "x".repeat(500));
    for (old_type, new_type) in [
        (JSON, JSON),
        (JSON, "text/plain"),
        ("image/png", JSON),
        ("image/png", "image/png"),
    ] {
        let (a, b) = (
            headers(&[("content-type", old_type)]),
            headers(&[("content-type", new_type)]),
        );
        let (x, y) = (long.clone() + "A", long.clone() + "B");
        let old = Answer {
            status: 200,
            headers: &a,
            body: x.as_bytes(),
        };
        let new = Answer {
            status: 200,
            headers: &b,
            body: y.as_bytes(),
        };
        for mut difference in compare(&Rules::default(), &old, &new).differences {
            redactor.difference(&mut difference);
            assert!(!format!("{difference:?}").contains("hunter"), "{difference:?}");
        }
    }
}

/// The texts of the one difference between two sets of cookies, as they are kept.
fn kept_cookies(rules: &str, secret: &[String], old: &[&str], new: &[&str]) -> (String, String) {
    let lines = |values: &[&str]| {
        let lines: Vec<_> = values.iter().map(|&value| ("set-cookie", value)).collect();
        headers(&lines)
    };
    let (old, new) = (lines(old), lines(new));
    let answer = |headers| Answer {
        status: 200,
        headers,
        body: b"",
    };
    let mut found = compare(&crate::testing::rules(rules), &answer(&old), &answer(&new)).differences;
    let mut difference = found.pop().expect("they differ");
    assert_eq!((found.len(), difference.location.as_str()), (0, "header:set-cookie"));
    Redactor::compile(secret, &["$..token".to_owned()])
        .unwrap()
        .difference(&mut difference);
    (difference.old.unwrap(), difference.new.unwrap())
}

#[test]
fn cookies_that_differ_are_named() {
    let secret = ["set-cookie".to_owned()];
    let shown = |old: &[&str], new: &[&str]| kept_cookies("{}", &secret, old, new);
    let names = |old: &str, new: &str| (old.to_owned(), new.to_owned());
    assert_eq!(
        shown(&["session=hunter2; Path=/", "theme=dark"], &["session=hunter2"]),
        names("session, theme", "session")
    );
    assert_eq!(shown(&["hunter2"], &["id=hunter2"]), names("(no name)", "id"));
    assert_eq!(shown(&["aHVudGVyMg==; Path=/"], &["id=1"]), names("(no name)", "id"));
    assert_eq!(shown(&["token=hunter2"], &["a=hunter2"]), names("token", "a"));
    assert_eq!(
        kept_cookies("{}", &[], &["session=hunter2"], &["hunter2"]),
        names("session", "(no name)"),
        "where the header is no secret"
    );
}

#[test]
fn values_of_cookies_stay_secret_where_they_are_compared() {
    let values = r#"{"headers":["set-cookie"]}"#;
    let secret = ["set-cookie".to_owned()];
    for (old, new) in [("a=1", "a=2"), ("hunter2", "hunter3"), ("token=1", "token=2")] {
        let (old, new) = kept_cookies(values, &secret, &[old], &[new]);
        assert_eq!((old.as_str(), new.as_str()), (REDACTED, REDACTED));
    }
    let (old, new) = kept_cookies(values, &[], &["token=1; Path=/", "b=1"], &["b=2"]);
    assert_eq!((old.as_str(), new.as_str()), ("token=[redacted]; Path=/, b=1", "b=2"));
}

#[test]
fn names_of_cookies_that_are_secret_can_be_kept_out() {
    let rules = r#"{"headers":["set-cookie"],"ignore":[{"at":"header:set-cookie"}]}"#;
    let (old, new) = kept_cookies(rules, &["set-cookie".to_owned()], &["cart-of-jo=1"], &["cart=1"]);
    assert_eq!((old.as_str(), new.as_str()), (REDACTED, REDACTED));
}
