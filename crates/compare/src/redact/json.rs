//! Secrets within JSON, also within the start of a document that has been cut off.

use std::borrow::Cow;

use super::{text, Redactor, REDACTED};
use crate::json::{unescape, Lexer, Syntax};
use crate::limits;
use crate::rules::Move;

/// The document without the values whose place the paths give; `states` are the paths' states at its root. None if it is not JSON.
pub(super) fn redact<'a>(redactor: &Redactor, states: &[u32], text: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let mut scan = Scan::new(redactor, states, text);
    scan.document().ok()?;
    Some(scan.clean())
}

/// Like [`redact`], for a text that may have been cut. None if it is not the start of a document.
pub(super) fn redact_start<'a>(redactor: &Redactor, states: &[u32], text: &'a str) -> Option<Cow<'a, str>> {
    let body = text.strip_suffix('…').unwrap_or(text);
    let mut scan = Scan::new(redactor, states, body.as_bytes());
    if let Err(syntax) = scan.document() {
        // What is read up to a cut is known; a mistake before the end leaves the rest unknown.
        if syntax.at < body.len() {
            return None;
        }
    }
    Some(match scan.clean() {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned() + &text[body.len()..]),
    })
}

struct Scan<'r, 'a> {
    redactor: &'r Redactor,
    states: Vec<u32>,
    lexer: Lexer<'a>,
    /// Where the secrets are, in order.
    secrets: Vec<(usize, usize)>,
}

impl<'r, 'a> Scan<'r, 'a> {
    fn new(redactor: &'r Redactor, states: &[u32], text: &'a [u8]) -> Self {
        Self {
            redactor,
            states: states.to_vec(),
            lexer: Lexer::new(text),
            secrets: Vec::new(),
        }
    }

    fn document(&mut self) -> Result<(), Syntax> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        if self.lexer.text.starts_with(MARK) {
            self.lexer.pos = MARK.len();
        }
        self.lexer.space();
        self.value(0, 0)?;
        self.lexer.space();
        if self.lexer.pos < self.lexer.text.len() {
            self.lexer.fail("nothing after the value")?;
        }
        Ok(())
    }

    /// Reads a value whose states are `self.states[from..]`.
    fn value(&mut self, from: usize, depth: usize) -> Result<(), Syntax> {
        if self.redactor.is_secret(&self.states[from..]) {
            let start = self.lexer.pos;
            self.states.truncate(from);
            let result = self.value(from, depth);
            self.secrets.retain(|secret| secret.0 < start);
            // Where the text has been cut within the secret, this is its end; any other mistake and nothing of the text is kept.
            self.secrets.push((start, self.lexer.pos));
            return result;
        }
        match self.lexer.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') if depth >= limits::DEPTH => self.lexer.fail("fewer levels"),
            Some(b'{') => self.container(from, depth, b'}'),
            Some(b'[') => self.container(from, depth, b']'),
            Some(b'-' | b'0'..=b'9') => self.lexer.number(),
            Some(_) => self.literal(),
            None => self.lexer.fail("a JSON value"),
        }
    }

    /// A text may name a secret by itself, as a log's line or a URL does; then all of it goes.
    fn string(&mut self) -> Result<(), Syntax> {
        let start = self.lexer.pos;
        let result = self.lexer.string();
        let raw = &self.lexer.text[start..self.lexer.pos];
        let raw = raw.strip_prefix(b"\"").unwrap_or(raw);
        let raw = raw.strip_suffix(b"\"").unwrap_or(raw);
        let text = match result {
            Ok(true) => Cow::Owned(unescape(raw)),
            _ => Cow::Borrowed(raw),
        };
        if !text::secrets(self.redactor, text::Kind::Lines, &text).is_empty() {
            self.secrets.push((start, self.lexer.pos));
        }
        result.map(drop)
    }

    /// A literal that is cut off fails at the end of the text, like everything that is cut off.
    fn literal(&mut self) -> Result<(), Syntax> {
        let rest = &self.lexer.text[self.lexer.pos..];
        if [b"null".as_slice(), b"true", b"false"]
            .iter()
            .any(|literal| literal.len() > rest.len() && literal.starts_with(rest))
        {
            self.lexer.pos = self.lexer.text.len();
            return self.lexer.fail("the end of the literal");
        }
        self.lexer.literal()
    }

    fn container(&mut self, from: usize, depth: usize, close: u8) -> Result<(), Syntax> {
        self.lexer.pos += 1;
        self.lexer.space();
        if self.lexer.peek() == Some(close) {
            self.lexer.pos += 1;
            return Ok(());
        }
        let to = self.states.len();
        loop {
            if close == b'}' {
                let start = self.lexer.pos;
                let escaped = self.lexer.string()?;
                let name = &self.lexer.text[start + 1..self.lexer.pos - 1];
                let name = if escaped {
                    Cow::Owned(unescape(name))
                } else {
                    Cow::Borrowed(name)
                };
                self.redactor
                    .paths
                    .step(from, to, Move::Member(&name), &mut self.states);
                self.lexer.space();
                self.lexer.byte(b':', "`:`")?;
                self.lexer.space();
            } else {
                self.redactor.paths.step(from, to, Move::Element, &mut self.states);
            }
            self.value(to, depth + 1)?;
            self.states.truncate(to);
            self.lexer.space();
            match self.lexer.peek() {
                Some(b',') => self.lexer.pos += 1,
                Some(b) if b == close => {
                    self.lexer.pos += 1;
                    return Ok(());
                }
                _ => return self.lexer.fail("`,` or the end"),
            }
            self.lexer.space();
        }
    }

    /// The text with each secret replaced by a JSON string.
    fn clean(&self) -> Cow<'a, [u8]> {
        let text = self.lexer.text;
        if self.secrets.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = Vec::with_capacity(text.len());
        let mut from = 0;
        for &(start, end) in &self.secrets {
            clean.extend_from_slice(&text[from..start]);
            clean.extend_from_slice(format!("\"{REDACTED}\"").as_bytes());
            from = end;
        }
        clean.extend_from_slice(&text[from..]);
        Cow::Owned(clean)
    }
}
