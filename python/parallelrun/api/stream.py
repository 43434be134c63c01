"""`/api/v1/events`: what happens, as server-sent events. A slow reader loses events and is told how many."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from parallelrun.evidence.events import Event, Events

LISTENERS = 64
"""At most so many streams at once."""
QUIET_S = 15.0
"""After so long without an event a comment shows that the stream lives."""


async def stream(events: Events) -> AsyncIterator[str]:
    """The text of the stream from now on."""
    with events.subscribe() as subscription:
        yield ": parallelrun\n\n"
        while True:
            try:
                async with asyncio.timeout(QUIET_S):
                    got = await subscription.next()
            except TimeoutError:
                yield ":\n\n"
                continue
            if got is None:
                return
            found, lost = got
            if lost:
                yield f"event: lost\ndata: {json.dumps({'events': lost})}\n\n"
            for event in found:
                yield _text(event)


def _text(event: Event) -> str:
    at = datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat()
    data = json.dumps({"event": event.name, "at": at, "level": event.level, **event.data}, default=str)
    return f"id: {event.id}\nevent: {event.name}\ndata: {data}\n\n"
