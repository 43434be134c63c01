"""The four verdicts: when each is given, what it says, and what never happens."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelrun.config.rollout import Gate, Slower
from parallelrun.judge import EndpointCounts, JudgeState, Latency, Look, Split, Stable, Verdict, judge
from tests.unit.judge.given import counts, look, paired, some_looks

GATE = Gate()


def verdict(*looks: Look, gate: Gate = GATE) -> Verdict:
    """The verdict on the last of several looks."""
    state = JudgeState()
    for each in looks:
        found, state = judge(each, state, gate)
    return found


def test_what_is_proved_advances() -> None:
    found = verdict(look(counts("GET /a", 2000), counts("GET /b", 1600)))
    assert found.kind == "advance"
    assert found.reason == (
        "Proved at 95% confidence, each within its budget: 0 of 3,600 answers differ (0%, budget 0.1%); no more "
        "failures in 3,600 answers (0%, budget 0.1%); 0 of 3,600 answers were slower than 1.5 times the old "
        "version's 99% quantile (0%, budget 1%)."
    )
    assert all(each.proved and each.more is None for each in found.proofs)


def test_too_little_evidence_holds_and_says_how_much_more() -> None:
    found = verdict(look(counts("GET /a", 1000)))
    assert found.kind == "hold"
    assert found.more_requests is not None
    assert found.eta_s == pytest.approx(found.more_requests / 10)
    assert f"About {found.more_requests:,} more answers (in about 4 min at the present rate) prove" in found.reason
    assert verdict(look(counts("GET /a", 1000 + found.more_requests))).kind == "advance"
    assert verdict(look(counts("GET /a", 1000 + found.more_requests * 98 // 100))).kind == "hold"


def test_the_eta_counts_only_what_is_compared() -> None:
    whole = verdict(look(counts("GET /a", 1000)))
    half = verdict(look(counts("GET /a", 1000, requests=2000)))
    assert whole.eta_s is not None
    assert half.eta_s == pytest.approx(2 * whole.eta_s)


def test_no_evidence_never_advances() -> None:
    found = verdict(look(after_s=1))
    assert found.kind == "hold"
    assert (
        found.reason
        == "Nothing has been counted yet for `mismatch`, so nothing is proved. It takes at least 3,355 answers."
    )
    assert found.eta_s is None


@given(some_looks())
@settings(max_examples=60, deadline=None)
def test_only_proof_of_every_metric_advances(seen: Look) -> None:
    found = verdict(seen)
    if found.kind == "advance":
        assert all(each.proved and each.log_e_within >= math.log(20) for each in found.proofs)
        assert all(each.of for each in found.proofs)
        assert not seen.stable
        assert seen.missing is None


@given(some_looks(), some_looks())
@settings(max_examples=60, deadline=None)
def test_the_same_evidence_gives_the_same_verdict(one: Look, two: Look) -> None:
    """Also from a state that was written down and read again."""
    _, state = judge(one, JudgeState(), GATE)
    again = JudgeState.model_validate_json(state.model_dump_json())
    assert again == state
    assert judge(two, again, GATE) == judge(two, state, GATE)
    found, _ = judge(two, state, GATE)
    assert Verdict.model_validate_json(found.model_dump_json()) == found
    assert found.log_e_peak >= found.log_e


def test_mismatches_at_one_endpoint_roll_back_and_name_it() -> None:
    found = verdict(look(counts("GET /a", 3000), counts("GET /b", 400, mismatches=8)))
    assert found.kind == "roll_back"
    assert found.reason.startswith(
        "GET /b: 8 of 400 answers differ (2%, budget 0.1%). Were the new version within budget,"
    )
    assert [(each.metric, each.endpoint) for each in found.culprits] == [("mismatch", "GET /b")]


def test_failures_roll_back() -> None:
    found = verdict(look(counts("GET /a", 500, failures=14)))
    assert found.kind == "roll_back"
    assert found.reason.startswith("GET /a: 14 more failures than the old version in 500 answers (2.8%, budget 0.1%).")


def test_failures_that_the_old_side_has_as_well_do_not() -> None:
    shared = counts("GET /a", 5000).model_copy(update={"failures": paired(5000, 50, 50, 200)})
    assert verdict(look(shared)).kind == "hold"


def test_failures_while_serving_roll_back_though_copies_go_well() -> None:
    split = Split(share=100_000, new_requests=1000, new_failures=40, old_requests=9000, old_failures=20)
    found = verdict(look(counts("GET /a", 5000, requests=15_000, split=(split,))))
    assert found.kind == "roll_back"
    assert found.culprits[0].metric == "failures"


def test_a_slower_version_rolls_back() -> None:
    found = verdict(look(counts("GET /a", 500, slow=40)))
    assert found.kind == "roll_back"
    assert "40 of 500 answers were slower than 1.5 times the old version's 99% quantile (8%, budget 1%)" in found.reason


def test_slow_answers_within_the_quantile_do_not_roll_back() -> None:
    """Far more than of the old side, of which there are none, but fewer than a quantile allows."""
    latency = Latency(old_limit_ms=100, new_limit_ms=150, pairs=paired(20_000, new_only=60))
    assert verdict(look(counts("GET /a", 20_000, latency=latency))).kind == "advance"


def test_a_ratio_of_one_asks_for_a_faster_version() -> None:
    gate = Gate(slower=Slower(ratio=1))
    same = Latency(old_limit_ms=100, new_limit_ms=100, pairs=paired(10_000, 50, 50, 50))
    found = verdict(look(counts("GET /a", 10_000, latency=same)), gate=gate)
    assert found.kind == "hold"
    assert "At this rate no number of answers proves" in found.reason


def test_what_is_never_proved_at_this_rate_says_when_it_is_enough_to_go_back() -> None:
    found = verdict(look(counts("GET /a", 2000, mismatches=4)))
    assert found.kind == "hold"
    assert "At this rate no number of answers proves" in found.reason
    assert found.back_s is not None
    later = round(found.back_s * 10)
    assert verdict(look(counts("GET /a", 2000 + later, mismatches=round(4 + later * 0.002)))).kind == "roll_back"
    half = later // 2
    assert verdict(look(counts("GET /a", 2000 + half, mismatches=round(4 + half * 0.002)))).kind == "hold"


def test_one_bad_endpoint_among_good_ones_says_when_it_is_enough_to_go_back() -> None:
    def after(more: int) -> Verdict:
        return verdict(
            look(counts("GET /a", 1000 + more, mismatches=3 + math.ceil(more * 0.003)), counts("GET /b", 1000 + more))
        )

    found = after(0)
    assert found.back_s is not None
    later = round(found.back_s * 5)
    assert after(later).kind == "roll_back"
    assert after(later // 2).kind == "hold"


def test_what_is_at_its_budget_is_never_enough_to_go_back_either() -> None:
    found = verdict(look(counts("GET /a", 4000, mismatches=4)))
    assert (found.kind, found.back_s) == ("hold", None)
    assert found.more_requests == 9553
    assert "At this rate no number of answers proves" in found.reason
    assert verdict(look(counts("GET /a", 1000))).back_s is None, "it proves to be good"


def test_one_stable_difference_at_a_never_place_rolls_back() -> None:
    stable = Stable(signature="3f2a", endpoint="GET /a", location="$.total", count=2)
    found = verdict(look(counts("GET /a", 50_000), stable=(stable,)))
    assert found.kind == "roll_back"
    assert found.reason == (
        "$.total of GET /a differs and differed when asked again (in 2 pairs); `never` tolerates none there. "
        "Signature 3f2a."
    )


def test_noise_of_the_old_side_is_not_held_against_the_new_one() -> None:
    """1 % of the answers differ, but the old side differs from itself as often."""
    opinions = paired(20_000, 200, 200)
    noisy = counts("GET /a", 20_000, mismatches=200, second_opinions=opinions)
    assert verdict(look(noisy)).kind != "roll_back"
    assert verdict(look(counts("GET /a", 20_000, mismatches=200))).kind == "roll_back"
    more = counts("GET /a", 20_000, mismatches=600, second_opinions=paired(20_000, 600, 200))
    assert verdict(look(more)).kind == "roll_back"


def test_noise_over_the_budget_is_said_to_be_noise() -> None:
    found = verdict(look(counts("GET /a", 2000, mismatches=2000, second_opinions=paired(200, both=200))))
    assert found.kind == "hold"
    assert "2,000 of 2,000 answers differ (100%" in found.reason
    assert "The old version differs from itself as often, as far as it was asked again." in found.reason


def test_second_opinions_prove_what_noise_would_hide() -> None:
    opinions = paired(200_000, 100, 220)
    assert verdict(look(counts("GET /a", 200_000, mismatches=320, second_opinions=opinions))).kind == "advance"
    assert verdict(look(counts("GET /a", 200_000, mismatches=320))).kind == "roll_back"


def test_a_suspect_among_many_endpoints_holds() -> None:
    many = [counts(f"GET /{n:03}", 3000) for n in range(200)]
    found = verdict(look(*many, counts("GET /rare", 100, mismatches=3)))
    assert found.kind == "hold"
    assert found.endpoint == "GET /rare"
    assert found.reason.startswith("GET /rare: 3 of 100 answers differ (3%, budget 0.1%). That is strong by itself")
    assert found.more_requests is not None
    scale = (100 + found.more_requests) / 100
    later = counts("GET /rare", round(100 * scale), mismatches=math.ceil(3 * scale))
    assert verdict(look(*many, later)).kind == "roll_back"


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (look(counts("GET /a", 50_000), missing="the store does not answer"), "the store does not answer"),
        (look(), "no request has come for 10 min"),
        (look(EndpointCounts(endpoint="GET /a", requests=70), requests=70), "none of 70 requests was compared"),
    ],
)
def test_without_counts_to_trust_it_is_blind(seen: Look, reason: str) -> None:
    found = verdict(seen)
    assert found.kind == "blind"
    assert found.reason == f"No verdict: {reason}. The weight stays where it is until there is evidence again."


def test_counts_that_go_down_are_blind_until_a_new_epoch() -> None:
    before, after = look(counts("GET /a", 50_000)), look(counts("GET /a", 49_000), after_s=700)
    assert verdict(before, after).kind == "blind"
    assert "counts of GET /a went down" in verdict(before, after).reason
    assert verdict(before, look(after_s=700, requests=50_000)).kind == "blind"
    asked = counts("GET /a", 60_000, second_opinions=paired(100))
    assert verdict(before, look(asked, after_s=700)).kind == "blind"
    assert verdict(before, after.model_copy(update={"epoch": 2})).kind == "advance"


def test_what_was_proved_bad_stays_so_within_the_step() -> None:
    bad, diluted = look(counts("GET /a", 500, mismatches=8)), look(counts("GET /a", 90_000, mismatches=8), after_s=900)
    blind = diluted.model_copy(update={"missing": "the store does not answer"})
    assert verdict(diluted).kind == "advance"
    assert verdict(bad, diluted).kind == "roll_back"
    assert "at an earlier look" in verdict(bad, diluted).reason
    assert verdict(bad, blind).kind == "roll_back"
    assert verdict(bad, diluted.model_copy(update={"epoch": 2})).kind == "advance"
    _, state = judge(bad, JudgeState(), GATE)
    assert judge(diluted, state, Gate.model_validate({"mismatch": "2%"}))[0].kind == "advance"


def test_a_proof_has_to_hold_now() -> None:
    good, worse = look(counts("GET /a", 4000)), look(counts("GET /a", 6000, mismatches=8), after_s=900)
    assert verdict(good).kind == "advance"
    assert verdict(good, worse).kind == "hold"


def test_in_the_bake_a_late_change_is_seen_that_the_sum_would_hide() -> None:
    def at(n: int, mismatches: int) -> Look:
        return look(counts("GET /a", n, mismatches=mismatches), phase="baking", after_s=n / 100)

    good = [at(n, n // 5000) for n in range(10_000, 200_001, 10_000)]
    late = [at(200_000 + n, 40 + n // 50) for n in range(500, 3001, 500)]
    assert verdict(*good).kind == "advance"
    assert verdict(*good, *late).kind == "roll_back"
    stepping = [each.model_copy(update={"phase": "stepping"}) for each in (*good, *late)]
    assert verdict(*stepping).kind == "advance"


@given(st.integers(2, 20), st.integers(1, 3000))
@settings(max_examples=20, deadline=None)
def test_more_mismatches_never_make_a_better_verdict(few: int, n: int) -> None:
    better = ("advance", "hold", "roll_back")
    seen = [verdict(look(counts("GET /a", n + 60, mismatches=few + extra))) for extra in (0, 1, 5, 40)]
    assert [better.index(each.kind) for each in seen] == sorted(better.index(each.kind) for each in seen)
    assert [each.log_e for each in seen] == sorted(each.log_e for each in seen)
