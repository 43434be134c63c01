//! Objects: the order of members does not count. A name that occurs several times is compared occurrence by occurrence.

use super::pairing::by_key;
use super::{Scope, View, Walker};
use crate::json::Members;
use crate::Kind;

impl<'a> Walker<'a> {
    pub(super) fn objects(&mut self, old: View<'a>, new: View<'a>, scope: Scope) {
        let (mut a, mut b) = (old.members(), new.members());
        // Members mostly come in the same order: no table of names is needed up to the first place where they do not.
        while !self.is_done() {
            let here = (a.clone(), b.clone());
            match (a.next(), b.next()) {
                (None, None) => return,
                (Some((name, x)), Some((other, y))) if name.is_written_like(&other) || name.text() == other.text() => {
                    self.member(name, Some(x), Some(y), scope);
                }
                _ => return self.unaligned(here.0, here.1, scope),
            }
        }
    }

    fn unaligned(&mut self, old: Members<'a>, new: Members<'a>, scope: Scope) {
        let (a, b): (Vec<_>, Vec<_>) = (old.collect(), new.collect());
        let names = |members: &[(View<'a>, View<'a>)]| members.iter().map(|(name, _)| name.text()).collect::<Vec<_>>();
        for (x, y) in by_key(&names(&a), &names(&b)) {
            if self.is_done() {
                return;
            }
            let (x, y) = (x.map(|at| a[at]), y.map(|at| b[at]));
            if let Some((name, _)) = x.or(y) {
                self.member(name, x.map(|(_, value)| value), y.map(|(_, value)| value), scope);
            }
        }
    }

    fn member(&mut self, name: View<'a>, old: Option<View<'a>>, new: Option<View<'a>>, scope: Scope) {
        if old.zip(new).is_some_and(|(old, new)| old.is_written_like(&new)) {
            return;
        }
        self.below_member(name.text(), old, new, scope, |walker, scope| match (old, new) {
            (Some(old), Some(new)) => walker.values(old, new, scope),
            (Some(_), None) => walker.report(Kind::Missing, old, None, scope, None),
            (None, _) => walker.report(Kind::Extra, None, new, scope, scope.additive),
        });
    }
}
