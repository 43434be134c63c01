"""HTTP/2 on either end: h2c in, h2 out, and the seams between HTTP/2 and HTTP/1.1."""

import contextlib
from collections.abc import Iterator

import h2.errors
import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.fixtures import MakeH2Origin, StartProxy, Upstreams
from tests.support.h2_client import H2Client
from tests.support.h2_origin import H2Message, H2Reply, HeaderList, plain_reply
from tests.support.proxy import RunningProxy
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until

PSEUDO: HeaderList = [(":method", "POST"), (":scheme", "http"), (":authority", "shop.example"), (":path", "/a")]


@pytest.fixture
def h2c(proxy: RunningProxy) -> Iterator[H2Client]:
    """An HTTP/2 connection, by prior knowledge, to the default proxy."""
    with H2Client(proxy.address) as client:
        yield client


def test_h2c_in_http1_out(proxy: RunningProxy, upstreams: Upstreams, h2c: H2Client) -> None:
    answer = h2c.ask("/orders?x=1", headers=[("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers")])
    assert (answer.status, bytes(answer.body)) == (200, b"GET /orders?x=1")
    assert all(name not in ("connection", "transfer-encoding", "keep-alive") for name, _ in answer.headers)
    assert proxy.settled(1).outcomes == {"match": 1}
    for origin in upstreams.both:
        (seen,) = origin.requests
        assert (seen.target, seen.header("host")) == ("/orders?x=1", "shop.example")
        assert seen.header("cookie") == "a=1; b=2"
        assert seen.head.version == b"1.1"
        assert seen.head.names().isdisjoint({b"content-length", b"transfer-encoding"})


@pytest.mark.parametrize("declared", [True, False], ids=["length", "no length"])
def test_bodies_are_framed_anew(upstreams: Upstreams, start_proxy: StartProxy, declared: bool) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    upstreams.on("/a", behaviour.echo())
    body = behaviour.pattern(200_000)
    with H2Client(proxy.address) as client:
        headers = [("content-length", str(len(body)))] if declared else []
        answer = client.ask("/a", "POST", headers, body)
        assert bytes(answer.body) == body
    assert proxy.settled(1).outcomes == {"match": 1}
    for origin in upstreams.both:
        (seen,) = origin.requests
        assert seen.body == body
        assert (seen.header("content-length") is not None) == declared
        assert (seen.header("transfer-encoding") is None) == declared


def test_streams_are_independent(proxy: RunningProxy, upstreams: Upstreams, h2c: H2Client) -> None:
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"slow")))
    pseudo = [pair for pair in PSEUDO if pair[0] not in (":path", ":method")]
    slow = h2c.start([(":method", "GET"), *pseudo, (":path", "/slow")])
    quick = [h2c.start([(":method", "GET"), *pseudo, (":path", f"/q/{number}")]) for number in range(30)]
    assert [bytes(h2c.answer(stream).body) for stream in quick] == [f"GET /q/{number}".encode() for number in range(30)]
    gate.open()
    assert bytes(h2c.answer(slow).body) == b"slow"
    assert proxy.settled(31).outcomes == {"match": 31}


def test_a_cancelled_stream_is_a_client_that_left(proxy: RunningProxy, upstreams: Upstreams, h2c: H2Client) -> None:
    old, new = Gate(), Gate()
    upstreams.old.on("/slow", behaviour.gated(old, behaviour.reply(200, b"late")))
    upstreams.new.on("/slow", behaviour.gated(new, behaviour.reply(200, b"late")))
    stream = h2c.start([*PSEUDO[1:3], (":method", "GET"), (":path", "/slow")])
    wait_until(lambda: old.waiting and new.waiting)
    h2c.reset(stream)
    wait_until(lambda: upstreams.old.open_connections == 0, "the serving side was not told")
    new.open()
    assert h2c.ask("/next").status == 200
    assert proxy.settled(2).outcomes == {"client_gone": 1, "match": 1}
    old.open()


