"""A new side that fails while it serves half of the clients: nobody sees an error, and it comes back by itself.

Each test offers `OFFERED` requests a second. With the unoptimised core that tests are built with, and the old side, the
new side, and the clients on the same two processors, some 1200 a second get through; the rest waits its turn.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import background
from tests.support.fixtures import StartProxy
from tests.support.light import LightProcess, body_of
from tests.support.paced import Offered, Request, offer
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


@dataclass
class Sides:
    """The two versions, both there."""

    old: LightProcess
    new: LightProcess

    def down(self) -> None:
        self.new.kill()

    def up(self) -> None:
        self.new.start()


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[Sides]:
    sides = Sides(LightProcess("old", tmp_path / "old"), LightProcess("new", tmp_path / "new"))
    yield sides
    sides.old.close()
    sides.new.close()


FAULTS: dict[str, tuple[Callable[[Sides], None], Callable[[Sides], None]]] = {
    "kill -9": (Sides.down, Sides.up),
    "SIGSTOP": (lambda sides: sides.new.pause(), lambda sides: sides.new.resume()),
    "resets": (lambda sides: sides.new.fail("reset"), lambda sides: sides.new.fail("none")),
    "breaks short answers off": (lambda sides: sides.new.fail("truncate"), lambda sides: sides.new.fail("none")),
    "answers 500": (lambda sides: sides.new.fail("500"), lambda sides: sides.new.fail("none")),
    "hangs": (lambda sides: sides.new.fail("hang"), lambda sides: sides.new.fail("none")),
}


def read(number: int, path: str = "/a") -> Request:
    target = f"{path}/{number % 10}"
    data = request(target, headers={"x-user-id": f"u{number % CLIENTS}"})
    return Request(data, body_of("GET", target))


@dataclass
class Load:
    """Requests under way until the block ends."""

    result: Offered = field(default_factory=Offered)
    enough: threading.Event = field(default_factory=threading.Event)

    def more(self, count: int = 300) -> None:
        """Waits until so many further requests have been sent."""
        mark = self.result.sent + count
        wait_until(lambda: self.result.sent >= mark, lambda: f"{self.result.sent} requests of {mark}")


@contextmanager
def offering(proxy: RunningProxy, requests: Callable[[int], Request] = read) -> Iterator[Load]:
    load = Load()
    running: Future[Offered] = background.start(
        offer(proxy.address, requests, rate=OFFERED, enough=load.enough, result=load.result)
    )
    try:
        yield load
    finally:
        load.enough.set()
        running.result(60)


def state(proxy: RunningProxy) -> str:
    found: str = proxy.counters()["breaker"]["state"]
    return found


def until_state(proxy: RunningProxy, wanted: str) -> None:
    wait_until(lambda: state(proxy) == wanted, lambda: f"not {wanted}: {proxy.counters()['breaker']}")


def start(start_proxy: StartProxy, sides: Sides, **changes: object) -> RunningProxy:
    proxy = start_proxy(
        old=sides.old.url,
        new={"url": sides.new.url, "timeout_ms": 3000},
        sticky={"by": "header", "name": "x-user-id"},
        breaker=BREAKER,
        **changes,
    )
    proxy.set_weight(50)
    return proxy


def opened(proxy: RunningProxy) -> list[Json]:
    return [change for change in proxy.counters()["breaker"]["changes"] if change["state"] == "open"]


@pytest.mark.parametrize(("fault", "repair"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_the_new_side_is_not_seen(
    sides: Sides, start_proxy: StartProxy, fault: Callable[[Sides], None], repair: Callable[[Sides], None]
) -> None:
    proxy = start(start_proxy, sides)
    with offering(proxy) as load:
        wait_until(lambda: load.result.served["new"] >= 300, "the new side does not serve")
        until_state(proxy, "closed")  # a busy machine may have made it stall
        before = len(opened(proxy))
        fault(sides)
        wait_until(lambda: len(opened(proxy)) > before, lambda: f"it does not open: {proxy.counters()['breaker']}")
        wait_until(lambda: proxy.ledger()["breaker_open"] >= 300, "the copies are not withheld")
        assert state(proxy) == "open"
        served = load.result.served["new"]
        load.more()
        assert load.result.served["new"] == served, "the new side serves while the breaker is open"
        repair(sides)
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


def test_a_new_side_that_is_down_from_the_start(sides: Sides, start_proxy: StartProxy) -> None:
    sides.down()
    proxy = start(start_proxy, sides)
    with offering(proxy) as load:
        until_state(proxy, "open")
        load.more()
        sides.up()
        until_state(proxy, "closed")
        wait_until(lambda: load.result.served["new"] >= 300, "the new side does not serve")
    assert (load.result.errors, load.result.broken) == ([], [])
    proxy.settled(load.result.sent)


def test_what_has_begun_to_reach_the_client_is_all_that_is_lost(sides: Sides, start_proxy: StartProxy) -> None:
    """A long answer streams: where it breaks, the client has seen a part, and sees that it is not whole."""
    proxy = start(start_proxy, sides)
    with offering(proxy, lambda number: read(number, "/long" if number % 20 == 0 else "/a")) as load:
        wait_until(lambda: load.result.served["new"] >= 100, "the new side does not serve")
        until_state(proxy, "closed")
        before = len(opened(proxy))
        sides.new.fail("truncate")
        wait_until(lambda: len(opened(proxy)) > before, lambda: f"it does not open: {proxy.counters()['breaker']}")
        load.more()
        lost = len(load.result.broken)
        load.more()
        assert len(load.result.broken) == lost, "an answer of the new side reached a client while the breaker is open"
    result = load.result
    assert result.errors == []
    assert [number for number in result.broken if number % 20] == [], "a short answer was lost"
    ledger = proxy.settled(result.sent)
    assert ledger["new_failed"] >= len(result.broken)
    assert proxy.side("new")["truncated"] >= len(result.broken)
