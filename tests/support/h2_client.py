"""An HTTP/2 client with the h2 library, by prior knowledge or ALPN."""

import contextlib
import select
import socket
import ssl

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from hyperframe.frame import Frame, GoAwayFrame

from .h2_origin import H2Message, HeaderList, texts
from .wait import PATIENCE


class _Connection(h2.connection.H2Connection):
    """h2 stops at a GOAWAY; RFC 9113, section 6.8, has the streams that are open go on."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[h2.events.Event]]:
        event = h2.events.ConnectionTerminated()
        event.error_code = frame.error_code
        return [], [event]


class H2Client:
    """One HTTP/2 connection to a server, by prior knowledge, or by ALPN with a context. Use as a context manager.

    With `lawless`, header fields go out as given, however wrong.
    """

    def __init__(self, address: tuple[str, int], *, tls: ssl.SSLContext | None = None, lawless: bool = False) -> None:
        self.sock: socket.socket = socket.create_connection(address, PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            wrapped = tls.wrap_socket(self.sock, server_hostname="localhost")
            assert wrapped.selected_alpn_protocol() == "h2", wrapped.selected_alpn_protocol()
            self.sock = wrapped
        lawful = not lawless
        self.h2 = _Connection(
            h2.config.H2Configuration(
                header_encoding="latin-1",
                validate_outbound_headers=lawful,
                normalize_outbound_headers=lawful,
                split_outbound_cookies=False,
            )
        )
        self.streams: dict[int, H2Message] = {}
        self.closed = False
        self.goaway: int | None = None
        self.h2.initiate_connection()
        self._flush()

    def __enter__(self) -> "H2Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def start(self, headers: HeaderList, *, end: bool = True) -> int:
        """Sends the headers of a request; returns its stream."""
        stream: int = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, headers, end_stream=end)
        self.streams[stream] = H2Message()
        self._flush()
        return stream

    def data(self, stream: int, body: bytes, *, end: bool = False) -> None:
        """Sends body bytes as the windows allow."""
        while True:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if body and room <= 0:
                self._receive()
                continue
            piece, body = body[:room], body[room:]
            self.h2.send_data(stream, piece, end_stream=end and not body)
            self._flush()
            if not body:
                return

    def fill(self, stream: int, pause: float = 0.2) -> int:
        """Sends body bytes until the windows have had no room for `pause` seconds; returns how many."""
        sent = 0
        while True:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room > 0:
                self.h2.send_data(stream, bytes(room))
                self._flush()
                sent += room
                continue
            if not select.select([self.sock], [], [], pause)[0]:
                return sent
            self._receive()

    def trailers(self, stream: int, headers: HeaderList) -> None:
        """Ends a request with trailers."""
        self.h2.send_headers(stream, headers, end_stream=True)
        self._flush()

    def reset(self, stream: int) -> None:
        """Cancels a stream."""
        self.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self._flush()

    def answer(self, stream: int) -> H2Message:
        """Reads until the stream has ended, one way or the other."""
        message = self.streams[stream]
        while not message.complete and message.reset is None and not self.closed:
            self._receive()
        return message

    def until_closed(self) -> None:
        """Reads until the server closes the connection."""
        while not self.closed:
            self._receive()

    def head(self, stream: int) -> H2Message:
        """Reads until the final headers have come."""
        message = self.streams[stream]
        while not message.headers and message.reset is None and not self.closed:
            self._receive()
        return message

    def until_body(self, stream: int, count: int) -> bytes:
        """Reads until `count` bytes of the body have come."""
        message = self.streams[stream]
        while len(message.body) < count and message.reset is None and not self.closed:
            self._receive()
        return bytes(message.body)

    def ask(
        self, path: str = "/", method: str = "GET", headers: HeaderList | None = None, body: bytes | None = None
    ) -> H2Message:
        """One whole request and its answer."""
        pseudo = [(":method", method), (":scheme", "http"), (":authority", "shop.example"), (":path", path)]
        stream = self.start([*pseudo, *(headers or [])], end=body is None)
        if body is not None:
            self.data(stream, body, end=True)
        return self.answer(stream)

    def _flush(self) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(self.h2.data_to_send())

    def _receive(self) -> None:
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
            return
        for event in self.h2.receive_data(data):
            self._handle(event)
        self._flush()

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = int(event.error_code or 0)
            return
        message = self.streams.get(getattr(event, "stream_id", None) or 0)
        if message is None:
            return
        if isinstance(event, h2.events.InformationalResponseReceived):
            message.interim.append(texts(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            message.headers = texts(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            message.body += event.data
            with contextlib.suppress(h2.exceptions.StreamClosedError):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            message.trailers = texts(event.headers)
        elif isinstance(event, h2.events.StreamReset):
            message.reset = int(event.error_code)
        elif isinstance(event, h2.events.StreamEnded):
            message.complete = True
