"""Carries evidence from the core to the store, and keeps what is known in memory. A store that is slow, full, locked or
gone never holds up the core: records wait in bounded memory, and what does not fit is counted as lost.
"""

import asyncio
import contextlib
import math
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from parallelrun.evidence.activity import Activity
from parallelrun.evidence.breaker_news import BreakerNews
from parallelrun.evidence.core import Core
from parallelrun.evidence.counters import Counters
from parallelrun.evidence.events import Events
from parallelrun.evidence.hold import Hold
from parallelrun.evidence.model import Run
from parallelrun.evidence.records import Record, read_record
from parallelrun.evidence.retention import Retention
from parallelrun.evidence.state import Evidence
from parallelrun.evidence.store import Store, StoreError, StoreTooNewError
from parallelrun.evidence.writer import StoreHealth, Writer

HOLD_BYTES = 32 * 1024 * 1024
"""Deflated records held in memory while the store does not take them."""
POLL_RECORDS = 256
POLL_S = 0.5
WRITE_S = 15.0
"""How long one round of writing may take before it counts as failed."""
BACKOFF_MOST_S = 30.0
TELL_LOST_MS = 60_000
"""`evidence.lost` is told at most this often."""
NEWS_WAIT_MS = 2_000
"""So long `difference.new` waits for an example to point to."""


