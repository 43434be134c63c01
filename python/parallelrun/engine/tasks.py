"""Tasks that run beside the main one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from parallelrun.evidence.events import Events


class Tasks:
    """Keeps tasks alive and their failures visible: one that fails is told in `engine.failing`, and nothing else ends.

    Args:
        events: where it is told.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._running: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work` beside everything else."""
        task = asyncio.create_task(self._watched(name, work), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def cancel(self) -> None:
        """Ends all of them."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _watched(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            self._events.publish("engine.failing", "error", task=name, error=f"{type(error).__name__}: {error}"[:300])
