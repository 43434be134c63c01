"""The change detector, fed in batches."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.judge.bake import log_r, log_sr, paired_batch, rate_batch
from tests.unit.judge import oracle

P0 = 0.002
RATES = P0 * np.exp(np.linspace(math.log(1.5), math.log(20), 12))
NOTHING = np.zeros(12)


def after(outcomes: list[bool], each: int) -> float:
    """ln R after the outcomes in batches of `each`."""
    levels = NOTHING
    for start in range(0, len(outcomes), each):
        batch = outcomes[start : start + each]
        levels = log_sr(levels, rate_batch(sum(batch), len(batch), P0))
    return log_r(levels)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_one_by_one_it_is_the_recursion(outcomes: list[bool]) -> None:
    exact = float(oracle.sr(outcomes, P0, RATES).mean())
    assert after(outcomes, 1) == pytest.approx(max(0.0, math.log(exact)), abs=1e-9)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(2, 60))
def test_a_batch_never_says_more_than_any_order_would(outcomes: list[bool], each: int) -> None:
    assert after(outcomes, each) <= after(outcomes, 1) + 1e-9
    worst = sorted(outcomes, reverse=True)
    assert after(outcomes, len(outcomes)) == pytest.approx(after(worst, 1), abs=1e-9)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from([0.0, 1e-6, 1e-3, 0.5]))
def test_any_batch_leaves_finite_levels(a: int, b: int, c: int, bound: float) -> None:
    batches = [paired_batch(a, b, a + b + c, bound)] + ([rate_batch(a, a + b, bound)] if bound else [])
    for batch in batches:
        levels = log_sr(log_sr(NOTHING, batch), batch)
        assert np.isfinite(levels).all()
        assert (levels >= -1e-9).all()
        assert math.isfinite(log_r(levels))


def test_without_a_change_it_grows_by_one_a_request_at_most() -> None:
    """E[R_n] = n at the bound itself: what bounds false alarms. R is heavy-tailed, so few steps and many runs."""
    rng = np.random.default_rng(5)
    n = 60
    found = [
        np.expm1(log_sr(NOTHING, rate_batch(float(s), float(n), 0.05))).mean() for s in rng.binomial(n, 0.05, 4000)
    ]
    assert np.mean(found) < n
    exact = [oracle.sr(rng.random(n) < 0.05, 0.05, np.array([0.06, 0.1])).mean() for _ in range(2000)]
    assert np.mean(exact) == pytest.approx(n, rel=0.15)
