"""Sums as the judge looks at them."""

from datetime import datetime

from parallelrun.evidence.signature import signature
from parallelrun.evidence.status import repeatable
from parallelrun.judge import EndpointCounts, Latency, Look, Paired, Split, Stable
from parallelrun.rollout.places import at_one_of
from parallelrun.rollout.plan import Plan
from parallelrun.rollout.slowness import Limits
from parallelrun.rollout.state import State
from parallelrun.rollout.sums import Cells, Sums, difference_of, slow_name


def make_look(
    state: State, plan: Plan, sums: Sums, limits: Limits, *, now: datetime, rate: float, missing: str | None
) -> Look:
    """The look of a rollout that is going.

    Args:
        state: of the rollout; `progress` is not None.
        plan: the plan in force.
        sums: what has been counted of its epoch, by all processes.
        limits: what counts as slow.
        now: wall-clock time.
        rate: requests per second at present.
        missing: why the counts cannot be trusted, as the end of a sentence; None if they can.
    """
    endpoints = tuple(_endpoint(name, cells, state, plan, limits) for name, cells in sums.endpoints.items())
    return Look(
        rollout=state.name,
        epoch=state.epoch,
        phase=state.progress or "shadow",
        weight=state.weight,
        since=state.since,
        at=max(now, state.since),
        requests=sum(each.requests for each in endpoints),
        rate=rate,
        endpoints=endpoints,
        stable=stable(sums, plan),
        missing=missing,
        bake_s=plan.bake.total_seconds(),
    )


def stable(sums: Sums, plan: Plan) -> tuple[Stable, ...]:
    """The confirmed differences where none is tolerated."""
    found = []
    for key, count in sums.confirmed.items():
        endpoint, location, kind = difference_of(key)
        if count and at_one_of(plan.never, location, kind):
            name = signature(endpoint, location, kind)
            found.append(Stable(signature=name, endpoint=endpoint, location=location, count=count))
    return tuple(found)


def _endpoint(name: str, cells: Cells, state: State, plan: Plan, limits: Limits) -> EndpointCounts:
    # Whether an endpoint is ever asked twice follows from its name and from the plan, never from what has been counted.
    asked = plan.asks_again and repeatable(name)
    return EndpointCounts(
        endpoint=name,
        requests=cells.get("requests", 0),
        compared=cells.get("compared", 0),
        mismatches=min(cells.get("mismatches", 0), cells.get("compared", 0)),
        second_opinions=_table(cells, "sampled") if asked else None,
        failures=_table(cells, "failures"),
        split=_split(cells, state.weight),
        latency=_latency(cells, limits.get(name)),
    )


def _table(cells: Cells, name: str) -> Paired:
    return Paired(**{cell: cells.get(f"{name}.{cell}", 0) for cell in Paired.model_fields})


def _split(cells: Cells, weight: int) -> tuple[Split, ...]:
    """Of one epoch, in which the weight has not changed."""
    counts = {}
    for side in ("old", "new"):
        counts[f"{side}_requests"] = requests = cells.get(f"alone.{side}.requests", 0)
        # The core counts a request before its failure, and is read in between.
        counts[f"{side}_failures"] = min(requests, cells.get(f"alone.{side}.failures", 0))
    return (Split(share=weight, **counts),) if weight and any(counts.values()) else ()


def _latency(cells: Cells, limits: tuple[int, int] | None) -> Latency | None:
    if limits is None:
        return None
    old_us, new_us = limits
    pairs = _table(cells, slow_name(old_us, new_us))
    return Latency(old_limit_ms=old_us / 1000, new_limit_ms=new_us / 1000, pairs=pairs)
