//! When each request is due. tokio's timers tick in milliseconds, which at thousands of requests per second would make
//! bursts, so a thread of its own sleeps from one due time to the next.

use std::cell::Cell;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Hands out due times, `1 / rate` seconds apart, to whichever worker is free: each when it is due or, when every worker
/// is busy, later but with its due time unchanged.
pub struct Pacer {
    start: Instant,
    rate: f64,
    count: u64,
    next: Cell<u64>,
    due: Arc<Semaphore>,
}

impl Pacer {
    /// Starts the clock. The thread behind it ends with the last due time, or when the pacer is dropped.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(rate: f64, count: u64) -> std::io::Result<Self> {
        let pacer = Self {
            start: Instant::now(),
            rate,
            count,
            next: Cell::new(0),
            due: Arc::new(Semaphore::new(0)),
        };
        let (start, due) = (pacer.start, Arc::clone(&pacer.due));
        std::thread::Builder::new().name("pacer".into()).spawn(move || {
            // The kernel would otherwise add up to 50 µs to each sleep. Refused or not, the times handed out are exact.
            let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
            for i in 0..count {
                std::thread::sleep(time_of(start, rate, i).saturating_duration_since(Instant::now()));
                if Arc::strong_count(&due) == 1 {
                    break;
                }
                due.add_permits(1);
            }
        })?;
        Ok(pacer)
    }

    /// The next due time, once it has come; `None` when all are handed out.
    pub async fn next(&self) -> Option<Instant> {
        let i = self.next.get();
        if i >= self.count {
            return None;
        }
        self.next.set(i + 1);
        // Waiters are served in the order in which they came, which is the order of their `i`.
        self.due.acquire().await.ok()?.forget();
        Some(time_of(self.start, self.rate, i))
    }

    /// When the first request was due.
    #[must_use]
    pub const fn started(&self) -> Instant {
        self.start
    }
}

fn time_of(start: Instant, rate: f64, i: u64) -> Instant {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let offset = i as f64 / rate;
    start + Duration::from_secs_f64(offset)
}

#[cfg(test)]
mod tests {
    use super::Pacer;
    use std::rc::Rc;
    use std::time::{Duration, Instant};

    #[test]
    fn every_due_time_is_handed_out_once_in_order_and_not_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let pacer = Rc::new(Pacer::start(10_000.0, 200).unwrap());
            let workers: Vec<_> = (0..3)
                .map(|_| {
                    let pacer = Rc::clone(&pacer);
                    tokio::task::spawn_local(async move {
                        let mut got = Vec::new();
                        while let Some(due) = pacer.next().await {
                            assert!(Instant::now() >= due);
                            got.push(due);
                        }
                        got
                    })
                })
                .collect();
            let mut all = Vec::new();
            for worker in workers {
                let got = worker.await.unwrap();
                assert!(got.is_sorted());
                all.extend(got);
            }
            all.sort();
            assert_eq!(all.len(), 200);
            // Due times are exact, whenever they were handed out.
            assert_eq!(all[0], pacer.started());
            let span = all[199] - all[0];
            assert!(
                span.abs_diff(Duration::from_micros(19_900)) < Duration::from_micros(1),
                "{span:?}"
            );
        });
    }
}
