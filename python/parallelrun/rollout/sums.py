"""What has been counted for a rollout, in a form that adds up: over intervals, and over processes."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from parallelrun.evidence.counters import Counters, EndpointCounts
from parallelrun.evidence.outcomes import COMPARED, ended_in

Cells = Mapping[str, int]
"""Counts by name."""


class Sums(BaseModel):
    """Counts of one epoch. A name that is not there stands for 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoints: Mapping[str, Cells] = {}
    confirmed: Mapping[str, int] = {}
    """Pairs by the difference that they showed and showed again when asked twice; see `difference_key`."""

    def __add__(self, other: "Sums") -> "Sums":
        names = {**self.endpoints, **other.endpoints}
        endpoints = {name: _plus(self.endpoints.get(name, {}), other.endpoints.get(name, {})) for name in names}
        return Sums.model_construct(endpoints=endpoints, confirmed=_plus(self.confirmed, other.confirmed))

    @property
    def compared(self) -> int:
        """Answers of the new side that say something about it."""
        return sum(
            count
            for cells in self.endpoints.values()
            for name, count in cells.items()
            if name == "compared" or name.startswith("failures.") or name == "alone.new.requests"
        )


def total(several: Iterable[Sums]) -> Sums:
    """All of them together."""
    return sum(several, Sums())


def _plus(one: Cells, other: Cells) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def difference_key(endpoint: str, location: str, kind: str) -> str:
    """One text for the three."""
    return "\0".join(part.replace("\0", "") for part in (endpoint, location, kind))


def difference_of(key: str) -> tuple[str, str, str]:
    """The endpoint, the location and the kind of a `difference_key`."""
    endpoint, location, kind = key.split("\0")
    return endpoint, location, kind


class Counting:
    """Adds up what the core counts while it counts as evidence; the core itself counts on from its start.

    `own` is what this process has seen of the epoch.
    """

    def __init__(self) -> None:
        self.own = Sums()
        self._before = Sums()

    def take(self, counters: Counters, *, counts: bool, outage: bool = False) -> None:
        """Adds what came since the last call, or passes over it where it does not count. `outage`: one began in it."""
        now = _read(counters)
        if counts:
            since = _since(now, self._before)
            self.own = self.own + (as_one_failure(since) if outage else since)
        self._before = now


def _read(counters: Counters) -> Sums:
    endpoints = {each.endpoint: _cells(each) for each in counters.endpoints}
    confirmed = {
        difference_key(each.endpoint, each.location, each.kind): each.confirmed
        for each in counters.differences
        if each.confirmed
    }
    return Sums.model_construct(endpoints=endpoints, confirmed=confirmed)


def _cells(counts: EndpointCounts) -> dict[str, int]:
    cells = {
        "requests": counts.requests,
        "compared": ended_in(counts.outcomes, COMPARED),
        "mismatches": counts.outcomes.get("mismatch", 0),
    }
    for name, side in (("old", counts.alone.old), ("new", counts.alone.new)):
        cells |= {f"alone.{name}.requests": side.requests, f"alone.{name}.failures": side.failures}
    tables: dict[str, dict[str, Any]] = {
        "failures": counts.failures.model_dump(),
        "sampled": counts.sampled.model_dump(),
    }
    if counts.slow:
        # Other limits are another table: the core begins it anew, and so does the name.
        cells_of = counts.slow.model_dump()
        limits = slow_name(cells_of.pop("old_us"), cells_of.pop("new_us"))
        tables[limits] = cells_of
    for name, table in tables.items():
        cells |= {f"{name}.{cell}": count for cell, count in table.items()}
    return {name: count for name, count in cells.items() if count}


_FAILED = ("failures.new_only", "alone.new.failures")


def as_one_failure(sums: Sums) -> Sums:
    """The same counts with all failures of the new side as one, where most of them are.

    What fails together in an outage fails for one reason. The judge takes requests for independent of each other, so
    each would weigh as much as a failure at another time, and a single crash would be proof of a bad version.
    """
    failed = {(name, cell): cells.get(cell, 0) for name, cells in sums.endpoints.items() for cell in _FAILED}
    worst = max(failed, key=lambda each: failed[each], default=None)
    endpoints = {}
    for name, cells in sums.endpoints.items():
        once = {cell: int((name, cell) == worst) for cell in _FAILED if cells.get(cell, 0)}
        endpoints[name] = {cell: count for cell, count in {**cells, **once}.items() if count}
    return Sums.model_construct(endpoints=endpoints, confirmed=sums.confirmed)


def slow_name(old_us: int, new_us: int) -> str:
    """What the table of slow pairs with these limits is called."""
    return f"slow {old_us} {new_us}"


def _since(now: Sums, before: Sums) -> Sums:
    since = {name: _minus(cells, before.endpoints.get(name, {})) for name, cells in now.endpoints.items()}
    endpoints = {name: cells for name, cells in since.items() if cells}
    return Sums.model_construct(endpoints=endpoints, confirmed=_minus(now.confirmed, before.confirmed))


def _minus(now: Cells, before: Cells) -> dict[str, int]:
    """Of counts that only rise. One that was begun anew has no earlier part."""
    gone = {name: count - before.get(name, 0) for name, count in now.items()}
    return {name: count if count >= 0 else now[name] for name, count in gone.items() if count}
