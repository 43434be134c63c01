//! So many per second, and no more.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A token bucket; holds one second's worth, and ten at least.
#[derive(Debug, Default)]
pub struct Bucket(Mutex<Option<(f64, Instant)>>);

impl Bucket {
    /// Takes a token if there is one, at `rate` new ones per second.
    pub fn take(&self, rate: u32) -> bool {
        let most = if rate == 0 { 0.0 } else { f64::from(rate).max(10.0) };
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (tokens, since) = bucket.unwrap_or((most, now));
        let tokens = (tokens + (now - since).as_secs_f64() * f64::from(rate)).min(most);
        let taken = tokens >= 1.0;
        *bucket = Some((if taken { tokens - 1.0 } else { tokens }, now));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_full() {
        let bucket = Bucket::default();
        assert!((0..10).all(|_| bucket.take(1)));
        assert!(!Bucket::default().take(0));
    }

    #[test]
    fn an_empty_one_gives_nothing_before_its_time() {
        let later = Instant::now() + std::time::Duration::from_secs(3600);
        assert!(!Bucket(Mutex::new(Some((0.9, later)))).take(1));
    }
}
