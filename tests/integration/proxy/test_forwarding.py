"""What an ordinary reverse proxy does: requests and answers pass unchanged, on connections that last."""

import pytest

from tests.support import behaviour
from tests.support.fixtures import MakeOrigin, StartProxy, Upstreams
from tests.support.proxy import RunningProxy
from tests.support.rawclient import RawClient, request
from tests.support.wait import wait_until


def test_an_answer_passes_unchanged(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    headers = [("content-type", "text/plain"), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-odd", "caf\xe9; q")]
    upstreams.on("/a", behaviour.reply(418, b"short and stout", headers))
    answer = client.ask("/a")
    assert (answer.status, answer.body) == (418, b"short and stout")
    assert answer.head.get_all(b"set-cookie") == [b"a=1", b"b=2"]
    assert answer.header("x-odd") == "caf\xe9; q"
    assert answer.header("content-length") == "15"
    assert answer.header("transfer-encoding") is None


def test_both_sides_get_the_request_and_it_matches(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    assert client.ask("/orders?x=1&y=%2F+z", headers={"X-Custom": "v", "accept": "*/*"}).status == 200
    ledger = proxy.settled(1)
    assert ledger.outcomes == {"match": 1}
    for origin in upstreams.both:
        (seen,) = origin.requests
        assert (seen.method, seen.target, seen.body) == ("GET", "/orders?x=1&y=%2F+z", b"")
        assert seen.header("x-custom") == "v"
        assert seen.header("host") == "shop.example"
        assert seen.head.names().isdisjoint({b"content-length", b"transfer-encoding", b"connection"})
    assert proxy.endpoint("GET /orders")["outcomes"] == {"match": 1}


def test_connections_are_kept_on_both_ends(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    for number in range(20):
        assert client.ask(f"/keep/{number}").body == f"GET /keep/{number}".encode()
        proxy.settled(number + 1)  # so that the copy's connection is free again
    assert (upstreams.old.connections, upstreams.new.connections) == (1, 1)
    assert proxy.counters()["connections"]["accepted"] == 1
    assert proxy.side("old")["connects"] == 1


def test_pipelined_requests_are_answered_in_order(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/slow", behaviour.after(0.05, behaviour.reply(200, b"slow")))
    bodies = request("/one", "POST", body=b"abc") + request("/two", "POST", {"transfer-encoding": "chunked"})
    client.send(request("/slow") + bodies + b"3\r\nxyz\r\n0\r\n\r\n" + request("/three"))
    assert [client.answer().body for _ in range(4)] == [b"slow", b"POST /one", b"POST /two", b"GET /three"]
    assert proxy.settled(4).outcomes == {"match": 2, "method_not_mirrored": 2}
    assert [seen.body for seen in upstreams.old.requests] == [b"", b"abc", b"xyz", b""]


def test_many_pipelined_requests(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    client.send(b"".join(request(f"/p/{number}") for number in range(100)))
    assert [client.answer().body for _ in range(100)] == [f"GET /p/{number}".encode() for number in range(100)]
    assert proxy.settled(100).outcomes == {"match": 100}


def test_head_has_no_body_and_keeps_its_length(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/doc", behaviour.reply(200, b"x" * 1234, content_type="text/plain"))
    answer = client.ask("/doc", "HEAD")
    assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", "1234")
    assert client.ask("/doc").message.length == 1234
    assert proxy.settled(2).outcomes == {"match": 2}


def test_head_of_a_chunked_answer(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/doc", behaviour.chunked([b"abc"]))
    assert client.ask("/doc", "HEAD").body == b""
    assert client.ask("/doc").body == b"abc"
    assert proxy.settled(2).outcomes == {"match": 2}


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(proxy: RunningProxy, upstreams: Upstreams, client: RawClient, status: int) -> None:
    upstreams.on("/none", behaviour.reply(status, headers={"etag": '"v1"'}))
    answer = client.ask("/none")
    assert (answer.status, answer.body, answer.header("etag")) == (status, b"", '"v1"')
    assert client.ask("/next").body == b"GET /next"
    assert proxy.settled(2).outcomes == {"match": 2}


def test_a_304_may_tell_the_length_of_what_it_leaves_out(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    upstreams.on("/none", behaviour.raw(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n"))
    assert client.ask("/none").status == 304
    assert client.ask("/next").body == b"GET /next"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "QUERY"])
def test_methods_pass(proxy: RunningProxy, upstreams: Upstreams, client: RawClient, method: str) -> None:
    assert client.ask("/m", method).body == f"{method} /m".encode()
    proxy.settled(1)
    assert [seen.method for seen in upstreams.old.requests] == [method]


def test_an_empty_post_is_framed(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    assert client.ask("/m", "POST", {"content-length": "0"}).status == 200
    assert client.ask("/m", "POST").status == 200
    for seen in upstreams.old.requests:
        assert (seen.body, seen.header("content-length")) == (b"", "0")


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/?",
        "/a//b/../c/./d",
        "/%2e%2e/%00%0d%0a",
        "//evil.example/x",
        "/a;p=1?q=?&[]",
        "/x?http://a/",
        "/~u/'()*!$,@:",
    ],
)
def test_targets_pass_letter_by_letter(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, target: str
) -> None:
    assert client.ask(target).status == 200
    proxy.settled(1)
    for origin in upstreams.both:
        assert [seen.target for seen in origin.requests] == [target]


def test_absolute_form_becomes_origin_form(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    assert client.ask("http://shop.example/a?b=c").status == 200
    assert client.ask("http://shop.example").status == 200
    proxy.settled(2)
    for origin in upstreams.both:
        assert sorted(seen.target for seen in origin.requests) == ["/", "/a?b=c"]
        assert {seen.header("host") for seen in origin.requests} == {"shop.example"}


def test_asterisk_form_passes(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    assert client.ask("*", "OPTIONS").status == 200
    assert [seen.target for seen in upstreams.old.requests] == ["*"]


def test_host_is_kept_unless_a_side_sets_its_own(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(
        old=upstreams.old.url, new={"url": upstreams.new.url, "set_headers": {"host": "new.internal:81"}}
    )
    with RawClient(proxy.address) as client:
        assert client.ask("/", headers={"host": "shop.example:8080"}).status == 200
    proxy.settled(1)
    assert upstreams.old.requests[0].header("host") == "shop.example:8080"
    assert upstreams.new.requests[0].header("host") == "new.internal:81"


def test_a_base_path_goes_before_the_target(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url + "/v1", new=upstreams.new.url + "/v2/")
    with RawClient(proxy.address) as client:
        assert client.ask("/a?b=c").body == b"GET /v1/a?b=c"
    proxy.settled(1)
    assert upstreams.new.requests[0].target == "/v2/a?b=c"


def test_the_client_may_close(proxy: RunningProxy, client: RawClient) -> None:
    assert client.ask("/", headers={"connection": "close"}).status == 200
    assert client.until_closed() == b""


def test_http10_gets_no_chunks_and_a_close(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on("/c", behaviour.chunked([b"ab", b"cd"]))
    client.send(b"GET /c HTTP/1.0\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer.body) == (200, b"abcd")
    assert answer.header("transfer-encoding") is None
    assert client.until_closed() == b""
    (seen,) = upstreams.old.requests
    assert seen.head.version == b"1.1"


def test_http10_may_keep_alive(proxy: RunningProxy, client: RawClient) -> None:
    for _ in range(2):
        client.send(b"GET /a HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n")
        assert client.answer().body == b"GET /a"


def test_an_answer_framed_by_the_close(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.on(
        "/old-style", behaviour.raw(b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nall of it", close=True)
    )
    assert client.ask("/old-style").body == b"all of it"
    assert client.ask("/next").body == b"GET /next"
    assert proxy.settled(2).outcomes == {"match": 2}


def test_the_upstream_closing_does_not_close_the_client(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    upstreams.on("/last", behaviour.reply(200, b"bye", {"connection": "close", "keep-alive": "timeout=1"}))
    for _ in range(3):
        answer = client.ask("/last")
        assert answer.body == b"bye"
        assert answer.head.names().isdisjoint({b"connection", b"keep-alive"})


def test_a_kept_connection_that_the_upstream_closed_is_not_used(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    for method in ("GET", "POST", "GET"):
        assert client.ask("/x", method, body=b"w" if method == "POST" else None).status == 200
        proxy.idle()
        for origin in upstreams.both:
            origin.reset_all()
            wait_until(lambda origin=origin: origin.open_connections == 0)  # type: ignore[misc]
    assert proxy.settled(3).outcomes == {"match": 2, "method_not_mirrored": 1}


def test_a_request_on_a_connection_closed_at_that_moment(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    """The upstream reads it on a kept connection and closes: a safe request may be asked again, a write may not."""
    ok = behaviour.reply(200, b"ok")
    upstreams.old.on("/read", behaviour.in_turn(behaviour.close_after_request(), ok))
    upstreams.old.on("/write", behaviour.in_turn(behaviour.close_after_request(), ok))
    assert client.ask("/warm").status == 200
    assert client.ask("/read").body == b"ok"
    assert client.ask("/write", "POST", body=b"once").status == 502
    assert (upstreams.old.count("/read"), upstreams.old.count("/write"), upstreams.new.count("/write")) == (2, 1, 0)
    proxy.settled(3)


def test_a_request_that_fails_on_a_fresh_connection_is_not_repeated(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    upstreams.old.on("/read", behaviour.close_after_request())
    assert client.ask("/read").status == 502
    assert upstreams.old.count("/read") == 1
    assert proxy.settled(1).outcomes == {"old_failed": 1}


def test_accept_encoding_and_encoded_bodies_are_left_alone(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    packed = bytes.fromhex("1f8b0800000000000003cb48cdc9c9070086a6103605000000")
    upstreams.on(
        "/z", behaviour.reply(200, packed, {"content-encoding": "gzip", "vary": "accept-encoding"}, "text/plain")
    )
    answer = client.ask("/z", headers={"accept-encoding": "gzip;q=0.5, zstd"})
    assert (answer.body, answer.header("content-encoding")) == (packed, "gzip")
    proxy.settled(1)
    assert {seen.header("accept-encoding") for origin in upstreams.both for seen in origin.requests} == {
        "gzip;q=0.5, zstd"
    }


def test_ranges_and_conditions_pass(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    partial = behaviour.reply(206, b"cde", {"content-range": "bytes 2-4/10"}, "text/plain")
    upstreams.on("/r", partial)
    answer = client.ask("/r", headers={"range": "bytes=2-4", "if-none-match": '"v1"', "if-range": '"v1"'})
    assert (answer.status, answer.body, answer.header("content-range")) == (206, b"cde", "bytes 2-4/10")
    assert proxy.settled(1).outcomes == {"match": 1}
    for origin in upstreams.both:
        assert origin.requests[0].header("range") == "bytes=2-4"
        assert origin.requests[0].header("if-none-match") == '"v1"'


def test_the_old_side_down_is_a_502(make_origin: MakeOrigin, start_proxy: StartProxy) -> None:
    old, new = make_origin("old"), make_origin("new")
    old.refuse()
    proxy = start_proxy(old=old.url, new=new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 502
        old.listen()
        assert client.ask("/b").body == b"GET /b"
    assert proxy.settled(2).outcomes == {"old_failed": 1, "match": 1}
    assert proxy.side("old")["failures"]["connect"] == 1


def test_the_old_side_silent_is_a_504(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.old.on("/a", behaviour.hang())
    proxy = start_proxy(old={"url": upstreams.old.url, "timeout_ms": 200}, new=upstreams.new.url)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 504
        assert client.ask("/b").body == b"GET /b"
    assert proxy.settled(2).outcomes == {"old_failed": 1, "match": 1}
    assert proxy.side("old")["failures"]["timeout"] == 1
