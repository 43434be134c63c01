//! Secrets within text: in URLs, headers, markup, logs, settings, source code.
//!
//! Nothing says for certain where a value in a text ends. Where the text does not tell, it is taken to go on to the end of the line, of the indented block, or
//! of the text.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::{Redactor, REDACTED};

/// Elements that never have an end tag.
const VOID: [&[u8]; 14] = [
    b"area", b"base", b"br", b"col", b"embed", b"hr", b"img", b"input", b"link", b"meta", b"param", b"source",
    b"track", b"wbr",
];

/// What a text is, as far as it matters to where values end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The value of a header, or a URL: `;` ends what nothing encloses.
    Header,
    /// Lines.
    Lines,
}

/// The text without its secrets; borrows where there are none.
pub(super) fn redact<'a>(redactor: &Redactor, kind: Kind, text: &'a [u8]) -> Cow<'a, [u8]> {
    let secrets = secrets(redactor, kind, text);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut clean = Vec::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        clean.extend_from_slice(&text[from..secret.start]);
        clean.extend_from_slice(REDACTED.as_bytes());
        from = secret.end;
    }
    clean.extend_from_slice(&text[from..]);
    Cow::Owned(clean)
}

/// Where the secrets are, in order and apart.
pub(super) fn secrets(redactor: &Redactor, kind: Kind, text: &[u8]) -> Vec<Range<usize>> {
    if !redactor.may_hide(text) {
        return Vec::new();
    }
    let mut found = user_information(text);
    let lower = text.to_ascii_lowercase();
    let mut names: Vec<Range<usize>> = redactor
        .names
        .iter()
        .flat_map(|name| memmem::find_iter(&lower, name).map(|at| at..at + name.len()))
        .filter(|name| stands_alone(text, name))
        .collect();
    names.sort_by_key(|name| name.start);
    let mut scan = Scan::new(kind, &lower);
    for name in names {
        // What lies within a secret is gone already, and so the whole takes linear time.
        if scan.found.last().is_some_and(|last| name.start < last.end) {
            continue;
        }
        scan.advance(name.start);
        scan.name(&name);
    }
    found.extend(scan.found);
    merged(found)
}

fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// `user:password` of `//user:password@host`.
fn user_information(text: &[u8]) -> Vec<Range<usize>> {
    memmem::find_iter(text, "//")
        .filter_map(|at| {
            let start = at + 2;
            let ends = |b: &u8| matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>') || b.is_ascii_whitespace();
            let authority = &text[start..];
            let authority = &authority[..authority.iter().position(ends).unwrap_or(authority.len())];
            memchr::memrchr(b'@', authority).map(|end| start..start + end)
        })
        .collect()
}

/// Whether the name is a word of its own, and not a part of another.
fn stands_alone(text: &[u8], name: &Range<usize>) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-') || !b.is_ascii();
    let before = &text[..name.start];
    // `%5B` and `\n` end in a letter that is none.
    let escape = match before {
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        _ => false,
    } || matches!(before, [.., b'\\', b'n' | b'r' | b't']);
    (escape || before.last().is_none_or(|&b| !word(b))) && text.get(name.end).is_none_or(|&b| !word(b))
}

struct Scan<'a> {
    kind: Kind,
    /// In lower case.
    text: &'a [u8],
    found: Vec<Range<usize>>,
    pos: usize,
    /// Of the line of `pos`.
    line: usize,
    /// Whether an odd number of `"` and of `'` stand before `pos` in its line.
    quoted: [bool; 2],
    /// Whether there is markup before `pos` in its line.
    markup: bool,
    /// The `<` of the tag that `pos` is in.
    tag: Option<usize>,
}

impl<'a> Scan<'a> {
    fn new(kind: Kind, text: &'a [u8]) -> Self {
        Self {
            kind,
            text,
            found: Vec::new(),
            pos: 0,
            line: 0,
            quoted: [false; 2],
            markup: false,
            tag: None,
        }
    }

    fn advance(&mut self, to: usize) {
        for at in self.pos..to {
            match self.text[at] {
                b'\n' => {
                    self.line = at + 1;
                    self.quoted = [false; 2];
                    self.markup = false;
                }
                b'"' => self.quoted[0] ^= true,
                b'\'' => self.quoted[1] ^= true,
                b'<' if self
                    .text
                    .get(at + 1)
                    .is_some_and(|b| b.is_ascii_alphabetic() || b"/!?".contains(b)) =>
                {
                    self.markup = true;
                    self.tag = Some(at);
                }
                b'>' => {
                    self.markup = true;
                    self.tag = None;
                }
                _ => {}
            }
        }
        self.pos = to;
    }

