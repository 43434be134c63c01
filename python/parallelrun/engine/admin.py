"""The server of the admin API, in the event loop of the process. It may fail; traffic goes on."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from parallelrun.evidence.events import Events

CLOSE_S = 1
"""How long an answer that is under way may still take at the end, in seconds."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The engine handles the signals."""
        yield


class AdminServer:
    """Serves an ASGI application on a socket that is bound already.

    Args:
        app: the application.
        listener: the socket; closed at the end.
        events: `admin.failing`.
    """

    def __init__(self, app: Any, listener: socket.socket, events: Events) -> None:
        self.listener = listener
        self._events = events
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=CLOSE_S,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to accept and returns once it does."""
        self._task = asyncio.create_task(self._serve(), name="admin")
        accepting = asyncio.create_task(self._server.accepting.wait())
        await asyncio.wait({self._task, accepting}, return_when=asyncio.FIRST_COMPLETED)
        accepting.cancel()

    async def stop(self) -> None:
        """Closes the socket and the connections."""
        self._server.should_exit = True
        if self._task:
            await self._task
        self.listener.close()

    async def _serve(self) -> None:
        try:
            await self._server.serve(sockets=[self.listener])
        except (
            Exception,
            SystemExit,
        ) as error:  # uvicorn ends itself by SystemExit; the data plane must not end with it
            self._events.publish("admin.failing", "error", error=f"{type(error).__name__}: {error}"[:300])
