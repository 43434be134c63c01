"""The three metrics of a gate: what is counted for each, what speaks for going back, and what proves that it is good.

A tally can be added to another, for all endpoints together, and scaled, to see how it would go on; so its counts are
floats.
"""

from dataclasses import dataclass
from typing import Protocol, Self

from parallelrun.config.rollout import Gate
from parallelrun.judge.failures import Failures
from parallelrun.judge.look import EndpointCounts
from parallelrun.judge.mismatch import Mismatch
from parallelrun.judge.slower import Slower
from parallelrun.judge.verdict import MetricName


class Tally(Protocol):
    """The counts of one metric, at one endpoint or at several."""

    @property
    def budget(self) -> float:
        """The rate that is allowed."""
        ...

    @property
    def events(self) -> float:
        """Those that count against the new side, less those that count against the old one."""
        ...

    @property
    def of(self) -> float:
        """The answers of the new side that they were seen in."""
        ...

    @property
    def rate(self) -> float | None:
        """Events per answer; None without any."""
        ...

    def against(self) -> float:
        """The log e-value against "within budget"."""
        ...

    def within(self) -> float:
        """The log e-value against "over budget"."""
        ...

    def scaled(self, factor: float) -> Self:
        """As it would be after `factor` times as many requests at the same rates."""
        ...

    def with_clean(self, more: float) -> Self:
        """As it would be after so many more answers that speak for the new side."""
        ...


@dataclass(frozen=True)
class Tallies:
    """All three, of one endpoint or of several."""

    mismatch: Mismatch
    failures: Failures
    slower: Slower

    @classmethod
    def of_endpoint(cls, counts: EndpointCounts, gate: Gate) -> "Tallies":
        """Those of one endpoint."""
        return cls(
            Mismatch.of_endpoint(counts, gate), Failures.of_endpoint(counts, gate), Slower.of_endpoint(counts, gate)
        )

    def __add__(self, other: "Tallies") -> "Tallies":
        return Tallies(self.mismatch + other.mismatch, self.failures + other.failures, self.slower + other.slower)

    def __sub__(self, earlier: "Tallies") -> "Tallies":
        """What has come since."""
        return self + Tallies(earlier.mismatch.scaled(-1), earlier.failures.scaled(-1), earlier.slower.scaled(-1))

    def by_metric(self) -> "dict[MetricName, Tally]":
        """Each under its name."""
        return {"mismatch": self.mismatch, "failures": self.failures, "slower": self.slower}
