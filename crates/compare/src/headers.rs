//! Which headers count, and how each is compared. `docs/reference/comparing.md` has the list with a reason for each.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::excerpt;
use crate::findings::{Findings, Place, Texts};
use crate::json::{Lexer, Number};
use crate::media::{essence, Media};
use crate::rules::{Action, RuleId, Rules};
use crate::Kind;

/// Stands for the name of a cookie that has none, or none that is surely one.
const NAMELESS: &str = "(no name)";

/// Bytes of the longest name of a cookie: what is longer may be a token in front of its padding.
const LONGEST_NAME: usize = 64;

/// How a header is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As it is.
    Value,
    /// Only whether it is there: its value differs by nature.
    Presence,
    /// As a set of items between commas.
    Items,
    /// As a set of items in any case.
    Tokens,
    /// `content-type`: type and parameters.
    Type,
    /// `set-cookie`: the set of names.
    Cookies,
}

fn mode(rules: &Rules, name: &HeaderName) -> Option<Mode> {
    if rules.counted_headers().contains(name) {
        return Some(Mode::Value);
    }
    Some(match name.as_str() {
        "content-type" => Mode::Type,
        "location" | "link" | "www-authenticate" | "content-disposition" | "content-range" => Mode::Value,
        "cache-control"
        | "vary"
        | "content-language"
        | "accept-ranges"
        | "access-control-allow-headers"
        | "access-control-expose-headers" => Mode::Tokens,
        "allow" | "access-control-allow-methods" => Mode::Items,
        "etag" | "last-modified" | "retry-after" => Mode::Presence,
        "set-cookie" => Mode::Cookies,
        other if other.starts_with("access-control-") => Mode::Value,
        _ => return None,
    })
}

/// Compares the headers that count.
pub(crate) fn compare(rules: &Rules, old: &HeaderMap, new: &HeaderMap, findings: &mut Findings) {
    for name in old.keys() {
        if let Some(mode) = mode(rules, name) {
            compare_one(rules, name, mode, old, new, findings);
        }
    }
    for name in new.keys().filter(|name| !old.contains_key(*name)) {
        if let Some(mode) = mode(rules, name) {
            compare_one(rules, name, mode, old, new, findings);
        }
    }
}

fn compare_one(
    rules: &Rules,
    name: &HeaderName,
    mode: Mode,
    old: &HeaderMap,
    new: &HeaderMap,
    findings: &mut Findings,
) {
    let (mut lines, mut others) = (old.get_all(name).iter(), new.get_all(name).iter());
    let (first, other) = (lines.next(), others.next());
    let single = lines.next().is_none() && others.next().is_none();
    if single && first == other || mode == Mode::Presence && first.is_some() == other.is_some() {
        return;
    }
    let value = |headers: &HeaderMap| headers.contains_key(name).then(|| normal(mode, headers.get_all(name)));
    let (x, y) = (value(old), value(new));
    if x == y {
        return;
    }
    let of = |wanted: fn(&Action) -> bool| rules.header(name).find(|&rule| wanted(rules.action(rule)));
    let rule = of(|action| matches!(action, Action::Ignore)).or_else(|| match (&x, &y) {
        (Some(x), Some(y)) => equate(rules, name, x, y),
        (None, _) => of(|action| matches!(action, Action::Additive)),
        _ => None,
    });
    let kind = match (&x, &y) {
        (Some(_), Some(_)) => Kind::Value,
        (Some(_), None) => Kind::Missing,
        (None, _) => Kind::Extra,
    };
    let location = format!("header:{name}");
    findings.add(Place::of(&location), kind, rule.map(|rule| rules.label(rule)), || {
        Texts {
            location,
            old: x.map(|value| excerpt::cut(&shown(&value))),
            new: y.map(|value| excerpt::cut(&shown(&value))),
            names_only: mode == Mode::Cookies,
        }
    });
}

/// The rule that makes two values equal.
fn equate(rules: &Rules, name: &HeaderName, old: &str, new: &str) -> Option<RuleId> {
    rules
        .equate(rules.header(name), old.as_bytes(), new.as_bytes())
        .or_else(|| {
            rules.header(name).find(|&rule| match rules.action(rule) {
                Action::Unordered { .. } => items(old, false) == items(new, false),
                Action::Tolerance { absolute, relative } => number(old)
                    .zip(number(new))
                    .is_some_and(|(a, b)| a.is_near(&b, *absolute, *relative)),
                _ => false,
            })
        })
}