    fn name(&mut self, name: &Range<usize>) {
        if let Some(tag) = self.tag {
            let prefix = &self.text[tag + 1..name.start];
            if prefix.is_empty() || prefix.ends_with(b":") && prefix.iter().all(|&b| is_tag_name(b)) {
                return self.element(tag, name.end);
            }
            if prefix == b"/" || prefix.starts_with(b"/") && prefix.ends_with(b":") {
                return;
            }
        }
        if let Some(start) = self.assigned(name.end) {
            return self.value(name.start, start);
        }
        let before = self.text[..name.start].last();
        match self.tag {
            // An attribute's value, such as `<input name="password" value="...">`: the secret is another attribute or the content.
            Some(tag) if before.is_some_and(|b| b"\"'=[.:".contains(b)) => {
                let end = tag + 1 + self.text[tag + 1..].iter().take_while(|&&b| is_tag_name(b)).count();
                self.element(tag, end);
            }
            // All the text of an element, such as `<key>password</key><string>...</string>`: the secret is the next text.
            None if self.text[..name.start].trim_ascii_end().ends_with(b">")
                && self.text[name.end..].trim_ascii_start().starts_with(b"<") =>
            {
                self.next_text(name.end);
            }
            _ => {}
        }
    }

    /// Where the value of a name that ends at `end` begins, if something is assigned to it.
    fn assigned(&self, end: usize) -> Option<usize> {
        const CLOSING: [&[u8]; 14] = [
            b"\"", b"'", b"`", b"\\\"", b"\\'", b"]", b"[", b"*", b"%5d", b"%5b", b"%22", b"&quot;", b"&#34;", b"&#39;",
        ];
        let mut rest = &self.text[end..];
        while let Some(closing) = CLOSING.iter().find(|closing| rest.starts_with(closing)) {
            rest = &rest[closing.len()..];
            if *closing == b"[" {
                rest = &rest[rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count()..];
            }
        }
        rest = rest.trim_ascii_start();
        let sign = match rest {
            [b':' | b'=', ..] => rest.iter().take_while(|b| b":=>~".contains(b)).count(),
            [b'%', b'3', b'a' | b'd', ..] => 3,
            _ => return None,
        };
        rest = &rest[sign..];
        let space = rest.iter().take_while(|&&b| matches!(b, b' ' | b'\t' | b'*')).count();
        Some(self.text.len() - rest.len() + space)
    }

    /// The value from `start` of a name at `name`.
    fn value(&mut self, name: usize, start: usize) {
        let rest = &self.text[start..];
        match rest {
            [a @ (b'"' | b'\''), b, c, ..] if a == b && b == c => {
                self.keep(start + 3..start + quoted(rest, &rest[..3]))
            }
            [b'"' | b'\'' | b'`', ..] => self.keep(start + 1..start + quoted(rest, &rest[..1])),
            [b'\\', b'"' | b'\'', ..] => self.keep(start + 2..start + quoted(rest, &rest[..2])),
            _ if rest.starts_with(b"&quot;") => self.keep(start + 6..start + quoted(rest, b"&quot;")),
            [b'{' | b'[', ..] => self.keep(start..start + balanced(rest)),
            [b'<', ..] if self.markup => self.next_text(start),
            _ => self.bare(name, start),
        }
    }

    /// A value that nothing encloses.
    fn bare(&mut self, name: usize, start: usize) {
        let rest = &self.text[start..];
        let before = &self.text[..name];
        let parameter = matches!(before, [.., b'?' | b'&' | b'#'])
            || before.ends_with(b"&amp;")
            || [b"%3f", b"%26", b"%23"].iter().any(|code| before.ends_with(*code));
        let segment = before.ends_with(b"/");
        let header = self.kind == Kind::Header;
        let end = (0..rest.len()).find(|&at| match rest[at] {
            b'\n' => true,
            b'"' => self.quoted[0],
            b'\'' => self.quoted[1],
            b'<' | b'>' => self.markup || parameter || segment,
            b'&' | b'#' => parameter || segment,
            b'/' | b'?' => segment,
            b' ' | b'\t' | b'\r' => parameter || segment,
            b';' => header && !parameter,
            b'%' => parameter && before.ends_with(b"%26") && rest[at..].starts_with(b"%26"),
            _ => false,
        });
        let end = end.unwrap_or(rest.len());
        let mut end = start + end;
        if self.text.get(end) == Some(&b'\n') && !parameter && !segment {
            end = self.block(end);
        }
        self.keep(start..end);
    }

