"""`verify`: a client of the new side gets its answer only where it has proved equal to the old side's."""

import time
from typing import Any

import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.exchange import Behaviour, Exchange
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import Json, RunningProxy, route
from tests.support.rawclient import Answer, ClosedError, RawClient, request
from tests.support.wait import wait_until

NEVER = 3_600_000


def start(
    start_proxy: StartProxy, upstreams: Upstreams, weight: float = 100, *, wait_ms: int = NEVER, **changes: Any
) -> RunningProxy:
    """A proxy that verifies everywhere, and gives the new side an hour for it."""
    sides: dict[str, Json] = {"old": {"url": upstreams.old.url}, "new": {"url": upstreams.new.url}}
    for side in sides.keys() & changes.keys():
        sides[side] |= changes.pop(side)
    limits = {"second_opinions_per_s": 0} | changes.pop("limits", {})
    proxy = start_proxy(**sides, limits=limits, **({"verify": {"everywhere": True, "wait_ms": wait_ms}} | changes))
    proxy.set_weight(weight)
    return proxy


def answers(upstreams: Upstreams, old: Behaviour, new: Behaviour) -> None:
    upstreams.old.on("/a", old)
    upstreams.new.on("/a", new)


def says(side: str, body: bytes = b"same", status: int = 200) -> Behaviour:
    """An answer that names its side where that is no difference."""
    return behaviour.reply(status, body, {"x-from": side}, "text/plain")


def verified(proxy: RunningProxy, endpoint: str = "GET /a") -> tuple[int, int]:
    counts = proxy.endpoint(endpoint)["verified"]
    return counts["passed"], counts["fell_back"]


def ask(proxy: RunningProxy, target: str = "/a") -> tuple[str | None, bytes]:
    with RawClient(proxy.address) as client:
        answer = client.ask(target)
    proxy.idle()
    return answer.header("x-from"), answer.body


def ask_in_order(
    upstreams: Upstreams, start_proxy: StartProxy, first: str, old: Behaviour, new: Behaviour
) -> tuple[RunningProxy, Answer]:
    """Asks once; the other side answers only when the answer of the `first` is there."""
    gate = Gate()
    answers(
        upstreams,
        old if first == "old" else behaviour.gated(gate, old),
        new if first == "new" else behaviour.gated(gate, new),
    )
    proxy = start(start_proxy, upstreams)
    with RawClient(proxy.address) as client:
        client.send(request("/a"))
        wait_until(lambda: gate.waiting == 1)
        wait_until(lambda: proxy.endpoint("GET /a")[first]["latency"]["count"] == 1)
        gate.open()
        return proxy, client.answer()


@pytest.mark.parametrize("first", ["old", "new"])
def test_equal_answers_pass_in_either_order(upstreams: Upstreams, start_proxy: StartProxy, first: str) -> None:
    proxy, answer = ask_in_order(upstreams, start_proxy, first, says("old"), says("new"))
    assert (answer.header("x-from"), answer.body) == ("new", b"same")
    ledger = proxy.settled(1)
    assert (ledger["match"], ledger.rescued) == (1, 0)
    assert verified(proxy) == (1, 0)


@pytest.mark.parametrize("first", ["old", "new"])
def test_different_answers_fall_back_in_either_order(upstreams: Upstreams, start_proxy: StartProxy, first: str) -> None:
    proxy, answer = ask_in_order(upstreams, start_proxy, first, says("old", b"right"), says("new", b"wrong"))
    assert (answer.header("x-from"), answer.body) == ("old", b"right")
    ledger = proxy.settled(1)
    assert (ledger["mismatch"], ledger.rescued) == (1, 0), "a difference is not a failure"
    assert verified(proxy) == (0, 1)


@pytest.mark.parametrize(
    "new",
    [
        behaviour.reply(201, b"same", None, "text/plain"),
        behaviour.reply(200, b"same", None, "text/html"),
        behaviour.reply(200, b"same", {"location": "/b"}, "text/plain"),
    ],
    ids=["status", "content-type", "location"],
)
def test_all_that_is_compared_counts(upstreams: Upstreams, start_proxy: StartProxy, new: Behaviour) -> None:
    answers(upstreams, says("old"), new)
    proxy = start(start_proxy, upstreams)
    assert ask(proxy) == ("old", b"same")


