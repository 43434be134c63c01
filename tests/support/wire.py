"""Reads HTTP/1.1 messages as RFC 9112 writes them and forgives nothing.

Both the strict origin and the raw client read with it, so a test that passes also says that what the proxy sent is well
formed. h11 alone will not do: it accepts bare LF, obs-fold, Content-Length beside Transfer-Encoding and repeated equal
Content-Length, which are the seams that request smuggling needs. `test_support_wire.py` holds this reader against h11
on everything that both should accept.
"""

from collections.abc import Callable
from typing import Literal

from .message import (
    BARE,
    CHUNK,
    KEEP_LIMIT,
    Head,
    Message,
    ViolationError,
    framing,
    parse_fields,
    parse_request_head,
    parse_response_head,
)

HEAD_LIMIT = 1 << 20

Event = Literal["head", "end"] | bytes | None


class Reader:
    """An incremental reader: `feed` bytes, then call `step` until it returns None.

    `step` returns "head" when a head is complete, a bytes object for each piece of body, and "end" when the message is
    complete. The message under way is `message`; after "end" call `next_message` for the next one.
    """

    def __init__(self, role: Literal["request", "response"]) -> None:
        self.role = role
        self.buffer = bytearray()
        self.message: Message | None = None
        self.answer_to = b"GET"
        self.eof = False
        self._state = "head"
        self._left = 0
        self._steps: dict[str, Callable[[], Event]] = {
            "head": self._head,
            "length": self._length,
            "chunk": self._chunk,
            "data": self._data,
            "after": self._after,
            "trailers": self._trailers,
            "close": self._close,
            "end": self._end,
            "done": lambda: None,
        }

    def feed(self, data: bytes) -> None:
        """Adds bytes from the peer; none means that it closed its direction."""
        if data:
            self.buffer += data
        else:
            self.eof = True

    @property
    def idle(self) -> bool:
        """True between messages with nothing left over."""
        return self.message is None and not self.buffer

    def next_message(self) -> None:
        """Makes ready for the next message."""
        assert self._state == "done"
        self.message, self._state = None, "head"

    def step(self) -> Event:
        """Takes one event out of the buffer.

        Raises:
            ViolationError: the bytes are malformed.
        """
        return self._steps[self._state]()

    def _take(self, count: int, *, record: bool = True) -> bytes:
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        if record and self.message is not None and len(self.message.raw) < KEEP_LIMIT:
            self.message.raw += data
        return data

    def _line(self, limit: int = 4096) -> bytes | None:
        end = self.buffer.find(b"\n", 0, limit)
        if end < 0:
            if len(self.buffer) >= limit:
                raise ViolationError(f"line over {limit} bytes: {bytes(self.buffer[:60])!r}")
            return None
        line = self._take(end + 1)
        if not line.endswith(b"\r\n") or BARE.search(line):
            raise ViolationError(f"bad line end in {line!r}")
        return line[:-2]

    def _head(self) -> Literal["head"] | None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            self._refuse_hopeless_head()
            return None
        raw = self._take(end + 4, record=False)
        if self.role == "request":
            head: Head = parse_request_head(raw)
            kind = framing(head)
            self._state = "end" if kind in ("none", 0) else "chunk" if kind == "chunked" else "length"
        else:
            head = parse_response_head(raw)
            kind = framing(head)
            if kind != "none" and (head.status < 200 or head.status == 204):
                raise ViolationError(f"a {head.status} with a length or a coding")
            if self.answer_to == b"HEAD" or head.status < 200 or head.status in (204, 304):
                self._state = "end"
            else:
                self._state = {"chunked": "chunk", "none": "close", 0: "end"}.get(kind, "length")
        self._left = kind if isinstance(kind, int) else 0
        self.message = Message(head, bytearray(raw))
        return "head"

    def _refuse_hopeless_head(self) -> None:
        bare = BARE.search(self.buffer)
        half = bare is not None and bare[0] == b"\r" and bare.end() == len(self.buffer)  # its LF may be on the way
        if bare is not None and not half:
            raise ViolationError(f"bare {bare[0]!r} in head: {bytes(self.buffer[:80])!r}")
        if len(self.buffer) > HEAD_LIMIT:
            raise ViolationError("head too long")

    def _keep(self, count: int) -> bytes:
        assert self.message is not None
        data = self._take(count)
        self.message.keep(data)
        self._left -= len(data)
        return data

    def _length(self) -> bytes | None:
        if not self.buffer:
            return None
        data = self._keep(min(len(self.buffer), self._left))
        if self._left == 0:
            self._state = "end"
        return data

    def _chunk(self) -> Event:
        line = self._line()
        if line is None:
            return None
        match = CHUNK.fullmatch(line)
        if match is None:
            raise ViolationError(f"bad chunk header {line!r}")
        assert self.message is not None
        self._left = int(match[1], 16)
        self._state = "data" if self._left else "trailers"
        if self._left:
            self.message.chunks.append(self._left)
        return self.step()

    def _data(self) -> bytes | None:
        if not self.buffer:
            return None
        data = self._keep(min(len(self.buffer), self._left))
        if self._left == 0:
            self._state = "after"
        return data

    def _after(self) -> Event:
        if len(self.buffer) < 2:
            return None
        if self._take(2) != b"\r\n":
            raise ViolationError("chunk data without its CRLF")
        self._state = "chunk"
        return self.step()

    def _trailers(self) -> Event:
        assert self.message is not None
        while (line := self._line()) is not None:
            if not line:
                self._state = "end"
                return self.step()
            self.message.trailers += parse_fields(line)
        return None

    def _close(self) -> Event:
        if self.buffer:
            return self._keep(len(self.buffer))
        if self.eof:
            self._state = "end"
            return self.step()
        return None

    def _end(self) -> Literal["end"]:
        assert self.message is not None
        self.message.complete = True
        self._state = "done"
        return "end"
