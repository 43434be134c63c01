use crate::testing::{bodies, rules, shown};

fn text(rules_json: &str, old: &str, new: &str) -> Vec<String> {
    shown(&bodies(&rules(rules_json), "text/html", old.as_bytes(), new.as_bytes()))
}

#[test]
fn the_first_lines_that_differ_are_shown() {
    assert_eq!(text("{}", "a\nb\nc\n", "a\nB\nC\n"), ["body text b|B"]);
    assert_eq!(text("{}", "a\nb", "a"), ["body text b|-"]);
    assert_eq!(text("{}", "a", "a\n\nb"), ["body text -|"]);
    assert_eq!(text("{}", " a", "a"), ["body text  a|a"]);
}

#[test]
fn ends_of_lines_do_not_count() {
    assert_eq!(text("{}", "a\r\nb\r\n", "a\nb"), [""; 0]);
    assert_eq!(text("{}", "a\rb", "a\nb"), ["body text a\rb|a"]);
    assert_eq!(text("{}", "a\n", "a\n\n"), ["body text -|"]);
}

#[test]
fn rules_at_body_apply_to_lines() {
    let rules = r#"{"equivalent":[{"at":"body","pattern":"\\d\\d:\\d\\d","replacement":"TIME","id":"clock"}],"case":[{"at":"body","id":"case"}]}"#;
    assert_eq!(
        text(rules, "at 12:30\nb", "at 12:31\nb"),
        ["body text at 12:30|at 12:31 [clock]"]
    );
    assert_eq!(
        text(rules, "AT 12:30\nb", "at 12:31\nb"),
        ["body text AT 12:30|at 12:31 [case]"]
    );
    assert_eq!(
        text(rules, "at 12:30\nb", "at 12:31\nc"),
        ["body text b|c"],
        "what counts takes the place of what does not"
    );
    assert_eq!(
        text(r#"{"ignore":[{"at":"body"}]}"#, "a\nb", "c"),
        ["body text a|c [ignore body]"]
    );
    assert_eq!(
        text(r#"{"ignore":[{"at":"$"}]}"#, "a", "c"),
        ["body text a|c"],
        "`$` is the root of JSON, and this is none"
    );
}

#[test]
fn long_lines_show_where_they_differ() {
    let line = |c: char| format!("{}{c}{}", "x".repeat(5000), "y".repeat(5000));
    let [shown] = text("{}", &line('1'), &line('2')).try_into().unwrap();
    assert!(
        shown.contains("xx1yy") && shown.contains("xx2yy") && shown.len() < 420,
        "{shown}"
    );
}

#[test]
fn text_that_is_no_utf8_is_still_text() {
    let found = shown(&bodies(
        &rules("{}"),
        "text/plain; charset=latin-1",
        b"caf\xe9\nx",
        b"caf\xe9\ny",
    ));
    assert_eq!(found, ["body text x|y"]);
    let found = shown(&bodies(
        &rules(r#"{"case":[{"at":"body"}]}"#),
        "text/plain",
        b"CAF\xe9",
        b"caf\xe9",
    ));
    assert_eq!(found, ["body text CAF\u{fffd}|caf\u{fffd} [case body]"]);
}
