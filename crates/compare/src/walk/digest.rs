//! Digests of values: values that the rules make equal have the same one. The converse does not hold, so equal digests are only candidates.

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use super::{Move, Scope, Shape, View, Walker};
use crate::json::Number;
use crate::limits;

/// Which document a value is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// What is digested, and how.
pub(super) struct Digester<'n, 'a> {
    side: Side,
    /// Whether numbers count exactly, whatever they are allowed to differ by.
    exact: bool,
    /// Where the new side may add members: the names that every old element has, as only those can be asked for.
    common: &'n [Cow<'a, [u8]>],
    /// The sum of the numbers that may differ, which brings elements near each other that may be equal.
    near: f64,
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl<'a> Walker<'a> {
    /// The digest of each element, with its sum of tolerated numbers, in order.
    pub(super) fn digests(
        &mut self,
        elements: &[View<'a>],
        side: Side,
        common: &[Cow<'a, [u8]>],
        scope: Scope,
        exact: bool,
    ) -> Vec<(u64, f64)> {
        let digest = |element: &View<'a>| {
            let mut digester = Digester {
                side,
                exact,
                common,
                near: 0.0,
            };
            let digest = self.digest_element(*element, scope, &mut digester, 0);
            (digest, digester.near)
        };
        elements.iter().map(digest).collect()
    }

    fn digest_element(
        &mut self,
        element: View<'a>,
        scope: Scope,
        digester: &mut Digester<'_, 'a>,
        level: usize,
    ) -> u64 {
        let (old, new) = digester.sides(element);
        self.below(Move::Element, old, new, scope, |walker, scope| {
            walker.digest(element, scope, digester, level)
        })
    }

    fn digest(&mut self, view: View<'a>, scope: Scope, digester: &mut Digester<'_, 'a>, level: usize) -> u64 {
        if scope.ignore.is_some() {
            return 0;
        }
        match view.shape() {
            Shape::Null | Shape::Bool => hash(view.raw()),
            Shape::Number => {
                let number = Number::new(view.raw());
                if !digester.exact && self.tolerances(scope).next().is_some() {
                    digester.near += number.float_value();
                    return 1;
                }
                let (negative, point, digits) = number.parts();
                match point {
                    Some(point) => hash((number.is_float(), negative, point, digits.collect::<Vec<u8>>())),
                    None => hash((number.is_float(), view.raw())),
                }
            }
            Shape::String => hash(self.rules.canonical(self.text_rules(scope).into_iter(), view.text())),
            Shape::Array => {
                let mut all = hash("array");
                for element in view.elements() {
                    let one = self.digest_element(element, scope, digester, level + 1);
                    all = if scope.unordered.is_some() {
                        all.wrapping_add(hash(one))
                    } else {
                        hash((all, one))
                    };
                }
                all
            }
            Shape::Object => self.digest_object(view, scope, digester, level),
        }
    }

    fn digest_object(&mut self, view: View<'a>, scope: Scope, digester: &mut Digester<'_, 'a>, level: usize) -> u64 {
        let mut all = hash("object");
        for (name, value) in view.members() {
            let name = name.text();
            // Which of the members that follow were added cannot be known here.
            if scope.additive.is_some() && (level > 0 || digester.common.binary_search(&name).is_err()) {
                continue;
            }
            let (old, new) = digester.sides(value);
            let one = self.below_member(name.clone(), old, new, scope, |walker, scope| match scope.ignore {
                Some(_) => 0,
                // Added up, as the order of members does not count.
                None => hash((name, walker.digest(value, scope, digester, level + 1))),
            });
            all = all.wrapping_add(one);
        }
        all
    }

    /// The names that all objects among the old elements have, sorted; only needed where the new side may add some.
    pub(super) fn common_names(&mut self, old: &[View<'a>], scope: Scope) -> Vec<Cow<'a, [u8]>> {
        let additive =
            |walker: &mut Self| walker.below(Move::Element, None, None, scope, |_, scope| scope.additive.is_some());
        if !additive(self) {
            return Vec::new();
        }
        let mut objects = old.iter().filter(|element| element.shape() == Shape::Object);
        let names = |object: &View<'a>| object.members().map(|(name, _)| name.text()).collect::<Vec<_>>();
        let mut common = objects.next().map(names).unwrap_or_default();
        common.sort_unstable();
        for object in objects {
            let mut names = names(object);
            names.sort_unstable();
            common.retain(|name| names.binary_search(name).is_ok());
        }
        common
    }

    /// Pairs elements that differ in nothing that counts, each at most once; sorted by the old position.
    pub(super) fn match_equal(
        &mut self,
        old: &[View<'a>],
        new: &[View<'a>],
        scope: Scope,
        exact: bool,
    ) -> Vec<(usize, usize)> {
        let common = self.common_names(old, scope);
        let sorted = |digests: Vec<(u64, f64)>| {
            let mut order: Vec<_> = digests
                .into_iter()
                .enumerate()
                .map(|(at, (digest, near))| (digest, near, at))
                .collect();
            order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
            order
        };
        let a = sorted(self.digests(old, Side::Old, &common, scope, exact));
        let b = sorted(self.digests(new, Side::New, &common, scope, exact));
        let mut pairs = Vec::with_capacity(a.len().min(b.len()));
        let mut candidates = b.iter().peekable();
        for group in a.chunk_by(|x, y| x.0 == y.0) {
            while candidates.next_if(|candidate| candidate.0 < group[0].0).is_some() {}
            let mut free: VecDeque<usize> = VecDeque::new();
            while let Some(candidate) = candidates.next_if(|candidate| candidate.0 == group[0].0) {
                free.push_back(candidate.2);
            }
            for &(.., at) in group {
                let tries = free.iter().take(limits::TRIES);
                if let Some(found) = tries.copied().position(|to| self.are_equal(old[at], new[to], scope)) {
                    pairs.extend(free.remove(found).map(|to| (at, to)));
                }
            }
        }
        pairs.sort_unstable();
        pairs
    }
}

impl Digester<'_, '_> {
    fn sides<'v>(&self, view: View<'v>) -> (Option<View<'v>>, Option<View<'v>>) {
        match self.side {
            Side::Old => (Some(view), None),
            Side::New => (None, Some(view)),
        }
    }
}
