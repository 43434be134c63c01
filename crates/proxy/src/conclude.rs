//! When both sides are done with a request: is there a pair to compare, and if not, why not?

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::answer::{is_endless, AnswerHead, Answered};
use crate::budget::Permit;
use crate::capture::Capture;
use crate::comparing::compare_and_count;
use crate::copying::Upload;
use crate::flow::Exchange;
use crate::ledger::Outcome;
use crate::record;
use crate::serving::{Begun, Leg};
use crate::sides::{Side, Sides};
use crate::upstream_error::{Failure, UpstreamError};
use crate::verify::Held;

/// What a copied request holds until it is concluded.
pub struct Copied {
    pub upload: Option<Rc<Upload>>,
    pub permit: Rc<Permit>,
}

/// The answer that the client did not get, as far as it is known.
pub enum Other {
    Leg(Leg),
    Known(Box<Result<Begun, UpstreamError>>),
    Answered(Box<Answered>),
    /// Read as far as there was time to verify it.
    Held(Box<Held>),
    /// The copy's task is gone: the process ends.
    Cancelled,
}

/// Waits for both answers of `exchange` and settles it. `passed` is the answer of side `from`, which the client got.
pub async fn conclude(
    exchange: Exchange,
    copied: Copied,
    from: Side,
    passed: oneshot::Receiver<Answered>,
    other: Other,
) {
    let Copied { upload, permit } = copied;
    let (mine, theirs) = both(&exchange, upload.as_deref(), permit, passed, other).await;
    let pair = Sides::from_roles(from, mine, theirs);
    exchange.heard.pair(&pair);
    exchange.note_missed_write();
    match settle(&pair) {
        Some(outcome) => {
            if matches!(outcome, Outcome::OldFailed | Outcome::NewFailed | Outcome::BothFailed) {
                Box::pin(record::keep_failure(&exchange, upload.as_deref(), outcome, pair)).await;
            }
            exchange.ticket.close(outcome);
        }
        None => {
            if let (Answered::Whole(old), Answered::Whole(new)) = (pair.old, pair.new) {
                compare_and_count(exchange, upload, old, new).await;
            }
        }
    }
}

/// The answer that the client got, and the other one, once both have ended.
async fn both(
    exchange: &Exchange,
    upload: Option<&Upload>,
    permit: Rc<Permit>,
    passed: oneshot::Receiver<Answered>,
    other: Other,
) -> (Answered, Answered) {
    let over = Cell::new(false);
    let mine = async {
        let answered = passed.await.unwrap_or(Answered::Left(Outcome::ClientGone));
        over.set(true);
        answered
    };
    let mut theirs = pin!(other.answered(exchange, upload, &over)); // in place: each request's task holds it
    let theirs = async {
        let answered = theirs.as_mut().await;
        drop(permit); // it is no copy under way any more, however long the client reads
        answered
    };
    tokio::join!(mine, theirs)
}

/// The outcome of a pair that cannot be compared; none if it can.
fn settle(pair: &Sides<Answered>) -> Option<Outcome> {
    use Answered::{Failed, Left, Unfinished, Whole};
    match (&pair.old, &pair.new) {
        (Left(Outcome::ClientGone), _) | (_, Left(Outcome::ClientGone)) => Some(Outcome::ClientGone),
        (Failed { .. }, Failed { .. }) => Some(Outcome::BothFailed),
        (Failed { .. }, _) => Some(Outcome::OldFailed),
        (_, Failed { .. }) => Some(Outcome::NewFailed),
        (Left(outcome), _) | (_, Left(outcome)) => Some(*outcome),
        (Unfinished, _) | (_, Unfinished) => Some(Outcome::ClientGone),
        (Whole(_), Whole(_)) => None,
    }
}

/// What it means that a side gave no answer.
pub fn unanswered(error: UpstreamError, upload: Option<&Upload>) -> Answered {
    if error.given_up {
        return Answered::Left(Outcome::BreakerOpen);
    }
    if !error.clients_fault {
        return Answered::Failed {
            failure: error.failure,
            head: None,
        };
    }
    // Its body broke off, or it never came: not the side's failure.
    upload
        .and_then(Upload::cut)
        .map_or(Answered::Left(Outcome::ClientGone), Answered::from)
}

/// What it means that an answer did not end in time.
pub fn late(head: AnswerHead, passed: &Cell<bool>) -> Answered {
    if passed.get() {
        Answered::Failed {
            failure: Failure::Timeout,
            head: Some(head),
        }
    } else {
        Answered::Left(Outcome::Streaming) // a stream that does not say so: the other side has not ended its answer either
    }
}

impl Other {
    /// `passed` turns true when the answer that the client gets has ended.
    pub async fn answered(self, exchange: &Exchange, upload: Option<&Upload>, passed: &Cell<bool>) -> Answered {
        let deadline = Duration::from_millis(exchange.snapshot.limits.shadow_ms);
        let begun = match self {
            Other::Answered(answered) => return *answered,
            Other::Held(held) => return Box::pin(held.read_on(deadline, passed)).await,
            Other::Cancelled => return Answered::Left(Outcome::ClientGone),
            Other::Known(begun) => *begun,
            Other::Leg(leg) => match leg.await {
                Ok(begun) => begun,
                Err(_) => return Answered::Left(Outcome::ClientGone),
            },
        };
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => return unanswered(error, upload),
        };
        let Begun { head, mut body } = begun;
        if is_endless(&head.headers) {
            return Answered::Left(Outcome::Streaming);
        }
        let memory = exchange.worker.state.memory.share();
        let mut capture = Capture::new(exchange.snapshot.limits.body_bytes, memory, &head.headers);
        match tokio::time::timeout(deadline, body.read_into(&mut capture)).await {
            Ok(Ok(())) => capture.finish(head),
            Ok(Err(broken)) => broken.answered(head),
            Err(_) => late(head, passed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(old: Answered, new: Answered) -> Option<Outcome> {
        settle(&Sides { old, new })
    }

    fn failed() -> Answered {
        Answered::Failed {
            failure: Failure::Reset,
            head: None,
        }
    }

    #[test]
    fn a_copy_that_was_broken_off_hides_no_failure() {
        assert_eq!(outcome(failed(), Answered::Unfinished), Some(Outcome::OldFailed));
        assert_eq!(outcome(Answered::Unfinished, failed()), Some(Outcome::NewFailed));
        let overload = || Answered::Left(Outcome::Overload);
        assert_eq!(outcome(overload(), Answered::Unfinished), Some(Outcome::Overload));
        assert_eq!(outcome(failed(), overload()), Some(Outcome::OldFailed));
    }

    #[test]
    fn a_client_that_left_is_to_blame_for_all() {
        let gone = || Answered::Left(Outcome::ClientGone);
        assert_eq!(outcome(gone(), failed()), Some(Outcome::ClientGone));
        assert_eq!(outcome(failed(), gone()), Some(Outcome::ClientGone));
    }
}
