"""What belongs to one connection stays on it; the framing of a message is made anew on each hop."""

import pytest

from tests.support import behaviour
from tests.support.fixtures import Upstreams
from tests.support.proxy import RunningProxy
from tests.support.rawclient import RawClient, request

HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}


def test_every_connection_line_of_a_request_counts(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    headers = [
        ("connection", "X-One, x-two"), ("x-one", "1"), ("x-two", "2"), ("x-stays", "3"), ("connection", "keep-alive"),
        ("Connection", " X-THREE ,,"), ("x-three", "4"), ("x-three", "5"), ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"), ("upgrade", "h2c"), ("te", "gzip"), ("http2-settings", "AAMAAABk"),
    ]  # fmt: skip
    client.send(request("/a", headers=headers))
    assert client.answer().status == 200
    proxy.settled(1)
    for origin in upstreams.both:
        (seen,) = origin.requests
        assert seen.head.names().isdisjoint(HOP_BY_HOP | {b"x-one", b"x-two", b"x-three"})
        assert seen.header("x-stays") == "3"


def test_every_connection_line_of_an_answer_counts(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    headers = [
        ("connection", "x-one"), ("x-one", "1"), ("connection", "X-Two, keep-alive"), ("x-two", "2"), ("x-stays", "3"),
        ("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"), ("upgrade", "h2c"),
    ]  # fmt: skip
    upstreams.on("/a", behaviour.reply(200, b"ok", headers))
    answer = client.ask("/a")
    assert answer.head.names().isdisjoint(HOP_BY_HOP | {b"x-one", b"x-two"})
    assert (answer.header("x-stays"), answer.body) == ("3", b"ok")


@pytest.mark.parametrize("name", ["content-length", "host", "cookie", "authorization", "x-forwarded-for"])
def test_a_client_cannot_strip_what_gives_a_request_its_meaning(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, name: str
) -> None:
    headers = {
        "connection": name,
        "host": "shop.example",
        "cookie": "a=1",
        "authorization": "Bearer t",
        "x-forwarded-for": "10.1.1.1",
    }
    client.send(request("/a", "POST", headers, b"hello"))
    assert client.answer().status == 200
    (seen,) = upstreams.old.requests
    assert (seen.body, seen.header("host"), seen.header("cookie")) == (b"hello", "shop.example", "a=1")
    assert seen.header("authorization") == "Bearer t"
    assert (seen.header("x-forwarded-for") or "").startswith("10.1.1.1")


def test_framing_is_by_length_or_by_chunks_never_both(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    assert client.ask("/a", "POST", {"Content-Length": "5"}, b"hello").status == 200
    client.send(request("/b", "POST", {"Transfer-Encoding": "CHUNKED"}) + b"5;x=y\r\nhello\r\n0\r\n\r\n")
    assert client.answer().status == 200
    by_length, by_chunks = upstreams.old.requests
    assert (by_length.header("content-length"), by_length.header("transfer-encoding")) == ("5", None)
    assert (by_chunks.header("content-length"), by_chunks.header("transfer-encoding")) == (None, "chunked")
    assert by_length.body == by_chunks.body == b"hello"


def test_framing_fields_named_as_hop_by_hop_change_nothing(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    headers = {"connection": "transfer-encoding, content-length", "transfer-encoding": "chunked"}
    client.send(request("/a", "POST", headers) + b"5\r\nhello\r\n0\r\n\r\n" + request("/b"))
    assert [client.answer().status for _ in range(2)] == [200, 200]
    assert [(seen.target, seen.body) for seen in upstreams.old.requests] == [("/a", b"hello"), ("/b", b"")]


def test_the_sides_learn_who_asked(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    assert client.ask("/a", headers={"x-forwarded-for": "10.1.1.1"}).status == 200
    proxy.settled(1)
    for origin in upstreams.both:
        (seen,) = origin.requests
        assert seen.header("x-forwarded-for") == "10.1.1.1, 127.0.0.1"
        assert seen.header("x-forwarded-proto") == "http"
        assert seen.header("x-forwarded-host") == "shop.example"


def test_stripping_an_answer_takes_nothing_from_the_comparison(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    """The record of a pair has the answers' fields as they came, although the client got them stripped."""
    for origin, body in ((upstreams.old, b"old"), (upstreams.new, b"new!")):
        headers = {"connection": "x-hop", "x-hop": "1", "etag": '"v"', "trailer": "x-sum"}
        origin.on("/a", behaviour.reply(200, body, headers, "text/plain"))
    assert client.ask("/a").header("x-hop") is None
    assert proxy.settled(1).outcomes == {"mismatch": 1}
    (record,) = proxy.wait_records()
    for side, length in (("old", "3"), ("new", "4")):
        headers = dict(record[side]["headers"])
        assert headers["content-length"] == length
        assert headers["etag"] == '"v"'
