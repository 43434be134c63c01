//! Work on whole answers that would keep a worker's other clients waiting is done on threads of its own.

use bytes::Bytes;
use http::header::CONTENT_ENCODING;

use crate::answer::{Answer, AnswerHead};
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
        self.parts(&answer.head, &answer.body)
    }

    fn parts(self, head: &AnswerHead, body: &Bytes) -> Self {
        let encoded = !body.is_empty() && head.headers.contains_key(CONTENT_ENCODING);
        Self {
            encoded: self.encoded || encoded,
            ..self.bytes(body.len())
        }
    }

    /// To compare two answers: nearly none where the bodies are equal, as most are; which is worth finding out for long ones
    /// only.
    pub fn of_two((old, old_body): (&AnswerHead, &Bytes), (new, new_body): (&AnswerHead, &Bytes)) -> Self {
        let same_coding = || old.headers.get(CONTENT_ENCODING) == new.headers.get(CONTENT_ENCODING);
        let work = Self::default().parts(old, old_body).parts(new, new_body);
        if work.is_long() && same_coding() && old_body == new_body {
            Self::default()
        } else {
            work
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
