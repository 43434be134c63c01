"""What a copy holds, and for how long: memory by the byte, its place until its own answer is in, nothing for nobody."""

import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.exchange import Behaviour, Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.h2_client import H2Client
from tests.support.memory import resident
from tests.support.rawclient import RawClient, request
from tests.support.wait import wait_until

MIB = 1 << 20
LARGE = 32 * MIB
COPY = 32 * 1024
"""What each copy under way has reserved for its connection and its task."""


def test_tiny_chunks_take_no_more_than_their_length(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Each chunk comes alone; kept as it came, it would hold the whole buffer that it was read into."""
    count = 60_000
    upstreams.new.on("/up", behaviour.stop_reading())
    proxy = start_proxy(listener={"workers": 1}, old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    with RawClient(proxy.address, timeout=60) as client:
        assert client.ask("/warm", "POST", body=b"x" * count).status == 200
        before = resident()
        client.send(request("/up", "POST", {"transfer-encoding": "chunked"}))
        client.send_slowly(behaviour.chunk(b"x") * count, step=len(behaviour.chunk(b"x")))
        wait_until(lambda: upstreams.old.to("/up") and upstreams.old.to("/up")[0].message.length == count)
        reserved = proxy.counters()["memory"]["reserved"]
        grown = resident() - before
        assert count <= reserved - COPY <= 3 * count
        assert grown < 6 * MIB, f"{grown / MIB:.0f} MiB for {count} bytes"
        client.send(b"0\r\n\r\n")
        assert client.answer().status == 200
    upstreams.new.reset_all()
    proxy.settled(2)
    proxy.release()


def test_tiny_parts_of_a_short_answer_are_held_in_one_piece(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    body = behaviour.pattern(2000)
    upstreams.on("/a", behaviour.drip(body, 0))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    proxy.set_weight(100)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").body == body
    assert proxy.settled(1).outcomes == {"match": 1}


@pytest.mark.parametrize("weight", [0, 100])
def test_a_download_that_is_too_large_is_settled_at_once(
    upstreams: Upstreams, start_proxy: StartProxy, weight: int
) -> None:
    """The client has read nothing but the head, and may take hours for the rest."""
    upstreams.on("/down", behaviour.download(LARGE))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"body_bytes": 50_000})
    proxy.set_weight(weight)
    with RawClient(proxy.address, timeout=60) as client:
        client.send(request("/down"))
        assert client.head().status == 200
        assert proxy.settled(1).outcomes == {"response_too_large": 1}
        assert proxy.counters()["memory"]["reserved"] == 0
        assert client.rest().message.length == LARGE


def test_the_place_of_a_copy_is_free_once_it_is_answered(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.old.on("/down", behaviour.download(LARGE))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"body_bytes": 2 * LARGE, "shadows": 1})
    with RawClient(proxy.address, timeout=60) as reader, RawClient(proxy.address) as other:
        reader.send(request("/down"))
        assert reader.head().status == 200
        wait_until(lambda: proxy.counters()["shadows"]["in_flight"] == 0)
        assert proxy.counters()["in_flight"] == 1
        assert other.ask("/a").status == 200  # has the place
        assert reader.rest().message.length == LARGE
    assert proxy.settled(2).outcomes == {"mismatch": 1, "match": 1}


def test_a_client_without_a_window_is_given_up(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Over HTTP/2 a client may leave one answer unread while its connection lives."""
    upstreams.on("/down", behaviour.download(LARGE))
    proxy = start_proxy(
        listener={"idle_timeout_ms": 200, "workers": 1},
        old=upstreams.old.url,
        new=upstreams.new.url,
        limits={"body_bytes": 2 * LARGE},
    )
    head = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/down")]
    with H2Client(proxy.address) as client:
        acknowledge = client.h2.acknowledge_received_data
        client.h2.acknowledge_received_data = lambda *_: None  # type: ignore[method-assign]
        stream = client.start(head)
        assert client.head(stream).status == 200
        assert len(client.until_body(stream, 65_535)) == 65_535
        assert proxy.settled(1).outcomes == {"client_gone": 1}
        wait_until(lambda: upstreams.old.open_connections == 0, "the side is still held by nobody's answer")
        proxy.release()
        client.h2.acknowledge_received_data = acknowledge  # type: ignore[method-assign]
        client.h2.increment_flow_control_window(MIB)
        assert client.ask("/next").status == 200, "one unread answer took the connection with it"
        client.h2.increment_flow_control_window(MIB, stream)
        assert client.ask("/next").status == 200
        assert client.answer(stream).reset is not None
        assert not client.streams[stream].complete


def test_a_slow_client_with_a_window_is_not_given_up(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """While the side is the one that is waited for, the client's time does not run."""
    upstreams.on("/slow", behaviour.drip(b"x" * 5, 0.3))
    proxy = start_proxy(listener={"idle_timeout_ms": 100}, old=upstreams.old.url, new=upstreams.new.url)
    with H2Client(proxy.address) as client:
        assert bytes(client.ask("/slow").body) == b"x" * 5
    assert proxy.settled(1).outcomes == {"match": 1}


def test_a_short_answer_may_take_the_idle_time(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """The side's `timeout` is for the beginning of its answer; this one begins at once and takes longer than that."""
    upstreams.old.on("/steady", behaviour.reply(200, b"x" * 10, content_type="text/plain"))
    upstreams.new.on("/steady", behaviour.drip(b"x" * 10, 0.05))
    proxy = start_proxy(old=upstreams.old.url, new={"url": upstreams.new.url, "timeout_ms": 200})
    proxy.set_weight(100)
    with RawClient(proxy.address) as client:
        assert client.ask("/steady").body == b"x" * 10
    ledger = proxy.settled(1)
    assert (ledger.outcomes, ledger.rescued) == ({"match": 1}, 0)


def test_a_short_answer_that_drips_is_rescued(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """It is never silent for long, and still takes for ever."""
    upstreams.old.on("/drip", behaviour.reply(200, b"old"))
    upstreams.new.on("/drip", behaviour.drip(b"x" * 1000, 0.05))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"idle_ms": 300})
    proxy.set_weight(100)
    with RawClient(proxy.address) as client:
        assert client.ask("/drip").body == b"old"
    ledger = proxy.settled(1)
    assert (ledger.outcomes, ledger.rescued) == ({"new_failed": 1}, 1)
    assert proxy.side("new")["failures"]["timeout"] == 1


def test_heads_are_memory_too(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    gate = Gate()

    async def begins(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nx-long: " + b"y" * 50_000 + b"\r\n\r\n")
        await exchange.unless_gone(gate.wait())
        await exchange.send(b"z")

    upstreams.on("/a", begins)
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    with RawClient(proxy.address) as client:
        client.send(request("/a"))
        assert client.head().status == 200
        wait_until(lambda: proxy.counters()["memory"]["reserved"] > 100_000)
        assert proxy.counters()["memory"]["reserved"] < 110_000 + COPY
        gate.open()
        assert client.rest().body == b"z"
    assert proxy.settled(1).outcomes == {"match": 1}
    proxy.release()


@pytest.mark.parametrize("weight", [0, 100])
def test_two_streams_that_do_not_say_so_are_no_failure(
    upstreams: Upstreams, start_proxy: StartProxy, weight: int
) -> None:
    """The copy has had its time, but the side that serves has not ended its answer either."""
    gates = Gate(), Gate()

    def stream(gate: Gate) -> Behaviour:
        async def begins(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + behaviour.chunk(b"first"))
            await exchange.unless_gone(gate.wait())
            await exchange.send(behaviour.chunk(b"last") + b"0\r\n\r\n")

        return begins

    upstreams.old.on("/a", stream(gates[0]))
    upstreams.new.on("/a", stream(gates[1]))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits={"shadow_ms": 200})
    proxy.set_weight(weight)
    serving, shadow = (1, 0) if weight else (0, 1)
    with RawClient(proxy.address) as client:
        client.send(request("/a"))
        assert client.piece_after_head() == b"first"
        wait_until(lambda: upstreams.both[shadow].count() == 1)
        wait_until(lambda: upstreams.both[shadow].open_connections == 0, "the copy goes on")
        gates[serving].open()
        assert client.rest().body == b"firstlast"
    assert proxy.settled(1).outcomes == {"streaming": 1}
