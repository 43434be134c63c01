"""What a broken or hostile side sends: the client gets a well-formed answer, or none, and never somebody else's."""

import contextlib
from dataclasses import dataclass

import pytest

from tests.support import behaviour
from tests.support.fixtures import StartProxy, Upstreams
from tests.support.proxy import RunningProxy
from tests.support.rawclient import Answer, ClosedError, RawClient, request

EVIL = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nevil!"


@dataclass(frozen=True)
class Case:
    """An upstream's bytes, and the body that a client may get from them (None: no answer but an error)."""

    raw: bytes
    body: bytes | None = None
    method: str = "GET"
    breaks_late: bool = False
    """It turns bad in a body of unknown length, of which part may have been passed on by then."""


def ok(fields: bytes, body: bytes = b"hello") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + body


TE = b"transfer-encoding: chunked\r\n"

CASES = {
    "CL beside TE": Case(ok(b"content-length: 3\r\n" + TE, b"5\r\nhello\r\n0\r\n\r\n"), b"hello"),
    "CL twice, different": Case(ok(b"content-length: 5\r\ncontent-length: 3\r\n")),
    "CL list, different": Case(ok(b"content-length: 5, 3\r\n")),
    "CL twice the same": Case(ok(b"content-length: 5\r\ncontent-length: 5\r\n"), b"hello"),
    "CL minus": Case(ok(b"content-length: -5\r\n")),
    "CL letters": Case(ok(b"content-length: five\r\n")),
    "CL past 64 bits": Case(ok(b"content-length: 99999999999999999999999\r\n")),
    "TE then unknown": Case(ok(b"transfer-encoding: chunked, x\r\n", b"5\r\nhello\r\n0\r\n\r\n")),
    "TE in 1.0": Case(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    "chunk size bad": Case(ok(TE, b"0x5\r\nhello\r\n0\r\n\r\n"), breaks_late=True),
    "chunk size huge": Case(ok(TE, b"f" * 17 + b"\r\nhello\r\n0\r\n\r\n"), breaks_late=True),
    "chunk data too long": Case(ok(TE, b"5\r\nhello!\r\n0\r\n\r\n"), breaks_late=True),
    "no last chunk": Case(ok(TE, b"5\r\nhello\r\n"), breaks_late=True),
    "too short": Case(ok(b"content-length: 10\r\n")),
    "bare CR in a value": Case(ok(b"x: a\rset-cookie: evil=1\r\ncontent-length: 5\r\n")),
    "NUL in a value": Case(ok(b"x: a\x00b\r\ncontent-length: 5\r\n")),
    "space before colon": Case(ok(b"content-length : 5\r\n")),
    "folded": Case(ok(b"x: a\r\n b\r\ncontent-length: 5\r\n")),
    "no colon": Case(ok(b"x\r\ncontent-length: 5\r\n")),
    "status of two digits": Case(b"HTTP/1.1 20 OK\r\ncontent-length: 5\r\n\r\nhello"),
    "status of four digits": Case(b"HTTP/1.1 2000 OK\r\ncontent-length: 5\r\n\r\nhello"),
    "another protocol": Case(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "HTTP/2 unasked": Case(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 3),
    "head without end": Case(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n"),
    "nothing": Case(b""),
    "head too large": Case(ok(b"x: " + b"a" * 1_000_000 + b"\r\ncontent-length: 5\r\n")),
    "too many fields": Case(ok(b"".join(b"x-%d: a\r\n" % number for number in range(5000)) + b"content-length: 5\r\n")),
    "101 unasked": Case(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello"),
    "many interim answers": Case(b"HTTP/1.1 102 Processing\r\n\r\n" * 50 + ok(b"content-length: 5\r\n"), b"hello"),
    "two answers": Case(ok(b"content-length: 5\r\n") + EVIL, b"hello"),
    "204 with a body": Case(b"HTTP/1.1 204 No\r\ncontent-length: 46\r\n\r\n" + EVIL, b""),
    "304 with a body": Case(b"HTTP/1.1 304 Not\r\ncontent-length: 46\r\n\r\n" + EVIL, b""),
    "304 with a length that is none": Case(b"HTTP/1.1 304 Not\r\ncontent-length: five\r\n\r\n"),
    "HEAD with two lengths": Case(ok(b"content-length: 5\r\ncontent-length: 6\r\n", b""), None, "HEAD"),
    "HEAD with a body": Case(ok(b"content-length: 46\r\n", EVIL), b"", "HEAD"),
}  # fmt: skip


def ask(client: RawClient, method: str) -> Answer | None:
    """The answer, None where the connection broke off."""
    client.send(request("/bad", method))
    with contextlib.suppress(ClosedError):
        return client.answer(method)
    return None


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_from_the_serving_side(proxy: RunningProxy, upstreams: Upstreams, client: RawClient, case: Case) -> None:
    upstreams.old.on("/bad", behaviour.raw(case.raw, close=not case.raw.endswith(EVIL)))
    answer = ask(client, case.method)
    if answer is not None and answer.status < 500:
        assert case.body is not None, f"{answer.status} {answer.body!r} from {case.raw[:200]!r}"
        assert answer.body == case.body
    elif answer is not None:
        assert answer.status == 502
    assert case.body is None or answer is not None
    with RawClient(proxy.address) as others:
        for number in range(4):  # over both workers, and over every connection that may have been kept
            assert others.ask(f"/others/{number}").body == f"GET /others/{number}".encode()
    if answer is not None and answer.status < 500:
        assert client.ask("/mine").body == b"GET /mine"
    proxy.settled()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_from_the_shadow_side(proxy: RunningProxy, upstreams: Upstreams, client: RawClient, case: Case) -> None:
    upstreams.old.on("/bad", behaviour.reply(200, b"fine"))
    upstreams.new.on("/bad", behaviour.raw(case.raw, close=not case.raw.endswith(EVIL)))
    for _ in range(2):
        assert client.ask("/bad", case.method).body == (b"fine" if case.method == "GET" else b"")
        assert client.ask("/good").body == b"GET /good"
    ledger = proxy.settled(4)
    assert ledger["match"] + ledger["new_failed"] + ledger["mismatch"] == 4, ledger
    assert ledger["match"] >= 2


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_from_the_new_side_that_serves(upstreams: Upstreams, start_proxy: StartProxy, case: Case) -> None:
    """What cannot be passed on is covered by the old side's answer, unless part of it has been passed on already."""
    upstreams.old.on("/bad", behaviour.reply(200, b"fine"))
    upstreams.new.on("/bad", behaviour.raw(case.raw, close=not case.raw.endswith(EVIL)))
    proxy = start_proxy(old=upstreams.old.url, new=upstreams.new.url)
    proxy.set_weight(100)
    with RawClient(proxy.address) as client:
        answer = ask(client, case.method)
    ledger = proxy.settled(1)
    if answer is None:
        assert case.breaks_late
        assert ledger.outcomes == {"new_failed": 1}
        return
    assert answer.body in (b"fine" if case.method == "GET" else b"", case.body)
    assert ledger.rescued == (1 if case.body is None else 0)


@pytest.mark.parametrize(("fields", "status"), [(100, 200), (101, 502)])
def test_an_answer_of_too_many_fields_is_a_failure(
    proxy: RunningProxy, upstreams: Upstreams, client: RawClient, fields: int, status: int
) -> None:
    lines = "".join(f"x-{number}: v\r\n" for number in range(fields - 1))
    upstreams.old.on("/many", behaviour.raw(f"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{lines}\r\n".encode()))
    assert client.ask("/many").status == status
    proxy.settled(1)
    assert proxy.side("old")["failures"]["protocol"] == (status == 502)
