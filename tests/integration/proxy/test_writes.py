"""Writes, counted at the origins: with one database to one side only, ever; with two to each side exactly once."""

import contextlib
import random
from collections import Counter
from typing import Any

import pytest

from tests.support import background, behaviour
from tests.support.background import Gate
from tests.support.exchange import Behaviour, Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.load import Shot, aborts, load
from tests.support.origin import Origin, default_behaviour
from tests.support.proxy import RunningProxy, route
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until

AFTER_ARRIVAL = {
    "resets after the request": behaviour.reset_after_request(),
    "closes after the request": behaviour.close_after_request(),
    "hangs": behaviour.hang(),
    "answers 500": behaviour.reply(500, b"oops"),
    "breaks its answer off": behaviour.truncate(b"half", 1000),
}


def arrivals(origin: Origin) -> Counter[str]:
    """How often each write (named by its header) arrived, whole or not."""
    return Counter(seen.header("x-write") or "" for seen in list(origin.requests) if seen.method != "GET")


def write(name: str, body: bytes = b"w", target: str = "/w") -> bytes:
    return request(target, "POST", {"x-write": name}, body)


def start(start_proxy: StartProxy, upstreams: Upstreams, databases: str, weight: float, **changes: Any) -> RunningProxy:
    sides: dict[str, dict[str, Any]] = {
        "old": {"url": upstreams.old.url, "timeout_ms": 300},
        "new": {"url": upstreams.new.url, "timeout_ms": 300},
    }
    sticky = {"by": "header", "name": "x-write"}
    for side in sides.keys() & changes.keys():
        sides[side] |= changes.pop(side)
    proxy = start_proxy(**sides, databases=databases, sticky=sticky, **changes)
    proxy.set_weight(weight)
    return proxy


def send_writes(proxy: RunningProxy) -> list[str]:
    """Two hundred writes on one connection, all taken; their names."""
    names = [f"w{number}" for number in range(200)]
    with RawClient(proxy.address) as client:
        client.send(b"".join(write(name) for name in names))
        assert all(client.answer("POST").status == 200 for _ in names)
    return names


@pytest.mark.parametrize("weight", [0, 50, 100])
def test_shared_one_side_only(upstreams: Upstreams, start_proxy: StartProxy, weight: int) -> None:
    proxy = start(start_proxy, upstreams, "shared", weight)
    names = send_writes(proxy)
    assert proxy.settled(200).outcomes == {"method_not_mirrored": 200}
    assert arrivals(upstreams.old) + arrivals(upstreams.new) == Counter(names)
    served = sum(arrivals(upstreams.new).values())
    assert served == {0: 0, 100: 200}.get(weight, served)
    assert weight != 50 or 50 < served < 150


@pytest.mark.parametrize("weight", [0, 50, 100])
def test_separate_both_exactly_once(upstreams: Upstreams, start_proxy: StartProxy, weight: int) -> None:
    proxy = start(start_proxy, upstreams, "separate", weight)
    names = send_writes(proxy)
    assert proxy.settled(200).outcomes == {"match": 200}
    assert arrivals(upstreams.old) == arrivals(upstreams.new) == Counter(names)


@pytest.mark.parametrize("fault", AFTER_ARRIVAL.values(), ids=AFTER_ARRIVAL.keys())
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_shared_what_may_have_arrived_is_not_sent_again(
    upstreams: Upstreams, start_proxy: StartProxy, fault: Behaviour, warm: bool
) -> None:
    """The client learns of the failure: nobody can know whether the write was done."""
    proxy = start(start_proxy, upstreams, "shared", 100)
    upstreams.new.on("/w", fault)
    with RawClient(proxy.address) as client:
        if warm:
            assert client.ask("/warm").status == 200
            proxy.idle()
        client.send(write("one"))
        with contextlib.suppress(ClosedError):  # an answer that broke off is not a whole one
            assert client.answer("POST").status >= 500
    ledger = proxy.settled(1 + warm)
    assert ledger.rescued == 0
    assert arrivals(upstreams.new) == {"one": 1}
    assert arrivals(upstreams.old) == {}


