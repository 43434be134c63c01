"""Logarithms of beta functions and of means, where the numbers themselves would underflow or overflow."""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincc, betaln

Floats: TypeAlias = NDArray[np.float64]

_SMALL = 1e-280
"""Below this a probability is taken from its continued fraction: doubles end at 1e-308."""

_STEPS = 200_000


def floats(value: ArrayLike) -> Floats:
    """The value as an array of doubles."""
    return np.asarray(value, dtype=np.float64)


def log_mean(logs: ArrayLike, weights: ArrayLike) -> Floats:
    """The logarithm of the weighted mean over the last axis of numbers that are given by their logarithms.

    At least one of them is finite. scipy's `logsumexp` says the same in ten times the time, and this is called for each
    endpoint.
    """
    logs = floats(logs)
    most = logs.max(axis=-1, keepdims=True)
    return floats(most[..., 0] + np.log((floats(weights) * np.exp(logs - most)).sum(axis=-1)))


def log_beta_below(a: ArrayLike, b: ArrayLike, x: float) -> Floats:
    """ln P(X < x) for X ~ Beta(a, b), as exact where the probability is 1e-1000 as where it is a half; a, b > 0."""
    a, b = floats(a), floats(b)
    return _log(betainc(a, b, x), a, b, (math.log(x), math.log1p(-x)))


def log_beta_above(a: ArrayLike, b: ArrayLike, x: float) -> Floats:
    """ln P(X > x) for X ~ Beta(a, b); see `log_beta_below`."""
    a, b = floats(a), floats(b)
    return _log(betaincc(a, b, x), b, a, (math.log1p(-x), math.log(x)))


def _log(plain: ArrayLike, a: Floats, b: Floats, log_x: tuple[float, float]) -> Floats:
    """ln I_x(a, b), given the plain value, and the logarithms of x and of 1 - x."""
    plain, a, b = np.broadcast_arrays(floats(plain), a, b)
    small = plain < _SMALL
    logs = np.array(np.log(np.where(small, 1.0, plain)))
    if np.any(small):
        far = [_log_fraction(*each, *log_x) for each in zip(a[small].tolist(), b[small].tolist(), strict=True)]
        logs[small] = far
    return floats(logs)


def _log_fraction(a: float, b: float, log_x: float, log_rest: float) -> float:
    """ln I_x(a, b) for x far below the mean: DLMF 8.17.22, by Lentz's method."""
    x = math.exp(log_x)
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1.0 / (1.0 + even * d), 1.0 + even / c
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1.0 / (1.0 + odd * d), 1.0 + odd / c
        value *= d * c
        if abs(d * c - 1.0) < 1e-13:
            break
    return a * log_x + b * log_rest - math.log(a) - float(log_beta(a, b)) + math.log(value)


def log_beta(a: ArrayLike, b: ArrayLike) -> Floats:
    """ln B(a, b)."""
    return floats(betaln(floats(a), floats(b)))
