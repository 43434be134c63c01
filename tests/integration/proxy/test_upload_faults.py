"""Whose fault an upload that breaks off is, and where a message ends when its end comes in a frame of its own."""

import contextlib

import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.exchange import Exchange
from tests.support.fixtures import MakeH2Origin, StartProxy, Upstreams
from tests.support.h2_client import H2Client
from tests.support.h2_origin import H2Message, H2Reply, plain_reply
from tests.support.proxy import RunningProxy
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until

NEVER = 600_000
"""Milliseconds, of a limit that a test must not run into."""


def failures(proxy: RunningProxy) -> dict[str, int]:
    """How many failures each side has to its name."""
    return {side: sum(proxy.side(side)["failures"].values()) for side in ("old", "new")}


def assert_old_fails(proxy: RunningProxy) -> None:
    """Begins an upload, which the old side and nobody else fails."""
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", {"content-length": "1000000"}) + b"x" * 2000)
        assert client.answer().status == 502
        assert proxy.settled(1).outcomes == {"old_failed": 1}
    assert failures(proxy) == {"old": 1, "new": 0}


def test_a_side_that_breaks_an_upload_off_has_failed(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The copy, which ends with it, neither hides that nor is a failure of its own side."""
    upstreams.old.on("/up", behaviour.reset_mid_upload(1000))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    assert_old_fails(proxy)
    assert not any(seen.message.complete for seen in upstreams.new.requests)


def test_an_upload_that_never_left_is_a_failure_of_the_side(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.old.refuse()
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    assert_old_fails(proxy)


def test_an_upload_that_never_left_is_rescued(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.new.refuse()
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    proxy.set_weight(100)
    pieces = [behaviour.pattern(1_000_000)] * 3  # more than a copy may have: a rescue keeps nothing
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", {"transfer-encoding": "chunked"}))
        for piece in pieces:
            client.send(behaviour.chunk(piece))
        client.send(b"0\r\n\r\n")
        assert client.answer().status == 200
    (seen,) = upstreams.old.requests
    assert (seen.message.length, seen.message.complete) == (3_000_000, True)
    assert proxy.settled(1).outcomes == {"new_failed": 1}
    assert failures(proxy) == {"old": 0, "new": 1}


@pytest.mark.parametrize("weight", [0, 100])
def test_an_early_answer_frees_the_client_whatever_the_copy_does(
    upstreams: Upstreams, start_proxy: StartProxy, weight: int
) -> None:
    """The copy's side reads nothing of the upload, and has all the time in the world."""
    serving, shadow = (upstreams.new, upstreams.old) if weight else (upstreams.old, upstreams.new)
    serving.on("/up", behaviour.early_reply(403, b"not you", close=True))
    shadow.on("/up", behaviour.stop_reading())
    proxy = start_proxy(
        old={"url": upstreams.old.url, "timeout_ms": NEVER},
        new={"url": upstreams.new.url, "timeout_ms": NEVER},
        databases="separate",
        limits={"shadow_ms": NEVER, "body_bytes": 100_000_000},
    )
    proxy.set_weight(weight)
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", {"content-length": "30000000"}) + b"x" * 1000)
        answer = client.answer()
        assert (answer.status, answer.body) == (403, b"not you")
        client.send(b"x" * 29_999_000)
        client.send(request("/next"))
        with contextlib.suppress(ClosedError):  # the other good end
            assert client.answer().body == b"GET /next"
    shadow.reset_all()
    assert proxy.settled()["client_gone"] >= 1
    assert failures(proxy) == {"old": 0, "new": 0}
    assert not any(seen.message.complete for seen in shadow.to("/up"))


def test_a_slow_upload_does_not_break_an_answer_that_has_begun(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The client may owe the next part for as long as it is being answered."""
    gate = Gate()

    async def talks_first(exchange: Exchange) -> None:
        await exchange.some()
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha")
        await exchange.unless_gone(gate.wait())
        await exchange.send(b"lf")

    upstreams.old.on("/up", talks_first)
    proxy = start_proxy(listener={"idle_timeout_ms": 100}, old=upstreams.old.url, new=upstreams.new.url)
    late = RawClient(proxy.address)
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", {"content-length": "10"}) + b"half")
        assert client.head().status == 200
        for _ in range(3):  # another upload stalls for longer than it may, again and again
            late.send(request("/late", "POST", {"content-length": "10"}) + b"half")
            assert late.answer().status == 408
            late.close()
            late = RawClient(proxy.address)
        gate.open()
        assert client.rest().body == b"half"
        wait_until(lambda: proxy.counters()["connections"]["open"] <= 1)  # its time is up once it has its answer
    late.close()
    wait_until(lambda: proxy.counters()["connections"]["open"] == 0)
    assert proxy.side("old")["truncated"] == 0


def test_http2_sides_are_not_blamed_for_a_client_that_left(
    make_h2_origin: MakeH2Origin, start_proxy: StartProxy
) -> None:
    """hyper reports a body that broke off as an error of the stream, like any other."""
    old, new = make_h2_origin(), make_h2_origin()
    sides = {side: {"url": origin.url, "protocol": "http2"} for side, origin in (("old", old), ("new", new))}
    proxy = start_proxy(**sides, databases="separate")
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", {"content-length": "1000"}) + b"half")
        wait_until(lambda: all(origin.requests and origin.requests[0].body == b"half" for origin in (old, new)))
        client.reset()
    assert proxy.settled(1).outcomes == {"client_gone": 1}
    wait_until(lambda: all(origin.requests[0].reset is not None for origin in (old, new)))
    assert failures(proxy) == {"old": 0, "new": 0}


def test_the_end_of_an_upload_in_a_frame_of_its_own(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """A side that reads by the declared length answers before the end of the stream has come."""
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    head = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/up"), ("content-length", "3")]
    with H2Client(proxy.address) as client:
        stream = client.start(head, end=False)
        client.data(stream, b"abc")
        assert client.answer(stream).status == 200
        assert proxy.settled(1).outcomes == {"match": 1}
    assert [origin.requests[0].body for origin in upstreams.both] == [b"abc", b"abc"]


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_the_end_of_an_answer_in_a_frame_of_its_own(
    make_h2_origin: MakeH2Origin, start_proxy: StartProxy, method: str, status: int
) -> None:
    """A client of HTTP/1.1 has its answer by the length, or by the head alone where there can be no body."""

    def reply(asked: H2Message) -> H2Reply:
        body = b"abc" if (method, status) == ("GET", 200) else b""
        length = [] if status == 204 else [("content-length", "3")]
        return H2Reply(status, length, body, trailers=[("x-end", "1")])  # trailers: the data does not end the stream

    old, new = make_h2_origin(reply), make_h2_origin(reply)
    sides = {side: {"url": origin.url, "protocol": "http2"} for side, origin in (("old", old), ("new", new))}
    proxy = start_proxy(**sides)
    with RawClient(proxy.address) as client:
        for _ in range(3):
            answer = client.ask("/a", method)
            assert (answer.status, answer.body) == (status, b"abc" if (method, status) == ("GET", 200) else b"")
    assert proxy.settled(3).outcomes == {"match": 3}
    assert failures(proxy) == {"old": 0, "new": 0}


def test_trailers_behind_a_declared_length_still_pass(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    def reply(asked: H2Message) -> H2Reply:
        return H2Reply(200, [("content-length", "3"), ("trailer", "x-end")], b"abc", trailers=[("x-end", "1")])

    old, new = make_h2_origin(reply), make_h2_origin(plain_reply)
    proxy = start_proxy(
        old={"url": old.url, "protocol": "http2"}, new={"url": new.url, "protocol": "http2"}, databases="shared"
    )
    with H2Client(proxy.address) as client:
        answer = client.ask("/a", headers=[("te", "trailers")])
    assert (bytes(answer.body), answer.trailers) == (b"abc", [("x-end", "1")])
    assert proxy.settled(1).outcomes == {"mismatch": 1}
