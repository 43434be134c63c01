//! What all workers share: the snapshot in force, the weight, and everything that is counted.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use serde::Serialize;

use crate::breaker::Breaker;
use crate::bucket::Bucket;
use crate::budget::{Budget, Gauge};
use crate::ledger::Ledger;
use crate::records::Records;
use crate::sides::Sides;
use crate::snapshot::Snapshot;
use crate::upstream_error::FailureCounts;
use crate::validate::Refused;

#[derive(Debug)]
pub struct State {
    pub snapshot: ArcSwap<Snapshot>,
    pub weight_ppm: AtomicU32,
    pub breaker: Breaker,
    /// Bounds the pairs of which old is asked again whatever they say.
    pub sampling: Bucket,
    pub started: Instant,
    pub draining: AtomicBool,
    pub workers: usize,
    pub ledger: Ledger,
    pub records: Records,
    pub memory: Arc<Budget>,
    pub shadows: Arc<Gauge>,
    pub sides: Sides<SideCounts>,
    pub connections: Connections,
    pub refused: Refused,
    pub second_opinions: SecondOpinions,
    pub caps: Caps,
    /// Threads for comparing large bodies; not the workers' own helpers, which look up names on a user's path.
    pub comparing: tokio::runtime::Handle,
    /// Requests whose task panicked; each is a bug, and none takes another request with it.
    pub panics: AtomicU64,
}

#[derive(Debug, Default, Serialize)]
pub struct SideCounts {
    pub requests: AtomicU64,
    pub status_5xx: AtomicU64,
    pub connects: AtomicU64,
    /// Answers that broke off in their body.
    pub truncated: AtomicU64,
    pub failures: FailureCounts,
}

#[derive(Debug, Default)]
pub struct Connections {
    pub accepted: AtomicU64,
    pub open: Arc<Gauge>,
    /// How often accepting had to wait because as many as allowed are open.
    pub held_back: AtomicU64,
}

#[derive(Debug, Default)]
pub struct SecondOpinions {
    pub asked: AtomicU64,
    pub skipped: AtomicU64,
    pub bucket: Bucket,
}

/// What the comparison and the books had to leave out.
#[derive(Debug, Default, Serialize)]
pub struct Caps {
    pub depth: AtomicU64,
    pub nodes: AtomicU64,
    pub differences: AtomicU64,
    pub decoded: AtomicU64,
    /// Differences that are not counted one by one because there are too many signatures.
    pub signatures: AtomicU64,
}

impl Caps {
    pub fn count(&self, cap: parallelrun_compare::Cap) {
        use parallelrun_compare::Cap;
        let counter = match cap {
            Cap::Depth => &self.depth,
            Cap::Nodes => &self.nodes,
            Cap::Differences => &self.differences,
            Cap::Decoded => &self.decoded,
        };
        counter.fetch_add(1, Relaxed);
    }
}

impl State {
    pub fn new(snapshot: Snapshot, workers: usize, comparing: tokio::runtime::Handle) -> Arc<Self> {
        let memory = Budget::new(snapshot.limits.memory_bytes);
        let started = Instant::now();
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            weight_ppm: AtomicU32::new(0),
            breaker: Breaker::new(started),
            sampling: Bucket::default(),
            started,
            draining: AtomicBool::new(false),
            workers,
            ledger: Ledger::default(),
            records: Records::new(Arc::clone(&memory)),
            memory,
            shadows: Arc::default(),
            sides: Sides::default(),
            connections: Connections::default(),
            refused: Refused::default(),
            second_opinions: SecondOpinions::default(),
            caps: Caps::default(),
            comparing,
            panics: AtomicU64::new(0),
        })
    }

    /// Longest silence of a side in the middle of a body.
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.snapshot.load().limits.idle_ms)
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}
