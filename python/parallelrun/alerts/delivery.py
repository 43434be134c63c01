"""Carries the messages of one target, in a task of its own: a target that is slow or dead holds up nothing else."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable

from parallelrun.alerts.alert import Message, Notice
from parallelrun.alerts.outbox import Outbox
from parallelrun.alerts.senders import Sender, SendError
from parallelrun.evidence.events import Events

SEND_S = 30.0
"""How long a try may take, in seconds."""


class Delivery:
    """One target.

    Args:
        name: what of the target may be shown.
        outbox: what it is still to be told.
        sender: the way to it.
        events: `alert.failing`, `alert.recovered`, `alert.dropped`.
        clock: ms since the epoch; never goes back.
    """

    def __init__(self, name: str, outbox: Outbox, sender: Sender, events: Events, clock: Callable[[], int]) -> None:
        self.name = name
        self.outbox = outbox
        self.sender = sender
        self._events = events
        self._clock = clock
        self._wake = asyncio.Event()
        self._told = asyncio.Event()
        """Nothing waits."""

    def offer(self, notices: Iterable[Notice]) -> None:
        """Takes what concerns the target; never waits."""
        self.outbox.offer(notices)
        self._told.clear()
        self._wake.set()

    async def flush(self) -> None:
        """Tries at once, and again, until everything has been delivered; the caller says how long."""
        self.outbox.hurry()
        self._wake.set()
        await self._told.wait()

    async def run(self) -> None:
        """Delivers until it is cancelled."""
        while True:
            self._wake.clear()
            message = self.outbox.message(self._clock())
            if message:
                await self._try(message)
            else:
                await self._pause()

    async def _pause(self) -> None:
        """Waits for the next message: until something new comes, or the rate or the back-off allows it."""
        next_ms = self.outbox.next_ms(self._clock())
        seconds = None if next_ms is None else max(0, next_ms - self._clock()) / 1000
        if not self.outbox.queued:
            self._told.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _try(self, message: Message) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await self.sender.send(message)
        except TimeoutError:
            self._failed(message, f"no answer within {SEND_S:g} s")
        except SendError as error:
            self._failed(message, str(error))
        except Exception as error:  # a fault of ours: its text may hold anything
            self._failed(message, type(error).__name__)
        else:
            since_ms = self.outbox.error_ms
            self.outbox.sent(message)
            if since_ms is not None:
                after_s = round((self._clock() - since_ms) / 1000, 1)
                self._events.publish("alert.recovered", target=self.name, after_s=after_s)

    def _failed(self, message: Message, error: str) -> None:
        before = self.outbox.error
        given_up = self.outbox.failed(message, error, self._clock(), random.random())  # noqa: S311 - spreads the tries
        if error != before:
            self._events.publish("alert.failing", "error", target=self.name, error=error, queued=self.outbox.queued)
        if given_up:
            alerts = len(message.notices) + message.more
            self._events.publish("alert.dropped", "error", target=self.name, alerts=alerts)
