"""Many e-values: one alarm over all of them, and the names of those that stand out.

A weighted mean of e-values is an e-value, however they depend on each other, so long as the weights do not depend on
what was seen. A split of the error probability over hundreds of endpoints, and its repair when one more appears, is not
needed.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from scipy.special import zeta

from parallelrun.judge.look import Look
from parallelrun.judge.special import log_mean
from parallelrun.judge.verdict import METRICS, MetricName

POOLED = 0.5
"""The weight of all endpoints taken together, against that of all of them one by one."""

_SLOPE = 1.3

T = TypeVar("T")


def endpoint_weight(place: int) -> float:
    """The weight in the alarm of one metric at the endpoint that was the `place`-th (from 0) to have a request.

    Half of the alarm is of single endpoints, a third of that of each metric, and of that the share
    (place + 1)^-1.3 / zeta(1.3). The sum over all places is 1, so a new endpoint takes nothing from those that are
    there, and nothing has to be known about how many there will be. The mean over those seen so far would not do: each
    time an endpoint joins, it would pull evidence that has fallen up again towards 1. Against equal weights, the
    hundredth endpoint pays 2.8 in the logarithm; the first gains where there are four or more.
    """
    return float((1 - POOLED) / len(METRICS) * (place + 1) ** -_SLOPE / zeta(_SLOPE))


def in_order(before: Sequence[str], look: Look) -> tuple[str, ...]:
    """The endpoints in the order of their first request; those that are new in this look, the busiest first."""
    new = [each for each in look.endpoints if each.endpoint not in set(before)]
    return (*before, *(each.endpoint for each in sorted(new, key=lambda each: (-each.requests, each.endpoint))))


def combined(logs: Mapping[tuple[MetricName, str | None], float], order: Sequence[str]) -> float:
    """One log e-value out of those of each metric at each endpoint, and at all together (None)."""
    place = {endpoint: number for number, endpoint in enumerate(order)}
    weights = [POOLED / len(METRICS) if endpoint is None else endpoint_weight(place[endpoint]) for _, endpoint in logs]
    return float(log_mean(list(logs.values()), weights))


def standing_out(logs: Iterable[tuple[T, float]], alpha: float) -> list[T]:
    """The e-BH procedure: those whose log e-values stand out, highest first.

    With m values, the k highest where k is the largest number whose k-th e-value is at least m / (alpha k). Of those
    named, the expected share of wrong ones is at most alpha, however they depend on each other (Wang and Ramdas, JRSS B
    2022, arXiv 2009.02824).
    """
    falling = sorted(logs, key=lambda each: -each[1])
    m = len(falling)
    passing = [k for k, (_, log_e) in enumerate(falling, start=1) if log_e >= math.log(m / (alpha * k))]
    return [name for name, _ in falling[: max(passing, default=0)]]