fn number(value: &str) -> Option<Number<'_>> {
    let mut lexer = Lexer::new(value.as_bytes());
    lexer
        .number()
        .ok()
        .filter(|()| lexer.pos == value.len())
        .map(|()| Number::new(value.as_bytes()))
}

/// The value that is compared and shown. Several lines count as one with commas, which is what they mean (RFC 9110, 5.3).
fn normal<'a>(mode: Mode, values: impl IntoIterator<Item = &'a HeaderValue>) -> String {
    let lines: Vec<Cow<'_, str>> = values.into_iter().map(|value| text(value.as_bytes())).collect();
    match mode {
        Mode::Value | Mode::Presence => lines.join(", "),
        Mode::Items => items(&lines.join(","), false).join(", "),
        Mode::Tokens => items(&lines.join(","), true).join(", "),
        Mode::Type => lines
            .iter()
            .map(|line| content_type(line))
            .collect::<Vec<_>>()
            .join(", "),
        Mode::Cookies => {
            let mut names: Vec<&str> = lines.iter().map(|line| cookie_name(line)).collect();
            names.sort_unstable();
            names.dedup();
            names.join(", ")
        }
    }
}

/// Bytes as text. One that is no UTF-8 becomes a character of private use, so that it is equal to none but itself.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(3 * bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|&byte| stray(byte)));
    }
    Cow::Owned(text)
}

/// A character of private use for a byte from 0x80: all that are no UTF-8 are.
fn stray(byte: u8) -> char {
    char::from_u32(0xf700 | u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn is_stray(char: char) -> bool {
    (stray(0x80)..=stray(0xff)).contains(&char)
}

/// The text as people and the search for secrets know it.
fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(is_stray) {
        Cow::Owned(text.replace(is_stray, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The name of the cookie that a line sets, where it is surely one. A value that has no name (RFC 6265bis, 5.6) may be a secret, and one with padding
/// (`czNjcmV0MQ==`) looks like a name: so a name is a token, not long, and has a value, unless the line clears the cookie.
fn cookie_name(line: &str) -> &str {
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let (name, value) = pair.split_once('=').unwrap_or_default();
    let (name, value) = (name.trim(), value.trim());
    let named = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_token);
    let valued = !value.is_empty() && !value.starts_with('=');
    if named && (valued || value.is_empty() && clears(attributes)) {
        name
    } else {
        NAMELESS
    }
}

/// A character of a token (RFC 9110, 5.6.2), of which the name of a cookie is made (RFC 6265, 4.1.1).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether the attributes end the cookie at once, as libraries write it: no age left, or a date at the beginning of time.
fn clears(attributes: &str) -> bool {
    attributes.split(';').any(|attribute| {
        let (name, value) = attribute.split_once('=').unwrap_or_default();
        match name.trim().to_ascii_lowercase().as_str() {
            "max-age" => value.trim().parse::<i64>().is_ok_and(|seconds| seconds <= 0),
            "expires" => value.contains("1970"),
            _ => false,
        }
    })
}

fn items(value: &str, lower: bool) -> Vec<String> {
    let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
    let mut items: Vec<String> = items
        .map(|item| {
            if lower {
                item.to_ascii_lowercase()
            } else {
                item.to_owned()
            }
        })
        .collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// Type and parameters in one spelling. JSON has no charset but UTF-8 (RFC 8259), so that one says nothing; a multipart boundary is random.
fn content_type(value: &str) -> String {
    let essence = essence(value);
    let json = Media::parse(value) == Media::Json;
    let parameter = |text: &str| {
        let (name, value) = text.split_once('=')?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
        let value = if name == "charset" {
            value.to_ascii_lowercase()
        } else {
            value.to_owned()
        };
        let silent = name == "boundary" || json && name == "charset" && value == "utf-8";
        (!silent).then(|| format!("; {name}={value}"))
    };
    let mut parameters: Vec<String> = value.split(';').skip(1).filter_map(parameter).collect();
    parameters.sort_unstable();
    essence + &parameters.concat()
}
