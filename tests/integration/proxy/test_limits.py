"""Limits on what a client may send, how slowly, and how many may be connected."""

import pytest

from tests.support import behaviour
from tests.support.exchange import Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import RunningProxy
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until


@pytest.fixture
def limited(upstreams: Upstreams, start_proxy: StartProxy) -> RunningProxy:
    """A proxy with small limits."""
    limits = {
        "headers": 20,
        "header_bytes": 16_384,
        "uri_bytes": 1000,
        "header_timeout_ms": 300,
        "idle_timeout_ms": 400,
        "workers": 1,
    }
    return start_proxy(listener=limits, old=upstreams.old.url, new=upstreams.new.url, databases="separate")


def fields(count: int) -> dict[str, str]:
    """That many fields, Host among them."""
    return {"host": "a"} | {f"x-{number}": "v" for number in range(count - 1)}


def test_as_many_fields_as_allowed(limited: RunningProxy, upstreams: Upstreams) -> None:
    with RawClient(limited.address) as client:
        assert client.ask("/", headers=fields(20)).status == 200
        assert client.ask("/", headers=fields(21)).status == 431
        assert client.until_closed() == b""
    assert upstreams.old.count() == 1
    wait_until(lambda: limited.counters()["refused"]["bad_request"] == 1)


def test_a_head_too_large(limited: RunningProxy, upstreams: Upstreams) -> None:
    with RawClient(limited.address) as client:
        assert client.ask("/", headers={"x": "y" * 8000}).status == 200
        assert client.ask("/", headers={"x": "y" * 20_000}).status == 431
        assert client.until_closed() == b""
    with RawClient(limited.address) as client:
        client.send(b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000)  # never ends
        assert client.answer().status == 431
    assert upstreams.old.count() == 1
    wait_until(lambda: limited.counters()["refused"]["bad_request"] == 2)


def test_a_target_too_long(limited: RunningProxy, upstreams: Upstreams) -> None:
    with RawClient(limited.address) as client:
        assert client.ask("/" + "a" * 999).status == 200
        assert client.ask("/" + "a" * 1000).status == 414
    assert upstreams.old.count() == 1
    assert limited.counters()["refused"]["uri_too_long"] == 1


def test_refusals_are_not_requests_of_the_ledger(limited: RunningProxy) -> None:
    with RawClient(limited.address) as client:
        assert client.ask("/", headers=fields(21)).status == 431
    with RawClient(limited.address) as client:
        client.send(b"TRACE / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.answer().status == 405
    assert limited.settled().requests == 0
    assert limited.counters()["refused"]["method"] == 1


def test_a_slow_head_is_cut_off(limited: RunningProxy, upstreams: Upstreams) -> None:
    """Slowloris: a byte now and then keeps no connection beyond the time for the whole head."""
    with RawClient(limited.address) as client:
        data = request("/", headers={f"x-{number}": "v" for number in range(10)})

        def drip() -> bool:
            nonlocal data
            client.send(data[:1])
            data = data[1:]
            return bool(limited.counters()["refused"]["header_timeout"]) or not data[:-4]

        wait_until(drip, interval=0.02)
        assert limited.counters()["refused"]["header_timeout"] == 1, "the head was over before the time"
        client.sock.settimeout(10)
        try:
            assert client.answer().status == 408
        except ClosedError:
            pass
        else:
            assert client.until_closed() == b""
    assert upstreams.old.count() == 0


def test_a_silent_connection_is_closed(limited: RunningProxy) -> None:
    """Whether it has asked something before, or sent nothing, or the first letters of an HTTP/2 preface."""
    for sent in (b"", b"P", b"PRI * HTTP/2.0\r\n"):
        with RawClient(limited.address) as client:
            client.send(sent)
            assert client.until_closed()[:12] in (b"", b"HTTP/1.1 408")
    wait_until(lambda: limited.counters()["refused"]["header_timeout"] == 3)
    with RawClient(limited.address) as client:
        assert client.ask("/").status == 200
        assert client.until_closed()[:12] in (b"", b"HTTP/1.1 408")
    wait_until(lambda: limited.counters()["connections"]["open"] == 0)
    assert limited.counters()["refused"]["header_timeout"] == 3, "an idle connection was counted as a refusal"


def test_an_upload_that_stalls_is_given_up(limited: RunningProxy, upstreams: Upstreams) -> None:
    with RawClient(limited.address) as client:
        client.send(request("/up", "POST", {"content-length": "10"}) + b"half")
        try:
            assert client.answer().status in (400, 408)
        except ClosedError:
            pass
        else:
            assert client.until_closed() == b""
    ledger = limited.settled(1)
    assert ledger.outcomes == {"client_gone": 1}
    wait_until(lambda: all(seen.gone for origin in upstreams.both for seen in origin.requests))
    assert not any(seen.message.complete for origin in upstreams.both for seen in origin.requests)
    assert sum(limited.side("old")["failures"].values()) == 0, "the client's fault was put down to the old side"


def test_a_client_that_stops_reading_is_given_up(limited: RunningProxy, upstreams: Upstreams) -> None:
    upstreams.on("/down", behaviour.download(50_000_000))
    with RawClient(limited.address) as client:
        client.send(request("/down"))
        assert client.head().status == 200
        ledger = limited.settled(1)  # without another byte read
    assert ledger.outcomes in ({"client_gone": 1}, {"response_too_large": 1})
    wait_until(lambda: limited.counters()["connections"]["open"] == 0)


def test_an_answer_in_progress_is_not_idle(limited: RunningProxy, upstreams: Upstreams) -> None:
    """The time for a head and the idle time do not count while the side thinks."""
    upstreams.on("/slow", behaviour.after(1.0, behaviour.reply(200, b"done")))
    with RawClient(limited.address) as client:
        assert client.ask("/slow").body == b"done"
    assert limited.settled(1).outcomes == {"match": 1}


def test_a_side_that_stalls_in_its_answer_is_given_up(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    async def stall(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + b"x" * 100)
        await exchange.until_gone()

    upstreams.old.on("/stall", stall)
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"idle_ms": 200})
    with RawClient(proxy.address) as client:
        client.send(request("/stall"))
        with pytest.raises(ClosedError):
            client.answer()
    assert proxy.settled(1).outcomes == {"old_failed": 1}
    assert proxy.side("old")["failures"]["timeout"] == 1


def test_connections_over_the_limit_wait(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(listener={"connections": 2, "workers": 1}, old=upstreams.old.url, new=upstreams.new.url)
    with RawClient(proxy.address) as first, RawClient(proxy.address) as second, RawClient(proxy.address) as third:
        assert first.ask("/").status == second.ask("/").status == 200
        third.send(request("/third"))
        wait_until(lambda: proxy.counters()["connections"]["held_back"] == 1)
        assert first.ask("/").status == second.ask("/").status == 200
        assert proxy.counters()["connections"]["open"] == 2
        assert upstreams.old.count("/third") == 0
        first.close()
        assert third.answer().body == b"GET /third"
    wait_until(lambda: proxy.counters()["connections"]["open"] == 0)
    assert proxy.settled(5).outcomes == {"match": 5}


def test_endpoints_past_the_limit_are_one(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"endpoints": 3})
    with RawClient(proxy.address) as client:
        for name in ("one", "two", "three", "four", "five"):
            assert client.ask(f"/{name}").status == 200
    proxy.settled(5)
    assert proxy.endpoint("(other)")["requests"] == 2
    assert len(proxy.counters()["endpoints"]) == 4
