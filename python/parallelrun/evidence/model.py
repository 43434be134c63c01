"""What the evidence consists of, once it has left the core."""

from dataclasses import dataclass, field

from parallelrun.evidence.counters import EndpointCounts
from parallelrun.evidence.status import Status, Verdicts

VERDICT_RANK = {"confirmed": 0, "unconfirmed": 1, "race": 2, "noise": 3, "ignored": 4}
"""How well a pair serves as the example of a difference: the lower the better."""


@dataclass(frozen=True, slots=True)
class Times:
    """When a difference was seen, in ms since the epoch; 0 for never."""

    first: int
    shown: int = 0
    """Last, and no rule hid it."""
    hidden: int = 0
    """Last, and a rule hid it."""

    @property
    def last(self) -> int:
        return max(self.shown, self.hidden)

    def __or__(self, other: "Times") -> "Times":
        return Times(min(self.first, other.first), max(self.shown, other.shown), max(self.hidden, other.hidden))


@dataclass(frozen=True, slots=True)
class Example:
    """A stored pair that shows a difference, and the two values there."""

    pair: str
    at_ms: int
    verdict: str
    old: str | None
    new: str | None

    def better_than(self, other: "Example | None") -> bool:
        """A confirmed one before any other; of two alike the newer."""
        if other is None:
            return True
        return (-VERDICT_RANK[self.verdict], self.at_ms) >= (-VERDICT_RANK[other.verdict], other.at_ms)


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference with all that is known of it, except its example."""

    signature: str
    endpoint: str
    location: str
    kind: str
    verdicts: Verdicts
    times: Times


@dataclass(frozen=True, slots=True)
class Judged:
    """A difference as people see it."""

    difference: Difference
    status: Status
    example: Example | None


@dataclass(frozen=True, slots=True)
class Run:
    """One process. Times in ms since the epoch; `lost` counts pairs that never reached the store."""

    id: str
    version: str
    started_ms: int
    written_ms: int
    ended_ms: int | None = None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """What other runs left in the store, and the examples of all runs."""

    since_ms: int | None = None
    """The start of the earliest run; None where there is none."""
    endpoints: dict[str, EndpointCounts] = field(default_factory=dict)
    differences: dict[str, Difference] = field(default_factory=dict)
    examples: dict[str, Example] = field(default_factory=dict)
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """The count of every request by its outcome."""

    requests: int
    outcomes: dict[str, int]
    rescued: int
