//! Short forms for tests.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{compare, Answer, Comparison, Rules, RulesSpec};

pub(crate) fn rules(json: &str) -> Rules {
    let spec: RulesSpec = serde_json::from_str(json).expect("rules are JSON");
    Rules::compile(&[&spec]).expect("rules compile")
}

pub(crate) fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
    }
    headers
}

/// Compares two bodies of one content type.
pub(crate) fn bodies(rules: &Rules, content_type: &str, old: &[u8], new: &[u8]) -> Comparison {
    let headers = headers(&[("content-type", content_type)]);
    let answer = |body| Answer {
        status: 200,
        headers: &headers,
        body,
    };
    // Written out so that the closure's lifetime fits both.
    let (old, new) = (
        answer(old),
        Answer {
            status: 200,
            headers: &headers,
            body: new,
        },
    );
    compare(rules, &old, &new)
}

/// `location kind old|new` of each difference, with the rule in brackets; `-` is nothing.
pub(crate) fn shown(comparison: &Comparison) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let line = |d: &crate::Difference| {
        let rule = d.rule.as_deref().map(|rule| format!(" [{rule}]")).unwrap_or_default();
        format!(
            "{} {} {}|{}{rule}",
            d.location,
            d.kind.as_str(),
            text(&d.old),
            text(&d.new)
        )
    };
    comparison.differences.iter().map(line).collect()
}

/// The differences of two JSON bodies under rules.
pub(crate) fn json(rules_json: &str, old: &str, new: &str) -> Vec<String> {
    shown(&bodies(
        &rules(rules_json),
        "application/json",
        old.as_bytes(),
        new.as_bytes(),
    ))
}
