"""The ledger under load and faults: each request in exactly one outcome, no client error because of the new side."""

import asyncio
import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

import pytest

from tests.support import background, behaviour
from tests.support.exchange import Exchange
from tests.support.fixtures import MakeOrigin, MakeProcess, StartProxy, Upstreams
from tests.support.load import Result, Shot, aborts, load
from tests.support.origin import default_behaviour
from tests.support.process import FAULTS, OriginProcess
from tests.support.proxy import RunningProxy
from tests.support.rawclient import request
from tests.support.wait import wait_until

COUNT = 1500
T = TypeVar("T")


def mixed(seed: int, abort_share: float = 0.0) -> Callable[[int], Shot]:
    """Reads and writes of several kinds, of which some clients abandon some."""
    source = random.Random(seed)
    gone = aborts(seed + 1, abort_share)

    def shot(number: int) -> Shot:
        kind = source.randrange(5)
        if kind == 0:
            return Shot(request("/w", "POST", body=b"x" * source.randrange(5000)), b"POST", gone(), b"POST /w", "write")
        if kind == 1:
            return Shot(request("/head", "HEAD"), b"HEAD", gone(), None, "head")
        if kind == 2:
            body = behaviour.chunk(b"ab") + behaviour.chunk(b"c" * 3000) + b"0\r\n\r\n"
            data = request("/c", "PUT", {"transfer-encoding": "chunked"}) + body
            return Shot(data, b"PUT", gone(), b"PUT /c", "chunked")
        return Shot(request(f"/item/{number}"), b"GET", gone(), f"GET /item/{number}".encode(), "read")

    return shot


def during(running: "Future[T]", actions: Iterator[Callable[[], None]], progress: Callable[[], int]) -> T:
    """Does one action after the other while the load runs, each after some more requests have been counted."""
    for action in actions:
        mark = progress()
        wait_until(lambda mark=mark: running.done() or progress() >= mark + 50)  # type: ignore[misc]
        if running.done():
            break
        action()
    return running.result(120)


def check(proxy: RunningProxy, result: Result, count: int = COUNT) -> None:
    assert result.errors == []
    assert result.offered == count
    assert result.refusals == []
    assert set(result.statuses) <= {200}, result.statuses
    ledger = proxy.settled()
    assert ledger.requests <= count
    assert ledger.requests >= result.answered
    proxy.release()


@pytest.fixture
def new_process(make_process: MakeProcess) -> OriginProcess:
    return make_process("new")


@pytest.mark.parametrize("weight", [0, 50, 100])
@pytest.mark.parametrize("databases", ["shared", "separate"])
def test_kill_9_of_the_new_side(
    make_origin: MakeOrigin, new_process: OriginProcess, start_proxy: StartProxy, weight: int, databases: str
) -> None:
    """Killed and started again and again. With one database a write under way at that moment fails, as it must."""
    old = make_origin("old")
    proxy = start_proxy(
        old=old.url, new={"url": new_process.url, "timeout_ms": 2000}, databases=databases, sticky=BY_PATH
    )
    proxy.set_weight(weight)
    running = background.start(load(proxy.address, keyed(mixed(1)), count=COUNT, connections=12))
    kills = itertools.cycle([new_process.kill, new_process.start])
    result = during(running, itertools.islice(kills, 9), lambda: proxy.counters()["requests"])
    failed_writes = sum(count for status, count in result.statuses.items() if status != 200)
    assert result.errors == []
    assert result.offered == COUNT
    if databases == "separate" or weight == 0:
        assert failed_writes == 0
    else:
        # At most one write per connection and kill: what was under way then.
        assert failed_writes <= 12 * 5
    proxy.settled(COUNT)


