"""The time by which alerts wait, group and are limited."""

import time
from collections.abc import Callable


def wall_ms() -> int:
    """The time as the machine has it, in ms since the epoch."""
    return int(time.time() * 1000)


class Clock:
    """Calling it gives the time in ms since the epoch, and never less than before: a clock that is set back does not
    stop anything. Where the clock is set forward, or the machine has slept, it follows.

    Args:
        wall: seconds since the epoch.
        monotonic: seconds since any moment.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._epoch_s = wall() - monotonic()

    def __call__(self) -> int:
        self._epoch_s = max(self._epoch_s, self._wall() - self._monotonic())
        return int((self._epoch_s + self._monotonic()) * 1000)
