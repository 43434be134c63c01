"""Of which two addresses the store holds evidence. It adds up all that it is given, whatever they are."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from parallelrun.alerts.clock import wall_ms
from parallelrun.config import Config, words
from parallelrun.evidence import Store
from parallelrun.evidence.collector import Collector

FACT = "sides"
"""Its name in the store."""
LOOK_S = 1.0
"""Seconds between two looks at whether there is evidence."""
ADVICE = (
    "If these are other versions or another service, give them a store of their own, with --store; if the same two have"
    " only moved, all is well."
)


@dataclass(frozen=True, slots=True)
class Sides:
    """Two addresses, and since when the store has been given evidence of them, in ms since the epoch."""

    old: str
    new: str
    since_ms: int

    def are_those_of(self, config: Config) -> bool:
        """Whether the configuration has the same addresses."""
        return (self.old, self.new) == (config.old.url, config.new.url)

    @property
    def sentence(self) -> str:
        """That the store holds evidence of them, though the addresses are others now."""
        since = words.time(datetime.fromtimestamp(self.since_ms / 1000, UTC))
        return (
            f"The store holds evidence of other addresses since {since}, old {self.old} and new {self.new}, and every"
            " count includes it."
        )

    def dump(self) -> str:
        """The text for the store."""
        return json.dumps(asdict(self))


def load(text: str | None) -> Sides | None:
    """Reads what `dump` wrote; None where there is no such text, or another version wrote it."""
    try:
        return Sides(**json.loads(text or ""))
    except (ValueError, TypeError):
        return None


class SidesInStore:
    """Has the store remember the addresses of which it was given evidence last.

    Args:
        collector: says whether there is any, and carries the news.
        config: the configuration in force.
    """

    def __init__(self, collector: Collector, config: Callable[[], Config]) -> None:
        self._collector = collector
        self._config = config
        self._last: Sides | None = None

    async def others(self, store: Store) -> Sides | None:
        """Those of an earlier process, where they are not those in force and the store still holds evidence.

        Raises:
            StoreError, StoreTooNewError: the store does not answer.
        """
        self._last = load(await self._collector.recall(FACT))
        if self._last is None or self._last.are_those_of(self._config()):
            return None
        return self._last if (await store.past(self._collector.run.id)).endpoints else None

    async def follow(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            self.note()
            await asyncio.sleep(LOOK_S)

    def note(self) -> None:
        """Looks once: a process that no request reached leaves nothing."""
        config = self._config()
        if self._collector.evidence.now.requests and not (self._last and self._last.are_those_of(config)):
            self._last = Sides(config.old.url, config.new.url, wall_ms())
            self._collector.remember(FACT, self._last.dump())
