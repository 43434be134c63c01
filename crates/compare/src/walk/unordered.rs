//! Arrays whose order does not count.

use std::borrow::Cow;

use super::pairing::{by_key, keeps_order};
use super::{Move, RuleId, Scope, Shape, View, Walker};
use crate::excerpt;
use crate::json::Number;
use crate::rules::Action;
use crate::Kind;

impl<'a> Walker<'a> {
    /// Pairs elements by their key, or else those that are equal, and compares the pairs. What has no partner is `missing` or `extra`.
    pub(super) fn unordered(&mut self, a: &[View<'a>], b: &[View<'a>], scope: Scope, rule: RuleId) {
        let (mut x, mut y): (Vec<usize>, Vec<usize>) = ((0..a.len()).collect(), (0..b.len()).collect());
        let mut pairs = Vec::new();
        let mut alone = Vec::new();
        if let Action::Unordered { by: Some(by) } = self.rules.action(rule) {
            for pair in self.pair_by_member(a, b, by, scope, &mut x, &mut y) {
                match pair {
                    (Some(i), Some(j)) => pairs.push((i, j)),
                    single => alone.push(single),
                }
            }
        }
        self.pair_equal(a, b, scope, &mut x, &mut y, &mut pairs);
        if x.len() == y.len() {
            // As many are left on both sides: taken for the same elements with changes, first with first.
            pairs.extend(x.into_iter().zip(y));
        } else {
            alone.extend(x.into_iter().map(|i| (Some(i), None)));
            alone.extend(y.into_iter().map(|j| (None, Some(j))));
        }
        pairs.sort_unstable();
        if let Some(at) = (!keeps_order(&pairs))
            .then(|| (0..a.len()).find(|&at| pairs.binary_search(&(at, at)).is_err()))
            .flatten()
        {
            let text = |from: &[View<'a>]| from.get(at).map(|element| excerpt::json(element.raw()));
            self.add(Kind::Order, scope.ignore.or(Some(rule)), || (text(a), text(b)));
        }
        for (i, j) in alone {
            let (old, new) = (i.map(|i| a[i]), j.map(|j| b[j]));
            let kind = if old.is_some() { Kind::Missing } else { Kind::Extra };
            self.below(Move::Element, old, new, scope, |walker, scope| {
                walker.report(kind, old, new, scope, None)
            });
        }
        for (i, j) in pairs {
            if self.is_done() {
                return;
            }
            self.elements(a[i], b[j], scope);
        }
    }

    /// Takes the elements that have the member out of `x` and `y`, and pairs them by its value, the first of each value with the first and so on.
    fn pair_by_member(
        &mut self,
        a: &[View<'a>],
        b: &[View<'a>],
        by: &str,
        scope: Scope,
        x: &mut Vec<usize>,
        y: &mut Vec<usize>,
    ) -> Vec<(Option<usize>, Option<usize>)> {
        let mut keyed = |elements: &[View<'a>], rest: &mut Vec<usize>| {
            let (mut keys, mut places) = (Vec::new(), Vec::new());
            rest.retain(|&at| match self.key(elements[at], by, scope) {
                Some(key) => {
                    keys.push(key);
                    places.push(at);
                    false
                }
                None => true,
            });
            (keys, places)
        };
        let (old, new) = (keyed(a, x), keyed(b, y));
        let place = |at: Option<usize>, places: &[usize]| at.map(|at| places[at]);
        by_key(&old.0, &new.0)
            .into_iter()
            .map(|(i, j)| (place(i, &old.1), place(j, &new.1)))
            .collect()
    }

    /// What an element is recognised by: the member's type and value, after the rules for texts.
    fn key(&mut self, element: View<'a>, by: &str, scope: Scope) -> Option<(u8, Vec<u8>)> {
        let (name, value) = element.members().find(|(name, _)| *name.text() == *by.as_bytes())?;
        let key = |walker: &mut Self, scope| match value.shape() {
            Shape::String => (
                0,
                walker
                    .rules
                    .canonical(walker.text_rules(scope).into_iter(), value.text())
                    .into_owned(),
            ),
            Shape::Number => {
                let (negative, point, digits) = Number::new(value.raw()).parts();
                let sign = if negative { b'-' } else { b'+' };
                match point {
                    Some(point) => (1, [sign].into_iter().chain(point.to_be_bytes()).chain(digits).collect()),
                    None => (2, value.raw().to_vec()),
                }
            }
            _ => (3, value.raw().to_vec()),
        };
        let name: Cow<'a, [u8]> = name.text();
        Some(self.below(Move::Element, None, None, scope, |walker, scope| {
            walker.below_member(name, None, None, scope, key)
        }))
    }

    /// Takes elements that are equal out of `x` and `y` as pairs.
    fn pair_equal(
        &mut self,
        a: &[View<'a>],
        b: &[View<'a>],
        scope: Scope,
        x: &mut Vec<usize>,
        y: &mut Vec<usize>,
        pairs: &mut Vec<(usize, usize)>,
    ) {
        // Elements that are written the same at the same end belong together and need no digest.
        let alike = |i: &usize, j: &usize| a[*i].is_written_like(&b[*j]);
        let head = x.iter().zip(y.iter()).take_while(|(i, j)| alike(i, j)).count();
        pairs.extend(x.drain(..head).zip(y.drain(..head)));
        let tail = x
            .iter()
            .rev()
            .zip(y.iter().rev())
            .take_while(|(i, j)| alike(i, j))
            .count();
        pairs.extend(x.drain(x.len() - tail..).zip(y.drain(y.len() - tail..)));
        let pick = |from: &[View<'a>], places: &[usize]| places.iter().map(|&at| from[at]).collect::<Vec<_>>();
        let (old, new) = (pick(a, x), pick(b, y));
        let matched = self.match_equal(&old, &new, scope, false);
        pairs.extend(matched.iter().map(|&(i, j)| (x[i], y[j])));
        let (mut left, mut right) = (vec![false; x.len()], vec![false; y.len()]);
        for (i, j) in matched {
            (left[i], right[j]) = (true, true);
        }
        retain_unless(x, &left);
        retain_unless(y, &right);
    }
}

fn retain_unless(places: &mut Vec<usize>, taken: &[bool]) {
    let mut taken = taken.iter();
    places.retain(|_| taken.next() != Some(&true));
}
