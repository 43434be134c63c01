"""The copy: its mark, each side's own headers, and which requests have none under which name in the ledger."""

import re

import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.exchange import Behaviour
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import RunningProxy, route
from tests.support.rawclient import RawClient, request
from tests.support.wait import wait_until

MARK = "x-parallelrun-shadow"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("weight", [0, 100])
def test_the_copy_is_marked_and_the_served_request_is_not(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, weight: int
) -> None:
    proxy.set_weight(weight)
    assert client.ask("/a").status == 200
    assert proxy.settled(1).outcomes == {"match": 1}
    serving, shadow = (upstreams.new, upstreams.old) if weight else (upstreams.old, upstreams.new)
    assert serving.requests[0].header(MARK) is None
    assert shadow.requests[0].header(MARK) == "1"


@pytest.mark.parametrize("value", ["1", "0", "anything"])
def test_a_mark_from_outside_is_stripped_and_nothing_is_copied(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, value: str
) -> None:
    client.send(request("/a", headers=[("X-Parallelrun-Shadow", value), ("x-parallelrun-shadow", "2")]))
    assert client.answer().status == 200
    assert proxy.settled(1).outcomes == {"looped": 1}
    assert upstreams.old.requests[0].header(MARK) is None
    assert upstreams.new.count() == 0


