"""Asks the health URLs of both sides when somebody wants to know, and not more often than every few seconds."""

import asyncio
import ssl
import time
from datetime import UTC, datetime

import httpx
from pydantic import BaseModel

from parallelrun.api.engine import Engine

FRESH_S = 5.0
"""An answer is good for so long."""
TIMEOUT_S = 2.0


class Health(BaseModel):
    """What the health URL of a side said just now. `error` is None when it answered 2xx."""

    url: str
    ok: bool
    error: str | None
    checked_at: datetime


class HealthChecks:
    """The health of both sides as seen from here; traffic does not depend on it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = asyncio.Lock()
        self._key: object = None
        self._until = 0.0
        self._last: tuple[Health | None, Health | None] = (None, None)

    async def both(self) -> tuple[Health | None, Health | None]:
        """Old and new; None for a side without a `health` path."""
        async with self._lock:
            config, files = self._engine.config, self._engine.settings.loaded.attachments
            key = (config.old, config.new, files.old_ca, files.new_ca)
            if key != self._key or time.monotonic() >= self._until:
                self._last = await asyncio.gather(
                    _check(config.old.url, config.old.health, dict(config.old.headers.set), files.old_ca),
                    _check(config.new.url, config.new.health, dict(config.new.headers.set), files.new_ca),
                )
                self._key, self._until = key, time.monotonic() + FRESH_S
            return self._last


async def _check(base: str, path: str | None, headers: dict[str, str], ca: str | None) -> Health | None:
    if path is None:
        return None
    url = base + path
    error: str | None = None
    try:
        context = ssl.create_default_context()
        if ca:
            context.load_verify_locations(cadata=ca)
        async with httpx.AsyncClient(verify=context, timeout=TIMEOUT_S, trust_env=False) as client:
            answer = await client.get(url, headers=headers)
        if not answer.is_success:
            error = f"answered {answer.status_code}"
    except httpx.TimeoutException:
        error = f"no answer within {TIMEOUT_S:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as fault:
        error = str(fault) or type(fault).__name__
    return Health(url=url, ok=error is None, error=error, checked_at=datetime.now(UTC))
