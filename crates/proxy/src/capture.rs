//! The copy of an answer's body that is taken as it passes, to be compared.

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use crate::answer::{Answer, AnswerHead, Answered};
use crate::budget::Share;
use crate::ledger::Outcome;
use crate::store::{Full, Store};

/// Within a cap of its own and the memory of all; once it does not fit, it holds nothing.
#[derive(Debug)]
pub struct Capture(Result<Store, Outcome>);

impl Capture {
    /// Of an answer with these header fields, which are held just as long and count as memory too.
    pub fn new(cap: usize, share: Share, fields: &HeaderMap) -> Self {
        let mut store = Store::new(cap, share);
        Self(match store.charge(fields) {
            Ok(()) => Ok(store),
            Err(_) => Err(Outcome::Overload),
        })
    }

    /// Keeps the data of `frame`; an error, for this frame and all others, says why the answer will not be compared.
    pub fn keep(&mut self, frame: &Frame<Bytes>) -> Result<(), Outcome> {
        let store = self.0.as_mut().map_err(|outcome| *outcome)?;
        let Some(data) = frame.data_ref() else {
            return Ok(()); // trailers are not compared
        };
        store.add(data).map_err(|full| {
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
            Ok(store) => {
                let (body, memory) = store.into_parts();
                Answered::Whole(Answer {
                    head,
                    body,
                    _memory: memory,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
