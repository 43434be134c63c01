//! Memory that copies, captured answers and waiting records may hold, over all workers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;

use http::HeaderMap;

#[derive(Debug)]
pub struct Budget {
    limit: AtomicUsize,
    reserved: AtomicUsize,
    /// The process as a whole takes too much already.
    crowded: AtomicBool,
}

impl Budget {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: AtomicUsize::new(limit),
            reserved: AtomicUsize::new(0),
            crowded: AtomicBool::new(false),
        })
    }

    pub fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
    }

    /// While the process takes too much as a whole, no copy begins.
    pub fn set_crowded(&self, crowded: bool) {
        self.crowded.store(crowded, Relaxed);
    }

    pub fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    pub fn reserved(&self) -> usize {
        self.reserved.load(Relaxed)
    }

    /// An empty share, to be grown.
    pub fn share(self: &Arc<Self>) -> Share {
        Share {
            budget: Arc::clone(self),
            held: 0,
        }
    }
}

/// What a copy under way takes beside its bodies, while it waits: its connection, its task, and the heads of the request and of
/// the other side's answer. Measured: 23 to 27 kB with HTTP/1.1.
const FOOTPRINT: usize = 32 * 1024;

/// Leave to have one copy under way: a place among them, and the memory for it.
#[derive(Debug)]
pub struct Permit {
    _place: Held,
    _memory: Share,
}

impl Permit {
    /// None where `most` copies are under way, or where there is no memory left.
    pub fn of(shadows: &Arc<Gauge>, most: usize, memory: &Arc<Budget>) -> Option<Self> {
        if memory.crowded.load(Relaxed) {
            return None;
        }
        let place = shadows.enter(most)?;
        let mut share = memory.share();
        share.grow(FOOTPRINT).then(|| Self {
            _place: place,
            _memory: share,
        })
    }
}

/// What one holder has reserved; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    held: usize,
}

impl Share {
    /// Reserves `bytes` more, or nothing if that is over the limit.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let before = self.budget.reserved.fetch_add(bytes, Relaxed);
        if before + bytes > self.budget.limit() {
            self.budget.reserved.fetch_sub(bytes, Relaxed);
            return false;
        }
        self.held += bytes;
        true
    }

    /// Gives back `bytes`, of which no more than all are held.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        self.budget.reserved.fetch_sub(bytes, Relaxed);
    }

    /// Reserves what header fields take, or nothing if that is over the limit.
    #[must_use]
    pub fn charge(&mut self, fields: &HeaderMap) -> bool {
        /// An entry of the map: two handles on bytes, a hash and the links between them.
        const ENTRY: usize = 128; // rounded up, with the room that a map leaves
        self.grow(fields.iter().map(|(n, v)| n.as_str().len() + v.len() + ENTRY).sum())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.reserved.fetch_sub(self.held, Relaxed);
    }
}

/// Counts holders of something of which only so many may exist.
#[derive(Debug, Default)]
pub struct Gauge(AtomicUsize);

impl Gauge {
    pub fn value(&self) -> usize {
        self.0.load(Relaxed)
    }

    /// One more holder, unless there are `limit` already.
    pub fn enter(self: &Arc<Self>, limit: usize) -> Option<Held> {
        let one_more = |holders| (holders < limit).then_some(holders + 1);
        let entered = self.0.fetch_update(Relaxed, Relaxed, one_more).is_ok();
        entered.then(|| Held(Arc::clone(self)))
    }
}

#[derive(Debug)]
pub struct Held(Arc<Gauge>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0 .0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_given_back() {
        let budget = Budget::new(100);
        let mut share = budget.share();
        assert!(share.grow(60));
        assert!(!share.grow(41));
        assert!(share.grow(40));
        assert_eq!(budget.reserved(), 100);
        drop(share);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn a_gauge_lets_so_many_in() {
        let gauge = Arc::new(Gauge::default());
        let first = gauge.enter(1);
        assert!(first.is_some() && gauge.enter(1).is_none());
        drop(first);
        assert!(gauge.enter(1).is_some());
    }
}
