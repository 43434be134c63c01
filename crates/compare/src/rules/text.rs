//! The rules that make texts equal: `equivalent` and `case`.

use std::borrow::Cow;

use regex::bytes::Regex;

use super::{Action, RuleId, Rules};

impl Rules {
    /// Applies the `equivalent` and `case` rules among `rules`, in their order, to both texts; the rule after which they are equal, if any.
    pub(crate) fn equate(&self, mut rules: impl Iterator<Item = RuleId>, old: &[u8], new: &[u8]) -> Option<RuleId> {
        let (mut old, mut new) = (Cow::Borrowed(old), Cow::Borrowed(new));
        rules.find(|&rule| self.rewrite(rule, &mut old) && self.rewrite(rule, &mut new) && old == new)
    }

    /// The text that all texts have in common which [`Self::equate`] makes equal.
    pub(crate) fn canonical<'a>(&self, rules: impl Iterator<Item = RuleId>, text: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        let mut text = text;
        for rule in rules {
            self.rewrite(rule, &mut text);
        }
        text
    }

    /// True if the rule is one that rewrites texts.
    fn rewrite(&self, rule: RuleId, text: &mut Cow<'_, [u8]>) -> bool {
        match self.action(rule) {
            Action::Equivalent { pattern, replacement } => {
                let replaced = match pattern.replace_all(text, replacement.as_slice()) {
                    Cow::Owned(replaced) => Some(replaced),
                    Cow::Borrowed(_) => None,
                };
                if let Some(replaced) = replaced {
                    *text = Cow::Owned(replaced);
                }
                true
            }
            Action::Case => {
                *text = Cow::Owned(match std::str::from_utf8(text) {
                    Ok(valid) => valid.to_lowercase().into_bytes(),
                    Err(_) => text.to_ascii_lowercase(),
                });
                true
            }
            _ => false,
        }
    }
}

/// The first group that a replacement refers to and its pattern lacks; the library would silently put nothing there.
pub(super) fn unknown_group<'a>(pattern: &Regex, replacement: &'a str) -> Option<&'a str> {
    let mut rest = replacement;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let (group, after) = match rest.strip_prefix('{') {
            Some(braced) => braced.split_once('}')?,
            None => rest.split_at(
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(rest.len()),
            ),
        };
        rest = after;
        let known = match group.parse::<usize>() {
            Ok(number) => number < pattern.captures_len(),
            Err(_) => pattern.capture_names().flatten().any(|name| name == group),
        };
        if !group.is_empty() && !known {
            return Some(group);
        }
    }
    None
}
