"""The metric *failures*: those of the new side beyond the old side's."""

from dataclasses import dataclass, replace
from itertools import chain

from parallelrun.config.rollout import Gate
from parallelrun.config.units import MILLION
from parallelrun.judge.bets import SplitCounts, log_e_below_tolerance, log_e_paired_above, log_e_split_above
from parallelrun.judge.look import EndpointCounts
from parallelrun.judge.special import log_mean
from parallelrun.judge.summed import Summed


@dataclass(frozen=True)
class Part(Summed):
    """Split traffic at one weight."""

    share: float
    new_requests: float = 0.0
    new_failures: float = 0.0
    old_requests: float = 0.0
    old_failures: float = 0.0

    def counts(self) -> SplitCounts:
        """As the bets want them."""
        requests = self.new_requests + self.old_requests
        others = requests - self.new_failures - self.old_failures
        return SplitCounts(self.share, self.new_failures, self.old_failures, others)

    def expected(self) -> float:
        """Failures of the new side if it failed as often as the old one."""
        return self.old_failures / self.old_requests * self.new_requests if self.old_requests else 0.0


@dataclass(frozen=True)
class Failures:
    """Failures of the new side beyond those of the old one: on mirrored requests, and on those that one side got."""

    budget: float
    pairs: float = 0.0
    new_only: float = 0.0
    old_only: float = 0.0
    split: tuple[Part, ...] = ()

    @classmethod
    def of_endpoint(cls, counts: EndpointCounts, gate: Gate) -> "Failures":
        """The tally of one endpoint."""
        pairs = counts.failures
        split = tuple(
            Part(each.share / MILLION, each.new_requests, each.new_failures, each.old_requests, each.old_failures)
            for each in counts.split
        )
        return cls(gate.failures / MILLION, float(pairs.total), float(pairs.new_only), float(pairs.old_only), split)

    @property
    def events(self) -> float:
        return self.new_only - self.old_only + sum(part.new_failures - part.expected() for part in self.split)

    @property
    def of(self) -> float:
        return self.pairs + sum(part.new_requests for part in self.split)

    @property
    def rate(self) -> float | None:
        return self.events / self.of if self.of else None

    def against(self) -> float:
        """The mean of both kinds, so that copies that go well cannot hide failures while serving."""
        pairs = float(log_e_paired_above(self.new_only, self.old_only, self.pairs, self.budget))
        split = float(log_e_split_above([part.counts() for part in self.split], self.budget))
        return float(log_mean([pairs, split], [0.5, 0.5]))

    def within(self) -> float:
        """All answers of the new side together, each with the same weight."""
        split = [part.counts() for part in self.split]
        return float(log_e_below_tolerance(self.new_only, self.old_only, self.pairs, self.budget, split))

    def scaled(self, factor: float) -> "Failures":
        split = tuple(part.scaled(factor) for part in self.split)
        return Failures(self.budget, self.pairs * factor, self.new_only * factor, self.old_only * factor, split)

    def with_clean(self, more: float) -> "Failures":
        mirrored = self.pairs / self.of if self.of else 1.0
        split = (
            tuple(
                replace(
                    part,
                    new_requests=part.new_requests + (clean := more * part.new_requests / self.of),
                    old_requests=part.old_requests
                    + (clean * part.old_requests / part.new_requests if part.new_requests else 0.0),
                )
                for part in self.split
            )
            if self.of
            else self.split
        )
        return Failures(self.budget, self.pairs + more * mirrored, self.new_only, self.old_only, split)

    def __add__(self, other: "Failures") -> "Failures":
        split: dict[float, Part] = {}
        for part in chain(self.split, other.split):
            split[part.share] = split[part.share] + part if part.share in split else part
        return Failures(
            self.budget,
            self.pairs + other.pairs,
            self.new_only + other.new_only,
            self.old_only + other.old_only,
            tuple(split.values()),
        )
