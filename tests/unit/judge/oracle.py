"""The formulas as the references give them, without care for underflow: what the judge's own are held against."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln

Floats = NDArray[np.float64]
PSI = np.exp(np.linspace(math.log(1.05), math.log(50), 64))


def mcnemar(b: ArrayLike, c: ArrayLike) -> Floats:
    """Prior theta ~ U(1/2, 1)."""
    b, c = np.asarray(b, float), np.asarray(c, float)
    return np.asarray((b + c + 1) * math.log(2) + betaln(b + 1, c + 1) + np.log(betainc(c + 1, b + 1, 0.5)))


def above(s: ArrayLike, n: ArrayLike, p0: float) -> Floats:
    """H0: p <= p0; Beta prior of mean 3 p0, cut to (p0, 1)."""
    s, n = np.asarray(s, float), np.asarray(n, float)
    a, b = 0.5, 0.5 * (1 - 3 * p0) / (3 * p0)
    evidence = betaln(a + s, b + n - s) + np.log(np.maximum(betainc(b + n - s, a + s, 1 - p0), 1e-300))
    prior = betaln(a, b) + math.log(betainc(b, a, 1 - p0))
    return np.asarray(evidence - prior - s * math.log(p0) - (n - s) * math.log1p(-p0))


def below(s: ArrayLike, n: ArrayLike, p1: float) -> Floats:
    """H0: p >= p1; Beta prior of mean p1 / 10, cut to (0, p1)."""
    s, n = np.asarray(s, float), np.asarray(n, float)
    a, b = 0.5, 0.5 * (1 - p1 / 10) / (p1 / 10)
    evidence = betaln(a + s, b + n - s) + np.log(np.maximum(betainc(a + s, b + n - s, p1), 1e-300))
    prior = betaln(a, b) + math.log(betainc(a, b, p1))
    return np.asarray(evidence - prior - s * math.log(p1) - (n - s) * math.log1p(-p1))


def split(from_new: ArrayLike, share: ArrayLike) -> Floats:
    """After each error; `from_new[i]` is 1 if error i came from the new side, whose share then was `share[i]`."""
    x, r = np.asarray(from_new, float)[..., None], np.asarray(share, float)[..., None]
    logs = np.cumsum(x * np.log(PSI) - np.log(r * PSI + 1 - r), axis=-2)
    most = logs.max(-1, keepdims=True)
    return np.asarray(most[..., 0] + np.log(np.exp(logs - most).mean(-1)))


def bet(d: ArrayLike, tolerance: float, bets: Floats) -> Floats:
    """The wealth after each D in {-1, 0, 1}, mean over the bets."""
    logs = np.cumsum(np.log1p(bets[:, None] * (np.asarray(d)[None, :] - tolerance)), axis=1)
    most = logs.max(0)
    return np.asarray(most + np.log(np.exp(logs - most).mean(0)))


def sr(outcomes: ArrayLike, p0: float, rates: Floats) -> Floats:
    """The e-SR statistic of each rate after all outcomes, request by request."""
    level = np.zeros_like(rates)
    for event in np.asarray(outcomes, bool):
        level = (level + 1) * (rates / p0 if event else (1 - rates) / (1 - p0))
    return level
