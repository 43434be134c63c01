//! Which rules hold where the walk is.

use std::borrow::Cow;

use super::{Move, RuleId, View, Walker};
use crate::rules::Action;

const NONE: u32 = u32::MAX;

/// The rules that hold at one place and, unless others are added, everywhere below.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// The outermost rule that ignores everything here.
    pub(super) ignore: Option<RuleId>,
    pub(super) additive: Option<RuleId>,
    /// The innermost rule for the order of arrays.
    pub(super) unordered: Option<RuleId>,
    /// Lists in `Walker::cells`.
    tolerances: u32,
    texts: u32,
    /// This level's part of `Walker::states`.
    from: u32,
    to: u32,
}

/// One rule of a list that grows towards the leaves and shares what lies above.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    rule: RuleId,
    parent: u32,
}

impl<'a> Walker<'a> {
    /// The rules at the root.
    pub(super) fn root(&mut self, old: Option<View<'a>>, new: Option<View<'a>>) -> Scope {
        self.rules.trie().start(&mut self.states);
        let to = self.states.len() as u32;
        let none = Scope {
            ignore: None,
            additive: None,
            unordered: None,
            tolerances: NONE,
            texts: NONE,
            from: 0,
            to,
        };
        self.extend(none, old, new)
    }

    /// Does something one step below; either side may have nothing there.
    pub(super) fn below<T>(
        &mut self,
        step: Move<'_>,
        old: Option<View<'a>>,
        new: Option<View<'a>>,
        scope: Scope,
        then: impl FnOnce(&mut Self, Scope) -> T,
    ) -> T {
        let (from, cells) = (self.states.len(), self.cells.len());
        self.rules
            .trie()
            .step(scope.from as usize, scope.to as usize, step, &mut self.states);
        let inner = Scope {
            from: from as u32,
            to: self.states.len() as u32,
            ..scope
        };
        let inner = self.extend(inner, old, new);
        if step == Move::Element {
            self.path.push_element();
        }
        let result = then(self, inner);
        if step == Move::Element {
            self.path.pop();
        }
        self.states.truncate(from);
        self.cells.truncate(cells);
        result
    }

    /// Like [`Self::below`], for a member of this name.
    pub(super) fn below_member<T>(
        &mut self,
        name: Cow<'a, [u8]>,
        old: Option<View<'a>>,
        new: Option<View<'a>>,
        scope: Scope,
        then: impl FnOnce(&mut Self, Scope) -> T,
    ) -> T {
        self.path.push_member(name.clone());
        let result = self.below(Move::Member(&name), old, new, scope, then);
        self.path.pop();
        result
    }

    /// Adds the rules whose location this is.
    fn extend(&mut self, mut scope: Scope, old: Option<View<'_>>, new: Option<View<'_>>) -> Scope {
        let rules = self.rules;
        for at in scope.from..scope.to {
            for rule in rules.trie().rules(self.states[at as usize]) {
                self.apply(&mut scope, rule);
            }
        }
        if !self.matches.is_empty() {
            for rule in self.matches.at(old, new) {
                self.apply(&mut scope, rule);
            }
        }
        scope
    }

    fn apply(&mut self, scope: &mut Scope, rule: RuleId) {
        match self.rules.action(rule) {
            Action::Ignore => scope.ignore = scope.ignore.or(Some(rule)),
            Action::Additive => scope.additive = scope.additive.or(Some(rule)),
            Action::Unordered { .. } => scope.unordered = Some(rule),
            Action::Tolerance { .. } => self.prepend(&mut scope.tolerances, rule),
            Action::Equivalent { .. } | Action::Case => self.prepend(&mut scope.texts, rule),
        }
    }

    fn prepend(&mut self, list: &mut u32, rule: RuleId) {
        self.cells.push(Cell { rule, parent: *list });
        *list = self.cells.len() as u32 - 1;
    }

    fn list(&self, first: u32) -> impl Iterator<Item = RuleId> + '_ {
        let cell = |at: u32| self.cells.get(at as usize);
        std::iter::successors(cell(first), move |last| cell(last.parent)).map(|cell| cell.rule)
    }

    pub(super) fn tolerances(&self, scope: Scope) -> impl Iterator<Item = RuleId> + '_ {
        self.list(scope.tolerances)
    }

    /// The rules that rewrite texts, in the order of their declaration.
    pub(super) fn text_rules(&self, scope: Scope) -> Vec<RuleId> {
        let mut rules: Vec<_> = self.list(scope.texts).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}
