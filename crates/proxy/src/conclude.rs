//! When both sides are done with a request: is there a pair to compare, and if not, why not?

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::answer::{is_endless, Answered};
use crate::budget::Held;
use crate::capture::Capture;
use crate::comparing::compare_and_count;
use crate::copying::Upload;
use crate::flow::Exchange;
use crate::ledger::Outcome;
use crate::record;
use crate::serving::{Begun, Leg};
use crate::sides::{Side, Sides};
use crate::upstream_error::{Failure, UpstreamError};

/// What a copied request holds until it is concluded.
pub struct Copied {
    pub upload: Option<Rc<Upload>>,
    pub permit: Rc<Held>,
}

/// The answer that the client did not get, as far as it is known.
pub enum Other {
    Leg(Leg),
    Known(Box<Result<Begun, UpstreamError>>),
    Answered(Box<Answered>),
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
    let theirs = async {
        let answered = other.answered(&exchange, upload.as_deref()).await;
        drop(permit); // it is no copy under way any more, however long the client reads
        answered
    };
    let (mine, theirs) = tokio::join!(passed, theirs);
    let mine = mine.unwrap_or(Answered::Left(Outcome::ClientGone));
    let pair = Sides::from_roles(from, mine, theirs);
    for side in Side::BOTH {
        if matches!(pair[side], Answered::Failed { .. }) {
            exchange.statuses[side].set(None); // an answer that broke off says nothing for certain
        }
    }
    exchange.note_missed_write();
    match settle(&pair) {
        Some(outcome) => {
            if matches!(outcome, Outcome::OldFailed | Outcome::NewFailed | Outcome::BothFailed) {
                record::keep_failure(&exchange, upload.as_deref(), outcome, pair).await;
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

impl Other {
    async fn answered(self, exchange: &Exchange, upload: Option<&Upload>) -> Answered {
        let deadline = Duration::from_millis(exchange.snapshot.limits.shadow_ms);
        let begun = match self {
            Other::Answered(answered) => return *answered,
            Other::Cancelled => return Answered::Left(Outcome::ClientGone),
            Other::Known(begun) => *begun,
            Other::Leg(leg) => match leg.await {
                Ok(begun) => begun,
                Err(_) => return Answered::Left(Outcome::ClientGone),
            },
        };
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => {
                if !error.clients_fault {
                    return Answered::Failed {
                        failure: error.failure,
                        head: None,
                    };
                }
                // Its body broke off, or it never came: not the side's failure.
                return upload
                    .and_then(Upload::cut)
                    .map_or(Answered::Left(Outcome::ClientGone), Answered::from);
            }
        };
        if is_endless(&begun.head.headers) {
            return Answered::Left(Outcome::Streaming);
        }
        let capture = Capture::new(
            exchange.snapshot.limits.body_bytes,
            exchange.worker.state.memory.share(),
        );
        let head = begun.head.clone();
        match tokio::time::timeout(deadline, begun.response.into_body().collect(begun.head, capture)).await {
            Ok(answered) => answered,
            Err(_) => Answered::Failed {
                failure: Failure::Timeout,
                head: Some(head),
            },
        }
    }
}
