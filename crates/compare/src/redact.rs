//! Removes secrets before anything is recorded. In doubt it removes more, never less.

mod cleaned;
mod json;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use aho_corasick::AhoCorasick;
pub use cleaned::Cleaned;
use http::HeaderName;

use crate::media::{essence, Media};
use crate::rules::{self, header_name, last_name, Move, RuleId, Trie};
use crate::walk::decode_field;
use crate::{Difference, RuleError};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Knows which headers, JSON values, form fields and query parameters are secret.
///
/// A path means its value and everything below. Indexes, slices and filters in a path count as `[*]`. The last member name of each path is secret too
/// as the name of a form field, a query parameter, a cookie, a segment of a path template, or of whatever a text assigns a value to, in any case and with
/// an index (`user[password]`). `docs/reference/redaction.md` has it in full.
#[derive(Debug)]
pub struct Redactor {
    headers: Vec<HeaderName>,
    paths: Trie,
    /// Last names, in lower case.
    names: Vec<String>,
    /// Finds the names, in any case, and `//`, behind which a user's name and password may stand.
    sought: AhoCorasick,
    /// Whether a path has no name at all, such as `$` or `$.*`: then every field is secret.
    all_names: bool,
}

impl Redactor {
    /// Compiles names of headers and JSONPaths.
    ///
    /// # Errors
    /// The first that is not valid, as `redact.headers` or `redact.json`.
    pub fn compile(headers: &[String], json: &[String]) -> Result<Self, RuleError> {
        let headers = headers.iter().map(|name| header_name("redact.headers", name, name));
        let headers = headers.collect::<Result<_, _>>()?;
        let error = |at: &str, expected| RuleError {
            rule: "redact.json",
            at: at.to_owned(),
            expected,
        };
        let (mut paths, mut names, mut all_names) = (Trie::default(), Vec::new(), false);
        for path in json {
            let (steps, _) = rules::parse_path(path).map_err(|expected| error(path, expected))?;
            paths.insert(&steps, RuleId::SOLE);
            match last_name(&steps) {
                Some(name) => names.push(name.to_lowercase()),
                None => all_names = true,
            }
        }
        let sought = names.iter().map(String::as_str).chain(["//"]);
        let sought = AhoCorasick::builder().ascii_case_insensitive(true).build(sought);
        Ok(Self {
            headers,
            paths,
            sought: sought.map_err(|too_many| error(&json.join(", "), too_many.to_string()))?,
            names,
            all_names,
        })
    }

