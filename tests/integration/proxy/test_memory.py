"""Memory stays bounded while the new side hangs, and the old side's clients do not notice."""

import pytest

from tests.support import background, behaviour
from tests.support.exchange import Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.load import Shot, load
from tests.support.memory import resident
from tests.support.proxy import Json, RunningProxy
from tests.support.rawclient import request
from tests.support.wait import wait_until

MIB = 1 << 20
OFFERED = 10_000


class Peaks:
    """The highest values that the counters showed."""

    def __init__(self, proxy: RunningProxy) -> None:
        self.proxy = proxy
        self.reserved = 0
        self.shadows = 0

    def look(self) -> Json:
        counters = self.proxy.counters()
        self.reserved = max(self.reserved, counters["memory"]["reserved"])
        self.shadows = max(self.shadows, counters["shadows"]["in_flight"])
        return counters


@pytest.mark.parametrize("how", ["never answers", "never accepts", "stops in its answer"])
def test_a_hung_new_side_and_ten_thousand_requests(upstreams: Upstreams, start_proxy: StartProxy, how: str) -> None:
    async def stops(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 50_000)
        await exchange.until_gone()

    if how == "never accepts":
        upstreams.new.at_accept = "hang"
    upstreams.new.default = stops if how == "stops in its answer" else behaviour.hang()
    limits = {"memory_bytes": 8 * MIB, "shadows": 100, "shadow_ms": 2000}
    proxy = start_proxy(
        old=upstreams.old.url, new={"url": upstreams.new.url, "timeout_ms": 2000}, databases="separate", limits=limits
    )
    offered = OFFERED if how == "never answers" else OFFERED // 5
    warm = background.run(load(proxy.address, _post, count=200, connections=16))
    assert warm.errors == []
    before = resident()
    peaks = Peaks(proxy)
    running = background.start(load(proxy.address, _post, count=offered, connections=16))
    while not running.done():
        peaks.look()
    result = running.result()
    grown = resident() - before
    assert result.errors == []
    assert result.statuses == {200: offered}
    assert peaks.reserved <= 8 * MIB
    assert peaks.shadows <= 100
    # Recorded requests of the origins are in the same process: some 3 kB each.
    assert grown < 64 * MIB, f"{grown / MIB:.0f} MiB"
    ledger = proxy.settled(offered + 200)
    assert set(ledger.outcomes) <= {"new_failed", "overload"}
    assert ledger["overload"] > offered / 2
    proxy.release()


def _post(number: int) -> Shot:
    return Shot(request("/w", "POST", body=b"x" * 1000), b"POST", None, b"POST /w")


def test_clients_that_leave_do_not_pile_copies_up(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """A copy outlives its client; it still takes one of the limited places until it ends."""
    upstreams.new.default = behaviour.hang()
    upstreams.old.default = behaviour.hang()
    limits = {"shadows": 20, "shadow_ms": 1000}
    side = {"timeout_ms": 1000}
    proxy = start_proxy(old={"url": upstreams.old.url, **side}, new={"url": upstreams.new.url, **side}, limits=limits)

    def leaves(number: int) -> Shot:
        return Shot(request(f"/{number}"), b"GET", "before_answer")

    most = 0
    running = background.start(load(proxy.address, leaves, count=300, connections=8))
    while not running.done():
        most = max(most, proxy.counters()["shadows"]["in_flight"])
    assert running.result().aborted == 300
    wait_until(lambda: proxy.counters()["connections"]["open"] == 0)
    ledger = proxy.settled()
    assert most <= 20, f"{most} copies under way, 20 allowed"
    assert upstreams.new.count() == ledger.requests - ledger["overload"] < 100
    wait_until(lambda: upstreams.new.open_connections == 0)


def test_records_that_nobody_takes_are_bounded(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    body = b'{"a": "' + b"x" * 50_000 + b'"}'
    upstreams.old.default = behaviour.reply(200, body, content_type="application/json")
    upstreams.new.default = behaviour.reply(200, body.replace(b"x", b"y"), content_type="application/json")
    limits = {"memory_bytes": 2 * MIB, "second_opinions_per_s": 0}
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, limits=limits)

    def shot(number: int) -> Shot:
        return Shot(request(f"/kind-{'abcdefghij'[number % 10]}"))

    result = background.run(load(proxy.address, shot, count=500, connections=8))
    assert result.statuses == {200: 500}
    counters = proxy.idle()
    assert counters["memory"]["reserved"] <= 2 * MIB
    assert counters["records"]["queued"] + counters["records"]["lost"] > 0
    proxy.settled(500)
    taken = proxy.wait_records()
    assert taken
    proxy.release()
