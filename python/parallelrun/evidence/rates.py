"""Shares with their uncertainty."""

from math import sqrt

Z95 = 1.959963984540054
"""Standard deviations on either side that hold 95 % of a normal distribution."""


def wilson(count: int, of: int, z: float = Z95) -> tuple[float, float]:
    """The Wilson interval of a share (0 to 1), for `count` of `of`; (0, 1) where nothing was counted.

    It says how far the true share may lie from the counted one at a single look. It is not a test: nothing is decided
    by it.
    """
    if of == 0:
        return 0.0, 1.0
    share, square = count / of, z * z
    centre = (share + square / (2 * of)) / (1 + square / of)
    spread = z / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    low = 0.0 if count == 0 else max(0.0, centre - spread)
    high = 1.0 if count == of else min(1.0, centre + spread)
    return low, high
