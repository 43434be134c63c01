//! Rules, and the comparison of two answers to the same request.
//!
//! Everything here is a pure function of its input: no I/O, no clock, no global state. What counts as a difference, and every decision about an odd case,
//! is written down for users in `docs/reference/comparing.md`.

mod body;
mod decode;
mod difference;
mod excerpt;
mod findings;
mod headers;
mod json;
mod limits;
mod media;
mod redact;
mod rules;
mod spec;
#[cfg(test)]
mod testing;
mod text;
mod varying;
mod walk;

pub use decode::{decode, DecodeError};
pub use difference::{Cap, Comparison, Difference, Kind, Outcome};
pub use redact::{Cleaned, Redactor, REDACTED};
pub use rules::{RuleError, Rules};
pub use spec::{AdditiveSpec, CaseSpec, EquivalentSpec, IgnoreSpec, RulesSpec, ToleranceSpec, UnorderedSpec};
pub use varying::{text_beyond_noise, Beyond};

use findings::{Findings, Place, Texts};
use http::HeaderMap;

/// One side's answer, as it came off the wire: the body may still be content-encoded.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// Compares the new side's answer with the old side's.
///
/// If the status differs in a way that counts, that is the only difference: what else differs follows from it.
pub fn compare(rules: &Rules, old: &Answer<'_>, new: &Answer<'_>) -> Comparison {
    let mut findings = Findings::default();
    if old.status != new.status {
        let rule = rules.status().map(|rule| rules.label(rule));
        findings.add(Place::of("status"), Kind::Value, rule, || Texts {
            location: "status".to_owned(),
            old: Some(old.status.to_string()),
            new: Some(new.status.to_string()),
            names_only: false,
        });
        if rule.is_none() {
            return findings.into_comparison();
        }
    }
    headers::compare(rules, old.headers, new.headers, &mut findings);
    body::compare(rules, old, new, &mut findings);
    findings.into_comparison()
}