def test_two_in_a_row_do_not_multiply(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """A copy that reaches another parallelrun is not copied once more."""
    inner = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    outer = start_proxy(old=upstreams.old.url, new=inner.url)
    with RawClient(outer.address) as client:
        assert client.ask("/a").status == 200
    assert outer.settled(1).outcomes == {"match": 1}
    assert inner.settled(1).outcomes == {"looped": 1}
    assert (upstreams.old.count(), upstreams.new.count()) == (2, 0)


@pytest.mark.parametrize("weight", [0, 100])
def test_the_copy_is_another_span_of_the_same_trace(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, weight: int
) -> None:
    proxy.set_weight(weight)
    for _ in range(2):
        assert client.ask("/a", headers={"traceparent": TRACE, "tracestate": "a=b"}).status == 200
    proxy.settled(2)
    serving, shadow = (upstreams.new, upstreams.old) if weight else (upstreams.old, upstreams.new)
    assert [seen.header("traceparent") for seen in serving.requests] == [TRACE, TRACE]
    spans = []
    for seen in shadow.requests:
        match = re.fullmatch(r"00-4bf92f3577b34da6a3ce929d0e0e4736-([0-9a-f]{16})-01", seen.header("traceparent") or "")
        assert match is not None, seen.header("traceparent")
        spans.append(match[1])
        assert seen.header("tracestate") == "a=b"
    assert len({*spans, "00f067aa0ba902b7", "0" * 16}) == 4


@pytest.mark.parametrize("value", ["", "nonsense", "00-short-00f067aa0ba902b7-01"])
def test_a_bad_traceparent_does_no_harm(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, value: str
) -> None:
    assert client.ask("/a", headers={"traceparent": value}).status == 200
    proxy.settled(1)
    assert upstreams.old.requests[0].header("traceparent") == value
    assert upstreams.new.requests[0].header("traceparent") == value


def test_no_traceparent_is_made_up(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    assert client.ask("/a").status == 200
    proxy.settled(1)
    assert all(origin.requests[0].header("traceparent") is None for origin in upstreams.both)


def test_each_side_gets_its_own_headers(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(
        old={"url": upstreams.old.url, "remove_headers": ["x-both"], "set_headers": {"x-side": "old"}},
        new={
            "url": upstreams.new.url,
            "set_headers": {"Authorization": "Bearer new", "x-side": "new"},
            "remove_headers": ["Cookie", "x-absent"],
        },
    )
    headers = {"authorization": "Bearer client", "cookie": "a=1", "x-both": "1", "x-side": "client"}
    with RawClient(proxy.address) as client:
        assert client.ask("/a", headers=headers).status == 200
        proxy.set_weight(100)
        assert client.ask("/a", headers=headers).status == 200
    proxy.settled(2)
    for seen in upstreams.old.requests:
        assert (seen.header("authorization"), seen.header("cookie")) == ("Bearer client", "a=1")
        assert (seen.header("x-both"), seen.header("x-side")) == (None, "old")
    for seen in upstreams.new.requests:
        assert (seen.header("authorization"), seen.header("cookie")) == ("Bearer new", None)
        assert (seen.header("x-both"), seen.header("x-side")) == ("1", "new")


def test_a_setting_cannot_break_the_framing(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    from parallelrun._core import ConfigError  # noqa: PLC0415

    for name in ("content-length", "transfer-encoding", "connection", MARK):
        with pytest.raises(ConfigError, match=name):
            start_proxy(old={"url": upstreams.old.url, "set_headers": {name: "5"}}, new=upstreams.new.url)


METHODS = {"GET": True, "HEAD": True, "OPTIONS": True, "POST": False, "PUT": False, "PATCH": False, "DELETE": False}
METHODS |= {"PURGE": False, "get": False}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("databases", ["shared", "separate"])
def test_the_method_decides_by_the_databases(
    upstreams: Upstreams, start_proxy: StartProxy, method: str, databases: str
) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases=databases)
    with RawClient(proxy.address) as client:
        assert client.ask("/m", method).status == 200
    copied = METHODS[method] or databases == "separate"
    assert proxy.settled(1).outcomes == ({"match": 1} if copied else {"method_not_mirrored": 1})
    assert (upstreams.old.count(), upstreams.new.count()) == (1, int(copied))


@pytest.mark.parametrize(
    ("databases", "writes", "copied"),
    [
        ("shared", "both-sides", True),
        ("shared", "one-side", False),
        ("shared", "old-only", False),
        ("separate", "both-sides", True),
        ("separate", "one-side", False),
        ("separate", "old-only", False),
    ],
)
def test_a_route_overrides_the_databases(
    upstreams: Upstreams, start_proxy: StartProxy, databases: str, writes: str, copied: bool
) -> None:
    routes = [route("/orders/{id}", method="POST", writes=writes)]
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases=databases, routes=routes)
    with RawClient(proxy.address) as client:
        assert client.ask("/orders/7", "POST", body=b"w").status == 200
        assert client.ask("/orders/7").status == 200  # reads are copied whatever becomes of writes
        assert client.ask("/orders/7", "PUT", body=b"w").status == 200  # another method: the route does not apply
    ledger = proxy.settled(3)
    matched = 1 + copied + (databases == "separate")
    assert (ledger["match"], ledger["method_not_mirrored"]) == (matched, 3 - matched)
    assert upstreams.new.count() == matched
    assert proxy.endpoint("POST /orders/{id}")["requests"] == 1


def test_a_route_that_is_not_mirrored(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    routes = [route("/private/{*rest}", mirror=False)]
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, routes=routes, databases="separate")
    with RawClient(proxy.address) as client:
        assert client.ask("/private/a/b").status == 200
        assert client.ask("/private/a", "POST", body=b"x").status == 200
        assert client.ask("/public").status == 200
    assert proxy.settled(3).outcomes == {"route_not_mirrored": 2, "match": 1}
    assert [seen.target for seen in upstreams.new.requests] == ["/public"]


@pytest.mark.parametrize(("ppm", "low", "high"), [(0, 0, 0), (250_000, 60, 142), (1_000_000, 400, 400)])
def test_sampling(upstreams: Upstreams, start_proxy: StartProxy, ppm: int, low: int, high: int) -> None:
    """A quarter of 400 requests: 100 +- 41 leaves out one run in 500,000 (4.75 sigma)."""
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, sample_ppm=ppm)
    with RawClient(proxy.address) as client:
        client.send(request("/a") * 400)
        assert all(client.answer().status == 200 for _ in range(400))
    ledger = proxy.settled(400)
    assert low <= ledger["match"] <= high
    assert ledger["match"] + ledger["not_sampled"] == 400
    assert upstreams.new.count() == ledger["match"]


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("extra", [0, 1])
def test_a_request_body_over_the_limit(upstreams: Upstreams, start_proxy: StartProxy, framing: str, extra: int) -> None:
    limits = {"body_bytes": 10_000}
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate", limits=limits)
    body = behaviour.pattern(10_000 + extra)
    with RawClient(proxy.address) as client:
        if framing == "length":
            client.send(request("/up", "POST", body=body))
        else:
            parts = b"".join(behaviour.chunk(body[start : start + 999]) for start in range(0, len(body), 999))
            client.send(request("/up", "POST", {"transfer-encoding": "chunked"}) + parts + b"0\r\n\r\n")
        assert client.answer().status == 200
    assert proxy.settled(1).outcomes == ({"request_too_large": 1} if extra else {"match": 1})
    assert upstreams.old.requests[0].body == body
    whole = [seen.body for seen in upstreams.new.requests if seen.message.complete]
    assert whole == ([] if extra else [body])
    wait_until(lambda: extra == 0 or upstreams.new.open_connections == 0, "the cut copy keeps its connection")
    assert sum(proxy.side("new")["failures"].values()) == 0, "what we cut off was put down to the new side"


@pytest.mark.parametrize("larger", ["old", "new", "both"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_answer_over_the_limit(upstreams: Upstreams, start_proxy: StartProxy, larger: str, framing: str) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"body_bytes": 10_000})
    for origin in upstreams.both:
        size = 10_001 if larger in (origin.name, "both") else 10_000
        origin.on("/down", behaviour.download(size, framed=framing == "length"))
    with RawClient(proxy.address) as client:
        assert client.ask("/down").message.length == (10_000 if larger == "new" else 10_001)
    assert proxy.settled(1).outcomes == {"response_too_large": 1}


def test_answers_at_the_limit_are_compared(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"body_bytes": 10_000})
    upstreams.on("/down", behaviour.download(10_000))
    with RawClient(proxy.address) as client:
        assert client.ask("/down").message.length == 10_000
    assert proxy.settled(1).outcomes == {"match": 1}


