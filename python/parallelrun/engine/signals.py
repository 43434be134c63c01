"""SIGTERM and SIGINT end the process, a second one at once; SIGHUP reads the configuration again."""

import asyncio
import signal
from collections.abc import Callable


class Signals:
    """Takes over the signals of the process for the running event loop, until `close`.

    From the first moment on: a SIGHUP that comes before anybody handles it would otherwise end the process.
    """

    def __init__(self) -> None:
        self.name = ""
        """The signal that asked to stop; empty before."""
        self.stop = asyncio.Event()
        """Set by the first SIGTERM or SIGINT."""
        self.hurry = asyncio.Event()
        """Set by the second one."""
        self.on_hangup: Callable[[], None] = lambda: None
        """Called for each SIGHUP."""
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop, number)
        self._loop.add_signal_handler(signal.SIGHUP, self._hangup)

    def close(self) -> None:
        """Gives the signals back."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.remove_signal_handler(number)

    def _stop(self, number: signal.Signals) -> None:
        if self.stop.is_set():
            self.hurry.set()
        self.name = self.name or number.name
        self.stop.set()

    def _hangup(self) -> None:
        self.on_hangup()
