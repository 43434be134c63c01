"""Waiting for a condition instead of sleeping."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = float(os.environ.get("PARALLELRUN_TEST_PATIENCE", "20"))
"""Seconds after which a condition counts as never. Long, since only a failing test waits for it."""


def wait_until(
    condition: Callable[[], T],
    what: str | Callable[[], object] = "",
    *,
    patience: float = PATIENCE,
    interval: float | None = None,
) -> T:
    """Calls `condition` until it returns something true, and returns that.

    Args:
        condition: called again and again.
        interval: seconds between two calls; by default a few milliseconds.
        what: the text of the failure, or a function that makes it at the time of the failure.

    Raises:
        AssertionError: if the condition has not come true after `patience` seconds.
    """
    end = time.monotonic() + patience
    pause = interval or 0.001
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what() if callable(what) else what or condition}")
        time.sleep(pause)
        pause = interval or min(pause * 1.5, 0.02)
    return result
