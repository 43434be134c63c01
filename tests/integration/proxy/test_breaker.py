"""The breaker, step by step: what opens it, what does not, and how the new side comes back."""

import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.exchange import Behaviour
from tests.support.fixtures import MakeOrigin, StartProxy, Upstreams
from tests.support.proxy import Json, RunningProxy, route
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until

USUAL = {
    "failures": 5,
    "share": 0.5,
    "volume": 20,
    "window_ms": 600_000,
    "stall_ms": 100,
    "open_ms": 600_000,
    "longest_open_ms": 600_000,
    "slow_start_ms": 600_000,
    "probes_per_s": 1,
}
BURST = 10
"""Probes that may leave at once."""
FAULT = behaviour.reply(500, b"oops")
FINE = behaviour.reply(200, b"fine")


def start(
    start_proxy: StartProxy, upstreams: Upstreams, weight: float = 100, *, breaker: Json | None = None, **changes: Any
) -> RunningProxy:
    upstreams.on("/a", FINE)
    sides = {"old": {"url": upstreams.old.url}, "new": {"url": upstreams.new.url}}
    for side in sides.keys() & changes.keys():
        sides[side] |= changes.pop(side)
    sticky = {"by": "header", "name": "x-user-id"}
    limits = {"second_opinions_per_s": 0} | changes.pop("limits", {})  # what arrives is counted here
    proxy = start_proxy(**sides, sticky=sticky, breaker=USUAL | (breaker or {}), limits=limits, **changes)
    proxy.set_weight(weight)
    return proxy


def breaker(proxy: RunningProxy) -> Json:
    found: Json = proxy.counters()["breaker"]
    return found


def state(proxy: RunningProxy) -> str:
    found: str = breaker(proxy)["state"]
    return found


def reason(proxy: RunningProxy) -> str:
    found: str = breaker(proxy)["changes"][-1]["reason"]
    return found


def ask(proxy: RunningProxy, *targets: str) -> list[bytes]:
    """One after the other, each settled before the next one."""
    found = []
    with RawClient(proxy.address) as client:
        for target in targets:
            answer = client.ask(target)
            assert answer.status == 200
            found.append(answer.body)
            proxy.idle()
    return found


@contextlib.contextmanager
def several(proxy: RunningProxy, count: int) -> Iterator[list[RawClient]]:
    """Connections, closed at the end."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(RawClient(proxy.address)) for _ in range(count)]


def open_it(proxy: RunningProxy, upstreams: Upstreams) -> None:
    """Five failures, seen by nobody."""
    upstreams.on("/open", FINE)
    upstreams.new.on("/open", FAULT)
    assert ask(proxy, *["/open"] * 5) == [b"fine"] * 5
    assert state(proxy) == "open"


@pytest.mark.parametrize("weight", [0, 100])
def test_failures_in_a_row(upstreams: Upstreams, start_proxy: StartProxy, weight: int) -> None:
    proxy = start(start_proxy, upstreams, weight)
    upstreams.new.on("/fault", FAULT)
    upstreams.old.on("/fault", FINE)
    ask(proxy, *["/fault"] * 4, "/a", *["/fault"] * 4)
    assert state(proxy) == "closed"
    ask(proxy, "/fault")
    assert state(proxy) == "open"
    assert reason(proxy) == "5 failures in a row"
    assert breaker(proxy)["opened"] == 1


def test_a_share_of_enough_requests(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    upstreams.new.on("/fault", FAULT)
    upstreams.old.on("/fault", FINE)
    ask(proxy, *["/a", "/fault"] * 9, "/a")
    assert state(proxy) == "closed", "19 requests are too few to tell"
    ask(proxy, "/fault")
    assert state(proxy) == "open"
    assert reason(proxy) == "10 of 20 requests failed within 600000 ms"


def test_a_small_share_is_left_to_the_rollout(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    upstreams.new.on("/fault", FAULT)
    upstreams.old.on("/fault", FINE)
    ask(proxy, *["/a", "/a", "/fault"] * 20)
    assert state(proxy) == "closed"


FAULTS: dict[str, Behaviour] = {
    "resets": behaviour.reset_after_request(),
    "closes": behaviour.close_after_request(),
    "is no HTTP": behaviour.raw(b"nonsense\r\n\r\n", close=True),
    "answers 503": behaviour.reply(503),
    "breaks a short answer off": behaviour.truncate(b"half", 1000),
    "breaks a chunked answer off": behaviour.truncate_chunked(b"half"),
    "breaks a long answer off": behaviour.truncate(b"x" * 100_000, 200_000),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_each_way_to_fail_as_a_shadow(upstreams: Upstreams, start_proxy: StartProxy, fault: Behaviour) -> None:
    proxy = start(start_proxy, upstreams, 0)
    upstreams.old.on("/fault", FINE)
    upstreams.new.on("/fault", fault)
    ask(proxy, *["/fault"] * 5)
    assert (state(proxy), reason(proxy)) == ("open", "5 failures in a row")


@pytest.mark.parametrize("fault", [FAULTS["resets"], FAULTS["answers 503"], FAULTS["breaks a short answer off"]])
def test_each_way_to_fail_where_nothing_is_copied(
    upstreams: Upstreams, start_proxy: StartProxy, fault: Behaviour
) -> None:
    proxy = start(start_proxy, upstreams, sample_ppm=0)
    upstreams.old.on("/fault", FINE)
    upstreams.new.on("/fault", fault)
    assert ask(proxy, *["/fault"] * 5) == [b"fine"] * 5
    assert (state(proxy), reason(proxy)) == ("open", "5 failures in a row")


def test_answers_that_break_off_on_their_way_to_the_client(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Nobody compares them, and they cannot be rescued: at least it does not go on like that."""
    proxy = start(start_proxy, upstreams, sample_ppm=0)
    upstreams.old.on("/fault", FINE)
    upstreams.new.on("/fault", FAULTS["breaks a long answer off"])
    for _ in range(5):
        with RawClient(proxy.address) as client, pytest.raises(ClosedError):
            client.ask("/fault")
    wait_until(lambda: state(proxy) == "open")
    assert reason(proxy) == "5 failures in a row"
    assert proxy.endpoint("GET /fault")["alone"]["new"] == {"requests": 5, "failures": 5}
    assert ask(proxy, "/fault") == [b"fine"]


