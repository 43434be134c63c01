//! Work on whole answers that would keep a worker's other clients waiting is done on threads of its own.

use http::header::CONTENT_ENCODING;

use crate::answer::Answer;
use crate::state::State;

/// Bytes that are looked at on the worker's own thread: less than it takes to hand them over pays off.
const SHORT: usize = 64 * 1024;

/// What there is to look at.
#[derive(Debug, Default, Clone, Copy)]
pub struct Work {
    bytes: usize,
    encoded: bool,
}

impl Work {
    pub fn bytes(self, bytes: usize) -> Self {
        Self {
            bytes: self.bytes + bytes,
            ..self
        }
    }

    pub fn answer(self, answer: &Answer) -> Self {
        let encoded = !answer.body.is_empty() && answer.head.headers.contains_key(CONTENT_ENCODING);
        Self {
            encoded: self.encoded || encoded,
            ..self.bytes(answer.body.len())
        }
    }

    /// An encoded body always is: nobody knows how long it becomes.
    pub fn is_long(self) -> bool {
        self.encoded || self.bytes > SHORT
    }
}

/// Does `job` here, or elsewhere if there is much work in it.
pub async fn run<T: Send + 'static>(state: &State, work: Work, job: impl FnOnce() -> T + Send + 'static) -> T {
    if !work.is_long() {
        return job();
    }
    match state.comparing.spawn_blocking(job).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()), // counted as a panic where the task ends
    }
}
