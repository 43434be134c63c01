"""The metric *slower*: answers above the limit that the gate sets."""

from dataclasses import dataclass, replace

from parallelrun.config.rollout import Gate
from parallelrun.config.units import MILLION
from parallelrun.judge.beta import log_e_above, log_e_below
from parallelrun.judge.look import EndpointCounts
from parallelrun.judge.mcnemar import log_e_mcnemar
from parallelrun.judge.special import log_mean
from parallelrun.judge.summed import Summed


@dataclass(frozen=True)
class Slower(Summed):
    """Answers slower than the gate allows: the old side's above its quantile, the new side's above ratio times that."""

    budget: float
    """The share of answers above a quantile, by its definition."""
    pairs: float = 0.0
    new_only: float = 0.0
    old_only: float = 0.0
    both: float = 0.0

    @classmethod
    def of_endpoint(cls, counts: EndpointCounts, gate: Gate) -> "Slower":
        """The tally of one endpoint."""
        budget = (MILLION - gate.slower.quantile) / MILLION
        if counts.latency is None:
            return cls(budget)
        pairs = counts.latency.pairs
        return cls(budget, float(pairs.total), float(pairs.new_only), float(pairs.old_only), float(pairs.both))

    @property
    def events(self) -> float:
        return self.new_only + self.both

    @property
    def of(self) -> float:
        return self.pairs

    @property
    def rate(self) -> float | None:
        return self.events / self.pairs if self.pairs else None

    def against(self) -> float:
        """Slow more often than the old side *and* than a quantile allows.

        The limit is a quantile of the past. Were the old side faster now than then, the first alone would mean little;
        were both slower, the second. The lesser of two e-values is one against "either is all right".
        """
        paired = float(log_e_mcnemar(self.new_only, self.old_only))
        return min(paired, float(log_e_above(self.events, self.pairs, self.budget)))

    def within(self) -> float:
        """Slow more rarely than the old side *or* than a quantile allows."""
        paired = float(log_e_mcnemar(self.old_only, self.new_only))
        return float(log_mean([paired, float(log_e_below(self.events, self.pairs, self.budget))], [0.5, 0.5]))

    def with_clean(self, more: float) -> "Slower":
        return replace(self, pairs=self.pairs + more, old_only=self.old_only + more * self.budget)
