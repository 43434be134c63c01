//! The differences of one endpoint: how often each was seen with which verdict, and where the old side is known to differ
//! from itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use parallelrun_compare::{Difference, Kind};
use serde_json::{json, Value};

use crate::excuse::{excuses, is_excused};

/// Signatures that are counted one by one, over all endpoints.
const MOST_SIGNATURES: usize = 10_000;
/// Examples of each difference that become records whatever the rate.
const FIRST_EXAMPLES: u32 = 10;
/// Seconds until what was learned about noise counts half.
const HALF_LIFE_S: f64 = 600.0;
/// Noise is learned from this many (decayed) observations: never from a single coincidence.
const ENOUGH: f64 = 2.5;
/// ... and only where old differs from itself in this share of the times that new differed from it there. Pure noise does
/// so in half of them or more: old, its second answer and new are then drawn from the same distribution.
const LEAST_SHARE: f64 = 1.0 / 3.0;

/// What is believed of one difference of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Confirmed,
    Unconfirmed,
    Noise,
    Race,
    Ignored,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Confirmed => "confirmed",
            Verdict::Unconfirmed => "unconfirmed",
            Verdict::Noise => "noise",
            Verdict::Race => "race",
            Verdict::Ignored => "ignored",
        }
    }
}

const VERDICTS: [Verdict; 5] = [
    Verdict::Confirmed,
    Verdict::Unconfirmed,
    Verdict::Noise,
    Verdict::Race,
    Verdict::Ignored,
];

type Places = HashMap<Arc<str>, Vec<(Kind, Seen)>>;

#[derive(Debug)]
pub struct Differences {
    places: Mutex<Places>,
    /// Signatures in use, over all endpoints.
    signatures: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Seen {
    counts: [u64; VERDICTS.len()],
    examples: u32,
    old_varied: Decaying,
    old_agreed: Decaying,
}

impl Seen {
    fn is_learned(&self, now: Instant) -> bool {
        if self.old_varied.value < ENOUGH {
            return false; // nor has it become more since; this is most of them
        }
        let (varied, agreed) = (self.old_varied.at(now), self.old_agreed.at(now));
        varied >= ENOUGH && varied / (varied + agreed) >= LEAST_SHARE
    }
}

/// A count in which the past fades.
#[derive(Debug, Default)]
struct Decaying {
    value: f64,
    since: Option<Instant>,
}

impl Decaying {
    fn at(&self, now: Instant) -> f64 {
        let age = self
            .since
            .map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        self.value * (-age / HALF_LIFE_S).exp2()
    }

    fn add(&mut self, now: Instant) {
        self.value = self.at(now) + 1.0;
        self.since = Some(now);
    }
}

impl Differences {
    pub fn new(signatures: Arc<AtomicUsize>) -> Self {
        Self {
            places: Mutex::default(),
            signatures,
        }
    }

    /// For each difference: is it explained by noise that has been learned here?
    pub fn learned(&self, differences: &[Difference]) -> Vec<bool> {
        let now = Instant::now();
        let places = self.lock();
        let noisy: Vec<(&str, Kind)> = places
            .iter()
            .flat_map(|(location, kinds)| kinds.iter().map(move |(kind, seen)| (&**location, *kind, seen)))
            .filter(|(_, _, seen)| seen.is_learned(now))
            .map(|(location, kind, _)| (location, kind))
            .collect();
        differences
            .iter()
            .map(|d| noisy.iter().any(|noise| excuses(*noise, (&d.location, d.kind))))
            .collect()
    }

    /// Learns from a second answer of the old side: `varied` is where it differed from its first, `seen` where new had
    /// differed from old.
    pub fn learn(&self, varied: &[Difference], seen: &[Difference]) {
        let now = Instant::now();
        let mut places = self.lock();
        for noise in varied {
            if let Some(entry) = self.entry(&mut places, noise) {
                entry.old_varied.add(now);
            }
        }
        for difference in seen {
            if !is_excused(difference, varied) {
                if let Some(entry) = self.entry(&mut places, difference) {
                    entry.old_agreed.add(now);
                }
            }
        }
    }

