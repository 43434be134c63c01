"""A new side that fails while it serves half of the clients: nobody sees an error, and it comes back by itself.

Each test offers `OFFERED` requests a second. With the unoptimised core that tests are built with, and the old side, the
new side, and the clients on the same two processors, some 1200 a second get through; the rest waits its turn.
"""

import pytest

from tests.support.fixtures import LightSides, StartProxy
from tests.support.light import FAULTS, ProcessFault, body_of
from tests.support.paced import Request, offering
from tests.support.proxy import Json, RunningProxy
from tests.support.rawclient import request
from tests.support.wait import wait_until

OFFERED = 2000
CLIENTS = 500

BREAKER = {
    "failures": 5,
    "share": 0.5,
    "volume": 20,
    "window_ms": 10_000,
    "stall_ms": 500,
    "open_ms": 300,
    "longest_open_ms": 1000,
    "slow_start_ms": 300,
    "probes_per_s": 20,
}


def read(number: int, path: str = "/a") -> Request:
    target = f"{path}/{number % 10}"
    data = request(target, headers={"x-user-id": f"u{number % CLIENTS}"})
    return Request(data, body_of("GET", target))


def state(proxy: RunningProxy) -> str:
    found: str = proxy.counters()["breaker"]["state"]
    return found


def until_state(proxy: RunningProxy, wanted: str) -> None:
    wait_until(lambda: state(proxy) == wanted, lambda: f"not {wanted}: {proxy.counters()['breaker']}")


def start(start_proxy: StartProxy, sides: LightSides, **changes: object) -> RunningProxy:
    old, new = sides
    proxy = start_proxy(
        old=old.url,
        new={"url": new.url, "timeout_ms": 3000},
        sticky={"by": "header", "name": "x-user-id"},
        breaker=BREAKER,
        **changes,
    )
    proxy.set_weight(50)
    return proxy


def opened(proxy: RunningProxy) -> list[Json]:
    return [change for change in proxy.counters()["breaker"]["changes"] if change["state"] == "open"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_new_side_is_not_seen(
    light_sides: LightSides, start_proxy: StartProxy, fault: ProcessFault
) -> None:
    new = light_sides[1]
    proxy = start(start_proxy, light_sides)
    with offering(proxy.address, read, OFFERED) as load:
        wait_until(lambda: load.result.served["new"] >= 300, "the new side does not serve")
        until_state(proxy, "closed")  # a busy machine may have made it stall
        before = len(opened(proxy))
        new.begin(fault)
        wait_until(lambda: len(opened(proxy)) > before, lambda: f"it does not open: {proxy.counters()['breaker']}")
        wait_until(lambda: proxy.ledger()["breaker_open"] >= 300, "the copies are not withheld")
        assert state(proxy) == "open"
        mark = load.result.sent
        load.more()
        assert load.result.latest["new"] < mark, "the new side serves while the breaker is open"
        new.end(fault)
        until_state(proxy, "closed")
        served = load.result.served["new"]
        wait_until(lambda: load.result.served["new"] >= served + 300, "the new side does not serve again")
    result = load.result
    assert (result.errors, result.broken) == ([], [])
    assert sum(result.served.values()) == result.sent
    assert opened(proxy)[before]["after_ms"] <= 1000, "it took more than a second to open"
    ledger = proxy.settled(result.sent)
    assert ledger["breaker_open"] >= 300
    assert ledger["new_failed"] + ledger.rescued > 0


def test_a_new_side_that_is_down_from_the_start(light_sides: LightSides, start_proxy: StartProxy) -> None:
    new = light_sides[1]
    new.kill()
    proxy = start(start_proxy, light_sides)
    with offering(proxy.address, read, OFFERED) as load:
        until_state(proxy, "open")
        load.more()
        new.start()
        until_state(proxy, "closed")
        wait_until(lambda: load.result.served["new"] >= 300, "the new side does not serve")
    assert (load.result.errors, load.result.broken) == ([], [])
    proxy.settled(load.result.sent)


def test_what_has_begun_to_reach_the_client_is_all_that_is_lost(
    light_sides: LightSides, start_proxy: StartProxy
) -> None:
    """A long answer streams: where it breaks, the client has seen a part, and sees that it is not whole."""
    proxy = start(start_proxy, light_sides)
    with offering(proxy.address, lambda number: read(number, "/long" if number % 3 == 0 else "/a"), OFFERED) as load:
        wait_until(lambda: load.result.served["new"] >= 100, "the new side does not serve")
        until_state(proxy, "closed")
        before = len(opened(proxy))
        light_sides[1].fail("truncate")
        wait_until(lambda: len(opened(proxy)) > before, lambda: f"it does not open: {proxy.counters()['breaker']}")
        mark = load.result.sent
        load.more()
    result = load.result
    assert max(result.broken, default=0) < mark, "an answer of the new side reached a client while the breaker is open"
    assert result.errors == []
    assert [number for number in result.broken if number % 3] == [], "a short answer was lost"
    ledger = proxy.settled(result.sent)
    assert ledger["new_failed"] >= len(result.broken)
    assert proxy.side("new")["truncated"] >= len(result.broken)
