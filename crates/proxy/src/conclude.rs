//! When both sides have answered: compare, ask again where that tells more, count, and keep an example.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;
use std::time::Duration;

use parallelrun_compare::{compare, Comparison, Difference, Outcome as Compared};
use tokio::sync::oneshot;

use crate::answer::{is_endless, Answer, Answered};
use crate::body::Capture;
use crate::budget::Held;
use crate::copying::Upload;
use crate::differences::Verdict;
use crate::flow::Exchange;
use crate::ledger::Outcome;
use crate::record::{self, Judged};
use crate::second_opinion;
use crate::serving::{Begun, Leg};
use crate::sides::{Side, Sides};
use crate::upstream_error::{Failure, UpstreamError};

/// Comparing more than this many bytes leaves the worker's thread, so that no other client waits for it.
const OFF_THE_WORKER: usize = 64 * 1024;

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
    let (mine, theirs) = tokio::join!(passed, other.answered(&exchange, copied.upload.as_deref()));
    let mine = mine.unwrap_or(Answered::Left(Outcome::ClientGone));
    let pair = Sides::from_roles(from, mine, theirs);
    let Copied { upload, permit } = copied;
    drop(permit); // from here on it is no copy under way any more
    note_missed_write(&exchange, &pair);
    match settle(&pair) {
        Some(outcome) => {
            if matches!(outcome, Outcome::OldFailed | Outcome::NewFailed | Outcome::BothFailed) {
                record::keep_failure(&exchange, upload.as_deref(), outcome, &pair);
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

/// A side that failed what the other one did has missed it.
fn note_missed_write(exchange: &Exchange, pair: &Sides<Answered>) {
    let took = |of: &Answered| matches!(of, Answered::Whole(answer) if answer.head.status.as_u16() < 400);
    let failed = |of: &Answered| match of {
        Answered::Whole(answer) => answer.head.status.is_server_error(),
        Answered::Failed { .. } => true,
        Answered::Left(outcome) => matches!(outcome, Outcome::RequestTooLarge | Outcome::Overload),
    };
    for side in Side::BOTH {
        if failed(&pair[side]) && took(&pair[side.other()]) {
            exchange.missed_write(side);
        }
    }
}

/// The outcome of a pair that cannot be compared; none if it can.
fn settle(pair: &Sides<Answered>) -> Option<Outcome> {
    use Answered::{Failed, Left, Whole};
    match (&pair.old, &pair.new) {
        (Left(Outcome::ClientGone), _) | (_, Left(Outcome::ClientGone)) => Some(Outcome::ClientGone),
        (Failed { .. }, Failed { .. }) => Some(Outcome::BothFailed),
        (Failed { .. }, _) => Some(Outcome::OldFailed),
        (_, Failed { .. }) => Some(Outcome::NewFailed),
        (Left(outcome), _) | (_, Left(outcome)) => Some(*outcome),
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
                return match upload.and_then(Upload::cut) {
                    Some(outcome) => Answered::Left(outcome), // we broke its body off: not the side's failure
                    None if error.clients_fault => Answered::Left(Outcome::ClientGone),
                    None => Answered::Failed {
                        failure: error.failure,
                        head: None,
                    },
                };
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

async fn compare_and_count(exchange: Exchange, upload: Option<Rc<Upload>>, old: Answer, new: Answer) {
    let (old, new, comparison) = compared(&exchange, old, new).await;
    if let Some(cap) = comparison.capped {
        exchange.worker.state.caps.count(cap);
    }
    match comparison.outcome() {
        Compared::Match => exchange.ticket.close(Outcome::Match),
        Compared::Ignored => {
            let verdicts = vec![Verdict::Ignored; comparison.differences.len()];
            count(
                exchange,
                upload,
                Outcome::Ignored,
                &old,
                &new,
                comparison.differences,
                &verdicts,
            );
        }
        Compared::Mismatch => {
            let verdicts = judge(&exchange, upload.is_none(), &old, &comparison.differences).await;
            let outcome = outcome_of(&verdicts);
            count(exchange, upload, outcome, &old, &new, comparison.differences, &verdicts);
        }
    }
}

/// Compares on this thread, or on another one if it would take long.
async fn compared(exchange: &Exchange, old: Answer, new: Answer) -> (Answer, Answer, Comparison) {
    let rules = Arc::clone(&exchange.route.rules);
    if old.body.len() + new.body.len() <= OFF_THE_WORKER || old.body == new.body {
        let comparison = compare(&rules, &old.as_compared(), &new.as_compared());
        return (old, new, comparison);
    }
    let job = move || {
        let comparison = compare(&rules, &old.as_compared(), &new.as_compared());
        (old, new, comparison)
    };
    match exchange.worker.state.comparing.spawn_blocking(job).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()), // counted as a panic where the task ends
    }
}

/// One verdict for each difference.
async fn judge(exchange: &Exchange, bodyless: bool, old: &Answer, differences: &[Difference]) -> Vec<Verdict> {
    let books = &exchange.ticket.endpoint().differences;
    let learned = books.learned(differences);
    let by_learning = |(difference, learned): (&Difference, &bool)| match (&difference.rule, learned) {
        (Some(_), _) => Verdict::Ignored,
        (None, true) => Verdict::Noise,
        (None, false) => Verdict::Unconfirmed,
    };
    let known: Vec<Verdict> = differences.iter().zip(&learned).map(by_learning).collect();
    let nothing_new = !known.contains(&Verdict::Unconfirmed);
    if !exchange.head.is_safe() || !bodyless || (nothing_new && !second_opinion::refresh()) {
        return known;
    }
    let Some(second) = second_opinion::ask(exchange).await else {
        return known;
    };
    let Sides {
        old: old_again,
        new: new_again,
    } = second;
    let rules = &exchange.route.rules;
    let visible = |c: Comparison| {
        c.differences
            .into_iter()
            .filter(|d| d.rule.is_none())
            .collect::<Vec<_>>()
    };
    let varied = visible(compare(rules, &old.as_compared(), &old_again.as_compared()));
    let still = visible(compare(rules, &old_again.as_compared(), &new_again.as_compared()));
    let seen: Vec<Difference> = differences.iter().filter(|d| d.rule.is_none()).cloned().collect();
    books.learn(&varied, &seen);
    second_opinion::verdicts(differences, &varied, &still)
}

fn outcome_of(verdicts: &[Verdict]) -> Outcome {
    let any = |verdict| verdicts.contains(&verdict);
    if any(Verdict::Confirmed) || any(Verdict::Unconfirmed) {
        Outcome::Mismatch
    } else if any(Verdict::Race) {
        Outcome::Race
    } else if any(Verdict::Noise) {
        Outcome::Noise
    } else {
        Outcome::Ignored
    }
}

fn count(
    exchange: Exchange,
    upload: Option<Rc<Upload>>,
    outcome: Outcome,
    old: &Answer,
    new: &Answer,
    differences: Vec<Difference>,
    verdicts: &[Verdict],
) {
    let state = &exchange.worker.state;
    let books = &exchange.ticket.endpoint().differences;
    let mut wanted = false;
    for (difference, verdict) in differences.iter().zip(verdicts) {
        match books.count(difference, *verdict) {
            Some(first) => wanted |= first,
            None => {
                state.caps.signatures.fetch_add(1, Relaxed);
            }
        }
    }
    if wanted || state.records.admits(outcome == Outcome::Mismatch) {
        let judged = Judged {
            outcome,
            old,
            new,
            differences,
            verdicts,
        };
        record::keep_pair(&exchange, upload.as_deref(), judged);
    }
    exchange.ticket.close(outcome);
}