    /// Counts one difference of one pair. None where it cannot be told apart any more (too many signatures); else whether
    /// it is among the first examples, which become records whatever the rate.
    pub fn count(&self, difference: &Difference, verdict: Verdict) -> Option<bool> {
        let mut places = self.lock();
        let seen = self.entry(&mut places, difference)?;
        seen.counts[verdict as usize] += 1;
        seen.examples = seen.examples.saturating_add(1);
        Some(seen.examples <= FIRST_EXAMPLES)
    }

    /// The counts as JSON, for the endpoint's name. Written only after the lock is gone, for which every worker waits.
    pub fn counts(&self, endpoint: &str) -> Vec<Value> {
        self.copied()
            .into_iter()
            .map(|(location, kind, counted)| {
                let mut counts = json!({"endpoint": endpoint, "location": &*location, "kind": kind.as_str()});
                for verdict in VERDICTS {
                    counts[verdict.name()] = json!(counted[verdict as usize]);
                }
                counts
            })
            .collect()
    }

    fn copied(&self) -> Vec<(Arc<str>, Kind, [u64; VERDICTS.len()])> {
        let places = self.lock();
        let mut copied = Vec::new();
        for (location, kinds) in places.iter() {
            let counted = kinds.iter().filter(|(_, seen)| seen.examples > 0);
            copied.extend(counted.map(|(kind, seen)| (Arc::clone(location), *kind, seen.counts)));
        }
        copied
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry of a place; none if it would be one signature too many.
    fn entry<'a>(&self, places: &'a mut Places, of: &Difference) -> Option<&'a mut Seen> {
        let known = places
            .get(of.location.as_str())
            .is_some_and(|kinds| kinds.iter().any(|(kind, _)| *kind == of.kind));
        if !known {
            if self.signatures.fetch_add(1, Relaxed) >= MOST_SIGNATURES {
                self.signatures.fetch_sub(1, Relaxed);
                return None;
            }
            places
                .entry(of.location.as_str().into())
                .or_default()
                .push((of.kind, Seen::default()));
        }
        places
            .get_mut(of.location.as_str())?
            .iter_mut()
            .find(|(kind, _)| *kind == of.kind)
            .map(|(_, seen)| seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(location: &str) -> Difference {
        Difference {
            location: location.into(),
            kind: Kind::Value,
            old: None,
            new: None,
            names_only: false,
            rule: None,
        }
    }

    #[test]
    fn noise_is_not_learned_from_a_single_coincidence() {
        let differences = Differences::new(Arc::default());
        let noise = [at("$.ts")];
        for observed in 0..3 {
            assert_eq!(differences.learned(&noise), [false], "after {observed}");
            differences.learn(&noise, &noise);
        }
        assert_eq!(differences.learned(&noise), [true]);
        assert_eq!(differences.learned(&[at("$.other")]), [false]);
    }

    #[test]
    fn a_place_where_old_mostly_agrees_with_itself_is_not_noise() {
        let differences = Differences::new(Arc::default());
        let place = [at("$.price")];
        for _ in 0..4 {
            differences.learn(&place, &place);
            (0..9).for_each(|_| differences.learn(&[], &place));
        }
        assert_eq!(differences.learned(&place), [false]);
    }

    #[test]
    fn counts_by_verdict_and_first_examples() {
        let differences = Differences::new(Arc::default());
        for _ in 0..FIRST_EXAMPLES {
            assert_eq!(differences.count(&at("$.a"), Verdict::Confirmed), Some(true));
        }
        assert_eq!(differences.count(&at("$.a"), Verdict::Race), Some(false));
        let counts = differences.counts("GET /");
        assert_eq!(counts[0]["confirmed"], 10);
        assert_eq!(counts[0]["race"], 1);
    }

    #[test]
    fn the_past_fades() {
        let start = Instant::now();
        let mut count = Decaying::default();
        count.add(start);
        let later = start + std::time::Duration::from_secs_f64(HALF_LIFE_S);
        assert!((count.at(later) - 0.5).abs() < 1e-9);
    }
}
