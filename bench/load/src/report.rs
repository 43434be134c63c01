//! What the generator saw.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{json, Value};

/// How a request ended that did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No connection.
    Connect,
    /// The connection broke, or what came back was not HTTP.
    Broken,
    /// No whole answer in time.
    Timeout,
    /// An answer other than 200.
    Status,
}

impl Failure {
    const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Broken => "broken",
            Self::Timeout => "timeout",
            Self::Status => "status",
        }
    }
}

/// Counts and times of one run.
pub struct Tally {
    started: Cell<u64>,
    finished: Cell<u64>,
    ok: Cell<u64>,
    bytes: Cell<u64>,
    failures: RefCell<BTreeMap<Failure, u64>>,
    latency: RefCell<Histogram<u64>>,
}

impl Tally {
    /// An empty tally.
    ///
    /// # Errors
    /// Never with the bounds chosen here; the histogram says so in its type.
    pub fn new() -> Result<Self, String> {
        // 1 µs to 10 minutes, three digits.
        let latency = Histogram::new_with_bounds(1, 600_000_000, 3).map_err(|e| e.to_string())?;
        Ok(Self {
            started: Cell::default(),
            finished: Cell::default(),
            ok: Cell::default(),
            bytes: Cell::default(),
            failures: RefCell::default(),
            latency: RefCell::new(latency),
        })
    }

    /// A request is about to be sent.
    pub fn start(&self) {
        self.started.set(self.started.get() + 1);
    }

    /// A request ended, `latency` after it was due: with so many bytes of body, or with a failure.
    pub fn finish(&self, latency: Duration, outcome: Result<u64, Failure>) {
        self.finished.set(self.finished.get() + 1);
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency.borrow_mut().saturating_record(micros);
        match outcome {
            Ok(bytes) => {
                self.ok.set(self.ok.get() + 1);
                self.bytes.set(self.bytes.get() + bytes);
            }
            Err(failure) => *self.failures.borrow_mut().entry(failure).or_default() += 1,
        }
    }

    /// The report as JSON. `intended` is how many requests were to be sent; `elapsed` runs from the first due time to the
    /// last end. A failed request's time is in the quantiles like any other's.
    #[must_use]
    pub fn report(&self, intended: u64, elapsed: Duration) -> Value {
        let (started, finished) = (self.started.get(), self.finished.get());
        let mut errors: BTreeMap<&str, u64> = self.failures.borrow().iter().map(|(f, n)| (f.name(), *n)).collect();
        for (name, n) in [("unsent", intended - started), ("unfinished", started - finished)] {
            if n > 0 {
                errors.insert(name, n);
            }
        }
        let latency = self.latency.borrow();
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let rate = finished as f64 / elapsed.as_secs_f64();
        json!({
            "sent": started,
            "ok": self.ok.get(),
            "errors": errors,
            "body_bytes": self.bytes.get(),
            "seconds": elapsed.as_secs_f64(),
            "rate": rate,
            "latency_us": {
                "p50": latency.value_at_quantile(0.5),
                "p90": latency.value_at_quantile(0.9),
                "p99": latency.value_at_quantile(0.99),
                "max": latency.max(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Tally};
    use std::time::Duration;

    #[test]
    fn every_request_is_in_the_report_once() {
        let tally = Tally::new().unwrap();
        for i in 0..100 {
            tally.start();
            let outcome = if i == 99 { Err(Failure::Timeout) } else { Ok(10) };
            tally.finish(Duration::from_micros(100 * (i + 1)), outcome);
        }
        tally.start();
        let report = tally.report(105, Duration::from_secs(2));
        assert_eq!(report["sent"], 101);
        assert_eq!(report["ok"], 99);
        assert_eq!(report["body_bytes"], 990);
        assert_eq!(
            report["errors"],
            serde_json::json!({"timeout": 1, "unfinished": 1, "unsent": 4})
        );
        assert_eq!(report["rate"], 50.0);
        let p50 = report["latency_us"]["p50"].as_u64().unwrap();
        assert!((4990..=5010).contains(&p50), "{p50}");
        let max = report["latency_us"]["max"].as_u64().unwrap();
        assert!((9990..=10_020).contains(&max), "{max}: a failed request's time counts");
    }
}