def test_copies_over_the_limit_are_left_out(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    gate = Gate()
    upstreams.new.on("/slow", behaviour.gated(gate, behaviour.reply(200, b"same")))
    upstreams.old.on("/slow", behaviour.reply(200, b"same"))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"shadows": 3})
    with RawClient(proxy.address) as client:
        for _ in range(10):
            assert client.ask("/slow").body == b"same"
        assert proxy.counters()["shadows"] == {"in_flight": 3, "limit": 3}
        gate.open()
        assert proxy.settled(10).outcomes == {"match": 3, "overload": 7}
        assert client.ask("/slow").body == b"same"
    assert proxy.settled(11).outcomes == {"match": 4, "overload": 7}
    assert upstreams.new.count() == 4


def test_memory_over_the_limit_leaves_copies_out(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    gate = Gate()
    body = behaviour.pattern(60_000)
    upstreams.on("/down", behaviour.reply(200, body))
    upstreams.new.on("/down", behaviour.gated(gate, behaviour.reply(200, body)))
    limits = {"memory_bytes": 200_000}
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits=limits)
    with RawClient(proxy.address) as client:
        for _ in range(10):
            assert client.ask("/down").body == body
            counters = proxy.counters()
            assert counters["memory"]["reserved"] <= counters["memory"]["limit"] == 200_000
    gate.open()
    ledger = proxy.settled(10)
    assert ledger["overload"] >= 6, ledger
    assert ledger["match"] + ledger["overload"] == 10
    proxy.release()


