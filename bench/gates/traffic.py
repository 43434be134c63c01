"""Simulated traffic: minute by minute, in how many requests which side fails."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

DAY = 24 * 60
"""Minutes: the default deadline of a step."""


@dataclass(frozen=True)
class Scenario:
    """What happens, and whether the new version deserves to go back."""

    name: str
    old: float
    new: float
    bad: bool
    incident: tuple[int, int, float] | None = None
    """From minute, to minute, the share of requests in which both sides fail: something behind them is down."""


SCENARIOS = (
    Scenario("healthy", old=0.005, new=0.005, bad=False),
    Scenario("incident", old=0.001, new=0.001, bad=False, incident=(1, 11, 0.05)),
    Scenario("regression", old=0.001, new=0.009, bad=True),
)


@dataclass(frozen=True)
class Traffic:
    """One run: requests per minute, and for each minute those in which a side fails."""

    requests: int
    new_only: Counts
    old_only: Counts
    both: Counts

    def served_by_new(self, minute: int, share: float, rng: np.random.Generator) -> tuple[int, int]:
        """Requests that the new side would have served in a minute at this weight, and its failures among them."""
        served = int(self.requests * share)
        failing = int(self.new_only[minute] + self.both[minute])
        return served, int(rng.hypergeometric(failing, self.requests - failing, served)) if served else 0


def traffic(scenario: Scenario, per_second: int, rng: np.random.Generator) -> Traffic:
    """A day of it. Both sides fail independently, but in an incident together."""
    requests = per_second * 60
    shared = np.zeros(DAY)
    if scenario.incident is not None:
        begin, end, share = scenario.incident
        shared[begin:end] = share
    alone = 1 - shared
    cells = np.stack(
        [
            alone * scenario.new * (1 - scenario.old),
            alone * scenario.old * (1 - scenario.new),
            shared + alone * scenario.old * scenario.new,
        ],
        axis=1,
    )
    drawn = rng.multinomial(requests, np.concatenate([cells, 1 - cells.sum(axis=1, keepdims=True)], axis=1))
    return Traffic(requests, drawn[:, 0], drawn[:, 1], drawn[:, 2])
