"""Connections to a side that speaks HTTP/2: shared, counted, replaced."""

import contextlib

import pytest

from tests.support.background import Gate
from tests.support.certs import ca_pem, server_context
from tests.support.exchange import Exchange
from tests.support.fixtures import MakeH2Origin, MakeOrigin, StartProxy, Upstreams
from tests.support.h2_client import H2Client
from tests.support.h2_origin import H2Message, H2Origin, H2Reply, HeaderList, plain_reply
from tests.support.proxy import Json
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until

ONE = {"workers": 1}
"""One worker, and so one pool for each side."""


def get(path: str) -> HeaderList:
    return [(":method", "GET"), (":scheme", "http"), (":authority", "shop.example"), (":path", path)]


def side(origin: H2Origin, **more: object) -> Json:
    return {"url": origin.url, "protocol": "http2", **more}


@pytest.mark.parametrize("host", ["", "a:b:c", "[", "a:b", "[::1", ":80"])
def test_a_host_that_is_no_authority(make_h2_origin: MakeH2Origin, start_proxy: StartProxy, host: str) -> None:
    old, new = make_h2_origin(), make_h2_origin()
    proxy = start_proxy(listener=ONE, old=side(old), new=side(new))
    with RawClient(proxy.address) as client:
        assert client.ask("/warm").status == 200
        client.send(f"GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert client.answer().status == 400
    with RawClient(proxy.address) as client:  # the worker lives
        assert client.ask("/b").status == 200
    assert proxy.settled(2).outcomes == {"match": 2}


def test_http_1_0_without_a_host(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    old, new = make_h2_origin(), make_h2_origin()
    proxy = start_proxy(old=side(old), new=side(new))
    with RawClient(proxy.address) as client:
        client.send(b"GET /a HTTP/1.0\r\n\r\n")
        assert client.answer().status == 200
    assert old.requests[0].get(":authority") == "localhost"
    assert proxy.settled(1).outcomes == {"match": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_side_that_leaves_at_once_has_failed(
    make_h2_origin: MakeH2Origin, start_proxy: StartProxy, method: str
) -> None:
    """Every connection is told to go away before a request can leave on it: that ends as a failure, not in a loop."""
    old, new = make_h2_origin(leaves=True), make_h2_origin(leaves=True)
    proxy = start_proxy(listener=ONE, old=side(old), new=side(new))
    with RawClient(proxy.address) as client:
        for _ in range(3):
            assert client.ask("/a", method).status == 502
    ledger = proxy.settled(3)
    assert sum(ledger.outcomes.values()) == ledger["both_failed"] + ledger["old_failed"] == 3
    assert old.connections <= 3 * 3


def test_a_burst_opens_one_connection(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    old, new = make_h2_origin(), make_h2_origin()
    proxy = start_proxy(listener=ONE, old=side(old), new=side(new))
    with H2Client(proxy.address) as client:
        streams = [client.start(get(f"/{number}")) for number in range(60)]
        assert all(client.answer(stream).status == 200 for stream in streams)
    assert proxy.settled(60).outcomes == {"match": 60}
    assert (old.connections, new.connections) == (1, 1)
    assert [proxy.side(name)["connects"] for name in ("old", "new")] == [1, 1]


@pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
def test_a_burst_to_a_side_that_chooses(
    make_h2_origin: MakeH2Origin, make_origin: MakeOrigin, start_proxy: StartProxy, alpn: str
) -> None:
    """Until the first connection has come about nobody knows whether the others will need their own."""
    make = make_h2_origin if alpn == "h2" else make_origin
    old, new = make(tls=server_context(alpn)), make(tls=server_context(alpn))
    proxy = start_proxy(listener=ONE, old={"url": old.url, "ca": ca_pem()}, new={"url": new.url, "ca": ca_pem()})
    with H2Client(proxy.address) as client:
        streams = [client.start(get(f"/{number}")) for number in range(40)]
        assert all(client.answer(stream).status == 200 for stream in streams)
    assert proxy.settled(40).outcomes == {"match": 40}
    if alpn == "h2":
        assert (proxy.side("old")["connects"], proxy.side("new")["connects"]) == (1, 1)


def test_a_full_connection_is_no_queue(
    make_h2_origin: MakeH2Origin, upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    """The side allows two streams: with both taken, what comes next goes on a further connection."""

    def handler(message: H2Message) -> H2Reply:
        return H2Reply(hang=True) if message.path == "/hang" else plain_reply(message)

    old = make_h2_origin(handler, streams=2)
    proxy = start_proxy(listener=ONE, old=side(old), new=upstreams.new.url)
    with H2Client(proxy.address) as stuck, H2Client(proxy.address) as client:
        for number in range(1, 8):
            hanging = stuck.start(get("/hang"))
            wait_until(lambda number=number: len(old.to("/hang")) == number)  # type: ignore[misc]
            assert client.ask(f"/{number}").status == 200
        assert 4 <= old.connections <= 5
        stuck.reset(hanging)
    wait_until(lambda: sum(message.reset is not None for message in old.to("/hang")) == 7)
    with H2Client(proxy.address) as client:  # what was opened in need is used on
        streams = [client.start(get("/again")) for _ in range(8)]
        assert all(client.answer(stream).status == 200 for stream in streams)
    assert old.connections <= 5
    proxy.settled(22)


def test_a_side_with_one_stream_at_a_time(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    old, new = make_h2_origin(streams=1), make_h2_origin(streams=1)
    proxy = start_proxy(listener=ONE, old=side(old), new=side(new))
    with H2Client(proxy.address) as client:
        for _ in range(3):
            streams = [client.start(get(f"/{number}")) for number in range(30)]
            assert all(client.answer(stream).status == 200 for stream in streams)
    assert proxy.settled(90).outcomes == {"match": 90}


def test_copies_take_no_room_from_served_requests(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    """Both sides are one address, and serve; the copies hang there and fill every connection that they have."""

    def handler(message: H2Message) -> H2Reply:
        return H2Reply(hang=True) if message.get("x-parallelrun-shadow") else plain_reply(message)

    both = make_h2_origin(handler, streams=3)
    sticky = {"by": "header", "name": "x-user"}
    proxy = start_proxy(listener=ONE, old=side(both), new=side(both), sticky=sticky, limits={"shadow_ms": 1000})
    proxy.set_weight(50)
    with RawClient(proxy.address) as client:
        for number in range(40):
            assert client.ask("/a", headers={"x-user": str(number)}).status == 200
            wait_until(lambda number=number: len(both.requests) == 2 * number + 2)  # type: ignore[misc]
    copies = {seen.connection for seen in both.requests if seen.get("x-parallelrun-shadow")}
    assert copies.isdisjoint(seen.connection for seen in both.requests if not seen.get("x-parallelrun-shadow"))
    ledger = proxy.settled(40)
    assert ledger["old_failed"] > 0
    assert ledger["old_failed"] + ledger["new_failed"] == 40


def test_a_connection_that_fell_silent_is_not_used_again(
    make_h2_origin: MakeH2Origin, upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    old = make_h2_origin()
    proxy = start_proxy(listener=ONE, old=side(old, timeout_ms=300), new=upstreams.new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 200
        old.fall_silent()
        assert client.ask("/a").status == 504
        assert client.ask("/a").status == 200
    assert old.connections == 2
    assert proxy.settled(3).outcomes == {"match": 2, "old_failed": 1}


def test_a_connection_that_fell_silent_in_a_body_is_not_used_again(
    make_h2_origin: MakeH2Origin, upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    gate = Gate()

    def handler(message: H2Message) -> H2Reply:
        return H2Reply(200, [], b"begun", gate=gate) if message.path == "/begun" else plain_reply(message)

    old = make_h2_origin(handler)
    proxy = start_proxy(listener=ONE, old=side(old), new=upstreams.new.url, limits={"idle_ms": 300})
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 200
    with RawClient(proxy.address) as client, contextlib.suppress(ClosedError):
        assert client.ask("/begun").status == 502
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 200
    assert old.connections == 2
    assert proxy.settled(3)["old_failed"] == 1
    gate.open()


def test_clients_that_do_not_read_stop_nobody_else(
    make_h2_origin: MakeH2Origin, upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    """Their answers stand still on the connection to the side that all share; it has room for the others."""
    large = bytes(40_000_000)  # more than the system's buffers take

    def handler(message: H2Message) -> H2Reply:
        return H2Reply(200, [], large) if message.path == "/large" else plain_reply(message)

    old = make_h2_origin(handler)
    proxy = start_proxy(listener=ONE, old=side(old), new=upstreams.new.url)
    with contextlib.ExitStack() as stack:
        for number in range(1, 7):
            slow = stack.enter_context(RawClient(proxy.address))
            slow.send(request("/large"))
            wait_until(lambda number=number: len(old.to("/large")) == number)  # type: ignore[misc]
            assert slow.head().status == 200
        with RawClient(proxy.address) as client:
            for number in range(20):
                assert client.ask(f"/{number}").status == 200
        assert old.connections == 1


def test_uploads_that_nobody_reads_stop_no_other(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Their bodies stand still on the client's connection; the other streams on it go on."""
    gate = Gate()

    async def slow(exchange: Exchange) -> None:
        await gate.wait()  # and reads nothing meanwhile

    upstreams.old.on("/slow", slow)
    proxy = start_proxy(listener=ONE, old=upstreams.old.url, new=upstreams.new.url)
    with H2Client(proxy.address) as client:
        post = [(":method", "POST"), *get("/slow")[1:]]
        for number in range(1, 7):
            stream = client.start(post, end=False)
            wait_until(lambda number=number: gate.waiting == number)  # type: ignore[misc]
            assert client.fill(stream) > 0
        assert client.ask("/quick", "POST", body=bytes(100_000)).status == 200
    gate.open()
    proxy.settled(7)
