"""A scripted HTTP/2 origin with the h2 library, by prior knowledge or ALPN."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from . import background
from .acceptor import Acceptor, bind

HeaderList = list[tuple[str, str]]


def texts(headers: Iterable[tuple[bytes | str, bytes | str]]) -> HeaderList:
    """h2's header list as plain texts; the configuration has it decode them already."""
    return [(str(name), str(value)) for name, value in headers]


@dataclass(slots=True)
class H2Message:
    """One request or answer as far as it has arrived. `headers` starts with the pseudo-header fields."""

    headers: HeaderList = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    trailers: HeaderList = field(default_factory=list)
    interim: list[HeaderList] = field(default_factory=list)
    complete: bool = False
    reset: int | None = None
    """The error code with which the peer reset the stream."""
    connection: int = 0
    """Of an origin's, by its number, from 1."""

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str | None:
        values = self.get_all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def status(self) -> int:
        return int(self.get(":status") or 0)

    @property
    def path(self) -> str:
        return self.get(":path") or ""


@dataclass(frozen=True, slots=True)
class H2Reply:
    """What the origin answers. `reset` resets the stream instead (after the body, if there is one); `goaway` closes the
    connection; with a `gate`, the stream ends only when that is open."""

    status: int = 200
    headers: HeaderList = field(default_factory=list)
    body: bytes = b""
    trailers: HeaderList = field(default_factory=list)
    reset: h2.errors.ErrorCodes | None = None
    goaway: bool = False
    hang: bool = False
    gate: background.Gate | None = None


Handler = Callable[[H2Message], H2Reply]


def plain_reply(request: H2Message) -> H2Reply:
    """The same text that the HTTP/1.1 origin answers by default."""
    return H2Reply(200, [("content-type", "text/plain")], f"{request.get(':method')} {request.path}".encode())


class H2Origin:
    """A scripted HTTP/2 origin: `handler` is called with each complete request. h2 refuses malformed requests.

    Args:
        streams: how many streams a connection may have open at once; as many as h2 allows by default.
        tls: a server context; the origin then speaks HTTPS.
        leaves: each connection is sent a GOAWAY, right behind the settings, and closed.
    """

    def __init__(
        self,
        handler: Handler = plain_reply,
        *,
        streams: int | None = None,
        tls: ssl.SSLContext | None = None,
        leaves: bool = False,
    ) -> None:
        self.handler = handler
        self.streams = streams
        self.leaves = leaves
        self.requests: list[H2Message] = []
        self.violations: list[str] = []
        self.connections = 0
        self._silent = 0
        self._tls = tls
        self._acceptor = Acceptor(self._serve, tls)
        placeholder = bind()
        self.port: int = placeholder.getsockname()[1]
        background.run(self._acceptor.listen(placeholder))

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def to(self, path: str) -> list[H2Message]:
        """The requests for a path, without its query."""
        return [request for request in list(self.requests) if request.path.partition("?")[0] == path]

    def fall_silent(self) -> None:
        """The connections that are open stay open, and nothing comes from them any more."""
        self._silent = self.connections

    def is_silent(self, connection: int) -> bool:
        """Of a connection by its number, from 1."""
        return connection <= self._silent

    def close(self) -> None:
        background.run(self._acceptor.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            try:
                await _ServerConnection(self, reader, writer).run()
            except h2.exceptions.ProtocolError as error:
                self.violations.append(repr(error))


class _ServerConnection:
    def __init__(self, origin: H2Origin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.origin = origin
        self.number = origin.connections
        self.reader, self.writer = reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.open: dict[int, H2Message] = {}
        self.outgoing: dict[int, tuple[memoryview, HeaderList]] = {}
        self.leaving = False
        self.waiting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        if self.origin.streams is not None:
            allowed = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.origin.streams}
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=allowed)
        self.h2.initiate_connection()
        if self.origin.leaves:
            self.h2.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=0)
            await self.flush()
            return
        await self.flush()
        while data := await self.reader.read(1 << 16):
            if self.origin.is_silent(self.number):
                continue
            for event in self.h2.receive_data(data):
                self.handle(event)
            self.pump()
            await self.flush()
            if self.leaving:
                return

    async def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    def handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self.open[event.stream_id] = message = H2Message(texts(event.headers), connection=self.number)
            self.origin.requests.append(message)
        elif isinstance(event, h2.events.DataReceived):
            self.open[event.stream_id].body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.open[event.stream_id].trailers = texts(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            self.open[event.stream_id].reset = int(event.error_code)
            self.outgoing.pop(event.stream_id, None)
        elif isinstance(event, h2.events.StreamEnded):
            message = self.open[event.stream_id]
            message.complete = True
            self.answer(event.stream_id, self.origin.handler(message))

    def answer(self, stream: int, reply: H2Reply) -> None:
        if reply.hang:
            return
        if reply.goaway:
            self.h2.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=stream - 2 if stream > 1 else 0)
            self.leaving = True
            return
        if reply.reset is not None and not reply.body:
            self.h2.reset_stream(stream, reply.reset)
            return
        ended = not reply.body and not reply.trailers
        self.h2.send_headers(stream, [(":status", str(reply.status)), *reply.headers], end_stream=ended)
        if reply.reset is not None:
            self.h2.send_data(stream, reply.body)
            self.h2.reset_stream(stream, reply.reset)
        elif reply.gate is not None:
            self.h2.send_data(stream, reply.body)
            task = asyncio.ensure_future(self.end_later(stream, reply.gate))
            self.waiting.add(task)
            task.add_done_callback(self.waiting.discard)
        elif not ended:
            self.outgoing[stream] = (memoryview(reply.body), reply.trailers)

    async def end_later(self, stream: int, gate: background.Gate) -> None:
        await gate.wait()
        self.h2.send_data(stream, b"", end_stream=True)
        await self.flush()

    def pump(self) -> None:
        for stream, (left, trailers) in list(self.outgoing.items()):
            body = left
            while body:
                room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
                if room <= 0:
                    break
                piece, body = bytes(body[:room]), body[room:]
                self.h2.send_data(stream, piece, end_stream=not body and not trailers)
            self.outgoing[stream] = (body, trailers)
            if not body:
                del self.outgoing[stream]
                if trailers:
                    self.h2.send_headers(stream, trailers, end_stream=True)
