"""Requests at a steady rate, many in a second: each answer's status, length and body are checked, and who gave it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from . import background
from .wait import wait_until


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes of one request, and the body that its answer must have."""

    data: bytes
    expect: bytes


@dataclass(slots=True)
class Offered:
    """What became of the requests; may be read while they are sent."""

    sent: int = 0
    """How many were sent: numbers 0 to `sent - 1`."""
    served: Counter[str] = field(default_factory=Counter)
    """Good answers by `x-from`."""
    latest: Counter[str] = field(default_factory=Counter)
    """The highest number of a request that got a good answer, by `x-from`."""
    errors: list[str] = field(default_factory=list)
    """Requests that got another answer, or none."""
    broken: list[int] = field(default_factory=list)
    """The requests whose answer broke off, not among the errors."""


@dataclass
class Load:
    """Requests under way until the block of `offering` ends."""

    result: Offered = field(default_factory=Offered)
    enough: threading.Event = field(default_factory=threading.Event)

    def more(self, count: int = 300) -> None:
        """Waits until so many further requests have been sent."""
        mark = self.result.sent + count
        wait_until(lambda: self.result.sent >= mark, lambda: f"{self.result.sent} requests of {mark}")


@contextmanager
def offering(address: tuple[str, int], requests: Callable[[int], Request], rate: float) -> Iterator[Load]:
    """Sends `requests(0)`, `requests(1)`, ... while the block runs.

    `rate` in a second is what is offered; where the proxy or the machine does not keep up, a request waits for a
    connection, and fewer are sent.
    """
    load = Load()
    running = background.start(_offer(address, requests, rate, load.enough, load.result))
    try:
        yield load
    finally:
        load.enough.set()
        running.result(60)


async def _offer(
    address: tuple[str, int],
    requests: Callable[[int], Request],
    rate: float,
    enough: threading.Event,
    result: Offered,
    connections: int = 128,
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    turn = asyncio.Lock()

    async def client() -> None:
        connection: _Connection | None = None
        while not enough.is_set():
            async with turn:
                await asyncio.sleep(max(0.0, began + result.sent / rate - loop.time()))
                number = result.sent
                result.sent += 1
            if connection is None or connection.lost:
                connection = _Connection()
                await loop.create_connection(lambda c=connection: c, *address)  # type: ignore[misc]
            await connection.ask(number, requests(number), result)
        if connection is not None:
            connection.close()

    await asyncio.gather(*(client() for _ in range(connections)))


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = False
        self._buffer = b""
        self._over: asyncio.Future[str | None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._over is not None and not self._over.done():
            self._over.set_result(f"closed: {exc}")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if self._over is None or not blank:
            return
        if len(rest) >= _length(head) and not self._over.done():
            self._over.set_result(None)

    async def ask(self, number: int, request: Request, result: Offered) -> None:
        loop = asyncio.get_running_loop()
        self._buffer = b""
        self._over = loop.create_future()
        self._transport.write(request.data)
        failed = await self._over
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if blank and failed is not None:
            result.broken.append(number)
        elif failed is not None:
            result.errors.append(f"request {number}: {failed} after {self._buffer[:100]!r}")
        elif head[9:12] != b"200" or body != request.expect:
            result.errors.append(f"request {number}: {head!r} {body[:100]!r}")
        else:
            side = _field(head, b"x-from").decode()
            result.served[side] += 1
            result.latest[side] = max(result.latest[side], number)

    def close(self) -> None:
        self._transport.close()


def _field(head: bytes, name: bytes) -> bytes:
    _, found, rest = head.lower().partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def _length(head: bytes) -> int:
    return int(_field(head, b"content-length") or b"0")
