use http::HeaderMap;

use super::*;
use crate::RulesSpec;

fn beyond(old: &str, again: &str, new: &str) -> Option<(Option<String>, Option<String>)> {
    beyond_with("{}", old, again, new)
}

fn beyond_with(rules: &str, old: &str, again: &str, new: &str) -> Option<(Option<String>, Option<String>)> {
    let headers = HeaderMap::new();
    let answer = |text: &'static str| Answer {
        status: 200,
        headers: Box::leak(Box::new(headers.clone())),
        body: text.as_bytes(),
    };
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let spec: RulesSpec = serde_json::from_str(rules).expect("rules");
    let rules = Rules::compile(&[&spec]).expect("rules");
    let found = text_beyond_noise(&rules, &answer(leak(old)), &answer(leak(again)), &answer(leak(new)));
    found.map(|beyond| (beyond.old, beyond.new))
}

fn some(old: &str, new: &str) -> Option<(Option<String>, Option<String>)> {
    Some((Some(old.to_owned()), Some(new.to_owned())))
}

#[test]
fn a_line_that_varies_in_old_explains_itself() {
    assert_eq!(beyond("a\ntook 1 ms\nb", "a\ntook 2 ms\nb", "a\ntook 9 ms\nb"), None);
}

#[test]
fn it_explains_no_other_line() {
    assert_eq!(
        beyond("a\ntook 1 ms\nb", "a\ntook 2 ms\nb", "A\ntook 9 ms\nb"),
        some("a", "A")
    );
    assert_eq!(
        beyond("a\ntook 1 ms\nb", "a\ntook 2 ms\nb", "a\ntook 9 ms\nB"),
        some("b", "B")
    );
}

#[test]
fn more_and_fewer_lines_are_seen() {
    assert_eq!(
        beyond("a\nt1", "a\nt2", "a\nt3\nextra"),
        Some((None, Some("extra".to_owned())))
    );
    assert_eq!(
        beyond("a\nt1\nb", "a\nt2\nb", "a\nt3"),
        Some((Some("b".to_owned()), None))
    );
}

#[test]
fn order_explains_order() {
    assert_eq!(beyond("a\nb", "b\na", "b\na"), None);
    assert_eq!(beyond("a\nb", "a\nb", "b\na"), Some((None, None)));
}

#[test]
fn a_stable_old_explains_nothing() {
    assert_eq!(beyond("a\nb", "a\nb", "a\nc"), some("b", "c"));
}

#[test]
fn broken_json_shows_nothing_of_itself() {
    let json = crate::testing::headers(&[("content-type", "application/json")]);
    let answer = |body| Answer {
        status: 200,
        headers: &json,
        body,
    };
    let (old, again, new) = (b"{secret 1\nx", b"{secret 2\nx", b"{secret 3\ny");
    let found = text_beyond_noise(&Rules::default(), &answer(old), &answer(again), &answer(new));
    assert_eq!(found, Some(Beyond { old: None, new: None }));
}

#[test]
fn a_rule_holds_wherever_lines_have_moved() {
    let rules = r#"{"equivalent": [{"at": "body", "pattern": "css\\?[0-9]+", "replacement": "css"}]}"#;
    let old = "css?1\na\ncss?1\ntook 1 ms";
    let again = "css?1\na\ncss?1\ntook 2 ms";
    assert_eq!(beyond_with(rules, old, again, "css?2\na\ncss?2\ntook 9 ms"), None);
    let extra = Some((None, Some("new".to_owned())));
    assert_eq!(beyond_with(rules, old, again, "css?2\na\ntook 9 ms\ncss?2\nnew"), extra);
    let less = beyond_with(rules, old, again, "css?2\na\ntook 9 ms");
    assert_eq!(less, some("css?1", "took 9 ms"), "one of two is missing");
}