@pytest.mark.parametrize("weight", [0, 100])
def test_sigstop_of_the_new_side(
    make_origin: MakeOrigin, new_process: OriginProcess, start_proxy: StartProxy, weight: int
) -> None:
    """A stopped process still accepts connections, in the kernel, and answers nothing."""
    old = make_origin("old")
    proxy = start_proxy(
        old=old.url, new={"url": new_process.url, "timeout_ms": 250}, databases="separate", limits={"shadows": 64}
    )
    proxy.set_weight(weight)
    count = COUNT if weight == 0 else 300
    running = background.start(load(proxy.address, mixed(2), count=count, connections=12))
    stops = itertools.cycle([new_process.pause, new_process.resume])
    result = during(running, itertools.islice(stops, 4), lambda: proxy.counters()["requests"])
    new_process.resume()
    check(proxy, result, count)


def test_resets_drips_and_aborts(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    source = random.Random(3)
    faults = [
        behaviour.reset_after_head(),
        behaviour.reset_after_request(),
        behaviour.truncate(b"ha", 9),
        behaviour.truncate_chunked(b"half"),
        behaviour.drip(b"slow " * 20, 0.01),
        behaviour.reply(500, b"oops"),
        behaviour.raw(b"nonsense\r\n\r\n", close=True),
    ]

    async def faulty(exchange: Exchange) -> None:
        await (source.choice(faults) if source.random() < 0.5 else default_behaviour)(exchange)

    upstreams.new.default = faulty
    proxy = start_proxy(
        old=upstreams.old.url, new=upstreams.new.url, databases="separate", limits={"shadow_ms": 500, "shadows": 100}
    )
    result = background.run(load(proxy.address, mixed(4, abort_share=0.2), count=COUNT, connections=16), 120)
    check(proxy, result)
    ledger = proxy.ledger()
    assert ledger["new_failed"] > 0
    assert ledger["client_gone"] > 0
    assert ledger["old_failed"] == ledger["both_failed"] == 0


def test_config_reload_under_load(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Settings, sides' settings and the weight change all the time; no request is lost or counted twice."""
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    running = background.start(load(proxy.address, mixed(5, abort_share=0.05), count=COUNT, connections=16))
    turn = itertools.count()
    while not running.done():
        number = next(turn)
        proxy.configure(
            databases="shared" if number % 2 else "separate",
            sample_ppm=(0, 500_000, 1_000_000)[number % 3],
            new={"set_headers": {"x-generation": str(number)}},  # a new target: its connections are made anew
            limits={"shadows": 1 + number % 50, "body_bytes": 1000 * (1 + number % 5)},
        )
        proxy.set_weight(number * 7 % 101)
    check(proxy, running.result())
    changes = next(turn)
    assert changes > 5
    assert proxy.counters()["generation"] == 1 + changes


def test_a_bad_config_changes_nothing(proxy: RunningProxy, upstreams: Upstreams) -> None:
    from parallelrun._core import ConfigError  # noqa: PLC0415

    running = background.start(load(proxy.address, mixed(6), count=300, connections=8))
    while not running.done():
        with pytest.raises(ConfigError):
            proxy.core.configure('{"generation": 2}')
        with pytest.raises(ConfigError):
            proxy.configure(old={"url": "ftp://nowhere"})
    check(proxy, running.result(), 300)
    assert proxy.counters()["generation"] == 1


@pytest.mark.parametrize("weight", [0, 50, 100])
def test_everything_at_once(make_process: MakeProcess, start_proxy: StartProxy, weight: int) -> None:
    """Kills, stops, resets, drips, nonsense, 500s, reloads and clients that leave: who stays notices nothing, and the
    sum is exact. Both sides are processes, of which the old one is well all the time."""
    old, new = make_process("old"), make_process("new")
    proxy = start_proxy(
        old=old.url,
        new={"url": new.url, "timeout_ms": 250, "connect_timeout_ms": 250},
        databases="separate",
        limits={"shadow_ms": 400},
        sticky=BY_PATH,
    )
    proxy.set_weight(weight)
    aborted: Counter[str] = Counter()

    async def both() -> tuple[Result, Result]:
        stay = load(proxy.address, keyed(of_clients("/stay", 11)), count=COUNT, connections=12)
        leave = load(proxy.address, keyed(of_clients("/leave", 12, aborted)), count=400, connections=6)
        return await asyncio.gather(stay, leave)

    turn = itertools.count(2)
    reload = partial(_reload, proxy, turn)
    actions: Iterator[Callable[[], None]] = itertools.cycle(
        [new.kill, reload, new.start, new.pause, reload, new.resume]
    )
    stayed, left = during(background.start(both()), actions, lambda: proxy.counters()["requests"])
    new.resume()
    assert (stayed.errors, stayed.refusals, left.errors) == ([], [], [])
    assert stayed.statuses == {200: COUNT}
    assert left.aborted == sum(aborted.values()) == 400

    ledger = proxy.settled()
    of_stay, of_leave = of_path(proxy, "/stay"), of_path(proxy, "/leave")
    # Each request of a client that stayed was taken up, and no other; of the others, those of which an answer was seen.
    assert sum(of_stay.values()) == COUNT
    assert of_stay["client_gone"] == of_stay["old_failed"] == of_stay["both_failed"] == 0
    assert aborted["in_answer"] <= sum(of_leave.values()) <= 400
    assert ledger.requests == sum(of_stay.values()) + sum(of_leave.values())
    assert of_stay["new_failed"] > 0
    assert (ledger.rescued > 0) == (weight > 0)
    assert proxy.counters()["generation"] > 3
    proxy.release()


def _reload(proxy: RunningProxy, turn: "itertools.count[int]") -> None:
    number = next(turn)
    proxy.configure(new={"set_headers": {"x-generation": str(number)}}, limits={"body_bytes": 10_000 + number})


def of_clients(path: str, seed: int, aborted: "Counter[str] | None" = None) -> Callable[[int], Shot]:
    """Reads and writes, a third of which the new process fails in some way. With `aborted`, the clients leave each of
    them, and where is counted there."""
    source = random.Random(seed)
    ways = aborts(seed + 1, 1.0)

    def shot(_: int) -> Shot:
        target = path + (f"?new={source.choice(FAULTS)}" if source.random() < 1 / 3 else "")
        body = b"x" * source.randrange(3000)
        abort = None
        if aborted is not None:
            abort = ways()
            assert abort is not None
            aborted[abort] += 1
        method = source.choice(["GET", "HEAD", "POST", "PUT"])
        if method == "PUT":
            data = request(target, method, {"transfer-encoding": "chunked"})
            data += behaviour.chunk(b"ab") + (behaviour.chunk(body) if body else b"") + b"0\r\n\r\n"
        else:
            data = request(target, method, body=body if method == "POST" else None)
        expect = None if method == "HEAD" else f"{method} {target}".encode()
        return Shot(data, method.encode(), abort, expect, target)

    return shot


def of_path(proxy: RunningProxy, path: str) -> Counter[str]:
    """The outcomes of all methods' requests for a path."""
    found: Counter[str] = Counter()
    for endpoint in proxy.counters()["endpoints"]:
        if endpoint["endpoint"].endswith(path):
            found.update(endpoint["outcomes"])
    return found


def test_counters_stay_consistent_while_requests_flow(proxy: RunningProxy, upstreams: Upstreams) -> None:
    """Read at any moment, no outcome is counted before its request."""
    running = background.start(load(proxy.address, mixed(10), count=600, connections=8))
    problems: list[str] = []

    def look() -> None:
        while not running.done():
            counters = proxy.counters()
            for endpoint in counters["endpoints"]:
                if sum(endpoint["outcomes"].values()) > endpoint["requests"]:
                    problems.append(str(endpoint))
            if counters["in_flight"] < 0:
                problems.append(str(counters["in_flight"]))

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    check(proxy, running.result(), 600)
    for watcher in watchers:
        watcher.join()
    assert problems == []


BY_PATH = {"by": "header", "name": "x-client"}


def keyed(shots: Callable[[int], Shot]) -> Callable[[int], Shot]:
    """The same shots, each from a client of its own as far as stickiness goes."""

    def shot(number: int) -> Shot:
        made = shots(number)
        head, _, rest = made.data.partition(b"\r\n")
        data = head + b"\r\nx-client: %d\r\n" % (number % 97) + rest
        return Shot(data, made.method, made.abort, made.expect, made.label)

    return shot
