//! Counts of pairs by what holds for each side: what the judge needs to tell the new side's doing from chance and from what
//! both sides share.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;

use crate::sides::Sides;

/// Pairs of which something holds for the new side only, for the old one only, for both, for neither.
#[derive(Debug, Default, Serialize)]
pub struct Fourfold {
    new_only: AtomicU64,
    old_only: AtomicU64,
    both: AtomicU64,
    neither: AtomicU64,
}

impl Fourfold {
    pub fn count(&self, holds: &Sides<bool>) {
        let cell = match (holds.old, holds.new) {
            (false, true) => &self.new_only,
            (true, false) => &self.old_only,
            (true, true) => &self.both,
            (false, false) => &self.neither,
        };
        cell.fetch_add(1, Relaxed);
    }
}

/// Pairs by which side was slow. What counts as slow was fixed before the first of them: each set of limits counts anew.
#[derive(Debug, Serialize)]
pub struct SlowPairs {
    old_us: u64,
    new_us: u64,
    #[serde(flatten)]
    pairs: Fourfold,
}

impl SlowPairs {
    pub fn new(old_us: u64, new_us: u64) -> Self {
        Self {
            old_us,
            new_us,
            pairs: Fourfold::default(),
        }
    }

    pub fn has_limits(&self, old_us: u64, new_us: u64) -> bool {
        (self.old_us, self.new_us) == (old_us, new_us)
    }

    pub fn count(&self, took: &Sides<Duration>) {
        let slow = |took: Duration, limit: u64| took.as_micros() > u128::from(limit);
        self.pairs.count(&Sides {
            old: slow(took.old, self.old_us),
            new: slow(took.new, self.new_us),
        });
    }
}

/// Requests that one side alone was asked, and how many of them failed there.
#[derive(Debug, Default, Serialize)]
pub struct Alone {
    requests: AtomicU64,
    failures: AtomicU64,
}

impl Alone {
    pub fn count(&self, failed: bool) {
        self.requests.fetch_add(1, Relaxed);
        self.failures.fetch_add(u64::from(failed), Relaxed);
    }

    /// One that was counted as answered has failed after all.
    pub fn fail(&self) {
        self.failures.fetch_add(1, Relaxed);
    }
}

/// Answers of the new side that were held until they had proved equal to the old side's.
#[derive(Debug, Default, Serialize)]
pub struct Verified {
    /// The client got the new side's.
    pub passed: AtomicU64,
    /// It differed, failed or came too late, and the client got the old side's.
    pub fell_back: AtomicU64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(of: &Fourfold) -> [u64; 4] {
        [&of.new_only, &of.old_only, &of.both, &of.neither].map(|cell| cell.load(Relaxed))
    }

    #[test]
    fn each_pair_is_in_one_cell() {
        let counts = Fourfold::default();
        for (old, new) in [
            (false, true),
            (true, false),
            (true, true),
            (false, false),
            (false, false),
        ] {
            counts.count(&Sides { old, new });
        }
        assert_eq!(cells(&counts), [1, 1, 1, 2]);
    }

    #[test]
    fn slow_is_over_the_limit_of_the_side() {
        let counts = SlowPairs::new(1000, 1500);
        let took = |old, new| Sides {
            old: Duration::from_micros(old),
            new: Duration::from_micros(new),
        };
        counts.count(&took(1000, 1500));
        counts.count(&took(1001, 1500));
        counts.count(&took(1000, 1501));
        assert_eq!(cells(&counts.pairs), [1, 1, 0, 1]);
        assert!(counts.has_limits(1000, 1500) && !counts.has_limits(1000, 1501));
    }
}
