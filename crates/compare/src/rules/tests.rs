use super::path::{last_name, parse, Step};
use super::*;
use crate::testing::{json, rules};

fn name(name: &str) -> Step {
    Step::Name(name.to_owned())
}

#[test]
fn paths_are_taken_apart() {
    use Step::{Any, Deep, Other};
    for (path, expected) in [
        ("$", vec![]),
        ("$.a.b", vec![name("a"), name("b")]),
        ("$.a[*].b", vec![name("a"), Any, name("b")]),
        ("$..ts", vec![Deep, name("ts")]),
        ("$..*", vec![Deep, Any]),
        ("$..['x']", vec![Deep, name("x")]),
        ("$.*.x", vec![Any, name("x")]),
        ("$['odd key']", vec![name("odd key")]),
        (
            r#"$["it's"]['a\'b\n\u00e9']['"']"#,
            vec![name("it's"), name("a'b\né"), name("\"")],
        ),
        ("$ .a [ 'b' ]", vec![name("a"), name("b")]),
        ("$.straße", vec![name("straße")]),
        ("$.a[0].b", vec![name("a"), Other, name("b")]),
        ("$.a[1:2]['x','y']", vec![name("a"), Other, Other]),
        ("$.a[?@.b[0] == ']'].c", vec![name("a"), Other, name("c")]),
        ("$..[?@.a]", vec![Deep, Other]),
    ] {
        assert_eq!(parse(path).unwrap().0, expected, "{path}");
    }
    assert_eq!(last_name(&parse("$.a.cards[*]").unwrap().0), Some("cards"));
    assert_eq!(last_name(&parse("$.*").unwrap().0), None);
}

fn error(json: &str) -> String {
    let spec: RulesSpec = serde_json::from_str(json).unwrap();
    Rules::compile(&[&RulesSpec::default(), &spec]).unwrap_err().to_string()
}

