"""The client goes away: the request ends as `client_gone`, the copy ends in its own time, and nothing leaks."""

import socket

import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.exchange import Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import RunningProxy
from tests.support.rawclient import RawClient, request
from tests.support.wait import wait_until


def leave(client: RawClient, how: str) -> None:
    if how == "reset":
        client.reset()
    else:
        client.close()


@pytest.mark.parametrize("how", ["reset", "close"])
def test_before_the_answer(proxy: RunningProxy, upstreams: Upstreams, how: str) -> None:
    old, new = Gate(), Gate()
    upstreams.old.on("/slow", behaviour.gated(old, behaviour.reply(200, b"late")))
    upstreams.new.on("/slow", behaviour.gated(new, behaviour.reply(200, b"late")))
    client = RawClient(proxy.address)
    client.send(request("/slow"))
    wait_until(lambda: old.waiting and new.waiting)
    leave(client, how)
    wait_until(lambda: upstreams.old.open_connections == 0, "the serving side was not told that the client left")
    new.open()
    assert proxy.settled(1).outcomes == {"client_gone": 1}
    assert not upstreams.new.requests[0].gone, "the copy was cut off because the client left"
    old.open()


def test_half_a_connection_is_none(proxy: RunningProxy, upstreams: Upstreams) -> None:
    """A client that ends its direction after the request counts as gone: from here it looks like one that left."""
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"late")))
    with RawClient(proxy.address) as client:
        client.send(request("/slow"))
        wait_until(lambda: gate.waiting)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.sock.recv(1) == b""
    wait_until(lambda: upstreams.old.open_connections == 0, "the serving side was not told that the client left")
    gate.open()
    assert proxy.settled(1).outcomes == {"client_gone": 1}


@pytest.mark.parametrize("how", ["reset", "close"])
def test_in_the_middle_of_the_answer(proxy: RunningProxy, upstreams: Upstreams, how: str) -> None:
    upstreams.on("/down", behaviour.download(30_000_000))
    client = RawClient(proxy.address)
    client.send(request("/down"))
    assert client.head().status == 200
    leave(client, how)
    assert proxy.settled(1).outcomes in ({"client_gone": 1}, {"response_too_large": 1})
    wait_until(lambda: upstreams.old.open_connections == 0, "the serving side goes on sending to nobody")


def test_in_the_middle_of_a_short_answer(proxy: RunningProxy, upstreams: Upstreams) -> None:
    gate = Gate()

    async def halves(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + behaviour.chunk(b"half"))
        await exchange.unless_gone(gate.wait())
        await exchange.send(behaviour.chunk(b"half") + b"0\r\n\r\n")

    upstreams.on("/halves", halves)
    client = RawClient(proxy.address)
    client.send(request("/halves"))
    assert client.head().status == 200
    client.reset()
    wait_until(lambda: upstreams.old.open_connections == 0)
    gate.open()
    assert proxy.settled(1).outcomes == {"client_gone": 1}


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_in_the_middle_of_an_upload(upstreams: Upstreams, start_proxy: StartProxy, how: str, framing: str) -> None:
    """Half an upload looks whole to neither side."""
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    client = RawClient(proxy.address)
    if framing == "length":
        client.send(request("/up", "POST", {"content-length": "1000"}) + b"half")
    else:
        client.send(request("/up", "POST", {"transfer-encoding": "chunked"}) + behaviour.chunk(b"half"))
    wait_until(lambda: upstreams.old.requests and upstreams.old.requests[0].body == b"half")
    leave(client, how)
    assert proxy.settled(1).outcomes == {"client_gone": 1}
    for origin in upstreams.both:
        wait_until(lambda origin=origin: origin.open_connections == 0)  # type: ignore[misc]
        assert not any(seen.message.complete for seen in origin.requests)
    assert sum(proxy.side("old")["failures"].values()) == 0, "the client's fault was put down to the old side"
    assert sum(proxy.side("new")["failures"].values()) == 0, "the client's fault was put down to the new side"


def test_with_the_next_request_in_the_pipe(proxy: RunningProxy, upstreams: Upstreams) -> None:
    """While bytes of the next request wait in the buffer the client's end may go unseen: it ends all the same."""
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"late")))
    client = RawClient(proxy.address)
    client.send(request("/slow") + request("/behind"))
    wait_until(lambda: gate.waiting == 2)
    client.reset()
    gate.open()
    ledger = proxy.settled()
    assert set(ledger.outcomes) <= {"client_gone", "match"}  # a match: it was answered before the end was seen
    assert 1 <= ledger.requests <= 2
    wait_until(lambda: proxy.counters()["connections"]["open"] == 0)


def test_a_half_closed_client(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    """A client that closes its sending side is answered, or treated as gone; never both, never hung."""
    client.send(request("/a"))
    client.half_close()
    left = client.until_closed()
    assert left == b"" or left.startswith(b"HTTP/1.1 200")
    # One whose end is seen before its request was taken up asked nothing.
    wait_until(lambda: proxy.counters()["connections"]["open"] == 0)
    ledger = proxy.settled()
    assert ledger["match"] + ledger["client_gone"] == ledger.requests <= 1
    assert ledger.requests or not left


def test_nothing_asked(proxy: RunningProxy) -> None:
    for how in ("reset", "close"):
        leave(RawClient(proxy.address), how)
    with RawClient(proxy.address) as client:
        client.send(b"GET /never HTTP/1.1\r\nhos")
    wait_until(lambda: proxy.counters()["connections"] == {"accepted": 3, "open": 0, "held_back": 0})
    assert proxy.settled().requests == 0


def test_the_copy_of_a_client_that_left_is_bounded_in_time(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.on("/slow", behaviour.hang())
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"shadow_ms": 300})
    client = RawClient(proxy.address)
    client.send(request("/slow"))
    wait_until(lambda: upstreams.new.count() == 1)
    client.reset()
    assert proxy.settled(1).outcomes == {"client_gone": 1}
    wait_until(lambda: upstreams.new.requests[0].gone)


def test_many_clients_that_leave(proxy: RunningProxy, upstreams: Upstreams) -> None:
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"late")))
    clients = [RawClient(proxy.address) for _ in range(50)]
    for client in clients:
        client.send(request("/slow"))
    wait_until(lambda: gate.waiting == 100)
    for client in clients:
        client.reset()
    wait_until(lambda: upstreams.old.open_connections == 0)
    gate.open()
    assert proxy.settled(50).outcomes == {"client_gone": 50}
    proxy.release()
