//! The walk over two JSON documents at once.

mod array;
mod digest;
mod form;
mod object;
mod pairing;
mod place;
mod query;
mod scope;
#[cfg(test)]
mod tests;
mod unordered;

use crate::excerpt;
use crate::findings::{Findings, Texts};
use crate::json::{Document, Number, Shape, View};
use crate::rules::{Action, Move, RuleId, Rules};
use crate::Kind;
pub(crate) use form::{decode as decode_field, forms};
use place::Path;
use query::Matches;
use scope::{Cell, Scope};

/// Compares two documents by the rules.
pub(crate) fn documents(rules: &Rules, old: &Document<'_>, new: &Document<'_>, findings: &mut Findings) {
    let mut walker = Walker::new(rules, findings);
    walker.matches = Matches::find(rules, old, new);
    let scope = walker.root(Some(old.root()), Some(new.root()));
    walker.values(old.root(), new.root(), scope);
}

/// Whether differences are collected, or it only matters if there is one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Collect,
    Probe(Verdict),
}

/// How two values compare, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Same,
    /// They differ where a rule says that it does not count.
    Hidden,
    Different,
}

struct Walker<'a> {
    rules: &'a Rules,
    findings: &'a mut Findings,
    matches: Matches,
    path: Path<'a>,
    /// States of the rules' automaton and lists of rules, for all levels of the path.
    states: Vec<u32>,
    cells: Vec<Cell>,
    mode: Mode,
}

impl<'a> Walker<'a> {
    fn new(rules: &'a Rules, findings: &'a mut Findings) -> Self {
        Self {
            rules,
            findings,
            matches: Matches::default(),
            path: Path::default(),
            states: Vec::new(),
            cells: Vec::new(),
            mode: Mode::Collect,
        }
    }

    fn values(&mut self, old: View<'a>, new: View<'a>, scope: Scope) {
        if self.is_done() || old.is_written_like(&new) {
            return;
        }
        match (old.shape(), new.shape()) {
            (Shape::Object, Shape::Object) => self.objects(old, new, scope),
            (Shape::Array, Shape::Array) => self.arrays(old, new, scope),
            (Shape::String, Shape::String) => self.strings(old, new, scope),
            (Shape::Number, Shape::Number) => self.numbers(old, new, scope),
            (Shape::Bool, Shape::Bool) => self.report(Kind::Value, Some(old), Some(new), scope, None),
            _ => self.report(Kind::Type, Some(old), Some(new), scope, None),
        }
    }

    fn strings(&mut self, old: View<'a>, new: View<'a>, scope: Scope) {
        let (a, b) = (old.text(), new.text());
        if a != b {
            let rule = self.rules.equate(self.text_rules(scope).into_iter(), &a, &b);
            self.report(Kind::Value, Some(old), Some(new), scope, rule);
        }
    }

    fn numbers(&mut self, old: View<'a>, new: View<'a>, scope: Scope) {
        let (a, b) = (Number::new(old.raw()), Number::new(new.raw()));
        let equal = a.equals(&b);
        if equal && a.is_float() == b.is_float() {
            return;
        }
        let rule = self.tolerances(scope).find(|&rule| match self.rules.action(rule) {
            Action::Tolerance { absolute, relative } => a.is_near(&b, *absolute, *relative),
            _ => false,
        });
        self.report(
            if equal { Kind::Type } else { Kind::Value },
            Some(old),
            Some(new),
            scope,
            rule,
        );
    }

    /// Compares texts that are no JSON values: a form's fields.
    fn texts(&mut self, old: &[u8], new: &[u8], scope: Scope) {
        if old != new {
            let rule = scope
                .ignore
                .or_else(|| self.rules.equate(self.text_rules(scope).into_iter(), old, new));
            let (old, new) = excerpt::pair(old, new);
            self.add(Kind::Value, rule, || (Some(old), Some(new)));
        }
    }

    fn report(&mut self, kind: Kind, old: Option<View<'_>>, new: Option<View<'_>>, scope: Scope, rule: Option<RuleId>) {
        self.add(kind, scope.ignore.or(rule), || match (old, new) {
            (Some(old), Some(new)) if old.shape() == Shape::String && new.shape() == Shape::String => {
                let (old, new) = excerpt::pair(old.raw(), new.raw());
                (Some(old), Some(new))
            }
            _ => (
                old.map(|old| excerpt::json(old.raw())),
                new.map(|new| excerpt::json(new.raw())),
            ),
        });
    }

    /// Adds a difference at the path.
    fn add(&mut self, kind: Kind, rule: Option<RuleId>, texts: impl FnOnce() -> (Option<String>, Option<String>)) {
        if let Mode::Probe(verdict) = &mut self.mode {
            *verdict = (*verdict).max(if rule.is_some() {
                Verdict::Hidden
            } else {
                Verdict::Different
            });
            return;
        }
        let rule = rule.map(|rule| self.rules.label(rule));
        let path = &self.path;
        self.findings.add(path.place(), kind, rule, || {
            let (old, new) = texts();
            Texts {
                location: path.to_string(),
                old,
                new,
                names_only: false,
            }
        });
    }

    /// Whether nothing that is found from here on makes a difference to the result.
    fn is_done(&self) -> bool {
        match self.mode {
            Mode::Collect => self.findings.is_full(),
            Mode::Probe(verdict) => verdict == Verdict::Different,
        }
    }

    /// Compares two elements of the array at the path without collecting anything.
    fn probe(&mut self, old: View<'a>, new: View<'a>, scope: Scope) -> Verdict {
        if old.is_written_like(&new) {
            return Verdict::Same;
        }
        let outer = std::mem::replace(&mut self.mode, Mode::Probe(Verdict::Same));
        self.elements(old, new, scope);
        match std::mem::replace(&mut self.mode, outer) {
            Mode::Probe(verdict) => verdict,
            Mode::Collect => Verdict::Same,
        }
    }

    fn are_equal(&mut self, old: View<'a>, new: View<'a>, scope: Scope) -> bool {
        self.probe(old, new, scope) < Verdict::Different
    }

    /// Compares two elements of the array at the path.
    fn elements(&mut self, old: View<'a>, new: View<'a>, scope: Scope) {
        if !old.is_written_like(&new) {
            self.below(Move::Element, Some(old), Some(new), scope, |walker, scope| {
                walker.values(old, new, scope)
            });
        }
    }
}
