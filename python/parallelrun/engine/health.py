"""Asks the health URLs of both sides: regularly, and when somebody wants to know, but not more often than every few
seconds. Traffic does not depend on it.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import httpx
from pydantic import BaseModel

from parallelrun.alerts.facts import Side, Unhealthy
from parallelrun.config import Loaded

ASK_S = 10.0
"""Seconds between two askings that nobody asked for."""
FRESH_S = 5.0
"""An answer is good for so long."""
TIMEOUT_S = 2.0


class Settings(Protocol):
    """Where the sides are."""

    @property
    def loaded(self) -> Loaded:
        """The configuration in force."""


class Health(BaseModel):
    """What the health URL of a side said just now. `error` is None when it answered 2xx."""

    url: str
    ok: bool
    error: str | None
    checked_at: datetime


class HealthChecks:
    """The health of both sides as seen from here."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._key: object = None
        self._until = 0.0
        self._last: tuple[Health | None, Health | None] = (None, None)
        self._unhealthy: dict[Side, Unhealthy] = {}

    @property
    def unhealthy(self) -> Mapping[Side, Unhealthy]:
        """The sides whose health URL failed when it was last asked, and since when it has."""
        return self._unhealthy

    async def follow(self) -> None:
        """Asks from time to time, until it is cancelled."""
        while True:
            await self.both()
            await asyncio.sleep(ASK_S)

    async def both(self) -> tuple[Health | None, Health | None]:
        """Old and new; None for a side without a `health` path."""
        async with self._lock:
            config, files = self._settings.loaded.config, self._settings.loaded.attachments
            key = (config.old, config.new, files.old_ca, files.new_ca)
            if key != self._key or time.monotonic() >= self._until:
                old, new = await asyncio.gather(
                    _check(config.old.url, config.old.health, dict(config.old.headers.set), files.old_ca),
                    _check(config.new.url, config.new.health, dict(config.new.headers.set), files.new_ca),
                )
                self._last = (old, new)
                self._note("old", old)
                self._note("new", new)
                self._key, self._until = key, time.monotonic() + FRESH_S
            return self._last

    def _note(self, side: Side, health: Health | None) -> None:
        if health is None or health.error is None:
            self._unhealthy.pop(side, None)
            return
        before = self._unhealthy.get(side)
        goes_on = before is not None and before.url == health.url
        since_ms = before.since_ms if before and goes_on else int(health.checked_at.timestamp() * 1000)
        self._unhealthy[side] = Unhealthy(health.url, health.error, since_ms)


async def _check(base: str, path: str | None, headers: dict[str, str], ca: str | None) -> Health | None:
    if path is None:
        return None
    url = base + path
    error: str | None = None
    try:
        async with httpx.AsyncClient(verify=_context(url, ca), timeout=TIMEOUT_S, trust_env=False) as client:
            answer = await client.get(url, headers=headers)
        if not answer.is_success:
            error = f"answered {answer.status_code}"
    except httpx.TimeoutException:
        error = f"no answer within {TIMEOUT_S:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as fault:
        error = str(fault) or type(fault).__name__
    return Health(url=url, ok=error is None, error=error, checked_at=datetime.now(UTC))


def _context(url: str, ca: str | None) -> ssl.SSLContext | bool:
    """False for plain HTTP: to read all the system's certificates takes the event loop several milliseconds."""
    if not url.startswith("https:"):
        return False
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)
    return context
