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
        self._tasks: dict[asyncio.Task[None], socket.socket] = {}
        self._begun: set[asyncio.Task[None]] = set()

    async def listen(self, sock: socket.socket) -> None:
        """Starts to accept on a bound socket."""
        assert self._listening is None
        sock.setblocking(False)
        sock.listen(4096)
        self._listening = sock
        asyncio.get_running_loop().add_reader(sock, self._accept, sock)

    async def refuse(self) -> None:
        """Stops accepting and closes the listening socket; connections stay."""
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
            self._listening = None

    async def close(self) -> None:
        """Stops accepting and ends every connection's task."""
        await self.refuse()
        while self._tasks:
            await asyncio.sleep(0)  # one that is cancelled before it has begun would never close its connection
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, sock: socket.socket) -> None:
        # Not `loop.sock_accept`: cancelled at the wrong moment, that loses the connection it has just accepted.
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionAbortedError):
            while True:
                connection, _ = sock.accept()
                connection.setblocking(False)
                task = asyncio.get_running_loop().create_task(self._handle(connection))
                self._tasks[task] = connection
                task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        connection = self._tasks.pop(task)
        if task not in self._begun:  # cancelled before it could do anything
            connection.close()
        self._begun.discard(task)

    async def _handle(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._begun.add(task)
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
