"""TLS: to the sides with a certificate authority of their own, and at the listener."""

import socket
import ssl
from pathlib import Path

import pytest
import trustme

from tests.support.certs import ca_pem, client_context, server_context, write_pair
from tests.support.fixtures import MakeOrigin, StartProxy, Upstreams
from tests.support.h2_client import H2Client
from tests.support.h2_origin import H2Origin
from tests.support.proxy import Json, RunningProxy
from tests.support.rawclient import RawClient
from tests.support.wait import wait_until


def side(url: str, **more: object) -> Json:
    return {"url": url, "ca": ca_pem(), **more}


@pytest.mark.parametrize("alpn", [(), ("http/1.1",), ("h2", "http/1.1")], ids=["no ALPN", "http/1.1", "either"])
def test_https_to_the_sides(make_origin: MakeOrigin, start_proxy: StartProxy, alpn: tuple[str, ...]) -> None:
    """`auto` takes what the side picks by ALPN; the HTTP/1.1 origin is given its own choice only."""
    context = server_context(*[name for name in alpn if name != "h2"])
    old, new = make_origin("old", tls=context), make_origin("new", tls=context)
    proxy = start_proxy(old=side(old.url), new=side(new.url, protocol="http1"))
    with RawClient(proxy.address) as client:
        assert client.ask("/a").body == b"GET /a"
    assert proxy.settled(1).outcomes == {"match": 1}


def test_https_with_http2_by_alpn(start_proxy: StartProxy) -> None:
    old, new = H2Origin(tls=server_context("h2")), H2Origin(tls=server_context("h2", "http/1.1"))
    try:
        proxy = start_proxy(old=side(old.url), new=side(new.url, protocol="http2"))
        with RawClient(proxy.address) as client:
            assert client.ask("/a").body == b"GET /a"
        assert proxy.settled(1).outcomes == {"match": 1}
        assert old.requests[0].get(":scheme") == "https"
    finally:
        old.close()
        new.close()


@pytest.mark.parametrize(
    "ca", [None, trustme.CA().cert_pem.bytes().decode()], ids=["no authority", "another authority"]
)
def test_a_side_that_cannot_be_trusted_fails(make_origin: MakeOrigin, start_proxy: StartProxy, ca: str | None) -> None:
    old, new = make_origin("old", tls=server_context()), make_origin("new")
    proxy = start_proxy(old={"url": old.url, "ca": ca}, new=new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 502
    assert proxy.settled(1).outcomes == {"old_failed": 1}
    assert proxy.side("old")["failures"]["tls"] == 1
    assert old.count() == 0


def test_a_side_with_another_name_fails(make_origin: MakeOrigin, start_proxy: StartProxy) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    old, new = make_origin("old", tls=context), make_origin("new")
    proxy = start_proxy(old={"url": old.url, "ca": authority.cert_pem.bytes().decode()}, new=new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 502
    proxy.settled(1)
    assert proxy.side("old")["failures"]["tls"] == 1


def test_a_plain_side_behind_https_fails(make_origin: MakeOrigin, start_proxy: StartProxy) -> None:
    old, new = make_origin("old"), make_origin("new")
    proxy = start_proxy(old=side(old.url.replace("http:", "https:")), new=new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 502
    proxy.settled(1)
    assert proxy.side("old")["failures"]["tls"] == 1
    old.violations.clear()  # a TLS greeting is what it was sent, and is not HTTP


@pytest.fixture
def secure(upstreams: Upstreams, start_proxy: StartProxy, tmp_path: Path) -> RunningProxy:
    """A proxy with a TLS listener."""
    cert, key = write_pair(tmp_path)
    tls = {"cert": str(cert), "key": str(key)}
    return start_proxy(listener={"tls": tls, "header_timeout_ms": 2000}, old=upstreams.old.url, new=upstreams.new.url)


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
def test_a_tls_listener_speaks_http1(secure: RunningProxy, upstreams: Upstreams, alpn: tuple[str, ...]) -> None:
    with RawClient(secure.address, tls=client_context(*alpn)) as client:
        assert client.ask("/a").body == b"GET /a"
        assert client.ask("/b", "POST", body=b"x" * 100_000).status == 200
    secure.settled(2)
    assert upstreams.old.requests[0].header("x-forwarded-proto") == "https"
    assert upstreams.old.requests[1].message.length == 100_000


def test_a_tls_listener_speaks_http2(secure: RunningProxy, upstreams: Upstreams) -> None:
    with H2Client(secure.address, tls=client_context("h2", "http/1.1")) as client:
        assert client.ask("/a").status == 200
    assert secure.settled(1).outcomes == {"match": 1}
    assert upstreams.old.requests[0].header("x-forwarded-proto") == "https"


def test_a_plain_client_of_a_tls_listener_is_refused(secure: RunningProxy, upstreams: Upstreams) -> None:
    with RawClient(secure.address) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert not client.until_closed().startswith(b"HTTP/1.1 200")
    wait_until(lambda: secure.counters()["refused"]["tls"] == 1)
    assert upstreams.old.count() == 0
    with RawClient(secure.address, tls=client_context()) as client:
        assert client.ask("/").status == 200


def test_a_client_silent_in_the_handshake_is_given_up(secure: RunningProxy) -> None:
    with socket.create_connection(secure.address, 20) as silent:
        assert silent.recv(1) == b""
    wait_until(lambda: secure.counters()["connections"]["open"] == 0)


def test_a_bad_pair_binds_nothing(upstreams: Upstreams, start_proxy: StartProxy, tmp_path: Path) -> None:
    from parallelrun._core import ConfigError  # noqa: PLC0415

    cert, key = write_pair(tmp_path)
    key.write_text("not a key")
    with pytest.raises((ConfigError, OSError), match="key"):
        start_proxy(
            listener={"tls": {"cert": str(cert), "key": str(key)}}, old=upstreams.old.url, new=upstreams.new.url
        )
