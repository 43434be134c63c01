//! Forms (`application/x-www-form-urlencoded`), as if they were an object of texts.

use std::borrow::Cow;

use super::pairing::by_key;
use super::{Findings, Rules, Walker};
use crate::excerpt;
use crate::Kind;

/// Compares two forms, field by field. Their order does not count, except among fields of the same name.
pub(crate) fn forms(rules: &Rules, old: &[u8], new: &[u8], findings: &mut Findings) {
    let (a, b): (Vec<_>, Vec<_>) = (fields(old).collect(), fields(new).collect());
    let names = |fields: &[Field<'_>]| fields.iter().map(|(name, _)| name.to_vec()).collect::<Vec<_>>();
    let mut walker = Walker::new(rules, findings);
    let scope = walker.root(None, None);
    for (x, y) in by_key(&names(&a), &names(&b)) {
        let (x, y) = (x.map(|at| &a[at]), y.map(|at| &b[at]));
        let Some((name, _)) = x.or(y) else { continue };
        walker.below_member(name.clone(), None, None, scope, |walker, scope| match (x, y) {
            (Some((_, x)), Some((_, y))) => walker.texts(x, y, scope),
            (Some((_, x)), None) => walker.add(Kind::Missing, scope.ignore, || (Some(excerpt::start(x)), None)),
            (None, Some((_, y))) => {
                walker.add(Kind::Extra, scope.ignore.or(scope.additive), || {
                    (None, Some(excerpt::start(y)))
                });
            }
            (None, None) => {}
        });
    }
}

type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

fn fields(form: &[u8]) -> impl Iterator<Item = Field<'_>> {
    form.split(|&b| b == b'&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let at = memchr::memchr(b'=', field).unwrap_or(field.len());
            (decode(&field[..at]), decode(field.get(at + 1..).unwrap_or_default()))
        })
}

/// Undoes `%XX` and `+`. A `%` without two hexadecimal digits stands for itself.
pub(crate) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Cow::Borrowed(text);
    }
    let digit = |at: usize| text.get(at).and_then(|&b| (b as char).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&b) = text.get(at) {
        match (b, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(b),
        }
        at += 1;
    }
    Cow::Owned(out)
}
