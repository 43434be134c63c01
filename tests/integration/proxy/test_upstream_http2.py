"""Connections to a side that speaks HTTP/2: shared, counted, replaced."""

import pytest

from tests.support.fixtures import MakeH2Origin, StartProxy
from tests.support.h2_origin import H2Origin
from tests.support.proxy import Json
from tests.support.rawclient import RawClient


def side(origin: H2Origin, **more: object) -> Json:
    return {"url": origin.url, "protocol": "http2", **more}


@pytest.mark.parametrize("host", ["", "a:b:c", "[", "a:b", "[::1", ":80"])
def test_a_host_that_is_no_authority(make_h2_origin: MakeH2Origin, start_proxy: StartProxy, host: str) -> None:
    old, new = make_h2_origin(), make_h2_origin()
    proxy = start_proxy(listener={"workers": 1}, old=side(old), new=side(new))
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
    proxy = start_proxy(listener={"workers": 1}, old=side(old), new=side(new))
    with RawClient(proxy.address) as client:
        for _ in range(3):
            assert client.ask("/a", method).status == 502
    ledger = proxy.settled(3)
    assert sum(ledger.outcomes.values()) == ledger["both_failed"] + ledger["old_failed"] == 3
    assert old.connections <= 3 * 3
