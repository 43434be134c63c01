"""Request smuggling: whatever the client's bytes are, a side gets one well-formed request with their meaning, or none.

The assertions are over the bytes that the strict origins recorded; that these are well formed is asserted when the
origins are closed (a violation fails the test that caused it).
"""

import contextlib

import pytest

from tests.support.fixtures import StartProxy, Upstreams
from tests.support.message import ViolationError
from tests.support.proxy import RunningProxy
from tests.support.rawclient import Answer, ClosedError, RawClient, request

from .smuggling_cases import CASES, Case

REFUSALS = {*range(400, 500), 501, 505}


@pytest.fixture
def separate(upstreams: Upstreams, start_proxy: StartProxy) -> RunningProxy:
    """With separate databases the copy carries the body too, so both sides are under attack."""
    return start_proxy(old=upstreams.old.url, new=upstreams.new.url, databases="separate")


@pytest.mark.parametrize("step", [None, 1], ids=["whole", "bytewise"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_request_or_none(separate: RunningProxy, upstreams: Upstreams, case: Case, step: int | None) -> None:
    if step == 1 and len(case.raw) > 5000:
        step = 1000
    with RawClient(separate.address) as client:
        client.send_slowly(case.raw, step or len(case.raw))
        answer: Answer | None = None
        with contextlib.suppress(ClosedError):
            answer = client.answer(case.method)
        if answer is not None and answer.status == 200:
            assert case.want != "refused", "an ambiguous request was forwarded"
        else:
            assert case.want != "forwarded", answer
            assert answer is None or answer.status in REFUSALS
            assert client.until_closed() == b""  # nothing after the refusal is taken for a request
    separate.settled()
    for origin in upstreams.both:
        whole = [seen for seen in origin.requests if seen.message.complete]
        assert all("smuggled" not in seen.target for seen in origin.requests)
        if answer is not None and answer.status == 200:
            (seen,) = whole
            assert (seen.method, seen.target, seen.body) == (case.method, case.target, case.body)
        else:
            assert whole == []


@pytest.mark.parametrize("weight", [0, 100])
@pytest.mark.parametrize("chunk", [b"0x5", b"-5", b"5g", b"f" * 100])
def test_a_malformed_body_is_the_clients_mistake(separate: RunningProxy, chunk: bytes, weight: int) -> None:
    """A 408 would say that it came too late, and some clients send the same again."""
    separate.set_weight(weight)
    with RawClient(separate.address) as client:
        client.send(request("/a", "POST", {"transfer-encoding": "chunked"}) + chunk + b"\r\nhello\r\n0\r\n\r\n")
        assert client.answer().status == 400
        assert client.until_closed() == b""
    assert separate.settled(1).outcomes == {"client_gone": 1}


@pytest.mark.parametrize(
    "start",
    [
        b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\nhello",
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nhello",
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n" + request("/b")[:9],
    ],
)
def test_a_request_that_never_ends_is_never_whole(separate: RunningProxy, upstreams: Upstreams, start: bytes) -> None:
    with RawClient(separate.address) as client:
        client.send(start)
        with contextlib.suppress(ClosedError, TimeoutError):
            client.sock.settimeout(0.3)
            assert client.answer().status in REFUSALS
    ledger = separate.settled()
    assert set(ledger.outcomes) <= {"client_gone", "request_too_large"}
    for origin in upstreams.both:
        assert not any(seen.message.complete for seen in origin.requests)


def test_what_follows_a_good_request_keeps_its_place(
    separate: RunningProxy, upstreams: Upstreams, client: RawClient
) -> None:
    """A bad request behind a good one in the same segment: the good one is served, the rest is not."""
    with RawClient(separate.address) as both:
        both.send(request("/good", "POST", body=b"x") + CASES["TE chunked, identity"].raw)
        assert both.answer().status == 200
        with contextlib.suppress(ClosedError):
            assert both.answer().status in REFUSALS
        assert both.until_closed() == b""
    separate.settled()
    assert [seen.target for seen in upstreams.old.requests] == ["/good"]


def test_a_client_reads_only_well_formed_refusals(separate: RunningProxy) -> None:
    for name, case in CASES.items():
        if case.want != "refused":
            continue
        with RawClient(separate.address) as client:
            client.send(case.raw)
            try:
                answer = client.answer(case.method)
            except ClosedError:
                continue
            except ViolationError as violation:
                pytest.fail(f"{name}: {violation}")
            assert answer.status in REFUSALS, name