@pytest.mark.parametrize("size", [0, 1, 500_000])
@pytest.mark.parametrize("expect", [False, True], ids=["plain", "expect"])
def test_shared_what_never_left_goes_to_the_old_side(
    upstreams: Upstreams, start_proxy: StartProxy, size: int, expect: bool
) -> None:
    proxy = start(start_proxy, upstreams, "shared", 100)
    upstreams.old.on("/w", behaviour.echo())
    upstreams.new.refuse()
    body = behaviour.pattern(size)
    headers = {"x-write": "one"} | ({"expect": "100-continue"} if expect else {})
    with RawClient(proxy.address) as client:
        client.send(request("/w", "POST", headers, body))
        answer = client.answer("POST")
    assert (answer.status, answer.body) == (200, body)
    assert proxy.settled(1).rescued == 1
    assert arrivals(upstreams.old) == {"one": 1}


@pytest.mark.parametrize("fault", AFTER_ARRIVAL.values(), ids=AFTER_ARRIVAL.keys())
@pytest.mark.parametrize("weight", [0, 100])
def test_separate_a_fault_of_new_repeats_nothing(
    upstreams: Upstreams, start_proxy: StartProxy, fault: Behaviour, weight: int
) -> None:
    """The client gets the old side's answer, which was on its way; each side has the write once."""
    proxy = start(start_proxy, upstreams, "separate", weight)
    upstreams.new.on("/w", fault)
    with RawClient(proxy.address) as client:
        client.send(write("one"))
        answer = client.answer("POST")
    assert (answer.status, answer.body) == (200, b"POST /w")
    ledger = proxy.settled(1)
    assert ledger.rescued == (weight == 100)
    assert arrivals(upstreams.old) == arrivals(upstreams.new) == {"one": 1}
    assert missed(proxy, "new") == 1
    assert missed(proxy, "old") == 0


@pytest.mark.parametrize("weight", [0, 100])
def test_separate_a_new_side_that_is_down_has_missed_it(
    upstreams: Upstreams, start_proxy: StartProxy, weight: int
) -> None:
    proxy = start(start_proxy, upstreams, "separate", weight)
    upstreams.new.refuse()
    with RawClient(proxy.address) as client:
        for name in ("one", "two"):
            client.send(write(name))
            assert client.answer("POST").status == 200
    assert proxy.settled(2).outcomes == {"new_failed": 2}
    assert arrivals(upstreams.old) == {"one": 1, "two": 1}
    assert missed(proxy, "new") == 2


def test_separate_an_old_side_that_failed_has_missed_it(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams, "separate", 0)
    upstreams.old.on("/w", behaviour.reset_after_request())
    with RawClient(proxy.address) as client:
        client.send(write("one"))
        assert client.answer("POST").status == 502
    proxy.settled(1)
    assert arrivals(upstreams.old) == arrivals(upstreams.new) == {"one": 1}
    assert missed(proxy, "old") == 1


@pytest.mark.parametrize("weight", [0, 100])
@pytest.mark.parametrize("databases", ["shared", "separate"])
def test_old_only(upstreams: Upstreams, start_proxy: StartProxy, weight: int, databases: str) -> None:
    routes = [route("/w", writes="old-only")]
    proxy = start(start_proxy, upstreams, databases, weight, routes=routes)
    with RawClient(proxy.address) as client:
        client.send(write("one"))
        assert client.answer("POST").status == 200
    assert proxy.settled(1).outcomes == {"method_not_mirrored": 1}
    assert (arrivals(upstreams.old), arrivals(upstreams.new)) == ({"one": 1}, {})


