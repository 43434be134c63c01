"""Asks the health URLs of both sides again and again, and tells the core when the new side is not well."""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import httpx
from pydantic import BaseModel

from parallelrun.alerts.facts import Side as SideName
from parallelrun.alerts.facts import Unhealthy
from parallelrun.config import Loaded
from parallelrun.config.sides import Side


class Core(Protocol):
    """The part of the core that is told."""

    def set_health(self, healthy: bool) -> None:
        """See `_core.pyi`."""


class Settings(Protocol):
    """The settings in force."""

    @property
    def loaded(self) -> Loaded:
        """With what the files that they name hold."""


class Health(BaseModel):
    """What the health URL of a side said last. `error` is None when it answered 2xx."""

    url: str
    ok: bool
    error: str | None
    checked_at: datetime


Both = tuple[Health | None, Health | None]


class HealthChecks:
    """What is known of the health of both sides. Only that of the new side acts on traffic.

    Args:
        settings: say where and how to ask.
        core: is told whether the new side is well.
    """

    def __init__(self, settings: Settings, core: Core) -> None:
        self._settings = settings
        self._core = core
        self._one_at_a_time = asyncio.Lock()
        self._asked: Loaded | None = None
        self._last: Both = (None, None)
        self._failed = 0
        self._healthy = True
        self._unhealthy: dict[SideName, Unhealthy] = {}

    @property
    def unhealthy(self) -> Mapping[SideName, Unhealthy]:
        """The sides whose health URL failed when it was last asked, and since when it has."""
        return self._unhealthy

    async def both(self) -> Both:
        """Old and new, as they were at the last check; None for a side without a `health` path."""
        async with self._one_at_a_time:
            if self._asked is not self._settings.loaded:
                await self._check()
            return self._last

    async def follow(self) -> None:
        """Checks both sides once in an interval, until it is cancelled."""
        while True:
            async with self._one_at_a_time:
                await self._check()
            await asyncio.sleep(self._settings.loaded.config.breaker.health.interval.total_seconds())

    async def _check(self) -> None:
        loaded = self._settings.loaded
        config, files = loaded.config, loaded.attachments
        within = config.breaker.health.timeout.total_seconds()
        if self._asked is not None and (self._asked.config.new, self._asked.attachments) != (config.new, files):
            self._failed = 0  # it is another side now
        old, new = await asyncio.gather(_ask(config.old, files.old_ca, within), _ask(config.new, files.new_ca, within))
        self._asked, self._last = loaded, (old, new)
        self._note("old", old)
        self._note("new", new)
        self._failed = self._failed + 1 if new and new.error else 0
        self._tell(self._failed < config.breaker.health.failures)

    def _note(self, side: SideName, health: Health | None) -> None:
        if health is None or health.error is None:
            self._unhealthy.pop(side, None)
            return
        before = self._unhealthy.get(side)
        goes_on = before is not None and before.url == health.url
        since_ms = before.since_ms if before and goes_on else int(health.checked_at.timestamp() * 1000)
        self._unhealthy[side] = Unhealthy(health.url, health.error, since_ms)

    def _tell(self, healthy: bool) -> None:
        if healthy != self._healthy:
            self._core.set_health(healthy)
            self._healthy = healthy


async def _ask(side: Side, ca: str | None, within: float) -> Health | None:
    if side.health is None:
        return None
    url = side.url + side.health
    error: str | None = None
    try:
        # On a connection of its own: the question is whether it answers somebody new, and in time altogether.
        async with (
            asyncio.timeout(within),
            httpx.AsyncClient(verify=_trust(url, ca), timeout=within, trust_env=False) as client,
            client.stream("GET", url, headers=dict(side.headers.set)) as answer,
        ):
            if not answer.is_success:
                error = f"answered {answer.status_code}"
    except (TimeoutError, httpx.TimeoutException):
        error = f"no answer within {within:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as fault:
        error = str(fault) or type(fault).__name__
    return Health(url=url, ok=error is None, error=error, checked_at=datetime.now(UTC))


def _trust(url: str, ca: str | None) -> ssl.SSLContext | bool:
    if not url.startswith("https:"):
        return False  # to read all the system's certificates takes the event loop several milliseconds
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)
    return context
