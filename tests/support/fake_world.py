"""A world around a rollout: traffic, a core, a store, a clock, and processes that are killed at any moment."""

import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from parallelrun.evidence import StoreError
from parallelrun.evidence.activity import Activity
from parallelrun.evidence.counters import Counters
from parallelrun.evidence.events import Events
from parallelrun.evidence.rollouts import Change, Stored
from parallelrun.rollout import Plan, Rollout
from parallelrun.rollout.keeping import Keeper
from parallelrun.rollout.state import State

BEGAN = datetime(2026, 3, 1, 10, tzinfo=UTC)


class KilledError(BaseException):
    """The process has been killed: nothing in it goes on."""


@dataclass
class FakeRollouts:
    """The store in memory, with the same promises as the real one: all of a change or nothing, after the last one."""

    world: "World"
    revision_: int = 0
    epoch: int = 0
    state: str = ""
    memory: bytes = b""
    counts: dict[tuple[int, str], bytes] = field(default_factory=dict)
    moves_: list[str] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    trims: int = 0
    broken: bool = False
    failing: set[str] = field(default_factory=set)
    """The operations that fail, while the others work."""

    async def revision(self) -> int:
        self.world.may_end()
        self._may_fail("revision")
        return self.revision_

    async def read(self, run: str) -> Stored | None:
        self.world.may_end()
        self._may_fail("read")
        if not self.revision_:
            return None
        others = tuple(counts for (epoch, of), counts in self.counts.items() if epoch == self.epoch and of != run)
        return Stored(self.revision_, self.state, self.memory, others)

    async def write(self, change: Change) -> bool:
        self.world.may_end()
        self._may_fail("write")
        if change.known != self.revision_:
            return False
        self.revision_ += 1
        self.epoch, self.state, self.memory = change.epoch, change.state, change.memory
        self.counts[change.epoch, change.run] = change.counts
        self.counts = {key: counts for key, counts in self.counts.items() if key[0] >= change.epoch}
        self.moves_ += [move for _, move in change.moves]
        self.entries += [each.entry for each in change.entries]
        self.whole += [each.whole for each in change.entries]
        self.world.may_end()
        return True

    async def write_counts(self, epoch: int, run: str, counts: bytes) -> None:
        self.world.may_end()
        self._may_fail("write_counts")
        if epoch == self.epoch:
            self.counts[epoch, run] = counts
        self.world.may_end()

    async def moves(self, limit: int) -> list[str]:
        self._may_fail("moves")
        return self.moves_[::-1][:limit]

    async def journal(self) -> AsyncIterator[bytes]:
        for entry in self.entries:
            yield entry

    async def trim(self) -> None:
        self._may_fail("trim")
        self.trims += 1

    def _may_fail(self, operation: str) -> None:
        if self.broken or operation in self.failing:
            raise StoreError("disk full")


