"""From start to end: what a process does between its first and its last line."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from parallelrun.config import Loaded, Source
from parallelrun.engine.engine import CreateApp, Engine
from parallelrun.engine.priority import stand_back
from parallelrun.engine.signals import Signals
from parallelrun.engine.status import Ending
from parallelrun.evidence.events import Events

Show = Callable[[Engine], Coroutine[Any, Any, None]]
"""Shows a running engine until it is cancelled."""


async def run(source: Source, loaded: Loaded, create_app: CreateApp, show: Show | None = None) -> Ending | None:
    """Serves until SIGTERM or SIGINT.

    Args:
        source: where the configuration is read from again.
        loaded: the one to begin with.
        create_app: makes the admin API.
        show: runs beside it.

    Returns:
        How it ended; None where the signal came before it had begun.

    Raises:
        StartError: it cannot begin.
    """
    signals = Signals()
    try:
        engine = await _start(source, loaded, create_app, signals)
        if engine is None:
            return None
        stand_back()
        signals.on_hangup = engine.reload
        showing = asyncio.create_task(show(engine)) if show else None
        await signals.stop.wait()
        ending = await engine.stop(signals.name, signals.hurry)
        if showing:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
        return ending
    finally:
        signals.close()


async def _start(source: Source, loaded: Loaded, create_app: CreateApp, signals: Signals) -> Engine | None:
    starting = asyncio.create_task(Engine.start(source, loaded, create_app, Events()))
    stopping = asyncio.create_task(signals.stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        return starting.result()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    return None
