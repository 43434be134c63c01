"""What happened, told once to everybody who listens: the log and the streams of the admin API. Bounded for slow
listeners.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import structlog

Level = Literal["info", "warning", "error"]

QUEUE = 256
"""Events that wait for one listener; older ones go when it is slower."""


@dataclass(frozen=True, slots=True)
class Event:
    """`id` grows by one per event of this process; `at_ms` is ms since the epoch; `data` can be written as JSON."""

    id: int
    at_ms: int
    name: str
    level: Level
    data: dict[str, Any]


class Subscription:
    """One listener's queue of at most `most` events."""

    def __init__(self, most: int = QUEUE) -> None:
        self._events: deque[Event] = deque(maxlen=most)
        self._wake = asyncio.Event()
        self._lost = 0
        self._closed = False

    def offer(self, event: Event) -> None:
        if len(self._events) == self._events.maxlen:
            self._lost += 1
        self._events.append(event)
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def next(self) -> tuple[list[Event], int] | None:
        """The events since the last call and how many were lost before them; waits for one. None once it is over."""
        await self._wake.wait()
        self._wake.clear()
        if self._closed:
            self._wake.set()
        events, lost = list(self._events), self._lost
        self._events.clear()
        self._lost = 0
        return (events, lost) if events else None


class Events:
    """Where events are published. Of one event loop; `publish` never waits and never raises."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._log = structlog.get_logger("parallelrun")
        self._clock = clock
        self._count = 0
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    def publish(self, name: str, level: Level = "info", **data: Any) -> None:
        """Logs the event and gives it to every listener. The names are in docs/reference/log.md."""
        self._count += 1
        event = Event(self._count, int(self._clock() * 1000), name, level, data)
        with contextlib.suppress(OSError, ValueError):  # stderr may be closed or full: no reason to stop
            getattr(self._log, level)(name, **data)
        for subscription in self._subscriptions:
            subscription.offer(event)

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return len(self._subscriptions)

    @contextlib.contextmanager
    def subscribe(self, most: int = QUEUE) -> Iterator[Subscription]:
        """Everything published from now on, until the block ends or the events are closed; `most` of it may wait."""
        subscription = Subscription(most)
        if self._closed:
            subscription.close()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Ends every listener after what it has not read yet. For the shutdown: an open stream would hold it up."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
