"""Rescue: the new side should have served and failed; the client gets the old side's answer and notices nothing."""

import pytest

from tests.support import behaviour
from tests.support.background import Gate
from tests.support.exchange import Behaviour
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import RunningProxy, route
from tests.support.rawclient import ClosedError, RawClient, request
from tests.support.wait import wait_until

FAULTS: dict[str, Behaviour] = {
    "resets after the head": behaviour.reset_after_head(),
    "resets after the request": behaviour.reset_after_request(),
    "closes instead of an answer": behaviour.close_after_request(),
    "is no HTTP": behaviour.raw(b"nonsense\r\n\r\n", close=True),
    "hangs": behaviour.hang(),
    "answers 500": behaviour.reply(500, b"oops"),
    "answers 503": behaviour.reply(503, b"busy", {"retry-after": "5"}),
    "answers 600": behaviour.reply(600, b"what"),
    "breaks a short answer off": behaviour.truncate(b"half", 1000),
    "drips a short answer": behaviour.drip(b"slow", 3600.0),
}


@pytest.fixture
def shifted(upstreams: Upstreams, start_proxy: StartProxy) -> RunningProxy:
    """The new side serves everybody."""
    upstreams.old.default = behaviour.reply(200, b"old")
    upstreams.new.default = behaviour.reply(200, b"new")
    proxy = start_proxy(
        old=upstreams.old.url,
        new={"url": upstreams.new.url, "timeout_ms": 300},
        limits={"second_opinions_per_s": 0},
    )
    proxy.set_weight(100)
    return proxy


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_a_read_is_rescued(shifted: RunningProxy, upstreams: Upstreams, fault: Behaviour, warm: bool) -> None:
    upstreams.new.on("/fault", fault)
    with RawClient(shifted.address) as client:
        if warm:  # on a kept connection too
            assert client.ask("/fine").body == b"new"
            shifted.idle()
        for _ in range(3):
            answer = client.ask("/fault")
            assert (answer.status, answer.body) == (200, b"old")
    ledger = shifted.settled(3 + warm)
    assert ledger.rescued == 3
    assert shifted.endpoint("GET /fault")["rescued"] == 3
    assert upstreams.old.count("/fault") == 3, "the rescue was another request to the old side"


def test_a_new_side_that_refuses(shifted: RunningProxy, upstreams: Upstreams) -> None:
    upstreams.new.refuse()
    with RawClient(shifted.address) as client:
        assert [client.ask("/a").body for _ in range(3)] == [b"old"] * 3
        upstreams.new.listen()
        assert client.ask("/a").body == b"new"
    ledger = shifted.settled(4)
    assert ledger.rescued == 3
    assert ledger["new_failed"] == 3


def test_a_new_side_that_resets_every_connection(shifted: RunningProxy, upstreams: Upstreams) -> None:
    upstreams.new.at_accept = "reset"
    with RawClient(shifted.address) as client:
        assert [client.ask("/a").body for _ in range(5)] == [b"old"] * 5
    assert shifted.settled(5).rescued == 5


def test_a_new_side_that_accepts_and_says_nothing(shifted: RunningProxy, upstreams: Upstreams) -> None:
    upstreams.new.at_accept = "hang"
    with RawClient(shifted.address) as client:
        assert client.ask("/a").body == b"old"
    assert shifted.settled(1).outcomes == {"new_failed": 1}
    assert shifted.side("new")["failures"]["timeout"] == 1


def test_a_5xx_that_both_share_is_the_answer(shifted: RunningProxy, upstreams: Upstreams) -> None:
    upstreams.old.on("/fault", behaviour.reply(500, b"old oops"))
    upstreams.new.on("/fault", behaviour.reply(502, b"new oops"))
    with RawClient(shifted.address) as client:
        answer = client.ask("/fault")
    assert (answer.status, answer.body) == (502, b"new oops")
    assert shifted.settled(1).rescued == 0


@pytest.mark.parametrize("status", [400, 404, 429])
def test_a_4xx_is_an_answer(shifted: RunningProxy, upstreams: Upstreams, status: int) -> None:
    upstreams.new.on("/a", behaviour.reply(status, b"no"))
    with RawClient(shifted.address) as client:
        assert client.ask("/a").status == status
    assert shifted.settled(1).rescued == 0


def test_both_fail(shifted: RunningProxy, upstreams: Upstreams) -> None:
    upstreams.new.on("/fault", behaviour.reset_after_request())
    upstreams.old.on("/fault", behaviour.reset_after_request())
    with RawClient(shifted.address) as client:
        assert client.ask("/fault").status == 502
        assert client.ask("/fine").body == b"new"
    ledger = shifted.settled(2)
    assert (ledger["both_failed"], ledger.rescued) == (1, 0)


