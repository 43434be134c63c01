"""HTTP/1.1 messages as RFC 9112 writes them, with nothing forgiven. `wire.Reader` reads them from a stream."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Literal

KEEP_LIMIT = 1 << 20

_TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/(1\.[01])")
_STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD = re.compile(
    rb"(" + _TOKEN + rb"):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*"
)
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_HOST = re.compile(rb"[-A-Za-z0-9._~%!$&'()*+,;=:\[\]]*")
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")

Fields = tuple[tuple[bytes, bytes], ...]


class ViolationError(Exception):
    """The bytes are not one message that RFC 9112 allows."""


@dataclass(frozen=True, slots=True)
class Head:
    """The start line and the fields of a message; names keep the case they were sent in."""

    raw: bytes
    version: bytes
    fields: Fields

    def get_all(self, name: bytes) -> list[bytes]:
        """The values of a field, one per line, in order."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: bytes) -> bytes | None:
        """The single value of a field, None when absent.

        Raises:
            AssertionError: if the field came more than once.
        """
        values = self.get_all(name)
        assert len(values) <= 1, f"{name!r} came {len(values)} times: {values!r}"
        return values[0] if values else None

    def names(self) -> set[bytes]:
        """The lower-case names of all fields."""
        return {key.lower() for key, _ in self.fields}


@dataclass(frozen=True, slots=True)
class RequestHead(Head):
    """A request's head."""

    method: bytes
    target: bytes

    @property
    def path(self) -> bytes:
        """The target up to the query."""
        return self.target.partition(b"?")[0]


@dataclass(frozen=True, slots=True)
class ResponseHead(Head):
    """A response's head."""

    status: int
    reason: bytes


@dataclass(slots=True)
class Message:
    """One message as far as it has been read. `body` and `raw` stop growing at `KEEP_LIMIT`; length and hash go on."""

    head: Head
    raw: bytearray
    body: bytearray = field(default_factory=bytearray)
    length: int = 0
    hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    chunks: list[int] = field(default_factory=list)
    trailers: Fields = ()
    complete: bool = False

    def keep(self, data: bytes) -> None:
        """Counts a piece of the body in."""
        self.length += len(data)
        self.hash.update(data)
        if len(self.body) < KEEP_LIMIT:
            self.body += data[: KEEP_LIMIT - len(self.body)]


def parse_fields(block: bytes) -> Fields:
    """Parses the lines of a field section, each without its CRLF."""
    if not block:
        return ()
    fields = []
    for line in block.split(b"\r\n"):
        match = _FIELD.fullmatch(line)
        if match is None:
            raise ViolationError(f"bad field line {line!r}")
        fields.append((match[1], match[2]))
    return tuple(fields)


def parse_request_head(raw: bytes) -> RequestHead:
    """Parses a request head, with its final empty line, and checks what RFC 9112 asks of a request."""
    line, block = _split_head(raw)
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        raise ViolationError(f"bad request line {line!r}")
    head = RequestHead(raw, match[3], parse_fields(block), match[1], match[2])
    _check_target(head)
    hosts = head.get_all(b"host")
    if len(hosts) > 1 or (not hosts and head.version == b"1.1"):
        raise ViolationError(f"{len(hosts)} Host fields")
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        raise ViolationError(f"bad Host {hosts[0]!r}")
    return head


def parse_response_head(raw: bytes) -> ResponseHead:
    """Parses a response head, with its final empty line."""
    line, block = _split_head(raw)
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ViolationError(f"bad status line {line!r}")
    head = ResponseHead(raw, match[1], parse_fields(block), int(match[2]), match[3])
    bodiless = head.status < 200 or head.status == 204
    if bodiless and (head.get_all(b"content-length") or head.get_all(b"transfer-encoding")):
        raise ViolationError(f"a {head.status} with framing fields")
    return head


def framing(head: Head) -> int | Literal["chunked", "none"]:
    """How the body is framed: its length, chunked, or without any framing field."""
    lengths, codings = head.get_all(b"content-length"), head.get_all(b"transfer-encoding")
    if lengths and codings:
        raise ViolationError("Content-Length beside Transfer-Encoding")
    if len(lengths) > 1 or len(codings) > 1:
        raise ViolationError(f"repeated framing field: {lengths or codings!r}")
    if codings:
        if codings[0].lower() != b"chunked":
            raise ViolationError(f"transfer coding {codings[0]!r}")
        if head.version == b"1.0":
            raise ViolationError("Transfer-Encoding in HTTP/1.0")
        return "chunked"
    if lengths:
        if not re.fullmatch(rb"[0-9]{1,19}", lengths[0]):
            raise ViolationError(f"bad Content-Length {lengths[0]!r}")
        return int(lengths[0])
    return "none"


def _split_head(raw: bytes) -> tuple[bytes, bytes]:
    bare = BARE.search(raw)
    if bare is not None:
        raise ViolationError(
            f"bare {bare[0]!r} in head at byte {bare.start()}: {raw[max(0, bare.start() - 40) : bare.start() + 40]!r}"
        )
    line, _, block = raw[:-4].partition(b"\r\n")
    return line, block


def _check_target(head: RequestHead) -> None:
    target = head.target
    if head.method == b"CONNECT":
        good = _HOST.fullmatch(target) is not None
    else:
        good = target.startswith((b"/", b"http://", b"https://")) or (target == b"*" and head.method == b"OPTIONS")
    if not good or b"#" in target:
        raise ViolationError(f"bad target {target!r} for {head.method!r}")