class Collector:
    """One per process, on one event loop. `start` it after the core, `stop` it after the core has stopped.

    Args:
        core: is read from one thread of its own.
        store: where evidence goes. Stays the caller's to close.
        events: where news is told: see docs/reference/log.md.
        version: of parallelrun, for the books.
        retention: what the store lets go of.
        hold_bytes: how much waits in memory at most.
        interval: seconds between two looks at the counters.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        core: Core,
        store: Store,
        *,
        events: Events | None = None,
        version: str = "",
        retention: Retention | None = None,
        hold_bytes: int = HOLD_BYTES,
        interval: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.core = core
        self.events = events or Events()
        self.evidence = Evidence()
        self._clock = clock
        now = self._now()
        self.activity = Activity(now)
        self._hold = Hold(hold_bytes)
        run = Run(uuid.uuid4().hex, version, now, now)
        self._writer = Writer(
            store,
            self.evidence,
            hold=self._hold,
            events=self.events,
            run=run,
            retention=retention or Retention(),
            clock=clock,
        )
        self._interval = interval
        self._refreshed = -math.inf
        self._lost = 0
        self._lost_told = 0
        self._lost_told_ms = 0
        self._news: dict[str, int] = {}
        self._breaker = BreakerNews(self.events)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parallelrun-poll")
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def run(self) -> Run:
        """This process in the books."""
        return self._writer.run

    @property
    def health(self) -> StoreHealth:
        """Whether the store takes what it is given."""
        return self._writer.health

    @property
    def retention(self) -> Retention:
        """What the store lets go of; a reload may replace it."""
        return self._writer.retention

    @retention.setter
    def retention(self, retention: Retention) -> None:
        self._writer.retention = retention

    @property
    def lost(self) -> int:
        """Pairs of this run that never reached the store: dropped by the core, dropped here, or unreadable."""
        return self._lost + self.evidence.now.records.lost

    @property
    def held(self) -> tuple[int, int]:
        """How many pairs wait for the store, and the bytes they take."""
        return len(self._hold), self._hold.bytes

    def held_pair(self, pair: str) -> bytes | None:
        """The deflated record of a pair that has not reached the store yet."""
        record = self._hold.get(pair)
        return record.deflated if record else None

    def configured(self, snapshot: str) -> None:
        """To be called with each snapshot that the core took over: what its rules hide counts as hidden from now on."""
        try:
            self.refresh()  # what the rules before have hidden must not look as if it was hidden later
        except Exception as error:  # as in `_supervise`
            self._broke(error)
        self._writer.configured(snapshot)

    def remember(self, name: str, value: str) -> None:
        """Keeps a text in the store, under a name, for the next process; written when the store next takes anything."""
        self._writer.remember(name, value)

    async def recall(self, name: str) -> str | None:
        """What an earlier process has told the store to remember; None where there is nothing.

        Raises:
            StoreError, StoreTooNewError: the store does not answer.
        """
        return await self._writer.store.fact(name)

    def refresh(self) -> Counters:
        """Reads the counters now; within the interval after it the regular look finds nothing to do."""
        counters = Counters.model_validate_json(self.core.counters())
        self._refreshed = time.monotonic()
        now = self._now()
        for judged in self.evidence.observe(counters, now):
            self._news[judged.difference.signature] = now
        self._tell_news(now)
        self._breaker.note(counters.breaker)
        self.activity.note(counters, now)
        return counters

    async def start(self) -> None:
        """Begins to collect, in tasks of the running loop. It is no error if the store does not answer: evidence is
        held.
        """
        loops = (("poll", self._poll_loop), ("count", self._count_loop), ("write", self._write_loop))
        self._tasks = [asyncio.create_task(self._supervise(loop), name=f"collector-{name}") for name, loop in loops]

    async def stop(self, grace: float = 5.0) -> None:
        """Takes the last records and counters, writes them and ends. What the store has not taken after `grace` seconds
        is lost, counted, and told in `evidence.lost`.
        """
        self._stopping.set()
        try:
            async with asyncio.timeout(grace):
                await asyncio.gather(*self._tasks)
                while await self._poll(0.0):
                    pass
                self.refresh()
                self._tell_news(self._now(), at_once=True)
                await self._writer.flush(self.lost, ended=True)
        except (StoreError, StoreTooNewError) as error:
            self._writer.failed(str(error))
        except TimeoutError:
            self._writer.failed(f"no answer within {grace:g} s at the end")
        except Exception as error:  # a core that broke must not keep the process from ending
            self._broke(error)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._drop(self._hold.clear())
            self._tell_lost(at_once=True)
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _supervise(self, loop: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            try:
                await loop()
            except Exception as error:  # a bug, or a core that broke: evidence may fail, the process may not
                self._broke(error)
                await self._pause(1.0)

    def _broke(self, error: Exception) -> None:
        self.events.publish("collector.failing", "error", error=f"{type(error).__name__}: {error}"[:300])

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _poll_loop(self) -> None:
        while not self._stopping.is_set():
            await self._poll(POLL_S)

    async def _poll(self, seconds: float) -> int:
        """Takes what records there are; returns how many came."""
        taken, records, unreadable = await asyncio.get_running_loop().run_in_executor(self._thread, self._take, seconds)
        self._lost += unreadable
        for record in records:
            self.evidence.saw(record)
            self._drop(self._hold.add(record))
        self._tell_lost()
        return taken

    def _take(self, seconds: float) -> tuple[int, list[Record], int]:
        """Runs in its own thread: waiting, reading and deflating are none of the event loop's business."""
        raws = self.core.poll(POLL_RECORDS, seconds)
        records, unreadable = [], 0
        for raw in raws:
            try:
                record = read_record(raw)
            except ValueError:
                unreadable += 1
                continue
            if record:
                records.append(record)
        return len(raws), records, unreadable

    async def _count_loop(self) -> None:
        while not self._stopping.is_set():
            if time.monotonic() - self._refreshed >= self._interval:  # the rollout reads them as often
                self.refresh()
            self._tell_lost()
            await self._pause(self._interval)

    async def _write_loop(self) -> None:
        wait = self._interval
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(WRITE_S):
                    await self._writer.flush(self.lost)
                wait = self._interval
            except (StoreError, StoreTooNewError) as error:
                self._writer.failed(str(error))
                wait = min(wait * 2, BACKOFF_MOST_S)
            except TimeoutError:
                self._writer.failed(f"no answer within {WRITE_S:g} s")
                wait = min(wait * 2, BACKOFF_MOST_S)
            await self._pause(wait)

    def _tell_news(self, now: int, *, at_once: bool = False) -> None:
        """Tells of differences that are open for the first time. Their example often comes a moment after the count."""
        for name, since in list(self._news.items()):
            judged = self.evidence.judge(name)
            difference, example = judged.difference, judged.example
            if not example and not at_once and now - since < NEWS_WAIT_MS:
                continue
            del self._news[name]
            if judged.status == "open":
                self.events.publish(
                    "difference.new",
                    "warning",
                    signature=name,
                    endpoint=difference.endpoint,
                    location=difference.location,
                    kind=difference.kind,
                    pair_id=example.pair if example else None,
                    old=example.old if example else None,
                    new=example.new if example else None,
                )

    def _drop(self, records: list[Record]) -> None:
        for record in records:
            self.evidence.dropped(record)
        self._lost += len(records)

    def _tell_lost(self, *, at_once: bool = False) -> None:
        lost, now = self.lost, self._now()
        if lost > self._lost_told and (at_once or now - self._lost_told_ms >= TELL_LOST_MS):
            self.events.publish("evidence.lost", "error", pairs=lost - self._lost_told, total=lost)
            self._lost_told, self._lost_told_ms = lost, now

    def _now(self) -> int:
        return int(self._clock() * 1000)
