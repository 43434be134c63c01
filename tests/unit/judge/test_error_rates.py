"""Looked at all the time, the tests go wrong as rarely as they promise, and are as quick as was measured before.

Everything is drawn from one seed. The expected figures come from the reference simulation; a median of a few hundred
runs is some per cent off.
"""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parallelrun.config.rollout import Gate
from parallelrun.judge import JudgeState, judge
from parallelrun.judge.bake import log_r, log_sr, rate_batch
from parallelrun.judge.beta import log_e_above, log_e_below
from parallelrun.judge.bets import SplitCounts, log_e_below_tolerance, log_e_paired_above, log_e_split_above
from parallelrun.judge.mcnemar import log_e_mcnemar
from tests.unit.judge.given import counts, look

Array = NDArray[Any]
ENOUGH = math.log(20)
RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    """Each test draws the same, whichever run before it."""
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def arrivals(rate: float, runs: int, events: int) -> Array:
    """When the events of a stream come: numbers of requests, from 1."""
    return np.cumsum(RNG.geometric(rate, (runs, events)), axis=1)


def first(hits: Array, when: Array) -> Array:
    """For each run, when it was first over the threshold; infinite if never."""
    reached = hits.any(axis=1)
    found = np.take_along_axis(when, hits.argmax(axis=1)[:, None], axis=1)[:, 0].astype(float)
    return np.where(reached, found, np.inf)


def paired_stops(noise: float, new: float, runs: int, events: int) -> Array:
    """When the McNemar test alarms, looked at after each pair in which the sides disagree."""
    new_only, old_only = new * (1 - noise), noise * (1 - new)
    when = arrivals(new_only + old_only, runs, events)
    b = np.cumsum(RNG.random((runs, events)) < new_only / (new_only + old_only), axis=1)
    c = np.arange(1, events + 1) - b
    return first(log_e_mcnemar(b, c) >= ENOUGH, when)


def test_mcnemar_seldom_alarms_without_a_cause() -> None:
    stops = paired_stops(0.01, 0.01, 1500, 450)
    assert 0.01 < np.mean(stops <= 20_000) < 0.05  # 0.028 measured; a test that never alarms would be no test


@pytest.mark.parametrize(
    ("noise", "new", "expected"), [(0.01, 0.02, 1807), (0.01, 0.05, 218), (0.0, 0.001, 6619), (0.0, 0.01, 660)]
)
def test_how_soon_mcnemar_sees_it(noise: float, new: float, expected: int) -> None:
    assert np.median(paired_stops(noise, new, 1500, 120)) == pytest.approx(expected, rel=0.1)


def single_stops(rate: float, runs: int, events: int) -> Array:
    when = arrivals(rate, runs, events)
    return first(log_e_above(np.arange(1, events + 1), when, 0.001) >= ENOUGH, when)


def test_the_rate_seldom_alarms_without_a_cause() -> None:
    stops = single_stops(0.001, 2000, 90)
    assert 0.005 < np.mean(stops <= 50_000) < 0.05  # 0.018 measured


@pytest.mark.parametrize(("rate", "expected"), [(0.005, 832), (0.01, 253), (0.05, 34)])
def test_how_soon_the_rate_is_seen(rate: float, expected: int) -> None:
    assert np.median(single_stops(rate, 2000, 40)) == pytest.approx(expected, rel=0.1)


def test_a_rate_at_the_budget_is_seldom_called_within_it() -> None:
    looks = np.arange(20, 20_001, 20)
    s = np.cumsum(RNG.binomial(20, 0.01, (600, len(looks))), axis=1)
    wrong = (log_e_below(s, looks, 0.01) >= ENOUGH).any(axis=1).mean()
    assert 0.02 < wrong < 0.065  # 0.048 measured; nominal 0.05, and 600 runs


def test_an_excess_at_the_budget_is_seldom_called_within_it() -> None:
    """Pairs and split traffic together, with noise, the new side's excess exactly at the tolerance."""
    looks, runs, size, share = 200, 300, 50, 0.25
    pairs = RNG.multinomial(size, [0.015, 0.005, 0.98], (runs, looks)).cumsum(axis=1)
    new = RNG.binomial(RNG.binomial(size, share, (runs, looks)), 0.02)
    old = RNG.binomial(RNG.binomial(size, 1 - share, (runs, looks)), 0.01)
    n = size * np.arange(1, looks + 1)
    b, c = pairs[..., 0], pairs[..., 1]
    failed: list[Array] = [each.cumsum(axis=1)[..., None] for each in (new, old)]
    split = SplitCounts(share, failed[0], failed[1], (n[:, None] - failed[0] - failed[1]).astype(float))
    wrong = (log_e_below_tolerance(b, c, n, 0.01, [split]) >= ENOUGH).any(axis=1).mean()
    assert wrong < 0.05