    /// The end of the lines below the present one, which ends at `end`, that are indented more: they belong to its value.
    fn block(&self, mut end: usize) -> usize {
        let indent = |line: &[u8]| line.iter().take_while(|&&b| matches!(b, b' ' | b'\t')).count();
        let own = indent(&self.text[self.line..]);
        loop {
            let Some(rest) = self.text.get(end + 1..).filter(|rest| !rest.is_empty()) else {
                return end;
            };
            let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
            if indent(line) <= own && !line.trim_ascii().is_empty() {
                return end;
            }
            end += 1 + line.len();
        }
    }

    /// What is in the tag at `tag` from `end` on, and the content of its element.
    fn element(&mut self, tag: usize, end: usize) {
        let name = {
            let rest = &self.text[tag + 1..];
            &rest[..rest.iter().take_while(|&&b| is_tag_name(b)).count()]
        };
        let close = end + tag_end(&self.text[end..]);
        let attributes = self.text[end..close]
            .strip_suffix(b"/")
            .unwrap_or(&self.text[end..close]);
        let empty = attributes.len() < close - end || VOID.contains(&name);
        if !attributes.trim_ascii().is_empty() {
            let space = attributes.len() - attributes.trim_ascii_start().len();
            self.found.retain(|range| range.start < end + space);
            self.keep(end + space..end + attributes.trim_ascii_end().len());
        }
        let content = close + 1;
        if !empty && content < self.text.len() {
            self.keep(content..content + closed(&self.text[content..], name));
        }
    }

    /// The first text after the tags from `from` on.
    fn next_text(&mut self, from: usize) {
        let mut at = from;
        loop {
            let rest = &self.text[at..];
            at += rest.len() - rest.trim_ascii_start().len();
            if self.text.get(at) != Some(&b'<') {
                break;
            }
            at = (at + tag_end(&self.text[at..]) + 1).min(self.text.len());
        }
        let rest = &self.text[at..];
        self.keep(at..at + memchr::memchr(b'<', rest).unwrap_or(rest.len()));
    }

    fn keep(&mut self, secret: Range<usize>) {
        if !secret.is_empty() {
            self.found.push(secret);
        }
    }
}

fn is_tag_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':')
}

/// Where the text within `quote`, with which `text` begins, ends. A quote that is escaped or doubled does not end it.
fn quoted(text: &[u8], quote: &[u8]) -> usize {
    let mut at = quote.len();
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(quote) {
            if !rest[quote.len()..].starts_with(quote) {
                return at;
            }
            at += 2 * quote.len();
        } else {
            at += if rest[0] == b'\\' { 2 } else { 1 };
        }
    }
    text.len()
}

/// Where the object or list ends with which `text` begins.
fn balanced(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => at += quoted(&text[at..], b"\""),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Where the `>` is of the tag that `text` is the rest of; one within quotes does not count.
fn tag_end(text: &[u8]) -> usize {
    let mut quote = None;
    for (at, &b) in text.iter().enumerate() {
        match quote {
            Some(q) if b == q => quote = None,
            Some(_) => {}
            None if matches!(b, b'"' | b'\'') => quote = Some(b),
            None if b == b'>' => return at,
            None => {}
        }
    }
    text.len()
}

/// Where the end tag of an element `name` is, of which `text` is the content and what follows it.
fn closed(text: &[u8], name: &[u8]) -> usize {
    let mut depth = 0_usize;
    for at in memchr::memchr_iter(b'<', text) {
        let (end, tag) = match &text[at + 1..] {
            [b'/', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let is_it = tag
            .strip_prefix(name)
            .is_some_and(|rest| rest.first().is_none_or(|&b| !is_tag_name(b)));
        match (is_it, end) {
            (true, true) if depth == 0 => return at,
            (true, true) => depth -= 1,
            (true, false) => depth += 1,
            _ => {}
        }
    }
    text.len()
}