    /// The value of a header without its secrets: all of it, or those within it, such as a parameter of a URL.
    pub fn header<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        if self
            .headers
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret.as_str()))
        {
            return Cow::Owned(REDACTED.to_owned());
        }
        self.url(value)
    }

    /// The body without its secrets; borrows where there are none.
    ///
    /// Takes the whole decoded body: cut it afterwards, as JSON that is cut short is no JSON. A body that should hold JSON and is none is removed
    /// as a whole, as nothing in it can be found by its path; so is a multipart form or a table (CSV) with a secret field, and any other body that begins
    /// like JSON, is none and has a secret name in it.
    pub fn clean<'a>(&self, content_type: Option<&str>, decoded: &'a [u8]) -> Cleaned<'a> {
        Cleaned::new(decoded, self.body(content_type, decoded))
    }

    fn body<'a>(&self, content_type: Option<&str>, decoded: &'a [u8]) -> Cow<'a, [u8]> {
        if self.names.is_empty() && !self.all_names || decoded.is_empty() {
            return Cow::Borrowed(decoded);
        }
        let content_type = content_type.unwrap_or_default();
        match Media::parse(content_type) {
            Media::Json => self.json(decoded).unwrap_or(Cow::Borrowed(REDACTED.as_bytes())),
            Media::Form => self.fields(decoded),
            _ if self.hides_whole(content_type, decoded) => Cow::Borrowed(REDACTED.as_bytes()),
            _ if !begins_like_json(decoded) => text::redact(self, text::Kind::Lines, decoded),
            _ => match self.json(decoded) {
                Some(body) => body,
                None if self.mentions(decoded) => Cow::Borrowed(REDACTED.as_bytes()),
                None => text::redact(self, text::Kind::Lines, decoded),
            },
        }
    }

    /// A request's target without its secrets: parameters, and segments that `template` gives a secret name, such as `/reset/{token}`.
    pub fn target<'a>(&self, template: &str, target: &'a str) -> Cow<'a, str> {
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        match self.segments(template, path) {
            Some(path) => Cow::Owned(format!("{path}{}", self.url(query))),
            None => self.url(target),
        }
    }

    /// The path without its secret segments; None if it has none.
    fn segments(&self, template: &str, path: &str) -> Option<String> {
        let mut segments = path.split('/');
        let mut clean = Vec::new();
        let mut any = false;
        for pattern in template.split('/') {
            let Some(segment) = segments.next() else { break };
            let name = pattern
                .split_once('{')
                .and_then(|(_, name)| name.split_once('}'))
                .map(|(name, _)| name);
            if name.is_some_and(|name| self.is_secret_name(name.trim_start_matches('*').as_bytes())) {
                any = true;
                clean.push(REDACTED);
                if name.is_some_and(|name| name.starts_with('*')) {
                    segments.by_ref().for_each(drop); // all that follows belongs to it
                }
            } else {
                clean.push(segment);
            }
        }
        clean.extend(segments);
        any.then(|| clean.join("/"))
    }

    /// A URL, or a header's value with URLs and parameters in it, without its secrets; borrows where there are none.
    fn url<'a>(&self, value: &'a str) -> Cow<'a, str> {
        let plain = self.escaped_parameters(value);
        match text::redact(self, text::Kind::Header, plain.as_bytes()) {
            Cow::Owned(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
            Cow::Borrowed(_) => plain,
        }
    }

    /// Redacts parameters whose name is escaped (`%74oken=`), which no text knows.
    fn escaped_parameters<'a>(&self, url: &'a str) -> Cow<'a, str> {
        let secret = |parameter: &'a str| {
            let (name, value) = parameter.split_once('=')?;
            let secret = name.contains('%') && self.is_secret_name(&decode_field(name.as_bytes()));
            let end = value.find(['&', '#', '?', '"', '<', '>', ' ']).unwrap_or(value.len());
            secret.then(|| format!("{name}={REDACTED}{}", &value[end..]))
        };
        let parameters = || url.split_inclusive(['?', '#', '&']);
        if !url.contains('%') || parameters().all(|parameter| secret(parameter).is_none()) {
            return Cow::Borrowed(url);
        }
        let clean = |parameter| secret(parameter).map_or(Cow::Borrowed(parameter), Cow::Owned);
        Cow::Owned(parameters().map(clean).collect())
    }

    /// Removes secrets from a difference's texts, whether it is at a secret, below one, or at a value that contains one.
    pub fn difference(&self, difference: &mut Difference) {
        let names_only = difference.names_only;
        let location = std::mem::take(&mut difference.location);
        for text in [&mut difference.old, &mut difference.new].into_iter().flatten() {
            let clean = if names_only {
                self.url(text)
            } else {
                self.difference_text(&location, text)
            };
            if let Cow::Owned(clean) = clean {
                *text = clean;
            }
        }
        difference.location = location;
    }

    fn difference_text<'a>(&self, location: &str, text: &'a str) -> Cow<'a, str> {
        let all = Cow::Owned(REDACTED.to_owned());
        if let Some(name) = location.strip_prefix("header:") {
            return self.header(name, text);
        }
        if location == "body" {
            return if self.mentions(text.as_bytes()) {
                all
            } else {
                Cow::Borrowed(text)
            };
        }
        // What is not at a JSONPath is the status.
        let Ok((steps, _)) = rules::parse_path(location) else {
            return Cow::Borrowed(text);
        };
        let mut states = Vec::new();
        self.paths.start(&mut states);
        let mut from = 0;
        let mut secret = self.is_secret(&states);
        for step in &steps {
            let to = states.len();
            let with = match step {
                rules::Step::Name(name) => Move::Member(name.as_bytes()),
                _ => Move::Element,
            };
            self.paths.step(from, to, with, &mut states);
            from = to;
            secret |= self.is_secret(&states[from..]);
        }
        // A form's field has a location of one step.
        let field = matches!(steps.as_slice(), [rules::Step::Name(name)] if self.is_secret_name(name.as_bytes()));
        if secret || field {
            return all;
        }
        if !begins_like_json(text.as_bytes()) {
            let hides = !text::secrets(self, text::Kind::Lines, text.as_bytes()).is_empty();
            return if hides { all } else { Cow::Borrowed(text) };
        }
        match json::redact_start(self, &states[from..], text) {
            Some(Cow::Borrowed(_)) => Cow::Borrowed(text),
            Some(Cow::Owned(clean)) => Cow::Owned(clean),
            None => all,
        }
    }

    /// Whether a body that is neither JSON nor a form has secrets whose ends nobody could tell.
    fn hides_whole(&self, content_type: &str, body: &[u8]) -> bool {
        let essence = essence(content_type);
        // A part's name, or a column's, says what is secret far away from it.
        let divided = essence.starts_with("multipart/")
            || matches!(
                essence.as_str(),
                "text/csv" | "application/csv" | "text/tab-separated-values"
            );
        // Texts are searched as ASCII.
        let wide = [&b"\xff\xfe"[..], b"\xfe\xff"]
            .iter()
            .any(|mark| body.starts_with(mark))
            || content_type.to_ascii_lowercase().contains("charset=utf-16");
        let foreign = self.names.iter().any(|name| !name.is_ascii());
        self.all_names || wide || (divided || foreign) && self.mentions(body)
    }

    fn is_secret(&self, states: &[u32]) -> bool {
        states.iter().any(|&state| self.paths.rules(state).next().is_some())
    }

    /// None if it is not JSON.
    fn json<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let mut states = Vec::new();
        self.paths.start(&mut states);
        json::redact(self, &states, body)
    }

    /// Redacts the values of `name=value&name=value`.
    fn fields<'a>(&self, form: &'a [u8]) -> Cow<'a, [u8]> {
        let name = |field: &'a [u8]| &field[..memchr::memchr(b'=', field).unwrap_or(field.len())];
        let secret =
            |field: &'a [u8]| name(field).len() < field.len() && self.is_secret_name(&decode_field(name(field)));
        if !form.split(|&b| b == b'&').any(secret) {
            return Cow::Borrowed(form);
        }
        let clean = |field: &'a [u8]| match secret(field) {
            true => [name(field), b"=", REDACTED.as_bytes()].concat(),
            false => field.to_vec(),
        };
        Cow::Owned(form.split(|&b| b == b'&').map(clean).collect::<Vec<_>>().join(&b'&'))
    }

    /// Whether a field of this name, or of a part of it (`user[password]`, `user.password`), is secret.
    fn is_secret_name(&self, name: &[u8]) -> bool {
        let name = String::from_utf8_lossy(name).to_lowercase();
        self.all_names
            || name
                .split(['[', ']', '.'])
                .any(|part| self.names.iter().any(|secret| secret == part))
    }

    /// Whether the text has anything in it by which [`text::secrets`] could find a secret.
    fn may_hide(&self, text: &[u8]) -> bool {
        self.sought.is_match(text)
    }

    /// Whether a secret's name stands anywhere in the text.
    fn mentions(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text).to_lowercase();
        self.all_names || self.names.iter().any(|name| text.contains(name))
    }
}

fn begins_like_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}
