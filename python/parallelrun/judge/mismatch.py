"""The metric *mismatch*: answers that differ, net of noise."""

from dataclasses import dataclass, replace

from parallelrun.config.rollout import Gate
from parallelrun.config.units import MILLION
from parallelrun.judge.beta import log_e_above, log_e_below
from parallelrun.judge.bets import log_e_below_tolerance, log_e_paired_above
from parallelrun.judge.look import EndpointCounts
from parallelrun.judge.special import log_mean
from parallelrun.judge.summed import Summed

DIRECT, ASKED_TWICE = 0.9, 0.1
"""Weights of the two proofs that the rate is within budget."""


@dataclass(frozen=True)
class Mismatch(Summed):
    """Answers that differ, net of noise."""

    budget: float
    compared: float = 0.0
    mismatches: float = 0.0
    asked: float = 0.0
    """The second opinions, of the endpoints that have them."""
    new_only: float = 0.0
    old_only: float = 0.0
    unasked: float = 0.0
    """What was compared at endpoints that have none."""
    unasked_mismatches: float = 0.0

    @classmethod
    def of_endpoint(cls, counts: EndpointCounts, gate: Gate) -> "Mismatch":
        """The tally of one endpoint."""
        budget = gate.mismatch / MILLION
        direct = float(counts.compared), float(counts.mismatches)
        asked = counts.second_opinions
        if asked is None:
            return cls(budget, *direct, unasked=direct[0], unasked_mismatches=direct[1])
        return cls(budget, *direct, float(asked.total), float(asked.new_only), float(asked.old_only))

    @property
    def events(self) -> float:
        return self.mismatches

    @property
    def of(self) -> float:
        return self.compared

    @property
    def rate(self) -> float | None:
        return self.mismatches / self.compared if self.compared else None

    def against(self) -> float:
        """Where the old side was asked twice, against what it does to itself; elsewhere against the budget alone.

        The two are of different requests, so their product is an e-value; at a single endpoint there is only one of
        them.
        """
        asked = log_e_paired_above(self.new_only, self.old_only, self.asked, self.budget)
        return float(asked + log_e_above(self.unasked_mismatches, self.unasked, self.budget))

    def within(self) -> float:
        """Few mismatches prove it, noise or not; second opinions prove it even where noise alone is over the budget."""
        proofs = [float(log_e_below(self.mismatches, self.compared, self.budget))]
        if not self.unasked:
            proofs.append(float(log_e_below_tolerance(self.new_only, self.old_only, self.asked, self.budget)))
        return float(log_mean(proofs, [DIRECT, ASKED_TWICE][: len(proofs)]))

    def with_clean(self, more: float) -> "Mismatch":
        asked, unasked = (self.asked / self.compared, self.unasked / self.compared) if self.compared else (0.0, 1.0)
        return replace(
            self,
            compared=self.compared + more,
            asked=self.asked + more * asked,
            unasked=self.unasked + more * unasked,
        )
