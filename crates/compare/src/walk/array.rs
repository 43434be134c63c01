//! Arrays whose order counts.
//!
//! Of the same length: by position, or one `order` difference if the elements that differ are the same in another order. Of different lengths: one
//! `length` difference; what lies between elements that both sides have, in the same order, is compared as far as both sides have as many there.
//! So one element more at the front is one difference and not one for each element.

use super::digest::Side;
use super::{Mode, Scope, Verdict, View, Walker};
use crate::excerpt;
use crate::Kind;

impl<'a> Walker<'a> {
    pub(super) fn arrays(&mut self, old: View<'a>, new: View<'a>, scope: Scope) {
        let (a, b): (Vec<_>, Vec<_>) = (old.elements().collect(), new.elements().collect());
        if let Some(rule) = scope.unordered {
            return self.unordered(&a, &b, scope, rule);
        }
        if a.len() != b.len() {
            self.add(Kind::Length, scope.ignore, || {
                (Some(a.len().to_string()), Some(b.len().to_string()))
            });
            return self.different_length(&a, &b, scope);
        }
        let written_apart = |&at: &usize| !a[at].is_written_like(&b[at]);
        let mut differing: Vec<usize> = (0..a.len()).filter(written_apart).collect();
        // One element alone cannot have changed places, and a place that is ignored has no order.
        if differing.len() > 1 && scope.ignore.is_none() && self.mode == Mode::Collect {
            let verdicts: Vec<_> = differing
                .iter()
                .map(|&at| (at, self.probe(a[at], b[at], scope)))
                .collect();
            let places = |wanted: fn(Verdict) -> bool| {
                verdicts
                    .iter()
                    .filter(|(_, v)| wanted(*v))
                    .map(|(at, _)| *at)
                    .collect::<Vec<_>>()
            };
            let counted = places(|verdict| verdict == Verdict::Different);
            let other_order = self.same_in_other_order(&a, &b, &counted, scope);
            differing = places(if other_order {
                |verdict| verdict == Verdict::Hidden
            } else {
                |verdict| verdict > Verdict::Same
            });
        }
        for at in differing {
            if self.is_done() {
                return;
            }
            self.elements(a[at], b[at], scope);
        }
    }

    /// If the elements at these places differ in nothing but their order, reports that, and what rules hide within them.
    fn same_in_other_order(&mut self, a: &[View<'a>], b: &[View<'a>], places: &[usize], scope: Scope) -> bool {
        let pick = |from: &[View<'a>]| places.iter().map(|&at| from[at]).collect::<Vec<_>>();
        let (x, y) = (pick(a), pick(b));
        let Some(first) = x.first().copied() else { return false };
        // Mostly the first element is nowhere else, and digests need not be made.
        if x.len() < 2 || !y.iter().any(|other| self.are_equal(first, *other, scope)) {
            return false;
        }
        let pairs = self.match_equal(&x, &y, scope, true);
        if pairs.len() < x.len() {
            return false;
        }
        self.add(Kind::Order, None, || {
            (Some(excerpt::json(x[0].raw())), Some(excerpt::json(y[0].raw())))
        });
        for (i, j) in pairs {
            self.elements(x[i], y[j], scope);
        }
        true
    }

    fn different_length(&mut self, a: &[View<'a>], b: &[View<'a>], scope: Scope) {
        if self.is_done() {
            return;
        }
        let equal = |walker: &mut Self, x: &View<'a>, y: &View<'a>| walker.are_equal(*x, *y, scope);
        let head = a.iter().zip(b).take_while(|(x, y)| equal(self, x, y)).count();
        let (x, y) = (&a[head..], &b[head..]);
        let tail = x
            .iter()
            .rev()
            .zip(y.iter().rev())
            .take_while(|(x, y)| equal(self, x, y))
            .count();
        let (x, y) = (&x[..x.len() - tail], &y[..y.len() - tail]);
        let mut pairs: Vec<_> = a[..head].iter().zip(&b[..head]).collect();
        let mut from = (0, 0);
        for to in self.anchors(x, y, scope).into_iter().chain([(x.len(), y.len())]) {
            if to.0 - from.0 == to.1 - from.1 {
                pairs.extend(x[from.0..to.0].iter().zip(&y[from.1..to.1]));
            }
            pairs.extend(x.get(to.0).zip(y.get(to.1)));
            from = (to.0 + 1, to.1 + 1);
        }
        pairs.extend(a[a.len() - tail..].iter().zip(&b[b.len() - tail..]));
        for (old, new) in pairs {
            if self.is_done() {
                return;
            }
            self.elements(*old, *new, scope);
        }
    }

    /// Elements that both sides have exactly once, if they are in the same order on both; else none, as it is unclear what belongs together.
    fn anchors(&mut self, old: &[View<'a>], new: &[View<'a>], scope: Scope) -> Vec<(usize, usize)> {
        if old.is_empty() || new.is_empty() || scope.ignore.is_some() {
            return Vec::new();
        }
        let common = self.common_names(old, scope);
        let mut unique = |elements: &[View<'a>], side| {
            let digests = self.digests(elements, side, &common, scope, true);
            let mut sorted: Vec<_> = digests
                .into_iter()
                .enumerate()
                .map(|(at, (digest, _))| (digest, at))
                .collect();
            sorted.sort_unstable();
            sorted
                .chunk_by(|x, y| x.0 == y.0)
                .filter(|group| group.len() == 1)
                .map(|group| group[0])
                .collect::<Vec<_>>()
        };
        let (a, b) = (unique(old, Side::Old), unique(new, Side::New));
        let mut anchors = Vec::new();
        for (digest, at) in a {
            if let Ok(found) = b.binary_search_by_key(&digest, |(digest, _)| *digest) {
                if self.are_equal(old[at], new[b[found].1], scope) {
                    anchors.push((at, b[found].1));
                }
            }
        }
        anchors.sort_unstable();
        if super::pairing::keeps_order(&anchors) {
            anchors
        } else {
            Vec::new()
        }
    }
}
