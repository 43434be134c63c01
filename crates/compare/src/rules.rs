//! Rules, compiled once and shared by all comparisons.

mod path;
#[cfg(test)]
mod tests;
mod text;
mod trie;

use std::sync::Arc;

use http::HeaderName;
use regex::bytes::{Regex, RegexBuilder};
use serde_json_path::JsonPath;

use crate::json::Decimal;
use crate::RulesSpec;
pub(crate) use path::{last_name, parse as parse_path, Step};
pub(crate) use trie::{Move, Trie};

/// A rule, or a path to redact, that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule} at {at:?}: {expected}")]
pub struct RuleError {
    /// The list that the rule stands in, such as `ignore` or `redact.json`.
    pub rule: &'static str,
    /// The location, or the header's name, as written.
    pub at: String,
    /// What is wrong or was expected.
    pub expected: String,
}

/// Points to a rule of one set; lower ids were declared earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleId(u32);

impl RuleId {
    /// For a trie whose paths all mean the same.
    pub(crate) const SOLE: Self = Self(0);
}

#[derive(Debug)]
pub(crate) enum Action {
    Ignore,
    Unordered {
        by: Option<String>,
    },
    Tolerance {
        absolute: Option<Decimal>,
        relative: Option<Decimal>,
    },
    Equivalent {
        pattern: Regex,
        replacement: Vec<u8>,
    },
    Case,
    Additive,
}

#[derive(Debug)]
struct Rule {
    /// What a difference that it hides is marked with.
    label: Arc<str>,
    action: Action,
}

/// Where a rule holds.
enum Location {
    Status,
    /// None is any header.
    Header(Option<HeaderName>),
    Body,
    Path(Vec<Step>, JsonPath),
}

/// A compiled set of rules.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    status: Option<RuleId>,
    headers: Vec<(Option<HeaderName>, RuleId)>,
    body: Vec<RuleId>,
    trie: Trie,
    queries: Vec<(JsonPath, RuleId)>,
    counted_headers: Vec<HeaderName>,
}

impl Rules {
    /// Compiles several sets as one: a route's rules are added to the global ones.
    ///
    /// # Errors
    /// The first rule that is not valid, with its location and what was expected.
    pub fn compile(specs: &[&RulesSpec]) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        for spec in specs {
            rules.add_set(spec)?;
        }
        Ok(rules)
    }

    fn add_set(&mut self, spec: &RulesSpec) -> Result<(), RuleError> {
        for rule in &spec.ignore {
            self.add("ignore", &rule.at, &rule.id, || Ok(Action::Ignore))?;
        }
        for rule in &spec.unordered {
            self.add("unordered", &rule.at, &rule.id, || match rule.by.as_deref() {
                Some("") => Err("expected the name of a member as `by`".to_owned()),
                by => Ok(Action::Unordered {
                    by: by.map(str::to_owned),
                }),
            })?;
        }
        for rule in &spec.tolerance {
            self.add("tolerance", &rule.at, &rule.id, || {
                tolerance(rule.absolute, rule.relative)
            })?;
        }
        for rule in &spec.equivalent {
            self.add("equivalent", &rule.at, &rule.id, || {
                equivalent(&rule.pattern, &rule.replacement)
            })?;
        }
        for rule in &spec.case {
            self.add("case", &rule.at, &rule.id, || Ok(Action::Case))?;
        }
        for rule in &spec.additive {
            self.add("additive", &rule.at, &rule.id, || Ok(Action::Additive))?;
        }
        for name in &spec.headers {
            let header = header_name("headers", name, name)?;
            if !self.counted_headers.contains(&header) {
                self.counted_headers.push(header);
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        rule: &'static str,
        at: &str,
        id: &Option<String>,
        action: impl FnOnce() -> Result<Action, String>,
    ) -> Result<(), RuleError> {
        let location = location(rule, at)?;
        let action = action().map_err(|expected| RuleError {
            rule,
            at: at.to_owned(),
            expected,
        })?;
        let label = id.as_deref().map_or_else(|| format!("{rule} {at}").into(), Arc::from);
        let new = RuleId(self.rules.len() as u32);
        match location {
            Location::Status if matches!(action, Action::Ignore) => self.status = self.status.or(Some(new)),
            Location::Status => {
                return Err(RuleError {
                    rule,
                    at: at.to_owned(),
                    expected: "the status can only be ignored".to_owned(),
                })
            }
            Location::Header(name) => self.headers.push((name, new)),
            Location::Body => {
                self.body.push(new);
                self.trie.insert(&[], new);
            }
            Location::Path(steps, query) if steps.contains(&Step::Other) => self.queries.push((query, new)),
            Location::Path(steps, _) => self.trie.insert(&steps, new),
        }
        self.rules.push(Rule { label, action });
        Ok(())
    }

    pub(crate) fn label(&self, rule: RuleId) -> &Arc<str> {
        &self.rules[rule.0 as usize].label
    }

    pub(crate) fn action(&self, rule: RuleId) -> &Action {
        &self.rules[rule.0 as usize].action
    }

    /// The rule that hides a difference of the status.
    pub(crate) fn status(&self) -> Option<RuleId> {
        self.status
    }

    /// The rules for a header.
    pub(crate) fn header<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = RuleId> + 'a {
        let here = move |at: &Option<HeaderName>| at.as_ref().is_none_or(|at| at == name);
        self.headers
            .iter()
            .filter(move |(at, _)| here(at))
            .map(|(_, rule)| *rule)
    }

    /// The rules for a body that has no structure.
    pub(crate) fn body(&self) -> &[RuleId] {
        &self.body
    }

    pub(crate) fn trie(&self) -> &Trie {
        &self.trie
    }

    pub(crate) fn queries(&self) -> &[(JsonPath, RuleId)] {
        &self.queries
    }

    /// Headers that count because a user asked for them.
    pub(crate) fn counted_headers(&self) -> &[HeaderName] {
        &self.counted_headers
    }
}

