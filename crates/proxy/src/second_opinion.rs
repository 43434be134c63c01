//! Asking both sides again, to tell a stable difference from noise and from a race.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use parallelrun_compare::{Difference, Kind};

use crate::answer::{Answer, Answered};
use crate::body::Sent;
use crate::budget::Permit;
use crate::capture::Capture;
use crate::copying::ReqBody;
use crate::differences::Verdict;
use crate::excuse::is_excused;
use crate::flow::Exchange;
use crate::serving::{begin, Begun};
use crate::sides::{Side, Sides};

/// Of the pairs that learned noise explains, one in so many is asked again all the same: what was learned must be able
/// to fade.
const REFRESH_ONE_IN: u32 = 16;

pub fn refresh() -> bool {
    fastrand::u32(0..REFRESH_ONE_IN) == 0
}

/// Asks both sides once more, a moment later. None when that is one question too many, or when a side does not answer.
pub async fn ask(exchange: &Exchange) -> Option<Sides<Answer>> {
    let state = &exchange.worker.state;
    let counts = &state.second_opinions;
    let limits = &exchange.snapshot.limits;
    let permit = Permit::of(&state.shadows, limits.shadows, &state.memory);
    if permit.is_none() || state.is_draining() || !counts.bucket.take(limits.second_opinions_per_s) {
        counts.skipped.fetch_add(1, Relaxed);
        return None;
    }
    counts.asked.fetch_add(1, Relaxed);
    // Not in step with whatever made the first answers differ, nor all at once after a bad deployment.
    tokio::time::sleep(Duration::from_millis(fastrand::u64(5..50))).await;
    let (old, new) = tokio::join!(ask_side(exchange, Side::Old), ask_side(exchange, Side::New));
    Some(Sides { old: old?, new: new? })
}

/// True for a few pairs, chosen without a look at what they say.
pub fn is_sampled(exchange: &Exchange, bodyless: bool) -> bool {
    /// Spreads the sample over the second, for the price of a random number.
    const ONE_IN: u32 = 4;
    let state = &exchange.worker.state;
    let rate = exchange.snapshot.limits.sampled_per_s;
    let eligible = rate > 0 && bodyless && exchange.head.is_safe() && !state.is_draining();
    eligible && fastrand::u32(0..ONE_IN) == 0 && state.sampling.take(rate)
}

pub async fn ask_side(exchange: &Exchange, side: Side) -> Option<Answer> {
    let pool = exchange.worker.pool(&exchange.snapshot, side);
    let limits = &exchange.snapshot.limits;
    let sent = Sent::now();
    let asked = async {
        let Begun { head, mut body } = begin(pool.send(&exchange.head, true, ReqBody::Empty).await.ok()?, sent);
        let memory = exchange.worker.state.memory.share();
        let mut capture = Capture::new(limits.body_bytes, memory, &head.headers);
        body.read_into(&mut capture).await.ok()?;
        match capture.finish(head) {
            Answered::Whole(answer) => Some(answer),
            Answered::Left(_) | Answered::Failed { .. } | Answered::Unfinished => None,
        }
    };
    tokio::time::timeout(Duration::from_millis(limits.shadow_ms), asked)
        .await
        .ok()?
}

/// The verdict on each difference: `varied` is where old differs from its first answer, `still` where the second answers
/// differ from each other.
pub fn verdicts(differences: &[Difference], varied: &[Difference], still: &[Difference]) -> Vec<Verdict> {
    let place = |d: &Difference| -> (String, Kind) { (d.location.clone(), d.kind) };
    differences
        .iter()
        .map(|difference| {
            if difference.rule.is_some() {
                Verdict::Ignored
            } else if is_excused(difference, varied) {
                Verdict::Noise
            } else if still.iter().any(|s| place(s) == place(difference)) {
                Verdict::Confirmed
            } else {
                Verdict::Race
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(location: &str) -> Difference {
        Difference {
            location: location.into(),
            kind: Kind::Value,
            old: None,
            new: None,
            names_only: false,
            rule: None,
        }
    }

    #[test]
    fn noise_race_and_a_stable_difference_are_told_apart() {
        let mut hidden = at("$.hidden");
        hidden.rule = Some("rule".into());
        let differences = [at("$.ts"), at("$.total"), at("$.stock"), hidden];
        let verdicts = verdicts(&differences, &[at("$.ts")], &[at("$.ts"), at("$.total")]);
        assert_eq!(
            verdicts,
            [Verdict::Noise, Verdict::Confirmed, Verdict::Race, Verdict::Ignored]
        );
    }
}
