"""Streams without an end: server-sent events, and upgrades that leave HTTP."""

import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
import websockets.asyncio.server
from websockets.sync.client import connect

from tests.support import background, behaviour
from tests.support.background import Gate
from tests.support.exchange import Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import RunningProxy
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until


class Stream:
    """A feed of events that yields one, then waits."""

    def __init__(self) -> None:
        self.gate = Gate()

    async def __call__(self) -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        await self.gate.wait()
        yield b"data: second\n\n"


def test_the_first_event_arrives_at_once(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    old, new = Stream(), Stream()
    upstreams.old.on("/events", behaviour.events(old))
    upstreams.new.on("/events", behaviour.events(new))
    client.send(request("/events", headers={"accept": "text/event-stream"}))
    assert client.head().status == 200
    assert client.piece() == b"data: first\n\n"
    old.gate.open()
    assert client.rest().body == b"data: first\n\ndata: second\n\n"
    new.gate.open()
    assert proxy.settled(1).outcomes == {"streaming": 1}
    proxy.release()


def test_a_stream_holds_no_copy_for_long(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The copy of a request whose answer is endless has its deadline like any other."""
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"shadow_ms": 200})
    old = Stream()
    upstreams.old.on("/events", behaviour.events(old, "text/event-stream; charset=utf-8"))
    upstreams.new.on("/events", behaviour.hang())
    with RawClient(proxy.address) as client:
        client.send(request("/events"))
        assert client.head().status == 200
        wait_until(lambda: upstreams.new.requests and upstreams.new.requests[0].gone)
        wait_until(lambda: proxy.counters()["shadows"]["in_flight"] == 0)
        old.gate.open()
        client.rest()
    assert proxy.settled(1).outcomes == {"streaming": 1}


def test_an_endless_copy_holds_nobody(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    new = Stream()
    upstreams.old.on("/events", behaviour.reply(200, b"short", content_type="text/plain"))
    upstreams.new.on("/events", behaviour.events(new))
    assert client.ask("/events").body == b"short"
    assert proxy.settled(1).outcomes == {"streaming": 1}
    wait_until(lambda: upstreams.new.requests[0].gone or upstreams.new.open_connections == 0)


def test_a_client_that_leaves_a_stream(proxy: RunningProxy, upstreams: Upstreams) -> None:
    for origin in upstreams.both:
        origin.on("/events", behaviour.events(Stream()))
    with RawClient(proxy.address) as client:
        client.send(request("/events"))
        assert client.piece_after_head() == b"data: first\n\n"
    assert proxy.settled(1).outcomes in ({"streaming": 1}, {"client_gone": 1})
    wait_until(lambda: upstreams.old.open_connections == 0, "the side was not told")


def test_events_from_the_new_side(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"shadow_ms": 200})
    proxy.set_weight(100)
    new = Stream()
    upstreams.new.on("/events", behaviour.events(new))
    upstreams.old.on("/events", behaviour.hang())
    with RawClient(proxy.address) as client:
        client.send(request("/events"))
        assert client.piece_after_head() == b"data: first\n\n"
        new.gate.open()
        assert client.rest().body == b"data: first\n\ndata: second\n\n"
    assert proxy.settled(1).outcomes == {"streaming": 1}


class Sockets:
    """A WebSocket echo server; `handshakes` are the requests it got."""

    def __init__(self) -> None:
        self.handshakes: list[websockets.Request] = []
        self.server = background.run(self._start())
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def _start(self) -> websockets.asyncio.server.Server:
        async def echo(connection: websockets.asyncio.server.ServerConnection) -> None:
            assert connection.request is not None
            self.handshakes.append(connection.request)
            async for message in connection:
                await connection.send(message)

        return await websockets.asyncio.server.serve(
            echo, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("chat")], max_size=None
        )

    async def _stop(self) -> None:
        self.server.close()
        await self.server.wait_closed()

    def close(self) -> None:
        background.run(self._stop())


@pytest.fixture
def sockets() -> Iterator[tuple[Sockets, Sockets]]:
    both = (Sockets(), Sockets())
    yield both
    for server in both:
        server.close()


@pytest.mark.parametrize("weight", [0, 100])
def test_a_websocket_passes_whole_to_the_serving_side(
    sockets: tuple[Sockets, Sockets], start_proxy: StartProxy, weight: int
) -> None:
    old, new = sockets
    proxy = start_proxy(old=old.url, new=new.url)
    proxy.set_weight(weight)
    serving, other = (new, old) if weight else (old, new)
    big = bytes(behaviour.pattern(3_000_000))
    url = proxy.url.replace("http", "ws") + "/chat?room=1"
    with connect(url, subprotocols=[websockets.Subprotocol("chat")], max_size=None) as socket:
        assert socket.subprotocol == "chat"
        socket.send("hello")
        assert socket.recv() == "hello"
        socket.send(big)
        assert socket.recv() == big
        assert socket.ping().wait(10)
        socket.close(4000, "done")
        assert socket.close_code == 4000
    assert proxy.settled(1).outcomes == {"upgrade": 1}
    assert [handshake.path for handshake in serving.handshakes] == ["/chat?room=1"]
    assert "x-parallelrun-shadow" not in serving.handshakes[0].headers
    assert other.handshakes == []


def test_many_websockets_and_requests_side_by_side(sockets: tuple[Sockets, Sockets], start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=sockets[0].url, new=sockets[1].url)
    url = proxy.url.replace("http", "ws") + "/chat"
    with contextlib.ExitStack() as stack:
        chat = [websockets.Subprotocol("chat")]
        open_ones = [stack.enter_context(connect(url, subprotocols=chat)) for _ in range(10)]
        for number, socket in enumerate(open_ones):
            socket.send(str(number))
        for number, socket in enumerate(open_ones):
            assert socket.recv() == str(number)
    assert proxy.settled(10).outcomes == {"upgrade": 10}


def test_bytes_around_the_switch_are_kept(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    """The client's first bytes in the segment of its request, the side's first bytes in the segment of its 101."""
    upstreams.on("/up", behaviour.upgrade_echo("echo", greeting=b"welcome "))
    client.send(request("/up", headers={"connection": "Upgrade", "upgrade": "echo"}) + b"early ")
    head = client.head()
    assert head.status == 101
    assert head.get(b"upgrade") == b"echo"
    assert client.exactly(14) == b"welcome early "
    client.send(b"late")
    assert client.exactly(4) == b"late"
    assert upstreams.new.count() == 0
    client.close()
    assert proxy.settled(1).outcomes == {"upgrade": 1}
    wait_until(lambda: upstreams.old.open_connections == 0, "the side was not told")


def test_a_side_that_closes_an_upgraded_connection(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    async def farewell(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nbye")
        await exchange.close()

    upstreams.on("/up", farewell)
    client.send(request("/up", headers={"connection": "Upgrade", "upgrade": "echo"}))
    assert client.head().status == 101
    assert client.until_closed() == b"bye"
    assert proxy.settled(1).outcomes == {"upgrade": 1}


def test_an_upgrade_that_the_side_refuses(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/up", behaviour.reply(426, b"no", {"upgrade": "other"}))
    client.send(request("/up", headers={"connection": "Upgrade", "upgrade": "echo"}))
    answer = client.answer()
    assert (answer.status, answer.body) == (426, b"no")
    assert client.ask("/next").body == b"GET /next"
    assert proxy.settled(2)["upgrade"] == 1


def test_an_upgrade_with_the_side_down(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.old.refuse()
    client.send(request("/up", headers={"connection": "Upgrade", "upgrade": "echo"}))
    assert client.answer().status == 502
    assert proxy.settled(1).outcomes in ({"upgrade": 1}, {"old_failed": 1})
    assert upstreams.new.count() == 0


def test_an_upgrade_that_the_new_side_cannot_take_goes_to_the_old(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    """Nothing has left yet when the new side refuses the connection."""
    proxy.set_weight(100)
    upstreams.new.refuse()
    upstreams.old.on("/up", behaviour.upgrade_echo())
    client.send(request("/up", headers={"connection": "Upgrade", "upgrade": "echo"}) + b"hello")
    assert client.head().status == 101
    assert client.exactly(5) == b"hello"
    client.close()
    assert proxy.settled(1).rescued == 1


def test_an_upgrade_nobody_named_is_no_upgrade(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    """`Upgrade` without `Connection: upgrade` is an ordinary request without that field."""
    assert client.ask("/a", headers={"upgrade": "echo"}).body == b"GET /a"
    assert proxy.settled(1).outcomes == {"match": 1}
    assert upstreams.old.requests[0].header("upgrade") is None


def test_an_upgrade_with_a_body_is_an_ordinary_request(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    """The body must not get lost where the side does not care for the upgrade."""
    upstreams.on("/a", behaviour.echo())
    assert client.ask("/a", "POST", {"connection": "upgrade", "upgrade": "echo"}, b"hello").body == b"hello"
    assert proxy.settled(1).outcomes == {"method_not_mirrored": 1}
    assert upstreams.old.requests[0].header("upgrade") is None


def test_an_upgraded_connection_that_is_reset(proxy: RunningProxy, upstreams: Upstreams) -> None:
    upstreams.on("/up", behaviour.upgrade_echo())
    client = RawClient(proxy.address)
    client.send(request("/up", headers={"connection": "Upgrade", "upgrade": "echo"}) + b"x")
    assert client.head().status == 101
    assert client.exactly(1) == b"x"
    client.reset()
    wait_until(lambda: upstreams.old.open_connections == 0, "the side was not told")
    assert proxy.settled(1).outcomes == {"upgrade": 1}


def test_an_unlabelled_stream_passes_as_it_comes(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    """No buffering by content type either: any answer reaches the client as it is made."""
    old = Stream()
    upstreams.old.on("/log", behaviour.events(old, "application/x-ndjson"))
    upstreams.new.on(
        "/log", behaviour.chunked([b"data: first\n\ndata: second\n\n"], {"content-type": "application/x-ndjson"})
    )
    client.send(request("/log"))
    assert client.piece_after_head() == b"data: first\n\n"
    old.gate.open()
    assert client.rest().body == b"data: first\n\ndata: second\n\n"
    proxy.settled(1)


def test_a_stream_that_the_side_breaks_off(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    async def broken(exchange: Exchange) -> None:
        await exchange.body()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        await exchange.send(head + behaviour.chunk(b"data: 1\n\n"))
        exchange.reset()

    upstreams.on("/events", broken)
    client.send(request("/events"))
    with pytest.raises(ClosedError):
        client.answer()
    ledger = proxy.settled(1)
    assert ledger["streaming"] + ledger["old_failed"] + ledger["both_failed"] == 1, ledger
