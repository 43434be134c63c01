//! The ledger: every request in exactly one outcome, per endpoint.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::differences::Differences;
use crate::histogram::Histogram;
use crate::pairs::{Alone, Fourfold, SlowPairs, Verified};
use crate::sides::Sides;

macro_rules! outcomes {
    ($($variant:ident => $name:literal, $why:literal;)*) => {
        /// How a request ended, in the words of the ledger.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Outcome { $(#[doc = $why] $variant),* }

        impl Outcome {
            pub const ALL: &'static [Outcome] = &[$(Outcome::$variant),*];

            pub fn name(self) -> &'static str {
                match self { $(Outcome::$variant => $name),* }
            }
        }
    };
}

outcomes! {
    Match => "match", "The answers are equal.";
    Ignored => "ignored", "They differ only where a rule says that it does not matter.";
    Noise => "noise", "They differ only where the old side differs from itself.";
    Race => "race", "The difference was gone when both were asked again.";
    Mismatch => "mismatch", "They differ.";
    OldFailed => "old_failed", "The old side gave no answer.";
    NewFailed => "new_failed", "The new side gave no answer.";
    BothFailed => "both_failed", "Neither side gave an answer.";
    NotSampled => "not_sampled", "Left out by `sample`.";
    MethodNotMirrored => "method_not_mirrored", "A write that goes to one side only.";
    RouteNotMirrored => "route_not_mirrored", "Its route is not copied.";
    RequestTooLarge => "request_too_large", "The request's body is over the limit.";
    ResponseTooLarge => "response_too_large", "An answer's body is over the limit.";
    Streaming => "streaming", "An endless stream of events.";
    Upgrade => "upgrade", "A WebSocket or another upgrade: passed whole to the serving side.";
    ClientGone => "client_gone", "The client left before its answer was whole, or was answered before its request was.";
    Overload => "overload", "Too many copies or too much memory in use.";
    BreakerOpen => "breaker_open", "Withheld while the breaker is open, or given up when it opened.";
    Looped => "looped", "It came as a copy already.";
}

const OUTCOMES: usize = Outcome::ALL.len();

/// Counts of one endpoint.
#[derive(Debug)]
pub struct Endpoint {
    /// `METHOD template`.
    pub name: Box<str>,
    pub requests: AtomicU64,
    pub rescued: AtomicU64,
    pub sides: Sides<EndpointSide>,
    pub differences: Differences,
    /// Failures where both sides were asked: no answer, or a 5xx.
    pub failures: Fourfold,
    /// Requests of which no copy was sent, by the side that was asked.
    pub alone: Sides<Alone>,
    /// A sample of pairs, taken before anybody knew what they say, of which old was asked again: new differs, old differs
    /// from itself.
    pub sampled: Fourfold,
    /// Where Python has fixed what counts as slow.
    pub slow: ArcSwapOption<SlowPairs>,
    pub verified: Verified,
    outcomes: [AtomicU64; OUTCOMES],
}

#[derive(Debug, Default, serde::Serialize)]
pub struct EndpointSide {
    pub status_5xx: AtomicU64,
    /// Writes meant for both sides that the other side took and this one did not: from then on the two disagree.
    pub missed_writes: AtomicU64,
    /// Time from sending the request to the head of the answer.
    pub latency: Histogram,
}

