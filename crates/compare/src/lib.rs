//! Rules, and the comparison of two answers to the same request.
//!
//! Everything here is a pure function of its input: no I/O, no clock, no global state. What counts as a difference, and every decision about an odd case,
//! is written down for users in `docs/reference/comparing.md`.

mod decode;
mod difference;
mod redact;
mod rules;
mod spec;

pub use decode::{decode, DecodeError};
pub use difference::{Cap, Comparison, Difference, Kind, Outcome};
pub use redact::Redactor;
pub use rules::{RuleError, Rules};
pub use spec::{AdditiveSpec, CaseSpec, EquivalentSpec, IgnoreSpec, RulesSpec, ToleranceSpec, UnorderedSpec};

use http::HeaderMap;

/// One side's answer, as it came off the wire: the body may still be content-encoded.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// Compares the new side's answer with the old side's.
pub fn compare(rules: &Rules, old: &Answer<'_>, new: &Answer<'_>) -> Comparison {
    let _ = rules;
    let mut comparison = Comparison::default();
    if old.status != new.status {
        comparison.differences.push(Difference {
            location: "status".to_owned(),
            kind: Kind::Value,
            old: Some(old.status.to_string()),
            new: Some(new.status.to_string()),
            rule: None,
        });
    } else if old.body != new.body {
        comparison.differences.push(Difference {
            location: "body".to_owned(),
            kind: Kind::Bytes,
            old: None,
            new: None,
            rule: None,
        });
    }
    comparison
}
