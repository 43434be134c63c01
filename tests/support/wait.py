"""Waiting for a condition instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds after which a condition counts as never. Long, since only a failing test waits for it."""


def wait_until(condition: Callable[[], T], what: str | Callable[[], object] = "", *, patience: float = PATIENCE) -> T:
    """Calls `condition` until it returns something true, and returns that.

    Args:
        condition: called again and again, a few milliseconds apart.
        what: the text of the failure, or a function that makes it at the time of the failure.

    Raises:
        AssertionError: if the condition has not come true after `patience` seconds.
    """
    end = time.monotonic() + patience
    pause = 0.001
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what() if callable(what) else what or condition}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    return result
