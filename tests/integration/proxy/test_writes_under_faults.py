"""Writes while the new side fails and comes back, counted where they arrive: in files that outlive the sides."""

import itertools

import pytest

from tests.support.fixtures import LightSides, StartProxy
from tests.support.light import ProcessFault, body_of
from tests.support.paced import Request, offering
from tests.support.proxy import RunningProxy
from tests.support.rawclient import request
from tests.support.wait import wait_until

OFFERED = 500
BREAKER = {
    "failures": 5,
    "share": 0.5,
    "volume": 20,
    "open_ms": 100,
    "longest_open_ms": 400,
    "slow_start_ms": 100,
    "probes_per_s": 20,
}
FAULTS: tuple[ProcessFault, ...] = ("kill -9", "reset", "truncate", "hang")


def write(number: int) -> Request:
    target = f"/w/{number % 10}"
    headers = {"x-write": f"w{number}", "x-user-id": f"u{number}"}
    return Request(request(target, "POST", headers, b"w" * (number % 50)), body_of("POST", target))


def start(start_proxy: StartProxy, sides: LightSides, databases: str, weight: int) -> RunningProxy:
    old, new = sides
    proxy = start_proxy(
        old=old.url,
        new={"url": new.url, "timeout_ms": 300},
        databases=databases,
        sticky={"by": "header", "name": "x-user-id"},
        breaker=BREAKER,
    )
    proxy.set_weight(weight)
    return proxy


@pytest.mark.parametrize(("weight", "fault"), [(0, "kill -9"), *itertools.product((50, 100), FAULTS)])
def test_one_database_one_side_ever(
    light_sides: LightSides, start_proxy: StartProxy, weight: int, fault: ProcessFault
) -> None:
    """A client sees the failure of a write that may have arrived, and of no other one; each is in the ledger."""
    old, new = light_sides
    proxy = start(start_proxy, light_sides, "shared", weight)
    with offering(proxy.address, write, OFFERED) as load:
        load.more(200)
        new.begin(fault)
        if weight:
            wait_until(lambda: proxy.counters()["breaker"]["opened"], lambda: f"it does not open: {proxy.counters()}")
        load.more(200)
        new.end(fault)
        if weight:
            wait_until(lambda: proxy.counters()["breaker"]["state"] == "closed")
        load.more(200)
    result = load.result
    ledger = proxy.settled(result.sent)
    at_old, at_new = old.writes(), new.writes()
    assert max(at_old.values()) == 1
    assert max(at_new.values(), default=1) == 1
    assert not at_old.keys() & at_new.keys(), "one database, and a write went to both sides"
    assert len(at_old) + len(at_new) >= sum(result.served.values()), "a client was told of a write that nobody has"
    seen = len(result.errors) + len(result.broken)
    if weight == 0:
        assert (seen, len(at_new)) == (0, 0)
    elif fault == "truncate":
        assert proxy.side("new")["truncated"] == len(result.broken) == seen
    else:
        assert ledger["new_failed"] - ledger.rescued == seen


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("weight", [0, 50, 100])
def test_two_databases_each_side_once(
    light_sides: LightSides, start_proxy: StartProxy, weight: int, fault: ProcessFault
) -> None:
    """No client sees anything. What the new side has not taken, or not said so, it is known to have missed."""
    old, new = light_sides
    proxy = start(start_proxy, light_sides, "separate", weight)
    with offering(proxy.address, write, OFFERED) as load:
        load.more(200)
        new.begin(fault)
        wait_until(lambda: proxy.counters()["breaker"]["opened"], lambda: f"it does not open: {proxy.counters()}")
        load.more(200)
        new.end(fault)
        wait_until(lambda: proxy.counters()["breaker"]["state"] == "closed")
        load.more(200)
    result = load.result
    ledger = proxy.settled(result.sent)
    at_old, at_new = old.writes(), new.writes()
    assert (result.errors, result.broken) == ([], [])
    assert len(at_old) == result.sent == ledger.requests
    assert max(at_old.values()) == 1
    assert max(at_new.values()) == 1
    assert at_new.keys() <= at_old.keys()
    missed = sum(endpoint["new"]["missed_writes"] for endpoint in proxy.counters()["endpoints"])
    assert missed >= len(at_old) - len(at_new)
    assert missed > 0
    assert sum(endpoint["old"]["missed_writes"] for endpoint in proxy.counters()["endpoints"]) == 0