fn location(rule: &'static str, at: &str) -> Result<Location, RuleError> {
    let error = |expected: String| RuleError {
        rule,
        at: at.to_owned(),
        expected,
    };
    match at {
        "status" => Ok(Location::Status),
        "body" => Ok(Location::Body),
        "header:*" => Ok(Location::Header(None)),
        _ if at.starts_with('$') => {
            let (steps, query) = path::parse(at).map_err(error)?;
            Ok(Location::Path(steps, query))
        }
        _ => match at.strip_prefix("header:") {
            Some(name) => Ok(Location::Header(Some(header_name(rule, at, name)?))),
            None => Err(error(
                "expected `status`, `body`, `header:NAME` or a JSONPath that starts with `$`".to_owned(),
            )),
        },
    }
}

/// A header's name in lower case, or an error that says where it stands.
pub(crate) fn header_name(rule: &'static str, at: &str, name: &str) -> Result<HeaderName, RuleError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| RuleError {
        rule,
        at: at.to_owned(),
        expected: format!("{name:?} is not the name of a header"),
    })
}

fn tolerance(absolute: Option<f64>, relative: Option<f64>) -> Result<Action, String> {
    if absolute.is_none() && relative.is_none() {
        return Err("expected `absolute` or `relative`".to_owned());
    }
    let decimal = |name: &str, value: Option<f64>| match value {
        None => Ok(None),
        Some(value) => match Decimal::from_float(value) {
            Some(decimal) => Ok(Some(decimal)),
            None => Err(format!("expected `{name}` to be zero or more, but it is {value}")),
        },
    };
    Ok(Action::Tolerance {
        absolute: decimal("absolute", absolute)?,
        relative: decimal("relative", relative)?,
    })
}

fn equivalent(pattern: &str, replacement: &str) -> Result<Action, String> {
    let regex = RegexBuilder::new(pattern).build().map_err(|error| {
        // The library draws a picture over several lines; the last one says what is wrong.
        let text = error.to_string();
        let line = text
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        format!("the pattern {pattern:?} is not a regular expression: {line}")
    })?;
    if let Some(group) = text::unknown_group(&regex, replacement) {
        return Err(format!("the replacement {replacement:?} refers to the group `{group}`, which the pattern {pattern:?} does not have; `${{1}}x` is group 1 followed by x, `$$` a dollar sign"));
    }
    Ok(Action::Equivalent {
        pattern: regex,
        replacement: replacement.as_bytes().to_vec(),
    })
}
