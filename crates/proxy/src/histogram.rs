//! Latencies in buckets whose bounds grow by a quarter of an octave: a quantile is known to within 19 %.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

/// Four buckets to an octave, from 16 µs to 2^28 µs (four and a half minutes), and one for all that is slower.
const BUCKETS: usize = 4 * 24 + 1;
const FIRST_OCTAVE: u32 = 4;

#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum_us: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    pub fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket_of(us)].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }
}

/// The first bucket whose upper bound is not below `us`.
fn bucket_of(us: u64) -> usize {
    if us <= 1 << FIRST_OCTAVE {
        return 0;
    }
    let below = us - 1; // bounds are inclusive
    let octave = below.ilog2();
    let quarter = (below >> (octave - 2)) & 3;
    let index = (octave - FIRST_OCTAVE) as usize * 4 + quarter as usize + 1;
    index.min(BUCKETS - 1)
}

/// Inclusive upper bound of a bucket, in microseconds.
fn upper_bound(index: usize) -> u64 {
    if index == 0 {
        return 1 << FIRST_OCTAVE;
    }
    if index == BUCKETS - 1 {
        return u64::from(u32::MAX); // "slower": any bound above the last octave tells that
    }
    let (octave, quarter) = ((index - 1) / 4, (index - 1) % 4);
    let base = 1u64 << (FIRST_OCTAVE as usize + octave);
    base + (base / 4) * (quarter as u64 + 1)
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Relaxed)).collect();
        let mut out = serializer.serialize_struct("latency", 3)?;
        out.serialize_field("count", &counts.iter().sum::<u64>())?;
        out.serialize_field("sum_us", &self.sum_us.load(Relaxed))?;
        out.serialize_field("buckets", &Filled(&counts))?;
        out.end()
    }
}

/// The buckets that hold something.
struct Filled<'a>(&'a [u64]);

impl Serialize for Filled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for (index, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            seq.serialize_element(&(upper_bound(index), count))?;
        }
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_lies_in_its_bucket() {
        for us in (0..5000).chain((5000..300_000_000).step_by(99_991)) {
            let index = bucket_of(us);
            assert!(
                us <= upper_bound(index) || index == BUCKETS - 1,
                "{us} above its bucket"
            );
            if index > 0 {
                assert!(us > upper_bound(index - 1), "{us} fits the bucket below");
            }
        }
    }

    #[test]
    fn json_holds_the_filled_buckets() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(10));
        histogram.record(Duration::from_micros(1000));
        let json = serde_json::to_string(&histogram).expect("serializes");
        assert_eq!(json, r#"{"count":2,"sum_us":1010,"buckets":[[16,1],[1024,1]]}"#);
    }
}
