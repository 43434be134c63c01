"""A strict HTTP/1.1 origin whose answers are scripted per path and which remembers, byte for byte, what it was sent.

    origin = Origin("old")
    origin.on("/slow", behaviour.hang())
    ...
    origin.requests[0].raw      # exactly what arrived
    origin.violations           # what no HTTP/1.1 server should ever be sent; must stay empty

It runs on the shared background loop, so a test reads its lists from another thread: wait with `wait_until`.
"""

import asyncio
import contextlib
import itertools
import socket
import ssl
import threading
from typing import Literal

from . import background
from .acceptor import Acceptor, bind
from .exchange import Behaviour, Connection, Exchange, GoneError, Recorded, render
from .message import ViolationError


async def default_behaviour(exchange: Exchange) -> None:
    """Reads the body and answers 200 with a text that depends on nothing but the method and the target."""
    await exchange.body()
    text = b"%s %s" % (exchange.head.method, exchange.head.target)
    await exchange.answer(200, [("content-type", "text/plain")], text)


class Origin:
    """A strict origin on 127.0.0.1.

    Args:
        name: shows up in failures.
        port: 0 picks a free one.
        tls: a server context; the origin then speaks HTTPS.
    """

    def __init__(self, name: str = "origin", *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.name = name
        self.requests: list[Recorded] = []
        self.violations: list[str] = []
        self.connections = 0
        self.open_connections = 0
        self.at_accept: Literal["serve", "reset", "hang"] = "serve"
        self.default: Behaviour = default_behaviour
        self._tls = tls
        self._scripts: dict[str, Behaviour] = {}
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._live: set[Connection] = set()
        self._acceptor = Acceptor(self._serve, tls)
        self._placeholder: socket.socket | None = bind(port)
        self.port: int = self._placeholder.getsockname()[1]
        self.listen()

    @property
    def url(self) -> str:
        """The base URL for a side of the snapshot."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def on(self, path: str, behaviour: Behaviour) -> None:
        """Scripts the answer to a path, whatever the method and query."""
        self._scripts[path] = behaviour

    def count(self, path: str | None = None) -> int:
        """How many requests have arrived, in all or for a path (without its query)."""
        with self._lock:
            return sum(self._counts.values()) if path is None else self._counts.get(path, 0)

    def to(self, path: str) -> list[Recorded]:
        """The recorded requests for a path."""
        return [request for request in list(self.requests) if request.head.path == path.encode()]

    def whole(self, path: str) -> list[Recorded]:
        """Those of them that have come with all of their body: a request is recorded once its head is there."""
        return [request for request in self.to(path) if request.message.complete]

    def forget(self) -> None:
        """Drops the recorded requests and counts; the violations stay."""
        with self._lock:
            self.requests.clear()
            self._counts.clear()

    def listen(self) -> None:
        """Starts (again) to accept."""
        background.run(self._listen())

    def refuse(self) -> None:
        """Refuses connections from now on (the port stays ours) and resets the open ones."""
        background.run(self._refuse())

    def reset_all(self) -> None:
        """Resets every open connection, idle or busy."""
        background.run(self._reset_all())

    def close(self) -> None:
        """Stops everything."""
        background.run(self._close())

    async def _listen(self) -> None:
        assert self._placeholder is not None
        await self._acceptor.listen(self._placeholder)
        self._placeholder = None

    async def _refuse(self) -> None:
        await self._acceptor.refuse()
        self._placeholder = bind(self.port)
        await self._reset_all()

    async def _reset_all(self) -> None:
        for connection in list(self._live):
            connection.reset()

    async def _close(self) -> None:
        if self._placeholder is not None:
            self._placeholder.close()
        await self._acceptor.close()

    def _begin(self, record: Recorded) -> Behaviour:
        with self._lock:
            self.requests.append(record)
            path = record.head.path.decode("latin-1")
            self._counts[path] = self._counts.get(path, 0) + 1
        return self._scripts.get(path, self.default)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self.connections, reader, writer, self._begin)
        self.connections += 1
        self.open_connections += 1
        self._live.add(connection)
        try:
            if self.at_accept == "reset":
                connection.reset()
            elif self.at_accept == "hang":
                while True:
                    await connection.read_raw()
            else:
                await connection.run()
        except ViolationError as violation:
            self.violations.append(f"{self.name}, connection {connection.number}: {violation}")
            with contextlib.suppress(GoneError):
                await connection.send(render(400, {"connection": "close"}, str(violation).encode()))
        except (GoneError, ssl.SSLError):
            pass
        finally:
            self._live.discard(connection)
            self.open_connections -= 1


_number = itertools.count(1)


def unique_path(stem: str = "t") -> str:
    """A path that no other test uses. Of letters only, so that the proxy does not take it for an id."""
    number, letters = next(_number), ""
    while number:
        number, digit = divmod(number, 26)
        letters = chr(97 + digit) + letters
    return f"/{stem}-{letters}"
