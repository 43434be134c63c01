"""Upgrades where the side has a choice, refuses, or fails."""

import contextlib
from collections.abc import Iterator

import pytest
import websockets.asyncio.server
from websockets.sync.client import connect

from tests.support import background, behaviour
from tests.support.certs import ca_pem, server_context
from tests.support.fixtures import MakeH2Origin, StartProxy, Upstreams
from tests.support.proxy import RunningProxy
from tests.support.rawclient import ClosedError, RawClient, request

ASKED = request("/up", headers={"connection": "Upgrade", "upgrade": "echo"})


@pytest.fixture
def secure_socket() -> Iterator[str]:
    """The URL of a WebSocket server behind TLS that takes HTTP/2 wherever it is offered."""

    async def echo(connection: websockets.asyncio.server.ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def start() -> websockets.asyncio.server.Server:
        return await websockets.asyncio.server.serve(echo, "127.0.0.1", 0, ssl=server_context("h2", "http/1.1"))

    async def stop() -> None:
        server.close()
        await server.wait_closed()

    server = background.run(start())
    yield f"https://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
    background.run(stop())


@pytest.mark.parametrize("protocol", ["auto", "http1", "http2"])
def test_a_websocket_to_a_side_that_prefers_http2(
    secure_socket: str, upstreams: Upstreams, start_proxy: StartProxy, protocol: str
) -> None:
    proxy = start_proxy(old={"url": secure_socket, "ca": ca_pem(), "protocol": protocol}, new=upstreams.new.url)
    with connect(proxy.url.replace("http", "ws") + "/chat") as socket:
        socket.send("hello")
        assert socket.recv() == "hello"
    assert proxy.settled(1).outcomes == {"upgrade": 1}
    assert (proxy.side("old")["requests"], proxy.side("old")["connects"]) == (1, 1)


def test_no_upgrade_from_http2_by_prior_knowledge(make_h2_origin: MakeH2Origin, start_proxy: StartProxy) -> None:
    old, new = make_h2_origin(), make_h2_origin()
    proxy = start_proxy(old={"url": old.url, "protocol": "http2"}, new={"url": new.url, "protocol": "http2"})
    with RawClient(proxy.address) as client:
        client.send(ASKED)
        assert client.answer().status == 502
        assert client.ask("/a").status == 200
    assert proxy.settled(2).outcomes == {"old_failed": 1, "match": 1}
    assert proxy.side("old")["failures"]["protocol"] == 1


@pytest.mark.parametrize(
    "framing", [b"transfer-encoding: gzip\r\n", b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"]
)
def test_a_refusal_without_a_clear_end(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, framing: bytes
) -> None:
    upstreams.old.on("/up", behaviour.raw(b"HTTP/1.1 400 No\r\n" + framing + b"\r\nno", close=True))
    client.send(ASKED)
    assert client.answer().status == 502
    assert client.ask("/next").status == 200
    assert proxy.settled(2).outcomes == {"old_failed": 1, "match": 1}
    assert proxy.side("old")["failures"]["protocol"] == 1


def test_a_refusal_with_two_lengths_passes_with_one(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    answer = b"HTTP/1.1 426 No\r\ncontent-length: 99\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
    upstreams.old.on("/up", behaviour.raw(answer, close=True))
    client.send(ASKED)
    refused = client.answer()
    assert (refused.status, refused.body, refused.head.get(b"content-length")) == (426, b"no", None)
    assert client.ask("/next").status == 200
    assert proxy.settled(2).outcomes == {"upgrade": 1, "match": 1}


def test_a_refusal_that_breaks_off(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.old.on("/up", behaviour.truncate(b"half", 100))
    client.send(ASKED)
    with contextlib.suppress(ClosedError):
        assert client.answer().status >= 500
    proxy.settled(1)
    assert proxy.side("old")["truncated"] == 1


def test_an_upgrade_that_both_sides_fail(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    proxy.set_weight(100)
    upstreams.new.refuse()
    upstreams.old.refuse()
    client.send(ASKED)
    assert client.answer().status == 502
    ledger = proxy.settled(1)
    assert (ledger.outcomes, ledger.rescued) == ({"both_failed": 1}, 0)
    assert [proxy.side(side)["failures"]["connect"] for side in ("old", "new")] == [1, 1]


def test_a_rescued_upgrade_is_a_failure_of_the_new_side(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    proxy.set_weight(100)
    upstreams.new.refuse()
    upstreams.old.on("/up", behaviour.upgrade_echo())
    client.send(ASKED + b"hello")
    assert client.head().status == 101
    assert client.exactly(5) == b"hello"
    client.close()
    ledger = proxy.settled(1)
    assert (ledger.outcomes, ledger.rescued) == ({"new_failed": 1}, 1)
