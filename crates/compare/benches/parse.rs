//! What a comparison costs, beside what parsing both bodies costs: `cargo bench -p parallelrun-compare`.
//!
//! Plain timings, best of many rounds, one thread. Each line is one pair of bodies.

use std::hint::black_box;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use parallelrun_compare::{compare, Answer, Outcome, Rules, RulesSpec};

/// An order with some items, pretty much what services answer; `bytes` is about its size.
fn body(bytes: usize) -> String {
    let mut out = String::from(r#"{"id":48213,"customer":{"name":"Ada Lovelace","email":"ada@example.com"},"items":["#);
    let mut n = 0;
    while out.len() + 60 < bytes {
        if n > 0 {
            out.push(',');
        }
        out += &format!(
            r#"{{"id":{},"sku":"SKU-{:05}","title":"A thing of some use, No. {n}","quantity":{},"price":{}.{:02},"tags":["blue","new"],"stock":true,"note":null}}"#,
            1000 + n,
            n * 7919 % 100_000,
            n % 9 + 1,
            n * 37 % 500,
            n * 13 % 100
        );
        n += 1;
    }
    out += r#"],"updated_at":"2026-11-24T08:00:00Z","total":1234.50}"#;
    out
}

fn best(mut f: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < 50 || start.elapsed().as_millis() < 400 {
        let one = Instant::now();
        for _ in 0..4 {
            f();
        }
        best = best.min(one.elapsed().as_secs_f64() / 4.0);
        rounds += 1;
    }
    best * 1e6
}

fn rules(json: &str) -> Rules {
    let spec: RulesSpec = serde_json::from_str(json).expect("rules are JSON");
    Rules::compile(&[&spec]).expect("rules compile")
}

/// The body with its items in reverse.
fn reversed(body: &str) -> String {
    let start = body.find('[').expect("items") + 1;
    let end = body.rfind("],\"updated").expect("the end of the items");
    let items = body[start..end].split("},{").filter(|item| !item.is_empty());
    let whole = |item: &str| format!("{{{}}}", item.trim_start_matches('{').trim_end_matches('}'));
    let mut items: Vec<String> = items.map(whole).collect();
    items.reverse();
    format!("{}{}{}", &body[..start], items.join(","), &body[end..])
}

fn main() {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("content-length", HeaderValue::from_static("123"));
    headers.insert("date", HeaderValue::from_static("Tue, 24 Nov 2026 08:00:00 GMT"));
    headers.insert("server", HeaderValue::from_static("test"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    let none = Rules::default();
    let several = rules(
        r#"{"ignore":[{"at":"$.updated_at"},{"at":"$..etag"}],"unordered":[{"at":"$.items","by":"id"}],
            "tolerance":[{"at":"$..price","absolute":0.01}]}"#,
    );
    let by_id = rules(r#"{"unordered":[{"at":"$.items","by":"id"}]}"#);
    let unordered = rules(r#"{"unordered":[{"at":"$.items"}]}"#);
    println!(
        "microseconds                     {:>9} {:>9} {:>9} {:>9}",
        "100 B", "2 kB", "100 kB", "1 MB"
    );
    let sizes = [100, 2_000, 100_000, 1_000_000].map(body);
    let line = |name: &str, f: &dyn Fn(&String) -> f64| {
        let cells: Vec<String> = sizes.iter().map(|body| format!("{:>9.2}", f(body))).collect();
        println!("{name:<32} {}", cells.join(" "));
    };
    let pair = |rules: &Rules, old: &str, new: &str, outcome: Outcome| {
        let old = Answer {
            status: 200,
            headers: &headers,
            body: old.as_bytes(),
        };
        let new = Answer {
            status: 200,
            headers: &headers,
            body: new.as_bytes(),
        };
        assert_eq!(compare(rules, &old, &new).outcome(), outcome);
        best(|| drop(black_box(compare(rules, black_box(&old), black_box(&new)))))
    };
    line("parse both: IgnoredAny", &|body| {
        best(|| {
            for _ in 0..2 {
                black_box(serde_json::from_slice::<serde::de::IgnoredAny>(black_box(body.as_bytes())).expect("json"));
            }
        })
    });
    line("parse both: serde_json::Value", &|body| {
        best(|| {
            for _ in 0..2 {
                black_box(serde_json::from_slice::<serde_json::Value>(black_box(body.as_bytes())).expect("json"));
            }
        })
    });
    line("compare: equal bytes", &|body| pair(&none, body, body, Outcome::Match));
    line("compare: last field differs", &|body| {
        pair(&none, body, &body.replace("1234.50", "1234.51"), Outcome::Mismatch)
    });
    line("compare: first field differs", &|body| {
        pair(&none, body, &body.replace("48213", "148213"), Outcome::Mismatch)
    });
    line("compare: last, with rules", &|body| {
        pair(
            &several,
            body,
            &body.replace("08:00:00Z", "08:00:01Z"),
            Outcome::Ignored,
        )
    });
    line("compare: other spacing, equal", &|body| {
        pair(
            &none,
            body,
            &body.replace("\":", "\": ").replace(",\"", ", \""),
            Outcome::Match,
        )
    });
    // The smallest body has no items.
    let where_items = |body: &str, outcome| {
        if body.contains("quantity") {
            outcome
        } else {
            Outcome::Match
        }
    };
    line("compare: each item differs", &|body| {
        let new = body.replace("\"quantity\":", "\"quantity\":1");
        pair(&none, body, &new, where_items(body, Outcome::Mismatch))
    });
    line("compare: items in reverse", &|body| {
        pair(&none, body, &reversed(body), where_items(body, Outcome::Mismatch))
    });
    line("compare: reverse, unordered", &|body| {
        pair(&unordered, body, &reversed(body), where_items(body, Outcome::Ignored))
    });
    line("compare: reverse, by id", &|body| {
        pair(&by_id, body, &reversed(body), where_items(body, Outcome::Ignored))
    });
}
