//! A pair of whole answers: compare, ask again where that tells more, count, and keep an example.

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use parallelrun_compare::{compare, text_beyond_noise, Cap, Difference, Kind, Outcome as Compared, Rules};

use crate::answer::Answer;
use crate::copying::Upload;
use crate::differences::{Differences, Verdict};
use crate::excuse::is_excused;
use crate::flow::Exchange;
use crate::ledger::{Endpoint, Outcome};
use crate::offload::{self, Work};
use crate::record::Draft;
use crate::routes::Route;
use crate::second_opinion;
use crate::sides::{Side, Sides};

/// Compares two whole answers, gives each difference its verdict, counts, and keeps an example.
pub async fn compare_and_count(exchange: Exchange, upload: Option<Rc<Upload>>, old: Answer, new: Answer) {
    let state = Arc::clone(&exchange.worker.state);
    let case = Case {
        route: Arc::clone(&exchange.route),
        endpoint: Arc::clone(exchange.ticket.endpoint()),
        pair: Arc::new(Sides { old, new }),
    };
    let looked = {
        let case = case.clone();
        offload::run(&state, case.work_to_look(), move || case.look()).await
    };
    if let Some(cap) = looked.capped {
        state.caps.count(cap);
    }
    if second_opinion::is_sampled(&exchange, upload.is_none()) {
        let seen = looked.judged.differences.iter().filter(|d| is_visible(d));
        Box::pin(sample(&exchange, &case, seen.cloned().collect())).await;
    }
    let judged = match looked.outcome {
        Compared::Match => return exchange.ticket.close(Outcome::Match),
        Compared::Ignored => looked.judged,
        // In a box of its own, as below: each request's task would have to be as large as this rare part.
        Compared::Mismatch => Box::pin(judge(&exchange, upload.is_none(), &case, looked.judged)).await,
    };
    Box::pin(count(exchange, upload, case, judged)).await;
}

/// What a thread needs to look at a pair.
#[derive(Clone)]
struct Case {
    route: Arc<Route>,
    endpoint: Arc<Endpoint>,
    pair: Arc<Sides<Answer>>,
}

/// Differences, with one verdict for each.
struct Judged {
    differences: Vec<Difference>,
    verdicts: Vec<Verdict>,
}

struct Looked {
    outcome: Compared,
    capped: Option<Cap>,
    judged: Judged,
}

impl Case {
    fn rules(&self) -> &Rules {
        &self.route.rules
    }

    fn books(&self) -> &Differences {
        &self.endpoint.differences
    }

    /// One of the sample: old was asked again. Counts which of the two other answers differs from old's first one where the other does not; where both
    /// differ, or neither does, that says nothing about new. `seen` is where new differs.
    fn count_sampled(&self, again: &Answer, seen: Vec<Difference>) {
        let Sides { old, new } = &*self.pair;
        let from_old = Sides {
            old: self.visible(old, again),
            new: seen,
        };
        let beyond = |side: Side, from: &Answer, to: &Answer| {
            from_old[side].iter().any(|d| {
                !is_excused(d, &from_old[side.other()])
                    || is_text(d)
                        && text_beyond_noise(self.rules(), &old.as_compared(), &from.as_compared(), &to.as_compared())
                            .is_some()
            })
        };
        let only = Sides {
            old: beyond(Side::Old, new, again),
            new: beyond(Side::New, again, new),
        };
        self.endpoint.sampled.count(&if only.old == only.new {
            let differ = !from_old.old.is_empty() || !from_old.new.is_empty();
            Sides {
                old: differ,
                new: differ,
            }
        } else {
            only
        });
    }

    /// Where one answer differs from another, but for what rules hide.
    fn visible(&self, from: &Answer, to: &Answer) -> Vec<Difference> {
        let found = compare(self.rules(), &from.as_compared(), &to.as_compared()).differences;
        found.into_iter().filter(is_visible).collect()
    }

    fn work(&self) -> Work {
        Work::default().answer(&self.pair.old).answer(&self.pair.new)
    }

    fn work_to_look(&self) -> Work {
        let Sides { old, new } = &*self.pair;
        Work::of_two((&old.head, &old.body), (&new.head, &new.body))
    }

