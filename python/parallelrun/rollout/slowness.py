"""What counts as slow: fixed by the old side's own times before the first pair is judged by it, and then kept."""

import math
from collections.abc import Mapping

from parallelrun.config.rollout import Slower
from parallelrun.config.units import MILLION
from parallelrun.evidence.counters import Counters, EndpointCounts

Limits = Mapping[str, tuple[int, int]]
"""By endpoint, in µs: longer is slow, for the old side and for the new one."""

_LEAST = 20
_BEYOND = 2
"""So many answers above a quantile make it known well enough: no claim depends on it, since both sides are held against
the same."""


def with_measured(limits: Limits, counters: Counters, slower: Slower) -> Limits:
    """The limits, and those of endpoints of which the old side's quantile is known only now."""
    found = {each.endpoint: _limits(each, slower) for each in counters.endpoints if each.endpoint not in limits}
    new = {endpoint: measured for endpoint, measured in found.items() if measured}
    return {**limits, **new} if new else limits


def _limits(counts: EndpointCounts, slower: Slower) -> tuple[int, int] | None:
    quantile = slower.quantile / MILLION
    if counts.old.latency.count < max(_LEAST, _BEYOND / (1 - quantile)):
        return None
    measured = counts.old.latency.quantile_ms(quantile)
    if not measured:
        return None
    old_us = math.ceil(measured * 1000)
    return old_us, math.ceil(old_us * slower.ratio)


def not_in_force(limits: Limits, counters: Counters) -> Limits:
    """Those that the core does not go by: it has been started since, or they are new."""
    in_force = {each.endpoint: each.slow and (each.slow.old_us, each.slow.new_us) for each in counters.endpoints}
    return {endpoint: each for endpoint, each in limits.items() if in_force.get(endpoint, each) != each}
