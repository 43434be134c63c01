//! When a difference between old and new is explained by the old side differing from itself.

use parallelrun_compare::{Difference, Kind};

/// A place where answers differ, without the values.
pub type Place<'a> = (&'a str, Kind);

/// True if old's own variation at `noise` explains that new differs at `seen`.
///
/// The same place and kind does. So does an array that old itself reorders, grows or shrinks, for whatever differs in its
/// elements; and elements that vary, for the order of their array. Nothing else: a varying value does not excuse another
/// type, and one varying element does not excuse a missing one.
pub fn excuses(noise: Place<'_>, seen: Place<'_>) -> bool {
    let (noisy, noise_kind) = noise;
    let (location, kind) = seen;
    let about_array = |k: Kind| matches!(k, Kind::Order | Kind::Length);
    if noisy == location {
        return noise_kind == kind || (about_array(noise_kind) && about_array(kind));
    }
    let element_of = |inner: &str, array: &str| inner.strip_prefix(array).is_some_and(|rest| rest.starts_with("[*]"));
    (about_array(noise_kind) && element_of(location, noisy)) || (kind == Kind::Order && element_of(noisy, location))
}

/// True if one of old's own variations explains the difference.
pub fn is_excused(seen: &Difference, varied: &[Difference]) -> bool {
    let seen = (seen.location.as_str(), seen.kind);
    varied.iter().any(|noise| excuses((&noise.location, noise.kind), seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_varies_is_excused() {
        assert!(excuses(("$.ts", Kind::Value), ("$.ts", Kind::Value)));
        assert!(!excuses(("$.ts", Kind::Value), ("$.ts", Kind::Type)));
        assert!(!excuses(("$.ts", Kind::Value), ("$.tsx", Kind::Value)));
        assert!(excuses(("$.tags", Kind::Order), ("$.tags[*].name", Kind::Value)));
        assert!(excuses(("$.tags", Kind::Order), ("$.tags", Kind::Length)));
        assert!(excuses(("$.tags[*]", Kind::Value), ("$.tags", Kind::Order)));
        assert!(!excuses(("$.items[*].seen", Kind::Value), ("$.items", Kind::Length)));
        assert!(!excuses(("$.tags", Kind::Order), ("$.tagset[*]", Kind::Value)));
    }
}