def test_the_old_side_failing_as_a_shadow_is_not_seen(shifted: RunningProxy, upstreams: Upstreams) -> None:
    upstreams.old.on("/fault", behaviour.reset_after_request())
    with RawClient(shifted.address) as client:
        assert client.ask("/fault").body == b"new"
    ledger = shifted.settled(1)
    assert ledger.outcomes == {"old_failed": 1}
    assert ledger.rescued == 0


def test_the_rescue_waits_for_a_slow_old_side(shifted: RunningProxy, upstreams: Upstreams) -> None:
    gate = Gate()
    upstreams.old.on("/fault", behaviour.gated(gate, behaviour.reply(200, b"old, late")))
    upstreams.new.on("/fault", behaviour.reset_after_request())
    with RawClient(shifted.address) as client:
        client.send(request("/fault"))
        wait_until(lambda: gate.waiting)
        gate.open()
        assert client.answer().body == b"old, late"
    assert shifted.settled(1).rescued == 1


def test_a_long_answer_that_breaks_cannot_be_rescued(shifted: RunningProxy, upstreams: Upstreams) -> None:
    """Part of it has been sent: the client must see that it is not whole."""
    upstreams.new.on("/fault", behaviour.truncate(b"x" * 300_000, 3_000_000))
    with RawClient(shifted.address) as client:
        client.send(request("/fault"))
        with pytest.raises(ClosedError):
            client.answer()
    ledger = shifted.settled(1)
    assert (ledger["new_failed"], ledger.rescued) == (1, 0)
    assert shifted.side("new")["truncated"] == 1


def test_a_rescued_upload_is_whole(upstreams: Upstreams, start_proxy: StartProxy) -> None:
    """With separate databases the old side has the body too, and its answer serves."""
    upstreams.old.on("/up", behaviour.echo())
    upstreams.new.on("/up", behaviour.reset_mid_upload(1000))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")
    proxy.set_weight(100)
    body = behaviour.pattern(300_000)
    with RawClient(proxy.address) as client:
        client.send(request("/up", "POST", body=body))
        answer = client.answer()
    assert (answer.status, answer.body) == (200, body)
    ledger = proxy.settled(1)
    assert (ledger["new_failed"], ledger.rescued) == (1, 1)
    assert (upstreams.old.count(), upstreams.new.count()) == (1, 1)


@pytest.mark.parametrize("rescue", ["new", "both"])
def test_the_old_side_is_rescued_where_the_config_says_so(
    upstreams: Upstreams, start_proxy: StartProxy, rescue: str
) -> None:
    upstreams.old.on("/fault", behaviour.reset_after_request())
    upstreams.new.default = behaviour.reply(200, b"new")
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url, rescue=rescue)
    with RawClient(proxy.address) as client:
        answer = client.ask("/fault")
    if rescue == "both":
        assert (answer.status, answer.body) == (200, b"new")
    else:
        assert answer.status == 502
    ledger = proxy.settled(1)
    assert ledger.outcomes == {"old_failed": 1}
    assert ledger.rescued == (rescue == "both")


@pytest.mark.parametrize("why", ["sample", "route"])
def test_without_a_copy_under_way_a_read_is_asked_again(
    upstreams: Upstreams, start_proxy: StartProxy, why: str
) -> None:
    """No copy was sent; asking the old side afterwards changes nothing for a read without a body."""
    upstreams.old.default = behaviour.reply(200, b"old")
    changes = {"sample_ppm": 0} if why == "sample" else {"routes": [route("/{*all}", mirror=False)]}
    proxy = start_proxy(old=upstreams.old.url, new={"url": upstreams.new.url, "timeout_ms": 300}, **changes)
    proxy.set_weight(100)
    upstreams.new.on("/reset", behaviour.reset_after_request())
    upstreams.new.on("/half", behaviour.truncate(b"half", 1000))
    upstreams.new.on("/drip", behaviour.drip(b"slow", 3600.0))
    upstreams.new.on("/busy", behaviour.reply(503))
    with RawClient(proxy.address) as client:
        assert client.ask("/reset").body == b"old"
        assert client.ask("/busy").body == b"old"
        assert client.ask("/half").body == b"old"
        assert client.ask("/drip").body == b"old"
        upstreams.new.refuse()
        assert client.ask("/refused").body == b"old"
    assert proxy.settled(5).rescued == 5
    assert upstreams.old.count() == 5


def test_only_the_failing_requests_are_rescued(shifted: RunningProxy, upstreams: Upstreams) -> None:
    flaky = behaviour.in_turn(*[behaviour.reply(200, b"new"), behaviour.reply(500, b"oops")] * 10)
    upstreams.new.on("/flaky", flaky)
    with RawClient(shifted.address) as client:
        assert [client.ask("/flaky").body for _ in range(20)] == [b"new", b"old"] * 10
    assert shifted.settled(20).rescued == 10