    /// Compares, and knows of each difference what has been learned.
    fn look(&self) -> Looked {
        let comparison = compare(self.rules(), &self.pair.old.as_compared(), &self.pair.new.as_compared());
        let (outcome, capped) = (comparison.outcome(), comparison.capped);
        let differences = comparison.differences;
        let learned = self.books().learned(&differences);
        let by_learning = |(difference, learned): (&Difference, &bool)| match (&difference.rule, learned) {
            (Some(_), _) => Verdict::Ignored,
            (None, true) => Verdict::Noise,
            (None, false) => Verdict::Unconfirmed,
        };
        let verdicts = differences.iter().zip(&learned).map(by_learning).collect();
        Looked {
            outcome,
            capped,
            judged: Judged { differences, verdicts },
        }
    }

    /// Learns from the second answers, and gives each difference its verdict by them.
    fn weigh(&self, second: &Sides<Answer>, mut differences: Vec<Difference>) -> Judged {
        let rules = self.rules();
        let Sides { old, new } = &*self.pair;
        let varied = self.visible(old, &second.old);
        let still = self.visible(&second.old, &second.new);
        let seen: Vec<Difference> = differences.iter().filter(|d| is_visible(d)).cloned().collect();
        self.books().learn(&varied, &seen);
        let mut verdicts = second_opinion::verdicts(&differences, &varied, &still);
        for (difference, verdict) in differences.iter_mut().zip(&mut verdicts) {
            if is_text(difference) && *verdict == Verdict::Noise {
                let beyond = |from: &Answer, other: &Answer, to: &Answer| {
                    text_beyond_noise(rules, &from.as_compared(), &other.as_compared(), &to.as_compared())
                };
                if let Some(found) = beyond(old, &second.old, new) {
                    let stable = beyond(&second.old, old, &second.new).is_some();
                    *verdict = if stable { Verdict::Confirmed } else { Verdict::Race };
                    (difference.old, difference.new) = (found.old, found.new);
                }
            }
        }
        Judged { differences, verdicts }
    }
}

/// Of a pair taken at random, asks old again, and counts which side differs.
async fn sample(exchange: &Exchange, case: &Case, seen: Vec<Difference>) {
    let Some(again) = second_opinion::ask_side(exchange, Side::Old).await else {
        return;
    };
    let (case, work) = (case.clone(), case.work().answer(&again));
    offload::run(&exchange.worker.state, work, move || {
        case.count_sampled(&again, seen);
    })
    .await;
}

/// Asks again where that may tell more than what is known.
async fn judge(exchange: &Exchange, bodyless: bool, case: &Case, known: Judged) -> Judged {
    // Noise somewhere in a text says little about the rest of it: only its lines tell, so they are looked at each time.
    let nothing_new = !known.verdicts.contains(&Verdict::Unconfirmed) && !known.differences.iter().any(is_text);
    if !exchange.head.is_safe() || !bodyless || (nothing_new && !second_opinion::refresh()) {
        return known;
    }
    let Some(second) = second_opinion::ask(exchange).await else {
        return known;
    };
    let work = case.work().answer(&second.old).answer(&second.new);
    let case = case.clone();
    offload::run(&exchange.worker.state, work, move || {
        case.weigh(&second, known.differences)
    })
    .await
}

/// No rule hides it.
fn is_visible(difference: &Difference) -> bool {
    difference.rule.is_none()
}

fn is_text(difference: &Difference) -> bool {
    difference.kind == Kind::Text && is_visible(difference)
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

async fn count(exchange: Exchange, upload: Option<Rc<Upload>>, case: Case, judged: Judged) {
    let state = &exchange.worker.state;
    let Judged { differences, verdicts } = judged;
    let outcome = outcome_of(&verdicts);
    let mut wanted = false;
    for (difference, verdict) in differences.iter().zip(&verdicts) {
        match case.books().count(difference, *verdict) {
            Some(first) => wanted |= first,
            None => {
                state.caps.signatures.fetch_add(1, Relaxed);
            }
        }
    }
    if wanted || state.records.admits(outcome == Outcome::Mismatch) {
        let draft = Draft::of(&exchange, upload.as_deref(), outcome);
        let work = draft.work(case.work());
        let write = move || draft.of_pair(&case.pair, differences, &verdicts);
        state.records.push(offload::run(state, work, write).await);
    }
    exchange.ticket.close(outcome);
}