impl Endpoint {
    fn new(name: &str, signatures: &Arc<AtomicUsize>) -> Self {
        Self {
            name: name.into(),
            requests: AtomicU64::new(0),
            rescued: AtomicU64::new(0),
            sides: Sides::default(),
            differences: Differences::new(Arc::clone(signatures)),
            failures: Fourfold::default(),
            alone: Sides::default(),
            sampled: Fourfold::default(),
            slow: ArcSwapOption::empty(),
            verified: Verified::default(),
            outcomes: [const { AtomicU64::new(0) }; OUTCOMES],
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Outcomes first: a request is counted before its outcome, so the sum read here never exceeds the requests.
        let outcomes: Vec<(&str, u64)> = Outcome::ALL
            .iter()
            .map(|o| (o.name(), self.outcomes[*o as usize].load(Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("endpoint", &self.name)?;
        map.serialize_entry("outcomes", &Pairs(&outcomes))?;
        map.serialize_entry("requests", &self.requests.load(Relaxed))?;
        map.serialize_entry("rescued", &self.rescued.load(Relaxed))?;
        map.serialize_entry("old", &self.sides.old)?;
        map.serialize_entry("new", &self.sides.new)?;
        map.serialize_entry("failures", &self.failures)?;
        map.serialize_entry("alone", &self.alone)?;
        map.serialize_entry("sampled", &self.sampled)?;
        map.serialize_entry("slow", &self.slow.load().as_deref())?;
        map.serialize_entry("verified", &self.verified)?;
        map.end()
    }
}

struct Pairs<'a>(&'a [(&'a str, u64)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// All endpoints that have been seen. Workers keep their own map to the same counts, so this lock is taken once per
/// worker and endpoint.
#[derive(Debug, Default)]
pub struct Ledger {
    endpoints: Mutex<HashMap<Box<str>, Arc<Endpoint>>>,
    /// How often a path found no endpoint of its own because there are too many.
    pub overflowed: AtomicU64,
    signatures: Arc<AtomicUsize>,
}

/// Where requests are counted once there are too many endpoints.
pub const OTHER: &str = "(other)";

impl Ledger {
    /// The counts of `name`, or of `(other)` when `limit` endpoints are known already.
    pub fn endpoint(&self, name: &str, limit: usize) -> Arc<Endpoint> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = endpoints.get(name) {
            return Arc::clone(found);
        }
        let name = if endpoints.len() < limit {
            name
        } else {
            self.overflowed.fetch_add(1, Relaxed);
            OTHER
        };
        let fresh = endpoints
            .entry(name.into())
            .or_insert_with(|| Arc::new(Endpoint::new(name, &self.signatures)));
        Arc::clone(fresh)
    }

    pub fn all(&self) -> Vec<Arc<Endpoint>> {
        let endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        endpoints.values().cloned().collect()
    }

    /// Requests that have begun, and those that have ended.
    pub fn totals(endpoints: &[Arc<Endpoint>]) -> (u64, u64) {
        let ended = endpoints
            .iter()
            .flat_map(|e| &e.outcomes)
            .map(|c| c.load(Relaxed))
            .sum();
        let begun = endpoints.iter().map(|e| e.requests.load(Relaxed)).sum();
        (begun, ended)
    }
}

/// One request's place in the ledger. Dropped without a word, the request ends as what `fallback` says: the handler's
/// future is dropped when the client goes away.
#[derive(Debug)]
pub struct Ticket {
    endpoint: Arc<Endpoint>,
    fallback: Outcome,
    rescued: Cell<bool>,
}

impl Ticket {
    pub fn open(endpoint: Arc<Endpoint>) -> Self {
        endpoint.requests.fetch_add(1, Relaxed);
        Self {
            endpoint,
            fallback: Outcome::ClientGone,
            rescued: Cell::new(false),
        }
    }

    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// What the request counts as if nothing more is heard of it.
    pub fn expect(&mut self, outcome: Outcome) {
        self.fallback = outcome;
    }

    /// The client gets the other side's answer.
    pub fn rescued(&self) {
        self.rescued.set(true);
        self.endpoint.rescued.fetch_add(1, Relaxed);
    }

    pub fn was_rescued(&self) -> bool {
        self.rescued.get()
    }

    pub fn close(mut self, outcome: Outcome) {
        self.fallback = outcome; // counted by drop: the only place that counts
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.endpoint.outcomes[self.fallback as usize].fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_counts_exactly_once_however_it_ends() {
        let ledger = Ledger::default();
        let endpoint = ledger.endpoint("GET /", 10);
        Ticket::open(Arc::clone(&endpoint)).close(Outcome::Match);
        drop(Ticket::open(Arc::clone(&endpoint)));
        let mut planned = Ticket::open(Arc::clone(&endpoint));
        planned.expect(Outcome::NotSampled);
        assert_eq!(Ledger::totals(&ledger.all()), (3, 2));
        drop(planned);
        assert_eq!(Ledger::totals(&ledger.all()), (3, 3));
        let json = serde_json::to_value(&*endpoint).expect("serializes");
        assert_eq!(
            json["outcomes"],
            serde_json::json!({"match": 1, "client_gone": 1, "not_sampled": 1})
        );
    }

    #[test]
    fn endpoints_past_the_limit_share_one() {
        let ledger = Ledger::default();
        for i in 0..10 {
            ledger.endpoint(&format!("GET /{i}"), 3);
        }
        assert_eq!(ledger.all().len(), 4);
        assert_eq!(&*ledger.endpoint("GET /99", 3).name, OTHER);
        assert_eq!(&*ledger.endpoint("GET /2", 3).name, "GET /2");
    }
}
