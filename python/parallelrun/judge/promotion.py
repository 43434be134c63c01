"""What is proved within budget, and how much more it takes. The absence of an alarm is never a proof."""

import math
from collections.abc import Callable

from parallelrun.judge.tallies import Tally
from parallelrun.judge.verdict import MetricName, Proof

MOST = 1e10
"""Answers beyond which a forecast says "not at this rate"."""


def proof(metric: MetricName, tally: Tally, log_against: float, threshold: float) -> Proof:
    """What the evidence of all endpoints together proves about one metric.

    The proof has to hold now: that it held at an earlier look is not enough, since the new side may have become worse.
    """
    within = tally.within()
    proved = within >= threshold
    more = clean = None
    if not proved:
        clean = _more(lambda extra: tally.with_clean(extra).within(), threshold)
        # Nothing seen yet: things go on as they are only in the sense that nothing speaks against them.
        more = forecast(tally, lambda later: later.within(), threshold) if tally.of else clean
    return Proof(
        metric=metric,
        events=round(tally.events),
        of=round(tally.of),
        rate=tally.rate,
        log_e=log_against,
        budget=tally.budget,
        log_e_within=within,
        proved=proved,
        more=more,
        more_if_clean=clean,
    )


def forecast(tally: Tally, log_e: Callable[[Tally], float], threshold: float) -> int | None:
    """How many more answers take `log_e` to the threshold if things go on at the same rates; None if none do."""
    return _more(lambda extra: log_e(tally.scaled(1 + extra / tally.of)), threshold)


def _more(log_e: Callable[[float], float], threshold: float) -> int | None:
    """The least number of further answers with which `log_e` reaches the threshold; None if it does not by `MOST`.

    By doubling, then bisection: evidence that is on its way falls at first only while it is far from the threshold.
    """
    high = 1.0
    while log_e(high) < threshold:
        high *= 2
        if high > MOST:
            return None
    low = high / 2 if high > 1 else 0.0
    while high - low > max(0.5, high * 1e-4):
        middle = (low + high) / 2
        low, high = (low, middle) if log_e(middle) >= threshold else (middle, high)
    return max(1, math.ceil(high))
