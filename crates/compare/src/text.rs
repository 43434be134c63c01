//! Bodies without structure: lines of text, or bytes.

#[cfg(test)]
mod tests;

use crate::excerpt;
use crate::findings::{Findings, Place, Texts};
use crate::rules::{Action, RuleId, Rules};
use crate::Kind;

/// Compares two texts line by line, up to the first line that differs in a way that counts. `\r\n` ends a line like `\n`, and the last line may end
/// or not.
pub(crate) fn lines(rules: &Rules, old: &[u8], new: &[u8], findings: &mut Findings) {
    let ignore = ignored(rules);
    let (mut a, mut b) = (Lines(Some(old)), Lines(Some(new)));
    loop {
        let (x, y) = (a.next(), b.next());
        if x == y {
            match x {
                Some(_) => continue,
                None => return,
            }
        }
        let equal = || rules.equate(rules.body().iter().copied(), x?, y?);
        let rule = ignore.or_else(equal);
        let (old, new) = match (x, y) {
            (Some(x), Some(y)) => {
                let (x, y) = excerpt::pair(x, y);
                (Some(x), Some(y))
            }
            (x, y) => (x.map(excerpt::start), y.map(excerpt::start)),
        };
        body(rules, findings, Kind::Text, rule, old, new);
        if rule.is_none() || ignore.is_some() {
            return;
        }
    }
}

/// Reports that two bodies differ which can only be compared byte by byte. Shows no content: bytes of an unknown kind may be a secret.
pub(crate) fn bytes(rules: &Rules, old: &[u8], new: &[u8], findings: &mut Findings) {
    let at = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let say = |body: &[u8]| {
        Some(format!(
            "{} bytes, the first that differs is number {}",
            body.len(),
            at + 1
        ))
    };
    body(rules, findings, Kind::Bytes, ignored(rules), say(old), say(new));
}

/// Reports a difference of whole bodies.
pub(crate) fn whole(rules: &Rules, findings: &mut Findings, kind: Kind, old: Option<String>, new: Option<String>) {
    body(rules, findings, kind, ignored(rules), old, new);
}

fn body(
    rules: &Rules,
    findings: &mut Findings,
    kind: Kind,
    rule: Option<RuleId>,
    old: Option<String>,
    new: Option<String>,
) {
    let location = "body";
    let rule = rule.map(|rule| rules.label(rule));
    findings.add(Place::of(location), kind, rule, || Texts {
        location: location.to_owned(),
        old,
        new,
        names_only: false,
    });
}

fn ignored(rules: &Rules) -> Option<RuleId> {
    rules
        .body()
        .iter()
        .copied()
        .find(|&rule| matches!(rules.action(rule), Action::Ignore))
}

/// What is left of a text.
pub(crate) struct Lines<'a>(pub(crate) Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.filter(|text| !text.is_empty())?;
        let line = match memchr::memchr(b'\n', text) {
            Some(at) => {
                self.0 = Some(&text[at + 1..]);
                &text[..at]
            }
            None => {
                self.0 = None;
                text
            }
        };
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}