def bet_stops(noise: float, new: float, runs: int, requests: int, each: int) -> Array:
    cells = [new * (1 - noise), noise * (1 - new), 0.0]
    cells[2] = 1 - sum(cells)
    drawn = RNG.multinomial(each, cells, (runs, requests // each)).cumsum(axis=1)
    n = each * np.arange(1, requests // each + 1)
    hits = log_e_paired_above(drawn[..., 0], drawn[..., 1], n, 0.005) >= ENOUGH
    return first(hits, np.broadcast_to(n, hits.shape))


def test_noise_is_not_held_against_the_new_side() -> None:
    assert np.mean(np.isfinite(bet_stops(0.01, 0.015, 300, 20_000, 40))) < 0.05  # 0.025 measured


@pytest.mark.parametrize(("new", "expected"), [(0.03, 900), (0.06, 180)])
def test_how_soon_bets_see_more_than_noise(new: float, expected: int) -> None:
    """An eighth of the weight is on smaller bets than the reference has, which costs a little here."""
    assert np.median(bet_stops(0.01, new, 500, 4000, 4)) == pytest.approx(expected, rel=0.2)


def split_stops(ratio: float, runs: int, *, excess: float = 0.0, tolerance: float = 0.0) -> Array:
    """Weights 10, 25, 50 %; the base rate drifts between 0.1 and 0.6 %; looked at every 50 requests."""
    n, each = 60_000, 50
    t = np.arange(each / 2, n, each)
    base = 0.001 + 0.0025 * (1 + np.sin(t / 9000))
    share = np.repeat([0.1, 0.25, 0.5], len(t) // 3)
    to_new = RNG.binomial(each, share, (runs, len(t)))
    new, old = RNG.binomial(to_new, base * ratio + excess), RNG.binomial(each - to_new, base)
    parts = []
    for one in (0.1, 0.25, 0.5):
        seen = [np.cumsum(np.where(share == one, x, 0), axis=1)[..., None] for x in (new, old, each - new - old)]
        parts.append(SplitCounts(one, *seen))
    hits = log_e_split_above(parts, tolerance) >= ENOUGH
    return first(hits, np.broadcast_to(t + each / 2, hits.shape))


def test_a_drifting_base_rate_seldom_alarms() -> None:
    assert np.mean(np.isfinite(split_stops(1, 150))) < 0.08  # 0.030 measured, and 150 runs
    assert np.mean(np.isfinite(split_stops(1, 150, excess=0.001, tolerance=0.001))) < 0.08


@pytest.mark.parametrize(("ratio", "expected"), [(2, 20_331), (3, 7236), (5, 2499)])
def test_how_soon_failures_on_split_traffic_are_seen(ratio: float, expected: int) -> None:
    assert np.median(split_stops(ratio, 120)) == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize(("shift", "expected"), [(1.1, 5412), (1.2, 1192), (1.5, 202), (2.0, 62)])
def test_how_soon_a_slower_version_is_seen(shift: float, expected: int) -> None:
    """Log-normal latencies of both sides with correlation 0.7; slow is above the old side's 99 % quantile."""
    runs, n = 150, int(expected * 5)
    common = RNG.standard_normal((runs, n), np.float32)
    new, old = (0.7 * common + math.sqrt(0.51) * RNG.standard_normal((runs, n), np.float32) for _ in range(2))
    limit = 2.3263
    slow_new, slow_old = new + math.log(shift) / 0.6 > limit, old > limit
    b, c = (np.cumsum(x, axis=1) for x in (slow_new & ~slow_old, slow_old & ~slow_new))
    look = np.arange(0, n, max(1, expected // 50))
    hits = log_e_mcnemar(b[:, look], c[:, look]) >= ENOUGH
    assert np.median(first(hits, np.broadcast_to(look + 1, hits.shape))) == pytest.approx(expected, rel=0.15)


def test_the_whole_seldom_rolls_back_versions_at_their_budget() -> None:
    """Five endpoints of different size, each exactly at the budget of mismatches."""
    sizes, looks, rolled_back = np.array([2000, 700, 200, 50, 5]), 10, 0
    for _ in range(40):
        s = RNG.binomial(sizes, 0.001, (looks, 5)).cumsum(axis=0)
        state = JudgeState()
        for number in range(looks):
            seen = [counts(f"GET /{e}", int(sizes[e]) * (number + 1), int(s[number, e])) for e in range(5)]
            found, state = judge(look(*seen, after_s=60 * number), state, Gate())
        rolled_back += found.kind == "roll_back"
    assert rolled_back / 40 <= 0.05


def detector_run(rates: Array, each: int, level: float) -> float:
    """Requests until the detector of 0.2 % alarms, fed in batches; infinite if it does not."""
    state = np.zeros(12)
    for tick, s in enumerate(RNG.binomial(each, rates)):
        state = log_sr(state, rate_batch(float(s), float(each), 0.002))
        if log_r(state) >= math.log(level):
            return float(each * (tick + 1))
    return math.inf


def test_the_detector_sees_a_change_after_a_long_good_time() -> None:
    each, before = 5, 2000
    rates = np.concatenate([np.full(before // each, 0.002), np.full(300, 0.01)])
    stops = np.array([detector_run(rates, each, 10_000) for _ in range(80)])
    assert np.median(stops[stops > before]) - before == pytest.approx(352, rel=0.2)


def test_the_detector_seldom_alarms_without_a_change() -> None:
    stops = np.array([detector_run(np.full(100, 0.002), 200, 10_000) for _ in range(40)])
    assert (
        np.mean(np.isfinite(stops)) < 0.5
    )  # within 20,000 requests; a false alarm is due after 10,000 at the earliest
