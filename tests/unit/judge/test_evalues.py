"""The e-values against the references' formulas, and what has to hold for any counts."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc, betaln

from parallelrun.judge.beta import log_e_above, log_e_below
from parallelrun.judge.bets import (
    ABOVE_WEIGHTS,
    BELOW_WEIGHTS,
    SplitCounts,
    log_e_below_tolerance,
    log_e_paired_above,
    log_e_split_above,
)
from parallelrun.judge.mcnemar import log_e_mcnemar
from parallelrun.judge.special import log_beta_above, log_beta_below
from tests.unit.judge import oracle

counts = st.integers(0, 300)
large = st.integers(0, 10**9)
bounds = st.sampled_from([1e-6, 1e-4, 1e-3, 0.01, 0.2, 0.5, 0.9, 0.999999])


@given(counts, counts)
def test_mcnemar_is_the_formula(b: int, c: int) -> None:
    assert log_e_mcnemar(b, c) == pytest.approx(oracle.mcnemar(b, c), abs=1e-8)


@given(counts, counts, st.sampled_from([1e-4, 1e-3, 0.01, 0.1]))
def test_above_is_the_formula(s: int, more: int, bound: float) -> None:
    assert log_e_above(s, s + more, bound) == pytest.approx(oracle.above(s, s + more, bound), abs=1e-7)


@given(counts, st.integers(0, 30_000), st.sampled_from([1e-4, 1e-3, 0.01, 0.1]))
def test_below_is_the_formula(s: int, more: int, bound: float) -> None:
    shape = 0.5 * (1 - bound / 10) / (bound / 10)
    if betainc(0.5 + s, shape + more, bound) > 1e-290:  # below, the reference's formula stops at its floor
        assert log_e_below(s, s + more, bound) == pytest.approx(oracle.below(s, s + more, bound), abs=1e-7)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.25, 0.5])), min_size=1, max_size=60))
def test_split_is_the_formula(errors: list[tuple[bool, float]]) -> None:
    parts = [
        SplitCounts(share, errors.count((True, share)), errors.count((False, share)), others=1000)
        for share in (0.1, 0.25, 0.5)
    ]
    expected = oracle.split([new for new, _ in errors], [share for _, share in errors])[-1]
    assert log_e_split_above(parts, 0.0) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.sampled_from([-1, 0, 0, 0, 1]), min_size=1, max_size=80), st.sampled_from([0.0, 0.001, 0.2]))
def test_bets_are_the_formula(outcomes: list[int], tolerance: float) -> None:
    shares = np.linspace(0.02, 0.9, 24)
    found = log_e_paired_above(
        outcomes.count(1),
        outcomes.count(-1),
        len(outcomes),
        tolerance,
        bets=shares,
        weights=np.full(24, 1 / 24),
    )
    assert found == pytest.approx(oracle.bet(outcomes, tolerance, shares / (1 + tolerance))[-1], abs=1e-9)


def test_mcnemar_is_the_bet_with_a_uniform_share() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(64)
    for b, c in ((0, 0), (5, 0), (30, 12), (3, 20)):
        found = log_e_paired_above(b, c, b + c, 0.0, bets=(nodes + 1) / 2, weights=weights / 2)
        assert found == pytest.approx(log_e_mcnemar(b, c), abs=1e-9)


def test_the_weights_of_bets_sum_to_one() -> None:
    assert ABOVE_WEIGHTS.sum() == pytest.approx(1)
    assert BELOW_WEIGHTS.sum() == pytest.approx(1)


@given(large, large, bounds)
def test_any_counts_have_a_finite_evalue(some: int, others: int, bound: float) -> None:
    n = some + others
    for value in (
        log_e_mcnemar(some, others),
        log_e_above(some, n, bound),
        log_e_below(some, n, bound),
        log_e_paired_above(some, others // 2, n, bound),
        log_e_below_tolerance(some, others // 2, n, bound, [SplitCounts(0.1, some, some // 2, others)]),
        log_e_split_above([SplitCounts(bound, some, some // 2, others)], bound),
    ):
        assert math.isfinite(value)


@pytest.mark.parametrize("bound", [1e-6, 1e-3, 0.5])
@pytest.mark.parametrize("n", [1, 10**3, 10**6, 10**9])
def test_extremes(n: int, bound: float) -> None:
    assert log_e_above(0, n, bound) <= 0 <= log_e_above(n, n, bound)
    assert log_e_below(n, n, bound) <= 0 <= log_e_below(0, n, bound)
    assert log_e_mcnemar(n, 0) > 0 > log_e_mcnemar(0, n)


@pytest.mark.parametrize(("a", "b", "x"), [(0.5, 1e9, 1e-3), (1e9, 0.5, 0.5), (1e9, 1e9, 0.49), (300.5, 4e4, 1e-3)])
def test_tails_that_underflow_are_continuous(a: float, b: float, x: float) -> None:
    """d/dx of the distribution function is the density, also where both are far below the least double."""
    below = log_beta_below(a, b, x)
    step = x * 1e-9 / max(1.0, a / 1e6)
    slope = (log_beta_below(a, b, x + step) - log_beta_below(a, b, x - step)) / (2 * step)
    density = (a - 1) * math.log(x) + (b - 1) * math.log1p(-x) - float(betaln(a, b))
    if below < -700:
        assert math.log(slope) + below == pytest.approx(density, abs=0.01)
    assert log_beta_above(b, a, 1 - x) == pytest.approx(below, rel=1e-6)


@given(st.integers(0, 200), st.integers(1, 10**6), st.sampled_from([1e-4, 1e-3, 0.1]))
def test_one_more_event_speaks_for_going_back(s: int, more: int, bound: float) -> None:
    n = s + more
    assert log_e_above(s + 1, n, bound) >= log_e_above(s, n, bound) - 1e-6
    assert log_e_below(s + 1, n, bound) <= log_e_below(s, n, bound) + 1e-6
    assert log_e_mcnemar(s + 1, more) >= log_e_mcnemar(s, more) - 1e-6
    assert log_e_mcnemar(s, more + 1) <= log_e_mcnemar(s, more) + 1e-6
    assert log_e_paired_above(s + 1, 3, n + 4, bound) >= log_e_paired_above(s, 3, n + 4, bound)
    assert log_e_paired_above(s, 4, n + 4, bound) <= log_e_paired_above(s, 3, n + 4, bound)
    assert log_e_below_tolerance(s + 1, 3, n + 4, bound) <= log_e_below_tolerance(s, 3, n + 4, bound)


def test_one_more_failure_on_split_traffic() -> None:
    values = [float(log_e_split_above([SplitCounts(0.1, x, 20, 10_000)], 1e-3)) for x in range(30)]
    assert all(low < high for low, high in pairwise(values))
    values = [float(log_e_split_above([SplitCounts(0.1, 20, x, 10_000)], 1e-3)) for x in range(30)]
    assert all(low > high for low, high in pairwise(values))


def test_traffic_that_only_one_side_gets_compares_nothing() -> None:
    assert log_e_split_above([SplitCounts(1.0, 50, 0, 100), SplitCounts(0.0, 0, 50, 100)], 1e-3) == pytest.approx(0)


@pytest.mark.parametrize(
    ("bound", "mismatches", "expected"), [(0.001, 0, 3.24), (0.001, 1, 6.6), (0.001, 5, 15.4), (0.01, 0, 3.24)]
)
def test_what_a_proof_takes(bound: float, mismatches: int, expected: float) -> None:
    """As measured: 3.24 / budget answers without a mismatch, 6.6 / budget with one, 15.4 / budget with five."""
    n = np.arange(int(20 / bound))
    first = int(np.argmax(log_e_below(mismatches, np.maximum(n, mismatches), bound) >= math.log(20)))
    assert first * bound == pytest.approx(expected, rel=0.02)


def test_what_a_proof_takes_on_pairs_and_on_split_traffic() -> None:
    n = np.arange(10_000)
    paired = int(np.argmax(log_e_below_tolerance(0, 0, n, 0.001) >= math.log(20)))
    assert 3_000 < paired < 3_600
    split = [SplitCounts(0.1, 0, 0, 10 * paired)]
    assert log_e_below_tolerance(0, 0, 0, 0.001, split) == pytest.approx(math.log(20), abs=0.01)
