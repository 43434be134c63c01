"""Is a rate above, or below, a fixed bound? E-values of one stream of yes and no, with a truncated beta prior.

The alternative is a beta distribution, cut to the side of the bound that is to be shown. The likelihood ratio of each
rate beyond the bound against the bound itself is a supermartingale for every rate on the other side, even one that
changes from request to request; a mixture of them is one too (Robbins 1970, Ville 1939).
"""

import math

from numpy.typing import ArrayLike

from parallelrun.judge.special import Floats, floats, log_beta, log_beta_above, log_beta_below

_SHAPE = 0.5
"""The first parameter of both priors: wide enough to meet a rate far from its mean."""


def log_e_above(events: ArrayLike, of: ArrayLike, bound: float) -> Floats:
    """The logarithm of the e-value against "the rate is at most `bound`" (0 < bound < 1).

    The prior's mean is three times the bound, or halfway to 1 where that is less.
    """
    s, n = floats(events), floats(of)
    a, b = _SHAPE, _other(min(3 * bound, (1 + bound) / 2))
    evidence = log_beta(a + s, b + n - s) + log_beta_above(a + s, b + n - s, bound)
    prior = log_beta(a, b) + log_beta_above(a, b, bound)
    return evidence - prior - s * math.log(bound) - (n - s) * math.log1p(-bound)


def log_e_below(events: ArrayLike, of: ArrayLike, bound: float) -> Floats:
    """The logarithm of the e-value against "the rate is at least `bound`": what promotion needs.

    The prior's mean is a tenth of the bound. With no event at all it takes 3.24/bound requests at 95 %.
    """
    s, n = floats(events), floats(of)
    a, b = _SHAPE, _other(bound / 10)
    evidence = log_beta(a + s, b + n - s) + log_beta_below(a + s, b + n - s, bound)
    prior = log_beta(a, b) + log_beta_below(a, b, bound)
    return evidence - prior - s * math.log(bound) - (n - s) * math.log1p(-bound)


def _other(mean: float) -> float:
    """The second parameter of the prior with this mean."""
    return _SHAPE * (1 - mean) / mean
