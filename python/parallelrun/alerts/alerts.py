"""Watches what happens and what holds, and tells whom it concerns. One per process, on one event loop."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from parallelrun.alerts.alert import Alert, Notice, Severity
from parallelrun.alerts.book import Book
from parallelrun.alerts.clock import Clock, wall_ms
from parallelrun.alerts.conditions import holding, is_over
from parallelrun.alerts.differences import WHY_OVER, difference_alert, signature_of
from parallelrun.alerts.facts import RolloutFacts, Side, Unhealthy
from parallelrun.alerts.gathered import Gathered
from parallelrun.alerts.happenings import FAULTS, change
from parallelrun.alerts.memory import FACT, dump, load
from parallelrun.alerts.status import AlertsStatus, OpenAlert
from parallelrun.alerts.targets import Targets
from parallelrun.config import Config
from parallelrun.evidence import StoreError, StoreTooNewError
from parallelrun.evidence.collector import Collector
from parallelrun.evidence.events import Event, Events, Subscription

LOOK_S = 1.0
"""Seconds between two looks at the facts."""
RECALL_S = 5.0
"""How long the store may take to say what an earlier process has told, in seconds."""
EVENTS = 16_384
"""Events that may wait to be looked at: more than there are differences that the core tells apart."""
DIFFERENCES = 200
"""So many open differences are looked at again in one look; in turn, all of them."""


class Alerts:
    """Takes part in nothing: whatever goes wrong in here, traffic and evidence go on.

    Args:
        collector: what is known.
        events: what happens; also `alert`, `alert.resolved` and what becomes of the messages.
        config: the configuration in force.
        unhealthy: the sides whose health URL fails.
        rollout: where the rollout stands.
        place: where evidence is kept, without secrets.
        version: of parallelrun.
    """

    def __init__(
        self,
        collector: Collector,
        events: Events,
        *,
        config: Callable[[], Config],
        unhealthy: Callable[[], Mapping[Side, Unhealthy]],
        rollout: Callable[[], RolloutFacts | None],
        place: str,
        version: str,
    ) -> None:
        self._collector = collector
        self._evidence = collector.evidence
        self._events = events
        self._config = config
        self._facts = Gathered(collector, config, unhealthy, rollout, place)
        self._now = Clock()
        self._book = Book()
        self._targets = Targets(version, events, self._now)
        self._told: Counter[Severity] = Counter()
        self._missed = 0
        self._in_turn: list[str] = []
        self._error = ""
        self._subscription = Subscription()
        self._until_stopped = contextlib.ExitStack()
        self._task: asyncio.Task[None] | None = None

    def status(self) -> AlertsStatus:
        """As it is now."""
        return AlertsStatus(
            self._open(),
            dict(self._told),
            self._book.withdrawn,
            self._missed,
            self._targets.status(),
        )

    def start(self) -> None:
        """Watches from now on."""
        self._subscription = self._until_stopped.enter_context(self._events.subscribe(EVENTS))
        self._targets.configure(self._config())
        self._task = asyncio.create_task(self._watch(), name="alerts")

    async def settle(self) -> None:
        """Ends the watching: tells at once what waits for others, and gives the store what is to be remembered."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            await self._take_the_rest(look=True)

    async def stop(self, grace_s: float) -> None:
        """Ends all of it, for which the targets have so long; tells also what has happened since it has settled."""
        await self.settle()
        await self._take_the_rest(look=False)
        await self._targets.stop(grace_s)
        self._until_stopped.close()

    async def _take_the_rest(self, *, look: bool) -> None:
        heard = await _heard(self._subscription, 0.0)
        self._take(heard[0] if heard else [], look=look, last=True)

    async def _watch(self) -> None:
        await self._resume()
        next_look = time.monotonic()
        while True:
            heard = await _heard(self._subscription, next_look - time.monotonic())
            if heard is None:
                return
            events, missed = heard
            self._missed += missed
            look = time.monotonic() >= next_look
            self._take(events, look=look)
            if look:
                next_look = time.monotonic() + LOOK_S

    async def _resume(self) -> None:
        """Takes over what an earlier process has told, if the store says so in time."""
        with self._guarded():
            try:
                async with asyncio.timeout(RECALL_S):
                    known = load(await self._collector.recall(FACT))
            except (StoreError, StoreTooNewError, TimeoutError):
                return
            self._book.resume(known, self._now())
            self._targets.resume(alert for alert, _ in known)

    def _take(self, events: list[Event], *, look: bool, last: bool = False) -> None:
        for event in events:
            with self._guarded():
                self._hear(event)
        with self._guarded():
            if look:
                self._targets.configure(self._config())
                self._look()
        with self._guarded():
            notices = [self._fresh(notice) for notice in self._book.due(self._now(), at_once=last)]
            for notice in notices:
                self._publish(notice)
            self._targets.offer(notices)
            if notices:
                self._collector.remember(FACT, dump(self._open()))

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """A fault of ours in one matter must not end the telling of all others."""
        try:
            yield
        except Exception as error:
            text = f"{type(error).__name__}: {error}"[:300]
            if text != self._error:
                self._error = text
                self._events.publish("engine.failing", "error", task="alerts", error=text)

    def _hear(self, event: Event) -> None:
        now = self._now()
        if event.name == "difference.new":
            self._book.begin(self._difference(str(event.data["signature"])), now)
        elif event.name in FAULTS:
            self._facts.fault(event.name, str(event.data.get("error", "")), wall_ms())
        elif found := change(event):
            if found.over:
                self._book.end(found.over, now, found.why)
            if found.begun:
                self._book.begin(found.begun, now)

    def _look(self) -> None:
        now = self._now()
        facts = self._facts.at(wall_ms())  # by the clock that those who noted its times went by
        alerts = {alert.key: alert for alert in holding(facts)}
        for alert in alerts.values():
            self._book.begin(alert, now)
        for key in list(self._book.open):
            if is_over(key, alerts, facts):
                self._book.end(key, now)
        self._in_turn = self._in_turn or [key for key in self._book.open if signature_of(key)]
        for key in self._in_turn[:DIFFERENCES]:
            self._look_at_difference(key, now)
        self._in_turn = self._in_turn[DIFFERENCES:]

    def _difference(self, signature: str) -> Alert:
        judged = self._evidence.judge(signature)
        return difference_alert(judged, self._evidence.compared(judged.difference.endpoint))

    def _look_at_difference(self, key: str, now: int) -> None:
        if key not in self._book.open:
            return
        try:
            judged = self._evidence.judge(signature_of(key) or "")
        except KeyError:
            self._book.end(key, now, "It has not been seen for as long as evidence is kept.")
            return
        if judged.status == "open":
            self._book.begin(self._book.open[key].alert, now)
        else:
            self._book.end(key, now, WHY_OVER[judged.status])

    def _fresh(self, notice: Notice) -> Notice:
        """With the counts and the example of a difference as they are now: while it waited there came more."""
        signature = signature_of(notice.alert.key)
        if signature is None or notice.resolved:
            return notice
        with contextlib.suppress(KeyError):
            return replace(notice, alert=self._difference(signature))
        return notice

    def _open(self) -> tuple[OpenAlert, ...]:
        told = [one for one in self._book.open.values() if one.told]
        return tuple(OpenAlert(one.alert.key, one.alert.severity, one.alert.title, one.since_ms) for one in told)

    def _publish(self, notice: Notice) -> None:
        alert = notice.alert
        if notice.resolved:
            self._events.publish("alert.resolved", key=alert.key, severity=alert.severity, title=alert.title)
        else:
            self._told[alert.severity] += 1
            self._events.publish(
                "alert",
                "info" if alert.severity == "info" else "warning",
                key=alert.key,
                severity=alert.severity,
                title=alert.title,
            )


async def _heard(subscription: Subscription, seconds: float) -> tuple[list[Event], int] | None:
    """What was published and how much was missed, as soon as there is something, or nothing after so many seconds;
    None once it is over.
    """
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            return await subscription.next()
    except TimeoutError:
        return [], 0
