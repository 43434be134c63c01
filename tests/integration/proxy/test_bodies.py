"""Bodies both ways: chunks, trailers, Expect, early answers, and much data in little memory."""

import contextlib
import hashlib

import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.exchange import Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.memory import resident
from tests.support.proxy import RunningProxy
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until

MIB = 1 << 20
LARGE = 100 * MIB
ALLOWANCE = 40 * MIB
"""Growth of the whole test process (origins and client included) while 100 MB pass."""


def test_a_chunked_upload_arrives_whole_at_both(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    pieces = [b"a", b"bc" * 500, b"", b"d" * 70_000]
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", {"transfer-encoding": "chunked"}))
        for piece in pieces:
            client.send(behaviour.chunk(piece) if piece else b"")
        client.send(b"0\r\n\r\n")
        assert client.answer().status == 200
    assert proxy.settled(1).outcomes == {"match": 1}
    for origin in upstreams.both:
        (seen,) = origin.requests
        assert seen.message.complete
        assert seen.body == b"".join(pieces)


def test_an_upload_reaches_the_serving_side_as_it_comes(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    client.send(request("/up", "POST", {"content-length": "6"}) + b"abc")
    wait_until(lambda: upstreams.old.requests and upstreams.old.requests[0].body == b"abc")
    client.send(b"def")
    assert client.answer().status == 200
    assert upstreams.old.requests[0].body == b"abcdef"


def test_a_chunked_answer_passes_as_it_comes(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    gate = Gate()

    async def slow(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + behaviour.chunk(b"first"))
        await exchange.unless_gone(gate.wait())
        await exchange.send(behaviour.chunk(b"second") + b"0\r\n\r\n")

    upstreams.old.on("/down", slow)
    upstreams.new.on("/down", behaviour.chunked([b"firstsecond"]))
    client.send(request("/down"))
    assert client.head().status == 200
    assert client.piece() == b"first"
    gate.open()
    assert client.rest().body == b"firstsecond"
    assert proxy.settled(1).outcomes == {"match": 1}


def test_trailers_pass_both_ways(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    answer = behaviour.chunked([b"abc"], {"trailer": "x-down"}, [("x-down", "1")])
    upstreams.on("/t", answer)
    with RawClient(proxy.address) as client:
        headers = {"transfer-encoding": "chunked", "te": "trailers", "connection": "te", "trailer": "x-up"}
        client.send(request("/t", "POST", headers) + b"3\r\nabc\r\n0\r\nx-up: 2\r\n\r\n")
        got = client.answer()
    assert (got.body, got.message.trailers) == (b"abc", ((b"x-down", b"1"),))
    assert proxy.settled(1).outcomes == {"match": 1}
    for origin in upstreams.both:
        (seen,) = origin.requests
        assert (seen.body, seen.message.trailers) == (b"abc", ((b"x-up", b"2"),))


def test_trailers_without_te_are_dropped_not_mangled(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    upstreams.on("/t", behaviour.chunked([b"abc"], {"trailer": "x-down"}, [("x-down", "1")]))
    assert client.ask("/t").body == b"abc"
    assert client.ask("/next").status == 200


@pytest.mark.parametrize("name", ["content-length: 3", "host: evil", "transfer-encoding: chunked", "authorization: x"])
def test_trailers_cannot_become_header_fields(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, name: str
) -> None:
    headers = {"transfer-encoding": "chunked", "trailer": name.partition(":")[0]}
    client.send(request("/t", "POST", headers) + f"3\r\nabc\r\n0\r\n{name}\r\n\r\n".encode())
    assert client.answer().status in (200, 400)
    for seen in upstreams.old.requests:
        assert seen.header("host") == "shop.example"
        assert b"authorization" not in seen.head.names()
        assert seen.body == b"abc"


def test_expect_is_answered_by_us_and_not_passed_on(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", {"expect": "100-continue", "content-length": "5"}))
        assert client.head().status == 100
        client.send(b"hello")
        assert client.head().status == 200
        client.rest()
        client.send(request("/up", "POST", {"expect": "100-continue"}, b"early"))  # does not wait: that is allowed
        assert client.answer().status == 200
    proxy.settled(2)
    for origin in upstreams.both:
        assert [seen.body for seen in origin.requests] == [b"hello", b"early"]
        assert all(seen.header("expect") is None for seen in origin.requests)


def test_no_100_before_the_serving_side_is_reached(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The copy, whose side is up, must not invite the client to send a body that nobody will serve."""
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    upstreams.old.refuse()
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", {"expect": "100-continue", "content-length": "5"}))
        assert client.head().status == 502
    proxy.settled(1)
    assert not any(seen.message.complete for seen in upstreams.new.requests)


def test_other_expectations_are_refused(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    assert client.ask("/", headers={"expect": "the impossible"}).status == 417
    assert upstreams.old.count() == 0


def test_an_upstream_100_does_not_confuse(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/c", behaviour.continue_100(behaviour.echo()))
    answer = client.ask("/c", "POST", body=b"x")
    assert (answer.status, answer.body) == (200, b"x")
    assert client.ask("/next").body == b"GET /next"


def test_early_hints_do_not_confuse(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    """103 is dropped: it is only a hint. The final answer comes through."""
    upstreams.on("/h", behaviour.early_hints(behaviour.reply(200, b"page")))
    answer = client.ask("/h")
    assert (answer.status, answer.body, answer.interim) == (200, b"page", [])
    assert proxy.settled(1).outcomes == {"match": 1}


@pytest.mark.parametrize("close", [False, True], ids=["reads on", "closes"])
def test_an_early_answer_reaches_the_client(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, close: bool
) -> None:
    upstreams.old.on("/up", behaviour.early_reply(413, b"too much", close=close))
    client.send(request("/up", "POST", {"content-length": "1000000"}) + b"x" * 1000)
    answer = client.answer()
    assert (answer.status, answer.body) == (413, b"too much")
    client.send(b"x" * 999_000)  # the client may not have noticed
    client.send(request("/next"))
    with contextlib.suppress(ClosedError):  # giving the connection up is the other good way
        assert client.answer().body == b"GET /next"
    proxy.settled()
    assert not any(seen.target == "/next" and seen.body for seen in upstreams.old.requests)


def test_an_upload_that_the_side_breaks_off(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.old.on("/up", behaviour.reset_mid_upload(1000))
    client.send(request("/up", "POST", {"content-length": "1000000"}) + b"x" * 2000)
    assert client.answer().status == 502
    ledger = proxy.settled(1)
    assert ledger.outcomes in ({"old_failed": 1}, {"method_not_mirrored": 1})
    assert proxy.side("old")["failures"]["reset"] == 1


@pytest.mark.parametrize("promised", ["length", "chunks"])
def test_an_answer_that_the_side_breaks_off_does_not_look_whole(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, promised: str
) -> None:
    by_length = behaviour.truncate(b"x" * 100_000, 2_000_000)
    upstreams.old.on("/down", by_length if promised == "length" else behaviour.truncate_chunked(b"half"))
    client.send(request("/down"))
    if client.head().status == 200:
        with pytest.raises(ClosedError):
            client.rest()
    else:
        assert client.rest().status == 502  # nothing had been passed on yet
    assert proxy.settled(1).outcomes == {"old_failed": 1}
    assert proxy.side("old")["truncated"] == 1


@pytest.mark.parametrize("framed", [True, False], ids=["length", "chunks"])
def test_a_large_upload_streams(upstreams: Upstreams, start_proxy: StartProxy, framed: bool) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    block = behaviour.pattern(MIB)
    with RawClient(proxy.address, timeout=60) as client:
        assert client.ask("/warm", "POST", body=block).status == 200
        before = resident()
        headers = {"content-length": str(LARGE)} if framed else {"transfer-encoding": "chunked"}
        client.send(request("/up", "POST", headers))
        for _ in range(LARGE // MIB):
            client.send(block if framed else behaviour.chunk(block))
        client.send(b"" if framed else b"0\r\n\r\n")
        assert client.answer().status == 200
        grown = resident() - before
    assert grown < ALLOWANCE, f"{grown / MIB:.0f} MiB for {LARGE / MIB:.0f}"
    assert proxy.settled(2)["request_too_large"] == 1
    (seen,) = upstreams.old.to("/up")
    assert seen.message.length == LARGE
    assert seen.message.hash.digest() == _hash(block)
    assert not any(copy.message.complete for copy in upstreams.new.to("/up"))
    assert proxy.counters()["memory"]["reserved"] < MIB


@pytest.mark.parametrize("framed", [True, False], ids=["length", "chunks"])
def test_a_large_download_streams(proxy: RunningProxy, upstreams: Upstreams, client: RawClient, framed: bool) -> None:
    client.sock.settimeout(60)
    upstreams.on("/warm", behaviour.download(MIB))
    upstreams.on("/down", behaviour.download(LARGE, framed=framed, piece=MIB))
    assert client.ask("/warm").status == 200
    before = resident()
    client.send(request("/down"))
    answer = client.answer()
    grown = resident() - before
    assert answer.message.length == LARGE
    assert answer.message.hash.digest() == _hash(behaviour.pattern(MIB))
    assert grown < ALLOWANCE, f"{grown / MIB:.0f} MiB for {LARGE / MIB:.0f}"
    assert proxy.settled(2)["response_too_large"] == 1


def test_a_client_that_reads_slowly_holds_the_upstream_back(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    """Nothing is read ahead without bound: the origin gets stuck in its send while the client does not read."""
    sent = 0

    async def measure(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.send(f"HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n".encode())
        block = bytes(MIB)
        for _ in range(LARGE // MIB):
            await exchange.send(block)
            sent += MIB

    upstreams.old.on("/down", measure)
    upstreams.new.on("/down", behaviour.reply(200))
    before = resident()
    client.send(request("/down"))
    assert client.head().status == 200
    last = -1

    def stuck() -> bool:
        nonlocal last
        moved, last = sent != last, sent
        return not moved and sent > 0

    wait_until(stuck, interval=0.5)
    assert sent < LARGE
    assert resident() - before < ALLOWANCE
    client.reset()
    assert proxy.settled(1).outcomes == {"response_too_large": 1}


def _hash(block: bytes) -> bytes:
    whole = hashlib.sha256()
    for _ in range(LARGE // len(block)):
        whole.update(block)
    return whole.digest()