class World:
    """Everything outside of a process, and the counters inside of it."""

    def __init__(self, plan: Plan, seed: int = 1) -> None:
        self.plan = plan
        self.now = BEGAN
        self.random = random.Random(seed)
        self.store = FakeRollouts(self)
        self.quiet = False
        """Whether no requests come but those that a test sends."""
        self.ends_in: int | None = None
        """So many operations until the process is killed."""
        self.dead = False
        self.weight = 0
        self.raised: list[tuple[int, int]] = []
        """Each weight that the core got, and the one that was stored at that moment."""
        self.slow: dict[str, tuple[int, int]] = {}
        self.endpoints: dict[str, Counter[str]] = {}
        self.differences: Counter[tuple[str, str, str]] = Counter()
        self.breaker = "closed"
        self.activity = Activity(0)
        self.truth: Counter[int] = Counter()
        """Requests by the epoch that was stored when they came."""
        self.events = Events()
        self.events._log = structlog.wrap_logger(structlog.testing.ReturnLogger(), processors=[])
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.runs = 0
        self.sampling = False

    def may_end(self) -> None:
        """A moment at which a process can be killed, and at which traffic goes on."""
        if self.endpoints and not self.quiet:
            self.requests(1)
        if self.ends_in is not None:
            self.ends_in -= 1
            self.dead = self.dead or self.ends_in <= 0
        if self.dead:
            raise KilledError

    async def process(self) -> Rollout:
        """Another process, which counts from 0. May be killed while it begins."""
        self.runs += 1
        self.dead, self.ends_in = False, None
        self.endpoints, self.differences, self.slow, self.breaker = {}, Counter(), {}, "closed"
        self.weight = 0
        keeper = Keeper(self.store, f"run {self.runs}")  # type: ignore[arg-type]
        rollout = Rollout(
            self,
            self,  # type: ignore[arg-type]
            keeper,
            self.plan,
            self.events,
            sample=self._sample,
            clock=lambda: self.now,
        )
        await rollout.take_up()
        return rollout

    @property
    def stored(self) -> State:
        """What the store holds."""
        return State.model_validate_json(self.store.state)

    # The core.

    def set_weight(self, ppm: int) -> None:
        self.may_end()
        self.weight = ppm
        self.raised.append((ppm, self.stored.weight if self.store.state else 0))

    def set_slow(self, limits: str) -> None:
        self.may_end()
        for endpoint, one in json.loads(limits).items():
            if self.slow.get(endpoint) != (one["old_us"], one["new_us"]):
                self.slow[endpoint] = (one["old_us"], one["new_us"])
                counts = self.endpoints.get(endpoint, Counter())
                for cell in ("new_only", "old_only", "both", "neither"):
                    counts[f"slow.{cell}"] = 0

    # The collector.

    def refresh(self) -> Counters:
        self.may_end()
        return self.counters()

    def counters(self) -> Counters:
        """What the core has counted since its process began."""
        return Counters.model_validate(
            {
                "requests": sum(counts["requests"] for counts in self.endpoints.values()),
                "weight_ppm": self.weight,
                "breaker": {"state": self.breaker},
                "endpoints": [self._endpoint(name, counts) for name, counts in self.endpoints.items()],
                "differences": [
                    {"endpoint": endpoint, "location": location, "kind": kind, "confirmed": count}
                    for (endpoint, location, kind), count in self.differences.items()
                ],
            }
        )

    def _endpoint(self, name: str, counts: Counter[str]) -> dict[str, Any]:
        def table(of: str) -> dict[str, int]:
            return {cell: counts[f"{of}.{cell}"] for cell in ("new_only", "old_only", "both", "neither")}

        old_us, new_us = self.slow.get(name, (0, 0))
        return {
            "endpoint": name,
            "requests": counts["requests"],
            "outcomes": {"match": counts["match"], "mismatch": counts["mismatch"]},
            "failures": table("failures"),
            "sampled": table("sampled"),
            "slow": {"old_us": old_us, "new_us": new_us, **table("slow")} if old_us else None,
            "old": {"latency": {"count": counts["requests"], "buckets": [[1000, counts["requests"]]]}},
        }

    # What happens.

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def requests(
        self, number: int, *, mismatches: float = 0.0, failures: float = 0.0, endpoint: str = "GET /orders/{id}"
    ) -> None:
        """So many mirrored requests, of which a share differs, and a share fails on the new side."""
        counts = self.endpoints.setdefault(endpoint, Counter())
        wrong = sum(self.random.random() < mismatches for _ in range(number))
        failed = sum(self.random.random() < failures for _ in range(number))
        counts["requests"] += number
        counts["mismatch"] += wrong
        counts["match"] += number - wrong
        counts["failures.new_only"] += failed
        counts["failures.neither"] += number - failed
        asked = self.random.sample(range(number), min(10, number))
        counts["sampled.new_only"] += sum(each < wrong for each in asked)
        counts["sampled.neither"] += sum(each >= wrong for each in asked)
        if endpoint in self.slow:
            counts["slow.neither"] += number
        self.truth[self.store.epoch] += number

    def _sample(self, on: bool) -> None:
        self.sampling = on
