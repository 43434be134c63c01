"""Waiting for a condition inside an event loop instead of sleeping."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from tests.support.wait import PATIENCE

T = TypeVar("T")


async def until(condition: Callable[[], T], what: str = "", *, patience: float = PATIENCE) -> T:
    """As `wait_until`, letting other tasks of the loop run meanwhile.

    Raises:
        AssertionError: if the condition has not come true after `patience` seconds.
    """
    end = time.monotonic() + patience
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {what or condition}")
        await asyncio.sleep(0.005)
    return result
