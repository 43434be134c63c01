use std::io::Write;

use flate2::write::GzEncoder;
use flate2::Compression;

use crate::testing::{bodies, headers, rules, shown};
use crate::{compare, Answer, Cap, Comparison, Outcome, Rules};

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

type Side<'a> = (&'a [(&'a str, &'a str)], &'a [u8]);

fn sides(old: Side<'_>, new: Side<'_>) -> Comparison {
    let (a, b) = (headers(old.0), headers(new.0));
    let old = Answer {
        status: 200,
        headers: &a,
        body: old.1,
    };
    let new = Answer {
        status: 200,
        headers: &b,
        body: new.1,
    };
    compare(&Rules::default(), &old, &new)
}

fn plain(content_type: &str, old: &[u8], new: &[u8]) -> Vec<String> {
    shown(&bodies(&Rules::default(), content_type, old, new))
}

#[test]
fn equal_bytes_are_equal_whatever_they_are() {
    for body in [b"{not json".as_slice(), b"\xff\xfe", b"", b"[1]"] {
        for content_type in [
            "application/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "image/png",
            "?",
        ] {
            assert_eq!(plain(content_type, body, body), [""; 0]);
        }
    }
}

#[test]
fn the_content_type_says_how() {
    for content_type in [
        "application/json",
        "application/problem+json; charset=utf-8",
        "APPLICATION/VND.API+JSON",
        "text/json",
    ] {
        assert_eq!(plain(content_type, b"[1]", b"[ 1 ]"), [""; 0], "{content_type}");
        assert_eq!(
            plain(content_type, b"[1]", b"[2]"),
            ["$[*] value 1|2"],
            "{content_type}"
        );
    }
    for content_type in [
        "text/plain",
        "text/html",
        "application/xml",
        "image/svg+xml",
        "application/javascript",
        "application/x-ndjson",
    ] {
        assert_eq!(plain(content_type, b"a", b"b"), ["body text a|b"], "{content_type}");
    }
    for content_type in [
        "application/octet-stream",
        "image/png",
        "",
        "nonsense",
        "multipart/form-data; boundary=x",
    ] {
        assert_eq!(
            plain(content_type, b"abc", b"abd!"),
            ["body bytes 3 bytes, the first that differs is number 3|4 bytes, the first that differs is number 3"],
            "{content_type}"
        );
    }
    assert_eq!(shown(&sides((&[], b"a"), (&[], b"b"))).len(), 1);
}

#[test]
fn different_types() {
    let (json, html, text) = (
        [("content-type", "application/json")],
        [("content-type", "text/html")],
        [("content-type", "text/plain")],
    );
    assert_eq!(
        shown(&sides((&text, b"[1]"), (&json, b"[ 2 ]"))),
        [
            "header:content-type value text/plain|application/json",
            "$[*] value 1|2"
        ]
    );
    assert_eq!(
        shown(&sides((&text, b"[1]"), (&json, b"[ 1 ]"))),
        ["header:content-type value text/plain|application/json"]
    );
    assert_eq!(
        shown(&sides((&json, b"{\"token\":1}"), (&html, b"<h1>"))),
        [
            "header:content-type value application/json|text/html",
            "body text JSON, 11 bytes|not JSON: expected a JSON value at byte 1, of 4"
        ]
    );
    assert_eq!(
        shown(&sides((&html, b"<h1>"), (&text, b"h"))),
        ["header:content-type value text/html|text/plain", "body text <h1>|h"]
    );
    assert_eq!(
        shown(&sides((&html, b"<h1>"), (&[("content-type", "image/png")], b"h"))).len(),
        2
    );
}

#[test]
fn json_that_is_none() {
    assert_eq!(
        plain("application/json", b"{\"a\":1}", b"{\"a\":NaN}"),
        ["body text JSON, 7 bytes|not JSON: expected a JSON value at byte 6, of 9"]
    );
    assert_eq!(plain("application/json", b"{\"a\":1", b"{\"a\":2").len(), 1);
    assert_eq!(
        plain("application/json", b"\"\xff\"", b"\"a\""),
        ["body bytes not UTF-8 at byte 2, of 3|JSON, 3 bytes"]
    );
    let marked = [b"\xef\xbb\xbf".as_slice(), b"[1]"].concat();
    assert_eq!(
        plain("application/json", &marked, b"[1]"),
        ["body text not JSON: expected a JSON value at byte 1, of 6|JSON, 3 bytes"]
    );
    assert_eq!(
        plain(
            "application/json",
            &marked,
            &[b"\xef\xbb\xbf".as_slice(), b"[2]"].concat()
        ),
        ["$[*] value 1|2"]
    );
}

