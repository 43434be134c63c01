"""Change detection through the bake, after all traffic has moved.

A plain e-process multiplies all evidence since the beginning, so an hour of good answers has to be paid back before a
change shows. The e-SR detector starts a new e-process with each request and adds them up:

    R_n = (R_(n-1) + 1) L_n

where L_n is the factor by which request n multiplies an e-process (Shin, Ramdas and Rinaldo, E-detectors, NEJSDS 2024,
arXiv 2203.03532). While all is well R_n - n has expectation 0 at most, so R reaches c within n requests with
probability n / c at most (Doob's inequality): with c = n / a, where n is what the whole bake is expected to see, a
false alarm in the bake has probability a. R / n is used like an e-value: the judge takes the mean of it and of the
e-value of all counts since the bake began, which is quicker where the new version was bad from the beginning. A mean of
detectors with weights fixed beforehand keeps that.

Counts come in batches that do not say in which order things happened. R_n is least when the factors fall from one
request to the next (exchanging two neighbours x, y changes R by L_y - L_x), so that order is assumed: the alarm can
only be later than it would have been request by request, never more often false.
"""

import math
from collections.abc import Sequence

import numpy as np

from parallelrun.judge.look import Look
from parallelrun.judge.special import Floats, floats, log_mean
from parallelrun.judge.state import Detector, JudgeState
from parallelrun.judge.tallies import Tallies
from parallelrun.judge.verdict import MetricName

LEAST_HORIZON = 10_000.0
"""Requests for which a false alarm is bounded even if the bake is expected to see fewer."""

_BETS = 12
_PAIRED = np.geomspace(0.05, 0.95, _BETS)

_KINDS = ("mismatch", "mismatch.asked", "failures", "slower.paired", "slower.rate")

Batch = Sequence[tuple[float, Floats]]
"""Requests and the logarithm of their factor for each bet, highest factors first."""


def log_sr(levels: Floats, batch: Batch) -> Floats:
    """ln(1 + R) after a batch, for each bet; `levels` is ln(1 + R) before it.

    A run of k requests with the same factor f takes R to (1 + R) f^k + f + ... + f^(k-1), in closed form.
    """
    for count, log_factor in batch:
        if not count:
            continue
        # 1 + R after the run is (1 + R) f^k + (1 + f + ... + f^(k-1)).
        run = count * log_factor
        levels = np.logaddexp(levels + run, _log_series(count, log_factor))
    return levels


def _log_series(count: float, log_factor: Floats) -> Floats:
    """ln(1 + f + ... + f^(count - 1)) for each factor f."""
    size = np.abs(log_factor)
    flat = size == 0
    size = np.where(flat, 1.0, size)
    falling = np.log(-np.expm1(-count * size)) - np.log(-np.expm1(-size))
    rising = np.where(log_factor > 0, (count - 1) * size, 0.0)
    return floats(np.where(flat, math.log(count), falling + rising))


def log_r(levels: Floats) -> float:
    """ln R of the mean over the bets, at least 0: an R below 1 says nothing, and has no use for a logarithm."""
    if not np.any(levels > 0):
        return 0.0
    with np.errstate(divide="ignore"):
        each = levels + np.log(-np.expm1(-levels))
    return max(0.0, float(log_mean(each, np.full(len(levels), 1 / len(levels)))))


def rate_batch(events: float, of: float, bound: float) -> Batch:
    """A stream of yes and no against "the rate is at most `bound`": rates of 1.5 to 20 times that, less near 1."""
    most = min(20.0, (1 + bound) / 2 / bound)
    rates = bound * np.exp(np.linspace(math.log(1 + (most - 1) * 0.5 / 19), math.log(most), _BETS))
    return (events, np.log(rates / bound)), (of - events, np.log1p(-rates) - math.log1p(-bound))


def paired_batch(new_only: float, old_only: float, of: float, tolerance: float) -> Batch:
    """Pairs against "new-only exceeds old-only by at most `tolerance`"; see `bets`."""
    x = _PAIRED / (1 + tolerance)
    return (
        (new_only, np.log1p(x * (1 - tolerance))),
        (of - new_only - old_only, np.log1p(-x * tolerance)),
        (old_only, np.log1p(-_PAIRED)),
    )


def watched(state: JudgeState, look: Look, since: Tallies, single: dict[str, Tallies]) -> JudgeState:
    """The state with the detectors moved on by what has come since the last look."""
    before = {each.name: floats(each.levels) for each in state.detectors}
    horizon = state.horizon or max(LEAST_HORIZON, look.rate * (look.bake_s or 0.0))
    batches = {_name(kind, None): batch for kind, batch in _batches(since).items()}
    for endpoint, tallies in single.items():
        batches |= {_name(kind, endpoint): batch for kind, batch in _batches(tallies).items()}
    # Those that have seen nothing yet stand at 0, and need not be kept.
    levels = before | {
        name: log_sr(before.get(name, np.zeros(_BETS)), batch)
        for name, batch in batches.items()
        if any(count for count, _ in batch)
    }
    detectors = tuple(Detector(name=name, levels=tuple(map(float, each))) for name, each in sorted(levels.items()))
    return state.model_copy(update={"horizon": horizon, "detectors": detectors})


def readings(state: JudgeState, endpoints: Sequence[str]) -> dict[tuple[MetricName, str | None], float]:
    """ln(R / horizon) of each metric at each endpoint, and of all together: comparable with log e-values."""
    levels = {each.name: log_r(floats(each.levels)) for each in state.detectors}
    found: dict[tuple[MetricName, str | None], float] = {}
    for endpoint in (None, *endpoints):
        read = {kind: levels.get(_name(kind, endpoint), 0.0) for kind in _KINDS}
        found["mismatch", endpoint] = float(log_mean([read["mismatch.asked"], read["mismatch"]], [0.5, 0.5]))
        found["failures", endpoint] = read["failures"]
        found["slower", endpoint] = min(read["slower.paired"], read["slower.rate"])
    horizon = math.log(state.horizon or LEAST_HORIZON)
    return {key: value - horizon for key, value in found.items()}


def _batches(tallies: Tallies) -> dict[str, Batch]:
    mismatch, failures, slower = tallies.mismatch, tallies.failures, tallies.slower
    return {
        "mismatch": rate_batch(mismatch.unasked_mismatches, mismatch.unasked, mismatch.budget),
        "mismatch.asked": paired_batch(mismatch.new_only, mismatch.old_only, mismatch.asked, mismatch.budget),
        "failures": paired_batch(failures.new_only, failures.old_only, failures.pairs, failures.budget),
        "slower.paired": paired_batch(slower.new_only, slower.old_only, slower.pairs, 0.0),
        "slower.rate": rate_batch(slower.events, slower.pairs, slower.budget),
    }


def _name(kind: str, endpoint: str | None) -> str:
    return kind if endpoint is None else f"{kind} {endpoint}"