def test_a_differing_write_is_not_asked_again(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """A second opinion is for safe requests only."""
    proxy = start(start_proxy, upstreams, "separate", 0)
    upstreams.new.on("/w", behaviour.reply(200, b"something else"))
    with RawClient(proxy.address) as client:
        client.send(write("one"))
        assert client.answer("POST").status == 200
    assert proxy.settled(1).outcomes == {"mismatch": 1}
    assert arrivals(upstreams.old) == arrivals(upstreams.new) == {"one": 1}
    assert proxy.counters()["second_opinions"]["asked"] == 0


@pytest.mark.parametrize("weight", [0, 100])
def test_separate_a_client_that_leaves_takes_the_write_from_nobody(
    upstreams: Upstreams, start_proxy: StartProxy, weight: int
) -> None:
    """Both have it or neither: the serving side is not cut off because nobody waits for its answer any more."""
    gate = Gate()
    upstreams.on("/w", behaviour.gated(gate, behaviour.reply(200, b"done")))
    proxy = start(start_proxy, upstreams, "separate", weight, old={"timeout_ms": 9000}, new={"timeout_ms": 9000})
    client = RawClient(proxy.address)
    client.send(write("one"))
    wait_until(lambda: gate.waiting == 2)
    client.reset()
    wait_until(lambda: proxy.counters()["connections"]["open"] == 0)
    gate.open()
    assert proxy.settled(1).outcomes == {"client_gone": 1}
    assert [seen.gone for origin in upstreams.both for seen in origin.requests] == [False, False]
    assert (missed(proxy, "old"), missed(proxy, "new")) == (0, 0)


@pytest.mark.parametrize("weight", [0, 100])
def test_separate_a_client_that_leaves_hides_no_missed_write(
    upstreams: Upstreams, start_proxy: StartProxy, weight: int
) -> None:
    gate = Gate()
    upstreams.old.on("/w", behaviour.gated(gate, behaviour.reply(200, b"done")))
    upstreams.new.on("/w", behaviour.gated(gate, behaviour.reply(500, b"oops")))
    proxy = start(start_proxy, upstreams, "separate", weight, old={"timeout_ms": 9000}, new={"timeout_ms": 9000})
    client = RawClient(proxy.address)
    client.send(write("one"))
    wait_until(lambda: gate.waiting == 2)
    client.reset()
    gate.open()
    proxy.settled(1)
    assert (missed(proxy, "old"), missed(proxy, "new")) == (0, 1)


@pytest.mark.parametrize(
    ("old", "new", "of_old", "of_new"),
    [(200, 409, 0, 1), (404, 201, 1, 0), (422, 422, 0, 0), (500, 503, 0, 0), (303, 200, 0, 0), (400, 500, 0, 0)],
)
def test_separate_who_missed_it_by_status(
    upstreams: Upstreams, start_proxy: StartProxy, old: int, new: int, of_old: int, of_new: int
) -> None:
    proxy = start(start_proxy, upstreams, "separate", 0)
    upstreams.old.on("/w", behaviour.reply(old))
    upstreams.new.on("/w", behaviour.reply(new))
    with RawClient(proxy.address) as client:
        client.send(write("one"))
        assert client.answer("POST").status == old
    proxy.settled(1)
    assert (missed(proxy, "old"), missed(proxy, "new")) == (of_old, of_new)


@pytest.mark.parametrize(("status", "count"), [(200, 1), (400, 0), (500, 0)])
def test_separate_a_write_too_large_to_copy_is_missed_if_it_was_taken(
    upstreams: Upstreams, start_proxy: StartProxy, status: int, count: int
) -> None:
    upstreams.old.on("/w", behaviour.reply(status))
    proxy = start(start_proxy, upstreams, "separate", 0, limits={"body_bytes": 100})
    with RawClient(proxy.address) as client:
        client.send(write("one", b"x" * 101))
        assert client.answer("POST").status == status
    assert proxy.settled(1).outcomes == {"request_too_large": 1}
    assert (missed(proxy, "old"), missed(proxy, "new")) == (0, count)


@pytest.mark.parametrize("new", [200, 500])
def test_separate_a_write_answered_with_a_stream_of_events(
    upstreams: Upstreams, start_proxy: StartProxy, new: int
) -> None:
    events = behaviour.reply(200, b"data: 1\n\n", content_type="text/event-stream")
    upstreams.old.on("/w", events)
    upstreams.new.on("/w", events if new == 200 else behaviour.reply(new))
    proxy = start(start_proxy, upstreams, "separate", 0)
    with RawClient(proxy.address) as client:
        client.send(write("one"))
        assert client.answer("POST").status == 200
    assert proxy.settled(1).outcomes == {"streaming": 1}
    assert missed(proxy, "new") == (new == 500)


def test_separate_a_route_that_is_not_copied_misses_nothing(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams, "separate", 0, routes=[route("/w", mirror=False)])
    with RawClient(proxy.address) as client:
        client.send(write("one"))
        assert client.answer("POST").status == 200
    assert proxy.settled(1).outcomes == {"route_not_mirrored": 1}
    assert missed(proxy, "new") == 0


def test_old_only_is_never_rescued_by_new(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """What only the old side may do, the new one does not do in its place."""
    proxy = start(start_proxy, upstreams, "shared", 0, routes=[route("/w", writes="old-only")], rescue="both")
    upstreams.old.refuse()
    with RawClient(proxy.address) as client:
        client.send(write("one"))
        assert client.answer("POST").status == 502
    assert proxy.settled(1).outcomes == {"old_failed": 1}
    assert upstreams.new.count() == 0


def missed(proxy: RunningProxy, side: str) -> int:
    """Writes that a side failed and the other one took."""
    return sum(endpoint[side]["missed_writes"] for endpoint in proxy.counters()["endpoints"])


def faulty(seed: int) -> Behaviour:
    """Half of the requests meet some fault."""
    source = random.Random(seed)
    faults = [
        behaviour.reset_after_head(),
        behaviour.reset_after_request(),
        behaviour.close_after_request(),
        behaviour.reply(503, b"busy"),
        behaviour.truncate(b"half", 100),
    ]

    async def behave(exchange: Exchange) -> None:
        await (source.choice(faults) if source.random() < 0.5 else default_behaviour)(exchange)

    return behave


@pytest.mark.parametrize("databases", ["shared", "separate"])
@pytest.mark.parametrize("weight", [0, 50, 100])
def test_under_faults_of_the_new_side_no_write_arrives_twice(
    upstreams: Upstreams, start_proxy: StartProxy, databases: str, weight: int
) -> None:
    upstreams.new.on("/w", faulty(7))
    patient = {"timeout_ms": 20_000}  # no fault here is a silence, so nothing may depend on how busy the machine is
    proxy = start(start_proxy, upstreams, databases, weight, old=patient, new=patient)
    count = 300
    gone = aborts(11, 0.1)

    def shot(number: int) -> Shot:
        return Shot(write(f"w{number}", b"x" * (number % 7) * 1000), b"POST", gone(), b"POST /w", f"w{number}")

    result = background.run(load(proxy.address, shot, count=count, connections=8))
    assert result.offered == count
    if databases == "separate" or weight == 0:
        assert result.errors == []  # with one database an answer that breaks off breaks off for the client
    ledger = proxy.settled()
    old, new = arrivals(upstreams.old), arrivals(upstreams.new)
    assert max(old.values(), default=0) <= 1, "a write reached the old side twice"
    assert max(new.values(), default=0) <= 1, "a write reached the new side twice"
    if databases == "shared":
        assert set(old).isdisjoint(new), "one database, and both sides got the write"
        assert ledger.rescued == 0 or weight > 0
    elif weight == 0:
        assert result.statuses[200] == result.answered, "the client saw a fault of the shadow"
    else:
        assert result.statuses[200] == result.answered, "the old side had the write and its answer was not used"
