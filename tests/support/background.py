"""One asyncio loop in a thread of its own, shared by every origin and load generator of the test process."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def loop() -> asyncio.AbstractEventLoop:
    """The running loop; the thread is a daemon and lives as long as the process."""
    result = asyncio.new_event_loop()
    threading.Thread(target=result.run_forever, name="test-background", daemon=True).start()
    return result


def start(coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
    """Runs a coroutine on the loop and returns at once."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop())


def run(coroutine: Coroutine[Any, Any, T], timeout: float = 60) -> T:
    """Runs a coroutine on the loop and waits for it."""
    return start(coroutine).result(timeout)


class Gate:
    """Holds coroutines of the background loop back until a test opens it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.waiting = 0
        """How many have come to the gate so far."""

    async def wait(self) -> None:
        """Waits on the background loop."""
        self.waiting += 1
        await self._event.wait()

    def open(self) -> None:
        """Lets everybody through, now and later; callable from any thread."""
        loop().call_soon_threadsafe(self._event.set)
