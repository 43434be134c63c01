"""One accepted connection of the strict origin, and one request on it in the hands of a behaviour."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from .acceptor import READ_SIZE
from .message import Message, RequestHead, ViolationError
from .wire import Reader

T = TypeVar("T")

Behaviour = Callable[["Exchange"], Awaitable[None]]

LINGER_ZERO = struct.pack("ii", 1, 0)


class GoneError(Exception):
    """The peer closed or reset the connection."""


@dataclass(slots=True)
class Recorded:
    """One request as the origin got it. `message.complete` says whether its end arrived."""

    connection: int
    message: Message
    gone: bool = False
    """The peer went away before the message or the answer to it was complete."""

    @property
    def head(self) -> RequestHead:
        assert isinstance(self.message.head, RequestHead)
        return self.message.head

    @property
    def raw(self) -> bytes:
        return bytes(self.message.raw)

    @property
    def body(self) -> bytes:
        return bytes(self.message.body)

    @property
    def target(self) -> str:
        return self.head.target.decode("latin-1")

    @property
    def method(self) -> str:
        return self.head.method.decode()

    def header(self, name: str) -> str | None:
        """The single value of a field, None when absent."""
        value = self.head.get(name.encode())
        return None if value is None else value.decode("latin-1")


class Exchange:
    """One request on one connection, in the hands of a behaviour."""

    def __init__(self, connection: "Connection", record: Recorded) -> None:
        self._connection = connection
        self.record = record
        self.head = record.head

    async def some(self) -> bytes | None:
        """The next piece of the request's body, None at its end.

        Raises:
            GoneError: the peer went away before the end.
        """
        return await self._connection.body_piece()

    async def body(self) -> bytes:
        """Reads the body to its end; returns at most `wire.KEEP_LIMIT` bytes of it."""
        while await self.some() is not None:
            pass
        return self.record.body

    async def send(self, data: bytes) -> None:
        """Sends exact bytes."""
        await self._connection.send(data)

    async def answer(
        self,
        status: int = 200,
        headers: "list[tuple[str, str]] | dict[str, str] | None" = None,
        body: bytes = b"",
        *,
        head_only: bool = False,
    ) -> None:
        """Sends a whole answer with Content-Length, as the request's method allows it."""
        await self.send(render(status, headers, body, for_head=head_only or self.head.method == b"HEAD"))

    async def read_raw(self) -> bytes:
        """Bytes from the peer beyond HTTP, after a 101."""
        return await self._connection.read_raw()

    async def unless_gone(self, awaitable: Awaitable[T]) -> T:
        """Waits for something that has nothing to do with the peer, once the request has been read.

        Raises:
            GoneError: the peer went away meanwhile.
        """
        waiting = asyncio.ensure_future(awaitable)
        try:
            while not waiting.done():
                reading = asyncio.ensure_future(self._connection.read_ahead())
                await asyncio.wait({waiting, reading}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)
                else:
                    reading.result()
            return waiting.result()
        finally:
            waiting.cancel()

    async def until_gone(self) -> None:
        """Waits until the peer closes; what it still sends is dropped."""
        with contextlib.suppress(GoneError):
            while True:
                await self._connection.read_raw()

    def reset(self) -> None:
        """Drops the connection with a TCP reset."""
        self._connection.reset()

    async def close(self) -> None:
        """Closes the connection in order (FIN) after what was sent."""
        await self._connection.close()


def render(
    status: int,
    headers: "list[tuple[str, str]] | dict[str, str] | None" = None,
    body: bytes = b"",
    *,
    for_head: bool = False,
) -> bytes:
    """The bytes of an answer; Content-Length is added except where RFC 9110 forbids or omits it."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    framed = {name.lower() for name, _ in pairs} & {"content-length", "transfer-encoding"}
    if not framed and status >= 200 and status not in (204, 304):
        pairs.append(("content-length", str(len(body))))
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Status'}", *(f"{name}: {value}" for name, value in pairs)]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head if for_head or status in (204, 304) else head + body


class Connection:
    """One accepted connection: reads requests one after the other and gives each to a behaviour, as `begin` says."""

    def __init__(
        self,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        begin: Callable[[Recorded], Behaviour],
    ) -> None:
        self.number = number
        self._begin = begin
        self._reader = reader
        self._writer = writer
        self._wire = Reader("request")
        self._closed = False
        self._ended = False

    async def run(self) -> None:
        """Serves requests until either end closes."""
        while not self._closed:
            if not await self._until_head():
                return
            message = self._wire.message
            assert message is not None
            record = Recorded(self.number, message)
            behaviour = self._begin(record)
            self._ended = False
            try:
                await behaviour(Exchange(self, record))
                while not self._closed and await self.body_piece() is not None:
                    pass
            except GoneError:
                record.gone = True
                raise
            if not message.complete or "close" in ((record.head.get(b"connection") or b"").decode().lower()):
                return
            self._wire.next_message()

    async def _until_head(self) -> bool:
        while (event := self._wire.step()) is None:
            if self._wire.eof:
                if self._wire.buffer:
                    raise ViolationError(f"the connection ended inside a head: {bytes(self._wire.buffer[:200])!r}")
                return False
            await self._fill()
        assert event == "head"
        return True

    async def _fill(self) -> None:
        try:
            self._wire.feed(await self._reader.read(READ_SIZE))
        except (ConnectionError, OSError):
            raise GoneError from None

    async def read_ahead(self) -> None:
        """Reads what comes next and keeps it for later."""
        await self._fill()
        if self._wire.eof:
            raise GoneError

    async def body_piece(self) -> bytes | None:
        if self._ended:
            return None
        while (event := self._wire.step()) is None:
            if self._wire.eof:
                raise GoneError
            await self._fill()
        if isinstance(event, bytes):
            return event
        assert event == "end"
        self._ended = True
        return None

    async def read_raw(self) -> bytes:
        if self._wire.buffer:
            data = bytes(self._wire.buffer)
            self._wire.buffer.clear()
            return data
        try:
            data = await self._reader.read(READ_SIZE)
        except (ConnectionError, OSError):
            raise GoneError from None
        if not data:
            raise GoneError
        return data

    async def send(self, data: bytes) -> None:
        if self._closed:
            raise GoneError
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, OSError, RuntimeError):
            raise GoneError from None

    def reset(self) -> None:
        self._closed = True
        sock = self._writer.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._writer.transport.abort()

    async def close(self) -> None:
        self._closed = True
        with contextlib.suppress(ConnectionError, OSError, ssl.SSLError):
            self._writer.close()
            await self._writer.wait_closed()
