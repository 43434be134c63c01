"""What `serve` shows on a terminal while it runs."""

import asyncio
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live as RichLive

from parallelrun.cli.picture import Picture, picture, summary

if TYPE_CHECKING:
    from parallelrun.engine import Engine

REFRESH_S = 1.0
"""As often as the counters are read."""


class Live:
    """Draws a running engine anew once a second; afterwards one paragraph says what happened.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Picture | None = None

    async def show(self, engine: "Engine") -> None:
        """Draws until it is cancelled."""
        with RichLive(
            console=self._console,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
            redirect_stderr=sys.stderr.isatty(),
        ) as live:
            try:
                while True:
                    self._last = picture(engine, self._last)
                    live.update(self._last.drawn(self._console.width, self._console.height), refresh=True)
                    await asyncio.sleep(REFRESH_S)
            finally:
                self._last = picture(engine, self._last)

    def sum_up(self) -> None:
        """Prints the paragraph."""
        if self._last:
            self._console.print(summary(self._last), soft_wrap=True)
