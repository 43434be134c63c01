"""The second clock of a stop: when the hard deadline has come, the process ends whatever it is doing."""

import os
import threading
import time

import structlog


class Deadline:
    """Ends the process with exit code 0 once its time is up, in a thread of its own: the event loop may be what hangs.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._begun = time.monotonic()
        self._seconds = seconds
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    @property
    def passed(self) -> float:
        """Seconds since it was set."""
        return time.monotonic() - self._begun

    @property
    def left(self) -> float:
        """Seconds until it comes; never below 0."""
        return max(0.0, self._seconds - self.passed)

    def cancel(self) -> None:
        """All is done in time."""
        self._timer.cancel()

    def _end(self) -> None:
        log = structlog.get_logger("parallelrun")
        log.error("stopped", clock="deadline", seconds=round(self.passed, 3), evidence="what was not stored is lost")
        os._exit(0)
