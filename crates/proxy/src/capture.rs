//! The copy of an answer's body that is taken as it passes, to be compared.

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use crate::answer::{Answer, AnswerHead, Answered};
use crate::budget::Share;
use crate::ledger::Outcome;
use crate::store::{Full, Store};

/// A body that came in one part is kept as it came if the part is at least as long: copying it costs a tenth of the whole
/// request at 100 kB. A part is a slice of its connection's read buffer and holds all of that, so shorter ones are copied.
pub const LONG: usize = 64 * 1024;

/// What a part that is kept as it came holds, mostly: a read buffer grows to twice what was read, up to 256 KiB, and shrinks only
/// after two shorter reads.
pub fn held_by(part: &Bytes) -> usize {
    2 * part.len()
}

/// Within a cap of its own and the memory of all; once it does not fit, it holds nothing.
#[derive(Debug)]
pub struct Capture(Result<Kept, Outcome>);

#[derive(Debug)]
struct Kept {
    store: Store,
    /// The only part so far, in place of `store`.
    alone: Option<Bytes>,
}

impl Capture {
    /// Of an answer with these header fields, which are held just as long and count as memory too.
    pub fn new(cap: usize, share: Share, fields: &HeaderMap) -> Self {
        let mut store = Store::new(cap, share);
        Self(match store.charge(fields) {
            Ok(()) => Ok(Kept { store, alone: None }),
            Err(_) => Err(Outcome::Overload),
        })
    }

    /// Keeps the data of `frame`; an error, for this frame and all others, says why the answer will not be compared.
    pub fn keep(&mut self, frame: &Frame<Bytes>) -> Result<(), Outcome> {
        let kept = self.0.as_mut().map_err(|outcome| *outcome)?;
        let Some(data) = frame.data_ref() else {
            return Ok(()); // trailers are not compared
        };
        kept.add(data).map_err(|full| {
            let outcome = match full {
                Full::Cap => Outcome::ResponseTooLarge,
                Full::Memory => Outcome::Overload,
            };
            self.0 = Err(outcome);
            outcome
        })
    }

    pub fn finish(self, head: AnswerHead) -> Answered {
        match self.0 {
            Err(outcome) => Answered::Left(outcome),
            Ok(Kept { store, alone }) => {
                let (gathered, memory) = store.into_parts();
                Answered::Whole(Answer {
                    head,
                    body: alone.unwrap_or(gathered),
                    _memory: memory,
                })
            }
        }
    }
}

impl Kept {
    fn add(&mut self, data: &Bytes) -> Result<(), Full> {
        if self.may_stay(data) && self.store.reserve(held_by(data)).is_ok() {
            self.alone = Some(data.clone());
            return Ok(());
        }
        if let Some(first) = self.alone.take() {
            self.store.give_back(held_by(&first));
            self.store.add(&first)?;
        }
        self.store.add(data)
    }

    fn may_stay(&self, data: &Bytes) -> bool {
        let first = self.alone.is_none() && self.store.len() == 0;
        first && data.len() >= LONG && self.store.may_hold(data.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::budget::Budget;

    #[test]
    fn what_is_refused_holds_no_memory() {
        let budget = Budget::new(100);
        let mut capture = Capture::new(10, budget.share(), &HeaderMap::new());
        assert_eq!(capture.keep(&Frame::data(Bytes::from_static(b"12345678"))), Ok(()));
        assert_eq!(budget.reserved(), 8);
        let more = Frame::data(Bytes::from_static(b"9ab"));
        assert_eq!(capture.keep(&more), Err(Outcome::ResponseTooLarge));
        assert_eq!(budget.reserved(), 0);
        assert_eq!(capture.keep(&more), Err(Outcome::ResponseTooLarge));
    }

    fn answer(parts: &[Bytes], budget: usize) -> (Answered, Arc<Budget>) {
        let budget = Budget::new(budget);
        let mut capture = Capture::new(1 << 20, budget.share(), &HeaderMap::new());
        for part in parts {
            let _ = capture.keep(&Frame::data(part.clone()));
        }
        let head = AnswerHead {
            status: http::StatusCode::OK,
            headers: HeaderMap::new(),
            took: Duration::ZERO,
        };
        (capture.finish(head), budget)
    }

    #[test]
    fn a_long_part_that_is_alone_is_not_copied() {
        let part = Bytes::from(vec![7; LONG]);
        let (answer, budget) = answer(std::slice::from_ref(&part), 1 << 20);
        assert!(matches!(&answer, Answered::Whole(a) if a.body == part && a.body.as_ptr() == part.as_ptr()));
        assert_eq!(budget.reserved(), 2 * LONG, "what it holds is reserved");
        drop(answer);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn others_are_copied_in_their_order() {
        let parts = |sizes: &[usize]| -> Vec<Bytes> {
            let fill = |(i, size): (usize, &usize)| Bytes::from(vec![i as u8; *size]);
            sizes.iter().enumerate().map(fill).collect()
        };
        // Short; long and then more; short and then long; long without memory for what it holds.
        for (sizes, memory) in [
            (&[LONG - 1][..], 1 << 20),
            (&[LONG, 1, LONG], 1 << 20),
            (&[1, LONG], 1 << 20),
            (&[LONG], 2 * LONG - 1),
        ] {
            let parts = parts(sizes);
            let (answer, budget) = answer(&parts, memory);
            let Answered::Whole(answer) = answer else {
                panic!("{sizes:?}: not whole");
            };
            assert_eq!(answer.body, parts.concat(), "{sizes:?}");
            assert!(parts.iter().all(Bytes::is_unique), "{sizes:?}: holds a part");
            assert!(
                budget.reserved() <= 2 * answer.body.len(),
                "{sizes:?}: reserves for parts that are gone"
            );
        }
    }

    #[test]
    fn a_part_that_grows_beyond_the_cap_is_too_large() {
        let part = Bytes::from(vec![0; 1 << 20]);
        let (answer, budget) = answer(&[part.clone(), part.slice(..1)], 10 << 20);
        assert!(matches!(answer, Answered::Left(Outcome::ResponseTooLarge)));
        assert_eq!(budget.reserved(), 0);
    }
}