#[test]
fn an_empty_body_is_missing() {
    for content_type in ["application/json", "text/plain", "image/png"] {
        assert_eq!(plain(content_type, b"{}", b""), ["body missing 2 bytes|-"]);
        assert_eq!(plain(content_type, b"", b"{}"), ["body extra -|2 bytes"]);
        assert_eq!(plain(content_type, b"", b""), [""; 0]);
    }
}

#[test]
fn a_status_that_differs_is_all_there_is_to_say() {
    let (a, b) = (headers(&[("location", "/a")]), headers(&[]));
    let old = Answer {
        status: 302,
        headers: &a,
        body: b"x",
    };
    let new = Answer {
        status: 500,
        headers: &b,
        body: b"y",
    };
    let found = compare(&Rules::default(), &old, &new);
    assert_eq!(
        (shown(&found), found.outcome()),
        (vec!["status value 302|500".to_owned()], Outcome::Mismatch)
    );
    let found = compare(&rules(r#"{"ignore":[{"at":"status","id":"s"}]}"#), &old, &new);
    assert_eq!(shown(&found).len(), 3);
    assert_eq!(
        shown(&found)[..2],
        ["status value 302|500 [s]", "header:location missing /a|-"]
    );
    let all = r#"{"ignore":[{"at":"status"},{"at":"header:*"},{"at":"body"}]}"#;
    assert_eq!(compare(&rules(all), &old, &new).outcome(), Outcome::Ignored);
}

#[test]
fn encodings_are_undone_first() {
    let json = ("content-type", "application/json");
    let (plain, zipped) = ([json], [json, ("content-encoding", "gzip")]);
    assert_eq!(shown(&sides((&plain, b"[1]"), (&zipped, &gzip(b"[1]")))), [""; 0]);
    assert_eq!(
        shown(&sides((&zipped, &gzip(b"[2]")), (&zipped, &gzip(b"[1]")))),
        ["$[*] value 2|1"]
    );
    assert_eq!(shown(&sides((&zipped, &gzip(b"")), (&plain, b""))), [""; 0]);
    // The same bytes under another encoding are another body.
    let body = gzip(b"[1]");
    assert_eq!(shown(&sides((&zipped, &body), (&plain, &body))).len(), 1);
    // What cannot be decoded is a difference, unless it is the same on both sides.
    let broken = "body bytes 3 bytes that cannot be decoded: invalid gzip data|3 bytes";
    assert_eq!(shown(&sides((&zipped, b"abc"), (&zipped, b"abc"))), [""; 0]);
    assert_eq!(shown(&sides((&zipped, b"abc"), (&plain, b"abc"))), [broken]);
    assert_eq!(
        shown(&sides((&zipped, b"abc"), (&zipped, b"abd"))),
        [format!("{broken} that cannot be decoded: invalid gzip data")]
    );
}

#[test]
fn caps_are_said() {
    let capped = |old: &[u8], new: &[u8]| {
        let found = bodies(&Rules::default(), "application/json", old, new);
        assert_eq!((found.outcome(), found.differences.len()), (Outcome::Mismatch, 1));
        found.capped
    };
    let deep = |n: usize, leaf: &str| ("[".repeat(n) + leaf + &"]".repeat(n)).into_bytes();
    assert_eq!(capped(&deep(128, "1"), &deep(128, "2")), None);
    assert_eq!(capped(&deep(129, "1"), &deep(129, "2")), Some(Cap::Depth));
    assert_eq!(capped(&"[".repeat(10 << 20).into_bytes(), b"[]"), Some(Cap::Depth));
    let many = |last: char| format!("[{}{last}]", "0,".repeat(crate::limits::NODES)).into_bytes();
    assert_eq!(capped(&many('1'), &many('2')), Some(Cap::Nodes));
    let zipped = [("content-encoding", "gzip"), ("content-type", "application/json")];
    let bomb = |n: u8| gzip(&vec![n; crate::limits::DECODED + 1]);
    let found = sides((&zipped, &bomb(1)), (&zipped, &bomb(2)));
    assert_eq!((found.outcome(), found.capped), (Outcome::Mismatch, Some(Cap::Decoded)));
}

#[test]
fn ten_megabytes_are_compared_whole() {
    let body = |last: u32| {
        let mut body = String::from("[");
        let mut n = 0;
        while body.len() < 10 << 20 {
            body += &format!(r#"{{"id":{n},"name":"element number {n}","tags":["a","b"],"price":{n}.5}},"#);
            n += 1;
        }
        format!("{body}{last}]").into_bytes()
    };
    assert_eq!(plain("application/json", &body(1), &body(2)), ["$[*] value 1|2"]);
}
