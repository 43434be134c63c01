"""The strict reader refuses what RFC 9112 refuses, and agrees with h11 on what both accept."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.message import RequestHead, ResponseHead, ViolationError
from tests.support.wire import Reader


def read_all(role: str, data: bytes, step: int | None = None, *, eof: bool = False) -> list[tuple[bytes, bytes]]:
    """Every message of `data` as (head, body), fed `step` bytes at a time."""
    reader = Reader("request" if role == "request" else "response")
    messages = []
    step = step or len(data) or 1
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    for piece in [*pieces, b""] if eof else pieces:
        reader.feed(piece)
        while (event := reader.step()) is not None:
            if event == "end":
                assert reader.message is not None
                messages.append((reader.message.head.raw, bytes(reader.message.body)))
                reader.next_message()
    assert reader.message is None
    assert not reader.buffer
    return messages


REFUSED_REQUESTS = {
    "bare LF ends a line": b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    "bare CR in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "obs-fold": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "space before the colon": b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\nX: b\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "version 1.2": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "asterisk with GET": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "CL beside TE": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "CL twice": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "CL list": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
    "CL with a sign": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na",
    "TE identity": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    "TE twice": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "TE in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    **{
        f"chunk header {line!r}": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + line
        for line in (
            b"0x1\r\na",
            b"+1\r\na",
            b"1 x\r\na",
            b"\r\n",
            b"-1\r\n",
            b"1\na\r\n",
            b"1" * 17 + b"\r\n",
            b"1\r\naX\r\n",
        )
    },
    "trailer without a colon": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n",
}


@pytest.mark.parametrize("data", REFUSED_REQUESTS.values(), ids=REFUSED_REQUESTS.keys())
@pytest.mark.parametrize("step", [1, 7, None])
def test_a_malformed_request_is_refused(data: bytes, step: int | None) -> None:
    with pytest.raises(ViolationError):
        read_all("request", data, step)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 204 No\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_a_malformed_answer_is_refused(data: bytes) -> None:
    with pytest.raises(ViolationError):
        read_all("response", data, eof=True)


@pytest.mark.parametrize("step", [1, 2, 13, None])
def test_pipelined_requests_are_told_apart(step: int | None) -> None:
    first = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    second = b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n"
    third = b"GET /c HTTP/1.0\r\n\r\n"
    bodies = [body for _, body in read_all("request", first + second + third, step)]
    assert bodies == [b"abc", b"abc", b""]


def test_raw_is_what_was_sent_and_trailers_are_kept() -> None:
    data = b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    data += b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
    reader = Reader("request")
    reader.feed(data + b"GET")
    while reader.step() != "end":
        pass
    assert reader.message is not None
    assert bytes(reader.message.raw) == data
    assert reader.message.chunks == [3, 10]
    assert reader.message.trailers == ((b"T", b"1"),)
    assert bytes(reader.buffer) == b"GET"


@pytest.mark.parametrize(
    ("head", "method", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"HEAD", b""),
        (b"HTTP/1.1 304 Not\r\nContent-Length: 3\r\n\r\n", b"GET", b""),
        (b"HTTP/1.1 204 No\r\n\r\n", b"GET", b""),
        (b"HTTP/1.1 200 \r\n\r\nuntil the end", b"GET", b"until the end"),
    ],
)
def test_answers_end_where_they_should(head: bytes, method: bytes, body: bytes) -> None:
    reader = Reader("response")
    reader.answer_to = method
    reader.feed(head)
    reader.feed(b"")
    while reader.step() != "end":
        pass
    assert reader.message is not None
    assert bytes(reader.message.body) == body


token = st.text("abcXYZ019-_", min_size=1, max_size=12).map(str.encode)
value = st.text("abc XYZ;=,\t\x80é", max_size=20).map(lambda text: text.strip().encode("latin-1", "ignore"))
fields = st.lists(st.tuples(token.map(lambda name: b"x-" + name), value), max_size=6)
body = st.binary(max_size=200)


def rendered(pairs: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b: %b\r\n" % pair for pair in pairs)


@given(token, token, fields, body, st.one_of(st.none(), st.integers(1, 50)), st.integers(1, 40))
def test_requests_read_as_h11_reads_them(
    method: bytes, path: bytes, pairs: list[tuple[bytes, bytes]], body: bytes, chunk: int | None, step: int
) -> None:
    data = b"%b /%b HTTP/1.1\r\nHost: a\r\n%b" % (method, path, rendered(pairs))
    if chunk is None:
        data += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    else:
        pieces = [body[start : start + chunk] for start in range(0, len(body), chunk)]
        data += b"Transfer-Encoding: chunked\r\n\r\n"
        data += b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    ours = Reader("request")
    for start in range(0, len(data), step):
        ours.feed(data[start : start + step])
    while ours.step() != "end":
        pass
    message = ours.message
    assert message is not None
    assert isinstance(message.head, RequestHead)

    theirs = h11.Connection(h11.SERVER)
    theirs.receive_data(data)
    request = theirs.next_event()
    assert isinstance(request, h11.Request)
    their_body = b""
    while isinstance(event := theirs.next_event(), h11.Data):
        their_body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert (message.head.method, message.head.target) == (request.method, request.target)
    assert [(name.lower(), text) for name, text in message.head.fields] == list(request.headers)
    assert bytes(message.body) == their_body == body


@given(st.integers(200, 599).filter(lambda status: status not in (204, 304)), fields, body)
def test_answers_read_as_h11_reads_them(status: int, pairs: list[tuple[bytes, bytes]], body: bytes) -> None:
    data = b"HTTP/1.1 %d Some Reason\r\n%bContent-Length: %d\r\n\r\n%b" % (status, rendered(pairs), len(body), body)
    ours = Reader("response")
    ours.feed(data)
    while ours.step() != "end":
        pass
    assert ours.message is not None
    assert isinstance(ours.message.head, ResponseHead)
    theirs = h11.Connection(h11.CLIENT)
    theirs.send(h11.Request(method="GET", target="/", headers=[("host", "a")]))
    theirs.send(h11.EndOfMessage())
    theirs.receive_data(data)
    response = theirs.next_event()
    assert isinstance(response, h11.Response)
    assert ours.message.head.status == response.status_code
    assert [(name.lower(), text) for name, text in ours.message.head.fields] == list(response.headers)
    assert bytes(ours.message.body) == body
