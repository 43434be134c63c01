"""A client that sends exact bytes over a socket and reads answers strictly."""

import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass

from .message import Message, ResponseHead
from .wait import PATIENCE
from .wire import Reader


class ClosedError(Exception):
    """The server closed or reset the connection before an answer was complete."""


@dataclass(slots=True)
class Answer:
    """One final answer, with the interim ones (1xx) that came before it."""

    message: Message
    interim: list[ResponseHead]

    @property
    def head(self) -> ResponseHead:
        assert isinstance(self.message.head, ResponseHead)
        return self.message.head

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def body(self) -> bytes:
        return bytes(self.message.body)

    def header(self, name: str) -> str | None:
        """The single value of a field, None when absent."""
        value = self.head.get(name.encode())
        return None if value is None else value.decode("latin-1")


class RawClient:
    """One connection. Use as a context manager.

    Args:
        address: where to connect.
        tls: a client context, for https.
        source: the local address to connect from (any of 127.0.0.0/8), to look like another client.
        timeout: seconds after which a blocking read fails with TimeoutError.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        tls: ssl.SSLContext | None = None,
        source: str | None = None,
        timeout: float = PATIENCE,
    ) -> None:
        self.sock: socket.socket = socket.create_connection(address, timeout, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.reader = Reader("response")

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Sends all bytes; a server that has closed already is not an error, its answer may still be there to read."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(data)

    def send_slowly(self, data: bytes, step: int = 1) -> None:
        """Sends the bytes in segments of `step`."""
        for start in range(0, len(data), step):
            self.send(data[start : start + step])

    def head(self, method: str = "GET") -> ResponseHead:
        """Reads up to the end of the next head, interim or final, and leaves the body."""
        self.reader.answer_to = method.encode()
        if self.reader.message is not None and self.reader.message.complete:
            self.reader.next_message()
        while True:
            event = self._step()
            if event == "head":
                assert self.reader.message is not None
                assert isinstance(self.reader.message.head, ResponseHead)
                return self.reader.message.head
            assert event == "end", event
            self.reader.next_message()

    def piece(self) -> bytes | None:
        """The next piece of the body under way, None at its end."""
        event = self._step()
        if event == "end":
            return None
        assert isinstance(event, bytes)
        return event

    def piece_after_head(self) -> bytes | None:
        """Reads a final head that must be a 200, then the first piece of its body."""
        assert self.head().status == 200
        return self.piece()

    def rest(self, interim: list[ResponseHead] | None = None) -> Answer:
        """Reads the body under way to its end."""
        while self.piece() is not None:
            pass
        assert self.reader.message is not None
        return Answer(self.reader.message, interim or [])

    def answer(self, method: str = "GET") -> Answer:
        """Reads the next final answer whole.

        Raises:
            ClosedError: the connection ended first.
            ViolationError: the bytes are malformed.
        """
        interim = []
        while (head := self.head(method)).status < 200 and head.status != 101:
            interim.append(head)
        return self.rest(interim)

    def ask(
        self, target: str = "/", method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Sends one well-formed request on the connection and reads its answer."""
        self.send(request(target, method, headers, body))
        return self.answer(method)

    def raw(self) -> bytes:
        """Some bytes beyond HTTP: after a 101. Empty at the end."""
        if self.reader.buffer:
            data = bytes(self.reader.buffer)
            self.reader.buffer.clear()
            return data
        try:
            return self.sock.recv(1 << 16)
        except ConnectionResetError:
            return b""

    def exactly(self, count: int) -> bytes:
        """Reads that many bytes beyond HTTP."""
        data = b""
        while len(data) < count:
            more = self.raw()
            if not more:
                raise ClosedError(f"after {data!r}")
            data += more
        self.reader.buffer[:0] = data[count:]
        return data[:count]

    def until_closed(self) -> bytes:
        """Reads everything until the server closes; returns what has not been read as an answer yet.

        Raises:
            TimeoutError: the server keeps the connection open.
        """
        data = bytes(self.reader.buffer)
        self.reader.buffer.clear()
        while more := self.raw():
            data += more
        return data

    def half_close(self) -> None:
        """Closes the sending direction."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Goes away with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()

    def _step(self) -> str | bytes:
        while (event := self.reader.step()) is None:
            if self.reader.eof:
                raise ClosedError(f"with {bytes(self.reader.buffer[:200])!r} left")
            try:
                self.reader.feed(self.sock.recv(1 << 16))
            except ConnectionResetError as error:
                raise ClosedError(f"reset with {bytes(self.reader.buffer[:200])!r} left") from error
        return event


def request(
    target: str = "/",
    method: str = "GET",
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    body: bytes | None = None,
) -> bytes:
    """The bytes of a well-formed request; Host and Content-Length are added where they are missing."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    names = {name.lower() for name, _ in pairs}
    if "host" not in names:
        pairs.insert(0, ("host", "shop.example"))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("content-length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")