#[test]
fn errors_name_rule_location_and_what_was_expected() {
    for (json, starts, contains) in [
        (
            r#"{"ignore":[{"at":"updated_at"}]}"#,
            "ignore at \"updated_at\": expected",
            "JSONPath that starts with `$`",
        ),
        (
            r#"{"ignore":[{"at":"$.updated-at"}]}"#,
            "ignore at \"$.updated-at\": expected a JSONPath",
            "$['like-this']",
        ),
        (
            r#"{"ignore":[{"at":"header:"}]}"#,
            "ignore at \"header:\"",
            "not the name of a header",
        ),
        (
            r#"{"ignore":[{"at":"header:a b"}]}"#,
            "ignore at \"header:a b\"",
            "\"a b\" is not the name of a header",
        ),
        (
            r#"{"case":[{"at":"status"}]}"#,
            "case at \"status\"",
            "can only be ignored",
        ),
        (
            r#"{"tolerance":[{"at":"$.x"}]}"#,
            "tolerance at \"$.x\"",
            "expected `absolute` or `relative`",
        ),
        (
            r#"{"tolerance":[{"at":"$.x","absolute":-1}]}"#,
            "tolerance at \"$.x\"",
            "`absolute` to be zero or more",
        ),
        (
            r#"{"tolerance":[{"at":"$.x","relative":-0.5}]}"#,
            "tolerance at \"$.x\"",
            "`relative`",
        ),
        (
            r#"{"unordered":[{"at":"$.x","by":""}]}"#,
            "unordered at \"$.x\"",
            "the name of a member",
        ),
        (
            r#"{"equivalent":[{"at":"$.x","pattern":"(","replacement":""}]}"#,
            "equivalent at \"$.x\"",
            "unclosed group",
        ),
        (
            r#"{"equivalent":[{"at":"$.x","pattern":"(?=a)","replacement":""}]}"#,
            "equivalent at \"$.x\"",
            "look-around",
        ),
        (
            r#"{"equivalent":[{"at":"$.x","pattern":"(a)","replacement":"$2"}]}"#,
            "equivalent at \"$.x\"",
            "group `2`",
        ),
        (
            r#"{"equivalent":[{"at":"$.x","pattern":"(a)","replacement":"$1b"}]}"#,
            "equivalent at \"$.x\"",
            "group `1b`",
        ),
        (
            r#"{"headers":["x y"]}"#,
            "headers at \"x y\"",
            "not the name of a header",
        ),
    ] {
        let error = error(json);
        assert!(error.starts_with(starts) && error.contains(contains), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn specs_refuse_what_they_do_not_know() {
    for json in [
        r#"{"ignored":[]}"#,
        r#"{"ignore":[{"at":"$","reason":"x"}]}"#,
        r#"{"ignore":["$"]}"#,
        r#"{"case":[{}]}"#,
    ] {
        assert!(serde_json::from_str::<RulesSpec>(json).is_err(), "{json}");
    }
    let all = r#"{"ignore":[{"at":"$.a","id":null}],"unordered":[{"at":"$.a","by":null,"id":"u"}],
        "tolerance":[{"at":"$.a","absolute":1,"relative":null}],"equivalent":[{"at":"$.a","pattern":"a","replacement":"$0"}],
        "case":[{"at":"header:*"}],"additive":[{"at":"$"}],"headers":["X-Extra"]}"#;
    assert_eq!(rules(all).counted_headers(), ["x-extra"]);
}

#[test]
fn sets_add_up() {
    let [a, b]: [RulesSpec; 2] = [
        r#"{"ignore":[{"at":"$.a"}]}"#,
        r#"{"ignore":[{"at":"$.b","id":"mine"}]}"#,
    ]
    .map(|json| serde_json::from_str(json).unwrap());
    let rules = Rules::compile(&[&a, &b]).unwrap();
    let comparison = crate::testing::bodies(
        &rules,
        "application/json",
        br#"{"a":1,"b":1,"c":1}"#,
        br#"{"a":2,"b":2,"c":2}"#,
    );
    assert_eq!(
        crate::testing::shown(&comparison),
        ["$.a value 1|2 [ignore $.a]", "$.b value 1|2 [mine]", "$.c value 1|2"]
    );
}

#[test]
fn the_automaton_finds_what_the_paths_say() {
    let hidden = |path: &str, old: &str, new: &str| {
        let rules = format!(r#"{{"ignore":[{{"at":{path:?},"id":"r"}}]}}"#);
        let found = json(&rules, old, new);
        assert!(!found.is_empty());
        found.iter().all(|line| line.ends_with("[r]"))
    };
    let (old, new) = (r#"{"a":{"b":[{"c":1}]}}"#, r#"{"a":{"b":[{"c":2}]}}"#);
    for path in [
        "$",
        "$.a",
        "$.a.b",
        "$.a.b[*]",
        "$.a.b[*].c",
        "$..c",
        "$..b",
        "$..b..c",
        "$..*",
        "$.*",
        "$.*.*",
        "$.a.*",
        "$.a..c",
        "$['a']['b']",
        "$.a.b[0]",
        "$.a.b[-1].c",
        "$.a.b[?@.c == 1].c",
        "$.a.b[?@.c == 2]",
        "$.a['b','x']",
        "$.a.b[0:1]",
        "$..[?@ > 0]",
        "$.*.*.*.*",
    ] {
        assert!(hidden(path, old, new), "{path}");
    }
    for path in [
        "$.b",
        "$.a.c",
        "$.a[*].b",
        "$.a.b.c",
        "$..d",
        "$..c.d",
        "$.a.b[1]",
        "$.a.b[?@.c == 3]",
        "$.*.*.*.*.*",
        "$.A",
        "$..b.c",
    ] {
        assert!(!hidden(path, old, new), "{path}");
    }
    // A `..` stays possible behind a match of its own, at any depth.
    assert!(hidden(
        "$..a..a.x",
        r#"{"a":{"a":{"a":{"x":1}}}}"#,
        r#"{"a":{"a":{"a":{"x":2}}}}"#
    ));
}
