//! A pair of whole answers: compare, ask again where that tells more, count, and keep an example.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use parallelrun_compare::{compare, text_beyond_noise, Comparison, Difference, Kind, Outcome as Compared};

use crate::answer::Answer;
use crate::copying::Upload;
use crate::differences::Verdict;
use crate::flow::Exchange;
use crate::ledger::Outcome;
use crate::record::{self, Judged};
use crate::second_opinion;
use crate::sides::Sides;

/// Comparing more than this many bytes leaves the worker's thread, so that no other client waits for it.
const OFF_THE_WORKER: usize = 64 * 1024;

/// Compares two whole answers, gives each difference its verdict, counts, and keeps an example.
pub async fn compare_and_count(exchange: Exchange, upload: Option<Rc<Upload>>, old: Answer, new: Answer) {
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
            let mut differences = comparison.differences;
            let verdicts = judge(&exchange, upload.is_none(), (&old, &new), &mut differences).await;
            let outcome = outcome_of(&verdicts);
            count(exchange, upload, outcome, &old, &new, differences, &verdicts);
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
async fn judge(
    exchange: &Exchange,
    bodyless: bool,
    (old, new): (&Answer, &Answer),
    differences: &mut [Difference],
) -> Vec<Verdict> {
    let books = &exchange.ticket.endpoint().differences;
    let learned = books.learned(differences);
    let by_learning = |(difference, learned): (&Difference, &bool)| match (&difference.rule, learned) {
        (Some(_), _) => Verdict::Ignored,
        (None, true) => Verdict::Noise,
        (None, false) => Verdict::Unconfirmed,
    };
    let known: Vec<Verdict> = differences.iter().zip(&learned).map(by_learning).collect();
    // Noise somewhere in a text says little about the rest of it: only its lines tell, so they are looked at each time.
    let nothing_new = !known.contains(&Verdict::Unconfirmed) && !differences.iter().any(is_text);
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
    let mut verdicts = second_opinion::verdicts(differences, &varied, &still);
    for (difference, verdict) in differences.iter_mut().zip(&mut verdicts) {
        if is_text(difference) && *verdict == Verdict::Noise {
            let beyond = |from: &Answer, other: &Answer, to: &Answer| {
                text_beyond_noise(rules, &from.as_compared(), &other.as_compared(), &to.as_compared())
            };
            if let Some(found) = beyond(old, &old_again, new) {
                let stable = beyond(&old_again, old, &new_again).is_some();
                *verdict = if stable { Verdict::Confirmed } else { Verdict::Race };
                (difference.old, difference.new) = (found.old, found.new);
            }
        }
    }
    verdicts
}

fn is_text(difference: &Difference) -> bool {
    difference.kind == Kind::Text && difference.rule.is_none()
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
