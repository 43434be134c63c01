//! Where a walk is, as a JSONPath.

use std::borrow::Cow;
use std::fmt::{self, Write};

use crate::findings::Place;
use crate::limits;

#[derive(Debug)]
enum Step<'a> {
    Member(Cow<'a, [u8]>),
    Element,
}

/// The steps from the root to where a walk is.
#[derive(Debug, Default)]
pub(super) struct Path<'a> {
    steps: Vec<(Step<'a>, Place)>,
}

impl<'a> Path<'a> {
    pub(super) fn place(&self) -> Place {
        self.steps.last().map_or(Place::ROOT, |(_, place)| *place)
    }

    pub(super) fn push_member(&mut self, name: Cow<'a, [u8]>) {
        let place = self.place().below(&name);
        self.steps.push((Step::Member(name), place));
    }

    pub(super) fn push_element(&mut self) {
        let place = self.place().below(());
        self.steps.push((Step::Element, place));
    }

    pub(super) fn pop(&mut self) {
        self.steps.pop();
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('$')?;
        self.steps.iter().try_for_each(|(step, _)| match step {
            Step::Element => f.write_str("[*]"),
            Step::Member(name) => write_name(f, name),
        })
    }
}

/// Writes a member's name the way RFC 9535 wants it: `.name` where that is allowed, else `['name']`.
fn write_name(f: &mut fmt::Formatter<'_>, name: &[u8]) -> fmt::Result {
    let (head, cut) = match name.get(..limits::NAME) {
        Some(head) if name.len() > limits::NAME => (head, true),
        _ => (name, false),
    };
    let mut text = String::from_utf8_lossy(head);
    if cut {
        text = format!("{}…", text.trim_end_matches(char::REPLACEMENT_CHARACTER)).into();
    }
    let plain = |c: char| c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii();
    if text.chars().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit()) && !text.is_empty() {
        return write!(f, ".{text}");
    }
    f.write_str("['")?;
    for c in text.chars() {
        match c {
            '\'' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            '\0'..='\u{1f}' => write!(f, "\\u{:04x}", c as u32)?,
            c => f.write_char(c)?,
        }
    }
    f.write_str("']")
}
