//! Records on their way to Python: bounded in number and bytes, dropped and counted when nobody fetches them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::budget::{Budget, Share};

const MOST: usize = 10_000;
/// Of the memory limit: what waits here must leave room for what is under way.
const SHARE_OF_MEMORY: usize = 4;
/// Records per second once a difference has its first examples.
const MISMATCHES_PER_S: u32 = 20;
const OTHERS_PER_S: u32 = 2;

#[derive(Debug)]
pub struct Records {
    memory: Arc<Budget>,
    queue: Mutex<Queue>,
    filled: Condvar,
    lost: AtomicU64,
    mismatches: Bucket,
    others: Bucket,
}

#[derive(Debug, Default)]
struct Queue {
    records: VecDeque<(Vec<u8>, Share)>,
    bytes: usize,
}

impl Records {
    pub fn new(memory: Arc<Budget>) -> Self {
        Self {
            memory,
            queue: Mutex::default(),
            filled: Condvar::new(),
            lost: AtomicU64::new(0),
            mismatches: Bucket::default(),
            others: Bucket::default(),
        }
    }

    /// True if a further example may become a record now.
    pub fn admits(&self, mismatch: bool) -> bool {
        if mismatch {
            self.mismatches.take(MISMATCHES_PER_S)
        } else {
            self.others.take(OTHERS_PER_S)
        }
    }

    pub fn push(&self, record: Vec<u8>) {
        let mut share = self.memory.share();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let room = queue.records.len() < MOST && queue.bytes + record.len() <= self.memory.limit() / SHARE_OF_MEMORY;
        if !room || !share.grow(record.len()) {
            self.lost.fetch_add(1, Relaxed);
            return;
        }
        queue.bytes += record.len();
        queue.records.push_back((record, share));
        self.filled.notify_one();
    }

    /// Up to `most` records; waits up to `timeout` for the first.
    pub fn poll(&self, most: usize, timeout: Duration) -> Vec<Vec<u8>> {
        let until = Instant::now() + timeout;
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.records.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Vec::new();
            }
            queue = self
                .filled
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let count = most.min(queue.records.len());
        let taken: Vec<Vec<u8>> = queue.records.drain(..count).map(|(record, _)| record).collect();
        queue.bytes -= taken.iter().map(Vec::len).sum::<usize>();
        taken
    }

    pub fn queued(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).records.len()
    }

    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let records = Records::new(Budget::new(400));
        (0..3).for_each(|_| records.push(vec![0; 40]));
        assert_eq!((records.queued(), records.lost()), (2, 1));
        assert_eq!(records.poll(10, Duration::ZERO).len(), 2);
        assert_eq!(records.memory.reserved(), 0);
        records.push(vec![0; 40]);
        assert_eq!(records.queued(), 1);
    }
}