def test_a_cancelled_upload_looks_whole_to_nobody(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    with H2Client(proxy.address) as client:
        stream = client.start(PSEUDO, end=False)
        client.data(stream, b"half")
        wait_until(lambda: upstreams.old.requests and upstreams.old.requests[0].body == b"half")
        client.reset(stream)
        assert proxy.settled(1).outcomes == {"client_gone": 1}
    for origin in upstreams.both:
        wait_until(lambda origin=origin: origin.open_connections == 0)  # type: ignore[misc]
        assert not any(seen.message.complete for seen in origin.requests)


def test_trailers_cross_both_seams(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    upstreams.on("/a", behaviour.chunked([b"abc"], {"trailer": "x-down"}, [("x-down", "1")]))
    with H2Client(proxy.address) as client:
        stream = client.start([*PSEUDO, ("te", "trailers"), ("trailer", "x-up")], end=False)
        client.data(stream, b"abc")
        client.trailers(stream, [("x-up", "2")])
        answer = client.answer(stream)
    assert (bytes(answer.body), answer.trailers) == (b"abc", [("x-down", "1")])
    proxy.settled(1)
    for origin in upstreams.both:
        assert origin.requests[0].message.trailers == ((b"x-up", b"2"),)


def test_head_over_h2(proxy: RunningProxy, upstreams: Upstreams, h2c: H2Client) -> None:
    upstreams.on("/a", behaviour.reply(200, b"x" * 50, content_type="text/plain"))
    answer = h2c.ask("/a", "HEAD")
    assert (answer.status, answer.get("content-length"), bytes(answer.body)) == (200, "50", b"")
    assert proxy.settled(1).outcomes == {"match": 1}


def test_a_large_download_over_h2(proxy: RunningProxy, upstreams: Upstreams, h2c: H2Client) -> None:
    upstreams.on("/down", behaviour.download(5_000_000))
    answer = h2c.ask("/down")
    assert (
        bytes(answer.body) == behaviour.pattern(1 << 16) * 76 + behaviour.pattern(1 << 16)[: 5_000_000 - 76 * (1 << 16)]
    )
    assert proxy.settled(1).outcomes == {"response_too_large": 1}


def test_a_broken_answer_resets_the_stream(proxy: RunningProxy, upstreams: Upstreams, h2c: H2Client) -> None:
    upstreams.old.on("/down", behaviour.truncate(b"x" * 100_000, 2_000_000))
    answer = h2c.ask("/down")
    assert answer.reset is not None or answer.status == 502
    assert not (answer.complete and answer.status == 200)
    assert h2c.ask("/next").status == 200
    assert proxy.settled(2)["old_failed"] == 1


LAWLESS: dict[str, tuple[HeaderList, bytes]] = {
    "transfer-encoding": ([*PSEUDO, ("transfer-encoding", "chunked")], b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
    "connection": ([*PSEUDO, ("connection", "x-a"), ("x-a", "1")], b"hello"),
    "upgrade": ([*PSEUDO, ("upgrade", "h2c")], b"hello"),
    "length too small": ([*PSEUDO, ("content-length", "2")], b"hello"),
    "length too large": ([*PSEUDO, ("content-length", "9")], b"hello"),
    "length not a number": ([*PSEUDO, ("content-length", "x")], b"hello"),
    "length twice": ([*PSEUDO, ("content-length", "5"), ("content-length", "6")], b"hello"),
    "CRLF in a value": ([*PSEUDO, ("x", "a\r\nhost: evil")], b"hello"),
    "LF in a value": ([*PSEUDO, ("x", "a\nb: c")], b"hello"),
    "NUL in a value": ([*PSEUDO, ("x", "a\0b")], b"hello"),
    "CRLF in a name": ([*PSEUDO, ("x: a\r\ny", "b")], b"hello"),
    "colon in a name": ([*PSEUDO, ("x:y", "b")], b"hello"),
    "upper case in a name": ([*PSEUDO, ("X-Upper", "b")], b"hello"),
    "space in a name": ([*PSEUDO, ("x y", "b")], b"hello"),
    "CRLF in the path": ([*PSEUDO[:3], (":path", "/a HTTP/1.1\r\nhost: evil\r\n\r\n")], b"hello"),
    "space in the path": ([*PSEUDO[:3], (":path", "/a b")], b"hello"),
    "empty path": ([*PSEUDO[:3], (":path", "")], b"hello"),
    "path without a slash": ([*PSEUDO[:3], (":path", "a")], b"hello"),
    "no path": (PSEUDO[:3], b"hello"),
    "two paths": ([*PSEUDO, (":path", "/b")], b"hello"),
    "no method": (PSEUDO[1:], b"hello"),
    "CRLF in the method": ([(":method", "GET / HTTP/1.1\r\nhost: evil\r\n\r\nPOST"), *PSEUDO[1:]], b"hello"),
    "space in the method": ([(":method", "POST /b"), *PSEUDO[1:]], b"hello"),
    "CRLF in the authority": ([*PSEUDO[:2], (":authority", "a\r\nx: y"), (":path", "/a")], b"hello"),
    "user in the authority": ([*PSEUDO[:2], (":authority", "u@shop.example"), (":path", "/a")], b"hello"),
    "path in the authority": ([*PSEUDO[:2], (":authority", "shop.example/x"), (":path", "/a")], b"hello"),
    "Host that disagrees": ([*PSEUDO, ("host", "evil.example")], b"hello"),
    "two Hosts, no authority": ([*PSEUDO[:2], (":path", "/a"), ("host", "a"), ("host", "b")], b"hello"),
    "pseudo field after a field": ([("x", "1"), *PSEUDO], b"hello"),
    "unknown pseudo field": ([*PSEUDO, (":evil", "1")], b"hello"),
    "an answer's pseudo field": ([*PSEUDO, (":status", "200")], b"hello"),
    "te other than trailers": ([*PSEUDO, ("te", "gzip")], b"hello"),
    "CONNECT": ([(":method", "CONNECT"), (":authority", "shop.example:443")], b"hello"),
    "extended CONNECT": ([(":method", "CONNECT"), (":protocol", "websocket"), *PSEUDO[1:]], b"hello"),
}


@pytest.mark.parametrize(("headers", "body"), LAWLESS.values(), ids=LAWLESS.keys())
def test_a_downgrade_smuggles_nothing(
    upstreams: Upstreams, start_proxy: StartProxy, headers: HeaderList, body: bytes
) -> None:
    """What HTTP/2 frames as one request is one request in HTTP/1.1, or none."""
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    with H2Client(proxy.address, lawless=True) as client:
        stream = client.start(headers, end=False)
        client.data(stream, body, end=True)
        answer = client.answer(stream)
    proxy.settled()
    for origin in upstreams.both:
        whole = [seen for seen in origin.requests if seen.message.complete]
        assert len(whole) <= 1
        for seen in whole:
            assert (seen.method, seen.target, seen.body, seen.header("host")) == ("POST", "/a", body, "shop.example")
            assert seen.head.names().isdisjoint({b"connection", b"x-a", b"upgrade", b"te"})
            assert answer.status == 200
        assert all(seen.target == "/a" for seen in origin.requests)


def test_http2_out_by_prior_knowledge(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    old, new = make_h2_origin(), make_h2_origin()
    proxy = start_proxy(
        old={"url": old.url, "protocol": "http2"}, new={"url": new.url, "protocol": "http2"}, databases="separate"
    )
    with RawClient(proxy.address) as client:
        headers = {"connection": "x-hop", "x-hop": "1", "cookie": "a=1", "te": "trailers"}
        assert client.ask("/a?b=c", headers=headers).body == b"GET /a?b=c"
        client.send(request("/up", "POST", {"transfer-encoding": "chunked"}) + b"5\r\nhello\r\n0\r\n\r\n")
        assert client.answer().status == 200
    assert proxy.settled(2).outcomes == {"match": 2}
    for origin in (old, new):
        (got,), (post,) = origin.to("/a"), origin.to("/up")
        assert (got.get(":method"), got.path, got.get(":authority")) == ("GET", "/a?b=c", "shop.example")
        names = {name for name, _ in got.headers}
        assert names.isdisjoint({"connection", "x-hop", "transfer-encoding", "keep-alive", "host", "upgrade"})
        assert (bytes(post.body), post.complete) == (b"hello", True)


def test_trailers_of_grpc_like_calls(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    def grpc(message: H2Message) -> H2Reply:
        assert message.get("te") == "trailers"
        return H2Reply(200, [("content-type", "application/grpc")], bytes(message.body), [("grpc-status", "0")])

    old, new = make_h2_origin(grpc), make_h2_origin(grpc)
    proxy = start_proxy(
        old={"url": old.url, "protocol": "http2"}, new={"url": new.url, "protocol": "http2"}, databases="separate"
    )
    with H2Client(proxy.address) as client:
        answer = client.ask(
            "/Shop/Get", "POST", [("te", "trailers"), ("content-type", "application/grpc")], b"\0\0\0\0\1x"
        )
    assert (answer.status, bytes(answer.body), answer.trailers) == (200, b"\0\0\0\0\1x", [("grpc-status", "0")])
    assert proxy.settled(1).outcomes == {"match": 1}


def test_one_connection_carries_many_requests(
    make_h2_origin: MakeH2Origin, upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    old = make_h2_origin()
    proxy = start_proxy(listener={"workers": 1}, old={"url": old.url, "protocol": "http2"}, new=upstreams.new.url)
    with H2Client(proxy.address) as client:
        assert client.ask("/first").status == 200
        streams = [client.start([*PSEUDO[1:3], (":method", "GET"), (":path", f"/p/{n}")]) for n in range(20)]
        assert all(client.answer(stream).status == 200 for stream in streams)
    proxy.settled(21)
    assert old.connections == 1


def test_faults_of_an_http2_side(make_h2_origin: MakeH2Origin, upstreams: Upstreams, start_proxy: StartProxy) -> None:
    def faulty(message: H2Message) -> H2Reply:
        replies = {
            "/reset": H2Reply(reset=h2.errors.ErrorCodes.INTERNAL_ERROR),
            "/half": H2Reply(200, [], b"half", reset=h2.errors.ErrorCodes.INTERNAL_ERROR),
            "/goaway": H2Reply(goaway=True),
            "/hang": H2Reply(hang=True),
        }
        return replies.get(message.path) or plain_reply(message)

    old = make_h2_origin(faulty)
    proxy = start_proxy(
        listener={"workers": 1}, old={"url": old.url, "protocol": "http2", "timeout_ms": 500}, new=upstreams.new.url
    )
    with RawClient(proxy.address) as client:
        assert client.ask("/fine").status == 200
        assert client.ask("/reset", "POST").status == 502
        assert client.ask("/fine").status == 200
        assert client.ask("/goaway", "POST").status == 502
        assert client.ask("/fine").status == 200
        assert client.ask("/hang").status == 504
        assert client.ask("/fine").status == 200
        client.send(request("/half", "POST"))
        with contextlib.suppress(ClosedError):
            assert client.answer().status == 502  # half an answer is no 200
    assert proxy.settled(8)["old_failed"] == 3
    assert len(old.to("/reset")) == len(old.to("/goaway")) == 1, "a write was sent twice"


def test_http2_on_both_ends_streams_a_large_body(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    def echo(message: H2Message) -> H2Reply:
        return H2Reply(200, [], bytes(message.body))

    old, new = make_h2_origin(echo), make_h2_origin(echo)
    proxy = start_proxy(
        old={"url": old.url, "protocol": "http2"}, new={"url": new.url, "protocol": "http2"}, databases="separate",
        limits={"body_bytes": 10_000_000},
    )  # fmt: skip
    body = behaviour.pattern(3_000_000)
    with H2Client(proxy.address) as client:
        assert bytes(client.ask("/echo", "POST", body=body).body) == body
    assert proxy.settled(1).outcomes == {"match": 1}
