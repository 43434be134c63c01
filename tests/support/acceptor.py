"""Accepts connections on the background loop, like `asyncio.start_server`, but can be stopped at any moment.

asyncio's own server loses a connection that it accepts while it is being closed: its transport is never closed, which
shows as a ResourceWarning in whichever test runs next.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

READ_SIZE = 1 << 16

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Acceptor:
    """Calls `serve` with each connection, in a task of its own, and closes the connection when that ends."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None) -> None:
        self._serve = serve
        self._tls = tls
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, sock: socket.socket) -> None:
        """Starts to accept on a bound socket."""
        assert self._accepting is None
        sock.setblocking(False)
        sock.listen(4096)
        self._listening = sock
        self._accepting = asyncio.create_task(self._accept(sock))

    async def refuse(self) -> None:
        """Stops accepting and closes the listening socket; connections stay."""
        if self._accepting is not None and self._listening is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._listening.close()
            self._accepting = self._listening = None

    async def close(self) -> None:
        """Stops accepting and ends every connection's task."""
        await self.refuse()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(sock)
            task = loop.create_task(self._handle(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _handle(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(READ_SIZE * 4, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._tls)
        except (OSError, asyncio.CancelledError):
            connection.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            await self._serve(reader, writer)
        finally:
            with contextlib.suppress(RuntimeError):
                writer.close()


def bind(port: int = 0) -> socket.socket:
    """A socket bound to 127.0.0.1, not listening yet: the kernel refuses connections to it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock
