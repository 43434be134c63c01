"""Reading and adding the core's counters."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from parallelrun.evidence.counters import Counters, EndpointCounts, Latency
from tests.support.fake_core import FakeCore

BUCKETS = st.dictionaries(st.integers(1, 10**8), st.integers(1, 1000), max_size=20).map(
    lambda counts: Latency(
        count=sum(counts.values()),
        sum_us=sum(bound * count for bound, count in counts.items()),
        buckets=tuple(sorted(counts.items())),
    )
)


@given(BUCKETS, BUCKETS)
def test_histograms_add_up(one: Latency, other: Latency) -> None:
    both = one + other
    assert both == other + one
    assert both.count == one.count + other.count == sum(count for _, count in both.buckets)
    assert [bound for bound, _ in both.buckets] == sorted({bound for bound, _ in both.buckets})


@given(BUCKETS, st.floats(0, 1))
def test_a_quantile_is_a_bound_that_enough_answers_keep(latency: Latency, q: float) -> None:
    value = latency.quantile_ms(q)
    if not latency.buckets:
        assert value is None
        return
    assert value is not None
    below = sum(count for bound, count in latency.buckets if bound / 1000 <= value)
    assert below >= q * latency.count


def test_quantiles_of_a_known_histogram() -> None:
    latency = Latency(count=100, sum_us=0, buckets=((1000, 50), (2000, 45), (4000, 5)))
    assert [latency.quantile_ms(q) for q in (0.5, 0.51, 0.95, 0.99)] == [1.0, 2.0, 2.0, 4.0]


def test_endpoints_add_up_by_outcome() -> None:
    one = EndpointCounts(endpoint="GET /", requests=3, outcomes={"match": 2, "noise": 1}, rescued=1)
    other = EndpointCounts(endpoint="GET /", requests=2, outcomes={"match": 1, "mismatch": 1})
    both = one + other
    assert (both.requests, both.rescued, both.outcomes) == (5, 1, {"match": 3, "noise": 1, "mismatch": 1})


def test_a_field_of_a_later_core_is_skipped_and_a_broken_one_refused() -> None:
    core = FakeCore()
    core.count("GET /")
    core.extra = {"later": {"x": 1}}
    assert Counters.model_validate_json(core.counters()).requests == 1
    core.extra = {"requests": "many"}
    with pytest.raises(ValidationError, match="requests"):
        Counters.model_validate_json(core.counters())
    assert json.loads(core.counters())["requests"] == "many"
