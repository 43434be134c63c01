"""One alarm over many endpoints, and who is named."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.judge.combining import POOLED, combined, endpoint_weight, in_order, standing_out
from parallelrun.judge.verdict import METRICS, MetricName
from tests.unit.judge.given import counts, look

logs = st.floats(-1e9, 1e9)


def test_the_weights_sum_to_no_more_than_one() -> None:
    single = len(METRICS) * sum(endpoint_weight(place) for place in range(100_000))
    assert 0.48 < single < 1 - POOLED


@given(st.lists(logs, min_size=6, max_size=6), st.integers(0, 5), st.floats(0, 100))
def test_the_mean_lies_between_and_rises_with_each(values: list[float], which: int, more: float) -> None:
    places: list[tuple[MetricName, str | None]] = [(metric, each) for metric in METRICS for each in (None, "GET /")]
    found = combined(dict(zip(places, values, strict=True)), ["GET /"])
    assert found <= max(values) + 1e-9
    assert found >= min(values) + math.log(POOLED) - 1e-6 * abs(min(values))
    values[which] += more
    assert combined(dict(zip(places, values, strict=True)), ["GET /"]) >= found


def test_an_endpoint_keeps_its_place() -> None:
    first = in_order((), look(counts("GET /b", 10), counts("GET /a", 20), counts("GET /c", 10)))
    assert first == ("GET /a", "GET /b", "GET /c")
    then = in_order(first, look(counts("GET /new", 10**6), counts("GET /a", 20), counts("GET /b", 10**6)))
    assert then == (*first, "GET /new")


def test_those_that_stand_out_are_named_worst_first() -> None:
    """With alpha = 0.05 and m = 4: one needs e >= 80, two need 40 each, three 26.7 each."""
    e = {"a": 45.0, "b": 50.0, "c": 3.0, "d": 0.1}
    assert standing_out([(name, math.log(value)) for name, value in e.items()], 0.05) == ["b", "a"]
    assert standing_out([("a", math.log(79.0)), ("b", 0.0), ("c", 0.0), ("d", 0.0)], 0.05) == []
    assert standing_out([("a", math.log(81.0)), ("b", 0.0), ("c", 0.0), ("d", 0.0)], 0.05) == ["a"]
    assert standing_out([], 0.05) == []


def test_the_share_of_wrong_names_is_bounded() -> None:
    """Ten bad endpoints of 60; e-values of the good ones as heavy in the tail as e-values can be: P(E >= x) = 1 / x."""
    rng = np.random.default_rng(3)
    wrong = []
    for _ in range(2000):
        good = 0.5 / rng.random(50)
        named = standing_out([("good", math.log(e)) for e in good] + [("bad", math.log(400.0))] * 10, 0.05)
        wrong.append(named.count("good") / max(1, len(named)))
    assert np.mean(wrong) == pytest.approx(0.0, abs=0.05)
    assert np.mean(wrong) > 0
