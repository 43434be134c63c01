//! Collects the differences of a pair: each (location, kind) once, up to the caps.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::limits;
use crate::{Cap, Comparison, Difference, Kind};

/// What a difference says, made only for the first at its location.
pub(crate) struct Texts {
    pub(crate) location: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
    pub(crate) names_only: bool,
}

/// Stands for a location. 64 bits: two of the few locations of one pair share one by chance once in 10^15 pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u64);

impl Place {
    pub(crate) const ROOT: Self = Self(0);

    pub(crate) fn of(location: &str) -> Self {
        Self::ROOT.below(location)
    }

    pub(crate) fn below(self, step: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        step.hash(&mut hasher);
        Self(hasher.finish())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    differences: Vec<Difference>,
    /// The place of each difference.
    places: Vec<Place>,
    hidden: usize,
    capped: Option<Cap>,
}

impl Findings {
    /// Whether nothing more that counts can be added.
    pub(crate) fn is_full(&self) -> bool {
        self.differences.len() - self.hidden >= limits::DIFFERENCES && self.capped.is_some()
    }

    pub(crate) fn cap(&mut self, cap: Cap) {
        self.capped.get_or_insert(cap);
    }

    /// Adds a difference. One that counts takes the place of one at the same location that a rule hides. Hidden ones have a cap of their own, so that
    /// they never push out one that counts.
    pub(crate) fn add(&mut self, place: Place, kind: Kind, rule: Option<&Arc<str>>, texts: impl FnOnce() -> Texts) {
        let known = self
            .places
            .iter()
            .zip(&self.differences)
            .position(|(at, known)| *at == place && known.kind == kind);
        if known.is_some_and(|known| rule.is_some() || self.differences[known].rule.is_none()) {
            return;
        }
        let visible = self.differences.len() - self.hidden;
        if (if rule.is_some() { self.hidden } else { visible }) >= limits::DIFFERENCES {
            return self.cap(Cap::Differences);
        }
        let Texts {
            location,
            old,
            new,
            names_only,
        } = texts();
        let difference = Difference {
            location,
            kind,
            old,
            new,
            names_only,
            rule: rule.cloned(),
        };
        match known {
            Some(known) => {
                self.hidden -= 1;
                self.differences[known] = difference;
            }
            None => {
                self.hidden += usize::from(rule.is_some());
                self.places.push(place);
                self.differences.push(difference);
            }
        }
    }

    pub(crate) fn into_comparison(self) -> Comparison {
        Comparison {
            differences: self.differences,
            capped: self.capped,
        }
    }
}
