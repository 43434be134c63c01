use crate::testing::{bodies, json, rules, shown};
use crate::{limits, Cap, Outcome};

/// The differences without rules.
fn plain(old: &str, new: &str) -> Vec<String> {
    json("{}", old, new)
}

/// Expects no difference without rules, in both directions.
fn same(old: &str, new: &str) {
    assert_eq!((plain(old, new), plain(new, old)), (vec![], vec![]), "{old} {new}");
}

#[test]
fn what_is_only_written_differently_is_equal() {
    same(
        r#"{"a":1,"b":[2,{"c":null}]}"#,
        "{ \"b\" : [ 2, {\"c\":null} ],\n\"a\":1 }",
    );
    same(r#"{"é":"\u00e9\/"}"#, r#"{"\u00e9":"é/"}"#);
    same("[1.0,1e2,-0,-0.0]", "[1.00,10e1,0,0.0]");
    same("1e400", "1e400 ");
    same("12345678901234567890123", " 12345678901234567890123");
}

#[test]
fn kinds_and_locations() {
    for (old, new, expected) in [
        (r#"{"a":1}"#, r#"{"a":2}"#, vec!["$.a value 1|2"]),
        (r#"{"a":1}"#, r#"{"a":"1"}"#, vec!["$.a type 1|\"1\""]),
        (r#"{"a":null}"#, r#"{"a":0}"#, vec!["$.a type null|0"]),
        (r#"{"a":null}"#, r#"{}"#, vec!["$.a missing null|-"]),
        (r#"{"a":false}"#, r#"{"a":true}"#, vec!["$.a value false|true"]),
        (
            r#"{"a":{"b":1}}"#,
            r#"{"a":[ 1, "x y" ]}"#,
            vec!["$.a type {\"b\":1}|[1,\"x y\"]"],
        ),
        (r#"{"a":1}"#, r#"{"a":1.0}"#, vec!["$.a type 1|1.0"]),
        (r#"{"a":100}"#, r#"{"a":1e2}"#, vec!["$.a type 100|1e2"]),
        (r#"{"a":1}"#, r#"{"a":1.5}"#, vec!["$.a value 1|1.5"]),
        (
            "9007199254740993",
            "9007199254740992",
            vec!["$ value 9007199254740993|9007199254740992"],
        ),
        ("1e400", "1e401", vec!["$ value 1e400|1e401"]),
        (r#""\ud800""#, r#""\ufffd""#, vec![r#"$ value "\ud800"|"\ufffd""#]),
        (
            r#"{"a":1,"b":2}"#,
            r#"{"b":2,"c":3}"#,
            vec!["$.a missing 1|-", "$.c extra -|3"],
        ),
        (
            r#"{"x":[{"b":1},{"b":2}]}"#,
            r#"{"x":[{"b":1},{"b":3}]}"#,
            vec!["$.x[*].b value 2|3"],
        ),
        (
            r#"{"x":[{"b":1},{"b":2}]}"#,
            r#"{"x":[{"b":7},{"b":3}]}"#,
            vec!["$.x[*].b value 1|7"],
        ),
        (
            r#"{"odd key":1,"it's":1,"1a":1,"":1,"a\nb":1,"straße":1,"_":1}"#,
            "{}",
            vec![
                "$['odd key'] missing 1|-",
                "$['it\\'s'] missing 1|-",
                "$['1a'] missing 1|-",
                "$[''] missing 1|-",
                "$['a\\nb'] missing 1|-",
                "$.straße missing 1|-",
                "$._ missing 1|-",
            ],
        ),
        ("[]", "{}", vec!["$ type []|{}"]),
    ] {
        assert_eq!(plain(old, new), expected);
    }
}

#[test]
fn duplicate_names_are_compared_occurrence_by_occurrence() {
    same(r#"{"a":1,"b":0,"a":2}"#, r#"{"b":0,"a":1,"a":2}"#);
    assert_eq!(
        plain(r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        ["$.a value 1|2", "$.a missing 2|-"]
    );
    assert_eq!(plain(r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#), ["$.a value 1|2"]);
}

#[test]
fn arrays_of_one_length() {
    assert_eq!(plain("[1,2,3]", "[3,1,2]"), ["$ order 1|3"]);
    assert_eq!(plain("[1,2,3]", "[1,3,2]"), ["$ order 2|3"]);
    assert_eq!(plain("[1,1,2]", "[1,2,2]"), ["$[*] value 1|2"]);
    assert_eq!(plain("[1,2]", "[2,3]"), ["$[*] value 1|2"]);
    assert_eq!(
        plain(r#"[{"a":1,"b":2},[1]]"#, r#"[[1],{"b":2,"a":1}]"#),
        [r#"$ order {"a":1,"b":2}|[1]"#]
    );
    assert_eq!(
        plain("[[1,2],[3]]", "[[3],[2,1]]"),
        ["$[*] length 2|1"],
        "the inner order differs, too"
    );
}

#[test]
fn one_element_more_is_one_difference() {
    let list = |range: std::ops::Range<u32>| {
        let items: Vec<_> = range.map(|n| format!(r#"{{"id":{n},"name":"n{n}"}}"#)).collect();
        format!("[{}]", items.join(","))
    };
    assert_eq!(plain(&list(1..300), &list(0..300)), ["$ length 299|300"]);
    assert_eq!(plain(&list(0..300), &list(0..299)), ["$ length 300|299"]);
    assert_eq!(plain("[]", "[1]"), ["$ length 0|1"]);
    // One left out in the middle, and one changed further on.
    assert_eq!(
        plain("[1,2,3,4,5,6,7]", "[1,3,4,5,60,7]"),
        ["$ length 7|6", "$[*] value 6|60"]
    );
    // Two left out at one place, and a change between elements that are the same.
    assert_eq!(
        plain("[1,2,3,4,5,6,7]", "[1,4,50,6]"),
        ["$ length 7|4", "$[*] value 5|50"]
    );
    // Nothing tells what belongs together.
    assert_eq!(plain("[1,2,3]", "[4,5]"), ["$ length 3|2"]);
    assert_eq!(plain("[1,2,3,4,0]", "[4,3,2,1]"), ["$ length 5|4"]);
    assert_eq!(plain("[1,1,1,1,2]", "[2,1,1]"), ["$ length 5|3"]);
}

#[test]
fn ignored_places_are_shown_with_their_rule() {
    let ts = r#"{"ignore":[{"at":"$..ts","id":"clock"}]}"#;
    assert_eq!(
        json(ts, r#"{"ts":1,"a":{"ts":2}}"#, r#"{"ts":5,"a":{"ts":6}}"#),
        ["$.ts value 1|5 [clock]", "$.a.ts value 2|6 [clock]"]
    );
    assert_eq!(json(ts, r#"{"ts":1}"#, "{}"), ["$.ts missing 1|- [clock]"]);
    assert_eq!(
        json(ts, r#"{"ts":{"x":[1]}}"#, r#"{"ts":{"x":[1,2],"y":0}}"#),
        ["$.ts.x length 1|2 [clock]", "$.ts.y extra -|0 [clock]"]
    );
    // Elements that differ only where it does not count are the same elements.
    assert_eq!(
        json(
            ts,
            r#"[{"i":1,"ts":1},{"i":2,"ts":1}]"#,
            r#"[{"i":2,"ts":2},{"i":1,"ts":3}]"#
        ),
        [r#"$ order {"i":1,"ts":1}|{"i":2,"ts":2}"#, "$[*].ts value 1|3 [clock]"]
    );
    assert_eq!(
        json(
            ts,
            r#"[{"i":1,"ts":1},{"i":2,"ts":1}]"#,
            r#"[{"i":0,"ts":0},{"i":1,"ts":2},{"i":2,"ts":3}]"#
        ),
        ["$ length 2|3", "$[*].ts value 1|2 [clock]"]
    );
}

#[test]
fn one_that_counts_takes_the_place_of_one_that_is_hidden() {
    let rules = r#"{"tolerance":[{"at":"$..p","absolute":1}]}"#;
    assert_eq!(
        json(rules, r#"[{"p":1},{"p":5},{"p":8}]"#, r#"[{"p":2},{"p":9},{"p":9}]"#),
        ["$[*].p value 5|9"]
    );
}

#[test]
fn unordered_without_a_key() {
    let rules = r#"{"unordered":[{"at":"$.x"}]}"#;
    let order = |first: &str, other: &str| format!("$.x order {first}|{other} [unordered $.x]");
    assert_eq!(json(rules, r#"{"x":[1,2,3]}"#, r#"{"x":[3,1,2]}"#), [order("1", "3")]);
    assert_eq!(
        json(rules, r#"{"x":[1,2],"y":[1,2]}"#, r#"{"x":[2,1],"y":[2,1]}"#),
        [order("1", "2"), "$.y order 1|2".to_owned()]
    );
    // Below the location as well.
    assert_eq!(
        json(rules, r#"{"x":[[1,2],[3]]}"#, r#"{"x":[[3],[2,1]]}"#),
        [order("[1,2]", "[3]"), "$.x[*] order 1|2 [unordered $.x]".to_owned()]
    );
    assert_eq!(
        json(rules, r#"{"x":[1,2,2]}"#, r#"{"x":[2,1]}"#),
        [order("1", "2"), "$.x[*] missing 2|-".to_owned()]
    );
    assert_eq!(
        json(rules, r#"{"x":[1,2]}"#, r#"{"x":[2,1,7]}"#),
        [order("1", "2"), "$.x[*] extra -|7".to_owned()]
    );
    assert_eq!(
        json(rules, r#"{"x":[1,2,3]}"#, r#"{"x":[1,3]}"#),
        ["$.x[*] missing 2|-"],
        "what stays is in order"
    );
    // As many left on both sides are compared.
    assert_eq!(
        json(
            rules,
            r#"{"x":[{"a":1,"b":1},{"a":2,"b":2}]}"#,
            r#"{"x":[{"a":2,"b":2},{"a":1,"b":9}]}"#
        ),
        [
            order(r#"{"a":1,"b":1}"#, r#"{"a":2,"b":2}"#),
            "$.x[*].b value 1|9".to_owned()
        ]
    );
}

#[test]
fn unordered_by_a_member() {
    let rules = r#"{"unordered":[{"at":"$","by":"id","id":"u"}]}"#;
    let (a, b) = (r#"{"id":1,"v":1}"#, r#"{"id":2,"v":2}"#);
    assert_eq!(
        json(rules, &format!("[{a},{b}]"), &format!("[{b},{a}]")),
        [format!("$ order {a}|{b} [u]")]
    );
    assert_eq!(
        json(rules, &format!("[{a},{b}]"), r#"[{"id":2,"v":7},{"id":1,"v":1}]"#),
        [
            format!("$ order {a}|{{\"id\":2,\"v\":7}} [u]"),
            "$[*].v value 2|7".to_owned()
        ]
    );
    // Keys that only one side has are never taken for the same thing.
    assert_eq!(
        json(rules, &format!("[{a}]"), &format!("[{b}]")),
        [format!("$[*] missing {a}|-"), format!("$[*] extra -|{b}")]
    );
    // Without the member, or as another thing than an object, by equality.
    assert_eq!(
        json(rules, r#"[{"id":1},"x",{"v":3}]"#, r#"[{"v":3},"x",{"id":1}]"#),
        [r#"$ order {"id":1}|{"v":3} [u]"#]
    );
    assert_eq!(
        json(rules, r#"[{"id":"1"}]"#, r#"[{"id":1}]"#),
        [r#"$[*] missing {"id":"1"}|-"#, r#"$[*] extra -|{"id":1}"#]
    );
    assert_eq!(json(rules, r#"[{"id":1}]"#, r#"[{"id":1.0}]"#), ["$[*].id type 1|1.0"]);
    assert_eq!(
        json(
            rules,
            r#"[{"id":1,"v":1},{"id":1,"v":2}]"#,
            r#"[{"id":1,"v":1},{"id":1,"v":3}]"#
        ),
        ["$[*].v value 2|3"]
    );
}

#[test]
fn tolerance_equivalent_case_and_additive() {
    let tolerance = r#"{"tolerance":[{"at":"$.p","absolute":0.01},{"at":"$.q","relative":0.1}]}"#;
    assert_eq!(
        json(tolerance, r#"{"p":10.50,"q":100}"#, r#"{"p":10.49,"q":91}"#),
        [
            "$.p value 10.50|10.49 [tolerance $.p]",
            "$.q value 100|91 [tolerance $.q]"
        ]
    );
    assert_eq!(
        json(tolerance, r#"{"p":1}"#, r#"{"p":1.0}"#),
        ["$.p type 1|1.0 [tolerance $.p]"]
    );
    assert_eq!(
        json(tolerance, r#"{"p":1,"q":"1"}"#, r#"{"p":1.02,"q":"1.0"}"#),
        ["$.p value 1|1.02", "$.q value \"1\"|\"1.0\""]
    );

    let equivalent = r#"{"equivalent":[{"at":"$..url","pattern":"^https?://[^/]+","replacement":"","id":"host"},
        {"at":"$..url","pattern":"id=(\\d+)-\\w+","replacement":"id=$1","id":"suffix"}],"case":[{"at":"$..url","id":"case"}]}"#;
    assert_eq!(
        json(equivalent, r#"{"url":"http://old/x"}"#, r#"{"url":"https://new:80/x"}"#),
        [r#"$.url value "http://old/x"|"https://new:80/x" [host]"#]
    );
    assert_eq!(
        json(
            equivalent,
            r#"{"url":"http://a/?id=1-x"}"#,
            r#"{"url":"http://b/?id=1-y"}"#
        ),
        [r#"$.url value "http://a/?id=1-x"|"http://b/?id=1-y" [suffix]"#]
    );
    assert_eq!(
        json(equivalent, r#"{"url":"http://a/ÄB"}"#, r#"{"url":"http://a/äb"}"#),
        [r#"$.url value "http://a/ÄB"|"http://a/äb" [case]"#]
    );
    assert_eq!(
        json(equivalent, r#"{"url":"http://a/x"}"#, r#"{"url":"http://b/y"}"#),
        [r#"$.url value "http://a/x"|"http://b/y""#]
    );

    let additive = r#"{"additive":[{"at":"$.a"}]}"#;
    assert_eq!(
        json(additive, r#"{"a":{"b":{}}}"#, r#"{"a":{"b":{"c":1},"d":2}}"#),
        ["$.a.b.c extra -|1 [additive $.a]", "$.a.d extra -|2 [additive $.a]"]
    );
    assert_eq!(
        json(additive, "{}", r#"{"a":1,"b":1}"#),
        ["$.a extra -|1 [additive $.a]", "$.b extra -|1"]
    );
    assert_eq!(json(additive, r#"{"a":{"b":1}}"#, r#"{"a":{}}"#), ["$.a.b missing 1|-"]);
    assert_eq!(
        json(additive, r#"{"a":[1]}"#, r#"{"a":[1,2]}"#),
        ["$.a length 1|2"],
        "elements are no members"
    );
    let both = r#"{"additive":[{"at":"$"}],"unordered":[{"at":"$"}]}"#;
    assert_eq!(
        json(both, r#"[{"a":1},{"a":2}]"#, r#"[{"a":2,"z":{"y":0}},{"z":0,"a":1}]"#),
        [
            r#"$ order {"a":1}|{"a":2,"z":{"y":0}} [unordered $]"#,
            "$[*].z extra -|0 [additive $]"
        ]
    );
}

#[test]
fn added_members_do_not_keep_elements_apart() {
    let both = r#"{"additive":[{"at":"$","id":"add"}],"unordered":[{"at":"$","id":"u"}]}"#;
    let old = r#"[{"a":{"x":1},"n":1},{"a":{"x":2},"n":2},{"n":3}]"#;
    let new = r#"[{"n":3,"b":0},{"n":2,"a":{"x":2,"y":[0]}},{"n":1,"a":{"z":0,"x":1}}]"#;
    let found = json(both, old, new);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found
            .iter()
            .all(|line| line.ends_with("[u]") || line.ends_with("[add]")),
        "{found:?}"
    );
    let found = json(both, old, &new.replace("\"x\":2", "\"x\":7"));
    assert_eq!(
        found.iter().filter(|line| !line.ends_with(']')).collect::<Vec<_>>(),
        ["$[*].a.x value 2|7"]
    );
}

#[test]
fn the_outermost_of_several_rules_is_named() {
    let rules = r#"{"ignore":[{"at":"$.a.b"},{"at":"$.a"},{"at":"$..b"}]}"#;
    assert_eq!(
        json(rules, r#"{"a":{"b":1},"c":{"b":1}}"#, r#"{"a":{"b":2},"c":{"b":2}}"#),
        ["$.a.b value 1|2 [ignore $.a]", "$.c.b value 1|2 [ignore $..b]"]
    );
}

#[test]
fn rules_hold_within_unordered_arrays() {
    let rules = r#"{"unordered":[{"at":"$"}],"tolerance":[{"at":"$[*].p","absolute":0.1}],"ignore":[{"at":"$[*].ts"}],"case":[{"at":"$[*].n"}]}"#;
    let old = r#"[{"p":1,"ts":1,"n":"a"},{"p":2,"ts":1,"n":"a"}]"#;
    let new = r#"[{"p":2.05,"n":"A"},{"n":"A","p":1.05,"ts":9}]"#;
    assert!(
        json(rules, old, new).iter().all(|line| line.ends_with(']')),
        "{:?}",
        json(rules, old, new)
    );
    assert_eq!(
        json(rules, old, r#"[{"p":2.05,"n":"B"},{"n":"A","p":1.05}]"#)
            .iter()
            .filter(|line| !line.ends_with(']'))
            .count(),
        1
    );
}

#[test]
fn many_unordered_elements_are_no_trouble() {
    let items = 10_000;
    let list = |range: &mut dyn Iterator<Item = u32>| {
        format!(
            "[{}]",
            range
                .map(|n| format!(r#"{{"id":{n},"p":{n}.5}}"#))
                .collect::<Vec<_>>()
                .join(",")
        )
    };
    let (old, new) = (list(&mut (0..items)), list(&mut (0..items).rev()));
    for rules in [
        r#"{"unordered":[{"at":"$","id":"u"}]}"#,
        r#"{"unordered":[{"at":"$","by":"id","id":"u"}]}"#,
        r#"{"unordered":[{"at":"$","id":"u"}],"tolerance":[{"at":"$..p","absolute":0.1}]}"#,
        r#"{"unordered":[{"at":"$","id":"u"}],"additive":[{"at":"$"}]}"#,
    ] {
        let found = json(rules, &old, &new);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("$ order") && found[0].ends_with("[u]"),
            "{found:?}"
        );
    }
    let numbers = |order: &mut dyn Iterator<Item = u32>| {
        format!("[{}]", order.map(|n| format!("{n}.25")).collect::<Vec<_>>().join(","))
    };
    let near = r#"{"unordered":[{"at":"$","id":"u"}],"tolerance":[{"at":"$","absolute":0.1}]}"#;
    assert_eq!(
        json(near, &numbers(&mut (0..items)), &numbers(&mut (0..items).rev())).len(),
        1
    );
}

#[test]
fn differences_are_capped_apart_from_hidden_ones() {
    let object = |prefix: &str, value: u32| {
        let members: Vec<_> = (0..150).map(|n| format!("\"{prefix}{n}\":{value}")).collect();
        members.join(",")
    };
    let old = format!("{{\"h\":{{{}}},{}}}", object("a", 1), object("b", 1));
    let new = format!("{{\"h\":{{{}}},{}}}", object("a", 2), object("b", 2));
    let comparison = bodies(
        &rules(r#"{"ignore":[{"at":"$.h"}]}"#),
        "application/json",
        old.as_bytes(),
        new.as_bytes(),
    );
    let hidden = comparison.differences.iter().filter(|d| d.rule.is_some()).count();
    assert_eq!(
        (hidden, comparison.differences.len()),
        (limits::DIFFERENCES, 2 * limits::DIFFERENCES)
    );
    assert_eq!(comparison.capped, Some(Cap::Differences));
    assert_eq!(comparison.outcome(), Outcome::Mismatch);

    let exactly: Vec<_> = (0..limits::DIFFERENCES).map(|n| format!("\"{n}\":1")).collect();
    let comparison = bodies(
        &rules("{}"),
        "application/json",
        format!("{{{}}}", exactly.join(",")).as_bytes(),
        b"{}",
    );
    assert_eq!(
        (comparison.differences.len(), comparison.capped),
        (limits::DIFFERENCES, None)
    );
}

#[test]
fn texts_are_short_and_show_what_differs() {
    let (old, new) = (
        format!("\"{}x{}\"", "é".repeat(300), "z".repeat(300)),
        format!("\"{}y{}\"", "é".repeat(300), "z".repeat(300)),
    );
    let comparison = bodies(&rules("{}"), "application/json", old.as_bytes(), new.as_bytes());
    let [difference] = comparison.differences.as_slice() else {
        panic!()
    };
    let (old, new) = (difference.old.as_deref().unwrap(), difference.new.as_deref().unwrap());
    assert!(old.len() <= 200 && new.len() <= 200);
    assert!(
        old.contains("éxz") && new.contains("éyz") && old.starts_with('…') && old.ends_with('…'),
        "{old}"
    );

    let long = format!("{{\"a\":[{}]}}", vec!["\"some text\""; 100].join(" , "));
    let [line] = plain(&long, "{}").try_into().unwrap();
    assert!(
        line.starts_with(r#"$.a missing ["some text","some text","#) && line.ends_with("…|-") && line.len() < 220,
        "{line}"
    );
    let name = "n".repeat(1000);
    let [line] = plain(&format!("{{\"{name}\":1}}"), "{}").try_into().unwrap();
    assert_eq!(line, format!("$.{}… missing 1|-", &name[..limits::NAME]));
}

#[test]
fn forms_are_compared_by_field() {
    let form = |rules_json: &str, old: &str, new: &str| {
        shown(&bodies(
            &rules(rules_json),
            "application/x-www-form-urlencoded; charset=utf-8",
            old.as_bytes(),
            new.as_bytes(),
        ))
    };
    assert_eq!(form("{}", "a=1&b=x%20y&a=2", "b=x+y&a=1&a=2"), [""; 0]);
    assert_eq!(
        form("{}", "a=1&a=2&c=3&%", "a=1&a=4&d=5&%"),
        ["$.a value 2|4", "$.c missing 3|-", "$.d extra -|5"]
    );
    assert_eq!(
        form("{}", "a b=%C3%A4%zz", "a+b=%C3%A5%zz"),
        ["$['a b'] value ä%zz|å%zz"]
    );
    let rules = r#"{"ignore":[{"at":"$.t"}],"case":[{"at":"$.n"}],"additive":[{"at":"$"}]}"#;
    assert_eq!(
        form(rules, "t=1&n=a", "t=2&n=A&z=1"),
        [
            "$.t value 1|2 [ignore $.t]",
            "$.n value a|A [case $.n]",
            "$.z extra -|1 [additive $]"
        ]
    );
}
