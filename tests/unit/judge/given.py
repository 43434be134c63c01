"""Looks for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from parallelrun.judge import EndpointCounts, Latency, Look, Paired, Split, Stable

BEGAN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def paired(of: int, new_only: int = 0, old_only: int = 0, both: int = 0) -> Paired:
    """A table of `of` pairs."""
    return Paired(new_only=new_only, old_only=old_only, both=both, neither=of - new_only - old_only - both)


def counts(endpoint: str, n: int, mismatches: int = 0, failures: int = 0, slow: int = 0, **more: Any) -> EndpointCounts:
    """An endpoint with `n` mirrored requests, all compared; the old side is slow in one of 100."""
    latency = Latency(old_limit_ms=100, new_limit_ms=150, pairs=paired(n, slow, min(n - slow, n // 100)))
    values: dict[str, Any] = {
        "requests": n,
        "compared": n,
        "mismatches": mismatches,
        "failures": paired(n, failures),
        "latency": latency,
    }
    return EndpointCounts(endpoint=endpoint, **(values | more))


def look(*endpoints: EndpointCounts, after_s: float = 600, **more: Any) -> Look:
    """A look at these endpoints, `after_s` seconds after counting began."""
    values: dict[str, Any] = {
        "rollout": "r1",
        "epoch": 1,
        "phase": "stepping",
        "weight": 100_000,
        "since": BEGAN,
        "at": BEGAN + timedelta(seconds=after_s),
        "requests": sum(each.requests for each in endpoints),
        "rate": 10.0,
        "endpoints": endpoints,
        "bake_s": 3600.0,
    }
    return Look(**(values | more))


@st.composite
def some_counts(draw: st.DrawFn, endpoint: str = "GET /") -> EndpointCounts:
    """Any counts of an endpoint."""
    cells = st.integers(0, 2000)
    tables = st.builds(Paired, new_only=cells, old_only=cells, both=cells, neither=st.integers(0, 10**6))
    compared = draw(st.integers(0, 10**6))
    parts = []
    for share in draw(st.sets(st.sampled_from([100, 100_000, 500_000, 1_000_000]), max_size=3)):
        new, old = draw(st.integers(0, 10**5)), draw(st.integers(0, 10**5))
        failed = {"new_failures": draw(st.integers(0, new)), "old_failures": draw(st.integers(0, old))}
        parts.append(Split(share=share, new_requests=new, old_requests=old, **failed))
    return EndpointCounts(
        endpoint=endpoint,
        requests=draw(st.integers(0, 10**7)),
        compared=compared,
        mismatches=draw(st.integers(0, compared)),
        second_opinions=draw(st.none() | tables),
        failures=draw(tables),
        split=tuple(parts),
        latency=draw(st.none() | st.builds(Latency, old_limit_ms=st.just(10), new_limit_ms=st.just(15), pairs=tables)),
    )


@st.composite
def some_looks(draw: st.DrawFn) -> Look:
    """Any look of one rollout."""
    names = draw(st.lists(st.sampled_from(["GET /a", "GET /b", "POST /c"]), unique=True, max_size=3))
    stable = st.builds(Stable, signature=st.just("a1"), endpoint=st.just("GET /a"), location=st.just("$.total"))
    return look(
        *(draw(some_counts(name)) for name in names),
        epoch=draw(st.integers(0, 2)),
        phase=draw(st.sampled_from(["shadow", "stepping", "baking"])),
        after_s=draw(st.integers(0, 10**5)),
        rate=draw(st.floats(0, 1e6)),
        stable=tuple(draw(st.lists(stable, max_size=1))) if draw(st.integers(0, 9)) == 0 else (),
        missing=draw(st.none() | st.just("the store does not answer")),
    )
