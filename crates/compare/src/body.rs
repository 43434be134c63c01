//! Bodies: equal bytes are equal; else by content type.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use http::header::{HeaderMap, CONTENT_ENCODING};

use crate::findings::Findings;
use crate::json::{self, Document, ParseError};
use crate::media::Media;
use crate::rules::Rules;
use crate::{decode, limits, text, walk, Answer, Cap, DecodeError, Kind};

pub(crate) fn compare(rules: &Rules, old: &Answer<'_>, new: &Answer<'_>, findings: &mut Findings) {
    if old.body == new.body && same_encoding(old.headers, new.headers) {
        return;
    }
    match (decoded(old), decoded(new)) {
        (Ok(x), Ok(y)) => decoded_bodies(rules, (old.headers, &x), (new.headers, &y), findings),
        (x, y) => {
            let mut describe = |body: &[u8], result: Result<Cow<'_, [u8]>, DecodeError>| {
                let Err(error) = result else { return Some(size(body)) };
                if matches!(error, DecodeError::TooLarge(_)) {
                    findings.cap(Cap::Decoded);
                }
                Some(format!("{} that cannot be decoded: {error}", size(body)))
            };
            let (x, y) = (describe(old.body, x), describe(new.body, y));
            text::whole(rules, findings, Kind::Bytes, x, y);
        }
    }
}

fn decoded<'a>(answer: &Answer<'a>) -> Result<Cow<'a, [u8]>, DecodeError> {
    decode(answer.headers, answer.body, limits::DECODED)
}

fn same_encoding(old: &HeaderMap, new: &HeaderMap) -> bool {
    old.get_all(CONTENT_ENCODING).iter().eq(new.get_all(CONTENT_ENCODING))
}

type Body<'a> = (&'a HeaderMap, &'a [u8]);

fn decoded_bodies(rules: &Rules, old: Body<'_>, new: Body<'_>, findings: &mut Findings) {
    let (x, y) = (old.1, new.1);
    if x == y {
        return;
    }
    match (x.is_empty(), y.is_empty()) {
        (false, true) => return text::whole(rules, findings, Kind::Missing, Some(size(x)), None),
        (true, false) => return text::whole(rules, findings, Kind::Extra, None, Some(size(y))),
        _ => {}
    }
    match (Media::of(old.0), Media::of(new.0)) {
        // One side's word is enough to look: the types are compared as headers, and text that is JSON is best compared as JSON.
        (Media::Json, _) | (_, Media::Json) => json(rules, x, y, findings),
        (Media::Form, Media::Form) => walk::forms(rules, x, y, findings),
        (Media::Bytes, _) | (_, Media::Bytes) => text::bytes(rules, x, y, findings),
        _ => text::lines(rules, x, y, findings),
    }
}

fn size(body: &[u8]) -> String {
    format!("{} bytes", body.len())
}

fn json(rules: &Rules, old: &[u8], new: &[u8], findings: &mut Findings) {
    // Some servers put a byte order mark before JSON. Where both do, it says nothing; where one does, many a client fails.
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let (old, new) = old.strip_prefix(MARK).zip(new.strip_prefix(MARK)).unwrap_or((old, new));
    let first = json::parse(old, None);
    // Rules that ask each document need documents that stand alone.
    let base = first.as_ref().ok().filter(|_| rules.queries().is_empty());
    let second = json::parse(new, base);
    match (&first, &second) {
        (Ok(old), Ok(new)) => walk::documents(rules, old, new, findings),
        _ => not_json(rules, (old, &first), (new, &second), findings),
    }
}

/// At least one body is no JSON, or too much of it. Says what each is and shows nothing of it: secrets are found by their path, and there is none.
fn not_json(
    rules: &Rules,
    old: (&[u8], &Result<Document<'_>, ParseError>),
    new: (&[u8], &Result<Document<'_>, ParseError>),
    findings: &mut Findings,
) {
    let mut text = true;
    let mut describe = |(body, result): (&[u8], &Result<Document<'_>, ParseError>)| match result {
        Ok(_) => format!("JSON, {}", size(body)),
        Err(ParseError::Syntax(syntax)) => format!(
            "not JSON: expected {} at byte {}, of {}",
            syntax.expected,
            syntax.at + 1,
            body.len()
        ),
        Err(ParseError::NotUtf8 { at }) => {
            text = false;
            format!("not UTF-8 at byte {}, of {}", at + 1, body.len())
        }
        Err(ParseError::TooDeep) => {
            findings.cap(Cap::Depth);
            format!("JSON of more than {} levels, {}", limits::DEPTH, size(body))
        }
        Err(ParseError::TooMany) => {
            findings.cap(Cap::Nodes);
            format!("JSON of more than {} values, {}", limits::NODES, size(body))
        }
    };
    let (old, new) = (Some(describe(old)), Some(describe(new)));
    text::whole(rules, findings, if text { Kind::Text } else { Kind::Bytes }, old, new);
}
