"""Waiting for what takes a moment."""

import time
from collections.abc import Iterator

LOOK_S = 0.02


def looks(patience_s: float) -> Iterator[None]:
    """A look at once, then one after another for so long: at least one, and the last when the time is over."""
    deadline = time.monotonic() + patience_s
    over = False
    while not over:
        over = time.monotonic() > deadline
        yield
        time.sleep(LOOK_S)
