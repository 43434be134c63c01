"""Those who are told, as the configuration names them."""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable

from parallelrun.alerts.alert import Alert, Notice
from parallelrun.alerts.delivery import Delivery
from parallelrun.alerts.outbox import Outbox
from parallelrun.alerts.senders import sender
from parallelrun.alerts.status import TargetStatus
from parallelrun.config import Config
from parallelrun.config.alerts import Alert as Target
from parallelrun.config.targets import shown
from parallelrun.evidence.events import Events


class Targets:
    """Keeps one delivery per target. One that stays in the configuration keeps what it is still to be told.

    Args:
        version: of parallelrun.
        events: what becomes of the messages.
        clock: ms since the epoch; never goes back.
    """

    def __init__(self, version: str, events: Events, clock: Callable[[], int]) -> None:
        self._version = version
        self._events = events
        self._clock = clock
        self._config: Config | None = None
        self._running: list[tuple[Target, Delivery, asyncio.Task[None]]] = []

    def configure(self, config: Config) -> None:
        """Takes over the targets of this configuration."""
        if config is self._config:
            return
        before, self._running, self._config = self._running, [], config
        names: Counter[str] = Counter()
        for target in config.alerts:
            name = shown(target.to.get_secret_value())
            names[name] += 1
            name = name if names[name] == 1 else f"{name} ({names[name]})"
            known = next((one for one in before if one[0].to == target.to and one[0].secret == target.secret), None)
            if known:
                before.remove(known)
                _, delivery, task = known
                delivery.name, delivery.outbox.least = name, target.min
                delivery.sender = sender(target, config, self._version)
            else:
                outbox = Outbox(target.min, self._clock(), lambda: f"msg_{uuid.uuid4().hex}")
                delivery = Delivery(name, outbox, sender(target, config, self._version), self._events, self._clock)
                task = asyncio.create_task(delivery.run(), name=f"alerts to {name}")
            self._running.append((target, delivery, task))
        for _, delivery, task in before:
            task.cancel()
            self._drop(delivery)

    def offer(self, notices: Iterable[Notice]) -> None:
        """Tells each target what concerns it, sooner or later."""
        told = tuple(notices)
        for _, delivery, _ in self._running:
            delivery.offer(told)

    def resume(self, alerts: Iterable[Alert]) -> None:
        """An earlier process has told of these."""
        told = tuple(alerts)
        for _, delivery, _ in self._running:
            delivery.outbox.resume(told)

    def status(self) -> tuple[TargetStatus, ...]:
        """As it is now, in the order of the configuration."""
        return tuple(_status(delivery) for _, delivery, _ in self._running)

    async def stop(self, grace_s: float) -> None:
        """Lets each target still get what waits, for so long; what it does not get is counted and lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await asyncio.gather(*(delivery.flush() for _, delivery, _ in self._running))
        for _, delivery, task in self._running:
            task.cancel()
            self._drop(delivery)
        self._running = []

    def _drop(self, delivery: Delivery) -> None:
        if delivery.outbox.queued:
            self._events.publish("alert.dropped", "error", target=delivery.name, alerts=delivery.outbox.queued)


def _status(delivery: Delivery) -> TargetStatus:
    box = delivery.outbox
    return TargetStatus(delivery.name, box.least, box.error, box.error_ms, box.retry_ms, box.queued, box.counts)
