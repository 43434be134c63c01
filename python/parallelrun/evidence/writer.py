"""Brings evidence into the store, and knows what the store has got. Writing twice does no harm, so a doubt is settled
by writing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from parallelrun.evidence import rules
from parallelrun.evidence.counters import EndpointCounts
from parallelrun.evidence.events import Events
from parallelrun.evidence.hold import Hold
from parallelrun.evidence.model import Difference, Run
from parallelrun.evidence.retention import Retention
from parallelrun.evidence.state import Evidence
from parallelrun.evidence.store import Batch, Store

BATCH_RECORDS = 200
BATCH_BYTES = 4 * 1024 * 1024
UPKEEP_MS = 60_000
"""Retention, a sign of life in the store, and a look at other runs happen this often."""


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """`error` is None while the store takes what it is given; `since_ms` is when that began."""

    error: str | None
    since_ms: int
    written_ms: int | None


class Writer:
    """The collector's hand towards the store. One call at a time."""

    def __init__(
        self,
        store: Store,
        evidence: Evidence,
        *,
        hold: Hold,
        events: Events,
        run: Run,
        retention: Retention,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.retention = retention
        self.run = run
        self.health = StoreHealth(None, run.started_ms, None)
        self._evidence = evidence
        self._hold = hold
        self._events = events
        self._clock = clock
        self._rules: rules.RulesInForce | None = None
        self._written_endpoints: dict[str, EndpointCounts] = {}
        self._written_differences: dict[str, Difference] = {}
        self._written_rules: rules.RulesInForce | None = None
        self._remembered: dict[str, str] = {}
        self._written_facts: dict[str, str] = {}
        self._epoch = 0
        self._others: dict[str, int] = {}
        self._inserted = 0
        self._kept_up_ms = 0

    def configured(self, snapshot: str) -> None:
        """The core took over this snapshot: what its rules hide counts as hidden from now on."""
        present, now = rules.Rules.of(snapshot), self._now()
        self._take(self._rules.then(present, now) if self._rules else rules.RulesInForce.first(present, now))

    def remember(self, name: str, value: str) -> None:
        """The store is to hold this as the fact `name`."""
        self._remembered[name] = value

    async def flush(self, lost: int, *, ended: bool = False) -> None:
        """Writes everything that the store has not got, and does the upkeep when it is due.

        Raises:
            StoreError, StoreTooNewError: the store does not take it. What it took before stays written.
        """
        await self.store.prepare()
        if self.store.epoch != self._epoch:
            await self._meet_store()
        now = self._now()
        upkeep = now - self._kept_up_ms >= UPKEEP_MS
        self.run = replace(self.run, written_ms=now, ended_ms=now if ended else None, lost=lost)
        for batch in self._batches(always=ended or upkeep):
            try:
                await self.store.write(batch)
            except BaseException:
                self._hold.put_back(batch.records)
                raise
            self._wrote(batch)
        self._worked(now)
        if not ended and (upkeep or self._inserted > self.retention.pairs // 10):
            await self._keep_up(now)

    def failed(self, error: str) -> None:
        """The last `flush` failed."""
        if error == self.health.error:
            return
        since = self._now() if self.health.error is None else self.health.since_ms
        self.health = replace(self.health, error=error, since_ms=since)
        self._events.publish("store.failing", "error", store=self.store.place, error=error, held=len(self._hold))

    def _worked(self, now: int) -> None:
        since = self.health.since_ms
        if self.health.error is not None:
            self._events.publish("store.recovered", store=self.store.place, after_s=round((now - since) / 1000, 1))
            since = now
        self.health = StoreHealth(None, since, now)

    async def _meet_store(self) -> None:
        """A database that may lack what was written before: another one than last time, or the first."""
        if self._epoch:
            self._events.publish("store.replaced", "warning", store=self.store.place)
        self._written_endpoints, self._written_differences, self._written_rules = {}, {}, None
        self._written_facts = {}
        known = rules.load(await self.store.fact(rules.FACT))
        if known and self._rules:
            self._written_rules = known
            self._take(known.then(self._rules.rules, self._rules.since_ms))
        await self._look_back(await self._other_runs())
        self._epoch = self.store.epoch

    def _take(self, in_force: rules.RulesInForce) -> None:
        if in_force != self._rules:
            self._rules = self._evidence.rules = in_force

    async def _keep_up(self, now: int) -> None:
        gone = await self.store.retain(self.retention, self.run.id, now)
        self._inserted = 0
        self._kept_up_ms = now
        others = await self._other_runs()
        if gone or others != self._others:
            await self._look_back(others)

    async def _other_runs(self) -> dict[str, int]:
        runs = await self.store.runs()
        return {run: written for run, written in runs.items() if run != self.run.id}

    async def _look_back(self, others: dict[str, int]) -> None:
        past = await self.store.past(self.run.id)
        self._others = others
        self._evidence.rebase(past, self._hold.all())

    def _batches(self, *, always: bool) -> Iterator[Batch]:
        """What is to be written: first the counters with some records, then the other records."""
        counters, current = self._evidence.now, self._evidence.current
        endpoints = [one for one in counters.endpoints if self._written_endpoints.get(one.endpoint) != one]
        differences = [one for name, one in current.items() if self._written_differences.get(name) != one]
        facts = {name: value for name, value in self._remembered.items() if self._written_facts.get(name) != value}
        if self._rules and self._rules != self._written_rules:
            facts[rules.FACT] = self._rules.dump()
        records = self._hold.take(BATCH_RECORDS, BATCH_BYTES)
        if endpoints or differences or facts or records or always:
            yield Batch(self.run, endpoints, differences, records, facts)
        while records := self._hold.take(BATCH_RECORDS, BATCH_BYTES):
            yield Batch(self.run, records=records)

    def _wrote(self, batch: Batch) -> None:
        self._written_endpoints.update((one.endpoint, one) for one in batch.endpoints)
        self._written_differences.update((one.signature, one) for one in batch.differences)
        self._written_facts.update(batch.facts)
        if rules.FACT in batch.facts:
            self._written_rules = rules.load(batch.facts[rules.FACT])
        self._hold.done(batch.records)
        self._inserted += len(batch.records)

    def _now(self) -> int:
        return int(self._clock() * 1000)