def test_a_new_side_that_is_not_there(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    upstreams.new.refuse()
    ask(proxy, *["/a"] * 5)
    assert state(proxy) == "open"


OLD_FAULTS: dict[str, Behaviour] = {
    "resets": behaviour.reset_after_request(),
    "answers 500": FAULT,
    "breaks its answer off": behaviour.truncate_chunked(b"half"),
    "hangs": behaviour.hang(),
}


@pytest.mark.parametrize("old", OLD_FAULTS.values(), ids=OLD_FAULTS.keys())
@pytest.mark.parametrize("weight", [0, 100])
def test_the_old_side_failing_says_nothing_of_the_new_one(
    upstreams: Upstreams, start_proxy: StartProxy, old: Behaviour, weight: int
) -> None:
    proxy = start(start_proxy, upstreams, weight, old={"timeout_ms": 50})
    upstreams.old.on("/fault", old)
    upstreams.new.on("/fault", FINE)
    for _ in range(8):
        with RawClient(proxy.address) as client, contextlib.suppress(ClosedError):
            client.ask("/fault")
        proxy.idle()
    assert (state(proxy), breaker(proxy)["opened"]) == ("closed", 0)


@pytest.mark.parametrize("old", [OLD_FAULTS["resets"], OLD_FAULTS["answers 500"]], ids=["resets", "answers 500"])
@pytest.mark.parametrize("new", [FAULTS["resets"], FAULTS["answers 503"]], ids=["resets", "answers 503"])
@pytest.mark.parametrize("sample_ppm", [1_000_000, 0], ids=["copied", "not copied"])
def test_a_request_that_neither_can_answer_says_nothing(
    upstreams: Upstreams, start_proxy: StartProxy, old: Behaviour, new: Behaviour, sample_ppm: int
) -> None:
    proxy = start(start_proxy, upstreams, sample_ppm=sample_ppm)
    upstreams.old.on("/fault", old)
    upstreams.new.on("/fault", new)
    with RawClient(proxy.address) as client:
        for _ in range(8):
            assert client.ask("/fault").status >= 500
            proxy.idle()
    assert state(proxy) == "closed"


def test_one_write_that_fails_again_and_again_says_little(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """It went to the new side only, so nobody knows what the old one would have said."""
    proxy = start(start_proxy, upstreams)
    upstreams.new.on("/w", FAULT)
    with RawClient(proxy.address) as client:
        for _ in range(19):
            assert client.ask("/w", "POST", body=b"w").status == 500
            proxy.idle()
        assert state(proxy) == "closed"
        client.ask("/w", "POST", body=b"w")
    proxy.idle()
    assert reason(proxy) == "20 of 20 requests failed within 600000 ms"


def test_an_error_that_breaks_off_is_one_failure(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    upstreams.new.on("/w", behaviour.raw(b"HTTP/1.1 500 Oops\r\ncontent-length: 9\r\n\r\noops", close=True))
    with RawClient(proxy.address) as client, pytest.raises(ClosedError):
        client.ask("/w", "POST", body=b"w")
    proxy.settled(1)
    wait_until(lambda: proxy.side("new")["truncated"] == 1)
    assert proxy.endpoint("POST /w")["alone"]["new"] == {"requests": 1, "failures": 1}


def test_what_was_sent_by_weight_counts_however_it_stands_at_the_end(
    upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    proxy = start(start_proxy, upstreams)
    gate = Gate()
    upstreams.new.on("/w", behaviour.gated(gate, FINE))
    with several(proxy, 2) as [before, while_open]:
        before.send(request("/w", "POST", body=b"w"))
        wait_until(lambda: gate.waiting == 1)
        proxy.core.set_health(False)
        while_open.send(request("/w", "POST", body=b"w"))
        assert while_open.answer("POST").status == 200
        gate.open()
        assert before.answer("POST").status == 200
    proxy.settled(2)
    alone = proxy.endpoint("POST /w")["alone"]
    assert (alone["old"]["requests"], alone["new"]["requests"]) == (0, 1)


EVENTS = behaviour.reply(200, b"data: fine\n\n", None, "text/event-stream")


@pytest.mark.parametrize("weight", [0, 100])
def test_streams_of_events_that_cannot_be_had(upstreams: Upstreams, start_proxy: StartProxy, weight: int) -> None:
    """Nobody compares them, but that the new side fails them is known."""
    proxy = start(start_proxy, upstreams, weight)
    upstreams.on("/events", EVENTS)
    ask(proxy, *["/events"] * 3)
    upstreams.new.on("/events", FAULT)
    ask(proxy, *["/events"] * 5)
    counts = proxy.endpoint("GET /events")
    assert counts["outcomes"] == {"streaming": 8}
    assert counts["failures"] == {"new_only": 5, "old_only": 0, "both": 0, "neither": 3}
    assert (state(proxy), reason(proxy)) == ("open", "5 failures in a row")


def test_a_stream_that_has_begun_works(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """It may go on for days: what it says of the new side, it says at once."""
    proxy = start(start_proxy, upstreams, sample_ppm=0)
    gate = Gate()

    async def feed() -> AsyncIterator[bytes]:
        yield b"data: fine\n\n"
        await gate.wait()

    upstreams.old.on("/fault", FINE)
    upstreams.new.on("/fault", FAULT)
    upstreams.new.on("/events", behaviour.events(feed))
    with several(proxy, 2) as [reader, client]:
        for _ in range(4):
            assert client.ask("/fault").status == 200
        reader.send(request("/events"))
        assert reader.piece_after_head()
        for _ in range(4):
            assert client.ask("/fault").status == 200
        assert state(proxy) == "closed"
        gate.open()
        reader.rest()
    proxy.settled(9)


def test_an_upgrade_to_a_side_that_is_not_there(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    upstreams.on("/ws", behaviour.upgrade_echo())
    headers = {"connection": "upgrade", "upgrade": "echo"}

    def upgrade(times: int) -> None:
        for _ in range(times):
            with RawClient(proxy.address) as client:
                client.send(request("/ws", headers=headers))
                assert client.head().status == 101

    upstreams.new.refuse()
    upgrade(4)
    upstreams.new.listen()
    upgrade(1)
    upstreams.new.refuse()
    upgrade(4)
    assert state(proxy) == "closed"
    upgrade(1)
    assert (state(proxy), reason(proxy)) == ("open", "5 failures in a row")


def test_a_client_that_leaves_as_nothing_comes(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Before the new side's time is up: nobody would know of it otherwise."""
    never = {"failures": 100, "volume": 1, "share": 1, "stall_ms": 50}
    proxy = start(start_proxy, upstreams, breaker=never, new={"timeout_ms": 3_600_000})
    upstreams.old.on("/hang", FINE)
    upstreams.new.on("/hang", behaviour.hang())
    with RawClient(proxy.address) as client:
        client.send(request("/hang"))
        wait_until(lambda: upstreams.old.count("/hang") == upstreams.new.count("/hang") == 1)
        time.sleep(0.5)
        client.reset()
    assert proxy.settled(1).outcomes == {"client_gone": 1}
    assert proxy.endpoint("GET /hang")["failures"]["new_only"] == 1
    assert reason(proxy) == "1 of 1 requests failed within 600000 ms"


def test_a_client_that_leaves_says_nothing(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, FINE))
    for number in range(8):
        with RawClient(proxy.address) as client:
            client.send(request("/slow"))
            wait_until(lambda number=number: gate.waiting == 2 * number + 2)  # type: ignore[misc]
            client.reset()
    gate.open()
    proxy.settled(8)
    assert state(proxy) == "closed"


def test_a_new_side_that_hangs_is_given_up_at_once(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Nobody waits for its timeout, which is an hour here: neither the clients nor the copies. Those that opened it
    have failed; what would have come of the others nobody knows, and it must not look like failures to the rollout."""
    proxy = start(start_proxy, upstreams, 50, new={"timeout_ms": 3_600_000}, listener={"workers": 1})
    upstreams.old.on("/hang", FINE)
    upstreams.new.on("/hang", behaviour.hang())
    with several(proxy, 20) as clients:
        for number, client in enumerate(clients):
            client.send(request("/hang", headers={"x-user-id": f"u{number}"}))
        assert {client.answer().body for client in clients} == {b"fine"}
    ledger = proxy.settled(20)
    assert (ledger["new_failed"], ledger["breaker_open"], 0 < ledger.rescued < 20) == (5, 15, True)
    assert proxy.endpoint("GET /hang")["failures"]["new_only"] == 5
    assert proxy.side("new")["failures"]["timeout"] == 5
    assert state(proxy) == "open"
    assert "requests wait and nothing was answered for 100 ms" in reason(proxy)


def test_writes_that_hang_are_seen_too(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Once their bodies have been sent: it is the new side then that takes its time."""
    proxy = start(start_proxy, upstreams, 0, databases="separate", new={"timeout_ms": 3_600_000})
    upstreams.old.on("/w", FINE)
    upstreams.new.on("/w", behaviour.hang())
    with RawClient(proxy.address) as client:
        for _ in range(5):
            assert client.ask("/w", "POST", body=b"w").status == 200
    wait_until(lambda: state(proxy) == "open")
    assert "5 requests wait" in reason(proxy)
    upstreams.new.reset_all()
    proxy.settled(5)


def test_a_new_side_that_waits_as_long_as_the_old_one_does_not_hang(
    upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    proxy = start(start_proxy, upstreams)
    gate = Gate()
    upstreams.on("/slow", behaviour.gated(gate, behaviour.after(0.3, FINE)))
    with several(proxy, 8) as clients:
        for client in clients:
            client.send(request("/slow"))
        wait_until(lambda: gate.waiting == 16)
        gate.open()
        assert {client.answer().body for client in clients} == {b"fine"}
    proxy.settled(8)
    assert state(proxy) == "closed"


def test_a_new_side_that_is_slower_than_a_slow_old_one_does_not_hang(
    upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    proxy = start(start_proxy, upstreams, breaker={"stall_ms": 50})
    old, new = Gate(), Gate()
    upstreams.old.on("/slow", behaviour.gated(old, behaviour.after(2, FINE)))
    upstreams.new.on("/slow", behaviour.gated(new, FINE))
    with several(proxy, 8) as clients:
        for client in clients:
            client.send(request("/slow"))
        wait_until(lambda: new.waiting == 8)
        old.open()
        wait_until(lambda: proxy.endpoint("GET /slow")["old"]["latency"]["count"] == 8)
        time.sleep(0.2)
        new.open()
        assert {client.answer().body for client in clients} == {b"fine"}
    proxy.settled(8)
    assert state(proxy) == "closed"


def test_open_means_that_the_old_side_serves_everybody(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams)
    open_it(proxy, upstreams)
    before = upstreams.new.count()
    upstreams.old.on("/a", behaviour.reply(200, b"old"))
    with RawClient(proxy.address) as client:
        for number in range(100):
            assert client.ask("/a", headers={"x-user-id": f"u{number}"}).body == b"old"
    ledger = proxy.settled(105)
    probes = upstreams.new.count() - before
    assert BURST <= probes < 50
    assert ledger["breaker_open"] == 100 - probes
    assert breaker(proxy)["weight_ppm"] == 0
    assert proxy.counters()["weight_ppm"] == 1_000_000


def test_probes_are_not_left_to_chance(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Of a sample there would be too few."""
    proxy = start(start_proxy, upstreams, sample_ppm=1)
    open_it(proxy, upstreams)
    before = upstreams.new.count()
    ask(proxy, *["/a"] * BURST)
    assert upstreams.new.count() - before == BURST


def test_the_share_grows_back(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Clients move from old to new only, and none that the weight does not send there."""
    proxy = start(start_proxy, upstreams, 50, breaker={"open_ms": 1, "slow_start_ms": 3000, "probes_per_s": 1000})
    upstreams.new.on("/who", behaviour.reply(200, b"new"))
    upstreams.old.on("/who", behaviour.reply(200, b"old"))
    users = [f"u{number}" for number in range(200)]
    with RawClient(proxy.address) as client:

        def served() -> set[str]:
            client.send(b"".join(request("/who", headers={"x-user-id": user}) for user in users))
            return {user for user in users if client.answer().body == b"new"}

        meant = served()
        proxy.idle()
        open_it(proxy, upstreams)
        ask(proxy, *["/a"] * 5)
        seen = [served()]
        while state(proxy) != "closed":
            seen.append(served())
        assert served() == meant
    assert all(before <= after for before, after in itertools.pairwise(seen)), "a client went back"
    assert all(now <= meant for now in seen)
    assert any(set() < now < meant for now in seen), "all came at once"
    assert [change["state"] for change in breaker(proxy)["changes"]] == ["open", "half_open", "closed"]
    assert [change["reason"] for change in breaker(proxy)["changes"]][1:] == [
        "5 probes in a row worked",
        "the slow start is over",
    ]


def test_a_relapse_opens_it_again(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams, 0, breaker={"open_ms": 1, "probes_per_s": 1000})
    open_it(proxy, upstreams)
    ask(proxy, *["/a"] * 5)
    assert state(proxy) == "half_open"
    ask(proxy, *["/open"] * 5)
    assert (state(proxy), breaker(proxy)["opened"]) == ("open", 2)


def test_probes_that_fail_keep_it_open(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams, breaker={"open_ms": 1, "probes_per_s": 1000})
    open_it(proxy, upstreams)
    ask(proxy, *["/a", "/a", "/a", "/a", "/open"] * 4)
    assert state(proxy) == "open"
    ask(proxy, *["/a"] * 5)
    assert state(proxy) == "half_open"


def test_what_hung_when_it_opened_says_nothing_of_a_side_that_is_back(
    upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    """Uploads cannot be given up; they end only when the new side is well again."""
    proxy = start(
        start_proxy, upstreams, 0, databases="separate", breaker={"open_ms": 1, "slow_start_ms": 1, "stall_ms": 60_000}
    )
    gate = Gate()
    upstreams.old.on("/w", FINE)
    upstreams.new.on("/w", behaviour.gated(gate, FAULT))
    with several(proxy, 9) as [reader, *writers]:
        for client in writers:
            client.send(request("/w", "POST", body=b"w"))
            assert client.answer("POST").status == 200
        wait_until(lambda: gate.waiting == 8)
        upstreams.old.on("/open", FINE)
        upstreams.new.on("/open", FAULT)
        assert [reader.ask("/open").status for _ in range(5)] == [200] * 5
        wait_until(lambda: state(proxy) == "open")
        wait_until(lambda: reader.ask("/a").status == 200 and state(proxy) == "closed")
        gate.open()
    proxy.settled()
    assert proxy.endpoint("POST /w")["outcomes"] == {"mismatch": 8}
    assert (state(proxy), breaker(proxy)["opened"]) == ("closed", 1)


@pytest.mark.parametrize("why", [{"sample_ppm": 0}, {"limits": {"shadows": 0}}], ids=["sample", "overload"])
def test_where_nothing_is_copied_time_brings_it_back(upstreams: Upstreams, start_proxy: StartProxy, why: Json) -> None:
    proxy = start(start_proxy, upstreams, breaker={"open_ms": 200, "slow_start_ms": 1}, **why)
    open_it(proxy, upstreams)
    assert ask(proxy, *["/a"] * 5) == [b"fine"] * 5
    assert upstreams.new.count("/a") == 0
    wait_until(lambda: state(proxy) == "closed")
    assert breaker(proxy)["changes"][1]["reason"] == "there was nothing to probe with"
    assert ask(proxy, "/a") == [b"fine"]
    assert upstreams.new.count("/a") == 1


def test_health_checks_that_fail_open_it_and_keep_it_open(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams, breaker={"open_ms": 1, "probes_per_s": 1000})
    proxy.core.set_health(False)
    assert (state(proxy), reason(proxy), breaker(proxy)["healthy"]) == ("open", "the health checks fail", False)
    ask(proxy, *["/a"] * 10)
    assert state(proxy) == "open"
    assert proxy.side("old")["requests"] == 10
    proxy.core.set_health(True)
    assert (state(proxy), breaker(proxy)["healthy"]) == ("half_open", True)


@pytest.mark.parametrize("databases", ["shared", "separate"])
def test_writes_while_it_is_open(upstreams: Upstreams, start_proxy: StartProxy, databases: str) -> None:
    """To one side: the old one. To both: to both, as ever, for each that is left out is missing there."""
    proxy = start(start_proxy, upstreams, databases=databases, breaker={"probes_per_s": 1})
    open_it(proxy, upstreams)
    upstreams.on("/w", FINE)
    with RawClient(proxy.address) as client:
        for _ in range(30):
            assert client.ask("/w", "POST", body=b"w").status == 200
    ledger = proxy.settled(35)
    assert upstreams.old.count("/w") == 30
    if databases == "shared":
        assert (upstreams.new.count("/w"), ledger["method_not_mirrored"]) == (0, 30)
    else:
        assert (upstreams.new.count("/w"), ledger["match"]) == (30, 30)
        assert proxy.endpoint("POST /w")["new"]["missed_writes"] == 0


def test_a_route_that_is_not_copied_goes_to_old_too(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    proxy = start(start_proxy, upstreams, routes=[route("/quiet", mirror=False)])
    upstreams.new.on("/quiet", behaviour.reply(200, b"new"))
    upstreams.old.on("/quiet", behaviour.reply(200, b"old"))
    assert ask(proxy, "/quiet") == [b"new"]
    open_it(proxy, upstreams)
    assert ask(proxy, "/quiet") == [b"old"]


def test_a_rollback_beats_it_all(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Weight 0 is weight 0, also while the share grows back."""
    proxy = start(start_proxy, upstreams, breaker={"open_ms": 1, "slow_start_ms": 600_000, "probes_per_s": 1000})
    open_it(proxy, upstreams)
    ask(proxy, *["/a"] * 5)
    wait_until(lambda: breaker(proxy)["weight_ppm"] > 0)
    proxy.set_weight(0)
    assert (state(proxy), breaker(proxy)["weight_ppm"]) == ("half_open", 0)


def test_another_new_side_begins_anew(upstreams: Upstreams, start_proxy: StartProxy, make_origin: MakeOrigin) -> None:
    proxy = start(start_proxy, upstreams)
    open_it(proxy, upstreams)
    another = make_origin("another")
    another.on("/a", behaviour.reply(200, b"another"))
    proxy.configure(new={"url": another.url})
    assert (state(proxy), reason(proxy)) == ("closed", "the new side is another one")
    assert ask(proxy, "/a") == [b"another"]


def test_late_failures_are_those_of_the_side_that_was_asked(
    upstreams: Upstreams, start_proxy: StartProxy, make_origin: MakeOrigin
) -> None:
    proxy = start(start_proxy, upstreams, 0, breaker={"stall_ms": 600_000})
    gate = Gate()
    upstreams.old.on("/late", FINE)
    upstreams.new.on("/late", behaviour.gated(gate, FAULT))
    with several(proxy, 8) as clients:
        for client in clients:
            assert client.ask("/late").status == 200
        wait_until(lambda: gate.waiting == 8)
        proxy.configure(new={"url": make_origin("another").url})
        gate.open()
    proxy.settled(8)
    assert proxy.endpoint("GET /late")["failures"]["new_only"] == 8
    assert (state(proxy), breaker(proxy)["changed"]) == ("closed", 0)
