//! What holds for any two answers.

use http::{HeaderMap, HeaderValue};
use parallelrun_compare::{compare, Answer, Comparison, Difference, Kind, Outcome, Redactor, Rules, RulesSpec};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, Index};
use serde_json::{json, Map, Value};

fn rules(json: &str) -> Rules {
    let spec: RulesSpec = serde_json::from_str(json).expect("rules are JSON");
    Rules::compile(&[&spec]).expect("rules compile")
}

fn bodies(rules: &Rules, content_type: &str, old: &[u8], new: &[u8]) -> Comparison {
    let mut headers = HeaderMap::new();
    headers.insert(
        "content-type",
        HeaderValue::from_str(content_type).expect("a header value"),
    );
    let old = Answer {
        status: 200,
        headers: &headers,
        body: old,
    };
    let new = Answer {
        status: 200,
        headers: &headers,
        body: new,
    };
    compare(rules, &old, &new)
}

fn values(rules: &Rules, old: &Value, new: &Value) -> Comparison {
    bodies(
        rules,
        "application/json",
        old.to_string().as_bytes(),
        new.to_string().as_bytes(),
    )
}

/// Few names and few values, so that two documents have much in common.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..4_i64).prop_map(Value::from),
        select(vec![0.5, 1.0, 1e300, -2.25]).prop_map(Value::from),
        select(vec!["", "a", "A", "é\n\"", "odd key"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let name = select(vec!["a", "b", "id", "odd key", "é", "it's"]).prop_map(str::to_owned);
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((name, inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The places of all values below `value`, as (JSON pointer, location).
fn places(value: &Value, pointer: &str, location: &str, out: &mut Vec<(String, String)>) {
    out.push((pointer.to_owned(), location.to_owned()));
    match value {
        Value::Array(elements) => {
            for (n, element) in elements.iter().enumerate() {
                places(element, &format!("{pointer}/{n}"), &format!("{location}[*]"), out);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let step = match name.as_str() {
                    "odd key" => "['odd key']".to_owned(),
                    "it's" => "['it\\'s']".to_owned(),
                    plain => format!(".{plain}"),
                };
                places(member, &format!("{pointer}/{name}"), &format!("{location}{step}"), out);
            }
        }
        _ => {}
    }
}

/// The same document with other spacing, other escapes and its members in reverse.
fn rewritten(value: &Value) -> String {
    match value {
        Value::Array(elements) => format!(
            "[ {}\n]",
            elements.iter().map(rewritten).collect::<Vec<_>>().join("\t, ")
        ),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{} : {}", escaped(name), rewritten(value));
            format!(
                "{{ {} }}",
                members.iter().rev().map(member).collect::<Vec<_>>().join(",\r\n")
            )
        }
        Value::String(text) => escaped(text),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    format!(
        "\"{}\"",
        text.encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect::<String>()
    )
}

/// All arrays in reverse.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().rev().map(reversed).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), reversed(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The places and kinds, as seen from the other side.
fn mirrored(comparison: &Comparison) -> Vec<(String, Kind, bool)> {
    let kind = |kind| match kind {
        Kind::Missing => Kind::Extra,
        Kind::Extra => Kind::Missing,
        other => other,
    };
    sorted(
        comparison
            .differences
            .iter()
            .map(|d| (d.location.clone(), kind(d.kind), d.rule.is_some()))
            .collect(),
    )
}

fn seen(comparison: &Comparison) -> Vec<(String, Kind, bool)> {
    sorted(
        comparison
            .differences
            .iter()
            .map(|d| (d.location.clone(), d.kind, d.rule.is_some()))
            .collect(),
    )
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// All rules but `additive`, which is about one side only.
const RULES: &str = r#"{"ignore":[{"at":"$..id"}],"unordered":[{"at":"$.a"},{"at":"$..b","by":"id"}],"case":[{"at":"$"}],
    "tolerance":[{"at":"$.b","absolute":1}],"equivalent":[{"at":"$..a","pattern":"a","replacement":"x"}]}"#;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_to_itself(value in document()) {
        for rules in [rules("{}"), rules(RULES)] {
            prop_assert_eq!(values(&rules, &value, &value), Comparison::default());
            let other = bodies(&rules, "application/json", value.to_string().as_bytes(), rewritten(&value).as_bytes());
            prop_assert_eq!(other, Comparison::default());
        }
    }

    #[test]
    fn the_same_from_both_sides(old in document(), new in document()) {
        for rules in [rules("{}"), rules(RULES)] {
            let (there, back) = (values(&rules, &old, &new), values(&rules, &new, &old));
            prop_assert_eq!(seen(&there), mirrored(&back));
        }
    }

    #[test]
    fn without_rules_as_equal_as_the_values(old in document(), new in document()) {
        prop_assert_eq!(values(&rules("{}"), &old, &new).outcome() == Outcome::Match, old == new);
    }

    #[test]
    fn ignoring_everything_leaves_no_mismatch(old in document(), new in document()) {
        for everything in [r#"{"ignore":[{"at":"$"}]}"#, r#"{"ignore":[{"at":"body"}]}"#, r#"{"ignore":[{"at":"$"}],"unordered":[{"at":"$"}]}"#] {
            let found = values(&rules(everything), &old, &new);
            prop_assert!(found.outcome() != Outcome::Mismatch);
            prop_assert_eq!(found.outcome() == Outcome::Match, old == new);
        }
    }

    #[test]
    fn rules_hide_and_never_invent(old in document(), new in document()) {
        let plain = values(&rules("{}"), &old, &new);
        let ruled = values(&rules(RULES), &old, &new);
        prop_assert!(plain.outcome() != Outcome::Match || ruled.outcome() == Outcome::Match);
        prop_assert!(ruled.outcome() != Outcome::Match || plain.outcome() == Outcome::Match, "what is hidden is still told");
    }

    #[test]
    fn a_change_is_found_where_it_was_made(old in document(), at in any::<Index>(), leaf in select(vec![json!("new"), json!(77), json!([7, 7]), json!({"new": 7})])) {
        let mut all = Vec::new();
        places(&old, "", "$", &mut all);
        let (pointer, location) = at.get(&all);
        let mut new = old.clone();
        *new.pointer_mut(pointer).expect("a place of this document") = leaf;
        let found = values(&rules("{}"), &old, &new);
        prop_assert!(!found.differences.is_empty());
        for difference in &found.differences {
            prop_assert!(difference.location.starts_with(location.as_str()), "{} is not at {}", difference.location, location);
        }
        let hidden = format!(r#"{{"ignore":[{{"at":{}}}]}}"#, json!(location));
        prop_assert_eq!(values(&rules(&hidden), &old, &new).outcome(), Outcome::Ignored);
    }

    #[test]
    fn order_does_not_count_where_a_rule_says_so(value in document()) {
        let found = values(&rules(r#"{"unordered":[{"at":"$"}]}"#), &value, &reversed(&value));
        prop_assert!(found.differences.iter().all(|d| d.kind == Kind::Order && d.rule.is_some()), "{:?}", found);
    }

    #[test]
    fn sharing_nodes_changes_nothing(old in document(), new in document()) {
        // A rule that has to ask each document keeps them apart; this one finds nothing.
        let apart = rules(r#"{"ignore":[{"at":"$[?@.never == 1]"}]}"#);
        prop_assert_eq!(values(&apart, &old, &new), values(&rules("{}"), &old, &new));
    }

    #[test]
    fn texts_are_short(old in ".{0,300}", new in ".{0,300}", content_type in select(vec!["application/json", "text/plain", "application/x-www-form-urlencoded", "x"])) {
        for (old, new) in [(old.clone(), new.clone()), (json!({"a": old, "b": [old]}).to_string(), json!({"a": new}).to_string())] {
            for difference in bodies(&rules("{}"), content_type, old.as_bytes(), new.as_bytes()).differences {
                for text in [difference.old, difference.new].into_iter().flatten() {
                    prop_assert!(text.len() <= 200);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_compared(old in vec(any::<u8>(), 0..60), new in vec(any::<u8>(), 0..60), content_type in select(vec!["application/json", "text/plain", "application/x-www-form-urlencoded", "x"])) {
        for rules in [rules("{}"), rules(RULES)] {
            let found = bodies(&rules, content_type, &old, &new);
            prop_assert!(old != new || found == Comparison::default());
            prop_assert_eq!(seen(&found), mirrored(&bodies(&rules, content_type, &new, &old)));
        }
    }

    #[test]
    fn pieces_of_json_are_compared(old in json_like(), new in json_like()) {
        let found = bodies(&rules(RULES), "application/json", old.as_bytes(), new.as_bytes());
        let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let whole = found.differences.iter().any(|d| d.location == "body" && d.kind == Kind::Text);
        let empty = old.is_empty() || new.is_empty();
        let both_json = is_json(&old) && is_json(&new);
        prop_assert_eq!(whole, old != new && !empty && !both_json);
    }

    #[test]
    fn secrets_are_removed(value in document(), at in any::<Index>(), other in document(), cut in any::<Index>()) {
        let redactor = Redactor::compile(&[], &["$..secret".to_owned()]).expect("valid");
        let mut all = Vec::new();
        places(&value, "", "$", &mut all);
        let mut with = value.clone();
        *with.pointer_mut(&at.get(&all).0).expect("a place") = json!({"x": [1, {"secret": {"deep": ["hunter2", value.clone()]}, "y": 2}]});
        let text = with.to_string();
        let clean = redactor.clean(Some("application/json"), text.as_bytes());
        prop_assert!(!String::from_utf8_lossy(clean.body()).contains("hunter2"));
        let clean: Value = serde_json::from_slice(clean.body()).expect("still JSON");
        let mut expected = with.clone();
        *expected.pointer_mut(&format!("{}/x/1/secret", at.get(&all).0)).expect("a place") = json!("[redacted]");
        prop_assert_eq!(clean, expected);

        let mut differences = values(&rules("{}"), &with, &other).differences;
        differences.extend(values(&rules("{}"), &other, &with).differences);
        let chars: Vec<char> = text.chars().collect();
        let part: String = chars[..cut.index(chars.len())].iter().collect();
        differences.push(Difference { location: "$.z".into(), kind: Kind::Extra, old: None, new: Some(format!("{part}…")), names_only: false, rule: None });
        for mut difference in differences {
            redactor.difference(&mut difference);
            prop_assert!(!format!("{difference:?}").contains("hunter2"), "{:?}", difference);
        }
    }
}

/// Texts of JSON's own characters, some of which are JSON.
fn json_like() -> impl Strategy<Value = String> {
    vec(
        select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"\\u00e9\"",
            "1",
            "-0.5e1",
            "null",
            "true",
            " ",
            "\"",
            "\\",
            "0",
            ".",
        ]),
        0..8,
    )
    .prop_map(|parts| parts.concat())
}
