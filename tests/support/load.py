"""Load: many requests over some connections, each answer read strictly, each failure kept with its reason."""

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from .message import ResponseHead, ViolationError
from .wire import Reader

Abort = Literal["before_answer", "in_upload", "in_answer"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One request to send: its bytes, and where the client goes away, if it does."""

    data: bytes
    method: bytes = b"GET"
    abort: Abort | None = None
    expect: bytes | None = None
    """The body that the answer must have."""
    label: str = ""


@dataclass(slots=True)
class Result:
    """What became of the load."""

    statuses: Counter[int] = field(default_factory=Counter)
    aborted: int = 0
    errors: list[str] = field(default_factory=list)
    """Requests without a whole, well-formed, expected answer, other than those aborted on purpose."""
    refusals: list[str] = field(default_factory=list)
    """Answers of 500 and above, with their text."""
    seconds: list[float] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())

    @property
    def offered(self) -> int:
        return self.answered + self.aborted + len(self.errors)


async def load(
    address: tuple[str, int],
    shots: Callable[[int], Shot],
    *,
    count: int,
    connections: int = 16,
    pace: float = 0.0,
    enough: threading.Event | None = None,
) -> Result:
    """Sends `shots(0)` to `shots(count - 1)` over `connections` connections, each reused as long as it lasts.

    Run it with `background.start` or `background.run`. `pace` is a pause in seconds before each request of a
    connection. Once `enough` is set, no further request is sent.
    """
    result = Result()
    numbers = iter(range(count))

    async def worker() -> None:
        connection: _Connection | None = None
        for number in numbers:
            if enough is not None and enough.is_set():
                break
            if pace:
                await asyncio.sleep(pace)
            shot = shots(number)
            began = asyncio.get_running_loop().time()
            try:
                if connection is None:
                    connection = await _Connection.open(address)
                status, keep = await connection.fire(shot)
            except (OSError, asyncio.IncompleteReadError, ViolationError, AssertionError, TimeoutError) as error:
                result.errors.append(f"request {number} {shot.label}: {error!r}")
                keep = False
            else:
                if status is None:
                    result.aborted += 1
                else:
                    result.statuses[status] += 1
                    if status >= 500:
                        result.refusals.append(
                            f"request {number} {shot.label}: {status} {connection.last_body[:100]!r}"
                        )
                    result.seconds.append(asyncio.get_running_loop().time() - began)
            if not keep and connection is not None:
                connection.drop()
                connection = None
        if connection is not None:
            connection.drop()

    await asyncio.gather(*(worker() for _ in range(connections)))
    return result


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.stream, self.writer = reader, writer
        self.reader = Reader("response")
        self.last_body = b""

    @classmethod
    async def open(cls, address: tuple[str, int]) -> "_Connection":
        return cls(*await asyncio.open_connection(*address))

    async def fire(self, shot: Shot) -> tuple[int | None, bool]:
        """Sends a shot; returns the status (None if aborted on purpose) and whether the connection is still good."""
        async with asyncio.timeout(60):
            if shot.abort == "in_upload":
                self.writer.write(shot.data[: len(shot.data) - len(shot.data) // 4])
                await self.writer.drain()
                self._reset()
                return None, False
            self.writer.write(shot.data)
            await self.writer.drain()
            if shot.abort == "before_answer":
                self._reset()
                return None, False
            self.reader.answer_to = shot.method
            while True:
                event = await self._event()
                message = self.reader.message
                assert message is not None
                assert isinstance(message.head, ResponseHead)
                if shot.abort == "in_answer":
                    self._reset()
                    return None, False
                if event == "end" and message.head.status >= 200:
                    break
                if event == "end":
                    self.reader.next_message()
            self.last_body = bytes(message.body)
            if shot.expect is not None and message.head.status == 200:
                assert bytes(message.body) == shot.expect, (
                    f"body {bytes(message.body[:100])!r}, not {shot.expect[:100]!r}"
                )
            self.reader.next_message()
            close = "close" in (message.head.get(b"connection") or b"").decode().lower()
            assert not self.reader.buffer, f"bytes after the answer: {bytes(self.reader.buffer[:100])!r}"
            return message.head.status, not close

    async def _event(self) -> str | bytes:
        while (event := self.reader.step()) is None:
            if self.reader.eof:
                raise ConnectionError(f"closed with {bytes(self.reader.buffer[:100])!r} left")
            self.reader.feed(await self.stream.read(1 << 16))
        return event

    def _reset(self) -> None:
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def drop(self) -> None:
        self.writer.close()


def aborts(seed: int, share: float) -> Callable[[], Abort | None]:
    """A seeded source of aborts: this share of requests is abandoned, evenly at the three places."""
    source = random.Random(seed)
    return lambda: source.choice(["before_answer", "in_upload", "in_answer"]) if source.random() < share else None