def test_a_difference_that_a_rule_hides_passes(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.old.on("/a", behaviour.json('{"at": 1, "x": 1}', headers={"x-from": "old"}))
    upstreams.new.on("/a", behaviour.json('{"at": 2, "x": 1}', headers={"x-from": "new"}))
    proxy = start(start_proxy, upstreams, compare={"ignore": [{"at": "$.at", "id": None}]})
    assert ask(proxy) == ("new", b'{"at": 2, "x": 1}')
    assert verified(proxy) == (1, 0)
    assert proxy.settled(1).outcomes == {"ignored": 1}


def test_noise_that_was_learned_passes(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Where the old side is known to differ from itself, that the new one differs proves nothing."""
    turn = iter(range(10_000))

    def stamped(side: str) -> Behaviour:
        async def behave(exchange: Exchange) -> None:
            text = f'{{"now": {next(turn)}, "x": 1}}'
            await behaviour.json(text, headers={"x-from": side})(exchange)

        return behave

    answers(upstreams, stamped("old"), stamped("new"))
    proxy = start(start_proxy, upstreams, limits={"second_opinions_per_s": 1000})
    assert ask(proxy)[0] == "old"
    wait_until(lambda: ask(proxy)[0] == "new")
    upstreams.new.on("/a", behaviour.json('{"now": 5, "x": 2}', headers={"x-from": "new"}))
    assert ask(proxy)[0] == "old"


def test_a_late_new_side_falls_back(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    gate = Gate()
    answers(upstreams, says("old"), behaviour.gated(gate, says("new")))
    proxy = start(start_proxy, upstreams, wait_ms=50)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").header("x-from") == "old"
    gate.open()
    ledger = proxy.settled(1)
    assert (ledger["match"], ledger.rescued) == (1, 0), "it is compared all the same"
    assert verified(proxy) == (0, 1)


def test_a_new_side_that_is_late_in_its_body_falls_back(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    gate = Gate()

    async def halting(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nsa")
        await gate.wait()
        await exchange.send(b"me")

    answers(upstreams, says("old"), halting)
    proxy = start(start_proxy, upstreams, wait_ms=50)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").header("x-from") == "old"
    gate.open()
    assert proxy.settled(1).outcomes == {"match": 1}
    assert verified(proxy) == (0, 1)


FAULTS: dict[str, Behaviour] = {
    "resets": behaviour.reset_after_request(),
    "closes": behaviour.close_after_request(),
    "answers 500": says("new", b"oops", 500),
    "breaks a short answer off": behaviour.truncate(b"sa", 4),
    "breaks a chunked answer off": behaviour.truncate_chunked(b"sa"),
    "breaks a long answer off": behaviour.truncate(b"x" * 200_000, 400_000),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_failing_new_side_falls_back(upstreams: Upstreams, start_proxy: StartProxy, fault: Behaviour) -> None:
    """Whatever of the answer has come: the client has seen nothing of it. So even a long one can be rescued."""
    answers(upstreams, says("old"), fault)
    proxy = start(start_proxy, upstreams)
    assert ask(proxy) == ("old", b"same")
    assert proxy.settled(1).rescued == 1
    assert verified(proxy) == (0, 1)


def test_a_new_side_that_is_not_there(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    answers(upstreams, says("old"), says("new"))
    proxy = start(start_proxy, upstreams)
    upstreams.new.refuse()
    assert ask(proxy) == ("old", b"same")
    ledger = proxy.settled(1)
    assert (ledger["new_failed"], ledger.rescued) == (1, 1)


@pytest.mark.parametrize(
    "fault",
    [FAULTS["resets"], FAULTS["breaks a short answer off"], FAULTS["breaks a long answer off"]],
    ids=["resets", "breaks a short answer off", "breaks a long answer off"],
)
def test_without_an_old_answer_the_client_gets_the_new_one(
    upstreams: Upstreams, start_proxy: StartProxy, fault: Behaviour
) -> None:
    answers(upstreams, fault, says("new"))
    proxy = start(start_proxy, upstreams)
    assert ask(proxy) == ("new", b"same")
    ledger = proxy.settled(1)
    assert (ledger["old_failed"], ledger.rescued) == (1, 0)
    assert verified(proxy) == (0, 0)


def test_an_error_of_the_old_side_is_its_answer(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    answers(upstreams, says("old", b"oops", 500), says("new"))
    proxy = start(start_proxy, upstreams)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 500
    assert proxy.settled(1).rescued == 0
    assert verified(proxy) == (0, 1)


def test_both_fail(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    answers(upstreams, FAULTS["resets"], FAULTS["resets"])
    proxy = start(start_proxy, upstreams)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").status == 502
    ledger = proxy.settled(1)
    assert (ledger["both_failed"], ledger.rescued) == (1, 0)


@pytest.mark.parametrize("framed", [True, False], ids=["length", "chunked"])
def test_large_answers_pass_up_to_the_cap(upstreams: Upstreams, start_proxy: StartProxy, framed: bool) -> None:
    size = 500_000
    upstreams.on("/a", behaviour.download(size, framed=framed))
    upstreams.on("/b", behaviour.download(size + 1, framed=framed))
    proxy = start(start_proxy, upstreams, limits={"body_bytes": size})
    block = behaviour.pattern(1 << 16)
    for target, length, expected in (("/a", size, (1, 0)), ("/b", size + 1, (0, 1))):
        body = ask(proxy, target)[1]
        assert len(body) == length
        assert all(body[at : at + len(block)] == block[: length - at] for at in range(0, length, len(block)))
        assert verified(proxy, f"GET {target}") == expected
    ledger = proxy.settled(2)
    assert (ledger["match"], ledger["response_too_large"]) == (1, 1)
    proxy.release()


def test_what_memory_has_no_room_for_falls_back(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.on("/a", behaviour.download(300_000))
    proxy = start(start_proxy, upstreams, limits={"memory_bytes": 200_000, "body_bytes": 1_000_000})
    assert len(ask(proxy)[1]) == 300_000
    assert proxy.settled(1).outcomes == {"overload": 1}
    assert verified(proxy) == (0, 1)
    proxy.release()


def test_trailers_pass(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    upstreams.on("/a", behaviour.chunked([b"sa", b"me"], {"trailer": "x-sum"}, [("x-sum", "1")]))
    proxy = start(start_proxy, upstreams)
    with RawClient(proxy.address) as client:
        client.send(request("/a", headers={"te": "trailers"}))
        answer = client.answer()
    assert answer.body == b"same"
    assert answer.message.trailers == ((b"x-sum", b"1"),)
    proxy.idle()
    assert verified(proxy) == (1, 0)


def test_a_stream_of_events_is_the_old_side_s(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """It never ends, so it is never proved, and must not be held."""
    gate = Gate()

    def events(side: bytes) -> Behaviour:
        async def behave(exchange: Exchange) -> None:
            await exchange.body()
            head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            await exchange.send(head + behaviour.chunk(b"data: " + side + b"\n\n"))
            await gate.wait()
            await exchange.send(behaviour.chunk(b"") + b"\r\n")

        return behave

    answers(upstreams, events(b"old"), events(b"new"))
    proxy = start(start_proxy, upstreams)
    with RawClient(proxy.address) as client:
        client.send(request("/a"))
        assert client.piece_after_head() == b"data: old\n\n"
        gate.open()
        client.rest()
    assert proxy.settled(1).outcomes == {"streaming": 1}
    assert verified(proxy) == (0, 1)


def test_an_old_side_that_breaks_off_once_it_streams_cannot_be_helped(
    upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    gate = Gate()
    answers(upstreams, behaviour.truncate(b"x" * 200_000, 400_000, gate=gate), behaviour.download(400_000))
    proxy = start(start_proxy, upstreams, limits={"body_bytes": 100_000})
    with RawClient(proxy.address) as client:
        client.send(request("/a"))
        assert client.piece_after_head()
        gate.open()
        with pytest.raises(ClosedError):
            client.rest()
    assert proxy.settled(1).outcomes == {"response_too_large": 1}
    assert proxy.side("old")["truncated"] == 1


def test_a_client_that_leaves(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    gate = Gate()
    upstreams.on("/a", behaviour.gated(gate, says("x")))
    proxy = start(start_proxy, upstreams)
    with RawClient(proxy.address) as client:
        client.send(request("/a"))
        wait_until(lambda: gate.waiting == 2)
        client.reset()
    wait_until(lambda: proxy.counters()["connections"]["open"] == 0)
    gate.open()
    assert proxy.settled(1).outcomes == {"client_gone": 1}
    proxy.release()


@pytest.mark.parametrize(("everywhere", "here"), [(False, True), (True, False), (True, None), (False, None)])
def test_a_route_decides_for_itself(
    upstreams: Upstreams, start_proxy: StartProxy, everywhere: bool, here: bool | None
) -> None:
    answers(upstreams, says("old", b"right"), says("new", b"wrong"))
    proxy = start(
        start_proxy,
        upstreams,
        verify={"everywhere": everywhere, "wait_ms": NEVER},
        routes=[route("/a", verify=here)],
    )
    verifies = everywhere if here is None else here
    assert ask(proxy)[0] == ("old" if verifies else "new")


def test_clients_of_the_old_side_wait_for_nobody(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    gate = Gate()
    answers(upstreams, says("old"), behaviour.gated(gate, says("new")))
    proxy = start(start_proxy, upstreams, 0)
    with RawClient(proxy.address) as client:
        assert client.ask("/a").header("x-from") == "old"
    gate.open()
    proxy.settled(1)
    assert verified(proxy) == (0, 0)


@pytest.mark.parametrize("why", ["sample", "route", "overload"])
def test_what_is_not_copied_is_the_old_side_s(upstreams: Upstreams, start_proxy: StartProxy, why: str) -> None:
    """Without a second answer nothing is proved."""
    changes: dict[str, Json] = {
        "sample": {"sample_ppm": 0},
        "route": {"routes": [route("/a", mirror=False)]},
        "overload": {"limits": {"shadows": 0}},
    }
    answers(upstreams, says("old"), says("new"))
    proxy = start(start_proxy, upstreams, **changes[why])
    assert ask(proxy)[0] == "old"
    assert upstreams.new.count() == 0


def test_a_write_to_one_side_goes_where_the_weight_sends_it(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    answers(upstreams, says("old"), says("new"))
    proxy = start(start_proxy, upstreams)
    with RawClient(proxy.address) as client:
        assert client.ask("/a", "POST", body=b"w").header("x-from") == "new"
    assert proxy.settled(1).outcomes == {"method_not_mirrored": 1}
    assert upstreams.old.count() == 0


@pytest.mark.parametrize("body", [b"same", b"other"])
def test_a_write_to_both_is_verified_and_sent_once(upstreams: Upstreams, start_proxy: StartProxy, body: bytes) -> None:
    answers(upstreams, says("old"), says("new", body))
    proxy = start(start_proxy, upstreams, databases="separate")
    upload = behaviour.pattern(300_000)
    with RawClient(proxy.address) as client:
        answer = client.ask("/a", "POST", body=upload)
    assert answer.body == b"same"
    assert answer.header("x-from") == ("new" if body == b"same" else "old")
    proxy.settled(1)
    assert [(seen.body, seen.method) for seen in upstreams.old.requests] == [(upload, "POST")]
    assert [(seen.body, seen.method) for seen in upstreams.new.requests] == [(upload, "POST")]
    assert [proxy.endpoint("POST /a")[side]["missed_writes"] for side in ("old", "new")] == [0, 0]


@pytest.mark.parametrize("fault", [FAULTS["resets"], FAULTS["answers 500"]], ids=["resets", "answers 500"])
def test_a_write_that_the_new_side_failed_is_missed_there(
    upstreams: Upstreams, start_proxy: StartProxy, fault: Behaviour
) -> None:
    answers(upstreams, says("old"), fault)
    proxy = start(start_proxy, upstreams, databases="separate")
    with RawClient(proxy.address) as client:
        assert client.ask("/a", "POST", body=b"w").header("x-from") == "old"
    assert proxy.settled(1).rescued == 1
    assert proxy.endpoint("POST /a")["new"]["missed_writes"] == 1
    assert (upstreams.old.count(), upstreams.new.count()) == (1, 1)


def test_the_new_side_has_the_copy(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    answers(upstreams, says("old"), says("new"))
    proxy = start(start_proxy, upstreams)
    assert ask(proxy) == ("new", b"same")
    marked = [origin.requests[0].header("x-parallelrun-shadow") for origin in upstreams.both]
    assert marked == [None, "1"]


def test_an_upload_that_is_too_large_for_a_copy_is_the_old_side_s(
    upstreams: Upstreams, start_proxy: StartProxy
) -> None:
    """Nobody knows how long it is before it ends. The new side, which has only a part of it, misses the write."""
    answers(upstreams, says("old"), says("new"))
    proxy = start(start_proxy, upstreams, databases="separate", limits={"body_bytes": 100_000})
    upload = behaviour.pattern(300_000)
    with RawClient(proxy.address) as client:
        client.send(request("/a", "POST", {"transfer-encoding": "chunked"}))
        client.send(behaviour.chunk(upload) + behaviour.chunk(b"") + b"\r\n")
        assert client.answer("POST").header("x-from") == "old"
    ledger = proxy.settled(1)
    assert (ledger["request_too_large"], ledger.rescued) == (1, 0)
    assert verified(proxy, "POST /a") == (0, 1)
    assert [seen.body for seen in upstreams.old.to("/a")] == [upload]
    assert [proxy.endpoint("POST /a")[side]["missed_writes"] for side in ("old", "new")] == [0, 1]


def test_an_upload_does_not_wait_for_the_new_side_to_read_it(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    answers(upstreams, says("old"), behaviour.stop_reading())
    limits = {"body_bytes": 100_000_000, "memory_bytes": 200_000_000, "shadow_ms": 500}
    proxy = start(start_proxy, upstreams, databases="separate", wait_ms=10, limits=limits)
    with RawClient(proxy.address) as client:
        answer = client.ask("/a", "POST", body=behaviour.pattern(20_000_000))
    assert answer.header("x-from") == "old"
    assert upstreams.old.to("/a")[0].message.length == 20_000_000


def test_the_comparison_waits_for_no_other(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Copies have them all busy: what is not proved in time falls back."""

    def numbers(count: int, space: str, side: str) -> Behaviour:
        """A long answer, which is the same however it is spaced."""
        return behaviour.json(f"[{f',{space}'.join(['123456'] * count)}]", headers={"x-from": side})

    for target, count in (("/long", 200_000), ("/a", 40_000)):
        upstreams.old.on(target, numbers(count, "", "old"))
        upstreams.new.on(target, numbers(count, " ", "new"))
    limits = {"body_bytes": 10_000_000, "memory_bytes": 1_000_000_000}
    proxy = start(start_proxy, upstreams, 0, wait_ms=50, limits=limits)
    with RawClient(proxy.address) as client:
        for _ in range(10):
            client.ask("/long")
        proxy.set_weight(100)
        assert client.ask("/a").header("x-from") == "old"
        assert proxy.counters()["in_flight"] > 0, "the others are not through yet"
    proxy.settled(11)
    assert verified(proxy) == (0, 1)


def test_a_long_stream_is_no_failure(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """It does not end in time while the client still reads the old side's: neither does that one."""
    gate = Gate()

    async def forever(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n")
        await exchange.send(behaviour.chunk(b"first"))
        await gate.wait()
        await exchange.send(behaviour.chunk(b"") + b"\r\n")

    answers(upstreams, forever, forever)
    proxy = start(start_proxy, upstreams, wait_ms=10, limits={"shadow_ms": 100})
    with RawClient(proxy.address) as client:
        client.send(request("/a"))
        assert client.piece_after_head() == b"first"
        wait_until(lambda: proxy.counters()["shadows"]["in_flight"] == 0)
        gate.open()
        client.rest()
    assert proxy.settled(1).outcomes == {"streaming": 1}
    assert proxy.endpoint("GET /a")["failures"]["new_only"] == 0


def test_what_the_client_has_not_taken_is_reserved(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    size = 30_000_000
    answers(upstreams, behaviour.download(size + 1), says("new"))
    proxy = start(start_proxy, upstreams, limits={"body_bytes": size, "memory_bytes": 10 * size})
    with RawClient(proxy.address) as client:
        client.send(request("/a"))
        wait_until(lambda: proxy.counters()["endpoints"] and verified(proxy) == (0, 1))
        time.sleep(0.2)
        assert proxy.counters()["memory"]["reserved"] > size // 2
        assert client.answer().message.length == size + 1
    proxy.settled(1)
    proxy.release()


def test_the_ledger_is_exact_under_everything(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """Each fault in turn on one connection, equal and unequal answers between them."""
    proxy = start(start_proxy, upstreams, wait_ms=20, new={"timeout_ms": 100}, limits={"shadow_ms": 300})
    faults = [*FAULTS.values(), behaviour.hang(), behaviour.drip(b"same", 0.05), says("new"), says("new", b"wrong")]
    upstreams.old.on("/a", says("old"))
    upstreams.new.on("/a", behaviour.in_turn(*faults * 3))
    with RawClient(proxy.address) as client:
        for _ in faults * 3:
            assert client.ask("/a").body == b"same"
    proxy.settled(len(faults) * 3)
    passed, fell_back = verified(proxy)
    assert passed + fell_back == len(faults) * 3
    assert passed <= 2 * 3
    proxy.release()