def test_memory_that_an_upload_would_take(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The copy of an upload that finds no room is cut; the upload itself goes on."""
    proxy = start_proxy(
        old=upstreams.old.url, new=upstreams.new.url, databases="separate", limits={"memory_bytes": 50_000}
    )
    body = behaviour.pattern(500_000)
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", body=body))
        assert client.answer().status == 200
    assert proxy.settled(1).outcomes == {"overload": 1}
    assert upstreams.old.requests[0].body == body
    assert not any(seen.message.complete for seen in upstreams.new.requests)
    proxy.release()


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_cut_copy_never_looks_whole(upstreams: Upstreams, start_proxy: StartProxy, framing: str) -> None:
    """The client breaks off in the middle; so must the copy, even where chunks would let it end cleanly."""
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    client = RawClient(proxy.address)
    framed = {"content-length": "100000"} if framing == "length" else {"transfer-encoding": "chunked"}
    half = b"x" * 5000
    client.send(request("/up", "POST", framed) + (half if framing == "length" else behaviour.chunk(half)))
    wait_until(lambda: all(origin.count() and origin.requests[0].message.length == 5000 for origin in upstreams.both))
    client.close()
    wait_until(lambda: all(origin.requests[0].gone for origin in upstreams.both))
    assert not any(origin.requests[0].message.complete for origin in upstreams.both)
    assert proxy.settled(1).outcomes == {"client_gone": 1}


def test_a_slow_new_side_does_not_hold_the_upload_back(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The new side reads nothing; the old one gets all of a 900 kB upload and the client its answer."""
    upstreams.new.on("/up", behaviour.stop_reading())
    proxy = start_proxy(
        old=upstreams.old.url, new=upstreams.new.url, databases="separate", limits={"shadow_ms": 500, "idle_ms": 500}
    )
    body = behaviour.pattern(900_000)
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", body=body))
        assert client.answer().status == 200
    assert upstreams.old.requests[0].body == body
    upstreams.new.reset_all()
    assert proxy.settled(1).outcomes == {"new_failed": 1}


def test_the_copy_is_sent_at_the_same_moment(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    """Neither waits for the other: each side sees its request while the other one is still thinking."""
    old, new = Gate(), Gate()
    upstreams.old.on("/a", behaviour.gated(old, behaviour.reply(200, b"x")))
    upstreams.new.on("/a", behaviour.gated(new, behaviour.reply(200, b"x")))
    client.send(request("/a"))
    wait_until(lambda: old.waiting == new.waiting == 1)
    old.open()
    assert client.answer().body == b"x"  # while the new side still thinks
    new.open()
    assert proxy.settled(1).outcomes == {"match": 1}


FAULTS = {
    "resets after the head": behaviour.reset_after_head(),
    "resets after the request": behaviour.reset_after_request(),
    "closes instead of an answer": behaviour.close_after_request(),
    "breaks its answer off": behaviour.truncate(b"half", 100),
    "breaks its chunks off": behaviour.truncate_chunked(b"half"),
    "is no HTTP": behaviour.raw(b"nonsense\r\n\r\n", close=True),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_the_new_side_is_a_failure_and_no_difference(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, fault: Behaviour
) -> None:
    upstreams.new.on("/a", fault)
    for _ in range(3):
        assert client.ask("/a").body == b"GET /a"
        proxy.idle()
    ledger = proxy.settled(3)
    assert ledger.outcomes == {"new_failed": 3}
    counters = proxy.counters()
    assert counters["differences"] == []
    assert sum(counters["sides"]["new"]["failures"].values()) == 3
    assert sum(counters["sides"]["old"]["failures"].values()) == 0


def test_a_new_side_that_is_down(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    upstreams.new.refuse()
    assert client.ask("/a").status == 200
    assert proxy.settled(1).outcomes == {"new_failed": 1}
    assert proxy.side("new")["failures"]["connect"] == 1
    upstreams.new.listen()
    assert client.ask("/a").status == 200
    assert proxy.settled(2).outcomes == {"new_failed": 1, "match": 1}


def test_both_sides_down(proxy: RunningProxy, upstreams: Upstreams, client: RawClient) -> None:
    for origin in upstreams.both:
        origin.refuse()
    assert client.ask("/a").status == 502
    assert proxy.settled(1).outcomes == {"both_failed": 1}


def test_a_new_side_that_hangs_is_timed_out(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.new.on("/a", behaviour.hang())
    proxy = start_proxy(old=upstreams.old.url, new={"url": upstreams.new.url, "timeout_ms": 200})
    with RawClient(proxy.address) as client:
        assert client.ask("/a").body == b"GET /a"
    assert proxy.settled(1).outcomes == {"new_failed": 1}
    assert proxy.side("new")["failures"]["timeout"] == 1
    wait_until(lambda: upstreams.new.requests[0].gone)


def test_a_new_side_that_drips_is_timed_out(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """One byte now and then keeps a copy alive no longer than its deadline."""
    upstreams.on("/a", behaviour.reply(200, b"x" * 1000))
    upstreams.new.on("/a", behaviour.drip(b"x" * 1000, 0.05))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"shadow_ms": 300})
    with RawClient(proxy.address) as client:
        assert client.ask("/a").message.length == 1000
    assert proxy.settled(1).outcomes == {"new_failed": 1}
    wait_until(lambda: upstreams.new.open_connections == 0)


def test_a_5xx_of_the_new_side_is_a_difference_with_a_count(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    upstreams.new.on("/a", behaviour.reply(500, b"oops"))
    assert client.ask("/a").status == 200
    assert proxy.settled(1).outcomes == {"mismatch": 1}
    assert proxy.endpoint("GET /a")["new"]["status_5xx"] == 1
    assert {d["location"] for d in proxy.counters()["differences"]} >= {"status"}
