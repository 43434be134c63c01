"""Draining: requests, copies, streams and upgrades under way end; the port goes over to a successor without a gap."""

import asyncio
import socket
import threading

import pytest

from parallelrun.engine.handover import Port
from tests.support import background, behaviour
from tests.support.background import Gate
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.h2_client import H2Client
from tests.support.load import Shot, load
from tests.support.proxy import RunningProxy
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until


def stop_behind(proxy: RunningProxy, grace: float = 20) -> tuple[threading.Thread, list[bool]]:
    """Stops the proxy from another thread; the list gets the result."""
    result: list[bool] = []
    thread = threading.Thread(target=lambda: result.append(proxy.stop(grace)))
    thread.start()
    return thread, result


def test_requests_and_copies_under_way_end(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    old, new = Gate(), Gate()
    upstreams.old.on("/slow", behaviour.gated(old, behaviour.reply(200, b"late")))
    upstreams.new.on("/slow", behaviour.gated(new, behaviour.reply(200, b"late")))
    client.send(request("/slow"))
    wait_until(lambda: old.waiting and new.waiting)
    thread, result = stop_behind(proxy)
    wait_until(lambda: proxy.counters()["draining"])
    old.open()
    answer = client.answer()
    assert (answer.body, answer.header("connection")) == (b"late", "close")
    assert client.until_closed() == b""
    assert thread.is_alive(), "it did not wait for the copy"
    new.open()
    thread.join(20)
    assert result == [True]
    assert proxy.settled(1).outcomes == {"match": 1}


def test_draining_accepts_nobody(proxy: RunningProxy, client: RawClient) -> None:
    assert client.ask("/a").status == 200
    proxy.core.drain()
    wait_until(lambda: _refused(proxy.address))
    answer = client.ask("/b")  # a connection that is open is still served, once
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert client.until_closed() == b""
    proxy.settled(2)


def _refused(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, 5):
            return False
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # closed in the middle of the handshake
        return False


def test_idle_connections_do_not_hold_the_end_up(proxy: RunningProxy, client: RawClient) -> None:
    assert client.ask("/a").status == 200
    with RawClient(proxy.address) as silent:
        wait_until(lambda: proxy.counters()["connections"]["open"] == 2)
        assert proxy.stop(20) is True
        assert client.until_closed() == silent.until_closed() == b""


def test_the_grace_ends(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/hang", behaviour.hang())
    client.send(request("/hang"))
    wait_until(lambda: all(origin.count() for origin in upstreams.both))
    assert proxy.stop(0.2) is False
    with pytest.raises(ClosedError):
        client.answer()


def test_a_download_under_way_ends(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/down", behaviour.download(20_000_000))
    client.send(request("/down"))
    assert client.head().status == 200
    thread, result = stop_behind(proxy)
    wait_until(lambda: proxy.counters()["draining"])
    assert client.rest().message.length == 20_000_000
    thread.join(20)
    assert result == [True]


def test_an_upgraded_connection_is_waited_for(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/up", behaviour.upgrade_echo())
    client.send(request("/up", headers={"connection": "upgrade", "upgrade": "echo"}) + b"x")
    assert client.head().status == 101
    assert client.exactly(1) == b"x"
    thread, result = stop_behind(proxy)
    wait_until(lambda: proxy.counters()["draining"])
    client.send(b"still there")
    assert client.exactly(11) == b"still there"
    assert thread.is_alive()
    client.close()
    thread.join(20)
    assert result == [True]


def test_http2_is_told_and_served(proxy: RunningProxy, upstreams: Upstreams) -> None:
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"late")))
    with H2Client(proxy.address) as client:
        pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/slow")]
        stream = client.start(pseudo)
        wait_until(lambda: gate.waiting == 2)
        thread, result = stop_behind(proxy)
        wait_until(lambda: proxy.counters()["draining"])
        gate.open()
        client.until_closed()
        answer = client.streams[stream]
        assert (answer.status, bytes(answer.body), answer.complete) == (200, b"late", True)
        thread.join(20)
    assert result == [True]


def test_stopping_twice_and_after_nothing(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    assert proxy.stop(5) is True
    assert proxy.stop(5) is True
    assert proxy.counters()["requests"] == 0


@pytest.mark.parametrize("back", [False, True], ids=["the first leaves", "the second leaves"])
def test_a_port_is_left_to_another_process_without_a_failed_request(
    upstreams: Upstreams, start_proxy: StartProxy, *, back: bool
) -> None:
    """Both listen on the port for a while; then one of them drains. Kept connections and fresh ones go on working."""
    first = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    port = Port(first.core.listener_fds())
    address = f"127.0.0.1:{first.address[1]}"
    count = 1500

    def shot(number: int) -> Shot:
        fresh = {"connection": "close"} if number % 3 == 0 else {}
        return Shot(request(f"/{number}", headers=fresh), b"GET", None, f"GET /{number}".encode())

    running = background.start(load(first.address, shot, count=count, connections=8))
    wait_until(lambda: first.counters()["requests"] > 200)
    second = start_proxy(listener={"listen": address}, old=upstreams.old.url, new=upstreams.new.url)
    second_port = Port(second.core.listener_fds())
    wait_until(lambda: second.counters()["requests"] > 50 or running.done())
    leaving, its_port = (second, second_port) if back else (first, port)
    assert asyncio.run(its_port.hand_over())
    assert leaving.stop(20) is True
    result = running.result(60)
    assert result.errors == []
    assert result.statuses == {200: count}
    total = first.settled().requests + second.settled().requests
    assert total == count
    assert second.counters()["requests"] > 50
