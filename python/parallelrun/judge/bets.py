"""Does the new side have an event more often than the old side by more than a tolerance? Bets on paired requests.

For each request with both answers, D = 1 if only the new side has the event, -1 if only the old side has it, else 0.
Somebody who believes that E[D] is at most d bets at even odds; K = product of 1 + x (D - d) is the wealth of one who
bets the share x against that. It depends on the counts alone. The mean over several x is again a wealth, and reaches
1/a with probability a at most, for any noise, stable or not (Waudby-Smith and Ramdas, JRSS B 2024, arXiv 2010.09686).

With d = 0 and x uniform on (0, 1) this is the sequential McNemar test of `mcnemar`, written as a bet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from parallelrun.judge.special import Floats, floats, log_mean

_SMALL_BETS = np.geomspace(1e-4, 0.02, 12, endpoint=False)
"""What a small excess over much noise needs; an eighth of the weight."""

ABOVE_BETS: Floats = np.concatenate([_SMALL_BETS, np.linspace(0.02, 0.9, 24)])
"""Shares of the highest possible bet on "more often"."""
ABOVE_WEIGHTS: Floats = np.repeat([0.125 / 12, 0.875 / 24], [12, 24])

BELOW_BETS: Floats = np.concatenate([_SMALL_BETS, np.linspace(0.02, 0.98, 24), [1.0]])
"""Bets on "not that much more often". Half of the weight is on 1, which wins most as long as nothing happens at all."""
BELOW_WEIGHTS: Floats = np.repeat([0.125 / 12, 0.375 / 24, 0.5], [12, 24, 1])

PSI: Floats = np.exp(np.linspace(np.log(1.05), np.log(50), 64))
"""How many times as often the new side may fail, on split traffic: Lindon and Malek's alternatives."""


@dataclass(frozen=True)
class SplitCounts:
    """Requests that only one side got, while the new side's share of them was `share` (0 to 1)."""

    share: float
    new_events: float | Floats
    old_events: float | Floats
    others: float | Floats


def log_e_paired_above(
    new_only: ArrayLike,
    old_only: ArrayLike,
    of: ArrayLike,
    tolerance: float,
    *,
    bets: Floats = ABOVE_BETS,
    weights: Floats = ABOVE_WEIGHTS,
) -> Floats:
    """The logarithm of the e-value against "of all pairs, new-only exceeds old-only by at most `tolerance`".

    Args:
        new_only, old_only, of: of `of` pairs, those in which one side alone has the event.
        tolerance: from 0 to less than 1.
        bets: from 0 to less than 1, as shares of the highest bet, 1 / (1 + tolerance).
        weights: of the bets; their sum is 1.
    """
    b, c, n = (floats(each)[..., None] for each in (new_only, old_only, of))
    x = bets / (1 + tolerance)
    logs = b * np.log1p(x * (1 - tolerance)) + c * np.log1p(-bets) + (n - b - c) * np.log1p(-x * tolerance)
    return log_mean(logs, weights)


def log_e_below_tolerance(
    new_only: ArrayLike, old_only: ArrayLike, of: ArrayLike, tolerance: float, split: Sequence[SplitCounts] = ()
) -> Floats:
    """The logarithm of the e-value against "the excess is at least `tolerance`" (above 0): what promotion needs.

    Pairs and split traffic count together. Of split traffic at the share r the excess shows in
    Z = 1/r if the new side served and failed, -1/(1-r) if the old side did, else 0, whose expectation is the difference
    of the two rates whatever else changes. It is bet on with r times the share: each answer of the new side weighs the
    same.
    """
    b, c, n = (floats(each)[..., None] for each in (new_only, old_only, of))
    x, d = BELOW_BETS, tolerance
    logs = b * np.log1p(x * (d - 1)) + c * np.log1p(x * (d + 1)) + (n - b - c) * np.log1p(x * d)
    for part in split:
        r = part.share
        if not r:
            continue  # no answer of the new side
        logs = logs + part.new_events * np.log1p(x * (r * d - 1)) + part.others * np.log1p(x * r * d)
        if r < 1:
            logs = logs + part.old_events * np.log1p(x * r * (d + 1 / (1 - r)))
    return log_mean(logs, BELOW_WEIGHTS)


def log_e_split_above(split: Sequence[SplitCounts], tolerance: float) -> Floats:
    """The logarithm of the e-value against "the new side's rate exceeds the old side's by at most `tolerance`".

    With tolerance 0 this is the conditional test: given that somebody failed, it was the new side with probability
    r y / (r y + 1 - r) where failing is y times as likely there, and the share r was known beforehand, so that neither
    a drifting base rate nor a changing weight can deceive it. E is the mean over 64 values of y above 1 of the product
    of y^[new] / (r y + 1 - r) (Lindon and Malek, NeurIPS 2022, arXiv 2011.03567). The same numbers are a bet on Z (see
    `log_e_below_tolerance`) with the share k (1 - r), k = r (y - 1) / (r y + 1 - r); a tolerance is taken off Z, and
    the highest possible bet is lowered by what that costs.
    """
    logs = np.zeros_like(PSI)
    for part in split:
        r = part.share
        if not 0 < r < 1:
            continue  # one side only: nothing to compare with
        k = r * (PSI - 1) / (r * PSI + 1 - r)
        x = k * (1 - r) / (1 + tolerance * (1 - r))
        logs = logs + part.new_events * np.log1p(x * (1 / r - tolerance)) + part.others * np.log1p(-x * tolerance)
        logs = logs + part.old_events * np.log1p(-k)
    return log_mean(logs, np.full_like(PSI, 1 / len(PSI)))
